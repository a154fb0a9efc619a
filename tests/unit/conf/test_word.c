/* test_word.c - tests src/conf/word.c. Each row was compared with httpd 2.4.71 (Define X ...,
 * then Error "${X}"). */
#include "fixture.h"

#include <apr_strings.h>

static const struct {
    const char *line;
    const char *words; /* each followed by | */
} cases[] = {
    { "", "" },
    { "   ", "" },
    { "a", "a|" },
    { "a b\tc\vd\fe\rf\ng", "a|b|c|d|e|f|g|" },
    { "\"a b\" c", "a b|c|" },
    { "'a b' c", "a b|c|" },
    { "\"\"", "|" },
    { "'' x", "|x|" },
    { "\"a\"b", "a|b|" }, /* what follows a closing quote is the next word */
    { "\"bar\"\"baz\"", "bar|baz|" },
    { "a\"b c\"", "a\"b|c\"|" }, /* a quote inside a word is an ordinary byte */
    { "\"abc", "abc|" },         /* without its end a string goes to the end */
    { "\"", "|" },
    { "'a \"b", "a \"b|" },
    { "\"a\\\"b\"", "a\"b|" },
    { "'a\\'b'", "a'b|" },
    { "'a\\\"b'", "a\\\"b|" }, /* the other quote needs no escape, so \" stays */
    { "\"a\\'b\"", "a\\'b|" },
    { "\"a\\nb\"", "a\\nb|" },
    { "\"a\\\\b\"", "a\\b|" },
    { "\"a\\\\\\\\b\"", "a\\\\b|" },
    { "a\\\\b", "a\\b|" }, /* \\ outside of quotes too */
    { "a\\\"b", "a\\\"b|" },
    { "a\\ b", "a\\|b|" }, /* a space cannot be escaped */
    { "\\\"a b\\\"", "\\\"a|b\\\"|" },
    { "\"abc\\\"", "abc\"|" }, /* the escaped quote does not end it */
    { "\"abc\\", "abc\\|" },
    { "a\\", "a\\|" },
    { "{a b}", "{a|b}|" },
    { "\xE9\xFF \xC3\xA9", "\xE9\xFF|\xC3\xA9|" },
    { "a\xC2\xA0"
      "b",
      "a\xC2\xA0"
      "b|" }, /* a no-break space is none */
};

static void words_are_split_as_httpd_does(void **state)
{
    struct fixture *fx = *state;

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        pn_str      rest = pn_str_z(cases[i].line), word;
        const char *got = "";

        while ((word = pn_conf_word(fx->pool, &rest)).p) {
            assert_int_equal(strlen(word.p), word.n);
            got = apr_pstrcat(fx->pool, got, word.p, "|", NULL);
        }
        assert_string_equal(got, cases[i].words);
        assert_int_equal(rest.n, 0);
    }
}

static void rest_begins_at_the_next_word(void **state)
{
    struct fixture *fx = *state;
    pn_str          rest = PN_STR("  a  \t b  c ");

    assert_string_equal(pn_conf_word(fx->pool, &rest).p, "a");
    assert_string_equal(rest.p, "b  c ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(words_are_split_as_httpd_does),
        FIXTURE_TEST(rest_begins_at_the_next_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
