/* test_regex.c - src/base/regex.c. */
#include "support.h"

static struct pn_regex *compile(apr_pool_t *pool, const char *pattern, unsigned flags)
{
    struct pn_regex *regex = NULL;
    const char      *error = NULL;

    if (pn_regex_compile(pool, pn_str_z(pattern), flags, &regex, &error) != PN_OK)
        fail_msg("%s", error);
    return regex;
}

static const struct { const char *pattern; unsigned flags; const char *prefix; } prefixes[] = {
    { "^/blog/", 0, "/blog/" },     { "^/a\\.b", 0, "/a.b" },  { "^/ab?", 0, "/a" },
    { "^/ab*", 0, "/a" },           { "^/a{2}", 0, "/" },      { "^/a|/b", 0, "" },
    { "/blog", 0, "" },             { "^/A", PN_REGEX_ICASE, "" }, { "^", 0, "" },
    { "^/x(y)", 0, "/x" },          { "^\\d", 0, "" },         { "^index\\.php$", 0, "index.php" },
};

static void literal_prefix_is_what_every_match_begins_with(void **state)
{
    for (size_t i = 0; i < PN_COUNT(prefixes); i++)
        eq_str(pn_regex_prefix(compile(*state, prefixes[i].pattern, prefixes[i].flags)), prefixes[i].prefix);
}

static void groups_and_expansion(void **state)
{
    apr_pool_t      *pool = *state;
    struct pn_match  match;
    struct pn_regex *regex = compile(pool, "^/(\\w+)/(x)?(.*)$", 0);

    assert_int_equal(pn_regex_match(regex, PN_STR("/ab/cd"), &match), PN_OK);
    eq_str(pn_match_group(&match, 1), "ab");
    assert_null(pn_match_group(&match, 2).p);
    eq_str(pn_match_expand(pool, PN_STR("$3?$1&\\$1\\&$9"), &match), "cd?ab&$1&");
    assert_int_equal(pn_regex_match(regex, PN_STR("nothing"), &match), PN_NOT_FOUND);
    assert_int_equal(pn_regex_group_count(regex), 3);
}

static void note_name(void *arg, pn_str name, unsigned group)
{
    pn_buf_printf(arg, "%.*s=%u ", PN_FMT(name), group);
}

static void names_come_with_their_groups(void **state)
{
    struct pn_buf names;

    pn_buf_init(&names, *state, 200);
    pn_regex_names(compile(*state, "(?<year>\\d+)-(?<month>\\d+)", 0), note_name, &names);
    assert_true(pn_str_find(pn_buf_view(&names), PN_STR("year=1")) != SIZE_MAX);
    assert_true(pn_str_find(pn_buf_view(&names), PN_STR("month=2")) != SIZE_MAX);
}

static void a_bad_pattern_says_where(void **state)
{
    struct pn_regex *regex = NULL;
    const char      *error = NULL;

    assert_int_equal(pn_regex_compile(*state, PN_STR("a(b"), 0, &regex, &error), PN_BAD);
    assert_non_null(strstr(error, "offset 3"));
}

static void an_exploding_match_ends_with_a_limit(void **state)
{
    struct pn_regex *regex = compile(*state, "^(([a-z])+.)+[A-Z]([a-z])+$", 0);

    assert_int_equal(pn_regex_match(regex, PN_STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), NULL), PN_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(literal_prefix_is_what_every_match_begins_with, make_pool, drop_pool),
        cmocka_unit_test_setup_teardown(groups_and_expansion, make_pool, drop_pool),
        cmocka_unit_test_setup_teardown(names_come_with_their_groups, make_pool, drop_pool),
        cmocka_unit_test_setup_teardown(a_bad_pattern_says_where, make_pool, drop_pool),
        cmocka_unit_test_setup_teardown(an_exploding_match_ends_with_a_limit, make_pool, drop_pool),
    };

    return cmocka_run_group_tests_name("base/regex", tests, NULL, NULL);
}
