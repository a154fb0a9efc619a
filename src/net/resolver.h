/* resolver.h - names of addresses and addresses of names, for the fibers of one loop.
 *
 * A look-up suspends the asking fiber and never the loop. Answers are kept as long as their records allow, "there is none"
 * and failures too; equal look-ups under way are one. c-ares speaks to the servers (resolver_ares.c); the hosts file is
 * asked before them where the system's configuration says so.
 *
 * Called by src/http for host names of clients, and by modules through pinion/resolve.h. Each loop has its own resolver,
 * so nothing is shared and nothing is locked. Memory is bounded: so many entries, each with one name or at most
 * PN_RESOLVER_ADDRESSES addresses; what was not asked for lately goes first. */
#ifndef PN_NET_RESOLVER_H
#define PN_NET_RESOLVER_H

#include "net/addr.h"
#include "rt/fiber.h"

struct pn_resolver;

/** Longest host name, bytes (RFC 1035 s2.3.4, without the last dot). */
#define PN_HOST_NAME_MAX 253
/** More addresses of one name are dropped. */
#define PN_RESOLVER_ADDRESSES 64

struct pn_resolver_options {
    const char *servers;       /* "127.0.0.1:5353,[::1]:53"; NULL: as /etc/resolv.conf says */
    pn_usec     timeout;       /* of a look-up as a whole, > 0 */
    unsigned    cache_entries; /* >= 1 */
};

struct pn_resolver_stats {
    uint64_t asked;   /* look-ups of callers */
    uint64_t started; /* of these, how many were sent on to c-ares */
    unsigned entries; /* remembered now, those under way included */
    unsigned pending; /* under way */
};

/** A resolver of the calling thread's loop. Opens no socket before the first look-up.
 *  @return PN_OK; PN_BAD: the servers' text or the system's configuration can't be used. */
PN_NODISCARD pn_rc pn_resolver_open(struct pn_loop *loop, const struct pn_resolver_options *options,
                                    struct pn_resolver **ret);
/** No fiber may wait in it. Accepts NULL. */
void pn_resolver_close(struct pn_resolver *resolver);

/** When a look-up that begins now has to be over. */
pn_usec pn_resolver_deadline(const struct pn_resolver *resolver);

/** The name of an address: lower case, without the last dot, letters, digits, '-', '_' and '.' only, never something that
 *  reads as an address. It is what the owner of the address says; whether it is true, pn_resolver_addresses tells.
 *  @param deadline of pn_loop_now's clock; the resolver's own time limit holds as well.
 *  @param pool owns ret_name, which is NUL-terminated.
 *  @return PN_OK; PN_NOT_FOUND: it has none; PN_BAD: the servers failed, or answered what is no host name; PN_TIMEOUT;
 *  PN_CANCELLED; PN_LIMIT: too many look-ups are under way. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_resolver_name(struct pn_resolver *resolver, const struct pn_addr *addr,
                                                 pn_usec deadline, apr_pool_t *pool, pn_str *ret_name);
/** All addresses of a name, IPv4 and IPv6, port 0.
 *  @param search a name without dots is completed by the system's search list.
 *  @param pool owns ret_v, *ret_n >= 1 elements.
 *  @return as pn_resolver_name; PN_BAD also for a name that is too long or has other characters. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_resolver_addresses(struct pn_resolver *resolver, pn_str name, bool search,
                                                      pn_usec deadline, apr_pool_t *pool, struct pn_addr **ret_v,
                                                      unsigned *ret_n);
/** Would pn_resolver_name, and with `confirm` then pn_resolver_addresses of what it yields, answer without waiting? */
bool pn_resolver_knows(struct pn_resolver *resolver, const struct pn_addr *addr, bool confirm);

struct pn_resolver_stats pn_resolver_stats(const struct pn_resolver *resolver);

/** Is this text a host name as pn_resolver_name hands it out? A last dot is allowed. Pure. */
bool pn_host_name_ok(pn_str name);

#endif
