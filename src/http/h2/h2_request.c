/* h2_request.c - fields of a stream as a request, its body as it is pulled, and what the pipeline asks of the protocol.
 * RFC 9113 s8. What breaks the rules of fields was refused by nghttp2 before it came here. */
#define PN_LOG_MODULE &pn_module_core
#include <pinion/log.h>

#include <pinion/uri.h>

#include "http/admit.h"
#include "http/h2/h2.h"

#define BODY_PIECE_BYTES 16384

/* ---- the head ---- */

struct pseudo {
    pn_str method, scheme, authority, path, protocol;
};

static void take_pseudo(struct pseudo *p, pn_str name, pn_str value)
{
    if (pn_str_eq(name, PN_STR(":method")))
        p->method = value;
    else if (pn_str_eq(name, PN_STR(":scheme")))
        p->scheme = value;
    else if (pn_str_eq(name, PN_STR(":authority")))
        p->authority = value;
    else if (pn_str_eq(name, PN_STR(":path")))
        p->path = value;
    else if (pn_str_eq(name, PN_STR(":protocol")))
        p->protocol = value;
}

/* Cookies may come in several fields, for the sake of compression (RFC 9113 s8.2.3). */
static void add_cookie(struct pn_request *r, pn_str value)
{
    pn_str before = pn_headers_get(&r->in, PN_HDR_COOKIE);

    pn_headers_set(&r->in, PN_HDR_COOKIE, before.p ? PN_CAT(r->pool, before, PN_STR("; "), value) : value);
}

/* A name as HTTP/1 clients write it: whoever hands fields on or shows them gets the same whatever the protocol.
 * COMPAT: 2.4 writes them so. @param name in the request's own copy. */
static pn_str written(pn_str name)
{
    enum pn_hdr id = pn_hdr_id(name);
    char       *p = (char *)(uintptr_t)name.p;

    if (id != PN_HDR_OTHER)
        return pn_hdr_name(id);
    for (size_t i = 0; i < name.n; i++)
        if (p[i] >= 'a' && p[i] <= 'z' && (i == 0 || p[i - 1] == '-'))
            p[i] = (char)(p[i] - 'a' + 'A');
    return name;
}

static void take_fields(struct h2_stream *st, struct pn_request *r, struct pseudo *p)
{
    size_t           at = 0;
    pn_str           name, value;
    struct h2_fields own = st->head;

    own.p = apr_pmemdup(r->pool, st->head.p, st->head.n + 1u);
    pn_headers_init(&r->in, r->pool, st->head.count);
    while (h2_fields_next(&own, &at, &name, &value)) {
        if (name.n && name.p[0] == ':')
            take_pseudo(p, name, value);
        else if (pn_str_eq(name, PN_STR("cookie")))
            add_cookie(r, value);
        else
            pn_headers_add_name(&r->in, written(name), value);
    }
    h2_fields_free(st, &st->head);
}

static void set_host_field(struct pn_request *r, const struct pseudo *p)
{
    if (p->authority.n)
        pn_headers_set(&r->in, PN_HDR_HOST, p->authority);
}

static int take_framing(struct h2_stream *st, struct pn_request *r)
{
    pn_str length = pn_headers_get(&r->in, PN_HDR_CONTENT_LENGTH), expect = pn_headers_get(&r->in, PN_HDR_EXPECT);

    if (st->in_ended && st->in_n == 0)
        r->core->framing = PN_FRAMING_NONE;
    else if (length.p && pn_str_to_u64(length, INT64_MAX, &r->core->content_length) == PN_OK)
        r->core->framing = PN_FRAMING_LENGTH;
    else
        r->core->framing = PN_FRAMING_CHUNKED; /* of unknown length */
    if (!expect.p)
        return 0;
    if (!pn_str_ieq(expect, PN_STR("100-continue")))
        return 417;
    r->expecting_100 = r->core->framing != PN_FRAMING_NONE;
    return 0;
}

static enum pn_target_form form_of(const struct pseudo *p)
{
    if (p->path.n == 0)
        return PN_TARGET_AUTHORITY;
    return pn_str_eq(p->path, PN_STR("*")) ? PN_TARGET_ASTERISK : PN_TARGET_ORIGIN;
}

