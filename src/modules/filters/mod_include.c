/* mod_include - server-side includes: the output filter INCLUDES.
 * Runs: fixups (XBitHack, server-parsed), then as a filter.   Yields: as included parts do.
 * Config: struct include_dir, struct include_server.   Spec: Apache manual, mod_include.
 *
 * The page is parsed as it is pulled; small pieces gather in one buffer, large ones and included parts are handed on as they
 * come. Elements are in include_elements.c, what they include in include_part.c, variables and conditions in include_vars.c. */
#define PN_LOG_MODULE &pn_module_include
#include <pinion/log.h>

#include <pinion/spawn.h>
#include <sys/stat.h>

#include "include.h"

/* Output is handed up in pieces of about this; a piece at least this large is not copied. */
#define GATHER_BYTES 8000
#define COPY_BYTES 2048
/* Most that one element may print by itself. */
#define OUT_MAX ((size_t)16 << 20)

/* ---- the body ---- */

/* Takes a chunk of text or of a part into the output. */
static void take(struct include *self, const struct pn_chunk *chunk)
{
    if (chunk->kind == PN_CHUNK_BYTES && chunk->bytes.n < COPY_BYTES)
        pn_buf_str(&self->out, chunk->bytes);
    else {
        self->held = *chunk;
        self->held.last = self->held.flush = false;
        self->holds = true;
    }
    self->flush |= chunk->flush;
}

static void end_part(struct include *self)
{
    pn_body_close(self->part);
    self->part = NULL;
}

PN_MAY_YIELD static pn_rc step_part(struct include *self)
{
    struct pn_chunk chunk = { .fd = -1 };
    pn_rc           rc = pn_body_next(self->part, &chunk);

    if (rc == PN_OK)
        take(self, &chunk);
    else if (rc == PN_CANCELLED)
        return rc;
    else if (rc != PN_EOF) /* it broke off: the page goes on without the rest */
        include_error(self);
    if ((rc != PN_OK || chunk.last) && !self->holds)
        end_part(self);
    else if (rc == PN_OK && chunk.last)
        self->part_ended = true;
    return PN_OK;
}

PN_MAY_YIELD static pn_rc pull(struct include *self)
{
    struct pn_chunk chunk = { .fd = -1 };
    pn_rc           rc = pn_body_next(self->below, &chunk);

    if (rc == PN_EOF)
        self->in_ended = true;
    else if (rc != PN_OK)
        return rc;
    else {
        self->in = chunk.bytes;
        self->in_stable = chunk.stable;
        self->in_flush = chunk.flush;
        self->in_ended = chunk.last;
    }
    return PN_OK;
}

static void take_text(struct include *self, pn_str text)
{
    struct pn_chunk chunk = { .kind = PN_CHUNK_BYTES, .fd = -1, .bytes = text, .stable = self->in_stable };

    if (self->printing)
        take(self, &chunk);
}

PN_MAY_YIELD static void begin_element(struct include *self)
{
    apr_pool_clear(self->scratch);
    self->arg_at = 0;
    include_element(self);
}

/* One step of the page itself. */
PN_MAY_YIELD static pn_rc step_page(struct include *self)
{
    pn_str text = PN_STR("");

    if (self->in.n == 0 && self->in_flush) {
        self->in_flush = false;
        self->flush = true;
        return PN_OK;
    }
    if (self->in.n == 0 && !self->in_ended)
        return pull(self);
    bool           at_end = self->in.n == 0;
    enum ssi_event event = at_end ? ssi_end(&self->parser, &text) : ssi_next(&self->parser, &self->in, &text);
    if (event == SSI_TEXT)
        take_text(self, text);
    else if (event == SSI_ELEMENT)
        begin_element(self);
    else
        self->done = at_end;
    return PN_OK;
}

/* Is it time to hand something up? */
static bool is_ready(const struct include *self)
{
    return self->holds || self->flush || self->out.n >= GATHER_BYTES || (self->done && !self->part);
}

PN_MAY_YIELD static pn_rc step(struct include *self)
{
    if (self->part)
        return step_part(self);
    if (self->resume) {
        include_element(self);
        return PN_OK;
    }
    return step_page(self);
}

/* What was held goes out by itself. */
static void hand_out_held(struct include *self, struct pn_chunk *ret_chunk)
{
    *ret_chunk = self->held;
    self->holds = false;
    ret_chunk->flush = self->flush;
    self->flush = false;
}

PN_MAY_YIELD static pn_rc include_next(struct pn_body *body, struct pn_chunk *ret_chunk)
{
    struct include *self = PN_CONTAINER(body, struct include, super);
    pn_rc           rc;

    if (self->handed_out)
        pn_buf_clear(&self->out);
    self->handed_out = true;
    if (self->holds) {
        hand_out_held(self, ret_chunk);
        return PN_OK;
    }
    if (self->part_ended)
        end_part(self);
    self->part_ended = false;
    while (!is_ready(self))
        if ((rc = step(self)) != PN_OK)
            return rc;
    if (self->out.n == 0 && self->holds) {
        hand_out_held(self, ret_chunk);
        return PN_OK;
    }
    bool last = self->done && !self->holds && !self->part && !self->resume;
    if (self->out.n == 0 && last)
        return PN_EOF;
    *ret_chunk = (struct pn_chunk){ .kind = PN_CHUNK_BYTES, .fd = -1, .bytes = pn_buf_view(&self->out), .last = last };
    ret_chunk->flush = self->flush && !self->holds;
    self->flush = self->flush && self->holds;
    return PN_OK;
}

