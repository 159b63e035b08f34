/* fcm_test.c - the calls of the FCM driver, its way to a token and back, and
 * the table of answers. */
#include "channel/call_test.h"
#include "channel/driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/buf.h"

#define CONFIG_WITH(more)                                                      \
    "{\"project_id\":\"p-1\",\"client_email\":\"svc@p.iam.gserviceaccount"     \
    ".com\",\"private_key_id\":\"k1\",\"private_key\":\"" CALL_RSA_KEY         \
    "\"" more "}"
#define CONFIG CONFIG_WITH("")
#define TOKEN_ANSWER                                                           \
    "{\"access_token\":\"ya29.canary\",\"expires_in\":3599,"                   \
    "\"token_type\":\"Bearer\"}"

static void
begin(struct call_fixture *f, const char *config)
{
    call_begin(f, config);
    f->message.address = STR("fcm-token");
    f->message.device = STR("phone");
}

/* One that is kept. */
static void
keep(struct call_fixture *f)
{
    f->call.memo.text = STR("ya29.kept");
    f->call.memo.expires_ms = CALL_NOW_MS + 1000;
}

/* The next step, with that answer to the last one. */
static void
go_on(struct call_fixture *f, int status, const char *body)
{
    f->answer =
        (struct channel_answer){.status = status, .body = str_from(body)};
    f->call.answer = &f->answer;
    f->call.is_done = false;
    channel_fcm.step(&f->call);
}

static void
test_token_vector(void **state)
{
    static const char signature[] =
        "Q6ylJPhvyqP6sRMN3EnF7nQnW1DQQQmMzIAD9T0zGxeZwZx4nyDtUtb33K76W8M0"
        "zuphxzNbBZCizAmJnz9NkPlaARIYoAJcUs9O1kdIqUiMihhAGKFjnn05p6ze1rBA"
        "cfrH1r2EyQ7c0xcXLg3ORazPr2cqWM3z6ka4udLEQQw";
    struct call_fixture f;

    (void)state;
    begin(&f, CONFIG);
    f.call.now_ms = INT64_C(1700000000000);
    call_ask(&f, &channel_fcm);
    assert_text(f.call.request.url, "https://oauth2.googleapis.com/token");
    assert_text(call_request_header(&f, "Content-Type"),
                "application/x-www-form-urlencoded");
    assert_true(
        str_starts(f.call.request.body,
                   STR("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3A"
                       "jwt-bearer&assertion=eyJ")));
    assert_true(str_ends(f.call.request.body, str_from(signature)));
    call_end(&f);
}

static void
test_call(void **state)
{
    struct call_fixture f;

    (void)state;
    begin(&f, CONFIG);
    f.message.data = STR("{\"a\":1}");
    f.message.expires_ms = CALL_NOW_MS + 60000;
    call_ask(&f, &channel_fcm);
    go_on(&f, 200, TOKEN_ANSWER);
    assert_false(f.call.is_done);
    assert_text(f.call.request.url,
                "https://fcm.googleapis.com/v1/projects/p-1/messages:send");
    assert_text(call_request_header(&f, "Authorization"), "Bearer ya29.canary");
    assert_text(f.call.memo.text, "ya29.canary");
    assert_int_equal(f.call.memo.expires_ms, CALL_NOW_MS + 3299000);
    assert_text(
        f.call.request.body,
        "{\"message\":{\"token\":\"fcm-token\",\"notification\":{"
        "\"title\":\"Paid\",\"body\":\"Order 7 is paid.\"},\"data\":{"
        "\"notification_id\":\"ntf_01jd7w9q2me0rbn8t5k3xvhz4d\","
        "\"delivery_id\":\"dlv_01jd7w9q2me0rbn8t5k3xvhz4c\","
        "\"category\":\"orders\",\"data\":\"{\\\"a\\\":1}\"},\"android\":{"
        "\"priority\":\"HIGH\",\"ttl\":\"60s\",\"notification\":{\"tag\":"
        "\"dlv_01jd7w9q2me0rbn8t5k3xvhz4c\"}},\"apns\":{\"headers\":{"
        "\"apns-collapse-id\":\"dlv_01jd7w9q2me0rbn8t5k3xvhz4c\","
        "\"apns-expiration\":\"1790242260\",\"apns-priority\":\"10\"}}}}");
    go_on(&f, 200, "{\"name\":\"projects/p-1/messages/7\"}");
    assert_true(f.call.is_done);
    assert_int_equal(f.verdict.verdict, VERDICT_SENT);
    assert_text(f.verdict.provider_message_id, "projects/p-1/messages/7");
    call_end(&f);
}

