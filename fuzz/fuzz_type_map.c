/* fuzz_type_map.c - type maps. Holds: bodies are slices of the map, the number of variants is bounded, each has a name, and an
 * error names text of the map. */
#include <apr_general.h>
#include <stdlib.h>

#include "modules/mappers/negotiation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool lies_in(pn_str part, pn_str whole)
{
    return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void check(const struct variant *variant, pn_str map)
{
    pn_assert(variant->name.n > 0 && variant->bytes >= -1 && variant->source_q <= Q_ONE);
    pn_assert(!variant->body.p || (lies_in(variant->body, map) && variant->bytes == (int64_t)variant->body.n));
    pn_assert(!variant->languages || (variant->languages->nelts > 0 && variant->languages->nelts <= ACCEPT_ITEMS_MAX));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static apr_pool_t  *parent;
    apr_pool_t         *pool;
    apr_array_header_t *variants = NULL;
    struct map_error    error = { 0 };

    if (!parent) {
        apr_initialize();
        apr_pool_create(&parent, NULL);
    }
    apr_pool_create(&pool, parent);
    pn_str map = pn_str_dup(pool, pn_str_n((const char *)data, size));
    if (pn__type_map_parse(pool, map, PN_STR("self.var"), &variants, &error) == PN_OK) {
        pn_assert(variants->nelts <= VARIANTS_MAX);
        for (int i = 0; i < variants->nelts; i++)
            check(&APR_ARRAY_IDX(variants, i, struct variant), map);
    }
    else
        pn_assert(error.fault != MAP_OK);
    apr_pool_destroy(pool);
    return 0;
}
