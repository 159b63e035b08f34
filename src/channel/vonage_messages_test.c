/* vonage_messages_test.c - Vonage's Messages API: its call, its answers, its
 * webhooks. */
#include "channel/call_test.h"
#include "channel/driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/hmac.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ACCOUNT                                                                \
    "{\"api_key\":\"abcd1234\",\"api_secret\":\"canary0123\","                 \
    "\"from\":\"+447700900001\"}"
#define APPLICATION                                                            \
    "{\"application_id\":\"app-1\",\"private_key\":\"" CALL_RSA_KEY            \
    "\",\"from\":\"+447700900001\"}"

static void
begin(struct call_fixture *f, const char *config, const char *channel)
{
    call_begin(f, config);
    f->message.channel = str_from(channel);
    f->message.address = STR("+44 7700 900000");
}

static void
whatsapp_goes_by_it(void **state)
{
    struct call_fixture f;

    (void)state;
    begin(&f, ACCOUNT, "whatsapp");
    call_ask(&f, &channel_vonage);
    assert_false(f.call.is_done);
    assert_text(f.call.request.url, "https://api.nexmo.com/v1/messages");
    assert_text(call_request_header(&f, "Authorization"),
                "Basic YWJjZDEyMzQ6Y2FuYXJ5MDEyMw==");
    assert_text(f.call.request.body,
                "{\"channel\":\"whatsapp\",\"message_type\":\"text\",\"to\":"
                "\"447700900000\",\"from\":\"447700900001\",\"text\":"
                "\"Paid\\nOrder 7 is paid.\",\"client_ref\":"
                "\"dlv_01jd7w9q2me0rbn8t5k3xvhz4c\"}");
    call_end(&f);
    begin(&f, ACCOUNT, "sms");
    call_ask(&f, &channel_vonage);
    assert_text(f.call.request.url, "https://rest.nexmo.com/sms/json");
    call_end(&f);
}

static void
an_application_signs_its_tokens(void **state)
{
    struct call_fixture f;
    struct str rest, part;
    struct buf claims;

    (void)state;
    begin(&f, APPLICATION, "sms");
    call_ask(&f, &channel_vonage);
    assert_text(f.call.request.url, "https://api.nexmo.com/v1/messages");
    assert_holds(f.call.request.body, "\"channel\":\"sms\"");
    rest = call_request_header(&f, "Authorization");
    assert_true(str_starts(rest, STR("Bearer ")));
    assert_true(str_split(&rest, '.', &part));
    assert_true(str_split(&rest, '.', &part));
    buf_init(&claims, f.arena);
    assert_true(buf_get_base64(&claims, part));
    assert_text(buf_str(&claims),
                "{\"application_id\":\"app-1\",\"iat\":1790242200,"
                "\"exp\":1790242500,\"jti\":"
                "\"dlv_01jd7w9q2me0rbn8t5k3xvhz4c.1\"}");
    assert_true(rest.n > 100);
    call_end(&f);
}

static void
its_configuration_is_looked_at(void **state)
{
    static const struct call_config rows[] = {
        {APPLICATION, ""},
        {"{\"application_id\":\"a\",\"from\":\"x\"}", "/private_key"},
        {"{\"application_id\":\"a\",\"private_key\":\"x\","
         "\"from\":\"x\"}",
         "/private_key"},
        {"{\"application_id\":\"a\",\"private_key\":\"***\","
         "\"from\":\"x\"}",
         ""},
        {"{\"api_key\":\"a\",\"from\":\"x\"}", "/api_secret"},
    };

    (void)state;
    assert_configs(&channel_vonage, rows, COUNT(rows));
}

static void
its_answers(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum verdict verdict;
        const char *id;
    } rows[] = {
        {202, "{\"message_uuid\":\"aaaa-1\"}", VERDICT_SENT, "aaaa-1"},
        {202, "{\"mess", VERDICT_SENT, ""},
        {401, "{\"title\":\"Unauthorized\"}", VERDICT_CREDENTIALS, ""},
        {402, "{\"title\":\"Low balance\"}", VERDICT_CREDENTIALS, ""},
        {403, "", VERDICT_CREDENTIALS, ""},
        {422, "{\"title\":\"Invalid params\"}", VERDICT_REJECTED, ""},
        {429, "", VERDICT_RATE, ""},
        {500, "", VERDICT_RETRY, ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct call_fixture f;
        struct channel_verdict *v;

        begin(&f, ACCOUNT, "whatsapp");
        call_ask(&f, &channel_vonage);
        f.answer = (struct channel_answer){.status = rows[i].status,
                                           .body = str_from(rows[i].body)};
        v = call_answer(&f, &channel_vonage);
        assert_int_equal(v->verdict, rows[i].verdict);
        assert_text(v->provider_message_id, rows[i].id);
        call_end(&f);
    }
}

/* ---- webhooks ---- */

#define HOOK "{\"signature_secret\":\"canary\"}"

