/* sns_test.c - what Amazon SNS signs, with the key of RFC 8463, and what SES
 * tells by it. */
#include "channel/sns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/sign.h"
#include "channel/call_test.h"

static const char rsa_key[] =
    "-----BEGIN RSA PRIVATE KEY-----\n"
    "MIICXQIBAAKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi\n"
    "Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqM\n"
    "KrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB\n"
    "AoGAH0cxOhFZDgzXWhDhnAJDw5s4roOXN4OhjiXa8W7Y3rhX3FJqmJSPuC8N9vQm\n"
    "6SVbaLAE4SG5mLMueHlh4KXffEpuLEiNp9Ss3O4YfLiQpbRqE7Tm5SxKjvvQoZZe\n"
    "zHorimOaChRL2it47iuWxzxSiRMv4c+j70GiWdxXnxe4UoECQQDzJB/0U58W7RZy\n"
    "6enGVj2kWF732CoWFZWzi1FicudrBFoy63QwcowpoCazKtvZGMNlPWnC7x/6o8Gc\n"
    "uSe0ga2xAkEA8C7PipPm1/1fTRQvj1o/dDmZp243044ZNyxjg+/OPN0oWCbXIGxy\n"
    "WvmZbXriOWoSALJTjExEgraHEgnXssuk7QJBALl5ICsYMu6hMxO73gnfNayNgPxd\n"
    "WFV6Z7ULnKyV7HSVYF0hgYOHjeYe9gaMtiJYoo0zGN+L3AAtNP9huqkWlzECQE1a\n"
    "licIeVlo1e+qJ6Mgqr0Q7Aa7falZ448ccbSFYEPD6oFxiOl9Y9se9iYHZKKfIcst\n"
    "o7DUw1/hz2Ck4N5JrgUCQQCyKveNvjzkkd8HjYs0SwM0fPjK16//5qDZ2UiDGnOe\n"
    "uEzxBDAr518Z8VFbR41in3W4Y3yCDgQlLlcETrS+zYcL\n"
    "-----END RSA PRIVATE KEY-----\n";

#define PUBLIC                                                                 \
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qh" \
    "dR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+" \
    "PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
#define TOPIC "arn:aws:sns:us-east-2:123456789012:s4-MySNSTopic-1G1WEFCOXTC0P"
#define CONFIG                                                                 \
    "{\"sns_topic_arn\":\"" TOPIC "\",\"sns_certificate\":\"" PUBLIC "\"}"
#define CERT_URL                                                               \
    "https://sns.us-east-2.amazonaws.com/SimpleNotificationService-1.pem"
#define V2                                                                     \
    "jTHG4RHctSvVND0Q+f1pyP2+ux1Yum5k8okO0wsXqNOLAiBrerFHtr4aP1QwST7iI28mJGWh" \
    "EkCpoCfp6bzDoxNXgxKsbZ1Bd2k8QkVtBlEb7SLtzLEkHZ3mpyxE79AanUAWh47qf15xlu4J" \
    "BASzQsj62duS3AScyOrG76hOo/Q="
#define V1                                                                     \
    "iViYl6FbE82nrXs9mLTtHpIXnHjUXEqtJNu82j77dIdO81IU5g76j6DJgB9FcSOg3U6FyhOD" \
    "9GyjsqgZyjusSkylTSJgY947po06Gh4SmRr1QEEFofWRV++DDDW015Vo+1I5HlziyE89a5KJ" \
    "MaDkZz59cEHi5UzBCXa7C2g2U/0="
#define HEAD                                                                   \
    "{\"Type\":\"Notification\","                                              \
    "\"MessageId\":\"4d4dc071-ddbf-465d-bba8-08f81c89da64\","                  \
    "\"TopicArn\":\"" TOPIC "\",\"Subject\":\"My subject\","                   \
    "\"Timestamp\":\"2019-01-31T04:37:04.321Z\","

