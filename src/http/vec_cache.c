/* vec_cache.c - merged settings by the pair they were merged from (vec_cache.h).
 *
 * Called by the walks for each section that applies. Owns its entries (malloc) and one reference
 * on each result. A result keeps what it was merged from alive, so the two pointers of a key
 * can't come to mean something else. */
#include "http/vec_cache.h"

#include <stdlib.h>

#include "conf/vec.h"

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
    size_t               buckets = 16;

    while (buckets < max_entries)
        buckets *= 2;
    cache->mask = buckets - 1;
    cache->max = max_entries ? max_entries : 1;
    cache->buckets = calloc(buckets, sizeof(struct entry *));
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

static const struct pn_conf_vec *merge_anew(struct pn_vec_cache *cache, struct pn_server *server,
                                            struct entry **bucket, const struct pn_conf_vec *base,
                                            const struct pn_conf_vec *add)
{
    struct entry *entry = malloc(sizeof(*entry));

    pn_assert(entry != NULL);
    *entry = (struct entry){ .hash_next = *bucket, .server = server, .base = base, .add = add };
    entry->merged = pn_conf_merge(server, base, add, NULL);
    *bucket = entry;
    link_newest(cache, entry);
    cache->n++;
    pn_conf_vec_ref(entry->merged); /* the caller's; eviction can't take it away */
    const struct pn_conf_vec *merged = entry->merged;
    while (cache->n > cache->max)
        drop(cache, cache->ring.newer);
    return merged;
}

const struct pn_conf_vec *pn_vec_cache_merge(struct pn_vec_cache *cache, struct pn_server *server,
                                             const struct pn_conf_vec *base,
                                             const struct pn_conf_vec *add)
{
    struct entry **bucket = bucket_of(cache, server, base, add);

    for (struct entry *entry = *bucket; entry; entry = entry->hash_next) {
        if (entry->base != base || entry->add != add || entry->server != server)
            continue;
        if (cache->ring.older != entry) {
            unlink_ring(entry);
            link_newest(cache, entry);
        }
        return pn_conf_vec_ref(entry->merged);
    }
    return merge_anew(cache, server, bucket, base, add);
}
