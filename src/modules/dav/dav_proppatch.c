/* dav_proppatch.c - PROPPATCH: properties are set and removed, all that a request names or none (RFC 4918 s9.2). */
#define PN_LOG_MODULE &pn_module_dav
#include "dav.h"

#include <sys/stat.h>
#include <pinion/log.h>

#include "dav_check.h"
#include "dav_entry.h"

#define VALUE_MAX ((size_t)16 << 20)
#define CHANGES_MAX 1000

/* One instruction, in the order of the document. */
struct change {
    const struct dav_node *node;
    bool                   removes;
    int                    status;
    /* for taking it back */
    bool                   done, existed;
    struct dav_prop        before;
    mode_t                 mode_before;
};

struct patching {
    apr_pool_t         *pool;
    pn_str              file;
    bool                collection;
    apr_array_header_t *changes; /* of struct change */
    bool                failed;
    int                 error;
};

/* ---- instructions ---- */

static int add_changes(apr_array_header_t *changes, const struct dav_node *instruction, bool removes)
{
    const struct dav_node *prop = dav_xml_child(instruction, PN_STR("prop"));

    if (!prop)
        return 400;
    for (const struct dav_node *node = dav_xml_first(prop); node; node = dav_xml_next(node)) {
        if (changes->nelts >= CHANGES_MAX)
            return 413;
        APR_ARRAY_PUSH(changes, struct change) = (struct change){ .node = node, .removes = removes };
    }
    return 0;
}

static int take_changes(const struct dav_node *root, apr_array_header_t *changes)
{
    int status = root && dav_xml_is(root, PN_STR("propertyupdate")) ? 0 : 400;

    for (const struct dav_node *node = status ? NULL : dav_xml_first(root); node && status == 0; node = dav_xml_next(node)) {
        bool sets = dav_xml_is(node, PN_STR("set")), removes = dav_xml_is(node, PN_STR("remove"));
        if (sets || removes)
            status = add_changes(changes, node, removes);
    }
    return status ? status : changes->nelts ? 0 : 400;
}

/* What can be said before anything is touched. */
static int judge(const struct change *change, bool collection)
{
    bool writable = false;

    if (!dav_is_live(change->node->ns, change->node->name, &writable))
        return 0;
    if (!writable || collection || change->removes)
        return 403; /* RFC 4918 s9.2.1: cannot-modify-protected-property */
    const struct dav_node *value = change->node->first;
    bool flag = value && value->is_text && !value->next && (pn_str_eq(value->text, PN_STR("T")) || pn_str_eq(value->text, PN_STR("F")));
    return flag ? 0 : 409;
}

/* ---- the job ---- */

static int set_executable(struct patching *job, struct change *change)
{
    struct stat st;

    if (stat(job->file.p, &st) != 0)
        return errno;
    change->mode_before = st.st_mode & 0777;
    mode_t mode = change->node->first->text.p[0] == 'T' ? change->mode_before | S_IXUSR : change->mode_before & ~(mode_t)S_IXUSR;
    return chmod(job->file.p, mode) == 0 ? 0 : errno;
}

static int set_dead(struct patching *job, struct dav_props *props, const struct change *change)
{
    struct dav_prop prop = { .ns = change->node->ns, .name = change->node->name, .lang = change->node->lang };
    struct pn_buf   value;

    pn_buf_init(&value, job->pool, VALUE_MAX);
    dav_xml_inner(&value, change->node, dav_props_spaces(props));
    return pn_buf_done(&value, &prop.value) == PN_OK ? dav_props_set(props, &prop) : EMSGSIZE;
}

static int apply(struct patching *job, struct dav_props *props, struct change *change)
{
    if (dav_is_live(change->node->ns, change->node->name, NULL))
        return set_executable(job, change);
    change->existed = dav_props_get(props, change->node->ns, change->node->name, &change->before) == 0;
    if (change->removes)
        return dav_props_remove(props, change->node->ns, change->node->name);
    return set_dead(job, props, change);
}

static void take_back(struct patching *job, struct dav_props *props, const struct change *change)
{
    if (dav_is_live(change->node->ns, change->node->name, NULL))
        job->error = chmod(job->file.p, change->mode_before) == 0 ? 0 : errno;
    else if (change->existed)
        job->error = dav_props_set(props, &change->before);
    else
        job->error = dav_props_remove(props, change->node->ns, change->node->name);
}

