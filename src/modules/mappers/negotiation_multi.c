/* negotiation_multi.c - MultiViews: the forms of a missing file, found among the names of its directory. */
#include "negotiation.h"

#include <pinion/entry.h>
#include <pinion/listing.h>
#include <pinion/memo.h>
#include <pinion/mime.h>
#include <pinion/uri.h>

static pn_str directory_of(pn_str path)
{
    size_t slash = pn_str_rchr(path, '/');

    return slash == SIZE_MAX ? PN_STR("") : pn_str_head(path, slash + 1);
}

/* The URL path of another file in the directory: the path info stays behind it. */
static pn_str path_beside(struct pn_request *r, pn_str name)
{
    pn_str path = r->path_info.n < r->path.n ? pn_str_head(r->path, r->path.n - r->path_info.n) : r->path;

    return PN_CAT(r->pool, directory_of(path), name, r->path_info);
}

pn_str pn__variant_url(struct pn_request *r, const struct variant *variant)
{
    pn_str path = pn_str_head(r->path, r->path.n - (r->path_info.n < r->path.n ? r->path_info.n : 0));

    return PN_CAT(r->pool, pn_uri_encode_path(r->pool, directory_of(path)), variant->name,
                  pn_uri_encode_path(r->pool, r->path_info));
}

struct pn_request *pn__variant_lookup(const struct negotiation *n, struct variant *variant)
{
    struct pn_request *r = n->r;

    if (variant->sub)
        return variant->sub;
    if (n->from_map)
        variant->sub = pn_sub_lookup(r, pn__variant_url(r, variant), PN_STR("GET"));
    else
        variant->sub = pn_sub_lookup_file(r, PN_CAT(r->pool, directory_of(r->filename), variant->name, r->path_info),
                                          path_beside(r, variant->name));
    return variant->sub;
}

int64_t pn__variant_length(const struct negotiation *n, struct variant *variant)
{
    if (variant->bytes < 0) {
        const struct pn_request *sub = pn__variant_lookup(n, variant);
        variant->bytes = sub->finfo.type == PN_FILE_REGULAR ? (int64_t)sub->finfo.size : 0;
    }
    return variant->bytes;
}

static bool is_map(const struct pn_request *sub)
{
    return pn_str_eq(sub->handler, PN_STR("type-map")) || pn_str_starts(sub->content_type, PN_STR("application/x-type-map"));
}

static void describe(struct pn_request *r, struct variant *variant, const struct pn_request *sub)
{
    pn__variant_set_type(r->pool, variant, sub->content_type.n ? sub->content_type : PN_STR("application/x-httpd-cgi"));
    variant->encoding = pn_str_lower(r->pool, sub->content_encoding);
    variant->languages = sub->languages;
    variant->bytes = (int64_t)sub->finfo.size;
    variant->by_program = sub->handler.n > 0;
}

/* @param alike is made false when the next request may find something else.
 * @return true: it is a type map, which speaks for all. */
PN_MAY_YIELD static bool consider(struct negotiation *n, const struct pn_mime_provider *mime, pn_str asked,
                                  const struct pn_dirent *entry, bool *alike)
{
    struct variant variant;

    pn__variant_init(&variant);
    variant.name = pn_str_dup(n->r->pool, entry->name);
    struct pn_request *sub = pn__variant_lookup(n, &variant);
    *alike = *alike && entry->type_hint == PN_FILE_REGULAR && pn_entry_is_alike(n->r, sub);
    if (sub->finfo.type != PN_FILE_REGULAR || sub->status != 200 || !mime || !mime->is_form_of(sub, asked))
        return false;
    if (!sub->content_type.n && !sub->handler.n)
        return false;
    describe(n->r, &variant, sub);
    *(struct variant *)apr_array_push(n->variants) = variant;
    return is_map(sub);
}

int pn__negotiation_forms(struct negotiation *n, struct pn_request **ret_map)
{
    struct pn_request             *r = n->r;
    const struct pn_mime_provider *mime = pn_mime(r->server->generation);
    pn_str                         directory = directory_of(r->filename);
    pn_str                         asked = pn_str_from(r->filename, directory.n);
    pn_str                         prefix = PN_CAT(r->pool, asked, PN_STR("."));
    const struct pn_listing       *listing;
    uint64_t                       stamp = pn_memo_stamp(r);
    bool                           any = false, alike = true;

    *ret_map = NULL;
    if (asked.n == 0)
        return 0;
    pn_str path = directory.n > 1 ? pn_str_dup(r->pool, pn_str_head(directory, directory.n - 1)) : PN_STR("/");
    switch (pn_list_directory(r, path, &listing)) {
    case PN_OK: break;
    case PN_NOT_FOUND: return 0;
    default:
        PN_LOG_R(r, PN_LOG_ERR, 686, 0, "cannot read directory for multi: %s", path.p);
        return 403;
    }
    for (unsigned i = pn_listing_seek(listing, prefix); i < listing->n && n->variants->nelts < VARIANTS_MAX; i++) {
        const struct pn_dirent *entry = &listing->v[i];
        if (!pn_str_starts(entry->name, prefix))
            break;
        if (entry->type_hint == PN_FILE_DIRECTORY || entry->type_hint == PN_FILE_OTHER)
            continue;
        any = true;
        if (consider(n, mime, asked, entry, &alike)) {
            *ret_map = pn__variant(n, n->variants->nelts - 1)->sub;
            return 0;
        }
    }
    pn__negotiation_keep(n, alike ? stamp : 0);
    if (!any || n->variants->nelts)
        return 0;
    PN_LOG_R(r, PN_LOG_ERR, 687, 0, "Negotiation: discovered file(s) matching request: %s (None could be negotiated).", r->filename.p);
    return 404;
}
