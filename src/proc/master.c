/* master.c - the process that owns listeners, children and signals, and serves nobody itself. See proc.h.
 *
 * Workload: sleeps. It wakes for signals, for what children tell, and once a second. */
#include <errno.h>
#include <pinion/log.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/score.h"
#include "conf/load.h"
#include "proc/accept_turn.h"
#include "proc/crash.h"
#include "proc/identity.h"
#include "proc/master_state.h"
#include "proc/spare.h"
#include "proc/watchdog.h"
#include "proc/upgrade.h"

#define PN_LOG_MODULE &pn_module_mpm_common

/* Room for children that finish what they have, beside those that serve. */
enum { SPARE_SLOTS = 1024 };
/* Requests at work a child that the status pages can tell of one by one. */
enum { MOST_SCORED = 4096 };

#define LOOK_USEC PN_USEC_PER_SEC
#define BUSY_AGAIN_USEC (20 * PN_USEC_PER_MSEC)
/* Without a failure for so long, the next one is a new story. */
#define GOOD_BEHAVIOUR_USEC (30 * PN_USEC_PER_SEC)
#define STOP_PATIENCE_USEC (5 * PN_USEC_PER_SEC)
/* A master that was killed leaves children that take a moment to notice. */
#define BIND_PATIENCE_USEC (2 * PN_USEC_PER_SEC)
#define BIND_PAUSE_USEC (10 * PN_USEC_PER_MSEC)

static pn_usec monotonic(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * PN_USEC_PER_SEC + now.tv_nsec / 1000;
}

static struct pn_server *main_server(const struct pn_master *master)
{
    return master->generation->servers;
}

/* ---- opening ---- */

/* What keeps the server from starting: for its log, and for who sits at the terminal. */
static bool report(const struct pn_master *master, unsigned id, int error, const char *what)
{
    PN_LOG_S(main_server(master), PN_LOG_CRIT, id, error, "%s", what);
    if (error)
        fprintf(stderr, "AH%05u: %s: %s\n", id, what, strerror(error));
    else
        fprintf(stderr, "AH%05u: %s\n", id, what);
    return false;
}

static const char *first_listeners(struct pn_master *master)
{
    pn_usec     patience = monotonic() + BIND_PATIENCE_USEC;
    const char *error;

    for (;;) {
        pid_t pid;

        error = pn__listeners_open(master, master->generation, master->options->inherited);
        if (!error || errno != EADDRINUSE || monotonic() > patience ||
            pn_pidfile_read(master->conf->pid_file.p, &pid) != PN_PID_STALE)
            return error;
        usleep(BIND_PAUSE_USEC);
    }
}

static void drop_unused(const struct pn_master *master)
{
    for (struct pn_listener *one = master->options->inherited; one; one = one->next) {
        char where[64];

        if (one->fd < 0)
            continue;
        pn_addr_print_port(&one->addr, where);
        PN_LOG_S(main_server(master), PN_LOG_WARNING, 20131, 0,
                 "the socket for %s that was handed over is closed: no Listen line names it", where);
    }
    pn_listeners_close(master->options->inherited);
}

static bool open_pid_file(struct pn_master *master)
{
    const char *path = pn_str_zdup(master->pool, master->conf->pid_file); /* it outlives the generation */
    pn_rc       rc;

    if (master->options->no_pid_file)
        return true;
    if (master->options->handover && pn__pidfile_adopt(&master->pid_file, path, master->options->handover->pid_file_fd))
        return true;
    rc = pn__pidfile_open(&master->pid_file, path);
    if (rc == PN_DENIED)
        return report(master, 99, 0, pn_str_printf(master->pool, "another server holds the PidFile %s", path).p);
    if (rc != PN_OK)
        return report(master, 99, errno, pn_str_printf(master->pool, "could not create the PidFile %s", path).p);
    if (master->pid_file.replaced)
        PN_LOG_S(main_server(master), PN_LOG_WARNING, 98, 0,
                 "pid file %s overwritten -- Unclean shutdown of previous run?", path);
    return true;
}

