/* test_offload.c - blocking work on the thread pool (src/rt/offload.c). */
#include <errno.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "rt/offload.h"
#include "rt_test.h"

#define MSEC PN_USEC_PER_MSEC

struct task {
    pthread_t loop_thread;
    unsigned  number, result;
    unsigned  pause_usec;
    bool      over;
};

static atomic_uint at_work, most_at_work;

static void task_fn(void *arg)
{
    struct task *task = arg;
    unsigned     now = atomic_fetch_add(&at_work, 1) + 1, most = atomic_load(&most_at_work);

    while (now > most && !atomic_compare_exchange_weak(&most_at_work, &most, now))
        continue;
    pn_assert(!pthread_equal(pthread_self(), task->loop_thread));
    pn_assert(pn_loop_this() == NULL && pn_fiber_this() == NULL);
    usleep(task->pause_usec);
    task->result = task->number * 3;
    atomic_fetch_sub(&at_work, 1);
}

static void task_main(void *arg)
{
    struct task *task = arg;

    task->loop_thread = pthread_self();
    assert_int_equal(pn_offload(task_fn, task), PN_OK);
    assert_int_equal(task->result, task->number * 3);
    task->over = true;
}

static void many_fibers_share_the_threads(void **state)
{
    enum { N = 100, THREADS = 4 };
    struct rt_test *t = *state;
    struct task    *tasks = calloc(N, sizeof(*tasks));

    pn_offload_configure(THREADS, PN_USEC_PER_SEC);
    atomic_store(&most_at_work, 0);
    for (unsigned i = 0; i < N; i++) {
        tasks[i] = (struct task){ .number = i + 1, .pause_usec = 5000 };
        assert_int_equal(pn_fiber_start(t->loop, task_main, &tasks[i]), PN_OK);
    }
    RT_TURN_UNTIL(t->loop, pn_fiber_stats(t->loop).live == 0);
    for (unsigned i = 0; i < N; i++)
        assert_true(tasks[i].over);
    assert_in_range(pn_offload_threads(), 2, THREADS);
    assert_in_range(atomic_load(&most_at_work), 2, THREADS);
    free(tasks);
    pn_offload_shutdown();
    assert_int_equal(pn_offload_threads(), 0);
}

static void one_at_a_time_needs_few_threads(void **state)
{
    struct rt_test *t = *state;

    pn_offload_configure(8, 10 * PN_USEC_PER_SEC);
    for (unsigned i = 0; i < 20; i++) {
        struct task task = { .number = i };

        assert_int_equal(pn_fiber_start(t->loop, task_main, &task), PN_OK);
        RT_TURN_UNTIL(t->loop, task.over);
        usleep(5000); /* lets the thread go idle */
    }
    assert_in_range(pn_offload_threads(), 1, 3); /* one, unless the machine was busy */
    pn_offload_shutdown();
}

static void idle_threads_end(void **state)
{
    struct rt_test *t = *state;
    struct task     task = { .number = 5 };

    pn_offload_configure(8, 30 * MSEC);
    assert_int_equal(pn_fiber_start(t->loop, task_main, &task), PN_OK);
    RT_TURN_UNTIL(t->loop, task.over);
    RT_TURN_UNTIL(t->loop, pn_offload_threads() == 0);
    task.over = false;
    assert_int_equal(pn_fiber_start(t->loop, task_main, &task), PN_OK); /* and start again */
    RT_TURN_UNTIL(t->loop, task.over);
    pn_offload_shutdown();
}

struct cancelled {
    struct task      task;
    struct pn_fiber *fiber;
};

static void cancelled_main(void *arg)
{
    struct cancelled *c = arg;

    c->fiber = pn_fiber_this();
    task_main(&c->task); /* the work is waited for */
    c->task.over = false;
    assert_int_equal(pn_fiber_sleep(MSEC), PN_CANCELLED);
    c->task.over = true;
}

