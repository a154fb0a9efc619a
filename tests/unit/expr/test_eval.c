/* test_eval.c - what conditions yield. */
#include "fake_env.h"

struct row {
    const char *want;
    const char *text;
};

static const struct row server_rows[] = {
#define X(result, expression) { #result, expression },
#include "cases_condition.def"
#undef X
};

static void check_rows(const struct row *rows, size_t n, unsigned flags)
{
    unsigned wrong = 0;

    for (size_t i = 0; i < n; i++) {
        struct fake *fake = fake_open();
        const char  *got = fake_test(fake, rows[i].text, PN_EXPR_CONDITION, flags);

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
    check_rows(server_rows, PN_COUNT(server_rows), PN_EXPR_RESTRICTED);
}

/* Where the answer depends on files, the network or time, or where Pinion differs on purpose. */
static void own_surroundings(void **state)
{
    static const struct row rows[] = {
        { "YES", "-f '/etc/motd'" },
        { "NO", "-f '/etc'" },
        { "YES", "-d '/etc'" },
        { "YES", "-s '/etc/motd'" },
        { "YES", "-L '/etc/link' && -h '/etc/link'" },
        { "NO", "-L '/etc/motd'" },
        { "YES", "-x '/bin/sh'" },
        { "YES", "-e '/etc' and ! -e '/nowhere'" },
        { "YES", "-F '/etc/motd'" },
        { "YES", "-U '/page' && -A '/page'" },
        { "NO", "-U '/denied/page'" },
        { "NO", "-A '/denied/page'" },
        { "NO", "-F '/denied'" },
        { "YES", "-f '/etc/' . 'motd'" },
        { "YES", "%{REQUEST_URI} -strmatch '/*/index.*'" },
        { "YES", "%{SSL_PROTOCOL} == 'TLSv1.3'" },
        { "YES", "%{ssl:SSL_CIPHER} =~ /^TLS/" },
        { "YES", "%{SSL_NOSUCH} == ''" },
        { "YES", "%{TIME} =~ /^\\d{14}$/ && %{TIME_WDAY} -le 6" },
        { "YES", "file('/etc/motd') == \"hello\\n\"" },
        { "YES", "filesize('/etc/motd') -eq 6" },
        { "YES", "filesize('/nowhere') -eq 0" },
        { "PN_NOT_FOUND", "file('/nowhere') == ''" },
        { "PN_NOT_FOUND", "! (file('/nowhere') == '')" },
        { "PN_NOT_FOUND", "file('/nowhere') == '' || true" },
        { "YES", "true || file('/nowhere') == ''" },
        { "YES", "osenv('PATH') != '' && osenv('no such name') == ''" },
        { "YES", "env('both') == 'note' && reqenv('both') == 'env' && env('SIF') == 'sif'" },
        { "YES", "env('PATH') == osenv('PATH')" },
        { "YES", "-z env('hollow')" },
        { "YES", "resp('Server') == 'Pinion'" },
        { "YES", "'foobar' in PeerExtList('1.2.840')" },
        { "NO", "'bar' in PeerExtList('1.2.840')" },
        { "NO", "'foobar' in PeerExtList('9')" },
        /* quotes are text inside %{func:...} */
        { "YES", "%{toupper:a'b} == \"A'B\"" },
        { "YES", "%{tolower:A\"B} == 'a\"b'" },
        { "BAD", "\"%{tolower:%{toupper:b}\" == 'aB'" },
        /* a delimiter in a regular expression may be escaped */
        { "YES", "'a/c' =~ /a\\/c/" },
        { "YES", "'a#c' =~ m#a\\#c#" },
        { "NO", "'a/c' =~ /a\\\\/" },
        /* v() is known outside of server-side includes too */
        { "YES", "v('SIF') == 'sif' && %{v:SIF} == 'sif'" },
        /* names are not resolved, only whole addresses match */
        { "NO", "'localhost' -ipmatch '127.0.0.0/8'" },
        { "NO", "'10.1' -ipmatch '10.0.0.0/8'" },
        { "NO", "'1.2.3.4.5.6.7.8.9.1.2.3.4.5.6.7.8.9.1.2.3.4.5.6' -ipmatch '1'" },
    };

    check_rows(rows, PN_COUNT(rows), 0);
}

/* ((a+)+)+ against many a's: the match limit ends it, and no operator makes that true. */
static void exploding_regex_is_an_error(void **state)
{
    static const struct row rows[] = {
        { "PN_LIMIT",
          "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!' =~ /^((a+)+)+$/" },
        { "PN_LIMIT",
          "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!' !~ /^((a+)+)+$/" },
        { "PN_LIMIT",
          "!('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!' =~ /^((a+)+)+$/)" },
        { "PN_LIMIT", "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!' =~ "
                      "/^((a+)+)+$/ || true" },
    };

    check_rows(rows, PN_COUNT(rows), 0);
}

static void an_op_that_fails_ends_the_evaluation(void **state)
{
    static const char *const texts[] = {
        "%{REQUEST_URI} != 'x'",
        "req('X') != 'x'",
        "-f '/etc'",
        "! -U '/'",
        "'a' in PeerExtList('1') || true",
        "'a' in { req('X'), 'a' }",
        "-R '127.0.0.1' || true",
        "env('x') == ''",
        "'x' -strmatch req('X')",
        "%{tolower:%{REQUEST_URI}x} == ''",
    };
    struct fake *fake = fake_open();

    fake->fail = PN_CANCELLED;
    for (size_t i = 0; i < PN_COUNT(texts); i++)
        assert_string_equal(fake_test(fake, texts[i], PN_EXPR_CONDITION, 0), "PN_CANCELLED");
    fake_close(fake);
}

static void reports_the_headers_that_it_used(void **state)
{
    static const struct {
        const char *text;
        unsigned    flags;
        const char *vary;
    } cases[] = {
        { "%{HTTP_ACCEPT} == 'x'", 0, "Accept," },
        { "req('X-Foo') == 'x' || %{HTTP:Cookie} == ''", 0, "X-Foo,Cookie," },
        { "req_novary('X-Foo') == 'x'", 0, "" },
        { "%{HTTP_HOST} == 'x' || %{req:host} == 'x'", 0, "" },
        { "true || %{HTTP_ACCEPT} == 'x'", 0, "" },
        { "%{HTTP_ACCEPT} == 'x' || req('X-Foo') == 'x'", PN_EXPR_NO_VARY, "" },
    };

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        struct fake *fake = fake_open();

        (void)fake_test(fake, cases[i].text, PN_EXPR_CONDITION, cases[i].flags);
        assert_string_equal(fake->vary, cases[i].vary);
        fake_close(fake);
    }
}

