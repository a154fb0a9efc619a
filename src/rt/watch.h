/* watch.h - file watch: tells of changes in watched directories (inotify), drained once a turn.
 *
 * A watch is on a directory and reports the names inside it that were created, deleted, renamed,
 * had their attributes changed or (where content is asked for) were written, and changes of the
 * directory itself. The drain runs as a `received` hook, before the requests of the turn. Own
 * thread only. */
#ifndef PN_RT_WATCH_H
#define PN_RT_WATCH_H

#include "rt/loop.h"

struct pn_watcher;
struct pn_watch_hub;
struct pn_watch;

/** After a directory was deleted or unmounted (SELF) its watch soon has wd == -1: stop it or start
 *  anew. OVERFLOW, "anything may have changed", is sent to every watch once. */
enum pn_watch_event {
    PN_WATCH_ENTRY = 1,   /* an entry appeared, went, was renamed or changed attributes; name set */
    PN_WATCH_WRITTEN = 2, /* an entry's bytes were written; name set */
    PN_WATCH_SELF = 4,    /* the directory: attributes changed, moved, deleted or unmounted */
    PN_WATCH_OVERFLOW = 8 /* events were lost */
};

/** @param name entry inside the directory, not NUL-terminated, empty for SELF and OVERFLOW. */
typedef void pn_watch_fn(struct pn_watch *watch, unsigned events, pn_str name);

/** Embedded in its owner. */
struct pn_watch {
    pn_watch_fn     *fn;
    int              wd; /* -1: not watching */
    bool             content;
    struct pn_watch *next; /* several watches of one directory share a descriptor */
};

/** The watcher lies in `pool` and must be closed before the pool and the loop go.
 *  @param hub of the process, which it shares with the watchers of other threads; NULL: it has an inotify
 *             descriptor of its own.
 *  @return PN_OK, or PN_SYSTEM with errno. */
PN_NODISCARD pn_rc pn_watcher_open(struct pn_loop *loop, apr_pool_t *pool, struct pn_watch_hub *hub,
                                   struct pn_watcher **ret);
/** All its watches count as stopped. Not inside a pn_watch_fn. Accepts NULL. */
void pn_watcher_close(struct pn_watcher *watcher);
/** Begins to watch a directory given by an O_PATH or readable descriptor (so that it is that very
 *  directory). Initialises `watch`, which must not be watching. Not told: writes through a shared
 *  mapping or through a hard link in another directory.
 *  @param content  report PN_WATCH_WRITTEN too.
 *  @return PN_OK; PN_LIMIT when the watch limit is reached; PN_DECLINED when the file system can't
 *  be trusted to report (nfs, cifs, fuse, 9p, any unknown one); PN_SYSTEM with errno (EACCES: the
 *  directory can't be read; ENOENT: no /proc). */
PN_NODISCARD pn_rc pn_watch_start(struct pn_watcher *watcher, struct pn_watch *watch, int dirfd,
                                  bool content, pn_watch_fn *fn);
/** Ends it; accepts one that is not watching. Safe inside a pn_watch_fn, and the watch may be
 *  freed then. */
void pn_watch_stop(struct pn_watcher *watcher, struct pn_watch *watch);
/** Asks for PN_WATCH_WRITTEN from now on. PN_NOT_FOUND when it does not watch, or not this
 *  directory; PN_LIMIT, PN_SYSTEM. */
PN_NODISCARD pn_rc pn_watch_want_content(struct pn_watcher *watcher, struct pn_watch *watch,
                                         int dirfd);
/** Reads and delivers what has happened; called by the loop's received hook, or by hand. Costs
 * one read that finds nothing when nothing changed, and nothing at all while no watch is active. */
void pn_watcher_drain(struct pn_watcher *watcher);
/** How many pn_watch are active. */
unsigned pn_watcher_count(const struct pn_watcher *watcher);

/* ---- watch_hub.c ---- */

/** One inotify descriptor for the watchers of several threads: there may be only some hundred such descriptors for a
 *  user. Whoever drains reads for all; each event is queued for each watcher, which applies its queue when it
 *  drains itself. So a change is seen by every thread's next drain, whoever was first. PN_SYSTEM with errno. */
PN_NODISCARD pn_rc pn_watch_hub_open(struct pn_watch_hub **ret);
/** All its watchers are closed. Accepts NULL. */
void pn_watch_hub_close(struct pn_watch_hub *hub);

#endif
