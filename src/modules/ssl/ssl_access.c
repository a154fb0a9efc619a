/* ssl_access.c - requests over TLS: whose name fits which server, what a place demands of the client, who the user is. */
#include "mod_ssl.h"

#include <apr_base64.h>
#include <openssl/err.h>
#include <pinion/authz.h>
#include <pinion/log_config.h>

/* ---- the name in the handshake and the name in the request ---- */

static bool same_file(const struct ssl_file *a, const struct ssl_file *b)
{
    return pn_str_eq(a->path, b->path);
}

static bool same_files(const apr_array_header_t *a, const apr_array_header_t *b)
{
    if (a == b || !a || !b || a->nelts != b->nelts)
        return a == b;
    for (int i = 0; i < a->nelts; i++)
        if (!same_file(&APR_ARRAY_IDX(a, i, struct ssl_file), &APR_ARRAY_IDX(b, i, struct ssl_file)))
            return false;
    return true;
}

/* Certificates, protocols and ciphers. */
static bool same_server_side(const struct pn_server *from, const struct pn_server *to)
{
    const struct ssl_server_conf *a = ssl_server_conf(from), *b = ssl_server_conf(to);
    const struct ssl_dir_conf    *x = ssl_dir_conf(from->dir_conf), *y = ssl_dir_conf(to->dir_conf);

    return !ssl_site(from)->context == !ssl_site(to)->context && same_files(a->certificates, b->certificates) && same_files(a->keys, b->keys) && same_file(&a->chain, &b->chain) &&
           ssl_protocols(a) == ssl_protocols(b) && pn_str_eq(ssl_ciphers(a, x), ssl_ciphers(b, y)) &&
           pn_str_eq(ssl_ciphers13(a, x), ssl_ciphers13(b, y));
}

/* What is asked of clients, and how it is checked. */
static bool same_client_side(const struct pn_server *from, const struct pn_server *to)
{
    const struct ssl_server_conf *a = ssl_server_conf(from), *b = ssl_server_conf(to);
    const struct ssl_dir_conf    *x = ssl_dir_conf(from->dir_conf), *y = ssl_dir_conf(to->dir_conf);

    return x->verify == y->verify && x->depth == y->depth && same_file(&a->ca_file, &b->ca_file) && same_file(&a->ca_path, &b->ca_path) &&
           same_file(&a->dn_file, &b->dn_file) && same_file(&a->dn_path, &b->dn_path) && a->crl_check == b->crl_check &&
           a->crl_lenient == b->crl_lenient && same_file(&a->crl_file, &b->crl_file) && same_file(&a->crl_path, &b->crl_path) &&
           a->ocsp == b->ocsp && a->ocsp_no_check == b->ocsp_no_check && pn_str_eq(a->ocsp_url, b->ocsp_url) &&
           a->commands == b->commands;
}

/* May a request for `to` come over a connection that was made for `from`? */
static bool compatible(const struct pn_server *from, const struct pn_server *to)
{
    if (from == to)
        return true;
    switch (ssl_server_conf(to->generation->servers)->sni_policy) {
    case SSL_SNI_INSECURE: return true;
    case SSL_SNI_AUTH_ONLY: return same_client_side(from, to);
    case SSL_SNI_SECURE: return same_client_side(from, to) && same_server_side(from, to);
    default: return false;
    }
}

static enum pn_verdict read_request(struct pn_request *r)
{
    SSL                   *ssl = ssl_of(r);
    const struct ssl_conn *mine = ssl ? ssl_conn_of(ssl) : NULL;