static void include_close(struct pn_body *body)
{
    struct include *self = PN_CONTAINER(body, struct include, super);

    end_part(self);
    pn_body_close(self->below);
}

static const struct pn_body_ops include_ops = { .name = "INCLUDES", .next = include_next, .close = include_close };

/* ---- the filter ---- */

static bool is_xbit_full(const struct pn_request *r, const struct include_dir *conf)
{
    return conf->xbithack == XBITHACK_FULL && (r->finfo.mode & S_IXGRP);
}

/* Before the handler runs: what a page makes of a file has no validators of the file. */
static void include_init(struct pn_request *r, void *arg)
{
    const struct include_dir *conf = pn_dir_conf(r, &pn_module_include);

    (void)arg;
    if (!conf->last_modified && !is_xbit_full(r, conf))
        r->no_local_copy = true;
    if (!conf->etag)
        r->no_etag = true;
}

static void fix_fields(struct pn_request *r, const struct include_dir *conf)
{
    pn_headers_unset(&r->out, PN_HDR_CONTENT_LENGTH);
    if (r->main)
        return;
    if (conf->last_modified_set ? !conf->last_modified : !is_xbit_full(r, conf)) {
        pn_headers_unset(&r->out, PN_HDR_LAST_MODIFIED);
        r->mtime = 0;
    }
}

/* Shared with the page that included this one, if one did. */
static struct include_vars *vars_of(struct pn_request *r)
{
    struct include_vars *vars = *pn_ctx(r, &pn_module_include);

    if (!vars) {
        vars = apr_pcalloc(r->pool, sizeof(*vars));
        vars->base = r;
    }
    return vars;
}

static struct include *include_create(struct pn_request *r, struct pn_body *below, const struct include_dir *conf)
{
    const struct include_server *server = pn_server_conf(r->server, &pn_module_include);
    struct include              *self = apr_pcalloc(r->pool, sizeof(*self));

    self->super = (struct pn_body){ .ops = &include_ops, .r = r, .length = -1 };
    self->below = pn_body_in_memory(r, below);
    self->conf = conf;
    self->vars = vars_of(r);
    apr_pool_create(&self->scratch, r->pool);
    ssi_init(&self->parser, r->pool, server->start_tag, server->end_tag);
    pn_buf_init(&self->out, r->pool, OUT_MAX);
    pn_buf_reserve(&self->out, GATHER_BYTES + COPY_BYTES);
    self->printing = self->cond_true = true;
    self->error_msg = conf->error_msg;
    self->time_format = conf->time_format;
    self->undefined_echo = conf->undefined_echo;
    self->no_exec = !(pn_options(r) & PN_OPTION_INCLUDES) || (pn_options(r) & PN_OPTION_INC_NOEXEC);
    return self;
}

static struct pn_body *include_wrap(struct pn_request *r, struct pn_body *below, void *arg)
{
    const struct include_dir *conf = pn_dir_conf(r, &pn_module_include);

    (void)arg;
    if (r->status == 304)
        return below;
    if (!(pn_options(r) & (PN_OPTION_INCLUDES | PN_OPTION_INC_NOEXEC))) {
        PN_LOG_R(r, PN_LOG_WARNING, 1374, 0, "mod_include: Options +Includes (or IncludesNoExec) wasn't set, INCLUDES filter "
                 "removed: %s", pn_str_escape(r->pool, r->path).p);
        return below;
    }
    fix_fields(r, conf);
    if (below->length == 0)
        return below;
    return &include_create(r, below, conf)->super;
}

/* ---- which files ---- */

static bool is_html(const struct pn_request *r)
{
    return pn_str_istarts(r->content_type, PN_STR("text/html"));
}

static enum pn_verdict include_fixup(struct pn_request *r)
{
    const struct include_dir *conf = pn_dir_conf(r, &pn_module_include);

    if (pn_str_eq(r->handler, PN_STR("server-parsed"))) {
        if (!r->content_type.n)
            pn_set_content_type(r, PN_STR("text/html"));
        r->handler = PN_STR("");
    }
    else if (pn_str_ieq(r->content_type, PN_STR("text/x-server-parsed-html")) ||
             pn_str_ieq(r->content_type, PN_STR("text/x-server-parsed-html3")))
        pn_set_content_type(r, PN_STR("text/html"));
    else if (conf->xbithack == XBITHACK_OFF || r->finfo.type != PN_FILE_REGULAR || !(r->finfo.mode & S_IXUSR) || !is_html(r))
        return PN_NEXT;
    (void)!pn_add_output_filter(r, PN_STR("INCLUDES"), NULL);
    return PN_NEXT;
}

