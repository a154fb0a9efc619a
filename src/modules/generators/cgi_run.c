/* cgi_run.c - a script at work: started, fed with the request body, its output read, its complaints logged.
 *
 * The request's own fiber reads output and standard error; a task beside it carries the body, so that a script may
 * answer before it has read everything, and nobody waits in a circle. What waits holds one pipe's worth of bytes. */
#define PN_LOG_MODULE &pn_module_cgi
#include <pinion/log.h>

#include <apr_escape.h>
#include <errno.h>
#include <pinion/run_as.h>
#include <pinion/uri.h>

#include "cgi.h"

#define LINE_MAX_BYTES 8192
#define ERROR_READ_BYTES 4096
#define ERRORS_A_LOOK 16                          /* reads of standard error before output is looked at again */
#define LAST_WORDS_USEC (50 * PN_USEC_PER_MSEC)   /* for standard error to end after the output has */
#define DROP_BYTES 16384
#define LOGGED_ERRORS_MAX 65536

/* ---- standard error ---- */

static void log_line(struct cgi_run *run)
{
    pn_str line = pn_str_trim(pn_buf_view(&run->line));

    if (line.n)
        PN_LOG_R(run->r, PN_LOG_ERR, 1215, 0, "stderr from %s: %.*s", run->r->filename.p, PN_FMT(line));
    pn_buf_clear(&run->line);
}

static void take_errors(struct cgi_run *run, pn_str bytes)
{
    if (run->conf->log.n)
        pn_buf_str(&run->errors, bytes);
    while (bytes.n) {
        size_t end = pn_str_chr(bytes, '\n', 0);
        size_t room = LINE_MAX_BYTES - run->line.n;
        size_t n = end == SIZE_MAX ? bytes.n : end;
        pn_buf_str(&run->line, pn_str_head(bytes, n < room ? n : room));
        if (n <= room && end == SIZE_MAX)
            return;
        log_line(run);
        bytes = pn_str_from(bytes, n <= room ? n + 1 : room); /* an over-long line goes on as another */
    }
}

/* What is there, without waiting. */
PN_MAY_YIELD static void look_at_errors(struct cgi_run *run)
{
    struct pn_pipe *pipe = run->program->err;
    pn_rc           rc = PN_OK;
    size_t          n;

    if (!run->error_room)
        run->error_room = apr_palloc(run->r->pool, ERROR_READ_BYTES);
    for (int i = 0; i < ERRORS_A_LOOK && pn_pipe_is_open(pipe); i++) {
        rc = pn_pipe_read(pipe, run->error_room, ERROR_READ_BYTES, 0, &n);
        if (rc == PN_AGAIN)
            return;
        if (rc == PN_OK)
            take_errors(run, pn_str_n(run->error_room, n));
        else
            pn_pipe_close(pipe);
    }
}

/* A script that ends closes both at nearly the same time; one that leaves something behind may keep the second open. */
PN_MAY_YIELD static void hear_last_words(struct cgi_run *run)
{
    pn_usec until = pn_now() + LAST_WORDS_USEC;

    look_at_errors(run);
    while (pn_pipe_is_open(run->program->err)) {
        pn_usec left = until - pn_now();
        if (left <= 0 || pn_pipe_wait(&run->program->err, 1, left) != PN_OK)
            break;
        look_at_errors(run);
    }
    log_line(run);
}

/* ---- the request body ---- */

static void note_body(struct cgi_run *run, pn_str bytes)
{
    if (run->conf->log.n && run->sent.n < (size_t)run->conf->log_buffer)
        pn_buf_str(&run->sent, pn_str_head(bytes, (size_t)run->conf->log_buffer - run->sent.n));
}

/* A body that breaks off must not look complete: the script is ended before its input is. */
PN_MAY_YIELD static void body_failed(struct cgi_run *run, pn_rc rc)
{
    run->pump_status = rc == PN_FAILED ? pn_request_body_status(run->r) : 400;
    pn_program_kill(run->program);
}

/* The task beside the request's fiber. Writing has no time limit of its own: a script that takes nothing any more is ended
 * for its silence, one that is busy with a slow client is not. */
PN_MAY_YIELD static void pump(void *arg)
{
    struct cgi_run *run = arg;
    struct pn_body *body = pn_body_in_memory(run->r, pn_request_body(run->r));
    struct pn_chunk chunk = { .fd = -1 };
    pn_rc           rc;

    while ((rc = pn_body_next(body, &chunk)) == PN_OK) {
        note_body(run, chunk.bytes);
        rc = pn_pipe_write(run->program->in, chunk.bytes, PN_NEVER);
        if (rc != PN_OK || chunk.last)
            break;
    }
    if (rc == PN_OK || rc == PN_EOF) /* all of it, or the script reads no more */
        pn_pipe_close(run->program->in);
    else if (rc != PN_CANCELLED)
        body_failed(run, rc);
}

/* ---- starting ---- */

/* The words of a query that is none of fields (RFC 3875 s4.4), with what a shell takes for special made plain. */
static void add_words(struct pn_request *r, apr_array_header_t *argv)
{
    pn_str rest = r->query, word;

    if (r->query.n == 0 || pn_str_chr(r->query, '=', 0) != SIZE_MAX)
        return;
    do {
        word = pn_str_cut(rest, '+', &rest);
        pn_str plain;
        if (pn_uri_decode(r->pool, word, &plain) != PN_OK)
            plain = word;
        *(const char **)apr_array_push(argv) = apr_pescape_shell(r->pool, pn_str_zdup(r->pool, plain));
    } while (rest.p);
}

