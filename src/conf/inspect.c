/* inspect.c - what the server is made of, for the pages that show it: pinion/inspect.h. */
#include <apr_strings.h>
#include <pinion/inspect.h>

#include "conf/core.h"
#include "conf/inspect.h"
#include "conf/tree.h"

static bool is_wanted(const struct pn_generation *generation)
{
    for (unsigned i = 0; i < generation->n_modules; i++)
        if (generation->modules[i]->wants_lines)
            return true;
    return false;
}

static const struct pn_module *owner(const struct pn_generation *generation, pn_str name)
{
    const struct pn_directive_entry *entry = pn_directive_find(generation->core->directives, name);

    return entry ? entry->module : NULL;
}

static void keep_below(struct pn_generation *generation, const struct pn_conf_node *section, unsigned depth,
                       apr_array_header_t *lines)
{
    apr_pool_t *pool = generation->pool;

    for (const struct pn_conf_node *node = section->first; node; node = node->next) {
        struct pn_config_line line = { .file = apr_pstrdup(pool, node->file->path),
                                       .line = node->line,
                                       .depth = depth,
                                       .section = node->section,
                                       .name = pn_str_dup(pool, node->name),
                                       .args = pn_str_dup(pool, node->args),
                                       .module = owner(generation, node->name) };

        *(struct pn_config_line *)apr_array_push(lines) = line;
        if (!node->section)
            continue;
        keep_below(generation, node, depth + 1, lines);
        line.end = true;
        line.section = false;
        *(struct pn_config_line *)apr_array_push(lines) = line;
    }
}

void pn__inspect_keep(struct pn_generation *generation, const struct pn_conf_node *root, const char *config_file)
{
    struct pn_generation_core *core = generation->core;

    core->config_file = pn_str_z(config_file ? apr_pstrdup(generation->pool, config_file) : "");
    if (!is_wanted(generation))
        return;
    core->lines = apr_array_make(generation->pool, 64, sizeof(struct pn_config_line));
    keep_below(generation, root, 0, core->lines);
}

const apr_array_header_t *pn_config_lines(const struct pn_generation *generation)
{
    return generation->core->lines;
}

pn_str pn_config_file(const struct pn_generation *generation)
{
    return generation->core->config_file;
}

/* ---- hooks, providers, filters ---- */

static void add_hooks(apr_array_header_t *infos, struct pn_hook_list list, const char *point, bool life)
{
    for (unsigned i = 0; i < list.n; i++)
        *(struct pn_hook_info *)apr_array_push(infos) =
            (struct pn_hook_info){ .point = point,
                                   .module = list.v[i].module,
                                   .position = (int)list.v[i].order.pos,
                                   .life = life };
}

apr_array_header_t *pn_hook_infos(const struct pn_generation *generation, apr_pool_t *pool)
{
    static const char *const  life_names[PN_LIFE__COUNT] = { "post_config", "child_init", "child_exit",
                                                              "fatal_exception", "preface" };
    const struct pn_hooks    *hooks = generation->core->hooks;
    apr_array_header_t       *infos = apr_array_make(pool, 64, sizeof(struct pn_hook_info));

    for (int i = 0; i < PN_LIFE__COUNT; i++)
        add_hooks(infos, pn_hooks_life(hooks, (enum pn_life)i), life_names[i], true);
    for (int i = 0; i < PN_PHASE__COUNT; i++)
        add_hooks(infos, pn_hooks_phase(hooks, (enum pn_phase)i), pn_phase_name((enum pn_phase)i), false);
    return infos;
}

apr_array_header_t *pn_provider_group_names(const struct pn_generation *generation, apr_pool_t *pool)
{
    return pn_provider_groups(generation, pool);
}

bool pn_module_is_shared(const struct pn_module *module)
{
    return pn_module_info(module)->is_shared;
}
