/* test_range.c - src/proto/range.c. */
#include "support.h"

#include "proto/range.h"

static const struct {
    const char *in;
    uint64_t    total;
    pn_rc       rc;
    const char *out;
    unsigned    overlaps, reversals;
} cases[] = {
    { "bytes=0-0", 10, PN_OK, "0-0", 0, 0 },
    { "Bytes=0-1", 10, PN_OK, "0-1", 0, 0 },
    { " bytes=0-1 ", 10, PN_OK, "0-1", 0, 0 },
    { "bytes=0-", 10, PN_OK, "0-9", 0, 0 },
    { "bytes=-3", 10, PN_OK, "7-9", 0, 0 },
    { "bytes=-30", 10, PN_OK, "0-9", 0, 0 },
    { "bytes=-99999999999999999999", 10, PN_OK, "0-9", 0, 0 },
    { "bytes=9-20", 10, PN_OK, "9-9", 0, 0 }, /* last-pos is clamped */
    { "bytes=0-99999999999999999999", 10, PN_OK, "0-9", 0, 0 },
    { "bytes=0-18446744073709551615", UINT64_MAX, PN_OK, "0-18446744073709551614", 0, 0 },
    { "bytes=0-1,3-4", 10, PN_OK, "0-1,3-4", 0, 0 },
    { "bytes= 0-1 ,, 3-4,", 10, PN_OK, "0-1,3-4", 0, 0 },
    { "bytes=5-6,0-1", 10, PN_OK, "5-6,0-1", 0, 0 },
    { "bytes=0-1,20-", 10, PN_OK, "0-1", 0, 0 },
    { "bytes=20-,0-1", 10, PN_OK, "0-1", 0, 0 },
    /* joined, as Apache 2.4 joins and counts them */
    { "bytes=0-1,1-2", 10, PN_OK, "0-2", 1, 0 },
    { "bytes=0-1,2-3", 10, PN_OK, "0-3", 1, 0 },
    { "bytes=0-5,2-3", 10, PN_OK, "0-5", 1, 0 },
    { "bytes=2-3,0-5", 10, PN_OK, "0-5", 1, 1 },
    { "bytes=5-6,3-4", 10, PN_OK, "3-6", 1, 1 },
    { "bytes=9-9,8-8,7-7", 10, PN_OK, "7-9", 2, 2 },
    { "bytes=9-9,7-7,5-5", 10, PN_OK, "9-9,7-7,5-5", 0, 0 },
    { "bytes=0-1,4-5,2-3", 10, PN_OK, "0-1,2-5", 1, 1 },
    { "bytes=0-1,20-,0-1", 10, PN_OK, "0-1", 1, 0 },
    { "bytes=10-", 10, PN_UNSATISFIABLE, "", 0, 0 },
    { "bytes=10-,11-", 10, PN_UNSATISFIABLE, "", 0, 0 },
    { "bytes=99999999999999999999-", 10, PN_UNSATISFIABLE, "", 0, 0 },
    { "bytes=-0", 10, PN_UNSATISFIABLE, "", 0, 0 },
    { "bytes=0-", 0, PN_UNSATISFIABLE, "", 0, 0 },
    { "bytes=-1", 0, PN_DECLINED, "", 0, 0 },
    { "bytes=5-2", 10, PN_DECLINED, "", 0, 0 },
    { "bytes=0-1,5-2", 10, PN_DECLINED, "", 0, 0 },
    { "bytes=", 10, PN_DECLINED, "", 0, 0 },
    { "bytes=,", 10, PN_DECLINED, "", 0, 0 },
    { "bytes=-", 10, PN_DECLINED, "", 0, 0 },
    { "bytes=1", 10, PN_DECLINED, "", 0, 0 },
    { "bytes=a-b", 10, PN_DECLINED, "", 0, 0 },
    { "bytes=--1", 10, PN_DECLINED, "", 0, 0 },
    { "bytes=+1-2", 10, PN_DECLINED, "", 0, 0 },
    { "bytes=0 -1", 10, PN_DECLINED, "", 0, 0 },
    { "bytes=0- 1", 10, PN_DECLINED, "", 0, 0 },
    { "bytes=0-1;", 10, PN_DECLINED, "", 0, 0 },
    { "bytes =0-1", 10, PN_DECLINED, "", 0, 0 },
    { "lines=0-1", 10, PN_DECLINED, "", 0, 0 },
    { "bytes", 10, PN_DECLINED, "", 0, 0 },
    { "", 10, PN_DECLINED, "", 0, 0 },
};

static pn_str dump(const struct pn_range_set *set)
{
    struct pn_buf buf;

    pn_buf_init(&buf, pool, 1000);
    for (unsigned i = 0; i < set->n; i++)
        pn_buf_printf(&buf, "%s%llu-%llu", i ? "," : "", (unsigned long long)set->v[i].first,
                      (unsigned long long)set->v[i].last);
    return pn_buf_view(&buf);
}

static void ranges_are_parsed(void **state)
{
    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        struct pn_range_set set = { 0 };
        pn_str              what = pn_str_z(cases[i].in);
        char               *copy = tight_copy(what);
        pn_str              in = { copy, what.n };

        check_rc(what, pn_range_parse(pool, in, cases[i].total, 8, &set), cases[i].rc);
        check_z(what, dump(&set), cases[i].out);
        check_u64(what, set.overlaps, cases[i].overlaps);
        check_u64(what, set.reversals, cases[i].reversals);
        free(copy);
    }
}

static void too_many_ranges_are_refused(void **state)
{
    struct pn_range_set set;
    pn_str              three = PN_STR("bytes=0-0,2-2,4-4");

    check_rc(three, pn_range_parse(pool, three, 10, 3, &set), PN_OK);
    check_u64(three, set.n, 3);
    check_rc(three, pn_range_parse(pool, three, 10, 2, &set), PN_LIMIT);
    check_rc(three, pn_range_parse(pool, three, 10, 1, &set), PN_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(ranges_are_parsed),
        POOL_TEST(too_many_ranges_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
