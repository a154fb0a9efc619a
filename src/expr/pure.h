/* expr/pure.h - functions that depend on their argument alone. Names and results are the
 * manual's. */
#ifndef PN_EXPR_PURE_H
#define PN_EXPR_PURE_H

#include "expr/node.h"

pn__expr_pure_fn pn__pure_tolower, pn__pure_toupper, pn__pure_escape, pn__pure_unescape,
    pn__pure_base64, pn__pure_unbase64, pn__pure_md5, pn__pure_sha1, pn__pure_ldap;

/* The integer that a word begins with, as atoi reads it: 0 when there is none, clamped to 64
 * bits. */
int64_t pn__pure_int(pn_str word);

#endif
