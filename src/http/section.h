/* section.h - does a section apply? What the walks of the file system and of URLs share. */
#ifndef PN_HTTP_SECTION_H
#define PN_HTTP_SECTION_H

#include "http/core_conf.h"

/** Puts the named groups of a match into a table as MATCH_NAME. */
void pn_section_capture(const struct pn_section *section, const struct pn_match *match, apr_pool_t *pool,
                        apr_table_t *into);
/** <Directory> without regex: `dir` ends in a slash and has `components` components ("/" has none). */
bool pn_section_is_directory(const struct pn_section *section, pn_str dir, unsigned components);
/** <Files> and <FilesMatch>: the last component of a name. @return PN_OK, PN_NOT_FOUND; PN_LIMIT: the pattern gave up, so nobody can
 *  say whether the section's settings are meant. */
PN_NODISCARD pn_rc pn_section_matches_file(const struct pn_section *section, pn_str name, struct pn_match *ret_match);
/** Number of components of a directory's path: "/" 0, "/a/" and "/a" 1. */
unsigned pn_section_components(pn_str dir);
/** Is it a pattern? */
bool pn_section_is_glob(pn_str pattern);

#endif
