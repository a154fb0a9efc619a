/* request_body.c - the request body as handlers see it: 100 Continue, LimitRequestBody, input filters. */
#define PN_LOG_MODULE &pn_module_core
#include <pinion/log.h>

#include <pinion/tls.h>

#include "http/request_core.h"

#define XML_BODY_MAX ((size_t)1 << 30) /* what LimitXMLRequestBody 0 stands for */

struct limited {
    struct pn_body  super;
    struct pn_body *below;
    uint64_t        max_bytes, seen_bytes; /* max 0: unlimited */
};

PN_MAY_YIELD static pn_rc limited_next(struct pn_body *body, struct pn_chunk *ret_chunk)
{
    struct limited    *self = PN_CONTAINER(body, struct limited, super);
    struct pn_request *r = body->r;

    if (r->expecting_100) {
        r->expecting_100 = false;
        pn_rc sent = r->core->protocol->send_continue(r);
        if (sent != PN_OK)
            return sent;
    }
    pn_rc rc = pn_body_next(self->below, ret_chunk);
    if (rc != PN_OK || !self->max_bytes)
        return rc;
    if (ret_chunk->bytes.n > self->max_bytes - self->seen_bytes) { /* cannot wrap: seen <= max */
        r->keep_alive = false;
        return pn_fail(r, 413, PN_LOG_MODULE, 1588, "the request body is larger than LimitRequestBody (%llu bytes)",
                       (unsigned long long)self->max_bytes);
    }
    self->seen_bytes += ret_chunk->bytes.n;
    return PN_OK;
}

static const struct pn_body_ops limited_ops = { .name = "REQUEST_BODY", .next = limited_next };

/* ---- a body that is kept ---- */

/* Hands on the body and keeps a copy; in the pool of the request that the client sent. */
struct pn_kept_body {
    struct pn_body  super;
    struct pn_body *below;
    struct pn_buf   bytes;
    bool            ended;
};

PN_MAY_YIELD static pn_rc kept_next(struct pn_body *body, struct pn_chunk *ret_chunk)
{
    struct pn_kept_body *self = PN_CONTAINER(body, struct pn_kept_body, super);
    pn_rc                rc = self->ended ? PN_EOF : pn_body_next(self->below, ret_chunk);

    self->ended = self->ended || rc == PN_EOF || (rc == PN_OK && ret_chunk->last);
    if (rc != PN_OK)
        return rc;
    pn_buf_str(&self->bytes, ret_chunk->bytes);
    if (!self->bytes.full)
        return PN_OK;
    return pn_fail(body->r, 413, PN_LOG_MODULE, 21220, "the request body is larger than KeptBodySize (%zu bytes)", self->bytes.max);
}

static const struct pn_body_ops kept_ops = { .name = "KEEP_BODY", .next = kept_next };

static struct pn_body *keep_body(struct pn_request *r, struct pn_body *below)
{
    struct pn_kept_body *self = apr_pcalloc(r->pool, sizeof(*self));

    self->super = (struct pn_body){ .ops = &kept_ops, .r = r, .length = below->length };
    self->below = pn_body_in_memory(r, below);
    pn_buf_init(&self->bytes, r->pool, r->core->keep_body_max);
    r->core->kept_body = self;
    return &self->super;
}

void pn_keep_request_body(struct pn_request *r, size_t max)
{
    if (!r->core->body_in)
        r->core->keep_body_max = max;
}

/* The request whose body r's is, if that is kept: a subrequest's is that of the page around it. */
static struct pn_request *keeper(const struct pn_request *r)
{
    struct pn_request *found = (struct pn_request *)(uintptr_t)r;

    while (!found->core->keep_body_max && (found->main || found->prev))
        found = found->main ? found->main : found->prev;
    return found->core->keep_body_max && found->core->framing != PN_FRAMING_NONE ? found : NULL;
}

bool pn_keeps_request_body(const struct pn_request *r)
{
    return keeper(r) != NULL;
}

/* For a subrequest: the body of the client's request, read to its end on the first pull if nobody did so before. */
struct replayed {
    struct pn_body       super;
    struct pn_body      *source;
    struct pn_kept_body *kept;
    bool                 given;
};

PN_MAY_YIELD static pn_rc replayed_next(struct pn_body *body, struct pn_chunk *ret_chunk)
{
    struct replayed *self = PN_CONTAINER(body, struct replayed, super);
    struct pn_chunk  chunk;
    pn_rc            rc = PN_OK;

    if (self->given)
        return PN_EOF;
    while (!self->kept->ended && rc == PN_OK) {
        chunk = (struct pn_chunk){ .fd = -1 };
        rc = pn_body_next(self->source, &chunk);
    }
    if (rc != PN_OK && rc != PN_EOF)
        return rc;
    self->given = true;
    if (self->kept->bytes.n == 0)
        return PN_EOF;
    *ret_chunk = (struct pn_chunk){ .kind = PN_CHUNK_BYTES, .bytes = pn_buf_view(&self->kept->bytes), .fd = -1, .stable = true,
                                    .last = true };
    return PN_OK;
}

static const struct pn_body_ops replayed_ops = { .name = "KEPT_BODY", .next = replayed_next };

