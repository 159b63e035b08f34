/* ses_test.c - the signed call and the table of answers of Amazon SES v2. */
#include "channel/call_test.h"
#include "channel/driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/sigv4.h"

#define KEYS                                                                   \
    "\"region\":\"us-east-1\",\"access_key_id\":\"AKIDEXAMPLE\","              \
    "\"secret_access_key\":\"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\","      \
    "\"from\":\"Shop <shop@example.com>\""

static void
begin(struct call_fixture *f, const char *config)
{
    call_begin(f, config);
    f->message.channel = STR("email");
    f->message.address = STR("tim@example.net");
    f->message.language = STR("en");
}

static struct str
signature_of(struct call_fixture *f, const char *host, const char *token)
{
    const struct sigv4_key key = {
        .id = STR("AKIDEXAMPLE"),
        .secret = STR("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        .region = STR("us-east-1"),
        .service = STR("ses"),
    };
    const struct sigv4_header headers[] = {
        {STR("content-type"), STR("application/json")},
        {STR("host"), str_from(host)},
        {STR("x-amz-date"), STR("20260924T093000Z")},
        {STR("x-amz-security-token"), str_from(token)},
    };
    const struct sigv4_request r = {
        .method = STR("POST"),
        .path = STR("/v2/email/outbound-emails"),
        .headers = headers,
        .n_headers = token ? 4 : 3,
        .body = f->call.request.body,
    };

    return sigv4_authorization(f->arena, &key, &r, CALL_NOW_MS);
}

static void
test_call(void **state)
{
    struct call_fixture f;
    struct json_doc doc;
    struct json_error error;
    struct json body;
    struct buf mime;

    (void)state;
    begin(&f, "{" KEYS ",\"configuration_set\":\"main\"}");
    f.message.unsubscribe_url = STR("https://example.com/u/tok");
    f.message.overrides = STR("{\"email\":{\"cc\":[\"ann@example.net\"]}}");
    assert_string_equal(call_faults(&f, &channel_ses), "");
    call_ask(&f, &channel_ses);
    assert_false(f.call.is_done);
    assert_text(f.call.request.url, "https://email.us-east-1.amazonaws.com/v2/"
                                    "email/outbound-emails");
    assert_text(channel_ses.host(f.arena, f.call.config),
                "email.us-east-1.amazonaws.com");
    assert_text(call_request_header(&f, "X-Amz-Date"), "20260924T093000Z");
    assert_true(
        str_eq(call_request_header(&f, "Authorization"),
               signature_of(&f, "email.us-east-1.amazonaws.com", NULL)));
    assert_int_equal(json_parse(f.arena, f.call.request.body, &doc, &error),
                     ERR_OK);
    body = json_root(&doc);
    assert_text(json_raw(json_get(body, "FromEmailAddress")),
                "\"shop@example.com\"");
    assert_text(json_raw(json_get(body, "Destination")),
                "{\"ToAddresses\":[\"tim@example.net\"],"
                "\"CcAddresses\":[\"ann@example.net\"]}");
    assert_text(json_raw(json_get(body, "EmailTags")),
                "[{\"Name\":\"delivery_id\","
                "\"Value\":\"dlv_01jd7w9q2me0rbn8t5k3xvhz4c\"}]");
    assert_text(json_raw(json_get(body, "ConfigurationSetName")), "\"main\"");
    buf_init(&mime, f.arena);
    assert_true(buf_get_base64(
        &mime, json_str_of(f.arena, json_get(json_get(body, "Content"), "Raw"),
                           "Data")));
    assert_holds(buf_str(&mime), "From: Shop <shop@example.com>\r\n");
    assert_holds(buf_str(&mime), "Subject: Paid\r\n");
    assert_holds(buf_str(&mime), "List-Unsubscribe: <https://example.com/u/");
    assert_holds(buf_str(&mime), "\r\n\r\nOrder 7 is paid.\r\n");
    call_end(&f);
}

static void
test_hosts_and_tokens(void **state)
{
    static const struct {
        const char *base_url, *host;
    } rows[] = {
        {"http://127.0.0.1:4566", "127.0.0.1:4566"},
        {"http://ses.example.com:80", "ses.example.com"},
        {"https://ses.example.com:443/", "ses.example.com"},
        {"https://ses.example.com:80", "ses.example.com:80"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena *a = arena_new();
        struct call_fixture f;

        begin(&f, str_cstr(a, str_fmt(a,
                                      "{" KEYS ",\"session_token\":\"tok\","
                                      "\"base_url\":\"%s\"}",
                                      rows[i].base_url)));
        call_ask(&f, &channel_ses);
        assert_text(call_request_header(&f, "X-Amz-Security-Token"), "tok");
        assert_true(str_eq(call_request_header(&f, "Authorization"),
                           signature_of(&f, rows[i].host, "tok")));
        call_end(&f);
        arena_free(a);
    }
}

static void
test_config(void **state)
{
    static const struct call_config rows[] = {
        {"{}", "/region /access_key_id /secret_access_key /from"},
        {"{\"region\":\"x.example.org/\",\"access_key_id\":\"a\","
         "\"secret_access_key\":\"b\",\"from\":\"nobody\"}",
         "/from"},
        {"{\"region\":\"x.example.org/\",\"access_key_id\":\"a\","
         "\"secret_access_key\":\"b\",\"from\":\"a@b.c\"}",
         "/region"},
        {"{" KEYS ",\"configuration_set\":\"a b\",\"base_url\":\"x\"}",
         "/base_url"},
        {"{" KEYS ",\"configuration_set\":\"a b\"}", "/configuration_set"},
        {"{" KEYS "}", ""},
    };

    (void)state;
    assert_configs(&channel_ses, rows, sizeof(rows) / sizeof(rows[0]));
}

static void
test_answers(void **state)
{
    static const struct {
        int status;
        const char *type, *body;
        enum verdict verdict;
        int64_t retry_after_ms;
    } rows[] = {
        {200, "", "{\"MessageId\":\"0100-1\"}", VERDICT_SENT, 0},
        {200, "", "<html>", VERDICT_SENT, 0},
        {429, "TooManyRequestsException", "", VERDICT_RATE, 1000},
        {400, "ThrottlingException",
         "{\"message\":\"Maximum sending rate exceeded.\"}", VERDICT_RATE,
         1000},
        {400, "ThrottlingException:http://internal.amazon.com/",
         "{\"message\":\"Daily message quota exceeded.\"}", VERDICT_RATE,
         600000},
        {400, "LimitExceededException", "", VERDICT_RATE, 600000},
        {400, "", "{\"message\":\"Maximum sending rate exceeded.\"}",
         VERDICT_RATE, 1000},
        {400, "BadRequestException",
         "{\"message\":\"Daily message quota exceeded.\"}", VERDICT_RATE,
         600000},
        {400, "ThrottledException", "", VERDICT_RATE, 1000},
        {400, "RequestThrottledException", "", VERDICT_RATE, 1000},
        {400, "RequestThrottled", "", VERDICT_RATE, 1000},
        {400, "RequestLimitExceeded", "", VERDICT_RATE, 1000},
        {400, "BandwidthLimitExceeded", "", VERDICT_RATE, 1000},
        {400, "SlowDown", "", VERDICT_RATE, 1000},
        {400, "PriorRequestNotComplete", "", VERDICT_RATE, 1000},
        {400, "RequestTimeout", "", VERDICT_RETRY, 0},
        {400, "SignatureDoesNotMatch", "", VERDICT_CREDENTIALS, 0},
        {400, "ExpiredToken", "", VERDICT_CREDENTIALS, 0},
        {400, "ExpiredTokenException", "", VERDICT_CREDENTIALS, 0},
        {400, "AccessDenied", "", VERDICT_CREDENTIALS, 0},
        {400, "AccessDeniedException", "", VERDICT_CREDENTIALS, 0},
        {400, "InvalidClientTokenId", "", VERDICT_CREDENTIALS, 0},
        {400, "RequestExpired", "", VERDICT_CREDENTIALS, 0},
        {400, "", "{\"__type\":\"com.amazon.coral#Throttling\"}", VERDICT_RATE,
         1000},
        {400, "AccountSuspendedException", "", VERDICT_CREDENTIALS, 0},
        {400, "SendingPausedException", "", VERDICT_CREDENTIALS, 0},
        {400, "MailFromDomainNotVerifiedException", "", VERDICT_CREDENTIALS, 0},
        {400, "MessageRejected", "{\"message\":\"Illegal header\"}",
         VERDICT_REJECTED, 0},
        {400, "MessageRejected",
         "{\"message\":\"Email address is not verified. The following\"}",
         VERDICT_CREDENTIALS, 0},
        {400, "BadRequestException", "", VERDICT_REJECTED, 0},
        {400, "RequestTimeoutException", "", VERDICT_RETRY, 0},
        {400, "UnrecognizedClientException", "", VERDICT_CREDENTIALS, 0},
        {403, "InvalidSignatureException", "", VERDICT_CREDENTIALS, 0},
        {403, "", "", VERDICT_CREDENTIALS, 0},
        {404, "NotFoundException", "", VERDICT_REJECTED, 0},
        {413, "", "", VERDICT_REJECTED, 0},
        {500, "InternalServiceErrorException", "", VERDICT_RETRY, 0},
        {503, "", "<html>", VERDICT_RETRY, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct channel_header header = {STR("x-amzn-ErrorType"),
                                        str_from(rows[i].type)};
        struct call_fixture f;
        struct channel_verdict *v;

        begin(&f, "{" KEYS "}");
        call_ask(&f, &channel_ses);
        f.answer = (struct channel_answer){.status = rows[i].status,
                                           .headers = &header,
                                           .n_headers = header.value.n > 0,
                                           .body = str_from(rows[i].body)};
        v = call_answer(&f, &channel_ses);
        assert_int_equal(v->verdict, rows[i].verdict);
        assert_int_equal(v->retry_after_ms, rows[i].retry_after_ms);
        assert_text(v->provider_message_id, i == 0 ? "0100-1" : "");
        call_end(&f);
    }
}

static void
test_detail_keeps_the_secret(void **state)
{
    struct call_fixture f;
    struct channel_verdict *v;

    (void)state;
    begin(&f, "{" KEYS "}");
    call_ask(&f, &channel_ses);
    f.answer = (struct channel_answer){
        .status = 403,
        .body = STR("AKIDEXAMPLE wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")};
    v = call_answer(&f, &channel_ses);
    assert_text(v->detail, "HTTP 403 *** ***");
    call_end(&f);
}

static void
test_what_is_no_mail(void **state)
{
    struct call_fixture f;

    (void)state;
    begin(&f, "{" KEYS "}");
    f.message.title = STR("Paid\r\nBcc: eve@example.org");
    call_ask(&f, &channel_ses);
    assert_true(f.call.is_done);
    assert_int_equal(f.verdict.verdict, VERDICT_REJECTED);
    call_end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call),
        cmocka_unit_test(test_hosts_and_tokens),
        cmocka_unit_test(test_config),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_detail_keeps_the_secret),
        cmocka_unit_test(test_what_is_no_mail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
