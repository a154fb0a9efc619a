/* load.h - a configuration from its files to a generation, and generations' references.
 *
 * A load reads the files (LoadModule, ServerRoot and Define take effect at once), registers the
 * hooks of the active modules, applies the tree, merges the virtual hosts over the main server,
 * makes the plans and runs post_config. All memory is the generation's own: dropping the last
 * reference gives it back to the system. The tree is temporary. Callers: src/main, tests. Never
 * suspends. */
#ifndef PN_CONF_LOAD_H
#define PN_CONF_LOAD_H

#include <pinion/generation.h>

#include "conf/tree.h"

struct pn_load_options {
    const char *config_file; /* -f; relative to server_root; NULL: none is read */
    const char *server_root; /* -d, absolute */
    const char *const
        *before;              /* -C: lines processed before the file, ends with NULL; may be NULL */
    const char *const *after; /* -c: after it */
    const char *const *defines;        /* -D: "NAME" or "NAME=value", ends with NULL; may be NULL */
    unsigned           number;         /* of the generation */
    bool               check_only;     /* -t: handed on to post_config */
    bool               no_docroot_check; /* -T */
    bool               no_post_config; /* listings: stop when everything is merged */
    bool               record_includes; /* -t -D DUMP_INCLUDES */
    struct pn_buf     *dump;        /* -t -D DUMP_CONFIG: gets the tree as text once it is read; may be NULL */
};

/** What a load has to say; texts are owned by the pool given to pn_generation_load. */
struct pn_load_report {
    apr_array_header_t *warnings; /* of const char *, each a line without its end */
    apr_array_header_t
        *errors; /* of const char *, each a block of lines; empty when the load succeeded */
    apr_array_header_t *includes; /* of struct pn_conf_include; NULL unless asked for */
};

/** @param report_pool owns ret_report's texts.
 * @return PN_OK with one reference in *ret; PN_BAD: the errors are in the report and nothing
 *         else remains. */
PN_NODISCARD pn_rc pn_generation_load(const struct pn_load_options *options,
                                      apr_pool_t *report_pool, struct pn_generation **ret,
                                      struct pn_load_report *ret_report);

/** References are atomic: connections of several threads hold them. */
struct pn_generation *pn_generation_ref(struct pn_generation *generation);
/** The last one frees the generation. Accepts NULL. */
void pn_generation_unref(struct pn_generation *generation);

#endif
