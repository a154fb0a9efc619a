/* Lines of several logs in one segment: order, what happens on a full disk or a stuck pipe, taking back. */
#include "log_test.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "http/log_buffer.h"
#include "rt/loop.h"

static void add(struct pn_log_sink *sink, const char *fmt, int n)
{
    char text[200];
    int  length = snprintf(text, sizeof(text), "%s%d\n", fmt, n);

    pn_log_sink_add(sink, pn_str_n(text, (size_t)length));
}

static void test_lines_reach_their_logs_in_order(void **state)
{
    struct log_test t;

    log_test_begin(&t);
    struct pn_log_sink *a = log_test_sink(&t, "a"), *b = log_test_sink(&t, "b");
    assert_ptr_equal(a, log_test_sink(&t, "a"));
    pn_log_buffer_attach(NULL);
    for (int i = 0; i < 300; i++) /* more runs than one writev takes */
        add(i % 2 ? b : a, "line ", i);
    assert_int_equal(log_test_read(&t, "a").n, 0);
    pn_log_buffer_flush();
    pn_str lines = log_test_read(&t, "a");
    for (int i = 0; i < 300; i += 2) {
        char want[32];
        snprintf(want, sizeof(want), "line %d", i);
        assert_true(pn_str_eq(pn_str_cut(lines, '\n', &lines), pn_str_z(want)));
    }
    assert_int_equal(lines.n, 0);
    pn_log_buffer_release();
    log_test_end(&t, (const char *const[]){ "a", "b" }, 2);
}

static void test_a_full_buffer_is_written_at_once(void **state)
{
    struct log_test t;
    char            filler[1000];
    int             count = 3000; /* 3 MB through a buffer of half a megabyte */

    log_test_begin(&t);
    struct pn_log_sink *sink = log_test_sink(&t, "a");
    memset(filler, 'x', sizeof(filler));
    filler[sizeof(filler) - 1] = '\n';
    pn_log_buffer_attach(NULL);
    for (int i = 0; i < count; i++)
        pn_log_sink_add(sink, pn_str_n(filler, sizeof(filler)));
    pn_log_buffer_release();
    assert_int_equal(log_test_read(&t, "a").n, (size_t)count * sizeof(filler));
    log_test_end(&t, (const char *const[]){ "a" }, 1);
}

static void test_a_line_that_is_too_long_is_cut(void **state)
{
    struct log_test t;

    log_test_begin(&t);
    struct pn_log_sink *sink = log_test_sink(&t, "a");
    size_t              n = PN_LOG_LINE_MAX + 1000;
    char               *text = malloc(n);
    memset(text, 'y', n);
    text[n - 1] = '\n';
    pn_log_buffer_attach(NULL);
    pn_log_sink_add(sink, pn_str_n(text, n));
    pn_log_buffer_release();
    pn_str got = log_test_read(&t, "a");
    assert_int_equal(got.n, PN_LOG_LINE_MAX);
    assert_int_equal(got.p[got.n - 1], '\n');
    free(text);
    log_test_end(&t, (const char *const[]){ "a" }, 1);
}

static void test_lines_can_be_taken_back(void **state)
{
    struct log_test t;

    log_test_begin(&t);
    struct pn_log_sink *a = log_test_sink(&t, "a"), *b = log_test_sink(&t, "b");
    pn_log_buffer_attach(NULL);
    add(a, "kept ", 1);
    struct pn_log_mark mark = pn_log_buffer_mark();
    add(a, "gone ", 2);
    add(b, "gone ", 3);
    pn_log_buffer_take_back(mark);
    add(a, "kept ", 4);
    pn_log_buffer_release();
    assert_string_equal(log_test_read(&t, "a").p, "kept 1\nkept 4\n");
    assert_int_equal(log_test_read(&t, "b").n, 0);
    log_test_end(&t, (const char *const[]){ "a", "b" }, 2);
}

