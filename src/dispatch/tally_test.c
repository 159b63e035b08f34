#include "dispatch/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/arena.h"

static void
without_a_text_all_calls_are_the_lanes_own(void **state)
{
    struct tally t;

    (void)state;
    tally_open(&t, STR_NONE, 3, 12);
    assert_int_equal(tally_calls(&t, 12), 3);
    assert_int_equal(tally_calls(&t, 15), 0);
}

static void
what_the_sum_leaves_belongs_to_the_present_lane(void **state)
{
    struct tally t;

    (void)state;
    tally_open(&t, STR("12:3,15:1"), 6, 15);
    assert_int_equal(tally_calls(&t, 12), 3);
    assert_int_equal(tally_calls(&t, 15), 3);
}

static void
a_persons_retry_gives_each_provider_its_budget_again(void **state)
{
    struct tally t;

    (void)state;
    tally_open(&t, STR("0:8"), 9, 12);
    assert_int_equal(tally_calls(&t, 12), 1);
}

static void
it_survives_being_written_and_read(void **state)
{
    struct arena *a = arena_new();
    struct tally t, again;

    (void)state;
    tally_open(&t, STR("!12:3"), 5, 9000000000);
    assert_true(t.is_pinned);
    assert_true(str_is(tally_text(a, &t), "!12:3,9000000000:2"));
    tally_open(&again, tally_text(a, &t), 5, 12);
    assert_true(again.is_pinned);
    assert_int_equal(tally_calls(&again, 12), 3);
    assert_int_equal(tally_calls(&again, 9000000000), 2);
    arena_free(a);
}

static void
a_damaged_text_counts_as_empty(void **state)
{
    static const char *const texts[] = {"x",      "12",    "12:",  ":3",
                                        "12:3,,", "12:-1", "-1:2", "12:3;15:1"};
    struct tally t;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        tally_open(&t, str_from(texts[i]), 4, 12);
        assert_int_equal(tally_calls(&t, 12), 4);
    }
}

static void
more_lanes_than_fit_lose_no_calls(void **state)
{
    struct tally t;
    int sum = 0;

    (void)state;
    tally_open(&t, STR_NONE, 0, 1);
    for (int i = 1; i <= TALLY_LANES_MAX + 10; i++)
        tally_add(&t, i, 1);
    for (size_t i = 0; i < t.n; i++)
        sum += t.rows[i].calls;
    assert_int_equal(sum, TALLY_LANES_MAX + 10);
    assert_int_equal(t.n, TALLY_LANES_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_text_all_calls_are_the_lanes_own),
        cmocka_unit_test(what_the_sum_leaves_belongs_to_the_present_lane),
        cmocka_unit_test(a_persons_retry_gives_each_provider_its_budget_again),
        cmocka_unit_test(it_survives_being_written_and_read),
        cmocka_unit_test(a_damaged_text_counts_as_empty),
        cmocka_unit_test(more_lanes_than_fit_lose_no_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
