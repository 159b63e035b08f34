#include "domain/experiment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <math.h>

#include "base/clock.h"

#define USERS 60000

static struct experiment_arm
arm(const char *salt, const char *variant, int64_t weight)
{
    return (struct experiment_arm){lot_make(STR("experiment"), STR("welcome"),
                                            str_from(salt), str_from(variant)),
                                   weight};
}

static size_t
drawn(const struct experiment_arm *arms, size_t n, int user)
{
    char text[32];

    return experiment_draw(
        arms, n,
        (struct str){text,
                     (size_t)snprintf(text, sizeof(text), "user-%d", user)});
}

/* Five standard deviations of a binomial: a false alarm in a million runs, and
 * there is no chance in it. */
static void
assert_share(int n, double share)
{
    double mean = USERS * share, room = 5 * sqrt(mean * (1 - share));

    assert_true(n > mean - room && n < mean + room);
}

static void
each_variant_gets_its_share_of_the_users(void **state)
{
    const struct experiment_arm arms[] = {arm("s", "a", 1), arm("s", "b", 2),
                                          arm("s", "c", 0), arm("s", "d", 7)};
    int n[5] = {0};

    (void)state;
    for (int i = 0; i < USERS; i++)
        n[drawn(arms, 4, i)]++;
    assert_share(n[0], 0.1);
    assert_share(n[1], 0.2);
    assert_int_equal(n[2], 0);
    assert_share(n[3], 0.7);
    assert_int_equal(n[4], 0);
}

static void
a_larger_weight_moves_users_only_to_that_variant(void **state)
{
    const struct experiment_arm before[] = {arm("s", "a", 1), arm("s", "b", 1),
                                            arm("s", "c", 2)};
    const struct experiment_arm after[] = {arm("s", "a", 1), arm("s", "b", 4),
                                           arm("s", "c", 2)};
    int n_moved = 0;

    (void)state;
    for (int i = 0; i < USERS; i++) {
        size_t was = drawn(before, 3, i), is = drawn(after, 3, i);

        if (was == is)
            continue;
        assert_int_equal(is, 1);
        n_moved++;
    }
    assert_share(n_moved, 4.0 / 7 - 1.0 / 4);
}

static void
a_variant_that_goes_moves_only_its_own_users(void **state)
{
    const struct experiment_arm before[] = {arm("s", "a", 1), arm("s", "b", 1),
                                            arm("s", "c", 1)};
    const struct experiment_arm after[] = {arm("s", "a", 1), arm("s", "c", 1)};

    (void)state;
    for (int i = 0; i < USERS; i++) {
        size_t was = drawn(before, 3, i), is = drawn(after, 2, i);

        if (was != 1)
            assert_int_equal(is, was == 0 ? 0 : 1);
    }
}

static void
another_salt_draws_anew_and_independently(void **state)
{
    const struct experiment_arm one[] = {arm("s", "a", 1), arm("s", "b", 1)};
    const struct experiment_arm other[] = {arm("t", "a", 1), arm("t", "b", 1)};
    int n_same = 0;

    (void)state;
    for (int i = 0; i < USERS; i++)
        n_same += drawn(one, 2, i) == drawn(other, 2, i);
    assert_share(n_same, 0.5);
}

/* What was drawn once is so for ever: other numbers here would move the users
 * of every experiment that runs. */
static void
users_are_where_they_always_were(void **state)
{
    const struct experiment_arm arms[] = {arm("s", "a", 1), arm("s", "b", 1)};
    char got[33] = {0};

    (void)state;
    for (int i = 0; i < 32; i++)
        got[i] = "ab"[drawn(arms, 2, i)];
    assert_string_equal(got, "bbaaabbbbabbaabbbbabbabaaabbabbb");
}

static void
nobody_is_drawn_where_nothing_has_a_weight(void **state)
{
    const struct experiment_arm arms[] = {arm("s", "a", 0), arm("s", "b", 0)};

    (void)state;
    assert_int_equal(drawn(arms, 2, 1), 2);
    assert_int_equal(drawn(arms, 0, 1), 0);
}

static void
a_share_holds_so_many_and_grows_without_losing_any(void **state)
{
    const struct lot l =
        lot_make(STR("holdout"), STR("welcome"), STR(""), STR(""));
    int n = 0;

    (void)state;
    for (int i = 0; i < USERS; i++) {
        char text[32];
        struct str user = {text,
                           (size_t)snprintf(text, sizeof(text), "user-%d", i)};
        bool is_in = lot_is_below(&l, user, EXPERIMENT_SHARE_ALL / 10);

        n += is_in;
        if (is_in)
            assert_true(lot_is_below(&l, user, EXPERIMENT_SHARE_ALL / 5));
        assert_false(lot_is_below(&l, user, 0));
        assert_true(lot_is_below(&l, user, EXPERIMENT_SHARE_ALL));
    }
    assert_share(n, 0.1);
}

/* "a", "bc" is not "ab", "c". */
static void
lots_are_named_by_their_parts(void **state)
{
    const struct lot one = lot_make(STR("k"), STR("a"), STR("bc"), STR(""));
    const struct lot other = lot_make(STR("k"), STR("ab"), STR("c"), STR(""));

    (void)state;
    assert_memory_not_equal(one.key, other.key, sizeof(one.key));
}

static int64_t
at(const char *text)
{
    int64_t ms;

    assert_true(time_parse(str_from(text), &ms));
    return ms;
}

static void
a_time_of_the_day_is_the_next_one_there(void **state)
{
    const struct zone *berlin = zone_find(STR("Europe/Berlin"));

    (void)state;
    assert_int_equal(
        experiment_next_minute(berlin, 9 * 60, at("2026-07-01T06:59:00Z")),
        at("2026-07-01T07:00:00Z"));
    assert_int_equal(
        experiment_next_minute(berlin, 9 * 60, at("2026-07-01T07:00:00Z")),
        at("2026-07-01T07:00:00Z"));
    assert_int_equal(
        experiment_next_minute(berlin, 9 * 60, at("2026-07-01T07:00:01Z")),
        at("2026-07-02T07:00:00Z"));
    /* 02:30 is skipped in that night. */
    assert_int_equal(
        experiment_next_minute(berlin, 150, at("2026-03-29T00:00:00Z")),
        at("2026-03-29T01:00:00Z"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_variant_gets_its_share_of_the_users),
        cmocka_unit_test(a_larger_weight_moves_users_only_to_that_variant),
        cmocka_unit_test(a_variant_that_goes_moves_only_its_own_users),
        cmocka_unit_test(another_salt_draws_anew_and_independently),
        cmocka_unit_test(users_are_where_they_always_were),
        cmocka_unit_test(nobody_is_drawn_where_nothing_has_a_weight),
        cmocka_unit_test(a_share_holds_so_many_and_grows_without_losing_any),
        cmocka_unit_test(lots_are_named_by_their_parts),
        cmocka_unit_test(a_time_of_the_day_is_the_next_one_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
