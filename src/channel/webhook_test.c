#include "channel/call_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "channel/driver.h"

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))
#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

static const struct channel_driver *const webhook = &channel_webhook;

static void
the_body_is_what_the_contract_says(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, "{\"url\":\"https://example.com/hook\"}");
    f.message.data = STR("{ \"n\":1.50, \"a\" : [] }");
    f.message.actions = STR("[{\"id\":\"go\"}]");
    call_ask(&f, webhook);
    assert_false(f.call.is_done);
    assert_int_equal(f.call.request.kind, CHANNEL_REQUEST_HTTP);
    assert_text(f.call.request.method, "POST");
    assert_text(f.call.request.url, "https://example.com/hook");
    assert_text(f.call.request.body,
                "{\"notification_id\":\"ntf_01jd7w9q2me0rbn8t5k3xvhz4d\","
                "\"delivery_id\":\"dlv_01jd7w9q2me0rbn8t5k3xvhz4c\","
                "\"user\":\"u1\",\"channel\":\"webhook\",\"title\":\"Paid\","
                "\"body\":\"Order 7 is paid.\","
                "\"data\":{ \"n\":1.50, \"a\" : [] },"
                "\"actions\":[{\"id\":\"go\"}],\"category\":\"orders\","
                "\"priority\":\"high\","
                "\"created_at\":\"2026-09-24T09:29:58.500Z\"}");
    assert_text(call_request_header(&f, "Content-Type"), "application/json");
    assert_text(call_request_header(&f, "webhook-id"),
                "dlv_01jd7w9q2me0rbn8t5k3xvhz4c");
    assert_text(call_request_header(&f, "webhook-timestamp"), "1790242200");
    assert_null(call_request_header(&f, "webhook-signature").p);
    call_end(&f);
}

static void
what_was_not_sent_is_null_or_empty(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, "{\"url\":\"https://example.com/hook\"}");
    f.message.category = STR_NONE;
    call_ask(&f, webhook);
    assert_holds(f.call.request.body, "\"data\":null,\"actions\":[],"
                                      "\"category\":null");
    call_end(&f);
}

static void
the_users_own_address_wins(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, "{\"url\":\"https://example.com/hook\"}");
    f.message.address = STR("http://u1.example.org:8080/x?y=1");
    call_ask(&f, webhook);
    assert_text(f.call.request.url, "http://u1.example.org:8080/x?y=1");
    f.answer = (struct channel_answer){.status = 500};
    assert_true(call_answer(&f, webhook)->is_of_others);
    f.message.address = STR("https://EXAMPLE.com/another");
    assert_false(call_answer(&f, webhook)->is_of_others);
    f.message.address = STR_NONE;
    assert_false(call_answer(&f, webhook)->is_of_others);
    f.message.address = STR("ftp://example.org/");
    call_ask(&f, webhook);
    assert_true(f.call.is_done);
    assert_int_equal(f.verdict.verdict, VERDICT_REJECTED);
    assert_text(f.verdict.reason, "content.invalid");
    call_end(&f);
    call_begin(&f, "{}");
    assert_false(webhook->has_target(f.call.config));
    call_end(&f);
}

static void
every_secret_signs_and_the_order_is_kept(void **state)
{
    static const char *const forms[] = {
        "{\"url\":\"https://e.com\",\"secret\":\"" SECRET " " SECRET "\"}",
        "{\"url\":\"https://e.com\",\"secret\":[\"" SECRET
        "\",\"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"]}",
    };
    struct call_fixture f;

    (void)state;
    for (size_t i = 0; i < COUNT(forms); i++) {
        struct str first, rest;

        call_begin(&f, forms[i]);
        assert_string_equal(call_faults(&f, webhook), "");
        call_ask(&f, webhook);
        rest = call_request_header(&f, "webhook-signature");
        assert_true(str_split(&rest, ' ', &first));
        assert_int_equal(first.n, 3 + 44);
        assert_true(str_eq(first, rest));
        call_end(&f);
    }
}

