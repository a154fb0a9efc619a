/* mod_ratelimit - an answer's speed limited: the output filter RATE_LIMIT, steered by the variables rate-limit and
 * rate-initial-burst (KiB).
 * Runs: as a filter.   Yields: between pieces.   Config: none.   Spec: Apache manual, mod_ratelimit.
 *
 * Chunks are cut, not copied: a file still leaves without passing through the program. */
#define PN_LOG_MODULE &pn_module_ratelimit
#include <pinion/log.h>
#include <pinion/request.h>

#define TURN_USEC (200 * PN_USEC_PER_MSEC)
#define TURNS_PER_SEC (PN_USEC_PER_SEC / TURN_USEC)

struct limited {
    struct pn_body  super;
    struct pn_body *below;
    struct pn_chunk rest;       /* of the chunk being cut */
    uint64_t        turn_bytes; /* in each turn */
    uint64_t        burst_bytes;/* still free */
    uint64_t        left_bytes; /* of this turn */
};

struct pn_module pn_module_ratelimit;

static uint64_t chunk_bytes(const struct pn_chunk *chunk)
{
    return chunk->kind == PN_CHUNK_FILE ? chunk->n : chunk->bytes.n;
}

/* Takes the first n bytes off *from. */
static struct pn_chunk cut(struct pn_chunk *from, uint64_t n)
{
    struct pn_chunk head = *from;
    bool            all = n == chunk_bytes(from);

    head.last = from->last && all;
    head.flush = true;
    if (from->kind == PN_CHUNK_FILE) {
        head.n = n;
        from->n -= n;
        from->offset += n;
    }
    else {
        head.bytes.n = (size_t)n;
        from->bytes = pn_str_from(from->bytes, (size_t)n);
    }
    return head;
}

PN_MAY_YIELD static pn_rc limited_next(struct pn_body *body, struct pn_chunk *ret_chunk)
{
    struct limited *self = PN_CONTAINER(body, struct limited, super);
    uint64_t        n;

    if (chunk_bytes(&self->rest) == 0) {
        pn_rc rc = pn_body_next(self->below, &self->rest);
        if (rc != PN_OK)
            return rc;
        if (chunk_bytes(&self->rest) == 0) {
            *ret_chunk = self->rest;
            return PN_OK;
        }
    }
    if (self->burst_bytes == 0 && self->left_bytes == 0) {
        pn_rc rc = pn_sleep(body->r, TURN_USEC);
        if (rc != PN_OK)
            return rc;
        self->left_bytes = self->turn_bytes;
    }
    uint64_t *budget = self->burst_bytes ? &self->burst_bytes : &self->left_bytes;
    n = chunk_bytes(&self->rest);
    n = n < *budget ? n : *budget;
    *budget -= n;
    *ret_chunk = cut(&self->rest, n);
    return PN_OK;
}

static void limited_close(struct pn_body *body)
{
    pn_body_close(PN_CONTAINER(body, struct limited, super)->below);
}

static const struct pn_body_ops limited_ops = { .name = "RATE_LIMIT", .next = limited_next, .close = limited_close };

/* KiB of a variable, as bytes; 0: not set, or no number. */
static uint64_t kib_of(struct pn_request *r, const char *name)
{
    const char *text = pn_env_get(r, name);
    uint64_t    kib = 0;

    if (text && pn_str_to_u64(pn_str_trim(pn_str_z(text)), INT64_MAX / 1024, &kib) != PN_OK)
        PN_LOG_R(r, PN_LOG_WARNING, 3488, 0, "%s: '%s' is not a number of KiB", name, pn_str_escape(r->pool, pn_str_z(text)).p);
    return kib * 1024;
}

static struct pn_body *limited_wrap(struct pn_request *r, struct pn_body *below, void *arg)
{
    uint64_t        rate = r->main ? 0 : kib_of(r, "rate-limit");
    struct limited *self;

    (void)arg;
    if (rate == 0 || below->length == 0)
        return below;
    self = apr_pcalloc(r->pool, sizeof(*self));
    self->super = (struct pn_body){ .ops = &limited_ops, .r = r, .length = below->length };
    self->below = below;
    self->turn_bytes = self->left_bytes = rate / TURNS_PER_SEC;
    self->burst_bytes = kib_of(r, "rate-initial-burst");
    return &self->super;
}

static void hooks(struct pn_hooks *h)
{
    static const struct pn_filter filter = { .name = "RATE_LIMIT", .type = PN_FILTER_TRANSCODE, .wrap = limited_wrap };

    pn_output_filter(h, &filter);
}

struct pn_module pn_module_ratelimit = {
    .api = PN_MODULE_API,
    .name = "mod_ratelimit.c",
    .apache_id = "ratelimit_module",
    .hooks = hooks,
};
