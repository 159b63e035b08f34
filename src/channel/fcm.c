/* fcm.c - a message to an app by Firebase Cloud Messaging, HTTP v1, as a
 * service account (OAuth 2.0, RFC 7523).
 *
 *   ask for a token --> send                 the token is kept, and not used in
 *      kept one -------> send --401--> ask   its last five minutes
 */
#include "base/arena.h"
#include "base/sign.h"
#include "channel/http.h"
#include "channel/push.h"

#define HOME "https://fcm.googleapis.com"
#define TOKEN_HOME "https://oauth2.googleapis.com"
#define TOKEN_PATH "/token"
#define SCOPE "https://www.googleapis.com/auth/firebase.messaging"
#define GRANT "urn:ietf:params:oauth:grant-type:jwt-bearer"
#define ASSERTION_S 3600
#define EARLY_S 300
#define MESSAGE_MAX 4096 /* bytes */
#define QUOTA_MS 60000   /* where it names no time */

/* What a step asked for. */
enum stage { STAGE_NONE, STAGE_TOKEN, STAGE_SEND_KEPT, STAGE_SEND_NEW };

static const char *const channels_served[] = {"mobile_push", NULL};

static const struct field config_fields[] = {
    {.name = "project_id",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .min = 1,
     .max = 128,
     .doc = "As in the service account's file."},
    {.name = "client_email",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .min = 3,
     .max = 320,
     .doc = "The same."},
    {.name = "private_key",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_SECRET,
     .min = 1,
     .max = 8192,
     .doc = "The same: an RSA key in PEM."},
    {.name = "private_key_id",
     .type = FIELD_STRING,
     .min = 1,
     .max = 128,
     .doc = "The same; it lets Google find the key sooner."},
    CHANNEL_BASE_URL_ROW,
    {.type = FIELD_END},
};

/* ---- configuration ---- */

static bool
is_project(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
            !(c >= 'A' && c <= 'Z') && c != '-' && c != ':' && c != '.')
            return false;
    }
    return s.n > 0;
}

static void
check(struct json config, struct problem *p)
{
    struct str key = json_str_of(p->arena, config, "private_key");
    const char *fault = NULL;

    if (!is_project(json_str_of(p->arena, config, "project_id")))
        problem_add(p, ERR_INVALID, STR("/project_id"),
                    "must be a project's id: letters, digits, - . and :");
    if (!str_is(key, "***")) /* as it is shown: the one that is stored */
        fault = sign_key_fault(key, SIGN_RS256);
    if (fault)
        problem_add(p, ERR_INVALID, STR("/private_key"), "%s", fault);
    channel_check_base_url(config, p);
}

static struct str
host(struct arena *a, struct json config)
{
    return channel_url_host(a, config, HOME);
}

/* ---- the token ---- */

static struct str
assertion_of(struct channel_call *c)
{
    struct str id = json_str_of(c->arena, c->config, "private_key_id");
    int64_t now_s = c->now_ms / 1000;
    struct buf header, claims;
    struct json_writer w;

    buf_init(&header, c->arena);
    w = json_writer(&header);
    json_begin_object(&w);
    json_str_field(&w, "alg", STR("RS256"));
    json_str_field(&w, "typ", STR("JWT"));
    if (id.n > 0)
        json_str_field(&w, "kid", id);
    json_end_object(&w);
    buf_init(&claims, c->arena);
    w = json_writer(&claims);
    json_begin_object(&w);
    json_str_field(&w, "iss", json_str_of(c->arena, c->config, "client_email"));
    json_str_field(&w, "scope", STR(SCOPE));
    json_str_field(&w, "aud", STR(TOKEN_HOME TOKEN_PATH));
    json_int_field(&w, "iat", now_s);
    json_int_field(&w, "exp", now_s + ASSERTION_S);
    json_end_object(&w);
    return sign_jwt(c->arena, SIGN_RS256,
                    json_str_of(c->arena, c->config, "private_key"),
                    buf_str(&header), buf_str(&claims));
}

