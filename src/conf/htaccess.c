/* htaccess.c - see htaccess.h. */
#include "conf/htaccess.h"

#include "conf/apply.h"
#include "conf/core.h"
#include "conf/vec.h"

static bool module_loaded(void *arg, pn_str name)
{
    return pn_find_module(arg, name) != NULL;
}

static bool directive_known(void *arg, pn_str name)
{
    const struct pn_generation *generation = arg;

    return pn_directive_find(generation->core->directives, name) != NULL;
}

static pn_rc read_bytes(struct pn_generation *generation, const struct pn_htaccess_in *in,
                        apr_pool_t *temp, struct pn_conf_node **ret_root,
                        struct pn_conf_error *ret_error)
{
    struct pn_conf_reader reader = { .pool = temp,
                                     .server_root = generation->server_root.p,
                                     .defines = generation->defines,
                                     .defines_pool = temp,
                                     .arg = generation,
                                     .module_loaded = module_loaded,
                                     .directive_known = directive_known,
                                     .section_known = directive_known,
                                     .htaccess = true };
    struct pn_conf_file  *file = apr_pcalloc(temp, sizeof(*file));

    file->path = in->path;
    file->kind = "htaccess";
    *ret_root = pn_conf_root(temp);
    return pn_conf_read_text(&reader, file, in->bytes, *ret_root, ret_error);
}

pn_rc pn_htaccess_load(struct pn_generation *generation, const struct pn_htaccess_in *in,
                       apr_pool_t *pool, struct pn_conf_vec **ret,
                       struct pn_htaccess_report *ret_report)
{
    struct pn_conf_state state;
    struct pn_conf_node *root;
    struct pn_conf_vec  *vec;
    apr_pool_t *temp; /* stays until `pool` goes when there is an error: its texts are there */

    *ret_report = (struct pn_htaccess_report){ 0 };
    apr_pool_create(&temp, pool);
    if (read_bytes(generation, in, temp, &root, &ret_report->error) != PN_OK)
        return PN_BAD;
    pn_conf_state_init(&state, generation, pool, temp);
    state.htaccess = true;
    state.override = in->override;
    state.override_options = in->override_options;
    state.override_list = in->override_list;
    vec = pn__conf_vec_new_counted(generation, NULL);
    if (pn_conf_apply_tree(&state, in->server, vec, PN_CTX_HTACCESS, in->dir, root) != PN_OK) {
        ret_report->error = state.error;
        pn_conf_vec_unref(vec);
        return PN_BAD;
    }
    ret_report->warnings = state.warnings;
    vec->pool = pool;
    apr_pool_destroy(temp);
    *ret = vec;
    return PN_OK;
}
