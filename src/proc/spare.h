/* spare.h - how many children a model wants: the rules of StartServers, Min- and MaxSpareServers. Pure.
 * Apache manual: mpm_common, prefork. */
#ifndef PN_PROC_SPARE_H
#define PN_PROC_SPARE_H

#include "proc/mpm_conf.h"

/** Children of the present generation that are not leaving. */
struct pn_spare_view {
    unsigned total; /* starting ones included */
    unsigned idle;  /* without a connection; starting ones count as idle */
};

/** What a look at the children leads to. */
struct pn_spare_plan {
    unsigned start;     /* so many now */
    bool     end_one;   /* one idle child is too many */
    bool     busy;      /* the rate has risen above 4 a second: worth a line in the log */
    bool     at_limit;  /* more are needed than MaxRequestWorkers allows */
};

/** Once a second. @param rate of spawning, kept between calls; 1 at first. */
struct pn_spare_plan pn__spare_look(const struct pn_mpm_conf *conf, struct pn_spare_view view, unsigned *rate);
/** When a child says that nobody is idle: a burst need not wait for the second to pass. */
struct pn_spare_plan pn__spare_burst(const struct pn_mpm_conf *conf, struct pn_spare_view view);

#endif
