/* postmark_test.c - the call and the table of answers of Postmark's API. */
#include "channel/call_test.h"
#include "channel/driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define CONFIG                                                                 \
    "{\"server_token\":\"canary-0123\",\"from\":\"Shop <shop@example.com>\"}"

static void
test_call(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin_full_mail(&f, CONFIG);
    call_ask(&f, &channel_postmark);
    assert_false(f.call.is_done);
    assert_text(f.call.request.method, "POST");
    assert_text(f.call.request.url, "https://api.postmarkapp.com/email");
    assert_text(channel_postmark.host(f.arena, f.call.config),
                "api.postmarkapp.com");
    assert_text(call_request_header(&f, "X-Postmark-Server-Token"),
                "canary-0123");
    assert_text(call_request_header(&f, "Accept"), "application/json");
    assert_text(f.call.request.body,
                "{\"From\":\"\\\"Shop\\\" <shop@example.com>\",\"To\":\"\\\"T"
                "im \\\\\\\"T\\\\\\\"\\\" <tim@example.net>\",\"Cc\":\"\\\"An"
                "n\\\" <ann@example.net>\",\"ReplyTo\":\"help@example.com\","
                "\"Subject\":\"Paid\",\"TextBody\":\"Order 7 is paid.\",\"Htm"
                "lBody\":\"<p>Paid</p>\",\"Headers\":[{\"Name\":\"Message-ID"
                "\",\"Value\":\"<dlv_01jd7w9q2me0rbn8t5k3xvhz4c@example.com>"
                "\"},{\"Name\":\"X-PM-KeepID\",\"Value\":\"true\"},{\"Name\":"
                "\"Content-Language\",\"Value\":\"en\"},{\"Name\":\"List-Unsu"
                "bscribe\",\"Value\":\"<https://example.com/u/tok>\"},{\"Name"
                "\":\"List-Unsubscribe-Post\",\"Value\":\"List-Unsubscribe=On"
                "e-Click\"},{\"Name\":\"Auto-Submitted\",\"Value\":\"auto-gen"
                "erated\"},{\"Name\":\"X-Order\",\"Value\":\"7\"}],\"Metadata"
                "\":{\"delivery_id\":\"dlv_01jd7w9q2me0rbn8t5k3xvhz4c\","
                "\"addressee\":\"tim@example.net\"},\"Me"
                "ssageStream\":\"outbound\"}");
    call_end(&f);
}

static void
test_subject_alone(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, "{\"server_token\":\"x\",\"from\":\"a@b.c\","
                   "\"message_stream\":\"alerts\","
                   "\"base_url\":\"http://127.0.0.1:8080\"}");
    f.message.address = STR("tim@example.net");
    f.message.body = STR_NONE;
    call_ask(&f, &channel_postmark);
    assert_text(f.call.request.url, "http://127.0.0.1:8080/email");
    assert_holds(f.call.request.body, "\"TextBody\":\"Paid\"");
    assert_holds(f.call.request.body, "\"MessageStream\":\"alerts\"");
    assert_lacks(f.call.request.body, "HtmlBody");
    call_end(&f);
}

static void
test_config(void **state)
{
    static const struct call_config rows[] = {
        {"{}", "/server_token /from"},
        {"{\"server_token\":\"x\",\"from\":\"nobody\"}", "/from"},
        {"{\"server_token\":\"x\",\"from\":\"a@b.c\",\"base_url\":\"ftp://x\"}",
         "/base_url"},
        {"{\"server_token\":\"x\",\"from\":\"a@b.c\",\"message_stream\":\"a "
         "b\"}",
         "/message_stream"},
        {"{\"server_token\":\"x\",\"from\":\"a@b.c\","
         "\"webhook_username\":\"u\"}",
         "/webhook_password"},
        {"{\"server_token\":\"x\",\"from\":\"a@b.c\","
         "\"webhook_password\":\"12345678\"}",
         "/webhook_username"},
        {"{\"server_token\":\"x\",\"from\":\"a@b.c\"}", ""},
    };

    (void)state;
    assert_configs(&channel_postmark, rows, sizeof(rows) / sizeof(rows[0]));
}

