/* cgi_answer.c - a script's output as the answer to a request: its head, redirections, and the body that is pulled from it.
 * RFC 3875 s6. */
#define PN_LOG_MODULE &pn_module_cgi
#include <pinion/log.h>

#include "cgi.h"

#define READ_BYTES ((size_t)8192)       /* of a head, at first */
#define BODY_READ_BYTES ((size_t)32768)
#define DRAIN_MAX (UINT64_C(16) * 1024 * 1024) /* of output that nobody will see */

/* ---- the body ---- */

struct script_body {
    struct pn_body  super;
    struct cgi_run *run;
    pn_str          rest;    /* came with the head */
    char           *buffer;  /* BODY_READ_BYTES, once it is needed */
    size_t          ahead;   /* bytes in it that were read while the rest was handed out */
};

static pn_rc no_more_output(struct cgi_run *run, pn_rc rc)
{
    struct pn_request *r = run->r;

    if (rc == PN_EOF && !run->pump_status) {
        cgi_finish(run);
        return PN_EOF;
    }
    cgi_abandon(run);
    if (rc == PN_CANCELLED)
        return rc;
    if (run->pump_status)
        return pn_fail(r, run->pump_status, PN_LOG_MODULE, 20610, "the request body broke off while %s was answering", run->name);
    return pn_fail(r, 504, PN_LOG_MODULE, 1220, "Timeout waiting for output from CGI script %s", r->filename.p);
}

static char *buffer_of(struct script_body *self)
{
    if (!self->buffer)
        self->buffer = apr_palloc(self->super.r->pool, BODY_READ_BYTES);
    return self->buffer;
}

/* Is there more already? If so, or if the script has ended, what is handed out now need not be sent by itself. */
PN_MAY_YIELD static bool more_follows_at_once(struct script_body *self)
{
    struct pn_pipe *out = self->run->program->out;
    pn_rc           rc = pn_pipe_read(out, buffer_of(self), BODY_READ_BYTES, 0, &self->ahead);

    if (rc == PN_EOF)
        self->run->ended = true;
    if (rc != PN_OK)
        self->ahead = 0;
    return rc == PN_OK || rc == PN_EOF;
}

PN_MAY_YIELD static pn_rc script_next(struct pn_body *body, struct pn_chunk *ret_chunk)
{
    struct script_body *self = PN_CONTAINER(body, struct script_body, super);
    struct cgi_run     *run = self->run;
    size_t              n = self->ahead;

    if (self->rest.n) {
        *ret_chunk = (struct pn_chunk){ .kind = PN_CHUNK_BYTES, .bytes = self->rest, .fd = -1, .stable = true };
        self->rest.n = 0;
        ret_chunk->flush = !more_follows_at_once(self);
        if (run->ended && !run->pump_status) { /* so its length is known, and it can be told */
            cgi_finish(run);
            ret_chunk->last = true;
        }
        return PN_OK;
    }
    if (n == 0) {
        pn_rc rc = run->ended ? PN_EOF : cgi_read(run, buffer_of(self), BODY_READ_BYTES, &n);
        if (rc != PN_OK)
            return no_more_output(run, rc);
    }
    self->ahead = 0;
    *ret_chunk = (struct pn_chunk){ .kind = PN_CHUNK_BYTES, .bytes = { self->buffer, n }, .fd = -1, .flush = true };
    return PN_OK;
}

/* Not pulled to its end: nobody wants it any more. */
static void script_close(struct pn_body *body)
{
    cgi_abandon(PN_CONTAINER(body, struct script_body, super)->run);
}

static const struct pn_body_ops script_ops = { .name = "CGI", .next = script_next, .close = script_close };

static struct pn_body *script_body(struct cgi_run *run)
{
    struct script_body *self = apr_pcalloc(run->r->pool, sizeof(*self));

    self->super = (struct pn_body){ .ops = &script_ops, .r = run->r, .length = -1 };
    self->run = run;
    self->rest = pn_str_from(pn_buf_view(&run->output), run->head_end);
    return &self->super;
}

/* ---- the head ---- */

/* What the process itself says about an output without a head. */
PN_MAY_YIELD static enum pn_verdict no_head(struct cgi_run *run)
{
    struct pn_program_end end;

    if (run->pump_status)
        return cgi_reject(run->r, run, run->pump_status, 20610, "the request body broke off before %s had answered", run->name);
    if (pn_program_result(run->program, PN_USEC_PER_SEC, &end) != PN_OK)
        return cgi_reject(run->r, run, 500, 20611, "End of script output before headers: %s", run->name);
    if (end.error)
        return cgi_reject(run->r, run, 500, 1223, "couldn't spawn child process: %s: %s: %s", run->r->filename.p, end.step,
                          strerror(end.error));
    if (end.killed)
        return cgi_reject(run->r, run, 500, 20611, "End of script output before headers: %s (ended by signal %d)", run->name,
                          end.code);
    return cgi_reject(run->r, run, 500, 20611, "End of script output before headers: %s", run->name);
}

