/* teams_test.c - the card, both forms of URL and the table of answers. */
#include "channel/call_test.h"
#include "channel/driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))
#define SIG "sLx-canary0123456789_AbCdEf%2Bghi"
#define LOGIC_PATH                                                             \
    "/workflows/0123456789abcdef0123456789abcdef/triggers/manual/paths/invoke" \
    "?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=" SIG
#define LOGIC "https://prod-07.westeurope.logic.azure.com:443" LOGIC_PATH
#define POWER_PATH                                                             \
    "/powerautomate/automations/direct/workflows/"                             \
    "0123456789abcdef0123456789abcdef/triggers/manual/paths/invoke"            \
    "?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=" SIG
#define POWER                                                                  \
    "https://default0123.ab.environment.api.powerplatform.com:443" POWER_PATH
#define CONFIG "{\"webhook_url\":\"" LOGIC "\"}"

static void
the_call_is_an_adaptive_card(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, CONFIG);
    f.message.body = STR("Order 7\nis [paid](https://evil.example).");
    f.message.actions = STR("[{\"id\":\"p\",\"label\":\"P\",\"url\":\"/7\"},"
                            "{\"id\":\"b\",\"label\":\"Open\","
                            "\"url\":\"https://example.org/7\"},"
                            "{\"id\":\"c\",\"label\":\"Ack\"}]");
    call_ask(&f, &channel_teams);
    assert_false(f.call.is_done);
    assert_text(f.call.request.method, "POST");
    assert_text(call_request_header(&f, "Content-Type"), "application/json");
    assert_text(
        f.call.request.body,
        "{\"type\":\"message\",\"attachments\":[{\"contentType\":"
        "\"application/vnd.microsoft.card.adaptive\",\"contentUrl\":null,"
        "\"content\":{\"$schema\":"
        "\"http://adaptivecards.io/schemas/adaptive-card.json\","
        "\"type\":\"AdaptiveCard\",\"version\":\"1.4\","
        "\"msteams\":{\"width\":\"full\"},\"body\":["
        "{\"type\":\"TextBlock\",\"text\":\"Paid\",\"wrap\":true,"
        "\"weight\":\"Bolder\",\"size\":\"Medium\"},"
        "{\"type\":\"TextBlock\",\"text\":\"Order 7\\n\\nis "
        "[paid]\\\\(https://evil.example).\",\"wrap\":true}],"
        "\"actions\":[{\"type\":\"Action.OpenUrl\",\"title\":\"Open\","
        "\"url\":\"https://example.org/7\"}]}}]}");
    call_end(&f);
}

