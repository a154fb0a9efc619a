/* mod_auth_digest - proof of a password that does not send it.
 * Runs: check_authn.   Yields: as the providers do.   Config: struct digest_dir, struct digest_server.   Spec: RFC 7616;
 * Apache manual, mod_auth_digest.
 *
 * qop is always auth. Providers know the hash of user:realm:password, made with the algorithm of the place. */
#define PN_LOG_MODULE &pn_module_auth_digest
#include <apr_md5.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <pinion/log.h>

#include "auth_providers.h"
#include "digest_field.h"
#include "mod_auth_digest_nonce.h"

/* Room for about 1,900 nonces in use at a time. */
#define SHARED_DEFAULT_BYTES 65536

enum algorithm { ALGORITHM_MD5, ALGORITHM_SHA256 };

struct digest_dir {
    apr_array_header_t *providers; /* of const struct pn_authn_provider *; NULL: file */
    int                 algorithm; /* enum algorithm */
    apr_array_header_t *domain;    /* of pn_str */
    int64_t             lifetime_s;
    bool                check_count;
};

struct digest_server {
    size_t                shared_bytes;
    struct digest_nonces *nonces; /* the main server's */
};

/* Hexadecimal hash, NUL-terminated. */
struct hex {
    char text[2 * EVP_MAX_MD_SIZE + 1];
};

struct pn_module pn_module_auth_digest;

/* ---- directives ---- */

static const char *set_provider(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct digest_dir *dir = conf;

    return auth_providers_add(cmd, &dir->providers, AUTH_NEEDS_REALM_HASHES, argc, argv);
}

static const char *set_qop(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    if (argc != 1 || !pn_str_ieq(argv[0], PN_STR("auth")))
        return "AuthDigestQop can only be auth";
    return NULL;
}

static const char *set_shared_size(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct digest_server *server = conf;
    pn_str                digits = argv[0];
    uint64_t              unit = 1, number;

    if (pn_str_iends(digits, PN_STR("K")))
        unit = 1024;
    else if (pn_str_iends(digits, PN_STR("M")))
        unit = 1024 * 1024;
    digits.n -= unit != 1;
    if (pn_str_to_u64(digits, UINT32_MAX / unit, &number) != PN_OK)
        return pn_conf_error_text(cmd, "'%s' is no size: bytes, or a number with K or M behind it", argv[0].p);
    server->shared_bytes = number * unit;
    return NULL;
}

static const char *const algorithm_words[] = { "MD5", "SHA-256", NULL };

#define DIR_ROW(directive, arity) \
    .name = directive, .args = arity, .where = PN_CTX_DIR, .override = PN_OVR_AUTHCONFIG

static const struct pn_directive directives[] = {
    { DIR_ROW("AuthDigestProvider", PN_LIST), .set = set_provider, .help = "Who knows the hashes: file, dbm ..., in this order" },
    { DIR_ROW("AuthDigestQop", PN_LIST), .set = set_qop, .help = "Quality of protection: auth" },
    { DIR_ROW("AuthDigestAlgorithm", PN_TAKE1), .slot = PN_SLOT_AS(PN_SLOT_ENUM, struct digest_dir, algorithm),
      .choices = algorithm_words, .dflt = "MD5", .help = "Hash, which must be that of the password file: MD5 or SHA-256" },
    { DIR_ROW("AuthDigestDomain", PN_LIST), .slot = PN_SLOT(struct digest_dir, domain),
      .help = "URLs below which the same credentials hold" },
    { DIR_ROW("AuthDigestNonceLifetime", PN_TAKE1), .slot = PN_SLOT(struct digest_dir, lifetime_s), .dflt = "300", .min = -1,
      .max = INT32_MAX, .unit = "s", .help = "How long a nonce serves; 0: for one request, -1: for ever" },
    { .name = "AuthDigestNcCheck", .args = PN_FLAG, .where = PN_CTX_ANY, .override = PN_OVR_AUTHCONFIG,
      .slot = PN_SLOT(struct digest_dir, check_count), .dflt = "On", .help = "Refuse a nonce count that was used before" },
    { .name = "AuthDigestShmemSize", .args = PN_TAKE1, .where = PN_CTX_MAIN, .scope = PN_SCOPE_SERVER, .set = set_shared_size,
      .unit = "bytes", .help = "Shared memory for the nonces in use, K and M may follow" },
    { 0 }
};

