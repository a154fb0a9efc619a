/* test_headers.c - src/proto/headers.c and header_names.c: the list of fields, names, values,
 * comma lists. */
#include "support.h"

#include <pinion/headers.h>

static pn_str dump(const struct pn_headers *h)
{
    struct pn_buf buf;
    pn_str        text;

    pn_buf_init(&buf, pool, 65536);
    for (const struct pn_header *f = pn_headers_begin(h); f < pn_headers_end(h); f++) {
        pn_buf_str(&buf, f->name);
        pn_buf_ch(&buf, '=');
        pn_buf_str(&buf, f->value);
        pn_buf_ch(&buf, '|');
    }
    assert_int_equal(pn_buf_done(&buf, &text), PN_OK);
    return text;
}

static void every_known_name_is_found_in_any_case(void **state)
{
    for (unsigned id = 1; id < PN_HDR__COUNT; id++) {
        pn_str name = pn_hdr_name((enum pn_hdr)id);
        char  *upper = pn_str_zdup(pool, name), *lower = (char *)pn_str_lower(pool, name).p;

        for (char *p = upper; *p; p++)
            *p = (char)(*p >= 'a' && *p <= 'z' ? *p - 32 : *p);
        check_u64(name, pn_hdr_id(name), id);
        check_u64(name, pn_hdr_id(pn_str_z(upper)), id);
        check_u64(name, pn_hdr_id(pn_str_z(lower)), id);
    }
}

/* Each byte of each name changed to each other value: only the case of letters may be ignored. */
static void a_name_with_one_wrong_byte_is_unknown(void **state)
{
    for (unsigned id = 1; id < PN_HDR__COUNT; id++) {
        pn_str name = pn_hdr_name((enum pn_hdr)id);
        char  *copy = tight_copy(name);

        for (size_t i = 0; i < name.n; i++) {
            for (int byte = 0; byte < 256; byte++) {
                pn_str changed = { copy, name.n };
                copy[i] = (char)byte;
                bool same = pn_str_ieq(changed, name);
                if (same != (pn_hdr_id(changed) == id))
                    fail_msg("%s with byte %zu = %02x", name.p, i, (unsigned)byte);
            }
            copy[i] = name.p[i];
        }
        free(copy);
    }
}

static void names_of_no_list_are_other(void **state)
{
    static const char *const names[] = { "",
                                         "X",
                                         "Hos",
                                         "Hosts",
                                         "X-Powered-By",
                                         "Content-Lengt\r",
                                         "Content\rLength",
                                         "a-name-that-is-far-longer-than-any-known-one" };

    for (size_t i = 0; i < PN_COUNT(names); i++)
        check_u64(pn_str_z(names[i]), pn_hdr_id(pn_str_z(names[i])), PN_HDR_OTHER);
}

static void fields_are_added_and_read_in_order(void **state)
{
    struct pn_headers h;

    pn_headers_init(&h, pool, 0);
    assert_null(pn_headers_get(&h, PN_HDR_HOST).p);
    pn_headers_add(&h, PN_HDR_HOST, PN_STR("a"));
    pn_headers_add_name(&h, PN_STR("x-one"), PN_STR("1"));
    pn_headers_add_name(&h, PN_STR("VIA"), PN_STR("p"));
    pn_headers_add(&h, PN_HDR_VIA, PN_STR("q"));
    pn_headers_add_name(&h, PN_STR("X-One"), PN_STR(""));
    check_z(PN_STR("list"), dump(&h), "Host=a|x-one=1|VIA=p|Via=q|X-One=|");
    check_z(PN_STR("get"), pn_headers_get(&h, PN_HDR_VIA), "p");
    check_z(PN_STR("get"), pn_headers_get_name(&h, PN_STR("X-ONE")), "1");
    check_z(PN_STR("joined"), pn_headers_joined(&h, pool, PN_HDR_VIA), "p, q");
    check_z(PN_STR("joined"), pn_headers_joined_name(&h, pool, PN_STR("x-one")), "1, ");
    check_u64(PN_STR("count"), pn_headers_count(&h, PN_HDR_VIA), 2);
    check_u64(PN_STR("count"), pn_headers_count(&h, PN_HDR_TE), 0);
    assert_ptr_equal(pn_headers_joined(&h, pool, PN_HDR_HOST).p, h.v[0].value.p);
    assert_null(pn_headers_joined(&h, pool, PN_HDR_TE).p);
    assert_true(pn_headers_has(&h, PN_HDR_VIA));
    assert_false(pn_headers_has(&h, PN_HDR_WARNING));
}

static void cookies_are_joined_by_semicolons(void **state)
{
    struct pn_headers h;

    pn_headers_init(&h, pool, 1);
    pn_headers_add(&h, PN_HDR_COOKIE, PN_STR("a=1"));
    pn_headers_add(&h, PN_HDR_COOKIE, PN_STR("b=2"));
    check_z(PN_STR("cookie"), pn_headers_joined(&h, pool, PN_HDR_COOKIE), "a=1; b=2");
}

static void set_replaces_all_in_the_first_place(void **state)
{
    struct pn_headers h;

    pn_headers_init(&h, pool, 4);
    pn_headers_add(&h, PN_HDR_VIA, PN_STR("1"));
    pn_headers_add_name(&h, PN_STR("X"), PN_STR("2"));
    pn_headers_add(&h, PN_HDR_VIA, PN_STR("3"));
    pn_headers_add_name(&h, PN_STR("x"), PN_STR("4"));
    pn_headers_set(&h, PN_HDR_VIA, PN_STR("v"));
    pn_headers_set_name(&h, PN_STR("x"), PN_STR("w"));
    pn_headers_set(&h, PN_HDR_AGE, PN_STR("0"));
    check_z(PN_STR("set"), dump(&h), "Via=v|x=w|Age=0|");
}

