/* mod_remoteip - the client behind proxies: RemoteIPHeader and its lists, and the PROXY protocol.
 * Runs: preface of connections, post_read_request (first), post_config.   Yields: never.   Config: struct remoteip_server.
 * Spec: Apache manual, mod_remoteip; the PROXY protocol, versions 1 and 2.
 *
 * A PROXY header stands for the whole connection and is not questioned further; a field is judged for each request. Both
 * set the request's client and leave the connection's peer alone. */
#define PN_LOG_MODULE &pn_module_remoteip
#include <apr_file_io.h>
#include <netdb.h>
#include <pinion/log.h>
#include <pinion/proxy_header.h>

#include "remoteip_chain.h"

/* Largest file of proxies, bytes. */
#define LIST_MAX (4 * 1024 * 1024)

/* What holds for the address of a server, whatever hosts are there. */
struct remoteip_address {
    bool              proxy_protocol;
    struct pn_netset *exceptions; /* peers that send no PROXY header; NULL: none */
};

struct remoteip_server {
    pn_str                   header, proxies_header;
    bool                     proxy_protocol;
    struct remoteip_group   *first, *last; /* configuration order */
    struct pn_netset        *exceptions;
    struct remoteip_address *addresses;    /* of the main server: by the index of a server; NULL: no PROXY protocol at all */
};

struct pn_module pn_module_remoteip;

/* ---- directives ---- */

/* All addresses that the host has now. */
static const char *add_host(struct pn_conf_cmd *cmd, struct pn_netset *nets, pn_str name)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo      *list = NULL;
    char                  text[NI_MAXHOST < 128 ? NI_MAXHOST : 128];
    int                   error = getaddrinfo(name.p, NULL, &hints, &list);

    for (const struct addrinfo *one = list; one && !error; one = one->ai_next) {
        error = getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST);
        if (!error && pn_netset_add(nets, pn_str_z(text)) != PN_OK)
            error = EAI_FAMILY;
    }
    if (list)
        freeaddrinfo(list);
    if (error)
        return pn_conf_error_text(cmd, "'%s' is no address or network, and no host by this name is known: %s", name.p,
                                  gai_strerror(error));
    return NULL;
}

static const char *add_word(struct pn_conf_cmd *cmd, struct pn_netset *nets, pn_str word)
{
    switch (pn_netset_add(nets, word)) {
    case PN_OK: return NULL;
    case PN_DECLINED: return add_host(cmd, nets, word);
    default: return pn_conf_error_text(cmd, "'%s' is no IP address or network", word.p);
    }
}

/* The last group when it is of this kind, else a new one behind it. */
static struct pn_netset *group_of(struct pn_conf_cmd *cmd, struct remoteip_server *server, bool internal)
{
    struct remoteip_group *group = server->last;

    if (group && group->internal == internal)
        return group->nets;
    group = apr_pcalloc(cmd->pool, sizeof(*group));
    *group = (struct remoteip_group){ .nets = pn_netset_new(cmd->pool), .internal = internal };
    if (server->last)
        server->last->next = group;
    else
        server->first = group;
    server->last = group;
    return group->nets;
}

static bool is_internal(const struct pn_conf_cmd *cmd)
{
    return pn_str_istarts(pn_str_z(cmd->row->name), PN_STR("RemoteIPInternal"));
}

static const char *set_proxies(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_netset *nets = group_of(cmd, conf, is_internal(cmd));
    const char       *error = NULL;

    for (unsigned i = 0; i < argc && !error; i++)
        error = add_word(cmd, nets, argv[i]);
    return error;
}

