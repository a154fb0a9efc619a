/* fuzz_inflate.c - request bodies in gzip form. Byte 0: how the body is cut into chunks; then the body.
 * Holds: it ends, within the limits; however it is cut, the same comes out and the same is said of it. */
#include <apr_general.h>

#include "body_stubs.h"
#include "modules/filters/inflated_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OUT_MAX ((size_t)1 << 16)

struct pn_module pn_module_deflate;

static pn_rc run(apr_pool_t *parent, pn_str body, size_t piece, struct pn_buf *out)
{
    static const struct inflate_limits limits = { .body_bytes = OUT_MAX, .ratio = 1000, .burst = 1000000, .body_set = true };
    apr_pool_t                        *pool;
    struct stub_source                 source;

    apr_pool_create(&pool, parent);
    struct pn_request r = { .pool = pool };
    struct pn_body   *below = stub_source_init(&source, &r, body, piece);
    pn_rc             rc = stub_drain(inflated_body(&r, below, &limits, 512), OUT_MAX * 2, out);
    apr_pool_destroy(pool);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static apr_pool_t *parent;
    struct pn_buf      whole, cut;

    if (size < 1 || size > 65536)
        return 0;
    if (!parent) {
        apr_initialize();
        apr_pool_create(&parent, NULL);
    }
    pn_str body = pn_str_n((const char *)data + 1, size - 1);
    pn_buf_init(&whole, NULL, OUT_MAX * 4);
    pn_buf_init(&cut, NULL, OUT_MAX * 4);
    pn_rc rc = run(parent, body, 65536, &whole), rc_cut = run(parent, body, (size_t)data[0] + 1, &cut);
    pn_assert(rc == PN_EOF || rc == PN_FAILED);
    pn_assert(rc == rc_cut);
    if (rc == PN_EOF)
        pn_assert(pn_str_eq(pn_buf_view(&whole), pn_buf_view(&cut)));
    pn_buf_release(&whole);
    pn_buf_release(&cut);
    return 0;
}
