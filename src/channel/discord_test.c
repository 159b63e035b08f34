/* discord_test.c - the call and the table of answers of Discord's webhooks. */
#include "channel/call_test.h"
#include "channel/driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))
#define HOOK "https://discord.com/api/v10/webhooks/223704706495545344/"
#define TOKEN "3d89bb7572e0fb30d8128367b3b1b44fecd1726de135cbe28a41f8b2f777c372"
#define CONFIG "{\"webhook_url\":\"" HOOK TOKEN "\"}"
#define OWN "https://discord.com/api/webhooks/7/own0123456789abcdef"

static void
the_call_waits_for_the_message(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, CONFIG);
    call_ask(&f, &channel_discord);
    assert_false(f.call.is_done);
    assert_text(f.call.request.method, "POST");
    assert_text(f.call.request.url, HOOK TOKEN "?wait=true");
    assert_text(call_request_header(&f, "Content-Type"), "application/json");
    assert_text(f.call.request.body, "{\"content\":\"Paid\\nOrder 7 is paid.\","
                                     "\"allowed_mentions\":{\"parse\":[]}}");
    assert_text(channel_discord.host(f.arena, f.call.config), "discord.com");
    call_end(&f);
}

static void
names_and_thread_are_the_providers(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, "{\"webhook_url\":\"" HOOK TOKEN "\",\"username\":\"Ops\","
                   "\"avatar_url\":\"https://x.example/a.png\","
                   "\"thread_id\":\"42\","
                   "\"base_url\":\"http://127.0.0.1:8080\"}");
    call_ask(&f, &channel_discord);
    assert_text(
        f.call.request.url,
        "http://127.0.0.1:8080/api/v10/webhooks/223704706495545344/" TOKEN
        "?wait=true&thread_id=42");
    assert_holds(f.call.request.body,
                 "\"username\":\"Ops\",\"avatar_url\":\"https://x.example/"
                 "a.png\",");
    /* A user's own webhook is of another channel. */
    f.message.address = STR(OWN "?thread_id=9#x");
    call_ask(&f, &channel_discord);
    assert_text(f.call.request.url,
                "http://127.0.0.1:8080/api/webhooks/7/own0123456789abcdef"
                "?thread_id=9&wait=true");
    call_end(&f);
}

static void
a_server_of_others_says_nothing_of_discord(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, CONFIG);
    f.answer = (struct channel_answer){.status = 500};
    assert_false(call_answer(&f, &channel_discord)->is_of_others);
    f.message.address = STR(OWN);
    assert_false(call_answer(&f, &channel_discord)->is_of_others);
    f.message.address = STR("https://discord.example.net/api/webhooks/7/x");
    assert_true(call_answer(&f, &channel_discord)->is_of_others);
    call_end(&f);
}

static void
links_are_lines_and_never_masked(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, CONFIG);
    f.message.title = STR_NONE;
    f.message.body = STR("@everyone **now** [your bank](https://evil.example)");
    f.message.actions = STR("[{\"id\":\"p\",\"label\":\"P\",\"url\":\"/7\"},"
                            "{\"id\":\"b\",\"label\":\"[Open](x)\","
                            "\"url\":\"https://example.org/7\"},"
                            "{\"id\":\"c\",\"label\":\"Ack\"}]");
    call_ask(&f, &channel_discord);
    assert_text(f.call.request.body,
                "{\"content\":\"@everyone **now** [your bank]\\\\(https://"
                "evil.example)\\n[Open]\\\\(x): https://example.org/7\","
                "\"allowed_mentions\":{\"parse\":[]}}");
    call_end(&f);
}

static struct str
repeated(struct arena *a, char c, size_t n)
{
    struct buf b;

    buf_init(&b, a);
    while (b.n < n)
        buf_put_char(&b, c);
    return buf_str(&b);
}

static void
a_long_text_is_cut_and_leaves_room_for_links(void **state)
{
    struct call_fixture f;
    struct str long_url;

    (void)state;
    call_begin(&f, CONFIG);
    f.message.title = STR_NONE;
    f.message.body = repeated(f.arena, 'b', 2000);
    call_ask(&f, &channel_discord);
    assert_lacks(f.call.request.body, "\u2026");
    f.message.body = repeated(f.arena, 'b', 2001);
    call_ask(&f, &channel_discord);
    assert_holds(f.call.request.body, "bb\u2026\"");
    long_url = repeated(f.arena, 'u', 1100);
    f.message.actions =
        str_fmt(f.arena,
                "[{\"id\":\"a\",\"label\":\"A\",\"url\":\"https://e/%.*s\"},"
                "{\"id\":\"b\",\"label\":\"B\",\"url\":\"https://e/\"}]",
                STR_ARG(long_url));
    call_ask(&f, &channel_discord);
    assert_holds(f.call.request.body, "bb\u2026\\nB: https://e/\"");
    assert_lacks(f.call.request.body, "uuuu");
    /* {"content":"", 2000 and two bytes more of the ellipsis, the escape of
     * the line end, allowed_mentions */
    assert_int_equal(f.call.request.body.n, 12 + 2000 + 2 + 1 + 34);
    call_end(&f);
}

