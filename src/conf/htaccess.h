/* htaccess.h - one .htaccess file to per-directory settings.
 *
 * The bytes were read by the caller (the walk's cache), which keeps the result as long as the
 * file stands and merges it over what encloses the directory. Thread-safe: a generation is only
 * read here. Never suspends. */
#ifndef PN_CONF_HTACCESS_H
#define PN_CONF_HTACCESS_H

#include <pinion/generation.h>

#include "conf/tree.h"

struct pn_htaccess_in {
    struct pn_server *server;
    pn_str            bytes;
    const char       *path;       /* of the file, for messages */
    pn_str            dir;        /* its directory, with a slash at the end: cmd->path */
    unsigned          override;   /* PN_OVR_* that AllowOverride admits, with the NONFATAL bits */
    uint64_t    override_options; /* what AllowOverride Options= admits: cmd->override_options */
    apr_hash_t *override_list;    /* AllowOverrideList: lower-case names as keys; may be NULL */
};

struct pn_htaccess_report {
    struct pn_conf_error error;    /* when PN_BAD: print with pn_conf_error_print */
    apr_array_header_t  *warnings; /* of const char *, for the error log; NULL or empty: none */
};

/** @param pool a pool of its own for this file: on PN_OK the vector owns it (pn_conf_vec_unref
 *             destroys it), otherwise the caller keeps it, with the error's texts in it.
 * @return PN_OK, or PN_BAD: the directory answers 500. */
PN_NODISCARD pn_rc pn_htaccess_load(struct pn_generation        *generation,
                                    const struct pn_htaccess_in *in, apr_pool_t *pool,
                                    struct pn_conf_vec       **ret,
                                    struct pn_htaccess_report *ret_report);

#endif
