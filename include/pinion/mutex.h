/* pinion/mutex.h - mutual exclusion between the server's processes, by the mechanism that the Mutex lines choose.
 *
 * A module names its mutexes ("rewrite-map"), and whoever runs the server says with `Mutex mechanism name` how they are made.
 * A mutex belongs to a generation: processes that serve different ones do not exclude each other. Apache manual: Mutex. */
#ifndef PINION_MUTEX_H
#define PINION_MUTEX_H

#include <pinion/generation.h>

struct pn_mutex;

/** In post_config, not with check_only. Semaphores and lock files go when the generation does.
 *  @param name what Mutex lines call it, static.  @param may_be_none does the module do without when the line says none?
 *  @return PN_OK; PN_BAD after reporting through pn_generation_error. */
PN_NODISCARD pn_rc pn_mutex_create(struct pn_generation *generation, const char *name, bool may_be_none,
                                   struct pn_mutex **ret_mutex);
/** In child_init, before the first lock. @param pool the child's. @return PN_OK or PN_SYSTEM with errno. */
PN_NODISCARD pn_rc pn_mutex_child_init(struct pn_mutex *mutex, apr_pool_t *pool);
/** Waits, with the fiber suspended, until no other fiber, thread or process has it. Not recursive. What is done under it must
 *  be short. @return PN_OK; PN_CANCELLED; PN_SYSTEM with errno. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_mutex_lock(struct pn_mutex *mutex);
/** On the thread that locked. */
void pn_mutex_unlock(struct pn_mutex *mutex);

#endif
