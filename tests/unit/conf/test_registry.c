/* test_registry.c - which modules there are, what LoadModule does with a name, and where a
 * directive is looked up. */
#include "fake_modules.h"

#include <apr_strings.h>
#include <stdlib.h>

#include "conf/directives.h"
#include "conf/module_load.h"

static void names_find_modules(void **state)
{
    assert_ptr_equal(pn_registry_find(PN_STR("mod_paint.c")), &fake_paint);
    assert_ptr_equal(pn_registry_find(PN_STR("paint_module")), &fake_paint);
    assert_ptr_equal(pn_registry_find(PN_STR("mod_colour.c")), &fake_paint);
    assert_null(pn_registry_find(PN_STR("Paint_module"))); /* as Apache: case matters */
    assert_null(pn_registry_find(PN_STR("")));
    assert_int_equal(pn_registry_count(), 5);
}

static void indexes_are_given_once(void **state)
{
    struct pn_generation *a, *b, *c;
    unsigned              paint, spare;

    assert_int_equal(fake_spare.index, PN_MODULE_NO_INDEX);
    a = fake_load_good(*state, "LoadModule paint_module x\n");
    paint = fake_paint.index;
    assert_int_equal(a->servers->n_conf,
                     3); /* core, so and paint: no room for what is not loaded */
    b = fake_load_good(*state, "LoadModule spare_module x\nLoadModule paint_module x\n");
    spare = fake_spare.index;
    assert_int_equal(fake_paint.index, paint);
    assert_true(spare < 4 && spare != paint);
    assert_int_equal(b->servers->n_conf, 4);
    assert_string_equal(b->modules[2]->name, "mod_spare.c"); /* in the order of loading */
    c = fake_load_good(*state, "LoadModule spare_module x\n");
    assert_null(pn_find_module(c, PN_STR("mod_paint.c")));
    assert_ptr_equal(pn_find_module(c, PN_STR("spare_module")), &fake_spare);
    pn_generation_unref(a);
    pn_generation_unref(b);
    pn_generation_unref(c);
}

static void directives_are_found_without_case(void **state)
{
    struct pn_directive_table       *table = pn_directive_table_new(*state);
    const struct pn_directive_entry *entry;

    pn_directive_table_add(table, &fake_core);
    pn_directive_table_add(table, &fake_paint);
    entry = pn_directive_find(table, PN_STR("SERVERname"));
    assert_non_null(entry);
    assert_ptr_equal(entry->module, &fake_core);
    assert_ptr_equal(entry->next->module, &fake_paint);
    assert_null(entry->next->next);
    assert_non_null(
        pn_directive_find(table, PN_STR("directory"))); /* the row is written "<Directory" */
    assert_null(pn_directive_find(table, PN_STR("SpareWheel")));
    assert_null(pn_directive_find(table, PN_STR("")));
    assert_ptr_equal(pn_directive_inactive_owner(table, PN_STR("sparewheel")), &fake_spare);
    assert_null(pn_directive_inactive_owner(table, PN_STR("Timeout")));
    assert_string_equal(pn_directive_suggest(table, *state, PN_STR("Timout")), "Timeout");
}

static void loading_twice_is_a_warning(void **state)
{
    struct fake_load load =
        fake_load_text(*state, "LoadModule core_module x\nLoadModule paint_module x\n"
                               "LoadModule paint_module y\n");

    assert_non_null(load.generation);
    assert_int_equal(load.report.warnings->nelts, 1);
    assert_contains(APR_ARRAY_IDX(load.report.warnings, 0, const char *),
                    "module paint_module is already loaded, skipping");
    assert_int_equal(load.generation->n_modules, 3);
    pn_generation_unref(load.generation);
}

