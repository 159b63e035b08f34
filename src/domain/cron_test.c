#include "domain/cron.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/clock.h"

#define DUE_MAX 6

struct due_case {
    const char *text, *zone, *after;
    const char *due[DUE_MAX]; /* in UTC; "never" ends it */
};

static int64_t
ms_of(const char *text)
{
    int64_t ms;

    assert_true(time_parse(str_from(text), &ms));
    return ms;
}

static struct cron
cron_of(const char *text)
{
    const char *why = "";
    struct cron c;
    size_t at = 0;

    if (cron_parse(str_from(text), &c, &why, &at) != ERR_OK)
        fail_msg("%s at %zu: %s", text, at, why);
    return c;
}

static void
check_cases(const struct due_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct due_case *c = &cases[i];
        const struct zone *z = zone_find(str_from(c->zone));
        struct cron cron = cron_of(c->text);
        int64_t at = ms_of(c->after);

        assert_non_null(z);
        for (int k = 0; k < DUE_MAX && c->due[k]; k++) {
            char text[TIME_TEXT_SIZE];

            at = cron_next(&cron, z, at);
            if (at != ms_of(c->due[k]))
                fail_msg("%s in %s: %.*s and not %s", c->text, c->zone,
                         STR_ARG(time_format(text, at)), c->due[k]);
        }
    }
}

#define CHECK_CASES(cases) check_cases(cases, sizeof(cases) / sizeof(cases[0]))

static void
fields_say_when(void **state)
{
    static const struct due_case cases[] = {
        {"0 9 * * 1-5",
         "UTC",
         "2026-11-27T09:00:00Z",
         {"2026-11-30T09:00:00Z"}},
        {"30 4 1,15 * 5",
         "UTC",
         "2026-05-01T00:00:00Z",
         {"2026-05-01T04:30:00Z", "2026-05-08T04:30:00Z",
          "2026-05-15T04:30:00Z"}},
        {"*/20 8-9 * jan MON",
         "UTC",
         "2026-01-05T08:20:00Z",
         {"2026-01-05T08:40:00Z", "2026-01-05T09:00:00Z"}},
        {"5/25 * * * *",
         "UTC",
         "2026-01-05T08:20:00Z",
         {"2026-01-05T08:30:00Z", "2026-01-05T08:55:00Z"}},
        {"0 0 ? * fri-sun",
         "UTC",
         "2026-01-05T00:00:00Z",
         {"2026-01-09T00:00:00Z", "2026-01-10T00:00:00Z",
          "2026-01-11T00:00:00Z", "2026-01-16T00:00:00Z"}},
        {"0 0 * * 7", "UTC", "2026-01-05T00:00:00Z", {"2026-01-11T00:00:00Z"}},
        {"\t0  0 1 1 *  ",
         "UTC",
         "2026-01-01T00:00:00Z",
         {"2027-01-01T00:00:00Z"}},
        {"@hourly", "UTC", "2026-01-05T00:00:00Z", {"2026-01-05T01:00:00Z"}},
        {"@DAILY", "UTC", "2026-01-05T00:00:00Z", {"2026-01-06T00:00:00Z"}},
        {"@weekly", "UTC", "2026-01-05T00:00:00Z", {"2026-01-11T00:00:00Z"}},
        {"@monthly", "UTC", "2026-01-05T00:00:00Z", {"2026-02-01T00:00:00Z"}},
        {"@yearly", "UTC", "2026-01-05T00:00:00Z", {"2027-01-01T00:00:00Z"}},
        /* strictly after, to the millisecond */
        {"* * * * *",
         "UTC",
         "2026-01-04T23:59:59.999Z",
         {"2026-01-05T00:00:00Z", "2026-01-05T00:01:00Z"}},
        {"* * * * *",
         "UTC",
         "2026-01-05T00:00:00.001Z",
         {"2026-01-05T00:01:00Z"}},
    };

    (void)state;
    CHECK_CASES(cases);
}