static void
test_answers(void **state)
{
    static const struct call_row rows[] = {
        {200, "{\"ErrorCode\":0,\"Message\":\"OK\",\"MessageID\":\"b7bc2f4a\"}",
         VERDICT_SENT, 0, .id = "b7bc2f4a"},
        {200, "{\"MessageID\":", VERDICT_SENT, 0, .id = ""},
        {200, "", VERDICT_SENT, 0, .id = ""},
        {200,
         "{\"ErrorCode\":0,\"MessageID\":\"m1\",\"Message\":\"Message OK, but "
         "will not deliver to these inactive addresses: ann@example.net, "
         "tim@example.net.\"}",
         VERDICT_GONE, 0, .id = "m1"},
        {200,
         "{\"ErrorCode\":0,\"MessageID\":\"m1\",\"Message\":\"Message OK, but "
         "will not deliver to these inactive addresses: ann@example.net.\"}",
         VERDICT_SENT, 0, .id = "m1"},
        {422, "{\"ErrorCode\":10,\"Message\":\"x\"}", VERDICT_CREDENTIALS, 0},
        {422, "{\"ErrorCode\":300,\"Message\":\"x\"}", VERDICT_REJECTED, 0},
        {422, "{\"ErrorCode\":400,\"Message\":\"x\"}", VERDICT_CREDENTIALS, 0},
        {422, "{\"ErrorCode\":401,\"Message\":\"x\"}", VERDICT_CREDENTIALS, 0},
        {422, "{\"ErrorCode\":402,\"Message\":\"x\"}", VERDICT_REJECTED, 0},
        {422, "{\"ErrorCode\":405,\"Message\":\"x\"}", VERDICT_CREDENTIALS, 0},
        {422, "{\"ErrorCode\":406,\"Message\":\"x\"}", VERDICT_GONE, 0},
        {422, "{\"ErrorCode\":412,\"Message\":\"x\"}", VERDICT_CREDENTIALS, 0},
        {422, "<html>", VERDICT_REJECTED, 0},
        {401, "{\"ErrorCode\":10,\"Message\":\"x\"}", VERDICT_CREDENTIALS, 0},
        {404, "", VERDICT_REJECTED, 0},
        {413, "", VERDICT_REJECTED, 0},
        {429, "", VERDICT_RATE, 0},
        {429, "", VERDICT_RATE, 30000, .header = "Retry-After", .value = "30"},
        {500, "{\"ErrorCode\":0}", VERDICT_RETRY, 0},
        {503, "", VERDICT_RETRY, 0},
    };

    (void)state;
    assert_mail_rows(&channel_postmark, CONFIG, rows,
                     sizeof(rows) / sizeof(rows[0]));
}

