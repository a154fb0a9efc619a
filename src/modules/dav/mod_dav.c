/* mod_dav - WebDAV: files are written, moved, described and locked by their URLs (RFC 4918, class 2).
 * Runs: fixups, handler.   Yields: always.   Config: struct dav_conf.   Spec: RFC 4918; Apache manual, mod_dav.
 *
 * Methods are in files of their own: dav_propfind.c, dav_put.c and so on. Where locks are kept is said by the provider that Dav
 * names (mod_dav_fs). */
#define PN_LOG_MODULE &pn_module_dav
#include "dav.h"

#include <pinion/log.h>

#include "dav_locks.h"

#define HANDLER "dav-handler"

static const char *set_dav(struct pn_conf_cmd *cmd, void *settings, unsigned argc, const pn_str *argv)
{
    struct dav_conf *conf = settings;
    bool             on;

    (void)argc;
    if (pn_conf_flag(argv[0], &on) == PN_OK)
        conf->provider = on ? PN_STR("filesystem") : PN_STR("");
    else
        conf->provider = pn_str_dup(cmd->pool, argv[0]);
    if (conf->provider.n && !pn_provider(cmd->generation, DAV_GROUP, conf->provider)) {
        cmd->cure = "LoadModule dav_fs_module gives the provider \"filesystem\"";
        return pn_conf_error_text(cmd, "no active module offers the WebDAV provider '%.*s'", PN_FMT(conf->provider));
    }
    conf->provider_set = true;
    return NULL;
}

/* Only a provider of another kind than files would need to know where its repository begins. */
static const char *set_base_path(struct pn_conf_cmd *cmd, void *settings, unsigned argc, const pn_str *argv)
{
    (void)settings, (void)argc;
    if (argv[0].n == 0 || argv[0].p[0] != '/')
        return "DavBasePath takes a URL path";
    pn_conf_warn(cmd, "DavBasePath has no effect on the provider \"filesystem\", which finds files as other requests do");
    return NULL;
}

static const struct pn_directive directives[] = {
    { .name = "Dav", .args = PN_TAKE1, .where = PN_CTX_SECTIONS, .set = set_dav,
      .help = "On, Off or a provider's name: whether files here may be worked on by WebDAV" },
    { .name = "DavBasePath", .args = PN_TAKE1, .where = PN_CTX_SECTIONS, .set = set_base_path,
      .help = "where a provider's repository begins; files have no use for it" },
    { .name = "DavDepthInfinity", .args = PN_FLAG, .where = PN_CTX_SERVER | PN_CTX_SECTIONS, .dflt = "Off",
      .slot = PN_SLOT(struct dav_conf, depth_infinity), .help = "whether a PROPFIND may list a whole tree" },
    { .name = "DavMinTimeout", .args = PN_TAKE1, .where = PN_CTX_SERVER | PN_CTX_SECTIONS, .dflt = "0", .unit = "s", .min = 0,
      .max = INT32_MAX, .slot = PN_SLOT(struct dav_conf, min_timeout_s), .help = "the least time that a lock is held for" },
    { 0 }
};

struct pn_module pn_module_dav;

static void dav_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct dav_conf *inner = add;
    struct dav_conf       *merged = out;

    (void)pool, (void)base;
    if (inner->provider_set) {
        merged->provider = inner->provider;
        merged->provider_set = true;
    }
}

/* ---- OPTIONS ---- */

static pn_str allowed(const struct dav_resource *what, bool locks, bool locked)
{
    if (!what->exists && locked)
        return PN_STR("OPTIONS,MKCOL,PROPFIND,PUT,LOCK,UNLOCK");
    if (!what->exists)
        return locks ? PN_STR("OPTIONS,MKCOL,PUT,LOCK") : PN_STR("OPTIONS,MKCOL,PUT");
    if (what->collection)
        return locks ? PN_STR("OPTIONS,GET,HEAD,POST,DELETE,TRACE,PROPFIND,PROPPATCH,COPY,MOVE,LOCK,UNLOCK")
                     : PN_STR("OPTIONS,GET,HEAD,POST,DELETE,TRACE,PROPFIND,PROPPATCH,COPY,MOVE");
    return locks ? PN_STR("OPTIONS,GET,HEAD,POST,DELETE,TRACE,PROPFIND,PROPPATCH,COPY,MOVE,PUT,LOCK,UNLOCK")
                 : PN_STR("OPTIONS,GET,HEAD,POST,DELETE,TRACE,PROPFIND,PROPPATCH,COPY,MOVE,PUT");
}