static void
days_that_not_each_month_has(void **state)
{
    static const struct due_case cases[] = {
        {"0 0 29 2 *", "UTC", "2096-02-29T00:00:00Z", {"2104-02-29T00:00:00Z"}},
        {"0 0 31 * *", "UTC", "2026-01-31T00:00:00Z", {"2026-03-31T00:00:00Z"}},
        {"0 0 L * *",
         "UTC",
         "2028-01-31T00:00:00Z",
         {"2028-02-29T00:00:00Z", "2028-03-31T00:00:00Z"}},
        {"0 0 15,L 2 *",
         "UTC",
         "2026-01-31T00:00:00Z",
         {"2026-02-15T00:00:00Z", "2026-02-28T00:00:00Z"}},
        {"0 0 * * 5L",
         "UTC",
         "2026-01-05T00:00:00Z",
         {"2026-01-30T00:00:00Z", "2026-02-27T00:00:00Z"}},
        {"0 0 * * tue#5",
         "UTC",
         "2026-01-05T00:00:00Z",
         {"2026-03-31T00:00:00Z", "2026-06-30T00:00:00Z"}},
        {"0 0 * * 1#1,3#2",
         "UTC",
         "2026-01-05T00:00:00Z",
         {"2026-01-14T00:00:00Z", "2026-02-02T00:00:00Z"}},
        /* a step from *: both fields have to match */
        {"0 0 */2 * 1",
         "UTC",
         "2026-01-05T00:00:00Z",
         {"2026-01-19T00:00:00Z"}},
        {"0 0 29 2 */7",
         "UTC",
         "2088-02-29T00:00:00Z",
         {"2128-02-29T00:00:00Z"}},
    };

    (void)state;
    CHECK_CASES(cases);
}

