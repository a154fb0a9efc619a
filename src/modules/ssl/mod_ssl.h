/* mod_ssl.h - what the files of mod_ssl share: settings, and what is made of them once they are complete.
 *
 * Settings are immutable. What is made of them (contexts, stores) lives in struct ssl_state, one a generation, and is
 * freed with it. What outlives a generation (session cache, ticket keys) is shared memory of the whole server, made in the
 * master before there are children. */
#ifndef PN_MOD_SSL_H
#define PN_MOD_SSL_H

#include <openssl/ocsp.h>
#include <openssl/ssl.h>

#include <pinion/tls.h>

#define PN_LOG_MODULE &pn_module_ssl
#include <pinion/log.h>

extern struct pn_module pn_module_ssl;

enum ssl_engine { SSL_ENGINE_OFF, SSL_ENGINE_ON, SSL_ENGINE_OPTIONAL };
enum ssl_verify { SSL_CLIENT_NONE, SSL_CLIENT_OPTIONAL, SSL_CLIENT_REQUIRE, SSL_CLIENT_OPTIONAL_NO_CA };
enum ssl_policy { SSL_POLICY_NONE, SSL_POLICY_MODERN, SSL_POLICY_INTERMEDIATE, SSL_POLICY_OLD };
enum ssl_sni_policy { SSL_SNI_STRICT, SSL_SNI_SECURE, SSL_SNI_AUTH_ONLY, SSL_SNI_INSECURE };
enum ssl_crl_check { SSL_CRL_NONE, SSL_CRL_LEAF, SSL_CRL_CHAIN };
enum ssl_ocsp { SSL_OCSP_OFF, SSL_OCSP_ON, SSL_OCSP_LEAF };

/** Protocol versions, a bit each. */
enum { SSL_V3 = 1, SSL_V1_0 = 2, SSL_V1_1 = 4, SSL_V1_2 = 8, SSL_V1_3 = 16, SSL_V_ALL = 30 };

/** SSLOptions. */
enum {
    SSL_OPT_STD_ENV = 1, SSL_OPT_EXPORT_CERTS = 2, SSL_OPT_FAKE_BASIC = 4, SSL_OPT_STRICT_REQUIRE = 8,
    SSL_OPT_RENEGOTIATE = 16, SSL_OPT_LEGACY_DN = 32
};

/** A file that a directive names, and where it does. */
struct ssl_file { pn_str path, where; };
/** A command of SSLOpenSSLConfCmd. */
struct ssl_command { pn_str name, value, where; };
/** An SSLRequire line. */
struct ssl_requirement { const struct pn_expr *expr; };

struct ssl_server_conf {
    int                 engine;         /* enum ssl_engine */
    bool                engine_set;
    pn_str              engine_where;   /* the line that says so */
    int                 policy;         /* enum ssl_policy */
    int                 sni_policy;     /* enum ssl_sni_policy; of the main server */
    apr_array_header_t *certificates;   /* of struct ssl_file; NULL: none */
    apr_array_header_t *keys;           /* likewise, in the same order; fewer: in the certificates' files */
    struct ssl_file     chain, ca_file, ca_path, dn_file, dn_path, crl_file, crl_path, ticket_keys, ocsp_signers;
    unsigned            protocols;      /* SSL_V bits */
    bool                protocols_set;
    bool                honor_order, compression, tickets, insecure_renegotiation, strict_sni, reload;
    int                 crl_check;      /* enum ssl_crl_check */
    bool                crl_lenient;    /* no_crl_for_cert_ok */
    pn_usec             session_timeout;
    apr_array_header_t *commands;       /* of struct ssl_command */

    bool                stapling, stapling_return_errors, stapling_fake_later;
    pn_str              stapling_force_url;
    pn_usec             stapling_timeout, stapling_error_timeout, stapling_good_timeout, stapling_max_age, stapling_skew;

    int                 ocsp;           /* enum ssl_ocsp */
    bool                ocsp_no_check;  /* no_ocsp_for_cert_ok */
    bool                ocsp_override, ocsp_nonce, ocsp_no_verify;
    pn_str              ocsp_url;
    pn_usec             ocsp_timeout, ocsp_skew, ocsp_max_age;

