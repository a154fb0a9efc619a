/* pinion/log_line.h - appending to one line of a log: bounded, without allocation.
 *
 * The writer of a line gives the room; what does not fit is dropped and sets `full`. */
#ifndef PINION_LOG_LINE_H
#define PINION_LOG_LINE_H

#include <pinion/str.h>

struct pn_log_line {
    char *p;    /* where the next byte goes */
    char *end;
    bool  full; /* something did not fit */
    bool  none; /* the item has no value (pn_log_none) */
    bool  raw;  /* pn_log_text leaves bytes as they are: whoever takes the line escapes them */
};

static inline size_t pn_log_room(const struct pn_log_line *line)
{
    return (size_t)(line->end - line->p);
}
static inline void pn_log_bytes(struct pn_log_line *line, const char *p, size_t n)
{
    if (PN_UNLIKELY(n > pn_log_room(line))) {
        n = pn_log_room(line);
        line->full = true;
    }
    if (n)
        memcpy(line->p, p, n);
    line->p += n;
}
/** Bytes that hold nothing of a peer. */
static inline void pn_log_str(struct pn_log_line *line, pn_str s)
{
    pn_log_bytes(line, s.p, s.n);
}
#define pn_log_lit(line, literal) pn_log_bytes((line), "" literal, sizeof(literal) - 1)
static inline void pn_log_ch(struct pn_log_line *line, char c)
{
    pn_log_bytes(line, &c, 1);
}
/** Text of a peer: ", \ and bytes that don't print are escaped as pn_str_escape does, unless the line is raw. */
void pn_log_text(struct pn_log_line *line, pn_str s);
/** The same for the error log: quotes stay. `keep_backslash`: the text has been escaped already. */
void pn_log_message(struct pn_log_line *line, pn_str s, bool keep_backslash);
void pn_log_u64(struct pn_log_line *line, uint64_t value);
void pn_log_i64(struct pn_log_line *line, int64_t value);
/** Decimal with at least `width` digits. */
void pn_log_padded(struct pn_log_line *line, uint64_t value, unsigned width);
PN_PRINTF(2, 3) void pn_log_printf(struct pn_log_line *line, const char *fmt, ...);
/** There is no value: "-", and null in JSON. */
static inline void pn_log_none(struct pn_log_line *line)
{
    pn_log_ch(line, '-');
    line->none = true;
}
/** pn_log_text, or "-" for p == NULL. */
static inline void pn_log_maybe(struct pn_log_line *line, pn_str s)
{
    if (s.p)
        pn_log_text(line, s);
    else
        pn_log_none(line);
}

#endif
