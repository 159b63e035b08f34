/* http_test.c - what the drivers of HTTP APIs share. */
#include "channel/http.h"

#include "channel/call_test.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void
test_clip_counts_utf16(void **state)
{
    static const struct {
        const char *text;
        size_t max;
        const char *want;
    } rows[] = {
        {"abc", 3, "abc"},
        {"abcd", 3, "ab\u2026"},
        {"\u00e4\u00f6\u00fc", 3, "\u00e4\u00f6\u00fc"},
        {"\U0001f600\U0001f600", 4, "\U0001f600\U0001f600"},
        {"\U0001f600\U0001f600", 3, "\U0001f600\u2026"},
        {"\U0001f600\U0001f600", 2, "\u2026"},
        {"", 3, ""},
    };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_text(channel_clip(a, str_from(rows[i].text), rows[i].max),
                    rows[i].want);
    arena_free(a);
}

static void
test_text_is_title_and_body(void **state)
{
    struct arena *a = arena_new();
    struct channel_message m = {.title = STR("T"), .body = STR("B")};

    (void)state;
    assert_text(channel_text(a, &m), "T\nB");
    m.body = STR_NONE;
    assert_text(channel_text(a, &m), "T");
    m.body = STR("B");
    m.title = STR_NONE;
    assert_text(channel_text(a, &m), "B");
    arena_free(a);
}

static void
test_actions_stop_at_the_limit(void **state)
{
    struct channel_action row[CHANNEL_ACTIONS_MAX];
    struct channel_message m = {0};
    struct arena *a = arena_new();
    struct buf b;

    (void)state;
    assert_int_equal(channel_actions(a, &m, row), 0);
    m.actions = STR("[{\"id\":");
    assert_int_equal(channel_actions(a, &m, row), 0);
    buf_init(&b, a);
    for (int i = 0; i < 12; i++)
        buf_printf(&b, "%c{\"id\":\"a%d\",\"label\":\"L\"}", i ? ',' : '[', i);
    buf_put_char(&b, ']');
    m.actions = buf_str(&b);
    assert_int_equal(channel_actions(a, &m, row), CHANNEL_ACTIONS_MAX);
    assert_text(row[9].id, "a9");
    assert_text(row[9].url, "");
    arena_free(a);
}

static void
test_form_escapes(void **state)
{
    struct arena *a = arena_new();
    struct buf b;

    (void)state;
    buf_init(&b, a);
    channel_put_form(&b, "To", STR("+1 555"));
    channel_put_form(&b, "Body", STR("a&b=c\u00e4"));
    assert_text(buf_str(&b), "To=%2B1%20555&Body=a%26b%3Dc%C3%A4");
    arena_free(a);
}

static void
test_basic(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, "{}");
    channel_post(&f.call, STR("http://x/"), CHANNEL_JSON, STR("{}"));
    channel_add_basic(&f.call, STR("Aladdin"), STR("open sesame"));
    assert_text(call_request_header(&f, "Authorization"),
                "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="); /* RFC 7617, 2 */
    call_end(&f);
}

