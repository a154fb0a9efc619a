/* test_uri.c - src/proto/uri.c and authority.c. */
#include "support.h"

#include <pinion/uri.h>

static void references_are_split(void **state)
{
    static const struct {
        pn_str      in;
        pn_rc       rc;
        const char *scheme, *userinfo, *host, *port_text, *path, *query, *fragment;
        unsigned    port;
    } cases[] = {
        { BYTES("http://u:p@h:80/a?b#c"), PN_OK, "http", "u:p", "h", "80", "/a", "b", "c", 80 },
        { BYTES("http://h"), PN_OK, "http", NULL, "h", NULL, "", NULL, NULL, 0 },
        { BYTES("http://h:?"), PN_OK, "http", NULL, "h", "", "", "", NULL, 0 },
        { BYTES("http://[::1]:8080/"), PN_OK, "http", NULL, "[::1]", "8080", "/", NULL, NULL,
          8080 },
        { BYTES("http://[::1]"), PN_OK, "http", NULL, "[::1]", NULL, "", NULL, NULL, 0 },
        { BYTES("//h/a"), PN_OK, NULL, NULL, "h", NULL, "/a", NULL, NULL, 0 },
        { BYTES("/a:b?c?d#e#f"), PN_OK, NULL, NULL, NULL, NULL, "/a:b", "c?d", "e#f", 0 },
        { BYTES("mailto:a@b"), PN_OK, "mailto", NULL, NULL, NULL, "a@b", NULL, NULL, 0 },
        { BYTES("a/b:c"), PN_OK, NULL, NULL, NULL, NULL, "a/b:c", NULL, NULL, 0 },
        { BYTES("1a:b"), PN_OK, NULL, NULL, NULL, NULL, "1a:b", NULL, NULL, 0 },
        { BYTES(""), PN_OK, NULL, NULL, NULL, NULL, "", NULL, NULL, 0 },
        { BYTES("?"), PN_OK, NULL, NULL, NULL, NULL, "", "", NULL, 0 },
        { BYTES("file:///x"), PN_OK, "file", NULL, "", NULL, "/x", NULL, NULL, 0 },
        { BYTES("http://u@v@h/"), PN_OK, "http", "u@v", "h", NULL, "/", NULL, NULL, 0 },
        { BYTES("http://h:65536/"), PN_BAD },
        { BYTES("http://h:x/"), PN_BAD },
        { BYTES("http://h:80:80/"), PN_BAD },
        { BYTES("http://[::1/"), PN_BAD },
        { BYTES("http://[::1]x/"), PN_BAD },
        { BYTES("http://a[b]/"), PN_BAD },
        { BYTES("/a b"), PN_BAD },
        { BYTES("/a\0b"), PN_BAD },
        { BYTES("/a\r\nb"), PN_BAD },
        { BYTES("/a\x7f"), PN_BAD },
    };

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        struct pn_uri uri = { 0 };
        pn_str        in = cases[i].in;

        check_rc(in, pn_uri_split(in, &uri), cases[i].rc);
        if (cases[i].rc != PN_OK)
            continue;
        const struct {
            pn_str      got;
            const char *want;
        } parts[] = {
            { uri.scheme, cases[i].scheme },     { uri.userinfo, cases[i].userinfo },
            { uri.host, cases[i].host },         { uri.port_text, cases[i].port_text },
            { uri.path, cases[i].path },         { uri.query, cases[i].query },
            { uri.fragment, cases[i].fragment },
        };
        for (size_t k = 0; k < PN_COUNT(parts); k++) {
            check_u64(in, parts[k].got.p != NULL, parts[k].want != NULL);
            check_z(in, parts[k].got, parts[k].want);
        }
        check_u64(in, uri.port, cases[i].port);
    }
    struct pn_uri uri;
    assert_int_equal(pn_uri_split((pn_str){ 0 }, &uri), PN_OK);
}

