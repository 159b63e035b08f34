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
    struct throttle_place all[THROTTLE_LIMIT_MAX + 1];
    size_t n;
    int64_t last_id;
};

static int
take_for(struct log *l, const struct throttle *t, const int64_t *ids, int want,
         int64_t now_ms)
{
    int got;

    l->n = throttle_keep(l->all, l->n, t->per_ms, now_ms);
    got = throttle_grant(t, l->all, l->n, ids, want);
    for (int i = 0; i < got; i++)
        l->n =
            throttle_add(l->all, l->n, (struct throttle_place){now_ms, ids[i]});
    return got;
}

/* For others than before. */
static int
take(struct log *l, const struct throttle *t, int want, int64_t now_ms)
{
    int64_t ids[10];

    for (int i = 0; i < want; i++)
        ids[i] = ++l->last_id;
    return take_for(l, t, ids, want, now_ms);
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
    assert_int_equal(throttle_room(&narrow, NULL, 0, 9), 2);
}

static void
what_is_given_back_may_be_taken_again(void **state)
{
    struct throttle_place all[] = {{5, 1}, {7, 2}, {7, 2}, {8, 2}, {7, 4}};
    const int64_t ids[] = {4, 2, 1};
    size_t n = throttle_give_back(all, 5, 7, ids, 3);

    (void)state;
    assert_int_equal(n, 3); /* one of each, and not of another time */
    assert_int_equal(all[0].id, 1);
    assert_int_equal(all[1].at_ms, 7);
    assert_int_equal(all[2].at_ms, 8);
    n = throttle_give_back(all, n, 7, ids, 3);
    assert_int_equal(n, 2);
    assert_int_equal(throttle_give_back(all, n, 7, ids, 3), 2);
}

/* In whatever order, and for as long as the last part is in the window. */
static void
what_goes_out_in_parts_counts_once(void **state)
{
    const struct throttle t = {.limit = 2, .per_ms = PER};
    const int64_t a = 7, b = 3, c = 9, both[] = {7, 9};
    struct log l = {0};

    (void)state;
    assert_int_equal(take_for(&l, &t, &a, 1, 0), 1);
    assert_int_equal(take_for(&l, &t, &a, 1, 500), 1);
    assert_int_equal(take_for(&l, &t, &b, 1, 600), 1);
    assert_int_equal(take_for(&l, &t, &c, 1, 700), 0);
    assert_int_equal(take_for(&l, &t, both, 2, 700), 0);
    assert_int_equal(take_for(&l, &t, &a, 1, 800), 1);
    assert_int_equal(l.n, 4);
    assert_int_equal(take_for(&l, &t, &c, 1, 1599), 0);
    assert_int_equal(take_for(&l, &t, &c, 1, 1600), 1); /* b is out */
    assert_int_equal(take_for(&l, &t, &b, 1, 1700), 0);
    assert_int_equal(take_for(&l, &t, &b, 1, 1800), 1); /* a is */
}

static void
what_nobody_knows_counts_by_itself(void **state)
{
    const struct throttle t = {.limit = 4, .per_ms = PER};
    const struct throttle_place all[] = {{5, 0}, {5, 0}, {5, 1}, {6, 1}};

    (void)state;
    assert_int_equal(throttle_room(&t, all, 2, 9), 2);
    assert_int_equal(throttle_room(&t, all, 4, 9), 1);
}

static void
it_is_over_when_nothing_is_in_the_window(void **state)
{
    (void)state;
    for (int64_t now_ms = 0; now_ms < 5 * PER; now_ms += 77) {
        int64_t over_ms = throttle_over_ms(PER, now_ms);

        assert_true(over_ms > now_ms + PER && over_ms <= now_ms + 2 * PER);
        assert_int_equal(
            throttle_keep(&(struct throttle_place){now_ms, 1}, 1, PER, over_ms),
            0);
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
        cmocka_unit_test(what_goes_out_in_parts_counts_once),
        cmocka_unit_test(what_nobody_knows_counts_by_itself),
        cmocka_unit_test(it_is_over_when_nothing_is_in_the_window),
        cmocka_unit_test(critical_ones_are_not_asked),
        cmocka_unit_test(what_goes_out_on_one_channel_counts),
        cmocka_unit_test_setup_teardown(
            a_key_says_what_is_limited_and_whose_it_is, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("domain/throttle", tests, NULL, NULL);
}
