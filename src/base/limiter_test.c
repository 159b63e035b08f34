#include "base/limiter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void
a_second_of_burst_then_the_rate(void **state)
{
    struct limiter *l = limiter_new(10);
    int64_t wait_ms = 0;

    (void)state;
    for (int i = 0; i < 10; i++)
        assert_true(limiter_take(l, STR("a"), 5000, &wait_ms));
    assert_false(limiter_take(l, STR("a"), 5000, &wait_ms));
    assert_int_equal(wait_ms, 100);
    assert_false(limiter_take(l, STR("a"), 5099, &wait_ms));
    assert_true(limiter_take(l, STR("a"), 5100, &wait_ms));
    assert_true(limiter_take(l, STR("b"), 5100, &wait_ms)); /* its own */
    limiter_free(l);
}

static void
over_a_minute_no_more_than_the_rate_passes(void **state)
{
    struct limiter *l = limiter_new(7);
    int64_t wait_ms;
    int n = 0;

    (void)state;
    for (int64_t ms = 0; ms < 60000; ms++)
        n += limiter_take(l, STR("a"), ms, &wait_ms);
    assert_in_range(n, 60 * 7, 61 * 7 + 1);
    limiter_free(l);
}

static void
names_that_rest_make_room_and_a_flood_of_busy_ones_is_refused(void **state)
{
    struct limiter *l = limiter_new(1);
    int64_t wait_ms;
    char name[16];

    (void)state;
    for (int i = 0; i < LIMITER_NAMES_MAX; i++) {
        snprintf(name, sizeof(name), "%d", i);
        assert_true(limiter_take(l, str_from(name), 1000, &wait_ms));
    }
    assert_false(limiter_take(l, STR("new"), 1001, &wait_ms));
    assert_true(limiter_take(l, STR("new"), 3000, &wait_ms));
    limiter_free(l);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_of_burst_then_the_rate),
        cmocka_unit_test(over_a_minute_no_more_than_the_rate_passes),
        cmocka_unit_test(
            names_that_rest_make_room_and_a_flood_of_busy_ones_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