    if (!ssl || r->main || r->prev)
        return PN_NEXT;
    if (!mine->name_came && (ssl_server_conf(r->server)->strict_sni || ssl_server_conf(r->conn->base_server)->strict_sni)) {
        r->keep_alive = false;
        return pn_reject(r, 403, &pn_module_ssl, 2033, "No hostname was provided via SNI for a name based virtual host");
    }
    if (!compatible(ssl_conn_server(ssl), r->server)) {
        const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
        r->keep_alive = false;
        return pn_reject(r, 421, &pn_module_ssl, 2032, "Hostname %s %s and hostname %.*s provided via HTTP have no compatible SSL setup",
                         name ? pn_str_escape(r->pool, pn_str_z(name)).p : pn_str_zdup(r->pool, ssl_conn_server(ssl)->name),
                         name ? "provided via SNI" : "(default host as no SNI was provided)", PN_FMT(r->hostname));
    }
    return PN_NEXT;
}

/* ---- what a place demands of the session ---- */

static bool cipher_allowed(SSL *ssl, const struct pn_request *r)
{
    const struct ssl_dir_conf *dir = ssl_dir_conf(r->dir_conf);
    const SSL_CIPHER          *now = SSL_get_current_cipher(ssl);
    SSL_CTX                   *list;
    bool                       found = false;

    if (SSL_version(ssl) >= TLS1_3_VERSION || !dir->ciphers.p ||
        pn_str_eq(dir->ciphers, ssl_dir_conf(ssl_conn_server(ssl)->dir_conf)->ciphers))
        return true;
    list = SSL_CTX_new(TLS_server_method());
    if (list && SSL_CTX_set_cipher_list(list, dir->ciphers.p) == 1) {
        STACK_OF(SSL_CIPHER) *ciphers = SSL_CTX_get_ciphers(list);
        for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++)
            found |= SSL_CIPHER_get_id(sk_SSL_CIPHER_value(ciphers, i)) == SSL_CIPHER_get_id(now);
    }
    SSL_CTX_free(list);
    ERR_clear_error();
    return found;
}

/* Does the place want more of the client's certificate than the session has seen to? */
static bool must_ask(SSL *ssl, const struct ssl_dir_conf *dir)
{
    const struct ssl_conn *mine = ssl_conn_of(ssl);
    int                    wanted = ssl_verify_mode(dir->verify), now = SSL_get_verify_mode(ssl);

    if (wanted == SSL_VERIFY_NONE)
        return false;
    if ((dir->options & SSL_OPT_RENEGOTIATE) && SSL_get0_peer_certificate(ssl) && !mine->verify_error)
        return false;
    return !(now & SSL_VERIFY_PEER) || dir->depth < mine->depth || (mine->optional_no_ca && dir->verify != SSL_CLIENT_OPTIONAL_NO_CA) ||
           ((wanted & SSL_VERIFY_FAIL_IF_NO_PEER_CERT) && !SSL_get0_peer_certificate(ssl));
}

static enum pn_verdict forbid(struct pn_request *r, unsigned id, const char *why)
{
    return pn_reject(r, 403, &pn_module_ssl, id, "%s", why);
}

