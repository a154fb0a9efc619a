/* test_store.c - places: what they say, and that every change is seen (src/http/store*.c). */
#include "store_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#define NOBODY 65534

/* What the file holds: its kept bytes, or what its descriptor gives. */
static int put_content(char *to, size_t room, const struct pn_file *file)
{
    char    bytes[64];
    ssize_t n;

    if (file == NULL || file->fd < 0)
        return 0;
    n = pread(file->fd, bytes, sizeof(bytes), 0);
    assert_true(n >= 0);
    if (file->bytes.p) { /* both are the same, or the store is stale */
        assert_int_equal(file->bytes.n, n);
        assert_memory_equal(file->bytes.p, bytes, n);
    }
    return snprintf(to, room, " %.*s", (int)n, bytes);
}

/* What a place says, as one line: "403 37", "none /rest", "file 5 handler=x". */
static const char *say(struct pn_place *place)
{
    static char text[256];
    int         n;

    if (place->status) {
        snprintf(text, sizeof(text), "%d %u", place->status, place->log_id);
        return text;
    }
    n = snprintf(text, sizeof(text), "%s",
                 (const char *[]){ "none", "file", "dir", "other" }[place->finfo.type]);
    if (place->finfo.type == PN_FILE_REGULAR)
        n += snprintf(text + n, sizeof(text) - (size_t)n, " %u", (unsigned)place->finfo.size);
    n += put_content(text + n, sizeof(text) - (size_t)n, place->file);
    if (pn_core_dir(place->vec)->handler.n)
        n += snprintf(text + n, sizeof(text) - (size_t)n, " h=%s",
                      pn_core_dir(place->vec)->handler.p);
    if (place->file_n < place->filename.n)
        snprintf(text + n, sizeof(text) - (size_t)n, " %.*s",
                 PN_FMT(pn_str_from(place->filename, place->file_n)));
    return text;
}

/* Looks the name up twice: the second answer comes from the store. */
static void expect(struct store_test *t, const char *name, const char *want)
{
    for (int i = 0; i < 2; i++) {
        struct pn_place *place = site_find(t, name);

        if (strcmp(say(place), want) != 0)
            fail_msg("%s (look-up %d): is '%s', should be '%s'", name, i + 1, say(place), want);
        pn_place_unref(place);
    }
}

/* ---- what places say ---- */

static void places_say_what_is_there(void **state)
{
    struct store_test t;
    struct pn_place  *place;
    char              etag[64];

    (void)state;
    store_test_begin(&t, STORE_WATCHED, "");
    site_write(&t, "a.txt", "hello");
    site_mkdir(&t, "d");
    expect(&t, "a.txt", "file 5 hello");
    expect(&t, "a.txt/", "file 5 hello /");
    expect(&t, "a.txt/more/of it", "file 5 hello /more/of it");
    expect(&t, "d", "dir");
    expect(&t, "d/", "dir");
    expect(&t, "d/missing/and/more", "none /and/more");
    expect(&t, "missing/", "none /");
    place = site_find(&t, "a.txt");
    assert_true(place->valid);
    assert_true(place->file->fd >= 0);
    assert_int_equal(place->last_modified.n, 29);
    snprintf(etag, sizeof(etag), "W/\"5-%llx\"", (unsigned long long)place->finfo.mtime);
    assert_string_equal(place->etag.p, etag);
    pn_place_unref(place);
    store_test_end(&t);
}

static void names_are_made_canonical(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        { "d//a", "d/a" },
        { "./d/./a", "d/a" },
        { "d/../a", "a" },
        { "d/.", "d/" },
        { "d/x/..", "d/" },
        { "d//", "d/" },
        { "../../../../../../../etc/..", "" },
        { "d/...", "d/..." },
        { "d/.a", "d/.a" },
        { "d/a/..b", "d/a/..b" },
    };
    struct store_test t;

    (void)state;
    store_test_begin(&t, STORE_WATCHED, "");
    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        struct pn_place *place = site_find(&t, cases[i].in);
        char             want[128] = "/";

        if (cases[i].out[0])
            snprintf(want, sizeof(want), "%s/%s", t.root, cases[i].out);
        assert_string_equal(place->filename.p, want);
        pn_place_unref(place);
    }
    store_test_end(&t);
}

