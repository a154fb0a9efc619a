/* listing.h - what the command line and mod_info show about modules, directives, hooks and
 * providers.
 *
 * Read-only walks; callers print. */
#ifndef PN_CONF_LISTING_H
#define PN_CONF_LISTING_H

#include <pinion/buf.h>
#include <pinion/generation.h>

/** -l: the file names of the modules that are built in and always active, one a line. */
void pn_list_static(struct pn_buf *out);
/** -M, -t -D DUMP_MODULES: active modules with "(static)" or "(shared)". */
void pn_list_modules(const struct pn_generation *generation, struct pn_buf *out);
/** -L: every directive with its module, its help line and where it may stand. */
void pn_list_directives(struct pn_buf *out);
/** The order in which hooks run, a paragraph a phase. */
void pn_list_hooks(const struct pn_generation *generation, struct pn_buf *out);
/** Providers: "group: name name ...", a line each, sorted. */
void pn_list_providers(const struct pn_generation *generation, struct pn_buf *out);

#endif
