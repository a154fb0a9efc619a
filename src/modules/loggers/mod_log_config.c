/* mod_log_config - access logs: LogFormat, CustomLog, TransferLog, GlobalLog, CookieLog, BufferedLogs.
 * Runs: post_config (opens the logs), log_transaction.   Yields: %h with HostnameLookups, expr= conditions.
 * Config: struct log_server.   Spec: Apache manual, mod_log_config.
 *
 * A virtual host with logs of its own writes these and the global ones; one without writes the main server's. */
#include "mod_log_config.h"

#define PN_LOG_MODULE &pn_module_log_config

#include <pinion/expr.h>
#include <pinion/generation.h>
#include <pinion/resolve.h>

#define COMMON "%h %l %u %t \"%r\" %>s %b"
#define COOKIES "%{Cookie}n \"%r\" %t"

/* One line of configuration that makes a log. */
struct log {
    pn_str                name;       /* of the sink */
    pn_str                nickname;   /* or the format's text; p == NULL: the default format */
    const struct format  *format;
    struct pn_log_sink   *sink;
    const char           *env;        /* env=, NULL: none */
    bool                  env_absent; /* env=! */
    const struct pn_expr *expr;       /* expr= */
    bool                  global;
    const char           *file;       /* where it stands */
    uint32_t              line;
};

struct log_server {
    apr_hash_t          *formats;     /* nickname to const struct format * */
    pn_str               default_nickname; /* LogFormat with one argument: a nickname or text; p == NULL: none here */
    const struct format *default_format;
    apr_array_header_t  *logs;        /* of struct log: this server's own */
    const apr_array_header_t *outer;  /* of the main server, in a virtual host */
    bool                 buffered;    /* BufferedLogs, of the main server */
    const struct log    *active;      /* what is written, set by post_config */
    unsigned             n_active;
};

struct pn_module pn_module_log_config;

/* ---- directives ---- */

static void name_format(struct pn_conf_cmd *cmd, struct log_server *server, pn_str nickname, const struct format *format)
{
    if (!server->formats)
        server->formats = apr_hash_make(cmd->pool);
    nickname = pn_str_dup(cmd->pool, nickname);
    apr_hash_set(server->formats, nickname.p, (apr_ssize_t)nickname.n, format);
}

/* LogFormat text|nickname [nickname] */
static const char *set_format(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct log_server   *server = conf;
    const struct format *format;
    const char          *error = log_format_compile(cmd, argv[0], &format);

    if (error)
        return error;
    if (argc == 2) {
        name_format(cmd, server, argv[1], format);
        return NULL;
    }
    server->default_format = format;
    server->default_nickname = pn_str_dup(cmd->pool, argv[0]);
    return NULL;
}

static const char *take_condition(struct pn_conf_cmd *cmd, struct log *log, pn_str text)
{
    struct pn_expr_error wrong = { 0 };

    if (pn_str_istarts(text, PN_STR("env="))) {
        text = pn_str_from(text, 4);
        log->env_absent = text.n && text.p[0] == '!';
        log->env = pn_str_zdup(cmd->pool, pn_str_from(text, log->env_absent));
        return NULL;
    }
    if (!pn_str_istarts(text, PN_STR("expr=")))
        return "The condition of a log begins with env= or expr=.";
    if (pn_expr_compile(cmd->pool, pn_str_from(text, 5), PN_EXPR_CONDITION, PN_EXPR_NO_VARY, &log->expr, &wrong) == PN_OK)
        return NULL;
    return pn_conf_error_text(cmd, "Error in the condition of a log: %s", wrong.text);
}

static const char *add_log(struct pn_conf_cmd *cmd, struct log_server *server, const struct log *log)
{
    if (log->name.n == 0)
        return pn_conf_error_text(cmd, "%s needs a file, a |program or syslog.", cmd->row->name);
    if (!server->logs)
        server->logs = apr_array_make(cmd->pool, 4, sizeof(*log));
    *(struct log *)apr_array_push(server->logs) = *log;
    return NULL;
}

