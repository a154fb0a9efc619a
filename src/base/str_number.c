/* str_number.c - numbers read from bytes, with every overflow reported. */
#include <pinion/str.h>

#include "base/ascii.h"

pn_rc pn_str_to_u64(pn_str s, uint64_t max, uint64_t *ret_value)
{
    uint64_t value = 0;
    bool     over = false;

    if (s.n == 0)
        return PN_BAD;
    for (size_t i = 0; i < s.n; i++) {
        if (!pn_ascii_digit(s.p[i]))
            return PN_BAD;
        over |= __builtin_mul_overflow(value, 10u, &value);
        over |= __builtin_add_overflow(value, (uint64_t)(s.p[i] - '0'), &value);
    }
    if (over || value > max)
        return PN_LIMIT;
    *ret_value = value;
    return PN_OK;
}

pn_rc pn_str_to_i64(pn_str s, int64_t min, int64_t max, int64_t *ret_value)
{
    bool     negative = s.n && s.p[0] == '-';
    uint64_t magnitude;
    pn_rc    rc;

    if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
        s = pn_str_from(s, 1);
    rc = pn_str_to_u64(s, (uint64_t)INT64_MAX + (negative ? 1 : 0), &magnitude);
    if (rc != PN_OK)
        return rc;
    int64_t value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    if (value < min || value > max)
        return PN_LIMIT;
    *ret_value = value;
    return PN_OK;
}
