/* test_parse.c - what compiles, what the errors say, what an expression tells about itself. */
#include "fake_env.h"

static void errors_name_the_place_and_what_was_expected(void **state)
{
    static const struct {
        const char       *text;
        enum pn_expr_mode mode;
        size_t            offset;
        const char       *says;
    } cases[] = {
        { "'a' ==", PN_EXPR_CONDITION, 6,
          "at byte 6: expected a string, number, %{variable}, $0-$9 or function, "
          "found the end" },
        { "'a' 'b'", PN_EXPR_CONDITION, 4, "expected an operator" },
        { "true true", PN_EXPR_CONDITION, 5, "expected && or || or the end, found \"true\"" },
        { "(true", PN_EXPR_CONDITION, 5, "expected ) or && or ||, found the end" },
        { "a == 'a'", PN_EXPR_CONDITION, 2,
          "expected ( behind the name of a function (strings need quotes)" },
        { "%{HTTP_HOTS} == 'a'", PN_EXPR_CONDITION, 0,
          "there is no variable HTTP_HOTS; did you mean HTTP_HOST?" },
        { "%{XYZZY_PLUGH} == 'a'", PN_EXPR_CONDITION, 0, "there is no variable XYZZY_PLUGH" },
        { "'a' == tolwer('A')", PN_EXPR_CONDITION, 7,
          "there is no function tolwer; did you mean tolower?" },
        { "%{unesape:x} == 'a'", PN_EXPR_CONDITION, 0, "did you mean unescape?" },
        { "'a' =~ /(/", PN_EXPR_CONDITION, 8, "bad regular expression: " },
        { "'a' =~ /a", PN_EXPR_CONDITION, 7,
          "the regular expression that begins here has no end /" },
        { "'a' =~ 'a'", PN_EXPR_CONDITION, 7, "expected a regular expression" },
        { "'a", PN_EXPR_CONDITION, 1, "the string that begins here has no end '" },
        { "'a\\9'", PN_EXPR_CONDITION, 2, "bad escape" },
        { "%{HTTP_HOST", PN_EXPR_STRING, 0, "the variable that begins here has no end }" },
        { "ab%{HTTP HOST}", PN_EXPR_STRING, 8, "expected } or : behind %{HTTP" },
        { "%{}", PN_EXPR_STRING, 2, "expected the name of a variable or function" },
        { "%{req:}", PN_EXPR_STRING, 0, "%{req:} needs an argument" },
        { "a\\", PN_EXPR_STRING, 1, "a backslash at the end" },
        { "-q 'x'", PN_EXPR_CONDITION, 0, "there is no test -q" },
        { "'a' -qq 'x'", PN_EXPR_CONDITION, 4, "there is no operator -qq" },
        { "-R 'nohost'", PN_EXPR_CONDITION, 3, "\"nohost\" is not an address or network" },
        { "'1' -ipmatch %{REMOTE_ADDR}", PN_EXPR_CONDITION, 13,
          "expected an address or network written out" },
        { "'a' in { 'a' 'b' }", PN_EXPR_CONDITION, 13, "expected , or } in the list" },
        { "'a' in Nothing('b')", PN_EXPR_CONDITION, 7, "there is no list function Nothing" },
        { "true \001", PN_EXPR_CONDITION, 5, "found \"\\x01\"" },
        { "$a = 'b", PN_EXPR_INCLUDE, 5, "what begins here has no end '" },
        { "! a = b", PN_EXPR_INCLUDE, 4, "expected && or || or the end" },
    };

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        struct fake          *fake = fake_open();
        const struct pn_expr *expr = NULL;
        struct pn_expr_error  error = { 0 };

        pn_rc rc =
            pn_expr_compile(fake->pool, pn_str_z(cases[i].text), cases[i].mode, 0, &expr, &error);
        if (rc != PN_BAD || error.offset != cases[i].offset || !strstr(error.text, cases[i].says))
            fail_msg("%s\n  %s, offset %zu: %s", cases[i].text, pn_rc_name(rc), error.offset,
                     error.text ? error.text : "(no error)");
        assert_null(expr);
        assert_int_equal(
            pn_expr_compile(fake->pool, pn_str_z(cases[i].text), cases[i].mode, 0, &expr, NULL),
            PN_BAD);
        fake_close(fake);
    }
}