static void dir_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct digest_dir *inner = add;
    struct digest_dir       *merged = out;

    if (inner->providers)
        merged->providers = inner->providers;
}

static struct digest_nonces *nonces_of(const struct pn_request *r)
{
    const struct digest_server *server = pn_server_conf(r->server->generation->servers, &pn_module_auth_digest);

    return server->nonces;
}

/* ---- hashes ---- */

static struct hex hash(int algorithm, pn_str text)
{
    struct hex hex;
    uint8_t    sum[EVP_MAX_MD_SIZE];
    unsigned   n = APR_MD5_DIGESTSIZE;

    if (algorithm == ALGORITHM_MD5)
        apr_md5(sum, text.p, text.n); /* there even where OpenSSL has none */
    else
        pn_assert(EVP_Digest(text.p, text.n, sum, &n, EVP_sha256(), NULL) == 1);
    for (unsigned i = 0; i < n; i++) {
        hex.text[2 * i] = "0123456789abcdef"[sum[i] >> 4];
        hex.text[2 * i + 1] = "0123456789abcdef"[sum[i] & 15];
    }
    hex.text[2 * n] = '\0';
    return hex;
}

/* RFC 7616 s3.4.1: H(HA1:nonce:nc:cnonce:qop:H(method:uri)). The method is empty for rspauth. */
static struct hex response(struct pn_request *r, int algorithm, pn_str stored, const struct digest_field *sent, pn_str method)
{
    struct hex ha2 = hash(algorithm, PN_CAT(r->pool, method, PN_STR(":"), sent->uri));

    return hash(algorithm, PN_CAT(r->pool, stored, PN_STR(":"), sent->nonce, PN_STR(":"), sent->count_text, PN_STR(":"),
                                  sent->cnonce, PN_STR(":"), sent->qop, PN_STR(":"), pn_str_z(ha2.text)));
}

/* ---- asking ---- */

static pn_str domain_text(struct pn_request *r, const apr_array_header_t *domain)
{
    pn_str text = PN_STR("");

    for (int i = 0; domain && i < domain->nelts; i++)
        text = PN_CAT(r->pool, text, i ? PN_STR(" ") : PN_STR(", domain=\""), APR_ARRAY_IDX(domain, i, pn_str));
    return text.n ? PN_CAT(r->pool, text, PN_STR("\"")) : text;
}

PN_MAY_YIELD static void set_challenge(struct pn_request *r, bool stale)
{
    const struct digest_dir *dir = pn_dir_conf(r, &pn_module_auth_digest);
    pn_str                   realm = pn_auth_name(r), text;

    if (!realm.p || !nonces_of(r))
        return;
    pn_str nonce = digest_nonce_make(nonces_of(r), r->pool, realm, r->begun);
    text = PN_CAT(r->pool, PN_STR("Digest realm=\""), realm, PN_STR("\", nonce=\""), nonce, PN_STR("\", algorithm="),
                  pn_str_z(algorithm_words[dir->algorithm]), domain_text(r, dir->domain),
                  stale ? PN_STR(", stale=true") : PN_STR(""), PN_STR(", qop=\"auth\""));
    if (pn_header_value_ok(text))
        pn_headers_set(&r->err_out, PN_HDR_WWW_AUTHENTICATE, text);
}

PN_MAY_YIELD static void challenge(struct pn_request *r)
{
    set_challenge(r, false);
}

PN_MAY_YIELD static enum pn_verdict ask(struct pn_request *r, bool stale)
{
    set_challenge(r, stale);
    return pn_reject_quietly(r, 401);
}

