#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static void
assert_text(struct str s, const char *want)
{
    assert_int_equal(s.n, strlen(want));
    assert_string_equal(s.p, want); /* NUL-terminated, too */
}

static void
times_have_one_form(void **state)
{
    char text[TIME_TEXT_SIZE];

    (void)state;
    assert_text(time_format(text, 0), "1970-01-01T00:00:00.000Z");
    assert_text(time_format(text, 1795253400000), "2026-11-21T09:30:00.000Z");
    assert_text(time_format(text, 1709164800001), "2024-02-29T00:00:00.001Z");
    assert_text(time_format(text, 1735689599999), "2024-12-31T23:59:59.999Z");
    assert_text(time_format(text, 253402300799999), "9999-12-31T23:59:59.999Z");
    assert_text(time_format(text, -1), "1970-01-01T00:00:00.000Z");
    assert_text(time_format(text, INT64_MAX), "9999-12-31T23:59:59.999Z");
    assert_text(time_format_mail(text, 1795253400999),
                "Sat, 21 Nov 2026 09:30:00 +0000");
}

static void
the_calendar_agrees_with_the_library(void **state)
{
    (void)state;
    /* Every 37 hours and a bit over four centuries, so all dates and hours. */
    for (int64_t ms = 0; ms < INT64_C(12700000000000); ms += 133377123) {
        time_t t = (time_t)(ms / 1000);
        char text[TIME_TEXT_SIZE], want[64], mail[64];
        int64_t back;
        struct tm tm;
        size_t n;

        gmtime_r(&t, &tm);
        n = strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(want + n, sizeof(want) - n, ".%03" PRId64 "Z", ms % 1000);
        assert_text(time_format(text, ms), want);
        assert_true(time_parse(str_from(want), &back));
        assert_int_equal(back, ms);
        strftime(mail, sizeof(mail), "%a, %d %b %Y %H:%M:%S +0000", &tm);
        assert_text(time_format_mail(text, ms), mail);
        strftime(mail, sizeof(mail), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        assert_true(time_parse_http(str_from(mail), &back));
        assert_int_equal(back, ms / 1000 * 1000);
    }
}

static void
offsets_and_fractions_are_taken(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01t01:00:00z", 3600000},
        {"1970-01-01T02:30:00+02:30", 0},
        {"1969-12-31T23:00:00-01:00", 0},
        {"2026-11-21T10:30:00.5+01:00", 1795253400500},
        {"2026-11-21T09:30:00.123456789Z", 1795253400123},
        {"2026-11-21T09:30:00.0009Z", 1795253400000},
        {"2016-12-31T23:59:60Z", 1483228800000},
        {"2017-01-01T00:59:60+01:00", 1483228800000},
        {"2000-02-29T00:00:00-00:00", 951782400000},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t ms = -1;

        if (!time_parse(str_from(rows[i].text), &ms) || ms != rows[i].ms)
            fail_msg("%s: %" PRId64, rows[i].text, ms);
    }
}

static void
what_is_no_time_is_refused(void **state)
{
    static const char *const rows[] = {
        "",
        "2026",
        "2026-11-21",
        "2026-11-21T09:30Z",
        "2026-11-21T09:30:00",
        "2026-11-21 09:30:00Z",
        "2026-11-21T09:30:00.Z",
        "2026-11-21T09:30:00.1234567890Z",
        "2026-11-21T09:30:00Z ",
        " 2026-11-21T09:30:00Z",
        "2026-11-21T09:30:00+1:00",
        "2026-11-21T09:30:00+0100",
        "2026-11-21T09:30:00+24:00",
        "2026-11-21T09:30:00+01:60",
        "2026-00-21T09:30:00Z",
        "2026-13-21T09:30:00Z",
        "2026-11-00T09:30:00Z",
        "2026-11-31T09:30:00Z",
        "2026-02-29T09:30:00Z",
        "2100-02-29T09:30:00Z",
        "2026-11-21T24:00:00Z",
        "2026-11-21T09:60:00Z",
        "2026-11-21T09:30:60Z",
        "2026-11-21T09:30:61Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "+2026-11-21T09:30:00Z",
        "2026-1x-21T09:30:00Z",
        "0000-01-01T00:00:00Z",
    };
    int64_t ms = 77;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (time_parse(str_from(rows[i]), &ms))
            fail_msg("taken: %s", rows[i]);
    }
    assert_false(time_parse((struct str){"2026-11-21T09:30:00\0Z", 21}, &ms));
    assert_int_equal(ms, 77); /* written on success only */
}