/* The query is signed: any other byte would be refused. */
static void
both_forms_of_url_stay_byte_for_byte(void **state)
{
    static const struct {
        const char *config, *url, *host;
    } rows[] = {
        {CONFIG, LOGIC, "prod-07.westeurope.logic.azure.com"},
        {"{\"webhook_url\":\"" POWER "\"}", POWER,
         "default0123.ab.environment.api.powerplatform.com"},
        {"{\"webhook_url\":\"" LOGIC
         "\",\"base_url\":\"http://127.0.0.1:8080\"}",
         "http://127.0.0.1:8080" LOGIC_PATH, "127.0.0.1"},
        {"{\"webhook_url\":\"" POWER
         "\",\"base_url\":\"http://127.0.0.1:8080/\"}",
         "http://127.0.0.1:8080" POWER_PATH, "127.0.0.1"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct call_fixture f;

        call_begin(&f, rows[i].config);
        assert_string_equal(call_faults(&f, &channel_teams), "");
        call_ask(&f, &channel_teams);
        assert_text(f.call.request.url, rows[i].url);
        assert_text(channel_teams.host(f.arena, f.call.config), rows[i].host);
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

static void
a_card_is_never_too_large(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, CONFIG);
    f.message.title = repeated(f.arena, "t", 1025);
    f.message.body = repeated(f.arena, "\u00e4", 20000);
    call_ask(&f, &channel_teams);
    assert_true(f.call.request.body.n < 28 * 1024);
    assert_holds(f.call.request.body, "tt\u2026\"");
    assert_holds(f.call.request.body, "\u00e4\u2026\"");
    f.message.title = f.message.body = STR_NONE;
    call_ask(&f, &channel_teams);
    assert_true(f.call.is_done);
    assert_text(f.verdict.reason, "content.invalid");
    f.message.title = STR("Paid");
    call_ask(&f, &channel_teams);
    assert_false(f.call.is_done);
    assert_lacks(f.call.request.body, "\"text\":\"\"");
    call_end(&f);
}

static void
six_actions_are_shown(void **state)
{
    struct call_fixture f;
    struct buf b;
    size_t n = 0;

    (void)state;
    call_begin(&f, CONFIG);
    buf_init(&b, f.arena);
    for (int i = 0; i < 8; i++)
        buf_printf(&b,
                   "%c{\"id\":\"a%d\",\"label\":\"L\",\"url\":\"https://e/\"}",
                   i ? ',' : '[', i);
    buf_put_char(&b, ']');
    f.message.actions = buf_str(&b);
    call_ask(&f, &channel_teams);
    for (struct str rest = f.call.request.body, part;
         str_split(&rest, '{', &part);)
        n += str_starts(part, STR("\"type\":\"Action.OpenUrl\""));
    assert_int_equal(n, 6);
    call_end(&f);
}

static void
the_configuration_is_checked(void **state)
{
    static const struct call_config rows[] = {
        {CONFIG, ""},
        {"{}", "/webhook_url"},
        {"{\"webhook_url\":\"\"}", "/webhook_url"},
        {"{\"webhook_url\":\"***\"}", ""},
        {"{\"webhook_url\":\"x.example/a\"}", "/webhook_url"},
        {"{\"webhook_url\":\"https://x\",\"base_url\":\"x\"}", "/base_url"},
        {"{\"webhook_url\":\"https://x\",\"url\":\"x\"}", "/url"},
    };

    (void)state;
    assert_configs(&channel_teams, rows, COUNT(rows));
}

#define TOLD                                                                   \
    "Webhook message delivery failed with error: Microsoft Teams endpoint "    \
    "returned HTTP error "

static void
answers_mean_what_the_table_says(void **state)
{
    static const struct call_row rows[] = {
        {202, "", VERDICT_SENT, 0},
        {200, "1", VERDICT_SENT, 0},
        {200, "<html>", VERDICT_SENT, 0},
        {400, "{\"error\":{\"code\":\"x\"}}", VERDICT_REJECTED, 0},
        {413, "", VERDICT_REJECTED, 0},
        {401, "{\"error\":{\"code\":\"DirectApiAuthorizationRequired\"}}",
         VERDICT_CREDENTIALS, 0},
        {403, "", VERDICT_CREDENTIALS, 0},
        {404, "{\"error\":{\"code\":\"WorkflowNotFound\"}}",
         VERDICT_CREDENTIALS, 0},
        {410, "", VERDICT_CREDENTIALS, 0},
        {408, "", VERDICT_RETRY, 0},
        {429, "", VERDICT_RATE, 0},
        {429, "", VERDICT_RATE, 7000, .header = "Retry-After", .value = "7"},
        {500, "", VERDICT_RETRY, 0},
        {502, "<html>", VERDICT_RETRY, 0},
    };

    (void)state;
    assert_rows(&channel_teams, CONFIG, rows, COUNT(rows));
}

/* Connectors say 200 and tell the status in the text. */
static void
a_status_told_in_the_text_counts(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum verdict verdict;
        int told;
    } rows[] = {
        {200, TOLD "429 with ContextId tcid=1,server=AM3", VERDICT_RATE, 429},
        {200, TOLD "413 with ContextId", VERDICT_REJECTED, 413},
        {200, TOLD "404", VERDICT_CREDENTIALS, 404},
        {200, TOLD "502.", VERDICT_RETRY, 502},
        {200, TOLD "42", VERDICT_SENT, 200},
        {200, TOLD, VERDICT_SENT, 200},
        {400, TOLD "429", VERDICT_REJECTED, 400},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct call_fixture f;

        call_begin(&f, CONFIG);
        call_ask(&f, &channel_teams);
        f.answer = (struct channel_answer){.status = rows[i].status,
                                           .body = str_from(rows[i].body)};
        assert_int_equal(call_answer(&f, &channel_teams)->verdict,
                         rows[i].verdict);
        assert_int_equal(f.verdict.status, rows[i].told);
        call_end(&f);
    }
}

static void
details_keep_the_signature(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, "{\"webhook_url\":\"" LOGIC
                   "\",\"base_url\":\"http://127.0.0.1:8080\"}");
    call_ask(&f, &channel_teams);
    f.answer = (struct channel_answer){
        .status = 401, .body = STR("no " SIG " in " LOGIC_PATH)};
    assert_text(call_answer(&f, &channel_teams)->detail,
                "HTTP 401 no *** in ***");
    call_end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_call_is_an_adaptive_card),
        cmocka_unit_test(both_forms_of_url_stay_byte_for_byte),
        cmocka_unit_test(a_card_is_never_too_large),
        cmocka_unit_test(six_actions_are_shown),
        cmocka_unit_test(the_configuration_is_checked),
        cmocka_unit_test(answers_mean_what_the_table_says),
        cmocka_unit_test(a_status_told_in_the_text_counts),
        cmocka_unit_test(details_keep_the_signature),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
