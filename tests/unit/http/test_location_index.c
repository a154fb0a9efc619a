/* test_location_index.c - the index finds what a look at each section finds, in the same order
   (src/http/location_index.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <apr_general.h>
#include <cmocka.h>

#include "http/location_index.h"

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

static void add(apr_pool_t *pool, apr_array_header_t *locations, pn_str pattern, bool glob)
{
    struct pn_section *section = apr_pcalloc(pool, sizeof(*section));

    section->kind = PN_SECTION_LOCATION;
    section->pattern = pattern;
    section->glob = glob;
    *(const struct pn_section **)apr_array_push(locations) = section;
}

/* The manual's rule: itself and what lies below; with a slash at its end, what begins with it. */
static bool applies(pn_str pattern, pn_str path)
{
    if (!pn_str_starts(path, pattern))
        return false;
    return path.n == pattern.n || pattern.n == 0 || pattern.p[pattern.n - 1] == '/' || path.p[pattern.n] == '/';
}

static void check(apr_pool_t *pool, const apr_array_header_t *locations, pn_str path)
{
    const struct pn_location_index *index = pn_location_index_new(pool, locations);
    const uint32_t                 *found;
    unsigned                        n = pn_location_index_find(index, pool, path, &found), at = 0;

    for (int i = 0; i < locations->nelts; i++) {
        const struct pn_section *section = APR_ARRAY_IDX(locations, i, const struct pn_section *);
        if (!section->glob && !applies(section->pattern, path))
            continue;
        if (at >= n || found[at] != (uint32_t)i)
            fail_msg("%.*s: section %d (%s) is missing", PN_FMT(path), i, section->pattern.p);
        at++;
    }
    if (at != n)
        fail_msg("%.*s: %u sections too many", PN_FMT(path), n - at);
}

static void same_as_a_look_at_each(void **state)
{
    static const char *const patterns[] = { "/", "/a", "/a/", "/a/b", "/a/b/", "/ab", "", "/a", "/b/c/d", "/b/c/d/e", "/*.txt",
                                            "/b", "/a/b/c", "/z?", "/b/c/", "/a//b", "/" };
    static const char *const paths[] = { "/",      "/a",       "/a/",  "/a/b",    "/a/b/", "/a/b/c", "/a/bc", "/ab", "/abc",
                                         "/b/c/d", "/b/c/d/e", "/b/c", "/x.txt",  "/z1",   "/q",     "//",    "/a//b", "/b/c/d/e/f/g/h" };
    apr_array_header_t *locations = apr_array_make(*state, 20, sizeof(struct pn_section *));

    for (size_t i = 0; i < PN_COUNT(patterns); i++)
        add(*state, locations, pn_str_z(patterns[i]), pn_str_chr(pn_str_z(patterns[i]), '*', 0) != SIZE_MAX ||
                                                          pn_str_chr(pn_str_z(patterns[i]), '?', 0) != SIZE_MAX);
    for (size_t i = 0; i < PN_COUNT(paths); i++)
        check(*state, locations, pn_str_z(paths[i]));
}

static void thousands(void **state)
{
    apr_array_header_t *locations = apr_array_make(*state, 4000, sizeof(struct pn_section *));

    for (int i = 0; i < 4000; i++)
        add(*state, locations, pn_str_printf(*state, "/p%d/%s", i % 1500, i % 7 ? "" : "deep"), i % 1000 == 999);
    for (int i = 0; i < 1600; i += 97) {
        check(*state, locations, pn_str_printf(*state, "/p%d/deep/x", i));
        check(*state, locations, pn_str_printf(*state, "/p%d", i));
    }
}

static void few_need_none(void **state)
{
    apr_array_header_t *locations = apr_array_make(*state, 4, sizeof(struct pn_section *));

    assert_null(pn_location_index_new(*state, NULL));
    for (int i = 0; i < 100; i++)
        add(*state, locations, PN_STR("/x*"), true);
    assert_null(pn_location_index_new(*state, locations));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(same_as_a_look_at_each, setup, teardown),
        cmocka_unit_test_setup_teardown(thousands, setup, teardown),
        cmocka_unit_test_setup_teardown(few_need_none, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
