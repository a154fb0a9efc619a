/* h2_upgrade.c - from HTTP/1.1 to HTTP/2 in the clear by Upgrade: h2c (RFC 7540 s3.2, which RFC 9113 dropped and Apache keeps).
 *
 * The request that asked becomes stream 1. One with a body is answered in HTTP/1.1: its body would have to be taken in before. */
#define PN_LOG_MODULE &pn_module_core
#include <pinion/log.h>

#include <apr_encode.h>

#include "http/h2/h2.h"

#define SETTINGS_TEXT_MAX 400 /* base64url: some 49 settings */

static const pn_str settings_name = PN_STR_INIT("HTTP2-Settings");

static bool offered(const struct h1_conn *c)
{
    const apr_array_header_t *protocols = pn_core_server(c->pub.base_server)->protocols;

    for (int i = 0; protocols && i < protocols->nelts; i++)
        if (pn_str_ieq(APR_ARRAY_IDX(protocols, i, pn_str), PN_STR("h2c")))
            return true;
    return false;
}

bool pn_http2_preferred(const struct pn_request *r)
{
    const apr_array_header_t *protocols = pn_core_server(r->conn->base_server)->protocols;

    return !r->conn->secure && protocols && protocols->nelts && pn_str_ieq(APR_ARRAY_IDX(protocols, 0, pn_str), PN_STR("h2c"));
}

bool h2_upgrade_wanted(struct h1_conn *c, const struct pn_request *r)
{
    const struct pn_http2 *http2;
    pn_str                 upgrade = pn_headers_joined(&r->in, r->pool, PN_HDR_UPGRADE), connection;

    if (PN_LIKELY(!upgrade.p) || c->pub.secure || r->version != 1001 || r->core->framing != PN_FRAMING_NONE)
        return false;
    connection = pn_headers_joined(&r->in, r->pool, PN_HDR_CONNECTION);
    http2 = pn_provider(c->pub.generation, PN_HTTP2_GROUP, PN_STR(PN_HTTP2_SETTINGS));
    return http2 && offered(c) && pn_header_has_token(upgrade, PN_STR("h2c")) && connection.p &&
           pn_header_has_token(connection, PN_STR("upgrade")) && pn_header_has_token(connection, settings_name) &&
           pn_headers_get_name(&r->in, settings_name).n && http2->upgrade(r);
}

/* The settings that the client begins with; n == 0 with p == NULL: they are none. */
static pn_str settings(const struct pn_request *r)
{
    pn_str      text = pn_headers_get_name(&r->in, settings_name);
    apr_size_t  n = 0;
    const void *bytes;

    if (text.n > SETTINGS_TEXT_MAX)
        return (pn_str){ NULL, 0 };
    bytes = apr_pdecode_base64_binary(r->pool, text.p, (apr_ssize_t)text.n, APR_ENCODE_NONE, &n);
    return bytes && n % 6 == 0 ? pn_str_n(bytes, n) : (pn_str){ NULL, 0 };
}

/* The request's fields as a stream's. */
static bool pack(struct h2_stream *st, const struct pn_request *r)
{
    bool ok = h2_fields_add(st, &st->head, PN_STR(":method"), r->method) &&
              h2_fields_add(st, &st->head, PN_STR(":scheme"), PN_STR("http")) &&
              h2_fields_add(st, &st->head, PN_STR(":path"), r->target);

    for (const struct pn_header *f = pn_headers_begin(&r->in); ok && f < pn_headers_end(&r->in); f++) {
        if (f->id == PN_HDR_CONNECTION || f->id == PN_HDR_UPGRADE || f->id == PN_HDR_KEEP_ALIVE || pn_str_ieq(f->name, settings_name))
            continue;
        ok = h2_fields_add(st, &st->head, f->name, f->value);
    }
    return ok;
}

bool h2_upgrade(struct h1_conn *c, struct pn_request *r)
{
    static char        line[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n";
    struct iovec       iov = { .iov_base = line, .iov_len = sizeof(line) - 1 };
    pn_str             payload = settings(r);
    uint64_t           sent = 0;
    struct h2_session *s;
    struct h2_stream  *st;

    if (!payload.p || pn_stream_send_all(&c->stream, &iov, 1, false, pn_core_server(r->server)->timeout, &sent) != PN_OK)
        return false;
    s = h2_session_new(c);
    if (!s)
        return false;
    st = h2_stream_new(s, 1);
    if (!pack(st, r) || nghttp2_session_upgrade2(s->ng, (const uint8_t *)payload.p, payload.n, r->head_only, NULL) != 0 ||
        nghttp2_session_set_stream_user_data(s->ng, 1, st) != 0) {
        h2_lose(s);
        return true;
    }
    c->pub.requests--; /* it is counted when it begins again */
    st->in_ended = true;
    h2_stream_begin(st);
    c->worker->undrained = true;
    if (c->in) {
        h2_feed(s, pn_str_n(c->in, c->in_n));
        h1_conn_keep_rest(c, c->in_n);
    }
    pn_job_queue(c->worker->loop, &s->input);
    h2_soon(s);
    return true;
}
