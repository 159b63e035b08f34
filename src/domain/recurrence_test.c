#include "domain/recurrence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/clock.h"

#define DUE_MAX 10

struct due_case {
    const char *text, *zone;
    const char *start;        /* in UTC, and due itself where it fits */
    const char *due[DUE_MAX]; /* in UTC; "never" is the end */
};

static int64_t
ms_of(const char *text)
{
    int64_t ms;

    if (strcmp(text, "never") == 0)
        return INT64_MAX;
    assert_true(time_parse(str_from(text), &ms));
    return ms;
}

static void
check_case(const struct due_case *c)
{
    const struct zone *z = zone_find(str_from(c->zone));
    int64_t at = ms_of(c->start);
    char text[TIME_TEXT_SIZE];
    struct recurrence r;
    const char *why;
    size_t byte;

    assert_non_null(z);
    if (recurrence_parse(str_from(c->text), z, at, &r, &why, &byte) != ERR_OK)
        fail_msg("%s at %zu: %s", c->text, byte, why);
    at--;
    for (int k = 0; k < DUE_MAX && c->due[k]; k++) {
        at = recurrence_next(&r, z, at);
        if (at != ms_of(c->due[k]))
            fail_msg(
                "%s in %s: %.*s and not %s", c->text, c->zone,
                STR_ARG(at == INT64_MAX ? STR("never") : time_format(text, at)),
                c->due[k]);
    }
}

static void
check_cases(const struct due_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check_case(&cases[i]);
}

#define CHECK_CASES(cases) check_cases(cases, sizeof(cases) / sizeof(cases[0]))
#define NEW_YORK "America/New_York"

static void
rules_fall_on_the_days_of_the_rfc(void **state)
{
    static const struct due_case cases[] = {
        {"FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
         NEW_YORK,
         "1997-09-29T13:00:00Z",
         {"1997-09-30T13:00:00Z", "1997-10-31T14:00:00Z",
          "1997-11-28T14:00:00Z", "1997-12-31T14:00:00Z",
          "1998-01-30T14:00:00Z", "1998-02-27T14:00:00Z"}},
        {"FREQ=MONTHLY;COUNT=6;BYDAY=-2MO",
         NEW_YORK,
         "1997-09-22T13:00:00Z",
         {"1997-09-22T13:00:00Z", "1997-10-20T13:00:00Z",
          "1997-11-17T14:00:00Z", "1997-12-22T14:00:00Z",
          "1998-01-19T14:00:00Z", "1998-02-16T14:00:00Z", "never"}},
        {"FREQ=MONTHLY;COUNT=4;BYMONTHDAY=1,-1",
         NEW_YORK,
         "1997-09-30T13:00:00Z",
         {"1997-09-30T13:00:00Z", "1997-10-01T13:00:00Z",
          "1997-10-31T14:00:00Z", "1997-11-01T14:00:00Z", "never"}},
        {"FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;"
         "BYMONTHDAY=2,3,4,5,6,7,8",
         NEW_YORK,
         "1996-11-05T14:00:00Z",
         {"1996-11-05T14:00:00Z", "2000-11-07T14:00:00Z",
          "2004-11-02T14:00:00Z"}},
        {"FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5",
         NEW_YORK,
         "2007-01-15T14:00:00Z",
         {"2007-01-15T14:00:00Z", "2007-01-30T14:00:00Z",
          "2007-02-15T14:00:00Z", "2007-03-15T13:00:00Z",
          "2007-03-30T13:00:00Z", "never"}},
        {"FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
         NEW_YORK,
         "1997-08-05T13:00:00Z",
         {"1997-08-05T13:00:00Z", "1997-08-10T13:00:00Z",
          "1997-08-19T13:00:00Z", "1997-08-24T13:00:00Z", "never"}},
        {"FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
         NEW_YORK,
         "1997-08-05T13:00:00Z",
         {"1997-08-05T13:00:00Z", "1997-08-17T13:00:00Z",
          "1997-08-19T13:00:00Z", "1997-08-31T13:00:00Z", "never"}},
        {"FREQ=MONTHLY;COUNT=5",
         NEW_YORK,
         "2026-01-31T14:00:00Z",
         {"2026-01-31T14:00:00Z", "2026-03-31T13:00:00Z",
          "2026-05-31T13:00:00Z", "2026-07-31T13:00:00Z",
          "2026-08-31T13:00:00Z", "never"}},
        {"FREQ=YEARLY",
         "UTC",
         "2096-02-29T00:00:00Z",
         {"2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z"}},
        {"FREQ=YEARLY;COUNT=3;BYDAY=20MO",
         NEW_YORK,
         "1997-05-19T13:00:00Z",
         {"1997-05-19T13:00:00Z", "1998-05-18T13:00:00Z",
          "1999-05-17T13:00:00Z", "never"}},
        {"FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;COUNT=3",
         NEW_YORK,
         "1997-05-12T13:00:00Z",
         {"1997-05-12T13:00:00Z", "1998-05-11T13:00:00Z",
          "1999-05-17T13:00:00Z", "never"}},
        {"FREQ=YEARLY;BYWEEKNO=53",
         "UTC",
         "2026-01-01T00:00:00Z",
         {"2026-12-31T00:00:00Z", "2032-12-30T00:00:00Z"}},
        {"FREQ=DAILY;BYMONTHDAY=-1",
         "UTC",
         "2028-01-31T00:00:00Z",
         {"2028-01-31T00:00:00Z", "2028-02-29T00:00:00Z"}},
        {"FREQ=MONTHLY;BYDAY=MO;BYHOUR=9,17;BYSETPOS=-1",
         "UTC",
         "2026-01-01T00:00:00Z",
         {"2026-01-26T17:00:00Z", "2026-02-23T17:00:00Z"}},
    };

    (void)state;
    CHECK_CASES(cases);
}

