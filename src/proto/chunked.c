/* chunked.c - decoder and size lines of the chunked transfer coding (chunked.h).
 *
 * A byte-wise machine for the lines, runs for the data: what it hands out are slices of the input.
 * Anything that two parsers could read differently is refused: bare LF, blanks around the size,
 * more than 16 digits. */
#include "proto/chunked.h"

#include "base/ascii.h"

enum state {
    SIZE = 0, /* hex digits */
    BLANK,    /* blanks between size and ';' */
    EXT,      /* chunk extension */
    QUOTED,   /* inside a quoted string of an extension */
    ESCAPED,  /* behind a backslash there */
    SIZE_LF,  /* CR of the size line seen */
    DATA,
    DATA_CR, /* behind the data */
    DATA_LF,
    DONE,
    TOO_LARGE, /* well-formed, and over a limit */
    BROKEN
};

enum { DIGITS_MAX = 16, EXT_BYTES_MAX = 1024 };

void pn_chunked_init(struct pn_chunked *decoder)
{
    *decoder = (struct pn_chunked){ .state = SIZE };
}

static enum state after_size(const struct pn_chunked *decoder, char c)
{
    if (decoder->digits == 0)
        return BROKEN;
    if (c == '\r')
        return SIZE_LF;
    if (c == ';')
        return EXT;
    return c == ' ' || c == '\t' ? BLANK : BROKEN;
}

static enum state size_byte(struct pn_chunked *decoder, char c)
{
    int digit = pn_ascii_hex(c);

    if (digit < 0)
        return after_size(decoder, c);
    if (++decoder->digits > DIGITS_MAX || decoder->left >> 60)
        return TOO_LARGE;
    decoder->left = decoder->left << 4 | (unsigned)digit;
    return SIZE;
}

/* RFC 9112 s7.1.1: what an extension says is of no interest, but quoting must be followed to its
 * line's end. */
static enum state ext_byte(struct pn_chunked *decoder, enum state state, char c)
{
    unsigned char u = (unsigned char)c;

    if (++decoder->ext_bytes > EXT_BYTES_MAX)
        return TOO_LARGE;
    if (c == '\r')
        return state == EXT ? SIZE_LF : BROKEN;
    if ((u < 0x20 && c != '\t') || u == 0x7f)
        return BROKEN;
    if (state == ESCAPED)
        return QUOTED;
    if (state == QUOTED)
        return c == '"' ? EXT : c == '\\' ? ESCAPED : QUOTED;
    return c == '"' ? QUOTED : EXT;
}

static enum state size_line_done(struct pn_chunked *decoder)
{
    if (decoder->left == 0)
        return DONE;
    return decoder->left > INT64_MAX - decoder->total ? TOO_LARGE : DATA;
}

static void next_chunk(struct pn_chunked *decoder)
{
    decoder->left = 0;
    decoder->digits = 0;
    decoder->ext_bytes = 0;
}

static enum state step(struct pn_chunked *decoder, char c)
{
    switch ((enum state)decoder->state) {
    case SIZE:
        return size_byte(decoder, c);
    case BLANK:
        if (++decoder->ext_bytes > EXT_BYTES_MAX)
            return TOO_LARGE;
        return c == ';' ? EXT : c == ' ' || c == '\t' ? BLANK : BROKEN;
    case EXT:
    case QUOTED:
    case ESCAPED:
        return ext_byte(decoder, decoder->state, c);
    case SIZE_LF:
        return c == '\n' ? size_line_done(decoder) : BROKEN;
    case DATA_CR:
        return c == '\r' ? DATA_LF : BROKEN;
    case DATA_LF:
        next_chunk(decoder);
        return c == '\n' ? SIZE : BROKEN;
    case DATA:
    case DONE:
    case TOO_LARGE:
    case BROKEN:
        break;
    }
    return BROKEN;
}

static void take_data(struct pn_chunked *decoder, pn_str *bytes, pn_str *ret_data)
{
    size_t n = bytes->n < decoder->left ? bytes->n : (size_t)decoder->left;

    *ret_data = pn_str_head(*bytes, n);
    *bytes = pn_str_from(*bytes, n);
    decoder->left -= n;
    decoder->total += n;
    if (decoder->left == 0)
        decoder->state = DATA_CR;
}

pn_rc pn_chunked_next(struct pn_chunked *decoder, pn_str *bytes, pn_str *ret_data)
{
    while (decoder->state < DONE) {
        if (bytes->n == 0)
            return PN_AGAIN;
        if (decoder->state == DATA) {
            take_data(decoder, bytes, ret_data);
            return PN_OK;
        }
        decoder->state = (uint8_t)step(decoder, bytes->p[0]);
        *bytes = pn_str_from(*bytes, 1);
    }
    return decoder->state == DONE ? PN_EOF : decoder->state == TOO_LARGE ? PN_LIMIT : PN_BAD;
}

pn_rc pn_chunked_trailer_end(pn_str bytes, size_t max, size_t *ret_n)
{
    size_t line = 0;

    for (size_t lf = pn_str_chr(bytes, '\n', 0); lf != SIZE_MAX;
         lf = pn_str_chr(bytes, '\n', line)) {
        if (lf >= max)
            return PN_LIMIT;
        if (lf == line || (lf == line + 1 && bytes.p[line] == '\r')) {
            *ret_n = lf + 1;
            return PN_OK;
        }
        line = lf + 1;
    }
    return bytes.n >= max ? PN_LIMIT : PN_AGAIN;
}

size_t pn_chunked_size_line(char *to, uint64_t n)
{
    unsigned digits = (unsigned)(64 - __builtin_clzll(n | 1) + 3) / 4;

    pn_assert(n > 0);
    for (unsigned i = digits; i > 0; i--, n >>= 4)
        to[i - 1] = "0123456789abcdef"[n & 15];
    to[digits] = '\r';
    to[digits + 1] = '\n';
    return digits + 2;
}
