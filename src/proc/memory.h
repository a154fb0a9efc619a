/* memory.h - how much memory there is, how much a child has, and what follows: MaxRequestWorkers auto, MaxMemPerChild.
 *
 * A child looks at itself once a second at most, at the end of a turn that it has anyway: one that sleeps is not woken for it.
 * What it finds is on its slot of the board, so that the master knows at the next reload what a child of this configuration
 * takes. */
#ifndef PN_PROC_MEMORY_H
#define PN_PROC_MEMORY_H

#include "proc/mpm_conf.h"
#include "proc/scoreboard.h"

/** A process's look at itself; one for all its threads. */
struct pn_memory_look {
    int                  fd;      /* /proc/self/statm, or -1 */
    atomic_int_fast64_t  next;    /* pn_usec: not before */
    atomic_uint_fast64_t kept;    /* bytes that the allocator has free and has given back to the system, at least */
};

/** In a child that still sees /proc. */
void pn__memory_open(struct pn_memory_look *look);
void pn__memory_close(struct pn_memory_look *look);
/** Tells the slot what the process has, and gives free memory back to the system when it has become much less than it was.
 *  @param now monotonic.  @return bytes of its own (not of files), or 0: it is not time for a look. */
uint64_t pn__memory_check(struct pn_memory_look *look, struct pn_board_slot *slot, pn_usec now);

/** What this process may use: the machine's memory, or its control group's limit when that is lower. */
struct pn_memory_limit {
    uint64_t bytes;
    bool     of_group;
};
struct pn_memory_limit pn__memory_limit(void);
/** Bytes of the calling process's own; 0 when that can't be told. */
uint64_t pn__memory_own(void);

/** The master, before a reload: the largest child is the measure for MaxRequestWorkers auto. */
void pn__memory_learn(const struct pn_board *board);
/** MaxRequestWorkers auto: the calculation of docs/process-models.md.
 *  @param at_work requests at work a child, 1 in prefork. @param ret_child_bytes what a child is taken to need.
 *  @return children, at least 1. */
uint64_t pn__memory_children(struct pn_memory_limit limit, unsigned at_work, bool threads, uint64_t *ret_child_bytes);

#endif
