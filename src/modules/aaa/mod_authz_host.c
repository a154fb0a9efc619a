/* mod_authz_host - Require ip, host, forward-dns and local: by where the client is.
 * Runs: as providers of mod_authz_core.   Yields: host and forward-dns wait for names.   Config: none.   Spec: Apache
 * manual, mod_authz_host. */
#define PN_LOG_MODULE &pn_module_authz_host
#include <netinet/in.h>

#include <pinion/authz.h>
#include <pinion/log.h>
#include <pinion/netset.h>
#include <pinion/resolve.h>

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
    const struct pn_addr *peer = &r->client;

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

PN_MAY_YIELD static enum pn_authz host_check(struct pn_request *r, const struct pn_authz_args *args)
{
    pn_str host = pn_remote_host(r, true);

    if (host.n == 0) {
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

/* Of two IPv4 or two IPv6 addresses. */
static bool same_address(const struct pn_addr *a, const struct pn_addr *b)
{
    return a->family == b->family && memcmp(a->ip, b->ip, a->family == AF_INET ? 4 : 16) == 0;
}

PN_MAY_YIELD static enum pn_authz forward_check(struct pn_request *r, const struct pn_authz_args *args)
{
    for (unsigned i = 0; i < args->n && args->words[i].p[0] != '#'; i++) {
        struct pn_addr *v = NULL;
        unsigned        n = 0;
        pn_rc           rc = pn_resolve(r, args->words[i], &v, &n);

        if (rc != PN_OK)
            PN_LOG_R(r, PN_LOG_ERR, 3356, 0, "'%s' of a Require forward-dns has no address: %s",
                     pn_str_escape(r->pool, args->words[i]).p, pn_resolve_reason(rc));
        for (unsigned k = 0; k < n; k++)
            if (same_address(&v[k], &r->client))
                return PN_AUTHZ_GRANTED;
    }
    return PN_AUTHZ_DENIED;
}

static const struct pn_authz_provider forward_provider = { .takes_expressions = true, .check = forward_check };

/* ---- local ---- */

static enum pn_authz local_check(struct pn_request *r, const struct pn_authz_args *args)
{
    static const uint8_t  loopback6[16] = { [15] = 1 };
    const struct pn_addr *peer = &r->client;
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