PN_MAY_YIELD static enum pn_verdict ask_client(struct pn_request *r, SSL *ssl, const struct ssl_dir_conf *dir, bool cipher_too)
{
    struct ssl_conn *mine = ssl_conn_of(ssl);
    pn_rc            rc;

    if (r->version >= 2000) {
        apr_table_setn(pn_notes(r), "ssl-renegotiate-forbidden", "verify-client"); /* RFC 9113 s9.2.1: no new handshakes */
        return forbid(r, 10158, "a client certificate cannot be asked for over HTTP/2");
    }
    rc = pn_buffer_request_body(r, (size_t)dir->buffer_bytes);
    if (rc == PN_LIMIT)
        return pn_reject(r, 413, &pn_module_ssl, 2018, "request body exceeds maximum size (%lld) for SSL buffer", (long long)dir->buffer_bytes);
    if (rc != PN_OK)
        return pn_reject(r, pn_request_body_status(r), &pn_module_ssl, 2257, "could not buffer message body to allow SSL renegotiation to proceed");
    if (cipher_too && SSL_set_cipher_list(ssl, dir->ciphers.p) != 1)
        return forbid(r, 2253, "Unable to reconfigure (per-directory) permitted SSL ciphers");
    /* A client without a certificate gets an answer that says so (check_client), not the end of its connection. */
    SSL_set_verify(ssl, SSL_VERIFY_PEER, ssl_verify_callback);
    SSL_set_verify_depth(ssl, (int)dir->depth + 1);
    SSL_set_verify_result(ssl, X509_V_OK);
    mine->depth = (int)dir->depth;
    mine->optional_no_ca = dir->verify == SSL_CLIENT_OPTIONAL_NO_CA;
    mine->verify_error = 0;
    SSL_clear_options(ssl, SSL_OP_NO_RENEGOTIATION);
    rc = pn_tls_ask_client(r);
    SSL_set_options(ssl, SSL_OP_NO_RENEGOTIATION);
    ERR_clear_error();
    if (rc != PN_OK) {
        r->keep_alive = false;
        return forbid(r, SSL_version(ssl) >= TLS1_3_VERSION ? 10158 : 2261,
                      SSL_version(ssl) >= TLS1_3_VERSION ? "cannot perform post-handshake authentication" : "Re-negotiation handshake failed");
    }
    return PN_NEXT;
}

static bool client_is_verified(SSL *ssl)
{
    const struct ssl_conn *mine = ssl_conn_of(ssl);

    return SSL_get0_peer_certificate(ssl) && SSL_get_verify_result(ssl) == X509_V_OK && !mine->verify_error;
}

/* After what was asked: is the answer good enough? */
static enum pn_verdict check_client(struct pn_request *r, SSL *ssl, const struct ssl_dir_conf *dir)
{
    if (dir->verify == SSL_CLIENT_REQUIRE && !client_is_verified(ssl)) {
        r->keep_alive = r->keep_alive && SSL_get0_peer_certificate(ssl) == NULL;
        return forbid(r, SSL_get0_peer_certificate(ssl) ? 2262 : 2263,
                      SSL_get0_peer_certificate(ssl) ? "Re-negotiation handshake failed: Client verification failed"
                                                     : "Re-negotiation handshake failed: Client certificate missing");
    }
    if (dir->verify == SSL_CLIENT_OPTIONAL && SSL_get0_peer_certificate(ssl) && !client_is_verified(ssl))
        return forbid(r, 2262, "Client verification failed");
    return PN_NEXT;
}

/* ---- requirements ---- */

static enum pn_verdict refuse(struct pn_request *r, unsigned id, const char *why)
{
    if (ssl_dir_conf(r->dir_conf)->options & SSL_OPT_STRICT_REQUIRE)
        apr_table_setn(pn_notes(r), "ssl-access-forbidden", "1");
    return pn_reject(r, 403, &pn_module_ssl, id, "access to %s failed, reason: %s", pn_str_escape(r->pool, r->filename).p, why);
}

PN_MAY_YIELD static enum pn_verdict check_requirements(struct pn_request *r, const struct ssl_dir_conf *dir)
{
    for (int i = 0; dir->requirements && i < dir->requirements->nelts; i++) {
        const struct pn_expr *expr = APR_ARRAY_IDX(dir->requirements, i, struct ssl_requirement).expr;
        bool                  holds = false;

        if (pn_expr_holds(r, expr, &holds) != PN_OK)
            return refuse(r, 2265, "Failed to execute SSL requirement expression");
        if (!holds) {
            PN_LOG_R(r, PN_LOG_INFO, 2266, 0, "Failed expression: %.*s", PN_FMT(pn_expr_text(expr)));
            return refuse(r, 2229, "SSL requirement expression not fulfilled");
        }
    }
    return PN_NEXT;
}

