/* mod_headers - fields of requests and responses: set, added, changed, removed.
 * Runs: response_head (Header), fixups (RequestHeader), post_read_request (both, `early`), after mod_expires.
 * Yields: evaluating expressions.   Config: struct headers_conf.   Spec: Apache manual, mod_headers.
 *
 * `always` is about the fields that go out with errors too (r->err_out), the usual `onsuccess` about those of an answer that
 * a handler made (r->out). Content-Type, which no list holds, is found in r->content_type. */
#include "mod_headers.h"

enum action { ADD, SET, SET_IF_EMPTY, APPEND, MERGE, UNSET, ECHO, EDIT, EDIT_ALL, NOTE };

struct header_rule {
    enum action                 action;
    bool                        always, early;
    pn_str                      name;
    enum pn_hdr                 id;
    const struct pn_regex      *regex;      /* ECHO: of names; EDIT: of values */
    const struct header_format *value;      /* EDIT: the replacement */
    const char                 *note;       /* NOTE */
    const char                 *env;        /* env=name, NULL: none */
    bool                        env_unset;  /* env=!name */
    const struct pn_expr       *condition;  /* expr=, NULL: none */
};

struct headers_conf {
    apr_array_header_t *response, *request; /* of struct header_rule; NULL: none */
    bool                early;              /* some are to run early */
};

struct pn_module pn_module_headers;

/* ---- directives ---- */

static const struct { const char *name; enum action action; } actions[] = {
    { "add", ADD }, { "set", SET }, { "setifempty", SET_IF_EMPTY }, { "append", APPEND }, { "merge", MERGE },
    { "unset", UNSET }, { "echo", ECHO }, { "edit", EDIT }, { "edit*", EDIT_ALL }, { "note", NOTE },
};

static const char *take_action(struct pn_conf_cmd *cmd, struct header_rule *rule, pn_str word, bool response)
{
    for (size_t i = 0; i < PN_COUNT(actions); i++) {
        if (!pn_str_ieq(word, pn_str_z(actions[i].name)))
            continue;
        rule->action = actions[i].action;
        if (!response && (rule->action == ECHO || rule->action == NOTE))
            return pn_conf_error_text(cmd, "RequestHeader does not support the '%s' action", actions[i].name);
        return NULL;
    }
    return "first argument must be 'add', 'set', 'setifempty', 'append', 'merge', 'unset', 'echo', 'note', 'edit', or 'edit*'.";
}

static const char *take_condition(struct pn_conf_cmd *cmd, struct header_rule *rule, pn_str word)
{
    struct pn_expr_error wrong = { 0 };

    if (pn_str_ieq(word, PN_STR("early"))) {
        if (cmd->context & (PN_CTX_DIR | PN_CTX_LIMIT))
            return "header edits of the early phase can only be at server level, not in a section or .htaccess";
        rule->early = true;
        return NULL;
    }
    if (pn_str_istarts(word, PN_STR("env="))) {
        rule->env_unset = word.n > 4 && word.p[4] == '!';
        rule->env = pn_str_zdup(cmd->pool, pn_str_from(word, rule->env_unset ? 5 : 4));
        return *rule->env ? NULL : "error: missing environment variable name. The clause should be in the form env=name";
    }
    if (!pn_str_istarts(word, PN_STR("expr=")))
        return pn_conf_error_text(cmd, "Unknown parameter: %.*s", PN_FMT(word));
    if (pn_expr_compile(cmd->pool, pn_str_from(word, 5), PN_EXPR_CONDITION,
                        cmd->context & PN_CTX_HTACCESS ? PN_EXPR_RESTRICTED : 0, &rule->condition, &wrong) != PN_OK)
        return pn_conf_error_text(cmd, "Can't parse envclause/expression: %s", wrong.text);
    return NULL;
}

static const char *take_regex(struct pn_conf_cmd *cmd, struct header_rule *rule, pn_str pattern)
{
    struct pn_regex *regex;
    const char      *error;

    if (pn_regex_compile(cmd->pool, pattern, 0, &regex, &error) != PN_OK)
        return pn_conf_error_text(cmd, "%s: the regular expression could not be compiled: %s", cmd->row->name, error);
    rule->regex = regex;
    return NULL;
}

static bool has_value(enum action action)
{
    return action != UNSET && action != ECHO;
}

