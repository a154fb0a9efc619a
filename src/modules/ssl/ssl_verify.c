/* ssl_verify.c - certificates of clients: which authorities count, how deep a chain may be, which ones are revoked. */
#include "mod_ssl.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

int ssl_verify_mode(int verify)
{
    switch (verify) {
    case SSL_CLIENT_REQUIRE: return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    case SSL_CLIENT_OPTIONAL:
    case SSL_CLIENT_OPTIONAL_NO_CA: return SSL_VERIFY_PEER;
    default: return SSL_VERIFY_NONE;
    }
}

/* What optional_no_ca lets pass: nobody known has signed it. Everything else is wrong in any case. */
static bool is_unknown_issuer(int error)
{
    return error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT || error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
           error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY || error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
           error == X509_V_ERR_CERT_UNTRUSTED || error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;
}

int ssl_verify_callback(int ok, X509_STORE_CTX *store)
{
    SSL                   *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct ssl_conn       *mine = ssl_conn_of(ssl);
    const struct ssl_site *site = mine->site;
    int                    error = X509_STORE_CTX_get_error(store), depth = X509_STORE_CTX_get_error_depth(store);
    const struct ssl_server_conf *conf = ssl_server_conf(site->server);

    if (!ok && error == X509_V_ERR_UNABLE_TO_GET_CRL && conf->crl_lenient) {
        X509_STORE_CTX_set_error(store, X509_V_OK);
        ok = 1;
    }
    if (!ok && is_unknown_issuer(error) && mine->optional_no_ca) {
        mine->verify_error = error;
        ok = 1;
    }
    if (ok && depth > mine->depth) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_CHAIN_TOO_LONG);
        error = X509_V_ERR_CERT_CHAIN_TOO_LONG;
        ok = 0;
    }
    if (ok && mine->verify_error == 0 && (conf->ocsp == SSL_OCSP_ON || (conf->ocsp == SSL_OCSP_LEAF && depth == 0)))
        ok = ssl_ocsp_check(site, store);
    if (!ok)
        mine->verify_error = X509_STORE_CTX_get_error(store) ? X509_STORE_CTX_get_error(store) : error;
    return ok;
}

/* ---- authorities ---- */

static const char *load_names(SSL_CTX *context, const struct ssl_file *file, const struct ssl_file *path, apr_pool_t *pool)
{
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
    const char          *error = NULL;

    if (file->path.p && SSL_add_file_cert_subjects_to_stack(names, file->path.p) != 1)
        error = pn_str_printf(pool, "%s: no certificate can be read from %s: %s", file->where.p, file->path.p, ssl_error_text(pool)).p;
    if (!error && path->path.p && SSL_add_dir_cert_subjects_to_stack(names, path->path.p) != 1)
        error = pn_str_printf(pool, "%s: certificates of the directory %s cannot be read: %s", path->where.p, path->path.p,
                              ssl_error_text(pool)).p;
    ERR_clear_error();
    if (error)
        sk_X509_NAME_pop_free(names, X509_NAME_free);
    else
        SSL_CTX_set_client_CA_list(context, names);
    return error;
}

static const char *load_authorities(SSL_CTX *context, const struct ssl_server_conf *conf, apr_pool_t *pool)
{
    bool own_names = conf->dn_file.path.p || conf->dn_path.path.p;

    if (!conf->ca_file.path.p && !conf->ca_path.path.p && !own_names)
        return NULL;
    if ((conf->ca_file.path.p || conf->ca_path.path.p) &&
        SSL_CTX_load_verify_locations(context, conf->ca_file.path.p, conf->ca_path.path.p) != 1) {
        const struct ssl_file *which = conf->ca_file.path.p ? &conf->ca_file : &conf->ca_path;
        return pn_str_printf(pool, "%s: the authorities in %s cannot be read: %s", which->where.p, which->path.p, ssl_error_text(pool)).p;
    }
    return own_names ? load_names(context, &conf->dn_file, &conf->dn_path, pool)
                     : load_names(context, &conf->ca_file, &conf->ca_path, pool);
}

/* ---- revocation ---- */

static const char *load_revoked(SSL_CTX *context, const struct ssl_server_conf *conf, apr_pool_t *pool)
{
    X509_STORE *store = SSL_CTX_get_cert_store(context);

    if (conf->crl_check == SSL_CRL_NONE)
        return NULL;
    if (!conf->crl_file.path.p && !conf->crl_path.path.p && !conf->crl_lenient)
        return "SSLCARevocationCheck needs SSLCARevocationFile or SSLCARevocationPath";
    if (conf->crl_file.path.p) {
        X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
        if (!lookup || X509_load_crl_file(lookup, conf->crl_file.path.p, X509_FILETYPE_PEM) <= 0)
            return pn_str_printf(pool, "%s: no revocation list can be read from %s: %s", conf->crl_file.where.p,
                                 conf->crl_file.path.p, ssl_error_text(pool)).p;
    }
    if (conf->crl_path.path.p) {
        X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_hash_dir());
        if (!lookup || X509_LOOKUP_add_dir(lookup, conf->crl_path.path.p, X509_FILETYPE_PEM) != 1)
            return pn_str_printf(pool, "%s: revocation lists of %s cannot be read: %s", conf->crl_path.where.p,
                                 conf->crl_path.path.p, ssl_error_text(pool)).p;
    }
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | (conf->crl_check == SSL_CRL_CHAIN ? X509_V_FLAG_CRL_CHECK_ALL : 0));
    return NULL;
}

const char *ssl_set_client_rules(struct pn_server *server, SSL_CTX *context, struct ssl_site *site, apr_pool_t *pool)
{
    const struct ssl_server_conf *conf = ssl_server_conf(server);
    const struct ssl_dir_conf    *dir = ssl_dir_conf(server->dir_conf);
    const char                   *error;

    SSL_CTX_set_verify(context, ssl_verify_mode(dir->verify), ssl_verify_callback);
    SSL_CTX_set_verify_depth(context, (int)dir->depth + 1); /* the callback counts, and tells a better reason */
    SSL_CTX_set_post_handshake_auth(context, 1);
    site->asks_outside = conf->ocsp != SSL_OCSP_OFF;
    if (dir->verify == SSL_CLIENT_REQUIRE && !conf->ca_file.path.p && !conf->ca_path.path.p)
        PN_LOG_S(server, PN_LOG_WARNING, 21304, 0, "Oops, you want to request client authentication, but no CAs are known for verification!?  [Hint: SSLCACertificate*]");
    if ((error = load_authorities(context, conf, pool)) || (error = load_revoked(context, conf, pool)))
        return error;
    return ssl_load_ocsp_signers(server, site, pool);
}
