/* worker.c - what one serving thread owns: its loop, caches, receive arena and clock texts. */
#include "http/worker.h"

#include <pinion/tls.h>

#include <stdlib.h>
#include <sys/mman.h>

#include "http/core_conf.h"
#include "http/score.h"
#include "http/store.h"
#include "net/resolver.h"
#include "http/vec_cache.h"
#include "http/log_buffer.h"
#include "proto/validator.h"

#define VEC_CACHE_ENTRIES 4096

static _Thread_local struct pn_worker *this_worker;

struct pn_worker *__attribute__((noinline)) pn_worker_this(void)
{
    return this_worker;
}

/* Every head that lies in the arena has been taken by its request in this turn's run phase. */
static void end_of_turn(struct pn_turn_hook *hook)
{
    struct pn_worker *w = PN_CONTAINER(hook, struct pn_worker, turn_end);

    w->arena_used = 0;
    pn__score_turn(w);
    pn_log_buffer_turn(w->loop, w->one_connection ? PN_LOG_PACE_OF_ONE_USEC : PN_LOG_PACE_USEC);
}

/* The provider of a group that one module has. */
static const void *only_provider(const struct pn_generation *generation, const char *group, apr_pool_t *pool)
{
    apr_array_header_t *names = pn_provider_names(generation, pool, group);

    return names->nelts ? pn_provider(generation, group, pn_str_z(APR_ARRAY_IDX(names, 0, const char *))) : NULL;
}

pn_rc pn_worker_open(struct pn_loop *loop, apr_pool_t *pool, struct pn_generation *generation,
                     const struct pn_worker_place *place, struct pn_worker **ret)
{
    const struct pn_core_server *conf = pn_core_server(generation->servers);
    struct pn_worker            *w = apr_pcalloc(pool, sizeof(*w));

    w->loop = loop;
    w->pool = pool;
    w->generation = generation;
    w->sharers = place->sharers;
    w->one_connection = place->one_connection;
    w->slots.limit = place->slots;
    w->slots.last = &w->slots.first;
    w->slabs = apr_array_make(pool, 16, sizeof(char *));
    /* Mapped, not allocated: only the pages that a busy turn touches cost memory. */
    w->arena = mmap(NULL, PN_ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (w->arena == MAP_FAILED)
        return PN_SYSTEM;
    if (!conf->file_watch || pn_watcher_open(loop, pool, place->hub, &w->watcher) != PN_OK)
        w->watcher = NULL; /* the store asks the file system each time instead */
    w->vecs = pn_vec_cache_open(pool, VEC_CACHE_ENTRIES / w->sharers);
    pn_rc rc = pn_store_open(w, conf, &w->store);
    if (rc != PN_OK)
        return rc;
    w->turn_end.fn = end_of_turn;
    pn_loop_on_turn_end(loop, &w->turn_end);
    w->tls = pn_provider(generation, PN_TLS_GROUP, PN_STR(PN_TLS_SERVER));
    w->tap = only_provider(generation, "conn-tap", pool);
    w->protocol = only_provider(generation, "protocol", pool);
    this_worker = w;
    pn__score_worker(w, true);
    *ret = w;
    return PN_OK;
}

void pn_worker_close(struct pn_worker *w)
{
    w->closing = true;
    while (w->away) /* steps of handshakes on other threads: their connections cannot go before they are back */
        pn_loop_turn(w->loop, PN_USEC_PER_SEC);
    pn__worker_close_conns(w);
    pn_resolver_close(w->resolver);
    pn_store_close(w->store);
    pn_vec_cache_close(w->vecs);
    if (w->watcher)
        pn_watcher_close(w->watcher);
    for (int i = 0; i < w->slabs->nelts; i++)
        free(APR_ARRAY_IDX(w->slabs, i, char *));
    munmap(w->arena, PN_ARENA_BYTES);
    pn__score_worker(w, false);
    this_worker = NULL;
}

pn_str pn_worker_date(struct pn_worker *w)
{
    int64_t second = pn_loop_wall(w->loop) / PN_USEC_PER_SEC;

    if (second != w->date_second) {
        w->date_second = second;
        pn_http_date(second * PN_USEC_PER_SEC, w->http_date);
    }
    return pn_str_n(w->http_date, PN_HTTP_DATE_LEN);
}

void pn_worker_freshen(struct pn_worker *w)
{
    if (!w->undrained)
        return;
    w->undrained = false;
    if (w->watcher)
        pn_watcher_drain(w->watcher);
}
