/* mod_dir - what answers a request for a directory: an index file, a redirection to the name with a slash, a fallback.
 * Runs: fixups.   Yields: looking up index files.   Config: struct dir_conf.   Spec: Apache manual, mod_dir. */
#define PN_LOG_MODULE &pn_module_dir
#include <pinion/log.h>
#include <pinion/request.h>
#include <pinion/uri.h>

struct dir_conf {
    apr_array_header_t *names;          /* DirectoryIndex: of pn_str, in order */
    bool                disabled;       /* DirectoryIndex disabled */
    bool                names_set;
    bool                slash;          /* DirectorySlash */
    bool                slash_not_found;/* DirectorySlash NotFound */
    bool                slash_set;
    bool                check_handler;  /* DirectoryCheckHandler */
    int                 redirect_status;/* DirectoryIndexRedirect; 0: off */
    bool                redirect_set;
    pn_str              fallback;       /* FallbackResource; empty: none */
    bool                fallback_set;
};

struct pn_module pn_module_dir;

static const char *set_index(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct dir_conf *dir = conf;

    if (argc == 1 && pn_str_ieq(argv[0], PN_STR("disabled"))) {
        dir->names = NULL;
        dir->disabled = dir->names_set = true;
        return NULL;
    }
    if (!dir->names)
        dir->names = apr_array_make(cmd->pool, 4, sizeof(pn_str));
    for (unsigned i = 0; i < argc; i++)
        *(pn_str *)apr_array_push(dir->names) = pn_str_dup(cmd->pool, argv[i]);
    dir->disabled = false;
    dir->names_set = true;
    return NULL;
}

static const char *set_slash(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct dir_conf *dir = conf;

    (void)argc;
    dir->slash_not_found = pn_str_ieq(argv[0], PN_STR("NotFound"));
    if (dir->slash_not_found)
        dir->slash = false;
    else if (pn_conf_flag(argv[0], &dir->slash) != PN_OK)
        return pn_conf_error_text(cmd, "DirectorySlash must be On, Off or NotFound, not '%.*s'", PN_FMT(argv[0]));
    dir->slash_set = true;
    return NULL;
}

static const char *set_redirect(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct dir_conf *dir = conf;
    uint64_t         status;
    bool             on;

    (void)argc;
    if (pn_conf_flag(argv[0], &on) == PN_OK)
        dir->redirect_status = on ? 302 : 0;
    else if (pn_str_ieq(argv[0], PN_STR("permanent")))
        dir->redirect_status = 301;
    else if (pn_str_ieq(argv[0], PN_STR("temp")))
        dir->redirect_status = 302;
    else if (pn_str_ieq(argv[0], PN_STR("seeother")))
        dir->redirect_status = 303;
    else if (pn_str_to_u64(argv[0], 399, &status) == PN_OK && status >= 300)
        dir->redirect_status = (int)status;
    else
        return pn_conf_error_text(cmd, "DirectoryIndexRedirect takes On, Off, permanent, temp, seeother or a status from 300 "
                                  "to 399, not '%.*s'", PN_FMT(argv[0]));
    dir->redirect_set = true;
    return NULL;
}

static const char *set_fallback(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct dir_conf *dir = conf;

    (void)argc;
    dir->fallback = pn_str_ieq(argv[0], PN_STR("disabled")) ? PN_STR("") : pn_str_dup(cmd->pool, argv[0]);
    dir->fallback_set = true;
    return NULL;
}

#define ROW(directive, arity, fn, text)                                                            \
    { .name = directive, .args = arity, .where = PN_CTX_ANY, .override = PN_OVR_INDEXES, .set = fn, .help = text }

