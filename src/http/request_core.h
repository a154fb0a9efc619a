/* request_core.h - the pipeline's own part of a request, and calls between the files of src/http. */
#ifndef PN_HTTP_REQUEST_CORE_H
#define PN_HTTP_REQUEST_CORE_H

#include "http/core_conf.h"
#include "conf/plan.h"
#include "http/worker.h"
#include "proto/h1_head.h"

#define PN_REQUEST_MAGIC 0x50724551u
#define PN_CONN_MAGIC 0x50436f4eu

/** What a protocol does for the requests on its connections. */
struct pn_protocol_ops {
    const char *name;
    /** The raw request body (framing undone), or NULL when there is none. */
    struct pn_body *(*body_in)(struct pn_request *r);
    /** Sends 100 Continue. */
    PN_MAY_YIELD pn_rc (*send_continue)(struct pn_request *r);
    /** The request will wait for others than its client: their going away is to cancel it. May be NULL. */
    void (*watch)(struct pn_request *r);
    /** Sends an interim answer with fields (may be NULL). See pn_send_interim; NULL: the protocol has none. */
    PN_MAY_YIELD pn_rc (*send_interim)(struct pn_request *r, int status, const struct pn_headers *fields);
};

struct pn_filter_use { const struct pn_filter *filter; void *arg; };

struct pn_request_core {
    const struct pn_protocol_ops *protocol;
    void                *stream;         /* the protocol's */
    enum pn_framing      framing;        /* of the request body */
    uint64_t             content_length;
    struct pn_body      *body_in;        /* outermost input body, once made */
    bool                 body_in_done;   /* its end was reached */
    size_t               keep_body_max;  /* bytes of it that are kept for subrequests; 0: none */
    struct pn_kept_body *kept_body;      /* what has been read of them; NULL: nothing yet */
    bool                 body_too_large;
    bool                 expects_100;
    struct pn_place     *place;          /* referenced: file, settings */
    apr_array_header_t  *vec_refs;       /* of const struct pn_conf_vec *: let go at the end; may be NULL */
    apr_array_header_t  *output_filters; /* of struct pn_filter_use; may be NULL */
    apr_array_header_t  *input_filters;
    struct pn_request   *subs, *next_sub;/* its subrequests; the list it is in */
    int                  reject_status;  /* set by pn_reject */
    unsigned             depth;          /* of subrequests */
    bool                 logged;         /* the log hooks have run */
    bool                 sealed;         /* filters applied, head final */
    bool                 access_ok;      /* the access phases let it in */
    bool                 scored;         /* on the scoreboard: begun and not ended */
    bool                 draining;       /* only the client is waited for */
    struct pn_score_slot *score_slot;    /* where the scoreboard tells of it; NULL: nowhere */
    const struct pn_conf_vec *location_vec; /* settings after the first location walk */
    pn_str               log_prefix;
    /* of the outermost request */
    pn_str               remote_host;    /* the client's name; p == NULL: none, or not asked for */
    pn_str               local_host;     /* this server's, for UseCanonicalName DNS; likewise */
    uint8_t              remote_state;   /* remote.c's */
};

/** Would what a log says of the client (%h) be at hand without waiting for a name server? */
bool pn__remote_host_known(const struct pn_request *r);
/** The name of the address that the client reached (UseCanonicalName DNS); p == NULL: none. Does not wait while r is logged.
 *  @param may_wait false: only what is known already. */
PN_MAY_YIELD pn_str pn__local_host(struct pn_request *r, bool may_wait);
/** pn_self_name for lines of a log that are being written: never suspends. */
pn_str pn__self_name_at_hand(struct pn_request *r);

/** The socket of a connection, for getsockname and the like. */
int pn__conn_fd(const struct pn_conn *conn);

/** Allocates a zeroed request with its core in `pool`. */
struct pn_request *pn__request_create(apr_pool_t *pool, struct pn_conn *conn);
/** Gives back what the request holds beyond its pool (subrequests and redirects included). */
void pn__request_release(struct pn_request *r);
/** A request for another URL of the same client request: headers shared, nothing mapped. */
struct pn_request *pn__request_derive(struct pn_request *from);
/** The same in a pool that is cleared sooner, after pn__request_release. */
struct pn_request *pn__request_derive_in(struct pn_request *from, apr_pool_t *pool);

/** Lets go of r's place and takes a reference of this one. */
struct pn_place *pn__place_take(struct pn_request *r, struct pn_place *place);

