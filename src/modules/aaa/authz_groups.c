/* authz_groups.c - see authz_groups.h. */
#include "authz_groups.h"

#include <pinion/owner.h>

static bool is_member(const struct authz_groups *source, pn_str groups, pn_str name)
{
    while (groups.n)
        if (pn_str_eq(pn_str_cut(groups, source->separator, &groups), name))
            return true;
    return false;
}

enum pn_authz authz_groups_check(struct pn_request *r, const struct pn_authz_args *args, const struct authz_groups *source)
{
    enum pn_authz result;
    pn_str        groups = PN_STR("");

    if (!r->user.p)
        return PN_AUTHZ_DENIED_NO_USER;
    if ((result = source->find(r, &groups)) != PN_AUTHZ_GRANTED)
        return result;
    for (unsigned i = 0; i < args->n; i++)
        if (is_member(source, groups, args->words[i]))
            return PN_AUTHZ_GRANTED;
    source->refused(r, (pn_str){ NULL, 0 });
    return PN_AUTHZ_DENIED;
}

enum pn_authz authz_groups_check_file(struct pn_request *r, const struct authz_groups *source)
{
    const struct pn_owner_provider *owner = pn_provider(r->server->generation, "owner", PN_STR("file-group"));
    enum pn_authz                   result;
    pn_str                          groups = PN_STR(""), name;

    if (!r->user.p)
        return PN_AUTHZ_DENIED_NO_USER;
    if ((result = source->find(r, &groups)) != PN_AUTHZ_GRANTED)
        return result;
    if (!owner || !owner->group_name(r, &name))
        return PN_AUTHZ_DENIED;
    if (is_member(source, groups, name))
        return PN_AUTHZ_GRANTED;
    source->refused(r, name);
    return PN_AUTHZ_DENIED;
}