static const struct pn_directive directives[] = {
    ROW("DirectoryIndex", PN_LIST, set_index, "names of files that answer for a directory, in order; disabled: none"),
    ROW("DirectorySlash", PN_TAKE1, set_slash, "On, Off or NotFound: whether a directory's URL without a slash is redirected"),
    ROW("DirectoryIndexRedirect", PN_TAKE1, set_redirect, "whether clients are sent to the index file by a redirection"),
    ROW("FallbackResource", PN_TAKE1, set_fallback, "the URL path that answers for what does not exist; disabled: none"),
    { .name = "DirectoryCheckHandler", .args = PN_FLAG, .where = PN_CTX_ANY, .override = PN_OVR_INDEXES,
      .slot = PN_SLOT(struct dir_conf, check_handler), .dflt = "Off",
      .help = "whether a directory that has a handler already is left alone" },
    { 0 }
};

static void dir_init(apr_pool_t *pool, void *conf)
{
    (void)pool;
    ((struct dir_conf *)conf)->slash = true;
}

static void dir_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct dir_conf *inner = add;
    struct dir_conf       *merged = out;

    (void)pool, (void)base;
    if (inner->names_set) {
        merged->names = inner->names;
        merged->disabled = inner->disabled;
        merged->names_set = true;
    }
    if (inner->slash_set) {
        merged->slash = inner->slash;
        merged->slash_not_found = inner->slash_not_found;
        merged->slash_set = true;
    }
    if (inner->redirect_set) {
        merged->redirect_status = inner->redirect_status;
        merged->redirect_set = true;
    }
    if (inner->fallback_set) {
        merged->fallback = inner->fallback;
        merged->fallback_set = true;
    }
}

static pn_str with_query(struct pn_request *r, pn_str path)
{
    return r->query.p ? PN_CAT(r->pool, path, PN_STR("?"), r->query) : path;
}

/* "/dir" becomes "/dir/": relative links of the index would miss otherwise. */
static enum pn_verdict fix_slash(struct pn_request *r, const struct dir_conf *conf)
{
    if (conf->slash_not_found)
        return pn_reject_quietly(r, 404);
    if (!conf->slash)
        return PN_NEXT;
    pn_str path = PN_CAT(r->pool, pn_uri_encode_path(r->pool, r->path), PN_STR("/"));
    return pn_redirect_external(r, 301, with_query(r, path));
}

PN_MAY_YIELD static enum pn_verdict use_fallback(struct pn_request *r, const struct dir_conf *conf)
{
    if (pn_str_eq(r->path, conf->fallback)) /* it does not exist itself */
        return PN_NEXT;
    struct pn_request *sub = pn_sub_lookup(r, with_query(r, conf->fallback), r->method);
    if (sub->status != 200)
        return PN_NEXT;
    if (!sub->handler.n && sub->finfo.type == PN_FILE_NONE)
        return PN_NEXT;
    return pn_take_over(r, sub);
}

static enum pn_verdict send_there(struct pn_request *r, const struct dir_conf *conf, pn_str name)
{
    bool   absolute = name.n && (name.p[0] == '/' || pn_str_find(name, PN_STR("://")) != SIZE_MAX);
    pn_str target = absolute ? name : PN_CAT(r->pool, pn_uri_encode_path(r->pool, r->path), pn_uri_encode_path(r->pool, name));

    return pn_redirect_external(r, conf->redirect_status, target);
}

/* mod_rewrite will run it again under another URL. */
static bool starts_anew(const struct pn_request *r)
{
    return pn_str_eq(r->handler, PN_STR("redirect-handler"));
}

/* What was found out about a negotiated index belongs to the answer that says that none suits. */
static void carry_fields(struct pn_request *r, const struct pn_request *sub)
{
    for (const struct pn_header *f = pn_headers_begin(&sub->err_out); f < pn_headers_end(&sub->err_out); f++)
        pn_headers_set_name(&r->err_out, f->name, f->value);
}

/* @return true when the look-up settles what answers; *ret_verdict then says how.
 * @param ret_failed the first one that is there and can't be had. */
static bool settle(struct pn_request *r, const struct dir_conf *conf, struct pn_request *sub, pn_str name,
                   struct pn_request **ret_failed, enum pn_verdict *ret_verdict)
{
    bool exists = sub->finfo.type == PN_FILE_REGULAR || (sub->finfo.type == PN_FILE_NONE && sub->handler.n && !starts_anew(sub));

