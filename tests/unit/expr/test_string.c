/* test_string.c - string expressions and the functions that change strings. */
#include "fake_env.h"

static void agrees_with_a_server(void **state)
{
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        { "", "" },
        { "abc", "abc" },
        { "%{HTTP_HOST}", "probe.example" },
        { "x%{HTTP_HOST}y", "xprobe.exampley" },
        { "\"quoted\"", "\"quoted\"" },
        { "'quoted'", "'quoted'" },
        { "a'b\"c", "a'b\"c" },
        { "a\\\\b", "a\\b" },
        { "a\\\"b", "a\"b" },
        { "a\\%{b", "a%{b" },
        { "a\\$1", "a$1" },
        { "$1", "" },
        { "$", "$" },
        { "%", "%" },
        { "%x", "%x" },
        { "%{", "BAD" },
        { "%{NOSUCH}", "BAD" },
        { "a%{tolower:A%{toupper:b}}c", "aabc" },
        { "%{tolower:A B}", "a b" },
        { "%{tolower:$0}", "" },
        { "%{req:}", "BAD" },
        { "%{req:X-Foo}", "fooval" },
        { "%{: 'a' :}", "BAD" },
        { "a\\tb", "a\tb" },
        { "a\\101b", "aAb" },
        { "a\\nb", "a\nb" },
        { "%{base64:a/b}", "YS9i" },
        { "%{unbase64:Zm9v!!}", "foo" },
        { "%{unbase64:AGFi}", "" },
        { "%{unbase64:Zg==}", "f" },
        { "%{unbase64:Zg}", "f" },
        { "%{unbase64:Zm 9v}", "f" },
        { "%{unbase64:Zm9vYmF}", "fooba" },
        { "%{unbase64:Z}", "" },
        { "%{unbase64:Zm-v_w==}", "f" },
        { "%{unescape:a+b%2b%2F%41}", "a+b+%2FA" },
        { "%{unescape:%}", "" },
        { "%{unescape:%zz}", "" },
        { "%{unescape:a%4}", "" },
        { "%{unescape:a%41%2F%5c%00b}", "" },
        { "%{unescape:a%41%5c%c3%a9}", "aA\\\xc3\xa9" },
        { "%{HTTP_HOST} == 'x'", "probe.example == 'x'" },
        { "md5('foo')", "md5('foo')" },
        { "%{md5:foo}", "acbd18db4cc2f85cedef654fccc4a4d8" },
        { "%{sha1:foo}", "0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33" },
        { "%{tolower:ABC", "BAD" },
        { "a\\8", "BAD" },
        { "a\\400", "BAD" },
        { "a\\", "BAD" },
        { "a\\q\\\\\\}", "aq\\}" },
        { "}a{", "}a{" },
        { "%%{HTTP_HOST}", "%probe.example" },
        { "$$1", "$" },
        { "$12", "2" },
        { "\\$%", "$%" },
        { "%{tolower:a:b}", "a:b" },
        { "%{tolower:a{b\\}c}", "a{b}c" },
        { "%{req:X-Foo}%{req:X-None}", "fooval" },
        { "%{PeerExtList:1.2.3}", "BAD" },
        { "%{SSL:X}|%{ssl:SSL_PROTOCOL}|%{Ssl_X}", "|TLSv1.3|" },
        { "[%{escape:\\001\\011\\012\\015\\037 "
          "!\\042\\043\\044\\045\\046\\047\\050\\051*+,-./0:;<=>?@A[\\134]^_`a\\173|"
          "\\175~\\177\\200\\377}]",
          "[%01%09%0a%0d%1f%20!%22%23$%25&'()*+,-./"
          "0:;%3c=%3e%3f@A%5b%5c%5d%5e_%60a%7b%7c%7d~%7f%80%ff]" },
        { "[%{ldap:\\001\\011 "
          "!\\042\\043\\044\\045\\046\\047\\050\\051*+,-./"
          "0:;<=>?@A[\\134]^_`a\\173|\\175~\\177\\200"
          "\\377}]",
          "[\\01\\09 "
          "!\\22#$%&'\\28\\29\\2a\\2b\\2c-./0:\\3b\\3c=\\3e?@A[\\5c]^_`a{|}~\\7f\\80\\ff]" },
        { "%{filesize:/nowhere}", "0" },
        { "%{file:/etc/motd}", "hello\n" },
        { "%{file:/nowhere}", "PN_NOT_FOUND" },
    };

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        struct fake *fake = fake_open();

        assert_string_equal(fake_string(fake, cases[i].text, 0), cases[i].want);
        fake_close(fake);
    }
}

