/* stream_tls.h - TLS on a stream: OpenSSL over the non-blocking socket, without a fiber of its own.
 *
 * Callers: src/http, which gives a context and is told how the handshake goes. The session belongs to the stream and goes
 * with its close. Outside of handshakes everything happens on the loop's thread. A handshake's step may run on any thread,
 * when nobody else touches the stream meanwhile: it reads and writes the socket and leaves the stream's readiness alone.
 *
 * What the socket does not take stays as ciphertext with the session; the plaintext of it counts as sent when the socket
 * has taken all. Until then the caller offers the same bytes again, as pn_stream_send_all does. */
#ifndef PN_NET_STREAM_TLS_H
#define PN_NET_STREAM_TLS_H

#include "net/stream.h"

struct ssl_st;
struct ssl_ctx_st;

extern const struct pn_stream_ops pn_stream_tls;

/** Puts a session of the server side on a plain stream whose handshake is to begin. The stream must not move from here on.
 *  @param conn what pn_stream_tls_conn finds again.  @return false: no memory. */
bool pn_stream_tls_begin(struct pn_stream *stream, struct ssl_ctx_st *context, void *conn);
/** Takes it away again: the stream is plain, nothing was sent. For clients that turn out to speak no TLS. */
void pn_stream_tls_forget(struct pn_stream *stream);
struct ssl_st *pn_stream_tls_session(const struct pn_stream *stream);
void          *pn_stream_tls_conn(const struct ssl_st *ssl);

/** Before the first step, on the loop: looks what the client begins with, without taking it.
 *  @return PN_OK: it may be TLS; PN_DECLINED: a letter, so it is plain HTTP; PN_AGAIN: nothing yet; PN_EOF: it has gone. */
PN_NODISCARD pn_rc pn_stream_tls_sniff(struct pn_stream *stream);
/** One step of a handshake, as far as the bytes that are there go. Blocks on nothing but arithmetic.
 *  @return PN_OK: established; PN_AGAIN: needs input (or room, see pn_stream_tls_wants_room); PN_EOF: the client has gone;
 *  PN_BAD: failed, *ret_error of OpenSSL. */
PN_NODISCARD pn_rc pn_stream_tls_step(struct pn_stream *stream, unsigned long *ret_error);
/** Is something waiting for the socket to take it? */
bool pn_stream_tls_wants_room(const struct pn_stream *stream);
/** From a step on until this, reading does not look at the stream's readiness. On the loop. */
void pn_stream_tls_settled(struct pn_stream *stream);
/** The protocol that the handshake agreed on (ALPN); n == 0: none. */
pn_str pn_stream_tls_protocol(const struct pn_stream *stream);
/** Are version and cipher good enough for HTTP/2 (RFC 9113 s9.2): TLS 1.2 with an ephemeral key and an AEAD cipher, or later? */
bool pn_stream_tls_modern(const struct pn_stream *stream);
/** Does the next step hold work with a private key, or with the client's certificate? */
bool pn_stream_tls_hard(const struct pn_stream *stream);
/** Asks the client for a certificate in an established session and waits until it has answered.
 *  @return PN_OK, PN_TIMEOUT, PN_CANCELLED, PN_BAD. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_stream_tls_ask(struct pn_stream *stream, pn_usec timeout);

#endif
