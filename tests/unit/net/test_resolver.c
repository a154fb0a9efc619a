/* test_resolver.c - src/net/resolver.c and resolver_ares.c against a name server in the same process: one name, one
 * address, and silence. Misbehaving servers are in tests/wire/test_host_names.py. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <apr_general.h>

#include "net/resolver.h"


static struct {
    apr_pool_t         *pool;
    struct pn_loop     *loop;
    struct pn_resolver *resolver;
    struct pn_io        server; /* the name server's socket */
    unsigned            questions;
    bool                silent;
    unsigned            ended;  /* fibers */
} t;

/* ---- the server ---- */

/* Answers the question with one record; everything that is not PTR or A has none. */
static size_t make_answer(uint8_t *message, size_t n)
{
    static const uint8_t ptr[] = { 0xc0, 12, 0, 12, 0, 1, 0, 0, 1, 0, 0, 14, 4, 'h', 'o', 's', 't',
                                   7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0 };
    static const uint8_t a[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 0, 0, 4, 192, 0, 2, 7 };
    uint8_t              type = message[n - 3];

    message[2] = 0x81;
    message[3] = 0x80;
    message[7] = type == 12 || type == 1;
    message[11] = 0;
    if (type == 12)
        memcpy(message + n, ptr, sizeof(ptr));
    else if (type == 1)
        memcpy(message + n, a, sizeof(a));
    return n + (type == 12 ? sizeof(ptr) : type == 1 ? sizeof(a) : 0);
}

static void on_question(struct pn_io *io, unsigned events)
{
    uint8_t            message[512];
    struct sockaddr_in from;
    socklen_t          from_n = sizeof(from);
    ssize_t            n;

    (void)events;
    while ((n = recvfrom(io->fd, message, 400, 0, (struct sockaddr *)&from, &from_n)) > 12) {
        t.questions++;
        if (!t.silent)
            assert_true(sendto(io->fd, message, make_answer(message, (size_t)n), 0, (struct sockaddr *)&from, from_n) > 0);
    }
    io->ready = 0;
}

static const char *start_server(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t          n = sizeof(at);
    int                fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    assert_int_equal(pn_io_open(t.loop, &t.server, fd, on_question, false), PN_OK);
    return pn_str_printf(t.pool, "127.0.0.1:%u", ntohs(at.sin_port)).p;
}

