/* test_markup_sniff.c - what character set a page says it is in. */
#include <stdlib.h>

#include "base/support.h"

#include "modules/filters/markup_sniff.h"

static const struct { const char *in, *charset; size_t skip; const char *cut; } pages[] = {
    { "", NULL, 0, "" },
    { "<p>plain</p>", NULL, 0, "" },
    { "\xEF\xBB\xBF<p>", "UTF-8", 3, "" },
    { "\xEF\xBB", NULL, 0, "" },
    { "\xFF\xFE<", "UTF-16LE", 2, "" },
    { "<?xml version=\"1.0\" encoding=\"koi8-r\"?><a/>", "koi8-r", 0, " encoding=\"koi8-r\"" },
    { "<?xml version='1.0' encoding = 'utf-8'?>", "utf-8", 0, " encoding = 'utf-8'" },
    { "<?xml version=\"1.0\"?><a/>", NULL, 0, "" },
    { "<?xml encoding=\"x", NULL, 0, "" },
    { "<meta charset=utf-8>x", "utf-8", 0, "<meta charset=utf-8>" },
    { "<META  CHARSET = \"Latin1\" />", "Latin1", 0, "<META  CHARSET = \"Latin1\" />" },
    { "<meta name=a><meta charset=b>", "b", 0, "<meta charset=b>" },
    { "<metacharset=b>", NULL, 0, "" },
    { "<meta data-charset=b>", NULL, 0, "" },
    { "<meta charset=b", NULL, 0, "" },
    { "<meta name=d content=\"a charset=x\">", NULL, 0, "" },
    { "<meta/charset=b/>", "b/", 0, "<meta/charset=b/>" },
    { "<meta http-equiv=\"Content-Type\" content=\"text/html; charset=x\">", "x", 0,
      "<meta http-equiv=\"Content-Type\" content=\"text/html; charset=x\">" },
    { "<meta http-equiv=refresh content=\"text/html; charset=x\">", NULL, 0, "" },
};

static void check(const struct markup_sniff *got, pn_str bytes, const char *charset, size_t skip, const char *cut)
{
    pn_str left_out = pn_str_n(bytes.p + got->cut, got->cut_end - got->cut);

    assert_int_equal(got->skip, skip);
    assert_true(charset ? pn_str_eq(got->charset, pn_str_z(charset)) : got->charset.p == NULL);
    assert_true(pn_str_eq(left_out, pn_str_z(cut)));
}

static void test_pages(void **state)
{
    struct markup_sniff got;

    (void)state;
    for (size_t i = 0; i < PN_COUNT(pages); i++) {
        pn_str bytes = pn_str_z(pages[i].in);
        markup_sniff(bytes, &got);
        check(&got, bytes, pages[i].charset, pages[i].skip, pages[i].cut);
    }
}

/* A slice has no NUL behind it: each beginning of a page lies in memory that ends where it does. */
static void test_every_beginning(void **state)
{
    struct markup_sniff got;

    (void)state;
    for (size_t i = 0; i < PN_COUNT(pages); i++)
        for (size_t n = 1; n < strlen(pages[i].in); n++) {
            char *copy = malloc(n);
            assert_non_null(copy);
            memcpy(copy, pages[i].in, n);
            markup_sniff(pn_str_n(copy, n), &got);
            assert_true(got.cut <= got.cut_end && got.cut_end <= n && got.skip <= n);
            free(copy);
        }
}

static const struct { const char *type, *charset; } types[] = {
    { "text/html", NULL },
    { "text/html; charset=utf-8", "utf-8" },
    { "text/html;a=b; Charset=\"x y\"; c=d", "x y" },
    { "text/html; charset", NULL },
    { "text/html; xcharset=a", NULL },
};

static void test_content_types(void **state)
{
    (void)state;
    for (size_t i = 0; i < PN_COUNT(types); i++) {
        pn_str got = markup_charset_param(pn_str_z(types[i].type));
        assert_true(types[i].charset ? pn_str_eq(got, pn_str_z(types[i].charset)) : got.n == 0);
    }
}

static void test_elements(void **state)
{
    const pn_str names[] = { PN_STR("html"), PN_STR("b") };

    (void)state;
    assert_int_equal(markup_find_element(PN_STR("x<p><HTML>"), names, 2), 4);
    assert_int_equal(markup_find_element(PN_STR("<body><b>"), names, 2), 6);
    assert_true(markup_find_element(PN_STR("<htmlx><!--"), names, 2) == SIZE_MAX);
    assert_true(markup_find_element(PN_STR("<"), names, 2) == SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages), cmocka_unit_test(test_every_beginning), cmocka_unit_test(test_content_types),
        cmocka_unit_test(test_elements),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
