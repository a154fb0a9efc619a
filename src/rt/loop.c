/* loop.c - the order of a turn: wait, receive, received hooks, jobs, timers, turn-end hooks; and
 * the clock.
 *
 * Called by the serving threads (pn_loop_run) and by everything that queues work. Owns the job
 * queue and the hook lists; what is ready comes from loop_epoll.c, what is due from timer.c. A
 * turn allocates nothing and makes no system call besides the wait (the clocks are read in user
 * space). */
#include <errno.h>
#include <time.h>

#include "rt/loop_internal.h"

/* Jobs that running jobs queue are run in the same phase as long as no more than this many came:
 * two fibers that keep waking each other must not starve the descriptors. */
enum { EXTRA_JOBS_A_PHASE = 512 };

/* The longest single wait; the kernel takes milliseconds in an int. */
#define LONGEST_WAIT_USEC (3600 * PN_USEC_PER_SEC)

static _Thread_local struct pn_loop *this_loop;

struct pn_loop *pn_loop_this(void)
{
    return this_loop;
}

pn_rc pn_loop_open(apr_pool_t *pool, struct pn_loop **ret_loop)
{
    struct pn_loop *loop;
    pn_rc           rc;

    if (this_loop != NULL) {
        errno = EBUSY;
        return PN_SYSTEM;
    }
    loop = apr_pcalloc(pool, sizeof(*loop));
    rc = pn__poll_open(pool, &loop->poll);
    if (rc != PN_OK)
        return rc;
    loop->magic = PN__LOOP_MAGIC;
    loop->jobs_tail = &loop->jobs;
    atomic_init(&loop->posted, NULL);
    atomic_init(&loop->offloads_over, 0);
    pn_loop_touch_clock(loop);
    pn__wheel_init(&loop->wheel, loop->now);
    pn__fibers_init(loop);
    this_loop = loop;
    *ret_loop = loop;
    return PN_OK;
}

void pn_loop_close(struct pn_loop *loop)
{
    if (loop == NULL)
        return;
    pn_assert(loop == this_loop && loop->phase == PN__PHASE_OUTSIDE);
    /* Threads of the offload pool still hold the loop's address until their work is over. */
    while (atomic_load(&loop->offloads_over) != loop->offloads_begun)
        pn__poll_await_wake(loop->poll, 1);
    pn__fibers_release(loop);
    pn__poll_close(loop->poll);
    loop->poll = NULL;
    loop->magic = 0;
    this_loop = NULL;
}

static pn_usec read_clock(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return ts.tv_sec * PN_USEC_PER_SEC + ts.tv_nsec / 1000;
}

void pn_loop_touch_clock(struct pn_loop *loop)
{
    loop->now = read_clock(CLOCK_MONOTONIC);
    loop->wall = read_clock(CLOCK_REALTIME);
}

pn_usec pn_loop_now(const struct pn_loop *loop)
{
    return loop->now;
}

pn_wall pn_loop_wall(const struct pn_loop *loop)
{
    return loop->wall;
}

void pn_job_queue(struct pn_loop *loop, struct pn_job *job)
{
    if (job->queued)
        return;
    job->queued = true;
    job->next = NULL;
    *loop->jobs_tail = job;
    loop->jobs_tail = &job->next;
    loop->jobs_n++;
}

void pn_job_cancel(struct pn_loop *loop, struct pn_job *job)
{
    struct pn_job **at = &loop->jobs;

    if (!job->queued)
        return;
    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
    if (loop->jobs_tail == &job->next)
        loop->jobs_tail = at;
    job->queued = false;
    loop->jobs_n--;
}

void pn_job_post(struct pn_loop *loop, struct pn_job *job)
{
    struct pn_job *newest = atomic_load_explicit(&loop->posted, memory_order_relaxed);

    do
        job->next = newest;
    while (!atomic_compare_exchange_weak_explicit(&loop->posted, &newest, job, memory_order_release,
                                                  memory_order_relaxed));
    pn__poll_wake(loop->poll);
}

/* Queues what other threads posted, oldest first. */
static void take_posted(struct pn_loop *loop)
{
    struct pn_job *job, *oldest = NULL;

    if (atomic_load_explicit(&loop->posted, memory_order_relaxed) == NULL)
        return;
    job = atomic_exchange_explicit(&loop->posted, NULL, memory_order_acquire);
    while (job != NULL) {
        struct pn_job *next = job->next;

        job->next = oldest;
        oldest = job;
        job = next;
    }
    while (oldest != NULL) {
        struct pn_job *next = oldest->next;

        oldest->queued = false;
        pn_job_queue(loop, oldest);
        oldest = next;
    }
}

