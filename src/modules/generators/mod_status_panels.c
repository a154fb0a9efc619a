/* mod_status_panels.c - the pictures of the status page: figures with their last two minutes, latency, statuses, workers.
 * Drawn as SVG with attributes alone, since the page's policy takes no style attributes. */
#include "mod_status.h"

/* ---- tiles ---- */

/* Its points are the rates between samples, drawn into a box of n - 1 by 34. */
static void put_spark(const struct status *s, struct pn_buf *out, bool bytes)
{
    unsigned n = s->n_history > 1 ? s->n_history - 1 : 0;
    double   most = 1e-9;
    double  *rates = apr_palloc(s->r->pool, (n + 1) * sizeof(*rates));

    for (unsigned i = 0; i < n; i++) {
        const struct pn_board_sample *a = &s->history[i], *b = a + 1;
        double                        seconds = (double)(b->time - a->time) / PN_USEC_PER_SEC;

        rates[i] = (double)(bytes ? b->bytes - a->bytes : b->requests - a->requests) / (seconds > 0 ? seconds : 1);
        most = rates[i] > most ? rates[i] : most;
    }
    if (n < 2)
        return;
    pn_buf_printf(out, "<svg class=\"spark%s\" viewBox=\"0 0 %u 34\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
                       "<polygon points=\"0,34 ", bytes ? " b" : "", n - 1);
    for (unsigned i = 0; i < n; i++)
        pn_buf_printf(out, "%u,%.1f ", i, 32 - 29 * rates[i] / most);
    pn_buf_printf(out, "%u,34\"/><polyline points=\"", n - 1);
    for (unsigned i = 0; i < n; i++)
        pn_buf_printf(out, "%u,%.1f ", i, 32 - 29 * rates[i] / most);
    pn_buf_lit(out, "\"/></svg>");
}

static void put_meter(struct pn_buf *out, double part)
{
    pn_buf_printf(out, "<svg class=\"meter%s\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect width=\"%.1f%%\" "
                       "height=\"100%%\"/></svg>", part > 0.9 ? " hot" : "", part < 1 ? part * 100 : 100);
}

static void put_rate_tile(const struct status *s, struct pn_buf *out, bool bytes)
{
    double rate = status_rate(s, bytes);

    pn_buf_printf(out, "<div class=\"tile\"><h2>%s</h2><p>", bytes ? "Traffic" : "Requests");
    if (bytes)
        status_put_bytes(out, rate);
    else
        status_put_number(out, rate);
    pn_buf_printf(out, "<small>%s</small></p><p class=\"note\">", " /s");
    if (bytes)
        status_put_bytes(out, (double)s->totals.bytes);
    else
        status_put_number(out, (double)s->totals.requests);
    pn_buf_lit(out, " since the start</p>");
    put_spark(s, out, bytes);
    pn_buf_lit(out, "</div>\n");
}

static void put_latency_tile(const struct status *s, struct pn_buf *out)
{
    pn_buf_lit(out, "<div class=\"tile\"><h2>Latency, median</h2><p>");
    status_put_usec(out, status_quantile(s, 0.5));
    pn_buf_lit(out, "</p><p class=\"note\">99 % within ");
    status_put_usec(out, status_quantile(s, 0.99));
    pn_buf_lit(out, "</p></div>\n");
}

static void put_worker_tile(const struct status *s, struct pn_buf *out)
{
    unsigned busy = s->sums.busy + s->sums.graceful;
    double   most = (double)s->info.max_children * s->info.workers;

    pn_buf_lit(out, "<div class=\"tile\"><h2>Busy workers</h2><p>");
    status_put_number(out, busy);
    pn_buf_lit(out, " <small>of ");
    status_put_number(out, most);
    pn_buf_lit(out, "</small></p><p class=\"note\">");
    status_put_number(out, s->sums.idle);
    pn_buf_lit(out, " idle and ready</p>");
    put_meter(out, most > 0 ? busy / most : 0);
    pn_buf_lit(out, "</div>\n");
}

