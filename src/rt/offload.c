/* offload.c - the process's thread pool for calls that block (offload.h).
 *
 * Called by fibers and loops of any thread. One queue, first in first out; a thread is started
 * when work finds none idle and the limit allows, and ends after it idled for a while. A result
 * goes back to its loop by pn_job_post. Threads block all signals but those that a fault raises,
 * so that handlers run on the loops' threads. The process must not fork after the first use (the
 * child would have no threads). */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "rt/loop_internal.h"
#include "rt/offload.h"

enum { DEFAULT_THREADS = 8, THREAD_STACK_BYTES = 1024 * 1024 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t  work_came; /* its clock is CLOCK_MONOTONIC */
    pthread_cond_t  thread_ended;
    pthread_once_t  once;

    struct pn_offload_work *first, **last;
    unsigned                waiting; /* works in the queue */
    unsigned                idle;    /* threads that wait for work */
    unsigned                threads, max_threads;
    pn_usec                 idle_usec;
    bool                    closing;
} pool = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .thread_ended = PTHREAD_COND_INITIALIZER,
    .once = PTHREAD_ONCE_INIT,
    .last = &pool.first,
    .max_threads = DEFAULT_THREADS,
    .idle_usec = 10 * PN_USEC_PER_SEC,
};

static void init_once(void)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&pool.work_came, &attr);
    pthread_condattr_destroy(&attr);
}

/* Waits for work, lock held. @return false when none came in time, or the pool closes. */
static bool await_work(void)
{
    struct timespec until;
    pn_usec         usec;
    int             err = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    usec = until.tv_nsec / 1000 + pool.idle_usec;
    until.tv_sec += usec / PN_USEC_PER_SEC;
    until.tv_nsec = usec % PN_USEC_PER_SEC * 1000;
    pool.idle++;
    while (pool.first == NULL && !pool.closing && err == 0)
        err = pthread_cond_timedwait(&pool.work_came, &pool.lock, &until);
    pool.idle--;
    return pool.first != NULL;
}

static struct pn_offload_work *take_work(void)
{
    struct pn_offload_work *work = pool.first;

    pool.first = work->next;
    if (pool.first == NULL)
        pool.last = &pool.first;
    pool.waiting--;
    return work;
}

static void *thread_main(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&pool.lock);
    while (await_work()) {
        struct pn_offload_work *work = take_work();
        struct pn_loop         *loop = work->loop;

        pthread_mutex_unlock(&pool.lock);
        work->fn(work->arg);
        pn_job_post(loop, &work->done);            /* from here on the work may be gone */
        atomic_fetch_add(&loop->offloads_over, 1); /* and from here on the loop */
        pthread_mutex_lock(&pool.lock);
    }
    pool.threads--;
    pthread_cond_signal(&pool.thread_ended);
    pthread_mutex_unlock(&pool.lock);
    return NULL;
}

/* Lock held. @return 0 or an errno. */
static int thread_start(void)
{
    pthread_attr_t attr;
    pthread_t      thread;
    sigset_t       block, before;
    int            err;

    sigfillset(&block);
    sigdelset(&block, SIGSEGV);
    sigdelset(&block, SIGBUS);
    sigdelset(&block, SIGFPE);
    sigdelset(&block, SIGILL);
    sigdelset(&block, SIGABRT);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, THREAD_STACK_BYTES);
    pthread_sigmask(SIG_BLOCK, &block, &before); /* inherited by the thread */
    err = pthread_create(&thread, &attr, thread_main, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (err == 0)
        pool.threads++;
    return err;
}

pn_rc pn_offload_submit(struct pn_loop *loop, struct pn_offload_work *work, pn_offload_fn *fn,
                        void *arg, pn_job_fn *done)
{
    int err = 0;

    *work = (struct pn_offload_work){ .done.fn = done, .fn = fn, .arg = arg, .loop = loop };
    pthread_once(&pool.once, init_once);
    pthread_mutex_lock(&pool.lock);
    if (pool.waiting >= pool.idle && pool.threads < pool.max_threads)
        err = thread_start();
    if (err != 0 && pool.threads == 0) {
        pthread_mutex_unlock(&pool.lock);
        errno = err;
        return PN_SYSTEM;
    }
    *pool.last = work;
    pool.last = &work->next;
    pool.waiting++;
    loop->offloads_begun++;
    pthread_cond_signal(&pool.work_came);
    pthread_mutex_unlock(&pool.lock);
    return PN_OK;
}

struct fiber_work {
    struct pn_offload_work work;
    struct pn_fiber       *fiber;
};

static void fiber_work_done(struct pn_job *job)
{
    struct fiber_work *self = PN_CONTAINER(job, struct fiber_work, work.done);

    pn_fiber_resume(self->fiber, PN_OK);
}

PN_MAY_YIELD pn_rc pn_offload(pn_offload_fn *fn, void *arg)
{
    struct fiber_work self = { .fiber = pn_fiber_this() };
    pn_rc             rc;

    pn_assert(self.fiber != NULL);
    rc = pn_offload_submit(pn_loop_this(), &self.work, fn, arg, fiber_work_done);
    /* Shielded: `arg` and `self` are the thread's until it is through. */
    return rc == PN_OK ? pn_fiber_suspend_shielded() : rc;
}

void pn_offload_configure(unsigned max_threads, pn_usec idle_usec)
{
    pthread_mutex_lock(&pool.lock);
    pool.max_threads = max_threads > 0 ? max_threads : 1;
    pool.idle_usec = idle_usec;
    pthread_mutex_unlock(&pool.lock);
}

void pn_offload_shutdown(void)
{
    pthread_once(&pool.once, init_once);
    pthread_mutex_lock(&pool.lock);
    pool.closing = true;
    pthread_cond_broadcast(&pool.work_came);
    while (pool.threads > 0)
        pthread_cond_wait(&pool.thread_ended, &pool.lock);
    pool.closing = false;
    pthread_mutex_unlock(&pool.lock);
}

unsigned pn_offload_threads(void)
{
    unsigned threads;

    pthread_mutex_lock(&pool.lock);
    threads = pool.threads;
    pthread_mutex_unlock(&pool.lock);
    return threads;
}
