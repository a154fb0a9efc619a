/* authority.c - host and port of a Host field or of a target's authority (RFC 3986 s3.2), strictly.
 *
 * What passes here may stand in file names (mass virtual hosting), redirects and logs: it holds
 * letters, digits, '-', '.', '_', ':' and brackets, and no empty label that could make "..". */
#include <pinion/uri.h>

#include <arpa/inet.h>

#include "base/ascii.h"
#include "proto/chars.h"

/* Labels of host characters, none empty but one before a last dot or a first one; digits and dots
 * alone must be four numbers, so that "1.2.3" is not taken for 1.2.0.3. */
static bool name_ok(pn_str host)
{
    unsigned dots = 0;
    bool     numeric = true;

    for (size_t i = 0; i < host.n; i++) {
        char c = host.p[i];

        if (!pn__char_is(c, PN__CHAR_HOST))
            return false;
        if (c == '.') {
            dots++;
            if (i && host.p[i - 1] == '.')
                return false;
        }
        numeric &= c == '.' || pn_ascii_digit(c);
    }
    if (host.n == 0 || host.n == dots)
        return false;
    bool open = host.p[0] == '.' || host.p[host.n - 1] == '.';
    return !numeric || dots == 0 || (dots == 3 && !open);
}

/* "[2001:db8::1]" */
static bool literal_ok(pn_str host)
{
    char            text[INET6_ADDRSTRLEN];
    struct in6_addr address;

    if (host.n < 4 || host.n - 2 >= sizeof(text))
        return false;
    memcpy(text, host.p + 1, host.n - 2);
    text[host.n - 2] = '\0';
    return strlen(text) == host.n - 2 && inet_pton(AF_INET6, text, &address) == 1;
}

pn_rc pn_authority_split(pn_str s, pn_str *ret_host, uint16_t *ret_port)
{
    uint64_t port = 0;
    pn_str   host = s;
    bool     literal = s.n && s.p[0] == '[';
    size_t   colon = pn_str_chr(s, ':', 0);

    if (literal) {
        size_t bracket = pn_str_chr(s, ']', 0);
        if (bracket == SIZE_MAX || (bracket + 1 < s.n && s.p[bracket + 1] != ':'))
            return PN_BAD;
        colon = bracket + 1 < s.n ? bracket + 1 : SIZE_MAX;
    }
    if (colon != SIZE_MAX) {
        host = pn_str_head(s, colon);
        if (pn_str_to_u64(pn_str_from(s, colon + 1), UINT16_MAX, &port) != PN_OK || port == 0)
            return PN_BAD;
    }
    if (literal ? !literal_ok(host) : !name_ok(host))
        return PN_BAD;
    *ret_host = host;
    *ret_port = (uint16_t)port;
    return PN_OK;
}
