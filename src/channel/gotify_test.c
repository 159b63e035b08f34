/* gotify_test.c - the call and the table of answers of Gotify. */
#include "channel/call_test.h"
#include "channel/driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))
#define CONFIG                                                                 \
    "{\"token\":\"Acanary0123\",\"base_url\":\"https://push.example.org/g/\"}"

static void
the_call_puts_to_the_application(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, CONFIG);
    f.message.actions = STR("[{\"id\":\"a\",\"label\":\"Ack\"},"
                            "{\"id\":\"p\",\"label\":\"P\",\"url\":\"/7\"},"
                            "{\"id\":\"b\",\"label\":\"Open\","
                            "\"url\":\"https://example.org/7\"}]");
    call_ask(&f, &channel_gotify);
    assert_false(f.call.is_done);
    assert_text(f.call.request.method, "POST");
    assert_text(f.call.request.url, "https://push.example.org/g/message");
    assert_text(call_request_header(&f, "X-Gotify-Key"), "Acanary0123");
    assert_text(call_request_header(&f, "Content-Type"), "application/json");
    assert_text(f.call.request.body,
                "{\"title\":\"Paid\",\"message\":\"Order 7 is paid.\","
                "\"priority\":8,\"extras\":{\"client::notification\":"
                "{\"click\":{\"url\":\"https://example.org/7\"}}}}");
    assert_text(channel_gotify.host(f.arena, f.call.config),
                "push.example.org");
    call_end(&f);
}

/* The message is required, the title is not. */
static void
a_title_alone_is_the_message(void **state)
{
    static const struct {
        const char *priority;
        const char *body;
    } rows[] = {
        {"critical", "{\"message\":\"Paid\",\"priority\":10}"},
        {"high", "{\"message\":\"Paid\",\"priority\":8}"},
        {"normal", "{\"message\":\"Paid\",\"priority\":5}"},
        {"low", "{\"message\":\"Paid\",\"priority\":2}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct call_fixture f;

        call_begin(&f, CONFIG);
        f.message.body = STR_NONE;
        f.message.priority = str_from(rows[i].priority);
        call_ask(&f, &channel_gotify);
        assert_text(f.call.request.body, rows[i].body);
        call_end(&f);
    }
}

static void
nothing_to_say_is_refused(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, CONFIG);
    f.message.title = f.message.body = STR_NONE;
    call_ask(&f, &channel_gotify);
    assert_true(f.call.is_done);
    assert_int_equal(f.verdict.verdict, VERDICT_REJECTED);
    assert_text(f.verdict.reason, "content.invalid");
    call_end(&f);
}

static void
the_configuration_names_the_server(void **state)
{
    static const struct call_config rows[] = {
        {CONFIG, ""},
        {"{\"base_url\":\"http://x\"}", "/token"},
        {"{\"token\":\"A\"}", "/base_url"},
        {"{\"token\":\"A\",\"base_url\":\"ftp://x\"}", "/base_url"},
        {"{\"token\":\"A\",\"base_url\":\"http://x/?y\"}", "/base_url"},
        {"{\"token\":\"A\",\"base_url\":\"http://x\",\"url\":\"x\"}", "/url"},
    };

    (void)state;
    assert_configs(&channel_gotify, rows, COUNT(rows));
}

static void
answers_mean_what_the_table_says(void **state)
{
    static const struct call_row rows[] = {
        {200, "{\"id\":25,\"appid\":5}", VERDICT_SENT, 0},
        {200, "{\"id\":2", VERDICT_SENT, 0},
        {200, "", VERDICT_SENT, 0},
        {302, "", VERDICT_REJECTED, 0},
        {400, "{\"error\":\"Bad Request\",\"errorCode\":400}", VERDICT_REJECTED,
         0},
        {401, "{\"error\":\"Unauthorized\",\"errorCode\":401}",
         VERDICT_CREDENTIALS, 0},
        {403, "{\"error\":\"Forbidden\",\"errorCode\":403}",
         VERDICT_CREDENTIALS, 0},
        {404, "{\"error\":\"Not Found\",\"errorCode\":404}", VERDICT_REJECTED,
         0},
        {410, "", VERDICT_REJECTED, 0},
        {429, "", VERDICT_RATE, 0},
        {429, "", VERDICT_RATE, 7000, .header = "Retry-After", .value = "7"},
        {500, "{\"error\":\"Internal\"}", VERDICT_RETRY, 0},
        {502, "<html>", VERDICT_RETRY, 0},
    };

    (void)state;
    assert_rows(&channel_gotify, CONFIG, rows, COUNT(rows));
}

static void
the_number_of_the_message_is_kept(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, CONFIG);
    call_ask(&f, &channel_gotify);
    f.answer = (struct channel_answer){.status = 200,
                                       .body = STR("{\"id\":25,\"appid\":5}")};
    assert_text(call_answer(&f, &channel_gotify)->provider_message_id, "25");
    f.answer.body = STR("{\"id\":\"x\"}");
    assert_text(call_answer(&f, &channel_gotify)->provider_message_id, "");
    call_end(&f);
}

static void
details_keep_the_secret(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, CONFIG);
    call_ask(&f, &channel_gotify);
    f.answer = (struct channel_answer){.status = 401,
                                       .body = STR("no Acanary0123 here")};
    assert_text(call_answer(&f, &channel_gotify)->detail,
                "HTTP 401 no *** here");
    call_end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_call_puts_to_the_application),
        cmocka_unit_test(a_title_alone_is_the_message),
        cmocka_unit_test(nothing_to_say_is_refused),
        cmocka_unit_test(the_configuration_names_the_server),
        cmocka_unit_test(answers_mean_what_the_table_says),
        cmocka_unit_test(the_number_of_the_message_is_kept),
        cmocka_unit_test(details_keep_the_secret),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
