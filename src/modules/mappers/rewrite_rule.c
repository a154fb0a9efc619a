/* rewrite_rule.c - RewriteRule: pattern, substitution and flags to a rule that can be run.
 *
 * The arguments are taken apart here and not by the reader of the configuration, since a backslash keeps a blank in an
 * unquoted argument ("a\ b") and is otherwise left to the regular expression. Apache manual: mod_rewrite, RewriteRule; "RewriteRule Flags". */
#include <pwd.h>
#include <stdlib.h>

#include "mod_rewrite.h"

#define MAX_ROUNDS 32000 /* of [N] without a number */

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

pn_str pn__rewrite_argument(pn_str *line)
{
    pn_str rest = *line, word;
    char   quote = '\0';
    size_t end = 0;

    while (rest.n && is_space(rest.p[0]))
        rest = pn_str_from(rest, 1);
    if (rest.n == 0)
        return (pn_str){ NULL, 0 };
    if (rest.p[0] == '"' || rest.p[0] == '\'') {
        quote = rest.p[0];
        rest = pn_str_from(rest, 1);
    }
    while (end < rest.n && (quote ? rest.p[end] != quote : !is_space(rest.p[end])))
        end += rest.p[end] == '\\' && end + 1 < rest.n && is_space(rest.p[end + 1]) ? 2 : 1;
    word = pn_str_head(rest, end);
    *line = pn_str_from(rest, end + (end < rest.n));
    return word;
}

/* ---- flags ---- */

const char *pn__rewrite_flags(struct pn_conf_cmd *cmd, pn_str flags, pn__rewrite_flag_fn *fn, void *arg)
{
    const char *error = NULL;

    if (flags.n < 2 || flags.p[0] != '[' || flags.p[flags.n - 1] != ']')
        return pn_conf_error_text(cmd, "%s: bad flag delimiters: flags stand in brackets without blanks, or the whole in quotes: "
                                  "[R=301,L] or \"[R=301, L]\"", cmd->row->name);
    pn_str rest = pn_str_n(flags.p + 1, flags.n - 2);
    while (rest.p && !error) {
        pn_str value, item = pn_str_cut(rest, ',', &rest);
        while (item.n && is_space(item.p[0]))
            item = pn_str_from(item, 1);
        pn_str key = pn_str_cut(item, '=', &value);
        while (!value.p && key.n && is_space(key.p[key.n - 1]))
            key.n--;
        if (key.n || value.p)
            error = fn(cmd, arg, key, value.p ? value : PN_STR(""));
    }
    return error;
}

static void escape_byte(struct rewrite_rule *rule, unsigned char c, bool on)
{
    uint64_t bit = UINT64_C(1) << (c & 63);

    if (on)
        rule->escape[c >> 6] |= bit;
    else
        rule->escape[c >> 6] &= ~bit;
}

/* State of one line's flags that is not the rule's. */
struct line_flags {
    struct rewrite_rule *rule;
    bool                 escape_all, escape_controls;
    pn_str               escape_these, escape_not;
};

static void set_escapes(const struct line_flags *line)
{
    struct rewrite_rule *rule = line->rule;

    for (unsigned c = 0; c < 256; c++) {
        bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        bool control = c <= ' ' || c == 127;
        if ((line->escape_all && line->escape_these.n == 0 && !word) || (line->escape_controls && control))
            escape_byte(rule, (unsigned char)c, true);
    }
    for (size_t i = 0; i < line->escape_these.n; i++)
        escape_byte(rule, (unsigned char)line->escape_these.p[i], true);
    for (size_t i = 0; i < line->escape_not.n; i++)
        escape_byte(rule, (unsigned char)line->escape_not.p[i], false);
    if (line->escape_all || line->escape_controls)
        rule->flags |= RULE_ESCAPE;
}

/* R, R=301, R=permanent. Outside 300 to 399 nothing is redirected: the request ends with that status. */
static const char *take_redirect(struct pn_conf_cmd *cmd, struct rewrite_rule *rule, pn_str value)
{
    uint64_t status = 302;

    if (value.n == 0 || pn_str_ieq(value, PN_STR("temp")))
        status = 302;
    else if (pn_str_ieq(value, PN_STR("permanent")))
        status = 301;
    else if (pn_str_ieq(value, PN_STR("seeother")))
        status = 303;
    else if (pn_str_to_u64(value, 599, &status) != PN_OK || status < 200 || !pn_status_known((int)status))
        return pn_conf_error_text(cmd, "RewriteRule: invalid HTTP response code '%.*s' for flag 'R'", PN_FMT(value));
    rule->status = (int)status;
    rule->flags |= status >= 300 && status <= 399 ? RULE_REDIRECT : RULE_STATUS | RULE_NO_SUB;
    return NULL;
}

static void end_with(struct rewrite_rule *rule, int status)
{
    rule->status = status;
    rule->flags |= RULE_STATUS | RULE_NO_SUB;
}

