/* test_fiber.c - starting, waiting, cancelling, pooling and trimming of fibers (src/rt/fiber*.c,
 * switch_*). */
#include <fcntl.h>
#include <fenv.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rt_test.h"

#define MSEC PN_USEC_PER_MSEC

/* --- nesting --- */

static char     trail[64];
static unsigned trail_n;

static void note(char c)
{
    assert_true(trail_n + 1 < sizeof(trail));
    trail[trail_n++] = c;
    trail[trail_n] = '\0';
}

static struct pn_fiber *inner_fiber;

static void inner_main(void *arg)
{
    inner_fiber = pn_fiber_this();
    note('b');
    assert_int_equal(pn_fiber_suspend(), PN_EOF);
    note('e');
}

static void outer_main(void *arg)
{
    struct pn_fiber *self = pn_fiber_this();

    note('a');
    assert_int_equal(pn_fiber_start(pn_loop_this(), inner_main, NULL), PN_OK);
    assert_ptr_equal(pn_fiber_this(), self);
    note('c');
    pn_fiber_resume(inner_fiber, PN_EOF);
    assert_int_equal(pn_fiber_sleep(MSEC), PN_OK);
    note('f');
}

static void a_fiber_may_start_another(void **state)
{
    struct rt_test *t = *state;

    trail_n = 0;
    assert_null(pn_fiber_this());
    assert_int_equal(pn_fiber_start(t->loop, outer_main, NULL), PN_OK);
    assert_null(pn_fiber_this());
    note('d');
    assert_int_equal(pn_fiber_stats(t->loop).live, 2);
    RT_TURN_UNTIL(t->loop, pn_fiber_stats(t->loop).live == 0);
    assert_string_equal(trail, "abcdef");
    assert_int_equal(pn_fiber_stats(t->loop).pooled, 2);
}

static void deep_main(void *arg)
{
    unsigned *left = arg;

    if ((*left)-- > 0)
        assert_int_equal(pn_fiber_start(pn_loop_this(), deep_main, left), PN_OK);
    assert_int_equal(pn_fiber_sleep(MSEC), PN_OK);
}

static void fibers_nest_a_hundred_deep(void **state)
{
    struct rt_test *t = *state;
    unsigned        left = 100;

    assert_int_equal(pn_fiber_start(t->loop, deep_main, &left), PN_OK);
    assert_int_equal(pn_fiber_stats(t->loop).live, 101);
    RT_TURN_UNTIL(t->loop, pn_fiber_stats(t->loop).live == 0);
}

/* --- waits --- */

struct waiter {
    struct pn_fiber *fiber;
    pn_usec          deadline; /* 0: pn_fiber_suspend, -1: shielded */
    pn_rc            rc, second;
    bool             over;
};

static void waiter_main(void *arg)
{
    struct waiter *w = arg;

    w->fiber = pn_fiber_this();
    if (w->deadline == -1)
        w->rc = pn_fiber_suspend_shielded();
    else
        w->rc = w->deadline ? pn_fiber_suspend_until(w->deadline) : pn_fiber_suspend();
    w->second = pn_fiber_suspend_until(pn_loop_now(pn_loop_this()) + 2 * MSEC);
    w->over = true;
}

enum act { RESUME = 1, CANCEL = 2, SHIELD = 4, DEADLINE = 8, RESUME_LATE = 16 };

