#include "dispatch/breaker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct breaker_limits limits = {
    .failures = 3, .pause_ms = 100, .pause_max_ms = 350};

static bool
call(struct breaker *b, enum verdict_health health, int64_t message,
     int64_t now_ms)
{
    uint32_t ticket = breaker_begin(b, now_ms);

    return breaker_end(b, ticket, health, message, now_ms);
}

static struct breaker
opened_at(int64_t now_ms)
{
    struct breaker b;

    breaker_init(&b, &limits);
    for (int i = 1; i <= 3; i++)
        (void)call(&b, HEALTH_BAD, i, now_ms);
    assert_int_equal(b.state, BREAKER_OPEN);
    return b;
}

static void
failures_in_a_row_open_it(void **state)
{
    struct breaker b;

    (void)state;
    breaker_init(&b, &limits);
    assert_false(call(&b, HEALTH_BAD, 1, 0));
    assert_false(call(&b, HEALTH_BAD, 2, 0));
    assert_true(breaker_allows(&b, 0));
    assert_true(call(&b, HEALTH_BAD, 3, 0));
    assert_false(breaker_allows(&b, 99));
    assert_true(breaker_allows(&b, 100));
}

static void
a_success_in_between_starts_the_count_again(void **state)
{
    struct breaker b;

    (void)state;
    breaker_init(&b, &limits);
    (void)call(&b, HEALTH_BAD, 1, 0);
    (void)call(&b, HEALTH_BAD, 2, 0);
    (void)call(&b, HEALTH_GOOD, 3, 0);
    (void)call(&b, HEALTH_BAD, 4, 0);
    (void)call(&b, HEALTH_BAD, 5, 0);
    assert_int_equal(b.state, BREAKER_CLOSED);
    (void)call(&b, HEALTH_BAD, 6, 0);
    assert_int_equal(b.state, BREAKER_OPEN);
}

static void
one_message_that_always_fails_leaves_it_closed(void **state)
{
    struct breaker b;

    (void)state;
    breaker_init(&b, &limits);
    for (int i = 0; i < 100; i++)
        (void)call(&b, HEALTH_BAD, 7, i);
    assert_int_equal(b.state, BREAKER_CLOSED);
}

static void
what_says_nothing_does_not_count(void **state)
{
    struct breaker b;

    (void)state;
    breaker_init(&b, &limits);
    (void)call(&b, HEALTH_BAD, 1, 0);
    (void)call(&b, HEALTH_BAD, 2, 0);
    for (int i = 0; i < 10; i++)
        (void)call(&b, HEALTH_NOTHING, 10 + i, 0);
    assert_int_equal(b.state, BREAKER_CLOSED);
    (void)call(&b, HEALTH_BAD, 3, 0);
    assert_int_equal(b.state, BREAKER_OPEN);
}

static void
refused_credentials_open_it_at_once_and_for_long(void **state)
{
    struct breaker b;

    (void)state;
    breaker_init(&b, &limits);
    assert_true(call(&b, HEALTH_BROKEN, 1, 0));
    assert_false(breaker_allows(&b, 349));
    assert_true(breaker_allows(&b, 350));
}

static void
only_one_probe_goes_at_a_time(void **state)
{
    struct breaker b = opened_at(0);

    (void)state;
    (void)breaker_begin(&b, 100);
    assert_int_equal(b.state, BREAKER_PROBING);
    assert_false(breaker_allows(&b, 101));
    assert_true(breaker_allows(&b, 450)); /* it never came back */
}

static void
a_good_probe_closes_it_and_forgets_the_long_pause(void **state)
{
    struct breaker b = opened_at(0);

    (void)state;
    (void)call(&b, HEALTH_BAD, 4, 100);
    assert_true(call(&b, HEALTH_GOOD, 5, 300));
    assert_int_equal(b.state, BREAKER_CLOSED);
    for (int i = 6; i <= 8; i++)
        (void)call(&b, HEALTH_BAD, i, 1000);
    assert_int_equal(breaker_until_ms(&b), 1100);
}

static void
each_bad_probe_doubles_the_pause_up_to_the_longest(void **state)
{
    struct breaker b = opened_at(0);

    (void)state;
    (void)call(&b, HEALTH_BAD, 4, 100);
    assert_int_equal(breaker_until_ms(&b), 300);
    (void)call(&b, HEALTH_BAD, 5, 300);
    assert_int_equal(breaker_until_ms(&b), 650);
    (void)call(&b, HEALTH_BAD, 6, 650);
    assert_int_equal(breaker_until_ms(&b), 1000);
}

static void
a_probe_that_learns_nothing_lets_another_go_after_a_pause(void **state)
{
    struct breaker b = opened_at(0);

    (void)state;
    assert_false(call(&b, HEALTH_NOTHING, 4, 200));
    assert_false(breaker_allows(&b, 299));
    assert_true(breaker_allows(&b, 300));
}

static void
a_late_answer_changes_nothing(void **state)
{
    struct breaker b;
    uint32_t early, probe;

    (void)state;
    breaker_init(&b, &limits);
    early = breaker_begin(&b, 0);
    for (int i = 1; i <= 3; i++)
        (void)call(&b, HEALTH_BAD, i, 0);
    assert_false(breaker_end(&b, early, HEALTH_GOOD, 9, 50));
    assert_int_equal(b.state, BREAKER_OPEN);
    probe = breaker_begin(&b, 100);
    assert_false(breaker_end(&b, early, HEALTH_GOOD, 9, 101));
    assert_int_equal(b.state, BREAKER_PROBING);
    assert_true(breaker_end(&b, probe, HEALTH_GOOD, 4, 102));
}

static void
a_reset_forgets_failures_and_calls_under_way(void **state)
{
    struct breaker b;
    uint32_t early;

    (void)state;
    breaker_init(&b, &limits);
    early = breaker_begin(&b, 0);
    (void)call(&b, HEALTH_BROKEN, 1, 0);
    breaker_reset(&b);
    assert_true(breaker_allows(&b, 0));
    assert_false(breaker_end(&b, early, HEALTH_BROKEN, 1, 0));
    assert_int_equal(b.state, BREAKER_CLOSED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_in_a_row_open_it),
        cmocka_unit_test(a_success_in_between_starts_the_count_again),
        cmocka_unit_test(one_message_that_always_fails_leaves_it_closed),
        cmocka_unit_test(what_says_nothing_does_not_count),
        cmocka_unit_test(refused_credentials_open_it_at_once_and_for_long),
        cmocka_unit_test(only_one_probe_goes_at_a_time),
        cmocka_unit_test(a_good_probe_closes_it_and_forgets_the_long_pause),
        cmocka_unit_test(each_bad_probe_doubles_the_pause_up_to_the_longest),
        cmocka_unit_test(
            a_probe_that_learns_nothing_lets_another_go_after_a_pause),
        cmocka_unit_test(a_late_answer_changes_nothing),
        cmocka_unit_test(a_reset_forgets_failures_and_calls_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