    if (sub->status == 200 && exists) {
        *ret_verdict = conf->redirect_status ? send_there(r, conf, name) : pn_take_over(r, sub);
        return true;
    }
    if (sub->status >= 300 && sub->status < 400) { /* the index itself is elsewhere */
        pn_str location = pn_headers_get(&sub->out, PN_HDR_LOCATION);
        if (location.p)
            pn_headers_set(&r->out, PN_HDR_LOCATION, location);
        carry_fields(r, sub);
        *ret_verdict = pn_reject_quietly(r, sub->status);
        return true;
    }
    if (sub->status != 200 && sub->status != 404 && !*ret_failed)
        *ret_failed = sub;
    return false;
}

static void note_names(struct pn_request *r, const pn_str *names, int count)
{
    struct pn_buf list;
    pn_str        text;

    pn_buf_init(&list, r->pool, 8192);
    for (int i = 0; i < count; i++) {
        if (i)
            pn_buf_ch(&list, ',');
        pn_buf_str(&list, names[i]);
    }
    if (count && pn_buf_done(&list, &text) == PN_OK)
        apr_table_setn(pn_notes(r), "dir-index-names", text.p);
}

PN_MAY_YIELD static enum pn_verdict find_index(struct pn_request *r, const struct dir_conf *conf)
{
    static const pn_str usual = PN_STR_INIT("index.html");
    const pn_str       *names = conf->names ? (const pn_str *)conf->names->elts : &usual;
    int                 count = conf->disabled ? 0 : conf->names ? conf->names->nelts : 1;
    struct pn_request  *failed = NULL;
    enum pn_verdict     verdict;

    for (int i = 0; i < count; i++) {
        pn_str url = pn_str_chr(names[i], '?', 0) != SIZE_MAX ? names[i] : pn_uri_encode_path(r->pool, names[i]);
        if (r->query.n && pn_str_chr(url, '?', 0) == SIZE_MAX)
            url = with_query(r, url);
        struct pn_request *sub = pn_sub_lookup(r, url, r->method);
        if (settle(r, conf, sub, names[i], &failed, &verdict))
            return verdict;
    }
    if (failed) {
        carry_fields(r, failed);
        return pn_reject_quietly(r, failed->status);
    }
    note_names(r, names, count); /* for the one that says why there is no listing either */
    return conf->fallback.n ? use_fallback(r, conf) : PN_NEXT;
}

PN_MAY_YIELD static enum pn_verdict dir_fixup(struct pn_request *r)
{
    const struct dir_conf *conf = pn_dir_conf(r, &pn_module_dir);

    if (PN_LIKELY(r->finfo.type == PN_FILE_REGULAR))
        return PN_NEXT;
    if (r->finfo.type == PN_FILE_NONE)
        return conf->fallback.n && !r->handler.n ? use_fallback(r, conf) : PN_NEXT;
    if (r->finfo.type != PN_FILE_DIRECTORY || (conf->check_handler && r->handler.n) || starts_anew(r))
        return PN_NEXT;
    if (r->path.n == 0 || r->path.p[r->path.n - 1] != '/')
        return fix_slash(r, conf);
    if (r->method_id != PN_METHOD_GET && r->method_id != PN_METHOD_HEAD && r->method_id != PN_METHOD_POST &&
        (r->method_id != PN_METHOD_OPTIONS || r->handler.n)) /* who has a handler tells its own methods (mod_dav) */
        return PN_NEXT;
    return find_index(r, conf);
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_fixup(h, dir_fixup, { .pos = PN_ORDER_LAST, .by_name = true });
}

struct pn_module pn_module_dir = {
    .api = PN_MODULE_API,
    .name = "mod_dir.c",
    .apache_id = "dir_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct dir_conf),
    .dir_conf_init = dir_init,
    .dir_conf_merge = dir_merge,
    .hooks = hooks,
};
