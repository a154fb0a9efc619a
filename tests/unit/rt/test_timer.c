/* test_timer.c - the timer wheel against a simple model, with a clock that the test moves
 * (src/rt/timer.c). */
#include "rt_test.h"

#define MSEC PN_USEC_PER_MSEC
#define SEC PN_USEC_PER_SEC
#define HOUR (3600 * SEC)

struct probe {
    struct pn_timer  timer;
    unsigned         fired;
    pn_usec          fired_at;
    struct pn_timer *clear; /* in the callback */
    struct pn_timer *set;
    pn_usec          set_in;
};

static void probe_fn(struct pn_timer *timer)
{
    struct probe   *p = PN_CONTAINER(timer, struct probe, timer);
    struct pn_loop *loop = pn_loop_this();

    p->fired++;
    p->fired_at = pn_loop_now(loop);
    if (p->clear != NULL)
        pn_timer_clear(loop, p->clear);
    if (p->set != NULL)
        pn_timer_set(loop, p->set, pn_loop_now(loop) + p->set_in);
}

static void probe_init(struct probe *p)
{
    memset(p, 0, sizeof(*p));
    pn_timer_init(&p->timer, probe_fn);
}

static void move_clock(struct pn_loop *loop, pn_usec by)
{
    loop->now += by;
    pn__wheel_expire(loop);
}

/* --- against a model --- */

enum { TIMERS = 10000, STEPS = 3000, OPS_A_STEP = 40 };

struct model {
    struct probe *probes;
    pn_usec      *deadline; /* not before it was set; PN_NEVER: not armed */
    uint64_t      seed;
};

static pn_usec random_delay(uint64_t *seed)
{
    static const pn_usec spans[] = { 3 * MSEC, 200 * MSEC, 10 * SEC, 400 * SEC, 9 * HOUR };
    pn_usec              span = spans[rt_random(seed) % PN_COUNT(spans)];

    return (pn_usec)(rt_random(seed) % (uint64_t)span) - MSEC; /* some are in the past */
}

/* Takes note of what fired since the last look: once, never early. */
static void model_settle(struct pn_loop *loop, struct model *m, size_t i)
{
    struct probe *p = &m->probes[i];

    assert_int_equal(pn_timer_armed(&p->timer), m->deadline[i] != PN_NEVER && p->fired == 0);
    if (p->fired == 0)
        return;
    assert_int_equal(p->fired, 1);
    assert_true(m->deadline[i] <= p->fired_at);
    p->fired = 0;
    m->deadline[i] = PN_NEVER;
}

static void model_set(struct pn_loop *loop, struct model *m, size_t i, pn_usec deadline)
{
    pn_timer_set(loop, &m->probes[i].timer, deadline);
    m->deadline[i] = deadline > pn_loop_now(loop) ? deadline : pn_loop_now(loop);
}

static void model_change(struct pn_loop *loop, struct model *m)
{
    size_t i = rt_random(&m->seed) % TIMERS;

    model_settle(loop, m, i);
    switch (rt_random(&m->seed) % 4) {
    case 0:
        pn_timer_clear(loop, &m->probes[i].timer);
        m->deadline[i] = PN_NEVER;
        break;
    case 1: /* the usual case: a timeout that is pushed back */
        if (m->deadline[i] != PN_NEVER)
            model_set(loop, m, i, m->deadline[i] + random_delay(&m->seed) + MSEC);
        break;
    default:
        model_set(loop, m, i, pn_loop_now(loop) + random_delay(&m->seed));
        break;
    }
}

