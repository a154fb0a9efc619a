/* test_loop.c - the order of a turn, readiness, jobs, hooks and wake-ups (src/rt/loop.c,
 * loop_epoll.c). */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rt_test.h"

/* An io that notes what it is told. */
struct probe {
    struct pn_io  io;
    int           peer;
    unsigned      calls;
    unsigned      events; /* of the latest call */
    struct pn_io *close_too;
};

static void probe_fn(struct pn_io *io, unsigned events)
{
    struct probe *p = PN_CONTAINER(io, struct probe, io);

    p->calls++;
    p->events = events;
    if (p->close_too != NULL)
        pn_io_close(pn_loop_this(), p->close_too);
    p->close_too = NULL;
}

static void probe_open(struct pn_loop *loop, struct probe *p)
{
    int fds[2];

    memset(p, 0, sizeof(*p));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(pn_io_open(loop, &p->io, fds[0], probe_fn, false), PN_OK);
    p->peer = fds[1];
}

static void probe_close(struct pn_loop *loop, struct probe *p)
{
    pn_io_close(loop, &p->io);
    if (p->peer >= 0)
        close(p->peer);
}

/* --- the order of a turn --- */

static char     phases[32];
static unsigned phases_n;

static void note(char c)
{
    assert_true(phases_n + 1 < sizeof(phases));
    phases[phases_n++] = c;
    phases[phases_n] = '\0';
}

static struct pn_job   note_job;
static struct pn_timer note_timer;

static void note_io_fn(struct pn_io *io, unsigned events)
{
    char c;

    if (!(events & PN_IO_IN))
        return;
    while (read(io->fd, &c, 1) == 1)
        continue;
    note('i');
    pn_job_queue(pn_loop_this(), &note_job);
    pn_timer_set(pn_loop_this(), &note_timer, 0);
}

static void note_received_fn(struct pn_turn_hook *hook)
{
    note('h');
}

static void note_end_fn(struct pn_turn_hook *hook)
{
    note('e');
}

static void note_job_fn(struct pn_job *job)
{
    note('j');
}

static void note_timer_fn(struct pn_timer *timer)
{
    note('t');
}

static void turn_has_its_order(void **state)
{
    struct rt_test     *t = *state;
    struct pn_turn_hook received = { .fn = note_received_fn }, end = { .fn = note_end_fn };
    struct probe        p;

    note_job = (struct pn_job){ .fn = note_job_fn };
    pn_timer_init(&note_timer, note_timer_fn);
    probe_open(t->loop, &p);
    p.io.fn = note_io_fn;
    pn_loop_on_received(t->loop, &received);
    pn_loop_on_turn_end(t->loop, &end);
    pn_loop_turn(t->loop, 0); /* the first report of "writable" */
    usleep(3000);             /* so that the timer, set by the callback, is due in the same turn */
    assert_int_equal(write(p.peer, "x", 1), 1);
    phases_n = 0;
    pn_loop_turn(t->loop, PN_NEVER);
    assert_string_equal(phases, "ihjte");
    pn_loop_off(t->loop, &received);
    pn_loop_off(t->loop, &end);
    phases_n = 0;
    phases[0] = '\0';
    pn_loop_turn(t->loop, 0);
    assert_string_equal(phases, "");
    probe_close(t->loop, &p);
}

/* --- readiness --- */