static void
what_clocks_skip_is_made_up_once(void **state)
{
    static const struct due_case cases[] = {
        {"30 2 * * *",
         "America/New_York",
         "2026-03-07T08:00:00Z",
         {"2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"}},
        {"*/15 2 * * *",
         "America/New_York",
         "2026-03-08T06:00:00Z",
         {"2026-03-08T07:00:00Z", "2026-03-09T06:00:00Z"}},
        /* one run, with what is due when the gap ends */
        {"0 2,3 * * *",
         "Europe/Berlin",
         "2026-03-28T12:00:00Z",
         {"2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"}},
        {"30 2 * * *",
         "Australia/Sydney",
         "2026-10-03T00:00:00Z",
         {"2026-10-03T16:00:00Z", "2026-10-04T15:30:00Z"}},
        /* half an hour is skipped: 02:00 to 02:30 */
        {"15 2 * * *",
         "Australia/Lord_Howe",
         "2026-10-03T00:00:00Z",
         {"2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"}},
        {"45 2 * * *",
         "Australia/Lord_Howe",
         "2026-10-03T00:00:00Z",
         {"2026-10-03T15:45:00Z"}},
        /* midnight */
        {"0 0 * * *",
         "America/Sao_Paulo",
         "2018-11-03T12:00:00Z",
         {"2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"}},
        /* a day that there was not */
        {"0 9 * * *",
         "Pacific/Apia",
         "2011-12-29T20:00:00Z",
         {"2011-12-30T10:00:00Z", "2011-12-30T19:00:00Z"}},
        /* looked at from right before the gap ends */
        {"30 2 * * *",
         "Europe/Berlin",
         "2026-03-29T00:59:59.999Z",
         {"2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}},
    };

    (void)state;
    CHECK_CASES(cases);
}

static void
what_clocks_show_twice_is_due_at_the_first(void **state)
{
    static const struct due_case cases[] = {
        {"30 1 * * *",
         "America/New_York",
         "2026-11-01T00:00:00Z",
         {"2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"}},
        {"*/30 1 * * *",
         "America/New_York",
         "2026-11-01T05:00:00Z",
         {"2026-11-01T05:30:00Z", "2026-11-02T06:00:00Z"}},
        {"45 1 * * *",
         "Australia/Lord_Howe",
         "2026-04-04T00:00:00Z",
         {"2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"}},
        /* from between the two */
        {"30 1 * * *",
         "America/New_York",
         "2026-11-01T06:00:00Z",
         {"2026-11-02T06:30:00Z"}},
        {"10 0 * * *",
         "America/Havana",
         "2026-10-31T12:00:00Z",
         {"2026-11-01T04:10:00Z", "2026-11-02T05:10:00Z"}},
    };

    (void)state;
    CHECK_CASES(cases);
}

static void
an_hour_of_star_goes_by_elapsed_time(void **state)
{
    static const struct due_case cases[] = {
        {"*/30 * * * *",
         "America/New_York",
         "2026-11-01T04:59:00Z",
         {"2026-11-01T05:00:00Z", "2026-11-01T05:30:00Z",
          "2026-11-01T06:00:00Z", "2026-11-01T06:30:00Z"}},
        {"0 * * * *",
         "America/New_York",
         "2026-03-08T05:30:00Z",
         {"2026-03-08T06:00:00Z", "2026-03-08T07:00:00Z",
          "2026-03-08T08:00:00Z"}},
        {"30 * * * *",
         "America/New_York",
         "2026-03-08T06:00:00Z",
         {"2026-03-08T06:30:00Z", "2026-03-08T07:30:00Z"}},
        {"0 */2 * * *",
         "Europe/Berlin",
         "2026-03-28T22:30:00Z",
         {"2026-03-28T23:00:00Z", "2026-03-29T01:00:00Z",
          "2026-03-29T02:00:00Z"}},
        {"0 */2 * * *",
         "Europe/Berlin",
         "2026-10-24T23:30:00Z",
         {"2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z",
          "2026-10-25T03:00:00Z"}},
    };

    (void)state;
    CHECK_CASES(cases);
}

static void
faults_are_told_with_their_place(void **state)
{
    static const struct {
        const char *text;
        size_t at;
        const char *why;
    } cases[] = {
        {"", 0, "five fields are needed"},
        {"* * * *", 7, "five fields are needed"},
        {"* * * * * *", 10, "more than five fields"},
        {"60 * * * *", 0, "a minute must be from 0 to 59"},
        {"* 24 * * *", 2, "an hour must be from 0 to 23"},
        {"* * 0 * *", 4, "a day of the month must be"},
        {"* * * 13 *", 6, "a month must be"},
        {"* * * * 8", 8, "a day of the week must be"},
        {"* * * jam *", 6, "unknown name"},
        {"* * * * L", 8, "L goes after a weekday"},
        {"* * * * 5#6", 10, "after # comes 1 to 5"},
        {"*/0 * * * *", 2, "a step must be"},
        {"*/ * * * *", 2, "a step must be"},
        {"5-1 * * * *", 0, "must not run backwards"},
        {"5- * * * *", 2, "expected a number"},
        {"1,,2 * * * *", 2, "expected a number"},
        {"1;2 * * * *", 1, "unexpected character"},
        {"99999999999999999999 * * * *", 0, "a minute must be"},
        {"H * * * *", 0, "expected a number"},
        {"@reboot", 0, "unknown name; there are @hourly"},
        {"0 0 30 2 *", 0, "it would never run"},
        {"0 0 31 4,6,9,11 *", 0, "it would never run"},
        {"0 0 */16 * monL", 0, "it would never run"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *why = "";
        struct cron c;
        size_t at = 99;

        assert_int_equal(cron_parse(str_from(cases[i].text), &c, &why, &at),
                         ERR_INVALID);
        if (!strstr(why, cases[i].why) || at != cases[i].at)
            fail_msg("%s: %s at %zu", cases[i].text, why, at);
    }
}

static void
no_instant_is_too_far(void **state)
{
    struct cron c = cron_of("0 0 * * *");

    (void)state;
    assert_int_equal(cron_next(&c, zone_utc(), INT64_MIN), 0);
    assert_int_equal(cron_next(&c, zone_utc(), INT64_MAX), INT64_MAX);
    assert_int_equal(cron_next(&c, zone_utc(), ms_of("9999-12-31T00:00:00Z")),
                     INT64_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_say_when),
        cmocka_unit_test(days_that_not_each_month_has),
        cmocka_unit_test(what_clocks_skip_is_made_up_once),
        cmocka_unit_test(what_clocks_show_twice_is_due_at_the_first),
        cmocka_unit_test(an_hour_of_star_goes_by_elapsed_time),
        cmocka_unit_test(faults_are_told_with_their_place),
        cmocka_unit_test(no_instant_is_too_far),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
