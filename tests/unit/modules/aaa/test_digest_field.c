/* test_digest_field.c - Authorization: Digest fields taken apart (src/modules/aaa/digest_field.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <apr_general.h>
#include <cmocka.h>

#include "../../../../src/modules/aaa/digest_field.h"

static const struct {
    const char *field;
    bool        good;
    const char *user, *uri; /* NULL: not sent */
} cases[] = {
    { "username=\"alice\", uri=\"/a\"", true, "alice", "/a" },
    { "USERNAME=alice,uri=/a", true, "alice", "/a" },
    { "username=\"a\\\"b\\\\c\"", true, "a\"b\\c", NULL },
    { "username=\"a, uri=\\\"/x\\\"\", uri=\"/a\"", true, "a, uri=\"/x\"", "/a" },
    { "username=\"\", uri=\"/a\"", true, "", "/a" },
    { "opaque=\"x\", other, uri=\"/a,b\"", true, NULL, "/a,b" },
    { "username=\"a\", username=\"a\"", false, NULL, NULL },
    { "username", false, NULL, NULL },
    { " , ,", true, NULL, NULL },
    { "", true, NULL, NULL },
};

static bool same(pn_str got, const char *want)
{
    return want ? got.p && pn_str_eq(got, pn_str_z(want)) : !got.p;
}

static void fields(void **state)
{
    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        struct digest_field got = { 0 };
        apr_pool_t         *pool;

        apr_pool_create(&pool, NULL);
        if (digest_field_parse(pool, pn_str_z(cases[i].field), &got) != cases[i].good)
            fail_msg("%s: want %s", cases[i].field, cases[i].good ? "good" : "bad");
        if (cases[i].good && (!same(got.user, cases[i].user) || !same(got.uri, cases[i].uri)))
            fail_msg("%s: user '%.*s', uri '%.*s'", cases[i].field, PN_FMT(got.user), PN_FMT(got.uri));
        assert_false(digest_field_is_complete(&got));
        apr_pool_destroy(pool);
    }
}

static void counts(void **state)
{
    static const char *const bad[] = { "", "1", "0000000", "000000001", "0000000g", "+0000001", " 0000001", "0x000001" };
    uint32_t                 count = 7;

    for (size_t i = 0; i < PN_COUNT(bad); i++)
        assert_false(digest_field_count(pn_str_z(bad[i]), &count));
    assert_int_equal(count, 7);
    assert_true(digest_field_count(PN_STR("0000001f"), &count));
    assert_int_equal(count, 31);
    assert_true(digest_field_count(PN_STR("FFFFFFFF"), &count));
    assert_int_equal(count, UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(fields), cmocka_unit_test(counts) };
    int                     failed;

    apr_initialize();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
