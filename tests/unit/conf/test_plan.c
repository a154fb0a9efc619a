/* test_plan.c - plans: only the hooks that matter for a place, one object for equal plans; the
 * order of hooks. */
#include "fake_modules.h"

#include "conf/core.h"
#include "conf/plan.h"

#define LOAD "LoadModule paint_module modules/mod_paint.so\n"

static unsigned count(const struct pn_plan *plan, enum pn_phase phase)
{
    unsigned n = 0;

    while (plan->phase[phase][n])
        n++;
    return n;
}

static void plans_hold_what_matters(void **state)
{
    struct pn_generation *g = fake_load_good(
        *state, LOAD
        "<Directory /a>\nPaint On\n</Directory>\n<Directory /b>\nPaintLayers 2\n</Directory>\n");
    struct pn_server   *s = g->servers;
    struct pn_conf_vec *a = pn_conf_merge(s, s->dir_conf, fake_section(s, 0), *state);
    struct pn_conf_vec *b = pn_conf_merge(s, s->dir_conf, fake_section(s, 1), *state);

    for (int phase = 0; phase < PN_PHASE__COUNT; phase++)
        assert_non_null(s->plan->phase[phase]);
    assert_int_equal(count(s->plan, PN_PHASE_FIXUPS), 0);
    assert_int_equal(count(s->plan, PN_PHASE_HANDLER), 1);
    assert_int_equal(count(a->plan, PN_PHASE_FIXUPS), 1);
    assert_int_equal(count(a->plan, PN_PHASE_HANDLER), 1);
    /* the log phase is judged by the server's settings */
    assert_int_equal(count(a->plan, PN_PHASE_LOG_TRANSACTION), 0);
    assert_int_equal(count(a->plan, PN_PHASE_TRANSLATE_NAME), 0);
    /* equal plans are one object */
    assert_ptr_equal(b->plan, s->plan);
    assert_ptr_equal(s->dir_conf->plan, s->plan);
    assert_ptr_not_equal(a->plan, s->plan);
    assert_int_equal(pn_plan_count(g->core->plans), 2);
    pn_generation_unref(g);
}

static void servers_have_their_own_plans(void **state)
{
    struct pn_generation *g = fake_load_good(
        *state, LOAD "<VirtualHost a>\nPaintEngine On\n</VirtualHost>\n"
                     "<VirtualHost b>\nPaint On\n</VirtualHost>\n<VirtualHost c>\n</VirtualHost>\n"
                     "<Directory /a>\nPaint Off\n</Directory>\n");
    struct pn_server   *main_server = g->servers, *a = main_server->next, *b = a->next;
    struct pn_conf_vec *under_a =
        pn_conf_merge(a, a->dir_conf, fake_section(main_server, 0), *state);
    struct pn_conf_vec *under_b =
        pn_conf_merge(b, b->dir_conf, fake_section(main_server, 0), *state);

    assert_int_equal(count(main_server->plan, PN_PHASE_TRANSLATE_NAME), 0);
    assert_int_equal(count(a->plan, PN_PHASE_TRANSLATE_NAME), 1);
    assert_int_equal(count(under_a->plan, PN_PHASE_TRANSLATE_NAME), 1);
    assert_int_equal(count(b->plan, PN_PHASE_LOG_TRANSACTION), 1);
    assert_int_equal(count(under_b->plan, PN_PHASE_LOG_TRANSACTION), 1);
    assert_int_equal(count(under_b->plan, PN_PHASE_FIXUPS), 0);
    assert_ptr_equal(b->next->plan, main_server->plan);
    pn_generation_unref(g);
}

/* ---- order ---- */

static enum pn_verdict hook(struct pn_request *r)
{
    return PN_NEXT;
}

/* What the modules of one case say, by their order of loading. */
static struct pn_order said[4];

static void hooks_0(struct pn_hooks *h)
{
    pn_hook(h, PN_PHASE_FIXUPS, hook, said[0]);
}
static void hooks_1(struct pn_hooks *h)
{
    pn_hook(h, PN_PHASE_FIXUPS, hook, said[1]);
}
static void hooks_2(struct pn_hooks *h)
{
    pn_hook(h, PN_PHASE_FIXUPS, hook, said[2]);
}
static void hooks_3(struct pn_hooks *h)
{
    pn_hook(h, PN_PHASE_FIXUPS, hook, said[3]);
}

