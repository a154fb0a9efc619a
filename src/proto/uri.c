/* uri.c - URI references split, decoded, normalised and written (uri.h, RFC 3986).
 *
 * Workload: pn_uri_normalise runs for each request and leaves a plain path alone; the rest is for
 * redirects, proxying and generated pages. */
#include <pinion/uri.h>

#include <pinion/buf.h>

#include "base/ascii.h"
#include "proto/chars.h"

/* ---- splitting ---- */

static bool printable(pn_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= 0x20 || c == 0x7f)
            return false;
    }
    return true;
}

/* Length of a scheme before ':', or 0. */
static size_t scheme_length(pn_str s)
{
    size_t n = 0;

    if (s.n == 0 || !pn_ascii_alpha(s.p[0]))
        return 0;
    while (n < s.n && pn__char_is(s.p[n], PN__CHAR_SCHEME))
        n++;
    return n < s.n && s.p[n] == ':' ? n : 0;
}

static pn_rc split_port(pn_str text, struct pn_uri *uri)
{
    uint64_t port = 0;

    uri->port_text = text;
    if (text.n && pn_str_to_u64(text, UINT16_MAX, &port) != PN_OK)
        return PN_BAD;
    uri->port = (uint16_t)port;
    return PN_OK;
}

/* [ userinfo "@" ] host [ ":" port ] */
static pn_rc split_authority(pn_str s, struct pn_uri *uri)
{
    size_t at = pn_str_rchr(s, '@');
    size_t end;

    if (at != SIZE_MAX) {
        uri->userinfo = pn_str_head(s, at);
        s = pn_str_from(s, at + 1);
    }
    if (s.n && s.p[0] == '[') {
        size_t bracket = pn_str_chr(s, ']', 0);
        if (bracket == SIZE_MAX)
            return PN_BAD;
        end = bracket + 1;
        if (end < s.n && s.p[end] != ':')
            return PN_BAD;
    }
    else {
        end = pn_str_chr(s, ':', 0);
        if (pn_str_chr(s, '[', 0) != SIZE_MAX || pn_str_chr(s, ']', 0) != SIZE_MAX)
            return PN_BAD;
    }
    uri->host = pn_str_head(s, end);
    return end < s.n ? split_port(pn_str_from(s, end + 1), uri) : PN_OK;
}

/* The bytes before the first of `stops`; *s becomes the rest. */
static pn_str take_until(pn_str *s, const char *stops)
{
    size_t n = 0;

    while (n < s->n && !strchr(stops, s->p[n]))
        n++;
    pn_str head = pn_str_head(*s, n);
    *s = pn_str_from(*s, n);
    return head;
}

pn_rc pn_uri_split(pn_str s, struct pn_uri *ret)
{
    struct pn_uri uri = { 0 };
    size_t        n = scheme_length(s);

    if (!s.p)
        s = PN_STR("");
    if (!printable(s))
        return PN_BAD;
    if (n) {
        uri.scheme = pn_str_head(s, n);
        s = pn_str_from(s, n + 1);
    }
    if (pn_str_starts(s, PN_STR("//"))) {
        s = pn_str_from(s, 2);
        if (split_authority(take_until(&s, "/?#"), &uri) != PN_OK)
            return PN_BAD;
    }
    uri.path = take_until(&s, "?#");
    if (s.n && s.p[0] == '?') {
        s = pn_str_from(s, 1);
        uri.query = take_until(&s, "#");
    }
    if (s.n)
        uri.fragment = pn_str_from(s, 1);
    *ret = uri;
    return PN_OK;
}

/* ---- decoding ---- */

