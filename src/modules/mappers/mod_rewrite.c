/* mod_rewrite - URLs rewritten by rules: RewriteEngine, RewriteRule, RewriteCond, RewriteMap, RewriteBase, RewriteOptions.
 * Runs: translate_name before all others, fixups, handler.   Yields: maps, subrequests, expressions.
 * Config: struct rewrite_conf.   Spec: Apache manual, mod_rewrite.
 *
 * In a server, rules see the URL path, and what they make of it is a URL path again, or a file path if the configuration
 * itself says so (place_of). In a directory they run behind the walk, see what is left of the file name below it, and a new
 * name starts the request anew by an internal redirect. */
#include <sys/stat.h>

#include "mod_rewrite.h"

struct pn_module pn_module_rewrite;

/* ---- what becomes of a result ---- */

static enum pn_verdict send_elsewhere(struct rewrite_run *run)
{
    struct pn_request *r = run->r;
    pn_str             location = pn__rewrite_location(run);

    if (!location.p) /* RFC 9110 s5.5; a split answer is what such a URL is sent for */
        return pn_reject(r, 400, PN_LOG_MODULE, 20707, "a redirection to a URL with control characters was refused (RewriteRule '%.*s')",
                         PN_FMT(run->last->pattern));
    pn_headers_set(&r->out, PN_HDR_LOCATION, pn_str_dup(r->pool, location));
    REWRITE_TRACE(run, 1, "redirection to %.*s", PN_FMT(location));
    return pn_reject_quietly(r, run->status >= 300 && run->status <= 399 ? run->status : 302);
}

/* [P]: handed to the proxy under the name it looks for. */
static enum pn_verdict send_to_proxy(struct rewrite_run *run, enum pn_verdict done)
{
    struct pn_request *r = run->r;

    if (!pn_find_module(r->server->generation, PN_STR("mod_proxy.c")))
        return pn_reject(r, 403, PN_LOG_MODULE, 669, "attempt to make remote request from mod_rewrite without proxy enabled: %s",
                         pn_str_escape(r->pool, run->name).p);
    r->filename = PN_CAT(r->pool, PN_STR("proxy:"), run->name);
    r->handler = PN_STR("proxy-server");
    r->path_info = PN_STR("");
    REWRITE_TRACE(run, 1, "to the proxy: %s", run->name.p);
    return done;
}

static void mark_end(struct rewrite_run *run)
{
    if (run->end)
        *pn_ctx(run->r, &pn_module_rewrite) = run->r;
}

/* Has [END] ended the rewriting of this request, or of one that was redirected to it? */
static bool is_ended(const struct pn_request *r)
{
    for (; r; r = r->prev)
        if (r->ctx && r->ctx[pn_module_rewrite.index])
            return true;
    return false;
}

/* ---- server context ---- */

/* SCRIPT_URL and SCRIPT_URI: the URL before any rewriting. */
static void tell_script_url(struct pn_request *r)
{
    const struct pn_request *from = r->main ? r->main : r->prev;
    const char              *url = from ? pn_env_get(from, "SCRIPT_URL") : NULL;
    pn_str                   path = url ? pn_str_z(url) : r->path;

    apr_table_setn(pn_env(r), "SCRIPT_URL", path.p);
    apr_table_setn(pn_env(r), "SCRIPT_URI", pn_self_url(r, path).p);
}

static bool exists(apr_pool_t *pool, pn_str path)
{
    struct stat info;

    return stat(pn_str_zdup(pool, path), &info) == 0;
}

static bool is_below(pn_str path, pn_str dir)
{
    return pn_str_starts(path, dir) && (path.n == dir.n || path.p[dir.n] == '/' || dir.n == 1);
}

static pn_str first_component(pn_str path)
{
    size_t slash = pn_str_chr(path, '/', 1);

    return pn_str_head(path, slash == SIZE_MAX ? path.n : slash);
}

/* Is the name a path on disk? Only if the configuration's own text names the first directory and that exists, if the name lies
 * in the document root, or if the rule says that it may ([UnsafePrefixStat]). Never because of what a request holds. */
