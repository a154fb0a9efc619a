/* mod_status_figures.c - collects what the forms of the status page show: the scoreboard, and what /proc tells of processes. */
#include "mod_status.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define HISTORY 120
#define RATE_SAMPLES 10
/* The longest line of letters: more places than this are not shown one by one. */
#define LETTERS_MAX (64 * 1024)

/* ---- processes ---- */

/* A whole small file of /proc; empty when it can't be read, as in a chroot. */
static pn_str slurp(pid_t pid, const char *name, char *to, size_t max)
{
    char    path[64];
    ssize_t n;
    int     fd;

    snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return PN_STR("");
    n = read(fd, to, max);
    close(fd);
    return pn_str_n(to, n > 0 ? (size_t)n : 0);
}

static double ticks(pn_str word)
{
    uint64_t n = 0;

    if (pn_str_to_u64(word, UINT64_MAX, &n) != PN_OK)
        n = 0;
    return (double)n / (double)sysconf(_SC_CLK_TCK);
}

/* proc(5): utime, stime, cutime and cstime are words 12 to 15 behind the name in brackets. */
static void read_times(pid_t pid, double ret_s[4])
{
    char   room[512];
    pn_str text = slurp(pid, "stat", room, sizeof(room));
    size_t name_end = pn_str_rchr(text, ')');

    ret_s[0] = ret_s[1] = ret_s[2] = ret_s[3] = 0;
    if (name_end == SIZE_MAX)
        return;
    text = pn_str_from(text, name_end + 1);
    for (int word = 1; word <= 15; word++) {
        pn_str value = pn_str_word(&text);

        if (word >= 12)
            ret_s[word - 12] = ticks(value);
    }
}

