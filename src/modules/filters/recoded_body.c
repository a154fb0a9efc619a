/* recoded_body.c - a body through iconv. What a chunk leaves of a sequence is kept for the next one. */
#include "recoded_body.h"
#define PN_LOG_MODULE NULL
#include <pinion/log.h>

#include <errno.h>
#include <iconv.h>

#define OUT_BYTES ((size_t)8192)
#define SEQUENCE_MAX ((size_t)32) /* bytes of one character with its shifts, whatever the set */
#define NO_ICONV ((iconv_t)-1)

struct recoded {
    struct pn_body         super;
    struct pn_body        *below;   /* hands out bytes, not files */
    const struct recoding *recoding;
    iconv_t                cd;
    pn_str                 in;      /* of the chunk, not taken yet */
    char                   rest[SEQUENCE_MAX]; /* the beginning of a character */
    size_t                 rest_n;
    char                  *out;
    size_t                 out_n;
    bool                   flush, drained, ended; /* drained: the body below is at its end */
};

bool recoding_exists(const char *from, const char *to)
{
    iconv_t cd = iconv_open(to, from);

    if (cd == NO_ICONV)
        return false;
    iconv_close(cd);
    return true;
}

/* One call of iconv. @return PN_OK: all of `in` is taken; PN_LIMIT: the output is full; PN_AGAIN: the input ends inside a character;
 * PN_BAD: it holds what is none. */
static pn_rc convert(struct recoded *self, pn_str *in)
{
    char  *from = (char *)(uintptr_t)in->p, *to = self->out + self->out_n;
    size_t from_n = in->n, to_n = OUT_BYTES - self->out_n;
    size_t done = iconv(self->cd, &from, &from_n, &to, &to_n);
    int    error = errno;

    self->out_n = OUT_BYTES - to_n;
    *in = pn_str_n(from, from_n);
    if (done != (size_t)-1)
        return PN_OK;
    return error == E2BIG ? PN_LIMIT : error == EINVAL ? PN_AGAIN : PN_BAD;
}

static pn_rc bad_input(struct recoded *self, pn_str *in)
{
    const struct recoding *recoding = self->recoding;

    if (!recoding->lenient)
        return pn_fail(self->super.r, 500, recoding->module, 1450, "%s holds bytes that are no %s", self->super.r->filename.p,
                       recoding->from);
    if (OUT_BYTES - self->out_n < 1)
        return PN_LIMIT;
    self->out[self->out_n++] = '?';
    *in = pn_str_from(*in, 1);
    return PN_OK;
}

/* The character that was cut in two, byte after byte of the new chunk until it is whole. */
static pn_rc finish_character(struct recoded *self)
{
    pn_rc rc = PN_AGAIN;

    while (rc == PN_AGAIN && self->in.n && self->rest_n < SEQUENCE_MAX) {
        self->rest[self->rest_n++] = self->in.p[0];
        self->in = pn_str_from(self->in, 1);
        pn_str whole = pn_str_n(self->rest, self->rest_n);
        rc = convert(self, &whole);
        if (rc == PN_BAD || (rc == PN_AGAIN && self->rest_n == SEQUENCE_MAX))
            rc = bad_input(self, &whole);
        memmove(self->rest, whole.p, whole.n);
        self->rest_n = whole.n;
    }
    return rc == PN_AGAIN ? PN_OK : rc;
}

/* Takes what it can of self->in. @return PN_OK: all; PN_LIMIT: hand out first; PN_FAILED. */
static pn_rc take(struct recoded *self)
{
    pn_rc rc = PN_OK;

    while (rc == PN_OK && self->in.n) {
        if (self->rest_n) {
            rc = finish_character(self);
            continue;
        }
        rc = convert(self, &self->in);
        if (rc == PN_BAD || (rc == PN_AGAIN && self->in.n > SEQUENCE_MAX))
            rc = bad_input(self, &self->in);
        else if (rc == PN_AGAIN) {
            memcpy(self->rest, self->in.p, self->in.n);
            self->rest_n = self->in.n;
            self->in.n = 0;
            rc = PN_OK;
        }
    }
    return rc;
}

