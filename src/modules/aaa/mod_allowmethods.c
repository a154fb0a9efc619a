/* mod_allowmethods - AllowMethods: which methods a place knows.
 * Runs: access_checker.   Yields: never.   Config: struct allow_dir.   Spec: Apache manual, mod_allowmethods. */
#define PN_LOG_MODULE &pn_module_allowmethods
#include <pinion/log.h>
#include <pinion/request.h>

struct allow_dir {
    uint64_t methods; /* bits 1 << enum pn_method */
    bool     limited; /* false: all */
    bool     set;
};

struct pn_module pn_module_allowmethods;

static uint64_t bit(enum pn_method method)
{
    return UINT64_C(1) << method;
}

/* COMPAT: lines of one place add up in 2.4, and GET and HEAD are one. */
static const char *set_methods(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct allow_dir *dir = conf;

    dir->set = true;
    for (unsigned i = 0; i < argc; i++) {
        enum pn_method method = pn_method_id(argv[i]);
        if (pn_str_ieq(argv[i], PN_STR("reset"))) {
            *dir = (struct allow_dir){ .set = true };
            continue;
        }
        if (method == PN_METHOD_OTHER)
            return pn_conf_error_text(cmd, "'%s' is no known method; RegisterHttpMethod makes one known", argv[i].p);
        dir->methods |= bit(method);
        if (method == PN_METHOD_GET || method == PN_METHOD_HEAD)
            dir->methods |= bit(PN_METHOD_GET) | bit(PN_METHOD_HEAD);
        dir->limited = true;
    }
    return NULL;
}

static const struct pn_directive directives[] = {
    { .name = "AllowMethods", .args = PN_LIST, .where = PN_CTX_SECTIONS, .set = set_methods,
      .help = "Methods that are answered here, or reset" },
    { 0 }
};

static void dir_merge(apr_pool_t *pool, const void *base, const void *add, void *merged)
{
    const struct allow_dir *inner = add;

    if (inner->set)
        *(struct allow_dir *)merged = *inner;
}

/* RFC 9110 s15.5.6: a 405 tells which methods would do. */
static pn_str allowed(struct pn_request *r, uint64_t methods)
{
    pn_str text = PN_STR("");

    for (unsigned i = PN_METHOD_OTHER + 1; i < PN_METHOD__COUNT; i++)
        if (methods & bit(i))
            text = PN_CAT(r->pool, text, text.n ? PN_STR(",") : PN_STR(""), pn_method_name(i));
    return text;
}

static enum pn_verdict check(struct pn_request *r)
{
    const struct allow_dir *dir = pn_dir_conf(r, &pn_module_allowmethods);
    bool                    named = r->filename.n != 0;

    if (dir->methods & bit(r->method_id))
        return PN_NEXT;
    pn_headers_set(&r->out, PN_HDR_ALLOW, allowed(r, dir->methods));
    return pn_reject(r, 405, PN_LOG_MODULE, 1623, "client method denied by server configuration: '%s' to %s%s",
                     pn_str_escape(r->pool, r->method).p, named ? "" : "uri ",
                     pn_str_escape(r->pool, named ? r->filename : r->path).p);
}

static bool guards(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct allow_dir *dir = dir_conf;

    return dir && dir->limited;
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_access_checker(h, check, { .pos = PN_ORDER_REALLY_FIRST, .when = guards });
}

struct pn_module pn_module_allowmethods = {
    .api = PN_MODULE_API,
    .name = "mod_allowmethods.c",
    .apache_id = "allowmethods_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct allow_dir),
    .dir_conf_merge = dir_merge,
    .hooks = hooks,
};
