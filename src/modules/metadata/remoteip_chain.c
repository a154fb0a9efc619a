/* remoteip_chain.c - see remoteip_chain.h. */
#include "remoteip_chain.h"

#include <netinet/in.h>

enum trust { TRUST_NONE, TRUST_PUBLIC, TRUST_INTERNAL };

static enum trust trust_in(const struct remoteip_group *group, const struct pn_addr *addr)
{
    if (!group)
        return TRUST_PUBLIC;
    for (; group; group = group->next)
        if (pn_netset_has(group->nets, addr->family, addr->ip))
            return group->internal ? TRUST_INTERNAL : TRUST_PUBLIC;
    return TRUST_NONE;
}

bool remoteip_is_private(const struct pn_addr *addr)
{
    const uint8_t *ip = addr->ip;

    if (addr->family == AF_INET6)
        return (ip[0] & 0xe0) != 0x20;
    return ip[0] == 10 || ip[0] == 127 || (ip[0] == 172 && (ip[1] & 0xf0) == 16) || (ip[0] == 192 && ip[1] == 168) ||
           (ip[0] == 169 && ip[1] == 254);
}

/* An address without brackets, zone or port. IPv4 in IPv6 is IPv4. */
static bool take_address(pn_str text, struct pn_addr *ret)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    struct pn_addr       addr;

    if (text.n == 0 || text.p[0] == '[' || pn_str_chr(text, '%', 0) != SIZE_MAX || pn_addr_parse(text, &addr) != PN_OK)
        return false;
    if (addr.family == AF_INET6 && memcmp(addr.ip, mapped, sizeof(mapped)) == 0) {
        struct pn_addr v4 = { .family = AF_INET };
        memcpy(v4.ip, addr.ip + sizeof(mapped), 4);
        addr = v4;
    }
    *ret = addr;
    return true;
}

static void add_proxy(struct pn_buf *proxies, const struct pn_addr *addr)
{
    char text[48];

    if (proxies->n)
        pn_buf_lit(proxies, ", ");
    pn_buf_add(proxies, text, pn_addr_print(addr, text));
}

void remoteip_follow(apr_pool_t *pool, const struct remoteip_group *trusted, const struct pn_addr *peer, pn_str list,
                     struct remoteip_result *ret)
{
    struct pn_buf proxies;
    enum trust    trust;

    *ret = (struct remoteip_result){ .client = *peer, .rest = list };
    pn_buf_init(&proxies, pool, list.n * 32 + 64);
    while (ret->rest.n && (trust = trust_in(trusted, &ret->client)) != TRUST_NONE) {
        size_t         comma = pn_str_rchr(ret->rest, ',');
        pn_str         last = pn_str_trim(pn_str_from(ret->rest, comma == SIZE_MAX ? 0 : comma + 1));
        struct pn_addr addr;

        ret->refused = last;
        ret->is_address = take_address(last, &addr);
        if (!ret->is_address || (trust == TRUST_PUBLIC && remoteip_is_private(&addr)))
            break;
        if (trust == TRUST_PUBLIC)
            add_proxy(&proxies, &ret->client);
        ret->refused = (pn_str){ NULL, 0 };
        ret->client = addr;
        ret->changed = true;
        ret->rest = comma == SIZE_MAX ? (pn_str){ NULL, 0 } : pn_str_trim(pn_str_head(ret->rest, comma));
    }
    if (ret->rest.n == 0)
        ret->rest.p = NULL;
    if (proxies.n)
        ret->proxies = pn_buf_view(&proxies);
}
