/* include_legacy.c - the old grammar of server-side includes (SSILegacyExprParser on): bare and
 * quoted strings with $NAME and ${NAME}, = == != < <= > >=, /regex/ at the right of = and !=, -A
 * URL, ! && || ( ).
 *
 * Facts of that grammar, checked against 2.4.71: a backslash takes the byte behind it as it is,
 * in strings and in regular expressions, before variables are looked for; neighbours are joined
 * by one blank; only ' quotes; && and || bind alike, to the right; ! binds to one string, group
 * or -A, never to a comparison; nothing that holds a regex is skipped, since the captures must
 * be set. */
#include "base/ascii.h"
#include "expr/parser.h"

#include <pinion/buf.h>

enum itok {
    ITOK_END,
    ITOK_STRING,
    ITOK_REGEX,
    ITOK_COMPARE,
    ITOK_AND,
    ITOK_OR,
    ITOK_NOT,
    ITOK_ACCESS, /* -A */
    ITOK_OPEN,
    ITOK_CLOSE
};

struct iparser {
    struct pn__parser *p;
    enum itok          kind;
    uint8_t            rel;  /* of ITOK_COMPARE */
    pn_str             text; /* of a string or regex, without its backslashes */
};

static const struct {
    pn_str    text;
    enum itok kind;
    uint8_t   rel;
} signs[] = {
    { PN_STR_INIT("=="), ITOK_COMPARE, PN__REL_EQ },
    { PN_STR_INIT("!="), ITOK_COMPARE, PN__REL_NE },
    { PN_STR_INIT("<="), ITOK_COMPARE, PN__REL_LE },
    { PN_STR_INIT(">="), ITOK_COMPARE, PN__REL_GE },
    { PN_STR_INIT("&&"), ITOK_AND, 0 },
    { PN_STR_INIT("||"), ITOK_OR, 0 },
    { PN_STR_INIT("-A"), ITOK_ACCESS, 0 },
    { PN_STR_INIT("="), ITOK_COMPARE, PN__REL_EQ },
    { PN_STR_INIT("<"), ITOK_COMPARE, PN__REL_LT },
    { PN_STR_INIT(">"), ITOK_COMPARE, PN__REL_GT },
    { PN_STR_INIT("!"), ITOK_NOT, 0 },
    { PN_STR_INIT("("), ITOK_OPEN, 0 },
    { PN_STR_INIT(")"), ITOK_CLOSE, 0 },
};

static bool ends_bare(pn_str rest)
{
    char c = rest.p[0];

    return pn_ascii_space(c) || (c && strchr("()=!<>", c)) || pn_str_starts(rest, PN_STR("&&")) ||
           pn_str_starts(rest, PN_STR("||"));
}

/* Reads up to `end` (taken too), or as a bare string when end is '\0'. */
static void read_text(struct iparser *ip, char end)
{
    struct pn__parser *p = ip->p;
    size_t             start = p->pos;
    struct pn_buf      bytes;

    pn_buf_init(&bytes, p->pool, PN_EXPR_TEXT_MAX);
    for (;; p->pos++) {
        pn_str rest = pn_str_from(p->text, p->pos);
        if (rest.n == 0 ? end == '\0' : end ? rest.p[0] == end : ends_bare(rest))
            break;
        if (rest.n == 0) {
            pn__parse_fail(p, PN_BAD, start - 1, "what begins here has no end %c", end);
            return;
        }
        if (rest.p[0] == '\\' && rest.n > 1)
            p->pos++;
        pn_buf_ch(&bytes, p->text.p[p->pos]);
    }
    p->pos += end != '\0';
    ip->text = pn_buf_view(&bytes);
}

static void inext(struct iparser *ip)
{
    struct pn__parser *p = ip->p;
    enum itok          after = ip->kind; /* -A takes a path, not a regex */

    while (p->pos < p->text.n && pn_ascii_space(p->text.p[p->pos]))
        p->pos++;
    pn_str rest = pn_str_from(p->text, p->pos);
    p->tok.at = p->pos;
    p->tok.kind = rest.n ? PN__TOK_ID : PN__TOK_END; /* for pn__parse_expected() */
    ip->kind = rest.n ? ITOK_STRING : ITOK_END;
    ip->text = (pn_str){ 0 };
    if (rest.n == 0)
        return;
    for (size_t i = 0; i < PN_COUNT(signs); i++) {
        if (!pn_str_starts(rest, signs[i].text))
            continue;
        ip->kind = signs[i].kind;
        ip->rel = signs[i].rel;
        p->pos += signs[i].text.n;
        return;
    }
    char mark = rest.p[0];
    if (mark == '/' && after != ITOK_ACCESS)
        ip->kind = ITOK_REGEX;
    if (ip->kind != ITOK_REGEX && mark != '\'')
        mark = '\0';
    p->pos += mark != '\0';
    read_text(ip, mark);
}

