/* pinion/resolve.h - host names and addresses, looked up in the DNS and the hosts file without holding up anybody else.
 *
 * Look-ups suspend the calling fiber; answers are remembered for the child as long as their records allow. What the
 * directives ResolverAddress, ResolverTimeout and ResolverCacheSize say holds for all of them. */
#ifndef PINION_RESOLVE_H
#define PINION_RESOLVE_H

#include <pinion/request.h>

/** The client's host name (r->client's), lower case.
 *  @param need  false: for logs, variables and conditions: the name when HostnameLookups is On or Double and there is one,
 *               else the address as text; never empty.
 *               true: for decisions about access, whatever HostnameLookups says: a name that also leads back to the
 *               address, or the empty string when there is none or nobody can tell.
 *  The value lives in a pool of the request. Without a fiber to suspend there is no name. */
PN_MAY_YIELD pn_str pn_remote_host(struct pn_request *r, bool need);

/** The same as pn_remote_host(r, false) for the connection's peer, which may be a proxy. */
PN_MAY_YIELD pn_str pn_peer_host(struct pn_request *r);

/** The addresses of a host name, IPv4 and IPv6, with port 0. Text of an address is its own address. Names without dots
 *  are completed as the system's configuration says.
 *  @param ret_v  in r->pool, *ret_n >= 1 elements.
 *  @return PN_OK; PN_NOT_FOUND: it has none; PN_BAD: no host name, or the servers failed; PN_TIMEOUT; PN_CANCELLED;
 *          PN_LIMIT: too many look-ups are under way. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_resolve(struct pn_request *r, pn_str name, struct pn_addr **ret_v, unsigned *ret_n);

/** What a failed look-up says to an administrator. */
const char *pn_resolve_reason(pn_rc rc);

#endif
