/* body.c - the plain sources: nothing, bytes, a run of a file, several after one another. */
#include <pinion/buf.h>
#include <pinion/request.h>

#include "http/request_core.h"

static pn_rc empty_next(struct pn_body *body, struct pn_chunk *ret_chunk)
{
    (void)body, (void)ret_chunk;
    return PN_EOF;
}

static const struct pn_body_ops empty_ops = { .name = "EMPTY", .next = empty_next };

struct pn_body *pn_body_empty(struct pn_request *r)
{
    struct pn_body *body = apr_palloc(r->pool, sizeof(*body));

    *body = (struct pn_body){ .ops = &empty_ops, .r = r, .length = 0 };
    return body;
}

/* Bytes or a run of a file: one chunk, then the end. */
struct single {
    struct pn_body  super;
    struct pn_chunk chunk;
    bool            given;
};

static pn_rc single_next(struct pn_body *body, struct pn_chunk *ret_chunk)
{
    struct single *self = PN_CONTAINER(body, struct single, super);

    if (self->given)
        return PN_EOF;
    self->given = true;
    *ret_chunk = self->chunk;
    return PN_OK;
}

static const struct pn_body_ops bytes_ops = { .name = "BYTES", .next = single_next };
static const struct pn_body_ops file_ops = { .name = "FILE", .next = single_next };

struct pn_body *pn_body_bytes(struct pn_request *r, pn_str bytes)
{
    struct single *self;

    if (bytes.n == 0)
        return pn_body_empty(r);
    self = apr_palloc(r->pool, sizeof(*self));
    *self = (struct single){
        .super = { .ops = &bytes_ops, .r = r, .length = (int64_t)bytes.n },
        .chunk = { .kind = PN_CHUNK_BYTES, .stable = true, .last = true, .bytes = bytes, .fd = -1 },
    };
    return &self->super;
}

struct pn_body *pn_body_file(struct pn_request *r, int fd, uint64_t offset, uint64_t n)
{
    struct single *self;

    if (n == 0)
        return pn_body_empty(r);
    self = apr_palloc(r->pool, sizeof(*self));
    *self = (struct single){
        .super = { .ops = &file_ops, .r = r, .length = (int64_t)n },
        .chunk = { .kind = PN_CHUNK_FILE, .stable = true, .last = true, .fd = fd, .offset = offset, .n = n },
    };
    return &self->super;
}

struct concat {
    struct pn_body   super;
    struct pn_body **parts;
    size_t           count, at;
};

PN_MAY_YIELD static pn_rc concat_next(struct pn_body *body, struct pn_chunk *ret_chunk)
{
    struct concat *self = PN_CONTAINER(body, struct concat, super);

    while (self->at < self->count) {
        pn_rc rc = pn_body_next(self->parts[self->at], ret_chunk);
        if (rc == PN_EOF) {
            self->at++;
            continue;
        }
        if (rc == PN_OK)
            ret_chunk->last = ret_chunk->last && self->at + 1 == self->count;
        return rc;
    }
    return PN_EOF;
}

static void concat_close(struct pn_body *body)
{
    struct concat *self = PN_CONTAINER(body, struct concat, super);

    for (size_t i = 0; i < self->count; i++)
        pn_body_close(self->parts[i]);
}

static const struct pn_body_ops concat_ops = { .name = "CONCAT", .next = concat_next, .close = concat_close };

struct pn_body *pn_body_concat(struct pn_request *r, struct pn_body *const *parts, size_t count)
{
    struct concat *self = apr_palloc(r->pool, sizeof(*self));
    int64_t        length = 0;

    for (size_t i = 0; i < count && length >= 0; i++)
        length = parts[i]->length < 0 ? -1 : length + parts[i]->length;
    *self = (struct concat){
        .super = { .ops = &concat_ops, .r = r, .length = length },
        .parts = apr_pmemdup(r->pool, parts, count * sizeof(*parts)),
        .count = count,
    };
    return &self->super;
}

/* A body whose first chunk was pulled already: handed out again, then the rest. */
struct resumed {
    struct pn_body  super;
    struct pn_chunk first;
    struct pn_body *rest;
    bool            given;
};

PN_MAY_YIELD static pn_rc resumed_next(struct pn_body *body, struct pn_chunk *ret_chunk)
{
    struct resumed *self = PN_CONTAINER(body, struct resumed, super);

    if (self->given)
        return self->first.last ? PN_EOF : pn_body_next(self->rest, ret_chunk);
    self->given = true;
    *ret_chunk = self->first;
    return PN_OK;
}

static void resumed_close(struct pn_body *body)
{
    pn_body_close(PN_CONTAINER(body, struct resumed, super)->rest);
}

static const struct pn_body_ops resumed_ops = { .name = "RESUMED", .next = resumed_next, .close = resumed_close };

struct pn_body *pn__body_resumed(struct pn_request *r, const struct pn_chunk *first, struct pn_body *rest)
{
    struct resumed *self = apr_palloc(r->pool, sizeof(*self));
    int64_t         n = (int64_t)(first->kind == PN_CHUNK_FILE ? first->n : first->bytes.n);

    *self = (struct resumed){
        .super = { .ops = &resumed_ops, .r = r, .length = first->last ? n : rest->length },
        .first = *first,
        .rest = rest,
    };
    return &self->super;
}

struct failing { struct pn_body super; pn_rc rc; };

static pn_rc failing_next(struct pn_body *body, struct pn_chunk *ret_chunk)
{
    (void)ret_chunk;
    return PN_CONTAINER(body, struct failing, super)->rc;
}

static const struct pn_body_ops failing_ops = { .name = "FAILING", .next = failing_next };

struct pn_body *pn__body_failing(struct pn_request *r, pn_rc rc)
{
    struct failing *self = apr_palloc(r->pool, sizeof(*self));

    *self = (struct failing){ .super = { .ops = &failing_ops, .r = r, .length = -1 }, .rc = rc };
    return &self->super;
}

pn_rc pn_body_read_all(struct pn_body *body, apr_pool_t *pool, size_t max, pn_str *ret)
{
    struct pn_body  *plain = pn_body_in_memory(body->r, body);
    struct pn_buf    all;
    struct pn_chunk  chunk;
    pn_rc            rc;

    pn_buf_init(&all, pool, max);
    while ((rc = pn_body_next(plain, &chunk)) == PN_OK)
        pn_buf_str(&all, chunk.bytes);
    if (rc != PN_EOF)
        return rc;
    return pn_buf_done(&all, ret);
}
