/* mod_filter - filters chosen when the answer is known: AddOutputFilterByType, and smart filters with providers and conditions.
 * Runs: insert_filter; each entry of the chain then runs as a filter that hands over to the first provider that fits.
 * Yields: as the providers and their conditions do.   Config: struct filter_conf.   Spec: Apache manual, mod_filter. */
#define PN_LOG_MODULE &pn_module_filter
#include <pinion/log.h>
#include <pinion/request.h>

/* FilterProtocol. */
enum {
    PROTO_CHANGE = 1,        /* content changes */
    PROTO_CHANGE_LENGTH = 2, /* and its length */
    PROTO_NO_RANGES = 4,
    PROTO_NO_CACHE = 8
};

struct provider {
    pn_str                name;   /* of a filter that a module offers */
    const struct pn_expr *when;   /* NULL: by type */
    apr_array_header_t   *types;  /* of pn_str; media types without parameters */
    unsigned              proto;  /* PROTO_* */
};

/* A declared filter, or one that AddOutputFilterByType made. */
struct smart {
    pn_str              name;
    int                 type;      /* enum pn_filter_type; 0: the first provider's own */
    bool                by_type;
    apr_array_header_t *providers; /* of struct provider *; may be NULL */
    unsigned            proto;
    int                 trace;
};

enum chain_op { CHAIN_APPEND, CHAIN_PREPEND, CHAIN_REMOVE, CHAIN_CLEAR };
struct chain_step { enum chain_op op; pn_str name; /* lower case */ };

struct filter_conf {
    apr_hash_t         *smart;   /* lower-case name to struct smart *; may be NULL */
    apr_array_header_t *steps;   /* of struct chain_step, outer place first; may be NULL */
    apr_array_header_t *chain;   /* of pn_str: what the steps come to; may be NULL */
};

struct pn_module pn_module_filter;

/* ---- the chain ---- */

static void chain_remove(apr_array_header_t *chain, pn_str name)
{
    int kept = 0;

    for (int i = 0; i < chain->nelts; i++) {
        pn_str *entry = &APR_ARRAY_IDX(chain, i, pn_str);
        if (!pn_str_ieq(*entry, name))
            APR_ARRAY_IDX(chain, kept++, pn_str) = *entry;
    }
    chain->nelts = kept;
}

static void chain_step(apr_array_header_t *chain, const struct chain_step *step)
{
    switch (step->op) {
    case CHAIN_CLEAR: chain->nelts = 0; break;
    case CHAIN_REMOVE: chain_remove(chain, step->name); break;
    case CHAIN_APPEND: *(pn_str *)apr_array_push(chain) = step->name; break;
    case CHAIN_PREPEND:
        apr_array_push(chain);
        memmove(chain->elts + sizeof(pn_str), chain->elts, (size_t)(chain->nelts - 1) * sizeof(pn_str));
        APR_ARRAY_IDX(chain, 0, pn_str) = step->name;
        break;
    }
}

static void chain_build(apr_pool_t *pool, struct filter_conf *conf)
{
    if (!conf->steps)
        return;
    conf->chain = apr_array_make(pool, conf->steps->nelts, sizeof(pn_str));
    for (int i = 0; i < conf->steps->nelts; i++)
        chain_step(conf->chain, &APR_ARRAY_IDX(conf->steps, i, struct chain_step));
}

static void add_step(struct pn_conf_cmd *cmd, struct filter_conf *conf, enum chain_op op, pn_str name)
{
    if (!conf->steps)
        conf->steps = apr_array_make(cmd->pool, 4, sizeof(struct chain_step));
    *(struct chain_step *)apr_array_push(conf->steps) = (struct chain_step){ op, pn_str_lower(cmd->pool, name) };
    chain_build(cmd->pool, conf);
}

/* ---- directives ---- */

/* By its lower-case name. */
static struct smart *find_smart(const struct filter_conf *conf, pn_str key)
{
    return conf->smart ? apr_hash_get(conf->smart, key.p, (apr_ssize_t)key.n) : NULL;
}

