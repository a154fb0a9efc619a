/* test_apply.c - arguments, contexts and typed slots: what is accepted, and the text of what is
 * not. */
#include "fake_modules.h"

#define LOAD "LoadModule paint_module modules/mod_paint.so\n"

static const struct {
    const char *text;
    const char *error; /* part of the message */
    const char *cure;  /* another part, or NULL */
} bad[] = {
    { "KeepAlive maybe", "KeepAlive must be On or Off, not 'maybe'", NULL },
    { "KeepAlive", "KeepAlive takes one argument, On or Off", NULL },
    { "Timeout", "Timeout takes one argument: How long to wait for the peer", NULL },
    { "Timeout 1 2", "Timeout takes one argument: How long to wait for the peer", NULL },
    { "Timeout soon", "Timeout must be a duration such as 5, 5s, 200ms, 2min or 1h, not 'soon'",
      NULL },
    { "Timeout 2h", "Timeout must be from 1 to 3600 s, not '2h'", NULL },
    { "Timeout 0", "Timeout must be from 1 to 3600 s, not '0'", NULL },
    { "MaxClients many", "MaxClients must be a whole number, not 'many'", NULL },
    { "MaxClients 0", "MaxClients must be from 1 to 20000, not '0'", NULL },
    { "MaxClients 99999999999999999999", "MaxClients is too large", NULL },
    { "TraceEnable extendet", "TraceEnable must be one of on, off or extended, not 'extendet'",
      "Did you mean 'extended'?" },
    { "TraceEnable blue", "TraceEnable must be one of on, off or extended, not 'blue'", NULL },
    { LOAD "PaintLayers 10", "PaintLayers must be from 1 to 9 layers, not '10'", NULL },
    { "Options Odd", "Options does not know Odd", "Leave the odd ones out." },
    { "<Directory />\nOptions Odd\n</Directory>", "line 2 ", "Options does not know Odd" },
    /* unknown */
    { "KeepAlife On", "Invalid command 'KeepAlife'", "Did you mean KeepAlive?" },
    { "Xyzzy On", "Invalid command 'Xyzzy'", NULL },
    { "<Direktory />\n</Direktory>", "Invalid command '<Direktory>'", "Did you mean <Directory>?" },
    { "SpareWheel round",
      "Invalid command 'SpareWheel', it belongs to mod_spare.c: "
      "add LoadModule spare_module modules/mod_spare.so",
      NULL },
    /* places */
    { "<Directory />\nKeepAlive On\n</Directory>", "KeepAlive is not allowed inside <Directory>",
      "It may stand in: server config, <VirtualHost>" },
    { "<Files x>\n<Directory />\n</Directory>\n</Files>",
      "<Directory> is not allowed inside <Files>",
      "It may stand in: server config, <VirtualHost>" },
    { "<VirtualHost *>\n<VirtualHost *>\n</VirtualHost>\n</VirtualHost>",
      "<VirtualHost> is not allowed inside <VirtualHost>", "It may stand in: server config" },
    { "<VirtualHost *>\nServerRoot /\n</VirtualHost>",
      "ServerRoot is not allowed inside <VirtualHost>", NULL },
    { "Sections", "Sections is not allowed outside of sections",
      "It may stand in: <Directory>, <Location>" },
    /* forms */
    { "Directory /x",
      "Directory is a section: it is written <Directory ...> and closed by </Directory>", NULL },
    { "<KeepAlive On>\n</KeepAlive>", "KeepAlive is not a section: it is written without < and >",
      NULL },
    { "Sections x", "Sections is not allowed", NULL },
    { "<Directory />\nSections x\n</Directory>", "Sections takes no arguments", NULL },
};

static void errors_say_what_is_wrong(void **state)
{
    for (size_t i = 0; i < PN_COUNT(bad); i++) {
        const char *error = fake_load_error(*state, bad[i].text);

        assert_contains(error, bad[i].error);
        if (bad[i].cure)
            assert_contains(error, bad[i].cure);
    }
}

static void values_reach_their_slots(void **state)
{
    struct pn_generation *g = fake_load_good(
        *state,
        LOAD "keepalive off\nTimeout 9\nTimeout 2min\nMaxClients 17\nTraceEnable EXTENDED\n"
             "DocumentRoot \"site one\"\nNote   'as it' stands \nServerName a.example\n"
             "PaintBrush a \"b c\"\nPaintBrush d\nPaintCoat 1 2\nPaintCoat 3\nPaintShine gloss\n");
    const struct core_server *core = PN_SERVER_CONF(g->servers, &fake_core);
    const struct paint_dir   *paint = PN_DIR_CONF(g->servers->dir_conf, &fake_paint);

    assert_false(core->keep_alive);
    assert_int_equal(core->timeout, 120 * PN_USEC_PER_SEC);
    assert_int_equal(core->workers, 17);
    assert_int_equal(core->trace, 2);
    assert_text(core->document_root, "/srv/site one");
    assert_text(core->note, "'as it' stands");
    assert_text(g->servers->name, "a.example");
    assert_string_equal(fake_words(*state, paint->brushes), "a,b c,d");
    assert_string_equal(fake_words(*state, paint->coats), "1,2,3");
    assert_int_equal(paint->shine, 2);
    pn_generation_unref(g);
}

