/* test_chunked.c - src/proto/chunked.c. Each input is decoded whole and cut in two at every byte.
 * */
#include "support.h"

#include "proto/chunked.h"

static const struct {
    pn_str      in;
    pn_rc       rc;
    const char *data, *rest; /* rest: what is left at PN_EOF */
} cases[] = {
    { BYTES("0\r\n\r\n"), PN_EOF, "", "\r\n" },
    { BYTES("5\r\nhello\r\n0\r\n\r\nGET"), PN_EOF, "hello", "\r\nGET" },
    { BYTES("5\r\nhello\r\n6\r\n world\r\n00\r\nX: y\r\n\r\n"), PN_EOF, "hello world",
      "X: y\r\n\r\n" },
    { BYTES("A\r\n0123456789\r\na\r\nabcdefghij\r\n0\r\n"), PN_EOF, "0123456789abcdefghij", "" },
    { BYTES("1;a=b\r\nx\r\n0;last\r\n\r\n"), PN_EOF, "x", "\r\n" },
    { BYTES("1 ; a = \"q;\\\"\t\" \r\nx\r\n0\r\n\r\n"), PN_EOF, "x", "\r\n" },
    { BYTES("1;\r\nx\r\n0\r\n\r\n"), PN_EOF, "x", "\r\n" },
    { BYTES("0000000000000001\r\nx\r\n0\r\n\r\n"), PN_EOF, "x", "\r\n" },
    { BYTES(""), PN_AGAIN, "", "" },
    { BYTES("5"), PN_AGAIN, "", "" },
    { BYTES("5\r\nhel"), PN_AGAIN, "hel", "" },
    { BYTES("5\r\nhello"), PN_AGAIN, "hello", "" },
    { BYTES("5\r\nhello\r\n"), PN_AGAIN, "hello", "" },
    { BYTES("5\r\nhello\r\n0\r"), PN_AGAIN, "hello", "" },
    { BYTES("\r\n"), PN_BAD, "", "" },
    { BYTES(";a\r\n"), PN_BAD, "", "" },
    { BYTES(" 5\r\n"), PN_BAD, "", "" },
    { BYTES("5 \r\nhello"), PN_BAD, "", "" },
    { BYTES("5\nhello"), PN_BAD, "", "" },
    { BYTES("5\r\rhello"), PN_BAD, "", "" },
    { BYTES("0x5\r\nhello"), PN_BAD, "", "" },
    { BYTES("+5\r\nhello"), PN_BAD, "", "" },
    { BYTES("-1\r\nhello"), PN_BAD, "", "" },
    { BYTES("5\0\r\nhello"), PN_BAD, "", "" },
    { BYTES("5\r\nhello0\r\n"), PN_BAD, "hello", "" },
    { BYTES("5\r\nhello\n0\r\n"), PN_BAD, "hello", "" },
    { BYTES("5\r\nhello\r0"), PN_BAD, "hello", "" },
    { BYTES("1;a\nb\r\nx"), PN_BAD, "", "" },
    { BYTES("1;a=\"\r\nx"), PN_BAD, "", "" },
    { BYTES("1;a=\0\r\nx"), PN_BAD, "", "" },
    { BYTES("1;a=\x7f\r\nx"), PN_BAD, "", "" },
    { BYTES("00000000000000001\r\nx"), PN_LIMIT, "", "" },
    { BYTES("ffffffffffffffff\r\n"), PN_LIMIT, "", "" },
    { BYTES("8000000000000000\r\n"), PN_LIMIT, "", "" },
    { BYTES("1\r\nx\r\n7fffffffffffffff\r\n"), PN_LIMIT, "x", "" },
    { BYTES("10000000000000000\r\n"), PN_LIMIT, "", "" },
};

/* Decodes one piece; appends the data. */
static pn_rc feed(struct pn_chunked *decoder, pn_str *bytes, struct pn_buf *data)
{
    pn_rc  rc;
    pn_str run;

    while ((rc = pn_chunked_next(decoder, bytes, &run)) == PN_OK) {
        assert_true(run.n > 0);
        pn_buf_str(data, run);
    }
    return rc;
}