PN_MAY_YIELD static enum pn_verdict output_failed(struct cgi_run *run, pn_rc rc)
{
    if (rc == PN_EOF)
        return no_head(run);
    if (rc == PN_TIMEOUT)
        return cgi_reject(run->r, run, 504, 1220, "Timeout waiting for output from CGI script %s", run->r->filename.p);
    if (rc == PN_CANCELLED) {
        cgi_abandon(run);
        return pn_reject_quietly(run->r, 500); /* nobody will see it */
    }
    return cgi_reject(run->r, run, 500, 20611, "output of %s cannot be read", run->r->filename.p);
}

static enum pn_verdict bad_head(struct cgi_run *run, const char *why)
{
    pn_str shown = pn_str_escape(run->r->pool, pn_str_head(pn_buf_view(&run->output), 30));

    return cgi_reject(run->r, run, 500, 2429, "malformed header from script '%s': Bad header: %s (%s)", run->name, shown.p, why);
}

/* PN_NEXT: run->output holds a whole head. */
PN_MAY_YIELD static enum pn_verdict read_head(struct cgi_run *run)
{
    struct pn_cgi_scan scan = { 0 };
    const char        *why = "";

    for (;;) {
        size_t n;
        char  *room = pn_buf_reserve(&run->output, READ_BYTES + 1);
        if (!room)
            return bad_head(run, "the head is too large");
        pn_rc rc = cgi_read(run, room, READ_BYTES, &n);
        if (rc != PN_OK)
            return output_failed(run, rc);
        run->output.n += n;
        rc = pn_cgi_head_end(&scan, pn_buf_view(&run->output), &run->head_end, &why);
        if (rc == PN_OK)
            return PN_NEXT;
        if (rc != PN_AGAIN)
            return bad_head(run, why);
    }
}

/* ---- what it means ---- */

/* A Location without a status: another URL of this server to be served in place of this one, or one to send the client to. */
PN_MAY_YIELD static enum pn_verdict redirect(struct cgi_run *run, pn_str location)
{
    struct pn_request *r = run->r;

    cgi_drain(run, DRAIN_MAX);
    cgi_finish(run);
    if (location.n == 0 || location.p[0] != '/')
        return pn_reject_quietly(r, 302);
    /* The body has been read by the script: the new request has none. */
    pn_headers_unset(&r->in, PN_HDR_CONTENT_LENGTH);
    pn_headers_unset(&r->out, PN_HDR_LOCATION);
    r->method = PN_STR("GET");
    r->method_id = PN_METHOD_GET;
    return pn_redirect_internal(r, location);
}

static bool has_no_content(const struct pn_request *r)
{
    return r->head_only || r->status < 200 || r->status == 204 || r->status == 304;
}

/* The head is out of the way: the rest of the output is the content. */
PN_MAY_YIELD static enum pn_verdict serve(struct cgi_run *run)
{
    struct pn_request *r = run->r;

    if (has_no_content(r)) {
        cgi_drain(run, DRAIN_MAX);
        if (!run->ended)
            cgi_abandon(run);
        cgi_finish(run);
        r->body = r->head_only ? script_body(run) : pn_body_empty(r);
    }
    else
        r->body = script_body(run);
    return PN_HANDLED;
}

enum pn_verdict cgi_answer(struct cgi_run *run, bool nph)
{
    struct pn_request *r = run->r;
    const char        *why = "";
    bool               has_status;
    enum pn_verdict    verdict = read_head(run);

    if (verdict != PN_NEXT)
        return verdict;
    /* The parser writes into the head and one byte behind it. */
    char *head = pn_str_zdup(r->pool, pn_str_head(pn_buf_view(&run->output), run->head_end));
    r->content_type = PN_STR("");
    if (pn_cgi_head_take(r, nph ? PN_CGI_NON_PARSED : PN_CGI_PARSED, head, run->head_end, &has_status, &why) != PN_OK)
        return bad_head(run, why);
    if (nph) {
        r->keep_alive = false;
        return serve(run);
    }
    pn_str location = pn_headers_get(&r->out, PN_HDR_LOCATION);
    if (location.p && r->status == 200)
        return redirect(run, location);
    int settled = has_status ? 0 : pn_meets_conditions(r);
    if (settled == 412) {
        cgi_abandon(run);
        return pn_reject_quietly(r, 412);
    }
    if (settled)
        r->status = settled;
    return serve(run);
}
