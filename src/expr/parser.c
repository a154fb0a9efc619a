/* parser.c - errors and node makers that the parsers of all grammars share. */
#include "expr/parser.h"

#include <stdarg.h>

struct pn__node *pn__parse_fail(struct pn__parser *p, pn_rc rc, size_t at, const char *fmt, ...)
{
    va_list ap;

    if (p->rc != PN_OK)
        return NULL; /* what follows from the first error helps nobody */
    p->rc = rc;
    if (p->error) {
        va_start(ap, fmt);
        pn_str what = pn_str_vprintf(p->pool, fmt, ap);
        va_end(ap);
        p->error->offset = at;
        p->error->text = pn_str_printf(p->pool, "at byte %zu: %s", at, what.p).p;
    }
    return NULL;
}

#define SHOWN_MAX 24 /* bytes of the text that a message repeats */

struct pn__node *pn__parse_expected(struct pn__parser *p, const char *what)
{
    pn_str rest = pn_str_from(p->text, p->tok.at);

    if (p->tok.kind == PN__TOK_END)
        return pn__parse_fail(p, PN_BAD, p->tok.at, "expected %s, found the end", what);
    pn_str shown = pn_str_escape(p->pool, pn_str_head(rest, SHOWN_MAX));
    return pn__parse_fail(p, PN_BAD, p->tok.at, "expected %s, found \"%s%s\"", what, shown.p,
                          rest.n > SHOWN_MAX ? "..." : "");
}

bool pn__parse_enter(struct pn__parser *p)
{
    if (++p->depth <= PN_EXPR_DEPTH_MAX)
        return true;
    pn__parse_fail(p, PN_LIMIT, p->pos, "nested deeper than %d levels", PN_EXPR_DEPTH_MAX);
    return false;
}

struct pn__node *pn__node_make(struct pn__parser *p, enum pn__expr_op op,
                               const struct pn__node *kid0, const struct pn__node *kid1)
{
    struct pn__node        *node = apr_pcalloc(p->pool, sizeof(*node));
    const struct pn__node **kids = NULL;

    if (kid0) {
        kids = apr_palloc(p->pool, 2 * sizeof(*kids));
        kids[0] = kid0;
        kids[1] = kid1;
    }
    node->op = (uint8_t)op;
    node->kids = kids;
    node->n = kid1 ? 2 : kid0 ? 1 : 0;
    return node;
}

struct pn__node *pn__node_literal(struct pn__parser *p, pn_str text)
{
    struct pn__node *node = pn__node_make(p, PN__OP_LITERAL, NULL, NULL);

    node->text = text.p ? text : PN_STR("");
    return node;
}

struct pn__node *pn__node_backref(struct pn__parser *p, char digit)
{
    struct pn__node *node = pn__node_make(p, PN__OP_BACKREF, NULL, NULL);

    node->sub = (uint8_t)(digit - '0');
    p->uses |= PN_EXPR_USES_CAPTURES;
    return node;
}

void pn__kids_add(struct pn__parser *p, struct pn__kids *kids, const struct pn__node *node)
{
    if (kids->n == kids->cap) {
        uint32_t cap = kids->cap ? kids->cap * 2 : 4; /* bounded by PN_EXPR_TEXT_MAX */
        const struct pn__node **v = apr_palloc(p->pool, cap * sizeof(*v));

        if (kids->n)
            memcpy(v, kids->v, kids->n * sizeof(*v));
        kids->v = v;
        kids->cap = cap;
    }
    kids->v[kids->n++] = node;
}

struct pn__node *pn__node_of_kids(struct pn__parser *p, enum pn__expr_op op,
                                  const struct pn__kids *kids)
{
    struct pn__node *node = pn__node_make(p, op, NULL, NULL);

    node->kids = kids->v;
    node->n = kids->n;
    return node;
}

/* Joins the literals from kids[from] on. @return the index behind them. */
static uint32_t join_literals(struct pn__parser *p, const struct pn__kids *kids, uint32_t from,
                              pn_str *ret_text)
{
    uint32_t to = from;
    size_t   total = 0;

    for (; to < kids->n && kids->v[to]->op == PN__OP_LITERAL; to++)
        total += kids->v[to]->text.n;
    char *text = apr_palloc(p->pool, total + 1);
    *ret_text = pn_str_n(text, total);
    for (uint32_t i = from; i < to; i++) {
        memcpy(text, kids->v[i]->text.p, kids->v[i]->text.n);
        text += kids->v[i]->text.n;
    }
    *text = '\0';
    return to;
}

struct pn__node *pn__node_concat(struct pn__parser *p, const struct pn__kids *kids)
{
    struct pn__kids joined = { 0 };

    for (uint32_t i = 0; i < kids->n;) {
        if (kids->v[i]->op != PN__OP_LITERAL) {
            pn__kids_add(p, &joined, kids->v[i++]);
            continue;
        }
        pn_str text;
        i = join_literals(p, kids, i, &text);
        if (text.n)
            pn__kids_add(p, &joined, pn__node_literal(p, text));
    }
    if (joined.n == 0)
        return pn__node_literal(p, PN_STR(""));
    /* The cast is safe: nodes are made here and become constant when the parse ends. */
    if (joined.n == 1)
        return (struct pn__node *)joined.v[0];
    return pn__node_of_kids(p, PN__OP_CONCAT, &joined);
}

struct pn__node *pn__node_get(struct pn__parser *p, enum pn_expr_get what,
                              const struct pn__node *name)
{
    struct pn__node *node = pn__node_make(p, PN__OP_GET, name, NULL);

    node->sub = (uint8_t)what;
    return node;
}
