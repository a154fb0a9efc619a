/* mod_echo.c - ProtocolEcho: what comes on a connection goes back, and nothing else: the smallest protocol that is not HTTP.
 *
 * Runs: as a protocol, in a fiber a connection.   Suspends: for the client.   Settings: struct echo_conf, a server's.
 * Apache manual: "Apache Module mod_echo". */
#include <pinion/protocol.h>

extern struct pn_module pn_module_echo;

#define BUFFER_BYTES 8192

struct echo_conf {
    bool active;
};

static const struct pn_directive directives[] = {
    { .name = "ProtocolEcho", .args = PN_FLAG, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER,
      .slot = PN_SLOT(struct echo_conf, active), .dflt = "Off", .help = "Send back what clients send, in place of HTTP" },
    { 0 }
};

static bool wants(const struct pn_server *server)
{
    const struct echo_conf *conf = pn_server_conf(server, &pn_module_echo);

    return conf->active;
}

/* The connection's memory is not for buffers: one of its own, as long as the client stays. */
PN_MAY_YIELD static void serve(struct pn_conn *conn)
{
    apr_pool_t *pool;
    char       *buffer;
    size_t      n;

    if (apr_pool_create(&pool, NULL) != APR_SUCCESS)
        return;
    buffer = apr_palloc(pool, BUFFER_BYTES);
    while (pn_conn_read(conn, buffer, BUFFER_BYTES, &n) == PN_OK)
        if (pn_conn_write(conn, pn_str_n(buffer, n)) != PN_OK)
            break;
    apr_pool_destroy(pool);
}

static void hooks(struct pn_hooks *h)
{
    static const struct pn_protocol protocol = { .wants = wants, .serve = serve };

    pn_provide(h, "protocol", "echo", &protocol);
}

struct pn_module pn_module_echo = {
    .api = PN_MODULE_API,
    .name = "mod_echo.c",
    .apache_id = "echo_module",
    .directives = directives,
    .server_conf_size = sizeof(struct echo_conf),
    .hooks = hooks,
};