static void names_that_are_too_long_are_refused(void **state)
{
    struct store_test t;
    char             *name = malloc(6001);
    struct pn_place  *place;

    (void)state;
    assert_non_null(name);
    store_test_begin(&t, STORE_WATCHED, "");
    memset(name, 'x', 256);
    name[256] = '\0';
    expect(&t, name, "403 36");
    for (int i = 0; i < 6000; i++)
        name[i] = i % 2 ? '/' : 'd';
    name[6000] = '\0';
    site_mkdir(&t, "d");
    expect(&t, "d/d", "none");
    place = site_find(&t, name); /* nothing at its second component: never mind how long it is */
    assert_int_equal(place->finfo.type, PN_FILE_NONE);
    assert_int_equal(place->status, 0);
    pn_place_unref(place);
    place = pn_store_find(t.store, t.generation->servers, PN_STR("relative"));
    assert_int_equal(place->status, 403);
    pn_place_unref(place);
    place = pn_store_find(t.store, t.generation->servers, pn_str_n("/tmp\0/x", 7));
    assert_int_equal(place->status, 403);
    pn_place_unref(place);
    free(name);
    store_test_end(&t);
}

static const char etag_conf[] = "<Directory @/all>\nFileETag INode MTime Size\n</Directory>\n"
                                "<Directory @/none>\nFileETag None\n</Directory>\n"
                                "<Directory @/digest>\nFileETag Digest\n</Directory>\n";

static void tags_follow_FileETag(void **state)
{
    struct store_test t;
    struct pn_place  *place;
    char              want[64];

    (void)state;
    store_test_begin(&t, STORE_WATCHED, etag_conf);
    site_mkdir(&t, "all");
    site_write(&t, "all/f", "12");
    site_mkdir(&t, "none");
    site_write(&t, "none/f", "12");
    site_mkdir(&t, "digest");
    site_write(&t, "digest/f", "idx\n");
    place = site_find(&t, "all/f");
    snprintf(want, sizeof(want), "W/\"%llx-2-%llx\"", (unsigned long long)place->finfo.inode,
             (unsigned long long)place->finfo.mtime);
    assert_string_equal(place->etag.p, want);
    pn_place_unref(place);
    place = site_find(&t, "none/f");
    assert_int_equal(place->etag.n, 0);
    pn_place_unref(place);
    place = site_find(&t, "digest/f");
    assert_string_equal(place->etag.p, "\"1NhhRI3WWOEqo/fQhoE8r1EtFTw=\"");
    pn_place_unref(place);
    store_test_end(&t);
}

static void a_fresh_tag_is_weak_for_a_second(void **state)
{
    struct store_test t;
    struct pn_place  *place;

    (void)state;
    store_test_begin(&t, STORE_WATCHED, "");
    site_write(&t, "f", "12");
    place = site_find(&t, "f");
    assert_int_equal(place->etag.p[0], 'W');
    usleep(1050000);
    pn_place_unref(site_find(&t, "f"));
    assert_int_equal(place->etag.p[0], '"');
    pn_place_unref(place);
    store_test_end(&t);
}

/* ---- settings ---- */

static const char order_conf[] =
    "<Directory @>\nSetHandler site\nAllowOverride All\n</Directory>\n"
    "<Directory @/*/in>\nSetHandler glob\n</Directory>\n"
    "<Directory @/a>\nSetHandler a\n</Directory>\n"
    "<DirectoryMatch \"^@/(?<who>[a-z]+)/match/$\">\nSetHandler match\n</DirectoryMatch>\n"
    "<DirectoryMatch \"special$\">\nSetHandler regex-sees-files\n</DirectoryMatch>\n"
    "<Files *.php>\nSetHandler php\n</Files>\n"
    "<FilesMatch \"^$\">\nSetHandler slash\n</FilesMatch>\n"
    "<Directory @/off>\nAllowOverride None\n</Directory>\n";

