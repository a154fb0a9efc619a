/* ssl_keys.c - certificates and private keys: read, matched, judged; and who is asked for the phrases of encrypted keys.
 *
 * Runs in the master with its rights. Phrases that were right are kept there, so that a reload, which has no terminal to ask,
 * can read the keys again; children forget them. */
#include "mod_ssl.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define PHRASE_MAX 512
#define PHRASES_MAX 32
#define ATTEMPTS 3
#define COSTLY_RSA_BITS 1024

/* ---- phrases ---- */

static struct { unsigned n; char *v[PHRASES_MAX]; } phrases;

void ssl_forget_phrases(void)
{
    for (unsigned i = 0; i < phrases.n; i++) {
        OPENSSL_cleanse(phrases.v[i], PHRASE_MAX);
        free(phrases.v[i]);
    }
    phrases.n = 0;
}

static void keep_phrase(const char *phrase)
{
    char *copy;

    for (unsigned i = 0; i < phrases.n; i++)
        if (strcmp(phrases.v[i], phrase) == 0)
            return;
    if (phrases.n == PHRASES_MAX || !(copy = calloc(1, PHRASE_MAX)))
        return;
    memcpy(copy, phrase, strnlen(phrase, PHRASE_MAX - 1));
    phrases.v[phrases.n++] = copy;
}

/* What is known of the key while its phrase is looked for. */
struct asking {
    const struct pn_server *server;
    pn_str                  dialog;  /* empty: the terminal */
    const char             *path;
    const char             *kind;    /* "RSA", "ECC", for the program */
    unsigned                index;   /* of the key in its server */
    char                   *phrase;  /* PHRASE_MAX bytes: what is tried now */
    bool                    wanted;  /* the key is encrypted */
};

static int give_phrase(char *to, int max, int writing, void *arg)
{
    struct asking *asking = arg;
    size_t         n;

    (void)writing;
    asking->wanted = true;
    if (!asking->phrase || max <= 0)
        return -1;
    n = strnlen(asking->phrase, (size_t)max);
    memcpy(to, asking->phrase, n);
    return (int)n;
}

/* The program's first line. */
static bool ask_program(struct asking *asking, apr_pool_t *pool)
{
    pn_str      rest, command;
    const char *port = pn_str_printf(pool, "%.*s:%u", PN_FMT(asking->server->name),
                                     asking->server->port ? asking->server->port : 443).p;
    bool        piped = asking->dialog.p[0] == '|';
    FILE       *out;
    bool        good;

    pn_str_cut(asking->dialog, piped ? '|' : ':', &rest);
    /* COMPAT: 2.4 exec: is told the server and the kind of key; a pipe gets a prompt as its argument */
    command = piped ? pn_str_printf(pool, "%s 'Private key %s:%u:'", rest.p, port, asking->index)
                    : pn_str_printf(pool, "%s %s %s", rest.p, port, asking->kind);
    out = popen(command.p, "re");
    if (!out)
        return false;
    good = fgets(asking->phrase, PHRASE_MAX, out) != NULL;
    pclose(out);
    if (good)
        asking->phrase[strcspn(asking->phrase, "\r\n")] = '\0';
    return good;
}

static bool ask_terminal(struct asking *asking, apr_pool_t *pool)
{
    pn_str prompt = pn_str_printf(pool, "Private key %s of server %.*s\nEnter pass phrase: ", asking->path, PN_FMT(asking->server->name));

    return EVP_read_pw_string(asking->phrase, PHRASE_MAX - 1, prompt.p, 0) == 0;
}

static EVP_PKEY *read_key_with(struct asking *asking)
{
    BIO      *in = BIO_new_file(asking->path, "r");
    EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, give_phrase, asking) : NULL;

    BIO_free(in);
    return key;
}

static EVP_PKEY *ask_for_key(struct asking *asking, apr_pool_t *pool)
{
    EVP_PKEY *key = NULL;
    char     *own = apr_pcalloc(pool, PHRASE_MAX);

    for (unsigned i = 0; i < phrases.n && !key; i++) {
        asking->phrase = phrases.v[i];
        key = read_key_with(asking);
    }
    asking->phrase = own;
    for (int i = 0; i < ATTEMPTS && !key; i++) {
        bool got = asking->dialog.n ? ask_program(asking, pool) : ask_terminal(asking, pool);
        if (!got)
            break;
        key = read_key_with(asking);
        if (key)
            keep_phrase(own);
        if (asking->dialog.n)
            break; /* it would say the same again */
    }
    OPENSSL_cleanse(own, PHRASE_MAX);
    return key;
}

static const char *read_key(struct asking *asking, EVP_PKEY **ret, apr_pool_t *pool)
{
    *ret = read_key_with(asking);
    if (!*ret && asking->wanted)
        *ret = ask_for_key(asking, pool);
    if (*ret) {
        ERR_clear_error();
        return NULL;
    }
    if (asking->wanted)
        return pn_str_printf(pool, "the private key %s is encrypted, and %s gave no phrase that fits", asking->path,
                             asking->dialog.n ? asking->dialog.p : "the terminal").p;
    return pn_str_printf(pool, "the private key %s cannot be read: %s", asking->path, ssl_error_text(pool)).p;
}

/* ---- certificates ---- */

static const char *kind_of(const EVP_PKEY *key)
{
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA: return "RSA";
    case EVP_PKEY_EC: return "ECC";
    case EVP_PKEY_DSA: return "DSA";
    default: return "";
    }
}