/* ---- what the client sent ---- */

/* The request as it came in: subrequests and redirections have other targets. */
static struct pn_request *original(struct pn_request *r)
{
    while (r->main || r->prev)
        r = r->main ? r->main : r->prev;
    return r;
}

static pn_str without_authority(pn_str target)
{
    size_t scheme = pn_str_find(target, PN_STR("://")), slash;

    if (scheme == SIZE_MAX || target.p[0] == '/')
        return target;
    slash = pn_str_chr(target, '/', scheme + 3);
    return slash == SIZE_MAX ? PN_STR("/") : pn_str_from(target, slash);
}

/* RFC 7616 s3.4.6: the digest is worth nothing for another resource than the one it was made for. */
static bool uri_fits(struct pn_request *r, const struct digest_field *sent)
{
    struct pn_request *first = original(r);
    pn_str             target = without_authority(first->target), uri = without_authority(sent->uri);

    if (pn_str_eq(target, uri))
        return true;
    if (!pn_env_get(r, "AuthDigestEnableQueryStringHack") || pn_str_chr(uri, '?', 0) != SIZE_MAX)
        return false;
    return pn_str_eq(pn_str_head(target, pn_str_chr(target, '?', 0)), uri);
}

/* ---- checking ---- */

/* The stored hash of whom the field names. */
struct search {
    const struct digest_field *sent;
    pn_str             hash;
};

/* An auth_ask_fn. */
PN_MAY_YIELD static enum pn_authn ask_hash(struct pn_request *r, const struct pn_authn_provider *provider, void *arg)
{
    struct search *search = arg;

    return provider->realm_hash(provider, r, search->sent->user, search->sent->realm, &search->hash);
}

PN_MAY_YIELD static enum pn_authn stored_hash(struct pn_request *r, const struct digest_dir *dir, const struct digest_field *sent,
                                              pn_str *ret_hash)
{
    struct search search = { .sent = sent, .hash = PN_STR_INIT("") };
    bool          asked;
    enum pn_authn result = auth_providers_ask(r, dir->providers, ask_hash, &search, &asked);

    if (!asked)
        PN_LOG_R(r, PN_LOG_ERR, 1770, 0, "No Authn provider configured");
    *ret_hash = search.hash;
    return result;
}

/* Refuses fields that do not belong together. PN_NEXT: they do. */
PN_MAY_YIELD static enum pn_verdict check_fields(struct pn_request *r, const struct digest_dir *dir, const struct digest_field *sent)
{
    pn_str path = pn_str_escape(r->pool, r->path), realm = pn_auth_name(r);
    pn_str algorithm = sent->algorithm.p ? sent->algorithm : PN_STR("MD5");

    if (!pn_str_eq(sent->realm, digest_field_unquote(r->pool, PN_CAT(r->pool, PN_STR("\""), realm, PN_STR("\""))))) {
        PN_LOG_R(r, PN_LOG_ERR, 1788, 0, "realm mismatch - got `%s' but expected `%s'",
                 pn_str_escape(r->pool, sent->realm).p, realm.p);
        return ask(r, false);
    }
    if (!pn_str_ieq(algorithm, pn_str_z(algorithm_words[dir->algorithm]))) {
        PN_LOG_R(r, PN_LOG_ERR, 1789, 0, "unknown algorithm `%s' received: %s", pn_str_escape(r->pool, algorithm).p, path.p);
        return ask(r, false);
    }
    if (!pn_str_ieq(sent->qop, PN_STR("auth"))) {
        PN_LOG_R(r, PN_LOG_ERR, 10560, 0, "invalid qop `%s' received: %s", pn_str_escape(r->pool, sent->qop).p, path.p);
        return ask(r, false);
    }
    if (!uri_fits(r, sent))
        return pn_reject(r, 400, PN_LOG_MODULE, 1786, "uri mismatch - <%s> does not match request-uri <%s>",
                         pn_str_escape(r->pool, sent->uri).p, pn_str_escape(r->pool, original(r)->target).p);
    return PN_NEXT;
}

