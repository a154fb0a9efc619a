/* h1_conn.h - an HTTP/1 connection: the small struct that an idle client costs, and what happens around requests.
 *
 * Between requests there is no fiber, no stack, no pool and no buffer: only this struct in a slab of its worker. A head
 * is collected on the loop; a fiber is taken when it is complete, and serves requests until no complete head is
 * left in the buffer. */
#ifndef PN_H1_CONN_H
#define PN_H1_CONN_H

#include "http/request_core.h"
#include "net/stream.h"
#include <pinion/tls.h>

enum h1_state {
    H1_PREFACE,   /* what comes before everything else, see h1_preface.c */
    H1_HANDSHAKE, /* of TLS, see h1_tls.c */
    H1_READING, /* waits for a head or the rest of one; the timer limits it */
    H1_QUEUED,  /* a head is complete (or refused), its job is queued */
    H1_WORKING, /* a fiber serves */
    H1_HTTP2,   /* speaks HTTP/2 now: its events are those of c->h2, see h2/h2_conn.h */
    H1_LINGER,  /* the answer is out; reads and drops until the peer closes (Apache's "Lingering Close") */
    H1_FREE
};

struct h1_conn {
    struct pn_conn    pub;
    struct pn_stream  stream;
    struct pn_timer   timer;
    struct pn_job     job;
    struct h2_session *h2;             /* HTTP2: what it speaks by */
    struct pn_fiber  *fiber;           /* WORKING: that of the request */
    struct h1_conn   *next, **link;    /* the worker's list of open connections, or of free ones */
    struct pn_worker *worker;
    pn_usec           head_begun;      /* READING: since when the client is to send a head */
    char             *in;              /* received and not used yet: malloc'd, or in the arena; NULL: nothing */
    uint32_t          in_n, in_cap;
    uint32_t          head_end;        /* QUEUED: bytes of in that are the head */
    struct pn_h1_scan scan;
    enum pn_h1_fault  fault : 8;       /* QUEUED: why the head is refused */
    enum h1_state     state : 8;
    bool              in_arena : 1;
    bool              idle : 1;        /* READING, and no byte of a head has come */
    bool              peer_ended : 1;  /* the peer will send no more */
    bool              last_answer : 1; /* draining: the next answer closes */
    bool              client_closes : 1; /* the client said that its last request was the last */
    bool              watched : 1;     /* WORKING: a reset cancels the request's waits */
    bool              called : 1;      /* QUEUED: it has waited for a slot, and one is kept for it */
    bool              sniffed : 1;     /* HANDSHAKE: it has begun, and not with plain HTTP */
    bool              away : 1;        /* HANDSHAKE: a step of it is on another thread */
    bool              doomed : 1;      /* HANDSHAKE: it has taken too long */
    bool              plain_http : 1;  /* the client speaks HTTP where TLS is spoken: it is told so */
    bool              unclean : 1;     /* bytes of the peer may be on their way that nobody will read */
};

/** Its first request may come: what has been received already is looked at. */
void h1_conn_begin(struct h1_conn *c);

/** Its own protocol begins: TLS, or HTTP at once. */
void h1_conn_start(struct h1_conn *c);

/** A new connection that something is to be read of before TLS and HTTP: waits for it. @return false: nothing is. */
bool h1_preface_wanted(struct h1_conn *c);
/** Reads what has come of it. The connection may be closed when it returns. */
void h1_preface_go(struct h1_conn *c);

/** A connection that is about to begin: looks who wants it or its bytes. @return true: it does not speak HTTP, and is served. */
bool h1_other_wanted(struct h1_conn *c);

/** A new connection of a server that speaks TLS: puts a session on the stream. @return false: it speaks none. */
bool h1_tls_wanted(struct h1_conn *c);
/** Goes on with the handshake as far as it goes. The connection may be closed when it returns. */
void h1_tls_go(struct h1_conn *c);
/** It took too long. */
void h1_tls_timeout(struct h1_conn *c);

/** Room of the arena or of the buffer for more input; grows the buffer up to the limits of a head. */
void h1_conn_receive(struct h1_conn *c);
/** The limits of heads on this connection's server. */
struct pn_h1_limits h1_limits(const struct h1_conn *c);
/** Makes the bytes from `from` on the connection's own buffer; used-up bytes are dropped. */
void h1_conn_keep_rest(struct h1_conn *c, size_t from);
/** Bytes received for the next request: copied into the connection's own buffer, which is empty. */
void h1_conn_give_input(struct h1_conn *c, pn_str bytes);
/** Closes at once. */
void h1_conn_close(struct h1_conn *c);
/** Ends the sending side and drops input until the peer closes or the time is over. */
void h1_conn_linger(struct h1_conn *c);

/** Serves the request whose head is the first head_end bytes of c->in. From the connection's fiber.
 *  @return true when the connection may be used again. */
PN_MAY_YIELD bool h1_serve_request(struct h1_conn *c, apr_pool_t *pool);

/** Sends the answer; fills r's figures for the log. PN_OK: complete, framing intact. */
PN_MAY_YIELD PN_NODISCARD pn_rc h1_send_response(struct h1_conn *c, struct pn_request *r);

/** From now on a reset of the connection cancels the waits of the request at work. */
void h1_watch(struct pn_request *r);

/** The request body behind the head, framing undone. */
struct pn_body *h1_body_in(struct pn_request *r);
/** Drops what is left of the request body, at most `max` bytes. @return false when the connection can't be used again. */
PN_MAY_YIELD bool h1_body_finish(struct h1_conn *c, struct pn_request *r, uint64_t max);

extern const struct pn_protocol_ops h1_protocol;

#endif