static void waits_end_as_they_should(void **state)
{
    static const struct {
        unsigned acts;
        pn_rc    rc, second;
    } cases[] = {
        { RESUME, PN_EOF, PN_TIMEOUT },
        { CANCEL, PN_CANCELLED, PN_CANCELLED },
        { DEADLINE, PN_TIMEOUT, PN_TIMEOUT },
        { DEADLINE | RESUME, PN_EOF, PN_TIMEOUT },
        { DEADLINE | CANCEL, PN_CANCELLED, PN_CANCELLED },
        { SHIELD | CANCEL | RESUME_LATE, PN_EOF, PN_CANCELLED },
        { CANCEL | RESUME, PN_EOF, PN_CANCELLED }, /* a resume before the fiber ran wins */
    };
    struct rt_test *t = *state;

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        struct waiter w = { .rc = PN_FAILED };
        unsigned      acts = cases[i].acts;

        pn_loop_touch_clock(t->loop);
        if (acts & DEADLINE)
            w.deadline = pn_loop_now(t->loop) + 5 * MSEC;
        else if (acts & SHIELD)
            w.deadline = -1;
        assert_int_equal(pn_fiber_start(t->loop, waiter_main, &w), PN_OK);
        if (acts & CANCEL) {
            pn_fiber_cancel(w.fiber);
            assert_true(pn_fiber_cancelled(w.fiber));
        }
        if (acts & RESUME_LATE) {
            pn_loop_turn(t->loop, 0);
            assert_int_equal(w.rc, PN_FAILED);
        }
        if (acts & (RESUME | RESUME_LATE))
            pn_fiber_resume(w.fiber, PN_EOF);
        assert_int_equal(w.rc, PN_FAILED); /* resume only queues */
        RT_TURN_UNTIL(t->loop, w.over);
        assert_int_equal(w.rc, cases[i].rc);
        assert_int_equal(w.second, cases[i].second);
    }
}

static void uncancel_main(void *arg)
{
    bool *over = arg;

    pn_fiber_cancel(pn_fiber_this()); /* its own next wait */
    assert_int_equal(pn_fiber_sleep(MSEC), PN_CANCELLED);
    assert_int_equal(pn_fiber_suspend(), PN_CANCELLED);
    pn_fiber_uncancel(pn_fiber_this());
    assert_int_equal(pn_fiber_sleep(MSEC), PN_OK);
    pn_fiber_cancel(pn_fiber_this());
    *over = true;
}

static void fresh_main(void *arg)
{
    assert_false(pn_fiber_cancelled(pn_fiber_this()));
    assert_int_equal(pn_fiber_sleep(MSEC), PN_OK);
}

static void cancelling_ends_with_uncancel_or_the_fiber(void **state)
{
    struct rt_test *t = *state;
    bool            over = false;

    assert_int_equal(pn_fiber_start(t->loop, uncancel_main, &over), PN_OK);
    RT_TURN_UNTIL(t->loop, over);
    assert_int_equal(pn_fiber_start(t->loop, fresh_main, NULL), PN_OK); /* the same stack again */
    RT_TURN_UNTIL(t->loop, pn_fiber_stats(t->loop).live == 0);
    assert_int_equal(pn_fiber_stats(t->loop).pooled, 1);
}

static void timeouts_main(void *arg)
{
    struct pn_loop *loop = pn_loop_this();
    unsigned       *done = arg;

    /* The fiber's timer is left armed by a wait that ends early; later waits must not feel it. */
    for (unsigned i = 0; i < 20; i++) {
        pn_usec begin = pn_loop_now(loop);

        assert_int_equal(pn_fiber_suspend_until(begin + (1 + i % 5) * MSEC), PN_TIMEOUT);
        assert_true(pn_loop_now(loop) >= begin + (1 + i % 5) * MSEC);
    }
    *done = 1;
}

struct pair {
    struct pn_fiber *fiber;
    unsigned         rounds;
};

static void early_main(void *arg)
{
    struct pair *pair = arg;

    pair->fiber = pn_fiber_this();
    for (; pair->rounds < 10; pair->rounds++) /* each is resumed long before its deadline */
        assert_int_equal(pn_fiber_suspend_until(pn_loop_now(pn_loop_this()) + 4 * MSEC), PN_OK);
    assert_int_equal(pn_fiber_suspend(), PN_EOF); /* no deadline, though the old one passes */
    pair->rounds++;
}

