/* stream_tls.c - see stream_tls.h.
 *
 * Workload: a small answer is one record and one send. A large one is encrypted 64 KB at a time into room that the loop's
 * thread keeps, and leaves with one send for several records. An idle connection holds its SSL object and nothing else. */
#include "net/stream_tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rt/offload.h"

#define TLS_MAGIC 0x50744c73u
/* Plaintext that one call of send or send_file takes. */
#define TAKE_BYTES ((size_t)64 * 1024)
/* TAKE_BYTES in the smallest records, with the most that any cipher adds to each. */
#define CIPHER_BYTES (TAKE_BYTES + (TAKE_BYTES / SMALL_RECORD_BYTES + 8) * 128)
/* A peer that makes us answer without reading (key updates, alerts) gets no more than this. */
#define OUT_MAX ((size_t)256 * 1024)
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

/* The thread's: plaintext that is gathered or read, and ciphertext of the call at work. */
static _Thread_local char *plain_room, *cipher_room;

static struct tls *tls_of(const struct pn_stream *stream)
{
    struct tls *tls = stream->secure;

    pn_assert(tls && tls->magic == TLS_MAGIC);
    return tls;
}

static char *room(char **which, size_t n)
{
    if (!*which)
        *which = malloc(n);
    pn_assert(*which != NULL);
    return *which;
}

/* ---- what goes to the socket ---- */

static void drop_out(struct tls *tls)
{
    if (!tls->borrowed)
        free(tls->out);
    tls->out = NULL;
    tls->out_n = tls->out_cap = tls->out_sent = 0;
    tls->borrowed = tls->held = false;
}

/* Makes what is left in the thread's room the session's own. */
static void keep_out(struct tls *tls)
{
    size_t left = tls->out_n - tls->out_sent;
    char  *own;

    if (!tls->borrowed)
        return;
    if (left == 0) {
        drop_out(tls);
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
static void borrow_out(struct tls *tls)
{
    size_t held = tls->out_n - tls->out_sent;
    char  *to = room(&cipher_room, CIPHER_BYTES);

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
static pn_rc flush(struct tls *tls)
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
    drop_out(tls);
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
        pn_rc rc = flush(tls);
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
    borrow_out(tls);
    return true;
}

/* Sends what was encrypted. @return `taken`, or -1: it counts later. */
static ssize_t let_go(struct tls *tls, size_t taken)
{
    pn_rc rc = flush(tls);

    if (rc == PN_OK)
        return (ssize_t)taken;
    tls->held = false;
    keep_out(tls);
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
    to = room(&plain_room, TAKE_BYTES);
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
    struct tls *tls = tls_of(stream);
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
            keep_out(tls);
            errno = EPIPE;
            return -1;
        }
        taken += record.n;
    }
    if (more && at == count) { /* the rest is on its way: one send for both */
        keep_out(tls);
        tls->held = true;
        return (ssize_t)taken;
    }
    return let_go(tls, taken);
}