/* Behind a '$': the variable's name, or an empty string where none begins. Moves *at behind it. */
static bool var_name(struct pn__parser *p, pn_str text, size_t *at, pn_str *ret_name)
{
    size_t start = *at;
    size_t end = start;

    *ret_name = (pn_str){ 0 };
    if (start < text.n && text.p[start] == '{') {
        end = pn_str_chr(text, '}', start);
        if (end == SIZE_MAX) {
            pn__parse_fail(p, PN_BAD, p->tok.at, "a ${ in this string has no }");
            return false;
        }
        if (end > start + 1) {
            *ret_name = pn_str_n(text.p + start + 1, end - start - 1);
            *at = end + 1;
        }
        return true;
    }
    while (end < text.n && pn__name_char(text.p[end]))
        end++;
    if (end > start)
        *ret_name = pn_str_n(text.p + start, end - start);
    *at = end;
    return true;
}

static const struct pn__node *var_node(struct pn__parser *p, pn_str name)
{
    if (name.n == 1 && pn_ascii_digit(name.p[0]))
        return pn__node_backref(p, name.p[0]);
    p->uses |= PN_EXPR_USES_ENV;
    return pn__node_get(p, PN_EXPR_GET_INCLUDE, pn__node_literal(p, pn_str_dup(p->pool, name)));
}

/* A string with its variables: \$ is a plain $. */
static struct pn__node *substitution(struct pn__parser *p, pn_str text)
{
    struct pn__kids parts = { 0 };
    struct pn_buf   plain;

    pn_buf_init(&plain, p->pool, PN_EXPR_TEXT_MAX);
    for (size_t at = 0; at < text.n;) {
        pn_str name = { 0 };
        char   c = text.p[at++];

        if (c == '\\' && at < text.n && text.p[at] == '$')
            c = text.p[at++];
        else if (c == '$' && !var_name(p, text, &at, &name))
            return NULL;
        if (!name.n) {
            pn_buf_ch(&plain, c);
            continue;
        }
        pn__kids_add(p, &parts, pn__node_literal(p, pn_str_dup(p->pool, pn_buf_view(&plain))));
        pn_buf_clear(&plain);
        pn__kids_add(p, &parts, var_node(p, name));
    }
    pn__kids_add(p, &parts, pn__node_literal(p, pn_str_dup(p->pool, pn_buf_view(&plain))));
    return pn__node_concat(p, &parts);
}

/* One or more strings in a row, joined by blanks. */
static struct pn__node *iword(struct iparser *ip, const char *expected)
{
    struct pn__parser *p = ip->p;
    struct pn_buf      joined;

    if (ip->kind != ITOK_STRING)
        return pn__parse_expected(p, expected);
    pn_buf_init(&joined, p->pool, PN_EXPR_TEXT_MAX);
    pn_buf_str(&joined, ip->text);
    for (inext(ip); ip->kind == ITOK_STRING && p->rc == PN_OK; inext(ip)) {
        pn_buf_ch(&joined, ' ');
        pn_buf_str(&joined, ip->text);
    }
    return p->rc == PN_OK ? substitution(p, pn_buf_view(&joined)) : NULL;
}

static struct pn__node *iregex(struct iparser *ip, struct pn__node *left, uint8_t rel)
{
    struct pn__parser *p = ip->p;
    struct pn__node   *pattern = substitution(p, ip->text);
    bool               fixed = pattern && pattern->op == PN__OP_LITERAL;
    const char        *why;