static void
clocks_that_change_move_the_wall(void **state)
{
    static const struct due_case cases[] = {
        {"FREQ=DAILY;COUNT=3",
         NEW_YORK,
         "2026-03-07T07:30:00Z",
         {"2026-03-07T07:30:00Z", "2026-03-08T07:30:00Z",
          "2026-03-09T06:30:00Z", "never"}},
        {"FREQ=DAILY;COUNT=3",
         NEW_YORK,
         "2026-10-31T05:30:00Z",
         {"2026-10-31T05:30:00Z", "2026-11-01T05:30:00Z",
          "2026-11-02T06:30:00Z", "never"}},
        {"FREQ=DAILY;BYHOUR=2;BYMINUTE=30",
         "Europe/Berlin",
         "2026-03-28T23:00:00Z",
         {"2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"}},
        /* 02:45 is moved past 03:15, and 02:15 onto it */
        {"FREQ=DAILY;BYHOUR=2,3;BYMINUTE=15,45",
         "Europe/Berlin",
         "2026-03-28T23:00:00Z",
         {"2026-03-29T01:15:00Z", "2026-03-29T01:45:00Z",
          "2026-03-30T00:15:00Z"}},
        {"FREQ=DAILY;BYHOUR=2;BYMINUTE=15",
         "Australia/Lord_Howe",
         "2026-10-03T00:00:00Z",
         {"2026-10-03T15:45:00Z", "2026-10-04T15:15:00Z"}},
        {"FREQ=DAILY;BYHOUR=1;BYMINUTE=45",
         "Australia/Lord_Howe",
         "2026-04-04T00:00:00Z",
         {"2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"}},
        /* the 30th of December 2011 was none */
        {"FREQ=DAILY",
         "Pacific/Apia",
         "2011-12-29T19:00:00Z",
         {"2011-12-29T19:00:00Z", "2011-12-30T19:00:00Z",
          "2011-12-31T19:00:00Z"}},
    };

    (void)state;
    CHECK_CASES(cases);
}

