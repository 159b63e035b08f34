/* pushover.c - a message to a user or group of Pushover. */
#include "base/arena.h"
#include "channel/http.h"

#define HOME "https://api.pushover.net"
#define PATH "/1/messages.json"
#define TITLE_MAX 250
#define MESSAGE_MAX 1024
#define URL_MAX_CHARS 512
#define URL_TITLE_MAX 100
/* An emergency sounds each minute for an hour, until somebody takes it. */
#define RETRY_SECONDS 60
#define EXPIRE_SECONDS 3600
#define PAUSE_MS 5000 /* at least, after it failed */

static const char *const channels_served[] = {"pushover", NULL};

static const struct field config_fields[] = {
    {.name = "token",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_SECRET,
     .min = 1,
     .max = 64,
     .doc = "The application's API token."},
    {.name = "user",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_SECRET,
     .min = 1,
     .max = 64,
     .doc = "The key of the user or group that gets the messages."},
    {.name = "device",
     .type = FIELD_STRING,
     .min = 1,
     .max = 25,
     .doc = "One device of the user's in place of all."},
    {.name = "sound",
     .type = FIELD_STRING,
     .min = 1,
     .max = 20,
     .doc = "The name of a sound in place of the user's own choice."},
    {.name = "retry",
     .type = FIELD_INT,
     .min = 30,
     .max = 10800,
     .doc = "Seconds between the alarms of a critical message. Default 60."},
    {.name = "expire",
     .type = FIELD_INT,
     .min = 30,
     .max = 10800,
     .doc = "Seconds after which a critical message stops to alarm. Default "
            "3600."},
    CHANNEL_BASE_URL_ROW,
    {.type = FIELD_END},
};

/* ---- configuration ---- */

static bool
has_target(struct json config)
{
    (void)config;
    return true;
}

static struct str
host(struct arena *a, struct json config)
{
    return channel_url_host(a, config, HOME);
}

/* ---- the call ---- */

static void
put_int(struct buf *form, struct arena *a, const char *name, int64_t v)
{
    channel_put_form(form, name, str_fmt(a, "%lld", (long long)v));
}

static void
put_setting(struct buf *form, struct arena *a, struct json config,
            const char *name)
{
    struct str v = json_str_of(a, config, name);

    if (v.n > 0)
        channel_put_form(form, name, v);
}

static int64_t
seconds_of(struct json config, const char *name, int64_t otherwise)
{
    int64_t v;

    return json_int(json_get(config, name), &v) ? v : otherwise;
}

static void
put_priority(struct buf *form, const struct channel_call *c)
{
    struct str name = c->messages[0].priority;

    if (str_is(name, "critical")) {
        put_int(form, c->arena, "priority", 2);
        put_int(form, c->arena, "retry",
                seconds_of(c->config, "retry", RETRY_SECONDS));
        put_int(form, c->arena, "expire",
                seconds_of(c->config, "expire", EXPIRE_SECONDS));
    } else if (str_is(name, "high")) {
        put_int(form, c->arena, "priority", 1);
    } else {
        put_int(form, c->arena, "priority", str_is(name, "low") ? -1 : 0);
    }
}

/* It shows one link. */
static void
put_link(struct buf *form, struct arena *a, const struct channel_message *m)
{
    struct channel_action row[CHANNEL_ACTIONS_MAX];
    size_t n = channel_actions(a, m, row);

    for (size_t i = 0; i < n; i++) {
        if (!channel_is_link(row[i].url) || row[i].url.n > URL_MAX_CHARS)
            continue;
        channel_put_form(form, "url", row[i].url);
        channel_put_form(form, "url_title",
                         channel_clip(a, row[i].label, URL_TITLE_MAX));
        return;
    }
}

static void
ask(struct channel_call *c)
{
    const struct channel_message *m = &c->messages[0];
    bool has_body = m->body.n > 0;
    struct buf form;

    if (m->title.n == 0 && !has_body) {
        channel_refuse(c, "there is no text");
        return;
    }
    buf_init(&form, c->arena);
    put_setting(&form, c->arena, c->config, "token");
    put_setting(&form, c->arena, c->config, "user");
    if (m->title.n > 0 && has_body)
        channel_put_form(&form, "title",
                         channel_clip(c->arena, m->title, TITLE_MAX));
    channel_put_form(
        &form, "message",
        channel_clip(c->arena, has_body ? m->body : m->title, MESSAGE_MAX));
    put_priority(&form, c);
    put_link(&form, c->arena, m);
    put_setting(&form, c->arena, c->config, "device");
    put_setting(&form, c->arena, c->config, "sound");
    put_int(&form, c->arena, "timestamp", m->created_ms / 1000);
    channel_post(c, channel_url(c->arena, c->config, HOME, STR(PATH)),
                 CHANNEL_FORM, buf_str(&form));
}

/* ---- the answer ---- */

/* The month's messages are used up; the header says when the next one is. */
static int64_t
until_reset_ms(const struct channel_call *c)
{
    uint64_t at;

    if (!str_to_u64(channel_answer_header(c->answer, "X-Limit-App-Reset"), &at))
        return channel_retry_after_ms(c);
    return channel_wait_ms((double)at - (double)c->now_ms / 1000);
}

static bool
names_as_invalid(struct channel_call *c, struct json answer, const char *name)
{
    return str_is(json_str_of(c->arena, answer, name), "invalid");
}

static struct channel_verdict
judge(struct channel_call *c)
{
    struct channel_verdict v = channel_judge_http(c, config_fields);
    struct json answer = channel_answer_json(c);

    if (v.verdict == VERDICT_SENT)
        v.provider_message_id = json_str_of(c->arena, answer, "request");
    else if (v.status == 429)
        v.retry_after_ms = until_reset_ms(c);
    else if (v.verdict == VERDICT_REJECTED &&
             (names_as_invalid(c, answer, "token") ||
              names_as_invalid(c, answer, "user") ||
              names_as_invalid(c, answer, "device")))
        v.verdict = VERDICT_CREDENTIALS; /* all are of the configuration */
    return v;
}

static void
step(struct channel_call *c)
{
    channel_step(c, config_fields, ask, judge);
    if (c->is_done && c->verdicts[0].verdict == VERDICT_RETRY)
        c->verdicts[0].retry_after_ms = PAUSE_MS;
}

const struct channel_driver channel_pushover = {
    .name = "pushover",
    .channels = channels_served,
    .config = config_fields,
    .batch_max = 1,
    .calls_world = true,
    .has_target = has_target,
    .check = channel_check_base_url,
    .host = host,
    .step = step,
};
