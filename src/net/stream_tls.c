/* stream_tls.c - see stream_tls.h.
 *
 * Workload: a small answer is one record and one send. A large one is encrypted 64 KB at a time into room that the loop's
 * thread keeps, and leaves with one send for several records. An idle connection holds its SSL object and nothing else. */
#include "net/stream_tls_internal.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* The thread's: plaintext that is gathered or read. */
static _Thread_local char *plain_room;

/* ---- records ---- */

static size_t record_bytes(struct tls *tls)
{
    return tls->in_row < SMALL_UNTIL_BYTES ? SMALL_RECORD_BYTES : SSL3_RT_MAX_PLAIN_LENGTH;
}

static void note_pause(struct tls *tls)
{
    pn_usec now = pn_loop_now(pn_loop_this());

    if (now - tls->last_sent > PAUSE_USEC)
        tls->in_row = 0;
    tls->last_sent = now;
}

/* One record into out. */
static bool encrypt(struct tls *tls, const char *from, size_t n)
{
    ERR_clear_error();
    if (SSL_write(tls->ssl, from, (int)n) != (int)n) {
        tls->broken = true;
        ERR_clear_error();
        return false;
    }
    tls->in_row += n;
    return true;
}

/* Before a call encrypts: what lies in out still. @return true: go on; false: *ret_n is the call's result. */
static bool make_way(struct tls *tls, ssize_t *ret_n)
{
    *ret_n = -1;
    if (tls->broken) {
        errno = EPIPE;
        return false;
    }
    if (tls->out_n && !tls->held) {
        pn_rc rc = pn__tls_flush(tls);
        if (rc == PN_AGAIN)
            errno = EAGAIN;
        if (rc != PN_OK)
            return false;
    }
    if (tls->ahead) {
        *ret_n = (ssize_t)tls->ahead;
        tls->ahead = 0;
        return false;
    }
    note_pause(tls);
    pn__tls_borrow(tls);
    return true;
}

/* Sends what was encrypted. @return `taken`, or -1: it counts later. */
static ssize_t let_go(struct tls *tls, size_t taken)
{
    pn_rc rc = pn__tls_flush(tls);

    if (rc == PN_OK)
        return (ssize_t)taken;
    tls->held = false;
    pn__tls_keep(tls);
    if (rc == PN_AGAIN) {
        tls->ahead = taken;
        errno = EAGAIN;
    }
    return -1;
}

/* ---- stream operations ---- */

/* The next record's plaintext: a piece of the vector itself, or small pieces put together. Advances *iov past it. */
static pn_str next_record(const struct iovec *iov, unsigned count, unsigned *at, size_t *offset, size_t max)
{
    const char *own = (const char *)iov[*at].iov_base + *offset;
    size_t      left = iov[*at].iov_len - *offset, n = 0;
    char       *to;

    if (left >= max || *at + 1 == count) {
        n = left < max ? left : max;
        *offset += n;
        if (*offset == iov[*at].iov_len) {
            (*at)++;
            *offset = 0;
        }
        return pn_str_n(own, n);
    }
    to = pn__tls_room(&plain_room, TAKE_BYTES);
    while (*at < count && n < max) {
        size_t part = iov[*at].iov_len - *offset;
        part = part < max - n ? part : max - n;
        memcpy(to + n, (const char *)iov[*at].iov_base + *offset, part);
        n += part;
        *offset += part;
        if (*offset == iov[*at].iov_len) {
            (*at)++;
            *offset = 0;
        }
    }
    return pn_str_n(to, n);
}

static ssize_t tls_send(struct pn_stream *stream, const struct iovec *iov, unsigned count, bool more)
{
    struct tls *tls = pn__tls_of(stream);
    size_t      taken = 0, offset = 0;
    unsigned    at = 0;
    ssize_t     result;

    if (!make_way(tls, &result))
        return result;
    while (at < count && taken < TAKE_BYTES) {
        if (iov[at].iov_len == 0) {
            at++;
            continue;
        }
        pn_str record = next_record(iov, count, &at, &offset, record_bytes(tls));
        if (!encrypt(tls, record.p, record.n)) {
            pn__tls_keep(tls);
            errno = EPIPE;
            return -1;
        }
        taken += record.n;
    }
    if (more && at == count) { /* the rest is on its way: one send for both */
        pn__tls_keep(tls);
        tls->held = true;
        return (ssize_t)taken;
    }
    return let_go(tls, taken);
}