/* A subrequest or redirection comes with the credentials of its original: their count is used up once for all of them. */
PN_MAY_YIELD static enum pn_verdict check_nonce(struct pn_request *r, const struct digest_dir *dir, const struct digest_field *sent,
                                                uint32_t count)
{
    void            **counted = pn_ctx(original(r), &pn_module_auth_digest);
    struct digest_use use = { .nonce = sent->nonce, .realm = pn_auth_name(r), .count = count, .now = r->begun,
                              .check_count = dir->check_count && !*counted, .lifetime_s = dir->lifetime_s };
    const char       *user = pn_str_escape(r->pool, sent->user).p, *nonce = pn_str_escape(r->pool, sent->nonce).p;

    if (*counted && use.lifetime_s == 0)
        use.lifetime_s = -1;
    switch (digest_nonce_use(nonces_of(r), &use)) {
    case DIGEST_NONCE_GOOD: *counted = r; return PN_HANDLED;
    case DIGEST_NONCE_FOREIGN:
        PN_LOG_R(r, PN_LOG_ERR, 1776, 0, "invalid nonce %s received - it is not of this server's making", nonce);
        return ask(r, true);
    case DIGEST_NONCE_EXPIRED:
        PN_LOG_R(r, PN_LOG_INFO, 1778, 0, "user %s: nonce expired - sending new nonce", user);
        return ask(r, true);
    default:
        PN_LOG_R(r, PN_LOG_ERR, 1774, 0, "user %s: the nonce count %08x of %s was used before: a replay?", user, count, nonce);
        return ask(r, true);
    }
}

/* RFC 7616 s3.5: proof that this server knows the password too. */
static void tell_info(struct pn_request *r, const struct digest_dir *dir, pn_str stored, const struct digest_field *sent)
{
    struct hex proof = response(r, dir->algorithm, stored, sent, PN_STR(""));
    pn_str     text = PN_CAT(r->pool, PN_STR("rspauth=\""), pn_str_z(proof.text), PN_STR("\", cnonce=\""), sent->cnonce,
                             PN_STR("\", nc="), sent->count_text, PN_STR(", qop="), sent->qop);

    if (dir->lifetime_s == 0)
        text = PN_CAT(r->pool, text, PN_STR(", nextnonce=\""),
                      digest_nonce_make(nonces_of(r), r->pool, pn_auth_name(r), r->begun), PN_STR("\""));
    if (pn_header_value_ok(text) && pn_str_chr(sent->cnonce, '"', 0) == SIZE_MAX)
        pn_headers_set(&r->out, PN_HDR_AUTHENTICATION_INFO, text);
}

PN_MAY_YIELD static enum pn_verdict check_response(struct pn_request *r, const struct digest_dir *dir, const struct digest_field *sent,
                                                   uint32_t count)
{
    pn_str     stored = PN_STR(""), user = pn_str_escape(r->pool, sent->user), path = pn_str_escape(r->pool, r->path);
    struct hex right;

    switch (stored_hash(r, dir, sent, &stored)) {
    case PN_AUTHN_USER_FOUND: break;
    case PN_AUTHN_USER_NOT_FOUND:
        PN_LOG_R(r, PN_LOG_ERR, 1790, 0, "user `%s' in realm `%s' not found: %s", user.p,
                 pn_str_escape(r->pool, sent->realm).p, path.p);
        return ask(r, false);
    case PN_AUTHN_DENIED:
        PN_LOG_R(r, PN_LOG_ERR, 1791, 0, "user `%s' in realm `%s' denied by provider: %s", user.p,
                 pn_str_escape(r->pool, sent->realm).p, path.p);
        return ask(r, false);
    default: return pn_reject_quietly(r, 500);
    }
    stored = pn_str_lower(r->pool, stored);
    right = response(r, dir->algorithm, stored, sent, original(r)->method);
    pn_str given = pn_str_lower(r->pool, sent->response);
    if (given.n != strlen(right.text) || CRYPTO_memcmp(given.p, right.text, given.n) != 0) {
        PN_LOG_R(r, PN_LOG_ERR, 1794, 0, "user %s: password mismatch: %s", user.p, path.p);
        return ask(r, false);
    }
    enum pn_verdict verdict = check_nonce(r, dir, sent, count);
    if (verdict == PN_HANDLED)
        tell_info(r, dir, stored, sent);
    return verdict;
}