/* E=VAR:VAL, E=VAR, E=!VAR */
static const char *take_env(struct pn_conf_cmd *cmd, struct rewrite_rule *rule, pn_str value)
{
    struct rewrite_env env = { .unset = value.n && value.p[0] == '!' };
    pn_str             text;

    if (!rule->env)
        rule->env = apr_array_make(cmd->pool, 2, sizeof(env));
    pn_str name = pn_str_cut(pn_str_from(value, env.unset), ':', &text);
    if (name.n == 0)
        return "RewriteRule: flag 'E' needs a name: [E=NAME:value]";
    env.name = pn__rewrite_text_parse(cmd->pool, name);
    env.value = pn__rewrite_text_parse(cmd->pool, text.p ? text : PN_STR(""));
    *(struct rewrite_env *)apr_array_push(rule->env) = env;
    return NULL;
}

static const char *take_cookie(struct pn_conf_cmd *cmd, struct rewrite_rule *rule, pn_str value)
{
    if (!rule->cookies)
        rule->cookies = apr_array_make(cmd->pool, 2, sizeof(struct rewrite_text *));
    *(struct rewrite_text **)apr_array_push(rule->cookies) = pn__rewrite_text_parse(cmd->pool, value);
    return NULL;
}

static const char *take_skip(struct pn_conf_cmd *cmd, struct rewrite_rule *rule, pn_str value)
{
    uint64_t number;

    if (pn_str_to_u64(value, 1000000, &number) != PN_OK)
        return pn_conf_error_text(cmd, "RewriteRule: flag 'S' takes the number of rules to skip, not '%.*s'", PN_FMT(value));
    rule->skip = (unsigned)number;
    return NULL;
}

static const char *take_next(struct pn_conf_cmd *cmd, struct rewrite_rule *rule, pn_str value)
{
    uint64_t number = MAX_ROUNDS;

    rule->flags |= RULE_NEXT;
    if (value.n && (pn_str_to_u64(value, 1000000, &number) != PN_OK || number == 0))
        return pn_conf_error_text(cmd, "RewriteRule: flag 'N' takes the most rounds, a number from 1, not '%.*s'", PN_FMT(value));
    rule->max_rounds = (unsigned)number;
    return NULL;
}

/* Flags that are a bit and no more. */
static const struct { const char *brief, *full; unsigned bits; } plain_flags[] = {
    { "BNP", "backrefnoplus", RULE_SPACE_AS_HEX },
    { "C", "chain", RULE_CHAIN },
    { "DPI", "discardpath", RULE_DISCARD_PATH_INFO },
    { "END", "END", RULE_END },
    { "L", "last", RULE_LAST },
    { "NC", "nocase", RULE_NO_CASE },
    { "NE", "noescape", RULE_NO_ESCAPE },
    { "NS", "nosubreq", RULE_NO_SUBREQ },
    { "P", "proxy", RULE_PROXY },
    { "PT", "passthrough", RULE_PASS },
    { "QSA", "qsappend", RULE_QUERY_APPEND },
    { "QSD", "qsdiscard", RULE_QUERY_DISCARD },
    { "QSL", "qslast", RULE_QUERY_LAST },
    { "UNC", "UNC", RULE_KEEP_SLASHES },
    { "UnsafeAllow3F", "UnsafeAllow3F", RULE_UNSAFE_3F },
    { "UnsafePrefixStat", "UnsafePrefixStat", RULE_UNSAFE_PREFIX },
};

static bool is(pn_str key, const char *brief, const char *full)
{
    return pn_str_ieq(key, pn_str_z(brief)) || pn_str_ieq(key, pn_str_z(full));
}

static const char *take_flag(struct pn_conf_cmd *cmd, void *arg, pn_str key, pn_str value)
{
    struct line_flags   *line = arg;
    struct rewrite_rule *rule = line->rule;

    for (size_t i = 0; i < PN_COUNT(plain_flags); i++)
        if (is(key, plain_flags[i].brief, plain_flags[i].full)) {
            rule->flags |= plain_flags[i].bits;
            return NULL;
        }
    if (is(key, "B", "backref")) {
        line->escape_all = true;
        line->escape_these = value;
    }
    else if (is(key, "BCTLS", "BCTLS"))
        line->escape_controls = true;
    else if (is(key, "BNE", "BNE"))
        line->escape_not = value;
    else if (is(key, "R", "redirect"))
        return take_redirect(cmd, rule, value);
    else if (is(key, "F", "forbidden"))
        end_with(rule, 403);
    else if (is(key, "G", "gone"))
        end_with(rule, 410);
    else if (is(key, "E", "env"))
        return take_env(cmd, rule, value);
    else if (is(key, "CO", "cookie"))
        return take_cookie(cmd, rule, value);
    else if (is(key, "S", "skip"))
        return take_skip(cmd, rule, value);
    else if (is(key, "N", "next"))
        return take_next(cmd, rule, value);
    else if (is(key, "T", "type"))
        rule->type = pn__rewrite_text_parse(cmd->pool, value);
    else if (is(key, "H", "handler"))
        rule->handler = pn__rewrite_text_parse(cmd->pool, value);
    else
        return pn_conf_error_text(cmd, "RewriteRule: unknown flag '%.*s'", PN_FMT(key));
    return NULL;
}

