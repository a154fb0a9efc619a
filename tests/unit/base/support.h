/* support.h - what the tests of src/base share. */
#ifndef PN_TEST_BASE_SUPPORT_H
#define PN_TEST_BASE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <apr_general.h>
#include <pinion/buf.h>
#include <pinion/regex.h>

static inline int make_pool(void **state)
{
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    *state = pool;
    return 0;
}

static inline int drop_pool(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

/* Both values are printed when they differ. */
static inline void eq_str(pn_str got, const char *want)
{
    char text[512];

    assert_true(got.n < sizeof(text));
    memcpy(text, got.p ? got.p : "", got.n);
    text[got.n] = '\0';
    assert_string_equal(text, want);
}

#endif
