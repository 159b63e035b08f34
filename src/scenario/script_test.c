#include "scenario/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct script
parsed(struct arena *a, const char *text)
{
    struct script_error why;
    struct script s;

    if (script_parse(a, STR("x.scn"), str_from(text), &s, &why) != ERR_OK)
        fail_msg("line %d: %.*s", why.line, STR_ARG(why.why));
    return s;
}

static void
assert_refused(const char *text, int line, const char *part)
{
    struct arena *a = arena_new();
    struct script_error why;
    struct script s;

    assert_int_equal(script_parse(a, STR("x.scn"), str_from(text), &s, &why),
                     ERR_INVALID);
    if (!strstr(str_cstr(a, why.why), part))
        fail_msg("\"%.*s\" does not say \"%s\"", STR_ARG(why.why), part);
    assert_int_equal(why.line, line);
    arena_free(a);
}

static void
assert_text(struct str s, const char *want)
{
    if (!str_is(s, want))
        fail_msg("\"%.*s\" is not \"%s\"", STR_ARG(s), want);
}

static void
what_comes_before_each_begins_each(void **state)
{
    struct arena *a = arena_new();
    struct script s = parsed(a, "# a comment\n"
                                "before each scenario:\n"
                                "  at 09:00\n"
                                "\n"
                                "scenario: one\n"
                                "  user anna\n"
                                "scenario: two \n"
                                "  # another\n"
                                "    after 10m\n"
                                "  restart\n");

    (void)state;
    assert_int_equal(s.n_scenarios, 2);
    assert_text(s.scenarios[0].name, "one");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(s.scenarios[i].n_before, 1);
        assert_int_equal(s.scenarios[i].before[0].kind, STEP_AT);
    }
    assert_int_equal(s.scenarios[0].n_steps, 1);
    assert_text(s.scenarios[0].steps[0].path, "/v1/users/anna");
    assert_int_equal(s.scenarios[1].line, 7);
    assert_text(s.scenarios[1].name, "two");
    assert_int_equal(s.scenarios[1].n_steps, 2);
    assert_int_equal(s.scenarios[1].steps[0].ms, 600000);
    assert_int_equal(s.scenarios[1].steps[1].line, 10);
    arena_free(a);
}

static void
json_goes_on_over_deeper_lines(void **state)
{
    struct arena *a = arena_new();
    struct script s = parsed(a, "scenario: one\r\n"
                                "  send first\r\n"
                                "    {\"to\":\r\n"
                                "\r\n"
                                "        \"anna\"}\r\n"
                                "  after 1s\r\n");
    const struct step *step = s.scenarios[0].steps;

    (void)state;
    assert_int_equal(s.scenarios[0].n_steps, 2);
    assert_text(step->name, "first");
    assert_text(step->text, "send first");
    assert_text(json_str_of(a, step->body, "to"), "anna");
    arena_free(a);
}

static void
expectations_hold_what_was_said(void **state)
{
    struct arena *a = arena_new();
    struct script s = parsed(
        a, "scenario: one\n"
           "  expect anna and ben get email \"A \\\"B\\\"\" at 2026-03-01 "
           "09:10:11 UTC from mail with body containing \"x\" 3 times\n"
           "  expect anna email held quiet.deferred_until until 07:00\n"
           "  expect answer /a/0 [1]\n"
           "  provider mail always answers 503 \"busy\" retry-after 30s "
           "twice, timeout\n");
    const struct step *m = &s.scenarios[0].steps[0], *d = m + 1, *p = m + 3;

    (void)state;
    assert_int_equal(m->kind, STEP_EXPECT_MESSAGE);
    assert_int_equal(m->n_users, 2);
    assert_text(m->users[1], "ben");
    assert_text(m->title, "A \"B\"");
    assert_true(m->moment.has_date && m->moment.has_seconds);
    assert_int_equal(m->moment.civil.second, 11);
    assert_ptr_equal(m->moment.zone, zone_utc());
    assert_text(m->provider, "mail");
    assert_true(m->checks[0].is_part);
    assert_int_equal(m->count, 3);
    assert_int_equal(d->kind, STEP_EXPECT_DELIVERY);
    assert_text(d->reason, "quiet.deferred_until");
    assert_int_equal(d->moment.civil.hour, 7);
    assert_text(m[2].checks[0].what, "/a/0");
    assert_int_equal(p->n_replies, 3);
    assert_true(p->is_always);
    assert_int_equal(p->replies[1].retry_after_ms, 30000);
    assert_int_equal(p->replies[2].kind, REPLY_NEVER);
    arena_free(a);
}

