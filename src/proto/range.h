/* range.h - Range and If-Range (RFC 9110 s14). Pure, never suspends. */
#ifndef PN_PROTO_RANGE_H
#define PN_PROTO_RANGE_H

#include <pinion/str.h>

struct pn_range {
    uint64_t first, last; /* bytes, both inclusive */
};
struct pn_range_set {
    struct pn_range *v;
    unsigned         n;
    unsigned
        overlaps; /* ranges that touched the one before and were joined to it (MaxRangeOverlaps) */
    unsigned reversals; /* how many of these started before it (MaxRangeReversals) */
};

/** Parse a Range field value against a representation of `total` bytes.
 *  @param max_n    most ranges accepted, >= 1 (MaxRanges).
 *  @param ret_set  request order, v owned by pool. A range that overlaps or adjoins the one before
 *                  it is joined to it (RFC 9110 s15.3.7.2); ranges past the end are left out.
 *  @return PN_OK, PN_DECLINED (bad syntax or unknown unit: act as if absent, RFC 9110 s14.2;
 *          so does a suffix of an empty representation),
 *          PN_UNSATISFIABLE (416), PN_LIMIT (more than max_n ranges). O(value.n). */
PN_NODISCARD pn_rc pn_range_parse(apr_pool_t *pool, pn_str value, uint64_t total, unsigned max_n,
                                  struct pn_range_set *ret_set);

#endif
