/* probe_test.c - what each driver asks its provider, and what the answers come
 * to. */
#include "channel/call_test.h"
#include "channel/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void
begin(struct call_fixture *f, const char *config)
{
    call_begin(f, config);
    f->call.messages = NULL;
    f->call.n_messages = 0;
}

static const struct channel_driver *
driver(const char *name)
{
    const struct channel_driver *d = channel_driver_find(str_from(name));

    assert_non_null(d);
    return d;
}

static void
test_what_is_asked(void **state)
{
    static const struct {
        const char *driver, *config, *want, *header, *value;
    } rows[] = {
        {"telegram", "{\"bot_token\":\"7:abc\"}",
         "GET https://api.telegram.org/bot7:abc/getMe", NULL, NULL},
        {"slack", "{\"bot_token\":\"xoxb-1\"}",
         "POST https://slack.com/api/auth.test", "Authorization",
         "Bearer xoxb-1"},
        {"slack",
         "{\"webhook_url\":\"https://hooks.slack.com/services/T/B/x\"}",
         "connect https://hooks.slack.com/services/T/B/x", NULL, NULL},
        {"twilio",
         "{\"account_sid\":\"AC1\",\"auth_token\":\"s\",\"from\":\"+1\"}",
         "GET https://api.twilio.com/2010-04-01/Accounts/AC1.json",
         "Authorization", "Basic QUMxOnM="},
        {"twilio",
         "{\"account_sid\":\"AC1\",\"auth_token\":\"s\",\"from\":\"+1\","
         "\"api_key_sid\":\"SK1\",\"api_key_secret\":\"k\"}",
         "connect https://api.twilio.com/", NULL, NULL},
        {"vonage", "{\"api_key\":\"a\",\"api_secret\":\"b\"}",
         "connect https://rest.nexmo.com/", NULL, NULL},
        {"vonage", "{\"application_id\":\"a\",\"private_key\":\"b\"}",
         "connect https://api.nexmo.com/", NULL, NULL},
        {"web_push", "{}", "", NULL, NULL},
        {"sendgrid", "{\"api_key\":\"SG.1\",\"base_url\":\"http://h:1\"}",
         "GET http://h:1/v3/scopes", "Authorization", "Bearer SG.1"},
        {"postmark", "{\"server_token\":\"t\"}",
         "GET https://api.postmarkapp.com/server", "X-Postmark-Server-Token",
         "t"},
        {"waha", "{\"base_url\":\"http://w:3000\",\"api_key\":\"k\"}",
         "GET http://w:3000/api/sessions/default", "X-Api-Key", "k"},
        {"gotify", "{\"base_url\":\"https://g\",\"token\":\"A\"}",
         "GET https://g/health", NULL, NULL},
        {"ntfy", "{\"topic\":\"x\"}", "GET https://ntfy.sh/v1/health", NULL,
         NULL},
        {"webhook", "{\"url\":\"https://h.example/in\"}",
         "connect https://h.example/in", NULL, NULL},
        {"webhook", "{}", "", NULL, NULL},
        {"null", "{}", "", NULL, NULL},
        {"pushover", "{\"token\":\"a\",\"user\":\"u\"}",
         "connect https://api.pushover.net/", NULL, NULL},
        {"resend", "{\"api_key\":\"re\",\"base_url\":\"http://h:1\"}",
         "connect http://h:1", NULL, NULL},
        {"smtp", "{\"host\":\"mx\",\"from\":\"a@b\",\"tls\":\"tls\"}",
         "smtp mx:465", NULL, NULL},
        {"log_file", "{\"path\":\"/var/log/x\"}", "file /var/log/x", NULL,
         NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct channel_request *r;
        struct call_fixture f;
        char got[200] = "";

        begin(&f, rows[i].config);
        channel_probe(driver(rows[i].driver), &f.call);
        r = &f.call.request;
        if (f.call.is_done)
            got[0] = 0;
        else if (r->kind == CHANNEL_REQUEST_HTTP)
            snprintf(got, sizeof(got), "%.*s %.*s",
                     STR_ARG(r->is_probe ? STR("connect") : r->method),
                     STR_ARG(r->url));
        else if (r->kind == CHANNEL_REQUEST_SMTP && r->is_probe)
            snprintf(got, sizeof(got), "smtp %.*s:%d", STR_ARG(r->host),
                     r->port);
        else if (r->kind == CHANNEL_REQUEST_FILE && r->is_probe)
            snprintf(got, sizeof(got), "file %.*s", STR_ARG(r->path));
        assert_string_equal(got, rows[i].want);
        assert_int_equal(r->body.n, 0);
        if (rows[i].header)
            assert_text(call_request_header(&f, rows[i].header), rows[i].value);
        call_end(&f);
    }
}

/* All of them have something to say, but for those that call nobody of their
 * own. */
static void
test_each_driver_asks_or_has_nobody_to_ask(void **state)
{
    (void)state;
    for (const struct channel_driver *const *d = channel_drivers(); *d; d++) {
        struct call_fixture f;

        begin(&f, "{\"base_url\":\"http://127.0.0.1:9\",\"host\":\"h\","
                  "\"path\":\"/x\",\"url\":\"http://h/"
                  "\",\"webhook_url\":\"http://h/\"}");
        channel_probe(*d, &f.call);
        assert_int_equal(f.call.is_done, strcmp((*d)->name, "null") == 0);
        assert_false((*d)->probe && f.call.is_done);
        assert_int_equal(strcmp(channel_probe_doc(*d), "nobody.") == 0,
                         f.call.is_done);
        call_end(&f);
    }
}

static void
test_answers(void **state)
{
    static const struct {
        const char *driver, *config;
        int outcome, cause, status;
        const char *body;
        enum verdict want;
    } rows[] = {
#define TELEGRAM "telegram", "{\"bot_token\":\"7:canary-42\"}"
        {TELEGRAM, CHANNEL_ANSWERED, 0, 200, "{\"ok\":true}", VERDICT_SENT},
        {TELEGRAM, CHANNEL_ANSWERED, 0, 200, "{\"ok\":false}",
         VERDICT_CREDENTIALS},
        {TELEGRAM, CHANNEL_ANSWERED, 0, 401, "7:canary-42 is no token",
         VERDICT_CREDENTIALS},
        {TELEGRAM, CHANNEL_ANSWERED, 0, 500, "", VERDICT_RETRY},
        {TELEGRAM, CHANNEL_ANSWERED, 0, 429, "", VERDICT_RATE},
        {TELEGRAM, CHANNEL_ANSWERED, 0, 404, "", VERDICT_CREDENTIALS},
#define WAHA "waha", "{\"base_url\":\"http://w\",\"api_key\":\"canary-42\"}"
        {WAHA, CHANNEL_ANSWERED, 0, 200, "{\"status\":\"WORKING\"}",
         VERDICT_SENT},
        {WAHA, CHANNEL_ANSWERED, 0, 200, "{\"status\":\"SCAN_QR_CODE\"}",
         VERDICT_CREDENTIALS},
        {WAHA, CHANNEL_ANSWERED, 0, 200, "{\"status\":\"STARTING\"}",
         VERDICT_RETRY},
        {WAHA, CHANNEL_ANSWERED, 0, 404, "", VERDICT_CREDENTIALS},
#define TWILIO                                                                 \
    "twilio", "{\"account_sid\":\"AC1\",\"auth_token\":\"canary-42\"}"
        {TWILIO, CHANNEL_ANSWERED, 0, 404, "{\"code\":20404}",
         VERDICT_CREDENTIALS},
#define NTFY "ntfy", "{\"topic\":\"x\"}"
        {NTFY, CHANNEL_ANSWERED, 0, 404, "", VERDICT_REJECTED},
        {TELEGRAM, CHANNEL_NOT_SENT, CHANNEL_CAUSE_NETWORK, 0, "",
         VERDICT_RETRY},
        {TELEGRAM, CHANNEL_NOT_SENT, CHANNEL_CAUSE_EGRESS, 0, "",
         VERDICT_REJECTED},
#define WEBHOOK "webhook", "{\"url\":\"http://h/\"}"
        {WEBHOOK, CHANNEL_ANSWERED, 0, 0, "", VERDICT_DELIVERED},
        {WEBHOOK, CHANNEL_NOT_SENT, CHANNEL_CAUSE_TLS, 0, "", VERDICT_RETRY},
#define SMTP "smtp", "{\"host\":\"mx\",\"from\":\"a@b\"}"
        {SMTP, CHANNEL_ANSWERED, 0, 250, "ok", VERDICT_SENT},
        {SMTP, CHANNEL_ANSWERED, 0, 421, "later", VERDICT_RETRY},
        {SMTP, CHANNEL_NOT_SENT, CHANNEL_CAUSE_LOGIN, 535, "no",
         VERDICT_CREDENTIALS},
#define FILE "log_file", "{\"path\":\"/x/y\"}"
        {FILE, CHANNEL_ANSWERED, 0, 0, "", VERDICT_DELIVERED},
        {FILE, CHANNEL_NOT_SENT, 0, 0, "", VERDICT_RETRY},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct channel_header is_json = {STR("Content-Type"),
                                               STR("application/json")};
        const struct channel_driver *d = driver(rows[i].driver);
        struct call_fixture f;

        begin(&f, rows[i].config);
        channel_probe(d, &f.call);
        f.answer = (struct channel_answer){.status = rows[i].status,
                                           .headers = &is_json,
                                           .n_headers = 1,
                                           .body = str_from(rows[i].body),
                                           .detail = STR("it went wrong")};
        f.answer.outcome = rows[i].outcome;
        f.answer.cause = rows[i].cause;
        f.call.answer = &f.answer;
        channel_probe(d, &f.call);
        assert_true(f.call.is_done);
        if (f.verdict.verdict != rows[i].want)
            fail_msg("row %zu: %s", i, verdict_name(f.verdict.verdict));
        assert_lacks(f.verdict.detail, "canary");
        call_end(&f);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_asked),
        cmocka_unit_test(test_each_driver_asks_or_has_nobody_to_ask),
        cmocka_unit_test(test_answers),
    };

    return cmocka_run_group_tests_name("channel/probe", tests, NULL, NULL);
}
