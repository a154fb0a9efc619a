/* fuzz_h1_head.c - request heads and trailers. Byte 0: rules; byte 1: where the input is cut; then
 * the head. Holds: a head is found alike however it is cut; what is accepted carries no CR, LF or
 * NUL. */
#include <stdlib.h>

#include <apr_general.h>

#include "proto/h1_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { UNSAFE = 1, REGISTERED = 2, REQUIRE_1_0 = 4, TRAILER = 8, SMALL = 16 };

static struct pn_h1_limits limits_of(unsigned rules)
{
    bool small = rules & SMALL;

    return (struct pn_h1_limits){ .line_bytes = small ? 20 : 8190,
                                  .field_bytes = small ? 20 : 8190,
                                  .fields = small ? 3 : 100,
                                  .head_bytes = small ? 60 : 65536,
                                  .strict = !(rules & UNSAFE),
                                  .lenient_methods = !(rules & REGISTERED),
                                  .allow_0_9 = !(rules & REQUIRE_1_0) };
}

static void check_fields(const struct pn_headers *headers)
{
    for (const struct pn_header *f = pn_headers_begin(headers); f < pn_headers_end(headers); f++) {
        pn_assert(pn_header_name_ok(f->name) && pn_header_value_ok(f->value));
        pn_assert(f->name.p[f->name.n] == '\0' && f->value.p[f->value.n] == '\0');
        pn_assert(f->id == pn_hdr_id(f->name));
    }
}

static char *copy_of(pn_str s)
{
    char *copy = malloc(s.n + 1); /* one byte behind is the parser's to write */

    pn_assert(copy);
    if (s.n)
        memcpy(copy, s.p, s.n);
    return copy;
}

static void parse_request(apr_pool_t *pool, pn_str head, const struct pn_h1_limits *limits)
{
    struct pn_h1_request request;
    struct pn_headers    headers;
    enum pn_h1_fault     fault = PN_H1_FINE;
    char                *copy = copy_of(head);

    if (pn_h1_parse_request(pool, copy, head.n, limits, &request, &headers, &fault) == PN_OK) {
        check_fields(&headers);
        pn_assert(request.version >= 1000 || request.version == 9);
        pn_assert(request.version != 1001 || pn_headers_count(&headers, PN_HDR_HOST) == 1);
        pn_assert(pn_header_name_ok(request.method) && pn_header_value_ok(request.line));
        pn_assert(request.framing == PN_FRAMING_LENGTH || request.content_length == 0);
    }
    else
        pn_assert(fault != PN_H1_FINE && pn_h1_fault_status(fault) >= 400);
    free(copy);
}

static void parse_trailer(apr_pool_t *pool, pn_str bytes, const struct pn_h1_limits *limits)
{
    struct pn_headers headers;
    enum pn_h1_fault  fault = PN_H1_FINE;
    char             *copy = copy_of(bytes);

    if (pn_h1_parse_trailer(pool, copy, bytes.n, limits, &headers, &fault) == PN_OK)
        check_fields(&headers);
    else
        pn_assert(fault != PN_H1_FINE);
    free(copy);
}

static void find(apr_pool_t *pool, pn_str in, size_t cut, const struct pn_h1_limits *limits)
{
    struct pn_h1_scan whole = { 0 }, parts = { 0 };
    enum pn_h1_fault  fault = PN_H1_FINE, parts_fault = PN_H1_FINE;
    size_t            end = 0, parts_end = 0;
    pn_rc             rc = pn_h1_find_end(&whole, in, limits, &end, &fault);
    pn_rc             parts_rc;

    parts_rc = pn_h1_find_end(&parts, pn_str_head(in, cut), limits, &parts_end, &parts_fault);
    if (parts_rc == PN_AGAIN)
        parts_rc = pn_h1_find_end(&parts, in, limits, &parts_end, &parts_fault);
    pn_assert((rc == PN_OK) == (parts_rc == PN_OK) && (rc == PN_AGAIN) == (parts_rc == PN_AGAIN));
    pn_assert(end == parts_end);
    if (rc != PN_OK)
        return;
    pn_assert(whole.start == parts.start && whole.start < end && end <= in.n);
    parse_request(pool, pn_str_n(in.p + whole.start, end - whole.start), limits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static apr_pool_t  *pool;
    struct pn_h1_limits limits;

    if (size < 2)
        return 0;
    if (!pool) {
        apr_initialize();
        apr_pool_create(&pool, NULL);
    }
    limits = limits_of(data[0]);
    pn_str in = { (const char *)data + 2, size - 2 };
    if (data[0] & TRAILER)
        parse_trailer(pool, in, &limits);
    else {
        find(pool, in, data[1] % (in.n + 1), &limits);
        parse_request(pool, in, &limits); /* the parser stands on its own */
    }
    apr_pool_clear(pool);
    return 0;
}
