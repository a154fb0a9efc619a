/* remote.c - the client by name, and what names are looked up for otherwise (pinion/resolve.h).
 *
 * A name is asked for once a request, and remembered with the outermost of its subrequests and redirections. The resolver
 * belongs to the worker and is made when the first name is wanted. Apache manual: HostnameLookups, UseCanonicalName. */
#define PN_LOG_MODULE &pn_module_core
#include <pinion/log.h>
#include <pinion/resolve.h>

#include "http/core_directives.h"
#include "http/request_core.h"

/* Bits of remote_state. */
enum {
    HOST_ASKED = 1,   /* remote_host is what the address's owner says */
    HOST_JUDGED = 2,  /* whether it leads back is known */
    HOST_TRUE = 4,    /* it does */
    LOCAL_ASKED = 8
};

static struct pn_request *outermost(struct pn_request *r)
{
    while (r->main || r->prev)
        r = r->main ? r->main : r->prev;
    return r;
}

/* NULL: there is nobody to wait for a name, or the system has no resolver. */
static struct pn_resolver *resolver_here(void)
{
    struct pn_worker *w = pn_worker_this();

    if (!w || !pn_fiber_this())
        return NULL;
    if (!w->resolver) {
        struct pn_resolver_options options = pn__resolver_options(w->generation, pn_fiber_pool(pn_fiber_this()));
        if (pn_resolver_open(w->loop, &options, &w->resolver) != PN_OK) {
            PN_LOG_S(w->generation->servers, PN_LOG_ERR, 21050, 0, "host names cannot be looked up: the resolver does not start");
            w->resolver = NULL;
        }
    }
    return w->resolver;
}

const char *pn_resolve_reason(pn_rc rc)
{
    switch (rc) {
    case PN_NOT_FOUND: return "there is none";
    case PN_BAD: return "the name server failed, or it is no host name";
    case PN_TIMEOUT: return "no answer in time";
    case PN_LIMIT: return "too many look-ups at once";
    default: return "the wait was given up";
    }
}

static pn_str address_text(apr_pool_t *pool, const struct pn_addr *addr)
{
    char   text[48];
    size_t n = pn_addr_print(addr, text);

    return pn_str_dup(pool, pn_str_n(text, n));
}

/* ---- the client ---- */

PN_MAY_YIELD static void ask_name(struct pn_resolver *resolver, struct pn_request *first, pn_usec deadline)
{
    pn_rc rc;

    if (first->core->remote_state & HOST_ASKED)
        return;
    rc = pn_resolver_name(resolver, &first->client, deadline, first->pool, &first->core->remote_host);
    first->core->remote_state |= HOST_ASKED;
    if (rc != PN_OK && rc != PN_NOT_FOUND)
        PN_LOG_R(first, PN_LOG_INFO, 21051, 0, "no host name of the client: %s", pn_resolve_reason(rc));
}

static bool is_among(const struct pn_addr *addr, const struct pn_addr *v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (pn_addr_eq(addr, &v[i], false))
            return true;
    return false;
}

/* Does the name lead back to the address? Anybody may name his own address as he likes. */
PN_MAY_YIELD static bool judge(struct pn_resolver *resolver, struct pn_request *first, pn_usec deadline)
{
    struct pn_request_core *core = first->core;
    struct pn_addr         *v = NULL;
    unsigned                n = 0;

    if (core->remote_state & HOST_JUDGED || !core->remote_host.p)
        return core->remote_state & HOST_TRUE;
    pn_rc rc = pn_resolver_addresses(resolver, core->remote_host, false, deadline, first->pool, &v, &n);
    core->remote_state |= HOST_JUDGED;
    if (rc == PN_OK && is_among(&first->client, v, n))
        core->remote_state |= HOST_TRUE;
    else
        PN_LOG_R(first, PN_LOG_INFO, 21052, 0, "the client's host name '%s' does not lead back to its address%s%s",
                 core->remote_host.p, rc == PN_OK ? "" : ": ", rc == PN_OK ? "" : pn_resolve_reason(rc));
    return core->remote_state & HOST_TRUE;
}

static enum pn_lookups lookups_of(const struct pn_request *r)
{
    return (enum pn_lookups)pn_core_dir(r->dir_conf)->hostname_lookups;
}