static void merge_extends_the_last_field(void **state)
{
    struct pn_headers h;

    pn_headers_init(&h, pool, 4);
    pn_headers_merge(&h, PN_HDR_VARY, PN_STR("a"));
    pn_headers_add(&h, PN_HDR_VARY, PN_STR("b"));
    pn_headers_merge(&h, PN_HDR_VARY, PN_STR("c"));
    pn_headers_merge_name(&h, PN_STR("X"), PN_STR("1"));
    pn_headers_merge_name(&h, PN_STR("x"), PN_STR("2"));
    check_z(PN_STR("merge"), dump(&h), "Vary=a|Vary=b, c|X=1, 2|");
}

static void unset_removes_all_and_says_how_many(void **state)
{
    struct pn_headers h;

    pn_headers_init(&h, pool, 4);
    pn_headers_add(&h, PN_HDR_VIA, PN_STR("1"));
    pn_headers_add_name(&h, PN_STR("X"), PN_STR("2"));
    pn_headers_add(&h, PN_HDR_VIA, PN_STR("3"));
    check_u64(PN_STR("Via"), pn_headers_unset(&h, PN_HDR_VIA), 2);
    check_u64(PN_STR("Via"), pn_headers_unset(&h, PN_HDR_VIA), 0);
    assert_false(pn_headers_has(&h, PN_HDR_VIA));
    check_u64(PN_STR("x"), pn_headers_unset_name(&h, PN_STR("x")), 1);
    check_u64(PN_STR("y"), pn_headers_unset_name(&h, PN_STR("y")), 0);
    check_z(PN_STR("empty"), dump(&h), "");
}

static void a_copy_shares_nothing(void **state)
{
    struct pn_headers h, copy;
    apr_pool_t       *other;

    assert_int_equal(apr_pool_create(&other, pool), APR_SUCCESS);
    pn_headers_init(&h, other, 2);
    for (int i = 0; i < 40; i++)
        pn_headers_add_name(&h, pn_str_printf(other, "X-%d", i), pn_str_printf(other, "%d", i));
    pn_headers_add_name(&h, pn_str_dup(other, PN_STR("host")), PN_STR("a"));
    pn_headers_copy(&copy, pool, &h);
    pn_str before = pn_str_dup(pool, dump(&h));
    apr_pool_destroy(other);
    check_str(PN_STR("copy"), dump(&copy), before);
    check_z(PN_STR("copy"), pn_headers_get(&copy, PN_HDR_HOST), "a");
}

static void names_and_values_are_judged(void **state)
{
    assert_true(pn_header_name_ok(PN_STR("X-a_b.c!#$%&'*+^`|~9")));
    assert_false(pn_header_name_ok(PN_STR("")));
    for (int c = 0; c < 256; c++) {
        char   byte = (char)c;
        pn_str name = { &byte, 1 };
        bool   token = c > 0x20 && c < 0x7f && !strchr("\"(),/:;<=>?@[\\]{}", c);

        check_u64(name, pn_header_name_ok(name), token);
        check_u64(name, pn_header_value_ok(name), c != 0 && c != '\r' && c != '\n');
    }
}

static void lists_are_walked(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        { "", "" },
        { ",", "" },
        { "a", "a|" },
        { " a ,, b\t,", "a|b|" },
        { "a;q=\"x,y\", b", "a;q=\"x,y\"|b|" },
        { "\"a\\\",b\", c", "\"a\\\",b\"|c|" },
        { "\"open, b", "\"open, b|" },
        { "\"tail\\", "\"tail\\|" },
    };

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        pn_str        in = pn_str_z(cases[i].in), text;
        char         *copy = tight_copy(in);
        pn_str        rest = { copy, in.n };
        struct pn_buf buf;

        pn_buf_init(&buf, pool, 1000);
        for (pn_str one = pn_header_list_next(&rest); one.p; one = pn_header_list_next(&rest)) {
            pn_buf_str(&buf, one);
            pn_buf_ch(&buf, '|');
        }
        assert_int_equal(pn_buf_done(&buf, &text), PN_OK);
        check_z(in, text, cases[i].out);
        free(copy);
    }
}

static void tokens_are_found_in_lists(void **state)
{
    assert_true(pn_header_has_token(PN_STR("Keep-Alive, CLOSE"), PN_STR("close")));
    assert_true(pn_header_has_token(PN_STR("close"), PN_STR("close")));
    assert_false(pn_header_has_token(PN_STR("closed, notclose"), PN_STR("close")));
    assert_false(pn_header_has_token(PN_STR(""), PN_STR("close")));
    assert_false(pn_header_has_token(PN_STR("\"a,close,b\""), PN_STR("close")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(every_known_name_is_found_in_any_case),
        POOL_TEST(a_name_with_one_wrong_byte_is_unknown),
        POOL_TEST(names_of_no_list_are_other),
        POOL_TEST(fields_are_added_and_read_in_order),
        POOL_TEST(cookies_are_joined_by_semicolons),
        POOL_TEST(set_replaces_all_in_the_first_place),
        POOL_TEST(merge_extends_the_last_field),
        POOL_TEST(unset_removes_all_and_says_how_many),
        POOL_TEST(a_copy_shares_nothing),
        POOL_TEST(names_and_values_are_judged),
        POOL_TEST(lists_are_walked),
        POOL_TEST(tokens_are_found_in_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
