/* stream_tls_socket.c - between OpenSSL and the socket: what is encrypted and waits for room, and reading without asking twice.
 * See stream_tls.h. */
#include "net/stream_tls_internal.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

/* A peer that makes us answer without reading (key updates, alerts) gets no more than this. */
#define OUT_MAX ((size_t)256 * 1024)

/* The thread's: ciphertext of the call at work. */
static _Thread_local char *cipher_room;

char *pn__tls_room(char **which, size_t n)
{
    if (!*which)
        *which = malloc(n);
    pn_assert(*which != NULL);
    return *which;
}

/* ---- what goes to the socket ---- */

void pn__tls_drop(struct tls *tls)
{
    if (!tls->borrowed)
        free(tls->out);
    tls->out = NULL;
    tls->out_n = tls->out_cap = tls->out_sent = 0;
    tls->borrowed = tls->held = false;
}

/* Makes what is left in the thread's room the session's own. */
void pn__tls_keep(struct tls *tls)
{
    size_t left = tls->out_n - tls->out_sent;
    char  *own;

    if (!tls->borrowed)
        return;
    if (left == 0) {
        pn__tls_drop(tls);
        return;
    }
    own = malloc(left);
    pn_assert(own != NULL);
    memcpy(own, tls->out + tls->out_sent, left);
    tls->out = own;
    tls->out_n = tls->out_cap = left;
    tls->out_sent = 0;
    tls->borrowed = false;
}

/* The thread's room for this call, beginning with what was held. */
void pn__tls_borrow(struct tls *tls)
{
    size_t held = tls->out_n - tls->out_sent;
    char  *to = pn__tls_room(&cipher_room, CIPHER_BYTES);

    if (held > CIPHER_BYTES - TAKE_BYTES - 8192)
        return; /* grows as it is */
    if (held)
        memcpy(to, tls->out + tls->out_sent, held);
    free(tls->out);
    tls->out = to;
    tls->out_n = held;
    tls->out_cap = CIPHER_BYTES;
    tls->out_sent = 0;
    tls->borrowed = true;
}

static bool grow_out(struct tls *tls, size_t n)
{
    size_t need = tls->out_n + n, cap = tls->out_cap ? tls->out_cap : 2048;
    char  *own;

    if (need > OUT_MAX)
        return false;
    while (cap < need)
        cap *= 2;
    own = tls->borrowed ? malloc(cap) : realloc(tls->out, cap);
    if (!own)
        return false;
    if (tls->borrowed)
        memcpy(own, tls->out, tls->out_n);
    tls->out = own;
    tls->out_cap = cap;
    tls->borrowed = false;
    return true;
}

/* @return PN_OK: out is empty; PN_AGAIN; PN_CANCELLED with errno: the connection is gone. */
pn_rc pn__tls_flush(struct tls *tls)
{
    while (tls->out_sent < tls->out_n) {
        ssize_t n = send(tls->stream->io.fd, tls->out + tls->out_sent, tls->out_n - tls->out_sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return PN_AGAIN;
        if (n < 0) {
            tls->broken = true;
            return PN_CANCELLED;
        }
        tls->out_sent += (size_t)n;
    }
    pn__tls_drop(tls);
    return PN_OK;
}

/* ---- OpenSSL's view of the socket ---- */

static int bio_write(BIO *bio, const char *from, int n)
{
    struct tls *tls = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (n <= 0 || tls->broken)
        return -1;
    if ((size_t)n > tls->out_cap - tls->out_n && !grow_out(tls, (size_t)n))
        return -1;
    memcpy(tls->out + tls->out_n, from, (size_t)n);
    tls->out_n += (size_t)n;
    return n;
}

/* The stream's readiness saves the call that would say "nothing there". In a handshake it belongs to the loop's thread. */
static int bio_read(BIO *bio, char *to, int max)
{
    struct tls   *tls = BIO_get_data(bio);
    struct pn_io *io = &tls->stream->io;
    ssize_t       n;

    BIO_clear_retry_flags(bio);
    if (!tls->shaking && !(io->ready & PN_IO_IN)) {
        BIO_set_retry_read(bio);
        return -1;
    }
    do
        n = recv(io->fd, to, (size_t)max, 0);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        tls->eof = true;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        BIO_set_retry_read(bio);
    if (!tls->shaking && n != 0 && n < max && !(io->ready & (PN_IO_HUP | PN_IO_RDHUP)))
        io->ready &= (uint8_t)~PN_IO_IN;
    return (int)n;
}

static long bio_control(BIO *bio, int what, long number, void *pointer)
{
    const struct tls *tls = BIO_get_data(bio);

    (void)number, (void)pointer;
    switch (what) {
    case BIO_CTRL_FLUSH: return 1; /* whoever called OpenSSL sends */
    case BIO_CTRL_EOF: return tls->eof;
    default: return 0;
    }
}

static BIO_METHOD    *bio_method;
static int            conn_index;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init_once(void)
{
    bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "pinion stream");
    conn_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    pn_assert(bio_method != NULL && conn_index >= 0);
    BIO_meth_set_write(bio_method, bio_write);
    BIO_meth_set_read(bio_method, bio_read);
    BIO_meth_set_ctrl(bio_method, bio_control);
}

BIO *pn__tls_bio(struct tls *tls)
{
    BIO *bio;

    pthread_once(&once, init_once);
    bio = BIO_new(bio_method);
    if (!bio)
        return NULL;
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    return bio;
}

void pn__tls_set_conn(SSL *ssl, void *conn)
{
    SSL_set_ex_data(ssl, conn_index, conn);
}

void *pn_stream_tls_conn(const struct ssl_st *ssl)
{
    return SSL_get_ex_data(ssl, conn_index);
}
