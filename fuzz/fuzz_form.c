/* fuzz_form.c - any bytes as a form. What decodes is encoded again and decodes to the same fields. */
#include <apr_general.h>
#include <pinion/form.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    return apr_initialize() == APR_SUCCESS ? 0 : 1;
}

static void check_again(apr_pool_t *pool, const apr_table_t *fields)
{
    const apr_array_header_t *all = apr_table_elts(fields);
    apr_table_t              *again;
    struct pn_buf             text;

    pn_buf_init(&text, pool, SIZE_MAX / 2);
    for (int i = 0; i < all->nelts; i++)
        pn_form_add(&text, pn_str_z(APR_ARRAY_IDX(all, i, apr_table_entry_t).key), pn_str_z(APR_ARRAY_IDX(all, i, apr_table_entry_t).val));
    pn_assert(pn_form_decode(pool, pn_buf_view(&text), &again) == PN_OK);
    pn_assert(apr_table_elts(again)->nelts == all->nelts);
    for (int i = 0; i < all->nelts; i++)
        pn_assert(strcmp(APR_ARRAY_IDX(all, i, apr_table_entry_t).val, APR_ARRAY_IDX(apr_table_elts(again), i, apr_table_entry_t).val) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_table_t *fields;
    apr_pool_t  *pool;

    apr_pool_create(&pool, NULL);
    if (pn_form_decode(pool, pn_str_n((const char *)data, size), &fields) == PN_OK)
        check_again(pool, fields);
    apr_pool_destroy(pool);
    return 0;
}
