/* mod_autoindex_order.c - what the client asks for in the query, and the order of entries. */
#include "mod_autoindex.h"

#include <pinion/uri.h>
#include <stdlib.h>

/* ---- the query ---- */

static pn_str next_argument(pn_str *rest)
{
    size_t n = 0;

    while (n < rest->n && rest->p[n] != ';' && rest->p[n] != '&')
        n++;
    pn_str argument = pn_str_head(*rest, n);
    *rest = pn_str_from(*rest, n + 1);
    return argument;
}

static bool one_of(pn_str value, const char *letters)
{
    return value.n == 1 && value.p[0] && strchr(letters, value.p[0]);
}

struct asked { char format, version; pn_str pattern; };

/* @return false: none of the arguments that a listing knows. */
static bool take_argument(struct pn_request *r, struct autoindex_view *view, pn_str argument, struct asked *asked)
{
    pn_str value, name = pn_str_cut(argument, '=', &value);

    if (name.n != 1 || value.n == 0)
        return false;
    switch (name.p[0]) {
    case 'C':
        if (!one_of(value, "NMSD"))
            return false;
        view->key = value.p[0];
        return true;
    case 'O':
        if (!one_of(value, "AD"))
            return false;
        view->order = value.p[0];
        return true;
    case 'F':
        if (!one_of(value, "012"))
            return false;
        asked->format = value.p[0];
        return true;
    case 'V':
        if (!one_of(value, "01"))
            return false;
        asked->version = value.p[0];
        return true;
    case 'P': return pn_uri_decode(r->pool, value, &asked->pattern) == PN_OK;
    default: return false;
    }
}

/* As in a path, but for what would end the argument. */
static pn_str encode_argument(apr_pool_t *pool, pn_str s)
{
    struct pn_buf out;
    pn_str        text = PN_STR("");
    pn_str        path = pn_uri_encode_path(pool, s);

    pn_buf_init(&out, pool, 3 * path.n + 1);
    for (size_t i = 0; i < path.n; i++) {
        if (path.p[i] == '&' || path.p[i] == ';' || path.p[i] == '\'')
            pn_buf_printf(&out, "%%%02x", (unsigned)path.p[i]);
        else
            pn_buf_ch(&out, path.p[i]);
    }
    pn_assert(pn_buf_done(&out, &text) == PN_OK);
    return text;
}

static void apply_asked(struct pn_request *r, struct autoindex_view *view, const struct asked *asked)
{
    pn_str format = PN_STR(""), version = PN_STR("");

    if (asked->format) {
        view->options &= ~(uint32_t)(INDEX_FANCY | INDEX_TABLE | INDEX_MODERN);
        view->options |= asked->format == '0' ? 0u : asked->format == '1' ? INDEX_FANCY : INDEX_FANCY | INDEX_TABLE;
        format = pn_str_printf(r->pool, ";F=%c", asked->format);
    }
    if (asked->version) {
        view->options = asked->version == '1' ? view->options | INDEX_VERSION_SORT : view->options & ~(uint32_t)INDEX_VERSION_SORT;
        version = pn_str_printf(r->pool, ";V=%c", asked->version);
    }
    view->pattern = asked->pattern;
    view->carried = PN_CAT(r->pool, format, version, asked->pattern.n ? PN_STR(";P=") : PN_STR(""),
                           asked->pattern.n ? encode_argument(r->pool, asked->pattern) : PN_STR(""));
}

void pn__autoindex_view(struct pn_request *r, const struct autoindex_conf *conf, struct autoindex_view *ret_view)
{
    struct autoindex_view view = { .options = autoindex_options(conf),
                                   .key = conf->key ? conf->key : 'N',
                                   .order = conf->order ? conf->order : 'A' };
    struct asked          asked = { 0 };
    pn_str                rest = view.options & INDEX_IGNORE_CLIENT ? PN_STR("") : r->query;

    while (rest.n && take_argument(r, &view, next_argument(&rest), &asked))
        continue;
    apply_asked(r, &view, &asked);
    if (view.options & INDEX_IGNORE_CLIENT)
        view.options |= INDEX_NO_SORT_LINKS;
    if (view.options & INDEX_MODERN)
        view.options |= INDEX_FANCY | INDEX_FOLDERS_FIRST;
    if (view.options & INDEX_TABLE)
        view.options |= INDEX_FANCY;
    if (!(view.options & INDEX_FANCY)) { /* a plain list knows nothing but names */
        view.key = 'N';
        view.options &= ~(uint32_t)INDEX_FOLDERS_FIRST;
    }
    *ret_view = view;
}

/* ---- the order ---- */

static int compare_text(const struct autoindex_view *view, const char *a, const char *b)
{
    int order;

    if (view->options & INDEX_IGNORE_CASE) {
        order = view->options & INDEX_VERSION_SORT ? apr_strnatcasecmp(a, b) : strcasecmp(a, b);
        if (order)
            return order;
    }
    order = view->options & INDEX_VERSION_SORT ? apr_strnatcmp(a, b) : 0;
    return order ? order : strcmp(a, b);
}

static int compare_number(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static const char *description_of(const struct autoindex_entry *entry)
{
    return entry->description ? entry->description->p : "";
}

static int compare_key(const struct autoindex_view *view, const struct autoindex_entry *a, const struct autoindex_entry *b)
{
    switch (view->key) {
    case 'M': return compare_number(a->mtime, b->mtime);
    case 'S': return compare_number(a->size, b->size);
    case 'D': return compare_text(view, description_of(a), description_of(b));
    default: return 0;
    }
}

int pn__autoindex_compare(const struct autoindex_view *view, const struct autoindex_entry *a, const struct autoindex_entry *b)
{
    if (a->is_parent != b->is_parent)
        return a->is_parent ? -1 : 1;
    if ((view->options & INDEX_FOLDERS_FIRST) && a->is_directory != b->is_directory)
        return a->is_directory ? -1 : 1;
    int order = compare_key(view, a, b);
    if (order == 0)
        order = compare_text(view, a->name, b->name);
    return view->order == 'D' ? -order : order;
}

static int compare_entries(const void *left, const void *right, void *arg)
{
    return pn__autoindex_compare(arg, left, right);
}

struct sort_job { struct autoindex_listing *listing; struct autoindex_view view; };

static void sort(void *arg)
{
    struct sort_job *job = arg;

    qsort_r(job->listing->v, job->listing->n, sizeof(*job->listing->v), compare_entries, &job->view);
}

/* So few are sorted faster than a thread is woken. */
#define SORT_HERE_MAX 2000

pn_rc pn__autoindex_sort(struct pn_request *r, const struct autoindex_view *view, struct autoindex_listing *listing)
{
    struct sort_job *job = apr_palloc(r->pool, sizeof(*job));

    *job = (struct sort_job){ .listing = listing, .view = *view };
    if (listing->n > SORT_HERE_MAX)
        return pn_run_blocking(r, sort, job);
    sort(job);
    return PN_OK;
}
