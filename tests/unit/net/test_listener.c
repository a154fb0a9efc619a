/* test_listener.c - src/net/listener.c: sets of sockets, and lists that take sockets of earlier ones over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_general.h>
#include <cmocka.h>

#include "net/listener.h"

static apr_pool_t *pool;

static int open_pool(void **state)
{
    (void)state;
    return apr_pool_create(&pool, NULL) != APR_SUCCESS;
}

static int close_pool(void **state)
{
    (void)state;
    apr_pool_destroy(pool);
    return 0;
}

/* A list of one listener on the local machine, at a port that was free a moment ago. */
static struct pn_listener *one_listener(pn_str spec)
{
    struct pn_listener *list = NULL;
    const char         *error = NULL;

    assert_int_equal(pn_listener_add(pool, &list, spec, PN_STR(""), &error), PN_OK);
    return list;
}

static pn_str free_spec(void)
{
    union pn_sockaddr sa = { 0 };
    socklen_t         n = sizeof(sa);
    struct pn_addr    addr;
    int               fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    sa.any.sa_family = AF_INET;
    assert_int_equal(bind(fd, &sa.any, sizeof(struct sockaddr_in)), 0);
    assert_int_equal(getsockname(fd, &sa.any, &n), 0);
    close(fd);
    addr = pn_addr_from_sockaddr(&sa);
    return pn_str_printf(pool, "127.0.0.1:%u", (unsigned)addr.port);
}

static bool is_open(int fd)
{
    return dup2(fd, fd) == fd;
}

static void one_set_is_one_socket(void **state)
{
    struct pn_listener      *list = one_listener(free_spec());
    struct pn_listen_options options = { .backlog = 5 };
    const char              *error = NULL;

    (void)state;
    assert_int_equal(pn_listeners_open(pool, list, NULL, &options, &error), PN_OK);
    assert_true(list->fd >= 0);
    assert_int_equal(list->n_more, 0);
    pn_listeners_use_bucket(list, 7);
    assert_true(is_open(list->fd));
    pn_listeners_close(list);
    assert_int_equal(list->fd, -1);
}

static void child_keeps_the_socket_of_its_set(void **state)
{
    struct pn_listener      *list = one_listener(free_spec());
    struct pn_listen_options options = { .backlog = 5, .buckets = 3 };
    const char              *error = NULL;
    int                      fds[3];

    (void)state;
    assert_int_equal(pn_listeners_open(pool, list, NULL, &options, &error), PN_OK);
    assert_int_equal(list->n_more, 2);
    fds[0] = list->fd;
    fds[1] = list->more[0];
    fds[2] = list->more[1];
    pn_listeners_use_bucket(list, 4); /* of three sets the second */
    assert_int_equal(list->fd, fds[1]);
    assert_int_equal(list->n_more, 0);
    assert_false(is_open(fds[0]));
    assert_true(is_open(fds[1]));
    assert_false(is_open(fds[2]));
    pn_listeners_close(list);
}

static void sets_are_taken_over_whole(void **state)
{
    pn_str                   spec = free_spec();
    struct pn_listener      *earlier = one_listener(spec), *list = one_listener(spec);
    struct pn_listen_options options = { .backlog = 5, .buckets = 3 };
    const char              *error = NULL;
    int                      first;

    (void)state;
    assert_int_equal(pn_listeners_open(pool, earlier, NULL, &options, &error), PN_OK);
    first = earlier->fd;
    options.buckets = 1; /* their number is that of the start */
    assert_int_equal(pn_listeners_open(pool, list, earlier, &options, &error), PN_OK);
    assert_int_equal(list->fd, first);
    assert_int_equal(list->n_more, 2);
    assert_true(list->inherited);
    assert_int_equal(earlier->fd, -1);
    pn_listeners_close(earlier); /* closes nothing that was taken */
    assert_true(is_open(first));
    pn_listeners_close(list);
    assert_false(is_open(first));
}

/* As another program gets them: an entry for each descriptor. */
static void entries_of_one_address_become_one(void **state)
{
    pn_str                   spec = free_spec();
    struct pn_listener      *opened = one_listener(spec), *first = one_listener(spec), *second = one_listener(spec);
    struct pn_listener      *list = one_listener(spec);
    struct pn_listen_options options = { .backlog = 5, .buckets = 2 };
    const char              *error = NULL;

    (void)state;
    assert_int_equal(pn_listeners_open(pool, opened, NULL, &options, &error), PN_OK);
    first->fd = opened->fd;
    second->fd = opened->more[0];
    first->next = second;
    assert_int_equal(pn_listeners_open(pool, list, first, &options, &error), PN_OK);
    assert_int_equal(list->fd, opened->fd);
    assert_int_equal(list->n_more, 1);
    assert_int_equal(list->more[0], opened->more[0]);
    assert_int_equal(first->fd, -1);
    assert_int_equal(second->fd, -1);
    pn_listeners_close(list);
}

static void failure_leaves_nothing_open(void **state)
{
    pn_str                   spec = free_spec();
    struct pn_listener      *taken = one_listener(spec), *list = one_listener(free_spec());
    struct pn_listen_options options = { .backlog = 5 };
    const char              *error = NULL;

    (void)state;
    assert_int_equal(pn_listeners_open(pool, taken, NULL, &options, &error), PN_OK);
    list->next = one_listener(spec);
    options.buckets = 2;
    assert_int_equal(pn_listeners_open(pool, list, NULL, &options, &error), PN_SYSTEM);
    assert_non_null(error);
    assert_int_equal(list->fd, -1);
    assert_int_equal(list->n_more, 0);
    assert_int_equal(list->next->fd, -1);
    pn_listeners_close(taken);
}

#define POOL_TEST(fn) cmocka_unit_test_setup_teardown(fn, open_pool, close_pool)

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(one_set_is_one_socket),     POOL_TEST(child_keeps_the_socket_of_its_set),
        POOL_TEST(sets_are_taken_over_whole), POOL_TEST(entries_of_one_address_become_one),
        POOL_TEST(failure_leaves_nothing_open),
    };
    int failed;

    if (apr_initialize() != APR_SUCCESS)
        return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