/* The leaf and the chain behind it, as one file has them. */
static const char *use_chain_file(SSL_CTX *context, const char *path, apr_pool_t *pool)
{
    if (SSL_CTX_use_certificate_chain_file(context, path) == 1)
        return NULL;
    return pn_str_printf(pool, "the certificate %s cannot be used: %s", path, ssl_error_text(pool)).p;
}

/* COMPAT: 2.4 SSLCertificateChainFile is for all certificates of the server. */
static const char *add_chain(SSL_CTX *context, const char *path, apr_pool_t *pool)
{
    BIO  *in = BIO_new_file(path, "r");
    X509 *one;
    int   n = 0;

    SSL_CTX_clear_chain_certs(context);
    while (in && (one = PEM_read_bio_X509(in, NULL, NULL, NULL))) {
        if (SSL_CTX_add0_chain_cert(context, one) != 1)
            X509_free(one);
        n++;
    }
    BIO_free(in);
    ERR_clear_error();
    return n ? NULL : pn_str_printf(pool, "the chain file %s holds no certificate in PEM format", path).p;
}

/* What is suspect and no error. */
static void judge(const struct pn_server *server, X509 *certificate, const char *path)
{
    const char *name = server->name.p;

    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
        PN_LOG_S(server, PN_LOG_WARNING, 21300, 0, "the certificate %s has expired", path);
    else if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
        PN_LOG_S(server, PN_LOG_WARNING, 21301, 0, "the certificate %s is not valid yet", path);
    if (X509_check_ca(certificate) == 1 && !(X509_get_extension_flags(certificate) & EXFLAG_SS))
        PN_LOG_S(server, PN_LOG_WARNING, 1906, 0, "%s server certificate is a CA certificate (BasicConstraints: CA == TRUE !?)", path);
    if (name && X509_check_host(certificate, name, 0, 0, NULL) != 1 && X509_check_ip_asc(certificate, name, 0) != 1)
        PN_LOG_S(server, PN_LOG_WARNING, 1909, 0, "%s server certificate does NOT include an ID which matches the server name", name);
    ERR_clear_error();
}

/* Signing with these takes so long that other connections would feel it. */
static bool is_costly(const EVP_PKEY *key)
{
    return EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) > COSTLY_RSA_BITS;
}

/* Parameters behind the certificate, as Apache takes them: of Diffie-Hellman, or a curve. */
static void use_parameters(SSL_CTX *context, const char *path)
{
    BIO      *in = BIO_new_file(path, "r");
    EVP_PKEY *parameters = in ? PEM_read_bio_Parameters(in, NULL) : NULL;

    if (parameters && EVP_PKEY_get_base_id(parameters) == EVP_PKEY_DH) {
        if (SSL_CTX_set0_tmp_dh_pkey(context, parameters) == 1)
            parameters = NULL;
    }
    else if (parameters && EVP_PKEY_get_base_id(parameters) == EVP_PKEY_EC) {
        char   curve[64];
        size_t n;
        if (EVP_PKEY_get_group_name(parameters, curve, sizeof(curve), &n) == 1)
            (void)SSL_CTX_set1_groups_list(context, curve);
    }
    EVP_PKEY_free(parameters);
    BIO_free(in);
    ERR_clear_error();
}

static const char *load_pair(struct pn_server *server, SSL_CTX *context, struct ssl_site *site, unsigned index,
                             const char *certificate, const char *key_path, apr_pool_t *pool)
{
    struct asking asking = { .server = server, .dialog = ssl_server_conf(server->generation->servers)->dialog,
                             .path = key_path, .index = index };
    EVP_PKEY     *key = NULL;
    const char   *error = use_chain_file(context, certificate, pool);
    X509         *leaf = error ? NULL : SSL_CTX_get0_certificate(context);

    if (error)
        return error;
    asking.kind = kind_of(X509_get0_pubkey(leaf));
    if ((error = read_key(&asking, &key, pool)))
        return error;
    if (X509_check_private_key(leaf, key) != 1 || SSL_CTX_use_PrivateKey(context, key) != 1)
        error = pn_str_printf(pool, "Certificate and private key from %s and %s do not match", certificate, key_path).p;
    site->costly |= is_costly(key);
    EVP_PKEY_free(key);
    ERR_clear_error();
    if (error)
        return error;
    judge(server, leaf, certificate);
    use_parameters(context, certificate);
    return ssl_server_conf(server)->chain.path.p ? add_chain(context, ssl_server_conf(server)->chain.path.p, pool) : NULL;
}

static const struct ssl_file *file_at(const apr_array_header_t *list, int i)
{
    return list && i < list->nelts ? &APR_ARRAY_IDX(list, i, struct ssl_file) : NULL;
}

const char *ssl_load_keys(struct pn_server *server, SSL_CTX *context, struct ssl_site *site, apr_pool_t *pool)
{
    const struct ssl_server_conf *conf = ssl_server_conf(server);

    for (int i = 0; i < conf->certificates->nelts; i++) {
        const struct ssl_file *certificate = file_at(conf->certificates, i), *key = file_at(conf->keys, i);
        const char            *error = load_pair(server, context, site, (unsigned)i, certificate->path.p,
                                                 key ? key->path.p : certificate->path.p, pool);
        if (error)
            return pn_str_printf(pool, "%s: %s", key ? key->where.p : certificate->where.p, error).p;
    }
    return NULL;
}
