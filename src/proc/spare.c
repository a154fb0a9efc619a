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

/* Event: a fixed number, replaced when they end. */
static struct pn_spare_plan keep_count(const struct pn_mpm_conf *conf, struct pn_spare_view view)
{
    unsigned wanted = (unsigned)conf->start_servers;

    return (struct pn_spare_plan){ .start = view.total < wanted ? wanted - view.total : 0 };
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
    if (conf->model != PN_MPM_PREFORK)
        return keep_count(conf, view);
    if (view.idle < (unsigned)conf->min_spare_servers)
        return add_spares(conf, view, rate);
    *rate = 1;
    return (struct pn_spare_plan){ .end_one = view.idle > (unsigned)conf->max_spare_servers };
}

struct pn_spare_plan pn__spare_burst(const struct pn_mpm_conf *conf, struct pn_spare_view view)
{
    unsigned rate = view.total < 1 ? 1 : smaller(view.total, RATE_MAX);

    if (conf->model != PN_MPM_PREFORK || view.idle > 0)
        return (struct pn_spare_plan){ 0 };
    return add_spares(conf, view, &rate);
}
