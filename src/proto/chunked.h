/* chunked.h - the chunked transfer coding, decoded incrementally and in place (RFC 9112 s7.1).
 * Pure, never suspends. Strict: CRLF line ends, sizes of at most 16 hex digits, extensions
 * bounded. */
#ifndef PN_PROTO_CHUNKED_H
#define PN_PROTO_CHUNKED_H

#include <pinion/str.h>

struct pn_chunked {
    uint8_t  state;
    uint8_t  digits;
    uint16_t ext_bytes; /* of the present size line */
    uint64_t left;      /* data bytes left in the present chunk */
    uint64_t total;     /* data bytes so far */
};

void pn_chunked_init(struct pn_chunked *decoder);
/** Eats coded bytes from *bytes and hands out one run of data (a slice of the input) at a time.
 *  @return PN_OK    *ret_data holds at least one byte; call again with what is left in *bytes;
 *          PN_AGAIN *bytes is used up: bring more;
 *          PN_EOF   the last chunk ("0" line) has been eaten; *bytes begins with the trailer
 *                   section, which ends with an empty line: find it with pn_chunked_trailer_end;
 *          PN_BAD   not chunked coding;
 *          PN_LIMIT a size that overflows, or an extension that is too long. */
PN_NODISCARD pn_rc pn_chunked_next(struct pn_chunked *decoder, pn_str *bytes, pn_str *ret_data);
/** Length of the trailer section with its final empty line, which a bare LF ends too: the parser
 *  of the trailer judges that. @return PN_OK, PN_AGAIN, PN_LIMIT over max bytes. */
PN_NODISCARD pn_rc pn_chunked_trailer_end(pn_str bytes, size_t max, size_t *ret_n);
/** Writes the size line of a chunk of n > 0 bytes ("1f4\r\n") to `to` (>= 20 bytes). @return its
 *  length. */
size_t pn_chunked_size_line(char *to, uint64_t n);

#endif
