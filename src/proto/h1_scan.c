/* h1_scan.c - finds where a message head ends (pn_h1_find_end), without understanding it.
 *
 * Called by the connection for each readiness of a socket until the head is there. Owns nothing;
 * the state is the caller's. Each byte is looked at once, however the head is cut into packets.
 * What can be refused by its line ends and lengths alone is refused here, so that a peer can not
 * make the server buffer what it will not take. */
#include "proto/h1_head.h"

#include "base/ascii.h"
#include "proto/chars.h"
#include "proto/scan16.h"

/* RFC 9112 s2.2 asks for at least one; as many as Apache takes. */
enum { EMPTY_LINES_MAX = 10 };

static pn_rc refuse(pn_rc rc, enum pn_h1_fault fault, enum pn_h1_fault *ret_fault)
{
    *ret_fault = fault;
    return rc;
}

static bool lf_ends_lines(const struct pn_h1_scan *scan, const struct pn_h1_limits *limits)
{
    return !limits->strict || scan->kind == PN_H1_SCRIPT;
}

/* Does a request line end in " HTTP/d.d"? */
static bool has_version(const char *line, size_t n, bool strict)
{
    if (!strict) {
        while (n && (line[n - 1] == ' ' || line[n - 1] == '\t'))
            n--;
    }
    if (n < 9)
        return false;
    const char *v = line + n - 9;
    bool        parted = v[0] == ' ' || (!strict && v[0] == '\t');
    bool        named =
        strict ? memcmp(v + 1, "HTTP/", 5) == 0 : pn_str_ieq(pn_str_n(v + 1, 5), PN_STR("HTTP/"));

    return parted && named && pn_ascii_digit(v[6]) && v[7] == '.' && pn_ascii_digit(v[8]);
}

static inline bool is_request_line(const struct pn_h1_scan *scan)
{
    return scan->lines == 0 && scan->kind == PN_H1_REQUEST;
}

static inline size_t line_max(const struct pn_h1_scan *scan, const struct pn_h1_limits *limits)
{
    return is_request_line(scan) ? limits->line_bytes : limits->field_bytes;
}

static enum pn_h1_fault too_long(const struct pn_h1_scan *scan)
{
    return is_request_line(scan) ? PN_H1_LINE_TOO_LONG : PN_H1_FIELD_TOO_LONG;
}

/* An empty line whose LF is at `lf`: before a request it is skipped, else it ends the head. */
static pn_rc empty_line(struct pn_h1_scan *scan, size_t lf, enum pn_h1_fault *ret_fault)
{
    if (!is_request_line(scan))
        return PN_OK;
    scan->start = scan->line_start = lf + 1;
    if (scan->start > 2 * EMPTY_LINES_MAX)
        return refuse(PN_BAD, PN_H1_EMPTY_LINES, ret_fault);
    return PN_AGAIN;
}

/* What is wrong with the first `n` bytes of a line (without its CR), whether or not they are all
 * of it: a peer learns the same whichever way its bytes are cut. */
static inline pn_rc judge(const struct pn_h1_scan *scan, const char *line, size_t n,
                          const struct pn_h1_limits *limits, enum pn_h1_fault *ret_fault)
{
    if (PN_UNLIKELY(n > line_max(scan, limits)))
        return refuse(PN_LIMIT, too_long(scan), ret_fault);
    /* A TLS hello or other noise need not wait for a line end. */
    if (PN_UNLIKELY(is_request_line(scan) && n && !pn__char_is(line[0], PN__CHAR_TOKEN)))
        return refuse(PN_BAD, PN_H1_METHOD, ret_fault);
    return PN_OK;
}

/* Is the line that ends with the LF at `lf` a field like any other? The path of all lines of a
 * head but two. */
static inline bool usual_line(const struct pn_h1_scan *scan, const char *p, size_t lf,
                              const struct pn_h1_limits *limits)
{
    size_t n = lf - scan->line_start;

    return scan->lines && n > 1 && p[lf - 1] == '\r' && n - 1 <= limits->field_bytes &&
           lf - scan->start < limits->head_bytes;
}

/* Takes the line that ends with the LF at `lf`. PN_OK: it ends the head. */
static pn_rc end_line(struct pn_h1_scan *scan, const char *p, size_t lf,
                      const struct pn_h1_limits *limits, enum pn_h1_fault *ret_fault)
{
    const char *line = p + scan->line_start;
    size_t      n = lf - scan->line_start;
    bool        crlf = n && line[n - 1] == '\r';
    pn_rc       rc;

    if (PN_UNLIKELY(lf - scan->start >= limits->head_bytes))
        return refuse(PN_LIMIT, PN_H1_HEAD_TOO_LARGE, ret_fault);
    n -= crlf;
    rc = judge(scan, line, n, limits, ret_fault);
    if (PN_UNLIKELY(rc != PN_OK))
        return rc;
    if (PN_UNLIKELY(!crlf && !lf_ends_lines(scan, limits)))
        return refuse(PN_BAD, PN_H1_BARE_LF, ret_fault);
    if (n == 0)
        return empty_line(scan, lf, ret_fault);
    if (is_request_line(scan) && !has_version(line, n, limits->strict))
        return PN_OK;
    scan->lines++;
    scan->line_start = lf + 1;
    return PN_AGAIN;
}

/* All bytes are looked at and the head is not complete: is what there is too much already? */
static pn_rc partial(struct pn_h1_scan *scan, pn_str bytes, const struct pn_h1_limits *limits,
                     enum pn_h1_fault *ret_fault)
{
    const char *line = bytes.p + scan->line_start;
    size_t      n = bytes.n - scan->line_start;
    pn_rc       rc;

    scan->at = bytes.n;
    if (n && line[n - 1] == '\r')
        n--; /* perhaps of the line end */
    rc = judge(scan, line, n, limits, ret_fault);
    if (rc != PN_OK)
        return rc;
    if (bytes.n - scan->start >= limits->head_bytes)
        return refuse(PN_LIMIT, PN_H1_HEAD_TOO_LARGE, ret_fault);
    return PN_AGAIN;
}

pn_rc pn_h1_find_end(struct pn_h1_scan *scan, pn_str bytes, const struct pn_h1_limits *limits,
                     size_t *ret_end, enum pn_h1_fault *ret_fault)
{
    size_t at = scan->at;
    pn_rc  rc;

    pn_assert(at <= bytes.n);
    while (at < bytes.n) {
        bool     whole = bytes.n - at >= 16;
        unsigned mask = whole ? pn__mask_byte(bytes.p + at, '\n') : bytes.p[at] == '\n';

        for (; mask; mask &= mask - 1) {
            size_t lf = at + (size_t)__builtin_ctz(mask);

            if (PN_LIKELY(usual_line(scan, bytes.p, lf, limits))) {
                scan->lines++;
                scan->line_start = lf + 1;
                continue;
            }
            rc = end_line(scan, bytes.p, lf, limits, ret_fault);
            if (rc == PN_AGAIN)
                continue;
            if (rc == PN_OK)
                *ret_end = scan->at = lf + 1;
            return rc;
        }
        at += whole ? 16 : 1;
    }
    return partial(scan, bytes, limits, ret_fault);
}
