/* reload.c - another configuration while the server runs: loaded first, served by new children, and only when these
 * accept do the old ones leave. What cannot be loaded changes nothing. See master_state.h. */
#include <errno.h>
#include <pinion/log.h>
#include <signal.h>
#include <time.h>

#include "conf/load.h"
#include "proc/accept_turn.h"
#include "proc/crash.h"
#include "proc/identity.h"
#include "proc/master_state.h"
#include "proc/memory.h"

#define PN_LOG_MODULE &pn_module_mpm_common

/* Old children stay so long at most when the new ones are slow to begin. */
#define NEW_CHILDREN_USEC (5 * PN_USEC_PER_SEC)

/* ---- listeners ---- */

/* COMPAT: 2.4 on Linux lets the kernel wait for a client's first bytes on http and https listeners. */
static pn_str filter_for(const struct pn_mpm_conf *conf, pn_str protocol)
{
    for (int i = conf->accept_filters->nelts; i-- > 0;) { /* the last line of a protocol counts */
        const struct pn_accept_filter *one = &APR_ARRAY_IDX(conf->accept_filters, i, struct pn_accept_filter);

        if (pn_str_eq(one->protocol, protocol))
            return one->filter;
    }
    if (pn_str_eq(protocol, PN_STR("http")) || pn_str_eq(protocol, PN_STR("https")))
        return PN_STR("data");
    return PN_STR("none");
}

const char *pn__listeners_open(const struct pn_master *master, struct pn_generation *generation,
                               struct pn_listener *earlier)
{
    const struct pn_mpm_conf *conf = pn_mpm_conf(generation);
    struct pn_listen_options  options = { .backlog = (int)conf->backlog,
                                          .receive_bytes = (int)conf->receive_bytes,
                                          .send_bytes = (int)conf->send_bytes,
                                          .free_bind = conf->free_bind,
                                          .buckets = master->n_buckets };
    const char               *error = NULL;

    if (pn_listeners_open(generation->pool, conf->listeners, earlier, &options, &error) != PN_OK)
        return error;
    for (struct pn_listener *one = conf->listeners; one; one = one->next)
        pn_listener_set_filter(one, filter_for(conf, one->protocol), (unsigned)conf->defer_accept_s);
    return NULL;
}

/* ---- the change ---- */

/* Everything that can fail. @return false: nothing has changed. */
static bool prepare(struct pn_master *master, struct pn_generation *next)
{
    struct pn_server *server = master->generation->servers; /* whose log people look at */
    const char       *error = master->options->keep_identity ? NULL : pn__identity_check(pn_unixd_conf(next));

    if (!error)
        error = pn__accept_lock_open(next);
    if (!error)
        error = pn__listeners_open(master, next, master->conf->listeners);
    if (error) {
        PN_LOG_S(server, PN_LOG_ERR, 72, 0, "the new configuration is not used: %s", error);
        return false;
    }
    return true;
}

/* The new list took what it wants: the rest is closed. */
static void give_listeners_back(struct pn_master *master, struct pn_generation *next)
{
    const char *error = pn__listeners_open(master, master->generation, pn_mpm_conf(next)->listeners);

    if (error)
        PN_LOG_S(master->generation->servers, PN_LOG_CRIT, 20130, 0, "a listener is lost: %s", error);
    pn_listeners_close(pn_mpm_conf(next)->listeners);
}

static void use(struct pn_master *master, struct pn_generation *next)
{
    struct pn_generation *old = master->generation;

    pn_listeners_close(master->conf->listeners);
    master->generation = next;
    master->conf = pn_mpm_conf(next);
    pn__crash_watch(master->conf, master->ops->error_log_fd(next), NULL);
    pn__slot_set(&master->board->generation, next->number);
    atomic_store(&master->board->reloaded, (int_fast64_t)time(NULL) * PN_USEC_PER_SEC);
    master->fork_pause = 0;
    master->fork_after = 0;
    master->spare_rate = 1;
    master->said_busy = master->said_limit = master->said_board_full = false;
    pn__generation_left(master, old);
}

void pn__reload_begin(struct pn_master *master, int signal_number)
{
    struct pn_generation *next;

    pn__notify_reloading(&master->notify);
    if (master->reloading) { /* the one before is not through yet: it need not be polite */
        pn__children_tell(master, master->reload_signal, pn__seat_outdated);
        master->reloading = false;
    }
    pn__memory_learn(master->board);
    next = master->ops->load(master->options->arg, master->generation->number + 1, master->generation);
    if (next && !prepare(master, next)) {
        pn_generation_unref(next);
        next = NULL;
    }
    if (next && !master->ops->begin(next)) {
        give_listeners_back(master, next);
        pn_generation_unref(next);
        next = NULL;
    }
    if (!next) {
        pn__notify_send(&master->notify, "READY=1\nSTATUS=The new configuration has an error: serving the old one");
        return;
    }
    use(master, next);
    master->reloading = true;
    master->reload_signal = signal_number;
    master->reload_by = master->now + NEW_CHILDREN_USEC;
    if (pn__spawner_open(&master->spawner, master->generation, master->options->keep_identity, master->now) != PN_OK)
        PN_LOG_S(master->generation->servers, PN_LOG_ERR, 20601, errno, "the process that starts programs cannot be made");
    pn__children_start(master, (unsigned)master->conf->start_servers);
}

/* Are all that began with this generation accepting? */
static bool new_ones_ready(const struct pn_master *master)
{
    unsigned ready = 0;

    for (unsigned i = 0; i < master->board->n_slots; i++) {
        const struct pn__seat *seat = &master->seats[i];

        if (!seat->pid || seat->generation != master->generation || seat->leaving)
            continue;
        if (!seat->ready)
            return false;
        ready++;
    }
    return ready > 0;
}

static bool one_is_ready(const struct pn_master *master)
{
    for (unsigned i = 0; i < master->board->n_slots; i++)
        if (master->seats[i].pid && master->seats[i].ready && master->seats[i].generation == master->generation)
            return true;
    return false;
}

void pn__reload_look(struct pn_master *master)
{
    if (!master->reloading)
        return;
    if (!new_ones_ready(master) && !(master->now >= master->reload_by && one_is_ready(master)))
        return;
    master->reloading = false;
    pn__children_tell(master, master->reload_signal, pn__seat_outdated);
    PN_LOG_S(master->generation->servers, PN_LOG_NOTICE, 489, 0, "%s configured -- resuming normal operations",
             master->options->name);
    pn__notify_send(&master->notify, "READY=1\nSTATUS=Serving");
}
