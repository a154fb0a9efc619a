/* listing.c - see pinion/listing.h: the path store's listings for modules. */
#include <pinion/listing.h>

#include "http/request_core.h"
#include "http/store.h"

static apr_status_t release(void *listing)
{
    pn_listing_unref(listing);
    return APR_SUCCESS;
}

pn_rc pn_list_directory(struct pn_request *r, pn_str path, const struct pn_listing **ret_listing)
{
    struct pn_store   *store = pn_worker_this()->store;
    struct pn_place   *place = pn_store_find(store, r->server, path);
    struct pn_listing *listing;
    pn_rc              rc = PN_NOT_FOUND;

    if (place->status)
        rc = place->status == 500 ? PN_SYSTEM : PN_DENIED;
    else if (place->finfo.type == PN_FILE_DIRECTORY && place->file_n == place->filename.n) {
        listing = pn_store_listing(store, place);
        rc = listing ? PN_OK : PN_DENIED;
        if (listing) {
            apr_pool_cleanup_register(r->pool, listing, release, apr_pool_cleanup_null);
            *ret_listing = listing;
        }
    }
    pn_place_unref(place);
    return rc;
}

unsigned pn_listing_seek(const struct pn_listing *listing, pn_str name)
{
    unsigned from = 0, to = listing->n;

    while (from < to) {
        unsigned middle = from + (to - from) / 2;
        if (pn_str_cmp(listing->v[middle].name, name) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}
