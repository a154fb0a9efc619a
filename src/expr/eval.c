/* eval.c - evaluates conditions, and the public entry points of evaluation. Words are word.c's.
 * An error anywhere ends the whole evaluation: a negation or || can't turn it into true. */
#include <apr_fnmatch.h>

#include "expr/ip.h"
#include "expr/node.h"
#include "expr/pure.h"

static int order_of(enum pn__expr_how how, pn_str a, pn_str b)
{
    switch (how) {
    case PN__HOW_INT: {
        int64_t i = pn__pure_int(a);
        int64_t j = pn__pure_int(b);
        return (i > j) - (i < j);
    }
    case PN__HOW_LENGTH:
        if (a.n != b.n)
            return a.n < b.n ? -1 : 1;
        break;
    case PN__HOW_BYTES:
        break;
    }
    return pn_str_cmp(a, b);
}

static bool holds(enum pn__expr_rel rel, int order)
{
    switch (rel) {
    case PN__REL_EQ:
        return order == 0;
    case PN__REL_NE:
        return order != 0;
    case PN__REL_LT:
        return order < 0;
    case PN__REL_LE:
        return order <= 0;
    case PN__REL_GT:
        return order > 0;
    case PN__REL_GE:
        break;
    }
    return order >= 0;
}

/* The words of an operator that takes two. */
PN_MAY_YIELD static pn_rc both(struct pn__run *run, const struct pn__node *node, pn_str *ret_a,
                               pn_str *ret_b)
{
    pn_rc rc = pn__expr_word(run, node->kids[0], ret_a);

    return rc == PN_OK ? pn__expr_word(run, node->kids[1], ret_b) : rc;
}

PN_MAY_YIELD static pn_rc compare(struct pn__run *run, const struct pn__node *node, bool *ret_true)
{
    pn_str a;
    pn_str b;
    pn_rc  rc = both(run, node, &a, &b);

    if (rc == PN_OK)
        *ret_true =
            holds((enum pn__expr_rel)node->sub, order_of((enum pn__expr_how)node->how, a, b));
    return rc;
}

PN_MAY_YIELD static pn_rc in_list(struct pn__run *run, const struct pn__node *node, bool *ret_true)
{
    pn_str needle;
    pn_str word;
    pn_rc  rc = pn__expr_word(run, node->kids[0], &needle);

    *ret_true = false;
    for (uint32_t i = 1; rc == PN_OK && i < node->n && !*ret_true; i++) {
        rc = pn__expr_word(run, node->kids[i], &word);
        *ret_true = rc == PN_OK && pn_str_eq(needle, word);
    }
    return rc;
}

PN_MAY_YIELD static pn_rc in_func(struct pn__run *run, const struct pn__node *node, bool *ret_true)
{
    const struct pn_expr_ops *ops = run->env->ops;
    const pn_str             *values = NULL;
    size_t                    n = 0;
    pn_str                    needle;
    pn_str                    arg;
    pn_rc                     rc = both(run, node, &needle, &arg);

    *ret_true = false;
    if (rc == PN_OK && ops->list)
        rc = ops->list(run->env, node->text, arg, &values, &n);
    for (size_t i = 0; rc == PN_OK && i < n && !*ret_true; i++)
        *ret_true = pn_str_eq(needle, values[i]);
    return rc;
}

/* Matches and keeps the captures. */
static pn_rc match_regex(struct pn__run *run, const struct pn_regex *regex, pn_str subject,
                         bool *ret_matched)
{
    bool  keep = run->keep_plain && pn_regex_group_count(regex) == 0;
    pn_rc rc = pn_regex_match(regex, subject, keep ? NULL : run->match);

    if (rc != PN_OK && rc != PN_NOT_FOUND)
        return pn__expr_fail(run, rc, "a regular expression took too many steps");
    if (rc == PN_NOT_FOUND && !keep)
        run->match->groups = 0;
    *ret_matched = rc == PN_OK;
    return PN_OK;
}

