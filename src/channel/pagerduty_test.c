/* pagerduty_test.c - the event and the table of answers of PagerDuty. */
#include "channel/call_test.h"
#include "channel/driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))
#define KEY "R0canary456789012345678901234567"
#define CONFIG "{\"routing_key\":\"" KEY "\"}"

static void
the_event_triggers_one_alert(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, CONFIG);
    f.message.data = STR("{\"n\": 1.50}");
    f.message.actions = STR("[{\"id\":\"p\",\"label\":\"P\",\"url\":\"/7\"},"
                            "{\"id\":\"b\",\"label\":\"Open\","
                            "\"url\":\"https://example.org/7\"}]");
    call_ask(&f, &channel_pagerduty);
    assert_false(f.call.is_done);
    assert_text(f.call.request.method, "POST");
    assert_text(f.call.request.url, "https://events.pagerduty.com/v2/enqueue");
    assert_text(
        f.call.request.body,
        "{\"routing_key\":\"" KEY "\",\"event_action\":\"trigger\","
        "\"dedup_key\":\"ntf_01jd7w9q2me0rbn8t5k3xvhz4d\","
        "\"links\":[{\"href\":\"https://example.org/7\",\"text\":\"Open\"}],"
        "\"payload\":{\"summary\":\"Paid\",\"source\":\"belfry\","
        "\"severity\":\"error\",\"timestamp\":\"2026-09-24T09:29:58.500Z\","
        "\"custom_details\":{\"body\":\"Order 7 is paid.\",\"user\":\"u1\","
        "\"category\":\"orders\","
        "\"notification_id\":\"ntf_01jd7w9q2me0rbn8t5k3xvhz4d\","
        "\"delivery_id\":\"dlv_01jd7w9q2me0rbn8t5k3xvhz4c\","
        "\"data\":{\"n\": 1.50}}}}");
    assert_text(channel_pagerduty.host(f.arena, f.call.config),
                "events.pagerduty.com");
    call_end(&f);
}

static void
severity_is_by_priority(void **state)
{
    static const struct {
        const char *priority, *want;
    } rows[] = {
        {"critical", "\"severity\":\"critical\""},
        {"high", "\"severity\":\"error\""},
        {"normal", "\"severity\":\"warning\""},
        {"low", "\"severity\":\"info\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct call_fixture f;

        call_begin(&f, "{\"routing_key\":\"k\",\"source\":\"db1\"}");
        f.message.priority = str_from(rows[i].priority);
        f.message.title = STR_NONE;
        call_ask(&f, &channel_pagerduty);
        assert_holds(f.call.request.body, rows[i].want);
        assert_holds(f.call.request.body,
                     "\"summary\":\"Order 7 is paid.\",\"source\":\"db1\"");
        call_end(&f);
    }
}

static struct str
repeated(struct arena *a, const char *text, size_t times)
{
    struct buf b;

    buf_init(&b, a);
    for (size_t i = 0; i < times; i++)
        buf_put_cstr(&b, text);
    return buf_str(&b);
}

static void
an_event_is_never_too_large(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, CONFIG);
    f.message.title = repeated(f.arena, "t", 1025);
    f.message.body = repeated(f.arena, "\x01", 70000);
    f.message.data =
        str_fmt(f.arena, "\"%.*s\"", 400000, repeated(f.arena, "d", 400000).p);
    call_ask(&f, &channel_pagerduty);
    assert_true(f.call.request.body.n <= 512000);
    assert_holds(f.call.request.body, "tt\u2026\",\"source\"");
    assert_lacks(f.call.request.body, "\"data\"");
    f.message.body = STR("x");
    call_ask(&f, &channel_pagerduty);
    assert_holds(f.call.request.body, "\"data\":\"ddd");
    assert_true(f.call.request.body.n <= 512000);
    f.message.title = f.message.body = STR_NONE;
    call_ask(&f, &channel_pagerduty);
    assert_true(f.call.is_done);
    assert_int_equal(f.verdict.verdict, VERDICT_REJECTED);
    call_end(&f);
}

static void
the_configuration_is_checked(void **state)
{
    static const struct call_config rows[] = {
        {CONFIG, ""},
        {"{}", "/routing_key"},
        {"{\"routing_key\":\"k\",\"base_url\":\"x\"}", "/base_url"},
        {"{\"routing_key\":\"k\",\"source\":\"\"}", "/source"},
        {"{\"routing_key\":\"k\",\"token\":\"t\"}", "/token"},
    };

    (void)state;
    assert_configs(&channel_pagerduty, rows, COUNT(rows));
}

static void
answers_mean_what_the_table_says(void **state)
{
    static const struct call_row rows[] = {
        {202, "{\"status\":\"success\",\"dedup_key\":\"x\"}", VERDICT_SENT, 0},
        {202, "{\"status\"", VERDICT_SENT, 0},
        {200, "", VERDICT_SENT, 0},
        {400,
         "{\"status\":\"invalid event\",\"errors\":[\"'event_action' is "
         "missing or blank\"]}",
         VERDICT_REJECTED, 0},
        {400,
         "{\"status\":\"Unrecognized object\",\"errors\":[\"Length of "
         "'routing_key' is incorrect (should be 32 characters)\"]}",
         VERDICT_CREDENTIALS, 0},
        {403, "", VERDICT_CREDENTIALS, 0},
        {404, "", VERDICT_CREDENTIALS, 0},
        {408, "", VERDICT_RETRY, 0},
        {413, "", VERDICT_REJECTED, 0},
        {429, "{\"status\":\"throttle exceeded\"}", VERDICT_RATE, 60000},
        {429, "", VERDICT_RATE, 7000, .header = "Retry-After", .value = "7"},
        {500, "", VERDICT_RETRY, 0},
        {502, "<html>", VERDICT_RETRY, 0},
    };

    (void)state;
    assert_rows(&channel_pagerduty, CONFIG, rows, COUNT(rows));
}

static void
its_key_is_kept_and_ours_is_not_told(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, CONFIG);
    call_ask(&f, &channel_pagerduty);
    f.answer = (struct channel_answer){
        .status = 202, .body = STR("{\"dedup_key\":\"srv01/HTTP\"}")};
    assert_text(call_answer(&f, &channel_pagerduty)->provider_message_id,
                "srv01/HTTP");
    f.answer =
        (struct channel_answer){.status = 403, .body = STR("no " KEY " here")};
    assert_text(call_answer(&f, &channel_pagerduty)->detail,
                "HTTP 403 no *** here");
    call_end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_event_triggers_one_alert),
        cmocka_unit_test(severity_is_by_priority),
        cmocka_unit_test(an_event_is_never_too_large),
        cmocka_unit_test(the_configuration_is_checked),
        cmocka_unit_test(answers_mean_what_the_table_says),
        cmocka_unit_test(its_key_is_kept_and_ours_is_not_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
