/* support.h - what the codec tests share: a pool for each test, and comparisons that print both
 * values and the case that was at work. */
#ifndef PN_TESTS_PROTO_SUPPORT_H
#define PN_TESTS_PROTO_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_pools.h>

#include <pinion/buf.h>
#include <pinion/str.h>

static apr_pool_t *pool;

static inline int open_pool(void **state)
{
    (void)state;
    apr_initialize();
    return apr_pool_create(&pool, NULL) == APR_SUCCESS ? 0 : -1;
}

static inline int close_pool(void **state)
{
    (void)state;
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}

#define POOL_TEST(fn) cmocka_unit_test_setup_teardown(fn, open_pool, close_pool)

/** The bytes of a literal that may hold NUL. */
#define BYTES(literal)                                                                             \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }

static inline void check_rc(pn_str what, pn_rc got, pn_rc want)
{
    if (got != want)
        fail_msg("\"%s\": %s, not %s", pn_str_escape(pool, what).p, pn_rc_name(got),
                 pn_rc_name(want));
}

static inline void check_u64(pn_str what, uint64_t got, uint64_t want)
{
    if (got != want)
        fail_msg("\"%s\": %llu, not %llu", pn_str_escape(pool, what).p, (unsigned long long)got,
                 (unsigned long long)want);
}

static inline void check_str(pn_str what, pn_str got, pn_str want)
{
    if (!pn_str_eq(got, want))
        fail_msg("\"%s\": \"%s\", not \"%s\"", pn_str_escape(pool, what).p,
                 pn_str_escape(pool, got).p, pn_str_escape(pool, want).p);
}

static inline void check_z(pn_str what, pn_str got, const char *want)
{
    check_str(what, got, pn_str_z(want));
}

/** A malloc'd copy without a byte to spare, so that AddressSanitizer sees each read past the end.
 *  */
static inline char *tight_copy(pn_str s)
{
    char *copy = malloc(s.n ? s.n : 1);

    assert_non_null(copy);
    if (s.n)
        memcpy(copy, s.p, s.n);
    return copy;
}

#endif