/* Value of the escape "%XX" at s.p[i], or -1. */
static int escape_at(pn_str s, size_t i)
{
    int high, low;

    if (s.n - i < 3)
        return -1;
    high = pn_ascii_hex(s.p[i + 1]);
    low = pn_ascii_hex(s.p[i + 2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* Decodes to `to` (s.n bytes). An encoded slash under PN_SLASH_REFUSE counts only if nothing is
 * worse. */
static pn_rc decode(pn_str s, enum pn_slash_policy slashes, char *to, size_t *ret_n)
{
    size_t n = 0;
    pn_rc  rc = PN_OK;

    for (size_t i = 0; i < s.n; i++) {
        int byte = (unsigned char)s.p[i];

        if (byte == '%') {
            byte = escape_at(s, i);
            if (byte == '/' && slashes == PN_SLASH_REFUSE)
                rc = PN_NOT_FOUND;
            if (byte == '/' && slashes == PN_SLASH_KEEP)
                byte = '%'; /* the two digits follow as they are */
            else
                i += 2;
        }
        if (byte <= 0)
            return PN_BAD; /* no escape, or NUL, written as one or not */
        to[n++] = (char)byte;
    }
    *ret_n = n;
    return rc;
}

pn_rc pn_uri_decode(apr_pool_t *pool, pn_str s, pn_str *ret)
{
    char  *to = apr_palloc(pool, s.n + 1);
    size_t n;
    pn_rc  rc = decode(s, PN_SLASH_DECODE, to, &n);

    if (rc != PN_OK)
        return rc;
    to[n] = '\0';
    *ret = pn_str_n(to, n);
    return PN_OK;
}

/* ---- dot segments ---- */

static size_t without_last_segment(const char *p, size_t n)
{
    const char *slash = memrchr(p, '/', n);

    pn_assert(slash);
    return (size_t)(slash - p);
}

/* RFC 3986 s5.2.4 in place; p[0] is '/'. What has been written never overtakes what is read. */
static pn_rc remove_dots(char *p, size_t *n, bool merge_slashes)
{
    size_t to = 0;

    for (size_t at = 0; at < *n;) {
        char  *slash = memchr(p + at + 1, '/', *n - at - 1);
        size_t end = slash ? (size_t)(slash - p) : *n;
        size_t length = end - at - 1;
        bool   last = end == *n;
        bool   up = length == 2 && p[at + 1] == '.' && p[at + 2] == '.';
        bool   nothing = up || (length == 1 && p[at + 1] == '.') || (length == 0 && merge_slashes);

        if (up && to == 0)
            return PN_DENIED;
        if (up)
            to = without_last_segment(p, to);
        if (!nothing) {
            memmove(p + to, p + at, length + 1);
            to += length + 1;
        }
        else if (last)
            p[to++] = '/';
        at = end;
    }
    *n = to;
    return PN_OK;
}

/* Is there nothing to decode, remove or merge? */
static bool is_plain(pn_str path, bool merge_slashes)
{
    for (size_t i = 0; i < path.n; i++) {
        char c = path.p[i];

        if (c == '%' || c == '\0')
            return false;
        if (c == '/' && i + 1 < path.n &&
            (path.p[i + 1] == '.' || (merge_slashes && path.p[i + 1] == '/')))
            return false;
    }
    return true;
}

static pn_rc finish_dots(char *to, size_t n, bool merge_slashes, pn_str *ret)
{
    pn_rc rc = remove_dots(to, &n, merge_slashes);

    if (rc != PN_OK)
        return rc;
    to[n] = '\0';
    *ret = pn_str_n(to, n);
    return PN_OK;
}

pn_rc pn_uri_normalise(apr_pool_t *pool, pn_str raw_path, enum pn_slash_policy slashes,
                       bool merge_slashes, pn_str *ret_path)
{
    char  *to;
    size_t n;
    pn_rc  rc;

    if (raw_path.n == 0 || raw_path.p[0] != '/')
        return PN_BAD;
    if (PN_LIKELY(is_plain(raw_path, merge_slashes))) {
        *ret_path = raw_path;
        return PN_OK;
    }
    to = apr_palloc(pool, raw_path.n + 1);
    rc = decode(raw_path, slashes, to, &n);
    if (rc != PN_OK)
        return rc;
    return finish_dots(to, n, merge_slashes, ret_path);
}

pn_rc pn_uri_remove_dots(apr_pool_t *pool, pn_str path, pn_str *ret)
{
    if (path.n == 0 || path.p[0] != '/')
        return PN_BAD;
    return finish_dots(pn_str_zdup(pool, path), path.n, false, ret);
}

/* ---- writing ---- */

/* Lower-case digits: COMPAT: 2.4 ap_escape_uri. RFC 3986 s2.1 holds both cases equal. */
static void add_escape(struct pn_buf *buf, unsigned char c)
{
    const char escape[3] = { '%', "0123456789abcdef"[c >> 4], "0123456789abcdef"[c & 15] };

    pn_buf_add(buf, escape, sizeof(escape));
}

static pn_str finish(struct pn_buf *buf)
{
    pn_str text = { 0 };
    pn_rc  rc = pn_buf_done(buf, &text);

    pn_assert(rc == PN_OK); /* the maximum was the worst case */
    return text;
}

static pn_str encode(apr_pool_t *pool, pn_str s, unsigned kept)
{
    struct pn_buf buf;

    pn_buf_init(&buf, pool, 3 * s.n + 1);
    for (size_t i = 0; i < s.n; i++) {
        if (pn__char_is(s.p[i], kept))
            pn_buf_ch(&buf, s.p[i]);
        else
            add_escape(&buf, (unsigned char)s.p[i]);
    }
    return finish(&buf);
}

pn_str pn_uri_encode_path(apr_pool_t *pool, pn_str path)
{
    return encode(pool, path, PN__CHAR_PATH);
}

pn_str pn_uri_encode_component(apr_pool_t *pool, pn_str s)
{
    return encode(pool, s, PN__CHAR_UNRESERVED);
}

/* The character reference for c, or empty. */
static pn_str reference(char c)
{
    switch (c) {
    case '&':
        return PN_STR("&amp;");
    case '<':
        return PN_STR("&lt;");
    case '>':
        return PN_STR("&gt;");
    case '"':
        return PN_STR("&quot;");
    case '\'':
        return PN_STR("&#39;");
    default:
        return PN_STR("");
    }
}

pn_str pn_html_escape(apr_pool_t *pool, pn_str s)
{
    struct pn_buf buf;

    pn_buf_init(&buf, pool, 6 * s.n + 1);
    for (size_t i = 0; i < s.n; i++) {
        pn_str text = reference(s.p[i]);

        if (text.n)
            pn_buf_str(&buf, text);
        else
            pn_buf_ch(&buf, s.p[i]);
    }
    return finish(&buf);
}
