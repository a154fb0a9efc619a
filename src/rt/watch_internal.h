/* watch_internal.h - what the files of the file watch share; nobody outside rt includes it. */
#ifndef PN_RT_WATCH_INTERNAL_H
#define PN_RT_WATCH_INTERNAL_H

#include "rt/watch.h"

/** One watched directory. */
struct pn__watch_entry {
    int              wd;      /* > 0; 0: free slot */
    bool             stale;   /* events in the queue belong to an earlier use of the wd */
    unsigned         round;   /* latest overflow its watches were told of */
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

/* watch_fs.c */
/** Does the file system behind this descriptor report every change that is made through it? */
bool pn__watch_fs_trusted(int fd);

#endif
