/* mod_autoindex_page.c - the page as a body: what surrounds the listing, and rows that are written when they are pulled. */
#include "mod_autoindex.h"

#include <pinion/uri.h>
#include <time.h>

/* One pull yields about so much; a page that is smaller is told by its length. */
#define PULL_BYTES 8000
/* A row with the longest name and a description can't come near. */
#define ROW_MAX (8u << 20)
#define NAME_WIDTH_USUAL 23
#define DESCRIPTION_WIDTH_USUAL 23

/* ---- pieces ---- */

static pn_str reference(char c)
{
    switch (c) {
    case '&': return PN_STR("&amp;");
    case '<': return PN_STR("&lt;");
    case '>': return PN_STR("&gt;");
    case '"': return PN_STR("&quot;");
    default: return (pn_str){ NULL, 0 };
    }
}

static void put_escaped(struct pn_buf *out, pn_str text, bool quotes)
{
    size_t from = 0;

    for (size_t i = 0; i < text.n; i++) {
        pn_str with = reference(text.p[i]);
        if (!with.p || (text.p[i] == '"' && !quotes))
            continue;
        pn_buf_add(out, text.p + from, i - from);
        pn_buf_str(out, with);
        from = i + 1;
    }
    pn_buf_add(out, text.p + from, text.n - from);
}

void pn__autoindex_put_text(struct pn_buf *out, pn_str text)
{
    put_escaped(out, text, true);
}

void pn__autoindex_put_lines(struct pn_buf *out, pn_str text)
{
    put_escaped(out, text, false);
}

void pn__autoindex_put_path(struct autoindex_page *page, pn_str path)
{
    pn__autoindex_put_text(&page->out, pn_uri_encode_path(page->scratch, path));
}

pn_str pn__autoindex_parent(const struct pn_request *r)
{
    pn_str path = r->path;

    if (path.n && path.p[path.n - 1] == '/')
        path.n--;
    size_t slash = pn_str_rchr(path, '/');
    return slash == SIZE_MAX ? PN_STR("/") : pn_str_head(path, slash + 1);
}

void pn__autoindex_put_href(struct autoindex_page *page, const struct autoindex_entry *entry)
{
    if (entry->is_parent) {
        pn__autoindex_put_path(page, pn__autoindex_parent(page->r));
        return;
    }
    pn_str name = pn_str_n(entry->name, entry->name_n + entry->is_directory);
    if (pn_str_chr(name, ':', 0) != SIZE_MAX) /* would be taken for a scheme (RFC 3986 s4.2) */
        pn_buf_lit(&page->out, "./");
    pn__autoindex_put_path(page, name);
}

void pn__autoindex_put_pad(struct pn_buf *out, size_t n)
{
    char *to = pn_buf_reserve(out, n);

    if (!to)
        return;
    memset(to, ' ', n);
    out->n += n;
}

void pn__autoindex_put_sort_query(struct autoindex_page *page, char key)
{
    bool turns = page->view.key == key && page->view.order == 'A';

    pn_buf_printf(&page->out, "?C=%c;O=%c", key, turns ? 'D' : 'A');
    pn__autoindex_put_text(&page->out, page->view.carried);
}

pn_str pn__autoindex_label(struct autoindex_page *page, const struct autoindex_entry *entry)
{
    (void)page;
    if (entry->is_parent)
        return PN_STR("Parent Directory");
    return pn_str_n(entry->name, entry->name_n + entry->is_directory);
}

/* Neighbours often have been changed in the same minute. */
pn_str pn__autoindex_date(struct autoindex_page *page, pn_wall mtime)
{
    time_t    seconds = (time_t)(mtime / PN_USEC_PER_SEC);
    struct tm tm;

    if (mtime < 0)
        return PN_STR("");
    if (page->date_n && seconds / 60 == page->date_minute)
        return pn_str_n(page->date, page->date_n);
    if (!localtime_r(&seconds, &tm))
        return PN_STR("");
    page->date_minute = seconds / 60;
    page->date_n = strftime(page->date, sizeof(page->date), page_is(page, INDEX_OLD_DATE) ? "%d-%b-%Y %H:%M" : "%Y-%m-%d %H:%M", &tm);
    return pn_str_n(page->date, page->date_n);
}

