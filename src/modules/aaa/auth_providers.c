/* auth_providers.c - see auth_providers.h. */
#include "auth_providers.h"

static bool serves(const struct pn_authn_provider *provider, enum auth_need need)
{
    return need == AUTH_NEEDS_PASSWORDS ? provider->check_password != NULL : provider->realm_hash != NULL;
}

const char *auth_providers_add(struct pn_conf_cmd *cmd, apr_array_header_t **list, enum auth_need need, unsigned argc,
                               const pn_str *argv)
{
    if (!*list)
        *list = apr_array_make(cmd->pool, (int)argc, sizeof(const struct pn_authn_provider *));
    for (unsigned i = 0; i < argc; i++) {
        const struct pn_authn_provider *provider = pn_authn_find(cmd->generation, argv[i]);
        if (!provider)
            return pn_conf_error_text(cmd, "Unknown Authn provider: %s", argv[i].p);
        if (!serves(provider, need))
            return pn_conf_error_text(cmd, "the provider %s %s, as %s needs", argv[i].p,
                                      need == AUTH_NEEDS_PASSWORDS ? "cannot check passwords" : "has no hashes of realms",
                                      cmd->row->name);
        *(const struct pn_authn_provider **)apr_array_push(*list) = provider;
    }
    return NULL;
}

enum pn_authn auth_providers_ask(struct pn_request *r, const apr_array_header_t *list, auth_ask_fn *ask, void *arg,
                                 bool *ret_asked)
{
    enum pn_authn result = PN_AUTHN_USER_NOT_FOUND;

    *ret_asked = true;
    if (!list) {
        const struct pn_authn_provider *file = pn_authn_find(r->server->generation, PN_STR("file"));
        *ret_asked = file != NULL;
        return file ? ask(r, file, arg) : PN_AUTHN_ERROR;
    }
    for (int i = 0; i < list->nelts && result == PN_AUTHN_USER_NOT_FOUND; i++)
        result = ask(r, APR_ARRAY_IDX(list, i, const struct pn_authn_provider *), arg);
    return result;
}

enum pn_authn auth_ask_password(struct pn_request *r, const struct pn_authn_provider *provider, void *arg)
{
    const struct auth_password *sent = arg;

    return provider->check_password(provider, r, sent->user, sent->password);
}
