/* test_autoindex.c - src/modules/generators/mod_autoindex_*: patterns, the query, titles, cut names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <apr_general.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "modules/generators/mod_autoindex.h"

static apr_pool_t *pool;

static const struct { const char *pattern, *name; bool matches; } patterns[] = {
    { "", "", true },
    { "", "a", false },
    { "*", "", true },
    { "*", "anything", true },
    { "a*", "abc", true },
    { "a*", "bac", false },
    { "*c", "abc", true },
    { "*.txt", "a.txt.bak", false },
    { "a?c", "abc", true },
    { "a?c", "ac", false },
    { "*a*b*", "xxayybzz", true },
    { "*a*b*", "xxbyyazz", false },
    { "*ab", "aab", true },
    { "*ab*ab", "abab", true },
    { "*ab*ab", "ab", false },
    { "[a]", "a", false },
    { "[a]", "[a]", true },
    { "**", "x", true },
    { "?", "", false },
    { ".??*", "..", false },
    { ".??*", ".ab", true },
};

static void test_match(void **state)
{
    (void)state;
    for (size_t i = 0; i < PN_COUNT(patterns); i++) {
        bool got = pn__autoindex_match(pn_str_z(patterns[i].pattern), pn_str_z(patterns[i].name));
        if (got != patterns[i].matches)
            fail_msg("'%s' on '%s': got %d", patterns[i].pattern, patterns[i].name, got);
    }
}

/* Stars that all could begin anywhere must not make the time explode. */
static void test_match_is_not_exponential(void **state)
{
    static char name[4096];
    char        pattern[128];

    (void)state;
    memset(name, 'a', sizeof(name));
    for (size_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = i % 2 ? 'a' : '*';
    pattern[sizeof(pattern) - 1] = 'b';
    assert_false(pn__autoindex_match(pn_str_n(pattern, sizeof(pattern)), pn_str_n(name, sizeof(name))));
}

#define F INDEX_FANCY
#define T INDEX_TABLE
#define V INDEX_VERSION_SORT

static const struct { const char *query; uint32_t options, want; char key, order; const char *pattern, *carried; } queries[] = {
    { "", F, F, 'N', 'A', "", "" },
    { "C=S;O=D", F, F, 'S', 'D', "", "" },
    { "C=M&O=D", F, F, 'M', 'D', "", "" },
    { "O=D", F, F, 'N', 'D', "", "" },
    { "C=X;O=D", F, F, 'N', 'A', "", "" },
    { "C=", F, F, 'N', 'A', "", "" },
    { "C=SS", F, F, 'N', 'A', "", "" },
    { "C=S;X=1;O=D", F, F, 'S', 'A', "", "" },
    { "C=S;;O=D", F, F, 'S', 'A', "", "" },
    { "F=0;C=S", F, 0, 'N', 'A', "", ";F=0" },
    { "F=1", 0, F, 'N', 'A', "", ";F=1" },
    { "F=2", F, F | T, 'N', 'A', "", ";F=2" },
    { "F=1", F | T, F, 'N', 'A', "", ";F=1" },
    { "V=1", F, F | V, 'N', 'A', "", ";V=1" },
    { "V=0", F | V, F, 'N', 'A', "", ";V=0" },
    { "P=*.txt;V=1;F=1", F, F | V, 'N', 'A', "*.txt", ";F=1;V=1;P=*.txt" },
    { "P=a%3bb%26c%25", F, F, 'N', 'A', "a;b&c%", ";P=a%3bb%26c%25" },
    { "P=%3Cscript%3E%22", F, F, 'N', 'A', "<script>\"", ";P=%3cscript%3e%22" },
    { "P=a%00b", F, F, 'N', 'A', "", "" },
    { "P=%zz;C=S", F, F, 'N', 'A', "", "" },
    { "P=", F, F, 'N', 'A', "", "" },
    { "C=S;O=D", F | INDEX_IGNORE_CLIENT, F | INDEX_IGNORE_CLIENT | INDEX_NO_SORT_LINKS, 'N', 'A', "", "" },
    { "C=S", 0, 0, 'N', 'A', "", "" },
    { "", T, F | T, 'N', 'A', "", "" },
    { "", INDEX_MODERN, INDEX_MODERN | F | INDEX_FOLDERS_FIRST, 'N', 'A', "", "" },
    { "F=1", INDEX_MODERN, F, 'N', 'A', "", ";F=1" },
};

static void test_query(void **state)
{
    (void)state;
    for (size_t i = 0; i < PN_COUNT(queries); i++) {
        struct pn_request     r = { .pool = pool, .query = pn_str_z(queries[i].query) };
        struct autoindex_conf conf = { .options = queries[i].options, .absolute = true };
        struct autoindex_view view;
        pn__autoindex_view(&r, &conf, &view);
        print_message("%s\n", queries[i].query);
        assert_int_equal(view.options, queries[i].want);
        assert_int_equal(view.key, queries[i].key);
        assert_int_equal(view.order, queries[i].order);
        assert_true(pn_str_eq(view.pattern, pn_str_z(queries[i].pattern)));
        assert_true(pn_str_eq(view.carried, pn_str_z(queries[i].carried)));
    }
}

static const struct { const char *content, *title; } titles[] = {
    { "<html><head><title>Plain</title>", "Plain" },
    { "<TITLE>a <b>x</b></TITLE>", "a " },
    { "<title>\r\n two\r\nlines</title>", " two  lines" },
    { "<title>never closed", "never closed" },
    { "<title></title>", "" },
    { "<title lang=en>no</title>", NULL },
    { "no title", NULL },
    { "", NULL },
};

static void test_title(void **state)
{
    char name[] = "/tmp/pn-autoindex-XXXXXX";
    int  fd = mkstemp(name);

    (void)state;
    assert_true(fd >= 0);
    for (size_t i = 0; i < PN_COUNT(titles); i++) {
        size_t n = strlen(titles[i].content);
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, titles[i].content, n, 0), (ssize_t)n);
        char *title = pn__autoindex_title(AT_FDCWD, name);
        if (titles[i].title)
            assert_string_equal(title, titles[i].title);
        else
            assert_null(title);
        free(title);
    }
    close(fd);
    unlink(name);
    assert_null(pn__autoindex_title(AT_FDCWD, name));
}

