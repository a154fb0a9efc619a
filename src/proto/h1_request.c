/* h1_request.c - request heads: the request line, and what the fields must say beside it (RFC 9112
 * s3, s6, s9). */
#include "proto/h1_fields.h"

#include <pinion/method.h>

#include "base/ascii.h"
#include "proto/chars.h"
#include "proto/scan16.h"
#include <pinion/uri.h>

enum { VERSION_LEN = 8 /* "HTTP/1.1" */, FIELDS_USUAL = 16 };

/* The unread part of the request line. */
struct line {
    char *p, *end;
    bool  strict;
};

static bool is_separator(const struct line *line)
{
    return line->p < line->end && (*line->p == ' ' || (!line->strict && *line->p == '\t'));
}

/* Steps over what parts two words: one SP, or when lenient any run of SP and HTAB. */
static void skip_separator(struct line *line)
{
    do
        line->p++;
    while (!line->strict && is_separator(line));
}

static enum pn_h1_fault take_method(struct line *line, pn_str *ret_method)
{
    char *start = line->p;

    while (line->p < line->end && pn__char_is(*line->p, PN__CHAR_TOKEN))
        line->p++;
    *ret_method = pn_str_n(start, (size_t)(line->p - start));
    if (line->p == line->end)
        return PN_H1_REQUEST_LINE;
    if (line->p == start || !is_separator(line))
        return pn__h1_stray(line->p, line->end, PN_H1_METHOD);
    skip_separator(line);
    return PN_H1_FINE;
}

static enum pn_h1_fault take_target(struct line *line, pn_str *ret_target)
{
    char *start = line->p;

    line->p = pn__target_end(start, line->end);
    *ret_target = pn_str_n(start, (size_t)(line->p - start));
    if (line->p == start)
        return line->p == line->end || *start == ' '
                   ? PN_H1_REQUEST_LINE
                   : pn__h1_stray(line->p, line->end, PN_H1_TARGET_CHAR);
    if (line->p == line->end)
        return PN_H1_FINE;
    if (!is_separator(line))
        return pn__h1_stray(line->p, line->end, PN_H1_TARGET_CHAR);
    skip_separator(line);
    return PN_H1_FINE;
}

/* Major versions past 1 are taken for 1.1, as Apache does: their own framing never gets here. */
static enum pn_h1_fault take_version(const struct line *line, unsigned *ret_version)
{
    const char *v = line->p;
    size_t      n = (size_t)(line->end - v);

    if (n == VERSION_LEN && PN_LIKELY(memcmp(v, "HTTP/1.", VERSION_LEN - 1) == 0) &&
        pn_ascii_digit(v[7])) {
        *ret_version = v[7] == '0' ? 1000 : 1001;
        return PN_H1_FINE;
    }
    for (size_t i = 0; i < n; i++) {
        if (pn__ends_target(v[i]))
            return pn__h1_stray(v + i, line->end, PN_H1_REQUEST_LINE);
    }
    pn_str name = pn_str_n(v, n < 5 ? n : 5);
    if (n != VERSION_LEN || !pn_ascii_digit(v[5]) || v[6] != '.' || !pn_ascii_digit(v[7]) ||
        v[5] == '0' ||
        !(line->strict ? pn_str_eq(name, PN_STR("HTTP/")) : pn_str_ieq(name, PN_STR("HTTP/"))))
        return PN_H1_VERSION;
    *ret_version = v[5] == '1' && v[7] == '0' ? 1000 : 1001;
    return PN_H1_FINE;
}

/* "GET /path" without a version (RFC 1945 s4.1). */
static enum pn_h1_fault simple_request(const struct pn_h1_limits *limits, struct pn_h1_request *ret)
{
    if (!limits->allow_0_9 || !pn_str_eq(ret->method, PN_STR("GET")) || ret->target.p[0] != '/')
        return PN_H1_SIMPLE_REQUEST;
    ret->version = 9;
    return PN_H1_FINE;
}

