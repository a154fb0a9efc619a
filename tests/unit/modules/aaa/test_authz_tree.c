/* test_authz_tree.c - answers of Require lines combined, and what is known of a tree before there is a request
   (src/modules/aaa/authz_tree.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <apr_general.h>
#include <cmocka.h>

#include "../../../../src/modules/aaa/authz_core.h"

#define D PN_AUTHZ_DENIED
#define G PN_AUTHZ_GRANTED
#define N PN_AUTHZ_NEUTRAL
#define U PN_AUTHZ_DENIED_NO_USER
#define E PN_AUTHZ_ERROR

static int setup(void **state)
{
    apr_initialize();
    return apr_pool_create((apr_pool_t **)state, NULL);
}

static int teardown(void **state)
{
    apr_pool_destroy(*state);
    apr_terminate();
    return 0;
}

static void sections(void **state)
{
    static const struct {
        enum pn_authz first, second, all, any;
    } cases[] = {
        { G, G, G, G }, { G, D, D, G }, { D, G, D, G }, { D, D, D, D }, { N, G, G, G }, { N, D, D, D }, { N, N, N, N },
        { G, U, U, G }, { U, G, U, G }, { U, D, D, U }, { D, U, D, U }, { E, G, E, E }, { G, E, E, G }, { D, E, D, E },
    };

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        enum pn_authz all = N, any = N;
        if (!authz_combine(AUTHZ_ALL, &all, cases[i].first))
            authz_combine(AUTHZ_ALL, &all, cases[i].second);
        if (!authz_combine(AUTHZ_ANY, &any, cases[i].first))
            authz_combine(AUTHZ_ANY, &any, cases[i].second);
        if (all != cases[i].all || any != cases[i].any)
            fail_msg("case %zu: all gives %d, any %d", i, all, any);
    }
}

static void negated(void **state)
{
    assert_int_equal(authz_negate(G), D);
    assert_int_equal(authz_negate(D), N);
    assert_int_equal(authz_negate(U), N);
    assert_int_equal(authz_negate(N), N);
    assert_int_equal(authz_negate(E), E);
}

static struct authz_node *line(apr_pool_t *pool, bool known, enum pn_authz result, uint64_t methods)
{
    struct authz_node *node = apr_pcalloc(pool, sizeof(*node));

    node->kind = AUTHZ_LINE;
    node->methods = methods;
    node->ahead = (struct authz_foreknown){ .known = known, .result = result };
    return node;
}

/* A hook is left out where a tree always grants: it must never say so too early. */
static void foreknowledge(void **state)
{
    apr_pool_t        *pool = *state;
    struct authz_node *any = authz_section_new(pool, AUTHZ_ANY), *all = authz_section_new(pool, AUTHZ_ALL);
    struct authz_node *limited = authz_section_new(pool, AUTHZ_ANY), *asked = authz_section_new(pool, AUTHZ_ANY);

    assert_false(authz_always_grants(any)); /* empty */
    authz_section_push(pool, any, line(pool, true, G, UINT64_MAX));
    assert_true(authz_always_grants(any));
    authz_section_push(pool, any, line(pool, false, N, UINT64_MAX));
    assert_true(authz_always_grants(any)); /* granted is granted */
    authz_section_push(pool, all, line(pool, true, G, UINT64_MAX));
    authz_section_push(pool, all, line(pool, false, N, UINT64_MAX));
    assert_false(authz_always_grants(all));
    authz_section_push(pool, limited, line(pool, true, G, 1));
    assert_false(authz_always_grants(limited));
    authz_section_push(pool, asked, line(pool, false, N, UINT64_MAX));
    authz_section_push(pool, asked, line(pool, true, G, UINT64_MAX));
    assert_false(authz_always_grants(asked)); /* the first line may be an error */
    assert_true(authz_always_grants(authz_both(pool, AUTHZ_ALL, any, any)));
    assert_false(authz_always_grants(authz_both(pool, AUTHZ_ALL, any, all)));
    assert_true(authz_always_grants(authz_both(pool, AUTHZ_ANY, any, all)));
}

static void a_negated_tree_never_grants(void **state)
{
    struct authz_node *none = authz_section_new(*state, AUTHZ_ANY);

    none->negated = true;
    authz_section_push(*state, none, line(*state, true, G, UINT64_MAX));
    assert_false(authz_always_grants(none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections),
        cmocka_unit_test(negated),
        cmocka_unit_test_setup_teardown(foreknowledge, setup, teardown),
        cmocka_unit_test_setup_teardown(a_negated_tree_never_grants, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
