/* apns_test.c - the call and the answers of Apple's push service. */
#include "base/buf.h"
#include "base/sign.h"
#include "channel/call_test.h"
#include "channel/driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* RFC 7515, A.3, as JSON has it. */
#define KEY                                                                    \
    "-----BEGIN EC PRIVATE KEY-----\\n"                                        \
    "MHcCAQEEII6bEJ5xkJi/mASH3x9dd+nLKWBuvtImO19XwhPfhPSyoAoGCCqGSM49\\n"      \
    "AwEHoUQDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72b\\n"      \
    "focs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\\n"                                  \
    "-----END EC PRIVATE KEY-----\\n"
#define PUBLIC                                                                 \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gH"             \
    "MzV76e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjl"             \
    "rQ=="
#define CONFIG_WITH(more)                                                      \
    "{\"key_id\":\"ABC123DEFG\",\"team_id\":\"DEF123GHIJ\","                   \
    "\"private_key\":\"" KEY "\",\"topic\":\"org.example.app\"" more "}"
#define CONFIG CONFIG_WITH("")

static void
begin(struct call_fixture *f, const char *config)
{
    call_begin(f, config);
    f->message.address = STR("00fcab");
    f->message.device = STR("phone");
}

static void
go_on(struct call_fixture *f, int status, const char *body)
{
    f->answer =
        (struct channel_answer){.status = status, .body = str_from(body)};
    f->call.answer = &f->answer;
    f->call.is_done = false;
    channel_apns.step(&f->call);
}

static bool
is_signed(struct arena *a, struct str token)
{
    struct str rest = token, part;
    size_t n = 0;
    struct buf raw;

    for (int i = 0; i < 2; i++) {
        assert_true(str_split(&rest, '.', &part));
        n += part.n + 1;
    }
    buf_init(&raw, a);
    assert_true(buf_get_base64(&raw, rest));
    return sign_is_by(SIGN_ES256, STR(PUBLIC), str_sub(token, 0, n - 1),
                      buf_str(&raw));
}

static void
test_call(void **state)
{
    struct call_fixture f;
    struct str header;

    (void)state;
    begin(&f, CONFIG);
    f.message.data = STR("{\"a\":1}");
    f.message.expires_ms = CALL_NOW_MS + 60000;
    call_ask(&f, &channel_apns);
    assert_false(f.call.is_done);
    assert_text(f.call.request.url,
                "https://api.push.apple.com/3/device/00fcab");
    header = call_request_header(&f, "authorization");
    assert_true(str_starts(header, STR("bearer ")));
    assert_true(is_signed(f.arena, str_sub(header, 7, header.n)));
    assert_true(str_eq(f.call.memo.text, str_sub(header, 7, header.n)));
    assert_text(call_request_header(&f, "apns-topic"), "org.example.app");
    assert_text(call_request_header(&f, "apns-push-type"), "alert");
    assert_text(call_request_header(&f, "apns-priority"), "10");
    assert_text(call_request_header(&f, "apns-expiration"), "1790242260");
    assert_text(call_request_header(&f, "apns-collapse-id"),
                "dlv_01jd7w9q2me0rbn8t5k3xvhz4c");
    assert_text(f.call.request.body,
                "{\"aps\":{\"alert\":{\"title\":\"Paid\",\"body\":"
                "\"Order 7 is paid.\"},\"sound\":\"default\"},"
                "\"notification_id\":\"ntf_01jd7w9q2me0rbn8t5k3xvhz4d\","
                "\"delivery_id\":\"dlv_01jd7w9q2me0rbn8t5k3xvhz4c\","
                "\"category\":\"orders\",\"data\":{\"a\":1}}");
    call_end(&f);
}

static void
test_all_sign_for_the_same_instant_for_forty_minutes(void **state)
{
    struct call_fixture f;
    struct str first;

    (void)state;
    begin(&f, CONFIG);
    call_ask(&f, &channel_apns);
    assert_int_equal(f.call.memo.expires_ms % (40 * 60 * 1000), 0);
    assert_true(f.call.memo.expires_ms > CALL_NOW_MS);
    assert_true(f.call.memo.expires_ms <= CALL_NOW_MS + 40 * 60 * 1000);
    first = f.call.memo.text;
    call_ask(&f, &channel_apns); /* it is kept */
    assert_true(str_eq(f.call.memo.text, first));
    assert_holds(call_request_header(&f, "authorization"),
                 str_cstr(f.arena, first));
    call_end(&f);
}

