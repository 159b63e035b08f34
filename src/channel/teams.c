/* teams.c - an adaptive card to a workflow of Microsoft Teams that begins with
 * "when a webhook request is received", in either form of its URL, or to a
 * connector of before. */
#include "base/arena.h"
#include "channel/http.h"

#define TITLE_MAX 1024
#define TEXT_MAX_BYTES (16 * 1024) /* a message has some 28 KB */
#define URL_MAX_BYTES 1024

static const char *const channels_served[] = {"teams", NULL};

static const struct field config_fields[] = {
    CHANNEL_WEBHOOK_URL_ROW(
        "The URL of the workflow, byte for byte: its query is the secret."),
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
    if (json_is(json_get(config, "webhook_url"), JSON_ABSENT))
        problem_add(p, ERR_INVALID, STR("/webhook_url"), "is required");
    channel_check_webhook_url(config, p);
    channel_check_base_url(config, p);
}

/* ---- the call ---- */

/* In a card one line end alone is a blank. */
static struct str
with_line_ends(struct arena *a, struct str text)
{
    struct buf b;

    buf_init(&b, a);
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\n')
            buf_put_char(&b, '\n');
        buf_put_char(&b, text.p[i]);
    }
    return buf_str(&b);
}

static void
put_text(struct json_writer *w, struct arena *a, struct str text, bool is_title)
{
    if (text.n == 0)
        return;
    json_begin_object(w);
    json_str_field(w, "type", STR("TextBlock"));
    json_str_field(w, "text", with_line_ends(a, channel_unmask_links(a, text)));
    json_bool_field(w, "wrap", true);
    if (is_title) {
        json_str_field(w, "weight", STR("Bolder"));
        json_str_field(w, "size", STR("Medium"));
    }
    json_end_object(w);
}

static void
put_actions(struct json_writer *w, struct arena *a,
            const struct channel_message *m)
{
    struct channel_action row[CHANNEL_ACTIONS_MAX];
    size_t n = channel_actions(a, m, row), n_put = 0;

    json_put_key(w, "actions");
    json_begin_array(w);
    for (size_t i = 0; i < n && n_put < 6; i++) { /* it shows six */
        if (!channel_is_link(row[i].url) || row[i].url.n > URL_MAX_BYTES)
            continue;
        json_begin_object(w);
        json_str_field(w, "type", STR("Action.OpenUrl"));
        json_str_field(w, "title", row[i].label);
        json_str_field(w, "url", row[i].url);
        json_end_object(w);
        n_put++;
    }
    json_end_array(w);
}

static void
put_card(struct json_writer *w, struct arena *a,
         const struct channel_message *m)
{
    json_begin_object(w);
    json_str_field(w, "$schema",
                   STR("http://adaptivecards.io/schemas/adaptive-card.json"));
    json_str_field(w, "type", STR("AdaptiveCard"));
    json_str_field(w, "version", STR("1.4"));
    json_put_key(w, "msteams");
    json_put_raw(w, STR("{\"width\":\"full\"}"));
    json_put_key(w, "body");
    json_begin_array(w);
    put_text(w, a, channel_clip(a, m->title, TITLE_MAX), true);
    put_text(w, a, channel_clip_bytes(a, m->body, TEXT_MAX_BYTES), false);
    json_end_array(w);
    put_actions(w, a, m);
    json_end_object(w);
}

static void
ask(struct channel_call *c)
{
    const struct channel_message *m = &c->messages[0];
    struct str url = channel_webhook_url(c);
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
    json_str_field(&w, "type", STR("message"));
    json_put_key(&w, "attachments");
    json_begin_array(&w);
    json_begin_object(&w);
    json_str_field(&w, "contentType",
                   STR("application/vnd.microsoft.card.adaptive"));
    json_put_key(&w, "contentUrl");
    json_put_null(&w);
    json_put_key(&w, "content");
    put_card(&w, c->arena, m);
    json_end_object(&w);
    json_end_array(&w);
    json_end_object(&w);
    channel_post(c, url, CHANNEL_JSON, buf_str(&body));
}

/* ---- the answer ---- */

/* Connectors answered 200 whatever became of it, and told the status in the
 * text: "... Microsoft Teams endpoint returned HTTP error 429 ...". 0: none. */
static int
status_in_text(struct str body)
{
    static const char words[] = "endpoint returned HTTP error ";
    const char *at =
        body.n > 0 ? memmem(body.p, body.n, words, sizeof(words) - 1) : NULL;
    uint64_t status;
    struct str rest;

    if (!at)
        return 0;
    rest = str_sub(body, (size_t)(at - body.p) + sizeof(words) - 1, 3);
    return rest.n == 3 && str_to_u64(rest, &status) ? (int)status : 0;
}

static struct channel_verdict
judge(struct channel_call *c)
{
    int told = channel_answer_is_ok(c) ? status_in_text(c->answer->body) : 0;
    struct channel_verdict v;

    if (told > 0) {
        struct channel_answer *a = ARENA_NEW(c->arena, struct channel_answer);

        *a = *c->answer;
        a->status = told;
        c->answer = a;
    }
    v = channel_judge_webhook(c, config_fields);
    if (v.status == 404)
        v.verdict = channel_gone(c);
    return v;
}

static void
step(struct channel_call *c)
{
    channel_step(c, config_fields, ask, judge);
}

const struct channel_driver channel_teams = {
    .name = "teams",
    .channels = channels_served,
    .config = config_fields,
    .batch_max = 1,
    .calls_world = true,
    .has_target = has_target,
    .check = check,
    .host = channel_webhook_host,
    .step = step,
};
