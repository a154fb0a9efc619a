/* coded_body.h - the body that compresses, and the body that begins with a chunk pulled already. */
#ifndef PN_FILTERS_CODED_BODY_H
#define PN_FILTERS_CODED_BODY_H

#include "content_coding.h"

/** Hands out the result of a pull that was made already (rc, first), then the rest. */
struct pn_body *body_after(struct pn_request *r, pn_rc rc, const struct pn_chunk *first, struct pn_body *rest);

/** `below` through a compressor. @return NULL after pn_fail. */
struct pn_body *coded_body(struct pn_request *r, struct pn_body *below, const struct content_coding *coding,
                           const struct coding_settings *settings);

/** Writes the notes that settings name (content_coding.c). */
void coding_note_sizes(struct pn_request *r, const struct content_coding *coding, const struct coding_notes *notes,
                       uint64_t in_bytes, uint64_t out_bytes);

#endif
