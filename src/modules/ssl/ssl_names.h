/* ssl_names.h - names in certificates, for the variables and for the environment made of them. */
#ifndef PN_SSL_NAMES_H
#define PN_SSL_NAMES_H

#include "mod_ssl.h"

/** The version of mod_ssl whose variables and directives are had here. */
#define PN_SSL_INTERFACE "2.4.66"

/** Parts of a distinguished name as variables call them; ends with a NULL tag. */
struct ssl_name_part { const char *tag; int nid; };
extern const struct ssl_name_part ssl_name_parts[];

/** RFC 2253, or "/C=US/O=Example" for `legacy`. */
pn_str ssl_name_text(X509_NAME *name, bool legacy, apr_pool_t *pool);
/** Alternative names of a kind (GEN_DNS, GEN_EMAIL, GEN_OTHERNAME for Microsoft's UPN): of pn_str. */
apr_array_header_t *ssl_alternatives(X509 *certificate, int type, apr_pool_t *pool);

#endif
