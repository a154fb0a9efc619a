/* pinion/buf.h - pn_buf: the one growable byte builder, with a maximum given at init.
 *
 * Appending past the maximum sets a sticky `full` flag and drops the bytes: check once at the end
 * with pn_buf_done(). Memory comes from malloc (owner: the buffer, freed by release) or from a pool
 * (old blocks stay in the pool until it is cleared). */
#ifndef PINION_BUF_H
#define PINION_BUF_H

#include <pinion/str.h>

struct pn_buf {
    char       *p;
    size_t      n;    /* bytes in use */
    size_t      cap;  /* bytes allocated */
    size_t      max;  /* never grows past this many bytes */
    apr_pool_t *pool; /* NULL: malloc */
    bool        full; /* an append was dropped */
};

/** @param pool NULL for malloc.  @param max bytes, > 0. */
void pn_buf_init(struct pn_buf *buf, apr_pool_t *pool, size_t max);
void pn_buf_release(struct pn_buf *buf); /* accepts a zeroed buffer */
/** Empties the buffer and keeps its memory; clears `full`. */
static inline void pn_buf_clear(struct pn_buf *buf)
{
    buf->n = 0;
    buf->full = false;
}
/** Room for at least `n` more bytes. @return where to write, or NULL (and full) past the maximum.
 *  The caller then adds what it wrote to buf->n. */
char *pn_buf_reserve(struct pn_buf *buf, size_t n);
void  pn_buf_add_slow(struct pn_buf *buf, const char *p, size_t n);
static inline void pn_buf_add(struct pn_buf *buf, const char *p, size_t n)
{
    if (PN_LIKELY(n <= buf->cap - buf->n)) {
        if (n)
            memcpy(buf->p + buf->n, p, n);
        buf->n += n;
    }
    else
        pn_buf_add_slow(buf, p, n);
}
static inline void pn_buf_str(struct pn_buf *buf, pn_str s)
{
    pn_buf_add(buf, s.p, s.n);
}
#define pn_buf_lit(buf, literal) pn_buf_add((buf), "" literal, sizeof(literal) - 1)
static inline void pn_buf_ch(struct pn_buf *buf, char c)
{
    pn_buf_add(buf, &c, 1);
}
void pn_buf_u64(struct pn_buf *buf, uint64_t value);
void pn_buf_i64(struct pn_buf *buf, int64_t value);
PN_PRINTF(2, 3) void pn_buf_printf(struct pn_buf *buf, const char *fmt, ...);
/** Appends `s` escaped as pn_str_escape does. */
void pn_buf_escaped(struct pn_buf *buf, pn_str s);
/** Drops the first `n` bytes and moves the rest to the front. */
void pn_buf_consume(struct pn_buf *buf, size_t n);
/** @return PN_OK with the bytes (borrowed, NUL-terminated behind n) or PN_LIMIT when one was dropped. */
PN_NODISCARD pn_rc pn_buf_done(struct pn_buf *buf, pn_str *ret_bytes);
/** The bytes so far, borrowed. */
static inline pn_str pn_buf_view(const struct pn_buf *buf)
{
    return (pn_str){ buf->p, buf->n };
}

#endif
