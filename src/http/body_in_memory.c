/* body_in_memory.c - file chunks handed out as bytes, for filters that look at them.
 *
 * What is in the page cache is read at once (preadv2 with RWF_NOWAIT); what is not is read on the offload pool, so that
 * a cold disk never stalls the loop. Read, not mapped: a file that is truncated meanwhile ends early and kills nothing. */
#define PN_LOG_MODULE &pn_module_core
#include <pinion/log.h>

#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#include "http/core_conf.h"
#include "rt/offload.h"

#define PIECE_BYTES (64 * 1024)

struct in_memory {
    struct pn_body  super;
    struct pn_body *below;
    struct pn_chunk file;  /* the file chunk being read; n: bytes left */
    char           *piece;
};

struct cold_read {
    int      fd;
    char    *to;
    size_t   n;
    uint64_t offset;
    ssize_t  done;
    int      error;
};

static void read_cold(void *arg)
{
    struct cold_read *job = arg;

    do
        job->done = pread(job->fd, job->to, job->n, (off_t)job->offset);
    while (job->done < 0 && errno == EINTR);
    job->error = errno;
}

/* Bytes read, 0 at the end of the file, -1 with errno. */
PN_MAY_YIELD static ssize_t read_piece(int fd, char *to, size_t n, uint64_t offset)
{
    struct iovec     piece = { .iov_base = to, .iov_len = n };
    ssize_t          done = preadv2(fd, &piece, 1, (off_t)offset, RWF_NOWAIT);
    struct cold_read job = { .fd = fd, .to = to, .n = n, .offset = offset, .done = -1 };

    if (done >= 0 || (errno != EAGAIN && errno != EOPNOTSUPP))
        return done;
    if (!pn_fiber_this() || pn_offload(read_cold, &job) != PN_OK)
        read_cold(&job);
    errno = job.error;
    return job.done;
}

PN_MAY_YIELD static pn_rc next_of_file(struct in_memory *self, struct pn_chunk *ret_chunk)
{
    struct pn_request *r = self->super.r;
    size_t             n = self->file.n < PIECE_BYTES ? (size_t)self->file.n : PIECE_BYTES;

    if (!self->piece)
        self->piece = apr_palloc(r->pool, PIECE_BYTES);
    ssize_t done = read_piece(self->file.fd, self->piece, n, self->file.offset);
    if (done < 0)
        return pn_fail(r, 500, PN_LOG_MODULE, 20011, "reading %s: %s", r->filename.p, strerror(errno));
    if (done == 0)
        return pn_fail(r, 500, PN_LOG_MODULE, 20012, "%s became shorter while it was sent", r->filename.p);
    self->file.offset += (uint64_t)done;
    self->file.n -= (uint64_t)done;
    *ret_chunk = (struct pn_chunk){ .kind = PN_CHUNK_BYTES, .bytes = pn_str_n(self->piece, (size_t)done), .fd = -1,
                                    .last = self->file.last && self->file.n == 0 };
    return PN_OK;
}

PN_MAY_YIELD static pn_rc in_memory_next(struct pn_body *body, struct pn_chunk *ret_chunk)
{
    struct in_memory *self = PN_CONTAINER(body, struct in_memory, super);

    if (self->file.n == 0) {
        pn_rc rc = pn_body_next(self->below, ret_chunk);
        if (rc != PN_OK || ret_chunk->kind == PN_CHUNK_BYTES)
            return rc;
        self->file = *ret_chunk;
    }
    return next_of_file(self, ret_chunk);
}

static void in_memory_close(struct pn_body *body)
{
    pn_body_close(PN_CONTAINER(body, struct in_memory, super)->below);
}

static const struct pn_body_ops in_memory_ops = { .name = "IN_MEMORY", .next = in_memory_next, .close = in_memory_close };

struct pn_body *pn_body_in_memory(struct pn_request *r, struct pn_body *below)
{
    struct in_memory *self = apr_pcalloc(r->pool, sizeof(*self));

    self->super = (struct pn_body){ .ops = &in_memory_ops, .r = r, .length = below->length };
    self->below = below;
    return &self->super;
}
