/* loop.h - the event loop: one per serving thread, edge-triggered, each descriptor registered
 * once.
 *
 * A turn is: wait; receive all that is ready (io callbacks read bytes and queue jobs, they never
 * run requests); the `received` hooks (file watch drains its events here); run the jobs queued
 * so far (fibers are resumed here and nowhere else); expire timers; the `turn_end` hooks (logs
 * are written). The clock is taken once a turn, right after the wait.
 *
 * Because every byte of a request is received before the watch is drained and the request run, a
 * change made before a request was sent is seen by that request.
 *
 * All of it belongs to one thread; only pn_loop_wake (also in signal handlers) and pn_job_post
 * may be called from others. What differs between kernels is in loop_epoll.c. */
#ifndef PN_RT_LOOP_H
#define PN_RT_LOOP_H

#include <pinion/str.h>

struct pn_loop;
struct pn_io;
struct pn_job;

/** Readiness bits handed to an io callback. */
enum pn_io_event {
    PN_IO_IN = 1,
    PN_IO_OUT = 2,
    PN_IO_HUP = 4,  /* closed both ways, or an error: IN and OUT are set too, nothing blocks */
    PN_IO_RDHUP = 8 /* the peer sends no more, but may still read: IN is set too, EOF comes */
};

typedef void pn_io_fn(struct pn_io *io, unsigned events);
typedef void pn_job_fn(struct pn_job *job);

/** A registered descriptor; embedded in its owner. `fn` may be replaced between turns. A short
 *  read means that nothing is left only while RDHUP is not set: else an EOF may lie behind it
 *  without a new event. */
struct pn_io {
    pn_io_fn *fn;
    int       fd;         /* -1: not open */
    uint8_t   ready;      /* sticky PN_IO_* bits: set by the loop, cleared by whoever got EAGAIN */
    bool      registered; /* known to the kernel's poll set */
    bool      exclusive;  /* opened so */
};

/** Work for the run phase; embedded in its owner. A job is queued at most once at a time. */
struct pn_job {
    struct pn_job *next;
    pn_job_fn     *fn;
    bool           queued;
};

/** A call that runs at a fixed point of every turn; embedded in its owner. */
struct pn_turn_hook {
    struct pn_turn_hook *next;
    void (*fn)(struct pn_turn_hook *hook);
};

/** Creates the loop of the calling thread; at most one per thread. PN_SYSTEM with errno (EBUSY:
 *  it has one). The loop lies in `pool` and must be closed before the pool goes. */
PN_NODISCARD pn_rc pn_loop_open(apr_pool_t *pool, struct pn_loop **ret_loop);
/** Own thread, outside a turn, when all fibers have ended (asserted). Waits for offloaded work;
 *  jobs that are queued still are dropped. Accepts NULL. */
void pn_loop_close(struct pn_loop *loop);
/** The calling thread's loop, or NULL. */
struct pn_loop *pn_loop_this(void);

/** Runs turns until pn_loop_stop, then returns. */
void pn_loop_run(struct pn_loop *loop);
/** One turn that waits at most `wait_usec` (0: do not wait, PN_NEVER: for ever). For tests. */
void pn_loop_turn(struct pn_loop *loop, pn_usec wait_usec);
/** The loop returns from pn_loop_run at the end of this turn. Own thread only. */
void pn_loop_stop(struct pn_loop *loop);
/** Wakes the loop's wait. Async-signal-safe, any thread. */
void pn_loop_wake(struct pn_loop *loop);

/** Monotonic and wall clock of this turn. */
pn_usec pn_loop_now(const struct pn_loop *loop);
pn_wall pn_loop_wall(const struct pn_loop *loop);
/** Takes the clock anew (after long work inside a turn). */
void pn_loop_touch_clock(struct pn_loop *loop);

/** Registers a descriptor for input, output and hang-up at once, edge-triggered. The descriptor
 *  must be non-blocking; a connecting socket is opened here after its connect(). `exclusive`:
 *  level-triggered, input only, one waiter woken (listeners shared by processes). On failure the
 *  descriptor stays the caller's. */
PN_NODISCARD pn_rc pn_io_open(struct pn_loop *loop, struct pn_io *io, int fd, pn_io_fn *fn,
                              bool exclusive);
/** Fills io without telling the kernel: for descriptors that may finish before they ever wait. It
 *  counts as ready for both ways until an EAGAIN clears that. pn_io_register (PN_OK when it is
 *  registered already) makes up for it; the loop then reports what is ready at that time, too. */
void               pn_io_prepare(struct pn_io *io, int fd, pn_io_fn *fn);
PN_NODISCARD pn_rc pn_io_register(struct pn_loop *loop, struct pn_io *io);
/** Takes an exclusive descriptor out of the poll set and back (accept pauses). */
PN_NODISCARD pn_rc pn_io_pause(struct pn_loop *loop, struct pn_io *io);
PN_NODISCARD pn_rc pn_io_resume(struct pn_loop *loop, struct pn_io *io);
/** Closes the descriptor and forgets the io; events of it that this turn already fetched are
 *  dropped. Accepts an io that is not open. */
void pn_io_close(struct pn_loop *loop, struct pn_io *io);
/** Forgets the io without closing; returns the descriptor. */
int pn_io_detach(struct pn_loop *loop, struct pn_io *io);

/** Queues a job at the end of this turn's run phase (a job queued by a running job runs in the
 *  same phase, up to a bound, then in the next turn, which then does not wait). No-op when queued
 *  already. */
void pn_job_queue(struct pn_loop *loop, struct pn_job *job);
/** Takes a queued job out; no-op when it is not queued, else O(jobs queued before it). */
void pn_job_cancel(struct pn_loop *loop, struct pn_job *job);
/** Queues a job from any thread and wakes the loop; posted jobs keep their order. The job must
 *  not be queued or posted already, can't be cancelled until it runs, and the loop must outlive
 *  it. */
void pn_job_post(struct pn_loop *loop, struct pn_job *job);
/** Runs the received hooks and the queued jobs now, in the middle of the receive phase: for a
 *  receiver whose buffer space is used up. Must not be called from a job. */
void pn_loop_run_received(struct pn_loop *loop);

void pn_loop_on_received(struct pn_loop *loop, struct pn_turn_hook *hook);
void pn_loop_on_turn_end(struct pn_loop *loop, struct pn_turn_hook *hook);
/** Takes a hook out of either list; no-op when it is in none. Safe inside a hook. */
void pn_loop_off(struct pn_loop *loop, struct pn_turn_hook *hook);

/** Counters since the loop was opened (turns, events), for status and tests. */
struct pn_loop_stats {
    uint64_t turns, events, jobs;
};
struct pn_loop_stats pn_loop_stats(const struct pn_loop *loop);

#endif
