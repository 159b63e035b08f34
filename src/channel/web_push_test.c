/* web_push_test.c - the call (RFC 8030, RFC 8292) and the answers of push
 * services. Encryption: aes128gcm_test.c. */
#include "base/buf.h"
#include "base/sign.h"
#include "channel/call_test.h"
#include "channel/driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* A pair: RFC 8291's application server. */
#define PUBLIC                                                                 \
    "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8w" \
    "EqKK6PBru3jl7A8"
#define PRIVATE "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
#define RECEIVER                                                               \
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7V"     \
    "d8pZGH6SRpkNtoIAiw4"
#define CONFIG_WITH(more)                                                      \
    "{\"public_key\":\"" PUBLIC "\",\"private_key\":\"" PRIVATE                \
    "\",\"subject\":\"mailto:ops@example.org\"" more "}"
#define CONFIG CONFIG_WITH("")
#define SUBSCRIBED_AT(endpoint)                                                \
    "{\"endpoint\":\"" endpoint "\",\"keys\":{\"p256dh\":\"" RECEIVER          \
    "\",\"auth\":\"BTBZMqHH6r4Tts7J_aSIgg\"}}"
#define SUBSCRIPTION SUBSCRIBED_AT("https://push.example.net:8443/v1/a?b")

static void
begin(struct call_fixture *f, const char *config)
{
    call_begin(f, config);
    f->message.address = STR(SUBSCRIPTION);
    f->message.device = STR("laptop");
}

/* base64 DER of a raw public key. */
static struct str
spki(struct arena *a, const char *base64url)
{
    static const char head[] = "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d"
                               "\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01"
                               "\x07\x03\x42\x00";
    struct buf der, out;

    buf_init(&der, a);
    buf_init(&out, a);
    buf_put(&der, head, sizeof(head) - 1);
    assert_true(buf_get_base64(&der, str_from(base64url)));
    buf_put_base64(&out, buf_str(&der));
    return buf_str(&out);
}

/* header.claims.signature into its claims; the signature is by that key. */
static struct str
claims_of(struct arena *a, struct str token, const char *key)
{
    struct str header, claims, rest = token, signature;
    struct buf raw, text;

    assert_true(str_split(&rest, '.', &header));
    assert_true(str_split(&rest, '.', &claims));
    signature = rest;
    buf_init(&raw, a);
    buf_init(&text, a);
    assert_true(buf_get_base64(&raw, signature));
    assert_true(sign_is_by(SIGN_ES256, spki(a, key),
                           str_sub(token, 0, header.n + 1 + claims.n),
                           buf_str(&raw)));
    assert_true(buf_get_base64(&text, claims));
    return buf_str(&text);
}

static void
test_vapid_vector(void **state)
{
    struct arena *a = arena_new();

    (void)state;
    assert_text(
        claims_of(
            a,
            STR("eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3B1"
                "c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3NjgsInN1YiI6Im1haWx0b"
                "zpwdXNoQGV4YW1wbGUuY29tIn0.i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlM"
                "uCGSK2rpiUfnK9ojFwDXb1JrErtmysazNjjvW2L9OkSSHzvoD1oA"),
            "BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPC"
            "fA5aq9ojSwk5Y2EmClBPs"),
        "{\"aud\":\"https://push.example.net\",\"exp\":1453523768,"
        "\"sub\":\"mailto:push@example.com\"}");
    arena_free(a);
}

static void
test_call(void **state)
{
    struct call_fixture f;
    struct str header, token;

    (void)state;
    begin(&f, CONFIG);
    f.message.expires_ms = CALL_NOW_MS + 90500;
    call_ask(&f, &channel_web_push);
    assert_false(f.call.is_done);
    assert_text(f.call.request.method, "POST");
    assert_text(f.call.request.url, "https://push.example.net:8443/v1/a?b");
    assert_text(call_request_header(&f, "Content-Type"),
                "application/octet-stream");
    assert_text(call_request_header(&f, "Content-Encoding"), "aes128gcm");
    assert_text(call_request_header(&f, "TTL"), "90");
    assert_text(call_request_header(&f, "Urgency"), "high");
    assert_text(call_request_header(&f, "Topic"),
                "dlv_01jd7w9q2me0rbn8t5k3xvhz4c");
    header = call_request_header(&f, "Authorization");
    assert_true(str_starts(header, STR("vapid t=")));
    assert_true(str_ends(header, STR(", k=" PUBLIC)));
    token = str_sub(header, 8, (size_t)str_find(header, ',') - 8);
    assert_text(claims_of(f.arena, token, PUBLIC),
                "{\"aud\":\"https://push.example.net:8443\",\"exp\":1790285400,"
                "\"sub\":\"mailto:ops@example.org\"}");
    /* salt, record size, key, text, delimiter, tag */
    assert_true(f.call.request.body.n > 16 + 4 + 1 + 65 + 1 + 16);
    assert_lacks(f.call.request.body, "Order 7");
    call_end(&f);
}

