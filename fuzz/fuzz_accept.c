/* fuzz_accept.c - Accept fields. Holds: names and charsets are lower case and not longer than the input, qualities lie within 0
 * and 1, the number of elements is bounded, and one element alone reads as it does in a list. */
#include <apr_general.h>
#include <stdlib.h>

#include "modules/mappers/negotiation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct accept_item *item, size_t size)
{
    pn_assert(item->name.n > 0 && item->name.n <= size && item->charset.n <= size && item->q <= Q_ONE);
    for (size_t i = 0; i < item->name.n; i++)
        pn_assert(item->name.p[i] < 'A' || item->name.p[i] > 'Z');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static apr_pool_t *parent;
    apr_pool_t        *pool;
    struct accept_item one;

    if (!parent) {
        apr_initialize();
        apr_pool_create(&parent, NULL);
    }
    apr_pool_create(&pool, parent);
    pn_str             in = pn_str_dup(pool, pn_str_n((const char *)data, size));
    struct accept_list list = pn__accept_list(pool, in);
    pn_assert(list.given && list.n <= ACCEPT_ITEMS_MAX);
    for (unsigned i = 0; i < list.n; i++)
        check(&list.items[i], size);
    if (pn_str_chr(in, ',', 0) == SIZE_MAX) {
        bool is_item = pn__accept_item(pool, in, &one);
        pn_assert(is_item == (list.n == 1));
        pn_assert(!is_item || (pn_str_eq(one.name, list.items[0].name) && one.q == list.items[0].q));
    }
    apr_pool_destroy(pool);
    return 0;
}
