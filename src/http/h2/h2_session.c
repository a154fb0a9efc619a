/* h2_session.c - life of an HTTP/2 connection on the loop: begin, receive, idle, drain, end. RFC 9113 s3, s6.8. */
#define PN_LOG_MODULE &pn_module_core
#include <pinion/log.h>

#include <errno.h>
#include <stdlib.h>

#include "http/h2/h2.h"
#include "http/protocols.h"
#include "net/stream_tls.h"

#define CONN_WINDOW_BYTES (1024 * 1024)
#define RECEIVES_PER_TURN 16 /* then it is others' turn */

/* ---- life ---- */

static const struct pn_http2_conf *settings_of(const struct h1_conn *c)
{
    const struct pn_http2 *http2 = pn_provider(c->pub.generation, PN_HTTP2_GROUP, PN_STR(PN_HTTP2_SETTINGS));

    return http2 ? http2->conf(c->pub.base_server) : NULL;
}

static bool offers(const struct h1_conn *c, const char *protocol)
{
    const apr_array_header_t *protocols = pn_core_server(c->pub.base_server)->protocols;

    for (int i = 0; protocols && i < protocols->nelts; i++)
        if (pn_str_ieq(APR_ARRAY_IDX(protocols, i, pn_str), pn_str_z(protocol)))
            return true;
    return false;
}

/* COMPAT: 2.4 takes the preface without TLS where Protocols names h2c, and over TLS where H2Direct says so. */
bool h2_direct(const struct h1_conn *c)
{
    const struct pn_http2_conf *conf = settings_of(c);

    if (!conf || !offers(c, c->pub.secure ? "h2" : "h2c"))
        return false;
    return c->pub.secure ? conf->direct == PN_HTTP2_ON : conf->direct != PN_HTTP2_OFF;
}

static void input_job(struct pn_job *job);

