/* mod_charset_lite - answers (and bodies of requests) from the character set that files are in to the one that clients get:
 * CharsetSourceEnc, CharsetDefault.
 * Runs: insert_filter, and as the filters XLATEOUT and XLATEIN.   Yields: as the body below.   Config: struct charset_conf.
 * Spec: Apache manual, mod_charset_lite. */
#include "recoded_body.h"

struct charset_conf {
    pn_str source, target;   /* CharsetSourceEnc, CharsetDefault; empty: not set */
    bool   no_implicit_add;  /* CharsetOptions */
    bool   all_types;
    bool   add_set, types_set;
};

struct pn_module pn_module_charset_lite;

/* ---- the filters ---- */

static bool has_both(const struct charset_conf *conf)
{
    return conf->source.n && conf->target.n && !pn_str_ieq(conf->source, conf->target);
}

/* Text, by its type: what else there is has its character set inside, or none. */
static bool is_text(pn_str type)
{
    return pn_str_istarts(type, PN_STR("text/")) || pn_str_istarts(type, PN_STR("message/"));
}

static struct recoding *recoding_of(struct pn_request *r, pn_str from, pn_str to)
{
    struct recoding *recoding = apr_palloc(r->pool, sizeof(*recoding));

    *recoding = (struct recoding){ .from = from.p, .to = to.p, .module = &pn_module_charset_lite };
    return recoding;
}

static struct pn_body *out_wrap(struct pn_request *r, struct pn_body *below, void *arg)
{
    const struct charset_conf *conf = pn_dir_conf(r, &pn_module_charset_lite);

    (void)arg;
    if (!has_both(conf) || below->length == 0 || !(conf->all_types || is_text(r->content_type)))
        return below;
    pn_headers_unset(&r->out, PN_HDR_CONTENT_LENGTH);
    return recoded_body(r, below, recoding_of(r, conf->source, conf->target));
}

static struct pn_body *in_wrap(struct pn_request *r, struct pn_body *below, void *arg)
{
    const struct charset_conf *conf = pn_dir_conf(r, &pn_module_charset_lite);
    pn_str                     type = pn_headers_get(&r->in, PN_HDR_CONTENT_TYPE);

    (void)arg;
    if (!has_both(conf) || !pn_has_request_body(r) || !(conf->all_types || is_text(type)))
        return below;
    return recoded_body(r, below, recoding_of(r, conf->target, conf->source));
}

static enum pn_verdict insert(struct pn_request *r)
{
    const struct charset_conf *conf = pn_dir_conf(r, &pn_module_charset_lite);

    /* COMPAT: 2.4 leaves what is included in a page to the page's own translation */
    if (r->main || conf->no_implicit_add || !has_both(conf))
        return PN_NEXT;
    if (pn_add_output_filter(r, PN_STR("XLATEOUT"), NULL) != PN_OK || pn_add_input_filter(r, PN_STR("XLATEIN"), NULL) != PN_OK)
        return pn_reject_quietly(r, 500);
    return PN_NEXT;
}

static bool translates(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct charset_conf *conf = dir_conf;

    (void)server, (void)server_conf;
    return conf && has_both(conf) && !conf->no_implicit_add;
}

/* ---- settings ---- */

static const char *set_charset(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct charset_conf *charset = conf;
    bool                 source = strcasecmp(cmd->row->name, "CharsetSourceEnc") == 0;

    (void)argc;
    if (!recoding_exists(argv[0].p, "UTF-8") || !recoding_exists("UTF-8", argv[0].p))
        return pn_conf_error_text(cmd, "%s: this system does not know the character set %s", cmd->row->name, argv[0].p);
    *(source ? &charset->source : &charset->target) = argv[0];
    return NULL;
}

static const char *set_options(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct charset_conf *charset = conf;

    for (unsigned i = 0; i < argc; i++) {
        bool no = pn_str_istarts(argv[i], PN_STR("No"));
        pn_str name = pn_str_from(argv[i], no ? 2 : 0);
        if (pn_str_ieq(name, PN_STR("ImplicitAdd"))) {
            charset->no_implicit_add = no;
            charset->add_set = true;
        }
        else if (pn_str_ieq(name, PN_STR("TranslateAllMimeTypes"))) {
            charset->all_types = !no;
            charset->types_set = true;
        }
        else if (pn_str_istarts(argv[i], PN_STR("DebugLevel=")))
            pn_conf_warn(cmd, "CharsetOptions DebugLevel has no effect: use LogLevel charset_lite:debug");
        else
            return pn_conf_error_text(cmd, "Invalid CharsetOptions option: %.*s", PN_FMT(argv[i]));
    }
    return NULL;
}

static void dir_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct charset_conf *inner = add;
    struct charset_conf       *merged = out;

    (void)pool, (void)base;
    if (inner->source.n)
        merged->source = inner->source;
    if (inner->target.n)
        merged->target = inner->target;
    if (inner->add_set) {
        merged->no_implicit_add = inner->no_implicit_add;
        merged->add_set = true;
    }
    if (inner->types_set) {
        merged->all_types = inner->all_types;
        merged->types_set = true;
    }
}

static const struct pn_directive directives[] = {
    { .name = "CharsetSourceEnc", .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO, .set = set_charset,
      .help = "The character set that files are in" },
    { .name = "CharsetDefault", .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO, .set = set_charset,
      .help = "The character set that files are sent in" },
    { .name = "CharsetOptions", .args = PN_LIST, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO, .set = set_options,
      .dflt = "ImplicitAdd NoTranslateAllMimeTypes", .help = "[No]ImplicitAdd: the filters are there without being named; "
      "[No]TranslateAllMimeTypes: not text alone" },
    { 0 }
};

static void hooks(struct pn_hooks *h)
{
    static const struct pn_filter out = { .name = "XLATEOUT", .type = PN_FILTER_RESOURCE, .wrap = out_wrap };
    static const struct pn_filter in = { .name = "XLATEIN", .type = PN_FILTER_RESOURCE, .wrap = in_wrap };

    pn_output_filter(h, &out);
    pn_input_filter(h, &in);
    pn_hook_insert_filter(h, insert, { .pos = PN_ORDER_REALLY_LAST, .when = translates });
}

struct pn_module pn_module_charset_lite = {
    .api = PN_MODULE_API,
    .name = "mod_charset_lite.c",
    .apache_id = "charset_lite_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct charset_conf),
    .dir_conf_merge = dir_merge,
    .hooks = hooks,
};
