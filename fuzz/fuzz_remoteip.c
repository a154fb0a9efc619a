/* fuzz_remoteip.c - the list of addresses that proxies write into a request. Byte 0: which proxies are trusted; then the
 * field's value.
 * Holds: what is left is the beginning of what came; a client that was believed by no internal proxy is no private address;
 * nobody is believed when the peer is not trusted; what is listed of the proxies is made of addresses. */
#include <apr_general.h>
#include <netinet/in.h>

#include "modules/metadata/remoteip_chain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct remoteip_group groups[3];

static struct pn_netset *nets(apr_pool_t *pool, const char *text)
{
    struct pn_netset *set = pn_netset_new(pool);

    pn_assert(pn_netset_add(set, pn_str_z(text)) == PN_OK);
    return set;
}

static void prepare(apr_pool_t *pool)
{
    groups[0] = (struct remoteip_group){ .nets = nets(pool, "127.0.0.1"), .internal = false };
    groups[1] = (struct remoteip_group){ .nets = nets(pool, "10.0.0.0/8"), .internal = true };
    groups[2] = (struct remoteip_group){ .nets = nets(pool, "2001:db8::/32"), .internal = false };
}

/* The groups that the bits name, as a list. */
static const struct remoteip_group *chosen(unsigned bits)
{
    const struct remoteip_group *list = NULL;

    for (int i = 2; i >= 0; i--)
        if (bits >> i & 1) {
            groups[i].next = list;
            list = &groups[i];
        }
    return list;
}

static void check(pn_str list, unsigned bits, const struct pn_addr *peer, const struct remoteip_result *result)
{
    bool peer_trusted = bits == 0 || (bits & 1);

    pn_assert(result->rest.n <= list.n);
    for (size_t i = 0; i < result->proxies.n; i++)
        pn_assert(strchr("0123456789abcdef:., ", result->proxies.p[i]) != NULL);
    if (!result->changed) {
        pn_assert(memcmp(&result->client, peer, sizeof(*peer)) == 0 && result->proxies.n == 0);
        return;
    }
    pn_assert(peer_trusted && (result->client.family == AF_INET || result->client.family == AF_INET6));
    if (!(bits & 2))
        pn_assert(!remoteip_is_private(&result->client));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static apr_pool_t     *pool, *scratch;
    const struct pn_addr   peer = { .family = AF_INET, .ip = { 127, 0, 0, 1 }, .port = 4711 };
    struct remoteip_result result;

    if (size < 1)
        return 0;
    if (!pool) {
        apr_initialize();
        apr_pool_create(&pool, NULL);
        apr_pool_create(&scratch, NULL);
        prepare(pool);
    }
    pn_str list = { (const char *)data + 1, size - 1 };
    remoteip_follow(scratch, chosen(data[0] & 7), &peer, list, &result);
    check(list, data[0] & 7, &peer, &result);
    apr_pool_clear(scratch);
    return 0;
}
