/* ssl_stapling.c - the authority's word that a certificate is valid, fetched ahead and handed out in handshakes (RFC 6066 s8).
 *
 * No handshake waits for a responder: what is there is sent, while it is valid; what is missing or old is fetched on a thread
 * of the offload pool. The answers lie in memory that all children of a generation share, and one child fetches for all. */
#include "mod_ssl.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pinion/io.h>
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

#define ANSWER_MAX_BYTES 12000
#define LEASE_MORE_S 5 /* beyond the responder's time: then another child may try */

/* Shared by the children. Times are wall clock, seconds. */
struct staple_answer {
    pthread_mutex_t lock;
    int64_t         until;      /* it may be sent until then; 0: there is none */
    int64_t         fetch_next; /* another is due then */
    int64_t         leased;     /* somebody fetches, until then at most */
    bool            failed;     /* the last fetch brought nothing */
    uint32_t        n;
    unsigned char   bytes[ANSWER_MAX_BYTES];
};

struct ssl_staple {
    const struct ssl_site *site;
    X509                  *certificate; /* the context's */
    OCSP_CERTID           *id;
    const char            *url;
    struct staple_answer  *answer;
    struct pn_apart       *work;        /* this child's */
};

/* @return was the one who held it before killed in the middle? */
static void lock_answer(struct staple_answer *answer)
{
    if (pthread_mutex_lock(&answer->lock) == EOWNERDEAD) {
        pthread_mutex_consistent(&answer->lock);
        answer->until = answer->fetch_next = answer->leased = 0;
    }
}

/* ---- fetching, on another thread ---- */

/* How long may it be sent? 0: it is no good. */
static int64_t good_until(const struct ssl_staple *staple, OCSP_RESPONSE *response)
{
    const struct ssl_server_conf *conf = ssl_server_conf(staple->site->server);
    long                  skew = (long)(conf->stapling_skew / PN_USEC_PER_SEC), age = (long)(conf->stapling_max_age / PN_USEC_PER_SEC);
    ASN1_GENERALIZEDTIME *from = NULL, *until = NULL;
    OCSP_BASICRESP       *basic = NULL;
    int                   status, reason, days = 0, seconds = 0;
    int64_t               result = 0, now = (int64_t)time(NULL);

    if (OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL)
        basic = OCSP_response_get1_basic(response);
    if (basic && OCSP_resp_find_status(basic, staple->id, &status, &reason, NULL, &from, &until) == 1 &&
        OCSP_check_validity(from, until, skew, age ? age : -1) == 1 &&
        (status == V_OCSP_CERTSTATUS_GOOD || conf->stapling_return_errors)) {
        result = now + conf->stapling_good_timeout / PN_USEC_PER_SEC;
        if (until && ASN1_TIME_diff(&days, &seconds, NULL, until) == 1)
            result = now + (int64_t)days * 86400 + seconds;
    }
    OCSP_BASICRESP_free(basic);
    return result;
}

static OCSP_RESPONSE *ask_responder(const struct ssl_staple *staple)
{
    const struct ssl_server_conf *conf = ssl_server_conf(staple->site->server);
    OCSP_REQUEST                 *question = OCSP_REQUEST_new();
    OCSP_CERTID                  *id = OCSP_CERTID_dup(staple->id);
    OCSP_RESPONSE                *response = NULL;

    if (question && id && OCSP_request_add0_id(question, id))
        response = ssl_ocsp_ask(staple->url, question, conf->stapling_timeout);
    else
        OCSP_CERTID_free(id);
    OCSP_REQUEST_free(question);
    return response;
}

/* Half of the way to its end, or the cache's time, whatever comes first: so an old one is there while the new one is fetched. */
static int64_t next_fetch(const struct ssl_server_conf *conf, int64_t now, int64_t until)
{
    int64_t half = now + (until - now) / 2, kept = now + conf->stapling_good_timeout / PN_USEC_PER_SEC;

    return half < kept ? half : kept;
}

static void keep_answer(const struct ssl_staple *staple, const unsigned char *bytes, int n, int64_t until)
{
    const struct ssl_server_conf *conf = ssl_server_conf(staple->site->server);
    struct staple_answer         *answer = staple->answer;
    int64_t                       now = (int64_t)time(NULL);

    lock_answer(answer);
    answer->leased = 0;
    answer->failed = until == 0;
    if (until) {
        memcpy(answer->bytes, bytes, (size_t)n);
        answer->n = (uint32_t)n;
        answer->until = until;
        answer->fetch_next = next_fetch(conf, now, until);
    }
    else /* what is there stays as long as it is valid */
        answer->fetch_next = now + conf->stapling_error_timeout / PN_USEC_PER_SEC;
    pthread_mutex_unlock(&answer->lock);
}

