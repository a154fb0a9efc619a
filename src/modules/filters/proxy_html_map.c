/* proxy_html_map.c - the rules of ProxyHTMLURLMap, applied to links and to text. */
#define PN_LOG_MODULE &pn_module_proxy_html
#include <pinion/log.h>

#include "proxy_html.h"

/* ---- the maps of a request ---- */

/* ${name} and ${name|default} become the value of that variable of the environment. */
static pn_str interpolate(struct pn_request *r, pn_str text)
{
    struct pn_buf out;
    pn_str        done;
    size_t        open, close;

    pn_buf_init(&out, r->pool, (size_t)1 << 20);
    while ((open = pn_str_find(text, PN_STR("${"))) != SIZE_MAX && (close = pn_str_chr(text, '}', open)) != SIZE_MAX) {
        pn_str      fallback, name = pn_str_cut(pn_str_n(text.p + open + 2, close - open - 2), '|', &fallback);
        const char *value = pn_env_get(r, pn_str_zdup(r->pool, name));
        pn_buf_str(&out, pn_str_head(text, open));
        pn_buf_str(&out, value ? pn_str_z(value) : fallback);
        text = pn_str_from(text, close + 1);
    }
    pn_buf_str(&out, text);
    return pn_buf_done(&out, &done) == PN_OK ? done : PN_STR("");
}

/* @return does the map apply? */
PN_MAY_YIELD static bool settle(struct pn_request *r, struct url_map *map)
{
    bool        holds = true;
    const char *error;

    if (map->condition && (pn_expr_holds(r, map->condition, &holds) != PN_OK || !holds))
        return false;
    if (map->flags & MAP_INTERPOLATE_TO)
        map->to = interpolate(r, map->to);
    if (!(map->flags & MAP_INTERPOLATE_FROM))
        return true;
    map->from = interpolate(r, map->from);
    if (!(map->flags & MAP_REGEX))
        return map->from.n > 0;
    if (pn_regex_compile(r->pool, map->from, map->regex_flags, &map->regex, &error) == PN_OK)
        return true;
    PN_LOG_R(r, PN_LOG_ERR, 21224, 0, "ProxyHTMLURLMap: the interpolated pattern '%s' is not valid: %s",
             pn_str_escape(r->pool, map->from).p, error);
    return false;
}

const apr_array_header_t *proxy_html_maps(struct pn_request *r, const struct proxy_html_conf *conf)
{
    apr_array_header_t *maps;

    if (!conf->maps || !conf->interpolate)
        return conf->maps;
    maps = apr_array_make(r->pool, conf->maps->nelts, sizeof(struct url_map));
    for (int i = 0; i < conf->maps->nelts; i++) {
        struct url_map map = APR_ARRAY_IDX(conf->maps, i, struct url_map);
        if (settle(r, &map))
            *(struct url_map *)apr_array_push(maps) = map;
    }
    return maps;
}

/* ---- links ---- */

/* @return did the map match? Then *value is what it makes of it. */
static bool map_link(const struct url_map *map, apr_pool_t *scratch, pn_str *value)
{
    struct pn_match match;

    if (!(map->flags & MAP_REGEX)) {
        if (!pn_str_istarts(*value, map->from))
            return false;
        *value = PN_CAT(scratch, map->to, pn_str_from(*value, map->from.n));
        return true;
    }
    if (!map->regex || pn_regex_match(map->regex, *value, &match) != PN_OK)
        return false;
    *value = PN_CAT(scratch, pn_str_head(*value, match.span[0].so), pn_match_expand(scratch, map->to, &match),
                    pn_str_from(*value, match.span[0].eo));
    return true;
}

void proxy_html_link(const apr_array_header_t *maps, pn_str value, apr_pool_t *scratch, struct pn_buf *out)
{
    for (int i = 0; maps && i < maps->nelts; i++) {
        const struct url_map *map = &APR_ARRAY_IDX(maps, i, struct url_map);
        if (!(map->flags & MAP_NOT_LINKS) && map_link(map, scratch, &value) && !(map->flags & MAP_NOT_LAST))
            break;
    }
    pn_buf_str(out, value);
}

/* ---- text ---- */

/* Where a string occurs next at or after `from`, as ^ and $ allow; SIZE_MAX: nowhere. */
static size_t find_string(const struct url_map *map, pn_str text, size_t from)
{
    if (map->from.n == 0)
        return SIZE_MAX;
    if (map->flags & MAP_AT_START) {
        bool whole = !(map->flags & MAP_AT_END) || map->from.n == text.n;
        return from == 0 && whole && pn_str_starts(text, map->from) ? 0 : SIZE_MAX;
    }
    if (map->flags & MAP_AT_END) {
        bool there = text.n - from >= map->from.n && pn_str_ends(text, map->from);
        return there ? text.n - map->from.n : SIZE_MAX;
    }
    size_t at = pn_str_find(pn_str_from(text, from), map->from);
    return at == SIZE_MAX ? SIZE_MAX : from + at;
}

static bool replace_strings(const struct url_map *map, pn_str text, struct pn_buf *out)
{
    size_t from = 0, at;
    bool   found = false;

    while ((at = find_string(map, text, from)) != SIZE_MAX) {
        pn_buf_str(out, pn_str_n(text.p + from, at - from));
        pn_buf_str(out, map->to);
        from = at + map->from.n;
        found = true;
    }
    pn_buf_str(out, pn_str_from(text, from));
    return found;
}

static bool replace_matches(const struct url_map *map, pn_str text, apr_pool_t *scratch, struct pn_buf *out)
{
    struct pn_match match;
    bool            found = false;

    while (map->regex && text.n && pn_regex_match(map->regex, text, &match) == PN_OK) {
        size_t end = match.span[0].eo;
        pn_buf_str(out, pn_str_head(text, match.span[0].so));
        pn_buf_str(out, pn_match_expand(scratch, map->to, &match));
        if (end == match.span[0].so && end < text.n) /* matched nothing: goes on behind the next byte */
            pn_buf_ch(out, text.p[end++]);
        else if (end == match.span[0].so)
            end = text.n;
        text = pn_str_from(text, end);
        found = true;
    }
    pn_buf_str(out, text);
    return found;
}

void proxy_html_text(const apr_array_header_t *maps, pn_str text, unsigned skip, apr_pool_t *scratch, struct pn_buf *out)
{
    for (int i = 0; maps && i < maps->nelts; i++) {
        const struct url_map *map = &APR_ARRAY_IDX(maps, i, struct url_map);
        struct pn_buf         changed;
        if (map->flags & skip)
            continue;
        pn_buf_init(&changed, scratch, out->max);
        bool found = map->flags & MAP_REGEX ? replace_matches(map, text, scratch, &changed) : replace_strings(map, text, &changed);
        if (!found)
            continue;
        if (changed.full) { /* told by who owns out */
            out->full = true;
            return;
        }
        text = pn_buf_view(&changed);
        if (map->flags & MAP_LAST)
            break;
    }
    pn_buf_str(out, text);
}
