/* mod_dbd - SQL databases for other modules: a driver of APR-util and a pool of connections for each server.
 * Runs: as a provider of group "dbd".   Yields: while the database works.   Config: struct dbd_server.   Spec: Apache manual,
 * mod_dbd.
 *
 * Servers with equal settings share a pool. Connections belong to a child and are opened when one is wanted first. */
#define PN_LOG_MODULE &pn_module_dbd
#include <pinion/dbd.h>
#include <pinion/log.h>

#include "dbd_pool.h"

struct dbd_server {
    pn_str              driver, params;
    bool                persist;
    int64_t             min, keep, max, idle_s;
    apr_array_header_t *init_sql;   /* of pn_str */
    apr_hash_t         *statements; /* label to pn_str *; NULL: none */
    struct dbd_pool    *dbd;        /* NULL: no database */
};

struct pn_module pn_module_dbd;

/* ---- directives ---- */

static const char *set_persist(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct dbd_server *server = conf;

    if (pn_conf_flag(argv[0], &server->persist) == PN_OK)
        return NULL;
    if (!pn_str_eq(argv[0], PN_STR("0")) && !pn_str_eq(argv[0], PN_STR("1"))) /* COMPAT: as before 2.2.2 */
        return "DBDPersist is On or Off";
    server->persist = argv[0].p[0] == '1';
    return NULL;
}

static const char *set_statement(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct dbd_server *server = conf;
    pn_str            *sql = apr_palloc(cmd->pool, sizeof(*sql));

    *sql = argv[0];
    if (!server->statements)
        server->statements = apr_hash_make(cmd->pool);
    apr_hash_set(server->statements, argv[1].p, (apr_ssize_t)argv[1].n, sql);
    return NULL;
}

#define ROW(directive, arity) .name = directive, .args = arity, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER
#define NUMBER(directive, member, value, least, text)                                              \
    { ROW(directive, PN_TAKE1), .slot = PN_SLOT(struct dbd_server, member), .dflt = value, .min = least, .max = 65535, .help = text }

static const struct pn_directive directives[] = {
    { ROW("DBDriver", PN_TAKE1), .slot = PN_SLOT(struct dbd_server, driver), .help = "Driver of APR-util: sqlite3, pgsql, mysql ..." },
    { ROW("DBDParams", PN_TAKE1), .slot = PN_SLOT(struct dbd_server, params), .help = "What the driver needs for a connection" },
    { ROW("DBDPersist", PN_TAKE1), .set = set_persist, .help = "Whether connections are kept, as if not said, or opened for each statement" },
    NUMBER("DBDMin", min, "1", 0, "Connections that are kept in any case"),
    NUMBER("DBDKeep", keep, "2", 0, "Connections that are kept when they are not used"),
    NUMBER("DBDMax", max, "10", 1, "Connections of a child"),
    { ROW("DBDExptime", PN_TAKE1), .slot = PN_SLOT(struct dbd_server, idle_s), .dflt = "300", .min = 0, .max = INT32_MAX, .unit = "s",
      .help = "How long connections over DBDKeep stay unused" },
    { ROW("DBDPrepareSQL", PN_TAKE2), .set = set_statement, .help = "A statement and the label by which modules name it" },
    { ROW("DBDInitSQL", PN_TAKE1), .slot = PN_SLOT(struct dbd_server, init_sql), .merge = PN_MERGE_APPEND,
      .help = "A statement that each new connection begins with" },
    { 0 }
};

static void server_init(apr_pool_t *pool, struct pn_server *server, void *conf)
{
    ((struct dbd_server *)conf)->persist = true;
}

static void server_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct dbd_server *outer = base, *inner = add;
    struct dbd_server       *merged = out;

    if (pn_conf_is_set(inner, &pn_module_dbd, "DBDPersist"))
        merged->persist = inner->persist;
    if (inner->statements)
        merged->statements = outer->statements ? apr_hash_overlay(pool, inner->statements, outer->statements) : inner->statements;
}

/* ---- asking ---- */

static pn_str statement_of(const struct dbd_server *server, pn_str sql)
{
    const pn_str *labelled = server->statements ? apr_hash_get(server->statements, sql.p, (apr_ssize_t)sql.n) : NULL;

    return labelled ? *labelled : sql;
}

static void copy_answer(apr_pool_t *pool, const struct pn_dbd_answer *from, struct pn_dbd_answer *to)
{
    unsigned n = from->n_rows * from->n_columns;
    pn_str  *values = apr_palloc(pool, (n + 1) * sizeof(pn_str)), *names = apr_palloc(pool, (from->n_columns + 1) * sizeof(pn_str));

    for (unsigned i = 0; i < n; i++)
        values[i] = from->values[i].p ? pn_str_dup(pool, from->values[i]) : from->values[i];
    for (unsigned i = 0; i < from->n_columns; i++)
        names[i] = from->names[i].p ? pn_str_dup(pool, from->names[i]) : from->names[i];
    *to = *from;
    to->values = values;
    to->names = names;
}

