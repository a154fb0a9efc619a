/* content_digest.h - Content-MD5 of static files (directive ContentDigest). */
#ifndef PN_HTTP_CONTENT_DIGEST_H
#define PN_HTTP_CONTENT_DIGEST_H

#include "http/request_core.h"
#include "http/store.h"

/** Sets Content-MD5 of the file; nothing when it can't be read. Read off the loop when it is not held in memory. */
PN_MAY_YIELD void pn__content_digest(struct pn_request *r, const struct pn_file *file);

#endif
