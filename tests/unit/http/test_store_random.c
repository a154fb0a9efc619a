/* test_store_random.c - random changes to a small tree: after each, the store says of every name
 * what a store without a memory says. */
#include "store_test.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http/vec_cache.h"

enum { NAMES = 4, ROUNDS = 1500 };

static const char *const names[NAMES] = { "a", "b", "c", ".htaccess" };
static const char *const targets[] = {
    "a",  "b",   "../b",  "a/b", "../a/../b", ".",       "..",
    "c/", "@/a", "@/b/c", "/",   "none",      "../../c", "c/a/b"
};
static const char *const texts[] = { "SetHandler one",
                                     "SetHandler two",
                                     "Options -FollowSymLinks",
                                     "Broken",
                                     "Options +SymLinksIfOwnerMatch",
                                     "<Files a>\nSetHandler files\n</Files>",
                                     "" };

struct random_test {
    struct store_test site;
    struct pn_worker  blind; /* its store is emptied before each look-up */
    struct pn_store  *fresh;
    uint64_t          seed;
    char              log[256]; /* the last change */
};

static unsigned pick(struct random_test *t, unsigned n)
{
    t->seed ^= t->seed << 13;
    t->seed ^= t->seed >> 7;
    t->seed ^= t->seed << 17;
    return (unsigned)((t->seed >> 20) % n);
}

/* A random name of one to three components below the site. */
static void pick_path(struct random_test *t, char *to, size_t room)
{
    unsigned depth = 1 + pick(t, 3);
    int      n = snprintf(to, room, "%s", t->site.root);

    for (unsigned i = 0; i < depth; i++)
        n += snprintf(to + n, room - (size_t)n, "/%s",
                      names[pick(t, i + 1 == depth ? NAMES : NAMES - 1)]);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

static void write_random(struct random_test *t, const char *path, int flags)
{
    const char *text = texts[pick(t, PN_COUNT(texts))];
    int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | flags, 0644);

    if (fd >= 0 && write(fd, text, strlen(text)) < 0)
        fail_msg("write %s", path);
    if (fd >= 0)
        close(fd);
}

static void link_random(struct random_test *t, const char *path)
{
    const char *target = targets[pick(t, PN_COUNT(targets))];
    char        absolute[96];

    if (*target == '@')
        snprintf(absolute, sizeof(absolute), "%s%s", t->site.root, target + 1);
    if (symlink(*target == '@' ? absolute : target, path) == 0)
        snprintf(t->log + strlen(t->log), sizeof(t->log) - strlen(t->log), " -> %s", target);
}

/* Does the name itself lie in the site, links on its way followed? A change through a link that
   leads out must not happen. */
static bool is_inside(const struct random_test *t, const char *path)
{
    char   parent[64], *real;
    size_t root = strlen(t->site.root);

    snprintf(parent, sizeof(parent), "%s", path);
    *strrchr(parent, '/') = '\0';
    real = realpath(parent, NULL);
    bool inside =
        real && strncmp(real, t->site.root, root) == 0 && (real[root] == '/' || real[root] == '\0');
    free(real);
    return inside;
}

static int chmod_random(struct random_test *t, const char *path)
{
    struct stat st;

    if (lstat(path, &st) != 0 || S_ISLNK(st.st_mode)) /* chmod would follow it */
        return -1;
    return chmod(path, 0600 + pick(t, 2) * 0155);
}

/* Most changes fail, for the names are picked blindly. */
static void change(struct random_test *t)
{
    char     path[64], other[64];
    unsigned what = pick(t, 10);
    int      failed = 0;

    pick_path(t, path, sizeof(path));
    pick_path(t, other, sizeof(other));
    snprintf(t->log, sizeof(t->log), "%u %s %s", what, path, other);
    if (!is_inside(t, path) || !is_inside(t, other))
        return;
    switch (what) {
    case 0:
    case 1:
        failed = mkdir(path, 0755);
        break;
    case 2:
        write_random(t, path, O_TRUNC);
        break;
    case 3:
        write_random(t, path, O_EXCL);
        break;
    case 4:
        write_random(t, path, O_APPEND);
        break;
    case 5:
        link_random(t, path);
        break;
    case 6:
        failed = nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        break;
    case 7:
        failed = rename(path, other);
        break;
    case 8:
        failed = chmod_random(t, path);
        break;
    case 9: /* a further link to a file that is known already is told to nobody (for a second) */
        if (access(path, F_OK) != 0) {
            write_random(t, path, O_EXCL);
            failed = link(path, other);
        }
        break;
    default:
        break;
    }
    if (failed)
        snprintf(t->log + strlen(t->log), sizeof(t->log) - strlen(t->log), " (failed)");
}

