/* page_policy.h - pages that the server makes about itself allow nothing but what carries the nonce of their answer, so a
 * peer's text on them could do nothing even if it were not escaped. Callers: mod_status, mod_info. */
#ifndef PAGE_POLICY_H
#define PAGE_POLICY_H

#include <pinion/request.h>

/** Sets Content-Security-Policy, and the fields that keep the page from being guessed about, stored or framed.
 *  @param with_script the page has a script, which may fetch from this server.
 *  @return what <style> and <script> say in their nonce attribute; in r->pool. */
const char *page_policy(struct pn_request *r, bool with_script);
/** The two fields of any form of the page: no guessing of types, no storing. */
void page_not_stored(struct pn_request *r);

#endif
