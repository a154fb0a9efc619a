/* fuzz_dav_if.c - any bytes as an If field, and as the record of a lock. What parses has conditions within the limits. */
#include <apr_general.h>

#include "modules/dav/dav_if.h"
#include "modules/dav/dav_locks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool never(pn_str token, void *arg)
{
    size_t *bytes = arg;

    *bytes += token.n;
    return false;
}

static void check_lists(const apr_array_header_t *lists, size_t size)
{
    int conditions = 0;

    pn_assert(lists->nelts > 0);
    for (int i = 0; i < lists->nelts; i++) {
        const struct dav_if_list *list = &APR_ARRAY_IDX(lists, i, struct dav_if_list);
        size_t                    bytes = 0;
        conditions += list->conditions->nelts;
        dav_if_holds(list, PN_STR("\"tag\""), never, &bytes);
        pn_assert(list->conditions->nelts > 0 && bytes <= size);
    }
    pn_assert(conditions <= DAV_IF_CONDITIONS_MAX);
}

static void check_record(apr_pool_t *pool, pn_str bytes)
{
    struct dav_lock lock, again;
    struct pn_buf   record;

    if (dav_lock_decode(bytes, &lock) != PN_OK)
        return;
    pn_buf_init(&record, pool, (size_t)1 << 20);
    pn_assert(dav_lock_encode(&record, &lock) == PN_OK);
    pn_assert(dav_lock_decode(pn_buf_view(&record), &again) == PN_OK);
    pn_assert(pn_str_eq(lock.token, again.token) && pn_str_eq(lock.owner, again.owner) && lock.expires_s == again.expires_s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_array_header_t *lists;
    apr_pool_t         *pool;
    pn_str              bytes = pn_str_n((const char *)data, size);

    apr_initialize();
    apr_pool_create(&pool, NULL);
    if (dav_if_parse(pool, bytes, &lists) == PN_OK)
        check_lists(lists, size);
    check_record(pool, bytes);
    apr_pool_destroy(pool);
    return 0;
}
