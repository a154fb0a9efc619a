/* accept.c - how a child takes connections: all it may in a turn, its share and no more while siblings have less.
 *
 * A listener is shared by all children and wakes one of them for a connection (EPOLLEXCLUSIVE). The kernel asks them in
 * the order in which they registered and takes the first that sleeps, so under light load the first child would get
 * everything. A child that holds more than a sibling therefore takes one connection at a time and registers
 * anew, which puts it behind the others. */
#include <errno.h>
#include <pinion/log.h>

#include "proc/child.h"

#define PN_LOG_MODULE &pn_module_mpm_common

enum {
    BATCH = 16,          /* connections a wake-up */
    EVEN_ENOUGH = 2      /* connections more than a sibling that are no imbalance */
};
#define TROUBLE_PAUSE_USEC (100 * PN_USEC_PER_MSEC)
#define COMPLAINT_USEC PN_USEC_PER_SEC

static pn_io_fn on_ready;

/* ---- fairness ---- */

/* Connections of the sibling that has the fewest; UINT32_MAX without siblings. */
static unsigned lightest_sibling(const struct pn_child *child)
{
    const struct pn_board *board = child->board;
    unsigned               used = pn__slot_get(&board->used), least = UINT32_MAX;
    unsigned               generation = child->generation->number;

    for (unsigned i = 0; i < used; i++) {
        const struct pn_board_slot *slot = &board->slots[i];
        unsigned                    conns = pn__slot_get(&slot->conns);

        if (i != child->index && conns < least && pn__slot_get(&slot->state) == PN_SLOT_SERVING &&
            pn__slot_get(&slot->generation) == generation)
            least = conns;
    }
    return least;
}

static unsigned conns_now(const struct pn_child *child)
{
    struct pn_child_figures figures;

    child->ops->figures(child->engine, &figures);
    return figures.conns;
}

/* How many more than its fair share the child has. */
static bool is_ahead(const struct pn_child *child, unsigned conns)
{
    unsigned least;

    if (conns <= EVEN_ENOUGH)
        return false;
    least = lightest_sibling(child);
    return least != UINT32_MAX && conns >= least + EVEN_ENOUGH + least / 16;
}

/* Behind its siblings in the kernel's order. */
static void step_back(struct pn_child *child, struct pn_listener *listener)
{
    if (pn_io_pause(child->loop, &listener->io) != PN_OK || pn_io_resume(child->loop, &listener->io) != PN_OK)
        PN_LOG_S(child->generation->servers, PN_LOG_ERR, 20110, errno, "a listener cannot be registered anew");
}

/* ---- trouble ---- */

/* Descriptors or memory are used up: trying again at once would only burn the time of those who could free some. */
static void trouble(struct pn_child *child, int error)
{
    pn_usec now = pn_loop_now(child->loop);

    if (child->last_complaint == PN_NEVER || now - child->last_complaint >= COMPLAINT_USEC) {
        PN_LOG_S(child->generation->servers, PN_LOG_ERR, 20111, error,
                 "cannot accept connections (%llu times more since it was last said); trying again ten times a second",
                 (unsigned long long)child->complaints);
        child->last_complaint = now;
        child->complaints = 0;
    }
    else
        child->complaints++;
    pn__accept_pause(child, PN__PAUSE_TROUBLE);
    pn_timer_set(child->loop, &child->resume_timer, now + TROUBLE_PAUSE_USEC);
}

static void on_resume(struct pn_timer *timer)
{
    pn__accept_resume(PN_CONTAINER(timer, struct pn_child, resume_timer), PN__PAUSE_TROUBLE);
}

static bool is_trouble(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* ---- accepting ---- */

/* @return false when there is nothing more to take now. */
static bool take_one(struct pn_child *child, struct pn_listener *listener)
{
    struct pn_addr peer;
    int            fd = pn_listener_accept(listener, &peer);

    if (fd >= 0) {
        child->accepted++;
        child->ops->accepted(child->engine, fd, &peer, listener);
        return true;
    }
    if (is_trouble(errno))
        trouble(child, errno);
    /* Anything else is the fault of that one connection (RFC 9293's resets among them), or nothing was left. */
    return false;
}

/* MaxConnectionsPerChild: the master starts another while this one finishes what it has. */
static bool had_enough(const struct pn_child *child)
{
    return child->conf->max_connections_per_child &&
           child->accepted >= (uint64_t)child->conf->max_connections_per_child;
}

static void after_accepting(struct pn_child *child)
{
    if (had_enough(child) && child->events) {
        pn__events_tell(child->events, PN_NOTE_LEAVING, child->index);
        pn__child_drain(child);
    }
    else if (child->conf->model == PN_MPM_PREFORK && conns_now(child) > 0) {
        pn__accept_pause(child, PN__PAUSE_BUSY);
        pn__slot_set(&child->slot->conns, conns_now(child)); /* before the master looks */
        if (atomic_fetch_sub(&child->board->idle, 1) <= 1 && child->events)
            pn__events_tell(child->events, PN_NOTE_BUSY, child->index);
    }
}

static void on_ready(struct pn_io *io, unsigned events)
{
    struct pn_listener *listener = PN_CONTAINER(io, struct pn_listener, io);
    struct pn_child    *child = listener->owner;
    bool                one = child->conf->model == PN_MPM_PREFORK;
    uint64_t            before = child->accepted;

    (void)events;
    if (child->paused || child->draining)
        return; /* another listener of this turn led to that */
    for (unsigned left = one ? 1 : BATCH; left && !child->paused && !had_enough(child); left--) {
        bool ahead = !one && is_ahead(child, conns_now(child));

        if (!take_one(child, listener))
            break;
        if (ahead) {
            step_back(child, listener);
            break;
        }
    }
    if (child->accepted != before)
        after_accepting(child);
}

/* ---- listeners ---- */

pn_rc pn__accept_open(struct pn_child *child)
{
    child->last_complaint = PN_NEVER;
    pn_timer_init(&child->resume_timer, on_resume);
    for (struct pn_listener *one = child->listeners; one; one = one->next) {
        one->owner = child;
        if (pn_io_open(child->loop, &one->io, one->fd, on_ready, true) != PN_OK)
            return PN_SYSTEM;
    }
    child->listening = true;
    return PN_OK;
}

void pn__accept_close(struct pn_child *child)
{
    if (!child->listening)
        return;
    child->listening = false;
    pn_timer_clear(child->loop, &child->resume_timer);
    for (struct pn_listener *one = child->listeners; one; one = one->next) {
        pn_io_close(child->loop, &one->io);
        one->fd = -1;
    }
}

void pn__accept_pause(struct pn_child *child, unsigned why)
{
    bool was_paused = child->paused != 0;

    child->paused |= why;
    if (was_paused || !child->listening)
        return;
    for (struct pn_listener *one = child->listeners; one; one = one->next)
        if (pn_io_pause(child->loop, &one->io) != PN_OK) /* one that stays only wakes us for nothing */
            PN_LOG_S(child->generation->servers, PN_LOG_ERR, 20110, errno, "a listener cannot be paused");
}

void pn__accept_resume(struct pn_child *child, unsigned why)
{
    bool was_paused = child->paused != 0;

    child->paused &= ~why;
    if (!was_paused || child->paused || !child->listening)
        return;
    for (struct pn_listener *one = child->listeners; one; one = one->next)
        if (pn_io_resume(child->loop, &one->io) != PN_OK)
            trouble(child, errno);
}
