/* dav_common.c - resources, answers and bodies, as all methods of WebDAV need them; see dav.h. */
#define PN_LOG_MODULE &pn_module_dav
#include "dav.h"

#include <pinion/log.h>
#include <pinion/uri.h>

#define ANSWER_MAX ((size_t)16 << 20)

const struct dav_provider *dav_provider_of(const struct pn_request *r)
{
    const struct dav_conf *conf = pn_dir_conf(r, &pn_module_dav);

    return conf->provider.n ? pn_provider(r->server->generation, DAV_GROUP, conf->provider) : NULL;
}

/* ---- names ---- */

pn_str dav_parent(pn_str path)
{
    size_t slash = pn_str_rchr(path, '/');

    return pn_str_head(path, slash == SIZE_MAX || slash == 0 ? 1 : slash);
}

bool dav_is_below(pn_str path, pn_str root)
{
    if (root.n == 1)
        return path.n > 1;
    return path.n > root.n && path.p[root.n] == '/' && memcmp(path.p, root.p, root.n) == 0;
}

bool dav_is_hidden(pn_str name)
{
    return pn_str_eq(name, PN_STR(DAV_STATE_DIR)) || pn_str_starts(name, PN_STR(DAV_TEMP_PREFIX));
}

static pn_str without_slash(apr_pool_t *pool, pn_str path)
{
    size_t n = path.n;

    while (n > 1 && path.p[n - 1] == '/')
        n--;
    return n == path.n ? path : pn_str_dup(pool, pn_str_head(path, n));
}

int dav_resource_of(struct pn_request *r, struct dav_resource *ret)
{
    pn_str name = r->filename;

    if (name.n == 0 || name.p[0] != '/')
        return 404;
    if (r->path_info.n && r->finfo.type == PN_FILE_REGULAR)
        return 400; /* as if a file were a collection */
    if (r->path_info.n > 1 || (r->path_info.n && r->path_info.p[0] != '/'))
        name = PN_CAT(r->pool, r->filename, r->path_info);
    if (r->finfo.type == PN_FILE_OTHER)
        return 403;
    *ret = (struct dav_resource){ .r = r, .path = without_slash(r->pool, r->path), .file = without_slash(r->pool, name),
                                  .info = r->finfo };
    ret->exists = r->finfo.type != PN_FILE_NONE && name.p == r->filename.p;
    ret->collection = ret->exists && r->finfo.type == PN_FILE_DIRECTORY;
    return 0;
}

enum dav_depth dav_depth_of(const struct pn_request *r, enum dav_depth absent)
{
    pn_str value = pn_headers_get(&r->in, PN_HDR_DEPTH);

    if (!value.p)
        return absent;
    value = pn_str_trim(value);
    if (pn_str_ieq(value, PN_STR("infinity")))
        return DAV_DEPTH_INFINITY;
    return pn_str_eq(value, PN_STR("0")) ? DAV_DEPTH_ZERO : pn_str_eq(value, PN_STR("1")) ? DAV_DEPTH_ONE : DAV_DEPTH_BAD;
}

/* ---- memory for jobs ---- */

static apr_status_t destroy_pool(void *pool)
{
    apr_pool_destroy(pool);
    return APR_SUCCESS;
}

apr_pool_t *dav_pool(struct pn_request *r)
{
    apr_pool_t *pool;

    /* below the root pool: APR-util keeps its DBM drivers there, and a thread must not share the loop's memory */
    pn_assert(apr_pool_create(&pool, NULL) == APR_SUCCESS);
    apr_pool_cleanup_register(r->pool, pool, destroy_pool, apr_pool_cleanup_null);
    return pool;
}

void dav_pool_end(struct pn_request *r, apr_pool_t *pool)
{
    apr_pool_cleanup_run(r->pool, pool, destroy_pool);
}

/* ---- bodies ---- */

