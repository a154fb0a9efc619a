/* h2_conn.h - an HTTP/2 connection as HTTP/1 and the worker see it: h1/h1_conn.h has the struct, a session hangs on it.
 *
 * Connections begin as HTTP/1 ones, since that is where clients are told apart. One that turns out to speak HTTP/2 (ALPN, the
 * preface, Upgrade) is in state H1_HTTP2 from then on, and its events come here. */
#ifndef PN_H2_CONN_H
#define PN_H2_CONN_H

#include "http/h1/h1_conn.h"

/** Does the server of this address let HTTP/2 begin without negotiation (H2Direct)? */
bool h2_direct(const struct h1_conn *c);
/** Begins a session. What has been received (c->in) is the beginning of it. On the loop. May close the connection. */
void h2_begin(struct h1_conn *c);

/** Is r, the first of an HTTP/1.1 connection or a later one, to go on as HTTP/2 (Upgrade: h2c)? Changes nothing. */
bool h2_upgrade_wanted(struct h1_conn *c, const struct pn_request *r);
/** Answers 101 and begins a session with r as its first stream. From the connection's fiber, which is to end without touching the
 *  connection again. @return false: the client has gone, or it offered settings that are none. */
PN_MAY_YIELD bool h2_upgrade(struct h1_conn *c, struct pn_request *r);

/** In state H1_HTTP2: events, the timer, no new requests, the end of everything (no fiber is alive). */
void h2_conn_io(struct h1_conn *c, unsigned events);
void h2_conn_timeout(struct h1_conn *c);
void h2_conn_drain(struct h1_conn *c, pn_usec grace);
void h2_conn_free(struct h1_conn *c);

#endif