static ssize_t tls_send_file(struct pn_stream *stream, int fd, uint64_t offset, size_t n)
{
    struct tls *tls = pn__tls_of(stream);
    char       *from = pn__tls_room(&plain_room, TAKE_BYTES);
    ssize_t     result, got;

    if (!make_way(tls, &result))
        return result;
    got = pread(fd, from, n < TAKE_BYTES ? n : TAKE_BYTES, (off_t)offset);
    if (got <= 0) {
        tls->held = false;
        pn__tls_keep(tls);
        return got;
    }
    for (size_t taken = 0; taken < (size_t)got;) {
        size_t record = record_bytes(tls), left = (size_t)got - taken;
        record = record < left ? record : left;
        if (!encrypt(tls, from + taken, record)) {
            pn__tls_keep(tls);
            errno = EPIPE;
            return -1;
        }
        taken += record;
    }
    return let_go(tls, (size_t)got);
}

/* What reading made OpenSSL say (a key update, an alert). What the socket does not take leaves with the next answer. */
static void flush_by_the_way(struct tls *tls)
{
    if (tls->out_n && !tls->held)
        (void)pn__tls_flush(tls);
}

/* Nothing could be read. @return as recv does. */
static ssize_t recv_failed(struct tls *tls, int result)
{
    int error = SSL_get_error(tls->ssl, result);

    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        errno = EAGAIN;
        return -1;
    }
    if (error == SSL_ERROR_ZERO_RETURN)
        return 0;
    tls->broken = true; /* OpenSSL says that the session is not to be touched again, not even to say good-bye */
    ERR_clear_error();
    if (tls->eof)
        return 0; /* an end without close_notify: HTTP's framing tells whether something is missing */
    errno = ECONNRESET;
    return -1;
}

static ssize_t tls_recv(struct pn_stream *stream, char *to, size_t max)
{
    struct tls *tls = pn__tls_of(stream);
    size_t      n = 0;

    if (tls->broken) {
        errno = ECONNRESET;
        return tls->eof ? 0 : -1;
    }
    while (n < max) {
        size_t ask = max - n < INT32_MAX ? max - n : INT32_MAX;
        ERR_clear_error();
        int    got = SSL_read(tls->ssl, to + n, (int)ask);
        flush_by_the_way(tls);
        if (got > 0) {
            n += (size_t)got;
            continue;
        }
        if (n == 0)
            return recv_failed(tls, got);
        /* An end is told by the next call: it must come, though the socket has nothing new to say. */
        if (SSL_get_error(tls->ssl, got) != SSL_ERROR_WANT_READ)
            stream->io.ready |= PN_IO_IN | PN_IO_RDHUP;
        return (ssize_t)n;
    }
    if (SSL_has_pending(tls->ssl)) /* more lies in the session: the socket would not tell */
        stream->io.ready |= PN_IO_IN;
    return (ssize_t)n;
}

static void say_goodbye(struct tls *tls)
{
    if (tls->ended || tls->broken || tls->ahead || !SSL_is_init_finished(tls->ssl))
        return;
    tls->ended = true;
    ERR_clear_error();
    (void)SSL_shutdown(tls->ssl); /* one way: the peer's own is dropped with what else it sends */
    (void)pn__tls_flush(tls);
    ERR_clear_error();
}

static void tls_end(struct pn_stream *stream)
{
    say_goodbye(pn__tls_of(stream));
    shutdown(stream->io.fd, SHUT_WR);
}