static void settings_merge_in_httpds_order(void **state)
{
    struct store_test t;
    struct pn_place  *place;

    (void)state;
    store_test_begin(&t, STORE_WATCHED, order_conf);
    site_mkdir(&t, "a");
    site_mkdir(&t, "a/in");
    site_mkdir(&t, "a/match");
    site_mkdir(&t, "off");
    site_write(&t, "f", "x");
    site_write(&t, "a/f", "x");
    site_write(&t, "a/in/f", "x");
    site_write(&t, "a/in/x.php", "x");
    site_write(&t, "off/.htaccess", "SetHandler off");
    site_write(&t, "off/f", "x");
    site_write(&t, "special", "x");
    expect(&t, "f", "file 1 x h=site");
    expect(&t, "a/f", "file 1 x h=a");
    expect(&t, "a", "dir h=a");
    expect(&t, "a/", "dir h=slash");
    expect(&t, "a/in/f", "file 1 x h=glob");
    expect(&t, "a/in/x.php/info", "file 1 x h=php /info");
    expect(&t, "a/in/no.php", "none h=php");
    expect(&t, "off/f", "file 1 x h=site");
    expect(&t, "special", "file 1 x h=regex-sees-files");
    place = site_find(&t, "a/match/");
    assert_non_null(place->captures);
    assert_string_equal(apr_table_get(place->captures, "MATCH_WHO"), "a");
    pn_place_unref(place);
    site_write(&t, "a/in/.htaccess", "SetHandler htaccess\n<Files g>\nSetHandler g\n</Files>\n");
    expect(&t, "a/in/f", "file 1 x h=htaccess");
    expect(&t, "a/in/g", "none h=g");
    store_test_end(&t);
}

/* ---- changes ---- */

static const char open_conf[] =
    "AccessFileName .htaccess .ht/deep\n"
    "<Directory @>\nAllowOverride All\nOptions FollowSymLinks\n</Directory>\n";

static void changes_of_files(struct store_test *t)
{
    expect(t, "f", "none");
    site_write(t, "f", "one");
    expect(t, "f", "file 3 one");
    site_write(t, "f", "two");
    expect(t, "f", "file 3 two");
    site_append(t, "f", "+");
    expect(t, "f", "file 4 two+");
    site_write(t, "g", "other");
    site_rename(t, "g", "f");
    expect(t, "f", "file 5 other");
    expect(t, "g", "none");
    site_remove(t, "f");
    expect(t, "f", "none");
    site_mkdir(t, "f");
    expect(t, "f", "dir");
    expect(t, "f/x", "none");
    site_write(t, "f/x", "in");
    expect(t, "f/x", "file 2 in");
    site_rename(t, "f", "h");
    expect(t, "f/x", "none /x");
    expect(t, "h/x", "file 2 in");
    site_remove(t, "h");
    expect(t, "h/x", "none /x");
}

static void changes_of_links(struct store_test *t)
{
    site_mkdir(t, "real");
    site_mkdir(t, "real/sub");
    site_write(t, "real/sub/x", "1");
    site_link(t, "l", "real");
    site_link(t, "ll", "l/sub");
    site_link(t, "up", "l/sub/../sub/x");
    expect(t, "l/sub/x", "file 1 1");
    expect(t, "ll/x", "file 1 1");
    expect(t, "up", "file 1 1");
    site_write(t, "real/sub/x", "22");
    expect(t, "l/sub/x", "file 2 22");
    expect(t, "ll/x", "file 2 22");
    expect(t, "up", "file 2 22");
    site_rename(t, "real", "moved");
    expect(t, "ll/x", "403 37");
    expect(t, "up", "403 37");
    site_rename(t, "moved", "real");
    expect(t, "ll/x", "file 2 22");
    site_remove(t, "l");
    expect(t, "l/sub/x", "none /sub/x");
    expect(t, "ll/x", "403 37");
    site_link(t, "l", "ll"); /* a circle */
    expect(t, "l/sub/x", "403 37");
    expect(t, "ll/x", "403 37");
    site_remove(t, "l");
    site_link(t, "l", "l");
    expect(t, "l", "403 37");
    expect(t, "ll", "403 37");
    site_remove(t, "l");
    site_mkdir(t, "l");
    site_mkdir(t, "l/sub");
    expect(t, "ll/x", "none");
    site_write(t, "l/sub/x", "end");
    expect(t, "ll/x", "file 3 end");
    expect(t, "up", "file 3 end");
}

