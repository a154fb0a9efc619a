/* page_policy.c - see page_policy.h. */
#include "page_policy.h"

#include <apr_general.h>

#define NONCE_BYTES 16

static const char *make_nonce(apr_pool_t *pool)
{
    unsigned char random[NONCE_BYTES];
    struct pn_buf hex;

    if (apr_generate_random_bytes(random, sizeof(random)) != APR_SUCCESS)
        return ""; /* matches nothing: the page comes plain */
    pn_buf_init(&hex, pool, 2 * sizeof(random) + 1);
    for (size_t i = 0; i < sizeof(random); i++)
        pn_buf_printf(&hex, "%02x", random[i]);
    return pn_str_zdup(pool, pn_buf_view(&hex));
}

void page_not_stored(struct pn_request *r)
{
    pn_headers_set_name(&r->out, PN_STR("X-Content-Type-Options"), PN_STR("nosniff"));
    pn_headers_set_name(&r->out, PN_STR("Cache-Control"), PN_STR("no-store"));
}

const char *page_policy(struct pn_request *r, bool with_script)
{
    const char *nonce = make_nonce(r->pool);
    pn_str      script = PN_STR("");

    if (with_script)
        script = pn_str_printf(r->pool, "script-src 'nonce-%s'; connect-src 'self'; ", nonce);
    page_not_stored(r);
    pn_headers_set_name(&r->out, PN_STR("Content-Security-Policy"),
                        pn_str_printf(r->pool,
                                      "default-src 'none'; style-src 'nonce-%s'; %sbase-uri 'none'; form-action 'none'; "
                                      "frame-ancestors 'none'",
                                      nonce, script.p));
    return nonce;
}
