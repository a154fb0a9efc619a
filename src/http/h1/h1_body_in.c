/* h1_body_in.c - the request body on an HTTP/1 connection, framing undone as it is pulled (RFC 9112 s6, s7). */
#define PN_LOG_MODULE &pn_module_core
#include <pinion/log.h>

#include "http/h1/h1_conn.h"
#include "proto/chunked.h"

#define INPUT_BYTES 16384
#define TRAILER_MAX 16384

struct h1_body {
    struct pn_body    super;
    struct h1_conn   *c;
    uint64_t          left;    /* PN_FRAMING_LENGTH: bytes to come */
    struct pn_chunked chunked;
    pn_usec           waited;  /* for the client to send, so far */
    uint64_t          received;/* bytes, by waiting */
    char             *buffer;  /* INPUT_BYTES, once the connection's own input is used up */
    pn_str            ready;   /* received, not handed out */
    bool              own;     /* ready lies in c->in */
    bool              ended, failed;
};

/* A reader that was told to stop leaves the body to the next one. */
static pn_rc fail(struct h1_body *self, pn_rc rc)
{
    if (rc == PN_CANCELLED && !self->c->pub.aborted)
        return rc;
    self->failed = true;
    self->c->unclean = true;
    self->super.r->keep_alive = false;
    return rc;
}

/* Waits for bytes, each time as long as Timeout and in all as long as RequestReadTimeout allows. What the program does meanwhile
 * is not held against the client. */
PN_MAY_YIELD static pn_rc wait_for_bytes(struct h1_body *self, size_t *ret_n)
{
    struct pn_loop              *loop = self->c->worker->loop;
    const struct pn_core_server *conf = pn_core_server(self->super.r->server);
    pn_usec                      allowed = pn_read_limit_time(&conf->read_limits.body, self->received);
    pn_usec                      begun = pn_loop_now(loop);
    bool                         limited = allowed < PN_NEVER && allowed - self->waited < conf->timeout;
    pn_usec                      wait = limited ? allowed - self->waited : conf->timeout;
    pn_rc                        rc = PN_TIMEOUT;

    if (wait > 0)
        rc = pn_stream_recv_wait(&self->c->stream, self->buffer, INPUT_BYTES, wait, ret_n);
    self->waited += pn_loop_now(loop) - begun;
    if (rc == PN_OK)
        self->received += *ret_n;
    if (rc != PN_TIMEOUT || !limited)
        return rc;
    PN_LOG_R(self->super.r, PN_LOG_INFO, 1382, 0, "Request body read timeout");
    self->super.r->core->reject_status = 408;
    return PN_FAILED;
}

/* Brings bytes into self->ready. What came with the head is used first. */
PN_MAY_YIELD static pn_rc receive(struct h1_body *self)
{
    struct h1_conn    *c = self->c;
    struct pn_request *r = self->super.r;
    size_t             n;

    if (self->own) { /* all of c->in has been handed out */
        self->own = false;
        h1_conn_keep_rest(c, c->in_n);
    }
    if (c->in) {
        self->ready = pn_str_n(c->in, c->in_n);
        self->own = true;
        return PN_OK;
    }
    if (!self->buffer)
        self->buffer = apr_palloc(r->pool, INPUT_BYTES);
    pn_rc rc = wait_for_bytes(self, &n);
    if (rc == PN_OK) {
        r->bytes_in += n;
        self->ready = pn_str_n(self->buffer, n);
        return PN_OK;
    }
    if (rc == PN_EOF) {
        c->peer_ended = true;
        return pn_fail(r, 400, PN_LOG_MODULE, 20001, "the client closed its side before the request body was complete");
    }
    if (rc == PN_TIMEOUT)
        return pn_fail(r, 408, PN_LOG_MODULE, 20002, "no more of the request body came within Timeout");
    if (rc == PN_FAILED)
        return rc;
    if (rc != PN_CANCELLED || !pn_fiber_cancelled(pn_fiber_this()))
        c->pub.aborted = true;
    return rc;
}

/* Keeps what lies behind the body for the next request. */
static void finish(struct h1_body *self)
{
    struct h1_conn *c = self->c;

    self->ended = true;
    self->super.r->core->body_in_done = true;
    if (self->own) {
        self->super.r->bytes_in += c->in_n - self->ready.n;
        h1_conn_keep_rest(c, c->in_n - self->ready.n);
        return;
    }
    if (self->ready.n == 0)
        return;
    c->in = NULL; /* pipelined bytes that came with the end of the body */
    h1_conn_give_input(c, self->ready);
}

