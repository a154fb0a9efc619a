/* vec.c - see vec.h.
 *
 * A settings struct lies behind its head and its set-bits:  [bits ...][head][settings]  and is
 * known by the address of the settings, which is what modules get. A counted vector is one
 * malloc block with the structs that it made itself; a pool is added to it only when a module's
 * merge function allocated something. */
#include "conf/vec.h"

#include <stdlib.h>

#include "conf/core.h"
#include "conf/slot.h"
#include "conf/tree.h"

#define HEAD_MAGIC 0x70436e66

struct conf_head {
    uint32_t magic;
    uint16_t n_words; /* of set-bits, in front */
    uint16_t module_index;
};

/* What owns a counted vector. */
struct counted {
    size_t             bytes;
    struct pn_conf_vec super;
};

/* ---- one settings struct ---- */

static const struct conf_head *head_of(const void *conf)
{
    const struct conf_head *head = (const struct conf_head *)conf - 1;

    pn_assert(head->magic == HEAD_MAGIC);
    return head;
}

static uint64_t *bits_of(const void *conf)
{
    const struct conf_head *head = head_of(conf);

    return (uint64_t *)head - head->n_words;
}

static size_t round_up(size_t n)
{
    return (n + 7) & ~(size_t)7;
}

static size_t scope_size(const struct pn_module_info *info, enum pn_conf_scope scope)
{
    return scope == PN_SCOPE_DIR ? info->module->dir_conf_size : info->module->server_conf_size;
}

/* Bytes in memory of a struct with its head and bits. */
static size_t conf_bytes(const struct pn_module_info *info, enum pn_conf_scope scope)
{
    return info->n_words * sizeof(uint64_t) + sizeof(struct conf_head) +
           round_up(scope_size(info, scope));
}

/* @param memory conf_bytes() of it.  @return the settings, not initialised. */
static void *conf_place(const struct pn_module_info *info, void *memory)
{
    struct conf_head *head = (void *)((uint64_t *)memory + info->n_words);

    memset(memory, 0, info->n_words * sizeof(uint64_t));
    head->magic = HEAD_MAGIC;
    head->n_words = (uint16_t)info->n_words;
    head->module_index = (uint16_t)info->module->index;
    return head + 1;
}

void pn__conf_mark(void *conf, const struct pn_module_info *info, unsigned position)
{
    unsigned bit = info->bit_of_row[position];

    bits_of(conf)[bit / 64] |= UINT64_C(1) << (bit % 64);
}

bool pn__conf_marked(const void *conf, const struct pn_module_info *info, unsigned position)
{
    unsigned bit = info->bit_of_row[position];

    return bits_of(conf)[bit / 64] >> (bit % 64) & 1;
}

static unsigned position_of(const struct pn_module *module, const char *directive)
{
    const struct pn_directive *row = pn_module_row(module, pn_str_z(directive));

    pn_assert(row);
    return (unsigned)(row - module->directives);
}

bool pn_conf_is_set(const void *conf, const struct pn_module *module, const char *directive)
{
    return pn__conf_marked(conf, pn_module_info(module), position_of(module, directive));
}

void pn_conf_mark_set(void *conf, const struct pn_module *module, const char *directive)
{
    pn__conf_mark(conf, pn_module_info(module), position_of(module, directive));
}

/* ---- defaults ---- */

/* A default that its own row refuses is a bug of the module. */
static void set_default(struct pn_generation *generation, const struct pn_directive *row,
                        void *conf)
{
    struct pn_slot_in   in = { .pool = generation->pool,
                               .temp = generation->core->temp,
                               .server_root = generation->server_root,
                               .fresh = true };
    apr_array_header_t *words = apr_array_make(in.temp, 4, sizeof(pn_str));
    pn_str              rest = pn_str_z(row->dflt);
    const char         *error;

    if (row->slot.type == PN_SLOT_STRLIST) {
        for (pn_str word = pn_conf_word(in.pool, &rest); word.p;
             word = pn_conf_word(in.pool, &rest))
            *(pn_str *)apr_array_push(words) = word;
    }
    else
        *(pn_str *)apr_array_push(words) = rest;
    error =
        pn_slot_set(&in, row, conf, (unsigned)words->nelts, (const pn_str *)(void *)words->elts);
    if (error)
        pn_assert_failed(row->name, 0, error);
}

