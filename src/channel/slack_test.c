/* slack_test.c - both ways to Slack, their answers, and pressed buttons. */
#include "channel/call_test.h"
#include "base/hmac.h"
#include "channel/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))
#define HOOK "https://hooks.slack.com/services/T0/B0/canary0123456789"
#define WEBHOOK "{\"webhook_url\":\"" HOOK "\"}"
#define BOT "{\"bot_token\":\"xoxb-canary-0123\",\"channel\":\"C0123\"}"
#define OWN "https://hooks.slack.com/services/T1/B1/own0123456789abcdef"
#define SECRET "8f742231b10e8888abcd99yyyzzz85a5"
#define ACTIONS                                                                \
    "[{\"id\":\"p\",\"label\":\"P\",\"url\":\"/7\"},"                          \
    "{\"id\":\"open\",\"label\":\"Open\",\"url\":\"https://example.org/7\"},"  \
    "{\"id\":\"open\",\"label\":\"Twice\",\"url\":\"https://example.org/\"},"  \
    "{\"id\":\"ack\",\"label\":\"Ack\"}]"

static void
the_webhook_gets_text(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, WEBHOOK);
    call_ask(&f, &channel_slack);
    assert_false(f.call.is_done);
    assert_text(f.call.request.method, "POST");
    assert_text(f.call.request.url, HOOK);
    assert_text(call_request_header(&f, "Authorization"), "");
    assert_text(f.call.request.body, "{\"text\":\"Paid\\nOrder 7 is paid.\"}");
    assert_text(channel_slack.host(f.arena, f.call.config), "hooks.slack.com");
    call_end(&f);
}

static void
the_bot_posts_to_its_channel_or_the_users(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, BOT);
    call_ask(&f, &channel_slack);
    assert_text(f.call.request.url, "https://slack.com/api/chat.postMessage");
    assert_text(call_request_header(&f, "Authorization"),
                "Bearer xoxb-canary-0123");
    assert_text(call_request_header(&f, "Content-Type"),
                "application/json; charset=utf-8");
    assert_text(f.call.request.body,
                "{\"channel\":\"C0123\",\"text\":\"Paid\\nOrder 7 is paid.\"}");
    assert_text(channel_slack.host(f.arena, f.call.config), "slack.com");
    f.message.address = STR("U2CERLKJA");
    call_ask(&f, &channel_slack);
    assert_holds(f.call.request.body, "{\"channel\":\"U2CERLKJA\",");
    call_end(&f);
}

/* The bot's token is for Slack alone, whatever a user's address is. */
static void
an_own_webhook_gets_no_token(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, BOT);
    f.message.address = STR(OWN);
    call_ask(&f, &channel_slack);
    assert_false(f.call.is_done);
    assert_text(f.call.request.url, OWN);
    assert_text(call_request_header(&f, "Authorization"), "");
    assert_lacks(f.call.request.body, "channel");
    f.answer = (struct channel_answer){.status = 500};
    assert_false(call_answer(&f, &channel_slack)->is_of_others);
    f.message.address = STR("https://slack.example.net/services/T1/B1/x");
    assert_true(call_answer(&f, &channel_slack)->is_of_others);
    call_end(&f);
}

static void
base_url_takes_the_place_of_both_hosts(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, "{\"bot_token\":\"xoxb-1\",\"webhook_url\":\"" HOOK
                   "\",\"base_url\":\"http://127.0.0.1:8080\"}");
    call_ask(&f, &channel_slack);
    assert_text(f.call.request.url,
                "http://127.0.0.1:8080/services/T0/B0/canary0123456789");
    f.message.address = STR("C9");
    call_ask(&f, &channel_slack);
    assert_text(f.call.request.url,
                "http://127.0.0.1:8080/api/chat.postMessage");
    assert_text(channel_slack.host(f.arena, f.call.config), "127.0.0.1");
    call_end(&f);
}