static void readiness_is_an_edge_and_sticks(void **state)
{
    struct rt_test *t = *state;
    struct probe    p;
    char            c;

    probe_open(t->loop, &p);
    assert_int_equal(p.io.ready, 0);
    pn_loop_turn(t->loop, 0);
    assert_int_equal(p.events, PN_IO_OUT);
    assert_int_equal(write(p.peer, "ab", 2), 2);
    pn_loop_turn(t->loop, PN_NEVER);
    assert_int_equal(p.calls, 2);
    assert_true(p.io.ready & PN_IO_IN);
    pn_loop_turn(t->loop, 0); /* not read: no second event, but the bit stays */
    assert_int_equal(p.calls, 2);
    assert_true(p.io.ready & PN_IO_IN);
    while (read(p.io.fd, &c, 1) == 1)
        continue;
    p.io.ready = (uint8_t)(p.io.ready & ~PN_IO_IN); /* what a reader does after EAGAIN */
    pn_loop_turn(t->loop, 0);
    assert_int_equal(p.calls, 2);
    assert_int_equal(write(p.peer, "c", 1), 1);
    pn_loop_turn(t->loop, PN_NEVER);
    assert_int_equal(p.calls, 3);
    assert_true(p.io.ready & PN_IO_IN);
    probe_close(t->loop, &p);
}

enum peer_act { PEER_SHUT_WRITE, PEER_CLOSE, PEER_SEND };

static void hang_up_bits(void **state)
{
    static const struct {
        enum peer_act act;
        unsigned      set, clear;
    } cases[] = {
        { PEER_SEND, PN_IO_IN, PN_IO_HUP | PN_IO_RDHUP },
        { PEER_SHUT_WRITE, PN_IO_IN | PN_IO_RDHUP, PN_IO_HUP },
        { PEER_CLOSE, PN_IO_IN | PN_IO_OUT | PN_IO_HUP, 0 },
    };
    struct rt_test *t = *state;

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        struct probe p;

        probe_open(t->loop, &p);
        pn_loop_turn(t->loop, 0);
        if (cases[i].act == PEER_SHUT_WRITE)
            shutdown(p.peer, SHUT_WR);
        else if (cases[i].act == PEER_SEND)
            assert_int_equal(write(p.peer, "x", 1), 1);
        else {
            close(p.peer);
            p.peer = -1;
        }
        pn_loop_turn(t->loop, PN_NEVER);
        assert_int_equal(p.events & cases[i].set, cases[i].set);
        assert_int_equal(p.events & cases[i].clear, 0);
        assert_int_equal(p.io.ready & cases[i].set, cases[i].set);
        probe_close(t->loop, &p);
    }
}

static void events_of_a_closed_io_are_dropped(void **state)
{
    struct rt_test *t = *state;
    struct probe   *a = malloc(sizeof(*a)), *b = malloc(sizeof(*b));
    unsigned        calls;

    probe_open(t->loop, a);
    probe_open(t->loop, b);
    a->close_too = &b->io; /* whichever comes first closes the other */
    b->close_too = &a->io;
    pn_loop_turn(t->loop, PN_NEVER);
    calls = a->calls + b->calls;
    assert_int_equal(calls, 1);
    assert_int_equal((a->io.fd < 0) + (b->io.fd < 0), 1);
    probe_close(t->loop, a);
    probe_close(t->loop, b);
    free(a);
    free(b);
    pn_loop_turn(t->loop, 0);
}

static struct probe *swap_from, *swap_to;
static unsigned      swap_calls;

static void swap_fn(struct pn_io *io, unsigned events)
{
    struct probe *self = PN_CONTAINER(io, struct probe, io);
    struct probe *other = self == swap_from ? swap_to : swap_from;
    int           fd = other->io.fd, fds[2];

    swap_calls++;
    if (swap_calls > 1)
        return;
    close(other->peer);
    pn_io_close(pn_loop_this(), &other->io);
    assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0); /* takes the lowest free numbers */
    if (fds[0] != fd) {
        assert_int_equal(dup3(fds[0], fd, O_CLOEXEC) < 0 ? errno : 0, 0);
        close(fds[0]);
    }
    other->peer = fds[1] == fd ? fds[0] : fds[1];
    assert_int_equal(pn_io_open(pn_loop_this(), &other->io, fd, probe_fn, false), PN_OK);
}

