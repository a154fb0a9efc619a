/* generation.c - references of a generation and what modules ask it. load.c makes them. */
#include <pinion/generation.h>

#include "conf/core.h"
#include "conf/load.h"

/* ---- references ---- */

struct pn_generation *pn_generation_ref(struct pn_generation *generation)
{
    pn_debug_assert(generation->core->magic == PN_GENERATION_MAGIC);
    __atomic_add_fetch(&generation->refs, 1, __ATOMIC_RELAXED);
    return generation;
}

void pn_generation_unref(struct pn_generation *generation)
{
    if (!generation)
        return;
    pn_assert(generation->core->magic == PN_GENERATION_MAGIC && __atomic_load_n(&generation->refs, __ATOMIC_RELAXED) > 0);
    if (__atomic_sub_fetch(&generation->refs, 1, __ATOMIC_ACQ_REL) == 0)
        apr_pool_destroy(generation->pool); /* it owns its allocator: all memory goes with it */
}

/* ---- modules ---- */

static const struct pn_module_info **info_slot(struct pn_generation_core *core, unsigned index)
{
    while ((unsigned)core->info_list->nelts <= index)
        *(const struct pn_module_info **)apr_array_push(core->info_list) = NULL;
    core->infos = (void *)core->info_list->elts;
    core->n_conf = (unsigned)core->info_list->nelts;
    return &core->infos[index];
}

bool pn__generation_has(const struct pn_generation *generation, const struct pn_module *module)
{
    const struct pn_generation_core *core = generation->core;

    return module->index < core->n_conf && core->infos[module->index];
}

bool pn__generation_activate(struct pn_generation *generation, struct pn_module *module)
{
    struct pn_generation_core *core = generation->core;

    pn_registry_number(module);
    if (pn__generation_has(generation, module))
        return false;
    *info_slot(core, module->index) = pn_module_info(module);
    *(struct pn_module **)apr_array_push(core->modules) = module;
    generation->modules = (struct pn_module *const *)(void *)core->modules->elts;
    generation->n_modules = (unsigned)core->modules->nelts;
    pn_directive_table_add(core->directives, module);
    return true;
}

struct pn_module *pn_find_module(const struct pn_generation *generation, pn_str name)
{
    for (unsigned i = 0; i < generation->n_modules; i++)
        if (pn_module_named(generation->modules[i], name))
            return generation->modules[i];
    return NULL;
}

/* ---- for modules ---- */

void pn_generation_error(struct pn_generation *generation, const char *fmt, ...)
{
    struct pn_generation_core *core = generation->core;
    va_list                    ap;

    pn_assert(core->errors); /* while it is loaded only */
    va_start(ap, fmt);
    *(const char **)apr_array_push(core->errors) = pn_str_vprintf(core->errors->pool, fmt, ap).p;
    va_end(ap);
}

bool pn_is_defined(const struct pn_generation *generation, const char *name)
{
    return apr_hash_get(generation->defines, name, APR_HASH_KEY_STRING) != NULL;
}
