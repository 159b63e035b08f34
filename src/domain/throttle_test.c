#include "domain/throttle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/arena_test.h"
#include "base/rng.h"

#define PER 1000

/* What a store does with one budget. */
struct log {
    int64_t times[THROTTLE_LIMIT_MAX];
    size_t n;
};

static int
take(struct log *l, const struct throttle *t, int want, int64_t now_ms)
{
    int got;

    l->n = throttle_keep(l->times, l->n, t->per_ms, now_ms);
    got = throttle_room(t, l->n, want);
    for (int i = 0; i < got; i++)
        l->times[l->n++] = now_ms;
    return got;
}

static void
a_window_holds_as_many_as_the_limit_and_slides(void **state)
{
    const struct throttle t = {.limit = 3, .per_ms = PER};
    struct log l = {0};

    (void)state;
    assert_int_equal(take(&l, &t, 1, 0), 1);
    assert_int_equal(take(&l, &t, 1, 400), 1);
    assert_int_equal(take(&l, &t, 5, 600), 1);
    assert_int_equal(take(&l, &t, 1, 999), 0);
    assert_int_equal(take(&l, &t, 5, 1000), 1); /* the first one is out */
    assert_int_equal(take(&l, &t, 1, 1399), 0);
    assert_int_equal(take(&l, &t, 1, 1400), 1);
    assert_int_equal(take(&l, &t, 9, 9000), 3);
}

/* Against a list of all that ever went out. */
static void
no_window_wherever_it_begins_has_more(void **state)
{
    const struct throttle t = {.limit = 7, .per_ms = PER};
    int64_t out[4000], now_ms = 0;
    struct log l = {0};
    struct rng rng;
    size_t n = 0, n_refused = 0;

    (void)state;
    rng_seed(&rng, 3);
    for (int i = 0; i < 4000; i++) {
        int want = 1 + (int)rng_below(&rng, 3), got;
        size_t in_window = 0;

        now_ms += (int64_t)rng_below(&rng, 200);
        for (size_t k = 0; k < n; k++)
            in_window += out[k] > now_ms - PER;
        got = take(&l, &t, want, now_ms);
        assert_int_equal(got, (int)(7 - in_window) < want ? (int)(7 - in_window)
                                                          : want);
        for (int k = 0; k < got && n < 4000; k++)
            out[n++] = now_ms;
        n_refused += got < want;
        assert_true(l.n <= 7);
        if (n > 3900)
            break;
    }
    assert_true(n_refused > 100);
}

static void
a_clock_that_is_set_back_lets_no_more_out(void **state)
{
    const struct throttle t = {.limit = 2, .per_ms = PER};
    struct log l = {0};

    (void)state;
    assert_int_equal(take(&l, &t, 1, 5000), 1);
    assert_int_equal(take(&l, &t, 2, 1000), 1);
    assert_int_equal(take(&l, &t, 1, 1999), 0);
    assert_int_equal(take(&l, &t, 2, 2000), 1);
}

static void
a_limit_that_changes_counts_what_went_out_before(void **state)
{
    const struct throttle wide = {.limit = 5, .per_ms = PER};
    const struct throttle narrow = {.limit = 2, .per_ms = PER};
    struct log l = {0};

    (void)state;
    assert_int_equal(take(&l, &wide, 4, 0), 4);
    assert_int_equal(take(&l, &narrow, 1, 10), 0);
    assert_int_equal(take(&l, &wide, 3, 20), 1);
    assert_int_equal(throttle_room(&narrow, 0, 9), 2);
}

static void
what_is_given_back_may_be_taken_again(void **state)
{
    int64_t times[] = {5, 7, 7, 7, 9};
    size_t n = throttle_give_back(times, 5, 7, 2);

    (void)state;
    assert_int_equal(n, 3);
    assert_int_equal(times[0], 5);
    assert_int_equal(times[1], 7);
    assert_int_equal(times[2], 9);
    assert_int_equal(throttle_give_back(times, n, 8, 1), 3);
    assert_int_equal(throttle_give_back(times, n, 7, 9), 2);
}

static void
it_is_over_when_nothing_is_in_the_window(void **state)
{
    (void)state;
    for (int64_t now_ms = 0; now_ms < 5 * PER; now_ms += 77) {
        int64_t over_ms = throttle_over_ms(PER, now_ms);

        assert_true(over_ms > now_ms + PER && over_ms <= now_ms + 2 * PER);
        assert_int_equal(throttle_keep(&now_ms, 1, PER, over_ms), 0);
    }
}

static void
critical_ones_are_not_asked(void **state)
{
    struct category k = {.throttle = {.limit = 1, .per_ms = PER}};

    (void)state;
    assert_false(throttle_applies(NULL, PRIORITY_NORMAL));
    assert_true(throttle_applies(&k, PRIORITY_HIGH));
    assert_false(throttle_applies(&k, PRIORITY_CRITICAL));
    k.is_critical = true;
    assert_false(throttle_applies(&k, PRIORITY_LOW));
    k = (struct category){0};
    assert_false(throttle_applies(&k, PRIORITY_LOW));
}

static void
what_goes_out_on_one_channel_counts(void **state)
{
    struct plan_decision d[] = {
        {.verdict = PLAN_SKIP, .reason = REASON_PREF_CHANNEL_OFF},
        {.verdict = PLAN_HOLD, .reason = REASON_QUIET_DEFERRED, .due_ms = 9},
        {.verdict = PLAN_SEND},
    };

    (void)state;
    assert_false(throttle_counts(d, 1));
    assert_true(throttle_counts(d, 2));
    throttle_refuse(d, 3);
    assert_int_equal(d[0].reason, REASON_PREF_CHANNEL_OFF);
    for (int i = 1; i < 3; i++) {
        assert_int_equal(d[i].verdict, PLAN_SKIP);
        assert_int_equal(d[i].reason, REASON_THROTTLED);
        assert_int_equal(d[i].due_ms, 0);
    }
    assert_false(throttle_counts(d, 3));
}

static void
a_key_says_what_is_limited_and_whose_it_is(void **state)
{
    (void)state;
    assert_true(str_is(throttle_key(arena, STR("news"), STR("u:1")),
                       "category/news/u:1"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_holds_as_many_as_the_limit_and_slides),
        cmocka_unit_test(no_window_wherever_it_begins_has_more),
        cmocka_unit_test(a_clock_that_is_set_back_lets_no_more_out),
        cmocka_unit_test(a_limit_that_changes_counts_what_went_out_before),
        cmocka_unit_test(what_is_given_back_may_be_taken_again),
        cmocka_unit_test(it_is_over_when_nothing_is_in_the_window),
        cmocka_unit_test(critical_ones_are_not_asked),
        cmocka_unit_test(what_goes_out_on_one_channel_counts),
        cmocka_unit_test_setup_teardown(
            a_key_says_what_is_limited_and_whose_it_is, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("domain/throttle", tests, NULL, NULL);
}