static void
test_token_vector(void **state)
{
    static const char signed_text[] =
        "eyJhbGciOiJFUzI1NiIsImtpZCI6IkFCQzEyM0RFRkcifQ."
        "eyJpc3MiOiJERUYxMjNHSElKIiwiaWF0IjoxNDM3MTc5MDM2fQ.";
    struct call_fixture f;

    (void)state;
    begin(&f, CONFIG);
    assert_true(is_signed(
        f.arena,
        STR("eyJhbGciOiJFUzI1NiIsImtpZCI6IkFCQzEyM0RFRkcifQ.eyJpc3MiOiJERUYxMjN"
            "HSElKIiwiaWF0IjoxNDM3MTc5MDM2fQ.m8fstG80huNLRKI50Dir0YgJ1slZj_uvr"
            "PN0j2gacbJdep3dkGzZazByqJYjK_phvRUhDYRQYhRzA9izDvSLyg")));
    /* One that was too old is signed for now, once. */
    f.call.now_ms = INT64_C(1437179036000);
    call_ask(&f, &channel_apns);
    go_on(&f, 403, "{\"reason\":\"ExpiredProviderToken\"}");
    assert_false(f.call.is_done);
    assert_true(str_starts(f.call.memo.text, str_from(signed_text)));
    assert_true(is_signed(f.arena, f.call.memo.text));
    go_on(&f, 403, "{\"reason\":\"ExpiredProviderToken\"}");
    assert_true(f.call.is_done);
    assert_int_equal(f.verdict.verdict, VERDICT_CREDENTIALS);
    call_end(&f);
}

static void
test_hosts(void **state)
{
    struct call_fixture f;

    (void)state;
    begin(&f, CONFIG_WITH(",\"environment\":\"sandbox\""));
    f.message.priority = STR("low");
    call_ask(&f, &channel_apns);
    assert_text(f.call.request.url,
                "https://api.sandbox.push.apple.com/3/device/00fcab");
    assert_text(call_request_header(&f, "apns-priority"), "5");
    assert_lacks(f.call.request.body, "sound");
    assert_text(channel_apns.host(f.arena, f.call.config),
                "api.sandbox.push.apple.com");
    call_end(&f);
    begin(&f, CONFIG_WITH(",\"base_url\":\"https://localhost:9/\""));
    call_ask(&f, &channel_apns);
    assert_text(f.call.request.url, "https://localhost:9/3/device/00fcab");
    call_end(&f);
}

static void
test_answers(void **state)
{
    static const struct {
        int status;
        const char *reason;
        enum verdict verdict;
        int64_t retry_after_ms;
    } rows[] = {
        {200, NULL, VERDICT_SENT, 0},
        {400, "BadCollapseId", VERDICT_REJECTED, 0},
        {400, "BadDeviceToken", VERDICT_GONE, 0},
        {400, "DeviceTokenNotForTopic", VERDICT_GONE, 0},
        {400, "BadTopic", VERDICT_CREDENTIALS, 0},
        {400, "MissingTopic", VERDICT_CREDENTIALS, 0},
        {400, "TopicDisallowed", VERDICT_CREDENTIALS, 0},
        {400, "IdleTimeout", VERDICT_RETRY, 0},
        {400, "PayloadEmpty", VERDICT_REJECTED, 0},
        {403, "BadCertificate", VERDICT_CREDENTIALS, 0},
        {403, "InvalidProviderToken", VERDICT_CREDENTIALS, 0},
        {404, "BadPath", VERDICT_REJECTED, 0},
        {405, "MethodNotAllowed", VERDICT_REJECTED, 0},
        {410, "ExpiredToken", VERDICT_GONE, 0},
        {410, "Unregistered", VERDICT_GONE, 0},
        {413, "PayloadTooLarge", VERDICT_REJECTED, 0},
        {429, "TooManyProviderTokenUpdates", VERDICT_RATE, 1200000},
        {429, "TooManyRequests", VERDICT_RATE, 60000},
        {500, "InternalServerError", VERDICT_RETRY, 0},
        {503, "Shutdown", VERDICT_RETRY, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct call_fixture f;
        struct str body = STR_NONE;

        begin(&f, CONFIG);
        call_ask(&f, &channel_apns);
        if (rows[i].reason)
            body = str_fmt(f.arena,
                           "{\"reason\":\"%s\",\"timestamp\":1437179036000}",
                           rows[i].reason);
        go_on(&f, rows[i].status, str_cstr(f.arena, body));
        assert_true(f.call.is_done);
        assert_int_equal(f.verdict.verdict, rows[i].verdict);
        assert_int_equal(f.verdict.retry_after_ms, rows[i].retry_after_ms);
        assert_int_equal(f.verdict.gone_ms, rows[i].verdict == VERDICT_GONE
                                                ? INT64_C(1437179036000)
                                                : 0);
        call_end(&f);
    }
}

static void
test_config(void **state)
{
    static const struct call_config rows[] = {
        {CONFIG, ""},
        {"{\"key_id\":\"abc123defg\",\"team_id\":\"DEF123GHIJ\","
         "\"private_key\":\"***\",\"topic\":\"a\"}",
         "/key_id"},
        {"{\"key_id\":\"ABC123DEFG\",\"team_id\":\"DEF123GHIJ\","
         "\"private_key\":\"AAAA\",\"topic\":\"a b\"}",
         "/private_key /topic"},
        {CONFIG_WITH(",\"environment\":\"moon\""), "/environment"},
        {CONFIG_WITH(",\"base_url\":\"x\""), "/base_url"},
    };

    (void)state;
    assert_configs(&channel_apns, rows, sizeof(rows) / sizeof(rows[0]));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call),
        cmocka_unit_test(test_all_sign_for_the_same_instant_for_forty_minutes),
        cmocka_unit_test(test_token_vector),
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_config),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
