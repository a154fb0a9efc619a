/* mod_setenvif - environment variables that depend on what the request is like.
 * Runs: post_read_request (rules of the server), header_parser (rules of the place).
 * Yields: looking up Remote_Host, evaluating expressions.   Config: struct setenvif_conf.   Spec: Apache manual, mod_setenvif.
 *
 * Workload: hundreds of rules on few attributes. Rules on one attribute in a row fetch it once; a rule whose pattern is
 * plain text, or begins or ends with it, is decided by comparing bytes. */
#define PN_LOG_MODULE &pn_module_setenvif
#include <pinion/log.h>
#include <pinion/request.h>

enum attribute {
    ATTR_REMOTE_HOST, ATTR_REMOTE_ADDR, ATTR_SERVER_ADDR, ATTR_METHOD, ATTR_PROTOCOL, ATTR_URI,
    ATTR_HEADER,      /* a header, else a variable of that name */
    ATTR_HEADERS,     /* all headers whose names match */
    ATTR_EXPR
};

enum pattern_kind { PATTERN_REGEX, PATTERN_CONTAINS, PATTERN_BEGINS, PATTERN_ENDS, PATTERN_IS };

struct assignment { const char *name, *value; bool expands; }; /* value NULL: the variable is removed */

struct rule {
    enum attribute           attribute;
    enum pn_hdr              header;      /* id of `name` when it is a known header */
    pn_str                   name;
    const struct pn_regex   *names;       /* ATTR_HEADERS */
    enum pattern_kind        kind;
    bool                     ignore_case;
    pn_str                   text;        /* what is compared when it is no PATTERN_REGEX */
    const struct pn_regex   *regex;       /* also for the others when a value needs its groups */
    pn_str                   prefix;      /* every match begins with it; empty: not known */
    const struct pn_expr    *expr;
    const struct assignment *assignments;
    unsigned                 n_assignments;
    bool                     needs_groups; /* a value refers to what matched */
};

struct setenvif_conf { apr_array_header_t *rules; }; /* of struct rule; NULL: none */

struct pn_module pn_module_setenvif;

/* ---- directives ---- */

static const struct { const char *name; enum attribute attribute; } aspects[] = {
    { "Remote_Host", ATTR_REMOTE_HOST },      { "Remote_Addr", ATTR_REMOTE_ADDR }, { "Server_Addr", ATTR_SERVER_ADDR },
    { "Request_Method", ATTR_METHOD },        { "Request_Protocol", ATTR_PROTOCOL }, { "Request_URI", ATTR_URI },
};

static bool is_plain_name(pn_str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (!((name.p[i] | 0x20) >= 'a' && (name.p[i] | 0x20) <= 'z') && !(name.p[i] >= '0' && name.p[i] <= '9') &&
            name.p[i] != '-' && name.p[i] != '_')
            return false;
    return true;
}

static const char *take_attribute(struct pn_conf_cmd *cmd, struct rule *rule, pn_str name)
{
    struct pn_regex *regex;
    const char      *error;

    rule->name = pn_str_dup(cmd->pool, name);
    for (size_t i = 0; i < PN_COUNT(aspects); i++) {
        if (pn_str_ieq(name, pn_str_z(aspects[i].name))) {
            rule->attribute = aspects[i].attribute;
            return NULL;
        }
    }
    rule->attribute = ATTR_HEADER;
    rule->header = pn_hdr_id(rule->name);
    if (is_plain_name(name))
        return NULL;
    if (pn_regex_compile(cmd->pool, rule->name, PN_REGEX_ICASE, &regex, &error) != PN_OK)
        return pn_conf_error_text(cmd, "the pattern of header names could not be compiled: %s", error);
    rule->attribute = ATTR_HEADERS;
    rule->names = regex;
    return NULL;
}

/* The plain text of a pattern without its anchors; p == NULL: it is more than that. */
static pn_str plain_text(apr_pool_t *pool, pn_str pattern)
{
    char  *text = apr_palloc(pool, pattern.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < pattern.n; i++) {
        if (pattern.p[i] == '\\') {
            if (i + 1 == pattern.n || !strchr(".*+?()[]{}|^$\\/-", pattern.p[i + 1]))
                return (pn_str){ NULL, 0 };
            i++;
        }
        else if (strchr(".*+?()[]{}|^$", pattern.p[i]))
            return (pn_str){ NULL, 0 };
        text[n++] = pattern.p[i];
    }
    text[n] = '\0';
    return pn_str_n(text, n);
}