static bool is_file_path(struct rewrite_run *run)
{
    const struct rewrite_rule *rule = run->last;
    const struct rewrite_conf *conf = pn__rewrite_server_conf(run->r->server);

    if (run->reduced && !(conf->server.options & OPT_LEGACY_PREFIX))
        return false;
    if (is_below(run->name, pn_document_root(run->r, false)))
        return true;
    if (rule->root.n && pn_str_eq(first_component(run->name), rule->root))
        return exists(run->r->pool, rule->root);
    if (rule->from_root && is_below(run->name, pn_document_root(run->r, true)))
        return true;
    return (rule->flags & RULE_UNSAFE_PREFIX) && exists(run->r->pool, first_component(run->name));
}

/* A local name: a file path, or a URL path below the document root. ".." never climbs out of what is fixed. */
static enum pn_verdict go_local(struct rewrite_run *run)
{
    struct pn_request *r = run->r;
    pn_str             root = pn_document_root(r, false), path;
    bool               on_disk = is_file_path(run);

    if (pn_uri_remove_dots(r->pool, run->name, &path) != PN_OK)
        return pn_reject(r, 403, PN_LOG_MODULE, 20708, "%s leads out of the tree (RewriteRule '%.*s')",
                         pn_str_escape(r->pool, run->name).p, PN_FMT(run->last->pattern));
    if (on_disk && run->last->fixed.n && pn_str_find(run->name, PN_STR("/..")) != SIZE_MAX && !pn_str_starts(path, run->last->fixed))
        return pn_reject(r, 403, PN_LOG_MODULE, 20708, "%s leads out of %s (RewriteRule '%.*s')",
                         pn_str_escape(r->pool, run->name).p, run->last->fixed.p, PN_FMT(run->last->pattern));
    r->filename = on_disk ? pn_str_dup(r->pool, path) : PN_CAT(r->pool, root.n == 1 ? PN_STR("") : root, path);
    REWRITE_TRACE(run, 1, "goes on as %s", r->filename.p);
    return PN_HANDLED;
}

/* [PT]: a URL path for the translators behind us. */
static enum pn_verdict pass_through(struct rewrite_run *run)
{
    struct pn_request *r = run->r;
    pn_str             path;

    if (pn_uri_remove_dots(r->pool, run->name, &path) != PN_OK)
        return pn_reject_quietly(r, 400);
    r->path = pn_str_dup(r->pool, path);
    r->raw_path = pn_uri_encode_path(r->pool, path);
    REWRITE_TRACE(run, 1, "handed on as %s", r->path.p);
    return PN_NEXT;
}

PN_MAY_YIELD static enum pn_verdict rewrite_translate(struct pn_request *r)
{
    const struct rewrite_conf *conf = pn__rewrite_server_conf(r->server);
    struct rewrite_run         run = { .r = r, .name = r->path, .query = r->query };

    if ((r->path.n == 0 || r->path.p[0] != '/') && (!(conf->server.options & OPT_ALLOW_ANY_URI) || pn_str_eq(r->target, PN_STR("*"))))
        return PN_NEXT;
    tell_script_url(r);
    if (conf->server.set.n == 0)
        return PN_NEXT;
    enum rewrite_result result = pn__rewrite_run(&run, &conf->server.set);
    mark_end(&run);
    r->query = run.query;
    if (result == REWRITE_FAILED || result == REWRITE_STATUS)
        return pn_reject_quietly(r, run.status);
    if (result == REWRITE_SAME) {
        REWRITE_TRACE(&run, 1, "%s stays", r->path.p);
        return PN_NEXT;
    }
    if (run.proxy)
        return send_to_proxy(&run, PN_HANDLED);
    if (pn__rewrite_scheme(run.name, NULL))
        return send_elsewhere(&run);
    return run.pass ? pass_through(&run) : go_local(&run);
}

static bool server_matters(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct rewrite_conf *conf = dir_conf;

    (void)server_conf;
    return !conf || (conf->owner == server && conf->server.on);
}

/* ---- directory context ---- */

/* A request for the directory itself without its slash: mod_dir sends the client to the name with one. */
static bool is_before_the_slash(const struct pn_request *r, const struct rewrite_conf *conf)
{
    return r->filename.n + 1 == conf->dir.n && pn_str_starts(conf->dir, r->filename);
}