static void test_a_line_within_a_line_is_written_past_the_buffer(void **state)
{
    struct log_test t;

    log_test_begin(&t);
    struct pn_log_sink *a = log_test_sink(&t, "a"), *b = log_test_sink(&t, "b");
    pn_log_buffer_attach(NULL);
    char *to = pn_log_sink_reserve(a, 100);
    add(b, "inner ", 1);
    memcpy(to, "outer\n", 6);
    pn_log_sink_commit(a, 6);
    pn_log_buffer_release();
    assert_string_equal(log_test_read(&t, "a").p, "outer\n");
    assert_string_equal(log_test_read(&t, "b").p, "inner 1\n");
    log_test_end(&t, (const char *const[]){ "a", "b" }, 2);
}

static void test_lazy_lines_wait(void **state)
{
    struct log_test t;

    log_test_begin(&t);
    struct pn_log_sink *sink = log_test_sink(&t, "a");
    pn_log_sink_set_lazy(sink);
    pn_log_buffer_attach(NULL);
    add(sink, "lazy ", 1);
    pn_log_buffer_flush();
    assert_int_equal(log_test_read(&t, "a").n, 0);
    for (int i = 0; i < 600; i++)
        add(sink, "lazy ", i);
    pn_log_buffer_flush();
    assert_true(log_test_read(&t, "a").n > 4096);
    pn_log_buffer_release();
    log_test_end(&t, (const char *const[]){ "a" }, 1);
}

/* ---- trouble ---- */

/* A loop that has just written keeps the next lines for a moment, so that many requests share a system call. */
static void test_a_busy_loop_writes_every_few_milliseconds(void **state)
{
    static const char *const names[] = { "busy" };
    struct log_test          t;
    struct pn_loop          *loop;

    (void)state;
    log_test_begin(&t);
    assert_int_equal(pn_loop_open(t.generation.pool, &loop), PN_OK);
    pn_log_buffer_attach(NULL);
    struct pn_log_sink *sink = log_test_sink(&t, "busy");

    add(sink, "first ", 1);
    pn_log_buffer_turn(loop, PN_LOG_PACE_USEC);
    assert_string_equal(log_test_read(&t, "busy").p, "first 1\n"); /* at leisure: at once */
    add(sink, "second ", 2);
    pn_log_buffer_turn(loop, PN_LOG_PACE_USEC);
    assert_string_equal(log_test_read(&t, "busy").p, "first 1\n");
    while (log_test_read(&t, "busy").n == 8)
        pn_loop_turn(loop, PN_NEVER); /* its timer ends the wait */
    assert_string_equal(log_test_read(&t, "busy").p, "first 1\nsecond 2\n");
    pn_log_buffer_release();
    pn_loop_close(loop);
    log_test_end(&t, names, PN_COUNT(names));
}

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit = { .rlim_cur = bytes, .rlim_max = RLIM_INFINITY };

    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The file takes 1,000 bytes, then no more, then all again. */
static void test_lines_survive_a_full_disk(void **state)
{
    struct log_test t;
    int             count = 500;

    log_test_begin(&t);
    signal(SIGXFSZ, SIG_IGN);
    struct pn_log_sink *full = log_test_sink(&t, "full"), *fine = log_test_sink(&t, "fine");
    pn_log_buffer_attach(NULL);
    limit_file_size(1000);
    for (int i = 0; i < count; i++) {
        add(full, "number ", i);
        if (i % 7 == 0)
            pn_log_buffer_flush();
    }
    add(fine, "fine ", 1);
    pn_log_buffer_flush();
    assert_int_equal(log_test_read(&t, "full").n, 1000);
    assert_string_equal(log_test_read(&t, "fine").p, "fine 1\n");
    limit_file_size(RLIM_INFINITY);
    pn_log_buffer_release();
    pn_str lines = log_test_read(&t, "full");
    for (int i = 0; i < count; i++) {
        char want[32];
        snprintf(want, sizeof(want), "number %d", i);
        pn_str line = pn_str_cut(lines, '\n', &lines);
        if (!pn_str_eq(line, pn_str_z(want)))
            fail_msg("line %d is '%.*s'", i, PN_FMT(line));
    }
    assert_int_equal(lines.n, 0);
    log_test_end(&t, (const char *const[]){ "full", "fine" }, 2);
}

