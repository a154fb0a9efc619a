/* mod_proxy_html - links in pages changed to what clients can follow: the filter proxy-html.
 * Runs: insert_filter, and as a filter.   Yields: as the body below.   Config: struct proxy_html_conf.
 * Spec: Apache manual, mod_proxy_html. */
#define PN_LOG_MODULE &pn_module_proxy_html
#include <pinion/log.h>

#include <pinion/markup.h>

#include "proxy_html.h"

struct pn_module pn_module_proxy_html;

/* ---- the filter ---- */

static bool is_proxied(const struct pn_request *r)
{
    return pn_str_starts(r->filename, PN_STR("proxy:")) || pn_str_starts(r->handler, PN_STR("proxy:"));
}

static bool is_html(pn_str type)
{
    return pn_str_istarts(type, PN_STR("text/html")) || pn_str_istarts(type, PN_STR("application/xhtml+xml"));
}

/* The manual: pages that come through the proxy, or whatever PROXY_HTML_FORCE is set for. */
static bool applies(const struct pn_request *r, const struct proxy_html_conf *conf)
{
    if (!conf->links || r->head_only)
        return false;
    return pn_env_get(r, "PROXY_HTML_FORCE") || (is_proxied(r) && is_html(r->content_type));
}

/* A body that has been looked at is handed on from where it is: meta fields are read off its first piece. */
struct peeked { struct pn_body super; struct pn_body *below; struct pn_chunk first; pn_rc rc; bool given; };

PN_MAY_YIELD static pn_rc peeked_next(struct pn_body *body, struct pn_chunk *ret_chunk)
{
    struct peeked *self = PN_CONTAINER(body, struct peeked, super);

    if (self->given)
        return self->first.last ? PN_EOF : pn_body_next(self->below, ret_chunk);
    self->given = true;
    if (self->rc == PN_OK)
        *ret_chunk = self->first;
    return self->rc;
}

static void peeked_close(struct pn_body *body)
{
    pn_body_close(PN_CONTAINER(body, struct peeked, super)->below);
}

static const struct pn_body_ops peeked_ops = { .name = "PEEKED", .next = peeked_next, .close = peeked_close };

PN_MAY_YIELD static struct pn_body *read_meta(struct pn_request *r, struct pn_body *below)
{
    struct peeked *self = apr_pcalloc(r->pool, sizeof(*self));

    self->super = (struct pn_body){ .ops = &peeked_ops, .r = r, .length = below->length };
    self->below = pn_body_in_memory(r, below);
    self->first.fd = -1;
    self->rc = pn_body_next(self->below, &self->first);
    if (self->rc == PN_OK)
        proxy_html_meta(r, self->first.bytes);
    return &self->super;
}

static pn_str charset_out(const struct proxy_html_conf *conf, pn_str came_in)
{
    if (conf->charset_out.n == 0)
        return PN_STR("utf-8");
    return pn_str_eq(conf->charset_out, PN_STR("*")) ? came_in : conf->charset_out;
}

static pn_str lower_if_utf8(pn_str charset)
{
    return pn_str_ieq(charset, PN_STR("utf-8")) ? PN_STR("utf-8") : charset;
}

PN_MAY_YIELD static struct pn_body *wrap(struct pn_request *r, struct pn_body *below, void *arg)
{
    const struct proxy_html_conf   *conf = pn_dir_conf(r, &pn_module_proxy_html);
    const struct pn_markup_charset *charset = pn_provider(r->server->generation, PN_MARKUP_GROUP, PN_STR("xml2enc"));
    pn_str                          came_in = PN_STR("utf-8");
    struct pn_body                 *body = below;

    (void)arg;
    if (!applies(r, conf))
        return below;
    pn_headers_unset(&r->out, PN_HDR_CONTENT_LENGTH);
    if (body->length != 0 && conf->meta)
        body = read_meta(r, body);
    if (body->length != 0 && charset)
        body = charset->to_utf8(r, body, &came_in);
    if (body && body->length != 0)
        body = proxy_html_body(r, body, conf, proxy_html_maps(r, conf), charset != NULL);
    pn_str out = lower_if_utf8(charset_out(conf, came_in));
    r->content_type = PN_CAT(r->pool, PN_STR("text/html;charset="), out);
    return body && charset ? charset->from_utf8(r, body, out) : body;
}

