/* test_dav_xml.c - src/modules/dav/dav_xml.c: bodies read and values written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "modules/dav/dav_xml.h"

static apr_pool_t *pool;

static int set_up(void **state)
{
    (void)state;
    return apr_pool_create(&pool, NULL) == APR_SUCCESS ? 0 : 1;
}

static int tear_down(void **state)
{
    (void)state;
    apr_pool_destroy(pool);
    return 0;
}
static const char *const bad[] = {
    "", "<", "<a>", "<a></b>", "<a xmlns:b=''><b:c/></a>", "<p:a/>", "<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>",
    "<!DOCTYPE a [<!ENTITY % e SYSTEM 'file:///etc/passwd'>%e;]><a/>", "<a>&undeclared;</a>", "<a/><b/>",
};

static void test_what_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < PN_COUNT(bad); i++) {
        struct dav_node *root;
        if (dav_xml_parse(pool, pn_str_z(bad[i]), &root) != PN_BAD)
            fail_msg("'%s' is taken", bad[i]);
    }
}

static void test_depth(void **state)
{
    const char      *open = "", *close = "";
    struct dav_node *root;

    (void)state;
    for (int i = 0; i < DAV_XML_DEPTH_MAX; i++) {
        open = apr_pstrcat(pool, open, "<a>", NULL);
        close = apr_pstrcat(pool, close, "</a>", NULL);
    }
    assert_int_equal(dav_xml_parse(pool, pn_str_z(apr_pstrcat(pool, open, close, NULL)), &root), PN_OK);
    assert_int_equal(dav_xml_parse(pool, pn_str_z(apr_pstrcat(pool, "<a>", open, close, "</a>", NULL)), &root), PN_LIMIT);
}

static void test_looking_around(void **state)
{
    struct dav_node *root;

    (void)state;
    assert_int_equal(dav_xml_parse(pool, PN_STR("<p xmlns='DAV:' xml:lang='de'> <x xmlns='u'/>t<prop a='1'/></p>"), &root), PN_OK);
    assert_true(dav_xml_is(root, PN_STR("p")));
    assert_null(dav_xml_child(root, PN_STR("x")));
    const struct dav_node *prop = dav_xml_child(root, PN_STR("prop"));
    assert_non_null(prop);
    assert_string_equal(prop->lang.p, "de");
    assert_true(pn_str_eq(dav_xml_first(root)->ns, PN_STR("u")) && pn_str_eq(dav_xml_first(root)->name, PN_STR("x")));
    assert_ptr_equal(dav_xml_next(dav_xml_first(root)), prop);
    assert_null(dav_xml_next(prop));
}

static const struct { const char *in, *out; } values[] = {
    { "<v/>", "" },
    { "<v>a &lt;b&gt; &amp; \"c\"</v>", "a &lt;b&gt; &amp; \"c\"" },
    { "<v><a/><b>t<c/>u</b>w</v>", "<a/><b>t<c/>u</b>w" },
    { "<v xmlns:p='urn:p'><p:a p:x='&quot;1&#10;' y='2'><p:b/></p:a></v>", "<ns0:a ns0:x=\"&quot;1&#10;\" y=\"2\"><ns0:b/></ns0:a>" },
    { "<v><a xml:lang='en'/></v>", "<a xml:lang=\"en\"/>" },
    { "<v><![CDATA[<&]]></v>", "&lt;&amp;" },
    { "<v>a&#13;b</v>", "a&#13;b" },
};

static void test_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < PN_COUNT(values); i++) {
        dav_ns_table    *table = apr_array_make(pool, 1, sizeof(pn_str));
        struct dav_node *root;
        struct pn_buf    out;
        pn_str           text;
        assert_int_equal(dav_xml_parse(pool, pn_str_z(values[i].in), &root), PN_OK);
        pn_buf_init(&out, pool, 4096);
        dav_xml_inner(&out, root, table);
        assert_int_equal(pn_buf_done(&out, &text), PN_OK);
        assert_string_equal(pn_str_zdup(pool, text), values[i].out);
    }
}

static void test_namespaces(void **state)
{
    dav_ns_table *table = apr_array_make(pool, 1, sizeof(pn_str));
    struct pn_buf out;
    pn_str        text;

    (void)state;
    assert_int_equal(dav_ns_add(table, PN_STR("DAV:")), 0);
    assert_int_equal(dav_ns_add(table, PN_STR("u\"<")), 1);
    assert_int_equal(dav_ns_add(table, PN_STR("DAV:")), 0);
    assert_int_equal(dav_ns_find(table, PN_STR("other")), -1);
    pn_buf_init(&out, pool, 4096);
    dav_ns_declare(&out, table);
    dav_xml_empty(&out, PN_STR("DAV:"), PN_STR("a"));
    dav_xml_empty(&out, PN_STR("u&"), PN_STR("b"));
    dav_xml_empty(&out, PN_STR(""), PN_STR("c"));
    assert_int_equal(pn_buf_done(&out, &text), PN_OK);
    assert_string_equal(text.p, " xmlns:ns0=\"DAV:\" xmlns:ns1=\"u&quot;&lt;\"<D:a/><x:b xmlns:x=\"u&amp;\"/><c/>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_refused), cmocka_unit_test(test_depth), cmocka_unit_test(test_looking_around),
        cmocka_unit_test(test_values), cmocka_unit_test(test_namespaces),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
