/* validator.h - entity tags, HTTP dates and the evaluation of conditional requests (RFC 9110 s8.8,
 * s13). Dates are read and written by APR. Pure, never suspends. */
#ifndef PN_PROTO_VALIDATOR_H
#define PN_PROTO_VALIDATOR_H

#include <pinion/headers.h>

#define PN_HTTP_DATE_LEN 29 /* "Sun, 06 Nov 1994 08:49:37 GMT" */

/** Writes an IMF-fixdate and a NUL (30 bytes) to `to`. */
void pn_http_date(pn_wall when, char to[PN_HTTP_DATE_LEN + 1]);
/** All three forms of RFC 9110 s5.6.7. @return PN_OK with microseconds, or PN_BAD. */
PN_NODISCARD pn_rc pn_http_date_parse(pn_str s, pn_wall *ret);

/** Strong comparison: both strong and equal (RFC 9110 s8.8.3.2). */
bool pn_etag_strong_eq(pn_str a, pn_str b);
bool pn_etag_weak_eq(pn_str a, pn_str b);
/** Does If-Match's or If-None-Match's list hold the tag? "*" matches when `etag` is not empty. */
bool pn_etag_list_has(pn_str list, pn_str etag, bool strong);

/** The validators of the selected representation. */
struct pn_validators {
    pn_str  etag;          /* with quotes; empty: none */
    pn_wall last_modified; /* 0: none */
    /** A Last-Modified less than a second older than this is weak for ranges (RFC 9110 s8.8.2.2).
     *  0: unknown. */
    pn_wall request_time;
};
/** RFC 9110 s13.2.2 in its order. @param is_get GET or HEAD.
 *  @return 0: go on (Range may apply); 304; 412. */
int pn_conditions_check(const struct pn_headers *request, const struct pn_validators *validators,
                        bool is_get);
/** If-Range: true when the Range field may be honoured (also when there is no If-Range). */
bool pn_if_range_holds(const struct pn_headers *request, const struct pn_validators *validators);

#endif
