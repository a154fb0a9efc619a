/* dav_lock_methods.c - LOCK and UNLOCK (RFC 4918 s9.10, s9.11). */
#define PN_LOG_MODULE &pn_module_dav
#include "dav.h"

#include <apr_uuid.h>
#include <pinion/log.h>
#include <time.h>

#include "dav_check.h"

#define OWNER_MAX ((size_t)16 << 10)

/* What is asked for, and the job that does it with the database to itself. */
struct locking {
    apr_pool_t             *pool;
    struct dav_lock_place   place;
    struct dav_lock         lock;
    const apr_array_header_t *tokens;   /* of a refresh; NULL: a new lock */
    pn_str                  user;
    apr_array_header_t     *failures;   /* of struct dav_failure: members that are locked */
    struct dav_lock         done;       /* what there is now */
    int                     status;     /* 0: done */
    int                     error;      /* errno behind a 5xx */
};

/* ---- the request ---- */

static bool known_lock_type(const struct dav_node *info, bool *ret_exclusive)
{
    const struct dav_node *scope = dav_xml_child(info, PN_STR("lockscope")), *type = dav_xml_child(info, PN_STR("locktype"));

    if (!scope || !type || !dav_xml_child(type, PN_STR("write")))
        return false;
    *ret_exclusive = dav_xml_child(scope, PN_STR("exclusive")) != NULL;
    return *ret_exclusive != (dav_xml_child(scope, PN_STR("shared")) != NULL);
}

/* The owner's element as it was sent, with its namespaces declared in it. */
static pn_rc take_owner(struct pn_request *r, const struct dav_node *info, pn_str *ret)
{
    const struct dav_node *owner = dav_xml_child(info, PN_STR("owner"));
    dav_ns_table          *table = apr_array_make(r->pool, 2, sizeof(pn_str));
    struct pn_buf          inner, all;

    *ret = PN_STR("");
    if (!owner)
        return PN_OK;
    pn_buf_init(&inner, r->pool, OWNER_MAX);
    dav_xml_inner(&inner, owner, table);
    if (inner.full)
        return PN_LIMIT;
    pn_buf_init(&all, r->pool, 2 * OWNER_MAX);
    pn_buf_lit(&all, "<D:owner");
    dav_ns_declare(&all, table);
    pn_buf_ch(&all, '>');
    pn_buf_str(&all, pn_buf_view(&inner));
    pn_buf_lit(&all, "</D:owner>\n");
    return pn_buf_done(&all, ret);
}

/* The first of the times asked for that is understood (RFC 4918 s10.7). @return seconds since 1970; 0: without end. */
static int64_t take_timeout(const struct pn_request *r)
{
    const struct dav_conf *conf = pn_dir_conf(r, &pn_module_dav);
    pn_str                 rest = pn_headers_get_name(&r->in, PN_STR("Timeout")), item;
    uint64_t               seconds;

    if (!rest.p)
        return 0;
    while ((item = pn_header_list_next(&rest)).p) {
        if (pn_str_ieq(item, PN_STR("Infinite")))
            return 0;
        if (!pn_str_istarts(item, PN_STR("Second-")) || pn_str_to_u64(pn_str_from(item, 7), UINT32_MAX, &seconds) != PN_OK)
            continue;
        if ((int64_t)seconds < conf->min_timeout_s)
            seconds = (uint64_t)conf->min_timeout_s;
        return (int64_t)time(NULL) + (int64_t)seconds;
    }
    return 0;
}

static pn_str new_token(apr_pool_t *pool)
{
    char       text[APR_UUID_FORMATTED_LENGTH + 1];
    apr_uuid_t id;

    apr_uuid_get(&id);
    apr_uuid_format(text, &id);
    return PN_CAT(pool, PN_STR(DAV_TOKEN_SCHEME), pn_str_z(text));
}

/* ---- jobs ---- */

struct conflict {
    bool exclusive; /* what is wanted */
    bool found;
};

static bool conflicts(const struct dav_lock *lock, void *arg)
{
    struct conflict *conflict = arg;

    conflict->found = conflict->exclusive || lock->exclusive;
    return conflict->found;
}

