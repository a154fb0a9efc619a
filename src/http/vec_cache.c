/* vec_cache.c - merged settings by the pair they were merged from (vec_cache.h).
 *
 * Called by the walks for each section that applies. Owns its entries (malloc) and one reference
 * on each result. A result keeps what it was merged from alive, so the two pointers of a key
 * can't come to mean something else. */
#include "http/vec_cache.h"

#include <stdlib.h>

#include "conf/vec.h"

enum { FIRST_BUCKETS = 16 }; /* a power of two */

struct entry {
    struct entry             *hash_next;
    struct entry             *newer, *older; /* ring through cache->ring, newest first */
    const struct pn_server   *server;
    const struct pn_conf_vec *base, *add, *merged;
};

struct pn_vec_cache {
    struct entry **buckets;
    size_t         mask;
    unsigned       n, max;
    struct entry   ring;
};

static struct entry **bucket_of(const struct pn_vec_cache *cache, const struct pn_server *server,
                                const struct pn_conf_vec *base, const struct pn_conf_vec *add)
{
    uint64_t mix = (uintptr_t)server * UINT64_C(0x9e3779b97f4a7c15);

    mix = (mix ^ (uintptr_t)base) * UINT64_C(0xff51afd7ed558ccd);
    mix = (mix ^ (mix >> 32) ^ (uintptr_t)add) * UINT64_C(0xc4ceb9fe1a85ec53);
    return &cache->buckets[(mix >> 32) & cache->mask];
}

static void grow(struct pn_vec_cache *cache)
{
    size_t         n = (cache->mask + 1) * 2;
    struct entry **bigger = calloc(n, sizeof(struct entry *));

    if (bigger == NULL)
        return; /* longer chains, nothing worse */
    free(cache->buckets);
    cache->buckets = bigger;
    cache->mask = n - 1;
    for (struct entry *entry = cache->ring.older; entry != &cache->ring; entry = entry->older) {
        struct entry **at = bucket_of(cache, entry->server, entry->base, entry->add);

        entry->hash_next = *at;
        *at = entry;
    }
}

static void unlink_ring(struct entry *entry)
{
    entry->newer->older = entry->older;
    entry->older->newer = entry->newer;
}

static void link_newest(struct pn_vec_cache *cache, struct entry *entry)
{
    entry->newer = &cache->ring;
    entry->older = cache->ring.older;
    entry->older->newer = entry;
    cache->ring.older = entry;
}

struct pn_vec_cache *pn_vec_cache_open(apr_pool_t *pool, unsigned max_entries)
{
    struct pn_vec_cache *cache = apr_pcalloc(pool, sizeof(*cache));

    cache->mask = FIRST_BUCKETS - 1;
    cache->max = max_entries ? max_entries : 1;
    cache->buckets = calloc(FIRST_BUCKETS, sizeof(struct entry *));
    pn_assert(cache->buckets != NULL);
    cache->ring.newer = cache->ring.older = &cache->ring;
    return cache;
}

static void drop(struct pn_vec_cache *cache, struct entry *entry)
{
    struct entry **at = bucket_of(cache, entry->server, entry->base, entry->add);

    while (*at != entry)
        at = &(*at)->hash_next;
    *at = entry->hash_next;
    unlink_ring(entry);
    cache->n--;
    pn_conf_vec_unref(entry->merged);
    free(entry);
}

void pn_vec_cache_clear(struct pn_vec_cache *cache)
{
    while (cache->ring.older != &cache->ring)
        drop(cache, cache->ring.older);
}

void pn_vec_cache_close(struct pn_vec_cache *cache)
{
    if (cache == NULL || cache->buckets == NULL)
        return;
    pn_vec_cache_clear(cache);
    free(cache->buckets);
    cache->buckets = NULL;
}

/* @param joins the two are sections: the result is no place and has no plan. */
static const struct pn_conf_vec *merge_anew(struct pn_vec_cache *cache, struct pn_server *server,
                                            const struct pn_conf_vec *base,
                                            const struct pn_conf_vec *add, bool joins)
{
    struct entry  *entry = malloc(sizeof(*entry));
    struct entry **bucket;

    pn_assert(entry != NULL);
    if (cache->n > cache->mask)
        grow(cache);
    bucket = bucket_of(cache, server, base, add);
    *entry = (struct entry){ .hash_next = *bucket, .server = server, .base = base, .add = add };
    entry->merged = joins ? pn_conf_join(server->generation, base, add) : pn_conf_merge(server, base, add, NULL);
    *bucket = entry;
    link_newest(cache, entry);
    cache->n++;
    pn_conf_vec_ref(entry->merged); /* the caller's; eviction can't take it away */
    const struct pn_conf_vec *merged = entry->merged;
    while (cache->n > cache->max)
        drop(cache, cache->ring.newer);
    return merged;
}

/* A section is never a place, so the pair tells which of the two is meant. */
static const struct pn_conf_vec *find_or_make(struct pn_vec_cache *cache, struct pn_server *server,
                                              const struct pn_conf_vec *base, const struct pn_conf_vec *add, bool joins)
{
    for (struct entry *entry = *bucket_of(cache, server, base, add); entry; entry = entry->hash_next) {
        if (entry->base != base || entry->add != add || entry->server != server)
            continue;
        if (cache->ring.older != entry) {
            unlink_ring(entry);
            link_newest(cache, entry);
        }
        return pn_conf_vec_ref(entry->merged);
    }
    return merge_anew(cache, server, base, add, joins);
}

const struct pn_conf_vec *pn_vec_cache_merge(struct pn_vec_cache *cache, struct pn_server *server,
                                             const struct pn_conf_vec *base, const struct pn_conf_vec *add)
{
    return find_or_make(cache, server, base, add, false);
}

const struct pn_conf_vec *pn_vec_cache_join(struct pn_vec_cache *cache, struct pn_server *server,
                                            const struct pn_conf_vec *base, const struct pn_conf_vec *add)
{
    const struct pn_conf_vec *joined;

    if (!base)
        return pn_conf_vec_ref(add);
    joined = find_or_make(cache, server, base, add, true);
    pn_conf_vec_unref(base);
    return joined;
}