/* What is due must have fired; what is not must be armed. */
static void model_check(struct pn_loop *loop, struct model *m)
{
    pn_usec now = pn_loop_now(loop), earliest = PN_NEVER;

    for (size_t i = 0; i < TIMERS; i++) {
        model_settle(loop, m, i);
        assert_true(m->deadline[i] > now - 2 * MSEC);
        if (m->deadline[i] < earliest)
            earliest = m->deadline[i];
    }
    /* The loop wakes in time: never after the earliest deadline, rounded up to ticks. */
    if (earliest == PN_NEVER)
        assert_true(pn__wheel_next(&loop->wheel) == PN_NEVER);
    else
        assert_true(pn__wheel_next(&loop->wheel) <= (earliest > now ? earliest : now) + 2 * MSEC);
}

static void ten_thousand_timers_behave_like_the_model(void **state)
{
    static const pn_usec strides[] = { 0, 300, 1 * MSEC, 7 * MSEC, 100 * MSEC, 5 * SEC, 200 * SEC };
    struct rt_test      *t = *state;
    struct model         m = { .seed = 88172645463325252u };

    m.probes = calloc(TIMERS, sizeof(*m.probes));
    m.deadline = calloc(TIMERS, sizeof(*m.deadline));
    for (size_t i = 0; i < TIMERS; i++) {
        probe_init(&m.probes[i]);
        m.deadline[i] = PN_NEVER;
    }
    for (size_t i = 0; i < TIMERS * 2; i++)
        model_change(t->loop, &m);
    for (unsigned step = 0; step < STEPS; step++) {
        pn_usec stride = strides[rt_random(&m.seed) % PN_COUNT(strides)];

        for (unsigned i = 0; i < OPS_A_STEP; i++)
            model_change(t->loop, &m);
        move_clock(t->loop, stride ? (pn_usec)(rt_random(&m.seed) % (uint64_t)stride) : 0);
        if (step % 8 == 0 || step > STEPS - 50)
            model_check(t->loop, &m);
    }
    free(m.probes);
    free(m.deadline);
    pn__wheel_init(&t->loop->wheel, t->loop->now); /* the rest went with the probes */
}

/* --- single behaviours --- */

static void far_deadlines(void **state)
{
    static const pn_usec delays[] = {
        1,
        999,
        MSEC,
        63 * MSEC,
        64 * MSEC,
        65 * MSEC,
        4095 * MSEC,
        4096 * MSEC,
        262144 * MSEC,
        5 * HOUR,
        24 * HOUR,
        50 * 24 * HOUR,
        400 * 24 * HOUR,
    };
    struct rt_test *t = *state;

    for (size_t i = 0; i < PN_COUNT(delays); i++) {
        struct probe p;
        pn_usec      deadline;
        unsigned     wakes = 0;

        move_clock(t->loop, 12345);
        probe_init(&p);
        deadline = pn_loop_now(t->loop) + delays[i];
        pn_timer_set(t->loop, &p.timer, deadline);
        while (!p.fired) { /* as the loop waits: from one wake-up to the next */
            pn_usec next = pn__wheel_next(&t->loop->wheel);

            assert_true(next != PN_NEVER && next > pn_loop_now(t->loop));
            move_clock(t->loop, next - pn_loop_now(t->loop));
            wakes++;
        }
        assert_true(p.fired_at >= deadline && p.fired_at < deadline + 2 * MSEC);
        assert_in_range(wakes, 1, PN__WHEEL_LEVELS);
        assert_true(pn__wheel_next(&t->loop->wheel) == PN_NEVER);
    }
}

static void never_is_never(void **state)
{
    struct rt_test *t = *state;
    struct probe    p;

    probe_init(&p);
    pn_timer_set(t->loop, &p.timer, PN_NEVER);
    assert_false(pn_timer_armed(&p.timer));
    pn_timer_set(t->loop, &p.timer, PN_NEVER - 1); /* past the wheel's range: armed, and not due */
    assert_true(pn_timer_armed(&p.timer));
    move_clock(t->loop, 1000 * HOUR);
    assert_int_equal(p.fired, 0);
    pn_timer_set(t->loop, &p.timer, PN_NEVER);
    assert_false(pn_timer_armed(&p.timer));
    assert_true(pn__wheel_next(&t->loop->wheel) == PN_NEVER);
}

