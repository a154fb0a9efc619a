/* mod_sed - answers and request bodies through a script of the stream editor: the filter Sed in both directions.
 * Runs: as a filter.   Yields: as the body below.   Config: struct sed_conf.   Spec: Apache manual, mod_sed; POSIX, utility sed.
 *
 * The script is compiled with the configuration. A line is worked on when it is known whether another one follows, for $. */
#define PN_LOG_MODULE &pn_module_sed
#include <pinion/log.h>

#include "lines.h"
#include "sed_script.h"

#define GATHER_BYTES 8000

struct sed_conf {
    pn_str             output_text, input_text; /* the script's lines so far */
    struct sed_script *output, *input;          /* NULL: none, or not complete */
};

struct edited {
    struct pn_body super;
    struct lines   lines;
    struct sed_run run;
    struct pn_buf  held;    /* the line that waits to be known as the last or not */
    struct pn_buf  out;
    bool           holds, ended;
};

struct pn_module pn_module_sed;

/* Works on the line that was held. */
static pn_rc edit_held(struct edited *self, bool last)
{
    pn_str line = pn_buf_view(&self->held);
    bool   newline = line.n && line.p[line.n - 1] == '\n';

    self->holds = false;
    return sed_line(&self->run, pn_str_head(line, line.n - newline), last);
}

/* One more line. @return PN_OK; PN_AGAIN: hand out what there is; PN_EOF; PN_LIMIT; or the error of the body below. */
PN_MAY_YIELD static pn_rc step(struct edited *self)
{
    pn_str line;
    pn_rc  rc = lines_next(&self->lines, &line);

    if (rc == PN_EOF)
        return self->holds && edit_held(self, true) != PN_OK ? PN_LIMIT : PN_EOF;
    if (rc != PN_OK)
        return rc;
    if (self->holds && edit_held(self, false) != PN_OK)
        return PN_LIMIT;
    if (self->run.quit)
        return PN_EOF;
    pn_buf_clear(&self->held);
    pn_buf_str(&self->held, line);
    self->holds = true;
    return PN_OK;
}

PN_MAY_YIELD static pn_rc edited_next(struct pn_body *body, struct pn_chunk *ret_chunk)
{
    struct edited *self = PN_CONTAINER(body, struct edited, super);
    pn_rc          rc = PN_OK;

    if (self->ended)
        return PN_EOF;
    pn_buf_clear(&self->out);
    while (rc == PN_OK && self->out.n < GATHER_BYTES)
        rc = step(self);
    if (rc == PN_LIMIT)
        return pn_fail(body->r, 500, PN_LOG_MODULE, 2998, "error while filtering: a line of %s or what the script makes of it is over %zu "
                       "bytes, or the script does not end", body->r->filename.p, SED_SPACE_MAX);
    self->ended = rc == PN_EOF;
    if (self->ended && self->out.n == 0)
        return PN_EOF;
    if (rc != PN_OK && rc != PN_AGAIN && rc != PN_EOF)
        return rc;
    *ret_chunk = (struct pn_chunk){ .kind = PN_CHUNK_BYTES, .fd = -1, .bytes = pn_buf_view(&self->out), .last = self->ended,
                                    .flush = rc == PN_AGAIN };
    return PN_OK;
}

static void edited_close(struct pn_body *body)
{
    pn_body_close(PN_CONTAINER(body, struct edited, super)->lines.below);
}

static const struct pn_body_ops edited_ops = { .name = "SED", .next = edited_next, .close = edited_close };

static struct pn_body *edited_body(struct pn_request *r, struct pn_body *below, const struct sed_script *script)
{
    struct edited *self = apr_pcalloc(r->pool, sizeof(*self));

    self->super = (struct pn_body){ .ops = &edited_ops, .r = r, .length = -1 };
    lines_init(&self->lines, r, below, SED_SPACE_MAX);
    pn_buf_init(&self->held, r->pool, SED_SPACE_MAX);
    pn_buf_init(&self->out, r->pool, 4 * SED_SPACE_MAX);
    sed_begin(&self->run, script, r->pool, &self->out);
    return &self->super;
}

static struct pn_body *incomplete(struct pn_request *r, pn_str text)
{
    (void)!pn_fail(r, 500, PN_LOG_MODULE, 20320, "the script of OutputSed or InputSed is not complete: a block is not closed or a label "
                   "is missing: %s", pn_str_escape(r->pool, text).p);
    return NULL;
}

static struct pn_body *output_wrap(struct pn_request *r, struct pn_body *below, void *arg)
{
    const struct sed_conf *conf = pn_dir_conf(r, &pn_module_sed);

    (void)arg;
    if (!conf->output_text.n || below->length == 0 || r->status == 304)
        return below;
    if (!conf->output)
        return incomplete(r, conf->output_text);
    pn_headers_unset(&r->out, PN_HDR_CONTENT_LENGTH);
    pn_headers_unset(&r->out, PN_HDR_CONTENT_MD5);
    return edited_body(r, below, conf->output);
}

static struct pn_body *input_wrap(struct pn_request *r, struct pn_body *below, void *arg)
{
    const struct sed_conf *conf = pn_dir_conf(r, &pn_module_sed);

    (void)arg;
    if (!conf->input_text.n || !pn_has_request_body(r))
        return below;
    if (!conf->input)
        return incomplete(r, conf->input_text);
    pn_headers_unset(&r->in, PN_HDR_CONTENT_LENGTH);
    pn_headers_unset(&r->in, PN_HDR_CONTENT_MD5);
    return edited_body(r, below, conf->input);
}

/* ---- settings ---- */

static const char *set_script(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct sed_conf   *sed = conf;
    bool               output = strcasecmp(cmd->row->name, "OutputSed") == 0;
    pn_str            *text = output ? &sed->output_text : &sed->input_text;
    struct sed_script *script = NULL;
    const char        *error;

    (void)argc;
    *text = PN_CAT(cmd->pool, *text, argv[0], PN_STR("\n"));
    if (sed_compile(cmd->pool, *text, &script, &error) == PN_BAD)
        return pn_conf_error_text(cmd, "%s: %s", cmd->row->name, error);
    *(output ? &sed->output : &sed->input) = script;
    return NULL;
}

static const struct pn_directive directives[] = {
    { .name = "OutputSed", .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_ALL, .set = set_script,
      .help = "A line of the script that answers go through" },
    { .name = "InputSed", .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_ALL, .set = set_script,
      .help = "A line of the script that request bodies go through" },
    { 0 }
};

static void dir_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct sed_conf *inner = add;
    struct sed_conf       *merged = out;

    (void)pool, (void)base;
    if (inner->output_text.n) {
        merged->output = inner->output;
        merged->output_text = inner->output_text;
    }
    if (inner->input_text.n) {
        merged->input = inner->input;
        merged->input_text = inner->input_text;
    }
}

static void hooks(struct pn_hooks *h)
{
    static const struct pn_filter output = { .name = "SED", .type = PN_FILTER_RESOURCE, .wrap = output_wrap };
    static const struct pn_filter input = { .name = "SED", .type = PN_FILTER_RESOURCE, .wrap = input_wrap };

    pn_output_filter(h, &output);
    pn_input_filter(h, &input);
}

struct pn_module pn_module_sed = {
    .api = PN_MODULE_API,
    .name = "mod_sed.c",
    .apache_id = "sed_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct sed_conf),
    .dir_conf_merge = dir_merge,
    .hooks = hooks,
};
