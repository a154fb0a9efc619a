/* test_netset.c - which texts are networks, which addresses they hold, and that many cost as little as few. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <pinion/netset.h>

static int setup(void **state)
{
    apr_initialize();
    return apr_pool_create((apr_pool_t **)state, NULL);
}

static int teardown(void **state)
{
    apr_pool_destroy(*state);
    apr_terminate();
    return 0;
}

static bool has(const struct pn_netset *set, const char *address)
{
    uint8_t ip[16] = { 0 };
    int     family = strchr(address, ':') ? AF_INET6 : AF_INET;

    assert_int_equal(inet_pton(family, address, ip), 1);
    return pn_netset_has(set, family, ip);
}

static void texts(void **state)
{
    static const struct {
        const char *net;
        pn_rc       rc;
        const char *inside, *outside;
    } cases[] = {
        { "10.1.2.3", PN_OK, "10.1.2.3", "10.1.2.4" },
        { "10.1", PN_OK, "10.1.255.0", "10.2.0.0" },
        { "10.1.", PN_OK, "10.1.255.0", "10.2.0.0" },
        { "10", PN_OK, "10.200.0.1", "11.0.0.0" },
        { "10.1.0.0/16", PN_OK, "10.1.9.9", "10.0.9.9" },
        { "10.1.0.0/255.255.0.0", PN_OK, "10.1.9.9", "10.0.9.9" },
        { "10.0.3.0/255.0.255.0", PN_OK, "10.77.3.1", "10.77.4.1" },
        { "0.0.0.0/0", PN_OK, "1.2.3.4", "::1" },
        { "10.1.2.3/32", PN_OK, "10.1.2.3", "10.1.2.2" },
        { "10.1.2.128/25", PN_OK, "10.1.2.200", "10.1.2.127" },
        { "2001:db8::/32", PN_OK, "2001:db8:1::1", "2001:db9::1" },
        { "2001:db8::1", PN_OK, "2001:db8::1", "2001:db8::2" },
        { "::/0", PN_OK, "fe80::1", "10.0.0.1" },
        { "::ffff:10.0.0.1", PN_OK, "10.0.0.1", "10.0.0.2" },
        { "10.0.0.0/8", PN_OK, "::ffff:10.3.0.1", "::ffff:11.0.0.2" },
        { "example.com", PN_DECLINED, NULL, NULL },
        { "1e100.net", PN_DECLINED, NULL, NULL },
        { "", PN_BAD, NULL, NULL },
        { "10.1.2.3.4", PN_BAD, NULL, NULL },
        { "10..1", PN_BAD, NULL, NULL },
        { "256.1.1.1", PN_BAD, NULL, NULL },
        { "10.1.2.3/33", PN_BAD, NULL, NULL },
        { "10.1.2.3/", PN_BAD, NULL, NULL },
        { "10.1/16", PN_BAD, NULL, NULL },
        { "10.1.2.3/255.255", PN_BAD, NULL, NULL },
        { "2001:db8::/129", PN_BAD, NULL, NULL },
        { "2001:zz::", PN_BAD, NULL, NULL },
        { "2001:db8::1%eth0", PN_BAD, NULL, NULL },
    };

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        struct pn_netset *set = pn_netset_new(*state);

        if (pn_netset_add(set, pn_str_z(cases[i].net)) != cases[i].rc)
            fail_msg("%s is judged wrongly", cases[i].net);
        assert_int_equal(pn_netset_count(set), cases[i].rc == PN_OK);
        if (cases[i].inside && (!has(set, cases[i].inside) || has(set, cases[i].outside)))
            fail_msg("%s holds the wrong addresses", cases[i].net);
    }
}

static void covered_networks_vanish(void **state)
{
    struct pn_netset *set = pn_netset_new(*state), *more = pn_netset_new(*state);

    assert_int_equal(pn_netset_add(set, PN_STR("10.1.0.0/16")), PN_OK);
    assert_int_equal(pn_netset_add(set, PN_STR("10.1.7.0/24")), PN_OK);
    assert_int_equal(pn_netset_add(set, PN_STR("10.2.0.0/16")), PN_OK);
    assert_int_equal(pn_netset_count(set), 2);
    assert_int_equal(pn_netset_add(more, PN_STR("10.0.0.0/8")), PN_OK);
    assert_int_equal(pn_netset_add(more, PN_STR("2001:db8::/32")), PN_OK);
    pn_netset_join(set, more);
    assert_int_equal(pn_netset_count(set), 2);
    assert_true(has(set, "10.77.0.1"));
    assert_true(has(set, "2001:db8::5"));
    assert_false(has(set, "11.0.0.1"));
}

/* Every network is found, and what lies between them is not. */
static void many(void **state)
{
    struct pn_netset *set = pn_netset_new(*state);
    char              text[32];

    for (unsigned i = 0; i < 20000; i++) {
        unsigned k = i * 7919 % 20000;
        snprintf(text, sizeof(text), "%u.%u.%u.0/25", 1 + k % 199, k / 199 % 256, k % 251);
        assert_int_equal(pn_netset_add(set, pn_str_z(text)), PN_OK);
    }
    for (unsigned k = 0; k < 20000; k++) {
        snprintf(text, sizeof(text), "%u.%u.%u.%u", 1 + k % 199, k / 199 % 256, k % 251, k % 128);
        assert_true(has(set, text));
        snprintf(text, sizeof(text), "%u.%u.%u.%u", 1 + k % 199, k / 199 % 256, k % 251, 128 + k % 128);
        assert_false(has(set, text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(texts, setup, teardown),
        cmocka_unit_test_setup_teardown(covered_networks_vanish, setup, teardown),
        cmocka_unit_test_setup_teardown(many, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
