/* body_stubs.h - a body of bytes in given pieces, and as much of a request as a filter needs, for targets that drive filters without
 * a server. The functions of the server that filters call are in body_stubs.c; failures are counted and not logged. */
#ifndef PN_FUZZ_BODY_STUBS_H
#define PN_FUZZ_BODY_STUBS_H

#include <pinion/request.h>

struct stub_source {
    struct pn_body super;
    pn_str         bytes;
    size_t         piece; /* bytes of a chunk, at most; >= 1 */
};

/** Hands out `bytes` in pieces. */
struct pn_body *stub_source_init(struct stub_source *source, struct pn_request *r, pn_str bytes, size_t piece);
/** Pulls to the end, at most `max` bytes, and closes. Appends to out.  @return PN_EOF, PN_LIMIT (max is reached), or the body's error. */
pn_rc stub_drain(struct pn_body *body, size_t max, struct pn_buf *out);

#endif