static struct smart *need_smart(struct pn_conf_cmd *cmd, struct filter_conf *conf, pn_str name)
{
    pn_str        key = pn_str_lower(cmd->pool, name);
    struct smart *smart = find_smart(conf, key);

    if (smart)
        return smart;
    if (!conf->smart)
        conf->smart = apr_hash_make(cmd->pool);
    smart = apr_pcalloc(cmd->pool, sizeof(*smart));
    smart->name = pn_str_dup(cmd->pool, name);
    smart->type = PN_FILTER_RESOURCE;
    apr_hash_set(conf->smart, key.p, (apr_ssize_t)key.n, smart);
    return smart;
}

static struct provider *add_provider(struct pn_conf_cmd *cmd, struct smart *smart, pn_str name)
{
    struct provider *provider = apr_pcalloc(cmd->pool, sizeof(*provider));

    provider->name = pn_str_dup(cmd->pool, name);
    if (!smart->providers)
        smart->providers = apr_array_make(cmd->pool, 2, sizeof(struct provider *));
    *(struct provider **)apr_array_push(smart->providers) = provider;
    return provider;
}

static const char *set_declare(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    static const struct { pn_str name; int type; } types[] = {
        { PN_STR_INIT("RESOURCE"), PN_FILTER_RESOURCE },   { PN_STR_INIT("CONTENT_SET"), PN_FILTER_CONTENT_SET },
        { PN_STR_INIT("PROTOCOL"), PN_FILTER_PROTOCOL },   { PN_STR_INIT("TRANSCODE"), PN_FILTER_TRANSCODE },
        { PN_STR_INIT("CONNECTION"), PN_FILTER_TRANSCODE }, { PN_STR_INIT("NETWORK"), PN_FILTER_TRANSCODE },
    };
    struct smart *smart = need_smart(cmd, conf, argv[0]);

    if (argc == 1)
        return NULL;
    for (size_t i = 0; i < PN_COUNT(types); i++)
        if (pn_str_ieq(types[i].name, argv[1])) {
            smart->type = types[i].type;
            return NULL;
        }
    return pn_conf_error_text(cmd, "FilterDeclare type '%.*s': RESOURCE, CONTENT_SET, PROTOCOL, TRANSCODE, CONNECTION or NETWORK",
                              PN_FMT(argv[1]));
}

static const char *set_provider(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_expr_error error;
    unsigned             flags = cmd->context & PN_CTX_HTACCESS ? PN_EXPR_RESTRICTED : 0;
    struct provider     *provider = add_provider(cmd, need_smart(cmd, conf, argv[0]), argv[1]);

    (void)argc;
    if (pn_expr_compile(cmd->pool, argv[2], PN_EXPR_CONDITION, flags, &provider->when, &error) != PN_OK)
        return pn_conf_error_text(cmd, "Error in filter provider expression: %s", error.text);
    return NULL;
}

static const char *set_chain(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    for (unsigned i = 0; i < argc; i++) {
        pn_str name = pn_str_from(argv[i], 1);
        switch (argv[i].n ? argv[i].p[0] : '\0') {
        case '+': add_step(cmd, conf, CHAIN_APPEND, name); break;
        case '@': add_step(cmd, conf, CHAIN_PREPEND, name); break;
        case '-': add_step(cmd, conf, CHAIN_REMOVE, name); break;
        case '!': add_step(cmd, conf, CHAIN_CLEAR, name); break;
        case '=':
            add_step(cmd, conf, CHAIN_CLEAR, name);
            add_step(cmd, conf, CHAIN_APPEND, name);
            break;
        default: add_step(cmd, conf, CHAIN_APPEND, argv[i]); break;
        }
    }
    return NULL;
}

