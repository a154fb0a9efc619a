/* rewrite_url.c - names as URLs: absolute ones, our own host taken off or put before, the query split off, Location. */
#include "mod_rewrite.h"

/* Schemes that make a substitution an absolute URL, and whether a query is split off (RFC 1738, RFC 2368). */
static const struct { pn_str start; bool has_query; } schemes[] = {
    { PN_STR_INIT("ajp://"), true },    { PN_STR_INIT("balancer://"), true }, { PN_STR_INIT("fcgi://"), true },
    { PN_STR_INIT("ftp://"), false },   { PN_STR_INIT("gopher://"), false },  { PN_STR_INIT("h2://"), true },
    { PN_STR_INIT("h2c://"), true },    { PN_STR_INIT("http://"), true },     { PN_STR_INIT("https://"), true },
    { PN_STR_INIT("ldap://"), false },  { PN_STR_INIT("mailto:"), true },     { PN_STR_INIT("news:"), false },
    { PN_STR_INIT("nntp://"), false },  { PN_STR_INIT("scgi://"), true },     { PN_STR_INIT("unix:"), true },
    { PN_STR_INIT("uwsgi://"), true },  { PN_STR_INIT("ws://"), true },       { PN_STR_INIT("wss://"), true },
};

size_t pn__rewrite_scheme(pn_str url, bool *ret_has_query)
{
    if (url.n == 0 || url.p[0] == '/')
        return 0;
    for (size_t i = 0; i < PN_COUNT(schemes); i++)
        if (pn_str_istarts(url, schemes[i].start)) {
            if (ret_has_query)
                *ret_has_query = schemes[i].has_query;
            return schemes[i].start.n;
        }
    return 0;
}

/* ---- the query ---- */

/* Does the request line hold an encoded question mark in its path? */
static bool asked_with_3f(const struct pn_request *r)
{
    while (r->main || r->prev)
        r = r->main ? r->main : r->prev;
    return pn_str_ifind(r->raw_path, PN_STR("%3f")) != SIZE_MAX;
}

static bool has_controls(pn_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 127)
            return true;
    return false;
}

/* The new query, with the old one behind it when [QSA] says so; an & at the end that joins nothing goes. */
static pn_str join_query(apr_pool_t *pool, pn_str added, pn_str before, bool append)
{
    if (append && added.n)
        added = PN_CAT(pool, added, PN_STR("&"), before);
    else if (append)
        added = before;
    if (added.n && added.p[added.n - 1] == '&')
        added.n--;
    return added;
}

int pn__rewrite_split_query(struct rewrite_run *run, const struct rewrite_rule *rule)
{
    struct pn_request *r = run->r;
    pn_str             before = run->query, added;
    bool               has_query = true;

    if (rule->flags & RULE_QUERY_DISCARD)
        run->query = (pn_str){ NULL, 0 };
    if (pn__rewrite_scheme(run->name, &has_query) && !has_query) {
        run->query = (pn_str){ NULL, 0 };
        return 0;
    }
    size_t at = rule->flags & RULE_QUERY_LAST ? pn_str_rchr(run->name, '?') : pn_str_chr(run->name, '?', 0);
    if (at == SIZE_MAX)
        return 0;
    if (!(rule->flags & RULE_UNSAFE_3F) && (at == run->mark_first || at == run->mark_last) && asked_with_3f(r)) {
        PN_LOG_R(r, PN_LOG_ERR, 10508, 0, "a URL with %%3F was refused: RewriteRule '%.*s' would make it a query (UnsafeAllow3F "
                 "allows that)", PN_FMT(rule->pattern));
        return 403;
    }
    added = join_query(r->pool, pn_str_from(run->name, at + 1), before,
                       rule->flags & RULE_QUERY_APPEND && !(rule->flags & RULE_QUERY_DISCARD));
    run->name = pn_str_dup(r->pool, pn_str_head(run->name, at));
    run->query = added.n ? pn_str_dup(r->pool, added) : (pn_str){ NULL, 0 };
    REWRITE_TRACE(run, 3, "path %s, query \"%.*s\"", run->name.p, PN_FMT(run->query));
    if (!(rule->flags & RULE_REDIRECT) && !pn__rewrite_scheme(run->name, NULL) && has_controls(run->query)) {
        PN_LOG_R(r, PN_LOG_ERR, 10410, 0, "the query that RewriteRule '%.*s' made holds control characters or blanks (see its flags "
                 "B and BCTLS)", PN_FMT(rule->pattern));
        return 403;
    }
    return 0;
}

