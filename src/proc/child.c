/* child.c - see child.h. */
#include "proc/child.h"

#include <errno.h>
#include <limits.h>
#include <pinion/log.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "conf/hooks.h"
#include "proc/accept_turn.h"
#include "proc/crash.h"
#include "proc/crew.h"
#include "proc/identity.h"
#include "proc/memory.h"
#include "proc/watchdog.h"
#include "rt/fiber.h"

#define PN_LOG_MODULE &pn_module_mpm_common

/* Idle connections get so long to ask once more when the child drains. */
#define DRAIN_GRACE_USEC PN_USEC_PER_SEC

/* ---- signals: a handler marks what was asked, the end of the turn obeys ---- */

static atomic_uint     asked;
static struct pn_loop *asked_loop; /* NULL: there is nobody to wake yet */

static void on_signal(int number)
{
    int error = errno;

    atomic_fetch_or(&asked, number == SIGTERM || number == SIGINT ? PN__ASKED_STOP
                            : number == PN_SIGNAL_LOOK            ? PN__ASKED_LOOK
                                                                  : PN__ASKED_DRAIN);
    if (asked_loop)
        pn_loop_wake(asked_loop);
    errno = error;
}

static void handle_signals(const struct pn_child *child)
{
    pn__signal_handle(SIGTERM, on_signal);
    pn__signal_handle(SIGUSR1, on_signal);
    pn__signal_handle(SIGWINCH, on_signal);
    pn__signal_handle(PN_SIGNAL_LOOK, on_signal);
    pn__signal_handle(SIGPIPE, SIG_IGN);
    pn__signal_handle(SIGXFSZ, SIG_IGN);
    /* Ctrl-C and a closed terminal reach all processes; children wait for what the master says to them. */
    pn__signal_handle(SIGINT, child->events ? SIG_IGN : on_signal);
    pn__signal_handle(SIGHUP, SIG_IGN);
}

/* ---- the master's death ---- */

/* The other end of the pipe is held by the master alone. */
static void on_orphaned(struct pn_io *io, unsigned events)
{
    struct pn_child *child = PN_CONTAINER(io, struct pn_child, life_io);

    (void)events;
    pn_io_close(child->loop, io);
    if (child->crew)
        pn__crew_stop(child->crew);
    else {
        pn__accept_close(child); /* at once: another master may want the port */
        pn_loop_stop(child->loop);
    }
}

static pn_rc watch_master(struct pn_child *child)
{
    if (!child->events)
        return PN_OK;
    return pn_io_open(child->loop, &child->life_io, child->events->life_fds[0], on_orphaned, false);
}

/* ---- turn by turn ---- */

/* Of several threads each adds what has changed since it told last. */
static void publish_part(struct pn_child *child, const struct pn_child_figures *now)
{
    struct pn_board_slot    *slot = child->slot;
    struct pn_child_figures *told = &child->told;

    atomic_fetch_add_explicit(&slot->conns, now->conns - told->conns, memory_order_relaxed);
    atomic_fetch_add_explicit(&slot->active, now->active - told->active, memory_order_relaxed);
    atomic_fetch_add_explicit(&slot->requests, now->requests - told->requests, memory_order_relaxed);
    atomic_fetch_add_explicit(&slot->bytes, now->bytes - told->bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&slot->accepted, child->accepted - child->told_accepted, memory_order_relaxed);
    *told = *now;
    child->told_accepted = child->accepted;
}

static void publish(struct pn_child *child, const struct pn_child_figures *figures)
{
    struct pn_board_slot *slot = child->slot;

    if (child->crew) {
        publish_part(child, figures);
        return;
    }
    pn__slot_set(&slot->conns, figures->conns);
    pn__slot_set(&slot->active, figures->active);
    atomic_store_explicit(&slot->requests, figures->requests, memory_order_relaxed);
    atomic_store_explicit(&slot->bytes, figures->bytes, memory_order_relaxed);
    atomic_store_explicit(&slot->accepted, child->accepted, memory_order_relaxed);
}

