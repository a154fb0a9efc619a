/* mod_authz_core - who may come in: Require, its sections, and the decision.
 * Runs: access_checker_ex, check_authz.   Yields: as the providers do.   Config: struct authz_dir.   Spec: Apache manual,
 * mod_authz_core.
 *
 * The Require lines of a place are a tree: leaves ask a provider (group "authz"), inner nodes combine. Each node keeps
 * what it answers whoever asks, where that is known: a place whose tree always grants has no hook at all. Trees are
 * immutable once read; merging shares them. */
#define PN_LOG_MODULE &pn_module_authz_core
#include <pinion/authn.h>
#include <pinion/authz.h>
#include <pinion/log.h>
#include <pinion/record.h>

enum node_kind { NODE_LINE, NODE_ALL, NODE_ANY };
/* The text of lines that were joined grows up to here, bytes. */
#define TEXT_ENOUGH 200

enum merging { MERGE_OFF, MERGE_AND, MERGE_OR };

/* What is known of a node before there is a request. */
struct foreknown {
    bool          known;   /* `result` holds for every request */
    bool          settled; /* further children change nothing */
    enum pn_authz result;
};

/* An alias, or what stands behind a provider's name on one line. */
struct judge {
    const struct pn_authz_provider *provider;
    struct pn_authz_args            args;
    const struct pn_expr           *expr;     /* of args, where they are made for each request */
    bool                            is_alias; /* args are shared by all lines that use it */
    const struct pn_conf_vec       *vec;      /* settings of an alias; NULL: none */
};

struct node {
    enum node_kind   kind;
    bool             negated;
    uint64_t         methods; /* bits 1 << enum pn_method for which it counts */
    const char      *text;    /* as written, for the log and messages */
    const char      *file;    /* where it stands; NULL: the section that a place has by itself */
    uint32_t         line;
    struct judge     judge;   /* NODE_LINE */
    struct foreknown ahead;   /* before negation */
    struct node    **children;
    unsigned         n, cap;
};

struct authz_dir {
    struct node *root;     /* NULL: nothing is required */
    struct node *open;     /* the section being read */
    int          merging;  /* enum merging */
    bool         send_forbidden;
};

struct authz_server {
    apr_hash_t *aliases; /* name to struct judge *; kept in the main server's */
};

struct pn_module pn_module_authz_core;

/* ---- combining ---- */

/* Takes one more child's answer into *result. @return true when that settles the section. */
static bool combine(enum node_kind kind, enum pn_authz *result, enum pn_authz child)
{
    if (child == PN_AUTHZ_ERROR) {
        *result = child;
        return true;
    }
    if (child == PN_AUTHZ_NEUTRAL)
        return false;
    if (child == (kind == NODE_ALL ? PN_AUTHZ_DENIED : PN_AUTHZ_GRANTED)) {
        *result = child;
        return true;
    }
    /* a user may make good for what is denied for want of one; it wins over the weaker answer */
    if (*result == PN_AUTHZ_NEUTRAL || child == PN_AUTHZ_DENIED_NO_USER)
        *result = child;
    return false;
}

/* That a line does not hold is no reason to let anyone in: its opposite says nothing. */
static enum pn_authz negate(enum pn_authz result)
{
    switch (result) {
    case PN_AUTHZ_GRANTED: return PN_AUTHZ_DENIED;
    case PN_AUTHZ_DENIED:
    case PN_AUTHZ_DENIED_NO_USER: return PN_AUTHZ_NEUTRAL;
    default: return result;
    }
}

static void foresee(struct node *parent, const struct node *child)
{
    struct foreknown *ahead = &parent->ahead;

    if (ahead->settled)
        return;
    if (!child->ahead.known || child->methods != UINT64_MAX) {
        *ahead = (struct foreknown){ .settled = true };
        return;
    }
    enum pn_authz result = child->negated ? negate(child->ahead.result) : child->ahead.result;
    ahead->settled = combine(parent->kind, &ahead->result, result);
}