static void
hours_and_minutes_go_by_elapsed_time(void **state)
{
    static const struct due_case cases[] = {
        {"FREQ=HOURLY",
         NEW_YORK,
         "2026-11-01T04:30:00Z",
         {"2026-11-01T04:30:00Z", "2026-11-01T05:30:00Z",
          "2026-11-01T06:30:00Z"}},
        {"FREQ=HOURLY;INTERVAL=5",
         NEW_YORK,
         "2026-03-08T02:00:00Z",
         {"2026-03-08T02:00:00Z", "2026-03-08T07:00:00Z",
          "2026-03-08T12:00:00Z"}},
        /* sixteen a day: at 00:30 once summer is over */
        {"FREQ=MINUTELY;INTERVAL=90;BYHOUR=1",
         NEW_YORK,
         "2026-11-01T04:00:00Z",
         {"2026-11-01T05:30:00Z", "2027-03-15T05:30:00Z"}},
        {"FREQ=HOURLY;BYMINUTE=0,20;BYHOUR=9;BYDAY=MO",
         "UTC",
         "2026-01-05T09:10:00Z",
         {"2026-01-05T09:20:00Z", "2026-01-12T09:00:00Z",
          "2026-01-12T09:20:00Z"}},
        {"FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=5;BYMINUTE=7",
         "UTC",
         "2026-01-05T09:10:00Z",
         {"2028-02-29T05:07:00Z", "2032-02-29T05:07:00Z"}},
        {"FREQ=HOURLY;COUNT=2;INTERVAL=36",
         "UTC",
         "2026-01-05T09:10:00Z",
         {"2026-01-05T09:10:00Z", "2026-01-06T21:10:00Z", "never"}},
    };

    (void)state;
    CHECK_CASES(cases);
}

static void
a_rule_ends_where_it_says(void **state)
{
    static const struct due_case cases[] = {
        {"FREQ=DAILY;UNTIL=20260106T090000Z",
         NEW_YORK,
         "2026-01-05T09:00:00Z",
         {"2026-01-05T09:00:00Z", "2026-01-06T09:00:00Z", "never"}},
        {"FREQ=DAILY;UNTIL=20260106T035959",
         NEW_YORK,
         "2026-01-05T09:00:00Z",
         {"2026-01-05T09:00:00Z", "never"}},
        /* a date is all of that day, in the zone */
        {"FREQ=DAILY;UNTIL=20260105",
         NEW_YORK,
         "2026-01-06T04:00:00Z",
         {"2026-01-06T04:00:00Z", "never"}},
        {"rrule:freq=daily;count=1;",
         "UTC",
         "2026-01-05T09:00:00Z",
         {"2026-01-05T09:00:00Z", "never"}},
        {"DTSTART:20260301T101112\r\nRRULE:FREQ=WEEKLY;INTERVAL=2",
         NEW_YORK,
         "2026-01-05T09:00:00Z",
         {"2026-03-01T15:11:12Z", "2026-03-15T14:11:12Z"}},
        {"DTSTART:20260301T101112Z\nFREQ=WEEKLY",
         NEW_YORK,
         "2026-01-05T09:00:00Z",
         {"2026-03-01T10:11:12Z"}},
        /* COUNT counts times on the wall, also two that become one */
        {"FREQ=DAILY;BYHOUR=2,3;BYMINUTE=30;COUNT=3",
         "Europe/Berlin",
         "2026-03-28T23:00:00Z",
         {"2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z", "never"}},
    };

    (void)state;
    CHECK_CASES(cases);
}

