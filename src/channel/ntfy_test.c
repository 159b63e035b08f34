/* ntfy_test.c - the call and the table of answers of ntfy (its
 * server/errors.go). */
#include "base/buf.h"
#include "channel/call_test.h"
#include "channel/driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define CONFIG                                                                 \
    "{\"topic\":\"alerts\",\"token\":\"tk_canary0123\","                       \
    "\"base_url\":\"http://127.0.0.1:8080/\"}"

static void
test_call(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, CONFIG);
    f.message.actions = STR("[{\"id\":\"a\",\"label\":\"Open\","
                            "\"url\":\"https://example.org/7\"},"
                            "{\"id\":\"b\",\"label\":\"Ack\"}]");
    call_ask(&f, &channel_ntfy);
    assert_false(f.call.is_done);
    assert_text(f.call.request.method, "POST");
    assert_text(f.call.request.url, "http://127.0.0.1:8080/");
    assert_text(call_request_header(&f, "Authorization"),
                "Bearer tk_canary0123");
    assert_text(f.call.request.body,
                "{\"topic\":\"alerts\",\"title\":\"Paid\","
                "\"message\":\"Order 7 is paid.\",\"priority\":4,"
                "\"actions\":[{\"action\":\"view\",\"label\":\"Open\","
                "\"url\":\"https://example.org/7\"}]}");
    call_end(&f);
}

static void
test_home(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, "{\"topic\":\"alerts\"}");
    assert_string_equal(call_faults(&f, &channel_ntfy), "");
    call_ask(&f, &channel_ntfy);
    assert_text(f.call.request.url, "https://ntfy.sh/");
    assert_text(call_request_header(&f, "Authorization"), "");
    assert_text(channel_ntfy.host(f.arena, f.call.config), "ntfy.sh");
    call_end(&f);
}

static void
test_config(void **state)
{
    static const struct call_config rows[] = {
        {"{}", "/topic"},
        {"{\"topic\":\"a/b\"}", "/topic"},
        {"{\"topic\":\"a\",\"base_url\":\"ftp://x\"}", "/base_url"},
        {"{\"topic\":\"a\",\"base_url\":\"http://x/?y\"}", "/base_url"},
        {"{\"topic\":\"a\",\"key\":\"b\"}", "/key"},
    };

    (void)state;
    assert_configs(&channel_ntfy, rows, sizeof(rows) / sizeof(rows[0]));
}

static void
test_answers(void **state)
{
    static const struct call_row rows[] = {
        {200, "{\"id\":\"hwQ2YpKdmg\"}", VERDICT_SENT, 0, .id = "hwQ2YpKdmg"},
        {200, "{\"id\":\"hwQ2", VERDICT_SENT, 0},
        {200, "", VERDICT_SENT, 0},
        {302, "", VERDICT_REJECTED, 0},
        {400, "{\"code\":40009,\"http\":400}", VERDICT_REJECTED, 0},
        {401, "{\"code\":40101,\"http\":401}", VERDICT_CREDENTIALS, 0},
        {403, "{\"code\":40301,\"http\":403}", VERDICT_CREDENTIALS, 0},
        {413, "{\"code\":41301,\"http\":413}", VERDICT_REJECTED, 0},
        {429, "{\"code\":42901,\"http\":429}", VERDICT_RATE, 5000},
        {429, "{\"code\":42901,\"http\":429}", VERDICT_RATE, 7000,
         .header = "Retry-After", .value = "7"},
        /* 14 h 30 min to midnight */
        {429, "{\"code\":42902,\"http\":429}", VERDICT_RATE, 52200000},
        {429, "{\"code\":42905,\"http\":429}", VERDICT_RATE, 52200000},
        {429, "{\"code\":42908,\"http\":429}", VERDICT_RATE, 52200000},
        {429, "{\"code\":42909,\"http\":429}", VERDICT_CREDENTIALS, 0},
        {429, "<html>", VERDICT_RATE, 0},
        {500, "{\"code\":50001,\"http\":500}", VERDICT_RETRY, 0},
        {502, "<html>", VERDICT_RETRY, 0},
        {507, "{\"code\":50701,\"http\":507}", VERDICT_GONE, 0},
    };

    (void)state;
    assert_rows(&channel_ntfy, CONFIG, rows, sizeof(rows) / sizeof(rows[0]));
}

static void
test_long_texts_are_cut(void **state)
{
    struct call_fixture f;
    struct buf text;

    (void)state;
    call_begin(&f, CONFIG);
    buf_init(&text, f.arena);
    buf_put_char(&text, 'x');
    while (text.n < 4096)
        buf_put_cstr(&text, "\u00e4\u00e4\u20ac"); /* 7 bytes */
    assert_int_equal(text.n, 4096);
    f.message.body = buf_str(&text);
    call_ask(&f, &channel_ntfy);
    assert_lacks(f.call.request.body, "\u2026");
    buf_put_char(&text, 'y');
    f.message.body = buf_str(&text);
    call_ask(&f, &channel_ntfy);
    assert_holds(f.call.request.body, "\u00e4\u00e4\u2026\",");
    assert_true(str_is_utf8(f.call.request.body));
    call_end(&f);
}

static void
test_detail_keeps_the_secret(void **state)
{
    struct call_fixture f;
    struct channel_verdict *v;

    (void)state;
    call_begin(&f, CONFIG);
    call_ask(&f, &channel_ntfy);
    f.answer = (struct channel_answer){.status = 403,
                                       .body = STR("no tk_canary0123 here")};
    v = call_answer(&f, &channel_ntfy);
    assert_text(v->detail, "HTTP 403 no *** here");
    call_end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call),
        cmocka_unit_test(test_home),
        cmocka_unit_test(test_config),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_long_texts_are_cut),
        cmocka_unit_test(test_detail_keeps_the_secret),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
