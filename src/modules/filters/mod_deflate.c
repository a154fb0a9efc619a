/* mod_deflate - gzip: answers compressed (DEFLATE) or uncompressed (INFLATE) on the way out, request bodies uncompressed on the
 * way in (DEFLATE as an input filter, in inflated_body.c).
 * Runs: as filters.   Yields: for large pieces, which are compressed on the offload pool.   Config: struct deflate_server,
 * struct inflate_limits.   Spec: Apache manual, mod_deflate; RFC 1952; RFC 9110 s8.4.1.3.
 *
 * A static file is compressed once, as well as zlib can, and kept with the file (pinion/variant.h). */
#define PN_LOG_MODULE &pn_module_deflate
#include <pinion/log.h>

#include <stdlib.h>
#include <zlib.h>

#include "content_coding.h"
#include "inflated_body.h"

#define LEAST_WINDOW_BITS 9 /* zlib takes a smaller one for a raw stream only */
#define GZIP_WRAPPER 16

struct deflate_server {
    struct coding_settings common;
    int64_t level, window_bits, mem_level; /* level 0: not set */
    int     best;                          /* level that static files are compressed with */
};

struct pn_module pn_module_deflate;

/* ---- the coder ---- */

struct gzip_coder { z_stream z; };

static int window_bits(const struct deflate_server *conf)
{
    return (conf->window_bits < LEAST_WINDOW_BITS ? LEAST_WINDOW_BITS : (int)conf->window_bits) + GZIP_WRAPPER;
}

static bool start(z_stream *z, const struct deflate_server *conf, int level)
{
    return deflateInit2(z, level, Z_DEFLATED, window_bits(conf), (int)conf->mem_level, Z_DEFAULT_STRATEGY) == Z_OK;
}

static void *gzip_open(struct pn_request *r, const void *settings)
{
    const struct deflate_server *conf = settings;
    struct gzip_coder           *coder = apr_pcalloc(r->pool, sizeof(*coder));

    return start(&coder->z, conf, conf->level ? (int)conf->level : Z_DEFAULT_COMPRESSION) ? coder : NULL;
}

static pn_rc gzip_run(void *arg, enum coder_op op, pn_str *in, struct coder_out *out)
{
    static const int flush[] = { [CODER_RUN] = Z_NO_FLUSH, [CODER_FLUSH] = Z_SYNC_FLUSH, [CODER_FINISH] = Z_FINISH };
    z_stream        *z = &((struct gzip_coder *)arg)->z;

    z->next_in = (Bytef *)(uintptr_t)in->p;
    z->avail_in = (uInt)in->n; /* chunks are at most some megabytes */
    z->next_out = (Bytef *)out->p + out->n;
    z->avail_out = (uInt)(out->cap - out->n);
    int result = deflate(z, flush[op]);
    *in = pn_str_from(*in, in->n - z->avail_in);
    out->n = out->cap - z->avail_out;
    if (result == Z_STREAM_END)
        return PN_OK;
    if (result != Z_OK && result != Z_BUF_ERROR)
        return PN_FAILED;
    return op == CODER_FINISH || z->avail_out == 0 ? PN_AGAIN : PN_OK;
}

static void gzip_close(void *arg)
{
    deflateEnd(&((struct gzip_coder *)arg)->z);
}

static const struct coder_ops gzip_ops = { .open = gzip_open, .run = gzip_run, .close = gzip_close };

static const struct content_coding gzip = {
    .token = PN_STR_INIT("gzip"),
    .alias = PN_STR_INIT("x-gzip"), /* RFC 9110 s8.4.1.3: the same */
    .suffix = PN_STR_INIT("-gzip"),
    .off_env = "no-gzip",
    .html_env = "gzip-only-text/html",
    .force_env = "force-gzip",
    .frame_bytes = 18,
    .ops = &gzip_ops,
};

/* ---- static files ---- */

static pn_rc make_variant(pn_str source, const void *arg, struct pn_buf *out)
{
    const struct deflate_server *conf = arg;
    z_stream                     z = { 0 };
    pn_rc                        rc = PN_LIMIT;

    if (!start(&z, conf, conf->best))
        return PN_SYSTEM;
    uLong room = deflateBound(&z, (uLong)source.n);
    if (room > out->max)
        room = (uLong)out->max;
    char *to = pn_buf_reserve(out, room);
    if (to) {
        z.next_in = (Bytef *)(uintptr_t)source.p;
        z.avail_in = (uInt)source.n;
        z.next_out = (Bytef *)to;
        z.avail_out = (uInt)room;
        rc = deflate(&z, Z_FINISH) == Z_STREAM_END ? PN_OK : PN_LIMIT;
        out->n = room - z.avail_out;
    }
    deflateEnd(&z);
    return rc;
}

static pn_rc post_config(struct pn_generation *generation, apr_pool_t *pool, bool check_only)
{
    (void)pool, (void)check_only;
    for (struct pn_server *s = generation->servers; s; s = s->next) {
        struct deflate_server *conf = PN_SERVER_CONF(s, &pn_module_deflate);
        conf->best = conf->level ? (int)conf->level : Z_BEST_COMPRESSION;
        conf->common.coder = conf;
        conf->common.variant = (struct pn_variant_kind){
            .name = pn_str_printf(generation->pool, "gzip %d %d %d", conf->best, window_bits(conf), (int)conf->mem_level),
            .make = make_variant,
            .arg = conf,
        };
    }
    return PN_OK;
}

/* ---- filters ---- */

