/* test_negotiation.c - src/modules/mappers/negotiation_*.c: Accept fields, type maps, the qualities of a variant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <apr_general.h>

#include "modules/mappers/negotiation.h"

static apr_pool_t *pool;

static const struct { const char *text; unsigned q; } qualities[] = {
    { "1", 10000 }, { "1.0", 10000 }, { "0.5", 5000 }, { ".5", 5000 }, { "0", 0 }, { "0.", 0 }, { "0.001", 10 },
    { "0.0019", 10 }, { " 0.25 ", 2500 }, { "", 10000 }, { "abc", 10000 }, { "2", 10000 }, { "-1", 10000 }, { "0.5x", 5000 },
};

static void test_qualities(void **state)
{
    (void)state;
    for (size_t i = 0; i < PN_COUNT(qualities); i++) {
        unsigned got = pn__accept_quality(pn_str_z(qualities[i].text));
        if (got != qualities[i].q)
            fail_msg("'%s': %u", qualities[i].text, got);
    }
}

static void test_lists(void **state)
{
    struct accept_list list = pn__accept_list(pool, PN_STR("TEXT/Html;Level=1;q=0.4, , */* ; q=.1,x;charset=\"UTF-8,y\""));

    (void)state;
    assert_true(list.given);
    assert_int_equal(list.n, 3);
    assert_string_equal(list.items[0].name.p, "text/html");
    assert_int_equal(list.items[0].level, 1);
    assert_int_equal(list.items[0].q, 4000);
    assert_int_equal(list.items[1].q, 1000);
    assert_string_equal(list.items[2].charset.p, "utf-8,y");
    assert_false(pn__accept_list(pool, (pn_str){ NULL, 0 }).given);
    assert_int_equal(pn__accept_list(pool, PN_STR("")).n, 0);
}

static void test_lists_are_bounded(void **state)
{
    char *many = apr_palloc(pool, 20000);

    (void)state;
    for (size_t i = 0; i < 20000; i++)
        many[i] = i % 2 ? ',' : 'a';
    assert_int_equal(pn__accept_list(pool, pn_str_n(many, 20000)).n, ACCEPT_ITEMS_MAX);
}

/* ---- maps ---- */

static apr_array_header_t *parse(const char *text, struct map_error *error)
{
    apr_array_header_t *variants = NULL;

    *error = (struct map_error){ 0 };
    return pn__type_map_parse(pool, pn_str_z(text), PN_STR("self.var"), &variants, error) == PN_OK ? variants : NULL;
}

static void test_map(void **state)
{
    struct map_error      error;
    apr_array_header_t   *variants = parse("# first\nURI: a.html\nContent-Type: text/html; qs=0.5\n  ; charset=UTF-8\n"
                                           "Content-Language: en, fr\n\nContent-Type: text/plain\nBody:--x\none\ntwo\n--x\n\n"
                                           "URI: no-content\n\n", &error);
    const struct variant *first, *second;

    (void)state;
    assert_non_null(variants);
    assert_int_equal(variants->nelts, 2);
    first = &APR_ARRAY_IDX(variants, 0, struct variant);
    second = &APR_ARRAY_IDX(variants, 1, struct variant);
    assert_string_equal(first->name.p, "a.html");
    assert_int_equal(first->source_q, 5000);
    assert_string_equal(first->charset.p, "utf-8");
    assert_int_equal(first->languages->nelts, 2);
    assert_int_equal(first->level, 2);
    assert_true(pn_str_eq(second->body, PN_STR("one\ntwo\n")));
    assert_true(pn_str_eq(second->name, PN_STR("self.var")));
    assert_int_equal(second->bytes, 8);
}

