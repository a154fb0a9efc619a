/* h2.h - sessions and streams of HTTP/2, between the files of this folder. RFC 9113 by nghttp2.
 *
 * A connection has one session; a request is a stream, and a stream is a fiber as soon as its head is complete. An idle
 * session has none. nghttp2 is asked only on the loop's thread, and never by a fiber that holds one of its buffers over a
 * wait. What is to be sent is gathered once for all streams that have something when the turn's jobs have run (h2_out.c).
 *
 * A stream lives until its fiber has ended and nghttp2 has closed it, whichever is later; the session until its last stream
 * has gone. Nothing is freed from inside a call of nghttp2. */
#ifndef PN_H2_H
#define PN_H2_H

#include <nghttp2/nghttp2.h>

#include <pinion/http2.h>

#include "http/h2/h2_conn.h"
#include "http/request_core.h"

/** Fields as they come, one behind the other: two lengths, name NUL value NUL. */
struct h2_fields {
    char    *p;      /* malloc'd */
    uint32_t n, cap;
    uint32_t count;
};

struct h2_stream {
    struct h2_session *session;
    struct h2_stream  *next, **link;       /* of the session's */
    struct pn_job      job;                /* begins the request */
    struct pn_fiber   *fiber;              /* that of the request; NULL: not begun, or over */
    struct pn_fiber   *in_waiter, *out_waiter, *batch_waiter;
    uint32_t           id, pushed_on;
    int                fault;              /* status that its head is refused with; 0: none */
    struct h2_fields   head, trailer;
    /* the request's body */
    char              *in;                 /* malloc'd: received and not pulled */
    uint32_t           in_n, in_cap;
    uint64_t           bytes_in;           /* as frames, head included */
    /* the answer */
    struct pn_request *r;                  /* while it is being sent */
    pn_str             out;                /* of the chunk at work: not framed yet */
    uint64_t           bytes_out;          /* as frames */
    pn_usec            timeout;            /* H2StreamTimeout where the request is; 0: Timeout */
    bool complete : 1;                     /* the head is */
    bool in_ended : 1;                     /* the client has sent all */
    bool called : 1;                       /* waits for a slot, or was promised one */
    bool waits_slot : 1;
    bool watched : 1;                      /* a reset cancels the request's waits */
    bool gone : 1;                         /* reset, or the connection is lost: nothing can be sent */
    bool closed : 1;                       /* nghttp2 knows it no more */
    bool out_last : 1;                     /* the end comes behind out */
    bool deferred : 1;                     /* nghttp2 asks no more until told */
    bool in_batch : 1;                     /* bytes of it are about to be handed to the socket */
    bool ending : 1;                       /* its end is framed, and not sent yet */
    bool answered : 1;                     /* its end is sent */
    bool log_early : 1;                    /* the line was made before the end was sent */
};

/** Credits that frames cost and requests earn; see h2_guard.c. */
struct h2_guard {
    int64_t frames, resets, errors;
    pn_usec filled; /* when `frames` and `resets` were filled up last */
};

struct h2_session {
    struct h1_conn             *c;
    nghttp2_session            *ng;
    const struct pn_http2_conf *conf;
    struct h2_stream           *streams;
    unsigned                    n_streams;  /* that exist, their fibers alive or not begun */
    struct pn_job               flush, input;
    struct h2_batch            *batch;      /* while it is being gathered and sent */
    char                       *left;       /* framed, not taken by the socket; malloc'd */
    size_t                      left_n, left_at;
    size_t                      held_bytes; /* of request heads and bodies, for the budget */
    size_t                      owed_bytes; /* received, and not given back to the connection's window yet */
    pn_usec                     head_begun; /* of the head that is on its way; 0: none is */
    pn_usec                     idle_since, blocked_since, drain_at;
    uint64_t                   *diary;      /* what was pushed: H2PushDiarySize hashes, round and round */
    uint32_t                    diary_n;
    struct h2_guard             guard;
    bool flushing : 1;                      /* a fiber sends */
    bool again : 1;                         /* there is more to send since it looked */
    bool lost : 1;                          /* the socket is no more */
    bool over : 1;                          /* nghttp2 neither reads nor writes any more */
    bool ending : 1;                        /* GOAWAY is said, with an error or for good */
    bool draining : 1;                      /* drain_at is when the client will have heard that it is */
    bool blocked : 1;                       /* the socket takes no more */
};

