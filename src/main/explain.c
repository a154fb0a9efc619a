/* explain.c - `pinion explain URL`: a request through the real pipeline, with a listener, without a running server.
 *
 * The configuration is loaded as -t loads it, so no log is opened and no port taken. One worker gets one connection, a pair of
 * sockets of which this file holds the other end, and reads the request from it as a child would. Handlers run only
 * where that changes nothing: files and listings for GET and HEAD. The answer's body is never pulled. As root it becomes the
 * User of the configuration first, so that rights of files count as they do for the server. */
#include "main/explain.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <pinion/authn.h>
#include <pinion/uri.h>

#include "http/core_conf.h"
#include "http/h1/h1_conn.h"
#include "http/keyed_text.h"
#include "http/log_buffer.h"
#include "http/request_core.h"
#include "http/worker.h"
#include "main/boot.h"
#include "net/listener.h"
#include "proc/identity.h"
#include "proc/mpm_conf.h"
#include "rt/offload.h"

/* Somebody waits at a terminal. */
#define PATIENCE_TURNS 300
#define TURN_WAIT_USEC (100 * PN_USEC_PER_MSEC)

#define EXIT_NOTHING 2

/* ---- listening ---- */

/* A terminal is not to obey what a file or a client says. */
static const char *printable(apr_pool_t *pool, pn_str text)
{
    struct pn_buf out;
    pn_str        done = PN_STR("");

    pn_buf_init(&out, pool, text.n * 4 + 1);
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] < ' ' || text.p[i] == 127)
            pn_buf_printf(&out, "\\x%02x", (unsigned char)text.p[i]);
        else
            pn_buf_ch(&out, text.p[i]);
    return out.n && pn_buf_done(&out, &done) == PN_OK ? done.p : "";
}

static void on_step(struct pn_recorder *recorder, const struct pn_request *r, enum pn_step kind, const char *file, uint32_t line,
                    pn_str text)
{
    struct pn_explanation *e = PN_CONTAINER(recorder, struct pn_explanation, recorder);
    struct pn_heard       *heard;

    (void)r;
    if (kind == PN_STEP_DONE && e->depth)
        e->depth--;
    for (int i = 0; kind == PN_STEP_SECTION && i < e->steps->nelts; i++) { /* locations are looked at twice */
        heard = &APR_ARRAY_IDX(e->steps, i, struct pn_heard);
        if (heard->kind == kind && heard->line == line && heard->depth + 1 == e->depth && strcmp(heard->file, file) == 0)
            return;
    }
    heard = apr_array_push(e->steps);
    *heard = (struct pn_heard){ .kind = kind, .depth = e->depth, .file = file ? apr_pstrdup(e->pool, file) : NULL, .line = line,
                                .text = printable(e->pool, text) };
    if (kind == PN_STEP_REQUEST)
        e->depth++;
    else if (heard->depth && kind != PN_STEP_DONE)
        heard->depth--;
}

static bool may_handle(struct pn_recorder *recorder, struct pn_request *r)
{
    struct pn_explanation *e = PN_CONTAINER(recorder, struct pn_explanation, recorder);
    bool safe = pn_method_is_safe(r->method_id) && r->method_id != PN_METHOD_OTHER &&
                (r->handler.n == 0 || pn_str_eq(r->handler, PN_STR("httpd/unix-directory")) ||
                 pn_str_eq(r->handler, PN_STR("default-handler")));

    if (r->handler.n)
        pn_record(r, PN_STEP_HANDLER, NULL, 0, "%.*s%s", PN_FMT(r->handler), safe ? "" : " (it is not run here)");
    else
        pn_record(r, PN_STEP_HANDLER, NULL, 0, "%s", safe ? "the file itself" : "the file itself (it is not asked here)");
    e->handled = e->handled || safe;
    return safe;
}

static void add_pair(apr_pool_t *pool, apr_array_header_t *list, const char *name, pn_str value)
{
    if (value.n)
        *(struct pn_heard_pair *)apr_array_push(list) = (struct pn_heard_pair){ name, printable(pool, value) };
}

static pn_str options_text(apr_pool_t *pool, unsigned options)
{
    static const struct {
        unsigned    bit;
        const char *name;
    } names[] = { { PN_OPTION_INDEXES, "Indexes" },     { PN_OPTION_INCLUDES, "Includes" },
                  { PN_OPTION_SYM_LINKS, "FollowSymLinks" }, { PN_OPTION_EXECCGI, "ExecCGI" },
                  { PN_OPTION_INC_NOEXEC, "IncludesNOEXEC" }, { PN_OPTION_SYM_OWNER, "SymLinksIfOwnerMatch" },
                  { PN_OPTION_MULTI, "MultiViews" } };
    pn_str text = PN_STR("");

    for (size_t i = 0; i < PN_COUNT(names); i++)
        if (options & names[i].bit)
            text = PN_CAT(pool, text, text.n ? PN_STR(" ") : PN_STR(""), pn_str_z(names[i].name));
    return text.n ? text : PN_STR("None");
}