static void simplify(apr_pool_t *pool, struct rule *rule, pn_str pattern)
{
    bool begins = pattern.n && pattern.p[0] == '^';
    bool ends = pattern.n > begins && pattern.p[pattern.n - 1] == '$' && (pattern.n < 2 || pattern.p[pattern.n - 2] != '\\');

    rule->text = plain_text(pool, pn_str_n(pattern.p + begins, pattern.n - begins - ends));
    if (!rule->text.p)
        rule->prefix = rule->ignore_case ? PN_STR("") : pn_regex_prefix(rule->regex);
    else
        rule->kind = begins && ends ? PATTERN_IS : begins ? PATTERN_BEGINS : ends ? PATTERN_ENDS : PATTERN_CONTAINS;
}

static const char *take_pattern(struct pn_conf_cmd *cmd, struct rule *rule, pn_str pattern)
{
    struct pn_regex *regex;
    const char      *error;

    rule->ignore_case = strcasestr(cmd->row->name, "NoCase") != NULL;
    if (pn_regex_compile(cmd->pool, pattern, rule->ignore_case ? PN_REGEX_ICASE : 0, &regex, &error) != PN_OK)
        return pn_conf_error_text(cmd, "%s regex could not be compiled: %s", cmd->row->name, error);
    rule->regex = regex;
    simplify(cmd->pool, rule, pattern);
    return NULL;
}

static struct assignment assignment_of(apr_pool_t *pool, pn_str word)
{
    pn_str value, name = pn_str_cut(word, '=', &value);

    if (name.n && name.p[0] == '!')
        return (struct assignment){ .name = pn_str_zdup(pool, pn_str_from(name, 1)) };
    return (struct assignment){ .name = pn_str_zdup(pool, name),
                                .value = value.p ? pn_str_zdup(pool, value) : "1",
                                .expands = value.p && pn_str_chr(value, '$', 0) != SIZE_MAX };
}

static const char *add_rule(struct pn_conf_cmd *cmd, struct setenvif_conf *conf, struct rule *rule, unsigned n, const pn_str *words)
{
    struct assignment *assignments = apr_palloc(cmd->pool, (n + 1) * sizeof(*assignments));

    if (n == 0)
        return pn_conf_error_text(cmd, "%s needs the name of a variable to set: name, name=value or !name", cmd->row->name);
    for (unsigned i = 0; i < n; i++) {
        assignments[i] = assignment_of(cmd->pool, words[i]);
        rule->needs_groups |= assignments[i].expands;
    }
    rule->assignments = assignments;
    rule->n_assignments = n;
    if (!conf->rules)
        conf->rules = apr_array_make(cmd->pool, 4, sizeof(*rule));
    *(struct rule *)apr_array_push(conf->rules) = *rule;
    return NULL;
}

static const char *set_env_if(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct rule rule = { 0 };

    if (argc < 2)
        return pn_conf_error_text(cmd, "Missing regular expression for %s", cmd->row->name);
    const char *error = take_attribute(cmd, &rule, argv[0]);
    if (!error)
        error = take_pattern(cmd, &rule, argv[1]);
    return error ? error : add_rule(cmd, conf, &rule, argc - 2, argv + 2);
}

static const char *set_browser_match(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct rule rule = { .attribute = ATTR_HEADER, .header = PN_HDR_USER_AGENT, .name = PN_STR("User-Agent") };
    const char *error = take_pattern(cmd, &rule, argv[0]);

    return error ? error : add_rule(cmd, conf, &rule, argc - 1, argv + 1);
}

