/* pinion/netset.h - a set of IP networks: is this address in one of them?
 *
 * Made while a configuration is read, immutable afterwards. A look-up costs about as many steps as the number of
 * networks has bits, without allocation: ten thousand networks cost what ten cost. */
#ifndef PINION_NETSET_H
#define PINION_NETSET_H

#include <pinion/str.h>

struct pn_netset;

/** An empty set, owned by the pool. */
struct pn_netset *pn_netset_new(apr_pool_t *pool);

/** Adds a network as Apache's access directives write it: "10.1.2.3", "10.1" (a partial address), "10.1.0.0/255.255.0.0",
 *  "10.1.0.0/16", "2001:db8::a:b", "2001:db8::/32".
 *  @return PN_OK; PN_DECLINED: not an address at all (a host name?); PN_BAD: an address with an error in it or in its mask. */
PN_NODISCARD pn_rc pn_netset_add(struct pn_netset *set, pn_str text);

/** Adds all networks of `more`. */
void pn_netset_join(struct pn_netset *set, const struct pn_netset *more);

/** Is the address in one of the networks? v4-mapped addresses count as IPv4.
 *  @param family AF_INET or AF_INET6; any other is in no network.  @param ip 4 or 16 bytes, network order. */
bool pn_netset_has(const struct pn_netset *set, int family, const uint8_t *ip);

/** Networks that are not covered by others of the set. */
unsigned pn_netset_count(const struct pn_netset *set);

#endif