enum pn_verdict dav_options(struct pn_request *r)
{
    struct dav_lock_place   place = { 0 };
    struct dav_resource     what;
    const struct dav_locks *locks;
    int                     status = dav_resource_of(r, &what);
    apr_pool_t             *pool;

    if (status || pn_discard_request_body(r) != PN_OK)
        return pn_reject_quietly(r, status ? status : 400);
    pool = dav_pool(r);
    status = dav_locks_read(r, pool, &locks);
    if (status)
        return pn_reject_quietly(r, status);
    dav_provider_of(r)->lock_place(r, &place);
    pn_headers_add_name(&r->out, PN_STR("DAV"), place.path.n ? PN_STR("1,2") : PN_STR("1"));
    pn_headers_add_name(&r->out, PN_STR("DAV"), PN_STR("<http://apache.org/dav/propset/fs/1>"));
    pn_headers_add_name(&r->out, PN_STR("MS-Author-Via"), PN_STR("DAV"));
    pn_headers_set(&r->out, PN_HDR_ALLOW, allowed(&what, place.path.n != 0, dav_locks_on(locks, what.file) != NULL));
    dav_pool_end(r, pool);
    r->body = pn_body_empty(r);
    return PN_HANDLED;
}

/* ---- hooks ---- */

static bool is_on(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct dav_conf *conf = dir_conf;

    (void)server, (void)server_conf;
    return !conf || conf->provider.n;
}

static bool is_private(pn_str path)
{
    pn_str rest = path;

    while (rest.n)
        if (dav_is_hidden(pn_str_cut(rest, '/', &rest)))
            return true;
    return false;
}

static bool leaves_to_others(const struct pn_request *r)
{
    switch (r->method_id) {
    case PN_METHOD_GET: case PN_METHOD_HEAD: case PN_METHOD_POST: return true;
    default: return false;
    }
}

/* What clients write is not to be run by them as a script in passing: methods of WebDAV have this handler whatever the file is. */
static enum pn_verdict dav_fixup(struct pn_request *r)
{
    if (is_private(r->path))
        return pn_reject_quietly(r, 404);
    if (r->assbackwards || leaves_to_others(r))
        return PN_NEXT;
    r->handler = PN_STR(HANDLER);
    return PN_NEXT;
}

PN_MAY_YIELD static enum pn_verdict dav_handler(struct pn_request *r)
{
    if (!pn_str_eq(r->handler, PN_STR(HANDLER)) || !dav_provider_of(r))
        return PN_NEXT;
    switch (r->method_id) {
    case PN_METHOD_OPTIONS: return dav_options(r);
    case PN_METHOD_PROPFIND: return dav_propfind(r);
    case PN_METHOD_PROPPATCH: return dav_proppatch(r);
    case PN_METHOD_PUT: return dav_put(r);
    case PN_METHOD_DELETE: return dav_delete(r);
    case PN_METHOD_MKCOL: return dav_mkcol(r);
    case PN_METHOD_COPY: case PN_METHOD_MOVE: return dav_copy_move(r);
    case PN_METHOD_LOCK: return dav_lock(r);
    case PN_METHOD_UNLOCK: return dav_unlock(r);
    default: return PN_NEXT;
    }
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_fixup(h, dav_fixup, { .when = is_on, .by_name = true });
    pn_hook_handler(h, dav_handler, { .when = is_on });
}

struct pn_module pn_module_dav = {
    .api = PN_MODULE_API,
    .name = "mod_dav.c",
    .apache_id = "dav_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct dav_conf),
    .dir_conf_merge = dav_merge,
    .hooks = hooks,
};
