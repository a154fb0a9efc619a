/* h2_callbacks.c - what nghttp2 tells of frames that come and go. Nothing here suspends, frees a stream or runs a request:
 * streams are marked, woken and queued. */
#include <pthread.h>

#include "http/h2/h2.h"

static pthread_once_t             once = PTHREAD_ONCE_INIT;
static nghttp2_session_callbacks *callbacks;
static nghttp2_option            *options;

static struct h2_stream *stream_at(nghttp2_session *ng, int32_t id)
{
    return id ? nghttp2_session_get_stream_user_data(ng, id) : NULL;
}

static bool is_request(const nghttp2_frame *frame)
{
    return frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
}

/* ---- coming ---- */

static int on_begin_frame(nghttp2_session *ng, const nghttp2_frame_hd *hd, void *arg)
{
    (void)ng;
    h2_guard_frame(arg, hd);
    return 0;
}

/* A client that has as many requests at work as it may is told to ask again: also when nghttp2, which counts open streams, would
 * let it in since others were reset. */
static int on_begin_headers(nghttp2_session *ng, const nghttp2_frame *frame, void *arg)
{
    struct h2_session *s = arg;
    uint32_t           id = (uint32_t)frame->hd.stream_id;
    struct h2_stream  *st;

    s->head_begun = pn_loop_now(s->c->worker->loop);
    if (!is_request(frame))
        return 0;
    if (s->n_streams >= (unsigned)s->conf->max_streams || s->held_bytes > H2_HELD_MAX || s->ending) {
        nghttp2_submit_rst_stream(ng, NGHTTP2_FLAG_NONE, (int32_t)id, NGHTTP2_REFUSED_STREAM);
        h2_guard_reset(s); /* asking again and again costs, too */
        return 0;
    }
    st = h2_stream_new(s, id);
    return nghttp2_session_set_stream_user_data(ng, (int32_t)id, st);
}

/* COMPAT: 2.4 holds the limits of HTTP/1 against fields, too. What is over them is decoded (the table must stay in step) and
 * not kept. */
static int status_of_field(const struct h2_session *s, const struct h2_stream *st, pn_str name, pn_str value)
{
    const struct pn_core_server *conf = pn_core_server(s->c->pub.base_server);

    if (name.n && name.p[0] == ':')
        return value.n > (size_t)conf->limit_line ? 414 : 0;
    if (name.n + 2 + value.n > (size_t)conf->limit_field_size)
        return 431;
    return conf->limit_fields && st->head.count >= (uint64_t)conf->limit_fields + 4 ? 431 : 0; /* 4: the target's parts */
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name, size_t name_n,
                     const uint8_t *value, size_t value_n, uint8_t flags, void *arg)
{
    struct h2_session *s = arg;
    struct h2_stream  *st = stream_at(ng, frame->hd.stream_id);
    pn_str             n = pn_str_n((const char *)name, name_n), v = pn_str_n((const char *)value, value_n);
    int                status;

    (void)flags;
    if (!st || st->fault)
        return 0;
    status = status_of_field(s, st, n, v);
    if (status)
        st->fault = status;
    else if (!h2_fields_add(st, is_request(frame) ? &st->head : &st->trailer, n, v))
        st->fault = 431;
    return 0;
}

/* RFC 9113 s8.2.1: a name or value that no field may have makes the request malformed. */
static int on_invalid_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name, size_t name_n,
                             const uint8_t *value, size_t value_n, uint8_t flags, void *arg)
{
    struct h2_stream *st = stream_at(ng, frame->hd.stream_id);

    (void)name, (void)name_n, (void)value, (void)value_n, (void)flags, (void)arg;
    if (st && is_request(frame))
        st->fault = 400;
    return 0;
}

static int on_data_chunk(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *data, size_t n, void *arg)
{
    struct h2_session *s = arg;
    struct h2_stream  *st = stream_at(ng, id);

    (void)flags;
    h2_guard_body(s);
    if (!st || st->gone || (st->complete && !st->fiber && st->answered)) {
        nghttp2_session_consume(ng, id, n);
        return 0;
    }
    if (n > st->in_cap - st->in_n) {
        uint32_t cap = st->in_n + (uint32_t)n < 2048 ? 4096 : (st->in_n + (uint32_t)n) * 2;
        char    *in = realloc(st->in, cap);

        pn_assert(in != NULL);
        st->in = in;
        st->in_cap = cap;
    }
    memcpy(st->in + st->in_n, data, n);
    st->in_n += (uint32_t)n;
    s->held_bytes += n;
    if (s->held_bytes <= H2_HELD_MAX / 2) /* one request that waits is not in the way of others */
        nghttp2_session_consume_connection(ng, n);
    else
        s->owed_bytes += n;
    h2_wake(&st->in_waiter, PN_OK);
    return 0;
}

static void input_ended(struct h2_stream *st)
{
    st->in_ended = true;
    h2_wake(&st->in_waiter, PN_OK);
}