static void
test_a_kept_token_is_used_and_renewed_once(void **state)
{
    static const char refused[] =
        "{\"error\":{\"code\":401,\"status\":\"UNAUTHENTICATED\"}}";
    struct call_fixture f;

    (void)state;
    begin(&f, CONFIG_WITH(",\"base_url\":\"http://127.0.0.1:1/\""));
    keep(&f);
    call_ask(&f, &channel_fcm);
    assert_text(f.call.request.url,
                "http://127.0.0.1:1/v1/projects/p-1/messages:send");
    assert_text(call_request_header(&f, "Authorization"), "Bearer ya29.kept");
    go_on(&f, 401, refused);
    assert_false(f.call.is_done);
    assert_text(f.call.request.url, "http://127.0.0.1:1/token");
    assert_text(f.call.memo.text, "");
    go_on(&f, 200, TOKEN_ANSWER);
    assert_text(call_request_header(&f, "Authorization"), "Bearer ya29.canary");
    go_on(&f, 401, refused);
    assert_true(f.call.is_done);
    assert_int_equal(f.verdict.verdict, VERDICT_CREDENTIALS);
    call_end(&f);
}

static void
test_answers_of_the_token_service(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum verdict verdict;
    } rows[] = {
        {400, "{\"error\":\"invalid_grant\"}", VERDICT_CREDENTIALS},
        {400, "{\"error\":\"temporarily_unavailable\"}", VERDICT_RETRY},
        {401, "", VERDICT_CREDENTIALS},
        {404, "", VERDICT_CREDENTIALS},
        {429, "", VERDICT_RATE},
        {500, "{\"error\":\"internal_failure\"}", VERDICT_RETRY},
        {502, "<html>", VERDICT_RETRY},
        {200, "<html>", VERDICT_RETRY},
        {200, "{\"access_token\":\"a\"}", VERDICT_RETRY},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct call_fixture f;

        begin(&f, CONFIG);
        call_ask(&f, &channel_fcm);
        go_on(&f, rows[i].status, rows[i].body);
        assert_true(f.call.is_done);
        assert_int_equal(f.verdict.verdict, rows[i].verdict);
        call_end(&f);
    }
}

static void
test_how_long_a_token_is_kept(void **state)
{
    static const struct {
        const char *expires_in;
        int64_t kept_ms;
    } rows[] = {
        {"3599", 3299000},
        {"9223372036854775807", 3300000},
        {"1", -299000},
        {"-9223372036854775808", -300000},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct call_fixture f;
        char answer[100];

        begin(&f, CONFIG);
        call_ask(&f, &channel_fcm);
        snprintf(answer, sizeof(answer),
                 "{\"access_token\":\"ya29.canary\",\"expires_in\":%s}",
                 rows[i].expires_in);
        go_on(&f, 200, answer);
        assert_false(f.call.is_done);
        assert_int_equal(f.call.memo.expires_ms - CALL_NOW_MS, rows[i].kept_ms);
        call_end(&f);
    }
}

static void
test_nothing_was_sent_before_there_is_a_token(void **state)
{
    struct call_fixture f;

    (void)state;
    begin(&f, CONFIG);
    call_ask(&f, &channel_fcm);
    f.answer = (struct channel_answer){.outcome = CHANNEL_UNKNOWN,
                                       .cause = CHANNEL_CAUSE_TIMEOUT};
    assert_int_equal(call_answer(&f, &channel_fcm)->verdict, VERDICT_RETRY);
    call_end(&f);
    begin(&f, CONFIG);
    keep(&f);
    call_ask(&f, &channel_fcm);
    f.answer = (struct channel_answer){.outcome = CHANNEL_UNKNOWN,
                                       .cause = CHANNEL_CAUSE_TIMEOUT};
    assert_int_equal(call_answer(&f, &channel_fcm)->verdict, VERDICT_UNKNOWN);
    call_end(&f);
}

#define FCM_ERROR(code, status, own)                                           \
    "{\"error\":{\"code\":" code ",\"message\":\"m\",\"status\":\"" status     \
    "\",\"details\":[{\"@type\":\"type.googleapis.com/google.firebase.fcm.v1." \
    "FcmError\",\"errorCode\":\"" own "\"}]}}"