static struct node *new_section(apr_pool_t *pool, enum node_kind kind)
{
    struct node *node = apr_pcalloc(pool, sizeof(*node));

    node->kind = kind;
    node->ahead = (struct foreknown){ .known = true, .result = PN_AUTHZ_NEUTRAL };
    return node;
}

static void push(apr_pool_t *pool, struct node *parent, struct node *child)
{
    if (parent->n == parent->cap) {
        struct node **before = parent->children;
        parent->cap = parent->cap ? parent->cap * 2 : 4;
        parent->children = apr_palloc(pool, parent->cap * sizeof(struct node *));
        if (parent->n)
            memcpy(parent->children, before, parent->n * sizeof(struct node *));
    }
    parent->children[parent->n++] = child;
    parent->methods |= child->methods;
    foresee(parent, child);
}

static enum pn_authz foreseen(const struct node *root)
{
    return root->negated ? negate(root->ahead.result) : root->ahead.result;
}

static bool always_grants(const struct node *root)
{
    return root->ahead.known && root->methods == UINT64_MAX && foreseen(root) == PN_AUTHZ_GRANTED;
}

/* ---- own providers ---- */

static const char *all_parse(struct pn_conf_cmd *cmd, struct pn_authz_args *args)
{
    if (args->n == 1 && pn_str_ieq(args->words[0], PN_STR("granted")))
        args->parsed = args; /* anything but NULL */
    else if (args->n != 1 || !pn_str_ieq(args->words[0], PN_STR("denied")))
        return "Require all takes granted or denied";
    return NULL;
}

static enum pn_authz all_check(struct pn_request *r, const struct pn_authz_args *args)
{
    return args->parsed ? PN_AUTHZ_GRANTED : PN_AUTHZ_DENIED;
}

static const struct pn_authz_provider all_provider = { .parse = all_parse, .check = all_check };

static enum pn_authz env_check(struct pn_request *r, const struct pn_authz_args *args)
{
    for (unsigned i = 0; i < args->n; i++)
        if (pn_env_get(r, args->words[i].p))
            return PN_AUTHZ_GRANTED;
    return PN_AUTHZ_DENIED;
}

static const struct pn_authz_provider env_provider = { .check = env_check };

static const char *method_parse(struct pn_conf_cmd *cmd, struct pn_authz_args *args)
{
    uint64_t *methods = apr_pcalloc(cmd->pool, sizeof(*methods));

    for (unsigned i = 0; i < args->n; i++) {
        enum pn_method method = pn_method_id(args->words[i]);
        if (method == PN_METHOD_OTHER)
            return pn_conf_error_text(cmd, "'%s' is no known method; RegisterHttpMethod makes one known",
                                      args->words[i].p);
        *methods |= UINT64_C(1) << method;
        if (method == PN_METHOD_GET || method == PN_METHOD_HEAD) /* COMPAT: 2.4 takes them for one */
            *methods |= UINT64_C(1) << PN_METHOD_GET | UINT64_C(1) << PN_METHOD_HEAD;
    }
    args->parsed = methods;
    return NULL;
}

static enum pn_authz method_check(struct pn_request *r, const struct pn_authz_args *args)
{
    return *(const uint64_t *)args->parsed >> r->method_id & 1 ? PN_AUTHZ_GRANTED : PN_AUTHZ_DENIED;
}

static const struct pn_authz_provider method_provider = { .parse = method_parse, .check = method_check };

static unsigned expr_flags(const struct pn_conf_cmd *cmd)
{
    return cmd->context & PN_CTX_HTACCESS ? PN_EXPR_RESTRICTED : 0;
}

static const char *expr_parse(struct pn_conf_cmd *cmd, struct pn_authz_args *args)
{
    struct pn_expr_error  wrong = { 0 };
    const struct pn_expr *expr;
    pn_str                text = pn_str_trim(args->raw);

    if (text.n >= 2 && text.p[0] == '"' && text.p[text.n - 1] == '"')
        text = pn_str_n(text.p + 1, text.n - 2);
    if (pn_expr_compile(cmd->pool, text, PN_EXPR_CONDITION, expr_flags(cmd), &expr, &wrong) != PN_OK)
        return pn_conf_error_text(cmd, "the expression does not parse: %s", wrong.text);
    args->parsed = (void *)expr;
    return NULL;
}