static const struct {
    pn_str               in;
    enum pn_slash_policy slashes;
    bool                 merge;
    pn_rc                rc;
    const char          *out;
} paths[] = {
    { BYTES("/"), PN_SLASH_REFUSE, true, PN_OK, "/" },
    { BYTES("/a/b.html"), PN_SLASH_REFUSE, true, PN_OK, "/a/b.html" },
    { BYTES("/%61%2Fb"), PN_SLASH_REFUSE, true, PN_NOT_FOUND, NULL },
    { BYTES("/%2f%zz"), PN_SLASH_REFUSE, true, PN_BAD, NULL },
    { BYTES("/%61%2Fb"), PN_SLASH_DECODE, true, PN_OK, "/a/b" },
    { BYTES("/%61%2Fb"), PN_SLASH_KEEP, true, PN_OK, "/a%2Fb" },
    { BYTES("/..%2f.."), PN_SLASH_KEEP, true, PN_OK, "/..%2f.." },
    { BYTES("/..%2f.."), PN_SLASH_DECODE, true, PN_DENIED, NULL },
    { BYTES("/a%20b+c"), PN_SLASH_REFUSE, true, PN_OK, "/a b+c" },
    { BYTES("/%3f"), PN_SLASH_REFUSE, true, PN_OK, "/?" },
    { BYTES("/%252e%252e/"), PN_SLASH_REFUSE, true, PN_OK, "/%2e%2e/" },
    { BYTES("/."), PN_SLASH_REFUSE, true, PN_OK, "/" },
    { BYTES("/./"), PN_SLASH_REFUSE, true, PN_OK, "/" },
    { BYTES("/./a"), PN_SLASH_REFUSE, true, PN_OK, "/a" },
    { BYTES("/a/."), PN_SLASH_REFUSE, true, PN_OK, "/a/" },
    { BYTES("/a/.."), PN_SLASH_REFUSE, true, PN_OK, "/" },
    { BYTES("/a/../"), PN_SLASH_REFUSE, true, PN_OK, "/" },
    { BYTES("/a/b/../c"), PN_SLASH_REFUSE, true, PN_OK, "/a/c" },
    { BYTES("/a/b/../../c"), PN_SLASH_REFUSE, true, PN_OK, "/c" },
    { BYTES("/a/%2e%2E/c"), PN_SLASH_REFUSE, true, PN_OK, "/c" },
    { BYTES("/a/.%2e/c"), PN_SLASH_REFUSE, true, PN_OK, "/c" },
    { BYTES("/.."), PN_SLASH_REFUSE, true, PN_DENIED, NULL },
    { BYTES("/../a"), PN_SLASH_REFUSE, true, PN_DENIED, NULL },
    { BYTES("/a/../../b"), PN_SLASH_REFUSE, true, PN_DENIED, NULL },
    { BYTES("/%2e%2e/"), PN_SLASH_REFUSE, true, PN_DENIED, NULL },
    { BYTES("/..."), PN_SLASH_REFUSE, true, PN_OK, "/..." },
    { BYTES("/.a/..b/c.."), PN_SLASH_REFUSE, true, PN_OK, "/.a/..b/c.." },
    { BYTES("//a///b//"), PN_SLASH_REFUSE, true, PN_OK, "/a/b/" },
    { BYTES("//a///b//"), PN_SLASH_REFUSE, false, PN_OK, "//a///b//" },
    { BYTES("//"), PN_SLASH_REFUSE, true, PN_OK, "/" },
    { BYTES("/a//../b"), PN_SLASH_REFUSE, true, PN_OK, "/b" },
    { BYTES("/a//../b"), PN_SLASH_REFUSE, false, PN_OK, "/a/b" },
    { BYTES("//.."), PN_SLASH_REFUSE, true, PN_DENIED, NULL },
    { BYTES("//../.."), PN_SLASH_REFUSE, false, PN_DENIED, NULL },
    { BYTES("/%00"), PN_SLASH_REFUSE, true, PN_BAD, NULL },
    { BYTES("/a\0b"), PN_SLASH_REFUSE, true, PN_BAD, NULL },
    { BYTES("/%"), PN_SLASH_REFUSE, true, PN_BAD, NULL },
    { BYTES("/%4"), PN_SLASH_REFUSE, true, PN_BAD, NULL },
    { BYTES("/%4g"), PN_SLASH_REFUSE, true, PN_BAD, NULL },
    { BYTES("/%u0041"), PN_SLASH_REFUSE, true, PN_BAD, NULL },
    { BYTES(""), PN_SLASH_REFUSE, true, PN_BAD, NULL },
    { BYTES("a"), PN_SLASH_REFUSE, true, PN_BAD, NULL },
    { BYTES("%2fa"), PN_SLASH_DECODE, true, PN_BAD, NULL },
    { BYTES("/\xc3\xa9"), PN_SLASH_REFUSE, true, PN_OK, "/\xc3\xa9" },
};

static void paths_are_normalised(void **state)
{
    for (size_t i = 0; i < PN_COUNT(paths); i++) {
        char  *copy = tight_copy(paths[i].in);
        pn_str in = { copy, paths[i].in.n }, out = { 0 };

        check_rc(in, pn_uri_normalise(pool, in, paths[i].slashes, paths[i].merge, &out),
                 paths[i].rc);
        if (paths[i].rc == PN_OK)
            check_z(in, out, paths[i].out);
        free(copy);
    }
    pn_str plain = PN_STR("/a/b..c/d.e"), out;
    assert_int_equal(pn_uri_normalise(pool, plain, PN_SLASH_REFUSE, true, &out), PN_OK);
    assert_ptr_equal(out.p, plain.p);
}

static void dots_are_removed_from_decoded_paths(void **state)
{
    static const struct {
        const char *in;
        pn_rc       rc;
        const char *out;
    } cases[] = {
        { "/a/../b%2e", PN_OK, "/b%2e" },
        { "/a//b", PN_OK, "/a//b" },
        { "/../a", PN_DENIED, NULL },
        { "a", PN_BAD, NULL },
        { "", PN_BAD, NULL },
    };

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        pn_str in = pn_str_z(cases[i].in), out;
        check_rc(in, pn_uri_remove_dots(pool, in, &out), cases[i].rc);
        if (cases[i].rc == PN_OK)
            check_z(in, out, cases[i].out);
    }
}