static void a_reused_descriptor_gets_no_old_events(void **state)
{
    struct rt_test *t = *state;
    struct probe    a, b, *other;

    probe_open(t->loop, &a);
    probe_open(t->loop, &b);
    a.io.fn = b.io.fn = swap_fn;
    swap_from = &a;
    swap_to = &b;
    swap_calls = 0;
    pn_loop_turn(t->loop, PN_NEVER); /* both are reported as writable in this turn */
    assert_int_equal(swap_calls, 1);
    other = a.io.fn == probe_fn ? &a : &b;
    assert_int_equal(other->calls, 0);
    probe_close(t->loop, &a);
    probe_close(t->loop, &b);
}

static void a_file_held_open_elsewhere_stays_silent(void **state)
{
    struct rt_test *t = *state;
    struct probe    p;
    int             held;

    probe_open(t->loop, &p);
    pn_loop_turn(t->loop, 0);
    held = dup(p.io.fd); /* as a forked child would */
    pn_io_close(t->loop, &p.io);
    assert_int_equal(write(p.peer, "x", 1), 1);
    pn_loop_turn(t->loop, 0);
    assert_int_equal(p.calls, 1);
    close(held);
    close(p.peer);
}

static void an_exclusive_io_is_level_triggered_and_pauses(void **state)
{
    struct rt_test *t = *state;
    struct probe    p;
    int             fds[2], held;

    assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    p = (struct probe){ .peer = fds[1] };
    assert_int_equal(pn_io_open(t->loop, &p.io, fds[0], probe_fn, true), PN_OK);
    assert_int_equal(write(p.peer, "x", 1), 1);
    pn_loop_turn(t->loop, 0);
    pn_loop_turn(t->loop, 0);
    assert_int_equal(p.calls, 2);
    assert_int_equal(pn_io_pause(t->loop, &p.io), PN_OK);
    pn_loop_turn(t->loop, 0);
    assert_int_equal(p.calls, 2);
    assert_int_equal(pn_io_resume(t->loop, &p.io), PN_OK);
    pn_loop_turn(t->loop, 0);
    assert_int_equal(p.calls, 3);
    held = dup(p.io.fd);
    pn_io_close(t->loop, &p.io);
    pn_loop_turn(t->loop, 0);
    assert_int_equal(pn_loop_stats(t->loop).events, 3);
    close(held);
    close(p.peer);
}

static void prepare_register_detach(void **state)
{
    struct rt_test *t = *state;
    struct probe    p;
    int             fd;

    probe_open(t->loop, &p);
    fd = pn_io_detach(t->loop, &p.io);
    assert_true(fd >= 0);
    assert_int_equal(pn_io_detach(t->loop, &p.io), -1);
    assert_int_equal(write(p.peer, "x", 1), 1);
    pn_loop_turn(t->loop, 0);
    assert_int_equal(p.calls, 0);
    pn_io_prepare(&p.io, fd, probe_fn);
    assert_int_equal(p.io.ready, PN_IO_IN | PN_IO_OUT);
    pn_loop_turn(t->loop, 0);
    assert_int_equal(p.calls, 0);
    assert_int_equal(pn_io_register(t->loop, &p.io), PN_OK);
    assert_int_equal(pn_io_register(t->loop, &p.io), PN_OK);
    pn_loop_turn(t->loop, 0);
    assert_int_equal(p.calls, 1);
    assert_int_equal(p.events, PN_IO_IN | PN_IO_OUT);
    probe_close(t->loop, &p);
    pn_io_close(t->loop, &p.io); /* not open: no-op */
}

static void a_file_that_cannot_be_polled_is_refused(void **state)
{
    struct rt_test *t = *state;
    struct pn_io    io;
    int             fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(pn_io_open(t->loop, &io, fd, probe_fn, false), PN_SYSTEM);
    assert_int_equal(errno, EPERM);
    assert_int_equal(io.fd, -1);
    close(fd);
}

