/* spare.c - see spare.h. */
#include "proc/spare.h"

enum { RATE_MAX = 32, RATE_WORTH_SAYING = 8 };

static unsigned limit_of(const struct pn_mpm_conf *conf)
{
    return (unsigned)(conf->max_request_workers / conf->threads_per_child);
}

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Idle places: prefork counts children, the others threads. */
static unsigned fewest_idle(const struct pn_mpm_conf *conf)
{
    return (unsigned)(conf->model == PN_MPM_PREFORK ? conf->min_spare_servers : conf->min_spare_threads);
}

static unsigned most_idle(const struct pn_mpm_conf *conf)
{
    return (unsigned)(conf->model == PN_MPM_PREFORK ? conf->max_spare_servers : conf->max_spare_threads);
}

static struct pn_spare_plan add_spares(const struct pn_mpm_conf *conf, struct pn_spare_view view, unsigned *rate)
{
    struct pn_spare_plan plan = { 0 };
    unsigned             room = limit_of(conf) - smaller(view.total, limit_of(conf));

    if (room == 0) {
        plan.at_limit = view.idle == 0;
        *rate = 1;
        return plan;
    }
    plan.start = smaller(*rate, room);
    plan.busy = *rate >= RATE_WORTH_SAYING;
    *rate = smaller(*rate * 2, RATE_MAX);
    return plan;
}

struct pn_spare_plan pn__spare_look(const struct pn_mpm_conf *conf, struct pn_spare_view view, unsigned *rate)
{
    unsigned keep = smaller((unsigned)conf->keep_children, limit_of(conf));

    if (view.total < keep)
        return (struct pn_spare_plan){ .start = keep - view.total };
    if (view.idle < fewest_idle(conf))
        return add_spares(conf, view, rate);
    *rate = 1;
    return (struct pn_spare_plan){ .end_one = view.idle > most_idle(conf) && view.total > keep };
}

bool pn__spare_wanted(const struct pn_mpm_conf *conf, struct pn_spare_view view)
{
    return view.idle < fewest_idle(conf);
}

struct pn_spare_plan pn__spare_burst(const struct pn_mpm_conf *conf, struct pn_spare_view view)
{
    unsigned rate = view.total < 1 ? 1 : smaller(view.total, RATE_MAX);

    if (view.idle > 0)
        return (struct pn_spare_plan){ 0 };
    return add_spares(conf, view, &rate);
}
