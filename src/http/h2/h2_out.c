/* h2_out.c - frames to the socket: gathered once for all streams of a connection, sent at once.
 *
 * Workload: many small answers of one turn leave in one system call; their heads and bodies are copied into the batch. Larger runs of
 * DATA are named where they lie. Nothing outlives the batch: what the socket does not take is copied, and only then are
 * the fibers woken that own the bytes.
 *
 * Sending runs in a fiber of its own, since log lines are made right before the last bytes leave (h1_send.c says why) and a line's
 * making may suspend. While it does, the streams of the batch stay as they are. */
#include <errno.h>
#include <stdlib.h>

#include "http/h2/h2.h"
#include "http/log_buffer.h"
#include "http/score.h"

#define BATCH_BYTES (40 * 1024)    /* own room: several heads, or the largest frame that is not DATA */
#define BATCH_IOVS 64
#define GATHER_BYTES (128 * 1024)
#define COPY_BYTES 2048            /* a run up to here is copied */

struct h2_batch {
    struct iovec iov[BATCH_IOVS];
    unsigned     count;
    size_t       gathered;         /* bytes in iov */
    size_t       n;                /* of room */
    char         room[BATCH_BYTES];
};

static const char zeros[256];

/* ---- gathering ---- */

static void name(struct h2_batch *b, const char *p, size_t n)
{
    struct iovec *last = b->count ? &b->iov[b->count - 1] : NULL;

    b->gathered += n;
    if (last && (const char *)last->iov_base + last->iov_len == p)
        last->iov_len += n;
    else
        b->iov[b->count++] = (struct iovec){ .iov_base = (void *)(uintptr_t)p, .iov_len = n };
}

static void copy(struct h2_batch *b, const void *p, size_t n)
{
    if (n == 0)
        return;
    memcpy(b->room + b->n, p, n);
    name(b, b->room + b->n, n);
    b->n += n;
}

/* Is there room for so much, and for some more iov entries? */
static bool has_room(const struct h2_batch *b, size_t n)
{
    return b->gathered < GATHER_BYTES && b->count + 4 <= BATCH_IOVS && n <= BATCH_BYTES - b->n;
}

ssize_t h2__send(nghttp2_session *ng, const uint8_t *data, size_t n, int flags, void *arg)
{
    struct h2_batch *b = ((struct h2_session *)arg)->batch;

    (void)ng, (void)flags;
    if (!has_room(b, n))
        return b->n ? NGHTTP2_ERR_WOULDBLOCK : NGHTTP2_ERR_CALLBACK_FAILURE;
    copy(b, data, n);
    return (ssize_t)n;
}

int h2__send_data(nghttp2_session *ng, nghttp2_frame *frame, const uint8_t *head, size_t n, nghttp2_data_source *source, void *arg)
{
    struct h2_session *s = arg;
    struct h2_stream  *st = source->ptr;
    struct h2_batch   *b = s->batch;
    size_t             pad = frame->data.padlen;

    (void)ng;
    if (!has_room(b, 9 + 256 + (n <= COPY_BYTES ? n : 0)))
        return NGHTTP2_ERR_WOULDBLOCK;
    copy(b, head, 9);
    if (pad) {
        char told = (char)(pad - 1);
        copy(b, &told, 1);
    }
    if (n <= COPY_BYTES)
        copy(b, st->out.p, n);
    else
        name(b, st->out.p, n);
    if (pad > 1)
        copy(b, zeros, pad - 1);
    st->out = pn_str_from(st->out, n);
    st->bytes_out += 9 + pad + n;
    st->in_batch = true;
    return 0;
}

static bool gather(struct h2_session *s)
{
    if (nghttp2_session_send(s->ng) != 0) {
        h2_lose(s);
        return false;
    }
    return s->batch->count != 0;
}

/* ---- log lines ---- */

struct early {
    struct pn_log_mark mark;
    uint64_t           jobs; /* of the loop: when they are more, a fiber has suspended */
    bool               any;
};

static void figures(struct h2_stream *st)
{
    st->r->bytes_out = st->bytes_out;
    st->r->bytes_in = st->bytes_in;
    st->r->ended = pn_loop_now(st->session->c->worker->loop);
}

/* The lines of all answers that end with this batch. */
PN_MAY_YIELD static void log_early(struct h2_session *s, struct early *early)
{
    struct pn_loop *loop = s->c->worker->loop;

    *early = (struct early){ .mark = pn_log_buffer_mark(), .jobs = pn_loop_stats(loop).jobs };
    for (struct h2_stream *st = s->streams; st; st = st->next) {
        if (!st->ending || !st->r || st->r->core->logged || !pn__remote_host_known(st->r))
            continue;
        figures(st);
        pn_pipeline_log(st->r);
        st->log_early = early->any = true;
    }
}

