/* twilio_test.c - the call, the table of answers, and callbacks with Twilio's
 * own vectors (its libraries' tests of the request validator). */
#include "base/hmac.h"
#include "channel/call_test.h"
#include "channel/driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))
#define SID "AC0db966d80e9f1662da09c61287f8bba1"
#define CONFIG                                                                 \
    "{\"account_sid\":\"" SID "\",\"auth_token\":\"canary0123\","              \
    "\"from\":\"+1 (500) 555-0006\",\"base_url\":\"http://127.0.0.1:8080/\"}"
#define URL "http://127.0.0.1:8080/2010-04-01/Accounts/" SID "/Messages.json"

static void
begin(struct call_fixture *f, const char *config, const char *channel)
{
    call_begin(f, config);
    f->message.channel = str_from(channel);
    f->message.address = STR("+1 555 123.45.67");
}

/* ---- the call ---- */

static void
test_call(void **state)
{
    struct call_fixture f;

    (void)state;
    begin(&f, CONFIG, "sms");
    call_ask(&f, &channel_twilio);
    assert_false(f.call.is_done);
    assert_text(f.call.request.method, "POST");
    assert_text(f.call.request.url, URL);
    assert_text(call_request_header(&f, "Content-Type"),
                "application/x-www-form-urlencoded");
    assert_text(call_request_header(&f, "Authorization"),
                "Basic QUMwZGI5NjZkODBlOWYxNjYyZGEwOWM2MTI4N2Y4YmJhMTpjYW5hcnkw"
                "MTIz");
    assert_text(f.call.request.body, "To=%2B15551234567&From=%2B15005550006&"
                                     "Body=Paid%0AOrder%207%20is%20paid.");
    call_end(&f);
}

