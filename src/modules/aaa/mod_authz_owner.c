/* mod_authz_owner - Require file-owner, and the owning group for Require file-group.
 * Runs: as a provider of mod_authz_core.   Yields: while names of users and groups are looked up.   Config: none.
 * Spec: Apache manual, mod_authz_owner. */
#define PN_LOG_MODULE &pn_module_authz_owner
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>

#include <pinion/authz.h>
#include <pinion/log.h>
#include <pinion/owner.h>

/* A name-service look-up, done off the loop: it may ask a directory server. */
struct naming {
    bool  of_group;
    uid_t uid;
    gid_t gid;
    char *name; /* malloc'd; NULL: no name */
};

#define NSS_BUFFER_BYTES 65536

struct pn_module pn_module_authz_owner;

static void find_name(void *arg)
{
    struct naming *naming = arg;
    struct passwd  user, *found_user = NULL;
    struct group   group, *found_group = NULL;
    char          *buf = malloc(NSS_BUFFER_BYTES);

    pn_assert(buf != NULL);
    if (naming->of_group)
        getgrgid_r(naming->gid, &group, buf, NSS_BUFFER_BYTES, &found_group);
    else
        getpwuid_r(naming->uid, &user, buf, NSS_BUFFER_BYTES, &found_user);
    if (found_group)
        naming->name = strdup(found_group->gr_name);
    if (found_user)
        naming->name = strdup(found_user->pw_name);
    free(buf);
}

static void complain(struct pn_request *r, unsigned id, const char *why)
{
    PN_LOG_R(r, PN_LOG_ERR, id, 0, "Authorization of user %s to access %s failed, reason: %s", pn_str_escape(r->pool, r->user).p,
             pn_str_escape(r->pool, r->path).p, why);
}

PN_MAY_YIELD static bool owner_name(struct pn_request *r, bool of_group, pn_str *ret_name)
{
    struct naming naming = { .of_group = of_group, .uid = r->finfo.uid, .gid = r->finfo.gid };

    if (r->finfo.type == PN_FILE_NONE) {
        complain(r, of_group ? 1639 : 1634, "there is no file whose owner could be looked at");
        return false;
    }
    if (pn_run_blocking(r, find_name, &naming) != PN_OK || !naming.name) {
        complain(r, of_group ? 1641 : 1636, of_group ? "the file's group has no name" : "the file's owner has no name");
        return false;
    }
    *ret_name = pn_str_dup(r->pool, pn_str_z(naming.name));
    free(naming.name);
    return true;
}

PN_MAY_YIELD static enum pn_authz owner_check(struct pn_request *r, const struct pn_authz_args *args)
{
    pn_str name;

    if (!r->user.p)
        return PN_AUTHZ_DENIED_NO_USER;
    if (!owner_name(r, false, &name))
        return PN_AUTHZ_DENIED;
    if (pn_str_eq(name, r->user))
        return PN_AUTHZ_GRANTED;
    complain(r, 1637, pn_str_printf(r->pool, "the file belongs to %s", name.p).p);
    return PN_AUTHZ_DENIED;
}

static const struct pn_authz_provider owner_provider = { .check = owner_check };

PN_MAY_YIELD static bool group_name(struct pn_request *r, pn_str *ret_name)
{
    return owner_name(r, true, ret_name);
}

static const struct pn_owner_provider group_owner = { .group_name = group_name };

static void hooks(struct pn_hooks *h)
{
    pn_provide(h, PN_AUTHZ_GROUP, "file-owner", &owner_provider);
    pn_provide(h, "owner", "file-group", &group_owner);
}

struct pn_module pn_module_authz_owner = {
    .api = PN_MODULE_API,
    .name = "mod_authz_owner.c",
    .apache_id = "authz_owner_module",
    .hooks = hooks,
};
