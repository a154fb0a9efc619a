/* mod_autoindex_rows.c - the three classic forms of a listing: names only, lines in <pre>, a table.
 *
 * Their structure, with classes and ids, is what style sheets written for Apache's listings expect. */
#include "mod_autoindex.h"

/* ---- names only ---- */

static void plain_head(struct autoindex_page *page)
{
    pn_buf_lit(&page->out, "<ul>");
}

static void plain_row(struct autoindex_page *page, const struct autoindex_entry *entry)
{
    pn_buf_lit(&page->out, "<li><a href=\"");
    pn__autoindex_put_href(page, entry);
    pn_buf_lit(&page->out, "\"> ");
    pn__autoindex_put_text(&page->out, pn__autoindex_label(page, entry));
    pn_buf_lit(&page->out, "</a></li>\n");
}

static void plain_foot(struct autoindex_page *page)
{
    pn_buf_lit(&page->out, "</ul>\n");
}

const struct autoindex_writer pn__autoindex_plain = { .open = pn__autoindex_open, .head = plain_head, .row = plain_row,
                                                      .foot = plain_foot, .close = pn__autoindex_close };

/* ---- what both others have ---- */

static void put_rule(struct autoindex_page *page)
{
    pn_buf_str(&page->out, page_is(page, INDEX_XHTML) ? PN_STR("<hr />") : PN_STR("<hr>"));
}

static void put_pixels(struct pn_buf *out, const char *attribute, int32_t pixels)
{
    if (pixels > 0)
        pn_buf_printf(out, " %s=\"%d\"", attribute, pixels);
}

/* The text comes from the configuration and may hold references. */
static void put_quoted(struct pn_buf *out, pn_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '"')
            pn_buf_lit(out, "&quot;");
        else
            pn_buf_ch(out, text.p[i]);
    }
}

static void put_image(struct autoindex_page *page, pn_str url, pn_str alt)
{
    struct pn_buf *out = &page->out;

    pn_buf_lit(out, "<img src=\"");
    pn__autoindex_put_text(out, url);
    pn_buf_lit(out, "\" alt=\"");
    put_quoted(out, alt);
    pn_buf_ch(out, '"');
    put_pixels(out, "width", page->conf->icon_width);
    put_pixels(out, "height", page->conf->icon_height);
    pn_buf_str(out, page_is(page, INDEX_XHTML) ? PN_STR(" />") : PN_STR(">"));
}

static const pn_str *icon_of(const struct autoindex_page *page, const struct autoindex_entry *entry)
{
    if (entry->icon)
        return entry->icon;
    return page->conf->default_icon.n ? &page->conf->default_icon : NULL;
}

static void put_icon(struct autoindex_page *page, const struct autoindex_entry *entry, pn_str without)
{
    const pn_str *icon = icon_of(page, entry);

    if (icon)
        put_image(page, *icon, PN_CAT(page->scratch, PN_STR("["), entry->alt ? *entry->alt : PN_STR("   "), PN_STR("]")));
    else
        pn_buf_str(&page->out, without);
}

static void put_icon_link(struct autoindex_page *page, const struct autoindex_entry *entry, pn_str without)
{
    bool links = page_is(page, INDEX_ICONS_ARE_LINKS);

    if (links) {
        pn_buf_lit(&page->out, "<a href=\"");
        pn__autoindex_put_href(page, entry);
        pn_buf_lit(&page->out, "\">");
    }
    put_icon(page, entry, without);
    if (links)
        pn_buf_lit(&page->out, "</a>");
}

static void put_name(struct autoindex_page *page, const struct autoindex_entry *entry)
{
    pn_str label = pn__autoindex_label(page, entry), shown = label;
    size_t width = page->name_width;

    pn_buf_lit(&page->out, "<a href=\"");
    pn__autoindex_put_href(page, entry);
    pn_buf_lit(&page->out, "\">");
    if (label.n > width)
        shown = pn__autoindex_prefix(label, width - 3);
    pn__autoindex_put_text(&page->out, shown);
    size_t taken = shown.n;
    if (label.n > width) {
        pn_buf_lit(&page->out, "..&gt;");
        taken += 3;
    }
    pn_buf_lit(&page->out, "</a>");
    if (page->writer != &pn__autoindex_table || page->conf->name_width != AUTOINDEX_WIDEST)
        pn__autoindex_put_pad(&page->out, width - taken);
}

static void put_size(struct autoindex_page *page, const struct autoindex_entry *entry)
{
    char text[5];

    pn_buf_str(&page->out, pn_str_z(apr_strfsize(entry->size, text)));
}

/* The place behind what begins at `at`: a tag, a character reference or a byte; SIZE_MAX when it never ends. */
static size_t unit_end(pn_str text, size_t at)
{
    char close = text.p[at] == '<' ? '>' : text.p[at] == '&' ? ';' : '\0';

    if (!close)
        return at + 1;
    size_t end = pn_str_chr(text, close, at);
    return end == SIZE_MAX ? SIZE_MAX : end + 1;
}

