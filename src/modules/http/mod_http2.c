/* mod_http2.c - the directives of HTTP/2, its variables, early hints, pushes, and the offer of it in HTTP/1.1. Frames and streams
 * are the server's.
 *
 * Runs: post_read_request (Upgrade), fixups (variables, H2EarlyHint, H2PushResource), response head (Link fields that are to be
 * pushed).   Suspends: never.   Settings: struct pn_http2_conf, a server's; struct h2_dir, a place's.
 * Apache manual: "Apache Module mod_http2". */
#define PN_LOG_MODULE &pn_module_http2
#include <pinion/log.h>

#include <pinion/http2.h>

extern struct pn_module pn_module_http2;

struct h2_dir {
    bool                push;         /* H2Push */
    int                 upgrade;      /* H2Upgrade, enum pn_http2_switch */
    pn_usec             timeout;      /* H2StreamTimeout; 0: Timeout */
    apr_array_header_t *resources;    /* H2PushResource: of struct resource; may be NULL */
    apr_array_header_t *hints;        /* H2EarlyHint: of struct pn_header; may be NULL */
};

struct resource {
    pn_str path;
    pn_str link; /* the value of the Link field */
};

/* ---- directives ---- */

static const char *const switch_words[] = { "Default", "On", "Off", NULL };

static void *push_to(apr_array_header_t **array, apr_pool_t *pool, int size)
{
    if (!*array)
        *array = apr_array_make(pool, 4, size);
    return apr_array_push(*array);
}

static const char *set_resource(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct h2_dir   *dir = conf;
    struct resource *one;
    bool             critical = false;

    if (argc > 1 && pn_str_ieq(argv[0], PN_STR("add"))) {
        argc--;
        argv++;
    }
    if (argc > 1 && !pn_str_ieq(argv[1], PN_STR("critical")))
        return pn_conf_error_text(cmd, "H2PushResource: unknown word '%.*s'; it takes [add] path [critical]", PN_FMT(argv[1]));
    critical = argc > 1;
    if (argc > 2 || argv[0].n == 0 || argv[0].p[0] != '/' || !pn_header_value_ok(argv[0]))
        return "H2PushResource takes [add] path [critical], and the path begins with a slash";
    one = push_to(&dir->resources, cmd->pool, sizeof(*one));
    one->path = argv[0];
    one->link = PN_CAT(cmd->pool, PN_STR("<"), argv[0], PN_STR(">; rel=preload"), critical ? PN_STR("; critical") : PN_STR(""));
    return NULL;
}

static const char *set_hint(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct h2_dir    *dir = conf;
    struct pn_header *one;

    (void)argc;
    if (!pn_header_name_ok(argv[0]) || !pn_header_value_ok(argv[1]))
        return "H2EarlyHint takes the name and the value of a field";
    one = push_to(&dir->hints, cmd->pool, sizeof(*one));
    *one = (struct pn_header){ .name = argv[0], .value = argv[1], .id = (uint16_t)pn_hdr_id(argv[0]) };
    return NULL;
}

#define SERVER .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER
#define SRV(member) PN_SLOT(struct pn_http2_conf, member)
#define DIR PN_CTX_SERVER | PN_CTX_DIRECTORY | PN_CTX_LOCATION | PN_CTX_FILES | PN_CTX_IF | PN_CTX_HTACCESS
#define GONE(directive, instead) { .name = directive, .args = PN_RAW, SERVER, .gone = instead, .help = instead }

