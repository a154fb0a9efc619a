/* mod_env - environment variables for scripts, pages and other modules.
 * Runs: fixups, first.   Yields: never.   Config: struct env_conf.   Spec: Apache manual, mod_env. */
#define PN_LOG_MODULE &pn_module_env
#include <pinion/log.h>
#include <pinion/request.h>

#include <stdlib.h>

struct env_conf {
    apr_table_t *set;   /* SetEnv, PassEnv; NULL: none */
    apr_table_t *unset; /* UnsetEnv: the keys */
};

struct pn_module pn_module_env;

static void put(struct pn_conf_cmd *cmd, apr_table_t **table, pn_str name, pn_str value)
{
    if (!*table)
        *table = apr_table_make(cmd->pool, 4);
    apr_table_setn(*table, pn_str_zdup(cmd->pool, name), pn_str_zdup(cmd->pool, value));
}

static const char *set_env(struct pn_conf_cmd *cmd, void *settings, unsigned argc, const pn_str *argv)
{
    struct env_conf *conf = settings;

    if (pn_str_chr(argv[0], '=', 0) != SIZE_MAX)
        return "Environment variable names may not contain '='";
    put(cmd, &conf->set, argv[0], argc > 1 ? argv[1] : PN_STR(""));
    return NULL;
}

static const char *set_unset(struct pn_conf_cmd *cmd, void *settings, unsigned argc, const pn_str *argv)
{
    struct env_conf *conf = settings;

    for (unsigned i = 0; i < argc; i++)
        put(cmd, &conf->unset, argv[i], PN_STR(""));
    return NULL;
}

static const char *set_pass(struct pn_conf_cmd *cmd, void *settings, unsigned argc, const pn_str *argv)
{
    struct env_conf *conf = settings;

    for (unsigned i = 0; i < argc; i++) {
        const char *value = getenv(pn_str_zdup(cmd->temp, argv[i]));
        if (value)
            put(cmd, &conf->set, argv[i], pn_str_z(value));
        else
            pn_conf_warn(cmd, "PassEnv variable %.*s was undefined", PN_FMT(argv[i]));
    }
    return NULL;
}

#define ROW(directive, arity, fn, text)                                                            \
    { .name = directive, .args = arity, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO, .set = fn, .help = text }

static const struct pn_directive directives[] = {
    ROW("SetEnv", PN_TAKE12, set_env, "an environment variable and its value; without one it is empty"),
    ROW("UnsetEnv", PN_LIST, set_unset, "environment variables that are removed"),
    ROW("PassEnv", PN_LIST, set_pass, "environment variables that are taken over from the server's own environment"),
    { 0 }
};

/* ---- merging ---- */

static int remove_one(void *table, const char *key, const char *value)
{
    (void)value;
    apr_table_unset(table, key);
    return 1;
}

static void dir_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct env_conf *outer = base, *inner = add;
    struct env_conf       *merged = out;

    if (!inner->set && !inner->unset)
        return;
    merged->set = outer->set ? apr_table_copy(pool, outer->set) : NULL;
    if (merged->set && inner->unset)
        apr_table_do(remove_one, merged->set, inner->unset, NULL);
    if (inner->set && merged->set)
        apr_table_overlap(merged->set, inner->set, APR_OVERLAP_TABLES_SET);
    else if (inner->set)
        merged->set = inner->set;
    merged->unset = !outer->unset || !inner->unset ? inner->unset ? inner->unset : outer->unset
                                                   : apr_table_overlay(pool, inner->unset, outer->unset);
    if (inner->set && outer->unset && merged->unset) { /* what is set further in is no longer taken away */
        apr_table_t *left = apr_table_copy(pool, merged->unset);
        apr_table_do(remove_one, left, inner->set, NULL);
        if (inner->unset)
            apr_table_overlap(left, inner->unset, APR_OVERLAP_TABLES_SET);
        merged->unset = left;
    }
}

/* ---- the request ---- */

static int set_one(void *table, const char *key, const char *value)
{
    apr_table_setn(table, key, value);
    return 1;
}

static enum pn_verdict env_fixup(struct pn_request *r)
{
    const struct env_conf *conf = pn_dir_conf(r, &pn_module_env);

    if (conf->set)
        apr_table_do(set_one, pn_env(r), conf->set, NULL);
    if (conf->unset && r->env)
        apr_table_do(remove_one, r->env, conf->unset, NULL);
    return PN_NEXT;
}

static bool matters(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct env_conf *conf = dir_conf;

    (void)server, (void)server_conf;
    return !conf || conf->set || conf->unset;
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_fixup(h, env_fixup, { .pos = PN_ORDER_FIRST, .when = matters, .by_name = true });
}

struct pn_module pn_module_env = {
    .api = PN_MODULE_API,
    .name = "mod_env.c",
    .apache_id = "env_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct env_conf),
    .dir_conf_merge = dir_merge,
    .hooks = hooks,
};
