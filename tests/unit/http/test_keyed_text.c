/* test_keyed_text.c - the lines of password and group files (src/http/keyed_text.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <apr_general.h>
#include <cmocka.h>

#include "http/keyed_text.h"

static const struct {
    const char        *label;
    enum pn_keyed_form form;
    const char        *text, *key, *want; /* want NULL: no such key; each value with a space behind it */
} cases[] = {
    { "plain", PN_KEYED_FIRST, "alice:x\nbob:y\n", "bob", "y " },
    { "no end of line", PN_KEYED_FIRST, "alice:x\nbob:y", "bob", "y " },
    { "first line counts", PN_KEYED_FIRST, "a:1\na:2\n", "a", "1 " },
    { "more fields", PN_KEYED_FIRST, "a:1:2:3\n", "a", "1 " },
    { "carriage returns", PN_KEYED_FIRST, "a:1\r\nb:2\r\n", "a", "1 " },
    { "comment", PN_KEYED_FIRST, "#a:1\n", "#a", NULL },
    { "no colon", PN_KEYED_FIRST, "a\nb:2\n", "a", NULL },
    { "no key", PN_KEYED_FIRST, ":1\n", "", NULL },
    { "empty value", PN_KEYED_FIRST, "a:\n", "a", " " },
    { "spaces around", PN_KEYED_FIRST, "  a:1  \n", "a", "1 " },
    { "case matters", PN_KEYED_FIRST, "Alice:1\n", "alice", NULL },
    { "continued", PN_KEYED_FIRST, "a:12\\\n34\n", "a", "1234 " },
    { "backslash at the end", PN_KEYED_FIRST, "a:1\\", "a", "1\\ " },
    { "pair", PN_KEYED_PAIR, "a:r:1\na:s:2\n", "a:s", "2 " },
    { "pair, empty realm", PN_KEYED_PAIR, "a::1\n", "a:", "1 " },
    { "pair cut short", PN_KEYED_PAIR, "a:r\n", "a:r", NULL },
    { "members", PN_KEYED_MEMBERS, "team: alice bob\n", "bob", "team " },
    { "member of two", PN_KEYED_MEMBERS, "one: a b\ntwo: b\n", "b", "one two " },
    { "continued members", PN_KEYED_MEMBERS, "one: a \\\n b\n", "b", "one " },
    { "quoted member", PN_KEYED_MEMBERS, "one: \"a b\"\n", "a b", "one " },
    { "group without members", PN_KEYED_MEMBERS, "one:\n", "one", NULL },
};

static void lines(void **state)
{
    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        apr_pool_t *pool;
        pn_str      got = PN_STR("");

        apr_pool_create(&pool, NULL);
        pn_str                       text = pn_str_dup(pool, pn_str_z(cases[i].text));
        const struct pn_keyed_value *value = apr_hash_get(pn__keyed_text_parse(pool, cases[i].form, text), cases[i].key, APR_HASH_KEY_STRING);
        if (!value != !cases[i].want)
            fail_msg("%s: the key is %s", cases[i].label, value ? "there" : "missing");
        for (; value; value = value->next)
            got = PN_CAT(pool, got, value->text, PN_STR(" "));
        if (cases[i].want && !pn_str_eq(got, pn_str_z(cases[i].want)))
            fail_msg("%s: got '%.*s', want '%s'", cases[i].label, PN_FMT(got), cases[i].want);
        apr_pool_destroy(pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(lines) };
    int                     failed;

    apr_initialize();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
