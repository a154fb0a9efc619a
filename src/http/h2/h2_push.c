/* h2_push.c - answers that the client did not ask for: a promise on the stream of the request that they belong to, then a request
 * of our own making (RFC 9113 s8.4). */
#include <stdlib.h>

#include "http/h2/h2.h"

/* FNV-1a; what collides is not pushed, and asked for by the client. */
static uint64_t hash(pn_str a, pn_str b)
{
    uint64_t h = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < a.n; i++)
        h = (h ^ (unsigned char)a.p[i]) * UINT64_C(1099511628211);
    for (size_t i = 0; i < b.n; i++)
        h = (h ^ (unsigned char)b.p[i]) * UINT64_C(1099511628211);
    return h ? h : 1;
}

/* Enters it. @return false: it was there already. */
static bool enter(struct h2_session *s, uint64_t what)
{
    size_t size = (size_t)s->conf->diary;

    if (size == 0)
        return true;
    if (!s->diary)
        s->diary = calloc(size, sizeof(*s->diary));
    pn_assert(s->diary != NULL);
    for (size_t i = 0; i < size; i++)
        if (s->diary[i] == what)
            return false;
    s->diary[s->diary_n++ % size] = what;
    return true;
}

/* What the client says of itself holds for what it did not ask for, too. */
static const enum pn_hdr taken_over[] = { PN_HDR_ACCEPT, PN_HDR_ACCEPT_ENCODING, PN_HDR_ACCEPT_LANGUAGE, PN_HDR_CACHE_CONTROL,
                                          PN_HDR_USER_AGENT };

static bool pack(struct h2_stream *st, const struct pn_request *r, pn_str path)
{
    bool ok = h2_fields_add(st, &st->head, PN_STR(":method"), PN_STR("GET")) &&
              h2_fields_add(st, &st->head, PN_STR(":scheme"), r->conn->secure ? PN_STR("https") : PN_STR("http")) &&
              h2_fields_add(st, &st->head, PN_STR(":authority"), pn_headers_get(&r->in, PN_HDR_HOST)) &&
              h2_fields_add(st, &st->head, PN_STR(":path"), path);

    for (size_t i = 0; ok && i < PN_COUNT(taken_over); i++) {
        pn_str value = pn_headers_joined(&r->in, r->pool, taken_over[i]);
        if (value.p)
            ok = h2_fields_add(st, &st->head, pn_str_lower(r->pool, pn_hdr_name(taken_over[i])), value);
    }
    return ok;
}

static int promise(struct h2_stream *st, uint32_t on)
{
    nghttp2_nv v[4 + PN_COUNT(taken_over)];
    size_t     n = 0, at = 0;
    pn_str     name, value;

    while (n < PN_COUNT(v) && h2_fields_next(&st->head, &at, &name, &value))
        v[n++] = (nghttp2_nv){ .name = (uint8_t *)(uintptr_t)name.p, .namelen = name.n,
                               .value = (uint8_t *)(uintptr_t)value.p, .valuelen = value.n };
    return nghttp2_submit_push_promise(st->session->ng, NGHTTP2_FLAG_NONE, (int32_t)on, v, n, st);
}

pn_rc pn_http2_push(struct pn_request *r, pn_str path)
{
    struct pn_http2_stream here;
    struct h2_stream      *st;
    struct h2_session     *s;
    int                    id = -1;

    if (!pn_http2_stream_of(r, &here) || !here.push_enabled || here.pushed_on || r->sent_head)
        return PN_DECLINED;
    s = h2_stream_of(r)->session;
    if (s->lost || s->ending || s->draining || h2_stream_of(r)->gone || s->n_streams >= (unsigned)s->conf->max_streams ||
        !pn_headers_has(&r->in, PN_HDR_HOST) || !enter(s, hash(pn_headers_get(&r->in, PN_HDR_HOST), path)))
        return PN_DECLINED;
    st = h2_stream_new(s, 0);
    st->pushed_on = here.id;
    st->in_ended = true;
    if (pack(st, r, path))
        id = promise(st, here.id);
    if (id <= 0) {
        st->closed = st->gone = true; /* swept when the session next sends */
        h2_soon(s);
        return PN_DECLINED;
    }
    st->id = (uint32_t)id;
    h2_stream_begin(st);
    h2_soon(s);
    return PN_OK;
}

void h2_push_not_sent(struct h2_session *s, uint32_t id)
{
    for (struct h2_stream *st = s->streams; st; st = st->next)
        if (st->id == id && st->pushed_on && !st->closed)
            h2_stream_closed(st);
}