static void fetch(void *arg)
{
    const struct ssl_staple *staple = arg;
    OCSP_RESPONSE           *response = ask_responder(staple);
    unsigned char           *bytes = NULL;
    int                      n = response ? i2d_OCSP_RESPONSE(response, &bytes) : 0;
    int64_t                  until = n > 0 && n <= ANSWER_MAX_BYTES ? good_until(staple, response) : 0;

    keep_answer(staple, bytes, n, until);
    if (!until)
        PN_LOG_S(staple->site->server, PN_LOG_ERR, 21305, 0, "the OCSP responder %s gave no good answer", staple->url);
    OPENSSL_free(bytes);
    OCSP_RESPONSE_free(response);
    ERR_clear_error();
}

/* Takes it upon this child to fetch. */
static bool take_lease(const struct ssl_staple *staple)
{
    const struct ssl_server_conf *conf = ssl_server_conf(staple->site->server);
    struct staple_answer         *answer = staple->answer;
    int64_t                       now = (int64_t)time(NULL);
    bool                          mine;

    lock_answer(answer);
    mine = now >= answer->fetch_next && now >= answer->leased;
    if (mine)
        answer->leased = now + conf->stapling_timeout / PN_USEC_PER_SEC + LEASE_MORE_S;
    pthread_mutex_unlock(&answer->lock);
    return mine;
}

void ssl_stapling_look(const struct ssl_site *site)
{
    for (unsigned i = 0; i < site->n_staples; i++)
        if (site->staples[i].work && take_lease(&site->staples[i]))
            (void)pn_apart_start(site->staples[i].work);
}

/* ---- in a handshake ---- */

static const struct ssl_staple *staple_for(const SSL *ssl)
{
    const struct ssl_site *site = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    X509                  *certificate = SSL_get_certificate(ssl);

    for (unsigned i = 0; i < site->n_staples; i++)
        if (site->staples[i].certificate == certificate)
            return &site->staples[i];
    return NULL;
}

/* The client is told to ask again later: the answer of a responder that has none. */
static unsigned char *try_later(int *ret_n)
{
    OCSP_RESPONSE *response = OCSP_response_create(OCSP_RESPONSE_STATUS_TRYLATER, NULL);
    unsigned char *bytes = NULL;

    *ret_n = response ? i2d_OCSP_RESPONSE(response, &bytes) : -1;
    OCSP_RESPONSE_free(response);
    return bytes;
}

static int staple_wanted(SSL *ssl, void *arg)
{
    const struct ssl_staple      *staple = staple_for(ssl);
    const struct ssl_server_conf *conf = staple ? ssl_server_conf(staple->site->server) : NULL;
    unsigned char                *bytes = NULL;
    int                           n = 0;
    bool                          failed;

    (void)arg;
    if (!staple)
        return SSL_TLSEXT_ERR_NOACK;
    lock_answer(staple->answer);
    failed = staple->answer->failed;
    if (staple->answer->until > (int64_t)time(NULL)) {
        bytes = OPENSSL_memdup(staple->answer->bytes, staple->answer->n);
        n = (int)staple->answer->n;
    }
    pthread_mutex_unlock(&staple->answer->lock);
    if (!bytes && failed && conf->stapling_fake_later && conf->stapling_return_errors)
        bytes = try_later(&n);
    if (!bytes || n <= 0)
        return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, bytes, n); /* the session frees it */
    return SSL_TLSEXT_ERR_OK;
}

/* ---- while the configuration is loaded ---- */

static apr_status_t free_staples(void *arg)
{
    struct ssl_site *site = arg;

    for (unsigned i = 0; i < site->n_staples; i++) {
        OCSP_CERTID_free(site->staples[i].id);
        munmap(site->staples[i].answer, sizeof(struct staple_answer));
    }
    return APR_SUCCESS;
}

static struct staple_answer *map_answer(void)
{
    struct staple_answer *answer = mmap(NULL, sizeof(*answer), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t   attr;

    if (answer == MAP_FAILED)
        return NULL;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&answer->lock, &attr);
    pthread_mutexattr_destroy(&attr);
    return answer;
}

