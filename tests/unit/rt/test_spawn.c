/* test_spawn.c - programs run through a helper process: streams, ends, limits, and that nothing is left of them. */
#include "rt_test.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pinion/buf.h>

#include "rt/spawn.h"

#define SECOND PN_USEC_PER_SEC

struct run {
    struct rt_test *t;
    apr_pool_t     *pool; /* goes before the loop does */
    void (*body)(struct run *run);
    bool ended;
};

static void run_fiber(void *arg)
{
    struct run *run = arg;

    apr_pool_create(&run->pool, run->t->pool);
    run->body(run);
    apr_pool_destroy(run->pool);
    run->ended = true;
}

static void in_fiber(void **state, void (*body)(struct run *run))
{
    struct run run = { .t = *state, .body = body };

    assert_int_equal(pn_fiber_start(run.t->loop, run_fiber, &run), PN_OK);
    RT_TURN_UNTIL(run.t->loop, run.ended);
    pn_spawn_shutdown();
}

static const char *const no_env[] = { "PATH=/usr/bin:/bin", NULL };

static struct pn_program *shell(struct run *run, const char *text, struct pn_spawn_request request)
{
    const char *const argv[] = { "sh", "-c", text, NULL };
    struct pn_program  *child = NULL;

    request.program = "/bin/sh";
    request.argv = argv;
    request.env = request.env ? request.env : no_env;
    assert_int_equal(pn_spawn(run->pool, &request, &child), PN_OK);
    return child;
}

/* All that a pipe yields, NUL-terminated. */
static const char *read_all(struct run *run, struct pn_pipe *pipe)
{
    struct pn_buf out;
    char          some[256];
    size_t        n;
    pn_rc         rc;
    pn_str        text = { "", 0 };

    pn_buf_init(&out, run->pool, 1 << 22);
    while ((rc = pn_pipe_read(pipe, some, sizeof(some), 5 * SECOND, &n)) == PN_OK)
        pn_buf_add(&out, some, n);
    assert_int_equal(rc, PN_EOF);
    assert_int_equal(pn_buf_done(&out, &text), PN_OK);
    return text.n ? text.p : "";
}

static bool alive(int pid)
{
    return kill(pid, 0) == 0 || errno != ESRCH;
}

static bool gone_within(int pid, pn_usec limit)
{
    for (pn_usec waited = 0; alive(pid) && waited < limit; waited += 10 * PN_USEC_PER_MSEC)
        (void)!pn_fiber_sleep(10 * PN_USEC_PER_MSEC);
    return !alive(pid);
}

/* ---- streams and ends ---- */

static void streams(struct run *run)
{
    struct pn_program    *child = shell(run, "cat; echo oops >&2; exit 7", (struct pn_spawn_request){ .with_input = true, .with_errors = true });
    struct pn_program_end end;

    assert_int_equal(pn_pipe_write(child->in, PN_STR("hello"), SECOND), PN_OK);
    pn_pipe_close(child->in);
    assert_string_equal(read_all(run, child->out), "hello");
    assert_string_equal(read_all(run, child->err), "oops\n");
    assert_int_equal(pn_program_result(child, 5 * SECOND, &end), PN_OK);
    assert_int_equal(end.error, 0);
    assert_int_equal(end.code, 7);
    assert_false(end.killed);
    assert_int_equal(pn_program_result(child, 0, &end), PN_OK);
    pn_program_release(child);
    pn_program_release(child);
}

static void test_streams(void **state)
{
    in_fiber(state, streams);
}

static void dies_by_signal(struct run *run)
{
    struct pn_program    *child = shell(run, "kill -SEGV $$", (struct pn_spawn_request){ 0 });
    struct pn_program_end end;

    assert_string_equal(read_all(run, child->out), "");
    assert_int_equal(pn_program_result(child, 5 * SECOND, &end), PN_OK);
    assert_true(end.killed);
    assert_int_equal(end.code, SIGSEGV);
}

static void test_dies_by_signal(void **state)
{
    in_fiber(state, dies_by_signal);
}

