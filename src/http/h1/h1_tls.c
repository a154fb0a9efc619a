/* h1_tls.c - a connection's handshake, before it speaks HTTP: step by step on the loop, without a fiber.
 *
 * A step that holds private-key work goes to a thread of the offload pool when other connections would wait for it. While it
 * is there (c->away) nobody touches the stream: events are kept in its ready bits, and an end of the connection waits. */
#include <stdlib.h>

#include "http/h1/h1_conn.h"
#include "http/protocols.h"
#include "net/listener.h"
#include "net/stream_tls.h"
#include "rt/offload.h"

/* A step on its way. */
struct away {
    struct pn_offload_work work;
    struct h1_conn        *c;
    pn_rc                  rc;
    unsigned long          error;
};

struct pn_conn *pn_tls_conn(const struct ssl_st *ssl)
{
    return pn_stream_tls_conn(ssl);
}

/* ---- the end ---- */

/* The alert that says why may still be on its way: nothing is closed over its head. */
static void failed(struct h1_conn *c, enum pn_tls_end how, unsigned long error)
{
    c->worker->tls->ended(&c->pub, c->pub.tls, how, error);
    c->pub.tls = NULL;
    pn_stream_tls_forget(&c->stream);
    c->unclean = true;
    if (how == PN_TLS_REFUSED)
        h1_conn_linger(c);
    else
        h1_conn_close(c);
}

static void established(struct h1_conn *c)
{
    const struct pn_conn_protocol *protocol;

    pn_stream_tls_settled(&c->stream);
    c->pub.secure = true;
    if (!c->worker->tls->ended(&c->pub, c->pub.tls, PN_TLS_ESTABLISHED, 0)) {
        c->unclean = true;
        h1_conn_linger(c);
        return;
    }
    protocol = pn_protocol_find(pn_stream_tls_protocol(&c->stream));
    if (protocol && protocol->begin) {
        pn_timer_clear(c->worker->loop, &c->timer);
        protocol->begin(c);
    }
    else
        h1_conn_begin(c);
}

static void speaks_plain_http(struct h1_conn *c)
{
    c->worker->tls->ended(&c->pub, c->pub.tls, PN_TLS_PLAIN_HTTP, 0);
    c->pub.tls = NULL;
    pn_stream_tls_forget(&c->stream);
    c->plain_http = true;
    h1_conn_begin(c);
}

/* ---- steps ---- */

static bool worth_a_thread(const struct h1_conn *c, enum pn_tls_cost cost)
{
    const struct pn_worker *w = c->worker;

    return cost == PN_TLS_BLOCKS || (cost == PN_TLS_COSTLY && w->conns > w->lingering + 1 && pn_stream_tls_hard(&c->stream));
}

/* @return true: go on with the next step at once. */
static bool after_step(struct h1_conn *c, pn_rc rc, unsigned long error)
{
    if (c->doomed) {
        failed(c, PN_TLS_TIMED_OUT, 0);
        return false;
    }
    switch (rc) {
    case PN_OK: established(c); return false;
    case PN_AGAIN: break;
    case PN_BAD: failed(c, PN_TLS_REFUSED, error); return false;
    default: failed(c, PN_TLS_BROKEN_OFF, error); return false;
    }
    if (pn_stream_tls_wants_room(&c->stream))
        c->stream.io.ready &= (uint8_t)~PN_IO_OUT;
    else if (c->stream.io.registered && (c->stream.io.ready & PN_IO_IN)) /* came while the step was away */
        return true;
    if (pn_io_register(c->worker->loop, &c->stream.io) != PN_OK)
        failed(c, PN_TLS_BROKEN_OFF, 0);
    return false;
}

static void step_away(void *arg)
{
    struct away *away = arg;

    away->rc = pn_stream_tls_step(&away->c->stream, &away->error);
}