static void
a_decision_is_a_request(void **state)
{
    struct arena *a = arena_new();
    struct script s = parsed(a, "scenario: one\n"
                                "  approve offer\n"
                                "  reject offer by ben \"a \\\"b\\\"\"\n"
                                "  approve offer \"go\"\n");
    const struct step *step = s.scenarios[0].steps;

    (void)state;
    assert_text(step[0].method, "POST");
    assert_text(step[0].path, "/v1/notifications/${offer}/approve");
    assert_text(json_raw(step[0].body), "{}");
    assert_text(step[1].path, "/v1/notifications/${offer}/reject");
    assert_text(json_raw(step[1].body),
                "{\"by\":\"ben\",\"note\":\"a \\\"b\\\"\"}");
    assert_text(json_raw(step[2].body), "{\"note\":\"go\"}");
    arena_free(a);
}

static void
ranges_name_each_user(void **state)
{
    struct arena *a = arena_new();
    struct script s = parsed(a, "scenario: one\n"
                                "  users u08..u10 {\"locale\":\"de\"}\n"
                                "  subscribe u1..u2 and ben to news.sport\n");
    const struct step *step = s.scenarios[0].steps;

    (void)state;
    assert_text(json_raw(step[0].body),
                "{\"users\":[{\"locale\":\"de\",\"id\":\"u08\"},"
                "{\"locale\":\"de\",\"id\":\"u09\"},"
                "{\"locale\":\"de\",\"id\":\"u10\"}]}");
    assert_text(json_raw(step[1].body), "{\"add\":[\"u1\",\"u2\",\"ben\"]}");
    assert_text(step[1].path, "/v1/topics/news.sport/subscribers");
    arena_free(a);
}

/* As often as it stands there, each after the one before. */
static struct str
repeated(struct arena *a, const char *head, const char *line, int n)
{
    struct buf b;

    buf_init(&b, a);
    buf_put_cstr(&b, head);
    for (int i = 0; i < n; i++)
        buf_put_cstr(&b, line);
    return buf_str(&b);
}

static void
what_grows_has_a_limit(void **state)
{
    struct arena *a = arena_new();
    const char *head = "scenario: a\n";

    (void)state;
    assert_refused(
        str_cstr(a, repeated(a, head, "  restart\n", SCRIPT_STEPS_MAX + 1)),
        SCRIPT_STEPS_MAX + 2, "too many statements");
    assert_refused(str_cstr(a, repeated(a, "", "scenario: a\n  restart\n",
                                        SCRIPT_SCENARIOS_MAX + 1)),
                   2 * SCRIPT_SCENARIOS_MAX + 1, "too many scenarios");
    assert_refused(str_cstr(a, repeated(a, head, "  users u1..u1000\n", 21)),
                   22, "too many users");
    assert_refused(str_cstr(a, repeated(a, head, "# 0123456789\n", 100000)), 1,
                   "too large");
    arena_free(a);
}

static void
a_file_that_is_none_is_refused(void **state)
{
    (void)state;
    assert_refused("", 1, "there is no scenario");
    assert_refused("  user anna\n", 1, "before the first statement");
    assert_refused("scenario:\n", 1, "expected a name");
    assert_refused("scenario: a\nscenario: b\n  restart\n", 1,
                   "has no statements");
    assert_refused("scenario: a\n", 1, "has no statements");
    assert_refused("scenaro: a\n", 1, "expected \"scenario: NAME\"");
    assert_refused("scenario: a\n\tuser anna\n", 2, "not by tabs");
    assert_refused("scenario: a\n  restart\nbefore each scenario:\n", 3,
                   "before the first scenario");
}