/* ---- settings ---- */

static const char *set_tag(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct include_server *server = conf;
    pn_str                 rest = argv[0];

    (void)argc;
    pn_str word = pn_str_word(&rest);
    if (word.n != argv[0].n || word.n == 0)
        return pn_conf_error_text(cmd, "%s is a word without white space", cmd->row->name);
    *(strcasecmp(cmd->row->name, "SSIStartTag") == 0 ? &server->start_tag : &server->end_tag) = pn_str_dup(cmd->pool, argv[0]);
    return NULL;
}

static const char *set_last_modified(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct include_dir *dir = conf;

    (void)argc;
    if (pn_conf_flag(argv[0], &dir->last_modified) != PN_OK)
        return pn_conf_error_text(cmd, "SSILastModified must be On or Off");
    dir->last_modified_set = true;
    return NULL;
}

static const char *const xbithack_names[] = { "off", "on", "full", NULL };

#define DIR(member) PN_SLOT(struct include_dir, member)
#define TEXT(directive, member, standard, text)                                                    \
    { .name = directive, .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_ALL, .slot = DIR(member), .dflt = standard, \
      .help = text }
#define FLAG(directive, member, text)                                                              \
    { .name = directive, .args = PN_FLAG, .where = PN_CTX_DIR, .override = PN_OVR_INDEXES, .slot = DIR(member), .dflt = "Off", \
      .help = text }

static const struct pn_directive directives[] = {
    { .name = "SSIStartTag", .args = PN_TAKE1, .where = PN_CTX_SERVER, .set = set_tag, .help = "What begins an element; default <!--#" },
    { .name = "SSIEndTag", .args = PN_TAKE1, .where = PN_CTX_SERVER, .set = set_tag, .help = "What ends an element; default -->" },
    TEXT("SSIErrorMsg", error_msg, "[an error occurred while processing this directive]", "What an element that fails prints"),
    TEXT("SSITimeFormat", time_format, "%A, %d-%b-%Y %H:%M:%S %Z", "Form of dates, as strftime has it"),
    TEXT("SSIUndefinedEcho", undefined_echo, "(none)", "What echo prints for a variable that is not set"),
    FLAG("SSIETag", etag, "Whether pages have an ETag"),
    { .name = "SSILastModified", .args = PN_TAKE1, .where = PN_CTX_DIR, .override = PN_OVR_INDEXES, .set = set_last_modified,
      .help = "Whether pages have Last-Modified" },
    FLAG("SSILegacyExprParser", legacy_expr, "Whether conditions are in the language of Apache 2.2"),
    { .name = "XBitHack", .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_OPTIONS,
      .slot = PN_SLOT_AS(PN_SLOT_ENUM, struct include_dir, xbithack), .choices = xbithack_names, .dflt = "off",
      .help = "Whether HTML files that may be executed are pages: on, off, full (with Last-Modified)" },
    { 0 }
};

static void server_init(apr_pool_t *pool, struct pn_server *server, void *conf)
{
    (void)pool, (void)server;
    *(struct include_server *)conf = (struct include_server){ PN_STR("<!--#"), PN_STR("-->") };
}

static void server_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct include_server *inner = add;
    struct include_server       *merged = out;

    (void)pool, (void)base;
    if (pn_conf_is_set(inner, &pn_module_include, "SSIStartTag"))
        merged->start_tag = inner->start_tag;
    if (pn_conf_is_set(inner, &pn_module_include, "SSIEndTag"))
        merged->end_tag = inner->end_tag;
}

static void dir_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct include_dir *inner = add;
    struct include_dir       *merged = out;

    (void)pool, (void)base;
    if (!inner->last_modified_set)
        return;
    merged->last_modified = inner->last_modified;
    merged->last_modified_set = true;
}

static pn_rc post_config(struct pn_generation *generation, apr_pool_t *pool, bool check_only)
{
    (void)pool, (void)check_only;
    if (pn_find_module(generation, PN_STR("mod_cgi.c")))
        pn_spawn_will_be_used();
    return PN_OK;
}

static void hooks(struct pn_hooks *h)
{
    static const struct pn_filter filter = { .name = "INCLUDES", .type = PN_FILTER_RESOURCE, .wrap = include_wrap, .init = include_init };

    pn_output_filter(h, &filter);
    pn_hook_fixup(h, include_fixup, { .pos = PN_ORDER_LAST, .by_name = true });
    pn_hook_post_config(h, post_config, (struct pn_order){ 0 });
}

struct pn_module pn_module_include = {
    .api = PN_MODULE_API,
    .name = "mod_include.c",
    .apache_id = "include_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct include_dir),
    .dir_conf_merge = dir_merge,
    .server_conf_size = sizeof(struct include_server),
    .server_conf_init = server_init,
    .server_conf_merge = server_merge,
    .hooks = hooks,
};