/* Whoever signed the certificate: in the chain that is sent, or among the authorities that are known. */
static X509 *issuer_of(SSL_CTX *context, X509 *certificate)
{
    STACK_OF(X509) *chain = NULL;
    X509_STORE_CTX *search = X509_STORE_CTX_new();
    X509           *issuer = NULL;

    SSL_CTX_get0_chain_certs(context, &chain);
    for (int i = 0; i < sk_X509_num(chain) && !issuer; i++)
        if (X509_check_issued(sk_X509_value(chain, i), certificate) == X509_V_OK) {
            issuer = sk_X509_value(chain, i);
            X509_up_ref(issuer);
        }
    if (!issuer && search && X509_STORE_CTX_init(search, SSL_CTX_get_cert_store(context), NULL, NULL) == 1)
        (void)X509_STORE_CTX_get1_issuer(&issuer, search, certificate);
    X509_STORE_CTX_free(search);
    ERR_clear_error();
    return issuer;
}

static const char *responder_of(const struct ssl_server_conf *conf, X509 *certificate, apr_pool_t *pool)
{
    STACK_OF(OPENSSL_STRING) *urls;
    const char               *url = NULL;

    if (conf->stapling_force_url.p)
        return conf->stapling_force_url.p;
    urls = X509_get1_ocsp(certificate);
    for (int i = 0; i < sk_OPENSSL_STRING_num(urls) && !url; i++)
        if (strncmp(sk_OPENSSL_STRING_value(urls, i), "http://", 7) == 0)
            url = apr_pstrdup(pool, sk_OPENSSL_STRING_value(urls, i));
    X509_email_free(urls);
    return url;
}

static const char *add_staple(struct ssl_site *site, SSL_CTX *context, X509 *certificate, apr_pool_t *pool)
{
    const struct ssl_server_conf *conf = ssl_server_conf(site->server);
    struct ssl_staple            *staple = &site->staples[site->n_staples];
    X509                         *issuer = issuer_of(context, certificate);

    *staple = (struct ssl_staple){ .site = site, .certificate = certificate, .url = responder_of(conf, certificate, pool) };
    if (!issuer || !staple->url) {
        PN_LOG_S(site->server, PN_LOG_WARNING, 21306, 0, "a certificate cannot be stapled: %s",
                 issuer ? "it names no OCSP responder, and there is no SSLStaplingForceURL" : "its issuer's certificate is not known");
        X509_free(issuer);
        return NULL;
    }
    staple->id = OCSP_cert_to_id(NULL, certificate, issuer);
    X509_free(issuer);
    staple->answer = staple->id ? map_answer() : NULL;
    if (!staple->answer) {
        OCSP_CERTID_free(staple->id);
        return "no memory can be had for stapling";
    }
    site->n_staples++;
    return NULL;
}

const char *ssl_set_stapling(struct pn_server *server, SSL_CTX *context, struct ssl_site *site, apr_pool_t *pool)
{
    const struct ssl_server_conf *conf = ssl_server_conf(server);
    const char                   *error = NULL;

    if (!conf->stapling)
        return NULL;
    site->staples = apr_pcalloc(pool, (size_t)conf->certificates->nelts * sizeof(struct ssl_staple));
    apr_pool_cleanup_register(pool, site, free_staples, apr_pool_cleanup_null);
    for (long next = SSL_CERT_SET_FIRST; !error && SSL_CTX_set_current_cert(context, next) == 1; next = SSL_CERT_SET_NEXT)
        if (SSL_CTX_get0_certificate(context))
            error = add_staple(site, context, SSL_CTX_get0_certificate(context), pool);
    SSL_CTX_set_tlsext_status_cb(context, staple_wanted);
    ERR_clear_error();
    return error;
}

void ssl_stapling_child(struct pn_generation *generation, apr_pool_t *pool)
{
    struct ssl_state *state = ssl_server_conf(generation->servers)->state;

    for (unsigned i = 0; i < state->n_sites; i++) {
        for (unsigned k = 0; k < state->sites[i].n_staples; k++)
            state->sites[i].staples[k].work = pn_apart_create(pool, fetch, &state->sites[i].staples[k]);
        ssl_stapling_look(&state->sites[i]); /* so that the first client finds it */
    }
}