static enum pn_verdict insert(struct pn_request *r)
{
    return pn_add_output_filter(r, PN_STR("proxy-html"), NULL) == PN_OK ? PN_NEXT : pn_reject_quietly(r, 500);
}

static bool is_enabled(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct proxy_html_conf *conf = dir_conf;

    (void)server, (void)server_conf;
    return conf && conf->enabled;
}

/* ---- settings: maps ---- */

static const char *parse_flags(struct pn_conf_cmd *cmd, pn_str text, struct url_map *map)
{
    static const struct { char letter; unsigned flag, regex; } flags[] = {
        { 'h', MAP_NOT_LINKS, 0 }, { 'e', MAP_NOT_EVENTS, 0 }, { 'c', MAP_NOT_CONTENT, 0 }, { 'L', MAP_LAST, 0 },
        { 'l', MAP_NOT_LAST, 0 }, { 'R', MAP_REGEX, 0 }, { '^', MAP_AT_START, 0 }, { '$', MAP_AT_END, 0 },
        { 'V', MAP_INTERPOLATE_TO, 0 }, { 'v', MAP_INTERPOLATE_FROM, 0 }, { 'i', 0, PN_REGEX_ICASE },
        { 's', 0, PN_REGEX_MULTILINE }, { 'x', 0, 0 }, { 'n', 0, 0 },
    };

    for (size_t i = 0; i < text.n; i++) {
        size_t f = 0;
        while (f < PN_COUNT(flags) && flags[f].letter != text.p[i])
            f++;
        if (f == PN_COUNT(flags))
            return pn_conf_error_text(cmd, "ProxyHTMLURLMap: there is no flag '%c'", text.p[i]);
        map->flags |= flags[f].flag;
        map->regex_flags |= flags[f].regex;
    }
    return NULL;
}

