/* protocols.c - see protocols.h. Protocols and ProtocolsHonorOrder: Apache manual, "Apache Core Features". */
#include "http/protocols.h"

#include <pinion/http2.h>

#include "http/core_conf.h"

static const struct pn_conn_protocol http_1_1 = { .name = "http/1.1" };

/* One row a protocol. */
static const struct pn_conn_protocol *const built_in[] = { &pn_protocol_h2, &http_1_1 };

const struct pn_conn_protocol *pn_protocol_find(pn_str name)
{
    for (size_t i = 0; i < PN_COUNT(built_in); i++)
        if (pn_str_eq(name, pn_str_z(built_in[i]->name)))
            return built_in[i];
    return NULL;
}

/* Position among what the server offers, or -1. Without a Protocols line it offers HTTP/1.1. */
static int rank(const struct pn_server *server, const struct pn_conn_protocol *protocol)
{
    const struct pn_core_server *conf = pn_core_server(server);

    if (protocol == &pn_protocol_h2 && !pn_provider(server->generation, PN_HTTP2_GROUP, PN_STR(PN_HTTP2_SETTINGS)))
        return -1; /* mod_http2 is not active */
    if (!conf->protocols || conf->protocols->nelts == 0)
        return protocol == &http_1_1 ? 0 : -1;
    for (int i = 0; i < conf->protocols->nelts; i++)
        if (pn_str_ieq(APR_ARRAY_IDX(conf->protocols, i, pn_str), pn_str_z(protocol->name)))
            return i;
    return -1;
}

pn_str pn_protocol_choose(const struct pn_server *server, pn_str offered)
{
    const struct pn_core_server   *conf = pn_core_server(server);
    const struct pn_conn_protocol *best = NULL;
    int                            best_rank = 0;

    while (offered.n) {
        size_t n = (unsigned char)offered.p[0];
        const struct pn_conn_protocol *one = pn_protocol_find(pn_str_head(pn_str_from(offered, 1), n));
        int    its_rank = one ? rank(server, one) : -1;

        offered = pn_str_from(offered, n + 1);
        if (its_rank < 0 || (best && its_rank >= best_rank))
            continue;
        best = one;
        best_rank = its_rank;
        if (!conf->protocols_honor_order) /* the client's first that is known here */
            break;
    }
    return best ? pn_str_z(best->name) : (pn_str){ NULL, 0 };
}