/* When more waits than fits, the oldest go, whole lines each, and are counted. */
static void test_the_oldest_lines_go_when_nothing_is_taken(void **state)
{
    struct log_test t;
    char            filler[1000];

    log_test_begin(&t);
    struct pn_log_sink *sink = log_test_sink(&t, "full");
    pn_log_buffer_attach(NULL);
    limit_file_size(500);
    for (int i = 0; i < 5000; i++) {
        memset(filler, 'a' + i % 26, sizeof(filler));
        memcpy(filler + sizeof(filler) - 6, "......", 6);
        snprintf(filler + sizeof(filler) - 6, 6, "%04d", i % 10000);
        filler[sizeof(filler) - 2] = '.';
        filler[sizeof(filler) - 1] = '\n';
        pn_log_sink_add(sink, pn_str_n(filler, sizeof(filler)));
        if (i % 50 == 0)
            pn_log_buffer_flush();
    }
    limit_file_size(RLIM_INFINITY);
    pn_log_buffer_release();
    pn_str lines = log_test_read(&t, "full");
    pn_str first = pn_str_cut(lines, '\n', &lines);
    assert_int_equal(first.n, 500); /* what was cut when the disk was full, with a line's end of its own */
    unsigned kept = 0;
    pn_str   line = PN_STR("");
    while (lines.n) {
        line = pn_str_cut(lines, '\n', &lines);
        assert_int_equal(line.n, sizeof(filler) - 1);
        kept++;
    }
    assert_true(kept > 50 && kept < 400);
    assert_memory_equal(line.p + sizeof(filler) - 6, "4999", 4);
    log_test_end(&t, (const char *const[]){ "full" }, 1);
}

static double seconds(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void test_a_pipe_that_nobody_reads_stops_nothing(void **state)
{
    struct log_test t;
    char            filler[1000];

    log_test_begin(&t);
    struct pn_log_sink *pipe_sink = log_test_sink(&t, "|/bin/cat"); /* never started */
    struct pn_log_sink *file = log_test_sink(&t, "a");
    memset(filler, 'x', sizeof(filler));
    filler[sizeof(filler) - 1] = '\n';
    pn_log_buffer_attach(NULL);
    double begun = seconds();
    for (int i = 0; i < 3000; i++) {
        pn_log_sink_add(pipe_sink, pn_str_n(filler, sizeof(filler)));
        add(file, "through ", i);
        pn_log_buffer_flush();
    }
    assert_true(seconds() - begun < 2);
    pn_log_buffer_release();
    pn_str   lines = log_test_read(&t, "a");
    unsigned count = 0;
    for (; lines.n; count++)
        pn_str_cut(lines, '\n', &lines);
    assert_int_equal(count, 3000);
    log_test_end(&t, (const char *const[]){ "a" }, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_reach_their_logs_in_order),
        cmocka_unit_test(test_a_full_buffer_is_written_at_once),
        cmocka_unit_test(test_a_line_that_is_too_long_is_cut),
        cmocka_unit_test(test_lines_can_be_taken_back),
        cmocka_unit_test(test_a_line_within_a_line_is_written_past_the_buffer),
        cmocka_unit_test(test_lazy_lines_wait),
        cmocka_unit_test(test_a_busy_loop_writes_every_few_milliseconds),
        cmocka_unit_test(test_lines_survive_a_full_disk),
        cmocka_unit_test(test_the_oldest_lines_go_when_nothing_is_taken),
        cmocka_unit_test(test_a_pipe_that_nobody_reads_stops_nothing),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
