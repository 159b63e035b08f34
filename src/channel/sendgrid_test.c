/* sendgrid_test.c - the call and the table of answers of SendGrid's v3 API. */
#include "channel/call_test.h"
#include "channel/driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define CONFIG                                                                 \
    "{\"api_key\":\"SG.canary0123\",\"from\":\"Shop <shop@example.com>\"}"

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
                "\":\"dlv_01jd7w9q2me0rbn8t5k3xvhz4c\"}}],\"from\":{\"email\""
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
    static const struct {
        const char *config, *faults;
    } rows[] = {
        {"{}", "/api_key /from"},
        {"{\"api_key\":\"x\",\"from\":\"nobody\"}", "/from"},
        {"{\"api_key\":\"x\",\"from\":\"a@b.c\",\"base_url\":\"x\"}",
         "/base_url"},
        {"{\"api_key\":\"x\",\"from\":\"a@b.c\"}", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct call_fixture f;

        call_begin(&f, rows[i].config);
        assert_string_equal(call_faults(&f, &channel_sendgrid), rows[i].faults);
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
        {202, "", "X-Message-Id", "14c5d75ce93", VERDICT_SENT, 0,
         "14c5d75ce93"},
        {202, "<html>", "X-None", "", VERDICT_SENT, 0, NULL},
        {302, "{\"errors\":[{\"message\":\"x\",\"field\":null}]}", "X-None", "",
         VERDICT_REJECTED, 0, NULL},
        {400, "{\"errors\":[{\"message\":\"x\",\"field\":null}]}", "X-None", "",
         VERDICT_REJECTED, 0, NULL},
        {401, "{\"errors\":[{\"message\":\"x\",\"field\":null}]}", "X-None", "",
         VERDICT_CREDENTIALS, 0, NULL},
        {403, "{\"errors\":[{\"message\":\"x\",\"field\":null}]}", "X-None", "",
         VERDICT_CREDENTIALS, 0, NULL},
        {404, "{\"errors\":[{\"message\":\"x\",\"field\":null}]}", "X-None", "",
         VERDICT_REJECTED, 0, NULL},
        {405, "{\"errors\":[{\"message\":\"x\",\"field\":null}]}", "X-None", "",
         VERDICT_REJECTED, 0, NULL},
        {406, "{\"errors\":[{\"message\":\"x\",\"field\":null}]}", "X-None", "",
         VERDICT_REJECTED, 0, NULL},
        {413, "{\"errors\":[{\"message\":\"x\",\"field\":null}]}", "X-None", "",
         VERDICT_REJECTED, 0, NULL},
        {451, "{\"errors\":[{\"message\":\"x\",\"field\":null}]}", "X-None", "",
         VERDICT_REJECTED, 0, NULL},
        {500, "{\"errors\":[{\"message\":\"x\",\"field\":null}]}", "X-None", "",
         VERDICT_RETRY, 0, NULL},
        {503, "{\"errors\":[{\"message\":\"x\",\"field\":null}]}", "X-None", "",
         VERDICT_RETRY, 0, NULL},
        {429, "{\"errors\":[{\"message\":\"x\",\"field\":null}]}",
         "X-RateLimit-Reset", "1790242207", VERDICT_RATE, 7000, NULL},
        {429, "{\"errors\":[{\"message\":\"x\",\"field\":null}]}",
         "X-RateLimit-Reset", "1790242193", VERDICT_RATE, 1000, NULL},
        {429, "{\"errors\":[{\"message\":\"x\",\"field\":null}]}", "X-None", "",
         VERDICT_RATE, 0, NULL},
        {429, "{\"errors\":[{\"message\":\"x\",\"field\":null}]}",
         "X-RateLimit-Reset", "99999999999", VERDICT_RATE, 86400000, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct channel_header headers[] = {
            {str_from(rows[i].header), str_from(rows[i].value)},
            {STR("Date"), STR("Thu, 24 Sep 2026 09:30:00 GMT")}};
        struct call_fixture f;
        struct channel_verdict *v;

        begin(&f);
        call_ask(&f, &channel_sendgrid);
        f.answer = (struct channel_answer){.status = rows[i].status,
                                           .headers = headers,
                                           .n_headers = 2,
                                           .body = str_from(rows[i].body)};
        v = call_answer(&f, &channel_sendgrid);
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
    begin(&f);
    f.message.title = STR("Paid\r\nBcc: eve@example.org");
    call_ask(&f, &channel_sendgrid);
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
