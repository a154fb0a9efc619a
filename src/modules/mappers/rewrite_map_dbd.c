/* rewrite_map_dbd.c - RewriteMap of type dbd and fastdbd: a statement of an SQL database, asked through mod_dbd.
 *
 * dbd asks for each look-up, and takes one row by chance when there are several. fastdbd remembers what it has heard as long
 * as the child uses this configuration, up to a number of keys. */
#include <pthread.h>
#include <stdlib.h>

#include <pinion/dbd.h>

#include "mod_rewrite.h"

#define ROWS_MAX 1000
#define REMEMBERED_MAX 10000
#define REMEMBERED_BYTES_MAX 4096 /* longer keys and values are asked for each time */

/* Of fastdbd. Cleared when it is full. */
struct memory {
    pthread_mutex_t lock;
    apr_pool_t     *pool;
    apr_hash_t     *values; /* key to pn_str *; empty: the database has none */
};

static apr_status_t forget(void *arg)
{
    struct memory *memory = arg;

    pthread_mutex_destroy(&memory->lock);
    apr_pool_destroy(memory->pool);
    return APR_SUCCESS;
}

static const char *dbd_make(struct pn_conf_cmd *cmd, struct rewrite_map *map, pn_str options)
{
    struct memory *memory;

    (void)options;
    if (!pn_dbd(cmd->generation))
        return pn_conf_error_text(cmd, "RewriteMap %s: load mod_dbd before, which keeps the connections", map->name.p);
    if (map->ops != &pn__rewrite_map_fastdbd)
        return NULL;
    memory = apr_pcalloc(cmd->pool, sizeof(*memory));
    pthread_mutex_init(&memory->lock, NULL);
    apr_pool_create_unmanaged_ex(&memory->pool, NULL, NULL);
    memory->values = apr_hash_make(memory->pool);
    apr_pool_cleanup_register(cmd->pool, memory, forget, apr_pool_cleanup_null);
    map->data = memory;
    return NULL;
}

PN_MAY_YIELD static bool ask(const struct rewrite_map *map, struct pn_request *r, pn_str key, pn_str *ret)
{
    struct pn_dbd_question question = { .sql = map->source, .parameters = &key, .n = 1, .max_rows = ROWS_MAX };
    struct pn_dbd_answer   answer;

    *ret = PN_STR("");
    if (memchr(key.p ? key.p : "", '\0', key.n) || pn_dbd(r->server->generation)->ask(r, &question, &answer) != PN_OK)
        return false;
    if (answer.n_rows && answer.n_columns) {
        unsigned row = answer.n_rows == 1 ? 0 : (unsigned)random() % answer.n_rows;
        pn_str   value = pn_dbd_value(&answer, row, 0);
        *ret = value.p ? value : PN_STR("");
    }
    return true;
}

PN_MAY_YIELD static pn_str dbd_look_up(struct rewrite_map *map, struct pn_request *r, pn_str key)
{
    pn_str value;

    return ask(map, r, key, &value) ? value : (pn_str){ NULL, 0 };
}

static bool recall(struct memory *memory, apr_pool_t *pool, pn_str key, pn_str *ret)
{
    const pn_str *known;

    pthread_mutex_lock(&memory->lock);
    known = apr_hash_get(memory->values, key.p, (apr_ssize_t)key.n);
    if (known)
        *ret = pn_str_dup(pool, *known);
    pthread_mutex_unlock(&memory->lock);
    return known != NULL;
}

static void remember(struct memory *memory, pn_str key, pn_str value)
{
    pn_str *kept;

    if (key.n + value.n > REMEMBERED_BYTES_MAX)
        return;
    pthread_mutex_lock(&memory->lock);
    if (apr_hash_count(memory->values) >= REMEMBERED_MAX) {
        apr_pool_clear(memory->pool);
        memory->values = apr_hash_make(memory->pool);
    }
    kept = apr_palloc(memory->pool, sizeof(*kept));
    *kept = pn_str_dup(memory->pool, value);
    key = pn_str_dup(memory->pool, key);
    apr_hash_set(memory->values, key.p, (apr_ssize_t)key.n, kept);
    pthread_mutex_unlock(&memory->lock);
}

PN_MAY_YIELD static pn_str fastdbd_look_up(struct rewrite_map *map, struct pn_request *r, pn_str key)
{
    pn_str value;

    if (recall(map->data, r->pool, key, &value))
        return value;
    if (!ask(map, r, key, &value))
        return (pn_str){ NULL, 0 };
    remember(map->data, key, value);
    return value;
}

const struct rewrite_map_ops pn__rewrite_map_dbd = { .prefix = "dbd:", .make = dbd_make, .look_up = dbd_look_up };
const struct rewrite_map_ops pn__rewrite_map_fastdbd = { .prefix = "fastdbd:", .make = dbd_make, .look_up = fastdbd_look_up };
