/* self.c - what this server is called: for links, redirections and variables.
 * Apache manual: UseCanonicalName, UseCanonicalPhysicalPort. */
#include "http/request_core.h"

#include <stdio.h>

pn_str pn_self_scheme(const struct pn_request *r)
{
    if (r->server->scheme.n)
        return r->server->scheme;
    return r->conn->secure ? PN_STR("https") : PN_STR("http");
}

static uint16_t default_port(pn_str scheme)
{
    return pn_str_eq(scheme, PN_STR("https")) ? 443 : 80;
}

PN_MAY_YIELD static pn_str self_name(struct pn_request *r, bool may_wait)
{
    const struct pn_core_dir *conf = pn_core_dir(r->dir_conf);
    char                      text[48];

    if (conf->use_canonical_name == PN_CANONICAL_OFF && r->hostname.n)
        return r->hostname;
    if (conf->use_canonical_name == PN_CANONICAL_DNS) {
        pn_str host = pn__local_host(r, may_wait);
        if (host.p)
            return host;
    }
    if (r->server->name.n)
        return r->server->name;
    struct pn_addr local = pn_conn_local(r->conn);
    size_t         n = pn_addr_print(&local, text);
    return pn_str_dup(r->pool, pn_str_n(text, n));
}

pn_str pn_self_name(struct pn_request *r)
{
    return self_name(r, true);
}

pn_str pn__self_name_at_hand(struct pn_request *r)
{
    return self_name(r, false);
}

uint16_t pn_self_port(struct pn_request *r)
{
    const struct pn_core_dir *conf = pn_core_dir(r->dir_conf);
    struct pn_addr            local = { 0 };

    if (conf->use_canonical_name == PN_CANONICAL_OFF && r->hostname.n && r->host_port)
        return r->host_port;
    if (conf->use_canonical_name == PN_CANONICAL_OFF && r->hostname.n && !conf->use_canonical_port)
        return default_port(r->conn->secure ? PN_STR("https") : PN_STR("http"));
    if (conf->use_canonical_port && (local = pn_conn_local(r->conn)).port)
        return local.port;
    if (r->server->port)
        return r->server->port;
    return default_port(pn_self_scheme(r));
}

pn_str pn_self_url(struct pn_request *r, pn_str path_query)
{
    pn_str   scheme = pn_self_scheme(r), name = pn_self_name(r);
    uint16_t port = pn_self_port(r);
    bool     v6 = pn_str_chr(name, ':', 0) != SIZE_MAX && (name.n == 0 || name.p[0] != '[');
    char     port_text[8] = "";

    if (port != default_port(scheme))
        snprintf(port_text, sizeof(port_text), ":%u", port);
    return PN_CAT(r->pool, scheme, PN_STR("://"), v6 ? PN_STR("[") : PN_STR(""), name, v6 ? PN_STR("]") : PN_STR(""),
                  pn_str_z(port_text), path_query);
}

pn_str pn_document_root(struct pn_request *r, bool context)
{
    if (context && r->context_document_root.n)
        return r->context_document_root;
    return pn_core_server(r->server)->document_root;
}

unsigned pn_options(const struct pn_request *r)
{
    return pn_core_dir(r->dir_conf)->options;
}

int pn__translate_default(struct pn_request *r)
{
    pn_str root = pn_core_server(r->server)->document_root;

    if (r->path.n == 0 || r->path.p[0] != '/') {
        /* OPTIONS *: about the server, not about a file */
        return pn_str_eq(r->path, PN_STR("*")) && r->method_id == PN_METHOD_OPTIONS ? 0 : 400;
    }
    pn_str below = r->path, prefix = r->server->path;
    if (PN_UNLIKELY(prefix.n != 0) && pn_str_starts(below, prefix) &&
        (prefix.p[prefix.n - 1] == '/' || below.n == prefix.n || below.p[prefix.n] == '/'))
        below = pn_str_from(below, prefix.n); /* ServerPath names the host and is no part of the file's name */
    if (below.n && below.p[0] != '/')
        below = PN_CAT(r->pool, PN_STR("/"), below);
    r->filename = PN_CAT(r->pool, root.n == 1 ? PN_STR("") : root, below);
    return 0;
}

void pn__override_type(struct pn_request *r)
{
    const struct pn_core_dir *conf = pn_core_dir(r->dir_conf);

    if (conf->force_type_set && !pn_str_ieq(conf->force_type, PN_STR("none"))) {
        r->content_type = conf->force_type;
        if (pn_str_eq(conf->force_type, PN_STR("*/*")))
            r->content_type = PN_STR("");
    }
    if (conf->handler_set)
        r->handler = pn_str_ieq(conf->handler, PN_STR("none")) ? PN_STR("") : conf->handler;
    if (conf->accept_path_info != PN_ACCEPT_PATH_INFO_DEFAULT)
        r->path_info_policy = conf->accept_path_info == PN_ACCEPT_PATH_INFO_ON ? PN_PATH_INFO_ACCEPT : PN_PATH_INFO_REJECT;
    if (conf->handler_expr)
        pn__handler_from_expr(r, conf->handler_expr);
    if (r->content_type.n == 0 && conf->default_type.n && !pn_str_ieq(conf->default_type, PN_STR("none")))
        r->content_type = conf->default_type;
    if (conf->default_charset_on && r->content_type.n)
        pn_set_content_type(r, r->content_type);
}

/* AddDefaultCharset is for text/plain and text/html that say nothing themselves. */
void pn_set_content_type(struct pn_request *r, pn_str type)
{
    const struct pn_core_dir *conf = pn_core_dir(r->dir_conf);
    pn_str                    rest, plain = pn_str_trim(pn_str_cut(type, ';', &rest));
    bool                      takes = pn_str_ieq(plain, PN_STR("text/plain")) || pn_str_ieq(plain, PN_STR("text/html"));

    r->content_type = type;
    if (conf->default_charset_on && conf->default_charset.n && takes && pn_str_ifind(rest, PN_STR("charset=")) == SIZE_MAX)
        r->content_type = PN_CAT(r->pool, type, PN_STR("; charset="), conf->default_charset);
}
