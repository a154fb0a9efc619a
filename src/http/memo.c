/* memo.c - see pinion/memo.h. A memo hangs on the place of a directory, or of a name that is missing in one,
 * and goes with it; who found one holds a reference. */
#include <pinion/memo.h>

#include <stdlib.h>

#include "conf/vec.h"
#include "http/request_core.h"
#include "http/store_internal.h"

/* Bytes of all memos of a thread, and of one. */
#define ALL_MAX ((size_t)32 << 20)
#define ONE_MAX ((size_t)4 << 20)
#define PLACE_MAX 16u /* memos of a place */

struct pn_memo {
    unsigned                  refs;
    struct pn_memo           *next;           /* of the place */
    struct pn_memo           *newer, *older;  /* of the store */
    struct place             *place;          /* NULL: not to be found any more */
    const struct pn_module   *module;
    const struct pn_conf_vec *vec;            /* referenced */
    uint64_t                  stamp;
    pn_usec                   made;
    void                     *data;
    size_t                    bytes;
    void (*release)(void *data);
};

static struct place *place_of(const struct pn_request *r)
{
    return r->core->place ? PN_CONTAINER(r->core->place, struct place, super) : NULL;
}

/* The directory whose changes count. */
static struct store_node *directory_of(const struct place *place)
{
    struct store_node *node = place->node;

    if (!node || place->super.finfo.type == PN_FILE_DIRECTORY)
        return node;
    return node->kind == NODE_NONE ? node->parent : NULL;
}

static uint64_t stamp_of(struct place *place)
{
    struct store_node *node = place ? directory_of(place) : NULL;

    if (!node || !place->super.valid || place->ask || place->super.status)
        return 0;
    if (pn__node_enter(place->super.store, node) != 0 || !node->dir)
        return 0;
    pn__node_watch_content(place->super.store, node);
    return node->dir->untrusted ? 0 : node->dir->touched + 1;
}

static apr_status_t unref(void *arg)
{
    struct pn_memo *memo = arg;

    if (--memo->refs)
        return APR_SUCCESS;
    memo->release(memo->data);
    pn_conf_vec_unref(memo->vec);
    free(memo);
    return APR_SUCCESS;
}

/* Nobody finds it any more. */
static void forget(struct pn_memo *memo)
{
    struct pn_store *store = memo->place->super.store;
    struct pn_memo **at = &memo->place->memos;

    while (*at != memo)
        at = &(*at)->next;
    *at = memo->next;
    *(memo->newer ? &memo->newer->older : &store->newest_memo) = memo->older;
    *(memo->older ? &memo->older->newer : &store->oldest_memo) = memo->newer;
    store->memo_bytes -= memo->bytes;
    memo->place = NULL;
    unref(memo);
}

void pn__memos_forget(struct place *place)
{
    while (place->memos)
        forget(place->memos);
}

static struct pn_memo *lookup(struct place *place, const struct pn_request *r, const struct pn_module *module)
{
    struct pn_memo *memo = place ? place->memos : NULL;

    while (memo && (memo->module != module || memo->vec != r->dir_conf))
        memo = memo->next;
    return memo;
}

uint64_t pn_memo_stamp(struct pn_request *r)
{
    return stamp_of(place_of(r));
}

void *pn_memo_find(struct pn_request *r, const struct pn_module *module)
{
    struct pn_memo *memo = lookup(place_of(r), r, module);

    if (!memo)
        return NULL;
    if (memo->stamp != stamp_of(memo->place) || pn_now() - memo->made >= PN_FILE_CHECK_USEC) {
        forget(memo);
        return NULL;
    }
    memo->refs++;
    apr_pool_cleanup_register(r->pool, memo, unref, apr_pool_cleanup_null);
    return memo->data;
}

/* Settings that are made anew for each request would fill the list. */
static void make_room(struct place *place)
{
    struct pn_memo *memo = place->memos;

    for (unsigned n = 1; memo && n < PLACE_MAX; n++)
        memo = memo->next;
    if (memo)
        forget(memo);
}

static void publish(struct place *place, struct pn_memo *memo)
{
    struct pn_store *store = place->super.store;

    make_room(place);
    memo->next = place->memos;
    place->memos = memo;
    memo->older = store->newest_memo;
    *(store->newest_memo ? &store->newest_memo->newer : &store->oldest_memo) = memo;
    store->newest_memo = memo;
    store->memo_bytes += memo->bytes;
    while (store->memo_bytes > ALL_MAX)
        forget(store->oldest_memo);
}

bool pn_memo_keep(struct pn_request *r, const struct pn_module *module, uint64_t stamp, void *data, size_t bytes,
                  void (*release)(void *data))
{
    struct place   *place = place_of(r);
    struct pn_memo *old = lookup(place, r, module), *memo;

    if (old)
        forget(old);
    if (stamp == 0 || stamp != stamp_of(place) || bytes > ONE_MAX) {
        release(data);
        return false;
    }
    memo = calloc(1, sizeof(*memo));
    pn_assert(memo);
    *memo = (struct pn_memo){ .refs = 2, .place = place, .module = module, .vec = pn_conf_vec_ref(r->dir_conf), .stamp = stamp,
                              .made = pn_now(), .data = data, .bytes = bytes + sizeof(*memo), .release = release };
    apr_pool_cleanup_register(r->pool, memo, unref, apr_pool_cleanup_null);
    publish(place, memo);
    return true;
}
