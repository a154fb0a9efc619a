/* test_multipart.c - src/proto/multipart.c. */
#include "support.h"

#include "proto/multipart.h"

static void a_body_has_parts_and_an_end(void **state)
{
    struct pn_multipart multipart;
    struct pn_buf       buf;

    pn_multipart_init(&multipart, UINT64_C(0xfedcba9876543210), PN_STR("text/plain"), 1000);
    pn_buf_init(&buf, pool, 10000);
    pn_multipart_type(&multipart, &buf);
    check_z(PN_STR("type"), pn_buf_view(&buf), "multipart/byteranges; boundary=0123456789abcdef");
    pn_buf_clear(&buf);
    pn_multipart_part(&multipart, (struct pn_range){ 0, 9 }, &buf);
    pn_buf_lit(&buf, "0123456789");
    pn_multipart_end(&multipart, &buf);
    check_z(PN_STR("body"), pn_buf_view(&buf),
            "\r\n--0123456789abcdef\r\nContent-type: text/plain\r\nContent-range: bytes "
            "0-9/1000\r\n\r\n"
            "0123456789\r\n--0123456789abcdef--\r\n");
}

static void a_part_without_type_has_no_type_line(void **state)
{
    struct pn_multipart multipart;
    struct pn_buf       buf;

    pn_multipart_init(&multipart, 0, (pn_str){ 0 }, 5);
    pn_buf_init(&buf, pool, 10000);
    pn_multipart_part(&multipart, (struct pn_range){ 1, 2 }, &buf);
    check_z(PN_STR("part"), pn_buf_view(&buf),
            "\r\n--0000000000000000\r\nContent-range: bytes 1-2/5\r\n\r\n");
}

static void the_length_is_that_of_the_body(void **state)
{
    struct pn_range     ranges[] = { { 0, 9 }, { 500, 1499 }, { 99999, 99999 } };
    struct pn_range_set set = { .v = ranges, .n = PN_COUNT(ranges) };
    struct pn_multipart multipart;
    struct pn_buf       buf;
    uint64_t            want = 10 + 1000 + 1, got = 0;

    pn_multipart_init(&multipart, 1, PN_STR("a/b"), 100000);
    pn_buf_init(&buf, pool, 10000);
    for (unsigned i = 0; i < set.n; i++)
        pn_multipart_part(&multipart, set.v[i], &buf);
    pn_multipart_end(&multipart, &buf);
    assert_int_equal(pn_multipart_length(&multipart, &set, &got), PN_OK);
    check_u64(PN_STR("length"), got, want + buf.n);
}

static void a_length_past_63_bits_is_refused(void **state)
{
    struct pn_range ranges[] = { { 0, INT64_MAX - 1 }, { 0, INT64_MAX - 1 }, { 0, INT64_MAX - 1 } };
    struct pn_multipart multipart;
    uint64_t            got;

    pn_multipart_init(&multipart, 1, PN_STR("a/b"), INT64_MAX);
    for (unsigned n = 1; n <= PN_COUNT(ranges); n++) {
        struct pn_range_set set = { .v = ranges, .n = n };
        assert_int_equal(pn_multipart_length(&multipart, &set, &got), PN_LIMIT);
    }
}

static void a_416_names_the_length_only(void **state)
{
    struct pn_buf buf;

    pn_buf_init(&buf, pool, 100);
    pn_content_range_none(1234, &buf);
    check_z(PN_STR("416"), pn_buf_view(&buf), "bytes */1234");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(a_body_has_parts_and_an_end),    POOL_TEST(a_part_without_type_has_no_type_line),
        POOL_TEST(the_length_is_that_of_the_body), POOL_TEST(a_length_past_63_bits_is_refused),
        POOL_TEST(a_416_names_the_length_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