/** Most bytes that a connection may make the server hold before their requests have begun or bodies are pulled. */
#define H2_HELD_MAX (2u * 1024 * 1024)

/* ---- h2_session.c ---- */
/** Something may be to be sent: once the turn's jobs have run. */
void h2_soon(struct h2_session *s);
/** The socket is no more: everything ends. */
void h2_lose(struct h2_session *s);
/** Looks what is next: wait, say goodbye, close. May free the session. Never inside nghttp2. */
void h2_settle(struct h2_session *s);
/** GOAWAY with an error, said to the log. The connection ends when it is sent. */
PN_COLD void h2_refuse(struct h2_session *s, uint32_t code, unsigned log_id, const char *why);
/** Makes the session, with the settings sent. NULL: no memory. */
struct h2_session *h2_session_new(struct h1_conn *c);
/** Gives it what was received. @return false: it has ended. */
bool h2_feed(struct h2_session *s, pn_str bytes);

/* ---- h2_callbacks.c ---- */
const nghttp2_session_callbacks *h2_callbacks(void);
const nghttp2_option            *h2_options(void);

/* ---- h2_out.c ---- */
pn_job_fn h2_flush_job;
ssize_t h2__send(nghttp2_session *ng, const uint8_t *data, size_t n, int flags, void *arg);
int h2__send_data(nghttp2_session *ng, nghttp2_frame *frame, const uint8_t *head, size_t n, nghttp2_data_source *source, void *arg);

/* ---- h2_stream.c ---- */
struct h2_stream *h2_stream_new(struct h2_session *s, uint32_t id);
/** The head is complete: queues the request. */
void h2_stream_begin(struct h2_stream *st);
/** nghttp2 has closed it. */
void h2_stream_closed(struct h2_stream *st);
/** Nothing more can be sent: waits end. */
void h2_stream_gone(struct h2_stream *st);
/** Frees what has neither a fiber nor a place in nghttp2. Never inside nghttp2. */
void h2_streams_sweep(struct h2_session *s);
/** So many bytes of a body are held no more: the client may send others in their place. */
void h2_body_taken(struct h2_stream *st, size_t n);
/** Keeps a field. @return false: it is over the budget. */
bool h2_fields_add(struct h2_stream *st, struct h2_fields *fields, pn_str name, pn_str value);
/** The next one; at the end false. */
bool h2_fields_next(const struct h2_fields *fields, size_t *at, pn_str *ret_name, pn_str *ret_value);
void h2_fields_free(struct h2_stream *st, struct h2_fields *fields);
/** Suspends until woken. @return PN_OK, PN_TIMEOUT, PN_CANCELLED. */
PN_MAY_YIELD pn_rc h2_wait(struct h2_stream *st, struct pn_fiber **waiter, pn_usec deadline);
void               h2_wake(struct pn_fiber **waiter, pn_rc rc);

/* ---- h2_request.c ---- */
extern const struct pn_protocol_ops h2_protocol;
/** The head as a request. @return 0, or the status that it is to be answered with. */
int h2_request_make(struct h2_stream *st, apr_pool_t *pool, struct pn_request **ret);
static inline struct h2_stream *h2_stream_of(const struct pn_request *r)
{
    return r->core->stream;
}

/* ---- h2_send.c ---- */
/** Sends the answer; PN_OK: complete. */
PN_MAY_YIELD PN_NODISCARD pn_rc h2_send_response(struct h2_stream *st, struct pn_request *r);
PN_MAY_YIELD pn_rc              h2_send_interim(struct pn_request *r, int status, const struct pn_headers *fields);

/* ---- h2_push.c ---- */
/** A frame was given up: when it promised or began a pushed stream, that is over. */
void h2_push_not_sent(struct h2_session *s, uint32_t id);

/* ---- h2_guard.c ---- */
void h2_guard_init(struct h2_session *s);
/** A frame has begun. When there were too many of its kind, the session ends. */
void h2_guard_frame(struct h2_session *s, const nghttp2_frame_hd *hd);
/** The client took a stream back before its answer was complete. */
void h2_guard_reset(struct h2_session *s);
/** A stream was reset since the client broke the rules. */
void h2_guard_error(struct h2_session *s);
/** An answer is complete, or a DATA frame of one was sent. */
void h2_guard_answer(struct h2_session *s);
void h2_guard_sent(struct h2_session *s);
void h2_guard_body(struct h2_session *s);

#endif
