/* web_push.c - a message to a browser, by the push service that it has a
 * subscription with (RFC 8030), encrypted for it (RFC 8291) and signed with the
 * application's own key (VAPID, RFC 8292). */
#include "base/arena.h"
#include "base/p256.h"
#include "base/sign.h"
#include "base/url.h"
#include "channel/aes128gcm.h"
#include "channel/http.h"
#include "channel/push.h"

#define TOKEN_MS (12 * 3600 * INT64_C(1000)) /* it may be 24 h */
#define SECRET_TRIES 4

static const char *const channels_served[] = {"web_push", NULL};

static const struct field config_fields[] = {
    {.name = "public_key",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .min = 1,
     .max = 128,
     .doc = "The public key that pages subscribe with (applicationServerKey), "
            "base64url."},
    {.name = "private_key",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_SECRET,
     .min = 1,
     .max = 128,
     .doc = "The private key of that pair, 32 bytes in base64url, as "
            "`web-push generate-vapid-keys` prints it."},
    {.name = "subject",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .min = 1,
     .max = 256,
     .doc = "Whom push services turn to: mailto: and an address, or https:."},
    CHANNEL_BASE_URL_ROW,
    {.type = FIELD_END},
};

/* ---- configuration ---- */

/* STR_NONE: it is no base64. */
static struct str
decoded(struct arena *a, struct json object, const char *name)
{
    struct buf raw;

    buf_init(&raw, a);
    return buf_get_base64(&raw, json_str_of(a, object, name)) ? buf_str(&raw)
                                                              : STR_NONE;
}

static bool
is_pair(struct arena *a, struct json config)
{
    struct str private = decoded(a, config, "private_key");
    uint8_t point[P256_POINT];

    return private.n == P256_SECRET &&
           p256_public((const uint8_t *)private.p, point) &&
           str_eq(decoded(a, config, "public_key"),
                  (struct str){(const char *)point, sizeof(point)});
}

static void
check(struct json config, struct problem *p)
{
    struct str subject = json_str_of(p->arena, config, "subject");

    if (!p256_is_point(decoded(p->arena, config, "public_key")))
        problem_add(p, ERR_INVALID, STR("/public_key"),
                    "must be a point of P-256: 65 bytes in base64url");
    /* As it is shown, it stands for the one that is stored. */
    else if (!str_is(json_str_of(p->arena, config, "private_key"), "***") &&
             !is_pair(p->arena, config))
        problem_add(p, ERR_INVALID, STR("/private_key"),
                    "must be the 32 bytes in base64url that belong to "
                    "public_key");
    if (!str_starts(subject, STR("mailto:")) &&
        !str_starts(subject, STR("https:")))
        problem_add(p, ERR_INVALID, STR("/subject"),
                    "must begin with mailto: or https:");
    channel_check_base_url(config, p);
}

/* Else whichever the browser says. */
static struct str
host(struct arena *a, struct json config)
{
    return url_host(json_str_of(a, config, "base_url"));
}

/* ---- who calls: VAPID ---- */

/* SEC 1, which says the curve and both keys. */
static struct str
pem_of(struct arena *a, struct json config)
{
    static const char begin[] = "\x30\x77\x02\x01\x01\x04\x20";
    static const char between[] = "\xa0\x0a\x06\x08\x2a\x86\x48\xce\x3d\x03"
                                  "\x01\x07\xa1\x44\x03\x42\x00";
    struct buf der, pem;

    buf_init(&der, a);
    buf_put(&der, begin, sizeof(begin) - 1);
    buf_put_str(&der, decoded(a, config, "private_key"));
    buf_put(&der, between, sizeof(between) - 1);
    buf_put_str(&der, decoded(a, config, "public_key"));
    buf_init(&pem, a);
    buf_put_cstr(&pem, "-----BEGIN EC PRIVATE KEY-----\n");
    for (struct str left = buf_str(&der); left.n > 0;
         left = str_sub(left, 48, left.n)) {
        buf_put_base64(&pem, str_sub(left, 0, 48));
        buf_put_char(&pem, '\n');
    }
    buf_put_cstr(&pem, "-----END EC PRIVATE KEY-----\n");
    return buf_str(&pem);
}

/* Its scheme, host and port; the path after them. */
static struct str
origin_of(struct str url, struct str *ret_path)
{
    size_t at = 0;

    for (int slashes = 0; at < url.n; at++)
        if (url.p[at] == '/' && ++slashes == 3)
            break;
    *ret_path = str_sub(url, at, url.n);
    return str_sub(url, 0, at);
}

static struct str
token_for(struct channel_call *c, struct str origin)
{
    struct json_writer w;
    struct buf claims;

    buf_init(&claims, c->arena);
    w = json_writer(&claims);
    json_begin_object(&w);
    json_str_field(&w, "aud", origin);
    json_int_field(&w, "exp", (c->now_ms + TOKEN_MS) / 1000);
    json_str_field(&w, "sub", json_str_of(c->arena, c->config, "subject"));
    json_end_object(&w);
    return sign_jwt(c->arena, SIGN_ES256, pem_of(c->arena, c->config),
                    STR("{\"typ\":\"JWT\",\"alg\":\"ES256\"}"),
                    buf_str(&claims));
}