static struct pn_request *new_request(struct h2_stream *st, apr_pool_t *pool)
{
    struct pn_worker  *w = st->session->c->worker;
    struct pn_request *r = pn__request_create(pool, &st->session->c->pub);

    r->core->protocol = &h2_protocol;
    r->core->stream = st;
    r->begun = pn_loop_now(w->loop);
    r->time = pn_loop_wall(w->loop);
    r->bytes_in = st->bytes_in;
    r->version = 2000;
    r->protocol = PN_STR("HTTP/2.0");
    r->keep_alive = true;
    st->session->c->pub.requests++;
    return r;
}

/* RFC 9113 s8.3.1: the parts of the target are there (nghttp2 sees to it); what they hold is looked at here. */
static int check_authority(const struct pn_request *r)
{
    pn_str   authority = pn_headers_get(&r->in, PN_HDR_HOST), host;
    uint16_t port;

    if (pn_headers_count(&r->in, PN_HDR_HOST) > 1)
        return 400;
    return authority.p && pn_authority_split(authority, &host, &port) != PN_OK ? 400 : 0;
}

int h2_request_make(struct h2_stream *st, apr_pool_t *pool, struct pn_request **ret)
{
    struct pn_request *r = new_request(st, pool);
    struct pseudo      p = { 0 };
    int                status;

    take_fields(st, r, &p);
    set_host_field(r, &p);
    r->method = p.method.p ? p.method : PN_STR("");
    r->method_id = pn_method_id(r->method);
    r->head_only = r->method_id == PN_METHOD_HEAD;
    r->line = PN_CAT(pool, r->method, PN_STR(" "), p.path.n ? p.path : p.authority, PN_STR(" HTTP/2.0"));
    *ret = r;
    struct pn_target target = { .form = form_of(&p), .target = p.path.n ? p.path : p.authority, .scheme = p.scheme,
                                .path_query = p.path };
    int framing = take_framing(st, r);
    status = st->fault ? st->fault : check_authority(r);
    if (!status && target.form == PN_TARGET_ORIGIN && p.path.p[0] != '/')
        status = 400;
    if (status) {
        PN_LOG_R(r, PN_LOG_ERR, 21406, 0, "request refused with %d: %s", status,
                 status == 414 ? "its target is too long" : status == 431 ? "its fields are over a limit" : "a field of it is malformed");
        r->path = r->raw_path = p.path.n ? p.path : PN_STR("/");
        return status;
    }
    status = pn__request_admit(r, &target);
    if (status || r->method_id == PN_METHOD_OTHER)
        return status;
    return p.protocol.p ? 501 : framing;
}

/* ---- the body ---- */

struct h2_body {
    struct pn_body    super;
    struct h2_stream *st;
    char             *piece;    /* BODY_PIECE_BYTES */
    pn_usec           waited;
    uint64_t          received;
    bool              ended, failed;
};

static void take_trailer(struct h2_body *self)
{
    struct h2_stream  *st = self->st;
    struct pn_request *r = self->super.r;
    struct pn_headers *trailers;
    size_t             at = 0;
    pn_str             name, value;

    r->core->body_in_done = true;
    if (st->trailer.n == 0)
        return;
    trailers = apr_palloc(r->pool, sizeof(*trailers));
    pn_headers_init(trailers, r->pool, st->trailer.count);
    while (h2_fields_next(&st->trailer, &at, &name, &value))
        pn_headers_add_name(trailers, pn_str_dup(r->pool, name), pn_str_dup(r->pool, value));
    r->trailers = trailers;
    if (!pn_core_server(r->server)->merge_trailers)
        return;
    for (const struct pn_header *f = pn_headers_begin(trailers); f < pn_headers_end(trailers); f++)
        pn_headers_add_name(&r->in, f->name, f->value);
}

