/* test_vec_cache.c - merged settings are made once, kept within the bound, and freed
   (src/http/vec_cache.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <apr_general.h>
#include <cmocka.h>

#include "conf/load.h"
#include "conf/registry.h"
#include "conf/vec.h"
#include "http/core_conf.h"
#include "http/vec_cache.h"

enum { SECTIONS = 20, BOUND = 8 };

struct vec_test {
    apr_pool_t           *pool;
    struct pn_generation *generation;
    struct pn_server     *server;
    struct pn_vec_cache  *cache;
    struct pn_conf_vec   *add[SECTIONS];
};

static struct pn_module *const modules[] = { &pn_module_core, NULL };

static int setup(void **state)
{
    static const char *const lines[] = { "ErrorLog /dev/null", "ServerName localhost", NULL };
    struct pn_load_options   options = { .server_root = "/tmp", .after = lines, .number = 1 };
    struct pn_load_report    report;
    struct vec_test         *t = calloc(1, sizeof(*t));

    apr_initialize();
    apr_pool_create(&t->pool, NULL);
    pn_registry_init(modules);
    if (pn_generation_load(&options, t->pool, &t->generation, &report) != PN_OK)
        return -1;
    t->server = t->generation->servers;
    t->cache = pn_vec_cache_open(t->pool, BOUND);
    for (unsigned i = 0; i < SECTIONS; i++) {
        struct pn_core_dir *dir;

        t->add[i] = pn_conf_vec_new(t->generation, t->pool);
        dir = pn_conf_vec_need(t->generation, t->add[i], t->pool, &pn_module_core);
        dir->handler = pn_str_printf(t->pool, "h%u", i);
        dir->handler_set = true;
    }
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct vec_test *t = *state;

    pn_vec_cache_close(t->cache);
    pn_vec_cache_close(t->cache); /* again is fine */
    pn_generation_unref(t->generation);
    pn_registry_forget();
    apr_pool_destroy(t->pool);
    apr_terminate();
    free(t);
    return 0;
}

static const struct pn_conf_vec *merge(struct vec_test *t, const struct pn_conf_vec *base,
                                       unsigned i)
{
    return pn_vec_cache_merge(t->cache, t->server, base, t->add[i]);
}

static void a_table_that_grows_keeps_what_it_holds(void **state)
{
    struct vec_test          *t = *state;
    struct pn_vec_cache      *cache = pn_vec_cache_open(t->pool, 2 * SECTIONS);
    const struct pn_conf_vec *first[SECTIONS];

    for (unsigned i = 0; i < SECTIONS; i++)
        first[i] = pn_vec_cache_merge(cache, t->server, t->server->dir_conf, t->add[i]);
    for (unsigned i = 0; i < SECTIONS; i++) {
        const struct pn_conf_vec *again = pn_vec_cache_merge(cache, t->server, t->server->dir_conf, t->add[i]);

        assert_ptr_equal(again, first[i]);
        pn_conf_vec_unref(again);
        pn_conf_vec_unref(first[i]);
    }
    pn_vec_cache_close(cache);
}

static void equal_pairs_share_their_merge(void **state)
{
    struct vec_test          *t = *state;
    const struct pn_conf_vec *a = merge(t, t->server->dir_conf, 0),
                             *b = merge(t, t->server->dir_conf, 0);
    const struct pn_conf_vec *c = merge(t, t->server->dir_conf, 1), *d = merge(t, a, 1);

    assert_ptr_equal(a, b);
    assert_ptr_not_equal(a, c);
    assert_ptr_not_equal(c, d);
    assert_string_equal(pn_core_dir(a)->handler.p, "h0");
    assert_string_equal(pn_core_dir(d)->handler.p, "h1");
    assert_int_equal(a->refs,
                     4); /* two of ours, the cache's, and that of d, which was merged from it */
    pn_conf_vec_unref(a);
    pn_conf_vec_unref(b);
    pn_conf_vec_unref(c);
    pn_conf_vec_unref(d);
}

static void the_least_recently_used_goes(void **state)
{
    struct vec_test          *t = *state;
    const struct pn_conf_vec *first = merge(t, t->server->dir_conf, 0),
                             *old = merge(t, t->server->dir_conf, 1);

    for (unsigned i = 2; i < SECTIONS; i++) {
        pn_conf_vec_unref(merge(t, t->server->dir_conf, i));
        pn_conf_vec_unref(merge(t, t->server->dir_conf, 0)); /* in use all the time */
    }
    assert_int_equal(first->refs, 2);
    assert_int_equal(old->refs, 1); /* the cache let go of it */
    pn_conf_vec_unref(first);
    pn_conf_vec_unref(old);
}

static void clearing_lets_go_of_all(void **state)
{
    struct vec_test          *t = *state;
    const struct pn_conf_vec *a = merge(t, t->server->dir_conf, 0), *b = merge(t, a, 1);

    pn_vec_cache_clear(t->cache);
    assert_int_equal(b->refs, 1);
    assert_int_equal(a->refs, 2);
    pn_conf_vec_unref(a);
    pn_conf_vec_unref(b);
}

/* Sections joined first and merged over a place then: the last one wins, and the cache holds both steps. */
static void sections_are_joined(void **state)
{
    struct vec_test          *t = *state;
    const struct pn_conf_vec *one = pn_vec_cache_join(t->cache, t->server, NULL, t->add[0]);
    const struct pn_conf_vec *two = pn_vec_cache_join(t->cache, t->server, one, t->add[1]);
    const struct pn_conf_vec *place = pn_vec_cache_merge(t->cache, t->server, t->server->dir_conf, two);
    const struct pn_conf_vec *again = pn_vec_cache_join(t->cache, t->server, t->add[0], t->add[1]);

    assert_ptr_equal(one, t->add[0]);
    assert_ptr_equal(two, again);
    assert_null(two->plan);
    assert_non_null(place->plan);
    assert_string_equal(pn_core_dir(place)->handler.p, "h1");
    pn_conf_vec_unref(two);
    pn_conf_vec_unref(again);
    pn_conf_vec_unref(place);
}

#define VEC_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        VEC_TEST(equal_pairs_share_their_merge),
        VEC_TEST(a_table_that_grows_keeps_what_it_holds),
        VEC_TEST(the_least_recently_used_goes),
        VEC_TEST(clearing_lets_go_of_all),
        VEC_TEST(sections_are_joined),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