PN_MAY_YIELD static pn_rc ask(struct pn_request *r, const struct pn_dbd_question *question, struct pn_dbd_answer *ret)
{
    const struct dbd_server *server = pn_server_conf(r->server, &pn_module_dbd);
    struct pn_dbd_question   asked = *question;
    struct dbd_job           job = { .dbd = server->dbd, .question = &asked, .error = "no thread can be had" };

    if (!server->dbd) {
        PN_LOG_R(r, PN_LOG_ERR, 21110, 0, "a database is wanted, but this server has none (DBDriver, DBDParams)");
        return PN_NOT_FOUND;
    }
    pn_assert(asked.n <= PN_DBD_PARAMETERS_MAX);
    asked.sql = statement_of(server, asked.sql);
    if (pn_run_blocking(r, dbd_pool_ask, &job) == PN_OK && !job.error)
        copy_answer(r->pool, &job.answer, ret);
    if (job.error)
        PN_LOG_R(r, PN_LOG_ERR, 632, 0, "%s (statement: %s)", job.error, asked.sql.p);
    if (job.pool)
        apr_pool_destroy(job.pool);
    return job.error ? PN_FAILED : PN_OK;
}

static const struct pn_dbd core = { .ask = ask };

/* ---- module ---- */

/* Drivers are shared objects that stay with the process. */
static pn_rc find_driver(struct pn_generation *generation, const char *name, const apr_dbd_driver_t **ret)
{
    static apr_pool_t *process;
    apr_status_t       status;

    if (!process) {
        apr_pool_create(&process, NULL);
        apr_dbd_init(process);
    }
    status = apr_dbd_get_driver(process, name, ret);
    if (status == APR_SUCCESS)
        return PN_OK;
    pn_generation_error(generation, status == APR_EDSOOPEN || status == APR_ENOTIMPL
                                        ? "DBDriver %s: there is no such driver; is its package of APR-util installed?"
                                        : "DBDriver %s: the driver does not load", name);
    return PN_BAD;
}

static bool same_list(const apr_array_header_t *a, const apr_array_header_t *b)
{
    if (!a || !b || a->nelts != b->nelts)
        return a == b;
    for (int i = 0; i < a->nelts; i++)
        if (!pn_str_eq(APR_ARRAY_IDX(a, i, pn_str), APR_ARRAY_IDX(b, i, pn_str)))
            return false;
    return true;
}

static bool same_database(const struct dbd_server *a, const struct dbd_server *b)
{
    return pn_str_eq(a->driver, b->driver) && pn_str_eq(a->params, b->params) && a->persist == b->persist && a->min == b->min &&
           a->keep == b->keep && a->max == b->max && a->idle_s == b->idle_s && same_list(a->init_sql, b->init_sql);
}

static pn_rc make_pool(struct pn_generation *generation, apr_pool_t *pool, struct dbd_server *server)
{
    const struct dbd_server *main_server = PN_SERVER_CONF(generation->servers, &pn_module_dbd);
    struct dbd_settings      settings = { .params = server->params.n ? server->params.p : "", .init_sql = server->init_sql,
                                          .keep = (unsigned)(server->keep > server->min ? server->keep : server->min),
                                          .max = (unsigned)server->max, .persist = server->persist, .idle_s = server->idle_s };

    if (!server->driver.n)
        return PN_OK;
    if (server != main_server && main_server->dbd && same_database(server, main_server)) {
        server->dbd = main_server->dbd;
        return PN_OK;
    }
    if (find_driver(generation, server->driver.p, &settings.driver) != PN_OK)
        return PN_BAD;
    server->dbd = dbd_pool_new(pool, &settings);
    return PN_OK;
}

static pn_rc post_config(struct pn_generation *generation, apr_pool_t *pool, bool check_only)
{
    for (struct pn_server *s = generation->servers; s; s = s->next)
        if (make_pool(generation, pool, PN_SERVER_CONF(s, &pn_module_dbd)) != PN_OK)
            return PN_BAD;
    return PN_OK;
}

static void child_exit(struct pn_generation *generation)
{
    for (struct pn_server *s = generation->servers; s; s = s->next) {
        struct dbd_server *server = PN_SERVER_CONF(s, &pn_module_dbd);
        if (server->dbd)
            dbd_pool_close(server->dbd);
    }
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_post_config(h, post_config, (struct pn_order){ 0 });
    pn_hook_child_exit(h, child_exit, (struct pn_order){ 0 });
    pn_provide(h, "dbd", "core", &core);
}

struct pn_module pn_module_dbd = {
    .api = PN_MODULE_API,
    .name = "mod_dbd.c",
    .apache_id = "dbd_module",
    .directives = directives,
    .server_conf_size = sizeof(struct dbd_server),
    .server_conf_init = server_init,
    .server_conf_merge = server_merge,
    .hooks = hooks,
};
