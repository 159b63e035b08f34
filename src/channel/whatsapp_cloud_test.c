/* whatsapp_cloud_test.c - texts and templates, the table of codes, and
 * webhooks of Meta's Cloud API. */
#include "base/hmac.h"
#include "channel/call_test.h"
#include "channel/driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))
#define NUMBER "\"phone_number_id\":\"106540352242922\""
#define TOKEN "\"access_token\":\"canary0123\""
#define CONFIG "{" NUMBER "," TOKEN ",\"base_url\":\"http://127.0.0.1:8080\"}"
#define WITH_TEMPLATE(rest)                                                    \
    "{" NUMBER "," TOKEN ",\"template\":{\"name\":\"order_update\","           \
    "\"language\":\"en_US\"" rest "}}"

static void
begin(struct call_fixture *f, const char *config)
{
    call_begin(f, config);
    f->message.channel = STR("whatsapp");
    f->message.address = STR("+1 555 123.45.67");
    f->message.data = STR("{\"order\":7.50,\"who\":\"Ada\\n\\tL.  B.\","
                          "\"paid\":true}");
}

/* ---- the call ---- */

static void
test_text(void **state)
{
    struct call_fixture f;

    (void)state;
    begin(&f, CONFIG);
    assert_string_equal(call_faults(&f, &channel_whatsapp_cloud), "");
    call_ask(&f, &channel_whatsapp_cloud);
    assert_false(f.call.is_done);
    assert_text(f.call.request.method, "POST");
    assert_text(f.call.request.url,
                "http://127.0.0.1:8080/v23.0/106540352242922/messages");
    assert_text(call_request_header(&f, "Authorization"), "Bearer canary0123");
    assert_text(f.call.request.body,
                "{\"messaging_product\":\"whatsapp\","
                "\"recipient_type\":\"individual\",\"to\":\"15551234567\","
                "\"type\":\"text\",\"text\":{\"preview_url\":false,"
                "\"body\":\"Paid\\nOrder 7 is paid.\"},"
                "\"biz_opaque_callback_data\":"
                "\"dlv_01jd7w9q2me0rbn8t5k3xvhz4c\"}");
    call_end(&f);
}

static void
test_version(void **state)
{
    struct call_fixture f;

    (void)state;
    begin(&f, "{" NUMBER "," TOKEN ",\"version\":\"v19.0\"}");
    call_ask(&f, &channel_whatsapp_cloud);
    assert_text(f.call.request.url,
                "https://graph.facebook.com/v19.0/106540352242922/messages");
    assert_text(channel_whatsapp_cloud.host(f.arena, f.call.config),
                "graph.facebook.com");
    call_end(&f);
}

