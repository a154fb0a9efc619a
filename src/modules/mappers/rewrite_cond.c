/* rewrite_cond.c - RewriteCond: a test string, what it is compared with, and the test.
 *
 * A pattern begins with "!" to negate it. Then come < > = <= >= (texts), -eq -ne -lt -le -gt -ge (whole numbers), -d -f -F -h
 * -l -L -s -U -x (files and URLs), or a regular expression. The test string "expr" makes the pattern an expression.
 * Apache manual: mod_rewrite, RewriteCond. */
#include <errno.h>
#include <sys/stat.h>

#include "mod_rewrite.h"

/* ---- parsing ---- */

static const char *take_flag(struct pn_conf_cmd *cmd, void *arg, pn_str key, pn_str value)
{
    struct rewrite_cond *cond = arg;

    (void)value;
    if (pn_str_ieq(key, PN_STR("NC")) || pn_str_ieq(key, PN_STR("nocase")))
        cond->no_case = true;
    else if (pn_str_ieq(key, PN_STR("OR")) || pn_str_ieq(key, PN_STR("ornext")))
        cond->or_next = true;
    else if (pn_str_ieq(key, PN_STR("NV")) || pn_str_ieq(key, PN_STR("novary")))
        cond->no_vary = true;
    else
        return pn_conf_error_text(cmd, "RewriteCond: unknown flag '%.*s'; there are NC, OR and NV", PN_FMT(key));
    return NULL;
}

/* As C's atoi: leading white space, a sign, digits; what follows does not count. Clamped instead of overflowing. */
static int64_t number_in(pn_str s)
{
    size_t  i = 0;
    bool    negative = false;
    int64_t value = 0;

    while (i < s.n && (s.p[i] == ' ' || (s.p[i] >= '\t' && s.p[i] <= '\r')))
        i++;
    if (i < s.n && (s.p[i] == '-' || s.p[i] == '+'))
        negative = s.p[i++] == '-';
    for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
        value = value < INT64_MAX / 10 - 1 ? value * 10 + (s.p[i] - '0') : INT64_MAX / 10;
    return negative ? -value : value;
}

static bool file_test(char letter, enum rewrite_test *ret)
{
    switch (letter) {
    case 'd': *ret = TEST_DIR; return true;
    case 'f': *ret = TEST_FILE; return true;
    case 's': *ret = TEST_NONEMPTY; return true;
    case 'h': case 'l': case 'L': *ret = TEST_LINK; return true;
    case 'x': *ret = TEST_EXEC; return true;
    case 'F': *ret = TEST_SUB_FILE; return true;
    case 'U': *ret = TEST_SUB_URL; return true;
    default: return false;
    }
}

static bool number_test(pn_str pattern, enum rewrite_test *ret)
{
    static const struct { pn_str name; enum rewrite_test test; } tests[] = {
        { PN_STR_INIT("-eq"), TEST_INT_EQ }, { PN_STR_INIT("-ne"), TEST_INT_NE }, { PN_STR_INIT("-lt"), TEST_INT_LT },
        { PN_STR_INIT("-le"), TEST_INT_LE }, { PN_STR_INIT("-gt"), TEST_INT_GT }, { PN_STR_INIT("-ge"), TEST_INT_GE },
    };

    for (size_t i = 0; i < PN_COUNT(tests); i++)
        if (pn_str_starts(pattern, tests[i].name)) {
            *ret = tests[i].test;
            return true;
        }
    return false;
}

static bool text_test(pn_str pattern, enum rewrite_test *ret, size_t *ret_width)
{
    bool or_equal = pattern.n > 1 && pattern.p[1] == '=';

    *ret_width = 1;
    if (pattern.n < 2) /* a lone operator is a regular expression */
        return false;
    switch (pattern.p[0]) {
    case '=': *ret = TEST_EQ; return true;
    case '<': *ret = or_equal ? TEST_LE : TEST_LT; break;
    case '>': *ret = or_equal ? TEST_GE : TEST_GT; break;
    default: return false;
    }
    *ret_width += or_equal;
    return true;
}

