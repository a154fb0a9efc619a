/* test_h1_head.c - src/proto/h1_*.c against the documents in tests/data/h1: each has message heads
 * in fenced blocks and what comes of them (tests/data/h1/README.md tells the notation). Each head
 * is found whole, byte by byte, and cut in two at every byte. */
#include "support.h"

#include <stdio.h>

#include "h1_cases.h"

static const struct pn_h1_limits strict = { .line_bytes = 8190,
                                            .field_bytes = 8190,
                                            .fields = 100,
                                            .head_bytes = 65536,
                                            .strict = true,
                                            .lenient_methods = true,
                                            .allow_0_9 = true };

static struct pn_h1_limits limits_of(const struct h1_case *one)
{
    struct pn_h1_limits limits = strict;

    limits.strict = !h1_case_has(one, "unsafe");
    limits.lenient_methods = !h1_case_has(one, "registered");
    limits.allow_0_9 = !h1_case_has(one, "require-1.0");
    return limits;
}

static enum pn_h1_kind kind_of(const struct h1_case *one)
{
    return h1_case_has(one, "script")   ? PN_H1_SCRIPT
           : h1_case_has(one, "answer") ? PN_H1_ANSWER
                                        : PN_H1_REQUEST;
}

static pn_str refused(enum pn_h1_fault fault)
{
    static const char *const names[] = {
        "FINE",
#define X(id, status, text) #id,
#include "../../../data/h1-faults.def"
#undef X
    };

    assert_true(pn_h1_fault_text(fault)[0] != '\0');
    return pn_str_printf(pool, "refused %d %s\n", pn_h1_fault_status(fault), names[fault]);
}

static void dump_framing(struct pn_buf *buf, enum pn_framing framing, uint64_t length)
{
    static const char *const names[] = { "", "", "chunked\n", "to close\n" };

    if (framing == PN_FRAMING_LENGTH)
        pn_buf_printf(buf, "length %llu\n", (unsigned long long)length);
    else
        pn_buf_str(buf, pn_str_z(names[framing]));
}

static void dump_headers(struct pn_buf *buf, const struct pn_headers *headers)
{
    for (const struct pn_header *f = pn_headers_begin(headers); f < pn_headers_end(headers); f++) {
        assert_int_equal(f->name.p[f->name.n], '\0');
        assert_int_equal(f->value.p[f->value.n], '\0');
        assert_int_equal(f->id, pn_hdr_id(f->name));
        assert_true(f->id == PN_HDR_OTHER || pn_headers_has(headers, f->id));
        pn_buf_escaped(buf, f->name);
        pn_buf_str(buf, f->value.n ? PN_STR(": ") : PN_STR(":"));
        pn_buf_escaped(buf, f->value);
        pn_buf_ch(buf, '\n');
    }
}

static void dump_request(struct pn_buf *buf, const struct pn_h1_request *r,
                         const struct pn_headers *headers)
{
    static const char *const forms[] = { "", "absolute\n", "authority\n", "asterisk\n" };

    assert_int_equal(r->method.p[r->method.n], '\0');
    assert_int_equal(r->target.p[r->target.n], '\0');
    pn_buf_str(buf, r->method);
    pn_buf_ch(buf, ' ');
    pn_buf_escaped(buf, r->path_query);
    pn_buf_printf(buf, " %u.%u %s\n", r->version / 1000, r->version % 1000,
                  r->keep_alive ? "keep-alive" : "close");
    pn_buf_str(buf, pn_str_z(forms[r->form]));
    if (r->form == PN_TARGET_ABSOLUTE)
        pn_buf_printf(buf, "scheme %.*s\n", PN_FMT(r->scheme));
    if (r->authority.n)
        pn_buf_printf(buf, "authority %.*s\n", PN_FMT(r->authority));
    dump_framing(buf, r->framing, r->content_length);
    pn_buf_str(buf, r->expect_continue ? PN_STR("100-continue\n") : PN_STR(""));
    pn_buf_str(buf, r->expect_other ? PN_STR("unknown expectation\n") : PN_STR(""));
    dump_headers(buf, headers);
}

static pn_str parse_request(char *head, size_t n, const struct pn_h1_limits *limits)
{
    struct pn_h1_request request;
    struct pn_headers    headers;
    enum pn_h1_fault     fault = PN_H1_FINE;
    struct pn_buf        buf;
    pn_str               line = pn_str_dup(pool, pn_str_n(head, n));

    if (pn_h1_parse_request(pool, head, n, limits, &request, &headers, &fault) != PN_OK)
        return refused(fault);
    assert_true(
        pn_str_starts(line, request.line)); /* as received, though the head has been cut up */
    pn_buf_init(&buf, pool, 1 << 20);
    dump_request(&buf, &request, &headers);
    return pn_buf_view(&buf);
}

static pn_str parse_response(char *head, size_t n, const struct pn_h1_limits *limits, bool cgi)
{
    struct pn_h1_response response;
    struct pn_headers     headers;
    enum pn_h1_fault      fault = PN_H1_FINE;
    struct pn_buf         buf;

    if (pn_h1_parse_response(pool, head, n, limits, cgi, &response, &headers, &fault) != PN_OK)
        return refused(fault);
    pn_buf_init(&buf, pool, 1 << 20);
    if (response.version)
        pn_buf_printf(&buf, "%u.%u %d \"%.*s\" %s\n", response.version / 1000,
                      response.version % 1000, response.status, PN_FMT(response.reason),
                      response.keep_alive ? "keep-alive" : "close");
    else
        pn_buf_lit(&buf, "no status line\n");
    dump_framing(&buf, response.framing, response.content_length);
    dump_headers(&buf, &headers);
    return pn_buf_view(&buf);
}

