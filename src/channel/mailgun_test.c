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
begin(struct call_fixture *f)
{
    call_begin(f, CONFIG);
    f->message.channel = STR("email");
    f->message.address = STR("tim@example.net");
    f->message.language = STR("en");
}

/* All that a mail can have. */
static void
begin_full(struct call_fixture *f)
{
    begin(f);
    f->message.user_name = STR("Tim \"T\"");
    f->message.html = STR("<p>Paid</p>");
    f->message.unsubscribe_url = STR("https://example.com/u/tok");
    f->message.overrides =
        STR("{\"email\":{\"reply_to\":\"help@example.com\","
            "\"cc\":[\"Ann <ann@example.net>\",\"tim@example.net\","
            "\"ANN@example.net\"],\"headers\":{\"X-Order\":\"7\"}}}");
}

static void
test_call(void **state)
{
    struct call_fixture f;

    (void)state;
    begin_full(&f);
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
                "%3AX-Order=7&v%3Adelivery_id=dlv_01jd7w9q2me0rbn8t5k3xvhz4c");
    call_end(&f);
}

static void
test_config(void **state)
{
    static const struct {
        const char *config, *faults;
    } rows[] = {
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
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct call_fixture f;

        call_begin(&f, rows[i].config);
        assert_string_equal(call_faults(&f, &channel_mailgun), rows[i].faults);
        call_end(&f);
    }
}

static void
test_answers(void **state)
{
    static const struct {
        int status;
        const char *body, *header, *value;
        enum verdict verdict;
        int64_t retry_after_ms;
        const char *id;
    } rows[] = {
        {200,
         "{\"id\":\"<2016.1@mg.example.com>\",\"message\":\"Queued. Thank "
         "you.\"}",
         "X-None", "", VERDICT_SENT, 0, "2016.1@mg.example.com"},
        {200, "{\"id\":\"2016\"}", "X-None", "", VERDICT_SENT, 0, "2016"},
        {200, "", "X-None", "", VERDICT_SENT, 0, NULL},
        {202, "{\"id\":\"<1@x>\"}", "X-None", "", VERDICT_SENT, 0, "1@x"},
        {400, "{\"message\":\"x\"}", "X-None", "", VERDICT_REJECTED, 0, NULL},
        {402, "{\"message\":\"x\"}", "X-None", "", VERDICT_CREDENTIALS, 0,
         NULL},
        {403, "{\"message\":\"x\"}", "X-None", "", VERDICT_CREDENTIALS, 0,
         NULL},
        {404, "{\"message\":\"x\"}", "X-None", "", VERDICT_REJECTED, 0, NULL},
        {413, "{\"message\":\"x\"}", "X-None", "", VERDICT_REJECTED, 0, NULL},
        {500, "{\"message\":\"x\"}", "X-None", "", VERDICT_RETRY, 0, NULL},
        {401, "Forbidden", "X-None", "", VERDICT_CREDENTIALS, 0, NULL},
        {429, "{\"message\":\"x\"}", "Retry-After", "5", VERDICT_RATE, 5000,
         NULL},
        {429, "", "X-None", "", VERDICT_RATE, 0, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct channel_header headers[] = {
            {str_from(rows[i].header), str_from(rows[i].value)},
            {STR("Date"), STR("Thu, 24 Sep 2026 09:30:00 GMT")}};
        struct call_fixture f;
        struct channel_verdict *v;

        begin(&f);
        call_ask(&f, &channel_mailgun);
        f.answer = (struct channel_answer){.status = rows[i].status,
                                           .headers = headers,
                                           .n_headers = 2,
                                           .body = str_from(rows[i].body)};
        v = call_answer(&f, &channel_mailgun);
        assert_int_equal(v->verdict, rows[i].verdict);
        assert_int_equal(v->retry_after_ms, rows[i].retry_after_ms);
        assert_int_equal(v->status, rows[i].status);
        assert_text(v->provider_message_id, rows[i].id ? rows[i].id : "");
        assert_text(v->reason, rows[i].status == 413 ? "size.too_large" : "");
        call_end(&f);
    }
}

static void
test_detail_keeps_the_secret(void **state)
{
    struct call_fixture f;
    struct channel_verdict *v;

    (void)state;
    begin(&f);
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
    begin(&f);
    f.message.title = STR("Paid\r\nBcc: eve@example.org");
    call_ask(&f, &channel_mailgun);
    assert_true(f.call.is_done);
    assert_int_equal(f.verdict.verdict, VERDICT_REJECTED);
    assert_text(f.verdict.reason, "content.invalid");
    call_end(&f);
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