static void cancelling_waits_for_the_work(void **state)
{
    struct rt_test  *t = *state;
    struct cancelled c = { .task = { .number = 9, .pause_usec = 20000 } };

    assert_int_equal(pn_fiber_start(t->loop, cancelled_main, &c), PN_OK);
    pn_fiber_cancel(c.fiber);
    pn_loop_turn(t->loop, 0);
    assert_int_equal(c.task.result, 0);
    RT_TURN_UNTIL(t->loop, pn_fiber_stats(t->loop).live == 0);
    assert_true(c.task.over);
}

struct plain {
    struct pn_offload_work work;
    struct task            task;
    bool                   done;
};

static void plain_done(struct pn_job *job)
{
    PN_CONTAINER(job, struct plain, work.done)->done = true;
}

static void work_without_a_fiber(void **state)
{
    struct rt_test *t = *state;
    struct plain    p = { .task = { .number = 4, .loop_thread = pthread_self() } };

    assert_int_equal(pn_offload_submit(t->loop, &p.work, task_fn, &p.task, plain_done), PN_OK);
    RT_TURN_UNTIL(t->loop, p.done);
    assert_int_equal(p.task.result, 12);
}

/* The teardown closes the loop while threads are at work on its behalf. */
static void closing_the_loop_waits_for_the_work(void **state)
{
    static struct plain works[4];
    struct rt_test     *t = *state;

    for (unsigned i = 0; i < PN_COUNT(works); i++) {
        works[i] = (struct plain){
            .task = { .number = i, .pause_usec = 20000, .loop_thread = pthread_self() },
        };
        assert_int_equal(
            pn_offload_submit(t->loop, &works[i].work, task_fn, &works[i].task, plain_done), PN_OK);
    }
}

struct worker {
    pthread_t thread;
    bool      ok;
};

static void *worker_main(void *arg)
{
    struct worker  *worker = arg;
    apr_pool_t     *pool;
    struct pn_loop *loop;
    struct task     tasks[32];

    apr_pool_create(&pool, NULL);
    if (pn_loop_open(pool, &loop) != PN_OK)
        return NULL;
    for (unsigned i = 0; i < PN_COUNT(tasks); i++) {
        tasks[i] = (struct task){ .number = i + 1, .pause_usec = 100 };
        if (pn_fiber_start(loop, task_main, &tasks[i]) != PN_OK)
            return NULL;
    }
    while (pn_fiber_stats(loop).live > 0)
        pn_loop_turn(loop, PN_NEVER);
    worker->ok = true;
    for (unsigned i = 0; i < PN_COUNT(tasks); i++)
        worker->ok = worker->ok && tasks[i].over;
    pn_loop_close(loop);
    apr_pool_destroy(pool);
    return NULL;
}

static void loops_of_several_threads_share_the_pool(void **state)
{
    struct worker workers[4] = { 0 };

    pn_offload_configure(3, PN_USEC_PER_SEC);
    for (unsigned i = 0; i < PN_COUNT(workers); i++)
        assert_int_equal(pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]), 0);
    for (unsigned i = 0; i < PN_COUNT(workers); i++) {
        pthread_join(workers[i].thread, NULL);
        assert_true(workers[i].ok);
    }
    pn_offload_shutdown();
}

static int teardown(void **state)
{
    pn_offload_shutdown(); /* also after a failure */
    return rt_teardown(state);
}

#define OFFLOAD_TEST(name) cmocka_unit_test_setup_teardown(name, rt_setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OFFLOAD_TEST(many_fibers_share_the_threads),
        OFFLOAD_TEST(one_at_a_time_needs_few_threads),
        OFFLOAD_TEST(idle_threads_end),
        OFFLOAD_TEST(cancelling_waits_for_the_work),
        OFFLOAD_TEST(work_without_a_fiber),
        RT_TEST(closing_the_loop_waits_for_the_work),
        OFFLOAD_TEST(loops_of_several_threads_share_the_pool),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
