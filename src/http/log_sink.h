/* log_sink.h - where log lines go: files, programs behind a pipe, syslog.
 *
 * The master opens sinks while it loads a configuration; they belong to the generation's pool, and the same name opens once a
 * generation. Children inherit the descriptors. A sink's number is never used twice in the life of a master, so it tells
 * in shared memory whose line it is.
 *
 * The program behind a pipe is the master's child. The master keeps both ends of the pipe open: when the program dies,
 * the lines wait in the pipe for the next one, and the writers notice nothing. Callers: log_buffer.c, log_error.c,
 * modules by pinion/log.h, and src/main, which connects the calls of the lower half with the master's SIGCHLD. */
#ifndef PN_HTTP_LOG_SINK_H
#define PN_HTTP_LOG_SINK_H

#include <pinion/generation.h>
#include <pinion/log.h>
#include <sys/types.h>

enum pn_log_sink_kind { PN_LOG_FILE, PN_LOG_PIPE, PN_LOG_SYSLOG };

struct pn_log_program;

struct pn_log_sink {
    uint32_t              number;   /* from 1 */
    enum pn_log_sink_kind kind;
    const char           *name;     /* as configured */
    int                   fd;       /* file or pipe's write end; -1: syslog */
    struct pn_log_program *program; /* PN_LOG_PIPE */
    int                   facility; /* PN_LOG_SYSLOG */
    const char           *tag;
    bool                  lazy;     /* BufferedLogs: lines may wait for others */
    struct pn_log_sink   *next;     /* of the generation */

    /* Of this process alone, under the lock: what went wrong. */
    uint64_t              dropped;  /* lines lost since the last report */
    int                   error;    /* errno of the last write, 0: fine */
    uint32_t              failed_round; /* the flush in which it last failed */
    int64_t               reported_s; /* when that was told, monotonic; 0: not */
    bool                  torn;     /* the last byte written was not a line's end */
    uint64_t              seen_end; /* the file was at least this long; see log_recover.c */
    int64_t               seen_s;   /* when that was asked of the kernel, monotonic */
};

/** The sink of that number, or NULL. */
struct pn_log_sink *pn__log_sink_find(const struct pn_generation *generation, uint32_t number);
/** The buffer's form of a line for a syslog sink begins with its level: one byte, 'A' + level. Appends like pn_log_sink_add. */
void pn__log_sink_add_level(struct pn_log_sink *sink, enum pn_log_level level, pn_str line);

/** What is known of sinks belongs to whoever holds this: threads write to the same ones. May be taken again by its holder, since trouble
 *  with a log is a line of a log. */
void pn__log_sinks_lock(void);
void pn__log_sinks_unlock(void);
/** Writes whole lines at once, past every buffer: for processes and threads that have none. A pipe that stays full for a
 *  tenth of a second loses them (counted). */
void pn__log_sink_write_now(struct pn_log_sink *sink, pn_str lines);
/** One attempt that does not wait. @return bytes taken, or -1 with errno. For pipes: a run of whole lines that the kernel takes at
 *  once, so that lines of several processes do not mix. */
ssize_t pn__log_sink_try(struct pn_log_sink *sink, pn_str lines);

/* ---- programs behind pipes: the master's calls ---- */

/** Starts the programs of a generation; once it is in use, in the process that will reap them.
 *  @return PN_OK, or PN_SYSTEM with *ret_error (owned by the generation) when one can't be started. */
PN_NODISCARD pn_rc pn_log_pipes_start(struct pn_generation *generation, const char **ret_error);
/** A child of this process has ended. @return true when it was a program of a log: it is started again, at once or, when it
 *  lived for less than a second, after a pause that doubles up to a minute (pn_log_pipes_tick). */
bool pn_log_pipes_reap(pid_t pid, int status);
/** Starts programs whose pause is over. @param now monotonic. @return when to call again, PN_NEVER: not needed. */
pn_usec pn_log_pipes_tick(pn_usec now);
/** The generation is out of use, its children have ended: closes the pipes, so that the programs read what is left and see the
 *  end of their input. Freeing the generation does this too; what then lives on for half a second gets SIGTERM. */
void pn_log_pipes_stop(struct pn_generation *generation);

/* ---- between log_sink.c and log_program.c ---- */

struct pn_log_sink *pn__log_sinks(const struct pn_generation *generation);
/** Makes the pipe and checks that the program is there. @return NULL or the error. */
const char *pn__log_program_prepare(apr_pool_t *pool, struct pn_log_sink *sink, pn_str command);
/** Closes this process's descriptors; in the process that started the program, ends it. */
void pn__log_program_release(struct pn_log_program *program);

#endif
