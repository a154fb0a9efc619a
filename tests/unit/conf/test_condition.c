/* test_condition.c - tests src/conf/{condition,version}.c and what reader.c skips. */
#include "fixture.h"

#include <apr_strings.h>

/* Each opens a section; yes: its contents are read. */
static const struct {
    const char *open;
    const char *result; /* "yes", "no" or the error */
} cases[] = {
    { "<IfDefine A>", "no" },
    { "<IfDefine !A>", "yes" },
    { "<IfDefine ! A>", "yes" },
    { "<IfDefine D>", "yes" },
    { "<IfDefine d>", "no" }, /* whether a name is defined depends on case */
    { "<IfDefine !D>", "no" },
    { "<IfDefine \"D\">", "yes" },
    { "<IfDefine !\"D\">", "no" },
    { "<IfDefine \"!D\">", "no" },
    { "<IfDefine !!D>", "yes" },
    { "<IfDefine ${N}>", "yes" },
    { "<IFDEFINE D>", "yes" },
    { "<IfDefine\tD\t>", "yes" },
    { "<IfDefine D E>", "yes" },
    { "<IfDefine !E D>", "yes" },
    { "<IfDefine D> # note", "yes" },
    { "<IfDefine >", "! text:1: <IfDefine> needs a name to test." },
    { "<IfDefine>", "! text:1: <IfDefine> needs a name to test." },
    { "<IfDefine \"\">", "! text:1: <IfDefine> needs a name to test." },
    { "<IfDefine !>", "! text:1: <IfDefine> needs a name to test." },
    { "<IfDefine D", "! text:1: <IfDefine> is missing its closing '>'." },
    { "<IfModule mod_a.c>", "yes" },
    { "<IfModule a_module>", "yes" },
    { "<IfModule !mod_a.c>", "no" },
    { "<IfModule mod_b.c>", "no" },
    { "<IfModule !mod_b.c>", "yes" },
    { "<IfModule mod_a.c>>", "no" },
    { "<ifmodule \"mod_a.c>", "yes" },
    { "<IfDirective Foo>", "yes" },
    { "<IfDirective foo>", "yes" },
    { "<IfDirective Sec>", "no" },
    { "<IfDirective <Sec>", "yes" },
    { "<IfDirective \"<IfModule\">", "yes" },
    { "<IfDirective !Nope>", "yes" },
    { "<IfDirective IncludeOptional>", "yes" },
    { "<IfDirective Use>", "yes" },
    { "<IfSection Sec>", "yes" },
    { "<IfSection sec>", "yes" },
    { "<IfSection Foo>", "no" },
    { "<IfSection <Sec>", "no" },
    { "<IfSection IfSection>", "yes" },
    { "<IfSection Macro>", "yes" },
    { "<IfFile there.txt>", "yes" },
    { "<IfFile !there.txt>", "no" },
    { "<IfFile \"with space.txt\">", "yes" },
    { "<IfFile sub>", "yes" },
    { "<IfFile nope.txt>", "no" },
    { "<IfFile *.txt>", "no" },
    { "<IfFile /dev/null>", "yes" },
    { "<IfVersion 2.4.71>", "yes" },
    { "<IfVersion = 2.4.71>", "yes" },
    { "<IfVersion == 2.4.71>", "yes" },
    { "<IfVersion != 2.4.71>", "no" },
    { "<IfVersion 2.4>", "no" }, /* 2.4.0 */
    { "<IfVersion 2>", "no" },
    { "<IfVersion > 2.4>", "yes" },
    { "<IfVersion >= 2.4>", "yes" },
    { "<IfVersion >= 2.4.>", "yes" },
    { "<IfVersion >= 2.4.71>", "yes" },
    { "<IfVersion >= 2.4.71 >", "yes" },
    { "<IfVersion > 2.4.71>", "no" },
    { "<IfVersion < 2.5>", "yes" },
    { "<IfVersion < 2.4.71>", "no" },
    { "<IfVersion <= 2.4.71>", "yes" },
    { "<IfVersion <= 2.4.70>", "no" },
    { "<IfVersion !>= 2.5>", "yes" },
    { "<IfVersion >= 10>", "no" },
    { "<IfVersion > 1.99.99>", "yes" },
    { "<IfVersion = 99999999999999999999999.1>", "no" },
    { "<IfVersion \">=\" \"2.4\">", "yes" },
    { "<IfVersion ~ 2\\.4>", "yes" },
    { "<IfVersion !~ ^2>", "no" },
    { "<IfVersion ~ /2/>", "no" },
    { "<IfVersion = /^2.4.71$/>", "yes" },
    { "<IfVersion /2.5/>", "no" },
    { "<IfVersion ~ \"^2.4 |x\">", "no" },
    { "<IfVersion >",
      "! text:1: '' is not a version. Write it as major[.minor[.patch]], with a space before it." },
    { "<IfVersion =2.4>", "! text:1: '=2.4' is not a version. Write it as major[.minor[.patch]], "
                          "with a space before it." },
    { "<IfVersion = 2.4.x>", "! text:1: '2.4.x' is not a version. Write it as "
                             "major[.minor[.patch]], with a space before it." },
    { "<IfVersion 2.4.71.1>", "! text:1: '2.4.71.1' is not a version. Write it as "
                              "major[.minor[.patch]], with a space before it." },
    { "<IfVersion = -1>", "! text:1: '-1' is not a version. Write it as major[.minor[.patch]], "
                          "with a space before it." },
    { "<IfVersion => 2.3>",
      "! text:1: <IfVersion> has no operator '=>'. The operators are = == > >= < <= ~, each "
      "perhaps after '!'." },
    { "<IfVersion = /2.4>", "! text:1: The regular expression '/2.4' does not end with '/'." },
    { "<IfVersion = 2.4 x>",
      "! text:1: <IfVersion> takes an operator and a version. Put a regular expression that "
      "holds spaces in quotes." },
};