static struct pn_module letters[4] = {
    { .name = "a.c", .apache_id = "a", .hooks = hooks_0 },
    { .name = "b.c", .apache_id = "b", .hooks = hooks_1 },
    { .name = "c.c", .apache_id = "c", .hooks = hooks_2 },
    { .name = "d.c", .apache_id = "d", .hooks = hooks_3 },
};

static const struct {
    struct pn_order say[4];
    const char     *want;
} orders[] = {
    { { { 0 } }, "abcd" },
    { { { .pos = PN_ORDER_LAST }, { 0 }, { .pos = PN_ORDER_FIRST }, { 0 } }, "cbda" },
    { { { .pos = PN_ORDER_REALLY_LAST },
        { .pos = PN_ORDER_LAST },
        { .pos = PN_ORDER_FIRST },
        { .pos = PN_ORDER_REALLY_FIRST } },
      "dcba" },
    { { { .after = "c.c" }, { 0 }, { 0 }, { 0 } }, "bcad" },
    { { { 0 }, { 0 }, { 0 }, { .before = "a.c" } }, "bcda" },
    { { { .after = "b.c, d.c" }, { 0 }, { 0 }, { 0 } }, "bcda" },
    { { { .after = "gone.c" }, { 0 }, { 0 }, { .before = "gone.c,b.c" } }, "acdb" },
    /* what a hook says about a neighbour goes before position classes */
    { { { .after = "d.c", .pos = PN_ORDER_FIRST }, { 0 }, { 0 }, { 0 } }, "bcda" },
    { { { .after = "a.c" }, { .after = "a.c,c.c" }, { .after = "d.c" }, { 0 } }, "adcb" },
};

static void hooks_are_sorted(void **state)
{
    struct pn_module *modules[4] = { &letters[0], &letters[1], &letters[2], &letters[3] };

    for (size_t i = 0; i < PN_COUNT(orders); i++) {
        struct pn_hook_list list;
        char                got[5] = "";

        memcpy(said, orders[i].say, sizeof(said));
        list = pn_hooks_phase(pn_hooks_new(*state, modules, 4), PN_PHASE_FIXUPS);
        assert_int_equal(list.n, 4);
        for (unsigned j = 0; j < 4; j++)
            got[j] = list.v[j].module->name[0];
        assert_string_equal(got, orders[i].want);
    }
}

static void providers_and_filters_are_found(void **state)
{
    struct pn_generation *g = fake_load_good(*state, LOAD);
    struct pn_generation *without = fake_load_good(*state, "");
    apr_array_header_t   *names = pn_provider_names(g, *state, "paint");

    assert_string_equal(pn_provider(g, "paint", PN_STR("oil")), "oil");
    assert_string_equal(pn_provider(g, "brush", pn_str_n("flatter", 4)), "water");
    assert_null(pn_provider(g, "paint", PN_STR("flat")));
    assert_null(pn_provider(g, "paint", PN_STR("")));
    assert_null(pn_provider(g, "none", PN_STR("oil")));
    assert_null(pn_provider(without, "paint", PN_STR("oil")));
    assert_int_equal(names->nelts, 2);
    assert_string_equal(APR_ARRAY_IDX(names, 0, const char *), "acrylic");
    assert_int_equal(pn_provider_names(without, *state, "paint")->nelts, 0);
    assert_string_equal(pn_find_output_filter(g, PN_STR("Paint"))->name, "PAINT");
    assert_string_equal(pn_find_input_filter(g, PN_STR("strip"))->name, "STRIP");
    assert_null(pn_find_output_filter(g, PN_STR("STRIP")));
    assert_null(pn_find_output_filter(without, PN_STR("PAINT")));
    pn_generation_unref(g);
    pn_generation_unref(without);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(plans_hold_what_matters, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(servers_have_their_own_plans, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(hooks_are_sorted, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(providers_and_filters_are_found, fake_setup, fake_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
