/* mod_xml2enc - markup in any character set as UTF-8, for filters that read it, and as the filter xml2enc.
 * Runs: as a filter, or called by one (pinion/markup.h).   Yields: as the body below.   Config: struct xml2enc_conf.
 * Spec: Apache manual, mod_xml2enc. */
#define PN_LOG_MODULE &pn_module_xml2enc
#include <pinion/log.h>

#include <pinion/markup.h>

#include "coded_body.h"
#include "markup_sniff.h"
#include "recoded_body.h"

#define HEAD_BYTES ((size_t)4096) /* of a page that are searched for a declaration */

struct alias { pn_str charset, name; };

struct xml2enc_server { apr_array_header_t *aliases; /* of struct alias; of the main server; may be NULL */ };
struct xml2enc_conf {
    pn_str              fallback;  /* xml2EncDefault */
    apr_array_header_t *start;     /* xml2StartParse: of pn_str; may be NULL */
};

struct pn_module pn_module_xml2enc;

/* ---- the beginning of a page ---- */

struct beginning {
    struct pn_buf   bytes;
    bool            ended; /* that is all of the page */
    struct pn_body *rest;
};

/* Pulls until there is enough to look at, or until waiting for more would keep the client waiting. */
PN_MAY_YIELD static pn_rc pull_beginning(struct pn_request *r, struct pn_body *below, struct beginning *ret)
{
    struct pn_chunk chunk;
    pn_rc           rc = PN_OK;

    ret->rest = pn_body_in_memory(r, below);
    pn_buf_init(&ret->bytes, r->pool, (size_t)1 << 30);
    do {
        chunk = (struct pn_chunk){ .fd = -1 };
        rc = pn_body_next(ret->rest, &chunk);
        if (rc == PN_OK)
            pn_buf_str(&ret->bytes, chunk.bytes);
    } while (rc == PN_OK && !chunk.last && !(chunk.flush && ret->bytes.n) && ret->bytes.n < HEAD_BYTES);
    ret->ended = rc == PN_EOF || (rc == PN_OK && chunk.last);
    return rc == PN_EOF ? PN_OK : rc;
}

/* The page again: what of its beginning is to stay, then the rest. */
static struct pn_body *page_again(struct pn_request *r, const struct beginning *begin, const struct markup_sniff *sniff, size_t start)
{
    pn_str          all = pn_buf_view(&begin->bytes);
    size_t          from = start > sniff->skip ? start : sniff->skip, parts_n = 0;
    struct pn_body *parts[3];

    if (sniff->cut_end > sniff->cut && sniff->cut >= from) {
        parts[parts_n++] = pn_body_bytes(r, pn_str_n(all.p + from, sniff->cut - from));
        from = sniff->cut_end;
    }
    parts[parts_n++] = pn_body_bytes(r, pn_str_from(all, from));
    if (!begin->ended)
        parts[parts_n++] = begin->rest;
    struct pn_body *body = pn_body_concat(r, parts, parts_n);
    if (!begin->ended)
        body->length = -1;
    return body;
}

/* ---- which character set ---- */

static pn_str by_alias(const struct pn_request *r, pn_str charset)
{
    const struct xml2enc_server *conf = pn_server_conf(r->server->generation->servers, &pn_module_xml2enc);

    for (int i = 0; conf->aliases && i < conf->aliases->nelts; i++) {
        const struct alias *alias = &APR_ARRAY_IDX(conf->aliases, i, struct alias);
        if (pn_str_ieq(alias->name, charset))
            return alias->charset;
    }
    return charset;
}

/* What of these is said first and known; NUL-terminated. */
static pn_str choose(struct pn_request *r, pn_str of_type, pn_str of_page)
{
    const struct xml2enc_conf *conf = pn_dir_conf(r, &pn_module_xml2enc);
    pn_str                     said[] = { of_type, of_page, conf->fallback };

    for (size_t i = 0; i < PN_COUNT(said); i++) {
        pn_str name = said[i].n ? pn_str_dup(r->pool, by_alias(r, said[i])) : PN_STR("");
        if (name.n && (pn_str_ieq(name, PN_STR("utf-8")) || recoding_exists(name.p, "UTF-8")))
            return name;
        if (name.n)
            PN_LOG_R(r, PN_LOG_WARNING, 1436, 0, "Charset %s not supported.  Consider aliasing it?", pn_str_escape(r->pool, name).p);
    }
    return PN_STR("ISO-8859-1");
}

static struct recoding *recoding_of(struct pn_request *r, pn_str from, pn_str to)
{
    struct recoding *recoding = apr_palloc(r->pool, sizeof(*recoding));

    *recoding = (struct recoding){ .from = from.p, .to = to.p, .module = &pn_module_xml2enc, .lenient = true };
    return recoding;
}

