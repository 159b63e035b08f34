#include "domain/besttime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/rng.h"

#define HOUR_MS (INT64_C(3600) * 1000)
#define DAY_MS (24 * HOUR_MS)

static int64_t
at(const char *time)
{
    int64_t ms;

    assert_true(time_parse(str_from(time), &ms));
    return ms;
}

static const struct zone *
zone(const char *name)
{
    const struct zone *z = zone_find(str_from(name));

    assert_non_null(z);
    return z;
}

/* Reads at that time, each day again. */
static struct habit
reader(const struct zone *own, const char *first, int days)
{
    struct habit h = {0};

    for (int i = 0; i < days; i++) {
        struct civil c = zone_civil(own ? own : zone_utc(), at(first));

        c.day += i;
        assert_true(
            habit_learn(&h, own, zone_instant(own ? own : zone_utc(), c)));
    }
    return h;
}

static struct quiet_hours
hours(const struct zone *z, int from, int to)
{
    return (struct quiet_hours){
        .start_min = from * 60, .end_min = to * 60, .days = 0x7f, .zone = z};
}

static int64_t
picked(const struct habit *h, const struct zone *own, const char *from,
       int64_t within_ms)
{
    const struct besttime_query q = {.habit = h,
                                     .own = own,
                                     .from_ms = at(from),
                                     .until_ms = at(from) + within_ms,
                                     .user = STR("anna")};
    int64_t ms = -1;

    assert_true(besttime_pick(&q, &ms));
    return ms;
}

static bool
picks(const struct habit *h, const char *from, int64_t within_ms)
{
    const struct besttime_query q = {
        .habit = h, .from_ms = at(from), .until_ms = at(from) + within_ms};
    int64_t ms = -1;
    bool does = besttime_pick(&q, &ms);

    assert_int_equal(does, ms >= 0);
    return does;
}

/* ---- what is learned ---- */

static void
an_hour_counts_once(void **state)
{
    struct habit h = {0};

    (void)state;
    assert_true(habit_learn(&h, NULL, at("2026-03-02T08:10:00Z")));
    assert_false(habit_learn(&h, NULL, at("2026-03-02T08:10:00Z")));
    assert_false(habit_learn(&h, NULL, at("2026-03-02T08:59:59Z")));
    assert_false(habit_learn(&h, NULL, at("2026-03-02T07:30:00Z"))); /* late */
    assert_int_equal(habit_reads(&h), HABIT_ONE);
    assert_true(habit_learn(&h, NULL, at("2026-03-02T09:00:00Z")));
    assert_int_equal(habit_reads(&h), 2 * HABIT_ONE);
    assert_int_equal(h.weight[HABIT_WORKDAYS][8], HABIT_ONE);
    assert_int_equal(h.weight[HABIT_WORKDAYS][9], HABIT_ONE);
    assert_true(habit_learn(&h, NULL, at("2026-03-02T20:00:00Z")));
    assert_true(habit_learn(&h, NULL, at("2026-03-07T20:00:00Z")));
    assert_int_equal(h.weight[HABIT_WEEKEND][20], HABIT_ONE);
}

static void
what_was_learned_halves_in_a_month(void **state)
{
    struct habit h = reader(NULL, "2026-03-02T08:00:00Z", 1), later;
    int64_t start = at("2026-03-02T08:00:00Z");

    (void)state;
    later = habit_at(&h, NULL, start + HABIT_HALF_LIFE_DAYS * DAY_MS);
    assert_in_range(habit_reads(&later), HABIT_ONE / 2 - 1, HABIT_ONE / 2 + 1);
    later = habit_at(&h, NULL, start + 3 * HABIT_HALF_LIFE_DAYS * DAY_MS);
    assert_in_range(habit_reads(&later), HABIT_ONE / 8 - 1, HABIT_ONE / 8 + 1);
    later = habit_at(&h, NULL, start + 40 * HABIT_HALF_LIFE_DAYS * DAY_MS);
    assert_int_equal(habit_reads(&later), 0);
    later = habit_at(&h, NULL, start - 90 * DAY_MS); /* a clock that was set */
    assert_int_equal(habit_reads(&later), HABIT_ONE);
    /* A day at a time is the same, but for what is rounded. */
    later = h;
    for (int i = 1; i <= HABIT_HALF_LIFE_DAYS; i++) {
        later = habit_at(&later, NULL, start + i * DAY_MS);
        later.hour = (start + i * DAY_MS) / HOUR_MS;
    }
    assert_in_range(habit_reads(&later), HABIT_ONE / 2 - 32, HABIT_ONE / 2);
}