static struct pn_body *replay_body(struct pn_request *r, struct pn_request *from)
{
    struct replayed *self = apr_pcalloc(r->pool, sizeof(*self));

    self->source = pn_request_body(from); /* makes the copy's place */
    self->kept = from->core->kept_body;
    self->super = (struct pn_body){ .ops = &replayed_ops, .r = r, .length = -1 };
    if (self->kept && self->kept->ended)
        self->super.length = (int64_t)self->kept->bytes.n;
    return self->kept ? &self->super : pn_body_empty(r);
}

/* ---- the body as handlers see it ---- */

bool pn_has_request_body(const struct pn_request *r)
{
    return r->core->framing != PN_FRAMING_NONE || (r->main && pn_keeps_request_body(r));
}

/* A derived request (subrequest, redirection) shares the body of the one that the client sent. */
static struct pn_request *owner_of_body(struct pn_request *r)
{
    while (r->prev && !r->main)
        r = r->prev;
    return r;
}

uint64_t pn_request_body_limit(const struct pn_request *r)
{
    int64_t limit = pn_core_dir(r->dir_conf)->limit_body;

    return limit > 0 ? (uint64_t)limit : 0;
}

size_t pn_xml_body_limit(const struct pn_request *r)
{
    int64_t limit = pn_core_dir(r->dir_conf)->limit_xml_body;

    return limit > 0 ? (size_t)limit : XML_BODY_MAX;
}

struct pn_body *pn_request_body(struct pn_request *r)
{
    struct pn_request *owner = owner_of_body(r);
    struct pn_request *kept = r->main ? keeper(r) : NULL;
    struct pn_body    *below;

    if (r->core->body_in)
        return r->core->body_in;
    if (owner->core->body_in)
        return r->core->body_in = owner->core->body_in;
    if (kept && kept != r)
        return r->core->body_in = replay_body(r, kept);
    below = r->main || !r->core->protocol ? NULL : r->core->protocol->body_in(owner);
    if (!below)
        return r->core->body_in = pn_body_empty(r);

    struct limited *self = apr_pcalloc(r->pool, sizeof(*self));
    self->super = (struct pn_body){ .ops = &limited_ops, .r = owner, .length = below->length };
    self->below = below;
    self->max_bytes = pn_request_body_limit(r);
    struct pn_body *body = &self->super;
    for (int i = 0; r->core->input_filters && i < r->core->input_filters->nelts; i++) {
        const struct pn_filter_use *use = &APR_ARRAY_IDX(r->core->input_filters, i, struct pn_filter_use);
        struct pn_body             *wrapped = use->filter->wrap(r, body, use->arg);
        body = wrapped ? wrapped : body;
    }
    if (r->core->keep_body_max)
        body = keep_body(r, body);
    owner->core->body_in = r->core->body_in = body;
    return body;
}

void pn_request_become(struct pn_request *r, pn_str method, pn_str type, pn_str body)
{
    if (!r->core->body_in_done)
        r->keep_alive = false; /* what is left of the old one is in the next request's way */
    r->method = method;
    r->method_id = pn_method_id(method);
    r->head_only = r->method_id == PN_METHOD_HEAD;
    pn_headers_unset(&r->in, PN_HDR_TRANSFER_ENCODING);
    pn_headers_unset(&r->in, PN_HDR_CONTENT_LENGTH);
    pn_headers_unset(&r->in, PN_HDR_CONTENT_TYPE);
    r->core->body_in = body.n ? pn_body_bytes(r, body) : pn_body_empty(r);
    r->core->framing = body.n ? PN_FRAMING_LENGTH : PN_FRAMING_NONE;
    r->core->content_length = body.n;
    if (!body.n && !type.n)
        return;
    pn_headers_set(&r->in, PN_HDR_CONTENT_TYPE, type);
    pn_headers_set(&r->in, PN_HDR_CONTENT_LENGTH, pn_str_printf(r->pool, "%zu", body.n));
}

int pn_request_body_status(const struct pn_request *r)
{
    const struct pn_request *owner = r;

    while (owner->prev && !owner->main)
        owner = owner->prev;
    return owner->core->reject_status ? owner->core->reject_status : 400;
}

void pn_watch_client(struct pn_request *r)
{
    if (r->core->protocol && r->core->protocol->watch)
        r->core->protocol->watch(r);
}

pn_rc pn_discard_request_body(struct pn_request *r)
{
    struct pn_chunk chunk;
    pn_rc           rc;

    if (!pn_has_request_body(r))
        return PN_OK;
    while ((rc = pn_body_next(pn_request_body(r), &chunk)) == PN_OK)
        ;
    return rc == PN_EOF ? PN_OK : rc;
}

pn_rc pn_buffer_request_body(struct pn_request *r, size_t max)
{
    struct pn_request *owner = owner_of_body(r);
    pn_str             all;
    pn_rc              rc;

    if (!pn_has_request_body(r))
        return PN_OK;
    rc = pn_body_read_all(pn_request_body(r), r->pool, max, &all);
    if (rc == PN_OK)
        owner->core->body_in = r->core->body_in = pn_body_bytes(r, all);
    return rc;
}