static void captures_go_in_and_out(void **state)
{
    struct fake          *fake = fake_open();
    struct pn_match       match = { .groups = 0 };
    const struct pn_expr *sets = fake_compile(fake, "'a-b' =~ /(.)-(.)/", PN_EXPR_CONDITION, 0);
    const struct pn_expr *uses = fake_compile(fake, "$2$1", PN_EXPR_STRING, 0);
    bool                  value = false;
    pn_str                text;

    fake->env.match = &match;
    assert_int_equal(pn_expr_string(uses, &fake->env, &text), PN_OK);
    assert_int_equal(text.n, 0);
    assert_int_equal(pn_expr_test(sets, &fake->env, &value), PN_OK);
    assert_true(value);
    assert_int_equal(pn_expr_string(uses, &fake->env, &text), PN_OK);
    assert_true(pn_str_eq(text, PN_STR("ba")));
    fake->env.match = NULL;
    assert_int_equal(pn_expr_string(uses, &fake->env, &text), PN_OK);
    assert_int_equal(text.n, 0);
    fake_close(fake);
}

static const apr_sockaddr_t *no_client(struct pn_expr_env *env)
{
    return NULL;
}

static apr_sockaddr_t test_client_addr;

static const apr_sockaddr_t *a_client(struct pn_expr_env *env)
{
    return &test_client_addr;
}

