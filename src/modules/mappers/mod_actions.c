/* mod_actions - a CGI program for a content type, a handler name or a method: Action, Script.
 * Runs: handler, last.   Yields: the program, by an internal redirect.   Config: struct actions.   Spec: Apache manual, mod_actions. */
#define PN_LOG_MODULE &pn_module_actions
#include <pinion/log.h>
#include <pinion/request.h>
#include <pinion/uri.h>

struct action {
    pn_str script;     /* URL path */
    bool   is_virtual; /* the file need not exist */
};

struct actions {
    apr_hash_t *by_type;   /* type or handler, lower case, to struct action * */
    apr_hash_t *by_method; /* method to struct action * */
};

struct pn_module pn_module_actions;

static const char *set_action(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct actions *actions = conf;
    struct action  *action = apr_pcalloc(cmd->pool, sizeof(*action));
    pn_str          key = pn_str_lower(cmd->pool, argv[0]);

    if (argc > 2) {
        if (!pn_str_ieq(argv[2], PN_STR("virtual")))
            return pn_conf_error_text(cmd, "Action: unrecognized option '%.*s', there is only virtual", PN_FMT(argv[2]));
        action->is_virtual = true;
    }
    action->script = pn_str_dup(cmd->pool, argv[1]);
    if (!actions->by_type)
        actions->by_type = apr_hash_make(cmd->pool);
    apr_hash_set(actions->by_type, key.p, (apr_ssize_t)key.n, action);
    return NULL;
}

static const char *set_script(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct actions *actions = conf;
    struct action  *action = apr_pcalloc(cmd->pool, sizeof(*action));
    pn_str          method = pn_str_dup(cmd->pool, argv[0]);

    (void)argc;
    if (pn_str_eq(method, PN_STR("TRACE")))
        return "TRACE not allowed to be scripted";
    action->script = pn_str_dup(cmd->pool, argv[1]);
    if (!actions->by_method)
        actions->by_method = apr_hash_make(cmd->pool);
    apr_hash_set(actions->by_method, method.p, (apr_ssize_t)method.n, action);
    return NULL;
}

static const struct pn_directive directives[] = {
    { .name = "Action", .args = PN_TAKE23, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO, .set = set_action,
      .help = "a content type or handler, the URL path of a CGI program for it, and virtual if files need not exist" },
    { .name = "Script", .args = PN_TAKE2, .where = PN_CTX_SERVER | PN_CTX_SECTIONS, .set = set_script,
      .help = "a method and the URL path of a CGI program for it" },
    { 0 }
};

static apr_hash_t *over(apr_pool_t *pool, apr_hash_t *outer, apr_hash_t *inner)
{
    if (!outer || !inner)
        return inner ? inner : outer;
    return apr_hash_overlay(pool, inner, outer);
}

static void dir_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct actions *outer = base, *inner = add;
    struct actions       *merged = out;

    merged->by_type = over(pool, outer->by_type, inner->by_type);
    merged->by_method = over(pool, outer->by_method, inner->by_method);
}

/* A program that is no program would be called by its own action for ever. */
static bool is_in_circle(const struct pn_request *r)
{
    return r->prev && r->prev->prev;
}

static const struct action *method_action(const struct pn_request *r, const struct actions *conf)
{
    pn_str method = r->method_id == PN_METHOD_HEAD ? PN_STR("GET") : r->method;

    if (!conf->by_method || is_in_circle(r) || (pn_str_eq(method, PN_STR("GET")) && !r->query.p))
        return NULL;
    return apr_hash_get(conf->by_method, method.p, (apr_ssize_t)method.n);
}

static const struct action *type_action(struct pn_request *r, const struct actions *conf)
{
    pn_str rest, name = r->handler.n ? r->handler : pn_str_trim(pn_str_cut(r->content_type, ';', &rest));

    if (!conf->by_type || name.n == 0)
        return NULL;
    name = pn_str_lower(r->pool, name);
    return apr_hash_get(conf->by_type, name.p, (apr_ssize_t)name.n);
}

PN_MAY_YIELD static enum pn_verdict actions_handler(struct pn_request *r)
{
    const struct actions *conf = pn_dir_conf(r, &pn_module_actions);
    const struct action  *action = type_action(r, conf);
    pn_str                url;

    if (action && !action->is_virtual && r->finfo.type == PN_FILE_NONE)
        return pn_reject(r, 404, PN_LOG_MODULE, 652, "File does not exist: %s", pn_str_escape(r->pool, r->filename).p);
    if (!action)
        action = method_action(r, conf);
    if (!action)
        return PN_NEXT;
    if (r->handler.n) /* becomes REDIRECT_HANDLER */
        apr_table_setn(pn_env(r), "HANDLER", pn_str_zdup(r->pool, r->handler));
    url = PN_CAT(r->pool, action->script, pn_uri_encode_path(r->pool, r->path));
    if (r->query.p)
        url = PN_CAT(r->pool, url, PN_STR("?"), r->query);
    return pn_redirect_internal(r, url);
}

static bool matters(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct actions *conf = dir_conf;

    (void)server, (void)server_conf;
    return !conf || conf->by_type || conf->by_method;
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_handler(h, actions_handler, { .pos = PN_ORDER_LAST, .when = matters });
}

struct pn_module pn_module_actions = {
    .api = PN_MODULE_API,
    .name = "mod_actions.c",
    .apache_id = "actions_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct actions),
    .dir_conf_merge = dir_merge,
    .hooks = hooks,
};
