/* multipart.h - the writer of multipart/byteranges bodies (RFC 9110 s14.6, RFC 2046 s5.1). Pure,
 * never suspends.
 *
 * A body is, for each range, a part head and the range's bytes, then the closing line. */
#ifndef PN_PROTO_MULTIPART_H
#define PN_PROTO_MULTIPART_H

#include <pinion/buf.h>

#include "proto/range.h"

#define PN_MULTIPART_BOUNDARY_LEN 16

struct pn_multipart {
    char     boundary[PN_MULTIPART_BOUNDARY_LEN + 1];
    pn_str   content_type; /* of the representation, borrowed; empty: parts carry none */
    uint64_t total;        /* bytes of the representation */
};

/** @param random 64 bits that a client can not foresee, so that no content can be made to hold the
 *  boundary. */
void pn_multipart_init(struct pn_multipart *multipart, uint64_t random, pn_str content_type,
                       uint64_t total);
/** Appends the value of the answer's Content-Type. */
void pn_multipart_type(const struct pn_multipart *multipart, struct pn_buf *buf);
/** Appends the delimiter and the head of one part, with its final empty line. */
void pn_multipart_part(const struct pn_multipart *multipart, struct pn_range range,
                       struct pn_buf *buf);
/** Appends the closing delimiter. */
void pn_multipart_end(const struct pn_multipart *multipart, struct pn_buf *buf);
/** Bytes of the whole body, for Content-Length.
 *  @return PN_OK, or PN_LIMIT when the sum does not fit (many ranges of a huge file). */
PN_NODISCARD pn_rc pn_multipart_length(const struct pn_multipart *multipart,
                                       const struct pn_range_set *set, uint64_t *ret_bytes);

/** Appends "bytes 0-499/1234", the value of Content-Range. */
void pn_content_range(struct pn_range range, uint64_t total, struct pn_buf *buf);
/** Appends what a 416 says: the unsatisfied form, an asterisk for the range (RFC 9110 s14.4). */
void pn_content_range_none(uint64_t total, struct pn_buf *buf);

#endif
