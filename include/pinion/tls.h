/* pinion/tls.h - how TLS comes onto connections: what a TLS module offers to the server, and the server to it.
 *
 * The server owns sockets, records and the handshake's progress; the module owns the configuration: contexts with
 * certificates, the choice of a server by name, variables. OpenSSL's types are named without its headers. */
#ifndef PINION_TLS_H
#define PINION_TLS_H

#include <pinion/request.h>

struct ssl_st;
struct ssl_ctx_st;

#define PN_TLS_GROUP "tls"
#define PN_TLS_SERVER "server"

/** How a handshake ended. */
enum pn_tls_end {
    PN_TLS_ESTABLISHED,
    PN_TLS_REFUSED,    /* by either side; the error number tells more */
    PN_TLS_BROKEN_OFF, /* the client went away in the middle */
    PN_TLS_TIMED_OUT,
    PN_TLS_PLAIN_HTTP  /* the client speaks HTTP without TLS */
};

enum pn_tls_cost {
    PN_TLS_CHEAP,
    PN_TLS_COSTLY, /* worth a thread of its own when other connections would wait */
    PN_TLS_BLOCKS  /* may ask other servers: never on the loop */
};

/** Provider of group PN_TLS_GROUP, name PN_TLS_SERVER. */
struct pn_tls_server {
    /** What a connection that was accepted for conn->base_server speaks. @param https_port the listener is one of https.
     *  @return NULL: no TLS. The context must live as long as the generation. */
    struct ssl_ctx_st *(*context)(const struct pn_conn *conn, bool https_port);
    /** Before the first byte. `ssl` is made from that context; pn_tls_conn(ssl) is known. */
    void (*begin)(struct pn_conn *conn, struct ssl_st *ssl);
    /** The handshake has ended, on the loop. @param error of OpenSSL's queue, 0: none.
     *  @return false: the connection is to be closed. Looked at for PN_TLS_ESTABLISHED only. */
    bool (*ended)(struct pn_conn *conn, struct ssl_st *ssl, enum pn_tls_end how, unsigned long error);
    /** What the next step of a handshake may cost. */
    enum pn_tls_cost (*cost)(const struct ssl_st *ssl);
    /** A variable by its name ("SSL_PROTOCOL"); p == NULL: not set. Lives as long as r. */
    pn_str (*variable)(struct pn_request *r, pn_str name);
    /** The values of a certificate extension of the client, by OID; *ret_n may be 0. */
    void (*extensions)(struct pn_request *r, pn_str oid, const pn_str **ret_values, size_t *ret_n);
};

/** The connection of a session of the server; from callbacks of OpenSSL, which may run on another thread while nobody
 *  else touches the connection. */
struct pn_conn *pn_tls_conn(const struct ssl_st *ssl);

/** The server that a client of this connection means by a name (SNI): by ServerName and ServerAlias among those of the
 *  address it reached. NULL: none has that name. Never suspends, thread-safe. */
struct pn_server *pn_conn_server_named(const struct pn_conn *conn, pn_str name);
/** ALPN: the protocol to speak, by Protocols and ProtocolsHonorOrder of `server`, among those that are built in.
 *  @param offered the client's list as on the wire: a length byte before each name.
 *  @return p == NULL: none of them. Static text. Never suspends, thread-safe. */
pn_str pn_protocol_choose(const struct pn_server *server, pn_str offered);

/** Lets the client authenticate itself in the middle of a request: a new handshake in TLS 1.2, a certificate request in 1.3. The
 *  caller has set what is to be verified. Runs on a thread of the offload pool; the waits are the fiber's.
 *  @return PN_OK: it has answered, look at its certificate; PN_TIMEOUT, PN_CANCELLED, PN_BAD (refused, or data came instead). */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_tls_ask_client(struct pn_request *r);
/** Reads the whole request body into memory now, so that the connection can be used for something else before a handler
 *  asks for it. @return PN_OK, PN_LIMIT (over max bytes), or why it cannot be read. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_buffer_request_body(struct pn_request *r, size_t max);

#endif
