/* crew.c - see crew.h. */
#include "proc/crew.h"

#include <errno.h>
#include <pinion/log.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proc/watchdog.h"
#include "rt/fiber.h"
#include "rt/watch.h"

/* Requests run on stacks of their own: a thread's is for its loop. */
#define THREAD_STACK_BYTES (1024 * 1024)
/* A thread that is stuck in a handler does not keep the process from ending. */
#define STOP_PATIENCE_USEC (3 * PN_USEC_PER_SEC)

struct member {
    struct pn_child child;
    pthread_t       thread;
    bool            started;  /* there is a thread to join */
    bool            left_fibers;
    atomic_uint     asked;
    atomic_uint     turn_since; /* see watchdog.h */
    unsigned        told_of;    /* begin of the turn that it was last asked about */
    struct pn_loop *loop;     /* under the crew's lock; NULL: there is nobody to wake */
    struct pn_job   ended;    /* posted to the main thread's loop */
    const char     *failed;   /* why it does not serve, with `error` */
    int             error;
};

struct pn_crew {
    struct pn_child     *control;
    struct pn_watch_hub *hub;
    pthread_mutex_t      lock;   /* of the members' `loop`, `begun` and `failures` */
    pthread_cond_t       changed;
    unsigned             n, begun, failures, running;
    atomic_uint          accepting;
    atomic_bool          had_enough;
    struct member        members[];
};

struct pn_child *pn__crew_control(const struct pn_crew *crew)
{
    return crew->control;
}

bool pn__crew_says_enough(struct pn_crew *crew)
{
    return !atomic_exchange(&crew->had_enough, true);
}

void pn__crew_left_listeners(struct pn_crew *crew)
{
    if (atomic_fetch_sub(&crew->accepting, 1) == 1)
        pn_listeners_close(crew->control->listeners);
}

/* ---- a thread ---- */

static struct pn_listener *copy_listeners(struct pn_child *child, const struct pn_listener *from)
{
    struct pn_listener *list = NULL, **end = &list;

    for (; from; from = from->next) {
        *end = apr_pmemdup(child->pool, from, sizeof(*from));
        end = &(*end)->next;
    }
    *end = NULL;
    return list;
}

static const char *begin(struct member *self)
{
    struct pn_child       *child = &self->child;
    struct pn_crew        *crew = child->crew;
    struct pn_engine_place place = { .sharers = crew->n, .one_connection = true, .at_work = UINT_MAX, .hub = crew->hub };

    child->ops->segment_attach(child->segment, child->thread);
    pn__child_make_pool(child);
    child->listeners = copy_listeners(child, crew->control->listeners);
    if (pn__child_open_loop(child) != PN_OK)
        return "a thread's loop";
    return pn__child_open_serving(child, &place);
}

/* Tells the main thread how the beginning went. */
static void has_begun(struct member *self, const char *failed)
{
    struct pn_crew *crew = self->child.crew;

    self->error = errno;
    self->failed = failed;
    pthread_mutex_lock(&crew->lock);
    self->loop = failed ? NULL : self->child.loop;
    crew->begun++;
    crew->failures += failed != NULL;
    pthread_cond_signal(&crew->changed);
    pthread_mutex_unlock(&crew->lock);
}

static void *thread_main(void *arg)
{
    struct member  *self = arg;
    struct pn_crew *crew = self->child.crew;

    has_begun(self, begin(self));
    if (self->failed)
        return NULL; /* the process ends */
    pn_loop_run(self->child.loop);
    pthread_mutex_lock(&crew->lock);
    self->loop = NULL;
    pthread_mutex_unlock(&crew->lock);
    self->left_fibers = !pn__child_close_serving(&self->child);
    if (!self->left_fibers) {
        pn_loop_close(self->child.loop);
        apr_pool_destroy(self->child.pool);
    }
    pn_job_post(crew->control->loop, &self->ended);
    return NULL;
}

/* ---- the main thread ---- */

static void on_ended(struct pn_job *job)
{
    struct member  *self = PN_CONTAINER(job, struct member, ended);
    struct pn_crew *crew = self->child.crew;

    if (--crew->running == 0)
        pn_loop_stop(crew->control->loop);
}

static struct pn_crew *new_crew(struct pn_child *control)
{
    unsigned        n = (unsigned)control->conf->threads_per_child;
    struct pn_crew *crew = calloc(1, sizeof(*crew) + n * sizeof(crew->members[0]));

    pn_assert(crew != NULL);
    crew->control = control;
    crew->n = n;
    atomic_init(&crew->accepting, n);
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->changed, NULL);
    if (pn_watch_hub_open(&crew->hub) != PN_OK)
        crew->hub = NULL; /* each thread tries by itself, and asks the file system where that fails */
    for (unsigned i = 0; i < n; i++) {
        struct member *member = &crew->members[i];

        member->child = *control;
        member->child.crew = crew;
        member->child.thread = i;
        member->child.asked = &member->asked;
        member->child.turn_since = &member->turn_since;
        member->ended.fn = on_ended;
    }
    return crew;
}