static const char *compile_regex(struct pn_conf_cmd *cmd, struct rewrite_cond *cond, pn_str pattern)
{
    unsigned    flags = PN_REGEX_DOTALL | (cond->no_case ? PN_REGEX_ICASE : 0U);
    const char *error;

    cond->test = TEST_REGEX;
    if (pn_regex_compile(cmd->pool, pattern, flags, &cond->regex, &error) == PN_OK)
        return NULL;
    return pn_conf_error_text(cmd, "RewriteCond: cannot compile regular expression '%.*s': %s", PN_FMT(pattern), error);
}

static const char *compile_expr(struct pn_conf_cmd *cmd, struct rewrite_cond *cond, pn_str pattern)
{
    struct pn_expr_error wrong = { 0 };
    unsigned             flags = (cmd->context & PN_CTX_HTACCESS ? PN_EXPR_RESTRICTED : 0U) | (cond->no_vary ? PN_EXPR_NO_VARY : 0U);

    cond->test = TEST_EXPR;
    if (pn_expr_compile(cmd->pool, pattern, PN_EXPR_CONDITION, flags, &cond->expr, &wrong) == PN_OK)
        return NULL;
    return pn_conf_error_text(cmd, "RewriteCond: cannot compile expression \"%.*s\": %s", PN_FMT(pattern), wrong.text);
}

/* What the pattern asks for, by its first characters. */
static const char *take_pattern(struct pn_conf_cmd *cmd, struct rewrite_cond *cond, pn_str pattern)
{
    size_t width;

    if (text_test(pattern, &cond->test, &width)) {
        cond->operand = pn_str_dup(cmd->pool, pn_str_from(pattern, width));
        if (cond->test == TEST_EQ && pn_str_eq(cond->operand, PN_STR("\"\"")))
            cond->operand = PN_STR("");
    }
    else if (pattern.n == 2 && pattern.p[0] == '-' && file_test(pattern.p[1], &cond->test))
        return NULL;
    else if (number_test(pattern, &cond->test))
        cond->number = number_in(pn_str_from(pattern, 3));
    else
        return compile_regex(cmd, cond, pattern);
    return NULL;
}

const char *pn__rewrite_cond_parse(struct pn_conf_cmd *cmd, pn_str line, struct rewrite_cond *ret)
{
    pn_str      input = pn__rewrite_argument(&line), pattern = pn__rewrite_argument(&line), flags = pn__rewrite_argument(&line);
    const char *error = NULL;

    *ret = (struct rewrite_cond){ .pattern = pn_str_dup(cmd->pool, pattern), .where = pn_conf_where(cmd) };
    if (!input.p || !pattern.p)
        return "RewriteCond takes a test string and a pattern: RewriteCond %{HTTP_HOST} \"!^www\\.\" [NC]";
    if (flags.p)
        error = pn__rewrite_flags(cmd, flags, take_flag, ret);
    if (error)
        return error;
    ret->input = pn__rewrite_text_parse(cmd->pool, input);
    if (pattern.n && pattern.p[0] == '!') {
        ret->negated = true;
        pattern = pn_str_from(pattern, 1);
    }
    if (pn_str_ieq(input, PN_STR("expr")))
        return compile_expr(cmd, ret, pattern);
    return take_pattern(cmd, ret, pattern);
}

/* ---- testing ---- */

/* COMPAT: 2.4: without [NC] the shorter text comes first, whatever it holds. */
static int order(pn_str a, pn_str b, bool no_case)
{
    if (no_case)
        return pn_str_icmp(a, b);
    if (a.n != b.n)
        return a.n < b.n ? -1 : 1;
    return pn_str_cmp(a, b);
}