static void authors_without_rights_get_no_files(void **state)
{
    static const struct {
        const char *text;
        unsigned    flags;
        const char *want;
    } cases[] = {
        { "file('/etc/motd') == ''", PN_EXPR_RESTRICTED, "DENIED" },
        { "%{FileSize:/etc/motd} == ''", PN_EXPR_RESTRICTED, "DENIED" },
        { "true || 'a' in { 'b', file('/etc/motd') }", PN_EXPR_RESTRICTED, "DENIED" },
        { "-f '/etc/motd'", PN_EXPR_RESTRICTED, "YES" },
        { "-f '/etc/motd'", PN_EXPR_NO_FILES, "DENIED" },
        { "-d 'x' || true", PN_EXPR_NO_FILES, "DENIED" },
        { "-e 'x' || true", PN_EXPR_NO_FILES, "DENIED" },
        { "-s 'x' || true", PN_EXPR_NO_FILES, "DENIED" },
        { "-L 'x' || true", PN_EXPR_NO_FILES, "DENIED" },
        { "-h 'x' || true", PN_EXPR_NO_FILES, "DENIED" },
        { "-x 'x' || true", PN_EXPR_NO_FILES, "DENIED" },
        { "file('/etc/motd') == ''", PN_EXPR_NO_FILES, "DENIED" },
        { "-U '/x' && -F '/x' && -A '/x' && osenv('PATH') != ''", PN_EXPR_NO_FILES, "YES" },
    };

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        struct fake *fake = fake_open();

        assert_string_equal(fake_test(fake, cases[i].text, PN_EXPR_CONDITION, cases[i].flags),
                            cases[i].want);
        fake_close(fake);
    }
}

static void tells_what_it_uses(void **state)
{
    static const struct {
        const char       *text;
        enum pn_expr_mode mode;
        unsigned          uses;
    } cases[] = {
        { "true && md5('a') != ''", PN_EXPR_CONDITION, 0 },
        { "plain", PN_EXPR_STRING, 0 },
        { "%{HTTP_HOST}", PN_EXPR_STRING, PN_EXPR_USES_REQ_HEADERS },
        { "%{req:a}%{resp:b}", PN_EXPR_STRING, PN_EXPR_USES_REQ_HEADERS | PN_EXPR_USES_RESPONSE },
        { "%{env:a}", PN_EXPR_STRING, PN_EXPR_USES_ENV | PN_EXPR_USES_OSENV },
        { "'a' =~ /b/", PN_EXPR_CONDITION, PN_EXPR_SETS_CAPTURES },
        { "$1 == ''", PN_EXPR_CONDITION, PN_EXPR_USES_CAPTURES },
        { "-U '/x'", PN_EXPR_CONDITION, PN_EXPR_USES_SUBREQ | PN_EXPR_MAY_YIELD },
        { "-f '/x'", PN_EXPR_CONDITION, PN_EXPR_USES_FILES },
        { "-R '10'", PN_EXPR_CONDITION, PN_EXPR_USES_CONN | PN_EXPR_USES_REQUEST },
        { "%{REMOTE_HOST}", PN_EXPR_STRING,
          PN_EXPR_USES_CONN | PN_EXPR_USES_REQUEST | PN_EXPR_MAY_YIELD },
        { "%{TIME_HOUR} -gt 9 && %{SSL_CIPHER} != ''", PN_EXPR_CONDITION,
          PN_EXPR_USES_TIME | PN_EXPR_USES_TLS },
        { "'a' in PeerExtList('1')", PN_EXPR_CONDITION, PN_EXPR_USES_TLS },
        { "$a = /x/ && $1 = b", PN_EXPR_INCLUDE,
          PN_EXPR_USES_ENV | PN_EXPR_SETS_CAPTURES | PN_EXPR_USES_CAPTURES },
        { "-A /x", PN_EXPR_INCLUDE, PN_EXPR_USES_SUBREQ | PN_EXPR_MAY_YIELD },
    };

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        struct fake          *fake = fake_open();
        const struct pn_expr *expr = fake_compile(fake, cases[i].text, cases[i].mode, 0);

        if (pn_expr_uses(expr) != cases[i].uses)
            fail_msg("%s: 0x%x, wanted 0x%x", cases[i].text, pn_expr_uses(expr), cases[i].uses);
        assert_true(pn_str_eq(pn_expr_text(expr), pn_str_z(cases[i].text)));
        fake_close(fake);
    }
}