void pn__child_publish(struct pn_child *child)
{
    struct pn_child_figures figures;

    child->ops->figures(child->engine, &figures);
    publish(child, &figures);
}

uint64_t pn__child_accepted(const struct pn_child *child)
{
    if (!child->crew)
        return child->accepted;
    return atomic_load_explicit(&child->slot->accepted, memory_order_relaxed) + (child->accepted - child->told_accepted);
}

void pn__child_says_busy(const struct pn_child *child)
{
    if (child->events && !atomic_exchange(&child->board->told_busy, true))
        pn__events_tell(child->events, PN_NOTE_BUSY, child->index);
}

static void obey(struct pn_child *child)
{
    unsigned what = atomic_exchange(child->asked, 0);

    if (what & PN__ASKED_STOP) {
        pn__accept_close(child);
        pn_loop_stop(child->loop);
    }
    else if (what & PN__ASKED_DRAIN)
        pn__child_drain(child);
    else
        pn__accept_look(child);
}

/* COMPAT: 2.4 AsyncRequestWorkerFactor: a child takes no more connections than its workers, and so many for each that is idle.
 * Without the directive idle connections are not counted: here they cost next to nothing. */
static bool is_full(const struct pn_child *child, const struct pn_child_figures *figures)
{
    unsigned most = (unsigned)child->conf->threads_per_child;
    unsigned idle = figures->active < most ? most - figures->active : 0;

    if (idle == 0 || figures->waiting)
        return true;
    return child->conf->async_factor_set &&
           figures->conns - figures->closing >= most + child->conf->async_factor * idle;
}

/* Connections wait in the kernel's backlog, or another child takes them. */
static void mind_fullness(struct pn_child *child, const struct pn_child_figures *figures)
{
    bool full = is_full(child, figures);

    if (PN_LIKELY(full == ((child->paused & PN__PAUSE_FULL) != 0)))
        return;
    if (!full) {
        pn__accept_resume(child, PN__PAUSE_FULL);
        return;
    }
    pn__accept_pause(child, PN__PAUSE_FULL);
    pn__child_says_busy(child);
}

/* MaxMemPerChild */
static void mind_memory(struct pn_child *child)
{
    uint64_t own = pn__memory_check(child->memory, child->slot, pn_loop_now(child->loop));
    uint64_t most = (uint64_t)child->conf->max_mem_per_child;

    if (!most || own <= most || child->draining || !child->events)
        return;
    if (pn__child_had_enough(child))
        PN_LOG_S(child->generation->servers, PN_LOG_NOTICE, 20904, 0,
                 "the child has %llu KB of memory, more than MaxMemPerChild: another one takes its place",
                 (unsigned long long)own / 1024);
}

static void begin_of_turn(struct pn_turn_hook *hook)
{
    struct pn_child *child = PN_CONTAINER(hook, struct pn_child, turn_begin);

    pn__watchdog_turn(child->turn_since, pn_loop_now(child->loop));
}

static void end_of_turn(struct pn_turn_hook *hook)
{
    struct pn_child        *child = PN_CONTAINER(hook, struct pn_child, turn_end);
    struct pn_child_figures figures;

    pn__watchdog_turn(child->turn_since, 0);
    if (atomic_load_explicit(child->asked, memory_order_relaxed))
        obey(child);
    child->ops->figures(child->engine, &figures);
    publish(child, &figures);
    if (child->conf->model == PN_MPM_EVENT)
        mind_fullness(child, &figures);
    mind_memory(child);
    if (figures.conns != 0) {
        if (child->hold_due)
            pn__accept_settle(child);
        return;
    }
    if (child->draining)
        pn_loop_stop(child->loop);
    else if (child->paused & PN__PAUSE_BUSY) {
        atomic_fetch_add(&child->board->idle, 1);
        pn__accept_resume(child, PN__PAUSE_BUSY);
    }
}

