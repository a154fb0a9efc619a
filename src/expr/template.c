/* template.c - text with %{...} and $0-$9 in it: quoted strings, string expressions, arguments of
 * %{func:...}. Called by parse.c; pn__parse_string() is the whole grammar of PN_EXPR_STRING. */
#include "base/ascii.h"
#include "expr/names.h"
#include "expr/parser.h"

#include <pinion/buf.h>

/* A template while it is read: the parts so far and the plain bytes behind them. */
struct build {
    struct pn__kids parts;
    struct pn_buf   plain;
};

static void flush(struct pn__parser *p, struct build *b)
{
    pn_str bytes = pn_buf_view(&b->plain);

    if (bytes.n == 0)
        return;
    /* COMPAT: a NUL (written \0) ends the run of plain text that it stands in. */
    bytes = pn_str_head(bytes, pn_str_chr(bytes, '\0', 0));
    pn__kids_add(p, &b->parts, pn__node_literal(p, pn_str_dup(p->pool, bytes)));
    pn_buf_clear(&b->plain);
}

/* \101: one to three octal digits up to \377. p->pos is at the first digit. */
static bool octal(struct pn__parser *p, struct build *b)
{
    size_t   at = p->pos - 1;
    size_t   start = p->pos;
    unsigned value = 0;
    bool     bad = false;

    for (; p->pos < p->text.n && pn_ascii_digit(p->text.p[p->pos]); p->pos++) {
        bad = bad || p->text.p[p->pos] > '7' || p->pos - start == 3;
        value = (value * 8 + (unsigned)(p->text.p[p->pos] - '0')) & 0xfff;
    }
    if (bad || value > 0377) {
        pn__parse_fail(p, PN_BAD, at,
                       "bad escape: \\ with digits takes one to three octal digits up to \\377");
        return false;
    }
    pn_buf_ch(&b->plain, (char)value);
    return true;
}

/* p->pos is behind the backslash. */
static bool escape(struct pn__parser *p, struct build *b)
{
    static const char letters[] = "nrtbf";
    static const char bytes[] = "\n\r\t\b\f";

    if (p->pos == p->text.n) {
        pn__parse_fail(p, PN_BAD, p->pos - 1, "a backslash at the end has nothing to escape");
        return false;
    }
    char c = p->text.p[p->pos];
    if (pn_ascii_digit(c))
        return octal(p, b);
    const char *letter = c ? strchr(letters, c) : NULL;
    pn_buf_ch(&b->plain, letter ? bytes[letter - letters] : c);
    p->pos++;
    return true;
}

/* One step at a byte that is not the end. */
static bool step(struct pn__parser *p, struct build *b)
{
    size_t at = p->pos;
    char   c = p->text.p[p->pos++];
    char   next = p->pos < p->text.n ? p->text.p[p->pos] : '\0';

    if (c == '\\')
        return escape(p, b);
    if (c == '$' && pn_ascii_digit(next)) {
        flush(p, b);
        pn__kids_add(p, &b->parts, pn__node_backref(p, next));
        p->pos++;
        return true;
    }
    if (c == '%' && next == '{') {
        flush(p, b);
        p->pos++;
        struct pn__node *var = pn__parse_var(p, at);
        if (var)
            pn__kids_add(p, &b->parts, var);
        return var != NULL;
    }
    pn_buf_ch(&b->plain, c);
    return true;
}

struct pn__node *pn__parse_template(struct pn__parser *p, char end)
{
    struct build     b = { 0 };
    struct pn__node *node = NULL;
    size_t           start = p->pos;

    pn_buf_init(&b.plain, NULL, PN_EXPR_TEXT_MAX);
    while (p->rc == PN_OK && !node) {
        bool at_end = p->pos == p->text.n;

        if (at_end ? end == '\0' : end && p->text.p[p->pos] == end) {
            flush(p, &b);
            p->pos += at_end ? 0 : 1;
            node = pn__node_concat(p, &b.parts);
        }
        else if (at_end || (end && p->text.p[p->pos] == '\n'))
            pn__parse_fail(p, PN_BAD, start, "%s that begins here has no end %c",
                           end == '}' ? "the variable" : "the string", end);
        else
            (void)step(p, &b);
    }
    pn_buf_release(&b.plain);
    return node;
}

static struct pn__node *named_var(struct pn__parser *p, pn_str name, size_t at)
{
    enum pn_expr_var id = pn__var_find(name);

    if (id != PN_EXPR_VAR__COUNT) {
        struct pn__node *node = pn__node_make(p, PN__OP_VAR, NULL, NULL);

        node->sub = (uint8_t)id;
        node->text = pn__var_vary(id);
        node->vary = node->text.n && !(p->flags & PN_EXPR_NO_VARY);
        p->uses |= pn_expr_var_uses(id);
        return node;
    }
    if (pn_str_istarts(name, PN_STR("SSL_"))) {
        p->uses |= PN_EXPR_USES_TLS;
        return pn__node_get(p, PN_EXPR_GET_SSL, pn__node_literal(p, pn_str_dup(p->pool, name)));
    }
    pn_str near = pn__var_near(name);
    return pn__parse_fail(p, PN_BAD, at,
                          near.n ? "there is no variable %.*s; did you mean %.*s?"
                                 : "there is no variable %.*s%.*s",
                          PN_FMT(name), PN_FMT(near));
}

/* Behind "%{func:". */
static struct pn__node *func_var(struct pn__parser *p, pn_str name, size_t at)
{
    size_t start = p->pos;

    if (!pn__parse_enter(p))
        return NULL;
    struct pn__node *arg = pn__parse_template(p, '}');
    pn__parse_leave(p);
    if (!arg)
        return NULL;
    if (p->pos == start + 1) /* COMPAT: %{func:} is an error, func('') is not */
        return pn__parse_fail(p, PN_BAD, at, "%%{%.*s:} needs an argument", PN_FMT(name));
    return pn__parse_call(p, name, at, arg);
}

struct pn__node *pn__parse_var(struct pn__parser *p, size_t at)
{
    size_t start = p->pos;

    if (p->pos < p->text.n && pn__name_start(p->text.p[p->pos]))
        while (p->pos < p->text.n && pn__name_char(p->text.p[p->pos]))
            p->pos++;
    pn_str name = pn_str_head(pn_str_from(p->text, start), p->pos - start);
    if (p->pos == p->text.n)
        return pn__parse_fail(p, PN_BAD, at, "the variable that begins here has no end }");
    if (name.n == 0)
        return pn__parse_fail(p, PN_BAD, p->pos,
                              "expected the name of a variable or function behind %%{");
    char c = p->text.p[p->pos++];
    if (c == '}')
        return named_var(p, name, at);
    if (c == ':')
        return func_var(p, name, at);
    return pn__parse_fail(p, PN_BAD, p->pos - 1, "expected } or : behind %%{%.*s", PN_FMT(name));
}

struct pn__node *pn__parse_string(struct pn__parser *p)
{
    return pn__parse_template(p, '\0');
}
