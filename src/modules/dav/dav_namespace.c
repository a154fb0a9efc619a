/* dav_namespace.c - DELETE, MKCOL, COPY and MOVE: methods that change which names there are (RFC 4918 s9.3, s9.6, s9.8, s9.9). */
#define PN_LOG_MODULE &pn_module_dav
#include "dav.h"

#include <pinion/log.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dav_check.h"
#include "dav_props.h"
#include "dav_tree.h"

/* What is done on disk, and what came of it. */
struct work {
    apr_pool_t         *pool;
    pn_str              from, to;
    bool                collection;    /* what `from` is */
    bool                to_exists, to_collection;
    bool                deep, moves;
    apr_array_header_t *failures;      /* of struct dav_failure */
    int                 error;         /* of the resource itself */
};

PN_MAY_YIELD static int run(struct pn_request *r, struct work *work, void (*fn)(void *arg))
{
    work->pool = dav_pool(r);
    work->failures = apr_array_make(work->pool, 2, sizeof(struct dav_failure));
    if (pn_run_blocking(r, fn, work) != PN_OK)
        return 503;
    if (!work->error)
        return work->failures->nelts ? 207 : 0;
    int status = dav_status_of_errno(work->error);
    PN_LOG_R(r, status == 409 ? PN_LOG_INFO : PN_LOG_ERR, 21467, work->error, "%s of %s cannot be done", r->method.p, work->from.p);
    return status;
}

static enum pn_verdict refuse(struct pn_request *r, int status, const struct dav_resource *top, const apr_array_header_t *failures)
{
    return status == 207 ? dav_multistatus(r, top, failures) : pn_reject_quietly(r, status);
}

/* What is gone is not locked. */
PN_MAY_YIELD static void drop_locks(struct pn_request *r, const struct dav_check *check, pn_str file)
{
    if (check->locks && check->locks->all->nelts)
        dav_locks_drop(r, file);
}

/* ---- DELETE ---- */

static void delete_job(void *arg)
{
    struct work *work = arg;

    work->error = dav_tree_remove(work->pool, work->from, work->collection, work->failures);
}

static int check_delete(struct pn_request *r, const struct dav_resource *what)
{
    enum dav_depth depth = dav_depth_of(r, DAV_DEPTH_INFINITY);

    if (!what->exists)
        return 404;
    if (depth == DAV_DEPTH_BAD || depth == DAV_DEPTH_ONE || (what->collection && depth != DAV_DEPTH_INFINITY))
        return 400; /* RFC 4918 s9.6.1 */
    return what->file.n == 1 ? 403 : 0;
}

enum pn_verdict dav_delete(struct pn_request *r)
{
    struct dav_resource what;
    struct dav_check    check;
    int                 status = dav_resource_of(r, &what);

    if (status == 0 && pn_discard_request_body(r) != PN_OK)
        status = 400;
    if (status == 0)
        status = check_delete(r, &what);
    if (status)
        return pn_reject_quietly(r, status);
    status = dav_check(r, &(struct dav_target){ .what = &what, .members = what.collection, .parent = true }, 1, &check);
    if (status)
        return refuse(r, status, &what, check.failures);
    struct work work = { .from = what.file, .collection = what.collection };
    status = run(r, &work, delete_job);
    if (status)
        return refuse(r, status, &what, work.failures);
    drop_locks(r, &check, what.file);
    return pn_reject_quietly(r, 204);
}

/* ---- MKCOL ---- */

static void mkcol_job(void *arg)
{
    struct work *work = arg;

    if (mkdir(work->from.p, 0777) != 0)
        work->error = errno;
}

enum pn_verdict dav_mkcol(struct pn_request *r)
{
    struct dav_resource what;
    struct dav_check    check;
    int                 status = dav_resource_of(r, &what);

    if (status)
        return pn_reject_quietly(r, status);
    if (pn_has_request_body(r)) /* RFC 4918 s9.3: a body that we do not understand */
        return pn_reject_quietly(r, pn_discard_request_body(r) == PN_OK ? 415 : 400);
    if (what.exists) {
        pn_headers_set(&r->err_out, PN_HDR_ALLOW, PN_STR("OPTIONS,GET,HEAD,POST,DELETE,TRACE,PROPFIND,PROPPATCH,COPY,MOVE"));
        return pn_reject_quietly(r, 405);
    }
    status = dav_check(r, &(struct dav_target){ .what = &what, .parent = true }, 1, &check);
    struct work work = { .from = what.file };
    if (status == 0)
        status = run(r, &work, mkcol_job);
    return status ? pn_reject_quietly(r, status) : dav_created(r, &what, false);
}

/* ---- COPY and MOVE ---- */