static void many_descriptors_in_one_turn(void **state)
{
    enum { MANY = 400 }; /* more than one wait reports */
    struct rt_test *t = *state;
    struct probe   *p = calloc(MANY, sizeof(*p));

    for (unsigned i = 0; i < MANY; i++)
        probe_open(t->loop, &p[i]);
    RT_TURN_UNTIL(t->loop, pn_loop_stats(t->loop).events >= MANY);
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(p[i].calls, 1);
        probe_close(t->loop, &p[i]);
    }
    free(p);
}

/* --- jobs --- */

struct count_job {
    struct pn_job  job;
    unsigned       runs;
    bool           again;
    struct pn_job *cancel;
};

static void count_job_fn(struct pn_job *job)
{
    struct count_job *self = PN_CONTAINER(job, struct count_job, job);

    self->runs++;
    if (self->again)
        pn_job_queue(pn_loop_this(), job);
    if (self->cancel != NULL)
        pn_job_cancel(pn_loop_this(), self->cancel);
}

static void jobs_are_queued_once_and_cancelled(void **state)
{
    struct rt_test  *t = *state;
    struct count_job j[4];

    for (unsigned gone = 0; gone < PN_COUNT(j); gone++) {
        for (unsigned i = 0; i < PN_COUNT(j); i++) {
            j[i] = (struct count_job){ .job.fn = count_job_fn };
            pn_job_queue(t->loop, &j[i].job);
            pn_job_queue(t->loop, &j[i].job);
        }
        pn_job_cancel(t->loop, &j[gone].job);
        pn_job_cancel(t->loop, &j[gone].job);
        pn_loop_turn(t->loop, PN_NEVER); /* does not wait */
        for (unsigned i = 0; i < PN_COUNT(j); i++)
            assert_int_equal(j[i].runs, i != gone);
    }
    j[0].cancel = &j[1].job;
    pn_job_queue(t->loop, &j[0].job);
    pn_job_queue(t->loop, &j[1].job);
    j[0].runs = j[1].runs = 0;
    pn_loop_turn(t->loop, PN_NEVER);
    assert_int_equal(j[0].runs, 1);
    assert_int_equal(j[1].runs, 0);
    pn_job_queue(t->loop,
                 &j[1].job); /* the tail was taken out: the queue must still hold together */
    pn_loop_turn(t->loop, PN_NEVER);
    assert_int_equal(j[1].runs, 1);
}

static void a_job_that_queues_itself_does_not_starve_the_loop(void **state)
{
    struct rt_test  *t = *state;
    struct count_job j = { .job.fn = count_job_fn, .again = true };
    unsigned         first;

    pn_job_queue(t->loop, &j.job);
    pn_loop_turn(t->loop, PN_NEVER);
    first = j.runs;
    assert_in_range(first, 2, 5000);
    pn_loop_turn(t->loop, PN_NEVER); /* does not wait, since a job is left */
    assert_true(j.runs > first);
    j.again = false;
    pn_loop_turn(t->loop, 0);
    assert_false(j.job.queued);
}

enum { POSTERS = 4, POSTS = 2000 };

struct poster;
struct post {
    struct pn_job  job;
    struct poster *by;
    unsigned       number;
};

struct poster {
    struct pn_loop *loop;
    pthread_t       thread;
    unsigned        seen;
    struct post     posts[POSTS];
};

static unsigned posts_seen;

static void post_fn(struct pn_job *job)
{
    struct post *post = PN_CONTAINER(job, struct post, job);

    assert_int_equal(post->number, post->by->seen); /* in the order of the poster */
    post->by->seen++;
    posts_seen++;
}

static void *poster_main(void *arg)
{
    struct poster *self = arg;

    for (unsigned i = 0; i < POSTS; i++) {
        self->posts[i] = (struct post){ .job.fn = post_fn, .by = self, .number = i };
        pn_job_post(self->loop, &self->posts[i].job);
        if (i % 64 == 0)
            usleep(50);
    }
    return NULL;
}

