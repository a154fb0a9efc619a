/* accept_turn.c - see accept_turn.h.
 *
 * The thread and the loop talk by four flags under a lock. Lock and unlock of the mutex are both the thread's, since some
 * mechanisms know owners by thread. */
#include "proc/accept_turn.h"

#include <errno.h>
#include <pinion/log.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "proc/mutex.h"

#define PN_LOG_MODULE &pn_module_mpm_common

#define MUTEX_NAME "mpm-accept"
#define AFTER_FAILURE_USEC (100 * PN_USEC_PER_MSEC)

struct pn_accept_lock {
    apr_proc_mutex_t *mutex;
    const char       *file;   /* of its lock, or NULL */
    apr_lockmech_e    mechanism;
    atomic_int       *holder; /* pid, shared: for mechanisms that do not notice a holder's death; 0: nobody */
};

struct pn_accept_turn {
    struct pn_child       *child;
    struct pn_accept_lock *lock;
    struct pn_job          begun;   /* posted by the thread: it has the mutex */
    bool                   asked;   /* the loop's own: wanted, and not ended since */
    bool                   has;     /* the loop's own: it was told */
    pthread_mutex_t        guard;   /* of the rest */
    pthread_cond_t         changed;
    bool                   wanted, over, closing;
};

/* ---- the master's ---- */

static apr_status_t unmap(void *holder)
{
    munmap(holder, sizeof(atomic_int));
    return APR_SUCCESS;
}

/* COMPAT: 2.2 LockFile names the file, and the master's number is appended. */
static const char *lock_file(const struct pn_generation *generation, const struct pn_mpm_conf *conf,
                             const struct pn_mutex_line *line)
{
    if (!conf->lock_file.n || line->path.n)
        return NULL;
    return pn_str_printf(generation->pool, "%.*s.%ld", PN_FMT(conf->lock_file), (long)getpid()).p;
}

const char *pn__accept_lock_open(struct pn_generation *generation)
{
    struct pn_mpm_conf     *conf = pn_mpm_conf(generation);
    struct pn__mutex_choice choice = pn__mutex_choose(conf, MUTEX_NAME);
    struct pn_accept_lock  *lock;
    apr_status_t            status;

    if (!choice.named || choice.none || choice.mechanism == APR_LOCK_DEFAULT)
        return NULL; /* the kernel wakes one child for a connection */
    if (conf->model == PN_MPM_WORKER) {
        PN_LOG_S(generation->servers, PN_LOG_WARNING, 20950, 0,
                 "no accept mutex is used: threads of the worker model wait at the listeners, and the kernel wakes one of them");
        return NULL;
    }
    lock = apr_pcalloc(generation->pool, sizeof(*lock));
    lock->mechanism = choice.mechanism;
    status = pn__mutex_make(generation, MUTEX_NAME, &choice, lock_file(generation, conf, choice.line), &lock->mutex);
    if (status != APR_SUCCESS)
        return pn_str_printf(generation->pool, "the accept mutex cannot be made: %s", strerror(status)).p;
    lock->file = apr_proc_mutex_lockfile(lock->mutex);
    lock->holder = mmap(NULL, sizeof(*lock->holder), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (lock->holder == MAP_FAILED)
        return "no shared memory for the accept mutex";
    apr_pool_cleanup_register(generation->pool, lock->holder, unmap, apr_pool_cleanup_null);
    conf->accept_lock = lock;
    return NULL;
}

void pn__accept_lock_bury(const struct pn_generation *generation, pid_t pid)
{
    const struct pn_accept_lock *lock = pn_mpm_conf(generation)->accept_lock;
    int                          holder = (int)pid;

    /* Of the others the kernel lets go. */
    if (lock && lock->mechanism == APR_LOCK_POSIXSEM && atomic_compare_exchange_strong(lock->holder, &holder, 0))
        (void)apr_proc_mutex_unlock(lock->mutex);
}

/* ---- the thread ---- */

static bool take(struct pn_accept_lock *lock)
{
    apr_status_t status;

    do
        status = apr_proc_mutex_lock(lock->mutex);
    while (APR_STATUS_IS_EINTR(status));
    if (status == APR_SUCCESS)
        atomic_store(lock->holder, (int)getpid());
    return status == APR_SUCCESS;
}

static void let_go(struct pn_accept_lock *lock)
{
    atomic_store(lock->holder, 0);
    (void)apr_proc_mutex_unlock(lock->mutex);
}

/* Without the mutex the child accepts all the same, a little later: serving matters more than taking turns. */
static bool one_turn(struct pn_accept_turn *turn)
{
    bool has = take(turn->lock), closing;

    if (!has)
        usleep(AFTER_FAILURE_USEC);
    pthread_mutex_lock(&turn->guard);
    turn->over = false;
    closing = turn->closing;
    if (!closing)
        pn_job_post(turn->child->loop, &turn->begun);
    while (!turn->over && !turn->closing)
        pthread_cond_wait(&turn->changed, &turn->guard);
    pthread_mutex_unlock(&turn->guard);
    if (has)
        let_go(turn->lock);
    return !closing;
}

static void *thread_main(void *arg)
{
    struct pn_accept_turn *turn = arg;
    bool                   more = true;

    while (more) {
        pthread_mutex_lock(&turn->guard);
        while (!turn->wanted && !turn->closing)
            pthread_cond_wait(&turn->changed, &turn->guard);
        turn->wanted = false;
        more = !turn->closing;
        pthread_mutex_unlock(&turn->guard);
        if (more)
            more = one_turn(turn);
    }
    return NULL;
}

static int start_thread(struct pn_accept_turn *turn)
{
    pthread_t      thread;
    pthread_attr_t attr;
    sigset_t       all, before;
    int            error;

    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED); /* it may wait for the mutex when the process ends */
    pthread_sigmask(SIG_BLOCK, &all, &before);
    error = pthread_create(&thread, &attr, thread_main, turn);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return error;
}