static const char *parse_proto(struct pn_conf_cmd *cmd, pn_str text, unsigned *flags)
{
    static const struct { pn_str word; unsigned set, clear; } words[] = {
        { PN_STR_INIT("change=yes"), PROTO_CHANGE | PROTO_CHANGE_LENGTH, 0 },
        { PN_STR_INIT("change=no"), 0, PROTO_CHANGE | PROTO_CHANGE_LENGTH },
        { PN_STR_INIT("change=1:1"), PROTO_CHANGE, 0 },
        { PN_STR_INIT("byteranges=no"), PROTO_NO_RANGES, 0 },
        { PN_STR_INIT("proxy=no"), 0, 0 },        /* what runs here is never between a cache and a proxy */
        { PN_STR_INIT("proxy=transform"), 0, 0 },
        { PN_STR_INIT("cache=no"), PROTO_NO_CACHE, 0 },
    };

    for (;;) {
        while (text.n && memchr(" ,;|\t", text.p[0], 5))
            text = pn_str_from(text, 1);
        if (text.n == 0)
            return NULL;
        size_t n = strcspn(text.p, " ,;|\t"), i = 0;
        while (i < PN_COUNT(words) && !pn_str_ieq(words[i].word, pn_str_head(text, n)))
            i++;
        if (i == PN_COUNT(words))
            return pn_conf_error_text(cmd, "unknown FilterProtocol flag '%.*s'", PN_FMT(pn_str_head(text, n)));
        *flags = (*flags | words[i].set) & ~words[i].clear;
        text = pn_str_from(text, n);
    }
}

static const char *set_protocol(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct smart *smart = find_smart(conf, pn_str_lower(cmd->temp, argv[0]));

    if (!smart)
        return pn_conf_error_text(cmd, "FilterProtocol: No such filter %.*s", PN_FMT(argv[0]));
    if (argc == 2)
        return parse_proto(cmd, argv[1], &smart->proto);
    for (int i = 0; smart->providers && i < smart->providers->nelts; i++) {
        struct provider *provider = APR_ARRAY_IDX(smart->providers, i, struct provider *);
        if (pn_str_ieq(provider->name, argv[1]))
            return parse_proto(cmd, argv[2], &provider->proto);
    }
    return pn_conf_error_text(cmd, "FilterProtocol: No such provider %.*s for filter %.*s", PN_FMT(argv[1]), PN_FMT(argv[0]));
}

static const char *set_trace(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    uint64_t level = 0;

    (void)argc;
    if (pn_str_to_u64(argv[1], 2, &level) != PN_OK)
        return pn_conf_error_text(cmd, "FilterTrace level is 0, 1 or 2, not '%.*s'", PN_FMT(argv[1]));
    need_smart(cmd, conf, argv[0])->trace = (int)level;
    return NULL;
}

static void add_by_type(struct pn_conf_cmd *cmd, struct filter_conf *conf, pn_str name, unsigned count, const pn_str *types)
{
    pn_str        key = PN_CAT(cmd->pool, PN_STR("BYTYPE:"), name);
    struct smart *smart = find_smart(conf, pn_str_lower(cmd->temp, key));

    if (!smart) {
        smart = need_smart(cmd, conf, key);
        smart->type = 0;
        smart->by_type = true;
        add_step(cmd, conf, CHAIN_REMOVE, key); /* a definition of the outer place is replaced */
        add_step(cmd, conf, CHAIN_APPEND, key);
        add_provider(cmd, smart, name)->types = apr_array_make(cmd->pool, (int)count, sizeof(pn_str));
    }
    apr_array_header_t *list = APR_ARRAY_IDX(smart->providers, 0, struct provider *)->types;
    for (unsigned i = 0; i < count; i++)
        *(pn_str *)apr_array_push(list) = pn_str_dup(cmd->pool, types[i]);
}

static const char *set_by_type(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    pn_str rest = argv[0];

    if (argc < 2)
        return pn_conf_error_text(cmd, "AddOutputFilterByType requires a filter name and at least one media type");
    while (rest.n) {
        pn_str name = pn_str_trim(pn_str_cut(rest, ';', &rest));
        if (name.n)
            add_by_type(cmd, conf, name, argc - 1, argv + 1);
    }
    return NULL;
}

