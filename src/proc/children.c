/* children.c - the master's children: forked, counted, buried. See master_state.h. */
#include <errno.h>
#include <pinion/log.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/score.h"
#include "conf/load.h"
#include "proc/accept_turn.h"
#include "proc/master_state.h"
#include "proc/spare.h"
#include "proc/upgrade.h"

#define PN_LOG_MODULE &pn_module_mpm_common

#define SHORT_LIFE_USEC PN_USEC_PER_SEC
#define SHORT_PAUSE_USEC (250 * PN_USEC_PER_MSEC)
#define FIRST_PAUSE_USEC (100 * PN_USEC_PER_MSEC)
#define LONGEST_PAUSE_USEC (10 * PN_USEC_PER_SEC)

/* ---- looking at seats ---- */

bool pn__seat_any(const struct pn_master *master, const struct pn__seat *seat)
{
    return true;
}

bool pn__seat_outdated(const struct pn_master *master, const struct pn__seat *seat)
{
    return seat->generation != master->generation && !seat->leaving;
}

unsigned pn__children_count(const struct pn_master *master)
{
    unsigned n = 0;

    for (unsigned i = 0; i < master->board->n_slots; i++)
        n += master->seats[i].pid != 0;
    return n;
}

/* See struct pn_spare_view. */
static unsigned idle_places(const struct pn_mpm_conf *conf, const struct pn_board_slot *slot)
{
    unsigned places = (unsigned)conf->threads_per_child;
    unsigned used = pn__slot_get(conf->model == PN_MPM_EVENT ? &slot->active : &slot->conns);

    return used < places ? places - used : 0;
}

struct pn_spare_view pn__children_view(const struct pn_master *master)
{
    struct pn_spare_view view = { 0 };

    for (unsigned i = 0; i < master->board->n_slots; i++) {
        const struct pn__seat *seat = &master->seats[i];

        if (!seat->pid || seat->leaving || seat->generation != master->generation)
            continue;
        view.total++;
        view.idle += idle_places(master->conf, &master->board->slots[i]);
    }
    return view;
}

void pn__child_tell(struct pn_master *master, unsigned index, int signal_number)
{
    struct pn__seat *seat = &master->seats[index];

    seat->leaving = true;
    seat->tired = false;
    if (kill(seat->pid, signal_number) != 0 && errno != ESRCH)
        PN_LOG_S(master->generation->servers, PN_LOG_WARNING, 20120, errno, "child %ld cannot be sent signal %d",
                 (long)seat->pid, signal_number);
}

void pn__children_tell(struct pn_master *master, int signal_number,
                       bool (*which)(const struct pn_master *master, const struct pn__seat *seat))
{
    for (unsigned i = 0; i < master->board->n_slots; i++)
        if (master->seats[i].pid && which(master, &master->seats[i]))
            pn__child_tell(master, i, signal_number);
}

void pn__children_relieve(struct pn_master *master)
{
    for (unsigned i = 0; i < master->board->n_slots; i++) {
        const struct pn__seat *seat = &master->seats[i];

        if (seat->pid && !seat->ready && !seat->leaving)
            return; /* it tells when it serves */
    }
    for (unsigned i = 0; i < master->board->n_slots; i++)
        if (master->seats[i].pid && master->seats[i].tired)
            pn__child_tell(master, i, SIGUSR1);
}

/* ---- starting ---- */

/* What says nothing about the next child. */
static void pause_forks_shortly(struct pn_master *master)
{
    master->fork_pause = SHORT_PAUSE_USEC;
    master->fork_after = master->now + master->fork_pause;
}

/* A pause that doubles: what keeps failing must not eat the machine. */
static void pause_forks(struct pn_master *master)
{
    master->fork_pause = master->fork_pause ? master->fork_pause * 2 : FIRST_PAUSE_USEC;
    if (master->fork_pause > LONGEST_PAUSE_USEC)
        master->fork_pause = LONGEST_PAUSE_USEC;
    master->fork_after = master->now + master->fork_pause;
}

/* In the new process. */
PN_NORETURN static void be_child(struct pn_master *master, unsigned index, const sigset_t *mask)
{
    struct pn_child child = { .ops = master->ops,
                              .generation = master->generation,
                              .conf = master->conf,
                              .listeners = master->conf->listeners,
                              .events = &master->events,
                              .board = master->board,
                              .index = index,
                              .segment = master->seats[index].segment,
                              .keep_identity = master->options->keep_identity };

    pn_listeners_use_bucket(master->conf->listeners, master->seats[index].bucket);
    pn__events_leave(&master->events);
    pn__pidfile_leave(&master->pid_file);
    if (master->options->daemon)
        pn_daemon_child(master->options->daemon);
    sigprocmask(SIG_SETMASK, mask, NULL);
    _exit(pn__child_run(&child));
}

