/* negotiation_kept.c - the forms of a missing name, kept with its directory: which there are and what their names say. The next
 * request for the name only has to choose, and to look up what it chose.
 *
 * Forms are kept when what was found out about every one of them is the same for whoever asks by the same URL path under the same
 * settings (pinion/entry.h): plain files whose names give them no settings of their own. Whatever changes in the directory makes an
 * end of them (pinion/memo.h). The look-up of the chosen one still decides whether it may be had.
 * Workload: tens of names, a few forms each. A memo is one block of memory: the struct, the variants, their languages, text. */
#include "negotiation.h"

#include <pinion/memo.h>
#include <stdlib.h>

struct kept {
    pn_str         path; /* URL path that was asked for */
    int            n;
    struct variant v[];
};

/* ---- packing ---- */

/* What is left of a block that was measured before. */
struct packing { char *at, *end; };

static size_t languages_bytes(const apr_array_header_t *languages)
{
    size_t bytes = 0;

    for (int i = 0; languages && i < languages->nelts; i++)
        bytes += sizeof(pn_str) + APR_ARRAY_IDX(languages, i, pn_str).n;
    return languages ? bytes + sizeof(*languages) : 0;
}

static size_t text_bytes(const struct variant *variant)
{
    return variant->name.n + variant->type.n + variant->charset.n + variant->encoding.n;
}

static void *take(struct packing *to, size_t n)
{
    char *at = to->at;

    pn_assert(n <= (size_t)(to->end - at));
    to->at += n;
    return at;
}

static pn_str pack_text(struct packing *to, pn_str text)
{
    if (text.n == 0)
        return text.p ? PN_STR("") : text;
    return pn_str_n(memcpy(take(to, text.n), text.p, text.n), text.n);
}

/* The structs of all variants come before any text: everything is aligned. */
static apr_array_header_t *pack_array(struct packing *to, const apr_array_header_t *languages)
{
    apr_array_header_t *copy;

    if (!languages)
        return NULL;
    copy = take(to, sizeof(*copy));
    *copy = (apr_array_header_t){ .elt_size = (int)sizeof(pn_str), .nelts = languages->nelts, .nalloc = languages->nelts };
    copy->elts = take(to, (size_t)languages->nelts * sizeof(pn_str));
    if (languages->nelts)
        memcpy(copy->elts, languages->elts, (size_t)languages->nelts * sizeof(pn_str));
    return copy;
}

static void pack_variant_text(struct packing *to, struct variant *variant)
{
    variant->name = pack_text(to, variant->name);
    variant->type = pack_text(to, variant->type);
    variant->charset = pack_text(to, variant->charset);
    variant->encoding = pack_text(to, variant->encoding);
    for (int i = 0; variant->languages && i < variant->languages->nelts; i++)
        APR_ARRAY_IDX(variant->languages, i, pn_str) = pack_text(to, APR_ARRAY_IDX(variant->languages, i, pn_str));
}

static struct kept *pack(const struct negotiation *n, size_t *ret_bytes)
{
    size_t         bytes = sizeof(struct kept) + n->r->path.n;
    struct kept   *kept;
    struct packing to;

    for (int i = 0; i < n->variants->nelts; i++)
        bytes += sizeof(struct variant) + languages_bytes(pn__variant(n, i)->languages) + text_bytes(pn__variant(n, i));
    kept = malloc(bytes);
    pn_assert(kept != NULL);
    to = (struct packing){ (char *)kept, (char *)kept + bytes };
    take(&to, sizeof(*kept) + (size_t)n->variants->nelts * sizeof(struct variant));
    kept->n = n->variants->nelts;
    for (int i = 0; i < kept->n; i++) {
        kept->v[i] = *pn__variant(n, i);
        kept->v[i].sub = NULL;
        kept->v[i].languages = pack_array(&to, kept->v[i].languages);
    }
    for (int i = 0; i < kept->n; i++)
        pack_variant_text(&to, &kept->v[i]);
    kept->path = pack_text(&to, n->r->path);
    *ret_bytes = bytes;
    return kept;
}

/* ---- keeping ---- */

void pn__negotiation_keep(struct negotiation *n, uint64_t stamp)
{
    size_t       bytes;
    struct kept *kept;

    if (!stamp || !n->variants->nelts || n->r->path_info.n)
        return;
    kept = pack(n, &bytes);
    (void)pn_memo_keep(n->r, &pn_module_negotiation, stamp, kept, bytes, free);
}

bool pn__negotiation_kept(struct negotiation *n)
{
    const struct kept *kept = n->r->path_info.n ? NULL : pn_memo_find(n->r, &pn_module_negotiation);

    if (!kept || !pn_str_eq(kept->path, n->r->path))
        return false;
    n->variants = apr_array_make(n->r->pool, kept->n, sizeof(struct variant));
    memcpy(n->variants->elts, kept->v, (size_t)kept->n * sizeof(struct variant));
    n->variants->nelts = kept->n;
    n->from_kept = true;
    return true;
}

void pn__negotiation_name_codings(struct negotiation *n)
{
    for (int i = 0; n->from_kept && i < n->variants->nelts; i++) {
        struct variant *variant = pn__variant(n, i);
        if (variant->encoding.n)
            variant->encoding = pn_str_lower(n->r->pool, pn__variant_lookup(n, variant)->content_encoding);
    }
}
