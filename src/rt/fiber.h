/* fiber.h - stackful coroutines of one loop: straight-line code that waits without a thread.
 *
 * A fiber has an mmap'd stack with a guard page and a memory pool; both are pooled last-in
 * first-out per loop, and the stacks' touched pages are given back when they idle. Fibers are
 * never killed: a wait that ends early returns PN_CANCELLED or PN_TIMEOUT and the stack unwinds.
 *
 * A fiber runs in the loop's run phase (or in the caller of pn_fiber_start) until it suspends or
 * returns. No mutex, thread-local pointer or cached errno may be held over a suspension. */
#ifndef PN_RT_FIBER_H
#define PN_RT_FIBER_H

#include "rt/loop.h"

struct pn_fiber;
typedef void pn_fiber_fn(void *arg);

/** What the fiber is at, in words, for whoever looks at a fiber that never suspends. The bytes live until it is given
 *  others. May be asked for in a signal handler on the fiber's thread. */
void   pn_fiber_set_label(struct pn_fiber *fiber, pn_str label);
pn_str pn_fiber_label(const struct pn_fiber *fiber);

/** Starts a fiber and runs it at once until its first suspension or end. Not from inside a fiber
 *  that must not be interleaved: the caller continues when the new fiber first suspends.
 *  PN_SYSTEM when no stack can be mapped. */
PN_NODISCARD pn_rc pn_fiber_start(struct pn_loop *loop, pn_fiber_fn *fn, void *arg);
/** The running fiber, or NULL on the loop's own stack. */
struct pn_fiber *pn_fiber_this(void);
/** The fiber's pool: cleared when the fiber ends. At start it is empty; a fiber that never asks
 *  has none. */
apr_pool_t *pn_fiber_pool(struct pn_fiber *fiber);

/** Suspends the running fiber until pn_fiber_resume. @return the value given to resume. */
PN_MAY_YIELD pn_rc pn_fiber_suspend(void);
/** Queues the fiber to run in the run phase; its pn_fiber_suspend returns `rc`. Exactly one
 *  resume a suspend: a second one before it ran is a bug (asserted). A resume that comes after a
 *  cancel or a timeout has ended the wait, but before the fiber ran, wins: the wait returns `rc`.
 *  Own thread only. */
void pn_fiber_resume(struct pn_fiber *fiber, pn_rc rc);
/** Like pn_fiber_suspend, with a deadline. @return resume's value, or PN_TIMEOUT. */
PN_MAY_YIELD pn_rc pn_fiber_suspend_until(pn_usec deadline);
/** Ends the fiber's present or next wait with PN_CANCELLED (peer gone, shutdown). Further waits
 *  that are not shielded return PN_CANCELLED at once until pn_fiber_uncancel. Whoever was to
 *  resume the fiber must be told by the fiber that it waits no more. */
void pn_fiber_cancel(struct pn_fiber *fiber);
bool pn_fiber_cancelled(const struct pn_fiber *fiber);
void pn_fiber_uncancel(struct pn_fiber *fiber);

/** Like pn_fiber_suspend, but cancelling neither refuses nor ends it: for results that must be
 *  collected. */
PN_MAY_YIELD pn_rc pn_fiber_suspend_shielded(void);

/** PN_TIMEOUT-free sleep. @return PN_OK or PN_CANCELLED. */
PN_MAY_YIELD pn_rc pn_fiber_sleep(pn_usec duration);

/** Who waits for an io; zeroed by its owner before the first wait. */
struct pn_io_waiter {
    struct pn_fiber *fiber;
    unsigned         events;
};
/** Waits until io is ready for any of `events` (PN_IO_IN, PN_IO_OUT; hang-up ends it too). The io
 *  must be registered, and its fn must call pn_io_waiter_ready while the fiber waits. The sticky
 *  io->ready bits are consulted first: clear the bit after an EAGAIN, before the wait.
 *  @return PN_OK, PN_TIMEOUT, PN_CANCELLED. */
PN_MAY_YIELD pn_rc pn_fiber_wait_io(struct pn_io *io, struct pn_io_waiter *waiter, unsigned events,
                                    pn_usec deadline);
/** Forward readiness to a waiter; no-op when nobody waits for these events. */
void pn_io_waiter_ready(struct pn_io_waiter *waiter, struct pn_io *io, unsigned events);

/** Limits and figures of the calling loop's fibers. */
struct pn_fiber_stats {
    unsigned live;             /* started and not ended */
    unsigned pooled;           /* stacks kept for reuse */
    unsigned trimmed;          /* of these, how many gave their touched pages back */
    size_t   stack_bytes;      /* size of one stack without its guard page */
    size_t   high_water_bytes; /* deepest stack use seen; 0 unless painting is on (PN_DEBUG) */
};
struct pn_fiber_stats pn_fiber_stats(const struct pn_loop *loop);
/** Size of stacks mapped from now on, bytes (directive ThreadStackSize); rounded up to pages. */
void pn_fiber_set_stack_size(struct pn_loop *loop, size_t bytes);
/** MaxMemFree for each fiber's pool, bytes; 0: unlimited. */
void pn_fiber_set_max_free(struct pn_loop *loop, size_t bytes);

#endif
