/* test_addr.c - src/net/addr.c: addresses as text. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/addr.h"

static void ipv4_is_printed_as_the_system_prints_it(void **state)
{
    static const uint8_t edges[] = { 0, 1, 9, 10, 11, 99, 100, 101, 199, 200, 255 };
    char                 got[48], want[48];

    (void)state;
    for (size_t i = 0; i < sizeof(edges); i++)
        for (size_t k = 0; k < sizeof(edges); k++) {
            struct pn_addr addr = { .family = AF_INET, .ip = { edges[i], edges[k], edges[k], edges[i] } };

            assert_non_null(inet_ntop(AF_INET, addr.ip, want, sizeof(want)));
            assert_int_equal(pn_addr_print(&addr, got), strlen(want));
            assert_string_equal(got, want);
        }
}

static void what_is_printed_is_parsed_again(void **state)
{
    static const char *const texts[] = { "127.0.0.1", "0.0.0.0", "::1", "2001:db8::5", "::ffff:192.0.2.1" };
    char                     got[48];

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct pn_addr addr;

        assert_int_equal(pn_addr_parse(pn_str_z(texts[i]), &addr), PN_OK);
        pn_addr_print(&addr, got);
        if (addr.family == AF_INET6 || strchr(texts[i], ':') == NULL)
            assert_string_equal(got, texts[i]);
    }
}

static void ports_and_brackets(void **state)
{
    struct pn_addr v4 = { .family = AF_INET, .ip = { 10, 0, 0, 1 }, .port = 80 };
    struct pn_addr v6 = { .family = AF_INET6, .ip = { [15] = 1 }, .port = 8443 };
    char           got[64];

    (void)state;
    pn_addr_print_port(&v4, got);
    assert_string_equal(got, "10.0.0.1:80");
    pn_addr_print_port(&v6, got);
    assert_string_equal(got, "[::1]:8443");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipv4_is_printed_as_the_system_prints_it),
        cmocka_unit_test(what_is_printed_is_parsed_again),
        cmocka_unit_test(ports_and_brackets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
