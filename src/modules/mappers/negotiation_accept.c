/* negotiation_accept.c - Accept, Accept-Language, Accept-Charset, Accept-Encoding: lists of names with a quality (RFC 9110
 * s12.4, s12.5), and what a variant says of its type in the same form. Pure. */
#include "negotiation.h"

#include <ctype.h>
#include <stdlib.h>

/* COMPAT: 2.4 takes what does not begin like "0." for 1, and ".5" for a half. */
unsigned pn__accept_quality(pn_str text)
{
    unsigned value = 0, unit = Q_ONE / 10;
    size_t   i = 0;

    text = pn_str_trim(text);
    if (text.n && text.p[0] == '0')
        i = 1;
    else if (text.n == 0 || text.p[0] != '.')
        return Q_ONE;
    if (i >= text.n || text.p[i] != '.')
        return 0;
    for (i++; i < text.n && text.p[i] >= '0' && text.p[i] <= '9' && unit >= Q_ONE / 1000; i++) {
        value += (unsigned)(text.p[i] - '0') * unit;
        unit /= 10;
    }
    return value;
}

/* Next part up to `sep`, which does not count inside of quotes. p == NULL at the end. */
static pn_str next_part(pn_str *rest, char sep)
{
    bool   quoted = false;
    size_t i = 0;

    if (!rest->p)
        return *rest;
    for (; i < rest->n && (quoted || rest->p[i] != sep); i++) {
        if (rest->p[i] == '"')
            quoted = !quoted;
        else if (rest->p[i] == '\\' && quoted && i + 1 < rest->n)
            i++;
    }
    pn_str part = pn_str_head(*rest, i);
    *rest = i < rest->n ? pn_str_from(*rest, i + 1) : (pn_str){ NULL, 0 };
    return part;
}

static pn_str unquoted(pn_str value)
{
    value = pn_str_trim(value);
    if (value.n && value.p[0] == '"') {
        value = pn_str_from(value, 1);
        return pn_str_head(value, pn_str_chr(value, '"', 0));
    }
    size_t n = 0;
    while (n < value.n && !isspace((unsigned char)value.p[n]))
        n++;
    return pn_str_head(value, n);
}

static unsigned small_number(pn_str text)
{
    unsigned value = 0;

    for (size_t i = 0; i < text.n && text.p[i] >= '0' && text.p[i] <= '9' && value < 100000; i++)
        value = value * 10 + (unsigned)(text.p[i] - '0');
    return value;
}

static void take_parameter(apr_pool_t *pool, pn_str parameter, struct accept_item *item)
{
    pn_str value;
    pn_str name = pn_str_trim(pn_str_cut(parameter, '=', &value));

    if (!value.p)
        return;
    value = unquoted(value);
    if (pn_str_ieq(name, PN_STR("q")) || pn_str_ieq(name, PN_STR("qs")))
        item->q = pn__accept_quality(value);
    else if (pn_str_ieq(name, PN_STR("level")))
        item->level = small_number(value);
    else if (pn_str_ieq(name, PN_STR("charset")))
        item->charset = pn_str_lower(pool, value);
}

bool pn__accept_item(apr_pool_t *pool, pn_str element, struct accept_item *ret_item)
{
    struct accept_item item = { .q = Q_ONE };
    pn_str             rest = element;
    pn_str             name = next_part(&rest, ';');

    name = pn_str_word(&name);
    if (name.n == 0)
        return false;
    item.name = pn_str_lower(pool, name);
    for (pn_str part; (part = next_part(&rest, ';')).p;)
        take_parameter(pool, part, &item);
    if (item.level == 0 && pn__is_html(item.name)) /* what it is when nobody says more */
        item.level = pn_str_ends(item.name, PN_STR("3")) ? 3 : 2;
    *ret_item = item;
    return true;
}

static unsigned count_parts(pn_str rest)
{
    unsigned n = 0;

    while (n < ACCEPT_ITEMS_MAX && next_part(&rest, ',').p)
        n++;
    return n;
}

struct accept_list pn__accept_list(apr_pool_t *pool, pn_str value)
{
    struct accept_list list = { .given = value.p != NULL };

    if (!list.given)
        return list;
    list.items = apr_palloc(pool, (count_parts(value) + 1) * sizeof(*list.items));
    for (pn_str part; list.n < ACCEPT_ITEMS_MAX && (part = next_part(&value, ',')).p;)
        if (pn__accept_item(pool, part, &list.items[list.n]))
            list.n++;
    return list;
}

/* ---- a variant's type ---- */

bool pn__is_html(pn_str type)
{
    return pn_str_eq(type, PN_STR("text/html")) || pn_str_eq(type, PN_STR("text/x-server-parsed-html")) ||
           pn_str_eq(type, PN_STR("text/x-server-parsed-html3"));
}

void pn__variant_init(struct variant *variant)
{
    *variant = (struct variant){ .bytes = -1, .priority = -1, .definite = true };
}

void pn__variant_set_type(apr_pool_t *pool, struct variant *variant, pn_str content_type)
{
    struct accept_item item;

    if (!pn__accept_item(pool, content_type, &item))
        return;
    variant->type = item.name;
    variant->charset = item.charset;
    variant->source_q = item.q;
    variant->level = item.level;
}
