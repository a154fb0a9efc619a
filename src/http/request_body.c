/* request_body.c - the request body as handlers see it: 100 Continue, LimitRequestBody, input filters. */
#define PN_LOG_MODULE &pn_module_core
#include <pinion/log.h>

#include "http/request_core.h"

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

bool pn_has_request_body(const struct pn_request *r)
{
    return r->core->framing != PN_FRAMING_NONE;
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

struct pn_body *pn_request_body(struct pn_request *r)
{
    struct pn_request *owner = owner_of_body(r);
    struct pn_body    *below;

    if (r->core->body_in)
        return r->core->body_in;
    if (owner->core->body_in)
        return r->core->body_in = owner->core->body_in;
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
    owner->core->body_in = r->core->body_in = body;
    return body;
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
