/* fuzz_range.c - Range, entity tag lists and dates, which come from the same peers. Bytes 0 to 7:
 * length of the representation; byte 8: most ranges; then the field value.
 * Holds: each range lies within the representation, and together they are no more than were asked
 * for. */
#include <apr_general.h>

#include "proto/multipart.h"
#include "proto/validator.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct pn_range_set *set, uint64_t total, unsigned max_n)
{
    struct pn_multipart multipart;
    uint64_t            bytes;

    pn_assert(set->n >= 1 && set->n + set->overlaps <= max_n && set->reversals <= set->overlaps);
    for (unsigned i = 0; i < set->n; i++) {
        const struct pn_range *range = &set->v[i];
        pn_assert(range->first <= range->last && range->last < total);
    }
    pn_multipart_init(&multipart, total, PN_STR("text/plain"), total);
    if (pn_multipart_length(&multipart, set, &bytes) == PN_OK)
        pn_assert(bytes <= INT64_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static apr_pool_t  *pool;
    struct pn_range_set set;
    uint64_t            total;
    pn_wall             when;

    if (size < 9)
        return 0;
    if (!pool) {
        apr_initialize();
        apr_pool_create(&pool, NULL);
    }
    memcpy(&total, data, sizeof(total));
    unsigned max_n = data[8] ? data[8] : 1;
    pn_str   value = { (const char *)data + 9, size - 9 };
    if (pn_range_parse(pool, value, total, max_n, &set) == PN_OK)
        check(&set, total, max_n);
    bool strong = pn_etag_list_has(value, PN_STR("\"a\""), true);
    pn_assert(!strong || pn_etag_list_has(value, PN_STR("\"a\""), false));
    if (pn_http_date_parse(value, &when) == PN_OK)
        pn_assert(when > 0);
    apr_pool_clear(pool);
    return 0;
}
