/* worker.h - what one serving thread owns: its loop, caches, receive arena and clock texts.
 *
 * Made by the child, one a loop; nothing in it is shared, so the path of a request takes no lock. */
#ifndef PN_HTTP_WORKER_H
#define PN_HTTP_WORKER_H

#include <pinion/generation.h>
#include <pinion/request.h>

#include "rt/fiber.h"
#include "rt/timer.h"
#include "rt/watch.h"

/** Bytes received in one turn lie packed in here until their requests begin. */
#define PN_ARENA_BYTES (1024 * 1024)
/** Room that a receive is given; a head that needs more continues in a buffer of its connection. */
#define PN_RECEIVE_BYTES (16 * 1024)

struct pn_store;
struct pn_vec_cache;
struct pn_resolver;

/** Requests that wait until fewer are at work. See slot.c. */
struct pn_slots {
    unsigned        limit;    /* of requests at work */
    unsigned        waiting;
    unsigned        promised; /* to jobs that have waited and are queued now */
    struct pn_job  *first, **last;
};

/** How a worker lives with others. */
struct pn_worker_place {
    unsigned             sharers; /* workers of this process: each has its part of the caches' limits */
    bool                 one_connection; /* at a time */
    unsigned             slots;   /* most requests at work; UINT_MAX: any number */
    struct pn_watch_hub *hub;     /* of all workers of the process; NULL: this one watches by itself */
};

struct pn_worker {
    struct pn_loop       *loop;
    apr_pool_t           *pool;
    struct pn_generation *generation;  /* for new connections */
    struct pn_watcher    *watcher;     /* NULL: inotify is not to be had, everything is asked each time */
    struct pn_store      *store;       /* the walk's cache */
    struct pn_vec_cache  *vecs;        /* merged settings */
    struct pn_resolver   *resolver;    /* host names; NULL until one is wanted */
    bool                  undrained;   /* bytes were received since the loop drained the watch */

    char                 *arena;
    size_t                arena_used;
    struct pn_turn_hook   turn_end;

    int64_t               date_second; /* the second that the texts below stand for */
    char                  http_date[32]; /* "Sun, 06 Nov 1994 08:49:37 GMT" */

    struct h1_conn       *free_conns;
    apr_array_header_t   *slabs;       /* of char *: blocks of connections */
    unsigned              sharers;     /* workers of this process */
    bool                  one_connection; /* at a time: little room is made for others */
    struct pn_slots       slots;
    unsigned              conns;       /* open */
    unsigned              next_conn_id;
    bool                  draining;    /* no new connections; keep-alive ends */
    struct h1_conn       *open;        /* list of all open connections */
    uint64_t              requests, bytes;
    /* for the scoreboard: requests begun and not ended, of those the ones that drain; connections that linger; the slot
     * that was taken last; what the board was told of connections */
    unsigned              at_work, writing, lingering, score_hint;
    struct { unsigned conns, writing, idle, closing; } told;
    const struct pn_conn_tap *tap;      /* who looks on at connections; NULL: nobody */
    const struct pn_protocol *protocol; /* who speaks something else on them; NULL: nobody */
    const struct pn_tls_server *tls;   /* the module that does TLS; NULL: none */
    unsigned              away;        /* steps of handshakes on other threads */
    bool                  in_job;      /* a job of ours receives: see arena_room */
    bool                  closing;     /* the loop is over: nothing begins any more */
    void (*on_idle)(struct pn_worker *worker); /* told when `conns` reaches 0 while draining */
    void (*on_request)(struct pn_worker *worker, const struct pn_request *r); /* after each logged request; may be NULL */
    void                 *owner;       /* the child's */
};

PN_NODISCARD pn_rc pn_worker_open(struct pn_loop *loop, apr_pool_t *pool, struct pn_generation *generation,
                                  const struct pn_worker_place *place, struct pn_worker **ret);
/** Closes idle connections too; no fiber may be alive. */
void pn_worker_close(struct pn_worker *worker);
/** Closes every open connection at once. For pn_worker_close. */
void pn__worker_close_conns(struct pn_worker *worker);
/** The calling thread's. */
struct pn_worker *pn_worker_this(void);
/** Text of Date for this turn, 29 bytes. */
pn_str pn_worker_date(struct pn_worker *worker);
/** Delivers file changes when bytes came in since the last time: called before a request begins. */
void pn_worker_freshen(struct pn_worker *worker);

/* ---- slot.c: a request whose handler is at work holds a slot ---- */

static inline unsigned pn_slots_held(const struct pn_worker *worker)
{
    return worker->at_work - worker->writing;
}
/** May a request begin now? What begins at once, before anything suspends, counts by itself. */
static inline bool pn_slot_free(const struct pn_worker *worker)
{
    return pn_slots_held(worker) + worker->slots.promised < worker->slots.limit;
}
/** Stands in line: the job, which is not queued, is queued when there is a slot. It calls pn_slot_taken then. */
void pn_slot_wait(struct pn_worker *worker, struct pn_job *job);
/** The request of a job that waited begins. */
static inline void pn_slot_taken(struct pn_worker *worker)
{
    worker->slots.promised--;
}
void pn__slot_call_next(struct pn_worker *worker);
/** A request is at work no more: calls whoever waits longest. */
static inline void pn_slot_freed(struct pn_worker *worker)
{
    if (PN_UNLIKELY(worker->slots.waiting))
        pn__slot_call_next(worker);
}

/** A connection was accepted: takes the descriptor. */
struct pn_listener;
void pn_worker_accepted(struct pn_worker *worker, int fd, const struct pn_addr *peer, const struct pn_listener *listener);
/** No more requests on idle connections: each is answered once more with Connection: close, or closed after `grace`. */
void pn_worker_drain(struct pn_worker *worker, pn_usec grace);

#endif