#define STATEMENT(text) "scenario: a\n  restart\n  " text "\n"

static void
a_statement_that_is_none_is_refused_where_it_fails(void **state)
{
    static const struct {
        const char *text;
        int line;
        const char *part;
    } rows[] = {
        {STATEMENT("usr anna"), 3, "did you mean \"user\"?"},
        {STATEMENT("hello"), 3, "there is no statement \"hello\""},
        {STATEMENT("user"), 3, "expected its name, not: the end"},
        {STATEMENT("user anna []"), 3, "expected a JSON object"},
        {STATEMENT("user anna {\"a\":\n    1,}"), 4, "not well formed"},
        {STATEMENT("user anna {\"a\":1} x"), 3, "not well formed"},
        {STATEMENT("restart\n    {}"), 4, "expected the end"},
        {STATEMENT("after 10 minutes"), 3, "expected a duration"},
        {STATEMENT("after 3661d"), 3, "too long"},
        {STATEMENT("at noon"), 3, "expected a time"},
        {STATEMENT("at 25:00"), 3, "expected a time"},
        {STATEMENT("at 2026-02-30 09:00"), 3, "there is no day 2026-02-30"},
        {STATEMENT("at 2023-02-20 09:00"), 3, "2024"},
        {STATEMENT("at 09:00 Europe/Berlim"), 3, "is it Europe/Berlin?"},
        {STATEMENT("remove everything"), 3, "expected what to remove"},
        {STATEMENT("subscribe anna news"), 3, "expected \"to\", not: news"},
        {STATEMENT("users u2..u1"), 3, "expected a range"},
        {STATEMENT("users u1..u1001"), 3, "at most 1000"},
        {STATEMENT("users u1..v2"), 3, "expected a range"},
        {STATEMENT("GET v1/users"), 3, "expected a path"},
        {STATEMENT("provider x answers"), 3, "expected a status"},
        {STATEMENT("provider x answers 1 33 times"), 3, "a number"},
        {STATEMENT("anna reads Sale"), 3, "the title of an inbox item"},
        {STATEMENT("anna reads \"Sale"), 3, "does not end"},
        {STATEMENT("anna reads \"\\x\""), 3, "not well formed"},
        {STATEMENT("anna unsubscribes \"x\""), 3, "expected \"from\""},
        {STATEMENT("expect"), 3, "expected what is expected"},
        {STATEMENT("approve"), 3, "the name of what was sent"},
        {STATEMENT("reject offer by"), 3, "a user's id"},
        {STATEMENT("reject offer for ben"), 3, "expected the end"},
        {STATEMENT("expect anna"), 3, "\"gets\", or a channel"},
        {STATEMENT("expect anna email gone"), 3, "a delivery's status"},
        {STATEMENT("expect anna email sent until"), 3, "expected a time"},
        {STATEMENT("expect anna gets email with colour \"x\""), 3, "\"html\""},
        {STATEMENT("expect anna gets nothing new"), 3, "expected the end"},
        {STATEMENT("expect status ok"), 3, "an HTTP status"},
        {STATEMENT("expect plan anna email maybe"), 3, "\"hold\""},
        {STATEMENT("expect provider x called"), 3, "how many times"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_refused(rows[i].text, rows[i].line, rows[i].part);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_before_each_begins_each),
        cmocka_unit_test(json_goes_on_over_deeper_lines),
        cmocka_unit_test(expectations_hold_what_was_said),
        cmocka_unit_test(a_decision_is_a_request),
        cmocka_unit_test(ranges_name_each_user),
        cmocka_unit_test(what_grows_has_a_limit),
        cmocka_unit_test(a_file_that_is_none_is_refused),
        cmocka_unit_test(a_statement_that_is_none_is_refused_where_it_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