static void
ask_token(struct channel_call *c)
{
    struct buf form;

    buf_init(&form, c->arena);
    channel_put_form(&form, "grant_type", STR(GRANT));
    channel_put_form(&form, "assertion", assertion_of(c));
    c->memo = (struct channel_memo){0};
    c->stage = STAGE_TOKEN;
    channel_post(c,
                 channel_url(c->arena, c->config, TOKEN_HOME, STR(TOKEN_PATH)),
                 CHANNEL_FORM, buf_str(&form));
}

static bool
keep_token(struct channel_call *c)
{
    struct json answer = channel_answer_json(c);
    struct str token = json_str_of(c->arena, answer, "access_token");
    int64_t lasts_s;

    if (token.n == 0 || token.n > CHANNEL_MEMO_MAX ||
        !json_int(json_get(answer, "expires_in"), &lasts_s))
        return false;
    if (lasts_s > ASSERTION_S)
        lasts_s = ASSERTION_S;
    else if (lasts_s < 0)
        lasts_s = 0;
    c->memo.text = token;
    c->memo.expires_ms = c->now_ms + (lasts_s - EARLY_S) * 1000;
    return true;
}

/* Nothing was sent, whatever became of it. */
static struct channel_verdict
judge_token(struct channel_call *c)
{
    static const char *const passing[] = {"internal_failure", "server_error",
                                          "temporarily_unavailable"};
    struct channel_verdict v = channel_judge_http(c, config_fields);
    struct str error = json_str_of(c->arena, channel_answer_json(c), "error");

    if (v.verdict == VERDICT_SENT) { /* and not to be read */
        v.verdict = VERDICT_RETRY;
        v.detail = str_from("the token service's answer has no token");
    } else if (v.verdict == VERDICT_REJECTED || v.verdict == VERDICT_GONE) {
        v.verdict = VERDICT_CREDENTIALS;
    }
    for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
        if (str_is(error, passing[i]))
            v.verdict = VERDICT_RETRY;
    return v;
}

/* ---- the message ---- */

static void
put_android(struct channel_call *c, struct json_writer *w,
            const struct channel_message *m)
{
    bool is_high =
        str_is(m->priority, "critical") || str_is(m->priority, "high");

    json_put_key(w, "android");
    json_begin_object(w);
    json_str_field(w, "priority", is_high ? STR("HIGH") : STR("NORMAL"));
    json_str_field(
        w, "ttl",
        str_fmt(c->arena, "%llds", (long long)(push_ttl_ms(c) / 1000)));
    /* What is tried again takes the place of what is shown. A collapse_key of
     * its own would be one of four that a device may have. */
    json_put_key(w, "notification");
    json_begin_object(w);
    json_str_field(w, "tag", m->delivery_id);
    json_end_object(w);
    json_end_object(w);
}

static void
put_apns(struct channel_call *c, struct json_writer *w,
         const struct channel_message *m)
{
    int64_t until_s = (c->now_ms + push_ttl_ms(c)) / 1000;

    json_put_key(w, "apns");
    json_begin_object(w);
    json_put_key(w, "headers");
    json_begin_object(w);
    json_str_field(w, "apns-collapse-id", m->delivery_id);
    json_str_field(w, "apns-expiration",
                   str_fmt(c->arena, "%lld", (long long)until_s));
    json_str_field(w, "apns-priority",
                   str_is(m->priority, "low") ? STR("5") : STR("10"));
    json_end_object(w);
    json_end_object(w);
}

static void
write_message(struct channel_call *c, const struct channel_message *m,
              struct buf *out)
{
    struct json_writer w = json_writer(out);

    json_begin_object(&w);
    json_put_key(&w, "message");
    json_begin_object(&w);
    json_str_field(&w, "token", m->address);
    json_put_key(&w, "notification");
    json_begin_object(&w);
    json_str_field(&w, "title", m->title);
    json_str_field(&w, "body", m->body);
    json_end_object(&w);
    json_put_key(&w, "data");
    json_begin_object(&w);
    push_put_data(&w, m, true);
    json_end_object(&w);
    put_android(c, &w, m);
    put_apns(c, &w, m);
    json_end_object(&w);
    json_end_object(&w);
}

