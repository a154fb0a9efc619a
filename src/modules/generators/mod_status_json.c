/* mod_status_json.c - ?json: all figures as one JSON object, whatever peers have sent. */
#include "mod_status.h"

#include <pinion/inspect.h>
#include <pinion/json.h>

#define VALUE_MAX_BYTES 65536 /* the longest is the line of letters */

static void put_number(struct pn_json *j, const char *name, uint64_t n)
{
    pn_json_i64(j, pn_str_z(name), (int64_t)(n <= INT64_MAX ? n : INT64_MAX));
}

static void put_server(const struct status *s, struct pn_json *j)
{
    pn_json_string(j, PN_STR("version"), pn_str_z(pn_server_version()));
    pn_json_string(j, PN_STR("name"), pn_self_name(s->r));
    pn_json_string(j, PN_STR("mpm"), pn_str_z(s->info.model));
    put_number(j, "time", (uint64_t)(s->now / PN_USEC_PER_SEC));
    put_number(j, "started", (uint64_t)(s->info.started / PN_USEC_PER_SEC));
    put_number(j, "uptime_seconds", s->uptime_s);
    put_number(j, "generation", s->info.generation);
    pn_json_bool(j, PN_STR("extended"), s->extended);
    pn_json_open_array(j, PN_STR("load"));
    for (int i = 0; i < 3; i++)
        pn_json_real(j, (pn_str){ 0 }, s->load[i]);
    pn_json_close_array(j);
}

static void put_totals(const struct status *s, struct pn_json *j)
{
    static const char *const classes[STATUS_CLASSES] = { "other", "1xx", "2xx", "3xx", "4xx", "5xx" };

    put_number(j, "requests", s->totals.requests);
    put_number(j, "bytes", s->totals.bytes);
    put_number(j, "busy_microseconds", s->totals.busy_usec);
    pn_json_real(j, PN_STR("requests_per_second"), status_rate(s, false));
    pn_json_real(j, PN_STR("bytes_per_second"), status_rate(s, true));
    pn_json_open_object(j, PN_STR("statuses"));
    for (int i = 0; i < STATUS_CLASSES; i++)
        put_number(j, classes[i], s->totals.status_class[i]);
    pn_json_close_object(j);
    pn_json_open_object(j, PN_STR("latency_microseconds"));
    pn_json_real(j, PN_STR("p50"), status_quantile(s, 0.5));
    pn_json_real(j, PN_STR("p90"), status_quantile(s, 0.9));
    pn_json_real(j, PN_STR("p99"), status_quantile(s, 0.99));
    pn_json_open_array(j, PN_STR("buckets")); /* [end, requests], only those that have any */
    for (unsigned i = 0; i < PN_BOARD_BUCKETS; i++)
        if (s->totals.latency[i]) {
            pn_json_open_array(j, (pn_str){ 0 });
            if (i + 1 < PN_BOARD_BUCKETS)
                pn_json_i64(j, (pn_str){ 0 }, (int64_t)pn_board_bucket_end(i));
            else
                pn_json_null(j, (pn_str){ 0 });
            pn_json_i64(j, (pn_str){ 0 }, (int64_t)s->totals.latency[i]);
            pn_json_close_array(j);
        }
    pn_json_close_array(j);
    pn_json_close_object(j);
}

static void put_workers(const struct status *s, struct pn_json *j)
{
    const struct status_sums *sums = &s->sums;

    pn_json_open_object(j, PN_STR("workers"));
    put_number(j, "busy", sums->busy);
    put_number(j, "graceful", sums->graceful);
    put_number(j, "idle", sums->idle);
    pn_json_string(j, PN_STR("scoreboard"), s->letters);
    pn_json_close_object(j);
    pn_json_open_object(j, PN_STR("connections"));
    put_number(j, "total", sums->conns);
    put_number(j, "writing", sums->writing);
    put_number(j, "keepalive", sums->keepalive);
    put_number(j, "closing", sums->closing);
    pn_json_close_object(j);
    pn_json_open_object(j, PN_STR("cpu_seconds"));
    pn_json_real(j, PN_STR("user"), sums->user_s);
    pn_json_real(j, PN_STR("system"), sums->system_s);
    pn_json_real(j, PN_STR("ended_user"), sums->ended_user_s);
    pn_json_real(j, PN_STR("ended_system"), sums->ended_system_s);
    pn_json_close_object(j);
}