static void client_address_may_come_as_a_struct(void **state)
{
    struct fake       *fake = fake_open();
    struct pn_expr_ops ops = *fake->env.ops;
    apr_sockaddr_t    *sa;

    assert_int_equal(apr_sockaddr_info_get(&sa, "10.1.2.3", APR_INET, 0, 0, fake->pool),
                     APR_SUCCESS);
    test_client_addr = *sa;
    test_client_addr.ipaddr_ptr = &test_client_addr.sa.sin.sin_addr;
    ops.client = a_client;
    fake->env.ops = &ops;
    assert_string_equal(fake_test(fake, "-R '10.0.0.0/8'", PN_EXPR_CONDITION, 0), "YES");
    assert_string_equal(fake_test(fake, "-R '127.0.0.0/8'", PN_EXPR_CONDITION, 0), "NO");
    ops.client = no_client;
    assert_string_equal(fake_test(fake, "-R '10.0.0.0/8'", PN_EXPR_CONDITION, 0), "NO");
    fake_close(fake);
}

static void an_environment_without_ops_is_empty(void **state)
{
    static const struct pn_expr_ops nothing = { 0 };
    struct fake                    *fake = fake_open();

    fake->env.ops = &nothing;
    assert_string_equal(
        fake_test(fake,
                  "%{HTTP_HOST}.req('x').env('x y').%{SSL_X} == '' && ! -f '/' && !-R '10' && "
                  "! 'a' in PeerExtList('1')",
                  PN_EXPR_CONDITION, 0),
        "YES");
    fake_close(fake);
}

static void regex_options_come_from_the_configuration(void **state)
{
    struct fake *fake = fake_open();
    const char  *text = "'a\\nB' =~ /^a.b$/i && 'x' =~ /X/";

    assert_string_equal(fake_test(fake, text, PN_EXPR_CONDITION, 0), "NO");
    assert_string_equal(fake_test(fake, text, PN_EXPR_CONDITION, PN_EXPR_REGEX(PN_REGEX_ICASE)),
                        "NO");
    assert_string_equal(
        fake_test(fake, text, PN_EXPR_CONDITION, PN_EXPR_REGEX(PN_REGEX_ICASE | PN_REGEX_DOTALL)),
        "YES");
    assert_string_equal(
        fake_test(fake, "$foo = /B$sp?AR/", PN_EXPR_INCLUDE, PN_EXPR_REGEX(PN_REGEX_ICASE)), "NO");
    assert_string_equal(
        fake_test(fake, "$foo = /B$empty(A)R/", PN_EXPR_INCLUDE, PN_EXPR_REGEX(PN_REGEX_ICASE)),
        "YES");
    fake_close(fake);
}

/* The promise of expr.h: nothing is allocated where no string is built. */
static void plain_conditions_allocate_nothing(void **state)
{
    static const char *const texts[] = {
        "%{REQUEST_URI} =~ m#^/(7)/# && $1 == '7'",
        "%{HTTP_HOST} in { 'a', 'probe.example' } and req('X-Foo') -strmatch 'foo*'",
        "-R '127.0.0.0/8' && %{REMOTE_ADDR} -ipmatch '127.0.0.1' && -n reqenv('SIF')",
        ("tolower('ABC') == 'abc' && tolower(%{REMOTE_ADDR}) == %{REMOTE_ADDR} && "
         "'%{REMOTE_ADDR}$3' != ''"),
        "%{REMOTE_PORT} -gt 1024 && ! -z md5('x') && -d '/etc'",
    };
    struct fake *fake = fake_open();

    for (size_t i = 0; i < PN_COUNT(texts); i++) {
        const struct pn_expr *expr = fake_compile(fake, texts[i], PN_EXPR_CONDITION, 0);
        bool                  value = false;

        fake->env.pool = NULL; /* an allocation would crash */
        assert_int_equal(pn_expr_test(expr, &fake->env, &value), PN_OK);
        assert_true(value);
        fake->env.pool = fake->pool;
    }
    fake_close(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_server),
        cmocka_unit_test(own_surroundings),
        cmocka_unit_test(exploding_regex_is_an_error),
        cmocka_unit_test(an_op_that_fails_ends_the_evaluation),
        cmocka_unit_test(reports_the_headers_that_it_used),
        cmocka_unit_test(captures_go_in_and_out),
        cmocka_unit_test(client_address_may_come_as_a_struct),
        cmocka_unit_test(an_environment_without_ops_is_empty),
        cmocka_unit_test(regex_options_come_from_the_configuration),
        cmocka_unit_test(plain_conditions_allocate_nothing),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
