/* discord.c - a message by an incoming webhook of Discord: the user's own, else
 * the provider's. It waits for the message to be there (wait=true), as
 * otherwise nobody tells of an error. */
#include "base/arena.h"
#include "channel/http.h"

#define CONTENT_MAX 2000
#define BAN_MS (15 * 60 * INT64_C(1000)) /* what its proxy keeps one out */

static const char *const channels_served[] = {"discord", NULL};

static const struct field config_fields[] = {
    CHANNEL_WEBHOOK_URL_ROW("The webhook of a channel; a user's own discord "
                            "address wins over it."),
    {.name = "username",
     .type = FIELD_STRING,
     .min = 1,
     .max = 80,
     .doc = "The name that the messages come from, in place of the "
            "webhook's."},
    {.name = "avatar_url",
     .type = FIELD_URL,
     .max = 2048,
     .doc = "The picture beside that name."},
    {.name = "thread_id",
     .type = FIELD_STRING,
     .min = 1,
     .max = 20,
     .doc = "A thread of the channel of webhook_url, or a post of its forum."},
    CHANNEL_BASE_URL_ROW,
    {.type = FIELD_END},
};

/* ---- configuration ---- */

static bool
has_target(struct json config)
{
    return json_is(json_get(config, "webhook_url"), JSON_STRING);
}

static void
check(struct json config, struct problem *p)
{
    struct str thread = json_str_of(p->arena, config, "thread_id");
    uint64_t id;

    if (thread.n > 0 && !str_to_u64(thread, &id))
        problem_add(p, ERR_INVALID, STR("/thread_id"), "must be of digits");
    channel_check_webhook_url(config, p);
    channel_check_base_url(config, p);
}

/* ---- the call ---- */

/* "label: url", a line each, as far as they leave half of the room for the
 * text. */
static struct str
links_of(struct arena *a, const struct channel_message *m)
{
    struct channel_action row[CHANNEL_ACTIONS_MAX];
    size_t n = channel_actions(a, m, row);
    struct buf b;

    buf_init(&b, a);
    for (size_t i = 0; i < n; i++) {
        struct str label = channel_unmask_links(a, row[i].label);
        struct str url = row[i].url;

        if (channel_is_link(url) &&
            b.n + label.n + url.n + 3 <= CONTENT_MAX / 2)
            buf_printf(&b, "\n%.*s: %.*s", STR_ARG(label), STR_ARG(url));
    }
    return buf_str(&b);
}

static struct str
content_of(struct arena *a, const struct channel_message *m)
{
    struct str links = links_of(a, m);
    struct str text = channel_unmask_links(a, channel_text(a, m));

    text = channel_clip(a, text, CONTENT_MAX - links.n);
    return str_fmt(a, "%.*s%.*s", STR_ARG(text), STR_ARG(links));
}

static struct str
url_of(struct channel_call *c)
{
    struct str url = channel_webhook_url(c);
    struct str thread = json_str_of(c->arena, c->config, "thread_id");
    bool is_in_thread = thread.n > 0 && c->messages[0].address.n == 0;

    if (url.n == 0)
        return url;
    return str_fmt(
        c->arena, "%.*s%cwait=true%s%.*s", STR_ARG(url),
        str_find(url, '?') < 0 ? '?' : '&', is_in_thread ? "&thread_id=" : "",
        is_in_thread ? (int)thread.n : 0, is_in_thread ? thread.p : "");
}

static void
put_setting(struct json_writer *w, const struct channel_call *c,
            const char *name)
{
    struct str v = json_str_of(c->arena, c->config, name);

    if (v.n > 0)
        json_str_field(w, name, v);
}

static void
ask(struct channel_call *c)
{
    const struct channel_message *m = &c->messages[0];
    struct str url = url_of(c);
    struct json_writer w;
    struct buf body;

    if (url.n == 0)
        return;
    if (m->title.n == 0 && m->body.n == 0) {
        channel_refuse(c, "there is no text");
        return;
    }
    buf_init(&body, c->arena);
    w = json_writer(&body);
    json_begin_object(&w);
    json_str_field(&w, "content", content_of(c->arena, m));
    put_setting(&w, c, "username");
    put_setting(&w, c, "avatar_url");
    json_put_key(&w, "allowed_mentions"); /* @everyone is a word like others */
    json_put_raw(&w, STR("{\"parse\":[]}"));
    json_end_object(&w);
    channel_post(c, url, CHANNEL_JSON, buf_str(&body));
}

/* ---- the answer ---- */

static int64_t
pause_ms(const struct channel_call *c, struct json answer)
{
    int64_t named_ms =
        channel_json_wait_ms(c->arena, json_get(answer, "retry_after"));
    int64_t header_ms = channel_retry_after_ms(c);

    if (json_is(answer, JSON_ABSENT)) /* of the proxy before it */
        return header_ms > BAN_MS ? header_ms : BAN_MS;
    return named_ms > 0 ? named_ms : header_ms;
}

/* Its own code says more than the status. */
static void
judge_code(const struct channel_call *c, int64_t code,
           struct channel_verdict *v)
{
    switch (code) {
    case 10003: /* unknown channel */
    case 10015: /* unknown webhook */
    case 50027: /* invalid webhook token */
        v->verdict = channel_gone(c);
        break;
    default:
        break;
    }
}

static struct channel_verdict
judge(struct channel_call *c)
{
    struct channel_verdict v = channel_judge_webhook(c, config_fields);
    struct json answer = channel_answer_json(c);
    int64_t code;

    if (v.verdict == VERDICT_SENT)
        v.provider_message_id = json_str_of(c->arena, answer, "id");
    else if (v.status == 429)
        v.retry_after_ms = pause_ms(c, answer);
    else if (json_int(json_get(answer, "code"), &code))
        judge_code(c, code, &v);
    return v;
}

static void
step(struct channel_call *c)
{
    static const char *const homes[] = {"discord.com", "discordapp.com", NULL};

    channel_step(c, config_fields, ask, judge);
    channel_judge_others(c, c->messages[0].address, homes);
}

const struct channel_driver channel_discord = {
    .name = "discord",
    .channels = channels_served,
    .config = config_fields,
    .batch_max = 1,
    .calls_world = true,
    .has_target = has_target,
    .check = check,
    .host = channel_webhook_host,
    .step = step,
};