    /* of the main server */
    pn_str              dialog;         /* SSLPassPhraseDialog */
    pn_str              cache;          /* SSLSessionCache */
    pn_str              stapling_cache;
    struct ssl_state   *state;          /* made when all is read */
};

struct ssl_dir_conf {
    bool                require_ssl;
    apr_array_header_t *requirements;   /* of struct ssl_requirement, outer places first; may be NULL */
    unsigned            options, options_add, options_remove;
    bool                options_set, options_relative;
    pn_str              ciphers, ciphers13; /* p == NULL: not set */
    int                 verify;         /* enum ssl_verify */
    bool                verify_set;
    int64_t             depth;
    bool                depth_set;
    pn_str              user_name;
    int64_t             buffer_bytes;   /* SSLRenegBufferSize */
};

/** What one server has, for its connections. */
struct ssl_site {
    struct pn_server *server;
    SSL_CTX          *context;          /* NULL: it speaks no TLS */
    bool              costly;           /* has a key whose operations take long */
    bool              asks_outside;     /* verifying a client may ask an OCSP responder */
    struct ssl_staple *staples;         /* of its certificates; NULL: none is stapled */
    unsigned          n_staples;
    unsigned char    *ticket_key;       /* SSLSessionTicketKeyFile, 48 bytes; NULL: the shared ones */
    STACK_OF(X509)   *ocsp_signers;     /* SSLOCSPResponderCertificateFile; NULL: none */
};

struct ssl_state {
    unsigned         n_sites;
    bool             any;               /* one of them speaks TLS */
    struct ssl_watch *watch;            /* SSLCertificateReload; NULL: off */
    struct ssl_site  sites[];           /* by the index of the server */
};

/** What a connection remembers beside its session. */
struct ssl_conn {
    struct pn_server *named;            /* the server that SNI chose; NULL: no name came, or no server has it */
    bool              name_came;        /* the client said a name */
    bool              optional_no_ca; /* certificates of authorities that nobody knows may pass */
    int               verify_error;     /* X509_V_, of optional_no_ca; 0: fine */
    int               depth;            /* of the chain that may be verified */
    const struct ssl_site *site;        /* whose rules for client certificates hold */
    bool              first_served;
};

static inline const struct ssl_server_conf *ssl_server_conf(const struct pn_server *server)
{
    return PN_SERVER_CONF(server, &pn_module_ssl);
}
static inline const struct ssl_dir_conf *ssl_dir_conf(const struct pn_conf_vec *vec)
{
    return PN_DIR_CONF(vec, &pn_module_ssl);
}
static inline const struct ssl_state *ssl_state(const struct pn_generation *generation)
{
    return ssl_server_conf(generation->servers)->state;
}
/** The site of a server; its context may be NULL. */
static inline const struct ssl_site *ssl_site(const struct pn_server *server)
{
    return &ssl_state(server->generation)->sites[server->index];
}
/** The server that a session is for: the named one, or that of the address. */
struct pn_server *ssl_conn_server(const SSL *ssl);
struct ssl_conn  *ssl_conn_of(const SSL *ssl);
/** Has the request come over TLS? */
static inline SSL *ssl_of(const struct pn_request *r)
{
    return r->conn->secure ? r->conn->tls : NULL;
}

/* ---- ssl_directives.c ---- */
extern const struct pn_directive ssl_directives[];
/** Directives that name one file or directory, and where settings keep it; ends with a NULL name. */
struct ssl_file_row { const char *name; size_t offset; bool directory; };
extern const struct ssl_file_row ssl_file_rows[];

/* ---- ssl_merge.c ---- */
void ssl_server_merge(apr_pool_t *pool, const void *base, const void *add, void *merged);
void ssl_dir_merge(apr_pool_t *pool, const void *base, const void *add, void *merged);
void ssl_dir_init(apr_pool_t *pool, void *conf);