/* CustomLog, GlobalLog file|pipe nickname|text [env=|expr=] */
static const char *set_log(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct log  log = { .name = pn_str_dup(cmd->pool, argv[0]), .nickname = pn_str_dup(cmd->pool, argv[1]),
                        .global = strcasecmp(cmd->row->name, "GlobalLog") == 0 };
    const char *error = log_format_compile(cmd, argv[1], &log.format);

    if (!error && argc == 3)
        error = take_condition(cmd, &log, argv[2]);
    return error ? error : add_log(cmd, conf, &log);
}

/* TransferLog file|pipe */
static const char *set_transfer(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct log log = { .name = pn_str_dup(cmd->pool, argv[0]) };

    (void)argc;
    return add_log(cmd, conf, &log);
}

static const char *set_cookie(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct log  log = { .name = pn_str_dup(cmd->pool, argv[0]), .nickname = PN_STR(COOKIES) };
    const char *error = log_format_compile(cmd, log.nickname, &log.format);

    (void)argc;
    return error ? error : add_log(cmd, conf, &log);
}

static const struct pn_directive directives[] = {
    { .name = "LogFormat", .args = PN_TAKE12, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .set = set_format,
      .help = "A format of access logs, and a nickname for it; json: makes objects" },
    { .name = "CustomLog", .args = PN_TAKE23, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .set = set_log,
      .help = "An access log: file or |program, format or nickname, env=[!]variable or expr=" },
    { .name = "GlobalLog", .args = PN_TAKE23, .where = PN_CTX_MAIN, .scope = PN_SCOPE_SERVER, .set = set_log,
      .help = "As CustomLog, and written by virtual hosts with logs of their own too" },
    { .name = "TransferLog", .args = PN_TAKE1, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .set = set_transfer,
      .help = "An access log in the format of the last LogFormat without a nickname" },
    { .name = "CookieLog", .args = PN_TAKE1, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .set = set_cookie,
      .help = "A log of cookies" },
    { .name = "BufferedLogs", .args = PN_FLAG, .where = PN_CTX_MAIN, .scope = PN_SCOPE_SERVER,
      .slot = PN_SLOT(struct log_server, buffered), .dflt = "Off", .help = "Lines wait until 4 KB are together, or a second" },
    { 0 }
};

static void merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct log_server *outer = base, *inner = add;
    struct log_server       *merged = out;

    if (inner->default_nickname.p) {
        merged->default_nickname = inner->default_nickname;
        merged->default_format = inner->default_format;
    }
    if (inner->formats)
        merged->formats = outer->formats ? apr_hash_overlay(pool, inner->formats, outer->formats) : inner->formats;
    merged->outer = outer->logs;
    merged->logs = inner->logs;
}

/* ---- opening ---- */

static const struct format *named(const struct log_server *server, pn_str nickname)
{
    return server->formats && nickname.p ? apr_hash_get(server->formats, nickname.p, (apr_ssize_t)nickname.n) : NULL;
}

/* A nickname counts wherever it is defined; text that is none is a format itself. */
static const struct format *format_of(const struct log_server *server, const struct log *log, const struct format *common)
{
    const struct format *format;

    if (log->nickname.p)
        return (format = named(server, log->nickname)) ? format : log->format;
    if ((format = named(server, server->default_nickname)))
        return format;
    return server->default_format ? server->default_format : common;
}

static pn_rc open_log(struct pn_generation *generation, struct log *log, bool buffered, bool check_only)
{
    const char *error = NULL;

    if (check_only)
        return PN_OK;
    if (pn_log_sink_open(generation, log->name, &log->sink, &error) != PN_OK) {
        pn_generation_error(generation, "AH00649: %s", error);
        return PN_BAD;
    }
    if (buffered)
        pn_log_sink_set_lazy(log->sink);
    return PN_OK;
}