/* As much of a description as its column shows: tags count nothing, a character reference counts one. What is cut ends in
 * '>', in the place of the last byte; tags right behind it are kept. */
static void put_description(struct autoindex_page *page, pn_str text)
{
    size_t left = page->description_width, at = 0, cut = 0;
    bool   after_tag = false;

    while (at < text.n && (left || text.p[at] == '<')) {
        size_t end = unit_end(text, at);
        if (end == SIZE_MAX) { /* never closed: all of it */
            at = text.n;
            break;
        }
        after_tag = text.p[at] == '<';
        if (!after_tag) {
            cut = at;
            left--;
        }
        at = end;
    }
    if (at >= text.n || after_tag) {
        pn_buf_str(&page->out, pn_str_head(text, at));
        return;
    }
    pn_buf_str(&page->out, pn__autoindex_prefix(text, cut));
    pn_buf_ch(&page->out, '>');
}

static void put_sort_link(struct autoindex_page *page, char key, pn_str title)
{
    if (page_is(page, INDEX_NO_SORT_LINKS)) {
        pn_buf_str(&page->out, title);
        return;
    }
    pn_buf_lit(&page->out, "<a href=\"");
    pn__autoindex_put_sort_query(page, key);
    pn_buf_lit(&page->out, "\">");
    pn_buf_str(&page->out, title);
    pn_buf_lit(&page->out, "</a>");
}

static const pn_str *blank_icon(const struct autoindex_page *page)
{
    pn_str blank = PN_STR("^^BLANKICON^^"), none = PN_STR("");

    return pn__autoindex_find(page->conf->icons, blank, blank, none, none);
}

/* ---- lines in <pre> ---- */

static void lines_head(struct autoindex_page *page)
{
    struct pn_buf *out = &page->out;
    const pn_str  *blank = blank_icon(page);

    pn_buf_lit(out, "<pre>");
    if (!page_is(page, INDEX_NO_ICON)) {
        if (blank) {
            put_image(page, *blank, PN_STR("Icon "));
            pn_buf_ch(out, ' ');
        }
        else
            pn_buf_lit(out, "      ");
    }
    put_sort_link(page, 'N', PN_STR("Name"));
    pn__autoindex_put_pad(out, page->name_width - strlen("Name") + 1);
    if (!page_is(page, INDEX_NO_DATE)) {
        put_sort_link(page, 'M', PN_STR("Last modified"));
        pn_buf_lit(out, "      ");
    }
    if (!page_is(page, INDEX_NO_SIZE)) {
        put_sort_link(page, 'S', PN_STR("Size"));
        pn_buf_lit(out, "  ");
    }
    if (!page_is(page, INDEX_NO_DESCRIPTION))
        put_sort_link(page, 'D', PN_STR("Description"));
    if (page_is(page, INDEX_NO_RULES))
        pn_buf_ch(out, '\n');
    else
        put_rule(page);
}

static void lines_date(struct autoindex_page *page, const struct autoindex_entry *entry)
{
    pn_str date = pn__autoindex_date(page, entry->mtime);

    pn_buf_str(&page->out, date);
    pn__autoindex_put_pad(&page->out, date.n ? 2 : 19);
}

static void lines_row(struct autoindex_page *page, const struct autoindex_entry *entry)
{
    struct pn_buf *out = &page->out;

    if (!page_is(page, INDEX_NO_ICON)) {
        put_icon_link(page, entry, PN_STR("     "));
        pn_buf_ch(out, ' ');
    }
    put_name(page, entry);
    pn_buf_ch(out, ' ');
    if (!page_is(page, INDEX_NO_DATE))
        lines_date(page, entry);
    if (!page_is(page, INDEX_NO_SIZE)) {
        put_size(page, entry);
        pn_buf_lit(out, "  ");
    }
    if (!page_is(page, INDEX_NO_DESCRIPTION) && entry->description)
        put_description(page, *entry->description);
    pn_buf_ch(out, '\n');
}

static void lines_foot(struct autoindex_page *page)
{
    if (!page_is(page, INDEX_NO_RULES))
        put_rule(page);
    pn_buf_lit(&page->out, "</pre>\n");
}

const struct autoindex_writer pn__autoindex_lines = { .open = pn__autoindex_open, .head = lines_head, .row = lines_row,
                                                      .foot = lines_foot, .close = pn__autoindex_close };

/* ---- a table ---- */

static bool has_classes(const struct autoindex_page *page)
{
    return page->conf->style_sheet.n != 0;
}

