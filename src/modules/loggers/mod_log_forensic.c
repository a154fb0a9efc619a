/* mod_log_forensic.c - ForensicLog: a line before each request is handled and one when its answer is made, so that a request
 * that ended a child can be told: it has the first line only.
 *
 * Runs: post_read_request (first, after mod_unique_id), log_transaction.   Suspends: never.   Settings: struct forensic_conf,
 * a server's.   Apache manual: "Apache Module mod_log_forensic". The first line is in memory that outlives the child before
 * anything is done for the request. */
#include <apr_strings.h>
#include <pinion/log.h>
#include <pinion/request.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

struct forensic_conf {
    pn_str              name; /* of the log, as written; empty: none */
    struct pn_log_sink *sink;
};

static const struct pn_directive directives[] = {
    { .name = "ForensicLog", .args = PN_TAKE1, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER,
      .slot = PN_SLOT(struct forensic_conf, name), .help = "Log of requests before and after they are handled: a file or |program" },
    { 0 }
};

struct pn_module pn_module_log_forensic;

/* Requests of this child that got a number. */
static atomic_uint counter;

static pn_rc open_logs(struct pn_generation *generation, apr_pool_t *pool, bool check_only)
{
    (void)pool;
    for (struct pn_server *s = generation->servers; s && !check_only; s = s->next) {
        struct forensic_conf *conf = PN_SERVER_CONF(s, &pn_module_log_forensic);
        const char           *error = NULL;

        if (conf->name.n && pn_log_sink_open(generation, conf->name, &conf->sink, &error) != PN_OK) {
            pn_generation_error(generation, "AH00650: the forensic log cannot be opened: %s", error);
            return PN_BAD;
        }
    }
    return PN_OK;
}

/* ---- lines ---- */

/* Bytes that would break the line apart come as %xx. */
static void put_escaped(struct pn_buf *line, pn_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];

        if (c < 0x20 || c > 0x7e || c == '%' || c == '|' || c == ':')
            pn_buf_printf(line, "%%%02x", c);
        else
            pn_buf_ch(line, (char)c);
    }
}

static const char *make_id(struct pn_request *r)
{
    const char *unique = pn_env_get(r, "UNIQUE_ID");

    if (unique)
        return unique;
    return apr_psprintf(r->pool, "%ld:%lx:%x", (long)getpid(), (long)(pn_request_now(r) / PN_USEC_PER_SEC),
                        atomic_fetch_add(&counter, 1));
}

static enum pn_verdict log_before(struct pn_request *r)
{
    const struct forensic_conf *conf = pn_server_conf(r->server, &pn_module_log_forensic);
    const char                 *id;
    struct pn_buf               line;

    if (!conf->sink || r->prev)
        return PN_NEXT;
    id = make_id(r);
    *pn_ctx(r, &pn_module_log_forensic) = (void *)(uintptr_t)id;
    apr_table_setn(pn_notes(r), "forensic-id", id);
    pn_buf_init(&line, r->pool, PN_LOG_LINE_MAX - 1);
    pn_buf_printf(&line, "+%s|", id);
    put_escaped(&line, r->line);
    for (const struct pn_header *f = pn_headers_begin(&r->in); f < pn_headers_end(&r->in); f++) {
        pn_buf_ch(&line, '|');
        put_escaped(&line, f->name);
        pn_buf_ch(&line, ':');
        put_escaped(&line, f->value);
    }
    line.max++; /* the end of a line that was cut */
    pn_buf_ch(&line, '\n');
    pn_log_sink_add(conf->sink, pn_buf_view(&line));
    return PN_NEXT;
}

static enum pn_verdict log_after(struct pn_request *r)
{
    const struct forensic_conf *conf = pn_server_conf(r->server, &pn_module_log_forensic);
    const char                 *id = *pn_ctx(r, &pn_module_log_forensic);

    if (conf->sink && id)
        pn_log_sink_add(conf->sink, pn_str_printf(r->pool, "-%s\n", id));
    return PN_NEXT;
}

static bool is_active(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct forensic_conf *conf = server_conf;

    return conf->name.n != 0;
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_post_config(h, open_logs, (struct pn_order){ 0 });
    pn_hook_post_read_request(h, log_before, { .after = "mod_unique_id.c", .pos = PN_ORDER_REALLY_FIRST, .when = is_active });
    pn_hook_log_transaction(h, log_after, { .pos = PN_ORDER_REALLY_LAST, .when = is_active });
}

struct pn_module pn_module_log_forensic = {
    .api = PN_MODULE_API,
    .name = "mod_log_forensic.c",
    .apache_id = "log_forensic_module",
    .directives = directives,
    .server_conf_size = sizeof(struct forensic_conf),
    .hooks = hooks,
};
