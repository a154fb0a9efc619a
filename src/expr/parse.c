/* parse.c - the grammar of conditions (PN_EXPR_CONDITION) and of SSLRequire (PN_EXPR_SSL), by
 * recursive descent. Long chains of && || . and ! are loops, so only parentheses and function
 * calls nest. */
#include "expr/names.h"
#include "expr/parser.h"
#include "expr/pure.h"

static struct pn__node *parse_or(struct pn__parser *p);
static struct pn__node *parse_word(struct pn__parser *p);

struct pn__node *pn__parse_call(struct pn__parser *p, pn_str name, size_t at,
                                const struct pn__node *arg)
{
    const struct pn__func *func = pn__func_find(name);

    if (!func) {
        pn_str near = pn__func_near(name);
        return pn__parse_fail(p, PN_BAD, at,
                              near.n ? "there is no function %.*s; did you mean %.*s?"
                                     : "there is no function %.*s%.*s",
                              PN_FMT(name), PN_FMT(near));
    }
    if (func->restricted && (p->flags & (PN_EXPR_RESTRICTED | PN_EXPR_NO_FILES)))
        return pn__parse_fail(p, PN_DENIED, at,
                              "%.*s() is not allowed here: it reads files with the server's rights",
                              PN_FMT(name));
    p->uses |= func->uses;
    if (func->op == PN__OP_PURE && arg->op == PN__OP_LITERAL) {
        pn_str value;

        if (func->pure(p->pool, arg->text, &value) != PN_OK)
            return pn__parse_fail(p, PN_LIMIT, at, "the result of %.*s() is too long",
                                  PN_FMT(name));
        return pn__node_literal(p, value);
    }
    struct pn__node *node = pn__node_make(p, (enum pn__expr_op)func->op, arg, NULL);
    node->sub = func->sub;
    node->vary = func->vary && !(p->flags & PN_EXPR_NO_VARY);
    node->pure = func->pure;
    return node;
}

/* "(" word ")"; the current token is the "(". */
static struct pn__node *parse_argument(struct pn__parser *p, const char *expected)
{
    if (!pn__tok_is(p, '('))
        return pn__parse_expected(p, expected);
    if (!pn__parse_enter(p))
        return NULL;
    pn__lex_next(p);
    struct pn__node *arg = parse_word(p);
    pn__parse_leave(p);
    if (!arg)
        return NULL;
    if (!pn__tok_is(p, ')'))
        return pn__parse_expected(p, ") behind the function's argument");
    pn__lex_next(p);
    return arg;
}

static struct pn__node *parse_function(struct pn__parser *p)
{
    pn_str name = p->tok.text;
    size_t at = p->tok.at;

    pn__lex_next(p);
    struct pn__node *arg =
        parse_argument(p, "( behind the name of a function (strings need quotes)");
    return arg ? pn__parse_call(p, name, at, arg) : NULL;
}

/* One word without "."; leaves the token behind it as the current one. */
static struct pn__node *parse_piece(struct pn__parser *p)
{
    struct pn__node *node;

    switch (p->tok.kind) {
    case PN__TOK_DIGITS:
        node = pn__node_literal(p, pn_str_dup(p->pool, p->tok.text));
        break;
    case PN__TOK_QUOTE:
        node = pn__parse_template(p, p->tok.text.p[0]);
        break;
    case PN__TOK_VAR:
        node = pn__parse_var(p, p->tok.at);
        break;
    case PN__TOK_BACKREF:
        node = pn__node_backref(p, p->tok.text.p[0]);
        break;
    case PN__TOK_ID:
        return parse_function(p);
    default:
        return pn__parse_expected(p, "a string, number, %{variable}, $0-$9 or function");
    }
    if (node)
        pn__lex_next(p);
    return node;
}

static struct pn__node *parse_word(struct pn__parser *p)
{
    struct pn__kids  pieces = { 0 };
    struct pn__node *node = parse_piece(p);

    if (!node || !pn__tok_is(p, '.'))
        return node;
    pn__kids_add(p, &pieces, node);
    while (pn__tok_is(p, '.')) {
        pn__lex_next(p);
        node = parse_piece(p);
        if (!node)
            return NULL;
        pn__kids_add(p, &pieces, node);
    }
    return pn__node_concat(p, &pieces);
}

/* Where the regex between two `mark`s ends, from `at` on; SIZE_MAX without an end. A backslash
 * keeps the byte behind it. */
static size_t regex_end(pn_str text, size_t at, char mark)
{
    for (; at < text.n; at++) {
        if (text.p[at] == mark)
            return at;
        if (text.p[at] == '\\')
            at++;
    }
    return SIZE_MAX;
}

/* /.../ or m#...# with an optional i, behind p->pos. */
static struct pn_regex *parse_regex(struct pn__parser *p)
{
    static const char marks[] = "/#$%^|?!'\",;:.-";
    struct pn_regex  *regex = NULL;
    const char       *why;