/* A text of n times `open`, then `middle`, then n times `close`. */
static const char *nested(struct fake *fake, size_t n, const char *open, const char *middle,
                          const char *close)
{
    size_t open_n = strlen(open);
    size_t close_n = strlen(close);
    char  *text = apr_palloc(fake->pool, n * (open_n + close_n) + strlen(middle) + 1);
    char  *to = text;

    for (size_t i = 0; i < n; i++, to += open_n)
        memcpy(to, open, open_n);
    memcpy(to, middle, strlen(middle));
    to += strlen(middle);
    for (size_t i = 0; i < n; i++, to += close_n)
        memcpy(to, close, close_n);
    *to = '\0';
    return text;
}

static void nesting_is_bounded_and_chains_are_not(void **state)
{
    static const struct {
        const char       *open, *middle, *close;
        enum pn_expr_mode mode;
        bool              deep; /* too many are an error */
    } cases[] = {
        { "(", "true", ")", PN_EXPR_CONDITION, true },
        { "!(", "true", ")", PN_EXPR_CONDITION, true },
        { "-n tolower(", "'a'", ")", PN_EXPR_CONDITION, true },
        { "%{tolower:", "a", "}", PN_EXPR_STRING, true },
        { "(", "a", ")", PN_EXPR_INCLUDE, true },
        { "!", "true", "", PN_EXPR_CONDITION, false },
        { "! ", "a", "", PN_EXPR_INCLUDE, false },
        { "", "true", "&& true", PN_EXPR_CONDITION, false },
        { "", "true", "|| false", PN_EXPR_CONDITION, false },
        { "", "-n 'a'", " . 'b'", PN_EXPR_CONDITION, false },
        { "a && ", "a", "", PN_EXPR_INCLUDE, false },
        { "'a' in { 'b' } || ", "true", "", PN_EXPR_CONDITION, false },
    };

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        struct fake *fake = fake_open();
        const char  *open = strcmp(cases[i].open, "-n tolower(") == 0 ? "tolower(" : cases[i].open;
        const char  *last = strcmp(open, cases[i].open) == 0 ? "" : " == 'a'";
        const char  *fits = nested(fake, PN_EXPR_DEPTH_MAX, open, cases[i].middle, cases[i].close);
        const char  *over =
            nested(fake, PN_EXPR_DEPTH_MAX * 200, open, cases[i].middle, cases[i].close);

        fits = pn_str_printf(fake->pool, "%s%s", fits, last).p;
        over = pn_str_printf(fake->pool, "%s%s", over, last).p;
        assert_string_equal(fake_test(fake, fits, cases[i].mode, 0), "YES");
        assert_string_equal(fake_test(fake, over, cases[i].mode, 0),
                            cases[i].deep ? "DEEP" : "YES");
        fake_close(fake);
    }
}

static void long_texts_are_refused(void **state)
{
    struct fake          *fake = fake_open();
    const struct pn_expr *expr = NULL;
    struct pn_expr_error  error = { 0 };
    char                 *text = apr_palloc(fake->pool, PN_EXPR_TEXT_MAX + 1);

    memset(text, 'a', PN_EXPR_TEXT_MAX + 1);
    assert_int_equal(pn_expr_compile(fake->pool, pn_str_n(text, PN_EXPR_TEXT_MAX + 1),
                                     PN_EXPR_STRING, 0, &expr, &error),
                     PN_LIMIT);
    assert_int_equal(pn_expr_compile(fake->pool, pn_str_n(text, PN_EXPR_TEXT_MAX), PN_EXPR_STRING,
                                     0, &expr, &error),
                     PN_OK);
    assert_int_equal(pn_expr_literal(expr).n, PN_EXPR_TEXT_MAX);
    fake_close(fake);
}

static void variables_have_names(void **state)
{
    assert_true(pn_str_eq(pn_expr_var_name(PN_EXPR_VAR_HTTP_HOST), PN_STR("HTTP_HOST")));
    assert_int_equal(pn_expr_var_uses(PN_EXPR_VAR_TIME), PN_EXPR_USES_TIME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_name_the_place_and_what_was_expected),
        cmocka_unit_test(authors_without_rights_get_no_files),
        cmocka_unit_test(tells_what_it_uses),
        cmocka_unit_test(nesting_is_bounded_and_chains_are_not),
        cmocka_unit_test(long_texts_are_refused),
        cmocka_unit_test(variables_have_names),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
