/* ssl_context.c - from the settings of a server to its OpenSSL context, once all of the configuration is read. */
#include "mod_ssl.h"

#include <openssl/err.h>

/* What browsers of the last ten years speak: forward secrecy and authenticated encryption, nothing else. */
#define CIPHERS_INTERMEDIATE                                                               \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:" \
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define CIPHERS_OLD                                                                        \
    CIPHERS_INTERMEDIATE ":ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA:" \
    "ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384:ECDHE-ECDSA-AES256-SHA:"  \
    "ECDHE-RSA-AES256-SHA:AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA:AES256-SHA:@SECLEVEL=0"
/* Groups that everybody has and that cost little. */
#define GROUPS "X25519:P-256:P-384"
#define SUITES_13 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

const char *ssl_error_text(apr_pool_t *pool)
{
    unsigned long error = ERR_peek_last_error();
    char          text[256];

    if (error == 0)
        return "no reason is known";
    ERR_error_string_n(error, text, sizeof(text));
    ERR_clear_error();
    return apr_pstrdup(pool, text);
}

/* ---- what is spoken ---- */

unsigned ssl_protocols(const struct ssl_server_conf *conf)
{
    if (conf->protocols_set)
        return conf->protocols;
    switch (conf->policy) {
    case SSL_POLICY_MODERN: return SSL_V1_3;
    case SSL_POLICY_OLD: return SSL_V_ALL;
    default: return SSL_V1_2 | SSL_V1_3;
    }
}

pn_str ssl_ciphers(const struct ssl_server_conf *conf, const struct ssl_dir_conf *dir)
{
    if (dir->ciphers.p)
        return dir->ciphers;
    return conf->policy == SSL_POLICY_OLD ? PN_STR(CIPHERS_OLD) : PN_STR(CIPHERS_INTERMEDIATE);
}

pn_str ssl_ciphers13(const struct ssl_server_conf *conf, const struct ssl_dir_conf *dir)
{
    (void)conf;
    return dir->ciphers13.p ? dir->ciphers13 : PN_STR(SUITES_13);
}

static void set_protocols(SSL_CTX *context, unsigned protocols)
{
    static const struct { unsigned bit; int version; uint64_t off; } rows[] = {
        { SSL_V1_0, TLS1_VERSION, SSL_OP_NO_TLSv1 },
        { SSL_V1_1, TLS1_1_VERSION, SSL_OP_NO_TLSv1_1 },
        { SSL_V1_2, TLS1_2_VERSION, SSL_OP_NO_TLSv1_2 },
        { SSL_V1_3, TLS1_3_VERSION, SSL_OP_NO_TLSv1_3 },
    };
    int least = 0, most = 0;

    for (size_t i = 0; i < PN_COUNT(rows); i++) {
        if (!(protocols & rows[i].bit)) {
            SSL_CTX_set_options(context, rows[i].off);
            continue;
        }
        SSL_CTX_clear_options(context, rows[i].off);
        least = least ? least : rows[i].version;
        most = rows[i].version;
    }
    SSL_CTX_set_min_proto_version(context, least);
    SSL_CTX_set_max_proto_version(context, most);
}

static void set_options(SSL_CTX *context, const struct ssl_server_conf *conf)
{
    uint64_t on = SSL_OP_NO_SSLv3 | SSL_OP_SINGLE_DH_USE | SSL_OP_SINGLE_ECDH_USE | SSL_OP_NO_RENEGOTIATION |
                  SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION | SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF;

    /* A client's list puts ChaCha first when it has no AES in hardware; that wish counts under either order. */
    if (conf->honor_order)
        on |= SSL_OP_CIPHER_SERVER_PREFERENCE;
    if (!conf->tickets)
        on |= SSL_OP_NO_TICKET;
    if (conf->compression)
        SSL_CTX_clear_options(context, SSL_OP_NO_COMPRESSION);
    else
        on |= SSL_OP_NO_COMPRESSION;
    if (conf->insecure_renegotiation)
        on |= SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION;
    SSL_CTX_set_options(context, on);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_dh_auto(context, 1);
    SSL_CTX_set1_groups_list(context, GROUPS);
}

static const char *set_ciphers(SSL_CTX *context, const struct ssl_server_conf *conf, const struct ssl_dir_conf *dir)
{
    if (SSL_CTX_set_cipher_list(context, ssl_ciphers(conf, dir).p) != 1)
        return "SSLCipherSuite: Unable to configure permitted SSL ciphers";
    if (SSL_CTX_set_ciphersuites(context, ssl_ciphers13(conf, dir).p) != 1)
        return "SSLCipherSuite: Unable to configure permitted TLSv1.3 ciphers";
    return NULL;
}

