/* bench_switch.c - prints what the runtime's basic steps cost, in nanoseconds of processor time.
 * Not run as a test: the figures are for comparing two builds on a quiet machine. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "rt/offload.h"
#include "rt_test.h"

enum { ROUNDS = 1000000, TIMERS = 10000, CROWD = 1000, OFFLOADS = 20000 };

/* Processor time, so that a busy machine disturbs less. */
static int64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static void report(const char *what, int64_t begin_ns, unsigned n)
{
    printf("%-44s %8.1f ns\n", what, (double)(now_ns() - begin_ns) / n);
}

static void empty_main(void *arg)
{
}

static void pool_main(void *arg)
{
    apr_palloc(pn_fiber_pool(pn_fiber_this()), 100);
}

static void bench_start(struct pn_loop *loop, const char *what, pn_fiber_fn *fn)
{
    int64_t begin;

    (void)!pn_fiber_start(loop, fn, NULL);
    begin = now_ns();
    for (unsigned i = 0; i < ROUNDS; i++)
        (void)!pn_fiber_start(loop, fn, NULL);
    report(what, begin, ROUNDS);
}

static struct pn_fiber *crowd[CROWD];
static bool             stop;

static void suspend_main(void *arg)
{
    *(struct pn_fiber **)arg = pn_fiber_this();
    while (!stop)
        (void)!pn_fiber_suspend();
}

/* Resume, run phase and suspend, without the turns around them. */
static void bench_suspend(struct pn_loop *loop, const char *what, unsigned fibers)
{
    struct pn_loop_stats before;
    int64_t              begin;

    stop = false;
    for (unsigned i = 0; i < fibers; i++)
        (void)!pn_fiber_start(loop, suspend_main, &crowd[i]);
    before = pn_loop_stats(loop);
    begin = now_ns();
    for (unsigned n = 0; n < ROUNDS; n += fibers) {
        for (unsigned i = 0; i < fibers; i++)
            pn_fiber_resume(crowd[i], PN_OK);
        pn_loop_turn(loop, 0);
    }
    report(what, begin, (unsigned)(pn_loop_stats(loop).jobs - before.jobs));
    stop = true;
    for (unsigned i = 0; i < fibers; i++)
        pn_fiber_resume(crowd[i], PN_OK);
    pn_loop_turn(loop, 0);
}

static void no_timer_fn(struct pn_timer *timer)
{
}

static void bench_timers(struct pn_loop *loop)
{
    struct pn_timer *timers = calloc(TIMERS, sizeof(*timers));
    uint64_t         seed = 2463534242;
    int64_t          begin;

    for (unsigned i = 0; i < TIMERS; i++)
        pn_timer_init(&timers[i], no_timer_fn);
    begin = now_ns();
    for (unsigned i = 0; i < ROUNDS; i++)
        pn_timer_set(loop, &timers[i % TIMERS],
                     pn_loop_now(loop) + (pn_usec)(rt_random(&seed) % (60 * PN_USEC_PER_SEC)));
    report("timer set, random deadline", begin, ROUNDS);
    begin = now_ns();
    for (unsigned i = 0; i < ROUNDS; i++)
        pn_timer_set(loop, &timers[i % TIMERS], pn_loop_now(loop) + 100 * PN_USEC_PER_SEC + i);
    report("timer set, later than before", begin, ROUNDS);
    begin = now_ns();
    for (unsigned i = 0; i < ROUNDS; i++) {
        pn_timer_clear(loop, &timers[i % TIMERS]);
        pn_timer_set(loop, &timers[i % TIMERS], pn_loop_now(loop) + 5 * PN_USEC_PER_SEC);
    }
    report("timer clear and set", begin, ROUNDS);
    for (unsigned i = 0; i < TIMERS; i++)
        pn_timer_clear(loop, &timers[i]);
    free(timers);
}

static void bench_turns(struct pn_loop *loop)
{
    int64_t begin = now_ns();

    for (unsigned i = 0; i < ROUNDS; i++)
        pn_loop_turn(loop, 0);
    report("empty turn", begin, ROUNDS);
    begin = now_ns();
    for (unsigned i = 0; i < ROUNDS; i++)
        pn_loop_touch_clock(loop);
    report("  of this: both clocks", begin, ROUNDS);
}

static void offload_fn(void *arg)
{
}

static void offload_main(void *arg)
{
    int64_t begin = now_ns();

    for (unsigned i = 0; i < OFFLOADS; i++)
        (void)!pn_offload(offload_fn, NULL);
    report("offload there and back, both threads", begin, OFFLOADS);
    pn_loop_stop(pn_loop_this());
}

int main(void)
{
    void           *state;
    struct rt_test *t;

    if (rt_setup(&state) != 0)
        return 1;
    t = state;
    bench_start(t->loop, "fiber start and end, pooled", empty_main);
    bench_start(t->loop, "fiber start and end, its pool used", pool_main);
    bench_suspend(t->loop, "resume and suspend, 1000 fibers a turn", CROWD);
    bench_suspend(t->loop, "resume and suspend, 1 fiber a turn (+ turn)", 1);
    bench_timers(t->loop);
    bench_turns(t->loop);
    if (pn_fiber_start(t->loop, offload_main, NULL) == PN_OK)
        pn_loop_run(t->loop);
    pn_offload_shutdown();
    return rt_teardown(&state);
}
