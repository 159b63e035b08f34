/* vonage_test.c - the call, what each part's status means, and delivery
 * receipts with the signature of Vonage's own libraries' tests. */
#include "base/hmac.h"
#include "channel/call_test.h"
#include "channel/driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))
#define CONFIG                                                                 \
    "{\"api_key\":\"abcd1234\",\"api_secret\":\"canary0123\","                 \
    "\"from\":\"+1 500 555 0006\",\"base_url\":\"http://127.0.0.1:8080\"}"
#define NOW_S 1461605396

static void
begin(struct call_fixture *f, const char *config)
{
    call_begin(f, config);
    f->message.channel = STR("sms");
    f->message.address = STR("+1 555 123.45.67");
}

/* ---- the call ---- */

static void
test_call(void **state)
{
    struct call_fixture f;

    (void)state;
    begin(&f, CONFIG);
    assert_string_equal(call_faults(&f, &channel_vonage), "");
    call_ask(&f, &channel_vonage);
    assert_false(f.call.is_done);
    assert_text(f.call.request.method, "POST");
    assert_text(f.call.request.url, "http://127.0.0.1:8080/sms/json");
    assert_text(f.call.request.body,
                "api_key=abcd1234&api_secret=canary0123&from=15005550006&"
                "to=15551234567&text=Paid%0AOrder%207%20is%20paid.&type=text&"
                "client-ref=dlv_01jd7w9q2me0rbn8t5k3xvhz4c");
    call_end(&f);
}

static void
test_call_in_ucs2(void **state)
{
    struct call_fixture f;

    (void)state;
    begin(&f, "{\"api_key\":\"a\",\"api_secret\":\"b\",\"from\":\"My Shop\","
              "\"callback\":\"https://x.example/v1/receipts/v\"}");
    f.message.title = STR_NONE;
    f.message.body = STR("\xd0\x94\xd0\xb0");
    call_ask(&f, &channel_vonage);
    assert_text(f.call.request.url, "https://rest.nexmo.com/sms/json");
    assert_text(f.call.request.body,
                "api_key=a&api_secret=b&from=My%20Shop&to=15551234567&"
                "text=%D0%94%D0%B0&type=unicode&"
                "client-ref=dlv_01jd7w9q2me0rbn8t5k3xvhz4c&"
                "callback=https%3A%2F%2Fx.example%2Fv1%2Freceipts%2Fv");
    assert_text(channel_vonage.host(f.arena, f.call.config), "rest.nexmo.com");
    call_end(&f);
}

static void
test_refusals(void **state)
{
    struct call_fixture f;

    (void)state;
    begin(&f, CONFIG);
    f.message.address = STR("15551234567");
    call_ask(&f, &channel_vonage);
    assert_true(f.call.is_done);
    assert_int_equal(f.verdict.verdict, VERDICT_REJECTED);
    f.message.address = STR("+15551234567");
    f.message.title = f.message.body = STR_NONE;
    call_ask(&f, &channel_vonage);
    assert_true(f.call.is_done);
    assert_text(f.verdict.detail, "the message has no text");
    call_end(&f);
}

static void
test_config(void **state)
{
    static const struct call_config rows[] = {
        {"{\"api_key\":\"a\",\"api_secret\":\"b\",\"from\":\"40404\"}", ""},
        {"{\"api_key\":\"a\",\"api_secret\":\"b\",\"from\":\"+12\"}", "/from"},
        {"{\"api_key\":\"a\",\"api_secret\":\"b\",\"from\":\"Twelve chars\"}",
         "/from"},
        {"{\"api_key\":\"a\",\"api_secret\":\"b\",\"from\":\"a_b\"}", "/from"},
        {"{\"api_key\":\"a\",\"api_secret\":\"b\",\"from\":\"a\","
         "\"base_url\":\"ftp://x\"}",
         "/base_url"},
        {"{}", "/from"},
        {"{\"from\":\"x\"}", "/api_key /api_secret"},
    };

    (void)state;
    assert_configs(&channel_vonage, rows, COUNT(rows));
}

