/* variant.h - what the path store calls when an open file goes. */
#ifndef PN_HTTP_VARIANT_H
#define PN_HTTP_VARIANT_H

#include "http/store.h"

/** Lets go of all variants of a file that is being freed. Bytes that a request still sends stay until it is done. */
void pn__variants_release(struct pn_file *file);
/** Bytes of all variants that this thread keeps. */
size_t pn__variant_bytes(void);

#endif
