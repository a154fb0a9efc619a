/* blocking.c - the door through which modules run what blocks. */
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