/* ---- the call ---- */

static void
write_payload(struct channel_call *c, const struct channel_message *m,
              struct buf *out)
{
    struct json_writer w = json_writer(out);

    (void)c;
    json_begin_object(&w);
    json_str_field(&w, "title", m->title);
    json_str_field(&w, "body", m->body);
    push_put_data(&w, m, false);
    json_end_object(&w);
}

static struct json
subscription_of(struct channel_call *c)
{
    struct json_doc *doc = ARENA_NEW(c->arena, struct json_doc);
    struct json_error why;

    if (json_parse(c->arena, c->messages[0].address, doc, &why) != ERR_OK)
        return (struct json){0};
    return json_root(doc);
}

static struct str
sealed(struct channel_call *c, struct json keys, struct str text)
{
    struct aes128gcm k = {.receiver = decoded(c->arena, keys, "p256dh"),
                          .auth = decoded(c->arena, keys, "auth")};
    struct str body = STR_NONE;

    c->secret(k.salt, sizeof(k.salt));
    /* One in 2^32 random numbers is no scalar of the curve. */
    for (int i = 0; i < SECRET_TRIES && body.n == 0; i++) {
        c->secret(k.secret, sizeof(k.secret));
        body = aes128gcm_seal(c->arena, &k, text);
    }
    return body;
}

static const char *
urgency_of(struct str priority)
{
    if (str_is(priority, "critical") || str_is(priority, "high"))
        return "high";
    return str_is(priority, "low") ? "low" : "normal";
}

static void
request(struct channel_call *c, struct str endpoint, struct str body)
{
    struct str path, origin = origin_of(endpoint, &path);
    struct str base = json_str_of(c->arena, c->config, "base_url");
    struct str url =
        base.n > 0 ? channel_url(c->arena, c->config, "", path) : endpoint;

    channel_post(c, url, "application/octet-stream", body);
    channel_add_header(c, "Content-Encoding", STR("aes128gcm"));
    channel_add_header(
        c, "TTL",
        str_fmt(c->arena, "%lld", (long long)(push_ttl_ms(c) / 1000)));
    channel_add_header(c, "Urgency",
                       str_from(urgency_of(c->messages[0].priority)));
    /* What is tried again takes the place of what is still on its way. */
    channel_add_header(c, "Topic", c->messages[0].delivery_id);
    channel_add_header(
        c, "Authorization",
        str_fmt(c->arena, "vapid t=%.*s, k=%.*s", STR_ARG(token_for(c, origin)),
                STR_ARG(json_str_of(c->arena, c->config, "public_key"))));
}

static void
ask(struct channel_call *c)
{
    struct json subscription = subscription_of(c);
    struct str endpoint = json_str_of(c->arena, subscription, "endpoint");
    struct str text, body;

    if (url_fault(endpoint)) {
        channel_refuse(c, "the address is no subscription with an endpoint");
        return;
    }
    if (!push_fit(c, AES128GCM_TEXT_MAX, write_payload, &text))
        return;
    body = sealed(c, json_get(subscription, "keys"), text);
    if (body.n > 0)
        request(c, endpoint, body);
    else
        channel_refuse(c, "the subscription's keys are no keys");
}

/* ---- the answer ---- */

/* Of one subscription that was made with another key, Firebase says so; that
 * says nothing of the others. */
static bool
is_of_another_key(const struct channel_call *c)
{
    static const char words[] = "do not correspond to the credentials used";
    struct str body = c->answer->body;

    return c->answer->status == 403 && body.n > 0 &&
           memmem(body.p, body.n, words, sizeof(words) - 1) != NULL;
}

static struct channel_verdict
judge(struct channel_call *c)
{
    struct channel_verdict v = channel_judge_http(c, config_fields);

    if (v.verdict == VERDICT_SENT)
        v.provider_message_id = channel_answer_header(c->answer, "Location");
    else if (v.status == 404 || is_of_another_key(c))
        v.verdict = VERDICT_GONE;
    else if (v.status == 413)
        v.reason = reason_code(REASON_SIZE_TOO_LARGE);
    return v;
}

/* Anybody may say that his browser's push service is a server of his own, or
 * register a subscription of another application's, which is refused. */
static void
judge_endpoint(struct channel_call *c)
{
    static const char *const services[] = {
        "fcm.googleapis.com", "push.services.mozilla.com", "push.apple.com",
        "notify.windows.com", NULL};
    static const char *const none[] = {NULL};
    bool is_refused = c->verdicts[0].verdict == VERDICT_CREDENTIALS;

    channel_judge_others(c,
                         json_str_of(c->arena, subscription_of(c), "endpoint"),
                         is_refused ? none : services);
}

static void
step(struct channel_call *c)
{
    channel_step(c, config_fields, ask, judge);
    if (c->is_done)
        judge_endpoint(c);
}

const struct channel_driver channel_web_push = {
    .name = "web_push",
    .channels = channels_served,
    .config = config_fields,
    .device = DEVICE_WEB_PUSH,
    .batch_max = 1,
    .calls_world = true,
    .has_target = channel_has_no_target,
    .check = check,
    .host = host,
    .step = step,
    .probe_doc = "nobody, as each browser has a service of its own; "
                 "with `base_url` a connection to that.",
};