static void
ask_send(struct channel_call *c, enum stage stage)
{
    struct str project = json_str_of(c->arena, c->config, "project_id");
    struct str path =
        str_fmt(c->arena, "/v1/projects/%.*s/messages:send", STR_ARG(project));
    struct str body;

    if (!push_fit(c, MESSAGE_MAX, write_message, &body))
        return;
    c->stage = (int)stage;
    channel_post(c, channel_url(c->arena, c->config, HOME, path), CHANNEL_JSON,
                 body);
    channel_add_bearer(c, c->memo.text);
}

/* ---- the answer ---- */

/* The closest word of it: that of FCM itself, else the general one. */
static struct str
code_of(struct channel_call *c, struct json error)
{
    struct json details = json_get(error, "details");
    struct str code;

    for (struct json d = json_first(details); !json_is(d, JSON_ABSENT);
         d = json_next(details, d)) {
        code = json_str_of(c->arena, d, "errorCode");
        if (code.n > 0)
            return code;
    }
    return json_str_of(c->arena, error, "status");
}

static bool
names_the_token(struct channel_call *c, struct json error)
{
    static const char words[] = "not a valid FCM registration token";
    struct str text = json_str_of(c->arena, error, "message");

    return text.n > 0 &&
           memmem(text.p, text.n, words, sizeof(words) - 1) != NULL;
}

static struct channel_verdict
judge_send(struct channel_call *c)
{
    struct channel_verdict v = channel_judge_http(c, config_fields);
    struct json answer = channel_answer_json(c);
    struct json error = json_get(answer, "error");
    struct str code = code_of(c, error);

    if (v.verdict == VERDICT_SENT)
        v.provider_message_id = json_str_of(c->arena, answer, "name");
    else if (str_is(code, "UNREGISTERED") ||
             str_is(code, "SENDER_ID_MISMATCH") || names_the_token(c, error))
        v.verdict = VERDICT_GONE;
    else if (v.verdict == VERDICT_RATE && v.retry_after_ms == 0)
        v.retry_after_ms = QUOTA_MS;
    else if (v.verdict == VERDICT_GONE)
        v.verdict = VERDICT_REJECTED; /* it has no such answer of a token */
    return v;
}

/* The token may have been taken back before its time. A certificate of Apple's
 * that is refused has the same status, and no new token helps. */
static bool
is_token_refused(struct channel_call *c)
{
    struct json error = json_get(channel_answer_json(c), "error");

    return c->answer->status == 401 &&
           !str_is(code_of(c, error), "THIRD_PARTY_AUTH_ERROR");
}

static void
conclude(struct channel_call *c, struct channel_verdict v)
{
    channel_conclude(c, &v);
}

static void
answered(struct channel_call *c)
{
    if (c->stage == STAGE_TOKEN && channel_answer_is_ok(c) && keep_token(c))
        ask_send(c, STAGE_SEND_NEW);
    else if (c->stage == STAGE_TOKEN)
        conclude(c, judge_token(c));
    else if (c->stage == STAGE_SEND_KEPT && is_token_refused(c))
        ask_token(c);
    else
        conclude(c, judge_send(c));
}

static void
unanswered(struct channel_call *c)
{
    struct channel_verdict v = channel_unanswered(c, config_fields);

    if (c->stage == STAGE_TOKEN && v.verdict == VERDICT_UNKNOWN)
        v.verdict = VERDICT_RETRY;
    channel_conclude(c, &v);
}

static void
step(struct channel_call *c)
{
    if (c->answer && c->answer->outcome != CHANNEL_ANSWERED)
        unanswered(c);
    else if (c->answer)
        answered(c);
    else if (c->memo.text.n > 0)
        ask_send(c, STAGE_SEND_KEPT);
    else
        ask_token(c);
}

const struct channel_driver channel_fcm = {
    .name = "fcm",
    .channels = channels_served,
    .config = config_fields,
    .device = DEVICE_FCM,
    .batch_max = 1,
    .calls_world = true,
    .has_target = channel_has_no_target,
    .check = check,
    .host = host,
    .step = step,
};