static void cannot_start(struct run *run)
{
    static const struct { const char *program, *directory, *step; int error; } cases[] = {
        { "/nowhere/at/all", NULL, "exec", ENOENT },
        { "/etc/passwd", NULL, "exec", EACCES },
        { "/bin/sh", "/nowhere", "chdir", ENOENT },
    };
    const char *const argv[] = { "x", NULL };

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        struct pn_spawn_request request = { .program = cases[i].program, .argv = argv, .env = no_env, .directory = cases[i].directory };
        struct pn_program        *child = NULL;
        struct pn_program_end     end;
        assert_int_equal(pn_spawn(run->pool, &request, &child), PN_OK);
        assert_string_equal(read_all(run, child->out), "");
        assert_int_equal(pn_program_result(child, 5 * SECOND, &end), PN_OK);
        assert_int_equal(end.error, cases[i].error);
        assert_string_equal(end.step, cases[i].step);
    }
}

static void test_cannot_start(void **state)
{
    in_fiber(state, cannot_start);
}

/* ---- what a program gets ---- */

/* Signals 32 and 33: whoever started the tests may have left them ignored, and no program can change that. */
#define OF_THE_C_LIBRARY (3ULL << 31)

static void inherits_nothing(struct run *run)
{
    struct pn_program *child = shell(run, "exec ls /proc/self/fd", (struct pn_spawn_request){ .with_input = true, .with_errors = true });

    /* 3 is the directory that ls itself reads */
    assert_string_equal(read_all(run, child->out), "0\n1\n2\n3\n");
    pn_program_release(child);
    child = shell(run, "echo $(grep -E '^Sig(Blk|Ign)' /proc/self/status)", (struct pn_spawn_request){ 0 });
    unsigned long long blocked, ignored;
    assert_int_equal(sscanf(read_all(run, child->out), "SigBlk: %llx SigIgn: %llx", &blocked, &ignored), 2);
    assert_int_equal(blocked & ~OF_THE_C_LIBRARY, 0);
    assert_int_equal(ignored & ~OF_THE_C_LIBRARY, 0);
}

static void test_inherits_nothing(void **state)
{
    signal(SIGPIPE, SIG_IGN);
    in_fiber(state, inherits_nothing);
}

static void directory_and_environment(struct run *run)
{
    const char *const env[] = { "A=1", "B=two words", NULL };
    struct pn_program  *child = shell(run, "pwd; echo \"$A $B $PATH\" | cut -c1-11", (struct pn_spawn_request){ .env = env, .directory = "/usr/lib" });

    assert_memory_equal(read_all(run, child->out), "/usr/lib\n1 two words", 20);
}

static void test_directory_and_environment(void **state)
{
    in_fiber(state, directory_and_environment);
}

/* Larger than a message: the strings travel in a file. */
static void large_environment(struct run *run)
{
    static char       text[100001] = "X=";
    const char *const env[] = { text, "Y=end", "PATH=/usr/bin:/bin", NULL };

    memset(text + 2, 'x', sizeof(text) - 3);
    struct pn_program *child = shell(run, "echo ${#X} $Y", (struct pn_spawn_request){ .env = env });
    assert_string_equal(read_all(run, child->out), "99998 end\n");
}

static void test_large_environment(void **state)
{
    in_fiber(state, large_environment);
}

static void limits(struct run *run)
{
    struct pn_resource_limit set[PN_RESOURCE__COUNT] = {
        [PN_RESOURCE_CPU] = { .soft_set = true, .hard_set = true, .soft = 5, .hard = 9 },
        [PN_RESOURCE_MEMORY] = { .soft_set = true, .soft = 512 * 1024 * 1024 },
    };
    struct pn_program *child = shell(run, "ulimit -St; ulimit -Ht; ulimit -Sv", (struct pn_spawn_request){ .limits = set });

    assert_string_equal(read_all(run, child->out), "5\n9\n524288\n");
}

static void test_limits(void **state)
{
    in_fiber(state, limits);
}

/* ---- ending them ---- */

/* Starts a program that prints its pid and that of a child of its own that holds the output; both ignore nothing. */
static struct pn_program *family(struct run *run, const char *text, int *ret_leader, int *ret_member)
{
    struct pn_program *child = shell(run, text, (struct pn_spawn_request){ 0 });
    char             line[64];
    size_t           n = 0, all = 0;

    while (all == 0 || line[all - 1] != '\n') {
        assert_int_equal(pn_pipe_read(child->out, line + all, sizeof(line) - 1 - all, 5 * SECOND, &n), PN_OK);
        all += n;
    }
    line[all] = '\0';
    assert_int_equal(sscanf(line, "%d %d", ret_leader, ret_member), 2);
    return child;
}