static void changes_of_access_files(struct store_test *t)
{
    site_mkdir(t, "d");
    site_mkdir(t, "d/e");
    site_write(t, "d/e/x", "1");
    expect(t, "d/e/x", "file 1 1");
    site_write(t, "d/.htaccess", "SetHandler a");
    expect(t, "d/e/x", "file 1 1 h=a");
    site_write(t, "d/.htaccess", "SetHandler b");
    expect(t, "d/e/x", "file 1 1 h=b");
    site_write(t, "d/e/.htaccess", "SetHandler c");
    expect(t, "d/e/x", "file 1 1 h=c");
    site_write(t, "d/e/.htaccess", "NoSuchDirective");
    expect(t, "d/e/x", "500 20020");
    expect(t, "d/e/", "500 20020");
    expect(t, "d/", "dir h=b");
    site_remove(t, "d/e/.htaccess");
    expect(t, "d/e/x", "file 1 1 h=b");
    site_write(t, "elsewhere", "SetHandler e");
    site_link(t, "d/e/.htaccess", "../../elsewhere");
    expect(t, "d/e/x", "file 1 1 h=e");
    site_write(t, "elsewhere", "SetHandler ee");
    expect(t, "d/e/x", "file 1 1 h=ee");
    site_remove(t, "elsewhere");
    expect(t, "d/e/x", "file 1 1 h=b");
    site_remove(t, "d/e/.htaccess");
    site_mkdir(t, "d/e/.ht");
    site_write(t, "d/e/.ht/deep", "SetHandler deep");
    expect(t, "d/e/x", "file 1 1 h=deep");
    site_remove(t, "d/e/.ht");
    expect(t, "d/e/x", "file 1 1 h=b");
    site_mkdir(t, "d/e/.htaccess");
    expect(t, "d/e/x", "403 529");
    site_remove(t, "d/e/.htaccess");
    site_link(t, "alias", "d");
    expect(t, "alias/e/x", "file 1 1 h=b");
    site_write(t, "d/.htaccess", "SetHandler last");
    expect(t, "alias/e/x", "file 1 1 h=last");
}

static void changes_of_rights(struct store_test *t)
{
    site_mkdir(t, "r");
    site_mkdir(t, "r/s");
    site_write(t, "r/s/x", "1");
    site_write(t, "r/s/.htaccess", "SetHandler h");
    expect(t, "r/s/x", "file 1 1 h=h");
    assert_int_equal(seteuid(NOBODY), 0);
    assert_int_equal(seteuid(0), 0);
    site_chmod(t, "r", 0700);
    assert_int_equal(seteuid(NOBODY), 0);
    expect(t, "r/s/x", "403 529"); /* its .htaccess comes first, as with httpd */
    assert_int_equal(seteuid(0), 0);
    site_chmod(t, "r", 0755);
    site_chmod(t, "r/s/.htaccess", 0600);
    assert_int_equal(seteuid(NOBODY), 0);
    expect(t, "r/s/x", "403 529");
    assert_int_equal(seteuid(0), 0);
    site_remove(t, "r/s/.htaccess");
    site_chmod(t, "r/s/x", 0600);
    assert_int_equal(seteuid(NOBODY), 0);
    struct pn_place *place = site_find(t, "r/s/x");
    assert_int_equal(place->status, 0);
    assert_int_equal(place->file->fd, -1);
    assert_int_equal(place->file->error, EACCES);
    pn_place_unref(place);
    assert_int_equal(seteuid(0), 0);
    site_chmod(t, "r/s/x", 0644);
    expect(t, "r/s/x", "file 1 1");
}

static void run_changes(enum store_mode mode, void (*changes)(struct store_test *t), bool in_fiber)
{
    struct store_test t;

    store_test_begin(&t, mode, open_conf);
    if (in_fiber)
        site_in_fiber(&t, changes);
    else
        changes(&t);
    store_test_end(&t);
}

static void every_change_is_seen(void **state)
{
    static void (*const tables[])(struct store_test * t) = { changes_of_files, changes_of_links,
                                                             changes_of_access_files,
                                                             changes_of_rights };

    (void)state;
    for (size_t i = 0; i < PN_COUNT(tables); i++) {
        if (tables[i] == changes_of_rights && geteuid() != 0)
            continue;
        run_changes(STORE_WATCHED, tables[i], false);
        run_changes(STORE_ASKED, tables[i], false);
        run_changes(STORE_WATCHED, tables[i], true);
    }
}

