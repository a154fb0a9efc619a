/* str.c - comparing, searching, splitting and copying runs of bytes. */
#include <pinion/str.h>

#include <stdio.h>

#include "base/ascii.h"

bool pn_str_ieq(pn_str a, pn_str b)
{
    return a.n == b.n && pn_str_icmp(a, b) == 0;
}

bool pn_str_starts(pn_str s, pn_str prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool pn_str_istarts(pn_str s, pn_str prefix)
{
    return s.n >= prefix.n && pn_str_ieq(pn_str_head(s, prefix.n), prefix);
}

bool pn_str_ends(pn_str s, pn_str suffix)
{
    return s.n >= suffix.n && pn_str_eq(pn_str_from(s, s.n - suffix.n), suffix);
}

bool pn_str_iends(pn_str s, pn_str suffix)
{
    return s.n >= suffix.n && pn_str_ieq(pn_str_from(s, s.n - suffix.n), suffix);
}

int pn_str_cmp(pn_str a, pn_str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int    diff = n ? memcmp(a.p, b.p, n) : 0;

    return diff ? diff : (a.n > b.n) - (a.n < b.n);
}

int pn_str_icmp(pn_str a, pn_str b)
{
    size_t n = a.n < b.n ? a.n : b.n;

    for (size_t i = 0; i < n; i++) {
        int diff = (unsigned char)pn_ascii_lower(a.p[i]) - (unsigned char)pn_ascii_lower(b.p[i]);
        if (diff)
            return diff;
    }
    return (a.n > b.n) - (a.n < b.n);
}

size_t pn_str_chr(pn_str s, char c, size_t from)
{
    if (from >= s.n)
        return SIZE_MAX;
    const char *hit = memchr(s.p + from, c, s.n - from);
    return hit ? (size_t)(hit - s.p) : SIZE_MAX;
}

size_t pn_str_rchr(pn_str s, char c)
{
    const char *hit = s.n ? memrchr(s.p, c, s.n) : NULL;
    return hit ? (size_t)(hit - s.p) : SIZE_MAX;
}

size_t pn_str_find(pn_str s, pn_str needle)
{
    if (needle.n == 0)
        return 0;
    if (s.n < needle.n)
        return SIZE_MAX;
    const char *hit = memmem(s.p, s.n, needle.p, needle.n);
    return hit ? (size_t)(hit - s.p) : SIZE_MAX;
}

size_t pn_str_ifind(pn_str s, pn_str needle)
{
    for (size_t i = 0; i + needle.n <= s.n; i++)
        if (pn_str_ieq(pn_str_n(s.p + i, needle.n), needle))
            return i;
    return SIZE_MAX;
}

pn_str pn_str_trim(pn_str s)
{
    while (s.n && pn_ascii_space(s.p[0]))
        s.p++, s.n--;
    while (s.n && pn_ascii_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

pn_str pn_str_cut(pn_str s, char sep, pn_str *ret_rest)
{
    size_t at = pn_str_chr(s, sep, 0);

    if (at == SIZE_MAX) {
        *ret_rest = (pn_str){ NULL, 0 };
        return s;
    }
    *ret_rest = pn_str_from(s, at + 1);
    return pn_str_head(s, at);
}

pn_str pn_str_word(pn_str *s)
{
    size_t end = 0;

    while (s->n && pn_ascii_space(s->p[0]))
        s->p++, s->n--;
    while (end < s->n && !pn_ascii_space(s->p[end]))
        end++;
    pn_str word = pn_str_head(*s, end);
    *s = pn_str_from(*s, end);
    return word;
}

char *pn_str_zdup(apr_pool_t *pool, pn_str s)
{
    char *copy = apr_palloc(pool, s.n + 1);

    if (s.n)
        memcpy(copy, s.p, s.n);
    copy[s.n] = '\0';
    return copy;
}

pn_str pn_str_dup(apr_pool_t *pool, pn_str s)
{
    return (pn_str){ pn_str_zdup(pool, s), s.n };
}

pn_str pn_str_lower(apr_pool_t *pool, pn_str s)
{
    char *copy = pn_str_zdup(pool, s);

    for (size_t i = 0; i < s.n; i++)
        copy[i] = pn_ascii_lower(copy[i]);
    return (pn_str){ copy, s.n };
}

pn_str pn_str_join(apr_pool_t *pool, const pn_str *parts, size_t count)
{
    size_t total = 0;

    for (size_t i = 0; i < count; i++)
        total += parts[i].n;
    char *all = apr_palloc(pool, total + 1);
    char *to = all;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].n)
            memcpy(to, parts[i].p, parts[i].n);
        to += parts[i].n;
    }
    *to = '\0';
    return (pn_str){ all, total };
}

pn_str pn_str_vprintf(apr_pool_t *pool, const char *fmt, va_list ap)
{
    va_list again;

    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    pn_assert(n >= 0);
    char *text = apr_palloc(pool, (size_t)n + 1);
    vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    return (pn_str){ text, (size_t)n };
}

pn_str pn_str_printf(apr_pool_t *pool, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    pn_str s = pn_str_vprintf(pool, fmt, ap);
    va_end(ap);
    return s;
}
