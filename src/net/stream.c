/* stream.c - plain sockets, and the waiting around any kind of stream. */
#include "net/stream.h"

#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

/* A kernel call never moves more than this; asking for more gains nothing. */
#define SEND_FILE_MAX ((size_t)1 << 30)

static ssize_t plain_recv(struct pn_stream *stream, char *to, size_t max)
{
    return recv(stream->io.fd, to, max, 0);
}

static ssize_t plain_send(struct pn_stream *stream, const struct iovec *iov, unsigned count, bool more)
{
    int flags = MSG_NOSIGNAL | (more ? MSG_MORE : 0);

    if (count == 1)
        return send(stream->io.fd, iov->iov_base, iov->iov_len, flags);
    struct msghdr message = { .msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = count };
    return sendmsg(stream->io.fd, &message, flags);
}

static ssize_t plain_send_file(struct pn_stream *stream, int fd, uint64_t offset, size_t n)
{
    off_t at = (off_t)offset;

    return sendfile(stream->io.fd, fd, &at, n);
}

static void plain_end(struct pn_stream *stream)
{
    shutdown(stream->io.fd, SHUT_WR);
}

static void plain_close(struct pn_stream *stream)
{
    pn_io_close(pn_loop_this(), &stream->io);
}

const struct pn_stream_ops pn_stream_plain = {
    .name = "plain",
    .recv = plain_recv,
    .send = plain_send,
    .send_file = plain_send_file,
    .end = plain_end,
    .close = plain_close,
};

/* After a call that returned -1: waits when it said "not now". PN_OK: try again. */
PN_MAY_YIELD static pn_rc wait_or_give_up(struct pn_stream *stream, enum pn_io_event event, pn_usec timeout)
{
    if (errno == EINTR)
        return PN_OK;
    if (errno != EAGAIN && errno != EWOULDBLOCK)
        return PN_CANCELLED; /* reset, broken pipe: the peer is gone, whatever it is called */
    stream->io.ready &= (uint8_t)~event;
    if (pn_io_register(pn_loop_this(), &stream->io) != PN_OK)
        return PN_CANCELLED;
    return pn_fiber_wait_io(&stream->io, event == PN_IO_OUT ? &stream->out_waiter : &stream->waiter, event,
                            pn_loop_now(pn_loop_this()) + timeout);
}

/* Skips n sent bytes of the vector. */
static void advance(struct iovec **iov, unsigned *count, size_t n)
{
    while (*count && n >= (*iov)->iov_len) {
        n -= (*iov)->iov_len;
        (*iov)++;
        (*count)--;
    }
    if (n) {
        (*iov)->iov_base = (char *)(*iov)->iov_base + n;
        (*iov)->iov_len -= n;
    }
}

pn_rc pn_stream_try(struct pn_stream *stream, struct iovec **iov, unsigned *count, bool more, uint64_t *sent)
{
    ssize_t n = stream->ops->send(stream, *iov, *count, more);

    if (n < 0)
        return PN_AGAIN;
    *sent += (uint64_t)n;
    advance(iov, count, (size_t)n);
    return *count ? PN_AGAIN : PN_OK;
}

pn_rc pn_stream_send_all(struct pn_stream *stream, struct iovec *iov, unsigned count, bool more,
                         pn_usec timeout, uint64_t *sent)
{
    for (;;) {
        ssize_t n = stream->ops->send(stream, iov, count, more);
        if (n >= 0) {
            *sent += (uint64_t)n;
            advance(&iov, &count, (size_t)n);
            if (count == 0)
                return PN_OK;
            errno = EAGAIN; /* a short send: the socket's buffer is full */
        }
        pn_rc rc = wait_or_give_up(stream, PN_IO_OUT, timeout);
        if (rc != PN_OK)
            return rc;
    }
}

pn_rc pn_stream_send_file(struct pn_stream *stream, int fd, uint64_t offset, uint64_t n, pn_usec timeout,
                          uint64_t *sent)
{
    while (n) {
        size_t  ask = n < SEND_FILE_MAX ? (size_t)n : SEND_FILE_MAX;
        ssize_t done = stream->ops->send_file(stream, fd, offset, ask);
        if (done == 0)
            return PN_EOF;
        if (done > 0) {
            *sent += (uint64_t)done;
            offset += (uint64_t)done;
            n -= (uint64_t)done;
            continue; /* only EAGAIN proves the buffer full: sendfile also stops at pipe-sized steps */
        }
        pn_rc rc = wait_or_give_up(stream, PN_IO_OUT, timeout);
        if (rc != PN_OK)
            return rc;
    }
    return PN_OK;
}

pn_rc pn_stream_recv_wait(struct pn_stream *stream, char *to, size_t max, pn_usec timeout, size_t *ret_n)
{
    for (;;) {
        ssize_t n = stream->ops->recv(stream, to, max);
        if (n == 0)
            return PN_EOF;
        if (n > 0) {
            *ret_n = (size_t)n;
            return PN_OK;
        }
        pn_rc rc = wait_or_give_up(stream, PN_IO_IN, timeout);
        if (rc != PN_OK)
            return rc;
    }
}