static void an_old_deadline_does_not_end_a_later_wait(void **state)
{
    struct rt_test *t = *state;
    struct pair     pair = { 0 };
    unsigned        done = 0;

    assert_int_equal(pn_fiber_start(t->loop, early_main, &pair), PN_OK);
    for (unsigned i = 0; i < 10; i++) {
        pn_fiber_resume(pair.fiber, PN_OK);
        pn_loop_turn(t->loop, 0);
    }
    assert_int_equal(pair.rounds, 10);
    for (unsigned i = 0; i < 4; i++) {
        usleep(2000);
        pn_loop_turn(t->loop, 0);
    }
    assert_int_equal(pair.rounds, 10);
    pn_fiber_resume(pair.fiber, PN_EOF);
    pn_loop_turn(t->loop, 0);
    assert_int_equal(pair.rounds, 11);
    assert_int_equal(pn_fiber_start(t->loop, timeouts_main, &done), PN_OK);
    RT_TURN_UNTIL(t->loop, done);
}

/* --- descriptors --- */

struct end {
    struct pn_io        io;
    struct pn_io_waiter waiter;
    unsigned            rounds; /* to do */
    unsigned            got;
};

static void end_fn(struct pn_io *io, unsigned events)
{
    struct end *end = PN_CONTAINER(io, struct end, io);

    pn_io_waiter_ready(&end->waiter, io, events);
}

static pn_rc read_byte(struct end *end, char *ret_byte, pn_usec deadline)
{
    for (;;) {
        ssize_t n = read(end->io.fd, ret_byte, 1);
        pn_rc   rc;

        if (n >= 0)
            return n ? PN_OK : PN_EOF;
        end->io.ready = (uint8_t)(end->io.ready & ~PN_IO_IN);
        rc = pn_fiber_wait_io(&end->io, &end->waiter, PN_IO_IN, deadline);
        if (rc != PN_OK)
            return rc;
    }
}

static void ping_main(void *arg)
{
    struct end *end = arg;
    char        byte = 'p';

    while (end->got < end->rounds) {
        assert_int_equal(write(end->io.fd, &byte, 1), 1);
        assert_int_equal(read_byte(end, &byte, PN_NEVER), PN_OK);
        end->got++;
    }
    shutdown(end->io.fd, SHUT_WR);
}

static void pong_main(void *arg)
{
    struct end *end = arg;
    char        byte;

    while (read_byte(end, &byte, pn_loop_now(pn_loop_this()) + 10 * PN_USEC_PER_SEC) == PN_OK) {
        end->got++;
        assert_int_equal(write(end->io.fd, &byte, 1), 1);
    }
}

static void open_pair(struct pn_loop *loop, struct end ends[2])
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    for (unsigned i = 0; i < 2; i++) {
        ends[i] = (struct end){ .rounds = 1000 };
        assert_int_equal(pn_io_open(loop, &ends[i].io, fds[i], end_fn, false), PN_OK);
    }
}

static void ping_pong_over_a_socket_pair(void **state)
{
    struct rt_test *t = *state;
    struct end      ends[2];

    open_pair(t->loop, ends);
    assert_int_equal(pn_fiber_start(t->loop, pong_main, &ends[1]), PN_OK);
    assert_int_equal(pn_fiber_start(t->loop, ping_main, &ends[0]), PN_OK);
    RT_TURN_UNTIL(t->loop, pn_fiber_stats(t->loop).live == 0);
    assert_int_equal(ends[0].got, 1000);
    assert_int_equal(ends[1].got, 1000);
    pn_io_close(t->loop, &ends[0].io);
    pn_io_close(t->loop, &ends[1].io);
}

struct io_wait {
    struct end      *end;
    unsigned         events;
    pn_usec          deadline;
    struct pn_fiber *fiber;
    pn_rc            rc;
};

static void io_wait_main(void *arg)
{
    struct io_wait *w = arg;

    w->fiber = pn_fiber_this();
    w->rc = pn_fiber_wait_io(&w->end->io, &w->end->waiter, w->events, w->deadline);
    assert_null(w->end->waiter.fiber);
}