static void
test_vectors(void **state)
{
    static const struct {
        const char *body;
        enum channel_receipt_outcome outcome;
    } rows[] = {
        {HEAD "\"Message\":\"My Test Message\",\"SignatureVersion\":\"2\","
              "\"SigningCertURL\":\"" CERT_URL "\",\"Signature\":\"" V2 "\"}",
         CHANNEL_RECEIPT_TAKEN},
        {HEAD "\"Message\":\"My Test Message\",\"SignatureVersion\":\"1\","
              "\"SigningCertURL\":\"" CERT_URL "\",\"Signature\":\"" V1 "\"}",
         CHANNEL_RECEIPT_TAKEN},
        {HEAD "\"Message\":\"My Test Message\",\"SignatureVersion\":\"1\","
              "\"SigningCertURL\":\"" CERT_URL "\",\"Signature\":\"" V2 "\"}",
         CHANNEL_RECEIPT_UNSIGNED},
        {HEAD "\"Message\":\"Another\",\"SignatureVersion\":\"2\","
              "\"SigningCertURL\":\"" CERT_URL "\",\"Signature\":\"" V2 "\"}",
         CHANNEL_RECEIPT_UNSIGNED},
        {HEAD "\"Message\":\"My Test Message\",\"SignatureVersion\":\"2\","
              "\"SigningCertURL\":\"https://sns.evil.example/a.pem\","
              "\"Signature\":\"" V2 "\"}",
         CHANNEL_RECEIPT_UNSIGNED},
        {HEAD "\"Message\":\"My Test Message\",\"SignatureVersion\":\"2\","
              "\"SigningCertURL\":\"https://sns.us-east-2.amazonaws.com.evil."
              "example/a.pem\",\"Signature\":\"" V2 "\"}",
         CHANNEL_RECEIPT_UNSIGNED},
        {HEAD "\"Message\":\"My Test Message\",\"SignatureVersion\":\"3\","
              "\"SigningCertURL\":\"" CERT_URL "\",\"Signature\":\"" V2 "\"}",
         CHANNEL_RECEIPT_UNSIGNED},
        {HEAD "\"Message\":\"My Test Message\"}", CHANNEL_RECEIPT_UNSIGNED},
        {"My Test Message", CHANNEL_RECEIPT_UNSIGNED}, /* raw delivery */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hook_fixture h;
        struct str id, message;

        hook_begin(&h, CONFIG, "https://b.example/v1/receipts/x",
                   str_from(rows[i].body));
        hook_put_header(&h, "x-amz-sns-message-type", STR("Notification"));
        message = sns_open(&h.r, &id);
        if (h.r.outcome != rows[i].outcome)
            fail_msg("row %zu: %d", i, (int)h.r.outcome);
        assert_text(message, rows[i].outcome == CHANNEL_RECEIPT_TAKEN
                                 ? "My Test Message"
                                 : "");
        hook_put_header(&h, "x-amz-sns-message-type", STR("Notification"));
        sns_open(&h.r, &id); /* a header twice */
        assert_int_equal(h.r.outcome, CHANNEL_RECEIPT_UNSIGNED);
        hook_end(&h);
    }
}

static void
test_signed_text(void **state)
{
    struct hook_fixture h;

    (void)state;
    hook_begin(&h, HEAD "\"Message\":\"a\\nb\",\"Token\":\"t\"}", "https://b/",
               STR_NONE);
    assert_text(sns_signed_text(h.f.arena, h.r.config),
                "Message\na\nb\nMessageId\n4d4dc071-ddbf-465d-bba8-08f81c89da64"
                "\nSubject\nMy subject\nTimestamp\n2019-01-31T04:37:04.321Z\n"
                "TopicArn\n" TOPIC "\nType\nNotification\n");
    hook_end(&h);
}

/* Signs and takes it; the members that matter first. */
static void
take(struct hook_fixture *h, const char *config, const char *type,
     const char *members)
{
    struct arena *a;
    struct json_doc doc;
    struct json_error error;
    struct str open;
    struct buf b;

    hook_begin(h, config, "https://b.example/v1/receipts/x", STR_NONE);
    a = h->f.arena;
    open = str_fmt(a,
                   "{\"Type\":\"%s\",\"TopicArn\":\"" TOPIC
                   "\",\"MessageId\":\"i\",\"Timestamp\":\"2026\",%s,"
                   "\"SignatureVersion\":\"2\",\"SigningCertURL\":\"" CERT_URL
                   "\"",
                   type, members);
    assert_int_equal(
        json_parse(a, str_fmt(a, "%.*s}", STR_ARG(open)), &doc, &error),
        ERR_OK);
    buf_init(&b, a);
    buf_put_str(&b, open);
    buf_put_cstr(&b, ",\"Signature\":\"");
    buf_put_base64(&b, sign(a, SIGN_RS256, str_from(rsa_key),
                            sns_signed_text(a, json_root(&doc))));
    buf_put_cstr(&b, "\"}");
    h->r.body = buf_str(&b);
    hook_put_header(h, "x-amz-sns-message-type", str_from(type));
    hook_take(h, &channel_ses);
}