static void
test_template(void **state)
{
    static const struct {
        const char *config, *template;
    } rows[] = {
        {WITH_TEMPLATE(""),
         "\"type\":\"template\",\"template\":{\"name\":\"order_update\","
         "\"language\":{\"code\":\"en_US\"}},\"biz"},
        {WITH_TEMPLATE(",\"parameters\":[]"),
         "\"language\":{\"code\":\"en_US\"}},\"biz"},
        {WITH_TEMPLATE(
             ",\"parameters\":[\"title\",\"body\",\"text\",\"data.order\","
             "\"data.who\"]"),
         "\"language\":{\"code\":\"en_US\"},\"components\":[{\"type\":"
         "\"body\",\"parameters\":[{\"type\":\"text\",\"text\":\"Paid\"},"
         "{\"type\":\"text\",\"text\":\"Order 7 is paid.\"},"
         "{\"type\":\"text\",\"text\":\"Paid Order 7 is paid.\"},"
         "{\"type\":\"text\",\"text\":\"7.50\"},"
         "{\"type\":\"text\",\"text\":\"Ada L. B.\"}]}]},\"biz"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct call_fixture f;

        begin(&f, rows[i].config);
        assert_string_equal(call_faults(&f, &channel_whatsapp_cloud), "");
        call_ask(&f, &channel_whatsapp_cloud);
        assert_false(f.call.is_done);
        assert_holds(f.call.request.body, rows[i].template);
        call_end(&f);
    }
}

static void
test_given_template(void **state)
{
    static const struct {
        const char *provider, *content;
    } rows[] = {
        {"wa", "\"type\":\"template\",\"template\":{\"name\": \"other\"},"
               "\"biz"},
        {"wa2", "\"name\":\"order_update\""}, /* the provider's own */
        {"wa3", "\"name\":\"order_update\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct call_fixture f;

        begin(&f, WITH_TEMPLATE(""));
        f.call.provider = str_from(rows[i].provider);
        f.message.overrides =
            STR("{\"providers\":{\"wa\":{\"template\":{\"name\": \"other\"}},"
                "\"wa2\":{}}}");
        call_ask(&f, &channel_whatsapp_cloud);
        assert_false(f.call.is_done);
        assert_holds(f.call.request.body, rows[i].content);
        call_end(&f);
    }
}

static void
test_missing_parameters(void **state)
{
    static const char *const configs[] = {
        WITH_TEMPLATE(",\"parameters\":[\"title\",\"data.paid\"]"),
        WITH_TEMPLATE(",\"parameters\":[\"data.nobody\"]"),
    };
    struct call_fixture f;

    (void)state;
    for (size_t i = 0; i < COUNT(configs); i++) {
        begin(&f, configs[i]);
        call_ask(&f, &channel_whatsapp_cloud);
        assert_true(f.call.is_done);
        assert_int_equal(f.verdict.verdict, VERDICT_REJECTED);
        assert_text(f.verdict.reason, "render.missing_var");
        assert_holds(f.verdict.detail, "parameter data.");
        call_end(&f);
    }
    begin(&f, WITH_TEMPLATE(",\"parameters\":[\"data.order\"]"));
    f.message.data = STR_NONE;
    call_ask(&f, &channel_whatsapp_cloud);
    assert_true(f.call.is_done);
    call_end(&f);
}

static void
test_refusals(void **state)
{
    struct call_fixture f;
    struct buf text;

    (void)state;
    begin(&f, CONFIG);
    f.message.address = STR("15551234567");
    call_ask(&f, &channel_whatsapp_cloud);
    assert_true(f.call.is_done);
    assert_text(f.verdict.reason, "content.invalid");
    f.message.address = STR("+15551234567");
    f.message.title = STR_NONE;
    buf_init(&text, f.arena);
    for (int i = 0; i < 4096; i++)
        buf_put_char(&text, 'x');
    f.message.body = buf_str(&text);
    call_ask(&f, &channel_whatsapp_cloud);
    assert_false(f.call.is_done);
    buf_put_char(&text, 'x');
    f.message.body = buf_str(&text);
    call_ask(&f, &channel_whatsapp_cloud);
    assert_true(f.call.is_done);
    assert_text(f.verdict.detail,
                "the text is 4097 characters long, and WhatsApp takes 4096");
    call_end(&f);
}

static void
test_config(void **state)
{
    static const struct call_config rows[] = {
        {"{}", "/phone_number_id /access_token"},
        {"{\"phone_number_id\":\"+1555\"," TOKEN "}", "/phone_number_id"},
        {"{" NUMBER "," TOKEN ",\"version\":\"23.0\"}", "/version"},
        {"{" NUMBER "," TOKEN ",\"version\":\"v23\"}", "/version"},
        {"{" NUMBER "," TOKEN ",\"version\":\"v1/x.0\"}", "/version"},
        {"{" NUMBER "," TOKEN ",\"base_url\":\"ftp://x\"}", "/base_url"},
        {"{" NUMBER "," TOKEN ",\"template\":{\"name\":\"a\"}}",
         "/template/language"},
        {WITH_TEMPLATE(",\"parameters\":[\"title\",\"html\",\"data.\"]"),
         "/template/parameters/1 /template/parameters/2"},
    };

    (void)state;
    assert_configs(&channel_whatsapp_cloud, rows, COUNT(rows));
}

/* ---- the answer ---- */

static void
answer_is(int attempt, int status, const char *body, enum verdict want,
          int64_t wait_ms)
{
    struct call_fixture f;
    struct channel_verdict *v;

    begin(&f, CONFIG);
    f.message.attempt = attempt;
    call_ask(&f, &channel_whatsapp_cloud);
    f.answer =
        (struct channel_answer){.status = status, .body = str_from(body)};
    v = call_answer(&f, &channel_whatsapp_cloud);
    if (v->verdict != want)
        fail_msg("%d %s: %s", status, body, verdict_name(v->verdict));
    assert_int_equal(v->retry_after_ms, wait_ms);
    call_end(&f);
}

static void
test_codes(void **state)
{
    static const struct {
        enum verdict verdict;
        int codes[24]; /* ends with -1 */
    } rows[] = {
        {VERDICT_RETRY, {1, 2, 131000, 131016, 131057, -1}},
        {VERDICT_RATE, {4, 80007, 130429, 131048, 131064, -1}},
        {VERDICT_REJECTED,
         {100, 131008, 131009, 131051, 131052, 131053, 132000, 132001, 132005,
          132007, 132008, 132012, 132015, 132016, 131047, 130472, 131037, -1}},
        {VERDICT_CREDENTIALS,
         {0, 3, 10, 190, 200, 250, 299, 131005, 131031, 131042, 131045, 368,
          130497, -1}},
        {VERDICT_GONE, {131021, 131030, 131050, -1}},
        /* of no row: the status counts */
        {VERDICT_REJECTED, {5, 99, 199, 300, 133016, -1}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        for (const int *code = rows[i].codes; *code >= 0; code++) {
            char body[100];

            snprintf(body, sizeof(body), "{\"error\":{\"code\":%d}}", *code);
            answer_is(1, 400, body, rows[i].verdict, 0);
        }
}

static void
test_answers(void **state)
{
    (void)state;
    answer_is(1, 200, "{\"messages\":[{\"id\":\"wamid.A\"}]}", VERDICT_SENT, 0);
    answer_is(1, 200, "{\"messages\":", VERDICT_SENT, 0);
    answer_is(1, 200, "", VERDICT_SENT, 0);
    answer_is(1, 400, "", VERDICT_REJECTED, 0);
    answer_is(1, 401, "", VERDICT_CREDENTIALS, 0);
    answer_is(1, 429, "", VERDICT_RATE, 0);
    answer_is(1, 500, "", VERDICT_RETRY, 0);
    answer_is(1, 503, "{\"error\":{\"code\":133004}}", VERDICT_RETRY, 0);
    /* to one number, later each time */
    answer_is(1, 400, "{\"error\":{\"code\":131056}}", VERDICT_RATE, 6000);
    answer_is(3, 400, "{\"error\":{\"code\":131056}}", VERDICT_RATE, 18000);
    answer_is(1, 400, "{\"error\":{\"code\":131049}}", VERDICT_RATE, 86400000);
    /* once is no proof */
    answer_is(1, 400, "{\"error\":{\"code\":131026}}", VERDICT_RETRY, 0);
    answer_is(2, 400, "{\"error\":{\"code\":131026}}", VERDICT_GONE, 0);
}

static void
test_answer_in_words(void **state)
{
    struct call_fixture f;
    struct channel_verdict *v;

    (void)state;
    begin(&f, CONFIG);
    call_ask(&f, &channel_whatsapp_cloud);
    f.answer = (struct channel_answer){
        .status = 200, .body = STR("{\"messages\":[{\"id\":\"wamid.A\"}]}")};
    v = call_answer(&f, &channel_whatsapp_cloud);
    assert_text(v->provider_message_id, "wamid.A");
    f.answer = (struct channel_answer){
        .status = 400, .body = STR("{\"error\":{\"code\":131050}}")};
    v = call_answer(&f, &channel_whatsapp_cloud);
    assert_text(v->reason, "suppress.unsubscribe");
    f.answer = (struct channel_answer){.status = 401,
                                       .body = STR("no canary0123 here")};
    v = call_answer(&f, &channel_whatsapp_cloud);
    assert_text(v->detail, "HTTP 401 no *** here");
    f.answer = (struct channel_answer){.outcome = CHANNEL_UNKNOWN,
                                       .cause = CHANNEL_CAUSE_TIMEOUT};
    v = call_answer(&f, &channel_whatsapp_cloud);
    assert_int_equal(v->verdict, VERDICT_UNKNOWN);
    call_end(&f);
}

/* ---- webhooks ---- */

#define HOOK "{" NUMBER ",\"app_secret\":\"%s\",\"verify_token\":\"canary 7\"}"

static void
outcome_is(const char *secret, const char *body, const char *signature,
           enum channel_receipt_outcome want)
{
    struct hook_fixture h;
    char config[200];

    snprintf(config, sizeof(config), HOOK, secret);
    hook_begin(&h, secret[0] ? config : "{" NUMBER "}", "https://x.example/h",
               str_from(body));
    hook_put_header(&h, "x-hub-signature-256", str_from(signature));
    hook_take(&h, &channel_whatsapp_cloud);
    assert_int_equal(h.r.outcome, want);
    assert_int_equal(h.r.n_events, 0);
    hook_put_header(&h, "X-Hub-Signature-256", str_from(signature));
    hook_take(&h, &channel_whatsapp_cloud);
    assert_int_equal(h.r.outcome, CHANNEL_RECEIPT_UNSIGNED);
    hook_end(&h);
}

static void
test_signatures(void **state)
{
    static const char account[] = "{\"object\":\"whatsapp_business_account\"}";
    static const char right[] = "sha256=f6491327cb5b041cdf4fe69b94711c7b68bb0ae"
                                "f719854bae676a59788a2b6b6";

    (void)state;
    outcome_is("It's a Secret to Everybody", "Hello, World!",
               "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c"
               "8b043e17",
               CHANNEL_RECEIPT_MALFORMED); /* signed, but no JSON */
    outcome_is("appsecret", account, right, CHANNEL_RECEIPT_TAKEN);
    outcome_is("appsecre", account, right, CHANNEL_RECEIPT_UNSIGNED);
    outcome_is("appsecret", "{}", right, CHANNEL_RECEIPT_UNSIGNED);
    outcome_is("appsecret", account, right + strlen("sha256="),
               CHANNEL_RECEIPT_UNSIGNED);
    outcome_is("appsecret", account, "sha256=", CHANNEL_RECEIPT_UNSIGNED);
    outcome_is("", account, right, CHANNEL_RECEIPT_UNSIGNED);
}

static void
test_handshake(void **state)
{
    static const struct {
        const char *query;
        bool is_right;
    } rows[] = {
        {"hub.mode=subscribe&hub.verify_token=canary+7&hub.challenge=115820",
         true},
        {"hub.mode=subscribe&hub.verify_token=canary+8&hub.challenge=115820",
         false},
        {"hub.mode=other&hub.verify_token=canary+7&hub.challenge=115820",
         false},
        {"hub.mode=subscribe&hub.challenge=115820", false},
        {"hub.mode=subscribe&hub.verify_token=%", false},
        {"", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct hook_fixture h;

        hook_begin(&h, "{\"verify_token\":\"canary 7\"}", "https://x.example/h",
                   STR_NONE);
        h.r.method = STR("GET");
        h.r.query = str_from(rows[i].query);
        hook_take(&h, &channel_whatsapp_cloud);
        assert_int_equal(h.r.outcome, rows[i].is_right
                                          ? CHANNEL_RECEIPT_TAKEN
                                          : CHANNEL_RECEIPT_UNSIGNED);
        assert_text(h.r.reply, rows[i].is_right ? "115820" : "");
        hook_end(&h);
    }
}

/* One status in what Meta wraps around it. */
static void
take_signed(struct hook_fixture *h, const char *field, const char *number,
            const char *statuses)
{
    struct arena *a;
    struct buf signature;

    hook_begin(h, "{" NUMBER ",\"app_secret\":\"s\"}", "https://x.example/h",
               STR_NONE);
    a = h->f.arena;
    h->r.body = str_fmt(
        a,
        "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"1\","
        "\"changes\":[{\"field\":\"%s\",\"value\":{\"messaging_product\":"
        "\"whatsapp\",\"metadata\":{\"phone_number_id\":\"%s\"},"
        "\"statuses\":[%s]}}]}]}",
        field, number, statuses);
    buf_init(&signature, a);
    buf_put_cstr(&signature, "sha256=");
    buf_put_hex(&signature, hmac_sha256(a, STR("s"), h->r.body));
    hook_put_header(h, "X-Hub-Signature-256", buf_str(&signature));
    hook_take(h, &channel_whatsapp_cloud);
    assert_int_equal(h->r.outcome, CHANNEL_RECEIPT_TAKEN);
}

#define STATUS(status, rest)                                                   \
    "{\"id\":\"wamid.A\",\"status\":\"" status "\","                           \
    "\"timestamp\":\"1698266945\",\"recipient_id\":\"15551234567\"" rest "}"
#define FAILED(code)                                                           \
    STATUS("failed", ",\"errors\":[{\"code\":" code ",\"title\":\"T\","        \
                     "\"error_data\":{\"details\":\"D\"}}]")

static void
test_events(void **state)
{
    static const struct {
        const char *status;
        int kind; /* -1: none */
        const char *detail;
    } rows[] = {
        {STATUS("sent", ""), -1, ""},
        {STATUS("delivered", ""), CHANNEL_EVENT_DELIVERED, ""},
        {STATUS("read", ""), CHANNEL_EVENT_OPENED, ""},
        {FAILED("131026"), CHANNEL_EVENT_BOUNCED, "131026 T D"},
        {FAILED("131050"), CHANNEL_EVENT_UNSUBSCRIBED, "131050 T D"},
        {FAILED("131047"), CHANNEL_EVENT_FAILED, "131047 T D"},
        {FAILED("999"), CHANNEL_EVENT_FAILED, "999 T D"},
        {STATUS("failed", ""), CHANNEL_EVENT_FAILED, ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct hook_fixture h;

        take_signed(&h, "messages", "106540352242922", rows[i].status);
        assert_int_equal(h.r.n_events, rows[i].kind >= 0);
        if (rows[i].kind >= 0) {
            const struct channel_event *e = &h.r.events[0];

            assert_int_equal(e->kind, rows[i].kind);
            assert_text(e->provider_message_id, "wamid.A");
            assert_text(e->address, "+15551234567");
            assert_text(e->detail, rows[i].detail);
            assert_holds(e->id, ":1698266945");
            assert_int_equal(e->at_ms, INT64_C(1698266945000));
        }
        hook_end(&h);
    }
}

static void
test_whose_events(void **state)
{
    struct hook_fixture h;

    (void)state;
    take_signed(&h, "messages", "1", STATUS("read", ""));
    assert_int_equal(h.r.n_events, 0);
    hook_end(&h);
    take_signed(&h, "account_update", "106540352242922", STATUS("read", ""));
    assert_int_equal(h.r.n_events, 0);
    hook_end(&h);
    take_signed(
        &h, "messages", "106540352242922",
        STATUS("read", ",\"biz_opaque_callback_data\":\"dlv_7\"") "," STATUS(
            "delivered", ",\"biz_opaque_callback_data\":\"mine\""));
    assert_int_equal(h.r.n_events, 2);
    assert_text(h.r.events[0].delivery_id, "dlv_7");
    assert_text(h.r.events[1].delivery_id, "");
    hook_end(&h);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_template),
        cmocka_unit_test(test_given_template),
        cmocka_unit_test(test_missing_parameters),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_config),
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_answer_in_words),
        cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_handshake),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_whose_events),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
