/* child.h - a serving process: becomes somebody else, runs the loop, accepts, and ends when it is told to.
 *
 * Lives in the forked process (with -X in the only one). Everything here belongs to the loop's thread but `pending`,
 * which signal handlers set. Turn by turn the child looks what it was told and copies its figures to its slot. */
#ifndef PN_PROC_CHILD_H
#define PN_PROC_CHILD_H

#include "proc/events.h"
#include "proc/proc.h"
#include "rt/timer.h"

/** The child could not become what the configuration says: starting it again would end the same. */
#define PN_EXIT_FATAL 15

/** From the master: there may be connections that nobody was woken for. */
#define PN_SIGNAL_LOOK SIGURG

struct pn_child {
    const struct pn_proc_ops *ops;
    struct pn_generation     *generation;
    const struct pn_mpm_conf *conf;
    struct pn_listener       *listeners;
    struct pn_events         *events;  /* note and life pipes; NULL in the only process */
    struct pn_board          *board;
    unsigned                  index;   /* of its slot */
    void                     *segment; /* of its logs */
    bool                      keep_identity;
    void (*on_ready)(void *arg);       /* in the only process: it serves; may be NULL */
    void                     *on_ready_arg;

    /* from here on the child's own */
    struct pn_board_slot *slot;
    apr_pool_t           *pool;
    struct pn_loop       *loop;
    void                 *engine;
    struct pn_turn_hook   turn_end;
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
};

/** Serves until told to end. @return the exit code. */
int pn__child_run(struct pn_child *child);
/** Stops accepting and ends when the last connection has. */
void pn__child_drain(struct pn_child *child);

/* ---- accept.c ---- */

enum {
    PN__PAUSE_BUSY = 1,    /* prefork: it has its connection */
    PN__PAUSE_TROUBLE = 2, /* no descriptors, no memory */
    PN__PAUSE_SHARE = 4    /* siblings have far less */
};

/** Registers all listeners. @return PN_OK or PN_SYSTEM with errno. */
PN_NODISCARD pn_rc pn__accept_open(struct pn_child *child);
/** Closes this process's hold of them. */
void pn__accept_close(struct pn_child *child);
void pn__accept_pause(struct pn_child *child, unsigned why);
void pn__accept_resume(struct pn_child *child, unsigned why);
/** Asks the kernel anew which listeners have connections. */
void pn__accept_look(struct pn_child *child);

#endif