static void
test_base_url_takes_the_place_of_the_service(void **state)
{
    struct call_fixture f;

    (void)state;
    begin(&f, CONFIG_WITH(",\"base_url\":\"http://127.0.0.1:8080/\""));
    assert_string_equal(call_faults(&f, &channel_web_push), "");
    call_ask(&f, &channel_web_push);
    assert_text(f.call.request.url, "http://127.0.0.1:8080/v1/a?b");
    assert_text(call_request_header(&f, "TTL"), "2419200");
    assert_text(channel_web_push.host(f.arena, f.call.config), "127.0.0.1");
    call_end(&f);
    begin(&f, CONFIG);
    assert_text(channel_web_push.host(f.arena, f.call.config), "");
    call_end(&f);
}

static void
test_config(void **state)
{
    static const struct call_config rows[] = {
        {CONFIG, ""},
        {"{}", "/public_key /private_key /subject"},
        {"{\"public_key\":\"" PUBLIC "\",\"private_key\":\"***\","
         "\"subject\":\"https://example.org\"}",
         ""},
        {"{\"public_key\":\"" PUBLIC "\",\"private_key\":\"" PRIVATE "\","
         "\"subject\":\"ops@example.org\"}",
         "/subject"},
        {"{\"public_key\":\"" RECEIVER "\",\"private_key\":\"" PRIVATE "\","
         "\"subject\":\"mailto:a@b.c\"}",
         "/private_key"},
        {"{\"public_key\":\"" PRIVATE "\",\"private_key\":\"" PRIVATE "\","
         "\"subject\":\"mailto:a@b.c\"}",
         "/public_key"},
        {CONFIG_WITH(",\"base_url\":\"ftp://x\""), "/base_url"},
    };

    (void)state;
    assert_configs(&channel_web_push, rows, sizeof(rows) / sizeof(rows[0]));
}

static void
test_what_is_no_subscription_is_refused(void **state)
{
    static const char *const rows[] = {
        "", "token", "{}", "{\"endpoint\":\"ftp://x/\"}",
        "{\"endpoint\":\"https://a.b/c\",\"keys\":{\"p256dh\":\"AAAA\","
        "\"auth\":\"BTBZMqHH6r4Tts7J_aSIgg\"}}"};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct call_fixture f;

        call_begin(&f, CONFIG);
        f.message.address = str_from(rows[i]);
        call_ask(&f, &channel_web_push);
        assert_true(f.call.is_done);
        assert_int_equal(f.verdict.verdict, VERDICT_REJECTED);
        assert_text(f.verdict.reason, "content.invalid");
        call_end(&f);
    }
}

static void
test_what_is_too_long_is_cut_or_refused(void **state)
{
    struct call_fixture f;
    char text[8000];

    (void)state;
    memset(text, '"', sizeof(text)); /* two bytes each in JSON */
    begin(&f, CONFIG);
    f.message.body = (struct str){text, sizeof(text)};
    call_ask(&f, &channel_web_push);
    assert_false(f.call.is_done);
    assert_true(f.call.request.body.n <= 4096);
    assert_true(f.call.request.body.n > 2500);
    call_end(&f);
    begin(&f, CONFIG);
    f.message.title = (struct str){text, sizeof(text)};
    call_ask(&f, &channel_web_push);
    assert_true(f.call.is_done);
    assert_int_equal(f.verdict.verdict, VERDICT_REJECTED);
    assert_text(f.verdict.reason, "size.too_large");
    call_end(&f);
}

