/* ext_filter_run.c - a body through a program: fed by a task, read by who pulls.
 *
 * The task carries the body below to the program while the request's fiber reads what comes out of it, so nobody waits in a circle
 * and what waits is a pipe's worth of bytes on either side. The program ends with the body. */
#define PN_LOG_MODULE &pn_module_ext_filter
#include <pinion/log.h>

#include <errno.h>
#include <pinion/cgi.h>
#include <pinion/spawn.h>
#include <pinion/uri.h>
#include <unistd.h>

#include "ext_filter.h"

#define READ_BYTES ((size_t)16384)
#define ERROR_READ_BYTES ((size_t)4096)
#define LINE_MAX_BYTES ((size_t)8192)

struct filtered {
    struct pn_body           super;
    struct pn_body          *below;
    const struct ext_filter *def;
    struct pn_program       *program;
    struct pn_task          *pump;
    pn_rc                    pumped;  /* how the body below ended: PN_EOF, or its error */
    char                    *room;    /* READ_BYTES of output */
    char                    *error_room;
    struct pn_buf            line;    /* of standard error, not complete yet */
    bool                     ended;
};

/* ---- standard error ---- */

static void log_line(struct filtered *self)
{
    pn_str line = pn_str_trim(pn_buf_view(&self->line));

    if (line.n)
        PN_LOG_R(self->super.r, PN_LOG_ERR, 21221, 0, "stderr from %s: %.*s", self->def->filter.name, PN_FMT(line));
    pn_buf_clear(&self->line);
}

static void take_errors(struct filtered *self, pn_str bytes)
{
    for (size_t i = 0; i < bytes.n; i++) {
        if (bytes.p[i] == '\n' || self->line.n == LINE_MAX_BYTES)
            log_line(self);
        if (bytes.p[i] != '\n')
            pn_buf_ch(&self->line, bytes.p[i]);
    }
}

/* What is there, without waiting. */
PN_MAY_YIELD static void look_at_errors(struct filtered *self)
{
    struct pn_pipe *pipe = self->program->err;
    size_t          n;

    while (pn_pipe_is_open(pipe)) {
        pn_rc rc = pn_pipe_read(pipe, self->error_room, ERROR_READ_BYTES, 0, &n);
        if (rc == PN_AGAIN)
            return;
        if (rc == PN_OK)
            take_errors(self, pn_str_n(self->error_room, n));
        else
            pn_pipe_close(pipe);
    }
}

/* ---- feeding ---- */

/* The task. A program that reads no more is fed no more: that is its business. A body that breaks off must not look complete. */
PN_MAY_YIELD static void pump(void *arg)
{
    struct filtered *self = arg;
    struct pn_chunk  chunk = { .fd = -1 };
    pn_rc            rc;

    while ((rc = pn_body_next(self->below, &chunk)) == PN_OK) {
        rc = pn_pipe_write(self->program->in, chunk.bytes, PN_NEVER);
        if (rc != PN_OK || chunk.last)
            break;
        chunk = (struct pn_chunk){ .fd = -1 };
    }
    self->pumped = rc == PN_OK ? PN_EOF : rc;
    if (self->pumped == PN_EOF)
        pn_pipe_close(self->program->in);
    else
        pn_program_kill(self->program);
}

/* ---- reading ---- */

/* Some output. @return as pn_pipe_read. */
PN_MAY_YIELD static pn_rc read_output(struct filtered *self, size_t *ret_n)
{
    pn_usec until = pn_now() + pn_request_timeout(self->super.r);

    for (;;) {
        pn_rc rc = pn_pipe_read(self->program->out, self->room, READ_BYTES, 0, ret_n);
        look_at_errors(self);
        if (rc != PN_AGAIN)
            return rc;
        struct pn_pipe *both[] = { self->program->out, self->program->err };
        pn_usec         left = until - pn_now();
        rc = left > 0 ? pn_pipe_wait(both, PN_COUNT(both), left) : PN_TIMEOUT;
        if (rc != PN_OK)
            return rc;
    }
}

static void let_go(struct filtered *self, bool kill)
{
    if (self->ended)
        return;
    self->ended = true;
    if (kill)
        pn_program_kill(self->program);
    look_at_errors(self);
    log_line(self);
    pn_task_end(self->pump);
    pn_program_release(self->program);
}

