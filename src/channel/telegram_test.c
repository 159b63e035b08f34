/* telegram_test.c - the call, its escapes, the table of answers and what
 * Telegram tells of the Bot API. */
#include "channel/call_test.h"
#include "channel/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))
#define TOKEN "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
#define PLAIN "{\"bot_token\":\"" TOKEN "\"}"
#define SECRET "Canary_secret-0123"
#define WITH(more) "{\"bot_token\":\"" TOKEN "\"," more "}"
#define SIGNED WITH("\"secret_token\":\"" SECRET "\"")
#define MARKDOWN WITH("\"parse_mode\":\"MarkdownV2\"")
#define HTML WITH("\"parse_mode\":\"HTML\"")

static void
begin(struct call_fixture *f, const char *config)
{
    call_begin(f, config);
    f->message.channel = STR("telegram");
    f->message.address = STR("99");
}

static void
the_call_sends_plain_text(void **state)
{
    struct call_fixture f;

    (void)state;
    begin(&f, PLAIN);
    call_ask(&f, &channel_telegram);
    assert_false(f.call.is_done);
    assert_text(f.call.request.method, "POST");
    assert_text(f.call.request.url,
                "https://api.telegram.org/bot" TOKEN "/sendMessage");
    assert_text(call_request_header(&f, "Content-Type"), "application/json");
    assert_text(f.call.request.body,
                "{\"chat_id\":99,\"text\":\"Paid\\nOrder 7 is paid.\"}");
    assert_text(channel_telegram.host(f.arena, f.call.config),
                "api.telegram.org");
    call_end(&f);
}

