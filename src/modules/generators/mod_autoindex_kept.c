/* mod_autoindex_kept.c - a listing that is kept with its directory: what was found out about plain files, in order, with the
 * lines that they have on the page. The next request for the same view asks about the others only.
 *
 * An entry is kept when it is a regular file with one name, and nothing about it depends on who asks (pinion/entry.h). All
 * others (directories, links, packed files) are looked up for each request, as are those that were not shown. Whatever changes in
 * the directory makes an end of it (pinion/memo.h). */
#include "mod_autoindex.h"

#include <pinion/entry.h>
#include <pinion/memo.h>
#include <stdlib.h>

/* A page with fewer entries is made quickly enough, and more would take too much memory. */
#define KEPT_MIN 8
#define KEPT_MAX 8192
#define ROW_BYTES 256 /* about */

struct other { pn_str name; uint8_t hint; };

struct autoindex_kept {
    apr_pool_t             *pool;    /* its own; everything below is in it */
    uint64_t                stamp;
    struct autoindex_view   view;    /* that it was made for; `pattern` and `carried` say nothing */
    struct autoindex_entry *alike;   /* in order */
    size_t                  n_alike;
    apr_array_header_t     *others;  /* of struct other */
    size_t                  name_width, description_width; /* of the rows */
    const struct autoindex_writer *writer;  /* NULL: no row is there yet */
    pn_str                 *rows;
};

static void release(void *data)
{
    apr_pool_destroy(((struct autoindex_kept *)data)->pool);
}

static bool may_keep(const struct pn_request *r, const struct autoindex_view *view)
{
    return !view->pattern.n && !(view->options & INDEX_SCAN_TITLES) && pn_entries_are_alike(r);
}

struct autoindex_kept *pn__autoindex_kept_begin(struct pn_request *r, const struct autoindex_view *view)
{
    uint64_t               stamp = may_keep(r, view) ? pn_memo_stamp(r) : 0;
    struct autoindex_kept *kept;
    apr_pool_t            *pool;

    if (!stamp)
        return NULL;
    apr_pool_create_unmanaged_ex(&pool, apr_pool_abort_get(r->pool), NULL);
    kept = apr_pcalloc(pool, sizeof(*kept));
    *kept = (struct autoindex_kept){ .pool = pool, .stamp = stamp, .view = *view, .others = apr_array_make(pool, 8, sizeof(struct other)) };
    return kept;
}

void pn__autoindex_kept_other(struct autoindex_kept *kept, pn_str name, uint8_t hint)
{
    if (kept && kept->others->nelts < KEPT_MAX)
        *(struct other *)apr_array_push(kept->others) = (struct other){ pn_str_dup(kept->pool, name), hint };
}

void pn__autoindex_kept_drop(struct autoindex_kept *kept)
{
    if (kept)
        release(kept);
}

void pn__autoindex_kept_end(struct pn_request *r, struct autoindex_kept *kept, struct autoindex_listing *listing)
{
    size_t n = 0;

    for (size_t i = 0; i < listing->n; i++)
        n += listing->v[i].is_alike;
    if (n < KEPT_MIN || n + (size_t)kept->others->nelts > KEPT_MAX || kept->others->nelts == KEPT_MAX) {
        release(kept);
        return;
    }
    kept->alike = apr_palloc(kept->pool, n * sizeof(*kept->alike));
    kept->rows = apr_pcalloc(kept->pool, n * sizeof(*kept->rows));
    for (size_t i = 0; i < listing->n; i++) {
        if (!listing->v[i].is_alike)
            continue;
        struct autoindex_entry *to = &kept->alike[kept->n_alike];
        *to = listing->v[i];
        to->name = pn_str_zdup(kept->pool, pn_str_n(to->name, to->name_n));
        to->row = &kept->rows[kept->n_alike++];
    }
    size_t bytes = n * (sizeof(*kept->alike) + sizeof(*kept->rows) + ROW_BYTES) + (size_t)kept->others->nelts * 64;
    (void)pn_memo_keep(r, &pn_module_autoindex, kept->stamp, kept, bytes, release);
}

struct autoindex_kept *pn__autoindex_kept_find(struct pn_request *r, const struct autoindex_view *view)
{
    struct autoindex_kept *kept = may_keep(r, view) ? pn_memo_find(r, &pn_module_autoindex) : NULL;

    return kept && kept->view.options == view->options && kept->view.key == view->key && kept->view.order == view->order ? kept : NULL;
}

void pn__autoindex_kept_others(const struct autoindex_kept *kept, struct autoindex_listing *listing)
{
    for (int i = 0; i < kept->others->nelts; i++) {
        const struct other *other = &APR_ARRAY_IDX(kept->others, i, const struct other);
        pn__autoindex_append(listing, other->name, (enum pn_file_type)other->hint);
    }
}

/* Both parts are in order. */
void pn__autoindex_kept_merge(const struct autoindex_kept *kept, const struct autoindex_view *view, struct autoindex_listing *listing)
{
    size_t                  n = listing->n + kept->n_alike, a = 0, b = 0;
    struct autoindex_entry *v = reallocarray(NULL, n, sizeof(*v));

    pn_assert(v);
    for (size_t i = 0; i < n; i++) {
        if (b == kept->n_alike || (a < listing->n && pn__autoindex_compare(view, &listing->v[a], &kept->alike[b]) <= 0))
            v[i] = listing->v[a++];
        else
            v[i] = kept->alike[b++];
    }
    free(listing->v);
    listing->v = v;
    listing->n = listing->room = n;
    listing->kept = (struct autoindex_kept *)kept;
}

bool pn__autoindex_kept_rows(struct autoindex_page *page)
{
    struct autoindex_kept *kept = page->listing->kept;

    if (!kept || (page->writer != &pn__autoindex_lines && page->writer != &pn__autoindex_plain))
        return false;
    if (!kept->writer) {
        kept->writer = page->writer;
        kept->name_width = page->name_width;
        kept->description_width = page->description_width;
    }
    return kept->writer == page->writer && kept->name_width == page->name_width && kept->description_width == page->description_width;
}

void pn__autoindex_kept_row(struct autoindex_page *page, const struct autoindex_entry *entry)
{
    size_t from = page->out.n;

    if (entry->row->p) {
        pn_buf_str(&page->out, *entry->row);
        return;
    }
    page->writer->row(page, entry);
    if (!page->out.full && page->out.n - from <= 4 * ROW_BYTES)
        *entry->row = pn_str_dup(page->listing->kept->pool, pn_str_n(page->out.p + from, page->out.n - from));
}
