/* test_spare.c - src/proc/spare.c. */
#include "proc_test.h"

#include "proc/spare.h"

static struct pn_mpm_conf prefork(void)
{
    return (struct pn_mpm_conf){ .model = PN_MPM_PREFORK, .start_servers = 5, .min_spare_servers = 5,
                                 .max_spare_servers = 10, .threads_per_child = 1, .max_request_workers = 100 };
}

static struct pn_mpm_conf threaded(enum pn_mpm_model model)
{
    return (struct pn_mpm_conf){ .model = model, .start_servers = 4, .keep_children = 4, .threads_per_child = 25,
                                 .min_spare_threads = 50, .max_spare_threads = 125, .max_request_workers = 400 };
}

/* The rate doubles up to 32 a second while there are too few spares, and begins anew afterwards. */
static void rate_doubles(void **state)
{
    static const unsigned expected[] = { 1, 2, 4, 8, 16, 32, 32 };
    struct pn_mpm_conf    conf = prefork();
    unsigned              rate = 1;

    conf.max_request_workers = 1000;
    for (size_t i = 0; i < PN_COUNT(expected); i++) {
        struct pn_spare_plan plan = pn__spare_look(&conf, (struct pn_spare_view){ .total = 50, .idle = 2 }, &rate);

        assert_int_equal(plan.start, expected[i]);
        assert_int_equal(plan.busy, expected[i] >= 8);
    }
    pn__spare_look(&conf, (struct pn_spare_view){ .total = 50, .idle = 7 }, &rate);
    assert_int_equal(rate, 1);
}

static void looks(void **state)
{
    static const struct {
        unsigned total, idle, start;
        bool     end_one, at_limit;
    } cases[] = {
        { 10, 5, 0, false, false },   { 10, 10, 0, false, false }, { 11, 11, 0, true, false },
        { 100, 0, 0, false, true },   { 100, 3, 0, false, false }, /* few spares, but nobody waits */
        { 120, 0, 0, false, true },   { 99, 0, 1, false, false },
    };
    struct pn_mpm_conf conf = prefork();

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        unsigned             rate = 4;
        struct pn_spare_view view = { .total = cases[i].total, .idle = cases[i].idle };
        struct pn_spare_plan plan = pn__spare_look(&conf, view, &rate);

        assert_int_equal(plan.start, cases[i].start);
        assert_int_equal(plan.end_one, cases[i].end_one);
        assert_int_equal(plan.at_limit, cases[i].at_limit);
    }
}

/* As many as there are, so that a burst is met in a few steps. */
static void burst_doubles_the_children(void **state)
{
    struct pn_mpm_conf conf = prefork();

    assert_int_equal(pn__spare_burst(&conf, (struct pn_spare_view){ .total = 5 }).start, 5);
    assert_int_equal(pn__spare_burst(&conf, (struct pn_spare_view){ .total = 60 }).start, 32);
    assert_int_equal(pn__spare_burst(&conf, (struct pn_spare_view){ .total = 90 }).start, 10);
    assert_true(pn__spare_burst(&conf, (struct pn_spare_view){ .total = 100 }).at_limit);
    assert_int_equal(pn__spare_burst(&conf, (struct pn_spare_view){ .total = 5, .idle = 1 }).start, 0);
}

static void event_keeps_its_number(void **state)
{
    struct pn_mpm_conf conf = threaded(PN_MPM_EVENT);
    unsigned           rate = 1;

    assert_int_equal(pn__spare_look(&conf, (struct pn_spare_view){ .total = 3, .idle = 75 }, &rate).start, 1);
    assert_int_equal(pn__spare_look(&conf, (struct pn_spare_view){ .total = 4, .idle = 100 }, &rate).start, 0);
    assert_false(pn__spare_look(&conf, (struct pn_spare_view){ .total = 4, .idle = 130 }, &rate).end_one);
    assert_int_equal(pn__spare_burst(&conf, (struct pn_spare_view){ .total = 4, .idle = 1 }).start, 0);
}

/* What is counted are threads without work, what is started and ended are children. */
static void threads_are_counted(void **state)
{
    static const enum pn_mpm_model models[] = { PN_MPM_EVENT, PN_MPM_WORKER };

    for (size_t i = 0; i < PN_COUNT(models); i++) {
        struct pn_mpm_conf conf = threaded(models[i]);
        unsigned           rate = 1;

        assert_int_equal(pn__spare_look(&conf, (struct pn_spare_view){ .total = 5, .idle = 49 }, &rate).start, 1);
        assert_int_equal(pn__spare_look(&conf, (struct pn_spare_view){ .total = 6, .idle = 30 }, &rate).start, 2);
        assert_int_equal(pn__spare_look(&conf, (struct pn_spare_view){ .total = 8, .idle = 60 }, &rate).start, 0);
        assert_true(pn__spare_look(&conf, (struct pn_spare_view){ .total = 8, .idle = 126 }, &rate).end_one);
        assert_true(pn__spare_look(&conf, (struct pn_spare_view){ .total = 16 }, &rate).at_limit);
        assert_int_equal(pn__spare_burst(&conf, (struct pn_spare_view){ .total = 5 }).start, 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rate_doubles),
        cmocka_unit_test(looks),
        cmocka_unit_test(burst_doubles_the_children),
        cmocka_unit_test(event_keeps_its_number),
        cmocka_unit_test(threads_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