static void a_later_deadline_leaves_the_entry_where_it_is(void **state)
{
    struct rt_test *t = *state;
    struct probe    p;
    uint64_t        tick;
    pn_usec         begin = pn_loop_now(t->loop);

    probe_init(&p);
    pn_timer_set(t->loop, &p.timer, begin + 50 * MSEC);
    tick = p.timer.armed_tick;
    for (unsigned i = 1; i <= 40; i++) {
        pn_timer_set(t->loop, &p.timer, begin + (50 + i) * MSEC);
        assert_int_equal(p.timer.armed_tick, tick);
    }
    move_clock(t->loop, 60 * MSEC); /* the old time comes: armed anew */
    assert_int_equal(p.fired, 0);
    assert_true(p.timer.armed_tick > tick);
    move_clock(t->loop, 29 * MSEC);
    assert_int_equal(p.fired, 0);
    move_clock(t->loop, 2 * MSEC);
    assert_int_equal(p.fired, 1);

    pn_timer_set(t->loop, &p.timer, pn_loop_now(t->loop) + 9 * HOUR);
    pn_timer_set(t->loop, &p.timer, pn_loop_now(t->loop) + 5 * MSEC); /* earlier: moved at once */
    move_clock(t->loop, 7 * MSEC);
    assert_int_equal(p.fired, 2);
}

static void callbacks_may_set_and_clear_any_timer(void **state)
{
    struct rt_test *t = *state;
    struct probe    p[6];

    for (size_t i = 0; i < PN_COUNT(p); i++) {
        probe_init(&p[i]);
        pn_timer_set(t->loop, &p[i].timer, pn_loop_now(t->loop) + 5 * MSEC);
    }
    /* Same slot: each clears the two beside it, so whoever runs is the only one of the three. */
    for (size_t i = 0; i < 3; i++)
        p[i].clear = &p[(i + 1) % 3].timer;
    p[3].set = &p[4].timer; /* one that is about to fire, or just has */
    p[3].set_in = 10 * MSEC;
    p[5].set = &p[5].timer;
    p[5].set_in = -100 * MSEC; /* itself, in the past: once a turn, not for ever */
    move_clock(t->loop, 300 * MSEC);
    assert_in_range(p[0].fired + p[1].fired + p[2].fired, 1, 2);
    assert_int_equal(p[3].fired, 1);
    assert_in_range(p[4].fired, 0, 1);
    assert_true(pn_timer_armed(&p[4].timer));
    assert_int_equal(p[5].fired, 1);
    move_clock(t->loop, 2 * MSEC);
    assert_int_equal(p[5].fired, 2);
    pn_timer_clear(t->loop, &p[5].timer);
    move_clock(t->loop, 20 * MSEC);
    assert_in_range(p[4].fired, 1, 2);
    assert_true(pn__wheel_next(&t->loop->wheel) == PN_NEVER);
}

static void timers_fire_in_the_order_of_their_ticks(void **state)
{
    struct rt_test *t = *state;
    struct probe    early, late;

    probe_init(&early);
    probe_init(&late);
    pn_timer_set(t->loop, &late.timer, pn_loop_now(t->loop) + 70 * MSEC);
    pn_timer_set(t->loop, &early.timer, pn_loop_now(t->loop) + 66 * MSEC);
    early.clear = &late.timer; /* both are due in the same turn, on a coarse level */
    move_clock(t->loop, 500 * MSEC);
    assert_int_equal(early.fired, 1);
    assert_int_equal(late.fired, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RT_TEST(ten_thousand_timers_behave_like_the_model),
        RT_TEST(far_deadlines),
        RT_TEST(never_is_never),
        RT_TEST(a_later_deadline_leaves_the_entry_where_it_is),
        RT_TEST(callbacks_may_set_and_clear_any_timer),
        RT_TEST(timers_fire_in_the_order_of_their_ticks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