/* For who looks at them with ps, top or a debugger. */
static void name_thread(const struct member *member)
{
    char name[24];

    snprintf(name, sizeof(name), "serve %u", member->child.thread);
    (void)pthread_setname_np(member->thread, name);
}

/* Signals are for the main thread, but those that a fault raises. @return 0 or an errno. */
static int start_threads(struct pn_crew *crew)
{
    pthread_attr_t attr;
    sigset_t       block, before;
    int            error = 0;

    sigfillset(&block);
    sigdelset(&block, SIGSEGV);
    sigdelset(&block, SIGBUS);
    sigdelset(&block, SIGFPE);
    sigdelset(&block, SIGILL);
    sigdelset(&block, SIGABRT);
    sigdelset(&block, PN_SIGNAL_TELL);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, THREAD_STACK_BYTES);
    pthread_sigmask(SIG_BLOCK, &block, &before);
    for (unsigned i = 0; i < crew->n && !error; i++) {
        error = pthread_create(&crew->members[i].thread, &attr, thread_main, &crew->members[i]);
        crew->members[i].started = !error;
        crew->running += !error;
        if (!error)
            name_thread(&crew->members[i]);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return error;
}

/* Asks the threads that have been in one turn for too long. The board is told when none gets on. */
static void look_for_stuck(struct pn_timer *timer)
{
    struct pn_child *control = PN_CONTAINER(timer, struct pn_child, share_timer);
    struct pn_crew  *crew = control->crew;
    unsigned         latest = 0;
    bool             one_sleeps = false;

    for (unsigned i = 0; i < crew->n; i++) {
        struct member *member = &crew->members[i];
        unsigned       lasts = pn__watchdog_lasts(&member->turn_since), its = pn__slot_get(&member->turn_since);

        one_sleeps = one_sleeps || !its;
        latest = its > latest ? its : latest;
        if (lasts < (unsigned)control->conf->handler_watchdog_s || member->told_of == its)
            continue;
        member->told_of = its;
        pthread_kill(member->thread, PN_SIGNAL_TELL);
    }
    pn__slot_set(&control->slot->turn_since, one_sleeps ? 0 : latest);
    pn_timer_set(control->loop, timer, pn_loop_now(control->loop) + PN_USEC_PER_SEC);
}

static const char *first_failure(const struct pn_crew *crew)
{
    for (unsigned i = 0; i < crew->n; i++)
        if (crew->members[i].failed) {
            errno = crew->members[i].error;
            return crew->members[i].failed;
        }
    return NULL;
}

const char *pn__crew_open(struct pn_child *control)
{
    struct pn_crew *crew = control->crew = new_crew(control);
    int             error = start_threads(crew);

    pthread_mutex_lock(&crew->lock);
    while (!error && crew->begun < crew->n)
        pthread_cond_wait(&crew->changed, &crew->lock);
    pthread_mutex_unlock(&crew->lock);
    if (error) {
        errno = error;
        return "its threads";
    }
    if (crew->failures)
        return first_failure(crew);
    pn_timer_init(&control->share_timer, look_for_stuck);
    if (control->conf->handler_watchdog_s)
        pn_timer_set(control->loop, &control->share_timer, pn_loop_now(control->loop) + PN_USEC_PER_SEC);
    return NULL;
}

void pn__crew_ask(struct pn_crew *crew, unsigned what)
{
    pthread_mutex_lock(&crew->lock);
    for (unsigned i = 0; i < crew->n; i++) {
        struct member *member = &crew->members[i];

        atomic_fetch_or(&member->asked, what);
        if (member->loop)
            pn_loop_wake(member->loop);
    }
    pthread_mutex_unlock(&crew->lock);
}

static void on_patience_over(struct pn_timer *timer)
{
    pn_loop_stop(PN_CONTAINER(timer, struct pn_child, resume_timer)->loop);
}

void pn__crew_stop(struct pn_crew *crew)
{
    struct pn_child *control = crew->control;

    pn__crew_ask(crew, PN__ASKED_STOP);
    pn_timer_init(&control->resume_timer, on_patience_over);
    pn_timer_set(control->loop, &control->resume_timer, pn_loop_now(control->loop) + STOP_PATIENCE_USEC);
}

bool pn__crew_close(struct pn_crew *crew)
{
    bool may_free = true;

    if (crew->running)
        return false;
    for (unsigned i = 0; i < crew->n; i++) {
        pthread_join(crew->members[i].thread, NULL);
        may_free = may_free && !crew->members[i].left_fibers;
    }
    if (!may_free)
        return false;
    pn_timer_clear(crew->control->loop, &crew->control->resume_timer);
    pn_timer_clear(crew->control->loop, &crew->control->share_timer);
    pn_watch_hub_close(crew->hub);
    pthread_cond_destroy(&crew->changed);
    pthread_mutex_destroy(&crew->lock);
    free(crew);
    return true;
}
