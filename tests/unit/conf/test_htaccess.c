/* test_htaccess.c - .htaccess: what AllowOverride admits, what is an error, what Nonfatal skips,
 * who owns it. */
#include "fake_modules.h"

#include <time.h>

#include "conf/htaccess.h"

#define LOAD "LoadModule paint_module modules/mod_paint.so\n"

static struct pn_generation *generation;
static apr_pool_t           *pool;

static int setup(void **state)
{
    fake_setup(state);
    pool = *state;
    generation = fake_load_good(pool, LOAD);
    return 0;
}

static int teardown(void **state)
{
    pn_generation_unref(generation);
    return fake_teardown(state);
}

static pn_rc load(const char *text, unsigned override, apr_hash_t *list, struct pn_conf_vec **ret,
                  struct pn_htaccess_report *report, apr_pool_t **own)
{
    struct pn_htaccess_in in = { .server = generation->servers,
                                 .bytes = pn_str_z(text),
                                 .path = "/srv/.htaccess",
                                 .dir = PN_STR("/srv/"),
                                 .override = override,
                                 .override_options = 5,
                                 .override_list = list };

    apr_pool_create(own, NULL);
    return pn_htaccess_load(generation, &in, *own, ret, report);
}

static const struct {
    const char *text;
    unsigned    override;
    const char *error;
    unsigned    line;
} bad[] = {
    { "\nEnableSendfile On", PN_OVR_INDEXES,
      "EnableSendfile is not allowed in .htaccess because AllowOverride FileInfo would be needed",
      2 },
    { "DefaultType x", PN_OVR_NONE,
      "DefaultType is not allowed in .htaccess because AllowOverride FileInfo or Indexes would be "
      "needed",
      1 },
    { "<Files a>\n\nEnableSendfile On\n</Files>", PN_OVR_INDEXES,
      "EnableSendfile is not allowed in .htaccess because AllowOverride FileInfo would be needed",
      3 },
    { "<Files a>\n</Files>", PN_OVR_NONE,
      "<Files> is not allowed in .htaccess because AllowOverride All would be needed", 1 },
    { "Timeout 5", PN_OVR_ALL, "Timeout is not allowed in .htaccess", 1 },
    { "Timeout 5", PN_OVR_ALL | PN_OVR_NONFATAL_OVERRIDE, "Timeout is not allowed in .htaccess",
      1 },
    { "<Directory />\n</Directory>", PN_OVR_ALL, "<Directory> is not allowed in .htaccess", 1 },
    { "PaintLayers 99", PN_OVR_ALL | PN_OVR_NONFATAL_OVERRIDE | PN_OVR_NONFATAL_UNKNOWN,
      "PaintLayers must be from 1 to 9 layers, not '99'", 1 },
    { "PaintLaiers 9", PN_OVR_ALL | PN_OVR_NONFATAL_OVERRIDE, "Invalid command 'PaintLaiers'", 1 },
    { "LoadModule spare_module x", PN_OVR_ALL, "LoadModule is not allowed in .htaccess", 1 },
    { "<Files a>", PN_OVR_ALL, "Files", 1 },
};

static void what_is_not_admitted_is_an_error(void **state)
{
    for (size_t i = 0; i < PN_COUNT(bad); i++) {
        struct pn_htaccess_report report;
        struct pn_conf_vec       *vec = NULL;
        apr_pool_t               *own;

        assert_int_equal(load(bad[i].text, bad[i].override, NULL, &vec, &report, &own), PN_BAD);
        assert_contains(report.error.reason, bad[i].error);
        assert_int_equal(report.error.line, bad[i].line);
        assert_contains(pn_conf_error_print(pool, &report.error), "/srv/.htaccess");
        assert_null(vec);
        apr_pool_destroy(own);
    }
}