static void
mrkdwn_is_escaped(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, WEBHOOK);
    f.message.title = STR("<!channel> & <https://evil.example|bank>");
    f.message.body = STR("a > b \u00e4 *c* \"d\"");
    call_ask(&f, &channel_slack);
    assert_text(f.call.request.body, "{\"text\":\"&lt;!channel&gt; &amp; "
                                     "&lt;https://evil.example|bank&gt;\\n"
                                     "a &gt; b \u00e4 *c* \\\"d\\\"\"}");
    call_end(&f);
}

#define SECTION                                                                \
    "\"blocks\":[{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\","         \
    "\"text\":\"Paid\\nOrder 7 is paid.\"}},"                                  \
    "{\"type\":\"actions\",\"elements\":["
#define DLV "\"value\":\"dlv_01jd7w9q2me0rbn8t5k3xvhz4c\""
#define OPEN                                                                   \
    "{\"type\":\"button\",\"text\":{\"type\":\"plain_text\","                  \
    "\"text\":\"Open\"},\"action_id\":\"open\"," DLV                           \
    ",\"url\":\"https://example.org/7\"}"
#define ACK                                                                    \
    "{\"type\":\"button\",\"text\":{\"type\":\"plain_text\","                  \
    "\"text\":\"Ack\"},\"action_id\":\"ack\"," DLV "}"

static void
buttons_are_links_or_come_back_signed(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, WEBHOOK);
    f.message.actions = STR(ACTIONS);
    call_ask(&f, &channel_slack);
    assert_text(f.call.request.body,
                "{\"text\":\"Paid\\nOrder 7 is paid.\"," SECTION OPEN "]}]}");
    call_end(&f);
    call_begin(&f, "{\"webhook_url\":\"" HOOK "\",\"signing_secret\":\"" SECRET
                   "\"}");
    f.message.actions = STR(ACTIONS);
    call_ask(&f, &channel_slack);
    assert_text(f.call.request.body,
                "{\"text\":\"Paid\\nOrder 7 is paid.\"," SECTION OPEN "," ACK
                "]}]}");
    call_end(&f);
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

/* No section is too long, and no entity is cut in two. */
static void
long_texts_are_cut_into_sections(void **state)
{
    struct json_doc doc;
    struct json_error error;
    struct call_fixture f;
    struct json blocks;
    size_t n = 0;

    (void)state;
    call_begin(&f, WEBHOOK);
    f.message.title = STR_NONE;
    f.message.body = repeated(f.arena, "<\U0001f600", 3000);
    f.message.actions = STR(ACTIONS);
    call_ask(&f, &channel_slack);
    assert_int_equal(json_parse(f.arena, f.call.request.body, &doc, &error),
                     ERR_OK);
    blocks = json_get(json_root(&doc), "blocks");
    for (struct json b = json_first(blocks); !json_is(b, JSON_ABSENT);
         b = json_next(blocks, b)) {
        struct str text = json_str_of(f.arena, json_get(b, "text"), "text");

        if (text.n == 0)
            continue;
        /* 500 of four and two units fill a section; then 166 and an end */
        assert_true(str_starts(text, STR("&lt;\U0001f600")));
        assert_true(n == 5 || str_ends(text, STR("&lt;\U0001f600")));
        assert_in_range(text.n, 1, 500 * 8);
        n++;
    }
    assert_int_equal(n, 6);
    assert_holds(json_str_of(f.arena, json_root(&doc), "text"),
                 "\U0001f600&lt;\u2026");
    call_end(&f);
}

static void
what_cannot_be_sent_is_refused(void **state)
{
    static const char *const addresses[] = {"U2CERLKJA", "https://", "a:b"};

    (void)state;
    for (size_t i = 0; i < COUNT(addresses); i++) {
        struct call_fixture f;

        call_begin(&f, WEBHOOK);
        f.message.address = str_from(addresses[i]);
        call_ask(&f, &channel_slack);
        assert_true(f.call.is_done);
        assert_int_equal(f.verdict.verdict, VERDICT_REJECTED);
        assert_text(f.verdict.reason, "content.invalid");
        f.message.address = f.message.title = f.message.body = STR_NONE;
        call_ask(&f, &channel_slack);
        assert_true(f.call.is_done);
        call_end(&f);
    }
}

