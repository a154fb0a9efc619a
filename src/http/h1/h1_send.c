/* h1_send.c - an answer onto an HTTP/1 connection: head, framing, and the pulling of the body.
 *
 * Workload: a cached small file leaves in one system call, head and content gathered; a larger one in a send that says
 * "more follows" and a sendfile. RFC 9112 s4, s6, s9. */
#define PN_LOG_MODULE &pn_module_core
#include <pinion/log.h>

#include <pinion/buf.h>

#include "http/h1/h1_conn.h"
#include "http/log_buffer.h"
#include "http/score.h"
#include "proto/chunked.h"

#define HEAD_MAX (256 * 1024)
#define IOV_MAX_GATHER 32
/* Content up to here is copied behind the head: one plain send costs less than a gathered one saves in copying. */
#define COPY_BYTES 4096
/* A file up to here may fit the socket's buffer: then the answer ends with its first sendfile. */
#define FILE_AT_ONCE (4 * 1024 * 1024)
/* Gathered bytes are sent when they reach this, to keep the pipe full while the body is still being made. */
#define GATHER_BYTES (256 * 1024)

/* How the end of the body is told. */
enum out_framing { OUT_NO_BODY, OUT_LENGTH, OUT_CHUNKED, OUT_CLOSE };

struct sender {
    struct h1_conn    *c;
    struct pn_request *r;
    pn_usec            timeout;
    enum out_framing   framing;
    uint64_t           left;      /* OUT_LENGTH: bytes still promised */
    struct iovec       iov[IOV_MAX_GATHER];
    unsigned           count;
    char               size_lines[IOV_MAX_GATHER][20];
    size_t             gathered;  /* bytes in iov */
    struct pn_buf      head;      /* iov[0] while it is the only one */
    struct pn_log_mark mark;      /* where the log stood before the line that was made early */
    bool               logged;    /* the line was made early */
    uint64_t           predicted; /* bytes that the line counts as sent */
    uint64_t           file_sent; /* of the file chunk at work, by the first attempt */
};

/* ---- head ---- */

static bool status_has_no_body(int status)
{
    return status < 200 || status == 204 || status == 304;
}

/* For clients that break at a newer version: environment variables of mod_setenvif. */
static bool downgraded(const struct pn_request *r)
{
    return PN_UNLIKELY(r->env != NULL) && pn_env_get(r, "downgrade-1.0");
}

static bool speaks_1_0(const struct pn_request *r)
{
    return PN_UNLIKELY(r->env != NULL) && (r->version == 1000 || downgraded(r)) && pn_env_get(r, "force-response-1.0");
}

static enum out_framing choose_framing(struct pn_request *r)
{
    if (status_has_no_body(r->status))
        return OUT_NO_BODY;
    if (r->body->length >= 0)
        return r->head_only ? OUT_NO_BODY : OUT_LENGTH;
    if (r->version >= 1001 && !downgraded(r))
        return r->head_only ? OUT_NO_BODY : OUT_CHUNKED;
    r->keep_alive = false;
    return r->head_only ? OUT_NO_BODY : OUT_CLOSE;
}

static inline void put_field(struct pn_buf *out, const struct pn_header *f)
{
    pn_buf_str(out, f->name);
    pn_buf_lit(out, ": ");
    pn_buf_str(out, f->value);
    pn_buf_lit(out, "\r\n");
}

/* Fields that the protocol layer itself writes are left out here. */
static void put_fields(struct pn_buf *out, const struct pn_headers *h)
{
    for (const struct pn_header *f = pn_headers_begin(h); f < pn_headers_end(h); f++) {
        switch (f->id) {
        case PN_HDR_CONNECTION:
        case PN_HDR_KEEP_ALIVE:
        case PN_HDR_TRANSFER_ENCODING:
        case PN_HDR_CONTENT_LENGTH:
        case PN_HDR_CONTENT_TYPE:
        case PN_HDR_CONTENT_RANGE:
        case PN_HDR_DATE:
        case PN_HDR_SERVER:
            continue;
        default: put_field(out, f);
        }
    }
}

static pn_str own_field(const struct pn_request *r, enum pn_hdr id)
{
    pn_str value = pn_headers_get(&r->err_out, id);

    return value.p ? value : pn_headers_get(&r->out, id);
}

