/* sendgrid_test.c - the call and the table of answers of SendGrid's v3 API. */
#include "channel/call_test.h"
#include "channel/driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/sign.h"

#define CONFIG                                                                 \
    "{\"api_key\":\"SG.canary0123\",\"from\":\"Shop <shop@example.com>\"}"

static void
test_call(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin_full_mail(&f, CONFIG);
    call_ask(&f, &channel_sendgrid);
    assert_false(f.call.is_done);
    assert_text(f.call.request.url, "https://api.sendgrid.com/v3/mail/send");
    assert_text(channel_sendgrid.host(f.arena, f.call.config),
                "api.sendgrid.com");
    assert_text(call_request_header(&f, "Authorization"),
                "Bearer SG.canary0123");
    assert_text(f.call.request.body,
                "{\"personalizations\":[{\"to\":[{\"email\":\"tim@example.net"
                "\",\"name\":\"Tim \\\"T\\\"\"}],\"cc\":[{\"email\":\"ann@exa"
                "mple.net\",\"name\":\"Ann\"}],\"custom_args\":{\"delivery_id"
                "\":\"dlv_01jd7w9q2me0rbn8t5k3xvhz4c\",\"addressee\":\"tim@"
                "example.net\"}}],\"from\":{\"email\""
                ":\"shop@example.com\",\"name\":\"Shop\"},\"reply_to\":{\"ema"
                "il\":\"help@example.com\"},\"subject\":\"Paid\",\"content\":"
                "[{\"type\":\"text/plain\",\"value\":\"Order 7 is paid.\"},{"
                "\"type\":\"text/html\",\"value\":\"<p>Paid</p>\"}],\"headers"
                "\":{\"Message-ID\":\"<dlv_01jd7w9q2me0rbn8t5k3xvhz4c@example"
                ".com>\",\"Content-Language\":\"en\",\"List-Unsubscribe\":\"<"
                "https://example.com/u/tok>\",\"List-Unsubscribe-Post\":\"Lis"
                "t-Unsubscribe=One-Click\",\"Auto-Submitted\":\"auto-generate"
                "d\",\"X-Order\":\"7\"}}");
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
         "\"webhook_verification_key\":\"x\"}",
         "/webhook_verification_key"},
        {"{\"api_key\":\"x\",\"from\":\"a@b.c\"}", ""},
    };

    (void)state;
    assert_configs(&channel_sendgrid, rows, sizeof(rows) / sizeof(rows[0]));
}

static void
test_answers(void **state)
{
    static const struct call_row rows[] = {
        {202, "", VERDICT_SENT, 0, .header = "X-Message-Id",
         .value = "14c5d75ce93", .id = "14c5d75ce93"},
        {202, "<html>", VERDICT_SENT, 0, .id = ""},
        {302, "{\"errors\":[{\"message\":\"x\",\"field\":null}]}",
         VERDICT_REJECTED, 0},
        {400, "{\"errors\":[{\"message\":\"x\",\"field\":null}]}",
         VERDICT_REJECTED, 0},
        {401, "{\"errors\":[{\"message\":\"x\",\"field\":null}]}",
         VERDICT_CREDENTIALS, 0},
        {403, "{\"errors\":[{\"message\":\"x\",\"field\":null}]}",
         VERDICT_CREDENTIALS, 0},
        {404, "{\"errors\":[{\"message\":\"x\",\"field\":null}]}",
         VERDICT_REJECTED, 0},
        {405, "{\"errors\":[{\"message\":\"x\",\"field\":null}]}",
         VERDICT_REJECTED, 0},
        {406, "{\"errors\":[{\"message\":\"x\",\"field\":null}]}",
         VERDICT_REJECTED, 0},
        {413, "{\"errors\":[{\"message\":\"x\",\"field\":null}]}",
         VERDICT_REJECTED, 0},
        {451, "{\"errors\":[{\"message\":\"x\",\"field\":null}]}",
         VERDICT_REJECTED, 0},
        {500, "{\"errors\":[{\"message\":\"x\",\"field\":null}]}",
         VERDICT_RETRY, 0},
        {503, "{\"errors\":[{\"message\":\"x\",\"field\":null}]}",
         VERDICT_RETRY, 0},
        {429, "{\"errors\":[{\"message\":\"x\",\"field\":null}]}", VERDICT_RATE,
         7000, .header = "X-RateLimit-Reset", .value = "1790242207"},
        {429, "{\"errors\":[{\"message\":\"x\",\"field\":null}]}", VERDICT_RATE,
         1000, .header = "X-RateLimit-Reset", .value = "1790242193"},
        {429, "{\"errors\":[{\"message\":\"x\",\"field\":null}]}", VERDICT_RATE,
         0},
        {429, "{\"errors\":[{\"message\":\"x\",\"field\":null}]}", VERDICT_RATE,
         86400000, .header = "X-RateLimit-Reset", .value = "99999999999"},
    };

    (void)state;
    assert_mail_rows(&channel_sendgrid, CONFIG, rows,
                     sizeof(rows) / sizeof(rows[0]));
}

