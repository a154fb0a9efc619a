/* watch_internal.h - what the files of the file watch share; nobody outside rt includes it. */
#ifndef PN_RT_WATCH_INTERNAL_H
#define PN_RT_WATCH_INTERNAL_H

#include <sys/types.h>

#include "rt/watch.h"

/** One watched directory. */
struct pn__watch_entry {
    int              wd;      /* > 0; 0: free slot */
    bool             stale;   /* events in the queue belong to an earlier use of the wd */
    unsigned         round;   /* latest overflow its watches were told of */
    unsigned         holds;   /* in a hub: how many watchers hold it */
    struct pn_watch *watches; /* NULL: given up, waits for the queue to run past it */
};

/** Open addressing, linear probing. A zeroed one is empty. */
struct pn__watch_table {
    struct pn__watch_entry *v;
    size_t                  cap; /* 0 or a power of two */
    size_t                  n;
    unsigned                moves; /* counts what made pointers to entries invalid */
};

/* watch_table.c */
/** Makes sure that the next add finds room. @return false when out of memory. */
bool pn__watch_table_reserve(struct pn__watch_table *table);
/** The entry of `wd`, made if there is none. Needs a reserve before. */
struct pn__watch_entry *pn__watch_table_add(struct pn__watch_table *table, int wd, unsigned round);
struct pn__watch_entry *pn__watch_table_find(const struct pn__watch_table *table, int wd);
void pn__watch_table_remove(struct pn__watch_table *table, struct pn__watch_entry *entry);
/** The queue has been seen empty: nothing is stale any more, and entries without a watch go. */
void pn__watch_table_end_stale(struct pn__watch_table *table);
void pn__watch_table_release(struct pn__watch_table *table);

/* watch_hub.c */

/** A watcher's membership of a hub: what has happened and was not applied by its thread. Guarded by the hub's lock. */
struct pn__watch_member {
    struct pn__watch_member *next;
    char                    *queue; /* struct inotify_event one behind the other; NULL: none yet */
    size_t                   begin, end, cap;
    bool                     lost;  /* the queue was too long: told as an overflow */
};

void pn__watch_hub_join(struct pn_watch_hub *hub, struct pn__watch_member *member);
/** Frees the queue. The watches that the member holds must have been given up. */
void pn__watch_hub_leave(struct pn_watch_hub *hub, struct pn__watch_member *member);
/** As inotify_add_watch; the watch descriptor is held once more. @return it, or -1 with errno. */
int pn__watch_hub_hold(struct pn_watch_hub *hub, const char *path, uint32_t mask);
/** Gives up one hold; the last one ends the watch. */
void pn__watch_hub_drop(struct pn_watch_hub *hub, int wd);
/** Reads all that has happened for all members, then as read(2) of this member's events: whole ones, at most `room`
 *  bytes. @return bytes; -1 with EAGAIN: there are none. */
ssize_t pn__watch_hub_read(struct pn_watch_hub *hub, struct pn__watch_member *member, char *to, size_t room);

/* watch_fs.c */
/** Does the file system behind this descriptor report every change that is made through it? */
bool pn__watch_fs_trusted(int fd);

#endif
