/* default_handler.c - the core's own handler: the file that the name maps to, OPTIONS, TRACE, and the methods that
 * nothing answers. RFC 9110 s9, s13, s14. */
#define PN_LOG_MODULE &pn_module_core
#include <pinion/log.h>

#include "http/content_digest.h"
#include "http/request_core.h"
#include "http/store.h"
#include "proto/validator.h"

#define BIT(m) (UINT64_C(1) << PN_METHOD_##m)
#define STATIC_METHODS (BIT(GET) | BIT(HEAD) | BIT(POST) | BIT(OPTIONS))

static pn_str allow_value(struct pn_request *r, uint64_t methods)
{
    struct pn_buf out;
    pn_str        text = PN_STR("");

    if (pn_core_server(r->server)->trace != PN_TRACE_OFF)
        methods |= BIT(TRACE);
    if (methods & BIT(GET))
        methods |= BIT(HEAD);
    pn_buf_init(&out, r->pool, 1024);
    for (unsigned m = 1; m < PN_METHOD__COUNT; m++) {
        if (!((methods >> m) & 1))
            continue;
        if (out.n)
            pn_buf_ch(&out, ',');
        pn_buf_str(&out, pn_method_name((enum pn_method)m));
    }
    pn_assert(pn_buf_done(&out, &text) == PN_OK);
    return text;
}

static enum pn_verdict answer_options(struct pn_request *r, uint64_t methods)
{
    pn_headers_set(&r->out, PN_HDR_ALLOW, allow_value(r, methods));
    r->body = pn_body_empty(r);
    return PN_HANDLED;
}

bool pn__method_registered(const struct pn_request *r)
{
    apr_hash_t *methods = pn_core_server(r->conn->generation->servers)->methods;

    return methods && apr_hash_get(methods, r->method.p, (apr_ssize_t)r->method.n);
}

enum pn_verdict pn_allow_methods(struct pn_request *r, uint64_t methods)
{
    if (r->method_id != PN_METHOD_OTHER && ((methods >> r->method_id) & 1))
        return PN_NEXT;
    if (r->method_id == PN_METHOD_HEAD && (methods & BIT(GET)))
        return PN_NEXT;
    if (r->method_id == PN_METHOD_OPTIONS)
        return answer_options(r, methods | BIT(OPTIONS));
    pn_headers_set(&r->err_out, PN_HDR_ALLOW, allow_value(r, methods | BIT(OPTIONS)));
    return pn_reject_quietly(r, r->method_id == PN_METHOD_OTHER && !pn__method_registered(r) ? 501 : 405);
}

/* RFC 9110 s9.3.8: the request as it came, fields that carry secrets included as Apache does. */
static enum pn_verdict answer_trace(struct pn_request *r)
{
    struct pn_buf out;
    pn_str        text = PN_STR("");
    int           trace = pn_core_server(r->server)->trace;

    if (trace == PN_TRACE_OFF) {
        pn_headers_set(&r->err_out, PN_HDR_ALLOW, PN_STR(""));
        return pn_reject_quietly(r, 405);
    }
    if (pn_has_request_body(r) && trace != PN_TRACE_EXTENDED)
        return pn_reject(r, 413, PN_LOG_MODULE, 20014, "TRACE with a request body (TraceEnable extended would echo it)");
    pn_buf_init(&out, r->pool, 1 << 20);
    pn_buf_str(&out, r->line);
    pn_buf_lit(&out, "\r\n");
    for (const struct pn_header *f = pn_headers_begin(&r->in); f < pn_headers_end(&r->in); f++) {
        pn_buf_str(&out, f->name);
        pn_buf_lit(&out, ": ");
        pn_buf_str(&out, f->value);
        pn_buf_lit(&out, "\r\n");
    }
    pn_buf_lit(&out, "\r\n");
    if (pn_buf_done(&out, &text) != PN_OK)
        return pn_reject_quietly(r, 413);
    r->content_type = PN_STR("message/http");
    struct pn_body *parts[] = { pn_body_bytes(r, text), NULL };
    if (!pn_has_request_body(r)) {
        r->body = parts[0];
        return PN_HANDLED;
    }
    parts[1] = pn_request_body(r);
    r->body = pn_body_concat(r, parts, 2);
    return PN_HANDLED;
}

static bool is_conditional(const struct pn_headers *in)
{
    return pn_headers_has(in, PN_HDR_IF_NONE_MATCH) || pn_headers_has(in, PN_HDR_IF_MODIFIED_SINCE) ||
           pn_headers_has(in, PN_HDR_IF_MATCH) || pn_headers_has(in, PN_HDR_IF_UNMODIFIED_SINCE);
}

int pn_check_conditions(struct pn_request *r)
{
    struct pn_validators validators = {
        .etag = pn_headers_get(&r->out, PN_HDR_ETAG), .last_modified = r->mtime, .request_time = r->time
    };

    if (PN_LIKELY(!is_conditional(&r->in)) || r->status != 200 || r->no_local_copy || r->main)
        return 0; /* an ErrorDocument is sent whole, whatever the client has */
    return pn_conditions_check(&r->in, &validators, r->method_id == PN_METHOD_GET || r->head_only);
}

static struct pn_body *file_body(struct pn_request *r, const struct pn_file *file)
{
    const struct pn_core_dir *conf = pn_core_dir(r->dir_conf);

    if (PN_LIKELY(file->bytes.p && conf->enable_mmap))
        return pn_body_bytes(r, file->bytes);
    return pn_body_file(r, file->fd, 0, file->info.size);
}

