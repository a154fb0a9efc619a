/* test_macro.c - tests src/conf/macro.c. What is accepted and what comes out were compared with
 * httpd 2.4.71. */
#include "fixture.h"

#include <apr_strings.h>

static const struct {
    const char *text;
    const char *tree;
} cases[] = {
    { "<Macro m $a $b>\nFoo $a-$b\n</Macro>\nUse m x y", "Foo x-y" },
    { "<macro M $a>\nFoo $a\n</MACRO>\nuse m x\nUSE M y", "Foo x|Foo y" },
    { "<Macro m>\nFoo\n</Macro>\nUse m", "Foo" },
    { "<Macro m>\n</Macro>\nUse m\nFoo", "Foo" },
    { "<Macro m $a>\n<Sec $a>\nFoo \"$a/$a\"\n</Sec>\n</Macro>\nUse m x\nUse m y",
      "Sec x{Foo \"x/x\"}|Sec y{Foo \"y/y\"}" },
    { "<Macro m $a $ab>\nFoo $a-$ab-$abc\n</Macro>\nUse m x y",
      "Foo x-y-yc" },                                              /* the longest fits first */
    { "<Macro m $a $b>\nFoo $a\n</Macro>\nUse m $b y", "Foo $b" }, /* in one pass */
    { "<Macro m $aa $a>\nFoo $aa $a\n</Macro>\nUse m \"$a\" z", "Foo $a z" },
    { "<Macro m @a %b c>\nFoo [@a-%b-c]\n</Macro>\nUse m \"x y\" z q", "Foo [\"x y\"-z-q]" },
    { "<Macro m @a>\nFoo @a\n</Macro>\nUse m 'x \"y\\\\z'", "Foo \"x \\\"y\\\\z\"" },
    { "<Macro m $(a)>\nFoo $(a)b\n</Macro>\nUse m x", "Foo xb" },
    { "<Macro m $a>\nFoo $A$a\n</Macro>\nUse m x", "Foo $Ax" }, /* parameters compare with case */
    { "<Macro m $a>\nFoo x$a\n</Macro>\nUse m \"\"", "Foo x" },
    { "<Macro m $a>\n$a\n</Macro>\nUse m \"Foo x\"", "Foo x" },
    { "<Macro \"m n\" \"$a b\">\nFoo $a b\n</Macro>\nUse \"m n\" x", "Foo x" },
    { "<Macro m $a>\nFoo a \\\n  $a\n</Macro>\nUse m x", "Foo a   x" },
    { "<Macro m $a>\n# $a\n\nFoo $a\n</Macro>\nUse m x", "Foo x" },
    { "<Macro m $a> note\nFoo $a\n</Macro> note\nUse m x", "Foo x" },
    { "Define X v\n<Macro m-${X} $a>\nDefine X w\nFoo $a ${X}\n</Macro>\nUse m-${X} q${X}",
      "Foo qv w" },
    { "Define X v\n<Macro m $a>\nFoo ${$a}\n</Macro>\nUse m X", "Foo v" },
    { "<Macro m>\n<Macro n $x>\nFoo $x\n</Macro>\n</Macro>\nUse m\nUse n 1", "Foo 1" },
    { "<Macro m $x>\nUse n $x 2\n</Macro>\n<Macro n $a $b>\nFoo $a $b\n</Macro>\nUse m 1",
      "Foo 1 2" },
    { "<Macro m $a>\n<IfDefine $a>\nFoo $a\n</IfDefine>\n</Macro>\nUse m A\nDefine A\nUse m A",
      "Foo A" },
    { "<Sec x>\n<Macro m $a>\nFoo $a\n</Macro>\nUse m 1\nBar\n</Sec>", "Sec x{Foo 1|Bar}" },
    { "<Macro m>\nFoo 1\n</Macro>\n<Macro m>\nFoo 2\n</Macro>\nUse m", "Foo 2" },
    { "<IfDefine NO>\n<Macro m>\nFoo\n</Macro>\n</IfDefine>\nUse m",
      "! text:6: Macro 'm' is not defined. Define it with <Macro> first." },
    { "<Macro m>\nFoo\n</Macro>\nUndefMacro M\nUse m",
      "! text:5: Macro 'm' is not defined. Define it with <Macro> first." },
    { "<Macro VHost>\nFoo\n</Macro>\nUse VHots",
      "! text:4: Macro 'VHots' is not defined. Did you mean 'VHost'?" },
    { "UndefMacro m", "! text:1: Macro 'm' is not defined. Define it with <Macro> first." },
    { "Use", "! text:1: Use needs the name of a macro." },
    { "UndefMacro", "! text:1: UndefMacro takes the name of a macro." },
    { "UndefMacro m n", "! text:1: UndefMacro takes the name of a macro." },
    { "<Macro m $a $b>\nFoo\n</Macro>\nUse m x",
      "! text:4: Macro 'm' takes 2 values and got 1; it is defined on line 1 of "
      "text." },
    { "<Macro m $a>\nFoo\n</Macro>\nUse m x y z",
      "! text:4: Macro 'm' takes 1 values and got 3; it is defined on line 1 "
      "of text." },
    { "<Macro m $a $a>\nFoo\n</Macro>",
      "! text:1: Macro 'm' has the parameter '$a' twice: number 1 and 2. Give each "
      "parameter a name of its own." },
    { "<Macro m \"\">\nFoo\n</Macro>", "! text:1: Macro 'm': parameter number 1 is empty." },
    { "<Macro>\n</Macro>", "! text:1: <Macro> needs a name." },
    { "<Macro >\n</Macro>", "! text:1: <Macro> needs a name." },
    { "<Macro m\n</Macro>", "! text:1: <Macro> is missing its closing '>'." },
    { "<Macro m>\nFoo\n", "! text:1: <Macro> is not closed: </Macro> is missing." },
    { "<Macro m>\nFoo\n</Macro >\n", "! text:1: <Macro> is not closed: </Macro> is missing." },
    { "<Macro m>\nUse m\n</Macro>\nUse m", "! text:2: Macro 'm' uses itself." },
    { "<Macro m>\nUse n\n</Macro>\n<Macro n>\nUse m\n</Macro>\nUse m",
      "! text:5: Macro 'm' uses itself." },
    { "<Macro m>\n<Sec>\n</Macro>\nUse m", "! text:2: <Sec> was not closed: </Sec> is missing." },
    { "<Macro m>\n</Sec>\n</Macro>\nFoo", "Foo" }, /* matters when it is used */
    { "<Macro m>\n\n</Sec>\n</Macro>\n<Sec>\nUse m\n</Sec>",
      "! text:3: </Sec> without matching <Sec>: no such section is open here. A section must end "
      "in the file in which "
      "it begins." },
};

