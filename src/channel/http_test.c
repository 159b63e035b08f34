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
        {500, "7", VERDICT_RETRY, 0},
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
