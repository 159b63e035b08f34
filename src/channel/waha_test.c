/* waha_test.c - the two calls, the table of answers, and webhooks of WAHA. */
#include "base/hmac.h"
#include "channel/call_test.h"
#include "channel/driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))
#define BASE "\"base_url\":\"http://127.0.0.1:3000/\""
#define CONFIG "{" BASE ",\"api_key\":\"canary0123\",\"session\":\"my shop\"}"
#define UNCHECKED "{" BASE ",\"api_key\":\"canary0123\",\"check_number\":false}"

static void
begin(struct call_fixture *f, const char *config)
{
    call_begin(f, config);
    f->message.channel = STR("whatsapp");
    f->message.address = STR("+55 (11) 98765-4321");
    call_ask(f, &channel_waha);
}

/* Another step, which may be another request. */
static void
answer(struct call_fixture *f, int status, const char *body)
{
    f->answer =
        (struct channel_answer){.status = status, .body = str_from(body)};
    f->call.answer = &f->answer;
    f->call.is_done = false;
    f->verdict = (struct channel_verdict){0};
    channel_waha.step(&f->call);
}

/* ---- the calls ---- */

static void
test_calls(void **state)
{
    struct call_fixture f;

    (void)state;
    begin(&f, CONFIG);
    assert_string_equal(call_faults(&f, &channel_waha), "");
    assert_text(f.call.request.method, "GET");
    assert_text(f.call.request.url,
                "http://127.0.0.1:3000/api/contacts/check-exists?"
                "phone=5511987654321&session=my%20shop");
    assert_text(call_request_header(&f, "X-Api-Key"), "canary0123");
    assert_text(f.call.request.body, "");
    answer(&f, 200, "{\"numberExists\":true,\"chatId\":\"551187654321@c.us\"}");
    assert_false(f.call.is_done);
    assert_text(f.call.request.method, "POST");
    assert_text(f.call.request.url, "http://127.0.0.1:3000/api/sendText");
    assert_text(call_request_header(&f, "X-Api-Key"), "canary0123");
    assert_text(f.call.request.body,
                "{\"session\":\"my shop\",\"chatId\":\"551187654321@c.us\","
                "\"text\":\"Paid\\nOrder 7 is paid.\"}");
    answer(&f, 201, "{\"id\":\"true_551187654321@c.us_AAA\"}");
    assert_true(f.call.is_done);
    assert_int_equal(f.verdict.verdict, VERDICT_SENT);
    assert_text(f.verdict.provider_message_id, "true_551187654321@c.us_AAA");
    call_end(&f);
}

static void
test_call_without_check(void **state)
{
    struct call_fixture f;

    (void)state;
    begin(&f, UNCHECKED);
    assert_text(f.call.request.body,
                "{\"session\":\"default\",\"chatId\":\"5511987654321@c.us\","
                "\"text\":\"Paid\\nOrder 7 is paid.\"}");
    call_end(&f);
    begin(&f, "{" BASE ",\"check_number\":false}");
    assert_text(call_request_header(&f, "X-Api-Key"), "");
    assert_text(channel_waha.host(f.arena, f.call.config), "127.0.0.1");
    call_end(&f);
}

static void
test_addresses(void **state)
{
    static const struct {
        const char *address, *chat; /* "": refused */
    } rows[] = {
        {"+15551234567", "15551234567@c.us"},
        {"15551234567@c.us", "15551234567@c.us"},
        {" 1203630-16@g.us ", "1203630-16@g.us"},
        {"12036301@newsletter", "12036301@newsletter"},
        {"98765@lid", "98765@lid"},
        {"15551234567", ""},
        {"@c.us", ""},
        {"1@c.us@g.us", ""},
        {"a@c.us", ""},
        {"1@s.whatsapp.net", ""},
        {"status@broadcast", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct call_fixture f;

        call_begin(&f, UNCHECKED);
        f.message.channel = STR("whatsapp");
        f.message.address = str_from(rows[i].address);
        call_ask(&f, &channel_waha);
        assert_int_equal(f.call.is_done, rows[i].chat[0] == '\0');
        if (f.call.is_done)
            assert_int_equal(f.verdict.verdict, VERDICT_REJECTED);
        else
            assert_holds(f.call.request.body, rows[i].chat);
        call_end(&f);
    }
}

static void
test_nothing_to_say(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, CONFIG);
    f.message.address = STR("+15551234567");
    f.message.title = f.message.body = STR_NONE;
    call_ask(&f, &channel_waha);
    assert_true(f.call.is_done);
    assert_text(f.verdict.detail, "the message has no text");
    call_end(&f);
}

static void
test_config(void **state)
{
    static const struct call_config rows[] = {
        {"{" BASE "}", ""},
        {"{}", "/base_url"},
        {"{\"base_url\":\"ftp://x\"}", "/base_url"},
        {"{\"base_url\":\"http://x/?a\"}", "/base_url"},
        {"{" BASE ",\"check_number\":\"no\"}", "/check_number"},
    };

    (void)state;
    assert_configs(&channel_waha, rows, COUNT(rows));
}

/* ---- the answers ---- */

