/* auth_providers.h - the list of providers that a scheme's directive names, and the question put to them in turn.
 *
 * Shared by mod_auth_basic, mod_auth_digest and mod_auth_form. */
#ifndef PN_AAA_AUTH_PROVIDERS_H
#define PN_AAA_AUTH_PROVIDERS_H

#include <pinion/authn.h>

/** What a scheme wants of its providers. */
enum auth_need { AUTH_NEEDS_PASSWORDS, AUTH_NEEDS_REALM_HASHES };

/** AuthBasicProvider and its like: adds the named providers to *list, which is made when it is NULL.
 *  @return NULL or the error. */
const char *auth_providers_add(struct pn_conf_cmd *cmd, apr_array_header_t **list, enum auth_need need, unsigned argc,
                               const pn_str *argv);

/** Puts the scheme's question to one provider. */
typedef PN_MAY_YIELD enum pn_authn auth_ask_fn(struct pn_request *r, const struct pn_authn_provider *provider, void *arg);

/** Asks one after the other; the first that knows the user decides. A list that is NULL stands for the provider "file".
 *  @param ret_asked false: there is no provider at all (the result is PN_AUTHN_ERROR, nothing is logged). */
PN_MAY_YIELD enum pn_authn auth_providers_ask(struct pn_request *r, const apr_array_header_t *list, auth_ask_fn *ask,
                                              void *arg, bool *ret_asked);

/** A password in clear, as Basic and forms send it. */
struct auth_password {
    pn_str user, password; /* NUL-terminated */
};
/** An auth_ask_fn; arg is a struct auth_password *. */
PN_MAY_YIELD enum pn_authn auth_ask_password(struct pn_request *r, const struct pn_authn_provider *provider, void *arg);

#endif
