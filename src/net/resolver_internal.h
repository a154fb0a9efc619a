/* resolver_internal.h - between the resolver's cache (resolver.c) and its way to the servers (resolver_ares.c). */
#ifndef PN_NET_RESOLVER_INTERNAL_H
#define PN_NET_RESOLVER_INTERNAL_H

#include "net/resolver.h"

struct pn__dns;
struct pn__entry;

/** What came of a look-up. The text and the addresses are borrowed for the call. */
struct pn__dns_answer {
    enum { PN__DNS_FOUND, PN__DNS_NONE, PN__DNS_FAILED } outcome;
    pn_str                name;  /* of an address */
    const struct pn_addr *v;     /* of a name */
    unsigned              n;
    int64_t               ttl_s; /* of the records; < 0: they say nothing */
};
/** Told once for each query, also from inside pn__dns_ask_* and pn__dns_close. */
typedef void pn__dns_done_fn(struct pn__entry *entry, const struct pn__dns_answer *answer);

/** @param ret_dns unless PN_OK is returned, nothing is open. */
PN_NODISCARD pn_rc pn__dns_open(struct pn_loop *loop, const struct pn_resolver_options *options, pn__dns_done_fn *done,
                                struct pn__dns **ret_dns);
/** Ends every query under way as failed. Accepts NULL. */
void pn__dns_close(struct pn__dns *dns);
void pn__dns_ask_name(struct pn__dns *dns, const struct pn_addr *addr, struct pn__entry *entry);
/** @param name NUL-terminated, copied. */
void pn__dns_ask_addresses(struct pn__dns *dns, const char *name, struct pn__entry *entry);
/** The system's search list: the i-th domain, NULL past its end. */
const char *pn__dns_search(const struct pn__dns *dns, unsigned i);

#endif