static void put_date_server(struct h1_conn *c, struct pn_request *r, struct pn_buf *out)
{
    pn_str date = own_field(r, PN_HDR_DATE), server = own_field(r, PN_HDR_SERVER);

    pn_buf_lit(out, "Date: ");
    pn_buf_str(out, date.p ? date : pn_worker_date(c->worker));
    pn_buf_lit(out, "\r\nServer: ");
    pn_buf_str(out, server.p ? server : pn_core_server(c->pub.generation->servers)->server_header);
    pn_buf_lit(out, "\r\n");
}

static void put_framing(struct sender *s, struct pn_buf *out)
{
    struct pn_request *r = s->r;

    if (r->status == 304 || r->status < 200 || r->status == 204)
        return;
    if (r->body->length >= 0) {
        if (r->head_only && r->is_error)
            return;
        pn_buf_lit(out, "Content-Length: ");
        pn_buf_u64(out, (uint64_t)r->body->length);
        pn_buf_lit(out, "\r\n");
    }
    else if (s->framing == OUT_CHUNKED)
        pn_buf_lit(out, "Transfer-Encoding: chunked\r\n");
}

/* Keep-Alive is told to those who asked for it by name, as Apache does. */
static void put_connection(struct sender *s, struct pn_buf *out)
{
    struct pn_request           *r = s->r;
    const struct pn_core_server *conf = pn_core_server(r->server);
    pn_str                       asked = pn_headers_joined(&r->in, r->pool, PN_HDR_CONNECTION);
    pn_str                       own = own_field(r, PN_HDR_CONNECTION);

    if (r->keep_alive && asked.p && pn_header_has_token(asked, PN_STR("keep-alive"))) {
        pn_buf_lit(out, "Keep-Alive: timeout=");
        pn_buf_i64(out, conf->keep_alive_timeout / PN_USEC_PER_SEC);
        if (conf->max_keep_alive) {
            pn_buf_lit(out, ", max=");
            pn_buf_i64(out, conf->max_keep_alive + 1 - s->c->pub.requests);
        }
        pn_buf_lit(out, "\r\nConnection: ");
        if (own.n && !pn_header_has_token(own, PN_STR("close"))) {
            pn_buf_str(out, own);
            pn_buf_lit(out, ", ");
        }
        pn_buf_lit(out, "Keep-Alive\r\n");
    }
    else if (!r->keep_alive) {
        pn_buf_lit(out, "Connection: ");
        if (own.n && !pn_header_has_token(own, PN_STR("close"))) {
            pn_buf_str(out, own);
            pn_buf_lit(out, ", ");
        }
        pn_buf_lit(out, "close\r\n");
    }
    else if (own.n) {
        pn_buf_lit(out, "Connection: ");
        pn_buf_str(out, own);
        pn_buf_lit(out, "\r\n");
    }
}

static pn_rc build_head(struct sender *s, pn_str *ret)
{
    struct pn_request *r = s->r;
    struct pn_buf     *out = &s->head;
    pn_str             type = r->content_type;

    pn_buf_init(out, r->pool, HEAD_MAX);
    pn_buf_reserve(out, 768 + (s->framing == OUT_LENGTH && s->left <= COPY_BYTES ? (size_t)s->left : 0));
    pn_buf_str(out, speaks_1_0(r) ? PN_STR("HTTP/1.0 ") : PN_STR("HTTP/1.1 "));
    if (PN_UNLIKELY(r->reason.n)) {
        pn_buf_i64(out, r->status);
        pn_buf_ch(out, ' ');
        pn_buf_str(out, r->reason);
    }
    else
        pn_buf_str(out, pn_status_line(r->status));
    pn_buf_lit(out, "\r\n");
    put_date_server(s->c, r, out);
    put_fields(out, &r->err_out);
    put_fields(out, &r->out);
    put_framing(s, out);
    if (PN_UNLIKELY(own_field(r, PN_HDR_CONTENT_RANGE).p != NULL))
        put_field(out, &(struct pn_header){ .name = PN_STR("Content-Range"), .value = own_field(r, PN_HDR_CONTENT_RANGE) });
    put_connection(s, out);
    if (type.n && r->status != 304 && r->status != 204) {
        pn_buf_lit(out, "Content-Type: ");
        pn_buf_str(out, type);
        pn_buf_lit(out, "\r\n");
    }
    pn_buf_lit(out, "\r\n");
    return pn_buf_done(out, ret);
}

/* ---- body ---- */

