/* mod_imagemap - pictures that are links: a map file says where a click leads, or shows its links as a menu (handler imap-file).
 * Runs: handler.   Yields: reading the map.   Config: struct imagemap_conf.   Spec: Apache manual, mod_imagemap. */
#define PN_LOG_MODULE &pn_module_imagemap
#include "imagemap.h"

#include <pinion/log.h>
#include <pinion/request.h>
#include <pinion/uri.h>

enum menu { MENU_NONE, MENU_FORMATTED, MENU_SEMIFORMATTED, MENU_UNFORMATTED };
static const char *const menus[] = { "none", "formatted", "semiformatted", "unformatted", NULL };

struct imagemap_conf {
    pn_str base, preset; /* ImapBase, ImapDefault */
    int    menu;
};

struct pn_module pn_module_imagemap;

static const struct pn_directive directives[] = {
    { .name = "ImapBase", .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_INDEXES, .slot = PN_SLOT(struct imagemap_conf, base),
      .dflt = "map", .help = "What the URLs of map files are relative to: map, referer or a URL" },
    { .name = "ImapDefault", .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_INDEXES,
      .slot = PN_SLOT(struct imagemap_conf, preset), .dflt = "nocontent",
      .help = "Where a click leads that no shape holds: error, nocontent, map, referer or a URL" },
    { .name = "ImapMenu", .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_INDEXES,
      .slot = PN_SLOT_AS(PN_SLOT_ENUM, struct imagemap_conf, menu), .choices = menus, .dflt = "formatted",
      .help = "What a request without coordinates gets: none, formatted, semiformatted or unformatted" },
    { 0 }
};

#define MAP_MAX ((size_t)1 << 20)   /* bytes of a map file */
#define MENU_MAX ((size_t)16 << 20) /* bytes of its page */

struct answering {
    struct pn_request    *r;
    enum menu             menu;
    bool                  shows_menu;
    struct imagemap_point at;      /* of the click */
    bool                  has_point;
    pn_str                base, preset, closest;
    double                distance; /* to `closest`, squared */
    struct pn_buf         page;
    struct imagemap_line  line;
};

/* ---- where a line leads ---- */

static bool has_scheme(pn_str url)
{
    size_t i = 0;

    while (i < url.n && ((url.p[i] >= 'a' && url.p[i] <= 'z') || (url.p[i] >= 'A' && url.p[i] <= 'Z')))
        i++;
    return i < url.n && url.p[i] == ':';
}

/* @param base empty: nothing to be relative to. @return PN_OK with a URL or one of the words nocontent and error. */
static pn_rc lead(struct pn_request *r, pn_str base, pn_str value, pn_str *ret)
{
    if (pn_str_ieq(value, PN_STR("map")) || pn_str_ieq(value, PN_STR("menu"))) {
        *ret = pn_self_url(r, r->path);
        return PN_OK;
    }
    if (pn_str_ieq(value, PN_STR("nocontent")) || pn_str_ieq(value, PN_STR("error"))) {
        *ret = value;
        return PN_OK;
    }
    if (pn_str_ieq(value, PN_STR("referer"))) {
        pn_str from = pn_headers_get(&r->in, PN_HDR_REFERER);
        if (from.n) {
            *ret = from;
            return PN_OK;
        }
        value = PN_STR("");
    }
    if (has_scheme(value) || (base.n == 0 && value.n)) {
        *ret = value;
        return PN_OK;
    }
    if (base.n == 0) {
        *ret = pn_self_url(r, PN_STR("/"));
        return PN_OK;
    }
    pn_rc rc = pn__imagemap_resolve(r->pool, base, value, ret);
    if (rc == PN_BAD)
        PN_LOG_R(r, PN_LOG_ERR, 677, 0, "invalid base directive in map file: %s", r->path.p);
    else if (rc == PN_DENIED)
        PN_LOG_R(r, PN_LOG_ERR, 678, 0, "invalid directory name in map file: %s", r->path.p);
    return rc;
}

static enum pn_verdict go_to(struct answering *a, pn_str value)
{
    pn_str url;

