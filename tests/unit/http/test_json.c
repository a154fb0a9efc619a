/* JSON that is valid whatever goes in: random bytes are read back by the library's parser. */
#include "log_test.h"

#include <pinion/json.h>
#include <yajl/yajl_tree.h>

static yajl_val parse(const char *text, size_t n)
{
    char     error[256];
    char    *copy = strndup(text, n);
    yajl_val tree = yajl_tree_parse(copy, error, sizeof(error));

    if (!tree)
        fail_msg("no JSON: %s in %s", error, copy);
    free(copy);
    return tree;
}

static const char *string_of(yajl_val tree, const char *key)
{
    const char *path[] = { key, NULL };

    return YAJL_GET_STRING(yajl_tree_get(tree, path, yajl_t_any));
}

static void test_members(void **state)
{
    char           room[512];
    struct pn_json json;

    pn_json_begin(&json, room, sizeof(room), 100);
    pn_json_string(&json, PN_STR("s"), PN_STR("a\"b\\c\n\x01/"));
    pn_json_number(&json, PN_STR("n"), PN_STR("-12.5"));
    pn_json_number(&json, PN_STR("not"), PN_STR("012"));
    pn_json_null(&json, PN_STR("z"));
    pn_json_i64(&json, PN_STR("i"), -3);
    pn_json_maybe(&json, PN_STR("m"), (pn_str){ NULL, 0 });
    size_t n = pn_json_end(&json, room);
    room[n] = '\0';
    assert_string_equal(room, "{\"s\":\"a\\\"b\\\\c\\n\\u0001/\",\"n\":-12.5,\"not\":\"012\",\"z\":null,\"i\":-3,\"m\":null}");
}

static void test_nested_in_a_buffer(void **state)
{
    struct pn_buf  out;
    struct pn_json json;
    pn_str         all;

    pn_buf_init(&out, NULL, 4096);
    pn_json_begin_in(&json, &out, 100);
    pn_json_open_array(&json, PN_STR("list"));
    pn_json_i64(&json, (pn_str){ 0 }, 1);
    pn_json_open_object(&json, (pn_str){ 0 });
    pn_json_bool(&json, PN_STR("yes"), true);
    pn_json_real(&json, PN_STR("third"), 1.0 / 3);
    pn_json_close_object(&json);
    pn_json_close_array(&json);
    pn_json_open_object(&json, PN_STR("none"));
    pn_json_close_object(&json);
    assert_int_equal(pn_json_end(&json, NULL), 0);
    assert_int_equal(pn_buf_done(&out, &all), PN_OK);
    yajl_val    tree = parse(all.p, all.n);
    const char *path[] = { "list", NULL };
    yajl_val    list = yajl_tree_get(tree, path, yajl_t_array);
    assert_non_null(list);
    assert_int_equal(list->u.array.len, 2);
    path[0] = "third";
    assert_string_equal(YAJL_GET_NUMBER(yajl_tree_get(list->u.array.values[1], path, yajl_t_number)), "0.333333333");
    yajl_tree_free(tree);
    pn_buf_release(&out);
}

static void test_wrong_utf8_is_mended(void **state)
{
    static const struct { const char *in, *out; } cases[] = {
        { "\xc3\xa4", "\xc3\xa4" },
        { "\xe4", "\xef\xbf\xbd" },
        { "\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* a surrogate */
        { "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
        { "\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        { "a\xe2\x82", "a\xef\xbf\xbd\xef\xbf\xbd" },
    };
    char room[256];

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        struct pn_json json;
        pn_json_begin(&json, room, sizeof(room), 100);
        pn_json_string(&json, PN_STR("v"), pn_str_z(cases[i].in));
        yajl_val tree = parse(room, pn_json_end(&json, room));
        assert_string_equal(string_of(tree, "v"), cases[i].out);
        yajl_tree_free(tree);
    }
}

static void test_random_bytes_make_valid_json(void **state)
{
    static char room[4096];
    uint32_t    seed = 12345;

    for (int round = 0; round < 5000; round++) {
        char   bytes[64];
        size_t n = round % (sizeof(bytes) + 1);
        for (size_t i = 0; i < n; i++) {
            seed = seed * 1664525 + 1013904223;
            bytes[i] = (char)(seed >> 24);
        }
        struct pn_json json;
        pn_json_begin(&json, room, sizeof(room), 1000);
        pn_json_string(&json, PN_STR("v"), pn_str_n(bytes, n));
        pn_json_number(&json, PN_STR("w"), pn_str_n(bytes, n));
        yajl_tree_free(parse(room, pn_json_end(&json, room)));
    }
}

static void test_what_does_not_fit_is_told(void **state)
{
    char room[32];

    for (size_t max = 0; max < sizeof(room); max++) {
        struct pn_json json;
        pn_json_begin(&json, room, max, 100);
        pn_json_string(&json, PN_STR("key"), PN_STR("0123456789"));
        size_t n = pn_json_end(&json, room);
        assert_int_equal(n, max < 20 ? 0 : 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_nested_in_a_buffer),
        cmocka_unit_test(test_wrong_utf8_is_mended),
        cmocka_unit_test(test_random_bytes_make_valid_json),
        cmocka_unit_test(test_what_does_not_fit_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
