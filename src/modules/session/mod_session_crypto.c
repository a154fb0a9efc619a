/* mod_session_crypto - seals sessions, so that a browser can neither read nor change what it keeps.
 * Runs: as the seal of mod_session.   Yields: never.   Config: struct crypto_dir.   Spec: RFC 5116, RFC 5869; Apache manual,
 * mod_session_crypto.
 *
 * A sealed text is base64 of: a byte that tells this form, a salt of 16 random bytes, the AES-GCM ciphertext, its tag of 16
 * bytes. Each passphrase became a master key when the configuration was read (PBKDF2); key and nonce of one text come from
 * the master key and the salt (HKDF-SHA256), so no pair is used twice. The form's byte is authenticated, too.
 * COMPAT: 2.4 has another form: sessions do not pass from one server to the other; both take the cookie of the other for none. */
#define PN_LOG_MODULE &pn_module_session_crypto
#include <apr_base64.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <pinion/log.h>
#include <pinion/session.h>

#include "session_secret.h"

#define FORM 1
#define SALT_BYTES 16
#define TAG_BYTES 16
#define NONCE_BYTES 12
#define HEAD_BYTES (1 + SALT_BYTES)
#define TEXT_MAX_BYTES ((size_t)256 * 1024)

struct crypto_dir {
    apr_array_header_t *masters; /* of struct session_master: the first seals, all open; NULL: not set */
    int                 cipher;  /* an index of ciphers[] */
};

struct pn_module pn_module_session_crypto;

static const struct {
    int  key_bytes;
    const EVP_CIPHER *(*cipher)(void);
} ciphers[] = { { 32, EVP_aes_256_gcm }, { 24, EVP_aes_192_gcm }, { 16, EVP_aes_128_gcm } };
static const char *const cipher_words[] = { "aes256", "aes192", "aes128", NULL };

/* ---- directives ---- */

static apr_array_header_t *masters_of(struct pn_conf_cmd *cmd, struct crypto_dir *dir)
{
    if (!dir->masters)
        dir->masters = apr_array_make(cmd->pool, 2, sizeof(struct session_master));
    return dir->masters;
}

static const char *set_passphrase(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    apr_array_header_t *masters = masters_of(cmd, conf);
    const char         *error = NULL;

    for (unsigned i = 0; i < argc && !error; i++)
        error = session_secret_add(cmd, argv[i], masters);
    return error;
}

static const char *set_file(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    return session_secret_add_file(cmd, pn_conf_path(cmd, argv[0]), masters_of(cmd, conf));
}

static const char *set_cipher(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct crypto_dir *dir = conf;

    if (pn_str_ieq(argv[0], PN_STR("3des192"))) {
        pn_conf_warn(cmd, "3des192 is broken: aes256 is used instead");
        dir->cipher = 0;
        return NULL;
    }
    for (int i = 0; cipher_words[i]; i++)
        if (pn_str_ieq(argv[0], pn_str_z(cipher_words[i]))) {
            dir->cipher = i;
            return NULL;
        }
    cmd->cure = "Known are aes256, aes192 and aes128";
    return pn_conf_error_text(cmd, "'%s' is no cipher for sessions", argv[0].p);
}

static const char *set_driver(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    if (!pn_str_ieq(argv[0], PN_STR("openssl")))
        pn_conf_warn(cmd, "sessions are sealed by OpenSSL, not by '%s'", argv[0].p);
    else if (argc > 1)
        pn_conf_warn(cmd, "'%s' has no effect: OpenSSL is used without engines", argv[1].p);
    return NULL;
}

static const struct pn_directive directives[] = {
    { .name = "SessionCryptoPassphrase", .args = PN_LIST, .where = PN_CTX_ANY, .override = PN_OVR_AUTHCONFIG, .scope = PN_SCOPE_DIR,
      .set = set_passphrase, .help = "Secrets: the first seals sessions, all open them; exec:program prints one" },
    { .name = "SessionCryptoPassphraseFile", .args = PN_TAKE1, .where = PN_CTX_SERVER | PN_CTX_SECTIONS, .scope = PN_SCOPE_DIR,
      .set = set_file, .help = "File with such secrets, one a line" },
    { .name = "SessionCryptoCipher", .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_AUTHCONFIG, .scope = PN_SCOPE_DIR,
      .set = set_cipher, .dflt = NULL, .help = "aes256 (as if not said), aes192 or aes128, all with authentication (GCM)" },
    { .name = "SessionCryptoDriver", .args = PN_LIST, .where = PN_CTX_MAIN, .scope = PN_SCOPE_SERVER, .set = set_driver,
      .help = "Accepted: OpenSSL does it, a warning tells so when another is named" },
    { 0 }
};

static void dir_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct crypto_dir *inner = add;
    struct crypto_dir       *merged = out;

    if (inner->masters)
        merged->masters = inner->masters;
    if (pn_conf_is_set(inner, &pn_module_session_crypto, "SessionCryptoCipher"))
        merged->cipher = inner->cipher;
}

/* ---- sealing ---- */

/* Key and nonce of one text. */
struct text_key {
    uint8_t bytes[32 + NONCE_BYTES];
};

static const uint8_t *nonce_of(const struct text_key *key, int cipher)
{
    return key->bytes + ciphers[cipher].key_bytes;
}

static struct text_key text_key(const struct session_master *master, int cipher, const uint8_t salt[SALT_BYTES])
{
    struct text_key key;

    session_secret_expand(master, salt, SALT_BYTES, key.bytes, (size_t)ciphers[cipher].key_bytes + NONCE_BYTES);
    return key;
}