pn_str pn_remote_host(struct pn_request *r, bool need)
{
    struct pn_request  *first = outermost(r);
    enum pn_lookups     lookups = lookups_of(r);
    struct pn_resolver *resolver;
    const pn_str        nobody = need ? PN_STR("") : address_text(r->pool, &r->client);

    if (!need && lookups == PN_LOOKUPS_OFF && !(first->core->remote_state & HOST_ASKED))
        return nobody;
    if (!(resolver = resolver_here()))
        return nobody;
    pn_usec deadline = pn_resolver_deadline(resolver);
    ask_name(resolver, first, deadline);
    if ((need || lookups == PN_LOOKUPS_DOUBLE) && !judge(resolver, first, deadline))
        return nobody;
    return first->core->remote_host.p ? first->core->remote_host : nobody;
}

pn_str pn_peer_host(struct pn_request *r)
{
    const struct pn_addr *peer = &r->conn->peer;
    struct pn_resolver   *resolver;
    struct pn_addr       *v = NULL;
    unsigned              n = 0;
    pn_str                name;
    const pn_str          address = address_text(r->pool, peer);

    if (PN_LIKELY(pn_addr_eq(peer, &r->client, false)))
        return pn_remote_host(r, false);
    if (lookups_of(r) == PN_LOOKUPS_OFF || !(resolver = resolver_here()))
        return address;
    pn_usec deadline = pn_resolver_deadline(resolver);
    if (pn_resolver_name(resolver, peer, deadline, r->pool, &name) != PN_OK)
        return address;
    if (lookups_of(r) == PN_LOOKUPS_ON)
        return name;
    return pn_resolver_addresses(resolver, name, false, deadline, r->pool, &v, &n) == PN_OK && is_among(peer, v, n) ? name : address;
}

/* Is nothing left to be asked for about r->client? */
static bool client_known(const struct pn_request *first, enum pn_lookups lookups, struct pn_resolver *resolver)
{
    unsigned state = first->core->remote_state;

    if (state & HOST_JUDGED || ((state & HOST_ASKED) && (lookups == PN_LOOKUPS_ON || !first->core->remote_host.p)))
        return true;
    return resolver && pn_resolver_knows(resolver, &first->client, lookups == PN_LOOKUPS_DOUBLE);
}

bool pn__remote_host_known(const struct pn_request *r)
{
    const struct pn_request *first = outermost((struct pn_request *)(uintptr_t)r);
    const struct pn_worker  *w = pn_worker_this();
    struct pn_resolver      *resolver = w ? w->resolver : NULL;
    enum pn_lookups          lookups = lookups_of(r);

    if (PN_LIKELY(lookups == PN_LOOKUPS_OFF))
        return true;
    if (!client_known(first, lookups, resolver))
        return false;
    return pn_addr_eq(&r->client, &r->conn->peer, false) ||
           (resolver && pn_resolver_knows(resolver, &r->conn->peer, lookups == PN_LOOKUPS_DOUBLE));
}

/* ---- others ---- */

/* A line of a log is being written, or was: nothing may come between its parts. */
static bool is_logged(const struct pn_request *first)
{
    for (; first; first = first->next)
        if (first->core->logged)
            return true;
    return false;
}

pn_str pn__local_host(struct pn_request *r, bool may_wait)
{
    struct pn_request  *first = outermost(r);
    struct pn_addr      local = pn_conn_local(r->conn);
    struct pn_resolver *resolver;

    if (first->core->remote_state & LOCAL_ASKED || !(resolver = resolver_here()))
        return first->core->local_host;
    if ((!may_wait || is_logged(first)) && !pn_resolver_knows(resolver, &local, false))
        return first->core->local_host;
    pn_rc rc = pn_resolver_name(resolver, &local, pn_resolver_deadline(resolver), first->pool, &first->core->local_host);
    first->core->remote_state |= LOCAL_ASKED;
    if (rc != PN_OK)
        PN_LOG_R(r, PN_LOG_INFO, 21053, 0, "no host name of this server's address: %s", pn_resolve_reason(rc));
    return first->core->local_host;
}

pn_rc pn_resolve(struct pn_request *r, pn_str name, struct pn_addr **ret_v, unsigned *ret_n)
{
    struct pn_resolver *resolver;
    struct pn_addr      addr;

    if (pn_addr_parse(name, &addr) == PN_OK) {
        *ret_v = apr_pmemdup(r->pool, &addr, sizeof(addr));
        *ret_n = 1;
        return PN_OK;
    }
    if (!(resolver = resolver_here()))
        return PN_CANCELLED;
    return pn_resolver_addresses(resolver, name, true, pn_resolver_deadline(resolver), r->pool, ret_v, ret_n);
}