/* The end: half a character is none, and a set with shifts goes back to where it began. */
static pn_rc end(struct recoded *self)
{
    char  *to = self->out + self->out_n;
    size_t to_n = OUT_BYTES - self->out_n;

    if (self->rest_n) {
        pn_str rest = pn_str_n(self->rest, self->rest_n);
        pn_rc  rc = bad_input(self, &rest);
        if (rc != PN_OK)
            return rc;
        self->rest_n = 0;
    }
    if (iconv(self->cd, NULL, NULL, &to, &to_n) == (size_t)-1 && self->out_n)
        return PN_LIMIT;
    self->out_n = OUT_BYTES - to_n;
    self->ended = true;
    return PN_OK;
}

/* @return PN_OK: look at self->in, or the body below is at its end; else its error. */
PN_MAY_YIELD static pn_rc pull(struct recoded *self)
{
    struct pn_chunk chunk = { .fd = -1 };
    pn_rc           rc = pn_body_next(self->below, &chunk);

    if (rc != PN_OK && rc != PN_EOF)
        return rc;
    self->drained = rc == PN_EOF || chunk.last;
    self->flush = rc == PN_OK && chunk.flush;
    self->in = rc == PN_OK ? chunk.bytes : PN_STR("");
    return PN_OK;
}

PN_MAY_YIELD static pn_rc recoded_next(struct pn_body *body, struct pn_chunk *ret_chunk)
{
    struct recoded *self = PN_CONTAINER(body, struct recoded, super);
    pn_rc           rc = PN_OK;

    if (self->ended)
        return PN_EOF;
    self->out_n = 0;
    while (rc == PN_OK && !self->ended) {
        rc = take(self);
        if (rc == PN_OK && self->drained)
            rc = end(self);
        else if (rc == PN_OK && self->flush && self->out_n)
            break;
        else if (rc == PN_OK)
            rc = pull(self);
    }
    if (rc != PN_OK && rc != PN_LIMIT)
        return rc;
    if (self->ended && self->out_n == 0)
        return PN_EOF;
    *ret_chunk = (struct pn_chunk){ .kind = PN_CHUNK_BYTES, .bytes = pn_str_n(self->out, self->out_n), .fd = -1,
                                    .last = self->ended, .flush = rc == PN_OK && self->flush };
    self->flush = self->flush && rc == PN_LIMIT;
    return PN_OK;
}

static apr_status_t close_iconv(void *arg)
{
    struct recoded *self = arg;

    if (self->cd != NO_ICONV)
        iconv_close(self->cd);
    self->cd = NO_ICONV;
    return APR_SUCCESS;
}

static void recoded_close(struct pn_body *body)
{
    struct recoded *self = PN_CONTAINER(body, struct recoded, super);

    close_iconv(self);
    pn_body_close(self->below);
}

static const struct pn_body_ops recoded_ops = { .name = "RECODED", .next = recoded_next, .close = recoded_close };

struct pn_body *recoded_body(struct pn_request *r, struct pn_body *below, const struct recoding *recoding)
{
    struct recoded *self = apr_pcalloc(r->pool, sizeof(*self));

    self->super = (struct pn_body){ .ops = &recoded_ops, .r = r, .length = below->length == 0 ? 0 : -1 };
    self->below = pn_body_in_memory(r, below);
    self->recoding = recoding;
    self->out = apr_palloc(r->pool, OUT_BYTES);
    self->cd = iconv_open(recoding->to, recoding->from);
    if (self->cd == NO_ICONV) {
        (void)!pn_fail(r, 500, recoding->module, 1452, "can't open translation from %s to %s", recoding->from, recoding->to);
        return NULL;
    }
    apr_pool_cleanup_register(r->pool, self, close_iconv, apr_pool_cleanup_null);
    return &self->super;
}