static const char *const *arguments(struct pn_request *r, const char *name, const struct pn_run_as *as)
{
    apr_array_header_t *argv = apr_array_make(r->pool, 8, sizeof(const char *));

    if (as->wrapper) {
        *(const char **)apr_array_push(argv) = as->wrapper;
        *(const char **)apr_array_push(argv) = as->user;
        *(const char **)apr_array_push(argv) = as->group;
    }
    *(const char **)apr_array_push(argv) = name;
    add_words(r, argv);
    *(const char **)apr_array_push(argv) = NULL;
    return (const char *const *)argv->elts;
}

static struct cgi_run *new_run(struct pn_request *r, pn_usec timeout)
{
    struct cgi_run *run = apr_pcalloc(r->pool, sizeof(*run));
    size_t          slash = pn_str_rchr(r->filename, '/');

    run->r = r;
    run->conf = pn_server_conf(r->server, &pn_module_cgi);
    run->timeout = timeout;
    run->name = r->filename.p + (slash == SIZE_MAX ? 0 : slash + 1);
    pn_buf_init(&run->line, r->pool, LINE_MAX_BYTES);
    pn_buf_init(&run->output, r->pool, PN_CGI_HEAD_MAX * 2);
    pn_buf_init(&run->sent, r->pool, (size_t)run->conf->log_buffer + 1);
    pn_buf_init(&run->errors, r->pool, LOGGED_ERRORS_MAX);
    return run;
}

/* Another account than the server's, by way of a wrapper; wrapper NULL: none. @return false: there is no such account. */
PN_MAY_YIELD static bool run_as(struct pn_request *r, struct pn_run_as *ret)
{
    const struct pn_run_as_provider *provider = pn_provider(r->server->generation, "run_as", PN_STR("suexec"));
    pn_rc                            rc = provider ? provider->run_as(r, ret) : PN_DECLINED;

    if (rc == PN_DECLINED)
        ret->wrapper = NULL;
    return rc == PN_OK || rc == PN_DECLINED;
}

struct cgi_run *cgi_start(struct pn_request *r, pn_usec timeout, int *ret_status)
{
    struct cgi_run         *run = new_run(r, timeout);
    bool                    with_body = pn_has_request_body(r);
    struct pn_run_as        as = { 0 };

    if (!run_as(r, &as)) {
        PN_LOG_R(r, PN_LOG_ERR, 1223, 0, "couldn't spawn child process: %s: the user that it is to run as does not exist",
                 r->filename.p);
        *ret_status = 500;
        return NULL;
    }
    struct pn_spawn_request request = {
        .program = as.wrapper ? as.wrapper : r->filename.p,
        .argv = arguments(r, run->name, &as),
        .env = pn_cgi_environment(r),
        .directory = pn_str_zdup(r->pool, pn_str_head(r->filename, (size_t)(run->name - r->filename.p))),
        .limits = pn_resource_limits(r),
        .with_input = with_body,
        .with_errors = true,
    };
    pn_rc rc = pn_spawn(r->pool, &request, &run->program);

    if (rc != PN_OK) {
        int error = rc == PN_SYSTEM ? errno : 0;
        PN_LOG_R(r, PN_LOG_ERR, 1223, error, "couldn't spawn child process: %s (%s)", r->filename.p, pn_rc_name(rc));
        *ret_status = rc == PN_LIMIT ? 500 : 503;
        return NULL;
    }
    pn_watch_client(r);
    if (with_body && pn_task_start(r->pool, pump, run, &run->pump) != PN_OK) {
        PN_LOG_R(r, PN_LOG_ERR, 1223, errno, "no memory to carry the request body to %s", r->filename.p);
        cgi_abandon(run);
        *ret_status = 503;
        return NULL;
    }
    return run;
}

/* ---- reading ---- */

pn_rc cgi_read(struct cgi_run *run, char *to, size_t max, size_t *ret_n)
{
    pn_usec until = run->timeout < PN_NEVER - pn_now() ? pn_now() + run->timeout : PN_NEVER;

    for (;;) {
        pn_rc rc = pn_pipe_read(run->program->out, to, max, 0, ret_n);
        look_at_errors(run);
        if (rc == PN_EOF)
            run->ended = true;
        if (rc != PN_AGAIN)
            return rc;
        struct pn_pipe *both[] = { run->program->out, run->program->err };
        pn_usec         left = until - pn_now();
        rc = left > 0 ? pn_pipe_wait(both, PN_COUNT(both), left) : PN_TIMEOUT;
        if (rc != PN_OK)
            return rc;
    }
}

void cgi_drain(struct cgi_run *run, uint64_t max)
{
    char    *dropped = apr_palloc(run->r->pool, DROP_BYTES);
    uint64_t seen = 0;
    size_t   n;

    while (!run->ended && seen < max && cgi_read(run, dropped, DROP_BYTES, &n) == PN_OK)
        seen += n;
}

/* ---- ending ---- */

void cgi_finish(struct cgi_run *run)
{
    if (run->over)
        return;
    run->over = true;
    hear_last_words(run);
    pn_task_end(run->pump);
    pn_program_release(run->program);
}

void cgi_abandon(struct cgi_run *run)
{
    if (run->over)
        return;
    run->over = true;
    pn_program_kill(run->program);
    look_at_errors(run);
    log_line(run);
    pn_task_end(run->pump);
}
