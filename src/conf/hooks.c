/* hooks.c - see hooks.h. */
#include "conf/hooks.h"

#include "conf/core.h"

struct pn_hooks {
    apr_pool_t               *pool;
    const struct pn_module   *module;                 /* at work */
    apr_array_header_t       *phase[PN_PHASE__COUNT]; /* of struct pn_hook_entry */
    apr_array_header_t       *life[PN_LIFE__COUNT];
    struct pn_provider_table *providers;
};

static const char *const phase_names[PN_PHASE__COUNT] = {
    [PN_PHASE_POST_READ_REQUEST] = "post_read_request",
    [PN_PHASE_QUICK_HANDLER] = "quick_handler",
    [PN_PHASE_PRE_TRANSLATE_NAME] = "pre_translate_name",
    [PN_PHASE_TRANSLATE_NAME] = "translate_name",
    [PN_PHASE_MAP_TO_STORAGE] = "map_to_storage",
    [PN_PHASE_POST_PERDIR_CONFIG] = "post_perdir_config",
    [PN_PHASE_HEADER_PARSER] = "header_parser",
    [PN_PHASE_ACCESS_CHECKER] = "access_checker",
    [PN_PHASE_ACCESS_CHECKER_EX] = "access_checker_ex",
    [PN_PHASE_CHECK_AUTHN] = "check_authn",
    [PN_PHASE_CHECK_AUTHZ] = "check_authz",
    [PN_PHASE_TYPE_CHECKER] = "type_checker",
    [PN_PHASE_FIXUPS] = "fixups",
    [PN_PHASE_INSERT_FILTER] = "insert_filter",
    [PN_PHASE_HANDLER] = "handler",
    [PN_PHASE_RESPONSE_HEAD] = "response_head",
    [PN_PHASE_LOG_TRANSACTION] = "log_transaction",
};

const char *pn_phase_name(enum pn_phase phase)
{
    pn_assert(phase < PN_PHASE__COUNT);
    return phase_names[phase];
}

/* ---- registration ---- */

static void add(struct pn_hooks *h, apr_array_header_t *list, struct pn_hook_entry entry)
{
    pn_assert(h->module); /* hooks are registered by a module's `hooks` function only */
    entry.module = h->module;
    *(struct pn_hook_entry *)apr_array_push(list) = entry;
}

void pn_hook(struct pn_hooks *h, enum pn_phase phase, pn_hook_fn *fn, struct pn_order order)
{
    pn_assert(phase < PN_PHASE__COUNT && fn);
    add(h, h->phase[phase], (struct pn_hook_entry){ .fn.request = fn, .order = order });
}

void pn_hook_post_config(struct pn_hooks *h, pn_post_config_fn *fn, struct pn_order order)
{
    add(h, h->life[PN_LIFE_POST_CONFIG],
        (struct pn_hook_entry){ .fn.post_config = fn, .order = order });
}

void pn_hook_child_init(struct pn_hooks *h, pn_child_init_fn *fn, struct pn_order order)
{
    add(h, h->life[PN_LIFE_CHILD_INIT],
        (struct pn_hook_entry){ .fn.child_init = fn, .order = order });
}

void pn_hook_child_exit(struct pn_hooks *h, pn_child_exit_fn *fn, struct pn_order order)
{
    add(h, h->life[PN_LIFE_CHILD_EXIT],
        (struct pn_hook_entry){ .fn.child_exit = fn, .order = order });
}

void pn_hook_fatal_exception(struct pn_hooks *h, pn_fatal_exception_fn *fn, struct pn_order order)
{
    add(h, h->life[PN_LIFE_FATAL_EXCEPTION],
        (struct pn_hook_entry){ .fn.fatal_exception = fn, .order = order });
}

void pn_hook_preface(struct pn_hooks *h, const struct pn_preface *preface, struct pn_order order)
{
    add(h, h->life[PN_LIFE_PREFACE],
        (struct pn_hook_entry){ .fn.preface = preface, .order = order });
}

const struct pn_module *pn_hook_owner(const struct pn_generation *generation, enum pn_phase phase, pn_hook_fn *fn)
{
    struct pn_hook_list list = pn_hooks_phase(generation->core->hooks, phase);

    for (unsigned i = 0; i < list.n; i++)
        if (list.v[i].fn.request == fn)
            return list.v[i].module;
    return NULL;
}

void pn_hook_master_tick(struct pn_hooks *h, pn_master_tick_fn *fn, struct pn_order order)
{
    add(h, h->life[PN_LIFE_MASTER_TICK],
        (struct pn_hook_entry){ .fn.master_tick = fn, .order = order });
}

/* ---- order ---- */

static bool list_names(const char *list, const struct pn_module *module)
{
    pn_str rest = pn_str_z(list);

    while (rest.n)
        if (pn_module_named(module, pn_str_trim(pn_str_cut(rest, ',', &rest))))
            return true;
    return false;
}

/* Has `a` to run before `b` by what either of them says? */
static bool must_precede(const struct pn_hook_entry *a, const struct pn_hook_entry *b)
{
    if (a->module == b->module)
        return false;
    return list_names(b->order.after, a->module) || list_names(a->order.before, b->module);
}

/* The first in line that nobody who still waits has to precede. */
static unsigned next_free(struct pn_hook_entry *const *waiting, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        bool is_free = true;

        for (unsigned j = 0; j < n && is_free; j++)
            is_free = j == i || !must_precede(waiting[j], waiting[i]);
        if (is_free)
            return i;
    }
    pn_assert_failed(__FILE__, __LINE__, "hooks wait for each other: a cycle of after and before");
}

