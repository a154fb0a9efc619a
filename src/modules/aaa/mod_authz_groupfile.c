/* mod_authz_groupfile - Require group and file-group: by the groups that a text file puts the user in.
 * Runs: as providers of mod_authz_core.   Yields: while the file is read.   Config: struct groupfile_dir.   Spec: Apache
 * manual, mod_authz_groupfile. */
#define PN_LOG_MODULE &pn_module_authz_groupfile
#include <errno.h>

#include <pinion/keyed_file.h>
#include <pinion/log.h>

#include "authz_groups.h"

struct groupfile_dir {
    pn_str path; /* AuthGroupFile */
};

struct pn_module pn_module_authz_groupfile;

/* The user's groups, a \n between them. */
PN_MAY_YIELD static enum pn_authz groups_of(struct pn_request *r, pn_str *ret_groups)
{
    const struct groupfile_dir *dir = pn_dir_conf(r, &pn_module_authz_groupfile);

    if (!dir->path.n) {
        PN_LOG_R(r, PN_LOG_ERR, 1664, 0, "a group is required, but there is no AuthGroupFile");
        return PN_AUTHZ_DENIED;
    }
    switch (pn_keyed_file_get(r, dir->path, PN_KEYED_MEMBERS, r->user, ret_groups)) {
    case PN_OK: return PN_AUTHZ_GRANTED;
    case PN_NOT_FOUND:
        PN_LOG_R(r, PN_LOG_ERR, 1666, 0, "Authorization of user %s to access %s failed, reason: the group file %s does not name this user",
                 pn_str_escape(r->pool, r->user).p, pn_str_escape(r->pool, r->path).p, dir->path.p);
        return PN_AUTHZ_DENIED;
    default: PN_LOG_R(r, PN_LOG_ERR, 1665, errno, "cannot read the group file %s", dir->path.p); return PN_AUTHZ_DENIED;
    }
}

static void refused(struct pn_request *r, pn_str group)
{
    pn_str user = pn_str_escape(r->pool, r->user), path = pn_str_escape(r->pool, r->path);

    if (group.p)
        PN_LOG_R(r, PN_LOG_ERR, 1671, 0, "Authorization of user %s to access %s failed, reason: not in the file's group %s",
                 user.p, path.p, group.p);
    else
        PN_LOG_R(r, PN_LOG_ERR, 1667, 0,
                 "Authorization of user %s to access %s failed, reason: not in any of the groups that Require group names",
                 user.p, path.p);
}

static const struct authz_groups groups = { .separator = '\n', .find = groups_of, .refused = refused };

PN_MAY_YIELD static enum pn_authz group_check(struct pn_request *r, const struct pn_authz_args *args)
{
    return authz_groups_check(r, args, &groups);
}

static const struct pn_authz_provider group_provider = { .takes_expressions = true, .check = group_check };

PN_MAY_YIELD static enum pn_authz file_group_check(struct pn_request *r, const struct pn_authz_args *args)
{
    return authz_groups_check_file(r, &groups);
}

static const struct pn_authz_provider file_group_provider = { .check = file_group_check };

static const struct pn_directive directives[] = {
    { .name = "AuthGroupFile", .args = PN_TAKE1, .where = PN_CTX_DIR, .override = PN_OVR_AUTHCONFIG,
      .slot = PN_SLOT_AS(PN_SLOT_PATH, struct groupfile_dir, path), .help = "File with lines of a group's name, a colon and users" },
    { 0 }
};

static void hooks(struct pn_hooks *h)
{
    pn_provide(h, PN_AUTHZ_GROUP, "group", &group_provider);
    pn_provide(h, PN_AUTHZ_GROUP, "file-group", &file_group_provider);
}

struct pn_module pn_module_authz_groupfile = {
    .api = PN_MODULE_API,
    .name = "mod_authz_groupfile.c",
    .apache_id = "authz_groupfile_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct groupfile_dir),
    .hooks = hooks,
};
