/* mod_authn_file - users and passwords from a text file, as htpasswd and htdigest write it.
 * Runs: as a provider of the authentication schemes.   Yields: while the file is read and a hash computed.   Config: struct
 * file_dir.   Spec: Apache manual, mod_authn_file. */
#define PN_LOG_MODULE &pn_module_authn_file
#include <errno.h>

#include <pinion/authn.h>
#include <pinion/keyed_file.h>
#include <pinion/log.h>

struct file_dir {
    pn_str path; /* AuthUserFile */
};

struct pn_module pn_module_authn_file;

PN_MAY_YIELD static enum pn_authn find(struct pn_request *r, enum pn_keyed_form form, pn_str key, pn_str *ret_value)
{
    const struct file_dir *dir = pn_dir_conf(r, &pn_module_authn_file);

    if (!dir->path.n) {
        PN_LOG_R(r, PN_LOG_ERR, form == PN_KEYED_PAIR ? 1621 : 1619, 0, "AuthUserFile is not configured");
        return PN_AUTHN_ERROR;
    }
    switch (pn_keyed_file_get(r, dir->path, form, key, ret_value)) {
    case PN_OK: return PN_AUTHN_USER_FOUND;
    case PN_NOT_FOUND: return PN_AUTHN_USER_NOT_FOUND;
    default:
        PN_LOG_R(r, PN_LOG_ERR, form == PN_KEYED_PAIR ? 1622 : 1620, errno, "cannot read the password file %s", dir->path.p);
        return PN_AUTHN_ERROR;
    }
}

PN_MAY_YIELD static enum pn_authn check_password(const struct pn_authn_provider *self, struct pn_request *r, pn_str user,
                                                 pn_str password)
{
    pn_str        stored;
    enum pn_authn result = find(r, PN_KEYED_FIRST, user, &stored);

    return result == PN_AUTHN_USER_FOUND ? pn_auth_core(r->server->generation)->check_hash(r, password, stored) : result;
}

PN_MAY_YIELD static enum pn_authn realm_hash(const struct pn_authn_provider *self, struct pn_request *r, pn_str user,
                                             pn_str realm, pn_str *ret_hash)
{
    return find(r, PN_KEYED_PAIR, PN_CAT(r->pool, user, PN_STR(":"), realm), ret_hash);
}

static const struct pn_authn_provider provider = { .check_password = check_password, .realm_hash = realm_hash };

static const struct pn_directive directives[] = {
    { .name = "AuthUserFile", .args = PN_TAKE1, .where = PN_CTX_DIR, .override = PN_OVR_AUTHCONFIG,
      .slot = PN_SLOT_AS(PN_SLOT_PATH, struct file_dir, path), .help = "Text file with users and hashed passwords" },
    { 0 }
};

static void hooks(struct pn_hooks *h)
{
    pn_provide(h, PN_AUTHN_GROUP, "file", &provider);
}

struct pn_module pn_module_authn_file = {
    .api = PN_MODULE_API,
    .name = "mod_authn_file.c",
    .apache_id = "authn_file_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct file_dir),
    .hooks = hooks,
};