static void put_conn_tile(const struct status *s, struct pn_buf *out)
{
    pn_buf_lit(out, "<div class=\"tile\"><h2>Connections</h2><p>");
    status_put_number(out, s->sums.conns);
    pn_buf_lit(out, "</p><p class=\"note\">");
    status_put_number(out, s->sums.keepalive);
    pn_buf_lit(out, " idle, ");
    status_put_number(out, s->sums.writing);
    pn_buf_lit(out, " draining, ");
    status_put_number(out, s->sums.closing);
    pn_buf_lit(out, " closing</p></div>\n");
}

static void put_machine_tile(const struct status *s, struct pn_buf *out)
{
    double cpu = s->sums.user_s + s->sums.system_s + s->sums.ended_user_s + s->sums.ended_system_s;

    pn_buf_lit(out, "<div class=\"tile\"><h2>Memory</h2><p>");
    status_put_bytes(out, (double)s->sums.own_bytes);
    pn_buf_lit(out, "</p><p class=\"note\">in ");
    status_put_number(out, s->sums.processes);
    pn_buf_printf(out, " process%s</p><p class=\"note\">CPU %.1f s", s->sums.processes == 1 ? "" : "es", cpu);
    if (s->uptime_s)
        pn_buf_printf(out, ", %.2g %%", cpu / (double)s->uptime_s * 100);
    pn_buf_lit(out, "</p></div>\n");
}

void status_put_tiles(const struct status *s, struct pn_buf *out)
{
    pn_buf_lit(out, "<div class=\"tiles\" id=\"tiles\">\n");
    if (s->extended) {
        put_rate_tile(s, out, false);
        put_rate_tile(s, out, true);
        put_latency_tile(s, out);
    }
    put_worker_tile(s, out);
    put_conn_tile(s, out);
    put_machine_tile(s, out);
    pn_buf_lit(out, "</div>\n");
}

/* ---- latency ---- */

#define CHART_WIDTH 640.0
#define CHART_BASE 176.0 /* where the columns stand; their names are below */
#define CHART_TOP 34.0   /* above are the names of the marks */
#define COLUMNS_LEAST 12 /* few columns would look like blocks */
#define TAIL_PART 2000   /* the slowest one in so many is counted, not drawn: it would make the others narrow */

/* The buckets that are drawn. @return false when there are none. */
static bool choose_buckets(const struct status *s, unsigned *ret_first, unsigned *ret_end)
{
    unsigned first = 0, end = PN_BOARD_BUCKETS;

    while (first < end && !s->totals.latency[first])
        first++;
    if (first == end)
        return false;
    for (uint64_t rest = s->totals.requests / TAIL_PART; end > first + 1 && s->totals.latency[end - 1] <= rest; end--)
        rest -= s->totals.latency[end - 1];
    while (end - first < COLUMNS_LEAST) {
        if (end < PN_BOARD_BUCKETS)
            end++;
        if (first && end - first < COLUMNS_LEAST)
            first--;
    }
    *ret_first = first;
    *ret_end = end;
    return true;
}

/* Where a duration is on the axis, in columns from the first. */
static double column_of(double usec, unsigned first)
{
    unsigned bucket = 0;
    double   from, to;

    while (bucket + 1 < PN_BOARD_BUCKETS && usec > (double)pn_board_bucket_end(bucket))
        bucket++;
    from = bucket ? (double)pn_board_bucket_end(bucket - 1) : 0;
    to = bucket + 1 < PN_BOARD_BUCKETS ? (double)pn_board_bucket_end(bucket) : 2 * from;
    return (double)bucket - first + (usec - from) / (to - from);
}

