/* mod_authz_host - Require ip, host, forward-dns and local: by where the client is.
 * Runs: as providers of mod_authz_core.   Yields: host and forward-dns wait for names.   Config: none.   Spec: Apache
 * manual, mod_authz_host. */
#define PN_LOG_MODULE &pn_module_authz_host
#include <netdb.h>
#include <netinet/in.h>

#include <pinion/authz.h>
#include <pinion/log.h>
#include <pinion/netset.h>

struct pn_module pn_module_authz_host;

/* ---- ip ---- */

static const char *ip_parse(struct pn_conf_cmd *cmd, struct pn_authz_args *args)
{
    struct pn_netset *set = pn_netset_new(cmd->pool);

    if (args->n == 0)
        return "'Require ip' needs an address or a network";
    for (unsigned i = 0; i < args->n; i++)
        if (pn_netset_add(set, args->words[i]) != PN_OK)
            return pn_conf_error_text(cmd, "'%s' is no IP address or network", args->words[i].p);
    args->parsed = set;
    return NULL;
}

static void ip_join(struct pn_authz_args *args, const struct pn_authz_args *more)
{
    pn_netset_join(args->parsed, more->parsed);
}

static enum pn_authz ip_check(struct pn_request *r, const struct pn_authz_args *args)
{
    const struct pn_addr *peer = &r->conn->peer;

    return pn_netset_has(args->parsed, peer->family, peer->ip) ? PN_AUTHZ_GRANTED : PN_AUTHZ_DENIED;
}

static const struct pn_authz_provider ip_provider = { .parse = ip_parse, .join = ip_join, .check = ip_check };

/* ---- host ---- */

/* Is `host` this domain, or in it? Whole labels only. */
static bool in_domain(pn_str domain, pn_str host)
{
    if (domain.n == 0 || !pn_str_iends(host, domain))
        return false;
    return host.n == domain.n || domain.p[0] == '.' || host.p[host.n - domain.n - 1] == '.';
}

/* What the look-up hands back when there is no name. */
static bool is_address(const struct pn_addr *peer, pn_str host)
{
    char   text[48];
    size_t n = pn_addr_print(peer, text);

    return pn_str_eq(host, pn_str_n(text, n));
}

PN_MAY_YIELD static enum pn_authz host_check(struct pn_request *r, const struct pn_authz_args *args)
{
    pn_str host = pn_remote_host(r, true);

    if (host.n == 0 || is_address(&r->conn->peer, host)) {
        PN_LOG_R(r, PN_LOG_ERR, 1753, 0, "access to '%s' was not judged by host name: the client has none that holds both ways",
                 pn_str_escape(r->pool, r->path).p);
        return PN_AUTHZ_DENIED;
    }
    for (unsigned i = 0; i < args->n && args->words[i].p[0] != '#'; i++)
        if (in_domain(args->words[i], host))
            return PN_AUTHZ_GRANTED;
    return PN_AUTHZ_DENIED;
}

static const struct pn_authz_provider host_provider = { .takes_expressions = true, .check = host_check };

/* ---- forward-dns ---- */

/* One name's addresses, looked up off the loop. */
struct forward {
    const char           *name;
    const struct pn_addr *peer;
    bool                  found;
    int                   error; /* of getaddrinfo */
};

static bool same_address(const struct sockaddr *sa, const struct pn_addr *peer)
{
    const struct sockaddr_in6 *in6 = (const void *)sa;
    const struct sockaddr_in  *in = (const void *)sa;

    if (sa->sa_family == AF_INET && peer->family == AF_INET)
        return memcmp(&in->sin_addr, peer->ip, 4) == 0;
    if (sa->sa_family == AF_INET6 && peer->family == AF_INET6)
        return memcmp(&in6->sin6_addr, peer->ip, 16) == 0;
    return sa->sa_family == AF_INET6 && peer->family == AF_INET && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr) &&
           memcmp(in6->sin6_addr.s6_addr + 12, peer->ip, 4) == 0;
}

static void look_up(void *arg)
{
    struct forward       *forward = arg;
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct addrinfo      *list = NULL;

    forward->error = getaddrinfo(forward->name, NULL, &hints, &list);
    if (forward->error)
        return;
    for (const struct addrinfo *ai = list; ai && !forward->found; ai = ai->ai_next)
        forward->found = same_address(ai->ai_addr, forward->peer);
    freeaddrinfo(list);
}

PN_MAY_YIELD static enum pn_authz forward_check(struct pn_request *r, const struct pn_authz_args *args)
{
    for (unsigned i = 0; i < args->n && args->words[i].p[0] != '#'; i++) {
        struct forward forward = { .name = args->words[i].p, .peer = &r->conn->peer };
        if (pn_run_blocking(r, look_up, &forward) != PN_OK)
            return PN_AUTHZ_ERROR;
        if (forward.found)
            return PN_AUTHZ_GRANTED;
        if (forward.error)
            PN_LOG_R(r, PN_LOG_ERR, 3356, 0, "'%s' of a Require forward-dns has no address: %s", forward.name,
                     gai_strerror(forward.error));
    }
    return PN_AUTHZ_DENIED;
}

static const struct pn_authz_provider forward_provider = { .takes_expressions = true, .check = forward_check };

/* ---- local ---- */

static enum pn_authz local_check(struct pn_request *r, const struct pn_authz_args *args)
{
    static const uint8_t  loopback6[16] = { [15] = 1 };
    const struct pn_addr *peer = &r->conn->peer;
    size_t                size = peer->family == AF_INET ? 4 : 16;

    if (peer->family != AF_INET && peer->family != AF_INET6)
        return peer->family == AF_UNIX ? PN_AUTHZ_GRANTED : PN_AUTHZ_DENIED;
    if (peer->family == AF_INET ? peer->ip[0] == 127 : memcmp(peer->ip, loopback6, 16) == 0)
        return PN_AUTHZ_GRANTED;
    struct pn_addr local = pn_conn_local(r->conn);
    return local.family == peer->family && memcmp(local.ip, peer->ip, size) == 0 ? PN_AUTHZ_GRANTED : PN_AUTHZ_DENIED;
}

static const struct pn_authz_provider local_provider = { .check = local_check };

/* ---- module ---- */

static void hooks(struct pn_hooks *h)
{
    pn_provide(h, PN_AUTHZ_GROUP, "ip", &ip_provider);
    pn_provide(h, PN_AUTHZ_GROUP, "host", &host_provider);
    pn_provide(h, PN_AUTHZ_GROUP, "forward-dns", &forward_provider);
    pn_provide(h, PN_AUTHZ_GROUP, "local", &local_provider);
}

struct pn_module pn_module_authz_host = {
    .api = PN_MODULE_API,
    .name = "mod_authz_host.c",
    .apache_id = "authz_host_module",
    .hooks = hooks,
};