static bool begin_ng(struct h2_session *s)
{
    nghttp2_settings_entry entries[3] = {
        { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, (uint32_t)s->conf->max_streams },
        { NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
        { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, (uint32_t)s->conf->window_bytes },
    };

    if (nghttp2_session_server_new2(&s->ng, h2_callbacks(), s, h2_options()) != 0)
        return false;
    return nghttp2_submit_settings(s->ng, NGHTTP2_FLAG_NONE, entries, s->conf->window_bytes == 65535 ? 2 : 3) == 0 &&
           nghttp2_session_set_local_window_size(s->ng, NGHTTP2_FLAG_NONE, 0, CONN_WINDOW_BYTES) == 0;
}

struct h2_session *h2_session_new(struct h1_conn *c)
{
    const struct pn_http2_conf *conf = settings_of(c);
    struct h2_session          *s = conf ? calloc(1, sizeof(*s)) : NULL;

    if (!s)
        return NULL;
    s->c = c;
    s->conf = conf;
    s->flush.fn = h2_flush_job;
    s->input.fn = input_job;
    s->idle_since = pn_loop_now(c->worker->loop);
    h2_guard_init(s);
    if (!begin_ng(s)) {
        nghttp2_session_del(s->ng);
        free(s);
        return NULL;
    }
    c->h2 = s;
    c->state = H1_HTTP2;
    c->idle = false;
    return s;
}

void h2_conn_free(struct h1_conn *c)
{
    struct h2_session *s = c->h2;

    pn_job_cancel(c->worker->loop, &s->flush);
    pn_job_cancel(c->worker->loop, &s->input);
    s->lost = true; /* streams that never got a fiber go, those in line for a slot too: the worker ends */
    for (struct h2_stream *st = s->streams; st; st = st->next)
        st->waits_slot = st->in_batch = false;
    h2_streams_sweep(s);
    nghttp2_session_del(s->ng);
    free(s->left);
    free(s->diary);
    free(s);
    c->h2 = NULL;
}

void h2_soon(struct h2_session *s)
{
    if (s->flushing)
        s->again = true;
    else
        pn_job_queue(s->c->worker->loop, &s->flush);
}

void h2_lose(struct h2_session *s)
{
    if (s->lost)
        return;
    s->lost = true;
    s->c->pub.aborted = true;
    for (struct h2_stream *st = s->streams; st; st = st->next)
        h2_stream_gone(st);
    h2_soon(s);
}

void h2_refuse(struct h2_session *s, uint32_t code, unsigned log_id, const char *why)
{
    if (s->ending)
        return;
    s->ending = true;
    PN_LOG_C(&s->c->pub, PN_LOG_INFO, log_id, 0, "connection ended with %s: %s", nghttp2_http2_strerror(code), why);
    nghttp2_session_terminate_session(s->ng, code);
    h2_soon(s);
}

/* ---- what is next ---- */

static pn_usec next_time(const struct h2_session *s)
{
    const struct pn_core_server *conf = pn_core_server(s->c->pub.base_server);
    pn_usec                      until = PN_NEVER;

    if (s->blocked)
        until = s->blocked_since + conf->timeout;
    else if (s->ending)
        until = pn_loop_now(s->c->worker->loop) + conf->timeout;
    else if (s->head_begun) {
        pn_usec limit = pn_read_limit_time(&conf->read_limits.header, 0);
        until = s->head_begun + (limit < conf->timeout ? limit : conf->timeout);
    }
    else if (s->n_streams == 0)
        until = s->idle_since + (s->c->pub.requests ? conf->keep_alive_timeout : conf->timeout);
    return s->drain_at && s->drain_at < until ? s->drain_at : until;
}

static void end_streams(struct h2_session *s)
{
    for (struct h2_stream *st = s->streams; st; st = st->next)
        if (!st->gone)
            h2_stream_gone(st);
}

void h2_settle(struct h2_session *s)
{
    struct h1_conn *c = s->c;

    if (s->flushing || c->worker->closing)
        return;
    if (!s->lost && !s->left && !nghttp2_session_want_read(s->ng) && !nghttp2_session_want_write(s->ng)) {
        s->over = true;
        end_streams(s);
        h2_streams_sweep(s);
        if (!s->streams) {
            h2_conn_free(c);
            c->unclean = true;
            h1_conn_linger(c);
            return;
        }
    }
    h2_streams_sweep(s);
    if (s->lost && !s->streams) {
        h1_conn_close(c);
        return;
    }
    pn_timer_set(c->worker->loop, &c->timer, next_time(s));
}

/* ---- receiving ---- */

bool h2_feed(struct h2_session *s, pn_str bytes)
{
    ssize_t n;

    n = nghttp2_session_mem_recv(s->ng, (const uint8_t *)bytes.p, bytes.n);
    if (n == NGHTTP2_ERR_FLOODED)
        h2_refuse(s, NGHTTP2_ENHANCE_YOUR_CALM, 21402, "too many frames to be acknowledged");
    else if (n < 0 && n != NGHTTP2_ERR_BAD_CLIENT_MAGIC)
        h2_refuse(s, NGHTTP2_INTERNAL_ERROR, 21401, nghttp2_strerror((int)n));
    else if (n < 0)
        h2_refuse(s, NGHTTP2_PROTOCOL_ERROR, 21401, "the connection does not begin as HTTP/2 does");
    h2_soon(s);
    return !s->ending;
}

static void receive_failed(struct h2_session *s, ssize_t n)
{
    struct h1_conn *c = s->c;

    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        c->stream.io.ready &= (uint8_t)~PN_IO_IN;
        if (pn_io_register(c->worker->loop, &c->stream.io) == PN_OK)
            return;
    }
    c->peer_ended = n == 0;
    h2_lose(s);
}

/* A client that does not read what it asked for is not read from either. */
static bool is_stuffed(const struct h2_session *s)
{
    return s->blocked && nghttp2_session_get_outbound_queue_size(s->ng) > 200;
}

