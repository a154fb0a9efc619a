/* module_load.h - LoadModule and LoadFile, which take effect while the configuration is read.
 *
 * A name that is built in is made active and the path is not opened. Anything else has to be a
 * shared object of Pinion's module interface. Shared objects stay open as long as the process:
 * older generations may still call them. */
#ifndef PN_CONF_MODULE_LOAD_H
#define PN_CONF_MODULE_LOAD_H

#include <pinion/generation.h>

/** What a load answers beside its result; texts owned by the pool that was given. */
struct pn_module_answer {
    const char *reason;  /* of PN_BAD */
    const char *cure;    /* what would be right, or NULL */
    const char *warning; /* of PN_OK, or NULL */
};

/** LoadModule: finds or opens the module named `symbol`.
 * @param path made absolute by the caller; not opened when the name is known.
 * @return PN_OK with the module, which is known to the registry then; PN_BAD with
 *         answer->reason. */
PN_NODISCARD pn_rc pn_module_open(apr_pool_t *pool, pn_str symbol, const char *path,
                                  struct pn_module **ret, struct pn_module_answer *answer);
/** LoadFile: opens a library for modules to come. @return PN_OK, or PN_BAD with answer->reason. */
PN_NODISCARD pn_rc pn_library_open(apr_pool_t *pool, const char *path,
                                   struct pn_module_answer *answer);

/** mod_so: the rows of LoadModule and LoadFile, for contexts and listings. Part of the built-in
 * list. */
extern struct pn_module pn_module_so;

/* ---- foreign_module.c: what is not ours ---- */

/** What to say about a module of Apache's world that Pinion does not have, or NULL when the name
 * tells nothing. */
const char *pn_foreign_module_advice(apr_pool_t *pool, pn_str symbol);
/** Is the file a binary module made for Apache? It is looked at, not loaded. */
bool pn_foreign_module_file(const char *path);

#endif