#define ROW(directive, arity, class, fn, text)                                                     \
    { .name = directive, .args = arity, .where = PN_CTX_ANY, .override = class, .set = fn, .help = text }

static const struct pn_directive directives[] = {
    ROW("AddOutputFilterByType", PN_LIST, PN_OVR_FILEINFO, set_by_type, "filter[;filter...] and the media types of answers it is for"),
    ROW("FilterChain", PN_LIST, PN_OVR_OPTIONS, set_chain, "filter names in order, each with + @ - = or ! before it"),
    ROW("FilterDeclare", PN_TAKE12, PN_OVR_OPTIONS, set_declare, "a filter's name and type"),
    ROW("FilterProtocol", PN_TAKE23, PN_OVR_OPTIONS, set_protocol, "filter [provider] and what it does to the answer"),
    ROW("FilterProvider", PN_TAKE3, PN_OVR_OPTIONS, set_provider, "filter, provider, and the expression under which it runs"),
    { .name = "FilterTrace", .args = PN_TAKE2, .where = PN_CTX_SERVER | PN_CTX_SECTIONS, .set = set_trace,
      .help = "filter and level: logs what it dispatches to" },
    { 0 }
};

static void dir_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct filter_conf *outer = base, *inner = add;
    struct filter_conf       *merged = out;

    if (outer->smart && inner->smart)
        merged->smart = apr_hash_overlay(pool, inner->smart, outer->smart);
    else
        merged->smart = inner->smart ? inner->smart : outer->smart;
    if (!inner->steps)
        return;
    merged->steps = outer->steps ? apr_array_append(pool, outer->steps, inner->steps) : inner->steps;
    chain_build(pool, merged);
}

/* ---- dispatch ---- */

static bool has_type(const struct provider *provider, pn_str type)
{
    for (int i = 0; i < provider->types->nelts; i++)
        if (pn_str_ieq(APR_ARRAY_IDX(provider->types, i, pn_str), type))
            return true;
    return false;
}

PN_MAY_YIELD static bool fits(struct pn_request *r, const struct provider *provider)
{
    bool   holds = false;
    pn_str rest;

    if (!provider->when)
        return r->content_type.n && has_type(provider, pn_str_trim(pn_str_cut(r->content_type, ';', &rest)));
    if (pn_expr_holds(r, provider->when, &holds) != PN_OK) {
        PN_LOG_R(r, PN_LOG_WARNING, 1378, 0, "error in the expression of filter provider %s", provider->name.p);
        return false;
    }
    return holds;
}

static void apply_protocol(struct pn_request *r, unsigned proto)
{
    if (proto & PROTO_CHANGE) {
        pn_headers_unset(&r->out, PN_HDR_CONTENT_MD5);
        pn_headers_unset(&r->out, PN_HDR_ETAG);
    }
    if (proto & PROTO_CHANGE_LENGTH)
        pn_headers_unset(&r->out, PN_HDR_CONTENT_LENGTH);
    if (proto & PROTO_NO_RANGES) {
        pn_headers_unset(&r->out, PN_HDR_ACCEPT_RANGES);
        pn_headers_unset(&r->in, PN_HDR_RANGE);
    }
    if (proto & PROTO_NO_CACHE) {
        pn_headers_unset(&r->out, PN_HDR_LAST_MODIFIED);
        pn_headers_add(&r->out, PN_HDR_CACHE_CONTROL, PN_STR("no-cache"));
    }
}

