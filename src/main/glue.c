/* glue.c - where the process models meet HTTP: what src/proc asks for, done by src/http. Neither knows the other. */
#include "http/core_conf.h"
#include "http/log_buffer.h"
#include "http/log_error.h"
#include "http/log_sink.h"
#include "http/worker.h"
#include "main/boot.h"
#include "proc/proc.h"

/* ---- the master's ---- */

/* Whose error log this process uses for what concerns no server. */
static const struct pn_generation *in_use;

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

static int error_log_fd(struct pn_generation *generation)
{
    const struct pn_log_sink *sink = pn_core_server(generation->servers)->error_sink;

    return sink ? sink->fd : -1;
}

static void *segment_open(void)
{
    return pn_log_segment_map();
}

static void segment_close(void *segment)
{
    pn_log_segment_unmap(segment);
}

static void segment_recover(void *segment, struct pn_generation *generation)
{
    pn_log_segment_recover(segment, generation);
}

static void segment_attach(void *segment)
{
    pn_log_buffer_attach(segment);
}

/* ---- a child's ---- */

static bool engine_open(struct pn_loop *loop, apr_pool_t *pool, struct pn_generation *generation, void **ret_engine)
{
    struct pn_worker *worker;

    if (pn_worker_open(loop, pool, generation, &worker) != PN_OK)
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

    *ret = (struct pn_child_figures){ .conns = worker->conns, .active = worker->active, .requests = worker->requests,
                                      .bytes = worker->bytes };
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
    .tick = pn_log_pipes_tick,
    .error_log_fd = error_log_fd,
    .segment_attach = segment_attach,
    .segment_release = pn_log_buffer_release,
    .engine_open = engine_open,
    .accepted = accepted,
    .figures = figures,
    .drain = drain,
    .engine_close = engine_close,
};
