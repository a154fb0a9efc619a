/* test_watch_hub.c - several watchers on one inotify descriptor (src/rt/watch_hub.c). What holds for any watcher is in
 * test_watch.c, which runs with a hub, too. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rt/watch.h"
#include "rt_test.h"

enum { N = 3, FILES = 1500 };

struct hub_test {
    struct rt_test      *rt;
    struct pn_watch_hub *hub;
    struct pn_watcher   *watchers[N];
    struct pn_watch      watches[N];
    unsigned             told[N], lost[N];
    char                 path[64];
    int                  dir;
};

static struct hub_test *the; /* callbacks know their watch alone */

static void told(struct pn_watch *watch, unsigned events, pn_str name)
{
    size_t i = (size_t)(watch - the->watches);

    the->told[i] += (events & PN_WATCH_ENTRY) != 0;
    the->lost[i] += (events & PN_WATCH_OVERFLOW) != 0;
}

static int setup(void **state)
{
    void *rt;

    the = calloc(1, sizeof(*the));
    if (!the || rt_setup(&rt) != 0 || pn_watch_hub_open(&the->hub) != PN_OK)
        return -1;
    the->rt = rt;
    snprintf(the->path, sizeof(the->path), "/tmp/pn_hub_XXXXXX");
    if (mkdtemp(the->path) == NULL)
        return -1;
    the->dir = open(the->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (unsigned i = 0; i < N; i++)
        if (pn_watcher_open(the->rt->loop, the->rt->pool, the->hub, &the->watchers[i]) != PN_OK)
            return -1;
    *state = the;
    return 0;
}

static int teardown(void **state)
{
    void *rt = the->rt;

    for (unsigned i = 0; i < N; i++)
        pn_watcher_close(the->watchers[i]);
    pn_watch_hub_close(the->hub);
    close(the->dir);
    rmdir(the->path);
    free(the);
    return rt_teardown(&rt);
}

static void start(unsigned i)
{
    assert_int_equal(pn_watch_start(the->watchers[i], &the->watches[i], the->dir, false, told), PN_OK);
}

static void make(unsigned n)
{
    char name[16];

    snprintf(name, sizeof(name), "f%u", n);
    close(openat(the->dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static void take(unsigned n)
{
    char name[16];

    snprintf(name, sizeof(name), "f%u", n);
    unlinkat(the->dir, name, 0);
}

/* How often was it told since the last time? */
static unsigned drain(unsigned i)
{
    the->told[i] = 0;
    pn_watcher_drain(the->watchers[i]);
    return the->told[i];
}

/* Whoever drains first, each hears of everything, once. */
static void each_is_told(void **state)
{
    for (unsigned i = 0; i < N; i++)
        start(i);
    make(0);
    assert_int_equal(drain(1), 1);
    take(0);
    assert_int_equal(drain(0), 2);
    assert_int_equal(drain(1), 1);
    assert_int_equal(drain(2), 2);
    for (unsigned i = 0; i < N; i++)
        assert_int_equal(drain(i), 0);
}

/* The directory's watch lives as long as one of them wants it. */
static void one_may_stop(void **state)
{
    start(0);
    start(1);
    pn_watch_stop(the->watchers[0], &the->watches[0]);
    make(0);
    assert_int_equal(drain(0), 0);
    assert_int_equal(drain(1), 1);
    start(0); /* the same watch descriptor again: what is older may be told, what is new is */
    take(0);
    assert_true(drain(0) >= 1);
    assert_int_equal(drain(1), 1);
    pn_watch_stop(the->watchers[0], &the->watches[0]);
    pn_watch_stop(the->watchers[1], &the->watches[1]);
    make(0);
    start(0); /* another one */
    take(0);
    assert_int_equal(drain(0), 1);
}

static void one_may_close(void **state)
{
    for (unsigned i = 0; i < N; i++)
        start(i);
    pn_watcher_close(the->watchers[0]);
    make(0);
    assert_int_equal(drain(1), 1);
    pn_watcher_close(the->watchers[1]);
    take(0);
    assert_int_equal(drain(2), 2);
}

/* A thread that sleeps does not fill the memory: it is told that it has missed something. */
static void a_sleeper_is_told_of_losses(void **state)
{
    start(0);
    start(1);
    for (unsigned n = 0; n < FILES; n++) {
        make(n);
        take(n);
        drain(0);
    }
    drain(1);
    assert_int_equal(the->lost[1], 1);
    assert_int_equal(the->lost[0], 0);
    make(0);
    assert_int_equal(drain(1), 1);
    take(0);
    assert_int_equal(drain(0), 2);
}

static void a_directory_that_goes_ends_it_for_all(void **state)
{
    int dir;

    assert_int_equal(mkdirat(the->dir, "sub", 0700), 0);
    dir = openat(the->dir, "sub", O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pn_watch_start(the->watchers[i], &the->watches[i], dir, false, told), PN_OK);
    close(dir);
    assert_int_equal(unlinkat(the->dir, "sub", AT_REMOVEDIR), 0);
    for (unsigned i = 0; i < 2; i++) {
        drain(i);
        assert_int_equal(the->watches[i].wd, -1);
        pn_watch_stop(the->watchers[i], &the->watches[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(one_may_stop, setup, teardown),
        cmocka_unit_test_setup_teardown(one_may_close, setup, teardown),
        cmocka_unit_test_setup_teardown(a_sleeper_is_told_of_losses, setup, teardown),
        cmocka_unit_test_setup_teardown(a_directory_that_goes_ends_it_for_all, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
