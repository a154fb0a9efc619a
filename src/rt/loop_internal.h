/* loop_internal.h - what the files of rt share about a loop; nobody outside rt includes it
 * (tests may).
 *
 * One struct pn_loop a thread owns the poll set, the timer wheel, the queued jobs and the
 * fibers. Only `posted` and the two offload counters are touched by other threads. */
#ifndef PN_RT_LOOP_INTERNAL_H
#define PN_RT_LOOP_INTERNAL_H

#include <stdatomic.h>

#include "rt/fiber_internal.h"
#include "rt/loop.h"
#include "rt/timer.h"

#define PN__LOOP_MAGIC 0x706e4c70u /* "pnLp" */

enum { PN__WHEEL_BITS = 6, PN__WHEEL_SLOTS = 1 << PN__WHEEL_BITS, PN__WHEEL_LEVELS = 7 };

/** A wheel of 7 levels with 64 slots each: 2^42 ticks of a millisecond, which is 139 years. A
 *  timer lies on the level of the highest 6-bit digit in which its tick differs from `cur`; so on
 *  each level the slots in use lie behind the digit of `cur`, and the first one of the lowest
 *  level is the next. */
struct pn__wheel {
    pn_usec          base;    /* the time of tick 0 */
    uint64_t         cur;     /* ticks up to this one have been expired */
    uint64_t         horizon; /* >= cur: a timer set now gets a later tick than this */
    unsigned         levels;  /* bit set: the level has a slot in use */
    uint64_t         used[PN__WHEEL_LEVELS]; /* bit set: the slot has a timer */
    struct pn_timer *slots[PN__WHEEL_LEVELS][PN__WHEEL_SLOTS];
};

enum pn__phase {
    PN__PHASE_OUTSIDE, /* between turns, or waiting */
    PN__PHASE_RECEIVE,
    PN__PHASE_HOOKS,
    PN__PHASE_RUN,
    PN__PHASE_TIMERS,
    PN__PHASE_END
};

struct pn_loop {
    uint32_t         magic;
    enum pn__phase   phase;
    bool             stopping;
    pn_usec          now;
    pn_wall          wall;
    struct pn__poll *poll;

    struct pn_job *jobs, **jobs_tail;
    size_t         jobs_n;

    struct pn_turn_hook *received, *turn_end;
    struct pn_turn_hook *hook_next; /* the hook that comes after the running one */

    struct pn__wheel     wheel;
    struct pn__fibers    fibers;
    struct pn_loop_stats stats;
    uint64_t             offloads_begun; /* own thread */

    _Atomic(struct pn_job *) posted; /* newest first */
    atomic_uint_fast64_t     offloads_over;
};

/* loop_epoll.c */
struct pn__poll;
PN_NODISCARD pn_rc pn__poll_open(apr_pool_t *pool, struct pn__poll **ret_poll);
void               pn__poll_close(struct pn__poll *poll);
/** Waits until something is ready, at most `wait_ms` (-1: for ever); keeps what was reported. */
void pn__poll_wait(struct pn__poll *poll, int wait_ms);
/** Calls the io callbacks of what the last wait reported. @return how many. */
unsigned pn__poll_deliver(struct pn__poll *poll);
/** Ends the present or the next wait. Async-signal-safe, any thread. */
void pn__poll_wake(struct pn__poll *poll);
/** Sleeps until woken, at most `wait_ms`, and leaves all other readiness alone. */
void pn__poll_await_wake(struct pn__poll *poll, int wait_ms);

/* timer.c */
void pn__wheel_init(struct pn__wheel *wheel, pn_usec now);
/** When the wheel wants to be looked at next; PN_NEVER when it is empty. O(1). */
pn_usec pn__wheel_next(const struct pn__wheel *wheel);
/** Runs what is due at loop->now. */
void pn__wheel_expire(struct pn_loop *loop);

#endif
