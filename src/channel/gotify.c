/* gotify.c - a message to an application of a Gotify server. */
#include "base/arena.h"
#include "channel/http.h"

static const char *const channels_served[] = {"gotify", NULL};

static const struct field config_fields[] = {
    {.name = "token",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_SECRET,
     .min = 1,
     .max = 256,
     .doc = "The token of the application that the messages are put to."},
    {.name = "base_url",
     .type = FIELD_URL,
     .flags = FIELD_REQUIRED,
     .max = 2048,
     .doc = "The server; Gotify has none for everybody."},
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
    return channel_url_host(a, config, "");
}

/* ---- the call ---- */

/* Its clients make a noise from 4 on, and show 8 to 10 above all. */
static int
priority_of(struct str name)
{
    if (str_is(name, "critical"))
        return 10;
    if (str_is(name, "high"))
        return 8;
    return str_is(name, "low") ? 2 : 5;
}

/* It has no buttons: a touch opens the first link. */
static void
put_click(struct json_writer *w, struct arena *a,
          const struct channel_message *m)
{
    struct channel_action row[CHANNEL_ACTIONS_MAX];
    size_t n = channel_actions(a, m, row), i = 0;

    while (i < n && !channel_is_link(row[i].url))
        i++;
    if (i == n)
        return;
    json_put_key(w, "extras");
    json_begin_object(w);
    json_put_key(w, "client::notification");
    json_begin_object(w);
    json_put_key(w, "click");
    json_begin_object(w);
    json_str_field(w, "url", row[i].url);
    json_end_object(w);
    json_end_object(w);
    json_end_object(w);
}

static void
ask(struct channel_call *c)
{
    const struct channel_message *m = &c->messages[0];
    bool has_body = m->body.n > 0;
    struct json_writer w;
    struct buf body;

    if (m->title.n == 0 && !has_body) {
        channel_refuse(c, "there is no text");
        return;
    }
    buf_init(&body, c->arena);
    w = json_writer(&body);
    json_begin_object(&w);
    if (m->title.n > 0 && has_body)
        json_str_field(&w, "title", m->title);
    json_str_field(&w, "message", has_body ? m->body : m->title);
    json_int_field(&w, "priority", priority_of(m->priority));
    put_click(&w, c->arena, m);
    json_end_object(&w);
    channel_post(c, channel_url(c->arena, c->config, "", STR("/message")),
                 CHANNEL_JSON, buf_str(&body));
    channel_add_header(c, "X-Gotify-Key",
                       json_str_of(c->arena, c->config, "token"));
}

/* ---- the answer ---- */

static struct channel_verdict
judge(struct channel_call *c)
{
    struct channel_verdict v = channel_judge_http(c, config_fields);
    struct json id = json_get(channel_answer_json(c), "id");

    if (v.verdict == VERDICT_SENT && json_is(id, JSON_NUMBER))
        v.provider_message_id = json_raw(id);
    else if (v.verdict == VERDICT_GONE) /* it knows no addressees */
        v.verdict = VERDICT_REJECTED;
    return v;
}

static void
step(struct channel_call *c)
{
    channel_step(c, config_fields, ask, judge);
}

static void
probe(struct channel_call *c)
{
    channel_get(c, channel_url(c->arena, c->config, "", STR("/health")));
}

const struct channel_driver channel_gotify = {
    .name = "gotify",
    .channels = channels_served,
    .config = config_fields,
    .batch_max = 1,
    .calls_world = true,
    .has_target = has_target,
    .check = channel_check_base_url,
    .host = host,
    .step = step,
    .probe = probe,
    .probe_doc = "`/health`, without the token.",
};
