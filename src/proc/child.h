/* child.h - a serving process: becomes somebody else, runs the loop, accepts, and ends when it is told to.
 *
 * Lives in the forked process (with -X in the only one). In the event and prefork models one thread does all. In the
 * worker model the main thread controls: it takes signals and hears of the master, and a crew of threads (crew.h) serves, each
 * with a struct pn_child of its own that differs in what belongs to a thread. Everything here belongs to the loop's
 * thread but `asked`. Turn by turn it looks what it was asked and copies its figures to the process's slot. */
#ifndef PN_PROC_CHILD_H
#define PN_PROC_CHILD_H

#include "proc/events.h"
#include "proc/proc.h"
#include "rt/timer.h"

/** The child could not become what the configuration says: starting it again would end the same. */
#define PN_EXIT_FATAL 15

/** From the master: there may be connections that nobody was woken for. */
#define PN_SIGNAL_LOOK SIGURG

struct pn_crew;
struct pn_memory_look;

struct pn_child {
    const struct pn_proc_ops *ops;
    struct pn_generation     *generation;
    const struct pn_mpm_conf *conf;
    struct pn_listener       *listeners;
    struct pn_events         *events;  /* note and life pipes; NULL in the only process */
    struct pn_board          *board;
    unsigned                  index;   /* of the process's slot */
    unsigned                  thread;  /* worker: its number in the crew */
    void                     *segment; /* of the process's logs */
    bool                      keep_identity;
    void (*on_ready)(void *arg);       /* in the only process: it serves; may be NULL */
    void                     *on_ready_arg;

    /* from here on the child's own */
    struct pn_board_slot *slot;
    struct pn_memory_look *memory;        /* the process's */
    struct pn_crew       *crew;           /* worker: the process's threads; NULL: this is the only one */
    atomic_uint          *asked;          /* PN__ASKED_* bits, set by signal handlers or by the controlling thread */
    struct pn_child_figures told;         /* worker: this thread's part of the slot's sums */
    uint64_t              told_accepted;
    apr_pool_t           *pool;
    struct pn_loop       *loop;
    void                 *engine;
    atomic_uint          *turn_since;     /* see watchdog.h */
    struct pn_turn_hook   turn_begin, turn_end;
    struct pn_accept_turn *turn;          /* with an accept mutex, see accept_turn.h; else NULL */
    struct pn_io          life_io;
    struct pn_timer       resume_timer;   /* accepting goes on after trouble */
    struct pn_timer       share_timer;    /* siblings had their chance */
    struct pn_timer       deadline_timer; /* draining ends */
    unsigned              paused;         /* why it does not accept: PN__PAUSE_* bits */
    pn_usec               last_complaint; /* about accept(), PN_NEVER: none yet */
    uint64_t              complaints;     /* unspoken since then */
    uint64_t              accepted;
    unsigned              batch;          /* connections a wake-up that are likely there, from 1 */
    unsigned              full_batches;   /* wake-ups in a row that found that many */
    bool                  has_left_it;    /* nobody took what this child left to its siblings */
    bool                  draining;
    bool                  listening;
    bool                  hold_due;       /* paused for PN__PAUSE_BUSY alone, and the kernel has not been told */
    bool                  said_enough;    /* the master knows that it has had enough */
};

/** What a serving thread may be asked; it obeys at the end of its turn. */
enum { PN__ASKED_STOP = 1, PN__ASKED_DRAIN = 2, PN__ASKED_LOOK = 4 };

/** Serves until told to end. @return the exit code. */
int pn__child_run(struct pn_child *child);
/** Stops accepting and ends when the last connection has. */
void pn__child_drain(struct pn_child *child);
/** MaxConnectionsPerChild or MaxMemPerChild is reached: asks the master for another child in its place. One that holds a connection
 *  a process leaves by itself; others go on until the other one serves, when the master tells them to leave.
 *  @return true when this is the first to say so. */
bool pn__child_had_enough(struct pn_child *child);
/** Connections that the process has accepted. */
uint64_t pn__child_accepted(const struct pn_child *child);
/** Tells the master that no child, or no slot of this one, is idle; unless it has been told and not looked yet. */
void pn__child_says_busy(const struct pn_child *child);
/** Copies the figures to the slot. */
void pn__child_publish(struct pn_child *child);
/** Does it hold one connection at a time? */
static inline bool pn__child_holds_one(const struct pn_child *child)
{
    return child->conf->model != PN_MPM_EVENT;
}

/* ---- what a serving thread is made of: child.c for the only one, crew.c for each of several ---- */

/** Its pool, with an allocator that no other thread uses. */
void pn__child_make_pool(struct pn_child *child);
/** The loop. PN_SYSTEM with errno. */
PN_NODISCARD pn_rc pn__child_open_loop(struct pn_child *child);
/** The engine, and accepting. @return NULL, or what failed, with errno. */
const char *pn__child_open_serving(struct pn_child *child, const struct pn_engine_place *place);
/** The last figures and log lines. Connections that are cut have fibers that wait: then their memory is left to the end of the
 *  process. @return false: so it is. */
bool pn__child_close_serving(struct pn_child *child);

/* ---- accept.c ---- */

enum {
    PN__PAUSE_BUSY = 1,    /* prefork, worker: it has its connection */
    PN__PAUSE_TROUBLE = 2, /* no descriptors, no memory */
    PN__PAUSE_SHARE = 4,   /* siblings have far less */
    PN__PAUSE_TURN = 16,   /* another child has the accept mutex */
    PN__PAUSE_FULL = 8     /* event: as many requests are at work as may be */
};

/** Registers all listeners. @return PN_OK or PN_SYSTEM with errno. */
PN_NODISCARD pn_rc pn__accept_open(struct pn_child *child);
/** Closes this process's hold of them. A thread of a crew only leaves them. */
void pn__accept_close(struct pn_child *child);
void pn__accept_pause(struct pn_child *child, unsigned why);
void pn__accept_resume(struct pn_child *child, unsigned why);
/** The end of a turn in which a connection was taken that is still there: others are left to the siblings. */
void pn__accept_settle(struct pn_child *child);
/** Asks the kernel anew which listeners have connections. */
void pn__accept_look(struct pn_child *child);

#endif
