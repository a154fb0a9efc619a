/* authz_groups.h - Require group and file-group, whatever the groups are kept in.
 *
 * Shared by mod_authz_groupfile, mod_authz_dbm and mod_authz_dbd: each says how it finds the groups of a user. */
#ifndef PN_AAA_AUTHZ_GROUPS_H
#define PN_AAA_AUTHZ_GROUPS_H

#include <pinion/authz.h>

/** Where groups are kept. */
struct authz_groups {
    char separator; /* between the names that `find` gives */
    /** The groups of r's user. PN_AUTHZ_GRANTED with *ret_groups, or what the line is to answer; logs. */
    PN_MAY_YIELD enum pn_authz (*find)(struct pn_request *r, pn_str *ret_groups);
    /** Logs that the user is in none of the groups that count. @param group of the file; p == NULL: those of the line. */
    void (*refused)(struct pn_request *r, pn_str group);
};

/** Is the user in one of the groups that the arguments name? */
PN_MAY_YIELD enum pn_authz authz_groups_check(struct pn_request *r, const struct pn_authz_args *args,
                                              const struct authz_groups *groups);
/** Is the user in the group that owns the file? */
PN_MAY_YIELD enum pn_authz authz_groups_check_file(struct pn_request *r, const struct authz_groups *groups);

#endif
