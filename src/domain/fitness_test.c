#include "domain/fitness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/rng.h"

#define START INT64_C(5000)

/* n calls, one every step_ms; the time after the last. */
static int64_t
calls(struct fitness *f, enum fitness_call what, int n, int64_t took_ms,
      int64_t now_ms, int64_t step_ms)
{
    for (int i = 0; i < n; i++, now_ms += step_ms)
        fitness_note(f, what, took_ms, now_ms);
    return now_ms;
}

static void
of_one_that_never_was_called_nothing_bad_is_known(void **state)
{
    struct fitness f = {0};

    (void)state;
    assert_int_equal(fitness_of(&f, -1, START), FITNESS_WHOLE);
    assert_int_equal(fitness_of(&f, 5, START), FITNESS_WHOLE);
    assert_int_equal(fitness_latency_ms(&f, START), -1);
}

static void
one_failure_among_few_calls_says_little(void **state)
{
    struct fitness f = {0};

    (void)state;
    fitness_note(&f, FITNESS_BAD, 3, START);
    assert_true(fitness_of(&f, -1, START) > FITNESS_WHOLE * 6 / 10);
    fitness_note(&f, FITNESS_NOTHING, 3, START);
    assert_int_equal(fitness_of(&f, -1, START), FITNESS_WHOLE * 64 / 100);
}

static void
one_that_fails_loses_all_but_the_least(void **state)
{
    struct fitness f = {0};
    int64_t now_ms = calls(&f, FITNESS_BAD, 200, 10, START, 10);

    (void)state;
    assert_int_equal(fitness_of(&f, -1, now_ms), FITNESS_LEAST);
}

/* By chance, and then three standard deviations of a hundred calls. */
static void
half_of_them_failing_leaves_a_quarter(void **state)
{
    struct fitness f = {0};
    struct rng rng;
    int64_t now_ms = START;

    (void)state;
    rng_seed(&rng, 4);
    for (int i = 0; i < 5000; i++, now_ms += 20)
        fitness_note(&f, rng_below(&rng, 2) ? FITNESS_GOOD : FITNESS_BAD, 5,
                     now_ms);
    assert_in_range(fitness_of(&f, -1, now_ms), FITNESS_WHOLE * 18 / 100,
                    FITNESS_WHOLE * 36 / 100);
}

static void
silence_forgives(void **state)
{
    struct fitness f = {0};
    int64_t now_ms = calls(&f, FITNESS_BAD, 1000, 10, START, 1);
    int64_t before = 0;

    (void)state;
    for (int i = 0; i < 12; i++, now_ms += FITNESS_HALF_MS) {
        assert_true(fitness_of(&f, -1, now_ms) >= before);
        before = fitness_of(&f, -1, now_ms);
    }
    assert_true(before > FITNESS_WHOLE * 8 / 10);
}

static void
the_few_calls_that_are_left_bring_it_back(void **state)
{
    struct fitness f = {0};
    int64_t now_ms = calls(&f, FITNESS_BAD, 1000, 10, START, 10);

    (void)state;
    now_ms = calls(&f, FITNESS_GOOD, 120, 10, now_ms, 1000); /* 2 minutes */
    assert_true(fitness_of(&f, 10, now_ms) > FITNESS_WHOLE * 7 / 10);
}

static void
one_that_is_slow_loses_in_proportion(void **state)
{
    struct fitness f = {0};
    int64_t now_ms = calls(&f, FITNESS_GOOD, 100, 2000, START, 10);

    (void)state;
    assert_int_equal(fitness_latency_ms(&f, now_ms), 2000);
    /* Twice as long as the fastest is no fault. */
    assert_int_equal(fitness_of(&f, 1000, now_ms), FITNESS_WHOLE);
    assert_int_equal(fitness_of(&f, 950, now_ms), FITNESS_WHOLE);
    /* 2 * 200 + 100 of 2000 */
    assert_int_equal(fitness_of(&f, 200, now_ms), FITNESS_WHOLE / 4);
    assert_int_equal(fitness_of(&f, 0, now_ms), FITNESS_WHOLE / 20);
    assert_int_equal(fitness_of(&f, -1, now_ms), FITNESS_WHOLE);
}

static void
milliseconds_do_not_matter(void **state)
{
    struct fitness f = {0};
    int64_t now_ms = calls(&f, FITNESS_GOOD, 100, 90, START, 10);

    (void)state;
    assert_int_equal(fitness_of(&f, 1, now_ms), FITNESS_WHOLE);
}

static void
what_failed_says_nothing_of_the_latency(void **state)
{
    struct fitness f = {0};
    int64_t now_ms = calls(&f, FITNESS_GOOD, 10, 40, START, 1);

    (void)state;
    now_ms = calls(&f, FITNESS_BAD, 10, 30000, now_ms, 1);
    assert_int_equal(fitness_latency_ms(&f, now_ms), 40);
}

static void
what_worked_lately_is_told_in_percent(void **state)
{
    struct fitness f = {0};

    (void)state;
    assert_int_equal(fitness_percent(&f, START), -1);
    (void)calls(&f, FITNESS_GOOD, 3, 10, START, 0);
    assert_int_equal(fitness_percent(&f, START), 100);
    fitness_note(&f, FITNESS_BAD, 10, START);
    assert_int_equal(fitness_percent(&f, START), 75);
    assert_int_equal(fitness_percent(&f, START + 4 * FITNESS_HALF_MS), -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_one_that_never_was_called_nothing_bad_is_known),
        cmocka_unit_test(one_failure_among_few_calls_says_little),
        cmocka_unit_test(one_that_fails_loses_all_but_the_least),
        cmocka_unit_test(half_of_them_failing_leaves_a_quarter),
        cmocka_unit_test(silence_forgives),
        cmocka_unit_test(the_few_calls_that_are_left_bring_it_back),
        cmocka_unit_test(one_that_is_slow_loses_in_proportion),
        cmocka_unit_test(milliseconds_do_not_matter),
        cmocka_unit_test(what_failed_says_nothing_of_the_latency),
        cmocka_unit_test(what_worked_lately_is_told_in_percent),
    };

    return cmocka_run_group_tests_name("domain/fitness", tests, NULL, NULL);
}
