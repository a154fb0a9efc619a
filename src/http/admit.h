/* admit.h - from a head that was parsed to a request of a server: what HTTP/1 and HTTP/2 have in common. */
#ifndef PN_HTTP_ADMIT_H
#define PN_HTTP_ADMIT_H

#include "http/request_core.h"

/** A target in its parts, as its protocol found them. */
struct pn_target {
    enum pn_target_form form;
    pn_str              target;     /* as received */
    pn_str              scheme;     /* empty: not told */
    pn_str              authority;  /* checked; empty: that of Host */
    pn_str              path_query;
};

/** Finds r's server by its host and sets its target. r's line, method and fields are known.
 *  @return 0, or the status to fail with (logged). */
int pn__request_admit(struct pn_request *r, const struct pn_target *target);

#endif
