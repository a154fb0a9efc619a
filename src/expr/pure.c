/* pure.c - tolower, escape, base64, md5 and the other functions that need nothing but their
 * argument. Run by word.c, and by parse.c when the argument is a literal. Results come from the
 * given pool, or are the argument itself where nothing changed. */
#include "expr/pure.h"

#include <apr_base64.h>
#include <apr_escape.h>
#include <apr_md5.h>
#include <apr_sha1.h>
#include <apr_strings.h>
#include <pinion/buf.h>

#include "base/ascii.h"

static pn_rc map_case(apr_pool_t *pool, pn_str arg, char (*map)(char), pn_str *ret_value)
{
    size_t i = 0;

    while (i < arg.n && map(arg.p[i]) == arg.p[i])
        i++;
    if (i < arg.n) {
        char *p = apr_pmemdup(pool, arg.p, arg.n);

        for (; i < arg.n; i++)
            p[i] = map(p[i]);
        arg.p = p;
    }
    *ret_value = arg;
    return PN_OK;
}

pn_rc pn__pure_tolower(apr_pool_t *pool, pn_str arg, pn_str *ret_value)
{
    return map_case(pool, arg, pn_ascii_lower, ret_value);
}

pn_rc pn__pure_toupper(apr_pool_t *pool, pn_str arg, pn_str *ret_value)
{
    return map_case(pool, arg, pn_ascii_upper, ret_value);
}

/* What stands for itself in the path of a URL (RFC 3986 s3.3, pchar and "/"). */
static bool path_char(char c)
{
    return pn_ascii_alnum(c) || (c && strchr("!$&'()*+,-./:;=@_~", c));
}

static pn_rc escape_bytes(apr_pool_t *pool, pn_str arg, bool (*plain)(char), char mark,
                          pn_str *ret_value)
{
    static const char digits[] = "0123456789abcdef";
    size_t            extra = 0;
    size_t            total;

    for (size_t i = 0; i < arg.n; i++)
        extra += plain(arg.p[i]) ? 0 : 2;
    *ret_value = arg;
    if (!extra)
        return PN_OK;
    if (__builtin_add_overflow(arg.n, extra, &total) || total > PN_EXPR_STRING_MAX)
        return PN_LIMIT;
    char *to = apr_palloc(pool, total);
    *ret_value = pn_str_n(to, total);
    for (size_t i = 0; i < arg.n; i++) {
        unsigned char c = (unsigned char)arg.p[i];

        if (plain(arg.p[i])) {
            *to++ = arg.p[i];
            continue;
        }
        *to++ = mark;
        *to++ = digits[c >> 4];
        *to++ = digits[c & 15];
    }
    return PN_OK;
}

pn_rc pn__pure_escape(apr_pool_t *pool, pn_str arg, pn_str *ret_value)
{
    return escape_bytes(pool, arg, path_char, '%', ret_value);
}

/* RFC 4514 s2.4 and RFC 4515 s3 together. COMPAT: a leading # or blank, an "=" and "/" stay. */
static bool ldap_plain(char c)
{
    return c >= ' ' && c < 0x7f && !strchr("\"()*+,;<>\\", c);
}

pn_rc pn__pure_ldap(apr_pool_t *pool, pn_str arg, pn_str *ret_value)
{
    return escape_bytes(pool, arg, ldap_plain, '\\', ret_value);
}

/* COMPAT: %2F stays as it is; %00 or a broken escape anywhere make the result empty. */
pn_rc pn__pure_unescape(apr_pool_t *pool, pn_str arg, pn_str *ret_value)
{
    *ret_value = arg;
    if (pn_str_chr(arg, '%', 0) == SIZE_MAX)
        return PN_OK;
    char *to = apr_palloc(pool, arg.n);
    char *start = to;
    for (size_t i = 0; i < arg.n; i++) {
        if (arg.p[i] != '%') {
            *to++ = arg.p[i];
            continue;
        }
        int high = arg.n - i > 2 ? pn_ascii_hex(arg.p[i + 1]) : -1;
        int low = high >= 0 ? pn_ascii_hex(arg.p[i + 2]) : -1;
        if (low < 0 || high + low == 0) {
            *ret_value = PN_STR("");
            return PN_OK;
        }
        if (high * 16 + low == '/') {
            *to++ = '%';
            continue;
        }
        *to++ = (char)(high * 16 + low);
        i += 2;
    }
    *ret_value = pn_str_n(start, (size_t)(to - start));
    return PN_OK;
}

pn_rc pn__pure_base64(apr_pool_t *pool, pn_str arg, pn_str *ret_value)
{
    if (arg.n > PN_EXPR_STRING_MAX / 4 * 3 - 3)
        return PN_LIMIT;
    char *to = apr_palloc(pool, (size_t)apr_base64_encode_len((int)arg.n));
    int   size = apr_base64_encode_binary(to, (const unsigned char *)arg.p, (int)arg.n);
    *ret_value = pn_str_n(to, (size_t)size - 1); /* size counts the NUL */
    return PN_OK;
}

pn_rc pn__pure_unbase64(apr_pool_t *pool, pn_str arg, pn_str *ret_value)
{
    if (arg.n > PN_EXPR_STRING_MAX)
        return PN_LIMIT;
    const char    *coded = pn_str_zdup(pool, arg);
    unsigned char *to = apr_palloc(pool, (size_t)apr_base64_decode_len(coded) + 1);
    int            n = apr_base64_decode_binary(to, coded);
    pn_str         plain = { (const char *)to, n > 0 ? (size_t)n : 0 };
    *ret_value = pn_str_head(plain, pn_str_chr(plain, '\0', 0));
    return PN_OK;
}

static pn_str hex(apr_pool_t *pool, const unsigned char *digest, size_t n)
{
    return pn_str_n(apr_pescape_hex(pool, digest, n, 0), n * 2);
}

pn_rc pn__pure_md5(apr_pool_t *pool, pn_str arg, pn_str *ret_value)
{
    unsigned char digest[APR_MD5_DIGESTSIZE];

    (void)apr_md5(digest, arg.n ? arg.p : "", arg.n);
    *ret_value = hex(pool, digest, sizeof(digest));
    return PN_OK;
}

pn_rc pn__pure_sha1(apr_pool_t *pool, pn_str arg, pn_str *ret_value)
{
    unsigned char  digest[APR_SHA1_DIGESTSIZE];
    apr_sha1_ctx_t sha1;

    if (arg.n > PN_EXPR_STRING_MAX)
        return PN_LIMIT;
    apr_sha1_init(&sha1);
    apr_sha1_update(&sha1, arg.n ? arg.p : "", (unsigned)arg.n);
    apr_sha1_final(digest, &sha1);
    *ret_value = hex(pool, digest, sizeof(digest));
    return PN_OK;
}

int64_t pn__pure_int(pn_str word)
{
    size_t  i = 0;
    bool    negative = false;
    int64_t value = 0;

    while (i < word.n && pn_ascii_space(word.p[i]))
        i++;
    if (i < word.n && (word.p[i] == '-' || word.p[i] == '+'))
        negative = word.p[i++] == '-';
    for (; i < word.n && pn_ascii_digit(word.p[i]); i++) {
        int digit = word.p[i] - '0';

        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value)) /* negative numbers reach one further */
            return negative ? INT64_MIN : INT64_MAX;
    }
    if (negative)
        return value;
    return value == INT64_MIN ? INT64_MAX : -value;
}