PN_MAY_YIELD static pn_rc next_by_length(struct h1_body *self, struct pn_chunk *ret_chunk)
{
    if (self->left == 0) {
        finish(self);
        return PN_EOF;
    }
    while (self->ready.n == 0) {
        pn_rc rc = receive(self);
        if (rc != PN_OK)
            return fail(self, rc);
    }
    pn_str data = pn_str_head(self->ready, self->left < self->ready.n ? (size_t)self->left : self->ready.n);
    self->ready = pn_str_from(self->ready, data.n);
    self->left -= data.n;
    *ret_chunk = (struct pn_chunk){ .kind = PN_CHUNK_BYTES, .bytes = data, .fd = -1 };
    return PN_OK;
}

/* The trailer section may be spread over receives: gathered, then parsed and, with MergeTrailers, merged. */
PN_MAY_YIELD static pn_rc read_trailer(struct h1_body *self)
{
    struct pn_request *r = self->super.r;
    struct pn_buf      all;
    size_t             end;
    pn_rc              rc;

    pn_buf_init(&all, r->pool, TRAILER_MAX + INPUT_BYTES);
    for (;;) {
        size_t had = all.n;
        pn_buf_str(&all, self->ready);
        if (all.full)
            rc = PN_LIMIT;
        else
            rc = pn_chunked_trailer_end(pn_buf_view(&all), TRAILER_MAX, &end);
        if (rc == PN_OK) {
            self->ready = pn_str_from(self->ready, end - had);
            break;
        }
        if (rc != PN_AGAIN)
            return rc;
        self->ready.n = 0;
        if ((rc = receive(self)) != PN_OK)
            return rc;
    }
    struct pn_h1_limits limits = h1_limits(self->c);
    struct pn_headers   trailer;
    enum pn_h1_fault    fault;
    rc = pn_h1_parse_trailer(r->pool, all.p, end, &limits, &trailer, &fault);
    if (rc == PN_OK && trailer.n)
        r->trailers = apr_pmemdup(r->pool, &trailer, sizeof(trailer));
    if (rc == PN_OK && pn_core_server(r->server)->merge_trailers)
        for (const struct pn_header *f = pn_headers_begin(&trailer); f < pn_headers_end(&trailer); f++)
            pn_headers_add_name(&r->in, f->name, f->value);
    return rc;
}

PN_MAY_YIELD static pn_rc next_chunked(struct h1_body *self, struct pn_chunk *ret_chunk)
{
    struct pn_request *r = self->super.r;

    for (;;) {
        pn_str data;
        pn_rc  rc = pn_chunked_next(&self->chunked, &self->ready, &data);
        if (rc == PN_OK) {
            *ret_chunk = (struct pn_chunk){ .kind = PN_CHUNK_BYTES, .bytes = data, .fd = -1 };
            return PN_OK;
        }
        if (rc == PN_AGAIN)
            rc = receive(self);
        else if (rc == PN_EOF && (rc = read_trailer(self)) == PN_OK) {
            finish(self);
            return PN_EOF;
        }
        if (rc == PN_BAD || rc == PN_LIMIT)
            rc = pn_fail(r, rc == PN_BAD ? 400 : 413, PN_LOG_MODULE, 1587, "the chunked request body is malformed or over its limits");
        if (rc != PN_OK)
            return fail(self, rc);
    }
}

PN_MAY_YIELD static pn_rc body_next(struct pn_body *body, struct pn_chunk *ret_chunk)
{
    struct h1_body *self = PN_CONTAINER(body, struct h1_body, super);

    if (self->failed)
        return PN_FAILED;
    if (self->ended)
        return PN_EOF;
    return self->super.r->core->framing == PN_FRAMING_CHUNKED ? next_chunked(self, ret_chunk)
                                                              : next_by_length(self, ret_chunk);
}

static const struct pn_body_ops body_ops = { .name = "H1_IN", .next = body_next };

struct pn_body *h1_body_in(struct pn_request *r)
{
    struct h1_body *self;

    if (r->core->framing == PN_FRAMING_NONE)
        return NULL;
    self = apr_pcalloc(r->pool, sizeof(*self));
    self->super = (struct pn_body){ .ops = &body_ops, .r = r, .length = -1 };
    self->c = r->core->stream;
    self->left = r->core->content_length;
    if (r->core->framing == PN_FRAMING_LENGTH)
        self->super.length = (int64_t)r->core->content_length;
    pn_chunked_init(&self->chunked);
    return &self->super;
}

bool h1_body_finish(struct h1_conn *c, struct pn_request *r, uint64_t max)
{
    struct pn_chunk chunk;
    struct pn_body *body = pn_request_body(r);
    uint64_t        dropped = 0;
    pn_rc           rc = PN_OK;

    if (r->core->body_in_done)
        return true;
    if (r->core->framing == PN_FRAMING_LENGTH && r->core->content_length > max)
        return false;
    r->expecting_100 = false; /* the answer is out: no 100 Continue any more */
    while (dropped <= max && (rc = pn_body_next(body, &chunk)) == PN_OK)
        dropped += chunk.bytes.n;
    (void)c;
    return rc == PN_EOF;
}
