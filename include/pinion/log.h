/* pinion/log.h - the error log: levels, message numbers, and calls that cost nothing when the level is off.
 *
 * Each message has a number from data/log-ids.def, never reused: Apache's AH number where it is the same event, PN
 * numbers from 20000 on for our own. A file defines PN_LOG_MODULE before its first call so that LogLevel
 * per module works: #define PN_LOG_MODULE &pn_module_alias (the core uses &pn_module_core). */
#ifndef PINION_LOG_H
#define PINION_LOG_H

#include <pinion/str.h>

struct pn_request;
struct pn_conn;
struct pn_server;
struct pn_module;

enum pn_log_level {
    PN_LOG_EMERG, PN_LOG_ALERT, PN_LOG_CRIT, PN_LOG_ERR, PN_LOG_WARNING, PN_LOG_NOTICE, PN_LOG_INFO, PN_LOG_DEBUG,
    PN_LOG_TRACE1, PN_LOG_TRACE2, PN_LOG_TRACE3, PN_LOG_TRACE4, PN_LOG_TRACE5, PN_LOG_TRACE6, PN_LOG_TRACE7, PN_LOG_TRACE8
};

/** Is this level on for the module where the request (connection, server) is? */
bool pn_log_on_r(const struct pn_request *r, const struct pn_module *module, enum pn_log_level level);
bool pn_log_on_s(const struct pn_server *s, const struct pn_module *module, enum pn_log_level level);
bool pn_log_on_c(const struct pn_conn *c, const struct pn_module *module, enum pn_log_level level);

/** Peer bytes go through pn_str_escape, or %s of a string that was; the writer escapes control bytes again anyway. A message is
 *  cut after PN_LOG_MESSAGE_MAX bytes. Never suspends, takes no memory.
 *  @param error an errno value shown with its text, 0: none.  @param id message number, 0 for trace messages. */
PN_PRINTF(6, 7) void pn_log_write_r(const struct pn_request *r, const struct pn_module *module, enum pn_log_level level,
                                    unsigned id, int error, const char *fmt, ...);
PN_PRINTF(6, 7) void pn_log_write_s(const struct pn_server *s, const struct pn_module *module, enum pn_log_level level,
                                    unsigned id, int error, const char *fmt, ...);
PN_PRINTF(6, 7) void pn_log_write_c(const struct pn_conn *c, const struct pn_module *module, enum pn_log_level level,
                                    unsigned id, int error, const char *fmt, ...);

#define PN_LOG_MESSAGE_MAX 8192

/** Remembers the place in the source for the next message of this thread (ErrorLogFormat's %F). */
void pn_log_here(const char *file, int line);

/** Log for a request, a server (NULL: the main one) or a connection; arguments are evaluated only when the level is on. */
#define PN_LOG_R(r, level, id, error, ...)                                                         \
    (pn_log_on_r((r), PN_LOG_MODULE, (level))                                                      \
         ? (pn_log_here(__FILE__, __LINE__),                                                       \
            pn_log_write_r((r), PN_LOG_MODULE, (level), (id), (error), __VA_ARGS__))               \
         : (void)0)
#define PN_LOG_S(s, level, id, error, ...)                                                         \
    (pn_log_on_s((s), PN_LOG_MODULE, (level))                                                      \
         ? (pn_log_here(__FILE__, __LINE__),                                                       \
            pn_log_write_s((s), PN_LOG_MODULE, (level), (id), (error), __VA_ARGS__))               \
         : (void)0)
#define PN_LOG_C(c, level, id, error, ...)                                                         \
    (pn_log_on_c((c), PN_LOG_MODULE, (level))                                                      \
         ? (pn_log_here(__FILE__, __LINE__),                                                       \
            pn_log_write_c((c), PN_LOG_MODULE, (level), (id), (error), __VA_ARGS__))               \
         : (void)0)

/** "[10/Oct/2000:13:55:36 -0700]" in local time; valid until the thread asks for other times. */
pn_str pn_log_clf_time(pn_wall time);
/** The id of a connection in logs (%{c}L), the same as long as it lives; returns its length. Room for 16 bytes. */
size_t pn_log_conn_id(const struct pn_conn *conn, char *to);

/* ---- sinks: files, pipes, syslog, as access logs and error logs share them ---- */

struct pn_generation;
struct pn_log_sink;
/** Opens (in the master, while the configuration is loaded) a log: a file relative to ServerRoot (made when it is missing, its
 *  directory is not), "|prog args" or "||prog" (run directly, by a shell where the text has a shell's characters), "|$prog"
 *  (through the shell), "syslog:facility:tag". The same name opens once a generation.
 *  @return PN_OK, or PN_BAD with *ret_error (owned by the generation). */
PN_NODISCARD pn_rc pn_log_sink_open(struct pn_generation *generation, pn_str name, struct pn_log_sink **ret,
                                    const char **ret_error);
/** BufferedLogs: lines of this sink may wait until 4 KB are together, or a second. At configuration time. */
void pn_log_sink_set_lazy(struct pn_log_sink *sink);

/** Longest line, its end included. */
#define PN_LOG_LINE_MAX 65536

/** Appends whole lines (each ends in \n) to the thread's buffer; written at the end of the loop's turn. Never suspends, never
 *  fails: more than PN_LOG_LINE_MAX at a time is cut. Lines that a full disk or a slow program does not take are kept and tried
 *  again; when half of the buffer waits, the oldest of them are dropped and counted in the error log. */
void pn_log_sink_add(struct pn_log_sink *sink, pn_str line);
/** The same without a copy: room for up to `max` (<= PN_LOG_LINE_MAX) bytes to fill; then commit what was used (0: nothing). Between
 *  the two calls the fiber must not suspend; messages that are logged meanwhile take another way. */
char *pn_log_sink_reserve(struct pn_log_sink *sink, size_t max);
void  pn_log_sink_commit(struct pn_log_sink *sink, size_t used);

#endif