static void
http_dates_are_taken_in_their_three_forms(void **state)
{
    int64_t ms;

    (void)state;
    assert_true(time_parse_http(STR("Sun, 06 Nov 1994 08:49:37 GMT"), &ms));
    assert_int_equal(ms, 784111777000);
    ms = 0;
    assert_true(time_parse_http(STR("Sunday, 06-Nov-94 08:49:37 GMT"), &ms));
    assert_int_equal(ms, 784111777000);
    ms = 0;
    assert_true(time_parse_http(STR("Sun Nov  6 08:49:37 1994"), &ms));
    assert_int_equal(ms, 784111777000);
    assert_true(time_parse_http(STR("Sat Nov 21 09:30:00 2026"), &ms));
    assert_true(time_parse_http(STR("Saturday, 21-Nov-26 09:30:00 GMT"), &ms));
    assert_int_equal(ms, 1795253400000);
    assert_false(time_parse_http(STR("Sunday, 06-Nov-1994 08:49:37 GMT"), &ms));
    assert_false(time_parse_http(STR("Sunday"), &ms));
    assert_false(time_parse_http(STR("Sun Nov 6 08:49:37 1994"), &ms));
    assert_false(time_parse_http(STR("Sun Nov  6 08:49:37 1994 GMT"), &ms));
    assert_false(time_parse_http(STR("Sun, 06 Nov 1994 08:49:37 UTC"), &ms));
    assert_false(time_parse_http(STR("Sun, 6 Nov 1994 08:49:37 GMT"), &ms));
    assert_false(time_parse_http(STR("Sun, 31 Nov 1994 08:49:37 GMT"), &ms));
    assert_false(time_parse_http(STR("Sun, 06 Nov 1994 08:49:37 GMTx"), &ms));
    assert_false(time_parse_http(STR("120"), &ms));
}

static void
a_duration_has_the_largest_exact_unit(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {0, "0s"},        {250, "250ms"},    {1000, "1s"},
        {1001, "1001ms"}, {90000, "90s"},    {5400000, "90m"},
        {86400000, "1d"}, {90000000, "25h"}, {604800000, "7d"},
        {-30000, "-30s"},
    };
    char text[TIME_TEXT_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_text(duration_format(text, rows[i].ms), rows[i].text);
    assert_true(duration_format(text, INT64_MIN).n > 0);
}

static void
a_virtual_clock_moves_only_when_moved(void **state)
{
    struct clock_virtual c;

    (void)state;
    clock_virtual_init(&c, 1000);
    assert_int_equal(c.base.wall_ms(&c.base), 1000);
    assert_int_equal(c.base.mono_ms(&c.base), 1000);
    c.now_ms += 5;
    assert_int_equal(c.base.wall_ms(&c.base), 1005);
    assert_int_equal(c.base.mono_ms(&c.base), 1005);
}

static void
the_system_clock_tells_this_century(void **state)
{
    struct clock *c = clock_system();
    int64_t before = c->mono_ms(c);

    (void)state;
    assert_true(c->wall_ms(c) > INT64_C(1704067200000));
    assert_true(c->mono_ms(c) >= before);
    assert_true(c->wall_ms(c) / 1000 - time(NULL) <= 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_have_one_form),
        cmocka_unit_test(the_calendar_agrees_with_the_library),
        cmocka_unit_test(offsets_and_fractions_are_taken),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(http_dates_are_taken_in_their_three_forms),
        cmocka_unit_test(a_duration_has_the_largest_exact_unit),
        cmocka_unit_test(a_virtual_clock_moves_only_when_moved),
        cmocka_unit_test(the_system_clock_tells_this_century),
    };

    return cmocka_run_group_tests_name("base/clock", tests, NULL, NULL);
}
