/* expr_env.c - what a request answers to an expression: variables, headers, file tests.
 * Apache manual: "Expressions in Apache HTTP Server", variables and functions. */

#include <grp.h>
#include <stdio.h>
#include <time.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pinion/tls.h>

#include "http/request_core.h"
#include "http/version.h"
#include "net/addr.h"
#include "rt/offload.h"

static struct pn_request *request_of(const struct pn_expr_env *env)
{
    return env->arg;
}

static pn_str number(struct pn_request *r, uint64_t value)
{
    return pn_str_printf(r->pool, "%llu", (unsigned long long)value);
}

static pn_str on_off(bool on)
{
    return on ? PN_STR("on") : PN_STR("off");
}

static pn_str addr_text(struct pn_request *r, const struct pn_addr *addr)
{
    char text[48];

    return pn_str_dup(r->pool, pn_str_n(text, pn_addr_print(addr, text)));
}

/* ---- variables, by what they are about ---- */

static pn_str header_var(struct pn_request *r, enum pn_expr_var id)
{
    switch (id) {
    case PN_EXPR_VAR_HTTP_ACCEPT: return pn_headers_joined(&r->in, r->pool, PN_HDR_ACCEPT);
    case PN_EXPR_VAR_HTTP_COOKIE: return pn_headers_joined(&r->in, r->pool, PN_HDR_COOKIE);
    case PN_EXPR_VAR_HTTP_FORWARDED: return pn_headers_joined(&r->in, r->pool, PN_HDR_FORWARDED);
    case PN_EXPR_VAR_HTTP_HOST: return pn_headers_get(&r->in, PN_HDR_HOST);
    case PN_EXPR_VAR_HTTP_PROXY_CONNECTION: return pn_headers_get(&r->in, PN_HDR_PROXY_CONNECTION);
    case PN_EXPR_VAR_HTTP_REFERER: return pn_headers_get(&r->in, PN_HDR_REFERER);
    case PN_EXPR_VAR_HTTP_USER_AGENT: return pn_headers_get(&r->in, PN_HDR_USER_AGENT);
    default: return (pn_str){ NULL, 0 };
    }
}

static struct tm local_time(struct pn_request *r)
{
    time_t    seconds = (time_t)(pn_request_now(r) / PN_USEC_PER_SEC);
    struct tm tm = { 0 };

    localtime_r(&seconds, &tm);
    return tm;
}

