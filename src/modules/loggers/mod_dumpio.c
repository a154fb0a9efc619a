/* mod_dumpio.c - DumpIOInput, DumpIOOutput: every byte of connections in the error log, at level trace7.
 *
 * Runs: as a tap of connections.   Suspends: never.   Settings: struct dumpio_conf, a server's (that of the address: no name is
 * known yet).   Apache manual: "Apache Module mod_dumpio". */
#define PN_LOG_MODULE &pn_module_dumpio
#include <pinion/log.h>

#include <pinion/protocol.h>

extern struct pn_module pn_module_dumpio;

/* Bytes of one message; the rest follows in further ones. */
#define PIECE_BYTES 2000

struct dumpio_conf {
    bool input, output;
};

static const struct pn_directive directives[] = {
    { .name = "DumpIOInput", .args = PN_FLAG, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER,
      .slot = PN_SLOT(struct dumpio_conf, input), .dflt = "Off", .help = "Log what clients send, at level trace7" },
    { .name = "DumpIOOutput", .args = PN_FLAG, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER,
      .slot = PN_SLOT(struct dumpio_conf, output), .dflt = "Off", .help = "Log what is sent to clients, at level trace7" },
    { 0 }
};

/* COMPAT: 2.4 does nothing either when the level is below trace7. */
static bool wants(const struct pn_server *server)
{
    const struct dumpio_conf *conf = pn_server_conf(server, &pn_module_dumpio);

    return (conf->input || conf->output) && pn_log_on_s(server, PN_LOG_MODULE, PN_LOG_TRACE7);
}

static void seen(struct pn_conn *conn, bool input, pn_str bytes)
{
    const struct dumpio_conf *conf = pn_server_conf(conn->base_server, &pn_module_dumpio);
    const char               *name = input ? "dumpio_in" : "dumpio_out";

    if (!(input ? conf->input : conf->output))
        return;
    PN_LOG_C(conn, PN_LOG_TRACE7, 0, 0, "mod_dumpio:  %s (data-HEAP): %zu bytes", name, bytes.n);
    while (bytes.n) {
        pn_str piece = pn_str_head(bytes, PIECE_BYTES);

        PN_LOG_C(conn, PN_LOG_TRACE7, 0, 0, "mod_dumpio:  %s (data-HEAP): %.*s", name, PN_FMT(piece));
        bytes = pn_str_from(bytes, piece.n);
    }
}

static void hooks(struct pn_hooks *h)
{
    static const struct pn_conn_tap tap = { .wants = wants, .seen = seen };

    pn_provide(h, "conn-tap", "dumpio", &tap);
}

struct pn_module pn_module_dumpio = {
    .api = PN_MODULE_API,
    .name = "mod_dumpio.c",
    .apache_id = "dumpio_module",
    .directives = directives,
    .server_conf_size = sizeof(struct dumpio_conf),
    .hooks = hooks,
};
