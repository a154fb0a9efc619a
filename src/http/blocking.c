/* blocking.c - the doors through which modules run what blocks, and wait. */
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