static bool text_holds(const struct rewrite_cond *cond, pn_str input)
{
    switch (cond->test) {
    case TEST_EQ: return cond->no_case ? pn_str_ieq(input, cond->operand) : pn_str_eq(input, cond->operand);
    case TEST_LT: return order(input, cond->operand, cond->no_case) < 0;
    case TEST_LE: return order(input, cond->operand, cond->no_case) <= 0;
    case TEST_GT: return order(input, cond->operand, cond->no_case) > 0;
    default: return order(input, cond->operand, cond->no_case) >= 0;
    }
}

static bool number_holds(const struct rewrite_cond *cond, pn_str input)
{
    int64_t value = number_in(input);

    switch (cond->test) {
    case TEST_INT_EQ: return value == cond->number;
    case TEST_INT_NE: return value != cond->number;
    case TEST_INT_LT: return value < cond->number;
    case TEST_INT_LE: return value <= cond->number;
    case TEST_INT_GT: return value > cond->number;
    default: return value >= cond->number;
    }
}

static bool mode_holds(enum rewrite_test test, enum pn_file_type type, mode_t mode, uint64_t size)
{
    switch (test) {
    case TEST_DIR: return type == PN_FILE_DIRECTORY;
    case TEST_FILE: return type == PN_FILE_REGULAR;
    case TEST_NONEMPTY: return type == PN_FILE_REGULAR && size > 0;
    default: return (mode & 0111) != 0;
    }
}

/* The walk has just looked at the request's own file: nothing is asked twice. Other names are asked for in the loop, as the
 * expression language does: a look at an inode in memory takes less than a change of threads. */
static bool file_holds(const struct rewrite_run *run, enum rewrite_test test, pn_str path)
{
    const struct pn_request *r = run->r;
    struct stat              info;

    if (path.n == 0)
        return false;
    if (test != TEST_LINK && run->dir && pn_str_eq(path, r->filename)) {
        const struct pn_finfo *known = &r->finfo;
        return known->type != PN_FILE_NONE && mode_holds(test, known->type, known->mode, known->size);
    }
    const char *name = pn_str_zdup(r->pool, path);
    if (test == TEST_LINK)
        return lstat(name, &info) == 0 && S_ISLNK(info.st_mode);
    if (stat(name, &info) != 0)
        return false;
    enum pn_file_type type = S_ISREG(info.st_mode) ? PN_FILE_REGULAR : S_ISDIR(info.st_mode) ? PN_FILE_DIRECTORY : PN_FILE_OTHER;
    return mode_holds(test, type, info.st_mode, (uint64_t)info.st_size);
}

PN_MAY_YIELD static bool subrequest_holds(struct rewrite_run *run, enum rewrite_test test, pn_str input)
{
    struct pn_request *r = run->r, *sub;

    if (input.n == 0 || !pn__rewrite_may_look_ahead(run))
        return false;
    input = pn_str_dup(r->pool, input);
    if (test == TEST_SUB_URL)
        sub = pn_sub_lookup(r, input, PN_STR("GET"));
    else
        sub = pn_sub_lookup_file(r, input, PN_STR(""));
    REWRITE_TRACE(run, 5, "subrequest for %s has status %d", input.p, sub->status);
    return sub->status < 400 && (test == TEST_SUB_URL || sub->finfo.type == PN_FILE_REGULAR);
}

/* A pattern that explodes must not let a request pass or change: it fails, and the log names the rule. */
static pn_rc exploded(struct rewrite_run *run, const struct rewrite_cond *cond)
{
    struct pn_request *r = run->r;

    run->status = 500;
    return pn_fail(r, 500, PN_LOG_MODULE, 20703, "RewriteCond '%.*s' at %s: the regular expression gave up on this text (match limit)",
                   PN_FMT(cond->pattern), cond->where.p);
}

static pn_rc regex_holds(struct rewrite_run *run, const struct rewrite_cond *cond, pn_str input, bool *ret_holds)
{
    struct pn_match match;
    pn_rc           rc = pn_regex_match(cond->regex, input, &match);

    if (rc == PN_LIMIT)
        return exploded(run, cond);
    *ret_holds = rc == PN_OK;
    if (rc == PN_OK && !cond->negated)
        run->cond_match = match;
    return PN_OK;
}