static bool open_board(struct pn_master *master)
{
    unsigned    children = (unsigned)(master->conf->max_request_workers / master->conf->threads_per_child);
    const char *file = master->conf->scoreboard_file.n ? pn_str_zdup(master->pool, master->conf->scoreboard_file) : NULL;
    unsigned    slots = (children < (unsigned)master->conf->start_servers ? (unsigned)master->conf->start_servers
                                                                           : children) * 2 + SPARE_SLOTS;
    unsigned    scored = master->conf->thread_limit < MOST_SCORED ? (unsigned)master->conf->thread_limit : MOST_SCORED;

    master->board = pn__board_open(file, slots);
    master->board_file = file;
    if (!master->board)
        return report(master, 4, errno, "the scoreboard cannot be mapped");
    master->scores = master->ops->scores_open(slots, master->conf->model == PN_MPM_PREFORK ? 1 : scored);
    if (!master->scores)
        return report(master, 4, errno, "the table of requests cannot be mapped");
    pn__board_show(master->board, master->scores);
    master->seats = apr_pcalloc(master->pool, slots * sizeof(*master->seats));
    pn__slot_set(&master->board->generation, master->generation->number);
    atomic_store(&master->board->started, (int_fast64_t)time(NULL) * PN_USEC_PER_SEC);
    atomic_store(&master->board->reloaded, (int_fast64_t)time(NULL) * PN_USEC_PER_SEC);
    return true;
}

static bool open_all(struct pn_master *master)
{
    const char *error = NULL;

    if (!master->options->keep_identity)
        error = pn__identity_check(pn_unixd_conf(master->generation));
    if (!error && !master->options->one_process)
        error = pn__accept_lock_open(master->generation);
    if (error)
        return report(master, 21, 0, error);
    master->n_buckets = master->options->one_process ? 1 : pn__buckets_wanted(master->conf);
    error = first_listeners(master);
    if (error)
        return report(master, 72, 0, pn_str_printf(master->pool, "make_sock: %s", error).p);
    drop_unused(master);
    if (!open_board(master))
        return false;
    if (pn__events_open(&master->events) != PN_OK)
        return report(master, 15, errno, "the master's pipes cannot be made");
    return master->ops->begin(master->generation) && open_pid_file(master);
}

static void close_all(struct pn_master *master)
{
    for (unsigned i = 0; master->seats && i < master->board->n_slots; i++)
        if (master->seats[i].segment)
            master->ops->segment_close(master->seats[i].segment);
    pn_listeners_close(master->conf->listeners);
    if (master->board && master->board_file && !master->handed_over)
        unlink(master->board_file);
    pn__board_show(NULL, NULL);
    pn_score_table_close(master->scores);
    pn__board_close(master->board);
    pn__pidfile_remove(&master->pid_file);
    master->ops->end(master->generation);
    pn_generation_unref(master->generation);
}

/* ---- signals ---- */

static void stop(struct pn_master *master)
{
    if (master->phase != PN__STOPPING)
        PN_LOG_S(main_server(master), PN_LOG_NOTICE, 491, 0, "caught SIGTERM, shutting down");
    master->phase = PN__STOPPING;
    master->stop_by = master->now + STOP_PATIENCE_USEC;
    pn__notify_send(&master->notify, "STOPPING=1");
    pn__children_tell(master, SIGTERM, pn__seat_any);
}

static void stop_gracefully(struct pn_master *master)
{
    pn_usec timeout = master->conf->graceful_timeout;

    if (master->phase != PN__RUNNING)
        return;
    if (!master->handed_over)
        PN_LOG_S(main_server(master), PN_LOG_NOTICE, 492, 0, "caught SIGWINCH, shutting down gracefully");
    master->phase = PN__STOPPING_GRACEFULLY;
    master->stop_by = timeout ? master->now + timeout : PN_NEVER;
    if (!master->handed_over)
        pn__notify_send(&master->notify, "STOPPING=1");
    pn_listeners_close(master->conf->listeners);
    pn__children_tell(master, SIGUSR1, pn__seat_any);
}

