/* expr/parser.h - what the parsers of the grammars share: the text, the place in it, the first
 * error, and the makers of nodes. Every parse function returns NULL once an error is recorded. */
#ifndef PN_EXPR_PARSER_H
#define PN_EXPR_PARSER_H

#include "expr/node.h"

enum pn__tok {
    PN__TOK_END,
    PN__TOK_BAD, /* a byte that begins nothing */
    PN__TOK_ID,
    PN__TOK_DIGITS,
    PN__TOK_QUOTE,   /* the opening quote; the string follows */
    PN__TOK_VAR,     /* %{ */
    PN__TOK_BACKREF, /* $0-$9; text: the digit */
    PN__TOK_UNARY,   /* -x; text without the '-' */
    PN__TOK_BINARY,  /* -name */
    PN__TOK_COMPARE, /* sub: enum pn__expr_rel; how: BYTES or INT */
    PN__TOK_MATCH,   /* =~ !~; sub: negated */
    PN__TOK_IN,
    PN__TOK_AND,
    PN__TOK_OR,
    PN__TOK_NOT,
    PN__TOK_TRUE,
    PN__TOK_FALSE,
    PN__TOK_PUNCT /* ( ) { } , . ; text: the byte */
};

struct pn__token {
    enum pn__tok kind;
    uint8_t      sub;
    uint8_t      how;
    size_t       at; /* byte where it begins */
    pn_str       text;
};

struct pn__parser {
    apr_pool_t           *pool;
    pn_str                text;
    enum pn_expr_mode     mode;
    unsigned              flags;       /* enum pn_expr_flag */
    unsigned              regex_flags; /* enum pn_regex_flag for every pattern */
    size_t                pos;         /* behind the current token */
    struct pn__token      tok;
    unsigned              depth;
    unsigned              uses;
    pn_rc                 rc;    /* the first error */
    struct pn_expr_error *error; /* may be NULL */
};

/* A list of nodes that grows while its length is unknown. */
struct pn__kids {
    const struct pn__node **v;
    uint32_t                n, cap;
};

/* Reads the token at p->pos into p->tok. */
void pn__lex_next(struct pn__parser *p);
/* Is the current token this punctuation? */
static inline bool pn__tok_is(const struct pn__parser *p, char c)
{
    return p->tok.kind == PN__TOK_PUNCT && p->tok.text.p[0] == c;
}
/* May a name begin with, go on with this byte? */
bool pn__name_start(char c);
bool pn__name_char(char c);

/* Records the first error. @return NULL, for the caller to hand on. */
PN_COLD PN_PRINTF(4, 5) struct pn__node *pn__parse_fail(struct pn__parser *p, pn_rc rc, size_t at,
                                                        const char *fmt, ...);
/* "expected WHAT, found ..." at the current token. */
PN_COLD struct pn__node *pn__parse_expected(struct pn__parser *p, const char *what);
/* One level deeper: false, with an error recorded, past PN_EXPR_DEPTH_MAX. */
bool               pn__parse_enter(struct pn__parser *p);
static inline void pn__parse_leave(struct pn__parser *p)
{
    p->depth--;
}

struct pn__node *pn__node_make(struct pn__parser *p, enum pn__expr_op op,
                               const struct pn__node *kid0, const struct pn__node *kid1);
struct pn__node *pn__node_literal(struct pn__parser *p, pn_str text);
struct pn__node *pn__node_backref(struct pn__parser *p, char digit);
struct pn__node *pn__node_of_kids(struct pn__parser *p, enum pn__expr_op op,
                                  const struct pn__kids *kids);
/* The words one after another: joined where they are literals, itself where it is one. */
struct pn__node *pn__node_concat(struct pn__parser *p, const struct pn__kids *kids);
void pn__kids_add(struct pn__parser *p, struct pn__kids *kids, const struct pn__node *node);
/* A look-up of the name that a word yields. */
struct pn__node *pn__node_get(struct pn__parser *p, enum pn_expr_get what,
                              const struct pn__node *name);

/* A whole text of each grammar. */
struct pn__node *pn__parse_condition(struct pn__parser *p);
struct pn__node *pn__parse_string(struct pn__parser *p);
struct pn__node *pn__parse_include(struct pn__parser *p);

/* template.c: text with %{...} and $n up to `end` ('"', '\'', '}', or '\0' for the end of the
 * text), which is taken too. Begins at p->pos and leaves p->pos behind the end. */
struct pn__node *pn__parse_template(struct pn__parser *p, char end);
/* Behind "%{": a variable or %{func:...}; takes the '}'. */
struct pn__node *pn__parse_var(struct pn__parser *p, size_t at);
/* parse.c: a call of `name` (at byte `at`) with the word `arg`. */
struct pn__node *pn__parse_call(struct pn__parser *p, pn_str name, size_t at,
                                const struct pn__node *arg);

#endif
