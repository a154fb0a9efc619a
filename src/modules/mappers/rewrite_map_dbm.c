/* rewrite_map_dbm.c - RewriteMap of type dbm: a file of APR's database types ("dbm:file", "dbm=sdbm:file").
 *
 * The file is opened for each look-up on the offload pool, so a file that was replaced is seen at once. */
#include <apr_dbm.h>
#include <sys/stat.h>

#include "mod_rewrite.h"

struct dbm_map {
    const char *type; /* "default", "sdbm", "db", "gdbm", "ndbm" */
    const char *path;
};

struct fetch {
    const struct dbm_map *map;
    apr_pool_t           *pool;  /* its own: the loop's pools are not for other threads */
    pn_str                key;
    pn_str                value; /* in pool */
    apr_status_t          status;
};

static void fetch(void *arg)
{
    struct fetch *job = arg;
    apr_dbm_t    *dbm;
    apr_datum_t   key = { .dptr = (char *)job->key.p, .dsize = job->key.n }, value = { 0 };

    job->status = apr_dbm_open_ex(&dbm, job->map->type, job->map->path, APR_DBM_READONLY, APR_OS_DEFAULT, job->pool);
    if (job->status != APR_SUCCESS)
        return;
    if (apr_dbm_fetch(dbm, key, &value) == APR_SUCCESS && value.dptr)
        job->value = pn_str_dup(job->pool, pn_str_n(value.dptr, value.dsize));
    apr_dbm_close(dbm);
}

PN_MAY_YIELD static pn_str dbm_look_up(struct rewrite_map *map, struct pn_request *r, pn_str key)
{
    struct fetch *job = apr_pcalloc(r->pool, sizeof(*job));
    pn_str        value = { NULL, 0 };

    job->map = map->data;
    job->key = key;
    apr_pool_create_unmanaged_ex(&job->pool, NULL, NULL);
    if (pn_run_blocking(r, fetch, job) != PN_OK)
        job->status = APR_EGENERAL;
    if (job->status != APR_SUCCESS)
        PN_LOG_R(r, PN_LOG_ERR, 656, 0, "RewriteMap %s: the database %s cannot be opened (status %d)", map->name.p, job->map->path,
                 job->status);
    /* makers of such files may have counted the NUL behind a value */
    while (job->value.n && job->value.p[job->value.n - 1] == '\0')
        job->value.n--;
    if (job->value.n)
        value = pn_str_dup(r->pool, job->value);
    apr_pool_destroy(job->pool);
    return value;
}

static const char *dbm_make(struct pn_conf_cmd *cmd, struct rewrite_map *map, pn_str options)
{
    struct dbm_map *dbm = apr_pcalloc(cmd->pool, sizeof(*dbm));
    const char     *name1, *name2;
    struct stat     info;
    pn_str          file, type;

    (void)options;
    dbm->type = "default";
    file = map->source;
    if (map->ops == &pn__rewrite_map_dbm_typed) { /* "type:file" */
        type = pn_str_cut(file, ':', &file);
        dbm->type = pn_str_zdup(cmd->pool, type);
    }
    dbm->path = pn_conf_path(cmd, file).p;
    apr_status_t status = apr_dbm_get_usednames_ex(cmd->temp, dbm->type, dbm->path, &name1, &name2);
    if (status != APR_SUCCESS)
        return pn_conf_error_text(cmd, "RewriteMap: dbm type '%s' is not available", dbm->type);
    if (stat(name1, &info) != 0)
        return pn_conf_error_text(cmd, "RewriteMap: file for map %s not found: %s", map->name.p, name1);
    map->data = dbm;
    return NULL;
}

const struct rewrite_map_ops pn__rewrite_map_dbm = { .prefix = "dbm:", .make = dbm_make, .look_up = dbm_look_up };
const struct rewrite_map_ops pn__rewrite_map_dbm_typed = { .prefix = "dbm=", .make = dbm_make, .look_up = dbm_look_up };
