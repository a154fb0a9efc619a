/* mod_status_tables.c - the tables of the status page: processes, virtual hosts, and what each worker did last. */
#include "mod_status.h"

/* More rows make no page that anybody reads. */
#define ROWS_MAX 1000

static void put_cell(struct pn_buf *out, const char *fmt, double n)
{
    pn_buf_lit(out, "<td>");
    pn_buf_printf(out, fmt, n);
    pn_buf_lit(out, "</td>");
}

static void put_number_cell(struct pn_buf *out, double n)
{
    pn_buf_lit(out, "<td>");
    status_put_number(out, n);
    pn_buf_lit(out, "</td>");
}

static void put_bytes_cell(struct pn_buf *out, double n)
{
    pn_buf_lit(out, "<td>");
    status_put_bytes(out, n);
    pn_buf_lit(out, "</td>");
}

/* ---- processes ---- */

static void put_child(const struct status *s, const struct status_child *child, struct pn_buf *out)
{
    static const char *const states[] = { "empty", "starting", "serving", "finishing", "ended" };
    const struct pn_board_child *board = &child->board;
    double age = board->started ? (double)(s->now - board->started) / PN_USEC_PER_SEC : 0;

    pn_buf_printf(out, "<tr><td class=\"t\">%u</td><td>%ld</td><td class=\"t\">%s</td><td>%u</td>", child->index,
                  (long)board->pid, states[board->state], board->generation);
    put_cell(out, "%.0f s", age > 0 ? age : 0);
    put_number_cell(out, board->conns);
    put_number_cell(out, board->busy);
    put_number_cell(out, board->idle);
    put_number_cell(out, board->writing);
    put_number_cell(out, board->closing);
    if (s->extended) {
        put_number_cell(out, (double)child->requests);
        put_bytes_cell(out, (double)child->bytes);
    }
    put_cell(out, "%.2f s", child->user_s + child->system_s);
    put_bytes_cell(out, (double)child->own_bytes);
    put_bytes_cell(out, (double)child->resident_bytes);
    pn_buf_lit(out, "</tr>\n");
}

void status_put_children(const struct status *s, struct pn_buf *out)
{
    pn_buf_lit(out, "<section id=\"processes\"><h2>Processes <small>");
    pn_buf_printf(out, "%u serving, %u finishing</small></h2>\n<div class=\"wide\"><table>\n", s->sums.processes - s->sums.stopping,
                  s->sums.stopping);
    pn_buf_lit(out, "<thead><tr><th class=\"t\">Place</th><th>PID</th><th class=\"t\">State</th><th>Config.</th><th>Age</th>"
                    "<th>Conns</th><th>At work</th><th>Idle</th><th>Draining</th><th>Closing</th>");
    if (s->extended)
        pn_buf_lit(out, "<th>Requests</th><th>Sent</th>");
    pn_buf_lit(out, "<th>CPU</th><th><abbr title=\"memory that it shares with no other process\">Own memory</abbr></th>"
                    "<th>Resident</th></tr></thead>\n<tbody>\n");
    for (unsigned i = 0; i < s->n_children && i < ROWS_MAX; i++)
        put_child(s, &s->children[i], out);
    pn_buf_lit(out, "</tbody></table></div></section>\n");
}

/* ---- virtual hosts ---- */

static void put_host(const struct status *s, const struct pn_board_host *host, struct pn_buf *out)
{
    double share = s->totals.requests ? (double)host->requests / (double)s->totals.requests * 100 : 0;

    pn_buf_lit(out, "<tr><td class=\"t\">");
    status_put_peer(s, out, host->name[0] ? host->name : "(all others)");
    pn_buf_printf(out, "</td><td class=\"t\"><svg class=\"bar\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect class=\"c-W\" "
                       "width=\"%.1f%%\" height=\"100%%\"/></svg></td>", share < 100 ? share : 100);
    put_number_cell(out, (double)host->requests);
    put_bytes_cell(out, (double)host->bytes);
    pn_buf_lit(out, "<td>");
    status_put_usec(out, (double)host->busy_usec / (double)host->requests);
    pn_buf_printf(out, "</td><td%s>", host->errors ? " class=\"bad\"" : "");
    status_put_number(out, (double)host->errors);
    pn_buf_lit(out, "</td></tr>\n");
}

void status_put_hosts(const struct status *s, struct pn_buf *out)
{
    pn_buf_lit(out, "<section id=\"hosts\"><h2>Virtual hosts</h2>\n");
    if (s->n_hosts == 0)
        pn_buf_lit(out, "<p class=\"none\">No request has ended yet.</p>\n");
    else {
        pn_buf_lit(out, "<div class=\"wide\"><table>\n<thead><tr><th class=\"t\">Host</th><th class=\"t\">Share</th><th>Requests</th>"
                        "<th>Sent</th><th>Time, on average</th><th>Server\xe2\x80\x99s errors</th></tr></thead>\n<tbody>\n");
        for (unsigned i = 0; i < s->n_hosts; i++)
            put_host(s, &s->hosts[i], out);
        pn_buf_lit(out, "</tbody></table></div>\n");
    }
    pn_buf_lit(out, "</section>\n");
}

/* ---- requests ---- */

