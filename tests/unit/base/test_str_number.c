/* test_str_number.c - src/base/str_number.c. */
#include "support.h"

static const struct { const char *in; uint64_t max; pn_rc rc; uint64_t value; } unsigned_cases[] = {
    { "0", 10, PN_OK, 0 },
    { "0010", 10, PN_OK, 10 },
    { "11", 10, PN_LIMIT, 0 },
    { "18446744073709551615", UINT64_MAX, PN_OK, UINT64_MAX },
    { "18446744073709551616", UINT64_MAX, PN_LIMIT, 0 },
    { "99999999999999999999999", UINT64_MAX, PN_LIMIT, 0 },
    { "", 10, PN_BAD, 0 },
    { "+1", 10, PN_BAD, 0 },
    { "-1", 10, PN_BAD, 0 },
    { "1 ", 10, PN_BAD, 0 },
    { "0x1", 10, PN_BAD, 0 },
    { "99999999999999999999999x", 10, PN_BAD, 0 },
};

static void unsigned_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < PN_COUNT(unsigned_cases); i++) {
        uint64_t got = 0;
        pn_rc    rc = pn_str_to_u64(pn_str_z(unsigned_cases[i].in), unsigned_cases[i].max, &got);
        if (rc != unsigned_cases[i].rc || got != unsigned_cases[i].value)
            fail_msg("'%s': %s %llu", unsigned_cases[i].in, pn_rc_name(rc), (unsigned long long)got);
    }
}

static const struct { const char *in; pn_rc rc; int64_t value; } signed_cases[] = {
    { "-9223372036854775808", PN_OK, INT64_MIN },
    { "9223372036854775807", PN_OK, INT64_MAX },
    { "+5", PN_OK, 5 },
    { "9223372036854775808", PN_LIMIT, 0 },
    { "-9223372036854775809", PN_LIMIT, 0 },
    { "--1", PN_BAD, 0 },
    { "-", PN_BAD, 0 },
};

static void signed_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < PN_COUNT(signed_cases); i++) {
        int64_t got = 0;
        pn_rc   rc = pn_str_to_i64(pn_str_z(signed_cases[i].in), INT64_MIN, INT64_MAX, &got);
        if (rc != signed_cases[i].rc || got != signed_cases[i].value)
            fail_msg("'%s': %s %lld", signed_cases[i].in, pn_rc_name(rc), (long long)got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(unsigned_numbers), cmocka_unit_test(signed_numbers) };

    return cmocka_run_group_tests_name("base/str_number", tests, NULL, NULL);
}
