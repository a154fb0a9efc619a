/* store.c - the path store (store.h): look-up, places, eviction.
 *
 * Called by the directory walk of each request. A hit is one hash, one comparison and no system
 * call. Owns the places (malloc; one reference each while they can be found) and the bounds:
 * places, descriptors and bytes are evicted by a clock, which asks each place in turn whether it
 * was used since it was asked last. */
#include "http/store_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include <xxhash.h>

#include "conf/vec.h"

/* A walk over cold nodes opens some directories at once. */
#define FD_RESERVE 16
/* Names longer than this are answered, and not kept. */
#define KEPT_NAME_MAX 2048
/* One look-up evicts at most so many. */
#define EVICT_MAX 64
/* A power of two. */
#define FIRST_BUCKETS 64
#define COLD_TRIES 3
#define STALE_TRIES 20

/* ---- places ---- */

struct place *pn__place_new(struct pn_store *store, struct pn_server *server, pn_str asked,
                            pn_str canonical)
{
    bool          same = asked.n == canonical.n;
    struct place *place = calloc(1, sizeof(*place) + asked.n + 1 + (same ? 0 : canonical.n + 1));

    pn_assert(place != NULL);
    memcpy(place->text, asked.p, asked.n);
    place->key = pn_str_n(place->text, asked.n);
    place->super.filename = place->key;
    if (!same) {
        memcpy(place->text + asked.n + 1, canonical.p, canonical.n);
        place->super.filename = pn_str_n(place->text + asked.n + 1, canonical.n);
    }
    place->super.refs = 1;
    place->super.file_n = place->super.filename.n;
    place->super.server = server;
    place->super.store = store;
    store->live++;
    return place;
}

void pn__place_on_node(struct place *place, struct store_node *node)
{
    place->node = node;
    place->node_next = node->places;
    if (node->places)
        node->places->node_prev = place;
    node->places = place;
}

static void leave_node(struct place *place)
{
    if (place->node == NULL)
        return;
    if (place->node_prev)
        place->node_prev->node_next = place->node_next;
    else
        place->node->places = place->node_next;
    if (place->node_next)
        place->node_next->node_prev = place->node_prev;
    place->node = NULL;
    place->node_prev = place->node_next = NULL;
}

static struct place **bucket_of(const struct pn_store *store, uint64_t hash)
{
    return &store->places[hash & (store->n_place_buckets - 1)];
}

/* Tables begin small: a process that holds one connection at a time may see few names. */
static void grow_places(struct pn_store *store)
{
    size_t         n = store->n_place_buckets * 2;
    struct place **bigger = calloc(n, sizeof(struct place *));

    if (bigger == NULL)
        return; /* longer chains, nothing worse */
    for (size_t i = 0; i < store->n_place_buckets; i++) {
        for (struct place *place = store->places[i], *next; place; place = next) {
            next = place->hash_next;
            place->hash_next = bigger[place->hash & (n - 1)];
            bigger[place->hash & (n - 1)] = place;
        }
    }
    free(store->places);
    store->places = bigger;
    store->n_place_buckets = n;
}

void pn__place_publish(struct pn_store *store, struct place *place, uint64_t hash)
{
    if (store->stats.places >= store->n_place_buckets)
        grow_places(store);
    place->hash = hash;
    place->hash_next = *bucket_of(store, hash);
    *bucket_of(store, hash) = place;
    if (store->hand) { /* behind the hand: asked last */
        place->older = store->hand;
        place->newer = store->hand->newer;
        place->newer->older = place;
        store->hand->newer = place;
    }
    else {
        place->newer = place->older = place;
        store->hand = place;
    }
    place->super.valid = true;
    place->super.refs++;
    store->stats.places++;
}

static void leave_hash(struct pn_store *store, struct place *place)
{
    struct place **at = bucket_of(store, place->hash);

    while (*at != place)
        at = &(*at)->hash_next;
    *at = place->hash_next;
    if (store->hand == place)
        store->hand = place->older == place ? NULL : place->older;
    place->newer->older = place->older;
    place->older->newer = place->newer;
    store->stats.places--;
}

void pn__place_drop(struct pn_store *store, struct place *place)
{
    leave_node(place);
    if (!place->super.valid)
        return;
    place->super.valid = false;
    pn__memos_forget(place);
    leave_hash(store, place);
    pn_place_unref(&place->super);
}