static void test_map_faults(void **state)
{
    static const struct { const char *text; enum map_fault fault; } bad[] = {
        { "URI a.html\n", MAP_NO_COLON },       { "URI:\n", MAP_NO_VALUE },
        { "Content-Length: x\n", MAP_BAD_LENGTH }, { "Content-Length: -1\n", MAP_BAD_LENGTH },
        { "Body: x\nabc\n", MAP_NO_END },       { "Body: x", MAP_NO_END },
    };
    struct map_error error;

    (void)state;
    for (size_t i = 0; i < PN_COUNT(bad); i++) {
        assert_null(parse(bad[i].text, &error));
        assert_int_equal(error.fault, bad[i].fault);
    }
    assert_int_equal(parse("", &error)->nelts, 0);
    assert_int_equal(parse("# only a comment", &error)->nelts, 0);
}

/* ---- qualities ---- */

static struct variant variant_of(const char *type, const char *language)
{
    struct variant variant;

    pn__variant_init(&variant);
    pn__variant_set_type(pool, &variant, pn_str_z(type));
    if (language) {
        variant.languages = apr_array_make(pool, 1, sizeof(pn_str));
        *(pn_str *)apr_array_push(variant.languages) = pn_str_z(language);
    }
    return variant;
}

static void test_language_quality(void **state)
{
    static const struct { const char *accept, *language; unsigned q; bool definite; } cases[] = {
        { "en", "en", 10000, true },       { "en", "en-gb", 10000, true },   { "en-gb", "en", 10, true },
        { "en-gb", "english", 10, true },  { "fr;q=0.3", "fr", 3000, true }, { "fr", "de", 0, true },
        { "*;q=0.2", "de", 2000, false },  { "de;q=0.1, *", "de", 1000, true }, { "e", "en", 0, true },
    };
    struct negotiation_conf conf = { .force = FORCE_PREFER };

    (void)state;
    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        struct negotiation n = { .conf = &conf, .types = pn__accept_list(pool, PN_STR("*/*")),
                                 .languages = pn__accept_list(pool, pn_str_z(cases[i].accept)), .plain_language_q = 1 };
        struct variant     variant = variant_of("text/html", cases[i].language);
        pn__negotiation_qualities(&n, &variant, (pn_str){ NULL, 0 });
        if (variant.language_q != cases[i].q)
            fail_msg("'%s' on %s: %u", cases[i].accept, cases[i].language, variant.language_q);
        assert_false(variant.definite); /* the type was met by a wildcard */
    }
}

static void test_type_quality(void **state)
{
    static const struct { const char *accept, *type; unsigned q; int stars; } cases[] = {
        { "text/html", "text/html", 10000, 3 },          { "text/*;q=0.5", "text/html", 5000, 2 },
        { "*/*;q=0.1, text/*;q=0.5", "text/html", 5000, 2 }, { "text/html;level=1", "text/html", 0, 0 },
        { "text/html;level=1", "text/html;level=1", 10000, 3 }, { "text", "text/html", 0, 0 },
        { "textx/*", "text/html", 0, 0 },                { "text/html;q=0, */*", "text/html", 0, 3 },
    };
    struct negotiation_conf conf = { 0 };

    (void)state;
    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        struct negotiation n = { .conf = &conf, .types = pn__accept_list(pool, pn_str_z(cases[i].accept)), .literal = true };
        struct variant     variant = variant_of(cases[i].type, NULL);
        pn__negotiation_qualities(&n, &variant, (pn_str){ NULL, 0 });
        if (variant.type_q != cases[i].q || variant.stars != cases[i].stars)
            fail_msg("'%s' on %s: %u, %d", cases[i].accept, cases[i].type, variant.type_q, variant.stars);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_qualities),  cmocka_unit_test(test_lists),
        cmocka_unit_test(test_lists_are_bounded), cmocka_unit_test(test_map),
        cmocka_unit_test(test_map_faults), cmocka_unit_test(test_language_quality),
        cmocka_unit_test(test_type_quality),
    };

    apr_initialize();
    apr_pool_create(&pool, NULL);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_pool_destroy(pool);
    apr_terminate();
    return failed;
}