static void set_user(struct pn_request *r, const struct ssl_dir_conf *dir)
{
    pn_str name = dir->user_name.n ? ssl_variable(r, dir->user_name) : (pn_str){ NULL, 0 };

    if (name.n)
        r->user = name;
    else if (dir->user_name.n)
        PN_LOG_R(r, PN_LOG_INFO, 2227, 0, "Failed to set r->user to '%.*s'", PN_FMT(dir->user_name));
}

PN_MAY_YIELD static enum pn_verdict check_access(struct pn_request *r)
{
    const struct ssl_dir_conf *dir = ssl_dir_conf(r->dir_conf);
    SSL                       *ssl = ssl_of(r);
    enum pn_verdict            verdict;

    if (dir->require_ssl && !ssl)
        return refuse(r, 2219, "SSL connection required");
    if (!ssl) /* COMPAT: 2.4 SSLRequire says nothing about requests without TLS */
        return PN_NEXT;
    bool other_cipher = !cipher_allowed(ssl, r), ask = must_ask(ssl, dir);
    if ((other_cipher || ask) && (verdict = ask_client(r, ssl, dir, other_cipher)) != PN_NEXT)
        return verdict;
    if (other_cipher && !cipher_allowed(ssl, r))
        return forbid(r, 2264, "SSL cipher suite not renegotiated: access to the place denied using the cipher at hand");
    if ((verdict = check_client(r, ssl, dir)) != PN_NEXT || (verdict = check_requirements(r, dir)) != PN_NEXT)
        return verdict;
    set_user(r, dir);
    return PN_NEXT;
}

static bool access_matters(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct ssl_dir_conf *dir = dir_conf;

    (void)server, (void)server_conf;
    return !dir || dir->require_ssl || dir->requirements || dir->verify != SSL_CLIENT_NONE || dir->user_name.n || dir->ciphers.p;
}

/* ---- who the user is ---- */

/* A client that writes the certificate's name itself wants to pass for somebody. */
static bool forged(struct pn_request *r, pn_str credentials)
{
    char   plain[512];
    pn_str scheme = pn_str_word(&credentials), encoded = pn_str_trim(credentials);
    int    n;

    if (!pn_str_ieq(scheme, PN_STR("basic")) || encoded.n > 600)
        return false;
    n = apr_base64_decode_len(pn_str_zdup(r->pool, encoded));
    if (n <= 0 || (size_t)n >= sizeof(plain))
        return false;
    n = apr_base64_decode(plain, pn_str_zdup(r->pool, encoded));
    return n > 0 && plain[0] == '/' && pn_str_ends(pn_str_n(plain, (size_t)n), PN_STR(":password"));
}

/* FakeBasicAuth: the subject is the user, "password" is what he knows. */
static enum pn_verdict check_user(struct pn_request *r)
{
    const struct ssl_dir_conf *dir = ssl_dir_conf(r->dir_conf);
    pn_str                     subject, given = pn_headers_get(&r->in, PN_HDR_AUTHORIZATION);
    char                      *encoded;

    if (pn_note_get(r, "ssl-access-forbidden"))
        return pn_reject_quietly(r, 403);
    if (!r->main && !r->prev && given.p && (dir->options & SSL_OPT_FAKE_BASIC) && forged(r, given))
        return pn_reject(r, 403, &pn_module_ssl, 2035, "Encountered FakeBasicAuth spoof: %s", pn_str_escape(r->pool, given).p);
    if (!(dir->options & SSL_OPT_FAKE_BASIC) || !ssl_of(r))
        return PN_NEXT;
    subject = ssl_client_subject(r);
    if (!subject.p || pn_str_chr(subject, ':', 0) != SIZE_MAX)
        return PN_NEXT;
    subject = PN_CAT(r->pool, subject, PN_STR(":password"));
    encoded = apr_palloc(r->pool, (apr_size_t)apr_base64_encode_len((int)subject.n));
    apr_base64_encode(encoded, subject.p, (int)subject.n);
    pn_headers_set(&r->in, PN_HDR_AUTHORIZATION, PN_CAT(r->pool, PN_STR("Basic "), pn_str_z(encoded)));
    PN_LOG_R(r, PN_LOG_INFO, 2036, 0, "Faking HTTP Basic Auth header: \"Authorization: Basic %s\"", encoded);
    return PN_NEXT;
}