static void
faults_are_told_with_their_place(void **state)
{
    static const struct {
        const char *text;
        enum err e;
        size_t at;
        const char *why;
    } cases[] = {
        {"", ERR_INVALID, 0, "expected NAME=VALUE"},
        {"INTERVAL=2", ERR_INVALID, 0, "FREQ is missing"},
        {"FREQ=SECONDLY", ERR_NOT_SUPPORTED, 5, "SECONDLY"},
        {"FREQ=OFTEN", ERR_INVALID, 5, "FREQ is MINUTELY"},
        {"FREQ=DAILY;FREQ=DAILY", ERR_INVALID, 11, "there twice"},
        {"FREQ=DAILY;BYHOUR=1;BYHOUR=2", ERR_INVALID, 20, "there twice"},
        {"FREQ=DAILY;INTERVAL=0", ERR_INVALID, 20, "INTERVAL takes"},
        {"FREQ=DAILY;COUNT=-1", ERR_INVALID, 17, "COUNT takes"},
        {"FREQ=DAILY;COUNT=3;UNTIL=20270101", ERR_INVALID, 0,
         "COUNT and UNTIL"},
        {"FREQ=DAILY;BYHOUR=24", ERR_INVALID, 18, "BYHOUR takes 0 to 23"},
        {"FREQ=DAILY;BYHOUR=9x", ERR_INVALID, 19, "unexpected character"},
        {"FREQ=DAILY;BYSECOND=60", ERR_INVALID, 20, "BYSECOND takes"},
        {"FREQ=DAILY;BYDAY=MON", ERR_INVALID, 19, "unexpected character"},
        {"FREQ=DAILY;BYDAY=XX", ERR_INVALID, 17, "a weekday is"},
        {"FREQ=MONTHLY;BYDAY=0MO", ERR_INVALID, 19, "BYDAY takes"},
        {"FREQ=WEEKLY;BYDAY=1MO", ERR_INVALID, 0, "a number before a weekday"},
        {"FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO", ERR_INVALID, 0, "BYWEEKNO"},
        {"FREQ=MONTHLY;BYWEEKNO=1", ERR_INVALID, 0, "FREQ=YEARLY only"},
        {"FREQ=WEEKLY;BYMONTHDAY=1", ERR_INVALID, 0, "BYMONTHDAY"},
        {"FREQ=DAILY;BYYEARDAY=1", ERR_INVALID, 0, "BYYEARDAY"},
        {"FREQ=DAILY;BYSETPOS=1", ERR_INVALID, 0, "BYSETPOS needs"},
        {"FREQ=DAILY;UNTIL=20260230", ERR_INVALID, 17, "no such day"},
        {"FREQ=DAILY;UNTIL=tomorrow", ERR_INVALID, 17, "expected 20261231"},
        {"FREQ=DAILY;UNTIL=20200101", ERR_INVALID, 0, "end before it runs"},
        {"FREQ=DAILY;WKST=0", ERR_INVALID, 16, "a weekday is"},
        {"FREQ=DAILY;EVERY=2", ERR_INVALID, 11, "unknown part"},
        {"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", ERR_INVALID, 0, "never run"},
        {"FREQ=MONTHLY;BYMONTHDAY=1;BYDAY=5MO", ERR_INVALID, 0, "never run"},
        {"FREQ=HOURLY;INTERVAL=24;BYHOUR=10", ERR_INVALID, 0, "never run"},
        {"FREQ=MINUTELY;BYSECOND=0;BYSETPOS=2", ERR_INVALID, 0, "never run"},
        {"FREQ=MINUTELY;INTERVAL=60;BYMINUTE=1", ERR_INVALID, 0, "never run"},
        {"DTSTART;TZID=UTC:20260105T090000\nRRULE:FREQ=DAILY",
         ERR_NOT_SUPPORTED, 7, "no parameters"},
        {"FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,"
         "20,21,22,23;BYMINUTE=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,"
         "19,20;BYSECOND=0,1,2",
         ERR_NOT_SUPPORTED, 0, "1440 times"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *why = "";
        struct recurrence r;
        size_t at = 99;

        assert_int_equal(recurrence_parse(str_from(cases[i].text), zone_utc(),
                                          ms_of("2026-01-05T09:00:00Z"), &r,
                                          &why, &at),
                         cases[i].e);
        if (!strstr(why, cases[i].why) || at != cases[i].at)
            fail_msg("%s: %s at %zu", cases[i].text, why, at);
    }
}

static void
no_instant_is_too_far(void **state)
{
    const char *why;
    struct recurrence r;
    size_t at;

    (void)state;
    assert_int_equal(
        recurrence_parse(STR("FREQ=DAILY"), zone_utc(), 999, &r, &why, &at),
        ERR_OK);
    assert_int_equal(recurrence_next(&r, zone_utc(), INT64_MIN), 0);
    assert_int_equal(recurrence_next(&r, zone_utc(), INT64_MAX), INT64_MAX);
    assert_int_equal(
        recurrence_next(&r, zone_utc(), ms_of("9999-12-31T00:00:00Z")),
        INT64_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_fall_on_the_days_of_the_rfc),
        cmocka_unit_test(clocks_that_change_move_the_wall),
        cmocka_unit_test(hours_and_minutes_go_by_elapsed_time),
        cmocka_unit_test(a_rule_ends_where_it_says),
        cmocka_unit_test(faults_are_told_with_their_place),
        cmocka_unit_test(no_instant_is_too_far),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
