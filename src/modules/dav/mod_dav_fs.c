/* mod_dav_fs - files as the repository of WebDAV: the provider "filesystem", and where its locks are kept.
 * Runs: never; asked by mod_dav.   Config: struct fs_conf, struct fs_dir.   Spec: Apache manual, mod_dav_fs. */
#include "dav.h"

struct fs_conf {
    pn_str path; /* DavLockDB */
    pn_str type; /* DavLockDBType */
};
struct fs_dir {
    bool discovery; /* DavLockDiscovery */
};

static const struct pn_directive directives[] = {
    { .name = "DavLockDB", .args = PN_TAKE1, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER,
      .slot = PN_SLOT_AS(PN_SLOT_PATH, struct fs_conf, path), .help = "the database of locks; without one nothing can be locked" },
    { .name = "DavLockDBType", .args = PN_TAKE1, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .dflt = "default",
      .slot = PN_SLOT(struct fs_conf, type), .help = "its type: default, SDBM, GDBM, DB" },
    { .name = "DavLockDiscovery", .args = PN_FLAG, .where = PN_CTX_SERVER | PN_CTX_SECTIONS, .dflt = "On",
      .slot = PN_SLOT(struct fs_dir, discovery), .help = "whether clients are told of the locks of others" },
    { 0 }
};

struct pn_module pn_module_dav_fs;

static void lock_place(const struct pn_request *r, struct dav_lock_place *ret)
{
    const struct fs_conf *conf = pn_server_conf(r->server, &pn_module_dav_fs);
    const struct fs_dir  *dir = pn_dir_conf(r, &pn_module_dav_fs);

    *ret = (struct dav_lock_place){ .path = conf->path, .type = conf->type, .discovery = dir->discovery };
    if (conf->path.n)
        return;
    /* COMPAT: in Apache the generic module serves other repositories only; here it serves where DavLockDB is not set */
    const struct dav_provider *generic = pn_provider(r->server->generation, DAV_LOCK_GROUP, PN_STR("generic"));
    if (generic)
        generic->lock_place(r, ret);
    ret->discovery = dir->discovery;
}

static const struct dav_provider provider = { .lock_place = lock_place };

static void hooks(struct pn_hooks *h)
{
    pn_provide(h, DAV_GROUP, "filesystem", &provider);
}

struct pn_module pn_module_dav_fs = {
    .api = PN_MODULE_API,
    .name = "mod_dav_fs.c",
    .apache_id = "dav_fs_module",
    .directives = directives,
    .server_conf_size = sizeof(struct fs_conf),
    .dir_conf_size = sizeof(struct fs_dir),
    .hooks = hooks,
};
