/* pinion/io.h - descriptors that a request waits on beside its connection, and a second line of work for it.
 *
 * A pipe here is any descriptor that polls: an end of a pipe, a socket. Waiting suspends the calling fiber; outside a
 * fiber nothing here may be called but open and close. All of it belongs to one loop. */
#ifndef PINION_IO_H
#define PINION_IO_H

#include <pinion/str.h>

/** The monotonic clock, taken once a turn of the loop. */
pn_usec pn_now(void);

struct pn_pipe;

/** Takes the descriptor, makes it non-blocking and close-on-exec; closed by pn_pipe_close or with the pool. */
struct pn_pipe *pn_pipe_open(apr_pool_t *pool, int fd);
/** Accepts NULL and a closed pipe. */
void pn_pipe_close(struct pn_pipe *pipe);
/** False for NULL and after pn_pipe_close. */
bool pn_pipe_is_open(const struct pn_pipe *pipe);
/** The descriptor, for calls that do not wait; -1: not open. */
int pn_pipe_fd(const struct pn_pipe *pipe);
/** Gives the descriptor back, blocking or not as it is, and forgets it; -1: not open. */
int pn_pipe_detach(struct pn_pipe *pipe);

/** One read. Waits at most `timeout` microseconds for the first byte (0: does not wait, PN_NEVER: no limit).
 *  @return PN_OK with *ret_n > 0; PN_EOF; PN_AGAIN (timeout 0 and nothing there); PN_TIMEOUT; PN_CANCELLED (the client has
 *  gone, shutdown); PN_SYSTEM with errno. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_pipe_read(struct pn_pipe *pipe, char *to, size_t max, pn_usec timeout, size_t *ret_n);
/** Writes all of it; each wait without progress lasts at most `timeout`. Nobody reading is PN_EOF. Same results. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_pipe_write(struct pn_pipe *pipe, pn_str bytes, pn_usec timeout);
/** Waits until one of the open pipes can be read (its end counts). NULL and closed pipes are skipped.
 *  @return PN_OK, PN_EOF (none is open), PN_TIMEOUT, PN_CANCELLED, PN_SYSTEM. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_pipe_wait(struct pn_pipe *const *pipes, size_t count, pn_usec timeout);

/* ---- work that nobody waits for ---- */

/** A function that blocks, for a thread of the offload pool; may be started again and again, once at a time. */
struct pn_apart;
/** @param pool the child's (child_init): must not go before the loop is closed. `fn` must not touch what the loop uses. */
struct pn_apart *pn_apart_create(apr_pool_t *pool, void (*fn)(void *arg), void *arg);
/** On the loop's thread. @return false: it runs already, or no thread can be had. */
bool pn_apart_start(struct pn_apart *work);

/* ---- tasks ---- */

struct pn_task;
typedef void pn_task_fn(void *arg);

/** Runs fn(arg) in a fiber of its own beside the calling one, at once up to its first wait. The pool must outlive it:
 *  pn_task_end is called before the pool goes (a cleanup of the pool does so at the latest).
 *  @return PN_SYSTEM when there is no memory for a stack; then fn did not run. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_task_start(apr_pool_t *pool, pn_task_fn *fn, void *arg, struct pn_task **ret_task);
/** Has fn returned? */
bool pn_task_ended(const struct pn_task *task);
/** Waits until fn has returned, at most `timeout`. @return PN_OK, PN_TIMEOUT, PN_CANCELLED. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_task_wait(struct pn_task *task, pn_usec timeout);
/** Ends the task's waits with PN_CANCELLED and waits until fn has returned, whatever happens. Accepts NULL. */
PN_MAY_YIELD void pn_task_end(struct pn_task *task);

#endif