PN_MAY_YIELD static enum pn_verdict check_sent(struct pn_request *r, pn_str field)
{
    const struct digest_dir *dir = pn_dir_conf(r, &pn_module_auth_digest);
    struct digest_field              sent = { 0 };
    uint32_t                 count;
    enum pn_verdict          verdict;

    if (!digest_field_parse(r->pool, field, &sent) || !digest_field_is_complete(&sent)) {
        PN_LOG_R(r, PN_LOG_ERR, 1782, 0, "the digest credentials for %s lack a field or have one twice",
                 pn_str_escape(r->pool, r->path).p);
        return ask(r, false);
    }
    if (!digest_field_count(sent.count_text, &count)) {
        PN_LOG_R(r, PN_LOG_ERR, 1773, 0, "invalid nc %s received - not a number", pn_str_escape(r->pool, sent.count_text).p);
        return ask(r, false);
    }
    r->user = pn_str_dup(r->pool, sent.user);
    r->auth_type = PN_STR("Digest");
    verdict = check_fields(r, dir, &sent);
    return verdict == PN_NEXT ? check_response(r, dir, &sent, count) : verdict;
}

PN_MAY_YIELD static enum pn_verdict check_authn(struct pn_request *r)
{
    pn_str field = pn_headers_get(&r->in, PN_HDR_AUTHORIZATION), scheme;

    if (!pn_str_ieq(pn_auth_type(r), PN_STR("Digest")))
        return PN_NEXT;
    if (!pn_auth_name(r).p || !nonces_of(r))
        return pn_reject(r, 500, PN_LOG_MODULE, 1780, "need AuthName: %s", pn_str_escape(r->pool, r->path).p);
    scheme = pn_str_word(&field);
    if (!scheme.n)
        return ask(r, false);
    if (!pn_str_ieq(scheme, PN_STR("Digest"))) {
        PN_LOG_R(r, PN_LOG_ERR, 1781, 0, "client used wrong authentication scheme `%s': %s",
                 pn_str_escape(r->pool, scheme).p, pn_str_escape(r->pool, r->path).p);
        return ask(r, false);
    }
    return check_sent(r, field);
}

/* ---- module ---- */

static pn_rc post_config(struct pn_generation *generation, apr_pool_t *pool, bool check_only)
{
    struct digest_server *server = PN_SERVER_CONF(generation->servers, &pn_module_auth_digest);
    size_t                bytes = server->shared_bytes > SHARED_DEFAULT_BYTES ? server->shared_bytes : SHARED_DEFAULT_BYTES;

    server->nonces = digest_nonces_new(pool, bytes);
    if (server->nonces)
        return PN_OK;
    pn_generation_error(generation, "mod_auth_digest cannot get %zu bytes of shared memory (AuthDigestShmemSize)", bytes);
    return PN_BAD;
}

static const struct pn_auth_scheme scheme_digest = { .challenge = challenge };

static void hooks(struct pn_hooks *h)
{
    pn_hook_post_config(h, post_config, (struct pn_order){ 0 });
    pn_hook_check_authn(h, check_authn, { 0 });
    pn_provide(h, PN_AUTH_SCHEME_GROUP, "digest", &scheme_digest);
}

struct pn_module pn_module_auth_digest = {
    .api = PN_MODULE_API,
    .name = "mod_auth_digest.c",
    .apache_id = "auth_digest_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct digest_dir),
    .server_conf_size = sizeof(struct digest_server),
    .dir_conf_merge = dir_merge,
    .hooks = hooks,
};
