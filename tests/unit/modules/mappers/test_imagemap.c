/* test_imagemap.c - src/modules/mappers/imagemap.c: lines, shapes, relative URLs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "modules/mappers/imagemap.h"

static apr_pool_t *pool;

static const struct { const char *base, *value; pn_rc rc; const char *out; } urls[] = {
    { "http://h/a/b/c", "x", PN_OK, "http://h/a/b/x" },
    { "http://h/a/b/c", "/x", PN_OK, "http://h/x" },
    { "http://h/a/b/c", "../x", PN_OK, "http://h/a/x" },
    { "http://h/a/b/c", "../../x", PN_OK, "http://h/x" },
    { "http://h/a/b/c", "../../../x", PN_DENIED, NULL },
    { "http://h/a/b/", "..", PN_OK, "http://h/a" },
    { "http://h", "x", PN_OK, "http://hx" },
    { "http://h", "../x", PN_BAD, NULL },
    { "/a/b", "x", PN_OK, "/a/x" },
    { "//", "x", PN_OK, "//x" },
    { "/", "", PN_OK, "/" },
};

static void test_resolve(void **state)
{
    (void)state;
    for (size_t i = 0; i < PN_COUNT(urls); i++) {
        pn_str got = { NULL, 0 };
        pn_rc  rc = pn__imagemap_resolve(pool, pn_str_z(urls[i].base), pn_str_z(urls[i].value), &got);
        if (rc != urls[i].rc || (rc == PN_OK && !pn_str_eq(got, pn_str_z(urls[i].out))))
            fail_msg("%s + %s: %s %.*s", urls[i].base, urls[i].value, pn_rc_name(rc), PN_FMT(got));
    }
}

static void test_line(void **state)
{
    static struct imagemap_line line;

    (void)state;
    assert_int_equal(pn__imagemap_line(PN_STR("rect x.html 1,2 3 4 \"a text\""), &line), PN_OK);
    assert_true(pn_str_eq(line.word, PN_STR("rect")) && pn_str_eq(line.value, PN_STR("x.html")));
    assert_true(pn_str_eq(line.text, PN_STR("a text")));
    assert_int_equal(line.n, 2);
    assert_true(line.corners[1].x == 3 && line.corners[1].y == 4);
    assert_int_equal(pn__imagemap_line(PN_STR("rect x \"unfinished 1,2"), &line), PN_OK);
    assert_int_equal(line.n, 0);
    assert_int_equal(pn__imagemap_line(PN_STR("rect"), &line), PN_BAD);
    assert_int_equal(pn__imagemap_line(PN_STR(""), &line), PN_BAD);
}

static void test_too_many_corners(void **state)
{
    static struct imagemap_line line;
    char                *text = apr_psprintf(pool, "poly x %0*d", 3000, 1);

    (void)state;
    for (size_t i = 7; i < 3000; i++)
        text[i] = i % 2 ? '1' : ' ';
    assert_int_equal(pn__imagemap_line(pn_str_z(text), &line), PN_OK);
    assert_int_equal(line.n, IMAGEMAP_CORNERS_MAX);
}

static void test_shapes(void **state)
{
    static struct imagemap_line square = { .n = 4, .corners = { { 0, 0 }, { 10, 0 }, { 10, 10 }, { 0, 10 } } };
    static struct imagemap_line two = { .n = 2, .corners = { { 10, 10 }, { 0, 0 } } };
    struct imagemap_point in = { 5, 5 }, edge = { 10, 3 }, out = { 11, 5 };

    (void)state;
    assert_true(pn__imagemap_in_polygon(&square, in) && pn__imagemap_in_polygon(&square, edge));
    assert_false(pn__imagemap_in_polygon(&square, out) || pn__imagemap_in_polygon(&two, in));
    assert_true(pn__imagemap_in_rectangle(&two, in) && !pn__imagemap_in_rectangle(&two, out));
    assert_true(pn__imagemap_in_circle(&two, in));
    two.n = 1;
    assert_false(pn__imagemap_in_circle(&two, in) || pn__imagemap_in_rectangle(&two, in));
}

static void test_query(void **state)
{
    struct imagemap_point point;

    (void)state;
    assert_int_equal(pn__imagemap_query(PN_STR("12,34"), &point), PN_OK);
    assert_true(point.x == 12 && point.y == 34);
    assert_int_equal(pn__imagemap_query(PN_STR("12"), &point), PN_BAD);
    assert_int_equal(pn__imagemap_query(PN_STR(",5"), &point), PN_BAD);
    assert_int_equal(pn__imagemap_query(PN_STR(""), &point), PN_BAD);
    assert_int_equal(pn__imagemap_query((pn_str){ NULL, 0 }, &point), PN_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resolve), cmocka_unit_test(test_line),  cmocka_unit_test(test_too_many_corners),
        cmocka_unit_test(test_shapes),  cmocka_unit_test(test_query),
    };

    apr_initialize();
    apr_pool_create(&pool, NULL);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_pool_destroy(pool);
    apr_terminate();
    return failed;
}
