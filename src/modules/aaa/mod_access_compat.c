/* mod_access_compat - Order, Allow, Deny and Satisfy, as before 2.4.
 * Runs: access_checker.   Yields: while host names are looked up.   Config: struct compat_dir.   Spec: Apache manual,
 * mod_access_compat.
 *
 * Everything may be limited to methods, so settings are sets of methods. COMPAT: 2.4 inherits nothing into a section that
 * uses any of these directives. */
#define PN_LOG_MODULE &pn_module_access_compat
#include <pinion/log.h>
#include <pinion/netset.h>
#include <pinion/request.h>
#include <pinion/resolve.h>
#include <pinion/satisfy.h>

enum rule_kind { RULE_ALL, RULE_NETS, RULE_ENV, RULE_NO_ENV, RULE_HOST };

/* One word behind "from"; networks of several words are one set. */
struct rule {
    enum rule_kind    kind;
    uint64_t          methods; /* bits 1 << enum pn_method */
    struct pn_netset *nets;
    pn_str            name;    /* of the variable or the domain */
    struct rule      *next;
};

struct rules {
    struct rule *first;
    struct rule *nets; /* the newest of RULE_NETS */
};

struct compat_dir {
    struct rules allow, deny;
    uint64_t     allow_first; /* methods with Order Allow,Deny or Mutual-failure; others have Deny,Allow */
    uint64_t     any, all;    /* methods with Satisfy Any and All */
};

struct pn_module pn_module_access_compat;

static uint64_t methods_of(const struct pn_conf_cmd *cmd)
{
    return cmd->limited ? cmd->limited : UINT64_MAX;
}

/* ---- directives ---- */

static struct rule *new_rule(struct pn_conf_cmd *cmd, struct rules *rules, enum rule_kind kind, pn_str name)
{
    struct rule *rule = apr_pcalloc(cmd->pool, sizeof(*rule));

    *rule = (struct rule){ .kind = kind, .methods = methods_of(cmd), .name = name, .next = rules->first };
    rules->first = rule;
    return rule;
}

static const char *add_net(struct pn_conf_cmd *cmd, struct rules *rules, pn_str word)
{
    if (!rules->nets || rules->nets->methods != methods_of(cmd)) {
        rules->nets = new_rule(cmd, rules, RULE_NETS, PN_STR(""));
        rules->nets->nets = pn_netset_new(cmd->pool);
    }
    switch (pn_netset_add(rules->nets->nets, word)) {
    case PN_OK: return NULL;
    case PN_DECLINED:
        if (pn_str_chr(word, '/', 0) != SIZE_MAX)
            return pn_conf_error_text(cmd, "'%s' is no network: an IP address is expected before /", word.p);
        new_rule(cmd, rules, RULE_HOST, word);
        return NULL;
    default: return pn_conf_error_text(cmd, "'%s' is no IP address or network", word.p);
    }
}

static const char *add_word(struct pn_conf_cmd *cmd, struct rules *rules, pn_str word)
{
    if (word.n && word.p[0] == '#')
        return "a comment may not follow on the line";
    if (pn_str_ieq(word, PN_STR("all")))
        new_rule(cmd, rules, RULE_ALL, word);
    else if (pn_str_istarts(word, PN_STR("env=!")))
        new_rule(cmd, rules, RULE_NO_ENV, pn_str_from(word, 5));
    else if (pn_str_istarts(word, PN_STR("env=")))
        new_rule(cmd, rules, RULE_ENV, pn_str_from(word, 4));
    else
        return add_net(cmd, rules, word);
    return NULL;
}

static const char *set_from(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct compat_dir *dir = conf;
    struct rules      *rules = strcasecmp(cmd->row->name, "Allow") == 0 ? &dir->allow : &dir->deny;
    const char        *error = NULL;

    if (argc < 2 || !pn_str_ieq(argv[0], PN_STR("from")))
        return pn_conf_error_text(cmd, "%s takes 'from' and then hosts, addresses, env=variable or all", cmd->row->name);
    for (unsigned i = 1; i < argc && !error; i++)
        error = add_word(cmd, rules, argv[i]);
    return error;
}

static const char *set_order(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct compat_dir *dir = conf;

    if (pn_str_ieq(argv[0], PN_STR("allow,deny")) || pn_str_ieq(argv[0], PN_STR("mutual-failure")))
        dir->allow_first |= methods_of(cmd);
    else if (pn_str_ieq(argv[0], PN_STR("deny,allow")))
        dir->allow_first &= ~methods_of(cmd);
    else
        return "Order takes Allow,Deny or Deny,Allow or Mutual-failure, without a blank behind the comma";
    return NULL;
}

static const char *set_satisfy(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct compat_dir *dir = conf;
    bool               any = pn_str_ieq(argv[0], PN_STR("any"));

    if (!any && !pn_str_ieq(argv[0], PN_STR("all")))
        return "Satisfy takes Any or All";
    dir->any = any ? dir->any | methods_of(cmd) : dir->any & ~methods_of(cmd);
    dir->all = any ? dir->all & ~methods_of(cmd) : dir->all | methods_of(cmd);
    return NULL;
}

