/* fuzz_h1_response.c - heads of backends' and scripts' answers. Byte 0: rules; byte 1: where the
 * input is cut; then the head. Holds: a head is found alike however it is cut; what is accepted
 * carries no CR, LF or NUL. */
#include <stdlib.h>

#include <apr_general.h>

#include "proto/h1_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { UNSAFE = 1, SCRIPT = 2 };

static void parse(apr_pool_t *pool, pn_str head, const struct pn_h1_limits *limits, bool cgi)
{
    struct pn_h1_response response;
    struct pn_headers     headers;
    enum pn_h1_fault      fault = PN_H1_FINE;
    char                 *copy = malloc(head.n + 1);

    pn_assert(copy);
    if (head.n)
        memcpy(copy, head.p, head.n);
    if (pn_h1_parse_response(pool, copy, head.n, limits, cgi, &response, &headers, &fault) ==
        PN_OK) {
        for (const struct pn_header *f = pn_headers_begin(&headers); f < pn_headers_end(&headers);
             f++)
            pn_assert(pn_header_name_ok(f->name) && pn_header_value_ok(f->value));
        pn_assert(response.version == 0 || (response.status >= 100 && response.status <= 999));
        pn_assert(pn_header_value_ok(response.reason));
    }
    else
        pn_assert(fault != PN_H1_FINE);
    free(copy);
}

static void find(apr_pool_t *pool, pn_str in, size_t cut, const struct pn_h1_limits *limits,
                 bool cgi)
{
    enum pn_h1_kind   kind = cgi ? PN_H1_SCRIPT : PN_H1_ANSWER;
    struct pn_h1_scan whole = { .kind = kind }, parts = { .kind = kind };
    enum pn_h1_fault  fault = PN_H1_FINE;
    size_t            end = 0, parts_end = 0;
    pn_rc             rc = pn_h1_find_end(&whole, in, limits, &end, &fault);
    pn_rc parts_rc = pn_h1_find_end(&parts, pn_str_head(in, cut), limits, &parts_end, &fault);

    if (parts_rc == PN_AGAIN)
        parts_rc = pn_h1_find_end(&parts, in, limits, &parts_end, &fault);
    pn_assert((rc == PN_OK) == (parts_rc == PN_OK) && (rc == PN_AGAIN) == (parts_rc == PN_AGAIN));
    pn_assert(end == parts_end);
    if (rc == PN_OK)
        parse(pool, pn_str_head(in, end), limits, cgi);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static apr_pool_t  *pool;
    struct pn_h1_limits limits = {
        .line_bytes = 8190, .field_bytes = 8190, .fields = 100, .head_bytes = 65536
    };

    if (size < 2)
        return 0;
    if (!pool) {
        apr_initialize();
        apr_pool_create(&pool, NULL);
    }
    limits.strict = !(data[0] & UNSAFE);
    pn_str in = { (const char *)data + 2, size - 2 };
    find(pool, in, data[1] % (in.n + 1), &limits, data[0] & SCRIPT);
    parse(pool, in, &limits, data[0] & SCRIPT);
    apr_pool_clear(pool);
    return 0;
}
