/* apns.c - a message to an app by Apple's push service, over HTTP/2, with a
 * token that is signed with the team's key.
 *
 * A token lasts an hour, and who makes a new one within twenty minutes is
 * refused for a while. So all calls, of all processes, sign for the same
 * instant: the begin of a slot of forty minutes; what was signed is kept until
 * its end. Only where that is refused as too old, one is signed for now. */
#include "base/arena.h"
#include "base/sign.h"
#include "channel/http.h"
#include "channel/push.h"

#define HOME "https://api.push.apple.com"
#define SANDBOX "https://api.sandbox.push.apple.com"
#define SLOT_MS (40 * 60 * INT64_C(1000))
#define UPDATES_MS (20 * 60 * INT64_C(1000)) /* after too many of them */
#define DEVICE_MS 60000                      /* after too much for one */
#define PAYLOAD_MAX 4096                     /* bytes */

enum stage { STAGE_NONE, STAGE_AGAIN };

static const char *const channels_served[] = {"mobile_push", NULL};
static const char *const environments[] = {"production", "sandbox", NULL};

static const struct field config_fields[] = {
    {.name = "key_id",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .min = 10,
     .max = 10,
     .doc = "The key's id, 10 characters, as in the name of its file."},
    {.name = "team_id",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .min = 10,
     .max = 10,
     .doc = "The team's id, 10 characters."},
    {.name = "private_key",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_SECRET,
     .min = 1,
     .max = 2048,
     .doc = "What the key's file (AuthKey_....p8) holds: PEM."},
    {.name = "topic",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .min = 1,
     .max = 255,
     .doc = "The app's bundle id."},
    {.name = "environment",
     .type = FIELD_ENUM,
     .values = environments,
     .doc = "`sandbox` for builds of developers; else `production`."},
    CHANNEL_BASE_URL_ROW,
    {.type = FIELD_END},
};

/* ---- configuration ---- */

static bool
is_id(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z'))
            return false;
    }
    return true;
}

/* As it stands in a header. */
static bool
is_topic(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= 0x20 || s.p[i] >= 0x7f)
            return false;
    return true;
}

static void
check(struct json config, struct problem *p)
{
    static const char *const ids[] = {"key_id", "team_id"};
    struct str key = json_str_of(p->arena, config, "private_key");
    const char *fault = NULL;

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        if (!is_id(json_str_of(p->arena, config, ids[i])))
            problem_add(p, ERR_INVALID, str_fmt(p->arena, "/%s", ids[i]),
                        "must be 10 capital letters and digits");
    if (!str_is(key, "***")) /* as it is shown: the one that is stored */
        fault = sign_key_fault(key, SIGN_ES256);
    if (fault)
        problem_add(p, ERR_INVALID, STR("/private_key"), "%s", fault);
    if (!is_topic(json_str_of(p->arena, config, "topic")))
        problem_add(p, ERR_INVALID, STR("/topic"), "must be a bundle id");
    channel_check_base_url(config, p);
}

static const char *
home_of(struct arena *a, struct json config)
{
    return str_is(json_str_of(a, config, "environment"), "sandbox") ? SANDBOX
                                                                    : HOME;
}

static struct str
host(struct arena *a, struct json config)
{
    return channel_url_host(a, config, home_of(a, config));
}

/* ---- the token ---- */

static void
sign_token(struct channel_call *c, int64_t at_ms)
{
    struct buf header, claims;
    struct json_writer w;

    buf_init(&header, c->arena);
    w = json_writer(&header);
    json_begin_object(&w);
    json_str_field(&w, "alg", STR("ES256"));
    json_str_field(&w, "kid", json_str_of(c->arena, c->config, "key_id"));
    json_end_object(&w);
    buf_init(&claims, c->arena);
    w = json_writer(&claims);
    json_begin_object(&w);
    json_str_field(&w, "iss", json_str_of(c->arena, c->config, "team_id"));
    json_int_field(&w, "iat", at_ms / 1000);
    json_end_object(&w);
    c->memo.text = sign_jwt(c->arena, SIGN_ES256,
                            json_str_of(c->arena, c->config, "private_key"),
                            buf_str(&header), buf_str(&claims));
    c->memo.expires_ms = at_ms + SLOT_MS;
}

/* ---- the call ---- */

static void
write_payload(struct channel_call *c, const struct channel_message *m,
              struct buf *out)
{
    struct json_writer w = json_writer(out);

