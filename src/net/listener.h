/* listener.h - listening sockets: opened by the master, inherited by children, taken over at a reload.
 *
 * A list of specifications (from Listen lines) is turned into open sockets; sockets that an earlier list holds for the
 * same address are taken over, so that a reload or an upgrade never closes a port. Sockets handed in by the
 * environment (LISTEN_FDS, systemd's socket activation) count as such an earlier list. An address has as many sockets as
 * were opened for it at first: one that is closed takes connections along that nobody has accepted. Never suspends. */
#ifndef PN_NET_LISTENER_H
#define PN_NET_LISTENER_H

#include "net/addr.h"
#include "rt/loop.h"

struct pn_listener {
    struct pn_listener *next;
    struct pn_addr      addr;      /* any address: family AF_INET6 dual-stack or AF_INET with zero ip */
    pn_str              protocol;  /* "http", "https": Listen's second argument, or by port */
    bool                wildcard;  /* the local address differs by connection */
    bool                v6only;
    int                 fd;        /* -1: not open */
    int                *more;      /* further sockets of the same address (SO_REUSEPORT); NULL: none */
    unsigned            n_more;
    bool                inherited; /* came from the environment or an earlier list */
    struct pn_io        io;        /* the child's registration */
    void               *owner;     /* the child's accept state */
};

struct pn_listen_options {
    int  backlog;             /* ListenBacklog */
    int  receive_bytes, send_bytes; /* ReceiveBufferSize, SendBufferSize; 0: the system's */
    unsigned buckets;         /* ListenCoresBucketsRatio: sockets an address, the kernel deals connections out to them; 0 is 1 */
    bool free_bind;           /* Listen ... options=freebind */
};

/** Adds the listeners that one Listen line stands for (a port alone: one dual-stack socket where the system has IPv6,
 *  as Apache does). The same address twice is one listener. @return PN_OK or PN_BAD with *ret_error. */
PN_NODISCARD pn_rc pn_listener_add(apr_pool_t *pool, struct pn_listener **list, pn_str spec, pn_str protocol,
                                   const char **ret_error);
/** Opens what is not open, taking descriptors over from `earlier` (whose fd become -1) where the address is the same.
 *  @return PN_OK, or PN_SYSTEM with *ret_error naming address and reason; then nothing was taken and what was opened is closed. */
PN_NODISCARD pn_rc pn_listeners_open(apr_pool_t *pool, struct pn_listener *list, struct pn_listener *earlier,
                                     const struct pn_listen_options *options, const char **ret_error);
/** Applies accept filter: "none", "data"/"httpready" (TCP_DEFER_ACCEPT), "connect". @param defer_s for how long. */
void pn_listener_set_filter(struct pn_listener *listener, pn_str filter, unsigned defer_s);
/** In a child, which serves one socket of each address: closes the others. */
void pn_listeners_use_bucket(struct pn_listener *list, unsigned bucket);
void pn_listeners_close(struct pn_listener *list);
/** Descriptors handed in by LISTEN_PID/LISTEN_FDS, as a list; removes the variables. NULL when there are none. */
struct pn_listener *pn_listeners_from_environment(apr_pool_t *pool);

/** Accepts one connection: non-blocking, close-on-exec.
 *  @return the descriptor, or -1 with errno (EAGAIN: none waiting). */
int pn_listener_accept(struct pn_listener *listener, struct pn_addr *ret_peer);

#endif