static int set_up(void **state)
{
    struct pn_resolver_options options = { .timeout = 20 * PN_USEC_PER_SEC, .cache_entries = 4 };

    (void)state;
    memset(&t, 0, sizeof(t));
    apr_pool_create(&t.pool, NULL);
    assert_int_equal(pn_loop_open(t.pool, &t.loop), PN_OK);
    options.servers = start_server();
    assert_int_equal(pn_resolver_open(t.loop, &options, &t.resolver), PN_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pn_resolver_close(t.resolver);
    pn_io_close(t.loop, &t.server);
    pn_loop_close(t.loop);
    apr_pool_destroy(t.pool);
    return 0;
}

static void run(pn_fiber_fn *fn, void *arg, unsigned count)
{
    t.ended = 0;
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(pn_fiber_start(t.loop, fn, arg), PN_OK);
    for (int turns = 0; t.ended < count && turns < 10000; turns++)
        pn_loop_turn(t.loop, 10 * PN_USEC_PER_MSEC);
    assert_int_equal(t.ended, count);
}

static struct pn_addr address(unsigned last)
{
    return (struct pn_addr){ .family = AF_INET, .ip = { 192, 0, 2, (uint8_t)last } };
}

/* ---- tests ---- */

static void ask_name(void *arg)
{
    struct pn_addr addr = address(*(unsigned *)arg);
    pn_str         name = { NULL, 0 };

    assert_int_equal(pn_resolver_name(t.resolver, &addr, PN_NEVER, t.pool, &name), PN_OK);
    assert_string_equal(name.p, "host.example");
    t.ended++;
}

static void many_fibers_ask_once(void **state)
{
    unsigned       last = 7;
    struct pn_addr addr = address(last);

    (void)state;
    assert_false(pn_resolver_knows(t.resolver, &addr, false));
    run(ask_name, &last, 20);
    assert_int_equal(t.questions, 1);
    assert_true(pn_resolver_knows(t.resolver, &addr, false));
    assert_false(pn_resolver_knows(t.resolver, &addr, true));
    run(ask_name, &last, 20);
    assert_int_equal(t.questions, 1);
    assert_int_equal(pn_resolver_stats(t.resolver).asked, 40);
    assert_int_equal(pn_resolver_stats(t.resolver).started, 1);
}

static void ask_addresses(void *arg)
{
    struct pn_addr *v = NULL, want = address(7);
    unsigned        n = 0;

    assert_int_equal(pn_resolver_addresses(t.resolver, pn_str_z(arg), false, PN_NEVER, t.pool, &v, &n), PN_OK);
    assert_int_equal(n, 1);
    assert_true(pn_addr_eq(&v[0], &want, true));
    t.ended++;
}

static void addresses_are_known_by_a_name_of_any_case(void **state)
{
    char mixed[] = "Host.Example", lower[] = "host.example.";

    (void)state;
    run(ask_addresses, mixed, 1);
    unsigned questions = t.questions;
    run(ask_addresses, lower, 1);
    assert_int_equal(t.questions, questions);
}

static void the_table_stays_within_its_bound(void **state)
{
    (void)state;
    for (unsigned last = 1; last <= 20; last++) {
        run(ask_name, &last, 1);
        assert_true(pn_resolver_stats(t.resolver).entries <= 4);
    }
    assert_int_equal(pn_resolver_stats(t.resolver).pending, 0);
}

static void ask_in_vain(void *arg)
{
    struct pn_addr addr = address(9);
    pn_str         name = { NULL, 0 };
    pn_usec        deadline = pn_loop_now(t.loop) + 20 * PN_USEC_PER_MSEC;

    (void)arg;
    assert_int_equal(pn_resolver_name(t.resolver, &addr, deadline, t.pool, &name), PN_TIMEOUT);
    assert_null(name.p);
    t.ended++;
}

static void a_silent_server_costs_no_more_than_the_deadline(void **state)
{
    unsigned last = 7;

    (void)state;
    t.silent = true;
    run(ask_in_vain, NULL, 5);
    t.silent = false;
    run(ask_name, &last, 1); /* and nobody else anything */
}

static struct pn_fiber *waiting;

static void wait_to_be_cancelled(void *arg)
{
    struct pn_addr addr = address(9);
    pn_str         name = { NULL, 0 };

    (void)arg;
    waiting = pn_fiber_this();
    assert_int_equal(pn_resolver_name(t.resolver, &addr, PN_NEVER, t.pool, &name), PN_CANCELLED);
    t.ended++;
}

static void a_wait_that_is_cancelled_leaves_nothing_behind(void **state)
{
    (void)state;
    t.silent = true;
    t.ended = 0;
    assert_int_equal(pn_fiber_start(t.loop, wait_to_be_cancelled, NULL), PN_OK);
    pn_fiber_cancel(waiting);
    for (int turns = 0; !t.ended && turns < 100; turns++)
        pn_loop_turn(t.loop, PN_USEC_PER_MSEC);
    assert_int_equal(t.ended, 1);
    assert_int_equal(pn_resolver_stats(t.resolver).pending, 1); /* tear_down closes over it */
}

static void host_names(void **state)
{
    static const char *const good[] = { "a.example", "a", "_dmarc.example", "a-b.c-d", "1.example", "a.example.", "1.2.3.4x" };
    static const char *const bad[] = { "", ".", "..", "a..b", ".a", "1.2.3.4", "10", "a b", "a\"b", "a/b", "a\n", "::1", "a.1",
                                       "\xc3\xa4.example" };
    char                     text[300];

    (void)state;
    for (size_t i = 0; i < PN_COUNT(good); i++)
        assert_true(pn_host_name_ok(pn_str_z(good[i])));
    for (size_t i = 0; i < PN_COUNT(bad); i++)
        assert_false(pn_host_name_ok(pn_str_z(bad[i])));
    memset(text, 'a', sizeof(text));
    assert_true(pn_host_name_ok(pn_str_n(text, PN_HOST_NAME_MAX)));
    assert_false(pn_host_name_ok(pn_str_n(text, PN_HOST_NAME_MAX + 1)));
}

#define WITH_SERVER(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(many_fibers_ask_once),
        WITH_SERVER(addresses_are_known_by_a_name_of_any_case),
        WITH_SERVER(the_table_stays_within_its_bound),
        WITH_SERVER(a_silent_server_costs_no_more_than_the_deadline),
        WITH_SERVER(a_wait_that_is_cancelled_leaves_nothing_behind),
        cmocka_unit_test(host_names),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
