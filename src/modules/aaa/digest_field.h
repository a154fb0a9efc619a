/* digest_field.h - the value of an Authorization: Digest field, taken apart (RFC 7616 s3.4).
 *
 * Called by mod_auth_digest for each request. Pure; never suspends. */
#ifndef PN_AAA_DIGEST_FIELD_H
#define PN_AAA_DIGEST_FIELD_H

#include <apr_pools.h>
#include <pinion/str.h>

/** Members that were not sent have p == NULL. Unknown ones are skipped. */
struct digest_field {
    pn_str user, realm, nonce, uri, response, algorithm, cnonce, count_text, qop;
};

/** @param field what follows "Digest"; borrowed, the members may lie in it.
 *  @param pool  owns what had to be unquoted.
 *  @param ret   zeroed by the caller.
 *  @return false when a member comes twice or without a value: two readers could take two values. */
bool digest_field_parse(apr_pool_t *pool, pn_str field, struct digest_field *ret);
/** Is there all that an answer with qop needs? */
bool digest_field_is_complete(const struct digest_field *field);
/** A quoted string without its quotes and backslashes, in the pool; anything else as it is. */
pn_str digest_field_unquote(apr_pool_t *pool, pn_str value);
/** nc: eight hexadecimal digits. @return false: it is something else. */
bool digest_field_count(pn_str text, uint32_t *ret);

#endif