/* The words behind the action: name, [value, [replacement]], [condition]. */
static const char *take_words(struct pn_conf_cmd *cmd, struct header_rule *rule, unsigned argc, const pn_str *argv)
{
    bool        edits = rule->action == EDIT || rule->action == EDIT_ALL;
    unsigned    needs = edits ? 3 : has_value(rule->action) ? 2 : 1;
    const char *error = NULL;
    pn_str      name = argc ? argv[0] : PN_STR("");

    if (argc < needs && edits)
        return pn_conf_error_text(cmd, "%s edit requires a match and a substitution", cmd->row->name);
    if (argc < needs)
        return pn_conf_error_text(cmd, "%s requires three arguments", cmd->row->name);
    if (argc > needs + 1)
        return pn_conf_error_text(cmd, "Unknown parameter: %.*s", PN_FMT(argv[needs + 1]));
    if (rule->action == ECHO)
        error = take_regex(cmd, rule, name);
    else if (name.n && name.p[name.n - 1] == ':')
        name.n--;
    rule->name = pn_str_dup(cmd->pool, name);
    rule->id = pn_hdr_id(rule->name);
    if (!error && rule->action != ECHO && !pn_header_name_ok(rule->name))
        error = pn_conf_error_text(cmd, "'%.*s' can't be the name of a header", PN_FMT(name));
    if (!error && edits)
        error = take_regex(cmd, rule, argv[1]);
    if (!error && rule->action == NOTE)
        rule->note = pn_str_zdup(cmd->pool, argv[1]);
    else if (!error && has_value(rule->action))
        error = pn__header_format_compile(cmd, argv[needs - 1], &rule->value);
    if (!error && argc > needs)
        error = take_condition(cmd, rule, argv[needs]);
    return error;
}

static const char *add_rule(struct pn_conf_cmd *cmd, struct headers_conf *conf, bool response, unsigned argc, const pn_str *argv)
{
    struct header_rule   rule = { 0 };
    apr_array_header_t **list = response ? &conf->response : &conf->request;

    if (response && argc && (pn_str_ieq(argv[0], PN_STR("always")) || pn_str_ieq(argv[0], PN_STR("onsuccess")))) {
        rule.always = pn_str_ieq(argv[0], PN_STR("always"));
        argc--;
        argv++;
    }
    const char *error = take_action(cmd, &rule, argc ? argv[0] : PN_STR(""), response);
    if (!error)
        error = take_words(cmd, &rule, argc - 1, argv + 1);
    if (error)
        return error;
    if (!*list)
        *list = apr_array_make(cmd->pool, 4, sizeof(rule));
    *(struct header_rule *)apr_array_push(*list) = rule;
    conf->early |= rule.early;
    return NULL;
}

static const char *set_header(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    return add_rule(cmd, conf, true, argc, argv);
}

static const char *set_request_header(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    return add_rule(cmd, conf, false, argc, argv);
}

static const struct pn_directive directives[] = {
    { .name = "Header", .args = PN_LIST, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO, .set = set_header,
      .help = "[always|onsuccess] an action, a response header, its value and a condition" },
    { .name = "RequestHeader", .args = PN_LIST, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO, .set = set_request_header,
      .help = "an action, a request header, its value and a condition" },
    { 0 }
};

static apr_array_header_t *join(apr_pool_t *pool, apr_array_header_t *outer, apr_array_header_t *inner)
{
    return !outer || !inner ? inner ? inner : outer : apr_array_append(pool, outer, inner);
}

static void dir_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct headers_conf *outer = base, *inner = add;
    struct headers_conf       *merged = out;

    merged->response = join(pool, outer->response, inner->response);
    merged->request = join(pool, outer->request, inner->request);
    merged->early = outer->early || inner->early;
}

/* ---- a rule ---- */

PN_MAY_YIELD static bool applies(struct pn_request *r, const struct header_rule *rule)
{
    bool holds = false;

    if (rule->env)
        return (pn_env_get(r, rule->env) != NULL) != rule->env_unset;
    if (!rule->condition)
        return true;
    if (pn_expr_holds(r, rule->condition, &holds) == PN_OK)
        return holds;
    PN_LOG_R(r, PN_LOG_ERR, 20220, 0, "the condition of Header %s cannot be evaluated: it does not apply", rule->name.p);
    return false;
}

/* What a rule works on: a list of fields, and Content-Type beside it for responses. */
struct target { struct pn_request *r; struct pn_headers *list; bool response; };

static bool is_type(const struct target *target, const struct header_rule *rule)
{
    return target->response && rule->id == PN_HDR_CONTENT_TYPE;
}

static pn_str current(const struct target *target, const struct header_rule *rule)
{
    if (is_type(target, rule))
        return target->r->content_type.n ? target->r->content_type : (pn_str){ NULL, 0 };
    return rule->id != PN_HDR_OTHER ? pn_headers_get(target->list, rule->id) : pn_headers_get_name(target->list, rule->name);
}