static pn_str override_text(apr_pool_t *pool, unsigned override)
{
    static const char *const names[] = { "AuthConfig", "FileInfo", "Indexes", "Limit", "Options" };
    pn_str                   text = PN_STR("");

    if ((override & PN_OVR_ALL) == PN_OVR_ALL)
        return PN_STR("All");
    for (size_t i = 0; i < PN_COUNT(names); i++)
        if (override >> i & 1)
            text = PN_CAT(pool, text, text.n ? PN_STR(" ") : PN_STR(""), pn_str_z(names[i]));
    return text.n ? text : PN_STR("None");
}

static const char *const file_types[] = { "nothing is there", "a file", "a directory", "neither file nor directory" };

PN_MAY_YIELD static void take_settings(struct pn_explanation *e, struct pn_request *r)
{
    apr_pool_t         *pool = e->pool;
    apr_array_header_t *to = e->settings;
    const struct pn_server *s = r->server;

    add_pair(pool, to, "virtual host",
             s->file ? pn_str_printf(pool, "%.*s (%s:%u)%s", PN_FMT(s->name), s->file, s->line, s->is_main ? ", the main server" : "")
                     : pn_str_printf(pool, "%.*s, the main server", PN_FMT(s->name)));
    add_pair(pool, to, "document root", pn_document_root(r, true));
    add_pair(pool, to, "URL path", r->path);
    add_pair(pool, to, "file name", r->filename);
    if (r->filename.n)
        add_pair(pool, to, "what it is", pn_str_z(file_types[r->finfo.type]));
    add_pair(pool, to, "path info", r->path_info);
    add_pair(pool, to, "query", r->query);
    add_pair(pool, to, "Options", options_text(pool, pn_options(r)));
    add_pair(pool, to, "AllowOverride", override_text(pool, pn_core_dir(r->dir_conf)->override));
    add_pair(pool, to, "AuthType", pn_auth_type(r));
    add_pair(pool, to, "AuthName", pn_auth_name(r));
    add_pair(pool, to, "user", r->user);
    add_pair(pool, to, "content type", r->content_type);
    add_pair(pool, to, "content encoding", r->content_encoding);
    add_pair(pool, to, "handler", r->handler);
}

static void take_fields(struct pn_explanation *e, const struct pn_headers *fields)
{
    for (const struct pn_header *f = pn_headers_begin(fields); f < pn_headers_end(fields); f++)
        add_pair(e->pool, e->fields, pn_str_zdup(e->pool, f->name), f->value);
}

PN_MAY_YIELD static void on_answer(struct pn_recorder *recorder, struct pn_request *r)
{
    struct pn_explanation *e = PN_CONTAINER(recorder, struct pn_explanation, recorder);
    struct pn_request     *place = r;

    while (place->is_error && place->prev) /* the page of an error says little; the place that made it does */
        place = place->prev;
    e->status = r->status;
    take_settings(e, place);
    take_fields(e, &r->err_out);
    take_fields(e, &r->out);
    e->answered = true;
    pn_body_close(r->body);
    r->body = pn_body_empty(r);
    r->core->logged = true;
    r->keep_alive = false;
}

/* ---- the request ---- */

static bool fits_head(const char *text)
{
    return !strpbrk(text, "\r\n");
}

/* The head as a client would send it. @return false when the URL is none. */
static bool make_head(const struct pn_command *args, apr_pool_t *pool, pn_str *ret_head, struct pn_listener *ret_at)
{
    struct pn_uri uri;
    struct pn_buf head;
    pn_str        path, host;
    bool          secure;

    if (pn_uri_split(pn_str_z(args->url), &uri) != PN_OK || !(uri.scheme.p || (uri.path.n && uri.path.p[0] == '/')) ||
        !fits_head(args->method) || (uri.scheme.p && !uri.host.n))
        return false;
    secure = uri.scheme.p && pn_str_ieq(uri.scheme, PN_STR("https"));
    if (uri.scheme.p && !secure && !pn_str_ieq(uri.scheme, PN_STR("http")))
        return false;
    *ret_at = (struct pn_listener){ .fd = -1, .protocol = secure ? PN_STR("https") : PN_STR("http") };
    ret_at->addr = (struct pn_addr){ .family = AF_INET, .port = uri.port ? uri.port : secure ? 443 : 80, .ip = { 127, 0, 0, 1 } };
    path = uri.path.n ? uri.path : PN_STR("/");
    host = uri.host.p ? uri.host : PN_STR("localhost");
    pn_buf_init(&head, pool, 1 << 16);
    pn_buf_printf(&head, "%s %.*s", args->method, PN_FMT(path));
    if (uri.query.p)
        pn_buf_printf(&head, "?%.*s", PN_FMT(uri.query));
    pn_buf_printf(&head, " HTTP/1.1\r\nHost: %.*s", PN_FMT(host));
    if (uri.port)
        pn_buf_printf(&head, ":%u", uri.port);
    for (int i = 0; i < args->headers->nelts; i++) {
        const char *field = APR_ARRAY_IDX(args->headers, i, const char *);
        if (!fits_head(field))
            return false;
        pn_buf_printf(&head, "\r\n%s", field);
    }
    pn_buf_lit(&head, "\r\n\r\n");
    return pn_buf_done(&head, ret_head) == PN_OK;
}

