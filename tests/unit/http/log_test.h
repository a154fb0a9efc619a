/* log_test.h - what the tests of logs share: a generation with nothing but a pool, and files in a folder of their own. */
#ifndef PN_TEST_LOG_TEST_H
#define PN_TEST_LOG_TEST_H

#include <pinion/generation.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/log_sink.h"

struct log_test {
    struct pn_generation generation;
    char                 dir[32];
};

static inline void log_test_begin(struct log_test *t)
{
    *t = (struct log_test){ .dir = "/tmp/pinion-log-XXXXXX" };
    assert_non_null(mkdtemp(t->dir));
    apr_pool_create(&t->generation.pool, NULL);
    t->generation.server_root = pn_str_z(t->dir);
}

static inline void log_test_end(struct log_test *t, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        unlink(PN_CAT(t->generation.pool, t->generation.server_root, PN_STR("/"), pn_str_z(names[i])).p);
    assert_int_equal(rmdir(t->dir), 0);
    apr_pool_destroy(t->generation.pool);
}

static inline struct pn_log_sink *log_test_sink(struct log_test *t, const char *name)
{
    struct pn_log_sink *sink = NULL;
    const char         *error = NULL;

    if (pn_log_sink_open(&t->generation, pn_str_z(name), &sink, &error) != PN_OK)
        fail_msg("%s: %s", name, error);
    return sink;
}

/* All of a file below the folder; owned by the pool. */
static inline pn_str log_test_read(struct log_test *t, const char *name)
{
    pn_str path = PN_CAT(t->generation.pool, t->generation.server_root, PN_STR("/"), pn_str_z(name));
    FILE  *file = fopen(path.p, "r");

    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    size_t n = (size_t)ftell(file);
    char  *bytes = apr_palloc(t->generation.pool, n + 1);
    rewind(file);
    assert_int_equal(fread(bytes, 1, n, file), n);
    bytes[n] = '\0';
    fclose(file);
    return pn_str_n(bytes, n);
}

#endif
