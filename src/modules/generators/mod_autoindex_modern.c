/* mod_autoindex_modern.c - IndexOptions Modern: a listing for today's browsers. One document without script and without
 * further requests; light and dark, narrow and wide, usable by keyboard and by screen readers; sorted by links. */
#include "mod_autoindex.h"

#include <pinion/uri.h>
#include <time.h>

/* The symbols are masks, so that they take the colours of the text around them. */
#define SYMBOL(path) "url(\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='" path "'/%3E%3C/svg%3E\")"
#define FOLDER_SYMBOL SYMBOL("M1 3.5A1.5 1.5 0 0 1 2.5 2h3.2l1.6 2h6.2A1.5 1.5 0 0 1 15 5.5v7a1.5 1.5 0 0 1-1.5 1.5h-11A1.5 1.5 0 0 1 1 12.5z")
#define FILE_SYMBOL SYMBOL("M4 1h5.5L13 4.5V13a2 2 0 0 1-2 2H4.9A1.9 1.9 0 0 1 3 13.1V2a1 1 0 0 1 1-1zm.5 1.5v11h7V6H8.200V2.5z")
#define UP_SYMBOL SYMBOL("M8 2l5.500 6H10v6H6V8H2.500z")

static const char style_sheet[] =
    ":root{--ground:#fcfcfb;--ink:#1d2125;--soft:#5d666f;--line:#dfe3e6;--link:#0a55b8;--folder:#b3740a;--over:#f0f3f5}\n"
    "@media(prefers-color-scheme:dark){:root{--ground:#15181b;--ink:#e4e7ea;--soft:#9aa4ad;--line:#2e3439;--link:#82b6ff;"
    "--folder:#e5b25d;--over:#1f2428}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--ground);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}\n"
    "header,main,footer{max-width:64rem;margin:0 auto;padding:0 1rem}\n"
    "header{padding-top:1.5rem}\n"
    "h1{font-size:1.35rem;font-weight:600;margin:.25rem 0 1rem;overflow-wrap:anywhere}\n"
    "nav ol{list-style:none;display:flex;flex-wrap:wrap;margin:0;padding:0;color:var(--soft)}\n"
    "nav li{overflow-wrap:anywhere}nav li+li::before{content:\"/\";padding:0 .4rem}\n"
    "a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}\n"
    "a:focus-visible{outline:2px solid var(--link);outline-offset:2px;border-radius:2px}\n"
    "table{width:100%;border-collapse:collapse}\n"
    "caption,.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}\n"
    "th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}\n"
    "thead th{font-weight:600;white-space:nowrap;border-bottom-width:2px}\n"
    "th a{color:inherit}th[aria-sort=ascending] a::after{content:\" \\2191\"}th[aria-sort=descending] a::after{content:\" \\2193\"}\n"
    "tbody tr:hover{background:var(--over)}\n"
    ".name{overflow-wrap:anywhere;width:50%}.size,.date{white-space:nowrap;color:var(--soft);font-variant-numeric:tabular-nums}\n"
    ".size{text-align:right}.text{color:var(--soft)}\n"
    ".file a,.folder a,.up a{display:inline-block;padding-left:1.6rem;position:relative}\n"
    ".file a::before,.folder a::before,.up a::before{content:\"\";position:absolute;left:0;top:.25em;width:1em;height:1em;"
    "background:var(--soft);-webkit-mask:" FILE_SYMBOL " center/contain no-repeat;mask:" FILE_SYMBOL " center/contain no-repeat}\n"
    ".folder a::before{background:var(--folder);-webkit-mask-image:" FOLDER_SYMBOL ";mask-image:" FOLDER_SYMBOL "}\n"
    ".up a::before{-webkit-mask-image:" UP_SYMBOL ";mask-image:" UP_SYMBOL "}\n"
    "footer{padding-top:.75rem;padding-bottom:2rem;color:var(--soft);font-size:.9rem}\n"
    "@media(max-width:44rem){.text{display:none}}\n"
    "@media(max-width:30rem){.date{display:none}th,td{padding:.5rem .3rem}}\n"
    "@media print{body{background:none}.file a,.folder a,.up a{padding-left:0}.file a::before,.folder a::before,.up a::before{display:none}}\n";

/* ---- the document ---- */

static pn_str charset_of(const struct autoindex_page *page)
{
    return page->conf->charset.n ? page->conf->charset : PN_STR("UTF-8");
}

