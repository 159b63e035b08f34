#include "channel/channel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "channel/call_test.h"
#include "channel/driver.h"

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))

static void
every_name_of_the_contract_is_known(void **state)
{
    static const char *const names[] = {
        "in_app",   "email",    "sms",         "whatsapp",
        "telegram", "web_push", "mobile_push", "slack",
        "discord",  "teams",    "webhook",     "ntfy",
        "gotify",   "pushover", "pagerduty",   "log_file"};
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++)
        assert_non_null(channel_find(str_from(names[i])));
    for (const struct channel_info *c = channels(); c->name; c++)
        n++;
    assert_int_equal(n, COUNT(names));
    assert_null(channel_find(STR("fax")));
    assert_null(channel_find(STR("emai")));
    assert_string_equal(channel_find(STR("whatsapp"))->address_fallback,
                        "phone");
}

static void
an_address_is_one_however_it_is_written(void **state)
{
    static const struct {
        const char *channel, *address, *canonical;
    } rows[] = {
        {"email", "ada@example.org", "ada@example.org"},
        {"email", "Ada.L@EXAMPLE.org", "ada.l@example.org"},
        {"email", "Ada <Ada@Example.ORG>", "ada@example.org"},
        {"email", "\"A <b>\" <x@y.z>", "x@y.z"},
        {"email", " ada@x.org ", "ada@x.org"},
        {"email", "\303\204da@x.org", "\303\204da@x.org"}, /* ASCII alone */
        {"email", "a@m\303\274nchen.example", "a@xn--mnchen-3ya.example"},
        {"email", "A <A@M\303\234NCHEN.Example>", "a@xn--mnchen-3ya.example"},
        {"email", "a@XN--mnchen-3ya.example", "a@xn--mnchen-3ya.example"},
        {"email", "a@\303\274_.example", "a@\303\274_.example"}, /* none */
        {"email", "<", "<"},
        {"email", "", ""},
        {"sms", "+49 (151) 123-45/67", "+491511234567"},
        {"sms", "0151 1234567", "0151 1234567"}, /* of which country? */
        {"sms", "+1", "+1"},
        {"whatsapp", "+49.151.1234567", "+491511234567"},
        {"whatsapp", "491511234567@c.us", "491511234567@c.us"},
    };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct str got = channel_find(str_from(rows[i].channel))
                             ->canonical(a, str_from(rows[i].address));

        assert_string_equal(str_cstr(a, got), rows[i].canonical);
    }
    assert_null(channel_find(STR("slack"))->canonical);
    arena_free(a);
}

static void
each_driver_is_whole_and_serves_channels_that_exist(void **state)
{
    (void)state;
    for (const struct channel_driver *const *d = channel_drivers(); *d; d++) {
        assert_ptr_equal(channel_driver_find(str_from((*d)->name)), *d);
        assert_true((*d)->batch_max >= 1);
        assert_non_null((*d)->has_target);
        assert_non_null((*d)->step);
        for (const char *const *c = (*d)->channels; c && *c; c++)
            assert_non_null(channel_find(str_from(*c)));
        for (const struct field *f = (*d)->config; f->type; f++) {
            assert_non_null(f->name);
            assert_true(f->doc && f->doc[strlen(f->doc) - 1] == '.');
        }
    }
    assert_null(channel_driver_find(STR("pigeon")));
    assert_null(channel_null.channels);
}

/* Each driver's texts, with a line end in one of them. */
static void
texts_of_a_configuration_are_one_line(void **state)
{
    static const char *const ends[] = {"\\n", "\\r", "\\u0001", "\\u007f"};
    struct call_fixture f;
    int n = 0;

    (void)state;
    for (const struct channel_driver *const *d = channel_drivers(); *d; d++)
        for (const struct field *row = (*d)->config; row->type; row++) {
            struct problem p;
            char config[200];

            if (row->type != FIELD_STRING)
                continue;
            snprintf(config, sizeof(config), "{\"%s\":\"canary%s\"}", row->name,
                     ends[n++ % (int)COUNT(ends)]);
            call_begin(&f, config);
            problem_init(&p, f.arena);
            channel_check(*d, f.call.config, &p);
            assert_int_equal(p.n_errors, 1);
            assert_holds(p.errors[0].pointer, row->name);
            call_end(&f);
        }
    assert_true(n > 50);
    /* Keys in PEM have lines. */
    call_begin(&f, "{\"path\":\"-----BEGIN KEY-----\\n\"}");
    assert_string_equal(call_faults(&f, &channel_log_file), "");
    call_end(&f);
}

