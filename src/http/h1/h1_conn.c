/* h1_conn.c - life of an HTTP/1 connection on the loop: accept, collect a head, idle, linger, close. */
#include "http/h1/h1_conn.h"

#include <errno.h>
#include <stdlib.h>

#include "http/h2/h2_conn.h"
#include "http/vhost.h"

#define SLAB_CONNS 128
#define SLAB_ONE 2                         /* of a worker that holds one at a time */
#define HEAD_MAX (256 * 1024)              /* whole head, whatever the directives add up to */
#define LINGER_USEC (2 * PN_USEC_PER_SEC)  /* between bytes of the peer, as Apache's MAX_SECS_TO_LINGER spirit */
#define LINGER_BYTES_PER_READ 16384

static pn_job_fn serve_job;
static pn_io_fn  on_io;
static pn_timer_fn on_timer;

/* ---- slab ---- */

static void add_slab(struct pn_worker *w)
{
    unsigned        n = w->one_connection ? SLAB_ONE : SLAB_CONNS;
    struct h1_conn *slab = calloc(n, sizeof(*slab));

    pn_assert(slab != NULL);
    *(char **)apr_array_push(w->slabs) = (char *)slab;
    for (unsigned i = 0; i < n; i++) {
        slab[i].state = H1_FREE;
        slab[i].next = w->free_conns;
        w->free_conns = &slab[i];
    }
}

static struct h1_conn *conn_new(struct pn_worker *w)
{
    if (!w->free_conns)
        add_slab(w);
    struct h1_conn *c = w->free_conns;
    w->free_conns = c->next;
    *c = (struct h1_conn){ .worker = w, .next = w->open, .link = &w->open };
    if (w->open)
        w->open->link = &c->next;
    w->open = c;
    w->conns++;
    return c;
}

static void conn_free(struct h1_conn *c)
{
    struct pn_worker *w = c->worker;

    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    w->lingering -= c->state == H1_LINGER;
    c->state = H1_FREE;
    c->next = w->free_conns;
    w->free_conns = c;
    if (--w->conns == 0 && w->draining && w->on_idle)
        w->on_idle(w);
}

/* ---- input buffer ---- */

static void drop_input(struct h1_conn *c)
{
    if (!c->in_arena)
        free(c->in);
    c->in = NULL;
    c->in_n = c->in_cap = 0;
    c->in_arena = false;
}

void h1_conn_keep_rest(struct h1_conn *c, size_t from)
{
    size_t rest = c->in_n - from;

    c->scan = (struct pn_h1_scan){ 0 };
    if (rest == 0) {
        drop_input(c);
        return;
    }
    if (c->in_arena) {
        char *own = malloc(rest);
        pn_assert(own != NULL);
        memcpy(own, c->in + from, rest);
        c->in = own;
        c->in_cap = (uint32_t)rest;
        c->in_arena = false;
    }
    else
        memmove(c->in, c->in + from, rest);
    c->in_n = (uint32_t)rest;
}

void h1_conn_give_input(struct h1_conn *c, pn_str bytes)
{
    c->in = malloc(bytes.n);
    pn_assert(c->in != NULL);
    memcpy(c->in, bytes.p, bytes.n);
    c->in_n = c->in_cap = (uint32_t)bytes.n;
    c->in_arena = false;
    c->scan = (struct pn_h1_scan){ 0 };
}

/* Makes room behind c->in_n in a buffer of the connection's own. */
static char *grow_input(struct h1_conn *c, size_t *ret_room)
{
    if (c->in_n == c->in_cap) {
        uint32_t cap = c->in_cap < 2048 ? 4096 : c->in_cap * 2;
        char    *in = realloc(c->in, cap);
        pn_assert(in != NULL);
        c->in = in;
        c->in_cap = cap;
    }
    *ret_room = c->in_cap - c->in_n;
    return c->in + c->in_n;
}

/* Room in the arena; NULL when it is full and this is no place to empty it (a fiber: its jobs wait behind us). */
static char *arena_room(struct pn_worker *w, size_t *ret_room)
{
    if (PN_ARENA_BYTES - w->arena_used < PN_RECEIVE_BYTES) {
        if (pn_fiber_this() || w->in_job)
            return NULL;
        pn_loop_run_received(w->loop); /* every head in the arena is taken by its request now */
        w->arena_used = 0;
    }
    *ret_room = PN_RECEIVE_BYTES;
    return w->arena + w->arena_used;
}

struct pn_h1_limits h1_limits(const struct h1_conn *c)
{
    const struct pn_core_server *conf = pn_core_server(c->pub.base_server);

