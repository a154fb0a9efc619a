/* pinion/authn.h - who a user is: providers that know passwords, schemes that carry them, and the place's AuthType and
 * AuthName.
 *
 * A scheme (mod_auth_basic, mod_auth_digest) reads credentials from the request and asks the providers that its
 * directive lists; mod_authn_core holds what they share. */
#ifndef PINION_AUTHN_H
#define PINION_AUTHN_H

#include <pinion/request.h>

enum pn_authn {
    PN_AUTHN_DENIED = 0,
    PN_AUTHN_GRANTED,
    PN_AUTHN_USER_FOUND, /* realm_hash: the hash is at hand */
    PN_AUTHN_USER_NOT_FOUND,
    PN_AUTHN_ERROR
};

/** A source of users, in group "authn" under the name that AuthBasicProvider and AuthDigestProvider use. */
struct pn_authn_provider {
    /** Is this the user's password? NULL: it cannot tell. */
    PN_MAY_YIELD enum pn_authn (*check_password)(const struct pn_authn_provider *self, struct pn_request *r, pn_str user,
                                                 pn_str password);
    /** The hexadecimal hash of user:realm:password. NULL: it has none. @param ret_hash in r->pool. */
    PN_MAY_YIELD enum pn_authn (*realm_hash)(const struct pn_authn_provider *self, struct pn_request *r, pn_str user,
                                             pn_str realm, pn_str *ret_hash);
};
#define PN_AUTHN_GROUP "authn"

/** A way of asking for credentials, in group "auth-scheme" under its AuthType in lower case. */
struct pn_auth_scheme {
    /** Puts the challenge into the answer's fields (r->err_out), which becomes a 401 (407 for a proxy request). */
    void (*challenge)(struct pn_request *r);
};
#define PN_AUTH_SCHEME_GROUP "auth-scheme"

/** What mod_authn_core offers: group "auth", name "core". */
struct pn_auth_core {
    /** AuthType and AuthName where r is; p == NULL: not set, or none. */
    PN_MAY_YIELD pn_str (*type)(struct pn_request *r);
    PN_MAY_YIELD pn_str (*name)(struct pn_request *r);
    /** The provider that <AuthnProviderAlias> made under this name, or NULL. */
    const struct pn_authn_provider *(*alias)(const struct pn_generation *generation, pn_str name);
    /** Does the password fit the stored hash (bcrypt, apr1, SHA, crypt)? Hashes off the loop; a positive answer is
     *  remembered for a short time. PN_AUTHN_GRANTED or PN_AUTHN_DENIED. */
    PN_MAY_YIELD enum pn_authn (*check_hash)(struct pn_request *r, pn_str password, pn_str stored);
};

static inline const struct pn_auth_core *pn_auth_core(const struct pn_generation *generation)
{
    return (const struct pn_auth_core *)pn_provider(generation, "auth", PN_STR("core"));
}

/** A provider by name, aliases included, or NULL. */
static inline const struct pn_authn_provider *pn_authn_find(const struct pn_generation *generation, pn_str name)
{
    const void                *found = pn_provider(generation, PN_AUTHN_GROUP, name);
    const struct pn_auth_core *core = found ? NULL : pn_auth_core(generation);

    return core ? core->alias(generation, name) : (const struct pn_authn_provider *)found;
}

/** AuthType where r is; p == NULL: none. */
PN_MAY_YIELD static inline pn_str pn_auth_type(struct pn_request *r)
{
    const struct pn_auth_core *core = pn_auth_core(r->server->generation);

    return core ? core->type(r) : (pn_str){ NULL, 0 };
}

/** AuthName where r is; p == NULL: none. */
PN_MAY_YIELD static inline pn_str pn_auth_name(struct pn_request *r)
{
    const struct pn_auth_core *core = pn_auth_core(r->server->generation);

    return core ? core->name(r) : (pn_str){ NULL, 0 };
}

#endif
