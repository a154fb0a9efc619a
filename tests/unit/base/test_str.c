/* test_str.c - src/base/str.c. */
#include "support.h"

static void comparing_ignores_ascii_case_only(void **state)
{
    (void)state;
    assert_true(pn_str_ieq(PN_STR("Content-TYPE"), PN_STR("content-type")));
    assert_false(pn_str_ieq(PN_STR("\xc4"), PN_STR("\xe4")));
    assert_true(pn_str_istarts(PN_STR("Basic xyz"), PN_STR("bASIC ")));
    assert_false(pn_str_istarts(PN_STR("Ba"), PN_STR("Basic")));
    assert_true(pn_str_iends(PN_STR("a.HTML"), PN_STR(".html")));
    assert_true(pn_str_cmp(PN_STR("a"), PN_STR("ab")) < 0);
    assert_true(pn_str_cmp(PN_STR("b"), PN_STR("ab")) > 0);
    assert_true(pn_str_icmp(PN_STR("A"), PN_STR("b")) < 0);
    assert_true(pn_str_eq((pn_str){ NULL, 0 }, PN_STR("")));
}

static void searching_finds_first_last_and_nothing(void **state)
{
    (void)state;
    assert_int_equal(pn_str_chr(PN_STR("a/b/c"), '/', 0), 1);
    assert_int_equal(pn_str_chr(PN_STR("a/b/c"), '/', 2), 3);
    assert_int_equal(pn_str_chr(PN_STR("abc"), '/', 0), SIZE_MAX);
    assert_int_equal(pn_str_chr(PN_STR("abc"), 'a', 9), SIZE_MAX);
    assert_int_equal(pn_str_rchr(PN_STR("a/b/c"), '/'), 3);
    assert_int_equal(pn_str_rchr((pn_str){ NULL, 0 }, '/'), SIZE_MAX);
    assert_int_equal(pn_str_find(PN_STR("xaab"), PN_STR("ab")), 2);
    assert_int_equal(pn_str_find(PN_STR("x"), PN_STR("")), 0);
    assert_int_equal(pn_str_find(PN_STR("x"), PN_STR("xy")), SIZE_MAX);
    assert_int_equal(pn_str_ifind(PN_STR("no-CACHE"), PN_STR("cache")), 3);
}

static void cutting_tells_an_empty_rest_from_none(void **state)
{
    pn_str rest;

    (void)state;
    eq_str(pn_str_cut(PN_STR("a=b=c"), '=', &rest), "a");
    eq_str(rest, "b=c");
    eq_str(pn_str_cut(PN_STR("a="), '=', &rest), "a");
    assert_non_null(rest.p);
    assert_int_equal(rest.n, 0);
    eq_str(pn_str_cut(PN_STR("a"), '=', &rest), "a");
    assert_null(rest.p);
}

static void words_are_parted_by_white_space(void **state)
{
    pn_str line = PN_STR(" \tone  two\r\n");

    (void)state;
    eq_str(pn_str_word(&line), "one");
    eq_str(pn_str_word(&line), "two");
    assert_int_equal(pn_str_word(&line).n, 0);
    eq_str(pn_str_trim(PN_STR("\v a b \f")), "a b");
    assert_int_equal(pn_str_trim(PN_STR("   ")).n, 0);
}

static void copies_end_with_nul(void **state)
{
    apr_pool_t *pool = *state;
    pn_str      joined = PN_CAT(pool, PN_STR("a"), PN_STR(""), PN_STR("bc"));

    eq_str(joined, "abc");
    assert_int_equal(joined.p[3], 0);
    assert_int_equal(pn_str_dup(pool, pn_str_n("xyz", 2)).p[2], 0);
    eq_str(pn_str_lower(pool, PN_STR("MiXeD-1")), "mixed-1");
    eq_str(pn_str_printf(pool, "%d-%s", 7, "x"), "7-x");
}

static void escaping_shows_every_odd_byte(void **state)
{
    apr_pool_t *pool = *state;

    eq_str(pn_str_escape(pool, PN_STR("a\"b\\c\n\r\t\v\b\x01\x7f\xff")), "a\\\"b\\\\c\\n\\r\\t\\v\\b\\x01\\x7f\\xff");
    eq_str(pn_str_escape(pool, pn_str_n("a\0b", 3)), "a\\x00b");
    eq_str(pn_str_escape(pool, PN_STR("")), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparing_ignores_ascii_case_only),
        cmocka_unit_test(searching_finds_first_last_and_nothing),
        cmocka_unit_test(cutting_tells_an_empty_rest_from_none),
        cmocka_unit_test(words_are_parted_by_white_space),
        cmocka_unit_test_setup_teardown(copies_end_with_nul, make_pool, drop_pool),
        cmocka_unit_test_setup_teardown(escaping_shows_every_odd_byte, make_pool, drop_pool),
    };

    return cmocka_run_group_tests_name("base/str", tests, NULL, NULL);
}
