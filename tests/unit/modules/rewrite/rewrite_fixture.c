/* rewrite_fixture.c - see rewrite_fixture.h. */
#include "rewrite_fixture.h"

#include <apr_general.h>

#include "conf/registry.h"

bool rewriting_begin(struct rewriting *w, const char *const *lines, const char **ret_error)
{
    static struct pn_module *const modules[] = { &pn_module_core, &pn_module_rewrite, NULL };
    static const char *const       load[] = { "LoadModule rewrite_module mod_rewrite.so", "ServerName www.example.test",
                                              "ErrorLog /dev/null", NULL };
    struct pn_load_options         options = { .server_root = "/", .before = load, .after = lines, .number = 1 };
    struct pn_load_report          report = { 0 };

    memset(w, 0, sizeof(*w));
    apr_pool_create(&w->pool, NULL);
    pn_module_core.is_static = true;
    pn_registry_init(modules);
    if (pn_generation_load(&options, w->pool, &w->generation, &report) != PN_OK) {
        *ret_error = report.errors && report.errors->nelts ? APR_ARRAY_IDX(report.errors, 0, const char *) : "not loaded";
        return false;
    }
    w->conn.magic = PN_CONN_MAGIC;
    w->conn.peer = (struct pn_addr){ .family = AF_INET, .port = 4321, .ip = { 203, 0, 113, 77 } };
    w->conn.generation = w->generation;
    w->conn.base_server = w->generation->servers;
    return true;
}

void rewriting_end(struct rewriting *w)
{
    pn_generation_unref(w->generation);
    pn_registry_forget();
    apr_pool_destroy(w->pool);
}

struct pn_request *rewriting_request(struct rewriting *w, apr_pool_t *pool, pn_str path, pn_str query)
{
    struct pn_request *r = pn__request_create(pool, &w->conn);

    r->method = PN_STR("GET");
    r->method_id = PN_METHOD_GET;
    r->protocol = PN_STR("HTTP/1.1");
    r->path = pn_str_dup(pool, path);
    r->raw_path = r->target = pn_uri_encode_path(pool, path);
    r->query = query;
    r->line = PN_CAT(pool, PN_STR("GET "), r->raw_path, PN_STR(" HTTP/1.1"));
    pn_headers_init(&r->in, pool, 4);
    pn_headers_add(&r->in, PN_HDR_HOST, PN_STR("www.example.test"));
    return r;
}

enum rewrite_result rewriting_run(struct rewrite_run *run, struct pn_request *r)
{
    *run = (struct rewrite_run){ .r = r, .name = r->path, .query = r->query };
    return pn__rewrite_run(run, &pn__rewrite_server_conf(r->server)->server.set);
}

enum rewrite_result rewriting_run_in(struct rewrite_run *run, struct pn_request *r, const struct rewrite_conf *dir)
{
    *run = (struct rewrite_run){ .r = r, .dir = dir, .name = r->filename, .query = r->query, .path_info = r->path_info };
    return pn__rewrite_run(run, &pn__rewrite_server_conf(r->server)->server.set);
}
