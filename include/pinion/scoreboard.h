/* pinion/scoreboard.h - what all children of the server are doing and have done, as the status pages show it.
 *
 * Read from memory that the processes share, without locks: each number is whole, those of one answer may be a moment
 * apart. Figures of requests are kept while ExtendedStatus is On, and go on from child to child. Nothing here suspends. */
#ifndef PINION_SCOREBOARD_H
#define PINION_SCOREBOARD_H

#include <pinion/request.h>

struct pn_board_info {
    const char *model;           /* "event", "worker", "prefork" */
    bool        async;           /* connections without a request hold no worker */
    unsigned    n_children;      /* places to ask for, some of them empty; grows while the server runs */
    unsigned    max_children;    /* as the configuration allows */
    unsigned    workers;         /* requests at work a child may have */
    unsigned    generation;      /* of the configuration, from 1 */
    pid_t       master;          /* the process that watches over the children */
    pn_wall     started, reloaded;
};

enum pn_board_state { PN_BOARD_EMPTY, PN_BOARD_STARTING, PN_BOARD_SERVING, PN_BOARD_DRAINING, PN_BOARD_ENDED };

struct pn_board_child {
    pid_t               pid;        /* 0: nobody is there */
    enum pn_board_state state;
    unsigned            generation; /* of the configuration it serves */
    pn_wall             started;    /* 0: not known */
    unsigned            conns;      /* open connections, of these: */
    unsigned            writing;    /* an answer is out but for what the client takes slowly */
    unsigned            idle;       /* wait for a request, or for the rest of its head */
    unsigned            closing;    /* are closed by us and not yet by the client */
    unsigned            busy;       /* workers at work */
};

/** A worker: a request at work, or a place for one. */
struct pn_board_worker {
    bool           busy, keepalive;
    uint64_t       requests, bytes, busy_usec;     /* since the server began */
    uint64_t       child_requests, child_bytes;    /* since the child began */
    uint64_t       conn_bytes;                     /* of the latest connection */
    unsigned       conn_requests;
    pn_usec        begun;                          /* the latest request; 0: none yet */
    unsigned       took_usec;                      /* the latest that has ended */
    struct pn_addr peer;                           /* family 0: nothing is known of a request */
    char           host[40], protocol[12], request[108]; /* as received: to be escaped */
};

/** Latency buckets: from just above the end of the one before (0) to pn_board_bucket_end. */
#define PN_BOARD_BUCKETS 56
#define PN_BOARD_CLASSES 6 /* statuses by first digit; 0: others */

struct pn_board_totals {
    uint64_t requests, bytes, busy_usec;
    uint64_t status_class[PN_BOARD_CLASSES];
    uint64_t latency[PN_BOARD_BUCKETS]; /* requests by duration, from the head's arrival to the last byte's sending */
};

struct pn_board_host {
    char     name[40];                     /* "name:port"; "" for all that have no place of their own */
    uint64_t requests, bytes, busy_usec, errors; /* errors: statuses of 500 and above */
};

/** Totals at a moment of the monotonic clock. */
struct pn_board_sample {
    pn_usec  time;
    uint64_t requests, bytes, busy_usec;
};

/** ExtendedStatus: are figures of requests kept? */
bool pn_extended_status(const struct pn_generation *generation);
/** @return false when there is no board: the program does not serve. */
bool pn_board_info(const struct pn_generation *generation, struct pn_board_info *ret);
/** @param child below n_children.  @return false when nobody has ever been there. */
bool pn_board_child(unsigned child, struct pn_board_child *ret);
/** How many workers of a child have ever been in use: those behind are idle and have no figures. */
unsigned pn_board_workers(unsigned child);
/** @param worker below pn_board_workers(child). */
void pn_board_worker(unsigned child, unsigned worker, struct pn_board_worker *ret);
void pn_board_totals(struct pn_board_totals *ret);
/** Virtual hosts that are counted, the last one for all others. */
unsigned pn_board_hosts(void);
void pn_board_host(unsigned host, struct pn_board_host *ret);
/** Totals of the last two minutes, one a second, oldest first. @return how many, at most max. */
unsigned pn_board_history(struct pn_board_sample *ret, unsigned max);
/** Microseconds; UINT64_MAX for the last bucket. */
uint64_t pn_board_bucket_end(unsigned bucket);

#endif
