/* mod_authn_socache - its directives are accepted: what it was for, mod_authn_core does by itself.
 * Runs: as a provider that knows nobody.   Yields: never.   Config: none.   Spec: Apache manual, mod_authn_socache.
 *
 * There a slow provider's answers were kept in a shared cache. Here files are held in memory and a hash that was right is
 * remembered, so the name "socache" in a list of providers passes every question on to the next one. */
#include <pinion/authn.h>

struct pn_module pn_module_authn_socache;

static enum pn_authn check_password(const struct pn_authn_provider *self, struct pn_request *r, pn_str user, pn_str password)
{
    return PN_AUTHN_USER_NOT_FOUND;
}

static enum pn_authn realm_hash(const struct pn_authn_provider *self, struct pn_request *r, pn_str user, pn_str realm,
                                pn_str *ret_hash)
{
    return PN_AUTHN_USER_NOT_FOUND;
}

static const struct pn_authn_provider provider = { .check_password = check_password, .realm_hash = realm_hash };

#define GONE(directive, arity, places, class, text)                                                \
    { .name = directive, .args = arity, .where = places, .override = class,                        \
      .gone = "passwords that were right are remembered without it", .help = text }

static const struct pn_directive directives[] = {
    GONE("AuthnCacheEnable", PN_NO_ARGS, PN_CTX_SERVER, PN_OVR_NONE, "Accepted"),
    GONE("AuthnCacheSOCache", PN_LIST, PN_CTX_SERVER, PN_OVR_NONE, "Accepted"),
    GONE("AuthnCacheProvideFor", PN_LIST, PN_CTX_DIR, PN_OVR_AUTHCONFIG, "Accepted"),
    GONE("AuthnCacheTimeout", PN_TAKE1, PN_CTX_DIR, PN_OVR_AUTHCONFIG, "Accepted"),
    GONE("AuthnCacheContext", PN_TAKE1, PN_CTX_DIRECTORY, PN_OVR_NONE, "Accepted"),
    { 0 }
};

static void hooks(struct pn_hooks *h)
{
    pn_provide(h, PN_AUTHN_GROUP, "socache", &provider);
}

struct pn_module pn_module_authn_socache = {
    .api = PN_MODULE_API,
    .name = "mod_authn_socache.c",
    .apache_id = "authn_socache_module",
    .directives = directives,
    .hooks = hooks,
};
