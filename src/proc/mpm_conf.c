/* mpm_conf.c - the modules by whose names Apache selects a process model, and the one that holds their settings.
 *
 * Settings lie in one module that is always active, so that configurations which name no model, or were written for
 * another, are understood. Apache manual: "Multi-Processing Modules (MPMs)". */
#include "proc/mpm_conf.h"

static void server_conf_init(apr_pool_t *pool, struct pn_server *server, void *conf)
{
    struct pn_mpm_conf *mpm = conf;

    (void)server;
    mpm->async_factor = 2;
    mpm->accept_filters = apr_array_make(pool, 2, sizeof(struct pn_accept_filter));
    mpm->mutexes = apr_array_make(pool, 2, sizeof(struct pn_mutex_line));
}

static void hooks(struct pn_hooks *h)
{
    /* Behind the core, which opens the error log that warnings go to. */
    pn_hook_post_config(h, pn__mpm_check, (struct pn_order){ .pos = PN_ORDER_FIRST, .after = "core.c" });
}

struct pn_module pn_module_mpm_common = {
    .api = PN_MODULE_API,
    .name = "mpm_common.c",
    .apache_id = "mpm_common_module",
    .directives = pn__mpm_directives,
    .server_conf_size = sizeof(struct pn_mpm_conf),
    .server_conf_init = server_conf_init,
    .hooks = hooks,
    .is_static = true,
};

struct pn_module pn_module_mpm_event = {
    .api = PN_MODULE_API,
    .name = "event.c",
    .apache_id = "mpm_event_module",
};

struct pn_module pn_module_mpm_worker = {
    .api = PN_MODULE_API,
    .name = "worker.c",
    .apache_id = "mpm_worker_module",
};

struct pn_module pn_module_mpm_prefork = {
    .api = PN_MODULE_API,
    .name = "prefork.c",
    .apache_id = "mpm_prefork_module",
};

enum pn_mpm_model pn_mpm_model_of(const struct pn_generation *generation, unsigned *ret_named)
{
    static const struct {
        const struct pn_module *module;
        enum pn_mpm_model       model;
    } models[] = { { &pn_module_mpm_event, PN_MPM_EVENT },
                   { &pn_module_mpm_worker, PN_MPM_WORKER },
                   { &pn_module_mpm_prefork, PN_MPM_PREFORK } };
    enum pn_mpm_model found = PN_MPM_EVENT;
    unsigned          named = 0;

    for (unsigned i = 0; i < generation->n_modules; i++)
        for (size_t j = 0; j < PN_COUNT(models); j++)
            if (generation->modules[i] == models[j].module) {
                found = models[j].model;
                named++;
            }
    if (ret_named)
        *ret_named = named;
    return found;
}

const char *pn_mpm_name(enum pn_mpm_model model)
{
    static const char *const names[] = { "event", "worker", "prefork" };

    return names[model];
}

const char *pn_mpm_runtime_dir(const struct pn_generation *generation)
{
    const struct pn_mpm_conf *conf = pn_mpm_conf(generation);

    if (conf->runtime_dir.n)
        return conf->runtime_dir.p;
    return PN_CAT(generation->pool, generation->server_root, PN_STR("/logs")).p;
}
