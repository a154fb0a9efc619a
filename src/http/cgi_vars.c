/* cgi_vars.c - a request as the variables of RFC 3875 s4.1 and those that Apache adds to them.
 * Apache manual: "Environment Variables in Apache", CGIPassAuth, CGIVar. */
#include <pinion/cgi.h>

#include <stdlib.h>

#include "http/request_core.h"
#include "http/version.h"
#include <pinion/uri.h>

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

struct vars {
    struct pn_request *r;
    apr_table_t       *table; /* the server's own, put over r->env at the end */
};

static void set(struct vars *v, const char *name, pn_str value)
{
    apr_table_setn(v->table, name, value.p && value.p[value.n] == '\0' ? value.p : pn_str_zdup(v->r->pool, value));
}

static void set_if(struct vars *v, const char *name, pn_str value)
{
    if (value.n)
        set(v, name, value);
}

static void set_number(struct vars *v, const char *name, unsigned value)
{
    set(v, name, pn_str_printf(v->r->pool, "%u", value));
}

static pn_str address(struct pn_request *r, const struct pn_addr *addr)
{
    char   text[48];
    size_t n = pn_addr_print(addr, text);

    return pn_str_dup(r->pool, pn_str_n(text, n));
}

/* ---- received fields ---- */

/* "HTTP_USER_AGENT"; NULL when the name holds more than letters, digits and hyphens: two different fields must not
 * become one variable. */
static const char *variable_name(apr_pool_t *pool, pn_str name)
{
    char *text = apr_palloc(pool, name.n + 6);

    memcpy(text, "HTTP_", 5);
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (c >= 'a' && c <= 'z')
            c = (char)(c & ~0x20);
        else if (c == '-')
            c = '_';
        else if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9'))
            return NULL;
        text[5 + i] = c;
    }
    text[5 + name.n] = '\0';
    return text;
}

static void set_field(struct vars *v, const struct pn_header *f, bool pass_auth)
{
    switch (f->id) {
    case PN_HDR_CONTENT_TYPE: set(v, "CONTENT_TYPE", f->value); return;
    case PN_HDR_CONTENT_LENGTH: set(v, "CONTENT_LENGTH", f->value); return;
    case PN_HDR_AUTHORIZATION:
    case PN_HDR_PROXY_AUTHORIZATION:
        if (!pass_auth)
            return; /* a script needs no password of its visitors (RFC 3875 s4.1.18) */
        break;
    default: break;
    }
    if (pn_str_ieq(f->name, PN_STR("Proxy")))
        return; /* HTTP_PROXY means something else to many programs (CVE-2016-5387) */
    const char *name = variable_name(v->r->pool, f->name);
    if (name)
        apr_table_mergen(v->table, name, pn_str_zdup(v->r->pool, f->value));
}

/* ---- the server and the client ---- */

static pn_str signature(struct pn_request *r)
{
    const struct pn_core_dir *conf = pn_core_dir(r->dir_conf);
    pn_str                    name = pn_html_escape(r->pool, pn_self_name(r));
    pn_str                    admin = pn_html_escape(r->pool, r->server->admin);

    if (conf->signature == PN_SIGNATURE_OFF)
        return PN_STR("");
    if (conf->signature == PN_SIGNATURE_EMAIL && admin.n)
        name = PN_CAT(r->pool, PN_STR("<a href=\"mailto:"), admin, PN_STR("\">"), name, PN_STR("</a>"));
    return pn_str_printf(r->pool, "<address>%s Server at %s Port %u</address>\n",
                         pn_core_server(r->conn->generation->servers)->server_header.p, name.p, pn_self_port(r));
}

static void set_server(struct vars *v)
{
    struct pn_request *r = v->r;
    struct pn_addr     local = pn_conn_local(r->conn);
    const char        *path = getenv("PATH");
    pn_str             name = pn_self_name(r);

    if (pn_str_chr(name, ':', 0) != SIZE_MAX && name.p[0] != '[')
        name = PN_CAT(r->pool, PN_STR("["), name, PN_STR("]"));
    set(v, "PATH", pn_str_z(path ? path : DEFAULT_PATH));
    set(v, "SERVER_SIGNATURE", signature(r));
    /* Programs look for the word "Apache" to learn that .htaccess and rewriting work here. */
    set(v, "SERVER_SOFTWARE", PN_CAT(r->pool, pn_core_server(r->conn->generation->servers)->server_header,
                                     PN_STR(" Apache/" PN_APACHE_LEVEL)));
    set(v, "SERVER_NAME", pn_html_escape(r->pool, name));
    set(v, "SERVER_ADDR", address(r, &local));
    set_number(v, "SERVER_PORT", pn_self_port(r));
    set(v, "SERVER_ADMIN", r->server->admin.n ? r->server->admin : PN_STR("[no address given]"));
    set(v, "DOCUMENT_ROOT", pn_document_root(r, false));
    set(v, "CONTEXT_DOCUMENT_ROOT", pn_document_root(r, true));
    set(v, "CONTEXT_PREFIX", r->context_prefix);
    set(v, "REQUEST_SCHEME", r->conn->secure ? PN_STR("https") : PN_STR("http"));
}