pn_str pn__autoindex_prefix(pn_str text, size_t n)
{
    if (n >= text.n)
        return text;
    for (unsigned back = 0; back < 3 && n && ((unsigned char)text.p[n] & 0xC0) == 0x80; back++)
        n--;
    return pn_str_head(text, n);
}

/* ---- the document around the listing ---- */

static pn_str title_path(const struct pn_request *r)
{
    pn_str path = r->path;

    while (path.n > 1 && path.p[path.n - 1] == '/')
        path.n--;
    return path;
}

static void put_style_sheet(struct autoindex_page *page)
{
    struct pn_buf *out = &page->out;

    if (!page->conf->style_sheet.n)
        return;
    pn_buf_lit(out, "  <link rel=\"stylesheet\" href=\"");
    pn_buf_str(out, page->conf->style_sheet);
    pn_buf_lit(out, "\" type=\"text/css\"");
    pn_buf_str(out, page_is(page, INDEX_XHTML) ? PN_STR(" />\n") : PN_STR(">\n"));
}

static void put_preamble(struct autoindex_page *page)
{
    struct pn_buf *out = &page->out;

    if (page_is(page, INDEX_XHTML))
        pn_buf_lit(out, "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\"\n"
                        "\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">\n"
                        "<html xmlns=\"http://www.w3.org/1999/xhtml\">\n");
    else
        pn_buf_lit(out, "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\" \"http://www.w3.org/TR/html4/strict.dtd\">\n<html>\n");
    pn_buf_lit(out, " <head>\n  <title>Index of ");
    pn__autoindex_put_text(out, title_path(page->r));
    pn_buf_lit(out, "</title>\n");
    put_style_sheet(page);
    if (page->conf->head_insert.n)
        pn_buf_str(out, page->conf->head_insert);
    pn_buf_lit(out, " </head>\n <body>\n");
}

static void put_title(struct autoindex_page *page)
{
    struct pn_buf *out = &page->out;

    pn_buf_str(out, page->conf->style_sheet.n ? PN_STR("  <h1 id=\"indextitle\">") : PN_STR("<h1>"));
    pn_buf_lit(out, "Index of ");
    pn__autoindex_put_text(out, title_path(page->r));
    pn_buf_lit(out, "</h1>\n");
}

void pn__autoindex_open(struct autoindex_page *page)
{
    if (page->has_preamble)
        put_preamble(page);
    if (page->has_title)
        put_title(page);
}

void pn__autoindex_close(struct autoindex_page *page)
{
    if (page->has_tail)
        pn_buf_lit(&page->out, "</body></html>\n");
}

/* ---- the body ---- */

static void write_rows(struct autoindex_page *page)
{
    if (!page->begun) {
        if (!page->opened)
            page->writer->open(page);
        page->writer->head(page);
        page->begun = true;
    }
    while (page->at < page->listing->n && page->out.n < PULL_BYTES) {
        const struct autoindex_entry *entry = &page->listing->v[page->at++];
        if (page->kept_rows && entry->row)
            pn__autoindex_kept_row(page, entry);
        else
            page->writer->row(page, entry);
    }
    if (page->at < page->listing->n || page->out.n >= PULL_BYTES)
        return;
    page->writer->foot(page);
    if (!page->closed_later)
        page->writer->close(page);
    page->done = true;
}

static pn_rc page_next(struct pn_body *body, struct pn_chunk *ret_chunk)
{
    struct autoindex_page *page = PN_CONTAINER(body, struct autoindex_page, super);

    if (page->done)
        return PN_EOF;
    pn_buf_clear(&page->out);
    apr_pool_clear(page->scratch);
    write_rows(page);
    if (page->out.full)
        return pn_fail(page->r, 500, PN_LOG_MODULE, 20201, "a row of the listing of %s is over %u bytes", page->r->filename.p, ROW_MAX);
    *ret_chunk = (struct pn_chunk){ .kind = PN_CHUNK_BYTES, .bytes = pn_buf_view(&page->out), .fd = -1, .last = page->done };
    return PN_OK;
}

static const struct pn_body_ops page_ops = { .name = "AUTOINDEX", .next = page_next };

/* ---- putting it together ---- */

static size_t longest_name(const struct autoindex_page *page)
{
    size_t longest = 0;

    for (size_t i = 0; i < page->listing->n; i++) {
        const struct autoindex_entry *entry = &page->listing->v[i];
        size_t n = entry->is_parent ? strlen("Parent Directory") : entry->name_n + entry->is_directory;
        longest = n > longest ? n : longest;
    }
    return longest;
}

