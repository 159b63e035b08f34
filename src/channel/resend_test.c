/* resend_test.c - the call and the table of answers of Resend's API. */
#include "channel/call_test.h"
#include "channel/driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/buf.h"
#include "channel/standard.h"

#define CONFIG                                                                 \
    "{\"api_key\":\"re_canary0123\",\"from\":\"Shop <shop@example.com>\"}"

static void
test_call(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin_full_mail(&f, CONFIG);
    call_ask(&f, &channel_resend);
    assert_false(f.call.is_done);
    assert_text(f.call.request.url, "https://api.resend.com/emails");
    assert_text(channel_resend.host(f.arena, f.call.config), "api.resend.com");
    assert_text(call_request_header(&f, "Authorization"),
                "Bearer re_canary0123");
    assert_text(call_request_header(&f, "Idempotency-Key"),
                "dlv_01jd7w9q2me0rbn8t5k3xvhz4c");
    assert_text(f.call.request.body,
                "{\"from\":\"\\\"Shop\\\" <shop@example.com>\",\"to\":[\"\\\""
                "Tim \\\\\\\"T\\\\\\\"\\\" <tim@example.net>\"],\"cc\":[\"\\"
                "\"Ann\\\" <ann@example.net>\"],\"reply_to\":\"help@example.c"
                "om\",\"subject\":\"Paid\",\"text\":\"Order 7 is paid.\",\"ht"
                "ml\":\"<p>Paid</p>\",\"headers\":{\"Content-Language\":\"en"
                "\",\"List-Unsubscribe\":\"<https://example.com/u/tok>\",\"Li"
                "st-Unsubscribe-Post\":\"List-Unsubscribe=One-Click\",\"Auto-"
                "Submitted\":\"auto-generated\",\"X-Order\":\"7\"},\"tags\":["
                "{\"name\":\"delivery_id\",\"value\":\"dlv_01jd7w9q2me0rbn8t5"
                "k3xvhz4c\"}]}");
    call_end(&f);
}

static void
test_config(void **state)
{
    static const struct call_config rows[] = {
        {"{}", "/api_key /from"},
        {"{\"api_key\":\"x\",\"from\":\"nobody\"}", "/from"},
        {"{\"api_key\":\"x\",\"from\":\"a@b.c\",\"base_url\":\"x\"}",
         "/base_url"},
        {"{\"api_key\":\"x\",\"from\":\"a@b.c\","
         "\"webhook_secret\":\"whsec_%\"}",
         "/webhook_secret"},
        {"{\"api_key\":\"x\",\"from\":\"a@b.c\"}", ""},
    };

    (void)state;
    assert_configs(&channel_resend, rows, sizeof(rows) / sizeof(rows[0]));
}

static void
test_answers(void **state)
{
    static const struct call_row rows[] = {
        {200, "{\"id\":\"49a3999c-0ce1\"}", VERDICT_SENT, 0,
         .id = "49a3999c-0ce1"},
        {200, "", VERDICT_SENT, 0, .id = ""},
        {400,
         "{\"statusCode\":400,\"name\":\"validation_error\",\"message\":\"x\"}",
         VERDICT_REJECTED, 0},
        {401,
         "{\"statusCode\":401,\"name\":\"missing_api_key\",\"message\":\"x\"}",
         VERDICT_CREDENTIALS, 0},
        {403,
         "{\"statusCode\":403,\"name\":\"invalid_api_key\",\"message\":\"x\"}",
         VERDICT_CREDENTIALS, 0},
        {403,
         "{\"statusCode\":403,\"name\":\"validation_error\",\"message\":\"x\"}",
         VERDICT_CREDENTIALS, 0},
        {404, "{\"statusCode\":404,\"name\":\"not_found\",\"message\":\"x\"}",
         VERDICT_REJECTED, 0},
        {409,
         "{\"statusCode\":409,\"name\":\"invalid_idempotent_request\","
         "\"message\":\"x\"}",
         VERDICT_REJECTED, 0},
        {409,
         "{\"statusCode\":409,\"name\":\"concurrent_idempotent_requests\","
         "\"message\":\"x\"}",
         VERDICT_RETRY, 0},
        {409,
         "{\"statusCode\":409,\"name\":\"resource_locked\",\"message\":\"x\"}",
         VERDICT_RETRY, 0},
        {413, "{\"statusCode\":413,\"name\":\"x\",\"message\":\"x\"}",
         VERDICT_REJECTED, 0},
        {422,
         "{\"statusCode\":422,\"name\":\"missing_required_field\",\"message\":"
         "\"x\"}",
         VERDICT_REJECTED, 0},
        {500,
         "{\"statusCode\":500,\"name\":\"application_error\",\"message\":"
         "\"x\"}",
         VERDICT_RETRY, 0},
        {429,
         "{\"statusCode\":429,\"name\":\"rate_limit_exceeded\",\"message\":"
         "\"x\"}",
         VERDICT_RATE, 2000, .header = "Retry-After", .value = "2"},
        {429,
         "{\"statusCode\":429,\"name\":\"rate_limit_exceeded\",\"message\":"
         "\"x\"}",
         VERDICT_RATE, 3000, .header = "ratelimit-reset", .value = "3"},
        {429,
         "{\"statusCode\":429,\"name\":\"rate_limit_exceeded\",\"message\":"
         "\"x\"}",
         VERDICT_RATE, 0},
        {429,
         "{\"statusCode\":429,\"name\":\"daily_quota_exceeded\",\"message\":"
         "\"x\"}",
         VERDICT_RATE, 52200000},
        {429,
         "{\"statusCode\":429,\"name\":\"monthly_quota_exceeded\",\"message\":"
         "\"x\"}",
         VERDICT_RATE, 86400000},
        {502, "<html>", VERDICT_RETRY, 0},
    };

    (void)state;
    assert_mail_rows(&channel_resend, CONFIG, rows,
                     sizeof(rows) / sizeof(rows[0]));
}