PN_MAY_YIELD static enum pn_authz expr_check(struct pn_request *r, const struct pn_authz_args *args)
{
    const struct pn_expr *expr = args->parsed;
    bool                  holds;

    if (pn_expr_holds(r, expr, &holds) != PN_OK) {
        PN_LOG_R(r, PN_LOG_ERR, 2320, 0, "the expression of 'Require expr' cannot be evaluated: %.*s",
                 PN_FMT(pn_expr_text(expr)));
        return PN_AUTHZ_ERROR;
    }
    if (holds)
        return PN_AUTHZ_GRANTED;
    if (!r->user.p && pn_str_ifind(pn_expr_text(expr), PN_STR("REMOTE_USER")) != SIZE_MAX)
        return PN_AUTHZ_DENIED_NO_USER;
    return PN_AUTHZ_DENIED;
}

static const struct pn_authz_provider expr_provider = { .takes_raw = true, .parse = expr_parse, .check = expr_check };

/* ---- Require ---- */

static void split(apr_pool_t *pool, struct pn_authz_args *args)
{
    apr_array_header_t *words = apr_array_make(pool, 4, sizeof(pn_str));
    pn_str              rest = args->raw;

    for (pn_str word = pn_conf_word(pool, &rest); word.p; word = pn_conf_word(pool, &rest))
        *(pn_str *)apr_array_push(words) = word;
    args->words = (const pn_str *)(const void *)words->elts;
    args->n = (unsigned)words->nelts;
}

static const char *read_args(struct pn_conf_cmd *cmd, struct judge *judge, pn_str raw)
{
    struct pn_expr_error wrong = { 0 };

    judge->args.raw = pn_str_dup(cmd->pool, raw);
    if (judge->provider->takes_expressions) {
        if (pn_expr_compile(cmd->pool, raw, PN_EXPR_STRING, PN_EXPR_NO_VARY | expr_flags(cmd), &judge->expr, &wrong) != PN_OK)
            return pn_conf_error_text(cmd, "the expression does not parse: %s", wrong.text);
        pn_str literal = pn_expr_literal(judge->expr);
        if (!literal.p)
            return NULL;
        judge->args.raw = literal;
        judge->expr = NULL;
    }
    if (!judge->provider->takes_raw)
        split(cmd->pool, &judge->args);
    return judge->provider->parse ? judge->provider->parse(cmd, &judge->args) : NULL;
}

static const char *unknown_provider(struct pn_conf_cmd *cmd, pn_str name)
{
    apr_array_header_t *names = pn_provider_names(cmd->generation, cmd->temp, PN_AUTHZ_GROUP);

    cmd->cure = pn_str_printf(cmd->temp, "Known are: %s", apr_array_pstrcat(cmd->temp, names, ' ')).p;
    return pn_conf_error_text(cmd, "Unknown Authz provider: %.*s", PN_FMT(name));
}

static const char *find_judge(struct pn_conf_cmd *cmd, pn_str name, pn_str raw, struct judge *judge)
{
    const struct authz_server *server = pn_server_conf(cmd->generation->servers, &pn_module_authz_core);
    const struct judge        *alias;

    judge->provider = pn_provider(cmd->generation, PN_AUTHZ_GROUP, name);
    if (judge->provider)
        return read_args(cmd, judge, raw);
    alias = server->aliases ? apr_hash_get(server->aliases, name.p, (apr_ssize_t)name.n) : NULL;
    if (!alias)
        return unknown_provider(cmd, name);
    *judge = *alias;
    return NULL;
}