static bool same_text(pn_str a, pn_str b)
{
    return pn_str_eq(a, b);
}

static bool same_bytes(const struct pn_file *kept, const struct pn_file *fresh)
{
    char    bytes[512];
    ssize_t n;

    if (!kept || !fresh || fresh->fd < 0)
        return !kept == !fresh;
    n = pread(fresh->fd, bytes, sizeof(bytes), 0);
    return !kept->bytes.p ||
           (kept->bytes.n == (size_t)n && memcmp(kept->bytes.p, bytes, kept->bytes.n) == 0);
}

static const char *difference(const struct pn_place *a, const struct pn_place *b)
{
    if (a->status != b->status)
        return "status";
    if (a->log_id != b->log_id)
        return "log id";
    if (a->file_n != b->file_n)
        return "length";
    if (a->finfo.type != b->finfo.type || a->finfo.inode != b->finfo.inode)
        return "thing";
    if (a->finfo.size != b->finfo.size || a->finfo.mtime != b->finfo.mtime ||
        a->finfo.mode != b->finfo.mode)
        return "size, time or mode";
    if (!same_text(pn_core_dir(a->vec)->handler, pn_core_dir(b->vec)->handler))
        return "handler";
    if (pn_core_dir(a->vec)->options != pn_core_dir(b->vec)->options)
        return "options";
    if (!same_bytes(a->file, b->file))
        return "bytes";
    return NULL;
}

static void compare(struct random_test *t, const char *name)
{
    struct pn_place *kept = site_find(&t->site, name), *fresh;
    const char      *what;

    pn_store_clear(t->fresh);
    fresh = pn_store_find(t->fresh, t->site.generation->servers, kept->filename);
    what = difference(kept, fresh);
    if (what)
        fail_msg("after %s: %s differs in %s: kept %d/%u type %d size %u links %u, fresh %d/%u "
                 "type %d size %u links %u",
                 t->log, name, what, kept->status, kept->log_id, kept->finfo.type,
                 (unsigned)kept->finfo.size, kept->finfo.nlink, fresh->status, fresh->log_id,
                 fresh->finfo.type, (unsigned)fresh->finfo.size, fresh->finfo.nlink);
    pn_place_unref(fresh);
    pn_place_unref(kept);
}

static void compare_all(struct random_test *t)
{
    char name[16];

    for (unsigned i = 0; i < NAMES - 1; i++) {
        compare(t, names[i]);
        for (unsigned k = 0; k < NAMES - 1; k++) {
            snprintf(name, sizeof(name), "%s/%s", names[i], names[k]);
            compare(t, name);
            snprintf(name, sizeof(name), "%s/%s/%s", names[i], names[k], names[pick(t, NAMES - 1)]);
            compare(t, name);
        }
    }
}

static void change_and_compare(struct store_test *site)
{
    struct random_test *t = PN_CONTAINER(site, struct random_test, site);

    for (int i = 0; i < ROUNDS; i++) {
        change(t);
        if (pick(t, 3) == 0) /* sometimes several changes at once */
            change(t);
        compare_all(t);
    }
}

static void run(enum store_mode mode, bool in_fiber, uint64_t seed)
{
    const char        *other_seed = getenv("PN_TEST_SEED");
    struct random_test t = { .seed = other_seed ? strtoull(other_seed, NULL, 0) : seed };

    store_test_begin(&t.site, mode,
                     "PathCacheEntries 40\n<Directory @>\nAllowOverride All\nOptions "
                     "FollowSymLinks\n</Directory>\n");
    t.blind = t.site.worker;
    t.blind.watcher = NULL;
    assert_int_equal(pn_store_open(&t.blind, pn_core_server(t.site.generation->servers), &t.fresh),
                     PN_OK);
    if (in_fiber)
        site_in_fiber(&t.site, change_and_compare);
    else
        change_and_compare(&t.site);
    pn_store_close(t.fresh);
    store_test_end(&t.site);
}

static void a_watched_store_forgets_what_changed(void **state)
{
    (void)state;
    run(STORE_WATCHED, false, UINT64_C(0x9e3779b97f4a7c15));
}

static void a_walk_that_waits_is_right_too(void **state)
{
    (void)state;
    run(STORE_WATCHED, true, UINT64_C(0xc4ceb9fe1a85ec53));
}

static void an_asking_store_notices_what_changed(void **state)
{
    (void)state;
    run(STORE_ASKED, false, UINT64_C(0x2545f4914f6cdd1d));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_watched_store_forgets_what_changed),
        cmocka_unit_test(a_walk_that_waits_is_right_too),
        cmocka_unit_test(an_asking_store_notices_what_changed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