/* As long as Timeout each time, and in all as long as RequestReadTimeout allows: see h1_body_in.c. */
PN_MAY_YIELD static pn_rc wait_for_bytes(struct h2_body *self)
{
    struct pn_request           *r = self->super.r;
    struct pn_loop              *loop = self->st->session->c->worker->loop;
    const struct pn_core_server *conf = pn_core_server(r->server);
    pn_usec                      timeout = self->st->timeout ? self->st->timeout : conf->timeout;
    pn_usec                      allowed = pn_read_limit_time(&conf->read_limits.body, self->received);
    pn_usec                      begun = pn_loop_now(loop);
    bool                         limited = allowed < PN_NEVER && allowed - self->waited < timeout;
    pn_usec                      wait = limited ? allowed - self->waited : timeout;
    pn_rc                        rc = PN_TIMEOUT;

    if (wait > 0)
        rc = h2_wait(self->st, &self->st->in_waiter, begun + wait);
    self->waited += pn_loop_now(loop) - begun;
    if (rc != PN_TIMEOUT)
        return rc;
    if (!limited)
        return pn_fail(r, 408, PN_LOG_MODULE, 20002, "no more of the request body came within Timeout");
    PN_LOG_R(r, PN_LOG_INFO, 1382, 0, "Request body read timeout");
    r->core->reject_status = 408;
    return PN_FAILED;
}

PN_MAY_YIELD static pn_rc body_next(struct pn_body *body, struct pn_chunk *ret_chunk)
{
    struct h2_body   *self = PN_CONTAINER(body, struct h2_body, super);
    struct h2_stream *st = self->st;
    uint32_t          n;

    if (self->failed)
        return PN_FAILED;
    while (st->in_n == 0) {
        if (st->in_ended) {
            if (!self->ended)
                take_trailer(self);
            self->ended = true;
            return PN_EOF;
        }
        pn_rc rc = wait_for_bytes(self);
        if (rc != PN_OK) {
            self->failed = rc != PN_CANCELLED || st->gone;
            return rc;
        }
    }
    if (!self->piece)
        self->piece = apr_palloc(body->r->pool, BODY_PIECE_BYTES);
    n = st->in_n < BODY_PIECE_BYTES ? st->in_n : BODY_PIECE_BYTES;
    memcpy(self->piece, st->in, n);
    st->in_n -= n;
    memmove(st->in, st->in + n, st->in_n);
    h2_body_taken(st, n);
    h2_soon(st->session);
    self->received += n;
    *ret_chunk = (struct pn_chunk){ .kind = PN_CHUNK_BYTES, .bytes = pn_str_n(self->piece, n), .fd = -1 };
    return PN_OK;
}

static const struct pn_body_ops body_ops = { .name = "H2_IN", .next = body_next };

static struct pn_body *body_in(struct pn_request *r)
{
    struct h2_body *self;

    if (r->core->framing == PN_FRAMING_NONE)
        return NULL;
    self = apr_pcalloc(r->pool, sizeof(*self));
    self->super = (struct pn_body){ .ops = &body_ops, .r = r, .length = -1 };
    self->st = h2_stream_of(r);
    if (r->core->framing == PN_FRAMING_LENGTH)
        self->super.length = (int64_t)r->core->content_length;
    return &self->super;
}

/* ---- what the pipeline asks ---- */

PN_MAY_YIELD static pn_rc send_continue(struct pn_request *r)
{
    pn_rc rc = h2_send_interim(r, 100, NULL);

    return rc == PN_DECLINED ? PN_OK : rc;
}

static void watch(struct pn_request *r)
{
    struct h2_stream *st = h2_stream_of(r);

    st->watched = true;
    if (st->gone && st->fiber)
        pn_fiber_cancel(st->fiber);
}

const struct pn_protocol_ops h2_protocol = { .name = "h2", .body_in = body_in, .send_continue = send_continue, .watch = watch,
                                             .send_interim = h2_send_interim };

bool pn_http2_stream_of(const struct pn_request *r, struct pn_http2_stream *ret)
{
    const struct h2_stream *st;

    if (r->core->protocol != &h2_protocol)
        return false;
    st = h2_stream_of(r);
    *ret = (struct pn_http2_stream){ .id = st->id, .pushed_on = st->pushed_on };
    if (!st->session->lost)
        ret->push_enabled = nghttp2_session_get_remote_settings(st->session->ng, NGHTTP2_SETTINGS_ENABLE_PUSH) != 0;
    return true;
}

void pn_http2_set_timeout(struct pn_request *r, pn_usec timeout)
{
    if (r->core->protocol == &h2_protocol)
        h2_stream_of(r)->timeout = timeout;
}

pn_rc pn_send_interim(struct pn_request *r, int status, const struct pn_headers *fields)
{
    if (r->sent_head || !r->core->protocol || !r->core->protocol->send_interim)
        return PN_DECLINED;
    return r->core->protocol->send_interim(r, status, fields);
}
