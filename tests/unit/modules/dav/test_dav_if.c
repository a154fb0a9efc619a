/* test_dav_if.c - src/modules/dav/dav_if.c: the If field of RFC 4918 s10.4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "modules/dav/dav_if.h"

static apr_pool_t *pool;

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
/* A list as text, for comparing. */
static const char *shown(const apr_array_header_t *lists)
{
    const char *out = "";

    for (int i = 0; i < lists->nelts; i++) {
        const struct dav_if_list *list = &APR_ARRAY_IDX(lists, i, struct dav_if_list);
        out = apr_psprintf(pool, "%s%.*s(", out, list->tag.p ? (int)list->tag.n : 1, list->tag.p ? list->tag.p : "-");
        for (int j = 0; j < list->conditions->nelts; j++) {
            const struct dav_if_condition *c = &APR_ARRAY_IDX(list->conditions, j, struct dav_if_condition);
            out = apr_psprintf(pool, "%s %s%s%.*s", out, c->negated ? "not " : "", c->is_etag ? "etag " : "", PN_FMT(c->value));
        }
        out = apr_pstrcat(pool, out, " )", NULL);
    }
    return out;
}

static const struct { const char *in, *out; } good[] = {
    { "(<a:b>)", "-( a:b )" },
    { "  ( <a:b> [\"x\"] ) (Not <DAV:no-lock> [W/\"y\"])", "-( a:b etag \"x\" )-( not DAV:no-lock etag W/\"y\" )" },
    { "</r1> (<a>) (<b>) <http://h/r2>([\"])>\"])", "/r1( a )/r1( b )http://h/r2( etag \"])>\" )" },
    { "(not<a>)", "-( not a )" },
};

static const char *const bad[] = {
    "", " ", "(", "()", ")", "x", "(<a>", "(<>)", "(<a>) x", "<r>", "<r> <s> (<a>)", "(<a>) <r> (<b>)", "([a])", "([\"a\")", "([\"a)", "(Not)",
    "(<a>) <r>", "(<a", "[\"a\"]",
};

static void test_good_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < PN_COUNT(good); i++) {
        apr_array_header_t *lists;
        assert_int_equal(dav_if_parse(pool, pn_str_z(good[i].in), &lists), PN_OK);
        assert_string_equal(shown(lists), good[i].out);
    }
}

static void test_bad_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < PN_COUNT(bad); i++) {
        apr_array_header_t *lists;
        if (dav_if_parse(pool, pn_str_z(bad[i]), &lists) != PN_BAD)
            fail_msg("'%s' is taken", bad[i]);
    }
}

static void test_limits(void **state)
{
    const char         *many = "(", *tags = "";
    apr_array_header_t *lists;

    (void)state;
    for (int i = 0; i <= DAV_IF_CONDITIONS_MAX; i++)
        many = apr_pstrcat(pool, many, "<a>", NULL);
    assert_int_equal(dav_if_parse(pool, pn_str_z(apr_pstrcat(pool, many, ")", NULL)), &lists), PN_LIMIT);
    for (int i = 0; i <= DAV_IF_TAGS_MAX; i++)
        tags = apr_pstrcat(pool, tags, "<r>(<a>)", NULL);
    assert_int_equal(dav_if_parse(pool, pn_str_z(tags), &lists), PN_LIMIT);
}

static bool is_held(pn_str token, void *arg)
{
    (void)arg;
    return pn_str_eq(token, PN_STR("held"));
}

static const struct { const char *in, *etag; bool holds; } states[] = {
    { "(<held>)", "", true },          { "(<other>)", "", false },         { "(Not <other>)", "", true },
    { "(<held> [\"x\"])", "\"x\"", true }, { "(<held> [\"x\"])", "\"y\"", false }, { "([W/\"x\"])", "\"x\"", true },
    { "([\"x\"])", "", false },         { "(Not [\"x\"])", "", true },       { "(<held> Not <held>)", "", false },
};

static void test_whether_a_list_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < PN_COUNT(states); i++) {
        apr_array_header_t *lists;
        assert_int_equal(dav_if_parse(pool, pn_str_z(states[i].in), &lists), PN_OK);
        if (dav_if_holds(&APR_ARRAY_IDX(lists, 0, struct dav_if_list), pn_str_z(states[i].etag), is_held, NULL) != states[i].holds)
            fail_msg("%s with %s", states[i].in, states[i].etag);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_fields), cmocka_unit_test(test_bad_fields), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_whether_a_list_holds),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
