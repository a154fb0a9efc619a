/* h1_head.c - the list of faults, the heads of answers, and trailers. Requests are in
 * h1_request.c. */
#include "proto/h1_fields.h"

#include "base/ascii.h"
#include "proto/scan16.h"

enum { STATUS_LINE_MIN = 12 /* "HTTP/1.1 200" */, FIELDS_USUAL = 16 };

static const struct {
    int         status;
    const char *text;
} faults[PN_H1_FAULT__COUNT] = {
    [PN_H1_FINE] = { 200, "no fault" },
#define X(id, code, rule) [PN_H1_##id] = { code, rule },
#include "../../data/h1-faults.def"
#undef X
};

int pn_h1_fault_status(enum pn_h1_fault fault)
{
    pn_assert((unsigned)fault < PN_H1_FAULT__COUNT);
    return faults[fault].status;
}

const char *pn_h1_fault_text(enum pn_h1_fault fault)
{
    pn_assert((unsigned)fault < PN_H1_FAULT__COUNT);
    return faults[fault].text;
}

pn_rc pn__h1_refuse(enum pn_h1_fault fault, enum pn_h1_fault *ret_fault)
{
    if (PN_LIKELY(fault == PN_H1_FINE))
        return PN_OK;
    *ret_fault = fault;
    switch (fault) {
    case PN_H1_LINE_TOO_LONG:
    case PN_H1_FIELD_TOO_LONG:
    case PN_H1_TOO_MANY_FIELDS:
    case PN_H1_HEAD_TOO_LARGE:
        return PN_LIMIT;
    default:
        return PN_BAD;
    }
}

/* "HTTP/1.1 200 OK"; the SP before an empty reason is often forgotten, and is not asked for. */
static enum pn_h1_fault status_line(struct pn__h1_section *section, struct pn_h1_response *ret)
{
    char            *p = section->p, *end;
    enum pn_h1_fault fault = pn__h1_line(section, &end);

    if (fault)
        return fault;
    if (end - p < STATUS_LINE_MIN || memcmp(p, "HTTP/1.", 7) != 0 || !pn_ascii_digit(p[7]) ||
        p[8] != ' ')
        return PN_H1_STATUS_LINE;
    if (p[9] < '1' || p[9] > '9' || !pn_ascii_digit(p[10]) || !pn_ascii_digit(p[11]))
        return PN_H1_STATUS_LINE;
    char *reason = p + STATUS_LINE_MIN;
    if (reason < end && *reason++ != ' ')
        return PN_H1_STATUS_LINE;
    char *stop = pn__text_end(reason, end);
    if (stop != end)
        return pn__h1_stray(stop, end, PN_H1_STATUS_LINE);
    *end = '\0';
    ret->version = p[7] == '0' ? 1000 : 1001;
    ret->status = (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
    ret->reason = pn_str_n(reason, (size_t)(end - reason));
    return PN_H1_FINE;
}

static enum pn_h1_fault answer(struct pn__h1_section *section, bool cgi, struct pn_h1_response *ret,
                               struct pn_headers *headers)
{
    struct pn__h1_framing framing = { .kind = PN_FRAMING_TO_CLOSE };
    pn_str                all = { section->p, (size_t)(section->end - section->p) };
    enum pn_h1_fault      fault = PN_H1_FINE;

    if (!cgi || pn_str_starts(all, PN_STR("HTTP/")))
        fault = status_line(section, ret);
    if (!fault)
        fault = pn__h1_fields(section, headers);
    if (!fault)
        fault = pn__h1_framing(section, headers, ret->version, &framing);
    if (fault)
        return fault;
    ret->framing = framing.kind;
    ret->content_length = framing.length;
    ret->keep_alive = pn__h1_keep_alive(headers, ret->version);
    return PN_H1_FINE;
}

pn_rc pn_h1_parse_response(apr_pool_t *pool, char *head, size_t n,
                           const struct pn_h1_limits *limits, bool cgi, struct pn_h1_response *ret,
                           struct pn_headers *ret_headers, enum pn_h1_fault *ret_fault)
{
    struct pn__h1_section section = { .p = head,
                                      .end = head + n,
                                      .limits = limits,
                                      .strict = limits->strict,
                                      .lf_ok = cgi || !limits->strict };

    *ret = (struct pn_h1_response){ .framing = PN_FRAMING_TO_CLOSE };
    pn_headers_init(ret_headers, pool, FIELDS_USUAL);
    return pn__h1_refuse(answer(&section, cgi, ret, ret_headers), ret_fault);
}

pn_rc pn_h1_parse_trailer(apr_pool_t *pool, char *bytes, size_t n,
                          const struct pn_h1_limits *limits, struct pn_headers *ret_headers,
                          enum pn_h1_fault *ret_fault)
{
    struct pn__h1_section section = { .p = bytes,
                                      .end = bytes + n,
                                      .limits = limits,
                                      .strict = limits->strict,
                                      .lf_ok = !limits->strict };

    pn_headers_init(ret_headers, pool, 0);
    return pn__h1_refuse(pn__h1_fields(&section, ret_headers), ret_fault);
}
