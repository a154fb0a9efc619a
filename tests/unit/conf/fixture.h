/* fixture.h - a temporary directory, a reader, and trees as short strings, for the tests of
 * src/conf that read text. */
#ifndef TEST_CONF_FIXTURE_H
#define TEST_CONF_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conf/tree.h"

struct fixture {
    apr_pool_t *pool;
    char       *dir; /* absolute, without a slash at the end; also the reader's server_root */
    struct pn_conf_reader reader;
    struct pn_conf_node  *root;
    struct pn_conf_error  error;
    apr_array_header_t
        *warnings;            /* of const char *: "path:line: text", paths below dir without it */
    apr_array_header_t *seen; /* of const char *: names in the order of on_read */
};

/* cmocka's setup and teardown of one test. The reader knows the modules mod_a.c and a_module, the
 * directives Foo and Bar, the section Sec, and the raw section Raw. */
int fixture_setup(void **state);
int fixture_teardown(void **state);
#define FIXTURE_TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)

/** Writes a file below the directory, with the folders it needs. @return its absolute path. */
const char *fixture_write(struct fixture *fx, const char *name, const char *text);
/** Reads text or a file below the directory into the fixture's root.
 *  @return the whole tree so far: "name args|section args{...}", or "! path:line: reason cure". */
const char *fixture_text(struct fixture *fx, const char *text);
const char *fixture_text_n(struct fixture *fx, const char *text, size_t n);
const char *fixture_file(struct fixture *fx, const char *name);
/** pn_conf_error_print of the last error, the directory's name removed. */
const char *fixture_error(struct fixture *fx);
/** The warnings so far, one a line; forgets them. */
const char *fixture_warnings(struct fixture *fx);
/** Removes every occurrence of the directory's name and the slash behind it. */
const char *fixture_short(struct fixture *fx, const char *text);

#endif
