/* mod_dav_lock - a database of locks for repositories that have none of their own; here, for files where DavLockDB is not set.
 * Runs: never; asked by mod_dav_fs.   Config: struct lock_conf.   Spec: Apache manual, mod_dav_lock. */
#include "dav.h"

struct lock_conf {
    pn_str path; /* DavGenericLockDB */
    pn_str type; /* DavGenericLockDBType */
};

static const struct pn_directive directives[] = {
    { .name = "DavGenericLockDB", .args = PN_TAKE1, .where = PN_CTX_SERVER | PN_CTX_SECTIONS,
      .slot = PN_SLOT_AS(PN_SLOT_PATH, struct lock_conf, path), .help = "the database of locks where DavLockDB is not set" },
    { .name = "DavGenericLockDBType", .args = PN_TAKE1, .where = PN_CTX_SERVER | PN_CTX_SECTIONS, .dflt = "default",
      .slot = PN_SLOT(struct lock_conf, type), .help = "its type: default, SDBM, GDBM, DB" },
    { 0 }
};

struct pn_module pn_module_dav_lock;

static void lock_place(const struct pn_request *r, struct dav_lock_place *ret)
{
    const struct lock_conf *conf = pn_dir_conf(r, &pn_module_dav_lock);

    *ret = (struct dav_lock_place){ .path = conf->path, .type = conf->type };
}

static const struct dav_provider provider = { .lock_place = lock_place };

static void hooks(struct pn_hooks *h)
{
    pn_provide(h, DAV_LOCK_GROUP, "generic", &provider);
}

struct pn_module pn_module_dav_lock = {
    .api = PN_MODULE_API,
    .name = "mod_dav_lock.c",
    .apache_id = "dav_lock_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct lock_conf),
    .hooks = hooks,
};