#define ROW(directive, arity, class, fn, text)                                                     \
    { .name = directive, .args = arity, .where = PN_CTX_DIR | PN_CTX_LIMIT, .override = class, .set = fn, .help = text }

static const struct pn_directive directives[] = {
    ROW("Order", PN_TAKE1, PN_OVR_LIMIT, set_order, "Which of Allow and Deny is looked at last and so decides"),
    ROW("Allow", PN_LIST, PN_OVR_LIMIT, set_from, "from hosts, addresses, env=variable or all that may come in"),
    ROW("Deny", PN_LIST, PN_OVR_LIMIT, set_from, "from hosts, addresses, env=variable or all that may not come in"),
    ROW("Satisfy", PN_TAKE1, PN_OVR_AUTHCONFIG, set_satisfy, "Whether address and user must both be right, or Any of them"),
    { 0 }
};

static void dir_merge(apr_pool_t *pool, const void *base, const void *add, void *merged)
{
    memcpy(merged, add, sizeof(struct compat_dir));
}

/* ---- checking ---- */

static bool in_domain(pn_str domain, pn_str host)
{
    if (domain.n == 0 || !pn_str_iends(host, domain))
        return false;
    return host.n == domain.n || domain.p[0] == '.' || host.p[host.n - domain.n - 1] == '.';
}

static bool holds(struct pn_request *r, const struct rule *rule)
{
    const struct pn_addr *peer = &r->client;

    switch (rule->kind) {
    case RULE_ALL: return true;
    case RULE_NETS: return pn_netset_has(rule->nets, peer->family, peer->ip);
    case RULE_ENV: return pn_env_get(r, rule->name.p) != NULL;
    case RULE_NO_ENV: return pn_env_get(r, rule->name.p) == NULL;
    default: return false;
    }
}

/* Does one of the rules hold? Names are looked up only when nothing else does. */
PN_MAY_YIELD static bool any_holds(struct pn_request *r, const struct rules *rules)
{
    bool   by_name = false;
    pn_str host;

    for (const struct rule *rule = rules->first; rule; rule = rule->next) {
        if (!(rule->methods >> r->method_id & 1))
            continue;
        if (rule->kind == RULE_HOST)
            by_name = true;
        else if (holds(r, rule))
            return true;
    }
    if (!by_name)
        return false;
    host = pn_remote_host(r, true);
    for (const struct rule *rule = rules->first; rule; rule = rule->next)
        if (rule->kind == RULE_HOST && (rule->methods >> r->method_id & 1) && in_domain(rule->name, host))
            return true;
    return false;
}

PN_MAY_YIELD static bool may_enter(struct pn_request *r, const struct compat_dir *dir)
{
    if (dir->allow_first >> r->method_id & 1)
        return any_holds(r, &dir->allow) && !any_holds(r, &dir->deny);
    return !any_holds(r, &dir->deny) || any_holds(r, &dir->allow);
}

static bool satisfies_any(const struct compat_dir *dir, const struct pn_request *r)
{
    return dir->any >> r->method_id & 1;
}

PN_MAY_YIELD static enum pn_verdict check(struct pn_request *r)
{
    const struct compat_dir *dir = pn_dir_conf(r, &pn_module_access_compat);
    bool                     named = r->filename.n != 0;

    if (may_enter(r, dir))
        return PN_NEXT;
    if (satisfies_any(dir, r)) /* a user may still be let in */
        return pn_reject_quietly(r, 403);
    return pn_reject(r, 403, PN_LOG_MODULE, 1797, "client denied by server configuration: %s%s", named ? "" : "uri ",
                     pn_str_escape(r->pool, named ? r->filename : r->path).p);
}

/* Lines that let everybody in whatever the method, as `Order allow,deny` with `Allow from all`. */
static bool lets_all_in(const struct compat_dir *dir)
{
    if (dir->deny.first)
        return false;
    if (!dir->allow_first)
        return true;
    for (const struct rule *rule = dir->allow.first; rule; rule = rule->next)
        if (rule->kind == RULE_ALL && rule->methods == UINT64_MAX)
            return true;
    return false;
}

static bool guards(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    return dir_conf && !lets_all_in(dir_conf);
}

static enum pn_satisfy satisfy(const struct pn_request *r)
{
    const struct compat_dir *dir = pn_dir_conf(r, &pn_module_access_compat);

    if (satisfies_any(dir, r))
        return PN_SATISFY_ANY;
    return dir->all >> r->method_id & 1 ? PN_SATISFY_ALL : PN_SATISFY_UNSET;
}

static const struct pn_satisfy_provider satisfy_provider = { .satisfy = satisfy };

static void hooks(struct pn_hooks *h)
{
    pn_hook_access_checker(h, check, { .when = guards });
    pn_provide(h, "satisfy", "access_compat", &satisfy_provider);
}

struct pn_module pn_module_access_compat = {
    .api = PN_MODULE_API,
    .name = "mod_access_compat.c",
    .apache_id = "access_compat_module",
    .also = (const char *const[]){ "mod_access.c", "access_module", NULL },
    .directives = directives,
    .dir_conf_size = sizeof(struct compat_dir),
    .dir_conf_merge = dir_merge,
    .hooks = hooks,
};
