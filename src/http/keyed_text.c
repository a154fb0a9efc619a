/* keyed_text.c - see keyed_text.h. */
#include "http/keyed_text.h"

#include <pinion/conf.h>

struct parsing {
    apr_pool_t        *pool;
    enum pn_keyed_form form;
    apr_hash_t        *values;
};

/* Next line without the white space around it; lines that end in a backslash are put together. */
static pn_str next_line(apr_pool_t *pool, pn_str *rest)
{
    pn_str line = pn_str_trim(pn_str_cut(*rest, '\n', rest));

    while (line.n && line.p[line.n - 1] == '\\' && rest->n) {
        pn_str more = pn_str_trim(pn_str_cut(*rest, '\n', rest));
        line = PN_CAT(pool, pn_str_head(line, line.n - 1), more);
    }
    return line;
}

static struct pn_keyed_value *new_value(struct parsing *p, pn_str key, pn_str text)
{
    struct pn_keyed_value *value = apr_palloc(p->pool, sizeof(*value));

    *value = (struct pn_keyed_value){ .text = text };
    apr_hash_set(p->values, key.p, (apr_ssize_t)key.n, value);
    return value;
}

static void take_members(struct parsing *p, pn_str name, pn_str members)
{
    pn_str word;

    while ((word = pn_conf_word(p->pool, &members)).p) {
        if (!word.n)
            continue;
        struct pn_keyed_value *first = apr_hash_get(p->values, word.p, (apr_ssize_t)word.n);
        struct pn_keyed_value *value;
        if (!first) {
            new_value(p, word, name);
            continue;
        }
        value = apr_palloc(p->pool, sizeof(*value));
        *value = (struct pn_keyed_value){ .text = name, .next = first->next };
        first->next = value;
    }
}

static void take_line(struct parsing *p, pn_str line)
{
    size_t colon = pn_str_chr(line, ':', 0);
    pn_str rest;

    if (line.n == 0 || line.p[0] == '#' || colon == SIZE_MAX || colon == 0)
        return;
    if (p->form == PN_KEYED_MEMBERS) {
        take_members(p, pn_str_head(line, colon), pn_str_from(line, colon + 1));
        return;
    }
    if (p->form == PN_KEYED_PAIR)
        colon = pn_str_chr(line, ':', colon + 1);
    if (colon == SIZE_MAX)
        return;
    pn_str key = pn_str_head(line, colon), value = pn_str_cut(pn_str_from(line, colon + 1), ':', &rest);
    if (!apr_hash_get(p->values, key.p, (apr_ssize_t)key.n))
        new_value(p, key, value);
}

apr_hash_t *pn__keyed_text_parse(apr_pool_t *pool, enum pn_keyed_form form, pn_str text)
{
    struct parsing p = { .pool = pool, .form = form, .values = apr_hash_make(pool) };

    while (text.n)
        take_line(&p, next_line(pool, &text));
    return p.values;
}
