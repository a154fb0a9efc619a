/* mod_log_config.h - formats of access logs, between the files of mod_log_config.
 *
 * A format is compiled once to an array of items, each with the literal text before it. Immutable, owned by the pool of the
 * configuration. Workload: every request prints one, a line in a few hundred nanoseconds. */
#ifndef PN_MOD_LOG_CONFIG_H
#define PN_MOD_LOG_CONFIG_H

#include <pinion/log.h>
#include <pinion/log_config.h>
#include <pinion/request.h>

struct item;

/** What is logged: one request that a client sent, with the requests it was redirected to. */
struct transaction {
    struct pn_log_line line;  /* must be first: items of other modules see this alone */
    struct pn_request *first; /* as it came */
    struct pn_request *last;  /* as it was answered */
    pn_str             host;  /* client's name or address for %h; p == NULL: not asked for */
    pn_str             peer_host; /* likewise of the connection's peer */
};

typedef void print_fn(struct transaction *t, struct pn_request *r, const struct item *item);

struct item {
    pn_str                    text;      /* literal text before it */
    print_fn                 *print;     /* NULL: only the text */
    pn_str                    arg;       /* in braces; p == NULL: none */
    const struct pn_log_item *foreign;   /* another module's */
    enum pn_hdr               header;    /* %i, %o: a known name */
    bool                      original;  /* asks the request as it came */
    bool                      number;
    bool                      host;      /* needs transaction.host */
    bool                      negated;   /* the list names statuses for which it is not printed */
    uint16_t                  n_statuses;
    const uint16_t           *statuses;
};

struct member {
    pn_str      key;
    struct item const *items;
    unsigned    n;
};

struct format {
    const struct item   *items;   /* plain text formats */
    unsigned             n;
    const struct member *members; /* JSON formats: NULL for plain text */
    unsigned             n_members;
    bool                 host;    /* an item needs transaction.host */
};

/** Compiles a format's text: plain, or "json: name=%item ...", "json:default", "json:common".
 *  @return NULL or the error. */
const char *log_format_compile(struct pn_conf_cmd *cmd, pn_str text, const struct format **ret);
/** Prints a line without its end into t->line. */
void log_format_print(const struct format *format, struct transaction *t);

/* ---- mod_log_config_format.c ---- */

/** One text of items, as of a JSON member. */
const char *log_items_compile(struct pn_conf_cmd *cmd, pn_str text, const struct item **ret_items, unsigned *ret_n, bool *host);
void log_items_print(const struct item *items, unsigned n, struct transaction *t);

/* ---- mod_log_config_json.c ---- */

const char *log_json_compile(struct pn_conf_cmd *cmd, pn_str text, struct format *format);
void log_json_print(const struct format *format, struct transaction *t);

/* ---- mod_log_config_items.c ---- */

/** Fills print and the flags of the item that `name` ("h", "^ti") stands for. @return PN_OK or PN_NOT_FOUND. */
PN_NODISCARD pn_rc log_item_find(pn_str name, struct item *item);

#endif