/* ---- SSLOpenSSLConfCmd ---- */

static const char *run_commands(SSL_CTX *context, const struct ssl_server_conf *conf, apr_pool_t *pool)
{
    SSL_CONF_CTX *commands;
    const char   *error = NULL;

    if (!conf->commands)
        return NULL;
    commands = SSL_CONF_CTX_new();
    SSL_CONF_CTX_set_flags(commands, SSL_CONF_FLAG_FILE | SSL_CONF_FLAG_SERVER | SSL_CONF_FLAG_CERTIFICATE | SSL_CONF_FLAG_SHOW_ERRORS);
    SSL_CONF_CTX_set_ssl_ctx(commands, context);
    for (int i = 0; i < conf->commands->nelts && !error; i++) {
        const struct ssl_command *one = &APR_ARRAY_IDX(conf->commands, i, struct ssl_command);
        if (SSL_CONF_cmd(commands, one->name.p, one->value.p) <= 0)
            error = pn_str_printf(pool, "%s: SSLOpenSSLConfCmd %s %s was refused: %s", one->where.p, one->name.p, one->value.p,
                                  ssl_error_text(pool)).p;
    }
    if (!error && SSL_CONF_CTX_finish(commands) != 1)
        error = pn_str_printf(pool, "SSLOpenSSLConfCmd: %s", ssl_error_text(pool)).p;
    SSL_CONF_CTX_free(commands);
    return error;
}

/* ---- one server, all servers ---- */

static apr_status_t free_context(void *context)
{
    SSL_CTX_free(context);
    return APR_SUCCESS;
}

static const char *fill_context(struct pn_server *server, struct ssl_site *site, apr_pool_t *pool)
{
    const struct ssl_server_conf *conf = ssl_server_conf(server);
    const char                   *error;

    set_protocols(site->context, ssl_protocols(conf));
    set_options(site->context, conf);
    if ((error = set_ciphers(site->context, conf, ssl_dir_conf(server->dir_conf))) ||
        (error = ssl_load_keys(server, site->context, site, pool)) ||
        (error = ssl_set_client_rules(server, site->context, site, pool)) ||
        (error = ssl_load_ticket_keys(server, site->context, site, pool)))
        return error;
    ssl_set_session_rules(server, site->context);
    ssl_set_handshake_callbacks(site->context);
    if ((error = ssl_set_stapling(server, site->context, site, pool)))
        return error;
    return run_commands(site->context, conf, pool); /* last: they win over what the other directives say */
}

/* A server with a certificate and no SSLEngine line speaks TLS on listeners of https. */
static bool may_speak_tls(const struct ssl_server_conf *conf)
{
    return conf->engine == SSL_ENGINE_ON || (!conf->engine_set && conf->certificates);
}

static const char *make_site(struct pn_server *server, struct ssl_site *site, apr_pool_t *pool)
{
    const struct ssl_server_conf *conf = ssl_server_conf(server);

    site->server = server;
    if (!may_speak_tls(conf))
        return NULL;
    if (!conf->certificates)
        return pn_str_printf(pool, "%s: SSLEngine is on, and there is no certificate: add SSLCertificateFile and SSLCertificateKeyFile",
                             conf->engine_where.p).p;
    site->context = SSL_CTX_new(TLS_server_method());
    if (!site->context)
        return ssl_error_text(pool);
    apr_pool_cleanup_register(pool, site->context, free_context, apr_pool_cleanup_null);
    SSL_CTX_set_app_data(site->context, site);
    return fill_context(server, site, pool);
}

pn_rc ssl_make_state(struct pn_generation *generation, apr_pool_t *pool)
{
    struct ssl_state       *state = apr_pcalloc(pool, sizeof(*state) + generation->n_servers * sizeof(struct ssl_site));
    struct ssl_server_conf *main_conf = PN_SERVER_CONF(generation->servers, &pn_module_ssl);

    state->n_sites = generation->n_servers;
    main_conf->state = state;
    state->watch = ssl_watch_files(generation, pool);
    for (struct pn_server *s = generation->servers; s; s = s->next) {
        pn_assert(s->index < state->n_sites);
        const char *error = make_site(s, &state->sites[s->index], pool);
        if (!error) {
            state->any |= state->sites[s->index].context != NULL;
            continue;
        }
        pn_generation_error(generation, "%s (server %.*s)", error, PN_FMT(s->name));
        return PN_BAD;
    }
    return PN_OK;
}

bool ssl_any_site(const struct pn_generation *generation)
{
    return ssl_state(generation)->any;
}