static struct node *open_section(struct pn_conf_cmd *cmd, struct authz_dir *dir)
{
    if (dir->open)
        return dir->open;
    if (!dir->root) {
        dir->root = new_section(cmd->pool, NODE_ANY);
        dir->root->text = "<RequireAny>";
    }
    return dir->root;
}

/* Networks of many lines become one set. */
static bool joined(apr_pool_t *pool, struct node *section, const struct node *line)
{
    struct node *last = section->n ? section->children[section->n - 1] : NULL;

    if (!last || section->kind != NODE_ANY || last->kind != NODE_LINE || !line->judge.provider->join ||
        last->judge.provider != line->judge.provider || last->methods != line->methods || last->negated || line->negated ||
        last->judge.is_alias || line->judge.is_alias || last->judge.expr || line->judge.expr)
        return false;
    line->judge.provider->join(&last->judge.args, &line->judge.args);
    if (strlen(last->text) < TEXT_ENOUGH)
        last->text = pn_str_printf(pool, "%s; %s", last->text, strlen(last->text) + strlen(line->text) < TEXT_ENOUGH ? line->text : "...").p;
    return true;
}

static void foresee_line(struct node *line)
{
    const struct judge *judge = &line->judge;

    if (judge->provider == &all_provider)
        line->ahead = (struct foreknown){ .known = true, .result = all_check(NULL, &judge->args) };
}

static const char *set_require(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct authz_dir *dir = conf;
    struct node      *section = open_section(cmd, dir), *line = apr_pcalloc(cmd->pool, sizeof(*line));
    pn_str            rest = argv[0], name = pn_conf_word(cmd->temp, &rest);
    const char       *error;

    line->kind = NODE_LINE;
    line->methods = cmd->limited ? cmd->limited : UINT64_MAX;
    line->file = pn_conf_place(cmd, &line->line);
    line->text = pn_str_printf(cmd->pool, "Require %.*s", PN_FMT(argv[0])).p;
    if (pn_str_ieq(name, PN_STR("not"))) {
        line->negated = true;
        name = pn_conf_word(cmd->temp, &rest);
    }
    if (!name.n)
        return pn_conf_error_text(cmd, "%s takes a provider's name and its arguments", cmd->row->name);
    if ((error = find_judge(cmd, name, rest, &line->judge)))
        return error;
    if (line->negated && section->kind == NODE_ANY)
        return pn_conf_error_text(cmd, "negative Require directive has no effect in %s directive", section->text);
    foresee_line(line);
    if (!joined(cmd->pool, section, line))
        push(cmd->pool, section, line);
    return NULL;
}

/* ---- sections ---- */

static const char *check_section(struct pn_conf_cmd *cmd, const struct node *section)
{
    bool positive = section->kind != NODE_ALL;

    if (section->n == 0)
        return pn_conf_error_text(cmd, "%s directive contains no authorization directives", section->text);
    for (unsigned i = 0; i < section->n; i++)
        positive |= !section->children[i]->negated;
    if (!positive)
        return pn_conf_error_text(cmd, "%s directive contains only negative authorization directives", section->text);
    return NULL;
}

static const char *set_section(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct authz_dir *dir = conf;
    bool              all = strcasecmp(cmd->row->name, "RequireAll") == 0;
    struct node      *before = dir->open, *outer = open_section(cmd, dir);
    struct node      *section = new_section(cmd->pool, all ? NODE_ALL : NODE_ANY);
    const char       *error;

    section->file = pn_conf_place(cmd, &section->line);
    section->text = pn_str_printf(cmd->pool, "<%s>", cmd->row->name).p;
    section->negated = strcasecmp(cmd->row->name, "RequireNone") == 0;
    if (pn_str_trim(argv[0]).n)
        return pn_conf_error_text(cmd, "%s takes no arguments", section->text);
    dir->open = section;
    error = pn_conf_apply_children(cmd, cmd->vec, cmd->context, cmd->path, cmd->is_regex);
    dir->open = before;
    if (error || (error = check_section(cmd, section)))
        return error;
    if (section->negated && outer->kind == NODE_ANY)
        return pn_conf_error_text(cmd, "%s directive has no effect in %s directive", section->text, outer->text);
    push(cmd->pool, outer, section);
    return NULL;
}

