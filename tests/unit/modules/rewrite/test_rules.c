/* Rule sets on requests: names, queries, captures, what is refused. What needs a server is in tests/compat/cases/rewrite. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rewrite_fixture.h"

#define MAX_LINES 6

static const struct {
    const char *lines[MAX_LINES];
    const char *path, *query;
    enum rewrite_result result;
    const char *name, *new_query; /* of REWRITE_DONE; query NULL: none */
    int         status;           /* of the other results */
} cases[] = {
    { { "RewriteRule ^/a$ /b" }, "/a", "q", REWRITE_DONE, "/b", "q", 0 },
    { { "RewriteRule ^/a$ /b" }, "/x", "q", REWRITE_SAME, "/x", "q", 0 },
    { { "RewriteRule ^/(.)(.) /$2$1$0$9" }, "/ab", NULL, REWRITE_DONE, "/ba/ab", NULL, 0 },
    { { "RewriteRule ^/a \\$1\\%1\\\\" }, "/a", NULL, REWRITE_DONE, "/$1%1\\", NULL, 0 },
    { { "RewriteRule ^/a /b?c=d [QSA]" }, "/a", "e=f", REWRITE_DONE, "/b", "c=d&e=f", 0 },
    { { "RewriteRule ^/a /b?" }, "/a", "e=f", REWRITE_DONE, "/b", NULL, 0 },
    { { "RewriteRule ^/a - [F]" }, "/a", NULL, REWRITE_STATUS, NULL, NULL, 403 },
    { { "RewriteRule ^/a - [G]" }, "/a", NULL, REWRITE_STATUS, NULL, NULL, 410 },
    { { "RewriteRule ^/(.*) /x?v=$1" }, "/a b", NULL, REWRITE_FAILED, NULL, NULL, 403 },
    { { "RewriteRule ^/(.*) /x?v=$1 [B]" }, "/a b", NULL, REWRITE_DONE, "/x", "v=a+b", 0 },
    { { "RewriteRule ^/(.*) /$1" }, "/x?y", NULL, REWRITE_FAILED, NULL, NULL, 403 },
    { { "RewriteRule ^/(.*) /$1 [UnsafeAllow3F]" }, "/x?y", NULL, REWRITE_DONE, "/x", "y", 0 },
    { { "RewriteRule ^/x - [N=5]" }, "/x", NULL, REWRITE_FAILED, NULL, NULL, 500 },
    { { "RewriteRule ^/x(.*) /x$1$1aaaaaaaa [N]" }, "/x", NULL, REWRITE_FAILED, NULL, NULL, 500 },
    { { "RewriteRule ^/(a+)+$ -" }, "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", NULL, REWRITE_FAILED, NULL, NULL, 500 },
    { { "RewriteCond %{QUERY_STRING} (b+)", "RewriteRule ^/a /%1-%{REQUEST_METHOD}" }, "/a", "xbbx", REWRITE_DONE, "/bb-GET", "xbbx", 0 },
    { { "RewriteCond %{QUERY_STRING} =x [OR]", "RewriteCond %{REQUEST_METHOD} =GET", "RewriteRule ^ /y" }, "/a", NULL, REWRITE_DONE, "/y", NULL, 0 },
    { { "RewriteCond %{QUERY_STRING} =x", "RewriteRule ^ /y" }, "/a", NULL, REWRITE_SAME, "/a", NULL, 0 },
    { { "RewriteMap up int:toupper", "RewriteRule ^/(.*) /${up:$1|none}" }, "/ab", NULL, REWRITE_DONE, "/AB", NULL, 0 },
    { { "RewriteRule ^/(.*) /${nomap:$1|none-${x:y|z}}" }, "/ab", NULL, REWRITE_DONE, "/none-z", NULL, 0 },
    { { "RewriteRule ^/a /b [C]", "RewriteRule ^/no /c [C]", "RewriteRule ^/b /d" }, "/a", NULL, REWRITE_DONE, "/b", NULL, 0 },
    { { "RewriteRule ^/a - [S=1]", "RewriteRule ^/a /b [L]", "RewriteRule ^/a /c" }, "/a", NULL, REWRITE_DONE, "/c", NULL, 0 },
};

static void run_case(size_t i)
{
    const char        *lines[MAX_LINES + 1] = { NULL }, *error = NULL;
    struct rewriting   w;
    struct rewrite_run run;

    for (size_t n = 0; n < MAX_LINES && cases[i].lines[n]; n++)
        lines[n] = cases[i].lines[n];
    if (!rewriting_begin(&w, lines, &error))
        fail_msg("%s: %s", cases[i].lines[0], error);
    struct pn_request  *r = rewriting_request(&w, w.pool, pn_str_z(cases[i].path), pn_str_z(cases[i].query));
    enum rewrite_result result = rewriting_run(&run, r);
    if (result != cases[i].result)
        fail_msg("%s on %s: result %d, expected %d", cases[i].lines[0], cases[i].path, (int)result, (int)cases[i].result);
    if (cases[i].name) {
        assert_string_equal(run.name.p, cases[i].name);
        assert_true(pn_str_eq(run.query, pn_str_z(cases[i].new_query)));
    }
    else
        assert_int_equal(run.status, cases[i].status);
    rewriting_end(&w);
}

static void rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < PN_COUNT(cases); i++)
        run_case(i);
}

static void wrong_lines_are_errors(void **state)
{
    static const char *const wrong[] = {
        "RewriteRule ^/a", "RewriteRule ( x", "RewriteRule a b [X]", "RewriteRule a b [L", "RewriteRule a b [R=99]",
        "RewriteRule a b [S=x]", "RewriteRule a b [N=0]", "RewriteRule a b [E=]", "RewriteCond a", "RewriteCond a (", "RewriteCond a b [X]",
        "RewriteCond expr \"%{\"", "RewriteMap m int:nothing", "RewriteMap m txt:/none/there", "RewriteMap m prg:/none/there",
        "RewriteMap m \"dbd:SELECT 1\"", "RewriteOptions Nothing", "RewriteBase x", "RewriteEngine maybe",
    };

    (void)state;
    for (size_t i = 0; i < PN_COUNT(wrong); i++) {
        const char      *lines[] = { wrong[i], NULL }, *error = NULL;
        struct rewriting w;
        if (rewriting_begin(&w, lines, &error))
            fail_msg("accepted: %s", wrong[i]);
        rewriting_end(&w);
    }
}

/* A rule set that does not match takes nothing from the request's pool. */
static void no_match_allocates_nothing(void **state)
{
    static const char *const lines[] = { "RewriteRule ^/a$ /b", "RewriteRule \\.php$ /c", "RewriteCond %{REQUEST_URI} ^/none",
                                         "RewriteRule ^ /d", "RewriteRule [0-9]{9} /e", NULL };
    const char        *error;
    struct rewriting   w;
    struct rewrite_run run;

    (void)state;
    assert_true(rewriting_begin(&w, lines, &error));
    struct pn_request *r = rewriting_request(&w, w.pool, PN_STR("/page.html"), PN_STR(""));
    char *before = apr_palloc(r->pool, 8);
    assert_int_equal(rewriting_run(&run, r), REWRITE_SAME);
    char *after = apr_palloc(r->pool, 8);
    assert_int_equal(after - before, 8);
    rewriting_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules), cmocka_unit_test(wrong_lines_are_errors), cmocka_unit_test(no_match_allocates_nothing),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
