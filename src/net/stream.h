/* stream.h - one connected socket as the protocols use it: plain now, TLS by other ops on the same struct.
 *
 * Receiving never waits (the protocol's parser is incremental); sending waits for the peer in the calling fiber.
 * Each wait without progress lasts at most `timeout` (directive Timeout). */
#ifndef PN_NET_STREAM_H
#define PN_NET_STREAM_H

#include <sys/uio.h>

#include "rt/fiber.h"

struct pn_stream;

struct pn_stream_ops {
    const char *name;
    /** @return bytes, 0 at the peer's end, -1 with errno (EAGAIN: nothing now). */
    ssize_t (*recv)(struct pn_stream *stream, char *to, size_t max);
    /** One try. `more`: further bytes follow at once. Same results; 0 never. */
    ssize_t (*send)(struct pn_stream *stream, const struct iovec *iov, unsigned count, bool more);
    /** One try from a regular file; 0 when the file ended early. NULL: the protocol reads and sends. */
    ssize_t (*send_file)(struct pn_stream *stream, int fd, uint64_t offset, size_t n);
    /** No more bytes will be sent; tells the peer. */
    void (*end)(struct pn_stream *stream);
    void (*close)(struct pn_stream *stream);
};

struct pn_stream {
    struct pn_io                io;
    struct pn_io_waiter         waiter;     /* for input */
    struct pn_io_waiter         out_waiter; /* for room to send: an answer may begin before the request's body has ended */
    const struct pn_stream_ops *ops;
    void                       *secure; /* the TLS session of secure ops */
};

extern const struct pn_stream_ops pn_stream_plain;

/** One attempt without waiting. `iov` and `count` are advanced past what was sent.
 *  @return PN_OK: all of it is sent; PN_AGAIN: not, whatever the reason (pn_stream_send_all finds out). */
PN_NODISCARD pn_rc pn_stream_try(struct pn_stream *stream, struct iovec **iov, unsigned *count, bool more, uint64_t *sent);

/** Sends all of it. `iov` is used up as scratch. Adds what was sent to *sent also when it fails.
 *  @return PN_OK, PN_TIMEOUT, PN_CANCELLED (reset by the peer or the fiber was cancelled). */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_stream_send_all(struct pn_stream *stream, struct iovec *iov, unsigned count,
                                                   bool more, pn_usec timeout, uint64_t *sent);
/** The same from a file. PN_EOF: the file has become shorter than offset + n. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_stream_send_file(struct pn_stream *stream, int fd, uint64_t offset, uint64_t n,
                                                    pn_usec timeout, uint64_t *sent);
/** Waits for input, then receives. @return PN_OK with *ret_n > 0, PN_EOF, PN_TIMEOUT, PN_CANCELLED. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_stream_recv_wait(struct pn_stream *stream, char *to, size_t max, pn_usec timeout,
                                                    size_t *ret_n);

#endif