static pn_str time_var(struct pn_request *r, enum pn_expr_var id)
{
    struct tm tm = local_time(r);

    switch (id) {
    case PN_EXPR_VAR_TIME_YEAR: return pn_str_printf(r->pool, "%04d", tm.tm_year + 1900);
    case PN_EXPR_VAR_TIME_MON: return pn_str_printf(r->pool, "%02d", tm.tm_mon + 1);
    case PN_EXPR_VAR_TIME_DAY: return pn_str_printf(r->pool, "%02d", tm.tm_mday);
    case PN_EXPR_VAR_TIME_HOUR: return pn_str_printf(r->pool, "%02d", tm.tm_hour);
    case PN_EXPR_VAR_TIME_MIN: return pn_str_printf(r->pool, "%02d", tm.tm_min);
    case PN_EXPR_VAR_TIME_SEC: return pn_str_printf(r->pool, "%02d", tm.tm_sec);
    case PN_EXPR_VAR_TIME_WDAY: return pn_str_printf(r->pool, "%d", tm.tm_wday);
    default:
        return pn_str_printf(r->pool, "%04d%02d%02d%02d%02d%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                             tm.tm_min, tm.tm_sec);
    }
}

struct id_lookup { uid_t uid; gid_t gid; bool group, found; char name[256], space[4096]; };

/* Name services may ask a directory over the network: never on the loop. */
static void look_up_id(void *arg)
{
    struct id_lookup *job = arg;
    struct passwd     pw, *pw_found = NULL;
    struct group      gr, *gr_found = NULL;

    if (job->group ? getgrgid_r(job->gid, &gr, job->space, sizeof(job->space), &gr_found)
                   : getpwuid_r(job->uid, &pw, job->space, sizeof(job->space), &pw_found))
        return;
    const char *name = gr_found ? gr.gr_name : pw_found ? pw.pw_name : NULL;
    if (!name || strlen(name) >= sizeof(job->name))
        return;
    memcpy(job->name, name, strlen(name) + 1);
    job->found = true;
}

PN_MAY_YIELD static pn_str owner_name(struct pn_request *r, bool group)
{
    struct id_lookup *job = apr_pcalloc(r->pool, sizeof(*job));

    if (r->finfo.type == PN_FILE_NONE)
        return (pn_str){ NULL, 0 };
    job->uid = r->finfo.uid;
    job->gid = r->finfo.gid;
    job->group = group;
    if (pn_offload(look_up_id, job) != PN_OK || !job->found)
        return (pn_str){ NULL, 0 };
    return pn_str_z(job->name);
}

PN_MAY_YIELD static pn_str file_var(struct pn_request *r, enum pn_expr_var id)
{
    switch (id) {
    case PN_EXPR_VAR_REQUEST_FILENAME:
    case PN_EXPR_VAR_SCRIPT_FILENAME: return r->filename;
    case PN_EXPR_VAR_LAST_MODIFIED: {
        time_t    seconds = (time_t)(r->finfo.mtime / PN_USEC_PER_SEC);
        struct tm tm;
        localtime_r(&seconds, &tm);
        return pn_str_printf(r->pool, "%04d%02d%02d%02d%02d%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                             tm.tm_min, tm.tm_sec);
    }
    case PN_EXPR_VAR_SCRIPT_USER: return owner_name(r, false);
    case PN_EXPR_VAR_SCRIPT_GROUP: return owner_name(r, true);
    case PN_EXPR_VAR_PATH_INFO: return r->path_info;
    case PN_EXPR_VAR_CONTEXT_PREFIX: return r->context_prefix;
    case PN_EXPR_VAR_CONTEXT_DOCUMENT_ROOT: return pn_document_root(r, true);
    case PN_EXPR_VAR_DOCUMENT_ROOT: return pn_document_root(r, false);
    default: return (pn_str){ NULL, 0 };
    }
}

static pn_str request_var(struct pn_request *r, enum pn_expr_var id)
{
    switch (id) {
    case PN_EXPR_VAR_REQUEST_METHOD: return r->method;
    case PN_EXPR_VAR_REQUEST_SCHEME: return pn_self_scheme(r);
    case PN_EXPR_VAR_REQUEST_URI:
    case PN_EXPR_VAR_DOCUMENT_URI: return r->path;
    case PN_EXPR_VAR_QUERY_STRING: return r->query;
    case PN_EXPR_VAR_IS_SUBREQ: return r->main ? PN_STR("true") : PN_STR("false");
    case PN_EXPR_VAR_THE_REQUEST: return r->line;
    case PN_EXPR_VAR_REMOTE_USER: return r->user;
    case PN_EXPR_VAR_AUTH_TYPE: return r->auth_type;
    case PN_EXPR_VAR_SERVER_PROTOCOL: return r->protocol;
    case PN_EXPR_VAR_CONTENT_TYPE: return r->content_type;
    case PN_EXPR_VAR_HANDLER: return r->handler;
    case PN_EXPR_VAR_REQUEST_STATUS: return number(r, (uint64_t)r->status);
    case PN_EXPR_VAR_REQUEST_LOG_ID: return pn_request_log_id(r);
    default: return (pn_str){ NULL, 0 };
    }
}

PN_MAY_YIELD static pn_str conn_var(struct pn_request *r, enum pn_expr_var id)
{
    switch (id) {
    case PN_EXPR_VAR_REMOTE_ADDR: return addr_text(r, &r->client);
    case PN_EXPR_VAR_CONN_REMOTE_ADDR: return addr_text(r, &r->conn->peer);
    case PN_EXPR_VAR_REMOTE_PORT: return number(r, r->conn->peer.port);
    case PN_EXPR_VAR_REMOTE_HOST: return pn_remote_host(r, false);
    case PN_EXPR_VAR_SERVER_NAME: return pn_self_name(r);
    case PN_EXPR_VAR_SERVER_PORT: return number(r, pn_self_port(r));
    case PN_EXPR_VAR_SERVER_ADMIN: return r->server->admin;
    case PN_EXPR_VAR_HTTP2: return on_off(r->version >= 2000);
    case PN_EXPR_VAR_HTTPS: return on_off(r->conn->secure);
    case PN_EXPR_VAR_IPV6: return on_off(r->conn->peer.family == AF_INET6);
    case PN_EXPR_VAR_CONN_LOG_ID: return number(r, r->conn->id);
    case PN_EXPR_VAR_SERVER_SOFTWARE: return pn_core_server(r->conn->generation->servers)->server_header;
    case PN_EXPR_VAR_API_VERSION: return PN_STR(PN_API_VERSION_TEXT);
    default: return (pn_str){ NULL, 0 };
    }
}

/* A variable belongs to the group that knows it; the groups answer "not set" for the others. */
PN_MAY_YIELD static pn_rc env_var(struct pn_expr_env *env, enum pn_expr_var id, pn_str *ret_value)
{
    struct pn_request *r = request_of(env);

    *ret_value = header_var(r, id);
    if (!ret_value->p)
        *ret_value = request_var(r, id);
    if (!ret_value->p)
        *ret_value = file_var(r, id);
    if (!ret_value->p)
        *ret_value = conn_var(r, id);
    if (!ret_value->p && id >= PN_EXPR_VAR_TIME_YEAR && id <= PN_EXPR_VAR_TIME)
        *ret_value = time_var(r, id);
    return PN_OK;
}

/* ---- look-ups by name ---- */

static pn_str table_value(const apr_table_t *table, pn_str name, apr_pool_t *pool)
{
    return pn_str_z(table ? apr_table_get(table, pn_str_zdup(pool, name)) : NULL);
}

struct file_read { const char *path; char *bytes; size_t n; int64_t size; bool failed; };

static void read_file(void *arg)
{
    struct file_read *job = arg;
    FILE             *file = fopen(job->path, "re");
    struct stat       info;

    job->failed = true;
    if (!file)
        return;
    if (fstat(fileno(file), &info) == 0 && S_ISREG(info.st_mode)) {
        job->size = info.st_size;
        job->failed = false;
        if (job->bytes)
            job->n = fread(job->bytes, 1, job->n, file);
    }
    fclose(file);
}

#define FILE_TEXT_MAX (1024 * 1024)

PN_MAY_YIELD static pn_rc file_value(struct pn_request *r, pn_str name, bool content, pn_str *ret_value)
{
    struct file_read *job = apr_pcalloc(r->pool, sizeof(*job));

    job->path = pn_str_zdup(r->pool, name);
    if (content) {
        job->n = FILE_TEXT_MAX;
        job->bytes = apr_palloc(r->pool, FILE_TEXT_MAX);
    }
    if (pn_offload(read_file, job) != PN_OK || job->failed)
        return PN_OK; /* "not set", as for a name that nothing has */
    *ret_value = content ? pn_str_n(job->bytes, job->n) : number(r, (uint64_t)job->size);
    return PN_OK;
}

static const struct pn_tls_server *tls_server(const struct pn_request *r)
{
    return pn_provider(r->server->generation, PN_TLS_GROUP, PN_STR(PN_TLS_SERVER));
}

static pn_rc env_list(struct pn_expr_env *env, pn_str func, pn_str arg, const pn_str **ret_values, size_t *ret_n)
{
    struct pn_request *r = request_of(env);

    *ret_n = 0;
    if (tls_server(r) && pn_str_eq(func, PN_STR("peerextlist")))
        tls_server(r)->extensions(r, arg, ret_values, ret_n);
    return PN_OK;
}

PN_MAY_YIELD static pn_rc env_get(struct pn_expr_env *env, enum pn_expr_get what, pn_str name, pn_str *ret_value)
{
    struct pn_request *r = request_of(env);

    *ret_value = (pn_str){ NULL, 0 };
    switch (what) {
    case PN_EXPR_GET_REQ: *ret_value = pn_headers_joined_name(&r->in, r->pool, name); break;
    case PN_EXPR_GET_RESP:
        *ret_value = pn_headers_joined_name(&r->out, r->pool, name);
        if (!ret_value->p)
            *ret_value = pn_headers_joined_name(&r->err_out, r->pool, name);
        break;
    case PN_EXPR_GET_REQENV: *ret_value = table_value(r->env, name, r->pool); break;
    case PN_EXPR_GET_NOTE: *ret_value = table_value(r->notes, name, r->pool); break;
    case PN_EXPR_GET_FILE: return file_value(r, name, true, ret_value);
    case PN_EXPR_GET_FILESIZE: return file_value(r, name, false, ret_value);
    case PN_EXPR_GET_SSL:
        if (tls_server(r))
            *ret_value = tls_server(r)->variable(r, name);
        break;
    case PN_EXPR_GET_HC:
    case PN_EXPR_GET_INCLUDE: break; /* answered by the modules that know them */
    }
    return PN_OK;
}

/* ---- tests ---- */

struct path_test { const char *path; enum pn_expr_check what; bool holds; };

static void test_path(void *arg)
{
    struct path_test *job = arg;
    struct stat       info;

    job->holds = false;
    if (job->what == PN_EXPR_CHECK_SYMLINK) {
        job->holds = lstat(job->path, &info) == 0 && S_ISLNK(info.st_mode);
        return;
    }
    if (stat(job->path, &info) != 0)
        return;
    switch (job->what) {
    case PN_EXPR_CHECK_DIR: job->holds = S_ISDIR(info.st_mode); break;
    case PN_EXPR_CHECK_EXISTS: job->holds = true; break;
    case PN_EXPR_CHECK_FILE: job->holds = S_ISREG(info.st_mode); break;
    case PN_EXPR_CHECK_NONEMPTY: job->holds = S_ISREG(info.st_mode) && info.st_size > 0; break;
    case PN_EXPR_CHECK_EXEC: job->holds = S_ISREG(info.st_mode) && (info.st_mode & 0111); break;
    default: break;
    }
}

PN_MAY_YIELD static pn_rc env_check(struct pn_expr_env *env, enum pn_expr_check what, pn_str name, bool *ret_true)
{
    struct pn_request *r = request_of(env);
    struct path_test   job = { .path = pn_str_zdup(r->pool, name), .what = what };

    *ret_true = false;
    if (name.n == 0)
        return PN_OK;
    if (what == PN_EXPR_CHECK_SUBURI || what == PN_EXPR_CHECK_SUBFILE) {
        struct pn_request *sub = what == PN_EXPR_CHECK_SUBURI ? pn_sub_lookup(r, pn_str_dup(r->pool, name), PN_STR("GET"))
                                                              : pn_sub_lookup_file(r, pn_str_dup(r->pool, name), PN_STR(""));
        *ret_true = sub->status == 200 && (what == PN_EXPR_CHECK_SUBURI || sub->finfo.type == PN_FILE_REGULAR);
        return PN_OK;
    }
    test_path(&job);
    *ret_true = job.holds;
    return PN_OK;
}

static void env_vary(struct pn_expr_env *env, pn_str header)
{
    struct pn_request *r = request_of(env);
    pn_str             vary = pn_headers_get(&r->out, PN_HDR_VARY);

    if (!vary.p || !pn_header_has_token(vary, header))
        pn_headers_merge(&r->out, PN_HDR_VARY, header);
}

static const struct pn_expr_ops request_ops = {
    .var = env_var,
    .get = env_get,
    .check = env_check,
    .list = env_list,
    .vary = env_vary,
};

struct pn_expr_env pn_request_expr_env(struct pn_request *r, struct pn_match *match)
{
    return (struct pn_expr_env){ .ops = &request_ops, .arg = r, .pool = r->pool, .match = match };
}

pn_rc pn_expr_holds(struct pn_request *r, const struct pn_expr *expr, bool *ret_holds)
{
    struct pn_expr_env env = pn_request_expr_env(r, NULL);

    return pn_expr_test(expr, &env, ret_holds);
}

pn_rc pn_expr_text_of(struct pn_request *r, const struct pn_expr *expr, pn_str *ret_text)
{
    struct pn_expr_env env = pn_request_expr_env(r, NULL);
    pn_str             text;
    pn_rc              rc = pn_expr_string(expr, &env, &text);

    if (rc == PN_OK)
        *ret_text = pn_str_dup(r->pool, text);
    return rc;
}

void pn__handler_from_expr(struct pn_request *r, const struct pn_expr *expr)
{
    pn_str handler;

    if (pn_expr_text_of(r, expr, &handler) == PN_OK && handler.n && !pn_str_ieq(handler, PN_STR("none")))
        r->handler = handler;
}
