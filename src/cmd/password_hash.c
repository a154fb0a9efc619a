/* password_hash.c - hashes as password files have them. The server's side is authn_hash.c of the
 * modules. */
#include <apr_general.h>
#include <apr_md5.h>
#include <apr_sha1.h>
#include <apr_strings.h>
#include <argon2.h>
#include <crypt.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/password.h"

#define HASH_MAX_BYTES 256
#define BCRYPT_COST 5
#define BCRYPT_COUNTS_BYTES 72
#define CRYPT_COUNTS_BYTES 8
/* The least that is advised for Argon2id: 19 MB, two passes, one lane. */
#define ARGON2_PASSES 2
#define ARGON2_MEMORY_KB 19456
#define ARGON2_LANES 1
#define ARGON2_HASH_BYTES 32

PN_NORETURN static void no_hash(const char *why)
{
    fprintf(stderr, "the password cannot be hashed: %s\n", why);
    exit(PASSWORD_WRONG);
}

static void random_bytes(unsigned char *to, size_t n)
{
    if (apr_generate_random_bytes(to, n) != APR_SUCCESS)
        no_hash("the system has no random bytes");
}

/* Characters that every salt may have, 6 random bits each. */
static const char *random_salt(apr_pool_t *pool, size_t n)
{
    static const char letters[] =
        "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    char *salt = apr_pcalloc(pool, n + 1);

    random_bytes((unsigned char *)salt, n);
    for (size_t i = 0; i < n; i++)
        salt[i] = letters[(unsigned char)salt[i] % 64];
    return salt;
}

static void warn_of_length(const char *password, size_t counts)
{
    if (strlen(password) > counts)
        fprintf(stderr, "Warning: only the first %zu bytes of the password count\n", counts);
}

static const char *hash_bcrypt(apr_pool_t *pool, unsigned cost, const char *password)
{
    unsigned char salt[16];
    char         *hash = apr_palloc(pool, HASH_MAX_BYTES);

    warn_of_length(password, BCRYPT_COUNTS_BYTES);
    random_bytes(salt, sizeof(salt));
    if (apr_bcrypt_encode(password, cost ? cost : BCRYPT_COST, salt, sizeof(salt), hash,
                          HASH_MAX_BYTES) != APR_SUCCESS)
        no_hash("bcrypt failed");
    return hash;
}

static const char *hash_argon2(apr_pool_t *pool, const char *password)
{
    unsigned char salt[16];
    char         *hash = apr_palloc(pool, HASH_MAX_BYTES);
    int           code;

    random_bytes(salt, sizeof(salt));
    code = argon2id_hash_encoded(ARGON2_PASSES, ARGON2_MEMORY_KB, ARGON2_LANES, password,
                                 strlen(password), salt, sizeof(salt), ARGON2_HASH_BYTES, hash,
                                 HASH_MAX_BYTES);
    if (code != ARGON2_OK)
        no_hash(argon2_error_message(code));
    return hash;
}

/* What the system's crypt makes of a setting: "$5$salt", or two characters. */
static const char *hash_by_crypt(apr_pool_t *pool, const char *setting, const char *password)
{
    struct crypt_data *data = apr_pcalloc(pool, sizeof(*data));
    const char        *hash = crypt_r(password, setting, data);

    if (!hash || *hash == '*')
        no_hash("crypt() does not know this kind");
    return hash;
}

static const char *hash_sha2(apr_pool_t *pool, char kind, unsigned rounds, const char *password)
{
    const char *count = rounds ? apr_psprintf(pool, "rounds=%u$", rounds) : "";

    return hash_by_crypt(pool, apr_psprintf(pool, "$%c$%s%s", kind, count, random_salt(pool, 16)),
                         password);
}

static const char *hash_md5(apr_pool_t *pool, const char *password)
{
    char *hash = apr_palloc(pool, HASH_MAX_BYTES);

    if (apr_md5_encode(password, random_salt(pool, 8), hash, HASH_MAX_BYTES) != APR_SUCCESS)
        no_hash("MD5 failed");
    return hash;
}

static const char *hash_sha1(apr_pool_t *pool, const char *password)
{
    char *hash = apr_palloc(pool, HASH_MAX_BYTES);

    apr_sha1_base64(password, (int)strlen(password), hash);
    return hash;
}

static const char *plain(apr_pool_t *pool, const char *password)
{
    if (strchr(password, '\n') || strchr(password, '\r'))
        no_hash("it has more than one line, and is to be stored as it is");
    fputs("Warning: the server takes no passwords that are stored as they are\n", stderr);
    return apr_pstrdup(pool, password);
}

const char *password_hash(apr_pool_t *pool, const struct password_options *options,
                          const char *password)
{
    switch (options->kind) {
    case PASSWORD_BCRYPT: return hash_bcrypt(pool, options->cost, password);
    case PASSWORD_SHA256: return hash_sha2(pool, '5', options->rounds, password);
    case PASSWORD_SHA512: return hash_sha2(pool, '6', options->rounds, password);
    case PASSWORD_ARGON2: return hash_argon2(pool, password);
    case PASSWORD_SHA1: return hash_sha1(pool, password);
    case PASSWORD_PLAIN: return plain(pool, password);
    case PASSWORD_CRYPT:
        warn_of_length(password, CRYPT_COUNTS_BYTES);
        return hash_by_crypt(pool, random_salt(pool, 2), password);
    case PASSWORD_MD5: break;
    }
    return hash_md5(pool, password);
}

bool password_fits(const char *password, const char *stored)
{
    argon2_type type = strncmp(stored, "$argon2id$", 10) == 0 ? Argon2_id
                       : strncmp(stored, "$argon2i$", 9) == 0 ? Argon2_i
                                                              : Argon2_d;

    if (strncmp(stored, "$argon2", 7) == 0)
        return argon2_verify(stored, password, strlen(password), type) == ARGON2_OK;
    return apr_password_validate(password, stored) == APR_SUCCESS;
}