static void *make_defaults(struct pn_generation *generation, const struct pn_module_info *info,
                           enum pn_conf_scope scope)
{
    size_t size = scope_size(info, scope);
    void  *conf = size ? apr_pcalloc(generation->pool, size) : NULL;

    for (unsigned i = 0; conf && i < info->n_rows; i++) {
        const struct pn_directive *row = &info->module->directives[i];

        if (row->dflt && row->slot.type != PN_SLOT_NONE && pn_row_scope(row) == scope)
            set_default(generation, row, conf);
    }
    return conf;
}

void pn__conf_prepare_defaults(struct pn_generation *generation)
{
    struct pn_generation_core *core = generation->core;

    core->dir_defaults = apr_pcalloc(generation->pool, core->n_conf * sizeof(void *) + 1);
    core->server_defaults = apr_pcalloc(generation->pool, core->n_conf * sizeof(void *) + 1);
    for (unsigned i = 0; i < core->n_conf; i++) {
        if (!core->infos[i])
            continue;
        core->dir_defaults[i] = make_defaults(generation, core->infos[i], PN_SCOPE_DIR);
        core->server_defaults[i] = make_defaults(generation, core->infos[i], PN_SCOPE_SERVER);
    }
}

/* ---- vectors being filled ---- */

static void vec_init(struct pn_conf_vec *vec, unsigned n, apr_pool_t *pool, uint32_t refs)
{
    memset(vec, 0, sizeof(*vec) + n * sizeof(void *));
    vec->n = n;
    vec->pool = pool;
    vec->refs = refs;
}

struct pn_conf_vec *pn_conf_vec_new(const struct pn_generation *generation, apr_pool_t *pool)
{
    unsigned            n = generation->core->n_conf;
    struct pn_conf_vec *vec = apr_palloc(pool, sizeof(*vec) + n * sizeof(void *));

    vec_init(vec, n, NULL, PN_VEC_IMMORTAL);
    return vec;
}

static struct pn_conf_vec *new_counted(unsigned n, size_t extra_bytes, apr_pool_t *pool)
{
    size_t          bytes = sizeof(struct counted) + n * sizeof(void *) + extra_bytes;
    struct counted *owner = malloc(bytes);

    pn_assert(owner);
    owner->bytes = bytes;
    vec_init(&owner->super, n, pool, 1);
    return &owner->super;
}

struct pn_conf_vec *pn__conf_vec_new_counted(const struct pn_generation *generation,
                                             apr_pool_t                 *pool)
{
    return new_counted(generation->core->n_conf, 0, pool);
}

static const struct pn_module_info *active_info(const struct pn_generation_core *core,
                                                const struct pn_module          *module)
{
    pn_assert(module->index < core->n_conf && core->infos[module->index]);
    return core->infos[module->index];
}

void *pn_conf_vec_need(const struct pn_generation *generation, struct pn_conf_vec *vec,
                       apr_pool_t *pool, const struct pn_module *module)
{
    const struct pn_module_info *info = active_info(generation->core, module);
    void                       **conf = &vec->conf[module->index];

    if (*conf || !module->dir_conf_size)
        return *conf;
    *conf = conf_place(info, apr_palloc(pool, conf_bytes(info, PN_SCOPE_DIR)));
    memcpy(*conf, generation->core->dir_defaults[module->index], module->dir_conf_size);
    if (module->dir_conf_init)
        module->dir_conf_init(pool, *conf);
    return *conf;
}

void *pn_conf_server_need(struct pn_server *server, apr_pool_t *pool,
                          const struct pn_module *module)
{
    const struct pn_generation_core *core = server->generation->core;
    const struct pn_module_info     *info = active_info(core, module);
    void                           **conf = &server->conf[module->index];

    if (*conf || !module->server_conf_size)
        return *conf;
    *conf = conf_place(info, apr_palloc(pool, conf_bytes(info, PN_SCOPE_SERVER)));
    memcpy(*conf, core->server_defaults[module->index], module->server_conf_size);
    if (module->server_conf_init)
        module->server_conf_init(pool, server, *conf);
    return *conf;
}

void *pn_conf_server_settings(struct pn_conf_cmd *cmd, const struct pn_module *module)
{
    return pn_conf_server_need(cmd->server, cmd->pool, module);
}

void pn__conf_server_complete(struct pn_server *server, apr_pool_t *pool)
{
    const struct pn_generation *generation = server->generation;

    for (unsigned i = 0; i < generation->n_modules; i++) {
        pn_conf_vec_need(generation, server->dir_conf, pool, generation->modules[i]);
        pn_conf_server_need(server, pool, generation->modules[i]);
    }
}