static void obey(struct pn_master *master, int signal_number)
{
    switch (signal_number) {
    case SIGTERM:
    case SIGINT:
        stop(master);
        break;
    case SIGWINCH:
        stop_gracefully(master);
        break;
    case SIGHUP:
        if (master->phase != PN__RUNNING)
            break;
        PN_LOG_S(main_server(master), PN_LOG_NOTICE, 494, 0, "SIGHUP received.  Attempting to restart");
        pn__reload_begin(master, SIGTERM);
        break;
    case SIGUSR1:
        if (master->phase != PN__RUNNING)
            break;
        PN_LOG_S(main_server(master), PN_LOG_NOTICE, 493, 0, "SIGUSR1 received.  Doing graceful restart");
        pn__reload_begin(master, SIGUSR1);
        break;
    case SIGUSR2:
        if (master->phase == PN__RUNNING)
            pn__upgrade_begin(master);
        break;
    default:
        break; /* SIGCHLD: children are looked after in any case */
    }
}

/* ---- notes of children ---- */

static void announce(struct pn_master *master)
{
    const struct pn_proc_options *options = master->options;

    master->announced = true;
    /* Now, since those who start us take the number for the sign that we serve. */
    if (pn__pidfile_write(&master->pid_file) != PN_OK)
        PN_LOG_S(main_server(master), PN_LOG_CRIT, 100, errno, "could not write the PidFile %s", master->pid_file.path);
    PN_LOG_S(main_server(master), PN_LOG_NOTICE, 489, 0, "%s configured -- resuming normal operations", options->name);
    PN_LOG_S(main_server(master), PN_LOG_NOTICE, 94, 0, "Command line: '%s'", options->command_line);
    pn__notify_send(&master->notify, "READY=1\nSTATUS=Serving");
    if (options->daemon)
        pn_daemon_ready(options->daemon);
    pn__upgrade_tell(options->handover);
    if (options->on_ready)
        options->on_ready(options->arg);
}

static void look_for_burst(struct pn_master *master);

static void hear(struct pn_master *master, const struct pn_note *note)
{
    struct pn__seat *seat;

    if (note->kind == PN_NOTE_UPGRADED) {
        pn__upgrade_done(master);
        if (master->handed_over)
            stop_gracefully(master);
        return;
    }
    if (note->index >= master->board->n_slots)
        return;
    seat = &master->seats[note->index];
    if (!seat->pid)
        return;
    if (note->kind == PN_NOTE_READY) {
        seat->ready = true;
        if (!master->announced && master->phase == PN__RUNNING)
            announce(master);
        pn__reload_look(master);
        pn__children_relieve(master);
    }
    else if (note->kind == PN_NOTE_LEAVING) {
        seat->tired = !seat->leaving && master->conf->model != PN_MPM_PREFORK;
        seat->leaving = true;
        master->children_changed = true;
    }
    else if (note->kind == PN_NOTE_BUSY)
        look_for_burst(master);
}

/* ---- how many children ---- */

static void carry_out(struct pn_master *master, const struct pn_spare_plan *plan, const struct pn_spare_view *view)
{
    pn__headcount_say(master, plan, view);
    if (plan->start)
        pn__headcount_start(master, plan->start);
}

/* Children are heard again at once where new ones begin, after a moment when one was idle after all, and at the limit with the
 * next look at all of them: those who come and go must not keep the master awake. */
static void look_for_burst(struct pn_master *master)
{
    struct pn_spare_view view = pn__children_view(master);
    struct pn_spare_plan plan = pn__spare_burst(master->conf, view);

    master->busy_look = PN_NEVER;
    if (master->phase != PN__RUNNING)
        return;
    if (plan.start)
        atomic_store(&master->board->told_busy, false);
    else if (!plan.at_limit)
        master->busy_look = master->now + BUSY_AGAIN_USEC;
    carry_out(master, &plan, &view);
}

