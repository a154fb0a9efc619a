/* test_read_limits.c - how long a client may take, by what it has sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <pinion/read_limits.h>

#define S PN_USEC_PER_SEC

static const struct { struct pn_read_limit limit; uint64_t bytes; pn_usec time; } cases[] = {
    { { 0 }, 0, PN_NEVER },
    { { .max = 5 * S, .min_rate = 1 }, 100, PN_NEVER },          /* no timeout: no limit at all */
    { { .timeout = 20 * S }, 1 << 20, 20 * S },                  /* bytes extend nothing */
    { { .timeout = 20 * S, .min_rate = 500 }, 0, 20 * S },
    { { .timeout = 20 * S, .min_rate = 500 }, 499, 20 * S + 998000 },
    { { .timeout = 20 * S, .min_rate = 500 }, 500, 21 * S },
    { { .timeout = 20 * S, .max = 40 * S, .min_rate = 500 }, 10000, 40 * S },
    { { .timeout = 20 * S, .max = 40 * S, .min_rate = 500 }, 10001, 40 * S },
    { { .timeout = 20 * S, .max = 40 * S, .min_rate = 500 }, UINT64_MAX, 40 * S },
    { { .timeout = 20 * S, .min_rate = 1 }, UINT64_MAX, PN_NEVER }, /* no overflow */
    { { .timeout = 20 * S, .min_rate = INT64_MAX }, UINT64_MAX, 22 * S },
};

static void test_times(void **state)
{
    (void)state;
    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        pn_usec got = pn_read_limit_time(&cases[i].limit, cases[i].bytes);
        if (got != cases[i].time)
            print_error("case %zu: %" PRId64 ", expected %" PRId64 "\n", i, (int64_t)got, (int64_t)cases[i].time);
        assert_true(got == cases[i].time);
    }
}

/* More bytes never give less time. */
static void test_never_less(void **state)
{
    const struct pn_read_limit limit = { .timeout = S, .max = 30 * S, .min_rate = 7 };
    pn_usec                    before = 0;

    (void)state;
    for (uint64_t bytes = 0; bytes < 1000; bytes++) {
        pn_usec now = pn_read_limit_time(&limit, bytes);
        assert_true(now >= before && now <= limit.max);
        before = now;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_times), cmocka_unit_test(test_never_less) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
