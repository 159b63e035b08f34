/* mailgun_test.c - the call and the table of answers of Mailgun's API. */
#include "channel/call_test.h"
#include "channel/driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define CONFIG                                                                 \
    "{\"api_key\":\"key-canary0123\",\"domain\":\"mg.example.com\",\"from\":"  \
    "\"Shop <shop@example.com>\"}"

static void
test_call(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin_full_mail(&f, CONFIG);
    call_ask(&f, &channel_mailgun);
    assert_false(f.call.is_done);
    assert_text(f.call.request.url,
                "https://api.mailgun.net/v3/mg.example.com/messages");
    assert_text(channel_mailgun.host(f.arena, f.call.config),
                "api.mailgun.net");
    assert_text(call_request_header(&f, "Authorization"),
                "Basic YXBpOmtleS1jYW5hcnkwMTIz");
    assert_text(call_request_header(&f, "Content-Type"),
                "application/x-www-form-urlencoded");
    assert_text(f.call.request.body,
                "from=%22Shop%22%20%3Cshop%40example.com%3E&to=%22Tim%20%5C%2"
                "2T%5C%22%22%20%3Ctim%40example.net%3E&cc=%22Ann%22%20%3Cann%"
                "40example.net%3E&subject=Paid&text=Order%207%20is%20paid.&ht"
                "ml=%3Cp%3EPaid%3C%2Fp%3E&h%3AMessage-Id=%3Cdlv_01jd7w9q2me0r"
                "bn8t5k3xvhz4c%40example.com%3E&h%3AReply-To=help%40example.c"
                "om&h%3AContent-Language=en&h%3AList-Unsubscribe=%3Chttps%3A%"
                "2F%2Fexample.com%2Fu%2Ftok%3E&h%3AList-Unsubscribe-Post=List"
                "-Unsubscribe%3DOne-Click&h%3AAuto-Submitted=auto-generated&h"
                "%3AX-Order=7&v%3Adelivery_id=dlv_01jd7w9q2me0rbn8t5k3xvhz4c"
                "&v%3Aaddressee=tim%40example.net");
    call_end(&f);
}

static void
test_config(void **state)
{
    static const struct call_config rows[] = {
        {"{}", "/api_key /domain /from"},
        {"{\"api_key\":\"x\",\"domain\":\"a.b\",\"from\":\"nobody\"}", "/from"},
        {"{\"api_key\":\"x\",\"domain\":\"a/b\",\"from\":\"a@b.c\"}",
         "/domain"},
        {"{\"api_key\":\"x\",\"domain\":\"a.b\",\"from\":\"a@b.c\",\"base_"
         "url\":\"x\"}",
         "/base_url"},
        {"{\"api_key\":\"x\",\"domain\":\"a.b\",\"from\":\"a@b.c\"}", ""},
    };

    (void)state;
    assert_configs(&channel_mailgun, rows, sizeof(rows) / sizeof(rows[0]));
}

static void
test_answers(void **state)
{
    static const struct call_row rows[] = {
        {200,
         "{\"id\":\"<2016.1@mg.example.com>\",\"message\":\"Queued. Thank "
         "you.\"}",
         VERDICT_SENT, 0, .id = "2016.1@mg.example.com"},
        {200, "{\"id\":\"2016\"}", VERDICT_SENT, 0, .id = "2016"},
        {200, "", VERDICT_SENT, 0, .id = ""},
        {202, "{\"id\":\"<1@x>\"}", VERDICT_SENT, 0, .id = "1@x"},
        {400, "{\"message\":\"x\"}", VERDICT_REJECTED, 0},
        {402, "{\"message\":\"x\"}", VERDICT_CREDENTIALS, 0},
        {403, "{\"message\":\"x\"}", VERDICT_CREDENTIALS, 0},
        {404, "{\"message\":\"x\"}", VERDICT_REJECTED, 0},
        {413, "{\"message\":\"x\"}", VERDICT_REJECTED, 0},
        {500, "{\"message\":\"x\"}", VERDICT_RETRY, 0},
        {401, "Forbidden", VERDICT_CREDENTIALS, 0},
        {429, "{\"message\":\"x\"}", VERDICT_RATE, 5000,
         .header = "Retry-After", .value = "5"},
        {429, "", VERDICT_RATE, 0},
    };

    (void)state;
    assert_mail_rows(&channel_mailgun, CONFIG, rows,
                     sizeof(rows) / sizeof(rows[0]));
}