/* What both calls make of it. */
static const struct {
    int status;
    const char *body;
    enum verdict verdict;
} refusals[] = {
    {400, "{\"message\":\"bad\"}", VERDICT_REJECTED},
    {401, "{\"message\":\"Unauthorized\",\"statusCode\":401}",
     VERDICT_CREDENTIALS},
    {404, "{\"message\":\"We didn't find a session with name 'x'.\"}",
     VERDICT_CREDENTIALS},
    {404, "{\"message\":\"Session not found\"}", VERDICT_CREDENTIALS},
    {404, "{\"message\":\"Chat not found\"}", VERDICT_REJECTED},
    {422, "{\"error\":\"x\",\"status\":\"STARTING\"}", VERDICT_RETRY},
    {422, "{\"error\":\"x\",\"status\":\"SCAN_QR_CODE\"}", VERDICT_CREDENTIALS},
    {422, "{\"error\":\"x\",\"status\":\"FAILED\"}", VERDICT_CREDENTIALS},
    {422, "{\"error\":\"x\",\"status\":\"STOPPED\"}", VERDICT_CREDENTIALS},
    {422, "{\"message\":\"not implemented\"}", VERDICT_REJECTED},
    {429, "", VERDICT_RATE},
    {500, "{\"statusCode\":500,\"message\":\"x\"}", VERDICT_RETRY},
    {502, "<html>", VERDICT_RETRY},
};

static void
test_answers(void **state)
{
    static const struct {
        const char *body, *id;
    } taken[] = {
        {"{\"id\":\"true_1@c.us_A\"}", "true_1@c.us_A"},
        {"{\"id\":{\"fromMe\":true,\"_serialized\":\"true_1@c.us_A\"}}",
         "true_1@c.us_A"},
        {"{\"id\":7}", ""},
        {"<html>", ""},
        {"", ""},
    };
    struct call_fixture f;

    (void)state;
    for (size_t i = 0; i < COUNT(taken); i++) {
        begin(&f, UNCHECKED);
        answer(&f, 201, taken[i].body);
        assert_int_equal(f.verdict.verdict, VERDICT_SENT);
        assert_text(f.verdict.provider_message_id, taken[i].id);
        call_end(&f);
    }
    for (size_t i = 0; i < COUNT(refusals); i++) {
        begin(&f, UNCHECKED);
        answer(&f, refusals[i].status, refusals[i].body);
        assert_true(f.call.is_done);
        assert_int_equal(f.verdict.verdict, refusals[i].verdict);
        call_end(&f);
    }
}

/* What says nothing of the number leaves it to the message. */
static void
test_answers_of_the_check(void **state)
{
    static const char *const idle[] = {
        "{\"numberExists\":true}", "{\"numberExists\":true,\"chatId\":\"x\"}",
        "{}", "<html>", ""};
    struct call_fixture f;

    (void)state;
    begin(&f, CONFIG);
    answer(&f, 200, "{\"numberExists\":false}");
    assert_true(f.call.is_done);
    assert_int_equal(f.verdict.verdict, VERDICT_GONE);
    assert_int_equal(f.verdict.status, 200);
    call_end(&f);
    for (size_t i = 0; i < COUNT(idle); i++) {
        begin(&f, CONFIG);
        answer(&f, 200, idle[i]);
        assert_false(f.call.is_done);
        assert_holds(f.call.request.body, "\"5511987654321@c.us\"");
        call_end(&f);
    }
    for (size_t i = 0; i < COUNT(refusals); i++) {
        begin(&f, CONFIG);
        answer(&f, refusals[i].status, refusals[i].body);
        assert_int_equal(f.call.is_done,
                         refusals[i].verdict != VERDICT_REJECTED);
        if (f.call.is_done)
            assert_int_equal(f.verdict.verdict, refusals[i].verdict);
        call_end(&f);
    }
}

static void
test_no_answers(void **state)
{
    struct call_fixture f;

    (void)state;
    begin(&f, CONFIG);
    f.answer = (struct channel_answer){.outcome = CHANNEL_UNKNOWN,
                                       .cause = CHANNEL_CAUSE_TIMEOUT};
    /* it was a question */
    assert_int_equal(call_answer(&f, &channel_waha)->verdict, VERDICT_RETRY);
    call_end(&f);
    begin(&f, UNCHECKED);
    f.answer = (struct channel_answer){.outcome = CHANNEL_UNKNOWN,
                                       .cause = CHANNEL_CAUSE_TIMEOUT};
    assert_int_equal(call_answer(&f, &channel_waha)->verdict, VERDICT_UNKNOWN);
    call_end(&f);
    begin(&f, CONFIG);
    f.answer = (struct channel_answer){.outcome = CHANNEL_NOT_SENT,
                                       .cause = CHANNEL_CAUSE_EGRESS};
    assert_int_equal(call_answer(&f, &channel_waha)->verdict, VERDICT_REJECTED);
    assert_text(f.verdict.reason, "egress.refused");
    call_end(&f);
}

static void
test_detail_keeps_the_secret(void **state)
{
    struct call_fixture f;

    (void)state;
    begin(&f, CONFIG);
    answer(&f, 401, "no canary0123 here");
    assert_text(f.verdict.detail, "HTTP 401 no *** here");
    call_end(&f);
}