static void io_waits_end_as_they_should(void **state)
{
    enum { TIME, CANCELLED, PEER_CLOSES, PEER_HALF_CLOSES };
    static const struct {
        unsigned events;
        int      what;
        pn_rc    rc;
    } cases[] = {
        { PN_IO_IN, TIME, PN_TIMEOUT },
        { PN_IO_IN, CANCELLED, PN_CANCELLED },
        { PN_IO_IN, PEER_CLOSES, PN_OK },
        { PN_IO_OUT, PEER_CLOSES, PN_OK },
        { PN_IO_IN, PEER_HALF_CLOSES, PN_OK },
        { PN_IO_OUT, PEER_HALF_CLOSES, PN_TIMEOUT }, /* the peer still reads */
    };
    struct rt_test *t = *state;

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        struct end     ends[2];
        struct io_wait w = { .end = &ends[0], .events = cases[i].events, .rc = PN_FAILED };

        open_pair(t->loop, ends);
        pn_loop_turn(t->loop, 0);
        while (write(ends[0].io.fd, "0123456789", 10) > 0)
            continue; /* until it would block */
        pn_loop_turn(t->loop, 0);
        ends[0].io.ready = 0;
        w.deadline = pn_loop_now(t->loop) + 15 * MSEC;
        assert_int_equal(pn_fiber_start(t->loop, io_wait_main, &w), PN_OK);
        assert_int_equal(w.rc, PN_FAILED);
        if (cases[i].what == CANCELLED)
            pn_fiber_cancel(w.fiber);
        else if (cases[i].what == PEER_CLOSES)
            pn_io_close(t->loop, &ends[1].io);
        else if (cases[i].what == PEER_HALF_CLOSES)
            shutdown(ends[1].io.fd, SHUT_WR);
        RT_TURN_UNTIL(t->loop, w.rc != PN_FAILED);
        assert_int_equal(w.rc, cases[i].rc);
        pn_io_close(t->loop, &ends[0].io);
        pn_io_close(t->loop, &ends[1].io);
    }
}

/* --- many, and memory --- */

/* ThreadSanitizer knows a limited number of fibers. */
#ifdef PN__TSAN
enum { MANY = 500 };
#else
enum { MANY = 10000 };
#endif

struct crowd {
    struct pn_fiber *fibers[MANY];
    unsigned         n, sum;
};

static void crowd_main(void *arg)
{
    struct crowd *crowd = arg;
    unsigned      number = crowd->n++;
    unsigned     *kept = apr_palloc(pn_fiber_pool(pn_fiber_this()), sizeof(*kept));

    *kept = number;
    crowd->fibers[number] = pn_fiber_this();
    assert_int_equal(pn_fiber_suspend(), PN_OK);
    assert_int_equal(*kept, number);
    crowd->sum += *kept % 7;
}

static void ten_thousand_fibers_alive(void **state)
{
    struct rt_test *t = *state;
    struct crowd   *crowd = calloc(1, sizeof(*crowd));
    unsigned        sum = 0;

    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(pn_fiber_start(t->loop, crowd_main, crowd), PN_OK);
        sum += i % 7;
    }
    assert_int_equal(pn_fiber_stats(t->loop).live, MANY);
    for (unsigned i = 0; i < MANY; i++)
        pn_fiber_resume(crowd->fibers[(i * 7919u) % MANY], PN_OK);
    RT_TURN_UNTIL(t->loop, pn_fiber_stats(t->loop).live == 0);
    assert_int_equal(crowd->sum, sum);
    assert_int_equal(pn_fiber_stats(t->loop).pooled, MANY);
    free(crowd);
}

/* Uses at least 400 bytes of stack for each step; what is read after the call keeps them all. */
static unsigned dig(unsigned depth)
{
    volatile char hole[400];
    unsigned      below;

    for (size_t i = 0; i < sizeof(hole); i++)
        hole[i] = (char)depth;
    below = depth == 0 ? 0 : dig(depth - 1);
    return below + (unsigned)hole[7];
}

