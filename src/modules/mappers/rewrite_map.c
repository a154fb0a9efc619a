/* rewrite_map.c - RewriteMap: which type a map is of, the functions of type int, and look-ups.
 * Apache manual: "Using RewriteMap". */
#include "mod_rewrite.h"

static const struct rewrite_map_ops *const types[] = {
    &pn__rewrite_map_txt, &pn__rewrite_map_rnd, &pn__rewrite_map_dbm, &pn__rewrite_map_dbm_typed, &pn__rewrite_map_int,
    &pn__rewrite_map_prg, &pn__rewrite_map_dbd, &pn__rewrite_map_fastdbd,
};

const char *pn__rewrite_map_make(struct pn_conf_cmd *cmd, pn_str name, pn_str source, pn_str options, struct rewrite_map **ret)
{
    struct rewrite_map *map = apr_pcalloc(cmd->pool, sizeof(*map));

    map->name = pn_str_dup(cmd->pool, name);
    map->ops = &pn__rewrite_map_txt; /* a source without a type is a text file */
    for (size_t i = 0; i < PN_COUNT(types); i++)
        if (pn_str_istarts(source, pn_str_z(types[i]->prefix))) {
            map->ops = types[i];
            source = pn_str_from(source, strlen(types[i]->prefix));
            break;
        }
    map->source = pn_str_dup(cmd->pool, source);
    *ret = map;
    return map->ops->make(cmd, map, options);
}

pn_str pn__rewrite_map_look_up(struct rewrite_run *run, pn_str map_name, pn_str key)
{
    struct pn_request         *r = run->r;
    const struct rewrite_conf *server = pn__rewrite_server_conf(r->server);
    struct rewrite_map        *map = NULL;
    pn_str                     value;

    if (server->maps)
        map = apr_hash_get(server->maps, map_name.p, (apr_ssize_t)map_name.n);
    if (!map) {
        REWRITE_TRACE(run, 1, "there is no RewriteMap \"%.*s\" in this server", PN_FMT(map_name));
        return (pn_str){ NULL, 0 };
    }
    value = map->ops->look_up(map, r, key);
    if (value.n)
        REWRITE_TRACE(run, 5, "map %s: \"%.*s\" gives \"%.*s\"", map->name.p, PN_FMT(key), PN_FMT(value));
    else
        REWRITE_TRACE(run, 5, "map %s: no \"%.*s\"", map->name.p, PN_FMT(key));
    return value;
}

/* ---- int: functions of the server ---- */

typedef pn_str int_fn(apr_pool_t *pool, pn_str key);

static pn_str to_upper(apr_pool_t *pool, pn_str key)
{
    char *text = pn_str_zdup(pool, key);

    for (size_t i = 0; i < key.n; i++)
        if (text[i] >= 'a' && text[i] <= 'z')
            text[i] = (char)(text[i] & ~0x20);
    return pn_str_n(text, key.n);
}

/* A bad escape yields nothing, as httpd. */
static pn_str unescape(apr_pool_t *pool, pn_str key)
{
    pn_str text;

    return pn_uri_decode(pool, key, &text) == PN_OK ? pn_str_dup(pool, text) : PN_STR("");
}

static const struct { const char *name; int_fn *fn; } functions[] = {
    { "tolower", pn_str_lower }, { "toupper", to_upper }, { "escape", pn_uri_encode_path }, { "unescape", unescape },
};

static const char *int_make(struct pn_conf_cmd *cmd, struct rewrite_map *map, pn_str options)
{
    (void)options;
    for (size_t i = 0; i < PN_COUNT(functions); i++)
        if (pn_str_eq(map->source, pn_str_z(functions[i].name))) {
            map->data = (void *)&functions[i];
            return NULL;
        }
    return pn_conf_error_text(cmd, "RewriteMap: internal map not found: %s; there are toupper, tolower, escape and unescape",
                              map->source.p);
}

static pn_str int_look_up(struct rewrite_map *map, struct pn_request *r, pn_str key)
{
    int_fn *const *fn = &((const __typeof__(functions[0]) *)map->data)->fn;

    return (*fn)(r->pool, key);
}

const struct rewrite_map_ops pn__rewrite_map_int = { .prefix = "int:", .make = int_make, .look_up = int_look_up };