static void
the_configuration_is_checked(void **state)
{
    static const struct call_config rows[] = {
        {WEBHOOK, ""},
        {BOT, ""},
        {"{\"bot_token\":\"xoxb-1\"}", ""},
        {"{}", "/webhook_url"},
        {"{\"channel\":\"C1\"}", "/webhook_url /channel"},
        {"{\"webhook_url\":\"" HOOK "\",\"channel\":\"C1\"}", "/channel"},
        {"{\"webhook_url\":\"***\"}", ""},
        {"{\"webhook_url\":\"x\"}", "/webhook_url"},
        {"{\"bot_token\":\"x\",\"base_url\":\"x\"}", "/base_url"},
        {"{\"bot_token\":\"x\",\"token\":\"x\"}", "/token"},
    };
    static const struct {
        const char *config;
        bool has_target;
    } targets[] = {
        {WEBHOOK, true}, {BOT, true}, {"{\"bot_token\":\"x\"}", false}};

    (void)state;
    assert_configs(&channel_slack, rows, COUNT(rows));
    for (size_t i = 0; i < COUNT(targets); i++) {
        struct call_fixture f;

        call_begin(&f, targets[i].config);
        assert_int_equal(channel_slack.has_target(f.call.config),
                         targets[i].has_target);
        call_end(&f);
    }
}

static void
words_of_webhooks_mean_what_the_table_says(void **state)
{
    static const struct call_row rows[] = {
        {200, "ok", VERDICT_SENT, 0},
        {200, "<html>", VERDICT_SENT, 0},
        {200, "", VERDICT_SENT, 0},
        {400, "invalid_payload", VERDICT_REJECTED, 0},
        {400, "invalid_blocks", VERDICT_REJECTED, 0},
        {400, "no_text", VERDICT_REJECTED, 0},
        {400, "too_many_attachments", VERDICT_REJECTED, 0},
        {400, "user_not_found", VERDICT_CREDENTIALS, 0},
        {400, "user_not_found", VERDICT_GONE, 0, OWN},
        {403, "action_prohibited", VERDICT_CREDENTIALS, 0},
        {403, "action_prohibited\n", VERDICT_REJECTED, 0, OWN},
        {403, "invalid_token", VERDICT_REJECTED, 0, OWN},
        {404, "channel_not_found", VERDICT_CREDENTIALS, 0},
        {404, "channel_not_found", VERDICT_GONE, 0, OWN},
        {404, "no_service", VERDICT_CREDENTIALS, 0},
        {404, "no_service", VERDICT_GONE, 0, OWN},
        {404, "no_team", VERDICT_GONE, 0, OWN},
        {404, "<html>", VERDICT_REJECTED, 0, OWN},
        {410, "channel_is_archived", VERDICT_CREDENTIALS, 0},
        {410, "channel_is_archived", VERDICT_GONE, 0, OWN},
        {429, "", VERDICT_RATE, 0},
        {429, "rate_limited", VERDICT_RATE, 30000, .header = "Retry-After",
         .value = "30"},
        {500, "rollup_error", VERDICT_RETRY, 0},
        {400, "rollup_error", VERDICT_RETRY, 0},
        {502, "<html>", VERDICT_RETRY, 0},
    };

    (void)state;
    assert_rows(&channel_slack, WEBHOOK, rows, COUNT(rows));
}

#define NOT_OK(error) "{\"ok\":false,\"error\":\"" error "\"}"