static void
test_subscription(void **state)
{
    static const struct {
        const char *config, *url;
        enum channel_receipt_outcome outcome;
    } rows[] = {
        {CONFIG, "https://sns.us-east-2.amazonaws.com/?Action=Confirm",
         CHANNEL_RECEIPT_TAKEN},
        {CONFIG, "https://sns.cn-north-1.amazonaws.com.cn/?Action=Confirm",
         CHANNEL_RECEIPT_TAKEN},
        {CONFIG, "http://sns.us-east-2.amazonaws.com/",
         CHANNEL_RECEIPT_MALFORMED},
        {CONFIG, "https://127.0.0.1/", CHANNEL_RECEIPT_MALFORMED},
        {CONFIG, "https://sns.a.b.amazonaws.com/", CHANNEL_RECEIPT_MALFORMED},
        {CONFIG, "https://sns.amazonaws.com/", CHANNEL_RECEIPT_MALFORMED},
        {"{\"sns_topic_arn\":\"arn:other\",\"sns_certificate\":\"" PUBLIC "\"}",
         "https://sns.us-east-2.amazonaws.com/", CHANNEL_RECEIPT_UNSIGNED},
        {"{}", "https://sns.us-east-2.amazonaws.com/",
         CHANNEL_RECEIPT_UNSIGNED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena *a = arena_new();
        struct hook_fixture h;

        take(&h, rows[i].config, "SubscriptionConfirmation",
             str_cstr(a, str_fmt(a,
                                 "\"Token\":\"t\",\"Message\":\"m\","
                                 "\"SubscribeURL\":\"%s\"",
                                 rows[i].url)));
        if (h.r.outcome != rows[i].outcome)
            fail_msg("row %zu: %d", i, (int)h.r.outcome);
        assert_text(h.r.request.url, rows[i].outcome == CHANNEL_RECEIPT_TAKEN
                                         ? rows[i].url
                                         : "");
        hook_end(&h);
        arena_free(a);
    }
}

#define MAIL                                                                   \
    ",\"mail\":{\"messageId\":\"m\",\"destination\":[\"t@x.org\"],"            \
    "\"tags\":{\"delivery_id\":[\"d\"]}}}"
#define MAIL_TO_T                                                              \
    ",\"mail\":{\"messageId\":\"m\",\"commonHeaders\":{\"to\":["               \
    "\"Tim <T@x.org>\"]},\"tags\":{\"delivery_id\":[\"d\"]}}}"
#define AT "\"timestamp\":\"2026-09-24T09:30:00.000Z\""
#define MS "1790242200000"

static void
test_events(void **state)
{
    static const struct {
        const char *message, *told;
    } rows[] = {
        {"{\"eventType\":\"Delivery\",\"delivery\":{" AT "}" MAIL,
         "delivered|i|d|m|t@x.org|||" MS},
        {"{\"notificationType\":\"Delivery\",\"delivery\":{" AT "}" MAIL,
         "delivered|i|d|m|t@x.org|||" MS},
        {"{\"eventType\":\"Bounce\",\"bounce\":{\"bounceType\":\"Permanent\","
         "\"bounceSubType\":\"NoEmail\",\"bouncedRecipients\":[{"
         "\"emailAddress\":\"t@x.org\"},{\"emailAddress\":\"u@x.org\"}]," AT
         "}" MAIL,
         "bounced|i/t@x.org|d|m|t@x.org|NoEmail||" MS
         " bounced|i/u@x.org|d|m|u@x.org|NoEmail||" MS},
        {"{\"eventType\":\"Bounce\",\"bounce\":{\"bounceType\":\"Permanent\","
         "\"bouncedRecipients\":[{\"emailAddress\":\"u@x.org\"},"
         "{\"emailAddress\":\"t@x.org\"}]," AT "}" MAIL_TO_T,
         "bounced|i/t@x.org|d|m|t@x.org|||" MS},
        {"{\"eventType\":\"Bounce\",\"bounce\":{\"bounceType\":\"Transient\","
         "\"bounceSubType\":\"MailboxFull\",\"bouncedRecipients\":[{"
         "\"emailAddress\":\"t@x.org\"}]," AT "}" MAIL,
         "failed|i/t@x.org|d|m|t@x.org|MailboxFull||" MS},
        {"{\"eventType\":\"Complaint\",\"complaint\":{"
         "\"complainedRecipients\":[{\"emailAddress\":\"t@x.org\"}],"
         "\"complaintFeedbackType\":\"abuse\"," AT "}" MAIL,
         "complained|i/t@x.org|d|m|t@x.org|abuse||" MS},
        {"{\"eventType\":\"Reject\",\"reject\":{\"reason\":\"Bad "
         "content\"}" MAIL,
         "failed|i|d|m|t@x.org|Bad content||0"},
        {"{\"eventType\":\"DeliveryDelay\",\"deliveryDelay\":{\"delayType\":"
         "\"MailboxFull\",\"delayedRecipients\":[]," AT "}" MAIL,
         "deferred|i|d|m||MailboxFull||" MS},
        {"{\"eventType\":\"Open\",\"open\":{" AT "}" MAIL,
         "opened|i|d|m|t@x.org|||" MS},
        {"{\"eventType\":\"Click\",\"click\":{\"link\":\"https://x.org/\"," AT
         "}" MAIL,
         "clicked|i|d|m|t@x.org||https://x.org/|" MS},
        {"{\"eventType\":\"Rendering Failure\",\"failure\":{"
         "\"errorMessage\":\"no such variable\"}" MAIL,
         "failed|i|d|m|t@x.org|no such variable||0"},
        {"{\"eventType\":\"Subscription\",\"subscription\":{" AT
         ",\"newTopicPreferences\":{\"unsubscribeAll\":true,"
         "\"topicSubscriptionStatus\":[]}}" MAIL,
         "unsubscribed|i|d|m|t@x.org|||" MS},
        {"{\"eventType\":\"Subscription\",\"subscription\":{" AT
         ",\"newTopicPreferences\":{\"unsubscribeAll\":false,"
         "\"topicSubscriptionStatus\":[{\"topicName\":\"a\","
         "\"subscriptionStatus\":\"OptIn\"}]}}" MAIL,
         ""},
        {"{\"eventType\":\"Subscription\",\"subscription\":{}" MAIL, ""},
        {"{\"eventType\":\"Send\",\"send\":{}" MAIL, ""},
        {"Successfully validated SNS topic", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hook_fixture h;
        struct buf b = {0};

        buf_put_cstr(&b, "\"Message\":");
        buf_put_json_str(&b, str_from(rows[i].message));
        buf_put_char(&b, 0);
        take(&h, CONFIG, "Notification", b.p);
        hook_check_told(&h, rows[i].told);
        hook_end(&h);
        buf_fini(&b);
    }
}

static void
test_config(void **state)
{
    static const struct {
        const char *config, *faults;
    } rows[] = {
        {"{}", ""},
        {CONFIG, ""},
        {"{\"sns_topic_arn\":\"x\",\"sns_certificate\":[\"" PUBLIC "\",\"x\"]}",
         "/sns_topic_arn /sns_certificate"},
        {"{\"sns_topic_arn\":\"" TOPIC "\"}", "/sns_certificate"},
        {"{\"sns_certificate\":\"" PUBLIC "\"}", "/sns_topic_arn"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct call_fixture f;
        struct problem p;
        struct buf b;

        call_begin(&f, rows[i].config);
        problem_init(&p, f.arena);
        sns_check(f.call.config, &p);
        buf_init(&b, f.arena);
        for (size_t j = 0; j < p.n_errors; j++)
            buf_printf(&b, "%s%.*s", j ? " " : "",
                       STR_ARG(p.errors[j].pointer));
        assert_text(buf_str(&b), rows[i].faults);
        call_end(&f);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),      cmocka_unit_test(test_signed_text),
        cmocka_unit_test(test_subscription), cmocka_unit_test(test_events),
        cmocka_unit_test(test_config),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
