/* test_scoreboard.c - src/proc/scoreboard.c. */
#include "proc_test.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include "proc/scoreboard.h"

/* What one process writes the other reads. */
static void shared_with_children(void **state)
{
    struct pn_board *board = pn__board_open(NULL, 8);
    int              status;
    pid_t            pid;

    assert_non_null(board);
    pn__board_slot_reset(board, 3, 7);
    assert_int_equal(pn__slot_get(&board->used), 4);
    pid = fork();
    if (pid == 0) {
        pn__slot_set(&board->slots[3].conns, 42);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    assert_int_equal(pn__slot_get(&board->slots[3].conns), 42);
    assert_int_equal(pn__slot_get(&board->slots[3].generation), 7);
    pn__board_slot_reset(board, 3, 8);
    assert_int_equal(pn__slot_get(&board->slots[3].conns), 0);
    assert_int_equal(pn__slot_get(&board->used), 4);
    pn__board_close(board);
}

static void slots_do_not_share_lines(void **state)
{
    struct pn_board *board = pn__board_open(NULL, 2);

    assert_int_equal((uintptr_t)&board->slots[0] % PN_CACHE_LINE, 0);
    assert_int_equal((uintptr_t)&board->slots[1] - (uintptr_t)&board->slots[0], PN_CACHE_LINE);
    pn__board_close(board);
}

/* A file of an earlier master is replaced: its children may still write to theirs. */
static void file_is_made_anew(void **state)
{
    struct pn_board *first = pn__board_open(path, 4), *second;
    struct stat      before, after;

    assert_non_null(first);
    assert_int_equal(stat(path, &before), 0);
    pn__slot_set(&first->generation, 9);
    second = pn__board_open(path, 4);
    assert_non_null(second);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(pn__slot_get(&second->generation), 0);
    assert_int_equal(pn__slot_get(&first->generation), 9);
    assert_true(after.st_size >= (off_t)(4 * sizeof(struct pn_board_slot)));
    pn__board_close(first);
    pn__board_close(second);
}

static void file_that_cannot_be(void **state)
{
    assert_null(pn__board_open("/nothing/at/all/board", 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_with_children),
        cmocka_unit_test(slots_do_not_share_lines),
        FOLDER_TEST(file_is_made_anew),
        cmocka_unit_test(file_that_cannot_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