/* ---- the loop ---- */

static void on_begun(struct pn_job *job)
{
    struct pn_accept_turn *turn = PN_CONTAINER(job, struct pn_accept_turn, begun);

    turn->has = true;
    if (!turn->asked || (turn->child->paused & ~(unsigned)PN__PAUSE_TURN))
        pn__accept_turn_end(turn->child); /* it came too late */
    else
        pn__accept_resume(turn->child, PN__PAUSE_TURN);
}

pn_rc pn__accept_lock_child(const struct pn_generation *generation, apr_pool_t *pool)
{
    struct pn_accept_lock *lock = pn_mpm_conf(generation)->accept_lock;
    apr_status_t           status = lock ? apr_proc_mutex_child_init(&lock->mutex, lock->file, pool) : APR_SUCCESS;

    errno = status;
    return status == APR_SUCCESS ? PN_OK : PN_SYSTEM;
}

pn_rc pn__accept_turn_open(struct pn_child *child)
{
    struct pn_accept_turn *turn;

    if (!child->conf->accept_lock || !child->events)
        return PN_OK;
    turn = calloc(1, sizeof(*turn)); /* never freed: the thread may outlive the loop */
    pn_assert(turn != NULL);
    turn->child = child;
    turn->lock = child->conf->accept_lock;
    turn->begun.fn = on_begun;
    pthread_mutex_init(&turn->guard, NULL);
    pthread_cond_init(&turn->changed, NULL);
    errno = start_thread(turn);
    if (errno) {
        free(turn);
        return PN_SYSTEM;
    }
    child->turn = turn;
    pn__accept_pause(child, PN__PAUSE_TURN);
    pn__accept_turn_want(child);
    return PN_OK;
}

static void tell(struct pn_accept_turn *turn, bool *flag)
{
    pthread_mutex_lock(&turn->guard);
    *flag = true;
    pthread_cond_signal(&turn->changed);
    pthread_mutex_unlock(&turn->guard);
}

void pn__accept_turn_want(struct pn_child *child)
{
    struct pn_accept_turn *turn = child->turn;

    if (!turn || turn->asked || turn->has)
        return;
    turn->asked = true;
    tell(turn, &turn->wanted);
}

void pn__accept_turn_end(struct pn_child *child)
{
    struct pn_accept_turn *turn = child->turn;

    if (!turn || !turn->has)
        return;
    turn->has = turn->asked = false;
    pn__accept_pause(child, PN__PAUSE_TURN);
    tell(turn, &turn->over);
}

void pn__accept_turn_close(struct pn_child *child)
{
    struct pn_accept_turn *turn = child->turn;

    if (!turn)
        return;
    child->turn = NULL;
    pn_job_cancel(child->loop, &turn->begun);
    tell(turn, &turn->closing);
}