static void run_jobs(struct pn_loop *loop)
{
    size_t left = loop->jobs_n + EXTRA_JOBS_A_PHASE;

    while (loop->jobs != NULL && left-- > 0) {
        struct pn_job *job = loop->jobs;

        loop->jobs = job->next;
        if (loop->jobs == NULL)
            loop->jobs_tail = &loop->jobs;
        loop->jobs_n--;
        loop->stats.jobs++;
        job->queued = false;
        job->fn(job); /* may free the job */
    }
}

static void run_hooks(struct pn_loop *loop, struct pn_turn_hook *first)
{
    for (struct pn_turn_hook *hook = first; hook != NULL; hook = loop->hook_next) {
        loop->hook_next = hook->next; /* the hook may take itself or its neighbour out */
        hook->fn(hook);
    }
}

static void hook_append(struct pn_turn_hook **list, struct pn_turn_hook *hook)
{
    while (*list != NULL)
        list = &(*list)->next;
    hook->next = NULL;
    *list = hook;
}

void pn_loop_on_received(struct pn_loop *loop, struct pn_turn_hook *hook)
{
    hook_append(&loop->received, hook);
}

void pn_loop_on_turn_end(struct pn_loop *loop, struct pn_turn_hook *hook)
{
    hook_append(&loop->turn_end, hook);
}

static void hook_remove(struct pn_turn_hook **list, const struct pn_turn_hook *hook)
{
    while (*list != NULL && *list != hook)
        list = &(*list)->next;
    if (*list != NULL)
        *list = hook->next;
}

void pn_loop_off(struct pn_loop *loop, struct pn_turn_hook *hook)
{
    if (loop->hook_next == hook)
        loop->hook_next = hook->next;
    hook_remove(&loop->received, hook);
    hook_remove(&loop->turn_end, hook);
}

static void run_received(struct pn_loop *loop)
{
    loop->phase = PN__PHASE_HOOKS;
    run_hooks(loop, loop->received);
    loop->phase = PN__PHASE_RUN;
    run_jobs(loop);
}

void pn_loop_run_received(struct pn_loop *loop)
{
    pn_assert(loop->phase == PN__PHASE_RECEIVE);
    run_received(loop);
    loop->phase = PN__PHASE_RECEIVE;
}

/* Milliseconds the turn may wait: rounded up, so that what is due then is due when the wait
 * ends. */
static int turn_wait_ms(const struct pn_loop *loop, pn_usec limit)
{
    pn_usec next, wait = limit;

    if (loop->jobs != NULL || limit <= 0 ||
        atomic_load_explicit(&loop->posted, memory_order_relaxed) != NULL)
        return 0;
    next = pn__wheel_next(&loop->wheel);
    if (next == PN_NEVER && limit == PN_NEVER)
        return -1;
    if (next != PN_NEVER && next - loop->now < wait)
        wait = next - loop->now;
    if (wait <= 0)
        return 0;
    if (wait > LONGEST_WAIT_USEC)
        wait = LONGEST_WAIT_USEC;
    return (int)((wait + PN_USEC_PER_MSEC - 1) / PN_USEC_PER_MSEC);
}

void pn_loop_turn(struct pn_loop *loop, pn_usec wait_usec)
{
    pn_assert(loop->phase == PN__PHASE_OUTSIDE);
    pn__poll_wait(loop->poll, turn_wait_ms(loop, wait_usec));
    pn_loop_touch_clock(loop);
    loop->phase = PN__PHASE_RECEIVE;
    loop->stats.events += pn__poll_deliver(loop->poll);
    take_posted(loop);
    run_received(loop);
    loop->phase = PN__PHASE_TIMERS;
    pn__wheel_expire(loop);
    loop->phase = PN__PHASE_END;
    run_hooks(loop, loop->turn_end);
    loop->phase = PN__PHASE_OUTSIDE;
    loop->stats.turns++;
}

void pn_loop_run(struct pn_loop *loop)
{
    pn_assert(loop == this_loop);
    pn_loop_touch_clock(loop); /* the set-up since pn_loop_open took time */
    while (!loop->stopping)
        pn_loop_turn(loop, PN_NEVER);
    loop->stopping = false;
}

void pn_loop_stop(struct pn_loop *loop)
{
    loop->stopping = true;
}

struct pn_loop_stats pn_loop_stats(const struct pn_loop *loop)
{
    return loop->stats;
}
