/* server_header.c - the Server field's value by ServerTokens. */
#include "http/server_header.h"

#include <pinion/inspect.h>

#include <stdio.h>

#include "http/core_conf.h"
#include "http/version.h"

pn_str pn__server_header(struct pn_generation *generation, enum pn_tokens tokens)
{
    unsigned major = 0, minor = 0;

    (void)sscanf(PN_VERSION_TEXT, "%u.%u", &major, &minor);
    switch (tokens) {
    case PN_TOKENS_PROD: return PN_STR("Pinion");
    case PN_TOKENS_MAJOR: return pn_str_printf(generation->pool, "Pinion/%u", major);
    case PN_TOKENS_MINOR: return pn_str_printf(generation->pool, "Pinion/%u.%u", major, minor);
    case PN_TOKENS_MINIMAL: return PN_STR("Pinion/" PN_VERSION_TEXT);
    case PN_TOKENS_OS: return PN_STR("Pinion/" PN_VERSION_TEXT " (Unix)");
    case PN_TOKENS_FULL: break;
    }
    return PN_STR("Pinion/" PN_VERSION_TEXT " (Unix)");
}

const char *pn_server_version(void)
{
    return "Pinion/" PN_VERSION_TEXT;
}

const char *pn_server_built(void)
{
    return __DATE__ " " __TIME__;
}

void pn_server_timeouts(const struct pn_server *server, pn_usec *ret_timeout, pn_usec *ret_keep_alive)
{
    *ret_timeout = pn_core_server(server)->timeout;
    *ret_keep_alive = pn_core_server(server)->keep_alive_timeout;
}
