/* test_generation.c - a load as a whole: order of reading, post_config, references, and what
 * 10,000 hosts cost. */
#include "fake_modules.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <time.h>

#include "conf/htaccess.h"
#include "conf/listing.h"

/* ---- life of the server: hooks of `late` ---- */

static struct {
    bool refuse, complain, check_only;
    int  post_config, child_init, child_exit;
} seen;

static pn_rc late_post_config(struct pn_generation *generation, apr_pool_t *pool, bool check_only)
{
    seen.post_config++;
    seen.check_only = check_only;
    assert_non_null(generation->servers->plan); /* everything is merged by then */
    if (seen.complain) {
        pn_generation_error(generation, "no %s here", "luck");
        pn_generation_error(generation, "none there either");
    }
    return seen.refuse ? PN_BAD : PN_OK;
}

static void late_child_init(struct pn_generation *generation, apr_pool_t *pool)
{
    seen.child_init++;
}

static void late_child_exit(struct pn_generation *generation)
{
    seen.child_exit++;
}

static void late_hooks(struct pn_hooks *h)
{
    pn_hook_post_config(h, late_post_config, (struct pn_order){ 0 });
    pn_hook_child_init(h, late_child_init, (struct pn_order){ 0 });
    pn_hook_child_exit(h, late_child_exit, (struct pn_order){ 0 });
}

static int setup(void **state)
{
    memset(&seen, 0, sizeof(seen));
    fake_late.hooks = late_hooks;
    return fake_setup(state);
}

#define LATE "LoadModule late_module x\n"

static void hooks_of_life_run(void **state)
{
    struct pn_generation *g = fake_load_good(*state, LATE);

    pn_run_child_init(g, *state);
    pn_run_child_exit(g);
    assert_int_equal(seen.post_config, 1);
    assert_false(seen.check_only);
    assert_int_equal(seen.child_init, 1);
    assert_int_equal(seen.child_exit, 1);
    pn_generation_unref(g);
}

static void post_config_can_refuse(void **state)
{
    struct fake_load load;

    seen.refuse = true;
    assert_contains(fake_load_error(*state, LATE), "A module refused the configuration");
    seen.complain = true;
    load = fake_load_text(*state, LATE);
    assert_null(load.generation);
    assert_int_equal(load.report.errors->nelts, 2);
    assert_string_equal(APR_ARRAY_IDX(load.report.errors, 0, const char *), "no luck here");
    seen.refuse = false; /* an error alone is enough */
    assert_null(fake_load_text(*state, LATE).generation);
}

/* ---- options ---- */

static void command_line_comes_before_and_after(void **state)
{
    static const char *const  before[] = { "Define WHERE /tmp", "Timeout 7", NULL };
    static const char *const  after[] = { "Timeout 9", "DocumentRoot ${WHERE}/${N}", NULL };
    static const char *const  defines[] = { "QUICK", "N=3", NULL };
    struct pn_load_options    options = { .server_root = "/srv",
                                          .before = before,
                                          .after = after,
                                          .defines = defines,
                                          .number = 4,
                                          .check_only = true };
    struct pn_load_report     report;
    struct pn_generation     *g;
    const struct core_server *core;

    assert_int_equal(pn_generation_load(&options, *state, &g, &report), PN_OK);
    core = PN_SERVER_CONF(g->servers, &fake_core);
    assert_int_equal(core->timeout, 9 * PN_USEC_PER_SEC);
    assert_text(core->document_root, "/tmp/3");
    assert_int_equal(g->number, 4);
    assert_true(pn_is_defined(g, "QUICK"));
    assert_true(pn_is_defined(g, "WHERE"));
    assert_false(pn_is_defined(g, "SLOW"));
    pn_generation_unref(g);
    options.after = (const char *const[]){ "Timeout never", NULL };
    assert_int_equal(pn_generation_load(&options, *state, &g, &report), PN_BAD);
    assert_contains(APR_ARRAY_IDX(report.errors, 0, const char *), "not 'never'");
    options.after = NULL;
    options.config_file = "no/such.conf";
    assert_int_equal(pn_generation_load(&options, *state, &g, &report), PN_BAD);
    assert_contains(APR_ARRAY_IDX(report.errors, 0, const char *), "/srv/no/such.conf");
}

static void server_root_and_modules_take_effect_at_once(void **state)
{
    struct pn_generation *g =
        fake_load_good(*state, "ServerRoot /usr/lib/\n"
                               "<IfModule paint_module>\nNonsense\n</IfModule>\n"
                               "<IfDirective PaintColour>\nNonsense\n</IfDirective>\n"
                               "LoadModule paint_module x\n"
                               "<IfModule paint_module>\nPaintLayers 3\n</IfModule>\n"
                               "<IfDirective PaintColour>\nPaintColour red\n</IfDirective>\n"
                               "<IfSection VirtualHost>\nDocumentRoot at\n</IfSection>\n"
                               "<IfSection PaintColour>\nNonsense\n</IfSection>\n");
    const struct core_server *core = PN_SERVER_CONF(g->servers, &fake_core);
    const struct paint_dir   *paint = PN_DIR_CONF(g->servers->dir_conf, &fake_paint);

    assert_text(g->server_root, "/usr/lib");
    assert_text(core->document_root, "/usr/lib/at");
    assert_int_equal(paint->layers, 3);
    assert_text(paint->colour, "red");
    pn_generation_unref(g);
}