static size_t longest_description(const struct autoindex_page *page)
{
    size_t longest = 0;

    for (size_t i = 0; i < page->listing->n; i++) {
        const pn_str *text = page->listing->v[i].description;
        longest = text && text->n > longest ? text->n : longest;
    }
    return longest;
}

/* Columns that are not shown leave their room to the description. */
static size_t usual_description_width(const struct autoindex_page *page)
{
    return DESCRIPTION_WIDTH_USUAL + (page_is(page, INDEX_NO_ICON) ? 6 : 0) + (page_is(page, INDEX_NO_SIZE) ? 7 : 0) +
           (page_is(page, INDEX_NO_DATE) ? 19 : 0);
}

static void set_widths(struct autoindex_page *page)
{
    const struct autoindex_conf *conf = page->conf;

    page->name_width = conf->name_width > 0 ? (size_t)conf->name_width : NAME_WIDTH_USUAL;
    if (conf->name_width == AUTOINDEX_WIDEST && longest_name(page) > page->name_width)
        page->name_width = longest_name(page);
    page->description_width = conf->description_width > 0 ? (size_t)conf->description_width : usual_description_width(page);
    if (conf->description_width == AUTOINDEX_WIDEST && longest_description(page) > page->description_width)
        page->description_width = longest_description(page);
    page->columns = 5u - page_is(page, INDEX_NO_ICON) - page_is(page, INDEX_NO_DATE) - page_is(page, INDEX_NO_SIZE) -
                    page_is(page, INDEX_NO_DESCRIPTION);
}

static const struct autoindex_writer *writer_for(const struct autoindex_view *view)
{
    if (view->options & INDEX_MODERN)
        return &pn__autoindex_modern;
    if (!(view->options & INDEX_FANCY))
        return &pn__autoindex_plain;
    return view->options & INDEX_TABLE ? &pn__autoindex_table : &pn__autoindex_lines;
}

static struct pn_body *bytes_so_far(struct autoindex_page *page)
{
    pn_str bytes = pn_str_dup(page->r->pool, pn_buf_view(&page->out));

    pn_buf_clear(&page->out);
    return pn_body_bytes(page->r, bytes);
}

static struct autoindex_page *new_page(struct pn_request *r, const struct autoindex_conf *conf, const struct autoindex_view *view,
                                       struct autoindex_listing *listing)
{
    struct autoindex_page *page = apr_pcalloc(r->pool, sizeof(*page));

    *page = (struct autoindex_page){ .super = { .ops = &page_ops, .r = r, .length = -1 },
                                     .r = r, .conf = conf, .view = *view, .listing = listing, .writer = writer_for(view) };
    pn_buf_init(&page->out, r->pool, ROW_MAX);
    apr_pool_create(&page->scratch, r->pool);
    set_widths(page);
    page->kept_rows = pn__autoindex_kept_rows(page);
    return page;
}

/* Without texts the page is one body, whose length is told when it is small; with them, what is around it comes first. */
enum pn_verdict pn__autoindex_answer(struct pn_request *r, const struct autoindex_conf *conf, const struct autoindex_view *view,
                                     struct autoindex_listing *listing)
{
    struct autoindex_page *page = new_page(r, conf, view, listing);
    bool                   header_is_html = false, readme_is_html = false, own = (view->options & INDEX_NO_PREAMBLE) != 0;
    struct pn_body        *header = conf->header.n ? pn__autoindex_text(r, conf->header, &header_is_html) : NULL;
    struct pn_body        *readme = conf->readme.n ? pn__autoindex_text(r, conf->readme, &readme_is_html) : NULL;
    struct pn_body        *parts[5];
    size_t                 n = 0;

    page->has_preamble = !(header && header_is_html && own);
    page->has_title = !header;
    page->has_tail = !(readme && readme_is_html && own);
    page->opened = header != NULL;
    page->closed_later = readme != NULL;
    if (header) {
        page->writer->open(page);
        parts[n++] = bytes_so_far(page);
        parts[n++] = header;
    }
    parts[n++] = &page->super;
    if (readme) {
        parts[n++] = readme;
        page->writer->close(page);
        parts[n++] = bytes_so_far(page);
    }
    r->body = n == 1 ? parts[0] : pn_body_concat(r, parts, n);
    return PN_HANDLED;
}
