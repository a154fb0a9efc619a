/* plan.c - see plan.h.
 *
 * All hooks of a generation are numbered, phase after phase. A plan is told by the set of
 * numbers that matter: a few words of bits, which are the key under which equal plans meet. Only
 * hooks with a `when` are asked. */
#include "conf/plan.h"

#include <apr_strings.h>
#include <pthread.h>

#include "conf/hooks.h"

/* 1,024 hooks: ten for each of a hundred modules. */
#define PLAN_WORDS 16

struct mask {
    uint64_t w[PLAN_WORDS];
};

/* A hook that has to be asked. */
struct question {
    unsigned number;
    bool     early; /* its phase runs before the place is known, or after it is left */
    const struct pn_hook_entry *hook;
};

struct pn_plan_set {
    apr_pool_t            *pool; /* own: grows while children serve, under the lock */
    pthread_mutex_t        lock;
    const struct pn_hooks *hooks;
    unsigned               n_words; /* in use */
    struct mask            always;
    struct question       *questions;
    unsigned               n_questions;
    apr_hash_t            *by_mask;
};

static pn_hook_fn *const no_hooks[] = { NULL };

static void mask_add(struct mask *mask, unsigned number)
{
    mask->w[number / 64] |= UINT64_C(1) << (number % 64);
}

static bool mask_has(const struct mask *mask, unsigned number)
{
    return mask->w[number / 64] >> (number % 64) & 1;
}

static apr_status_t close_set(void *arg)
{
    struct pn_plan_set *set = arg;

    pthread_mutex_destroy(&set->lock);
    apr_pool_destroy(set->pool);
    return APR_SUCCESS;
}

static bool is_early(enum pn_phase phase)
{
    return phase <= PN_PHASE_MAP_TO_STORAGE || phase == PN_PHASE_LOG_TRANSACTION;
}

static unsigned count_hooks(const struct pn_hooks *hooks)
{
    unsigned n = 0;

    for (int phase = 0; phase < PN_PHASE__COUNT; phase++)
        n += pn_hooks_phase(hooks, phase).n;
    return n;
}

static void sort_out(struct pn_plan_set *set, unsigned n_hooks, apr_pool_t *pool)
{
    unsigned number = 0;

    set->questions = apr_pcalloc(pool, (n_hooks + 1) * sizeof(*set->questions));
    for (int phase = 0; phase < PN_PHASE__COUNT; phase++) {
        struct pn_hook_list list = pn_hooks_phase(set->hooks, phase);

        for (unsigned i = 0; i < list.n; i++, number++) {
            if (!list.v[i].order.when)
                mask_add(&set->always, number);
            else
                set->questions[set->n_questions++] = (struct question){ .number = number,
                                                                        .early = is_early(phase),
                                                                        .hook = &list.v[i] };
        }
    }
}

struct pn_plan_set *pn_plan_set_new(apr_pool_t *pool, const struct pn_hooks *hooks)
{
    struct pn_plan_set *set = apr_pcalloc(pool, sizeof(*set));
    unsigned            n_hooks = count_hooks(hooks);

    pn_assert(n_hooks <= PLAN_WORDS * 64);
    set->hooks = hooks;
    set->n_words = n_hooks ? (n_hooks + 63) / 64 : 1;
    pthread_mutex_init(&set->lock, NULL);
    apr_pool_create_unmanaged_ex(&set->pool, apr_pool_abort_get(pool), NULL);
    set->by_mask = apr_hash_make(set->pool);
    sort_out(set, n_hooks, pool);
    apr_pool_cleanup_register(pool, set, close_set, apr_pool_cleanup_null);
    return set;
}

/* Settings that are not there yet (sections merged without the server's) count as mattering. */
static bool matters(const struct question *question, const struct pn_server *server,
                    const struct pn_conf_vec *vec)
{
    const struct pn_module   *module = question->hook->module;
    const struct pn_conf_vec *judged = question->early ? server->dir_conf : vec;

    if (module->dir_conf_size && !judged->conf[module->index])
        return true;
    return question->hook->order.when(server, server->conf[module->index],
                                      judged->conf[module->index]);
}

static pn_hook_fn *const *pick(struct pn_plan_set *set, const struct mask *mask,
                               struct pn_hook_list list, unsigned first)
{
    pn_hook_fn **v;
    unsigned     n = 0;

    for (unsigned i = 0; i < list.n; i++)
        n += mask_has(mask, first + i);
    if (n == 0)
        return no_hooks;
    v = apr_pcalloc(set->pool, (n + 1) * sizeof(*v));
    n = 0;
    for (unsigned i = 0; i < list.n; i++)
        if (mask_has(mask, first + i))
            v[n++] = list.v[i].fn.request;
    return v;
}

/* Do all of the chosen hooks of the list say so? */
static bool all_by_name(const struct mask *mask, struct pn_hook_list list, unsigned first)
{
    for (unsigned i = 0; i < list.n; i++)
        if (mask_has(mask, first + i) && !list.v[i].order.by_name)
            return false;
    return true;
}

static bool tells_of_file(int phase)
{
    return phase == PN_PHASE_POST_PERDIR_CONFIG || phase == PN_PHASE_TYPE_CHECKER || phase == PN_PHASE_FIXUPS;
}

static const struct pn_plan *make_plan(struct pn_plan_set *set, const struct mask *mask)
{
    struct pn_plan *plan = apr_pcalloc(set->pool, sizeof(*plan));
    size_t          key_bytes = set->n_words * sizeof(uint64_t);
    unsigned        first = 0;

    plan->by_name = true;
    for (int phase = 0; phase < PN_PHASE__COUNT; phase++) {
        struct pn_hook_list list = pn_hooks_phase(set->hooks, phase);

        plan->phase[phase] = pick(set, mask, list, first);
        if (tells_of_file(phase) && !all_by_name(mask, list, first))
            plan->by_name = false;
        first += list.n;
    }
    apr_hash_set(set->by_mask, apr_pmemdup(set->pool, mask, key_bytes), (apr_ssize_t)key_bytes,
                 plan);
    return plan;
}

const struct pn_plan *pn_plan_for(struct pn_plan_set *set, const struct pn_server *server,
                                  const struct pn_conf_vec *vec)
{
    struct mask           mask = set->always;
    const struct pn_plan *plan;

    for (unsigned i = 0; i < set->n_questions; i++)
        if (matters(&set->questions[i], server, vec))
            mask_add(&mask, set->questions[i].number);
    pthread_mutex_lock(&set->lock);
    plan = apr_hash_get(set->by_mask, &mask, (apr_ssize_t)(set->n_words * sizeof(uint64_t)));
    if (!plan)
        plan = make_plan(set, &mask);
    pthread_mutex_unlock(&set->lock);
    return plan;
}

unsigned pn_plan_count(const struct pn_plan_set *set)
{
    return apr_hash_count(set->by_mask);
}