static const char *read_list(struct pn_conf_cmd *cmd, pn_str path, pn_str *ret)
{
    apr_file_t  *file;
    apr_finfo_t  info;
    char         why[128];
    apr_status_t status = apr_file_open(&file, path.p, APR_FOPEN_READ, APR_OS_DEFAULT, cmd->temp);

    if (status == APR_SUCCESS)
        status = apr_file_info_get(&info, APR_FINFO_SIZE, file);
    if (status == APR_SUCCESS && info.size > LIST_MAX)
        return pn_conf_error_text(cmd, "the list of proxies '%s' has more than %d bytes", path.p, LIST_MAX);
    char *bytes = status == APR_SUCCESS ? apr_palloc(cmd->temp, (apr_size_t)info.size + 1) : NULL;
    if (bytes && info.size)
        status = apr_file_read_full(file, bytes, (apr_size_t)info.size, NULL);
    if (status != APR_SUCCESS)
        return pn_conf_error_text(cmd, "the list of proxies '%s' cannot be read: %s", path.p,
                                  apr_strerror(status, why, sizeof(why)));
    *ret = pn_str_n(bytes, (size_t)info.size);
    apr_file_close(file);
    return NULL;
}

static const char *set_list(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_netset *nets = group_of(cmd, conf, is_internal(cmd));
    pn_str            text, rest, word;
    const char       *error = read_list(cmd, pn_conf_path(cmd, argv[0]), &text);

    (void)argc;
    while (!error && text.n) {
        pn_str line = pn_str_cut(pn_str_cut(text, '\n', &text), '#', &rest);
        while (!error && (word = pn_str_word(&line)).n)
            error = add_word(cmd, nets, pn_str_dup(cmd->temp, word));
    }
    return error;
}

static const char *set_exceptions(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct remoteip_server *server = conf;
    const char             *error = NULL;

    if (!server->exceptions)
        server->exceptions = pn_netset_new(cmd->pool);
    for (unsigned i = 0; i < argc && !error; i++)
        error = add_word(cmd, server->exceptions, argv[i]);
    return error;
}

static const char *set_header(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct remoteip_server *server = conf;
    bool                    of_client = strcasecmp(cmd->row->name, "RemoteIPHeader") == 0;

    (void)argc;
    if (!pn_header_name_ok(argv[0]))
        return pn_conf_error_text(cmd, "'%s' is no name of a header field", argv[0].p);
    *(of_client ? &server->header : &server->proxies_header) = argv[0];
    return NULL;
}

#define ROW(directive, arity, fn, text)                                                            \
    { .name = directive, .args = arity, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .set = fn, .help = text }

static const struct pn_directive directives[] = {
    ROW("RemoteIPHeader", PN_TAKE1, set_header, "Field in which proxies name the client, the last of a list first"),
    ROW("RemoteIPProxiesHeader", PN_TAKE1, set_header, "Field that lists the proxies that were believed"),
    ROW("RemoteIPTrustedProxy", PN_LIST, set_proxies, "Proxies that are believed when they name public addresses"),
    ROW("RemoteIPInternalProxy", PN_LIST, set_proxies, "Proxies that are believed when they name any address"),
    ROW("RemoteIPTrustedProxyList", PN_TAKE1, set_list, "File of proxies as for RemoteIPTrustedProxy"),
    ROW("RemoteIPInternalProxyList", PN_TAKE1, set_list, "File of proxies as for RemoteIPInternalProxy"),
    { .name = "RemoteIPProxyProtocol", .args = PN_FLAG, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER,
      .slot = PN_SLOT(struct remoteip_server, proxy_protocol), .dflt = "Off",
      .help = "Whether connections begin with a PROXY header; the same for all hosts of an address and port" },
    ROW("RemoteIPProxyProtocolExceptions", PN_LIST, set_exceptions, "Peers whose connections begin without a PROXY header"),
    { 0 }
};

/* ---- merging ---- */

static void append_groups(apr_pool_t *pool, struct remoteip_server *to, const struct remoteip_group *group)
{
    for (; group; group = group->next) {
        struct remoteip_group *copy = apr_pmemdup(pool, group, sizeof(*copy));
        copy->next = NULL;
        if (to->last)
            to->last->next = copy;
        else
            to->first = copy;
        to->last = copy;
    }
}

