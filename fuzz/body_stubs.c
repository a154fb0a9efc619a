/* body_stubs.c - see body_stubs.h. */
#include "body_stubs.h"

#include <pinion/log.h>

static pn_rc source_next(struct pn_body *body, struct pn_chunk *ret_chunk)
{
    struct stub_source *self = PN_CONTAINER(body, struct stub_source, super);
    pn_str              piece = pn_str_head(self->bytes, self->piece);

    if (piece.n == 0)
        return PN_EOF;
    self->bytes = pn_str_from(self->bytes, piece.n);
    *ret_chunk = (struct pn_chunk){ .kind = PN_CHUNK_BYTES, .bytes = piece, .fd = -1, .last = self->bytes.n == 0 };
    return PN_OK;
}

static const struct pn_body_ops source_ops = { .name = "SOURCE", .next = source_next };

struct pn_body *stub_source_init(struct stub_source *source, struct pn_request *r, pn_str bytes, size_t piece)
{
    *source = (struct stub_source){ .super = { .ops = &source_ops, .r = r, .length = -1 }, .bytes = bytes, .piece = piece };
    return &source->super;
}

pn_rc stub_drain(struct pn_body *body, size_t max, struct pn_buf *out)
{
    struct pn_chunk chunk = { .fd = -1 };
    pn_rc           rc;

    while ((rc = pn_body_next(body, &chunk)) == PN_OK) {
        pn_buf_str(out, chunk.bytes);
        if (chunk.last || out->n > max)
            break;
        chunk = (struct pn_chunk){ .fd = -1 };
    }
    pn_body_close(body);
    if (rc == PN_OK)
        rc = chunk.last ? PN_EOF : PN_LIMIT;
    return rc;
}

/* ---- of the server ---- */

struct pn_body *pn_body_in_memory(struct pn_request *r, struct pn_body *below)
{
    (void)r;
    return below;
}

pn_rc pn_fail(struct pn_request *r, int status, const struct pn_module *module, unsigned id, const char *fmt, ...)
{
    (void)r, (void)status, (void)module, (void)id, (void)fmt;
    return PN_FAILED;
}

bool pn_log_on_r(const struct pn_request *r, const struct pn_module *module, enum pn_log_level level)
{
    (void)r, (void)module, (void)level;
    return false;
}

void pn_log_write_r(const struct pn_request *r, const struct pn_module *module, enum pn_log_level level, unsigned id, int error,
                    const char *fmt, ...)
{
    (void)r, (void)module, (void)level, (void)id, (void)error, (void)fmt;
}

void pn_log_here(const char *file, int line)
{
    (void)file, (void)line;
}

const char *pn_env_get(const struct pn_request *r, const char *name)
{
    (void)r;
    return strcmp(name, "set") == 0 ? "value" : NULL;
}

pn_rc pn_expr_holds(struct pn_request *r, const struct pn_expr *expr, bool *ret_holds)
{
    (void)r, (void)expr;
    *ret_holds = true;
    return PN_OK;
}

uint64_t pn_request_body_limit(const struct pn_request *r)
{
    (void)r;
    return 1 << 20;
}
