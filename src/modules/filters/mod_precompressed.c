/* mod_precompressed - files that were compressed beforehand: page.html.br, .zst or .gz beside page.html, sent to who takes them.
 * Runs: handler, before the core's.   Yields: for look-ups that are cold.   Config: struct precompressed_conf.
 * Spec: this project's own; RFC 9110 s12.5.3 for the choice.
 *
 * The sibling is looked up as a subrequest, so it has its own access control, and answers with its own validators: they differ
 * from those of the plain file, as RFC 9110 s8.8.3.3 wants it. */
#include <pinion/cgi.h>

#include "content_coding.h"

/* In the order of preference where the client has none. */
static const struct coding { pn_str token, alias, extension; } codings[] = {
    { PN_STR_INIT("br"), PN_STR_INIT(""), PN_STR_INIT(".br") },
    { PN_STR_INIT("zstd"), PN_STR_INIT(""), PN_STR_INIT(".zst") },
    { PN_STR_INIT("gzip"), PN_STR_INIT("x-gzip"), PN_STR_INIT(".gz") },
};

struct precompressed_conf { bool on; };

struct pn_module pn_module_precompressed;

/* The sibling for a coding, if there is one that r may have. */
PN_MAY_YIELD static struct pn_request *sibling(struct pn_request *r, const struct coding *coding)
{
    struct pn_request *sub = pn_sub_lookup_file(r, PN_CAT(r->pool, r->filename, coding->extension), PN_STR(""));

    return sub->status == 200 && sub->finfo.type == PN_FILE_REGULAR ? sub : NULL;
}

static void copy_field(struct pn_request *to, const struct pn_request *from, enum pn_hdr id)
{
    pn_str value = pn_headers_get(&from->out, id);

    if (value.p)
        pn_headers_set(&to->out, id, value);
}

/* @return false: the sibling can't be sent after all. */
PN_MAY_YIELD static bool take(struct pn_request *r, struct pn_request *sub, const struct coding *coding)
{
    sub->handler = PN_STR("");
    if (pn_sub_run(sub) != PN_OK)
        return false;
    r->body = sub->body;
    sub->body = NULL;
    r->status = sub->status;
    r->mtime = sub->mtime;
    copy_field(r, sub, PN_HDR_ETAG);
    copy_field(r, sub, PN_HDR_LAST_MODIFIED);
    copy_field(r, sub, PN_HDR_ACCEPT_RANGES);
    pn_headers_set(&r->out, PN_HDR_CONTENT_ENCODING, coding->token);
    r->content_encoding = coding->token;
    return true;
}

/* The coding that the client likes best among those not tried yet. @return NULL: there is none that it takes. */
static const struct coding *best_of(unsigned quality[])
{
    size_t best = 0;

    for (size_t i = 1; i < PN_COUNT(codings); i++)
        if (quality[i] > quality[best])
            best = i;
    if (quality[best] == 0)
        return NULL;
    quality[best] = 0;
    return &codings[best];
}

/* 304 and 412, by the validators of the form that is sent. */
static void apply_conditions(struct pn_request *r)
{
    int status = r->status == 200 ? pn_meets_conditions(r) : 0;

    if (!status)
        return;
    pn_body_close(r->body);
    r->status = status;
    r->body = pn_body_empty(r);
}

PN_MAY_YIELD static enum pn_verdict serve(struct pn_request *r)
{
    const struct coding *coding;
    unsigned             quality[PN_COUNT(codings)];
    pn_str               accept;

    if (r->finfo.type != PN_FILE_REGULAR || r->handler.n || r->main || r->path_info.n || r->content_encoding.n ||
        (r->method_id != PN_METHOD_GET && r->method_id != PN_METHOD_HEAD))
        return PN_NEXT;
    coding_vary(r);
    accept = pn_headers_joined(&r->in, r->pool, PN_HDR_ACCEPT_ENCODING);
    for (size_t i = 0; i < PN_COUNT(codings); i++)
        quality[i] = accept.p ? coding_quality(accept, codings[i].token, codings[i].alias) : 0;
    while ((coding = best_of(quality))) {
        struct pn_request *sub = sibling(r, coding);
        if (!sub || !take(r, sub, coding))
            continue;
        apply_conditions(r);
        return PN_HANDLED;
    }
    return PN_NEXT;
}

static bool is_on(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    (void)server, (void)server_conf;
    return !dir_conf || ((const struct precompressed_conf *)dir_conf)->on;
}

static const struct pn_directive directives[] = {
    { .name = "PrecompressedFiles", .args = PN_FLAG, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO,
      .slot = PN_SLOT(struct precompressed_conf, on), .dflt = "Off",
      .help = "Whether file.br, file.zst or file.gz answers for file where the client takes it" },
    { 0 }
};

static void hooks(struct pn_hooks *h)
{
    pn_hook_handler(h, serve, { .when = is_on });
}

struct pn_module pn_module_precompressed = {
    .api = PN_MODULE_API,
    .name = "mod_precompressed.c",
    .apache_id = "precompressed_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct precompressed_conf),
    .hooks = hooks,
};
