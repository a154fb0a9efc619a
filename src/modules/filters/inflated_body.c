/* inflated_body.c - bodies in gzip form uncompressed on the way (inflated_body.h). RFC 1952.
 *
 * A request body is watched for bombs: its size, and how many times larger than the bytes received it becomes. */
#define PN_LOG_MODULE &pn_module_deflate
#include <pinion/log.h>

#include <zlib.h>

#include "inflated_body.h"

#define GZIP_WRAPPER 16
#define GZIP_MAGIC 0x1f

extern struct pn_module pn_module_deflate;

struct inflated {
    struct pn_body               super;
    struct pn_body              *below; /* hands out bytes, not files */
    const struct inflate_limits *limits;
    z_stream                     z;
    bool                         open, full, below_ended, between_members, begun, flush, ended;
    bool                         over; /* what follows is no member: dropped, however it is cut into chunks */
    char                        *out;
    size_t                       cap;
    pn_str                       in;
    uint64_t                     max_bytes, in_bytes, out_bytes; /* max 0: none */
    int64_t                      over_ratio;
};

/* ---- Content-Encoding ---- */

/* @return false when gzip is not the last coding of the list, else the list without it. */
static bool take_last(struct pn_request *r, pn_str list, pn_str *ret_rest)
{
    size_t comma = pn_str_rchr(list, ',');
    pn_str last = pn_str_trim(comma == SIZE_MAX ? list : pn_str_from(list, comma + 1));

    if (!pn_str_ieq(last, PN_STR("gzip")) && !pn_str_ieq(last, PN_STR("x-gzip")))
        return false;
    *ret_rest = pn_str_dup(r->pool, pn_str_trim(pn_str_head(list, comma == SIZE_MAX ? 0 : comma)));
    return true;
}

static bool take_from(struct pn_request *r, struct pn_headers *fields)
{
    pn_str list = pn_headers_joined(fields, r->pool, PN_HDR_CONTENT_ENCODING), rest;

    if (!list.p || !take_last(r, list, &rest))
        return false;
    if (rest.n)
        pn_headers_set(fields, PN_HDR_CONTENT_ENCODING, rest);
    else
        pn_headers_unset(fields, PN_HDR_CONTENT_ENCODING);
    return true;
}

bool inflated_take_coding(struct pn_request *r)
{
    pn_str rest;
    bool   taken = take_from(r, &r->err_out) || take_from(r, &r->out);

    if (r->content_encoding.n && take_last(r, r->content_encoding, &rest)) {
        r->content_encoding = rest;
        taken = true;
    }
    return taken;
}

bool inflated_take_request_coding(struct pn_request *r)
{
    if (!take_from(r, &r->in))
        return false;
    pn_headers_unset(&r->in, PN_HDR_CONTENT_LENGTH);
    pn_headers_unset(&r->in, PN_HDR_CONTENT_MD5);
    return true;
}

/* ---- the body ---- */

static pn_rc broken(struct inflated *self, const char *why)
{
    return pn_fail(self->super.r, self->limits ? 400 : 502, PN_LOG_MODULE, 1390, "gzip content is broken: %s", why);
}

static pn_rc check_limits(struct inflated *self)
{
    const struct inflate_limits *limits = self->limits;

    if (!limits)
        return PN_OK;
    if (self->max_bytes && self->out_bytes > self->max_bytes)
        return pn_fail(self->super.r, 413, PN_LOG_MODULE, 2648, "Inflated content length of %llu is larger than the configured "
                       "limit of %llu", (unsigned long long)self->out_bytes, (unsigned long long)self->max_bytes);
    if (self->out_bytes / (uint64_t)limits->ratio <= self->in_bytes || ++self->over_ratio < limits->burst)
        return PN_OK;
    return pn_fail(self->super.r, 400, PN_LOG_MODULE, 2649, "Inflated content ratio is larger than the configured limit %lld by "
                   "%lld time(s)", (long long)limits->ratio, (long long)self->over_ratio);
}

/* Brings input. @return PN_OK, also at the end of the body below, or its error. */
PN_MAY_YIELD static pn_rc pull(struct inflated *self)
{
    struct pn_chunk chunk = { .fd = -1 };
    pn_rc           rc = pn_body_next(self->below, &chunk);

    if (rc == PN_EOF) {
        self->below_ended = true;
        return PN_OK;
    }
    if (rc != PN_OK)
        return rc;
    self->in = chunk.bytes;
    self->below_ended = chunk.last;
    self->flush = chunk.flush;
    return PN_OK;
}