static void put_document_head(struct autoindex_page *page)
{
    struct pn_buf *out = &page->out;

    pn_buf_lit(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"");
    pn__autoindex_put_text(out, charset_of(page));
    pn_buf_lit(out, "\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                    "<meta name=\"color-scheme\" content=\"light dark\">\n<title>Index of ");
    pn__autoindex_put_text(out, page->r->path);
    pn_buf_lit(out, "</title>\n<style>\n");
    pn_buf_add(out, style_sheet, sizeof(style_sheet) - 1);
    pn_buf_lit(out, "</style>\n");
    if (page->conf->style_sheet.n) {
        pn_buf_lit(out, "<link rel=\"stylesheet\" href=\"");
        pn__autoindex_put_text(out, page->conf->style_sheet);
        pn_buf_lit(out, "\">\n");
    }
    if (page->conf->head_insert.n) {
        pn_buf_str(out, page->conf->head_insert);
        pn_buf_ch(out, '\n');
    }
    pn_buf_lit(out, "</head>\n<body>\n");
}

/* A link for each directory above; the last one is the heading. */
static void put_breadcrumbs(struct autoindex_page *page)
{
    struct pn_buf *out = &page->out;
    pn_str         path = page->r->path;
    size_t         from = 1;

    pn_buf_lit(out, "<nav aria-label=\"Breadcrumb\"><ol>\n<li><a href=\"/\">");
    pn__autoindex_put_text(out, pn_self_name(page->r));
    pn_buf_lit(out, "</a></li>\n");
    for (size_t end; (end = pn_str_chr(path, '/', from)) != SIZE_MAX; from = end + 1) {
        bool here = end + 1 >= path.n;
        pn_buf_lit(out, "<li><a href=\"");
        pn__autoindex_put_path(page, pn_str_head(path, end + 1));
        pn_buf_str(out, here ? PN_STR("\" aria-current=\"page\">") : PN_STR("\">"));
        pn__autoindex_put_text(out, pn_str_n(path.p + from, end - from));
        pn_buf_lit(out, "</a></li>\n");
    }
    pn_buf_lit(out, "</ol></nav>\n");
}

static void modern_open(struct autoindex_page *page)
{
    struct pn_buf *out = &page->out;

    if (page->has_preamble)
        put_document_head(page);
    pn_buf_lit(out, "<header>\n");
    put_breadcrumbs(page);
    if (page->has_title) {
        pn_buf_lit(out, "<h1>Index of ");
        pn__autoindex_put_text(out, page->r->path);
        pn_buf_lit(out, "</h1>\n");
    }
    pn_buf_lit(out, "</header>\n<main>\n");
}

static void modern_close(struct autoindex_page *page)
{
    pn_buf_lit(&page->out, "</main>\n");
    if (page->has_tail)
        pn_buf_lit(&page->out, "</body>\n</html>\n");
}

/* ---- the table ---- */

static void put_head_cell(struct autoindex_page *page, char key, const char *class, pn_str title)
{
    struct pn_buf *out = &page->out;

    pn_buf_printf(out, "<th scope=\"col\" class=\"%s\"", class);
    if (page->view.key == key)
        pn_buf_printf(out, " aria-sort=\"%s\"", page->view.order == 'A' ? "ascending" : "descending");
    pn_buf_ch(out, '>');
    if (page_is(page, INDEX_NO_SORT_LINKS))
        pn_buf_str(out, title);
    else {
        pn_buf_lit(out, "<a href=\"");
        pn__autoindex_put_sort_query(page, key);
        pn_buf_printf(out, "\">%.*s</a>", PN_FMT(title));
    }
    pn_buf_lit(out, "</th>\n");
}

/* A column of descriptions only where there are any. */
static bool has_descriptions(struct autoindex_page *page)
{
    if (page_is(page, INDEX_NO_DESCRIPTION))
        return false;
    for (size_t i = 0; i < page->listing->n; i++)
        if (page->listing->v[i].description)
            return true;
    return false;
}

