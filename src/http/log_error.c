/* log_error.c - messages to the error log: levels, the way to the sink, and the ErrorLog directives.
 * Apache manual: "Apache Core Features", ErrorLog and ErrorLogFormat.
 *
 * A line goes to the buffer of the worker when the thread has one, and is written at once elsewhere (master, offload threads). */
#define PN_LOG_MODULE &pn_module_core

#include "http/log_error.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <pinion/record.h>

#include "http/core_directives.h"
#include "http/worker.h"

static const struct pn_server *main_server; /* of the generation in use in this process */

static _Thread_local struct { const char *file; int line; } here;
static _Thread_local char message[PN_LOG_MESSAGE_MAX]; /* never kept over a call that may suspend: none is made */

void pn_log_use(const struct pn_server *server)
{
    main_server = server;
}

void pn_log_here(const char *file, int line)
{
    here.file = file;
    here.line = line;
}

/* ---- is the level on? ---- */

static const struct pn_server *default_server(void)
{
    const struct pn_worker *worker = pn_worker_this();

    return worker ? worker->generation->servers : main_server;
}

/* COMPAT: 2.4 LogLevel: notices cannot be switched off where the log is a file, so that starts and stops are always told. Who reads
 * standard error is there to see the start, and gets what LogLevel says (`pinion serve`). */
static bool is_told_anyway(const struct pn_server *s, enum pn_log_level level)
{
    const struct pn_log_sink *sink;

    if (level != PN_LOG_NOTICE || !s || !s->conf)
        return false;
    sink = pn_core_server(s)->error_sink;
    return sink && sink->kind != PN_LOG_SYSLOG && strcmp(sink->name, "/dev/stderr") != 0;
}

bool pn_log_on_r(const struct pn_request *r, const struct pn_module *module, enum pn_log_level level)
{
    if (is_told_anyway(r->server, level))
        return true;
    return (int)level <= pn_log_level_of(pn_core_dir(r->dir_conf)->log_levels, module);
}

bool pn_log_on_s(const struct pn_server *s, const struct pn_module *module, enum pn_log_level level)
{
    if (!s)
        s = default_server();
    if (is_told_anyway(s, level))
        return true;
    return (int)level <= pn_log_level_of(s && s->dir_conf ? pn_core_dir(s->dir_conf)->log_levels : NULL, module);
}

bool pn_log_on_c(const struct pn_conn *c, const struct pn_module *module, enum pn_log_level level)
{
    return pn_log_on_s(c->base_server, module, level);
}

/* ---- a line's way ---- */

static const struct pn_core_server *settings(const struct pn_server *server)
{
    return server && server->conf ? pn_core_server(server) : NULL;
}

/* Before a log is open: the message alone, for the one who starts the server. */
static void to_stderr(const struct pn_log_event *event)
{
    char               text[512]; /* longer messages are cut here; the log has them whole */
    struct pn_log_line line = { .p = text, .end = text + sizeof(text) - 1 };
    char               id[16];

    pn_log_bytes(&line, id, pn__log_id_text(event->id, id));
    if (event->id)
        pn_log_lit(&line, ": ");
    if (event->error)
        pn_log_printf(&line, "(%d)%s: ", event->error, strerror(event->error));
    pn_log_message(&line, event->text, true);
    *line.p++ = '\n';
    if (write(STDERR_FILENO, text, (size_t)(line.p - text)) < 0)
        return; /* there is nobody left to tell */
}

/* @return the line that `form` gives, in the sink's buffer until commit; p == NULL: none. */
static void put_line(struct pn_log_sink *sink, const struct pn_log_format *format, const struct pn_log_form *form,
                     const struct pn_log_event *event)
{
    char              *to = pn_log_sink_reserve(sink, PN_LOG_LINE_MAX);
    struct pn_log_line line = { .p = to, .end = to + PN_LOG_LINE_MAX - 1 };
    bool               wanted = true;

    if (sink->kind == PN_LOG_SYSLOG)
        pn_log_ch(&line, (char)('A' + event->level));
    if (format && format->json)
        pn__log_json_line(event, &line);
    else
        wanted = pn__log_form_line(form, event, &line);
    *line.p++ = '\n';
    pn_log_sink_commit(sink, wanted ? (size_t)(line.p - to) : 0);
}

static void put_extra(struct pn_log_sink *sink, const struct pn_log_format *format, const apr_array_header_t *forms,
                      const struct pn_log_event *event)
{
    for (int i = 0; forms && i < forms->nelts; i++)
        put_line(sink, format, APR_ARRAY_IDX(forms, i, const struct pn_log_form *), event);
}

/* Before the first line about a connection or a request: the lines that ErrorLogFormat asks for once. A request gets its id here,
 * so an access log shows the id of those that have lines in the error log (COMPAT: 2.4). */
static void introduce(struct pn_log_sink *sink, const struct pn_log_format *format, const struct pn_log_event *event)
{
    if (event->conn && !event->conn->logged) {
        event->conn->logged = true;
        if (format)
            put_extra(sink, format, format->conn, event);
    }
    if (event->r && !event->r->log_id.n) {
        pn_request_log_id(event->r);
        if (format)
            put_extra(sink, format, format->request, event);
    }
}