static enum pn_h1_fault request_line(apr_pool_t *pool, struct pn__h1_section *section,
                                     struct pn_h1_request *ret)
{
    struct line      line = { .p = section->p, .strict = section->strict };
    enum pn_h1_fault fault = pn__h1_line(section, &line.end);

    if (fault)
        return fault;
    ret->line = pn_str_dup(pool, pn_str_n(line.p, (size_t)(line.end - line.p)));
    if (ret->line.n > section->limits->line_bytes)
        return PN_H1_LINE_TOO_LONG;
    while (!line.strict && line.end > line.p && (line.end[-1] == ' ' || line.end[-1] == '\t'))
        line.end--;
    fault = take_method(&line, &ret->method);
    if (!fault)
        fault = take_target(&line, &ret->target);
    if (!fault)
        fault = line.p == line.end ? simple_request(section->limits, ret)
                                   : take_version(&line, &ret->version);
    if (ret->target.p)
        ((char *)ret->target.p)[ret->target.n] = '\0';
    if (ret->method.p)
        ((char *)ret->method.p)[ret->method.n] = '\0';
    if (!fault && !section->limits->lenient_methods && !pn_method_known(ret->method))
        fault = PN_H1_METHOD_UNKNOWN;
    return fault;
}

/* Of http and https: a host is a must, userinfo is refused (RFC 9110 s4.2.1, s4.2.4). Other
 * schemes are for proxies, which know what they want there. */
static enum pn_h1_fault check_authority(const struct pn_h1_request *request)
{
    pn_str   host;
    uint16_t port;

    if (!pn_str_ieq(request->scheme, PN_STR("http")) &&
        !pn_str_ieq(request->scheme, PN_STR("https")))
        return PN_H1_FINE;
    return pn_authority_split(request->authority, &host, &port) == PN_OK ? PN_H1_FINE
                                                                         : PN_H1_TARGET_AUTHORITY;
}

/* scheme "://" authority [ path ] [ "?" query ] */
static enum pn_h1_fault absolute_form(apr_pool_t *pool, struct pn_h1_request *ret)
{
    pn_str target = ret->target;
    size_t n = 0;

    while (n < target.n && pn__char_is(target.p[n], PN__CHAR_SCHEME))
        n++;
    if (!n || !pn_ascii_alpha(target.p[0]) || !pn_str_starts(pn_str_from(target, n), PN_STR("://")))
        return PN_H1_TARGET_FORM;
    ret->form = PN_TARGET_ABSOLUTE;
    ret->scheme = pn_str_head(target, n);
    pn_str rest = pn_str_from(target, n + 3);
    for (n = 0; n < rest.n && rest.p[n] != '/' && rest.p[n] != '?'; n++)
        continue;
    ret->authority = pn_str_head(rest, n);
    ret->path_query = pn_str_from(rest, n);
    if (ret->path_query.n == 0)
        ret->path_query = PN_STR("/");
    else if (ret->path_query.p[0] == '?')
        ret->path_query = PN_CAT(pool, PN_STR("/"), ret->path_query);
    return check_authority(ret);
}

/* RFC 9112 s3.2 */
static enum pn_h1_fault target_form(apr_pool_t *pool, struct pn_h1_request *ret)
{
    pn_str   target = ret->target, host;
    uint16_t port;

    if (pn_str_chr(target, '#', 0) != SIZE_MAX)
        return PN_H1_TARGET_FRAGMENT;
    if (PN_UNLIKELY(pn_str_eq(ret->method, PN_STR("CONNECT")))) {
        if (pn_authority_split(target, &host, &port) != PN_OK || port == 0)
            return PN_H1_TARGET_FORM;
        ret->form = PN_TARGET_AUTHORITY;
        ret->authority = target;
        return PN_H1_FINE;
    }
    if (target.p[0] != '/' && !pn_str_eq(target, PN_STR("*")))
        return absolute_form(pool, ret);
    if (target.p[0] == '*' && !pn_str_eq(ret->method, PN_STR("OPTIONS")))
        return PN_H1_TARGET_FORM;
    ret->form = target.p[0] == '*' ? PN_TARGET_ASTERISK : PN_TARGET_ORIGIN;
    ret->path_query = target;
    return PN_H1_FINE;
}

