/* pinionctl_status.c - the status page's figures (mod_status, ?json) as text for a terminal. */
#include <apr_strings.h>
#include <stdio.h>
#include <yajl/yajl_tree.h>

#include "cmd/pinionctl.h"

#define SCOREBOARD_WIDTH 64

/* ---- values of the tree; what is missing counts as 0 or "" ---- */

static yajl_val get(yajl_val from, const char *name, const char *inner)
{
    const char *path[] = { name, inner, NULL };

    return from ? yajl_tree_get(from, path, yajl_t_any) : NULL;
}

static long long number(yajl_val from, const char *name, const char *inner)
{
    yajl_val value = get(from, name, inner);

    return value && YAJL_IS_INTEGER(value) ? YAJL_GET_INTEGER(value) : 0;
}

static double real(yajl_val from, const char *name, const char *inner)
{
    yajl_val value = get(from, name, inner);

    return value && YAJL_IS_NUMBER(value) ? YAJL_GET_DOUBLE(value) : 0;
}

/* Safe to print: parts of it are what clients have sent. */
static const char *text(apr_pool_t *pool, yajl_val from, const char *name, const char *inner)
{
    yajl_val value = get(from, name, inner);

    return value && YAJL_IS_STRING(value) ? pn_str_escape(pool, pn_str_z(YAJL_GET_STRING(value))).p
                                          : "";
}

/* ---- parts ---- */

static void print_uptime(long long seconds)
{
    printf("Up %lld days %02lld:%02lld:%02lld", seconds / 86400, seconds / 3600 % 24,
           seconds / 60 % 60, seconds % 60);
}

static void print_server(apr_pool_t *pool, yajl_val root)
{
    printf("%s, %s, %s\n", text(pool, root, "name", NULL), text(pool, root, "version", NULL),
           text(pool, root, "mpm", NULL));
    print_uptime(number(root, "uptime_seconds", NULL));
    printf(", generation %lld\n", number(root, "generation", NULL));
    if (get(root, "requests", NULL)) {
        printf("%lld requests, %lld bytes, %.3g requests/s, %.3g bytes/s\n",
               number(root, "requests", NULL), number(root, "bytes", NULL),
               real(root, "requests_per_second", NULL), real(root, "bytes_per_second", NULL));
        printf("Latency: 50 %% within %.3g ms, 90 %% within %.3g ms, 99 %% within %.3g ms\n",
               real(root, "latency_microseconds", "p50") / 1000,
               real(root, "latency_microseconds", "p90") / 1000,
               real(root, "latency_microseconds", "p99") / 1000);
    }
    printf("CPU: %.2f s user, %.2f s system\n",
           real(root, "cpu_seconds", "user") + real(root, "cpu_seconds", "ended_user"),
           real(root, "cpu_seconds", "system") + real(root, "cpu_seconds", "ended_system"));
    printf("Workers: %lld busy, %lld finishing, %lld idle\n", number(root, "workers", "busy"),
           number(root, "workers", "graceful"), number(root, "workers", "idle"));
    printf("Connections: %lld, of which %lld draining, %lld keep-alive, %lld closing\n",
           number(root, "connections", "total"), number(root, "connections", "writing"),
           number(root, "connections", "keepalive"), number(root, "connections", "closing"));
}

static void print_scoreboard(apr_pool_t *pool, yajl_val root)
{
    pn_str letters = pn_str_z(text(pool, root, "workers", "scoreboard"));

    putchar('\n');
    for (; letters.n; letters = pn_str_from(letters, SCOREBOARD_WIDTH))
        printf("%.*s\n", PN_FMT(pn_str_head(letters, SCOREBOARD_WIDTH)));
    puts("\n_ idle, S starts, R reads, W at work, K keeps alive, D looks up a name,\n"
         "C closes, L logs, G finishes, I ends, . free");
}

static void print_request(apr_pool_t *pool, yajl_val child, yajl_val slot)
{
    yajl_val busy = get(slot, "busy", NULL);

    printf("%7lld  %-4s  %8lld  %-22s  %s %s\n", number(child, "pid", NULL),
           busy && YAJL_IS_TRUE(busy) ? "work" : "last", number(slot, "milliseconds", NULL),
           text(pool, slot, "client", NULL), text(pool, slot, "host", NULL),
           text(pool, slot, "request", NULL));
}

static void print_requests(apr_pool_t *pool, yajl_val root)
{
    yajl_val children = get(root, "children", NULL);

    printf("\n%7s  %-4s  %8s  %-22s  %s\n", "PID", "IS", "MS", "CLIENT", "HOST AND REQUEST");
    for (size_t i = 0; children && YAJL_IS_ARRAY(children) && i < YAJL_GET_ARRAY(children)->len;
         i++) {
        yajl_val child = YAJL_GET_ARRAY(children)->values[i];
        yajl_val slots = get(child, "slots", NULL);
        for (size_t k = 0; slots && YAJL_IS_ARRAY(slots) && k < YAJL_GET_ARRAY(slots)->len; k++)
            print_request(pool, child, YAJL_GET_ARRAY(slots)->values[k]);
    }
}

static yajl_val parse(apr_pool_t *pool, pn_str body)
{
    char     why[256] = "";
    yajl_val root = body.n ? yajl_tree_parse(pn_str_zdup(pool, body), why, sizeof(why)) : NULL;

    if (root && YAJL_IS_OBJECT(root))
        return root;
    yajl_tree_free(root);
    return NULL;
}

int ctl_status(apr_pool_t *pool, const char *url, bool full)
{
    pn_str   body;
    yajl_val root;

    if (!ctl_fetch(pool, apr_pstrcat(pool, url, strchr(url, '?') ? "&json" : "?json", NULL), &body))
        return 1;
    root = parse(pool, body);
    if (!root) {
        fprintf(stderr, CTL_PROGRAM ": %s is no status page (SetHandler server-status)\n", url);
        return 1;
    }
    print_server(pool, root);
    print_scoreboard(pool, root);
    if (full)
        print_requests(pool, root);
    yajl_tree_free(root);
    return fflush(stdout) == 0 ? 0 : 1;
}