static void
test_detail_keeps_the_secret(void **state)
{
    struct call_fixture f;
    struct channel_verdict *v;

    (void)state;
    call_begin_mail(&f, CONFIG);
    call_ask(&f, &channel_mailgun);
    f.answer = (struct channel_answer){.status = 403,
                                       .body = STR("no key-canary0123 here")};
    v = call_answer(&f, &channel_mailgun);
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
    call_ask(&f, &channel_mailgun);
    assert_true(f.call.is_done);
    assert_int_equal(f.verdict.verdict, VERDICT_REJECTED);
    assert_text(f.verdict.reason, "content.invalid");
    call_end(&f);
}

static const struct {
    const char *body, *told;
} told_rows[] = {
    {"{\"signature\":{\"timestamp\":\"1661590666\",\"token\":"
     "\"fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b\",\"signature\":"
     "\"a0cd251821d8fd56a2130b541becc8e441023574e602fe9829a9ab9fbfdea33f\"},"
     "\"event-data\":{\"event\":\"opened\",\"recipient\":\"t@x.org\","
     "\"timestamp\":5,\"message\":{\"headers\":{\"message-id\":\"m@x\"}},"
     "\"user-variables\":{\"delivery_id\":\"d\",\"addressee\":\"u@x.org\"}}}",
     ""},
    {"{\"signature\":{\"timestamp\":\"1661590666\",\"token\":"
     "\"fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b\",\"signature\":"
     "\"a0cd251821d8fd56a2130b541becc8e441023574e602fe9829a9ab9fbfdea33f\"},"
     "\"event-data\":{\"event\":\"opened\",\"recipient\":\"t@x.org\","
     "\"timestamp\":5,\"message\":{\"headers\":{\"message-id\":\"m@x\"}},"
     "\"user-variables\":{\"delivery_id\":\"d\",\"addressee\":\"t@x.org\"}}}",
     "opened|fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b|d|m@x|t@x.org||"
     "|5000"},
    {"{\"signature\":{\"timestamp\":\"1661590666\",\"token\":"
     "\"fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b\",\"signature\":"
     "\"a0cd251821d8fd56a2130b541becc8e441023574e602fe9829a9ab9fbfdea33f\"}"
     ",\"event-data\":{\"recipient\":\"t@x.org\",\"timestamp\":5.25,"
     "\"message\":{\"headers\":{\"message-id\":\"m@x\"}},\"user-"
     "variables\":{\"delivery_id\":\"d\"},\"event\":\"delivered\","
     "\"delivery-status\":{\"message\":\"OK\",\"code\":250}}}",
     "delivered|fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b|d|m@x|t@"
     "x.org|OK||5000"},
    {"{\"signature\":{\"timestamp\":\"1661590666\",\"token\":"
     "\"fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b\",\"signature\":"
     "\"a0cd251821d8fd56a2130b541becc8e441023574e602fe9829a9ab9fbfdea33f\"}"
     ",\"event-data\":{\"recipient\":\"t@x.org\",\"timestamp\":5.25,"
     "\"message\":{\"headers\":{\"message-id\":\"m@x\"}},\"user-"
     "variables\":{\"delivery_id\":\"d\"},\"event\":\"failed\","
     "\"severity\":\"temporary\",\"reason\":\"old\",\"delivery-status\":{"
     "\"description\":\"later\"}}}",
     "deferred|fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b|d|m@x|t@"
     "x.org|later||5000"},
    {"{\"signature\":{\"timestamp\":\"1661590666\",\"token\":"
     "\"fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b\",\"signature\":"
     "\"a0cd251821d8fd56a2130b541becc8e441023574e602fe9829a9ab9fbfdea33f\"}"
     ",\"event-data\":{\"recipient\":\"t@x.org\",\"timestamp\":5.25,"
     "\"message\":{\"headers\":{\"message-id\":\"m@x\"}},\"user-"
     "variables\":{\"delivery_id\":\"d\"},\"event\":\"failed\","
     "\"severity\":\"permanent\",\"reason\":\"bounce\",\"delivery-status\":"
     "{\"code\":550,\"message\":\"no such\"}}}",
     "bounced|fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b|d|m@x|t@x."
     "org|no such||5000"},
    {"{\"signature\":{\"timestamp\":\"1661590666\",\"token\":"
     "\"fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b\",\"signature\":"
     "\"a0cd251821d8fd56a2130b541becc8e441023574e602fe9829a9ab9fbfdea33f\"}"
     ",\"event-data\":{\"recipient\":\"t@x.org\",\"timestamp\":5.25,"
     "\"message\":{\"headers\":{\"message-id\":\"m@x\"}},\"user-"
     "variables\":{\"delivery_id\":\"d\"},\"event\":\"failed\","
     "\"severity\":\"permanent\",\"reason\":\"bounce\",\"delivery-status\":"
     "{\"code\":553,\"enhanced-code\":\"5.1.1\",\"message\":\"\"}}}",
     "bounced|fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b|d|m@x|t@x."
     "org|bounce||5000"},
    {"{\"signature\":{\"timestamp\":\"1661590666\",\"token\":"
     "\"fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b\",\"signature\":"
     "\"a0cd251821d8fd56a2130b541becc8e441023574e602fe9829a9ab9fbfdea33f\"}"
     ",\"event-data\":{\"recipient\":\"t@x.org\",\"timestamp\":5.25,"
     "\"message\":{\"headers\":{\"message-id\":\"m@x\"}},\"user-"
     "variables\":{\"delivery_id\":\"d\"},\"event\":\"failed\","
     "\"severity\":\"permanent\",\"reason\":\"suppress-bounce\",\"delivery-"
     "status\":{\"code\":605}}}",
     "bounced|fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b|d|m@x|t@x."
     "org|suppress-bounce||5000"},
    {"{\"signature\":{\"timestamp\":\"1661590666\",\"token\":"
     "\"fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b\",\"signature\":"
     "\"a0cd251821d8fd56a2130b541becc8e441023574e602fe9829a9ab9fbfdea33f\"}"
     ",\"event-data\":{\"recipient\":\"t@x.org\",\"timestamp\":5.25,"
     "\"message\":{\"headers\":{\"message-id\":\"m@x\"}},\"user-"
     "variables\":{\"delivery_id\":\"d\"},\"event\":\"failed\","
     "\"severity\":\"permanent\",\"reason\":\"bounce\",\"delivery-status\":"
     "{\"code\":554}}}",
     "failed|fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b|d|m@x|t@x."
     "org|bounce||5000"},
    {"{\"signature\":{\"timestamp\":\"1661590666\",\"token\":"
     "\"fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b\",\"signature\":"
     "\"a0cd251821d8fd56a2130b541becc8e441023574e602fe9829a9ab9fbfdea33f\"}"
     ",\"event-data\":{\"recipient\":\"t@x.org\",\"timestamp\":5.25,"
     "\"message\":{\"headers\":{\"message-id\":\"m@x\"}},\"user-"
     "variables\":{\"delivery_id\":\"d\"},\"event\":\"failed\","
     "\"severity\":\"permanent\",\"reason\":\"generic\"}}",
     "failed|fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b|d|m@x|t@x."
     "org|generic||5000"},
    {"{\"signature\":{\"timestamp\":\"1661590666\",\"token\":"
     "\"fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b\",\"signature\":"
     "\"a0cd251821d8fd56a2130b541becc8e441023574e602fe9829a9ab9fbfdea33f\"}"
     ",\"event-data\":{\"recipient\":\"t@x.org\",\"timestamp\":5.25,"
     "\"message\":{\"headers\":{\"message-id\":\"m@x\"}},\"user-"
     "variables\":{\"delivery_id\":\"d\"},\"event\":\"rejected\"}}",
     "failed|fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b|d|m@x|t@x."
     "org|||5000"},
    {"{\"signature\":{\"timestamp\":\"1661590666\",\"token\":"
     "\"fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b\",\"signature\":"
     "\"a0cd251821d8fd56a2130b541becc8e441023574e602fe9829a9ab9fbfdea33f\"}"
     ",\"event-data\":{\"recipient\":\"t@x.org\",\"timestamp\":5.25,"
     "\"message\":{\"headers\":{\"message-id\":\"m@x\"}},\"user-"
     "variables\":{\"delivery_id\":\"d\"},\"event\":\"opened\"}}",
     "opened|fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b|d|m@x|t@x."
     "org|||5000"},
    {"{\"signature\":{\"timestamp\":\"1661590666\",\"token\":"
     "\"fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b\",\"signature\":"
     "\"a0cd251821d8fd56a2130b541becc8e441023574e602fe9829a9ab9fbfdea33f\"}"
     ",\"event-data\":{\"recipient\":\"t@x.org\",\"timestamp\":5.25,"
     "\"message\":{\"headers\":{\"message-id\":\"m@x\"}},\"user-"
     "variables\":{\"delivery_id\":\"d\"},\"event\":\"clicked\",\"url\":"
     "\"https://x.org/\"}}",
     "clicked|fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b|d|m@x|t@x."
     "org||https://x.org/|5000"},
    {"{\"signature\":{\"timestamp\":\"1661590666\",\"token\":"
     "\"fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b\",\"signature\":"
     "\"a0cd251821d8fd56a2130b541becc8e441023574e602fe9829a9ab9fbfdea33f\"}"
     ",\"event-data\":{\"recipient\":\"t@x.org\",\"timestamp\":5.25,"
     "\"message\":{\"headers\":{\"message-id\":\"m@x\"}},\"user-"
     "variables\":{\"delivery_id\":\"d\"},\"event\":\"unsubscribed\"}}",
     "unsubscribed|fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b|d|m@"
     "x|t@x.org|||5000"},
    {"{\"signature\":{\"timestamp\":\"1661590666\",\"token\":"
     "\"fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b\",\"signature\":"
     "\"a0cd251821d8fd56a2130b541becc8e441023574e602fe9829a9ab9fbfdea33f\"}"
     ",\"event-data\":{\"recipient\":\"t@x.org\",\"timestamp\":5.25,"
     "\"message\":{\"headers\":{\"message-id\":\"m@x\"}},\"user-"
     "variables\":{\"delivery_id\":\"d\"},\"event\":\"complained\"}}",
     "complained|fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b|d|m@x|"
     "t@x.org|||5000"},
    {"{\"signature\":{\"timestamp\":\"1661590666\",\"token\":"
     "\"fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b\",\"signature\":"
     "\"a0cd251821d8fd56a2130b541becc8e441023574e602fe9829a9ab9fbfdea33f\"}"
     ",\"event-data\":{\"recipient\":\"t@x.org\",\"timestamp\":5.25,"
     "\"message\":{\"headers\":{\"message-id\":\"m@x\"}},\"user-"
     "variables\":{\"delivery_id\":\"d\"},\"event\":\"accepted\"}}",
     ""},
    {"{\"signature\":{\"timestamp\":\"1661590666\",\"token\":"
     "\"fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b\",\"signature\":"
     "\"a0cd251821d8fd56a2130b541becc8e441023574e602fe9829a9ab9fbfdea33f\"}"
     ",\"event-data\":{\"recipient\":\"t@x.org\",\"timestamp\":5.25,"
     "\"message\":{\"headers\":{\"message-id\":\"m@x\"}},\"user-"
     "variables\":{\"delivery_id\":\"d\"},\"event\":\"stored\"}}",
     ""},
};

