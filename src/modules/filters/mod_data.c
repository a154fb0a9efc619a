/* mod_data.c - the filter DATA: an answer becomes a data: URL that holds it (RFC 2397).
 *
 * Runs: as an output filter.   Suspends: where the body does.   Settings: none.   Apache manual: "Apache Module mod_data". */
#include <apr_base64.h>
#include <pinion/request.h>

/* Bytes encoded at a time; a multiple of three, so that only the end is padded. */
#define PIECE_BYTES 12288
#define PIECE_LETTERS (PIECE_BYTES / 3 * 4)

struct data_url {
    struct pn_body  super;
    struct pn_body *below;
    pn_str          prefix;   /* "data:type;base64,", empty once it is out */
    pn_str          rest;     /* of the chunk at hand */
    unsigned char   carry[3]; /* bytes that make no whole group yet */
    unsigned        n_carry;
    bool            ended;
    char           *letters;  /* PIECE_LETTERS + 1 */
};

static void put(struct pn_chunk *chunk, pn_str bytes)
{
    *chunk = (struct pn_chunk){ .kind = PN_CHUNK_BYTES, .fd = -1, .bytes = bytes };
}

/* Letters for whole groups: those that the carry begins, then a piece of the rest. */
static size_t encode(struct data_url *self)
{
    size_t n = 0, whole;

    if (self->n_carry) {
        while (self->n_carry < 3 && self->rest.n) {
            self->carry[self->n_carry++] = (unsigned char)self->rest.p[0];
            self->rest = pn_str_from(self->rest, 1);
        }
        if (self->n_carry < 3)
            return 0;
        n = (size_t)apr_base64_encode_binary(self->letters, self->carry, 3) - 1;
        self->n_carry = 0;
    }
    whole = self->rest.n < PIECE_BYTES - 3 ? self->rest.n : PIECE_BYTES - 3;
    whole -= whole % 3;
    if (whole) {
        n += (size_t)apr_base64_encode_binary(self->letters + n, (const unsigned char *)self->rest.p, (int)whole) - 1;
        self->rest = pn_str_from(self->rest, whole);
    }
    while (self->rest.n && self->rest.n < 3 && self->n_carry < 3) {
        self->carry[self->n_carry++] = (unsigned char)self->rest.p[0];
        self->rest = pn_str_from(self->rest, 1);
    }
    return n;
}

/* The last group, padded. @return PN_EOF when there is none. */
static pn_rc finish(struct data_url *self, struct pn_chunk *ret_chunk)
{
    size_t n;

    if (self->n_carry == 0)
        return PN_EOF;
    n = (size_t)apr_base64_encode_binary(self->letters, self->carry, (int)self->n_carry) - 1;
    self->n_carry = 0;
    put(ret_chunk, pn_str_n(self->letters, n));
    ret_chunk->last = true;
    return PN_OK;
}

PN_MAY_YIELD static pn_rc data_next(struct pn_body *body, struct pn_chunk *ret_chunk)
{
    struct data_url *self = PN_CONTAINER(body, struct data_url, super);
    struct pn_chunk  chunk;
    size_t           n;

    if (self->prefix.n) {
        put(ret_chunk, self->prefix);
        ret_chunk->stable = true;
        self->prefix = PN_STR("");
        return PN_OK;
    }
    for (;;) {
        pn_rc rc = PN_EOF;

        if (self->rest.n && (n = encode(self)) != 0) {
            put(ret_chunk, pn_str_n(self->letters, n));
            return PN_OK;
        }
        if (!self->ended) {
            chunk = (struct pn_chunk){ .fd = -1 };
            rc = pn_body_next(self->below, &chunk);
        }
        if (rc == PN_EOF) {
            self->ended = true;
            return finish(self, ret_chunk);
        }
        if (rc != PN_OK)
            return rc;
        self->rest = chunk.bytes;
        self->ended = chunk.last;
    }
}

static void data_close(struct pn_body *body)
{
    pn_body_close(PN_CONTAINER(body, struct data_url, super)->below);
}

static const struct pn_body_ops data_ops = { .name = "DATA", .next = data_next, .close = data_close };

/* The type without blanks, and of its parameters the charset. */
static pn_str make_prefix(struct pn_request *r)
{
    pn_str rest, type = pn_str_trim(pn_str_cut(r->content_type, ';', &rest)), charset = PN_STR("");

    while (rest.n) {
        pn_str parameter = pn_str_trim(pn_str_cut(rest, ';', &rest));

        if (pn_str_istarts(parameter, PN_STR("charset=")))
            charset = PN_CAT(r->pool, PN_STR(";"), parameter);
    }
    return PN_CAT(r->pool, PN_STR("data:"), type, charset, PN_STR(";base64,"));
}

static struct pn_body *wrap(struct pn_request *r, struct pn_body *below, void *arg)
{
    struct data_url *self = apr_pcalloc(r->pool, sizeof(*self));

    (void)arg;
    self->prefix = make_prefix(r);
    self->letters = apr_palloc(r->pool, PIECE_LETTERS + 5);
    self->super = (struct pn_body){ .ops = &data_ops, .r = r, .length = -1 };
    if (below->length >= 0)
        self->super.length = (int64_t)self->prefix.n + (below->length + 2) / 3 * 4;
    self->below = pn_body_in_memory(r, below);
    pn_set_content_type(r, PN_STR("text/plain"));
    pn_headers_unset(&r->in, PN_HDR_RANGE); /* a part of it would be no URL */
    return &self->super;
}

static void hooks(struct pn_hooks *h)
{
    static const struct pn_filter filter = { .name = "DATA", .type = PN_FILTER_RESOURCE, .wrap = wrap };

    pn_output_filter(h, &filter);
}

struct pn_module pn_module_data = {
    .api = PN_MODULE_API,
    .name = "mod_data.c",
    .apache_id = "data_module",
    .hooks = hooks,
};
