/* pinion/proxy_header.h - the PROXY protocol, versions 1 and 2: what a load balancer says about the
 * client before the first byte of the connection's own protocol. Pure, never suspends. */
#ifndef PINION_PROXY_HEADER_H
#define PINION_PROXY_HEADER_H

#include <pinion/str.h>

/** Most bytes that a header may have; a version 2 header that announces more is refused. */
#define PN_PROXY_HEADER_MAX 4096

enum pn_proxy_family { PN_PROXY_UNKNOWN, PN_PROXY_INET, PN_PROXY_INET6, PN_PROXY_UNIX };

struct pn_proxy_address {
    uint8_t  bytes[16]; /* network order; the first 4 for PN_PROXY_INET, none for PN_PROXY_UNIX */
    uint16_t port;      /* host order */
};

struct pn_proxy_header {
    uint8_t version; /* 1 or 2 */
    bool    local; /* from the balancer itself (a health check): keep the connection's addresses */
    bool    datagram;               /* version 2 over UDP */
    enum pn_proxy_family    family; /* PN_PROXY_UNKNOWN: keep the connection's addresses */
    struct pn_proxy_address source, destination; /* of the client, and where it connected to */
};

/** Parses a header at the start of `bytes`, which is all that has been received so far. Extension
 *  fields of version 2 are checked for their lengths and skipped.
 *  @param ret_n bytes of the header; what follows is the connection's own.
 *  @return PN_OK; PN_AGAIN more is needed; PN_BAD not a PROXY header: close (told by the first
 *  wrong byte). */
PN_NODISCARD pn_rc pn_proxy_header_parse(pn_str bytes, struct pn_proxy_header *ret, size_t *ret_n);

#endif