static void kill_ends_the_group(struct run *run)
{
    int              leader, member;
    struct pn_program *child = family(run, "sleep 100 & echo $$ $!; wait", &leader, &member);

    assert_true(alive(leader) && alive(member));
    pn_program_kill(child);
    assert_true(gone_within(leader, 2 * SECOND));
    assert_true(gone_within(member, 2 * SECOND));
}

static void test_kill_ends_the_group(void **state)
{
    in_fiber(state, kill_ends_the_group);
}

static void kill_reaches_the_stubborn(struct run *run)
{
    int              leader, member;
    struct pn_program *child = family(run, "trap '' TERM; (trap '' TERM; sleep 100) & echo $$ $!; wait; sleep 100", &leader, &member);

    pn_program_kill(child);
    (void)!pn_fiber_sleep(SECOND);
    assert_true(alive(leader) && alive(member));
    assert_true(gone_within(leader, 4 * SECOND));
    assert_true(gone_within(member, SECOND));
}

static void test_kill_reaches_the_stubborn(void **state)
{
    in_fiber(state, kill_reaches_the_stubborn);
}

/* The leader has ended and has been reaped; its group is found all the same. */
static void kill_after_the_leader(struct run *run)
{
    int              leader, member;
    struct pn_program *child = family(run, "sleep 100 & echo $$ $!", &leader, &member);

    assert_true(gone_within(leader, 2 * SECOND));
    assert_true(alive(member));
    pn_program_kill(child);
    assert_true(gone_within(member, 2 * SECOND));
}

static void test_kill_after_the_leader(void **state)
{
    in_fiber(state, kill_after_the_leader);
}

static void release_leaves_the_background(struct run *run)
{
    int              leader, member;
    struct pn_program *child = family(run, "sleep 3 >/dev/null 2>&1 & echo $$ $!", &leader, &member);

    assert_string_equal(read_all(run, child->out), "");
    assert_true(gone_within(leader, 2 * SECOND)); /* its end has been told, and nobody reads it */
    pn_program_release(child);
    (void)!pn_fiber_sleep(SECOND / 2);
    assert_true(alive(member));
    kill(member, SIGKILL);
    assert_true(gone_within(member, 2 * SECOND)); /* the helper reaps it, though it never knew it */
}

static void test_release_leaves_the_background(void **state)
{
    in_fiber(state, release_leaves_the_background);
}

static void release_ends_who_lingers(struct run *run)
{
    int              leader, member;
    struct pn_program *child = family(run, "echo $$ 0; exec >&- 2>&-; exec sleep 100", &leader, &member);

    pn_program_release(child);
    (void)!pn_fiber_sleep(SECOND / 2);
    assert_true(alive(leader));
    assert_true(gone_within(leader, 2 * SECOND));
}

static void test_release_ends_who_lingers(void **state)
{
    in_fiber(state, release_ends_who_lingers);
}

static void pool_ends_the_group(struct run *run)
{
    int         leader, member;
    apr_pool_t *outer = run->pool;

    apr_pool_create(&run->pool, outer);
    family(run, "sleep 100 & echo $$ $!; wait", &leader, &member);
    apr_pool_destroy(run->pool);
    run->pool = outer;
    assert_true(gone_within(leader, 2 * SECOND));
    assert_true(gone_within(member, 2 * SECOND));
}

static void test_pool_ends_the_group(void **state)
{
    in_fiber(state, pool_ends_the_group);
}

/* ---- the helper ---- */

static void many_at_once(struct run *run)
{
    struct pn_program *children[100];

    for (size_t i = 0; i < PN_COUNT(children); i++)
        children[i] = shell(run, "read x; echo $x", (struct pn_spawn_request){ .with_input = true });
    for (size_t i = 0; i < PN_COUNT(children); i++) {
        assert_int_equal(pn_pipe_write(children[i]->in, PN_STR("same\n"), SECOND), PN_OK);
        assert_string_equal(read_all(run, children[i]->out), "same\n");
        pn_program_release(children[i]);
    }
}

static void test_many_at_once(void **state)
{
    in_fiber(state, many_at_once);
}

#define FLOOD 300u

struct flood {
    struct run *run;
    unsigned    started, failed;
};

