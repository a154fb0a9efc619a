/* mutex.h - what the Mutex lines say about a name, and the making of such a mutex. The public half is pinion/mutex.h. */
#ifndef PN_PROC_MUTEX_H
#define PN_PROC_MUTEX_H

#include <apr_proc_mutex.h>

#include "proc/mpm_conf.h"

struct pn__mutex_choice {
    const struct pn_mutex_line *line; /* NULL: nothing is said about it */
    bool                        named; /* the line names it, it is not the one for all */
    bool                        none;
    apr_lockmech_e              mechanism;
};

/** The last line that names it, else the last one for all. */
struct pn__mutex_choice pn__mutex_choose(const struct pn_mpm_conf *conf, const char *name);
/** Makes it, usable by the account of the children; cleaned up with the generation.
 *  @param file of file locks; NULL: as the line and DefaultRuntimeDir say. */
apr_status_t pn__mutex_make(struct pn_generation *generation, const char *name, const struct pn__mutex_choice *choice,
                            const char *file, apr_proc_mutex_t **ret_lock);

#endif
