/* spare.h - how many children a model wants: the rules of StartServers, Min- and MaxSpareServers and -Threads. Pure.
 * Apache manual: mpm_common, prefork, worker, event. */
#ifndef PN_PROC_SPARE_H
#define PN_PROC_SPARE_H

#include "proc/mpm_conf.h"

/** Children of the present generation that are not leaving. */
struct pn_spare_view {
    unsigned total; /* starting ones included */
    unsigned idle;  /* places where a request could be at work: prefork's children without a connection, worker's threads
                     * without one, event's ThreadsPerChild less the requests at work; those of starting ones count */
};

/** What a look at the children leads to. */
struct pn_spare_plan {
    unsigned start;     /* so many now */
    bool     end_one;   /* one child is too many */
    bool     busy;      /* the rate has risen above 4 a second: worth a line in the log */
    bool     at_limit;  /* more are needed than MaxRequestWorkers allows */
};

/** Once a second. @param rate of spawning, kept between calls; 1 at first. */
struct pn_spare_plan pn__spare_look(const struct pn_mpm_conf *conf, struct pn_spare_view view, unsigned *rate);
/** Are there fewer idle places than there should be? */
bool pn__spare_wanted(const struct pn_mpm_conf *conf, struct pn_spare_view view);
/** When a child says that nobody is idle: a burst need not wait for the second to pass. */
struct pn_spare_plan pn__spare_burst(const struct pn_mpm_conf *conf, struct pn_spare_view view);

#endif