static const char *set_env_if_expr(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct rule          rule = { .attribute = ATTR_EXPR };
    struct pn_expr_error wrong = { 0 };

    if (pn_expr_compile(cmd->pool, argv[0], PN_EXPR_CONDITION, cmd->context & PN_CTX_HTACCESS ? PN_EXPR_RESTRICTED : 0, &rule.expr,
                        &wrong) != PN_OK)
        return pn_conf_error_text(cmd, "Could not parse expression \"%.*s\": %s", PN_FMT(argv[0]), wrong.text);
    return add_rule(cmd, conf, &rule, argc - 1, argv + 1);
}

#define ROW(directive, fn, text)                                                                   \
    { .name = directive, .args = PN_LIST, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO, .set = fn, .help = text }

static const struct pn_directive directives[] = {
    ROW("SetEnvIf", set_env_if, "an attribute of the request, a regular expression, and variables to set when it matches"),
    ROW("SetEnvIfNoCase", set_env_if, "the same; letters compare without case"),
    ROW("SetEnvIfExpr", set_env_if_expr, "an expression, and variables to set when it is true"),
    ROW("BrowserMatch", set_browser_match, "a regular expression for User-Agent, and variables to set when it matches"),
    ROW("BrowserMatchNoCase", set_browser_match, "the same; letters compare without case"),
    { 0 }
};

static void *join(apr_pool_t *pool, apr_array_header_t *outer, apr_array_header_t *inner)
{
    return !outer || !inner ? inner ? inner : outer : apr_array_append(pool, outer, inner);
}

static void dir_merge(apr_pool_t *pool, const void *base, const void *add, void *merged)
{
    const struct setenvif_conf *outer = base, *inner = add;

    ((struct setenvif_conf *)merged)->rules = join(pool, outer->rules, inner->rules);
}

/* ---- attributes ---- */

static pn_str address_text(struct pn_request *r, const struct pn_addr *addr)
{
    char text[48];

    return pn_str_dup(r->pool, pn_str_n(text, pn_addr_print(addr, text)));
}

static pn_str header_or_variable(struct pn_request *r, const struct rule *rule)
{
    pn_str value = rule->header != PN_HDR_OTHER ? pn_headers_joined(&r->in, r->pool, rule->header)
                                                : pn_headers_joined_name(&r->in, r->pool, rule->name);

    return value.p ? value : pn_str_z(pn_env_get(r, rule->name.p));
}

/* The first header whose name matches. */
static pn_str header_by_pattern(struct pn_request *r, const struct rule *rule)
{
    for (const struct pn_header *f = pn_headers_begin(&r->in); f < pn_headers_end(&r->in); f++)
        if (pn_regex_match(rule->names, f->name, NULL) == PN_OK)
            return f->value;
    return PN_STR("");
}

PN_MAY_YIELD static pn_str fetch(struct pn_request *r, const struct rule *rule)
{
    switch (rule->attribute) {
    case ATTR_REMOTE_HOST: return pn_remote_host(r, false);
    case ATTR_REMOTE_ADDR: return address_text(r, &r->client);
    case ATTR_SERVER_ADDR: {
        struct pn_addr local = pn_conn_local(r->conn);
        return address_text(r, &local);
    }
    case ATTR_METHOD: return r->method;
    case ATTR_PROTOCOL: return r->protocol;
    case ATTR_URI: return r->path;
    case ATTR_HEADER: return header_or_variable(r, rule);
    case ATTR_HEADERS: return header_by_pattern(r, rule);
    case ATTR_EXPR: break;
    }
    return PN_STR("");
}

/* A variable may have been changed by the rule before. */
static bool same_attribute(const struct rule *a, const struct rule *b)
{
    if (a->attribute != b->attribute)
        return false;
    if (a->attribute == ATTR_HEADER)
        return a->header != PN_HDR_OTHER && a->header == b->header;
    return a->attribute != ATTR_HEADERS && a->attribute != ATTR_EXPR;
}

/* ---- rules ---- */

static bool text_matches(const struct rule *rule, pn_str value)
{
    switch (rule->kind) {
    case PATTERN_IS: return rule->ignore_case ? pn_str_ieq(value, rule->text) : pn_str_eq(value, rule->text);
    case PATTERN_BEGINS: return rule->ignore_case ? pn_str_istarts(value, rule->text) : pn_str_starts(value, rule->text);
    case PATTERN_ENDS: return rule->ignore_case ? pn_str_iends(value, rule->text) : pn_str_ends(value, rule->text);
    default: return (rule->ignore_case ? pn_str_ifind(value, rule->text) : pn_str_find(value, rule->text)) != SIZE_MAX;
    }
}

