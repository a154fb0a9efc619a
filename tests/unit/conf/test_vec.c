/* test_vec.c - merging settings: who wins, what is appended, what is shared, and who frees it. */
#include "fake_modules.h"

#define LOAD "LoadModule paint_module modules/mod_paint.so\n"

/* Three places for each case: server, <Directory> and <Directory> inside it; "" leaves a place
 * empty. */
static const struct {
    const char *server, *outer, *inner;
    const char *colour, *brushes, *coats;
    int         layers;
} merges[] = {
    { "", "", "", "white", "flat,very round", "-", 2 },
    { "PaintColour red", "", "", "red", "flat,very round", "-", 2 },
    { "PaintColour red", "PaintColour blue", "", "blue", "flat,very round", "-", 2 },
    { "PaintColour red", "PaintColour blue", "PaintColour green", "green", "flat,very round", "-",
      2 },
    { "PaintColour red", "PaintLayers 5", "PaintBrush x", "red", "x", "-", 5 },
    /* a default does not win over what an outer place has set */
    { "PaintLayers 9", "PaintColour white", "", "white", "flat,very round", "-", 9 },
    /* nor does setting the default's value count as nothing */
    { "PaintLayers 9", "PaintLayers 2", "", "white", "flat,very round", "-", 2 },
    { "PaintBrush a\nPaintBrush b", "PaintBrush c", "", "white", "c", "-", 2 },
    { "PaintCoat 1 2", "PaintCoat 3", "PaintCoat 4", "white", "flat,very round", "1,2,3,4", 2 },
    { "", "PaintCoat 3", "PaintCoat 4", "white", "flat,very round", "3,4", 2 },
    { "PaintCoat 1", "PaintColour red", "", "red", "flat,very round", "1", 2 },
};

static struct pn_generation *load_places(apr_pool_t *pool, const char *server, const char *outer,
                                         const char *inner)
{
    pn_str text = PN_CAT(pool, PN_STR(LOAD), pn_str_z(server), PN_STR("\n<Directory /a>\n"),
                         pn_str_z(outer), PN_STR("\n</Directory>\n<Directory /a/b>\n"),
                         pn_str_z(inner), PN_STR("\n</Directory>\n"));

    return fake_load_good(pool, text.p);
}

static void check(apr_pool_t *pool, size_t i, const struct pn_conf_vec *vec)
{
    const struct paint_dir *paint = PN_DIR_CONF(vec, &fake_paint);

    assert_text(paint->colour, merges[i].colour);
    assert_string_equal(fake_words(pool, paint->brushes), merges[i].brushes);
    assert_string_equal(fake_words(pool, paint->coats), merges[i].coats);
    assert_int_equal(paint->layers, merges[i].layers);
}

static void inner_places_win(void **state)
{
    apr_pool_t *pool = *state;

    for (size_t i = 0; i < PN_COUNT(merges); i++) {
        struct pn_generation *g =
            load_places(pool, merges[i].server, merges[i].outer, merges[i].inner);
        struct pn_server   *s = g->servers;
        struct pn_conf_vec *a = fake_section(s, 0), *b = fake_section(s, 1);
        struct pn_conf_vec *sa = pn_conf_merge(s, s->dir_conf, a, NULL);
        struct pn_conf_vec *sab = pn_conf_merge(s, sa, b, NULL);
        struct pn_conf_vec *ab = pn_conf_merge(s, a, b, pool);
        struct pn_conf_vec *s_ab = pn_conf_merge(s, s->dir_conf, ab, pool);

        pn_conf_vec_unref(sa); /* sab keeps what it shares with it */
        check(pool, i, sab);
        check(pool, i, s_ab); /* merging is associative */
        pn_conf_vec_unref(sab);
        pn_generation_unref(g);
    }
}

static void untouched_modules_are_shared(void **state)
{
    struct pn_generation *g = load_places(*state, "", "PaintColour red", "EnableSendfile On");
    struct pn_server     *s = g->servers;
    struct pn_conf_vec   *a = fake_section(s, 0), *b = fake_section(s, 1);
    struct pn_conf_vec   *ma = pn_conf_merge(s, s->dir_conf, a, NULL);
    struct pn_conf_vec   *mb = pn_conf_merge(s, ma, b, NULL);

    assert_null(PN_DIR_CONF(a, &fake_core));
    assert_null(PN_DIR_CONF(b, &fake_paint));
    assert_ptr_equal(PN_DIR_CONF(ma, &fake_core), PN_DIR_CONF(s->dir_conf, &fake_core));
    assert_ptr_equal(PN_DIR_CONF(mb, &fake_paint), PN_DIR_CONF(ma, &fake_paint));
    assert_ptr_not_equal(PN_DIR_CONF(ma, &fake_paint), PN_DIR_CONF(s->dir_conf, &fake_paint));
    assert_true(pn_conf_vec_bytes(mb) < 1000);
    assert_null(mb->pool); /* the merge function allocated nothing */
    pn_conf_vec_unref(ma);
    pn_conf_vec_unref(mb);
    pn_generation_unref(g);
}