static bool user_matters(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct ssl_dir_conf *dir = dir_conf;

    (void)server, (void)server_conf;
    return !dir || (dir->options & (SSL_OPT_FAKE_BASIC | SSL_OPT_STRICT_REQUIRE));
}

static enum pn_verdict fixup(struct pn_request *r)
{
    if (ssl_of(r))
        ssl_export_variables(r, ssl_dir_conf(r->dir_conf)->options);
    return PN_NEXT;
}

static bool server_has_tls(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    (void)server_conf, (void)dir_conf;
    return !ssl_server_conf(server->generation->servers)->state || ssl_any_site(server->generation);
}

/* ---- Require ---- */

static const char *no_arguments(struct pn_conf_cmd *cmd, struct pn_authz_args *args)
{
    return args->n ? pn_conf_error_text(cmd, "Require ssl and ssl-verify-client take no arguments") : NULL;
}

static enum pn_authz check_ssl(struct pn_request *r, const struct pn_authz_args *args)
{
    (void)args;
    return ssl_of(r) ? PN_AUTHZ_GRANTED : PN_AUTHZ_DENIED;
}

static enum pn_authz check_verified(struct pn_request *r, const struct pn_authz_args *args)
{
    (void)args;
    return ssl_of(r) && client_is_verified(ssl_of(r)) ? PN_AUTHZ_GRANTED : PN_AUTHZ_DENIED;
}

static const struct pn_authz_provider require_ssl = { .parse = no_arguments, .check = check_ssl };
static const struct pn_authz_provider require_verified = { .parse = no_arguments, .check = check_verified };

/* ---- logs ---- */

static void log_variable(struct pn_request *r, pn_str arg, struct pn_log_line *line)
{
    pn_str value = arg.n ? ssl_variable(r, arg) : (pn_str){ NULL, 0 };

    pn_log_maybe(line, value.n ? value : (pn_str){ NULL, 0 });
}

/* %{version}c and the like, from before there were variables. */
static void log_old_name(struct pn_request *r, pn_str arg, struct pn_log_line *line)
{
    static const struct { const char *old; pn_str name; } names[] = {
        { "version", PN_STR_INIT("SSL_PROTOCOL") },     { "cipher", PN_STR_INIT("SSL_CIPHER") },
        { "subjectdn", PN_STR_INIT("SSL_CLIENT_S_DN") }, { "issuerdn", PN_STR_INIT("SSL_CLIENT_I_DN") },
    };

    for (size_t i = 0; i < PN_COUNT(names); i++)
        if (pn_str_ieq(arg, pn_str_z(names[i].old))) {
            log_variable(r, names[i].name, line);
            return;
        }
    pn_log_none(line);
}

static const struct pn_log_item item_variable = { .print = log_variable };
static const struct pn_log_item item_old_name = { .print = log_old_name };

void ssl_access_hooks(struct pn_hooks *h)
{
    pn_hook_post_read_request(h, read_request, { .when = server_has_tls });
    pn_hook_access_checker(h, check_access, { .when = access_matters });
    pn_hook_check_authn(h, check_user, { .pos = PN_ORDER_FIRST, .when = user_matters });
    pn_hook_fixup(h, fixup, { .when = server_has_tls });
    pn_provide(h, PN_AUTHZ_GROUP, "ssl", &require_ssl);
    pn_provide(h, PN_AUTHZ_GROUP, "ssl-verify-client", &require_verified);
    pn_provide(h, PN_LOG_ITEM_GROUP, "x", &item_variable);
    pn_provide(h, PN_LOG_ITEM_GROUP, "c", &item_old_name);
}