/* Expressions look at the request itself: it shows for that time what rules have made of it. */
PN_MAY_YIELD static pn_rc expr_holds(struct rewrite_run *run, const struct rewrite_rule *rule, const struct rewrite_cond *cond,
                                     bool *ret_holds)
{
    struct pn_request *r = run->r;
    struct pn_match    match = { .groups = 0 };
    struct pn_expr_env env = pn_request_expr_env(r, &match);
    pn_str             filename = r->filename, query = r->query;

    r->filename = run->name;
    r->query = run->query;
    pn_rc rc = pn_expr_test(cond->expr, &env, ret_holds);
    r->filename = filename;
    r->query = query;
    if (rc == PN_LIMIT)
        return exploded(run, cond);
    if (rc != PN_OK) {
        run->status = 500;
        return pn_fail(r, 500, PN_LOG_MODULE, 20704, "RewriteCond expr '%.*s' of RewriteRule '%.*s' cannot be evaluated%s%s",
                       PN_FMT(cond->pattern), PN_FMT(rule->pattern), env.error ? ": " : "", env.error ? env.error : "");
    }
    if (*ret_holds && !cond->negated && match.groups)
        run->cond_match = match;
    return PN_OK;
}

PN_MAY_YIELD static pn_rc holds(struct rewrite_run *run, const struct rewrite_cond *cond, pn_str input, bool *ret_holds)
{
    switch (cond->test) {
    case TEST_REGEX: return regex_holds(run, cond, input, ret_holds);
    case TEST_LT: case TEST_GT: case TEST_EQ: case TEST_LE: case TEST_GE:
        *ret_holds = text_holds(cond, input);
        return PN_OK;
    case TEST_DIR: case TEST_FILE: case TEST_NONEMPTY: case TEST_LINK: case TEST_EXEC:
        *ret_holds = file_holds(run, cond->test, input);
        return PN_OK;
    case TEST_SUB_FILE: case TEST_SUB_URL:
        *ret_holds = subrequest_holds(run, cond->test, input);
        return PN_OK;
    default:
        *ret_holds = number_holds(cond, input);
        return PN_OK;
    }
}

pn_rc pn__rewrite_cond_test(struct rewrite_run *run, const struct rewrite_rule *rule, const struct rewrite_cond *cond,
                            bool *ret_holds)
{
    pn_str                    input = PN_STR("");
    const struct rewrite_var *var = pn__rewrite_text_var(cond->input);
    pn_rc                     rc = PN_OK;

    run->no_vary = cond->no_vary;
    if (cond->test == TEST_EXPR)
        rc = expr_holds(run, rule, cond, ret_holds);
    else {
        if (var) /* the usual case: no copy */
            input = pn__rewrite_var_value(run, var);
        else
            rc = pn__rewrite_text_expand(run, cond->input, NULL, &input);
        if (rc == PN_LIMIT) {
            run->status = 500;
            rc = pn_fail(run->r, 500, PN_LOG_MODULE, 20705, "RewriteCond '%.*s' of RewriteRule '%.*s': the test string grows too long",
                         PN_FMT(cond->input->source), PN_FMT(rule->pattern));
        }
        if (rc == PN_OK)
            rc = holds(run, cond, input, ret_holds);
    }
    run->no_vary = false;
    if (rc != PN_OK)
        return rc;
    *ret_holds = *ret_holds != cond->negated;
    REWRITE_TRACE(run, 4, "condition \"%.*s\" (is \"%.*s\") against '%.*s'%s: %s", PN_FMT(cond->input->source), PN_FMT(input),
                  PN_FMT(cond->pattern), cond->no_case ? " [NC]" : "", *ret_holds ? "holds" : "does not hold");
    return PN_OK;
}
