/* pinion/headers.h - an ordered list of header fields (RFC 9110 s5), with O(1) look-up of known names.
 *
 * Names compare without case. Values are kept as given; whoever puts a value in has made sure that it holds no
 * CR, LF or NUL (pn_header_value_ok). Received names and values are NUL-terminated. */
#ifndef PINION_HEADERS_H
#define PINION_HEADERS_H

#include <pinion/str.h>

/** Known field names: PN_HDR_HOST, ... PN_HDR_OTHER is any other. */
enum pn_hdr {
    PN_HDR_OTHER = 0,
#define X(id, name) PN_HDR_##id,
#include "../../data/headers.def"
#undef X
    PN_HDR__COUNT
};

struct pn_header {
    pn_str   name;
    pn_str   value;
    uint16_t id; /* enum pn_hdr */
};

struct pn_headers {
    apr_pool_t       *pool; /* owns v */
    struct pn_header *v;
    uint32_t          n, cap;
    uint64_t          present[2]; /* a bit for each known id that occurs */
};

/** @param room fields to reserve. */
void pn_headers_init(struct pn_headers *h, apr_pool_t *pool, unsigned room);

static inline bool pn_headers_has(const struct pn_headers *h, enum pn_hdr id)
{
    return (h->present[id >> 6] >> (id & 63)) & 1;
}
/** The first value; p == NULL when absent (an empty value has p set). */
pn_str pn_headers_get(const struct pn_headers *h, enum pn_hdr id);
pn_str pn_headers_get_name(const struct pn_headers *h, pn_str name);
/** All values joined with ", " (RFC 9110 s5.3); p == NULL when absent. Allocates only when there are two. */
pn_str pn_headers_joined(const struct pn_headers *h, apr_pool_t *pool, enum pn_hdr id);
pn_str pn_headers_joined_name(const struct pn_headers *h, apr_pool_t *pool, pn_str name);
unsigned pn_headers_count(const struct pn_headers *h, enum pn_hdr id);

/** Appends a field; name and value are borrowed for the life of the list. */
void pn_headers_add(struct pn_headers *h, enum pn_hdr id, pn_str value);
void pn_headers_add_name(struct pn_headers *h, pn_str name, pn_str value);
/** Replaces all fields of that name by one (in the place of the first), or appends. */
void pn_headers_set(struct pn_headers *h, enum pn_hdr id, pn_str value);
void pn_headers_set_name(struct pn_headers *h, pn_str name, pn_str value);
/** Appends ", value" to the last field of that name, or adds it. */
void pn_headers_merge(struct pn_headers *h, enum pn_hdr id, pn_str value);
void pn_headers_merge_name(struct pn_headers *h, pn_str name, pn_str value);
/** @return how many were removed. */
unsigned pn_headers_unset(struct pn_headers *h, enum pn_hdr id);
unsigned pn_headers_unset_name(struct pn_headers *h, pn_str name);
/** Deep copy into another pool. */
void pn_headers_copy(struct pn_headers *to, apr_pool_t *pool, const struct pn_headers *from);

/** for (const struct pn_header *f = pn_headers_begin(h); f < pn_headers_end(h); f++) */
static inline struct pn_header *pn_headers_begin(const struct pn_headers *h)
{
    return h->v;
}
static inline struct pn_header *pn_headers_end(const struct pn_headers *h)
{
    return h->n ? h->v + h->n : h->v; /* NULL + 0 is undefined */
}

/** The id of a received name, PN_HDR_OTHER when unknown. O(1). */
enum pn_hdr pn_hdr_id(pn_str name);
/** The written form of a known name. */
pn_str pn_hdr_name(enum pn_hdr id);
/** token of RFC 9110 s5.6.2. */
bool pn_header_name_ok(pn_str name);
/** No CR, LF, NUL (RFC 9110 s5.5). */
bool pn_header_value_ok(pn_str value);
/** Does a comma-separated list (Connection, TE, ...) hold this token? Case-insensitive. */
bool pn_header_has_token(pn_str list, pn_str token);
/** Next element of a comma-separated list that may hold quoted strings, trimmed; empty elements are skipped.
 *  p == NULL at the end. */
pn_str pn_header_list_next(pn_str *rest);

#endif
