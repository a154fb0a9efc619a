/* h1_fields.h - what requests, answers and trailers have in common: the field section and the
 * framing of the body (RFC 9112 s5, s6). Internal to src/proto. */
#ifndef PN_PROTO_H1_FIELDS_H
#define PN_PROTO_H1_FIELDS_H

#include "proto/h1_head.h"

/* A cursor over a head that is parsed in place. */
struct pn__h1_section {
    char                      *p, *end; /* unread bytes */
    const struct pn_h1_limits *limits;
    bool                       strict; /* CRLF only, no obs-fold, no control characters in values */
    bool                       lf_ok;  /* LF alone ends a line */
    uint64_t                   twice[2]; /* a bit for each known id that occurred more than once */
};

/** Takes one line. @return PN_H1_FINE with *ret_end at its CR or LF and the cursor behind it; else
 *  its fault. */
enum pn_h1_fault pn__h1_line(struct pn__h1_section *section, char **ret_end);
/** Parses fields up to and with the empty line, which must be the section's end. */
enum pn_h1_fault pn__h1_fields(struct pn__h1_section *section, struct pn_headers *headers);
/** What is wrong with byte *p, which may not stand where it stands. `other`: when it is no NUL, CR
 *  or LF. */
enum pn_h1_fault pn__h1_stray(const char *p, const char *end, enum pn_h1_fault other);

static inline bool pn__h1_twice(const struct pn__h1_section *section, enum pn_hdr id)
{
    return (section->twice[id >> 6] >> (id & 63)) & 1;
}

struct pn__h1_framing {
    enum pn_framing kind;
    uint64_t        length; /* bytes */
};
/** Reads Transfer-Encoding and Content-Length (RFC 9112 s6.3). ret->kind is left alone when there
 *  is neither.
 *  @param version as in struct pn_h1_request; 0: none. */
enum pn_h1_fault pn__h1_framing(const struct pn__h1_section *section,
                                const struct pn_headers *headers, unsigned version,
                                struct pn__h1_framing *ret);
/** Persistence by version and Connection (RFC 9112 s9.3). */
bool pn__h1_keep_alive(const struct pn_headers *headers, unsigned version);
/** PN_BAD or PN_LIMIT, as the fault is. */
pn_rc pn__h1_refuse(enum pn_h1_fault fault, enum pn_h1_fault *ret_fault);

#endif
