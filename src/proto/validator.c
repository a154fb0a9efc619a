/* validator.c - dates, entity tags and conditional requests (validator.h, RFC 9110 s8.8, s13). */
#include "proto/validator.h"

#include <apr_date.h>
#include <apr_time.h>

enum { DATE_TEXT_MAX = 63 };

/* 9999-12-31 23:59:59, the last second that four digits of a year can say. */
#define LAST_DATE (INT64_C(253402300799) * PN_USEC_PER_SEC)

/* ---- dates ---- */

void pn_http_date(pn_wall when, char to[PN_HTTP_DATE_LEN + 1])
{
    if (when < 0)
        when = 0;
    if (when > LAST_DATE)
        when = LAST_DATE;
    apr_rfc822_date(to, when);
}

pn_rc pn_http_date_parse(pn_str s, pn_wall *ret)
{
    char       text[DATE_TEXT_MAX + 1];
    apr_time_t when;

    if (s.n == 0 || s.n > DATE_TEXT_MAX || memchr(s.p, '\0', s.n))
        return PN_BAD;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    when = apr_date_parse_http(text);
    if (when == APR_DATE_BAD || when < 0)
        return PN_BAD;
    *ret = when;
    return PN_OK;
}

/* HTTP dates have whole seconds. */
static pn_wall whole_seconds(pn_wall when)
{
    return when - when % PN_USEC_PER_SEC;
}

/* ---- entity tags ---- */

static bool is_weak(pn_str etag)
{
    return etag.n >= 2 && etag.p[0] == 'W' && etag.p[1] == '/';
}

static pn_str opaque(pn_str etag)
{
    return is_weak(etag) ? pn_str_from(etag, 2) : etag;
}

bool pn_etag_strong_eq(pn_str a, pn_str b)
{
    return a.n && !is_weak(a) && !is_weak(b) && pn_str_eq(a, b);
}

bool pn_etag_weak_eq(pn_str a, pn_str b)
{
    return a.n && b.n && pn_str_eq(opaque(a), opaque(b));
}

/* Length of the tag at s.p[0], which is no comma or blank. A backslash is a plain byte in a tag
 * (s8.8.3), so that the quoting of other lists does not hold here. */
static size_t tag_length(pn_str s)
{
    size_t quote = is_weak(s) ? 2 : 0;
    size_t end;

    if (quote < s.n && s.p[quote] == '"') {
        end = pn_str_chr(s, '"', quote + 1);
        return end == SIZE_MAX ? s.n : end + 1;
    }
    end = pn_str_chr(s, ',', 0);
    return end == SIZE_MAX ? s.n : end;
}

bool pn_etag_list_has(pn_str list, pn_str etag, bool strong)
{
    if (etag.n == 0)
        return false;
    if (pn_str_eq(pn_str_trim(list), PN_STR("*")))
        return true;
    while (list.n) {
        if (list.p[0] == ',' || list.p[0] == ' ' || list.p[0] == '\t') {
            list = pn_str_from(list, 1);
            continue;
        }
        size_t n = tag_length(list);
        pn_str tag = pn_str_trim(pn_str_head(list, n));
        if (strong ? pn_etag_strong_eq(tag, etag) : pn_etag_weak_eq(tag, etag))
            return true;
        list = pn_str_from(list, n);
    }
    return false;
}

/* ---- conditions ---- */

/* Does any field line of that name hold the tag? An asterisk asks only whether there is a
 * representation. */
static bool tag_listed(const struct pn_headers *request, enum pn_hdr id,
                       const struct pn_validators *validators, bool strong)
{
    bool exists = validators->etag.n || validators->last_modified;

    for (const struct pn_header *f = pn_headers_begin(request); f < pn_headers_end(request); f++) {
        if (f->id != id)
            continue;
        if (exists && pn_str_eq(pn_str_trim(f->value), PN_STR("*")))
            return true;
        if (pn_etag_list_has(f->value, validators->etag, strong))
            return true;
    }
    return false;
}

/* The date of a condition. False when there is none, or none that counts: then the condition is
 * ignored (s13.1.3, s13.1.4). */
static bool condition_date(const struct pn_headers *request, enum pn_hdr id,
                           const struct pn_validators *validators, pn_wall *ret_date)
{
    return pn_headers_has(request, id) && validators->last_modified != 0 &&
           pn_http_date_parse(pn_headers_get(request, id), ret_date) == PN_OK;
}

static bool unmodified_since_fails(const struct pn_headers    *request,
                                   const struct pn_validators *validators)
{
    pn_wall date;

    return condition_date(request, PN_HDR_IF_UNMODIFIED_SINCE, validators, &date) &&
           whole_seconds(validators->last_modified) > date;
}

/* COMPAT: 2.4 ignores a date in the future, which s13.1.3 allows (304 is a SHOULD). */
static bool modified_since_fails(const struct pn_headers    *request,
                                 const struct pn_validators *validators)
{
    pn_wall date;

    if (!condition_date(request, PN_HDR_IF_MODIFIED_SINCE, validators, &date))
        return false;
    if (validators->request_time && date > validators->request_time)
        return false;
    return whole_seconds(validators->last_modified) <= date;
}

int pn_conditions_check(const struct pn_headers *request, const struct pn_validators *validators,
                        bool is_get)
{
    /* RFC 9110 s13.2.2, steps 1 and 2 */
    if (pn_headers_has(request, PN_HDR_IF_MATCH)) {
        if (!tag_listed(request, PN_HDR_IF_MATCH, validators, true))
            return 412;
    }
    else if (unmodified_since_fails(request, validators))
        return 412;
    /* steps 3 and 4 */
    if (pn_headers_has(request, PN_HDR_IF_NONE_MATCH)) {
        if (tag_listed(request, PN_HDR_IF_NONE_MATCH, validators, false))
            return is_get ? 304 : 412;
    }
    else if (is_get && modified_since_fails(request, validators))
        return 304;
    return 0;
}

bool pn_if_range_holds(const struct pn_headers *request, const struct pn_validators *validators)
{
    pn_str  value = pn_str_trim(pn_headers_get(request, PN_HDR_IF_RANGE));
    pn_wall date, modified = whole_seconds(validators->last_modified);

    if (!pn_headers_has(request, PN_HDR_IF_RANGE))
        return true;
    if (is_weak(value) || (value.n && value.p[0] == '"'))
        return pn_etag_strong_eq(value, validators->etag);
    if (!condition_date(request, PN_HDR_IF_RANGE, validators, &date))
        return false;
    /* s13.1.5 item 1: a date counts only if it is a strong validator, and must match exactly. */
    return date == modified && validators->request_time - modified >= PN_USEC_PER_SEC;
}
