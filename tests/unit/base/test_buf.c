/* test_buf.c - src/base/buf.c. */
#include "support.h"

#include <stdlib.h>

static void grows_and_ends_with_nul(void **state)
{
    struct pn_buf buf;
    pn_str        all;

    (void)state;
    pn_buf_init(&buf, NULL, 100000);
    for (int i = 0; i < 5000; i++)
        pn_buf_printf(&buf, "%d,", i % 10);
    assert_int_equal(pn_buf_done(&buf, &all), PN_OK);
    assert_int_equal(all.n, 10000);
    assert_int_equal(all.p[all.n], 0);
    assert_memory_equal(all.p + 9998, "9,", 2);
    pn_buf_release(&buf);
    assert_null(buf.p);
}

static void drops_what_is_over_the_maximum_and_says_so(void **state)
{
    struct pn_buf buf;
    pn_str        all;

    (void)state;
    pn_buf_init(&buf, NULL, 8);
    pn_buf_lit(&buf, "12345678");
    assert_false(buf.full);
    pn_buf_ch(&buf, '9');
    assert_true(buf.full);
    assert_int_equal(pn_buf_done(&buf, &all), PN_LIMIT);
    pn_buf_clear(&buf);
    pn_buf_lit(&buf, "ok");
    assert_int_equal(pn_buf_done(&buf, &all), PN_OK);
    eq_str(all, "ok");
    pn_buf_release(&buf);
}

static void an_empty_buffer_is_an_empty_string(void **state)
{
    struct pn_buf buf;
    pn_str        all;

    pn_buf_init(&buf, *state, 8);
    assert_int_equal(pn_buf_done(&buf, &all), PN_OK);
    assert_int_equal(all.n, 0);
    assert_non_null(all.p);
}

static void numbers_are_written_in_decimal(void **state)
{
    struct pn_buf buf;

    pn_buf_init(&buf, *state, 200);
    pn_buf_u64(&buf, 0);
    pn_buf_ch(&buf, ' ');
    pn_buf_u64(&buf, UINT64_MAX);
    pn_buf_ch(&buf, ' ');
    pn_buf_i64(&buf, INT64_MIN);
    eq_str(pn_buf_view(&buf), "0 18446744073709551615 -9223372036854775808");
}

static void consuming_moves_the_rest_to_the_front(void **state)
{
    struct pn_buf buf;

    pn_buf_init(&buf, *state, 200);
    pn_buf_lit(&buf, "abcdef");
    pn_buf_consume(&buf, 2);
    eq_str(pn_buf_view(&buf), "cdef");
    pn_buf_consume(&buf, 4);
    assert_int_equal(buf.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_ends_with_nul),
        cmocka_unit_test(drops_what_is_over_the_maximum_and_says_so),
        cmocka_unit_test_setup_teardown(an_empty_buffer_is_an_empty_string, make_pool, drop_pool),
        cmocka_unit_test_setup_teardown(numbers_are_written_in_decimal, make_pool, drop_pool),
        cmocka_unit_test_setup_teardown(consuming_moves_the_rest_to_the_front, make_pool, drop_pool),
    };

    return cmocka_run_group_tests_name("base/buf", tests, NULL, NULL);
}
