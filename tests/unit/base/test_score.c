/* test_score.c - src/base/score.c. */
#include "support.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/score.h"

static void every_duration_has_its_bucket(void **state)
{
    (void)state;
    assert_int_equal(pn_score_bucket(0), 0);
    assert_int_equal(pn_score_bucket(1), 0);
    for (unsigned bucket = 0; bucket + 1 < PN_SCORE_BUCKETS; bucket++) {
        uint64_t end = pn_score_bucket_end(bucket);

        assert_int_equal(pn_score_bucket(end), bucket);
        assert_int_equal(pn_score_bucket(end + 1), bucket + 1);
        assert_true(bucket == 0 || end > pn_score_bucket_end(bucket - 1));
    }
    assert_int_equal(pn_score_bucket_end(3), 4);
    assert_int_equal(pn_score_bucket_end(4), 6);
    assert_int_equal(pn_score_bucket(UINT64_MAX), PN_SCORE_BUCKETS - 1);
    assert_true(pn_score_bucket_end(PN_SCORE_BUCKETS - 1) == UINT64_MAX);
}

static void hosts_have_places_until_they_are_used_up(void **state)
{
    struct pn_score_table *table = pn_score_table_open(2, 4);
    char                   name[16];

    (void)state;
    assert_non_null(table);
    for (unsigned i = 0; i < PN_SCORE_HOSTS - 1; i++) {
        int n = snprintf(name, sizeof(name), "v%u", i);

        assert_int_equal(pn_score_host_add(table, pn_str_n(name, (size_t)n)), i);
    }
    assert_int_equal(pn_score_host_add(table, PN_STR("v3")), 3);
    assert_int_equal(pn_score_host_add(table, PN_STR("one more")), PN_SCORE_HOSTS - 1);
    assert_int_equal(pn_score_host_find(table, PN_STR("v62")), 62);
    assert_int_equal(pn_score_host_find(table, PN_STR("nobody")), PN_SCORE_HOSTS - 1);
    pn_score_table_close(table);
}

static void long_host_names_are_cut_and_found_again(void **state)
{
    struct pn_score_table *table = pn_score_table_open(1, 1);
    pn_str                 name = PN_STR("a-name-that-is-longer-than-its-place.example.test:8080");

    (void)state;
    assert_int_equal(pn_score_host_add(table, name), 0);
    assert_int_equal(pn_score_host_add(table, name), 0);
    assert_int_equal(table->hosts[0][sizeof(table->hosts[0]) - 1], 0);
    pn_score_table_close(table);
}

static void a_new_child_keeps_the_place_s_totals(void **state)
{
    struct pn_score_table *table = pn_score_table_open(2, 2);
    struct pn_score       *score = pn_score_of(table, 1);

    (void)state;
    atomic_store(&score->slots_used, 1);
    atomic_store(&score->conns, 5);
    pn_score_add(&score->slots[0].requests, 3);
    pn_score_add(&score->slots[0].child_requests, 3);
    atomic_store(&score->slots[0].state, PN_SCORE_WORK);
    pn_score_begin_child(score);
    assert_int_equal(pn_score_get(&score->slots[0].requests), 3);
    assert_int_equal(pn_score_get(&score->slots[0].child_requests), 0);
    assert_int_equal(atomic_load(&score->slots[0].state), PN_SCORE_FREE);
    assert_int_equal(atomic_load(&score->conns), 0);
    pn_score_table_close(table);
}

static void a_text_that_its_writer_left_half_is_not_shown(void **state)
{
    struct pn_score_table *table = pn_score_table_open(1, 1);
    struct pn_score       *score = pn_score_of(table, 0);
    struct pn_score_text   text = { .request = "GET / HTTP/1.1" }, got;
    pid_t                  child = fork();

    (void)state;
    if (child == 0) {
        pn_score_text_write(&score->slots[0], &text);
        atomic_fetch_or(&score->slots[0].text_version, 1); /* dies while it writes the next */
        _exit(0);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_false(pn_score_text_read(&score->slots[0], &got));
    atomic_store(&score->slots_used, 1);
    pn_score_begin_child(score);
    assert_true(pn_score_text_read(&score->slots[0], &got));
    assert_string_equal(got.request, text.request);
    pn_score_table_close(table);
}

#define WRITES 20000

static void *write_texts(void *arg)
{
    struct pn_score_slot *slot = arg;
    struct pn_score_text  text;

    for (int i = 0; i < WRITES; i++) {
        memset(&text, 'a' + i % 26, sizeof(text));
        text.request[sizeof(text.request) - 1] = '\0';
        pn_score_text_write(slot, &text);
    }
    return NULL;
}

static void readers_see_a_text_whole_or_not_at_all(void **state)
{
    struct pn_score_table *table = pn_score_table_open(1, 1);
    struct pn_score_slot  *slot = &pn_score_of(table, 0)->slots[0];
    struct pn_score_text   text;
    pthread_t              writer;

    (void)state;
    assert_int_equal(pthread_create(&writer, NULL, write_texts, slot), 0);
    for (int i = 0; i < WRITES; i++) {
        if (!pn_score_text_read(slot, &text))
            continue;
        for (size_t c = 1; c + 1 < sizeof(text.request); c++)
            assert_int_equal(text.request[c], text.request[0]);
        assert_int_equal(text.peer[0], (unsigned char)text.request[0]);
    }
    pthread_join(writer, NULL);
    pn_score_table_close(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_duration_has_its_bucket),
        cmocka_unit_test(hosts_have_places_until_they_are_used_up),
        cmocka_unit_test(long_host_names_are_cut_and_found_again),
        cmocka_unit_test(a_new_child_keeps_the_place_s_totals),
        cmocka_unit_test(a_text_that_its_writer_left_half_is_not_shown),
        cmocka_unit_test(readers_see_a_text_whole_or_not_at_all),
    };

    return cmocka_run_group_tests_name("base/score", tests, NULL, NULL);
}
