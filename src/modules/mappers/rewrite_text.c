/* rewrite_text.c - substitutions and test strings: text with $1, %1, %{VARIABLE} and ${map:key|default} in it.
 *
 * Parsed once into parts; expanded into the request's pool. A text without any of these costs no copy. */
#include "mod_rewrite.h"

#define NEST_MAX 20

static struct rewrite_text *parse(apr_pool_t *pool, pn_str source, unsigned depth);

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Index of the brace that closes the one opened before `from`; SIZE_MAX: none. */
static size_t closing(pn_str s, size_t from)
{
    unsigned depth = 1;

    for (size_t i = from; i < s.n; i++) {
        if (s.p[i] == '{')
            depth++;
        else if (s.p[i] == '}' && --depth == 0)
            return i;
        else if (s.p[i] == '\\' && i + 1 < s.n)
            i++;
    }
    return SIZE_MAX;
}

/* The first `c` outside inner braces; SIZE_MAX: none. */
static size_t outer_chr(pn_str s, char c)
{
    unsigned depth = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == c && depth == 0)
            return i;
        if (s.p[i] == '{')
            depth++;
        else if (s.p[i] == '}' && depth)
            depth--;
        else if (s.p[i] == '\\')
            i++;
    }
    return SIZE_MAX;
}

struct builder {
    apr_pool_t         *pool;
    apr_array_header_t *parts;
    struct pn_buf       literal; /* not yet a part */
    unsigned            depth;
};

static void flush_literal(struct builder *b)
{
    if (b->literal.n == 0)
        return;
    *(struct rewrite_part *)apr_array_push(b->parts) =
        (struct rewrite_part){ .kind = PART_LITERAL, .literal = pn_str_dup(b->pool, pn_buf_view(&b->literal)) };
    pn_buf_clear(&b->literal);
}

static struct rewrite_part *add_part(struct builder *b, enum rewrite_part_kind kind)
{
    flush_literal(b);
    struct rewrite_part *part = apr_array_push(b->parts);
    *part = (struct rewrite_part){ .kind = kind };
    return part;
}

/* ${name:key|default}. @return false: it is not that. */
static bool add_map(struct builder *b, pn_str inside)
{
    size_t colon = outer_chr(inside, ':');

    if (colon == SIZE_MAX || b->depth >= NEST_MAX)
        return false;
    pn_str               key = pn_str_from(inside, colon + 1);
    size_t               bar = outer_chr(key, '|');
    struct rewrite_part *part = add_part(b, PART_MAP);
    part->literal = pn_str_dup(b->pool, pn_str_head(inside, colon));
    part->key = parse(b->pool, pn_str_head(key, bar == SIZE_MAX ? key.n : bar), b->depth + 1);
    if (bar != SIZE_MAX)
        part->dflt = parse(b->pool, pn_str_from(key, bar + 1), b->depth + 1);
    return true;
}

/* What stands at `at`, a $ or %. @return how many bytes it took, 0: it is a plain character. */
static size_t add_special(struct builder *b, pn_str s, size_t at)
{
    char next = at + 1 < s.n ? s.p[at + 1] : '\0';

    if (is_digit(next)) {
        add_part(b, s.p[at] == '$' ? PART_RULE_GROUP : PART_COND_GROUP)->group = (unsigned)(next - '0');
        return 2;
    }
    if (next != '{')
        return 0;
    size_t end = closing(s, at + 2);
    if (end == SIZE_MAX)
        return 0;
    pn_str inside = pn_str_n(s.p + at + 2, end - at - 2);
    if (s.p[at] == '%')
        add_part(b, PART_VAR)->var = pn__rewrite_var_parse(b->pool, inside);
    else if (!add_map(b, inside))
        return 0;
    return end + 1 - at;
}

static struct rewrite_text *parse(apr_pool_t *pool, pn_str source, unsigned depth)
{
    struct rewrite_text *text = apr_pcalloc(pool, sizeof(*text));
    struct builder       b = { .pool = pool, .depth = depth };

    b.parts = apr_array_make(pool, 4, sizeof(struct rewrite_part));
    pn_buf_init(&b.literal, pool, source.n + 1);
    for (size_t i = 0; i < source.n;) {
        size_t took = source.p[i] == '$' || source.p[i] == '%' ? add_special(&b, source, i) : 0;
        if (took) {
            i += took;
            continue;
        }
        if (source.p[i] == '\\' && i + 1 < source.n)
            i++;
        pn_buf_ch(&b.literal, source.p[i++]);
    }
    flush_literal(&b);
    text->source = pn_str_dup(pool, source);
    text->n = (unsigned)b.parts->nelts;
    text->parts = (const struct rewrite_part *)(void *)b.parts->elts;
    return text;
}