static void jobs_posted_by_threads_all_run(void **state)
{
    struct rt_test *t = *state;
    struct poster  *posters = calloc(POSTERS, sizeof(*posters));

    posts_seen = 0;
    for (unsigned i = 0; i < POSTERS; i++) {
        posters[i].loop = t->loop;
        assert_int_equal(pthread_create(&posters[i].thread, NULL, poster_main, &posters[i]), 0);
    }
    while (posts_seen < POSTERS * POSTS)
        pn_loop_turn(t->loop, PN_NEVER); /* a lost wake-up would hang here */
    for (unsigned i = 0; i < POSTERS; i++)
        pthread_join(posters[i].thread, NULL);
    free(posters);
}

/* --- hooks, run_received --- */

static struct count_job early_job;
static unsigned         early_runs_at_second;

static void early_fn(struct pn_io *io, unsigned events)
{
    static unsigned call;

    if (call++ % 2 == 0) {
        pn_job_queue(pn_loop_this(), &early_job.job);
        pn_loop_run_received(pn_loop_this());
    }
    else
        early_runs_at_second = early_job.runs;
}

static void jobs_can_be_run_while_receiving(void **state)
{
    struct rt_test     *t = *state;
    struct pn_turn_hook hook = { .fn = note_received_fn };
    struct probe        a, b;

    early_job = (struct count_job){ .job.fn = count_job_fn };
    probe_open(t->loop, &a);
    probe_open(t->loop, &b);
    a.io.fn = b.io.fn = early_fn;
    pn_loop_on_received(t->loop, &hook);
    phases_n = 0;
    phases[0] = '\0';
    pn_loop_turn(t->loop, PN_NEVER);
    assert_int_equal(early_runs_at_second, 1);
    assert_string_equal(phases, "hh");
    pn_loop_off(t->loop, &hook);
    probe_close(t->loop, &a);
    probe_close(t->loop, &b);
}

static struct pn_turn_hook hook_a, hook_b;
static unsigned            hook_runs;

static void removing_hook_fn(struct pn_turn_hook *hook)
{
    hook_runs++;
    pn_loop_off(pn_loop_this(), &hook_a); /* itself and its neighbour, whichever this is */
    pn_loop_off(pn_loop_this(), &hook_b);
}

static void hooks_may_go_while_they_run(void **state)
{
    struct rt_test *t = *state;

    hook_a.fn = hook_b.fn = removing_hook_fn;
    hook_runs = 0;
    pn_loop_on_turn_end(t->loop, &hook_a);
    pn_loop_on_turn_end(t->loop, &hook_b);
    pn_loop_turn(t->loop, 0);
    assert_int_equal(hook_runs, 1);
    pn_loop_turn(t->loop, 0);
    assert_int_equal(hook_runs, 1);
}

/* --- waiting, waking, stopping --- */

static void *wake_main(void *loop)
{
    usleep(20000);
    pn_loop_wake(loop);
    return NULL;
}

static void a_wake_ends_the_wait(void **state)
{
    struct rt_test *t = *state;
    pthread_t       thread;
    pn_usec         before;

    for (unsigned i = 0; i < 3; i++) {
        pn_loop_touch_clock(t->loop);
        before = pn_loop_now(t->loop);
        assert_int_equal(pthread_create(&thread, NULL, wake_main, t->loop), 0);
        pn_loop_turn(t->loop, PN_NEVER);
        assert_true(pn_loop_now(t->loop) - before >= 15000);
        pthread_join(thread, NULL);
    }
    pn_loop_wake(t->loop); /* before the wait: not lost */
    pn_loop_turn(t->loop, PN_NEVER);
}

static struct pn_loop *signal_loop;

static void on_signal(int signo)
{
    pn_loop_wake(signal_loop);
}

static void a_signal_handler_may_wake(void **state)
{
    struct rt_test  *t = *state;
    struct sigaction act = { .sa_handler = on_signal }, before;

    signal_loop = t->loop;
    sigaction(SIGUSR1, &act, &before);
    raise(SIGUSR1);
    pn_loop_turn(t->loop, PN_NEVER);
    sigaction(SIGUSR1, &before, NULL);
}