static const struct pn_directive directives[] = {
    { .name = "H2MaxSessionStreams", .args = PN_TAKE1, SERVER, .slot = SRV(max_streams), .dflt = "100", .min = 1, .max = 65535,
      .help = "Most requests of a connection at a time" },
    { .name = "H2WindowSize", .args = PN_TAKE1, SERVER, .slot = SRV(window_bytes), .dflt = "65535", .min = 1024, .max = INT32_MAX,
      .unit = "bytes", .help = "How much of a request's body a client may send before it is read" },
    { .name = "H2MaxDataFrameLen", .args = PN_TAKE1, SERVER, .slot = SRV(data_frame_bytes), .dflt = "0", .min = 0, .max = 16777215,
      .unit = "bytes", .help = "Most bytes of an answer in one DATA frame; 0: as the protocol has it" },
    { .name = "H2MaxHeaderBlockLen", .args = PN_TAKE1, SERVER, .slot = SRV(head_bytes), .dflt = "0", .min = 0, .max = 16777215,
      .unit = "bytes", .help = "Most bytes of an answer's fields; 0: 64 KB" },
    { .name = "H2Padding", .args = PN_TAKE1, SERVER, .slot = SRV(padding_bits), .dflt = "0", .min = 0, .max = 8,
      .help = "Pad frames with a random number of bytes below 2 to this power" },
    { .name = "H2MaxStreamErrors", .args = PN_TAKE1, SERVER, .slot = SRV(max_errors), .dflt = "8", .min = 0, .max = INT32_MAX,
      .help = "Faults of a client on single streams until its connection is closed; 0: any number" },
    { .name = "H2PushDiarySize", .args = PN_TAKE1, SERVER, .slot = SRV(diary), .dflt = "256", .min = 0, .max = 65536,
      .help = "Pushes of a connection that are remembered, so that none is made twice" },
    { .name = "H2Direct", .args = PN_TAKE1, SERVER, .slot = PN_SLOT_AS(PN_SLOT_ENUM, struct pn_http2_conf, direct), .choices = switch_words,
      .dflt = "Default", .help = "Whether clients may begin with HTTP/2 without asking; On without TLS, Off with it" },
    { .name = "H2ModernTLSOnly", .args = PN_FLAG, SERVER, .slot = SRV(modern_tls), .dflt = "On",
      .help = "Speak HTTP/2 over TLS 1.2 or later and ciphers that RFC 9113 admits only" },
    { .name = "H2EarlyHints", .args = PN_FLAG, SERVER, .slot = SRV(early_hints), .dflt = "Off",
      .help = "Send 103 answers with what H2PushResource and H2EarlyHint say" },

    { .name = "H2Push", .args = PN_FLAG, .where = DIR, .override = PN_OVR_OPTIONS, .slot = PN_SLOT(struct h2_dir, push), .dflt = "On",
      .help = "Push what Link fields with rel=preload name to clients that take pushes" },
    { .name = "H2PushResource", .args = PN_TAKE123, .where = DIR, .override = PN_OVR_OPTIONS, .set = set_resource,
      .help = "A path that is announced and pushed with what is here: [add] path [critical]" },
    { .name = "H2EarlyHint", .args = PN_TAKE2, .where = DIR, .override = PN_OVR_OPTIONS, .set = set_hint,
      .help = "A field of the 103 answer before what is here" },
    { .name = "H2Upgrade", .args = PN_TAKE1, .where = DIR, .override = PN_OVR_OPTIONS,
      .slot = PN_SLOT_AS(PN_SLOT_ENUM, struct h2_dir, upgrade), .choices = switch_words, .dflt = "Default",
      .help = "Whether HTTP/1.1 requests without TLS may ask for HTTP/2 with Upgrade: h2c; On where Protocols has h2c" },
    { .name = "H2StreamTimeout", .args = PN_TAKE1, .where = PN_CTX_SERVER | PN_CTX_DIRECTORY | PN_CTX_LOCATION | PN_CTX_FILES | PN_CTX_IF,
      .slot = PN_SLOT_AS(PN_SLOT_USEC, struct h2_dir, timeout), .dflt = "0", .unit = "s",
      .help = "How long a stream waits for its client each time; Timeout when not given" },

    GONE("H2MinWorkers", "streams need no threads of their own: MaxRequestWorkers is the limit of all requests"),
    GONE("H2MaxWorkers", "streams need no threads of their own: MaxRequestWorkers is the limit of all requests"),
    GONE("H2MaxWorkerIdleSeconds", "streams need no threads of their own"),
    GONE("H2StreamMaxMemSize", "a stream holds one piece of its answer at a time, 64 KB at most"),
    GONE("H2SerializeHeaders", "requests of all protocols come to modules in one form"),
    GONE("H2SessionExtraFiles", "files of a session count like those of any other request"),
    GONE("H2TLSWarmUpSize", "TLS records are small at first and grow on every connection"),
    GONE("H2TLSCoolDownSecs", "TLS records are small at first and grow on every connection"),
    GONE("H2OutputBuffering", "what a handler has made is sent in the same turn of the loop"),
    GONE("H2PushPriority", "pushed answers have the priorities of RFC 9218, which the client may change"),
    GONE("H2ProxyRequests", "a forward proxy takes its requests over HTTP/1 here"),
    GONE("H2WebSockets", "WebSockets are served over HTTP/1 here; clients are not told of RFC 8441"),
    { .name = "H2CopyFiles", .args = PN_RAW, .where = PN_CTX_ANY, .override = PN_OVR_OPTIONS,
      .gone = "files are read piece by piece as they are sent, and never handed on open", .help = "Has no effect" },
    { 0 }
};

