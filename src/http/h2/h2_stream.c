/* h2_stream.c - a stream from its first frame to its end: its fields as they come, its turn, its fiber, its waits. */
#define PN_LOG_MODULE &pn_module_core
#include <pinion/log.h>

#include <stdlib.h>

#include "http/h2/h2.h"

static pn_job_fn begin_job;

/* ---- fields ---- */

#define FIELDS_MAX (256 * 1024)

bool h2_fields_add(struct h2_stream *st, struct h2_fields *fields, pn_str name, pn_str value)
{
    size_t   need = fields->n + 8 + name.n + 1 + value.n + 1;
    uint32_t lengths[2] = { (uint32_t)name.n, (uint32_t)value.n };
    char    *to;

    if (need > FIELDS_MAX)
        return false;
    if (need > fields->cap) {
        size_t cap = need < 512 ? 1024 : need * 2;

        fields->p = realloc(fields->p, cap);
        pn_assert(fields->p != NULL);
        st->session->held_bytes += cap - fields->cap;
        fields->cap = (uint32_t)cap;
    }
    to = fields->p + fields->n;
    memcpy(to, lengths, 8);
    memcpy(to + 8, name.p, name.n);
    to[8 + name.n] = '\0';
    if (value.n)
        memcpy(to + 8 + name.n + 1, value.p, value.n);
    to[8 + name.n + 1 + value.n] = '\0';
    fields->n = (uint32_t)need;
    fields->count++;
    return true;
}

bool h2_fields_next(const struct h2_fields *fields, size_t *at, pn_str *ret_name, pn_str *ret_value)
{
    uint32_t    lengths[2];
    const char *p = fields->p + *at;

    if (*at >= fields->n)
        return false;
    memcpy(lengths, p, 8);
    *ret_name = pn_str_n(p + 8, lengths[0]);
    *ret_value = pn_str_n(p + 8 + lengths[0] + 1, lengths[1]);
    *at += 8 + (size_t)lengths[0] + 1 + lengths[1] + 1;
    return true;
}

void h2_fields_free(struct h2_stream *st, struct h2_fields *fields)
{
    st->session->held_bytes -= fields->cap;
    free(fields->p);
    *fields = (struct h2_fields){ 0 };
}

/* ---- life ---- */

struct h2_stream *h2_stream_new(struct h2_session *s, uint32_t id)
{
    struct h2_stream *st = calloc(1, sizeof(*st));

    pn_assert(st != NULL);
    st->session = s;
    st->id = id;
    st->job.fn = begin_job;
    st->next = s->streams;
    st->link = &s->streams;
    if (st->next)
        st->next->link = &st->next;
    s->streams = st;
    s->n_streams++;
    return st;
}

void h2_body_taken(struct h2_stream *st, size_t n)
{
    struct h2_session *s = st->session;
    size_t             owed = n < s->owed_bytes ? n : s->owed_bytes;

    s->held_bytes -= n;
    s->owed_bytes -= owed;
    if (owed)
        nghttp2_session_consume_connection(s->ng, owed);
    if (!st->closed)
        nghttp2_session_consume_stream(s->ng, (int32_t)st->id, n);
}

static void free_stream(struct h2_stream *st)
{
    struct h2_session *s = st->session;

    *st->link = st->next;
    if (st->next)
        st->next->link = st->link;
    s->n_streams--;
    if (st->in_n)
        h2_body_taken(st, st->in_n);
    free(st->in);
    h2_fields_free(st, &st->head);
    h2_fields_free(st, &st->trailer);
    if (s->n_streams == 0)
        s->idle_since = pn_loop_now(s->c->worker->loop);
    free(st);
}

/* Neither begun nor about to. One in line for a slot stays until it is called. */
static bool is_over(const struct h2_stream *st, bool lost)
{
    return !st->fiber && !st->waits_slot && !st->in_batch && (st->closed || lost);
}

void h2_streams_sweep(struct h2_session *s)
{
    for (struct h2_stream *st = s->streams, *next; st; st = next) {
        next = st->next;
        if (!is_over(st, s->lost || s->over))
            continue;
        pn_job_cancel(s->c->worker->loop, &st->job);
        free_stream(st);
    }
}

