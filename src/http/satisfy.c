/* satisfy.c - how access by host and access by user combine. */
#include "http/satisfy.h"

#include "http/core_conf.h"

static const struct pn_satisfy_provider *provider(const struct pn_request *r)
{
    return pn_core_server(r->conn->generation->servers)->satisfy;
}

enum pn_satisfy pn__satisfy(const struct pn_request *r)
{
    const struct pn_satisfy_provider *p = provider(r);

    return p ? p->satisfy(r) : PN_SATISFY_UNSET;
}