static void look_again_for_burst(struct pn_master *master)
{
    atomic_store(&master->board->told_busy, false); /* before the look: who fills up after it tells */
    look_for_burst(master);
    if (master->busy_look != PN_NEVER && !atomic_load(&master->board->told_busy))
        master->busy_look = PN_NEVER;
}

static bool somebody_waits(const struct pn_listener *listener)
{
    struct pollfd waiting = { .fd = listener->fd, .events = POLLIN };

    for (unsigned i = 0; poll(&waiting, 1, 0) <= 0; i++) {
        if (i == listener->n_more)
            return false;
        waiting.fd = listener->more[i];
    }
    return true;
}

/* The kernel may have woken a child for a connection that has been stopped since (SIGSTOP, a frozen group), and told nobody
 * else: a connection that still waits is worth a look by all. */
static void look_at_backlog(struct pn_master *master)
{
    for (const struct pn_listener *one = master->conf->listeners; one; one = one->next) {
        if (!somebody_waits(one))
            continue;
        for (unsigned i = 0; i < master->board->n_slots; i++)
            if (master->seats[i].pid && !master->seats[i].leaving)
                kill(master->seats[i].pid, PN_SIGNAL_LOOK);
        return;
    }
}

/* @param timely a second has passed: spare children are counted then. */
static void look_at_children(struct pn_master *master, bool timely)
{
    struct pn_spare_view view;
    struct pn_spare_plan plan = { 0 };
    unsigned             first = (unsigned)master->conf->start_servers;

    if (master->busy_look == PN_NEVER)
        atomic_store(&master->board->told_busy, false); /* before they are counted */
    view = pn__children_view(master);
    if (view.total == 0)
        plan.start = first;
    else if (timely || view.total < (unsigned)master->conf->keep_children)
        plan = pn__spare_look(master->conf, view, &master->spare_rate);
    else if (view.total < first && pn__spare_wanted(master->conf, view))
        plan.start = 1; /* in the place of one that has ended */
    if (plan.start < pn__buckets_empty(master))
        plan.start = pn__buckets_empty(master);
    carry_out(master, &plan, &view);
    pn__children_relieve(master);
    if (timely) {
        atomic_store(&master->board->idle, (int)view.idle);
        if (master->now - master->fork_after > GOOD_BEHAVIOUR_USEC)
            master->fork_pause = 0;
    }
    if (plan.end_one)
        pn__headcount_end_one(master);
}

/* ---- the loop ---- */

static pn_usec sooner(pn_usec a, pn_usec b)
{
    return a < b ? a : b;
}

static void look_at_stop(struct pn_master *master)
{
    if (master->now < master->stop_by)
        return;
    if (master->phase == PN__STOPPING_GRACEFULLY) {
        stop(master);
        return;
    }
    pn__children_tell(master, SIGKILL, pn__seat_any);
    master->stop_by = master->now + STOP_PATIENCE_USEC;
}

/* What time brings. @return when there is something to do again. */
static pn_usec look_around(struct pn_master *master)
{
    pn_usec next = sooner(master->ops->tick(master->now),
                          pn__spawner_look(&master->spawner, master->generation, master->now));

    if (master->now >= master->next_watchdog) {
        if (pn__watchdog_is_well(master))
            pn__notify_send(&master->notify, "WATCHDOG=1");
        master->next_watchdog = master->now + master->notify.watchdog;
    }
    next = sooner(next, master->next_watchdog);
    if (master->phase != PN__RUNNING) {
        look_at_stop(master);
        return sooner(next, master->stop_by);
    }
    if (master->now >= master->next_look || master->children_changed ||
        (master->fork_pause && master->now >= master->fork_after)) {
        look_at_children(master, master->now >= master->next_look);
        master->children_changed = false;
        if (master->now >= master->next_look) {
            master->next_look = master->now + LOOK_USEC;
            look_at_backlog(master);
            pn__watchdog_look(master);
            pn__board_sample(master->now);
        }
    }
    if (master->now >= master->busy_look)
        look_again_for_burst(master);
    next = sooner(next, master->busy_look);
    pn__reload_look(master);
    if (master->fork_pause && master->fork_after > master->now)
        next = sooner(next, master->fork_after);
    return sooner(next, master->next_look);
}

