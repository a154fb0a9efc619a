/* test_dav_locks.c - src/modules/dav/dav_locks.c and dav_lock_db.c: records of locks, and which lock holds where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <apr_general.h>
#include <apr_strings.h>

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "modules/dav/dav_locks.h"

static apr_pool_t *pool;
static char        dir[] = "/tmp/pinion-dav-XXXXXX";

static int set_up(void **state)
{
    (void)state;
    return apr_pool_create(&pool, NULL) == APR_SUCCESS ? 0 : 1;
}

static int tear_down(void **state)
{
    (void)state;
    apr_pool_destroy(pool);
    return 0;
}
static struct dav_lock_place place(void)
{
    return (struct dav_lock_place){ .path = PN_CAT(pool, pn_str_z(dir), PN_STR("/db")), .type = PN_STR("default") };
}

static struct dav_lock lock(const char *token, const char *file, bool infinite, int64_t expires_s)
{
    return (struct dav_lock){ .token = pn_str_z(token), .file = pn_str_z(file), .path = PN_STR("/u"), .owner = PN_STR("<o>a:b</o>"),
                              .user = PN_STR("alice"), .exclusive = true, .infinite = infinite, .expires_s = expires_s };
}

static void test_a_record_there_and_back(void **state)
{
    struct dav_lock in = lock("t:1", "/a/b", true, 12345), out;
    struct pn_buf   record;

    (void)state;
    pn_buf_init(&record, pool, 4096);
    assert_int_equal(dav_lock_encode(&record, &in), PN_OK);
    assert_int_equal(dav_lock_decode(pn_buf_view(&record), &out), PN_OK);
    assert_true(pn_str_eq(in.token, out.token) && pn_str_eq(in.file, out.file) && pn_str_eq(in.owner, out.owner));
    assert_true(pn_str_eq(in.user, out.user) && out.exclusive && out.infinite);
    assert_int_equal(out.expires_s, 12345);
    for (size_t n = 0; n < record.n; n++) /* cut anywhere, it is none */
        assert_int_equal(dav_lock_decode(pn_str_head(pn_buf_view(&record), n), &out), PN_BAD);
}

static void test_what_a_lock_covers(void **state)
{
    struct dav_lock deep = lock("t", "/a", true, 0), flat = lock("t", "/a", false, 0), root = lock("t", "/", true, 0);

    (void)state;
    assert_true(dav_lock_covers(&deep, PN_STR("/a")) && dav_lock_covers(&deep, PN_STR("/a/b/c")));
    assert_false(dav_lock_covers(&deep, PN_STR("/ab")) || dav_lock_covers(&deep, PN_STR("/")));
    assert_true(dav_lock_covers(&flat, PN_STR("/a")));
    assert_false(dav_lock_covers(&flat, PN_STR("/a/b")));
    assert_true(dav_lock_covers(&root, PN_STR("/a")));
}

static void test_the_database(void **state)
{
    struct dav_lock_place where = place();
    struct dav_lock_db   *db;
    struct dav_lock       deep = lock("t:deep", "/a", true, 0), old = lock("t:old", "/b", false, 1), flat = lock("t:flat", "/a/c", false, 0);

    (void)state;
    assert_int_equal(dav_lock_db_open(pool, &where, false, &db), 0); /* none yet */
    assert_int_equal(dav_lock_db_locks(db)->all->nelts, 0);
    dav_lock_db_close(db);
    assert_int_equal(dav_lock_db_open(pool, &where, true, &db), 0);
    assert_int_equal(dav_lock_db_store(db, &deep), 0);
    assert_int_equal(dav_lock_db_store(db, &old), 0);
    assert_int_equal(dav_lock_db_store(db, &flat), 0);
    dav_lock_db_close(db);
    assert_int_equal(dav_lock_db_open(pool, &where, false, &db), 0);
    const struct dav_locks *locks = dav_lock_db_locks(db);
    assert_int_equal(locks->all->nelts, 2); /* one has expired */
    assert_non_null(dav_locks_find(locks, PN_STR("/a/c/d"), PN_STR("t:deep")));
    assert_null(dav_locks_find(locks, PN_STR("/a/c/d"), PN_STR("t:flat")));
    assert_non_null(dav_locks_find(locks, PN_STR("/a/c"), PN_STR("t:flat")));
    assert_null(dav_locks_on(locks, PN_STR("/b")));
    dav_lock_db_close(db);
    assert_int_equal(dav_lock_db_open(pool, &where, true, &db), 0);
    assert_int_equal(dav_lock_db_remove(db, &deep), 0);
    dav_lock_db_close(db);
    assert_int_equal(dav_lock_db_open(pool, &where, false, &db), 0);
    assert_int_equal(dav_lock_db_locks(db)->all->nelts, 1);
    dav_lock_db_close(db);
}

static void test_names(void **state)
{
    (void)state;
    assert_true(pn_str_eq(dav_parent(PN_STR("/a/b")), PN_STR("/a")));
    assert_true(pn_str_eq(dav_parent(PN_STR("/a")), PN_STR("/")));
    assert_true(pn_str_eq(dav_parent(PN_STR("/")), PN_STR("/")));
    assert_true(dav_is_below(PN_STR("/a"), PN_STR("/")) && dav_is_below(PN_STR("/a/b"), PN_STR("/a")));
    assert_false(dav_is_below(PN_STR("/"), PN_STR("/")) || dav_is_below(PN_STR("/a"), PN_STR("/a")) || dav_is_below(PN_STR("/ab"), PN_STR("/a")));
}

static void remove_files(void)
{
    static const char *const endings[] = { ".pag", ".dir", ".guard", "" };

    for (size_t i = 0; i < PN_COUNT(endings); i++)
        unlink(apr_pstrcat(pool, dir, "/db", endings[i], NULL));
    rmdir(dir);
}

static int tear_all_down(void **state)
{
    remove_files();
    return tear_down(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_record_there_and_back), cmocka_unit_test(test_what_a_lock_covers), cmocka_unit_test(test_the_database),
        cmocka_unit_test(test_names),
    };

    apr_initialize();
    if (!mkdtemp(dir))
        return 1;
    return cmocka_run_group_tests(tests, set_up, tear_all_down);
}