int dav_read_xml(struct pn_request *r, struct dav_node **ret_root)
{
    pn_str bytes;
    pn_rc  rc;

    *ret_root = NULL;
    if (!pn_has_request_body(r))
        return 0;
    rc = pn_body_read_all(pn_request_body(r), r->pool, pn_xml_body_limit(r), &bytes);
    if (rc == PN_LIMIT) {
        PN_LOG_R(r, PN_LOG_ERR, 21463, 0, "The XML body is larger than LimitXMLRequestBody (%zu bytes)", pn_xml_body_limit(r));
        return 413;
    }
    if (rc != PN_OK)
        return rc == PN_FAILED ? pn_request_body_status(r) : rc == PN_TIMEOUT ? 408 : 400;
    if (bytes.n == 0)
        return 0;
    rc = dav_xml_parse(r->pool, bytes, ret_root);
    if (rc != PN_OK)
        PN_LOG_R(r, PN_LOG_INFO, 21464, 0, "The request body is %s", rc == PN_LIMIT ? "XML that is nested too deeply" : "no XML that is accepted");
    return rc == PN_OK ? 0 : 400;
}

/* ---- answers ---- */

int dav_status_of_errno(int error)
{
    switch (error) {
    case 0: return 200;
    case ENOSPC: case EDQUOT: case EFBIG: case EMSGSIZE: return 507;
    case EACCES: case EPERM: case EROFS: return 403;
    case ENOENT: case ENOTDIR: return 409;
    case ENAMETOOLONG: case EINVAL: case EILSEQ: case ELOOP: return 403;
    case EEXIST: case ENOTEMPTY: case EISDIR: return 409;
    default: return 500;
    }
}

enum pn_verdict dav_answer_xml(struct pn_request *r, int status, pn_str xml)
{
    r->status = status;
    r->content_type = PN_STR("text/xml; charset=\"utf-8\"");
    r->no_local_copy = true;
    r->body = pn_body_bytes(r, xml);
    return PN_HANDLED;
}

enum pn_verdict dav_created(struct pn_request *r, const struct dav_resource *what, bool replaced)
{
    if (replaced)
        return pn_reject_quietly(r, 204);
    pn_headers_set(&r->out, PN_HDR_LOCATION, pn_self_url(r, pn_uri_encode_path(r->pool, what->r->path)));
    return pn_reject_quietly(r, 201);
}

pn_str dav_href(apr_pool_t *pool, const struct dav_resource *top, pn_str file, bool collection)
{
    pn_str rest = pn_str_from(file, top->file.n == 1 ? 0 : top->file.n);
    pn_str base = top->path.n == 1 && rest.n ? PN_STR("") : top->path;
    pn_str path = PN_CAT(pool, base, rest, collection && !(base.n == 1 && rest.n == 0) ? PN_STR("/") : PN_STR(""));

    return pn_uri_encode_path(pool, path);
}

enum pn_verdict dav_multistatus(struct pn_request *r, const struct dav_resource *top, const apr_array_header_t *failures)
{
    struct pn_buf out;
    pn_str        text;

    pn_buf_init(&out, r->pool, ANSWER_MAX);
    pn_buf_lit(&out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:multistatus xmlns:D=\"DAV:\">\n");
    for (int i = 0; i < failures->nelts; i++) {
        const struct dav_failure *failure = &APR_ARRAY_IDX(failures, i, struct dav_failure);
        pn_buf_lit(&out, "<D:response>\n<D:href>");
        dav_xml_text(&out, dav_href(r->pool, top, failure->file, false), false);
        pn_buf_printf(&out, "</D:href>\n<D:status>HTTP/1.1 %s</D:status>\n</D:response>\n", pn_status_line(failure->status).p);
    }
    pn_buf_lit(&out, "</D:multistatus>\n");
    return pn_buf_done(&out, &text) == PN_OK ? dav_answer_xml(r, 207, text) : pn_reject_quietly(r, 500);
}
