/* mod_zstd - answers compressed with Zstandard: the output filter ZSTD_COMPRESS.
 * Runs: as a filter.   Yields: for large pieces.   Config: struct zstd_server.   Spec: RFC 8878, RFC 9659 (window of at most 8 MB).
 *
 * The sibling of mod_brotli, with the same directives under its own name. A static file is compressed once, and kept. */
#define PN_LOG_MODULE &pn_module_zstd
#include <pinion/log.h>

#include <zstd.h>

#include "content_coding.h"

/* Levels for files that are compressed once. */
#define BEST_LEVEL 19
#define BEST_UP_TO_BYTES (1024 * 1024)
#define GOOD_LEVEL 12
#define MOST_WINDOW_BITS 23 /* RFC 9659 s2 */

struct zstd_server {
    struct coding_settings common;
    int64_t level, window_bits;
    bool    level_set;
};

struct pn_module pn_module_zstd;

/* ---- the coder ---- */

static ZSTD_CCtx *start(const struct zstd_server *conf, int level)
{
    ZSTD_CCtx *state = ZSTD_createCCtx();

    if (!state)
        return NULL;
    ZSTD_CCtx_setParameter(state, ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(state, ZSTD_c_windowLog, (int)conf->window_bits);
    return state;
}

static void *zstd_open(struct pn_request *r, const void *settings)
{
    const struct zstd_server *conf = settings;

    (void)r;
    return start(conf, (int)conf->level);
}

static pn_rc zstd_run(void *coder, enum coder_op op, pn_str *in, struct coder_out *out)
{
    static const ZSTD_EndDirective directive[] = { [CODER_RUN] = ZSTD_e_continue, [CODER_FLUSH] = ZSTD_e_flush, [CODER_FINISH] = ZSTD_e_end };
    ZSTD_inBuffer  from = { .src = in->p, .size = in->n };
    ZSTD_outBuffer to = { .dst = out->p, .size = out->cap, .pos = out->n };
    size_t         left;

    do {
        left = ZSTD_compressStream2(coder, &to, &from, directive[op]);
        if (ZSTD_isError(left))
            return PN_FAILED;
    } while (to.pos < to.size && (from.pos < from.size || (left && op != CODER_RUN)));
    *in = pn_str_from(*in, from.pos);
    out->n = to.pos;
    return in->n || (left && op != CODER_RUN) ? PN_AGAIN : PN_OK;
}

static void zstd_close(void *coder)
{
    ZSTD_freeCCtx(coder);
}

static const struct coder_ops zstd_ops = { .open = zstd_open, .run = zstd_run, .close = zstd_close };

static const struct content_coding zstd = {
    .token = PN_STR_INIT("zstd"),
    .suffix = PN_STR_INIT("-zstd"),
    .off_env = "no-zstd",
    .ops = &zstd_ops,
};

/* ---- static files ---- */

static pn_rc make_variant(pn_str source, const void *arg, struct pn_buf *out)
{
    const struct zstd_server *conf = arg;
    int                       level = (int)conf->level;
    size_t                    n = ZSTD_compressBound(source.n);

    if (!conf->level_set)
        level = source.n <= BEST_UP_TO_BYTES ? BEST_LEVEL : GOOD_LEVEL;
    if (n > out->max)
        n = out->max;
    char      *to = pn_buf_reserve(out, n);
    ZSTD_CCtx *state = to ? start(conf, level) : NULL;

    if (!state)
        return PN_SYSTEM;
    size_t written = ZSTD_compress2(state, to, n, source.p, source.n);
    ZSTD_freeCCtx(state);
    if (ZSTD_isError(written))
        return PN_LIMIT;
    out->n = written;
    return PN_OK;
}

static pn_rc post_config(struct pn_generation *generation, apr_pool_t *pool, bool check_only)
{
    (void)pool, (void)check_only;
    for (struct pn_server *s = generation->servers; s; s = s->next) {
        struct zstd_server *conf = PN_SERVER_CONF(s, &pn_module_zstd);
        conf->level_set = pn_conf_is_set(conf, &pn_module_zstd, "ZstdCompressionLevel");
        conf->common.coder = conf;
        conf->common.buffer_bytes = 8096;
        conf->common.variant = (struct pn_variant_kind){
            .name = pn_str_printf(generation->pool, "zstd %d %d", conf->level_set ? (int)conf->level : -1, (int)conf->window_bits),
            .make = make_variant,
            .arg = conf,
        };
    }
    return PN_OK;
}

/* ---- settings ---- */

PN_MAY_YIELD static struct pn_body *zstd_wrap(struct pn_request *r, struct pn_body *below, void *arg)
{
    const struct zstd_server *conf = pn_server_conf(r->server, &pn_module_zstd);

    (void)arg;
    return coding_wrap(r, below, &zstd, &conf->common);
}

static const char *set_note(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    return coding_set_note(cmd, &((struct zstd_server *)conf)->common.notes, argc, argv);
}

#define SRV(member) PN_SLOT(struct zstd_server, member)

static const struct pn_directive directives[] = {
    { .name = "ZstdAlterETag", .args = PN_TAKE1, .where = PN_CTX_SERVER,
      .slot = PN_SLOT_AS(PN_SLOT_ENUM, struct zstd_server, common.etag_policy), .choices = etag_policy_names, .dflt = "AddSuffix",
      .help = "What becomes of the ETag of an answer that is compressed" },
    { .name = "ZstdCompressionLevel", .args = PN_TAKE1, .where = PN_CTX_SERVER, .slot = SRV(level), .min = 1, .max = 19, .dflt = "3",
      .help = "How hard to compress, 1 to 19; default: 3, and more for static files" },
    { .name = "ZstdCompressionWindow", .args = PN_TAKE1, .where = PN_CTX_SERVER, .slot = SRV(window_bits), .min = 10,
      .max = MOST_WINDOW_BITS, .dflt = "18", .help = "How far back to look, as a power of two" },
    { .name = "ZstdFilterNote", .args = PN_TAKE12, .where = PN_CTX_SERVER, .set = set_note,
      .help = "Note for the logs: [Input|Output|Ratio] name" },
    { 0 }
};

static void server_merge(apr_pool_t *pool, const void *base, const void *add, void *merged)
{
    (void)pool, (void)base;
    coding_merge_notes(&((struct zstd_server *)merged)->common.notes, &((const struct zstd_server *)add)->common.notes);
}

static void hooks(struct pn_hooks *h)
{
    static const struct pn_filter compress = { .name = "ZSTD_COMPRESS", .type = PN_FILTER_CONTENT_SET, .wrap = zstd_wrap };

    pn_output_filter(h, &compress);
    pn_hook_post_config(h, post_config, (struct pn_order){ 0 });
}

struct pn_module pn_module_zstd = {
    .api = PN_MODULE_API,
    .name = "mod_zstd.c",
    .apache_id = "zstd_module",
    .directives = directives,
    .server_conf_size = sizeof(struct zstd_server),
    .server_conf_merge = server_merge,
    .hooks = hooks,
};