static void stop_timer_fn(struct pn_timer *timer)
{
    pn_loop_stop(pn_loop_this());
}

static void run_waits_for_timers_and_stops(void **state)
{
    struct rt_test *t = *state;
    struct pn_timer timer;
    pn_usec         before;

    pn_timer_init(&timer, stop_timer_fn);
    for (unsigned i = 0; i < 2; i++) {
        pn_loop_touch_clock(t->loop);
        before = pn_loop_now(t->loop);
        pn_timer_set(t->loop, &timer, before + 20 * PN_USEC_PER_MSEC);
        pn_loop_run(t->loop);
        assert_true(pn_loop_now(t->loop) - before >= 20 * PN_USEC_PER_MSEC);
        assert_true(pn_loop_now(t->loop) - before < 5 * PN_USEC_PER_SEC);
    }
    assert_in_range(pn_loop_stats(t->loop).turns, 2, 20); /* waits, not spins */
}

static void a_thread_has_one_loop(void **state)
{
    struct rt_test *t = *state;
    struct pn_loop *second;

    assert_ptr_equal(pn_loop_this(), t->loop);
    assert_int_equal(pn_loop_open(t->pool, &second), PN_SYSTEM);
    assert_int_equal(errno, EBUSY);
}

static void *loop_main(void *arg)
{
    apr_pool_t     *pool;
    struct pn_loop *loop;
    struct pn_timer timer;

    apr_pool_create(&pool, NULL);
    if (pn_loop_this() != NULL || pn_loop_open(pool, &loop) != PN_OK)
        return NULL;
    pn_timer_init(&timer, stop_timer_fn);
    pn_timer_set(loop, &timer, pn_loop_now(loop) + 10 * PN_USEC_PER_MSEC);
    pn_loop_run(loop);
    pn_loop_close(loop);
    apr_pool_destroy(pool);
    return pn_loop_this() == NULL ? arg : NULL;
}

static void threads_have_loops_of_their_own(void **state)
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

static void both_clocks_run(void **state)
{
    struct rt_test *t = *state;
    pn_usec         now = pn_loop_now(t->loop);
    pn_wall         wall = pn_loop_wall(t->loop);

    usleep(2000);
    assert_int_equal(pn_loop_now(t->loop), now); /* once a turn */
    pn_loop_turn(t->loop, 0);
    assert_true(pn_loop_now(t->loop) >= now + 2000);
    assert_true(pn_loop_wall(t->loop) > wall);
    assert_true(wall > INT64_C(1600000000) * PN_USEC_PER_SEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RT_TEST(turn_has_its_order),
        RT_TEST(readiness_is_an_edge_and_sticks),
        RT_TEST(hang_up_bits),
        RT_TEST(events_of_a_closed_io_are_dropped),
        RT_TEST(a_reused_descriptor_gets_no_old_events),
        RT_TEST(a_file_held_open_elsewhere_stays_silent),
        RT_TEST(an_exclusive_io_is_level_triggered_and_pauses),
        RT_TEST(prepare_register_detach),
        RT_TEST(a_file_that_cannot_be_polled_is_refused),
        RT_TEST(many_descriptors_in_one_turn),
        RT_TEST(jobs_are_queued_once_and_cancelled),
        RT_TEST(a_job_that_queues_itself_does_not_starve_the_loop),
        RT_TEST(jobs_posted_by_threads_all_run),
        RT_TEST(jobs_can_be_run_while_receiving),
        RT_TEST(hooks_may_go_while_they_run),
        RT_TEST(a_wake_ends_the_wait),
        RT_TEST(a_signal_handler_may_wake),
        RT_TEST(run_waits_for_timers_and_stops),
        RT_TEST(a_thread_has_one_loop),
        RT_TEST(threads_have_loops_of_their_own),
        RT_TEST(both_clocks_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
