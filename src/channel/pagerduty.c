/* pagerduty.c - an event that triggers an alert (Events API v2). The
 * notification's id is the key that PagerDuty tells repetitions by: however
 * often it is sent, it is one alert. */
#include "base/arena.h"
#include "channel/http.h"

#define HOME "https://events.pagerduty.com"
#define PATH "/v2/enqueue"
#define SUMMARY_MAX 1024
#define BODY_MAX (64 * 1024)
#define EVENT_MAX 512000 /* bytes */
#define PAUSE_MS 60000   /* after which its limits begin anew */

static const char *const channels_served[] = {"pagerduty", NULL};

static const struct field config_fields[] = {
    {.name = "routing_key",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_SECRET,
     .min = 1,
     .max = 64,
     .doc = "The integration key of a service or of an event orchestration, "
            "32 characters."},
    {.name = "source",
     .type = FIELD_STRING,
     .min = 1,
     .max = 255,
     .doc = "What the alerts name as the system concerned. Default belfry."},
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

static const char *
severity_of(struct str priority)
{
    if (str_is(priority, "critical"))
        return "critical";
    if (str_is(priority, "high"))
        return "error";
    return str_is(priority, "low") ? "info" : "warning";
}

static void
put_details(struct json_writer *w, struct arena *a,
            const struct channel_message *m)
{
    json_put_key(w, "custom_details");
    json_begin_object(w);
    json_str_field(w, "body", channel_clip(a, m->body, BODY_MAX));
    json_str_or_null_field(w, "user", m->user);
    json_str_or_null_field(w, "category", m->category);
    json_str_field(w, "notification_id", m->notification_id);
    json_str_field(w, "delivery_id", m->delivery_id);
    /* Data too large for an event is left out rather than cut. */
    if (m->data.n > 0 && w->out->n + m->data.n < EVENT_MAX - BODY_MAX)
        json_raw_field(w, "data", m->data);
    json_end_object(w);
}

static void
put_payload(struct json_writer *w, struct channel_call *c)
{
    const struct channel_message *m = &c->messages[0];
    struct str source = json_str_of(c->arena, c->config, "source");

    json_put_key(w, "payload");
    json_begin_object(w);
    json_str_field(w, "summary",
                   channel_clip(c->arena, m->title.n > 0 ? m->title : m->body,
                                SUMMARY_MAX));
    json_str_field(w, "source", source.n > 0 ? source : STR("belfry"));
    json_str_field(w, "severity", str_from(severity_of(m->priority)));
    json_time_field(w, "timestamp", m->created_ms);
    put_details(w, c->arena, m);
    json_end_object(w);
}

static void
put_links(struct json_writer *w, struct arena *a,
          const struct channel_message *m)
{
    struct channel_action row[CHANNEL_ACTIONS_MAX];
    size_t n = channel_actions(a, m, row);

    json_put_key(w, "links");
    json_begin_array(w);
    for (size_t i = 0; i < n; i++) {
        if (!channel_is_link(row[i].url))
            continue;
        json_begin_object(w);
        json_str_field(w, "href", row[i].url);
        json_str_field(w, "text", row[i].label);
        json_end_object(w);
    }
    json_end_array(w);
}

static void
ask(struct channel_call *c)
{
    const struct channel_message *m = &c->messages[0];
    struct json_writer w;
    struct buf body;

    if (m->title.n == 0 && m->body.n == 0) {
        channel_refuse(c, "there is no text");
        return;
    }
    buf_init(&body, c->arena);
    w = json_writer(&body);
    json_begin_object(&w);
    json_str_field(&w, "routing_key",
                   json_str_of(c->arena, c->config, "routing_key"));
    json_str_field(&w, "event_action", STR("trigger"));
    json_str_field(&w, "dedup_key", m->notification_id);
    put_links(&w, c->arena, m);
    put_payload(&w, c);
    json_end_object(&w);
    channel_post(c, channel_url(c->arena, c->config, HOME, STR(PATH)),
                 CHANNEL_JSON, buf_str(&body));
}

/* ---- the answer ---- */

/* Its words for what is wrong stand in a list; its status is not to be relied
 * on. */
static bool
is_of_routing_key(struct channel_call *c)
{
    struct str body = c->answer->body;

    return body.n > 0 && memmem(body.p, body.n, "routing_key", 11) != NULL;
}

static struct channel_verdict
judge(struct channel_call *c)
{
    struct channel_verdict v = channel_judge_http(c, config_fields);

    if (v.verdict == VERDICT_SENT)
        v.provider_message_id =
            json_str_of(c->arena, channel_answer_json(c), "dedup_key");
    else if (v.status == 429 && v.retry_after_ms == 0)
        v.retry_after_ms = PAUSE_MS;
    else if ((v.status == 400 && is_of_routing_key(c)) || v.status == 404 ||
             v.status == 410)
        v.verdict = VERDICT_CREDENTIALS; /* no user's: of the configuration */
    return v;
}

static void
step(struct channel_call *c)
{
    channel_step(c, config_fields, ask, judge);
}

const struct channel_driver channel_pagerduty = {
    .name = "pagerduty",
    .channels = channels_served,
    .config = config_fields,
    .batch_max = 1,
    .calls_world = true,
    .has_target = has_target,
    .check = channel_check_base_url,
    .host = host,
    .step = step,
};
