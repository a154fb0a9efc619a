/* test_remoteip_chain.c - src/modules/metadata/remoteip_chain.c: how far a list of proxies is believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <netinet/in.h>

#include "modules/metadata/remoteip_chain.h"

static apr_pool_t *pool;

static struct remoteip_group *group(const char *net, bool internal, const struct remoteip_group *next)
{
    struct remoteip_group *made = apr_pcalloc(pool, sizeof(*made));

    *made = (struct remoteip_group){ .nets = pn_netset_new(pool), .internal = internal, .next = next };
    assert_int_equal(pn_netset_add(made->nets, pn_str_z(net)), PN_OK);
    return made;
}

struct chain {
    const char *list, *client, *rest, *proxies;
};

static void check(const struct remoteip_group *trusted, const struct chain *want)
{
    const struct pn_addr   peer = { .family = AF_INET, .ip = { 127, 0, 0, 1 }, .port = 4711 };
    struct remoteip_result got;
    char                   client[48];

    remoteip_follow(pool, trusted, &peer, pn_str_z(want->list), &got);
    pn_addr_print(&got.client, client);
    assert_string_equal(client, want->client);
    assert_string_equal(pn_str_zdup(pool, got.rest), want->rest);
    assert_string_equal(pn_str_zdup(pool, got.proxies), want->proxies);
    assert_int_equal(got.changed, strcmp(want->client, "127.0.0.1") != 0);
    assert_int_equal(got.client.port, got.changed ? 0 : 4711);
}

static void without_lists_everybody_is_believed(void **state)
{
    static const struct chain chains[] = {
        { "192.0.2.1", "192.0.2.1", "", "127.0.0.1" },
        { "198.51.100.1 ,192.0.2.1 ", "198.51.100.1", "", "127.0.0.1, 192.0.2.1" },
        { "198.51.100.1, 10.0.0.1", "127.0.0.1", "198.51.100.1, 10.0.0.1", "" },
        { "10.0.0.1, 192.0.2.1", "192.0.2.1", "10.0.0.1", "127.0.0.1" },
        { "::ffff:192.0.2.1", "192.0.2.1", "", "127.0.0.1" },
        { "[2001:db8::1]", "127.0.0.1", "[2001:db8::1]", "" },
        { "192.0.2.1:80", "127.0.0.1", "192.0.2.1:80", "" },
        { "192.0.2.1,", "127.0.0.1", "192.0.2.1,", "" },
        { "", "127.0.0.1", "", "" },
    };

    (void)state;
    for (size_t i = 0; i < PN_COUNT(chains); i++)
        check(NULL, &chains[i]);
}

static void internal_proxies_may_name_anybody_and_are_not_listed(void **state)
{
    const struct remoteip_group *trusted = group("127.0.0.0/8", true, group("10.0.0.0/8", true, NULL));
    static const struct chain    chains[] = {
        { "10.0.0.1", "10.0.0.1", "", "" },
        { "192.168.0.9, 10.0.0.1", "192.168.0.9", "", "" },
        { "198.51.100.1, 192.168.0.9, 10.0.0.1", "192.168.0.9", "198.51.100.1", "" },
    };

    (void)state;
    for (size_t i = 0; i < PN_COUNT(chains); i++)
        check(trusted, &chains[i]);
}

static void the_first_list_that_holds_an_address_decides(void **state)
{
    const struct chain refused = { "10.0.0.1", "127.0.0.1", "10.0.0.1", "" }, taken = { "10.0.0.1", "10.0.0.1", "", "" };

    (void)state;
    check(group("127.0.0.0/8", false, group("127.0.0.1", true, NULL)), &refused);
    check(group("127.0.0.1", true, group("127.0.0.0/8", false, NULL)), &taken);
}

static void a_peer_on_no_list_is_not_believed(void **state)
{
    const struct chain chain = { "192.0.2.1", "127.0.0.1", "192.0.2.1", "" };

    (void)state;
    check(group("192.0.2.0/24", true, NULL), &chain);
}

static void private_addresses(void **state)
{
    static const struct { const char *text; bool is_private; } cases[] = {
        { "10.255.0.1", true },     { "172.15.0.1", false },  { "172.16.0.1", true },   { "172.31.0.1", true },
        { "172.32.0.1", false },    { "192.168.0.1", true },  { "192.169.0.1", false }, { "169.254.1.1", true },
        { "169.253.1.1", false },   { "127.9.9.9", true },    { "9.9.9.9", false },     { "2001:db8::1", false },
        { "3fff::1", false },       { "4000::1", true },      { "::1", true },          { "fe80::1", true },
    };

    (void)state;
    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        struct pn_addr addr;
        assert_int_equal(pn_addr_parse(pn_str_z(cases[i].text), &addr), PN_OK);
        assert_int_equal(remoteip_is_private(&addr), cases[i].is_private);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_lists_everybody_is_believed),
        cmocka_unit_test(internal_proxies_may_name_anybody_and_are_not_listed),
        cmocka_unit_test(the_first_list_that_holds_an_address_decides),
        cmocka_unit_test(a_peer_on_no_list_is_not_believed),
        cmocka_unit_test(private_addresses),
    };

    apr_initialize();
    apr_pool_create(&pool, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