/* ---- <AuthzProviderAlias base name arguments> ---- */

static bool vec_is_empty(const struct pn_conf_vec *vec)
{
    for (unsigned i = 0; i < vec->n; i++)
        if (vec->conf[i])
            return false;
    return true;
}

static const char *set_alias(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct authz_server *server = PN_SERVER_CONF(cmd->generation->servers, &pn_module_authz_core);
    struct judge        *alias = apr_pcalloc(cmd->pool, sizeof(*alias));
    struct pn_conf_vec  *vec = pn_conf_vec_new(cmd->generation, cmd->pool);
    pn_str               rest = argv[0], base = pn_conf_word(cmd->pool, &rest), name = pn_conf_word(cmd->pool, &rest);
    pn_str               args = pn_conf_word(cmd->pool, &rest);
    const char          *error;

    if (!name.n)
        return "<AuthzProviderAlias> takes a provider's name, the new name, and the provider's arguments in quotes";
    if (pn_str_trim(rest).n)
        pn_conf_warn(cmd, "only the first argument, %.*s, counts: put several into quotes", PN_FMT(args));
    if (pn_provider(cmd->generation, PN_AUTHZ_GROUP, name))
        return pn_conf_error_text(cmd, "'%s' is the name of a provider already", name.p);
    alias->provider = pn_provider(cmd->generation, PN_AUTHZ_GROUP, base);
    if (!alias->provider)
        return unknown_provider(cmd, base);
    if ((error = pn_conf_apply_children(cmd, vec, PN_CTX_DIRECTORY, cmd->path, false)))
        return error;
    alias->is_alias = true;
    alias->vec = vec_is_empty(vec) ? NULL : vec;
    if (!server->aliases)
        server->aliases = apr_hash_make(cmd->pool);
    apr_hash_set(server->aliases, name.p, (apr_ssize_t)name.n, alias);
    return read_args(cmd, alias, args.p ? args : PN_STR(""));
}

static const char *const merging_words[] = { "Off", "And", "Or", NULL };

#define SECTION(directive, text)                                                                   \
    { .name = directive, .args = PN_SECTION, .where = PN_CTX_DIR | PN_CTX_LIMIT, .override = PN_OVR_AUTHCONFIG,          \
      .set = set_section, .help = text }

/* Directives of 2.2: what they kept or passed on, RequireAny and RequireAll say now. */
#define GONE(directive)                                                                            \
    { .name = directive, .args = PN_FLAG, .where = PN_CTX_DIR, .override = PN_OVR_AUTHCONFIG,      \
      .gone = "Require lines and sections decide alone since 2.4", .help = "Accepted" }

static const struct pn_directive directives[] = {
    { .name = "Require", .args = PN_RAW, .where = PN_CTX_DIR | PN_CTX_LIMIT, .override = PN_OVR_AUTHCONFIG,
      .set = set_require, .help = "Who may come in: [not] a provider's name and its arguments" },
    SECTION("RequireAll", "None of the lines in it may fail, and one must hold"),
    SECTION("RequireAny", "One of the lines in it must hold"),
    SECTION("RequireNone", "None of the lines in it may hold"),
    { .name = "AuthMerging", .args = PN_TAKE1, .where = PN_CTX_DIR, .override = PN_OVR_AUTHCONFIG,
      .slot = PN_SLOT_AS(PN_SLOT_ENUM, struct authz_dir, merging), .choices = merging_words, .dflt = "Off",
      .help = "How the Require lines of a section combine with those of the place around it" },
    { .name = "AuthzSendForbiddenOnFailure", .args = PN_FLAG, .where = PN_CTX_DIR, .override = PN_OVR_AUTHCONFIG,
      .slot = PN_SLOT(struct authz_dir, send_forbidden), .dflt = "Off",
      .help = "Answer 403 and not 401 to a user who may not come in" },
    { .name = "AuthzProviderAlias", .args = PN_SECTION, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .set = set_alias,
      .help = "Another name for a provider with arguments and settings of its own" },
    GONE("AuthzDefaultAuthoritative"),
    GONE("AuthzUserAuthoritative"),
    GONE("AuthzGroupFileAuthoritative"),
    GONE("AuthzOwnerAuthoritative"),
    GONE("AuthzDBMAuthoritative"),
    { 0 }
};