/* Opens a cell: with a class where there is a style sheet, else with an attribute of old. */
static void open_cell(struct autoindex_page *page, const char *element, const char *column, const char *attribute)
{
    struct pn_buf *out = &page->out;

    pn_buf_ch(out, '<');
    pn_buf_str(out, pn_str_z(element));
    if (has_classes(page)) {
        pn_buf_lit(out, " class=\"indexcol");
        pn_buf_str(out, pn_str_z(column));
        pn_buf_lit(out, "\">");
        return;
    }
    pn_buf_str(out, pn_str_z(attribute));
    pn_buf_ch(out, '>');
}

static void head_cell(struct autoindex_page *page, char key, const char *column, pn_str title)
{
    open_cell(page, "th", column, "");
    put_sort_link(page, key, title);
    pn_buf_lit(&page->out, "</th>");
}

static void table_rule(struct autoindex_page *page)
{
    if (page_is(page, INDEX_NO_RULES))
        return;
    pn_buf_printf(&page->out, "   <tr%s><th colspan=\"%u\">", has_classes(page) ? " class=\"indexbreakrow\"" : "", page->columns);
    put_rule(page);
    pn_buf_lit(&page->out, "</th></tr>\n");
}

static void table_head(struct autoindex_page *page)
{
    struct pn_buf *out = &page->out;
    const pn_str  *blank = blank_icon(page);

    pn_buf_str(out, has_classes(page) ? PN_STR("  <table id=\"indexlist\">\n   <tr class=\"indexhead\">")
                                      : PN_STR("  <table>\n   <tr>"));
    if (!page_is(page, INDEX_NO_ICON)) {
        open_cell(page, "th", "icon", " valign=\"top\"");
        if (blank)
            put_image(page, *blank, PN_STR("[ICO]"));
        else
            pn_buf_lit(out, "&nbsp;");
        pn_buf_lit(out, "</th>");
    }
    head_cell(page, 'N', "name", PN_STR("Name"));
    if (!page_is(page, INDEX_NO_DATE))
        head_cell(page, 'M', "lastmod", PN_STR("Last modified"));
    if (!page_is(page, INDEX_NO_SIZE))
        head_cell(page, 'S', "size", PN_STR("Size"));
    if (!page_is(page, INDEX_NO_DESCRIPTION))
        head_cell(page, 'D', "desc", PN_STR("Description"));
    pn_buf_lit(out, "</tr>\n");
    table_rule(page);
}

static void open_row(struct autoindex_page *page, const struct autoindex_entry *entry)
{
    const char *parity = page->row_number++ % 2 ? "odd" : "even";

    if (!has_classes(page)) {
        pn_buf_lit(&page->out, "<tr>");
        return;
    }
    pn_buf_printf(&page->out, "   <tr class=\"%s", parity);
    if (page_is(page, INDEX_ALT_CLASS) && entry->alt) {
        pn_buf_ch(&page->out, '-');
        put_quoted(&page->out, pn_str_lower(page->scratch, *entry->alt));
    }
    pn_buf_lit(&page->out, "\">");
}

static void table_date(struct autoindex_page *page, const struct autoindex_entry *entry)
{
    pn_str date = pn__autoindex_date(page, entry->mtime);

    open_cell(page, "td", "lastmod", date.n ? " align=\"right\"" : "");
    if (date.n) {
        pn_buf_str(&page->out, date);
        pn_buf_lit(&page->out, "  </td>");
    }
    else
        pn_buf_lit(&page->out, "&nbsp;</td>");
}

static void table_row(struct autoindex_page *page, const struct autoindex_entry *entry)
{
    struct pn_buf *out = &page->out;

    open_row(page, entry);
    if (!page_is(page, INDEX_NO_ICON)) {
        open_cell(page, "td", "icon", " valign=\"top\"");
        put_icon_link(page, entry, PN_STR("&nbsp;"));
        pn_buf_lit(out, "</td>");
    }
    open_cell(page, "td", "name", "");
    put_name(page, entry);
    pn_buf_lit(out, "</td>");
    if (!page_is(page, INDEX_NO_DATE))
        table_date(page, entry);
    if (!page_is(page, INDEX_NO_SIZE)) {
        open_cell(page, "td", "size", " align=\"right\"");
        put_size(page, entry);
        pn_buf_lit(out, "</td>");
    }
    if (!page_is(page, INDEX_NO_DESCRIPTION)) {
        open_cell(page, "td", "desc", "");
        if (entry->description)
            put_description(page, *entry->description);
        else
            pn_buf_lit(out, "&nbsp;");
        pn_buf_lit(out, "</td>");
    }
    pn_buf_lit(out, "</tr>\n");
}

static void table_foot(struct autoindex_page *page)
{
    table_rule(page);
    pn_buf_lit(&page->out, "</table>\n");
}

const struct autoindex_writer pn__autoindex_table = { .open = pn__autoindex_open, .head = table_head, .row = table_row,
                                                      .foot = table_foot, .close = pn__autoindex_close };