/* Of a thread that controls a crew. */
static void end_of_control_turn(struct pn_turn_hook *hook)
{
    struct pn_child *child = PN_CONTAINER(hook, struct pn_child, turn_end);
    unsigned         what = atomic_exchange(child->asked, 0);

    if (what & PN__ASKED_STOP)
        pn__crew_stop(child->crew);
    else if (what & PN__ASKED_DRAIN)
        pn__child_drain(child);
    else if (what)
        pn__crew_ask(child->crew, PN__ASKED_LOOK);
}

static void on_deadline(struct pn_timer *timer)
{
    struct pn_child *child = PN_CONTAINER(timer, struct pn_child, deadline_timer);

    if (child->crew)
        pn__crew_stop(child->crew);
    else
        pn_loop_stop(child->loop);
}

static bool is_control(const struct pn_child *child)
{
    return child->crew && pn__crew_control(child->crew) == child;
}

void pn__child_drain(struct pn_child *child)
{
    if (child->draining)
        return;
    child->draining = true;
    pn__slot_set(&child->slot->state, PN_SLOT_DRAINING);
    if (child->conf->graceful_timeout && (!child->crew || is_control(child)))
        pn_timer_set(child->loop, &child->deadline_timer, pn_loop_now(child->loop) + child->conf->graceful_timeout);
    if (is_control(child)) {
        pn__crew_ask(child->crew, PN__ASKED_DRAIN);
        return;
    }
    pn__accept_close(child);
    child->ops->drain(child->engine, DRAIN_GRACE_USEC);
}

bool pn__child_had_enough(struct pn_child *child)
{
    bool first;

    if (child->crew)
        first = pn__crew_says_enough(child->crew);
    else {
        first = !child->said_enough;
        child->said_enough = true;
    }
    if (first)
        pn__events_tell(child->events, PN_NOTE_LEAVING, child->index);
    if (child->conf->model == PN_MPM_PREFORK)
        pn__child_drain(child);
    return first;
}

/* ---- beginning and end ---- */

void pn__child_make_pool(struct pn_child *child)
{
    apr_allocator_t *allocator;

    if (apr_allocator_create(&allocator) != APR_SUCCESS ||
        apr_pool_create_ex(&child->pool, NULL, NULL, allocator) != APR_SUCCESS)
        pn_assert_failed(__FILE__, __LINE__, "out of memory");
    apr_allocator_owner_set(allocator, child->pool);
    if (child->conf->max_mem_free_kbytes)
        apr_allocator_max_free_set(allocator, (apr_size_t)child->conf->max_mem_free_kbytes * 1024);
}

pn_rc pn__child_open_loop(struct pn_child *child)
{
    pn_rc rc = pn_loop_open(child->pool, &child->loop);

    if (rc != PN_OK)
        return rc;
    if (child->conf->thread_stack_bytes)
        pn_fiber_set_stack_size(child->loop, (size_t)child->conf->thread_stack_bytes);
    pn_fiber_set_max_free(child->loop, (size_t)child->conf->max_mem_free_kbytes * 1024);
    pn_timer_init(&child->deadline_timer, on_deadline);
    return PN_OK;
}

static bool become_somebody(const struct pn_child *child)
{
    const char *failed = child->keep_identity ? NULL : pn__identity_take(pn_unixd_conf(child->generation));

    if (failed)
        PN_LOG_S(child->generation->servers, PN_LOG_ALERT, 20112, errno, "a child cannot take its identity: %s", failed);
    else
        pn__crash_allow_core(child->conf);
    return failed == NULL;
}

const char *pn__child_open_serving(struct pn_child *child, const struct pn_engine_place *place)
{
    if (!child->ops->engine_open(child->loop, child->pool, child->generation, place, &child->engine))
        return "its engine";
    pn__watchdog_thread(child->turn_since);
    child->turn_begin.fn = begin_of_turn;
    pn_loop_on_received(child->loop, &child->turn_begin);
    child->turn_end.fn = end_of_turn;
    pn_loop_on_turn_end(child->loop, &child->turn_end); /* behind the engine's own */
    return pn__accept_open(child) == PN_OK ? NULL : "its listeners";
}