static void
it_goes_by_the_users_clock_in_summer_and_winter(void **state)
{
    const struct zone *berlin = zone("Europe/Berlin");
    struct habit h = reader(berlin, "2026-03-15T07:00:00Z", 30);
    struct habit utc = reader(NULL, "2026-03-15T07:00:00Z", 30);
    uint64_t all = habit_reads(&h);

    (void)state;
    assert_int_equal(h.weight[HABIT_WORKDAYS][8] + h.weight[HABIT_WEEKEND][8],
                     all); /* the clocks changed on the 29th */
    assert_int_equal(habit_best_hour(&h, HABIT_WORKDAYS), 8);
    assert_int_equal(habit_best_hour(&utc, HABIT_WORKDAYS), 7);
}

static void
what_was_learned_before_the_zone_was_known_is_moved_to_it(void **state)
{
    struct habit h = reader(NULL, "2026-07-06T06:30:00Z", 10), there;
    const int64_t now = at("2026-07-16T12:00:00Z");

    (void)state;
    there = habit_at(&h, zone("Europe/Berlin"), now);
    assert_int_equal(habit_best_hour(&there, HABIT_DAYS), 8);
    there = habit_at(&h, zone("Asia/Kolkata"), now); /* half past is up */
    assert_int_equal(habit_best_hour(&there, HABIT_DAYS), 12);
    there = habit_at(&h, zone("America/Los_Angeles"), now);
    assert_int_equal(habit_best_hour(&there, HABIT_DAYS), 23);
    /* Who moves reads at breakfast there, too. */
    there = habit_at(&there, zone("Asia/Tokyo"), now);
    assert_int_equal(habit_best_hour(&there, HABIT_DAYS), 23);
    assert_true(habit_learn(&h, zone("Europe/Berlin"), now));
    assert_true(h.is_local);
    assert_int_equal(habit_best_hour(&h, HABIT_DAYS), 8);
}

static void
little_is_not_enough_and_at_all_hours_is_no_habit(void **state)
{
    struct habit h = reader(NULL, "2026-03-02T08:00:00Z", 4), always = {0};
    struct habit scattered = {0};

    (void)state;
    assert_int_equal(habit_best_hour(&h, HABIT_DAYS), -1);
    assert_false(picks(&h, "2026-03-09T12:00:00Z", DAY_MS));
    h = reader(NULL, "2026-03-02T08:00:00Z", 6);
    assert_int_equal(habit_best_hour(&h, HABIT_DAYS), 8);
    assert_true(picks(&h, "2026-03-08T12:00:00Z", DAY_MS));
    assert_false(picks(&h, "2026-09-08T12:00:00Z", DAY_MS)); /* long ago */
    for (int i = 0; i < 200; i++)
        habit_learn(&always, NULL, at("2026-03-02T00:00:00Z") + i * HOUR_MS);
    assert_int_equal(habit_best_hour(&always, HABIT_DAYS), -1);
    assert_false(picks(&always, "2026-03-12T12:00:00Z", DAY_MS));
    for (int i = 0; i < 6; i++)
        habit_learn(&scattered, NULL,
                    at("2026-03-02T00:00:00Z") + i * 4 * HOUR_MS);
    assert_int_equal(habit_best_hour(&scattered, HABIT_DAYS), -1);
}

static void
it_is_stored_and_read_again(void **state)
{
    const struct zone *berlin = zone("Europe/Berlin");
    struct habit h = reader(berlin, "2026-03-02T08:00:00Z", 9), again = {0};
    char bytes[HABIT_BYTES];

    (void)state;
    habit_pack(&h, bytes);
    again.hour = h.hour;
    assert_true(habit_unpack((struct str){bytes, sizeof(bytes)}, &again));
    assert_memory_equal(h.weight, again.weight, sizeof(h.weight));
    assert_true(again.is_local);
    assert_false(habit_unpack((struct str){bytes, sizeof(bytes) - 1}, &again));
    assert_false(habit_unpack(STR_NONE, &again));
    bytes[0] = 9;
    assert_false(habit_unpack((struct str){bytes, sizeof(bytes)}, &again));
}

/* ---- what is picked ---- */

static void
who_always_reads_at_eight_gets_it_at_eight(void **state)
{
    const struct zone *berlin = zone("Europe/Berlin");
    struct habit h = reader(berlin, "2026-02-02T07:20:00Z", 30);
    int64_t ms = picked(&h, berlin, "2026-03-04T12:00:00Z", DAY_MS);

    (void)state;
    assert_in_range(ms, at("2026-03-05T07:00:00Z"),
                    at("2026-03-05T07:15:00Z") - 1);
    assert_int_equal(picked(&h, berlin, "2026-03-04T12:00:00Z", DAY_MS), ms);
    /* It is eight now. */
    ms = picked(&h, berlin, "2026-03-04T07:59:59.999Z", DAY_MS);
    assert_int_equal(ms, at("2026-03-04T07:59:59.999Z"));
    /* In summer it is an hour earlier to others. */
    ms = picked(&h, berlin, "2026-03-28T12:00:00Z", DAY_MS);
    assert_in_range(ms, at("2026-03-29T06:00:00Z"),
                    at("2026-03-29T06:15:00Z") - 1);
}

