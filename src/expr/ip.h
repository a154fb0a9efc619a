/* expr/ip.h - addresses written as text against networks. */
#ifndef PN_EXPR_IP_H
#define PN_EXPR_IP_H

#include <apr_network_io.h>

#include <pinion/str.h>

/* Is this text an address inside the network? Host names are never resolved: they don't match. A
 * zone (%eth0) is ignored. Allocates nothing. */
bool pn__ip_in_subnet(pn_str address, apr_ipsubnet_t *subnet);

#endif