/* Locks below stand in the way of one that holds for all below. */
static void find_conflicts(struct locking *job, const struct dav_locks *locks)
{
    struct conflict own = { .exclusive = job->lock.exclusive };

    if (dav_locks_each(locks, job->lock.file, conflicts, &own)) {
        job->status = 423;
        return;
    }
    for (int i = 0; job->lock.infinite && i < locks->all->nelts; i++) {
        const struct dav_lock *lock = &APR_ARRAY_IDX(locks->all, i, struct dav_lock);
        if (dav_is_below(lock->file, job->lock.file) && (job->lock.exclusive || lock->exclusive))
            APR_ARRAY_PUSH(job->failures, struct dav_failure) = (struct dav_failure){ lock->file, 423 };
    }
    job->status = job->failures->nelts ? 207 : 0;
}

static void refresh(struct locking *job, struct dav_lock_db *db)
{
    const struct dav_locks *locks = dav_lock_db_locks(db);
    const struct dav_lock  *found = NULL;

    for (int i = 0; i < job->tokens->nelts && !found; i++)
        found = dav_locks_find(locks, job->lock.file, APR_ARRAY_IDX(job->tokens, i, pn_str));
    if (!found) {
        job->status = 412; /* RFC 4918 s9.10.6 */
        return;
    }
    if (found->user.n && !pn_str_eq(found->user, job->user)) {
        job->status = 403;
        return;
    }
    job->done = *found;
    job->done.expires_s = job->lock.expires_s;
    job->error = dav_lock_db_store(db, &job->done);
}

static void lock_job(void *arg)
{
    struct locking     *job = arg;
    struct dav_lock_db *db = NULL;

    job->error = dav_lock_db_open(job->pool, &job->place, true, &db);
    if (job->error)
        return;
    if (job->tokens)
        refresh(job, db);
    else {
        find_conflicts(job, dav_lock_db_locks(db));
        job->done = job->lock;
        if (job->status == 0)
            job->error = dav_lock_db_store(db, &job->lock);
    }
    dav_lock_db_close(db);
}

static void unlock_job(void *arg)
{
    struct locking         *job = arg;
    struct dav_lock_db     *db = NULL;
    const struct dav_lock  *found;

    job->error = dav_lock_db_open(job->pool, &job->place, true, &db);
    if (job->error)
        return;
    found = dav_locks_find(dav_lock_db_locks(db), job->lock.file, job->lock.token);
    if (!found)
        job->status = 409; /* RFC 4918 s9.11.1 */
    else if (found->user.n && !pn_str_eq(found->user, job->user))
        job->status = 403;
    else
        job->error = dav_lock_db_remove(db, found);
    dav_lock_db_close(db);
}

PN_MAY_YIELD static int run(struct pn_request *r, struct locking *job, void (*fn)(void *arg))
{
    job->pool = dav_pool(r);
    job->failures = apr_array_make(job->pool, 2, sizeof(struct dav_failure));
    if (pn_run_blocking(r, fn, job) != PN_OK)
        return 503;
    if (!job->error)
        return job->status;
    PN_LOG_R(r, PN_LOG_ERR, 21461, job->error, "The lock database %s cannot be written", job->place.path.p);
    return job->error == EMSGSIZE || job->error == ENOSPC ? 507 : 500;
}

/* ---- LOCK ---- */

static enum pn_verdict answer(struct pn_request *r, const struct locking *job, bool is_new)
{
    struct pn_buf out;
    pn_str        text;

    pn_buf_init(&out, r->pool, (size_t)1 << 20);
    pn_buf_lit(&out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:prop xmlns:D=\"DAV:\">\n<D:lockdiscovery>\n");
    dav_lock_write(r, &out, &job->done, (int64_t)time(NULL));
    pn_buf_lit(&out, "</D:lockdiscovery>\n</D:prop>\n");
    if (pn_buf_done(&out, &text) != PN_OK)
        return pn_reject_quietly(r, 500);
    if (!job->tokens)
        pn_headers_set_name(&r->out, PN_STR("Lock-Token"), PN_CAT(r->pool, PN_STR("<"), job->done.token, PN_STR(">")));
    return dav_answer_xml(r, is_new ? 201 : 200, text);
}

