/* mpm_check.c - which model runs, and numbers that cannot be made into ones that can, with a warning for each.
 *
 * Runs in post_config. The corrections are those of the manual's MPM pages; the messages have httpd's numbers. */
#include <pinion/log.h>
#include <unistd.h>

#include "proc/memory.h"

#define PN_LOG_MODULE &pn_module_mpm_common

enum { THREAD_LIMIT_MAX = 20000, SERVER_LIMIT_MAX = 20000, THREAD_STACK_MIN = 64 * 1024, AUTO_SERVER_LIMIT = 1000,
       CHILD_MEMORY_MIN = 4 * 1024 * 1024 };

/* One check at work. */
struct checking {
    struct pn_generation *generation;
    struct pn_mpm_conf   *conf;
};

static bool is_set(const struct checking *c, const char *directive)
{
    return pn_conf_is_set(c->conf, &pn_module_mpm_common, directive);
}

/* Either name of a renamed directive. */
static bool either_set(const struct checking *c, const char *name, const char *old_name)
{
    return is_set(c, name) || is_set(c, old_name);
}

static void at_least(const struct checking *c, const char *name, int64_t *value, int64_t least, unsigned id)
{
    if (*value >= least)
        return;
    PN_LOG_S(c->generation->servers, PN_LOG_WARNING, id, 0, "%s of %lld is not possible, increasing to %lld", name,
             (long long)*value, (long long)least);
    *value = least;
}

static void at_most(const struct checking *c, const char *name, int64_t *value, int64_t most, const char *see,
                    unsigned id)
{
    if (*value <= most)
        return;
    PN_LOG_S(c->generation->servers, PN_LOG_WARNING, id, 0, "%s of %lld exceeds %s of %lld, decreasing to %lld", name,
             (long long)*value, see, (long long)most, (long long)most);
    *value = most;
}

/* ---- which model ---- */

static pn_rc choose_model(const struct checking *c)
{
    unsigned named;

    c->conf->model = pn_mpm_model_of(c->generation, &named);
    if (named > 1) {
        pn_generation_error(c->generation, "AH00534: More than one MPM loaded: LoadModule may name one of "
                                           "mpm_event_module, mpm_worker_module and mpm_prefork_module");
        return PN_BAD;
    }
    return PN_OK;
}

static void name_what_does_nothing(const struct checking *c)
{
    enum { EVENT = 1 << PN_MPM_EVENT, THREADED = EVENT | 1 << PN_MPM_WORKER, PREFORK = 1 << PN_MPM_PREFORK };
    static const struct {
        const char *name;
        unsigned    models; /* that obey it */
    } rows[] = { { "MinSpareServers", PREFORK },  { "MaxSpareServers", PREFORK },  { "ThreadLimit", THREADED },
                 { "ThreadsPerChild", THREADED }, { "MinSpareThreads", THREADED }, { "MaxSpareThreads", THREADED },
                 { "AsyncRequestWorkerFactor", EVENT } };

    for (size_t i = 0; i < PN_COUNT(rows); i++)
        if (is_set(c, rows[i].name) && !(rows[i].models >> c->conf->model & 1))
            PN_LOG_S(c->generation->servers, PN_LOG_WARNING, 20102, 0, "%s has no effect: the process model is %s",
                     rows[i].name, pn_mpm_name(c->conf->model));
}

/* ---- numbers ---- */

static void check_threads(const struct checking *c)
{
    struct pn_mpm_conf *conf = c->conf;

    at_most(c, "ThreadLimit", &conf->thread_limit, THREAD_LIMIT_MAX, "the largest that is possible", 497);
    at_least(c, "ThreadLimit", &conf->thread_limit, 1, 499);
    at_most(c, "ThreadsPerChild", &conf->threads_per_child, conf->thread_limit, "ThreadLimit", 507);
    at_least(c, "ThreadsPerChild", &conf->threads_per_child, 1, 509);
}

static void check_max_request_workers(const struct checking *c)
{
    struct pn_mpm_conf *conf = c->conf;
    struct pn_server   *server = c->generation->servers;
    int64_t             per_child = conf->threads_per_child, asked = conf->max_request_workers;

    if (asked < per_child) {
        PN_LOG_S(server, PN_LOG_WARNING, 511, 0,
                 "MaxRequestWorkers of %lld is less than ThreadsPerChild of %lld, increasing to that",
                 (long long)asked, (long long)per_child);
        conf->max_request_workers = per_child;
    }
    else if (asked % per_child) {
        conf->max_request_workers = asked / per_child * per_child;
        PN_LOG_S(server, PN_LOG_WARNING, 513, 0,
                 "MaxRequestWorkers of %lld is not an integer multiple of ThreadsPerChild of %lld, decreasing to %lld",
                 (long long)asked, (long long)per_child, (long long)conf->max_request_workers);
    }
    at_most(c, "MaxRequestWorkers", &conf->max_request_workers, conf->server_limit * per_child,
            per_child == 1 ? "ServerLimit" : "ServerLimit times ThreadsPerChild", 515);
}

/* What the memory is for. A ServerLimit that is set bounds it still. */
static void choose_max_request_workers(const struct checking *c)
{
    struct pn_mpm_conf    *conf = c->conf;
    struct pn_memory_limit limit = pn__memory_limit();
    int64_t                per_child = conf->threads_per_child;
    uint64_t               child, children;

    children = pn__memory_children(limit, (unsigned)per_child, conf->model == PN_MPM_WORKER, &child);
    if (!is_set(c, "ServerLimit"))
        conf->server_limit = AUTO_SERVER_LIMIT;
    if (children > (uint64_t)conf->server_limit)
        children = (uint64_t)conf->server_limit;
    conf->max_request_workers = (int64_t)children * per_child;
    PN_LOG_S(c->generation->servers, PN_LOG_NOTICE, 20902, 0,
             "MaxRequestWorkers auto is %lld: %llu children for %lld requests each, with %llu KB a child, in %llu MB of "
             "memory (%s)", (long long)conf->max_request_workers, (unsigned long long)children, (long long)per_child,
             (unsigned long long)child / 1024, (unsigned long long)limit.bytes >> 20,
             limit.of_group ? "the control group's limit" : "the machine's");
}