/* ---- merging ---- */

static struct node *both(apr_pool_t *pool, enum node_kind kind, struct node *outer, struct node *inner)
{
    struct node *node = new_section(pool, kind);

    node->text = kind == NODE_ALL ? "AuthMerging And" : "AuthMerging Or";
    push(pool, node, outer);
    push(pool, node, inner);
    return node;
}

static void dir_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct authz_dir *outer = base, *inner = add;
    struct authz_dir       *merged = out;

    if (!inner->root)
        merged->root = outer->root;
    else if (inner->merging == MERGE_OFF || !outer->root)
        merged->root = inner->root;
    else
        merged->root = both(pool, inner->merging == MERGE_AND ? NODE_ALL : NODE_ANY, outer->root, inner->root);
    merged->open = NULL;
}

/* ---- deciding ---- */

/* The line's answer with the settings of an alias over those of the place. */
PN_MAY_YIELD static enum pn_authz ask_alias(struct pn_request *r, const struct judge *judge, const struct pn_authz_args *args)
{
    const struct pn_conf_vec *place = r->dir_conf;
    enum pn_authz             result;

    r->dir_conf = pn_conf_merge(r->server, place, judge->vec, r->pool);
    result = judge->provider->check(r, args);
    r->dir_conf = place;
    return result;
}

PN_MAY_YIELD static enum pn_authz ask(struct pn_request *r, const struct judge *judge)
{
    struct pn_authz_args        made = { 0 };
    const struct pn_authz_args *args = &judge->args;

    if (judge->expr) {
        if (pn_expr_text_of(r, judge->expr, &made.raw) != PN_OK) {
            PN_LOG_R(r, PN_LOG_ERR, 2592, 0, "the arguments of a Require line cannot be evaluated: %.*s",
                     PN_FMT(pn_expr_text(judge->expr)));
            return PN_AUTHZ_DENIED;
        }
        split(r->pool, &made);
        args = &made;
    }
    return judge->vec ? ask_alias(r, judge, args) : judge->provider->check(r, args);
}

static const char *result_text(enum pn_authz result)
{
    static const char *const texts[] = {
        [PN_AUTHZ_DENIED] = "denied", [PN_AUTHZ_GRANTED] = "granted", [PN_AUTHZ_NEUTRAL] = "neutral",
        [PN_AUTHZ_DENIED_NO_USER] = "denied (no authenticated user yet)", [PN_AUTHZ_ERROR] = "error",
    };
    return texts[result];
}

/* @param outer what the answer is combined by: a line for other methods is neutral, and alone stands in nobody's way. */
PN_MAY_YIELD static enum pn_authz judge_node(struct pn_request *r, const struct node *node, enum node_kind outer)
{
    enum pn_authz result = PN_AUTHZ_NEUTRAL;

    if (!(node->methods >> r->method_id & 1)) {
        result = outer == NODE_ALL ? PN_AUTHZ_GRANTED : PN_AUTHZ_NEUTRAL;
        PN_RECORD(r, PN_STEP_REQUIRE, node->file, node->line, "%s: %s (for other methods)", node->text, result_text(result));
        PN_LOG_R(r, PN_LOG_DEBUG, 1625, 0, "authorization result of %s: %s (directive limited to other methods)", node->text,
                 result_text(result));
        return result;
    }
    if (node->kind == NODE_LINE)
        result = ask(r, &node->judge);
    for (unsigned i = 0; i < node->n; i++)
        if (combine(node->kind, &result, judge_node(r, node->children[i], node->kind)))
            break;
    if (node->negated)
        result = negate(result);
    PN_RECORD(r, PN_STEP_REQUIRE, node->file, node->line, "%s: %s", node->text, result_text(result));
    PN_LOG_R(r, PN_LOG_DEBUG, 1626, 0, "authorization result of %s: %s", node->text, result_text(result));
    return result;
}

