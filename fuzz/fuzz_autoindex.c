/* fuzz_autoindex.c - the query of a directory listing: what it carries over into links may hold nothing that ends an
 * attribute, and reading it again yields the same. */
#include <apr_general.h>
#include <stdlib.h>

#include "modules/generators/mod_autoindex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static apr_pool_t    *parent;
    apr_pool_t           *pool;
    struct autoindex_conf conf = { .options = INDEX_FANCY, .absolute = true };
    struct autoindex_view view, again;

    if (!parent) {
        apr_initialize();
        apr_pool_create(&parent, NULL);
    }
    apr_pool_create(&pool, parent);
    struct pn_request r = { .pool = pool, .query = pn_str_dup(pool, pn_str_n((const char *)data, size)) };
    pn__autoindex_view(&r, &conf, &view);
    for (size_t i = 0; i < view.carried.n; i++)
        if (strchr("\"'<>&\n\r ", view.carried.p[i]))
            abort();
    struct pn_request second = { .pool = pool, .query = pn_str_from(view.carried, 1) };
    pn__autoindex_view(&second, &conf, &again);
    if (!pn_str_eq(view.pattern, again.pattern) || !pn_str_eq(view.carried, again.carried))
        abort();
    (void)pn__autoindex_match(view.pattern, r.query);
    apr_pool_destroy(pool);
    return 0;
}