PN_MAY_YIELD static pn_rc match(struct pn__run *run, const struct pn__node *node, bool *ret_true)
{
    struct pn_regex *regex = node->regex;
    bool             fixed = node->op == PN__OP_MATCH;
    bool             matched = false;
    pn_str           subject;
    pn_str           pattern;
    const char      *why;
    pn_rc            rc =
        fixed ? pn__expr_word(run, node->kids[0], &subject) : both(run, node, &subject, &pattern);

    if (rc != PN_OK)
        return rc;
    if (!fixed &&
        pn_regex_compile(run->env->pool, pattern, run->regex_flags, &regex, &why) != PN_OK)
        return pn__expr_fail(run, PN_BAD, "a value does not make a regular expression");
    rc = match_regex(run, regex, subject, &matched);
    *ret_true = rc == PN_OK && matched != node->sub;
    return rc;
}

/* -T: everything but an empty string and the ways to say no. */
static bool truth(pn_str word)
{
    static const pn_str no[] = { PN_STR_INIT(""), PN_STR_INIT("0"), PN_STR_INIT("off"),
                                 PN_STR_INIT("no"), PN_STR_INIT("false") };

    for (size_t i = 0; i < PN_COUNT(no); i++)
        if (pn_str_ieq(word, no[i]))
            return false;
    return true;
}

PN_MAY_YIELD static pn_rc client(struct pn__run *run, const struct pn__node *node, bool *ret_true)
{
    const struct pn_expr_ops *ops = run->env->ops;
    pn_str                    address = { 0 };

    if (ops->client) {
        const apr_sockaddr_t *sa = ops->client(run->env);

        /* APR only reads the address; its parameter lacks the const. */
        *ret_true = sa && apr_ipsubnet_test(node->subnet, (apr_sockaddr_t *)sa);
        return PN_OK;
    }
    pn_rc rc = ops->var ? ops->var(run->env, PN_EXPR_VAR_REMOTE_ADDR, &address) : PN_OK;
    *ret_true = rc == PN_OK && pn__ip_in_subnet(address, node->subnet);
    return rc;
}

/* A word NUL-terminated: in `small` where it fits. NULL when it holds a NUL. */
static const char *terminated(apr_pool_t *pool, pn_str word, char *small, size_t small_size)
{
    if (pn_str_chr(word, '\0', 0) != SIZE_MAX)
        return NULL;
    if (word.n >= small_size)
        return pn_str_zdup(pool, word);
    memcpy(small, word.p, word.n);
    small[word.n] = '\0';
    return small;
}

PN_MAY_YIELD static pn_rc fnmatch_words(struct pn__run *run, const struct pn__node *node,
                                        bool *ret_true)
{
    char   small_word[192];
    char   small_pattern[192];
    pn_str word;
    pn_str pattern;
    pn_rc  rc = both(run, node, &word, &pattern);

    if (rc != PN_OK)
        return rc;
    const char *word_z = terminated(run->env->pool, word, small_word, sizeof(small_word));
    const char *pattern_z =
        terminated(run->env->pool, pattern, small_pattern, sizeof(small_pattern));
    *ret_true = word_z && pattern_z && apr_fnmatch(pattern_z, word_z, node->sub) == APR_SUCCESS;
    return PN_OK;
}

/* -n -z -T -f ... and -ipmatch: one word decides. */
PN_MAY_YIELD static pn_rc test_word(struct pn__run *run, const struct pn__node *node,
                                    bool *ret_true)
{
    const struct pn_expr_ops *ops = run->env->ops;
    pn_str                    word;
    pn_rc                     rc = pn__expr_word(run, node->kids[0], &word);

    if (rc != PN_OK)
        return rc;
    *ret_true = false;
    switch (node->op) {
    case PN__OP_NONEMPTY:
        *ret_true = word.n != 0;
        return PN_OK;
    case PN__OP_EMPTY:
        *ret_true = word.n == 0;
        return PN_OK;
    case PN__OP_TRUTH:
        *ret_true = truth(word);
        return PN_OK;
    case PN__OP_IPMATCH:
        *ret_true = pn__ip_in_subnet(word, node->subnet);
        return PN_OK;
    default:
        pn_assert(node->op == PN__OP_CHECK);
        return ops->check ? ops->check(run->env, (enum pn_expr_check)node->sub, word, ret_true)
                          : PN_OK;
    }
}

