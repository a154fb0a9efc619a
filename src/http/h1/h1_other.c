/* h1_other.c - connections on which something below HTTP is wanted: another protocol, or a look at the bytes. See
 * pinion/protocol.h. Asked when a connection begins to speak, after TLS. */
#include <pinion/protocol.h>
#include <unistd.h>

#include "http/h1/h1_conn.h"
#include "net/stream_tls.h"

/* ---- looking on ---- */

/* The tap is the connection's worker's; streams are tapped only when there is one. */
static void tell(struct pn_stream *stream, bool input, const char *p, ssize_t n)
{
    struct h1_conn *c = PN_CONTAINER(stream, struct h1_conn, stream);

    if (n > 0)
        c->worker->tap->seen(&c->pub, input, pn_str_n(p, (size_t)n));
}

/* What of a file has left: read for whoever looks on, since it did not pass through the program. */
static void tell_file(struct pn_stream *stream, int fd, uint64_t offset, ssize_t n)
{
    char piece[512];

    while (n > 0) {
        ssize_t got = pread(fd, piece, n < (ssize_t)sizeof(piece) ? (size_t)n : sizeof(piece), (off_t)offset);

        if (got <= 0)
            return; /* it has become shorter since */
        tell(stream, false, piece, got);
        offset += (uint64_t)got;
        n -= got;
    }
}

/* What of a gathered send has left. */
static void tell_sent(struct pn_stream *stream, const struct iovec *iov, unsigned count, ssize_t n)
{
    for (unsigned i = 0; i < count && n > 0; i++) {
        ssize_t part = (ssize_t)iov[i].iov_len < n ? (ssize_t)iov[i].iov_len : n;

        tell(stream, false, iov[i].iov_base, part);
        n -= part;
    }
}

static ssize_t plain_recv(struct pn_stream *stream, char *to, size_t max)
{
    ssize_t n = pn_stream_plain.recv(stream, to, max);

    tell(stream, true, to, n);
    return n;
}

static ssize_t plain_send(struct pn_stream *stream, const struct iovec *iov, unsigned count, bool more)
{
    ssize_t n = pn_stream_plain.send(stream, iov, count, more);

    tell_sent(stream, iov, count, n);
    return n;
}

static ssize_t plain_send_file(struct pn_stream *stream, int fd, uint64_t offset, size_t max)
{
    ssize_t n = pn_stream_plain.send_file(stream, fd, offset, max);

    tell_file(stream, fd, offset, n);
    return n;
}

static void plain_end(struct pn_stream *stream)
{
    pn_stream_plain.end(stream);
}

static void plain_close(struct pn_stream *stream)
{
    pn_stream_plain.close(stream);
}

static ssize_t tls_recv(struct pn_stream *stream, char *to, size_t max)
{
    ssize_t n = pn_stream_tls.recv(stream, to, max);

    tell(stream, true, to, n);
    return n;
}

static ssize_t tls_send(struct pn_stream *stream, const struct iovec *iov, unsigned count, bool more)
{
    ssize_t n = pn_stream_tls.send(stream, iov, count, more);

    tell_sent(stream, iov, count, n);
    return n;
}

static ssize_t tls_send_file(struct pn_stream *stream, int fd, uint64_t offset, size_t max)
{
    ssize_t n = pn_stream_tls.send_file(stream, fd, offset, max);

    tell_file(stream, fd, offset, n);
    return n;
}

static void tls_end(struct pn_stream *stream)
{
    pn_stream_tls.end(stream);
}

static void tls_close(struct pn_stream *stream)
{
    pn_stream_tls.close(stream);
}

static const struct pn_stream_ops tapped_plain = { .name = "plain, tapped", .recv = plain_recv, .send = plain_send,
                                                   .send_file = plain_send_file, .end = plain_end, .close = plain_close };
static const struct pn_stream_ops tapped_tls = { .name = "TLS, tapped", .recv = tls_recv, .send = tls_send,
                                                 .send_file = tls_send_file, .end = tls_end, .close = tls_close };

static void tap(struct h1_conn *c)
{
    const struct pn_conn_tap *one = c->worker->tap;

    if (!one || !one->wants(c->pub.base_server))
        return;
    c->stream.ops = c->stream.ops == &pn_stream_tls ? &tapped_tls : &tapped_plain;
}

/* ---- another protocol ---- */

PN_MAY_YIELD static void serve(void *arg)
{
    struct h1_conn *c = arg;

    c->fiber = pn_fiber_this();
    c->state = H1_WORKING;
    c->worker->protocol->serve(&c->pub);
    h1_conn_linger(c);
}

static void serve_job(struct pn_job *job)
{
    struct h1_conn *c = PN_CONTAINER(job, struct h1_conn, job);

    if (pn_fiber_start(c->worker->loop, serve, c) != PN_OK)
        h1_conn_close(c); /* no memory for a stack */
}

bool h1_other_wanted(struct h1_conn *c)
{
    const struct pn_protocol *protocol = c->worker->protocol;

    tap(c);
    if (!protocol || !protocol->wants(c->pub.base_server))
        return false;
    pn_timer_clear(c->worker->loop, &c->timer);
    c->state = H1_QUEUED;
    c->idle = false;
    c->job.fn = serve_job;
    pn_job_queue(c->worker->loop, &c->job);
    return true;
}

pn_rc pn_conn_read(struct pn_conn *conn, char *to, size_t max, size_t *ret_n)
{
    struct h1_conn *c = PN_CONTAINER(conn, struct h1_conn, pub);
    pn_usec         timeout = pn_core_server(conn->base_server)->timeout;
    pn_rc           rc;

    if (c->in) { /* came before the protocol was known */
        *ret_n = c->in_n < max ? c->in_n : max;
        memcpy(to, c->in, *ret_n);
        h1_conn_keep_rest(c, *ret_n);
        return PN_OK;
    }
    rc = pn_stream_recv_wait(&c->stream, to, max, timeout, ret_n);
    c->peer_ended |= rc == PN_EOF;
    c->pub.aborted |= rc == PN_CANCELLED;
    return rc;
}

pn_rc pn_conn_write(struct pn_conn *conn, pn_str bytes)
{
    struct h1_conn *c = PN_CONTAINER(conn, struct h1_conn, pub);
    struct iovec    iov = { .iov_base = (void *)(uintptr_t)bytes.p, .iov_len = bytes.n };
    uint64_t        sent = 0;
    pn_rc           rc = pn_stream_send_all(&c->stream, &iov, 1, false, pn_core_server(conn->base_server)->timeout, &sent);

    c->worker->bytes += sent;
    c->pub.aborted |= rc == PN_CANCELLED;
    return rc;
}