static void dig_main(void *arg)
{
    unsigned *depth = arg;

    dig(*depth);
    assert_int_equal(pn_fiber_sleep(MSEC), PN_OK);
}

static void overrun_in_child(struct pn_loop *loop)
{
    unsigned depth = 1u << 30;
    int      null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    dup2(null, STDERR_FILENO);
    signal(SIGSEGV, SIG_DFL);
    (void)!pn_fiber_start(loop, dig_main, &depth);
    _exit(0);
}

static void overrunning_a_stack_faults(void **state)
{
    struct rt_test *t = *state;
    pid_t           child;
    int             status;

    child = fork();
    if (child == 0)
        overrun_in_child(t->loop);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSEGV);
}

static size_t resident_pages(const struct pn__stack *stack)
{
    size_t         page = pn__page_bytes();
    size_t         pages = (stack->map_bytes - stack->guard_bytes) / page, n = 0;
    unsigned char *vec = malloc(pages);

    assert_int_equal(mincore(pn__stack_low(stack), pages * page, vec), 0);
    for (size_t i = 0; i < pages; i++)
        n += vec[i] & 1;
    free(vec);
    return n;
}

/* Lets trim periods of five seconds pass, without the wait. */
static void pass_periods(struct pn_loop *loop, unsigned periods)
{
    struct pn_timer *trim = &loop->fibers.trim;

    for (unsigned i = 0; i < periods && pn_timer_armed(trim); i++) {
        pn_timer_clear(loop, trim);
        trim->fn(trim);
    }
}

static void start_diggers(struct pn_loop *loop, unsigned n)
{
    unsigned depth = 100;

    for (unsigned i = 0; i < n; i++)
        assert_int_equal(pn_fiber_start(loop, dig_main, &depth), PN_OK);
    RT_TURN_UNTIL(loop, pn_fiber_stats(loop).live == 0);
}

static void idle_stacks_are_reused_then_trimmed_then_unmapped(void **state)
{
    enum { N = 100 };
    struct rt_test  *t = *state;
    struct pn_fiber *bottom, *top;

    start_diggers(t->loop, N);
    assert_int_equal(pn_fiber_stats(t->loop).pooled, N);
    bottom = t->loop->fibers.idle[0];
    top = t->loop->fibers.idle[N - 1];
    assert_true(resident_pages(&bottom->stack) >= 8);
    start_diggers(t->loop, 1); /* the one that was put back last */
    assert_int_equal(pn_fiber_stats(t->loop).pooled, N);
    assert_ptr_equal(t->loop->fibers.idle[N - 1], top);
    for (unsigned i = 0; i < 3; i++) { /* one is used in every period */
        pass_periods(t->loop, 1);
        start_diggers(t->loop, 1);
    }
    assert_int_equal(pn_fiber_stats(t->loop).trimmed, N - 1);
    assert_in_range(resident_pages(&bottom->stack), 1, 2);
    assert_true(resident_pages(&top->stack) >= 8);
    assert_null(bottom->pool);
    pass_periods(t->loop, 26);
    assert_in_range(pn_fiber_stats(t->loop).pooled, 1, 20);
    assert_int_equal(pn_fiber_stats(t->loop).trimmed, pn_fiber_stats(t->loop).pooled);
    assert_false(pn_timer_armed(&t->loop->fibers.trim)); /* nothing left to do: no wake-ups */
    start_diggers(t->loop, N);                           /* trimmed ones work as before */
    assert_int_equal(pn_fiber_stats(t->loop).pooled, N);
}

static apr_status_t count_cleanup(void *arg)
{
    ++*(unsigned *)arg;
    return APR_SUCCESS;
}

