/* mod_status_text.c - ?auto: one "Name: value" a line, the names and their order as httpd 2.4 has them, since munin,
 * collectd, telegraf and others take it apart. */
#include "mod_status.h"

#include <pinion/inspect.h>
#include <time.h>

static void put_time(struct pn_buf *out, const char *name, pn_wall wall)
{
    char      text[64];
    struct tm tm;
    time_t    seconds = (time_t)(wall / PN_USEC_PER_SEC);

    localtime_r(&seconds, &tm);
    if (strftime(text, sizeof(text), "%A, %d-%b-%Y %H:%M:%S %Z", &tm) != 0)
        pn_buf_printf(out, "%s: %s\n", name, text);
}

static void put_part(struct pn_buf *out, uint64_t n, const char *unit)
{
    if (n)
        pn_buf_printf(out, " %llu %s%s", (unsigned long long)n, unit, n == 1 ? "" : "s");
}

static void put_uptime(const struct status *s, struct pn_buf *out)
{
    uint64_t up = s->uptime_s;

    pn_buf_printf(out, "ServerUptimeSeconds: %llu\nServerUptime:", (unsigned long long)up);
    put_part(out, up / 86400, "day");
    put_part(out, up / 3600 % 24, "hour");
    put_part(out, up / 60 % 60, "minute");
    put_part(out, up % 60, "second");
    pn_buf_lit(out, "\n");
}

static void put_server(const struct status *s, struct pn_buf *out)
{
    pn_buf_str(out, pn_self_name(s->r));
    pn_buf_printf(out, "\nServerVersion: %s\nServerMPM: %s\nServer Built: %s\n", pn_server_version(), s->info.model,
                  pn_server_built());
    put_time(out, "CurrentTime", s->now);
    put_time(out, "RestartTime", s->info.started);
    pn_buf_printf(out, "ParentServerConfigGeneration: %u\nParentServerMPMGeneration: %u\n", s->info.generation,
                  s->info.generation - 1);
    put_uptime(s, out);
    pn_buf_printf(out, "Load1: %.2f\nLoad5: %.2f\nLoad15: %.2f\n", s->load[0], s->load[1], s->load[2]);
}

static void put_totals(const struct status *s, struct pn_buf *out)
{
    const struct pn_board_totals *t = &s->totals;
    const struct status_sums     *sums = &s->sums;
    double cpu = sums->user_s + sums->system_s + sums->ended_user_s + sums->ended_system_s;
    double up = (double)s->uptime_s;

    pn_buf_printf(out, "Total Accesses: %llu\nTotal kBytes: %llu\nTotal Duration: %llu\n", (unsigned long long)t->requests,
                  (unsigned long long)(t->bytes / 1024), (unsigned long long)(t->busy_usec / 1000));
    pn_buf_printf(out, "CPUUser: %g\nCPUSystem: %g\nCPUChildrenUser: %g\nCPUChildrenSystem: %g\n", sums->user_s,
                  sums->system_s, sums->ended_user_s, sums->ended_system_s);
    if (cpu > 0 && s->uptime_s)
        pn_buf_printf(out, "CPULoad: %g\n", cpu / up * 100);
    pn_buf_printf(out, "Uptime: %llu\n", (unsigned long long)s->uptime_s);
    if (s->uptime_s)
        pn_buf_printf(out, "ReqPerSec: %g\nBytesPerSec: %g\n", (double)t->requests / up, (double)t->bytes / up);
    if (t->requests)
        pn_buf_printf(out, "BytesPerReq: %g\nDurationPerReq: %g\n", (double)t->bytes / (double)t->requests,
                      (double)t->busy_usec / 1000 / (double)t->requests);
}

static void put_workers(const struct status *s, struct pn_buf *out)
{
    const struct status_sums *sums = &s->sums;

    pn_buf_printf(out, "BusyWorkers: %u\nGracefulWorkers: %u\nIdleWorkers: %u\n", sums->busy, sums->graceful, sums->idle);
    if (s->info.async) {
        pn_buf_printf(out, "Processes: %u\nStopping: %u\nConnsTotal: %u\n", sums->processes, sums->stopping, sums->conns);
        pn_buf_printf(out, "ConnsAsyncWaitIO: %u\nConnsAsyncWriting: %u\n", sums->waiting, sums->writing);
        pn_buf_printf(out, "ConnsAsyncKeepAlive: %u\nConnsAsyncClosing: %u\n", sums->keepalive, sums->closing);
    }
    pn_buf_lit(out, "Scoreboard: ");
    pn_buf_str(out, s->letters);
    pn_buf_lit(out, "\n");
}

void status_put_text(const struct status *s, struct pn_buf *out)
{
    put_server(s, out);
    if (s->extended)
        put_totals(s, out);
    put_workers(s, out);
}