static void check_cut(size_t i, size_t cut)
{
    pn_str            in = cases[i].in, rest;
    char             *copy = tight_copy(in);
    struct pn_chunked decoder;
    struct pn_buf     data;

    pn_chunked_init(&decoder);
    pn_buf_init(&data, pool, 1000);
    rest = pn_str_n(copy, cut);
    pn_rc rc = feed(&decoder, &rest, &data);
    if (rc == PN_AGAIN) {
        check_u64(in, rest.n, 0);
        rest = pn_str_n(copy + cut, in.n - cut);
        rc = feed(&decoder, &rest, &data);
    }
    else if (rc == PN_EOF)
        rest = pn_str_n(rest.p, (size_t)(copy + in.n - rest.p));
    check_rc(in, rc, cases[i].rc);
    check_z(in, pn_buf_view(&data), cases[i].data);
    check_u64(in, decoder.total, strlen(cases[i].data));
    if (rc == PN_EOF)
        check_z(in, rest, cases[i].rest);
    free(copy);
}

static void bodies_decode_alike_at_every_cut(void **state)
{
    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        for (size_t cut = 0; cut <= cases[i].in.n; cut++)
            check_cut(i, cut);
    }
}

static void long_extensions_are_refused(void **state)
{
    struct pn_chunked decoder;
    struct pn_buf     data;
    size_t            eaten = 0;
    pn_rc             rc = PN_AGAIN;
    pn_str            byte = PN_STR("1");

    pn_chunked_init(&decoder);
    pn_buf_init(&data, pool, 10);
    assert_int_equal(feed(&decoder, &byte, &data), PN_AGAIN);
    while (rc == PN_AGAIN && eaten < 100000) {
        byte = PN_STR(";");
        rc = feed(&decoder, &byte, &data);
        eaten++;
    }
    assert_int_equal(rc, PN_LIMIT);
    assert_in_range(eaten, 256, 4096);
    /* Once broken, always broken. */
    byte = PN_STR("\r\n");
    assert_int_equal(feed(&decoder, &byte, &data), PN_LIMIT);
}

static void the_trailer_section_is_found(void **state)
{
    static const struct {
        pn_str in;
        size_t max;
        pn_rc  rc;
        size_t n;
    } trailers[] = {
        { BYTES("\r\nGET"), 100, PN_OK, 2 },
        { BYTES("A: b\r\n\r\nGET"), 100, PN_OK, 8 },
        { BYTES("A: b\r\nC: d\r\n\r\n"), 14, PN_OK, 14 },
        { BYTES("A: b\r\nC: d\r\n\r\n"), 13, PN_LIMIT, 0 },
        { BYTES("\n"), 100, PN_OK, 1 },
        { BYTES(""), 100, PN_AGAIN, 0 },
        { BYTES("\r"), 100, PN_AGAIN, 0 },
        { BYTES("A: b\r\n\r"), 100, PN_AGAIN, 0 },
        { BYTES("A: bbbbbbbbb"), 10, PN_LIMIT, 0 },
    };

    for (size_t i = 0; i < PN_COUNT(trailers); i++) {
        size_t n = 0;
        check_rc(trailers[i].in, pn_chunked_trailer_end(trailers[i].in, trailers[i].max, &n),
                 trailers[i].rc);
        check_u64(trailers[i].in, n, trailers[i].n);
    }
}

static void size_lines_are_written(void **state)
{
    static const struct {
        uint64_t    n;
        const char *line;
    } lines[] = {
        { 1, "1\r\n" },
        { 15, "f\r\n" },
        { 16, "10\r\n" },
        { 500, "1f4\r\n" },
        { UINT64_MAX, "ffffffffffffffff\r\n" },
    };

    for (size_t i = 0; i < PN_COUNT(lines); i++) {
        char   to[20];
        size_t n = pn_chunked_size_line(to, lines[i].n);
        check_z(pn_str_z(lines[i].line), pn_str_n(to, n), lines[i].line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(bodies_decode_alike_at_every_cut),
        POOL_TEST(long_extensions_are_refused),
        POOL_TEST(the_trailer_section_is_found),
        POOL_TEST(size_lines_are_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
