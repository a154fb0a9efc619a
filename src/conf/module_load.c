/* module_load.c - see module_load.h. */
#include "conf/module_load.h"

#include <dlfcn.h>
#include <errno.h>
#include <unistd.h>

#include "conf/registry.h"

/* ---- rows: contexts and listings; the work was done when the line was read (at_once.c) ---- */

static const char *done_at_once(struct pn_conf_cmd *cmd, void *conf, unsigned argc,
                                const pn_str *argv)
{
    return NULL;
}

static const struct pn_directive directives[] = {
    { .name = "LoadModule",
      .args = PN_TAKE2,
      .where = PN_CTX_SERVER,
      .scope = PN_SCOPE_SERVER,
      .set = done_at_once,
      .help = "a module's name and the file it would be loaded from" },
    { .name = "LoadFile",
      .args = PN_LIST,
      .where = PN_CTX_SERVER,
      .scope = PN_SCOPE_SERVER,
      .set = done_at_once,
      .help = "libraries that modules need" },
    { 0 }
};

struct pn_module pn_module_so = {
    .api = PN_MODULE_API,
    .name = "mod_so.c",
    .apache_id = "so_module",
    .directives = directives,
    .is_static = true,
};

/* ---- loading ---- */

static pn_rc refuse(struct pn_module_answer *answer, const char *reason, const char *cure)
{
    answer->reason = reason;
    answer->cure = cure;
    return PN_BAD;
}

/* "mod_lua" of "lua_module". */
static pn_str plain_module_name(apr_pool_t *pool, pn_str symbol)
{
    pn_str suffix = PN_STR("_module");

    if (!pn_str_ends(symbol, suffix))
        return symbol;
    return PN_CAT(pool, PN_STR("mod_"), pn_str_head(symbol, symbol.n - suffix.n));
}

/* A name of Apache's world that is neither built in nor a file of ours. */
static pn_rc refuse_foreign(apr_pool_t *pool, pn_str symbol, bool is_file,
                            struct pn_module_answer *answer)
{
    const char *advice = pn_foreign_module_advice(pool, symbol);

    if (advice && *advice == '\0')
        return refuse(answer,
                      pn_str_printf(pool, "%s is not part of this version of Pinion",
                                    plain_module_name(pool, symbol).p)
                          .p,
                      NULL);
    if (!advice && !is_file)
        return PN_DECLINED;
    return refuse(
        answer,
        pn_str_printf(pool, "%.*s is a binary module for Apache, which Pinion cannot load",
                      PN_FMT(symbol))
            .p,
        advice ? advice : "Use it from a program behind mod_proxy_http or mod_proxy_fcgi");
}

static const char *loader_error(apr_pool_t *pool)
{
    return pn_str_zdup(pool, pn_str_z(dlerror()));
}

static pn_rc find_object(apr_pool_t *pool, void *handle, pn_str symbol, const char *path,
                         struct pn_module **ret, struct pn_module_answer *answer)
{
    struct pn_module *module = dlsym(handle, pn_str_zdup(pool, symbol));

    if (!module && pn_str_ends(symbol, PN_STR("_module"))) /* "stale_module" is pn_module_stale in our sources */
        module = dlsym(handle, pn_str_printf(pool, "pn_module_%.*s", (int)(symbol.n - strlen("_module")), symbol.p).p);
    if (!module)
        return refuse(answer,
                      pn_str_printf(pool, "%s has no module named %.*s", path, PN_FMT(symbol)).p,
                      "The first argument is the name of the module object in the file");
    if (module->api != PN_MODULE_API)
        return refuse(
            answer,
            pn_str_printf(pool, "%s was built for another module interface (number %u, this is %d)",
                          path, module->api, PN_MODULE_API)
                .p,
            "Build it anew against this version's headers");
    if (!module->name || !module->apache_id || !pn_module_named(module, symbol))
        return refuse(answer,
                      pn_str_printf(pool, "%s holds a module that goes by another name than %.*s",
                                    path, PN_FMT(symbol))
                          .p,
                      NULL);
    *ret = module;
    return PN_OK;
}

static pn_rc open_object(apr_pool_t *pool, pn_str symbol, const char *path, struct pn_module **ret,
                         struct pn_module_answer *answer)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    pn_rc rc;

    if (!handle)
        return refuse(
            answer, pn_str_printf(pool, "cannot load the module: %s", loader_error(pool)).p, NULL);
    rc = find_object(pool, handle, symbol, path, ret, answer);
    if (rc != PN_OK)
        dlclose(handle);
    else
        pn_registry_add(*ret, path);
    return rc;
}

pn_rc pn_module_open(apr_pool_t *pool, pn_str symbol, const char *path, struct pn_module **ret,
                     struct pn_module_answer *answer)
{
    struct pn_module *module = pn_registry_find(symbol);
    bool              is_file;

    if (module) {
        *ret = module;
        return PN_OK;
    }
    is_file = access(path, R_OK) == 0;
    if (!is_file || pn_foreign_module_file(path)) {
        int   error = errno;
        pn_rc rc = refuse_foreign(pool, symbol, is_file, answer);

        if (rc != PN_DECLINED)
            return rc;
        return refuse(answer,
                      pn_str_printf(pool, "%.*s is not built in, and %s cannot be read: %s",
                                    PN_FMT(symbol), path, strerror(error))
                          .p,
                      NULL);
    }
    return open_object(pool, symbol, path, ret, answer);
}

pn_rc pn_library_open(apr_pool_t *pool, const char *path, struct pn_module_answer *answer)
{
    if (!dlopen(path, RTLD_NOW | RTLD_GLOBAL))
        return refuse(
            answer, pn_str_printf(pool, "cannot load the library: %s", loader_error(pool)).p, NULL);
    return PN_OK;
}