    if (lead(a->r, a->base, value, &url) != PN_OK || url.n == 0 || pn_str_ieq(url, PN_STR("error")))
        return pn_reject_quietly(a->r, 500);
    if (pn_str_ieq(url, PN_STR("nocontent")))
        return pn_reject_quietly(a->r, 204);
    if (!pn_header_value_ok(url))
        return pn_reject_quietly(a->r, 500);
    pn_headers_set(&a->r->out, PN_HDR_LOCATION, pn_str_dup(a->r->pool, url));
    return pn_reject_quietly(a->r, 302);
}

/* ---- the menu ---- */

static void open_menu(struct answering *a)
{
    pn_str path = pn_html_escape(a->r->pool, a->r->path);

    pn_buf_init(&a->page, a->r->pool, MENU_MAX);
    pn_buf_printf(&a->page, "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\" \"http://www.w3.org/TR/html4/strict.dtd\">\n"
                            "<html><head>\n<title>Menu for %s</title>\n</head><body>\n", path.p);
    if (a->menu == MENU_FORMATTED)
        pn_buf_printf(&a->page, "<h1>Menu for %s</h1>\n<hr />\n\n", path.p);
}

static enum pn_verdict close_menu(struct answering *a)
{
    pn_str page;

    pn_buf_lit(&a->page, "\n\n</body>\n</html>\n");
    if (pn_buf_done(&a->page, &page) != PN_OK)
        return pn_reject_quietly(a->r, 500);
    a->r->content_type = PN_STR("text/html; charset=ISO-8859-1");
    a->r->body = pn_body_bytes(a->r, page);
    return PN_HANDLED;
}

static void show_remark(struct answering *a, pn_str line)
{
    if (a->menu == MENU_FORMATTED)
        pn_buf_ch(&a->page, '\n');
    else if (line.n) {
        pn_buf_str(&a->page, pn_str_from(line, 1)); /* HTML of the map's author */
        pn_buf_ch(&a->page, '\n');
    }
    else if (a->menu == MENU_SEMIFORMATTED)
        pn_buf_lit(&a->page, "<br />\n");
    else
        pn_buf_ch(&a->page, '\n');
}

static void show_link(struct answering *a, pn_str url, pn_str text, bool is_preset)
{
    apr_pool_t *pool = a->r->pool;

    if (pn_str_ieq(url, PN_STR("error")) || pn_str_ieq(url, PN_STR("nocontent")))
        return;
    const char *href = pn_html_escape(pool, pn_uri_encode_path(pool, url)).p;
    text = pn_html_escape(pool, text);
    if (a->menu == MENU_UNFORMATTED)
        pn_buf_printf(&a->page, "<a href=\"%s\">%.*s</a>", href, PN_FMT(text));
    else
        pn_buf_printf(&a->page, "<pre>%s <a href=\"%s\">%.*s</a></pre>\n", is_preset ? "(Default)" : "         ", href, PN_FMT(text));
}

/* ---- a line ---- */

static bool holds(const struct imagemap_line *line, struct imagemap_point at)
{
    if (pn_str_ieq(line->word, PN_STR("poly")))
        return pn__imagemap_in_polygon(line, at);
    if (pn_str_ieq(line->word, PN_STR("circle")))
        return pn__imagemap_in_circle(line, at);
    return pn_str_ieq(line->word, PN_STR("rect")) && pn__imagemap_in_rectangle(line, at);
}

/* A line of the menu. @return PN_NEXT, or how the request ends. */
static enum pn_verdict show_line(struct answering *a, bool is_preset)
{
    const struct imagemap_line *line = &a->line;
    pn_str                      url;

    if (lead(a->r, a->base, line->value, &url) != PN_OK)
        return pn_reject_quietly(a->r, 500);
    show_link(a, url, line->text.p ? line->text : line->value, is_preset);
    return PN_NEXT;
}

static enum pn_verdict obey(struct answering *a)
{
    const struct imagemap_line *line = &a->line;

