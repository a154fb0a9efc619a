/* rt_test.h - what the tests of the runtime share: a loop for each test, and turning it until
 * something is true. */
#ifndef PN_TEST_RT_H
#define PN_TEST_RT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <apr_general.h>
#include <cmocka.h>

#include "rt/loop_internal.h"

struct rt_test {
    apr_pool_t     *pool;
    struct pn_loop *loop;
};

static inline int rt_setup(void **state)
{
    struct rt_test *t = calloc(1, sizeof(*t));

    apr_initialize();
    apr_pool_create(&t->pool, NULL);
    if (pn_loop_open(t->pool, &t->loop) != PN_OK)
        return -1;
    *state = t;
    return 0;
}

static inline int rt_teardown(void **state)
{
    struct rt_test *t = *state;

    pn_loop_close(t->loop);
    apr_pool_destroy(t->pool);
    apr_terminate();
    free(t);
    return 0;
}

/** Turns the loop until `cond` holds; fails the test after 20 seconds. */
#define RT_TURN_UNTIL(loop, cond)                                                                  \
    do {                                                                                           \
        pn_usec rt_limit_;                                                                         \
        pn_loop_touch_clock(loop);                                                                 \
        rt_limit_ = pn_loop_now(loop) + 20 * PN_USEC_PER_SEC;                                      \
        while (!(cond)) {                                                                          \
            assert_true(pn_loop_now(loop) < rt_limit_);                                            \
            pn_loop_turn((loop), 10 * PN_USEC_PER_MSEC);                                           \
        }                                                                                          \
    } while (0)

#define RT_TEST(name) cmocka_unit_test_setup_teardown(name, rt_setup, rt_teardown)

/** xorshift: the same numbers in every run. */
static inline uint64_t rt_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

#endif
