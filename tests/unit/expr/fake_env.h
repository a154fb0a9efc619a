/* fake_env.h - an environment for the expression tests: fixed variables, headers, files; counts
 * what is asked. */
#ifndef TEST_EXPR_FAKE_ENV_H
#define TEST_EXPR_FAKE_ENV_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above it */
#include <cmocka.h>

#include <pinion/expr.h>

struct fake {
    apr_pool_t        *pool;
    struct pn_expr_env env;
    char               vary[256]; /* header names, each followed by a comma */
    unsigned           gets;      /* calls of ops->get */
    pn_rc              fail;      /* what every op returns instead of an answer, PN_OK: none */
};

struct fake *fake_open(void);
void         fake_close(struct fake *fake);

/* Compiles or fails the test with the error's text. */
const struct pn_expr *fake_compile(struct fake *fake, const char *text, enum pn_expr_mode mode,
                                   unsigned flags);
/* "YES", "NO", "BAD" (does not compile), "DENIED", "DEEP", or the name of the evaluation's rc. */
const char *fake_test(struct fake *fake, const char *text, enum pn_expr_mode mode, unsigned flags);
/* The string of a string expression, or as fake_test when it fails. */
const char *fake_string(struct fake *fake, const char *text, unsigned flags);

#endif