struct pn_place *pn_place_ref(struct pn_place *place)
{
    place->refs++;
    return place;
}

void pn_place_unref(struct pn_place *pub)
{
    struct place    *place = PN_CONTAINER(pub, struct place, super);
    struct pn_store *store;

    if (pub == NULL || --pub->refs)
        return;
    store = pub->store;
    leave_node(place);
    pn__memos_forget(place);
    pn_file_unref(pub->file);
    pn_conf_vec_unref(pub->vec);
    if (pub->pool)
        apr_pool_destroy(pub->pool);
    free((char *)pub->message.p);
    free(place);
    pn__store_unlive(store);
}

/* ---- bounds ---- */

static bool is_full(const struct pn_store *store)
{
    return store->stats.places >= store->max_places || store->fds + FD_RESERVE > store->max_fds ||
           (store->stats.file_bytes &&
            store->stats.file_bytes + store->max_file > store->max_bytes);
}

/* Nobody will find the place; its holder may use it. */
static void discard(struct pn_store *store, struct place *place)
{
    struct store_node *node = place->node;

    pn__place_drop(store, place);
    if (node)
        pn__node_prune(store, node);
}

static void evict_one(struct pn_store *store)
{
    while (store->hand->used) {
        store->hand->used = false;
        store->hand = store->hand->older;
    }
    discard(store, store->hand);
}

/* @param any evict also when nothing is full. */
static void evict(struct pn_store *store, bool any)
{
    for (unsigned i = 0; i < EVICT_MAX && store->hand && (any || is_full(store)); i++)
        evict_one(store);
}

static void make_room(struct pn_store *store)
{
    evict(store, false);
    /* Nodes go with their places; what is left over by walks that were given up goes here. */
    if (store->stats.nodes > store->max_nodes)
        pn_store_clear(store);
}

/* ---- look-up ---- */

/* Does a directory place give the times that the directory has? Other places and links have
   their own. */
static bool directory_same(struct pn_store *store, const struct place *place)
{
    const struct store_node *real = pn__node_final(place->node);
    struct pn_finfo          info;
    struct stat              st;

    store->stats.asks++;
    if (fstat(real->dir->fd, &st) != 0)
        return false;
    pn__info_of_stat(&info, &st);
    return info.mtime == place->super.finfo.mtime && info.nlink == place->super.finfo.nlink &&
           info.size == place->super.finfo.size;
}

/* The slow part of a hit: is the place as the file system has it? @return false when it is not
   valid any more. */
static bool ask(struct pn_store *store, struct place *place, pn_usec now)
{
    if (place->ask)
        pn__node_still(store, place->node);
    if (!place->super.valid)
        return false;
    if (place->super.file && !pn__file_same(store, place->super.file, now)) {
        store->stats.invalidations++;
        pn__node_destroy(store, pn__node_final(place->node));
        if (place->super.valid) /* its node has a newer file already */
            pn__place_drop(store, place);
        return false;
    }
    if (place->ask && place->super.finfo.type == PN_FILE_DIRECTORY &&
        !directory_same(store, place)) {
        pn__place_drop(store, place);
        return false;
    }
    return true;
}

/* What a hit finds due: a look at the file system, bytes that were cold, a tag that is strong by
   now. */
static bool refresh(struct pn_store *store, struct place *place)
{
    pn_usec         now = pn_loop_now(store->worker->loop);
    struct pn_file *file = place->super.file;

    if (place->ask || (file && now - file->checked > PN_FILE_CHECK_USEC)) {
        pn_place_ref(&place->super);
        bool same = ask(store, place, now);
        pn_place_unref(&place->super);
        if (!same)
            return false;
    }
    if (file && !file->bytes.p)
        pn__file_fill(store, file);
    if (place->weak_until && pn_loop_wall(store->worker->loop) > place->weak_until) {
        place->weak_until = 0;
        place->super.etag = pn_str_from(place->super.etag, 2);
    }
    return true;
}

static struct place *find_kept(const struct pn_store *store, const struct pn_server *server,
                               pn_str filename, uint64_t hash)
{
    struct place *place = *bucket_of(store, hash);

    while (place && (place->hash != hash || place->super.server != server ||
                     !pn_str_eq(place->key, filename)))
        place = place->hash_next;
    return place;
}

