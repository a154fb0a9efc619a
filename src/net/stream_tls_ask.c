/* stream_tls_ask.c - a client is asked for its certificate in the middle of a session: by a new handshake in TLS 1.2, by a
 * request of its own in TLS 1.3. In the fiber of a request; the arithmetic is done on the offload pool. See stream_tls.h. */
#include "net/stream_tls_internal.h"

#include <openssl/err.h>

#include "rt/offload.h"

/* The client's Finished is the last that it sends in either form of such a handshake. */
static void watch_message(int sent, int version, int type, const void *bytes, size_t n, SSL *ssl, void *arg)
{
    struct tls *tls = arg;

    (void)version, (void)ssl;
    if (!sent && type == SSL3_RT_HANDSHAKE && n > 0 && *(const unsigned char *)bytes == SSL3_MT_FINISHED)
        tls->answered = true;
}

static bool ask(struct tls *tls)
{
    ERR_clear_error();
    if (SSL_version(tls->ssl) >= TLS1_3_VERSION) {
        if (SSL_verify_client_post_handshake(tls->ssl) != 1)
            return false;
    }
    else if (SSL_renegotiate(tls->ssl) != 1)
        return false;
    return SSL_do_handshake(tls->ssl) == 1;
}

struct look { struct tls *tls; int result; bool data; };

/* Off the loop: certificates are verified in here. */
static void take_a_look(void *arg)
{
    struct look *look = arg;
    char         byte;

    ERR_clear_error();
    look->result = SSL_peek(look->tls->ssl, &byte, 1);
    look->data = look->result > 0;
    look->result = look->data ? SSL_ERROR_NONE : SSL_get_error(look->tls->ssl, look->result);
    ERR_clear_error();
}

PN_MAY_YIELD static pn_rc wait_for(struct tls *tls, enum pn_io_event event, pn_usec deadline)
{
    struct pn_stream *stream = tls->stream;

    if (pn_io_register(pn_loop_this(), &stream->io) != PN_OK)
        return PN_CANCELLED;
    return pn_fiber_wait_io(&stream->io, event == PN_IO_OUT ? &stream->out_waiter : &stream->waiter, event, deadline);
}

PN_MAY_YIELD static pn_rc flush_all(struct tls *tls, pn_usec deadline)
{
    pn_rc rc;

    while ((rc = pn__tls_flush(tls)) == PN_AGAIN) {
        tls->stream->io.ready &= (uint8_t)~PN_IO_OUT;
        rc = wait_for(tls, PN_IO_OUT, deadline);
        if (rc != PN_OK)
            return rc;
    }
    return rc;
}

PN_MAY_YIELD static pn_rc await_answer(struct tls *tls, pn_usec deadline)
{
    struct look look = { .tls = tls };
    pn_rc       rc;

    for (;;) {
        tls->stream->io.ready &= (uint8_t)~PN_IO_IN; /* before the look: what comes during it is told anew */
        if (pn_offload(take_a_look, &look) != PN_OK)
            take_a_look(&look);
        if ((rc = flush_all(tls, deadline)) != PN_OK)
            return rc;
        if (tls->answered && SSL_is_init_finished(tls->ssl) && look.result != SSL_ERROR_SSL)
            return PN_OK;
        if (look.data)
            return PN_BAD; /* data in place of an answer: what is behind it cannot be reached without taking it */
        if (look.result != SSL_ERROR_WANT_READ) {
            tls->broken = true;
            return tls->eof ? PN_CANCELLED : PN_BAD;
        }
        if ((rc = wait_for(tls, PN_IO_IN, deadline)) != PN_OK)
            return rc;
    }
}

pn_rc pn_stream_tls_ask(struct pn_stream *stream, pn_usec timeout)
{
    struct tls *tls = pn__tls_of(stream);
    pn_usec     deadline = pn_loop_now(pn_loop_this()) + timeout;
    pn_rc       rc;

    tls->answered = false;
    SSL_set_msg_callback(tls->ssl, watch_message);
    SSL_set_msg_callback_arg(tls->ssl, tls);
    if (!ask(tls)) {
        ERR_clear_error();
        rc = flush_all(tls, deadline) == PN_OK ? PN_BAD : PN_CANCELLED;
    }
    else {
        rc = flush_all(tls, deadline);
        tls->shaking = true;
        if (rc == PN_OK)
            rc = await_answer(tls, deadline);
        tls->shaking = false;
        stream->io.ready |= PN_IO_IN;
    }
    SSL_set_msg_callback(tls->ssl, NULL);
    return rc;
}
