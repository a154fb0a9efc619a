/* coded_body.c - a body through a compressor, in constant memory.
 *
 * Output gathers in one buffer; it is handed up when the buffer is full, when the body below asks for a flush, and at the end.
 * Large pieces are compressed on the offload pool, so that other requests of the loop do not wait for them. */
#include "coded_body.h"
#define PN_LOG_MODULE NULL
#include <pinion/log.h>

/* Compressing this much takes about as long as a trip to the offload pool. */
#define OFFLOAD_BYTES (16 * 1024)

/* ---- a chunk pulled already ---- */

struct after {
    struct pn_body  super;
    struct pn_chunk first;
    pn_rc           rc; /* of the pull */
    bool            given;
    struct pn_body *rest;
};

PN_MAY_YIELD static pn_rc after_next(struct pn_body *body, struct pn_chunk *ret_chunk)
{
    struct after *self = PN_CONTAINER(body, struct after, super);

    if (self->given)
        return self->first.last ? PN_EOF : pn_body_next(self->rest, ret_chunk);
    self->given = true;
    if (self->rc == PN_OK)
        *ret_chunk = self->first;
    return self->rc;
}

static void after_close(struct pn_body *body)
{
    pn_body_close(PN_CONTAINER(body, struct after, super)->rest);
}

static const struct pn_body_ops after_ops = { .name = "AFTER", .next = after_next, .close = after_close };

struct pn_body *body_after(struct pn_request *r, pn_rc rc, const struct pn_chunk *first, struct pn_body *rest)
{
    struct after *self = apr_palloc(r->pool, sizeof(*self));
    uint64_t      n = first->kind == PN_CHUNK_FILE ? first->n : first->bytes.n;

    *self = (struct after){
        .super = { .ops = &after_ops, .r = r, .length = rc == PN_OK && first->last ? (int64_t)n : rest->length },
        .first = *first, .rc = rc, .rest = rest,
    };
    return &self->super;
}

/* ---- compressing ---- */

struct coded {
    struct pn_body                super;
    struct pn_body               *below;   /* hands out bytes, not files */
    const struct content_coding  *coding;
    const struct coding_settings *settings;
    void                         *coder;   /* NULL: given back */
    struct coder_out              out;
    pn_str                        in;      /* of the chunk being compressed */
    enum coder_op                 op;
    bool                          busy;    /* op is not done */
    bool                          ended;
    uint64_t                      in_bytes, out_bytes;
};

struct run_job { struct coded *self; pn_rc rc; };

static void run_fn(void *arg)
{
    struct run_job *job = arg;
    struct coded   *self = job->self;

    job->rc = self->coding->ops->run(self->coder, self->op, &self->in, &self->out);
}

PN_MAY_YIELD static pn_rc run(struct coded *self)
{
    struct run_job job = { .self = self, .rc = PN_FAILED };

    if (self->in.n < OFFLOAD_BYTES || pn_run_blocking(self->super.r, run_fn, &job) != PN_OK)
        run_fn(&job);
    return job.rc;
}

/* Pulls the next input. @return PN_OK, or the error of the body below. */
PN_MAY_YIELD static pn_rc pull(struct coded *self)
{
    struct pn_chunk chunk = { .fd = -1 };
    pn_rc           rc = pn_body_next(self->below, &chunk);

    if (rc != PN_OK && rc != PN_EOF)
        return rc;
    self->in = rc == PN_OK ? chunk.bytes : PN_STR("");
    self->op = rc == PN_EOF || chunk.last ? CODER_FINISH : chunk.flush ? CODER_FLUSH : CODER_RUN;
    self->in_bytes += self->in.n;
    self->busy = true;
    return PN_OK;
}

static void hand_out(struct coded *self, struct pn_chunk *ret_chunk)
{
    *ret_chunk = (struct pn_chunk){
        .kind = PN_CHUNK_BYTES, .fd = -1, .bytes = pn_str_n(self->out.p, self->out.n),
        .last = self->ended, .flush = !self->busy && self->op == CODER_FLUSH,
    };
    self->out_bytes += self->out.n;
    if (self->ended)
        coding_note_sizes(self->super.r, self->coding, &self->settings->notes, self->in_bytes, self->out_bytes);
}

PN_MAY_YIELD static pn_rc coded_next(struct pn_body *body, struct pn_chunk *ret_chunk)
{
    struct coded *self = PN_CONTAINER(body, struct coded, super);
    pn_rc         rc;

    if (self->ended)
        return PN_EOF;
    self->out.n = 0;
    do {
        if (!self->busy && (rc = pull(self)) != PN_OK)
            return rc;
        rc = run(self);
        if (rc != PN_OK && rc != PN_AGAIN)
            return pn_fail(body->r, 500, PN_LOG_MODULE, 20301, "the compressor for %s failed", self->coding->token.p);
        self->busy = rc == PN_AGAIN;
        self->ended = !self->busy && self->op == CODER_FINISH;
    } while (!self->busy && self->op == CODER_RUN);
    hand_out(self, ret_chunk);
    return PN_OK;
}

static apr_status_t close_coder(void *arg)
{
    struct coded *self = arg;

    if (self->coder)
        self->coding->ops->close(self->coder);
    self->coder = NULL;
    return APR_SUCCESS;
}

static void coded_close(struct pn_body *body)
{
    struct coded *self = PN_CONTAINER(body, struct coded, super);

    close_coder(self);
    pn_body_close(self->below);
}

static const struct pn_body_ops coded_ops = { .name = "CODED", .next = coded_next, .close = coded_close };

struct pn_body *coded_body(struct pn_request *r, struct pn_body *below, const struct content_coding *coding,
                           const struct coding_settings *settings)
{
    struct coded *self = apr_pcalloc(r->pool, sizeof(*self));

    self->super = (struct pn_body){ .ops = &coded_ops, .r = r, .length = -1 };
    self->below = pn_body_in_memory(r, below);
    self->coding = coding;
    self->settings = settings;
    self->coder = coding->ops->open(r, settings->coder);
    if (!self->coder) {
        (void)!pn_fail(r, 500, PN_LOG_MODULE, 20302, "no memory for a compressor for %s", coding->token.p);
        return NULL;
    }
    self->out.cap = (size_t)settings->buffer_bytes;
    self->out.p = apr_palloc(r->pool, self->out.cap);
    apr_pool_cleanup_register(r->pool, self, close_coder, apr_pool_cleanup_null);
    return &self->super;
}