static void receive(struct h2_session *s)
{
    struct h1_conn *c = s->c;
    char           *to = malloc(PN_RECEIVE_BYTES);

    pn_assert(to != NULL);
    for (int i = 0; !s->lost && !s->ending && !is_stuffed(s); i++) {
        if (i == RECEIVES_PER_TURN) {
            pn_job_queue(c->worker->loop, &s->input);
            break;
        }
        ssize_t n = c->stream.ops->recv(&c->stream, to, PN_RECEIVE_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            receive_failed(s, n);
            break;
        }
        bool drained = (size_t)n < PN_RECEIVE_BYTES && !(c->stream.io.ready & (PN_IO_HUP | PN_IO_RDHUP));
        if (drained)
            c->stream.io.ready &= (uint8_t)~PN_IO_IN;
        if (!h2_feed(s, pn_str_n(to, (size_t)n)) || (drained && c->stream.io.registered))
            break;
    }
    free(to);
}

/* In the run phase: the loop has drained the watch before these bytes came. */
static void input_job(struct pn_job *job)
{
    struct h2_session *s = PN_CONTAINER(job, struct h2_session, input);

    s->c->worker->undrained = true;
    receive(s);
}

void h2_begin(struct h1_conn *c)
{
    struct h2_session *s = h2_session_new(c);

    if (!s) {
        h1_conn_close(c);
        return;
    }
    if (pn_fiber_this() || c->worker->in_job)
        c->worker->undrained = true;
    if (c->pub.secure && s->conf->modern_tls && !pn_stream_tls_modern(&c->stream)) {
        h2_refuse(s, NGHTTP2_INADEQUATE_SECURITY, 21400, "its TLS version or cipher is not for HTTP/2 (H2ModernTLSOnly)");
        return;
    }
    if (c->in) {
        h2_feed(s, pn_str_n(c->in, c->in_n));
        h1_conn_keep_rest(c, c->in_n);
    }
    if (!s->ending)
        receive(s);
    h2_soon(s);
}

const struct pn_conn_protocol pn_protocol_h2 = { .name = "h2", .begin = h2_begin };

/* ---- events ---- */

void h2_conn_io(struct h1_conn *c, unsigned events)
{
    struct h2_session *s = c->h2;

    if (s->lost)
        return;
    if (events & PN_IO_OUT && s->blocked) {
        s->blocked = false;
        h2_soon(s);
    }
    if (events & (PN_IO_IN | PN_IO_HUP | PN_IO_RDHUP))
        receive(s);
}

void h2_conn_timeout(struct h1_conn *c)
{
    struct h2_session *s = c->h2;
    pn_usec            now = pn_loop_now(c->worker->loop);

    if (s->drain_at && now >= s->drain_at && !s->ending) {
        s->drain_at = 0;
        nghttp2_submit_goaway(s->ng, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(s->ng), NGHTTP2_NO_ERROR, NULL, 0);
        h2_soon(s);
        return;
    }
    if (now < next_time(s) && !s->ending) {
        pn_timer_set(c->worker->loop, &c->timer, next_time(s));
        return;
    }
    if (s->blocked || s->ending) {
        h2_lose(s);
        return;
    }
    s->ending = true;
    nghttp2_session_terminate_session(s->ng, NGHTTP2_NO_ERROR);
    h2_soon(s);
}

/* RFC 9113 s6.8: first the client is told, and what it sent meanwhile is answered; then comes the end. */
void h2_conn_drain(struct h1_conn *c, pn_usec grace)
{
    struct h2_session *s = c->h2;

    if (s->draining || s->ending || s->lost)
        return;
    s->draining = true;
    s->drain_at = pn_loop_now(c->worker->loop) + grace;
    nghttp2_submit_shutdown_notice(s->ng);
    h2_soon(s);
}
