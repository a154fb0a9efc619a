/* negotiation_quality.c - how well a variant suits the client in each of the four dimensions. Pure.
 * Spec: Apache manual, "Content Negotiation"; RFC 2296 s3 for what is definite. */
#include "negotiation.h"

/* What stands in for qualities that clients do not send (manual, "Fiddling with Quality Values"). */
#define Q_ANY_TYPE (Q_ONE / 100)        /* "* / *" beside named types */
#define Q_ANY_SUBTYPE (Q_ONE / 50)      /* "type / *" beside named types */
#define Q_PARENT_LANGUAGE (Q_ONE / 1000) /* "en" for who asks for "en-GB" only */
#define Q_LAST_RESORT 1                 /* a language that LanguagePriority names; no coding */

/* ---- media type ---- */

/* How specifically does the element name the variant's type? 0: it does not. */
static int stars_of(const struct accept_item *item, const struct variant *variant)
{
    pn_str name = item->name;

    if (pn_str_eq(name, PN_STR("*/*")) || pn_str_eq(name, PN_STR("*")))
        return 1;
    if (name.n > 2 && name.p[name.n - 1] == '*' && name.p[name.n - 2] == '/' &&
        pn_str_starts(variant->type, pn_str_head(name, name.n - 1)))
        return 2;
    if (pn_str_eq(name, variant->type) || (pn_str_eq(name, PN_STR("text/html")) && pn__is_html(variant->type)))
        return item->level >= variant->level ? 3 : 0;
    return 0;
}

static void set_type(const struct negotiation *n, struct variant *variant)
{
    bool improve = !n->literal && !n->type_q_given;

    variant->type_q = 0;
    variant->stars = 0;
    variant->level_matched = 0;
    for (unsigned i = 0; i < n->types.n; i++) {
        const struct accept_item *item = &n->types.items[i];
        int                       stars = stars_of(item, variant);
        if (stars <= variant->stars) /* the first of the most specific ones counts */
            continue;
        variant->stars = stars;
        variant->level_matched = stars == 3 ? variant->level : variant->level_matched;
        variant->type_q = improve && stars == 1 ? Q_ANY_TYPE : improve && stars == 2 ? Q_ANY_SUBTYPE : item->q;
    }
    if (pn_str_eq(variant->type, PN_STR("application/x-httpd-cgi")) && n->script_q > variant->type_q) {
        variant->type_q = n->script_q;
        variant->stars = 3;
    }
    if (variant->stars < 3)
        variant->definite = false;
}

/* ---- language ---- */

/* Is `tag` the language of `range`, or a kind of it? */
static bool is_kind_of(pn_str tag, pn_str range)
{
    return pn_str_istarts(tag, range) && (tag.n == range.n || tag.p[range.n] == '-');
}

bool pn__variant_speaks(const struct variant *variant, pn_str language)
{
    for (int i = 0; variant->languages && i < variant->languages->nelts; i++)
        if (is_kind_of(APR_ARRAY_IDX(variant->languages, i, pn_str), language))
            return true;
    return false;
}

/* Does the range have a parent that the tag begins with? COMPAT: 2.4 looks at the bytes before the range's first '-' only. */
static bool has_parent(pn_str tag, pn_str range)
{
    size_t dash = pn_str_chr(range, '-', 0);

    return dash != SIZE_MAX && pn_str_istarts(tag, pn_str_head(range, dash));
}

struct language_match {
    const struct accept_item *best;   /* of the tags looked at so far */
    const struct accept_item *star;
    bool                      by_star, by_parent;
};

static void match_tag(const struct negotiation *n, pn_str tag, struct language_match *match)
{
    const struct accept_item *longest = NULL;

    for (unsigned i = 0; i < n->languages.n; i++) {
        const struct accept_item *item = &n->languages.items[i];
        if (pn_str_eq(item->name, PN_STR("*"))) {
            if (!match->star)
                match->star = item;
            continue;
        }
        if (is_kind_of(tag, item->name) && (!longest || item->name.n > longest->name.n))
            longest = item;
        if (!longest && !n->literal && has_parent(tag, item->name))
            match->by_parent = true;
    }
    if (longest && (!match->best || longest->q > match->best->q))
        match->best = longest;
    match->by_star |= !longest && match->star;
}

