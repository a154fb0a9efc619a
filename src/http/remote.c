/* remote.c - the client as text. */
#include "http/request_core.h"
#include "net/addr.h"

pn_str pn_remote_host(struct pn_request *r, bool need)
{
    char   text[48];
    size_t n = pn_addr_print(&r->conn->peer, text);

    (void)need;
    return pn_str_dup(r->pool, pn_str_n(text, n));
}
