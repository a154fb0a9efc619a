/* mod_logio - %I, %O, %S and %^FB of LogFormat: bytes on the wire, and the time to the first byte of the answer.
 * Runs: response_head, where LogIOTrackTTFB is on.   Yields: never.   Config: struct logio_dir.   Spec: Apache manual, mod_logio. */
#include <pinion/log_config.h>
#include <pinion/request.h>
#include <time.h>

struct logio_dir {
    bool track; /* LogIOTrackTTFB */
};

static const struct pn_directive directives[] = {
    { .name = "LogIOTrackTTFB", .args = PN_FLAG, .where = PN_CTX_ANY, .override = PN_OVR_ALL, .slot = PN_SLOT(struct logio_dir, track),
      .dflt = "Off", .help = "Measure the time from the request to the first byte of the answer (%^FB)" },
    { 0 }
};

struct pn_module pn_module_logio;

/* The figures of a request and of those that it was redirected to. */
static uint64_t bytes_of(const struct pn_request *r, bool in, bool out)
{
    uint64_t sum = 0;

    while (r->prev)
        r = r->prev;
    for (; r; r = r->next)
        sum += (in ? r->bytes_in : 0) + (out ? r->bytes_out : 0);
    return sum;
}

static void item_in(struct pn_request *r, pn_str arg, struct pn_log_line *line)
{
    pn_log_u64(line, bytes_of(r, true, false));
}

static void item_out(struct pn_request *r, pn_str arg, struct pn_log_line *line)
{
    pn_log_u64(line, bytes_of(r, false, true));
}

static void item_both(struct pn_request *r, pn_str arg, struct pn_log_line *line)
{
    pn_log_u64(line, bytes_of(r, true, true));
}

static void item_first_byte(struct pn_request *r, pn_str arg, struct pn_log_line *line)
{
    const pn_usec *taken = r->ctx ? *pn_ctx(r, &pn_module_logio) : NULL;

    if (taken)
        pn_log_i64(line, *taken);
    else
        pn_log_none(line);
}

static bool tracks(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct logio_dir *conf = dir_conf;

    return conf && conf->track;
}

/* The head is sent right after this hook. */
static enum pn_verdict response_head(struct pn_request *r)
{
    struct timespec now;
    pn_usec        *taken = apr_palloc(r->pool, sizeof(*taken));

    clock_gettime(CLOCK_MONOTONIC, &now);
    *taken = now.tv_sec * PN_USEC_PER_SEC + now.tv_nsec / 1000 - r->begun;
    *pn_ctx(r, &pn_module_logio) = taken;
    return PN_NEXT;
}

static void hooks(struct pn_hooks *h)
{
    static const struct pn_log_item in = { .print = item_in, .number = true };
    static const struct pn_log_item out = { .print = item_out, .number = true };
    static const struct pn_log_item both = { .print = item_both, .number = true };
    static const struct pn_log_item first_byte = { .print = item_first_byte, .number = true };

    pn_provide(h, PN_LOG_ITEM_GROUP, "I", &in);
    pn_provide(h, PN_LOG_ITEM_GROUP, "O", &out);
    pn_provide(h, PN_LOG_ITEM_GROUP, "S", &both);
    pn_provide(h, PN_LOG_ITEM_GROUP, "^FB", &first_byte);
    pn_hook_response_head(h, response_head, { .pos = PN_ORDER_REALLY_LAST, .when = tracks });
}

struct pn_module pn_module_logio = {
    .api = PN_MODULE_API,
    .name = "mod_logio.c",
    .apache_id = "logio_module",
    .is_static = true,
    .directives = directives,
    .dir_conf_size = sizeof(struct logio_dir),
    .hooks = hooks,
};