/* ---- the answer ---- */

static void
answer_is(int status, const char *body, enum verdict want, int64_t wait_ms)
{
    struct call_fixture f;
    struct channel_verdict *v;

    begin(&f, CONFIG);
    call_ask(&f, &channel_vonage);
    f.answer =
        (struct channel_answer){.status = status, .body = str_from(body)};
    v = call_answer(&f, &channel_vonage);
    assert_int_equal(v->verdict, want);
    assert_int_equal(v->retry_after_ms, wait_ms);
    assert_int_equal(v->status, status);
    call_end(&f);
}

static void
test_statuses(void **state)
{
    static const enum verdict by_status[] = {
        [0] = VERDICT_SENT,         [1] = VERDICT_RATE,
        [2] = VERDICT_REJECTED,     [3] = VERDICT_REJECTED,
        [4] = VERDICT_CREDENTIALS,  [5] = VERDICT_RETRY,
        [6] = VERDICT_REJECTED,     [7] = VERDICT_GONE,
        [8] = VERDICT_CREDENTIALS,  [9] = VERDICT_CREDENTIALS,
        [10] = VERDICT_REJECTED,    [11] = VERDICT_CREDENTIALS,
        [12] = VERDICT_REJECTED,    [13] = VERDICT_REJECTED,
        [14] = VERDICT_CREDENTIALS, [15] = VERDICT_REJECTED,
        [16] = VERDICT_REJECTED,    [29] = VERDICT_CREDENTIALS,
        [33] = VERDICT_GONE,        [99] = VERDICT_REJECTED,
    };

    (void)state;
    for (size_t i = 0; i < COUNT(by_status); i++) {
        char body[100];

        if (by_status[i] == VERDICT_DELIVERED) /* no row */
            continue;
        snprintf(body, sizeof(body), "{\"messages\":[{\"status\":\"%zu\"}]}",
                 i);
        answer_is(200, body, by_status[i],
                  by_status[i] == VERDICT_RATE ? 1000 : 0);
    }
}

static void
test_answers(void **state)
{
    (void)state;
    answer_is(200, "", VERDICT_UNKNOWN, 0);
    answer_is(200, "<html>", VERDICT_UNKNOWN, 0);
    answer_is(200, "{\"messages\":[]}", VERDICT_UNKNOWN, 0);
    answer_is(200, "{\"messages\":{\"status\":\"0\"}}", VERDICT_UNKNOWN, 0);
    answer_is(200, "{\"messages\":[{\"status\":\"ok\"}]}", VERDICT_UNKNOWN, 0);
    answer_is(200, "{\"messages\":[{\"status\":\"0\"},{\"status\":\"0\"}]}",
              VERDICT_SENT, 0);
    /* nothing was taken: the first fault counts */
    answer_is(200, "{\"messages\":[{\"status\":\"5\"},{\"status\":\"7\"}]}",
              VERDICT_RETRY, 0);
    answer_is(400, "", VERDICT_REJECTED, 0);
    answer_is(401, "", VERDICT_CREDENTIALS, 0);
    answer_is(402, "<html>", VERDICT_CREDENTIALS, 0);
    answer_is(429, "", VERDICT_RATE, 0);
    answer_is(503, "", VERDICT_RETRY, 0);
}

static void
test_answer_in_words(void **state)
{
    struct call_fixture f;
    struct channel_verdict *v;

    (void)state;
    begin(&f, CONFIG);
    call_ask(&f, &channel_vonage);
    f.answer = (struct channel_answer){
        .status = 200,
        .body = STR("{\"messages\":[{\"status\":\"0\",\"message-id\":\"0C1\"},"
                    "{\"status\":\"1\",\"error-text\":\"canary0123\"}]}")};
    v = call_answer(&f, &channel_vonage);
    /* a part is out, so the rest is not worth a second one */
    assert_int_equal(v->verdict, VERDICT_REJECTED);
    assert_int_equal(v->retry_after_ms, 0);
    assert_text(v->provider_message_id, "0C1");
    assert_text(v->detail, "1 of 2 parts taken; status 1 ***");
    call_end(&f);
}