    pn__lex_next(p); /* finds the start, whatever token it takes the slash for */
    size_t at = p->tok.at;
    size_t start = at + (at < p->text.n && p->text.p[at] == 'm');
    char   mark = start < p->text.n ? p->text.p[start] : '\0';
    if (!mark || !(start == at ? mark == '/' : strchr(marks, mark) != NULL)) {
        pn__parse_expected(p, "a regular expression: /.../ or m#...#");
        return NULL;
    }
    size_t end = regex_end(p->text, start + 1, mark);
    if (end == SIZE_MAX) {
        pn__parse_fail(p, PN_BAD, at, "the regular expression that begins here has no end %c",
                       mark);
        return NULL;
    }
    p->pos = end + 1;
    bool icase = p->pos < p->text.n && p->text.p[p->pos] == 'i';
    p->pos += icase;
    pn_str pattern = pn_str_head(pn_str_from(p->text, start + 1), end - start - 1);
    if (pn_regex_compile(p->pool, pattern, p->regex_flags | (icase ? PN_REGEX_ICASE : 0), &regex,
                         &why) != PN_OK) {
        pn__parse_fail(p, PN_BAD, start + 1, "bad regular expression: %s", why);
        return NULL;
    }
    return regex;
}

static struct pn__node *parse_match(struct pn__parser *p, struct pn__node *left)
{
    uint8_t          negated = p->tok.sub;
    struct pn_regex *regex = parse_regex(p);

    if (!regex)
        return NULL;
    struct pn__node *node = pn__node_make(p, PN__OP_MATCH, left, NULL);
    node->sub = negated;
    node->regex = regex;
    p->uses |= PN_EXPR_SETS_CAPTURES;
    pn__lex_next(p);
    return node;
}

static struct pn__node *parse_in_func(struct pn__parser *p, struct pn__node *left)
{
    pn_str name = p->tok.text;
    size_t at = p->tok.at;

    if (!pn__listfunc_known(name))
        return pn__parse_fail(p, PN_BAD, at, "there is no list function %.*s; PeerExtList is one",
                              PN_FMT(name));
    pn__lex_next(p);
    struct pn__node *arg = parse_argument(p, "( behind the name of a list function");
    if (!arg)
        return NULL;
    struct pn__node *node = pn__node_make(p, PN__OP_IN_FUNC, left, arg);
    node->text = pn_str_lower(p->pool, name);
    p->uses |= PN_EXPR_USES_TLS;
    return node;
}

static struct pn__node *parse_in(struct pn__parser *p, struct pn__node *left)
{
    struct pn__kids kids = { 0 };

    pn__lex_next(p);
    if (p->tok.kind == PN__TOK_ID)
        return parse_in_func(p, left);
    if (!pn__tok_is(p, '{'))
        return pn__parse_expected(p, "{ and a list of words, or a list function");
    pn__kids_add(p, &kids, left);
    do {
        pn__lex_next(p);
        struct pn__node *word = parse_word(p);
        if (!word)
            return NULL;
        pn__kids_add(p, &kids, word);
    } while (pn__tok_is(p, ','));
    if (!pn__tok_is(p, '}'))
        return pn__parse_expected(p, ", or } in the list of words");
    pn__lex_next(p);
    return pn__node_of_kids(p, PN__OP_IN, &kids);
}

static struct pn__node *parse_compare(struct pn__parser *p, struct pn__node *left)
{
    struct pn__token oper = p->tok;

    pn__lex_next(p);
    struct pn__node *right = parse_word(p);
    if (!right)
        return NULL;
    struct pn__node *node = pn__node_make(p, PN__OP_COMPARE, left, right);
    node->sub = oper.sub;
    node->how = p->mode == PN_EXPR_SSL ? PN__HOW_LENGTH : oper.how;
    return node;
}

/* The network of -R and -ipmatch, which has to be written out: parsed once, here. */
static apr_ipsubnet_t *parse_subnet(struct pn__parser *p, const struct pn__node *word, size_t at)
{
    apr_ipsubnet_t *subnet = NULL;

    if (word->op != PN__OP_LITERAL) {
        pn__parse_fail(p, PN_BAD, at,
                       "expected an address or network written out, as '10.0.0.0/8'");
        return NULL;
    }
    char *mask = NULL;
    char *address = pn_str_zdup(p->pool, word->text);
    if ((mask = strchr(address, '/')) != NULL)
        *mask++ = '\0';
    if (apr_ipsubnet_create(&subnet, address, mask, p->pool) != APR_SUCCESS) {
        pn_str shown = pn_str_escape(p->pool, pn_str_head(word->text, 64));
        pn__parse_fail(p, PN_BAD, at, "\"%s\" is not an address or network", shown.p);
        return NULL;
    }
    return subnet;
}

static struct pn__node *oper_node(struct pn__parser *p, const struct pn__oper *oper,
                                  struct pn__node *left, struct pn__node *right, size_t at)
{
    bool             on_net = oper->op == PN__OP_IPMATCH || oper->op == PN__OP_CLIENT;
    struct pn__node *node =
        pn__node_make(p, (enum pn__expr_op)oper->op, left, on_net ? NULL : right);

