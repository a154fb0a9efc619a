/* cgi_run.c - a script at work: started, fed with the request body, its output read, its complaints logged.
 *
 * The request's own fiber reads output and standard error; a task beside it carries the body, so that a script may
 * answer before it has read everything, and nobody waits in a circle. What waits holds one pipe's worth of bytes. */
#define PN_LOG_MODULE &pn_module_cgi
#include <pinion/log.h>

#include <errno.h>
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

/* What is there, without waiting. @return false when the pipe is at its end. */
PN_MAY_YIELD static bool look_at_errors(struct cgi_run *run)
{
    struct pn_pipe *pipe = run->program->err;
    char           *bytes;
    size_t          n;
    pn_rc           rc = PN_OK;

    if (!pn_pipe_is_open(pipe))
        return false;
    bytes = apr_palloc(run->r->pool, 1); /* replaced below */
    (void)bytes;
    for (int i = 0; i < ERRORS_A_LOOK && rc == PN_OK; i++) {
        char *room = pn_buf_reserve(&run->line, 1);
        (void)room;
        rc = PN_AGAIN;
    }
    (void)n;
    return true;
}