static void macros_are_defined_and_used(void **state)
{
    struct fixture *fx = *state;

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        fx->root = pn_conf_root(fx->pool);
        fx->reader.reading = NULL;
        fx->reader.defines = NULL;
        assert_string_equal(fixture_text(fx, cases[i].text), cases[i].tree);
    }
}

static const struct {
    const char *text;
    const char *warning;
} suspect[] = {
    { "<Macro m a>\nFoo a\n</Macro>",
      "text:1: Macro 'm': the parameter 'a' replaces any text like it. Begin parameters "
      "with one of $ % @." },
    { "<Macro m $a $ab>\nFoo $a $ab\n</Macro>",
      "text:1: Macro 'm': one of the parameters '$a' and '$ab' begins with the "
      "other. Where both fit, the longer one is taken." },
    { "<Macro m $a>\nFoo\n# $a\n</Macro>", "text:1: Macro 'm' never uses its parameter '$a'." },
    { "<Macro m $a>\n</Macro>", "text:1: Macro 'm' is empty." },
    { "<Macro $m>\nFoo\n</Macro>", "text:1: The macro's name '$m' begins like a parameter." },
    { "<Macro m>\nFoo\n</Macro>\n<Macro M>\nFoo\n</Macro>",
      "text:4: Macro 'M' was defined before, on line 1 of text. UndefMacro makes its name free." },
    { "<Macro m $a>\nFoo $a\n</Macro>\nUse m \"\"", "text:4: Macro 'm': value number 1 is empty." },
    { "<Macro m ${a}>\nFoo ${a}\n</Macro>\nUse m x",
      "text:1: Config variable ${a} is not defined.\ntext:1: Macro 'm': the parameter '${a}' looks "
      "like a variable of "
      "Define. Write $(name)." },
    { "<Macro m $a>\nFoo $a\n</Macro>\nUse m x", "" },
};

