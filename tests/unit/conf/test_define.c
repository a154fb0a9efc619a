/* test_define.c - tests src/conf/define.c. Each row was compared with httpd 2.4.71. */
#include "fixture.h"

#include <stdlib.h>

#include <apr_strings.h>

static const struct {
    const char *text;
    const char *tree;
} cases[] = {
    { "Define A b\nFoo x${A}y", "Foo xby" },
    { "Define A \"b c\"\nFoo ${A}", "Foo b c" },       /* text, not one argument */
    { "Define A '\"x y\"'\nFoo ${A}", "Foo \"x y\"" }, /* quotes in a value count */
    { "Define A b\nFoo ${a}", "Foo b" },               /* the value is found without case */
    { "Define A \"Foo x\"\n${A} y", "Foo x y" },
    { "Define A Sec\n<${A} x>\nFoo\n</${A}>", "Sec x{Foo}" },
    { "Define A b>\n<Sec ${A}\n</Sec>", "Sec b{}" },
    { "Define A v\nDefine B x${A}\nDefine A w\nFoo ${B}", "Foo xv" }, /* expanded when read */
    { "Define A ${B}\nDefine B x\nFoo ${A}", "Foo ${B}" },            /* and only once */
    { "Define a$b c\nFoo ${a$b}", "Foo c" },
    { "Define A b\nDefine A\nFoo ${A}", "Foo b" },
    { "Define A\nFoo ${A}", "Foo ${A}" },
    { "Define A \"\"\nFoo ${A}", "Foo ${A}" },
    { "Define A b\nDefine a c\nFoo ${A}${a}", "Foo cc" },
    { "Define A b\nUnDefine A\nFoo ${A}\n<IfDefine A>\nBar\n</IfDefine>", "Foo ${A}" },
    { "Define A b\nUnDefine a\nFoo ${A}\n<IfDefine A>\nBar\n</IfDefine>", "Foo ${A}|Bar" },
    { "UnDefine NEVER", "" },
    { "<Sec>\nDefine A b\n</Sec>\nFoo ${A}", "Sec{}|Foo b" },
    { "Foo ${NOPE}x${NOPE2}", "Foo ${NOPE}x${NOPE2}" },
    { "Foo ${NOPE:x}", "Foo ${NOPE:x}" },
    { "Foo ${}", "Foo ${}" },
    { "Foo ${", "Foo ${" },
    { "Foo $A$ {A} ${A", "Foo $A$ {A} ${A" },
    { "Define A v\nFoo ${A${A}}", "Foo ${A${A}}" },
    { "Foo ${TEST_CONF_ENV}", "Foo from outside" },
    { "Foo ${test_conf_env}", "Foo ${test_conf_env}" },
    { "Define TEST_CONF_ENV inside\nFoo ${TEST_CONF_ENV}", "Foo inside" },
    { "Define TEST_CONF_ENV\nFoo ${TEST_CONF_ENV}", "Foo from outside" },
    { "Foo %{X}i ${TEST_CONF_ENV}", "Foo %{X}i from outside" },
    { "# ${NOPE}\nFoo", "Foo" },
    { "${EMPTY_LINE", "${EMPTY_LINE" },
    { "Define", "! text:1: Define takes a name and perhaps a value. Put a value that holds spaces "
                "in quotes." },
    { "Define A b c", "! text:1: Define takes a name and perhaps a value. Put a value that holds "
                      "spaces in quotes." },
    { "Define \"\" b", "! text:1: Define takes a name and perhaps a value. Put a value that holds "
                       "spaces in quotes." },
    { "Define A:B c", "! text:1: The variable name 'A:B' must not contain ':'." },
    { "UnDefine A:B", "! text:1: The variable name 'A:B' must not contain ':'." },
    { "UnDefine", "! text:1: UnDefine takes one name." },
    { "UnDefine A B", "! text:1: UnDefine takes one name." },
};

static void variables_are_defined_and_expanded(void **state)
{
    struct fixture *fx = *state;

    setenv("TEST_CONF_ENV", "from outside", 1);
    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        fx->root = pn_conf_root(fx->pool);
        fx->reader.reading = NULL;
        fx->reader.defines = NULL;
        assert_string_equal(fixture_text(fx, cases[i].text), cases[i].tree);
    }
}

static void undefined_variables_are_warned_about(void **state)
{
    struct fixture *fx = *state;

    fixture_text(fx, "Foo ${NOPE} ${map:key} ${}\n");
    assert_string_equal(fixture_warnings(fx), "text:1: Config variable ${NOPE} is not defined.\n"
                                              "text:1: Config variable ${} is not defined.");
}

static void defines_of_the_command_line_count(void **state)
{
    struct fixture *fx = *state;

    fx->reader.defines = apr_hash_make(fx->pool);
    apr_hash_set(fx->reader.defines, "FLAG", APR_HASH_KEY_STRING, "");
    apr_hash_set(fx->reader.defines, "Name", APR_HASH_KEY_STRING, "value");
    assert_string_equal(
        fixture_text(fx, "<IfDefine FLAG>\nFoo ${NAME} ${FLAG}\n</IfDefine>\nUnDefine FLAG\n"
                         "<IfDefine FLAG>\nBar\n</IfDefine>"),
        "Foo value ${FLAG}");
    assert_null(apr_hash_get(fx->reader.defines, "FLAG", APR_HASH_KEY_STRING));
    fixture_text(fx, "Define New 1");
    assert_string_equal(apr_hash_get(fx->reader.defines, "New", APR_HASH_KEY_STRING), "1");
}

static void expanded_lines_have_a_maximum(void **state)
{
    struct fixture *fx = *state;

    fx->reader.htaccess = true;
    fx->reader.defines = apr_hash_make(fx->pool);
    apr_hash_set(fx->reader.defines, "X", APR_HASH_KEY_STRING,
                 apr_psprintf(fx->pool, "%04000d", 0));
    assert_int_equal(strlen(fixture_text(fx, "Foo ${X}${X}")), 8004);
    assert_string_equal(
        fixture_text(fx, "Foo ${X}${X}${X}"),
        "! text:1: The line is longer than 8190 bytes with its variables expanded.");
}

static void long_names_are_looked_up(void **state)
{
    struct fixture *fx = *state;
    char           *name = apr_pstrcat(fx->pool, "N", apr_psprintf(fx->pool, "%0300d", 0), NULL);

    assert_string_equal(
        fixture_text(fx, apr_pstrcat(fx->pool, "Define ", name, " v\nFoo ${", name, "}", NULL)),
        "Foo v");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(variables_are_defined_and_expanded),
        FIXTURE_TEST(undefined_variables_are_warned_about),
        FIXTURE_TEST(defines_of_the_command_line_count),
        FIXTURE_TEST(expanded_lines_have_a_maximum),
        FIXTURE_TEST(long_names_are_looked_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
