/* headers_append.h - the inner loop's way to add a field whose id is known already. */
#ifndef PN_PROTO_HEADERS_APPEND_H
#define PN_PROTO_HEADERS_APPEND_H

#include <pinion/headers.h>

/** Doubles the array. */
void pn__headers_grow(struct pn_headers *h);

/** @param id of `name`, as pn_hdr_id would say. */
static inline void pn__headers_append(struct pn_headers *h, enum pn_hdr id, pn_str name,
                                      pn_str value)
{
    if (PN_UNLIKELY(h->n == h->cap))
        pn__headers_grow(h);
    h->v[h->n++] = (struct pn_header){ .name = name, .value = value, .id = (uint16_t)id };
    if (id != PN_HDR_OTHER)
        h->present[id >> 6] |= UINT64_C(1) << (id & 63);
}

#endif
