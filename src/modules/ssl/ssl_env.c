/* ssl_env.c - variables for programs: what SSLOptions StdEnvVars and ExportCertData put into a request's environment. */
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "ssl_names.h"

static const char *const always[] = {
    "SSL_VERSION_INTERFACE", "SSL_VERSION_LIBRARY", "SSL_PROTOCOL", "SSL_SECURE_RENEG", "SSL_COMPRESS_METHOD", "SSL_CIPHER",
    "SSL_CIPHER_EXPORT", "SSL_CIPHER_USEKEYSIZE", "SSL_CIPHER_ALGKEYSIZE", "SSL_CLIENT_VERIFY", "SSL_CLIENT_M_VERSION",
    "SSL_CLIENT_M_SERIAL", "SSL_CLIENT_V_START", "SSL_CLIENT_V_END", "SSL_CLIENT_V_REMAIN", "SSL_CLIENT_S_DN", "SSL_CLIENT_I_DN",
    "SSL_CLIENT_A_KEY", "SSL_CLIENT_A_SIG", "SSL_CLIENT_CERT_RFC4523_CEA", "SSL_SERVER_M_VERSION", "SSL_SERVER_M_SERIAL",
    "SSL_SERVER_V_START", "SSL_SERVER_V_END", "SSL_SERVER_S_DN", "SSL_SERVER_I_DN", "SSL_SERVER_A_KEY", "SSL_SERVER_A_SIG",
    "SSL_SESSION_ID", "SSL_SESSION_RESUMED"
};

static void set(struct pn_request *r, const char *name, pn_str value)
{
    if (value.n)
        apr_table_setn(pn_env(r), name, pn_str_zdup(r->pool, value));
}

/* Each part of a name; one that comes several times is numbered from the second on. */
static void export_name(struct pn_request *r, const char *prefix, X509_NAME *name)
{
    for (const struct ssl_name_part *part = ssl_name_parts; part->tag; part++) {
        int at = -1, nth = 0;

        if (strcmp(part->tag, "SP") == 0) /* another word for ST */
            continue;
        while ((at = X509_NAME_get_index_by_NID(name, part->nid, at)) >= 0) {
            pn_str tail = nth ? pn_str_printf(r->pool, "_%d", nth) : PN_STR("");
            pn_str variable = PN_CAT(r->pool, pn_str_z(prefix), pn_str_z(part->tag), tail);
            set(r, variable.p, ssl_variable(r, variable));
            nth++;
        }
    }
}

static void export_alternatives(struct pn_request *r, const char *prefix, X509 *certificate, int type)
{
    apr_array_header_t *list = ssl_alternatives(certificate, type, r->pool);

    for (int i = 0; i < list->nelts; i++)
        set(r, pn_str_printf(r->pool, "%s%d", prefix, i).p, APR_ARRAY_IDX(list, i, pn_str));
}

static void export_names(struct pn_request *r, SSL *ssl)
{
    X509 *own = SSL_get_certificate(ssl), *shown = SSL_get0_peer_certificate(ssl);

    if (own) {
        export_name(r, "SSL_SERVER_S_DN_", X509_get_subject_name(own));
        export_name(r, "SSL_SERVER_I_DN_", X509_get_issuer_name(own));
        export_alternatives(r, "SSL_SERVER_SAN_Email_", own, GEN_EMAIL);
        export_alternatives(r, "SSL_SERVER_SAN_DNS_", own, GEN_DNS);
    }
    if (shown) {
        export_name(r, "SSL_CLIENT_S_DN_", X509_get_subject_name(shown));
        export_name(r, "SSL_CLIENT_I_DN_", X509_get_issuer_name(shown));
        export_alternatives(r, "SSL_CLIENT_SAN_Email_", shown, GEN_EMAIL);
        export_alternatives(r, "SSL_CLIENT_SAN_DNS_", shown, GEN_DNS);
        export_alternatives(r, "SSL_CLIENT_SAN_OTHER_msUPN_", shown, GEN_OTHERNAME);
    }
    ERR_clear_error();
}

static void export_certificates(struct pn_request *r, SSL *ssl)
{
    int n = sk_X509_num(SSL_get_peer_cert_chain(ssl));

    set(r, "SSL_SERVER_CERT", ssl_variable(r, PN_STR("SSL_SERVER_CERT")));
    set(r, "SSL_CLIENT_CERT", ssl_variable(r, PN_STR("SSL_CLIENT_CERT")));
    for (int i = 0; i < n; i++) {
        pn_str name = pn_str_printf(r->pool, "SSL_CLIENT_CERT_CHAIN_%d", i);
        set(r, name.p, ssl_variable(r, name));
    }
}

void ssl_export_variables(struct pn_request *r, unsigned options)
{
    SSL *ssl = ssl_of(r);

    apr_table_setn(pn_env(r), "HTTPS", "on");
    set(r, "SSL_TLS_SNI", ssl_variable(r, PN_STR("SSL_TLS_SNI")));
    if (options & SSL_OPT_STD_ENV) {
        for (size_t i = 0; i < PN_COUNT(always); i++)
            set(r, always[i], ssl_variable(r, pn_str_z(always[i])));
        export_names(r, ssl);
    }
    if (options & SSL_OPT_EXPORT_CERTS)
        export_certificates(r, ssl);
}
