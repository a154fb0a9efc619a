/* mod_brotli - answers compressed with Brotli: the output filter BROTLI_COMPRESS.
 * Runs: as a filter.   Yields: for large pieces.   Config: struct brotli_server.   Spec: Apache manual, mod_brotli; RFC 7932.
 *
 * A static file is compressed once, at a quality that grows as the file gets smaller, and kept (pinion/variant.h). */
#define PN_LOG_MODULE &pn_module_brotli
#include <pinion/log.h>

#include <brotli/encode.h>

#include "content_coding.h"

/* Quality for files that are compressed once: 11 takes some 2 µs a byte, 9 a tenth of that. */
#define BEST_UP_TO_BYTES (128 * 1024)
#define GOOD_QUALITY 9
#define LEAST_BLOCK_BITS 16

struct brotli_server {
    struct coding_settings common;
    int64_t quality, window_bits, block_bits; /* block_bits 0: the library chooses */
    bool    quality_set;
};

struct pn_module pn_module_brotli;

/* ---- the coder ---- */

static BrotliEncoderState *start(const struct brotli_server *conf, uint32_t quality)
{
    BrotliEncoderState *state = BrotliEncoderCreateInstance(NULL, NULL, NULL);

    if (!state)
        return NULL;
    BrotliEncoderSetParameter(state, BROTLI_PARAM_QUALITY, quality);
    BrotliEncoderSetParameter(state, BROTLI_PARAM_LGWIN, (uint32_t)conf->window_bits);
    if (conf->block_bits)
        BrotliEncoderSetParameter(state, BROTLI_PARAM_LGBLOCK, (uint32_t)conf->block_bits);
    return state;
}

static void *brotli_open(struct pn_request *r, const void *settings)
{
    const struct brotli_server *conf = settings;

    (void)r;
    return start(conf, (uint32_t)conf->quality);
}

static pn_rc brotli_run(void *coder, enum coder_op op, pn_str *in, struct coder_out *out)
{
    static const BrotliEncoderOperation operations[] = {
        [CODER_RUN] = BROTLI_OPERATION_PROCESS, [CODER_FLUSH] = BROTLI_OPERATION_FLUSH, [CODER_FINISH] = BROTLI_OPERATION_FINISH
    };
    const uint8_t *next_in = (const uint8_t *)in->p;
    size_t         in_left = in->n, room = out->cap - out->n;
    uint8_t       *next_out = (uint8_t *)out->p + out->n;

    if (!BrotliEncoderCompressStream(coder, operations[op], &in_left, &next_in, &room, &next_out, NULL))
        return PN_FAILED;
    *in = pn_str_from(*in, in->n - in_left);
    out->n = out->cap - room;
    return in_left || BrotliEncoderHasMoreOutput(coder) || (op == CODER_FINISH && !BrotliEncoderIsFinished(coder)) ? PN_AGAIN : PN_OK;
}

static void brotli_close(void *coder)
{
    BrotliEncoderDestroyInstance(coder);
}

static const struct coder_ops brotli_ops = { .open = brotli_open, .run = brotli_run, .close = brotli_close };

static const struct content_coding brotli = {
    .token = PN_STR_INIT("br"),
    .suffix = PN_STR_INIT("-br"),
    .off_env = "no-brotli",
    .ops = &brotli_ops,
};

/* ---- static files ---- */

static pn_rc make_variant(pn_str source, const void *arg, struct pn_buf *out)
{
    const struct brotli_server *conf = arg;
    uint32_t                    quality = (uint32_t)conf->quality;
    size_t                      n = BrotliEncoderMaxCompressedSize(source.n);

    if (!conf->quality_set)
        quality = source.n <= BEST_UP_TO_BYTES ? BROTLI_MAX_QUALITY : GOOD_QUALITY;
    if (n == 0 || n > out->max)
        n = out->max;
    char                     *to = pn_buf_reserve(out, n);
    BrotliEncoderState       *state = to ? start(conf, quality) : NULL;
    pn_str                    in = source;
    struct coder_out          all = { .p = to, .cap = n };

    if (!state)
        return PN_SYSTEM;
    BrotliEncoderSetParameter(state, BROTLI_PARAM_SIZE_HINT, (uint32_t)source.n);
    pn_rc rc = brotli_run(state, CODER_FINISH, &in, &all);
    BrotliEncoderDestroyInstance(state);
    out->n = all.n;
    return rc == PN_OK ? PN_OK : PN_LIMIT;
}

