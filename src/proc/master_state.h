/* master_state.h - what the files of the master share; nobody outside src/proc includes it.
 *
 * One struct pn_master a process, used by its only thread. A child's slot keeps a reference to the generation that the
 * child serves, so a configuration lives until its last child has ended. */
#ifndef PN_PROC_MASTER_STATE_H
#define PN_PROC_MASTER_STATE_H

#include "proc/child.h"
#include "proc/notify.h"
#include "proc/pidfile.h"
#include "proc/spawner.h"

enum pn__phase_of_life { PN__RUNNING, PN__STOPPING_GRACEFULLY, PN__STOPPING };

/** What the master knows of a child beside what is on the board. */
struct pn__seat {
    pid_t                 pid;        /* 0: nobody sits here */
    struct pn_generation *generation; /* referenced */
    void                 *segment;    /* kept from child to child; NULL: not made yet */
    unsigned              bucket;     /* which set of sockets it serves */
    pn_usec               born;
    bool                  ready;
    bool                  leaving;    /* told to end, or said that it will */
    unsigned              asked_of;   /* begin of the turn that it was last asked about; see watchdog.h */
    bool                  tired;      /* it said so, and serves until another one does */
};

struct pn_master {
    const struct pn_proc_options *options;
    const struct pn_proc_ops     *ops;
    apr_pool_t                   *pool;
    struct pn_generation         *generation;
    const struct pn_mpm_conf     *conf;   /* of the generation */
    struct pn_events              events;
    struct pn_notify              notify;
    struct pn_pidfile             pid_file;
    struct pn_spawner             spawner; /* of programs for the children */
    struct pn_board              *board;
    struct pn_score_table        *scores; /* of requests, a block a slot of the board */
    const char                   *board_file; /* NULL: anonymous memory */
    struct pn__seat              *seats;  /* board->n_slots */
    unsigned                      n_buckets; /* sets of listening sockets, from 1 */
    pn_usec                       now;    /* monotonic, once a turn */

    enum pn__phase_of_life phase;
    pn_usec   stop_by;          /* STOPPING*: when patience ends; PN_NEVER: never */
    pid_t     upgrade_pid;      /* the program that is about to take over; 0: none */
    bool      handed_over;      /* it has */
    bool      announced;        /* the server is up and has been said to be */
    bool      children_changed; /* a look is due at once */
    bool      reloading;        /* children of the earlier generation still accept */
    int       reload_signal;    /* what they will be sent */
    pn_usec   reload_by;        /* then they are told, whatever the new ones do */
    pn_usec   next_look;        /* of each second */
    pn_usec   busy_look;        /* a child said that none is idle, and one was: when to see again; PN_NEVER: no need */
    pn_usec   next_watchdog;
    unsigned  spare_rate;
    bool      said_busy, said_limit, said_board_full;
    pn_usec   fork_pause;       /* after a child that did not begin, or a fork that failed; 0: none */
    pn_usec   fork_after;
    int       exit_code;
};

/* ---- children.c ---- */

/** Starts children of the present generation, at most `count`. @return how many. */
unsigned pn__children_start(struct pn_master *master, unsigned count);
/** Looks who has ended. */
void pn__children_reap(struct pn_master *master);
/** A holder of a reference gives it up; the last one ends the generation. */
void pn__generation_left(struct pn_master *master, struct pn_generation *generation);
/** Sends a signal to all children for which `which` is true. */
void pn__children_tell(struct pn_master *master, int signal_number,
                       bool (*which)(const struct pn_master *master, const struct pn__seat *seat));
/** Sends it to one, which is leaving from now on. */
void pn__child_tell(struct pn_master *master, unsigned index, int signal_number);
/** Tells children that have had enough to leave, unless others are just about to begin. */
void pn__children_relieve(struct pn_master *master);
unsigned pn__children_count(const struct pn_master *master);
/** Of the present generation, as the rules for spares see them. */
struct pn_spare_view pn__children_view(const struct pn_master *master);

bool pn__seat_any(const struct pn_master *master, const struct pn__seat *seat);
/** Of an earlier generation, and not told to leave. */
bool pn__seat_outdated(const struct pn_master *master, const struct pn__seat *seat);

/* ---- headcount.c ---- */

struct pn_spare_plan;
/** Logs, once a generation, that the limits are reached and which directive to raise to what. */
void pn__headcount_say(struct pn_master *master, const struct pn_spare_plan *plan, const struct pn_spare_view *view);
/** Starts children, and logs when there is no place for any. */
void pn__headcount_start(struct pn_master *master, unsigned count);
/** Tells the child with the least to do to leave. */
void pn__headcount_end_one(struct pn_master *master);

/* ---- buckets.c ---- */

/** How many sets of listening sockets the settings ask for. */
unsigned pn__buckets_wanted(const struct pn_mpm_conf *conf);
/** The set for the next child: the one with the fewest. */
unsigned pn__bucket_next(const struct pn_master *master);
/** Sets without a child, whose connections nobody takes. */
unsigned pn__buckets_empty(const struct pn_master *master);
/** Is this child the last one of its set? */
bool pn__bucket_needs(const struct pn_master *master, const struct pn__seat *seat);

/* ---- reload.c ---- */

/** Takes a new generation over, or leaves all as it is. @param signal_number for the old children, once new ones serve. */
void pn__reload_begin(struct pn_master *master, int signal_number);
/** Tells the old children when the new ones are ready. */
void pn__reload_look(struct pn_master *master);
/** Opens the listeners of a generation, with those of `earlier` taken over. @return NULL or the error. */
const char *pn__listeners_open(const struct pn_master *master, struct pn_generation *generation,
                               struct pn_listener *earlier);

#endif
