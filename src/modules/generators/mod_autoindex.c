/* mod_autoindex - a listing for a directory that no index file answers for.
 * Runs: handler.   Yields: reading the directory, looking entries up.   Config: struct autoindex_conf.
 * Spec: Apache manual, mod_autoindex; IndexOptions Modern is our own. */
#include "mod_autoindex.h"

#include <errno.h>

struct pn_module pn_module_autoindex;

static bool is_for_us(const struct pn_request *r)
{
    if (r->finfo.type != PN_FILE_DIRECTORY || r->path_info.n)
        return false;
    if (r->handler.n && !pn_str_eq(r->handler, PN_STR("httpd/unix-directory")))
        return false;
    return r->method_id == PN_METHOD_GET || r->method_id == PN_METHOD_HEAD;
}

static enum pn_verdict refuse(struct pn_request *r)
{
    const char *names = pn_note_get(r, "dir-index-names");

    return pn_reject(r, 403, PN_LOG_MODULE, 1276,
                     "Cannot serve directory %s: No matching DirectoryIndex (%s) found, and server-generated directory index "
                     "forbidden by Options directive", r->filename.p, names ? names : "none");
}

/* Without Charset the old forms tell the charset that they always told. */
static void set_type(struct pn_request *r, const struct autoindex_conf *conf, const struct autoindex_view *view)
{
    pn_str charset = conf->charset;

    if (!charset.n)
        charset = view->options & INDEX_MODERN ? PN_STR("UTF-8") : PN_STR("ISO-8859-1");
    r->content_type = PN_CAT(r->pool, conf->type.n ? conf->type : PN_STR("text/html"), PN_STR(";charset="), charset);
}

/* All entries, from the directory. */
PN_MAY_YIELD static pn_rc list_anew(struct pn_request *r, const struct autoindex_conf *conf, const struct autoindex_view *view,
                                    struct autoindex_listing **ret, int *ret_error)
{
    struct autoindex_kept *keeper = pn__autoindex_kept_begin(r, view);
    pn_rc                  rc = pn__autoindex_read(r, conf, view, ret, ret_error);

    if (rc == PN_OK) {
        (*ret)->keeper = keeper;
        rc = pn__autoindex_look_up(r, conf, view, *ret);
    }
    if (rc == PN_OK)
        rc = pn__autoindex_sort(r, view, *ret);
    if (rc != PN_OK)
        pn__autoindex_kept_drop(keeper);
    else if (keeper)
        pn__autoindex_kept_end(r, keeper, *ret);
    return rc;
}

/* Entries that were kept, and those that depend on who asks. */
PN_MAY_YIELD static pn_rc list_kept(struct pn_request *r, const struct autoindex_conf *conf, const struct autoindex_view *view,
                                    const struct autoindex_kept *kept, struct autoindex_listing **ret)
{
    pn_rc rc;

    *ret = pn__autoindex_listing_new(r);
    pn__autoindex_add_parent(r, conf, *ret);
    pn__autoindex_kept_others(kept, *ret);
    rc = pn__autoindex_look_up(r, conf, view, *ret);
    if (rc == PN_OK)
        rc = pn__autoindex_sort(r, view, *ret);
    if (rc == PN_OK)
        pn__autoindex_kept_merge(kept, view, *ret);
    return rc;
}

PN_MAY_YIELD static enum pn_verdict list(struct pn_request *r, const struct autoindex_conf *conf, const struct autoindex_view *view)
{
    const struct autoindex_kept *kept = pn__autoindex_kept_find(r, view);
    struct autoindex_listing    *listing = NULL;
    int                          error = 0;
    pn_rc                        rc = kept ? list_kept(r, conf, view, kept, &listing) : list_anew(r, conf, view, &listing, &error);

    if (rc == PN_SYSTEM) {
        PN_LOG_R(r, PN_LOG_ERR, 1275, error, "Can't open directory for index: %s", r->filename.p);
        return pn_reject_quietly(r, error == ENOENT ? 404 : 403);
    }
    if (rc != PN_OK)
        return pn_reject(r, 500, PN_LOG_MODULE, 20200, "the listing of %s could not be made: %s", r->filename.p, pn_rc_name(rc));
    return pn__autoindex_answer(r, conf, view, listing);
}

struct stat_job { const char *path; struct stat stat; bool failed; };

static void stat_directory(void *arg)
{
    struct stat_job *job = arg;

    job->failed = stat(job->path, &job->stat) != 0;
}

/* TrackModified: the directory's own time and size tell of the listing. @return true: 304 or 412 is the answer. */
PN_MAY_YIELD static bool is_unchanged(struct pn_request *r)
{
    struct stat_job *job = apr_pcalloc(r->pool, sizeof(*job));

    job->path = r->filename.p;
    if (pn_run_blocking(r, stat_directory, job) != PN_OK || job->failed)
        return false;
    struct pn_finfo info = pn__autoindex_info(&job->stat);
    pn_set_validators(r, &info);
    int status = pn_check_conditions(r);
    if (!status)
        return false;
    r->status = status;
    r->body = pn_body_empty(r);
    return true;
}

PN_MAY_YIELD static enum pn_verdict autoindex_handler(struct pn_request *r)
{
    const struct autoindex_conf *conf = pn_dir_conf(r, &pn_module_autoindex);
    struct autoindex_view        view;

    if (!is_for_us(r))
        return PN_NEXT;
    if (!(pn_options(r) & PN_OPTION_INDEXES))
        return refuse(r);
    pn__autoindex_view(r, conf, &view);
    set_type(r, conf, &view);
    if ((view.options & INDEX_TRACK_MODIFIED) && is_unchanged(r))
        return PN_HANDLED;
    if (r->head_only) { /* nothing of the page is needed for its head */
        r->body = pn_body_empty(r);
        r->body->length = -1;
        return PN_HANDLED;
    }
    return list(r, conf, &view);
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_handler(h, autoindex_handler, { 0 });
}

struct pn_module pn_module_autoindex = {
    .api = PN_MODULE_API,
    .name = "mod_autoindex.c",
    .apache_id = "autoindex_module",
    .directives = pn__autoindex_directives,
    .dir_conf_size = sizeof(struct autoindex_conf),
    .dir_conf_merge = pn__autoindex_merge,
    .hooks = hooks,
};