/* Between two members: another one follows, or bytes that nobody asked for. */
static pn_rc next_member(struct inflated *self)
{
    self->over = self->over || (unsigned char)self->in.p[0] != GZIP_MAGIC;
    if (self->over) {
        self->in.n = 0;
        return PN_AGAIN;
    }
    self->between_members = false;
    return inflateReset(&self->z) == Z_OK ? PN_OK : broken(self, "no state");
}

/* Some output of the input at hand. @return PN_OK with ret->n bytes, which may be none. */
static pn_rc inflate_some(struct inflated *self, pn_str *ret)
{
    z_stream *z = &self->z;

    *ret = pn_str_n(self->out, 0);
    if (self->between_members) {
        pn_rc rc = next_member(self);
        if (rc != PN_OK)
            return rc == PN_AGAIN ? PN_OK : rc;
    }
    self->begun = true;
    z->next_in = (Bytef *)(uintptr_t)self->in.p;
    z->avail_in = (uInt)self->in.n;
    z->next_out = (Bytef *)self->out;
    z->avail_out = (uInt)self->cap;
    int result = inflate(z, Z_SYNC_FLUSH);
    self->in_bytes += self->in.n - z->avail_in;
    self->in = pn_str_from(self->in, self->in.n - z->avail_in);
    self->full = z->avail_out == 0;
    ret->n = self->cap - z->avail_out;
    self->out_bytes += ret->n;
    if (result == Z_STREAM_END) {
        self->between_members = true;
        self->full = false;
    }
    else if (result != Z_OK && result != Z_BUF_ERROR)
        return broken(self, z->msg ? z->msg : "not a gzip stream");
    return ret->n ? check_limits(self) : PN_OK;
}

PN_MAY_YIELD static pn_rc inflated_next(struct pn_body *body, struct pn_chunk *ret_chunk)
{
    struct inflated *self = PN_CONTAINER(body, struct inflated, super);
    pn_str           out = PN_STR("");
    pn_rc            rc = PN_OK;

    while (!self->ended) {
        if (self->in.n || self->full) {
            if ((rc = inflate_some(self, &out)) != PN_OK)
                return rc;
            if (out.n)
                break;
        }
        else if (self->below_ended)
            self->ended = true;
        else if (self->flush) { /* everything before it is out */
            self->flush = false;
            *ret_chunk = (struct pn_chunk){ .kind = PN_CHUNK_BYTES, .fd = -1, .flush = true };
            return PN_OK;
        }
        else if ((rc = pull(self)) != PN_OK)
            return rc;
    }
    if (out.n == 0)
        return self->begun && !self->between_members ? broken(self, "it ends early") : PN_EOF;
    *ret_chunk = (struct pn_chunk){ .kind = PN_CHUNK_BYTES, .fd = -1, .bytes = out };
    ret_chunk->last = self->between_members && self->in.n == 0 && self->below_ended;
    self->ended = ret_chunk->last;
    return PN_OK;
}

static apr_status_t end_stream(void *arg)
{
    struct inflated *self = arg;

    if (self->open)
        inflateEnd(&self->z);
    self->open = false;
    return APR_SUCCESS;
}

static void inflated_close(struct pn_body *body)
{
    struct inflated *self = PN_CONTAINER(body, struct inflated, super);

    end_stream(self);
    pn_body_close(self->below);
}

static const struct pn_body_ops inflated_ops = { .name = "INFLATED", .next = inflated_next, .close = inflated_close };

struct pn_body *inflated_body(struct pn_request *r, struct pn_body *below, const struct inflate_limits *limits,
                              size_t buffer_bytes)
{
    struct inflated *self = apr_pcalloc(r->pool, sizeof(*self));

    self->super = (struct pn_body){ .ops = &inflated_ops, .r = r, .length = -1 };
    self->below = pn_body_in_memory(r, below);
    self->limits = limits;
    if (limits)
        self->max_bytes = limits->body_set ? (uint64_t)limits->body_bytes : pn_request_body_limit(r);
    self->cap = buffer_bytes;
    self->out = apr_palloc(r->pool, buffer_bytes);
    if (inflateInit2(&self->z, MAX_WBITS + GZIP_WRAPPER) != Z_OK) {
        (void)!pn_fail(r, 500, PN_LOG_MODULE, 20303, "no memory to inflate");
        return NULL;
    }
    self->open = true;
    apr_pool_cleanup_register(r->pool, self, end_stream, apr_pool_cleanup_null);
    return &self->super;
}
