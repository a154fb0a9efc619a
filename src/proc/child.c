/* child.c - see child.h. */
#include "proc/child.h"

#include <errno.h>
#include <pinion/log.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "conf/hooks.h"
#include "proc/crash.h"
#include "proc/identity.h"
#include "rt/fiber.h"

#define PN_LOG_MODULE &pn_module_mpm_common

/* Idle connections get so long to ask once more when the child drains. */
#define DRAIN_GRACE_USEC PN_USEC_PER_SEC

/* ---- signals: a handler marks what was asked, the end of the turn obeys ---- */

enum { ASKED_STOP = 1, ASKED_DRAIN = 2, ASKED_LOOK = 4 };

static atomic_uint     asked;
static struct pn_loop *asked_loop; /* NULL: there is nobody to wake yet */

static void on_signal(int number)
{
    int error = errno;

    atomic_fetch_or(&asked, number == SIGTERM || number == SIGINT ? ASKED_STOP
                            : number == PN_SIGNAL_LOOK            ? ASKED_LOOK
                                                                  : ASKED_DRAIN);
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
    pn__accept_close(child); /* at once: another master may want the port */
    pn_loop_stop(child->loop);
}

static pn_rc watch_master(struct pn_child *child)
{
    if (!child->events)
        return PN_OK;
    return pn_io_open(child->loop, &child->life_io, child->events->life_fds[0], on_orphaned, false);
}

/* ---- turn by turn ---- */

static void publish(struct pn_child *child, const struct pn_child_figures *figures)
{
    struct pn_board_slot *slot = child->slot;

    pn__slot_set(&slot->conns, figures->conns);
    pn__slot_set(&slot->active, figures->active);
    atomic_store_explicit(&slot->requests, figures->requests, memory_order_relaxed);
    atomic_store_explicit(&slot->bytes, figures->bytes, memory_order_relaxed);
    atomic_store_explicit(&slot->accepted, child->accepted, memory_order_relaxed);
}

static void obey(struct pn_child *child)
{
    unsigned what = atomic_exchange(&asked, 0);

    if (what & ASKED_STOP)
        pn_loop_stop(child->loop);
    else if (what & ASKED_DRAIN)
        pn__child_drain(child);
    else
        pn__accept_look(child);
}

static void end_of_turn(struct pn_turn_hook *hook)
{
    struct pn_child        *child = PN_CONTAINER(hook, struct pn_child, turn_end);
    struct pn_child_figures figures;

    if (atomic_load_explicit(&asked, memory_order_relaxed))
        obey(child);
    child->ops->figures(child->engine, &figures);
    publish(child, &figures);
    if (figures.conns != 0)
        return;
    if (child->draining)
        pn_loop_stop(child->loop);
    else if (child->paused & PN__PAUSE_BUSY) {
        atomic_fetch_add(&child->board->idle, 1);
        pn__accept_resume(child, PN__PAUSE_BUSY);
    }
}

static void on_deadline(struct pn_timer *timer)
{
    pn_loop_stop(PN_CONTAINER(timer, struct pn_child, deadline_timer)->loop);
}

void pn__child_drain(struct pn_child *child)
{
    if (child->draining)
        return;
    child->draining = true;
    pn__slot_set(&child->slot->state, PN_SLOT_DRAINING);
    pn__accept_close(child);
    if (child->conf->graceful_timeout)
        pn_timer_set(child->loop, &child->deadline_timer, pn_loop_now(child->loop) + child->conf->graceful_timeout);
    child->ops->drain(child->engine, DRAIN_GRACE_USEC);
}

/* ---- beginning and end ---- */

static void make_pool(struct pn_child *child)
{
    apr_allocator_t *allocator;

    if (apr_allocator_create(&allocator) != APR_SUCCESS ||
        apr_pool_create_ex(&child->pool, NULL, NULL, allocator) != APR_SUCCESS)
        pn_assert_failed(__FILE__, __LINE__, "out of memory");
    apr_allocator_owner_set(allocator, child->pool);
    if (child->conf->max_mem_free_kbytes)
        apr_allocator_max_free_set(allocator, (apr_size_t)child->conf->max_mem_free_kbytes * 1024);
}

static pn_rc open_loop(struct pn_child *child)
{
    pn_rc rc = pn_loop_open(child->pool, &child->loop);

    if (rc != PN_OK)
        return rc;
    if (child->conf->thread_stack_bytes)
        pn_fiber_set_stack_size(child->loop, (size_t)child->conf->thread_stack_bytes);
    pn_fiber_set_max_free(child->loop, (size_t)child->conf->max_mem_free_kbytes * 1024);
    asked_loop = child->loop;
    child->turn_end.fn = end_of_turn;
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

/* @return NULL or what failed, with errno. */
static const char *open_all(struct pn_child *child)
{
    if (open_loop(child) != PN_OK)
        return "its loop";
    pn_run_child_init(child->generation, child->pool);
    if (!child->ops->engine_open(child->loop, child->pool, child->generation, &child->engine))
        return "its engine";
    pn_loop_on_turn_end(child->loop, &child->turn_end); /* behind the engine's own */
    if (watch_master(child) != PN_OK)
        return "the master's pipe";
    if (pn__accept_open(child) != PN_OK)
        return "its listeners";
    return NULL;
}

static void announce(struct pn_child *child)
{
    pn__slot_set(&child->slot->state, PN_SLOT_SERVING);
    atomic_fetch_add(&child->board->idle, 1);
    if (child->events)
        pn__events_tell(child->events, PN_NOTE_READY, child->index);
    else if (child->on_ready)
        child->on_ready(child->on_ready_arg);
}

/* Connections that are cut have fibers that wait: their memory goes with the process. */
static void close_all(struct pn_child *child)
{
    struct pn_child_figures figures;

    pn__accept_close(child);
    pn_run_child_exit(child->generation);
    child->ops->figures(child->engine, &figures);
    publish(child, &figures);
    child->ops->segment_release();
    if (pn_fiber_stats(child->loop).live != 0)
        return;
    child->ops->engine_close(child->engine);
    pn_io_close(child->loop, &child->life_io);
    asked_loop = NULL;
    pn_loop_close(child->loop);
    apr_pool_destroy(child->pool);
}

int pn__child_run(struct pn_child *child)
{
    const char *failed;

    child->slot = &child->board->slots[child->index];
    child->life_io.fd = -1;
    atomic_store(&child->slot->pid, (uint_fast32_t)getpid());
    handle_signals(child);
    pn__crash_watch(child->conf);
    make_pool(child);
    child->ops->segment_attach(child->segment);
    if (!become_somebody(child)) {
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
    return 0;
}