/* ---- delivery receipts ---- */

#define HOOK                                                                   \
    "{\"api_key\":\"a\",\"api_secret\":\"b\",\"from\":\"x\","                  \
    "\"signature_secret\":\"secret\"}"
#define SHA256                                                                 \
    "a321e824b9b816be7c3f28859a31749a098713d39f613c80d455bbaffae1cd24"
#define SHA512                                                                 \
    "812a18f76680fa0fe1b8bd9ee1625466ceb1bd96242e4d050d2cfd9a7b40166c63ed26ec" \
    "9702168781b6edcf1633db8ff95af9341701004eec3fcf9550572ee8"

static void
outcome_is(const char *config, const char *body, int64_t now_s,
           enum channel_receipt_outcome want)
{
    struct hook_fixture h;

    hook_begin(&h, config, "https://x.example/h", str_from(body));
    h.r.now_ms = now_s * 1000;
    hook_take(&h, &channel_vonage);
    assert_int_equal(h.r.outcome, want);
    assert_int_equal(h.r.n_events, 0);
    hook_end(&h);
}

static void
test_signatures(void **state)
{
    static const char *const wrong[] = {
        "a=1&b=2&timestamp=1461605396",
        "a=1&b=2&timestamp=1461605396&sig=",
        "a=1&b=3&timestamp=1461605396&sig=" SHA256,
        "a=1&b=2&c=&timestamp=1461605396&sig=" SHA256,
        "a=1&b=2&timestamp=1461605396&sig=6af838ef94998832dbfc29020b564830",
        "a=1&b=2&timestamp=1461605396&sig=%",
        "",
    };

    (void)state;
    outcome_is(HOOK, "b=2&a=1&timestamp=1461605396&sig=" SHA256, NOW_S,
               CHANNEL_RECEIPT_TAKEN);
    outcome_is(HOOK, "b=2&a=1&timestamp=1461605396&sig=" SHA512, NOW_S,
               CHANNEL_RECEIPT_TAKEN);
    outcome_is(HOOK,
               "{\"b\":2,\"a\":\"1\",\"timestamp\":\"1461605396\",\"sig\":"
               "\"A321E824B9B816BE7C3F28859A31749A098713D39F613C80D455BBAFFAE1"
               "CD24\"}",
               NOW_S, CHANNEL_RECEIPT_TAKEN);
    for (size_t i = 0; i < COUNT(wrong); i++)
        outcome_is(HOOK, wrong[i], NOW_S, CHANNEL_RECEIPT_UNSIGNED);
    outcome_is("{}", "a=1&b=2&timestamp=1461605396&sig=" SHA256, NOW_S,
               CHANNEL_RECEIPT_UNSIGNED);
}

static void
test_replays(void **state)
{
    static const struct {
        int64_t off_s;
        enum channel_receipt_outcome outcome;
    } rows[] = {{-301, CHANNEL_RECEIPT_UNSIGNED},
                {-300, CHANNEL_RECEIPT_TAKEN},
                {300, CHANNEL_RECEIPT_TAKEN},
                {301, CHANNEL_RECEIPT_UNSIGNED}};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        outcome_is(HOOK, "a=1&b=2&timestamp=1461605396&sig=" SHA256,
                   NOW_S + rows[i].off_s, rows[i].outcome);
}

