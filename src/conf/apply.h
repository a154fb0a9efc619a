/* apply.h - the tree of directives turned into settings: look-up, place, arguments, slots.
 *
 * One struct pn_conf_state for each reading (a whole configuration, or one .htaccess). Nothing
 * here is shared, so several threads may apply .htaccess files of one generation at the same
 * time. */
#ifndef PN_CONF_APPLY_H
#define PN_CONF_APPLY_H

#include <pinion/module.h>

#include "conf/tree.h"

/** One reading. The members below `generation` that say so are results. */
struct pn_conf_state {
    struct pn_generation *generation;
    apr_pool_t           *pool; /* owns the settings */
    apr_pool_t           *temp; /* owns tree, words, messages that nobody keeps */
    bool                  htaccess;
    unsigned              override; /* PN_OVR_* in force, for .htaccess */
    uint64_t
        override_options; /* what AllowOverride Options= admits, as the core's Options counts */
    apr_hash_t          *override_list; /* AllowOverrideList: lower-case names; may be NULL */
    apr_hash_t          *warned;        /* rows whose `gone` line was given */
    apr_pool_t          *report_pool;   /* owns the warnings; pool unless changed */
    apr_array_header_t  *warnings;      /* out: of const char *, "file:line: text" */
    unsigned             depth;         /* of nested sections at the moment */
    struct pn_conf_error error;         /* out: when applying failed */
};

void pn_conf_state_init(struct pn_conf_state *state, struct pn_generation *generation,
                        apr_pool_t *pool, apr_pool_t *temp);
/** Applies the children of `root`. @param context PN_CTX_MAIN, or PN_CTX_HTACCESS.
 *  @return PN_OK, or PN_BAD with state->error filled. */
PN_NODISCARD pn_rc pn_conf_apply_tree(struct pn_conf_state *state, struct pn_server *server,
                                      struct pn_conf_vec *vec, unsigned context, pn_str path,
                                      struct pn_conf_node *root);

/* ---- for <VirtualHost> (src/http) ---- */

/** A new virtual host behind those that exist, with place and number filled; its settings are
 * empty and get what the main server has when the whole configuration has been applied. */
struct pn_server *pn_conf_new_vhost(struct pn_conf_cmd *cmd);
/** Fills the children of cmd->node into the server. @return NULL or the error. */
const char *pn_conf_apply_server(struct pn_conf_cmd *cmd, struct pn_server *server);

/** The file of cmd's directive, as a string that lives with the generation (the tree does not).
 * During a load only; in a .htaccess it lives with cmd->pool. */
const char *pn_conf_file_name(struct pn_conf_cmd *cmd);

/* ---- place.c: may the directive stand here? ---- */

/** @return NULL; or the error, with *ret_cure set or NULL; *ret_override tells whether only
 *         AllowOverride forbids it. */
const char *pn__conf_check_place(const struct pn_conf_cmd *cmd, const struct pn_directive *row,
                                 const char **ret_cure, bool *ret_override);
/** "server config, virtual host, directory, .htaccess": where a row may stand, in words. */
const char *pn_conf_places(apr_pool_t *pool, const struct pn_directive *row);
/** "FileInfo or Indexes". */
const char *pn_conf_override_names(apr_pool_t *pool, unsigned override);

/* ---- arity.c: the words of a line ---- */

/** Splits the node's arguments as the row counts them.
 *  @param pool owns the words.  @return NULL, or the error (owned by temp). */
const char *pn__conf_words(apr_pool_t *pool, apr_pool_t *temp, const struct pn_directive *row,
                           const struct pn_conf_node *node, unsigned *ret_argc,
                           const pn_str **ret_argv);

#endif