static void text_is_decoded(void **state)
{
    pn_str out;

    assert_int_equal(pn_uri_decode(pool, PN_STR("a%2Fb+%c3%A9"), &out), PN_OK);
    check_z(PN_STR("decode"), out, "a/b+\xc3\xa9");
    assert_int_equal(pn_uri_decode(pool, PN_STR(""), &out), PN_OK);
    check_z(PN_STR("decode"), out, "");
    assert_int_equal(pn_uri_decode(pool, PN_STR("%0"), &out), PN_BAD);
    assert_int_equal(pn_uri_decode(pool, PN_STR("%00"), &out), PN_BAD);
}

static void text_is_encoded(void **state)
{
    pn_str all = PN_STR("/d!\"#$%&'()*+,-.:;<=>?@[\\]^_`{|}~\xc3\xa9 \n");

    check_z(all, pn_uri_encode_path(pool, all),
            "/d!%22%23$%25&'()*+,-.:;%3c=%3e%3f@%5b%5c%5d%5e_%60%7b%7c%7d~%c3%a9%20%0a");
    check_z(all, pn_uri_encode_component(pool, PN_STR("a-._~/?&=+ \xff")),
            "a-._~%2f%3f%26%3d%2b%20%ff");
    check_z(all, pn_uri_encode_path(pool, (pn_str){ 0 }), "");
    check_z(all, pn_html_escape(pool, PN_STR("<a href=\"x\" b='&'>")),
            "&lt;a href=&quot;x&quot; b=&#39;&amp;&#39;&gt;");
    check_z(all, pn_html_escape(pool, PN_STR("")), "");
    assert_int_equal(pn_uri_encode_path(pool, PN_STR("a")).p[1], '\0');
}

static void authorities_are_split(void **state)
{
    static const struct {
        pn_str      in;
        pn_rc       rc;
        const char *host;
        unsigned    port;
    } cases[] = {
        { BYTES("a"), PN_OK, "a", 0 },
        { BYTES("www.Example.com:8080"), PN_OK, "www.Example.com", 8080 },
        { BYTES("a_b.c-d"), PN_OK, "a_b.c-d", 0 },
        { BYTES("a."), PN_OK, "a.", 0 },
        { BYTES(".a"), PN_OK, ".a", 0 },
        { BYTES("a:000080"), PN_OK, "a", 80 },
        { BYTES("a:65535"), PN_OK, "a", 65535 },
        { BYTES("1.2.3.4"), PN_OK, "1.2.3.4", 0 },
        { BYTES("[::1]"), PN_OK, "[::1]", 0 },
        { BYTES("[2001:db8::a]:443"), PN_OK, "[2001:db8::a]", 443 },
        { BYTES(""), PN_BAD },
        { BYTES("."), PN_BAD },
        { BYTES(".."), PN_BAD },
        { BYTES("a..b"), PN_BAD },
        { BYTES("1.2.3"), PN_BAD },
        { BYTES("1.2.3.4."), PN_BAD },
        { BYTES("a:"), PN_BAD },
        { BYTES("a:0"), PN_BAD },
        { BYTES("a:65536"), PN_BAD },
        { BYTES("a:x"), PN_BAD },
        { BYTES("a:+80"), PN_BAD },
        { BYTES("a:80:80"), PN_BAD },
        { BYTES(":80"), PN_BAD },
        { BYTES("u@a"), PN_BAD },
        { BYTES("a/b"), PN_BAD },
        { BYTES("a b"), PN_BAD },
        { BYTES("a%41"), PN_BAD },
        { BYTES("\xc3\xa9"), PN_BAD },
        { BYTES("a\0b"), PN_BAD },
        { BYTES("::1"), PN_BAD },
        { BYTES("[::1"), PN_BAD },
        { BYTES("[::1]x"), PN_BAD },
        { BYTES("[1.2.3.4]"), PN_BAD },
        { BYTES("[fe80::1%25eth0]"), PN_BAD },
        { BYTES("[v1.a]"), PN_BAD },
        { BYTES("[]"), PN_BAD },
        { BYTES("[::1\0]"), PN_BAD },
    };

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        pn_str   host = { 0 };
        uint16_t port = 0;
        check_rc(cases[i].in, pn_authority_split(cases[i].in, &host, &port), cases[i].rc);
        check_z(cases[i].in, host, cases[i].host);
        check_u64(cases[i].in, port, cases[i].port);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(references_are_split),
        POOL_TEST(paths_are_normalised),
        POOL_TEST(dots_are_removed_from_decoded_paths),
        POOL_TEST(text_is_decoded),
        POOL_TEST(text_is_encoded),
        POOL_TEST(authorities_are_split),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
