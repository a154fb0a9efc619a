/* ssl_handshake.c - what OpenSSL asks during a handshake: which server the name means, which protocol is spoken; and what
 * the log is told when it has ended. The callbacks may run on a thread of the offload pool: they read settings, which are
 * immutable, and write to the connection's own struct. */
#include "mod_ssl.h"

#include <openssl/err.h>
#include <pthread.h>

static int            conn_slot;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void free_conn(void *parent, void *pointer, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
    (void)parent, (void)data, (void)index, (void)argl, (void)argp;
    free(pointer);
}

static void init_once(void)
{
    conn_slot = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_conn);
    pn_assert(conn_slot >= 0);
}

struct ssl_conn *ssl_conn_of(const SSL *ssl)
{
    return SSL_get_ex_data(ssl, conn_slot);
}

struct pn_server *ssl_conn_server(const SSL *ssl)
{
    const struct ssl_conn *mine = ssl_conn_of(ssl);

    return mine->named ? mine->named : pn_tls_conn(ssl)->base_server;
}

/* ---- the server by name ---- */

/* The one host name of the extension (RFC 6066 s3); p == NULL: none, or it is malformed. */
static pn_str host_name(SSL *ssl)
{
    const unsigned char *p;
    size_t               n;

    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &p, &n) != 1 || n < 5)
        return (pn_str){ NULL, 0 };
    size_t list = (size_t)p[0] << 8 | p[1], name = (size_t)p[3] << 8 | p[4];
    if (list + 2 != n || p[2] != TLSEXT_NAMETYPE_host_name || name + 5 > n || name == 0 || name > 255)
        return (pn_str){ NULL, 0 };
    return pn_str_n((const char *)p + 5, name);
}

/* SSL_set_SSL_CTX takes over certificates and ciphers; what a session has copied from its first context is set anew. */
static void change_site(SSL *ssl, const struct ssl_site *site)
{
    const struct ssl_server_conf *conf = ssl_server_conf(site->server);
    const struct ssl_dir_conf    *dir = ssl_dir_conf(site->server->dir_conf);
    uint64_t                      options = SSL_CTX_get_options(site->context);

    SSL_set_SSL_CTX(ssl, site->context);
    SSL_clear_options(ssl, SSL_get_options(ssl) & ~options);
    SSL_set_options(ssl, options);
    SSL_set_min_proto_version(ssl, (int)SSL_CTX_get_min_proto_version(site->context));
    SSL_set_max_proto_version(ssl, (int)SSL_CTX_get_max_proto_version(site->context));
    SSL_set_ciphersuites(ssl, ssl_ciphers13(conf, dir).p);
    SSL_set_verify(ssl, SSL_CTX_get_verify_mode(site->context), SSL_CTX_get_verify_callback(site->context));
    SSL_set_verify_depth(ssl, SSL_CTX_get_verify_depth(site->context));
}

/* What the server as a whole wants of client certificates; a place may want something else later. */
static void take_rules(struct ssl_conn *mine, const struct pn_server *server)
{
    const struct ssl_dir_conf *dir = ssl_dir_conf(server->dir_conf);

    mine->depth = (int)dir->depth;
    mine->optional_no_ca = dir->verify == SSL_CLIENT_OPTIONAL_NO_CA;
}

static int hello(SSL *ssl, int *alert, void *arg)
{
    struct ssl_conn       *mine = ssl_conn_of(ssl);
    struct pn_conn        *conn = pn_tls_conn(ssl);
    const struct ssl_site *site;
    pn_str                 name = host_name(ssl);

    (void)arg;
    if (mine->first_served) { /* a new handshake in the middle: the server stays */
        return SSL_CLIENT_HELLO_SUCCESS;
    }
    mine->name_came = name.p != NULL;
    mine->named = name.p ? pn_conn_server_named(conn, name) : NULL;
    if (!mine->named) {
        if (name.p && ssl_server_conf(conn->base_server)->strict_sni) {
            *alert = SSL_AD_UNRECOGNIZED_NAME;
            return SSL_CLIENT_HELLO_ERROR;
        }
        return SSL_CLIENT_HELLO_SUCCESS;
    }
    site = ssl_site(mine->named);
    if (!site->context) /* COMPAT: 2.4 serves it with the certificate of the address, which the client will find wrong */
        return SSL_CLIENT_HELLO_SUCCESS;
    if (site->context != SSL_get_SSL_CTX(ssl))
        change_site(ssl, site);
    mine->site = site;
    take_rules(mine, site->server);
    return SSL_CLIENT_HELLO_SUCCESS;
}

