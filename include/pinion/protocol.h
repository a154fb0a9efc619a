/* pinion/protocol.h - connections below HTTP: who speaks another protocol on a server's ports, and who looks on.
 *
 * Both are providers, asked once for each connection, after TLS. Servers without them pay nothing. */
#ifndef PINION_PROTOCOL_H
#define PINION_PROTOCOL_H

#include <pinion/request.h>

/** Provider of group "protocol": takes whole connections. */
struct pn_protocol {
    /** Do connections to this server (that of the address, no name is known) speak it? */
    bool (*wants)(const struct pn_server *server);
    /** Serves in a fiber of its own; the connection is closed when it returns. */
    PN_MAY_YIELD void (*serve)(struct pn_conn *conn);
};

/** In serve(): receives. Waits at most Timeout for the first byte.
 *  @return PN_OK with *ret_n > 0; PN_EOF; PN_TIMEOUT; PN_CANCELLED: the peer has gone, or the server ends. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_conn_read(struct pn_conn *conn, char *to, size_t max, size_t *ret_n);
/** In serve(): sends all of it. Same results. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_conn_write(struct pn_conn *conn, pn_str bytes);

/** Provider of group "conn-tap": sees what goes over connections, TLS undone. HTTP/1 and other protocols of providers. */
struct pn_conn_tap {
    bool (*wants)(const struct pn_server *server);
    /** Bytes as they were received, or as they were handed to the system. Must not suspend. */
    void (*seen)(struct pn_conn *conn, bool input, pn_str bytes);
};

#endif
