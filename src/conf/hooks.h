/* hooks.h - the hooks, providers and filters that the active modules of a generation registered.
 *
 * Filled by each module's `hooks` function in the order of loading, then sorted: by position
 * class, then by after/before, else in the order of loading. Immutable afterwards, owned by the
 * generation. */
#ifndef PN_CONF_HOOKS_H
#define PN_CONF_HOOKS_H

#include <pinion/body.h>
#include <pinion/module.h>

/** Points that are not phases of a request. */
enum pn_life { PN_LIFE_POST_CONFIG = 0, PN_LIFE_CHILD_INIT, PN_LIFE_CHILD_EXIT, PN_LIFE_FATAL_EXCEPTION, PN_LIFE_PREFACE, PN_LIFE_MASTER_TICK, PN_LIFE__COUNT };

/** One registered function. */
struct pn_hook_entry {
    union {
        pn_hook_fn        *request;
        pn_post_config_fn *post_config;
        pn_child_init_fn  *child_init;
        pn_child_exit_fn  *child_exit;
        pn_master_tick_fn *master_tick;
        const struct pn_preface *preface;
        pn_fatal_exception_fn *fatal_exception;
    } fn;
    const struct pn_module *module;
    struct pn_order         order;
};

struct pn_hook_list {
    const struct pn_hook_entry *v;
    unsigned                    n;
};

/** Runs every module's `hooks` function and sorts. @param modules in the order of loading. A
 * cycle of after/before is a bug of the modules: assertion. */
struct pn_hooks *pn_hooks_new(apr_pool_t *pool, struct pn_module *const *modules,
                              unsigned n_modules);
/** Sorted hooks of a phase, all of them. */
struct pn_hook_list pn_hooks_phase(const struct pn_hooks *hooks, enum pn_phase phase);
struct pn_hook_list pn_hooks_life(const struct pn_hooks *hooks, enum pn_life point);

/** The module that registered this function for a phase, or NULL. */
const struct pn_module *pn_hook_owner(const struct pn_generation *generation, enum pn_phase phase, pn_hook_fn *fn);

/** Name of a phase as Apache has it ("translate_name"). */
const char *pn_phase_name(enum pn_phase phase);

/** Runs the post_config hooks until one fails. */
PN_NODISCARD pn_rc pn_run_post_config(struct pn_generation *generation, bool check_only);
void               pn_run_child_init(struct pn_generation *generation, apr_pool_t *pool);
void               pn_run_child_exit(struct pn_generation *generation);
/** In the handler of a fatal signal. */
void               pn_run_fatal_exception(struct pn_generation *generation, int signal_number, int pid);

/** The preface that this connection begins with, or NULL. */
const struct pn_preface *pn_preface_of(const struct pn_conn *conn, const struct pn_generation *generation);

/** Runs the master_tick hooks. @return when to do so again, PN_NEVER: no need. */
pn_usec pn_run_master_tick(struct pn_generation *generation, pn_usec now);

/** All groups that have providers, sorted; of const char *, owned by pool. */
apr_array_header_t *pn_provider_groups(const struct pn_generation *generation, apr_pool_t *pool);

/* ---- provider.c, for hooks.c ---- */

struct pn_provider_table;
struct pn_provider_table *pn__provider_table_new(apr_pool_t *pool);
struct pn_provider_table *pn__hooks_providers(const struct pn_hooks *hooks);

#endif