static void suspect_macros_are_warned_about(void **state)
{
    struct fixture *fx = *state;

    for (size_t i = 0; i < PN_COUNT(suspect); i++) {
        fx->reader.reading = NULL;
        fixture_text(fx, suspect[i].text);
        assert_string_equal(fixture_warnings(fx), suspect[i].warning);
    }
}

static void errors_show_the_macro_and_its_use(void **state)
{
    struct fixture *fx = *state;

    fixture_write(
        fx, "macros.conf",
        "# macros\n<Macro inner $v>\n\n  Refuse $v\n</Macro>\n<Macro Outer $x>\n  Use inner $x\n"
        "</Macro>\n");
    fixture_write(fx, "site.conf", "\nUse outer 42\n");
    fixture_write(fx, "main.conf", "Include macros.conf\n\nInclude site.conf\n");
    fixture_file(fx, "main.conf");
    assert_string_equal(fixture_error(fx), "AH00526: Syntax error on line 4 of macros.conf:\n"
                                           "       4 | Refuse 42\n"
                                           "Refused.\n"
                                           "in macro 'inner', used on line 7 of macros.conf\n"
                                           "in macro 'Outer', used on line 2 of site.conf\n"
                                           "included on line 3 of main.conf");
}

/* Macros that use each other are files inside each other: too deep is an error, not a crash. */
static void chains_of_macros_have_a_depth_limit(void **state)
{
    struct fixture *fx = *state;
    const char     *text = "<Macro m200>\nFoo\n</Macro>\n";

    for (int i = 0; i < 200; i++)
        text = apr_psprintf(fx->pool, "%s<Macro m%d>\nUse m%d\n</Macro>\n", text, i, i + 1);
    assert_string_equal(fixture_text(fx, apr_pstrcat(fx->pool, text, "Use m80", NULL)), "Foo");
    assert_string_equal(fixture_text(fx, apr_pstrcat(fx->pool, text, "Use m0", NULL)),
                        "! text:386: Exceeded the maximum include depth of 128.");
}

/* Each macro uses the next one twice: 2^60 lines, if it were let. */
static void macros_that_multiply_are_stopped(void **state)
{
    struct fixture *fx = *state;
    const char     *text = "<Macro m60>\n# long\n</Macro>\n";

    for (int i = 0; i < 60; i++)
        text = apr_psprintf(fx->pool, "%s<Macro m%d>\nUse m%d\nUse m%d\n</Macro>\n", text, i, i + 1,
                            i + 1);
    fx->reader.max_bytes = 100000;
    assert_non_null(strstr(fixture_text(fx, apr_pstrcat(fx->pool, text, "Use m0", NULL)),
                           "The configuration is longer than 100000 bytes in all."));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(macros_are_defined_and_used),
        FIXTURE_TEST(suspect_macros_are_warned_about),
        FIXTURE_TEST(errors_show_the_macro_and_its_use),
        FIXTURE_TEST(chains_of_macros_have_a_depth_limit),
        FIXTURE_TEST(macros_that_multiply_are_stopped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