static void a_change_through_another_hard_link_is_seen(void **state)
{
    struct store_test t;
    char              a[64], b[64];

    (void)state;
    store_test_begin(&t, STORE_WATCHED, open_conf);
    site_mkdir(&t, "a");
    site_mkdir(&t, "b");
    site_write(&t, "b/f", "one");
    site_write(&t, "b/h", "SetHandler b");
    expect(&t, "a/f", "none");
    snprintf(a, sizeof(a), "%s/a/f", t.root);
    snprintf(b, sizeof(b), "%s/b/f", t.root);
    assert_int_equal(link(b, a), 0);
    expect(&t, "a/f", "file 3 one");
    site_append(&t, "b/f", "+");
    expect(&t, "a/f", "file 4 one+");
    snprintf(a, sizeof(a), "%s/a/.htaccess", t.root);
    snprintf(b, sizeof(b), "%s/b/h", t.root);
    assert_int_equal(link(b, a), 0);
    expect(&t, "a/f", "file 4 one+ h=b");
    site_write(&t, "b/h", "SetHandler bbb");
    expect(&t, "a/f", "file 4 one+ h=bbb");
    store_test_end(&t);
}

static void a_change_through_a_mapping_is_seen_after_a_second(void **state)
{
    struct store_test t;
    struct pn_place  *place;
    char              path[64], *bytes;
    int               fd;

    (void)state;
    store_test_begin(&t, STORE_WATCHED, "");
    site_write(&t, "f", "one");
    expect(&t, "f", "file 3 one");
    snprintf(path, sizeof(path), "%s/f", t.root);
    fd = open(path, O_RDWR | O_CLOEXEC);
    bytes = mmap(NULL, 3, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(bytes != MAP_FAILED);
    usleep(20000); /* so that the time of change differs */
    memcpy(bytes, "two", 3);
    assert_int_equal(msync(bytes, 3, MS_SYNC), 0);
    munmap(bytes, 3);
    close(fd);
    place = site_find(&t, "f");
    place->file->checked -= 2 * PN_USEC_PER_SEC;
    pn_place_unref(place);
    expect(&t, "f", "file 3 two");
    store_test_end(&t);
}

static void lost_events_clear_the_store(void **state)
{
    struct store_test t;
    struct pn_place  *place;

    (void)state;
    store_test_begin(&t, STORE_WATCHED, "");
    site_write(&t, "f", "one");
    place = site_find(&t, "f");
    assert_int_equal(pn_store_stats(t.store).places, 1);
    pn_store_clear(t.store);
    assert_false(place->valid);
    assert_int_equal(pn_store_stats(t.store).places, 0);
    assert_int_equal(pn_store_stats(t.store).nodes, 0);
    assert_int_equal(pn_store_stats(t.store).watches, 0);
    assert_int_equal(pn_watcher_count(t.worker.watcher), 0);
    assert_memory_equal(place->file->bytes.p, "one", 3); /* a request may still be sending it */
    pn_place_unref(place);
    store_test_end(&t);
}

static void a_place_outlives_its_store(void **state)
{
    struct store_test t;
    struct pn_place  *place;

    (void)state;
    store_test_begin(&t, STORE_WATCHED, "");
    site_write(&t, "f", "one");
    place = site_find(&t, "f");
    pn_store_close(t.store);
    t.store = NULL;
    assert_memory_equal(place->file->bytes.p, "one", 3);
    pn_place_unref(place);
    store_test_end(&t);
}

/* ---- links and Options ---- */

static const char links_conf[] =
    "<Directory @>\nOptions FollowSymLinks\n</Directory>\n"
    "<Directory @/none>\nOptions None\n</Directory>\n"
    "<Directory @/owner>\nOptions SymLinksIfOwnerMatch\n</Directory>\n"
    "<Directory @/both>\nOptions FollowSymLinks SymLinksIfOwnerMatch\n</Directory>\n";

static void own(struct store_test *t, const char *name, uid_t uid)
{
    char path[64];

    snprintf(path, sizeof(path), "%s/%s", t->root, name);
    assert_int_equal(lchown(path, uid, uid), 0);
}

static void links_need_Options(void **state)
{
    static const char *const dirs[] = { "none", "owner", "both", "free" };
    struct store_test        t;
    char                     name[32];

    (void)state;
    if (geteuid() != 0)
        skip();
    store_test_begin(&t, STORE_WATCHED, links_conf);
    site_mkdir(&t, "out");
    site_write(&t, "out/mine", "1");
    site_write(&t, "out/theirs", "2");
    own(&t, "out/theirs", NOBODY);
    for (size_t i = 0; i < PN_COUNT(dirs); i++) {
        site_mkdir(&t, dirs[i]);
        snprintf(name, sizeof(name), "%s/m", dirs[i]);
        site_link(&t, name, "../out/mine");
        snprintf(name, sizeof(name), "%s/t", dirs[i]);
        site_link(&t, name, "../out/theirs");
        snprintf(name, sizeof(name), "%s/d", dirs[i]);
        site_link(&t, name, "../out");
    }
    expect(&t, "none/m", "403 37");
    expect(&t, "none/d/mine", "403 37");
    expect(&t, "owner/m", "file 1 1");
    expect(&t, "owner/t", "403 37");
    expect(&t, "owner/d/theirs",
           "file 1 2"); /* the link leads to the directory, whose owner it shares */
    expect(&t, "both/t", "403 37");
    expect(&t, "free/t", "file 1 2");
    own(&t, "owner/t", NOBODY);
    expect(&t, "owner/t", "file 1 2");
    own(&t, "out/theirs", 0);
    expect(&t, "owner/t", "403 37");
    store_test_end(&t);
}

/* ---- the rest ---- */

static void virtual_hosts_have_their_own_places(void **state)
{
    static const char conf[] =
        "Listen 127.0.0.1:1\n<VirtualHost *:1>\nServerName a\n<Directory @>\nSetHandler a\n"
        "</Directory>\n</VirtualHost>\n"
        "<VirtualHost *:1>\nServerName b\n<Directory @>\nSetHandler "
        "b\n</Directory>\n</VirtualHost>\n";
    struct store_test t;
    struct pn_place  *a, *b;

    (void)state;
    store_test_begin(&t, STORE_WATCHED, conf + strcspn(conf, "<"));
    site_write(&t, "f", "x");
    a = site_find_for(&t, t.generation->servers->next, "f");
    b = site_find_for(&t, t.generation->servers->next->next, "f");
    assert_string_equal(pn_core_dir(a->vec)->handler.p, "a");
    assert_string_equal(pn_core_dir(b->vec)->handler.p, "b");
    assert_ptr_equal(a->file, b->file);
    pn_place_unref(a);
    pn_place_unref(b);
    store_test_end(&t);
}

static void expect_names(struct store_test *t, const char *want)
{
    for (int i = 0; i < 2; i++) {
        struct pn_place   *place = site_find(t, "d/");
        struct pn_listing *listing = pn_store_listing(t->store, place);
        char               got[128] = "";

        assert_non_null(listing);
        for (unsigned k = 0; k < listing->n; k++)
            snprintf(got + strlen(got), sizeof(got) - strlen(got), "%.*s ",
                     PN_FMT(listing->v[k].name));
        assert_string_equal(got, want);
        pn_listing_unref(listing);
        pn_place_unref(place);
    }
}

static void listing_steps(struct store_test *t)
{
    site_mkdir(t, "d");
    expect_names(t, "");
    site_write(t, "d/b", "");
    site_write(t, "d/a", "");
    expect_names(t, "a b ");
    site_rename(t, "d/a", "d/c");
    expect_names(t, "b c ");
    site_remove(t, "d/b");
    site_mkdir(t, "d/B");
    expect_names(t, "B c ");
}

static void listings_are_fresh(void **state)
{
    (void)state;
    run_changes(STORE_WATCHED, listing_steps, false);
    run_changes(STORE_ASKED, listing_steps, false);
    run_changes(STORE_WATCHED, listing_steps, true);
}

static void a_directorys_time_is_fresh(void **state)
{
    struct store_test t;
    struct pn_place  *place;
    pn_wall           before;

    (void)state;
    store_test_begin(&t, STORE_WATCHED, "");
    site_mkdir(&t, "d");
    place = site_find(&t, "d/");
    before = place->finfo.mtime;
    pn_place_unref(place);
    usleep(20000);
    site_write(&t, "d/x", "");
    place = site_find(&t, "d/");
    assert_true(place->finfo.mtime > before);
    pn_place_unref(place);
    store_test_end(&t);
}

static void the_store_stays_within_its_bounds(void **state)
{
    static const char conf[] = "PathCacheEntries 64\nFileCacheSize 4096\nFileCacheMaxFile 1024\n";
    struct store_test t;
    struct pn_store_stats stats;
    char                  name[32];
    unsigned              fds;

    (void)state;
    store_test_begin(&t, STORE_WATCHED, conf);
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof(name), "d%d", i % 50);
        if (i < 50)
            site_mkdir(&t, name);
        snprintf(name, sizeof(name), "d%d/f%d", i % 50, i);
        site_write(&t, name,
                   "0123456789012345678901234567890123456789012345678901234567890123456789012345678"
                   "901234567890123456789");
    }
    fds = open_fds();
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 1000; i++) {
            snprintf(name, sizeof(name), "d%d/f%d", i % 50, i); /* half of them are not there */
            pn_place_unref(site_find(&t, name));
        }
        stats = pn_store_stats(t.store);
        assert_in_range(stats.places, 1, 64);
        assert_in_range(stats.nodes, 1, 64 * 3 + 8);
        assert_in_range(stats.file_bytes, 0, 4096);
        assert_in_range(stats.files, 0, 64);
        assert_in_range(open_fds(), fds, fds + 64 * 2 + 8);
        assert_in_range(stats.watches, 1, 64 + 4);
    }
    store_test_end(&t);
}

