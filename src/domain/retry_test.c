#include "domain/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define ROUNDS 2000
#define HOUR_MS (INT64_C(3600) * 1000)

struct span {
    int64_t least, most;
};

/* The smallest and the largest of many draws. */
static struct span
draws(const struct retry_policy *p, int attempt, int64_t retry_after_ms)
{
    struct span s = {INT64_MAX, 0};
    struct rng rng;

    rng_seed(&rng, 7);
    for (int i = 0; i < ROUNDS; i++) {
        int64_t v = retry_delay_ms(p, attempt, retry_after_ms, &rng);

        s.least = v < s.least ? v : s.least;
        s.most = v > s.most ? v : s.most;
    }
    return s;
}

static void
exponential_draws_from_the_whole_span_up_to_its_double(void **state)
{
    static const int64_t top_ms[] = {1000, 2000, 4000, 8000, 16000};

    (void)state;
    for (int n = 1; n <= 5; n++) {
        struct span s = draws(&retry_policy_default, n, 0);
        int64_t top = top_ms[n - 1], width = (top - 500) / 50;

        assert_in_range(s.least, 500, 500 + width);
        assert_in_range(s.most, top - width, top);
    }
    assert_in_range(draws(&retry_policy_default, 13, 0).most,
                    HOUR_MS * 98 / 100, HOUR_MS);
}

static void
linear_grows_by_the_base_and_wavers_by_a_tenth(void **state)
{
    const struct retry_policy p = {
        .strategy = RETRY_LINEAR, .base_ms = 10000, .max_ms = 60000};

    (void)state;
    for (int n = 1; n <= 5; n++) {
        struct span s = draws(&p, n, 0);

        assert_in_range(s.least, n * 9000, n * 9100);
        assert_in_range(s.most, n * 10900, n * 11000);
    }
    assert_int_equal(draws(&p, 6, 0).most, 60000);
    assert_int_equal(draws(&p, 1000, 0).most, 60000);
}

static void
fixed_is_never_sooner_than_configured(void **state)
{
    const struct retry_policy p = {.strategy = RETRY_FIXED, .base_ms = 20000};

    (void)state;
    for (int n = 1; n <= 100; n *= 10) {
        struct span s = draws(&p, n, 0);

        assert_in_range(s.least, 20000, 20020);
        assert_in_range(s.most, 20980, 21000);
    }
}

static void
what_the_provider_asks_for_is_a_floor(void **state)
{
    struct span s = draws(&retry_policy_default, 1, 30000);

    (void)state;
    assert_in_range(s.least, 30000, 30100);
    assert_in_range(s.most, 32900, 33000);
    /* shorter than the policy's own pause: that one holds */
    assert_true(draws(&retry_policy_default, 10, 2000).most > 400000);
    /* max_ms is about our own pauses */
    assert_true(draws(&retry_policy_default, 1, 2 * HOUR_MS).least >=
                2 * HOUR_MS);
}

static void
an_absurd_request_to_wait_is_clamped(void **state)
{
    const struct retry_policy quick = {.strategy = RETRY_FIXED, .base_ms = 1};

    (void)state;
    assert_in_range(draws(&quick, 1, 1).least, 1000, 1100);
    assert_in_range(draws(&quick, 1, INT64_MAX).least, 24 * HOUR_MS,
                    25 * HOUR_MS);
    assert_true(draws(&quick, 1, INT64_MAX).most <= 24 * HOUR_MS * 11 / 10);
    assert_in_range(draws(&quick, 1, -5).most, 1, 2);
}

static void
no_policy_overflows_or_gives_an_immediate_retry(void **state)
{
    static const int64_t extreme[] = {INT64_MIN, -1,        0,
                                      1,         INT64_MAX, INT64_MAX / 2};
    static const int attempts[] = {1, 2, 63, 64, 65, 1000000, INT32_MAX};
    struct rng rng;

    (void)state;
    rng_seed(&rng, 1);
    for (int i = 0; i < 3 * 6 * 6 * 7; i++) {
        const struct retry_policy p = {.strategy = (enum retry_strategy)(i % 3),
                                       .base_ms = extreme[i / 3 % 6],
                                       .max_ms = extreme[i / 18 % 6]};
        int64_t v = retry_delay_ms(&p, attempts[i / 108], 0, &rng);

        assert_true(v >= 1 && v <= RETRY_DELAY_MAX_MS);
    }
}

static void
attempts_and_age_both_end_it(void **state)
{
    struct retry_policy p = retry_policy_default;

    (void)state;
    assert_false(retry_is_exhausted(&p, 7, 1000 * HOUR_MS));
    assert_true(retry_is_exhausted(&p, 8, 0));
    assert_true(retry_is_exhausted(&p, 9, 0));
    p.max_age_ms = HOUR_MS;
    assert_false(retry_is_exhausted(&p, 1, HOUR_MS - 1));
    assert_true(retry_is_exhausted(&p, 1, HOUR_MS));
}

static void
the_default_is_the_documented_one(void **state)
{
    (void)state;
    assert_int_equal(retry_policy_default.strategy, RETRY_EXPONENTIAL);
    assert_int_equal(retry_policy_default.base_ms, 1000);
    assert_int_equal(retry_policy_default.max_ms, HOUR_MS);
    assert_int_equal(retry_policy_default.attempts, 8);
    assert_int_equal(retry_policy_default.max_age_ms, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            exponential_draws_from_the_whole_span_up_to_its_double),
        cmocka_unit_test(linear_grows_by_the_base_and_wavers_by_a_tenth),
        cmocka_unit_test(fixed_is_never_sooner_than_configured),
        cmocka_unit_test(what_the_provider_asks_for_is_a_floor),
        cmocka_unit_test(an_absurd_request_to_wait_is_clamped),
        cmocka_unit_test(no_policy_overflows_or_gives_an_immediate_retry),
        cmocka_unit_test(attempts_and_age_both_end_it),
        cmocka_unit_test(the_default_is_the_documented_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