static void
secrets_may_lack_their_pads(void **state)
{
    static const char *const good[] = {
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwBr",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "***"};
    static const char *const bad[] = {"whsec_", "whsec_***", " ",
                                      "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZ",
                                      "whpk_11qYAYKx"};
    struct call_fixture f;
    char config[256];

    (void)state;
    for (size_t i = 0; i < COUNT(good) + COUNT(bad); i++) {
        bool is_good = i < COUNT(good);

        snprintf(config, sizeof(config),
                 "{\"url\":\"https://e.com\",\"secret\":\"%s\"}",
                 is_good ? good[i] : bad[i - COUNT(good)]);
        call_begin(&f, config);
        assert_string_equal(call_faults(&f, webhook), is_good ? "" : "/secret");
        call_end(&f);
    }
}

static void
answers_come_to_the_verdicts_of_the_contract(void **state)
{
    static const struct {
        int status;
        enum verdict verdict;
    } rows[] = {
        {200, VERDICT_DELIVERED}, {201, VERDICT_DELIVERED},
        {202, VERDICT_DELIVERED}, {204, VERDICT_DELIVERED},
        {299, VERDICT_DELIVERED}, {301, VERDICT_RETRY},
        {302, VERDICT_RETRY},     {307, VERDICT_RETRY},
        {400, VERDICT_RETRY},     {401, VERDICT_RETRY},
        {403, VERDICT_RETRY},     {404, VERDICT_RETRY},
        {408, VERDICT_RETRY},     {409, VERDICT_RETRY},
        {410, VERDICT_GONE},      {413, VERDICT_RETRY},
        {422, VERDICT_RETRY},     {425, VERDICT_RETRY},
        {429, VERDICT_RATE},      {500, VERDICT_RETRY},
        {501, VERDICT_RETRY},     {502, VERDICT_RATE},
        {503, VERDICT_RETRY},     {504, VERDICT_RATE},
        {599, VERDICT_RETRY},
    };
    struct call_fixture f;

    (void)state;
    call_begin(&f, "{\"url\":\"https://e.com\"}");
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct channel_verdict *v;

        f.answer = (struct channel_answer){.status = rows[i].status};
        v = call_answer(&f, webhook);
        if (v->verdict != rows[i].verdict)
            fail_msg("%d: %s", rows[i].status, verdict_name(v->verdict));
        assert_int_equal(v->status, rows[i].status);
        assert_int_equal(v->reason.n, 0);
    }
    call_end(&f);
}

static void
no_answer_comes_to_what_is_known_of_it(void **state)
{
    static const struct {
        int outcome, cause;
        enum verdict verdict;
        const char *reason;
    } rows[] = {
        {CHANNEL_NOT_SENT, CHANNEL_CAUSE_NETWORK, VERDICT_RETRY, ""},
        {CHANNEL_NOT_SENT, CHANNEL_CAUSE_TIMEOUT, VERDICT_RETRY, ""},
        {CHANNEL_NOT_SENT, CHANNEL_CAUSE_TLS, VERDICT_RETRY, ""},
        {CHANNEL_UNKNOWN, CHANNEL_CAUSE_TIMEOUT, VERDICT_UNKNOWN, ""},
        {CHANNEL_UNKNOWN, CHANNEL_CAUSE_NETWORK, VERDICT_UNKNOWN, ""},
        {CHANNEL_NOT_SENT, CHANNEL_CAUSE_EGRESS, VERDICT_REJECTED,
         "egress.refused"},
        {CHANNEL_NOT_SENT, CHANNEL_CAUSE_URL, VERDICT_REJECTED,
         "content.invalid"},
    };
    struct call_fixture f;

    (void)state;
    call_begin(&f, "{\"url\":\"https://e.com\"}");
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct channel_verdict *v;

        f.answer = (struct channel_answer){.detail = STR("because")};
        f.answer.outcome = rows[i].outcome;
        f.answer.cause = rows[i].cause;
        v = call_answer(&f, webhook);
        assert_int_equal(v->verdict, rows[i].verdict);
        assert_text(v->reason, rows[i].reason);
        assert_text(v->detail, "because");
    }
    call_end(&f);
}

