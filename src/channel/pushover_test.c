/* pushover_test.c - the call and the table of answers of Pushover. */
#include "channel/call_test.h"
#include "channel/driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))
#define KEYS                                                                   \
    "\"token\":\"azGDORePK8gMaC0QOYAMyEEuzJnyUi\","                            \
    "\"user\":\"uQiRzpo4DXghDmr9QzzfQu27cmVRsG\""
#define CONFIG "{" KEYS "}"
#define FORM                                                                   \
    "token=azGDORePK8gMaC0QOYAMyEEuzJnyUi&"                                    \
    "user=uQiRzpo4DXghDmr9QzzfQu27cmVRsG&"

static void
the_call_is_a_form(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, CONFIG);
    f.message.actions = STR("[{\"id\":\"p\",\"label\":\"P\",\"url\":\"/7\"},"
                            "{\"id\":\"b\",\"label\":\"Open it\","
                            "\"url\":\"https://example.org/7?a=1\"}]");
    call_ask(&f, &channel_pushover);
    assert_false(f.call.is_done);
    assert_text(f.call.request.method, "POST");
    assert_text(f.call.request.url, "https://api.pushover.net/1/messages.json");
    assert_text(call_request_header(&f, "Content-Type"),
                "application/x-www-form-urlencoded");
    assert_text(f.call.request.body,
                FORM "title=Paid&message=Order%207%20is%20paid.&priority=1&"
                     "url=https%3A%2F%2Fexample.org%2F7%3Fa%3D1&"
                     "url_title=Open%20it&timestamp=1790242198");
    assert_text(channel_pushover.host(f.arena, f.call.config),
                "api.pushover.net");
    call_end(&f);
}

static void
a_critical_one_alarms_until_it_is_taken(void **state)
{
    static const struct {
        const char *config, *priority, *want;
    } rows[] = {
        {CONFIG, "critical", "&priority=2&retry=60&expire=3600&"},
        {"{" KEYS ",\"retry\":30,\"expire\":10800}", "critical",
         "&priority=2&retry=30&expire=10800&"},
        {"{" KEYS ",\"retry\":30}", "high", "&priority=1&timestamp="},
        {CONFIG, "normal", "&priority=0&timestamp="},
        {CONFIG, "low", "&priority=-1&timestamp="},
        {"{" KEYS ",\"device\":\"nexus5\",\"sound\":\"siren\"}", "normal",
         "&priority=0&device=nexus5&sound=siren&"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct call_fixture f;

        call_begin(&f, rows[i].config);
        f.message.priority = str_from(rows[i].priority);
        call_ask(&f, &channel_pushover);
        assert_holds(f.call.request.body, rows[i].want);
        call_end(&f);
    }
}

static struct str
repeated(struct arena *a, char c, size_t n)
{
    struct buf b;

    buf_init(&b, a);
    while (b.n < n)
        buf_put_char(&b, c);
    return buf_str(&b);
}

static void
texts_are_cut_to_what_it_takes(void **state)
{
    struct call_fixture f;
    struct str body;

    (void)state;
    call_begin(&f, CONFIG);
    f.message.title = repeated(f.arena, 't', 251);
    f.message.body = repeated(f.arena, 'b', 1025);
    call_ask(&f, &channel_pushover);
    body = f.call.request.body;
    assert_holds(body,
                 str_cstr(f.arena, str_fmt(f.arena, "title=%.*s%%E2%%80%%A6&",
                                           249, f.message.title.p)));
    assert_holds(body,
                 str_cstr(f.arena, str_fmt(f.arena, "message=%.*s%%E2%%80%%A6&",
                                           1023, f.message.body.p)));
    f.message.title = repeated(f.arena, 't', 250);
    f.message.body = STR_NONE;
    call_ask(&f, &channel_pushover);
    assert_lacks(f.call.request.body, "title=");
    assert_lacks(f.call.request.body, "%E2%80%A6");
    f.message.title = STR_NONE;
    call_ask(&f, &channel_pushover);
    assert_true(f.call.is_done);
    assert_int_equal(f.verdict.verdict, VERDICT_REJECTED);
    call_end(&f);
}

static void
a_link_too_long_is_left_out(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, CONFIG);
    f.message.actions = str_fmt(
        f.arena, "[{\"id\":\"b\",\"label\":\"x\",\"url\":\"https://e/%.*s\"}]",
        504, repeated(f.arena, 'u', 504).p);
    call_ask(&f, &channel_pushover);
    assert_lacks(f.call.request.body, "url=");
    f.message.actions = str_fmt(
        f.arena, "[{\"id\":\"b\",\"label\":\"x\",\"url\":\"https://e/%.*s\"}]",
        502, repeated(f.arena, 'u', 502).p);
    call_ask(&f, &channel_pushover);
    assert_holds(f.call.request.body, "&url=https");
    call_end(&f);
}

