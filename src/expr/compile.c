/* compile.c - the public face of compilation, and what a compiled expression tells about itself. */
#include "expr/parser.h"

static struct pn__node *parse_text(struct pn__parser *p)
{
    switch (p->mode) {
    case PN_EXPR_STRING:
        return pn__parse_string(p);
    case PN_EXPR_INCLUDE:
        return pn__parse_include(p);
    case PN_EXPR_CONDITION:
    case PN_EXPR_SSL:
        break;
    }
    return pn__parse_condition(p);
}

pn_rc pn_expr_compile(apr_pool_t *pool, pn_str text, enum pn_expr_mode mode, unsigned flags,
                      const struct pn_expr **ret_expr, struct pn_expr_error *ret_error)
{
    struct pn__parser p = { .pool = pool, .mode = mode, .flags = flags, .error = ret_error };

    p.regex_flags = flags & PN_EXPR_REGEX_SET ? (flags >> 8 | PN_REGEX_EXACT) : 0; /* 0: RegexDefaultOptions */
    if (text.n > PN_EXPR_TEXT_MAX) {
        pn__parse_fail(&p, PN_LIMIT, PN_EXPR_TEXT_MAX, "longer than %zu bytes", PN_EXPR_TEXT_MAX);
        return p.rc;
    }
    p.text = pn_str_dup(pool, text);
    struct pn__node *root = parse_text(&p);
    if (!root || p.rc != PN_OK)
        return p.rc != PN_OK ? p.rc : PN_BAD;

    struct pn_expr *expr = apr_pcalloc(pool, sizeof(*expr));
    expr->root = root;
    expr->text = p.text;
    expr->mode = mode;
    expr->uses = p.uses;
    expr->regex_flags = p.regex_flags;
    *ret_expr = expr;
    return PN_OK;
}

unsigned pn_expr_uses(const struct pn_expr *expr)
{
    return expr->uses;
}

pn_str pn_expr_literal(const struct pn_expr *expr)
{
    return expr->root->op == PN__OP_LITERAL ? expr->root->text : (pn_str){ 0 };
}

pn_str pn_expr_text(const struct pn_expr *expr)
{
    return expr->text;
}
