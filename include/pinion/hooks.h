/* pinion/hooks.h - where modules take part in a request: Apache's phases, by the same names, in the same order.
 *
 * A hook answers with a verdict. PN_NEXT: not mine, or done and others may go on. PN_HANDLED: settled, skip the
 * rest of this phase. PN_REJECTED: the request fails with the status that pn_reject set.
 * Apache manual: "Request Processing in the Apache HTTP Server 2.x". */
#ifndef PINION_HOOKS_H
#define PINION_HOOKS_H

#include <apr_tables.h>
#include <pinion/str.h>

struct pn_request;
struct pn_server;
struct pn_module;
struct pn_generation;
struct pn_hooks;

enum pn_verdict { PN_NEXT = 0, PN_HANDLED, PN_REJECTED };

/** The phases of a request, in order. "all": every hook runs until one rejects; "first": until one settles. */
enum pn_phase {
    PN_PHASE_POST_READ_REQUEST,  /* all: head read, server chosen */
    PN_PHASE_QUICK_HANDLER,      /* first: answer before anything is mapped (mod_cache) */
    PN_PHASE_PRE_TRANSLATE_NAME, /* first: on the path as received */
    PN_PHASE_TRANSLATE_NAME,     /* first: URL path to file name */
    PN_PHASE_MAP_TO_STORAGE,     /* first: sections and the file behind the name */
    PN_PHASE_POST_PERDIR_CONFIG, /* all */
    PN_PHASE_HEADER_PARSER,      /* all: per-directory settings known */
    PN_PHASE_ACCESS_CHECKER,     /* all: by who the client is; see `Satisfy` */
    PN_PHASE_ACCESS_CHECKER_EX,  /* first: PN_HANDLED makes authentication unnecessary (mod_authz_core) */
    PN_PHASE_CHECK_AUTHN,        /* first: who the user is */
    PN_PHASE_CHECK_AUTHZ,        /* first: what the user may */
    PN_PHASE_TYPE_CHECKER,       /* first: content type, handler, encodings */
    PN_PHASE_FIXUPS,             /* all */
    PN_PHASE_INSERT_FILTER,      /* all: add output and input filters */
    PN_PHASE_HANDLER,            /* first: make the content */
    PN_PHASE_RESPONSE_HEAD,      /* all: status and headers are about to be sent, errors included */
    PN_PHASE_LOG_TRANSACTION,    /* all: the answer is out */
    PN_PHASE__COUNT
};

typedef enum pn_verdict pn_hook_fn(struct pn_request *r);

enum pn_order_pos { PN_ORDER_MIDDLE = 0, PN_ORDER_REALLY_FIRST = -20, PN_ORDER_FIRST = -10, PN_ORDER_LAST = 10, PN_ORDER_REALLY_LAST = 20 };

/** Where among the other modules' hooks of a phase. All members may be left out. */
struct pn_order {
    const char       *after, *before; /* module names, comma-separated: "mod_alias.c,mod_rewrite.c" */
    enum pn_order_pos pos;
    /** Does the hook matter for these settings? Asked once for each merged settings object, not a request; NULL:
     *  always. Phases up to PN_PHASE_MAP_TO_STORAGE and the log phase get dir_conf == NULL or the server's defaults. */
    bool (*when)(const struct pn_server *server, const void *server_conf, const void *dir_conf);
    /** Of POST_PERDIR_CONFIG, TYPE_CHECKER and FIXUPS: for a regular file, the status, the type and the encoding that it gives are
     *  decided by the file's name, by what stat says and by the place's settings. Then a listing need not ask again each time. */
    bool by_name;
};

void pn_hook(struct pn_hooks *h, enum pn_phase phase, pn_hook_fn *fn, struct pn_order order);