PN_MAY_YIELD static struct pn_body *deflate_wrap(struct pn_request *r, struct pn_body *below, void *arg)
{
    const struct deflate_server *conf = pn_server_conf(r->server, &pn_module_deflate);

    (void)arg;
    return coding_wrap(r, below, &gzip, &conf->common);
}

/* INFLATE: for a client (or a filter) that wants the content as it is, whatever made it. */
PN_MAY_YIELD static struct pn_body *inflate_wrap(struct pn_request *r, struct pn_body *below, void *arg)
{
    const struct deflate_server *conf = pn_server_conf(r->server, &pn_module_deflate);

    (void)arg;
    if (r->main || r->status == 204 || r->status == 304 || pn_headers_has(&r->out, PN_HDR_CONTENT_RANGE) || below->length == 0)
        return below;
    if (!inflated_take_coding(r))
        return below;
    coding_change_etag(r, PN_STR("-gunzip"), conf->common.etag_policy);
    pn_headers_unset(&r->out, PN_HDR_CONTENT_LENGTH);
    pn_headers_unset(&r->out, PN_HDR_CONTENT_MD5);
    return inflated_body(r, below, NULL, (size_t)conf->common.buffer_bytes);
}

static struct pn_body *inflate_in_wrap(struct pn_request *r, struct pn_body *below, void *arg)
{
    const struct deflate_server *conf = pn_server_conf(r->server, &pn_module_deflate);
    const struct inflate_limits *limits = pn_dir_conf(r, &pn_module_deflate);

    (void)arg;
    if (r->main || !pn_has_request_body(r) || !inflated_take_request_coding(r))
        return below;
    return inflated_body(r, below, limits, (size_t)conf->common.buffer_bytes);
}

/* ---- settings ---- */

static const char *set_note(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    return coding_set_note(cmd, &((struct deflate_server *)conf)->common.notes, argc, argv);
}

#define SRV(member) PN_SLOT(struct deflate_server, member)
#define NUMBER(directive, member, least, most, standard, text)                                     \
    { .name = directive, .args = PN_TAKE1, .where = PN_CTX_SERVER, .slot = SRV(member), .min = least, .max = most, .dflt = standard, \
      .help = text }
#define LIMIT(directive, member, least, standard, text)                                            \
    { .name = directive, .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_ALL,                \
      .slot = PN_SLOT(struct inflate_limits, member), .min = least, .max = INT64_MAX, .dflt = standard, .help = text }

static const struct pn_directive directives[] = {
    { .name = "DeflateAlterETag", .args = PN_TAKE1, .where = PN_CTX_SERVER,
      .slot = PN_SLOT_AS(PN_SLOT_ENUM, struct deflate_server, common.etag_policy), .choices = etag_policy_names, .dflt = "AddSuffix",
      .help = "What becomes of the ETag of an answer that is compressed" },
    NUMBER("DeflateBufferSize", common.buffer_bytes, 1, 1 << 26, "8096", "Bytes of compressed output handed on at a time"),
    NUMBER("DeflateCompressionLevel", level, 1, 9, NULL, "How hard to compress, 1 to 9; default: 6, and 9 for static files"),
    NUMBER("DeflateMemLevel", mem_level, 1, 9, "9", "How much memory zlib may use, 1 to 9"),
    NUMBER("DeflateWindowSize", window_bits, 1, 15, "15", "How far back zlib looks, as a power of two"),
    { .name = "DeflateFilterNote", .args = PN_TAKE12, .where = PN_CTX_SERVER, .set = set_note,
      .help = "Note for the logs: [Input|Output|Ratio] name" },
    LIMIT("DeflateInflateLimitRequestBody", body_bytes, 0, NULL, "Largest request body after inflating; default: LimitRequestBody"),
    LIMIT("DeflateInflateRatioLimit", ratio, 1, "200", "How many times larger a request body may become by inflating"),
    LIMIT("DeflateInflateRatioBurst", burst, 1, "3", "How often it may be over that ratio on the way"),
    { 0 }
};

static void server_merge(apr_pool_t *pool, const void *base, const void *add, void *merged)
{
    (void)pool, (void)base;
    coding_merge_notes(&((struct deflate_server *)merged)->common.notes, &((const struct deflate_server *)add)->common.notes);
}

static void limits_merge(apr_pool_t *pool, const void *base, const void *add, void *merged)
{
    (void)pool, (void)base;
    if (pn_conf_is_set(add, &pn_module_deflate, "DeflateInflateLimitRequestBody"))
        ((struct inflate_limits *)merged)->body_set = true;
}

static void hooks(struct pn_hooks *h)
{
    static const struct pn_filter deflate_out = { .name = "DEFLATE", .type = PN_FILTER_CONTENT_SET, .wrap = deflate_wrap };
    static const struct pn_filter inflate_out = { .name = "INFLATE", .type = PN_FILTER_RESOURCE - 1, .wrap = inflate_wrap };
    static const struct pn_filter inflate_in = { .name = "DEFLATE", .type = PN_FILTER_CONTENT_SET, .wrap = inflate_in_wrap };

    pn_output_filter(h, &deflate_out);
    pn_output_filter(h, &inflate_out);
    pn_input_filter(h, &inflate_in);
    pn_hook_post_config(h, post_config, (struct pn_order){ 0 });
}

struct pn_module pn_module_deflate = {
    .api = PN_MODULE_API,
    .name = "mod_deflate.c",
    .apache_id = "deflate_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct inflate_limits),
    .dir_conf_merge = limits_merge,
    .server_conf_size = sizeof(struct deflate_server),
    .server_conf_merge = server_merge,
    .hooks = hooks,
};