PN_MAY_YIELD static enum pn_verdict serve_file(struct pn_request *r)
{
    struct pn_file *file = r->file;

    if (!file || file->fd < 0) {
        int error = file ? file->error : EACCES;
        PN_LOG_R(r, PN_LOG_ERR, 132, error, "file permissions deny server access: %s", r->filename.p);
        return pn_reject_quietly(r, 403);
    }
    pn_set_file_validators(r);
    int status = pn_check_conditions(r);
    if (PN_UNLIKELY(status)) { /* 304 or 412: no ErrorDocument, as Apache has it */
        r->status = status;
        r->body = pn_body_empty(r);
        return PN_HANDLED;
    }
    r->body = file_body(r, file);
    if (PN_UNLIKELY(pn_core_dir(r->dir_conf)->content_digest))
        pn__content_digest(r, file);
    return PN_HANDLED;
}

PN_MAY_YIELD static enum pn_verdict serve_path(struct pn_request *r)
{
    const struct pn_core_dir *conf = pn_core_dir(r->dir_conf);


    if (r->finfo.type == PN_FILE_DIRECTORY)
        return pn_reject(r, 404, PN_LOG_MODULE, 129, "Attempt to serve directory: %s", r->filename.p);
    if (r->finfo.type == PN_FILE_NONE) {
        PN_LOG_R(r, PN_LOG_INFO, 128, 0, "File does not exist: %s%s", r->filename.p, r->path_info.n ? r->path_info.p : "");
        return pn_reject_quietly(r, 404);
    }
    if (r->path_info.n && conf->accept_path_info != PN_ACCEPT_PATH_INFO_ON && r->path_info_policy != PN_PATH_INFO_ACCEPT) {
        PN_LOG_R(r, PN_LOG_INFO, 128, 0, "File does not exist: %s%s", r->filename.p, r->path_info.p);
        return pn_reject_quietly(r, 404);
    }
    if (r->finfo.type != PN_FILE_REGULAR)
        return pn_reject(r, 403, PN_LOG_MODULE, 20015, "%s is neither a file nor a directory", r->filename.p);
    return serve_file(r);
}

enum pn_verdict pn__default_handler(struct pn_request *r)
{
    if (PN_UNLIKELY(pn_has_request_body(r)) && !r->main && !r->is_error && pn_discard_request_body(r) != PN_OK)
        return pn_reject_quietly(r, r->core->reject_status ? r->core->reject_status : 400);
    if (PN_LIKELY(r->method_id == PN_METHOD_GET || r->method_id == PN_METHOD_HEAD || r->method_id == PN_METHOD_POST))
        return serve_path(r);
    if (r->method_id == PN_METHOD_OPTIONS)
        return answer_options(r, STATIC_METHODS);
    return pn_allow_methods(r, STATIC_METHODS);
}

enum pn_verdict pn__server_wide(struct pn_request *r)
{
    if (r->method_id == PN_METHOD_TRACE)
        return answer_trace(r);
    if (r->method_id == PN_METHOD_OPTIONS && pn_str_eq(r->path, PN_STR("*"))) {
        r->body = pn_body_empty(r);
        return PN_HANDLED;
    }
    return PN_NEXT;
}

/* RFC 2295 s9.2: the tag of a variant also tells of the list that it was chosen from. */
static pn_str with_vlist(struct pn_request *r, pn_str etag)
{
    return PN_CAT(r->pool, pn_str_head(etag, etag.n - 1), PN_STR(";"), r->vlist_validator, PN_STR("\""));
}

void pn_set_file_validators(struct pn_request *r)
{
    struct pn_place *place = r->core->place;

    r->mtime = r->finfo.mtime;
    if (!place || place->finfo.inode != r->finfo.inode)
        return;
    if (place->last_modified.n)
        pn_headers_set(&r->out, PN_HDR_LAST_MODIFIED, place->last_modified);
    if (place->etag.n && !r->no_etag)
        pn_headers_set(&r->out, PN_HDR_ETAG, PN_LIKELY(!r->vlist_validator.n) ? place->etag : with_vlist(r, place->etag));
    pn_headers_set(&r->out, PN_HDR_ACCEPT_RANGES,
                   PN_LIKELY(pn_core_dir(r->dir_conf)->max_ranges != 0) ? PN_STR("bytes") : PN_STR("none"));
}

pn_str pn_file_etag(struct pn_request *r, const struct pn_finfo *info)
{
    unsigned bits = pn_core_dir(r->dir_conf)->etag_bits;
    char    *tag = apr_pcalloc(r->pool, 64);
    bool     is_new = pn_request_now(r) - info->mtime <= PN_USEC_PER_SEC; /* RFC 9110 s8.8.1 */

    if (bits & (PN_ETAG_NONE | PN_ETAG_DIGEST))
        return PN_STR("");
    memcpy(tag, "W/", 2);
    size_t n = pn__put_tag(tag + 2, bits, info);
    return n ? pn_str_n(tag + (is_new ? 0 : 2), n + (is_new ? 2 : 0)) : PN_STR("");
}

void pn_set_validators(struct pn_request *r, const struct pn_finfo *info)
{
    char *date = apr_palloc(r->pool, PN_HTTP_DATE_LEN + 1);

    r->mtime = info->mtime;
    pn_http_date(info->mtime, date);
    pn_headers_set(&r->out, PN_HDR_LAST_MODIFIED, pn_str_n(date, PN_HTTP_DATE_LEN));
    if (r->no_etag)
        return;
    pn_str tag = pn_file_etag(r, info);
    if (tag.n)
        pn_headers_set(&r->out, PN_HDR_ETAG, tag);
}