/* ---- merging ---- */

static void merge_slot(const struct pn_module_info *info, unsigned position, apr_pool_t *pool,
                       const void *base, const void *add, void *merged)
{
    const struct pn_directive *row = &info->module->directives[position];

    if (row->slot.type == PN_SLOT_NONE)
        return;
    if (row->slot.type == PN_SLOT_STRLIST && row->merge == PN_MERGE_APPEND &&
        pn__conf_marked(base, info, position))
        pn_slot_append(&row->slot, pool, merged, base, add);
    else
        pn_slot_copy(&row->slot, merged, add);
}

/* Makes `merged`, which conf_place() gave, from base and add. */
static void merge_conf(const struct pn_module_info *info, enum pn_conf_scope scope,
                       apr_pool_t *pool, const void *base, const void *add, void *merged)
{
    const struct pn_module *module = info->module;
    const uint64_t         *base_bits = bits_of(base), *add_bits = bits_of(add);
    uint64_t               *bits = bits_of(merged);
    void (*merge)(apr_pool_t *, const void *, const void *, void *) =
        scope == PN_SCOPE_DIR ? module->dir_conf_merge : module->server_conf_merge;

    memcpy(merged, base, scope_size(info, scope));
    for (unsigned w = 0; w < info->n_words; w++) {
        bits[w] = base_bits[w] | add_bits[w];
        for (uint64_t left = add_bits[w]; left; left &= left - 1)
            merge_slot(info, w * 64 + (unsigned)__builtin_ctzll(left), pool, base, add, merged);
    }
    if (merge)
        merge(pool, base, add, merged);
}

static bool merge_allocates(const struct pn_module_info *info)
{
    return info->dir_lists || info->module->dir_conf_merge;
}

struct merge_need {
    size_t bytes;    /* of the structs that have to be made */
    bool   has_pool; /* something may be allocated beside them */
};

static struct merge_need measure(const struct pn_generation_core *core,
                                 const struct pn_conf_vec *outer, const struct pn_conf_vec *inner)
{
    struct merge_need need = { 0 };

    for (unsigned i = 0; inner && outer && i < inner->n; i++) {
        if (!inner->conf[i] || !outer->conf[i] || inner->conf[i] == outer->conf[i])
            continue;
        need.bytes += conf_bytes(core->infos[i], PN_SCOPE_DIR);
        need.has_pool |= merge_allocates(core->infos[i]);
    }
    return need;
}

/* Fills `vec`; the structs that have to be made are put one after the other into `memory`. */
static void merge_all(const struct pn_generation_core *core, const struct pn_conf_vec *outer,
                      const struct pn_conf_vec *inner, apr_pool_t *pool, char *memory,
                      struct pn_conf_vec *vec)
{
    for (unsigned i = 0; i < vec->n; i++) {
        void *base = outer ? outer->conf[i] : NULL;
        void *add = inner ? inner->conf[i] : NULL;

        if (!base || !add || base == add) {
            vec->conf[i] = add ? add : base;
            continue;
        }
        vec->conf[i] = conf_place(core->infos[i], memory);
        memory += conf_bytes(core->infos[i], PN_SCOPE_DIR);
        merge_conf(core->infos[i], PN_SCOPE_DIR, pool, base, add, vec->conf[i]);
    }
}

static struct pn_conf_vec *merge_counted(const struct pn_generation_core *core,
                                         const struct pn_conf_vec        *outer,
                                         const struct pn_conf_vec        *inner)
{
    struct merge_need   need = measure(core, outer, inner);
    struct pn_conf_vec *vec = new_counted(core->n_conf, need.bytes, NULL);
    char               *memory = (char *)&vec->conf[vec->n], *before = NULL, *after = NULL;

    if (need.has_pool) {
        apr_pool_create_unmanaged_ex(&vec->pool, core->abort, core->vec_allocator);
        before = apr_palloc(vec->pool, 8);
    }
    merge_all(core, outer, inner, vec->pool, memory, vec);
    /* A pool takes 8 KB, ten times the rest, and most merges allocate nothing: then the next
     * bytes follow directly (cleanups are allocated from the pool too, so they would be seen). */
    if (need.has_pool)
        after = apr_palloc(vec->pool, 8);
    if (need.has_pool && after == before + 8) {
        apr_pool_destroy(vec->pool);
        vec->pool = NULL;
    }
    vec->parents[0] = pn_conf_vec_ref(outer);
    vec->parents[1] = pn_conf_vec_ref(inner);
    return vec;
}