static void release(struct tls *tls)
{
    if (!tls->broken && SSL_is_init_finished(tls->ssl)) /* the session stays good for resumption */
        SSL_set_shutdown(tls->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(tls->ssl);
    pn__tls_drop(tls);
    tls->magic = 0;
    free(tls);
}

static void tls_close(struct pn_stream *stream)
{
    struct tls *tls = pn__tls_of(stream);

    say_goodbye(tls);
    release(tls);
    stream->secure = NULL;
    pn_io_close(pn_loop_this(), &stream->io);
}

const struct pn_stream_ops pn_stream_tls = {
    .name = "tls",
    .recv = tls_recv,
    .send = tls_send,
    .send_file = tls_send_file,
    .end = tls_end,
    .close = tls_close,
};

/* ---- life ---- */

bool pn_stream_tls_begin(struct pn_stream *stream, struct ssl_ctx_st *context, void *conn)
{
    struct tls *tls = calloc(1, sizeof(*tls));
    BIO        *bio;

    if (!tls)
        return false;
    *tls = (struct tls){ .magic = TLS_MAGIC, .stream = stream, .conn = conn, .shaking = true };
    tls->ssl = SSL_new(context);
    bio = tls->ssl ? pn__tls_bio(tls) : NULL;
    if (!bio) {
        SSL_free(tls->ssl);
        free(tls);
        return false;
    }
    SSL_set_bio(tls->ssl, bio, bio);
    pn__tls_set_conn(tls->ssl, conn);
    SSL_set_mode(tls->ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_set_options(tls->ssl, SSL_OP_IGNORE_UNEXPECTED_EOF); /* HTTP's framing tells whether something is missing */
    SSL_set_read_ahead(tls->ssl, 1); /* a record's head and its content with one call */
    SSL_set_accept_state(tls->ssl);
    stream->secure = tls;
    stream->ops = &pn_stream_tls;
    return true;
}

void pn_stream_tls_forget(struct pn_stream *stream)
{
    release(pn__tls_of(stream));
    stream->secure = NULL;
    stream->ops = &pn_stream_plain;
}

struct ssl_st *pn_stream_tls_session(const struct pn_stream *stream)
{
    return stream->secure ? pn__tls_of(stream)->ssl : NULL;
}

/* ---- handshakes ---- */

pn_rc pn_stream_tls_sniff(struct pn_stream *stream)
{
    char    first;
    ssize_t n;

    do
        n = recv(stream->io.fd, &first, 1, MSG_PEEK);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        return PN_EOF;
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? PN_AGAIN : PN_EOF;
    return first >= 'A' && first <= 'Z' ? PN_DECLINED : PN_OK;
}

static pn_rc step_failed(struct tls *tls, int result, unsigned long *ret_error)
{
    int error = SSL_get_error(tls->ssl, result);

    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return PN_AGAIN;
    *ret_error = ERR_peek_error();
    ERR_clear_error();
    tls->broken = true;
    return tls->eof || *ret_error == 0 ? PN_EOF : PN_BAD;
}

pn_rc pn_stream_tls_step(struct pn_stream *stream, unsigned long *ret_error)
{
    struct tls *tls = pn__tls_of(stream);
    pn_rc       rc = PN_OK;

    *ret_error = 0;
    ERR_clear_error();
    int result = SSL_do_handshake(tls->ssl);
    if (result != 1)
        rc = step_failed(tls, result, ret_error);
    if (tls->out_n) {
        bool broken = tls->broken; /* the alert that says why must leave too */
        pn_rc sent = pn__tls_flush(tls);
        if (sent == PN_CANCELLED)
            rc = PN_EOF;
        tls->broken = broken || sent == PN_CANCELLED;
    }
    return rc;
}

pn_str pn_stream_tls_protocol(const struct pn_stream *stream)
{
    const unsigned char *name = NULL;
    unsigned             n = 0;

    SSL_get0_alpn_selected(pn__tls_of(stream)->ssl, &name, &n);
    return pn_str_n((const char *)name, n);
}

bool pn_stream_tls_modern(const struct pn_stream *stream)
{
    const SSL        *ssl = pn__tls_of(stream)->ssl;
    const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
    int               key = cipher ? SSL_CIPHER_get_kx_nid(cipher) : NID_undef;

    return SSL_version(ssl) >= TLS1_2_VERSION && cipher && SSL_CIPHER_is_aead(cipher) &&
           (key == NID_kx_ecdhe || key == NID_kx_dhe || key == NID_kx_any);
}

/* In TLS 1.3 the server signs in its first step; what follows is a certificate of the client, if it has one, and a MAC. */
bool pn_stream_tls_hard(const struct pn_stream *stream)
{
    const SSL *ssl = pn__tls_of(stream)->ssl;

    return SSL_get_state(ssl) == TLS_ST_BEFORE || SSL_version(ssl) < TLS1_3_VERSION || SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE;
}

bool pn_stream_tls_wants_room(const struct pn_stream *stream)
{
    return pn__tls_of(stream)->out_n != 0;
}

void pn_stream_tls_settled(struct pn_stream *stream)
{
    struct tls *tls = pn__tls_of(stream);

    tls->shaking = false;
    stream->io.ready |= PN_IO_IN; /* what came behind the handshake's last bytes has not been asked for */
}
