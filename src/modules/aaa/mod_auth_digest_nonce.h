/* mod_auth_digest_nonce.h - nonces of digest authentication: made, checked, and counted across all children.
 *
 * A nonce carries its time and a random number, sealed with a secret of this configuration, so none has to be stored to be
 * known again. Only one with which a user has come in takes a place in shared memory: there the counts that were seen are
 * kept, which a replay repeats. Part of mod_auth_digest. */
#ifndef MOD_AUTH_DIGEST_NONCE_H
#define MOD_AUTH_DIGEST_NONCE_H

#include <pinion/str.h>

struct digest_nonces;

enum digest_nonce_state {
    DIGEST_NONCE_GOOD,
    DIGEST_NONCE_FOREIGN,  /* not of this server's making, or of an earlier configuration */
    DIGEST_NONCE_EXPIRED,  /* over its lifetime, or no longer counted: a new one serves as well */
    DIGEST_NONCE_REPLAYED  /* the count was used before */
};

struct digest_use {
    pn_str   nonce;
    pn_str   realm;
    uint32_t count;        /* nc */
    bool     check_count;
    int64_t  lifetime_s;   /* < 0: for ever; 0: a nonce serves once */
    pn_usec  now;          /* monotonic */
};

/** In the master, before children are forked. @param bytes of shared memory. @return NULL when there is none. */
struct digest_nonces *digest_nonces_new(apr_pool_t *pool, size_t bytes);

/** Length of a nonce's text. */
#define DIGEST_NONCE_LENGTH 44

/** A fresh nonce for a realm, NUL-terminated, owned by the pool. */
pn_str digest_nonce_make(struct digest_nonces *nonces, apr_pool_t *pool, pn_str realm, pn_usec now);

/** Judges a nonce whose response was right, and takes note of its count. Thread-safe, never suspends. */
enum digest_nonce_state digest_nonce_use(struct digest_nonces *nonces, const struct digest_use *use);

#endif