static void hear_all(struct pn_master *master)
{
    struct pn_note note;

    while (pn__events_note(&master->events, &note))
        hear(master, &note);
}

/* Signals are taken before children are looked after: a SIGCHLD that comes later is still in the pipe and ends the next wait.
 * Notes are heard twice, first so that it is known which of those that have ended had begun, then so that no note of theirs is
 * left for whoever gets their seat. */
static void run(struct pn_master *master)
{
    int     number;
    pn_usec next = 0;

    while (master->phase == PN__RUNNING || pn__children_count(master) != 0) {
        pn__events_wait(&master->events, next == PN_NEVER ? PN_NEVER : next > master->now ? next - master->now : 0);
        master->now = monotonic();
        while ((number = pn__events_signal(&master->events)) != 0)
            obey(master, number);
        hear_all(master);
        pn__children_reap(master);
        hear_all(master);
        next = look_around(master);
    }
}

static int run_master(struct pn_master *master)
{
    /* What these load need not be loaded by each child. */
    tzset();
    pn__crash_watch(master->conf, master->ops->error_log_fd(master->generation), NULL);
    master->now = monotonic();
    master->next_look = master->now + LOOK_USEC;
    master->busy_look = PN_NEVER;
    master->next_watchdog = master->notify.watchdog == PN_NEVER ? PN_NEVER : master->now;
    master->spare_rate = 1;
    if (master->options->daemon)
        pn_daemon_leave_terminal(master->options->daemon, master->ops->error_log_fd(master->generation));
    if (pn__spawner_open(&master->spawner, master->generation, master->options->keep_identity, master->now) != PN_OK)
        PN_LOG_S(main_server(master), PN_LOG_ERR, 20601, errno, "the process that starts programs cannot be made");
    pn__children_start(master, (unsigned)master->conf->start_servers);
    run(master);
    pn__spawner_close(&master->spawner);
    return master->exit_code;
}

/* ---- one process ---- */

static void alone_ready(void *arg)
{
    announce(arg);
}

/* -X: no fork, so that a debugger has everything before its eyes. */
static int run_alone(struct pn_master *master)
{
    struct pn_child child = { .ops = master->ops,
                              .generation = master->generation,
                              .conf = master->conf,
                              .listeners = master->conf->listeners,
                              .board = master->board,
                              .segment = master->ops->segment_open(NULL, pn_mpm_threads(master->conf)),
                              .keep_identity = master->options->keep_identity,
                              .on_ready = alone_ready,
                              .on_ready_arg = master };

    master->seats[0].segment = child.segment;
    pn__signal_handle(SIGCHLD, SIG_DFL);
    pn__board_slot_reset(master->board, 0, master->generation->number);
    return pn__child_run(&child);
}

int pn_proc_run(const struct pn_proc_options *options)
{
    struct pn_master *master;
    apr_pool_t       *pool;
    int               code = 1;

    if (apr_pool_create(&pool, NULL) != APR_SUCCESS)
        return 1;
    master = apr_pcalloc(pool, sizeof(*master));
    *master = (struct pn_master){ .options = options, .ops = options->ops, .pool = pool,
                                  .generation = options->generation, .conf = pn_mpm_conf(options->generation),
                                  .stop_by = PN_NEVER };
    pn__notify_open(&master->notify, pool);
    if (open_all(master))
        code = options->one_process ? run_alone(master) : run_master(master);
    close_all(master);
    apr_pool_destroy(pool);
    return code;
}
