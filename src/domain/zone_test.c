#include "domain/zone.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/icu.h"
#include "base/rng.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)

static const struct zone *
zone(const char *name)
{
    const struct zone *z = zone_find(str_from(name));

    assert_non_null(z);
    return z;
}

/* "2024-03-31T01:00:00Z" */
static int64_t
utc(const char *text)
{
    int64_t ms;

    assert_true(time_parse(str_from(text), &ms));
    return ms;
}

/* "2024-03-31 02:30" */
static struct civil
civil(const char *text)
{
    struct civil c = {0};

    assert_int_equal(sscanf(text, "%d-%d-%d %d:%d", &c.year, &c.month, &c.day,
                            &c.hour, &c.minute),
                     5);
    return c;
}

static void
assert_shows(const char *name, const char *instant, const char *shown)
{
    struct civil c = zone_civil(zone(name), utc(instant));
    char text[64];

    snprintf(text, sizeof(text), "%04d-%02d-%02d %02d:%02d", c.year, c.month,
             c.day, c.hour, c.minute);
    assert_string_equal(text, shown);
}

static void
assert_is_at(const char *name, const char *shown, const char *instant)
{
    char text[TIME_TEXT_SIZE];

    time_format(text, zone_instant(zone(name), civil(shown)));
    memcpy(text + 19, "Z", 2); /* without .000 */
    assert_string_equal(text, instant);
}

/* From just before the change to it, the clock goes from one to the other. */
static void
assert_change(const char *name, const char *instant, const char *before,
              const char *after)
{
    int64_t at = utc(instant);
    char text[TIME_TEXT_SIZE];

    assert_int_equal(zone_next_change(zone(name), at - 1), at);
    assert_true(zone_next_change(zone(name), at) > at);
    time_format(text, at - MINUTE_MS);
    assert_shows(name, text, before);
    assert_shows(name, instant, after);
}

static void
clocks_change_where_it_is_known_that_they_do(void **state)
{
    (void)state;
    assert_change("Europe/Berlin", "2024-03-31T01:00:00Z", "2024-03-31 01:59",
                  "2024-03-31 03:00");
    assert_change("Europe/Berlin", "2024-10-27T01:00:00Z", "2024-10-27 02:59",
                  "2024-10-27 02:00");
    assert_change("America/New_York", "2025-03-09T07:00:00Z",
                  "2025-03-09 01:59", "2025-03-09 03:00");
    assert_change("America/New_York", "2025-11-02T06:00:00Z",
                  "2025-11-02 01:59", "2025-11-02 01:00");
    /* Half an hour. */
    assert_change("Australia/Lord_Howe", "2024-10-05T15:30:00Z",
                  "2024-10-06 01:59", "2024-10-06 02:30");
    assert_change("Australia/Lord_Howe", "2024-04-06T15:00:00Z",
                  "2024-04-07 01:59", "2024-04-07 01:30");
    /* Quarters of an hour, south of the equator. */
    assert_change("Pacific/Chatham", "2024-09-28T14:00:00Z", "2024-09-29 02:44",
                  "2024-09-29 03:45");
    assert_change("Australia/Sydney", "2024-04-06T16:00:00Z",
                  "2024-04-07 02:59", "2024-04-07 02:00");
    /* At midnight: the day begins at one. */
    assert_change("America/Santiago", "2024-09-08T04:00:00Z",
                  "2024-09-07 23:59", "2024-09-08 01:00");
    assert_change("America/Havana", "2024-11-03T05:00:00Z", "2024-11-03 00:59",
                  "2024-11-03 00:00");
    /* Back for Ramadan, by rules that are years long. */
    assert_change("Africa/Casablanca", "2024-03-10T02:00:00Z",
                  "2024-03-10 02:59", "2024-03-10 02:00");
    assert_change("Africa/Casablanca", "2024-04-14T02:00:00Z",
                  "2024-04-14 01:59", "2024-04-14 03:00");
    /* One minute past midnight, as it once was. */
    assert_change("America/St_Johns", "2010-11-07T02:31:00Z",
                  "2010-11-07 00:00", "2010-11-06 23:01");
    /* Seconds: until 1972 Monrovia was 44:30 behind. */
    assert_change("Africa/Monrovia", "1972-01-07T00:44:30Z", "1972-01-06 23:59",
                  "1972-01-07 00:44");
    /* By rules that go on. */
    assert_change("Europe/Berlin", "2099-03-29T01:00:00Z", "2099-03-29 01:59",
                  "2099-03-29 03:00");
}

