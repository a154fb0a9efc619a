/* byteranges.h - single and multipart answers to Range (RFC 9110 s14). */
#ifndef PN_HTTP_BYTERANGES_H
#define PN_HTTP_BYTERANGES_H

#include <pinion/request.h>

/** Narrows a 200 answer whose whole content is at hand (one stable chunk: a file, or bytes) to what Range asks for, when
 *  Range is valid and If-Range holds; other answers are left as they are. Sets status 206, Content-Range or the multipart
 *  type, and the body.
 *  @return 0, or 416 (Content-Range is set in err_out). Pulls once from r->body: may suspend. */
PN_MAY_YIELD int pn__byteranges_apply(struct pn_request *r);

#endif
