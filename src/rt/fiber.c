/* fiber.c - starting, suspending, resuming and cancelling fibers.
 *
 * Called by whatever runs straight-line code on a loop. A fiber is entered by pn_fiber_start or
 * by its job in the run phase, and goes back to whoever entered it when it suspends or ends.
 * Stacks and memory pools come from fiber_pool.c.
 *
 * States: SUSPENDED -> QUEUED (resume) or ENDING_WAIT (cancel, timeout), which a resume may
 * still turn into QUEUED -> RUNNING. */
#include "rt/loop_internal.h"

/* Runs the fiber until it suspends or ends. */
static void enter(struct pn_fiber *fiber)
{
    struct pn__fibers *fibers = &fiber->loop->fibers;
    struct pn_fiber   *caller = fibers->current;

    pn_assert(fiber->magic == PN__FIBER_MAGIC);
    fiber->caller = caller;
    fiber->state = PN__FIBER_RUNNING;
    fibers->current = fiber;
    pn__context_switch(caller ? &caller->context : &fibers->main, &fiber->context, &fibers->left);
    fibers->current = caller;
    pn_assert(fiber->magic == PN__FIBER_MAGIC); /* else its stack ran over upwards */
    if (fiber->state == PN__FIBER_DONE)
        pn__fiber_put(fiber);
}

/* Goes back to whoever entered the fiber. */
static void leave(struct pn_fiber *fiber)
{
    struct pn__fibers *fibers = &fiber->loop->fibers;

    pn__context_switch(&fiber->context, fiber->caller ? &fiber->caller->context : &fibers->main,
                       &fibers->left);
}

static void finish(struct pn_fiber *fiber)
{
    if (fiber->pool_used) {
        apr_pool_clear(fiber->pool);
        fiber->pool_used = false;
    }
    pn_timer_clear(fiber->loop, &fiber->timer);
    fiber->cancelled = false;
    fiber->loop->fibers.live--;
    fiber->state = PN__FIBER_DONE;
}

void pn__fiber_main(void *arg)
{
    struct pn_fiber *fiber = arg;

    pn__context_arrive(&fiber->context, fiber->loop->fibers.left);
    for (;;) { /* once for each use of the pooled fiber */
        fiber->fn(fiber->arg);
        finish(fiber);
        leave(fiber);
    }
}

pn_rc pn_fiber_start(struct pn_loop *loop, pn_fiber_fn *fn, void *arg)
{
    struct pn_fiber *fiber = pn__fiber_take(loop);

    if (fiber == NULL)
        return PN_SYSTEM;
    loop->fibers.live++;
    fiber->fn = fn;
    fiber->arg = arg;
    enter(fiber);
    return PN_OK;
}

struct pn_fiber *pn_fiber_this(void)
{
    struct pn_loop *loop = pn_loop_this();

    return loop ? loop->fibers.current : NULL;
}

void pn_fiber_set_label(struct pn_fiber *fiber, pn_str label)
{
    fiber->label.n = 0; /* a signal between the two finds none */
    atomic_signal_fence(memory_order_seq_cst);
    fiber->label.p = label.p;
    atomic_signal_fence(memory_order_seq_cst);
    fiber->label.n = label.n;
}

pn_str pn_fiber_label(const struct pn_fiber *fiber)
{
    return fiber->label;
}

void pn__fiber_job_fn(struct pn_job *job)
{
    enter(PN_CONTAINER(job, struct pn_fiber, job));
}

PN_MAY_YIELD static pn_rc wait_here(struct pn_fiber *fiber, bool shielded)
{
    fiber->shielded = shielded;
    fiber->state = PN__FIBER_SUSPENDED;
    leave(fiber);
    fiber->timed = false;
    return fiber->rc;
}

static struct pn_fiber *running_fiber(void)
{
    struct pn_fiber *fiber = pn_fiber_this();

    pn_assert(fiber != NULL && fiber->state == PN__FIBER_RUNNING);
    return fiber;
}

