/* include_part.c - what a page includes: other URLs and files as subrequests, and the output of commands.
 *
 * A part is a body that the page hands on as it is pulled, so parts of any size and speed take no memory. A page that includes
 * another shares its variables with it. */
#define PN_LOG_MODULE &pn_module_include
#include <pinion/log.h>

#include <pinion/cgi.h>
#include <pinion/spawn.h>
#include <pinion/uri.h>

#include "include.h"

static void log_failed(struct include *self, pn_str what, const char *why)
{
    PN_LOG_R(self->super.r, PN_LOG_ERR, 20310, 0, "unable to include \"%s\" in parsed file %s: %s",
             pn_str_escape(self->scratch, what).p, self->super.r->filename.p, why);
}

static bool is_text(const struct pn_request *sub)
{
    return pn_str_istarts(sub->content_type, PN_STR("text/"));
}

/* What the page has set is in the environment of what it includes. */
static void hand_on_variables(struct include *self, struct pn_request *sub)
{
    if (self->vars->set)
        apr_table_overlap(pn_env(sub), self->vars->set, APR_OVERLAP_TABLES_SET);
    *pn_ctx(sub, &pn_module_include) = self->vars;
}

PN_MAY_YIELD static bool run(struct include *self, struct pn_request *sub, pn_str what)
{
    if (sub->status != 200) {
        log_failed(self, what, pn_str_printf(self->scratch, "subrequest returned %d", sub->status).p);
        return false;
    }
    if (self->no_exec && !is_text(sub)) {
        log_failed(self, what, "Options IncludesNOEXEC, and its content type is not text");
        return false;
    }
    hand_on_variables(self, sub);
    if (pn_sub_run(sub) != PN_OK) {
        log_failed(self, what, pn_str_printf(self->scratch, "subrequest returned %d", sub->status).p);
        return false;
    }
    self->part = sub->body;
    sub->body = NULL; /* closed with the part */
    return true;
}

/* A path inside the document's directory: not absolute, and never above it on the way. */
static bool stays_below(pn_str path)
{
    int depth = 0;

    if (path.n == 0 || path.p[0] == '/')
        return false;
    while (path.n) {
        pn_str component = pn_str_cut(path, '/', &path);
        if (pn_str_eq(component, PN_STR("..")))
            depth--;
        else if (component.n && !pn_str_eq(component, PN_STR(".")))
            depth++;
        if (depth < 0)
            return false;
    }
    return true;
}

/* The same path without "." and "..". */
static pn_str straight(struct include *self, pn_str name)
{
    pn_str path;

    if (pn_uri_remove_dots(self->scratch, PN_CAT(self->scratch, PN_STR("/"), name), &path) != PN_OK)
        return name;
    return pn_str_dup(self->super.r->pool, pn_str_from(path, 1));
}

PN_MAY_YIELD static struct pn_request *look_up_url(struct include *self, pn_str url)
{
    pn_str fragment;

    url = pn_str_dup(self->super.r->pool, pn_str_cut(url, '#', &fragment));
    pn_str method = pn_keeps_request_body(self->super.r) ? self->super.r->method : PN_STR("");
    return pn_sub_lookup(self->super.r, url, method); /* COMPAT: 2.4, a body that is kept goes to what is included */
}

PN_MAY_YIELD static struct pn_request *look_up_file(struct include *self, pn_str name)
{
    if (!stays_below(name)) {
        log_failed(self, name, "The given path was above the root path");
        return NULL;
    }
    return pn_sub_lookup_file(self->super.r, straight(self, name), PN_STR(""));
}

bool include_virtual(struct include *self, pn_str url)
{
    return run(self, look_up_url(self, url), url);
}

bool include_file(struct include *self, pn_str name)
{
    struct pn_request *sub = look_up_file(self, name);

    return sub && run(self, sub, name);
}

