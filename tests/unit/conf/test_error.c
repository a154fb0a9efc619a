/* test_error.c - tests src/conf/error.c: how errors read. */
#include "fixture.h"

#include <apr_strings.h>

static void an_error_shows_place_line_reason_and_cure(void **state)
{
    struct fixture      *fx = *state;
    struct pn_conf_file  file = { .path = "/etc/httpd.conf", .kind = "file" };
    struct pn_conf_error error = { .file = &file,
                                   .line = 12,
                                   .text = PN_STR("DocumentRot \"/srv/www\""),
                                   .reason = "Invalid command 'DocumentRot'.",
                                   .cure = "Did you mean 'DocumentRoot'?" };

    assert_string_equal(pn_conf_error_print(fx->pool, &error),
                        "AH00526: Syntax error on line 12 of /etc/httpd.conf:\n"
                        "      12 | DocumentRot \"/srv/www\"\n"
                        "Invalid command 'DocumentRot'.\n"
                        "Did you mean 'DocumentRoot'?");
    assert_string_equal(
        pn_conf_error_line(fx->pool, &error),
        "/etc/httpd.conf:12: Invalid command 'DocumentRot'. Did you mean 'DocumentRoot'?");
}

static void what_is_unknown_is_left_out(void **state)
{
    struct fixture      *fx = *state;
    struct pn_conf_error error = { .line = 3, .reason = "No." };

    assert_string_equal(pn_conf_error_print(fx->pool, &error),
                        "AH00526: Syntax error on line 3 of (no file):\nNo.");
    error.line = 0;
    assert_string_equal(pn_conf_error_print(fx->pool, &error), "No.");
    assert_string_equal(pn_conf_error_line(fx->pool, &error), "(no file): No.");
}

static void an_error_shows_all_levels_of_include(void **state)
{
    struct fixture *fx = *state;

    fixture_write(fx, "main.conf", "\n\n\nInclude sub/1.conf\n");
    fixture_write(fx, "sub/1.conf", "\nInclude sub/2.conf\n");
    fixture_write(fx, "sub/2.conf", "Foo\nFoo\nIncludeOptional sub/*3.conf\n");
    fixture_write(fx, "sub/3.conf", "Foo\n\n  Refuse \\\n  this\n");
    fixture_file(fx, "main.conf");
    assert_string_equal(fixture_error(fx), "AH00526: Syntax error on line 3 of sub/3.conf:\n"
                                           "       3 | Refuse   this\n"
                                           "Refused.\n"
                                           "included on line 3 of sub/2.conf\n"
                                           "included on line 2 of sub/1.conf\n"
                                           "included on line 4 of main.conf");
}

static void an_include_that_fails_is_the_place(void **state)
{
    struct fixture *fx = *state;

    fixture_write(fx, "main.conf", "Foo\nInclude 1.conf\n");
    fixture_write(fx, "1.conf", "Include nope.conf\n");
    fixture_file(fx, "main.conf");
    assert_string_equal(fixture_error(fx),
                        "AH00526: Syntax error on line 1 of 1.conf:\n"
                        "       1 | Include nope.conf\n"
                        "Could not open configuration file nope.conf: No such file or directory.\n"
                        "included on line 2 of main.conf");
}

static void a_long_chain_is_cut(void **state)
{
    struct fixture *fx = *state;
    pn_str          printed;
    size_t          lines = 0;

    fixture_write(fx, "loop.conf", "Include loop.conf\n");
    fixture_file(fx, "loop.conf");
    printed = pn_str_z(fixture_error(fx));
    for (size_t i = 0; i < printed.n; i++)
        lines += printed.p[i] == '\n';
    assert_int_equal(lines, 3 + 12 + 1);
    assert_true(pn_str_ends(printed, PN_STR("\nand so on, 116 levels more")));
}

static void bytes_that_steer_a_terminal_are_escaped(void **state)
{
    struct fixture      *fx = *state;
    struct pn_conf_file  file = { .path = "/a\n/b" };
    struct pn_conf_error error = {
        .file = &file,
        .line = 1,
        .reason = "x\x1B[31m",
        .text = PN_STR("a\tb\x1B\x7F \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80 \xFF \xC2\x9B \xC3")
    };

    assert_string_equal(
        pn_conf_error_print(fx->pool, &error),
        "AH00526: Syntax error on line 1 of /a\\x0a/b:\n"
        "       1 | a b\\x1b\\x7f \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80 \\xff \\xc2\\x9b \\xc3\n"
        "x\\x1b[31m");
}

static void long_lines_are_cut(void **state)
{
    struct fixture *fx = *state;
    const char     *line = apr_psprintf(fx->pool, "Refuse %0500d", 0);

    fixture_text(fx, line);
    assert_string_equal(
        fixture_error(fx),
        apr_psprintf(fx->pool,
                     "AH00526: Syntax error on line 1 of text:\n       1 | %.200s...\nRefused.",
                     line));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(an_error_shows_place_line_reason_and_cure),
        FIXTURE_TEST(what_is_unknown_is_left_out),
        FIXTURE_TEST(an_error_shows_all_levels_of_include),
        FIXTURE_TEST(an_include_that_fails_is_the_place),
        FIXTURE_TEST(a_long_chain_is_cut),
        FIXTURE_TEST(bytes_that_steer_a_terminal_are_escaped),
        FIXTURE_TEST(long_lines_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
