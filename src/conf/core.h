/* core.h - what a generation keeps for src/conf alone. */
#ifndef PN_CONF_CORE_H
#define PN_CONF_CORE_H

#include <pinion/generation.h>

#include "conf/apply.h"
#include "conf/directives.h"
#include "conf/hooks.h"
#include "conf/plan.h"
#include "conf/registry.h"

#define PN_GENERATION_MAGIC 0x504e474e

struct pn_generation_core {
    uint32_t                   magic;
    struct pn_directive_table *directives;
    apr_array_header_t        *modules; /* of struct pn_module *: what generation->modules shows */
    apr_array_header_t        *info_list; /* what infos shows */
    const struct pn_module_info **infos;  /* by module index, n_conf of them; NULL: not active */
    unsigned n_conf;       /* entries of settings vectors; final once the files are read */
    void   **dir_defaults; /* by module index: slots' defaults, copied for each new struct */
    void   **server_defaults;
    struct pn_hooks    *hooks;
    struct pn_plan_set *plans; /* NULL until everything is merged: vectors get no plan before */
    apr_allocator_t *vec_allocator; /* of counted vectors' pools: locked, keeps a few free blocks */
    apr_abortfunc_t  abort;
    struct pn_server *last_server;
    pn_str              config_file; /* as named */
    apr_array_header_t *lines;       /* of struct pn_config_line; NULL: nobody wants them */
    apr_hash_t       *file_names; /* of configuration files, which outlive the tree */
    /* during the load: */
    apr_pool_t         *temp;
    apr_array_header_t *errors; /* of const char *, in the report's pool */
};

/** Makes a module active in the generation; false when it was already. */
bool pn__generation_activate(struct pn_generation *generation, struct pn_module *module);
/** The next server of the generation; the first is the main one. */
struct pn_server *pn__server_new(struct pn_generation *generation);
bool pn__generation_has(const struct pn_generation *generation, const struct pn_module *module);

#endif
