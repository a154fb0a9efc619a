/* cgi_head.c - the head of a script's answer, taken over into the request. The grammar is the one strict parser's
 * (proto/h1_head.h); here is what the fields mean. RFC 3875 s6; Apache's ap_scan_script_header_err. */
#include <pinion/cgi.h>

#include "http/request_core.h"
#include "proto/validator.h"

/* As for requests, but for the room: a script is the site's own. */
static const struct pn_h1_limits limits = {
    .line_bytes = 8190, .field_bytes = 64 * 1024, .fields = 1000, .head_bytes = PN_CGI_HEAD_MAX, .strict = true
};

pn_rc pn_cgi_head_end(struct pn_cgi_scan *scan, pn_str bytes, size_t *ret_end, const char **ret_why)
{
    struct pn_h1_scan inner = { .kind = PN_H1_SCRIPT, .at = scan->at, .start = scan->start, .line_start = scan->line_start,
                                .lines = scan->lines };
    enum pn_h1_fault  fault = PN_H1_FINE;
    pn_rc             rc = pn_h1_find_end(&inner, bytes, &limits, ret_end, &fault);

    *scan = (struct pn_cgi_scan){ .at = inner.at, .start = inner.start, .line_start = inner.line_start, .lines = inner.lines };
    if (rc == PN_BAD || rc == PN_LIMIT)
        *ret_why = pn_h1_fault_text(fault);
    return rc;
}

/* "404 Not Found"; what is no status is a 500 of the script, its content stays (COMPAT: 2.4). */
static void take_status(struct pn_request *r, pn_str value)
{
    pn_str   rest = value, code = pn_str_word(&rest);
    uint64_t number = 0;

    if (code.n != 3 || pn_str_to_u64(code, 999, &number) != PN_OK || number < 100) {
        r->status = 500;
        return;
    }
    r->status = (int)number;
    r->reason = pn_str_trim(rest);
}

static void take_type(struct pn_request *r, pn_str value)
{
    size_t end = pn_str_chr(value, ';', 0);
    pn_str type = pn_str_head(value, end == SIZE_MAX ? value.n : end);

    pn_set_content_type(r, PN_CAT(r->pool, pn_str_lower(r->pool, type), pn_str_from(value, type.n)));
}

static void take_modified(struct pn_request *r, pn_str value)
{
    pn_wall when;

    if (pn_http_date_parse(value, &when) != PN_OK)
        return;
    r->mtime = when;
    pn_headers_set(&r->out, PN_HDR_LAST_MODIFIED, value);
}

static void take_field(struct pn_request *r, const struct pn_header *f, bool *has_status)
{
    switch (f->id) {
    case PN_HDR_CONTENT_TYPE: take_type(r, f->value); return;
    case PN_HDR_LAST_MODIFIED: take_modified(r, f->value); return;
    case PN_HDR_LOCATION:
    case PN_HDR_ETAG:
    case PN_HDR_CONTENT_RANGE: pn_headers_set(&r->out, (enum pn_hdr)f->id, f->value); return;
    case PN_HDR_CONTENT_LENGTH: /* how long the content is, is seen when it is there */
    case PN_HDR_TRANSFER_ENCODING:
    case PN_HDR_CONNECTION:
    case PN_HDR_KEEP_ALIVE:
    case PN_HDR_DATE:
    case PN_HDR_SERVER: return;
    case PN_HDR_SET_COOKIE: pn_headers_add(&r->err_out, PN_HDR_SET_COOKIE, f->value); return;
    case PN_HDR_STATUS:
        take_status(r, f->value);
        *has_status = true;
        return;
    default: pn_headers_merge_name(&r->err_out, f->name, f->value);
    }
}

pn_rc pn_cgi_head_take(struct pn_request *r, enum pn_cgi_kind kind, char *head, size_t n, bool *ret_has_status,
                       const char **ret_why)
{
    struct pn_h1_response answer;
    struct pn_headers     fields;
    enum pn_h1_fault      fault = PN_H1_FINE;

    *ret_has_status = false;
    if (kind == PN_CGI_PARSED && n >= 5 && memcmp(head, "HTTP/", 5) == 0) {
        *ret_why = "it begins with a status line, which only scripts named nph-... may";
        return PN_BAD;
    }
    if (kind == PN_CGI_NON_PARSED && (n < 5 || memcmp(head, "HTTP/", 5) != 0)) {
        *ret_why = "the answer of a nph- script begins with a status line";
        return PN_BAD;
    }
    if (pn_h1_parse_response(r->pool, head, n, &limits, true, &answer, &fields, &fault) != PN_OK) {
        *ret_why = pn_h1_fault_text(fault);
        return PN_BAD;
    }
    if (answer.status) {
        r->status = answer.status;
        r->reason = answer.reason;
        *ret_has_status = true;
    }
    for (const struct pn_header *f = pn_headers_begin(&fields); f < pn_headers_end(&fields); f++)
        take_field(r, f, ret_has_status);
    return PN_OK;
}

int pn_meets_conditions(struct pn_request *r)
{
    struct pn_validators validators = { .etag = pn_headers_get(&r->out, PN_HDR_ETAG), .last_modified = r->mtime,
                                        .request_time = r->time };

    return pn_conditions_check(&r->in, &validators, r->method_id == PN_METHOD_GET || r->head_only);
}
