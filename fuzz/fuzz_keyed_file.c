/* fuzz_keyed_file.c - any bytes as a password or group file, in each form. Every value is text behind its key, and a hash
 * of a cheap kind can be checked against it. */
#include <apr_general.h>

#include "http/keyed_text.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    return apr_initialize() == APR_SUCCESS ? 0 : 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool;

    for (int form = PN_KEYED_FIRST; form <= PN_KEYED_MEMBERS; form++) {
        apr_pool_create(&pool, NULL);
        pn_str      text = pn_str_dup(pool, pn_str_n((const char *)data, size));
        apr_hash_t *values = pn__keyed_text_parse(pool, (enum pn_keyed_form)form, text);
        for (apr_hash_index_t *at = apr_hash_first(pool, values); at; at = apr_hash_next(at)) {
            const struct pn_keyed_value *value = apr_hash_this_val(at);
            pn_assert(apr_hash_this_key_len(at) > 0 && value->text.n < size);
        }
        apr_pool_destroy(pool);
    }
    return 0;
}