static void pool_main(void *arg)
{
    apr_pool_t *pool = pn_fiber_pool(pn_fiber_this());

    assert_ptr_equal(pool, pn_fiber_pool(pn_fiber_this()));
    memset(apr_palloc(pool, 100000), 1, 100000);
    apr_pool_cleanup_register(pool, arg, count_cleanup, apr_pool_cleanup_null);
    assert_int_equal(pn_fiber_sleep(MSEC), PN_OK);
}

static void the_pool_is_cleared_when_the_fiber_ends(void **state)
{
    struct rt_test *t = *state;
    unsigned        cleanups = 0;

    pn_fiber_set_max_free(t->loop, 16384);
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(pn_fiber_start(t->loop, pool_main, &cleanups), PN_OK);
        assert_int_equal(cleanups, i - 1);
        RT_TURN_UNTIL(t->loop, pn_fiber_stats(t->loop).live == 0);
        assert_int_equal(cleanups, i);
    }
}

static void another_stack_size_replaces_the_stacks(void **state)
{
    struct rt_test *t = *state;
    size_t          before = pn_fiber_stats(t->loop).stack_bytes;
    struct waiter   w = { .rc = PN_FAILED };

    start_diggers(t->loop, 3);
    assert_int_equal(pn_fiber_start(t->loop, waiter_main, &w), PN_OK);
    pn_fiber_set_stack_size(t->loop, 300001);
    assert_true(pn_fiber_stats(t->loop).stack_bytes > before);
    assert_int_equal(pn_fiber_stats(t->loop).stack_bytes % pn__page_bytes(), 0);
    assert_int_equal(pn_fiber_stats(t->loop).pooled, 0);
    pn_fiber_resume(w.fiber, PN_OK);
    RT_TURN_UNTIL(t->loop, w.over);
    assert_int_equal(pn_fiber_stats(t->loop).pooled, 0); /* one of the old size is not kept */
    start_diggers(t->loop, 2);
    assert_int_equal(pn_fiber_stats(t->loop).pooled, 2);
}

static void high_water_is_measured_when_painting(void **state)
{
    struct rt_test *t = *state;

    start_diggers(t->loop, 1);
#ifdef PN_DEBUG
    assert_in_range(pn_fiber_stats(t->loop).high_water_bytes, 40000,
                    pn_fiber_stats(t->loop).stack_bytes - 1);
    pass_periods(t->loop, 3); /* trimmed pages read as zero: painted anew, not taken for use */
    start_diggers(t->loop, 1);
    assert_in_range(pn_fiber_stats(t->loop).high_water_bytes, 40000,
                    pn_fiber_stats(t->loop).stack_bytes - 1);
#else
    assert_int_equal(pn_fiber_stats(t->loop).high_water_bytes, 0);
#endif
}

/* --- registers --- */

static uint64_t opaque(uint64_t x)
{
    static volatile uint64_t sink;

    sink = x;
    return sink;
}

struct regs {
    uint64_t         base;
    struct pn_fiber *fiber;
    bool             over;
    int              rounding;
};

/* Enough values live across the waits to fill every callee-saved register, whole and floating. */
static void regs_main(void *arg)
{
    struct regs *r = arg;
    uint64_t     a = opaque(r->base), b = opaque(a + 1), c = opaque(a + 2), d = opaque(a + 3);
    uint64_t     e = opaque(a + 4), f = opaque(a + 5), g = opaque(a + 6);
    double       u = (double)opaque(a + 7), v = (double)opaque(a + 8), x = (double)opaque(a + 9);
    double       third = 0;

    r->fiber = pn_fiber_this();
    fesetround(r->rounding);
    third = (double)opaque(1) / (double)opaque(3);
    for (unsigned i = 0; i < 200; i++) {
        assert_int_equal(pn_fiber_suspend(), PN_OK);
        assert_int_equal(fegetround(), r->rounding);
        assert_true((double)opaque(1) / (double)opaque(3) == third);
        a += 1, b += 2, c += 3, d += 4, e += 5, f += 6, g += 7;
        u += 1, v += 2, x += 3;
    }
    assert_int_equal(a, r->base + 200);
    assert_int_equal(b, r->base + 1 + 400);
    assert_int_equal(c, r->base + 2 + 600);
    assert_int_equal(d, r->base + 3 + 800);
    assert_int_equal(e, r->base + 4 + 1000);
    assert_int_equal(f, r->base + 5 + 1200);
    assert_int_equal(g, r->base + 6 + 1400);
    assert_true(u == (double)(r->base + 7 + 200));
    assert_true(v == (double)(r->base + 8 + 400));
    assert_true(x == (double)(r->base + 9 + 600));
    r->over = true;
}

