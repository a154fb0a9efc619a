/* blocking.c - the doors through which modules run what blocks, and wait. */
#include <pinion/io.h>

#include "http/request_core.h"
#include "rt/offload.h"

pn_rc pn_run_blocking(struct pn_request *r, void (*fn)(void *arg), void *arg)
{
    (void)r;
    if (pn_fiber_this())
        return pn_offload(fn, arg);
    fn(arg); /* on no fiber (tests, -t) there is nobody to keep waiting */
    return PN_OK;
}

pn_rc pn_sleep(struct pn_request *r, pn_usec duration)
{
    (void)r;
    return pn_fiber_this() ? pn_fiber_sleep(duration) : PN_OK;
}

struct pn_apart {
    struct pn_offload_work work;
    void (*fn)(void *arg);
    void *arg;
    bool  runs;
};

static void apart_done(struct pn_job *job)
{
    PN_CONTAINER(job, struct pn_apart, work.done)->runs = false;
}

struct pn_apart *pn_apart_create(apr_pool_t *pool, void (*fn)(void *arg), void *arg)
{
    struct pn_apart *work = apr_pcalloc(pool, sizeof(*work));

    work->fn = fn;
    work->arg = arg;
    return work;
}

bool pn_apart_start(struct pn_apart *work)
{
    if (work->runs)
        return false;
    work->runs = pn_offload_submit(pn_loop_this(), &work->work, work->fn, work->arg, apart_done) == PN_OK;
    return work->runs;
}
