/* watchdog.h - notices handlers that never let others run, and names their requests in the error log.
 *
 * A loop notes on the board since when its turn lasts. Once a second the master (in the worker model the child's main thread, which
 * looks at its crew) asks a thread whose turn lasts for too long; a signal handler there copies the request line of
 * the fiber that runs to the board, and the master logs it. Costs two stores a turn. */
#ifndef PN_PROC_WATCHDOG_H
#define PN_PROC_WATCHDOG_H

#include "proc/child.h"

struct pn_master;

/** To a child or one of its threads: tell what you are at. */
#define PN_SIGNAL_TELL SIGVTALRM

/* ---- a child's ---- */

/** Prepares the process to be asked. */
void pn__watchdog_open(const struct pn_child *child);
/** The calling thread's turns are noted there. */
void pn__watchdog_thread(const atomic_uint *since);
/** A turn begins or ends. @param since of the loop's thread. */
static inline void pn__watchdog_turn(atomic_uint *since, pn_usec now)
{
    pn__slot_set(since, now ? (unsigned)(now / PN_USEC_PER_SEC) | 1 : 0);
}
/** For how long, in seconds, has this turn lasted? 0: there is none. */
unsigned pn__watchdog_lasts(const atomic_uint *since);

/* ---- the master's ---- */

/** Once a second. */
void pn__watchdog_look(struct pn_master *master);
/** Does any child get on with its work? False when all that serve have been stuck for longer than HandlerWatchdog. */
bool pn__watchdog_is_well(const struct pn_master *master);

#endif