static void
a_day_can_be_skipped(void **state)
{
    (void)state;
    assert_change("Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-29 23:59",
                  "2011-12-31 00:00");
    /* As long after the 29th as it would have been; but bounds stay in order:
     * the whole of the 30th is the first instant of the 31st. */
    assert_is_at("Pacific/Apia", "2011-12-30 08:00", "2011-12-30T18:00:00Z");
    assert_int_equal(
        zone_first_instant(zone("Pacific/Apia"), civil("2011-12-30 08:00")),
        utc("2011-12-30T10:00:00Z"));
    assert_is_at("Pacific/Apia", "2011-12-31 08:00", "2011-12-30T18:00:00Z");
    assert_is_at("Pacific/Apia", "2011-12-29 23:59", "2011-12-30T09:59:00Z");
}

static void
what_is_skipped_is_counted_from_before_the_gap(void **state)
{
    (void)state;
    assert_is_at("Europe/Berlin", "2024-03-31 01:59", "2024-03-31T00:59:00Z");
    assert_is_at("Europe/Berlin", "2024-03-31 02:00", "2024-03-31T01:00:00Z");
    assert_is_at("Europe/Berlin", "2024-03-31 02:30", "2024-03-31T01:30:00Z");
    assert_is_at("Europe/Berlin", "2024-03-31 02:59", "2024-03-31T01:59:00Z");
    assert_is_at("Europe/Berlin", "2024-03-31 03:00", "2024-03-31T01:00:00Z");
    assert_is_at("Europe/Berlin", "2024-03-31 03:30", "2024-03-31T01:30:00Z");
    assert_is_at("Australia/Lord_Howe", "2024-10-06 02:10",
                 "2024-10-05T15:40:00Z");
    assert_is_at("America/Santiago", "2024-09-08 00:30",
                 "2024-09-08T04:30:00Z");
    assert_is_at("Pacific/Chatham", "2024-09-29 02:50", "2024-09-28T14:05:00Z");
}

static void
of_what_comes_twice_it_is_the_first(void **state)
{
    (void)state;
    assert_is_at("Europe/Berlin", "2024-10-27 01:59", "2024-10-26T23:59:00Z");
    assert_is_at("Europe/Berlin", "2024-10-27 02:00", "2024-10-27T00:00:00Z");
    assert_is_at("Europe/Berlin", "2024-10-27 02:59", "2024-10-27T00:59:00Z");
    assert_is_at("Europe/Berlin", "2024-10-27 03:00", "2024-10-27T02:00:00Z");
    assert_is_at("Australia/Lord_Howe", "2024-04-07 01:45",
                 "2024-04-06T14:45:00Z");
    assert_is_at("America/Havana", "2024-11-03 00:00", "2024-11-03T04:00:00Z");
    assert_is_at("America/St_Johns", "2010-11-06 23:30",
                 "2010-11-07T02:00:00Z");
}

static void
a_bound_that_is_skipped_is_where_the_gap_ends(void **state)
{
    static const char *const at[] = {"2024-03-31 02:00", "2024-03-31 02:30",
                                     "2024-03-31 02:59", "2024-03-31 03:00"};
    const struct zone *z = zone("Europe/Berlin");

    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(zone_first_instant(z, civil(at[i])),
                         utc("2024-03-31T01:00:00Z"));
    assert_int_equal(zone_first_instant(z, civil("2024-03-31 01:59")),
                     utc("2024-03-31T00:59:00Z"));
    assert_int_equal(zone_first_instant(z, civil("2024-10-27 02:30")),
                     utc("2024-10-27T00:30:00Z"));
}

/* There and back again, at any instant of 170 years in a zone of any kind. */
static void
an_instant_comes_back_from_what_it_shows(void **state)
{
    static const char *const names[] = {
        "UTC",           "Europe/Berlin",       "America/New_York",
        "Pacific/Apia",  "Australia/Lord_Howe", "Africa/Casablanca",
        "Asia/Kolkata",  "Pacific/Chatham",     "America/St_Johns",
        "Asia/Pyongyang"};
    int64_t from = -20 * 365 * 24 * HOUR_MS, span = 170 * 365 * 24 * HOUR_MS;
    struct rng rng;

    (void)state;
    rng_seed(&rng, 1);
    for (size_t i = 0; i < 10 * 20000; i++) {
        const struct zone *z = zone(names[i % 10]);
        int64_t at =
            from + (int64_t)rng_below(&rng, (uint64_t)span) / 1000 * 1000;
        struct civil c = zone_civil(z, at), again;
        int64_t back = zone_instant(z, c);

        assert_in_range(at - back, 0, 24 * HOUR_MS); /* or the first of two */
        again = zone_civil(z, back);
        assert_memory_equal(&again, &c, sizeof(c));
        assert_int_equal(zone_first_instant(z, c), back);
        if (back != at)
            assert_true(zone_next_change(z, back) <= at);
    }
}

