/* rewrite_var.c - variables of test strings and substitutions: %{REQUEST_URI}, %{ENV:x}, %{HTTP:x}, %{LA-U:x}, ...
 *
 * Names are resolved when the rule is read. What rules have changed so far is in the run, not in the request; all else is
 * what the expression language answers. Apache manual: mod_rewrite, "Server and CGI Variables". */
#include <stdlib.h>

#include "mod_rewrite.h"

/* The names that httpd's rewriting knows, of those of the expression language. */
static const enum pn_expr_var known[] = {
    PN_EXPR_VAR_HTTP_ACCEPT, PN_EXPR_VAR_HTTP_COOKIE, PN_EXPR_VAR_HTTP_FORWARDED, PN_EXPR_VAR_HTTP_HOST,
    PN_EXPR_VAR_HTTP_PROXY_CONNECTION, PN_EXPR_VAR_HTTP_REFERER, PN_EXPR_VAR_HTTP_USER_AGENT,
    PN_EXPR_VAR_REQUEST_METHOD, PN_EXPR_VAR_REQUEST_SCHEME, PN_EXPR_VAR_REQUEST_URI, PN_EXPR_VAR_REQUEST_FILENAME,
    PN_EXPR_VAR_SCRIPT_FILENAME, PN_EXPR_VAR_SCRIPT_USER, PN_EXPR_VAR_SCRIPT_GROUP, PN_EXPR_VAR_PATH_INFO,
    PN_EXPR_VAR_QUERY_STRING, PN_EXPR_VAR_IS_SUBREQ, PN_EXPR_VAR_THE_REQUEST, PN_EXPR_VAR_REMOTE_ADDR,
    PN_EXPR_VAR_REMOTE_PORT, PN_EXPR_VAR_REMOTE_HOST, PN_EXPR_VAR_REMOTE_USER, PN_EXPR_VAR_REMOTE_IDENT,
    PN_EXPR_VAR_SERVER_NAME, PN_EXPR_VAR_SERVER_PORT, PN_EXPR_VAR_SERVER_ADMIN, PN_EXPR_VAR_SERVER_PROTOCOL,
    PN_EXPR_VAR_SERVER_SOFTWARE, PN_EXPR_VAR_DOCUMENT_ROOT, PN_EXPR_VAR_AUTH_TYPE, PN_EXPR_VAR_HTTPS, PN_EXPR_VAR_IPV6,
    PN_EXPR_VAR_CONN_REMOTE_ADDR, PN_EXPR_VAR_CONTEXT_PREFIX, PN_EXPR_VAR_CONTEXT_DOCUMENT_ROOT, PN_EXPR_VAR_API_VERSION,
    PN_EXPR_VAR_TIME_YEAR, PN_EXPR_VAR_TIME_MON, PN_EXPR_VAR_TIME_DAY, PN_EXPR_VAR_TIME_HOUR, PN_EXPR_VAR_TIME_MIN,
    PN_EXPR_VAR_TIME_SEC, PN_EXPR_VAR_TIME_WDAY, PN_EXPR_VAR_TIME,
};

static pn_str vary_of(enum pn_expr_var id)
{
    static const char *const headers[] = {
#define X(id, name, uses, header) header,
#include "../../../data/expr-vars.def"
#undef X
    };

    return pn_str_z(headers[id]);
}

static struct rewrite_var parse_server_var(pn_str name)
{
    for (size_t i = 0; i < PN_COUNT(known); i++)
        if (pn_str_eq(name, pn_expr_var_name(known[i])))
            return (struct rewrite_var){ .kind = VAR_SERVER, .id = known[i], .vary = vary_of(known[i]) };
    if (pn_str_eq(name, PN_STR("SERVER_ADDR")))
        return (struct rewrite_var){ .kind = VAR_SERVER_ADDR };
    return (struct rewrite_var){ .kind = VAR_UNKNOWN };
}

static struct rewrite_var ahead_var(apr_pool_t *pool, enum rewrite_var_kind kind, pn_str name)
{
    struct rewrite_var  inner = pn__rewrite_var_parse(pool, name);
    struct rewrite_var  outer = { .kind = kind };

    if (inner.kind == VAR_AHEAD_URL || inner.kind == VAR_AHEAD_FILE)
        return (struct rewrite_var){ .kind = VAR_UNKNOWN };
    outer.ahead = apr_pmemdup(pool, &inner, sizeof(inner));
    return outer;
}

struct rewrite_var pn__rewrite_var_parse(apr_pool_t *pool, pn_str name)
{
    static const struct { pn_str prefix; enum rewrite_var_kind kind; } prefixed[] = {
        { PN_STR_INIT("ENV:"), VAR_ENV }, { PN_STR_INIT("HTTP:"), VAR_HTTP }, { PN_STR_INIT("SSL:"), VAR_SSL },
        { PN_STR_INIT("LA-U:"), VAR_AHEAD_URL }, { PN_STR_INIT("LA-F:"), VAR_AHEAD_FILE },
    };

    for (size_t i = 0; i < PN_COUNT(prefixed); i++) {
        if (!pn_str_istarts(name, prefixed[i].prefix))
            continue;
        pn_str rest = pn_str_dup(pool, pn_str_from(name, prefixed[i].prefix.n));
        if (prefixed[i].kind == VAR_AHEAD_URL || prefixed[i].kind == VAR_AHEAD_FILE)
            return ahead_var(pool, prefixed[i].kind, rest);
        bool varies = prefixed[i].kind == VAR_HTTP && !pn_str_ieq(rest, PN_STR("Host"));
        return (struct rewrite_var){ .kind = prefixed[i].kind, .name = rest, .vary = varies ? rest : PN_STR("") };
    }
    return parse_server_var(name);
}

