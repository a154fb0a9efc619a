/* remoteip_chain.h - the list of addresses that proxies wrote into a request, judged from its end (mod_remoteip).
 *
 * Each proxy adds the address it was asked from, so the last one is the word of the peer, the one before it the word of the
 * last, and so on: it is believed as far as each of them is trusted. Pure, no state. */
#ifndef PN_MODULES_REMOTEIP_CHAIN_H
#define PN_MODULES_REMOTEIP_CHAIN_H

#include <pinion/netset.h>
#include <pinion/request.h>

/** Networks of proxies, all of one kind, and the next ones as configured. The first that holds an address decides. */
struct remoteip_group {
    struct pn_netset            *nets;
    bool                         internal; /* may name private addresses, and is not listed among the proxies */
    const struct remoteip_group *next;
};

/** What came of a list. */
struct remoteip_result {
    struct pn_addr client;   /* who asks; port 0 unless it is the peer */
    pn_str         rest;     /* what is left of the list, p == NULL: nothing; a part of the list that was given */
    pn_str         proxies;  /* "192.0.2.1, 192.0.2.2": those that are not internal, the peer first; p == NULL: none */
    bool           changed;  /* at least one address was believed */
    pn_str         refused;  /* the address at which belief ended because of what it is; p == NULL: for another reason */
    bool           is_address; /* `refused` is an address, but a private one */
};

/** @param trusted NULL: everybody is believed, but nobody's private addresses.
 *  @param list the field's value; elements separated by commas.
 *  @param pool owns ret->proxies. */
void remoteip_follow(apr_pool_t *pool, const struct remoteip_group *trusted, const struct pn_addr *peer, pn_str list,
                     struct remoteip_result *ret);

/** Is the address one that no public network has? 10/8, 172.16/12, 192.168/16, 169.254/16, 127/8; of IPv6 all outside of
 *  2000::/3. */
bool remoteip_is_private(const struct pn_addr *addr);

#endif