static void
addresses_are_ids_or_names(void **state)
{
    static const struct {
        const char *address, *chat; /* NULL: refused */
    } rows[] = {
        {"99", "{\"chat_id\":99,"},
        {"-1001234567890123", "{\"chat_id\":-1001234567890123,"},
        {"4503599627370495", "{\"chat_id\":4503599627370495,"},
        {"-007", "{\"chat_id\":-7,"},
        {"@belfry_news", "{\"chat_id\":\"@belfry_news\","},
        {"", NULL},
        {"@", NULL},
        {"@a b", NULL},
        {"+49 151 1234567", NULL},
        {"99223372036854775808", NULL},
        {"t.me/belfry", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct call_fixture f;

        begin(&f, PLAIN);
        f.message.address = str_from(rows[i].address);
        call_ask(&f, &channel_telegram);
        assert_int_equal(f.call.is_done, rows[i].chat == NULL);
        if (rows[i].chat)
            assert_holds(f.call.request.body, rows[i].chat);
        else
            assert_text(f.verdict.reason, "content.invalid");
        call_end(&f);
    }
}

/* Of python-telegram-bot's tests of escape_markdown(). */
static void
markdown_is_escaped(void **state)
{
    static const struct {
        const char *text, *want; /* in JSON */
    } rows[] = {
        {"a_b*c[d]e", "a\\\\_b\\\\*c\\\\[d\\\\]e"},
        {"(fg) ", "\\\\(fg\\\\) "},
        {"h~I`>JK#L+MN", "h\\\\~I\\\\`\\\\>JK\\\\#L\\\\+MN"},
        {"-O=|p{qr}s.t!\\ ",
         "\\\\-O\\\\=\\\\|p\\\\{qr\\\\}s\\\\.t\\\\!\\\\\\\\ "},
        {"\u00e4 \U0001f600", "\u00e4 \U0001f600"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct call_fixture f;

        begin(&f, MARKDOWN);
        f.message.title = STR_NONE;
        f.message.body = str_from(rows[i].text);
        call_ask(&f, &channel_telegram);
        assert_text(f.call.request.body,
                    str_cstr(f.arena, str_fmt(f.arena,
                                              "{\"chat_id\":99,\"text\":\"%s\","
                                              "\"parse_mode\":\"MarkdownV2\"}",
                                              rows[i].want)));
        call_end(&f);
    }
}

static void
modes_show_the_title_in_bold(void **state)
{
    static const struct {
        const char *config, *title, *body, *want;
    } rows[] = {
        {MARKDOWN, "No. 7", "is *paid*",
         "\"text\":\"*No\\\\. 7*\\nis \\\\*paid\\\\*\""},
        {MARKDOWN, "Paid!", "", "\"text\":\"*Paid\\\\!*\""},
        {HTML, "a < b & c", "\"<b>\" 'x' > y",
         "\"text\":\"<b>a &lt; b &amp; c</b>\\n&quot;&lt;b&gt;&quot; "
         "&#39;x&#39; &gt; y\""},
        {HTML, "", "a & b", "\"text\":\"a &amp; b\""},
        {PLAIN, "a_b <i>", "c & d.", "\"text\":\"a_b <i>\\nc & d.\"}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct call_fixture f;

        begin(&f, rows[i].config);
        f.message.title = str_from(rows[i].title);
        f.message.body = str_from(rows[i].body);
        call_ask(&f, &channel_telegram);
        assert_holds(f.call.request.body, rows[i].want);
        call_end(&f);
    }
}

static struct str
repeated(struct arena *a, const char *text, size_t times)
{
    struct buf b;

    buf_init(&b, a);
    for (size_t i = 0; i < times; i++)
        buf_put_cstr(&b, text);
    return buf_str(&b);
}

/* Its length counts without the marks. */
static void
long_texts_are_cut_before_they_are_escaped(void **state)
{
    struct call_fixture f;
    struct str body;

    (void)state;
    begin(&f, MARKDOWN);
    f.message.title = STR("T");
    f.message.body = repeated(f.arena, ".", 4094);
    call_ask(&f, &channel_telegram);
    body = f.call.request.body;
    assert_lacks(body, "\u2026");
    assert_true(body.n > 3 * 4094);
    f.message.body = repeated(f.arena, ".", 4095);
    call_ask(&f, &channel_telegram);
    assert_holds(f.call.request.body, ".\u2026\",\"parse_mode\"");
    f.message.title = repeated(f.arena, "t", 5000);
    call_ask(&f, &channel_telegram);
    assert_holds(f.call.request.body, "tt\u2026*\",\"parse_mode\"");
    /* The ellipsis takes the place of the title's last character. */
    for (size_t n = 4095; n < 4099; n++) {
        f.message.title = repeated(f.arena, "t", n);
        call_ask(&f, &channel_telegram);
        assert_true(str_is_utf8(f.call.request.body));
    }
    f.message.title = f.message.body = STR_NONE;
    call_ask(&f, &channel_telegram);
    assert_true(f.call.is_done);
    assert_text(f.verdict.reason, "content.invalid");
    call_end(&f);
}

#define ACTIONS                                                                \
    "[{\"id\":\"p\",\"label\":\"P\",\"url\":\"/7\"},"                          \
    "{\"id\":\"open\",\"label\":\"Open\",\"url\":\"https://example.org/7\"},"  \
    "{\"id\":\"ack:now\",\"label\":\"Ack\"},"                                  \
    "{\"id\":\"an.id.of.twenty-eight.chars.\",\"label\":\"Fits\"},"            \
    "{\"id\":\"an.id.of.twenty-nine.chars...\",\"label\":\"Not\"}]"
#define OPEN "[{\"text\":\"Open\",\"url\":\"https://example.org/7\"}]"
#define ID "01jd7w9q2me0rbn8t5k3xvhz4c"
#define NOW_MARK "mUPnlIDK" /* HMAC-SHA256 of ID:ack:now, begun */

static void
buttons_are_links_or_carry_the_delivery(void **state)
{
    struct call_fixture f;

    (void)state;
    begin(&f, PLAIN);
    f.message.actions = STR(ACTIONS);
    call_ask(&f, &channel_telegram);
    assert_holds(f.call.request.body,
                 ",\"reply_markup\":{\"inline_keyboard\":[" OPEN "]}}");
    call_end(&f);
    begin(&f, SIGNED);
    f.message.actions = STR(ACTIONS);
    call_ask(&f, &channel_telegram);
    assert_holds(f.call.request.body,
                 ",\"reply_markup\":{\"inline_keyboard\":[" OPEN ","
                 "[{\"text\":\"Ack\",\"callback_data\":\"" ID ":" NOW_MARK
                 ":ack:now\"}],[{\"text\":\"Fits\",\"callback_data\":\"" ID
                 ":77btu9-y:an.id.of.twenty-eight.chars.\"}]]}}");
    f.message.actions = STR("[{\"id\":\"p\",\"label\":\"P\",\"url\":\"/7\"}]");
    f.message.priority = STR("low");
    call_ask(&f, &channel_telegram);
    assert_holds(f.call.request.body, ",\"disable_notification\":true}");
    assert_lacks(f.call.request.body, "reply_markup");
    call_end(&f);
}

static void
the_configuration_is_checked(void **state)
{
    static const struct call_config rows[] = {
        {PLAIN, ""},
        {SIGNED, ""},
        {"{}", "/bot_token"},
        {"{\"bot_token\":\"1:a/../\"}", "/bot_token"},
        {"{\"bot_token\":\"***\",\"secret_token\":\"***\"}", ""},
        {WITH("\"secret_token\":\"a b\""), "/secret_token"},
        {WITH("\"secret_token\":\"a:b\""), "/secret_token"},
        {WITH("\"parse_mode\":\"Markdown\""), "/parse_mode"},
        {WITH("\"base_url\":\"x\""), "/base_url"},
        {WITH("\"chat_id\":\"1\""), "/chat_id"},
    };
    struct call_fixture f;

    (void)state;
    assert_configs(&channel_telegram, rows, COUNT(rows));
    begin(&f, PLAIN);
    assert_false(channel_telegram.has_target(f.call.config));
    call_end(&f);
}

#define NOT_OK(code, words)                                                    \
    "{\"ok\":false,\"error_code\":" code ",\"description\":\"" words "\"}"

static void
answers_mean_what_the_table_says(void **state)
{
    static const struct call_row rows[] = {
        {200, "{\"ok\":true,\"result\":{\"message_id\":7}}", VERDICT_SENT, 0,
         "99"},
        {200, "{\"ok\":true}", VERDICT_SENT, 0, "99"},
        {200, "{\"ok\":true", VERDICT_UNKNOWN, 0, "99"},
        {200, "<html>", VERDICT_UNKNOWN, 0, "99"},
        {200, "", VERDICT_UNKNOWN, 0, "99"},
        {400, NOT_OK("400", "Bad Request: can't parse entities: x"),
         VERDICT_REJECTED, 0, "99"},
        {400, NOT_OK("400", "Bad Request: message is too long"),
         VERDICT_REJECTED, 0, "99"},
        {400, NOT_OK("400", "Bad Request: chat not found"), VERDICT_GONE, 0,
         "99"},
        {400, NOT_OK("400", "Bad Request: private chat not found"),
         VERDICT_GONE, 0, "99"},
        {401, NOT_OK("401", "Unauthorized"), VERDICT_CREDENTIALS, 0, "99"},
        {404, NOT_OK("404", "Not Found"), VERDICT_CREDENTIALS, 0, "99"},
        {404, "<html>", VERDICT_CREDENTIALS, 0, "99"},
        {403, NOT_OK("403", "Forbidden: bot was blocked by the user"),
         VERDICT_GONE, 0, "99"},
        {403, NOT_OK("403", "Forbidden: user is deactivated"), VERDICT_GONE, 0,
         "99"},
        {403, NOT_OK("403", "Forbidden: bot was kicked from the group chat"),
         VERDICT_GONE, 0, "-99"},
        {403, "<html>", VERDICT_CREDENTIALS, 0, "99"},
        {410, "", VERDICT_REJECTED, 0, "99"},
        {429,
         "{\"ok\":false,\"error_code\":429,\"description\":\"Too Many "
         "Requests: retry after 14\",\"parameters\":{\"retry_after\":14}}",
         VERDICT_RATE, 14000, "99"},
        {429, NOT_OK("429", "Too Many Requests: retry after 5"), VERDICT_RATE,
         5000, "99", "Retry-After", "5"},
        {429, "", VERDICT_RATE, 0, "99"},
        {500, NOT_OK("500", "Internal Server Error: x"), VERDICT_RETRY, 0,
         "99"},
        {502, "<html>", VERDICT_RETRY, 0, "99"},
        {200, NOT_OK("403", "Forbidden: x"), VERDICT_GONE, 0, "99"},
    };

    (void)state;
    assert_rows(&channel_telegram, PLAIN, rows, COUNT(rows));
}

#define MOVED                                                                  \
    "{\"ok\":false,\"error_code\":400,\"description\":\"Bad Request: group "   \
    "chat was upgraded to a supergroup chat\",\"parameters\":"                 \
    "{\"migrate_to_chat_id\":-1001234567890123}}"

static void
a_moved_chat_gets_it_at_once(void **state)
{
    struct call_fixture f;

    (void)state;
    begin(&f, PLAIN);
    f.message.address = STR("-42");
    call_ask(&f, &channel_telegram);
    assert_holds(f.call.request.body, "{\"chat_id\":-42,");
    f.answer = (struct channel_answer){.status = 400, .body = STR(MOVED)};
    f.call.answer = &f.answer;
    channel_telegram.step(&f.call);
    assert_false(f.call.is_done);
    assert_text(f.call.request.url,
                "https://api.telegram.org/bot" TOKEN "/sendMessage");
    assert_text(f.call.request.body, "{\"chat_id\":-1001234567890123,\"text\":"
                                     "\"Paid\\nOrder 7 is paid.\"}");
    f.answer = (struct channel_answer){
        .status = 200,
        .body = STR("{\"ok\":true,\"result\":{\"message_id\":8,\"chat\":"
                    "{\"id\":-1001234567890123}}}")};
    assert_int_equal(call_answer(&f, &channel_telegram)->verdict, VERDICT_SENT);
    assert_text(f.verdict.provider_message_id, "8");
    assert_text(f.verdict.detail, "the chat has become -1001234567890123");
    call_end(&f);
}

static void
a_chat_moves_once_a_call(void **state)
{
    struct call_fixture f;

    (void)state;
    begin(&f, PLAIN);
    call_ask(&f, &channel_telegram);
    f.answer = (struct channel_answer){.status = 400, .body = STR(MOVED)};
    f.call.answer = &f.answer;
    channel_telegram.step(&f.call);
    assert_false(f.call.is_done);
    assert_int_equal(call_answer(&f, &channel_telegram)->verdict,
                     VERDICT_REJECTED);
    f.answer = (struct channel_answer){.outcome = CHANNEL_UNKNOWN};
    assert_int_equal(call_answer(&f, &channel_telegram)->verdict,
                     VERDICT_UNKNOWN);
    call_end(&f);
}

static void
its_number_is_kept_and_the_token_is_not_told(void **state)
{
    struct call_fixture f;

    (void)state;
    begin(&f, PLAIN);
    call_ask(&f, &channel_telegram);
    f.answer = (struct channel_answer){
        .status = 200,
        .body = STR("{\"ok\":true,\"result\":{\"message_id\":7,"
                    "\"chat\":{\"id\":99}}}")};
    assert_text(call_answer(&f, &channel_telegram)->provider_message_id, "7");
    assert_text(f.verdict.detail, "");
    f.answer = (struct channel_answer){.status = 404,
                                       .body = STR("no /bot" TOKEN "/x")};
    assert_text(call_answer(&f, &channel_telegram)->detail,
                "HTTP 404 no /bot***/x");
    call_end(&f);
}

/* ---- receipts ---- */

static void
take(struct hook_fixture *h, const char *config, const char *secret,
     const char *update)
{
    hook_begin(h, config, "https://b.example/v1/receipts/telegram",
               str_from(update));
    if (secret)
        hook_put_header(h, "X-Telegram-Bot-Api-Secret-Token", str_from(secret));
    hook_take(h, &channel_telegram);
}

static void
only_who_knows_the_secret_is_heard(void **state)
{
    static const struct {
        const char *config, *secret;
        enum channel_receipt_outcome outcome;
    } rows[] = {
        {SIGNED, SECRET, CHANNEL_RECEIPT_TAKEN},
        {SIGNED, SECRET "4", CHANNEL_RECEIPT_UNSIGNED},
        {SIGNED, "Canary_secret-0124", CHANNEL_RECEIPT_UNSIGNED},
        {SIGNED, "", CHANNEL_RECEIPT_UNSIGNED},
        {SIGNED, NULL, CHANNEL_RECEIPT_UNSIGNED},
        {PLAIN, "", CHANNEL_RECEIPT_UNSIGNED},
        {PLAIN, NULL, CHANNEL_RECEIPT_UNSIGNED},
    };
    struct hook_fixture h;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        take(&h, rows[i].config, rows[i].secret, "{\"update_id\":1}");
        assert_int_equal(h.r.outcome, rows[i].outcome);
        assert_int_equal(h.r.n_events, 0);
        hook_end(&h);
    }
    take(&h, SIGNED, SECRET, "{\"update_id\":1}");
    hook_put_header(&h, "x-telegram-bot-api-secret-token", STR(SECRET));
    hook_take(&h, &channel_telegram);
    assert_int_equal(h.r.outcome, CHANNEL_RECEIPT_UNSIGNED);
    hook_end(&h);
}

#define PRESS(data)                                                            \
    "{\"update_id\":10000,\"callback_query\":{\"id\":\"4382bfdwdsb323b2d9\","  \
    "\"from\":{\"id\":99,\"is_bot\":false,\"first_name\":\"A\"},\"message\":"  \
    "{\"message_id\":7,\"date\":1700000000,\"chat\":{\"id\":99,\"type\":"      \
    "\"private\"},\"text\":\"x\"},\"chat_instance\":\"-123\",\"data\":\"" data \
    "\"}}"

static void
a_press_names_delivery_and_action_and_is_answered(void **state)
{
    struct hook_fixture h;

    (void)state;
    take(&h, SIGNED, SECRET, PRESS(ID ":" NOW_MARK ":ack:now"));
    assert_int_equal(h.r.outcome, CHANNEL_RECEIPT_TAKEN);
    assert_int_equal(h.r.n_events, 1);
    assert_int_equal(h.r.events[0].kind, CHANNEL_EVENT_ACTION);
    assert_text(h.r.events[0].id, "10000");
    assert_text(h.r.events[0].delivery_id, "dlv_" ID);
    assert_text(h.r.events[0].action, "ack:now");
    assert_text(h.r.events[0].address, "99");
    assert_text(h.r.request.method, "POST");
    assert_text(h.r.request.url,
                "https://api.telegram.org/bot" TOKEN "/answerCallbackQuery");
    assert_text(h.r.request.body,
                "{\"callback_query_id\":\"4382bfdwdsb323b2d9\"}");
    hook_end(&h);
}

/* Of another program with the same bot: its button waits all the same. */
static void
a_press_of_others_is_answered_only(void **state)
{
    static const char *const rows[] = {
        PRESS("ack"), PRESS(":ack"), PRESS("x:"), PRESS(""),
        /* ...or what a client made up */
        PRESS(ID ":ack:now"), PRESS(ID "::ack:now"),
        PRESS(ID ":" NOW_MARK ":ack"), PRESS(ID ":" NOW_MARK ":"),
        PRESS("01jd7w9q2me0rbn8t5k3xvhz4d:" NOW_MARK ":ack:now"),
        PRESS(ID ":mUPnlIDL:ack:now")};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct hook_fixture h;

        take(&h, SIGNED, SECRET, rows[i]);
        assert_int_equal(h.r.outcome, CHANNEL_RECEIPT_TAKEN);
        assert_int_equal(h.r.n_events, 0);
        assert_text(h.r.request.method, "POST");
        hook_end(&h);
    }
}

#define MEMBER(id, type, status)                                               \
    "{\"update_id\":10001,\"my_chat_member\":{\"chat\":{\"id\":" id            \
    ",\"type\":\"" type "\"},\"from\":{\"id\":99},\"date\":1700000000,"        \
    "\"old_chat_member\":{\"status\":\"member\"},"                             \
    "\"new_chat_member\":{\"status\":\"" status "\"}}}"

static void
who_puts_the_bot_out_is_left_alone(void **state)
{
    static const struct {
        const char *update;
        size_t n;
        enum channel_event_kind kind;
        const char *address;
    } rows[] = {
        {MEMBER("99", "private", "kicked"), 1, CHANNEL_EVENT_UNSUBSCRIBED,
         "99"},
        {MEMBER("-1001", "supergroup", "kicked"), 1, CHANNEL_EVENT_BOUNCED,
         "-1001"},
        {MEMBER("-1001", "group", "left"), 1, CHANNEL_EVENT_BOUNCED, "-1001"},
        {MEMBER("99", "private", "member"), 0, 0, NULL},
        {MEMBER("-1001", "channel", "administrator"), 0, 0, NULL},
        {"{\"update_id\":1,\"my_chat_member\":{}}", 0, 0, NULL},
        {MEMBER("\"x\"", "private", "kicked"), 0, 0, NULL},
        {"{\"update_id\":1,\"message\":{\"text\":\"/start\"}}", 0, 0, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct hook_fixture h;

        take(&h, SIGNED, SECRET, rows[i].update);
        assert_int_equal(h.r.outcome, CHANNEL_RECEIPT_TAKEN);
        assert_int_equal(h.r.n_events, rows[i].n);
        assert_text(h.r.request.method, "");
        if (rows[i].n > 0) {
            assert_int_equal(h.r.events[0].kind, rows[i].kind);
            assert_text(h.r.events[0].address, rows[i].address);
            assert_text(h.r.events[0].id, "10001");
            assert_true(h.r.events[0].at_ms == INT64_C(1700000000000));
        }
        hook_end(&h);
    }
}

static void
what_is_no_update_is_malformed(void **state)
{
    static const char *const rows[] = {"", "[]", "{\"update_id\":", "null"};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct hook_fixture h;

        take(&h, SIGNED, SECRET, rows[i]);
        assert_int_equal(h.r.outcome, CHANNEL_RECEIPT_MALFORMED);
        hook_end(&h);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_call_sends_plain_text),
        cmocka_unit_test(addresses_are_ids_or_names),
        cmocka_unit_test(markdown_is_escaped),
        cmocka_unit_test(modes_show_the_title_in_bold),
        cmocka_unit_test(long_texts_are_cut_before_they_are_escaped),
        cmocka_unit_test(buttons_are_links_or_carry_the_delivery),
        cmocka_unit_test(the_configuration_is_checked),
        cmocka_unit_test(answers_mean_what_the_table_says),
        cmocka_unit_test(a_moved_chat_gets_it_at_once),
        cmocka_unit_test(a_chat_moves_once_a_call),
        cmocka_unit_test(its_number_is_kept_and_the_token_is_not_told),
        cmocka_unit_test(only_who_knows_the_secret_is_heard),
        cmocka_unit_test(a_press_names_delivery_and_action_and_is_answered),
        cmocka_unit_test(a_press_of_others_is_answered_only),
        cmocka_unit_test(who_puts_the_bot_out_is_left_alone),
        cmocka_unit_test(what_is_no_update_is_malformed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