static void
within_that_time_there_may_be_no_good_hour(void **state)
{
    struct habit h = reader(NULL, "2026-02-02T08:00:00Z", 30);

    (void)state;
    assert_false(picks(&h, "2026-03-04T12:00:00Z", 5 * HOUR_MS));
    assert_true(picks(&h, "2026-03-04T03:00:00Z", 5 * HOUR_MS));
    assert_false(picks(&h, "2026-03-04T12:00:00Z", -1));
}

static void
weekends_are_days_of_their_own(void **state)
{
    struct habit h = {0};
    int64_t monday = at("2026-02-02T00:00:00Z"), ms;

    (void)state;
    for (int i = 0; i < 56; i++)
        habit_learn(&h, NULL,
                    monday + i * DAY_MS + (i % 7 >= 5 ? 11 : 7) * HOUR_MS);
    assert_int_equal(habit_best_hour(&h, HABIT_WORKDAYS), 7);
    assert_int_equal(habit_best_hour(&h, HABIT_WEEKEND), 11);
    ms = picked(&h, NULL, "2026-04-03T12:00:00Z", DAY_MS); /* a Friday */
    assert_in_range(ms, at("2026-04-04T11:00:00Z"), at("2026-04-04T11:15:00Z"));
    ms = picked(&h, NULL, "2026-04-05T12:00:00Z", DAY_MS);
    assert_in_range(ms, at("2026-04-06T07:00:00Z"), at("2026-04-06T07:15:00Z"));
}

static void
quiet_hours_are_left_out(void **state)
{
    struct habit h = reader(NULL, "2026-02-02T08:00:00Z", 30);
    struct quiet_hours q = hours(zone_utc(), 22, 9);
    struct besttime_query query = {.habit = &h,
                                   .quiet = &q,
                                   .from_ms = at("2026-03-04T12:00:00Z"),
                                   .until_ms = at("2026-03-05T12:00:00Z"),
                                   .user = STR("anna")};
    int64_t ms;

    (void)state;
    /* The hour beside it is the next best. */
    assert_true(besttime_pick(&query, &ms));
    assert_in_range(ms, at("2026-03-05T09:00:00Z"), at("2026-03-05T09:15:00Z"));
    q = hours(zone_utc(), 20, 10);
    assert_false(besttime_pick(&query, &ms));
    q = hours(zone_utc(), 22, 8);
    q.end_min += 40;
    assert_true(besttime_pick(&query, &ms));
    assert_int_equal(ms, at("2026-03-05T08:40:00Z"));
    q = hours(zone_utc(), 8, 7); /* they begin as the best hour does */
    q.start_min += 1;
    assert_true(besttime_pick(&query, &ms));
    assert_int_equal(ms, at("2026-03-05T08:00:00Z"));
}

static void
people_with_one_best_hour_do_not_get_it_in_one_second(void **state)
{
    struct habit h = reader(NULL, "2026-02-02T08:00:00Z", 30);
    int64_t eight = at("2026-03-05T08:00:00Z");
    int n_by_minute[15] = {0};
    char name[16];

    (void)state;
    for (int i = 0; i < 1500; i++) {
        struct besttime_query q = {.habit = &h,
                                   .from_ms = at("2026-03-04T12:00:00Z"),
                                   .until_ms = at("2026-03-05T12:00:00Z")};
        int64_t ms;

        snprintf(name, sizeof(name), "u%d", i);
        q.user = str_from(name);
        assert_true(besttime_pick(&q, &ms));
        assert_in_range(ms, eight, eight + BESTTIME_SPREAD_MS - 1);
        n_by_minute[(ms - eight) / 60000]++;
    }
    for (int i = 0; i < 15; i++)
        assert_in_range(n_by_minute[i], 50, 150);
}

/* ---- always so ---- */

static const char *const zones[] = {
    "Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
    "Asia/Kolkata",  "Pacific/Apia",     "America/Havana",
    "UTC",           "Asia/Kathmandu",   "America/St_Johns",
};

static struct habit
any_habit(struct rng *r, const struct zone *z, int64_t before_ms)
{
    int n = (int)rng_below(r, 60), favourite = (int)rng_below(r, 24);
    struct habit h = {0};

    for (int i = n; i > 0; i--) {
        struct civil c = zone_civil(z, before_ms - i * DAY_MS);

        c.hour = rng_below(r, 4) ? favourite : (int)rng_below(r, 24);
        habit_learn(&h, rng_below(r, 9) ? z : NULL, zone_instant(z, c));
    }
    return h;
}

