/* identity.h - the account that children run as. */
#ifndef PN_PROC_IDENTITY_H
#define PN_PROC_IDENTITY_H

#include "proc/mpm_conf.h"

/** Can the children of a root master become somebody? Not root: yes, they stay who they are.
 *  @return NULL, or why not. */
const char *pn__identity_check(const struct pn_unixd_conf *conf);
/** Becomes that account for good, inside ChrootDir when there is one: groups, group, user, in this order. Does nothing
 *  for a process that is not root's. @return NULL, or what failed, with errno. */
const char *pn__identity_take(const struct pn_unixd_conf *conf);

#endif