/* Walks until the walk comes to an end. */
PN_MAY_YIELD static struct place *walk_cold(struct pn_store *store, struct pn_server *server,
                                            pn_str filename)
{
    struct place *place;
    bool          may_wait = pn_fiber_this() != NULL;

    for (unsigned tries = 0; tries < STALE_TRIES; tries++) {
        int error;

        make_room(store);
        store->nonblock = may_wait && tries < COLD_TRIES;
        error = pn__walk(store, server, filename, &place);
        if (error == 0)
            return place;
        if (error == EAGAIN)
            may_wait = may_wait && pn__warm(store, server, filename);
        else if ((error == EMFILE || error == ENFILE) &&
                 store->hand) /* others need descriptors, too */
            evict(store, true);
        else if (error != ESTALE)
            return pn__failed_place(store, server, filename, error);
    }
    return pn__failed_place(store, server, filename, ESTALE);
}

PN_MAY_YIELD static struct pn_place *find_cold(struct pn_store *store, struct pn_server *server,
                                               pn_str filename, uint64_t hash)
{
    struct place *place = walk_cold(store, server, filename);

    store->stats.misses++;
    pn__place_digest(place);
    /* Another fiber may have been first, or something changed while this one waited. */
    if (place->node && filename.n <= KEPT_NAME_MAX && !find_kept(store, server, filename, hash))
        pn__place_publish(store, place, hash);
    else
        discard(store, place);
    return &place->super;
}

struct pn_place *pn_store_find(struct pn_store *store, struct pn_server *server, pn_str filename)
{
    uint64_t      hash = XXH3_64bits_withSeed(filename.p, filename.n, (uintptr_t)server);
    struct place *place = find_kept(store, server, filename, hash);

    if (PN_UNLIKELY(place == NULL) || !refresh(store, place))
        return find_cold(store, server, filename, hash);
    place->used = true;
    place->super.refs++;
    store->stats.hits++;
    return &place->super;
}

/* ---- the store ---- */

static unsigned fd_share(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
        limit.rlim_cur > 3000000)
        return 1000000;
    return limit.rlim_cur < 300 ? 100 : (unsigned)(limit.rlim_cur / 3);
}

pn_rc pn_store_open(struct pn_worker *worker, const struct pn_core_server *limits,
                    struct pn_store **ret)
{
    struct pn_store *store = calloc(1, sizeof(*store));

    pn_assert(store != NULL);
    store->worker = worker;
    store->max_places = limits->path_cache_entries > worker->sharers
                            ? (unsigned)limits->path_cache_entries / worker->sharers
                            : 1;
    store->max_nodes =
        store->max_places > UINT32_MAX / 16 ? UINT32_MAX : store->max_places * 8 + 1024;
    store->max_bytes = (size_t)limits->file_cache_bytes / worker->sharers;
    store->max_file = (size_t)limits->file_cache_max_file;
    if (store->max_file > store->max_bytes)
        store->max_file = store->max_bytes;
    store->max_fds = fd_share() / worker->sharers;
    store->n_place_buckets = store->n_node_buckets = store->n_file_buckets = FIRST_BUCKETS;
    store->places = calloc(store->n_place_buckets, sizeof(struct place *));
    store->nodes = calloc(store->n_node_buckets, sizeof(struct store_node *));
    store->files = calloc(store->n_file_buckets, sizeof(struct file *));
    pn_assert(store->places && store->nodes && store->files);
    pn__mounts_watch(store);
    *ret = store;
    return PN_OK;
}

void pn_store_clear(struct pn_store *store)
{
    while (store->hand) /* places without a node, and the others quickly */
        pn__place_drop(store, store->hand);
    if (store->root)
        pn__node_destroy(store, store->root);
    store->stats.invalidations++;
}

static void store_free(struct pn_store *store)
{
    free(store->places);
    free(store->nodes);
    free(store->files);
    free(store->cold);
    free(store);
}

/* A place or file is gone. The store outlives requests that still hold one after it was closed. */
void pn__store_unlive(struct pn_store *store)
{
    if (--store->live == 0 && store->closed)
        store_free(store);
}

void pn_store_close(struct pn_store *store)
{
    if (store == NULL)
        return;
    store->live++;
    pn_store_clear(store);
    pn__mounts_unwatch(store);
    store->closed = true;
    pn__store_unlive(store);
}

struct pn_store_stats pn_store_stats(const struct pn_store *store)
{
    return store->stats;
}