static void prepare(struct fixture *fx)
{
    fixture_write(fx, "there.txt", "");
    fixture_write(fx, "with space.txt", "");
    fixture_write(fx, "sub/x", "");
    assert_string_equal(fixture_text(fx, "Define D\nDefine N D\n"), "");
}

static void conditions_decide(void **state)
{
    struct fixture *fx = *state;

    prepare(fx);
    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        pn_str      name = pn_str_z(cases[i].open + 1);
        const char *close = apr_pstrcat(fx->pool, "</", pn_conf_word(fx->pool, &name).p, NULL);
        const char *got, *want = cases[i].result;

        if (close[strlen(close) - 1] != '>')
            close = apr_pstrcat(fx->pool, close, ">", NULL);
        fx->root = pn_conf_root(fx->pool);
        got = fixture_text(fx, apr_pstrcat(fx->pool, cases[i].open, "\nyes\n", close, "\n", NULL));
        if (strcmp(got, *want == '!' ? want : strcmp(want, "yes") == 0 ? "yes" : "") != 0)
            fail_msg("%s: got \"%s\", expected %s", cases[i].open, got, want);
    }
}

static void bad_regex_is_refused(void **state)
{
    struct fixture *fx = *state;

    assert_true(pn_str_starts(pn_str_z(fixture_text(fx, "<IfVersion ~ (>\n</IfVersion>")),
                              PN_STR("! text:1: The regular expression cannot be compiled: ")));
}

