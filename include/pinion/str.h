/* pinion/str.h - pn_str: a borrowed run of bytes, pointer and length together, passed by value.
 *
 * A pn_str does not own its bytes. It may hold NUL bytes; it is NUL-terminated only where the
 * function that yields it says so (everything that ends in _dup, _cat or _printf does). */
#ifndef PINION_STR_H
#define PINION_STR_H

#include <apr_pools.h>
#include <stdarg.h>
#include <string.h>

#include <pinion/base.h>

typedef struct pn_str {
    const char *p; /* may be NULL when n is 0 */
    size_t      n; /* bytes */
} pn_str;

/** A pn_str of a string literal; usable in static initialisers. */
#define PN_STR(literal) ((pn_str){ "" literal, sizeof(literal) - 1 })
#define PN_STR_INIT(literal) { "" literal, sizeof(literal) - 1 }
/** For printf: "%.*s" with PN_FMT(s). */
#define PN_FMT(s) (int)(s).n, (s).p

static inline pn_str pn_str_n(const char *p, size_t n)
{
    return (pn_str){ p, n };
}

/** Borrow a C string; NULL becomes the empty string with p == NULL. */
static inline pn_str pn_str_z(const char *z)
{
    return (pn_str){ z, z ? strlen(z) : 0 };
}

static inline bool pn_str_eq(pn_str a, pn_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/** The bytes from `from` (clamped to the length) to the end. */
static inline pn_str pn_str_from(pn_str s, size_t from)
{
    if (from > s.n)
        from = s.n;
    return (pn_str){ from ? s.p + from : s.p, s.n - from }; /* p may be NULL: nothing is added to that */
}

/** The first `n` bytes (clamped). */
static inline pn_str pn_str_head(pn_str s, size_t n)
{
    return (pn_str){ s.p, n < s.n ? n : s.n };
}

/** ASCII letters compare without case; all other bytes as they are. */
bool pn_str_ieq(pn_str a, pn_str b);
bool pn_str_starts(pn_str s, pn_str prefix);
bool pn_str_istarts(pn_str s, pn_str prefix);
bool pn_str_ends(pn_str s, pn_str suffix);
bool pn_str_iends(pn_str s, pn_str suffix);
/** Bytewise order; a proper prefix comes first. */
int  pn_str_cmp(pn_str a, pn_str b);
/** ASCII case-insensitive order. */
int  pn_str_icmp(pn_str a, pn_str b);
/** Index of the first `c` at or after `from`, or SIZE_MAX. */
size_t pn_str_chr(pn_str s, char c, size_t from);
/** Index of the last `c`, or SIZE_MAX. */
size_t pn_str_rchr(pn_str s, char c);
/** Index of the first `needle`, or SIZE_MAX. An empty needle is found at 0. */
size_t pn_str_find(pn_str s, pn_str needle);
size_t pn_str_ifind(pn_str s, pn_str needle);
/** Without leading and trailing SP, HTAB, CR, LF, VT, FF. */
pn_str pn_str_trim(pn_str s);
/** Splits at the first `sep`: returns the part before it and leaves the rest (after it) in *rest.
 *  Without a `sep` returns all and leaves *rest empty with p == NULL. */
pn_str pn_str_cut(pn_str s, char sep, pn_str *ret_rest);
/** Next word of *s: skips white space (isspace of the C locale), returns the run up to the next
 *  white space and advances *s past it; empty at the end. */
pn_str pn_str_word(pn_str *s);

/** Copies owned by the pool, always NUL-terminated. */
pn_str pn_str_dup(apr_pool_t *pool, pn_str s);
char  *pn_str_zdup(apr_pool_t *pool, pn_str s);
pn_str pn_str_lower(apr_pool_t *pool, pn_str s);
/** Concatenates `count` pn_str values; result NUL-terminated, owned by the pool. */
pn_str pn_str_join(apr_pool_t *pool, const pn_str *parts, size_t count);
#define PN_CAT(pool, ...)                                                                          \
    pn_str_join((pool), (const pn_str[]){ __VA_ARGS__ },                                           \
                sizeof((const pn_str[]){ __VA_ARGS__ }) / sizeof(pn_str))
/** printf into the pool (C library's formats, not APR's); NUL-terminated. */
PN_PRINTF(2, 3) pn_str pn_str_printf(apr_pool_t *pool, const char *fmt, ...);
pn_str pn_str_vprintf(apr_pool_t *pool, const char *fmt, va_list ap);

/** Decimal digits only, the whole string, at most `max`.
 *  @return PN_OK, PN_BAD (empty, or another byte), PN_LIMIT (over max). */
PN_NODISCARD pn_rc pn_str_to_u64(pn_str s, uint64_t max, uint64_t *ret_value);
/** Like pn_str_to_u64 with an optional leading '-' or '+'. */
PN_NODISCARD pn_rc pn_str_to_i64(pn_str s, int64_t min, int64_t max, int64_t *ret_value);

/** Bytes of a peer made safe for a log line or a message: ", \ and control bytes become \", \\, \n,
 *  \t, \r, \b, \v or \xhh as Apache's logs write them. NUL-terminated, owned by the pool. */
pn_str pn_str_escape(apr_pool_t *pool, pn_str s);

#endif
