/* mpm_conf.h - settings of the process models: who runs the server, how many processes, where they listen.
 *
 * Filled by the rows in mpm_directives.c and unixd.c, corrected by mpm_check.c in post_config, read by the master and
 * its children. Part of a generation; after post_config only the listeners' descriptors change, in the master. */
#ifndef PN_PROC_MPM_CONF_H
#define PN_PROC_MPM_CONF_H

#include <pinion/generation.h>
#include <sys/types.h>

#include "net/listener.h"

extern struct pn_module pn_module_mpm_common; /* always active: the directives that all models share */
extern struct pn_module pn_module_unixd;      /* always active: User, Group, ChrootDir */
extern struct pn_module pn_module_mpm_event, pn_module_mpm_worker, pn_module_mpm_prefork;

enum pn_mpm_model { PN_MPM_EVENT, PN_MPM_WORKER, PN_MPM_PREFORK };

struct pn_accept_lock;

/** One line of Mutex: which mechanism guards what. */
struct pn_mutex_line {
    pn_str mechanism; /* "default", "flock", ... */
    pn_str path;      /* of "mechanism:path", empty: none */
    pn_str name;      /* "default", "mpm-accept", ... */
    bool   omit_pid;
};

/** AcceptFilter: what a listener of a protocol waits for before a connection is handed over. */
struct pn_accept_filter {
    pn_str protocol, filter;
};

struct pn_mpm_conf {
    struct pn_listener *listeners;     /* what the Listen lines stand for, in their order */
    bool                free_bind;     /* Listen ... options=freebind */
    int64_t             backlog;       /* ListenBacklog */
    int64_t             buckets_ratio; /* ListenCoresBucketsRatio: 0 is off */
    int64_t             defer_accept_s; /* ListenTCPDeferAccept */
    int64_t             receive_bytes, send_bytes;
    apr_array_header_t *accept_filters; /* of struct pn_accept_filter */
    apr_array_header_t *mutexes;        /* of struct pn_mutex_line */
    struct pn_accept_lock *accept_lock; /* made by the master; NULL: none */

    pn_str runtime_dir;                /* DefaultRuntimeDir, absolute */
    pn_str pid_file, scoreboard_file, lock_file, core_dir; /* absolute; empty: not set (PidFile: never) */
    bool   exception_hook;

    enum pn_mpm_model model;
    int64_t start_servers;             /* children at the start */
    int64_t min_spare_servers, max_spare_servers;
    int64_t min_spare_threads, max_spare_threads;
    int64_t keep_children;             /* never fewer: event's part of the cores; prefork: 0, spares decide */
    int64_t server_limit, thread_limit, threads_per_child, max_request_workers;
    int64_t max_connections_per_child; /* 0: a child lives for ever */
    double  async_factor;              /* AsyncRequestWorkerFactor */
    bool    async_factor_set;          /* without it idle connections are not counted */
    bool    max_workers_auto;          /* MaxRequestWorkers auto */
    int64_t handler_watchdog_s;        /* HandlerWatchdog; 0: off */
    int64_t max_mem_per_child;         /* bytes; 0: no limit */
    int64_t max_mem_free_kbytes;       /* of each pool; 0: unlimited */
    int64_t thread_stack_bytes;        /* 0: the program's own size */
    pn_usec graceful_timeout;          /* GracefulShutdownTimeout; 0: no limit */
};

/** Of mod_unixd. */
struct pn_unixd_conf {
    pn_str user, group;  /* as written; empty: not set */
    uid_t  uid;
    gid_t  gid;
    bool   user_set, group_set;
    pn_str chroot_dir;   /* absolute; empty: none */
    bool   suexec;       /* Suexec, when it is set */
    gid_t *groups;       /* all that the account is in, gid among them; looked up once, by a root master */
    int    n_groups;
};

static inline struct pn_mpm_conf *pn_mpm_conf(const struct pn_generation *generation)
{
    return PN_SERVER_CONF(generation->servers, &pn_module_mpm_common);
}
static inline struct pn_unixd_conf *pn_unixd_conf(const struct pn_generation *generation)
{
    return PN_SERVER_CONF(generation->servers, &pn_module_unixd);
}

/** The model that LoadModule names, event when it names none. @param ret_named how many were named; may be NULL. */
enum pn_mpm_model pn_mpm_model_of(const struct pn_generation *generation, unsigned *ret_named);
/** Requests at work that a child may have. */
static inline unsigned pn__mpm_workers(const struct pn_mpm_conf *conf)
{
    return conf->model == PN_MPM_PREFORK ? 1 : (unsigned)conf->threads_per_child;
}
/** "event", "worker", "prefork". */
const char *pn_mpm_name(enum pn_mpm_model model);
/** Threads of one child that serve. */
static inline unsigned pn_mpm_threads(const struct pn_mpm_conf *conf)
{
    return conf->model == PN_MPM_WORKER ? (unsigned)conf->threads_per_child : 1;
}
/** The directory of runtime files: DefaultRuntimeDir, or what stands for it when it is not set. */
const char *pn_mpm_runtime_dir(const struct pn_generation *generation);

/* ---- mpm_directives.c ---- */

extern const struct pn_directive pn__mpm_directives[];

/* ---- listen_directives.c ---- */

pn_directive_fn pn__set_listen, pn__set_accept_filter;

/* ---- mpm_check.c ---- */

/** The model by the modules that were loaded, impossible values made possible with a warning each. */
pn_post_config_fn pn__mpm_check;

#endif
