/* pinion/module.h - what a module is: a name, settings, directives and hooks.
 *
 * A bundled module and one loaded from a shared object look the same. The module object is the only symbol a
 * module exports. Settings live in the generation, never in globals. See CONTRIBUTING for the ten-minute tour. */
#ifndef PINION_MODULE_H
#define PINION_MODULE_H

#include <pinion/conf.h>
#include <pinion/hooks.h>

/** Rises when this interface changes incompatibly; a shared object of another number is refused. */
#define PN_MODULE_API 1

struct pn_module {
    unsigned    api;           /* PN_MODULE_API */
    const char *name;          /* what <IfModule> tests: "mod_alias.c" */
    const char *apache_id;     /* what LoadModule names: "alias_module" */
    const char *const *also;   /* further names for <IfModule> and LoadModule, NULL-terminated; may be NULL */
    const struct pn_directive *directives; /* ends with a row without a name; may be NULL */

    size_t dir_conf_size;      /* bytes; 0: no per-directory settings */
    size_t server_conf_size;
    /** Fills what defaults of rows can't. Called on a zeroed struct after the defaults. May be NULL. */
    void (*dir_conf_init)(apr_pool_t *pool, void *conf);
    void (*server_conf_init)(apr_pool_t *pool, struct pn_server *server, void *conf);
    /** Merges what slots don't. `merged` holds a copy of base with the slots merged already. A module whose
     *  settings have members outside slots gives one; others leave it NULL. What came of merging is merged over another
     *  place in turn: sections that apply together are merged with each other first, so what is relative ("+", "-", a reset)
     *  must stay so in `merged` while base says nothing absolute. */
    void (*dir_conf_merge)(apr_pool_t *pool, const void *base, const void *add, void *merged);
    void (*server_conf_merge)(apr_pool_t *pool, const void *base, const void *add, void *merged);

    void (*hooks)(struct pn_hooks *h); /* registers hooks; may be NULL */
    bool wants_lines; /* keep the configuration's lines in memory: pinion/inspect.h */

    /* Set by the server, once a process: */
    unsigned index;            /* position in settings vectors */
    bool     is_static;        /* active without LoadModule (core, log_config, ...) */
};

/** Merged per-directory settings: what applies to one place. Immutable once published. */
struct pn_conf_vec {
    const struct pn_plan *plan; /* the hooks that matter here */
    uint32_t              refs; /* PN_VEC_IMMORTAL: lives with the generation */
    apr_pool_t           *pool; /* owns it and what was merged into it; NULL when immortal */
    const struct pn_conf_vec *parents[2]; /* what it was merged from, referenced */
    unsigned              n;    /* entries of conf */
    void                 *conf[];
};
#define PN_VEC_IMMORTAL UINT32_MAX

/** A virtual host, or the main server. Part of a generation, immutable. */
struct pn_server {
    struct pn_generation *generation;
    struct pn_server     *next;         /* virtual hosts in configuration order; the main server is first */
    bool                  is_main;
    pn_str                name;         /* ServerName's host; the machine's name when not given */
    uint16_t              port;         /* ServerName's port, 0 when not given */
    pn_str                scheme;       /* ServerName's scheme, "" when not given */
    apr_array_header_t   *aliases;      /* of pn_str, no wildcards; may be NULL */
    apr_array_header_t   *wild_aliases; /* of pn_str with * or ?; may be NULL */
    pn_str                admin;        /* ServerAdmin */
    pn_str                path;         /* ServerPath, "" when not given */
    apr_array_header_t   *addresses;    /* of struct pn_vhost_address, see http/vhost.h */
    const char           *file;         /* where it is defined */
    uint32_t              line;
    struct pn_conf_vec   *dir_conf;     /* per-directory defaults of this server */
    void                **conf;         /* per-server settings by module index */
    unsigned              n_conf;
    const struct pn_plan *plan;         /* hooks that run before a directory is known */
    unsigned              index;        /* 0: main server */
};

/** An empty vector for a section's settings, filled by pn_conf_apply_children; lives as long as `pool`. */
struct pn_conf_vec *pn_conf_vec_new(const struct pn_generation *generation, apr_pool_t *pool);
/** What applies where `outer` and, over it, `inner` apply. Either may be NULL. @param pool owns the result, which must not
 *  outlive the two. Never suspends. */
struct pn_conf_vec *pn_conf_merge(const struct pn_server *server, const struct pn_conf_vec *outer,
                                  const struct pn_conf_vec *inner, apr_pool_t *pool);

#define PN_DIR_CONF(vec, module) ((vec)->conf[(module)->index])
#define PN_SERVER_CONF(server, module) ((server)->conf[(module)->index])

#endif