/* The URL path of a file path: by RewriteBase, by what an alias says, or below the document root. */
static pn_str url_path_of(struct rewrite_run *run)
{
    struct pn_request         *r = run->r;
    const struct rewrite_conf *conf = run->dir;
    pn_str                     root = pn_document_root(r, false), context = r->context_document_root;

    if (conf->base.p)
        return pn__rewrite_prefix(r->pool, run->name, conf->dir, conf->base);
    if (!(conf->place.options & OPT_IGNORE_CONTEXT) && context.n && is_below(run->name, context)) {
        pn_str below = pn_str_from(run->name, context.n);
        bool   two = r->context_prefix.n && r->context_prefix.p[r->context_prefix.n - 1] == '/' && below.n && below.p[0] == '/';
        return PN_CAT(r->pool, r->context_prefix, pn_str_from(below, two));
    }
    if (root.n > 1 && is_below(run->name, root))
        return run->name.n == root.n ? PN_STR("/") : pn_str_from(run->name, root.n);
    return run->name;
}

/* The name is decoded text and is encoded again; what [B] has encoded already stays. */
static pn_str encode(struct rewrite_run *run, pn_str path)
{
    struct pn_buf out;
    pn_str        bytes = PN_STR("");

    if (!run->encoded)
        return pn_uri_encode_path(run->r->pool, path);
    pn_buf_init(&out, run->r->pool, SIZE_MAX / 2);
    while (path.p) {
        pn_buf_str(&out, pn_uri_encode_path(run->r->pool, pn_str_cut(path, '%', &path)));
        if (path.p)
            pn_buf_ch(&out, '%');
    }
    pn_assert(pn_buf_done(&out, &bytes) == PN_OK);
    return bytes;
}

/* The request starts anew under another URL, by the handler: hooks in between still see this place. */
static enum pn_verdict start_anew(struct rewrite_run *run)
{
    struct pn_request *r = run->r;
    pn_str             url = encode(run, url_path_of(run));

    if (run->query.p)
        url = PN_CAT(r->pool, url, PN_STR("?"), run->query);
    apr_table_setn(pn_notes(r), "rewrite-redirect", pn_str_zdup(r->pool, url));
    r->handler = PN_STR("redirect-handler");
    REWRITE_TRACE(run, 1, "starts anew as %.*s", PN_FMT(url));
    return PN_NEXT;
}

/* A URL whose path lies in the directory gets the directory's URL path, if RewriteBase gives one. */
static void base_in_url(struct rewrite_run *run)
{
    const struct rewrite_conf *conf = run->dir;
    size_t                     slash = pn_str_chr(run->name, '/', pn__rewrite_scheme(run->name, NULL));
    pn_str                     path;

    if (!conf->base.p || slash == SIZE_MAX)
        return;
    path = pn__rewrite_prefix(run->r->pool, pn_str_from(run->name, slash), conf->dir, conf->base);
    run->name = PN_CAT(run->r->pool, pn_str_head(run->name, slash), path);
}

PN_MAY_YIELD static enum pn_verdict finish_directory(struct rewrite_run *run, enum rewrite_result result)
{
    struct pn_request *r = run->r;

    r->query = run->query;
    if (result == REWRITE_FAILED || result == REWRITE_STATUS)
        return pn_reject_quietly(r, run->status);
    if (result == REWRITE_SAME) {
        REWRITE_TRACE(run, 1, "%s stays", r->filename.p);
        return PN_NEXT;
    }
    if (run->proxy)
        return send_to_proxy(run, PN_NEXT);
    if (pn__rewrite_scheme(run->name, NULL)) {
        base_in_url(run);
        return send_elsewhere(run);
    }
    if (pn_str_eq(run->name, r->filename)) { /* what it would start anew as is what it is */
        REWRITE_TRACE(run, 1, "%s is what it was", r->filename.p);
        return PN_NEXT;
    }
    return start_anew(run);
}

