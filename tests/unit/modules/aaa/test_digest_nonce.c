/* test_digest_nonce.c - nonces: sealed, of one realm, counted once each, and never let in again by a full table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <apr_strings.h>
#include <cmocka.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../../src/modules/aaa/mod_auth_digest_nonce.h"

#define REALM PN_STR("Members")
#define SECOND PN_USEC_PER_SEC

static int setup(void **state)
{
    apr_initialize();
    return apr_pool_create((apr_pool_t **)state, NULL);
}

static int teardown(void **state)
{
    apr_pool_destroy(*state);
    apr_terminate();
    return 0;
}

static enum digest_nonce_state use(struct digest_nonces *nonces, pn_str nonce, uint32_t count, pn_usec now)
{
    const struct digest_use how = { .nonce = nonce, .realm = REALM, .count = count, .check_count = true, .lifetime_s = 60,
                                    .now = now };

    return digest_nonce_use(nonces, &how);
}

static void counts_once(void **state)
{
    static const struct {
        uint32_t                count;
        enum digest_nonce_state want;
    } steps[] = {
        { 2, DIGEST_NONCE_GOOD },     { 2, DIGEST_NONCE_REPLAYED }, { 1, DIGEST_NONCE_GOOD },
        { 1, DIGEST_NONCE_REPLAYED }, { 65, DIGEST_NONCE_GOOD },    { 2, DIGEST_NONCE_REPLAYED },
        { 1, DIGEST_NONCE_REPLAYED }, { 3, DIGEST_NONCE_GOOD },     { 64, DIGEST_NONCE_GOOD },
        { 3, DIGEST_NONCE_REPLAYED }, { 0, DIGEST_NONCE_REPLAYED }, { UINT32_MAX, DIGEST_NONCE_GOOD },
        { 66, DIGEST_NONCE_REPLAYED }, { UINT32_MAX, DIGEST_NONCE_REPLAYED }, { UINT32_MAX - 1, DIGEST_NONCE_GOOD },
        { UINT32_MAX - 63, DIGEST_NONCE_GOOD }, { UINT32_MAX - 64, DIGEST_NONCE_REPLAYED },
    };
    struct digest_nonces *nonces = digest_nonces_new(*state, 65536);
    pn_str                nonce = digest_nonce_make(nonces, *state, REALM, 5 * SECOND);

    assert_int_equal(nonce.n, DIGEST_NONCE_LENGTH);
    for (size_t i = 0; i < PN_COUNT(steps); i++)
        if (use(nonces, nonce, steps[i].count, 6 * SECOND) != steps[i].want)
            fail_msg("step %zu: count %u is judged wrongly", i, steps[i].count);
}

static void others_are_foreign(void **state)
{
    struct digest_nonces *nonces = digest_nonces_new(*state, 65536), *after = digest_nonces_new(*state, 65536);
    pn_str                nonce = digest_nonce_make(nonces, *state, REALM, SECOND);

    assert_int_equal(use(after, nonce, 1, SECOND), DIGEST_NONCE_FOREIGN);
    assert_int_equal(use(nonces, digest_nonce_make(nonces, *state, PN_STR("Others"), SECOND), 1, SECOND), DIGEST_NONCE_FOREIGN);
    for (size_t i = 0; i < nonce.n; i++) {
        char *bent = pn_str_zdup(*state, nonce);
        bent[i] = bent[i] == 'A' ? 'B' : 'A';
        if (i + 2 < nonce.n) /* the last ones hold bits that mean nothing */
            assert_int_equal(use(nonces, pn_str_n(bent, nonce.n), 1, SECOND), DIGEST_NONCE_FOREIGN);
        assert_int_equal(use(nonces, pn_str_head(nonce, i), 1, SECOND), DIGEST_NONCE_FOREIGN);
    }
    assert_int_equal(use(nonces, nonce, 1, SECOND), DIGEST_NONCE_GOOD);
}

static void lifetimes(void **state)
{
    struct digest_nonces *nonces = digest_nonces_new(*state, 65536);
    struct digest_use     how = { .nonce = digest_nonce_make(nonces, *state, REALM, SECOND), .realm = REALM, .count = 1,
                                  .lifetime_s = 60, .now = 60 * SECOND };

    assert_int_equal(digest_nonce_use(nonces, &how), DIGEST_NONCE_GOOD);
    how.now = 61 * SECOND;
    assert_int_equal(digest_nonce_use(nonces, &how), DIGEST_NONCE_EXPIRED);
    how.lifetime_s = -1;
    assert_int_equal(digest_nonce_use(nonces, &how), DIGEST_NONCE_GOOD);
    assert_int_equal(digest_nonce_use(nonces, &how), DIGEST_NONCE_GOOD); /* counts are not checked */
    how.lifetime_s = 0;
    assert_int_equal(digest_nonce_use(nonces, &how), DIGEST_NONCE_GOOD);
    assert_int_equal(digest_nonce_use(nonces, &how), DIGEST_NONCE_EXPIRED);
}

/* However many come in between, what was used is never good again. */
static void a_full_table_refuses_replays(void **state)
{
    enum { N = 400 };
    struct digest_nonces *nonces = digest_nonces_new(*state, 2048);
    pn_str               *used = apr_palloc(*state, N * sizeof(*used));
    unsigned              good = 0;

    for (unsigned i = 0; i < N; i++) {
        used[i] = digest_nonce_make(nonces, *state, REALM, (i + 1) * 1000);
        enum digest_nonce_state first = use(nonces, used[i], 1, SECOND);
        assert_true(first == DIGEST_NONCE_GOOD || first == DIGEST_NONCE_EXPIRED);
        good += first == DIGEST_NONCE_GOOD;
        for (unsigned k = 0; k <= i; k++)
            assert_int_not_equal(use(nonces, used[k], 1, SECOND), DIGEST_NONCE_GOOD);
    }
    assert_int_equal(good, N); /* in the order of their making nobody has to ask again */
}

static void children_share_the_counts(void **state)
{
    struct digest_nonces *nonces = digest_nonces_new(*state, 65536);
    pn_str                nonce = digest_nonce_make(nonces, *state, REALM, SECOND);
    int                   status;

    for (uint32_t count = 1; count <= 20; count++) {
        pid_t child = fork();
        if (child == 0)
            _exit(use(nonces, nonce, count, SECOND) == DIGEST_NONCE_GOOD ? 0 : 1);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        assert_int_equal(use(nonces, nonce, count, SECOND), DIGEST_NONCE_REPLAYED);
    }
}

static void too_little_memory(void **state)
{
    assert_null(digest_nonces_new(*state, 0));
    assert_null(digest_nonces_new(*state, 40));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(counts_once, setup, teardown),
        cmocka_unit_test_setup_teardown(others_are_foreign, setup, teardown),
        cmocka_unit_test_setup_teardown(lifetimes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_table_refuses_replays, setup, teardown),
        cmocka_unit_test_setup_teardown(children_share_the_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(too_little_memory, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
