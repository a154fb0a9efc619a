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

struct pn_worker {
    struct pn_loop       *loop;
    apr_pool_t           *pool;
    struct pn_generation *generation;  /* for new connections */
    struct pn_watcher    *watcher;     /* NULL: inotify is not to be had, everything is asked each time */
    struct pn_store      *store;       /* the walk's cache */
    struct pn_vec_cache  *vecs;        /* merged settings */
    bool                  undrained;   /* bytes were received since the loop drained the watch */

    char                 *arena;
    size_t                arena_used;
    struct pn_turn_hook   turn_end, before_sleep;

    int64_t               date_second; /* the second that the texts below stand for */
    char                  http_date[32]; /* "Sun, 06 Nov 1994 08:49:37 GMT" */

    struct h1_conn       *free_conns;
    apr_array_header_t   *slabs;       /* of char *: blocks of connections */
    unsigned              conns;       /* open */
    unsigned              active;      /* requests whose handler is at work */
    unsigned              next_conn_id;
    bool                  draining;    /* no new connections; keep-alive ends */
    struct h1_conn       *open;        /* list of all open connections */
    uint64_t              requests, bytes;
    void (*on_idle)(struct pn_worker *worker); /* told when `conns` reaches 0 while draining */
    void (*on_request)(struct pn_worker *worker, const struct pn_request *r); /* after each logged request; may be NULL */
    void                 *owner;       /* the child's */
};

PN_NODISCARD pn_rc pn_worker_open(struct pn_loop *loop, apr_pool_t *pool, struct pn_generation *generation,
                                  struct pn_worker **ret);
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

/** A connection was accepted: takes the descriptor. */
struct pn_listener;
void pn_worker_accepted(struct pn_worker *worker, int fd, const struct pn_addr *peer, const struct pn_listener *listener);
/** No more requests on idle connections: each is answered once more with Connection: close, or closed after `grace`. */
void pn_worker_drain(struct pn_worker *worker, pn_usec grace);

#endif