static pn_rc post_config(struct pn_generation *generation, apr_pool_t *pool, bool check_only)
{
    (void)pool, (void)check_only;
    for (struct pn_server *s = generation->servers; s; s = s->next) {
        struct brotli_server *conf = PN_SERVER_CONF(s, &pn_module_brotli);
        conf->quality_set = pn_conf_is_set(conf, &pn_module_brotli, "BrotliCompressionQuality");
        conf->common.coder = conf;
        conf->common.buffer_bytes = 8096;
        conf->common.variant = (struct pn_variant_kind){
            .name = pn_str_printf(generation->pool, "br %d %d %d", conf->quality_set ? (int)conf->quality : -1,
                                  (int)conf->window_bits, (int)conf->block_bits),
            .make = make_variant,
            .arg = conf,
        };
    }
    return PN_OK;
}

/* ---- settings ---- */

PN_MAY_YIELD static struct pn_body *brotli_wrap(struct pn_request *r, struct pn_body *below, void *arg)
{
    const struct brotli_server *conf = pn_server_conf(r->server, &pn_module_brotli);

    (void)arg;
    return coding_wrap(r, below, &brotli, &conf->common);
}

static const char *set_note(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    return coding_set_note(cmd, &((struct brotli_server *)conf)->common.notes, argc, argv);
}

#define SRV(member) PN_SLOT(struct brotli_server, member)

static const struct pn_directive directives[] = {
    { .name = "BrotliAlterETag", .args = PN_TAKE1, .where = PN_CTX_SERVER,
      .slot = PN_SLOT_AS(PN_SLOT_ENUM, struct brotli_server, common.etag_policy), .choices = etag_policy_names, .dflt = "AddSuffix",
      .help = "What becomes of the ETag of an answer that is compressed" },
    { .name = "BrotliCompressionMaxInputBlock", .args = PN_TAKE1, .where = PN_CTX_SERVER, .slot = SRV(block_bits),
      .min = LEAST_BLOCK_BITS, .max = 24, .help = "Largest input block, as a power of two; default: by quality" },
    { .name = "BrotliCompressionQuality", .args = PN_TAKE1, .where = PN_CTX_SERVER, .slot = SRV(quality), .min = 0,
      .max = BROTLI_MAX_QUALITY, .dflt = "5", .help = "How hard to compress, 0 to 11; default: 5, and more for static files" },
    { .name = "BrotliCompressionWindow", .args = PN_TAKE1, .where = PN_CTX_SERVER, .slot = SRV(window_bits), .min = 10, .max = 24,
      .dflt = "18", .help = "How far back to look, as a power of two" },
    { .name = "BrotliFilterNote", .args = PN_TAKE12, .where = PN_CTX_SERVER, .set = set_note,
      .help = "Note for the logs: [Input|Output|Ratio] name" },
    { 0 }
};

static void server_merge(apr_pool_t *pool, const void *base, const void *add, void *merged)
{
    (void)pool, (void)base;
    coding_merge_notes(&((struct brotli_server *)merged)->common.notes, &((const struct brotli_server *)add)->common.notes);
}

static void hooks(struct pn_hooks *h)
{
    static const struct pn_filter compress = { .name = "BROTLI_COMPRESS", .type = PN_FILTER_CONTENT_SET, .wrap = brotli_wrap };

    pn_output_filter(h, &compress);
    pn_hook_post_config(h, post_config, (struct pn_order){ 0 });
}

struct pn_module pn_module_brotli = {
    .api = PN_MODULE_API,
    .name = "mod_brotli.c",
    .apache_id = "brotli_module",
    .directives = directives,
    .server_conf_size = sizeof(struct brotli_server),
    .server_conf_merge = server_merge,
    .hooks = hooks,
};