/* alg, the seconds that it is old, and what is hashed in place of the body. */
static void
take(struct hook_fixture *h, const char *body, const char *alg, int64_t old_s,
     const char *hashed)
{
    struct arena *a;
    struct buf hash, token, mac;

    hook_begin(h, HOOK, "https://x.example/h", str_from(body));
    a = h->f.arena;
    buf_init(&hash, a);
    buf_put_hex(&hash, hash_sha256(a, str_from(hashed)));
    buf_init(&token, a);
    buf_put_base64url(&token,
                      str_fmt(a, "{\"alg\":\"%s\",\"typ\":\"JWT\"}", alg));
    buf_put_char(&token, '.');
    buf_put_base64url(&token,
                      str_fmt(a, "{\"iat\":%lld,\"payload_hash\":\"%.*s\"}",
                              (long long)(h->r.now_ms / 1000 - old_s),
                              STR_ARG(buf_str(&hash))));
    buf_init(&mac, a);
    buf_put_base64url(&mac, hmac_sha256(a, STR("canary"), buf_str(&token)));
    hook_put_header(h, "Authorization",
                    str_fmt(a, "Bearer %.*s.%.*s", STR_ARG(buf_str(&token)),
                            STR_ARG(buf_str(&mac))));
    hook_take(h, &channel_vonage);
}

#define STATUS(s)                                                              \
    "{\"message_uuid\":\"aaaa-1\",\"to\":\"447700900000\",\"from\":\"44770"    \
    "0900001\",\"timestamp\":\"2026-09-24T09:29:00Z\",\"status\":\"" s "\","   \
    "\"client_ref\":\"dlv_7\",\"channel\":\"whatsapp\"}"

static void
only_what_is_signed_is_taken(void **state)
{
    static const struct {
        const char *alg;
        int64_t old_s;
        const char *hashed;
        enum channel_receipt_outcome outcome;
    } rows[] = {
        {"HS256", 0, STATUS("read"), CHANNEL_RECEIPT_TAKEN},
        {"HS256", 299, STATUS("read"), CHANNEL_RECEIPT_TAKEN},
        {"HS256", 301, STATUS("read"), CHANNEL_RECEIPT_UNSIGNED},
        {"HS256", -301, STATUS("read"), CHANNEL_RECEIPT_UNSIGNED},
        {"none", 0, STATUS("read"), CHANNEL_RECEIPT_UNSIGNED},
        {"HS256", 0, STATUS("rea"), CHANNEL_RECEIPT_UNSIGNED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct hook_fixture h;

        take(&h, STATUS("read"), rows[i].alg, rows[i].old_s, rows[i].hashed);
        assert_int_equal(h.r.outcome, rows[i].outcome);
        hook_end(&h);
    }
}

static void
odd_tokens_are_none(void **state)
{
    static const char *const rows[] = {"Bearer ",    "Bearer a",
                                       "Bearer a.b", "Bearer a.b.c",
                                       "Bearer ..",  "Bearer e30.e30."};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct hook_fixture h;

        hook_begin(&h, HOOK, "https://x.example/h", STR(STATUS("read")));
        hook_put_header(&h, "Authorization", str_from(rows[i]));
        hook_take(&h, &channel_vonage);
        assert_int_equal(h.r.outcome, CHANNEL_RECEIPT_UNSIGNED);
        hook_end(&h);
    }
}

static void
its_events(void **state)
{
    static const struct {
        const char *body;
        int kind; /* -1: none */
        const char *address;
    } rows[] = {
        {STATUS("submitted"), -1, ""},
        {STATUS("delivered"), CHANNEL_EVENT_DELIVERED, "+447700900000"},
        {STATUS("read"), CHANNEL_EVENT_OPENED, "+447700900000"},
        {STATUS("rejected"), CHANNEL_EVENT_FAILED, "+447700900000"},
        {STATUS("undeliverable"), CHANNEL_EVENT_FAILED, "+447700900000"},
        {"{\"message_uuid\":\"b\",\"from\":\"447700900000\",\"text\":"
         "\"Stop\"}",
         CHANNEL_EVENT_UNSUBSCRIBED, "+447700900000"},
        {"{\"message_uuid\":\"b\",\"from\":\"447700900000\",\"text\":"
         "\"START\"}",
         CHANNEL_EVENT_RESUBSCRIBED, "+447700900000"},
        {"{\"message_uuid\":\"b\",\"from\":\"447700900000\",\"text\":"
         "\"hello\"}",
         -1, ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct hook_fixture h;

        take(&h, rows[i].body, "HS256", 0, rows[i].body);
        assert_int_equal(h.r.outcome, CHANNEL_RECEIPT_TAKEN);
        assert_int_equal(h.r.n_events, rows[i].kind >= 0);
        if (rows[i].kind >= 0) {
            assert_int_equal(h.r.events[0].kind, rows[i].kind);
            assert_text(h.r.events[0].address, rows[i].address);
        }
        hook_end(&h);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatsapp_goes_by_it),
        cmocka_unit_test(an_application_signs_its_tokens),
        cmocka_unit_test(its_configuration_is_looked_at),
        cmocka_unit_test(its_answers),
        cmocka_unit_test(only_what_is_signed_is_taken),
        cmocka_unit_test(odd_tokens_are_none),
        cmocka_unit_test(its_events),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
