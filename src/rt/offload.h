/* offload.h - the one door for work that blocks: password hashes, getaddrinfo, dbm, cold files.
 *
 * pn_offload runs fn(arg) on the process's thread pool and suspends the fiber until it has
 * returned. The work can't be cancelled: a cancelled fiber still waits for it, since arg usually
 * lies on its stack. Threads are started on demand up to the limit and end when idle. fn must
 * not touch the loop, the fiber or any pool that the loop uses. */
#ifndef PN_RT_OFFLOAD_H
#define PN_RT_OFFLOAD_H

#include "rt/fiber.h"

typedef void pn_offload_fn(void *arg);

/** From a fiber only. @return PN_OK when fn ran; PN_SYSTEM with errno when there is no thread and
 *  none can be started (fn did not run). The queue has no bound of its own: callers bound their
 *  requests. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_offload(pn_offload_fn *fn, void *arg);
/** Without a fiber: `done` runs in the loop's run phase after fn; until then `work` must stay
 *  where it is. */
struct pn_offload_work {
    struct pn_job           done;
    pn_offload_fn          *fn;
    void                   *arg;
    struct pn_loop         *loop;
    struct pn_offload_work *next;
};
PN_NODISCARD pn_rc pn_offload_submit(struct pn_loop *loop, struct pn_offload_work *work,
                                     pn_offload_fn *fn, void *arg, pn_job_fn *done);
/** Most threads of the process's pool (default 8) and how long one idles before it ends (default
 *  10 s). */
void pn_offload_configure(unsigned max_threads, pn_usec idle_usec);
/** Waits for running and queued work and ends the threads. Work submitted later starts new ones. */
void pn_offload_shutdown(void);
/** Threads alive now, for status and tests. */
unsigned pn_offload_threads(void);

#endif
