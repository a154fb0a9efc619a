/* mod_authn_dbm - users and passwords from a DBM file, as htdbm writes it.
 * Runs: as a provider of the authentication schemes.   Yields: while the file is read and a hash computed.   Config: struct
 * dbm_dir.   Spec: Apache manual, mod_authn_dbm.
 *
 * The key is the user, or user:realm for digest authentication; what follows a colon in the value is for others. */
#define PN_LOG_MODULE &pn_module_authn_dbm
#include <pinion/authn.h>
#include <pinion/dbm_file.h>
#include <pinion/log.h>

struct dbm_dir {
    pn_str path; /* AuthDBMUserFile */
    pn_str type; /* AuthDBMType */
};

struct pn_module pn_module_authn_dbm;

PN_MAY_YIELD static enum pn_authn find(struct pn_request *r, pn_str key, pn_str *ret_value)
{
    const struct dbm_dir *dir = pn_dir_conf(r, &pn_module_authn_dbm);
    const char           *why = "AuthDBMUserFile is not configured";
    pn_rc                 rc = PN_SYSTEM;
    pn_str                rest, value = { NULL, 0 };

    if (dir->path.n)
        rc = pn_dbm_file_get(r, dir->type, dir->path, key, &value, &why);
    if (rc == PN_NOT_FOUND)
        return PN_AUTHN_USER_NOT_FOUND;
    if (rc != PN_OK) {
        PN_LOG_R(r, PN_LOG_ERR, 10285, 0, "cannot read the DBM file (type %s) %s: %s", dir->type.p,
                 dir->path.n ? dir->path.p : "-", why);
        return PN_AUTHN_ERROR;
    }
    *ret_value = pn_str_dup(r->pool, pn_str_cut(value, ':', &rest));
    return PN_AUTHN_USER_FOUND;
}

PN_MAY_YIELD static enum pn_authn check_password(const struct pn_authn_provider *self, struct pn_request *r, pn_str user,
                                                 pn_str password)
{
    pn_str        stored;
    enum pn_authn result = find(r, user, &stored);

    return result == PN_AUTHN_USER_FOUND ? pn_auth_core(r->server->generation)->check_hash(r, password, stored) : result;
}

PN_MAY_YIELD static enum pn_authn realm_hash(const struct pn_authn_provider *self, struct pn_request *r, pn_str user,
                                             pn_str realm, pn_str *ret_hash)
{
    return find(r, PN_CAT(r->pool, user, PN_STR(":"), realm), ret_hash);
}

static const struct pn_authn_provider provider = { .check_password = check_password, .realm_hash = realm_hash };

static const struct pn_directive directives[] = {
    { .name = "AuthDBMUserFile", .args = PN_TAKE1, .where = PN_CTX_DIR, .override = PN_OVR_AUTHCONFIG,
      .slot = PN_SLOT_AS(PN_SLOT_PATH, struct dbm_dir, path), .help = "DBM file with users and hashed passwords" },
    { .name = "AuthDBMType", .args = PN_TAKE1, .where = PN_CTX_DIR, .override = PN_OVR_AUTHCONFIG,
      .slot = PN_SLOT(struct dbm_dir, type), .dflt = "default", .help = "Kind of DBM file: default, SDBM, GDBM, NDBM or DB" },
    { 0 }
};

static void hooks(struct pn_hooks *h)
{
    pn_provide(h, PN_AUTHN_GROUP, "dbm", &provider);
}

struct pn_module pn_module_authn_dbm = {
    .api = PN_MODULE_API,
    .name = "mod_authn_dbm.c",
    .apache_id = "authn_dbm_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct dbm_dir),
    .hooks = hooks,
};
