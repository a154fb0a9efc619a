/* timer.h - timers in O(1): a hierarchical wheel of one loop, with a resolution of one
 * millisecond.
 *
 * A timer never fires early and at most about 2 ms late (plus the time the loop is busy).
 * Setting a later deadline on an armed timer costs two stores: the entry stays where it is, and
 * re-arms itself when its old time comes. Embedded in its owner; own thread only. */
#ifndef PN_RT_TIMER_H
#define PN_RT_TIMER_H

#include "rt/loop.h"

struct pn_timer;
typedef void pn_timer_fn(struct pn_timer *timer);

struct pn_timer {
    struct pn_timer *next, **prev; /* wheel slot; prev NULL: not armed */
    pn_usec          deadline;     /* when it is due */
    uint64_t         armed_tick;   /* the tick its slot stands for */
    pn_timer_fn     *fn;           /* runs in the timer phase; may set or clear any timer */
};

void pn_timer_init(struct pn_timer *timer, pn_timer_fn *fn);
/** Arms or moves; `deadline` is pn_usec of pn_loop_now's clock. PN_NEVER clears. */
void               pn_timer_set(struct pn_loop *loop, struct pn_timer *timer, pn_usec deadline);
void               pn_timer_clear(struct pn_loop *loop, struct pn_timer *timer);
static inline bool pn_timer_armed(const struct pn_timer *timer)
{
    return timer->prev != NULL;
}

#endif
