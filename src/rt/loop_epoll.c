/* loop_epoll.c - the loop's poll set on Linux: the only file that knows epoll and eventfd.
 *
 * Called by loop.c once a turn, and by the owners of descriptors through pn_io_*.
 *
 * The kernel is given descriptor and generation, never a pointer: an event is looked up in
 * `slots` when it is delivered. So what was fetched for an io that has been closed since then is
 * dropped, also when the descriptor number is in use again or a forked process still holds the
 * old file open. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "rt/loop_internal.h"

enum { EVENTS_A_TURN = 256, SLOTS_AT_FIRST = 64 };

/* Marks the wake descriptor's event; no descriptor has this number. */
#define WAKE_DATA UINT64_MAX

struct slot {
    struct pn_io *io;  /* NULL: not registered */
    uint32_t      gen; /* counts the registrations of this descriptor number */
};

struct pn__poll {
    int                epoll_fd;
    int                wake_fd;
    atomic_bool        woken; /* the wake descriptor was written and the loop has not seen it yet */
    unsigned           events_n;
    struct slot       *slots; /* by descriptor */
    size_t             slots_n;
    struct epoll_event events[EVENTS_A_TURN];
};

pn_rc pn__poll_open(apr_pool_t *pool, struct pn__poll **ret_poll)
{
    struct pn__poll   *poll = apr_pcalloc(pool, sizeof(*poll));
    struct epoll_event wake = { .events = EPOLLIN | EPOLLET, .data.u64 = WAKE_DATA };
    int                err;

    poll->wake_fd = -1;
    poll->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (poll->epoll_fd >= 0)
        poll->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (poll->wake_fd >= 0 && epoll_ctl(poll->epoll_fd, EPOLL_CTL_ADD, poll->wake_fd, &wake) == 0) {
        *ret_poll = poll;
        return PN_OK;
    }
    err = errno;
    pn__poll_close(poll);
    errno = err;
    return PN_SYSTEM;
}

void pn__poll_close(struct pn__poll *poll)
{
    if (poll == NULL)
        return;
    if (poll->wake_fd >= 0)
        close(poll->wake_fd);
    if (poll->epoll_fd >= 0)
        close(poll->epoll_fd);
    free(poll->slots);
    poll->slots = NULL;
    poll->slots_n = 0;
    poll->wake_fd = poll->epoll_fd = -1;
}

void pn__poll_wait(struct pn__poll *poll, int wait_ms)
{
    int n = epoll_wait(poll->epoll_fd, poll->events, EVENTS_A_TURN, wait_ms);

    pn_assert(n >= 0 || errno == EINTR);
    poll->events_n = n > 0 ? (unsigned)n : 0;
}

/* A half-closed peer may still read: that is RDHUP and never ends a wait for output. After a
 * full hang-up or an error neither read nor write blocks, so both bits are set and every wait
 * ends. */
static unsigned ready_bits(uint32_t events)
{
    unsigned bits = 0;

    if (events & EPOLLIN)
        bits |= PN_IO_IN;
    if (events & EPOLLOUT)
        bits |= PN_IO_OUT;
    if (events & EPOLLRDHUP)
        bits |= PN_IO_IN | PN_IO_RDHUP;
    if (events & (EPOLLHUP | EPOLLERR))
        bits |= PN_IO_IN | PN_IO_OUT | PN_IO_HUP;
    return bits;
}

unsigned pn__poll_deliver(struct pn__poll *poll)
{
    unsigned delivered = 0;

    for (unsigned i = 0; i < poll->events_n; i++) {
        uint64_t           data = poll->events[i].data.u64;
        const struct slot *slot;
        struct pn_io      *io;
        unsigned           bits;

        if (data == WAKE_DATA) {
            /* The counter is not read back: edge-triggered, each write is a new event. An
             * exchange, since what was posted before the flag was set must be seen after this. */
            atomic_exchange(&poll->woken, false);
            continue;
        }
        slot = &poll->slots[(uint32_t)data]; /* the table may move in a callback */
        io = slot->io;
        if (io == NULL || slot->gen != (uint32_t)(data >> 32))
            continue;
        bits = ready_bits(poll->events[i].events);
        io->ready = (uint8_t)(io->ready | bits);
        delivered++;
        io->fn(io, bits);
    }
    poll->events_n = 0;
    return delivered;
}