static void put_requests(const struct status *s, const struct status_child *child, struct pn_json *j)
{
    pn_json_open_array(j, PN_STR("slots"));
    for (unsigned i = 0; s->extended && i < child->n_workers; i++) {
        const struct pn_board_worker *w = &child->workers[i];
        char                          address[48];

        if (w->peer.family == 0)
            continue;
        pn_json_open_object(j, (pn_str){ 0 });
        put_number(j, "slot", i);
        pn_json_bool(j, PN_STR("busy"), w->busy);
        pn_json_string(j, PN_STR("client"), pn_str_n(address, pn_addr_print(&w->peer, address)));
        pn_json_string(j, PN_STR("host"), pn_str_z(w->host));
        pn_json_string(j, PN_STR("protocol"), pn_str_z(w->protocol));
        pn_json_string(j, PN_STR("request"), pn_str_z(w->request));
        put_number(j, "milliseconds", status_request_ms(s, w));
        put_number(j, "requests", w->requests);
        put_number(j, "bytes", w->bytes);
        pn_json_close_object(j);
    }
    pn_json_close_array(j);
}

static void put_children(const struct status *s, struct pn_json *j)
{
    static const char *const states[] = { "empty", "starting", "serving", "draining", "ended" };

    pn_json_open_array(j, PN_STR("children"));
    for (unsigned i = 0; i < s->n_children; i++) {
        const struct status_child *child = &s->children[i];

        pn_json_open_object(j, (pn_str){ 0 });
        put_number(j, "place", child->index);
        put_number(j, "pid", (uint64_t)child->board.pid);
        pn_json_string(j, PN_STR("state"), pn_str_z(states[child->board.state]));
        put_number(j, "generation", child->board.generation);
        put_number(j, "started", (uint64_t)(child->board.started / PN_USEC_PER_SEC));
        put_number(j, "connections", child->board.conns);
        put_number(j, "busy", child->board.busy);
        put_number(j, "requests", child->requests);
        put_number(j, "bytes", child->bytes);
        pn_json_real(j, PN_STR("cpu_seconds"), child->user_s + child->system_s);
        put_number(j, "resident_bytes", child->resident_bytes);
        put_number(j, "own_bytes", child->own_bytes);
        put_requests(s, child, j);
        pn_json_close_object(j);
    }
    pn_json_close_array(j);
}

static void put_hosts(const struct status *s, struct pn_json *j)
{
    pn_json_open_array(j, PN_STR("hosts"));
    for (unsigned i = 0; i < s->n_hosts; i++) {
        pn_json_open_object(j, (pn_str){ 0 });
        pn_json_string(j, PN_STR("name"), pn_str_z(s->hosts[i].name));
        put_number(j, "requests", s->hosts[i].requests);
        put_number(j, "bytes", s->hosts[i].bytes);
        put_number(j, "busy_microseconds", s->hosts[i].busy_usec);
        put_number(j, "errors", s->hosts[i].errors);
        pn_json_close_object(j);
    }
    pn_json_close_array(j);
}

void status_put_json(const struct status *s, struct pn_buf *out)
{
    struct pn_json json;

    pn_json_begin_in(&json, out, VALUE_MAX_BYTES);
    put_server(s, &json);
    if (s->extended)
        put_totals(s, &json);
    put_workers(s, &json);
    put_children(s, &json);
    if (s->extended)
        put_hosts(s, &json);
    pn_json_end(&json, NULL);
}
