/* cgi_log.c - what went wrong with a script: to the error log, and with request and output to ScriptLog.
 * Apache manual: mod_cgi, "CGI Debugging". */
#define PN_LOG_MODULE &pn_module_cgi
#include <pinion/log.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgi.h"

#define ENTRY_MAX ((size_t)1 << 20)

static void put_section(struct pn_buf *out, const char *title, pn_str text)
{
    if (text.n == 0)
        return;
    pn_buf_printf(out, "%%%s\n", title);
    pn_buf_str(out, text);
    if (text.p[text.n - 1] != '\n')
        pn_buf_ch(out, '\n');
}

static void put_request(struct pn_buf *out, struct pn_request *r, int status)
{
    char time[APR_CTIME_LEN];

    apr_ctime(time, pn_request_now(r));
    pn_buf_printf(out, "%%%% [%s] ", time);
    pn_buf_escaped(out, r->line);
    pn_buf_printf(out, "\n%%%% %d %s\n", status, r->filename.p);
}

static void put_exchange(struct pn_buf *out, struct pn_request *r, struct cgi_run *run)
{
    pn_str output = pn_buf_view(&run->output);
    size_t head = run->head_end ? run->head_end : output.n;

    pn_buf_lit(out, "%request\n");
    for (const struct pn_header *f = pn_headers_begin(&r->in); f < pn_headers_end(&r->in); f++) {
        pn_buf_escaped(out, f->name);
        pn_buf_lit(out, ": ");
        pn_buf_escaped(out, f->value);
        pn_buf_ch(out, '\n');
    }
    if (run->sent.n) {
        pn_buf_ch(out, '\n');
        pn_buf_str(out, pn_buf_view(&run->sent));
        pn_buf_ch(out, '\n');
    }
    put_section(out, "response", pn_str_head(output, head));
    put_section(out, "stdout", pn_str_from(output, head));
    put_section(out, "stderr", pn_buf_view(&run->errors));
}

struct append {
    const char *path;
    pn_str      text;
    int64_t     max_bytes;
};

/* On a thread: a log for debugging may lie on a slow disk. */
static void append(void *arg)
{
    const struct append *job = arg;
    struct stat          found;
    int                  fd = open(job->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);

    if (fd < 0)
        return;
    if (fstat(fd, &found) == 0 && found.st_size < job->max_bytes)
        (void)!write(fd, job->text.p, job->text.n);
    close(fd);
}

PN_MAY_YIELD static void write_script_log(struct pn_request *r, struct cgi_run *run, int status, pn_str text)
{
    const struct cgi_server *conf = pn_server_conf(r->server, &pn_module_cgi);
    struct append            job = { .path = conf->log.p, .max_bytes = conf->log_length };
    struct pn_buf            out;

    if (conf->log.n == 0)
        return;
    pn_buf_init(&out, r->pool, ENTRY_MAX);
    put_request(&out, r, status);
    if (run)
        put_exchange(&out, r, run);
    else
        pn_buf_printf(&out, "%%error\n%s\n", text.p);
    job.text = pn_buf_view(&out);
    (void)!pn_run_blocking(r, append, &job);
}

enum pn_verdict cgi_reject(struct pn_request *r, struct cgi_run *run, int status, unsigned id, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    pn_str text = pn_str_vprintf(r->pool, fmt, ap);
    va_end(ap);
    if (run && run->ended)
        cgi_finish(run);
    else if (run)
        cgi_abandon(run);
    PN_LOG_R(r, PN_LOG_ERR, id, 0, "%s", text.p);
    write_script_log(r, run, status, text);
    return pn_reject_quietly(r, status);
}
