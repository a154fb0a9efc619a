/* Appending to a line: escaping against the slow way, numbers, the end of the room, the time of access logs. */
#include "log_test.h"

#include <pinion/log_line.h>
#include <time.h>

static struct pn_log_line begin(char *room, size_t n)
{
    return (struct pn_log_line){ .p = room, .end = room + n };
}

static void expect(struct pn_log_line *line, char *room, const char *want)
{
    *line->p = '\0';
    assert_string_equal(room, want);
}

static const struct { const char *in; size_t n; const char *out; } texts[] = {
    { "", 0, "" },
    { "plain text of more than eight bytes", 35, "plain text of more than eight bytes" },
    { "12345678\"", 9, "12345678\\\"" },
    { "a\\b", 3, "a\\\\b" },
    { "\b\n\r\t\v", 5, "\\b\\n\\r\\t\\v" },
    { "\0\x01\x1f\x7f\x80\xff", 6, "\\x00\\x01\\x1f\\x7f\\x80\\xff" },
    { "\xc3\xa4 umlaut", 9, "\\xc3\\xa4 umlaut" },
};

static void test_peer_text_is_escaped(void **state)
{
    char room[256];

    for (size_t i = 0; i < PN_COUNT(texts); i++) {
        struct pn_log_line line = begin(room, sizeof(room) - 1);
        pn_log_text(&line, pn_str_n(texts[i].in, texts[i].n));
        expect(&line, room, texts[i].out);
    }
}

/* Every byte at every place of a word, compared with the base library's escaping. */
static void test_escaping_agrees_with_the_slow_way(void **state)
{
    apr_pool_t *pool;
    char        room[256];

    apr_pool_create(&pool, NULL);
    for (unsigned place = 0; place < 19; place++)
        for (unsigned byte = 0; byte < 256; byte++) {
            char text[20];
            memset(text, 'x', sizeof(text));
            text[place] = (char)byte;
            struct pn_log_line line = begin(room, sizeof(room) - 1);
            pn_log_text(&line, pn_str_n(text, sizeof(text)));
            expect(&line, room, pn_str_escape(pool, pn_str_n(text, sizeof(text))).p);
        }
    apr_pool_destroy(pool);
}

static void test_messages_keep_quotes(void **state)
{
    char               room[64];
    struct pn_log_line line = begin(room, sizeof(room) - 1);

    pn_log_message(&line, PN_STR("say \"x\\x01\"\n"), true);
    expect(&line, room, "say \"x\\x01\"\\n");
    line = begin(room, sizeof(room) - 1);
    pn_log_message(&line, PN_STR("a\\b\""), false);
    expect(&line, room, "a\\\\b\"");
}

static void test_numbers(void **state)
{
    static const struct { uint64_t value; const char *text; } numbers[] = {
        { 0, "0" }, { 7, "7" }, { 10, "10" }, { 99, "99" }, { 100, "100" }, { 12345, "12345" }, { 1000000, "1000000" },
        { UINT64_MAX, "18446744073709551615" },
    };
    char room[64];

    for (size_t i = 0; i < PN_COUNT(numbers); i++) {
        struct pn_log_line line = begin(room, sizeof(room) - 1);
        pn_log_u64(&line, numbers[i].value);
        expect(&line, room, numbers[i].text);
    }
    struct pn_log_line line = begin(room, sizeof(room) - 1);
    pn_log_i64(&line, INT64_MIN);
    pn_log_ch(&line, ' ');
    pn_log_padded(&line, 42, 6);
    expect(&line, room, "-9223372036854775808 000042");
}

static void test_a_line_ends_at_its_room(void **state)
{
    char room[16];

    for (size_t n = 0; n < sizeof(room); n++) {
        struct pn_log_line line = begin(room, n);
        pn_log_text(&line, PN_STR("\x01\x02\x03\x04\x05"));
        assert_true(line.full);
        assert_true(line.p <= line.end);
        pn_log_printf(&line, "%s", "something long");
        assert_true(line.p <= line.end);
    }
}

static void test_time_of_access_logs(void **state)
{
    static const char *const zones[] = { "UTC", "America/St_Johns", "Asia/Kolkata", "Europe/Berlin" };
    static const int64_t     seconds[] = { 0, 971211336, 1700000000, 1719999999, 1700000004 };

    for (size_t z = 0; z < PN_COUNT(zones); z++) {
        setenv("TZ", zones[z], 1);
        tzset();
        for (size_t i = 0; i < PN_COUNT(seconds); i++) {
            char      want[64];
            time_t    when = (time_t)seconds[i] + (time_t)z * 16; /* no second twice: the zone does not change in a server's life */
            struct tm tm;
            localtime_r(&when, &tm);
            strftime(want, sizeof(want), "[%d/%b/%Y:%H:%M:%S %z]", &tm);
            pn_str got = pn_log_clf_time((pn_wall)when * PN_USEC_PER_SEC + 999999);
            assert_int_equal(got.n, 28);
            assert_memory_equal(got.p, want, 28);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peer_text_is_escaped),
        cmocka_unit_test(test_escaping_agrees_with_the_slow_way),
        cmocka_unit_test(test_messages_keep_quotes),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_a_line_ends_at_its_room),
        cmocka_unit_test(test_time_of_access_logs),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