static void settings_come_unmerged_and_own_their_pool(void **state)
{
    struct pn_htaccess_report report;
    struct pn_conf_vec       *vec, *merged;
    apr_pool_t               *own;
    const struct paint_dir   *paint;
    const struct core_dir    *core;

    assert_int_equal(load("PaintColour \"dark red\"\nOptions x\n<Files y>\nPaint On\n</Files>\n"
                          "<IfModule mod_paint.c>\nPaintLayers 4\n</IfModule>\n"
                          "<IfModule mod_spare.c>\nNonsense\n</IfModule>\n",
                          PN_OVR_ALL, NULL, &vec, &report, &own),
                     PN_OK);
    assert_int_equal(vec->refs, 1);
    assert_null(vec->plan);
    merged = pn_conf_merge(generation->servers, generation->servers->dir_conf, vec, NULL);
    pn_conf_vec_unref(vec); /* merged holds it, with its pool */
    paint = PN_DIR_CONF(merged, &fake_paint);
    core = PN_DIR_CONF(merged, &fake_core);
    assert_text(paint->colour, "dark red");
    assert_int_equal(paint->layers, 4);
    assert_int_equal(core->options, 5);
    assert_int_equal(core->files->nelts, 1);
    assert_non_null(merged->plan);
    pn_conf_vec_unref(merged);
}

static void nonfatal_skips_with_a_warning(void **state)
{
    struct pn_htaccess_report report;
    struct pn_conf_vec       *vec;
    apr_pool_t               *own;
    const struct paint_dir   *paint;

    assert_int_equal(load("EnableSendfile On\nNonsense\nPaintColour red\n",
                          PN_OVR_INDEXES | PN_OVR_NONFATAL_OVERRIDE | PN_OVR_NONFATAL_UNKNOWN, NULL,
                          &vec, &report, &own),
                     PN_OK);
    assert_int_equal(report.warnings->nelts, 2);
    assert_contains(APR_ARRAY_IDX(report.warnings, 0, const char *),
                    "/srv/.htaccess:1: EnableSendfile");
    assert_contains(APR_ARRAY_IDX(report.warnings, 1, const char *), "Nonfatal=Unknown");
    paint = PN_DIR_CONF(vec, &fake_paint);
    assert_text(paint->colour, "red");
    assert_null(PN_DIR_CONF(vec, &fake_core));
    pn_conf_vec_unref(vec);
}

static void a_list_admits_single_directives(void **state)
{
    apr_hash_t               *list = apr_hash_make(pool);
    struct pn_htaccess_report report;
    struct pn_conf_vec       *vec;
    apr_pool_t               *own;

    apr_hash_set(list, "enablesendfile", APR_HASH_KEY_STRING, "");
    assert_int_equal(load("EnableSendfile On\n", PN_OVR_NONE, list, &vec, &report, &own), PN_OK);
    pn_conf_vec_unref(vec);
    assert_int_equal(load("DefaultType x\n", PN_OVR_NONE, list, &vec, &report, &own), PN_BAD);
    apr_pool_destroy(own);
}

static void a_file_costs_little(void **state)
{
    struct timespec begin, end;
    double          us;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int i = 0; i < 5000; i++) {
        struct pn_htaccess_report report;
        struct pn_conf_vec       *vec;
        apr_pool_t               *own;

        assert_int_equal(load("PaintColour red\nPaintBrush a b c\nEnableSendfile On\n<Files x>\n"
                              "Paint Off\n</Files>\n",
                              PN_OVR_ALL, NULL, &vec, &report, &own),
                         PN_OK);
        pn_conf_vec_unref(vec);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    us = (double)(end.tv_sec - begin.tv_sec) * 1e6 + (double)(end.tv_nsec - begin.tv_nsec) / 1e3;
    print_message("a .htaccess of six lines: %.1f us\n", us / 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_not_admitted_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(settings_come_unmerged_and_own_their_pool, setup, teardown),
        cmocka_unit_test_setup_teardown(nonfatal_skips_with_a_warning, setup, teardown),
        cmocka_unit_test_setup_teardown(a_list_admits_single_directives, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_costs_little, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