PN_MAY_YIELD static enum pn_verdict rewrite_fixup(struct pn_request *r)
{
    const struct rewrite_conf *conf = pn_dir_conf(r, &pn_module_rewrite);
    struct rewrite_run         run = { .r = r, .dir = conf, .name = r->filename, .query = r->query, .path_info = r->path_info };

    if (r->filename.n == 0 || pn_str_starts(r->filename, PN_STR("proxy:")))
        return PN_NEXT;
    if (!(conf->place.options & OPT_ALLOW_NO_SLASH) && is_before_the_slash(r, conf))
        return PN_NEXT;
    if (is_ended(r))
        return PN_NEXT;
    if (!(pn_options(r) & (PN_OPTION_SYM_LINKS | PN_OPTION_SYM_OWNER)))
        return pn_reject(r, 403, PN_LOG_MODULE, 670, "Options FollowSymLinks and SymLinksIfOwnerMatch are both off, so the RewriteRule "
                         "directive is also forbidden due to its similar ability to circumvent directory restrictions : %s",
                         pn_str_escape(r->pool, r->filename).p);
    if (conf->place.set.n == 0)
        return PN_NEXT;
    enum rewrite_result result = pn__rewrite_run(&run, &conf->place.set);
    mark_end(&run);
    return finish_directory(&run, result);
}

static bool dir_matters(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct rewrite_conf *conf = dir_conf;

    (void)server, (void)server_conf;
    return !conf || (conf->dir.n && conf->place.on);
}

/* [T] and [H], behind everything that sets types by name. */
static enum pn_verdict rewrite_types(struct pn_request *r)
{
    const char *type = r->notes ? pn_note_get(r, "rewrite-type") : NULL;
    const char *handler = r->notes ? pn_note_get(r, "rewrite-handler") : NULL;

    if (type)
        pn_set_content_type(r, pn_str_z(type));
    if (handler)
        r->handler = pn_str_z(handler);
    return PN_NEXT;
}

static bool types_matter(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct rewrite_conf *conf = dir_conf;

    return !conf || (server_matters(server, server_conf, conf) && conf->server.set.has_types) ||
           (dir_matters(server, server_conf, conf) && conf->place.set.has_types);
}

PN_MAY_YIELD static enum pn_verdict rewrite_handler(struct pn_request *r)
{
    const char *url;

    if (PN_LIKELY(!pn_str_eq(r->handler, PN_STR("redirect-handler"))))
        return PN_NEXT;
    url = r->notes ? pn_note_get(r, "rewrite-redirect") : NULL;
    if (!url)
        return PN_NEXT;
    apr_table_unset(r->notes, "rewrite-redirect");
    return pn_redirect_internal(r, pn_str_z(url));
}

/* ---- life ---- */

static void each_map(struct pn_generation *generation, bool start)
{
    for (struct pn_server *s = generation->servers; s; s = s->next) {
        const struct rewrite_conf *conf = pn__rewrite_server_conf(s);
        if (!conf->maps || (start && !conf->server.on))
            continue;
        for (apr_hash_index_t *i = apr_hash_first(NULL, conf->maps); i; i = apr_hash_next(i)) {
            struct rewrite_map *map = apr_hash_this_val(i);
            if (start && map->ops->child_init)
                map->ops->child_init(map);
            else if (!start && map->ops->child_exit)
                map->ops->child_exit(map);
        }
    }
}

static void child_init(struct pn_generation *generation, apr_pool_t *pool)
{
    (void)pool;
    each_map(generation, true);
}

static void child_exit(struct pn_generation *generation)
{
    each_map(generation, false);
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_translate_name(h, rewrite_translate, { .before = "mod_alias.c,mod_userdir.c,mod_vhost_alias.c",
                                                   .pos = PN_ORDER_FIRST, .when = server_matters });
    pn_hook_fixup(h, rewrite_fixup, { .after = "mod_proxy.c", .pos = PN_ORDER_FIRST, .when = dir_matters });
    pn_hook_fixup(h, rewrite_types, { .pos = PN_ORDER_LAST, .when = types_matter });
    pn_hook_handler(h, rewrite_handler, { .pos = PN_ORDER_FIRST });
    pn_hook_child_init(h, child_init, (struct pn_order){ 0 });
    pn_hook_child_exit(h, child_exit, (struct pn_order){ 0 });
}

struct pn_module pn_module_rewrite = {
    .api = PN_MODULE_API,
    .name = "mod_rewrite.c",
    .apache_id = "rewrite_module",
    .directives = pn__rewrite_directives,
    .dir_conf_size = sizeof(struct rewrite_conf),
    .dir_conf_merge = pn__rewrite_dir_merge,
    .hooks = hooks,
};