static void check_servers(const struct checking *c)
{
    struct pn_mpm_conf *conf = c->conf;
    bool                prefork = conf->model == PN_MPM_PREFORK;

    if (!is_set(c, "ServerLimit"))
        conf->server_limit = prefork ? 256 : 16;
    at_most(c, "ServerLimit", &conf->server_limit, SERVER_LIMIT_MAX, "the largest that is possible", 502);
    at_least(c, "ServerLimit", &conf->server_limit, 1, 504);
    if (prefork)
        conf->threads_per_child = 1;
    else
        check_threads(c);
    if (conf->max_workers_auto)
        choose_max_request_workers(c);
    else if (either_set(c, "MaxRequestWorkers", "MaxClients"))
        check_max_request_workers(c);
    else
        conf->max_request_workers = conf->server_limit * conf->threads_per_child;
}

/* A loop serves any number of connections, so a core needs one child: more would only share the core. */
static int64_t event_children(const struct checking *c)
{
    long    cores = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t most = INT64_MAX;

    if (either_set(c, "MaxRequestWorkers", "MaxClients") || is_set(c, "ServerLimit"))
        most = c->conf->max_request_workers / c->conf->threads_per_child;
    return cores < 1 ? 1 : cores < most ? cores : most;
}

static void check_spare_servers(const struct checking *c)
{
    struct pn_mpm_conf *conf = c->conf;

    at_least(c, "MinSpareServers", &conf->min_spare_servers, 1, 517);
    if (conf->max_spare_servers <= conf->min_spare_servers)
        conf->max_spare_servers = conf->min_spare_servers + 1;
    conf->keep_children = 0;
}

/* What is not set fits the children of the start: a machine of many cores has more places than the manual's numbers. */
static void check_spare_threads(const struct checking *c)
{
    struct pn_mpm_conf *conf = c->conf;
    int64_t             at_start = conf->start_servers * conf->threads_per_child;

    if (conf->model == PN_MPM_EVENT && !is_set(c, "MinSpareThreads") && conf->min_spare_threads > at_start / 2)
        conf->min_spare_threads = at_start / 2;
    at_least(c, "MinSpareThreads", &conf->min_spare_threads, 1, 519);
    if (!is_set(c, "MaxSpareThreads") && conf->max_spare_threads < at_start + conf->threads_per_child)
        conf->max_spare_threads = at_start + conf->threads_per_child;
    if (conf->max_spare_threads < conf->min_spare_threads + conf->threads_per_child) {
        if (is_set(c, "MaxSpareThreads"))
            PN_LOG_S(c->generation->servers, PN_LOG_WARNING, 20900, 0,
                     "MaxSpareThreads of %lld is less than MinSpareThreads and ThreadsPerChild together, increasing to %lld",
                     (long long)conf->max_spare_threads, (long long)(conf->min_spare_threads + conf->threads_per_child));
        conf->max_spare_threads = conf->min_spare_threads + conf->threads_per_child;
    }
    conf->keep_children = conf->max_spare_threads / conf->threads_per_child;
    if (conf->keep_children > conf->start_servers)
        conf->keep_children = conf->start_servers;
}

static void check_start(const struct checking *c)
{
    struct pn_mpm_conf *conf = c->conf;

    if (!is_set(c, "StartServers"))
        conf->start_servers = conf->model == PN_MPM_PREFORK ? 5 : conf->model == PN_MPM_WORKER ? 3 : event_children(c);
    at_least(c, "StartServers", &conf->start_servers, 1, 517);
    if (conf->start_servers > conf->max_request_workers / conf->threads_per_child)
        conf->start_servers = conf->max_request_workers / conf->threads_per_child;
    if (conf->start_servers < 1)
        conf->start_servers = 1;
    if (conf->model == PN_MPM_PREFORK)
        check_spare_servers(c);
    else
        check_spare_threads(c);
}

static void check_sizes(const struct checking *c)
{
    struct pn_mpm_conf *conf = c->conf;

    at_least(c, "ListenBacklog", &conf->backlog, 1, 20103);
    at_least(c, "ListenCoresBucketsRatio", &conf->buckets_ratio, 0, 20103);
    at_least(c, "MaxConnectionsPerChild", &conf->max_connections_per_child, 0, 20103);
    if (conf->max_mem_per_child)
        at_least(c, "MaxMemPerChild", &conf->max_mem_per_child, CHILD_MEMORY_MIN, 20103);
    if (conf->thread_stack_bytes)
        at_least(c, "ThreadStackSize", &conf->thread_stack_bytes, THREAD_STACK_MIN, 20103);
}

pn_rc pn__mpm_check(struct pn_generation *generation, apr_pool_t *pool, bool check_only)
{
    struct checking c = { .generation = generation, .conf = pn_mpm_conf(generation) };

    if (choose_model(&c) != PN_OK)
        return PN_BAD;
    name_what_does_nothing(&c);
    check_servers(&c);
    check_start(&c);
    check_sizes(&c);
    if (!check_only && !c.conf->listeners) {
        pn_generation_error(generation, "AH00451: no listening sockets available: a Listen line is needed, such as "
                                        "\"Listen 80\"");
        return PN_BAD;
    }
    return PN_OK;
}