    node->sub = oper->sub;
    p->uses |= oper->uses;
    if (on_net && !(node->subnet = parse_subnet(p, right, at)))
        return NULL;
    return node;
}

static struct pn__node *parse_binary(struct pn__parser *p, struct pn__node *left)
{
    const struct pn__oper *oper = pn__binary_find(p->tok.text);

    if (!oper)
        return pn__parse_fail(p, PN_BAD, p->tok.at,
                              "there is no operator -%.*s; there are -eq -ne -lt -le -gt -ge "
                              "-in -ipmatch -strmatch -strcmatch -fnmatch",
                              PN_FMT(p->tok.text));
    pn__lex_next(p);
    size_t           at = p->tok.at;
    struct pn__node *right = parse_word(p);
    return right ? oper_node(p, oper, left, right, at) : NULL;
}

static struct pn__node *parse_unary(struct pn__parser *p)
{
    const struct pn__oper *oper = pn__unary_find(p->tok.text);

    if (!oper)
        return pn__parse_fail(p, PN_BAD, p->tok.at,
                              "there is no test -%.*s; there are -n -z -T -R -d -e -f -s "
                              "-L -h -x -F -U -A",
                              PN_FMT(p->tok.text));
    if (oper->files && (p->flags & PN_EXPR_NO_FILES))
        return pn__parse_fail(p, PN_DENIED, p->tok.at,
                              "-%.*s is not allowed here: it looks at files with the "
                              "server's rights",
                              PN_FMT(p->tok.text));
    pn__lex_next(p);
    size_t           at = p->tok.at;
    struct pn__node *word = parse_word(p);
    if (!word)
        return NULL;
    if (oper->op == PN__OP_CLIENT)
        return oper_node(p, oper, NULL, word, at);
    return oper_node(p, oper, word, NULL, at);
}

static struct pn__node *parse_comparison(struct pn__parser *p)
{
    struct pn__node *left = parse_word(p);

    if (!left)
        return NULL;
    switch (p->tok.kind) {
    case PN__TOK_COMPARE:
        return parse_compare(p, left);
    case PN__TOK_MATCH:
        return parse_match(p, left);
    case PN__TOK_IN:
        return parse_in(p, left);
    case PN__TOK_BINARY:
        return parse_binary(p, left);
    default:
        return pn__parse_expected(
            p, "an operator (== != < <= > >= =~ !~ in -eq -lt ... -ipmatch -strmatch)");
    }
}

static struct pn__node *parse_group(struct pn__parser *p)
{
    if (!pn__parse_enter(p))
        return NULL;
    pn__lex_next(p);
    struct pn__node *node = parse_or(p);
    pn__parse_leave(p);
    if (!node)
        return NULL;
    if (!pn__tok_is(p, ')'))
        return pn__parse_expected(p, ") or && or ||");
    pn__lex_next(p);
    return node;
}

static struct pn__node *parse_test(struct pn__parser *p)
{
    if (p->tok.kind == PN__TOK_TRUE || p->tok.kind == PN__TOK_FALSE) {
        struct pn__node *node = pn__node_make(p, PN__OP_CONST, NULL, NULL);

        node->sub = p->tok.kind == PN__TOK_TRUE;
        pn__lex_next(p);
        return node;
    }
    if (p->tok.kind == PN__TOK_UNARY)
        return parse_unary(p);
    if (pn__tok_is(p, '('))
        return parse_group(p);
    return parse_comparison(p);
}

static struct pn__node *parse_not(struct pn__parser *p)
{
    bool negated = false;

    for (; p->tok.kind == PN__TOK_NOT; pn__lex_next(p))
        negated = !negated;
    struct pn__node *node = parse_test(p);
    return node && negated ? pn__node_make(p, PN__OP_NOT, node, NULL) : node;
}

/* One or more of `part` joined by the token `join`. */
static struct pn__node *parse_chain(struct pn__parser *p,
                                    struct pn__node *(*part)(struct pn__parser *),
                                    enum pn__tok join, enum pn__expr_op op)
{
    struct pn__kids  kids = { 0 };
    struct pn__node *node = part(p);

    if (!node || p->tok.kind != join)
        return node;
    pn__kids_add(p, &kids, node);
    while (p->tok.kind == join) {
        pn__lex_next(p);
        if (!(node = part(p)))
            return NULL;
        pn__kids_add(p, &kids, node);
    }
    return pn__node_of_kids(p, op, &kids);
}

static struct pn__node *parse_and(struct pn__parser *p)
{
    return parse_chain(p, parse_not, PN__TOK_AND, PN__OP_AND);
}

static struct pn__node *parse_or(struct pn__parser *p)
{
    return parse_chain(p, parse_and, PN__TOK_OR, PN__OP_OR);
}

struct pn__node *pn__parse_condition(struct pn__parser *p)
{
    pn__lex_next(p);
    struct pn__node *node = parse_or(p);
    if (node && p->tok.kind != PN__TOK_END)
        return pn__parse_expected(p, "&& or || or the end");
    return node;
}