static void
what_cannot_be_sent_is_refused(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, CONFIG);
    f.message.address = STR("someone#1234");
    call_ask(&f, &channel_discord);
    assert_true(f.call.is_done);
    assert_int_equal(f.verdict.verdict, VERDICT_REJECTED);
    assert_text(f.verdict.reason, "content.invalid");
    f.message.address = STR_NONE;
    f.message.title = f.message.body = STR_NONE;
    call_ask(&f, &channel_discord);
    assert_true(f.call.is_done);
    assert_text(f.verdict.reason, "content.invalid");
    call_end(&f);
}

static void
the_configuration_is_checked(void **state)
{
    static const struct call_config rows[] = {
        {CONFIG, ""},
        {"{}", ""}, /* for users with webhooks of their own */
        {"{\"webhook_url\":\"***\"}", ""},
        {"{\"webhook_url\":\"discord.com/api\"}", "/webhook_url"},
        {"{\"webhook_url\":\"https://a@b/c\"}", "/webhook_url"},
        {"{\"thread_id\":\"general\"}", "/thread_id"},
        {"{\"avatar_url\":\"a.png\"}", "/avatar_url"},
        {"{\"base_url\":\"http://x?y\"}", "/base_url"},
        {"{\"url\":\"https://x\"}", "/url"},
    };
    struct call_fixture f;

    (void)state;
    assert_configs(&channel_discord, rows, COUNT(rows));
    call_begin(&f, CONFIG);
    assert_true(channel_discord.has_target(f.call.config));
    assert_false(channel_discord.has_target((struct json){0}));
    call_end(&f);
}

#define LIMITED "{\"message\":\"You are being rate limited.\",\"retry_after\":"

static void
answers_mean_what_the_table_says(void **state)
{
    static const struct call_row rows[] = {
        {200, "{\"id\":\"1\"}", VERDICT_SENT, 0},
        {204, "", VERDICT_SENT, 0},
        {200, "{\"id\"", VERDICT_SENT, 0},
        {400, "{\"code\":50035,\"message\":\"Invalid Form Body\"}",
         VERDICT_REJECTED, 0},
        {400, "{\"code\":50006}", VERDICT_REJECTED, 0},
        {413, "{\"code\":40005}", VERDICT_REJECTED, 0},
        {403, "{\"code\":50013}", VERDICT_CREDENTIALS, 0},
        {403, "{\"code\":50013}", VERDICT_REJECTED, 0, OWN},
        {404, "{\"code\":10015}", VERDICT_CREDENTIALS, 0},
        {404, "{\"code\":10015}", VERDICT_GONE, 0, OWN},
        {404, "{\"code\":10003}", VERDICT_GONE, 0, OWN},
        {404, "<html>", VERDICT_REJECTED, 0, OWN},
        {401, "{\"code\":50027}", VERDICT_CREDENTIALS, 0},
        {401, "{\"code\":50027}", VERDICT_GONE, 0, OWN},
        {401, "{\"code\":0}", VERDICT_REJECTED, 0, OWN},
        {429, LIMITED "64.57,\"global\":false}", VERDICT_RATE, 64570},
        {429, LIMITED "0.2,\"global\":true}", VERDICT_RATE, 1000},
        {429, LIMITED "3}", VERDICT_RATE, 3000, .header = "Retry-After",
         .value = "65"},
        {429, "{\"code\":40062}", VERDICT_RATE, 65000, .header = "Retry-After",
         .value = "65"},
        /* Cloudflare's, without JSON */
        {429, "<html>", VERDICT_RATE, 900000},
        {429, "", VERDICT_RATE, 900000, .header = "Retry-After", .value = "65"},
        {429, "error code: 1015", VERDICT_RATE, 3600000,
         .header = "Retry-After", .value = "3600"},
        {500, "", VERDICT_RETRY, 0},
        {502, "<html>", VERDICT_RETRY, 0, OWN},
    };

    (void)state;
    assert_rows(&channel_discord, CONFIG, rows, COUNT(rows));
}

static void
its_id_is_kept_and_the_webhook_is_not_told(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, CONFIG);
    call_ask(&f, &channel_discord);
    f.answer = (struct channel_answer){
        .status = 200, .body = STR("{\"id\":\"1130000000000000000\"}")};
    assert_text(call_answer(&f, &channel_discord)->provider_message_id,
                "1130000000000000000");
    f.answer = (struct channel_answer){.status = 404,
                                       .body = STR("no " TOKEN " here")};
    assert_text(call_answer(&f, &channel_discord)->detail,
                "HTTP 404 no *** here");
    f.message.address = STR(OWN);
    f.answer.body = STR("no /api/webhooks/7/own0123456789abcdef");
    assert_text(call_answer(&f, &channel_discord)->detail, "HTTP 404 no ***");
    call_end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_call_waits_for_the_message),
        cmocka_unit_test(names_and_thread_are_the_providers),
        cmocka_unit_test(a_server_of_others_says_nothing_of_discord),
        cmocka_unit_test(links_are_lines_and_never_masked),
        cmocka_unit_test(a_long_text_is_cut_and_leaves_room_for_links),
        cmocka_unit_test(what_cannot_be_sent_is_refused),
        cmocka_unit_test(the_configuration_is_checked),
        cmocka_unit_test(answers_mean_what_the_table_says),
        cmocka_unit_test(its_id_is_kept_and_the_webhook_is_not_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
