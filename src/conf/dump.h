/* dump.h - a tree of directives as configuration text again (-t -D DUMP_CONFIG). */
#ifndef PN_CONF_DUMP_H
#define PN_CONF_DUMP_H

#include <pinion/buf.h>

#include "conf/tree.h"

/** Appends all below `root`: a line "# In file: path" where the file changes, "#   line:" before
 *  each directive, two spaces a level. Variables and macros are expanded. Never suspends,
 *  O(nodes). */
void pn_conf_dump(struct pn_buf *out, const struct pn_conf_node *root);

#endif