static pn_wall wall_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return ts.tv_sec * PN_USEC_PER_SEC + ts.tv_nsec / 1000;
}

static void emit(struct pn_log_event *event, const char *fmt, va_list ap)
{
    int saved = errno;
    int n = vsnprintf(message, sizeof(message), fmt, ap);

    event->text = pn_str_n(message, n < 0 ? 0 : (size_t)n < sizeof(message) ? (size_t)n : sizeof(message) - 1);
    event->file = here.file;
    event->line = here.line;
    here.file = NULL;
    event->time = wall_now();
    if (pn_recorder) {
        pn_record(event->r, PN_STEP_LOG, NULL, 0, "%s%05u: %s%s%.*s", event->id < 20000 ? "AH" : "PN", event->id,
                  event->error ? strerror(event->error) : "", event->error ? ": " : "", PN_FMT(event->text));
        errno = saved;
        return;
    }
    if (!event->server)
        event->server = default_server();
    const struct pn_core_server *conf = settings(event->server);
    if (!conf || !conf->error_sink || (conf->error_sink->fd < 0 && conf->error_sink->kind != PN_LOG_SYSLOG))
        to_stderr(event);
    else {
        const struct pn_log_format *format = conf->error_format;
        introduce(conf->error_sink, format, event);
        put_line(conf->error_sink, format, format && format->message ? format->message : pn__log_form_default(), event);
    }
    errno = saved;
}

void pn_log_write_r(const struct pn_request *r, const struct pn_module *module, enum pn_log_level level, unsigned id, int error,
                    const char *fmt, ...)
{
    struct pn_log_event event = { .server = r->server, .conn = r->conn, .r = (struct pn_request *)(uintptr_t)r, .module = module,
                                  .level = level, .id = id, .error = error };
    va_list ap;

    va_start(ap, fmt);
    emit(&event, fmt, ap);
    va_end(ap);
}

void pn_log_write_s(const struct pn_server *s, const struct pn_module *module, enum pn_log_level level, unsigned id, int error,
                    const char *fmt, ...)
{
    struct pn_log_event event = { .server = s, .module = module, .level = level, .id = id, .error = error };
    va_list             ap;

    va_start(ap, fmt);
    emit(&event, fmt, ap);
    va_end(ap);
}

void pn_log_write_c(const struct pn_conn *c, const struct pn_module *module, enum pn_log_level level, unsigned id, int error,
                    const char *fmt, ...)
{
    struct pn_log_event event = { .server = c->base_server, .conn = (struct pn_conn *)(uintptr_t)c, .module = module,
                                  .level = level, .id = id, .error = error };
    va_list ap;

    va_start(ap, fmt);
    emit(&event, fmt, ap);
    va_end(ap);
}

/* ---- configuration ---- */

pn_rc pn__error_log_open(struct pn_generation *generation, struct pn_server *server, struct pn_core_server *conf)
{
    const char *error = NULL;
    pn_str      name = conf->error_log.n ? conf->error_log : PN_STR("logs/error_log");

    if (pn_log_sink_open(generation, name, &conf->error_sink, &error) == PN_OK)
        return PN_OK;
    char id[16];
    id[pn__log_id_text(91, id)] = '\0';
    pn_generation_error(generation, "%s: %s (ErrorLog of %.*s)", id, error, PN_FMT(server->name));
    return PN_BAD;
}

const char *pn__set_error_log(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_core_server *server = conf;

    (void)cmd, (void)argc;
    if (argv[0].n == 0)
        return "ErrorLog needs a file, a |program or syslog.";
    server->error_log = argv[0];
    server->error_log_set = true;
    return NULL;
}

static void add_form(apr_pool_t *pool, apr_array_header_t **forms, const struct pn_log_form *form)
{
    if (!*forms)
        *forms = apr_array_make(pool, 2, sizeof(form));
    *(const struct pn_log_form **)apr_array_push(*forms) = form;
}

const char *pn__set_error_log_format(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_core_server    *server = conf;
    const struct pn_log_form *form;

    if (!server->error_format)
        server->error_format = apr_pcalloc(cmd->pool, sizeof(*server->error_format));
    struct pn_log_format *format = server->error_format;
    if (argc == 1 && pn_str_ieq(argv[0], PN_STR("json"))) {
        format->json = true;
        return NULL;
    }
    const char *error = pn__log_form_compile(cmd->pool, argv[argc - 1], &form);
    if (error)
        return error;
    if (argc == 1) {
        format->message = form;
        format->json = false;
    }
    else if (pn_str_ieq(argv[0], PN_STR("request")))
        add_form(cmd->pool, &format->request, form);
    else if (pn_str_ieq(argv[0], PN_STR("connection")))
        add_form(cmd->pool, &format->conn, form);
    else
        return pn_conf_error_text(cmd, "'%s' is neither connection nor request.", argv[0].p);
    return NULL;
}