static void functions_at_run_time(void **state)
{
    /* arguments that are not known when compiling */
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        { "%{toupper:%{HTTP_HOST}}", "PROBE.EXAMPLE" },
        { "%{base64:%{REQUEST_METHOD}}", "R0VU" },
        { "%{unbase64:%{base64:%{REQUEST_METHOD}}}", "GET" },
        { "%{md5:%{QUERY_STRING}}", "d41d8cd98f00b204e9800998ecf8427e" },
        { "%{sha1:%{QUERY_STRING}}", "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
        { "%{base64:%{QUERY_STRING}}|%{unbase64:%{QUERY_STRING}}|%{escape:%{QUERY_STRING}}", "||" },
        { "%{unescape:%{QUERY_STRING}}|%{ldap:%{QUERY_STRING}}|%{tolower:%{QUERY_STRING}}", "||" },
        { "%{escape:%{HTTP_USER_AGENT}}", "Probe/1.0%20(x)" },
        { "%{ldap:%{HTTP_USER_AGENT}}", "Probe/1.0 \\28x\\29" },
        { "%{unescape:%{escape:%{HTTP_USER_AGENT}}}", "Probe/1.0 (x)" },
        { "%{note:both}|%{reqenv:both}|%{env:both}|%{resp:server}", "note|env|note|Pinion" },
        { "%{REMOTE_HOST}%{QUERY_STRING}%{IPV6}%{QUERY_STRING}%{HTTPS}", "offoff" },
    };

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        struct fake *fake = fake_open();

        assert_string_equal(fake_string(fake, cases[i].text, 0), cases[i].want);
        fake_close(fake);
    }
}

/* Letters outside of ASCII keep their case. */
static void case_is_ascii(void **state)
{
    struct fake *fake = fake_open();

    assert_string_equal(fake_string(fake, "%{tolower:\\300A}%{toupper:\\340a}", 0), "\300a\340A");
    fake_close(fake);
}

static void other_kinds_as_strings(void **state)
{
    struct fake          *fake = fake_open();
    const struct pn_expr *expr = fake_compile(fake, "'a' == 'b'", PN_EXPR_CONDITION, 0);
    pn_str                text;
    bool                  value = true;

    assert_int_equal(pn_expr_string(expr, &fake->env, &text), PN_OK);
    assert_true(pn_str_eq(text, PN_STR("false")));
    assert_null(pn_expr_literal(expr).p);

    expr = fake_compile(fake, "%{QUERY_STRING}", PN_EXPR_STRING, 0);
    assert_int_equal(pn_expr_test(expr, &fake->env, &value), PN_OK);
    assert_false(value);
    assert_null(pn_expr_literal(expr).p);

    expr = fake_compile(fake, "pl\\141in%{tolower:TEXT}", PN_EXPR_STRING, 0);
    assert_int_equal(pn_expr_test(expr, &fake->env, &value), PN_OK);
    assert_true(value);
    assert_true(pn_str_eq(pn_expr_literal(expr), PN_STR("plaintext")));
    fake_close(fake);
}

static pn_str big_value;

static pn_rc big_var(struct pn_expr_env *env, enum pn_expr_var id, pn_str *ret_value)
{
    *ret_value = big_value;
    return PN_OK;
}

static void strings_have_a_maximum(void **state)
{
    static const struct pn_expr_ops ops = { .var = big_var };
    static const struct {
        const char *text;
        size_t      size;
        pn_rc       rc;
    } cases[] = {
        { "%{HTTP_HOST}%{HTTP_HOST}", PN_EXPR_STRING_MAX / 2, PN_OK },
        { "%{HTTP_HOST}%{HTTP_HOST}", PN_EXPR_STRING_MAX / 2 + 1, PN_LIMIT },
        { "%{escape:%{HTTP_HOST}}", PN_EXPR_STRING_MAX / 3, PN_OK },
        { "%{escape:%{HTTP_HOST}}", PN_EXPR_STRING_MAX / 3 + 1, PN_LIMIT },
        { "%{base64:%{HTTP_HOST}}", PN_EXPR_STRING_MAX, PN_LIMIT },
    };
    struct fake *fake = fake_open();
    char        *bytes = apr_palloc(fake->pool, PN_EXPR_STRING_MAX);

    memset(bytes, '\001', PN_EXPR_STRING_MAX);
    fake->env.ops = &ops;
    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        const struct pn_expr *expr = fake_compile(fake, cases[i].text, PN_EXPR_STRING, 0);
        pn_str                text = { 0 };

        big_value = pn_str_n(bytes, cases[i].size);
        assert_int_equal(pn_expr_string(expr, &fake->env, &text), cases[i].rc);
        assert_int_equal(text.p != NULL, cases[i].rc == PN_OK);
        assert_int_equal(fake->env.error != NULL, cases[i].rc != PN_OK);
    }
    fake_close(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_server),   cmocka_unit_test(functions_at_run_time),
        cmocka_unit_test(case_is_ascii),          cmocka_unit_test(other_kinds_as_strings),
        cmocka_unit_test(strings_have_a_maximum),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