/* The conditions of old: NAME, !NAME, NAME=value, !NAME=value, about variables. Others are expressions already. */
static pn_str as_expression(apr_pool_t *pool, pn_str text)
{
    bool   no = text.n && text.p[0] == '!';
    pn_str value, name = pn_str_cut(pn_str_from(text, no), '=', &value);

    for (size_t i = 0; i < name.n; i++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_", name.p[i]))
            return text;
    if (name.n == 0 || (value.p && (pn_str_chr(value, '\'', 0) != SIZE_MAX || pn_str_chr(value, '=', 0) == 0)))
        return text;
    if (value.p)
        return pn_str_printf(pool, "%sreqenv('%.*s') == '%.*s'", no ? "! " : "", PN_FMT(name), PN_FMT(value));
    return pn_str_printf(pool, "%s reqenv('%.*s')", no ? "-z" : "-n", PN_FMT(name));
}

static const char *set_condition(struct pn_conf_cmd *cmd, struct url_map *map, pn_str text)
{
    struct pn_expr_error wrong = { 0 };

    if (pn_expr_compile(cmd->pool, as_expression(cmd->pool, text), PN_EXPR_CONDITION, 0, &map->condition, &wrong) != PN_OK)
        return pn_conf_error_text(cmd, "Can't parse condition of ProxyHTMLURLMap: %s", wrong.text);
    return NULL;
}

static const char *add_map(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct proxy_html_conf *html = conf;
    struct url_map          map = { 0 };
    pn_str                  rest = argv[0], flags, condition;
    const char             *error;

    (void)argc;
    map.from = pn_conf_word(cmd->pool, &rest);
    map.to = pn_conf_word(cmd->pool, &rest);
    flags = pn_conf_word(cmd->pool, &rest);
    condition = pn_str_trim(rest);
    if (map.from.n == 0 || !map.to.p)
        return "ProxyHTMLURLMap takes a pattern and what takes its place, then perhaps flags and a condition";
    if (flags.p && (error = parse_flags(cmd, flags, &map)))
        return error;
    if (condition.n && condition.p[0] == '"')
        condition = pn_conf_word(cmd->pool, &rest);
    if (condition.n && (error = set_condition(cmd, &map, condition)))
        return error;
    if ((map.flags & MAP_REGEX) && !(map.flags & MAP_INTERPOLATE_FROM) &&
        pn_regex_compile(cmd->pool, map.from, map.regex_flags, &map.regex, &error) != PN_OK)
        return pn_conf_error_text(cmd, "ProxyHTMLURLMap: the pattern is not valid: %s", error);
    if (!html->maps)
        html->maps = apr_array_make(cmd->pool, 4, sizeof(map));
    *(struct url_map *)apr_array_push(html->maps) = map;
    return NULL;
}

/* ---- settings: the rest ---- */

static const char *add_link(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct proxy_html_conf *html = conf;
    pn_str                  element = pn_str_lower(cmd->pool, argv[0]);
    apr_array_header_t     *attributes;

    if (argc < 2)
        return "ProxyHTMLLinks takes an element and those of its attributes that are links";
    if (!html->links)
        html->links = apr_hash_make(cmd->pool);
    attributes = apr_hash_get(html->links, element.p, (apr_ssize_t)element.n);
    if (!attributes) {
        attributes = apr_array_make(cmd->pool, 2, sizeof(pn_str));
        apr_hash_set(html->links, element.p, (apr_ssize_t)element.n, attributes);
    }
    for (unsigned i = 1; i < argc; i++)
        *(pn_str *)apr_array_push(attributes) = argv[i];
    return NULL;
}

static const char *add_events(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct proxy_html_conf *html = conf;

    if (!html->events)
        html->events = apr_hash_make(cmd->pool);
    for (unsigned i = 0; i < argc; i++) {
        pn_str name = pn_str_lower(cmd->pool, argv[i]);
        apr_hash_set(html->events, name.p, (apr_ssize_t)name.n, name.p);
    }
    return NULL;
}

static const char *set_doctype(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    static const struct { const char *name; bool xml; const char *strict, *legacy; } known[] = {
        { "HTML", false, "<!DOCTYPE html PUBLIC \"-//W3C//DTD HTML 4.01//EN\">\n",
          "<!DOCTYPE html PUBLIC \"-//W3C//DTD HTML 4.01 Transitional//EN\">\n" },
        { "XHTML", true,
          "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" \"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd\">\n",
          "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\" "
          "\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">\n" },
    };
    struct proxy_html_conf *html = conf;
    bool                    legacy = argc > 1 && pn_str_ieq(argv[1], PN_STR("Legacy"));

    html->doctype_set = true;
    html->rules = DOC_ANY;
    html->xml_syntax = argc > 1 && pn_str_ieq(argv[1], PN_STR("XML"));
    html->doctype = pn_str_ieq(argv[0], PN_STR("html5")) ? PN_STR("<!DOCTYPE html>\n") : argv[0];
    for (size_t i = 0; i < PN_COUNT(known); i++) {
        if (!pn_str_ieq(argv[0], pn_str_z(known[i].name)))
            continue;
        html->doctype = pn_str_z(legacy ? known[i].legacy : known[i].strict);
        html->xml_syntax = known[i].xml;
        html->rules = legacy ? DOC_LEGACY : DOC_STRICT;
        return NULL;
    }
    if (argc > 1 && !html->xml_syntax && !pn_str_ieq(argv[1], PN_STR("SGML")))
        return pn_conf_error_text(cmd, "ProxyHTMLDocType: Legacy, SGML or XML can follow, not %s", argv[1].p);
    return NULL;
}

static const char *set_fixups(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct proxy_html_conf *html = conf;

    html->fixups_set = true;
    for (unsigned i = 0; i < argc; i++) {
        if (pn_str_ieq(argv[i], PN_STR("lowercase")))
            html->fixups |= FIX_LOWERCASE;
        else if (pn_str_ieq(argv[i], PN_STR("dospath")))
            html->fixups |= FIX_DOSPATH;
        else if (pn_str_ieq(argv[i], PN_STR("reset")))
            html->fixups_reset = true;
        else if (!pn_str_ieq(argv[i], PN_STR("none")))
            return pn_conf_error_text(cmd, "ProxyHTMLFixups takes lowercase, dospath and reset, not %s", argv[i].p);
    }
    return NULL;
}

static void dir_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct proxy_html_conf *outer = base, *inner = add;
    struct proxy_html_conf       *merged = out;

    if (inner->maps)
        merged->maps = outer->maps ? apr_array_append(pool, inner->maps, outer->maps) : inner->maps;
    if (inner->links)
        merged->links = inner->links;
    if (inner->events)
        merged->events = inner->events;
    if (inner->doctype_set) {
        merged->doctype = inner->doctype;
        merged->xml_syntax = inner->xml_syntax;
        merged->rules = inner->rules;
        merged->doctype_set = true;
    }
    if (inner->fixups_set) {
        merged->fixups = inner->fixups_reset ? inner->fixups : outer->fixups | inner->fixups;
        merged->fixups_reset = outer->fixups_reset || inner->fixups_reset;
        merged->fixups_set = true;
    }
}

static pn_rc post_config(struct pn_generation *generation, apr_pool_t *pool, bool check_only)
{
    (void)pool;
    if (!pn_provider(generation, PN_MARKUP_GROUP, PN_STR("xml2enc")) && !check_only)
        PN_LOG_S(generation->servers, PN_LOG_NOTICE, 1425, 0, "pages in other character sets than ASCII and those that they name by "
                 "themselves need mod_xml2enc, which is not loaded");
    return PN_OK;
}

#define PLACES (PN_CTX_SERVER | PN_CTX_SECTIONS)
#define HTML(member) PN_SLOT(struct proxy_html_conf, member)

static const struct pn_directive directives[] = {
    { .name = "ProxyHTMLEnable", .args = PN_FLAG, .where = PLACES, .slot = HTML(enabled), .dflt = "Off",
      .help = "Change the links of pages that come through the proxy" },
    { .name = "ProxyHTMLURLMap", .args = PN_RAW, .where = PLACES, .set = add_map,
      .help = "What a link begins with and what it is to begin with: from to [flags] [condition]" },
    { .name = "ProxyHTMLLinks", .args = PN_LIST, .where = PLACES, .set = add_link,
      .help = "An element and those of its attributes that are links" },
    { .name = "ProxyHTMLEvents", .args = PN_LIST, .where = PLACES, .set = add_events, .help = "Attributes that are scripts" },
    { .name = "ProxyHTMLExtended", .args = PN_FLAG, .where = PLACES, .slot = HTML(extended), .dflt = "Off",
      .help = "Look into scripts, style sheets and events too" },
    { .name = "ProxyHTMLDocType", .args = PN_TAKE12, .where = PLACES, .set = set_doctype,
      .help = "What pages are declared as: HTML, XHTML (with Legacy: transitional), html5, or a declaration with SGML or XML" },
    { .name = "ProxyHTMLFixups", .args = PN_LIST, .where = PLACES, .set = set_fixups, .dflt = "none",
      .help = "Errors in attributes to mend: lowercase, dospath; reset forgets those of the outer place" },
    { .name = "ProxyHTMLStripComments", .args = PN_FLAG, .where = PLACES, .slot = HTML(strip_comments), .dflt = "Off",
      .help = "Leave comments out" },
    { .name = "ProxyHTMLMeta", .args = PN_FLAG, .where = PLACES, .slot = HTML(meta), .dflt = "Off",
      .help = "Make fields of the answer of <meta http-equiv>" },
    { .name = "ProxyHTMLInterp", .args = PN_FLAG, .where = PLACES, .slot = HTML(interpolate), .dflt = "Off",
      .help = "Look at variables and conditions of maps for each request" },
    { .name = "ProxyHTMLCharsetOut", .args = PN_TAKE1, .where = PLACES, .slot = HTML(charset_out), .dflt = "",
      .help = "The character set that pages are sent in; *: as they came; needs mod_xml2enc" },
    { .name = "ProxyHTMLBufSize", .args = PN_TAKE1, .where = PLACES, .slot = HTML(buffer_bytes), .dflt = "8192", .min = 1,
      .max = 16 << 20, .unit = "bytes", .help = "Room for a script or style sheet, at first" },
    { 0 }
};

static void hooks(struct pn_hooks *h)
{
    static const struct pn_filter filter = { .name = "PROXY-HTML", .type = PN_FILTER_RESOURCE, .wrap = wrap };

    pn_output_filter(h, &filter);
    pn_hook_insert_filter(h, insert, { .when = is_enabled });
    pn_hook_post_config(h, post_config, (struct pn_order){ 0 });
}

struct pn_module pn_module_proxy_html = {
    .api = PN_MODULE_API,
    .name = "mod_proxy_html.c",
    .apache_id = "proxy_html_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct proxy_html_conf),
    .dir_conf_merge = dir_merge,
    .hooks = hooks,
};
