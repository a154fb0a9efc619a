/* buf.c - the growable byte builder, and bytes of a peer made safe for logs. */
#include <pinion/buf.h>

#include <stdio.h>
#include <stdlib.h>

void pn_buf_init(struct pn_buf *buf, apr_pool_t *pool, size_t max)
{
    *buf = (struct pn_buf){ .pool = pool, .max = max };
}

void pn_buf_release(struct pn_buf *buf)
{
    if (!buf->pool)
        free(buf->p);
    buf->p = NULL;
    buf->n = buf->cap = 0;
    buf->full = false;
}

/* Makes room for n more bytes and one NUL behind them. */
static bool grow(struct pn_buf *buf, size_t n)
{
    size_t want;

    if (__builtin_add_overflow(buf->n, n, &want) || want > buf->max)
        return false;
    size_t cap = buf->cap < 64 ? 128 : buf->cap * 2;
    if (cap > buf->max)
        cap = buf->max;
    if (cap < want)
        cap = want;
    char *p;
    if (buf->pool) {
        p = apr_palloc(buf->pool, cap + 1);
        if (buf->n)
            memcpy(p, buf->p, buf->n);
    }
    else {
        p = realloc(buf->p, cap + 1);
        pn_assert(p != NULL);
    }
    buf->p = p;
    buf->cap = cap;
    return true;
}

char *pn_buf_reserve(struct pn_buf *buf, size_t n)
{
    if (n > buf->cap - buf->n && !grow(buf, n)) {
        buf->full = true;
        return NULL;
    }
    return buf->p ? buf->p + buf->n : NULL;
}

void pn_buf_add_slow(struct pn_buf *buf, const char *p, size_t n)
{
    char *to = pn_buf_reserve(buf, n);

    if (!to)
        return;
    memcpy(to, p, n);
    buf->n += n;
}

void pn_buf_u64(struct pn_buf *buf, uint64_t value)
{
    char digits[20], *p = digits + sizeof(digits);

    do
        *--p = (char)('0' + value % 10);
    while (value /= 10);
    pn_buf_add(buf, p, (size_t)(digits + sizeof(digits) - p));
}

void pn_buf_i64(struct pn_buf *buf, int64_t value)
{
    if (value < 0) {
        pn_buf_ch(buf, '-');
        pn_buf_u64(buf, 0 - (uint64_t)value);
    }
    else
        pn_buf_u64(buf, (uint64_t)value);
}

void pn_buf_printf(struct pn_buf *buf, const char *fmt, ...)
{
    va_list ap, again;

    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    pn_assert(n >= 0);
    char *to = pn_buf_reserve(buf, (size_t)n + 1);
    if (to) {
        vsnprintf(to, (size_t)n + 1, fmt, again);
        buf->n += (size_t)n;
    }
    va_end(again);
    va_end(ap);
}

void pn_buf_consume(struct pn_buf *buf, size_t n)
{
    pn_assert(n <= buf->n);
    if (n && buf->n > n)
        memmove(buf->p, buf->p + n, buf->n - n);
    buf->n -= n;
}

pn_rc pn_buf_done(struct pn_buf *buf, pn_str *ret_bytes)
{
    if (buf->full)
        return PN_LIMIT;
    if (!buf->p && !pn_buf_reserve(buf, 1)) {
        *ret_bytes = PN_STR("");
        return PN_OK;
    }
    buf->p[buf->n] = '\0'; /* grow() always leaves one byte behind cap */
    *ret_bytes = pn_buf_view(buf);
    return PN_OK;
}

/* The letter behind the backslash, 'x' for a hexadecimal escape, 0 for a byte that stands for itself. */
static char escape_class(unsigned char c)
{
    switch (c) {
    case '\b': return 'b';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    case '\v': return 'v';
    case '"':
    case '\\': return (char)c;
    default: return c < 0x20 || c >= 0x7f ? 'x' : 0;
    }
}

void pn_buf_escaped(struct pn_buf *buf, pn_str s)
{
    static const char hex[] = "0123456789abcdef";
    size_t            plain = 0;

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        char          kind = escape_class(c);
        if (PN_LIKELY(!kind))
            continue;
        pn_buf_add(buf, s.p + plain, i - plain);
        plain = i + 1;
        char out[4] = { '\\', kind, hex[c >> 4], hex[c & 15] };
        pn_buf_add(buf, out, kind == 'x' ? 4 : 2);
    }
    if (s.n > plain)
        pn_buf_add(buf, s.p + plain, s.n - plain);
}

pn_str pn_str_escape(apr_pool_t *pool, pn_str s)
{
    struct pn_buf buf;
    pn_str        out = PN_STR("");

    pn_buf_init(&buf, pool, SIZE_MAX / 2);
    pn_buf_escaped(&buf, s);
    pn_assert(pn_buf_done(&buf, &out) == PN_OK); /* the maximum is out of reach */
    return out;
}