    (void)c;
    json_begin_object(&w);
    json_put_key(&w, "aps");
    json_begin_object(&w);
    json_put_key(&w, "alert");
    json_begin_object(&w);
    json_str_field(&w, "title", m->title);
    json_str_field(&w, "body", m->body);
    json_end_object(&w);
    if (!str_is(m->priority, "low"))
        json_str_field(&w, "sound", STR("default"));
    json_end_object(&w);
    push_put_data(&w, m, false);
    json_end_object(&w);
}

static void
ask(struct channel_call *c)
{
    const struct channel_message *m = &c->messages[0];
    struct str path = str_fmt(c->arena, "/3/device/%.*s", STR_ARG(m->address));
    int64_t until_s = (c->now_ms + push_ttl_ms(c)) / 1000;
    struct str body;

    if (!push_fit(c, PAYLOAD_MAX, write_payload, &body))
        return;
    channel_post(
        c, channel_url(c->arena, c->config, home_of(c->arena, c->config), path),
        CHANNEL_JSON, body);
    channel_add_header(c, "authorization",
                       str_fmt(c->arena, "bearer %.*s", STR_ARG(c->memo.text)));
    channel_add_header(c, "apns-topic",
                       json_str_of(c->arena, c->config, "topic"));
    channel_add_header(c, "apns-push-type", STR("alert"));
    channel_add_header(c, "apns-priority",
                       str_is(m->priority, "low") ? STR("5") : STR("10"));
    channel_add_header(c, "apns-expiration",
                       str_fmt(c->arena, "%lld", (long long)until_s));
    /* What is tried again takes the place of what is shown. */
    channel_add_header(c, "apns-collapse-id", m->delivery_id);
}

/* ---- the answer ---- */

struct row {
    const char *reason;
    enum verdict verdict;
    int64_t retry_after_ms; /* where no header says so */
};

/* Where its word says more than the status. */
static const struct row rows[] = {
    {"BadDeviceToken", VERDICT_GONE, 0},
    {"DeviceTokenNotForTopic", VERDICT_GONE, 0},
    {"BadTopic", VERDICT_CREDENTIALS, 0},
    {"MissingTopic", VERDICT_CREDENTIALS, 0},
    {"TopicDisallowed", VERDICT_CREDENTIALS, 0},
    {"IdleTimeout", VERDICT_RETRY, 0},
    {"TooManyProviderTokenUpdates", VERDICT_RATE, UPDATES_MS},
    {"TooManyRequests", VERDICT_RATE, DEVICE_MS},
};

static void
judge_reason(struct str reason, struct channel_verdict *v)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (!str_is(reason, rows[i].reason))
            continue;
        v->verdict = rows[i].verdict;
        if (v->retry_after_ms == 0)
            v->retry_after_ms = rows[i].retry_after_ms;
    }
}

static struct channel_verdict
judge(struct channel_call *c)
{
    struct channel_verdict v = channel_judge_http(c, config_fields);
    struct json answer = channel_answer_json(c);

    if (v.verdict == VERDICT_SENT) {
        v.provider_message_id = channel_answer_header(c->answer, "apns-id");
        return v;
    }
    if (v.status == 413)
        v.reason = reason_code(REASON_SIZE_TOO_LARGE);
    judge_reason(json_str_of(c->arena, answer, "reason"), &v);
    if (v.verdict == VERDICT_GONE)
        (void)json_int(json_get(answer, "timestamp"), &v.gone_ms);
    return v;
}

static bool
is_too_old(struct channel_call *c)
{
    return c->stage == STAGE_NONE && c->answer->status == 403 &&
           str_is(json_str_of(c->arena, channel_answer_json(c), "reason"),
                  "ExpiredProviderToken");
}

static void
step(struct channel_call *c)
{
    if (c->answer && c->answer->outcome == CHANNEL_ANSWERED && is_too_old(c)) {
        c->stage = STAGE_AGAIN;
        sign_token(c, c->now_ms);
        ask(c);
        return;
    }
    if (!c->answer && c->memo.text.n == 0)
        sign_token(c, c->now_ms - c->now_ms % SLOT_MS);
    channel_step(c, config_fields, ask, judge);
}

const struct channel_driver channel_apns = {
    .name = "apns",
    .channels = channels_served,
    .config = config_fields,
    .device = DEVICE_APNS,
    .batch_max = 1,
    .calls_world = true,
    .has_target = channel_has_no_target,
    .check = check,
    .host = host,
    .step = step,
};
