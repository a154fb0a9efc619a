/* pinion/listing.h - the names in a directory, as the server keeps them: read once, and again only after something there
 * changed. */
#ifndef PINION_LISTING_H
#define PINION_LISTING_H

#include <pinion/request.h>

struct pn_dirent {
    pn_str            name;      /* NUL-terminated */
    enum pn_file_type type_hint; /* NONE: a link, or the file system does not tell */
};

/** Immutable. The same object is handed out as long as nothing is added to the directory, removed or renamed. */
struct pn_listing {
    uint32_t                refs;
    unsigned                n;
    const struct pn_dirent *v; /* sorted bytewise, without "." and ".." */
};

/** The names in the directory `path` (absolute, canonical, NUL-terminated), as of now.
 *  @param ret_listing lives as long as r->pool.
 *  @return PN_OK; PN_NOT_FOUND (no directory), PN_DENIED (it may not be looked into), PN_SYSTEM. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_list_directory(struct pn_request *r, pn_str path, const struct pn_listing **ret_listing);
/** Index of the first name that is not before `name`; n: none. */
unsigned pn_listing_seek(const struct pn_listing *listing, pn_str name);

#endif
