/* ErrorLogFormat: items, modifiers, and fields that go when an item has no value. */
#include "log_test.h"

#include <arpa/inet.h>
#include <errno.h>

#include "http/log_error.h"

static struct pn_module module = { .name = "mod_test.c" };
static struct pn_server server = { .name = PN_STR_INIT("www.example.test") };

static struct pn_log_event event_of(enum pn_log_level level)
{
    return (struct pn_log_event){ .server = &server, .module = &module, .level = level, .id = 128, .file = "../src/x/mod_test.c",
                                  .line = 12, .text = PN_STR("a \"message\"\n"), .time = INT64_C(1700000000123456) };
}

static struct pn_conn conn_of(void)
{
    struct pn_conn conn = { .id = 7, .requests = 3 };

    conn.peer.family = AF_INET;
    conn.peer.port = 4321;
    inet_pton(AF_INET, "72.15.99.187", conn.peer.ip);
    return conn;
}

static const struct {
    const char       *format;
    enum pn_log_level level;
    int               error;
    bool              conn;
    const char       *line; /* NULL: none */
} cases[] = {
    { "%M", PN_LOG_ERR, 0, false, "AH00128: a \"message\"\\n" },
    { "[%l] [%m:%l] %v 100%%", PN_LOG_TRACE1, 0, false, "[trace1] [test:trace1] www.example.test 100%" },
    { "A:%7F B %M", PN_LOG_ERR, 0, false, " B AH00128: a \"message\"\\n" },
    { "A:%7F B", PN_LOG_DEBUG, 0, false, "A:mod_test.c(12) B" },
    { "%E: x", PN_LOG_ERR, 0, false, " x" },
    { "%E: x", PN_LOG_ERR, ENOENT, false, "(2)No such file or directory: x" },
    { "%-E: x", PN_LOG_ERR, 0, false, "-: x" },
    { "x %+E y", PN_LOG_ERR, 0, false, NULL },
    { "[client\\ %a] x", PN_LOG_ERR, 0, false, " x" },
    { "[client\\ %a] x", PN_LOG_ERR, 0, true, "[client 72.15.99.187:4321] x" },
    { "x% ,\\ referer\\ %{Referer}i", PN_LOG_ERR, 0, false, "x" },
    { "k%k %{no}e %{no}n z", PN_LOG_ERR, 0, true, "k2 z" },
    { "[%t] [%{u}t] [%{m}t]", PN_LOG_ERR, 0, false,
      "[Tue Nov 14 22:13:20 2023] [Tue Nov 14 22:13:20.123456 2023] [Tue Nov 14 22:13:20.123 2023]" },
    { "%{cu}t %{cuz}t %{%H:%M}t", PN_LOG_ERR, 0, false, "2023-11-14 22:13:20.123456 2023-11-14 22:13:20.123456 +0000 22:13" },
};

static void test_formats(void **state)
{
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        const struct pn_log_form *form;
        struct pn_log_event       event = event_of(cases[i].level);
        struct pn_conn            conn = conn_of();
        char                      room[512];
        struct pn_log_line        line = { .p = room, .end = room + sizeof(room) - 1 };
        assert_null(pn__log_form_compile(pool, pn_str_z(cases[i].format), &form));
        event.error = cases[i].error;
        event.conn = cases[i].conn ? &conn : NULL;
        bool wanted = pn__log_form_line(form, &event, &line);
        assert_int_equal(wanted, cases[i].line != NULL);
        *line.p = '\0';
        if (cases[i].line)
            assert_string_equal(room, cases[i].line);
    }
    apr_pool_destroy(pool);
}

static void test_wrong_formats(void **state)
{
    static const char *const wrong[] = { "%", "%-", "%{x", "%y", "a %", "%{x}" };
    apr_pool_t              *pool;

    apr_pool_create(&pool, NULL);
    for (size_t i = 0; i < PN_COUNT(wrong); i++) {
        const struct pn_log_form *form;
        assert_non_null(pn__log_form_compile(pool, pn_str_z(wrong[i]), &form));
    }
    apr_pool_destroy(pool);
}

static void test_the_default_form(void **state)
{
    struct pn_log_event event = event_of(PN_LOG_ERR);
    struct pn_conn      conn = conn_of();
    char                room[512], want[512];
    struct pn_log_line  line = { .p = room, .end = room + sizeof(room) - 1 };

    event.conn = &conn;
    event.error = EACCES;
    assert_true(pn__log_form_line(pn__log_form_default(), &event, &line));
    *line.p = '\0';
    snprintf(want, sizeof(want), "[Tue Nov 14 22:13:20.123456 2023] [test:error] [pid %d:tid ", (int)getpid());
    assert_memory_equal(room, want, strlen(want));
    assert_non_null(strstr(room, "] (13)Permission denied: [client 72.15.99.187:4321] AH00128: a \"message\"\\n"));
}

static void test_message_numbers(void **state)
{
    char text[16];

    assert_int_equal(pn__log_id_text(0, text), 0);
    assert_int_equal(pn__log_id_text(128, text), 7);
    assert_memory_equal(text, "AH00128", 7);
    assert_int_equal(pn__log_id_text(20030, text), 7);
    assert_memory_equal(text, "PN20030", 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_wrong_formats),
        cmocka_unit_test(test_the_default_form),
        cmocka_unit_test(test_message_numbers),
    };

    setenv("TZ", "UTC", 1);
    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