static double seconds_since(const struct status *s, pn_usec begun)
{
    return begun && s->clock > begun ? (double)((s->clock - begun) / PN_USEC_PER_SEC) : 0;
}

static void put_client(struct pn_buf *out, const struct pn_board_worker *w)
{
    char address[48];

    pn_buf_add(out, address, pn_addr_print(&w->peer, address));
}

static void put_row(const struct status *s, const struct status_child *child, unsigned at, struct pn_buf *out)
{
    const struct pn_board_worker *w = &child->workers[at];
    char                          letter = status_letter(child, at);

    pn_buf_printf(out, "<tr><td class=\"t\">%u-%u</td><td>%ld</td><td>%u/%llu/%llu</td><td><span class=\"m %c\">%c</span></td>",
                  child->index, child->board.generation - 1, (long)child->board.pid, w->conn_requests,
                  (unsigned long long)w->child_requests, (unsigned long long)w->requests, letter == '.' ? 'o' : letter, letter);
    put_cell(out, "%.2f", child->user_s + child->system_s);
    put_cell(out, "%.0f", seconds_since(s, w->begun));
    put_cell(out, "%.0f", (double)status_request_ms(s, w));
    put_cell(out, "%.0f", (double)w->busy_usec / 1000);
    put_cell(out, "%.1f", (double)w->conn_bytes / 1024);
    put_cell(out, "%.2f", (double)w->child_bytes / 1048576);
    put_cell(out, "%.2f", (double)w->bytes / 1048576);
    pn_buf_lit(out, "<td class=\"t\">");
    put_client(out, w);
    pn_buf_lit(out, "</td><td class=\"t\">");
    status_put_peer(s, out, w->protocol);
    pn_buf_lit(out, "</td><td class=\"t\">");
    status_put_peer(s, out, w->host);
    pn_buf_lit(out, "</td><td class=\"r\">");
    status_put_peer(s, out, w->request);
    pn_buf_lit(out, "</td></tr>\n");
}

/* ?notable: one line each. */
static void put_item(const struct status *s, const struct status_child *child, unsigned at, struct pn_buf *out)
{
    const struct pn_board_worker *w = &child->workers[at];

    pn_buf_printf(out, "<li><b>Server %u-%u</b> (%ld): %u|%llu|%llu [%c] CPU %.2f SS %.0f Req %llu ms <i>", child->index,
                  child->board.generation - 1, (long)child->board.pid, w->conn_requests, (unsigned long long)w->child_requests,
                  (unsigned long long)w->requests, status_letter(child, at), child->user_s + child->system_s,
                  seconds_since(s, w->begun), (unsigned long long)status_request_ms(s, w));
    put_client(out, w);
    pn_buf_lit(out, " {");
    status_put_peer(s, out, w->request);
    pn_buf_lit(out, "}</i> [");
    status_put_peer(s, out, w->host);
    pn_buf_lit(out, "]</li>\n");
}

static const char table_head[] =
    "<div class=\"wide\"><table>\n<thead><tr>"
    "<th class=\"t\"><abbr title=\"place of the process and its configuration\">Srv</abbr></th><th>PID</th>"
    "<th><abbr title=\"requests of the connection, the process, the slot\">Acc</abbr></th>"
    "<th><abbr title=\"what it does\">M</abbr></th><th><abbr title=\"processor seconds of the process\">CPU</abbr></th>"
    "<th><abbr title=\"seconds since the latest request began\">SS</abbr></th>"
    "<th><abbr title=\"milliseconds of the latest request\">Req</abbr></th>"
    "<th><abbr title=\"milliseconds of all requests of the slot\">Dur</abbr></th>"
    "<th><abbr title=\"kilobytes sent on the connection\">Conn</abbr></th>"
    "<th><abbr title=\"megabytes sent by the process in this slot\">Child</abbr></th>"
    "<th><abbr title=\"megabytes sent in this slot\">Slot</abbr></th><th class=\"t\">Client</th><th class=\"t\">Protocol</th>"
    "<th class=\"t\">VHost</th><th class=\"t\">Request</th></tr></thead>\n<tbody>\n";

void status_put_requests(const struct status *s, bool as_list, struct pn_buf *out)
{
    unsigned rows = 0, more = 0;

    pn_buf_lit(out, "<section id=\"requests\"><h2>Requests <small>of each worker, the latest</small></h2>\n");
    if (as_list)
        pn_buf_lit(out, "<ul>\n");
    else
        pn_buf_add(out, table_head, sizeof(table_head) - 1);
    for (unsigned i = 0; i < s->n_children; i++)
        for (unsigned w = 0; w < s->children[i].n_workers; w++) {
            if (s->children[i].workers[w].peer.family == 0)
                continue;
            if (rows++ >= ROWS_MAX)
                more++;
            else if (as_list)
                put_item(s, &s->children[i], w, out);
            else
                put_row(s, &s->children[i], w, out);
        }
    pn_buf_str(out, as_list ? PN_STR("</ul>\n") : PN_STR("</tbody></table></div>\n"));
    if (more)
        pn_buf_printf(out, "<p class=\"none\">and %u more</p>\n", more);
    pn_buf_lit(out, "</section>\n");
}
