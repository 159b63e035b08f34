#include "domain/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"

#define MINUTE_MS INT64_C(60000)

static struct arena *arena;

static int
begin(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int
end(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static int64_t
ms_of(const char *text)
{
    int64_t ms;

    assert_true(time_parse(str_from(text), &ms));
    return ms;
}

/* Made in the afternoon of a Monday. */
static enum err
read_json(const char *text, struct problem *p, struct schedule *ret)
{
    struct json_doc *doc = ARENA_NEW(arena, struct json_doc);
    struct json_error why;

    problem_init(p, arena);
    assert_int_equal(json_parse(arena, str_from(text), doc, &why), ERR_OK);
    field_check(schedule_fields, json_root(doc), STR(""), p);
    if (problem_is_set(p))
        return p->err;
    return schedule_read(json_root(doc), STR(""), ms_of("2026-01-05T15:12:34Z"),
                         p, ret);
}

static struct schedule
schedule_of(const char *text)
{
    struct schedule s;
    struct problem p;

    if (read_json(text, &p, &s) != ERR_OK)
        fail_msg("%s: %.*s", text, STR_ARG(p.errors[0].detail));
    return s;
}

static void
the_next_five_are_told(void **state)
{
    struct schedule s = schedule_of(
        "{\"cron\":\"0 9 * * 1-5\",\"timezone\":\"Europe/Berlin\"}");
    int64_t due[SCHEDULE_UPCOMING];

    (void)state;
    assert_int_equal(schedule_upcoming(&s, ms_of("2026-03-26T12:00:00Z"),
                                       SCHEDULE_UPCOMING, due),
                     5);
    assert_int_equal(due[0], ms_of("2026-03-27T08:00:00Z"));
    assert_int_equal(due[1], ms_of("2026-03-30T07:00:00Z"));
    assert_int_equal(due[4], ms_of("2026-04-02T07:00:00Z"));
    s = schedule_of("{\"rrule\":\"FREQ=DAILY;BYHOUR=9;COUNT=3\"}");
    assert_int_equal(schedule_upcoming(&s, ms_of("2026-01-05T10:00:00Z"),
                                       SCHEDULE_UPCOMING, due),
                     2);
    assert_int_equal(due[0], ms_of("2026-01-06T09:00:00Z"));
}

static void
a_rule_counts_from_midnight(void **state)
{
    struct schedule s = schedule_of(
        "{\"rrule\":\"FREQ=WEEKLY\",\"timezone\":\"America/New_York\"}");

    (void)state;
    assert_int_equal(schedule_next(&s, 0), ms_of("2026-01-05T05:00:00Z"));
    assert_int_equal(schedule_next(&s, ms_of("2026-01-05T15:12:34Z")),
                     ms_of("2026-01-12T05:00:00Z"));
}

static void
faults_point_to_their_field(void **state)
{
    static const struct {
        const char *doc, *pointer, *detail;
    } cases[] = {
        {"{}", "", "must have exactly one of cron and rrule"},
        {"{\"cron\":\"@daily\",\"rrule\":\"FREQ=DAILY\"}", "",
         "must have exactly one of cron and rrule"},
        {"{\"cron\":\"0 9 * * 1-9\"}", "/cron",
         "at character 11: a day of the week must be from 0 to 7"},
        {"{\"rrule\":\"FREQ=DAILY;BYHOUR=24\"}", "/rrule",
         "at character 19: BYHOUR takes 0 to 23"},
        {"{\"cron\":\"@daily\",\"timezone\":\"Mars/Olympus\"}", "/timezone",
         "there is no such time zone"},
        {"{\"cron\":\"@daily\",\"misfire\":\"never\"}", "/misfire", "must be"},
        {"{\"cron\":\"\"}", "/cron", "must not be empty"},
        {"{\"crom\":\"@daily\"}", "/crom", "did you mean \"cron\"?"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct schedule s;
        struct problem p;

        assert_int_equal(read_json(cases[i].doc, &p, &s), ERR_INVALID);
        assert_int_equal(p.n_errors, 1);
        if (!str_is(p.errors[0].pointer, cases[i].pointer) ||
            !strstr(p.errors[0].detail.p, cases[i].detail))
            fail_msg("%s: %.*s %.*s", cases[i].doc,
                     STR_ARG(p.errors[0].pointer), STR_ARG(p.errors[0].detail));
    }
}

static struct schedule_missed
missed(const char *misfire, const char *cron, const char *last, const char *now)
{
    struct schedule s = schedule_of(
        str_fmt(arena, "{\"cron\":\"%s\",\"misfire\":\"%s\"}", cron, misfire)
            .p);
    struct schedule_missed m;

    schedule_missed(&s, ms_of(last), ms_of(now), MINUTE_MS, &m);
    return m;
}

static void
misfire_says_what_to_make_of_a_downtime(void **state)
{
    struct schedule_missed m;

    (void)state;
    m = missed("once", "0 * * * *", "2026-01-05T08:00:00Z",
               "2026-01-05T12:30:00Z");
    assert_int_equal(m.n, 1);
    assert_int_equal(m.due_ms[0], ms_of("2026-01-05T12:00:00Z"));
    assert_int_equal(m.n_left_out, 3);
    assert_false(m.is_more);

    m = missed("all", "0 * * * *", "2026-01-05T08:00:00Z",
               "2026-01-05T12:30:00Z");
    assert_int_equal(m.n, 4);
    assert_int_equal(m.due_ms[0], ms_of("2026-01-05T09:00:00Z"));
    assert_int_equal(m.due_ms[3], ms_of("2026-01-05T12:00:00Z"));
    assert_int_equal(m.n_left_out, 0);

    m = missed("skip", "0 * * * *", "2026-01-05T08:00:00Z",
               "2026-01-05T12:30:00Z");
    assert_int_equal(m.n, 0);
    assert_int_equal(m.n_left_out, 4);
}

static void
what_is_due_now_is_not_missed(void **state)
{
    static const char *const misfires[] = {"once", "all", "skip"};

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct schedule_missed m =
            missed(misfires[i], "0 * * * *", "2026-01-05T11:00:00Z",
                   "2026-01-05T12:00:03Z");

        assert_int_equal(m.n, 1);
        assert_int_equal(m.due_ms[0], ms_of("2026-01-05T12:00:00Z"));
        assert_int_equal(m.n_left_out, 0);
        m = missed(misfires[i], "0 * * * *", "2026-01-05T12:00:00Z",
                   "2026-01-05T12:59:59Z");
        assert_int_equal(m.n + m.n_left_out, 0);
    }
    assert_int_equal(missed("skip", "0 * * * *", "2026-01-05T08:00:00Z",
                            "2026-01-05T12:01:00Z")
                         .due_ms[0],
                     ms_of("2026-01-05T12:00:00Z"));
}

static void
a_long_downtime_is_bounded(void **state)
{
    struct schedule_missed m;

    (void)state;
    m = missed("all", "* * * * *", "2026-01-05T00:00:00Z",
               "2026-01-05T02:30:00Z");
    assert_int_equal(m.n, SCHEDULE_MISSED_MAX);
    assert_int_equal(m.due_ms[0], ms_of("2026-01-05T00:01:00Z"));
    assert_int_equal(m.due_ms[99], ms_of("2026-01-05T01:40:00Z"));
    assert_int_equal(m.n_left_out, 50);
    assert_false(m.is_more);

    m = missed("once", "* * * * *", "1990-01-05T00:00:00Z",
               "2026-01-05T02:30:30Z");
    assert_int_equal(m.n, 1);
    assert_int_equal(m.due_ms[0], ms_of("2026-01-05T02:30:00Z"));
    assert_int_equal(m.n_left_out, SCHEDULE_COUNTED_MAX);
    assert_true(m.is_more);

    m = missed("once", "0 0 29 2 *", "1990-01-05T00:00:00Z",
               "2026-01-05T02:30:30Z");
    assert_int_equal(m.due_ms[0], ms_of("2024-02-29T00:00:00Z"));
    assert_int_equal(m.n_left_out, 8);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_next_five_are_told, begin, end),
        cmocka_unit_test_setup_teardown(a_rule_counts_from_midnight, begin,
                                        end),
        cmocka_unit_test_setup_teardown(faults_point_to_their_field, begin,
                                        end),
        cmocka_unit_test_setup_teardown(misfire_says_what_to_make_of_a_downtime,
                                        begin, end),
        cmocka_unit_test_setup_teardown(what_is_due_now_is_not_missed, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_long_downtime_is_bounded, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