static void
test_detail_keeps_the_secret(void **state)
{
    struct call_fixture f;
    struct channel_verdict *v;

    (void)state;
    call_begin_mail(&f, CONFIG);
    call_ask(&f, &channel_resend);
    f.answer = (struct channel_answer){.status = 403,
                                       .body = STR("no re_canary0123 here")};
    v = call_answer(&f, &channel_resend);
    assert_text(v->detail, "HTTP 403 no *** here");
    call_end(&f);
}

static void
test_what_is_no_mail(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin_mail(&f, CONFIG);
    f.message.title = STR("Paid\r\nBcc: eve@example.org");
    call_ask(&f, &channel_resend);
    assert_true(f.call.is_done);
    assert_int_equal(f.verdict.verdict, VERDICT_REJECTED);
    assert_text(f.verdict.reason, "content.invalid");
    call_end(&f);
}

#define HOOK_SECRET "whsec_ESwTAuuIe3yfH4DgdgI+ENsiNzPAGdp+"

static const char vector_body[] =
    "{\r\n    \"created_at\": \"2024-04-08T09:43:09.500Z\",\r"
    "\n    \"data\": {\r\n        \"created_at\": \"2024-04-0"
    "8T09:43:09.438Z\",\r\n        \"email_id\": \"172c41ce-b"
    "a6d-4281-8a7a-541faa725748\",\r\n        \"from\": \"tes"
    "t@resend.com\",\r\n        \"headers\": [\r\n           "
    " {\r\n                \"name\": \"Sender\",\r\n         "
    "       \"value\": \"test@resend.com\"\r\n            }\r"
    "\n        ],\r\n        \"subject\": \"Test subject\",\r"
    "\n        \"to\": [\r\n            \"test@example.com\""
    "\r\n        ]\r\n    },\r\n    \"type\": \"email.sent\""
    "\r\n}\r\n";