/* RFC 9112 s3.2: each rule on Host is a MUST, and holds for an absolute target too. */
static enum pn_h1_fault check_host(const struct pn__h1_section *section,
                                   const struct pn_h1_request  *request,
                                   const struct pn_headers     *headers)
{
    pn_str   host;
    uint16_t port;

    if (!pn_headers_has(headers, PN_HDR_HOST))
        return request->version >= 1001 ? PN_H1_HOST_MISSING : PN_H1_FINE;
    if (pn__h1_twice(section, PN_HDR_HOST))
        return PN_H1_HOST_TWICE;
    if (pn_authority_split(pn_headers_get(headers, PN_HDR_HOST), &host, &port) != PN_OK)
        return PN_H1_HOST;
    return PN_H1_FINE;
}

/* RFC 9112 s3.2.2: what is in an absolute target counts, not what is in Host. */
static void host_from_target(apr_pool_t *pool, const struct pn_h1_request *request,
                             struct pn_headers *headers)
{
    size_t at;

    if (PN_LIKELY(request->form != PN_TARGET_ABSOLUTE))
        return;
    at = pn_str_rchr(request->authority, '@');
    pn_headers_set(headers, PN_HDR_HOST,
                   pn_str_dup(pool, pn_str_from(request->authority, at == SIZE_MAX ? 0 : at + 1)));
}

/* RFC 9110 s10.1.1: a 1.0 client can not take a 100, so its 100-continue is ignored. */
static void read_expect(const struct pn_headers *headers, struct pn_h1_request *ret)
{
    if (PN_LIKELY(!pn_headers_has(headers, PN_HDR_EXPECT)))
        return;
    for (const struct pn_header *f = pn_headers_begin(headers); f < pn_headers_end(headers); f++) {
        if (f->id != PN_HDR_EXPECT)
            continue;
        if (!pn_str_ieq(f->value, PN_STR("100-continue")))
            ret->expect_other = true;
        else if (ret->version >= 1001)
            ret->expect_continue = true;
    }
}

static enum pn_h1_fault fields(apr_pool_t *pool, struct pn__h1_section *section,
                               struct pn_h1_request *ret, struct pn_headers *headers)
{
    struct pn__h1_framing framing = { .kind = PN_FRAMING_NONE };
    enum pn_h1_fault      fault = pn__h1_fields(section, headers);

    if (!fault)
        fault = check_host(section, ret, headers);
    if (!fault)
        fault = pn__h1_framing(section, headers, ret->version, &framing);
    if (fault)
        return fault;
    host_from_target(pool, ret, headers);
    ret->framing = framing.kind;
    ret->content_length = framing.length;
    ret->keep_alive = pn__h1_keep_alive(headers, ret->version);
    read_expect(headers, ret);
    return PN_H1_FINE;
}

pn_rc pn_h1_parse_request(apr_pool_t *pool, char *head, size_t n, const struct pn_h1_limits *limits,
                          struct pn_h1_request *ret, struct pn_headers *ret_headers,
                          enum pn_h1_fault *ret_fault)
{
    struct pn__h1_section section = { .p = head,
                                      .end = head + n,
                                      .limits = limits,
                                      .strict = limits->strict,
                                      .lf_ok = !limits->strict };
    enum pn_h1_fault      fault;

    *ret = (struct pn_h1_request){ 0 };
    pn_headers_init(ret_headers, pool, FIELDS_USUAL);
    fault = request_line(pool, &section, ret);
    if (!fault)
        fault = target_form(pool, ret);
    if (!fault && ret->version > 9)
        fault = fields(pool, &section, ret, ret_headers);
    return pn__h1_refuse(fault, ret_fault);
}