    return (struct pn_h1_limits){
        .line_bytes = (size_t)conf->limit_line + 1, /* COMPAT: 2.4 takes one byte more than the directives say */
        .field_bytes = (size_t)conf->limit_field_size + 1,
        .fields = (unsigned)conf->limit_fields,
        .head_bytes = HEAD_MAX,
        .strict = conf->strict,
        .lenient_methods = conf->lenient_methods,
        .allow_0_9 = conf->allow_0_9,
    };
}

/* ---- collecting a head ---- */

static void queue_request(struct h1_conn *c)
{
    c->state = H1_QUEUED;
    c->idle = false;
    pn_job_queue(c->worker->loop, &c->job);
}

/* When the client must have sent more: Timeout after now, and RequestReadTimeout after the head's beginning. */
static void limit_head(struct h1_conn *c)
{
    const struct pn_core_server *conf = pn_core_server(c->pub.base_server);
    pn_usec                      until = pn_loop_now(c->worker->loop) + conf->timeout;
    pn_usec                      time = pn_read_limit_time(&conf->read_limits.header, c->in_n);

    if (time < PN_NEVER && c->head_begun + time < until)
        until = c->head_begun + time;
    pn_timer_set(c->worker->loop, &c->timer, until);
}

/* A part of a head has come. On a new connection its time is running already. */
static void head_goes_on(struct h1_conn *c)
{
    if (c->idle && c->pub.requests)
        c->head_begun = pn_loop_now(c->worker->loop);
    c->idle = false;
    limit_head(c);
}

/* What a client that knows of HTTP/2 begins with looks like a head of HTTP/1 (RFC 9113 s3.4). */
static bool is_h2_preface(const struct h1_conn *c)
{
    return pn_str_starts(pn_str_n(c->in, c->in_n), PN_STR("PRI * HTTP/2.0\r\n\r\n"));
}

/* Looks for the end of the head in what has been received. @return true when nothing more is to be read now. */
static bool examine(struct h1_conn *c)
{
    struct pn_h1_limits limits = h1_limits(c);
    enum pn_h1_fault    fault = PN_H1_FINE;
    size_t              end = 0;
    pn_rc               rc = pn_h1_find_end(&c->scan, pn_str_n(c->in, c->in_n), &limits, &end, &fault);

    if (rc == PN_AGAIN) {
        if (c->in_arena)
            h1_conn_keep_rest(c, 0);
        head_goes_on(c);
        return false;
    }
    if (PN_UNLIKELY(rc == PN_OK && c->pub.requests == 0 && is_h2_preface(c)) && h2_direct(c)) {
        h2_begin(c);
        return true;
    }
    c->fault = fault;
    c->head_end = rc == PN_OK ? (uint32_t)end : c->in_n;
    if (c->in_arena)
        c->worker->arena_used += (c->in_n + 15) & ~(size_t)15;
    queue_request(c);
    return true;
}

/* In the middle of a head it is told so: the peer may have closed its sending side only. */
static void peer_ended(struct h1_conn *c)
{
    if (!c->in || c->idle) {
        c->peer_ended = true;
        h1_conn_close(c);
        return;
    }
    c->fault = PN_H1_INCOMPLETE;
    c->head_end = c->in_n;
    queue_request(c);
}

static void receive_failed(struct h1_conn *c)
{
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
        h1_conn_close(c);
        return;
    }
    c->stream.io.ready &= (uint8_t)~PN_IO_IN;
    if (pn_io_register(c->worker->loop, &c->stream.io) != PN_OK)
        h1_conn_close(c);
}

void h1_conn_receive(struct h1_conn *c)
{
    for (;;) {
        size_t  room;
        char   *to = c->in ? NULL : arena_room(c->worker, &room);
        bool    fresh = to != NULL;
        if (!to)
            to = grow_input(c, &room);
        ssize_t n = c->stream.ops->recv(&c->stream, to, room);

        if (n <= 0) {
            if (n == 0)
                peer_ended(c);
            else if (errno != EINTR)
                receive_failed(c);
            else
                continue;
            return;
        }
        if (pn_fiber_this() || c->worker->in_job) /* in the run phase: the loop has drained the watch before these bytes came */
            c->worker->undrained = true;
        if (fresh) {
            c->in = to;
            c->in_arena = true;
        }
        c->in_n += (uint32_t)n;
        bool drained = (size_t)n < room && !(c->stream.io.ready & (PN_IO_HUP | PN_IO_RDHUP));
        if (drained)
            c->stream.io.ready &= (uint8_t)~PN_IO_IN;
        if (examine(c))
            return;
        if (drained && c->stream.io.registered)
            return;
    }
}