static const struct { const char *text; size_t n, want; } cuts[] = {
    { "abc", 2, 2 }, { "abc", 5, 3 }, { "a\xc3\xa9z", 2, 1 }, { "a\xc3\xa9z", 3, 3 }, { "\xf0\x9f\x8c\xb2x", 3, 0 },
    { "\xe7\x8c\xab\xe7\x8c\xab", 5, 3 }, { "\x80\x80\x80\x80\x80\x80", 5, 2 }, { "\xe9\xe9\xe9", 2, 2 },
};

static void test_names_are_cut_between_characters(void **state)
{
    (void)state;
    for (size_t i = 0; i < PN_COUNT(cuts); i++)
        assert_int_equal(pn__autoindex_prefix(pn_str_z(cuts[i].text), cuts[i].n).n, cuts[i].want);
}

static const struct { const char *path, *parent; } parents[] = {
    { "/", "/" }, { "/a/", "/" }, { "/a", "/" }, { "/a/b/", "/a/" }, { "/a b/c/", "/a b/" },
};

static void test_parent(void **state)
{
    (void)state;
    for (size_t i = 0; i < PN_COUNT(parents); i++) {
        struct pn_request r = { .pool = pool, .path = pn_str_z(parents[i].path) };
        assert_true(pn_str_eq(pn__autoindex_parent(&r), pn_str_z(parents[i].parent)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match),  cmocka_unit_test(test_match_is_not_exponential),
        cmocka_unit_test(test_query),  cmocka_unit_test(test_title),
        cmocka_unit_test(test_parent), cmocka_unit_test(test_names_are_cut_between_characters),
    };

    apr_initialize();
    apr_pool_create(&pool, NULL);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_pool_destroy(pool);
    apr_terminate();
    return failed;
}