static const struct {
    const char *text, *error, *cure;
} bad[] = {
    { "LoadModule lua_module modules/mod_lua.so", "mod_lua is not part of this version of Pinion",
      NULL },
    { "LoadModule php_module /usr/lib/libphp.so",
      "php_module is a binary module for Apache, which Pinion cannot load",
      "Use php-fpm through mod_proxy_fcgi" },
    { "LoadModule access_module x", "access_module is a binary module for Apache",
      "mod_access_compat" },
    { "LoadModule nothing_module no/where.so",
      "nothing_module is not built in, and /srv/no/where.so cannot be read: No such file", NULL },
    { "LoadModule paint_module", "LoadModule takes two arguments", NULL },
    { "LoadModule text_module /etc/passwd", "cannot load the module: /etc/passwd", NULL },
    { "LoadFile no/where.so", "cannot load the library: /srv/no/where.so", NULL },
    { "LoadFile", "LoadFile takes one argument or more", NULL },
    { "ServerRoot relative", "ServerRoot must be an absolute path", NULL },
    { "ServerRoot /etc/passwd", "ServerRoot must be a directory, and /etc/passwd is not", NULL },
};

static void what_cannot_be_loaded_says_why(void **state)
{
    for (size_t i = 0; i < PN_COUNT(bad); i++) {
        const char *error = fake_load_error(*state, bad[i].text);

        assert_contains(error, bad[i].error);
        if (bad[i].cure)
            assert_contains(error, bad[i].cure);
    }
}

/* Shared objects that the build made for this test. */
static const char *object(apr_pool_t *pool, const char *symbol, const char *file)
{
    return apr_psprintf(pool, "LoadModule %s %s/%s\n", symbol, getenv("PN_TEST_OBJECTS"), file);
}

static void shared_objects_of_ours_are_loaded(void **state)
{
    apr_pool_t           *pool = *state;
    const char           *line = object(pool, "shared_module", "mod_shared.so");
    struct pn_generation *g = fake_load_good(pool, apr_pstrcat(pool, line,
                                                               "<IfModule mod_shared.c>\n"
                                                               "SharedNumber 12\n</IfModule>\n",
                                                               NULL));
    struct pn_generation *again = fake_load_good(pool, line); /* known by now: nothing is opened */
    struct pn_module     *module = pn_find_module(g, PN_STR("mod_shared.c"));

    assert_non_null(module);
    assert_int_equal(*(const int64_t *)PN_SERVER_CONF(g->servers, module), 12);
    assert_int_equal(*(const int64_t *)PN_SERVER_CONF(again->servers, module), 3);
    assert_true(pn_module_info(module)->is_shared);
    pn_generation_unref(g);
    pn_generation_unref(again);
    assert_contains(fake_load_error(pool, object(pool, "other_module", "mod_shared.so")),
                    "mod_shared.so has no module named other_module");
    assert_contains(fake_load_error(pool, object(pool, "old_module", "mod_shared.so")),
                    "was built for another module interface (number 900");
    assert_contains(fake_load_error(pool, object(pool, "renamed_module", "mod_shared.so")),
                    "goes by another name than renamed_module");
}

static void objects_made_for_apache_are_told_apart(void **state)
{
    const char *error = fake_load_error(*state, object(*state, "foreign_module", "mod_foreign.so"));

    assert_contains(error,
                    "foreign_module is a binary module for Apache, which Pinion cannot load");
    error = fake_load_error(*state, object(*state, "wsgi_module", "mod_foreign.so"));
    assert_contains(error, "gunicorn");
    error = fake_load_error(*state, object(*state, "lua_module", "mod_foreign.so"));
    assert_contains(error, "mod_lua is not part of this version of Pinion");
    assert_false(pn_foreign_module_file("/etc/passwd"));
    assert_false(pn_foreign_module_file("/nowhere"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_find_modules, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(indexes_are_given_once, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(directives_are_found_without_case, fake_setup,
                                        fake_teardown),
        cmocka_unit_test_setup_teardown(loading_twice_is_a_warning, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_loaded_says_why, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(shared_objects_of_ours_are_loaded, fake_setup,
                                        fake_teardown),
        cmocka_unit_test_setup_teardown(objects_made_for_apache_are_told_apart, fake_setup,
                                        fake_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