/* ---- serving ---- */

static void go_idle(struct h1_conn *c)
{
    pn_usec wait = pn_core_server(c->pub.base_server)->keep_alive_timeout;

    c->state = H1_READING;
    c->idle = true;
    c->fault = PN_H1_FINE;
    pn_timer_set(c->worker->loop, &c->timer, pn_loop_now(c->worker->loop) + wait);
    if (c->in) /* the beginning of the next head came with the last request */
        head_goes_on(c);
    if (!c->stream.io.registered) { /* what has come meanwhile is told by the registration itself */
        c->stream.io.ready &= (uint8_t)~PN_IO_IN;
        if (pn_io_register(c->worker->loop, &c->stream.io) != PN_OK)
            h1_conn_close(c);
        return;
    }
    if (c->stream.io.ready & (PN_IO_IN | PN_IO_HUP | PN_IO_RDHUP))
        h1_conn_receive(c);
}

/* Is another complete head in the buffer? */
static bool next_head(struct h1_conn *c)
{
    c->state = H1_READING;
    c->fault = PN_H1_FINE;
    if (!c->in)
        return false;
    struct pn_h1_limits limits = h1_limits(c);
    enum pn_h1_fault    fault = PN_H1_FINE;
    size_t              end = 0;
    pn_rc rc = pn_h1_find_end(&c->scan, pn_str_n(c->in, c->in_n), &limits, &end, &fault);
    if (rc == PN_AGAIN)
        return false;
    c->fault = fault;
    c->head_end = rc == PN_OK ? (uint32_t)end : c->in_n;
    return true;
}

/* As many requests are at work as may be: it waits, with its input out of the arena, which the turn's end empties. */
static void wait_for_slot(struct h1_conn *c)
{
    if (c->in_arena) {
        char *own = malloc(c->in_n);

        pn_assert(own != NULL);
        memcpy(own, c->in, c->in_n);
        c->in = own;
        c->in_cap = c->in_n;
        c->in_arena = false;
    }
    c->state = H1_QUEUED;
    c->called = true; /* when the job runs next */
    pn_slot_wait(c->worker, &c->job);
}

PN_MAY_YIELD static void serve(void *arg)
{
    struct h1_conn *c = arg;
    apr_pool_t     *pool = pn_fiber_pool(pn_fiber_this());
    bool            again, more = true;

    c->fiber = pn_fiber_this();
    do {
        c->state = H1_WORKING;
        c->watched = false;
        again = h1_serve_request(c, pool);
        apr_pool_clear(pool);
    } while (again && next_head(c) && (more = pn_slot_free(c->worker)));
    if (c->state == H1_HTTP2)
        return; /* its fibers are those of streams from here on */
    if (!more)
        wait_for_slot(c);
    else if (again)
        go_idle(c);
    else
        h1_conn_linger(c);
}

void h1_watch(struct pn_request *r)
{
    struct h1_conn *c = r->core->stream;

    c->watched = pn_io_register(c->worker->loop, &c->stream.io) == PN_OK;
}

static void serve_job(struct pn_job *job)
{
    struct h1_conn *c = PN_CONTAINER(job, struct h1_conn, job);

    if (c->called)
        pn_slot_taken(c->worker);
    else if (PN_UNLIKELY(!pn_slot_free(c->worker))) {
        wait_for_slot(c);
        return;
    }
    c->called = false;
    if (pn_fiber_start(c->worker->loop, serve, c) != PN_OK)
        h1_conn_close(c); /* no memory for a stack: the only way to say so is to close */
}

/* ---- the end ---- */

void h1_conn_close(struct h1_conn *c)
{
    struct pn_loop *loop = c->worker->loop;

    pn_timer_clear(loop, &c->timer);
    pn_job_cancel(loop, &c->job);
    if (c->h2)
        h2_conn_free(c);
    c->stream.ops->close(&c->stream);
    drop_input(c);
    pn_conn_release(&c->pub);
    conn_free(c);
}

/* Reads and drops. @return true when the connection is closed. */
static bool linger_read(struct h1_conn *c)
{
    char scratch[512];

    for (int i = 0; i < LINGER_BYTES_PER_READ / (int)sizeof(scratch); i++) {
        ssize_t n = c->stream.ops->recv(&c->stream, scratch, sizeof(scratch));
        if (n > 0)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            c->stream.io.ready &= (uint8_t)~PN_IO_IN;
            return false;
        }
        h1_conn_close(c);
        return true;
    }
    /* A peer that keeps sending gets a reset: it had its time. */
    h1_conn_close(c);
    return true;
}