static void
test_receipts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(told_rows) / sizeof(told_rows[0]); i++) {
        struct hook_fixture h;

        hook_begin(&h,
                   "{\"webhook_signing_key\":\"key-"
                   "0p6mqbf74lb20gzq9f4dhpn9rg3zyk26\"}",
                   "https://belfry.example/v1/receipts/mail",
                   str_from(told_rows[i].body));
        h.r.now_ms = 1661590666000;
        hook_take(&h, &channel_mailgun);
        hook_check_told(&h, told_rows[i].told);
        hook_end(&h);
    }
}

static void
test_receipts_that_prove_nothing(void **state)
{
    static const struct {
        const char *body;
        int64_t now_ms;
        enum channel_receipt_outcome outcome;
    } rows[] = {
        {"{\"signature\":{\"timestamp\":\"1661621361\",\"token\":"
         "\"fafa24ab7699395ccfce2847b87dce8a29f6696a79127ee77c\",\"signature\":"
         "\"4328A8EA0818DCB218382CF70CCEE285C45A8755F5F5616BE90B887B67D84593\"}"
         ",\"event-data\":{\"recipient\":\"t@x.org\",\"timestamp\":5.25,"
         "\"message\":{\"headers\":{\"message-id\":\"m@x\"}},\"user-"
         "variables\":{\"delivery_id\":\"d\"},\"event\":\"opened\"}}",
         1661621361000, CHANNEL_RECEIPT_TAKEN},
        {"{\"signature\":{\"timestamp\":\"1661621361\",\"token\":"
         "\"fafa24ab7699395ccfce2847b87dce8a29f6696a79127ee77c\",\"signature\":"
         "\"4328A8EA0818DCB218382CF70CCEE285C45A8755F5F5616BE90B887B67D84593\"}"
         ",\"event-data\":{\"recipient\":\"t@x.org\",\"timestamp\":5.25,"
         "\"message\":{\"headers\":{\"message-id\":\"m@x\"}},\"user-"
         "variables\":{\"delivery_id\":\"d\"},\"event\":\"opened\"}}",
         1661621661999, CHANNEL_RECEIPT_TAKEN},
        {"{\"signature\":{\"timestamp\":\"1661621361\",\"token\":"
         "\"fafa24ab7699395ccfce2847b87dce8a29f6696a79127ee77c\",\"signature\":"
         "\"4328A8EA0818DCB218382CF70CCEE285C45A8755F5F5616BE90B887B67D84593\"}"
         ",\"event-data\":{\"recipient\":\"t@x.org\",\"timestamp\":5.25,"
         "\"message\":{\"headers\":{\"message-id\":\"m@x\"}},\"user-"
         "variables\":{\"delivery_id\":\"d\"},\"event\":\"opened\"}}",
         1661621662000, CHANNEL_RECEIPT_UNSIGNED},
        {"{\"signature\":{\"timestamp\":\"1661590666\",\"token\":"
         "\"fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b\",\"signature\":"
         "\"a0cd251821d8fd56a2130b541becc8e441023574e602fe9829a9ab9fbfdea33e\"}"
         ",\"event-data\":{\"recipient\":\"t@x.org\",\"timestamp\":5.25,"
         "\"message\":{\"headers\":{\"message-id\":\"m@x\"}},\"user-"
         "variables\":{\"delivery_id\":\"d\"},\"event\":\"opened\"}}",
         1661590666000, CHANNEL_RECEIPT_UNSIGNED},
        {"{\"signature\":{\"timestamp\":\"1661590666\",\"token\":"
         "\"fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b\",\"signature\":"
         "\"a0cd251821d8fd56a2130b541becc8e441023574e602fe9829a9ab9fbfdea33f\"}"
         "}",
         1661590666000, CHANNEL_RECEIPT_MALFORMED},
        {"{}", 1661590666000, CHANNEL_RECEIPT_UNSIGNED},
        {"<html>", 1661590666000, CHANNEL_RECEIPT_UNSIGNED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hook_fixture h;

        hook_begin(&h,
                   "{\"webhook_signing_key\":\"key-"
                   "0p6mqbf74lb20gzq9f4dhpn9rg3zyk26\"}",
                   "https://belfry.example/v1/receipts/mail",
                   str_from(rows[i].body));
        h.r.now_ms = rows[i].now_ms;
        hook_take(&h, &channel_mailgun);
        assert_int_equal(h.r.outcome, rows[i].outcome);
        hook_end(&h);
    }
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
        cmocka_unit_test(test_receipts),
        cmocka_unit_test(test_receipts_that_prove_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
