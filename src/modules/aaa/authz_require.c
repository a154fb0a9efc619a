/* authz_require.c - Require lines, their sections and <AuthzProviderAlias>, read into a tree.
 *
 * Called while a configuration or a .htaccess is read; what it makes lives as long as the settings. */
#include "authz_core.h"

#include <strings.h>

/* The text of lines that were joined grows up to here, bytes. */
#define TEXT_ENOUGH 200

unsigned authz_expr_flags(const struct pn_conf_cmd *cmd)
{
    return cmd->context & PN_CTX_HTACCESS ? PN_EXPR_RESTRICTED : 0;
}

/* ---- Require ---- */

void authz_split(apr_pool_t *pool, struct pn_authz_args *args)
{
    apr_array_header_t *words = apr_array_make(pool, 4, sizeof(pn_str));
    pn_str              rest = args->raw;

    for (pn_str word = pn_conf_word(pool, &rest); word.p; word = pn_conf_word(pool, &rest))
        *(pn_str *)apr_array_push(words) = word;
    args->words = (const pn_str *)(const void *)words->elts;
    args->n = (unsigned)words->nelts;
}

static const char *read_args(struct pn_conf_cmd *cmd, struct authz_judge *judge, pn_str raw)
{
    struct pn_expr_error wrong = { 0 };

    judge->args.raw = pn_str_dup(cmd->pool, raw);
    if (judge->provider->takes_expressions) {
        if (pn_expr_compile(cmd->pool, raw, PN_EXPR_STRING, PN_EXPR_NO_VARY | authz_expr_flags(cmd), &judge->expr, &wrong) != PN_OK)
            return pn_conf_error_text(cmd, "the expression does not parse: %s", wrong.text);
        pn_str literal = pn_expr_literal(judge->expr);
        if (!literal.p)
            return NULL;
        judge->args.raw = literal;
        judge->expr = NULL;
    }
    if (!judge->provider->takes_raw)
        authz_split(cmd->pool, &judge->args);
    return judge->provider->parse ? judge->provider->parse(cmd, &judge->args) : NULL;
}

static const char *unknown_provider(struct pn_conf_cmd *cmd, pn_str name)
{
    apr_array_header_t *names = pn_provider_names(cmd->generation, cmd->temp, PN_AUTHZ_GROUP);

    cmd->cure = pn_str_printf(cmd->temp, "Known are: %s", apr_array_pstrcat(cmd->temp, names, ' ')).p;
    return pn_conf_error_text(cmd, "Unknown Authz provider: %.*s", PN_FMT(name));
}

static const char *find_judge(struct pn_conf_cmd *cmd, pn_str name, pn_str raw, struct authz_judge *judge)
{
    const struct authz_server *server = pn_server_conf(cmd->generation->servers, &pn_module_authz_core);
    const struct authz_judge        *alias;

    judge->provider = pn_provider(cmd->generation, PN_AUTHZ_GROUP, name);
    if (judge->provider)
        return read_args(cmd, judge, raw);
    alias = server->aliases ? apr_hash_get(server->aliases, name.p, (apr_ssize_t)name.n) : NULL;
    if (!alias)
        return unknown_provider(cmd, name);
    *judge = *alias;
    return NULL;
}

static struct authz_node *open_section(struct pn_conf_cmd *cmd, struct authz_dir *dir)
{
    if (dir->open)
        return dir->open;
    if (!dir->root) {
        dir->root = authz_section_new(cmd->pool, AUTHZ_ANY);
        dir->root->text = "<RequireAny>";
    }
    return dir->root;
}

/* Networks of many lines become one set. */
static bool joined(apr_pool_t *pool, struct authz_node *section, const struct authz_node *line)
{
    struct authz_node *last = section->n ? section->children[section->n - 1] : NULL;

    if (!last || section->kind != AUTHZ_ANY || last->kind != AUTHZ_LINE || !line->judge.provider->join ||
        last->judge.provider != line->judge.provider || last->methods != line->methods || last->negated || line->negated ||
        last->judge.is_alias || line->judge.is_alias || last->judge.expr || line->judge.expr)
        return false;
    line->judge.provider->join(&last->judge.args, &line->judge.args);
    if (strlen(last->text) < TEXT_ENOUGH)
        last->text = pn_str_printf(pool, "%s; %s", last->text, strlen(last->text) + strlen(line->text) < TEXT_ENOUGH ? line->text : "...").p;
    return true;
}

static void foresee_line(struct authz_node *line)
{
    const struct authz_judge *judge = &line->judge;

    if (judge->provider == &authz_all)
        line->ahead = (struct authz_foreknown){ .known = true, .result = authz_all.check(NULL, &judge->args) };
}

const char *authz_set_require(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct authz_dir *dir = conf;
    struct authz_node      *section = open_section(cmd, dir), *line = apr_pcalloc(cmd->pool, sizeof(*line));
    pn_str            rest = argv[0], name = pn_conf_word(cmd->temp, &rest);
    const char       *error;

    line->kind = AUTHZ_LINE;
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
    if (line->negated && section->kind == AUTHZ_ANY)
        return pn_conf_error_text(cmd, "negative Require directive has no effect in %s directive", section->text);
    foresee_line(line);
    if (!joined(cmd->pool, section, line))
        authz_section_push(cmd->pool, section, line);
    return NULL;
}

/* ---- sections ---- */

static const char *check_section(struct pn_conf_cmd *cmd, const struct authz_node *section)
{
    bool positive = section->kind != AUTHZ_ALL;

    if (section->n == 0)
        return pn_conf_error_text(cmd, "%s directive contains no authorization directives", section->text);
    for (unsigned i = 0; i < section->n; i++)
        positive |= !section->children[i]->negated;
    if (!positive)
        return pn_conf_error_text(cmd, "%s directive contains only negative authorization directives", section->text);
    return NULL;
}

const char *authz_set_section(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct authz_dir *dir = conf;
    bool              all = strcasecmp(cmd->row->name, "RequireAll") == 0;
    struct authz_node      *before = dir->open, *outer = open_section(cmd, dir);
    struct authz_node      *section = authz_section_new(cmd->pool, all ? AUTHZ_ALL : AUTHZ_ANY);
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
    if (section->negated && outer->kind == AUTHZ_ANY)
        return pn_conf_error_text(cmd, "%s directive has no effect in %s directive", section->text, outer->text);
    authz_section_push(cmd->pool, outer, section);
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

const char *authz_set_alias(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct authz_server *server = PN_SERVER_CONF(cmd->generation->servers, &pn_module_authz_core);
    struct authz_judge        *alias = apr_pcalloc(cmd->pool, sizeof(*alias));
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
