/* mpm_check.c - which model runs, and numbers that cannot be made into ones that can, with a warning for each.
 *
 * Runs in post_config. The corrections are those of the manual's MPM pages; the messages have httpd's numbers. */
#include <pinion/log.h>
#include <unistd.h>

#include "proc/mpm_conf.h"

#define PN_LOG_MODULE &pn_module_mpm_common

enum { THREAD_LIMIT_MAX = 20000, SERVER_LIMIT_MAX = 20000, THREAD_STACK_MIN = 64 * 1024 };

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
    if (c->conf->model == PN_MPM_WORKER)
        PN_LOG_S(c->generation->servers, PN_LOG_WARNING, 20101, 0,
                 "the worker model is served by the event engine: its directives keep their meaning, and a child "
                 "holds more connections than ThreadsPerChild");
    return PN_OK;
}

static void name_what_does_nothing(const struct checking *c)
{
    static const struct {
        const char *name;
        bool        prefork; /* it is prefork that obeys it */
    } rows[] = { { "MinSpareServers", true },  { "MaxSpareServers", true }, { "ThreadLimit", false },
                 { "ThreadsPerChild", false }, { "MinSpareThreads", false }, { "MaxSpareThreads", false } };

    for (size_t i = 0; i < PN_COUNT(rows); i++)
        if (is_set(c, rows[i].name) && rows[i].prefork != (c->conf->model == PN_MPM_PREFORK))
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
    at_least(c, "MinSpareThreads", &conf->min_spare_threads, 1, 519);
    if (conf->max_spare_threads < conf->min_spare_threads + conf->threads_per_child)
        conf->max_spare_threads = conf->min_spare_threads + conf->threads_per_child;
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
    if (either_set(c, "MaxRequestWorkers", "MaxClients"))
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

static void check_start(const struct checking *c)
{
    struct pn_mpm_conf *conf = c->conf;

    if (!is_set(c, "StartServers"))
        conf->start_servers = conf->model == PN_MPM_PREFORK ? 5 : event_children(c);
    at_least(c, "StartServers", &conf->start_servers, 1, 517);
    if (conf->start_servers > conf->max_request_workers / conf->threads_per_child)
        conf->start_servers = conf->max_request_workers / conf->threads_per_child;
    if (conf->start_servers < 1)
        conf->start_servers = 1;
    at_least(c, "MinSpareServers", &conf->min_spare_servers, 1, 517);
    if (conf->max_spare_servers <= conf->min_spare_servers)
        conf->max_spare_servers = conf->min_spare_servers + 1;
}

static void check_sizes(const struct checking *c)
{
    struct pn_mpm_conf *conf = c->conf;

    at_least(c, "ListenBacklog", &conf->backlog, 1, 20103);
    at_least(c, "ListenCoresBucketsRatio", &conf->buckets_ratio, 0, 20103);
    at_least(c, "MaxConnectionsPerChild", &conf->max_connections_per_child, 0, 20103);
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