static void
a_log_line_has_the_webhooks_keys_and_at(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, "{\"path\":\"/var/log/x.log\"}");
    f.message.channel = STR("log_file");
    f.message.title = STR("two\nlines");
    f.message.data = STR("{\n  \"a\": \"x\\ny\"\r\n}");
    call_ask(&f, &channel_log_file);
    assert_int_equal(f.call.request.kind, CHANNEL_REQUEST_FILE);
    assert_text(f.call.request.path, "/var/log/x.log");
    assert_text(f.call.request.body,
                "{\"at\":\"2026-09-24T09:30:00.000Z\","
                "\"notification_id\":\"ntf_01jd7w9q2me0rbn8t5k3xvhz4d\","
                "\"delivery_id\":\"dlv_01jd7w9q2me0rbn8t5k3xvhz4c\","
                "\"user\":\"u1\",\"channel\":\"log_file\","
                "\"title\":\"two\\nlines\",\"body\":\"Order 7 is paid.\","
                "\"data\":{   \"a\": \"x\\ny\"  },\"actions\":[],"
                "\"category\":\"orders\",\"priority\":\"high\","
                "\"created_at\":\"2026-09-24T09:29:58.500Z\"}\n");
    call_end(&f);
}

static void
a_target_is_for_channels_without_addresses(void **state)
{
    static const struct {
        const char *channel;
        bool has_target;
    } rows[] = {
        {"email", false},    {"sms", false},      {"whatsapp", false},
        {"telegram", false}, {"web_push", false}, {"webhook", true},
        {"slack", true},     {"log_file", true},  {"of.a.plugin", true}};
    const struct json none = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(
            channel_has_target(channel_find(str_from(rows[i].channel)),
                               &channel_null, none),
            rows[i].has_target);
    assert_false(channel_has_target(channel_find(STR("webhook")),
                                    &channel_webhook, none));
}

static void
a_text_line_stays_one_line(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, "{\"path\":\"x.log\",\"format\":\"text\"}");
    f.message.title = STR("a\nb\r\\");
    f.message.body = STR("c\x1b[0m\x7f");
    call_ask(&f, &channel_log_file);
    assert_text(f.call.request.body, "2026-09-24T09:30:00.000Z high orders u1: "
                                     "a\\nb\\r\\\\ | c\\x1b[0m\\x7f\n");
    call_end(&f);
}

static void
a_batch_is_one_block_of_lines(void **state)
{
    struct channel_message messages[3];
    struct channel_verdict verdicts[3];
    struct call_fixture f;
    struct str rest, line;
    size_t n = 0;

    (void)state;
    call_begin(&f, "{\"path\":\"x.log\"}");
    messages[0] = messages[1] = messages[2] = f.message;
    f.call.messages = messages;
    f.call.verdicts = verdicts;
    f.call.n_messages = 3;
    call_ask(&f, &channel_log_file);
    rest = f.call.request.body;
    while (str_split(&rest, '\n', &line) && line.n > 0)
        n++;
    assert_int_equal(n, 3);
    f.answer = (struct channel_answer){0};
    call_answer(&f, &channel_log_file);
    assert_int_equal(verdicts[0].verdict, VERDICT_DELIVERED);
    assert_int_equal(verdicts[2].verdict, VERDICT_DELIVERED);
    f.answer.outcome = CHANNEL_NOT_SENT;
    f.answer.detail = STR("No space left on device");
    call_answer(&f, &channel_log_file);
    assert_int_equal(verdicts[2].verdict, VERDICT_RETRY);
    assert_text(verdicts[2].detail, "No space left on device");
    f.answer.outcome = CHANNEL_UNKNOWN;
    call_answer(&f, &channel_log_file);
    assert_int_equal(verdicts[1].verdict, VERDICT_UNKNOWN);
    call_end(&f);
}

