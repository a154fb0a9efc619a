/* h2_send.c - an answer onto a stream: its fields, then its body as nghttp2 asks for it. RFC 9113 s8.1.
 *
 * The fiber pulls a chunk and waits until it is framed; how much of it and when is nghttp2's affair, by windows and by the
 * priorities of RFC 9218. A stream holds one chunk at a time. */
#define PN_LOG_MODULE &pn_module_core
#include <pinion/log.h>

#include "http/h2/h2.h"
#include "http/score.h"

#define HEAD_MAX (64 * 1024)

/* ---- fields ---- */

struct nv_list {
    nghttp2_nv *v;
    size_t      n, bytes;
};

static void add(struct nv_list *list, pn_str name, pn_str value)
{
    list->v[list->n++] = (nghttp2_nv){ .name = (uint8_t *)(uintptr_t)name.p, .namelen = name.n,
                                       .value = (uint8_t *)(uintptr_t)(value.n ? value.p : ""), .valuelen = value.n };
    list->bytes += name.n + value.n + 2;
}

/* Those of the connection have no place here (RFC 9113 s8.2.2), and some are written below. */
static void add_fields(struct nv_list *list, const struct pn_headers *h)
{
    for (const struct pn_header *f = pn_headers_begin(h); f < pn_headers_end(h); f++) {
        switch (f->id) {
        case PN_HDR_CONNECTION:
        case PN_HDR_KEEP_ALIVE:
        case PN_HDR_PROXY_CONNECTION:
        case PN_HDR_TRANSFER_ENCODING:
        case PN_HDR_UPGRADE:
        case PN_HDR_CONTENT_LENGTH:
        case PN_HDR_CONTENT_TYPE:
        case PN_HDR_DATE:
        case PN_HDR_SERVER:
            continue;
        default: add(list, f->name, pn_str_trim(f->value));
        }
    }
}

static pn_str own_field(const struct pn_request *r, enum pn_hdr id)
{
    pn_str value = pn_headers_get(&r->err_out, id);

    return value.p ? value : pn_headers_get(&r->out, id);
}

static pn_str number(apr_pool_t *pool, uint64_t value)
{
    char  text[20];
    char *p = text + sizeof(text);

    do
        *--p = (char)('0' + value % 10);
    while (value /= 10);
    return pn_str_dup(pool, pn_str_n(p, (size_t)(text + sizeof(text) - p)));
}

static bool status_has_no_body(int status)
{
    return status < 200 || status == 204 || status == 304;
}

static void build_head(struct h2_stream *st, struct pn_request *r, struct nv_list *list)
{
    struct h1_conn *c = st->session->c;
    pn_str          date = own_field(r, PN_HDR_DATE), server = own_field(r, PN_HDR_SERVER);
    bool            content = r->status != 304 && r->status != 204;

    list->v = apr_palloc(r->pool, (r->out.n + r->err_out.n + 5) * sizeof(*list->v));
    add(list, PN_STR(":status"), number(r->pool, (uint64_t)r->status));
    add(list, PN_STR("date"), pn_str_dup(r->pool, date.p ? date : pn_worker_date(c->worker)));
    add(list, PN_STR("server"), server.p ? server : pn_core_server(c->pub.generation->servers)->server_header);
    add_fields(list, &r->err_out);
    add_fields(list, &r->out);
    if (r->body->length >= 0 && !status_has_no_body(r->status) && !(r->head_only && r->is_error))
        add(list, PN_STR("content-length"), number(r->pool, (uint64_t)r->body->length));
    if (r->content_type.n && content)
        add(list, PN_STR("content-type"), r->content_type);
}

/* ---- body ---- */

