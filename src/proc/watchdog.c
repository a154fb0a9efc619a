/* watchdog.c - see watchdog.h. */
#include "proc/watchdog.h"

#include <errno.h>
#include <pinion/log.h>
#include <signal.h>
#include <time.h>

#include "proc/master_state.h"
#include "rt/fiber.h"

#define PN_LOG_MODULE &pn_module_mpm_common

static unsigned now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (unsigned)now.tv_sec;
}

/* The lowest bit is set, so that no time is 0: a second more or less is no matter. */
unsigned pn__watchdog_lasts(const atomic_uint *since)
{
    unsigned begun = pn__slot_get(since), now = now_s();

    return begun && now > begun ? now - begun : 0;
}

/* ---- a child's ---- */

static struct pn_board_words *words; /* where this process says what it is at; a signal handler has no argument */
static _Thread_local const atomic_uint *turn_since;

/* On the thread that was asked, in the middle of whatever it does: it only copies. */
static void on_asked(int number)
{
    int              error = errno;
    struct pn_fiber *fiber = pn_fiber_this();
    pn_str           text = fiber ? pn_fiber_label(fiber) : (pn_str){ 0 };
    unsigned         none = PN_WORDS_NONE;

    if (atomic_compare_exchange_strong(&words->state, &none, PN_WORDS_WRITING)) {
        words->seconds = turn_since ? pn__watchdog_lasts(turn_since) : 0;
        words->n = text.n < sizeof(words->text) ? (uint32_t)text.n : sizeof(words->text);
        if (words->n)
            memcpy(words->text, text.p, words->n);
        atomic_store_explicit(&words->state, PN_WORDS_SAID, memory_order_release);
    }
    errno = error;
}

void pn__watchdog_open(const struct pn_child *child)
{
    words = pn__board_words(child->board, child->index);
    pn__signal_handle(PN_SIGNAL_TELL, on_asked);
}

void pn__watchdog_thread(const atomic_uint *since)
{
    turn_since = since;
}

/* ---- the master's ---- */

static void say(const struct pn_master *master, pid_t pid, const struct pn_board_words *said)
{
    pn_str line = pn_str_n(said->text, said->n < sizeof(said->text) ? said->n : sizeof(said->text));

    if (line.n)
        PN_LOG_S(master->generation->servers, PN_LOG_ERR, 20905, 0,
                 "child pid %ld: a handler has let nobody else run for %u seconds, in the request \"%s\"", (long)pid, said->seconds,
                 pn_str_escape(master->generation->pool, line).p);
    else
        PN_LOG_S(master->generation->servers, PN_LOG_ERR, 20905, 0,
                 "child pid %ld: its loop has not turned for %u seconds, outside of any request", (long)pid, said->seconds);
}

static void look_at(struct pn_master *master, unsigned index)
{
    struct pn__seat             *seat = &master->seats[index];
    const struct pn_board_slot  *its = &master->board->slots[index];
    struct pn_board_words       *said = pn__board_words(master->board, index);
    unsigned                     lasts = pn__watchdog_lasts(&its->turn_since), since = pn__slot_get(&its->turn_since);

    if (atomic_load_explicit(&said->state, memory_order_acquire) == PN_WORDS_SAID) {
        say(master, seat->pid, said);
        atomic_store(&said->state, PN_WORDS_NONE);
    }
    if (lasts < (unsigned)master->conf->handler_watchdog_s || since == seat->asked_of)
        return;
    seat->asked_of = since; /* once a turn */
    if (seat->generation && pn_mpm_conf(seat->generation)->model != PN_MPM_WORKER)
        kill(seat->pid, PN_SIGNAL_TELL); /* a crew's main thread asks the right one itself */
}

void pn__watchdog_look(struct pn_master *master)
{
    if (!master->conf->handler_watchdog_s)
        return;
    for (unsigned i = 0; i < master->board->n_slots; i++)
        if (master->seats[i].pid && master->seats[i].ready)
            look_at(master, i);
}

bool pn__watchdog_is_well(const struct pn_master *master)
{
    unsigned serving = 0;

    if (!master->conf->handler_watchdog_s)
        return true;
    for (unsigned i = 0; i < master->board->n_slots; i++) {
        if (!master->seats[i].pid || !master->seats[i].ready)
            continue;
        serving++;
        if (pn__watchdog_lasts(&master->board->slots[i].turn_since) < (unsigned)master->conf->handler_watchdog_s)
            return true;
    }
    return serving == 0;
}