/* ---- the substitution ---- */

/* "/~user/..." as written in the configuration stands for the user's home. Names that come with a request are never looked up. */
static pn_str expand_home(struct pn_conf_cmd *cmd, pn_str text)
{
    size_t         end = pn_str_chr(text, '/', 1);
    pn_str         name = pn_str_n(text.p + 2, (end == SIZE_MAX ? text.n : end) - 2);
    struct passwd  entry, *found = NULL;
    const size_t   room = 16384;

    if (name.n == 0 || pn_str_chr(name, '$', 0) != SIZE_MAX || pn_str_chr(name, '%', 0) != SIZE_MAX)
        return text;
    getpwnam_r(pn_str_zdup(cmd->temp, name), &entry, apr_palloc(cmd->temp, room), room, &found);
    return found ? PN_CAT(cmd->pool, pn_str_z(found->pw_dir), end == SIZE_MAX ? PN_STR("") : pn_str_from(text, end)) : text;
}

/* What the substitution's literal beginning says: only from it can a file path come (design: a URL is a typed value). */
static void judge_output(struct pn_conf_cmd *cmd, struct rewrite_rule *rule)
{
    const struct rewrite_part *first = rule->output->parts;
    size_t                     component, slash;

    if (rule->output->n == 0)
        return;
    if (first->kind != PART_LITERAL) {
        rule->from_value = true;
        rule->from_root = first->kind == PART_VAR && first->var.kind == VAR_SERVER &&
                          (first->var.id == PN_EXPR_VAR_DOCUMENT_ROOT || first->var.id == PN_EXPR_VAR_CONTEXT_DOCUMENT_ROOT);
        return;
    }
    if (first->literal.n < 2 || first->literal.p[0] != '/')
        return;
    component = pn_str_chr(first->literal, '/', 1);
    if (component == SIZE_MAX && rule->output->n > 1)
        return; /* "/srv$1": the component goes on with what a request says */
    rule->root = pn_str_dup(cmd->pool, pn_str_head(first->literal, component == SIZE_MAX ? first->literal.n : component));
    slash = pn_str_rchr(first->literal, '/');
    rule->fixed = pn_str_dup(cmd->pool, pn_str_head(first->literal, slash + 1));
}

static const char *take_output(struct pn_conf_cmd *cmd, struct rewrite_rule *rule, pn_str text)
{
    if (pn_str_eq(text, PN_STR("-"))) {
        rule->flags |= RULE_NO_SUB;
        return NULL;
    }
    if (!(rule->flags & (RULE_PASS | RULE_REDIRECT)) && !(cmd->context & PN_CTX_DIR) && pn_str_starts(text, PN_STR("/~")))
        text = expand_home(cmd, text);
    rule->output = pn__rewrite_text_parse(cmd->pool, text);
    if (text.n && text.p[text.n - 1] == '?')
        rule->flags |= RULE_QUERY_NONE;
    judge_output(cmd, rule);
    return NULL;
}

const char *pn__rewrite_rule_parse(struct pn_conf_cmd *cmd, pn_str line, struct rewrite_rule *ret)
{
    pn_str            pattern = pn__rewrite_argument(&line), output = pn__rewrite_argument(&line), flags = pn__rewrite_argument(&line);
    struct line_flags state = { .rule = ret };
    const char       *error = NULL;

    *ret = (struct rewrite_rule){ .status = 302, .max_rounds = MAX_ROUNDS };
    if (!pattern.p || !output.p)
        return "RewriteRule takes a pattern and a substitution: RewriteRule \"^/old/(.*)$\" \"/new/$1\" [L]";
    if (flags.p && (error = pn__rewrite_flags(cmd, flags, take_flag, &state)))
        return error;
    set_escapes(&state);
    if (pattern.n && pattern.p[0] == '!') {
        ret->flags |= RULE_NOT;
        pattern = pn_str_from(pattern, 1);
    }
    ret->where = pn_conf_where(cmd);
    ret->pattern = pn_str_dup(cmd->pool, pattern);
    if (pn_regex_compile(cmd->pool, pattern, PN_REGEX_DOTALL | (ret->flags & RULE_NO_CASE ? PN_REGEX_ICASE : 0U), &ret->regex,
                         &error) != PN_OK)
        return pn_conf_error_text(cmd, "RewriteRule: cannot compile regular expression '%.*s': %s", PN_FMT(pattern), error);
    return take_output(cmd, ret, output);
}