PN_COLD static enum pn_verdict refuse(struct pn_request *r)
{
    bool   named = r->filename.n != 0;
    pn_str what = pn_str_escape(r->pool, named ? r->filename : r->path);

    return pn_reject(r, 403, PN_LOG_MODULE, 1630, "client denied by server configuration: %s%s", named ? "" : "uri ", what.p);
}

PN_MAY_YIELD PN_COLD static enum pn_verdict refuse_user(struct pn_request *r, bool send_forbidden)
{
    pn_str                       type = pn_auth_type(r);
    const struct pn_auth_scheme *scheme;

    if (!type.p)
        return refuse(r);
    PN_LOG_R(r, PN_LOG_ERR, 1631, 0, "user %s: authorization failure for \"%s\": ",
             r->user.p ? pn_str_escape(r->pool, r->user).p : "(null)", pn_str_escape(r->pool, r->path).p);
    if (send_forbidden)
        return pn_reject_quietly(r, 403);
    scheme = pn_provider(r->server->generation, PN_AUTH_SCHEME_GROUP, pn_str_lower(r->pool, type));
    if (scheme)
        scheme->challenge(r);
    return pn_reject_quietly(r, 401);
}

PN_MAY_YIELD static enum pn_verdict before_authn(struct pn_request *r)
{
    const struct authz_dir *dir = pn_dir_conf(r, &pn_module_authz_core);

    switch (judge_node(r, dir->root, NODE_ALL)) {
    case PN_AUTHZ_GRANTED: return PN_HANDLED;
    case PN_AUTHZ_DENIED_NO_USER: return PN_NEXT; /* ask who it is */
    case PN_AUTHZ_ERROR: return pn_reject_quietly(r, 500);
    default: return refuse(r);
    }
}

PN_MAY_YIELD static enum pn_verdict after_authn(struct pn_request *r)
{
    const struct authz_dir *dir = pn_dir_conf(r, &pn_module_authz_core);

    switch (judge_node(r, dir->root, NODE_ALL)) {
    case PN_AUTHZ_GRANTED: return PN_HANDLED;
    case PN_AUTHZ_DENIED_NO_USER:
        return pn_reject(r, 403, PN_LOG_MODULE, 1629, "authorization failure (no authenticated user): %s",
                         pn_str_escape(r->pool, r->path).p);
    case PN_AUTHZ_ERROR: return pn_reject_quietly(r, 500);
    default: return refuse_user(r, dir->send_forbidden);
    }
}

static bool guards(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct authz_dir *dir = dir_conf;

    return dir && dir->root && !always_grants(dir->root);
}

static void hooks(struct pn_hooks *h)
{
    pn_hook(h, PN_PHASE_ACCESS_CHECKER_EX, before_authn, (struct pn_order){ .pos = PN_ORDER_LAST, .when = guards });
    pn_hook_check_authz(h, after_authn, { .pos = PN_ORDER_LAST, .when = guards });
    pn_provide(h, PN_AUTHZ_GROUP, "all", &all_provider);
    pn_provide(h, PN_AUTHZ_GROUP, "env", &env_provider);
    pn_provide(h, PN_AUTHZ_GROUP, "method", &method_provider);
    pn_provide(h, PN_AUTHZ_GROUP, "expr", &expr_provider);
}

struct pn_module pn_module_authz_core = {
    .api = PN_MODULE_API,
    .name = "mod_authz_core.c",
    .apache_id = "authz_core_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct authz_dir),
    .server_conf_size = sizeof(struct authz_server),
    .dir_conf_merge = dir_merge,
    .hooks = hooks,
};
