/* test_sed.c - scripts of the stream editor against what POSIX says of them. */
#include "base/support.h"

#include "modules/filters/sed_script.h"

static const struct { const char *script, *in, *out; } cases[] = {
    { "s/b/X/", "abb", "aXb\n" },
    { "s/b/X/g", "abb", "aXX\n" },
    { "s/b/X/2", "abb", "abX\n" },
    { "s/b/X/2g", "abbb", "abXX\n" },
    { "s/\\(a\\)\\(b*\\)/\\2\\1<&>/", "abb", "bba<abb>\n" },
    { "s,/,\\,,", "a/b", "a,b\n" },
    { "s/x*/-/g", "axb", "-a-b-\n" },
    { "s/^a/X/g", "aa", "Xa\n" },
    { "s/a$/X/", "aa", "aX\n" },
    { "s/a*b/X/;s/+/p/", "aab+", "Xp\n" },
    { "s/*/s/", "a*", "as\n" },
    { "s/[]a]/X/g", "a]b", "XXb\n" },
    { "s/[^a]/X/", "ab", "aX\n" },
    { "s/[[:digit:]]\\{2\\}/X/", "a12", "aX\n" },
    { "s/(a|b)/X/", "(a|b)", "X\n" },
    { "s/A/x/I", "a", "x\n" },
    { "y/abc/xyz/", "cab", "zxy\n" },
    { "2d", "a\nb\nc", "a\nc\n" },
    { "$d", "a\nb\nc", "a\nb\n" },
    { "2,3d", "a\nb\nc\nd", "a\nd\n" },
    { "/b/,/c/d", "a\nb\nc\nd", "a\nd\n" },
    { "3,1d", "a\nb\nc\nd", "a\nb\nd\n" },
    { "/b/!d", "a\nb\nc", "b\n" },
    { "2p", "a\nb", "a\nb\nb\n" },
    { "#n\n2p", "a\nb", "b\n" },
    { "2q", "a\nb\nc", "a\nb\n" },
    { "1a\\\ntext", "a\nb", "a\ntext\nb\n" },
    { "2i\\\ntext", "a\nb", "a\ntext\nb\n" },
    { "2c\\\ntext", "a\nb\nc", "a\ntext\nc\n" },
    { "1,2c\\\ntext", "a\nb\nc", "text\nc\n" },
    { "1h;2G", "a\nb", "a\nb\na\n" },
    { "1!G;h;$!d", "a\nb\nc", "c\nb\na\n" },
    { "N;s/\\n/+/", "a\nb\nc\nd", "a+b\nc+d\n" },
    { "$!N;P;D", "a\nb\nc", "a\nb\nc\n" },
    { "n;d", "a\nb\nc", "a\nc\n" },
    { "=", "a\nb", "1\na\n2\nb\n" },
    { "l", "a\tb", "a\\tb$\na\tb\n" },
    { "2{s/b/X/;p;}", "a\nb", "a\nX\nX\n" },
    { "/x/{s/x/y/;b e\n};s/$/!/\n:e", "x\na", "y\na!\n" },
    { ":a;s/^\\([^,]*\\),/\\1./;ta", "1,2,3", "1.2.3\n" },
    { "1x;2x", "a\nb", "\na\n" },
};

static void scripts_do_what_posix_says(void **state)
{
    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        struct sed_script *script = NULL;
        const char        *error = NULL;
        struct sed_run     run;
        struct pn_buf      out;
        pn_str             in = pn_str_z(cases[i].in);

        if (sed_compile(*state, pn_str_z(cases[i].script), &script, &error) != PN_OK)
            fail_msg("%s: %s", cases[i].script, error);
        pn_buf_init(&out, *state, SED_SPACE_MAX);
        sed_begin(&run, script, *state, &out);
        while (in.n && !run.quit) {
            pn_str line = pn_str_cut(in, '\n', &in);
            assert_int_equal(sed_line(&run, line, in.n == 0), PN_OK);
        }
        print_message("%s\n", cases[i].script);
        eq_str(pn_buf_view(&out), cases[i].out);
    }
}

static void what_is_no_script_is_refused(void **state)
{
    static const struct { const char *script; pn_rc rc; } wrong[] = {
        { "s/a", PN_BAD }, { "s/\\(a/b/", PN_BAD }, { "k", PN_BAD }, { "1,d", PN_BAD }, { "y/ab/c/", PN_BAD }, { "}", PN_BAD },
        { "w file", PN_BAD }, { "r file", PN_BAD }, { "//d", PN_BAD }, { "{p", PN_AGAIN }, { "b nowhere", PN_AGAIN },
    };

    for (size_t i = 0; i < PN_COUNT(wrong); i++) {
        struct sed_script *script = NULL;
        const char        *error = NULL;
        print_message("%s\n", wrong[i].script);
        assert_int_equal(sed_compile(*state, pn_str_z(wrong[i].script), &script, &error), wrong[i].rc);
        assert_non_null(error);
    }
}

static void a_script_that_never_ends_is_ended(void **state)
{
    struct sed_script *script = NULL;
    const char        *error = NULL;
    struct sed_run     run;
    struct pn_buf      out;

    assert_int_equal(sed_compile(*state, PN_STR(":a\nb a"), &script, &error), PN_OK);
    pn_buf_init(&out, *state, SED_SPACE_MAX);
    sed_begin(&run, script, *state, &out);
    assert_int_equal(sed_line(&run, PN_STR("x"), true), PN_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(scripts_do_what_posix_says, make_pool, drop_pool),
        cmocka_unit_test_setup_teardown(what_is_no_script_is_refused, make_pool, drop_pool),
        cmocka_unit_test_setup_teardown(a_script_that_never_ends_is_ended, make_pool, drop_pool),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
