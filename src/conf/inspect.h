/* inspect.h - what pinion/inspect.h shows is kept while a configuration is loaded. */
#ifndef PN_CONF_INSPECT_H
#define PN_CONF_INSPECT_H

#include <pinion/generation.h>

struct pn_conf_node;

/** Copies what an active module wants to show; the tree goes when the load is over. @param config_file may be NULL. */
void pn__inspect_keep(struct pn_generation *generation, const struct pn_conf_node *root, const char *config_file);

#endif
