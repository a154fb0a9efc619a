/* mod_buffer - small chunks gathered into few large ones: the filter BUFFER, for answers and for request bodies.
 * Runs: as a filter.   Yields: as the body below.   Config: struct buffer_conf.   Spec: Apache manual, mod_buffer. */
#include <pinion/request.h>

struct buffer_conf { int64_t bytes; };

struct buffered {
    struct pn_body  super;
    struct pn_body *below;  /* hands out bytes, not files */
    struct pn_buf   buf;    /* of BufferSize bytes */
    struct pn_chunk held;   /* did not fit any more */
    bool            holds, ended;
};

struct pn_module pn_module_buffer;

/* Takes one more chunk into the buffer. @return PN_AGAIN: go on; PN_OK: hand out what is there; else the error. */
PN_MAY_YIELD static pn_rc gather(struct buffered *self)
{
    struct pn_chunk *chunk = &self->held;

    if (!self->holds) {
        *chunk = (struct pn_chunk){ .fd = -1 };
        pn_rc rc = pn_body_next(self->below, chunk);
        if (rc != PN_OK && rc != PN_EOF)
            return rc;
        self->ended = rc == PN_EOF;
        if (self->ended)
            return PN_OK;
    }
    self->holds = chunk->bytes.n > self->buf.max - self->buf.n;
    if (self->holds && self->buf.n)
        return PN_OK;
    self->ended = chunk->last;
    if (self->holds) /* larger than the buffer: as it is */
        return PN_OK;
    pn_buf_str(&self->buf, chunk->bytes);
    return chunk->last || chunk->flush || self->buf.n == self->buf.max ? PN_OK : PN_AGAIN;
}

PN_MAY_YIELD static pn_rc buffered_next(struct pn_body *body, struct pn_chunk *ret_chunk)
{
    struct buffered *self = PN_CONTAINER(body, struct buffered, super);
    pn_rc            rc;

    if (self->ended)
        return PN_EOF;
    pn_buf_clear(&self->buf);
    while ((rc = gather(self)) == PN_AGAIN)
        ;
    if (rc != PN_OK)
        return rc;
    if (self->holds && self->buf.n == 0) {
        self->holds = false;
        *ret_chunk = self->held;
        return PN_OK;
    }
    if (self->ended && self->buf.n == 0)
        return PN_EOF;
    *ret_chunk = (struct pn_chunk){ .kind = PN_CHUNK_BYTES, .fd = -1, .bytes = pn_buf_view(&self->buf), .last = self->ended };
    ret_chunk->flush = !self->holds && !self->ended && self->held.flush;
    return PN_OK;
}

static void buffered_close(struct pn_body *body)
{
    pn_body_close(PN_CONTAINER(body, struct buffered, super)->below);
}

static const struct pn_body_ops buffered_ops = { .name = "BUFFER", .next = buffered_next, .close = buffered_close };

static struct pn_body *buffered_wrap(struct pn_request *r, struct pn_body *below, void *arg)
{
    const struct buffer_conf *conf = pn_dir_conf(r, &pn_module_buffer);
    struct buffered          *self;

    (void)arg;
    if (r->main || below->length == 0)
        return below;
    self = apr_pcalloc(r->pool, sizeof(*self));
    self->super = (struct pn_body){ .ops = &buffered_ops, .r = r, .length = below->length };
    self->below = pn_body_in_memory(r, below);
    pn_buf_init(&self->buf, r->pool, (size_t)conf->bytes);
    return &self->super;
}

static const struct pn_directive directives[] = {
    { .name = "BufferSize", .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_ALL, .slot = PN_SLOT(struct buffer_conf, bytes),
      .min = 1, .max = 1 << 30, .dflt = "131072", .unit = "bytes", .help = "Bytes that the filter BUFFER gathers" },
    { 0 }
};

static void hooks(struct pn_hooks *h)
{
    static const struct pn_filter filter = { .name = "BUFFER", .type = PN_FILTER_CONTENT_SET, .wrap = buffered_wrap };

    pn_output_filter(h, &filter);
    pn_input_filter(h, &filter);
}

struct pn_module pn_module_buffer = {
    .api = PN_MODULE_API,
    .name = "mod_buffer.c",
    .apache_id = "buffer_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct buffer_conf),
    .hooks = hooks,
};