static void spawn_one(void *arg)
{
    static const char *const argv[] = { "true", NULL };
    struct flood            *flood = arg;
    struct pn_program       *program = NULL;
    struct pn_spawn_request  request = { .program = "/bin/true", .argv = argv, .env = no_env };
    pn_rc                    rc = pn_spawn(flood->run->pool, &request, &program);

    if (rc == PN_OK)
        (void)read_all(flood->run, program->out);
    flood->started += rc == PN_OK;
    flood->failed += rc != PN_OK;
    pn_program_release(program);
}

/* More requests than the channel holds, while nobody reads it: their fibers wait, each for itself, and again. */
static void channel_is_full(struct run *run)
{
    struct flood            flood = { .run = run };
    struct pn_spawn_channel channel;
    struct pn_task        **tasks = apr_pcalloc(run->pool, FLOOD * sizeof(*tasks));

    int small = 8192;

    assert_int_equal(pn_spawn_channel_open(&channel), PN_OK);
    assert_int_equal(setsockopt(channel.client, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
    pn_spawn_use(&channel);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < FLOOD; i++)
            assert_int_equal(pn_task_start(run->pool, spawn_one, &flood, &tasks[i]), PN_OK);
        if (round == 0)
            assert_true(pn_spawn_helper_start(&channel, NULL, NULL) > 0);
        for (size_t i = 0; i < FLOOD; i++) {
            assert_int_equal(pn_task_wait(tasks[i], 20 * SECOND), PN_OK);
            pn_task_end(tasks[i]);
        }
    }
    assert_int_equal(flood.failed, 0);
    assert_int_equal(flood.started, 3 * FLOOD);
    pn_spawn_channel_close(&channel);
    assert_true(waitpid(-1, NULL, 0) > 0);
    pn_spawn_use(NULL);
}

static void test_channel_is_full(void **state)
{
    in_fiber(state, channel_is_full);
}

/* A channel of the test's own, as the master has it: the helper dies and is replaced on the same pair. */
static void replaced(struct run *run)
{
    struct pn_spawn_channel channel;
    struct pn_program_end     end;
    int                     leader, member;

    assert_int_equal(pn_spawn_channel_open(&channel), PN_OK);
    pn_spawn_use(&channel);
    pid_t            first = pn_spawn_helper_start(&channel, NULL, NULL);
    struct pn_program *child = family(run, "echo $$ 0; exec sleep 100", &leader, &member);
    kill(first, SIGKILL);
    assert_int_equal(waitpid(first, NULL, 0), first);
    assert_int_equal(pn_program_result(child, 5 * SECOND, &end), PN_EOF);
    assert_true(gone_within(leader, 2 * SECOND));

    child = shell(run, "echo again", (struct pn_spawn_request){ 0 });
    pid_t second = pn_spawn_helper_start(&channel, NULL, NULL);
    assert_string_equal(read_all(run, child->out), "again\n");
    child = family(run, "echo $$ 0; exec sleep 100", &leader, &member);
    pn_spawn_channel_close(&channel); /* the server ends */
    assert_int_equal(waitpid(second, NULL, 0), second);
    assert_false(alive(leader));
    pn_spawn_use(NULL);
}

static void test_replaced(void **state)
{
    in_fiber(state, replaced);
}

static void own_helper_is_started_again(struct run *run)
{
    struct pn_program *child = shell(run, "echo $PPID", (struct pn_spawn_request){ 0 });
    int              pid = 0;

    assert_int_equal(sscanf(read_all(run, child->out), "%d", &pid), 1);
    assert_int_equal(kill(pid, SIGKILL), 0);
    (void)!pn_fiber_sleep(50 * PN_USEC_PER_MSEC);
    assert_string_equal(read_all(run, shell(run, "echo again", (struct pn_spawn_request){ 0 })->out), "again\n");
}

static void test_own_helper_is_started_again(void **state)
{
    in_fiber(state, own_helper_is_started_again);
}

/* ---- tasks and several pipes ---- */

struct copying {
    struct pn_pipe *to;
    size_t          bytes;
    pn_rc           rc;
};

static void copy_task(void *arg)
{
    struct copying *copying = arg;

    while (copying->bytes && copying->rc == PN_OK) {
        copying->rc = pn_pipe_write(copying->to, PN_STR("0123456789abcdef"), 5 * SECOND);
        copying->bytes -= 16;
    }
    pn_pipe_close(copying->to);
}

