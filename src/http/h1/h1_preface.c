/* h1_preface.c - what a peer sends before everything else on a connection: read for the module that wants it (pinion/hooks.h).
 *
 * The bytes are looked at in the socket and taken out when all of them are there, so what follows, be it TLS or HTTP, begins
 * with an untouched stream. A connection without a preface costs one question when it is accepted. */
#include <errno.h>
#include <sys/socket.h>

#include "conf/hooks.h"
#include "http/h1/h1_conn.h"

/* Unread bytes that are dropped when a connection is refused, so that the peer sees its end and not a reset. */
#define DROPPED_READS 16

/* Only between two calls of the loop: nothing suspends meanwhile. */
static _Thread_local char peeked[PN_PREFACE_MAX];

bool h1_preface_wanted(struct h1_conn *c)
{
    if (PN_LIKELY(!pn_preface_of(&c->pub, c->pub.generation)))
        return false;
    c->state = H1_PREFACE;
    pn_timer_set(c->worker->loop, &c->timer,
                 pn_loop_now(c->worker->loop) + pn_core_server(c->pub.base_server)->timeout);
    return true;
}

static void refuse(struct h1_conn *c)
{
    for (int i = 0; i < DROPPED_READS && recv(c->stream.io.fd, peeked, sizeof(peeked), 0) > 0; i++)
        continue;
    h1_conn_close(c);
}

static void wait_for_more(struct h1_conn *c)
{
    c->stream.io.ready &= (uint8_t)~PN_IO_IN;
    if (pn_io_register(c->worker->loop, &c->stream.io) != PN_OK)
        h1_conn_close(c);
}

/* @return bytes that lie in the socket; <= 0 when there is nothing to be done with this connection now. */
static ssize_t look(struct h1_conn *c)
{
    ssize_t n;

    do
        n = recv(c->stream.io.fd, peeked, sizeof(peeked), MSG_PEEK);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        wait_for_more(c);
    else if (n <= 0)
        h1_conn_close(c);
    return n;
}

void h1_preface_go(struct h1_conn *c)
{
    const struct pn_preface *preface = pn_preface_of(&c->pub, c->pub.generation);
    bool                     ended = c->stream.io.ready & (PN_IO_HUP | PN_IO_RDHUP);
    ssize_t                  n = look(c);
    size_t                   used = 0;

    if (n <= 0)
        return;
    pn_rc rc = preface->read(&c->pub, pn_str_n(peeked, (size_t)n), &used);
    if (rc == PN_AGAIN && n < (ssize_t)sizeof(peeked) && !ended) {
        wait_for_more(c);
        return;
    }
    if (rc != PN_OK || (used && recv(c->stream.io.fd, peeked, used, 0) != (ssize_t)used)) {
        refuse(c);
        return;
    }
    h1_conn_start(c);
}
