/* test_notify.c - src/proc/notify.c. */
#include "proc_test.h"

#include <apr_general.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "proc/notify.h"

static int listen_at(const char *name, size_t n)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int                fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    memcpy(at.sun_path, name, n);
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)), 0);
    return fd;
}

static struct pn_notify open_notify(const char *address, apr_pool_t **ret_pool)
{
    struct pn_notify notify;

    apr_initialize();
    assert_int_equal(apr_pool_create(ret_pool, NULL), APR_SUCCESS);
    if (address)
        setenv("NOTIFY_SOCKET", address, 1);
    pn__notify_open(&notify, *ret_pool);
    assert_null(getenv("NOTIFY_SOCKET"));
    return notify;
}

static void expect(int fd, const char *text)
{
    char    got[256];
    ssize_t n = recv(fd, got, sizeof(got) - 1, 0);

    assert_true(n > 0);
    got[n] = '\0';
    assert_non_null(strstr(got, text));
}

static void by_path(void **state)
{
    apr_pool_t      *pool;
    int              fd = listen_at(path, strlen(path) + 1);
    struct pn_notify notify = open_notify(path, &pool);

    pn__notify_send(&notify, "READY=1");
    expect(fd, "READY=1");
    pn__notify_reloading(&notify);
    expect(fd, "MONOTONIC_USEC=");
    apr_pool_destroy(pool);
    close(fd);
}

static void by_abstract_name(void **state)
{
    char             name[64];
    int              n = snprintf(name, sizeof(name), "@pn-notify-%ld", (long)getpid());
    apr_pool_t      *pool;
    struct pn_notify notify = open_notify(name, &pool);
    int              fd;

    name[0] = '\0';
    fd = listen_at(name, (size_t)n);
    pn__notify_send(&notify, "STOPPING=1");
    expect(fd, "STOPPING=1");
    apr_pool_destroy(pool);
    close(fd);
}

static void nobody_wants_to_know(void **state)
{
    apr_pool_t      *pool;
    struct pn_notify notify = open_notify(NULL, &pool);

    assert_null(notify.socket);
    assert_true(notify.watchdog == PN_NEVER);
    pn__notify_send(&notify, "READY=1");
    apr_pool_destroy(pool);
}

/* Half of the time that the service manager waits; and only when it means this process. */
static void watchdog(void **state)
{
    apr_pool_t *pool;

    setenv("WATCHDOG_USEC", "3000000", 1);
    assert_int_equal(open_notify(NULL, &pool).watchdog, 1500000);
    apr_pool_destroy(pool);
    setenv("WATCHDOG_USEC", "3000000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    assert_true(open_notify(NULL, &pool).watchdog == PN_NEVER);
    assert_null(getenv("WATCHDOG_PID"));
    apr_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(by_path),
        cmocka_unit_test(by_abstract_name),
        cmocka_unit_test(nobody_wants_to_know),
        cmocka_unit_test(watchdog),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
