/* pinion/entry.h - what an entry of a directory is to the client who asked for the directory.
 *
 * For listings: a look-up as pn_sub_lookup_file makes it, but in memory that the caller gives back, so that a
 * hundred thousand of them cost no more memory than one, and without opening the files. */
#ifndef PINION_ENTRY_H
#define PINION_ENTRY_H

#include <pinion/request.h>

/** Looks up `name` (one component, NUL-terminated, alive as long as `pool`) in the directory that r stands for, through
 *  the phases up to FIXUPS. The result has finfo, content_type, content_encoding, and in status what its request would
 *  meet: 200, a redirection, or why it can't be had. It must not be run; let go of it with pn_entry_release before
 *  `pool` is cleared.
 *  @param info what lstat says of the entry; type NONE when it is a link or not known. Where nothing can give the entry
 *              other settings than the directory has, a regular file is not looked for again. */
PN_MAY_YIELD struct pn_request *pn_entry_lookup(struct pn_request *r, apr_pool_t *pool, pn_str name,
                                                const struct pn_finfo *info);
/** Is what a look-up says of a regular file in the directory of r decided by the file's name, by what lstat says of it, and by r's
 *  settings (of one with a content coding: by the client's names for codings too), so that it is the same for every request
 *  with these settings? */
bool pn_entries_are_alike(const struct pn_request *r);
/** The same of one look-up on behalf of r, pn_sub_lookup_file's too: does what it says hold for every request with r's URL path and
 *  settings, until something in the directory changes? No, when the file has settings of its own or several names. */
bool pn_entry_is_alike(const struct pn_request *r, const struct pn_request *entry);
void pn_entry_release(struct pn_request *entry);

#endif