static void
days_and_hours_may_lie_outside_their_ranges(void **state)
{
    static const struct {
        struct civil c;
        const char *utc;
    } rows[] = {
        {{2024, 1, 32, 0, 0, 0, 0}, "2024-02-01T00:00:00Z"},
        {{2024, 3, 0, 0, 0, 0, 0}, "2024-02-29T00:00:00Z"},
        {{2023, 3, 0, 0, 0, 0, 0}, "2023-02-28T00:00:00Z"},
        {{2024, 1, 1, 24, 0, 0, 0}, "2024-01-02T00:00:00Z"},
        {{2024, 1, 1, 0, -1, 0, 0}, "2023-12-31T23:59:00Z"},
        {{2024, 13, 1, 0, 0, 0, 0}, "2025-01-01T00:00:00Z"},
        {{2024, 0, 1, 0, 0, 0, 0}, "2023-12-01T00:00:00Z"},
        {{2024, -11, 1, 0, 0, 0, 0}, "2023-01-01T00:00:00Z"},
        {{2024, 25, 1, 0, 0, 0, 0}, "2026-01-01T00:00:00Z"},
        {{2024, 1, 366, 23, 59, 60, 3}, "2025-01-01T00:00:00Z"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(zone_instant(zone_utc(), rows[i].c), utc(rows[i].utc));
    /* On the calendar first: 24 hours of the wall, 23 that pass. */
    assert_int_equal(zone_instant(zone("Europe/Berlin"),
                                  (struct civil){2024, 3, 30, 36, 0, 0, 0}),
                     utc("2024-03-31T10:00:00Z"));
}

static void
weekdays_begin_with_monday(void **state)
{
    (void)state;
    assert_int_equal(
        zone_civil(zone_utc(), utc("2024-01-01T00:00:00Z")).weekday, 0);
    assert_int_equal(
        zone_civil(zone_utc(), utc("2024-01-07T23:59:59Z")).weekday, 6);
    assert_int_equal(zone_civil(zone_utc(), 0).weekday, 3);
    assert_int_equal(zone_civil(zone_utc(), -1).weekday, 2);
    assert_int_equal(
        zone_civil(zone("Pacific/Auckland"), utc("2024-01-01T12:00:00Z"))
            .weekday,
        1);
}

static void
milliseconds_are_dropped_on_both_sides_of_1970(void **state)
{
    (void)state;
    assert_int_equal(zone_civil(zone_utc(), 999).second, 0);
    assert_int_equal(zone_civil(zone_utc(), -1).second, 59);
    assert_int_equal(zone_civil(zone_utc(), -1000).second, 59);
    assert_int_equal(zone_civil(zone_utc(), -1001).second, 58);
    assert_int_equal(zone_civil(zone_utc(), -1).year, 1969);
}

static void
no_value_is_too_large_to_ask_about(void **state)
{
    static const int64_t far[] = {INT64_MIN, INT64_MIN + 1, INT64_MAX - 1,
                                  INT64_MAX};
    static const struct civil odd[] = {
        {INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX, 0},
        {INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN, 0}};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct civil c = zone_civil(zone("Europe/Berlin"), far[i]);

        assert_in_range(c.month, 1, 12);
        assert_in_range(c.weekday, 0, 6);
        zone_next_change(zone("Europe/Berlin"), far[i]);
    }
    assert_true(zone_instant(zone("Europe/Berlin"), odd[0]) > 0);
    assert_true(zone_instant(zone("Europe/Berlin"), odd[1]) < 0);
    assert_int_equal(zone_next_change(zone("Europe/Berlin"), INT64_MAX),
                     INT64_MAX);
    assert_true(zone_next_change(zone("Europe/Berlin"), INT64_MIN) > 0);
}

static void
rules_end_with_their_last_year(void **state)
{
    int64_t at = utc("2100-06-01T00:00:00Z"), last;

    (void)state;
    last = zone_next_change(zone("Europe/Berlin"), at);
    assert_int_equal(last, utc("2100-10-31T01:00:00Z"));
    assert_int_equal(zone_next_change(zone("Europe/Berlin"), last), INT64_MAX);
    assert_shows("Europe/Berlin", "2150-07-01T00:00:00Z", "2150-07-01 01:00");
    assert_int_equal(zone_next_change(zone_utc(), 0), INT64_MAX);
    assert_int_equal(zone_next_change(zone("Asia/Kolkata"), 0), INT64_MAX);
}

static void
only_names_of_iana_are_found(void **state)
{
    static const char *const good[] = {"UTC",
                                       "Etc/UTC",
                                       "GMT",
                                       "EST",
                                       "CET",
                                       "Etc/GMT+12",
                                       "US/Eastern",
                                       "Asia/Calcutta",
                                       "America/Argentina/ComodRivadavia",
                                       "Zulu",
                                       "GB"};
    static const char *const bad[] = {
        "",      "utc",       "europe/berlin", "Europe/Berlin ",
        "PST",   "BST",       "IST",           "ACT",
        "GMT+3", "UTC+02:00", "Europe/Rom",    "Etc/Unknown"};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_string_equal(zone_name(zone(good[i])).p, good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_null(zone_find(str_from(bad[i])));
    assert_null(zone_find(STR_NONE));
    assert_ptr_equal(zone("UTC"), zone_utc());
    assert_ptr_equal(zone("Asia/Tokyo"), zone("Asia/Tokyo"));
    /* An alias keeps its own name, and shows the same. */
    assert_shows("Asia/Calcutta", "2024-01-01T00:00:00Z", "2024-01-01 05:30");
}

static void
assert_guess(const char *name, const char *meant)
{
    const struct zone *z = zone_nearest(str_from(name));

    if (!meant) {
        assert_null(z);
        return;
    }
    assert_non_null(z);
    assert_string_equal(zone_name(z).p, meant);
}

static void
a_slip_of_the_keyboard_has_a_guess(void **state)
{
    (void)state;
    assert_guess("europe/berlin", "Europe/Berlin");
    assert_guess("Europe/Berln", "Europe/Berlin");
    assert_guess("America/New York", "America/New_York");
    assert_guess("Middle-earth/Shire", NULL);
}

#define THREADS 4

static void *
find_all(void *arg)
{
    static const char *const names[] = {
        "Europe/Oslo",  "Europe/Rome",  "Asia/Dubai", "America/Lima",
        "Asia/Nowhere", "Africa/Lagos", "UTC",        "Asia/Seoul"};
    const struct zone **row = arg;

    for (size_t i = 0; i < 8; i++)
        row[i] = zone_find(str_from(names[i]));
    return NULL;
}

static void
all_threads_find_the_same_zone(void **state)
{
    const struct zone *row[THREADS][8];
    pthread_t thread[THREADS];

    (void)state;
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, find_all, row[i]), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    for (size_t i = 1; i < THREADS; i++)
        assert_memory_equal(row[i], row[0], sizeof(row[0]));
    assert_null(row[0][4]);
    assert_non_null(row[0][7]);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_threads_find_the_same_zone), /* loads ICU */
        cmocka_unit_test(clocks_change_where_it_is_known_that_they_do),
        cmocka_unit_test(a_day_can_be_skipped),
        cmocka_unit_test(what_is_skipped_is_counted_from_before_the_gap),
        cmocka_unit_test(of_what_comes_twice_it_is_the_first),
        cmocka_unit_test(a_bound_that_is_skipped_is_where_the_gap_ends),
        cmocka_unit_test(an_instant_comes_back_from_what_it_shows),
        cmocka_unit_test(days_and_hours_may_lie_outside_their_ranges),
        cmocka_unit_test(weekdays_begin_with_monday),
        cmocka_unit_test(milliseconds_are_dropped_on_both_sides_of_1970),
        cmocka_unit_test(no_value_is_too_large_to_ask_about),
        cmocka_unit_test(rules_end_with_their_last_year),
        cmocka_unit_test(only_names_of_iana_are_found),
        cmocka_unit_test(a_slip_of_the_keyboard_has_a_guess),
    };

    return cmocka_run_group_tests_name("domain/zone", tests, NULL, NULL);
}