static void set_bits_unite(void **state)
{
    struct pn_generation *g =
        load_places(*state, "PaintColour red", "PaintLayers 3", "PaintCoat x");
    struct pn_server   *s = g->servers;
    struct pn_conf_vec *a = pn_conf_merge(s, s->dir_conf, fake_section(s, 0), *state);
    struct pn_conf_vec *b = pn_conf_merge(s, a, fake_section(s, 1), *state);
    const void         *paint = PN_DIR_CONF(b, &fake_paint);

    assert_true(pn_conf_is_set(paint, &fake_paint, "PaintColour"));
    assert_true(pn_conf_is_set(paint, &fake_paint, "PaintLayers"));
    assert_true(pn_conf_is_set(paint, &fake_paint, "PaintCoat"));
    assert_false(pn_conf_is_set(paint, &fake_paint, "PaintBrush"));
    assert_false(pn_conf_is_set(PN_DIR_CONF(a, &fake_paint), &fake_paint, "PaintCoat"));
    assert_int_equal(((const struct paint_dir *)paint)->merges, 2);
    pn_generation_unref(g);
}

static void lists_that_grow_need_a_pool_of_their_own(void **state)
{
    struct pn_generation   *g = load_places(*state, "PaintCoat 1", "PaintCoat 2", "");
    struct pn_server       *s = g->servers;
    struct pn_conf_vec     *m = pn_conf_merge(s, s->dir_conf, fake_section(s, 0), NULL);
    const struct paint_dir *base = PN_DIR_CONF(s->dir_conf, &fake_paint);

    assert_non_null(m->pool);
    assert_string_equal(fake_words(*state, base->coats), "1"); /* not changed by the merge */
    pn_conf_vec_unref(m);
    pn_generation_unref(g);
}

static void references_keep_parents_alive(void **state)
{
    struct pn_generation     *g = load_places(*state, "", "PaintColour red", "PaintColour blue");
    struct pn_server         *s = g->servers;
    struct pn_conf_vec       *a = pn_conf_merge(s, s->dir_conf, fake_section(s, 0), NULL);
    struct pn_conf_vec       *b = pn_conf_merge(s, a, fake_section(s, 1), NULL);
    const struct pn_conf_vec *again = pn_conf_vec_ref(b);
    apr_pool_t               *request;

    assert_int_equal(a->refs, 2); /* ours and b's */
    assert_int_equal(b->refs, 2);
    assert_int_equal(s->dir_conf->refs, PN_VEC_IMMORTAL);
    pn_conf_vec_unref(a);
    pn_conf_vec_unref(b);
    apr_pool_create(&request, *state);
    a = pn_conf_merge(s, again, fake_section(s, 0), request);
    assert_int_equal(again->refs, 2); /* ours and the request's */
    pn_conf_vec_unref(a);             /* lives with its pool: nothing happens */
    assert_text(((struct paint_dir *)PN_DIR_CONF(a, &fake_paint))->colour, "red");
    apr_pool_destroy(request);
    assert_int_equal(again->refs, 1);
    pn_conf_vec_unref(again);
    pn_generation_unref(g);
}

static void chains_of_many_merges_are_freed_whole(void **state)
{
    struct pn_generation *g = load_places(*state, "", "PaintColour red", "");
    struct pn_server     *s = g->servers;
    struct pn_conf_vec   *vec = pn_conf_merge(s, s->dir_conf, fake_section(s, 0), NULL);

    for (int i = 0; i < 100000; i++) {
        struct pn_conf_vec *inner = pn_conf_merge(s, vec, NULL, NULL);

        pn_conf_vec_unref(vec);
        vec = inner;
    }
    pn_conf_vec_unref(vec);
    pn_generation_unref(g);
}