static void set(const struct target *target, const struct header_rule *rule, pn_str value)
{
    if (is_type(target, rule))
        target->r->content_type = value;
    else
        pn_headers_set_name(target->list, rule->name, value);
}

static void append(const struct target *target, const struct header_rule *rule, pn_str value)
{
    if (is_type(target, rule)) {
        pn_str before = target->r->content_type;
        target->r->content_type = before.n ? PN_CAT(target->r->pool, before, PN_STR(", "), value) : value;
    }
    else
        pn_headers_merge_name(target->list, rule->name, value);
}

static bool list_has(pn_str list, pn_str value)
{
    for (pn_str element; (element = pn_header_list_next(&list)).p;)
        if (pn_str_eq(element, value))
            return true;
    return false;
}

/* In any of the fields of that name. */
static bool has_element(const struct target *target, const struct header_rule *rule, pn_str value)
{
    if (is_type(target, rule))
        return list_has(target->r->content_type, value);
    for (const struct pn_header *f = pn_headers_begin(target->list); f < pn_headers_end(target->list); f++)
        if (pn_str_ieq(f->name, rule->name) && list_has(f->value, value))
            return true;
    return false;
}

static void unset(const struct target *target, const struct header_rule *rule)
{
    if (is_type(target, rule))
        target->r->content_type = PN_STR("");
    pn_headers_unset_name(target->list, rule->name);
}

static void echo(const struct target *target, const struct header_rule *rule)
{
    struct pn_request *r = target->r;

    for (const struct pn_header *f = pn_headers_begin(&r->in); f < pn_headers_end(&r->in); f++)
        if (pn_regex_match(rule->regex, f->name, NULL) == PN_OK)
            pn_headers_add_name(target->list, f->name, f->value);
}

#define EDITED_MAX (256 * 1024)

/* @return PN_OK with the new value; PN_NOT_FOUND: it stays as it is; PN_LIMIT. */
static pn_rc edit_value(struct pn_request *r, const struct header_rule *rule, pn_str replacement, pn_str value, pn_str *ret)
{
    struct pn_match match;
    struct pn_buf   out;
    size_t          from = 0;
    bool            any = false;
    pn_rc           rc;

    pn_buf_init(&out, r->pool, EDITED_MAX);
    while ((rc = pn_regex_match(rule->regex, pn_str_from(value, from), &match)) == PN_OK) {
        bool empty = match.span[0].eo == match.span[0].so;
        any = true;
        pn_buf_add(&out, value.p + from, match.span[0].so);
        pn_buf_str(&out, pn_match_expand(r->pool, replacement, &match));
        from += match.span[0].eo;
        if (rule->action == EDIT || from >= value.n)
            break;
        if (empty) /* go on behind the next byte */
            pn_buf_ch(&out, value.p[from++]);
    }
    if (rc != PN_OK && rc != PN_NOT_FOUND)
        return rc;
    if (!any)
        return PN_NOT_FOUND;
    pn_buf_str(&out, pn_str_from(value, from));
    return pn_buf_done(&out, ret);
}

PN_MAY_YIELD static pn_rc edit(const struct target *target, const struct header_rule *rule)
{
    struct pn_request *r = target->r;
    pn_str             replacement, edited;
    pn_rc              rc = pn__header_format_value(r, rule->value, &replacement);

    if (rc != PN_OK)
        return rc;
    if (is_type(target, rule)) {
        if (r->content_type.n && (rc = edit_value(r, rule, replacement, r->content_type, &edited)) == PN_OK)
            r->content_type = edited;
        return rc == PN_NOT_FOUND ? PN_OK : rc;
    }
    for (struct pn_header *f = pn_headers_begin(target->list); f < pn_headers_end(target->list); f++) {
        if (!pn_str_ieq(f->name, rule->name))
            continue;
        rc = edit_value(r, rule, replacement, f->value, &edited);
        if (rc == PN_OK && pn_header_value_ok(edited))
            f->value = edited;
        else if (rc != PN_NOT_FOUND)
            return rc == PN_OK ? PN_BAD : rc;
    }
    return PN_OK;
}

