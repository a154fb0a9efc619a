/* admit.c - see admit.h. Callers: h1/h1_request.c and h2/h2_request.c, once a request that a client sent. */
#define PN_LOG_MODULE &pn_module_core
#include <pinion/log.h>

#include "http/admit.h"

#include "http/vhost.h"

#define GET_AND_POST (UINT64_C(1) << PN_METHOD_GET | UINT64_C(1) << PN_METHOD_POST)

/* Host, or the authority of the target, as name and port (checked by the parser). */
static void set_host(struct pn_request *r, pn_str authority)
{
    size_t   colon = pn_str_rchr(authority, ':');
    size_t   bracket = pn_str_rchr(authority, ']');
    uint64_t port = 0;

    if (colon != SIZE_MAX && (bracket == SIZE_MAX || colon > bracket)) {
        if (pn_str_to_u64(pn_str_from(authority, colon + 1), 65535, &port) == PN_OK)
            r->host_port = (uint16_t)port;
        authority = pn_str_head(authority, colon);
    }
    if (authority.n > 1 && authority.p[authority.n - 1] == '.') /* "example.com." is the same host */
        authority.n--;
    r->hostname = pn_str_lower(r->pool, authority);
}

static bool served_scheme(pn_str scheme)
{
    return scheme.n == 0 || pn_str_ieq(scheme, PN_STR("http")) || pn_str_ieq(scheme, PN_STR("https"));
}

/* A method that is not served here, with the list of those that are. */
static int refuse_method(struct pn_request *r, int status)
{
    return pn_allow_methods(r, GET_AND_POST) == PN_REJECTED ? r->core->reject_status : status;
}

int pn__request_admit(struct pn_request *r, const struct pn_target *target)
{
    pn_str authority = target->authority.n ? target->authority : pn_headers_get(&r->in, PN_HDR_HOST);
    int    status;

    if (authority.n)
        set_host(r, authority);
    r->path = target->path_query;
    if ((status = pn_vhost_select(r)))
        return status;
    if (target->form == PN_TARGET_AUTHORITY && r->method_id == PN_METHOD_CONNECT) /* a proxy's business */
        return refuse_method(r, 405);
    if (target->form == PN_TARGET_AUTHORITY || !served_scheme(target->scheme) ||
        (target->form == PN_TARGET_ASTERISK && r->method_id != PN_METHOD_OPTIONS)) {
        PN_LOG_R(r, PN_LOG_ERR, 126, 0, "Invalid URI in request '%s'", pn_str_escape(r->pool, r->line).p);
        r->target = target->target;
        return 400;
    }
    if ((status = pn__request_set_target(r, target->path_query))) {
        PN_LOG_R(r, PN_LOG_ERR, status == 404 ? 26 : 126, 0, "Invalid URI in request '%s'", pn_str_escape(r->pool, r->line).p);
        return status;
    }
    if (r->method_id == PN_METHOD_OTHER && !pn__method_registered(r)) {
        PN_LOG_R(r, PN_LOG_ERR, 135, 0, "Invalid method in request %s", pn_str_escape(r->pool, r->line).p);
        return refuse_method(r, 501);
    }
    return 0;
}