static void copy_move_job(void *arg)
{
    struct work *work = arg;

    if (work->to_exists)
        work->error = dav_tree_remove(work->pool, work->to, work->to_collection, work->failures);
    if (work->error || work->failures->nelts)
        return;
    if (work->moves)
        work->error = dav_tree_move(work->pool, work->from, work->to, work->collection, work->failures);
    else
        work->error = dav_tree_copy(work->pool, work->from, work->to, work->collection, work->deep, work->failures);
}

/* @return 0 or 400. */
static int take_overwrite(const struct pn_request *r, bool *ret_overwrite)
{
    pn_str value = pn_headers_get_name(&r->in, PN_STR("Overwrite"));

    *ret_overwrite = !value.p || pn_str_ieq(pn_str_trim(value), PN_STR("T"));
    return *ret_overwrite || pn_str_ieq(pn_str_trim(value), PN_STR("F")) ? 0 : 400;
}

static int check_depth(const struct pn_request *r, const struct dav_resource *from, bool moves, bool *ret_deep)
{
    enum dav_depth depth = dav_depth_of(r, DAV_DEPTH_INFINITY);

    *ret_deep = depth == DAV_DEPTH_INFINITY;
    if (depth == DAV_DEPTH_BAD || depth == DAV_DEPTH_ONE)
        return 400;
    return moves && from->collection && depth != DAV_DEPTH_INFINITY ? 400 : 0; /* RFC 4918 s9.9.2 */
}

PN_MAY_YIELD static int find_destination(struct pn_request *r, struct dav_resource *ret)
{
    pn_str url = pn_headers_get(&r->in, PN_HDR_DESTINATION);
    int    status;

    if (!url.p)
        return 400;
    status = dav_look_up(r, pn_str_trim(url), ret);
    if (status)
        PN_LOG_R(r, PN_LOG_INFO, 21468, 0, "The destination %s is refused: %d", pn_str_escape(r->pool, url).p, status);
    if (status || dav_provider_of(ret->r))
        return status;
    pn_headers_set(&r->err_out, PN_HDR_ALLOW, PN_STR("OPTIONS,GET,HEAD,POST")); /* what is there may not be written by WebDAV */
    return 405;
}

static int check_pair(const struct dav_resource *from, const struct dav_resource *to, bool overwrite)
{
    if (pn_str_eq(from->file, to->file) || (from->exists && to->exists && from->info.inode == to->info.inode &&
                                            from->info.device == to->info.device && from->info.nlink == 1))
        return 403; /* RFC 4918 s9.8.5 */
    if (from->collection && dav_is_below(to->file, from->file))
        return 403;
    if (dav_is_below(from->file, to->file))
        return 403; /* the source would be removed first */
    return to->exists && !overwrite ? 412 : 0;
}

static bool members_of(const struct dav_resource *what, const apr_array_header_t *failures)
{
    return failures->nelts && dav_is_below(APR_ARRAY_IDX(failures, 0, struct dav_failure).file, what->file);
}

PN_MAY_YIELD static enum pn_verdict copy_or_move(struct pn_request *r, const struct dav_resource *from, const struct dav_resource *to,
                                                 struct work *work)
{
    struct dav_target targets[] = {
        { .what = from, .only_read = !work->moves, .members = from->collection, .parent = true },
        { .what = to, .members = to->collection, .parent = true },
    };
    struct dav_check check;
    int              status;

    status = dav_check(r, targets, PN_COUNT(targets), &check);
    if (status)
        return refuse(r, status, members_of(from, check.failures) ? from : to, check.failures);
    status = run(r, work, copy_move_job);
    if (status)
        return refuse(r, status, to, work->failures);
    if (work->moves)
        drop_locks(r, &check, from->file);
    return dav_created(r, to, to->exists);
}

enum pn_verdict dav_copy_move(struct pn_request *r)
{
    struct dav_resource from, to = { 0 };
    struct work         work = { .moves = r->method_id == PN_METHOD_MOVE };
    bool                overwrite = true;
    int                 status = dav_resource_of(r, &from);

    if (status == 0 && pn_discard_request_body(r) != PN_OK)
        status = 400;
    if (status == 0 && !from.exists)
        status = 404;
    if (status == 0)
        status = take_overwrite(r, &overwrite);
    if (status == 0)
        status = check_depth(r, &from, work.moves, &work.deep);
    if (status == 0)
        status = find_destination(r, &to);
    if (status == 0)
        status = check_pair(&from, &to, overwrite);
    if (status)
        return pn_reject_quietly(r, status);
    work.from = from.file;
    work.to = to.file;
    work.collection = from.collection;
    work.to_exists = to.exists;
    work.to_collection = to.collection;
    return copy_or_move(r, &from, &to, &work);
}
