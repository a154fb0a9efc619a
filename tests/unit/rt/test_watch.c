/* test_watch.c - directory watches on a real directory (src/rt/watch_*.c). */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rt/watch.h"
#include "rt/watch_internal.h"
#include "rt_test.h"

struct watch_test {
    struct rt_test    *rt;
    struct pn_watcher   *watcher;
    struct pn_watch_hub *hub; /* NULL: the watcher has its own descriptor */
    char                 path[64];
    int                dir; /* O_PATH descriptor of it */
};

static int setup_with(void **state, struct pn_watch_hub *hub)
{
    struct watch_test *t = calloc(1, sizeof(*t));
    void              *rt;

    if (rt_setup(&rt) != 0)
        return -1;
    t->rt = rt;
    t->hub = hub;
    snprintf(t->path, sizeof(t->path), "/tmp/pn_watch_XXXXXX");
    if (mkdtemp(t->path) == NULL)
        return -1;
    t->dir = open(t->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    *state = t;
    return pn_watcher_open(t->rt->loop, t->rt->pool, hub, &t->watcher) == PN_OK ? 0 : -1;
}

static int setup(void **state)
{
    return setup_with(state, NULL);
}

/* A watcher that shares its descriptor with others behaves like one that has its own. */
static int setup_shared(void **state)
{
    struct pn_watch_hub *hub;

    return pn_watch_hub_open(&hub) == PN_OK ? setup_with(state, hub) : -1;
}

static void remove_tree(int dir, const char *name)
{
    static const char *const children[] = { "a", "b", "c", "sub/x", "sub/y", "sub", "sub2" };
    int                      fd = openat(dir, name, O_PATH | O_DIRECTORY | O_CLOEXEC);

    for (size_t i = 0; i < PN_COUNT(children); i++)
        if (unlinkat(fd, children[i], 0) != 0)
            unlinkat(fd, children[i], AT_REMOVEDIR);
    close(fd);
}

static int teardown(void **state)
{
    struct watch_test *t = *state;
    void              *rt = t->rt;

    pn_watcher_close(
        t->watcher); /* again, after a test whose probes lie on its stack: that is fine */
    pn_watch_hub_close(t->hub);
    remove_tree(t->dir, ".");
    close(t->dir);
    rmdir(t->path);
    free(t);
    return rt_teardown(&rt);
}

/* A watch that notes what it is told, and may stop, free or start watches when told. */
struct probe {
    struct pn_watch    watch;
    struct pn_watcher *watcher;
    unsigned           calls, events; /* all bits told */
    char               names[128];    /* "name;" for each */
    struct pn_watch   *stop;
    bool               free_self;
    struct probe      *start; /* on start_dir */
    int                start_dir;
};

static void probe_fn(struct pn_watch *watch, unsigned events, pn_str name)
{
    struct probe *p = PN_CONTAINER(watch, struct probe, watch);
    size_t        used = strlen(p->names);

    p->calls++;
    p->events |= events;
    if (used + name.n + 2 < sizeof(p->names))
        snprintf(p->names + used, sizeof(p->names) - used, "%.*s;", PN_FMT(name));
    if (p->start != NULL)
        assert_int_equal(pn_watch_start(p->watcher, &p->start->watch, p->start_dir, true, probe_fn),
                         PN_OK);
    p->start = NULL;
    if (p->stop != NULL)
        pn_watch_stop(p->watcher, p->stop);
    p->stop = NULL;
    if (p->free_self) {
        pn_watch_stop(p->watcher, &p->watch);
        free(p);
    }
}

static void probe_start(struct watch_test *t, struct probe *p, int dir, bool content)
{
    memset(p, 0, sizeof(*p));
    p->watcher = t->watcher;
    assert_int_equal(pn_watch_start(t->watcher, &p->watch, dir, content, probe_fn), PN_OK);
}

static void forget(struct probe *p)
{
    p->calls = p->events = 0;
    p->names[0] = '\0';
}

static void put(struct watch_test *t, const char *name, const char *text)
{
    int fd = openat(t->dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void op_create(struct watch_test *t)
{
    put(t, "b", "");
}

static void op_write(struct watch_test *t)
{
    put(t, "a", "new");
}

static void op_delete(struct watch_test *t)
{
    assert_int_equal(unlinkat(t->dir, "a", 0), 0);
}

static void op_rename(struct watch_test *t)
{
    assert_int_equal(renameat(t->dir, "a", t->dir, "b"), 0);
}

static void op_rename_over(struct watch_test *t)
{
    put(t, "b", "");
    assert_int_equal(renameat(t->dir, "b", t->dir, "a"), 0);
}

static void op_chmod(struct watch_test *t)
{
    assert_int_equal(fchmodat(t->dir, "a", 0640, 0), 0);
}

static void op_mkdir(struct watch_test *t)
{
    assert_int_equal(mkdirat(t->dir, "sub", 0700), 0);
}

static void op_symlink(struct watch_test *t)
{
    assert_int_equal(symlinkat("a", t->dir, "b"), 0);
}

static void op_chmod_self(struct watch_test *t)
{
    assert_int_equal(fchmodat(t->dir, ".", 0710, 0), 0);
}

static void changes_are_told(void **state)
{
    static const struct {
        void (*op)(struct watch_test *t);
        unsigned    plain, content; /* what a watch without and one with content is told */
        const char *name;           /* is among the names */
    } cases[] = {
        { op_create, PN_WATCH_ENTRY, PN_WATCH_ENTRY | PN_WATCH_WRITTEN, "b;" },
        { op_write, 0, PN_WATCH_WRITTEN, "a;" },
        { op_delete, PN_WATCH_ENTRY, PN_WATCH_ENTRY, "a;" },
        { op_rename, PN_WATCH_ENTRY, PN_WATCH_ENTRY, "a;b;" },
        { op_rename_over, PN_WATCH_ENTRY, PN_WATCH_ENTRY | PN_WATCH_WRITTEN, "b;a;" },
        { op_chmod, PN_WATCH_ENTRY, PN_WATCH_ENTRY, "a;" },
        { op_mkdir, PN_WATCH_ENTRY, PN_WATCH_ENTRY, "sub;" },
        { op_symlink, PN_WATCH_ENTRY, PN_WATCH_ENTRY, "b;" },
        { op_chmod_self, PN_WATCH_SELF, PN_WATCH_SELF, ";" },
    };
    struct watch_test *t = *state;

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        for (unsigned content = 0; content < 2; content++) {
            struct probe p;
            unsigned     want = content ? cases[i].content : cases[i].plain;

            remove_tree(t->dir, ".");
            put(t, "a", "old");
            probe_start(t, &p, t->dir, content);
            pn_watcher_drain(t->watcher);
            assert_int_equal(p.calls, 0);
            cases[i].op(t);
            pn_watcher_drain(t->watcher);
            assert_int_equal(p.events, want);
            if (want)
                assert_non_null(strstr(p.names, cases[i].name));
            pn_watch_stop(t->watcher, &p.watch);
        }
    }
}

static void a_deleted_directory_ends_the_watch(void **state)
{
    struct watch_test *t = *state;
    struct probe       p;
    int                sub;

    op_mkdir(t);
    sub = openat(t->dir, "sub", O_PATH | O_CLOEXEC);
    probe_start(t, &p, sub, false);
    close(sub);
    assert_int_equal(pn_watcher_count(t->watcher), 1);
    assert_int_equal(unlinkat(t->dir, "sub", AT_REMOVEDIR), 0);
    pn_watcher_drain(t->watcher);
    assert_int_equal(p.events, PN_WATCH_SELF);
    assert_int_equal(p.watch.wd, -1);
    assert_int_equal(pn_watcher_count(t->watcher), 0);
    pn_watch_stop(t->watcher, &p.watch); /* no-op */
    op_mkdir(t); /* the name comes back as another directory: nothing is told of it */
    pn_watcher_drain(t->watcher);
}

static void a_moved_directory_is_still_the_one_watched(void **state)
{
    struct watch_test *t = *state;
    struct probe       p;
    int                sub;

    op_mkdir(t);
    sub = openat(t->dir, "sub", O_PATH | O_CLOEXEC);
    probe_start(t, &p, sub, false);
    assert_int_equal(renameat(t->dir, "sub", t->dir, "sub2"), 0);
    pn_watcher_drain(t->watcher);
    assert_int_equal(p.events, PN_WATCH_SELF);
    forget(&p);
    close(openat(sub, "x", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    unlinkat(sub, "x", 0);
    pn_watcher_drain(t->watcher);
    assert_int_equal(p.events, PN_WATCH_ENTRY);
    pn_watcher_close(t->watcher);
    close(sub);
}

static void two_watches_share_a_directory(void **state)
{
    struct watch_test *t = *state;
    struct probe       plain, content;

    probe_start(t, &plain, t->dir, false);
    probe_start(t, &content, t->dir, true);
    assert_int_equal(plain.watch.wd, content.watch.wd);
    assert_int_equal(pn_watcher_count(t->watcher), 2);
    put(t, "a", "x");
    pn_watcher_drain(t->watcher);
    assert_int_equal(plain.events, PN_WATCH_ENTRY);
    assert_int_equal(content.events, PN_WATCH_ENTRY | PN_WATCH_WRITTEN);
    pn_watch_stop(t->watcher, &content.watch);
    forget(&plain);
    forget(&content);
    put(t, "b", "y");
    pn_watcher_drain(t->watcher);
    assert_int_equal(plain.events, PN_WATCH_ENTRY);
    assert_int_equal(content.calls, 0);
    pn_watch_stop(t->watcher, &plain.watch);
    assert_int_equal(pn_watcher_count(t->watcher), 0);
}

static void content_can_be_asked_for_later(void **state)
{
    struct watch_test *t = *state;
    struct probe       p;
    int                other = open("/tmp", O_PATH | O_CLOEXEC);

    put(t, "a", "x");
    probe_start(t, &p, t->dir, false);
    op_write(t);
    pn_watcher_drain(t->watcher);
    assert_int_equal(p.calls, 0);
    assert_int_equal(pn_watch_want_content(t->watcher, &p.watch, other), PN_NOT_FOUND);
    assert_int_equal(pn_watch_want_content(t->watcher, &p.watch, t->dir), PN_OK);
    op_write(t);
    pn_watcher_drain(t->watcher);
    assert_int_equal(p.events, PN_WATCH_WRITTEN);
    pn_watch_stop(t->watcher, &p.watch);
    assert_int_equal(pn_watch_want_content(t->watcher, &p.watch, t->dir), PN_NOT_FOUND);
    close(other);
}

static void watches_may_stop_and_start_inside_callbacks(void **state)
{
    struct watch_test *t = *state;
    struct probe       keep, victim, fresh, *freed = calloc(1, sizeof(*freed));

    /* The list is last in, first out: `freed` is told first. */
    probe_start(t, &keep, t->dir, false);
    probe_start(t, &victim, t->dir, false);
    probe_start(t, freed, t->dir, false);
    memset(&fresh, 0, sizeof(fresh));
    freed->free_self = true;
    freed->stop = &victim.watch; /* the next one in the list */
    freed->start = &fresh;
    freed->start_dir = t->dir;
    op_create(t);
    pn_watcher_drain(t->watcher);
    assert_int_equal(keep.calls, 1);
    assert_int_equal(victim.calls, 0);
    assert_int_equal(fresh.calls, 0); /* not told of what happened before it began */
    assert_int_equal(pn_watcher_count(t->watcher), 2);
    assert_int_equal(symlinkat("x", t->dir, "c"), 0);
    pn_watcher_drain(t->watcher);
    assert_int_equal(keep.calls, 2);
    assert_int_equal(fresh.calls, 1);
    pn_watcher_close(t->watcher);
    assert_int_equal(keep.watch.wd, -1);
}

static void a_new_watch_is_not_told_of_older_events(void **state)
{
    struct watch_test *t = *state;
    struct probe       first, second;

    for (unsigned i = 0; i < 200; i++) {
        probe_start(t, &first, t->dir, true);
        op_create(t);
        pn_watch_stop(t->watcher, &first.watch); /* with events and IN_IGNORED in the queue */
        probe_start(t, &second, t->dir, true);
        if (i % 3 == 0)
            pn_watcher_drain(t->watcher);
        assert_int_equal(first.calls, 0);
        assert_int_equal(second.calls, 0);
        put(t, "c", "x");
        pn_watcher_drain(t->watcher);
        assert_true(second.calls > 0);
        assert_null(strstr(second.names, "b;"));
        pn_watch_stop(t->watcher, &second.watch);
        unlinkat(t->dir, "b", 0);
        unlinkat(t->dir, "c", 0);
    }
}

static void the_loop_drains_before_the_jobs(void **state)
{
    struct watch_test *t = *state;
    struct probe       p;

    probe_start(t, &p, t->dir, false);
    op_create(t);
    pn_loop_turn(t->rt->loop, 0);
    assert_int_equal(p.events, PN_WATCH_ENTRY);
    pn_watcher_close(t->watcher);
}

static size_t max_queued(void)
{
    FILE  *file = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
    char   line[32] = "";
    size_t n = 16384;

    if (file != NULL && fgets(line, sizeof(line), file) != NULL)
        n = strtoul(line, NULL, 10);
    if (file != NULL)
        fclose(file);
    return n;
}

static void an_overflow_is_told_to_every_watch_once(void **state)
{
    struct watch_test *t = *state;
    struct probe       here, there, *started = calloc(1, sizeof(*started));
    size_t             n = max_queued() / 2 + 100;
    int                sub;

    op_mkdir(t);
    sub = openat(t->dir, "sub", O_PATH | O_CLOEXEC);
    probe_start(t, &here, t->dir, false);
    probe_start(t, &there, sub, false);
    for (size_t i = 0; i < n; i++) { /* two events each, different enough not to be merged */
        op_create(t);
        unlinkat(t->dir, "b", 0);
    }
    there.start = started; /* in the callback, on the directory told already or told next */
    there.start_dir = t->dir;
    pn_watcher_drain(t->watcher);
    assert_true(here.events & PN_WATCH_OVERFLOW);
    assert_int_equal(there.events, PN_WATCH_OVERFLOW);
    assert_int_equal(there.calls, 1);
    forget(&here);
    op_create(t); /* and it goes on */
    pn_watcher_drain(t->watcher);
    assert_int_equal(here.events, PN_WATCH_ENTRY);
    pn_watcher_close(t->watcher); /* before the probes go */
    free(started);
    close(sub);
}

static void unknown_file_systems_are_declined(void **state)
{
    struct watch_test *t = *state;
    struct pn_watch    watch;
    int                proc = open("/proc/self", O_PATH | O_CLOEXEC);
    int                file;

    assert_int_equal(pn_watch_start(t->watcher, &watch, proc, false, probe_fn), PN_DECLINED);
    assert_int_equal(watch.wd, -1);
    put(t, "a", "");
    file = openat(t->dir, "a", O_PATH | O_CLOEXEC);
    assert_int_equal(pn_watch_start(t->watcher, &watch, file, false, probe_fn), PN_SYSTEM);
    pn_watch_stop(t->watcher, &watch);
    close(proc);
    close(file);
}

/* --- the table --- */

static void the_table_behaves_like_an_array(void **state)
{
    enum { WDS = 500 };
    struct pn__watch_table table = { 0 };
    struct pn_watch        some;
    bool                   in[WDS + 1] = { false };
    uint64_t               seed = 362436069;

    assert_null(pn__watch_table_find(&table, 7));
    for (unsigned step = 0; step < 50000; step++) {
        int wd = (int)(rt_random(&seed) % WDS) + 1;

        if (rt_random(&seed) % 2) {
            assert_true(pn__watch_table_reserve(&table));
            pn__watch_table_add(&table, wd * 32, 0)->watches =
                &some; /* all want the same few slots */
            in[wd] = true;
        }
        else if (in[wd]) {
            pn__watch_table_remove(&table, pn__watch_table_find(&table, wd * 32));
            in[wd] = false;
        }
        wd = (int)(rt_random(&seed) % WDS) + 1;
        assert_int_equal(pn__watch_table_find(&table, wd * 32) != NULL, in[wd]);
    }
    for (int wd = 1; wd <= WDS; wd++)
        if (in[wd] && wd % 2)
            pn__watch_table_find(&table, wd * 32)->watches = NULL;
    pn__watch_table_end_stale(&table);
    for (int wd = 1; wd <= WDS; wd++)
        assert_int_equal(pn__watch_table_find(&table, wd * 32) != NULL, in[wd] && wd % 2 == 0);
    pn__watch_table_release(&table);
}

#define WATCH_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define SHARED_TEST(f) { #f " (shared)", f, setup_shared, teardown, NULL }

int main(void)
{
    const struct CMUnitTest tests[] = {
        WATCH_TEST(changes_are_told),
        WATCH_TEST(a_deleted_directory_ends_the_watch),
        WATCH_TEST(a_moved_directory_is_still_the_one_watched),
        WATCH_TEST(two_watches_share_a_directory),
        WATCH_TEST(content_can_be_asked_for_later),
        WATCH_TEST(watches_may_stop_and_start_inside_callbacks),
        WATCH_TEST(a_new_watch_is_not_told_of_older_events),
        WATCH_TEST(the_loop_drains_before_the_jobs),
        WATCH_TEST(an_overflow_is_told_to_every_watch_once),
        WATCH_TEST(unknown_file_systems_are_declined),
        SHARED_TEST(changes_are_told),
        SHARED_TEST(a_deleted_directory_ends_the_watch),
        SHARED_TEST(a_moved_directory_is_still_the_one_watched),
        SHARED_TEST(two_watches_share_a_directory),
        SHARED_TEST(content_can_be_asked_for_later),
        SHARED_TEST(watches_may_stop_and_start_inside_callbacks),
        SHARED_TEST(a_new_watch_is_not_told_of_older_events),
        SHARED_TEST(the_loop_drains_before_the_jobs),
        SHARED_TEST(an_overflow_is_told_to_every_watch_once),
        SHARED_TEST(unknown_file_systems_are_declined),
        cmocka_unit_test(the_table_behaves_like_an_array),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
