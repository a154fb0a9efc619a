/* accept.c - how a child takes connections: all it may in a turn, its share and no more while siblings have less.
 *
 * A listener is shared by all children and wakes one of them for a connection (EPOLLEXCLUSIVE). The kernel asks them in
 * the order in which they registered and takes the first that sleeps, so under light load the first child would get
 * everything. A child that holds more than a sibling therefore takes one connection at a time and registers anew, which
 * puts it behind the others. One that holds far more leaves the connection to them for a moment; when none of them
 * comes (it may be stopped, or hang in a handler) it takes what is there. */
#include <errno.h>
#include <pinion/log.h>

#include "proc/accept_turn.h"
#include "proc/crew.h"

#define PN_LOG_MODULE &pn_module_mpm_common

enum {
    BATCH = 4,           /* most connections a wake-up */
    TRY_MORE = 4,        /* full batches before a larger one is tried */
    EVEN_ENOUGH = 3,     /* connections more than a sibling that are no imbalance */
    FAR_AHEAD = 6
};
/* As short as a timer can be: a sibling needs a few microseconds to wake up, longer when the machine is busy. */
#define LEAVE_IT_USEC PN_USEC_PER_MSEC
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

enum standing { STANDING_EVEN, STANDING_AHEAD, STANDING_FAR_AHEAD };

static enum standing standing_of(const struct pn_child *child)
{
    unsigned conns = conns_now(child), least;

    if (conns <= EVEN_ENOUGH)
        return STANDING_EVEN;
    least = lightest_sibling(child);
    if (least == UINT32_MAX || conns < least + EVEN_ENOUGH + least / 16)
        return STANDING_EVEN;
    return conns < least + FAR_AHEAD + least / 8 ? STANDING_AHEAD : STANDING_FAR_AHEAD;
}

/* Behind its siblings in the kernel's order. */
static void step_back(struct pn_child *child, struct pn_listener *listener)
{
    if (pn_io_pause(child->loop, &listener->io) != PN_OK || pn_io_resume(child->loop, &listener->io) != PN_OK)
        PN_LOG_S(child->generation->servers, PN_LOG_ERR, 20110, errno, "a listener cannot be registered anew");
}

static void leave_it(struct pn_child *child)
{
    pn__accept_pause(child, PN__PAUSE_SHARE);
    pn_timer_set(child->loop, &child->share_timer, pn_loop_now(child->loop) + LEAVE_IT_USEC);
}

static void on_left_enough(struct pn_timer *timer)
{
    struct pn_child *child = PN_CONTAINER(timer, struct pn_child, share_timer);

    child->has_left_it = true;
    pn__accept_resume(child, PN__PAUSE_SHARE);
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
           pn__child_accepted(child) >= (uint64_t)child->conf->max_connections_per_child;
}

/* A sibling that sleeps is woken in place of one that does not, so the listeners may stay in the poll set until the end of the
 * turn. Most connections that are closed after one answer have gone by then, and the kernel need not be told at all. */
static void hold_one(struct pn_child *child)
{
    if (child->turn || child->paused) {
        pn__accept_pause(child, PN__PAUSE_BUSY);
        return;
    }
    child->paused = PN__PAUSE_BUSY;
    child->hold_due = true;
}

static void after_accepting(struct pn_child *child)
{
    if (had_enough(child) && child->events)
        (void)pn__child_had_enough(child);
    if (!child->draining && pn__child_holds_one(child) && conns_now(child) > 0) {
        hold_one(child);
        pn__child_publish(child); /* before the master looks */
        if (atomic_fetch_sub(&child->board->idle, 1) <= 1)
            pn__child_says_busy(child);
    }
}

/* Asking for one more than there are costs a system call that finds nothing, so a wake-up takes about as many as the
 * ones before it found; what is left wakes the loop again. */
static void take_batch(struct pn_child *child, struct pn_listener *listener)
{
    unsigned taken = 0;

    if (child->full_batches >= TRY_MORE && child->batch < BATCH) {
        child->batch++;
        child->full_batches = 0;
    }
    while (taken < child->batch && !child->paused && take_one(child, listener))
        taken++;
    if (taken == child->batch)
        child->full_batches++;
    else {
        child->batch = taken ? taken : 1;
        child->full_batches = 0;
    }
}