static ssize_t tls_send_file(struct pn_stream *stream, int fd, uint64_t offset, size_t n)
{
    struct tls *tls = tls_of(stream);
    char       *from = room(&plain_room, TAKE_BYTES);
    ssize_t     result, got;

    if (!make_way(tls, &result))
        return result;
    got = pread(fd, from, n < TAKE_BYTES ? n : TAKE_BYTES, (off_t)offset);
    if (got <= 0) {
        tls->held = false;
        keep_out(tls);
        return got;
    }
    for (size_t taken = 0; taken < (size_t)got;) {
        size_t record = record_bytes(tls), left = (size_t)got - taken;
        record = record < left ? record : left;
        if (!encrypt(tls, from + taken, record)) {
            keep_out(tls);
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
        (void)flush(tls);
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
    struct tls *tls = tls_of(stream);
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
    (void)flush(tls);
    ERR_clear_error();
}

static void tls_end(struct pn_stream *stream)
{
    say_goodbye(tls_of(stream));
    shutdown(stream->io.fd, SHUT_WR);
}

static void release(struct tls *tls)
{
    if (!tls->broken && SSL_is_init_finished(tls->ssl)) /* the session stays good for resumption */
        SSL_set_shutdown(tls->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(tls->ssl);
    drop_out(tls);
    tls->magic = 0;
    free(tls);
}

static void tls_close(struct pn_stream *stream)
{
    struct tls *tls = tls_of(stream);

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

    pthread_once(&once, init_once);
    if (!tls)
        return false;
    *tls = (struct tls){ .magic = TLS_MAGIC, .stream = stream, .conn = conn, .shaking = true };
    tls->ssl = SSL_new(context);
    bio = tls->ssl ? BIO_new(bio_method) : NULL;
    if (!bio) {
        SSL_free(tls->ssl);
        free(tls);
        return false;
    }
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio);
    SSL_set_ex_data(tls->ssl, conn_index, conn);
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
    release(tls_of(stream));
    stream->secure = NULL;
    stream->ops = &pn_stream_plain;
}

struct ssl_st *pn_stream_tls_session(const struct pn_stream *stream)
{
    return stream->secure ? tls_of(stream)->ssl : NULL;
}

void *pn_stream_tls_conn(const struct ssl_st *ssl)
{
    return SSL_get_ex_data(ssl, conn_index);
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
    struct tls *tls = tls_of(stream);
    pn_rc       rc = PN_OK;

    *ret_error = 0;
    ERR_clear_error();
    int result = SSL_do_handshake(tls->ssl);
    if (result != 1)
        rc = step_failed(tls, result, ret_error);
    if (tls->out_n) {
        bool broken = tls->broken; /* the alert that says why must leave too */
        pn_rc sent = flush(tls);
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

    SSL_get0_alpn_selected(tls_of(stream)->ssl, &name, &n);
    return pn_str_n((const char *)name, n);
}

/* In TLS 1.3 the server signs in its first step; what follows is a certificate of the client, if it has one, and a MAC. */
bool pn_stream_tls_hard(const struct pn_stream *stream)
{
    const SSL *ssl = tls_of(stream)->ssl;

    return SSL_get_state(ssl) == TLS_ST_BEFORE || SSL_version(ssl) < TLS1_3_VERSION || SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE;
}

bool pn_stream_tls_wants_room(const struct pn_stream *stream)
{
    return tls_of(stream)->out_n != 0;
}

void pn_stream_tls_settled(struct pn_stream *stream)
{
    struct tls *tls = tls_of(stream);

    tls->shaking = false;
    stream->io.ready |= PN_IO_IN; /* what came behind the handshake's last bytes has not been asked for */
}

/* ---- a handshake in the middle ---- */

/* The client's Finished is the last that it sends in either form of such a handshake. */
static void watch_message(int sent, int version, int type, const void *bytes, size_t n, SSL *ssl, void *arg)
{
    struct tls *tls = arg;

    (void)version, (void)ssl;
    if (!sent && type == SSL3_RT_HANDSHAKE && n > 0 && *(const unsigned char *)bytes == SSL3_MT_FINISHED)
        tls->answered = true;
}

static bool ask(struct tls *tls)
{
    ERR_clear_error();
    if (SSL_version(tls->ssl) >= TLS1_3_VERSION) {
        if (SSL_verify_client_post_handshake(tls->ssl) != 1)
            return false;
    }
    else if (SSL_renegotiate(tls->ssl) != 1)
        return false;
    return SSL_do_handshake(tls->ssl) == 1;
}

struct look { struct tls *tls; int result; bool data; };

/* Off the loop: certificates are verified in here. */
static void take_a_look(void *arg)
{
    struct look *look = arg;
    char         byte;

    ERR_clear_error();
    look->result = SSL_peek(look->tls->ssl, &byte, 1);
    look->data = look->result > 0;
    look->result = look->data ? SSL_ERROR_NONE : SSL_get_error(look->tls->ssl, look->result);
    ERR_clear_error();
}

PN_MAY_YIELD static pn_rc wait_for(struct tls *tls, enum pn_io_event event, pn_usec deadline)
{
    struct pn_stream *stream = tls->stream;

    if (pn_io_register(pn_loop_this(), &stream->io) != PN_OK)
        return PN_CANCELLED;
    return pn_fiber_wait_io(&stream->io, event == PN_IO_OUT ? &stream->out_waiter : &stream->waiter, event, deadline);
}

PN_MAY_YIELD static pn_rc flush_all(struct tls *tls, pn_usec deadline)
{
    pn_rc rc;

    while ((rc = flush(tls)) == PN_AGAIN) {
        tls->stream->io.ready &= (uint8_t)~PN_IO_OUT;
        rc = wait_for(tls, PN_IO_OUT, deadline);
        if (rc != PN_OK)
            return rc;
    }
    return rc;
}

PN_MAY_YIELD static pn_rc await_answer(struct tls *tls, pn_usec deadline)
{
    struct look look = { .tls = tls };
    pn_rc       rc;

    for (;;) {
        tls->stream->io.ready &= (uint8_t)~PN_IO_IN; /* before the look: what comes during it is told anew */
        if (pn_offload(take_a_look, &look) != PN_OK)
            take_a_look(&look);
        if ((rc = flush_all(tls, deadline)) != PN_OK)
            return rc;
        if (tls->answered && SSL_is_init_finished(tls->ssl) && look.result != SSL_ERROR_SSL)
            return PN_OK;
        if (look.data)
            return PN_BAD; /* data in place of an answer: what is behind it cannot be reached without taking it */
        if (look.result != SSL_ERROR_WANT_READ) {
            tls->broken = true;
            return tls->eof ? PN_CANCELLED : PN_BAD;
        }
        if ((rc = wait_for(tls, PN_IO_IN, deadline)) != PN_OK)
            return rc;
    }
}

pn_rc pn_stream_tls_ask(struct pn_stream *stream, pn_usec timeout)
{
    struct tls *tls = tls_of(stream);
    pn_usec     deadline = pn_loop_now(pn_loop_this()) + timeout;
    pn_rc       rc;

    tls->answered = false;
    SSL_set_msg_callback(tls->ssl, watch_message);
    SSL_set_msg_callback_arg(tls->ssl, tls);
    if (!ask(tls)) {
        ERR_clear_error();
        rc = flush_all(tls, deadline) == PN_OK ? PN_BAD : PN_CANCELLED;
    }
    else {
        rc = flush_all(tls, deadline);
        tls->shaking = true;
        if (rc == PN_OK)
            rc = await_answer(tls, deadline);
        tls->shaking = false;
        stream->io.ready |= PN_IO_IN;
    }
    SSL_set_msg_callback(tls->ssl, NULL);
    return rc;
}
