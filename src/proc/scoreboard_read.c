/* scoreboard_read.c - the public view of the scoreboard: pinion/scoreboard.h. */
#include <pinion/scoreboard.h>
#include <unistd.h>

#include "base/score.h"
#include "proc/mpm_conf.h"
#include "proc/scoreboard.h"

_Static_assert(PN_BOARD_BUCKETS == PN_SCORE_BUCKETS && PN_BOARD_CLASSES == PN_SCORE_CLASSES, "the same tables");
_Static_assert((int)PN_BOARD_ENDED == (int)PN_SLOT_ENDED, "the same states");

/* This process's view; the mappings are the master's and outlive the children. */
static struct {
    struct pn_board       *board;
    struct pn_score_table *scores;
    pid_t                  master;
} view;

void pn__board_show(struct pn_board *board, struct pn_score_table *scores)
{
    view.board = board;
    view.scores = scores;
    view.master = getpid();
}

static unsigned n_used(void)
{
    return view.board ? pn__slot_get(&view.board->used) : 0;
}

bool pn_board_info(const struct pn_generation *generation, struct pn_board_info *ret)
{
    const struct pn_mpm_conf *conf = pn_mpm_conf(generation);
    unsigned                  workers = pn__mpm_workers(conf);

    if (!view.board || !view.scores)
        return false;
    *ret = (struct pn_board_info){
        .model = pn_mpm_name(conf->model),
        .async = conf->model == PN_MPM_EVENT,
        .n_children = n_used(),
        .workers = workers,
        .max_children = (unsigned)conf->max_request_workers / workers,
        .generation = pn__slot_get(&view.board->generation),
        .master = view.master,
        .started = atomic_load(&view.board->started),
        .reloaded = atomic_load(&view.board->reloaded),
    };
    return true;
}

/* Busy workers that have no slot of their own, as there are more of them than slots, are not seen here. */
static unsigned count_busy(const struct pn_score *score)
{
    unsigned busy = 0, n = atomic_load_explicit(&score->slots_used, memory_order_relaxed);

    for (unsigned i = 0; i < n; i++)
        busy += atomic_load_explicit(&score->slots[i].state, memory_order_relaxed) != PN_SCORE_FREE;
    return busy;
}

bool pn_board_child(unsigned child, struct pn_board_child *ret)
{
    const struct pn_board_slot *slot;
    const struct pn_score      *score;

    if (child >= n_used())
        return false;
    slot = &view.board->slots[child];
    score = pn_score_of(view.scores, child);
    *ret = (struct pn_board_child){
        .pid = (pid_t)atomic_load_explicit(&slot->pid, memory_order_relaxed),
        .state = (enum pn_board_state)pn__slot_get(&slot->state),
        .generation = pn__slot_get(&slot->generation),
        .started = atomic_load_explicit(&slot->started, memory_order_relaxed),
    };
    if (!ret->pid)
        return true;
    ret->conns = pn__slot_get(&score->conns);
    ret->writing = pn__slot_get(&score->writing);
    ret->idle = pn__slot_get(&score->idle);
    ret->closing = pn__slot_get(&score->closing);
    ret->busy = count_busy(score);
    return true;
}

unsigned pn_board_workers(unsigned child)
{
    return child < n_used() ? pn__slot_get(&pn_score_of(view.scores, child)->slots_used) : 0;
}

static void read_text(const struct pn_score_slot *slot, struct pn_board_worker *ret)
{
    struct pn_score_text text;

    _Static_assert(sizeof(ret->host) == sizeof(text.host) && sizeof(ret->protocol) == sizeof(text.protocol) &&
                   sizeof(ret->request) == sizeof(text.request), "the same texts");
    if (ret->begun == 0 || !pn_score_text_read(slot, &text))
        return;
    memcpy(&ret->peer, text.peer, sizeof(ret->peer));
    memcpy(ret->host, text.host, sizeof(ret->host));
    memcpy(ret->protocol, text.protocol, sizeof(ret->protocol));
    memcpy(ret->request, text.request, sizeof(ret->request));
}