/* && and ||: stops at the first kid that decides. */
PN_MAY_YIELD static pn_rc junction(struct pn__run *run, const struct pn__node *node, bool *ret_true)
{
    pn_rc rc = PN_OK;
    bool  decisive = node->op == PN__OP_OR;

    *ret_true = !decisive;
    for (uint32_t i = 0; rc == PN_OK && i < node->n && *ret_true != decisive; i++)
        rc = pn__expr_cond(run, node->kids[i], ret_true);
    return rc;
}

/* a && b || c of the legacy grammar is a && (b || c). Behind the kid that decides, only those
 * run that set captures. */
PN_MAY_YIELD static pn_rc chain(struct pn__run *run, const struct pn__node *node, bool *ret_true)
{
    pn_rc rc = PN_OK;
    bool  decided = false;

    for (uint32_t i = 0; rc == PN_OK && i < node->n; i++) {
        bool value = false;

        if (decided && !node->kids[i]->sets_match)
            continue;
        rc = pn__expr_cond(run, node->kids[i], &value);
        if (decided)
            continue;
        *ret_true = value;
        decided = i + 1 < node->n && value == (node->text.p[i] == '|');
    }
    return rc;
}

pn_rc pn__expr_cond(struct pn__run *run, const struct pn__node *node, bool *ret_true)
{
    pn_rc rc;

    switch ((enum pn__expr_op)node->op) {
    case PN__OP_CONST:
        *ret_true = node->sub;
        return PN_OK;
    case PN__OP_NOT:
        rc = pn__expr_cond(run, node->kids[0], ret_true);
        *ret_true = !*ret_true;
        return rc;
    case PN__OP_AND:
    case PN__OP_OR:
        return junction(run, node, ret_true);
    case PN__OP_CHAIN:
        return chain(run, node, ret_true);
    case PN__OP_COMPARE:
        return compare(run, node, ret_true);
    case PN__OP_IN:
        return in_list(run, node, ret_true);
    case PN__OP_IN_FUNC:
        return in_func(run, node, ret_true);
    case PN__OP_MATCH:
    case PN__OP_MATCH_DYN:
        return match(run, node, ret_true);
    case PN__OP_CLIENT:
        return client(run, node, ret_true);
    case PN__OP_FNMATCH:
        return fnmatch_words(run, node, ret_true);
    default:
        return test_word(run, node, ret_true);
    }
}

static struct pn__run run_of(const struct pn_expr *expr, struct pn_expr_env *env,
                             struct pn_match *local)
{
    env->error = NULL;
    local->groups = 0;
    return (struct pn__run){ .env = env,
                             .match = env->match ? env->match : local,
                             .regex_flags = expr->regex_flags,
                             .keep_plain = expr->mode != PN_EXPR_INCLUDE };
}

pn_rc pn_expr_test(const struct pn_expr *expr, struct pn_expr_env *env, bool *ret_true)
{
    struct pn_match local;
    struct pn__run  run = run_of(expr, env, &local);
    bool            value = false;
    pn_str          word = { 0 };
    pn_rc           rc;

    if (expr->mode == PN_EXPR_STRING) {
        rc = pn__expr_word(&run, expr->root, &word);
        value = word.n != 0;
    }
    else
        rc = pn__expr_cond(&run, expr->root, &value);
    if (rc == PN_OK)
        *ret_true = value;
    return rc;
}

pn_rc pn_expr_string(const struct pn_expr *expr, struct pn_expr_env *env, pn_str *ret_value)
{
    struct pn_match local;
    struct pn__run  run = run_of(expr, env, &local);
    bool            value = false;
    pn_str          word = { 0 };
    pn_rc           rc;

    if (expr->mode == PN_EXPR_STRING)
        rc = pn__expr_word(&run, expr->root, &word);
    else {
        rc = pn__expr_cond(&run, expr->root, &value);
        word = value ? PN_STR("true") : PN_STR("false");
    }
    if (rc == PN_OK)
        *ret_value = word;
    return rc;
}
