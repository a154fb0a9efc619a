/* test_ssl_legacy.c - the grammar of SSLRequire. */
#include "fake_env.h"

static void agrees_with_a_server(void **state)
{
    static const struct {
        const char *want;
        const char *text;
    } rows[] = {
#define X(result, expression) { #result, expression },
#include "cases_ssl.def"
#undef X
        { "YES", "%{SSL_PROTOCOL} =~ m/^TLS/" },
        { "YES", "%{SSL_CIPHER} !~ m/^(EXP|NULL)-/ and %{TIME_WDAY} -ge 0 and %{TIME_WDAY} <= 6" },
        { "YES", "(    %{SSL_CIPHER} !~ m/^(EXP|NULL)-/ and %{SSL_PROTOCOL} in {\"TLSv1.2\", "
                 "\"TLSv1.3\"} ) "
                 "or %{REMOTE_ADDR} =~ m/^192\\.76\\.162\\.[0-9]+$/" },
        { "YES", "\"foobar\" in PeerExtList(\"1.2.840\")" },
        { "DENIED", "FILE(\"/etc/motd\") != \"\"" },
    };
    unsigned wrong = 0;

    for (size_t i = 0; i < PN_COUNT(rows); i++) {
        struct fake *fake = fake_open();
        const char  *got = fake_test(fake, rows[i].text, PN_EXPR_SSL, PN_EXPR_RESTRICTED);

        if (strcmp(got, rows[i].want) != 0) {
            print_error("%s\n  want %s, got %s\n", rows[i].text, rows[i].want, got);
            wrong++;
        }
        fake_close(fake);
    }
    assert_int_equal(wrong, 0);
}

static void files_may_be_read_from_the_server_configuration(void **state)
{
    struct fake *fake = fake_open();

    assert_string_equal(fake_test(fake, "file(\"/etc/motd\") == \"hello\\n\"", PN_EXPR_SSL, 0),
                        "YES");
    fake_close(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_server),
        cmocka_unit_test(files_may_be_read_from_the_server_configuration),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