static void registers_survive_switches(void **state)
{
    static const int roundings[] = { FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO };
    struct rt_test  *t = *state;
    struct regs      r[8];
    uint64_t         kept[8];

    for (unsigned i = 0; i < PN_COUNT(r); i++) {
        r[i] = (struct regs){ .base = 1000003u * (i + 1), .rounding = roundings[i % 4] };
        assert_int_equal(pn_fiber_start(t->loop, regs_main, &r[i]), PN_OK);
        assert_int_equal(fegetround(), FE_TONEAREST);
        kept[i] = opaque(i * 77u);
    }
    for (unsigned round = 0; round < 200; round++) {
        for (unsigned i = 0; i < PN_COUNT(r); i++)
            pn_fiber_resume(r[(i * 3 + round) % PN_COUNT(r)].fiber, PN_OK);
        pn_loop_turn(t->loop, 0);
    }
    for (unsigned i = 0; i < PN_COUNT(r); i++) {
        assert_true(r[i].over);
        assert_int_equal(kept[i], i * 77u);
    }
    assert_int_equal(fegetround(), FE_TONEAREST);
}

/* --- several loops --- */

static void *loop_main(void *arg)
{
    apr_pool_t     *pool;
    struct pn_loop *loop;
    struct end      ends[2];

    apr_pool_create(&pool, NULL);
    if (pn_loop_open(pool, &loop) != PN_OK)
        return NULL;
    open_pair(loop, ends);
    if (pn_fiber_start(loop, pong_main, &ends[1]) != PN_OK ||
        pn_fiber_start(loop, ping_main, &ends[0]) != PN_OK)
        return NULL;
    while (pn_fiber_stats(loop).live > 0)
        pn_loop_turn(loop, PN_NEVER);
    pn_io_close(loop, &ends[0].io);
    pn_io_close(loop, &ends[1].io);
    pn_loop_close(loop);
    apr_pool_destroy(pool);
    return ends[0].got == 1000 ? arg : NULL;
}

static void fibers_of_several_threads(void **state)
{
    pthread_t threads[4];
    void     *result;

    for (unsigned i = 0; i < PN_COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, loop_main, threads), 0);
    for (unsigned i = 0; i < PN_COUNT(threads); i++) {
        pthread_join(threads[i], &result);
        assert_ptr_equal(result, threads);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RT_TEST(a_fiber_may_start_another),
        RT_TEST(fibers_nest_a_hundred_deep),
        RT_TEST(waits_end_as_they_should),
        RT_TEST(cancelling_ends_with_uncancel_or_the_fiber),
        RT_TEST(an_old_deadline_does_not_end_a_later_wait),
        RT_TEST(ping_pong_over_a_socket_pair),
        RT_TEST(io_waits_end_as_they_should),
        RT_TEST(ten_thousand_fibers_alive),
        RT_TEST(overrunning_a_stack_faults),
        RT_TEST(idle_stacks_are_reused_then_trimmed_then_unmapped),
        RT_TEST(the_pool_is_cleared_when_the_fiber_ends),
        RT_TEST(another_stack_size_replaces_the_stacks),
        RT_TEST(high_water_is_measured_when_painting),
        RT_TEST(registers_survive_switches),
        RT_TEST(fibers_of_several_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