static void put_marks(const struct status *s, struct pn_buf *out, unsigned first, double width)
{
    static const struct { const char *name; double part; } marks[] = { { "50 %", 0.5 }, { "90 %", 0.9 }, { "99 %", 0.99 } };
    double taken = -100;

    for (size_t i = 0; i < PN_COUNT(marks); i++) {
        double usec = status_quantile(s, marks[i].part), x = column_of(usec, first) * width;
        double name_x = x < taken + 84 ? taken + 84 : x;

        if (name_x > CHART_WIDTH - 40)
            name_x = CHART_WIDTH - 40;
        pn_buf_printf(out, "<line class=\"mark\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.0f\" y2=\"%.0f\"/>", x, x, CHART_TOP - 10,
                      CHART_BASE);
        pn_buf_printf(out, "<text class=\"name\" x=\"%.1f\" y=\"%.0f\" text-anchor=\"middle\">%s ", name_x,
                      CHART_TOP - 16, marks[i].name);
        status_put_usec(out, usec);
        pn_buf_lit(out, "</text>\n");
        taken = name_x;
    }
}

static void put_chart(const struct status *s, struct pn_buf *out, unsigned first, unsigned end)
{
    double   width = CHART_WIDTH / (end - first);
    uint64_t most = 1;
    unsigned step = (end - first) / 8 + 1;

    for (unsigned i = first; i < end; i++)
        most = s->totals.latency[i] > most ? s->totals.latency[i] : most;
    pn_buf_printf(out, "<svg class=\"chart\" viewBox=\"0 0 %.0f 198\" role=\"img\" aria-label=\"Requests by duration\">\n",
                  CHART_WIDTH);
    for (unsigned i = first; i < end; i++) {
        double x = (i - first) * width, high = (CHART_BASE - CHART_TOP) * (double)s->totals.latency[i] / (double)most;

        if (s->totals.latency[i] && high < 1.5)
            high = 1.5; /* a few are not none */
        pn_buf_printf(out, "<rect class=\"col\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"2\"><title>%llu</title></rect>",
                      x + width * 0.08, CHART_BASE - high, width * 0.84, high, (unsigned long long)s->totals.latency[i]);
        if ((i - first) % step == step - 1 && i + 1 < PN_BOARD_BUCKETS && x + width < CHART_WIDTH - 15) {
            pn_buf_printf(out, "<text x=\"%.1f\" y=\"192\" text-anchor=\"middle\">", x + width);
            status_put_usec(out, (double)pn_board_bucket_end(i));
            pn_buf_lit(out, "</text>");
        }
        pn_buf_ch(out, '\n');
    }
    pn_buf_printf(out, "<line x1=\"0\" x2=\"%.0f\" y1=\"%.0f\" y2=\"%.0f\"/>\n", CHART_WIDTH, CHART_BASE, CHART_BASE);
    put_marks(s, out, first, width);
    pn_buf_lit(out, "</svg>\n");
}

struct part {
    const char *name, *class_name;
    double      n;
};

