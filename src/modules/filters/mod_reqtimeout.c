/* mod_reqtimeout - how long clients may take to send: RequestReadTimeout.
 * Runs: post_config; the protocols obey what it sets.   Yields: never.   Config: struct reqtimeout_server.
 * Spec: Apache manual, mod_reqtimeout. */
#include <pinion/read_limits.h>
#include <pinion/request.h>

#define SECONDS_MAX 1000000000
#define RATE_MAX 1000000000

struct reqtimeout_server {
    struct pn_read_limits limits;
    bool                  handshake_set, header_set, body_set;
};

struct pn_module pn_module_reqtimeout;

/* "20", "20-40" */
static const char *parse_seconds(struct pn_conf_cmd *cmd, pn_str text, struct pn_read_limit *ret)
{
    pn_str   upper, lower = pn_str_cut(text, '-', &upper);
    uint64_t from = 0, to = 0;

    if (pn_str_to_u64(lower, SECONDS_MAX, &from) != PN_OK)
        return pn_conf_error_text(cmd, "'%.*s' is no time in seconds", PN_FMT(lower));
    if (upper.p && (pn_str_to_u64(upper, SECONDS_MAX, &to) != PN_OK || to <= from))
        return pn_conf_error_text(cmd, "'%.*s': the longest time in seconds stands behind the first and is larger", PN_FMT(text));
    ret->timeout = (pn_usec)from * PN_USEC_PER_SEC;
    ret->max = (pn_usec)to * PN_USEC_PER_SEC;
    return NULL;
}

/* "20-40,MinRate=500" */
static const char *parse_limit(struct pn_conf_cmd *cmd, pn_str text, struct pn_read_limit *ret)
{
    pn_str               rate, seconds = pn_str_cut(text, ',', &rate);
    struct pn_read_limit limit = { 0 };
    uint64_t             bytes = 0;
    const char          *error = parse_seconds(cmd, seconds, &limit);

    if (error)
        return error;
    if (rate.p) {
        pn_str number = pn_str_from(rate, sizeof("MinRate=") - 1);
        if (!pn_str_istarts(rate, PN_STR("MinRate=")) || pn_str_to_u64(number, RATE_MAX, &bytes) != PN_OK || bytes == 0)
            return pn_conf_error_text(cmd, "'%.*s': only MinRate=bytes-per-second, more than 0, can follow the time", PN_FMT(rate));
    }
    if (limit.max && !bytes)
        return pn_conf_error_text(cmd, "'%.*s': a range of times needs a MinRate", PN_FMT(text));
    if (!limit.timeout && bytes)
        return pn_conf_error_text(cmd, "'%.*s': there is no MinRate without a time", PN_FMT(text));
    limit.min_rate = (int64_t)bytes;
    *ret = limit;
    return NULL;
}

static const char *set_limits(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct reqtimeout_server *server = conf;

    for (unsigned i = 0; i < argc; i++) {
        pn_str      value, stage = pn_str_cut(argv[i], '=', &value);
        const char *error;
        if (pn_str_ieq(stage, PN_STR("handshake"))) {
            server->handshake_set = true;
            error = parse_limit(cmd, value, &server->limits.handshake);
        }
        else if (pn_str_ieq(stage, PN_STR("header"))) {
            server->header_set = true;
            error = parse_limit(cmd, value, &server->limits.header);
        }
        else if (pn_str_ieq(stage, PN_STR("body"))) {
            server->body_set = true;
            error = parse_limit(cmd, value, &server->limits.body);
        }
        else
            return pn_conf_error_text(cmd, "Unknown RequestReadTimeout parameter: %.*s", PN_FMT(argv[i]));
        if (error)
            return error;
    }
    return NULL;
}

static void server_init(apr_pool_t *pool, struct pn_server *server, void *conf)
{
    (void)pool, (void)server;
    ((struct reqtimeout_server *)conf)->limits = (struct pn_read_limits)PN_READ_LIMITS_DEFAULT;
}

static void server_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct reqtimeout_server *inner = add;
    struct reqtimeout_server       *merged = out;

    (void)pool, (void)base;
    if (inner->handshake_set)
        merged->limits.handshake = inner->limits.handshake;
    if (inner->header_set)
        merged->limits.header = inner->limits.header;
    if (inner->body_set)
        merged->limits.body = inner->limits.body;
}

static pn_rc post_config(struct pn_generation *generation, apr_pool_t *pool, bool check_only)
{
    (void)pool, (void)check_only;
    for (struct pn_server *s = generation->servers; s; s = s->next) {
        const struct reqtimeout_server *conf = pn_server_conf(s, &pn_module_reqtimeout);
        pn_server_set_read_limits(s, &conf->limits);
    }
    return PN_OK;
}

static const struct pn_directive directives[] = {
    { .name = "RequestReadTimeout", .args = PN_LIST, .where = PN_CTX_SERVER, .set = set_limits,
      .dflt = "handshake=0 header=20-40,MinRate=500 body=20,MinRate=500", .unit = "s",
      .help = "How long clients may take to send: handshake=, header= and body=, each seconds[-most][,MinRate=bytes-per-second]" },
    { 0 }
};

static void hooks(struct pn_hooks *h)
{
    pn_hook_post_config(h, post_config, (struct pn_order){ 0 });
}

struct pn_module pn_module_reqtimeout = {
    .api = PN_MODULE_API,
    .name = "mod_reqtimeout.c",
    .apache_id = "reqtimeout_module",
    .is_static = true,
    .directives = directives,
    .server_conf_size = sizeof(struct reqtimeout_server),
    .server_conf_init = server_init,
    .server_conf_merge = server_merge,
    .hooks = hooks,
};
