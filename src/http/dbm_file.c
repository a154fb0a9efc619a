/* dbm_file.c - see pinion/dbm_file.h. */
#include <pinion/dbm_file.h>

#include <apr_dbm.h>
#include <apr_strings.h>
#include <stdlib.h>

#include <pinion/request.h>

/* Longer values are no password and no list of groups. */
#define VALUE_MAX_BYTES 65536

/* One look-up. Everything that the thread makes is malloc'd: the request's pool belongs to its loop. */
struct fetch {
    const char  *type, *path;
    pn_str       key;
    char        *value; /* NULL: no such key */
    size_t       n;
    apr_status_t status;
};

static void fetch_from(struct fetch *fetch, apr_dbm_t *dbm)
{
    apr_datum_t key = { (char *)fetch->key.p, fetch->key.n }, value = { NULL, 0 };

    fetch->status = apr_dbm_fetch(dbm, key, &value);
    if (fetch->status != APR_SUCCESS || !value.dptr || value.dsize > VALUE_MAX_BYTES)
        return;
    fetch->value = malloc(value.dsize + 1);
    pn_assert(fetch->value != NULL);
    memcpy(fetch->value, value.dptr, value.dsize);
    fetch->n = value.dsize;
    if (fetch->n && fetch->value[fetch->n - 1] == '\0') /* written with the C string's end */
        fetch->n--;
}

static void run_fetch(void *arg)
{
    struct fetch *fetch = arg;
    apr_pool_t   *pool;
    apr_dbm_t    *dbm;

    /* below the root pool: APR-util registers its DBM drivers for the life of the topmost one */
    fetch->status = apr_pool_create(&pool, NULL);
    if (fetch->status != APR_SUCCESS)
        return;
    fetch->status = apr_dbm_open_ex(&dbm, fetch->type, fetch->path, APR_DBM_READONLY, APR_OS_DEFAULT, pool);
    if (fetch->status == APR_SUCCESS) {
        fetch_from(fetch, dbm);
        apr_dbm_close(dbm);
    }
    apr_pool_destroy(pool);
}

pn_rc pn_dbm_file_get(struct pn_request *r, pn_str type, pn_str path, pn_str key, pn_str *ret_value,
                      const char **ret_error)
{
    struct fetch fetch = { .type = type.p, .path = path.p, .key = key };
    char         why[128];
    pn_rc        rc = pn_run_blocking(r, run_fetch, &fetch);

    if (rc != PN_OK)
        fetch.status = APR_EGENERAL;
    if (fetch.status != APR_SUCCESS) {
        free(fetch.value);
        *ret_error = apr_pstrdup(r->pool, apr_strerror(fetch.status, why, sizeof(why)));
        return PN_SYSTEM;
    }
    if (!fetch.value)
        return PN_NOT_FOUND;
    *ret_value = pn_str_dup(r->pool, pn_str_n(fetch.value, fetch.n));
    free(fetch.value);
    return PN_OK;
}
