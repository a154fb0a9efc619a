/* score.c - see score.h. Workload: two calls a request; with ExtendedStatus Off they are a few stores. */
#include "http/score.h"

#include <time.h>

#include <pinion/scoreboard.h>

#include "http/request_core.h"
#include "http/vhost.h"

_Static_assert(sizeof(struct pn_addr) == sizeof(((struct pn_score_text *)0)->peer), "an address fits its place");

/* This process's. */
static struct {
    struct pn_score      *score;    /* NULL: there is no board */
    unsigned              n_slots;
    atomic_uint           loops;
    atomic_uint_fast64_t *free;     /* a bit a slot */
    const uint8_t        *host_of;  /* place of a virtual host, by server index */
    bool                  extended; /* ExtendedStatus */
    bool                  tail;     /* SeeRequestTail */
} own;

/* ---- attaching ---- */

static pn_str host_name(const struct pn_server *s, apr_pool_t *pool)
{
    uint16_t port = s->port;

    if (!port && s->addresses && s->addresses->nelts)
        port = ((const struct pn_vhost_address *)(const void *)s->addresses->elts)->addr.port;
    return port ? pn_str_printf(pool, "%.*s:%u", PN_FMT(s->name), port) : s->name;
}

void pn_score_names(struct pn_score_table *table, const struct pn_generation *generation)
{
    apr_pool_t *pool;

    if (apr_pool_create(&pool, NULL) != APR_SUCCESS)
        return;
    for (const struct pn_server *s = generation->servers; s; s = s->next)
        pn_score_host_add(table, host_name(s, pool));
    apr_pool_destroy(pool);
}

void pn_score_attach(struct pn_score_table *table, unsigned child, const struct pn_generation *generation, apr_pool_t *pool)
{
    const struct pn_core_server *conf = pn_core_server(generation->servers);
    unsigned                     words = (table->n_slots + 63) / 64;
    uint8_t                     *host_of = apr_palloc(pool, generation->n_servers + 1);

    own.score = pn_score_of(table, child);
    own.n_slots = table->n_slots;
    own.extended = conf->extended_status;
    own.tail = conf->see_request_tail;
    own.free = apr_palloc(pool, words * sizeof(*own.free));
    for (unsigned i = 0; i < words; i++)
        atomic_init(&own.free[i], i + 1 < words || table->n_slots % 64 == 0 ? UINT64_MAX
                                                                           : (UINT64_C(1) << table->n_slots % 64) - 1);
    for (const struct pn_server *s = generation->servers; s; s = s->next)
        host_of[s->index] = (uint8_t)pn_score_host_find(table, host_name(s, pool));
    own.host_of = host_of;
}

void pn_score_limit(unsigned n_workers)
{
    for (unsigned i = n_workers; i < own.n_slots; i++)
        atomic_fetch_and_explicit(&own.free[i / 64], ~(UINT64_C(1) << (i & 63)), memory_order_relaxed);
    if (n_workers < own.n_slots)
        own.n_slots = n_workers;
}

bool pn_extended_status(const struct pn_generation *generation)
{
    return pn_core_server(generation->servers)->extended_status;
}

void pn_score_detach(void)
{
    own.score = NULL;
}

void pn__score_worker(struct pn_worker *worker, bool opens)
{
    (void)worker;
    if (opens)
        atomic_fetch_add(&own.loops, 1);
    else
        atomic_fetch_sub(&own.loops, 1);
}

/* ---- counters that the loops of a child share ---- */