PN_MAY_YIELD static pn_rc flush(struct sender *s, bool more)
{
    unsigned count = s->count;

    s->count = 0;
    s->gathered = 0;
    return count ? pn_stream_send_all(&s->c->stream, s->iov, count, more, s->timeout, &s->r->bytes_out) : PN_OK;
}

/* A child that is killed as the last bytes have left would lose the line of an answer that the client has. So the line is made
 * first, as if all went well, and taken back when it does not. A line that has to wait for the client's name is made later: the
 * client need not wait for it, and other lines may not come in between. */
static void log_early(struct sender *s, uint64_t file_bytes)
{
    s->logged = pn__remote_host_known(s->r);
    if (!s->logged)
        return;
    s->predicted = s->gathered + file_bytes;
    s->r->bytes_out += s->predicted;
    s->r->ended = pn_loop_now(s->c->worker->loop);
    s->mark = pn_log_buffer_mark();
    pn_pipeline_log(s->r);
    s->r->bytes_out -= s->predicted;
}

static void take_log_back(struct sender *s)
{
    if (!s->logged)
        return;
    pn_log_buffer_take_back(s->mark);
    s->r->core->logged = false;
}

/* The last bytes of the answer. */
PN_MAY_YIELD static pn_rc flush_last(struct sender *s)
{
    struct iovec *iov = s->iov;

    if (s->count == 0)
        return PN_OK;
    log_early(s, 0);
    s->gathered = 0;
    if (PN_LIKELY(pn_stream_try(&s->c->stream, &iov, &s->count, false, &s->r->bytes_out) == PN_OK))
        return PN_OK;
    take_log_back(s);
    pn__score_drain(s->r);
    return pn_stream_send_all(&s->c->stream, iov, s->count, false, s->timeout, &s->r->bytes_out);
}

/* Between chunks of a body, of which the next may be long in coming: the kernel waits for it a fifth of a second at most, TLS
 * would wait for ever. */
static bool bytes_follow(const struct sender *s)
{
    return s->c->stream.ops == &pn_stream_plain;
}

PN_MAY_YIELD static pn_rc gather(struct sender *s, pn_str bytes)
{
    if (s->count == IOV_MAX_GATHER) {
        pn_rc rc = flush(s, bytes_follow(s));
        if (rc != PN_OK)
            return rc;
    }
    s->iov[s->count++] = (struct iovec){ .iov_base = (void *)(uintptr_t)bytes.p, .iov_len = bytes.n };
    s->gathered += bytes.n;
    return PN_OK;
}

/* The end of an answer that one send and one sendfile may complete. @return true when they did. */
static bool file_at_once(struct sender *s, const struct pn_chunk *chunk)
{
    struct iovec *iov = s->iov;
    ssize_t       n = -1;

    if (chunk->n > FILE_AT_ONCE)
        return false;
    log_early(s, chunk->n);
    if (pn_stream_try(&s->c->stream, &iov, &s->count, true, &s->r->bytes_out) == PN_OK)
        n = s->c->stream.ops->send_file(&s->c->stream, chunk->fd, chunk->offset, (size_t)chunk->n);
    if (n > 0)
        s->r->bytes_out += (uint64_t)n;
    s->file_sent = n > 0 ? (uint64_t)n : 0;
    if (s->file_sent == chunk->n)
        return true;
    memmove(s->iov, iov, s->count * sizeof(*iov));
    take_log_back(s);
    return false;
}

/* A file leaves without passing through the program, where the stream can do that. */
PN_MAY_YIELD static pn_rc send_file(struct sender *s, const struct pn_chunk *chunk)
{
    s->file_sent = 0;
    if (chunk->last && s->framing == OUT_LENGTH && s->left == 0 && file_at_once(s, chunk))
        return PN_OK;
    if (chunk->last)
        pn__score_drain(s->r);
    pn_rc rc = flush(s, true);
    if (rc != PN_OK)
        return rc;
    rc = pn_stream_send_file(&s->c->stream, chunk->fd, chunk->offset + s->file_sent, chunk->n - s->file_sent, s->timeout,
                             &s->r->bytes_out);
    if (rc == PN_EOF) {
        PN_LOG_R(s->r, PN_LOG_ERR, 20012, 0, "%s became shorter while it was sent", s->r->filename.p);
        return PN_FAILED;
    }
    return rc;
}

