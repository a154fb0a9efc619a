/* negotiation_choose.c - which variant is the best: Apache's algorithm, or the remote variant selection algorithm of RFC 2296
 * for clients that ask for it. */
#include "negotiation.h"

#include <ctype.h>

#define Q_SCRIPT_PREFERRED (2 * Q_ONE) /* for requests that only a program can answer well */
#define Q_SCRIPT 10

/* ---- what the client says ---- */

static pn_str field(const struct negotiation *n, enum pn_hdr id)
{
    return pn_headers_joined(&n->r->in, n->r->pool, id);
}

/* Negotiate (RFC 2295 s8.4): any of its words says that the client can make a choice of its own. */
static void read_negotiate(struct negotiation *n)
{
    pn_str value = field(n, PN_HDR_NEGOTIATE);

    for (pn_str word; (word = pn_header_list_next(&value)).p;) {
        bool number = word.n && isdigit((unsigned char)word.p[0]), star = pn_str_eq(word, PN_STR("*"));
        if (!number && !star && !pn_str_eq(word, PN_STR("trans")) && !pn_str_eq(word, PN_STR("vlist")) &&
            !pn_str_eq(word, PN_STR("guess-small")))
            continue;
        n->client_is_transparent = n->send_alternates = true;
        if (pn_str_eq(word, PN_STR("1.0")))
            n->may_choose = n->remote = n->literal = true;
        else if (star)
            n->may_choose = n->literal = true;
    }
    if (!n->client_is_transparent)
        n->may_choose = true;
}

/* A variant elsewhere could speak for what its author may not write to (RFC 2295 s14.2), and one inside of the map has no URL. */
static bool is_transparent(const struct negotiation *n)
{
    if (n->r->method_id != PN_METHOD_GET && n->r->method_id != PN_METHOD_HEAD)
        return false;
    if (n->r->path_info.n)
        return false;
    for (int i = 0; i < n->variants->nelts; i++)
        if (pn__variant(n, i)->body.p || pn_str_chr(pn__variant(n, i)->name, '/', 0) != SIZE_MAX)
            return false;
    return true;
}

void pn__negotiation_begin(struct negotiation *n, bool prefer_scripts)
{
    static const struct accept_item anything = { .name = PN_STR_INIT("*/*"), .q = Q_ONE };

    n->types = pn__accept_list(n->r->pool, field(n, PN_HDR_ACCEPT));
    n->languages = pn__accept_list(n->r->pool, field(n, PN_HDR_ACCEPT_LANGUAGE));
    n->charsets = pn__accept_list(n->r->pool, field(n, PN_HDR_ACCEPT_CHARSET));
    n->encodings = pn__accept_list(n->r->pool, field(n, PN_HDR_ACCEPT_ENCODING));
    if (!n->types.given) {
        n->types.items = apr_pmemdup(n->r->pool, &anything, sizeof(anything));
        n->types.n = 1;
        n->types.given = true;
    }
    for (unsigned i = 0; i < n->types.n; i++)
        n->type_q_given |= n->types.items[i].q < Q_ONE;
    n->transparent = is_transparent(n);
    if (n->transparent)
        read_negotiate(n);
    else
        n->may_choose = true;
    n->script_q = n->remote ? 0 : prefer_scripts ? Q_SCRIPT_PREFERRED : Q_SCRIPT;
    n->plain_language_q = Q_ONE;
    for (int i = 0; i < n->variants->nelts && !n->literal; i++)
        if (pn__variant(n, i)->languages)
            n->plain_language_q = 1; /* a variant that says its language is better than one that does not */
}

/* ---- comparing ---- */

static int by_number(uint64_t a, uint64_t b)
{
    return a > b ? 1 : a < b ? -1 : 0;
}

static uint64_t type_and_source(const struct variant *variant)
{
    return (uint64_t)variant->type_q * variant->source_q;
}

static int by_priority(const struct variant *a, const struct variant *b)
{
    if (a->priority == b->priority)
        return 0;
    if (a->priority < 0 || b->priority < 0)
        return a->priority < 0 ? -1 : 1;
    return a->priority < b->priority ? 1 : -1;
}

/* Of one media type the highest level that Accept names, then the lowest. */
static int by_level(const struct variant *a, const struct variant *b)
{
    bool html = pn__is_html(a->type);

    if (html != pn__is_html(b->type) || (!html && !pn_str_eq(a->type, b->type)))
        return 0;
    int matched = by_number(a->level_matched, b->level_matched);
    return matched ? matched : by_number(b->level, a->level);
}

static bool is_latin(const struct variant *variant)
{
    return variant->charset.n == 0 || pn_str_eq(variant->charset, PN_STR("iso-8859-1"));
}

static int by_charset(const struct variant *a, const struct variant *b)
{
    int quality = by_number(a->charset_q, b->charset_q);

    return quality ? quality : !is_latin(a) && is_latin(b) ? 1 : 0;
}

/* Is `a`, which comes later, better than `b`? */
PN_MAY_YIELD static bool is_better(const struct negotiation *n, struct variant *a, struct variant *b)
{
    int order = by_number(type_and_source(a), type_and_source(b));

    if (!order)
        order = by_number(a->language_q, b->language_q);
    if (!order)
        order = by_priority(a, b);
    if (!order)
        order = by_level(a, b);
    if (!order)
        order = by_charset(a, b);
    if (!order)
        order = by_number(a->encoding_q, b->encoding_q);
    return order ? order > 0 : pn__variant_length(n, a) < pn__variant_length(n, b);
}

static uint64_t overall(const struct variant *variant)
{
    return type_and_source(variant) * variant->charset_q * variant->language_q;
}

/* RFC 2296 s3.1; codings are not part of it and decide between equals. */
static bool is_better_remotely(const struct variant *a, const struct variant *b)
{
    int order = by_number(overall(a), overall(b));

    return order ? order > 0 : a->encoding_q > b->encoding_q;
}

static bool is_acceptable(const struct negotiation *n, const struct variant *variant)
{
    return variant->encoding_q && (n->remote ? overall(variant) > 0
                                             : variant->language_q && variant->charset_q && type_and_source(variant));
}

PN_MAY_YIELD static struct variant *best_of(struct negotiation *n, pn_str preferred)
{
    struct variant *best = NULL;

    for (int i = 0; i < n->variants->nelts; i++) {
        struct variant *variant = pn__variant(n, i);
        if (preferred.p && !pn__variant_speaks(variant, preferred))
            continue;
        pn__negotiation_qualities(n, variant, preferred);
        if (!n->may_choose || !is_acceptable(n, variant))
            continue;
        if (!best || (n->remote ? is_better_remotely(variant, best) : is_better(n, variant, best)))
            best = variant;
    }
    return best;
}

bool pn__negotiation_choose(struct negotiation *n, struct variant **ret_best)
{
    const char     *preferred = pn_env_get(n->r, "prefer-language");
    struct variant *best = preferred ? best_of(n, pn_str_z(preferred)) : NULL;

    if (!best || (n->remote && !best->definite))
        best = best_of(n, (pn_str){ NULL, 0 });
    *ret_best = best;
    return best && (!n->remote || best->definite);
}