/** Environment of a request that another one was redirected to: from's variables as REDIRECT_*, and where it came from. */
void pn__carry_env(struct pn_request *to, const struct pn_request *from, int status);

/** Splits target into raw_path, path and query by the server's rules. @return 0 or the status to fail with. */
int pn__request_set_target(struct pn_request *r, pn_str path_query);

/** Runs the phases and the handler; on return the final request (after internal redirects and error documents) has
 *  status, headers and a body ready to pull. Never fails. @return that request. */
PN_MAY_YIELD struct pn_request *pn_pipeline_run(struct pn_request *r);
/** An answer that is an error from the start (head refused): no phases but the error document's. */
PN_MAY_YIELD struct pn_request *pn_pipeline_error(struct pn_request *r, int status);
/** The phases up to FIXUPS for a subrequest. @return 0 or an error status. */
PN_MAY_YIELD int pn__pipeline_lookup(struct pn_request *r);
/** Handler and filters. @return 0 or an error status. */
PN_MAY_YIELD int pn__pipeline_handle(struct pn_request *r);
/** Pulls an answer of unknown length for the first time: it may turn out to be all there, or to be an error. Right before the head is
 *  made; never fails. @return the request to send, another one than r when its ErrorDocument is. */
PN_MAY_YIELD struct pn_request *pn_pipeline_settle(struct pn_request *r);
/** Runs the log hooks, once: before the last bytes leave when they are sure to go at once, else at the end. */
PN_MAY_YIELD void pn_pipeline_log(struct pn_request *r);
/** Logs and lets go. */
void pn_pipeline_finish(struct pn_request *r);

/** Makes the answer for an error or redirection status: ErrorDocument, or the built-in page. @return the request to send. */
PN_MAY_YIELD struct pn_request *pn__error_answer(struct pn_request *r, int status);
/** Puts the fields of the answer in order when nothing adds to them any more. */
void pn__final_head(struct pn_request *r);
/** The built-in page, set as r's body. */
void pn__error_page(struct pn_request *r, int status);

/** A body whose first chunk was pulled already. Its length is known when that chunk is the last. */
struct pn_body *pn__body_resumed(struct pn_request *r, const struct pn_chunk *first, struct pn_body *rest);
/** A body that fails with rc at once. */
struct pn_body *pn__body_failing(struct pn_request *r, pn_rc rc);

/** Tells the response's filters that the handler is about to run. */
void pn__filters_init(struct pn_request *r);
/** Wraps r->body in the response's filters; once. @return false when a filter failed (status set). */
PN_MAY_YIELD bool pn__filters_apply(struct pn_request *r);
/** The filters that see the message as it is sent, ranges selected: PN_FILTER_TRANSCODE. */
PN_MAY_YIELD bool pn__late_filters_apply(struct pn_request *r);

/** Settings merged over r's, remembered. */
void pn__request_merge(struct pn_request *r, const struct pn_conf_vec *add);
void pn__request_set_vec(struct pn_request *r, const struct pn_conf_vec *vec);

/** Section walks. */
PN_MAY_YIELD int pn__location_walk(struct pn_request *r);
PN_MAY_YIELD int pn__if_walk(struct pn_request *r);
/** map_to_storage of the core: places, .htaccess, <Directory> and <Files>. @return 0 or an error status. */
PN_MAY_YIELD int pn__directory_walk(struct pn_request *r);

/** DocumentRoot and the path. @return 0 or an error status. */
int pn__translate_default(struct pn_request *r);
/** ForceType and SetHandler, after the type checkers. */
void pn__override_type(struct pn_request *r);
/** SetHandler "expr=...". */
PN_MAY_YIELD void pn__handler_from_expr(struct pn_request *r, const struct pn_expr *expr);
/** Adds SetOutputFilter's and SetInputFilter's. @return false when one does not exist (logged). */
bool pn__configured_filters(struct pn_request *r);

/** Has RegisterHttpMethod made r's method known? */
bool pn__method_registered(const struct pn_request *r);
/** Answers that are about the server and not about a place: TRACE, OPTIONS *. PN_NEXT: neither. */
enum pn_verdict pn__server_wide(struct pn_request *r);

/** The core's handlers. */
PN_MAY_YIELD enum pn_verdict pn__default_handler(struct pn_request *r);

/** Runs the hooks of a phase. "all" phases stop at the first rejection, "first" phases at the first PN_HANDLED.
 *  @return PN_NEXT when no hook settled it. */
PN_MAY_YIELD enum pn_verdict pn__run_phase(struct pn_request *r, const struct pn_plan *plan, enum pn_phase phase);

#endif
