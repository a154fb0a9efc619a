/* test_include_legacy.c - the old grammar of server-side includes. */
#include "fake_env.h"

struct row {
    const char *want;
    const char *text;
};

/* The result as the tables write it: T with $0 and $1 behind it, F, ERR, or the evaluation's rc. */
static const char *outcome(struct fake *fake, const char *text)
{
    struct pn_match match = { .groups = 0 };

    fake->env.match = &match;
    const char *got = fake_test(fake, text, PN_EXPR_INCLUDE, PN_EXPR_NO_FILES);
    fake->env.match = NULL;
    if (strcmp(got, "NO") == 0)
        return "F";
    if (strcmp(got, "BAD") == 0)
        return "ERR";
    if (strcmp(got, "YES") != 0)
        return got;
    pn_str whole = match.groups > 0 ? pn_match_group(&match, 0) : PN_STR("");
    pn_str first = match.groups > 1 ? pn_match_group(&match, 1) : PN_STR("");
    return pn_str_printf(fake->pool, "T[%.*s|%.*s]", PN_FMT(whole), PN_FMT(first)).p;
}

static void check_rows(const struct row *rows, size_t n)
{
    unsigned wrong = 0;

    for (size_t i = 0; i < n; i++) {
        struct fake *fake = fake_open();
        const char  *got = outcome(fake, rows[i].text);

        if (strcmp(got, rows[i].want) != 0) {
            print_error("%s\n  want %s, got %s\n", rows[i].text, rows[i].want, got);
            wrong++;
        }
        fake_close(fake);
    }
    assert_int_equal(wrong, 0);
}

static void agrees_with_a_server(void **state)
{
    static const struct row rows[] = {
#define X(result, expression) { result, expression },
#include "cases_include.def"
#undef X
    };

    check_rows(rows, PN_COUNT(rows));
}

/* Errors here, something else there: what has no end or no meaning is never true. */
static void broken_conditions_are_errors(void **state)
{
    static const struct row rows[] = {
        { "ERR", "()" },
        { "ERR", "'a" },
        { "ERR", "a = /b" },
        { "ERR", "'ab' = /(/" },
        { "ERR", "${foo = bar" },
        { "PN_BAD", "$foo = /$broken/" },
        { "PN_BAD", "! ($foo = /$broken/)" },
        { "PN_BAD", "x || $foo = /$broken/" },
        { "T[|]", "$DOCUMENT_NAME = index.txt" },
        { "F", "$nosuch" },
        { "F", "-A /denied" },
        { "T[|]", "! -A /denied && -A /free" },
        { "PN_LIMIT",
          "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!' = /^((a+)+)+$/" },
    };

    check_rows(rows, PN_COUNT(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_server),
        cmocka_unit_test(broken_conditions_are_errors),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
