/* mod_status_page.c - the status page around its panels. One document: its style and script carry the nonce of the
 * answer's Content-Security-Policy, so nothing that a peer sent could run even if it were not escaped. */
#include "mod_status.h"

#include <pinion/inspect.h>
#include <pinion/uri.h>
#include <time.h>

/* The page fetches itself so often when nobody says how often. */
#define LIVE_EVERY_S 2

void status_put_peer(const struct status *s, struct pn_buf *out, const char *text)
{
    pn_buf_str(out, pn_html_escape(s->r->pool, pn_str_escape(s->r->pool, pn_str_z(text))));
}

void status_put_bytes(struct pn_buf *out, double bytes)
{
    static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB" };
    unsigned                 unit = 0;

    while (bytes >= 1000 && unit + 1 < PN_COUNT(units)) {
        bytes /= 1024;
        unit++;
    }
    pn_buf_printf(out, unit == 0 || bytes >= 100 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
}

void status_put_usec(struct pn_buf *out, double usec)
{
    if (usec < 1000)
        pn_buf_printf(out, "%.0f \xc2\xb5s", usec);
    else if (usec < 1e6)
        pn_buf_printf(out, usec < 1e4 ? "%.1f ms" : "%.0f ms", usec / 1e3);
    else
        pn_buf_printf(out, usec < 1e7 ? "%.1f s" : "%.0f s", usec / 1e6);
}

void status_put_number(struct pn_buf *out, double n)
{
    char digits[32];
    int  length;

    if (n < 10 && n != (double)(int)n) {
        pn_buf_printf(out, n < 1 ? "%.2f" : "%.1f", n);
        return;
    }
    length = snprintf(digits, sizeof(digits), "%.0f", n < 1e18 ? n : 1e18);
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            pn_buf_ch(out, ',');
        pn_buf_ch(out, digits[i]);
    }
}

static void put_duration(struct pn_buf *out, uint64_t seconds)
{
    if (seconds >= 86400)
        pn_buf_printf(out, "%llu d %llu h", (unsigned long long)(seconds / 86400), (unsigned long long)(seconds / 3600 % 24));
    else if (seconds >= 3600)
        pn_buf_printf(out, "%llu h %llu min", (unsigned long long)(seconds / 3600), (unsigned long long)(seconds / 60 % 60));
    else if (seconds >= 60)
        pn_buf_printf(out, "%llu min %llu s", (unsigned long long)(seconds / 60), (unsigned long long)(seconds % 60));
    else
        pn_buf_printf(out, "%llu s", (unsigned long long)seconds);
}

static void put_about(const struct status *s, struct pn_buf *out)
{
    char      text[64];
    struct tm tm;
    time_t    now = (time_t)(s->now / PN_USEC_PER_SEC);

    localtime_r(&now, &tm);
    if (strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %Z", &tm) == 0)
        text[0] = '\0';
    pn_buf_printf(out, "<p id=\"about\">%s \xc2\xb7 %s \xc2\xb7 up ", pn_server_version(), s->info.model);
    put_duration(out, s->uptime_s);
    pn_buf_printf(out, " \xc2\xb7 configuration %u \xc2\xb7 load %.2f %.2f %.2f \xc2\xb7 %s</p>\n", s->info.generation,
                  s->load[0], s->load[1], s->load[2], text);
}

/* A toothed wheel: twelve teeth about a hub. */
static void put_mark(struct pn_buf *out)
{
    pn_buf_lit(out, "<svg viewBox=\"-24 -24 48 48\" aria-hidden=\"true\">");
    for (int i = 0; i < 12; i++)
        pn_buf_printf(out, "<rect x=\"-3.2\" y=\"-23\" width=\"6.4\" height=\"10\" rx=\"1.6\" transform=\"rotate(%d)\"/>", i * 30);
    pn_buf_lit(out, "<path fill-rule=\"evenodd\" d=\"M0-17a17 17 0 1 1 0 34a17 17 0 1 1 0-34zM0-6.5a6.500 6.500 0 1 0 0 13a6.500 "
                    "6.500 0 1 0 0-13z\"/></svg>\n");
}

static void put_top(const struct status *s, const struct status_query *q, const char *nonce, struct pn_buf *out)
{
    pn_str name = pn_html_escape(s->r->pool, pn_self_name(s->r));

    pn_buf_lit(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Status of ");
    pn_buf_str(out, name);
    pn_buf_printf(out, "</title>\n<style nonce=\"%s\">\n%s</style>\n</head>\n<body>\n<header>\n<div class=\"brand\">", nonce,
                  status_style);
    put_mark(out);
    pn_buf_lit(out, "<div>\n<h1>");
    pn_buf_str(out, name);
    pn_buf_lit(out, "</h1>\n");
    put_about(s, out);
    pn_buf_lit(out, "</div></div>\n<button id=\"pause\" type=\"button\" aria-pressed=\"false\" hidden></button>\n</header>\n");
    pn_buf_printf(out, "<main data-every=\"%lld\">\n", (long long)(q->refresh_s ? q->refresh_s : LIVE_EVERY_S));
}

static void put_bottom(const struct status *s, const char *nonce, struct pn_buf *out)
{
    pn_buf_lit(out, "</main>\n<footer><span>Other forms:</span> <a href=\"?auto\">text</a> <a href=\"?json\">JSON</a> "
                    "<a href=\"?metrics\">Prometheus</a> <a href=\"?notable\">without tables</a> "
                    "<a href=\"?refresh=5\">every five seconds</a>");
    if (!s->extended)
        pn_buf_lit(out, " <span>ExtendedStatus is Off: figures of requests are not kept.</span>");
    pn_buf_printf(out, "</footer>\n<script nonce=\"%s\">\n%s</script>\n</body>\n</html>\n", nonce, status_script);
}

void status_put_page(const struct status *s, const struct status_query *q, const char *nonce, struct pn_buf *out)
{
    put_top(s, q, nonce, out);
    status_put_tiles(s, out);
    if (s->extended)
        status_put_latency(s, out);
    status_put_workers(s, out);
    status_put_children(s, out);
    if (s->extended) {
        status_put_hosts(s, out);
        status_put_requests(s, q->notable, out);
    }
    put_bottom(s, nonce, out);
}