/* @return the bytes put at `to`, 0: it did not work. */
static size_t encrypt(const struct text_key *key, int cipher, pn_str plain, uint8_t *to)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    const uint8_t   form = FORM;
    int             n = 0, last = 0, skipped;
    bool            ok;

    pn_assert(ctx != NULL);
    ok = EVP_EncryptInit_ex(ctx, ciphers[cipher].cipher(), NULL, key->bytes, nonce_of(key, cipher)) == 1 &&
         EVP_EncryptUpdate(ctx, NULL, &skipped, &form, 1) == 1 &&
         EVP_EncryptUpdate(ctx, to, &n, (const uint8_t *)plain.p, (int)plain.n) == 1 &&
         EVP_EncryptFinal_ex(ctx, to + n, &last) == 1 &&
         EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, to + n + last) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return ok ? (size_t)(n + last) + TAG_BYTES : 0;
}

static bool decrypt(const struct text_key *key, int cipher, const uint8_t *from, size_t n, char *to)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    const uint8_t   form = FORM;
    int             made = 0, last = 0, skipped;
    bool            ok;

    pn_assert(ctx != NULL);
    ok = EVP_DecryptInit_ex(ctx, ciphers[cipher].cipher(), NULL, key->bytes, nonce_of(key, cipher)) == 1 &&
         EVP_DecryptUpdate(ctx, NULL, &skipped, &form, 1) == 1 &&
         EVP_DecryptUpdate(ctx, (uint8_t *)to, &made, from, (int)(n - TAG_BYTES)) == 1 &&
         EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, (void *)(from + n - TAG_BYTES)) == 1 &&
         EVP_DecryptFinal_ex(ctx, (uint8_t *)to + made, &last) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

static pn_rc seal(struct pn_request *r, pn_str plain, pn_str *ret_text)
{
    const struct crypto_dir *dir = pn_dir_conf(r, &pn_module_session_crypto);
    uint8_t                 *sealed;
    char                    *text;
    size_t                   n;

    if (!dir->masters)
        return PN_DECLINED;
    if (plain.n > TEXT_MAX_BYTES)
        return PN_FAILED;
    sealed = apr_palloc(r->pool, HEAD_BYTES + plain.n + TAG_BYTES);
    sealed[0] = FORM;
    pn_assert(RAND_bytes(sealed + 1, SALT_BYTES) == 1);
    struct text_key key = text_key(&APR_ARRAY_IDX(dir->masters, 0, struct session_master), dir->cipher, sealed + 1);
    n = encrypt(&key, dir->cipher, plain, sealed + HEAD_BYTES);
    OPENSSL_cleanse(&key, sizeof(key));
    if (!n) {
        PN_LOG_R(r, PN_LOG_ERR, 1841, 0, "encrypt session failed");
        return PN_FAILED;
    }
    text = apr_palloc(r->pool, (size_t)apr_base64_encode_len((int)(HEAD_BYTES + n)));
    apr_base64_encode_binary(text, sealed, (int)(HEAD_BYTES + n));
    *ret_text = pn_str_z(text);
    return PN_OK;
}

/* ---- opening ---- */

/* p == NULL: it is no base64, or too short or too long to be ours. */
static pn_str bytes_of(apr_pool_t *pool, pn_str text)
{
    uint8_t *bytes;
    int      n, pad = 0;

    if (text.n % 4 || text.n < 4 || text.n > TEXT_MAX_BYTES * 2)
        return (pn_str){ NULL, 0 };
    while (pad < 2 && text.p[text.n - 1 - (size_t)pad] == '=')
        pad++;
    bytes = apr_palloc(pool, text.n);
    n = EVP_DecodeBlock(bytes, (const uint8_t *)text.p, (int)text.n) - pad;
    if (n < HEAD_BYTES + TAG_BYTES || bytes[0] != FORM)
        return (pn_str){ NULL, 0 };
    return pn_str_n((const char *)bytes, (size_t)n);
}

static pn_rc open_sealed(struct pn_request *r, pn_str text, pn_str *ret_plain)
{
    const struct crypto_dir *dir = pn_dir_conf(r, &pn_module_session_crypto);
    pn_str                   sealed;
    bool                     ok = false;
    char                    *plain;

    if (!dir->masters)
        return PN_DECLINED;
    sealed = bytes_of(r->pool, text);
    plain = apr_pcalloc(r->pool, sealed.n + 1);
    for (int i = 0; sealed.p && !ok && i < dir->masters->nelts; i++) {
        const uint8_t  *from = (const uint8_t *)sealed.p;
        struct text_key key = text_key(&APR_ARRAY_IDX(dir->masters, i, struct session_master), dir->cipher, from + 1);
        ok = decrypt(&key, dir->cipher, from + HEAD_BYTES, sealed.n - HEAD_BYTES, plain);
        OPENSSL_cleanse(&key, sizeof(key));
    }
    if (!ok) {
        PN_LOG_R(r, PN_LOG_ERR, 1842, 0, "decrypt session failed: it was changed, or sealed with another passphrase");
        return PN_BAD;
    }
    *ret_plain = pn_str_n(plain, sealed.n - HEAD_BYTES - TAG_BYTES);
    return PN_OK;
}

static const struct pn_session_seal provider = { .seal = seal, .open = open_sealed };

static void hooks(struct pn_hooks *h)
{
    pn_provide(h, PN_SESSION_SEAL_GROUP, "crypto", &provider);
}

struct pn_module pn_module_session_crypto = {
    .api = PN_MODULE_API,
    .name = "mod_session_crypto.c",
    .apache_id = "session_crypto_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct crypto_dir),
    .dir_conf_merge = dir_merge,
    .hooks = hooks,
};