static struct pn_netset *join(apr_pool_t *pool, struct pn_netset *a, struct pn_netset *b)
{
    if (!a || !b)
        return a ? a : b;
    struct pn_netset *both = pn_netset_new(pool);
    pn_netset_join(both, a);
    pn_netset_join(both, b);
    return both;
}

static void merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct remoteip_server *outer = base, *inner = add;
    struct remoteip_server       *merged = out;

    merged->header = inner->header.n ? inner->header : outer->header;
    merged->proxies_header = inner->proxies_header.n ? inner->proxies_header : outer->proxies_header;
    merged->first = merged->last = NULL;
    append_groups(pool, merged, inner->first); /* COMPAT: 2.4 asks the lists of a virtual host before the main server's */
    append_groups(pool, merged, outer->first);
    merged->exceptions = join(pool, outer->exceptions, inner->exceptions);
    merged->addresses = NULL;
}

/* ---- one address, one setting ---- */

static struct remoteip_server *conf_of(const struct pn_server *s)
{
    return PN_SERVER_CONF(s, &pn_module_remoteip);
}

/* Does the virtual host itself say On or Off? One without any line of this module shares the main server's settings. */
static bool says_itself(const struct pn_server *s)
{
    return conf_of(s) != conf_of(s->generation->servers) &&
           pn_conf_is_set(conf_of(s), &pn_module_remoteip, "RemoteIPProxyProtocol");
}

/* Which host a connection is for is not known yet when it begins: what one host says holds for all of the address. */
static void tell_neighbour(apr_pool_t *pool, const struct pn_server *from, const struct pn_server *to,
                           struct remoteip_address *theirs)
{
    const struct remoteip_server *ours = conf_of(from);

    if (says_itself(from) && theirs->proxy_protocol != ours->proxy_protocol) {
        if (says_itself(to))
            PN_LOG_S(from, PN_LOG_NOTICE, 3491, 0,
                     "RemoteIPProxyProtocol of the virtual host at %s:%u is overridden by that of the one at %s:%u: it is %s now",
                     to->file, to->line, from->file, from->line, ours->proxy_protocol ? "On" : "Off");
        theirs->proxy_protocol = ours->proxy_protocol;
    }
    if (conf_of(to) != ours)
        theirs->exceptions = join(pool, theirs->exceptions, ours->exceptions);
}

static bool is_used(const struct pn_generation *generation)
{
    for (const struct pn_server *s = generation->servers; s; s = s->next)
        if (conf_of(s)->proxy_protocol)
            return true;
    return false;
}

static pn_rc post_config(struct pn_generation *generation, apr_pool_t *pool, bool check_only)
{
    struct remoteip_address *addresses;

    (void)check_only;
    if (!is_used(generation))
        return PN_OK;
    addresses = apr_pcalloc(generation->pool, generation->n_servers * sizeof(*addresses));
    for (const struct pn_server *s = generation->servers; s; s = s->next)
        addresses[s->index] = (struct remoteip_address){ conf_of(s)->proxy_protocol, conf_of(s)->exceptions };
    for (const struct pn_server *s = generation->servers->next; s; s = s->next)
        for (const struct pn_server *other = generation->servers->next; other; other = other->next)
            if (other != s && (says_itself(s) || conf_of(s)->exceptions) && pn_servers_share_address(s, other))
                tell_neighbour(pool, s, other, &addresses[other->index]);
    conf_of(generation->servers)->addresses = addresses;
    return PN_OK;
}

/* ---- the PROXY protocol ---- */

static bool preface_wanted(const struct pn_conn *conn)
{
    const struct remoteip_server  *main_conf = conf_of(conn->generation->servers);
    const struct remoteip_address *here = main_conf->addresses ? &main_conf->addresses[conn->base_server->index] : NULL;

    return here && here->proxy_protocol &&
           !(here->exceptions && pn_netset_has(here->exceptions, conn->peer.family, conn->peer.ip));
}