static apr_array_header_t *both(apr_pool_t *pool, apr_array_header_t *base, apr_array_header_t *add)
{
    return base && add ? apr_array_append(pool, base, add) : add ? add : base;
}

static void merge_dir(apr_pool_t *pool, const void *base, const void *add, void *merged)
{
    const struct h2_dir *outer = base, *inner = add;
    struct h2_dir       *out = merged;

    out->resources = both(pool, outer->resources, inner->resources);
    out->hints = both(pool, outer->hints, inner->hints);
}

/* ---- announcing ---- */

static const struct pn_http2_conf *conf_of(const struct pn_server *server)
{
    return pn_server_conf(server, &pn_module_http2);
}

static void push(struct pn_request *r, pn_str path)
{
    if (pn_http2_push(r, path) == PN_OK)
        PN_LOG_R(r, PN_LOG_DEBUG, 21407, 0, "pushing %.*s", PN_FMT(path));
}

/* COMPAT: 2.4 says nothing before 100 Continue. */
static void announce(struct pn_request *r, const struct h2_dir *dir, bool pushes)
{
    struct pn_headers fields;

    if (r->expecting_100 || (!dir->resources && !dir->hints))
        return;
    pn_headers_init(&fields, r->pool, 8);
    for (int i = 0; dir->resources && i < dir->resources->nelts; i++)
        pn_headers_add(&fields, PN_HDR_LINK, APR_ARRAY_IDX(dir->resources, i, struct resource).link);
    for (int i = 0; dir->hints && i < dir->hints->nelts; i++) {
        const struct pn_header *hint = &APR_ARRAY_IDX(dir->hints, i, struct pn_header);
        pn_headers_add_name(&fields, hint->name, hint->value);
    }
    if (conf_of(r->server)->early_hints)
        (void)pn_send_interim(r, 103, &fields);
    for (int i = 0; pushes && dir->resources && i < dir->resources->nelts; i++)
        push(r, APR_ARRAY_IDX(dir->resources, i, struct resource).path);
}

static void set_variables(struct pn_request *r, const struct pn_http2_stream *stream, bool pushes)
{
    apr_table_t *env = pn_env(r);

    apr_table_setn(env, "HTTP2", "on");
    apr_table_setn(env, "H2PUSH", pushes ? "on" : "off");
    apr_table_setn(env, "H2_PUSH", pushes ? "on" : "off");
    apr_table_setn(env, "H2_PUSHED", stream->pushed_on ? "PUSHED" : "");
    apr_table_setn(env, "H2_PUSHED_ON", stream->pushed_on ? pn_str_printf(r->pool, "%u", stream->pushed_on).p : "");
    apr_table_setn(env, "H2_STREAM_ID", pn_str_printf(r->pool, "%u", stream->id).p);
    apr_table_setn(env, "H2_STREAM_TAG", pn_str_printf(r->pool, "%u-%u", r->conn->id, stream->id).p);
}

static enum pn_verdict fixups(struct pn_request *r)
{
    const struct h2_dir   *dir = pn_dir_conf(r, &pn_module_http2);
    struct pn_http2_stream stream;
    bool                   pushes;

    if (PN_LIKELY(r->version < 2000) || !pn_http2_stream_of(r, &stream))
        return PN_NEXT;
    pushes = dir->push && stream.push_enabled;
    set_variables(r, &stream, pushes);
    if (r->main || r->prev)
        return PN_NEXT;
    if (dir->timeout)
        pn_http2_set_timeout(r, dir->timeout);
    announce(r, dir, pushes && !stream.pushed_on);
    return PN_NEXT;
}

/* ---- pushes that Link fields ask for (RFC 8288, and "preload" of HTML) ---- */