static void
the_configuration_is_checked(void **state)
{
    static const struct call_config rows[] = {
        {CONFIG, ""},
        {"{\"token\":\"a\"}", "/user"},
        {"{\"user\":\"a\"}", "/token"},
        {"{" KEYS ",\"retry\":29}", "/retry"},
        {"{" KEYS ",\"expire\":10801}", "/expire"},
        {"{" KEYS ",\"base_url\":\"http://x/#y\"}", "/base_url"},
        {"{" KEYS ",\"prio\":1}", "/prio"},
    };

    (void)state;
    assert_configs(&channel_pushover, rows, COUNT(rows));
}

static void
answers_mean_what_the_table_says(void **state)
{
    static const struct call_row rows[] = {
        {200, "{\"status\":1,\"request\":\"647d2300\"}", VERDICT_SENT, 0},
        {200, "{\"status\":1", VERDICT_SENT, 0},
        {400,
         "{\"message\":\"cannot be blank\",\"errors\":[\"message cannot be "
         "blank\"],\"status\":0}",
         VERDICT_REJECTED, 0},
        {400,
         "{\"token\":\"invalid\",\"errors\":[\"application token is "
         "invalid\"],\"status\":0}",
         VERDICT_CREDENTIALS, 0},
        {400,
         "{\"user\":\"invalid\",\"errors\":[\"user key is invalid\"],"
         "\"status\":0}",
         VERDICT_CREDENTIALS, 0},
        {400, "{\"device\":\"invalid\",\"status\":0}", VERDICT_CREDENTIALS, 0},
        {401, "", VERDICT_CREDENTIALS, 0},
        {413, "", VERDICT_REJECTED, 0},
        {429, "{\"status\":0}", VERDICT_RATE, 0},
        {429, "", VERDICT_RATE, 7000, .header = "Retry-After", .value = "7"},
        {429, "", VERDICT_RATE, 90000, .header = "X-Limit-App-Reset",
         .value = "1790242290"},
        /* A month ahead; asked again after a day. */
        {429, "", VERDICT_RATE, RETRY_AFTER_MAX_MS,
         .header = "X-Limit-App-Reset", .value = "1792834200"},
        {429, "", VERDICT_RATE, 1000, .header = "X-Limit-App-Reset",
         .value = "1790242100"},
        {503, "", VERDICT_RETRY, 5000, .header = "X-Limit-App-Reset",
         .value = "1790242290"},
        {500, "", VERDICT_RETRY, 5000},
        {502, "<html>", VERDICT_RETRY, 5000},
    };

    (void)state;
    assert_rows(&channel_pushover, CONFIG, rows, COUNT(rows));
}

static void
unreached_it_is_given_its_pause(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, CONFIG);
    call_ask(&f, &channel_pushover);
    f.answer = (struct channel_answer){.outcome = CHANNEL_NOT_SENT,
                                       .cause = CHANNEL_CAUSE_NETWORK};
    assert_int_equal(call_answer(&f, &channel_pushover)->verdict,
                     VERDICT_RETRY);
    assert_int_equal(f.verdict.retry_after_ms, 5000);
    f.answer.outcome = CHANNEL_UNKNOWN;
    assert_int_equal(call_answer(&f, &channel_pushover)->verdict,
                     VERDICT_UNKNOWN);
    call_end(&f);
}

static void
its_request_is_kept_and_the_keys_are_not_told(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, CONFIG);
    call_ask(&f, &channel_pushover);
    f.answer = (struct channel_answer){
        .status = 200, .body = STR("{\"status\":1,\"request\":\"647d2300\"}")};
    assert_text(call_answer(&f, &channel_pushover)->provider_message_id,
                "647d2300");
    f.answer = (struct channel_answer){
        .status = 400,
        .body = STR("user uQiRzpo4DXghDmr9QzzfQu27cmVRsG of "
                    "azGDORePK8gMaC0QOYAMyEEuzJnyUi")};
    assert_text(call_answer(&f, &channel_pushover)->detail,
                "HTTP 400 user *** of ***");
    call_end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_call_is_a_form),
        cmocka_unit_test(a_critical_one_alarms_until_it_is_taken),
        cmocka_unit_test(texts_are_cut_to_what_it_takes),
        cmocka_unit_test(a_link_too_long_is_left_out),
        cmocka_unit_test(the_configuration_is_checked),
        cmocka_unit_test(answers_mean_what_the_table_says),
        cmocka_unit_test(unreached_it_is_given_its_pause),
        cmocka_unit_test(its_request_is_kept_and_the_keys_are_not_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