static int on_frame_recv(nghttp2_session *ng, const nghttp2_frame *frame, void *arg)
{
    struct h2_session *s = arg;
    struct h2_stream  *st = stream_at(ng, frame->hd.stream_id);

    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        s->head_begun = 0;
        if (!st)
            break;
        st->bytes_in += frame->hd.length + 9;
        if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
            input_ended(st);
        if (is_request(frame))
            h2_stream_begin(st);
        break;
    case NGHTTP2_DATA:
        if (!st)
            break;
        st->bytes_in += frame->hd.length + 9;
        if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
            input_ended(st);
        break;
    case NGHTTP2_RST_STREAM:
        if (!st || !st->answered)
            h2_guard_reset(s);
        break;
    default: break;
    }
    return 0;
}

/* RFC 9113 s5.4.2: a client that keeps breaking the rules of streams is told to stop. */
static int on_invalid_frame(nghttp2_session *ng, const nghttp2_frame *frame, int error, void *arg)
{
    (void)ng, (void)error;
    if (frame->hd.stream_id)
        h2_guard_error(arg);
    return 0;
}

static int on_stream_close(nghttp2_session *ng, int32_t id, uint32_t code, void *arg)
{
    struct h2_stream *st = stream_at(ng, id);

    (void)code, (void)arg;
    if (st)
        h2_stream_closed(st);
    return 0;
}

/* ---- going ---- */

/* nghttp2 has found a fault of the whole connection by itself. */
static void said_goodbye(struct h2_session *s, const nghttp2_goaway *frame)
{
    if (frame->error_code != NGHTTP2_NO_ERROR && !s->ending)
        h2_refuse(s, frame->error_code, 21401, "it broke a rule of the protocol");
}

static int on_frame_send(nghttp2_session *ng, const nghttp2_frame *frame, void *arg)
{
    struct h2_session *s = arg;
    struct h2_stream  *st = stream_at(ng, frame->hd.stream_id);

    if (frame->hd.type == NGHTTP2_DATA)
        h2_guard_sent(s);
    if (frame->hd.type == NGHTTP2_GOAWAY)
        said_goodbye(s, &frame->goaway);
    if (!st)
        return 0;
    if (frame->hd.type == NGHTTP2_HEADERS)
        st->bytes_out += frame->hd.length + 9;
    if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
        st->ending = st->in_batch = true;
        h2_guard_answer(s);
    }
    return 0;
}

static int on_frame_not_send(nghttp2_session *ng, const nghttp2_frame *frame, int error, void *arg)
{
    (void)ng, (void)error;
    if (frame->hd.type == NGHTTP2_PUSH_PROMISE)
        h2_push_not_sent(arg, (uint32_t)frame->push_promise.promised_stream_id);
    else if (frame->hd.type == NGHTTP2_HEADERS)
        h2_push_not_sent(arg, (uint32_t)frame->hd.stream_id);
    return 0;
}

/* Up to 2^bits - 1 bytes, at random (H2Padding): an observer of TLS records cannot tell lengths. */
static ssize_t select_padding(nghttp2_session *ng, const nghttp2_frame *frame, size_t max, void *arg)
{
    struct h2_session *s = arg;
    size_t             room = max - frame->hd.length, most = ((size_t)1 << s->conf->padding_bits) - 1;
    unsigned char      random = 0;

    (void)ng;
    if (most && apr_generate_random_bytes(&random, 1) != APR_SUCCESS)
        return -1;
    size_t pad = random & most;
    return (ssize_t)(frame->hd.length + (pad < room ? pad : room));
}

static ssize_t data_frame_bytes(nghttp2_session *ng, uint8_t type, int32_t id, int32_t session_window, int32_t stream_window,
                                uint32_t frame_max, void *arg)
{
    const struct h2_session *s = arg;
    int64_t                  most = s->conf->data_frame_bytes ? s->conf->data_frame_bytes : 16384;

    (void)ng, (void)type, (void)id;
    if (most > frame_max)
        most = frame_max;
    if (most > session_window)
        most = session_window;
    return (ssize_t)(most < stream_window ? most : stream_window);
}

static void make(void)
{
    pn_assert(nghttp2_session_callbacks_new(&callbacks) == 0 && nghttp2_option_new(&options) == 0);
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, on_invalid_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_frame_not_send);
    nghttp2_session_callbacks_set_select_padding_callback(callbacks, select_padding);
    nghttp2_session_callbacks_set_data_source_read_length_callback(callbacks, data_frame_bytes);
    nghttp2_session_callbacks_set_send_callback(callbacks, h2__send);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, h2__send_data);
    nghttp2_option_set_no_auto_window_update(options, 1);
    nghttp2_option_set_no_closed_streams(options, 1);
    nghttp2_option_set_max_outbound_ack(options, 200);
    nghttp2_option_set_builtin_recv_extension_type(options, NGHTTP2_PRIORITY_UPDATE);
    nghttp2_option_set_max_deflate_dynamic_table_size(options, 4096);
    nghttp2_option_set_peer_max_concurrent_streams(options, 100);
}

const nghttp2_session_callbacks *h2_callbacks(void)
{
    pthread_once(&once, make);
    return callbacks;
}

const nghttp2_option *h2_options(void)
{
    pthread_once(&once, make);
    return options;
}
