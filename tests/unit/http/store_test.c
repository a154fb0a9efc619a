/* store_test.c - see store_test.h. */
#include "store_test.h"

#include <apr_general.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#include "conf/load.h"
#include "conf/registry.h"
#include "http/vec_cache.h"

unsigned open_fds(void)
{
    DIR     *dir = opendir("/proc/self/fd");
    unsigned n = 0;

    assert_non_null(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n - 3; /* ".", ".." and the listing's own */
}

/* ---- the site ---- */

static char *path_of(struct store_test *t, const char *name)
{
    char *path = NULL;

    assert_true(asprintf(&path, "%s/%s", t->root, name) > 0);
    return path;
}

static void write_with(struct store_test *t, const char *name, const char *text, int flags)
{
    char *path = path_of(t, name);
    int   fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);

    if (fd < 0)
        fail_msg("%s: %s", path, strerror(errno));
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    free(path);
}

void site_write(struct store_test *t, const char *name, const char *text)
{
    write_with(t, name, text, O_TRUNC);
}

void site_append(struct store_test *t, const char *name, const char *text)
{
    write_with(t, name, text, O_APPEND);
}

void site_mkdir(struct store_test *t, const char *name)
{
    char *path = path_of(t, name);

    assert_int_equal(mkdir(path, 0755), 0);
    free(path);
}

void site_link(struct store_test *t, const char *name, const char *target)
{
    char *path = path_of(t, name);

    assert_int_equal(symlink(target, path), 0);
    free(path);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

void site_remove(struct store_test *t, const char *name)
{
    char *path = path_of(t, name);

    assert_int_equal(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(path);
}

void site_rename(struct store_test *t, const char *from, const char *to)
{
    char *a = path_of(t, from), *b = path_of(t, to);

    assert_int_equal(rename(a, b), 0);
    free(a);
    free(b);
}

void site_chmod(struct store_test *t, const char *name, mode_t mode)
{
    char *path = path_of(t, name);

    assert_int_equal(chmod(path, mode), 0);
    free(path);
}

/* ---- looking up ---- */

struct pn_place *site_find_for(struct store_test *t, struct pn_server *server, const char *name)
{
    char            *path = path_of(t, name);
    struct pn_place *place;

    pn_loop_touch_clock(t->loop);
    if (t->worker.watcher)
        pn_watcher_drain(t->worker.watcher);
    place = pn_store_find(t->store, server, pn_str_z(path));
    free(path);
    return place;
}

struct pn_place *site_find(struct store_test *t, const char *name)
{
    return site_find_for(t, t->generation->servers, name);
}

struct fiber_call {
    struct store_test *t;
    void (*fn)(struct store_test *t);
    bool done;
};

static void fiber_main(void *arg)
{
    struct fiber_call *call = arg;

    call->fn(call->t);
    call->done = true;
}

void site_in_fiber(struct store_test *t, void (*fn)(struct store_test *t))
{
    struct fiber_call call = { t, fn, false };

    assert_int_equal(pn_fiber_start(t->loop, fiber_main, &call), PN_OK);
    while (!call.done)
        pn_loop_turn(t->loop, 10 * PN_USEC_PER_MSEC);
}

/* ---- around a test ---- */

static struct pn_module *const modules[] = { &pn_module_core, NULL };
static unsigned                fds_before;

static void load(struct store_test *t, const char *conf)
{
    struct pn_load_options options = { .config_file = "httpd.conf",
                                       .server_root = t->root,
                                       .number = 1 };
    struct pn_load_report  report;
    FILE                  *file;
    char                  *path = path_of(t, "httpd.conf");

    file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "ErrorLog /dev/null\nServerName localhost\n");
    for (const char *at = conf; *at; at++) {
        if (*at == '@') /* the site's directory */
            fputs(t->root, file);
        else
            fputc(*at, file);
    }
    fclose(file);
    free(path);
    if (pn_generation_load(&options, t->pool, &t->generation, &report) != PN_OK)
        fail_msg("%s", APR_ARRAY_IDX(report.errors, 0, const char *));
}

void store_test_begin(struct store_test *t, enum store_mode mode, const char *conf)
{
    memset(t, 0, sizeof(*t));
    fds_before = open_fds();
    apr_initialize();
    apr_pool_create(&t->pool, NULL);
    snprintf(t->top, sizeof(t->top), "/tmp/pn_store_XXXXXX");
    assert_non_null(mkdtemp(t->top));
    assert_int_equal(chmod(t->top, 0755), 0);
    snprintf(t->root, sizeof(t->root), "%s/up", t->top);
    assert_int_equal(mkdir(t->root, 0755), 0);
    snprintf(t->root, sizeof(t->root), "%s/up/site", t->top);
    assert_int_equal(mkdir(t->root, 0755), 0);
    assert_int_equal(pn_loop_open(t->pool, &t->loop), PN_OK);
    pn_registry_init(modules);
    load(t, conf);
    t->worker = (struct pn_worker){ .loop = t->loop, .pool = t->pool, .generation = t->generation, .sharers = 1 };
    if (mode == STORE_WATCHED)
        assert_int_equal(pn_watcher_open(t->loop, t->pool, NULL, &t->worker.watcher), PN_OK);
    t->worker.vecs = pn_vec_cache_open(t->pool, 256);
    assert_int_equal(pn_store_open(&t->worker, pn_core_server(t->generation->servers), &t->store),
                     PN_OK);
}

void store_test_end(struct store_test *t)
{
    pn_store_close(t->store);
    pn_vec_cache_close(t->worker.vecs);
    pn_watcher_close(t->worker.watcher);
    pn_generation_unref(t->generation);
    pn_registry_forget();
    pn_loop_close(t->loop);
    assert_int_equal(nftw(t->top, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    apr_pool_destroy(t->pool);
    apr_terminate();
    assert_int_equal(open_fds(), fds_before);
}