static void count(atomic_uint_fast64_t *counter, uint64_t n)
{
    if (PN_LIKELY(atomic_load_explicit(&own.loops, memory_order_relaxed) <= 1))
        pn_score_add(counter, n);
    else
        atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* ---- slots ---- */

static bool take_bit(unsigned index)
{
    uint64_t bit = UINT64_C(1) << (index & 63);

    return atomic_fetch_and_explicit(&own.free[index / 64], ~bit, memory_order_acquire) & bit;
}

static void give_bit(unsigned index)
{
    atomic_fetch_or_explicit(&own.free[index / 64], UINT64_C(1) << (index & 63), memory_order_release);
}

/* The slot that the worker had last, else the first free one: those in use stay together. */
static struct pn_score_slot *take(struct pn_worker *w)
{
    unsigned index = w->score_hint;

    if (!take_bit(index)) {
        for (index = 0; index < own.n_slots; index = (index | 63) + 1) {
            uint64_t bits = atomic_load_explicit(&own.free[index / 64], memory_order_relaxed);

            while (bits && !take_bit(index + (unsigned)__builtin_ctzll(bits)))
                bits &= bits - 1;
            if (bits) {
                index += (unsigned)__builtin_ctzll(bits);
                break;
            }
        }
        if (index >= own.n_slots)
            return NULL;
        w->score_hint = index;
    }
    if (PN_UNLIKELY(atomic_load_explicit(&own.score->slots_used, memory_order_relaxed) <= index))
        atomic_store_explicit(&own.score->slots_used, index + 1, memory_order_relaxed);
    return &own.score->slots[index];
}

static void let_go(struct pn_score_slot *slot)
{
    atomic_store_explicit(&slot->state, PN_SCORE_FREE, memory_order_relaxed);
    give_bit((unsigned)(slot - own.score->slots));
}

static void put(char *to, size_t max, pn_str text, bool tail)
{
    if (text.n > max - 1)
        text = tail ? pn_str_from(text, text.n - (max - 1)) : pn_str_head(text, max - 1);
    if (text.n)
        memcpy(to, text.p, text.n);
    to[text.n] = '\0';
}

static void describe(struct pn_score_slot *slot, const struct pn_request *r)
{
    struct pn_score_text text;

    memcpy(text.peer, &r->conn->peer, sizeof(text.peer));
    put(text.host, sizeof(text.host), r->server->name, false);
    put(text.protocol, sizeof(text.protocol), r->protocol, false);
    put(text.request, sizeof(text.request), r->line, own.tail);
    pn_score_text_write(slot, &text);
    atomic_store_explicit(&slot->begun, r->begun, memory_order_relaxed);
}

void pn__score_begin(struct pn_request *r)
{
    struct pn_worker *w = pn_worker_this();

    r->core->scored = true;
    w->at_work++;
    if (pn_fiber_this())
        pn_fiber_set_label(pn_fiber_this(), r->line);
    pn__score_turn(w);
    if (!own.score || !(r->core->score_slot = take(w)))
        return;
    atomic_store_explicit(&r->core->score_slot->state, PN_SCORE_WORK, memory_order_relaxed);
    if (own.extended)
        describe(r->core->score_slot, r);
}

void pn__score_drain(struct pn_request *r)
{
    while (r->prev)
        r = r->prev;
    if (!r->core->scored)
        return;
    if (!r->core->draining) {
        r->core->draining = true;
        pn_worker_this()->writing++;
        pn_slot_freed(pn_worker_this());
    }
    if (r->core->score_slot)
        let_go(r->core->score_slot);
    r->core->score_slot = NULL;
}

/* The loop's clock stands still for a turn; short requests are measured with the system's, which is no system call. */
static uint64_t time_since(pn_usec begun)
{
    struct timespec now;
    pn_usec         usec;

    clock_gettime(CLOCK_MONOTONIC, &now);
    usec = now.tv_sec * PN_USEC_PER_SEC + now.tv_nsec / 1000 - begun;
    return usec > 0 ? (uint64_t)usec : 0;
}

static void count_in_slot(struct pn_score_slot *slot, const struct pn_request *last, uint64_t bytes, uint64_t usec)
{
    pn_score_add(&slot->requests, 1);
    pn_score_add(&slot->bytes, bytes);
    pn_score_add(&slot->busy_usec, usec);
    pn_score_add(&slot->child_requests, 1);
    pn_score_add(&slot->child_bytes, bytes);
    pn_score_set(&slot->conn_bytes, last->conn->bytes_out);
    atomic_store_explicit(&slot->conn_requests, last->conn->requests, memory_order_relaxed);
    atomic_store_explicit(&slot->took_usec, usec < UINT32_MAX ? (unsigned)usec : UINT32_MAX, memory_order_relaxed);
}

static void count_request(struct pn_score_slot *slot, const struct pn_request *last)
{
    uint64_t              usec = time_since(last->begun), bytes = last->bytes_out;
    unsigned              status_class = (unsigned)last->status / 100;
    struct pn_score_host *host = &own.score->hosts[own.host_of[last->server->index]];

    if (slot)
        count_in_slot(slot, last, bytes, usec);
    else {
        count(&own.score->requests, 1);
        count(&own.score->bytes, bytes);
        count(&own.score->busy_usec, usec);
    }
    count(&own.score->status_class[status_class < PN_SCORE_CLASSES ? status_class : 0], 1);
    count(&own.score->latency[pn_score_bucket(usec)], 1);
    count(&host->requests, 1);
    count(&host->bytes, bytes);
    count(&host->busy_usec, usec);
    if (status_class == 5)
        count(&host->errors, 1);
}

void pn__score_end(struct pn_request *first, const struct pn_request *last)
{
    struct pn_worker     *w = pn_worker_this();
    struct pn_score_slot *slot = first->core->score_slot;

    if (!first->core->scored)
        return; /* a client that asked for nothing */
    first->core->scored = false;
    w->at_work--;
    if (pn_fiber_this())
        pn_fiber_set_label(pn_fiber_this(), PN_STR(""));
    if (PN_UNLIKELY(first->core->draining))
        w->writing--;
    else
        pn_slot_freed(w);
    if (!own.score)
        return;
    if (own.extended) {
        first->conn->bytes_out += last->bytes_out;
        count_request(slot, last);
    }
    if (slot)
        let_go(slot);
    first->core->score_slot = NULL;
}

/* ---- connections ---- */

/* The board holds the sum over the child's loops: each adds what has changed since it told last. */
static void tell(atomic_uint *figure, unsigned *told, unsigned now)
{
    if (*told == now)
        return;
    atomic_fetch_add_explicit(figure, now - *told, memory_order_relaxed);
    *told = now;
}

void pn__score_turn(struct pn_worker *w)
{
    unsigned busy = w->at_work + w->lingering;

    if (!own.score)
        return;
    tell(&own.score->conns, &w->told.conns, w->conns);
    tell(&own.score->writing, &w->told.writing, w->writing);
    tell(&own.score->closing, &w->told.closing, w->lingering);
    tell(&own.score->idle, &w->told.idle, w->conns > busy ? w->conns - busy : 0);
}