/* ---- our own host ---- */

static bool is_name_of(const struct pn_server *server, pn_str host)
{
    if (pn_str_ieq(host, server->name))
        return true;
    for (int i = 0; server->aliases && i < server->aliases->nelts; i++)
        if (pn_str_ieq(host, APR_ARRAY_IDX(server->aliases, i, pn_str)))
            return true;
    return false;
}

/* COMPAT: 2.4 compares the port with the one that ServerName gives, and reduces nothing when that gives none. */
void pn__rewrite_reduce(struct rewrite_run *run)
{
    pn_str   scheme = pn_self_scheme(run->r), host, rest;
    size_t   start = pn__rewrite_scheme(run->name, NULL);
    uint16_t port;

    if (start != scheme.n + 3 || !pn_str_istarts(run->name, scheme))
        return;
    rest = pn_str_from(run->name, start);
    size_t slash = pn_str_chr(rest, '/', 0);
    pn_str authority = pn_str_head(rest, slash == SIZE_MAX ? rest.n : slash);
    if (pn_authority_split(authority, &host, &port) != PN_OK)
        return;
    if (port == 0)
        port = pn_str_ieq(scheme, PN_STR("https")) ? 443 : 80;
    if (port != run->r->server->port || !is_name_of(run->r->server, host))
        return;
    run->name = slash == SIZE_MAX ? PN_STR("/") : pn_str_from(rest, slash);
    run->reduced = true;
    REWRITE_TRACE(run, 3, "our own host taken off: %s", run->name.p);
}

void pn__rewrite_qualify(struct rewrite_run *run)
{
    pn_str slash = run->name.n && run->name.p[0] == '/' ? PN_STR("") : PN_STR("/");

    if (!pn__rewrite_scheme(run->name, NULL))
        run->name = pn_str_dup(run->r->pool, pn_self_url(run->r, PN_CAT(run->r->pool, slash, run->name)));
}

/* ---- Location ---- */

/* The part behind scheme and host is a path that was decoded. */
static pn_str escape_url(apr_pool_t *pool, pn_str url)
{
    size_t start = pn__rewrite_scheme(url, NULL);
    size_t slash = pn_str_chr(url, '/', start);
    bool   opaque = start && url.p[start - 1] == ':'; /* mailto:, news: */

    if (opaque)
        slash = start;
    if (slash == SIZE_MAX)
        return url;
    bool has_query = true;
    pn__rewrite_scheme(url, &has_query);
    if (has_query)
        return PN_CAT(pool, pn_str_head(url, slash), pn_uri_encode_path(pool, pn_str_from(url, slash)));
    /* schemes without a query of our making: ? stands for itself */
    struct pn_buf out;
    pn_str        rest = pn_str_from(url, slash), bytes = PN_STR("");
    pn_buf_init(&out, pool, SIZE_MAX / 2);
    pn_buf_str(&out, pn_str_head(url, slash));
    while (rest.p) {
        pn_buf_str(&out, pn_uri_encode_path(pool, pn_str_cut(rest, '?', &rest)));
        if (rest.p)
            pn_buf_ch(&out, '?');
    }
    pn_assert(pn_buf_done(&out, &bytes) == PN_OK);
    return bytes;
}

/* A query that came with the request is sent as it came. */
pn_str pn__rewrite_location(struct rewrite_run *run)
{
    apr_pool_t *pool = run->r->pool;
    pn_str      url = run->no_escape ? run->name : escape_url(pool, run->name);
    bool        as_it_came = run->no_escape || pn_str_eq(run->query, run->query_before);

    if (run->query.p)
        url = PN_CAT(pool, url, PN_STR("?"), as_it_came ? run->query : pn_uri_encode_path(pool, run->query));
    if (pn_header_value_ok(url))
        return url;
    return (pn_str){ NULL, 0 };
}

pn_str pn__rewrite_prefix(apr_pool_t *pool, pn_str path, pn_str from, pn_str to)
{
    pn_str slash = to.n && to.p[to.n - 1] == '/' ? PN_STR("") : PN_STR("/");

    return pn_str_starts(path, from) ? PN_CAT(pool, to, slash, pn_str_from(path, from.n)) : path;
}
