/* test_pidfile.c - src/proc/pidfile.c. */
#include "proc_test.h"

#include <signal.h>
#include <sys/wait.h>

#include "proc/pidfile.h"

static void write_file(const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void nothing_there(void **state)
{
    pid_t pid;

    assert_int_equal(pn_pidfile_read(path, &pid), PN_PID_NONE);
}

static void texts(void **state)
{
    static const struct {
        const char       *text;
        enum pn_pid_state state;
    } cases[] = {
        { "", PN_PID_NONE }, /* left by a master that could not remove it */
        { "abc\n", PN_PID_BAD },
        { "0\n", PN_PID_BAD },
        { "-5\n", PN_PID_BAD },
        { "99999999999999999999\n", PN_PID_BAD },
        { " 2147483646 \n", PN_PID_STALE },
    };
    pid_t pid = 0;

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        write_file(cases[i].text);
        assert_int_equal(pn_pidfile_read(path, &pid), cases[i].state);
    }
    assert_int_equal(pid, 2147483646);
}

/* A number that another process has got since is no running server. */
static void number_of_somebody_else(void **state)
{
    char  text[32];
    pid_t pid;

    snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    write_file(text);
    assert_int_equal(pn_pidfile_read(path, &pid), PN_PID_STALE);
    assert_int_equal(pid, getpid());
}

static void held_until_removed(void **state)
{
    struct pn_pidfile one = { 0 }, two = { 0 };
    pid_t             pid = 0;

    assert_int_equal(pn__pidfile_open(&one, path), PN_OK);
    assert_false(one.replaced);
    assert_int_equal(pn__pidfile_write(&one), PN_OK);
    assert_int_equal(pn_pidfile_read(path, &pid), PN_PID_RUNNING);
    assert_int_equal(pid, getpid());
    assert_int_equal(pn__pidfile_open(&two, path), PN_DENIED);
    pn__pidfile_remove(&two);
    pn__pidfile_remove(&one);
    assert_int_equal(pn_pidfile_read(path, &pid), PN_PID_NONE);
}

/* The lock goes with the process, whatever ended it. */
static void killed_holder(void **state)
{
    struct pn_pidfile file = { 0 };
    int               fds[2], status;
    pid_t             holder, pid;
    char              byte;

    assert_int_equal(pipe(fds), 0);
    holder = fork();
    if (holder == 0) {
        if (pn__pidfile_open(&file, path) == PN_OK && pn__pidfile_write(&file) == PN_OK)
            (void)!write(fds[1], "x", 1);
        pause();
        _exit(0);
    }
    assert_int_equal(read(fds[0], &byte, 1), 1);
    assert_int_equal(pn_pidfile_read(path, &pid), PN_PID_RUNNING);
    kill(holder, SIGKILL);
    waitpid(holder, &status, 0);
    assert_int_equal(pn_pidfile_read(path, &pid), PN_PID_STALE);
    assert_int_equal(pn__pidfile_open(&file, path), PN_OK);
    assert_true(file.replaced);
    pn__pidfile_remove(&file);
    close(fds[0]);
    close(fds[1]);
}

static void folder_that_is_not_there(void **state)
{
    struct pn_pidfile file = { 0 };

    assert_int_equal(pn__pidfile_open(&file, "/nothing/at/all/pid"), PN_SYSTEM);
    assert_int_equal(pn__pidfile_write(&file), PN_OK); /* none is held */
    pn__pidfile_remove(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(nothing_there),           FOLDER_TEST(texts),         FOLDER_TEST(number_of_somebody_else),
        FOLDER_TEST(held_until_removed),      FOLDER_TEST(killed_holder), FOLDER_TEST(folder_that_is_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