static int take_info(struct pn_request *r, const struct dav_node *info, struct locking *job)
{
    if (!dav_xml_is(info, PN_STR("lockinfo")) || !known_lock_type(info, &job->lock.exclusive))
        return 400;
    job->lock.token = new_token(r->pool);
    return take_owner(r, info, &job->lock.owner) == PN_OK ? 0 : 413;
}

PN_MAY_YIELD static enum pn_verdict new_lock(struct pn_request *r, const struct dav_resource *what, struct locking *job)
{
    struct dav_check        check = { .failures = apr_array_make(r->pool, 2, sizeof(struct dav_failure)), .pool = dav_pool(r) };
    const struct dav_target target = { .what = what, .only_read = what->exists, .parent = true };
    int                     status;
    bool                    existed = what->exists;

    status = dav_locks_read(r, check.pool, &check.locks);
    existed = existed || dav_locks_on(check.locks, what->file);
    if (status == 0 && existed) /* a second shared lock on a name adds no member */
        status = dav_check_locked(r, &(struct dav_target){ .what = what, .only_read = true }, 1, &check);
    else if (status == 0)
        status = dav_check_locked(r, &target, 1, &check);
    if (status == 0)
        status = run(r, job, lock_job);
    if (status == 207)
        return dav_multistatus(r, what, job->failures);
    return status ? pn_reject_quietly(r, status) : answer(r, job, !existed);
}

/* Nothing can be locked in a directory that is not there. */
static bool has_parent(const struct pn_request *r, const struct dav_resource *what)
{
    return what->exists || r->path_info.n <= 1;
}

enum pn_verdict dav_lock(struct pn_request *r)
{
    struct locking      job = { .user = r->user.p ? r->user : PN_STR("") };
    struct dav_resource what;
    struct dav_node    *info;
    enum dav_depth      depth = dav_depth_of(r, DAV_DEPTH_INFINITY);
    int                 status = dav_resource_of(r, &what);

    dav_provider_of(r)->lock_place(r, &job.place);
    if (job.place.path.n == 0) { /* no database, no locks */
        pn_headers_set(&r->err_out, PN_HDR_ALLOW, PN_STR("OPTIONS,GET,HEAD,POST,DELETE,TRACE,PROPFIND,PROPPATCH,COPY,MOVE,PUT"));
        return pn_reject_quietly(r, 405);
    }
    if (status == 0)
        status = dav_read_xml(r, &info);
    if (status == 0 && (depth == DAV_DEPTH_ONE || depth == DAV_DEPTH_BAD))
        status = 400;
    if (status == 0 && !has_parent(r, &what))
        status = 409;
    if (status)
        return pn_reject_quietly(r, status);
    job.lock = (struct dav_lock){ .file = what.file, .path = what.path, .user = job.user, .infinite = depth == DAV_DEPTH_INFINITY,
                                  .expires_s = take_timeout(r) };
    if (info) {
        status = take_info(r, info, &job);
        return status ? pn_reject_quietly(r, status) : new_lock(r, &what, &job);
    }
    apr_array_header_t *tokens;
    status = dav_submitted(r, &tokens);
    job.tokens = tokens;
    if (status == 0)
        status = tokens->nelts ? run(r, &job, lock_job) : 400;
    return status ? pn_reject_quietly(r, status) : answer(r, &job, false);
}

/* ---- UNLOCK ---- */

enum pn_verdict dav_unlock(struct pn_request *r)
{
    struct locking      job = { .user = r->user.p ? r->user : PN_STR("") };
    struct dav_resource what;
    pn_str              token = pn_str_trim(pn_headers_get_name(&r->in, PN_STR("Lock-Token")));
    int                 status = dav_resource_of(r, &what);

    if (status == 0 && pn_discard_request_body(r) != PN_OK)
        status = 400;
    if (status == 0 && (token.n < 3 || token.p[0] != '<' || token.p[token.n - 1] != '>'))
        status = 400;
    if (status)
        return pn_reject_quietly(r, status);
    dav_provider_of(r)->lock_place(r, &job.place);
    if (job.place.path.n == 0)
        return pn_reject_quietly(r, 405);
    job.lock.file = what.file;
    job.lock.token = pn_str_n(token.p + 1, token.n - 2);
    status = run(r, &job, unlock_job);
    return pn_reject_quietly(r, status ? status : 204);
}
