/* server_header.h - the Server field's value by ServerTokens. */
#ifndef PN_HTTP_SERVER_HEADER_H
#define PN_HTTP_SERVER_HEADER_H

#include "http/core_conf.h"

/** NUL-terminated, owned by the generation. */
pn_str pn__server_header(struct pn_generation *generation, enum pn_tokens tokens);

#endif