/* The standing is taken once, before connections of this wake-up blur it: most of them may be gone at the end of the turn. */
static void take_share(struct pn_child *child, struct pn_listener *listener)
{
    enum standing standing = child->has_left_it ? STANDING_EVEN : standing_of(child);

    child->has_left_it = false;
    switch (standing) {
    case STANDING_FAR_AHEAD:
        leave_it(child);
        break;
    case STANDING_AHEAD:
        if (take_one(child, listener))
            step_back(child, listener);
        break;
    case STANDING_EVEN:
        take_batch(child, listener);
        break;
    }
}

static void on_ready(struct pn_io *io, unsigned events)
{
    struct pn_listener *listener = PN_CONTAINER(io, struct pn_listener, io);
    struct pn_child    *child = listener->owner;
    uint64_t            before = child->accepted;

    (void)events;
    if (child->paused || child->draining)
        return; /* another listener of this turn led to that */
    if (pn__child_holds_one(child))
        (void)take_one(child, listener);
    else
        take_share(child, listener);
    if (child->accepted == before)
        return;
    after_accepting(child);
    pn__accept_turn_end(child);
    if (child->paused == PN__PAUSE_TURN)
        pn__accept_turn_want(child);
}

/* ---- listeners ---- */

pn_rc pn__accept_open(struct pn_child *child)
{
    child->last_complaint = PN_NEVER;
    child->batch = 1;
    pn_timer_init(&child->resume_timer, on_resume);
    pn_timer_init(&child->share_timer, on_left_enough);
    for (struct pn_listener *one = child->listeners; one; one = one->next) {
        one->owner = child;
        if (pn_io_open(child->loop, &one->io, one->fd, on_ready, true) != PN_OK)
            return PN_SYSTEM;
    }
    child->listening = true;
    return pn__accept_turn_open(child);
}

void pn__accept_close(struct pn_child *child)
{
    if (!child->listening)
        return;
    child->listening = false;
    pn__accept_turn_close(child);
    pn_timer_clear(child->loop, &child->resume_timer);
    pn_timer_clear(child->loop, &child->share_timer);
    for (struct pn_listener *one = child->listeners; one; one = one->next) {
        if (child->crew)
            (void)pn_io_detach(child->loop, &one->io); /* other threads use it */
        else
            pn_io_close(child->loop, &one->io);
        one->fd = -1;
    }
    if (child->crew)
        pn__crew_left_listeners(child->crew);
}

void pn__accept_pause(struct pn_child *child, unsigned why)
{
    bool was_paused;

    if (why != PN__PAUSE_TURN)
        pn__accept_turn_end(child);
    was_paused = child->paused != 0 && !child->hold_due;
    child->paused |= why;
    child->hold_due = false;
    if (was_paused || !child->listening)
        return;
    for (struct pn_listener *one = child->listeners; one; one = one->next)
        if (pn_io_pause(child->loop, &one->io) != PN_OK) /* one that stays only wakes us for nothing */
            PN_LOG_S(child->generation->servers, PN_LOG_ERR, 20110, errno, "a listener cannot be paused");
}

void pn__accept_resume(struct pn_child *child, unsigned why)
{
    bool was_paused = child->paused != 0 && !child->hold_due;

    child->paused &= ~why;
    child->hold_due = child->hold_due && child->paused;
    if (child->paused == PN__PAUSE_TURN && child->listening)
        pn__accept_turn_want(child);
    if (!was_paused || child->paused || !child->listening)
        return;
    for (struct pn_listener *one = child->listeners; one; one = one->next)
        if (pn_io_resume(child->loop, &one->io) != PN_OK)
            trouble(child, errno);
}

void pn__accept_settle(struct pn_child *child)
{
    pn__accept_pause(child, PN__PAUSE_BUSY);
}

void pn__accept_look(struct pn_child *child)
{
    if (child->paused || !child->listening)
        return;
    for (struct pn_listener *one = child->listeners; one; one = one->next)
        step_back(child, one);
}