/* A receipt by GET, whose signed text is as long as its query. */
static void
take_signed(struct hook_fixture *h, const char *status, const char *code)
{
    struct arena *a;
    struct buf query;
    struct str text;

    hook_begin(h, HOOK, "https://x.example/h", STR_NONE);
    a = h->f.arena;
    h->r.method = STR("GET");
    h->r.now_ms = NOW_S * INT64_C(1000);
    text = str_fmt(a,
                   "client-ref=dlv_7&err-code=%s&messageId=0A1&"
                   "msisdn=447700900000&status=%s&timestamp=1461605396&to=a",
                   code, status);
    buf_init(&query, a);
    buf_put_str(&query, text);
    buf_put_cstr(&query, "%3Db&sig=");
    text = str_fmt(a, "&%.*s_b", STR_ARG(text));
    buf_put_hex(&query, hmac_sha256(a, STR("secret"), text));
    h->r.query = buf_str(&query);
    hook_take(h, &channel_vonage);
    assert_int_equal(h->r.outcome, CHANNEL_RECEIPT_TAKEN);
}

static void
test_events(void **state)
{
    static const struct {
        const char *status, *code;
        int kind; /* -1: none */
    } rows[] = {
        {"accepted", "0", -1},
        {"unknown", "1", -1},
        {"delivered", "0", CHANNEL_EVENT_DELIVERED},
        {"buffered", "0", CHANNEL_EVENT_DEFERRED},
        {"expired", "1", CHANNEL_EVENT_FAILED},
        {"failed", "2", CHANNEL_EVENT_FAILED},
        {"failed", "3", CHANNEL_EVENT_BOUNCED},
        {"rejected", "6", CHANNEL_EVENT_FAILED},
        {"rejected", "9", CHANNEL_EVENT_BOUNCED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct hook_fixture h;

        take_signed(&h, rows[i].status, rows[i].code);
        assert_int_equal(h.r.n_events, rows[i].kind >= 0);
        if (rows[i].kind >= 0) {
            const struct channel_event *e = &h.r.events[0];

            assert_int_equal(e->kind, rows[i].kind);
            assert_text(e->delivery_id, "dlv_7");
            assert_text(e->provider_message_id, "0A1");
            assert_text(e->address, "+447700900000");
            assert_int_equal(e->at_ms, NOW_S * INT64_C(1000));
            assert_holds(e->id, "0A1:");
            assert_holds(e->detail, "err-code");
        }
        hook_end(&h);
    }
}

static void
test_words(void **state)
{
    static const struct {
        const char *words;
        int kind; /* -1: none */
    } rows[] = {{"STOP", CHANNEL_EVENT_UNSUBSCRIBED},
                {"Start", CHANNEL_EVENT_RESUBSCRIBED},
                {"HELP", -1},
                {"stopping", -1}};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct hook_fixture h;
        struct buf query;
        struct str text;

        hook_begin(&h, HOOK, "https://x.example/h", STR_NONE);
        h.r.method = STR("GET");
        h.r.now_ms = NOW_S * INT64_C(1000);
        text = str_fmt(h.f.arena,
                       "messageId=0B2&msisdn=447700900000&text=%s&"
                       "timestamp=1461605396",
                       rows[i].words);
        buf_init(&query, h.f.arena);
        buf_printf(&query, "%.*s&sig=", STR_ARG(text));
        buf_put_hex(&query,
                    hmac_sha256(h.f.arena, STR("secret"),
                                str_fmt(h.f.arena, "&%.*s", STR_ARG(text))));
        h.r.query = buf_str(&query);
        hook_take(&h, &channel_vonage);
        assert_int_equal(h.r.outcome, CHANNEL_RECEIPT_TAKEN);
        assert_int_equal(h.r.n_events, rows[i].kind >= 0);
        if (rows[i].kind >= 0) {
            assert_int_equal(h.r.events[0].kind, rows[i].kind);
            assert_text(h.r.events[0].address, "+447700900000");
        }
        hook_end(&h);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call),
        cmocka_unit_test(test_call_in_ucs2),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_config),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_answer_in_words),
        cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_replays),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
