/* protocols.h - the protocols that are built in, and which of them a connection speaks.
 *
 * A connection begins as HTTP/1 (h1/h1_conn.h). When its TLS handshake agrees on another protocol (ALPN), that protocol's
 * `begin` takes it over before a byte of it was read. Rows are in protocols.c. */
#ifndef PN_HTTP_PROTOCOLS_H
#define PN_HTTP_PROTOCOLS_H

#include <pinion/tls.h>

struct h1_conn;

struct pn_conn_protocol {
    const char *name; /* as ALPN and Protocols have it: "h2" */
    /** Takes over a connection whose handshake is done: its stream is ready, nothing was read, its timer is not set. On the loop,
     *  possibly from a job. NULL: HTTP/1 goes on. */
    void (*begin)(struct h1_conn *c);
};

/** Each protocol's row, where it is built in. */
extern const struct pn_conn_protocol pn_protocol_h2;

/** By name, as negotiated; NULL: unknown. */
const struct pn_conn_protocol *pn_protocol_find(pn_str name);

#endif
