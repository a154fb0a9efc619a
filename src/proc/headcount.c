/* headcount.c - what the master does about the number of its children, as the rules of spare.h say. See master_state.h. */
#include <pinion/log.h>
#include <signal.h>
#include <stdio.h>

#include "proc/master_state.h"
#include "proc/spare.h"

#define PN_LOG_MODULE &pn_module_mpm_common

/* httpd has a number of its own in each model. */
struct ids {
    unsigned at_limit, board_full, busy;
};

static struct ids ids_of(enum pn_mpm_model model)
{
    static const struct ids ids[] = { [PN_MPM_EVENT] = { 484, 485, 486 },
                                      [PN_MPM_WORKER] = { 286, 288, 289 },
                                      [PN_MPM_PREFORK] = { 161, 20901, 162 } };

    return ids[model];
}

static void say_limit(const struct pn_master *master)
{
    const struct pn_mpm_conf *conf = master->conf;
    long long                 better = 2 * conf->max_request_workers, servers = better / conf->threads_per_child;
    char                      too[64] = "";

    if (servers > conf->server_limit)
        snprintf(too, sizeof(too), ", and ServerLimit to %lld", servers);
    PN_LOG_S(master->generation->servers, PN_LOG_ERR, ids_of(conf->model).at_limit, 0,
             "server reached MaxRequestWorkers setting, consider raising the MaxRequestWorkers setting: "
             "from %lld to %lld%s", (long long)conf->max_request_workers, better, too);
}

void pn__headcount_say(struct pn_master *master, const struct pn_spare_plan *plan, const struct pn_spare_view *view)
{
    bool prefork = master->conf->model == PN_MPM_PREFORK;

    if (plan->busy && !master->said_busy)
        PN_LOG_S(master->generation->servers, PN_LOG_INFO, ids_of(master->conf->model).busy, 0,
                 "server seems busy, (you may need to increase StartServers, or Min/MaxSpare%s), "
                 "spawning %u children, there are %u idle %s, and %u total children",
                 prefork ? "Servers" : "Threads", plan->start, view->idle, prefork ? "ones" : "threads", view->total);
    master->said_busy = plan->busy;
    if (plan->at_limit && !master->said_limit) {
        master->said_limit = true;
        say_limit(master);
    }
}

void pn__headcount_start(struct pn_master *master, unsigned count)
{
    bool may = master->now >= master->fork_after;

    if (pn__children_start(master, count) || !may || master->said_board_full ||
        pn__children_count(master) < master->board->n_slots)
        return;
    master->said_board_full = true;
    PN_LOG_S(master->generation->servers, PN_LOG_ERR, ids_of(master->conf->model).board_full, 0,
             "scoreboard is full, not at MaxRequestWorkers: children that finish long answers hold its %u places; "
             "consider setting GracefulShutdownTimeout, or raising ServerLimit to %lld",
             master->board->n_slots, (long long)(2 * master->conf->server_limit));
}

/* Of two that have equally much to do, the younger one. */
static bool is_less_busy(const struct pn_board_slot *a, const struct pn_board_slot *b)
{
    unsigned active_a = pn__slot_get(&a->active), active_b = pn__slot_get(&b->active);

    return active_a != active_b ? active_a < active_b : pn__slot_get(&a->conns) <= pn__slot_get(&b->conns);
}

void pn__headcount_end_one(struct pn_master *master)
{
    const struct pn_board_slot *slots = master->board->slots;
    unsigned                    found = UINT32_MAX;

    for (unsigned i = 0; i < master->board->n_slots; i++) {
        const struct pn__seat *seat = &master->seats[i];

        if (!seat->pid || seat->leaving || !seat->ready || pn__bucket_needs(master, seat) ||
            (master->conf->model == PN_MPM_PREFORK && pn__slot_get(&slots[i].conns) != 0))
            continue;
        if (found == UINT32_MAX || is_less_busy(&slots[i], &slots[found]))
            found = i;
    }
    if (found != UINT32_MAX)
        pn__child_tell(master, found, SIGUSR1);
}