static void
test_answers(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum verdict verdict;
        int64_t retry_after_ms;
    } rows[] = {
        {200, "", VERDICT_SENT, 0},
        {200, "{\"name\":\"proj", VERDICT_SENT, 0},
        {400, FCM_ERROR("400", "INVALID_ARGUMENT", "INVALID_ARGUMENT"),
         VERDICT_REJECTED, 0},
        {400,
         "{\"error\":{\"code\":400,\"status\":\"INVALID_ARGUMENT\","
         "\"message\":\"The registration token is not a valid FCM "
         "registration token\"}}",
         VERDICT_GONE, 0},
        {401, FCM_ERROR("401", "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"),
         VERDICT_CREDENTIALS, 0},
        {403, FCM_ERROR("403", "PERMISSION_DENIED", "SENDER_ID_MISMATCH"),
         VERDICT_GONE, 0},
        {403, "{\"error\":{\"status\":\"PERMISSION_DENIED\"}}",
         VERDICT_CREDENTIALS, 0},
        {404, FCM_ERROR("404", "NOT_FOUND", "UNREGISTERED"), VERDICT_GONE, 0},
        {404, "<html>", VERDICT_REJECTED, 0},
        {410, "", VERDICT_REJECTED, 0},
        {429, FCM_ERROR("429", "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"),
         VERDICT_RATE, 60000},
        {500, FCM_ERROR("500", "INTERNAL", "INTERNAL"), VERDICT_RETRY, 0},
        {503, FCM_ERROR("503", "UNAVAILABLE", "UNAVAILABLE"), VERDICT_RETRY, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct call_fixture f;

        begin(&f, CONFIG);
        keep(&f);
        call_ask(&f, &channel_fcm);
        go_on(&f, rows[i].status, rows[i].body);
        assert_true(f.call.is_done);
        assert_int_equal(f.verdict.verdict, rows[i].verdict);
        assert_int_equal(f.verdict.retry_after_ms, rows[i].retry_after_ms);
        call_end(&f);
    }
}

/* 500 as well, and whoever of the two says it. */
static void
test_it_names_the_time(void **state)
{
    static const struct {
        bool is_of_token;
        int status;
        const char *body, *after;
        enum verdict verdict;
        int64_t retry_after_ms;
    } rows[] = {
        {false, 503, FCM_ERROR("503", "UNAVAILABLE", "UNAVAILABLE"), "30",
         VERDICT_RATE, 30000},
        {false, 503, FCM_ERROR("503", "UNAVAILABLE", "UNAVAILABLE"),
         "Thu, 24 Sep 2026 09:32:00 GMT", VERDICT_RATE, 120000},
        {false, 429, FCM_ERROR("429", "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"),
         "10", VERDICT_RATE, 10000},
        {false, 500, FCM_ERROR("500", "INTERNAL", "INTERNAL"), "30",
         VERDICT_RETRY, 30000},
        {true, 503, "", "30", VERDICT_RATE, 30000},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct channel_header after = {STR("Retry-After"),
                                       str_from(rows[i].after)};
        struct call_fixture f;

        begin(&f, CONFIG);
        if (!rows[i].is_of_token)
            keep(&f);
        call_ask(&f, &channel_fcm);
        f.answer = (struct channel_answer){.status = rows[i].status,
                                           .headers = &after,
                                           .n_headers = 1,
                                           .body = str_from(rows[i].body)};
        call_answer(&f, &channel_fcm);
        assert_int_equal(f.verdict.verdict, rows[i].verdict);
        assert_int_equal(f.verdict.retry_after_ms, rows[i].retry_after_ms);
        call_end(&f);
    }
}

static void
test_detail_keeps_the_token(void **state)
{
    struct call_fixture f;

    (void)state;
    begin(&f, CONFIG);
    keep(&f);
    call_ask(&f, &channel_fcm);
    go_on(&f, 400, "no ya29.kept here");
    assert_text(f.verdict.detail, "HTTP 400 no *** here");
    call_end(&f);
}

static void
test_config(void **state)
{
    static const struct call_config rows[] = {
        {CONFIG, ""},
        {"{}", "/project_id /client_email /private_key"},
        {"{\"project_id\":\"p\",\"client_email\":\"a@b\","
         "\"private_key\":\"***\"}",
         ""},
        {"{\"project_id\":\"p/q\",\"client_email\":\"a@b\","
         "\"private_key\":\"AAAA\"}",
         "/project_id /private_key"},
        {CONFIG_WITH(",\"base_url\":\"x\""), "/base_url"},
    };

    (void)state;
    assert_configs(&channel_fcm, rows, sizeof(rows) / sizeof(rows[0]));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token_vector),
        cmocka_unit_test(test_call),
        cmocka_unit_test(test_a_kept_token_is_used_and_renewed_once),
        cmocka_unit_test(test_answers_of_the_token_service),
        cmocka_unit_test(test_how_long_a_token_is_kept),
        cmocka_unit_test(test_nothing_was_sent_before_there_is_a_token),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_it_names_the_time),
        cmocka_unit_test(test_detail_keeps_the_token),
        cmocka_unit_test(test_config),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
