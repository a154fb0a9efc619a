/* plan.h - the hooks that matter for one place, flat, so that a request calls nothing that would
 * only decline.
 *
 * Made once for each merged settings object, not for a request. Equal plans are one object per
 * generation, so comparing pointers compares plans. Owned by the generation. Callers: vec.c,
 * generation.c; src/http runs them. */
#ifndef PN_CONF_PLAN_H
#define PN_CONF_PLAN_H

#include <pinion/module.h>

struct pn_plan {
    pn_hook_fn *const *phase[PN_PHASE__COUNT]; /* each ends with NULL; never NULL itself */
    bool               by_name; /* every hook that tells what a file is says so of itself */
};

struct pn_plan_set;

/** @param pool of the generation, which owns all plans. Call after the hooks have been sorted. */
struct pn_plan_set *pn_plan_set_new(apr_pool_t *pool, const struct pn_hooks *hooks);
/** The plan for these settings. Phases up to PN_PHASE_MAP_TO_STORAGE and the log phase are judged
 * by the server's own per-directory defaults, the others by `vec`. Thread-safe, never suspends. */
const struct pn_plan *pn_plan_for(struct pn_plan_set *set, const struct pn_server *server,
                                  const struct pn_conf_vec *vec);
/** How many different plans there are. */
unsigned pn_plan_count(const struct pn_plan_set *set);

#endif
