/* test_session_secret.c - the keys of sessions: what a passphrase becomes, and where passphrases may come from
   (src/modules/session/session_secret.c). The bytes were computed with another implementation of PBKDF2 and HKDF. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_general.h>
#include <cmocka.h>

#include "../../../../src/modules/session/session_secret.h"

static const uint8_t master_bytes[SESSION_MASTER_BYTES] = {
    0x27, 0x01, 0x3b, 0xbe, 0x0e, 0x1c, 0x12, 0xeb, 0xdb, 0x04, 0x86, 0x95, 0x4f, 0xfe, 0x5f, 0x23,
    0x99, 0x37, 0xf5, 0x09, 0x3b, 0x62, 0xc9, 0x65, 0x43, 0x44, 0x99, 0xad, 0x51, 0x0a, 0x79, 0x41,
};
/* For the salt 00 01 02 ... 0f. */
static const uint8_t key_bytes[44] = {
    0x7e, 0xaf, 0x34, 0x46, 0xd2, 0xe8, 0x29, 0x92, 0x00, 0x11, 0x9e, 0x05, 0x6e, 0x96, 0x54, 0xa9, 0xea, 0x30, 0x65, 0x16, 0x34, 0x87,
    0x11, 0x61, 0xdf, 0xad, 0xd7, 0x6e, 0x2a, 0xd5, 0x2c, 0xae, 0xf0, 0x38, 0x97, 0xaa, 0x5b, 0x4c, 0x09, 0x61, 0x84, 0x0f, 0x78, 0x8c,
};

struct secrets {
    apr_pool_t         *pool;
    struct pn_conf_cmd  cmd;
    apr_array_header_t *masters;
};

static int setup(void **state)
{
    struct secrets *s = calloc(1, sizeof(*s));

    apr_initialize();
    apr_pool_create(&s->pool, NULL);
    s->cmd = (struct pn_conf_cmd){ .pool = s->pool, .temp = s->pool, .context = PN_CTX_MAIN };
    s->masters = apr_array_make(s->pool, 2, sizeof(struct session_master));
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct secrets *s = *state;

    apr_pool_destroy(s->pool);
    apr_terminate();
    free(s);
    return 0;
}

static bool is_horse(const struct secrets *s, int i)
{
    return memcmp(APR_ARRAY_IDX(s->masters, i, struct session_master).bytes, master_bytes, SESSION_MASTER_BYTES) == 0;
}

static void a_passphrase_becomes_keys(void **state)
{
    struct secrets *s = *state;
    uint8_t         salt[16], key[44];

    for (unsigned i = 0; i < sizeof(salt); i++)
        salt[i] = (uint8_t)i;
    assert_null(session_secret_add(&s->cmd, PN_STR("correct horse"), s->masters));
    assert_true(is_horse(s, 0));
    session_secret_expand(&APR_ARRAY_IDX(s->masters, 0, struct session_master), salt, sizeof(salt), key, sizeof(key));
    assert_memory_equal(key, key_bytes, sizeof(key));
    salt[15] ^= 1;
    session_secret_expand(&APR_ARRAY_IDX(s->masters, 0, struct session_master), salt, sizeof(salt), key, sizeof(key));
    assert_memory_not_equal(key, key_bytes, sizeof(key));
}

static void an_empty_one_is_none(void **state)
{
    struct secrets *s = *state;

    assert_non_null(session_secret_add(&s->cmd, PN_STR(""), s->masters));
    assert_int_equal(s->masters->nelts, 0);
}

static void a_program_may_print_it(void **state)
{
    struct secrets *s = *state;

    assert_null(session_secret_add(&s->cmd, PN_STR("exec:/bin/echo correct horse"), s->masters));
    assert_true(is_horse(s, 0));
    assert_non_null(session_secret_add(&s->cmd, PN_STR("exec:/bin/true"), s->masters));
    assert_non_null(session_secret_add(&s->cmd, PN_STR("exec:/no/such/program"), s->masters));
    assert_non_null(session_secret_add(&s->cmd, PN_STR("exec:"), s->masters));
    s->cmd.context = PN_CTX_HTACCESS;
    assert_non_null(session_secret_add(&s->cmd, PN_STR("exec:/bin/echo correct horse"), s->masters));
    assert_int_equal(s->masters->nelts, 1);
}

static void a_file_holds_several(void **state)
{
    struct secrets *s = *state;
    char            name[] = "/tmp/session_secret_XXXXXX";
    int             fd = mkstemp(name);
    FILE           *file = fdopen(fd, "w");

    assert_non_null(file);
    fputs("# secrets\n\n  correct horse \nother\n", file);
    fclose(file);
    assert_null(session_secret_add_file(&s->cmd, pn_str_z(name), s->masters));
    assert_int_equal(s->masters->nelts, 2);
    assert_true(is_horse(s, 0));
    assert_false(is_horse(s, 1));
    assert_int_equal(truncate(name, 10), 0); /* the comment alone */
    assert_non_null(session_secret_add_file(&s->cmd, pn_str_z(name), s->masters));
    unlink(name);
    assert_non_null(session_secret_add_file(&s->cmd, pn_str_z(name), s->masters));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_passphrase_becomes_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_one_is_none, setup, teardown),
        cmocka_unit_test_setup_teardown(a_program_may_print_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_holds_several, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