/* The program has closed its output. What the body below had to say comes first, then whether the program ran at all. */
PN_MAY_YIELD static pn_rc finish(struct filtered *self)
{
    struct pn_program_end end = { 0 };
    pn_rc                 told = pn_program_result(self->program, PN_USEC_PER_SEC, &end);
    pn_rc                 below = self->pumped;

    let_go(self, false);
    if (below != PN_EOF && below != PN_OK && below != PN_CANCELLED)
        return below;
    if (told == PN_OK && end.error)
        return pn_fail(self->super.r, 500, PN_LOG_MODULE, 1458, "couldn't create child process to run `%s': %s: %s",
                       self->def->argv[0], end.step, strerror(end.error));
    if (told == PN_OK && end.killed)
        return pn_fail(self->super.r, 500, PN_LOG_MODULE, 21222, "the program of filter %s was ended by signal %d",
                       self->def->filter.name, end.code);
    return PN_EOF;
}

PN_MAY_YIELD static pn_rc filtered_next(struct pn_body *body, struct pn_chunk *ret_chunk)
{
    struct filtered *self = PN_CONTAINER(body, struct filtered, super);
    size_t           n = 0;
    pn_rc            rc = self->ended ? PN_EOF : read_output(self, &n);

    if (rc == PN_OK) {
        *ret_chunk = (struct pn_chunk){ .kind = PN_CHUNK_BYTES, .bytes = pn_str_n(self->room, n), .fd = -1,
                                        .flush = n < READ_BYTES };
        return PN_OK;
    }
    if (self->ended)
        return PN_EOF;
    if (rc == PN_EOF)
        return finish(self);
    let_go(self, true);
    if (rc != PN_TIMEOUT)
        return rc;
    return pn_fail(body->r, 500, PN_LOG_MODULE, 21223, "the program of filter %s gave no output for the time of Timeout",
                   self->def->filter.name);
}

static void filtered_close(struct pn_body *body)
{
    struct filtered *self = PN_CONTAINER(body, struct filtered, super);

    let_go(self, true);
    pn_body_close(self->below);
}

static const struct pn_body_ops filtered_ops = { .name = "EXT_FILTER", .next = filtered_next, .close = filtered_close };

/* ---- starting ---- */

/* What the manual promises beside the variables of CGI. */
PN_MAY_YIELD static void set_variables(struct pn_request *r)
{
    pn_str plain;

    pn_cgi_set_vars(r);
    apr_table_setn(pn_env(r), "DOCUMENT_URI", r->path.p ? r->path.p : "");
    apr_table_setn(pn_env(r), "DOCUMENT_PATH_INFO", r->path_info.p ? r->path_info.p : "");
    if (r->query.p && pn_uri_decode(r->pool, r->query, &plain) == PN_OK)
        apr_table_setn(pn_env(r), "QUERY_STRING_UNESCAPED", pn_str_zdup(r->pool, plain));
}

PN_MAY_YIELD static pn_rc start(struct filtered *self, bool log_errors)
{
    struct pn_request      *r = self->super.r;
    struct pn_spawn_request request = {
        .program = self->def->argv[0],
        .argv = self->def->argv,
        .env = pn_cgi_environment(r),
        .limits = pn_resource_limits(r),
        .with_input = true,
        .with_errors = log_errors,
    };

    if (access(self->def->argv[0], X_OK) < 0) /* known before any of the answer is out */
        return PN_SYSTEM;
    pn_rc rc = pn_spawn(r->pool, &request, &self->program);
    if (rc != PN_OK)
        return rc;
    rc = pn_task_start(r->pool, pump, self, &self->pump);
    if (rc != PN_OK)
        pn_program_kill(self->program);
    return rc;
}

struct pn_body *ext_filter_body(struct pn_request *r, struct pn_body *below, const struct ext_filter *def)
{
    const struct ext_filter_dir *conf = pn_dir_conf(r, &pn_module_ext_filter);
    struct filtered             *self = apr_pcalloc(r->pool, sizeof(*self));

    self->super = (struct pn_body){ .ops = &filtered_ops, .r = r, .length = def->keeps_length ? below->length : -1 };
    self->below = pn_body_in_memory(r, below);
    self->def = def;
    self->room = apr_palloc(r->pool, READ_BYTES);
    if (conf->log_errors)
        self->error_room = apr_palloc(r->pool, ERROR_READ_BYTES);
    pn_buf_init(&self->line, r->pool, LINE_MAX_BYTES);
    set_variables(r);
    pn_rc rc = start(self, conf->log_errors);
    if (rc == PN_OK)
        return &self->super;
    PN_LOG_R(r, PN_LOG_ERR, 1458, rc == PN_SYSTEM ? errno : 0, "couldn't create child process to run `%s' (%s)", def->argv[0],
             pn_rc_name(rc));
    return NULL;
}