/* ---- values ---- */

void pn__rewrite_vary(struct rewrite_run *run, pn_str header)
{
    if (run->no_vary || header.n == 0)
        return;
    if (run->vary.max == 0)
        pn_buf_init(&run->vary, run->r->pool, 4096);
    if (run->vary.n)
        pn_buf_ch(&run->vary, ',');
    pn_buf_str(&run->vary, header);
}

static pn_str ask(struct pn_request *r, enum pn_expr_get what, pn_str name)
{
    struct pn_expr_env env = pn_request_expr_env(r, NULL);
    pn_str             value = { NULL, 0 };

    return env.ops->get(&env, what, name, &value) == PN_OK ? value : PN_STR("");
}

/* Notes, the request's environment, the process's. */
static pn_str env_value(struct pn_request *r, pn_str name)
{
    const char *value = r->notes ? pn_note_get(r, name.p) : NULL;

    if (!value)
        value = pn_env_get(r, name.p);
    return pn_str_z(value ? value : getenv(name.p));
}

static pn_str server_addr(struct pn_request *r)
{
    struct pn_addr local = pn_conn_local(r->conn);
    char           text[48];

    return pn_str_dup(r->pool, pn_str_n(text, pn_addr_print(&local, text)));
}

PN_MAY_YIELD static pn_str server_var(struct rewrite_run *run, struct pn_request *r, enum pn_expr_var id)
{
    struct pn_expr_env env;
    pn_str             value = { NULL, 0 };
    bool               own = r == run->r; /* not of a request that was looked ahead to */

    switch (id) {
    case PN_EXPR_VAR_REQUEST_FILENAME:
    case PN_EXPR_VAR_SCRIPT_FILENAME: return own ? run->name : r->filename;
    case PN_EXPR_VAR_QUERY_STRING: return own ? run->query : r->query;
    case PN_EXPR_VAR_PATH_INFO: return own ? run->path_info : r->path_info;
    case PN_EXPR_VAR_REQUEST_URI: return r->path;
    case PN_EXPR_VAR_REQUEST_METHOD: return r->method;
    case PN_EXPR_VAR_THE_REQUEST: return r->line;
    case PN_EXPR_VAR_HTTP_HOST: return pn_headers_get(&r->in, PN_HDR_HOST);
    case PN_EXPR_VAR_HTTP_USER_AGENT: return pn_headers_get(&r->in, PN_HDR_USER_AGENT);
    case PN_EXPR_VAR_HTTP_REFERER: return pn_headers_get(&r->in, PN_HDR_REFERER);
    case PN_EXPR_VAR_HTTPS: return r->conn->secure ? PN_STR("on") : PN_STR("off");
    default: break;
    }
    env = pn_request_expr_env(r, NULL);
    return env.ops->var(&env, id, &value) == PN_OK ? value : PN_STR("");
}

PN_MAY_YIELD static pn_str value_of(struct rewrite_run *run, struct pn_request *r, const struct rewrite_var *var)
{
    switch (var->kind) {
    case VAR_SERVER: return server_var(run, r, var->id);
    case VAR_SERVER_ADDR: return server_addr(r);
    case VAR_ENV: return env_value(r, var->name);
    case VAR_HTTP: return pn_headers_joined_name(&r->in, r->pool, var->name);
    case VAR_SSL: return ask(r, PN_EXPR_GET_SSL, var->name);
    default: return PN_STR("");
    }
}

bool pn__rewrite_may_look_ahead(const struct rewrite_run *run)
{
    const struct pn_request *r = run->r;

    return !r->main || (r->main->path.n && !pn_str_eq(r->main->path, r->path));
}

struct pn_request *pn__rewrite_look_ahead(struct rewrite_run *run, bool by_file)
{
    pn_str path = run->subject;

    if (by_file)
        return pn_sub_lookup_file(run->r, run->name, PN_STR(""));
    if (path.n == 0 || path.p[0] != '/') {
        pn_str base = !run->dir ? PN_STR("/") : run->dir->base.p ? run->dir->base : run->dir->dir;
        path = PN_CAT(run->r->pool, base, path);
    }
    return pn_sub_lookup(run->r, pn_uri_encode_path(run->r->pool, path), PN_STR("GET"));
}

PN_MAY_YIELD static pn_str ahead_value(struct rewrite_run *run, const struct rewrite_var *var)
{
    struct pn_request *sub;
    pn_str             value;

    if (run->name.n == 0 || !pn__rewrite_may_look_ahead(run))
        return PN_STR("");
    sub = pn__rewrite_look_ahead(run, var->kind == VAR_AHEAD_FILE);
    value = value_of(run, sub, var->ahead);
    REWRITE_TRACE(run, 5, "look-ahead to %s gives \"%.*s\"", sub->path.p, PN_FMT(value));
    return value;
}

pn_str pn__rewrite_var_value(struct rewrite_run *run, const struct rewrite_var *var)
{
    if (var->kind == VAR_AHEAD_URL || var->kind == VAR_AHEAD_FILE)
        return ahead_value(run, var);
    pn_str value = value_of(run, run->r, var);
    if (value.p) /* COMPAT: 2.4: a field that is not there is not told of */
        pn__rewrite_vary(run, var->vary);
    return value;
}
