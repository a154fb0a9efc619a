/* mod_status.h - what the files of mod_status share: the figures of one answer, and the forms they are shown in.
 *
 * Everything lives in the request's pool. Figures are collected once and then only read. */
#ifndef MOD_STATUS_H
#define MOD_STATUS_H

#include <pinion/buf.h>
#include <pinion/request.h>
#include <pinion/scoreboard.h>

#define STATUS_CLASSES PN_BOARD_CLASSES

/** A child that is there, and what the system says of its process. */
struct status_child {
    unsigned              index;
    struct pn_board_child board;
    double                user_s, system_s;                   /* processor time */
    double                ended_user_s, ended_system_s;       /* of processes that it waited for */
    uint64_t              resident_bytes, own_bytes;          /* own: not shared with others */
    uint64_t              requests, bytes;
    unsigned              n_workers;                          /* as many as it may have, or has ever had */
    struct pn_board_worker *workers;
};

/** Sums over the children. */
struct status_sums {
    unsigned processes, stopping;
    unsigned busy, graceful, idle; /* workers; graceful: busy ones of children that end */
    unsigned conns, writing, keepalive, waiting, closing;
    uint64_t own_bytes;
    double   user_s, system_s, ended_user_s, ended_system_s;
};

struct status {
    struct pn_request     *r;
    struct pn_board_info   info;
    struct pn_board_totals totals;
    struct status_sums     sums;
    bool                   extended;
    pn_wall                now;
    pn_usec                clock;     /* monotonic, now */
    uint64_t               uptime_s;
    double                 load[3];
    pn_str                 letters;   /* the scoreboard as one line */
    struct status_child   *children;
    unsigned               n_children;
    struct pn_board_host  *hosts;     /* with requests, most of them first */
    unsigned               n_hosts;
    struct pn_board_sample *history;  /* oldest first */
    unsigned               n_history;
};

/** Which form of the page. */
struct status_query {
    bool    notable, automatic, json, metrics;
    int64_t refresh_s; /* 0: none */
};

/* ---- mod_status_figures.c ---- */

/** @return false when the program has no scoreboard. */
bool status_collect(struct pn_request *r, struct status *ret);
/** Requests (bytes) a second over the last ten seconds, or since the server began. */
double status_rate(const struct status *s, bool bytes);
/** The duration that this part (0 to 1) of the requests stayed below, microseconds; 0: no requests. */
double status_quantile(const struct status *s, double part);
/** Milliseconds that a busy worker has been at work, or the last request took. */
uint64_t status_request_ms(const struct status *s, const struct pn_board_worker *w);
/** The letter of a worker. @param worker may be one that was never in use. */
char status_letter(const struct status_child *child, unsigned worker);

/* ---- one file a form: what they add to `out` is the whole content ---- */

void status_put_text(const struct status *s, struct pn_buf *out);                                /* ?auto */
void status_put_page(const struct status *s, const struct status_query *q, const char *nonce, struct pn_buf *out);
void status_put_json(const struct status *s, struct pn_buf *out);                                /* ?json */
void status_put_metrics(const struct status *s, struct pn_buf *out);                             /* ?metrics */

/* ---- mod_status_panels.c, mod_status_tables.c: parts of the page ---- */

void status_put_tiles(const struct status *s, struct pn_buf *out);
void status_put_latency(const struct status *s, struct pn_buf *out);
void status_put_workers(const struct status *s, struct pn_buf *out);
void status_put_children(const struct status *s, struct pn_buf *out);
void status_put_hosts(const struct status *s, struct pn_buf *out);
void status_put_requests(const struct status *s, bool as_list, struct pn_buf *out);
/** "1.5 MB", and so on. */
void status_put_bytes(struct pn_buf *out, double bytes);
/** "230 us", "1.4 ms", "3.2 s". */
void status_put_usec(struct pn_buf *out, double usec);
/** A number with few digits: "0", "0.42", "1,234". */
void status_put_number(struct pn_buf *out, double n);
/** Peer bytes, escaped for HTML. */
void status_put_peer(const struct status *s, struct pn_buf *out, const char *text);

/* ---- mod_status_style.c ---- */

extern const char status_style[], status_script[];

#endif
