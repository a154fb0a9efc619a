/* score.h - figures of requests in memory that all processes share: who is at work, and what was done so far.
 *
 * A table has one block a child, in it one slot a request at work and counters. Everything is written by the block's
 * child alone, without locks, member by member: each member is read whole, and a child that dies in the middle of a
 * write leaves a slot whose text is skipped, nothing worse. Counters go on from child to child in the same place.
 * Made by the master (src/proc), written by src/http, read through pinion/scoreboard.h. */
#ifndef PN_BASE_SCORE_H
#define PN_BASE_SCORE_H

#include <pinion/str.h>
#include <stdatomic.h>

/** Latency buckets: two to a power of two, the first ends at 1 microsecond, the last one has no end. */
#define PN_SCORE_BUCKETS 56
/** Virtual hosts counted one by one; the last place is for all others. */
#define PN_SCORE_HOSTS 64
#define PN_SCORE_CLASSES 6 /* statuses by their first digit; 0: others */

enum pn_score_state {
    PN_SCORE_FREE,     /* no request here */
    PN_SCORE_WORK,     /* a handler is at work, or its answer is being sent */
    PN_SCORE_KEEPALIVE /* the slot is held by a connection between requests (models with one connection a slot) */
};

/** What a slot tells in words. Strings end with NUL. */
struct pn_score_text {
    unsigned char peer[24]; /* the struct pn_addr of pinion/request.h */
    char          host[40];
    char          protocol[12];
    char          request[108];
};
#define PN_SCORE_TEXT_WORDS (sizeof(struct pn_score_text) / sizeof(uint64_t))

struct pn_score_slot {
    _Alignas(64) atomic_uint state;  /* enum pn_score_state */
    atomic_uint          text_version; /* odd: being written */
    atomic_uint_fast64_t requests, bytes, busy_usec; /* of this place, whichever child */
    atomic_uint_fast64_t child_requests, child_bytes;
    atomic_uint_fast64_t conn_bytes;
    _Alignas(64) atomic_int_fast64_t begun; /* pn_usec, of the latest request */
    atomic_uint          conn_requests;
    atomic_uint          took_usec;  /* the latest request that has ended */
    atomic_uint_fast64_t text[PN_SCORE_TEXT_WORDS];
};
_Static_assert(sizeof(struct pn_score_text) % sizeof(uint64_t) == 0, "texts are copied by words");

struct pn_score_host {
    atomic_uint_fast64_t requests, bytes, busy_usec, errors; /* errors: statuses of 500 and above */
};

/** A child's block. */
struct pn_score {
    atomic_uint          slots_used; /* slots below this one have been in use */
    atomic_uint          conns, writing, idle, closing; /* connections, by what they do; see pinion/scoreboard.h */
    atomic_uint_fast64_t requests, bytes, busy_usec; /* of requests that ended without a slot */
    atomic_uint_fast64_t status_class[PN_SCORE_CLASSES];
    atomic_uint_fast64_t latency[PN_SCORE_BUCKETS];
    struct pn_score_host hosts[PN_SCORE_HOSTS];
    struct pn_score_slot slots[];
};

/** Totals of a moment; the table remembers the latest, one a second. */
#define PN_SCORE_SAMPLES 128
struct pn_score_sample {
    atomic_uint_fast64_t time, requests, bytes, busy_usec; /* time: pn_usec */
};

struct pn_score_table {
    uint32_t    magic;
    unsigned    n_children, n_slots; /* slots a child */
    size_t      stride, bytes;
    atomic_uint n_hosts;             /* names below; grows only */
    char        hosts[PN_SCORE_HOSTS][40];
    atomic_uint samples;             /* taken so far; the master's, as the history */
    struct pn_score_sample history[PN_SCORE_SAMPLES];
    _Alignas(64) char blocks[];
};

/** Maps a table, shared with processes forked from now on. Pages that nobody uses cost nothing. NULL with errno. */
struct pn_score_table *pn_score_table_open(unsigned n_children, unsigned n_slots);
/** Accepts NULL. */
void pn_score_table_close(struct pn_score_table *table);
static inline struct pn_score *pn_score_of(struct pn_score_table *table, unsigned child)
{
    return (struct pn_score *)(void *)(table->blocks + child * table->stride);
}
/** The place of a virtual host's name, made when it is new (the master only) and there is room. */
unsigned pn_score_host_add(struct pn_score_table *table, pn_str name);
/** The place of a name; the last one for names that have none. */
unsigned pn_score_host_find(struct pn_score_table *table, pn_str name);
/** A new child begins in this place: what belonged to the one before is cleared. The master's. */
void pn_score_begin_child(struct pn_score *score);

/** The bucket of a duration. */
unsigned pn_score_bucket(uint64_t usec);
/** Where a bucket ends, microseconds; UINT64_MAX for the last. */
uint64_t pn_score_bucket_end(unsigned bucket);

/** The text as the owner writes it: readers take it whole or not at all. */
void pn_score_text_write(struct pn_score_slot *slot, const struct pn_score_text *text);
/** @return false when it was being written, or its writer died in the middle of it. */
bool pn_score_text_read(const struct pn_score_slot *slot, struct pn_score_text *ret);

static inline uint64_t pn_score_get(const atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}
static inline void pn_score_set(atomic_uint_fast64_t *counter, uint64_t value)
{
    atomic_store_explicit(counter, value, memory_order_relaxed);
}
/** Adds to a counter that nobody else writes. */
static inline void pn_score_add(atomic_uint_fast64_t *counter, uint64_t n)
{
    pn_score_set(counter, pn_score_get(counter) + n);
}

#endif
