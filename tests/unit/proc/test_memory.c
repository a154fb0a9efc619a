/* test_memory.c - src/proc/memory.c. */
#include "proc_test.h"

#include <stdlib.h>

#include "proc/memory.h"

#define MB (UINT64_C(1) << 20)

static void the_limit_is_that_of_something(void **state)
{
    struct pn_memory_limit limit = pn__memory_limit();

    assert_true(limit.bytes > 16 * MB);
}

static void own_memory_grows(void **state)
{
    uint64_t before = pn__memory_own();
    char    *more = malloc(32 * MB);

    assert_non_null(more);
    memset(more, 1, 32 * MB);
    assert_true(more[MB] == 1);
    assert_true(pn__memory_own() > before + 16 * MB);
    free(more);
}

/* Twice the memory is twice the children; more requests in a child make fewer children. */
static void children_fit_the_memory(void **state)
{
    struct pn_memory_limit small = { .bytes = 4096 * MB }, large = { .bytes = 8192 * MB }, none = { .bytes = MB };
    uint64_t               child, few = pn__memory_children(small, 1, false, &child);

    assert_true(child >= 4 * MB);
    assert_true(few * child <= small.bytes / 4 * 3);
    assert_true(pn__memory_children(large, 1, false, &child) > few * 3 / 2);
    assert_true(pn__memory_children(small, 64, false, &child) < few);
    assert_true(pn__memory_children(small, 64, true, &child) < pn__memory_children(small, 64, false, &child));
    assert_int_equal(pn__memory_children(none, 1, false, &child), 1);
}

/* What was seen counts when it is more than what was expected. */
static void running_children_are_the_measure(void **state)
{
    struct pn_board       *board = pn__board_open(NULL, 4);
    struct pn_memory_limit limit = { .bytes = 4096 * MB };
    uint64_t               child;

    assert_non_null(board);
    for (unsigned i = 0; i < 3; i++) {
        pn__board_slot_reset(board, i, 1);
        atomic_store(&board->slots[i].memory, (i + 1) * 100 * MB);
    }
    pn__memory_learn(board);
    pn__memory_children(limit, 1, false, &child);
    assert_int_equal(child, 300 * MB);
    for (unsigned i = 0; i < 3; i++)
        atomic_store(&board->slots[i].memory, 0);
    pn__memory_learn(board);
    pn__memory_children(limit, 1, false, &child);
    assert_true(child < 300 * MB);
    pn__board_close(board);
}

static void a_look_comes_once_a_second(void **state)
{
    struct pn_board      *board = pn__board_open(NULL, 1);
    struct pn_memory_look look;

    assert_non_null(board);
    pn__memory_open(&look);
    assert_true(pn__memory_check(&look, &board->slots[0], 5 * PN_USEC_PER_SEC) > 0);
    assert_true(atomic_load(&board->slots[0].memory) > 0);
    assert_int_equal(pn__memory_check(&look, &board->slots[0], 5 * PN_USEC_PER_SEC + 900000), 0);
    assert_true(pn__memory_check(&look, &board->slots[0], 6 * PN_USEC_PER_SEC) > 0);
    pn__memory_close(&look);
    assert_int_equal(pn__memory_check(&look, &board->slots[0], 9 * PN_USEC_PER_SEC), 0);
    pn__board_close(board);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_limit_is_that_of_something),   cmocka_unit_test(own_memory_grows),
        cmocka_unit_test(children_fit_the_memory),          cmocka_unit_test(running_children_are_the_measure),
        cmocka_unit_test(a_look_comes_once_a_second),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
