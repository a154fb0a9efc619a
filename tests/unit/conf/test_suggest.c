/* test_suggest.c - tests src/conf/suggest.c. */
#include "fixture.h"

static const char *const names[] = { "DocumentRoot", "ServerName", "ServerAdmin", "ServerAlias",
                                     "Use",          "Listen",     "Options",     "Order",
                                     "Define",       "If",         "H2Push" };

static const struct {
    const char *typed;
    const char *nearest;
} cases[] = {
    { "DocumentRot", "DocumentRoot" },
    { "documentroot", "DocumentRoot" },
    { "DocumnetRoot", "DocumentRoot" },
    { "DocRoot", NULL },
    { "ServerNmae", "ServerName" },
    { "SererAdmin", "ServerAdmin" },
    { "ServerAlais", "ServerAlias" },
    { "Lsiten", "Listen" },
    { "Listne", "Listen" },
    { "Uze", "Use" },
    { "Us", "Use" },
    { "Xyz", NULL },
    { "", NULL },
    { "Option", "Options" },
    { "AllowEverything", NULL },
    { "H2Psuh", "H2Push" },
    { "Fi", "If" },
    { "ServerAliasDocumentRoot", NULL },
};

static void nearest_name_is_found(void **state)
{
    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        const char *got = pn_conf_suggest(pn_str_z(cases[i].typed), names, PN_COUNT(names));

        if (!cases[i].nearest)
            assert_null(got);
        else {
            assert_non_null(got);
            assert_string_equal(got, cases[i].nearest);
        }
    }
}

static void the_nearest_wins_and_then_the_first(void **state)
{
    static const char *const near[] = { "abcdefxyz", "abcdefghx", "abcdefghy" };

    assert_string_equal(pn_conf_suggest(PN_STR("abcdefghi"), near, 3), "abcdefghx");
}

static void overlong_names_have_no_neighbour(void **state)
{
    static const char name[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    static const char *const same[] = { name };

    assert_int_equal(strlen(name), 64);
    assert_null(pn_conf_suggest(pn_str_n(name, 64), same, 1));
    assert_string_equal(pn_conf_suggest(pn_str_n(name, 63), (const char *const[]){ name + 1 }, 1),
                        name + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearest_name_is_found),
        cmocka_unit_test(the_nearest_wins_and_then_the_first),
        cmocka_unit_test(overlong_names_have_no_neighbour),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