void h2_stream_gone(struct h2_stream *st)
{
    st->gone = true;
    h2_wake(&st->in_waiter, PN_CANCELLED);
    h2_wake(&st->out_waiter, PN_CANCELLED);
    if (st->fiber && st->watched)
        pn_fiber_cancel(st->fiber);
}

void h2_stream_closed(struct h2_stream *st)
{
    st->closed = true;
    if (!st->ending && !st->answered) /* else its end is on its way */
        h2_stream_gone(st);
}

/* ---- its turn ---- */

static void finish(struct h2_stream *st, struct pn_request *r)
{
    r->bytes_out = st->bytes_out;
    r->bytes_in = st->bytes_in;
    pn_pipeline_finish(r);
}

/* The answer is complete, the request's body may not be: the client need not send the rest (RFC 9113 s8.1). */
static void end_request(struct h2_stream *st, pn_rc rc)
{
    struct h2_session *s = st->session;

    if (st->closed || s->lost || s->over)
        return;
    if (rc == PN_OK && st->in_ended)
        return; /* closed when its last frame was sent */
    nghttp2_submit_rst_stream(s->ng, NGHTTP2_FLAG_NONE, (int32_t)st->id,
                              rc == PN_OK ? NGHTTP2_NO_ERROR : rc == PN_TIMEOUT ? NGHTTP2_CANCEL : NGHTTP2_INTERNAL_ERROR);
    h2_soon(s);
}

PN_MAY_YIELD static void serve(void *arg)
{
    struct h2_stream  *st = arg;
    struct h2_session *s = st->session;
    struct pn_request *r;
    pn_rc              rc;

    st->fiber = pn_fiber_this();
    pn_worker_freshen(s->c->worker);
    int status = h2_request_make(st, pn_fiber_pool(st->fiber), &r);
    r = pn_pipeline_settle(status ? pn_pipeline_error(r, status) : pn_pipeline_run(r));
    rc = h2_send_response(st, r);
    if (rc != PN_OK) {
        r->body_broken = true;
        PN_LOG_R(r, PN_LOG_DEBUG, 21405, 0, "stream %u ended before its answer did: %s", st->id, pn_rc_name(rc));
    }
    finish(st, r);
    st->r = NULL;
    end_request(st, rc);
    st->fiber = NULL;
    if (st->closed || s->lost || s->over)
        h2_soon(s);
}

static void begin_job(struct pn_job *job)
{
    struct h2_stream *st = PN_CONTAINER(job, struct h2_stream, job);
    struct pn_worker *w = st->session->c->worker;

    st->waits_slot = false;
    if (st->called)
        pn_slot_taken(w);
    if (st->gone || st->session->lost) { /* taken back meanwhile: whoever is next may begin */
        if (st->called)
            pn_slot_freed(w);
        h2_soon(st->session);
        return;
    }
    if (!st->called && !pn_slot_free(w)) {
        st->called = st->waits_slot = true;
        pn_slot_wait(w, &st->job);
        return;
    }
    st->called = false;
    if (pn_fiber_start(w->loop, serve, st) == PN_OK)
        return;
    nghttp2_submit_rst_stream(st->session->ng, NGHTTP2_FLAG_NONE, (int32_t)st->id, NGHTTP2_INTERNAL_ERROR); /* no memory for a stack */
    h2_soon(st->session);
}

void h2_stream_begin(struct h2_stream *st)
{
    if (st->complete || st->gone)
        return;
    st->complete = true;
    pn_job_queue(st->session->c->worker->loop, &st->job);
}

/* ---- waits ---- */

void h2_wake(struct pn_fiber **waiter, pn_rc rc)
{
    struct pn_fiber *fiber = *waiter;

    *waiter = NULL;
    if (fiber)
        pn_fiber_resume(fiber, rc);
}

pn_rc h2_wait(struct h2_stream *st, struct pn_fiber **waiter, pn_usec deadline)
{
    pn_rc rc;

    if (st->gone)
        return PN_CANCELLED;
    *waiter = pn_fiber_this();
    rc = pn_fiber_suspend_until(deadline);
    *waiter = NULL;
    return rc;
}