static void step_back(struct pn_job *job)
{
    struct away      *away = PN_CONTAINER(job, struct away, work.done);
    struct h1_conn   *c = away->c;
    struct pn_worker *w = c->worker;
    pn_rc             rc = away->rc;
    unsigned long     error = away->error;

    free(away);
    c->away = false;
    w->away--;
    if (w->closing)
        return;
    w->in_job = true;
    if (after_step(c, rc, error))
        h1_tls_go(c);
    w->in_job = false;
}

static bool send_away(struct h1_conn *c)
{
    struct away *away = malloc(sizeof(*away));

    if (!away)
        return false;
    away->c = c;
    if (pn_offload_submit(c->worker->loop, &away->work, step_away, away, step_back) != PN_OK) {
        free(away);
        return false;
    }
    c->away = true;
    c->worker->away++;
    return true;
}

/* What the client begins with. @return true: TLS, as far as can be seen. */
static bool begins_well(struct h1_conn *c)
{
    switch (pn_stream_tls_sniff(&c->stream)) {
    case PN_OK:
        c->sniffed = true;
        return true;
    case PN_DECLINED: speaks_plain_http(c); return false;
    case PN_AGAIN:
        c->stream.io.ready &= (uint8_t)~PN_IO_IN;
        if (pn_io_register(c->worker->loop, &c->stream.io) == PN_OK)
            return false;
        break;
    default: break;
    }
    failed(c, PN_TLS_BROKEN_OFF, 0);
    return false;
}

void h1_tls_go(struct h1_conn *c)
{
    enum pn_tls_cost cost;
    pn_rc            rc;
    unsigned long    error;

    if (c->away)
        return;
    if (!c->stream.secure) {
        h1_conn_close(c);
        return;
    }
    do {
        if (!c->sniffed && !begins_well(c))
            return;
        c->stream.io.ready &= (uint8_t)~PN_IO_IN; /* what comes from here on is told anew */
        cost = c->worker->tls->cost(c->pub.tls);
        if (worth_a_thread(c, cost)) {
            if (send_away(c))
                return;
            if (cost == PN_TLS_BLOCKS) { /* no thread is to be had, and the loop must not wait for others */
                failed(c, PN_TLS_BROKEN_OFF, 0);
                return;
            }
        }
        rc = pn_stream_tls_step(&c->stream, &error);
    } while (after_step(c, rc, error));
}

void h1_tls_timeout(struct h1_conn *c)
{
    c->doomed = true;
    if (!c->away)
        failed(c, PN_TLS_TIMED_OUT, 0);
}

bool h1_tls_wanted(struct h1_conn *c)
{
    const struct pn_tls_server  *tls = c->worker->tls;
    const struct pn_core_server *conf = pn_core_server(c->pub.base_server);
    struct ssl_ctx_st           *context;
    pn_usec                      limit;

    if (!tls)
        return false;
    context = tls->context(&c->pub, pn_str_eq(c->pub.listener->protocol, PN_STR("https")));
    if (!context)
        return false;
    c->state = H1_HANDSHAKE;
    if (!pn_stream_tls_begin(&c->stream, context, &c->pub))
        return true; /* h1_tls_go closes it: what is to be secret is not said in the clear */
    c->pub.tls = pn_stream_tls_session(&c->stream);
    tls->begin(&c->pub, c->pub.tls);
    limit = pn_read_limit_time(&conf->read_limits.handshake, 0);
    pn_timer_set(c->worker->loop, &c->timer, pn_loop_now(c->worker->loop) + (limit < conf->timeout ? limit : conf->timeout));
    return true;
}

pn_rc pn_tls_ask_client(struct pn_request *r)
{
    struct h1_conn *c = r->core->stream;

    if (r->core->protocol != &h1_protocol) /* RFC 9113 s9.2.3: HTTP/2 has no place for it */
        return PN_BAD;
    return pn_stream_tls_ask(&c->stream, pn_core_server(r->server)->timeout);
}
