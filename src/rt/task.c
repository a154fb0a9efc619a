/* task.c - a second fiber for a request: what must go on while its own fiber does something else; see pinion/io.h.
 *
 * The task lies in a pool of the request; it has returned before that pool goes. */
#include <pinion/io.h>

#include "rt/fiber.h"

struct pn_task {
    pn_task_fn      *fn;
    void            *arg;
    apr_pool_t      *pool;
    struct pn_fiber *fiber;  /* its own, while it runs */
    struct pn_fiber *waiter; /* who waits for its end; NULL: nobody */
    bool             ended;
};

PN_MAY_YIELD static void run(void *arg)
{
    struct pn_task *task = arg;

    task->fiber = pn_fiber_this();
    task->fn(task->arg);
    task->fiber = NULL;
    task->ended = true;
    if (task->waiter)
        pn_fiber_resume(task->waiter, PN_OK);
    task->waiter = NULL;
}

static apr_status_t end_with_pool(void *data)
{
    pn_task_end(data);
    return APR_SUCCESS;
}

pn_rc pn_task_start(apr_pool_t *pool, pn_task_fn *fn, void *arg, struct pn_task **ret_task)
{
    struct pn_task *task = apr_pcalloc(pool, sizeof(*task));

    task->fn = fn;
    task->arg = arg;
    task->pool = pool;
    *ret_task = task; /* fn may look at it */
    pn_rc rc = pn_fiber_start(pn_loop_this(), run, task);
    if (rc != PN_OK)
        *ret_task = NULL;
    else if (!task->ended) /* before the pool's other cleanups: the task still uses what they close */
        apr_pool_pre_cleanup_register(pool, task, end_with_pool);
    return rc;
}

bool pn_task_ended(const struct pn_task *task)
{
    return task->ended;
}

pn_rc pn_task_wait(struct pn_task *task, pn_usec timeout)
{
    pn_usec now = pn_loop_now(pn_loop_this());
    pn_rc   rc;

    if (task->ended)
        return PN_OK;
    task->waiter = pn_fiber_this();
    rc = pn_fiber_suspend_until(timeout < PN_NEVER - now ? now + timeout : PN_NEVER);
    task->waiter = NULL;
    return task->ended ? PN_OK : rc;
}

void pn_task_end(struct pn_task *task)
{
    if (!task)
        return;
    if (!task->ended) {
        pn_fiber_cancel(task->fiber);
        task->waiter = pn_fiber_this();
        (void)pn_fiber_suspend_shielded();
    }
    apr_pool_cleanup_kill(task->pool, task, end_with_pool);
}
