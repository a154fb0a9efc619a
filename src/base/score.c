/* score.c - see score.h. */
#include "base/score.h"

#include <sys/mman.h>

#define TABLE_MAGIC 0x706e5363u /* "pnSc" */
#define TEXT_TRIES 4

struct pn_score_table *pn_score_table_open(unsigned n_children, unsigned n_slots)
{
    size_t stride = sizeof(struct pn_score) + n_slots * sizeof(struct pn_score_slot);
    size_t bytes;
    struct pn_score_table *table;

    stride = (stride + 63) & ~(size_t)63;
    bytes = sizeof(*table) + n_children * stride;
    table = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (table == MAP_FAILED)
        return NULL;
    table->magic = TABLE_MAGIC;
    table->n_children = n_children;
    table->n_slots = n_slots;
    table->stride = stride;
    table->bytes = bytes;
    return table;
}

void pn_score_table_close(struct pn_score_table *table)
{
    if (table)
        munmap(table, table->bytes);
}

/* ---- virtual hosts ---- */

static pn_str name_of(const struct pn_score_table *table, unsigned place)
{
    return pn_str_n(table->hosts[place], strnlen(table->hosts[place], sizeof(table->hosts[place])));
}

unsigned pn_score_host_find(struct pn_score_table *table, pn_str name)
{
    unsigned n = atomic_load_explicit(&table->n_hosts, memory_order_acquire);

    name = pn_str_head(name, sizeof(table->hosts[0]) - 1);
    for (unsigned i = 0; i < n; i++)
        if (pn_str_eq(name_of(table, i), name))
            return i;
    return PN_SCORE_HOSTS - 1;
}

unsigned pn_score_host_add(struct pn_score_table *table, pn_str name)
{
    unsigned n = atomic_load_explicit(&table->n_hosts, memory_order_relaxed);
    unsigned place = pn_score_host_find(table, name);

    if (place != PN_SCORE_HOSTS - 1 || n == PN_SCORE_HOSTS - 1)
        return place;
    name = pn_str_head(name, sizeof(table->hosts[0]) - 1);
    if (name.n)
        memcpy(table->hosts[n], name.p, name.n);
    atomic_store_explicit(&table->n_hosts, n + 1, memory_order_release);
    return n;
}

void pn_score_begin_child(struct pn_score *score)
{
    unsigned n = atomic_load(&score->slots_used);

    atomic_store(&score->conns, 0);
    atomic_store(&score->writing, 0);
    atomic_store(&score->idle, 0);
    atomic_store(&score->closing, 0);
    for (unsigned i = 0; i < n; i++) {
        struct pn_score_slot *slot = &score->slots[i];

        atomic_store(&slot->state, PN_SCORE_FREE);
        atomic_store(&slot->text_version, (atomic_load(&slot->text_version) + 1) & ~1U);
        pn_score_set(&slot->child_requests, 0);
        pn_score_set(&slot->child_bytes, 0);
    }
}

/* ---- latency ---- */

/* Bucket 0 is up to 1 us; from there on a power of two and one and a half of it: 1.5, 2, 3, 4, 6, 8 ... */
unsigned pn_score_bucket(uint64_t usec)
{
    unsigned bucket, log2;

    if (usec <= 1)
        return 0;
    usec--; /* a bucket's end belongs to it */
    log2 = 63 - (unsigned)__builtin_clzll(usec);
    bucket = log2 == 0 ? 1 : 2 * log2 + (unsigned)((usec >> (log2 - 1)) & 1);
    return bucket < PN_SCORE_BUCKETS ? bucket : PN_SCORE_BUCKETS - 1;
}

uint64_t pn_score_bucket_end(unsigned bucket)
{
    if (bucket >= PN_SCORE_BUCKETS - 1)
        return UINT64_MAX;
    if (bucket < 2)
        return bucket + 1;
    return (UINT64_C(1) << bucket / 2) + ((bucket % 2 + 1) << (bucket / 2 - 1));
}

/* ---- texts ---- */

void pn_score_text_write(struct pn_score_slot *slot, const struct pn_score_text *text)
{
    unsigned    version = atomic_load_explicit(&slot->text_version, memory_order_relaxed);
    const char *from = (const char *)text;

    atomic_store_explicit(&slot->text_version, version | 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    for (unsigned i = 0; i < PN_SCORE_TEXT_WORDS; i++) {
        uint64_t word;

        memcpy(&word, from + i * sizeof(word), sizeof(word));
        atomic_store_explicit(&slot->text[i], word, memory_order_relaxed);
    }
    atomic_store_explicit(&slot->text_version, (version | 1) + 1, memory_order_release);
}

bool pn_score_text_read(const struct pn_score_slot *slot, struct pn_score_text *ret)
{
    for (int tries = 0; tries < TEXT_TRIES; tries++) {
        unsigned before = atomic_load_explicit(&slot->text_version, memory_order_acquire);
        char    *to = (char *)ret;

        for (unsigned i = 0; i < PN_SCORE_TEXT_WORDS; i++) {
            uint64_t word = atomic_load_explicit(&slot->text[i], memory_order_relaxed);

            memcpy(to + i * sizeof(word), &word, sizeof(word));
        }
        atomic_thread_fence(memory_order_acquire);
        if (before & 1 || atomic_load_explicit(&slot->text_version, memory_order_relaxed) != before)
            continue;
        ret->host[sizeof(ret->host) - 1] = '\0';
        ret->protocol[sizeof(ret->protocol) - 1] = '\0';
        ret->request[sizeof(ret->request) - 1] = '\0';
        return true;
    }
    return false;
}
