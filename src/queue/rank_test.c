#include "queue/rank.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define NOW INT64_C(1800000000000)

static void
the_more_urgent_goes_first_at_the_same_moment(void **state)
{
    (void)state;
    assert_true(rank_of(PRIORITY_HIGH, NOW) < rank_of(PRIORITY_NORMAL, NOW));
    assert_true(rank_of(PRIORITY_NORMAL, NOW) < rank_of(PRIORITY_LOW, NOW));
    assert_true(rank_of(PRIORITY_CRITICAL, NOW) <= rank_of(PRIORITY_HIGH, NOW));
}

static void
equals_go_by_arrival(void **state)
{
    (void)state;
    for (int p = 0; p < PRIORITY_COUNT; p++) {
        enum priority priority = (enum priority)p;
        assert_true(rank_of(priority, NOW) < rank_of(priority, NOW + 1));
    }
}

static void
nothing_is_overtaken_for_ever(void **state)
{
    int64_t later = NOW + RANK_DELAY_MAX_MS + 1;

    (void)state;
    assert_true(rank_of(PRIORITY_LOW, NOW) < rank_of(PRIORITY_CRITICAL, later));
    assert_true(rank_of(PRIORITY_NORMAL, NOW) <
                rank_of(PRIORITY_HIGH, NOW + 5001));
    assert_true(rank_of(PRIORITY_NORMAL, NOW) >
                rank_of(PRIORITY_HIGH, NOW + 4999));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_more_urgent_goes_first_at_the_same_moment),
        cmocka_unit_test(equals_go_by_arrival),
        cmocka_unit_test(nothing_is_overtaken_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
