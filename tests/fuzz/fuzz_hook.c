/* fuzz_hook.c - any webhook at each driver: no crash; without a signature no
 * event and no answer; signed, it is taken or malformed, and no event lacks
 * what tells whose it is. */
#include "base/arena.h"
#include "base/hmac.h"
#include "channel/channel.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_S "1461605396"

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition))                                                      \
            abort();                                                           \
    } while (0)

/* Of every driver: each takes what it knows. */
#define CONFIG                                                                 \
    "{\"auth_token\":\"s\",\"signature_secret\":\"s\",\"hmac_key\":\"s\","     \
    "\"app_secret\":\"s\",\"verify_token\":\"s\",\"phone_number_id\":\"1\","   \
    "\"signing_secret\":\"s\",\"secret_token\":\"s\",\"bot_token\":\"1:a\"}"

static struct json
config_in(struct arena *a)
{
    struct json_doc *doc = ARENA_NEW(a, struct json_doc);
    struct json_error error;

    CHECK(json_parse(a, STR(CONFIG), doc, &error) == ERR_OK);
    return json_root(doc);
}

static struct channel_receipt
receipt_of(struct arena *a, const char *method, struct str text)
{
    struct channel_receipt r = {
        .arena = a,
        .config = config_in(a),
        .method = str_from(method),
        .url = STR("https://x.example/h"),
        .now_ms = INT64_C(1461605396) * 1000,
        .outcome = CHANNEL_RECEIPT_MALFORMED,
    };

    if (str_is(r.method, "GET")) {
        r.query = text;
        r.url = str_fmt(a, "https://x.example/h?%.*s", STR_ARG(text));
    } else {
        r.body = text;
    }
    return r;
}

static void
check_unsigned(const struct channel_driver *d, struct arena *a,
               const char *method, struct str text)
{
    struct channel_receipt r = receipt_of(a, method, text);

    d->receipt(&r);
    CHECK(r.n_events == 0);
}

static struct str
text_of(struct arena *a, const char *before, struct str raw, bool is_hex)
{
    struct buf b;

    buf_init(&b, a);
    buf_put_cstr(&b, before);
    if (is_hex)
        buf_put_hex(&b, raw);
    else
        buf_put_base64(&b, raw);
    return buf_str(&b);
}

/* Signed for all of them; each looks for its own header. */
static void
check_signed(const struct channel_driver *d, struct arena *a,
             const char *method, struct str text)
{
    const struct str key = STR("s");
    struct channel_receipt r = receipt_of(a, method, text);
    const struct str slack = str_fmt(a, "v0:" NOW_S ":%.*s", STR_ARG(r.body));
    const struct channel_header headers[] = {
        {STR("X-Twilio-Signature"),
         text_of(a, "", hmac_sha1(a, key, r.url), false)},
        {STR("X-Webhook-Hmac-Algorithm"), STR("sha512")},
        {STR("X-Webhook-Hmac"),
         text_of(a, "", hmac_sha512(a, key, r.body), true)},
        {STR("X-Hub-Signature-256"),
         text_of(a, "sha256=", hmac_sha256(a, key, r.body), true)},
        {STR("X-Slack-Request-Timestamp"), STR(NOW_S)},
        {STR("X-Slack-Signature"),
         text_of(a, "v0=", hmac_sha256(a, key, slack), true)},
        {STR("X-Telegram-Bot-Api-Secret-Token"), key},
    };

    r.headers = headers;
    r.n_headers = sizeof(headers) / sizeof(headers[0]);
    d->receipt(&r);
    CHECK(r.n_events <= CHANNEL_EVENTS_MAX);
    for (size_t i = 0; i < r.n_events; i++)
        CHECK(r.events[i].provider_message_id.n > 0 ||
              r.events[i].delivery_id.n > 0 || r.events[i].address.n > 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const methods[] = {"GET", "POST"};
    const struct str text = {(const char *)data, size};
    struct arena *a = arena_new();

    for (const struct channel_driver *const *d = channel_drivers(); *d; d++)
        for (size_t i = 0; i < 2 && (*d)->receipt; i++) {
            check_unsigned(*d, a, methods[i], text);
            check_signed(*d, a, methods[i], text);
        }
    arena_free(a);
    return 0;
}