static void patch_job(void *arg)
{
    struct patching  *job = arg;
    struct dav_props *props;

    job->error = dav_props_open(job->pool, job->file, job->collection, true, &props);
    if (job->error)
        return;
    for (int i = 0; i < job->changes->nelts && !job->failed; i++) {
        struct change *change = &APR_ARRAY_IDX(job->changes, i, struct change);
        int            error = apply(job, props, change);
        change->done = error == 0;
        change->status = error ? dav_status_of_errno(error) : 0;
        job->failed = error != 0;
    }
    for (int i = job->failed ? job->changes->nelts : 0; i-- > 0;) {
        struct change *change = &APR_ARRAY_IDX(job->changes, i, struct change);
        if (change->done)
            take_back(job, props, change);
    }
    dav_props_close(props);
}

/* ---- the answer ---- */

static void put_propstats(struct pn_buf *out, const apr_array_header_t *changes, int status)
{
    bool open = false;

    for (int i = 0; i < changes->nelts; i++) {
        const struct change *change = &APR_ARRAY_IDX(changes, i, struct change);
        if (change->status != status)
            continue;
        if (!open)
            pn_buf_lit(out, "<D:propstat>\n<D:prop>\n");
        open = true;
        dav_xml_empty(out, change->node->ns, change->node->name);
        pn_buf_ch(out, '\n');
    }
    if (!open)
        return;
    pn_buf_printf(out, "</D:prop>\n<D:status>HTTP/1.1 %s</D:status>\n", pn_status_line(status).p);
    if (status == 403)
        pn_buf_lit(out, "<D:error><D:cannot-modify-protected-property/></D:error>\n");
    pn_buf_lit(out, "</D:propstat>\n");
}

static enum pn_verdict answer(struct pn_request *r, const struct dav_resource *what, const struct patching *job)
{
    static const int statuses[] = { 200, 403, 409, 424, 500, 507 };
    struct pn_buf    out;
    pn_str           text;

    for (int i = 0; i < job->changes->nelts; i++) {
        struct change *change = &APR_ARRAY_IDX(job->changes, i, struct change);
        if (!change->status)
            change->status = job->failed ? 424 : 200;
    }
    pn_buf_init(&out, r->pool, VALUE_MAX);
    pn_buf_lit(&out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:multistatus xmlns:D=\"DAV:\">\n<D:response>\n<D:href>");
    dav_xml_text(&out, dav_href(r->pool, what, what->file, what->collection), false);
    pn_buf_lit(&out, "</D:href>\n");
    for (size_t i = 0; i < PN_COUNT(statuses); i++)
        put_propstats(&out, job->changes, statuses[i]);
    pn_buf_lit(&out, "</D:response>\n</D:multistatus>\n");
    return pn_buf_done(&out, &text) == PN_OK ? dav_answer_xml(r, 207, text) : pn_reject_quietly(r, 500);
}

enum pn_verdict dav_proppatch(struct pn_request *r)
{
    struct patching     job = { 0 };
    struct dav_resource what;
    struct dav_check    check;
    struct dav_node    *root = NULL;
    int                 status = dav_resource_of(r, &what);

    if (status == 0 && !what.exists)
        status = 404;
    if (status == 0)
        status = dav_read_xml(r, &root);
    job.changes = apr_array_make(r->pool, 8, sizeof(struct change));
    if (status == 0)
        status = take_changes(root, job.changes);
    if (status == 0)
        status = dav_check(r, &(struct dav_target){ .what = &what }, 1, &check);
    if (status)
        return pn_reject_quietly(r, status);
    for (int i = 0; i < job.changes->nelts; i++) {
        struct change *change = &APR_ARRAY_IDX(job.changes, i, struct change);
        change->status = judge(change, what.collection);
        job.failed = job.failed || change->status;
    }
    job.pool = dav_pool(r);
    job.file = what.file;
    job.collection = what.collection;
    if (!job.failed && pn_run_blocking(r, patch_job, &job) != PN_OK)
        return pn_reject_quietly(r, 503);
    if (job.error) {
        PN_LOG_R(r, PN_LOG_ERR, 21472, job.error, "The properties of %s cannot be written", what.file.p);
        if (!job.failed)
            return pn_reject_quietly(r, dav_status_of_errno(job.error));
    }
    return answer(r, &what, &job);
}
