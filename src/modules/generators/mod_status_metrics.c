/* mod_status_metrics.c - ?metrics: the Prometheus text format, version 0.0.4. Names follow Prometheus' own rules: base units,
 * counters end in _total, a histogram is cumulative. */
#include "mod_status.h"

#include <pinion/inspect.h>

/* A histogram has one line for each second bucket: enough for its readers, and half the lines. */
#define BUCKET_STEP 2

static void head(struct pn_buf *out, const char *name, const char *type, const char *help)
{
    pn_buf_printf(out, "# HELP pinion_%s %s\n# TYPE pinion_%s %s\n", name, help, name, type);
}

static void gauge(struct pn_buf *out, const char *name, const char *help, double value)
{
    head(out, name, "gauge", help);
    pn_buf_printf(out, "pinion_%s %.15g\n", name, value);
}

static void counter(struct pn_buf *out, const char *name, const char *help, double value)
{
    head(out, name, "counter", help);
    pn_buf_printf(out, "pinion_%s %.15g\n", name, value);
}

/* Quotes, backslashes and line ends are escaped in a label's value. */
static void put_label(struct pn_buf *out, const char *name, const char *value)
{
    pn_buf_printf(out, "%s=\"", name);
    for (; *value; value++) {
        if (*value == '\\' || *value == '"')
            pn_buf_ch(out, '\\');
        if (*value == '\n')
            pn_buf_lit(out, "\\n");
        else
            pn_buf_ch(out, *value);
    }
    pn_buf_ch(out, '"');
}

static void put_server(const struct status *s, struct pn_buf *out)
{
    head(out, "info", "gauge", "The server's version and process model.");
    pn_buf_lit(out, "pinion_info{");
    put_label(out, "version", pn_server_version());
    pn_buf_ch(out, ',');
    put_label(out, "mpm", s->info.model);
    pn_buf_lit(out, "} 1\n");
    gauge(out, "start_time_seconds", "When the server began, seconds since 1970.",
          (double)(s->info.started / PN_USEC_PER_SEC));
    gauge(out, "config_generation", "Number of the configuration, from 1.", s->info.generation);
    gauge(out, "config_load_time_seconds", "When the configuration was loaded, seconds since 1970.",
          (double)(s->info.reloaded / PN_USEC_PER_SEC));
}

static void put_latency(const struct status *s, struct pn_buf *out)
{
    uint64_t below = 0;

    head(out, "request_duration_seconds", "histogram", "Time from a request's head to the last byte of its answer.");
    for (unsigned i = 0; i + 1 < PN_BOARD_BUCKETS; i++) {
        below += s->totals.latency[i];
        if (i % BUCKET_STEP == 1)
            pn_buf_printf(out, "pinion_request_duration_seconds_bucket{le=\"%.9g\"} %llu\n",
                          (double)pn_board_bucket_end(i) / 1e6, (unsigned long long)below);
    }
    below += s->totals.latency[PN_BOARD_BUCKETS - 1];
    pn_buf_printf(out, "pinion_request_duration_seconds_bucket{le=\"+Inf\"} %llu\n", (unsigned long long)below);
    pn_buf_printf(out, "pinion_request_duration_seconds_sum %.9g\npinion_request_duration_seconds_count %llu\n",
                  (double)s->totals.busy_usec / 1e6, (unsigned long long)below);
}

static void put_totals(const struct status *s, struct pn_buf *out)
{
    static const char *const classes[STATUS_CLASSES] = { "other", "1xx", "2xx", "3xx", "4xx", "5xx" };

    head(out, "requests_total", "counter", "Requests answered, by class of status.");
    for (int i = 0; i < STATUS_CLASSES; i++)
        pn_buf_printf(out, "pinion_requests_total{status=\"%s\"} %llu\n", classes[i],
                      (unsigned long long)s->totals.status_class[i]);
    counter(out, "sent_bytes_total", "Bytes sent to clients, heads included.", (double)s->totals.bytes);
    put_latency(s, out);
}

