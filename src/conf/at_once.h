/* at_once.h - directives that take effect while the configuration is read: LoadModule, LoadFile,
 * ServerRoot.
 *
 * They come out of the reading as nodes too, so that their rows check the context; a node that
 * was obeyed is marked, and is no unknown directive when no module has a row for it. */
#ifndef PN_CONF_AT_ONCE_H
#define PN_CONF_AT_ONCE_H

#include <pinion/generation.h>

#include "conf/tree.h"

/** Gives the reader the callbacks that ask and fill `generation`.
 *  @param warnings array of const char *; their texts are owned by the array's pool. */
void pn__at_once_attach(struct pn_conf_reader *reader, struct pn_generation *generation,
                        apr_array_header_t *warnings);
/** Did this node take effect when it was read? */
bool pn__at_once_done(const struct pn_conf_node *node);

#endif
