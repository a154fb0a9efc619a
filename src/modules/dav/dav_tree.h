/* dav_tree.h - files and trees of files on disk: removing, copying, moving. Everything blocks. Symbolic links are never followed
 * below the named file: a removal takes the link, a copy leaves it out. */
#ifndef PN_DAV_DAV_TREE_H
#define PN_DAV_DAV_TREE_H

#include "dav.h"

/** A name beside `file` that nothing has. */
pn_str dav_temp_name(apr_pool_t *pool, pn_str file);
/** From where the descriptors are to the end of the first. @return 0 or an errno. */
int dav_tree_copy_bytes(int from, int to);
/** Copies a regular file, mode included, to a name that appears when it is complete. @return 0 or an errno. */
int dav_tree_copy_file(apr_pool_t *pool, pn_str from, pn_str to);
/** Removes a file with its properties, or a tree. Goes on when something can't be removed.
 *  @param failures of struct dav_failure: what could not, below `file`.  @return 0 or an errno: `file` itself could not. */
int dav_tree_remove(apr_pool_t *pool, pn_str file, bool collection, apr_array_header_t *failures);
/** Copies to a name that is free. @param deep with all members.  @return as dav_tree_remove. */
int dav_tree_copy(apr_pool_t *pool, pn_str from, pn_str to, bool collection, bool deep, apr_array_header_t *failures);
/** Moves to a name that is free, properties included, by copying where the file systems differ. */
int dav_tree_move(apr_pool_t *pool, pn_str from, pn_str to, bool collection, apr_array_header_t *failures);

#endif