static void references_keep_a_generation(void **state)
{
    struct pn_generation *g = fake_load_good(*state, "");

    assert_ptr_equal(pn_generation_ref(g), g);
    pn_generation_unref(g);
    assert_int_equal(g->refs, 1);
    assert_text(g->server_root, "/srv");
    pn_generation_unref(g);
    pn_generation_unref(NULL);
}

static void listings_name_everything(void **state)
{
    struct pn_generation *g = fake_load_good(*state, "LoadModule paint_module x\n" LATE);
    struct pn_buf         out;

    pn_buf_init(&out, *state, 1 << 20);
    pn_list_static(&out);
    pn_list_modules(g, &out);
    pn_list_directives(&out);
    pn_list_hooks(g, &out);
    pn_list_providers(g, &out);
    pn_buf_ch(&out, '\0');
    assert_contains(out.p, "  core.c\n");
    assert_contains(out.p, " core_module (static)\n so_module (static)\n paint_module (shared)\n "
                           "late_module (shared)\n");
    assert_contains(out.p, "<VirtualHost> (core.c)\n");
    assert_contains(out.p, "Timeout (core.c)\n\tHow long to wait for the peer\n"
                           "\tAllowed in: server config, <VirtualHost>\n\tDefault: 60 s\n");
    assert_contains(out.p, "\tAllowOverride: FileInfo or Indexes\n");
    assert_contains(out.p, "SpareWheel (mod_spare.c)\n");
    assert_contains(out.p, "post_config:\n    0 mod_late.c\n");
    assert_contains(out.p, "fixups:\n    0 mod_paint.c (where it matters)\n");
    assert_contains(out.p, "paint: acrylic oil\n");
    pn_generation_unref(g);
}

/* ---- costs, printed ---- */

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Resident, since pools take their memory from mmap, not from the heap. */
static size_t resident_bytes(void)
{
    FILE         *file = fopen("/proc/self/statm", "r");
    unsigned long pages = 0;

    if (file && fscanf(file, "%*u %lu", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return pages * 4096;
}

#define N_HOSTS 10000

static const char *many_hosts(apr_pool_t *pool)
{
    struct pn_buf text;

    pn_buf_init(&text, pool, 8 << 20);
    pn_buf_lit(&text, "LoadModule paint_module x\n");
    for (int i = 0; i < N_HOSTS; i++)
        pn_buf_printf(&text,
                      "<VirtualHost *:80>\nServerName www%d.example.com\n"
                      "DocumentRoot /srv/www/site%d/public_html\n"
                      "<Directory /srv/www/site%d/public_html>\nEnableSendfile On\nPaint On\n"
                      "</Directory>\n</VirtualHost>\n",
                      i, i, i);
    pn_buf_ch(&text, '\0');
    return text.p;
}

static void many_hosts_load_fast_and_stay_small(void **state)
{
    apr_pool_t           *pool;
    const char           *text;
    struct pn_generation *g;
    size_t                before, after;
    double                begin, end;

    apr_pool_create(&pool, *state);
    text = many_hosts(pool);
    before = resident_bytes();
    begin = seconds();
    g = fake_load_good(pool, text);
    end = seconds();
    after = resident_bytes();
    assert_int_equal(g->n_servers, N_HOSTS + 1);
    print_message("%d virtual hosts: %.0f ms, %.0f bytes each\n", N_HOSTS, (end - begin) * 1e3,
                  ((double)after - (double)before) / N_HOSTS);
    pn_generation_unref(g);
    print_message("%.0f bytes left when they are freed\n",
                  (double)resident_bytes() - (double)before);
}

static void merges_are_cheap(void **state)
{
    struct pn_generation *g =
        fake_load_good(*state, "LoadModule paint_module x\n"
                               "<Directory /a>\nPaintLayers 2\n</Directory>\n<Directory "
                               "/b>\nEnableSendfile On\n</Directory>\n");
    struct pn_server *s = g->servers;
    double            begin = seconds(), end;

    for (int i = 0; i < 20000; i++) {
        struct pn_conf_vec *a = pn_conf_merge(s, s->dir_conf, fake_section(s, 0), NULL);
        struct pn_conf_vec *b = pn_conf_merge(s, a, fake_section(s, 1), NULL);

        pn_conf_vec_unref(a);
        pn_conf_vec_unref(b);
    }
    end = seconds();
    print_message("a merge: %.2f us\n", (end - begin) / 40000 * 1e6);
    pn_generation_unref(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hooks_of_life_run, setup, fake_teardown),
        cmocka_unit_test_setup_teardown(post_config_can_refuse, setup, fake_teardown),
        cmocka_unit_test_setup_teardown(command_line_comes_before_and_after, setup, fake_teardown),
        cmocka_unit_test_setup_teardown(server_root_and_modules_take_effect_at_once, setup,
                                        fake_teardown),
        cmocka_unit_test_setup_teardown(references_keep_a_generation, setup, fake_teardown),
        cmocka_unit_test_setup_teardown(listings_name_everything, setup, fake_teardown),
        cmocka_unit_test_setup_teardown(many_hosts_load_fast_and_stay_small, setup, fake_teardown),
        cmocka_unit_test_setup_teardown(merges_are_cheap, setup, fake_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
