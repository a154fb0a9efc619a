/* pinion/generation.h - a loaded configuration: one immutable object, freed whole when its last reference goes. */
#ifndef PINION_GENERATION_H
#define PINION_GENERATION_H

#include <pinion/module.h>

struct pn_generation {
    apr_pool_t       *pool;        /* owns everything of it */
    unsigned          number;      /* counts reloads, from 1 */
    struct pn_server *servers;     /* the main server first, then virtual hosts in order */
    unsigned          n_servers;
    pn_str            server_root; /* absolute, no slash at the end */
    struct pn_module *const *modules; /* active ones in the order of loading */
    unsigned          n_modules;
    apr_hash_t       *defines;     /* -D and Define */
    bool              no_docroot_check; /* -T: document roots may be missing */
    uint32_t          refs;
    struct pn_generation_core *core; /* conf's own */
};

/** By file name, symbol name or one of its further names; NULL when it is not active. */
struct pn_module *pn_find_module(const struct pn_generation *generation, pn_str name);
/** Do two virtual hosts stand at one address and port, so that a connection may be for either? */
bool pn_servers_share_address(const struct pn_server *a, const struct pn_server *b);
/** Reports an error of a post_config hook: shown like a configuration error, stops the start. */
PN_PRINTF(2, 3) void pn_generation_error(struct pn_generation *generation, const char *fmt, ...);
bool pn_is_defined(const struct pn_generation *generation, const char *name);

#endif
