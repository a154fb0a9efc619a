/* ssl_ocsp.c - asking OCSP responders (RFC 6960): about client certificates, and for stapling.
 *
 * Everything here blocks: it runs on threads of the offload pool only. */
#include "mod_ssl.h"

#include <openssl/err.h>
#include <openssl/http.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define ANSWER_MAX_BYTES (64 * 1024)

OCSP_RESPONSE *ssl_ocsp_ask(const char *url, const OCSP_REQUEST *question, pn_usec timeout)
{
    int            seconds = (int)((timeout + PN_USEC_PER_SEC - 1) / PN_USEC_PER_SEC), tls = 0;
    BIO           *body = BIO_new(BIO_s_mem()), *answer = NULL;
    char          *host = NULL, *port = NULL, *path = NULL;
    OCSP_RESPONSE *response = NULL;

    if (body && OSSL_HTTP_parse_url(url, &tls, NULL, &host, &port, NULL, &path, NULL, NULL) == 1 && !tls &&
        i2d_OCSP_REQUEST_bio(body, (OCSP_REQUEST *)(uintptr_t)question) == 1)
        answer = OSSL_HTTP_transfer(NULL, host, port, path, 0, "", NULL, NULL, NULL, NULL, NULL, 0, NULL, "application/ocsp-request",
                                    body, "application/ocsp-response", 1, ANSWER_MAX_BYTES, seconds, 0);
    if (answer)
        response = d2i_OCSP_RESPONSE_bio(answer, NULL);
    BIO_free(answer);
    BIO_free(body);
    OPENSSL_free(host);
    OPENSSL_free(port);
    OPENSSL_free(path);
    return response;
}

static apr_status_t free_signers(void *signers)
{
    sk_X509_pop_free(signers, X509_free);
    return APR_SUCCESS;
}

const char *ssl_load_ocsp_signers(struct pn_server *server, struct ssl_site *site, apr_pool_t *pool)
{
    const struct ssl_file *file = &ssl_server_conf(server)->ocsp_signers;
    BIO                   *in;
    X509                  *one;

    if (!file->path.p)
        return NULL;
    site->ocsp_signers = sk_X509_new_null();
    apr_pool_cleanup_register(pool, site->ocsp_signers, free_signers, apr_pool_cleanup_null);
    in = BIO_new_file(file->path.p, "r");
    while (in && (one = PEM_read_bio_X509(in, NULL, NULL, NULL)))
        sk_X509_push(site->ocsp_signers, one);
    BIO_free(in);
    ERR_clear_error();
    return sk_X509_num(site->ocsp_signers) ? NULL
                                           : pn_str_printf(pool, "%s: %s holds no certificate in PEM format", file->where.p, file->path.p).p;
}

/* ---- about a client ---- */

/* The responder to ask; NULL: none is known. Free it with OPENSSL_free. */
static char *responder_of(const struct ssl_server_conf *conf, X509 *certificate)
{
    STACK_OF(OPENSSL_STRING) *urls;
    char                     *url = NULL;

    if (conf->ocsp_override && conf->ocsp_url.p)
        return OPENSSL_strdup(conf->ocsp_url.p);
    urls = X509_get1_ocsp(certificate);
    for (int i = 0; i < sk_OPENSSL_STRING_num(urls) && !url; i++)
        if (strncmp(sk_OPENSSL_STRING_value(urls, i), "http://", 7) == 0)
            url = OPENSSL_strdup(sk_OPENSSL_STRING_value(urls, i));
    X509_email_free(urls);
    return url ? url : conf->ocsp_url.p ? OPENSSL_strdup(conf->ocsp_url.p) : NULL;
}

static bool answer_is_genuine(const struct ssl_site *site, OCSP_BASICRESP *basic, const OCSP_REQUEST *question, X509_STORE_CTX *store)
{
    const struct ssl_server_conf *conf = ssl_server_conf(site->server);

    if (conf->ocsp_nonce && OCSP_check_nonce((OCSP_REQUEST *)(uintptr_t)question, basic) <= 0)
        return false;
    if (conf->ocsp_no_verify)
        return true;
    return OCSP_basic_verify(basic, site->ocsp_signers, X509_STORE_CTX_get0_store(store),
                             site->ocsp_signers ? OCSP_TRUSTOTHER : 0) == 1;
}

/* @return V_OCSP_CERTSTATUS_ of the certificate. */
static int status_in(const struct ssl_site *site, OCSP_RESPONSE *response, const OCSP_REQUEST *question, OCSP_CERTID *id, X509_STORE_CTX *store)
{
    const struct ssl_server_conf *conf = ssl_server_conf(site->server);
    OCSP_BASICRESP               *basic = NULL;
    ASN1_GENERALIZEDTIME         *from = NULL, *until = NULL;
    int                           status = V_OCSP_CERTSTATUS_UNKNOWN, reason;
    long                          skew = (long)(conf->ocsp_skew / PN_USEC_PER_SEC), age = (long)(conf->ocsp_max_age / PN_USEC_PER_SEC);

    if (OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL)
        basic = OCSP_response_get1_basic(response);
    if (!basic || !answer_is_genuine(site, basic, question, store) ||
        OCSP_resp_find_status(basic, id, &status, &reason, NULL, &from, &until) != 1 ||
        OCSP_check_validity(from, until, skew, age ? age : -1) != 1)
        status = V_OCSP_CERTSTATUS_UNKNOWN;
    OCSP_BASICRESP_free(basic);
    return status;
}

static int ask_about(const struct ssl_site *site, X509_STORE_CTX *store, X509 *certificate, const char *url)
{
    const struct ssl_server_conf *conf = ssl_server_conf(site->server);
    X509                         *issuer = X509_STORE_CTX_get0_current_issuer(store);
    OCSP_REQUEST                 *question = OCSP_REQUEST_new();
    OCSP_CERTID                  *id = issuer ? OCSP_cert_to_id(NULL, certificate, issuer) : NULL;
    OCSP_RESPONSE                *response = NULL;
    int                           status = V_OCSP_CERTSTATUS_UNKNOWN;

    if (question && id && OCSP_request_add0_id(question, id)) {
        if (conf->ocsp_nonce)
            OCSP_request_add1_nonce(question, NULL, -1);
        response = ssl_ocsp_ask(url, question, conf->ocsp_timeout);
        if (response)
            status = status_in(site, response, question, id, store);
    }
    else
        OCSP_CERTID_free(id);
    OCSP_RESPONSE_free(response);
    OCSP_REQUEST_free(question);
    return status;
}

int ssl_ocsp_check(const struct ssl_site *site, X509_STORE_CTX *store)
{
    const struct ssl_server_conf *conf = ssl_server_conf(site->server);
    X509                         *certificate = X509_STORE_CTX_get_current_cert(store);
    char                         *url;
    int                           status;

    if (!certificate || (X509_get_extension_flags(certificate) & EXFLAG_SS)) /* a root answers for itself */
        return 1;
    url = responder_of(conf, certificate);
    if (!url) {
        if (!conf->ocsp_no_check)
            X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
        return conf->ocsp_no_check;
    }
    status = ask_about(site, store, certificate, url);
    OPENSSL_free(url);
    ERR_clear_error();
    if (status == V_OCSP_CERTSTATUS_GOOD)
        return 1;
    X509_STORE_CTX_set_error(store, status == V_OCSP_CERTSTATUS_REVOKED ? X509_V_ERR_CERT_REVOKED : X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
}