/* ---- webhooks ---- */

#define HOOK "{" BASE ",\"hmac_key\":\"my-secret-key\"}"
#define BODY                                                                   \
    "{\"event\":\"message\",\"session\":\"default\",\"engine\":\"WEBJS\"}"
#define HMAC                                                                   \
    "208f8a55dde9e05519e898b10b89bf0d0b3b0fdf11fdbf09b6b90476301b98d8097c462b" \
    "2b17a6ce93b6b47a136cf2e78a33a63f6752c2c1631777076153fa89"

static void
outcome_is(const char *config, const char *body, const char *algorithm,
           const char *hmac, enum channel_receipt_outcome want)
{
    struct hook_fixture h;

    hook_begin(&h, config, "https://x.example/h", str_from(body));
    hook_put_header(&h, "X-Webhook-Hmac-Algorithm", str_from(algorithm));
    hook_put_header(&h, "X-Webhook-Hmac", str_from(hmac));
    hook_take(&h, &channel_waha);
    assert_int_equal(h.r.outcome, want);
    assert_int_equal(h.r.n_events, 0);
    /* twice proves nothing */
    hook_put_header(&h, "x-webhook-hmac", str_from(hmac));
    hook_take(&h, &channel_waha);
    assert_int_equal(h.r.outcome, CHANNEL_RECEIPT_UNSIGNED);
    hook_end(&h);
}

static void
test_signatures(void **state)
{
    (void)state;
    outcome_is(HOOK, BODY, "sha512", HMAC, CHANNEL_RECEIPT_TAKEN);
    outcome_is(HOOK, BODY " ", "sha512", HMAC, CHANNEL_RECEIPT_UNSIGNED);
    outcome_is(HOOK, BODY, "sha256", HMAC, CHANNEL_RECEIPT_UNSIGNED);
    outcome_is(HOOK, BODY, "sha512", "", CHANNEL_RECEIPT_UNSIGNED);
    outcome_is("{" BASE "}", BODY, "sha512", HMAC, CHANNEL_RECEIPT_UNSIGNED);
}

static void
take_signed(struct hook_fixture *h, const char *event, const char *session,
            const char *ack)
{
    struct arena *a;
    struct buf hex;

    hook_begin(h, HOOK, "https://x.example/h", STR_NONE);
    a = h->f.arena;
    h->r.body = str_fmt(a,
                        "{\"event\":\"%s\",\"session\":\"%s\",\"payload\":"
                        "{\"id\":\"true_111@c.us_AAA\",\"ack\":%s,"
                        "\"ackName\":\"NAME\"}}",
                        event, session, ack);
    buf_init(&hex, a);
    buf_put_hex(&hex, hmac_sha512(a, STR("my-secret-key"), h->r.body));
    hook_put_header(h, "X-Webhook-Hmac", buf_str(&hex));
    hook_put_header(h, "X-Webhook-Hmac-Algorithm", STR("sha512"));
    hook_take(h, &channel_waha);
}

static void
test_events(void **state)
{
    static const struct {
        const char *event, *session, *ack;
        int kind; /* -1: none */
    } rows[] = {
        {"message.ack", "default", "-1", CHANNEL_EVENT_FAILED},
        {"message.ack", "default", "0", -1},
        {"message.ack", "default", "1", -1},
        {"message.ack", "default", "2", CHANNEL_EVENT_DELIVERED},
        {"message.ack", "default", "3", CHANNEL_EVENT_OPENED},
        {"message.ack", "default", "4", CHANNEL_EVENT_OPENED},
        {"message.ack", "default", "\"2\"", -1},
        {"message.ack", "other", "2", -1},
        {"message", "default", "2", -1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct hook_fixture h;

        take_signed(&h, rows[i].event, rows[i].session, rows[i].ack);
        assert_int_equal(h.r.outcome, CHANNEL_RECEIPT_TAKEN);
        assert_int_equal(h.r.n_events, rows[i].kind >= 0);
        if (rows[i].kind >= 0) {
            assert_int_equal(h.r.events[0].kind, rows[i].kind);
            assert_text(
                h.r.events[0].id,
                str_cstr(h.f.arena, str_fmt(h.f.arena, "%s:%s",
                                            "true_111@c.us_AAA", rows[i].ack)));
            assert_text(h.r.events[0].provider_message_id, "true_111@c.us_AAA");
            assert_text(h.r.events[0].detail, "NAME");
        }
        hook_end(&h);
    }
}

static void
test_signed_nonsense(void **state)
{
    struct hook_fixture h;

    (void)state;
    take_signed(&h, "message.ack", "default", "");
    assert_int_equal(h.r.outcome, CHANNEL_RECEIPT_MALFORMED);
    assert_int_equal(h.r.n_events, 0);
    hook_end(&h);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_call_without_check),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_nothing_to_say),
        cmocka_unit_test(test_config),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_answers_of_the_check),
        cmocka_unit_test(test_no_answers),
        cmocka_unit_test(test_detail_keeps_the_secret),
        cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_signed_nonsense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
