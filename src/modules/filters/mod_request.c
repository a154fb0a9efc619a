/* mod_request - request bodies that are kept for what a page includes: KeptBodySize.
 * Runs: insert_filter, where a size is set.   Yields: never.   Config: struct request_conf.   Spec: Apache manual, mod_request. */
#include <pinion/request.h>

struct request_conf { int64_t bytes; /* 0: nothing is kept */ };

struct pn_module pn_module_request;

static const struct pn_directive directives[] = {
    { .name = "KeptBodySize", .args = PN_TAKE1, .where = PN_CTX_SECTIONS, .slot = PN_SLOT(struct request_conf, bytes),
      .min = 0, .max = 1 << 30, .dflt = "0", .unit = "bytes", .help = "Keep request bodies of up to this size for subrequests" },
    { 0 }
};

static enum pn_verdict insert(struct pn_request *r)
{
    const struct request_conf *conf = pn_dir_conf(r, &pn_module_request);

    if (!r->main && pn_has_request_body(r))
        pn_keep_request_body(r, (size_t)conf->bytes);
    return PN_NEXT;
}

static bool keeps(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct request_conf *conf = dir_conf;

    (void)server, (void)server_conf;
    return conf && conf->bytes > 0;
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_insert_filter(h, insert, { .pos = PN_ORDER_REALLY_LAST, .when = keeps });
}

struct pn_module pn_module_request = {
    .api = PN_MODULE_API,
    .name = "mod_request.c",
    .apache_id = "request_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct request_conf),
    .hooks = hooks,
};