/* nghttp2 has room for up to `length` bytes of the stream: the bytes themselves are taken by h2__send_data. */
static ssize_t read_out(nghttp2_session *ng, int32_t id, uint8_t *buf, size_t length, uint32_t *flags,
                        nghttp2_data_source *source, void *arg)
{
    struct h2_stream *st = source->ptr;
    size_t            n = st->out.n < length ? st->out.n : length;

    (void)ng, (void)id, (void)buf, (void)arg;
    if (n == 0 && !st->out_last) {
        st->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (st->out_last && n == st->out.n)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

/* Until the chunk is framed, or the answer's end has left. Each wait without progress lasts as long as Timeout at most. */
PN_MAY_YIELD static pn_rc wait_until_out(struct h2_stream *st)
{
    struct h2_session *s = st->session;
    pn_usec            timeout = st->timeout ? st->timeout : pn_core_server(st->r->server)->timeout;
    pn_rc              rc = PN_OK;

    while (rc == PN_OK && !st->answered && (st->out_last || st->out.n || st->in_batch)) {
        size_t had = st->out.n;

        rc = h2_wait(st, &st->out_waiter, pn_loop_now(s->c->worker->loop) + timeout);
        if (rc == PN_TIMEOUT && st->out.n < had)
            rc = PN_OK;
    }
    while (st->in_batch) { /* a batch that is on its way has bytes of this request */
        st->batch_waiter = pn_fiber_this();
        (void)pn_fiber_suspend_shielded();
    }
    if (st->answered)
        return PN_OK;
    if (rc != PN_OK)
        st->out = PN_STR("");
    return rc;
}

PN_MAY_YIELD static pn_rc put(struct h2_stream *st, pn_str bytes, bool last)
{
    if (st->gone)
        return PN_CANCELLED;
    st->out = bytes;
    st->out_last = last;
    if (st->deferred) {
        st->deferred = false;
        nghttp2_session_resume_data(st->session->ng, (int32_t)st->id);
    }
    h2_soon(st->session);
    if (last)
        pn__score_drain(st->r);
    return wait_until_out(st);
}

PN_MAY_YIELD static pn_rc send_body(struct h2_stream *st, struct pn_request *r)
{
    struct pn_body *body = pn_body_in_memory(r, r->body);
    bool            announced = r->body->length >= 0;
    uint64_t        left = announced ? (uint64_t)r->body->length : UINT64_MAX;
    struct pn_chunk chunk;
    pn_rc           rc;

    do {
        chunk = (struct pn_chunk){ .fd = -1 };
        rc = pn_body_next(body, &chunk);
        if (rc == PN_EOF) {
            chunk.bytes = PN_STR("");
            chunk.last = true;
        }
        else if (rc != PN_OK)
            return rc;
        if (chunk.bytes.n > left)
            return pn_fail(r, 500, PN_LOG_MODULE, 20017, "a body longer than its announced length was cut");
        left -= chunk.bytes.n;
        if (announced && chunk.last && left)
            return pn_fail(r, 500, PN_LOG_MODULE, 20018, "a body shorter than its announced length was cut off");
        r->bytes_body += chunk.bytes.n;
        if (chunk.bytes.n || chunk.last)
            rc = put(st, chunk.bytes, chunk.last);
    } while (rc == PN_OK && !chunk.last);
    return rc;
}

PN_MAY_YIELD static pn_rc send_answer(struct h2_stream *st, struct pn_request *r)
{
    struct h2_session    *s = st->session;
    nghttp2_data_provider provider = { .source.ptr = st, .read_callback = read_out };
    bool                  has_body = !r->head_only && !status_has_no_body(r->status) && r->body->length != 0;
    struct nv_list        list = { 0 };
    size_t                most = s->conf->head_bytes ? (size_t)s->conf->head_bytes : HEAD_MAX;

    if (st->gone)
        return PN_CANCELLED;
    build_head(st, r, &list);
    r->sent_head = true;
    if (list.bytes > most) {
        PN_LOG_R(r, PN_LOG_ERR, 20019, 0, "the answer's head is over %zu bytes", most);
        return PN_LIMIT;
    }
    if (nghttp2_submit_response(s->ng, (int32_t)st->id, list.v, list.n, has_body ? &provider : NULL) != 0)
        return PN_CANCELLED;
    h2_soon(s);
    if (has_body)
        return send_body(st, r);
    st->out_last = true;
    pn__score_drain(r);
    return wait_until_out(st);
}

pn_rc h2_send_response(struct h2_stream *st, struct pn_request *r)
{
    pn_rc rc;

    st->r = r;
    rc = send_answer(st, r);
    r->ended = pn_loop_now(st->session->c->worker->loop);
    st->out = PN_STR("");
    st->out_last = false;
    return rc;
}

pn_rc h2_send_interim(struct pn_request *r, int status, const struct pn_headers *fields)
{
    struct h2_stream *st = h2_stream_of(r);
    struct nv_list    list = { 0 };

    if (st->gone || r->main)
        return st->gone ? PN_CANCELLED : PN_DECLINED;
    list.v = apr_palloc(r->pool, ((fields ? fields->n : 0) + 1) * sizeof(*list.v));
    add(&list, PN_STR(":status"), number(r->pool, (uint64_t)status));
    if (fields)
        add_fields(&list, fields);
    if (nghttp2_submit_headers(st->session->ng, NGHTTP2_FLAG_NONE, (int32_t)st->id, NULL, list.v, list.n, NULL) != 0)
        return PN_CANCELLED;
    h2_soon(st->session);
    return PN_OK;
}