PN_MAY_YIELD pn_rc pn_fiber_suspend(void)
{
    struct pn_fiber *fiber = running_fiber();

    return fiber->cancelled ? PN_CANCELLED : wait_here(fiber, false);
}

PN_MAY_YIELD pn_rc pn_fiber_suspend_shielded(void)
{
    return wait_here(running_fiber(), true);
}

PN_MAY_YIELD pn_rc pn_fiber_suspend_until(pn_usec deadline)
{
    struct pn_fiber *fiber = running_fiber();

    if (fiber->cancelled)
        return PN_CANCELLED;
    if (deadline != PN_NEVER) {
        pn_timer_set(fiber->loop, &fiber->timer, deadline);
        fiber->timed = true;
    }
    return wait_here(fiber, false);
}

void pn_fiber_resume(struct pn_fiber *fiber, pn_rc rc)
{
    pn_assert(fiber->magic == PN__FIBER_MAGIC && fiber->loop == pn_loop_this());
    pn_assert(fiber->state == PN__FIBER_SUSPENDED || fiber->state == PN__FIBER_ENDING_WAIT);
    fiber->rc = rc;
    fiber->state = PN__FIBER_QUEUED;
    pn_job_queue(fiber->loop, &fiber->job);
}

static void end_wait(struct pn_fiber *fiber, pn_rc rc)
{
    fiber->rc = rc;
    fiber->state = PN__FIBER_ENDING_WAIT;
    pn_job_queue(fiber->loop, &fiber->job);
}

/* The timer stays armed when a wait ends early: the next wait then usually moves its deadline
 * back, which costs nothing. So it may fire when no wait, or one without a deadline, is on. */
void pn__fiber_timer_fn(struct pn_timer *timer)
{
    struct pn_fiber *fiber = PN_CONTAINER(timer, struct pn_fiber, timer);

    if (fiber->timed && fiber->state == PN__FIBER_SUSPENDED)
        end_wait(fiber, PN_TIMEOUT);
}

void pn_fiber_cancel(struct pn_fiber *fiber)
{
    pn_assert(fiber->magic == PN__FIBER_MAGIC && fiber->state != PN__FIBER_IDLE);
    fiber->cancelled = true;
    if (fiber->state == PN__FIBER_SUSPENDED && !fiber->shielded)
        end_wait(fiber, PN_CANCELLED);
}

bool pn_fiber_cancelled(const struct pn_fiber *fiber)
{
    return fiber->cancelled;
}

void pn_fiber_uncancel(struct pn_fiber *fiber)
{
    fiber->cancelled = false;
}

PN_MAY_YIELD pn_rc pn_fiber_sleep(pn_usec duration)
{
    struct pn_fiber *fiber = running_fiber();
    pn_usec          now = fiber->loop->now;
    pn_rc rc = pn_fiber_suspend_until(duration < PN_NEVER - now ? now + duration : PN_NEVER);

    return rc == PN_TIMEOUT ? PN_OK : rc;
}

PN_MAY_YIELD pn_rc pn_fiber_wait_io(struct pn_io *io, struct pn_io_waiter *waiter, unsigned events,
                                    pn_usec deadline)
{
    struct pn_fiber *fiber = running_fiber();
    pn_rc            rc;

    if (fiber->cancelled)
        return PN_CANCELLED;
    if (io->ready & events)
        return PN_OK;
    pn_debug_assert(io->registered && waiter->fiber == NULL);
    waiter->fiber = fiber;
    waiter->events = events;
    rc = pn_fiber_suspend_until(deadline);
    waiter->fiber = NULL;
    return rc;
}

void pn_io_waiter_ready(struct pn_io_waiter *waiter, struct pn_io *io, unsigned events)
{
    struct pn_fiber *fiber = waiter->fiber;

    (void)io;
    if (fiber == NULL || !(events & (waiter->events | PN_IO_HUP)))
        return;
    waiter->fiber = NULL; /* one resume a wait */
    pn_fiber_resume(fiber, PN_OK);
}