/* What speaks through the proxy is a stream from an IP address, or nobody knows, or the proxy itself asks. */
static bool take_client(struct pn_conn *conn, const struct pn_proxy_header *header)
{
    struct pn_addr client = { .family = header->family == PN_PROXY_INET ? AF_INET : AF_INET6, .port = header->source.port };

    if (header->local || header->family == PN_PROXY_UNKNOWN)
        return true; /* the PROXY protocol, s2.1 and s2.2: keep the connection's own addresses */
    if (header->datagram || header->family == PN_PROXY_UNIX)
        return false;
    memcpy(client.ip, header->source.bytes, client.family == AF_INET ? 4 : 16);
    pn_conn_set_client(conn, &client);
    return true;
}

static pn_rc preface_read(struct pn_conn *conn, pn_str bytes, size_t *ret_n)
{
    struct pn_proxy_header header;
    pn_rc                  rc = pn_proxy_header_parse(bytes, &header, ret_n);

    if (rc == PN_AGAIN)
        return rc;
    if (rc != PN_OK || !take_client(conn, &header)) {
        PN_LOG_C(conn, PN_LOG_ERR, 3496, 0, "RemoteIPProxyProtocol: the connection does not begin with a PROXY header that can be "
                 "used, and is closed");
        return PN_BAD;
    }
    return PN_OK;
}

static const struct pn_preface preface = { .wanted = preface_wanted, .read = preface_read };

/* ---- the field ---- */

static void take_over(struct pn_request *r, const struct remoteip_server *conf, const struct remoteip_result *result)
{
    r->client = result->client;
    if (result->rest.p)
        pn_headers_set_name(&r->in, conf->header, pn_str_dup(r->pool, result->rest));
    else
        pn_headers_unset_name(&r->in, conf->header);
    if (!result->proxies.p)
        return;
    pn_str proxies = pn_str_dup(r->pool, result->proxies);
    apr_table_setn(pn_notes(r), "remoteip-proxy-ip-list", proxies.p);
    if (conf->proxies_header.n)
        pn_headers_set_name(&r->in, conf->proxies_header, proxies);
}

static enum pn_verdict find_client(struct pn_request *r)
{
    const struct remoteip_server *conf = pn_server_conf(r->server, &pn_module_remoteip);
    struct remoteip_result        result;

    if (r->conn->client || r->main || r->prev)
        return PN_NEXT;
    pn_str list = pn_headers_joined_name(&r->in, r->pool, conf->header);
    if (list.n == 0)
        return PN_NEXT;
    remoteip_follow(r->pool, conf->first, &r->conn->peer, list, &result);
    if (result.refused.p && result.is_address)
        PN_LOG_R(r, PN_LOG_DEBUG, 1569, 0, "%s names the private address %s, which is not believed", conf->header.p,
                 pn_str_escape(r->pool, result.refused).p);
    else if (result.refused.p)
        PN_LOG_R(r, PN_LOG_DEBUG, 1568, 0, "%s names '%s', which is no IP address", conf->header.p,
                 pn_str_escape(r->pool, result.refused).p);
    if (result.changed)
        take_over(r, conf, &result);
    return PN_NEXT;
}

static bool has_header(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct remoteip_server *conf = server_conf;

    (void)server, (void)dir_conf;
    return conf->header.n != 0;
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_post_config(h, post_config, (struct pn_order){ .pos = PN_ORDER_MIDDLE });
    pn_hook_preface(h, &preface, (struct pn_order){ .pos = PN_ORDER_MIDDLE });
    pn_hook_post_read_request(h, find_client, { .pos = PN_ORDER_FIRST, .when = has_header });
}

struct pn_module pn_module_remoteip = {
    .api = PN_MODULE_API,
    .name = "mod_remoteip.c",
    .apache_id = "remoteip_module",
    .directives = directives,
    .server_conf_size = sizeof(struct remoteip_server),
    .server_conf_merge = merge,
    .hooks = hooks,
};