PN_MAY_YIELD static void set_client(struct vars *v)
{
    struct pn_request *r = v->r;
    pn_str             ip = address(r, &r->client);

    set(v, "REMOTE_ADDR", ip);
    set_number(v, "REMOTE_PORT", r->conn->peer.port);
    if (pn_core_dir(r->dir_conf)->hostname_lookups != PN_LOOKUPS_OFF) {
        pn_str host = pn_remote_host(r, false);
        if (!pn_str_eq(host, ip))
            set_if(v, "REMOTE_HOST", host);
    }
    if (r->user.p)
        set(v, "REMOTE_USER", r->user);
    else if (r->prev && r->prev->user.p)
        set(v, "REDIRECT_REMOTE_USER", r->prev->user);
    set_if(v, "AUTH_TYPE", r->auth_type);
}

/* Of an internal redirection: the address that was asked for. */
static void set_redirect(struct vars *v)
{
    struct pn_request        *r = v->r;
    const struct pn_core_dir *core = pn_core_dir(r->dir_conf);

    if (!r->prev)
        return;
    if (r->prev->query.p)
        set(v, "REDIRECT_QUERY_STRING", r->prev->query);
    bool full = core->qualify_redirect_url;
    set(v, "REDIRECT_URL", full ? pn_self_url(r, r->prev->path) : r->prev->path);
}

/* ---- the resource ---- */

static pn_str request_uri(struct pn_request *r)
{
    struct pn_request *first = r;

    if (pn_core_dir(r->dir_conf)->cgi_current_uri)
        return r->query.p ? PN_CAT(r->pool, r->path, PN_STR("?"), r->query) : r->path;
    while (first->prev || first->main)
        first = first->prev ? first->prev : first->main;
    pn_str line = first->line;
    pn_str_word(&line);
    pn_str target = pn_str_word(&line); /* as it was sent, be it absolute */
    return target.n ? target : first->target;
}

/* Where the path info begins in the path: both end alike, though the path may hold more slashes. */
static size_t path_info_start(pn_str path, pn_str info)
{
    size_t p = path.n, i = info.n;

    while (p && i && path.p[p - 1] == info.p[i - 1]) {
        p--;
        i--;
    }
    while (p < path.n && path.p[p] != '/')
        p++;
    return p;
}

PN_MAY_YIELD static void set_path(struct vars *v)
{
    struct pn_request *r = v->r;

    if (r->path_info.n == 0) {
        set(v, "SCRIPT_NAME", r->path);
        return;
    }
    set(v, "SCRIPT_NAME", pn_str_head(r->path, path_info_start(r->path, r->path_info)));
    set(v, "PATH_INFO", r->path_info);
    struct pn_request *there = pn_sub_lookup(r, pn_uri_encode_path(r->pool, r->path_info), PN_STR("GET"));
    if (there->filename.n)
        set(v, "PATH_TRANSLATED", PN_CAT(r->pool, there->filename, there->path_info));
}

void pn_cgi_set_vars(struct pn_request *r)
{
    struct vars v = { .r = r, .table = apr_table_make(r->pool, 40) };
    bool        pass_auth = pn_core_dir(r->dir_conf)->cgi_pass_auth;

    for (const struct pn_header *f = pn_headers_begin(&r->in); f < pn_headers_end(&r->in); f++)
        set_field(&v, f, pass_auth);
    set_server(&v);
    set_client(&v);
    set_redirect(&v);
    if (!pn_str_starts(r->filename, PN_STR("proxy:")))
        set(&v, "SCRIPT_FILENAME", r->filename);
    set(&v, "GATEWAY_INTERFACE", PN_STR("CGI/1.1"));
    set(&v, "SERVER_PROTOCOL", r->protocol);
    set(&v, "REQUEST_METHOD", r->method);
    set(&v, "QUERY_STRING", r->query);
    set(&v, "REQUEST_URI", request_uri(r));
    set_path(&v);
    apr_table_overlap(pn_env(r), v.table, APR_OVERLAP_TABLES_SET);
}

/* ---- as a program's environment ---- */

static char *entry(apr_pool_t *pool, const char *name, const char *value)
{
    size_t name_n = strlen(name), value_n = strlen(value);
    char  *text = apr_palloc(pool, name_n + value_n + 2);

    for (size_t i = 0; i < name_n; i++) {
        char c = name[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        text[i] = letter || (i && c >= '0' && c <= '9') ? c : '_';
    }
    text[name_n] = '=';
    memcpy(text + name_n + 1, value, value_n + 1);
    return text;
}

const char *const *pn_cgi_environment(struct pn_request *r)
{
    const apr_array_header_t *all = apr_table_elts(pn_env(r));
    const char              **list = apr_palloc(r->pool, sizeof(*list) * ((size_t)all->nelts + 1));
    size_t                    n = 0;

    for (int i = 0; i < all->nelts; i++) {
        const apr_table_entry_t *e = &APR_ARRAY_IDX(all, i, apr_table_entry_t);
        if (e->key && e->key[0])
            list[n++] = entry(r->pool, e->key, e->val ? e->val : "");
    }
    list[n] = NULL;
    return list;
}

pn_usec pn_request_timeout(const struct pn_request *r)
{
    return pn_core_server(r->server)->timeout;
}

const struct pn_resource_limit *pn_resource_limits(const struct pn_request *r)
{
    return pn_core_dir(r->dir_conf)->resource_limits;
}