static void defaults_are_there_without_a_line(void **state)
{
    struct pn_generation      *g = fake_load_good(*state, LOAD);
    const struct core_server  *core = PN_SERVER_CONF(g->servers, &fake_core);
    const struct paint_dir    *paint = PN_DIR_CONF(g->servers->dir_conf, &fake_paint);
    const struct paint_server *engine = PN_SERVER_CONF(g->servers, &fake_paint);

    assert_true(core->keep_alive);
    assert_int_equal(core->timeout, 60 * PN_USEC_PER_SEC);
    assert_int_equal(core->workers, 400);
    assert_text(core->document_root, "/srv/htdocs");
    assert_string_equal(fake_words(*state, paint->brushes), "flat,very round");
    assert_null(paint->coats);
    assert_int_equal(paint->layers, 2);
    assert_int_equal(paint->shine, 1);
    assert_int_equal(engine->buckets, 7);
    assert_false(pn_conf_is_set(paint, &fake_paint, "PaintLayers"));
    pn_generation_unref(g);
}

static void set_bits_tell_lines_from_defaults(void **state)
{
    struct pn_generation *g = fake_load_good(*state, LOAD "MaxClients 5\nPaintlayers 2\n");
    struct core_server   *core = PN_SERVER_CONF(g->servers, &fake_core);
    struct paint_dir     *paint = PN_DIR_CONF(g->servers->dir_conf, &fake_paint);

    assert_true(pn_conf_is_set(core, &fake_core, "MaxClients"));
    assert_true(pn_conf_is_set(core, &fake_core, "MaxRequestWorkers")); /* the same slot */
    assert_false(pn_conf_is_set(core, &fake_core, "Timeout"));
    assert_true(pn_conf_is_set(paint, &fake_paint, "PaintLayers"));
    pn_conf_mark_set(paint, &fake_paint, "PaintShine");
    assert_true(pn_conf_is_set(paint, &fake_paint, "paintshine"));
    pn_generation_unref(g);
}

static void gone_directives_warn_once(void **state)
{
    struct fake_load load = fake_load_text(*state, "LockFile /a\nLockFile /b\n");
    const char      *warning;

    assert_non_null(load.generation);
    assert_int_equal(load.report.warnings->nelts, 1);
    warning = APR_ARRAY_IDX(load.report.warnings, 0, const char *);
    assert_contains(warning, "LockFile has no effect any more: locks need no file");
    assert_contains(warning, ":1:");
    pn_generation_unref(load.generation);
}

static void limit_hands_on_its_methods(void **state)
{
    struct fake_load load = fake_load_text(*state, "<Directory /x>\n<Limit GET POST>\nLimitNote\n"
                                                   "EnableSendfile On\n</Limit>\n</Directory>\n");
    const struct core_dir *core;

    assert_non_null(load.generation);
    core = PN_DIR_CONF(fake_section(load.generation->servers, 0), &fake_core);
    assert_int_equal(core->limited, 6);
    assert_int_equal(load.report.warnings->nelts, 1);
    assert_contains(APR_ARRAY_IDX(load.report.warnings, 0, const char *),
                    "EnableSendfile holds for all methods: <Limit> does not limit it");
    pn_generation_unref(load.generation);
}

static void sections_have_a_depth(void **state)
{
    apr_pool_t *pool = *state;
    pn_str      text = PN_STR("");

    for (int i = 0; i < 40; i++)
        text = PN_CAT(pool, text, PN_STR("<Files x>\n"));
    for (int i = 0; i < 40; i++)
        text = PN_CAT(pool, text, PN_STR("</Files>\n"));
    assert_contains(fake_load_error(pool, text.p), "Sections are nested too deep");
}

static void durations(void **state)
{
    static const struct {
        const char *text, *unit;
        pn_rc       rc;
        pn_usec     want;
    } cases[] = {
        { "5", "s", PN_OK, 5000000 },
        { "5", "ms", PN_OK, 5000 },
        { "5", NULL, PN_OK, 5000000 },
        { "5s", "ms", PN_OK, 5000000 },
        { "200ms", "s", PN_OK, 200000 },
        { "2min", "s", PN_OK, 120000000 },
        { "2MI", "s", PN_OK, 120000000 },
        { "1h", "s", PN_OK, 3600000000 },
        { "1Hours", "s", PN_OK, 3600000000 },
        { "0", "s", PN_OK, 0 },
        { "", "s", PN_BAD, 0 },
        { "s", "s", PN_BAD, 0 },
        { "-1", "s", PN_BAD, 0 },
        { "5x", "s", PN_BAD, 0 },
        { "5 s", "s", PN_BAD, 0 },
        { "5m", "s", PN_BAD, 0 },
        { "9223372036854775807h", "s", PN_BAD, 0 },
        { "99999999999999999999", "s", PN_BAD, 0 },
    };

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        pn_usec got = 0;

        assert_int_equal(pn_conf_duration(pn_str_z(cases[i].text), cases[i].unit, &got),
                         cases[i].rc);
        assert_int_equal(got, cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(errors_say_what_is_wrong, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(values_reach_their_slots, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(defaults_are_there_without_a_line, fake_setup,
                                        fake_teardown),
        cmocka_unit_test_setup_teardown(set_bits_tell_lines_from_defaults, fake_setup,
                                        fake_teardown),
        cmocka_unit_test_setup_teardown(gone_directives_warn_once, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(limit_hands_on_its_methods, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(sections_have_a_depth, fake_setup, fake_teardown),
        cmocka_unit_test(durations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