    if (!pattern)
        return NULL;
    struct pn__node *node =
        pn__node_make(p, fixed ? PN__OP_MATCH : PN__OP_MATCH_DYN, left, fixed ? NULL : pattern);
    node->sub = rel == PN__REL_NE;
    node->sets_match = true;
    p->uses |= PN_EXPR_SETS_CAPTURES;
    if (fixed &&
        pn_regex_compile(p->pool, pattern->text, p->regex_flags, &node->regex, &why) != PN_OK)
        return pn__parse_fail(p, PN_BAD, p->tok.at, "bad regular expression: %s", why);
    inext(ip);
    return node;
}

static struct pn__node *icompare(struct iparser *ip, struct pn__node *left)
{
    struct pn__parser *p = ip->p;
    uint8_t            rel = ip->rel;

    inext(ip);
    if (ip->kind == ITOK_REGEX && (rel == PN__REL_EQ || rel == PN__REL_NE))
        return p->rc == PN_OK ? iregex(ip, left, rel) : NULL;
    struct pn__node *right = iword(ip, "a string, or a /regex/ behind = or !=");
    if (!right)
        return NULL;
    struct pn__node *node = pn__node_make(p, PN__OP_COMPARE, left, right);
    node->sub = rel;
    return node;
}

static struct pn__node *ichain(struct iparser *ip);

static struct pn__node *igroup(struct iparser *ip)
{
    if (!pn__parse_enter(ip->p))
        return NULL;
    inext(ip);
    struct pn__node *node = ichain(ip);
    pn__parse_leave(ip->p);
    if (!node)
        return NULL;
    if (ip->kind != ITOK_CLOSE)
        return pn__parse_expected(ip->p, ") or && or ||");
    inext(ip);
    return node;
}

static struct pn__node *iaccess(struct iparser *ip)
{
    inext(ip);
    struct pn__node *url = iword(ip, "a URL behind -A");
    if (!url)
        return NULL;
    struct pn__node *node = pn__node_make(ip->p, PN__OP_CHECK, url, NULL);
    node->sub = PN_EXPR_CHECK_SUBURI;
    ip->p->uses |= PN_EXPR_USES_SUBREQ | PN_EXPR_MAY_YIELD;
    return node;
}

static struct pn__node *iunit(struct iparser *ip)
{
    bool             negated = false;
    bool             bound = false;
    struct pn__node *node;

    for (; ip->kind == ITOK_NOT; inext(ip)) {
        negated = !negated;
        bound = true;
    }
    if (ip->kind == ITOK_OPEN)
        node = igroup(ip);
    else if (ip->kind == ITOK_ACCESS)
        node = iaccess(ip);
    else if ((node = iword(ip, "a string, -A, ! or (")) != NULL) {
        if (ip->kind == ITOK_COMPARE && !bound)
            return icompare(ip, node);
        node = pn__node_make(ip->p, PN__OP_NONEMPTY, node, NULL);
    }
    if (!node || !negated)
        return node;
    struct pn__node *not_node = pn__node_make(ip->p, PN__OP_NOT, node, NULL);
    not_node->sets_match = node->sets_match;
    return not_node;
}

static struct pn__node *ichain(struct iparser *ip)
{
    struct pn__parser *p = ip->p;
    struct pn__kids    kids = { 0 };
    struct pn_buf      links;
    bool               sets_match = false;

    pn_buf_init(&links, p->pool, PN_EXPR_TEXT_MAX);
    for (;;) {
        struct pn__node *node = iunit(ip);
        if (!node || p->rc != PN_OK)
            return NULL;
        pn__kids_add(p, &kids, node);
        sets_match = sets_match || node->sets_match;
        if (ip->kind != ITOK_AND && ip->kind != ITOK_OR)
            break;
        pn_buf_ch(&links, ip->kind == ITOK_AND ? '&' : '|');
        inext(ip);
    }
    struct pn__node *chain = pn__node_of_kids(p, PN__OP_CHAIN, &kids);
    chain->text = pn_buf_view(&links);
    chain->sets_match = sets_match;
    return chain;
}

struct pn__node *pn__parse_include(struct pn__parser *p)
{
    struct iparser ip = { .p = p };

    inext(&ip);
    if (ip.kind == ITOK_END) /* COMPAT: an empty condition is false */
        return pn__node_make(p, PN__OP_CONST, NULL, NULL);
    struct pn__node *node = p->rc == PN_OK ? ichain(&ip) : NULL;
    if (node && ip.kind != ITOK_END)
        return pn__parse_expected(p, "&& or || or the end");
    return node;
}
