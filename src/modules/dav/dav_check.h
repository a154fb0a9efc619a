/* dav_check.h - may a method change what it wants to change? The client's conditions, and the locks of others. */
#ifndef PN_DAV_DAV_CHECK_H
#define PN_DAV_DAV_CHECK_H

#include "dav_locks.h"

/** What a method changes. */
struct dav_target {
    const struct dav_resource *what;
    bool only_read; /* it stays as it is; only the client's conditions are about it */
    bool members; /* everything below, too */
    bool parent;  /* the collection around it gains or loses a member */
};

struct dav_check {
    apr_pool_t             *pool;     /* of dav_pool, owns the rest */
    const struct dav_locks *locks;    /* may be NULL: there are none */
    apr_array_header_t     *failures; /* of struct dav_failure: members that are locked */
};

/** @param n_targets the first is the request's own resource, whose state If-Match and so on mean.
 *  @param ret filled in any case.
 *  @return 0; 207: see failures; else the status to refuse with. */
PN_MAY_YIELD int dav_check(struct pn_request *r, const struct dav_target *targets, size_t n_targets, struct dav_check *ret);
/** The same with locks that have been read. */
PN_MAY_YIELD int dav_check_locked(struct pn_request *r, const struct dav_target *targets, size_t n_targets, struct dav_check *check);
/** The tokens that the If field names, of pn_str; never NULL. @return 0 or the status to refuse with. */
int dav_submitted(struct pn_request *r, apr_array_header_t **ret_tokens);

/** Looks up a URL that a field names. @param ret not written unless 0.
 *  @return 0; 502: another server's; 400: no URL; else the status that a request for it would meet. */
PN_MAY_YIELD int dav_look_up(struct pn_request *r, pn_str url, struct dav_resource *ret);

#endif