/* ---- ssl_context.c ---- */
/** Makes the state of a generation. @return PN_OK, or PN_BAD after telling why. */
pn_rc ssl_make_state(struct pn_generation *generation, apr_pool_t *pool);
/** The most recent error of OpenSSL's queue as text, which is emptied; owned by the pool. */
const char *ssl_error_text(apr_pool_t *pool);
/** The ciphers and suites in force where `dir` applies. */
pn_str ssl_ciphers(const struct ssl_server_conf *conf, const struct ssl_dir_conf *dir);
pn_str ssl_ciphers13(const struct ssl_server_conf *conf, const struct ssl_dir_conf *dir);
unsigned ssl_protocols(const struct ssl_server_conf *conf);

/** Does any server of the generation speak TLS? */
bool ssl_any_site(const struct pn_generation *generation);

/* ---- ssl_keys.c ---- */
/** Certificates and keys of a server into its context. @return NULL or the error. */
const char *ssl_load_keys(struct pn_server *server, SSL_CTX *context, struct ssl_site *site, apr_pool_t *pool);
/** Passphrases that were asked for, forgotten: children have no use for them. */
void ssl_forget_phrases(void);

/* ---- ssl_handshake.c ---- */
/** Callbacks of a context that choose the server, the protocol and so on. */
void ssl_set_handshake_callbacks(SSL_CTX *context);
extern const struct pn_tls_server ssl_provider;

/* ---- ssl_verify.c ---- */
/** What the server of a context wants of client certificates. @return NULL or the error. */
const char *ssl_set_client_rules(struct pn_server *server, SSL_CTX *context, struct ssl_site *site, apr_pool_t *pool);
int  ssl_verify_callback(int ok, X509_STORE_CTX *store);
/** OpenSSL's mode for a SSLVerifyClient value. */
int  ssl_verify_mode(int verify);

/* ---- ssl_ocsp.c ---- */
/** Asks the responder about the certificate at hand in `store`; sets its error. Blocks. @return 1: good, 0: not. */
int ssl_ocsp_check(const struct ssl_site *site, X509_STORE_CTX *store);
const char *ssl_load_ocsp_signers(struct pn_server *server, struct ssl_site *site, apr_pool_t *pool);
/** Sends a question and takes the answer, over plain HTTP. Blocks. @return NULL: none in time. */
OCSP_RESPONSE *ssl_ocsp_ask(const char *url, const OCSP_REQUEST *question, pn_usec timeout);

/* ---- ssl_session.c ---- */
/** The cache and the ticket keys, in the master. @return NULL or the error. */
const char *ssl_open_shared(struct pn_generation *generation);
void ssl_set_session_rules(struct pn_server *server, SSL_CTX *context);
const char *ssl_load_ticket_keys(struct pn_server *server, SSL_CTX *context, struct ssl_site *site, apr_pool_t *pool);

/* ---- ssl_vars.c ---- */
pn_str ssl_variable(struct pn_request *r, pn_str name);
void   ssl_extensions(struct pn_request *r, pn_str oid, const pn_str **ret_values, size_t *ret_n);
/** A client certificate's subject as FakeBasicAuth shows it. p == NULL: none. */
pn_str ssl_client_subject(struct pn_request *r);

/* ---- ssl_env.c ---- */
/** Sets the variables of SSLOptions in r's environment. */
void ssl_export_variables(struct pn_request *r, unsigned options);

/* ---- ssl_access.c ---- */
void ssl_access_hooks(struct pn_hooks *h);

/* ---- ssl_reload.c ---- */
/** What a master looks at; NULL when it is not to. */
struct ssl_watch *ssl_watch_files(struct pn_generation *generation, apr_pool_t *pool);
pn_usec ssl_reload_tick(struct pn_generation *generation, pn_usec now);

/* ---- ssl_stapling.c ---- */
const char *ssl_set_stapling(struct pn_server *server, SSL_CTX *context, struct ssl_site *site, apr_pool_t *pool);
void ssl_stapling_child(struct pn_generation *generation, apr_pool_t *pool);
/** On the loop, after a handshake: fetches what it found missing or old. */
void ssl_stapling_look(const struct ssl_site *site);

#endif
