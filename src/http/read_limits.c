/* read_limits.c - the time that clients have to send, as mod_reqtimeout set it for a server; see pinion/read_limits.h. */
#include "http/core_conf.h"

void pn_server_set_read_limits(struct pn_server *server, const struct pn_read_limits *limits)
{
    struct pn_core_server *conf = PN_SERVER_CONF(server, &pn_module_core);

    conf->read_limits = *limits;
}

pn_usec pn_read_limit_time(const struct pn_read_limit *limit, uint64_t bytes)
{
    uint64_t seconds;

    if (!limit->timeout)
        return PN_NEVER;
    if (!limit->min_rate)
        return limit->timeout;
    seconds = bytes / (uint64_t)limit->min_rate;
    if (seconds > (uint64_t)(PN_NEVER / PN_USEC_PER_SEC / 4))
        return limit->max ? limit->max : PN_NEVER;
    /* the rest of the bytes counts in parts of a second */
    pn_usec time = limit->timeout + (pn_usec)seconds * PN_USEC_PER_SEC +
                   (pn_usec)(bytes % (uint64_t)limit->min_rate) * PN_USEC_PER_SEC / limit->min_rate;
    return limit->max && time > limit->max ? limit->max : time;
}