static const struct {
    const char *text;
    const char *tree;
} skipped[] = {
    { "<IfDefine NO>\nFoo ${UNDEFINED}\n<Any thing>\n</Any>\n</IfDefine>\nBar", "Bar" },
    { "<IfDefine NO>\n<IfVersion nonsense>\nError x\n</IfVersion>\nInclude nope\n</IfDefine>\nBar",
      "Bar" },
    { "<IfDefine NO>\n<IfDefine !NO>\nFoo\n</IfDefine>\nFoo\n</IfDefine>\nBar", "Bar" },
    { "<IfDefine NO>\n<X>\n</x>\n</IfDEFINE>\nBar", "Bar" },
    { "<IfDefine NO>\n<X y\n</X>\n</IfDefine>\nBar", "Bar" },
    { "<IfDefine NO>\nFoo \\\n</IfDefine>\n</IfDefine>\nBar", "Bar" },
    { "<IfDefine NO>\n# </IfDefine>\n</IfDefine>\nBar", "Bar" },
    { "<IfDefine NO>\n<Macro m>\n</IfDefine>\n</Macro>\n</IfDefine>",
      "! text:3: Expected </Macro> but saw </IfDefine>: <Macro> was opened on line 2." },
    { "<Sec>\n<IfDefine !NO>\n<Sec>\nFoo\n</Sec>\n<IfDefine "
      "NO>\nFoo\n</IfDefine>\nBar\n</IfDefine>\nBaz\n</Sec>",
      "Sec{Sec{Foo}|Bar|Baz}" },
    { "<IfDefine !NO>\nFoo\n",
      "Foo" }, /* as httpd does: the end of the file closes a condition that holds */
    { "<IfDefine NO>\nFoo\n", "! text:1: <IfDefine> was not closed: </IfDefine> is missing." },
    { "<Sec>\n<IfDefine !NO>\nFoo\n", "! text:1: <Sec> was not closed: </Sec> is missing." },
    { "<IfDefine NO>\n<X>\n", "! text:2: <X> was not closed: </X> is missing." },
    { "<IfDefine NO>\n<X>\n</Y>",
      "! text:3: Expected </X> but saw </Y>: <X> was opened on line 2." },
    { "<IfDefine NO>\n<X>\n</X >",
      "! text:3: </X is missing its closing '>'. No space may stand between the name and '>'." },
    { "<IfDefine !NO>\n<Sec>\n</IfDefine>\n</Sec>",
      "! text:3: Expected </Sec> but saw </IfDefine>: <Sec> was opened on line 2." },
    { "<Sec>\n<IfDefine !NO>\n</Sec>\n</IfDefine>",
      "! text:3: Expected </IfDefine> but saw </Sec>: <IfDefine> was opened on line 2." },
    { "<If \"true\">\nFoo\n</If>", "If \"true\"{Foo}" },
    { "<IfDefine !X>\nDefine X\n</IfDefine>\n<IfDefine X>\nFoo\n</IfDefine>", "Foo" },
};

static void false_conditions_are_skipped_but_nest(void **state)
{
    struct fixture *fx = *state;

    for (size_t i = 0; i < PN_COUNT(skipped); i++) {
        fx->root = pn_conf_root(fx->pool);
        assert_string_equal(fixture_text(fx, skipped[i].text), skipped[i].tree);
    }
}

static void skipped_lines_warn_of_nothing(void **state)
{
    struct fixture *fx = *state;

    fixture_text(fx, "<IfDefine NO>\nFoo ${UNDEFINED}\n<X> y\n</X>\n</IfDefine>\n");
    assert_string_equal(fixture_warnings(fx), "");
    fixture_text(fx, "<IfDefine A B>\n</IfDefine>\n<IfDefine !NO>\n");
    assert_string_equal(
        fixture_warnings(fx),
        "text:1: <IfDefine> tests one name: 'A'. What follows it is ignored. Put a name that holds "
        "spaces in quotes.\ntext:3: <IfDefine> was not closed; it ends with its file.");
}

static void text_without_files_asks_for_none(void **state)
{
    struct fixture *fx = *state;

    fx->reader.no_files = true;
    assert_string_equal(
        fixture_text(fx, "<IfFile /dev/null>\nFoo\n</IfFile>\nInclude x\nIncludeOptional y"),
        "Include x|IncludeOptional y");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(conditions_decide),
        FIXTURE_TEST(bad_regex_is_refused),
        FIXTURE_TEST(false_conditions_are_skipped_but_nest),
        FIXTURE_TEST(skipped_lines_warn_of_nothing),
        FIXTURE_TEST(text_without_files_asks_for_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