static uint64_t pages(pn_str word)
{
    uint64_t n = 0;

    return pn_str_to_u64(word, UINT64_MAX >> 20, &n) == PN_OK ? n * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static void read_memory(struct status_child *child)
{
    char     room[128];
    pn_str   text = slurp(child->board.pid, "statm", room, sizeof(room));
    uint64_t shared;

    pn_str_word(&text);
    child->resident_bytes = pages(pn_str_word(&text));
    shared = pages(pn_str_word(&text));
    child->own_bytes = child->resident_bytes > shared ? child->resident_bytes - shared : 0;
}

/* ---- children ---- */

/* Where a connection holds its worker, those between two requests do too; which workers these are is not told. */
static void hold_workers(const struct status *s, struct status_child *child)
{
    struct pn_board_child *board = &child->board;
    unsigned               held = board->conns > board->busy ? board->conns - board->busy : 0;

    for (unsigned i = 0; !s->info.async && i < child->n_workers && held; i++) {
        if (child->workers[i].busy)
            continue;
        child->workers[i].keepalive = true;
        board->busy++;
        held--;
    }
}

static void read_child(const struct status *s, struct status_child *child)
{
    unsigned limit = pn_board_workers(child->index);
    double   times[4];

    child->n_workers = limit < s->info.workers ? s->info.workers : limit;
    child->workers = apr_pcalloc(s->r->pool, (child->n_workers + 1) * sizeof(*child->workers));
    for (unsigned i = 0; i < limit; i++) {
        pn_board_worker(child->index, i, &child->workers[i]);
        child->requests += child->workers[i].child_requests;
        child->bytes += child->workers[i].child_bytes;
    }
    hold_workers(s, child);
    read_times(child->board.pid, times);
    child->user_s = times[0];
    child->system_s = times[1];
    child->ended_user_s = times[2];
    child->ended_system_s = times[3];
    read_memory(child);
}

static void add_up(struct status *s, const struct status_child *child)
{
    struct status_sums          *sums = &s->sums;
    const struct pn_board_child *board = &child->board;
    bool                         ends = board->state == PN_BOARD_DRAINING;

    sums->processes++;
    sums->stopping += ends;
    if (ends)
        sums->graceful += board->busy;
    else
        sums->busy += board->busy;
    if (board->state == PN_BOARD_SERVING && s->info.workers > board->busy)
        sums->idle += s->info.workers - board->busy;
    sums->conns += board->conns;
    sums->writing += board->writing;
    sums->keepalive += board->idle;
    sums->closing += board->closing;
    sums->own_bytes += child->own_bytes;
    sums->user_s += child->user_s;
    sums->system_s += child->system_s;
    sums->ended_user_s += child->ended_user_s;
    sums->ended_system_s += child->ended_system_s;
}

static void add_master(struct status *s)
{
    double times[4];

    read_times(s->info.master, times);
    s->sums.user_s += times[0];
    s->sums.system_s += times[1];
    s->sums.ended_user_s += times[2];
    s->sums.ended_system_s += times[3];
}

static void collect_children(struct status *s)
{
    s->children = apr_pcalloc(s->r->pool, (s->info.n_children + 1) * sizeof(*s->children));
    for (unsigned i = 0; i < s->info.n_children; i++) {
        struct status_child *child = &s->children[s->n_children];

        child->index = i;
        if (!pn_board_child(i, &child->board) || !child->board.pid || child->board.state == PN_BOARD_ENDED)
            continue;
        read_child(s, child);
        add_up(s, child);
        s->n_children++;
    }
    add_master(s);
}

char status_letter(const struct status_child *child, unsigned worker)
{
    const struct pn_board_worker *w = worker < child->n_workers ? &child->workers[worker] : NULL;

    switch (child->board.state) {
    case PN_BOARD_STARTING: /* its first threads may be serving already */
    case PN_BOARD_SERVING:
        return w && w->busy ? 'W' : w && w->keepalive ? 'K' : child->board.state == PN_BOARD_SERVING ? '_' : 'S';
    case PN_BOARD_DRAINING: return w && (w->busy || w->keepalive) ? 'G' : '.';
    default: return '.';
    }
}

static void write_letters(struct status *s)
{
    unsigned      places = s->info.max_children;
    struct pn_buf out;

    if (s->n_children && s->children[s->n_children - 1].index >= places)
        places = s->children[s->n_children - 1].index + 1;
    pn_buf_init(&out, s->r->pool, LETTERS_MAX);
    for (unsigned i = 0, next = 0; i < places; i++) {
        bool there = next < s->n_children && s->children[next].index == i;

        for (unsigned w = 0; w < s->info.workers; w++)
            pn_buf_ch(&out, there ? status_letter(&s->children[next], w) : '.');
        next += there;
    }
    s->letters = pn_buf_view(&out);
}

/* ---- hosts and history ---- */

static int by_requests(const void *a, const void *b)
{
    const struct pn_board_host *one = a, *other = b;

    return (one->requests < other->requests) - (one->requests > other->requests);
}

static void collect_hosts(struct status *s)
{
    unsigned n = pn_board_hosts();

    s->hosts = apr_pcalloc(s->r->pool, (n + 1) * sizeof(*s->hosts));
    for (unsigned i = 0; i < n; i++) {
        pn_board_host(i, &s->hosts[s->n_hosts]);
        s->n_hosts += s->hosts[s->n_hosts].requests != 0;
    }
    qsort(s->hosts, s->n_hosts, sizeof(*s->hosts), by_requests);
}

bool status_collect(struct pn_request *r, struct status *ret)
{
    struct timespec clock;

    *ret = (struct status){ .r = r, .now = pn_request_now(r), .extended = pn_extended_status(r->conn->generation) };
    if (!pn_board_info(r->conn->generation, &ret->info))
        return false;
    clock_gettime(CLOCK_MONOTONIC, &clock);
    ret->clock = clock.tv_sec * PN_USEC_PER_SEC + clock.tv_nsec / 1000;
    if (ret->now > ret->info.started)
        ret->uptime_s = (uint64_t)((ret->now - ret->info.started) / PN_USEC_PER_SEC);
    if (getloadavg(ret->load, 3) != 3)
        ret->load[0] = ret->load[1] = ret->load[2] = -1;
    collect_children(ret);
    write_letters(ret);
    pn_board_totals(&ret->totals);
    collect_hosts(ret);
    ret->history = apr_palloc(r->pool, HISTORY * sizeof(*ret->history));
    ret->n_history = pn_board_history(ret->history, HISTORY);
    return true;
}

/* ---- derived figures ---- */

double status_rate(const struct status *s, bool bytes)
{
    uint64_t now = bytes ? s->totals.bytes : s->totals.requests;
    double   seconds = s->uptime_s ? (double)s->uptime_s : 1;

    if (s->n_history) {
        unsigned                      back = s->n_history < RATE_SAMPLES ? s->n_history : RATE_SAMPLES;
        const struct pn_board_sample *then = &s->history[s->n_history - back];
        double                        passed = (double)(s->clock - then->time) / PN_USEC_PER_SEC;

        if (passed > 0.5)
            return (double)(now - (bytes ? then->bytes : then->requests)) / passed;
    }
    return (double)now / seconds;
}

double status_quantile(const struct status *s, double part)
{
    uint64_t total = 0, below = 0;
    double   wanted;

    for (unsigned i = 0; i < PN_BOARD_BUCKETS; i++)
        total += s->totals.latency[i];
    wanted = part * (double)total;
    for (unsigned i = 0; total && i < PN_BOARD_BUCKETS; i++) {
        uint64_t n = s->totals.latency[i];

        if (n && (double)(below + n) >= wanted) {
            double from = i ? (double)pn_board_bucket_end(i - 1) : 0;
            double to = i + 1 < PN_BOARD_BUCKETS ? (double)pn_board_bucket_end(i) : 2 * from;

            return from + (to - from) * (wanted - (double)below) / (double)n;
        }
        below += n;
    }
    return 0;
}

uint64_t status_request_ms(const struct status *s, const struct pn_board_worker *w)
{
    if (!w->busy)
        return w->took_usec / 1000;
    return w->begun && s->clock > w->begun ? (uint64_t)(s->clock - w->begun) / 1000 : 0;
}