/* @return false when there can be no child now. */
static bool start_at(struct pn_master *master, unsigned index)
{
    struct pn__seat *seat = &master->seats[index];
    sigset_t         mask;
    pid_t            pid;

    seat->segment = master->ops->segment_open(seat->segment, pn_mpm_threads(master->conf));
    if (!seat->segment) {
        PN_LOG_S(master->generation->servers, PN_LOG_ERR, 20121, errno, "no shared memory for a child's logs");
        pause_forks(master);
        return false;
    }
    pn__board_slot_reset(master->board, index, master->generation->number);
    pn_score_begin_child(pn_score_of(master->scores, index));
    pn__slot_set(&master->board->slots[index].state, PN_SLOT_STARTING);
    seat->bucket = pn__bucket_next(master);
    pn__signals_block(&mask); /* a signal for the master must not be taken in by a half-made child */
    pid = fork();
    if (pid == 0)
        be_child(master, index, &mask);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    if (pid < 0) {
        PN_LOG_S(master->generation->servers, PN_LOG_ERR, 481, errno, "fork: no new process can be made");
        pn__slot_set(&master->board->slots[index].state, PN_SLOT_EMPTY);
        pause_forks(master);
        return false;
    }
    seat->pid = pid;
    seat->generation = pn_generation_ref(master->generation);
    seat->born = master->now;
    seat->ready = seat->leaving = seat->tired = false;
    return true;
}

unsigned pn__children_start(struct pn_master *master, unsigned count)
{
    unsigned started = 0;

    if (master->now < master->fork_after)
        return 0;
    for (unsigned i = 0; i < master->board->n_slots && started < count; i++) {
        if (master->seats[i].pid)
            continue;
        if (!start_at(master, i))
            break;
        started++;
    }
    return started;
}

/* ---- burying ---- */

static void say_how_it_ended(const struct pn_master *master, pid_t pid, int status)
{
    struct pn_server *server = master->generation->servers;

    if (WIFEXITED(status)) {
        if (WEXITSTATUS(status) != 0)
            PN_LOG_S(server, PN_LOG_ERR, 20122, 0, "child pid %ld ended with code %d", (long)pid, WEXITSTATUS(status));
        return;
    }
    if (WTERMSIG(status) == SIGTERM || (WTERMSIG(status) == SIGKILL && master->phase != PN__RUNNING))
        return;
    if (WCOREDUMP(status))
        PN_LOG_S(server, PN_LOG_NOTICE, 51, 0, "child pid %ld exit signal %s (%d), possible coredump in %s", (long)pid,
                 strsignal(WTERMSIG(status)), WTERMSIG(status),
                 master->conf->core_dir.n ? master->conf->core_dir.p : "its directory");
    else
        PN_LOG_S(server, PN_LOG_NOTICE, 52, 0, "child pid %ld exit signal %s (%d)", (long)pid,
                 strsignal(WTERMSIG(status)), WTERMSIG(status));
}

/* Somebody else ended it: it says nothing about the next one. */
static bool was_killed(int status)
{
    return WIFSIGNALED(status) && (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGTERM);
}

/* A child that ends by itself before it serves tells that the next one will do the same: the pause grows. One that is killed, or
 * crashes soon after, may have met somebody or a request that does that to it: those who wait for a child wait for a moment. */
static void learn_from(struct pn_master *master, const struct pn__seat *seat, int status)
{
    bool fatal = WIFEXITED(status) && WEXITSTATUS(status) == PN_EXIT_FATAL;
    bool failed = !WIFEXITED(status) || WEXITSTATUS(status) != 0;

    if (fatal && !master->announced) {
        PN_LOG_S(master->generation->servers, PN_LOG_ALERT, 20123, 0, "no child can begin: the server ends");
        master->phase = PN__STOPPING;
        master->stop_by = master->now; /* the others must not go on */
        master->exit_code = 1;
    }
    else if (failed && !seat->leaving && !seat->ready && !was_killed(status))
        pause_forks(master);
    else if (failed && !seat->leaving && master->now - seat->born < SHORT_LIFE_USEC)
        pause_forks_shortly(master);
    else
        master->fork_pause = 0;
}

void pn__generation_left(struct pn_master *master, struct pn_generation *generation)
{
    bool in_use = generation == master->generation;

    for (unsigned i = 0; i < master->board->n_slots && !in_use; i++)
        in_use = master->seats[i].generation == generation;
    if (!in_use)
        master->ops->end(generation);
    pn_generation_unref(generation);
}

static void bury(struct pn_master *master, unsigned index, int status)
{
    struct pn__seat      *seat = &master->seats[index];
    struct pn_generation *generation = seat->generation;
    struct pn_board_slot *slot = &master->board->slots[index];

    say_how_it_ended(master, seat->pid, status);
    learn_from(master, seat, status);
    pn__slot_set(&slot->state, PN_SLOT_ENDED);
    pn__accept_lock_bury(generation, seat->pid);
    master->ops->segment_recover(seat->segment, generation);
    seat->pid = 0;
    seat->generation = NULL;
    atomic_store(&slot->pid, 0);
    pn__slot_set(&slot->conns, 0);
    pn__slot_set(&slot->active, 0);
    pn__slot_set(&slot->state, PN_SLOT_EMPTY);
    master->children_changed = true;
    pn__generation_left(master, generation);
}

static bool find_seat(const struct pn_master *master, pid_t pid, unsigned *ret_index)
{
    for (unsigned i = 0; i < master->board->n_slots; i++)
        if (master->seats[i].pid == pid) {
            *ret_index = i;
            return true;
        }
    return false;
}

void pn__children_reap(struct pn_master *master)
{
    unsigned index;
    int      status;
    pid_t    pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (find_seat(master, pid, &index))
            bury(master, index, status);
        else if (!pn__upgrade_ended(master, pid, status) &&
                 !pn__spawner_ended(&master->spawner, master->generation, pid, status, master->now))
            master->ops->other_ended(pid, status);
    }
}