static void
answers_of_the_api_mean_what_the_table_says(void **state)
{
    static const struct call_row rows[] = {
        {200, "{\"ok\":true,\"ts\":\"1503435956.000247\"}", VERDICT_SENT, 0},
        {200, "{\"ok\":true", VERDICT_UNKNOWN, 0},
        {200, "<html>", VERDICT_UNKNOWN, 0},
        {200, "", VERDICT_UNKNOWN, 0},
        {200, "{}", VERDICT_UNKNOWN, 0},
        {200, "[true]", VERDICT_UNKNOWN, 0},
        {200, NOT_OK("internal_error"), VERDICT_RETRY, 0},
        {200, NOT_OK("fatal_error"), VERDICT_RETRY, 0},
        {200, NOT_OK("service_unavailable"), VERDICT_RETRY, 0},
        {200, NOT_OK("request_timeout"), VERDICT_RETRY, 0},
        {200, NOT_OK("ratelimited"), VERDICT_RATE, 0},
        {200, NOT_OK("rate_limited"), VERDICT_RATE, 30000,
         .header = "Retry-After", .value = "30"},
        {429, NOT_OK("ratelimited"), VERDICT_RATE, 30000,
         .header = "Retry-After", .value = "30"},
        {200, NOT_OK("invalid_auth"), VERDICT_CREDENTIALS, 0, "C9"},
        {200, NOT_OK("not_authed"), VERDICT_CREDENTIALS, 0},
        {200, NOT_OK("account_inactive"), VERDICT_CREDENTIALS, 0},
        {200, NOT_OK("token_revoked"), VERDICT_CREDENTIALS, 0},
        {200, NOT_OK("token_expired"), VERDICT_CREDENTIALS, 0},
        {200, NOT_OK("missing_scope"), VERDICT_CREDENTIALS, 0},
        {200, NOT_OK("channel_not_found"), VERDICT_CREDENTIALS, 0},
        {200, NOT_OK("channel_not_found"), VERDICT_GONE, 0, "C9"},
        {200, NOT_OK("is_archived"), VERDICT_GONE, 0, "C9"},
        {200, NOT_OK("user_not_found"), VERDICT_GONE, 0, "U9"},
        {200, NOT_OK("not_in_channel"), VERDICT_GONE, 0, "C9"},
        {200, NOT_OK("msg_too_long"), VERDICT_REJECTED, 0},
        {200, NOT_OK("restricted_action"), VERDICT_REJECTED, 0},
        {200, "{\"ok\":false}", VERDICT_REJECTED, 0},
        {410, "", VERDICT_REJECTED, 0, "C9"},
        {503, "", VERDICT_RETRY, 0},
        {500, NOT_OK("internal_error"), VERDICT_RETRY, 0},
    };

    (void)state;
    assert_rows(&channel_slack, BOT, rows, COUNT(rows));
}

static void
its_time_is_kept_and_the_secrets_are_not_told(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, BOT);
    call_ask(&f, &channel_slack);
    f.answer = (struct channel_answer){
        .status = 200,
        .body = STR("{\"ok\":true,\"ts\":\"1503435956.000247\"}")};
    assert_text(call_answer(&f, &channel_slack)->provider_message_id,
                "1503435956.000247");
    f.answer.body = STR("{\"ok\":false,\"error\":\"x xoxb-canary-0123\"}");
    assert_text(call_answer(&f, &channel_slack)->detail,
                "{\"ok\":false,\"error\":\"x ***\"}");
    call_end(&f);
    call_begin(&f, WEBHOOK);
    call_ask(&f, &channel_slack);
    f.answer = (struct channel_answer){.status = 404,
                                       .body = STR("no canary0123456789")};
    assert_text(call_answer(&f, &channel_slack)->detail, "HTTP 404 no ***");
    call_end(&f);
}

/* ---- receipts ---- */

#define SIGNED "{\"bot_token\":\"xoxb-1\",\"signing_secret\":\"" SECRET "\"}"
#define VECTOR_S INT64_C(1531420618)
#define VECTOR_BODY                                                            \
    "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain="            \
    "testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&"  \
    "user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url="      \
    "https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F"   \
    "96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121."            \
    "803a0bc887a14d10d2c447fce8b6703c"
#define VECTOR_HEX                                                             \
    "a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"

