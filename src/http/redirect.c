/* redirect.c - answers that send the client elsewhere, requests that are run anew for another URL, and look-ups of other
 * URLs on behalf of a request. */
#define PN_LOG_MODULE &pn_module_core
#include <pinion/log.h>

#include "http/request_core.h"
#include <pinion/uri.h>

enum pn_verdict pn_redirect_external(struct pn_request *r, int status, pn_str location)
{
    if (location.n && location.p[0] == '/')
        location = pn_self_url(r, location);
    pn_headers_set(&r->out, PN_HDR_LOCATION, location);
    return pn_reject_quietly(r, status);
}

void pn__carry_env(struct pn_request *to, const struct pn_request *from, int status)
{
    apr_table_t              *env = pn_env(to);
    const apr_array_header_t *all = from->env ? apr_table_elts(from->env) : NULL;

    for (int i = 0; all && i < all->nelts; i++) {
        const apr_table_entry_t *e = &APR_ARRAY_IDX(all, i, apr_table_entry_t);
        if (e->key)
            apr_table_setn(env, PN_CAT(to->pool, PN_STR("REDIRECT_"), pn_str_z(e->key)).p, e->val);
    }
    apr_table_setn(env, "REDIRECT_STATUS", pn_str_printf(to->pool, "%d", status).p);
    pn_str url = from->path.p ? from->path : PN_STR("");
    if (pn_core_dir(from->dir_conf)->qualify_redirect_url)
        url = pn_self_url(to, url);
    apr_table_setn(env, "REDIRECT_URL", url.p);
    if (from->query.p)
        apr_table_setn(env, "REDIRECT_QUERY_STRING", pn_str_zdup(to->pool, from->query));
}

static unsigned max_redirects(const struct pn_request *r)
{
    int64_t set = pn_core_server(r->server)->max_redirects;

    return set ? (unsigned)set : PN_MAX_REDIRECTS;
}

static unsigned max_subrequests(const struct pn_request *r)
{
    int64_t set = pn_core_server(r->server)->max_subrequests;

    return set ? (unsigned)set : PN_MAX_SUBREQUESTS;
}

enum pn_verdict pn_redirect_internal(struct pn_request *r, pn_str url)
{
    if (r->redirects >= max_redirects(r))
        return pn_reject(r, 500, PN_LOG_MODULE, 124, "more than %u internal redirects for one request (LimitInternalRecursion): "
                         "do rules of the configuration point at each other?", max_redirects(r));
    struct pn_request *to = pn__request_derive(r);
    r->next = to;
    to->prev = r;
    to->redirects = r->redirects + 1;
    to->err_out = r->err_out;
    if (pn_headers_has(&r->out, PN_HDR_VARY)) /* what led here is a reason for what comes out */
        pn_headers_set(&to->out, PN_HDR_VARY, pn_headers_joined(&r->out, r->pool, PN_HDR_VARY));
    to->notes = r->notes;
    to->core->framing = r->core->framing;
    to->core->content_length = r->core->content_length;
    to->core->body_in = r->core->body_in;
    to->core->body_in_done = r->core->body_in_done;
    to->expecting_100 = r->expecting_100;
    pn__carry_env(to, r, 200);
    int status = pn__request_set_target(to, url);
    if (status == 0 && pn__run_phase(to, to->server->plan, PN_PHASE_POST_READ_REQUEST) == PN_REJECTED)
        status = to->core->reject_status;
    if (status == 0)
        status = pn__pipeline_lookup(to);
    if (status == 0 && !to->next)
        status = pn__pipeline_handle(to);
    if (status) {
        while (to->next)
            to = to->next;
        pn__error_answer(to, status);
    }
    return PN_HANDLED;
}

