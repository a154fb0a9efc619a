/* proc_test.h - what the tests of the process models share: a temporary folder for each test. */
#ifndef PN_TESTS_PROC_TEST_H
#define PN_TESTS_PROC_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static char path[96]; /* of the one file that a test makes in there */

static inline int open_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/pn-proc-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/file", folder);
    return 0;
}

static inline int close_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

#define FOLDER_TEST(fn) cmocka_unit_test_setup_teardown(fn, open_folder, close_folder)

#endif