void pn_board_worker(unsigned child, unsigned worker, struct pn_board_worker *ret)
{
    const struct pn_score_slot *slot = &pn_score_of(view.scores, child)->slots[worker];
    unsigned                    state = pn__slot_get(&slot->state);

    *ret = (struct pn_board_worker){
        .busy = state == PN_SCORE_WORK,
        .keepalive = state == PN_SCORE_KEEPALIVE,
        .requests = pn_score_get(&slot->requests),
        .bytes = pn_score_get(&slot->bytes),
        .busy_usec = pn_score_get(&slot->busy_usec),
        .child_requests = pn_score_get(&slot->child_requests),
        .child_bytes = pn_score_get(&slot->child_bytes),
        .conn_bytes = pn_score_get(&slot->conn_bytes),
        .conn_requests = pn__slot_get(&slot->conn_requests),
        .begun = atomic_load_explicit(&slot->begun, memory_order_relaxed),
        .took_usec = pn__slot_get(&slot->took_usec),
    };
    read_text(slot, ret);
}

static void add_slots(const struct pn_score *score, struct pn_board_totals *ret)
{
    unsigned n = atomic_load_explicit(&score->slots_used, memory_order_relaxed);

    for (unsigned i = 0; i < n; i++) {
        ret->requests += pn_score_get(&score->slots[i].requests);
        ret->bytes += pn_score_get(&score->slots[i].bytes);
        ret->busy_usec += pn_score_get(&score->slots[i].busy_usec);
    }
}

void pn_board_totals(struct pn_board_totals *ret)
{
    unsigned n = n_used();

    *ret = (struct pn_board_totals){ 0 };
    for (unsigned i = 0; i < n; i++) {
        const struct pn_score *score = pn_score_of(view.scores, i);

        add_slots(score, ret);
        ret->requests += pn_score_get(&score->requests);
        ret->bytes += pn_score_get(&score->bytes);
        ret->busy_usec += pn_score_get(&score->busy_usec);
        for (unsigned c = 0; c < PN_SCORE_CLASSES; c++)
            ret->status_class[c] += pn_score_get(&score->status_class[c]);
        for (unsigned b = 0; b < PN_SCORE_BUCKETS; b++)
            ret->latency[b] += pn_score_get(&score->latency[b]);
    }
}

unsigned pn_board_hosts(void)
{
    return view.scores ? atomic_load_explicit(&view.scores->n_hosts, memory_order_acquire) + 1 : 0;
}

void pn_board_host(unsigned host, struct pn_board_host *ret)
{
    unsigned named = atomic_load_explicit(&view.scores->n_hosts, memory_order_acquire), n = n_used();

    *ret = (struct pn_board_host){ 0 };
    if (host < named)
        memcpy(ret->name, view.scores->hosts[host], sizeof(ret->name));
    else
        host = PN_SCORE_HOSTS - 1;
    for (unsigned i = 0; i < n; i++) {
        const struct pn_score_host *one = &pn_score_of(view.scores, i)->hosts[host];

        ret->requests += pn_score_get(&one->requests);
        ret->bytes += pn_score_get(&one->bytes);
        ret->busy_usec += pn_score_get(&one->busy_usec);
        ret->errors += pn_score_get(&one->errors);
    }
}

unsigned pn_board_history(struct pn_board_sample *ret, unsigned max)
{
    unsigned end = view.scores ? atomic_load_explicit(&view.scores->samples, memory_order_acquire) : 0, n = end;

    if (n > PN_SCORE_SAMPLES - 1) /* the oldest may be written anew at this moment */
        n = PN_SCORE_SAMPLES - 1;
    if (n > max)
        n = max;
    for (unsigned i = 0; i < n; i++) {
        const struct pn_score_sample *one = &view.scores->history[(end - n + i) % PN_SCORE_SAMPLES];

        ret[i] = (struct pn_board_sample){ .time = (pn_usec)pn_score_get(&one->time),
                                           .requests = pn_score_get(&one->requests),
                                           .bytes = pn_score_get(&one->bytes),
                                           .busy_usec = pn_score_get(&one->busy_usec) };
    }
    return n;
}

void pn__board_sample(pn_usec now)
{
    struct pn_board_totals  totals;
    struct pn_score_sample *one;
    unsigned                n;

    if (!view.scores)
        return;
    pn_board_totals(&totals);
    n = atomic_load_explicit(&view.scores->samples, memory_order_relaxed);
    one = &view.scores->history[n % PN_SCORE_SAMPLES];
    pn_score_set(&one->time, (uint64_t)now);
    pn_score_set(&one->requests, totals.requests);
    pn_score_set(&one->bytes, totals.bytes);
    pn_score_set(&one->busy_usec, totals.busy_usec);
    atomic_store_explicit(&view.scores->samples, n + 1, memory_order_release);
}

uint64_t pn_board_bucket_end(unsigned bucket)
{
    return pn_score_bucket_end(bucket);
}