/* More in both directions than the pipes hold: only a second fiber gets it through. */
static void both_ways(struct run *run)
{
    struct pn_program *child = shell(run, "cat; echo done >&2", (struct pn_spawn_request){ .with_input = true, .with_errors = true });
    struct copying   copying = { .to = child->in, .bytes = 1 << 20 };
    struct pn_task  *task;

    assert_int_equal(pn_task_start(run->pool, copy_task, &copying, &task), PN_OK);
    assert_false(pn_task_ended(task));
    assert_int_equal(strlen(read_all(run, child->out)), 1 << 20);
    assert_int_equal(pn_task_wait(task, SECOND), PN_OK);
    assert_int_equal(copying.rc, PN_OK);
    struct pn_pipe *both[] = { child->out, child->err };
    assert_int_equal(pn_pipe_wait(both, 2, SECOND), PN_OK);
    assert_string_equal(read_all(run, child->err), "done\n");
    pn_task_end(task);
}

static void test_both_ways(void **state)
{
    in_fiber(state, both_ways);
}

static void task_is_ended(struct run *run)
{
    struct pn_program *child = shell(run, "sleep 100", (struct pn_spawn_request){ .with_input = true });
    struct copying   copying = { .to = child->in, .bytes = 1 << 20 };
    struct pn_task  *task;
    apr_pool_t      *pool;

    assert_int_equal(pn_task_start(run->pool, copy_task, &copying, &task), PN_OK);
    pn_task_end(task);
    assert_int_equal(copying.rc, PN_CANCELLED);

    child = shell(run, "sleep 100", (struct pn_spawn_request){ .with_input = true });
    copying = (struct copying){ .to = child->in, .bytes = 1 << 20 };
    apr_pool_create(&pool, run->pool);
    assert_int_equal(pn_task_start(pool, copy_task, &copying, &task), PN_OK);
    apr_pool_destroy(pool);
    assert_int_equal(copying.rc, PN_CANCELLED);
}

static void test_task_is_ended(void **state)
{
    in_fiber(state, task_is_ended);
}

static void several_pipes(struct run *run)
{
    struct pn_program *child = shell(run, "sleep 0.05; echo e >&2; sleep 0.05; echo o; exit", (struct pn_spawn_request){ .with_errors = true });
    struct pn_pipe  *both[] = { child->out, child->err };
    char             c[8];
    size_t           n;

    assert_int_equal(pn_pipe_read(child->out, c, sizeof(c), 0, &n), PN_AGAIN);
    assert_int_equal(pn_pipe_read(child->err, c, sizeof(c), 0, &n), PN_AGAIN);
    assert_int_equal(pn_pipe_wait(both, 2, 10 * PN_USEC_PER_MSEC), PN_TIMEOUT);
    assert_int_equal(pn_pipe_wait(both, 2, 5 * SECOND), PN_OK);
    assert_int_equal(pn_pipe_read(child->err, c, sizeof(c), 0, &n), PN_OK);
    assert_int_equal(pn_pipe_read(child->out, c, sizeof(c), 0, &n), PN_AGAIN);
    assert_string_equal(read_all(run, child->out), "o\n");
    assert_string_equal(read_all(run, child->err), "");
    pn_pipe_close(child->out);
    pn_pipe_close(child->err);
    assert_int_equal(pn_pipe_wait(both, 2, SECOND), PN_EOF);
}

static void test_several_pipes(void **state)
{
    in_fiber(state, several_pipes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RT_TEST(test_streams), RT_TEST(test_dies_by_signal), RT_TEST(test_cannot_start),
        RT_TEST(test_inherits_nothing), RT_TEST(test_directory_and_environment), RT_TEST(test_large_environment),
        RT_TEST(test_limits), RT_TEST(test_kill_ends_the_group), RT_TEST(test_kill_reaches_the_stubborn),
        RT_TEST(test_kill_after_the_leader), RT_TEST(test_release_leaves_the_background),
        RT_TEST(test_release_ends_who_lingers), RT_TEST(test_pool_ends_the_group), RT_TEST(test_many_at_once),
        RT_TEST(test_channel_is_full), RT_TEST(test_replaced), RT_TEST(test_own_helper_is_started_again), RT_TEST(test_both_ways),
        RT_TEST(test_task_is_ended), RT_TEST(test_several_pipes),
    };

    return cmocka_run_group_tests_name("spawn", tests, NULL, NULL);
}