/* The name has been looked at already; this tells the client that it was understood. */
static int acknowledge_name(SSL *ssl, int *alert, void *arg)
{
    (void)alert, (void)arg;
    return ssl_conn_of(ssl)->named ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

static int choose_protocol(SSL *ssl, const unsigned char **ret, unsigned char *ret_n, const unsigned char *in, unsigned n, void *arg)
{
    pn_str chosen = pn_protocol_choose(ssl_conn_server(ssl), pn_str_n((const char *)in, n));

    (void)arg;
    if (!chosen.p)
        return SSL_TLSEXT_ERR_NOACK; /* COMPAT: 2.4 serves HTTP/1.1 to clients that ask for something else alone */
    *ret = (const unsigned char *)chosen.p;
    *ret_n = (unsigned char)chosen.n;
    return SSL_TLSEXT_ERR_OK;
}

void ssl_set_handshake_callbacks(SSL_CTX *context)
{
    SSL_CTX_set_client_hello_cb(context, hello, NULL);
    SSL_CTX_set_tlsext_servername_callback(context, acknowledge_name);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
}

/* ---- what the server asks ---- */

static struct ssl_ctx_st *context_for(const struct pn_conn *conn, bool https_port)
{
    const struct ssl_server_conf *conf = ssl_server_conf(conn->base_server);
    const struct ssl_site        *site = ssl_site(conn->base_server);

    if (conf->engine == SSL_ENGINE_ON || (!conf->engine_set && https_port))
        return site->context;
    return NULL;
}

static void begin(struct pn_conn *conn, struct ssl_st *ssl)
{
    struct ssl_conn *mine = calloc(1, sizeof(*mine));

    pn_assert(mine != NULL);
    pthread_once(&once, init_once);
    mine->site = ssl_site(conn->base_server);
    take_rules(mine, conn->base_server);
    SSL_set_ex_data(ssl, conn_slot, mine);
}

static void log_refused(struct pn_conn *conn, const struct pn_server *server, unsigned long error)
{
    char        text[256];
    const char *hint = "";

    ERR_error_string_n(error, text, sizeof(text));
    if (ERR_GET_REASON(error) == SSL_R_NO_SHARED_CIPHER)
        hint = " (Too restrictive SSLCipherSuite or using DSA server certificate?)";
    else if (ERR_GET_REASON(error) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
        hint = " (No CAs known to server for verification?)";
    PN_LOG_C(conn, PN_LOG_INFO, 2008, 0, "SSL library error 1 in handshake (server %.*s)", PN_FMT(server->name));
    PN_LOG_C(conn, PN_LOG_INFO, 21302, 0, "SSL Library Error: %s%s", text, hint);
}

static bool ended(struct pn_conn *conn, struct ssl_st *ssl, enum pn_tls_end how, unsigned long error)
{
    const struct pn_server *server = ssl_conn_server(ssl);

    switch (how) {
    case PN_TLS_ESTABLISHED:
        ssl_conn_of(ssl)->first_served = true;
        if (SSL_session_reused(ssl)) /* nothing was verified anew */
            ssl_conn_of(ssl)->verify_error = (int)SSL_get_verify_result(ssl);
        ssl_stapling_look(ssl_site(server));
        PN_LOG_C(conn, PN_LOG_DEBUG, 2041, 0, "Protocol: %s, Cipher: %s (%d/%d bits)", SSL_get_version(ssl),
                 SSL_get_cipher_name(ssl), SSL_get_cipher_bits(ssl, NULL), SSL_get_cipher_bits(ssl, NULL));
        break;
    case PN_TLS_REFUSED: log_refused(conn, server, error); break;
    case PN_TLS_BROKEN_OFF:
        PN_LOG_C(conn, PN_LOG_INFO, 2007, 0, "SSL handshake interrupted by system (server %.*s)", PN_FMT(server->name));
        break;
    case PN_TLS_TIMED_OUT:
        PN_LOG_C(conn, PN_LOG_INFO, 21303, 0, "SSL handshake took too long (server %.*s)", PN_FMT(server->name));
        break;
    case PN_TLS_PLAIN_HTTP:
        PN_LOG_C(conn, PN_LOG_INFO, 1996, 0, "SSL handshake failed: HTTP spoken on HTTPS port; trying to send HTML error page");
        break;
    }
    return true;
}

static enum pn_tls_cost cost(const struct ssl_st *ssl)
{
    const struct ssl_site *site = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    if (site->asks_outside)
        return PN_TLS_BLOCKS;
    return site->costly ? PN_TLS_COSTLY : PN_TLS_CHEAP;
}

const struct pn_tls_server ssl_provider = {
    .context = context_for,
    .begin = begin,
    .ended = ended,
    .cost = cost,
    .variable = ssl_variable,
    .extensions = ssl_extensions,
};
