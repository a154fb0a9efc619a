/* pinion/dbm_file.h - one value of a DBM file, as mod_authn_dbm and mod_authz_dbm need it. */
#ifndef PINION_DBM_FILE_H
#define PINION_DBM_FILE_H

#include <pinion/str.h>

struct pn_request;

/** Opens the file read-only off the loop, fetches the value and closes it: a change is seen at once.
 *  @param type       "default", "SDBM", "GDBM", "DB" ... as APR-util was built; NUL-terminated.
 *  @param path       absolute, NUL-terminated.
 *  @param ret_value  NUL-terminated, in r->pool.
 *  @param ret_error  set on PN_SYSTEM: why, NUL-terminated, in r->pool.
 *  @return PN_OK, PN_NOT_FOUND (no such key), PN_SYSTEM (it cannot be opened or read). */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_dbm_file_get(struct pn_request *r, pn_str type, pn_str path, pn_str key,
                                                pn_str *ret_value, const char **ret_error);

#endif
