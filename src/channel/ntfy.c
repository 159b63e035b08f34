/* ntfy.c - a message to a topic of an ntfy server, published as JSON. */
#include "base/arena.h"
#include "base/clock.h"
#include "channel/http.h"

#define HOME "https://ntfy.sh"
#define MESSAGE_MAX 4096 /* bytes; what is longer would be an attachment */
#define BURST_MS 5000    /* in which its bucket takes one more */

static const char *const channels_served[] = {"ntfy", NULL};

static const struct field config_fields[] = {
    {.name = "topic",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .min = 1,
     .max = 64,
     .doc = "The topic to publish to, of letters, digits, - and _."},
    {.name = "token",
     .type = FIELD_STRING,
     .flags = FIELD_SECRET,
     .min = 1,
     .max = 256,
     .doc = "An access token (tk_...), where the topic wants one."},
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

static void
check(struct json config, struct problem *p)
{
    if (!channel_is_word(json_str_of(p->arena, config, "topic")))
        problem_add(p, ERR_INVALID, STR("/topic"),
                    "must be of letters, digits, - and _");
    channel_check_base_url(config, p);
}

static struct str
host(struct arena *a, struct json config)
{
    return channel_url_host(a, config, HOME);
}

/* ---- the call ---- */

static int
priority_of(struct str name)
{
    if (str_is(name, "critical"))
        return 5;
    if (str_is(name, "high"))
        return 4;
    return str_is(name, "low") ? 2 : 3;
}

static void
put_actions(struct json_writer *w, struct arena *a,
            const struct channel_message *m)
{
    struct channel_action row[CHANNEL_ACTIONS_MAX];
    size_t n = channel_actions(a, m, row), n_put = 0;

    json_put_key(w, "actions");
    json_begin_array(w);
    for (size_t i = 0; i < n && n_put < 3; i++) { /* it takes three */
        if (!channel_is_link(row[i].url))
            continue;
        json_begin_object(w);
        json_str_field(w, "action", STR("view"));
        json_str_field(w, "label", row[i].label);
        json_str_field(w, "url", row[i].url);
        json_end_object(w);
        n_put++;
    }
    json_end_array(w);
}

static void
ask(struct channel_call *c)
{
    const struct channel_message *m = &c->messages[0];
    struct str token = json_str_of(c->arena, c->config, "token");
    struct json_writer w;
    struct buf body;

    buf_init(&body, c->arena);
    w = json_writer(&body);
    json_begin_object(&w);
    json_str_field(&w, "topic", json_str_of(c->arena, c->config, "topic"));
    if (m->title.n > 0)
        json_str_field(&w, "title", m->title);
    json_str_field(&w, "message",
                   channel_clip_bytes(c->arena, m->body, MESSAGE_MAX));
    json_int_field(&w, "priority", priority_of(m->priority));
    put_actions(&w, c->arena, m);
    json_end_object(&w);
    channel_post(c, channel_url(c->arena, c->config, HOME, STR("/")),
                 CHANNEL_JSON, buf_str(&body));
    if (token.n > 0)
        channel_add_bearer(c, token);
}

/* ---- the answer ---- */

/* Its own code says more than the status. */
static void
judge_code(struct channel_call *c, int64_t code, struct channel_verdict *v)
{
    switch (code) {
    case 42901: /* requests */
        if (v->retry_after_ms == 0)
            v->retry_after_ms = BURST_MS;
        break;
    case 42902: /* of the day: mails, bytes, messages */
    case 42905:
    case 42908:
        v->retry_after_ms = channel_until_midnight_ms(c->now_ms);
        break;
    case 42909: /* failed logins */
        v->verdict = VERDICT_CREDENTIALS;
        v->retry_after_ms = 0;
        break;
    case 50701: /* nobody listens to this push topic any more */
        v->verdict = VERDICT_GONE;
        break;
    default:
        break;
    }
}

static struct channel_verdict
judge(struct channel_call *c)
{
    struct channel_verdict v = channel_judge_http(c, config_fields);
    struct json answer = channel_answer_json(c);
    int64_t code;

    if (v.verdict == VERDICT_SENT)
        v.provider_message_id = json_str_of(c->arena, answer, "id");
    else if (json_int(json_get(answer, "code"), &code))
        judge_code(c, code, &v);
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
    channel_get(c, channel_url(c->arena, c->config, HOME, STR("/v1/health")));
}

const struct channel_driver channel_ntfy = {
    .name = "ntfy",
    .channels = channels_served,
    .config = config_fields,
    .batch_max = 1,
    .calls_world = true,
    .has_target = has_target,
    .check = check,
    .host = host,
    .step = step,
    .probe = probe,
    .probe_doc = "`/v1/health`, without the token.",
};
