/* word.c - evaluates words: the nodes that yield strings. A string is built (in env->pool) only
 * where two or more parts that are not empty meet, or a function changes its argument. */
#include <stdlib.h>

#include <pinion/buf.h>

#include "expr/names.h"

static void report_vary(struct pn__run *run, const struct pn__node *node, pn_str header)
{
    const struct pn_expr_ops *ops = run->env->ops;

    if (node->vary && header.n && ops->vary && !pn_str_ieq(header, PN_STR("Host")))
        ops->vary(run->env, header);
}

PN_MAY_YIELD static pn_rc get(struct pn__run *run, enum pn_expr_get what, pn_str name,
                              pn_str *ret_value)
{
    const struct pn_expr_ops *ops = run->env->ops;

    *ret_value = (pn_str){ 0 };
    pn_rc rc = ops->get ? ops->get(run->env, what, name, ret_value) : PN_OK;
    if (rc == PN_OK && ret_value->n > PN_EXPR_STRING_MAX)
        return pn__expr_fail(run, PN_LIMIT, "a value is too long");
    return rc;
}

PN_MAY_YIELD static pn_rc var(struct pn__run *run, const struct pn__node *node, pn_str *ret_value)
{
    const struct pn_expr_ops *ops = run->env->ops;

    *ret_value = (pn_str){ 0 };
    report_vary(run, node, node->text);
    return ops->var ? ops->var(run->env, (enum pn_expr_var)node->sub, ret_value) : PN_OK;
}

static pn_str osenv(struct pn__run *run, pn_str name)
{
    return pn_str_z(getenv(pn_str_zdup(run->env->pool, name)));
}

/* The first of note, request environment and system environment that is set. */
PN_MAY_YIELD static pn_rc any_env(struct pn__run *run, pn_str name, pn_str *ret_value)
{
    pn_rc rc = get(run, PN_EXPR_GET_NOTE, name, ret_value);

    if (rc == PN_OK && !ret_value->p)
        rc = get(run, PN_EXPR_GET_REQENV, name, ret_value);
    if (rc == PN_OK && !ret_value->p)
        *ret_value = osenv(run, name);
    return rc;
}

/* A word of one argument: look-ups and functions. */
PN_MAY_YIELD static pn_rc call(struct pn__run *run, const struct pn__node *node, pn_str *ret_value)
{
    pn_str arg;
    pn_rc  rc = pn__expr_word(run, node->kids[0], &arg);

    if (rc != PN_OK)
        return rc;
    switch (node->op) {
    case PN__OP_GET:
        report_vary(run, node, arg);
        return get(run, (enum pn_expr_get)node->sub, arg, ret_value);
    case PN__OP_ENV:
        return any_env(run, arg, ret_value);
    case PN__OP_OSENV:
        *ret_value = osenv(run, arg);
        return PN_OK;
    default:
        pn_assert(node->op == PN__OP_PURE);
        if (node->pure(run->env->pool, arg, ret_value) != PN_OK)
            return pn__expr_fail(run, PN_LIMIT, "the result of a function is too long");
        return PN_OK;
    }
}

/* Adds a part to the string so far, which stays borrowed while it is the only one. */
static bool append(struct pn_buf *buf, pn_str *only, pn_str part)
{
    if (part.n == 0)
        return true;
    if (buf->n == 0 && only->n == 0) {
        *only = part;
        return true;
    }
    if (buf->n == 0)
        pn_buf_str(buf, *only);
    pn_buf_str(buf, part);
    return !buf->full;
}

PN_MAY_YIELD static pn_rc concat(struct pn__run *run, const struct pn__node *node,
                                 pn_str *ret_value)
{
    struct pn_buf buf;
    pn_str        only = { 0 };

    pn_buf_init(&buf, run->env->pool, PN_EXPR_STRING_MAX);
    for (uint32_t i = 0; i < node->n; i++) {
        pn_str part;
        pn_rc  rc = pn__expr_word(run, node->kids[i], &part);

        if (rc != PN_OK)
            return rc;
        if (!append(&buf, &only, part))
            return pn__expr_fail(run, PN_LIMIT, "a string grew too long");
    }
    *ret_value = buf.n ? pn_buf_view(&buf) : only;
    return PN_OK;
}

PN_MAY_YIELD static pn_rc word(struct pn__run *run, const struct pn__node *node, pn_str *ret_value)
{
    switch (node->op) {
    case PN__OP_LITERAL:
        *ret_value = node->text;
        return PN_OK;
    case PN__OP_VAR:
        return var(run, node, ret_value);
    case PN__OP_BACKREF:
        *ret_value =
            node->sub < run->match->groups ? pn_match_group(run->match, node->sub) : PN_STR("");
        return PN_OK;
    case PN__OP_CONCAT:
        return concat(run, node, ret_value);
    default:
        return call(run, node, ret_value);
    }
}

pn_rc pn__expr_word(struct pn__run *run, const struct pn__node *node, pn_str *ret_value)
{
    pn_rc rc = word(run, node, ret_value);

    if (rc == PN_OK && !ret_value->p)
        *ret_value = PN_STR("");
    return rc;
}
