/* LogFormat: items and modifiers, escaping, what is wrong, and JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <yajl/yajl_tree.h>

#include "format_fixture.h"

static const struct { const char *format, *line; bool redirected; } cases[] = {
    { "%h %l %u %t \"%r\" %>s %b",
      "203.0.113.77 - - [14/Nov/2023:22:13:20 +0000] \"GET /docs/index.html?x=1 HTTP/1.1\" 200 1024", false },
    { "100%% \\t|\\n|\\\\|\\x", "100% \t|\n|\\|\\x", false },
    { "%a %{c}a", "203.0.113.77 203.0.113.77", false },
    { "%m %U%q %H %f %v", "GET /docs/index.html?x=1 HTTP/1.1 /srv/www/docs/index.html www.example.test", false },
    { "%{Referer}i %{referer}i %{X-No}i", "http://www.example.test/start http://www.example.test/start -", false },
    { "%{colour}C %{a}C %{b}C %{c}C", "red 1 - -", false },
    { "%{no}e %{no}n %{no}o %L %R %{T}^ti %{T}^to", "- - - - - - -", false },
    { "%B %b %k %X", "1024 1024 2 +", false },
    { "%{%Y-%m-%d}t %{sec}t %{msec}t %{usec}t %{msec_frac}t %{usec_frac}t %{begin:%H:%M}t %{begin:msec_frac}t",
      "2023-11-14 1700000000 1700000000123 1700000000123456 123 123456 22:13 123", false },
    { "%404{Referer}i %200{Referer}i", "- http://www.example.test/start", false },
    { "%!404{Referer}i %!200,304{Referer}i", "http://www.example.test/start -", false },
    { "%400,200s", "200", false },
    { "%{remote}p", "4321", false },
    { "%s %>s %<s %U %<U %>U %u %<u %>r", "404 404 404 /docs/index.html /docs/index.html /error.html anna - "
      "GET /docs/index.html?x=1 HTTP/1.1", true },
    { "%<404U", "/docs/index.html", true },
};

static const struct format *compiled(struct logged *l, const char *text)
{
    const struct format *format;
    const char          *error = log_format_compile(&l->cmd, pn_str_z(text), &format);

    if (error)
        fail_msg("%s: %s", text, error);
    return format;
}


static void test_items(void **state)
{
    static char room[1024];

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        static struct logged l;
        logged_begin(&l);
        if (cases[i].redirected)
            logged_redirect(&l);
        room[logged_print(&l, compiled(&l, cases[i].format), room, sizeof(room) - 1)] = '\0';
        assert_string_equal(room, cases[i].line);
        apr_pool_destroy(l.pool);
    }
}

static void test_peer_text_is_escaped(void **state)
{
    static struct logged l;
    static char room[512];

    logged_begin(&l);
    l.first.line = PN_STR("GET /\"\\\x01\xe4\n HTTP/1.1");
    l.first.user = PN_STR("");
    room[logged_print(&l, compiled(&l, "\"%r\" %u"), room, sizeof(room) - 1)] = '\0';
    assert_string_equal(room, "\"GET /\\\"\\\\\\x01\\xe4\\n HTTP/1.1\" \"\"");
    apr_pool_destroy(l.pool);
}

static void test_nothing_sent_and_the_last_answer(void **state)
{
    static struct logged l;
    static char room[512];

    logged_begin(&l);
    l.first.bytes_body = 0;
    l.first.keep_alive = false;
    l.first.line = PN_STR("");
    room[logged_print(&l, compiled(&l, "%b %B %k %X %r"), room, sizeof(room) - 1)] = '\0';
    assert_string_equal(room, "- 0 1 - -");
    l.conn.aborted = true;
    room[logged_print(&l, compiled(&l, "%X"), room, sizeof(room) - 1)] = '\0';
    assert_string_equal(room, "X");
    apr_pool_destroy(l.pool);
}

static void test_wrong_formats(void **state)
{
    static const char *const wrong[] = { "%", "%{x", "%>", "%^t", "%1234s", "json:", "json: x", "json: a=%{b", "json: =1" };
    static struct logged l;

    logged_begin(&l);
    for (size_t i = 0; i < PN_COUNT(wrong); i++) {
        const struct format *format;
        if (!log_format_compile(&l.cmd, pn_str_z(wrong[i]), &format))
            fail_msg("'%s' was taken", wrong[i]);
    }
    apr_pool_destroy(l.pool);
}

static void test_json(void **state)
{
    static struct logged l;
    static char room[2048];

    logged_begin(&l);
    const struct format *format =
        compiled(&l, "json: status=%>s bytes=%b user=%u agent=%{User-Agent}i text=\"%m on %H\" at=%{msec}t "
                     "time=%{%Y-%m-%d %H:%M}t empty= x='a b'");
    l.first.bytes_body = 0;
    pn_headers_set(&l.first.in, PN_HDR_USER_AGENT, PN_STR("\"\\\n\xe4"));
    room[logged_print(&l, format, room, sizeof(room) - 1)] = '\0';
    assert_string_equal(room, "{\"status\":200,\"bytes\":null,\"user\":null,\"agent\":\"\\\"\\\\\\n\xef\xbf\xbd\","
                              "\"text\":\"GET on HTTP/1.1\",\"at\":1700000000123,\"time\":\"2023-11-14 22:13\",\"empty\":\"\","
                              "\"x\":\"a b\"}");
    apr_pool_destroy(l.pool);
}

/* Fields as long as they may be: the object is cut within its values, never within its form. */
static void test_json_of_long_fields_is_whole(void **state)
{
    static char   room[PN_LOG_LINE_MAX], value[60000];
    static struct logged l;
    char          error[128];

    logged_begin(&l);
    memset(value, 1, sizeof(value));
    pn_headers_set(&l.first.in, PN_HDR_USER_AGENT, pn_str_n(value, sizeof(value)));
    const struct format *format = compiled(&l, "json: a=%{User-Agent}i b=%{User-Agent}i c=%{User-Agent}i status=%s");
    size_t               n = logged_print(&l, format, room, sizeof(room) - 1);
    assert_true(n > 100);
    room[n] = '\0';
    yajl_val tree = yajl_tree_parse(room, error, sizeof(error));
    assert_non_null(tree);
    yajl_tree_free(tree);
    apr_pool_destroy(l.pool);
}

static void test_a_long_line_is_cut(void **state)
{
    static struct logged l;
    static char room[20];

    logged_begin(&l);
    assert_int_equal(logged_print(&l, compiled(&l, "%r %r %r"), room, sizeof(room)), sizeof(room));
    apr_pool_destroy(l.pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_items),
        cmocka_unit_test(test_peer_text_is_escaped),
        cmocka_unit_test(test_nothing_sent_and_the_last_answer),
        cmocka_unit_test(test_wrong_formats),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_of_long_fields_is_whole),
        cmocka_unit_test(test_a_long_line_is_cut),
    };

    setenv("TZ", "UTC", 1);
    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
