/* stream_tls_internal.h - what the files of the TLS stream share: the session beside a stream, and what waits for its socket.
 * See stream_tls.h. */
#ifndef PN_NET_STREAM_TLS_INTERNAL_H
#define PN_NET_STREAM_TLS_INTERNAL_H

#include <openssl/ssl.h>

#include "net/stream_tls.h"

#define TLS_MAGIC 0x50744c73u
/* Plaintext that one call of send or send_file takes. */
#define TAKE_BYTES ((size_t)64 * 1024)
/* TAKE_BYTES in the smallest records, with the most that any cipher adds to each. */
#define CIPHER_BYTES (TAKE_BYTES + (TAKE_BYTES / SMALL_RECORD_BYTES + 8) * 128)
/* What fits one packet on an ordinary path, so that the first bytes can be used as soon as they arrive; then full records. */
#define SMALL_RECORD_BYTES 1369
#define SMALL_UNTIL_BYTES ((uint64_t)40 * SMALL_RECORD_BYTES)
/* After such a pause the path may have changed, and records are small again. */
#define PAUSE_USEC PN_USEC_PER_SEC

struct tls {
    uint32_t          magic;
    SSL              *ssl;
    struct pn_stream *stream;
    void             *conn;
    char             *out;      /* ciphertext for the socket; `borrowed`: the thread's room, else malloc'd */
    size_t            out_n, out_cap, out_sent;
    size_t            ahead;    /* plaintext that lies in out and does not count as sent yet */
    uint64_t          in_row;   /* plaintext since the last pause */
    pn_usec           last_sent;
    bool              borrowed : 1;
    bool              held : 1;     /* out waits for more to come, by the caller's wish */
    bool              shaking : 1;  /* a handshake's step may be on another thread: leave stream->io alone */
    bool              eof : 1;      /* the socket has ended */
    bool              broken : 1;   /* nothing can be said any more */
    bool              ended : 1;    /* we have said that nothing more comes */
    bool              answered : 1; /* the client's part of a handshake in the middle is complete */
};

static inline struct tls *pn__tls_of(const struct pn_stream *stream)
{
    struct tls *tls = (struct tls *)stream->secure;

    pn_assert(tls && tls->magic == TLS_MAGIC);
    return tls;
}

/* ---- stream_tls_socket.c ---- */

/** OpenSSL's side of the socket for a new session; NULL: no memory. */
BIO *pn__tls_bio(struct tls *tls);
/** The session's connection, kept with the SSL object. */
void  pn__tls_set_conn(SSL *ssl, void *conn);
/** Room of the calling thread for n bytes, made on first use. */
char *pn__tls_room(char **which, size_t n);
/** The thread's room becomes that of this session's output for one call, beginning with what was held. */
void  pn__tls_borrow(struct tls *tls);
/** What is left in the thread's room becomes the session's own. */
void  pn__tls_keep(struct tls *tls);
void  pn__tls_drop(struct tls *tls);
/** @return PN_OK: nothing waits any more; PN_AGAIN; PN_CANCELLED with errno: the connection is gone. */
pn_rc pn__tls_flush(struct tls *tls);

#endif
