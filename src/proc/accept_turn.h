/* accept_turn.h - children that take turns at accepting, when an accept mutex is asked for (AcceptMutex, Mutex x mpm-accept).
 *
 * Without one all children wait at the listeners and the kernel wakes one. With one, the child that holds the mutex waits there
 * alone. A thread of the child's own waits for the mutex, so the loop never does. Not in the worker model, whose
 * threads wait by themselves. */
#ifndef PN_PROC_ACCEPT_TURN_H
#define PN_PROC_ACCEPT_TURN_H

#include "proc/child.h"

struct pn_accept_lock;

/** In the master, before children of the generation begin: makes the mutex that its lines ask for, if they do.
 *  @return NULL or the error, which lives as long as the generation. */
const char *pn__accept_lock_open(struct pn_generation *generation);
/** In the master: the child has ended, perhaps while it had the mutex. */
void pn__accept_lock_bury(const struct pn_generation *generation, pid_t pid);

/** In a child, with the rights of the master still: opens what must be opened anew. @return PN_OK or PN_SYSTEM with errno. */
PN_NODISCARD pn_rc pn__accept_lock_child(const struct pn_generation *generation, apr_pool_t *pool);
/** Begins to take turns: the child is paused (PN__PAUSE_TURN) until it has its first. No-op without a mutex.
 *  @return PN_OK or PN_SYSTEM with errno. */
PN_NODISCARD pn_rc pn__accept_turn_open(struct pn_child *child);
/** The child has accepted, or can't now: lets another one. It asks again by pn__accept_turn_want. Accepts a child
 *  without turns. */
void pn__accept_turn_end(struct pn_child *child);
void pn__accept_turn_want(struct pn_child *child);
/** For good. */
void pn__accept_turn_close(struct pn_child *child);

#endif