/* @return NULL or what failed, with errno. */
static const char *open_all(struct pn_child *child)
{
    struct pn_engine_place place = { .sharers = 1, .at_work = UINT_MAX };

    if (pn__child_open_loop(child) != PN_OK)
        return "its loop";
    asked_loop = child->loop;
    child->asked = &asked;
    if (atomic_load(&asked)) /* by a signal that found no loop to wake */
        pn_loop_wake(child->loop);
    pn_run_child_init(child->generation, child->pool);
    child->ops->scores_attach(child->index, (unsigned)child->conf->threads_per_child, child->generation, child->pool);
    if (watch_master(child) != PN_OK)
        return "the master's pipe";
    if (child->conf->model == PN_MPM_WORKER) {
        child->turn_end.fn = end_of_control_turn;
        pn_loop_on_turn_end(child->loop, &child->turn_end);
        return pn__crew_open(child);
    }
    if (child->conf->model == PN_MPM_EVENT)
        place.at_work = (unsigned)child->conf->threads_per_child;
    place.one_connection = pn__child_holds_one(child);
    return pn__child_open_serving(child, &place);
}

static void announce(struct pn_child *child)
{
    pn__slot_set(&child->slot->state, PN_SLOT_SERVING);
    atomic_fetch_add(&child->board->idle, child->crew ? (int)child->conf->threads_per_child : 1);
    if (child->events)
        pn__events_tell(child->events, PN_NOTE_READY, child->index);
    else if (child->on_ready)
        child->on_ready(child->on_ready_arg);
}

bool pn__child_close_serving(struct pn_child *child)
{
    pn__accept_close(child);
    pn__child_publish(child);
    child->ops->segment_release();
    if (pn_fiber_stats(child->loop).live != 0)
        return false;
    child->ops->engine_close(child->engine);
    return true;
}

/* @return has everything ended, so that the memory can be given back? */
static bool end_serving(struct pn_child *child)
{
    bool all_ended;

    if (child->crew) {
        all_ended = pn__crew_close(child->crew);
        pn_run_child_exit(child->generation);
        return all_ended;
    }
    pn__accept_close(child);
    pn_run_child_exit(child->generation);
    return pn__child_close_serving(child);
}

static void close_all(struct pn_child *child)
{
    if (!end_serving(child))
        return;
    child->ops->scores_release();
    pn_io_close(child->loop, &child->life_io);
    asked_loop = NULL;
    pn_loop_close(child->loop);
    apr_pool_destroy(child->pool);
}

int pn__child_run(struct pn_child *child)
{
    struct pn_memory_look memory;
    bool                  has_crew = child->conf->model == PN_MPM_WORKER;
    const char           *failed;

    child->slot = &child->board->slots[child->index];
    child->life_io.fd = -1;
    atomic_store(&child->slot->pid, (uint_fast32_t)getpid());
    atomic_store(&child->slot->started, (int_fast64_t)time(NULL) * PN_USEC_PER_SEC);
    handle_signals(child);
    pn__crash_watch(child->conf, child->ops->error_log_fd(child->generation), child->generation);
    child->turn_since = &child->slot->turn_since;
    pn__watchdog_open(child);
    pn__memory_open(&memory);
    child->memory = &memory;
    pn__child_make_pool(child);
    if (!has_crew) /* what a controlling thread logs is written at once */
        child->ops->segment_attach(child->segment, 0);
    if (pn__accept_lock_child(child->generation, child->pool) != PN_OK || !become_somebody(child)) {
        child->ops->segment_release();
        return PN_EXIT_FATAL;
    }
    failed = open_all(child);
    if (failed) {
        PN_LOG_S(child->generation->servers, PN_LOG_CRIT, 20113, errno, "a child cannot begin: %s", failed);
        child->ops->segment_release();
        return 1;
    }
    announce(child);
    pn_loop_run(child->loop);
    close_all(child);
    pn__memory_close(&memory);
    return 0;
}