/* Slack's own example is signed; it is no press of a button. */
static void
the_signature_is_slacks(void **state)
{
    static const struct {
        const char *ts, *signature, *body;
        int64_t now_s;
        enum channel_receipt_outcome outcome;
    } rows[] = {
        {"1531420618", "v0=" VECTOR_HEX, VECTOR_BODY, VECTOR_S,
         CHANNEL_RECEIPT_MALFORMED},
        {"1531420618", "v0=" VECTOR_HEX, VECTOR_BODY, VECTOR_S + 300,
         CHANNEL_RECEIPT_MALFORMED},
        {"1531420618", "v0=" VECTOR_HEX, VECTOR_BODY, VECTOR_S - 300,
         CHANNEL_RECEIPT_MALFORMED},
        {"1531420618", "v0=" VECTOR_HEX, VECTOR_BODY, VECTOR_S + 301,
         CHANNEL_RECEIPT_UNSIGNED},
        {"1531420618", "v0=" VECTOR_HEX, VECTOR_BODY, VECTOR_S - 301,
         CHANNEL_RECEIPT_UNSIGNED},
        {"1531420619", "v0=" VECTOR_HEX, VECTOR_BODY, VECTOR_S,
         CHANNEL_RECEIPT_UNSIGNED},
        {"1531420618", "v0=" VECTOR_HEX, VECTOR_BODY "x", VECTOR_S,
         CHANNEL_RECEIPT_UNSIGNED},
        {"1531420618", "v1=" VECTOR_HEX, VECTOR_BODY, VECTOR_S,
         CHANNEL_RECEIPT_UNSIGNED},
        {"1531420618", VECTOR_HEX, VECTOR_BODY, VECTOR_S,
         CHANNEL_RECEIPT_UNSIGNED},
        {"1531420618", "v0=", VECTOR_BODY, VECTOR_S, CHANNEL_RECEIPT_UNSIGNED},
        {"soon", "v0=" VECTOR_HEX, VECTOR_BODY, VECTOR_S,
         CHANNEL_RECEIPT_UNSIGNED},
        {"", "v0=" VECTOR_HEX, VECTOR_BODY, VECTOR_S, CHANNEL_RECEIPT_UNSIGNED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct hook_fixture h;

        hook_begin(&h, SIGNED, "https://b.example/v1/receipts/slack",
                   str_from(rows[i].body));
        h.r.now_ms = rows[i].now_s * 1000;
        hook_put_header(&h, "X-Slack-Request-Timestamp", str_from(rows[i].ts));
        hook_put_header(&h, "X-Slack-Signature", str_from(rows[i].signature));
        hook_take(&h, &channel_slack);
        assert_int_equal(h.r.outcome, rows[i].outcome);
        hook_end(&h);
    }
}

static void
a_signature_twice_or_without_a_secret_proves_nothing(void **state)
{
    struct hook_fixture h;

    (void)state;
    hook_begin(&h, SIGNED, "https://b.example/", STR(VECTOR_BODY));
    h.r.now_ms = VECTOR_S * 1000;
    hook_put_header(&h, "X-Slack-Request-Timestamp", STR("1531420618"));
    hook_put_header(&h, "X-Slack-Signature", STR("v0=" VECTOR_HEX));
    hook_put_header(&h, "x-slack-signature", STR("v0=" VECTOR_HEX));
    hook_take(&h, &channel_slack);
    assert_int_equal(h.r.outcome, CHANNEL_RECEIPT_UNSIGNED);
    hook_end(&h);
    hook_begin(&h, WEBHOOK, "https://b.example/", STR(VECTOR_BODY));
    h.r.now_ms = VECTOR_S * 1000;
    hook_put_header(&h, "X-Slack-Request-Timestamp", STR("1531420618"));
    hook_put_header(&h, "X-Slack-Signature", STR("v0=" VECTOR_HEX));
    hook_take(&h, &channel_slack);
    assert_int_equal(h.r.outcome, CHANNEL_RECEIPT_UNSIGNED);
    hook_end(&h);
}

static void
take_payload(struct hook_fixture *h, const char *payload)
{
    struct str ts = STR("1790242200");
    struct buf body, signature;

    hook_begin(h, SIGNED, "https://b.example/v1/receipts/slack", STR_NONE);
    buf_init(&body, h->f.arena);
    channel_put_form(&body, "payload", str_from(payload));
    h->r.body = buf_str(&body);
    buf_init(&signature, h->f.arena);
    buf_put_cstr(&signature, "v0=");
    buf_put_hex(&signature,
                hmac_sha256(h->f.arena, STR(SECRET),
                            str_fmt(h->f.arena, "v0:%.*s:%.*s", STR_ARG(ts),
                                    STR_ARG(h->r.body))));
    hook_put_header(h, "X-Slack-Request-Timestamp", ts);
    hook_put_header(h, "X-Slack-Signature", buf_str(&signature));
    hook_take(h, &channel_slack);
}

static void
a_press_names_delivery_and_action(void **state)
{
    struct hook_fixture h;

    (void)state;
    take_payload(&h, "{\"type\":\"block_actions\",\"trigger_id\":\"12.34\","
                     "\"user\":{\"id\":\"U9\",\"name\":\"a b\"},"
                     "\"actions\":[{\"type\":\"button\","
                     "\"action_id\":\"ack\"," DLV
                     ",\"action_ts\":\"1790242199.840180\"}]}");
    assert_int_equal(h.r.outcome, CHANNEL_RECEIPT_TAKEN);
    assert_int_equal(h.r.n_events, 1);
    assert_int_equal(h.r.events[0].kind, CHANNEL_EVENT_ACTION);
    assert_text(h.r.events[0].id, "12.34");
    assert_text(h.r.events[0].delivery_id, "dlv_01jd7w9q2me0rbn8t5k3xvhz4c");
    assert_text(h.r.events[0].action, "ack");
    assert_text(h.r.events[0].address, "U9");
    assert_true(h.r.events[0].at_ms == INT64_C(1790242199000));
    hook_end(&h);
}

static void
other_payloads_are_taken_or_malformed(void **state)
{
    static const struct {
        const char *payload;
        enum channel_receipt_outcome outcome;
    } rows[] = {
        {"{\"type\":\"view_submission\"}", CHANNEL_RECEIPT_TAKEN},
        {"{\"type\":\"block_actions\"}", CHANNEL_RECEIPT_TAKEN},
        {"{\"type\":\"block_actions\",\"actions\":[]}", CHANNEL_RECEIPT_TAKEN},
        {"{\"type\":\"block_actions\",\"actions\":[{\"action_id\":\"a\","
         "\"value\":\"other\"},{\"value\":\"dlv_1\"},7]}",
         CHANNEL_RECEIPT_TAKEN},
        {"{}", CHANNEL_RECEIPT_TAKEN},
        {"[]", CHANNEL_RECEIPT_MALFORMED},
        {"{\"type\":", CHANNEL_RECEIPT_MALFORMED},
        {"", CHANNEL_RECEIPT_MALFORMED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct hook_fixture h;

        take_payload(&h, rows[i].payload);
        assert_int_equal(h.r.outcome, rows[i].outcome);
        assert_int_equal(h.r.n_events, 0);
        hook_end(&h);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_webhook_gets_text),
        cmocka_unit_test(the_bot_posts_to_its_channel_or_the_users),
        cmocka_unit_test(an_own_webhook_gets_no_token),
        cmocka_unit_test(base_url_takes_the_place_of_both_hosts),
        cmocka_unit_test(mrkdwn_is_escaped),
        cmocka_unit_test(buttons_are_links_or_come_back_signed),
        cmocka_unit_test(long_texts_are_cut_into_sections),
        cmocka_unit_test(what_cannot_be_sent_is_refused),
        cmocka_unit_test(the_configuration_is_checked),
        cmocka_unit_test(words_of_webhooks_mean_what_the_table_says),
        cmocka_unit_test(answers_of_the_api_mean_what_the_table_says),
        cmocka_unit_test(its_time_is_kept_and_the_secrets_are_not_told),
        cmocka_unit_test(the_signature_is_slacks),
        cmocka_unit_test(a_signature_twice_or_without_a_secret_proves_nothing),
        cmocka_unit_test(a_press_names_delivery_and_action),
        cmocka_unit_test(other_payloads_are_taken_or_malformed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
