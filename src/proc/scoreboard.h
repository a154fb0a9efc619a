/* scoreboard.h - the table of children in memory that they share with the master.
 *
 * One cache line a child, written by that child alone while it lives and by the master before and after; there is no
 * lock, so a child that dies in the middle of a write harms nobody. Readers see each number whole. */
#ifndef PN_PROC_SCOREBOARD_H
#define PN_PROC_SCOREBOARD_H

#include <pinion/str.h>
#include <stdatomic.h>

#define PN_CACHE_LINE 64

enum pn_slot_state {
    PN_SLOT_EMPTY,
    PN_SLOT_STARTING, /* forked, does not accept yet */
    PN_SLOT_SERVING,
    PN_SLOT_DRAINING, /* accepts no more, finishes what it has */
    PN_SLOT_ENDED     /* dead, not looked at by the master yet */
};

struct pn_board_slot {
    _Alignas(PN_CACHE_LINE) atomic_uint pid;
    atomic_uint turn_since; /* when the turn began that its loop is in: monotonic seconds; 0: it sleeps. Of a crew:
                             * of the thread that began latest, when none sleeps */
    atomic_uint state;      /* enum pn_slot_state */
    atomic_uint generation; /* number of the configuration it serves */
    atomic_uint conns;      /* open connections */
    atomic_uint active;     /* requests at work */
    atomic_uint_fast64_t requests, bytes, accepted; /* since the child began */
    atomic_int_fast64_t  started; /* pn_wall */
    atomic_uint_fast64_t memory;  /* bytes of the process's own, when it last looked; 0: not yet */
};
_Static_assert(sizeof(struct pn_board_slot) == PN_CACHE_LINE, "a slot is one cache line");

enum { PN_WORDS_NONE, PN_WORDS_WRITING, PN_WORDS_SAID };

/** What a child says that it is at, when it is asked. */
struct pn_board_words {
    _Alignas(PN_CACHE_LINE) atomic_uint state; /* PN_WORDS_* */
    uint32_t seconds; /* for how long */
    uint32_t n;
    char     text[244];
};

struct pn_board {
    uint32_t            magic;
    uint32_t            n_slots;
    atomic_uint         generation; /* of the master */
    atomic_uint         used;       /* slots below this one have been in use */
    atomic_int          idle;       /* prefork: children without a connection; a hint */
    atomic_bool         told_busy;  /* a child has said that none is idle, and the master will look */
    atomic_int_fast64_t started;    /* pn_wall: when the master began */
    atomic_int_fast64_t reloaded;   /* pn_wall: when this generation began */
    struct pn_board_slot slots[];
};

/** Maps a board, shared with processes forked from now on.
 *  @param file to map, made anew; NULL: anonymous memory.  @return NULL with errno. */
struct pn_board *pn__board_open(const char *file, unsigned n_slots);
void pn__board_close(struct pn_board *board);
static inline struct pn_board_words *pn__board_words(struct pn_board *board, unsigned index)
{
    return (struct pn_board_words *)(void *)&board->slots[board->n_slots] + index;
}
/** Empties a slot for a new child. The master's. */
void pn__board_slot_reset(struct pn_board *board, unsigned index, unsigned generation);

struct pn_score_table;
/** What pinion/scoreboard.h shows to modules, in this process and those forked from now on; NULL: nothing. */
void pn__board_show(struct pn_board *board, struct pn_score_table *scores);
/** Remembers the totals of this moment for pn_board_history. The master's, once a second. */
void pn__board_sample(pn_usec now);

static inline void pn__slot_set(atomic_uint *member, unsigned value)
{
    atomic_store_explicit(member, value, memory_order_relaxed);
}
static inline unsigned pn__slot_get(const atomic_uint *member)
{
    return atomic_load_explicit(member, memory_order_relaxed);
}

#endif