/* With copies, one is gone only where it is named. */
static void
test_whose_address_is_gone(void **state)
{
    static const struct {
        const char *message;
        enum verdict verdict;
    } rows[] = {
        {"Found inactive addresses: ann@example.net. Inactive",
         VERDICT_REJECTED},
        {"Found inactive addresses: ann@example.net, Tim@example.net. Inactive",
         VERDICT_GONE},
        {"Found inactive addresses: notim@example.net. Inactive",
         VERDICT_REJECTED},
        {"tim@example.net", VERDICT_REJECTED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct call_fixture f;

        call_begin_full_mail(&f, CONFIG);
        call_ask(&f, &channel_postmark);
        f.answer = (struct channel_answer){
            .status = 422,
            .body = str_fmt(f.arena, "{\"ErrorCode\":406,\"Message\":\"%s\"}",
                            rows[i].message)};
        assert_int_equal(call_answer(&f, &channel_postmark)->verdict,
                         rows[i].verdict);
        call_end(&f);
    }
}

static void
test_detail_keeps_the_secret(void **state)
{
    struct call_fixture f;
    struct channel_verdict *v;

    (void)state;
    call_begin_mail(&f, CONFIG);
    call_ask(&f, &channel_postmark);
    f.answer = (struct channel_answer){.status = 403,
                                       .body = STR("no canary-0123 here")};
    v = call_answer(&f, &channel_postmark);
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
    call_ask(&f, &channel_postmark);
    assert_true(f.call.is_done);
    assert_int_equal(f.verdict.verdict, VERDICT_REJECTED);
    assert_text(f.verdict.reason, "content.invalid");
    call_end(&f);
}

#define HOOK_CONFIG                                                            \
    "{\"webhook_username\":\"pm\",\"webhook_password\":\"hunter2222\"}"

static void
test_receipts(void **state)
{
    static const struct {
        const char *body, *told;
    } rows[] = {
        {"{\"MessageID\":\"m\",\"Metadata\":{\"delivery_id\":\"d\","
         "\"addressee\":\"u@x.org\"},\"RecordType\":\"Open\",\"Recipient\":\"t@"
         "x.org\",\"ReceivedAt\":\"2026-09-24T09:30:00Z\"}",
         ""},
        {"{\"MessageID\":\"m\",\"Metadata\":{\"delivery_id\":\"d\","
         "\"addressee\":\"t@x.org\"},\"RecordType\":\"Open\",\"Recipient\":\"t@"
         "x.org\",\"ReceivedAt\":\"2026-09-24T09:30:00Z\"}",
         "opened|Open/m/2026-09-24T09:30:00Z|d|m|t@x.org|||1790242200000"},
        {"{\"MessageID\":\"m\",\"Metadata\":{\"delivery_id\":\"d\"},"
         "\"RecordType\":\"Delivery\",\"Recipient\":\"t@x.org\","
         "\"DeliveredAt\":\"2026-09-24T09:30:00Z\",\"Details\":\"250 ok\"}",
         "delivered|Delivery/m/"
         "2026-09-24T09:30:00Z|d|m|t@x.org|||1790242200000"},
        {"{\"MessageID\":\"m\",\"Metadata\":{\"delivery_id\":\"d\"},"
         "\"RecordType\":\"Bounce\",\"Type\":\"HardBounce\",\"TypeCode\":1,"
         "\"Email\":\"t@x.org\",\"BouncedAt\":\"2026-09-24T09:30:00Z\","
         "\"Description\":\"no such\",\"Inactive\":true}",
         "bounced|Bounce/m/2026-09-24T09:30:00Z|d|m|t@x.org|no "
         "such||1790242200000"},
        {"{\"MessageID\":\"m\",\"Metadata\":{\"delivery_id\":\"d\"},"
         "\"RecordType\":\"Bounce\",\"Type\":\"SoftBounce\",\"Email\":\"t@x."
         "org\",\"BouncedAt\":\"2026-09-24T09:30:00Z\",\"Details\":\"full\","
         "\"Inactive\":false}",
         "failed|Bounce/m/"
         "2026-09-24T09:30:00Z|d|m|t@x.org|full||1790242200000"},
        {"{\"MessageID\":\"m\",\"Metadata\":{\"delivery_id\":\"d\"},"
         "\"RecordType\":\"Bounce\",\"Type\":\"Transient\",\"Email\":\"t@x."
         "org\",\"BouncedAt\":\"2026-09-24T09:30:00Z\"}",
         "deferred|Bounce/m/2026-09-24T09:30:00Z|d|m|t@x.org|||1790242200000"},
        {"{\"MessageID\":\"m\",\"Metadata\":{\"delivery_id\":\"d\"},"
         "\"RecordType\":\"SpamComplaint\",\"Email\":\"t@x.org\",\"BouncedAt\":"
         "\"2026-09-24T09:30:00Z\"}",
         "complained|SpamComplaint/m/"
         "2026-09-24T09:30:00Z|d|m|t@x.org|||1790242200000"},
        {"{\"MessageID\":\"m\",\"Metadata\":{\"delivery_id\":\"d\"},"
         "\"RecordType\":\"Open\",\"Recipient\":\"t@x.org\",\"ReceivedAt\":"
         "\"2026-09-24T09:30:00Z\"}",
         "opened|Open/m/2026-09-24T09:30:00Z|d|m|t@x.org|||1790242200000"},
        {"{\"MessageID\":\"m\",\"Metadata\":{\"delivery_id\":\"d\"},"
         "\"RecordType\":\"Click\",\"Recipient\":\"t@x.org\",\"ReceivedAt\":"
         "\"2026-09-24T09:30:00Z\",\"OriginalLink\":\"https://x.org/\"}",
         "clicked|Click/m/2026-09-24T09:30:00Z|d|m|t@x.org||https://x.org/"
         "|1790242200000"},
        {"{\"MessageID\":\"m\",\"Metadata\":{\"delivery_id\":\"d\"},"
         "\"RecordType\":\"SubscriptionChange\",\"Recipient\":\"t@x.org\","
         "\"ChangedAt\":\"2026-09-24T09:30:00Z\",\"SuppressSending\":true,"
         "\"SuppressionReason\":\"ManualSuppression\"}",
         "unsubscribed|SubscriptionChange/m/"
         "2026-09-24T09:30:00Z|d|m|t@x.org|ManualSuppression||1790242200000"},
        {"{\"MessageID\":\"m\",\"Metadata\":{\"delivery_id\":\"d\"},"
         "\"RecordType\":\"SubscriptionChange\",\"Recipient\":\"t@x.org\","
         "\"ChangedAt\":\"2026-09-24T09:30:00Z\",\"SuppressSending\":true,"
         "\"SuppressionReason\":\"HardBounce\"}",
         "bounced|SubscriptionChange/m/"
         "2026-09-24T09:30:00Z|d|m|t@x.org|HardBounce||1790242200000"},
        {"{\"MessageID\":\"m\",\"Metadata\":{\"delivery_id\":\"d\"},"
         "\"RecordType\":\"SubscriptionChange\",\"SuppressSending\":false}",
         ""},
        {"{\"MessageID\":\"m\",\"Metadata\":{\"delivery_id\":\"d\"},"
         "\"RecordType\":\"Inbound\"}",
         ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hook_fixture h;

        hook_begin(&h, HOOK_CONFIG, "https://belfry.example/v1/receipts/mail",
                   str_from(rows[i].body));
        hook_put_header(&h, "Authorization", STR("Basic cG06aHVudGVyMjIyMg=="));
        hook_take(&h, &channel_postmark);
        hook_check_told(&h, rows[i].told);
        hook_end(&h);
    }
}

static void
test_receipts_that_prove_nothing(void **state)
{
    static const struct {
        const char *config, *login, *body;
        enum channel_receipt_outcome outcome;
    } rows[] = {
        {HOOK_CONFIG, "Basic cG06aHVudGVyMjIyMg==", "[]",
         CHANNEL_RECEIPT_MALFORMED},
        {HOOK_CONFIG, "Basic cG06aHVudGVyMjIyMgA=", "{}",
         CHANNEL_RECEIPT_UNSIGNED},
        {HOOK_CONFIG, "", "{}", CHANNEL_RECEIPT_UNSIGNED},
        {"{}", "Basic Og==", "{}", CHANNEL_RECEIPT_UNSIGNED},
        {"{}", "", "{}", CHANNEL_RECEIPT_UNSIGNED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hook_fixture h;

        hook_begin(&h, rows[i].config,
                   "https://belfry.example/v1/receipts/mail",
                   str_from(rows[i].body));
        hook_put_header(&h, "Authorization", str_from(rows[i].login));
        hook_take(&h, &channel_postmark);
        assert_int_equal(h.r.outcome, rows[i].outcome);
        hook_end(&h);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call),
        cmocka_unit_test(test_subject_alone),
        cmocka_unit_test(test_config),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_whose_address_is_gone),
        cmocka_unit_test(test_detail_keeps_the_secret),
        cmocka_unit_test(test_what_is_no_mail),
        cmocka_unit_test(test_receipts),
        cmocka_unit_test(test_receipts_that_prove_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