static void take_logs(apr_array_header_t *active, const apr_array_header_t *logs, bool global_only)
{
    for (int i = 0; logs && i < logs->nelts; i++) {
        const struct log *log = &APR_ARRAY_IDX(logs, i, struct log);
        if (!global_only || log->global)
            *(struct log *)apr_array_push(active) = *log;
    }
}

static pn_rc open_server(struct pn_generation *generation, struct log_server *server, const struct format *common, bool buffered,
                         bool check_only)
{
    apr_array_header_t *active = apr_array_make(generation->pool, 4, sizeof(struct log));

    take_logs(active, server->logs, false);
    take_logs(active, server->outer, active->nelts > 0);
    for (int i = 0; i < active->nelts; i++) {
        struct log *log = &APR_ARRAY_IDX(active, i, struct log);
        log->format = format_of(server, log, common);
        if (open_log(generation, log, buffered, check_only) != PN_OK)
            return PN_BAD;
    }
    server->active = check_only ? NULL : (const struct log *)(void *)active->elts;
    server->n_active = check_only ? 0 : (unsigned)active->nelts;
    return PN_OK;
}

static pn_rc post_config(struct pn_generation *generation, apr_pool_t *pool, bool check_only)
{
    struct log_server   *main_server = PN_SERVER_CONF(generation->servers, &pn_module_log_config);
    struct pn_conf_cmd   cmd = { .pool = generation->pool, .temp = pool, .generation = generation };
    const struct format *common;

    if (log_format_compile(&cmd, PN_STR(COMMON), &common))
        return PN_BAD; /* never: the text is ours */
    name_format(&cmd, main_server, PN_STR("CLF"), common);
    for (struct pn_server *s = generation->servers; s; s = s->next) {
        pn_rc rc = open_server(generation, PN_SERVER_CONF(s, &pn_module_log_config), common, main_server->buffered, check_only);
        if (rc != PN_OK)
            return rc;
    }
    return PN_OK;
}

/* ---- writing ---- */

/* COMPAT: 2.4 asks the request as it came. */
PN_MAY_YIELD static bool wanted(const struct log *log, struct pn_request *r)
{
    bool holds = false;

    if (log->env && (pn_env_get(r, log->env) == NULL) != log->env_absent)
        return false;
    if (log->expr && (pn_expr_holds(r, log->expr, &holds) != PN_OK || !holds))
        return false;
    return true;
}

static void write_line(const struct log *log, struct transaction *t)
{
    char *to = pn_log_sink_reserve(log->sink, PN_LOG_LINE_MAX);

    t->line = (struct pn_log_line){ .p = to, .end = to + PN_LOG_LINE_MAX - 1 };
    log_format_print(log->format, t);
    *t->line.p++ = '\n';
    pn_log_sink_commit(log->sink, (size_t)(t->line.p - to));
}

PN_MAY_YIELD static enum pn_verdict log_transaction(struct pn_request *r)
{
    const struct log_server *server = pn_server_conf(r->server, &pn_module_log_config);
    struct transaction       t = { .first = r, .last = r };

    while (t.last->next)
        t.last = t.last->next;
    for (unsigned i = 0; i < server->n_active; i++) {
        const struct log *log = &server->active[i];
        if (!wanted(log, r))
            continue;
        if (log->format->host && !t.host.p) {
            t.host = pn_remote_host(t.last, false);
            t.peer_host = pn_peer_host(t.last);
        }
        write_line(log, &t);
    }
    return PN_NEXT;
}

static bool has_logs(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct log_server *conf = server_conf;

    (void)server, (void)dir_conf;
    return conf->logs || conf->outer;
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_post_config(h, post_config, (struct pn_order){ .pos = PN_ORDER_MIDDLE });
    pn_hook_log_transaction(h, log_transaction, { .when = has_logs });
}

struct pn_module pn_module_log_config = {
    .api = PN_MODULE_API,
    .name = "mod_log_config.c",
    .apache_id = "log_config_module",
    .is_static = true,
    .directives = directives,
    .server_conf_size = sizeof(struct log_server),
    .server_conf_merge = merge,
    .hooks = hooks,
};