static pn_str parse_trailer(char *bytes, size_t n, const struct pn_h1_limits *limits)
{
    struct pn_headers headers;
    enum pn_h1_fault  fault = PN_H1_FINE;
    struct pn_buf     buf;

    if (pn_h1_parse_trailer(pool, bytes, n, limits, &headers, &fault) != PN_OK)
        return refused(fault);
    pn_buf_init(&buf, pool, 1 << 20);
    pn_buf_printf(&buf, "%u fields\n", headers.n);
    dump_headers(&buf, &headers);
    return pn_buf_view(&buf);
}

/* The outcome of a head that was found in [start, end) of the input. */
static pn_str parse(const struct h1_case *one, size_t start, size_t end)
{
    struct pn_h1_limits limits = limits_of(one);
    size_t              n = end - start;
    char               *head = malloc(n + 1); /* one byte behind is writable, and no more */
    pn_str              outcome;

    assert_non_null(head);
    memcpy(head, one->input.p + start, n);
    if (h1_case_has(one, "trailer"))
        outcome = parse_trailer(head, n, &limits);
    else if (kind_of(one) == PN_H1_REQUEST)
        outcome = parse_request(head, n, &limits);
    else
        outcome = parse_response(head, n, &limits, kind_of(one) == PN_H1_SCRIPT);
    outcome = pn_str_dup(pool, outcome);
    free(head);
    if (end < one->input.n && !pn_str_starts(outcome, PN_STR("refused")))
        outcome = PN_CAT(pool, outcome, PN_STR("rest "),
                         pn_str_escape(pool, pn_str_from(one->input, end)), PN_STR("\n"));
    return outcome;
}

/* Feeds the input up to `cut`, then in steps of `step` bytes. */
static pn_str find(const struct h1_case *one, size_t cut, size_t step, size_t *ret_end)
{
    const struct pn_h1_limits limits = limits_of(one);
    struct pn_h1_scan         scan = { .kind = kind_of(one) };
    enum pn_h1_fault          fault = PN_H1_FINE;

    for (size_t n = cut;; n = n + step < one->input.n ? n + step : one->input.n) {
        char *copy = tight_copy(pn_str_head(one->input, n));
        pn_rc rc = pn_h1_find_end(&scan, pn_str_n(copy, n), &limits, ret_end, &fault);

        free(copy);
        if (rc == PN_OK)
            return pn_str_printf(pool, "%zu-%zu", scan.start, *ret_end);
        if (rc != PN_AGAIN)
            return refused(fault);
        if (n == one->input.n)
            return PN_STR("incomplete\n");
    }
}

static void check_case(const struct h1_case *one)
{
    pn_str what = PN_CAT(pool, one->file, PN_STR(": "), one->title);
    size_t end = 0, cut_end = 0, start = 0;

    if (h1_case_has(one, "trailer")) {
        check_str(what, parse(one, 0, one->input.n), one->outcome);
        return;
    }
    pn_str whole = find(one, one->input.n, 1, &end);
    check_str(what, find(one, 0, 1, &cut_end), whole);
    size_t step = one->input.n > 2000 ? 97 : 1;
    for (size_t cut = 0; cut < one->input.n; cut += step)
        check_str(what, find(one, cut, one->input.n, &cut_end), whole);
    if (end) {
        pn_str   number = pn_str_head(whole, pn_str_chr(whole, '-', 0));
        uint64_t from = 0;
        assert_int_equal(pn_str_to_u64(number, SIZE_MAX, &from), PN_OK);
        start = (size_t)from;
        whole = parse(one, start, end);
    }
    check_str(what, whole, one->outcome);
}

static void documents_come_true(void **state)
{
    struct h1_case *cases = h1_cases_read(pool);
    unsigned        count = 0;
    apr_pool_t     *documents = pool;

    for (const struct h1_case *one = cases; one; one = one->next, count++) {
        assert_int_equal(apr_pool_create(&pool, documents), APR_SUCCESS);
        check_case(one);
        apr_pool_destroy(pool);
        pool = documents;
    }
    print_message("%u heads\n", count);
    assert_true(count > 100);
}

static void faults_have_a_status_and_a_rule(void **state)
{
    for (int fault = 1; fault < PN_H1_FAULT__COUNT; fault++) {
        int status = pn_h1_fault_status((enum pn_h1_fault)fault);
        assert_true(status >= 400 && status <= 505);
        assert_true(strlen(pn_h1_fault_text((enum pn_h1_fault)fault)) > 10);
    }
}

/* Any bytes at all may be handed to the parser; each head cut short is refused, never misread. */
static void heads_cut_short_are_refused(void **state)
{
    const pn_str head = PN_STR(
        "POST http://h:1/a?b HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\nContent-Length: 5\r\n\r\n");
    struct pn_h1_limits limits = strict;

    limits.strict = false;
    for (size_t n = 0; n < head.n; n++) {
        char *copy = malloc(n + 1);
        assert_non_null(copy);
        memcpy(copy, head.p, n);
        pn_str outcome = parse_request(copy, n, &limits);
        if (!pn_str_starts(outcome, PN_STR("refused")))
            fail_msg("%zu bytes: %s", n, outcome.p);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(documents_come_true),
        POOL_TEST(faults_have_a_status_and_a_rule),
        POOL_TEST(heads_cut_short_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
