/* log_line.c - appending to one line of a log. Workload: every byte of every access log line. */
#include <pinion/log_line.h>

#include <stdio.h>

static const char digit_pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                                  "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                                  "8081828384858687888990919293949596979899";

/* Decimal digits of value, right-aligned before `end`. @return where they begin. */
static char *digits(char *end, uint64_t value)
{
    while (value >= 100) {
        end -= 2;
        memcpy(end, digit_pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        end -= 2;
        memcpy(end, digit_pairs + value * 2, 2);
    }
    else
        *--end = (char)('0' + value);
    return end;
}

void pn_log_u64(struct pn_log_line *line, uint64_t value)
{
    char  text[20];
    char *begin = digits(text + sizeof(text), value);

    pn_log_bytes(line, begin, (size_t)(text + sizeof(text) - begin));
}

void pn_log_i64(struct pn_log_line *line, int64_t value)
{
    if (value < 0)
        pn_log_ch(line, '-');
    pn_log_u64(line, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void pn_log_padded(struct pn_log_line *line, uint64_t value, unsigned width)
{
    char  text[20];
    char *begin = digits(text + sizeof(text), value);

    for (size_t n = (size_t)(text + sizeof(text) - begin); n < width; n++)
        pn_log_ch(line, '0');
    pn_log_bytes(line, begin, (size_t)(text + sizeof(text) - begin));
}

void pn_log_printf(struct pn_log_line *line, const char *fmt, ...)
{
    va_list ap;

    if (!pn_log_room(line))
        return;
    va_start(ap, fmt);
    int n = vsnprintf(line->p, pn_log_room(line), fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    if ((size_t)n >= pn_log_room(line)) {
        line->full = true;
        n = (int)pn_log_room(line) - 1;
    }
    line->p += n;
}

/* ---- escaping ---- */

static bool needs_escape(unsigned char c)
{
    return c < 0x20 || c >= 0x7f || c == '"' || c == '\\';
}

#define ONES UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

/* Is one of the eight bytes to be escaped? A byte over 0x7f is found by its own high bit; for the others the high bit of a difference
 * tells what is below 0x20 and what is zero after an exclusive or; 0x7f carries into the high bit when 1 is added. */
static bool any_needs_escape(uint64_t w)
{
    uint64_t quote = w ^ ONES * '"', backslash = w ^ ONES * '\\';
    uint64_t found = w | (w + ONES) | (w - ONES * 0x20) | (quote - ONES) | (backslash - ONES);

    return (found & HIGHS) != 0;
}

/* Bytes at the beginning that stand for themselves. */
static size_t plain_run(pn_str s)
{
    size_t i = 0;

    while (s.n - i >= 8) {
        uint64_t w;
        memcpy(&w, s.p + i, 8);
        if (any_needs_escape(w))
            break;
        i += 8;
    }
    while (i < s.n && !needs_escape((unsigned char)s.p[i]))
        i++;
    return i;
}

static void escape_byte(struct pn_log_line *line, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";

    if (pn_log_room(line) < 4) {
        line->full = true;
        return;
    }
    *line->p++ = '\\';
    switch (c) {
    case '\b': *line->p++ = 'b'; break;
    case '\n': *line->p++ = 'n'; break;
    case '\r': *line->p++ = 'r'; break;
    case '\t': *line->p++ = 't'; break;
    case '\v': *line->p++ = 'v'; break;
    case '"':
    case '\\': *line->p++ = (char)c; break;
    default:
        *line->p++ = 'x';
        *line->p++ = hex[c >> 4];
        *line->p++ = hex[c & 15];
    }
}

void pn_log_text(struct pn_log_line *line, pn_str s)
{
    if (line->raw) {
        pn_log_bytes(line, s.p, s.n);
        return;
    }
    for (;;) {
        size_t n = plain_run(s);
        pn_log_bytes(line, s.p, n);
        if (n == s.n || line->full)
            return;
        escape_byte(line, (unsigned char)s.p[n]);
        s = pn_str_from(s, n + 1);
    }
}

void pn_log_message(struct pn_log_line *line, pn_str s, bool keep_backslash)
{
    for (size_t i = 0; i < s.n && !line->full; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (!needs_escape(c) || c == '"' || (c == '\\' && keep_backslash))
            pn_log_ch(line, (char)c);
        else
            escape_byte(line, c);
    }
}