static void put_workers(const struct status *s, struct pn_buf *out)
{
    const struct status_sums *sums = &s->sums;
    struct { const char *state; unsigned n; } workers[] = { { "busy", sums->busy }, { "graceful", sums->graceful },
                                                            { "idle", sums->idle } },
        conns[] = { { "writing", sums->writing }, { "keepalive", sums->keepalive }, { "closing", sums->closing } };

    head(out, "workers", "gauge", "Workers by what they do.");
    for (size_t i = 0; i < PN_COUNT(workers); i++)
        pn_buf_printf(out, "pinion_workers{state=\"%s\"} %u\n", workers[i].state, workers[i].n);
    gauge(out, "workers_max", "Workers that the configuration allows.",
          (double)s->info.max_children * (double)s->info.workers);
    gauge(out, "connections", "Open connections.", sums->conns);
    head(out, "connections_waiting", "gauge", "Open connections that hold no worker, by what they wait for.");
    for (size_t i = 0; i < PN_COUNT(conns); i++)
        pn_buf_printf(out, "pinion_connections_waiting{state=\"%s\"} %u\n", conns[i].state, conns[i].n);
    head(out, "cpu_seconds_total", "counter", "Processor time of all processes of the server.");
    pn_buf_printf(out, "pinion_cpu_seconds_total{mode=\"user\"} %.9g\n", sums->user_s + sums->ended_user_s);
    pn_buf_printf(out, "pinion_cpu_seconds_total{mode=\"system\"} %.9g\n", sums->system_s + sums->ended_system_s);
}

static void put_children(const struct status *s, struct pn_buf *out)
{
    gauge(out, "children", "Child processes.", s->sums.processes);
    gauge(out, "children_stopping", "Child processes that finish what they have.", s->sums.stopping);
    head(out, "child_resident_memory_bytes", "gauge", "Memory of a child, what it shares with others included.");
    for (unsigned i = 0; i < s->n_children; i++)
        pn_buf_printf(out, "pinion_child_resident_memory_bytes{child=\"%u\"} %llu\n", s->children[i].index,
                      (unsigned long long)s->children[i].resident_bytes);
}

struct host_column {
    const char *name, *type, *help;
    double (*value)(const struct pn_board_host *host);
};

static double host_requests(const struct pn_board_host *h) { return (double)h->requests; }
static double host_bytes(const struct pn_board_host *h) { return (double)h->bytes; }
static double host_errors(const struct pn_board_host *h) { return (double)h->errors; }
static double host_busy(const struct pn_board_host *h) { return (double)h->busy_usec / 1e6; }

static void put_hosts(const struct status *s, struct pn_buf *out)
{
    static const struct host_column columns[] = {
        { "vhost_requests_total", "counter", "Requests answered by a virtual host.", host_requests },
        { "vhost_sent_bytes_total", "counter", "Bytes sent by a virtual host.", host_bytes },
        { "vhost_errors_total", "counter", "Answers of a virtual host with a status of 500 and above.", host_errors },
        { "vhost_busy_seconds_total", "counter", "Time that requests of a virtual host took.", host_busy },
    };

    for (size_t c = 0; s->n_hosts && c < PN_COUNT(columns); c++) {
        head(out, columns[c].name, columns[c].type, columns[c].help);
        for (unsigned i = 0; i < s->n_hosts; i++) {
            pn_buf_printf(out, "pinion_%s{", columns[c].name);
            put_label(out, "vhost", s->hosts[i].name[0] ? s->hosts[i].name : "other");
            pn_buf_printf(out, "} %.15g\n", columns[c].value(&s->hosts[i]));
        }
    }
}

void status_put_metrics(const struct status *s, struct pn_buf *out)
{
    put_server(s, out);
    if (s->extended)
        put_totals(s, out);
    put_workers(s, out);
    put_children(s, out);
    if (s->extended)
        put_hosts(s, out);
}
