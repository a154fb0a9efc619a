/* proc.h - the process models as src/main starts them: a master that watches over children, or one process alone.
 *
 * This folder knows processes and listeners, and nothing of HTTP: what a child does with a connection, how logs are
 * kept and how a configuration is loaded comes in by struct pn_proc_ops. Callers: src/main. */
#ifndef PN_PROC_PROC_H
#define PN_PROC_PROC_H

#include <sys/types.h>

#include "proc/mpm_conf.h"
#include "proc/scoreboard.h"

struct pn_daemon;
struct pn_score_table;

/** What a child's engine has to say about itself, taken once a turn of its loop. */
struct pn_child_figures {
    unsigned conns;    /* open connections */
    unsigned closing;  /* of them, those that have their answer and wait for the peer to close */
    unsigned active;   /* requests at work */
    unsigned waiting;  /* requests that wait until one of those has ended */
    uint64_t requests; /* answered since the child began */
    uint64_t bytes;    /* sent since then */
};

/** Where an engine runs. */
struct pn_engine_place {
    unsigned             sharers; /* engines of this process, each with its part of the caches' limits */
    bool                 one_connection; /* at a time */
    unsigned             at_work; /* most requests at work at a time, UINT_MAX: any number */
    struct pn_watch_hub *hub;     /* what they watch files with; NULL: each by itself */
};

struct pn_proc_ops {
    /* ---- in the master ---- */

    /** Loads the configuration anew, as this generation. Reports errors itself, to the log of `running`.
     *  @return a reference, or NULL: the old one stays. */
    struct pn_generation *(*load)(void *arg, unsigned number, struct pn_generation *running);
    /** Memory for the log lines of one child's `threads`, shared with it. @param earlier what an ended child in the same
     *  place had, or NULL: used again when it fits, else closed.  @return NULL with errno (then nothing is left of it). */
    void *(*segment_open)(void *earlier, unsigned threads);
    void (*segment_close)(void *segment);
    /** The child has ended: what it left unwritten is written. */
    void (*segment_recover)(void *segment, struct pn_generation *generation);
    /** The generation is about to be served: starts what belongs to it (log programs).
     *  @return false when that can't be: reported, the generation is not used. */
    bool (*begin)(struct pn_generation *generation);
    /** Its last child has ended. */
    void (*end)(struct pn_generation *generation);
    /** A process that is none of the children has ended. */
    void (*other_ended)(pid_t pid, int status);
    /** Work that is due. @param now monotonic.  @return when to call again, PN_NEVER: no need. */
    pn_usec (*tick)(pn_usec now);
    /** Makes the table of requests (base/score.h) before there are children. NULL with errno. */
    struct pn_score_table *(*scores_open)(unsigned n_children, unsigned n_slots);
    /** A descriptor of the main error log for what programs print, or -1. */
    int (*error_log_fd)(struct pn_generation *generation);

    /* ---- in a child, in this order ---- */

    /** For the calling thread, the child's `number`th from 0. */
    void (*segment_attach)(void *segment, unsigned number);
    /** Writes everything and lets go of it: the thread's last call. */
    void (*segment_release)(void);
    /** Which place of the table of requests is this child's own. */
    void (*scores_attach)(unsigned child, unsigned n_workers, const struct pn_generation *generation, apr_pool_t *pool);
    void (*scores_release)(void);
    /** Makes the thread's engine, after the drop of privileges. @return false with errno when it can't be made. */
    bool (*engine_open)(struct pn_loop *loop, apr_pool_t *pool, struct pn_generation *generation,
                        const struct pn_engine_place *place, void **ret_engine);
    /** Takes the descriptor. */
    void (*accepted)(void *engine, int fd, const struct pn_addr *peer, const struct pn_listener *listener);
    void (*figures)(const void *engine, struct pn_child_figures *ret);
    /** No more connections come. Idle ones are closed after `grace` or their next answer. */
    void (*drain)(void *engine, pn_usec grace);
    void (*engine_close)(void *engine);
};

/** How this program was started, for starting another one in its place. Lives as long as the process. */
struct pn_start {
    const char  *program;      /* absolute path */
    char *const *argv;
    int          directory_fd; /* where; -1: not known */
};

/** What an earlier master left to this one, see upgrade.h. */
struct pn_handover {
    int note_fd;     /* it is told by this one; closed then */
    int pid_file_fd; /* the PidFile, locked; -1: none */
};

struct pn_proc_options {
    const struct pn_proc_ops *ops;
    void                     *arg;         /* of ops->load */
    struct pn_generation     *generation;  /* the first; the reference is taken */
    struct pn_listener       *inherited;   /* sockets of the environment, or NULL */
    const struct pn_start    *start;       /* NULL: no other program can take over */
    struct pn_handover       *handover;    /* NULL: this is no upgrade */
    struct pn_daemon         *daemon;      /* told when the server is up; NULL: in the foreground */
    const char               *name;        /* "Pinion/0.1.0", for the log */
    const char               *command_line;/* for the log */
    bool                      one_process; /* -X */
    bool                      keep_identity; /* children keep the user that started the server */
    bool                      no_pid_file;
    void (*on_ready)(void *arg);           /* the first child serves; may be NULL */
};

/** Runs the server until it is told to end. @return the exit code. */
int pn_proc_run(const struct pn_proc_options *options);

/* ---- upgrade.c ---- */

/** Takes what the earlier master handed over out of the environment; before pn_listeners_from_environment.
 *  @return false: there is none. */
bool pn_handover_from_environment(struct pn_handover *ret);

/* ---- daemon.c ---- */

/** Continues in a new process that has left the terminal. The calling process waits in here until that one is up or has
 *  failed, and exits with its code. @return NULL with errno when there can be no new process. */
struct pn_daemon *pn_daemon_detach(apr_pool_t *pool);
/** Leaves standard input and output; standard error goes to `error_fd` (-1: nowhere). Before there are children, which would
 *  hold the terminal. */
void pn_daemon_leave_terminal(struct pn_daemon *self, int error_fd);
/** The server is up: lets the waiting process go. */
void pn_daemon_ready(struct pn_daemon *self);
/** In a child: it is not the one that is waited for. */
void pn_daemon_child(struct pn_daemon *self);

/* ---- pidfile.c ---- */

enum pn_pid_state {
    PN_PID_NONE,    /* no file */
    PN_PID_STALE,   /* the process it names is not a master */
    PN_PID_RUNNING,
    PN_PID_BAD      /* cannot be read, or holds no number */
};
/** What a PidFile tells. @param ret_pid set for STALE and RUNNING. */
enum pn_pid_state pn_pidfile_read(const char *path, pid_t *ret_pid);

#endif
