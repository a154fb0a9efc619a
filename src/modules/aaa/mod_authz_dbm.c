/* mod_authz_dbm - Require dbm-group and dbm-file-group: by the groups that a DBM file gives the user.
 * Runs: as providers of mod_authz_core.   Yields: while the file is read.   Config: struct dbm_dir.   Spec: Apache manual,
 * mod_authz_dbm.
 *
 * The file is keyed by user; the value is "group,group", or "password:group,group[:more]" of a file that mod_authn_dbm
 * uses too. */
#define PN_LOG_MODULE &pn_module_authz_dbm
#include <pinion/dbm_file.h>
#include <pinion/log.h>

#include "authz_groups.h"

struct dbm_dir {
    pn_str path; /* AuthDBMGroupFile */
    pn_str type; /* AuthzDBMType */
};

struct pn_module pn_module_authz_dbm;

static pn_str groups_in(pn_str value)
{
    size_t colon = pn_str_chr(value, ':', 0);
    pn_str rest;

    return colon == SIZE_MAX ? value : pn_str_cut(pn_str_from(value, colon + 1), ':', &rest);
}

/* The user's groups, commas between them. */
PN_MAY_YIELD static enum pn_authz groups_of(struct pn_request *r, pn_str *ret_groups)
{
    const struct dbm_dir *dir = pn_dir_conf(r, &pn_module_authz_dbm);
    const char           *why = "";
    pn_str                value;

    if (!dir->path.n) {
        PN_LOG_R(r, PN_LOG_ERR, 1798, 0, "a group is required, but there is no AuthDBMGroupFile");
        return PN_AUTHZ_DENIED;
    }
    switch (pn_dbm_file_get(r, dir->type, dir->path, r->user, &value, &why)) {
    case PN_OK: *ret_groups = groups_in(value); return PN_AUTHZ_GRANTED;
    case PN_NOT_FOUND:
        PN_LOG_R(r, PN_LOG_ERR, 1800, 0, "Authorization of user %s to access %s failed, reason: the DBM file %s does not name this user",
                 pn_str_escape(r->pool, r->user).p, pn_str_escape(r->pool, r->path).p, dir->path.p);
        return PN_AUTHZ_DENIED;
    default:
        PN_LOG_R(r, PN_LOG_ERR, 1799, 0, "cannot read the DBM file (type %s) %s: %s", dir->type.p, dir->path.p, why);
        return PN_AUTHZ_ERROR;
    }
}

static void refused(struct pn_request *r, pn_str group)
{
    pn_str user = pn_str_escape(r->pool, r->user), path = pn_str_escape(r->pool, r->path);

    if (group.p)
        PN_LOG_R(r, PN_LOG_ERR, 1805, 0, "Authorization of user %s to access %s failed, reason: not in the file's group %s",
                 user.p, path.p, group.p);
    else
        PN_LOG_R(r, PN_LOG_ERR, 1801, 0,
                 "Authorization of user %s to access %s failed, reason: not in any of the groups that Require dbm-group names",
                 user.p, path.p);
}

static const struct authz_groups groups = { .separator = ',', .find = groups_of, .refused = refused };

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
    { .name = "AuthDBMGroupFile", .args = PN_TAKE1, .where = PN_CTX_DIR, .override = PN_OVR_AUTHCONFIG,
      .slot = PN_SLOT_AS(PN_SLOT_PATH, struct dbm_dir, path), .help = "DBM file with the groups of each user" },
    { .name = "AuthzDBMType", .args = PN_TAKE1, .where = PN_CTX_DIR, .override = PN_OVR_AUTHCONFIG,
      .slot = PN_SLOT(struct dbm_dir, type), .dflt = "default", .help = "Kind of DBM file: default, SDBM, GDBM, NDBM or DB" },
    { 0 }
};

static void hooks(struct pn_hooks *h)
{
    pn_provide(h, PN_AUTHZ_GROUP, "dbm-group", &group_provider);
    pn_provide(h, PN_AUTHZ_GROUP, "dbm-file-group", &file_group_provider);
}

struct pn_module pn_module_authz_dbm = {
    .api = PN_MODULE_API,
    .name = "mod_authz_dbm.c",
    .apache_id = "authz_dbm_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct dbm_dir),
    .hooks = hooks,
};