static void virtual_hosts_inherit_what_stands_behind_them(void **state)
{
    struct pn_generation *g = fake_load_good(
        *state, LOAD "PaintColour red\nServerAdmin root@example\n"
                     "<VirtualHost *:80>\nPaintLayers 5\nTimeout 7\nServerName one.example\n"
                     "<Directory /x>\n</Directory>\n</VirtualHost>\n"
                     "<VirtualHost *:80>\nServerAdmin two@example\n</VirtualHost>\n<VirtualHost "
                     "*:80>\n</VirtualHost>\n"
                     "Timeout 99\nMaxClients 3\nPaintLayers 8\nPaintColour blue\n");
    struct pn_server *main_server = g->servers, *one = main_server->next, *two = one->next,
                     *silent = two->next;
    const struct core_server *core = PN_SERVER_CONF(one, &fake_core);
    const struct paint_dir   *paint = PN_DIR_CONF(one->dir_conf, &fake_paint);

    assert_int_equal(g->n_servers, 4);
    assert_null(silent->next);
    assert_int_equal(two->index, 2);
    assert_true(main_server->is_main && !one->is_main);
    assert_int_equal(one->line, 4);
    assert_contains(one->file, "/tmp/pn_conf_test_");
    assert_text(one->name, "one.example");
    assert_text(one->admin, "root@example");
    assert_text(two->admin, "two@example");
    assert_int_equal(core->timeout, 7 * PN_USEC_PER_SEC);
    assert_int_equal(core->workers, 3);
    assert_ptr_equal(core->owner, one);
    assert_int_equal(core->sections->nelts, 1);
    assert_int_equal(paint->layers, 5);
    assert_text(paint->colour, "blue");
    /* A server that says nothing costs nothing: it has the main server's. */
    assert_ptr_equal(PN_SERVER_CONF(silent, &fake_core), PN_SERVER_CONF(main_server, &fake_core));
    assert_ptr_equal(PN_DIR_CONF(silent->dir_conf, &fake_paint),
                     PN_DIR_CONF(main_server->dir_conf, &fake_paint));
    pn_generation_unref(g);
}

/* ---- a module of more rows than one word of set-bits holds ---- */

#define N_ROWS 300

struct wide_dir {
    int64_t value[N_ROWS];
};

static struct pn_directive wide_rows[N_ROWS + 1];
static char                wide_names[N_ROWS][8];
static struct pn_module    wide = { .api = PN_MODULE_API,
                                    .name = "mod_wide.c",
                                    .apache_id = "wide_module",
                                    .directives = wide_rows,
                                    .dir_conf_size = sizeof(struct wide_dir) };

static void make_wide_rows(void)
{
    for (unsigned i = 0; i < N_ROWS; i++) {
        snprintf(wide_names[i], sizeof(wide_names[i]), "Wide%u", i);
        wide_rows[i] = (struct pn_directive){ .name = wide_names[i],
                                              .args = PN_TAKE1,
                                              .where = PN_CTX_DIRECTORY | PN_CTX_SERVER,
                                              .slot = { PN_SLOT_INT, i * sizeof(int64_t) } };
    }
}

static void rows_may_be_many(void **state)
{
    struct pn_generation  *g;
    struct pn_conf_vec    *vec;
    const struct wide_dir *conf;

    make_wide_rows();
    pn_registry_add(&wide, NULL);
    g = fake_load_good(*state, "LoadModule wide_module x\nWide0 1\nWide63 2\nWide64 3\nWide299 4\n"
                               "<Directory /a>\nWide63 5\nWide298 6\n</Directory>\n");
    vec = pn_conf_merge(g->servers, g->servers->dir_conf, fake_section(g->servers, 0), NULL);
    conf = PN_DIR_CONF(vec, &wide);
    for (unsigned i = 0; i < N_ROWS; i++) {
        int64_t want = i == 0 ? 1 : i == 63 ? 5 : i == 64 ? 3 : i == 298 ? 6 : i == 299 ? 4 : 0;

        assert_int_equal(conf->value[i], want);
        assert_int_equal(pn_conf_is_set(conf, &wide, wide_names[i]), want != 0);
    }
    pn_conf_vec_unref(vec);
    pn_generation_unref(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(inner_places_win, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(untouched_modules_are_shared, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(set_bits_unite, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(lists_that_grow_need_a_pool_of_their_own, fake_setup,
                                        fake_teardown),
        cmocka_unit_test_setup_teardown(references_keep_parents_alive, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(chains_of_many_merges_are_freed_whole, fake_setup,
                                        fake_teardown),
        cmocka_unit_test_setup_teardown(virtual_hosts_inherit_what_stands_behind_them, fake_setup,
                                        fake_teardown),
        cmocka_unit_test_setup_teardown(rows_may_be_many, fake_setup, fake_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
