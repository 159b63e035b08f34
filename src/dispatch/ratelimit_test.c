#include "dispatch/ratelimit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct ratelimit
limited(int64_t per_ms, int64_t limit, int64_t burst)
{
    struct ratelimit r = {0};

    ratelimit_set(&r, &(struct ratelimit_rule){per_ms, limit, burst});
    return r;
}

static bool
take(struct ratelimit *r, int64_t now_ms)
{
    if (ratelimit_next_ms(r, now_ms) > now_ms)
        return false;
    ratelimit_take(r, now_ms);
    return true;
}

static int
taken_between(struct ratelimit *r, int64_t from_ms, int64_t to_ms)
{
    int n = 0;

    for (int64_t now = from_ms; now < to_ms; now++) {
        while (take(r, now))
            n++;
    }
    return n;
}

static void
without_a_rule_nothing_waits(void **state)
{
    struct ratelimit r = limited(0, 0, 0);

    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_true(take(&r, 5));
    assert_true(ratelimit_room(&r, 5, 0) == SIZE_MAX);
}

static void
a_burst_goes_at_once_and_then_the_rate_holds(void **state)
{
    struct ratelimit r = limited(1000, 10, 20);

    (void)state;
    assert_int_equal(ratelimit_room(&r, 5000, 0), 20);
    assert_int_equal(taken_between(&r, 5000, 5001), 20);
    assert_int_equal(ratelimit_next_ms(&r, 5000), 5100);
    assert_int_equal(taken_between(&r, 5001, 6001), 10);
    assert_int_equal(taken_between(&r, 6001, 7001), 10);
}

static void
no_span_holds_more_than_limit_and_burst(void **state)
{
    struct ratelimit r = limited(1000, 7, 3);

    (void)state;
    assert_in_range(taken_between(&r, 0, 1000), 7, 10);
    assert_in_range(taken_between(&r, 50000, 51000), 7, 10);
}

static void
a_pause_saves_up_no_more_than_the_burst(void **state)
{
    struct ratelimit r = limited(1000, 10, 2);

    (void)state;
    (void)taken_between(&r, 0, 100);
    assert_int_equal(taken_between(&r, 900000, 900001), 2);
}

static void
room_tells_what_can_begin_soon(void **state)
{
    struct ratelimit r = limited(1000, 10, 1);

    (void)state;
    assert_int_equal(ratelimit_room(&r, 0, 250), 3);
    ratelimit_take(&r, 0);
    assert_int_equal(ratelimit_room(&r, 0, 0), 0);
    assert_int_equal(ratelimit_room(&r, 0, 250), 2);
    assert_int_equal(ratelimit_room(&r, 100, 0), 1);
}

static void
those_that_pass_the_limit_are_paid_for_but_starve_nobody(void **state)
{
    struct ratelimit r = limited(1000, 10, 1);

    (void)state;
    for (int i = 0; i < 500; i++)
        ratelimit_take(&r, 0);
    assert_true(ratelimit_next_ms(&r, 0) > 0);
    assert_int_equal(ratelimit_next_ms(&r, 0), 100);
}

static void
a_changed_rule_keeps_the_debt(void **state)
{
    struct ratelimit r = limited(1000, 1, 1);

    (void)state;
    ratelimit_take(&r, 0);
    ratelimit_set(&r, &(struct ratelimit_rule){1000, 2, 1});
    assert_int_equal(ratelimit_next_ms(&r, 0), 1000);
    ratelimit_set(&r, &(struct ratelimit_rule){0, 0, 0});
    assert_int_equal(ratelimit_next_ms(&r, 0), 0);
}

static void
the_largest_rule_does_not_overflow(void **state)
{
    struct ratelimit r = limited(INT64_MAX, 1, INT64_MAX);

    (void)state;
    assert_true(r.interval_us > 0 && r.slack_us >= 0);
    for (int i = 0; i < 10; i++)
        ratelimit_take(&r, INT64_C(1800000000000));
    assert_true(r.paid_us > 0);
    r = limited(1, INT64_MAX, 1);
    assert_int_equal(r.interval_us, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_rule_nothing_waits),
        cmocka_unit_test(a_burst_goes_at_once_and_then_the_rate_holds),
        cmocka_unit_test(no_span_holds_more_than_limit_and_burst),
        cmocka_unit_test(a_pause_saves_up_no_more_than_the_burst),
        cmocka_unit_test(room_tells_what_can_begin_soon),
        cmocka_unit_test(
            those_that_pass_the_limit_are_paid_for_but_starve_nobody),
        cmocka_unit_test(a_changed_rule_keeps_the_debt),
        cmocka_unit_test(the_largest_rule_does_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
