/* range.c - the Range field against a representation of known length (range.h, RFC 9110 s14.1,
 * s14.2). */
#include "proto/range.h"

#include <pinion/headers.h>

/* Decimal digits; what is over 64 bits counts as the largest number: it lies past every end
 * (s14.1.1). */
static pn_rc position(pn_str text, uint64_t *ret_position)
{
    pn_rc rc = pn_str_to_u64(text, UINT64_MAX, ret_position);

    if (rc == PN_LIMIT)
        *ret_position = UINT64_MAX;
    return rc == PN_LIMIT ? PN_OK : rc;
}

/* "-500": the last bytes. */
static pn_rc suffix(pn_str text, uint64_t total, struct pn_range *ret)
{
    uint64_t length;

    if (position(text, &length) != PN_OK)
        return PN_DECLINED;
    if (length == 0)
        return PN_UNSATISFIABLE;
    if (total == 0)
        return PN_DECLINED; /* satisfiable, but no Content-Range could say so */
    *ret = (struct pn_range){ .first = length < total ? total - length : 0, .last = total - 1 };
    return PN_OK;
}

/* One "first-last", "first-" or "-length". */
static pn_rc one_range(pn_str spec, uint64_t total, struct pn_range *ret)
{
    size_t   dash = pn_str_chr(spec, '-', 0);
    uint64_t first, last = UINT64_MAX;

    if (dash == SIZE_MAX)
        return PN_DECLINED;
    if (dash == 0)
        return suffix(pn_str_from(spec, 1), total, ret);
    if (position(pn_str_head(spec, dash), &first) != PN_OK)
        return PN_DECLINED;
    if (dash + 1 < spec.n && position(pn_str_from(spec, dash + 1), &last) != PN_OK)
        return PN_DECLINED;
    if (first > last)
        return PN_DECLINED;
    if (first >= total)
        return PN_UNSATISFIABLE;
    *ret = (struct pn_range){ .first = first, .last = last < total ? last : total - 1 };
    return PN_OK;
}

/* COMPAT: 2.4 joins a range to the one before it when they overlap or adjoin, and counts that. */
static void append(struct pn_range_set *set, struct pn_range range)
{
    struct pn_range *prev = set->n ? &set->v[set->n - 1] : NULL;

    /* Positions are below total, so that adding 1 does not wrap. */
    if (!prev || range.first > prev->last + 1 || prev->first > range.last + 1) {
        set->v[set->n++] = range;
        return;
    }
    set->overlaps++;
    set->reversals += range.first < prev->first;
    if (range.first < prev->first)
        prev->first = range.first;
    if (range.last > prev->last)
        prev->last = range.last;
}

static unsigned count_commas(pn_str s, unsigned max)
{
    unsigned count = 0;

    for (size_t at = pn_str_chr(s, ',', 0); at != SIZE_MAX && count < max;
         at = pn_str_chr(s, ',', at + 1))
        count++;
    return count;
}

pn_rc pn_range_parse(apr_pool_t *pool, pn_str value, uint64_t total, unsigned max_n,
                     struct pn_range_set *ret_set)
{
    struct pn_range_set set = { 0 };
    struct pn_range     range;
    unsigned            seen = 0;

    value = pn_str_trim(value);
    if (!pn_str_istarts(value, PN_STR("bytes=")))
        return PN_DECLINED;
    value = pn_str_from(value, 6);
    set.v = apr_palloc(pool, (count_commas(value, max_n - 1) + 1) * sizeof(*set.v));
    for (pn_str spec = pn_header_list_next(&value); spec.p; spec = pn_header_list_next(&value)) {
        if (++seen > max_n)
            return PN_LIMIT;
        pn_rc rc = one_range(spec, total, &range);
        if (rc == PN_DECLINED)
            return rc;
        if (rc == PN_OK)
            append(&set, range);
    }
    if (seen == 0)
        return PN_DECLINED;
    if (set.n == 0)
        return PN_UNSATISFIABLE;
    *ret_set = set;
    return PN_OK;
}
