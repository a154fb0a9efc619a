/* mod_authz_user - Require user and valid-user: by who has logged in.
 * Runs: as providers of mod_authz_core.   Yields: never.   Config: none.   Spec: Apache manual, mod_authz_user. */
#define PN_LOG_MODULE &pn_module_authz_user
#include <pinion/authz.h>
#include <pinion/log.h>

struct pn_module pn_module_authz_user;

static enum pn_authz user_check(struct pn_request *r, const struct pn_authz_args *args)
{
    if (!r->user.p)
        return PN_AUTHZ_DENIED_NO_USER;
    for (unsigned i = 0; i < args->n; i++)
        if (pn_str_eq(args->words[i], r->user))
            return PN_AUTHZ_GRANTED;
    PN_LOG_R(r, PN_LOG_ERR, 1663, 0, "access to %s: user '%s' is none of those that Require user names",
             pn_str_escape(r->pool, r->path).p, pn_str_escape(r->pool, r->user).p);
    return PN_AUTHZ_DENIED;
}

static const struct pn_authz_provider user_provider = { .takes_expressions = true, .check = user_check };

static enum pn_authz valid_check(struct pn_request *r, const struct pn_authz_args *args)
{
    return r->user.p ? PN_AUTHZ_GRANTED : PN_AUTHZ_DENIED_NO_USER;
}

static const struct pn_authz_provider valid_provider = { .check = valid_check };

static void hooks(struct pn_hooks *h)
{
    pn_provide(h, PN_AUTHZ_GROUP, "user", &user_provider);
    pn_provide(h, PN_AUTHZ_GROUP, "valid-user", &valid_provider);
}

struct pn_module pn_module_authz_user = {
    .api = PN_MODULE_API,
    .name = "mod_authz_user.c",
    .apache_id = "authz_user_module",
    .hooks = hooks,
};
