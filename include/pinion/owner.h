/* pinion/owner.h - the provider by which group modules learn what group owns the requested file. */
#ifndef PINION_OWNER_H
#define PINION_OWNER_H

#include <pinion/str.h>

struct pn_request;

/** Provider of group "owner", name "file-group" (mod_authz_owner). */
struct pn_owner_provider {
    /** The name of the group that owns the file. @param ret_name NUL-terminated, in r->pool.
     *  @return false when there is none; logged. */
    PN_MAY_YIELD bool (*group_name)(struct pn_request *r, pn_str *ret_name);
};

#endif
