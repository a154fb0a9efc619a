/* test_status.c - src/proto/status.c. */
#include "support.h"

#include <pinion/status.h>

static void lines_of_known_codes(void **state)
{
    check_z(PN_STR("200"), pn_status_line(200), "200 OK");
    check_z(PN_STR("404"), pn_status_line(PN_STATUS_NOT_FOUND), "404 Not Found");
    check_z(PN_STR("511"), pn_status_line(511), "511 Network Authentication Required");
    check_z(PN_STR("reason"), pn_status_reason(304), "Not Modified");
    check_z(PN_STR("reason"), pn_status_reason(299), "");
}

static void every_code_has_a_line(void **state)
{
    for (int code = 100; code <= 999; code++) {
        pn_str line = pn_status_line(code), digits = pn_str_printf(pool, "%d ", code);

        assert_true(pn_str_starts(line, digits));
        assert_int_equal(line.p[line.n], '\0');
        check_u64(digits, line.n > digits.n, pn_status_known(code));
    }
    check_z(PN_STR("99"), pn_status_line(99), "500 Internal Server Error");
    check_z(PN_STR("1000"), pn_status_line(1000), "500 Internal Server Error");
    check_z(PN_STR("-1"), pn_status_line(-1), "500 Internal Server Error");
    assert_false(pn_status_known(0));
}

static void every_error_is_explained_in_one_sentence(void **state)
{
    for (int code = 100; code <= 999; code++) {
        pn_str text = pn_status_explain(code), digits = pn_status_line(code);

        check_u64(digits, text.n > 0, code >= 400 && code <= 599);
        if (text.n) {
            check_u64(digits, pn_str_ends(text, PN_STR(".")), true);
            check_u64(digits, pn_str_find(text, PN_STR(". ")), SIZE_MAX);
            check_u64(digits, pn_str_chr(text, '<', 0), SIZE_MAX);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(lines_of_known_codes),
        POOL_TEST(every_code_has_a_line),
        POOL_TEST(every_error_is_explained_in_one_sentence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
