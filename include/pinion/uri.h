/* pinion/uri.h - URI references split, decoded and normalised (RFC 3986, RFC 9110 s4.2). Pure, never
 * suspends.
 *
 * Three kinds of text are never mixed: the raw path (as received), the URL path (decoded once,
 * normalised once) and a file path. This file makes the second from the first. */
#ifndef PINION_URI_H
#define PINION_URI_H

#include <pinion/str.h>

struct pn_uri {
    pn_str   scheme, userinfo, host, path, query, fragment; /* p == NULL: component absent */
    pn_str   port_text;
    uint16_t port; /* 0: absent */
};
/** Splits any URI reference; checks the character set of each component (no CTL, no space).
 *  @return PN_OK or PN_BAD. Slices of `s`. IPv6 literals keep their brackets in host. */
PN_NODISCARD pn_rc pn_uri_split(pn_str s, struct pn_uri *ret);
/** Splits a Host field or an authority without userinfo into host and port, as strictly as Apache
 *  does: letters, digits, '-', '.' and '_' with no empty label inside, four numbers if there is no
 *  letter, or an IPv6 address in brackets; a port of 1 to 65535.
 *  @param ret_host slice of `s`, brackets kept.  @param ret_port 0: none given.  @return PN_OK or
 *  PN_BAD. */
PN_NODISCARD pn_rc pn_authority_split(pn_str s, pn_str *ret_host, uint16_t *ret_port);

/** AllowEncodedSlashes. */
enum pn_slash_policy { PN_SLASH_REFUSE, PN_SLASH_DECODE, PN_SLASH_KEEP };

/** Decodes %XX once, removes "." and ".." segments (RFC 3986 s5.2.4; ".." above the root is
 *  PN_DENIED, as Apache answers 400), merges runs of '/' when `merge_slashes`. A raw path that
 *  needs none of it is returned as it is, without a copy.
 *  @return PN_OK; PN_BAD (bad %XX; not starting with '/'; NUL, encoded or not);
 *          PN_NOT_FOUND (encoded slash under PN_SLASH_REFUSE: 404 as Apache);
 *          PN_DENIED (".." above the root: 400). */
PN_NODISCARD pn_rc pn_uri_normalise(apr_pool_t *pool, pn_str raw_path, enum pn_slash_policy slashes,
                                    bool merge_slashes, pn_str *ret_path);
/** Decodes %XX anywhere ('+' stays). PN_BAD on a bad escape or a NUL, encoded or not. */
PN_NODISCARD pn_rc pn_uri_decode(apr_pool_t *pool, pn_str s, pn_str *ret);
/** Encodes a URL path so that it can stand in a Location or a page's href, as Apache's
 *  ap_escape_uri (os_escape_path without the "./" rule). Result NUL-terminated. */
pn_str pn_uri_encode_path(apr_pool_t *pool, pn_str path);
/** Everything but unreserved is encoded (for query values). */
pn_str pn_uri_encode_component(apr_pool_t *pool, pn_str s);
/** Resolves "." and ".." textually in a URL path that is decoded already (for internal joins).
 *  PN_DENIED above the root, PN_BAD when the path does not start with a slash. */
PN_NODISCARD pn_rc pn_uri_remove_dots(apr_pool_t *pool, pn_str path, pn_str *ret);
/** &, <, >, " and ' as HTML character references. */
pn_str pn_html_escape(apr_pool_t *pool, pn_str s);

#endif
