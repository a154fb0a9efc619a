/* pinion/load.h - the provider by which the process layer tells how busy the server is. */
#ifndef PINION_LOAD_H
#define PINION_LOAD_H

#include <pinion/base.h>

/** Provider of group "load", name "server". */
struct pn_load_provider {
    /** Share of slots (MaxRequestWorkers) at work in all children, percent, rounded down. Never suspends. */
    unsigned (*busy_percent)(void);
};

#endif
