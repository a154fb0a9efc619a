/* directory_walk.c - a request's file name to its place: the core's map_to_storage, and what
 * handlers ask about files.
 *
 * Called by the pipeline and by handlers that change the file name. The request holds one
 * reference on its place, which owns the settings, the open file and the strings that are handed
 * on. */
#define PN_LOG_MODULE &pn_module_core
#include <pinion/log.h>

#include <errno.h>
#include <fcntl.h>

#include "conf/vec.h"
#include <limits.h>
#include "http/request_core.h"
#include "http/store.h"

static apr_status_t release_place(void *place)
{
    pn_place_unref(place);
    return APR_SUCCESS;
}

struct pn_place *pn__place_take(struct pn_request *r, struct pn_place *place)
{
    struct pn_place *old = r->core->place;

    pn_place_ref(place);
    if (old) /* header fields may hold its strings, dir_conf may be its own: the pool keeps it */
        apr_pool_cleanup_register(r->pool, old, release_place, apr_pool_cleanup_null);
    r->core->place = place;
    return place;
}

/* The request's place becomes this one, whose reference is handed over. */
static void adopt(struct pn_request *r, struct pn_place *place)
{
    pn__place_take(r, place);
    pn_place_unref(place);
    r->finfo = place->finfo;
    r->file = place->file;
}

/* The name is cut where the file ends; the rest is path info. A name that was not canonical is
   replaced. */
static void split_name(struct pn_request *r, const struct pn_place *place)
{
    pn_str name = place->filename;

    if (PN_LIKELY(place->file_n == name.n)) {
        if (PN_UNLIKELY(name.n != r->filename.n))
            r->filename = name;
        return;
    }
    r->path_info = pn_str_from(name.n == r->filename.n ? r->filename : name, place->file_n);
    r->filename = pn_str_dup(r->pool, pn_str_head(name, place->file_n));
}

static int place_failed(struct pn_request *r, const struct pn_place *place)
{
    PN_LOG_R(r, PN_LOG_ERR, place->log_id, 0, "access to %s: %.*s",
             pn_str_escape(r->pool, r->path).p, PN_FMT(place->message));
    return place->status;
}

int pn__directory_walk(struct pn_request *r)
{
    struct pn_worker *w = pn_worker_this();
    struct pn_place  *place;

    if (PN_UNLIKELY(r->filename.n == 0 || r->filename.p[0] != '/')) {
        /* As httpd: no walk, and the default handler finds nothing. */
        PN_LOG_R(r, PN_LOG_ERR, 30, 0, "'%s' is no absolute file name",
                 pn_str_escape(r->pool, r->filename).p);
        return 0;
    }
    if (PN_UNLIKELY(r->filename.n >= PATH_MAX)) {
        PN_LOG_R(r, PN_LOG_ERR, 36, ENAMETOOLONG, "the file name that %s maps to cannot exist", pn_str_escape(r->pool, pn_str_head(r->path, 200)).p);
        return 403;
    }
    place = pn_store_find(w->store, r->server, r->filename);
    adopt(r, place);
    r->dir_conf = place->vec;
    split_name(r, place);
    if (PN_UNLIKELY(place->captures != NULL))
        apr_table_overlap(pn_env(r), place->captures, APR_OVERLAP_TABLES_SET);
    return PN_UNLIKELY(place->status) ? place_failed(r, place) : 0;
}

pn_rc pn_stat_filename(struct pn_request *r)
{
    struct pn_place *place;

    r->finfo = (struct pn_finfo){ 0 };
    r->file = NULL;
    if (r->filename.n == 0 || r->filename.p[0] != '/')
        return PN_NOT_FOUND;
    place = pn_store_find(pn_worker_this()->store, r->server, r->filename);
    adopt(r, place);
    if (place->status == 0 && place->file_n == place->filename.n)
        return r->finfo.type == PN_FILE_NONE ? PN_NOT_FOUND : PN_OK;
    r->finfo = (struct pn_finfo){ 0 };
    r->file = NULL;
    if (place->status == 0) /* a regular file, or nothing, where a directory was expected */
        return PN_NOT_FOUND;
    place_failed(r, place);
    return PN_DENIED;
}

pn_rc pn_open_filename(struct pn_request *r, int *ret_fd)
{
    if (r->file == NULL) {
        pn_rc rc = pn_stat_filename(r);
        if (rc != PN_OK)
            return rc;
    }
    if (r->file == NULL)
        return PN_NOT_FOUND;
    if (r->file->fd >= 0) {
        *ret_fd = r->file->fd;
        return PN_OK;
    }
    errno = r->file->error;
    return errno == EACCES || errno == EPERM ? PN_DENIED : PN_SYSTEM;
}
