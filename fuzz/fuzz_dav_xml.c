/* fuzz_dav_xml.c - any bytes as the body of a PROPFIND or PROPPATCH. What is taken is written as a property's value would be,
 * and what was written is XML again and comes out the same. */
#include <apr_general.h>

#include "modules/dav/dav_xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TEXT_MAX ((size_t)16 << 20)

static pn_str whole(apr_pool_t *pool, const struct dav_node *root, dav_ns_table *table)
{
    struct pn_buf inner, out;
    pn_str        text = PN_STR("");

    pn_buf_init(&inner, pool, TEXT_MAX);
    dav_xml_inner(&inner, root, table);
    pn_buf_init(&out, pool, TEXT_MAX);
    pn_buf_lit(&out, "<v");
    dav_ns_declare(&out, table);
    pn_buf_ch(&out, '>');
    pn_buf_str(&out, pn_buf_view(&inner));
    pn_buf_lit(&out, "</v>");
    if (inner.full || pn_buf_done(&out, &text) != PN_OK)
        return PN_STR("");
    return text;
}

static void check(apr_pool_t *pool, const struct dav_node *root)
{
    dav_ns_table    *table = apr_array_make(pool, 4, sizeof(pn_str));
    struct dav_node *again;
    pn_str           text = whole(pool, root, table);

    if (text.n == 0)
        return;
    pn_assert(dav_xml_parse(pool, text, &again) == PN_OK);
    pn_assert(pn_str_eq(whole(pool, again, table), text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dav_node *root;
    apr_pool_t      *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    if (size <= 65536 && dav_xml_parse(pool, pn_str_n((const char *)data, size), &root) == PN_OK)
        check(pool, root);
    apr_pool_destroy(pool);
    return 0;
}