PN_MAY_YIELD static pn_rc run_rule(const struct target *target, const struct header_rule *rule)
{
    struct pn_request *r = target->r;
    pn_str             value = PN_STR("");

    switch (rule->action) {
    case UNSET: unset(target, rule); return PN_OK;
    case ECHO: echo(target, rule); return PN_OK;
    case EDIT:
    case EDIT_ALL: return edit(target, rule);
    case NOTE: {
        pn_str now = current(target, rule);
        if (now.p)
            apr_table_setn(pn_notes(r), rule->note, pn_str_zdup(r->pool, now));
        return PN_OK;
    }
    default: break;
    }
    if (rule->action == SET_IF_EMPTY && current(target, rule).p)
        return PN_OK;
    pn_rc rc = pn__header_format_value(r, rule->value, &value);
    if (rc != PN_OK)
        return rc;
    if (!pn_header_value_ok(value))
        return PN_BAD;
    if (rule->action == MERGE && has_element(target, rule, value))
        return PN_OK;
    if (rule->action == APPEND || rule->action == MERGE)
        append(target, rule, value);
    else if (rule->action == ADD && !is_type(target, rule))
        pn_headers_add_name(target->list, rule->name, value);
    else
        set(target, rule, value);
    return PN_OK;
}

PN_MAY_YIELD static bool run_rules(const struct target *target, const apr_array_header_t *rules, bool always, bool early)
{
    for (int i = 0; rules && i < rules->nelts; i++) {
        const struct header_rule *rule = &APR_ARRAY_IDX(rules, i, struct header_rule);
        if (rule->always != always || rule->early != early || !applies(target->r, rule))
            continue;
        pn_rc rc = run_rule(target, rule);
        if (rc == PN_OK)
            continue;
        PN_LOG_R(target->r, PN_LOG_ERR, 20221, 0, "Header %s was left alone: %s", rule->name.p,
                 rc == PN_LIMIT ? "its regular expression or its value exceeded a limit"
                                : "its value has line ends in it or cannot be evaluated");
        return false;
    }
    return true;
}

/* ---- hooks ---- */

PN_MAY_YIELD static enum pn_verdict early_rules(struct pn_request *r)
{
    const struct headers_conf *conf = PN_DIR_CONF(r->server->dir_conf, &pn_module_headers);
    struct target              in = { r, &r->in, false }, out = { r, &r->out, true }, err = { r, &r->err_out, true };

    if (!conf->early)
        return PN_NEXT;
    if (!run_rules(&in, conf->request, false, true) || !run_rules(&err, conf->response, true, true) ||
        !run_rules(&out, conf->response, false, true))
        return pn_reject_quietly(r, 500);
    return PN_NEXT;
}

PN_MAY_YIELD static enum pn_verdict request_rules(struct pn_request *r)
{
    const struct headers_conf *conf = pn_dir_conf(r, &pn_module_headers);
    struct target              in = { r, &r->in, false };

    if (conf->request && !run_rules(&in, conf->request, false, false))
        return pn_reject_quietly(r, 500);
    return PN_NEXT;
}

/* Did the error path make the answer? The document of an ErrorDocument comes from a handler. */
static bool no_handler_made_it(const struct pn_request *r)
{
    return r->is_error && !(r->prev && r->prev->status >= 400);
}

static bool has_close(const struct pn_headers *list)
{
    for (const struct pn_header *f = pn_headers_begin(list); f < pn_headers_end(list); f++)
        if (f->id == PN_HDR_CONNECTION && pn_header_has_token(f->value, PN_STR("close")))
            return true;
    return false;
}

/* The head is on its way out: a rule that fails is logged, the others are run. */
PN_MAY_YIELD static enum pn_verdict response_rules(struct pn_request *r)
{
    const struct headers_conf *conf = pn_dir_conf(r, &pn_module_headers);
    struct target              out = { r, &r->out, true }, err = { r, &r->err_out, true };

    if (!conf->response)
        return PN_NEXT;
    run_rules(&err, conf->response, true, false);
    if (!no_handler_made_it(r))
        run_rules(&out, conf->response, false, false);
    if (has_close(&r->out) || has_close(&r->err_out))
        r->keep_alive = false;
    return PN_NEXT;
}

static bool has_early(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct headers_conf *conf = dir_conf;

    (void)server, (void)server_conf;
    return !conf || conf->early;
}

static bool has_request(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct headers_conf *conf = dir_conf;

    (void)server, (void)server_conf;
    return !conf || conf->request;
}

static bool has_response(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct headers_conf *conf = dir_conf;

    (void)server, (void)server_conf;
    return !conf || conf->response;
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_post_read_request(h, early_rules, { .pos = PN_ORDER_FIRST, .when = has_early });
    pn_hook_fixup(h, request_rules, { .pos = PN_ORDER_LAST, .when = has_request, .by_name = true });
    pn_hook_response_head(h, response_rules, { .after = "mod_expires.c", .when = has_response });
}

struct pn_module pn_module_headers = {
    .api = PN_MODULE_API,
    .name = "mod_headers.c",
    .apache_id = "headers_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct headers_conf),
    .dir_conf_merge = dir_merge,
    .hooks = hooks,
};
