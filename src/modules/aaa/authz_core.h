/* authz_core.h - what mod_authz_core is made of: the tree of Require lines, how it is read, and the lines that it decides by
 * itself.
 *
 * mod_authz_core.c asks the tree; authz_tree.c combines answers; authz_require.c reads lines, sections and aliases;
 * authz_own.c has the providers all, env, method and expr. Trees are immutable once read. */
#ifndef PN_AAA_AUTHZ_CORE_H
#define PN_AAA_AUTHZ_CORE_H

#include <pinion/authz.h>
#include <pinion/expr.h>
#include <pinion/module.h>

extern struct pn_module pn_module_authz_core;

enum authz_kind { AUTHZ_LINE, AUTHZ_ALL, AUTHZ_ANY };
enum authz_merging { AUTHZ_MERGE_OFF, AUTHZ_MERGE_AND, AUTHZ_MERGE_OR };

/* What is known of a node before there is a request. */
struct authz_foreknown {
    bool          known;   /* `result` holds for every request */
    bool          settled; /* further children change nothing */
    enum pn_authz result;
};

/* An alias, or what stands behind a provider's name on one line. */
struct authz_judge {
    const struct pn_authz_provider *provider;
    struct pn_authz_args            args;
    const struct pn_expr           *expr;     /* of args, where they are made for each request */
    bool                            is_alias; /* args are shared by all lines that use it */
    const struct pn_conf_vec       *vec;      /* settings of an alias; NULL: none */
};

struct authz_node {
    enum authz_kind   kind;
    bool             negated;
    uint64_t         methods; /* bits 1 << enum pn_method for which it counts */
    const char      *text;    /* as written, for the log and messages */
    const char      *file;    /* where it stands; NULL: the section that a place has by itself */
    uint32_t         line;
    struct authz_judge     judge;   /* AUTHZ_LINE */
    struct authz_foreknown ahead;   /* before negation */
    struct authz_node    **children;
    unsigned         n, cap;
};

struct authz_dir {
    struct authz_node *root;     /* NULL: nothing is required */
    struct authz_node *open;     /* the section being read */
    int          merging;  /* enum authz_merging */
    bool         send_forbidden;
};

struct authz_server {
    apr_hash_t *aliases; /* name to struct authz_judge *; kept in the main server's */
};

/* ---- authz_tree.c: pure ---- */

/** Takes one more child's answer into *result. @return true when that settles the section. */
bool authz_combine(enum authz_kind kind, enum pn_authz *result, enum pn_authz child);
/** The answer of a line or section behind "not". */
enum pn_authz authz_negate(enum pn_authz result);
/** An empty section; lives as long as `pool`, as all that is pushed into it must. */
struct authz_node *authz_section_new(apr_pool_t *pool, enum authz_kind kind);
void authz_section_push(apr_pool_t *pool, struct authz_node *parent, struct authz_node *child);
/** A section of two: what AuthMerging makes of the trees of two places. */
struct authz_node *authz_both(apr_pool_t *pool, enum authz_kind kind, struct authz_node *outer, struct authz_node *inner);
/** Does it grant whoever asks, and for what? Then nobody need be asked. */
bool authz_always_grants(const struct authz_node *root);

/* ---- authz_require.c ---- */

pn_directive_fn authz_set_require, authz_set_section, authz_set_alias;
/** The words of args->raw, for providers that do not take it whole. */
void authz_split(apr_pool_t *pool, struct pn_authz_args *args);
/** PN_EXPR_* for an expression that stands at cmd: a .htaccess may use fewer functions. */
unsigned authz_expr_flags(const struct pn_conf_cmd *cmd);

/* ---- authz_own.c ---- */

extern const struct pn_authz_provider authz_all, authz_env, authz_method, authz_expr;

#endif