/* One bar of several parts, and what they are called. */
static void put_parts(struct pn_buf *out, const struct part *parts, size_t count)
{
    double all = 0, x = 0;

    for (size_t i = 0; i < count; i++)
        all += parts[i].n;
    pn_buf_lit(out, "<svg class=\"bar\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
    for (size_t i = 0; i < count && all > 0; x += parts[i].n, i++)
        pn_buf_printf(out, "<rect class=\"c-%s\" x=\"%.3f%%\" width=\"%.3f%%\" height=\"100%%\"/>", parts[i].class_name,
                      x / all * 100, parts[i].n / all * 100);
    pn_buf_lit(out, "</svg>\n<ul class=\"key\">");
    for (size_t i = 0; i < count; i++) {
        pn_buf_printf(out, "<li><svg aria-hidden=\"true\"><rect class=\"c-%s\" width=\"10\" height=\"10\"/></svg>%s <b>",
                      parts[i].class_name, parts[i].name);
        status_put_number(out, parts[i].n);
        pn_buf_lit(out, "</b></li>\n");
    }
    pn_buf_lit(out, "</ul>\n");
}

static void put_answers(const struct status *s, struct pn_buf *out)
{
    const uint64_t   *n = s->totals.status_class;
    const struct part parts[] = { { "Success", "2", (double)n[2] },
                                  { "Redirection, unchanged", "3", (double)n[3] },
                                  { "Client\xe2\x80\x99s error", "4", (double)n[4] },
                                  { "Server\xe2\x80\x99s error", "5", (double)n[5] } };
    double            all = (double)s->totals.requests;

    pn_buf_lit(out, "<section id=\"answers\"><h2>Answers</h2>\n");
    put_parts(out, parts, PN_COUNT(parts));
    pn_buf_lit(out, "<dl><dt>Requests since the start</dt><dd>");
    status_put_number(out, all);
    pn_buf_lit(out, "</dd>\n<dt>Sent</dt><dd>");
    status_put_bytes(out, (double)s->totals.bytes);
    pn_buf_lit(out, "</dd>\n<dt>An answer, on average</dt><dd>");
    status_put_bytes(out, all > 0 ? (double)s->totals.bytes / all : 0);
    pn_buf_lit(out, "</dd>\n<dt>Takes, on average</dt><dd>");
    status_put_usec(out, all > 0 ? (double)s->totals.busy_usec / all : 0);
    pn_buf_lit(out, "</dd></dl></section>\n");
}

/* Those behind the last column. */
static void put_slower(const struct status *s, struct pn_buf *out, unsigned end)
{
    uint64_t n = 0;

    for (unsigned i = end; i < PN_BOARD_BUCKETS; i++)
        n += s->totals.latency[i];
    if (n == 0)
        return;
    pn_buf_lit(out, "; ");
    status_put_number(out, (double)n);
    pn_buf_lit(out, " took more than ");
    status_put_usec(out, (double)pn_board_bucket_end(end - 1));
}

void status_put_latency(const struct status *s, struct pn_buf *out)
{
    unsigned first, end;

    pn_buf_lit(out, "<div class=\"two\">\n<section id=\"latency\"><h2>Latency <small>requests by duration");
    if (choose_buckets(s, &first, &end)) {
        put_slower(s, out, end);
        pn_buf_lit(out, "</small></h2>\n");
        put_chart(s, out, first, end);
    }
    else
        pn_buf_lit(out, "</small></h2>\n<p class=\"none\">No request has ended yet.</p>\n");
    pn_buf_lit(out, "</section>\n");
    put_answers(s, out);
    pn_buf_lit(out, "</div>\n");
}

/* ---- workers ---- */

/* Past this, places are counted and not drawn one by one. */
#define CELLS_MAX 4096

static void put_cells(const struct status *s, struct pn_buf *out)
{
    unsigned cells = 0;
    bool     single = s->info.workers == 1;

    pn_buf_lit(out, "<div class=\"board\">\n");
    if (single)
        pn_buf_lit(out, "<div>");
    for (unsigned i = 0; i < s->n_children && cells < CELLS_MAX; i++) {
        const struct status_child *child = &s->children[i];

        if (!single)
            pn_buf_printf(out, "<div><span>%ld</span>", (long)child->board.pid);
        for (unsigned w = 0; w < s->info.workers; w++, cells++) {
            char letter = status_letter(child, w);

            pn_buf_printf(out, "<i class=\"%c\">%c</i>", letter == '.' ? 'o' : letter, letter);
        }
        pn_buf_str(out, single ? PN_STR("") : PN_STR("</div>\n"));
    }
    pn_buf_str(out, single ? PN_STR("</div></div>\n") : PN_STR("</div>\n"));
}

void status_put_workers(const struct status *s, struct pn_buf *out)
{
    struct part parts[] = { { "W at work", "W", 0 },   { "K held by an idle connection", "K", 0 },
                            { "G finishing", "G", 0 }, { "S starting", "S", 0 }, { "_ waiting", "_", 0 } };
    double      open = 0;

    for (size_t i = 0; i < s->letters.n; i++) {
        for (size_t p = 0; p < PN_COUNT(parts); p++)
            parts[p].n += s->letters.p[i] == parts[p].class_name[0];
        open += s->letters.p[i] == '.';
    }
    pn_buf_lit(out, "<section id=\"workers\"><h2>Workers <small>");
    status_put_number(out, open);
    pn_buf_lit(out, " more may be started</small></h2>\n");
    put_parts(out, parts, PN_COUNT(parts));
    put_cells(s, out);
    pn_buf_lit(out, "</section>\n");
}
