/* location_index.c - which <Location> sections may apply to a URL path (location_index.h).
 *
 * A literal section applies to its own path, to what lies below it and, when it ends in a slash, to what begins with it: so
 * it equals a head of the path that ends at a slash, behind one, or at the path's end. Those heads are hashed in one pass and
 * looked up in a table of the literals. Sections of one pattern are a chain in the configuration's order. */
#include "http/location_index.h"

#include <stdlib.h>

/* Fewer literal sections than this are looked at one by one. */
#define WORTH_IT 8
#define NOBODY UINT32_MAX
#define HASH_START UINT64_C(0xcbf29ce484222325)

struct slot {
    uint64_t hash;
    uint32_t first, last; /* of the chain; first is NOBODY: free */
};

struct pn_location_index {
    const apr_array_header_t *locations;
    struct slot              *slots;
    size_t                    mask;
    uint32_t                 *next;    /* by position: the next one of the same pattern, NOBODY: none */
    uint32_t                 *asked;   /* positions of patterns and expressions, which are always candidates */
    unsigned                  n_asked;
    size_t                    longest; /* literal, bytes */
};

static uint64_t hash_more(uint64_t hash, char c)
{
    return (hash ^ (unsigned char)c) * UINT64_C(0x100000001b3);
}

static const struct pn_section *section_at(const struct pn_location_index *index, uint32_t position)
{
    return APR_ARRAY_IDX(index->locations, (int)position, const struct pn_section *);
}

static bool is_literal(const struct pn_section *section)
{
    return !section->regex && !section->glob;
}

/* The slot of a text, or the free one where it would be. */
static struct slot *slot_of(const struct pn_location_index *index, uint64_t hash, pn_str text)
{
    for (size_t at = hash >> 32;; at++) {
        struct slot *slot = &index->slots[at & index->mask];
        if (slot->first == NOBODY || (slot->hash == hash && pn_str_eq(section_at(index, slot->first)->pattern, text)))
            return slot;
    }
}

static void add_literal(struct pn_location_index *index, uint32_t position)
{
    pn_str   pattern = section_at(index, position)->pattern;
    uint64_t hash = HASH_START;

    for (size_t i = 0; i < pattern.n; i++)
        hash = hash_more(hash, pattern.p[i]);
    struct slot *slot = slot_of(index, hash, pattern);
    if (slot->first == NOBODY)
        *slot = (struct slot){ .hash = hash, .first = position };
    else
        index->next[slot->last] = position;
    slot->last = position;
    if (pattern.n > index->longest)
        index->longest = pattern.n;
}

struct pn_location_index *pn_location_index_new(apr_pool_t *pool, const apr_array_header_t *locations)
{
    uint32_t n = locations ? (uint32_t)locations->nelts : 0, literals = 0;
    size_t   n_slots = 16;

    for (uint32_t i = 0; i < n; i++)
        literals += is_literal(APR_ARRAY_IDX(locations, (int)i, const struct pn_section *));
    if (literals < WORTH_IT)
        return NULL;
    while (n_slots < 2 * (size_t)literals)
        n_slots *= 2;
    struct pn_location_index *index = apr_pcalloc(pool, sizeof(*index));
    index->locations = locations;
    index->mask = n_slots - 1;
    index->slots = apr_palloc(pool, n_slots * sizeof(struct slot));
    index->next = apr_palloc(pool, n * sizeof(uint32_t));
    index->asked = apr_palloc(pool, (n - literals + 1) * sizeof(uint32_t));
    for (size_t i = 0; i < n_slots; i++)
        index->slots[i].first = NOBODY;
    for (uint32_t i = 0; i < n; i++) {
        index->next[i] = NOBODY;
        if (is_literal(section_at(index, i)))
            add_literal(index, i);
        else
            index->asked[index->n_asked++] = i;
    }
    return index;
}

/* Does a head of n bytes end where a literal section may end? */
static bool may_end(pn_str path, size_t n)
{
    return n == path.n || n == 0 || path.p[n - 1] == '/' || path.p[n] == '/';
}

static int by_position(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return left < right ? -1 : left > right;
}

/* Literal sections that apply, the shorter patterns first. @param to room for all, or NULL: they are only counted. @return how many. */
static unsigned find_literals(const struct pn_location_index *index, pn_str path, uint32_t *to)
{
    uint64_t hash = HASH_START;
    size_t   end = path.n < index->longest ? path.n : index->longest;
    unsigned n = 0;

    for (size_t at = 0;; at++) {
        const struct slot *slot = may_end(path, at) ? slot_of(index, hash, pn_str_head(path, at)) : NULL;
        for (uint32_t i = slot ? slot->first : NOBODY; i != NOBODY; i = index->next[i]) {
            if (to)
                to[n] = i;
            n++;
        }
        if (at == end)
            return n;
        hash = hash_more(hash, path.p[at]);
    }
}

unsigned pn_location_index_find(const struct pn_location_index *index, apr_pool_t *pool, pn_str path, const uint32_t **ret)
{
    unsigned  n = find_literals(index, path, NULL), total = n + index->n_asked;
    uint32_t *found;

    *ret = index->asked;
    if (n == 0)
        return total;
    found = apr_palloc(pool, total * sizeof(uint32_t));
    find_literals(index, path, found);
    memcpy(found + n, index->asked, index->n_asked * sizeof(uint32_t));
    qsort(found, total, sizeof(uint32_t), by_position);
    *ret = found;
    return total;
}