static void
check_pick(const struct besttime_query *q, int *n_held)
{
    int64_t ms, again;

    if (!besttime_pick(q, &ms))
        return;
    if (ms < q->from_ms || ms > q->until_ms)
        fail_msg("%lld is not in %lld to %lld", (long long)ms,
                 (long long)q->from_ms, (long long)q->until_ms);
    if (q->quiet && quiet_until(q->quiet, ms) != 0)
        fail_msg("%lld is quiet", (long long)ms);
    assert_true(besttime_pick(q, &again));
    assert_int_equal(ms, again);
    *n_held += ms > q->from_ms;
}

/* Days on which clocks change among them, and those about them. */
static void
any_pick_is_within_the_time_and_not_quiet(void **state)
{
    struct rng r;
    int n_held = 0;

    (void)state;
    rng_seed(&r, 20260308);
    for (int i = 0; i < 20000; i++) {
        const struct zone *z =
            zone(zones[rng_below(&r, sizeof(zones) / sizeof(*zones))]);
        int64_t base = at("2009-01-01T00:00:00Z") +
                       (int64_t)rng_below(&r, 20 * 365 * 24) * HOUR_MS;
        int64_t change = rng_below(&r, 2) ? zone_next_change(z, base) : base;
        int64_t from = (change == INT64_MAX ? base : change) - DAY_MS +
                       (int64_t)rng_below(&r, 2 * DAY_MS);
        struct habit h = any_habit(&r, z, from);
        struct quiet_hours quiet =
            hours(z, (int)rng_below(&r, 24), (int)rng_below(&r, 24));

        if (quiet.start_min == quiet.end_min)
            quiet.end_min += 30;
        quiet.days = (unsigned)rng_below(&r, 0x80);
        check_pick(
            &(struct besttime_query){
                .habit = &h,
                .own = z,
                .quiet = rng_below(&r, 2) ? &quiet : NULL,
                .from_ms = from,
                .until_ms = from + (int64_t)rng_below(&r, 7 * DAY_MS),
                .user = STR("somebody"),
            },
            &n_held);
    }
    assert_in_range(n_held, 2000, 20000); /* it was about something */
}

/* Berlin skips two o'clock on 2026-03-29, and has it twice on 2026-10-25. */
static void
hours_that_are_skipped_or_come_twice(void **state)
{
    const struct zone *berlin = zone("Europe/Berlin");
    struct habit h = reader(berlin, "2026-02-02T01:10:00Z", 30);
    struct habit autumn = reader(berlin, "2026-09-01T00:10:00Z", 30);
    int64_t ms;

    (void)state;
    assert_int_equal(habit_best_hour(&h, HABIT_DAYS), 2);
    /* Those beside it are as good as each other: the first one. */
    ms = picked(&h, berlin, "2026-03-28T12:00:00Z", DAY_MS);
    assert_in_range(ms, at("2026-03-29T00:00:00Z"), at("2026-03-29T00:15:00Z"));
    assert_int_equal(habit_best_hour(&autumn, HABIT_DAYS), 2);
    ms = picked(&autumn, berlin, "2026-10-24T12:00:00Z", DAY_MS);
    assert_in_range(ms, at("2026-10-25T00:00:00Z"), at("2026-10-25T00:15:00Z"));
    /* The second time is still that hour. */
    ms = picked(&autumn, berlin, "2026-10-25T01:30:00Z", DAY_MS / 2);
    assert_int_equal(ms, at("2026-10-25T01:30:00Z"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_hour_counts_once),
        cmocka_unit_test(what_was_learned_halves_in_a_month),
        cmocka_unit_test(it_goes_by_the_users_clock_in_summer_and_winter),
        cmocka_unit_test(
            what_was_learned_before_the_zone_was_known_is_moved_to_it),
        cmocka_unit_test(little_is_not_enough_and_at_all_hours_is_no_habit),
        cmocka_unit_test(it_is_stored_and_read_again),
        cmocka_unit_test(who_always_reads_at_eight_gets_it_at_eight),
        cmocka_unit_test(within_that_time_there_may_be_no_good_hour),
        cmocka_unit_test(weekends_are_days_of_their_own),
        cmocka_unit_test(quiet_hours_are_left_out),
        cmocka_unit_test(people_with_one_best_hour_do_not_get_it_in_one_second),
        cmocka_unit_test(any_pick_is_within_the_time_and_not_quiet),
        cmocka_unit_test(hours_that_are_skipped_or_come_twice),
    };

    return cmocka_run_group_tests_name("domain/besttime", tests, NULL, NULL);
}