static void
test_whatsapp(void **state)
{
    static const struct {
        const char *config, *body;
    } rows[] = {
        {CONFIG, "To=whatsapp%3A%2B15551234567&From=whatsapp%3A%2B15005550006&"
                 "Body=Paid%0AOrder%207%20is%20paid."},
        {"{\"account_sid\":\"AC1\",\"auth_token\":\"t\","
         "\"from\":\"whatsapp:+15005550006\"}",
         "To=whatsapp%3A%2B15551234567&From=whatsapp%3A%2B15005550006&"
         "Body=Paid%0AOrder%207%20is%20paid."},
        {"{\"account_sid\":\"AC1\",\"auth_token\":\"t\","
         "\"messaging_service_sid\":\"MG2\","
         "\"status_callback\":\"https://x.example/v1/receipts/t\"}",
         "To=whatsapp%3A%2B15551234567&MessagingServiceSid=MG2&"
         "Body=Paid%0AOrder%207%20is%20paid.&"
         "StatusCallback=https%3A%2F%2Fx.example%2Fv1%2Freceipts%2Ft"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct call_fixture f;

        begin(&f, rows[i].config, "whatsapp");
        assert_string_equal(call_faults(&f, &channel_twilio), "");
        call_ask(&f, &channel_twilio);
        assert_text(f.call.request.body, rows[i].body);
        call_end(&f);
    }
}

static void
test_content_template(void **state)
{
    static const struct {
        const char *override, *body;
    } rows[] = {
        {"{\"content_sid\":\"HX1\",\"content_variables\":{\"1\": \"a&b\"}}",
         "&ContentSid=HX1&ContentVariables=%7B%221%22%3A%20%22a%26b%22%7D"},
        {"{\"content_sid\":\"HX1\"}", "&ContentSid=HX1"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct call_fixture f;

        begin(&f, CONFIG, "whatsapp");
        f.call.provider = STR("tw");
        f.message.overrides =
            str_fmt(f.arena, "{\"providers\":{\"tw\":%s}}", rows[i].override);
        call_ask(&f, &channel_twilio);
        assert_true(str_ends(f.call.request.body, str_from(rows[i].body)));
        assert_lacks(f.call.request.body, "Body=");
        call_end(&f);
    }
}

static void
test_refusals(void **state)
{
    struct call_fixture f;
    struct buf long_text;

    (void)state;
    begin(&f, CONFIG, "sms");
    f.message.address = STR("5551234567");
    call_ask(&f, &channel_twilio);
    assert_true(f.call.is_done);
    assert_int_equal(f.verdict.verdict, VERDICT_REJECTED);
    assert_text(f.verdict.reason, "content.invalid");

    f.message.address = STR("+15551234567");
    f.message.title = STR_NONE;
    buf_init(&long_text, f.arena);
    for (int i = 0; i < 1600; i++)
        buf_put_char(&long_text, 'x');
    f.message.body = buf_str(&long_text);
    call_ask(&f, &channel_twilio);
    assert_false(f.call.is_done);
    buf_put_char(&long_text, 'x');
    f.message.body = buf_str(&long_text);
    call_ask(&f, &channel_twilio);
    assert_true(f.call.is_done);
    assert_text(f.verdict.reason, "size.too_large");
    assert_text(f.verdict.detail,
                "the text is 1601 characters long (11 SMS in the GSM "
                "alphabet), and Twilio takes 1600");
    call_end(&f);
}

static void
test_config(void **state)
{
    static const struct call_config rows[] = {
        {"{\"account_sid\":\"AC1\",\"auth_token\":\"t\",\"from\":\"+15550001111"
         "\"}",
         ""},
        {"{\"account_sid\":\"AC1\",\"auth_token\":\"t\",\"from\":\"40404\"}",
         ""},
        {"{\"account_sid\":\"AC1\",\"auth_token\":\"t\",\"from\":\"My Shop\"}",
         ""},
        {"{\"account_sid\":\"AC1\",\"auth_token\":\"t\",\"from\":\"+123\"}",
         "/from"},
        {"{\"account_sid\":\"AC1\",\"auth_token\":\"t\","
         "\"from\":\"Twelve chars\"}",
         "/from"},
        {"{\"account_sid\":\"AC1\",\"auth_token\":\"t\",\"from\":\"a&b\"}",
         "/from"},
        {"{\"account_sid\":\"AC1\",\"auth_token\":\"t\"}", "/from"},
        {"{\"account_sid\":\"AC1\",\"auth_token\":\"t\","
         "\"from\":\"+15550001111\",\"messaging_service_sid\":\"MG1\"}",
         "/messaging_service_sid"},
        {"{\"account_sid\":\"AC1/x\",\"auth_token\":\"t\","
         "\"messaging_service_sid\":\"SM1\"}",
         "/account_sid /messaging_service_sid"},
        {"{\"account_sid\":\"AC1\",\"auth_token\":\"t\",\"from\":\"40404\","
         "\"base_url\":\"ftp://x\"}",
         "/base_url"},
        {"{\"from\":\"40404\"}", "/account_sid"},
        {"{\"account_sid\":\"AC1\",\"from\":\"40404\"}", "/auth_token"},
        {"{\"account_sid\":\"AC1\",\"api_key_sid\":\"SK1\","
         "\"api_key_secret\":\"s\",\"from\":\"40404\"}",
         ""},
        {"{\"account_sid\":\"AC1\",\"api_key_sid\":\"AC1\","
         "\"api_key_secret\":\"s\",\"from\":\"40404\"}",
         "/api_key_sid"},
        {"{\"account_sid\":\"AC1\",\"auth_token\":\"t\","
         "\"api_key_sid\":\"SK1\",\"from\":\"40404\"}",
         "/api_key_secret"},
        {"{\"account_sid\":\"AC1\",\"auth_token\":\"t\","
         "\"api_key_secret\":\"s\",\"from\":\"40404\"}",
         "/api_key_sid"},
    };

    (void)state;
    assert_configs(&channel_twilio, rows, COUNT(rows));
}

/* ---- the answer ---- */

static void
test_answers(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum verdict verdict;
    } rows[] = {
        {201, "{\"sid\":\"SM1\",\"status\":\"queued\"}", VERDICT_SENT},
        {201, "{\"sid\":\"SM1", VERDICT_SENT},
        {400, "{\"code\":21211,\"status\":400}", VERDICT_GONE},
        {400, "{\"code\":21212,\"status\":400}", VERDICT_CREDENTIALS},
        {400, "{\"code\":21408,\"status\":400}", VERDICT_REJECTED},
        {403, "{\"code\":21408,\"status\":403}", VERDICT_REJECTED},
        {400, "{\"code\":21606,\"status\":400}", VERDICT_CREDENTIALS},
        {400, "{\"code\":21608,\"status\":400}", VERDICT_CREDENTIALS},
        {400, "{\"code\":21612,\"status\":400}", VERDICT_REJECTED},
        {400, "{\"code\":21614,\"status\":400}", VERDICT_GONE},
        {400, "{\"code\":21617,\"status\":400}", VERDICT_REJECTED},
        {400, "{\"code\":30001,\"status\":400}", VERDICT_RETRY},
        {400, "{\"code\":30002,\"status\":400}", VERDICT_CREDENTIALS},
        {400, "{\"code\":30003,\"status\":400}", VERDICT_RETRY},
        {400, "{\"code\":30004,\"status\":400}", VERDICT_REJECTED},
        {400, "{\"code\":30005,\"status\":400}", VERDICT_GONE},
        {400, "{\"code\":30006,\"status\":400}", VERDICT_GONE},
        {400, "{\"code\":30007,\"status\":400}", VERDICT_REJECTED},
        {400, "{\"code\":30008,\"status\":400}", VERDICT_RETRY},
        {400, "{\"code\":30034,\"status\":400}", VERDICT_CREDENTIALS},
        {400, "{\"code\":63016,\"status\":400}", VERDICT_REJECTED},
        {400, "{\"code\":63017,\"status\":400}", VERDICT_RATE},
        {400, "{\"code\":63018,\"status\":400}", VERDICT_RATE},
        {400, "{\"code\":63024,\"status\":400}", VERDICT_GONE},
        {400, "{\"code\":29999,\"status\":400}", VERDICT_REJECTED},
        {403, "{\"code\":29999,\"status\":403}", VERDICT_REJECTED},
        {410, "{\"code\":29999,\"status\":410}", VERDICT_REJECTED},
        {400, "", VERDICT_REJECTED},
        {401, "{\"code\":20003,\"status\":401}", VERDICT_CREDENTIALS},
        {401, "{\"code\":29999,\"status\":401}", VERDICT_CREDENTIALS},
        {403, "{\"code\":20003,\"status\":403}", VERDICT_CREDENTIALS},
        {403, "<html>", VERDICT_CREDENTIALS},
        {404, "{\"code\":20404,\"status\":404}", VERDICT_CREDENTIALS},
        {404, "", VERDICT_REJECTED},
        {429, "{\"code\":20429,\"status\":429}", VERDICT_RATE},
        {429, "{\"code\":29999,\"status\":429}", VERDICT_RATE},
        {429, "", VERDICT_RATE},
        {500, "{\"code\":20500,\"status\":500}", VERDICT_RETRY},
        {502, "<html>", VERDICT_RETRY},
        {503, "{\"type\":\"x\",\"code\":20503}", VERDICT_RETRY},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct call_fixture f;
        struct channel_verdict *v;

        begin(&f, CONFIG, "sms");
        call_ask(&f, &channel_twilio);
        f.answer = (struct channel_answer){.status = rows[i].status,
                                           .body = str_from(rows[i].body)};
        v = call_answer(&f, &channel_twilio);
        assert_int_equal(v->verdict, rows[i].verdict);
        assert_int_equal(v->status, rows[i].status);
        call_end(&f);
    }
}

static void
test_answer_in_words(void **state)
{
    struct call_fixture f;
    struct channel_verdict *v;

    (void)state;
    begin(&f, CONFIG, "sms");
    call_ask(&f, &channel_twilio);
    f.answer = (struct channel_answer){
        .status = 201,
        .body = STR("{\"sid\":\"SM4262\",\"status\":\"queued\"}")};
    v = call_answer(&f, &channel_twilio);
    assert_text(v->provider_message_id, "SM4262");
    f.answer = (struct channel_answer){
        .status = 400,
        .body = STR("{\"code\":21610,\"message\":\"opted out\"}")};
    v = call_answer(&f, &channel_twilio);
    assert_int_equal(v->verdict, VERDICT_GONE);
    assert_text(v->reason, "suppress.unsubscribe");
    f.answer = (struct channel_answer){.status = 403,
                                       .body = STR("no canary0123 here")};
    v = call_answer(&f, &channel_twilio);
    assert_text(v->detail, "HTTP 403 no *** here");
    f.answer = (struct channel_answer){.outcome = CHANNEL_UNKNOWN,
                                       .cause = CHANNEL_CAUSE_TIMEOUT};
    v = call_answer(&f, &channel_twilio);
    assert_int_equal(v->verdict, VERDICT_UNKNOWN);
    call_end(&f);
}

/* ---- callbacks ---- */

#define HOOK "{\"account_sid\":\"AC1\",\"auth_token\":\"12345\"}"
#define APP "mycompany.com/myapp.php?foo=1&bar=2"
#define QUERY "foo=1&bar=2"
#define CALL                                                                   \
    "CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&"               \
    "To=%2B18005551212&Caller=%2B14158675309"
#define JSON_QUERY                                                             \
    QUERY "&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf196326" \
          "32f96e6620"
#define JSON_URL "https://mycompany.com/myapp.php?" JSON_QUERY
#define JSON_BODY "{\"property\": \"value\", \"boolean\": true}"

static void
test_signatures(void **state)
{
    static const struct {
        const char *url, *body, *signature;
        bool is_right;
    } rows[] = {
        {"https://" APP, CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8=", true},
        {"https://" APP, CALL, "kvajT1Ptam85bY51eRf/AJRuM3w=", true},
        {"https://mycompany.com:443/myapp.php?foo=1&bar=2", CALL,
         "kvajT1Ptam85bY51eRf/AJRuM3w=", true},
        {"https://mycompany.com:443/myapp.php?foo=1&bar=2", CALL,
         "RSOYDt4T1cUTdK1PDd93/VVr8B8=", true},
        {"http://mycompany.com:1234/myapp.php?foo=1&bar=2", CALL,
         "Zmvh+3yNM1Phv2jhDCwEM3q5ebU=", true},
        {"http://" APP, CALL, "0ZXoZLH/DfblKGATFgpif+LLRf4=", true},
        {"https://" APP,
         "Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234",
         "IK+Dwps556ElfBT0I3Rgjkr1wJU=", true},
        {JSON_URL, JSON_BODY, "a9nBmqA0ju/hNViExpshrM61xv4=", true},
        {JSON_URL, JSON_BODY " ", "a9nBmqA0ju/hNViExpshrM61xv4=", false},
        {"https://" APP, CALL "&a=b", "RSOYDt4T1cUTdK1PDd93/VVr8B8=", false},
        {"https://" APP "3", CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8=", false},
        {"https://" APP, CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8", false},
        {"", CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8=", false},
        {"http:", CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8=", false},
        {"https://" APP, CALL, "", false},
        {"https://" APP, CALL "&a=%", "RSOYDt4T1cUTdK1PDd93/VVr8B8=", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct hook_fixture h;

        hook_begin(&h, HOOK, rows[i].url, str_from(rows[i].body));
        hook_put_header(&h, "X-Twilio-Signature", str_from(rows[i].signature));
        hook_take(&h, &channel_twilio);
        assert_int_equal(h.r.outcome, rows[i].is_right
                                          ? CHANNEL_RECEIPT_TAKEN
                                          : CHANNEL_RECEIPT_UNSIGNED);
        assert_int_equal(h.r.n_events, 0);
        hook_end(&h);
    }
}

static void
test_signature_counts_once(void **state)
{
    struct hook_fixture h;

    (void)state;
    hook_begin(&h, HOOK, "https://" APP, STR(CALL));
    hook_take(&h, &channel_twilio);
    assert_int_equal(h.r.outcome, CHANNEL_RECEIPT_UNSIGNED);
    hook_put_header(&h, "X-Twilio-Signature",
                    STR("RSOYDt4T1cUTdK1PDd93/VVr8B8="));
    hook_take(&h, &channel_twilio);
    assert_int_equal(h.r.outcome, CHANNEL_RECEIPT_TAKEN);
    hook_put_header(&h, "X-Twilio-Signature",
                    STR("RSOYDt4T1cUTdK1PDd93/VVr8B8="));
    hook_take(&h, &channel_twilio);
    assert_int_equal(h.r.outcome, CHANNEL_RECEIPT_UNSIGNED);
    hook_end(&h);
}

/* By GET only the URL is signed. */
static void
take_signed(struct hook_fixture *h, const char *status, const char *more)
{
    struct arena *a;
    struct buf signature;

    hook_begin(h, HOOK, "", STR_NONE);
    a = h->f.arena;
    h->r.method = STR("GET");
    h->r.query = str_fmt(a,
                         "MessageSid=SM42&MessageStatus=%s&"
                         "To=whatsapp%%3A%%2B15622089096%s",
                         status, more);
    h->r.url = str_fmt(a, "https://x.example/?%.*s", STR_ARG(h->r.query));
    buf_init(&signature, a);
    buf_put_base64(&signature, hmac_sha1(a, STR("12345"), h->r.url));
    hook_put_header(h, "X-Twilio-Signature", buf_str(&signature));
    hook_take(h, &channel_twilio);
    assert_int_equal(h->r.outcome, CHANNEL_RECEIPT_TAKEN);
}

static void
test_events(void **state)
{
    static const struct {
        const char *status, *more;
        int kind; /* -1: none */
        const char *detail;
    } rows[] = {
        {"queued", "", -1, ""},
        {"sent", "", -1, ""},
        {"received", "", -1, ""},
        {"delivered", "", CHANNEL_EVENT_DELIVERED, "delivered"},
        {"read", "", CHANNEL_EVENT_OPENED, "read"},
        {"canceled", "", CHANNEL_EVENT_FAILED, "canceled"},
        {"undelivered", "", CHANNEL_EVENT_FAILED, "undelivered"},
        {"undelivered", "&ErrorCode=30003", CHANNEL_EVENT_FAILED,
         "undelivered 30003 "},
        {"undelivered", "&ErrorCode=30005&ErrorMessage=Unknown+handset",
         CHANNEL_EVENT_BOUNCED, "undelivered 30005 Unknown handset"},
        {"failed", "&ErrorCode=30006", CHANNEL_EVENT_BOUNCED, "failed 30006 "},
        {"failed", "&ErrorCode=63024", CHANNEL_EVENT_BOUNCED, "failed 63024 "},
        {"failed", "&ErrorCode=21610", CHANNEL_EVENT_UNSUBSCRIBED,
         "failed 21610 "},
        {"failed", "&ErrorCode=39999", CHANNEL_EVENT_FAILED, "failed 39999 "},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct hook_fixture h;

        take_signed(&h, rows[i].status, rows[i].more);
        assert_int_equal(h.r.n_events, rows[i].kind >= 0);
        if (rows[i].kind >= 0) {
            const struct channel_event *e = &h.r.events[0];

            assert_int_equal(e->kind, rows[i].kind);
            assert_text(e->provider_message_id, "SM42");
            assert_text(e->address, "+15622089096");
            assert_text(e->detail, rows[i].detail);
            assert_holds(e->id, "SM42:");
            assert_holds(e->id, rows[i].status);
        }
        hook_end(&h);
    }
}

/* A message that somebody sent. */
static void
take_message(struct hook_fixture *h, const char *config, const char *more)
{
    struct arena *a;
    struct buf signature;

    hook_begin(h, config, "", STR_NONE);
    a = h->f.arena;
    h->r.method = STR("GET");
    h->r.query = str_fmt(a, "MessageSid=SM7&From=%s", more);
    h->r.url = str_fmt(a, "https://x.example/?%.*s", STR_ARG(h->r.query));
    buf_init(&signature, a);
    buf_put_base64(&signature, hmac_sha1(a, STR("12345"), h->r.url));
    hook_put_header(h, "X-Twilio-Signature", buf_str(&signature));
    hook_take(h, &channel_twilio);
}

static void
test_words(void **state)
{
    static const struct {
        const char *message;
        int kind; /* -1: none */
    } rows[] = {
        {"%2B15622089096&Body=STOP", CHANNEL_EVENT_UNSUBSCRIBED},
        {"%2B15622089096&Body=+stop%0A", CHANNEL_EVENT_UNSUBSCRIBED},
        {"%2B15622089096&Body=Stop.", CHANNEL_EVENT_UNSUBSCRIBED},
        {"%2B15622089096&Body=Unsubscribe", CHANNEL_EVENT_UNSUBSCRIBED},
        {"whatsapp%3A%2B15622089096&Body=quit", CHANNEL_EVENT_UNSUBSCRIBED},
        {"%2B15622089096&Body=start", CHANNEL_EVENT_RESUBSCRIBED},
        {"%2B15622089096&Body=arr%C3%AAt&OptOutType=STOP",
         CHANNEL_EVENT_UNSUBSCRIBED},
        {"%2B15622089096&Body=go&OptOutType=START", CHANNEL_EVENT_RESUBSCRIBED},
        {"%2B15622089096&Body=STOP&OptOutType=HELP", -1},
        {"%2B15622089096&Body=HELP", -1},
        {"%2B15622089096&Body=please+stop", -1},
        {"%2B15622089096&Body=", -1},
        {"&Body=STOP", -1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct hook_fixture h;

        take_message(&h, HOOK, rows[i].message);
        assert_int_equal(h.r.outcome, CHANNEL_RECEIPT_TAKEN);
        assert_int_equal(h.r.n_events, rows[i].kind >= 0);
        if (rows[i].kind >= 0) {
            assert_int_equal(h.r.events[0].kind, rows[i].kind);
            assert_text(h.r.events[0].address, "+15622089096");
            assert_text(h.r.events[0].id, "SM7");
            /* it is about no message of ours */
            assert_int_equal(h.r.events[0].provider_message_id.n, 0);
        }
        hook_end(&h);
    }
}

static void
test_api_key(void **state)
{
    struct call_fixture f;
    struct hook_fixture h;

    (void)state;
    begin(&f,
          "{\"account_sid\":\"AC1\",\"api_key_sid\":\"SK2\","
          "\"api_key_secret\":\"canary\",\"from\":\"+15005550006\"}",
          "sms");
    call_ask(&f, &channel_twilio);
    assert_holds(f.call.request.url, "/Accounts/AC1/Messages.json");
    assert_text(call_request_header(&f, "Authorization"),
                "Basic U0syOmNhbmFyeQ=="); /* SK2:canary */
    call_end(&f);
    /* Nothing to check callbacks with: nothing is right. */
    take_message(&h, "{\"account_sid\":\"AC1\"}", "%2B15622089096&Body=STOP");
    assert_int_equal(h.r.outcome, CHANNEL_RECEIPT_UNSIGNED);
    hook_end(&h);
}

static void
test_nobody_signs_with_nothing(void **state)
{
    struct hook_fixture h;
    struct buf signature;

    (void)state;
    hook_begin(&h, "{\"account_sid\":\"AC1\"}", "https://x.example/", STR_NONE);
    h.r.method = STR("GET");
    buf_init(&signature, h.f.arena);
    buf_put_base64(&signature,
                   hmac_sha1(h.f.arena, STR_NONE, STR("https://x.example/")));
    hook_put_header(&h, "X-Twilio-Signature", buf_str(&signature));
    hook_take(&h, &channel_twilio);
    assert_int_equal(h.r.outcome, CHANNEL_RECEIPT_UNSIGNED);
    hook_end(&h);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call),
        cmocka_unit_test(test_whatsapp),
        cmocka_unit_test(test_content_template),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_config),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_answer_in_words),
        cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_signature_counts_once),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_api_key),
        cmocka_unit_test(test_nobody_signs_with_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
