/* lex.c - bytes to tokens, for conditions outside of quotes. Strings, variables and regular
 * expressions are read by the parsers, which know when one may come. */
#include "base/ascii.h"
#include "expr/parser.h"

bool pn__name_start(char c)
{
    return pn_ascii_alpha(c);
}

bool pn__name_char(char c)
{
    return pn_ascii_alnum(c) || c == '_';
}

struct keyword {
    pn_str       text;
    enum pn__tok kind;
    uint8_t      sub;
    uint8_t      how;
};

static const struct keyword words[] = {
    { PN_STR_INIT("true"), PN__TOK_TRUE },
    { PN_STR_INIT("false"), PN__TOK_FALSE },
    { PN_STR_INIT("and"), PN__TOK_AND },
    { PN_STR_INIT("or"), PN__TOK_OR },
    { PN_STR_INIT("not"), PN__TOK_NOT },
    { PN_STR_INIT("in"), PN__TOK_IN },
    { PN_STR_INIT("eq"), PN__TOK_COMPARE, PN__REL_EQ, PN__HOW_INT },
    { PN_STR_INIT("ne"), PN__TOK_COMPARE, PN__REL_NE, PN__HOW_INT },
    { PN_STR_INIT("lt"), PN__TOK_COMPARE, PN__REL_LT, PN__HOW_INT },
    { PN_STR_INIT("le"), PN__TOK_COMPARE, PN__REL_LE, PN__HOW_INT },
    { PN_STR_INIT("gt"), PN__TOK_COMPARE, PN__REL_GT, PN__HOW_INT },
    { PN_STR_INIT("ge"), PN__TOK_COMPARE, PN__REL_GE, PN__HOW_INT },
};

#define FIRST_DASHED 5 /* "in" and what follows may be written with a '-' */

/* Longer ones before their prefixes. */
static const struct keyword signs[] = {
    { PN_STR_INIT("=~"), PN__TOK_MATCH, 0 },
    { PN_STR_INIT("!~"), PN__TOK_MATCH, 1 },
    { PN_STR_INIT("=="), PN__TOK_COMPARE, PN__REL_EQ, PN__HOW_BYTES },
    { PN_STR_INIT("!="), PN__TOK_COMPARE, PN__REL_NE, PN__HOW_BYTES },
    { PN_STR_INIT("<="), PN__TOK_COMPARE, PN__REL_LE, PN__HOW_BYTES },
    { PN_STR_INIT(">="), PN__TOK_COMPARE, PN__REL_GE, PN__HOW_BYTES },
    { PN_STR_INIT("&&"), PN__TOK_AND },
    { PN_STR_INIT("||"), PN__TOK_OR },
    { PN_STR_INIT("%{"), PN__TOK_VAR },
    { PN_STR_INIT("="), PN__TOK_COMPARE, PN__REL_EQ, PN__HOW_BYTES },
    { PN_STR_INIT("<"), PN__TOK_COMPARE, PN__REL_LT, PN__HOW_BYTES },
    { PN_STR_INIT(">"), PN__TOK_COMPARE, PN__REL_GT, PN__HOW_BYTES },
    { PN_STR_INIT("!"), PN__TOK_NOT },
    { PN_STR_INIT("\""), PN__TOK_QUOTE },
    { PN_STR_INIT("'"), PN__TOK_QUOTE },
    { PN_STR_INIT("("), PN__TOK_PUNCT },
    { PN_STR_INIT(")"), PN__TOK_PUNCT },
    { PN_STR_INIT("{"), PN__TOK_PUNCT },
    { PN_STR_INIT("}"), PN__TOK_PUNCT },
    { PN_STR_INIT(","), PN__TOK_PUNCT },
    { PN_STR_INIT("."), PN__TOK_PUNCT },
};

static size_t run_of(pn_str s, bool (*is)(char), size_t from)
{
    while (from < s.n && is(s.p[from]))
        from++;
    return from;
}

static void take(struct pn__parser *p, enum pn__tok kind, size_t n)
{
    p->tok.kind = kind;
    p->tok.text = pn_str_head(pn_str_from(p->text, p->pos), n);
    p->pos += n;
}

/* The current token is a word: is it one of the language's own? */
static void keyword_of(struct pn__token *tok, size_t first, enum pn__tok otherwise)
{
    tok->kind = otherwise;
    for (size_t i = first; i < PN_COUNT(words); i++) {
        if (!pn_str_eq(tok->text, words[i].text))
            continue;
        tok->kind = words[i].kind;
        tok->sub = words[i].sub;
        tok->how = words[i].how;
        return;
    }
}

/* -5, -n, -ipmatch. */
static void lex_dash(struct pn__parser *p, pn_str rest)
{
    char first = rest.n > 1 ? rest.p[1] : '\0';

    if (pn_ascii_digit(first)) {
        take(p, PN__TOK_DIGITS, run_of(rest, pn_ascii_digit, 1));
        return;
    }
    if (!pn__name_start(first)) {
        take(p, PN__TOK_BAD, 1);
        return;
    }
    take(p, PN__TOK_BAD, run_of(rest, pn__name_char, 1));
    p->tok.text = pn_str_from(p->tok.text, 1);
    keyword_of(&p->tok, FIRST_DASHED, p->tok.text.n == 1 ? PN__TOK_UNARY : PN__TOK_BINARY);
}

static void lex_sign(struct pn__parser *p, pn_str rest)
{
    for (size_t i = 0; i < PN_COUNT(signs); i++) {
        if (!pn_str_starts(rest, signs[i].text))
            continue;
        take(p, signs[i].kind, signs[i].text.n);
        p->tok.sub = signs[i].sub;
        p->tok.how = signs[i].how;
        return;
    }
    take(p, PN__TOK_BAD, 1);
}

void pn__lex_next(struct pn__parser *p)
{
    p->pos = run_of(p->text, pn_ascii_space, p->pos);
    p->tok = (struct pn__token){ .kind = PN__TOK_END, .at = p->pos };

    pn_str rest = pn_str_from(p->text, p->pos);
    if (rest.n == 0)
        return;
    char c = rest.p[0];
    if (pn__name_start(c)) {
        take(p, PN__TOK_ID, run_of(rest, pn__name_char, 0));
        keyword_of(&p->tok, 0, PN__TOK_ID);
    }
    else if (pn_ascii_digit(c))
        take(p, PN__TOK_DIGITS, run_of(rest, pn_ascii_digit, 0));
    else if (c == '-')
        lex_dash(p, rest);
    else if (c == '$' && rest.n > 1 && pn_ascii_digit(rest.p[1])) {
        take(p, PN__TOK_BACKREF, 2);
        p->tok.text = pn_str_from(p->tok.text, 1);
    }
    else
        lex_sign(p, rest);
}
