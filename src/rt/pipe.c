/* pipe.c - descriptors that a fiber reads, writes and waits on besides its connection; see pinion/io.h.
 *
 * A pipe tries first and is registered with the loop only when it must wait. One fiber waits on a pipe at a time, but a
 * fiber may wait on several pipes. */
#include <pinion/io.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "rt/fiber.h"

/* A fiber's wait on one or more pipes; lies on its stack. */
struct wait {
    struct pn_fiber *fiber;
    bool             woken; /* one resume a wait, also when several pipes become ready in a turn */
};

struct pn_pipe {
    struct pn_io io;
    struct wait *wait;   /* NULL: nobody waits */
    unsigned     events; /* that it waits for */
    apr_pool_t  *pool;
};

pn_usec pn_now(void)
{
    return pn_loop_now(pn_loop_this());
}

static void on_io(struct pn_io *io, unsigned events)
{
    struct pn_pipe *pipe = PN_CONTAINER(io, struct pn_pipe, io);
    struct wait    *wait = pipe->wait;

    if (!wait || wait->woken || !(events & (pipe->events | PN_IO_HUP)))
        return;
    wait->woken = true;
    pn_fiber_resume(wait->fiber, PN_OK);
}

static apr_status_t close_with_pool(void *data)
{
    struct pn_pipe *pipe = data;

    if (pipe->io.fd >= 0)
        pn_io_close(pn_loop_this(), &pipe->io);
    return APR_SUCCESS;
}

struct pn_pipe *pn_pipe_open(apr_pool_t *pool, int fd)
{
    struct pn_pipe *pipe = apr_pcalloc(pool, sizeof(*pipe));
    int             flags = fcntl(fd, F_GETFL);

    pn_assert(flags >= 0);
    if (!(flags & O_NONBLOCK))
        (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    pn_io_prepare(&pipe->io, fd, on_io);
    pipe->pool = pool;
    apr_pool_cleanup_register(pool, pipe, close_with_pool, apr_pool_cleanup_null);
    return pipe;
}

void pn_pipe_close(struct pn_pipe *pipe)
{
    if (!pn_pipe_is_open(pipe))
        return;
    apr_pool_cleanup_kill(pipe->pool, pipe, close_with_pool);
    close_with_pool(pipe);
}

bool pn_pipe_is_open(const struct pn_pipe *pipe)
{
    return pipe && pipe->io.fd >= 0;
}

int pn_pipe_fd(const struct pn_pipe *pipe)
{
    return pn_pipe_is_open(pipe) ? pipe->io.fd : -1;
}

int pn_pipe_detach(struct pn_pipe *pipe)
{
    if (!pn_pipe_is_open(pipe))
        return -1;
    apr_pool_cleanup_kill(pipe->pool, pipe, close_with_pool);
    return pn_io_detach(pn_loop_this(), &pipe->io);
}

/* ---- waiting ---- */

static pn_usec deadline_after(pn_usec timeout)
{
    pn_usec now = pn_now();

    return timeout < PN_NEVER - now ? now + timeout : PN_NEVER;
}

/* Registers what is not, so that the loop reports it. PN_OK: go on and suspend; PN_AGAIN: one is ready already. */
static pn_rc arm(struct pn_pipe *const *pipes, size_t count, unsigned events)
{
    for (size_t i = 0; i < count; i++) {
        if (!pn_pipe_is_open(pipes[i]))
            continue;
        if (pipes[i]->io.ready & events)
            return PN_AGAIN;
        pn_rc rc = pn_io_register(pn_loop_this(), &pipes[i]->io);
        if (rc != PN_OK)
            return rc;
    }
    return PN_OK;
}

static bool set_wait(struct pn_pipe *const *pipes, size_t count, struct wait *wait, unsigned events)
{
    bool any = false;

    for (size_t i = 0; i < count; i++) {
        if (!pn_pipe_is_open(pipes[i]))
            continue;
        pn_assert(!wait || !pipes[i]->wait);
        pipes[i]->wait = wait;
        pipes[i]->events = events;
        any = true;
    }
    return any;
}

PN_MAY_YIELD static pn_rc wait_for(struct pn_pipe *const *pipes, size_t count, unsigned events, pn_usec timeout)
{
    struct wait wait = { .fiber = pn_fiber_this() };
    pn_rc       rc = arm(pipes, count, events);

    if (rc != PN_OK)
        return rc == PN_AGAIN ? PN_OK : rc;
    if (!set_wait(pipes, count, &wait, events))
        return PN_EOF;
    rc = pn_fiber_suspend_until(deadline_after(timeout));
    set_wait(pipes, count, NULL, 0);
    return rc;
}

pn_rc pn_pipe_wait(struct pn_pipe *const *pipes, size_t count, pn_usec timeout)
{
    return wait_for(pipes, count, PN_IO_IN, timeout);
}

/* ---- reading and writing ---- */

pn_rc pn_pipe_read(struct pn_pipe *pipe, char *to, size_t max, pn_usec timeout, size_t *ret_n)
{
    for (;;) {
        ssize_t n = read(pipe->io.fd, to, max);
        if (n > 0) {
            *ret_n = (size_t)n;
            return PN_OK;
        }
        if (n == 0)
            return PN_EOF;
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN)
            return PN_SYSTEM;
        pipe->io.ready &= (uint8_t)~PN_IO_IN;
        if (timeout == 0)
            return PN_AGAIN;
        pn_rc rc = wait_for(&pipe, 1, PN_IO_IN, timeout);
        if (rc != PN_OK)
            return rc;
    }
}

pn_rc pn_pipe_write(struct pn_pipe *pipe, pn_str bytes, pn_usec timeout)
{
    while (bytes.n) {
        ssize_t n = write(pipe->io.fd, bytes.p, bytes.n);
        if (n > 0) {
            bytes = pn_str_from(bytes, (size_t)n);
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EPIPE)
            return PN_EOF;
        if (n < 0 && errno != EAGAIN)
            return PN_SYSTEM;
        pipe->io.ready &= (uint8_t)~PN_IO_OUT;
        pn_rc rc = wait_for(&pipe, 1, PN_IO_OUT, timeout);
        if (rc != PN_OK)
            return rc;
    }
    return PN_OK;
}
