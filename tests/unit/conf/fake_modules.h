/* fake_modules.h - a small core and a few modules for the tests of settings, and a load of text
 * in one call.
 *
 * The core has the sections and a row of each kind of slot; `paint` has lists, a merge function
 * and hooks that matter only here and there; `spare` is known but needs LoadModule. */
#ifndef PN_TEST_FAKE_MODULES_H
#define PN_TEST_FAKE_MODULES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include <cmocka.h>

#include "conf/apply.h"
#include "conf/hooks.h"
#include "conf/load.h"
#include "conf/registry.h"
#include "conf/vec.h"

struct fake_section {
    pn_str              path;
    struct pn_conf_vec *vec;
};

struct core_server {
    apr_array_header_t *sections; /* of struct fake_section */
    bool                keep_alive;
    pn_usec             timeout;
    int64_t             workers;
    int                 trace;
    pn_str              document_root;
    pn_str              note;
    struct pn_server   *owner;
};

struct core_dir {
    apr_array_header_t *files; /* of struct fake_section; merged by the module */
    bool                sendfile;
    pn_str              type;
    uint64_t            limited; /* as cmd->limited said for LimitNote */
    uint64_t            options;
};

struct paint_dir {
    bool                active;
    int64_t             layers;
    pn_str              colour;
    apr_array_header_t *brushes; /* replaced by an inner place */
    apr_array_header_t *coats;   /* appended */
    int                 shine;
    unsigned            merges; /* times dir_conf_merge ran */
};

struct paint_server {
    bool    on;
    int64_t buckets;
};

extern struct pn_module        fake_core, fake_paint, fake_spare, fake_late;
extern struct pn_module *const fake_modules[];

/** cmocka's set-up and tear-down of one test: a pool in *state, the fake modules known. */
int fake_setup(void **state);
int fake_teardown(void **state);

struct fake_load {
    struct pn_generation *generation; /* NULL when it failed */
    struct pn_load_report report;
};

/** Loads `text` as a file would be. */
struct fake_load fake_load_text(apr_pool_t *pool, const char *text);
/** The same, which has to succeed without warnings. */
struct pn_generation *fake_load_good(apr_pool_t *pool, const char *text);
/** The load has to fail; its message. */
const char *fake_load_error(apr_pool_t *pool, const char *text);
/** The n-th section of the server; its vector. */
struct pn_conf_vec *fake_section(const struct pn_server *server, int n);
/** "a,b" of a list of pn_str; "-" for none. */
const char *fake_words(apr_pool_t *pool, const apr_array_header_t *list);

#define assert_text(got, want) assert_string_equal((got).p ? (got).p : "(null)", (want))
#define assert_contains(text, part) fake_assert_contains((text), (part), __FILE__, __LINE__)
void fake_assert_contains(const char *text, const char *part, const char *file, int line);

#endif
