/* test_method.c - src/proto/method.c. */
#include "support.h"

#include <pinion/method.h>

static void every_method_is_found_by_its_name(void **state)
{
    for (unsigned id = 1; id < PN_METHOD__COUNT; id++) {
        pn_str name = pn_method_name((enum pn_method)id);
        check_u64(name, pn_method_id(name), id);
        check_u64(name, pn_method_known(pn_str_lower(pool, name)), false);
        check_u64(name, pn_method_known(pn_str_head(name, name.n - 1)), false);
        if (pn_method_is_safe((enum pn_method)id))
            check_u64(name, pn_method_is_idempotent((enum pn_method)id),
                      true); /* RFC 9110 s9.2.2 */
    }
}

static void other_names_are_other(void **state)
{
    check_u64(PN_STR(""), pn_method_id(PN_STR("")), PN_METHOD_OTHER);
    check_u64(PN_STR("BREW"), pn_method_id(PN_STR("BREW")), PN_METHOD_OTHER);
    check_u64(PN_STR("GETGETGETGETGETGETGET"), pn_method_id(PN_STR("GETGETGETGETGETGETGET")),
              PN_METHOD_OTHER);
    check_z(PN_STR("name"), pn_method_name(PN_METHOD_OTHER), "");
    assert_false(pn_method_is_safe(PN_METHOD_OTHER));
    assert_false(pn_method_is_idempotent(PN_METHOD_OTHER));
}

static void properties_are_those_of_rfc_9110(void **state)
{
    static const struct {
        enum pn_method method;
        bool           safe, idempotent;
    } cases[] = {
        { PN_METHOD_GET, true, true },     { PN_METHOD_HEAD, true, true },
        { PN_METHOD_POST, false, false },  { PN_METHOD_PUT, false, true },
        { PN_METHOD_DELETE, false, true }, { PN_METHOD_CONNECT, false, false },
        { PN_METHOD_OPTIONS, true, true }, { PN_METHOD_TRACE, true, true },
        { PN_METHOD_PATCH, false, false }, { PN_METHOD_PROPFIND, true, true },
        { PN_METHOD_LOCK, false, false },
    };

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        pn_str name = pn_method_name(cases[i].method);
        check_u64(name, pn_method_is_safe(cases[i].method), cases[i].safe);
        check_u64(name, pn_method_is_idempotent(cases[i].method), cases[i].idempotent);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(every_method_is_found_by_its_name),
        POOL_TEST(other_names_are_other),
        POOL_TEST(properties_are_those_of_rfc_9110),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
