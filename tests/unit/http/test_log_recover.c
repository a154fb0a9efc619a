/* A child that writes logs is killed at any moment: the master writes what it left, no line is lost and none is torn. */
#include "log_test.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "http/log_buffer.h"

#define KILLS 1000

/* What the child tells of its work: how many lines it has handed over. */
struct progress {
    _Atomic uint32_t committed;
};

/* Lines of different lengths that say their number and can be checked alone. */
static size_t make_line(char *to, uint32_t n)
{
    size_t length = 20 + n * 37 % 180;

    memset(to, 'a' + (int)(n % 26), length);
    int head = snprintf(to, 16, "%u ", n);
    to[head] = 'a' + (char)(n % 26);
    to[length - 1] = '\n';
    return length;
}

static void work(struct pn_log_segment *segment, struct pn_log_sink *sink, struct pn_log_sink *other, struct progress *progress)
{
    pn_log_buffer_attach(segment);
    for (uint32_t n = 0;; n++) {
        char *to = pn_log_sink_reserve(sink, 400);
        pn_log_sink_commit(sink, make_line(to, n));
        atomic_store(&progress->committed, n + 1);
        if (n % 5 == 0)
            pn_log_sink_add(other, PN_STR("other\n"));
        if (n % (1 + n / 64 % 100) == 0) /* writes of one line and of many pages */
            pn_log_buffer_flush();
    }
}

static void pause_usec(long usec)
{
    struct timespec ts = { .tv_nsec = usec * 1000 };

    nanosleep(&ts, NULL);
}

/* @return lines that are there twice. */
static unsigned check(pn_str lines, uint32_t committed)
{
    uint32_t next = 0;
    unsigned twice = 0;

    while (lines.n) {
        char     want[256];
        uint64_t n;
        pn_str   rest, line = pn_str_cut(lines, '\n', &lines);
        if (pn_str_to_u64(pn_str_cut(line, ' ', &rest), UINT32_MAX, &n) != PN_OK)
            fail_msg("a line without its number: '%.*s'", PN_FMT(line));
        size_t length = make_line(want, (uint32_t)n);
        if (line.n != length - 1 || memcmp(line.p, want, line.n) != 0)
            fail_msg("a torn line: '%.*s'", PN_FMT(line));
        if (n < next)
            twice++;
        else if (n == next)
            next++;
        else
            fail_msg("lines %u to %u are lost", next, (unsigned)n - 1);
    }
    if (next < committed)
        fail_msg("%u lines were handed over, %u are there", committed, next);
    return twice;
}

static unsigned kill_once(unsigned round, struct pn_log_segment *segment, struct progress *progress)
{
    struct log_test t;

    log_test_begin(&t);
    struct pn_log_sink *sink = log_test_sink(&t, "log"), *other = log_test_sink(&t, "other");
    atomic_store(&progress->committed, 0);
    pid_t child = fork();
    if (child == 0)
        work(segment, sink, other, progress);
    while (atomic_load(&progress->committed) == 0)
        pause_usec(20);
    pause_usec((long)(round * 7919 % 900));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    pn_log_segment_recover(segment, &t.generation);
    unsigned twice = check(log_test_read(&t, "log"), atomic_load(&progress->committed));
    log_test_end(&t, (const char *const[]){ "log", "other" }, 2);
    return twice;
}

static void test_a_killed_child_loses_nothing(void **state)
{
    struct pn_log_segment *segment = pn_log_segment_map();
    struct progress       *progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned               twice = 0;

    assert_non_null(segment);
    assert_true(progress != MAP_FAILED);
    for (unsigned round = 0; round < KILLS; round++)
        twice += kill_once(round, segment, progress);
    print_message("%u kills, %u lines written twice\n", KILLS, twice);
    assert_true(twice == 0);
    munmap(progress, sizeof(*progress));
    pn_log_segment_unmap(segment);
}

static void test_an_empty_segment_writes_nothing(void **state)
{
    struct log_test        t;
    struct pn_log_segment *segment = pn_log_segment_map();

    log_test_begin(&t);
    log_test_sink(&t, "log");
    pn_log_segment_recover(segment, &t.generation);
    assert_int_equal(log_test_read(&t, "log").n, 0);
    pn_log_segment_unmap(segment);
    log_test_end(&t, (const char *const[]){ "log" }, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_segment_writes_nothing),
        cmocka_unit_test(test_a_killed_child_loses_nothing),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