static void match_languages(const struct negotiation *n, struct variant *variant)
{
    struct language_match match = { 0 };

    for (int i = 0; i < variant->languages->nelts; i++)
        match_tag(n, APR_ARRAY_IDX(variant->languages, i, pn_str), &match);
    if (match.by_star && (!match.best || match.star->q > match.best->q)) {
        match.best = match.star;
        variant->definite = false;
    }
    variant->language_q = match.best ? match.best->q : match.by_parent ? Q_PARENT_LANGUAGE : 0;
}

/* Position in LanguagePriority of the first of the variant's languages there; -1: none. */
static int priority_of(const struct negotiation *n, const struct variant *variant)
{
    for (int i = 0; n->conf->priority && i < n->conf->priority->nelts; i++)
        for (int k = 0; k < variant->languages->nelts; k++)
            if (pn_str_ieq(APR_ARRAY_IDX(n->conf->priority, i, pn_str), APR_ARRAY_IDX(variant->languages, k, pn_str)))
                return i;
    return -1;
}

static void set_language(const struct negotiation *n, struct variant *variant)
{
    if (!variant->languages) {
        variant->language_q = n->literal ? Q_ONE : n->plain_language_q;
        return;
    }
    if (n->languages.given)
        match_languages(n, variant);
    else
        variant->definite = false;
    int priority = priority_of(n, variant);
    if (priority < 0)
        return;
    if (variant->language_q && (n->conf->force & FORCE_PREFER))
        variant->priority = priority;
    else if (!variant->language_q && (n->conf->force & FORCE_FALLBACK)) {
        variant->priority = priority;
        variant->language_q = Q_LAST_RESORT;
        variant->definite = false;
    }
}

/* ---- coding ---- */

static pn_str without_x(pn_str coding)
{
    return pn_str_starts(coding, PN_STR("x-")) ? pn_str_from(coding, 2) : coding;
}

static bool is_identity(pn_str coding)
{
    return coding.n == 0 || pn_str_ieq(coding, PN_STR("7bit")) || pn_str_ieq(coding, PN_STR("8bit")) ||
           pn_str_ieq(coding, PN_STR("binary"));
}

static void set_encoding(const struct negotiation *n, struct variant *variant)
{
    bool                      identity = is_identity(variant->encoding);
    pn_str                    coding = identity ? PN_STR("identity") : without_x(variant->encoding);
    const struct accept_item *star = NULL;

    if (!n->encodings.given) {
        variant->encoding_q = identity ? Q_ONE : Q_ONE / 2;
        return;
    }
    for (unsigned i = 0; i < n->encodings.n; i++) {
        const struct accept_item *item = &n->encodings.items[i];
        if (pn_str_ieq(without_x(item->name), coding)) {
            variant->encoding_q = item->q;
            return;
        }
        if (pn_str_eq(item->name, PN_STR("*")))
            star = item;
    }
    variant->encoding_q = star ? star->q : identity ? Q_LAST_RESORT : 0;
}

/* ---- charset ---- */

static bool has_charset(const struct variant *variant)
{
    return pn_str_starts(variant->type, PN_STR("text/")) || pn_str_starts(variant->type, PN_STR("message/"));
}

static void set_charset(const struct negotiation *n, struct variant *variant)
{
    pn_str                    charset = variant->charset;
    const struct accept_item *star = NULL;

    if (!n->charsets.given) {
        if (charset.n)
            variant->definite = false;
        return;
    }
    if (charset.n == 0) {
        if (!has_charset(variant) || n->literal)
            return;
        charset = PN_STR("iso-8859-1"); /* what text without a charset is taken for */
    }
    for (unsigned i = 0; i < n->charsets.n; i++) {
        const struct accept_item *item = &n->charsets.items[i];
        if (pn_str_eq(item->name, charset)) {
            variant->charset_q = item->q;
            return;
        }
        if (pn_str_eq(item->name, PN_STR("*")))
            star = item;
    }
    if (star) {
        variant->charset_q = star->q;
        variant->definite = false;
    }
    else
        variant->charset_q = pn_str_eq(charset, PN_STR("iso-8859-1")) ? Q_ONE : 0;
}

void pn__negotiation_qualities(const struct negotiation *n, struct variant *variant, pn_str preferred)
{
    variant->language_q = variant->charset_q = variant->encoding_q = Q_ONE;
    variant->priority = -1;
    variant->definite = true;
    set_type(n, variant);
    if (!preferred.p)
        set_language(n, variant);
    set_encoding(n, variant);
    set_charset(n, variant);
}