PN_MAY_YIELD static struct pn_body *to_utf8(struct pn_request *r, struct pn_body *below, pn_str *ret_charset)
{
    const struct xml2enc_conf *conf = pn_dir_conf(r, &pn_module_xml2enc);
    struct beginning           begin = { 0 };
    struct markup_sniff        sniff;
    size_t                     start = 0;
    pn_rc                      rc = pull_beginning(r, below, &begin);
    pn_str                     of_type = markup_charset_param(r->content_type);

    *ret_charset = PN_STR("UTF-8");
    if (rc != PN_OK) /* told when it is pulled again */
        return body_after(r, rc, &(struct pn_chunk){ .fd = -1 }, begin.rest);
    markup_sniff(pn_buf_view(&begin.bytes), &sniff);
    if (conf->start)
        start = markup_find_element(pn_buf_view(&begin.bytes), (const pn_str *)conf->start->elts, conf->start->nelts);
    *ret_charset = choose(r, of_type, sniff.charset);
    if (of_type.n && sniff.skip == 0)
        sniff.cut = sniff.cut_end = 0;
    struct pn_body *body = page_again(r, &begin, &sniff, start == SIZE_MAX ? 0 : start);
    if (pn_str_ieq(*ret_charset, PN_STR("utf-8")))
        return body;
    return recoded_body(r, body, recoding_of(r, *ret_charset, PN_STR("UTF-8")));
}

static struct pn_body *from_utf8(struct pn_request *r, struct pn_body *below, pn_str charset)
{
    return pn_str_ieq(charset, PN_STR("utf-8")) ? below : recoded_body(r, below, recoding_of(r, PN_STR("UTF-8"), charset));
}

/* ---- the filter ---- */

static bool is_markup(pn_str type)
{
    return pn_str_istarts(type, PN_STR("text/")) || pn_str_ifind(type, PN_STR("xml")) != SIZE_MAX;
}

PN_MAY_YIELD static struct pn_body *wrap(struct pn_request *r, struct pn_body *below, void *arg)
{
    pn_str charset, rest;

    (void)arg;
    if (!is_markup(r->content_type) || r->head_only)
        return below;
    struct pn_body *body = below->length == 0 ? below : to_utf8(r, below, &charset);
    pn_headers_unset(&r->out, PN_HDR_CONTENT_LENGTH);
    r->content_type = PN_CAT(r->pool, pn_str_cut(r->content_type, ';', &rest), PN_STR(";charset=utf-8"));
    return body;
}

/* ---- settings ---- */

static const char *set_default(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    (void)argc;
    if (!recoding_exists(argv[0].p, "UTF-8"))
        return "Invalid or unsupported default charset";
    ((struct xml2enc_conf *)conf)->fallback = argv[0];
    (void)cmd;
    return NULL;
}

static const char *set_alias(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct xml2enc_server *server = conf;

    if (argc < 2)
        return "xml2EncAlias takes a character set and its other names";
    if (!recoding_exists(argv[0].p, "UTF-8"))
        return pn_conf_error_text(cmd, "xml2EncAlias: this system does not know the character set %s", argv[0].p);
    if (!server->aliases)
        server->aliases = apr_array_make(cmd->pool, 4, sizeof(struct alias));
    for (unsigned i = 1; i < argc; i++)
        *(struct alias *)apr_array_push(server->aliases) = (struct alias){ .charset = argv[0], .name = argv[i] };
    return NULL;
}

static void dir_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct xml2enc_conf *inner = add;
    struct xml2enc_conf       *merged = out;

    (void)pool, (void)base;
    if (inner->fallback.n)
        merged->fallback = inner->fallback;
}

static const struct pn_directive directives[] = {
    { .name = "xml2EncDefault", .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO, .set = set_default,
      .help = "The character set of pages that say none" },
    { .name = "xml2EncAlias", .args = PN_LIST, .where = PN_CTX_MAIN, .set = set_alias, .scope = PN_SCOPE_SERVER,
      .help = "Other names of a character set" },
    { .name = "xml2StartParse", .args = PN_LIST, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO,
      .slot = PN_SLOT(struct xml2enc_conf, start), .help = "Leave out what stands before the first of these elements" },
    { 0 }
};

static void hooks(struct pn_hooks *h)
{
    static const struct pn_filter         filter = { .name = "XML2ENC", .type = PN_FILTER_RESOURCE, .wrap = wrap };
    static const struct pn_markup_charset charset = { .to_utf8 = to_utf8, .from_utf8 = from_utf8 };

    pn_output_filter(h, &filter);
    pn_provide(h, PN_MARKUP_GROUP, "xml2enc", &charset);
}

struct pn_module pn_module_xml2enc = {
    .api = PN_MODULE_API,
    .name = "mod_xml2enc.c",
    .apache_id = "xml2enc_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct xml2enc_conf),
    .dir_conf_merge = dir_merge,
    .server_conf_size = sizeof(struct xml2enc_server),
    .hooks = hooks,
};