static void running_out_of_descriptors_is_not_remembered(void **state)
{
    struct store_test t;
    struct rlimit     before, none;
    struct pn_place  *place;

    (void)state;
    store_test_begin(&t, STORE_WATCHED, "");
    site_mkdir(&t, "d");
    site_write(&t, "d/f", "1");
    site_write(&t, "g", "2");
    pn_place_unref(site_find(&t, "g"));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    place = site_find(&t, "d/f");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(place->status, 500);
    assert_false(place->valid);
    pn_place_unref(place);
    expect(&t, "d/f", "file 1 1");
    store_test_end(&t);
}

static void mounts_are_noticed(void **state)
{
    struct store_test t;

    (void)state;
    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0)
        skip();
    store_test_begin(&t, STORE_WATCHED, "");
    site_mkdir(&t, "d");
    site_write(&t, "d/f", "1");
    expect(&t, "d/f", "file 1 1");
    pn_loop_turn(t.loop, 0); /* the list is readable from the start */
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 && chdir(t.root) == 0 &&
        mount("tmpfs", "d", "tmpfs", 0, NULL) == 0) {
        pn_loop_turn(t.loop, 0);
        expect(&t, "d/f", "none");
        site_write(&t, "d/f", "over");
        expect(&t, "d/f", "file 4 over");
        assert_int_equal(umount2("d", MNT_DETACH), 0);
        pn_loop_turn(t.loop, 0);
        expect(&t, "d/f", "file 1 1");
    }
    else
        print_message("mounting is not allowed here\n");
    assert_int_equal(chdir("/"), 0);
    store_test_end(&t);
}