void pn__poll_wake(struct pn__poll *poll)
{
    int     err = errno;
    ssize_t n;

    if (!atomic_exchange(&poll->woken, true)) {
        n = write(poll->wake_fd, &(uint64_t){ 1 }, sizeof(uint64_t));
        (void)n; /* fails only when the counter is full, and then the loop is awake */
    }
    errno = err;
}

void pn__poll_await_wake(struct pn__poll *poll_set, int wait_ms)
{
    struct pollfd wake = { .fd = poll_set->wake_fd, .events = POLLIN };
    uint64_t      count;

    if (poll(&wake, 1, wait_ms) > 0 && read(poll_set->wake_fd, &count, sizeof(count)) > 0)
        atomic_exchange(&poll_set->woken, false);
}

static bool slots_reach(struct pn__poll *poll, size_t fd)
{
    size_t       n = poll->slots_n ? poll->slots_n : SLOTS_AT_FIRST;
    struct slot *slots;

    if (fd < poll->slots_n)
        return true;
    while (n <= fd)
        n *= 2;
    slots = realloc(poll->slots, n * sizeof(*slots));
    if (slots == NULL)
        return false;
    memset(slots + poll->slots_n, 0, (n - poll->slots_n) * sizeof(*slots));
    poll->slots = slots;
    poll->slots_n = n;
    return true;
}

static pn_rc io_add(struct pn_loop *loop, struct pn_io *io)
{
    struct pn__poll   *poll = loop->poll;
    struct epoll_event event;
    struct slot       *slot;

    if (!slots_reach(poll, (size_t)io->fd)) {
        errno = ENOMEM;
        return PN_SYSTEM;
    }
    slot = &poll->slots[io->fd];
    pn_assert(slot->io == NULL); /* one io a descriptor, closed by pn_io_close or pn_io_detach */
    event.events =
        io->exclusive ? EPOLLIN | EPOLLEXCLUSIVE : EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.u64 = (uint64_t)(slot->gen + 1) << 32 | (uint32_t)io->fd;
    if (epoll_ctl(poll->epoll_fd, EPOLL_CTL_ADD, io->fd, &event) < 0)
        return PN_SYSTEM;
    slot->gen++;
    slot->io = io;
    io->registered = true;
    return PN_OK;
}

/* `tell_kernel` may be left out when the descriptor is closed next and this process alone holds
 * the file. */
static void io_remove(struct pn_loop *loop, struct pn_io *io, bool tell_kernel)
{
    struct pn__poll *poll = loop->poll;

    if (!io->registered)
        return;
    if (tell_kernel)
        epoll_ctl(poll->epoll_fd, EPOLL_CTL_DEL, io->fd, NULL);
    poll->slots[io->fd].io = NULL;
    io->registered = false;
}

pn_rc pn_io_open(struct pn_loop *loop, struct pn_io *io, int fd, pn_io_fn *fn, bool exclusive)
{
    pn_rc rc;

    pn_io_prepare(io, fd, fn);
    io->ready = 0;
    io->exclusive = exclusive;
    rc = io_add(loop, io);
    if (rc != PN_OK)
        io->fd = -1;
    return rc;
}

void pn_io_prepare(struct pn_io *io, int fd, pn_io_fn *fn)
{
    pn_assert(fd >= 0);
    *io = (struct pn_io){ .fn = fn, .fd = fd, .ready = PN_IO_IN | PN_IO_OUT };
}

pn_rc pn_io_register(struct pn_loop *loop, struct pn_io *io)
{
    return io->registered ? PN_OK : io_add(loop, io);
}

pn_rc pn_io_pause(struct pn_loop *loop, struct pn_io *io)
{
    pn_assert(io->exclusive);
    io_remove(loop, io, true);
    return PN_OK;
}

pn_rc pn_io_resume(struct pn_loop *loop, struct pn_io *io)
{
    pn_assert(io->exclusive);
    return pn_io_register(loop, io);
}

void pn_io_close(struct pn_loop *loop, struct pn_io *io)
{
    if (io == NULL || io->fd < 0)
        return;
    /* A listener lives on in other processes, and so would its level-triggered registration
     * here. */
    io_remove(loop, io, io->exclusive);
    close(io->fd);
    io->fd = -1;
    io->ready = 0;
}

int pn_io_detach(struct pn_loop *loop, struct pn_io *io)
{
    int fd = io->fd;

    if (fd >= 0)
        io_remove(loop, io, true);
    io->fd = -1;
    io->ready = 0;
    return fd;
}

void pn_loop_wake(struct pn_loop *loop)
{
    pn__poll_wake(loop->poll);
}
