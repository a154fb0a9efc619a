/* log_levels.c - the LogLevel directive. Apache manual: "Apache Core Features", LogLevel. */
#include "http/log_levels.h"

#include "http/core_directives.h"

static const char *const names[] = { "emerg",  "alert",  "crit",   "error",  "warn",   "notice", "info",   "debug",
                                     "trace1", "trace2", "trace3", "trace4", "trace5", "trace6", "trace7", "trace8" };

const char *pn_log_level_name(enum pn_log_level level)
{
    return names[level];
}

pn_rc pn_log_level_parse(pn_str name, enum pn_log_level *ret)
{
    for (unsigned i = 0; i < PN_COUNT(names); i++)
        if (pn_str_ieq(name, pn_str_z(names[i]))) {
            *ret = (enum pn_log_level)i;
            return PN_OK;
        }
    return PN_BAD;
}

/* ---- merging ---- */

static void need_modules(apr_pool_t *pool, struct pn_log_levels *levels, unsigned n)
{
    if (n <= levels->n_modules)
        return;
    int8_t *grown = apr_palloc(pool, n);
    memset(grown, -1, n);
    if (levels->modules)
        memcpy(grown, levels->modules, levels->n_modules);
    levels->modules = grown;
    levels->n_modules = n;
}

struct pn_log_levels *pn__log_levels_merge(apr_pool_t *pool, const struct pn_log_levels *outer, const struct pn_log_levels *inner)
{
    struct pn_log_levels *merged = apr_pcalloc(pool, sizeof(*merged));

    merged->level = -1;
    if (inner && inner->level >= 0)
        outer = NULL;
    if (outer) {
        need_modules(pool, merged, outer->n_modules);
        merged->level = outer->level;
        if (outer->n_modules)
            memcpy(merged->modules, outer->modules, outer->n_modules);
    }
    if (!inner)
        return merged;
    if (inner->level >= 0)
        merged->level = inner->level;
    need_modules(pool, merged, inner->n_modules);
    for (unsigned i = 0; i < inner->n_modules; i++)
        if (inner->modules[i] >= 0)
            merged->modules[i] = inner->modules[i];
    return merged;
}

/* ---- the directive ---- */

/* "rewrite", "rewrite_module", "mod_rewrite.c" and "mod_rewrite" are one. */
static struct pn_module *find_module(struct pn_conf_cmd *cmd, pn_str name)
{
    struct pn_module *module = pn_find_module(cmd->generation, name);

    if (!module)
        module = pn_find_module(cmd->generation, PN_CAT(cmd->temp, name, PN_STR("_module")));
    if (!module)
        module = pn_find_module(cmd->generation, PN_CAT(cmd->temp, name, PN_STR(".c")));
    return module;
}

static const char *set_level(struct pn_conf_cmd *cmd, struct pn_log_levels *levels, pn_str word)
{
    pn_str            level_name, module_name = pn_str_cut(word, ':', &level_name);
    enum pn_log_level level;

    if (!level_name.p) {
        level_name = module_name;
        module_name.n = 0;
    }
    if (pn_log_level_parse(level_name, &level) != PN_OK) {
        cmd->cure = "The levels are emerg, alert, crit, error, warn, notice, info, debug and trace1 to trace8.";
        return pn_conf_error_text(cmd, "'%.*s' is no level of LogLevel.", PN_FMT(level_name));
    }
    if (!module_name.n) {
        levels->level = (int8_t)level;
        levels->modules = NULL;
        levels->n_modules = 0;
        return NULL;
    }
    struct pn_module *module = find_module(cmd, module_name);
    if (!module)
        return pn_conf_error_text(cmd, "Cannot find module %.*s", PN_FMT(module_name));
    need_modules(cmd->pool, levels, module->index + 1);
    levels->modules[module->index] = (int8_t)level;
    return NULL;
}

const char *pn__set_log_level(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_core_dir *dir = conf;

    if (!dir->log_levels) {
        dir->log_levels = apr_pcalloc(cmd->pool, sizeof(*dir->log_levels));
        dir->log_levels->level = -1;
    }
    for (unsigned i = 0; i < argc; i++) {
        const char *error = set_level(cmd, dir->log_levels, argv[i]);
        if (error)
            return error;
    }
    return NULL;
}