static void
test_status_alone(void **state)
{
    static const struct field no_secrets[] = {{.type = FIELD_END}};
    static const struct {
        int status;
        const char *after;
        enum verdict verdict;
        int64_t retry_after_ms;
    } rows[] = {
        {200, NULL, VERDICT_SENT, 0},
        {202, NULL, VERDICT_SENT, 0},
        {301, NULL, VERDICT_REJECTED, 0},
        {400, NULL, VERDICT_REJECTED, 0},
        {401, NULL, VERDICT_CREDENTIALS, 0},
        {402, NULL, VERDICT_CREDENTIALS, 0},
        {403, NULL, VERDICT_CREDENTIALS, 0},
        {404, NULL, VERDICT_REJECTED, 0},
        {407, NULL, VERDICT_CREDENTIALS, 0},
        {408, NULL, VERDICT_RETRY, 0},
        {410, NULL, VERDICT_GONE, 0},
        {425, NULL, VERDICT_RETRY, 0},
        {429, NULL, VERDICT_RATE, 0},
        {429, "7", VERDICT_RATE, 7000},
        {408, "7", VERDICT_RETRY, 7000},
        {500, "7", VERDICT_RETRY, 7000},
        {400, "7", VERDICT_REJECTED, 0},
        {503, NULL, VERDICT_RETRY, 0},
        {503, "7", VERDICT_RATE, 7000},
        {524, NULL, VERDICT_RETRY, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct channel_header after = {STR("Retry-After"),
                                       str_from(rows[i].after)};
        struct call_fixture f;
        struct channel_verdict v;

        call_begin(&f, "{}");
        f.answer = (struct channel_answer){.status = rows[i].status,
                                           .headers = &after,
                                           .n_headers = rows[i].after ? 1 : 0};
        f.call.answer = &f.answer;
        v = channel_judge_http(&f.call, no_secrets);
        assert_int_equal(v.verdict, rows[i].verdict);
        assert_int_equal(v.retry_after_ms, rows[i].retry_after_ms);
        call_end(&f);
    }
}

static void
test_wait_is_bounded(void **state)
{
    (void)state;
    assert_int_equal(channel_wait_ms(0), 1000);
    assert_int_equal(channel_wait_ms(-5), 1000);
    assert_int_equal(channel_wait_ms(NAN), 1000);
    assert_int_equal(channel_wait_ms(64.5701), 64571);
    assert_int_equal(channel_wait_ms(1e300), RETRY_AFTER_MAX_MS);
}

static void
test_wait_of_a_number(void **state)
{
    static const struct {
        const char *json;
        int64_t ms;
    } rows[] = {
        {"{\"s\":64.57}", 64570}, {"{\"s\":0.2}", 1000},
        {"{\"s\":3}", 3000},      {"{\"s\":1e400}", RETRY_AFTER_MAX_MS},
        {"{\"s\":\"3\"}", 0},     {"{\"t\":3}", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct call_fixture f;

        call_begin(&f, rows[i].json);
        assert_int_equal(
            channel_json_wait_ms(f.arena, json_get(f.call.config, "s")),
            rows[i].ms);
        call_end(&f);
    }
}

#define HOOK "https://hooks.example.com/services/T0/B0/canary0123456789"

static void
test_webhook_url_moves_below_base_url(void **state)
{
    static const struct {
        const char *config, *address, *want, *host;
    } rows[] = {
        {"{\"webhook_url\":\"" HOOK "\"}", "", HOOK, "hooks.example.com"},
        {"{\"webhook_url\":\"" HOOK
         "\",\"base_url\":\"http://127.0.0.1:8080/\"}",
         "", "http://127.0.0.1:8080/services/T0/B0/canary0123456789",
         "127.0.0.1"},
        {"{\"webhook_url\":\"https://x.y:443/a?sp=%2Ft&sig=a%2Bb\","
         "\"base_url\":\"https://proxy:8443/teams\"}",
         "", "https://proxy:8443/teams/a?sp=%2Ft&sig=a%2Bb", "proxy"},
        {"{\"webhook_url\":\"" HOOK "\"}", "http://own.example/?x#y",
         "http://own.example/?x", "hooks.example.com"},
        {"{\"base_url\":\"http://127.0.0.1:8080\"}", "http://own.example/?x",
         "http://127.0.0.1:8080/?x", "127.0.0.1"},
        {"{\"webhook_url\":\"***\"}", "", "", ""},
        {"{\"webhook_url\":\"" HOOK "\"}", "C0123", "", "hooks.example.com"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct call_fixture f;

        call_begin(&f, rows[i].config);
        f.message.address = str_from(rows[i].address);
        assert_text(channel_webhook_url(&f.call), rows[i].want);
        assert_int_equal(f.call.is_done, rows[i].want[0] == '\0');
        assert_text(channel_webhook_host(f.arena, f.call.config), rows[i].host);
        call_end(&f);
    }
}

static void
test_only_users_are_gone(void **state)
{
    static const struct field no_secrets[] = {{.type = FIELD_END}};
    static const struct {
        int status;
        enum verdict with, without;
    } rows[] = {
        {200, VERDICT_SENT, VERDICT_SENT},
        {401, VERDICT_REJECTED, VERDICT_CREDENTIALS},
        {403, VERDICT_REJECTED, VERDICT_CREDENTIALS},
        {410, VERDICT_GONE, VERDICT_CREDENTIALS},
        {500, VERDICT_RETRY, VERDICT_RETRY},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct call_fixture f;

        call_begin(&f, "{}");
        f.answer = (struct channel_answer){.status = rows[i].status};
        f.call.answer = &f.answer;
        assert_int_equal(channel_judge_webhook(&f.call, no_secrets).verdict,
                         rows[i].without);
        f.message.address = STR("https://own.example/");
        assert_int_equal(channel_judge_webhook(&f.call, no_secrets).verdict,
                         rows[i].with);
        call_end(&f);
    }
}

static void
test_details_keep_what_an_url_hides(void **state)
{
    static const struct field row[] = {CHANNEL_WEBHOOK_URL_ROW("The URL."),
                                       {.type = FIELD_END}};
    struct call_fixture f;

    (void)state;
    call_begin(&f, "{\"webhook_url\":\"" HOOK "\"}");
    f.message.address = STR("https://own.example/api?sig=0123456789abcdef");
    assert_text(channel_detail(&f.call, row, STR("no " HOOK " here")),
                "no *** here");
    assert_text(
        channel_detail(&f.call, row,
                       STR("POST /services/T0/B0/canary0123456789 failed")),
        "POST *** failed");
    assert_text(
        channel_detail(&f.call, row, STR("(canary0123456789) services")),
        "(***) services");
    assert_text(channel_detail(&f.call, row,
                               STR("/api?sig=0123456789abcdef 0123456789abcdef "
                                   "api own.example")),
                "*** *** api own.example");
    call_end(&f);
}

static void
test_links_are_whole(void **state)
{
    (void)state;
    assert_true(channel_is_link(STR("https://example.org/7")));
    assert_false(channel_is_link(STR("/orders/7")));
    assert_false(channel_is_link(STR("javascript:alert(1)")));
    assert_false(channel_is_link(STR_NONE));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clip_counts_utf16),
        cmocka_unit_test(test_text_is_title_and_body),
        cmocka_unit_test(test_actions_stop_at_the_limit),
        cmocka_unit_test(test_form_escapes),
        cmocka_unit_test(test_basic),
        cmocka_unit_test(test_status_alone),
        cmocka_unit_test(test_wait_is_bounded),
        cmocka_unit_test(test_wait_of_a_number),
        cmocka_unit_test(test_webhook_url_moves_below_base_url),
        cmocka_unit_test(test_only_users_are_gone),
        cmocka_unit_test(test_details_keep_what_an_url_hides),
        cmocka_unit_test(test_links_are_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
