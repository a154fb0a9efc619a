/* request.c - making a request object, its tables and per-module data, and letting go of what it holds. */
#include "http/request_core.h"

#include <apr_base64.h>
#include <apr_general.h>
#include <unistd.h>

#include "conf/vec.h"
#include "http/store.h"
#include "net/addr.h"
#include "net/listener.h"
#include <pinion/uri.h>

struct pn_request *pn__request_create(apr_pool_t *pool, struct pn_conn *conn)
{
    struct { struct pn_request r; struct pn_request_core core; } *both = apr_pcalloc(pool, sizeof(*both));
    struct pn_request *r = &both->r;

    r->magic = PN_REQUEST_MAGIC;
    r->pool = pool;
    r->conn = conn;
    r->client = PN_UNLIKELY(conn->client != NULL) ? *conn->client : conn->peer;
    r->core = &both->core;
    r->server = conn->base_server;
    r->dir_conf = r->server->dir_conf;
    r->status = 200;
    r->first_status = 0;
    pn_headers_init(&r->out, pool, 12);
    r->err_out.pool = pool; /* grows on first use: most answers have none */
    return r;
}

struct pn_request *pn__request_derive_in(struct pn_request *from, apr_pool_t *pool)
{
    struct pn_request *r = pn__request_create(pool, from->conn);

    r->client = from->client;
    r->server = from->server;
    r->dir_conf = from->server->dir_conf;
    r->line = from->line;
    r->method = from->method;
    r->method_id = from->method_id;
    r->head_only = from->head_only;
    r->version = from->version;
    r->protocol = from->protocol;
    r->hostname = from->hostname;
    r->host_port = from->host_port;
    r->in = from->in; /* what the one changes, the other does not see */
    r->in.pool = pool;
    if (from->in.n)
        r->in.v = apr_pmemdup(pool, from->in.v, from->in.n * sizeof(*from->in.v));
    r->in.cap = from->in.n;
    r->time = from->time;
    r->begun = from->begun;
    r->keep_alive = from->keep_alive;
    r->assbackwards = from->assbackwards;
    r->log_id = from->log_id;
    r->user = from->user;
    r->auth_type = from->auth_type;
    r->core->protocol = from->core->protocol;
    r->core->stream = from->core->stream;
    r->core->depth = from->core->depth;
    return r;
}

struct pn_request *pn__request_derive(struct pn_request *from)
{
    return pn__request_derive_in(from, from->pool);
}

static void release_one(struct pn_request *r)
{
    if (r->core->place)
        pn_place_unref(r->core->place);
    r->core->place = NULL;
    for (int i = 0; r->core->vec_refs && i < r->core->vec_refs->nelts; i++)
        pn_conf_vec_unref(APR_ARRAY_IDX(r->core->vec_refs, i, const struct pn_conf_vec *));
    r->core->vec_refs = NULL;
    pn_body_close(r->body);
    r->body = NULL;
}

void pn__request_release(struct pn_request *r)
{
    while (r->prev)
        r = r->prev;
    for (; r; r = r->next) {
        for (struct pn_request *sub = r->core->subs; sub; sub = sub->core->next_sub)
            pn__request_release(sub);
        release_one(r);
    }
}

void pn__request_set_vec(struct pn_request *r, const struct pn_conf_vec *vec)
{
    if (vec->refs != PN_VEC_IMMORTAL) {
        if (!r->core->vec_refs)
            r->core->vec_refs = apr_array_make(r->pool, 4, sizeof(vec));
        *(const struct pn_conf_vec **)apr_array_push(r->core->vec_refs) = vec;
    }
    r->dir_conf = vec;
}

int pn__request_set_target(struct pn_request *r, pn_str path_query)
{
    const struct pn_core_server *conf = pn_core_server(r->server);
    const struct pn_core_dir    *dir = pn_core_dir(r->server->dir_conf);
    pn_str                       query;
    pn_str                       path = pn_str_cut(path_query, '?', &query);

    r->raw_path = query.p ? pn_str_dup(r->pool, path) : path;
    r->query = query;
    r->target = path_query;
    if (path.n == 0 || path.p[0] != '/') {
        r->path = path;
        return 0;
    }
    switch (pn_uri_normalise(r->pool, path, (enum pn_slash_policy)dir->encoded_slashes, conf->merge_slashes, &r->path)) {
    case PN_OK: break;
    case PN_NOT_FOUND: return 404;
    default: return 400;
    }
    if (r->path.p[r->path.n] != '\0') /* an unchanged path is a slice of the target */
        r->path = pn_str_eq(r->path, r->raw_path) ? r->raw_path : pn_str_dup(r->pool, r->path);
    return 0;
}

void **pn_ctx(struct pn_request *r, const struct pn_module *m)
{
    if (!r->ctx)
        r->ctx = apr_pcalloc(r->pool, sizeof(void *) * r->dir_conf->n);
    return &r->ctx[m->index];
}

apr_table_t *pn_env(struct pn_request *r)
{
    if (!r->env)
        r->env = apr_table_make(r->pool, 16);
    return r->env;
}

apr_table_t *pn_notes(struct pn_request *r)
{
    if (!r->notes)
        r->notes = apr_table_make(r->pool, 4);
    return r->notes;
}

const char *pn_env_get(const struct pn_request *r, const char *name)
{
    return r->env ? apr_table_get(r->env, name) : NULL;
}

const char *pn_note_get(const struct pn_request *r, const char *name)
{
    return r->notes ? apr_table_get(r->notes, name) : NULL;
}

pn_wall pn_request_now(const struct pn_request *r)
{
    (void)r;
    return pn_loop_wall(pn_loop_this());
}

/* Random enough to tell requests apart and short enough to type: 96 random bits in base64. */
pn_str pn_request_log_id(struct pn_request *r)
{
    unsigned char raw[12];
    char         *text;

    if (r->log_id.n)
        return r->log_id;
    if (apr_generate_random_bytes(raw, sizeof(raw)) != APR_SUCCESS)
        memcpy(raw, &r->begun, sizeof(r->begun));
    text = apr_palloc(r->pool, (apr_size_t)apr_base64_encode_len(sizeof(raw)));
    apr_base64_encode_binary(text, raw, sizeof(raw));
    r->log_id = pn_str_z(text);
    return r->log_id;
}

struct pn_addr pn_conn_local(struct pn_conn *conn)
{
    if (!conn->listener->wildcard)
        return conn->listener->addr;
    union pn_sockaddr sa = { 0 };
    socklen_t         n = sizeof(sa);
    if (getsockname(pn__conn_fd(conn), &sa.any, &n) < 0)
        return conn->listener->addr;
    return pn_addr_from_sockaddr(&sa);
}