static void take_back(struct h2_session *s, const struct early *early)
{
    if (!early->any || pn_loop_stats(s->c->worker->loop).jobs != early->jobs)
        return;
    pn_log_buffer_take_back(early->mark);
    for (struct h2_stream *st = s->streams; st; st = st->next)
        if (st->log_early)
            st->r->core->logged = false;
}

/* ---- sending ---- */

/* The batch has left the program: what lies in it is its owners' again. */
static void give_back(struct h2_session *s, bool all_sent)
{
    for (struct h2_stream *st = s->streams; st; st = st->next) {
        if (st->in_batch && st->r && st->out.n == 0 && !st->ending)
            h2_wake(&st->out_waiter, PN_OK);
        if (st->ending && all_sent) {
            st->answered = true;
            st->ending = false;
            h2_wake(&st->out_waiter, PN_OK);
        }
        if (st->ending && st->r)
            pn__score_drain(st->r);
        st->in_batch = false;
        st->log_early = false;
        h2_wake(&st->batch_waiter, PN_OK);
    }
}

static void keep(struct h2_session *s, const struct iovec *iov, unsigned count)
{
    size_t n = 0;
    char  *to;

    for (unsigned i = 0; i < count; i++)
        n += iov[i].iov_len;
    s->left = to = malloc(n);
    pn_assert(to != NULL);
    s->left_n = n;
    s->left_at = 0;
    for (unsigned i = 0; i < count; i++) {
        memcpy(to, iov[i].iov_base, iov[i].iov_len);
        to += iov[i].iov_len;
    }
}

/* The socket's buffer is full: its room is told by the loop. */
static void wait_for_room(struct h2_session *s)
{
    struct h1_conn *c = s->c;

    if (errno != EAGAIN && errno != EWOULDBLOCK) {
        h2_lose(s);
        return;
    }
    c->stream.io.ready &= (uint8_t)~PN_IO_OUT;
    s->blocked = true;
    s->blocked_since = pn_loop_now(c->worker->loop);
    if (pn_io_register(c->worker->loop, &c->stream.io) != PN_OK)
        h2_lose(s);
}

/* @return true: nothing is left. */
static bool send_left(struct h2_session *s)
{
    while (s->left_at < s->left_n) {
        struct iovec iov = { .iov_base = s->left + s->left_at, .iov_len = s->left_n - s->left_at };
        ssize_t      n = s->c->stream.ops->send(&s->c->stream, &iov, 1, false);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            wait_for_room(s);
            return false;
        }
        s->left_at += (size_t)n;
        s->c->worker->bytes += (uint64_t)n;
    }
    free(s->left);
    s->left = NULL;
    s->left_n = s->left_at = 0;
    return true;
}

PN_MAY_YIELD static bool send_batch(struct h2_session *s)
{
    struct h2_batch *b = s->batch;
    struct iovec    *iov = b->iov;
    unsigned         count = b->count;
    struct early     early;
    uint64_t         sent = 0;

    log_early(s, &early);
    bool all = !s->lost && pn_stream_try(&s->c->stream, &iov, &count, false, &sent) == PN_OK;
    s->c->worker->bytes += sent;
    if (!all) {
        take_back(s, &early);
        if (!s->lost)
            keep(s, iov, count);
    }
    give_back(s, all);
    return all || (!s->lost && send_left(s));
}

/* @return true: go on. */
PN_MAY_YIELD static bool send_some(struct h2_session *s)
{
    bool sent;

    if (s->left) {
        if (s->blocked || !send_left(s))
            return false;
        give_back(s, true);
    }
    s->batch = malloc(sizeof(*s->batch));
    pn_assert(s->batch != NULL);
    s->batch->count = 0;
    s->batch->n = s->batch->gathered = 0;
    sent = gather(s) && send_batch(s);
    give_back(s, sent);
    free(s->batch);
    s->batch = NULL;
    return sent && !s->lost;
}

PN_MAY_YIELD static void flush(void *arg)
{
    struct h2_session *s = arg;

    s->flushing = true;
    do {
        s->again = false;
        while (!s->lost && send_some(s))
            ;
    } while (s->again && !s->lost && !s->blocked);
    s->flushing = false;
    h2_settle(s);
}

void h2_flush_job(struct pn_job *job)
{
    struct h2_session *s = PN_CONTAINER(job, struct h2_session, flush);

    if (s->flushing) {
        s->again = true;
        return;
    }
    if (pn_fiber_start(s->c->worker->loop, flush, s) != PN_OK) {
        h2_lose(s); /* no memory for a stack */
        h2_settle(s);
    }
}