struct rewrite_text *pn__rewrite_text_parse(apr_pool_t *pool, pn_str source)
{
    return parse(pool, source, 0);
}

const struct rewrite_var *pn__rewrite_text_var(const struct rewrite_text *text)
{
    return text->n == 1 && text->parts[0].kind == PART_VAR ? &text->parts[0].var : NULL;
}

/* ---- expanding ---- */

static bool escapes(const struct rewrite_rule *rule, unsigned char c)
{
    return rule->escape[c >> 6] >> (c & 63) & 1;
}

/* A backreference holds decoded text; [B] makes it fit for a URL again. */
static void add_escaped(struct pn_buf *out, const struct rewrite_rule *rule, pn_str text)
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (!escapes(rule, c))
            pn_buf_ch(out, (char)c);
        else if (c == ' ' && !(rule->flags & RULE_SPACE_AS_HEX))
            pn_buf_ch(out, '+');
        else {
            char triple[3] = { '%', hex[c >> 4], hex[c & 15] };
            pn_buf_add(out, triple, sizeof(triple));
        }
    }
}

PN_MAY_YIELD static pn_rc expand_map(struct rewrite_run *run, const struct rewrite_part *part, struct pn_buf *out)
{
    pn_str key, value;
    pn_rc  rc = pn__rewrite_text_expand(run, part->key, NULL, &key);

    if (rc != PN_OK)
        return rc;
    value = pn__rewrite_map_look_up(run, part->literal, key);
    if (value.n == 0 && part->dflt)
        rc = pn__rewrite_text_expand(run, part->dflt, NULL, &value);
    if (rc == PN_OK)
        pn_buf_str(out, value);
    return rc;
}

PN_MAY_YIELD static pn_rc expand_part(struct rewrite_run *run, const struct rewrite_part *part,
                                      const struct rewrite_rule *rule, struct pn_buf *out)
{
    pn_str group;

    switch (part->kind) {
    case PART_LITERAL: pn_buf_str(out, part->literal); break;
    case PART_VAR: pn_buf_str(out, pn__rewrite_var_value(run, &part->var)); break;
    case PART_MAP: return expand_map(run, part, out);
    case PART_RULE_GROUP:
    case PART_COND_GROUP:
        group = pn_match_group(part->kind == PART_RULE_GROUP ? &run->rule_match : &run->cond_match, part->group);
        if (rule && rule->flags & RULE_ESCAPE)
            add_escaped(out, rule, group);
        else
            pn_buf_str(out, group);
        break;
    }
    return PN_OK;
}

/* Remembers which question marks did not come from the configuration. */
static void note_marks(struct rewrite_run *run, const struct pn_buf *out, size_t from)
{
    pn_str added = pn_str_from(pn_buf_view(out), from);
    size_t first = pn_str_chr(added, '?', 0);

    if (first == SIZE_MAX)
        return;
    if (run->mark_first == SIZE_MAX)
        run->mark_first = from + first;
    run->mark_last = from + pn_str_rchr(added, '?');
}

pn_rc pn__rewrite_text_expand(struct rewrite_run *run, const struct rewrite_text *text, const struct rewrite_rule *rule,
                              pn_str *ret)
{
    struct pn_buf out;

    if (rule)
        run->mark_first = run->mark_last = SIZE_MAX;
    if (text->n == 0) {
        *ret = PN_STR("");
        return PN_OK;
    }
    if (text->n == 1 && text->parts[0].kind == PART_LITERAL) {
        *ret = text->parts[0].literal;
        return PN_OK;
    }
    pn_buf_init(&out, run->r->pool, REWRITE_TEXT_MAX);
    for (unsigned i = 0; i < text->n; i++) {
        size_t from = out.n;
        pn_rc  rc = expand_part(run, &text->parts[i], rule, &out);
        if (rc != PN_OK)
            return rc;
        if (rule && text->parts[i].kind != PART_LITERAL)
            note_marks(run, &out, from);
    }
    if (out.n == 0 && !out.full) {
        *ret = PN_STR("");
        return PN_OK;
    }
    return pn_buf_done(&out, ret);
}
