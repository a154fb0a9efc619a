/* authn_hash.c - see authn_hash.h. */
#include "authn_hash.h"

#include <apr_md5.h>
#include <apr_sha1.h>
#include <argon2.h>
#include <crypt.h>
#include <openssl/crypto.h>
#include <stdlib.h>

#include <pinion/str.h>

static bool same_text(const char *a, const char *b)
{
    size_t n = strlen(a);

    return n == strlen(b) && CRYPTO_memcmp(a, b, n) == 0;
}

/* bcrypt, SHA-crypt, yescrypt, MD5-crypt and DES: what the system's crypt knows. */
static bool fits_crypt(const char *password, const char *stored)
{
    struct crypt_data *data = calloc(1, sizeof(*data));
    const char        *made;
    bool               fits;

    pn_assert(data != NULL);
    made = crypt_r(password, stored, data);
    fits = made && made[0] != '*' && same_text(made, stored);
    OPENSSL_cleanse(data, sizeof(*data));
    free(data);
    return fits;
}

/* "$argon2id$v=19$m=65536,t=3,p=4$salt$hash": m is the memory it takes, KB. */
static bool argon2_bounded(pn_str stored)
{
    size_t   at = pn_str_find(stored, PN_STR("$m="));
    pn_str   rest;
    uint64_t memory_kb;

    if (at == SIZE_MAX)
        return false;
    return pn_str_to_u64(pn_str_cut(pn_str_from(stored, at + 3), ',', &rest), AUTHN_ARGON2_MAX_KB, &memory_kb) == PN_OK;
}

/* @return false when it is of another form. */
static bool is_argon2(pn_str stored, argon2_type *ret_type)
{
    static const struct {
        pn_str      prefix;
        argon2_type type;
    } forms[] = { { PN_STR_INIT("$argon2id$"), Argon2_id },
                  { PN_STR_INIT("$argon2i$"), Argon2_i },
                  { PN_STR_INIT("$argon2d$"), Argon2_d } };

    for (size_t i = 0; i < PN_COUNT(forms); i++)
        if (pn_str_starts(stored, forms[i].prefix)) {
            *ret_type = forms[i].type;
            return true;
        }
    return false;
}

bool authn_hash_fits(const char *password, const char *stored)
{
    pn_str      text = pn_str_z(stored);
    char        made[120] = "";
    argon2_type type;

    if (pn_str_starts(text, PN_STR("$apr1$"))) {
        apr_md5_encode(password, stored, made, sizeof(made));
        return same_text(made, stored);
    }
    if (pn_str_starts(text, PN_STR("{SHA}"))) {
        apr_sha1_base64(password, (int)strlen(password), made);
        return same_text(made, stored);
    }
    if (is_argon2(text, &type))
        return argon2_bounded(text) && argon2_verify(stored, password, strlen(password), type) == ARGON2_OK;
    return stored[0] && fits_crypt(password, stored);
}