/* By position class, stable: insertion sort, the lists are short. */
static void sort_by_position(struct pn_hook_entry **v, unsigned n)
{
    for (unsigned i = 1; i < n; i++) {
        struct pn_hook_entry *entry = v[i];
        unsigned              at = i;

        for (; at > 0 && v[at - 1]->order.pos > entry->order.pos; at--)
            v[at] = v[at - 1];
        v[at] = entry;
    }
}

static void sort_list(apr_pool_t *pool, apr_array_header_t **list)
{
    unsigned               n = (unsigned)(*list)->nelts;
    struct pn_hook_entry  *entries = (void *)(*list)->elts;
    struct pn_hook_entry **waiting = apr_palloc(pool, (n + 1) * sizeof(*waiting));
    apr_array_header_t    *sorted = apr_array_make(pool, (int)n + 1, sizeof(*entries));

    for (unsigned i = 0; i < n; i++)
        waiting[i] = &entries[i];
    sort_by_position(waiting, n);
    while (n > 0) {
        unsigned chosen = next_free(waiting, n);

        *(struct pn_hook_entry *)apr_array_push(sorted) = *waiting[chosen];
        n--;
        memmove(&waiting[chosen], &waiting[chosen + 1], (n - chosen) * sizeof(*waiting));
    }
    *list = sorted;
}

struct pn_hooks *pn_hooks_new(apr_pool_t *pool, struct pn_module *const *modules,
                              unsigned n_modules)
{
    struct pn_hooks *h = apr_pcalloc(pool, sizeof(*h));

    h->pool = pool;
    h->providers = pn__provider_table_new(pool);
    for (int i = 0; i < PN_PHASE__COUNT; i++)
        h->phase[i] = apr_array_make(pool, 8, sizeof(struct pn_hook_entry));
    for (int i = 0; i < PN_LIFE__COUNT; i++)
        h->life[i] = apr_array_make(pool, 8, sizeof(struct pn_hook_entry));
    for (unsigned i = 0; i < n_modules; i++) {
        h->module = modules[i];
        if (modules[i]->hooks)
            modules[i]->hooks(h);
    }
    h->module = NULL;
    for (int i = 0; i < PN_PHASE__COUNT; i++)
        sort_list(pool, &h->phase[i]);
    for (int i = 0; i < PN_LIFE__COUNT; i++)
        sort_list(pool, &h->life[i]);
    return h;
}

/* ---- look-up ---- */

static struct pn_hook_list as_list(const apr_array_header_t *entries)
{
    return (struct pn_hook_list){ (const void *)entries->elts, (unsigned)entries->nelts };
}

struct pn_hook_list pn_hooks_phase(const struct pn_hooks *hooks, enum pn_phase phase)
{
    pn_assert(phase < PN_PHASE__COUNT);
    return as_list(hooks->phase[phase]);
}

struct pn_hook_list pn_hooks_life(const struct pn_hooks *hooks, enum pn_life point)
{
    pn_assert(point < PN_LIFE__COUNT);
    return as_list(hooks->life[point]);
}

struct pn_provider_table *pn__hooks_providers(const struct pn_hooks *hooks)
{
    return hooks->providers;
}

/* ---- life of the server ---- */

pn_rc pn_run_post_config(struct pn_generation *generation, bool check_only)
{
    struct pn_hook_list list = pn_hooks_life(generation->core->hooks, PN_LIFE_POST_CONFIG);

    for (unsigned i = 0; i < list.n; i++) {
        pn_rc rc = list.v[i].fn.post_config(generation, generation->pool, check_only);

        if (rc != PN_OK)
            return rc;
    }
    return PN_OK;
}

void pn_run_child_init(struct pn_generation *generation, apr_pool_t *pool)
{
    struct pn_hook_list list = pn_hooks_life(generation->core->hooks, PN_LIFE_CHILD_INIT);

    for (unsigned i = 0; i < list.n; i++)
        list.v[i].fn.child_init(generation, pool);
}

void pn_run_child_exit(struct pn_generation *generation)
{
    struct pn_hook_list list = pn_hooks_life(generation->core->hooks, PN_LIFE_CHILD_EXIT);

    for (unsigned i = 0; i < list.n; i++)
        list.v[i].fn.child_exit(generation);
}

void pn_run_fatal_exception(struct pn_generation *generation, int signal_number, int pid)
{
    struct pn_hook_list list = pn_hooks_life(generation->core->hooks, PN_LIFE_FATAL_EXCEPTION);

    for (unsigned i = 0; i < list.n; i++)
        list.v[i].fn.fatal_exception(signal_number, pid);
}

const struct pn_preface *pn_preface_of(const struct pn_conn *conn, const struct pn_generation *generation)
{
    struct pn_hook_list list = pn_hooks_life(generation->core->hooks, PN_LIFE_PREFACE);

    for (unsigned i = 0; i < list.n; i++)
        if (list.v[i].fn.preface->wanted(conn))
            return list.v[i].fn.preface;
    return NULL;
}

pn_usec pn_run_master_tick(struct pn_generation *generation, pn_usec now)
{
    struct pn_hook_list list = pn_hooks_life(generation->core->hooks, PN_LIFE_MASTER_TICK);
    pn_usec             next = PN_NEVER;

    for (unsigned i = 0; i < list.n; i++) {
        pn_usec its_next = list.v[i].fn.master_tick(generation, now);

        next = its_next < next ? its_next : next;
    }
    return next;
}
