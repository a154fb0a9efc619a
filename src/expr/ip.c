/* ip.c - -ipmatch without name resolution and without allocation. Called by eval.c. */
#include "expr/ip.h"

#include <arpa/inet.h>

bool pn__ip_in_subnet(pn_str address, apr_ipsubnet_t *subnet)
{
    char           text[INET6_ADDRSTRLEN + 1];
    apr_sockaddr_t sa = { 0 };

    address = pn_str_head(address, pn_str_chr(address, '%', 0));
    if (address.n == 0 || address.n >= sizeof(text))
        return false;
    memcpy(text, address.p, address.n);
    text[address.n] = '\0';
    if (inet_pton(AF_INET, text, &sa.sa.sin.sin_addr) == 1) {
        sa.family = APR_INET;
        sa.ipaddr_ptr = &sa.sa.sin.sin_addr;
        sa.ipaddr_len = sizeof(sa.sa.sin.sin_addr);
    }
    else if (inet_pton(AF_INET6, text, &sa.sa.sin6.sin6_addr) == 1) {
        sa.family = APR_INET6;
        sa.ipaddr_ptr = &sa.sa.sin6.sin6_addr;
        sa.ipaddr_len = sizeof(sa.sa.sin6.sin6_addr);
    }
    else
        return false;
    return apr_ipsubnet_test(subnet, &sa) != 0;
}
