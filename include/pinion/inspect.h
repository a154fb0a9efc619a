/* pinion/inspect.h - what the server is made of, for pages that show it: its version, the lines of its configuration, its
 * modules' hooks, filters and providers. Read only; nothing here suspends. */
#ifndef PINION_INSPECT_H
#define PINION_INSPECT_H

#include <pinion/generation.h>

/** "Pinion/1.2.3". Static. */
const char *pn_server_version(void);
/** When it was compiled, "Nov 23 2026 12:00:00"; "" in builds that do not say. Static. */
const char *pn_server_built(void);
/** Timeout and KeepAliveTimeout of a server, microseconds. */
void pn_server_timeouts(const struct pn_server *server, pn_usec *ret_timeout, pn_usec *ret_keep_alive);
/** The file given with -f or the default one, as named; "" when there was none. */
pn_str pn_config_file(const struct pn_generation *generation);

/* ---- the configuration as it was written ---- */

/** A line. Includes, conditions and macros have been obeyed and are not among them. */
struct pn_config_line {
    const char *file;
    unsigned    line;
    unsigned    depth;   /* sections around it */
    bool        section; /* its lines follow, deeper */
    bool        end;     /* closes the section of the same name and depth; has no line number */
    pn_str      name;    /* as written, without '<' */
    pn_str      args;    /* quotes kept */
    const struct pn_module *module; /* whose directive it is; NULL: not known any more */
};
/** All lines in order, of struct pn_config_line; kept when a module with `wants_lines` is active, else NULL. */
const apr_array_header_t *pn_config_lines(const struct pn_generation *generation);

/* ---- hooks ---- */

struct pn_hook_info {
    const char             *point; /* "translate_name" */
    const struct pn_module *module;
    int                     position; /* enum pn_order_pos */
    bool                    life;  /* of the server's life, not of a request */
};
/** Every hook in the order in which they run, of struct pn_hook_info, in `pool`. */
apr_array_header_t *pn_hook_infos(const struct pn_generation *generation, apr_pool_t *pool);
/** Groups of providers, sorted, of const char *, in `pool`. */
apr_array_header_t *pn_provider_group_names(const struct pn_generation *generation, apr_pool_t *pool);
/** Names of filters (lower case, sorted), of const char *, in `pool`. */
apr_array_header_t *pn_filter_names(const struct pn_generation *generation, apr_pool_t *pool, bool input);
/** Has the module's object come from a shared object? */
bool pn_module_is_shared(const struct pn_module *module);

#endif