static void
log_files_need_a_path(void **state)
{
    static const struct call_config rows[] = {
        {"{}", "/path"},
        {"{\"path\":\"\"}", "/path"},
        {"{\"path\":\"/var/log/\"}", "/path"},
        {"{\"path\":\"a\\nb\"}", "/path"},
        {"{\"path\":\"a\",\"format\":\"xml\"}", "/format"},
        {"{\"path\":\"a\",\"fromat\":\"json\"}", "/fromat"},
        {"{\"path\":\"a\",\"format\":\"text\"}", ""},
    };

    (void)state;
    assert_configs(&channel_log_file, rows, COUNT(rows));
}

static void
null_waits_its_latency_and_delivers(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, "{}");
    call_ask(&f, &channel_null);
    assert_true(f.call.is_done);
    assert_int_equal(f.verdict.verdict, VERDICT_DELIVERED);
    call_end(&f);
    call_begin(&f, "{\"latency\":\"250ms\",\"fail\":0.0}");
    call_ask(&f, &channel_null);
    assert_false(f.call.is_done);
    assert_int_equal(f.call.request.kind, CHANNEL_REQUEST_WAIT);
    assert_int_equal(f.call.request.wait_ms, 250);
    f.answer = (struct channel_answer){0};
    assert_int_equal(call_answer(&f, &channel_null)->verdict,
                     VERDICT_DELIVERED);
    call_end(&f);
}

static int
failures_of(const char *config, int attempt)
{
    struct call_fixture f;
    char id[32];
    int n = 0;

    call_begin(&f, config);
    f.message.attempt = attempt;
    for (int i = 0; i < 2000; i++) {
        snprintf(id, sizeof(id), "dlv_%d", i);
        f.message.delivery_id = str_from(id);
        call_ask(&f, &channel_null);
        n += f.verdict.verdict == VERDICT_RETRY;
    }
    call_end(&f);
    return n;
}

static void
null_fails_for_its_share_and_the_same_ones_each_time(void **state)
{
    struct call_fixture f;
    int n = failures_of("{\"fail\":0.25}", 1);

    (void)state;
    assert_in_range(n, 400, 600);
    assert_int_equal(failures_of("{\"fail\":\"0.25\"}", 1), n);
    assert_int_equal(failures_of("{\"fail\":0}", 1), 0);
    assert_int_equal(failures_of("{\"fail\":1.0}", 1), 2000);
    /* Another attempt is another draw. */
    call_begin(&f, "{\"fail\":0.5}");
    n = 0;
    for (int i = 1; i <= 200; i++) {
        f.message.attempt = i;
        call_ask(&f, &channel_null);
        n += f.verdict.verdict == VERDICT_RETRY;
    }
    assert_in_range(n, 60, 140);
    call_end(&f);
}

static void
null_takes_shares_and_durations_only(void **state)
{
    static const struct call_config rows[] = {
        {"{\"fail\":1.01}", "/fail"},
        {"{\"fail\":-0.1}", "/fail"},
        {"{\"fail\":2}", "/fail"},
        {"{\"fail\":\"x\"}", "/fail"},
        {"{\"fail\":1}", ""},
        {"{\"fail\":\"0.5\"}", ""},
        {"{\"latency\":5}", "/latency"},
        {"{\"latency\":\"11m\"}", "/latency"},
        {"{\"latency\":\"0s\"}", ""},
    };

    (void)state;
    assert_configs(&channel_null, rows, COUNT(rows));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_of_the_contract_is_known),
        cmocka_unit_test(an_address_is_one_however_it_is_written),
        cmocka_unit_test(each_driver_is_whole_and_serves_channels_that_exist),
        cmocka_unit_test(texts_of_a_configuration_are_one_line),
        cmocka_unit_test(a_log_line_has_the_webhooks_keys_and_at),
        cmocka_unit_test(a_target_is_for_channels_without_addresses),
        cmocka_unit_test(a_text_line_stays_one_line),
        cmocka_unit_test(a_batch_is_one_block_of_lines),
        cmocka_unit_test(log_files_need_a_path),
        cmocka_unit_test(null_waits_its_latency_and_delivers),
        cmocka_unit_test(null_fails_for_its_share_and_the_same_ones_each_time),
        cmocka_unit_test(null_takes_shares_and_durations_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