static void
retry_after_is_seconds_or_a_date(void **state)
{
    static const struct {
        int status;
        const char *value, *date;
        int64_t want_ms;
    } rows[] = {
        {429, "7", NULL, 7000},
        {502, "7", NULL, 7000},
        {503, "120", NULL, 120000},
        {500, "7", NULL, 7000},
        {404, "7", NULL, 7000},
        {429, "0", NULL, 1000},
        {429, "86401", NULL, 86400000},
        {429, "99999999999999999999", NULL, 86400000},
        {429, "1.5", NULL, 0},
        {429, "0x10", NULL, 0},
        {429, "-1", NULL, 0},
        {429, "soon", NULL, 0},
        {429, "Thu, 24 Sep 2026 09:30:30 GMT", NULL, 30000},
        {429, "Thu, 24 Sep 2026 09:29:00 GMT", NULL, 1000},
        {429, "Thursday, 24-Sep-26 09:30:30 GMT", NULL, 30000},
        {429, "Thu Sep 24 09:30:30 2026", NULL, 30000},
        {429, "Thu, 24 Sep 2026 10:30:00 GMT", "Thu, 24 Sep 2026 10:29:00 GMT",
         60000},
    };
    struct call_fixture f;

    (void)state;
    call_begin(&f, "{\"url\":\"https://e.com\"}");
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct channel_header headers[] = {
            {STR("retry-after"), str_from(rows[i].value)},
            {STR("DATE"), str_from(rows[i].date)},
        };

        f.answer = (struct channel_answer){
            .status = rows[i].status, .headers = headers, .n_headers = 2};
        if (call_answer(&f, webhook)->retry_after_ms != rows[i].want_ms)
            fail_msg("%s: %lld", rows[i].value,
                     (long long)f.verdict.retry_after_ms);
    }
    call_end(&f);
}

static void
details_hold_no_secret_and_no_control_byte(void **state)
{
    struct call_fixture f;
    struct str detail;
    char big[4000];

    (void)state;
    call_begin(&f, "{\"url\":\"https://e.com\",\"secret\":\"" SECRET
                   " whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwBr\"}");
    f.answer = (struct channel_answer){
        .status = 500,
        .body = STR("bad\r\n\x1b[31m " SECRET " and " SECRET " \xff end")};
    detail = call_answer(&f, webhook)->detail;
    assert_text(detail, "HTTP 500 bad   [31m *** and *** ? end");
    memset(big, 'x', sizeof(big));
    memcpy(big + 280, SECRET, sizeof(SECRET) - 1); /* across the clip */
    f.answer.body = (struct str){big, sizeof(big)};
    detail = call_answer(&f, webhook)->detail;
    assert_int_equal(detail.n, CHANNEL_DETAIL_MAX);
    assert_lacks(detail, "whsec_");
    call_end(&f);
}

static void
the_host_is_what_will_be_called(void **state)
{
    static const struct {
        const char *url, *host, *faults;
    } rows[] = {
        {"https://example.com", "example.com", ""},
        {"http://Example.com:8080/a@b?c@d#e@f", "Example.com", ""},
        {"http://127.0.0.1:1/", "127.0.0.1", ""},
        {"http://[::1]:8080/x", "[::1]", ""},
        {"http://2130706433/", "2130706433", ""},
        {"http://a.com\\\\@127.0.0.1/", "a.com", "/url"},
        {"http://user:pw@127.0.0.1/", "127.0.0.1", "/url"},
        {"http://example.com@10.0.0.1/", "10.0.0.1", "/url"},
        {"http://@10.0.0.1/", "10.0.0.1", "/url"},
        {"https://@10.0.0.1/", "10.0.0.1", "/url"},
        {"https://example.com/@10.0.0.1", "example.com", ""},
        {"http://:80/", "", "/url"},
        {"http://[::1/", "", "/url"},
        {"gopher://example.com/", "example.com", "/url"},
    };
    struct call_fixture f;
    char config[256];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        snprintf(config, sizeof(config), "{\"url\":\"%s\"}", rows[i].url);
        call_begin(&f, config);
        assert_text(webhook->host(f.arena, f.call.config), rows[i].host);
        assert_string_equal(call_faults(&f, webhook), rows[i].faults);
        call_end(&f);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_body_is_what_the_contract_says),
        cmocka_unit_test(what_was_not_sent_is_null_or_empty),
        cmocka_unit_test(the_users_own_address_wins),
        cmocka_unit_test(every_secret_signs_and_the_order_is_kept),
        cmocka_unit_test(secrets_may_lack_their_pads),
        cmocka_unit_test(answers_come_to_the_verdicts_of_the_contract),
        cmocka_unit_test(no_answer_comes_to_what_is_known_of_it),
        cmocka_unit_test(retry_after_is_seconds_or_a_date),
        cmocka_unit_test(details_hold_no_secret_and_no_control_byte),
        cmocka_unit_test(the_host_is_what_will_be_called),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