static void modern_head(struct autoindex_page *page)
{
    struct pn_buf *out = &page->out;

    if (!has_descriptions(page))
        page->view.options |= INDEX_NO_DESCRIPTION;
    pn_buf_lit(out, "<table id=\"indexlist\">\n<caption>Contents of ");
    pn__autoindex_put_text(out, page->r->path);
    pn_buf_lit(out, "</caption>\n<thead><tr>\n");
    put_head_cell(page, 'N', "name", PN_STR("Name"));
    if (!page_is(page, INDEX_NO_DATE))
        put_head_cell(page, 'M', "date", PN_STR("Last modified"));
    if (!page_is(page, INDEX_NO_SIZE))
        put_head_cell(page, 'S', "size", PN_STR("Size"));
    if (!page_is(page, INDEX_NO_DESCRIPTION))
        put_head_cell(page, 'D', "text", PN_STR("Description"));
    pn_buf_lit(out, "</tr></thead>\n<tbody>\n");
}

static void put_date_cell(struct autoindex_page *page, const struct autoindex_entry *entry)
{
    char      exact[32];
    pn_str    shown = pn__autoindex_date(page, entry->mtime);
    time_t    seconds = (time_t)(entry->mtime / PN_USEC_PER_SEC);
    struct tm tm;

    pn_buf_lit(&page->out, "<td class=\"date\">");
    if (shown.n && gmtime_r(&seconds, &tm) && strftime(exact, sizeof(exact), "%Y-%m-%dT%H:%M:%SZ", &tm))
        pn_buf_printf(&page->out, "<time datetime=\"%s\">%.*s</time>", exact, PN_FMT(shown));
    pn_buf_lit(&page->out, "</td>");
}

static void put_size_cell(struct autoindex_page *page, const struct autoindex_entry *entry)
{
    static const char *const units[] = { "KB", "MB", "GB", "TB", "PB", "EB" };
    double                   size = (double)entry->size / 1000;
    size_t                   unit = 0;

    pn_buf_lit(&page->out, "<td class=\"size\">");
    if (entry->size >= 0 && entry->size < 1000)
        pn_buf_printf(&page->out, "%d B", (int)entry->size);
    else if (entry->size >= 0) {
        for (; size >= 999.5 && unit + 1 < PN_COUNT(units); unit++)
            size /= 1000;
        pn_buf_printf(&page->out, size < 9.95 ? "%.1f %s" : "%.0f %s", size, units[unit]);
    }
    pn_buf_lit(&page->out, "</td>");
}

static const char *class_of(const struct autoindex_page *page, const struct autoindex_entry *entry)
{
    if (page_is(page, INDEX_NO_ICON))
        return "name";
    return entry->is_parent ? "name up" : entry->is_directory ? "name folder" : "name file";
}

static void modern_row(struct autoindex_page *page, const struct autoindex_entry *entry)
{
    struct pn_buf *out = &page->out;

    pn_buf_printf(out, "<tr><td class=\"%s\"><a href=\"", class_of(page, entry));
    pn__autoindex_put_href(page, entry);
    pn_buf_lit(out, "\">");
    pn__autoindex_put_text(out, entry->is_parent ? PN_STR("Parent directory") : pn__autoindex_label(page, entry));
    pn_buf_lit(out, "</a></td>");
    if (!page_is(page, INDEX_NO_DATE))
        put_date_cell(page, entry);
    if (!page_is(page, INDEX_NO_SIZE))
        put_size_cell(page, entry);
    if (!page_is(page, INDEX_NO_DESCRIPTION)) {
        pn_buf_lit(out, "<td class=\"text\">");
        if (entry->description)
            pn_buf_str(out, *entry->description);
        pn_buf_lit(out, "</td>");
    }
    pn_buf_lit(out, "</tr>\n");
}

static void put_count(struct pn_buf *out, size_t n, const char *one, const char *many)
{
    pn_buf_printf(out, "%zu %s", n, n == 1 ? one : many);
}

static void modern_foot(struct autoindex_page *page)
{
    struct pn_buf *out = &page->out;
    size_t         folders = 0, files = 0;

    for (size_t i = 0; i < page->listing->n; i++) {
        const struct autoindex_entry *entry = &page->listing->v[i];
        folders += entry->is_directory && !entry->is_parent;
        files += !entry->is_directory;
    }
    pn_buf_lit(out, "</tbody>\n</table>\n<p class=\"count\">");
    put_count(out, folders, "folder", "folders");
    pn_buf_lit(out, ", ");
    put_count(out, files, "file", "files");
    pn_buf_lit(out, "</p>\n");
}

const struct autoindex_writer pn__autoindex_modern = { .open = modern_open, .head = modern_head, .row = modern_row,
                                                       .foot = modern_foot, .close = modern_close };