/* Signed over the raw bytes, with CRLF. */
static void
test_receipt_vector(void **state)
{
    static const struct {
        const char *id;
        enum channel_receipt_outcome outcome;
    } rows[] = {
        {"172c41ce-ba6d-4281-8a7a-541faa725748", CHANNEL_RECEIPT_TAKEN},
        {"172c41ce-ba6d-4281-8a7a-541faa725749", CHANNEL_RECEIPT_UNSIGNED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hook_fixture h;

        hook_begin(&h, "{\"webhook_secret\":\"" HOOK_SECRET "\"}",
                   "https://belfry.example/v1/receipts/mail",
                   str_from(vector_body));
        h.r.now_ms = 1712569389000;
        hook_put_header(&h, "svix-id", str_from(rows[i].id));
        hook_put_header(&h, "svix-timestamp", STR("1712569389"));
        hook_put_header(&h, "svix-signature",
                        STR("v1,4wjuRp64yC/2itgCQwl2xPePVwSPTdPbXLIY6IxGLTA="));
        hook_take(&h, &channel_resend);
        assert_int_equal(h.r.outcome, rows[i].outcome);
        assert_int_equal(h.r.n_events, 0);
        hook_end(&h);
    }
}

static void
take_signed(struct hook_fixture *h, const char *body)
{
    struct standard_secrets s;
    struct buf b;

    hook_begin(h, "{\"webhook_secret\":\"" HOOK_SECRET "\"}",
               "https://belfry.example/v1/receipts/mail", str_from(body));
    assert_true(
        standard_read(h->f.arena, json_get(h->r.config, "webhook_secret"), &s));
    buf_init(&b, h->f.arena);
    standard_put_signatures(h->f.arena, &s, STR("i"), STR("1790242200"),
                            h->r.body, &b);
    hook_put_header(h, "svix-id", STR("i"));
    hook_put_header(h, "svix-timestamp", STR("1790242200"));
    hook_put_header(h, "svix-signature", buf_str(&b));
    hook_take(h, &channel_resend);
}

static void
test_receipts(void **state)
{
    static const struct {
        const char *body, *told;
    } rows[] = {
        {"{\"type\":\"email.delivered\",\"created_at\":\"2026-09-24T09:30:00."
         "000Z\",\"data\":{\"email_id\":\"m\",\"to\":[\"t@x.org\"],\"tags\":{"
         "\"delivery_id\":\"d\"}}}",
         "delivered|i|d|m|t@x.org|||1790242200000"},
        {"{\"type\":\"email.delivery_delayed\",\"created_at\":\"2026-09-24T09:"
         "30:00.000Z\",\"data\":{\"email_id\":\"m\",\"to\":[\"t@x.org\"],"
         "\"tags\":{\"delivery_id\":\"d\"}}}",
         "deferred|i|d|m|t@x.org|||1790242200000"},
        {"{\"type\":\"email.bounced\",\"created_at\":\"2026-09-24T09:30:00."
         "000Z\",\"data\":{\"email_id\":\"m\",\"to\":[\"t@x.org\"],\"tags\":{"
         "\"delivery_id\":\"d\"},\"bounce\":{\"type\":\"Permanent\","
         "\"subType\":\"NoEmail\",\"message\":\"no such\"}}}",
         "bounced|i|d|m|t@x.org|no such||1790242200000"},
        {"{\"type\":\"email.bounced\",\"created_at\":\"2026-09-24T09:30:00."
         "000Z\",\"data\":{\"email_id\":\"m\",\"to\":[\"t@x.org\"],\"tags\":{"
         "\"delivery_id\":\"d\"},\"bounce\":{\"type\":\"Transient\","
         "\"message\":\"full\"}}}",
         "failed|i|d|m|t@x.org|full||1790242200000"},
        {"{\"type\":\"email.complained\",\"created_at\":\"2026-09-24T09:30:00."
         "000Z\",\"data\":{\"email_id\":\"m\",\"to\":[\"t@x.org\"],\"tags\":{"
         "\"delivery_id\":\"d\"}}}",
         "complained|i|d|m|t@x.org|||1790242200000"},
        {"{\"type\":\"email.opened\",\"created_at\":\"2026-09-24T09:30:00."
         "000Z\",\"data\":{\"email_id\":\"m\",\"to\":[\"t@x.org\"],\"tags\":{"
         "\"delivery_id\":\"d\"}}}",
         "opened|i|d|m|t@x.org|||1790242200000"},
        {"{\"type\":\"email.clicked\",\"created_at\":\"2026-09-24T09:30:00."
         "000Z\",\"data\":{\"email_id\":\"m\",\"to\":[\"t@x.org\"],\"tags\":{"
         "\"delivery_id\":\"d\"},\"click\":{\"link\":\"https://x.org/\"}}}",
         "clicked|i|d|m|t@x.org||https://x.org/|1790242200000"},
        {"{\"type\":\"email.failed\",\"created_at\":\"2026-09-24T09:30:00."
         "000Z\",\"data\":{\"email_id\":\"m\",\"to\":[\"t@x.org\"],\"tags\":{"
         "\"delivery_id\":\"d\"},\"failed\":{\"reason\":\"reached_daily_"
         "quota\"}}}",
         "failed|i|d|m|t@x.org|reached_daily_quota||1790242200000"},
        {"{\"type\":\"email.suppressed\",\"created_at\":\"2026-09-24T09:30:00."
         "000Z\",\"data\":{\"email_id\":\"m\",\"to\":[\"t@x.org\"],\"tags\":{"
         "\"delivery_id\":\"d\"},\"suppressed\":{\"type\":\"Suppressed\","
         "\"message\":\"bounced before\"}}}",
         "bounced|i|d|m|t@x.org|bounced before||1790242200000"},
        {"{\"type\":\"email.sent\",\"created_at\":\"2026-09-24T09:30:00.000Z\","
         "\"data\":{\"email_id\":\"m\",\"to\":[\"t@x.org\"],\"tags\":{"
         "\"delivery_id\":\"d\"}}}",
         ""},
        {"{\"type\":\"email.scheduled\",\"created_at\":\"2026-09-24T09:30:00."
         "000Z\",\"data\":{\"email_id\":\"m\",\"to\":[\"t@x.org\"],\"tags\":{"
         "\"delivery_id\":\"d\"}}}",
         ""},
        {"{\"type\":\"contact.created\",\"created_at\":\"2026-09-24T09:30:00."
         "000Z\",\"data\":{\"email_id\":\"m\",\"to\":[\"t@x.org\"],\"tags\":{"
         "\"delivery_id\":\"d\"}}}",
         ""},
    };
    struct hook_fixture h;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        take_signed(&h, rows[i].body);
        hook_check_told(&h, rows[i].told);
        hook_end(&h);
    }
    take_signed(&h, "[]");
    assert_int_equal(h.r.outcome, CHANNEL_RECEIPT_MALFORMED);
    hook_end(&h);
    hook_begin(&h, "{}", "https://belfry.example/v1/receipts/mail", STR("{}"));
    hook_take(&h, &channel_resend);
    assert_int_equal(h.r.outcome, CHANNEL_RECEIPT_UNSIGNED);
    hook_end(&h);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call),
        cmocka_unit_test(test_config),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_detail_keeps_the_secret),
        cmocka_unit_test(test_what_is_no_mail),
        cmocka_unit_test(test_receipt_vector),
        cmocka_unit_test(test_receipts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
