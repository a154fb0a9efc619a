/* addr.h - socket addresses to and from text and sockaddr. Pure. */
#ifndef PN_NET_ADDR_H
#define PN_NET_ADDR_H

#include <netinet/in.h>
#include <pinion/request.h>
#include <sys/socket.h>
#include <sys/un.h>

union pn_sockaddr {
    struct sockaddr         any;
    struct sockaddr_in      in;
    struct sockaddr_in6     in6;
    struct sockaddr_un      un;
    struct sockaddr_storage storage;
};

/** v4-mapped IPv6 addresses come out as IPv4. Unknown families give family 0. */
struct pn_addr pn_addr_from_sockaddr(const union pn_sockaddr *sa);
/** @return length of the sockaddr; 0 for a family that has none here. */
socklen_t pn_addr_to_sockaddr(const struct pn_addr *addr, union pn_sockaddr *ret_sa);
/** "*:80", "80", "127.0.0.1:80", "[::1]:80", "[::]:80". `ret_any`: no address was given.
 *  A host name is PN_DECLINED with *ret_host set (the caller resolves it). */
PN_NODISCARD pn_rc pn_addr_parse_port(pn_str text, struct pn_addr *ret, bool *ret_any, pn_str *ret_host);
/** Same family and address; the port is compared when `with_port`. */
bool pn_addr_eq(const struct pn_addr *a, const struct pn_addr *b, bool with_port);
/** 0.0.0.0 or ::. */
bool pn_addr_is_any(const struct pn_addr *addr);
/** "127.0.0.1:80", "[::1]:80"; buffer of at least 64 bytes; returns its length. */
size_t pn_addr_print_port(const struct pn_addr *addr, char *to);

#endif
