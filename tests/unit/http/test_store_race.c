/* test_store_race.c - a thread swaps links and files while look-ups run: no look-up ends outside
 * of what Options allow, and none is stale once the thread has stopped. */
#include "store_test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum { SWAPS = 10000, NOBODY = 65534 };

struct swapper {
    struct store_test *site;
    atomic_bool        done;
    unsigned           last; /* what the last swap left: see swap() */
};

static void at(const struct swapper *s, const char *name, char *to, size_t room)
{
    snprintf(to, room, "%s/%s", s->site->root, name);
}

/* allowed/x is in turn a file, a link to a secret file, a directory with a file, and a link to
   the secret's directory. */
static void swap(struct swapper *s, unsigned kind)
{
    static const char *const from[] = { "spare/file", "spare/link", "spare/dir", "spare/dirlink" };
    char                     a[64], b[64], put[64];

    at(s, from[kind], a, sizeof(a));
    at(s, "allowed/x", b, sizeof(b));
    at(s, from[s->last], put, sizeof(put));
    if (rename(b, put) != 0 || rename(a, b) != 0)
        abort();
    s->last = kind;
}

static void *swap_all(void *arg)
{
    struct swapper *s = arg;
    uint64_t        seed = 88172645463325252u;

    for (unsigned i = 0; i < SWAPS; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        if ((seed >> 30) % 4 != s->last)
            swap(s, (unsigned)(seed >> 30) % 4);
    }
    atomic_store(&s->done, true);
    return NULL;
}

static void prepare(struct store_test *t)
{
    char path[64];

    site_mkdir(t, "secret");
    site_write(t, "secret/f", "secret");
    site_mkdir(t, "allowed");
    site_mkdir(t, "spare");
    site_write(t, "allowed/x", "fine");
    site_link(t, "spare/link", "../secret/f");
    site_mkdir(t, "spare/dir");
    site_write(t, "spare/dir/f", "fine");
    site_link(t, "spare/dirlink", "../secret");
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/secret%s", t->root, i ? "/f" : "");
        assert_int_equal(chown(path, NOBODY, NOBODY), 0);
    }
}

static void check(struct store_test *t, const char *name)
{
    struct pn_place *place = site_find(t, name);
    char             bytes[16];
    ssize_t          n;

    if (place->file && place->file->fd >= 0) {
        n = pread(place->file->fd, bytes, sizeof(bytes), 0);
        assert_int_equal(n, 4);
        assert_memory_equal(bytes, "fine", 4);
    }
    if (place->file && place->file->bytes.p)
        assert_memory_equal(place->file->bytes.p, "fine", 4);
    pn_place_unref(place);
}

static void check_settled(struct store_test *t, unsigned last)
{
    static const struct {
        int               status_x, status_f;
        enum pn_file_type x, f;
    } want[] = {
        { 0, 0, PN_FILE_REGULAR, PN_FILE_REGULAR }, /* /x/f is path info */
        { 403, 403, PN_FILE_NONE, PN_FILE_NONE },
        { 0, 0, PN_FILE_DIRECTORY, PN_FILE_REGULAR },
        { 403, 403, PN_FILE_NONE, PN_FILE_NONE },
    };
    struct pn_place *x = site_find(t, "allowed/x"), *f = site_find(t, "allowed/x/f");

    assert_int_equal(x->status, want[last].status_x);
    assert_int_equal(f->status, want[last].status_f);
    assert_int_equal(x->finfo.type, want[last].x);
    assert_int_equal(f->finfo.type, want[last].f);
    pn_place_unref(x);
    pn_place_unref(f);
}

static void race(enum store_mode mode, const char *options)
{
    struct store_test t;
    struct swapper    s = { .site = &t };
    pthread_t         thread;
    char              conf[128];
    unsigned          fds;

    snprintf(conf, sizeof(conf), "<Directory @>\nOptions %s\nAllowOverride None\n</Directory>\n",
             options);
    store_test_begin(&t, mode, conf);
    prepare(&t);
    fds = open_fds();
    assert_int_equal(pthread_create(&thread, NULL, swap_all, &s), 0);
    while (!atomic_load(&s.done)) {
        check(&t, "allowed/x");
        check(&t, "allowed/x/f");
        check(&t, "allowed/x/");
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    check_settled(&t, s.last);
    assert_in_range(open_fds(), fds, fds + 12);
    for (unsigned i = 0; i < 50; i++) {
        if (i % 4 != s.last)
            swap(&s, i % 4);
        check_settled(&t, s.last);
    }
    store_test_end(&t);
}

static void no_race_leads_out(void **state)
{
    static const char *const options[] = { "None", "SymLinksIfOwnerMatch" };

    (void)state;
    if (geteuid() != 0)
        skip();
    for (size_t i = 0; i < PN_COUNT(options); i++) {
        race(STORE_WATCHED, options[i]);
        race(STORE_ASKED, options[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(no_race_leads_out) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