static void
test_detail_keeps_the_secret(void **state)
{
    struct call_fixture f;
    struct channel_verdict *v;

    (void)state;
    call_begin_mail(&f, CONFIG);
    call_ask(&f, &channel_sendgrid);
    f.answer = (struct channel_answer){.status = 403,
                                       .body = STR("no SG.canary0123 here")};
    v = call_answer(&f, &channel_sendgrid);
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
    call_ask(&f, &channel_sendgrid);
    assert_true(f.call.is_done);
    assert_int_equal(f.verdict.verdict, VERDICT_REJECTED);
    assert_text(f.verdict.reason, "content.invalid");
    call_end(&f);
}

#define HOOK_URL "https://belfry.example/v1/receipts/mail"

static const char vector_body[] =
    "[{\"email\":\"hello@world.com\",\"event\":\"dropped\",\""
    "reason\":\"Bounced Address\",\"sg_event_id\":\"ZHJvcC0xM"
    "Dk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA\",\"sg_messag"
    "e_id\":\"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b7"
    "45b58-kmzbl-18-5F5FC76C-9.0\",\"smtp-id\":\"<LRzXl_NHStO"
    "GhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>\",\"timestamp"
    "\":1600112492}]\r\n";

static void
test_receipt_vector(void **state)
{
    static const struct {
        const char *timestamp, *extra;
        int64_t now_ms;
        enum channel_receipt_outcome outcome;
    } rows[] = {
        {"1600112502", "", 1600112502000, CHANNEL_RECEIPT_TAKEN},
        {"1600112502", "", 1600112802999, CHANNEL_RECEIPT_TAKEN},
        {"1600112502", "", 1600112803000, CHANNEL_RECEIPT_UNSIGNED},
        {"1600112503", "", 1600112502000, CHANNEL_RECEIPT_UNSIGNED},
        {"1600112502", " ", 1600112502000, CHANNEL_RECEIPT_UNSIGNED},
        {"", "", 1600112502000, CHANNEL_RECEIPT_UNSIGNED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hook_fixture h;

        hook_begin(
            &h,
            "{\"webhook_verification_key\":"
            "\"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7"
            "dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g=="
            "\"}",
            HOOK_URL, STR_NONE);
        h.r.body = str_fmt(h.f.arena, "%s%s", vector_body, rows[i].extra);
        h.r.now_ms = rows[i].now_ms;
        hook_put_header(&h, "X-Twilio-Email-Event-Webhook-Timestamp",
                        str_from(rows[i].timestamp));
        hook_put_header(
            &h, "X-Twilio-Email-Event-Webhook-Signature",
            STR("MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM"
                "+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM="));
        hook_take(&h, &channel_sendgrid);
        assert_int_equal(h.r.outcome, rows[i].outcome);
        if (rows[i].outcome == CHANNEL_RECEIPT_TAKEN)
            hook_check_told(
                &h, "bounced|ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9B"
                    "LTA||LRzXl_NHStOGhQ4kofSm_A|hello@world.com|Bounced "
                    "Address||1600112492000");
        hook_end(&h);
    }
}

/* RFC 7515, A.3 */
#define P256_KEY                                                               \
    "-----BEGIN EC PRIVATE "                                                   \
    "KEY-----\nMHcCAQEEII6bEJ5xkJi/"                                           \
    "mASH3x9dd+nLKWBuvtImO19XwhPfhPSyoAoGCCqGSM49\n"                           \
    "AwEHoUQDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72b\n"       \
    "focs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n-----END EC PRIVATE KEY-----\n"

static struct str
der_of(struct arena *a, struct str raw)
{
    struct buf b;

    buf_init(&b, a);
    buf_put_cstr(&b, "\x30");
    buf_put_char(&b, (char)(2 * 35));
    for (size_t i = 0; i < 2; i++) {
        buf_put_cstr(&b, "\x02\x21");
        buf_put_char(&b, 0); /* never too many, as r and s are made anew */
        buf_put_str(&b, str_sub(raw, 32 * i, 32));
    }
    return buf_str(&b);
}

/* Until both halves have their highest bit, as ASN.1 wants no needless zero. */
static void
put_signature(struct hook_fixture *h)
{
    struct str text = str_fmt(h->f.arena, "1790242200%.*s", STR_ARG(h->r.body)),
               raw;
    struct buf b;

    do
        raw = sign(h->f.arena, SIGN_ES256, STR(P256_KEY), text);
    while (!((unsigned char)raw.p[0] & 0x80) ||
           !((unsigned char)raw.p[32] & 0x80));
    buf_init(&b, h->f.arena);
    buf_put_base64(&b, der_of(h->f.arena, raw));
    hook_put_header(h, "X-Twilio-Email-Event-Webhook-Timestamp",
                    STR("1790242200"));
    hook_put_header(h, "X-Twilio-Email-Event-Webhook-Signature", buf_str(&b));
}

#define P256_CONFIG                                                            \
    "{\"webhook_verification_key\":\"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf8"   \
    "3OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72bfocs3+"                 \
    "257rn0s2ldbqkLJK2"                                                        \
    "KRiMohYjlrQ==\"}"

static void
test_receipts(void **state)
{
    static const struct {
        const char *body, *told;
    } rows[] = {
        {"[{\"email\":\"t@x.org\",\"sg_event_id\":\"e\",\"sg_message_id\":\"m."
         "f\",\"delivery_id\":\"d\",\"addressee\":\"u@x.org\",\"timestamp\":5,"
         "\"event\":\"open\"}]",
         ""},
        {"[{\"email\":\"t@x.org\",\"sg_event_id\":\"e\",\"sg_message_id\":\"m."
         "f\",\"delivery_id\":\"d\",\"addressee\":\"T@x.org\",\"timestamp\":5,"
         "\"event\":\"open\"}]",
         "opened|e|d|m|t@x.org|||5000"},
        {"[{\"email\":\"t@x.org\",\"sg_event_id\":\"e\",\"sg_message_id\":\"m."
         "filter0001\",\"delivery_id\":\"d\",\"timestamp\":5,\"event\":"
         "\"delivered\",\"response\":\"250 OK\"}]",
         "delivered|e|d|m|t@x.org|250 OK||5000"},
        {"[{\"email\":\"t@x.org\",\"sg_event_id\":\"e\",\"sg_message_id\":\"m."
         "filter0001\",\"delivery_id\":\"d\",\"timestamp\":5,\"event\":"
         "\"deferred\",\"response\":\"400 later\"}]",
         "deferred|e|d|m|t@x.org|400 later||5000"},
        {"[{\"email\":\"t@x.org\",\"sg_event_id\":\"e\",\"sg_message_id\":\"m."
         "filter0001\",\"delivery_id\":\"d\",\"timestamp\":5,\"event\":"
         "\"bounce\",\"type\":\"bounce\",\"reason\":\"550 no\"}]",
         "bounced|e|d|m|t@x.org|550 no||5000"},
        {"[{\"email\":\"t@x.org\",\"sg_event_id\":\"e\",\"sg_message_id\":\"m."
         "filter0001\",\"delivery_id\":\"d\",\"timestamp\":5,\"event\":"
         "\"bounce\",\"type\":\"blocked\",\"reason\":\"550 no\"}]",
         "failed|e|d|m|t@x.org|550 no||5000"},
        {"[{\"email\":\"t@x.org\",\"sg_event_id\":\"e\",\"sg_message_id\":\"m."
         "filter0001\",\"delivery_id\":\"d\",\"timestamp\":5,\"event\":"
         "\"dropped\",\"reason\":\"Invalid\"}]",
         "bounced|e|d|m|t@x.org|Invalid||5000"},
        {"[{\"email\":\"t@x.org\",\"sg_event_id\":\"e\",\"sg_message_id\":\"m."
         "filter0001\",\"delivery_id\":\"d\",\"timestamp\":5,\"event\":"
         "\"dropped\",\"reason\":\"Spam Content\"}]",
         "failed|e|d|m|t@x.org|Spam Content||5000"},
        {"[{\"email\":\"t@x.org\",\"sg_event_id\":\"e\",\"sg_message_id\":\"m."
         "filter0001\",\"delivery_id\":\"d\",\"timestamp\":5,\"event\":"
         "\"open\"}]",
         "opened|e|d|m|t@x.org|||5000"},
        {"[{\"email\":\"t@x.org\",\"sg_event_id\":\"e\",\"sg_message_id\":\"m."
         "filter0001\",\"delivery_id\":\"d\",\"timestamp\":5,\"event\":"
         "\"click\",\"url\":\"https://x.org/\"}]",
         "clicked|e|d|m|t@x.org||https://x.org/|5000"},
        {"[{\"email\":\"t@x.org\",\"sg_event_id\":\"e\",\"sg_message_id\":\"m."
         "filter0001\",\"delivery_id\":\"d\",\"timestamp\":5,\"event\":"
         "\"spamreport\"}]",
         "complained|e|d|m|t@x.org|||5000"},
        {"[{\"email\":\"t@x.org\",\"sg_event_id\":\"e\",\"sg_message_id\":\"m."
         "filter0001\",\"delivery_id\":\"d\",\"timestamp\":5,\"event\":"
         "\"unsubscribe\"}]",
         "unsubscribed|e|d|m|t@x.org|||5000"},
        {"[{\"email\":\"t@x.org\",\"sg_event_id\":\"e\",\"sg_message_id\":\"m."
         "filter0001\",\"delivery_id\":\"d\",\"timestamp\":5,\"event\":\"group_"
         "unsubscribe\",\"asm_group_id\":1}]",
         "unsubscribed|e|d|m|t@x.org|||5000"},
        {"[{\"email\":\"t@x.org\",\"sg_event_id\":\"e\",\"sg_message_id\":\"m."
         "filter0001\",\"delivery_id\":\"d\",\"timestamp\":5,\"event\":\"group_"
         "resubscribe\"}]",
         ""},
        {"[{\"email\":\"t@x.org\",\"sg_event_id\":\"e\",\"sg_message_id\":\"m."
         "filter0001\",\"delivery_id\":\"d\",\"timestamp\":5,\"event\":"
         "\"processed\"}]",
         ""},
        {"[{\"email\":\"t@x.org\",\"sg_event_id\":\"e\",\"sg_message_id\":\"m."
         "filter0001\",\"delivery_id\":\"d\",\"timestamp\":5,\"event\":"
         "\"what\"}]",
         ""},
    };
    struct hook_fixture h;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        hook_begin(&h, P256_CONFIG, HOOK_URL, str_from(rows[i].body));
        put_signature(&h);
        hook_take(&h, &channel_sendgrid);
        hook_check_told(&h, rows[i].told);
        hook_end(&h);
    }
    hook_begin(&h, P256_CONFIG, HOOK_URL, STR("{}"));
    put_signature(&h);
    hook_take(&h, &channel_sendgrid);
    assert_int_equal(h.r.outcome, CHANNEL_RECEIPT_MALFORMED);
    hook_end(&h);
    hook_begin(&h, "{}", HOOK_URL, STR("[]"));
    put_signature(&h);
    hook_take(&h, &channel_sendgrid);
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