static bool parse_client(const char *text, struct pn_addr *ret)
{
    pn_str host = { NULL, 0 };
    bool   any = false;

    *ret = (struct pn_addr){ 0 };
    return pn_addr_parse_port(pn_str_z(text), ret, &any, &host) == PN_OK && !any && ret->family;
}

/* ---- running ---- */

/* The connection lives as long as its answer takes. */
static bool converse(struct pn_explanation *e, struct pn_worker *w, const struct pn_addr *client, const struct pn_listener *at, pn_str head)
{
    int  ends[2];
    bool secure = pn_str_eq(at->protocol, PN_STR("https"));

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
        return false;
    if (write(ends[1], head.p, head.n) != (ssize_t)head.n) {
        close(ends[0]);
        close(ends[1]);
        return false;
    }
    w->tls = NULL; /* what the client would have said over TLS is said plainly */
    pn_worker_accepted(w, ends[0], client, at);
    if (w->open)
        w->open->pub.secure = secure;
    for (unsigned i = 0; i < PATIENCE_TURNS && !e->answered; i++)
        pn_loop_turn(w->loop, TURN_WAIT_USEC);
    close(ends[1]);
    for (unsigned i = 0; i < PATIENCE_TURNS && w->conns; i++)
        pn_loop_turn(w->loop, TURN_WAIT_USEC);
    return e->answered;
}

static const char *become_user(const struct pn_generation *generation)
{
    const struct pn_unixd_conf *conf = pn_unixd_conf(generation);

    return conf->user_set ? pn__identity_take(conf) : NULL;
}

static bool run(struct pn_explanation *e, struct pn_generation *generation, const struct pn_addr *client, const struct pn_listener *at,
                pn_str head)
{
    const struct pn_worker_place alone = { .sharers = 1, .slots = UINT_MAX };
    struct pn_worker            *worker;
    struct pn_loop              *loop;
    bool                         heard;

    if (pn_loop_open(e->pool, &loop) != PN_OK || pn_worker_open(loop, e->pool, generation, &alone, &worker) != PN_OK)
        return false;
    pn_log_buffer_attach(NULL);
    heard = converse(e, worker, client, at, head);
    pn_recorder = NULL;
    pn_worker_close(worker);
    pn_log_buffer_release();
    pn_loop_close(loop);
    pn_offload_shutdown();
    pn__keyed_files_drop();
    return heard;
}

static int complain(const struct pn_command *args, const char *what)
{
    fprintf(stderr, "%s: %s\n", args->program, what);
    return EXIT_NOTHING;
}

int pn_explain(const struct pn_command *args, apr_pool_t *pool)
{
    struct pn_explanation e = { .recorder = { .step = on_step, .may_handle = may_handle, .answer = on_answer }, .pool = pool,
                                .steps = apr_array_make(pool, 64, sizeof(struct pn_heard)),
                                .settings = apr_array_make(pool, 16, sizeof(struct pn_heard_pair)),
                                .fields = apr_array_make(pool, 16, sizeof(struct pn_heard_pair)) };
    struct pn_load_report report;
    struct pn_generation *generation;
    struct pn_listener    at;
    struct pn_addr        client;
    const char           *error;
    pn_str                head;
    bool                  heard;

    if (!make_head(args, pool, &head, &at))
        return complain(args, "explain takes a URL like http://host/path or /path, a method and header lines");
    if (!parse_client(args->client, &client))
        return complain(args, "--from takes the address of a client, as 192.0.2.1 or 2001:db8::1");
    generation = pn_boot_load(args, pool, 1, PN_LOAD_CHECK, &report);
    pn_boot_print(args, &report);
    if (!generation)
        return EXIT_NOTHING;
    signal(SIGPIPE, SIG_IGN);
    error = become_user(generation);
    if (error)
        return complain(args, apr_pstrcat(pool, "cannot become the User of the configuration: ", error, NULL));
    pn_recorder = &e.recorder;
    heard = run(&e, generation, &client, &at, head);
    pn_recorder = NULL;
    pn_generation_unref(generation);
    if (!heard)
        return complain(args, "the request got no answer");
    if (args->json)
        pn_explain_json(&e);
    else
        pn_explain_text(&e);
    return e.status >= 400;
}
