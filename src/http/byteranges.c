/* byteranges.c - single and multipart answers to Range (RFC 9110 s14). */
#include "http/byteranges.h"

#include "http/request_core.h"
#include "proto/multipart.h"
#include "proto/range.h"
#include "proto/validator.h"

#include <apr_general.h>

/* Delimiter, Content-Type and Content-Range of a part; a type is far shorter. */
#define PART_HEAD_MAX 16384

/* A slice of the whole content. */
static struct pn_body *slice(struct pn_request *r, const struct pn_chunk *whole, struct pn_range range)
{
    uint64_t n = range.last - range.first + 1;

    if (whole->kind == PN_CHUNK_FILE)
        return pn_body_file(r, whole->fd, whole->offset + range.first, n);
    return pn_body_bytes(r, pn_str_n(whole->bytes.p + range.first, (size_t)n));
}

static pn_str text_of(struct pn_buf *buf)
{
    pn_str text = PN_STR("");

    pn_assert(pn_buf_done(buf, &text) == PN_OK); /* a few short fields: never near the maximum */
    return text;
}

static void single_part(struct pn_request *r, const struct pn_chunk *whole, struct pn_range range, uint64_t total)
{
    struct pn_buf value;

    pn_buf_init(&value, r->pool, 128);
    pn_content_range(range, total, &value);
    pn_headers_set(&r->out, PN_HDR_CONTENT_RANGE, text_of(&value));
    r->body = slice(r, whole, range);
}

static void many_parts(struct pn_request *r, const struct pn_chunk *whole, const struct pn_range_set *set, uint64_t total)
{
    struct pn_body    **parts = apr_palloc(r->pool, sizeof(struct pn_body *) * (2 * set->n + 1));
    size_t              count = 0;
    struct pn_multipart multipart;
    struct pn_buf       text;
    uint64_t            random;

    if (apr_generate_random_bytes((unsigned char *)&random, sizeof(random)) != APR_SUCCESS)
        random = (uint64_t)r->begun;
    pn_multipart_init(&multipart, random, r->content_type, total);
    for (unsigned i = 0; i < set->n; i++) {
        pn_buf_init(&text, r->pool, PART_HEAD_MAX);
        pn_multipart_part(&multipart, set->v[i], &text);
        parts[count++] = pn_body_bytes(r, text_of(&text));
        parts[count++] = slice(r, whole, set->v[i]);
    }
    pn_buf_init(&text, r->pool, PART_HEAD_MAX);
    pn_multipart_end(&multipart, &text);
    parts[count++] = pn_body_bytes(r, text_of(&text));
    r->body = pn_body_concat(r, parts, count);
    pn_buf_init(&text, r->pool, PART_HEAD_MAX);
    pn_multipart_type(&multipart, &text);
    r->content_type = text_of(&text);
}

/* May this answer be narrowed at all? */
static bool eligible(struct pn_request *r)
{
    return r->status == 200 && r->method_id == PN_METHOD_GET && !r->assbackwards && r->body->length > 0 &&
           pn_headers_count(&r->in, PN_HDR_RANGE) == 1 && !pn_headers_has(&r->out, PN_HDR_CONTENT_RANGE) &&
           !r->is_error && pn_core_dir(r->dir_conf)->max_ranges != 0;
}

static bool over_limits(const struct pn_core_dir *conf, const struct pn_range_set *set)
{
    return (conf->max_overlaps >= 0 && set->overlaps > (uint64_t)conf->max_overlaps) ||
           (conf->max_reversals >= 0 && set->reversals > (uint64_t)conf->max_reversals);
}

int pn__byteranges_apply(struct pn_request *r)
{
    const struct pn_core_dir *conf = pn_core_dir(r->dir_conf);
    struct pn_range_set       set = { 0 };
    struct pn_chunk           whole;
    struct pn_validators      validators = {
             .etag = pn_headers_get(&r->out, PN_HDR_ETAG), .last_modified = r->mtime, .request_time = r->time
    };

    if (!eligible(r) || !pn_if_range_holds(&r->in, &validators))
        return 0;
    uint64_t total = (uint64_t)r->body->length;
    unsigned most = conf->max_ranges < 0 ? UINT32_MAX : (unsigned)conf->max_ranges;
    pn_rc    rc = pn_range_parse(r->pool, pn_headers_get(&r->in, PN_HDR_RANGE), total, most, &set);
    if (rc == PN_UNSATISFIABLE) {
        struct pn_buf value;
        pn_buf_init(&value, r->pool, 128);
        pn_content_range_none(total, &value);
        pn_headers_set(&r->err_out, PN_HDR_CONTENT_RANGE, text_of(&value));
        return 416;
    }
    if (rc != PN_OK || over_limits(conf, &set) || pn_body_next(r->body, &whole) != PN_OK)
        return 0;
    bool at_hand = whole.last && whole.stable && (whole.kind == PN_CHUNK_FILE ? whole.n : whole.bytes.n) == total;
    if (!at_hand) {
        r->body = pn__body_resumed(r, &whole, r->body);
        return 0;
    }
    r->status = 206;
    if (set.n == 1)
        single_part(r, &whole, set.v[0], total);
    else
        many_parts(r, &whole, &set, total);
    return 0;
}