void h1_conn_linger(struct h1_conn *c)
{
    bool nothing_unread = !c->in && !(c->stream.io.ready & PN_IO_IN) && c->client_closes && !c->unclean;

    if (c->pub.aborted || c->peer_ended || nothing_unread) {
        h1_conn_close(c);
        return;
    }
    drop_input(c);
    c->state = H1_LINGER;
    c->worker->lingering++;
    c->stream.ops->end(&c->stream);
    if (pn_io_register(c->worker->loop, &c->stream.io) != PN_OK) {
        h1_conn_close(c);
        return;
    }
    pn_timer_set(c->worker->loop, &c->timer, pn_loop_now(c->worker->loop) + LINGER_USEC);
    linger_read(c);
}

/* ---- events ---- */

static void on_io(struct pn_io *io, unsigned events)
{
    struct h1_conn *c = PN_CONTAINER(io, struct h1_conn, stream.io);

    if (c->worker->closing)
        return;
    switch (c->state) {
    case H1_PREFACE:
        h1_preface_go(c);
        break;
    case H1_HANDSHAKE:
        h1_tls_go(c);
        break;
    case H1_READING:
        h1_conn_receive(c);
        break;
    case H1_WORKING:
        if (c->watched && (events & PN_IO_HUP)) {
            c->pub.aborted = true;
            pn_fiber_cancel(c->fiber);
        }
        pn_io_waiter_ready(&c->stream.waiter, io, events);
        pn_io_waiter_ready(&c->stream.out_waiter, io, events);
        break;
    case H1_HTTP2:
        h2_conn_io(c, events);
        break;
    case H1_LINGER:
        linger_read(c);
        break;
    case H1_QUEUED: /* the ready bits are kept for the request */
    case H1_FREE:
        break;
    }
}

static void on_timer(struct pn_timer *timer)
{
    struct h1_conn *c = PN_CONTAINER(timer, struct h1_conn, timer);

    if (c->worker->closing)
        return;
    if (c->state == H1_HANDSHAKE) {
        h1_tls_timeout(c);
        return;
    }
    if (c->state == H1_HTTP2) {
        h2_conn_timeout(c);
        return;
    }
    if (c->state == H1_LINGER || c->state == H1_PREFACE || (c->state == H1_READING && c->idle)) {
        h1_conn_close(c);
        return;
    }
    if (c->state != H1_READING)
        return; /* left over from before the request: set anew when it ends */
    c->fault = PN_H1_TIMEOUT; /* a part of a head and then nothing: 408 */
    c->head_end = c->in_n;
    queue_request(c);
}

void h1_conn_begin(struct h1_conn *c)
{
    if (h1_other_wanted(c))
        return;
    c->state = H1_READING;
    c->idle = true;
    c->head_begun = pn_loop_now(c->worker->loop);
    limit_head(c);
    h1_conn_receive(c);
}

void h1_conn_start(struct h1_conn *c)
{
    if (h1_tls_wanted(c))
        h1_tls_go(c);
    else
        h1_conn_begin(c);
}

void pn_worker_accepted(struct pn_worker *w, int fd, const struct pn_addr *peer, const struct pn_listener *listener)
{
    struct h1_conn *c = conn_new(w);

    c->pub = (struct pn_conn){ .magic = PN_CONN_MAGIC, .id = ++w->next_conn_id, .peer = *peer, .listener = listener };
    pn_conn_begin(&c->pub, w->generation, fd);
    c->stream.ops = &pn_stream_plain;
    pn_io_prepare(&c->stream.io, fd, on_io);
    c->job.fn = serve_job;
    pn_timer_init(&c->timer, on_timer);
    if (h1_preface_wanted(c))
        h1_preface_go(c);
    else
        h1_conn_start(c);
}

/* An idle connection is closed at once when it has been asked before: a client that sends at this moment must see an answer,
 * so those that still may send get one more, with Connection: close. */
void pn_worker_drain(struct pn_worker *w, pn_usec grace)
{
    w->draining = true;
    for (struct h1_conn *c = w->open; c; c = c->next) {
        c->last_answer = true;
        if (c->state == H1_HTTP2)
            h2_conn_drain(c, grace);
        if (c->state == H1_PREFACE || (c->state == H1_READING && c->idle))
            pn_timer_set(w->loop, &c->timer, pn_loop_now(w->loop) + grace);
    }
    if (w->conns == 0 && w->on_idle)
        w->on_idle(w);
}

void pn__worker_close_conns(struct pn_worker *w)
{
    w->on_idle = NULL; /* the loop is over: nobody is to be told */
    while (w->open)
        h1_conn_close(w->open);
}
