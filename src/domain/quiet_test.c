#include "domain/quiet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"

#define MINUTE_MS INT64_C(60000)

struct result {
    bool ok;
    struct quiet_hours q;
    struct problem problem;
};

static struct arena *arena;

static int
setup(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct result
read_hours(const char *text)
{
    struct json_doc *doc = ARENA_NEW(arena, struct json_doc);
    struct json_error error;
    struct result r = {0};

    assert_int_equal(json_parse(arena, str_from(text), doc, &error), ERR_OK);
    problem_init(&r.problem, arena);
    r.ok = quiet_read(json_root(doc), STR("/quiet_hours"),
                      zone_find(STR("Asia/Tokyo")), &r.problem, &r.q);
    return r;
}

static struct quiet_hours
hours(const char *text)
{
    struct result r = read_hours(text);

    assert_true(r.ok);
    assert_false(problem_is_set(&r.problem));
    return r.q;
}

static int64_t
utc(const char *text)
{
    int64_t ms;

    assert_true(time_parse(str_from(text), &ms));
    return ms;
}

/* until: "" where it is not quiet. */
static void
assert_until(const struct quiet_hours *q, const char *now, const char *until)
{
    int64_t got = quiet_until(q, utc(now));
    char text[TIME_TEXT_SIZE] = "";

    if (got != 0) {
        time_format(text, got);
        memcpy(text + 19, "Z", 2); /* without .000 */
    }
    assert_string_equal(text, until);
}

/* ---- reading ---- */

static void
all_of_it_is_read(void **state)
{
    struct quiet_hours q =
        hours("{\"start\":\"22:00\",\"end\":\"07:30\",\"timezone\":"
              "\"Europe/Berlin\",\"days\":[\"mon\",\"sun\",\"mon\"]}");

    (void)state;
    assert_int_equal(q.start_min, 22 * 60);
    assert_int_equal(q.end_min, 7 * 60 + 30);
    assert_int_equal(q.days, 0x41);
    assert_string_equal(zone_name(q.zone).p, "Europe/Berlin");
}

static void
without_days_it_is_each_day_and_without_a_zone_the_one_that_is_given(
    void **state)
{
    struct quiet_hours q = hours("{\"start\":\"00:00\",\"end\":\"24:00\"}");

    (void)state;
    assert_int_equal(q.start_min, 0);
    assert_int_equal(q.end_min, 0);
    assert_int_equal(q.days, 0x7f);
    assert_string_equal(zone_name(q.zone).p, "Asia/Tokyo");
    q = hours("{\"start\":\"00:00\",\"end\":\"24:00\",\"timezone\":null}");
    assert_string_equal(zone_name(q.zone).p, "Asia/Tokyo");
}

static void
a_fault_is_named_with_its_place(void **state)
{
    static const struct {
        const char *text, *pointer, *detail;
    } rows[] = {
        {"[]", "", "must be an object"},
        {"{\"end\":\"07:00\"}", "/start", "is required"},
        {"{\"start\":\"22:00\"}", "/end", "is required"},
        {"{\"start\":22,\"end\":\"07:00\"}", "/start", "must be a string"},
        {"{\"start\":\"7:00\",\"end\":\"07:00\"}", "/start",
         "must have two digits for the hour: did you mean \"07:00\"?"},
        {"{\"start\":\"22:00\",\"end\":\"7:60\"}", "/end",
         "must be a time of the day from \"00:00\" to \"24:00\""},
        {"{\"start\":\"24:00\",\"end\":\"07:00\"}", "/start",
         "must be a time of the day from \"00:00\" to \"23:59\""},
        {"{\"start\":\"22:60\",\"end\":\"07:00\"}", "/start",
         "must be a time of the day from \"00:00\" to \"23:59\""},
        {"{\"start\":\"22:00\",\"end\":\"24:01\"}", "/end",
         "must be a time of the day from \"00:00\" to \"24:00\""},
        {"{\"start\":\"22:00\",\"end\":\"07:00:00\"}", "/end",
         "must be a time of the day from \"00:00\" to \"24:00\""},
        {"{\"start\":\"22:00\",\"end\":\"-1:00\"}", "/end",
         "must be a time of the day from \"00:00\" to \"24:00\""},
        {"{\"start\":\"22:00\",\"end\":\"\"}", "/end",
         "must be a time of the day from \"00:00\" to \"24:00\""},
        {"{\"start\":\"22:00\",\"end\":\"07:00\",\"days\":[]}", "/days",
         "the number of elements must be from 1 to 7"},
        {"{\"start\":\"22:00\",\"end\":\"07:00\",\"days\":\"mon\"}", "/days",
         "must be an array"},
        {"{\"start\":\"22:00\",\"end\":\"07:00\",\"days\":[\"mon\",\"Tue\"]}",
         "/days/1",
         "must be one of \"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\", "
         "\"sun\""},
        {"{\"start\":\"22:00\",\"end\":\"07:00\",\"day\":[\"mon\"]}", "/day",
         "unknown field; did you mean \"days\"?"},
        {"{\"start\":\"22:00\",\"end\":\"07:00\",\"timezone\":\"CST\"}",
         "/timezone", NULL},
        {"{\"start\":\"22:00\",\"end\":\"07:00\",\"timezone\":"
         "\"europe/berlin\"}",
         "/timezone",
         "there is no such time zone; did you mean \"Europe/Berlin\"?"},
        {"{\"start\":\"22:00\",\"end\":\"07:00\",\"timezone\":\"Middle "
         "Earth/Shire\"}",
         "/timezone",
         "there is no such time zone; use an IANA name such as "
         "\"Europe/Berlin\""},
        {"{\"start\":\"22:00\",\"end\":\"07:00\",\"timezone\":7}", "/timezone",
         "must be a string"},
        {"{\"start\":\"22:00\",\"end\":\"07:00\",\"timezone\":"
         "\"0123456789012345678901234567890123456789012345678901234567890123"
         "4\"}",
         "/timezone", "must be at most 64 bytes long"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct result r = read_hours(rows[i].text);
        struct str at = str_fmt(arena, "/quiet_hours%s", rows[i].pointer);

        /* Of an array each required member is said to be missing, too. */
        assert_true(r.problem.n_errors == 1 || i == 0);
        assert_int_equal(r.problem.err, ERR_INVALID);
        assert_true(str_eq(r.problem.errors[0].pointer, at));
        if (rows[i].detail)
            assert_string_equal(r.problem.errors[0].detail.p, rows[i].detail);
    }
}

/* A stored document whose zone is gone still keeps its user's nights. */
static void
an_unknown_zone_is_a_fault_and_yet_read_with_the_one_that_is_given(void **state)
{
    struct result r = read_hours("{\"start\":\"22:00\",\"end\":\"07:00\","
                                 "\"timezone\":\"Europe/Atlantis\"}");

    (void)state;
    assert_true(r.ok);
    assert_true(problem_is_set(&r.problem));
    assert_string_equal(zone_name(r.q.zone).p, "Asia/Tokyo");
    assert_int_equal(r.q.start_min, 22 * 60);
    r = read_hours("{\"start\":\"22:00\",\"end\":\"07:00\",\"timezone\":7}");
    assert_true(r.ok);
    assert_string_equal(zone_name(r.q.zone).p, "Asia/Tokyo");
    assert_false(read_hours("{\"start\":\"22:00\"}").ok);
    assert_false(read_hours("null").ok);
}

/* ---- asking ---- */

static void
a_window_is_quiet_from_its_start_to_before_its_end(void **state)
{
    struct quiet_hours q =
        hours("{\"start\":\"12:30\",\"end\":\"14:00\",\"timezone\":\"UTC\"}");

    (void)state;
    assert_until(&q, "2024-05-01T12:29:59.999Z", "");
    assert_until(&q, "2024-05-01T12:30:00Z", "2024-05-01T14:00:00Z");
    assert_until(&q, "2024-05-01T13:59:59.999Z", "2024-05-01T14:00:00Z");
    assert_until(&q, "2024-05-01T14:00:00Z", "");
}

static void
a_night_belongs_to_the_day_on_which_it_begins(void **state)
{
    /* 2024-05-03 was a Friday. */
    struct quiet_hours q =
        hours("{\"start\":\"22:00\",\"end\":\"07:00\",\"timezone\":"
              "\"Europe/Berlin\",\"days\":[\"fri\"]}");

    (void)state;
    assert_until(&q, "2024-05-03T04:00:00Z", "");
    assert_until(&q, "2024-05-03T20:00:00Z", "2024-05-04T05:00:00Z");
    assert_until(&q, "2024-05-04T04:59:00Z", "2024-05-04T05:00:00Z");
    assert_until(&q, "2024-05-04T20:00:00Z", "");
}

static void
an_end_that_is_the_start_is_a_whole_day_and_days_join(void **state)
{
    struct quiet_hours q = hours("{\"start\":\"00:00\",\"end\":\"00:00\","
                                 "\"timezone\":\"UTC\",\"days\":[\"sat\","
                                 "\"sun\"]}");

    (void)state;
    assert_until(&q, "2024-05-03T23:59:00Z", "");
    assert_until(&q, "2024-05-04T00:00:00Z", "2024-05-06T00:00:00Z");
    assert_until(&q, "2024-05-05T12:00:00Z", "2024-05-06T00:00:00Z");
    assert_until(&q, "2024-05-06T00:00:00Z", "");
    q = hours("{\"start\":\"18:00\",\"end\":\"18:00\",\"timezone\":\"UTC\","
              "\"days\":[\"mon\",\"tue\",\"wed\",\"thu\",\"sat\",\"sun\"]}");
    assert_until(&q, "2024-05-04T18:00:00Z", "2024-05-10T18:00:00Z");
    assert_until(&q, "2024-05-11T17:59:00Z", "");
}

static void
all_days_whole_are_quiet_for_ever(void **state)
{
    struct quiet_hours q = hours("{\"start\":\"09:00\",\"end\":\"09:00\"}");

    (void)state;
    assert_int_equal(quiet_until(&q, utc("2024-05-04T00:00:00Z")),
                     QUIET_FOR_EVER);
    q = hours("{\"start\":\"00:00\",\"end\":\"23:59\",\"timezone\":\"UTC\"}");
    assert_until(&q, "2024-05-04T00:00:00Z", "2024-05-04T23:59:00Z");
}

static void
a_bound_that_is_skipped_is_where_the_gap_ends(void **state)
{
    /* From 01:59 to 03:00 at 01:00Z. */
    struct quiet_hours q =
        hours("{\"start\":\"02:30\",\"end\":\"03:15\",\"timezone\":"
              "\"Europe/Berlin\"}");

    (void)state;
    assert_until(&q, "2024-03-31T00:59:00Z", "");
    assert_until(&q, "2024-03-31T01:00:00Z", "2024-03-31T01:15:00Z");
    q = hours("{\"start\":\"22:00\",\"end\":\"02:30\",\"timezone\":"
              "\"Europe/Berlin\"}");
    assert_until(&q, "2024-03-30T23:00:00Z", "2024-03-31T01:00:00Z");
    assert_until(&q, "2024-03-31T01:00:00Z", "");
    /* All of it. */
    q = hours("{\"start\":\"02:10\",\"end\":\"02:50\",\"timezone\":"
              "\"Europe/Berlin\"}");
    for (int64_t m = 0; m < 24 * 60; m++)
        assert_int_equal(
            quiet_until(&q, utc("2024-03-30T12:00:00Z") + m * MINUTE_MS), 0);
}

static void
of_bounds_that_come_twice_the_first_one_counts(void **state)
{
    /* 02:00 to 03:00 from 00:00Z, and again from 01:00Z. */
    struct quiet_hours q =
        hours("{\"start\":\"22:00\",\"end\":\"02:30\",\"timezone\":"
              "\"Europe/Berlin\"}");

    (void)state;
    assert_until(&q, "2024-10-27T00:29:00Z", "2024-10-27T00:30:00Z");
    assert_until(&q, "2024-10-27T00:30:00Z", "");
    assert_until(&q, "2024-10-27T01:15:00Z", ""); /* 02:15 again */
    q = hours("{\"start\":\"02:30\",\"end\":\"06:00\",\"timezone\":"
              "\"Europe/Berlin\"}");
    assert_until(&q, "2024-10-27T00:30:00Z", "2024-10-27T05:00:00Z");
    assert_until(&q, "2024-10-27T01:15:00Z", "2024-10-27T05:00:00Z");
}

/* 00:01 is followed by 23:01 of the day before. */
static void
a_window_that_has_begun_goes_on_when_the_day_before_comes_back(void **state)
{
    struct quiet_hours q =
        hours("{\"start\":\"00:00\",\"end\":\"06:00\",\"timezone\":"
              "\"America/St_Johns\",\"days\":[\"sun\"]}");

    (void)state;
    assert_until(&q, "2010-11-07T02:29:00Z", "");
    assert_until(&q, "2010-11-07T02:30:00Z", "2010-11-07T09:30:00Z");
    assert_until(&q, "2010-11-07T02:45:00Z", "2010-11-07T09:30:00Z");
}

static void
a_gap_can_swallow_the_minute_between_two_windows(void **state)
{
    struct quiet_hours q =
        hours("{\"start\":\"02:30\",\"end\":\"02:29\",\"timezone\":"
              "\"Europe/Berlin\"}");

    (void)state;
    assert_until(&q, "2024-03-29T12:00:00Z", "2024-03-30T01:29:00Z");
    assert_until(&q, "2024-03-30T12:00:00Z", "2024-04-01T00:29:00Z");
}

static void
a_day_that_is_skipped_is_not_quiet_on_the_next(void **state)
{
    /* Thursday the 29th, then Saturday the 31st at 10:00Z. */
    struct quiet_hours q =
        hours("{\"start\":\"09:00\",\"end\":\"17:00\",\"timezone\":"
              "\"Pacific/Apia\",\"days\":[\"fri\"]}");

    (void)state;
    for (int64_t m = 0; m < 48 * 60; m++)
        assert_int_equal(
            quiet_until(&q, utc("2011-12-29T12:00:00Z") + m * MINUTE_MS), 0);
    q = hours("{\"start\":\"22:00\",\"end\":\"07:00\",\"timezone\":"
              "\"Pacific/Apia\"}");
    assert_until(&q, "2011-12-30T09:00:00Z", "2011-12-30T17:00:00Z");
    assert_until(&q, "2011-12-30T16:59:00Z", "2011-12-30T17:00:00Z");
    assert_until(&q, "2011-12-30T17:00:00Z", "");
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_it_is_read),
        cmocka_unit_test(
            without_days_it_is_each_day_and_without_a_zone_the_one_that_is_given),
        cmocka_unit_test(a_fault_is_named_with_its_place),
        cmocka_unit_test(
            an_unknown_zone_is_a_fault_and_yet_read_with_the_one_that_is_given),
        cmocka_unit_test(a_window_is_quiet_from_its_start_to_before_its_end),
        cmocka_unit_test(a_night_belongs_to_the_day_on_which_it_begins),
        cmocka_unit_test(an_end_that_is_the_start_is_a_whole_day_and_days_join),
        cmocka_unit_test(all_days_whole_are_quiet_for_ever),
        cmocka_unit_test(a_bound_that_is_skipped_is_where_the_gap_ends),
        cmocka_unit_test(of_bounds_that_come_twice_the_first_one_counts),
        cmocka_unit_test(
            a_window_that_has_begun_goes_on_when_the_day_before_comes_back),
        cmocka_unit_test(a_gap_can_swallow_the_minute_between_two_windows),
        cmocka_unit_test(a_day_that_is_skipped_is_not_quiet_on_the_next),
    };

    return cmocka_run_group_tests_name("domain/quiet", tests, setup, teardown);
}
