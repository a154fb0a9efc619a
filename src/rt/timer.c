/* timer.c - the hierarchical timer wheel of a loop (struct pn__wheel).
 *
 * Called by owners of timers, and by the loop, which asks for the next time before it waits and
 * expires once a turn. Owns nothing: timers are linked through their owners' structs.
 *
 * A timer's slot may stand for an earlier time than its deadline: on a coarse level the slot
 * begins before it, and pn_timer_set moves a deadline back without touching the slot. When the
 * slot's time comes, such a timer is placed anew; so a wait of hours is handled about four
 * times. */
#include "rt/loop_internal.h"

#define LAST_TICK ((UINT64_C(1) << (PN__WHEEL_BITS * PN__WHEEL_LEVELS)) - 1)

void pn__wheel_init(struct pn__wheel *wheel, pn_usec now)
{
    memset(wheel, 0, sizeof(*wheel));
    wheel->base = now;
}

static pn_usec time_of_tick(const struct pn__wheel *wheel, uint64_t tick)
{
    return wheel->base + (pn_usec)tick * PN_USEC_PER_MSEC;
}

/* The first tick that is not before `deadline`. */
static uint64_t tick_of_time(const struct pn__wheel *wheel, pn_usec deadline)
{
    uint64_t usec, tick;

    if (deadline <= wheel->base)
        return 0;
    usec = (uint64_t)(deadline - wheel->base);
    tick = usec / PN_USEC_PER_MSEC + (usec % PN_USEC_PER_MSEC != 0);
    return tick < LAST_TICK ? tick : LAST_TICK;
}

static unsigned level_of(const struct pn__wheel *wheel, uint64_t tick)
{
    uint64_t differs = (tick ^ wheel->cur) | 1;

    return (63 - (unsigned)__builtin_clzll(differs)) / PN__WHEEL_BITS;
}

static unsigned digit_of(uint64_t tick, unsigned level)
{
    return (unsigned)(tick >> (level * PN__WHEEL_BITS)) % PN__WHEEL_SLOTS;
}

/* `tick` > wheel->cur. */
static void place(struct pn__wheel *wheel, struct pn_timer *timer, uint64_t tick)
{
    unsigned          level = level_of(wheel, tick);
    unsigned          digit = digit_of(tick, level);
    struct pn_timer **slot = &wheel->slots[level][digit];

    timer->armed_tick = tick;
    timer->next = *slot;
    timer->prev = slot;
    if (timer->next != NULL)
        timer->next->prev = &timer->next;
    *slot = timer;
    wheel->used[level] |= UINT64_C(1) << digit;
    wheel->levels |= 1u << level;
}

static void mark_empty(struct pn__wheel *wheel, unsigned level, unsigned digit)
{
    wheel->used[level] &= ~(UINT64_C(1) << digit);
    if (wheel->used[level] == 0)
        wheel->levels &= ~(1u << level);
}

static void unlink_timer(struct pn_timer *timer)
{
    *timer->prev = timer->next;
    if (timer->next != NULL)
        timer->next->prev = timer->prev;
    timer->prev = NULL;
}

static void take_out(struct pn__wheel *wheel, struct pn_timer *timer)
{
    /* As long as the slot's time has not come, `cur` differs from the tick in the same highest
     * digit as when the timer was placed. A timer that is being expired is in no slot, and
     * marking an empty slot as empty does no harm. */
    unsigned level = level_of(wheel, timer->armed_tick);
    unsigned digit = digit_of(timer->armed_tick, level);

    unlink_timer(timer);
    if (wheel->slots[level][digit] == NULL)
        mark_empty(wheel, level, digit);
}

void pn_timer_init(struct pn_timer *timer, pn_timer_fn *fn)
{
    *timer = (struct pn_timer){ .fn = fn, .deadline = PN_NEVER };
}

void pn_timer_set(struct pn_loop *loop, struct pn_timer *timer, pn_usec deadline)
{
    struct pn__wheel *wheel = &loop->wheel;
    uint64_t          tick;

    if (deadline == PN_NEVER) {
        pn_timer_clear(loop, timer);
        return;
    }
    timer->deadline = deadline;
    if (timer->prev != NULL) {
        if (deadline >= time_of_tick(wheel, timer->armed_tick))
            return;
        take_out(wheel, timer);
    }
    tick = tick_of_time(wheel, deadline);
    place(wheel, timer, tick > wheel->horizon ? tick : wheel->horizon + 1);
}

void pn_timer_clear(struct pn_loop *loop, struct pn_timer *timer)
{
    timer->deadline = PN_NEVER;
    if (timer->prev != NULL)
        take_out(&loop->wheel, timer);
}

/* The time at which the first slot in use begins. */
static uint64_t next_tick(const struct pn__wheel *wheel, unsigned *ret_level, unsigned *ret_digit)
{
    unsigned level = (unsigned)__builtin_ctz(wheel->levels);
    unsigned digit = (unsigned)__builtin_ctzll(wheel->used[level]);
    unsigned shift = level * PN__WHEEL_BITS;
    uint64_t higher = wheel->cur >> shift >> PN__WHEEL_BITS << PN__WHEEL_BITS << shift;

    *ret_level = level;
    *ret_digit = digit;
    return higher | (uint64_t)digit << shift;
}

pn_usec pn__wheel_next(const struct pn__wheel *wheel)
{
    unsigned level, digit;

    return wheel->levels == 0 ? PN_NEVER : time_of_tick(wheel, next_tick(wheel, &level, &digit));
}

/* Runs or places anew what a slot holds; wheel->cur is the time at which the slot begins. */
static void expire_slot(struct pn__wheel *wheel, unsigned level, unsigned digit)
{
    struct pn_timer *timer, *list = wheel->slots[level][digit];
    uint64_t         due;

    wheel->slots[level][digit] = NULL;
    mark_empty(wheel, level, digit);
    list->prev = &list; /* a callback may clear any timer that is still on the list */
    while ((timer = list) != NULL) {
        unlink_timer(timer);
        due = tick_of_time(wheel, timer->deadline);
        if (due <
            timer->armed_tick) /* was set too late for its deadline: to the first tick there was */
            due = timer->armed_tick;
        if (due > wheel->cur)
            place(wheel, timer, due);
        else
            timer->fn(timer);
    }
}

void pn__wheel_expire(struct pn_loop *loop)
{
    struct pn__wheel *wheel = &loop->wheel;
    uint64_t          target = (uint64_t)(loop->now - wheel->base) / PN_USEC_PER_MSEC;

    if (target <= wheel->horizon)
        return;
    wheel->horizon = target;
    while (wheel->levels != 0) {
        unsigned level, digit;
        uint64_t tick = next_tick(wheel, &level, &digit);

        if (tick > target)
            break;
        wheel->cur = tick;
        expire_slot(wheel, level, digit);
    }
    wheel->cur = target;
}
