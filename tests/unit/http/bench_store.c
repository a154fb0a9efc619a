/* bench_store.c - nanoseconds of a look-up: hit, hit among many, known nodes with new path info,
   asked each time. */
#include "store_test.h"

#include <stdio.h>
#include <time.h>

enum { LOOKUPS = 2000000, FILES = 4096 };

static double now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void measure(struct store_test *t, const char *what, pn_str *paths, unsigned n,
                    unsigned lookups)
{
    double begun;

    for (unsigned i = 0; i < n; i++)
        pn_place_unref(pn_store_find(t->store, t->generation->servers, paths[i]));
    begun = now_ns();
    for (unsigned i = 0; i < lookups; i++)
        pn_place_unref(pn_store_find(t->store, t->generation->servers, paths[i % n]));
    printf("%-28s %8.1f ns\n", what, (now_ns() - begun) / lookups);
}

static void run(enum store_mode mode)
{
    struct store_test t;
    static pn_str     paths[FILES], infos[FILES], missing[FILES];
    char              name[32];

    store_test_begin(
        &t, mode, "<Directory @>\nAllowOverride All\nOptions SymLinksIfOwnerMatch\n</Directory>\n");
    site_mkdir(&t, "one");
    site_mkdir(&t, "one/two");
    site_write(&t, "one/.htaccess", "SetHandler x");
    for (unsigned i = 0; i < FILES; i++) {
        snprintf(name, sizeof(name), "one/two/file%u.html", i);
        site_write(&t, name, "some text");
        paths[i] = pn_str_printf(t.pool, "%s/%s", t.root, name);
        infos[i] = pn_str_printf(t.pool, "%s/one/two/file0.html/info/%u", t.root, i);
        missing[i] = pn_str_printf(t.pool, "%s/one/missing%u", t.root, i);
    }
    if (t.worker.watcher)
        pn_watcher_drain(t.worker.watcher);
    pn_loop_touch_clock(t.loop);
    measure(&t, mode == STORE_WATCHED ? "one file" : "one file, asked", paths, 1,
            LOOKUPS / (mode == STORE_ASKED ? 20 : 1));
    if (mode == STORE_WATCHED) {
        double begun = now_ns();
        for (unsigned i = 0; i < FILES; i++)
            pn_place_unref(pn_store_find(t.store, t.generation->servers, paths[i]));
        printf("%-28s %8.1f ns\n", "new file", (now_ns() - begun) / FILES);
        measure(&t, "4096 files", paths, FILES, LOOKUPS);
        begun = now_ns();
        for (unsigned i = 0; i < FILES; i++)
            pn_place_unref(pn_store_find(t.store, t.generation->servers, infos[i]));
        printf("%-28s %8.1f ns\n", "new path info of a file", (now_ns() - begun) / FILES);
        begun = now_ns();
        for (unsigned i = 0; i < FILES; i++)
            pn_place_unref(pn_store_find(t.store, t.generation->servers, missing[i]));
        printf("%-28s %8.1f ns\n", "new missing file", (now_ns() - begun) / FILES);
    }
    store_test_end(&t);
}

int main(void)
{
    run(STORE_WATCHED);
    run(STORE_ASKED);
    return 0;
}