enum pn_verdict pn_take_over(struct pn_request *r, struct pn_request *sub)
{
    r->raw_path = sub->raw_path;
    r->path = sub->path;
    if (sub->query.p)
        r->query = sub->query;
    r->filename = sub->filename;
    r->path_info = sub->path_info;
    r->finfo = sub->finfo;
    r->file = sub->file;
    r->dir_conf = sub->dir_conf;
    r->content_type = sub->content_type;
    r->handler = sub->handler;
    r->content_encoding = sub->content_encoding;
    r->languages = sub->languages;
    r->charset = sub->charset;
    r->vlist_validator = sub->vlist_validator;
    r->path_info_policy = sub->path_info_policy;
    r->core->place = sub->core->place ? pn__place_take(r, sub->core->place) : r->core->place;
    r->core->output_filters = sub->core->output_filters;
    for (const struct pn_header *f = pn_headers_begin(&sub->out); f < pn_headers_end(&sub->out); f++)
        pn_headers_set_name(&r->out, f->name, f->value);
    for (const struct pn_header *f = pn_headers_begin(&sub->err_out); f < pn_headers_end(&sub->err_out); f++)
        pn_headers_set_name(&r->err_out, f->name, f->value);
    if (sub->env)
        r->env = r->env ? apr_table_overlay(r->pool, sub->env, r->env) : sub->env;
    if (sub->notes)
        r->notes = r->notes ? apr_table_overlay(r->pool, sub->notes, r->notes) : sub->notes;
    r->core->access_ok = true;
    return PN_NEXT;
}

/* ---- subrequests ---- */

static struct pn_request *new_sub(struct pn_request *r, pn_str method)
{
    struct pn_request *sub = pn__request_derive(r);

    sub->main = r;
    sub->core->depth = r->core->depth + 1;
    sub->core->next_sub = r->core->subs;
    r->core->subs = sub;
    sub->method = method.n ? method : PN_STR("GET");
    sub->method_id = pn_method_id(sub->method);
    sub->head_only = sub->method_id == PN_METHOD_HEAD;
    sub->core->framing = PN_FRAMING_NONE;
    if (r->env)
        sub->env = apr_table_copy(r->pool, r->env);
    return sub;
}

static struct pn_request *too_deep(struct pn_request *r, struct pn_request *sub)
{
    PN_LOG_R(r, PN_LOG_ERR, 20016, 0, "more than %u subrequests inside one another for %s (LimitInternalRecursion)", max_subrequests(r), r->path.p);
    sub->status = 500;
    return sub;
}

/* A relative reference is relative to the path of r. */
static pn_str resolve(struct pn_request *r, pn_str url)
{
    size_t slash = pn_str_rchr(r->path, '/');

    if (url.n && url.p[0] == '/')
        return url;
    pn_str base = pn_uri_encode_path(r->pool, pn_str_head(r->path, slash == SIZE_MAX ? 0 : slash + 1));
    return PN_CAT(r->pool, base, url);
}

struct pn_request *pn_sub_lookup(struct pn_request *r, pn_str url, pn_str method)
{
    struct pn_request *sub = new_sub(r, method);

    if (sub->core->depth > max_subrequests(r))
        return too_deep(r, sub);
    int status = pn__request_set_target(sub, resolve(r, url));
    if (status == 0)
        status = pn__pipeline_lookup(sub);
    sub->status = status ? status : 200;
    return sub;
}

struct pn_request *pn_sub_lookup_file(struct pn_request *r, pn_str filename, pn_str path)
{
    struct pn_request *sub = new_sub(r, PN_STR("GET"));
    size_t             slash = pn_str_rchr(r->filename, '/');

    if (sub->core->depth > max_subrequests(r))
        return too_deep(r, sub);
    if (filename.n == 0 || filename.p[0] != '/')
        filename = PN_CAT(r->pool, pn_str_head(r->filename, slash == SIZE_MAX ? 0 : slash + 1), filename);
    sub->filename = filename;
    if (path.n == 0) {
        size_t path_slash = pn_str_rchr(r->path, '/');
        size_t name = pn_str_rchr(filename, '/');
        path = PN_CAT(r->pool, pn_str_head(r->path, path_slash == SIZE_MAX ? 0 : path_slash + 1), pn_str_from(filename, name + 1));
    }
    sub->path = path;
    sub->raw_path = pn_uri_encode_path(r->pool, path);
    sub->target = sub->raw_path;
    int status = pn__pipeline_lookup(sub);
    sub->status = status ? status : 200;
    return sub;
}

pn_rc pn_sub_run(struct pn_request *sub)
{
    if (sub->status != 200)
        return PN_FAILED;
    int status = pn__pipeline_handle(sub);
    struct pn_request *last = sub;
    while (last->next)
        last = last->next;
    if (last != sub) {
        sub->body = last->body;
        last->body = NULL;
        sub->status = last->status;
        sub->content_type = last->content_type;
    }
    if (status)
        sub->status = status;
    if (!sub->body)
        sub->body = pn_body_empty(sub);
    return status == 0 && pn__filters_apply(sub) ? PN_OK : PN_FAILED;
}