static bool value_matches(struct pn_request *r, const struct rule *rule, pn_str value, struct pn_match *match)
{
    if (rule->kind != PATTERN_REGEX) {
        if (!text_matches(rule, value))
            return false;
        if (!rule->needs_groups)
            return true;
    }
    if (rule->prefix.n && !pn_str_starts(value, rule->prefix))
        return false;
    pn_rc rc = pn_regex_match(rule->regex, value, match);
    if (rc == PN_LIMIT)
        PN_LOG_R(r, PN_LOG_ERR, 20210, 0, "a regular expression of SetEnvIf on %s exceeded the match limit: it does not apply",
                 rule->name.p);
    return rc == PN_OK;
}

static void assign(struct pn_request *r, const struct rule *rule, const struct pn_match *match)
{
    apr_table_t *env = pn_env(r);

    for (unsigned i = 0; i < rule->n_assignments; i++) {
        const struct assignment *a = &rule->assignments[i];
        if (!a->value)
            apr_table_unset(env, a->name);
        else if (a->expands && match->groups)
            apr_table_setn(env, a->name, pn_match_expand(r->pool, pn_str_z(a->value), match).p);
        else
            apr_table_setn(env, a->name, a->value);
    }
}

PN_MAY_YIELD static bool expression_holds(struct pn_request *r, const struct rule *rule, struct pn_match *match)
{
    struct pn_expr_env env = pn_request_expr_env(r, match);
    bool               holds = false;

    if (pn_expr_test(rule->expr, &env, &holds) == PN_OK)
        return holds;
    PN_LOG_R(r, PN_LOG_ERR, 20211, 0, "the expression of SetEnvIfExpr cannot be evaluated: it does not apply");
    return false;
}

PN_MAY_YIELD static void apply(struct pn_request *r, const apr_array_header_t *rules, int from)
{
    const struct rule *before = NULL;
    pn_str             value = PN_STR("");

    for (int i = from; rules && i < rules->nelts; i++) {
        const struct rule *rule = &APR_ARRAY_IDX(rules, i, struct rule);
        struct pn_match    match = { 0 };
        bool               applies;
        if (rule->attribute == ATTR_EXPR)
            applies = expression_holds(r, rule, &match);
        else {
            if (!before || !same_attribute(before, rule))
                value = fetch(r, rule);
            before = rule;
            applies = value_matches(r, rule, value, &match);
        }
        if (applies)
            assign(r, rule, &match);
    }
}

/* ---- hooks ---- */

static const apr_array_header_t *rules_of(const struct pn_conf_vec *vec)
{
    return ((const struct setenvif_conf *)PN_DIR_CONF(vec, &pn_module_setenvif))->rules;
}

/* The address, the method and the like are known; the place is not. */
PN_MAY_YIELD static enum pn_verdict early(struct pn_request *r)
{
    apply(r, rules_of(r->server->dir_conf), 0);
    return PN_NEXT;
}

/* A place's rules are those of the server, then its own: merging appends. */
PN_MAY_YIELD static enum pn_verdict late(struct pn_request *r)
{
    const apr_array_header_t *server_rules = rules_of(r->server->dir_conf);
    const apr_array_header_t *rules = rules_of(r->dir_conf);

    if (rules != server_rules)
        apply(r, rules, server_rules ? server_rules->nelts : 0);
    return PN_NEXT;
}

static bool has_rules(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct setenvif_conf *conf = dir_conf;

    (void)server, (void)server_conf;
    return !conf || conf->rules;
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_post_read_request(h, early, { .when = has_rules });
    pn_hook_header_parser(h, late, { .when = has_rules });
}

struct pn_module pn_module_setenvif = {
    .api = PN_MODULE_API,
    .name = "mod_setenvif.c",
    .apache_id = "setenvif_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct setenvif_conf),
    .dir_conf_merge = dir_merge,
    .hooks = hooks,
};