static void long_names_are_answered_and_not_kept(void **state)
{
    enum { LENGTH = 3000 };
    struct store_test t;
    char             *name = malloc(LENGTH + 1);

    (void)state;
    assert_non_null(name);
    store_test_begin(&t, STORE_WATCHED, "");
    memset(name, 'x', LENGTH);
    memcpy(name, "f/", 2);
    name[LENGTH] = '\0';
    site_write(&t, "f", "1");
    pn_place_unref(site_find(&t, name));
    assert_int_equal(pn_store_stats(t.store).places, 0);
    assert_int_equal(pn_store_stats(t.store).nodes, 1); /* the root */
    free(name);
    store_test_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_say_what_is_there),
        cmocka_unit_test(names_are_made_canonical),
        cmocka_unit_test(names_that_are_too_long_are_refused),
        cmocka_unit_test(tags_follow_FileETag),
        cmocka_unit_test(a_fresh_tag_is_weak_for_a_second),
        cmocka_unit_test(settings_merge_in_httpds_order),
        cmocka_unit_test(every_change_is_seen),
        cmocka_unit_test(a_change_through_another_hard_link_is_seen),
        cmocka_unit_test(a_change_through_a_mapping_is_seen_after_a_second),
        cmocka_unit_test(lost_events_clear_the_store),
        cmocka_unit_test(a_place_outlives_its_store),
        cmocka_unit_test(links_need_Options),
        cmocka_unit_test(virtual_hosts_have_their_own_places),
        cmocka_unit_test(listings_are_fresh),
        cmocka_unit_test(a_directorys_time_is_fresh),
        cmocka_unit_test(the_store_stays_within_its_bounds),
        cmocka_unit_test(long_names_are_answered_and_not_kept),
        cmocka_unit_test(running_out_of_descriptors_is_not_remembered),
        cmocka_unit_test(
            mounts_are_noticed), /* last: the process has its own mounts from then on */
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