    if (pn_str_istarts(line->word, PN_STR("base")))
        return lead(a->r, PN_STR(""), line->value, &a->base) == PN_OK ? PN_NEXT : pn_reject_quietly(a->r, 500);
    if (pn_str_ieq(line->word, PN_STR("default"))) {
        if (lead(a->r, PN_STR(""), line->value, &a->preset) != PN_OK)
            return pn_reject_quietly(a->r, 500);
        return a->shows_menu ? show_line(a, true) : PN_NEXT;
    }
    if (a->shows_menu)
        return show_line(a, false);
    if (!a->has_point || line->n == 0)
        return PN_NEXT;
    if (holds(line, a->at))
        return go_to(a, line->value);
    if (pn_str_ieq(line->word, PN_STR("point"))) {
        double distance = pn__imagemap_distance(line, a->at);
        if (a->distance < 0 || distance < a->distance) {
            a->distance = distance;
            a->closest = line->value;
        }
    }
    return PN_NEXT;
}

/* All lines of the map. @return PN_NEXT: no shape holds the click. */
static enum pn_verdict read_lines(struct answering *a, pn_str map)
{
    enum pn_verdict verdict = PN_NEXT;

    for (unsigned number = 1; map.p && map.n && verdict == PN_NEXT; number++) {
        pn_str line = pn_str_trim(pn_str_cut(map, '\n', &map));
        if (line.n == 0 || line.p[0] == '#') {
            if (a->shows_menu)
                show_remark(a, line);
        }
        else if (pn__imagemap_line(line, &a->line) != PN_OK)
            return pn_reject(a->r, 500, PN_LOG_MODULE, 679, "map file %s, line %u syntax error: requires at least two fields",
                             a->r->path.p, number);
        else
            verdict = obey(a);
    }
    return verdict;
}

/* ---- the handler ---- */

static bool is_for_us(const struct pn_request *r)
{
    return r->handler.n ? pn_str_eq(r->handler, PN_STR("imap-file"))
                        : pn_str_eq(r->content_type, PN_STR("application/x-httpd-imap"));
}

/* Browsers without pictures send 0,0: it is no point. */
static void set_point(struct answering *a)
{
    a->has_point = pn__imagemap_query(a->r->query, &a->at) == PN_OK && (a->at.x != 0 || a->at.y != 0);
    a->shows_menu = !a->has_point && a->menu != MENU_NONE;
}

static enum pn_verdict answer(struct answering *a, pn_str map)
{
    const struct imagemap_conf *conf = pn_dir_conf(a->r, &pn_module_imagemap);

    if (lead(a->r, PN_STR(""), conf->base, &a->base) != PN_OK || lead(a->r, PN_STR(""), conf->preset, &a->preset) != PN_OK)
        return pn_reject_quietly(a->r, 500);
    if (a->shows_menu)
        open_menu(a);
    enum pn_verdict verdict = read_lines(a, map);
    if (verdict != PN_NEXT)
        return verdict;
    if (a->shows_menu)
        return close_menu(a);
    return go_to(a, a->closest.p ? a->closest : a->preset);
}

static enum pn_verdict imagemap_handler(struct pn_request *r)
{
    const struct imagemap_conf *conf = pn_dir_conf(r, &pn_module_imagemap);
    pn_str                      map;
    int                         fd;

    if (PN_LIKELY(!is_for_us(r)) || (r->method_id != PN_METHOD_GET && r->method_id != PN_METHOD_HEAD))
        return PN_NEXT;
    if (r->finfo.type != PN_FILE_REGULAR || pn_open_filename(r, &fd) != PN_OK)
        return pn_reject_quietly(r, 404);
    if (pn_body_read_all(pn_body_in_memory(r, pn_body_file(r, fd, 0, r->finfo.size)), r->pool, MAP_MAX, &map) != PN_OK)
        return pn_reject_quietly(r, 500);
    struct answering *a = apr_pcalloc(r->pool, sizeof(*a));
    a->r = r;
    a->menu = (enum menu)conf->menu;
    a->distance = -1;
    set_point(a);
    return answer(a, map);
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_handler(h, imagemap_handler, { 0 });
}

struct pn_module pn_module_imagemap = {
    .api = PN_MODULE_API,
    .name = "mod_imagemap.c",
    .apache_id = "imagemap_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct imagemap_conf),
    .hooks = hooks,
};
