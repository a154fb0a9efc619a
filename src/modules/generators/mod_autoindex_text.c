/* mod_autoindex_text.c - HeaderName and ReadmeName: HTML goes into the page as it is, other text as preformatted lines. */
#include "mod_autoindex.h"

/* Text with its markup made harmless, between <pre> and </pre>. */
struct escaped {
    struct pn_body  super;
    struct pn_body *below;
    struct pn_buf   out;
    bool            begun, ended;
};

/* References are at most six bytes for one. */
#define PIECE_MAX (6u * 65536u + 64u)

PN_MAY_YIELD static pn_rc escaped_next(struct pn_body *body, struct pn_chunk *ret_chunk)
{
    struct escaped *self = PN_CONTAINER(body, struct escaped, super);
    struct pn_chunk chunk = { .fd = -1 };

    if (self->ended)
        return PN_EOF;
    pn_buf_clear(&self->out);
    if (!self->begun)
        pn_buf_lit(&self->out, "<pre>\n");
    self->begun = true;
    pn_rc rc = pn_body_next(self->below, &chunk);
    if (rc != PN_OK && rc != PN_EOF)
        return rc;
    if (rc == PN_OK)
        pn__autoindex_put_lines(&self->out, chunk.bytes);
    self->ended = rc == PN_EOF || chunk.last;
    if (self->ended)
        pn_buf_lit(&self->out, "</pre>\n");
    if (self->out.full)
        return PN_LIMIT;
    *ret_chunk = (struct pn_chunk){ .kind = PN_CHUNK_BYTES, .bytes = pn_buf_view(&self->out), .fd = -1, .last = self->ended };
    return PN_OK;
}

static void escaped_close(struct pn_body *body)
{
    pn_body_close(PN_CONTAINER(body, struct escaped, super)->below);
}

static const struct pn_body_ops escaped_ops = { .name = "AUTOINDEX_TEXT", .next = escaped_next, .close = escaped_close };

static struct pn_body *escape(struct pn_request *r, struct pn_body *below)
{
    struct escaped *self = apr_pcalloc(r->pool, sizeof(*self));

    self->super = (struct pn_body){ .ops = &escaped_ops, .r = r, .length = -1 };
    self->below = pn_body_in_memory(r, below);
    pn_buf_init(&self->out, r->pool, PIECE_MAX);
    return &self->super;
}

/* The client's conditions and ranges are about the page, not about what goes into it. */
static void drop_conditions(struct pn_request *sub)
{
    static const enum pn_hdr fields[] = { PN_HDR_IF_MATCH, PN_HDR_IF_NONE_MATCH, PN_HDR_IF_MODIFIED_SINCE,
                                          PN_HDR_IF_UNMODIFIED_SINCE, PN_HDR_IF_RANGE, PN_HDR_RANGE };

    for (size_t i = 0; i < PN_COUNT(fields); i++)
        pn_headers_unset(&sub->in, fields[i]);
}

struct pn_body *pn__autoindex_text(struct pn_request *r, pn_str name, bool *ret_html)
{
    struct pn_request *sub = pn_sub_lookup(r, name, PN_STR("GET"));

    if (sub->status != 200 || sub->finfo.type != PN_FILE_REGULAR || !pn_str_istarts(sub->content_type, PN_STR("text/")))
        return NULL;
    *ret_html = pn_str_istarts(sub->content_type, PN_STR("text/html"));
    drop_conditions(sub);
    if (pn_sub_run(sub) != PN_OK || sub->status != 200)
        return NULL;
    return *ret_html ? sub->body : escape(r, sub->body);
}