static pn_str unquoted(pn_str value)
{
    if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
        value = pn_str_n(value.p + 1, value.n - 2);
    return value;
}

/* One link: <target>; rel=preload; ... @return the path to push; p == NULL: none. */
static pn_str path_to_push(pn_str link)
{
    pn_str rest, target = pn_str_trim(pn_str_cut(link, ';', &rest));
    bool   preload = false;

    if (target.n < 3 || target.p[0] != '<' || target.p[target.n - 1] != '>' || target.p[1] != '/' || target.p[2] == '/')
        return (pn_str){ NULL, 0 };
    while (rest.n) {
        pn_str value, name = pn_str_trim(pn_str_cut(pn_str_cut(rest, ';', &rest), '=', &value));

        if (pn_str_ieq(name, PN_STR("nopush")))
            return (pn_str){ NULL, 0 };
        if (!pn_str_ieq(name, PN_STR("rel")))
            continue;
        for (pn_str words = unquoted(pn_str_trim(value)), word; (word = pn_str_word(&words)).n;)
            preload = preload || pn_str_ieq(word, PN_STR("preload"));
    }
    return preload ? pn_str_n(target.p + 1, target.n - 2) : (pn_str){ NULL, 0 };
}

static void push_links(struct pn_request *r, const struct pn_headers *fields)
{
    for (const struct pn_header *f = pn_headers_begin(fields); f < pn_headers_end(fields); f++) {
        pn_str rest = f->value, link, path;

        while (f->id == PN_HDR_LINK && (link = pn_header_list_next(&rest)).p)
            if ((path = path_to_push(link)).p)
                push(r, pn_str_dup(r->pool, path));
    }
}

/* COMPAT: 2.4 pushes with answers of 2xx only, and not what nobody has asked for. */
static enum pn_verdict response_head(struct pn_request *r)
{
    const struct h2_dir   *dir = pn_dir_conf(r, &pn_module_http2);
    struct pn_http2_stream stream;

    if (PN_LIKELY(r->version < 2000) || r->main || r->status < 200 || r->status >= 300 || !dir->push)
        return PN_NEXT;
    if (!pn_headers_has(&r->out, PN_HDR_LINK) && !pn_headers_has(&r->err_out, PN_HDR_LINK))
        return PN_NEXT;
    if (!pn_http2_stream_of(r, &stream) || !stream.push_enabled || stream.pushed_on)
        return PN_NEXT;
    push_links(r, &r->err_out);
    push_links(r, &r->out);
    return PN_NEXT;
}

/* ---- the change from HTTP/1.1 ---- */

static bool upgrade(const struct pn_request *r)
{
    const struct h2_dir *dir = pn_dir_conf(r, &pn_module_http2);

    return dir->upgrade != PN_HTTP2_OFF;
}

/* COMPAT: 2.4 offers it with the first answer of a connection. */
static enum pn_verdict offer(struct pn_request *r)
{
    if (PN_LIKELY(r->version != 1001 || r->conn->requests != 1) || r->main || !upgrade(r) || !pn_http2_preferred(r))
        return PN_NEXT;
    pn_headers_set(&r->out, PN_HDR_UPGRADE, PN_STR("h2c"));
    pn_headers_merge(&r->out, PN_HDR_CONNECTION, PN_STR("Upgrade"));
    return PN_NEXT;
}

/* ---- registration ---- */

static void hooks(struct pn_hooks *h)
{
    static const struct pn_http2 http2 = { .conf = conf_of, .upgrade = upgrade };

    pn_provide(h, PN_HTTP2_GROUP, PN_HTTP2_SETTINGS, &http2);
    pn_hook_post_read_request(h, offer, { .pos = PN_ORDER_MIDDLE });
    pn_hook_fixup(h, fixups, { .pos = PN_ORDER_LAST, .by_name = true });
    pn_hook_response_head(h, response_head, { .pos = PN_ORDER_LAST });
}

struct pn_module pn_module_http2 = {
    .api = PN_MODULE_API,
    .name = "mod_http2.c",
    .apache_id = "http2_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct h2_dir),
    .dir_conf_merge = merge_dir,
    .server_conf_size = sizeof(struct pn_http2_conf),
    .hooks = hooks,
};