static apr_status_t release_parent(void *vec)
{
    pn_conf_vec_unref(vec);
    return APR_SUCCESS;
}

static void keep_for_pool(apr_pool_t *pool, const struct pn_conf_vec *vec)
{
    if (vec && vec->refs != PN_VEC_IMMORTAL)
        apr_pool_cleanup_register(pool, pn_conf_vec_ref(vec), release_parent,
                                  apr_pool_cleanup_null);
}

static struct pn_conf_vec *merge_in_pool(const struct pn_generation *generation,
                                         const struct pn_conf_vec   *outer,
                                         const struct pn_conf_vec *inner, apr_pool_t *pool)
{
    struct merge_need   need = measure(generation->core, outer, inner);
    struct pn_conf_vec *vec = pn_conf_vec_new(generation, pool);

    merge_all(generation->core, outer, inner, pool, apr_palloc(pool, need.bytes), vec);
    keep_for_pool(pool, outer);
    keep_for_pool(pool, inner);
    vec->parents[0] = outer;
    vec->parents[1] = inner;
    return vec;
}

struct pn_conf_vec *pn_conf_merge(const struct pn_server *server, const struct pn_conf_vec *outer,
                                  const struct pn_conf_vec *inner, apr_pool_t *pool)
{
    const struct pn_generation *generation = server->generation;
    struct pn_conf_vec         *vec = pool ? merge_in_pool(generation, outer, inner, pool)
                                           : merge_counted(generation->core, outer, inner);

    if (generation->core->plans)
        vec->plan = pn_plan_for(generation->core->plans, server, vec);
    return vec;
}

struct pn_conf_vec *pn_conf_join(const struct pn_generation *generation, const struct pn_conf_vec *outer,
                                 const struct pn_conf_vec *inner)
{
    return merge_counted(generation->core, outer, inner);
}

/* ---- references ---- */

const struct pn_conf_vec *pn_conf_vec_ref(const struct pn_conf_vec *vec)
{
    if (vec && vec->refs != PN_VEC_IMMORTAL)
        ((struct pn_conf_vec *)vec)->refs++;
    return vec;
}

/* Chains of parents are as long as a path is deep, so this is a loop for the outer one. */
void pn_conf_vec_unref(const struct pn_conf_vec *vec)
{
    while (vec && vec->refs != PN_VEC_IMMORTAL) {
        struct pn_conf_vec       *mine = (struct pn_conf_vec *)vec;
        const struct pn_conf_vec *outer = vec->parents[0], *inner = vec->parents[1];

        pn_assert(mine->refs > 0);
        if (--mine->refs)
            return;
        if (mine->pool)
            apr_pool_destroy(mine->pool);
        free(PN_CONTAINER(mine, struct counted, super));
        pn_conf_vec_unref(inner);
        vec = outer;
    }
}

size_t pn_conf_vec_bytes(const struct pn_conf_vec *vec)
{
    size_t pool_bytes = vec->pool ? 8192 : 0;

    if (vec->refs == PN_VEC_IMMORTAL)
        return 0;
    return PN_CONTAINER(vec, const struct counted, super)->bytes + pool_bytes;
}

/* ---- virtual hosts ---- */

static void *inherit_conf(const struct pn_module_info *info, enum pn_conf_scope scope,
                          apr_pool_t *pool, void *base, void *add)
{
    void *merged;

    if (!base || !add)
        return add ? add : base;
    merged = conf_place(info, apr_palloc(pool, conf_bytes(info, scope)));
    merge_conf(info, scope, pool, base, add, merged);
    return merged;
}

void pn__conf_server_inherit(struct pn_server *vhost, const struct pn_server *main_server,
                             apr_pool_t *pool)
{
    const struct pn_generation_core *core = vhost->generation->core;
    struct pn_conf_vec              *vec = vhost->dir_conf;

    for (unsigned i = 0; i < core->n_conf; i++) {
        vhost->conf[i] = inherit_conf(core->infos[i], PN_SCOPE_SERVER, pool, main_server->conf[i],
                                      vhost->conf[i]);
        vec->conf[i] = inherit_conf(core->infos[i], PN_SCOPE_DIR, pool,
                                    main_server->dir_conf->conf[i], vec->conf[i]);
    }
    if (!vhost->admin.p)
        vhost->admin = main_server->admin;
}
