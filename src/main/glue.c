/* glue.c - where the process models meet HTTP: what src/proc asks for, done by src/http. Neither knows the other. */
#include <errno.h>
#include <stdlib.h>

#include "conf/hooks.h"
#include "http/core_conf.h"
#include "http/log_buffer.h"
#include "http/log_error.h"
#include "http/log_sink.h"
#include "http/score.h"
#include "http/worker.h"
#include "main/boot.h"
#include "proc/proc.h"

/* ---- the master's ---- */

static struct pn_score_table *scores;

/* Whose error log this process uses for what concerns no server. */
static struct pn_generation *in_use;

static struct pn_generation *load(void *arg, unsigned number, struct pn_generation *running)
{
    return pn_boot_reload(arg, number, running);
}

static bool begin(struct pn_generation *generation)
{
    const char *error = NULL;

    if (pn_log_pipes_start(generation, &error) != PN_OK) {
        pn_log_write_s(generation->servers, &pn_module_core, PN_LOG_CRIT, 104, 0, "a log program cannot be started: %s",
                       error);
        fprintf(stderr, "AH00104: a log program cannot be started: %s\n", error);
        return false;
    }
    pn_score_names(scores, generation);
    in_use = generation;
    pn_log_use(generation->servers);
    return true;
}

static void end(struct pn_generation *generation)
{
    if (generation == in_use) {
        pn_log_use(NULL);
        in_use = NULL;
    }
    pn_log_pipes_stop(generation);
}

static void other_ended(pid_t pid, int status)
{
    (void)pn_log_pipes_reap(pid, status); /* a process of nobody: one that we were before exec had it */
}

static pn_usec tick(pn_usec now)
{
    pn_usec pipes = pn_log_pipes_tick(now), modules = in_use ? pn_run_master_tick(in_use, now) : PN_NEVER;

    return pipes < modules ? pipes : modules;
}

static int error_log_fd(struct pn_generation *generation)
{
    const struct pn_log_sink *sink = pn_core_server(generation->servers)->error_sink;

    return sink ? sink->fd : -1;
}

/* The log lines of a child: a segment a thread. */
struct segments {
    unsigned               n;
    struct pn_log_segment *v[];
};

static void segment_close(void *arg)
{
    struct segments *segments = arg;

    for (unsigned i = 0; segments && i < segments->n; i++)
        pn_log_segment_unmap(segments->v[i]);
    free(segments);
}

static void *segment_open(void *earlier, unsigned threads)
{
    struct segments *segments = earlier;

    if (segments && segments->n == threads)
        return segments;
    segment_close(segments);
    segments = calloc(1, sizeof(*segments) + threads * sizeof(segments->v[0]));
    pn_assert(segments != NULL);
    while (segments->n < threads) {
        struct pn_log_segment *one = pn_log_segment_map();
        int                    error = errno;

        if (!one) {
            segment_close(segments);
            errno = error;
            return NULL;
        }
        segments->v[segments->n++] = one;
    }
    return segments;
}

static void segment_recover(void *arg, struct pn_generation *generation)
{
    struct segments *segments = arg;

    for (unsigned i = 0; i < segments->n; i++)
        pn_log_segment_recover(segments->v[i], generation);
}

static void segment_attach(void *arg, unsigned number)
{
    struct segments *segments = arg;

    pn_assert(number < segments->n);
    pn_log_buffer_attach(segments->v[number]);
}

static struct pn_score_table *scores_open(unsigned n_children, unsigned n_slots)
{
    scores = pn_score_table_open(n_children, n_slots);
    return scores;
}

/* ---- a child's ---- */

static void scores_attach(unsigned child, unsigned n_workers, const struct pn_generation *generation, apr_pool_t *pool)
{
    pn_score_attach(scores, child, generation, pool);
    pn_score_limit(n_workers);
}

static bool engine_open(struct pn_loop *loop, apr_pool_t *pool, struct pn_generation *generation,
                        const struct pn_engine_place *place, void **ret_engine)
{
    struct pn_worker_place where = { .sharers = place->sharers, .one_connection = place->one_connection,
                                      .slots = place->at_work, .hub = place->hub };
    struct pn_worker      *worker;

    if (pn_worker_open(loop, pool, generation, &where, &worker) != PN_OK)
        return false;
    *ret_engine = worker;
    return true;
}

static void accepted(void *engine, int fd, const struct pn_addr *peer, const struct pn_listener *listener)
{
    pn_worker_accepted(engine, fd, peer, listener);
}

static void figures(const void *engine, struct pn_child_figures *ret)
{
    const struct pn_worker *worker = engine;

    *ret = (struct pn_child_figures){ .conns = worker->conns, .closing = worker->lingering,
                                      .active = pn_slots_held(worker), .waiting = worker->slots.waiting,
                                      .requests = worker->requests, .bytes = worker->bytes };
}

static void drain(void *engine, pn_usec grace)
{
    pn_worker_drain(engine, grace);
}

static void engine_close(void *engine)
{
    pn_worker_close(engine);
}

const struct pn_proc_ops pn_glue = {
    .load = load,
    .segment_open = segment_open,
    .segment_close = segment_close,
    .segment_recover = segment_recover,
    .begin = begin,
    .end = end,
    .other_ended = other_ended,
    .tick = tick,
    .error_log_fd = error_log_fd,
    .scores_open = scores_open,
    .scores_attach = scores_attach,
    .scores_release = pn_score_detach,
    .segment_attach = segment_attach,
    .segment_release = pn_log_buffer_release,
    .engine_open = engine_open,
    .accepted = accepted,
    .figures = figures,
    .drain = drain,
    .engine_close = engine_close,
};