#define pn_hook_post_read_request(h, fn, ...) pn_hook((h), PN_PHASE_POST_READ_REQUEST, (fn), (struct pn_order)__VA_ARGS__)
#define pn_hook_translate_name(h, fn, ...) pn_hook((h), PN_PHASE_TRANSLATE_NAME, (fn), (struct pn_order)__VA_ARGS__)
#define pn_hook_header_parser(h, fn, ...) pn_hook((h), PN_PHASE_HEADER_PARSER, (fn), (struct pn_order)__VA_ARGS__)
#define pn_hook_access_checker(h, fn, ...) pn_hook((h), PN_PHASE_ACCESS_CHECKER, (fn), (struct pn_order)__VA_ARGS__)
#define pn_hook_check_authn(h, fn, ...) pn_hook((h), PN_PHASE_CHECK_AUTHN, (fn), (struct pn_order)__VA_ARGS__)
#define pn_hook_check_authz(h, fn, ...) pn_hook((h), PN_PHASE_CHECK_AUTHZ, (fn), (struct pn_order)__VA_ARGS__)
#define pn_hook_type_checker(h, fn, ...) pn_hook((h), PN_PHASE_TYPE_CHECKER, (fn), (struct pn_order)__VA_ARGS__)
#define pn_hook_fixup(h, fn, ...) pn_hook((h), PN_PHASE_FIXUPS, (fn), (struct pn_order)__VA_ARGS__)
#define pn_hook_insert_filter(h, fn, ...) pn_hook((h), PN_PHASE_INSERT_FILTER, (fn), (struct pn_order)__VA_ARGS__)
#define pn_hook_handler(h, fn, ...) pn_hook((h), PN_PHASE_HANDLER, (fn), (struct pn_order)__VA_ARGS__)
#define pn_hook_response_head(h, fn, ...) pn_hook((h), PN_PHASE_RESPONSE_HEAD, (fn), (struct pn_order)__VA_ARGS__)
#define pn_hook_log_transaction(h, fn, ...) pn_hook((h), PN_PHASE_LOG_TRANSACTION, (fn), (struct pn_order)__VA_ARGS__)

/* ---- connections ---- */

struct pn_conn;
/** What a peer sends before anything else on a connection, TLS included: the PROXY protocol and the like. The first preface
 *  that is wanted is read, and only that one. Neither function may suspend. */
struct pn_preface {
    /** Does this connection begin with it? Asked when the connection has been accepted. */
    bool (*wanted)(const struct pn_conn *conn);
    /** @param bytes all that has come so far, at least one byte and at most PN_PREFACE_MAX.
     *  @param ret_n how many of them are the preface; what follows is the connection's own.
     *  @return PN_OK; PN_AGAIN: more is needed; anything else closes the connection (the hook has said why in the log). */
    pn_rc (*read)(struct pn_conn *conn, pn_str bytes, size_t *ret_n);
};
#define PN_PREFACE_MAX 4096
/** @param preface lives for the process. */
void pn_hook_preface(struct pn_hooks *h, const struct pn_preface *preface, struct pn_order order);

/* ---- life of the server ---- */

/** After a configuration is read and merged, in the master (and by -t with `check_only`): open files, check what rows can't.
 *  @return PN_OK, or PN_BAD after reporting through pn_generation_error. */
typedef pn_rc pn_post_config_fn(struct pn_generation *generation, apr_pool_t *pool, bool check_only);
void pn_hook_post_config(struct pn_hooks *h, pn_post_config_fn *fn, struct pn_order order);
/** In each child, after the drop of privileges, before the loop runs. `pool` lives as long as the child. */
typedef void pn_child_init_fn(struct pn_generation *generation, apr_pool_t *pool);
void pn_hook_child_init(struct pn_hooks *h, pn_child_init_fn *fn, struct pn_order order);
typedef void pn_child_exit_fn(struct pn_generation *generation);
void pn_hook_child_exit(struct pn_hooks *h, pn_child_exit_fn *fn, struct pn_order order);
/** In a process that serves and has just crashed, when EnableExceptionHook is on: before the signal takes its effect. It runs in
 *  the signal's handler, so nothing but async-signal-safe calls is allowed, and it must return. */
typedef void pn_fatal_exception_fn(int signal_number, int pid);
void pn_hook_fatal_exception(struct pn_hooks *h, pn_fatal_exception_fn *fn, struct pn_order order);

/** In the master while it serves the generation: called when its time has come, or earlier. Must not block.
 *  @param now monotonic.  @return when to call again; PN_NEVER: there is no need. */
typedef pn_usec pn_master_tick_fn(struct pn_generation *generation, pn_usec now);
void pn_hook_master_tick(struct pn_hooks *h, pn_master_tick_fn *fn, struct pn_order order);

/* ---- named providers: how modules meet without including each other ---- */

/** Offers `object` under group, name and version ("authz", "ip", "0"). Object lives for the process. */
void pn_provide(struct pn_hooks *h, const char *group, const char *name, const void *object);
/** A provider of the active modules, or NULL. */
const void *pn_provider(const struct pn_generation *generation, const char *group, pn_str name);
/** All names of a group, for lists and hints; array of const char *, owned by pool. */
apr_array_header_t *pn_provider_names(const struct pn_generation *generation, apr_pool_t *pool, const char *group);

#endif
