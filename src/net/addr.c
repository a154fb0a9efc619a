/* addr.c - socket addresses to and from text and sockaddr. */
#include "net/addr.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>

static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };

struct pn_addr pn_addr_from_sockaddr(const union pn_sockaddr *sa)
{
    struct pn_addr addr = { .family = (uint8_t)sa->any.sa_family };

    if (sa->any.sa_family == AF_INET) {
        addr.port = ntohs(sa->in.sin_port);
        memcpy(addr.ip, &sa->in.sin_addr, 4);
    }
    else if (sa->any.sa_family == AF_INET6) {
        addr.port = ntohs(sa->in6.sin6_port);
        if (memcmp(&sa->in6.sin6_addr, v4_mapped, sizeof(v4_mapped)) == 0) {
            addr.family = AF_INET;
            memcpy(addr.ip, sa->in6.sin6_addr.s6_addr + 12, 4);
        }
        else {
            memcpy(addr.ip, &sa->in6.sin6_addr, 16);
            addr.scope_id = sa->in6.sin6_scope_id;
        }
    }
    else if (sa->any.sa_family != AF_UNIX)
        addr.family = 0;
    return addr;
}

socklen_t pn_addr_to_sockaddr(const struct pn_addr *addr, union pn_sockaddr *ret_sa)
{
    memset(ret_sa, 0, sizeof(*ret_sa));
    ret_sa->any.sa_family = addr->family;
    if (addr->family == AF_INET) {
        ret_sa->in.sin_port = htons(addr->port);
        memcpy(&ret_sa->in.sin_addr, addr->ip, 4);
        return sizeof(ret_sa->in);
    }
    if (addr->family == AF_INET6) {
        ret_sa->in6.sin6_port = htons(addr->port);
        ret_sa->in6.sin6_scope_id = addr->scope_id;
        memcpy(&ret_sa->in6.sin6_addr, addr->ip, 16);
        return sizeof(ret_sa->in6);
    }
    return 0;
}

pn_rc pn_addr_parse(pn_str text, struct pn_addr *ret)
{
    char           z[INET6_ADDRSTRLEN + IF_NAMESIZE + 2];
    struct pn_addr addr = { 0 };

    if (text.n >= 2 && text.p[0] == '[' && text.p[text.n - 1] == ']')
        text = pn_str_n(text.p + 1, text.n - 2);
    pn_str zone, ip = pn_str_cut(text, '%', &zone);
    if (ip.n == 0 || ip.n >= sizeof(z))
        return PN_BAD;
    memcpy(z, ip.p, ip.n);
    z[ip.n] = '\0';
    if (inet_pton(AF_INET, z, addr.ip) == 1)
        addr.family = AF_INET;
    else if (inet_pton(AF_INET6, z, addr.ip) == 1)
        addr.family = AF_INET6;
    else
        return PN_BAD;
    if (zone.p) {
        if (addr.family != AF_INET6 || zone.n == 0 || zone.n >= IF_NAMESIZE)
            return PN_BAD;
        memcpy(z, zone.p, zone.n);
        z[zone.n] = '\0';
        addr.scope_id = if_nametoindex(z);
    }
    *ret = addr;
    return PN_OK;
}

pn_rc pn_addr_parse_port(pn_str text, struct pn_addr *ret, bool *ret_any, pn_str *ret_host)
{
    struct pn_addr addr = { 0 };
    uint64_t       port = 0;
    size_t         colon = pn_str_rchr(text, ':');
    size_t         bracket = pn_str_rchr(text, ']');
    pn_str         host = text, port_text = { NULL, 0 };

    if (colon != SIZE_MAX && (bracket == SIZE_MAX || colon > bracket)) {
        host = pn_str_head(text, colon);
        port_text = pn_str_from(text, colon + 1);
    }
    else if (colon == SIZE_MAX && pn_str_to_u64(text, 65535, &port) == PN_OK) {
        port_text = text;
        host = (pn_str){ NULL, 0 };
    }
    if (port_text.n && !pn_str_eq(port_text, PN_STR("*")) &&
        pn_str_to_u64(port_text, 65535, &port) != PN_OK)
        return PN_BAD;

    pn_rc rc = PN_OK;
    *ret_any = host.n == 0 || pn_str_eq(host, PN_STR("*"));
    if (!*ret_any && pn_addr_parse(host, &addr) != PN_OK) {
        *ret_host = host;
        rc = PN_DECLINED;
    }
    addr.port = (uint16_t)port;
    *ret = addr;
    return rc;
}

bool pn_addr_eq(const struct pn_addr *a, const struct pn_addr *b, bool with_port)
{
    return a->family == b->family && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0 &&
           (!with_port || a->port == b->port);
}

bool pn_addr_is_any(const struct pn_addr *addr)
{
    static const uint8_t zero[16];

    return memcmp(addr->ip, zero, sizeof(zero)) == 0;
}

/* inet_ntop goes through printf, which a new connection notices. */
static size_t print_ipv4(const uint8_t ip[4], char *to)
{
    char *at = to;

    for (int i = 0; i < 4; i++) {
        if (i > 0)
            *at++ = '.';
        if (ip[i] >= 100)
            *at++ = (char)('0' + ip[i] / 100);
        if (ip[i] >= 10)
            *at++ = (char)('0' + ip[i] / 10 % 10);
        *at++ = (char)('0' + ip[i] % 10);
    }
    *at = '\0';
    return (size_t)(at - to);
}

size_t pn_addr_print(const struct pn_addr *addr, char *to)
{
    if (addr->family == AF_INET)
        return print_ipv4(addr->ip, to);
    to[0] = '\0';
    if (addr->family == AF_INET6)
        inet_ntop(addr->family, addr->ip, to, 48);
    else if (addr->family == AF_UNIX)
        memcpy(to, "local", 6);
    return strlen(to);
}

size_t pn_addr_print_port(const struct pn_addr *addr, char *to)
{
    char ip[48];

    pn_addr_print(addr, ip);
    return (size_t)snprintf(to, 64, addr->family == AF_INET6 ? "[%s]:%u" : "%s:%u", ip, addr->port);
}
