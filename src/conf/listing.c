/* listing.c - see listing.h. */
#include "conf/listing.h"

#include "conf/apply.h"
#include "conf/core.h"

static void list_files(const struct pn_module *module, struct pn_buf *out)
{
    pn_buf_printf(out, "  %s\n", module->name);
    for (const char *const *name = module->also; name && *name; name++)
        if (pn_str_ends(pn_str_z(*name), PN_STR(".c")))
            pn_buf_printf(out, "  %s\n", *name);
}

void pn_list_static(struct pn_buf *out)
{
    for (unsigned i = 0; i < pn_registry_count(); i++)
        if (pn_registry_at(i)->module->is_static)
            list_files(pn_registry_at(i)->module, out);
}

void pn_list_modules(const struct pn_generation *generation, struct pn_buf *out)
{
    for (unsigned i = 0; i < generation->n_modules; i++) {
        const struct pn_module *module = generation->modules[i];

        pn_buf_printf(out, " %s (%s)\n", module->apache_id,
                      module->is_static ? "static" : "shared");
        /* What httpd has as two static modules may be one here: both names are looked for by scripts. */
        for (const char *const *name = module->also; module->is_static && name && *name; name++)
            if (pn_str_ends(pn_str_z(*name), PN_STR("_module")))
                pn_buf_printf(out, " %s (static)\n", *name);
    }
}

static void list_directive(const struct pn_module *module, const struct pn_directive *row,
                           struct pn_buf *out, apr_pool_t *temp)
{
    const char *name = pn_directive_plain_name(row);
    bool        section = row->args == PN_SECTION;

    pn_buf_printf(out, "%s%s%s (%s)\n\t%s\n\tAllowed in: %s\n", section ? "<" : "", name,
                  section ? ">" : "", module->name,
                  row->gone   ? row->gone
                  : row->help ? row->help
                              : "",
                  pn_conf_places(temp, row));
    if (row->where & PN_CTX_HTACCESS)
        pn_buf_printf(out, "\tAllowOverride: %s\n", pn_conf_override_names(temp, row->override));
    if (row->dflt)
        pn_buf_printf(out, "\tDefault: %s%s%s\n", row->dflt, row->unit ? " " : "",
                      row->unit ? row->unit : "");
}

void pn_list_directives(struct pn_buf *out)
{
    apr_pool_t *temp;

    apr_pool_create(&temp, NULL);
    for (unsigned i = 0; i < pn_registry_count(); i++) {
        const struct pn_module_info *info = pn_registry_at(i);

        for (unsigned row = 0; row < info->n_rows; row++)
            list_directive(info->module, &info->module->directives[row], out, temp);
    }
    apr_pool_destroy(temp);
}

static void list_entries(struct pn_hook_list list, const char *title, struct pn_buf *out)
{
    if (list.n == 0)
        return;
    pn_buf_printf(out, "%s:\n", title);
    for (unsigned i = 0; i < list.n; i++)
        pn_buf_printf(out, "  %3d %s%s\n", (int)list.v[i].order.pos, list.v[i].module->name,
                      list.v[i].order.when ? " (where it matters)" : "");
}

void pn_list_hooks(const struct pn_generation *generation, struct pn_buf *out)
{
    static const char *const life_names[PN_LIFE__COUNT] = { "post_config", "child_init",
                                                            "child_exit", "fatal_exception", "preface" };

    for (int i = 0; i < PN_LIFE__COUNT; i++)
        list_entries(pn_hooks_life(generation->core->hooks, i), life_names[i], out);
    for (int i = 0; i < PN_PHASE__COUNT; i++)
        list_entries(pn_hooks_phase(generation->core->hooks, i), pn_phase_name(i), out);
}

void pn_list_providers(const struct pn_generation *generation, struct pn_buf *out)
{
    apr_array_header_t *groups;
    apr_pool_t         *temp;

    apr_pool_create(&temp, NULL);
    groups = pn_provider_groups(generation, temp);
    for (int i = 0; i < groups->nelts; i++) {
        const char         *group = APR_ARRAY_IDX(groups, i, const char *);
        apr_array_header_t *names = pn_provider_names(generation, temp, group);

        pn_buf_printf(out, "%s:", group);
        for (int j = 0; j < names->nelts; j++)
            pn_buf_printf(out, " %s", APR_ARRAY_IDX(names, j, const char *));
        pn_buf_lit(out, "\n");
    }
    apr_pool_destroy(temp);
}