static void
test_answers(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum verdict verdict;
        const char *reason;
    } rows[] = {
        {201, "", VERDICT_SENT, ""},
        {202, "", VERDICT_SENT, ""},
        {400, "{\"errno\":111}", VERDICT_REJECTED, ""},
        {401, "{\"errno\":109}", VERDICT_CREDENTIALS, ""},
        {403, "no", VERDICT_CREDENTIALS, ""},
        {403,
         "the VAPID credentials in the authorization header do not correspond "
         "to the credentials used to create the subscriptions.",
         VERDICT_GONE, ""},
        {404, "{\"errno\":102}", VERDICT_GONE, ""},
        {410, "{\"errno\":106}", VERDICT_GONE, ""},
        {413, "", VERDICT_REJECTED, "size.too_large"},
        {429, "", VERDICT_RATE, ""},
        {500, "", VERDICT_RETRY, ""},
        {503, "{\"errno\":201}", VERDICT_RETRY, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        static const struct channel_header location[] = {
            {{"Location", 8}, {"https://push.example.net/m/1", 28}}};
        struct call_fixture f;
        struct channel_verdict *v;

        begin(&f, CONFIG);
        call_ask(&f, &channel_web_push);
        f.answer = (struct channel_answer){.status = rows[i].status,
                                           .headers = location,
                                           .n_headers = 1,
                                           .body = str_from(rows[i].body)};
        v = call_answer(&f, &channel_web_push);
        assert_int_equal(v->verdict, rows[i].verdict);
        assert_text(v->reason, rows[i].reason);
        assert_text(v->provider_message_id, rows[i].verdict == VERDICT_SENT
                                                ? "https://push.example.net/m/1"
                                                : "");
        call_end(&f);
    }
}

/* Whose endpoint it is does not matter to the verdict, but to what it says of
 * the provider. */
static void
test_whose_word_it_is(void **state)
{
    static const struct {
        const char *config, *subscription;
        bool is_of_others;
    } rows[] = {
        {CONFIG, SUBSCRIBED_AT("https://fcm.googleapis.com/send/x"), false},
        {CONFIG, SUBSCRIBED_AT("https://FCM.googleapis.com/x"), false},
        {CONFIG, SUBSCRIBED_AT("https://updates.push.services.mozilla.com/x"),
         false},
        {CONFIG, SUBSCRIBED_AT("https://web.push.apple.com/x"), false},
        {CONFIG, SUBSCRIBED_AT("https://wns2-p.notify.windows.com/x"), false},
        {CONFIG, SUBSCRIBED_AT("https://push.example.net/x"), true},
        {CONFIG, SUBSCRIBED_AT("https://fcm.googleapis.com.example.net/"),
         true},
        {CONFIG, SUBSCRIBED_AT("https://notpush.apple.com/"), true},
        {CONFIG_WITH(",\"base_url\":\"http://127.0.0.1:1\""),
         SUBSCRIBED_AT("https://push.example.net/x"), false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct call_fixture f;

        begin(&f, rows[i].config);
        f.message.address = str_from(rows[i].subscription);
        call_ask(&f, &channel_web_push);
        assert_false(f.call.is_done);
        f.answer = (struct channel_answer){.status = 500};
        call_answer(&f, &channel_web_push);
        assert_int_equal(f.verdict.is_of_others, rows[i].is_of_others);
        /* It may be of another application's subscription. */
        f.answer = (struct channel_answer){.status = 401};
        call_answer(&f, &channel_web_push);
        assert_int_equal(f.verdict.verdict, VERDICT_CREDENTIALS);
        assert_int_equal(f.verdict.is_of_others,
                         i + 1 < sizeof(rows) / sizeof(rows[0]));
        f.answer = (struct channel_answer){.outcome = CHANNEL_UNKNOWN};
        call_answer(&f, &channel_web_push);
        assert_int_equal(f.verdict.is_of_others, rows[i].is_of_others);
        call_end(&f);
    }
}

static void
test_detail_keeps_the_secret(void **state)
{
    struct call_fixture f;

    (void)state;
    begin(&f, CONFIG);
    call_ask(&f, &channel_web_push);
    f.answer =
        (struct channel_answer){.status = 400, .body = STR("no " PRIVATE)};
    assert_text(call_answer(&f, &channel_web_push)->detail, "HTTP 400 no ***");
    call_end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vapid_vector),
        cmocka_unit_test(test_call),
        cmocka_unit_test(test_base_url_takes_the_place_of_the_service),
        cmocka_unit_test(test_config),
        cmocka_unit_test(test_what_is_no_subscription_is_refused),
        cmocka_unit_test(test_what_is_too_long_is_cut_or_refused),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_whose_word_it_is),
        cmocka_unit_test(test_detail_keeps_the_secret),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