/* Is there room for these bytes right behind the head? */
static bool fits_behind_head(const struct sender *s, size_t n)
{
    return s->count == 1 && n <= COPY_BYTES && s->iov[0].iov_base == s->head.p && n <= s->head.cap - s->head.n;
}

PN_MAY_YIELD static pn_rc put_bytes(struct sender *s, const struct pn_chunk *chunk)
{
    pn_rc rc = PN_OK;

    if (fits_behind_head(s, chunk->bytes.n)) {
        pn_buf_str(&s->head, chunk->bytes);
        s->iov[0].iov_len = s->head.n;
        s->gathered += chunk->bytes.n;
    }
    else
        rc = gather(s, chunk->bytes);
    if (rc != PN_OK)
        return rc;
    if (!chunk->stable || chunk->flush || s->gathered >= GATHER_BYTES)
        return flush(s, false);
    return PN_OK;
}

PN_MAY_YIELD static pn_rc put_chunk(struct sender *s, const struct pn_chunk *chunk)
{
    uint64_t n = chunk->kind == PN_CHUNK_FILE ? chunk->n : chunk->bytes.n;
    pn_rc    rc = PN_OK;

    if (n == 0)
        return chunk->flush ? flush(s, false) : PN_OK;
    if (s->framing == OUT_LENGTH) {
        if (n > s->left)
            return pn_fail(s->r, 500, PN_LOG_MODULE, 20017, "a body longer than its announced length was cut");
        s->left -= n;
    }
    else if (s->framing == OUT_CHUNKED) {
        if (s->count == IOV_MAX_GATHER)
            rc = flush(s, bytes_follow(s));
        char *line = s->size_lines[s->count]; /* one for each place in iov: an endless body takes no memory */
        if (rc == PN_OK)
            rc = gather(s, pn_str_n(line, pn_chunked_size_line(line, n)));
    }
    s->r->bytes_body += n;
    if (rc == PN_OK)
        rc = chunk->kind == PN_CHUNK_FILE ? send_file(s, chunk) : put_bytes(s, chunk);
    if (rc == PN_OK && s->framing == OUT_CHUNKED)
        rc = gather(s, PN_STR("\r\n"));
    return rc;
}

PN_MAY_YIELD static pn_rc send_body(struct sender *s)
{
    struct pn_chunk chunk;
    pn_rc           rc;

    do {
        chunk = (struct pn_chunk){ .fd = -1 };
        rc = pn_body_next(s->r->body, &chunk);
        if (rc == PN_OK)
            rc = put_chunk(s, &chunk);
    } while (rc == PN_OK && !chunk.last);
    if (rc != PN_OK && rc != PN_EOF)
        return rc;
    if (s->framing == OUT_LENGTH && s->left)
        return pn_fail(s->r, 500, PN_LOG_MODULE, 20018, "a body shorter than its announced length was cut off");
    if (s->framing == OUT_CHUNKED)
        rc = gather(s, PN_STR("0\r\n\r\n"));
    else
        rc = PN_OK;
    return rc == PN_OK ? flush_last(s) : rc;
}

pn_rc h1_send_response(struct h1_conn *c, struct pn_request *r)
{
    struct sender s = { .c = c, .r = r, .timeout = pn_core_server(r->server)->timeout };
    pn_str        head = PN_STR("");
    pn_rc         rc;

    if (PN_UNLIKELY(r->env != NULL) && (pn_env_get(r, "nokeepalive") || downgraded(r)))
        r->keep_alive = false;
    s.framing = choose_framing(r);
    s.left = s.framing == OUT_LENGTH ? (uint64_t)r->body->length : 0;
    r->sent_head = true;
    if (build_head(&s, &head) != PN_OK) {
        PN_LOG_R(r, PN_LOG_ERR, 20019, 0, "the answer's head is over %d bytes", HEAD_MAX);
        return PN_LIMIT;
    }
    if (PN_LIKELY(!r->assbackwards)) {
        s.iov[s.count++] = (struct iovec){ .iov_base = (void *)(uintptr_t)head.p, .iov_len = head.n };
        s.gathered = head.n;
    }
    rc = s.framing == OUT_NO_BODY ? flush_last(&s) : send_body(&s);
    r->ended = pn_loop_now(c->worker->loop);
    c->worker->bytes += r->bytes_out;
    if (rc != PN_OK) {
        r->body_broken = true;
        c->pub.aborted = rc == PN_CANCELLED || rc == PN_TIMEOUT;
    }
    return rc;
}