PN_MAY_YIELD static struct pn_body *harness_wrap(struct pn_request *r, struct pn_body *below, void *arg)
{
    const struct smart *smart = arg;

    if (r->status != 200 && !pn_env_get(r, "filter-errordocs"))
        return below;
    for (int i = 0; smart->providers && i < smart->providers->nelts; i++) {
        const struct provider  *provider = APR_ARRAY_IDX(smart->providers, i, struct provider *);
        const struct pn_filter *filter;
        if (!fits(r, provider))
            continue;
        filter = pn_find_output_filter(r->server->generation, provider->name);
        if (!filter) {
            (void)!pn_fail(r, 500, PN_LOG_MODULE, 20305, "no active module offers the filter '%s' (a provider of %s)",
                           provider->name.p, smart->name.p);
            return NULL;
        }
        if (smart->trace)
            PN_LOG_R(r, PN_LOG_NOTICE, 1380, 0, "%s runs %s", smart->name.p, filter->name);
        apply_protocol(r, smart->proto | provider->proto);
        return filter->wrap(r, below, filter->data);
    }
    return below;
}

/* Which provider will run is not known yet: all may say what they need. */
static void harness_init(struct pn_request *r, void *arg)
{
    const struct smart *smart = arg;

    for (int i = 0; smart->providers && i < smart->providers->nelts; i++) {
        const struct pn_filter *filter = pn_find_output_filter(r->server->generation,
                                                               APR_ARRAY_IDX(smart->providers, i, struct provider *)->name);
        if (filter && filter->init)
            filter->init(r, filter->data);
    }
}

/* One harness a type, so that a smart filter stands where its type belongs. */
static const struct pn_filter harnesses[] = {
    { .name = "FILTER-HARNESS-0", .type = PN_FILTER_RESOURCE - 1, .wrap = harness_wrap, .init = harness_init },
    { .name = "FILTER-HARNESS-1", .type = PN_FILTER_RESOURCE, .wrap = harness_wrap, .init = harness_init },
    { .name = "FILTER-HARNESS-2", .type = PN_FILTER_CONTENT_SET, .wrap = harness_wrap, .init = harness_init },
    { .name = "FILTER-HARNESS-3", .type = PN_FILTER_PROTOCOL, .wrap = harness_wrap, .init = harness_init },
    { .name = "FILTER-HARNESS-4", .type = PN_FILTER_TRANSCODE, .wrap = harness_wrap, .init = harness_init },
};

static int type_of(struct pn_request *r, const struct smart *smart)
{
    const struct pn_filter *filter;

    if (smart->type)
        return smart->type;
    filter = pn_find_output_filter(r->server->generation, APR_ARRAY_IDX(smart->providers, 0, struct provider *)->name);
    return filter ? (int)filter->type : PN_FILTER_RESOURCE;
}

static enum pn_verdict insert(struct pn_request *r)
{
    const struct filter_conf *conf = pn_dir_conf(r, &pn_module_filter);

    for (int i = 0; conf->chain && i < conf->chain->nelts; i++) {
        pn_str        name = APR_ARRAY_IDX(conf->chain, i, pn_str);
        struct smart *smart = find_smart(conf, name);
        size_t        at = 0;
        if (!smart) {
            PN_LOG_R(r, PN_LOG_ERR, 1379, 0, "Unknown filter '%s' not added", name.p);
            continue;
        }
        int type = type_of(r, smart);
        while (at + 1 < PN_COUNT(harnesses) && (int)harnesses[at].type < type)
            at++;
        if (pn_add_output_filter(r, pn_str_z(harnesses[at].name), smart) != PN_OK)
            return pn_reject_quietly(r, 500);
    }
    return PN_NEXT;
}

static bool has_chain(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct filter_conf *conf = dir_conf;

    (void)server, (void)server_conf;
    return !conf || (conf->chain && conf->chain->nelts);
}

static void hooks(struct pn_hooks *h)
{
    for (size_t i = 0; i < PN_COUNT(harnesses); i++)
        pn_output_filter(h, &harnesses[i]);
    pn_hook_insert_filter(h, insert, { .when = has_chain });
}

struct pn_module pn_module_filter = {
    .api = PN_MODULE_API,
    .name = "mod_filter.c",
    .apache_id = "filter_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct filter_conf),
    .dir_conf_merge = dir_merge,
    .hooks = hooks,
};
