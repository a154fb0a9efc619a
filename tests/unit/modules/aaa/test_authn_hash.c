/* test_authn_hash.c - which stored hashes a password fits (src/modules/aaa/authn_hash.c). All but the argon2 ones were made
 * by htpasswd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <argon2.h>
#include <cmocka.h>

#include "../../../../src/modules/aaa/authn_hash.h"

#define PASSWORD "Wonder_land9"

static const struct {
    const char *label, *stored;
    bool        fits;
} cases[] = {
    { "apr1", "$apr1$e3GkA6Qd$FkBnYHDFoFAiToD5t.qFf.", true },
    { "apr1 cut", "$apr1$e3GkA6Qd$FkBnYHDFoFAiToD5t.qFf", false },
    { "SHA-1", "{SHA}chlxV6EiRql1ImvPc9ZH2NsJvfo=", true },
    { "SHA-1 bent", "{SHA}chlxV6EiRql1ImvPc9ZH2NsJvfp=", false },
    { "bcrypt", "$2y$04$usH9leQp/nc40Dd7DJoFweLNKOHbs2rcJiyZ9BJr1C8YwrdpBOP9W", true },
    { "bcrypt bent", "$2y$04$usH9leQp/nc40Dd7DJoFweLNKOHbs2rcJiyZ9BJr1C8YwrdpBOP9X", false },
    { "bcrypt cut", "$2y$04$usH9leQp/nc40", false },
    { "DES", "uarT5b0LD/F8E", true },
    { "SHA-512", "$6$GOgjsZIu5jkCYe1T$wpYP0iHy/fYgUNB2PORd6xGI.19Oo2xxNrV3p3D4B7Dt1I2Qlyfrpe1anSjK.g3FC3urhr38WseiIMKFbq3tV/", true },
    { "plain text", PASSWORD, false },
    { "empty", "", false },
    { "locked", "*", false },
    { "locked, too", "!", false },
    { "unknown form", "$99$abc$def", false },
    { "argon2 of too much memory", "$argon2id$v=19$m=4294967295,t=1,p=1$c2FsdHNhbHQ$AAAA", false },
    { "argon2 without memory", "$argon2id$v=19$t=1,p=1$c2FsdHNhbHQ$AAAA", false },
};

static void forms(void **state)
{
    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        if (authn_hash_fits(PASSWORD, cases[i].stored) != cases[i].fits)
            fail_msg("%s: want %d", cases[i].label, cases[i].fits);
        assert_false(authn_hash_fits("wonder_land9", cases[i].stored));
        assert_false(authn_hash_fits("", cases[i].stored));
    }
}

static void argon2_kinds(void **state)
{
    static const argon2_type types[] = { Argon2_i, Argon2_d, Argon2_id };

    for (size_t i = 0; i < PN_COUNT(types); i++) {
        char stored[128];

        assert_int_equal(argon2_hash(1, 64, 1, PASSWORD, strlen(PASSWORD), "saltsalt", 8, NULL, 16, stored, sizeof(stored), types[i],
                                     ARGON2_VERSION_13), ARGON2_OK);
        assert_true(authn_hash_fits(PASSWORD, stored));
        assert_false(authn_hash_fits("wonder_land9", stored));
        stored[strlen(stored) - 2] ^= 1;
        assert_false(authn_hash_fits(PASSWORD, stored));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(forms), cmocka_unit_test(argon2_kinds) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
