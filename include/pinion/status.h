/* pinion/status.h - HTTP status codes and what they say (RFC 9110 s15, data/statuses.def). */
#ifndef PINION_STATUS_H
#define PINION_STATUS_H

#include <pinion/str.h>

/** PN_STATUS_OK is 200, and so on. */
enum pn_status {
#define X(id, code, reason, explanation) PN_STATUS_##id = code,
#include "../../data/statuses.def"
#undef X
};

/** "200 OK", for the status line; a code without a row gives its three digits, a space and no
 *  reason (RFC 9112 s4); one outside 100..999 gives the line of 500. NUL-terminated, static. */
pn_str pn_status_line(int status);
/** "OK"; empty for a code without a row. Static. */
pn_str pn_status_reason(int status);
/** Has data/statuses.def this code? */
bool pn_status_known(int status);
/** One neutral sentence for a default error page; a general sentence of its class for a 4xx or 5xx
 *  without a row, empty for any other status. Plain text, static. */
pn_str pn_status_explain(int status);

#endif