const struct pn_finfo *include_find(struct include *self, pn_str name, bool is_virtual)
{
    struct pn_request *sub = is_virtual ? look_up_url(self, name) : look_up_file(self, name);

    if (sub && sub->status == 200 && sub->finfo.type != PN_FILE_NONE)
        return &sub->finfo;
    if (sub)
        PN_LOG_R(self->super.r, PN_LOG_ERR, 2670, 0, "unable to lookup information about \"%s\" in parsed file %s",
                 pn_str_escape(self->scratch, name).p, self->super.r->filename.p);
    return NULL;
}

/* ---- exec ---- */

/* Are programs run here at all? The element is mod_cgi's. */
static bool may_execute(struct include *self, pn_str what)
{
    if (self->no_exec) {
        log_failed(self, what, "exec used but not allowed (Options IncludesNOEXEC)");
        return false;
    }
    if (!pn_find_module(self->super.r->server->generation, PN_STR("mod_cgi.c"))) {
        log_failed(self, what, "exec needs mod_cgi");
        return false;
    }
    return true;
}

bool include_cgi(struct include *self, pn_str url)
{
    struct pn_request *r = self->super.r;

    if (!may_execute(self, url))
        return false;
    struct pn_request *sub = look_up_url(self, url);
    if (sub->status == 200 && sub->finfo.type != PN_FILE_REGULAR)
        sub->status = 404;
    sub->handler = PN_STR("cgi-script");
    sub->path_info = r->path_info;
    sub->query = r->query;
    return run(self, sub, url);
}

/* The output of a command. */
struct output {
    struct pn_body     super;
    struct pn_program *program;
    char               room[4096];
};

PN_MAY_YIELD static pn_rc output_next(struct pn_body *body, struct pn_chunk *ret_chunk)
{
    struct output *self = PN_CONTAINER(body, struct output, super);
    size_t         n;
    pn_rc          rc = pn_pipe_read(self->program->out, self->room, sizeof(self->room), pn_request_timeout(body->r), &n);

    if (rc == PN_OK)
        *ret_chunk = (struct pn_chunk){ .kind = PN_CHUNK_BYTES, .fd = -1, .bytes = pn_str_n(self->room, n) };
    else if (rc == PN_TIMEOUT)
        PN_LOG_R(body->r, PN_LOG_ERR, 20311, 0, "a command of %s gave no output within Timeout", body->r->filename.p);
    return rc == PN_SYSTEM || rc == PN_TIMEOUT ? PN_EOF : rc;
}

static void output_close(struct pn_body *body)
{
    struct output *self = PN_CONTAINER(body, struct output, super);

    if (self->program)
        pn_program_release(self->program);
    self->program = NULL;
}

static const struct pn_body_ops output_ops = { .name = "COMMAND", .next = output_next, .close = output_close };

bool include_command(struct include *self, pn_str command)
{
    struct pn_request *r = self->super.r;
    size_t             slash = pn_str_rchr(r->filename, '/');

    if (!may_execute(self, command))
        return false;
    (void)include_var(self, PN_STR("GATEWAY_INTERFACE")); /* sees to it that the CGI variables are there */
    struct pn_request      *base = self->vars->base;
    struct output          *output = apr_pcalloc(r->pool, sizeof(*output));
    struct pn_spawn_request what = {
        .program = "/bin/sh",
        .argv = (const char *const[]){ "/bin/sh", "-c", pn_str_zdup(r->pool, command), NULL },
        .env = pn_cgi_environment(base),
        .directory = slash == SIZE_MAX ? "/" : pn_str_zdup(r->pool, pn_str_head(r->filename, slash + 1)),
        .limits = pn_resource_limits(r),
    };
    if (pn_spawn(r->pool, &what, &output->program) != PN_OK) {
        log_failed(self, command, "it could not be started");
        return false;
    }
    output->super = (struct pn_body){ .ops = &output_ops, .r = r, .length = -1 };
    self->part = &output->super;
    return true;
}
