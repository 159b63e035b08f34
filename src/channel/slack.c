/* slack.c - a message to Slack, in one of two ways: by an incoming webhook, or
 * as a bot by chat.postMessage to a channel or person. A user's own address is
 * either, too. The second says at HTTP 200 whether it worked; buttons that call
 * nothing here come back signed to receipt(). */
#include "base/arena.h"
#include "base/hmac.h"
#include "channel/hook.h"
#include "channel/http.h"

#define HOME "https://slack.com"
#define PATH "/api/chat.postMessage"
/* One escaped character has five; a text may have 40,000 of them. */
#define TEXT_MAX 8000
#define SECTION_MAX 3000 /* of a block's text, escaped */
#define LABEL_MAX 75

static const char *const channels_served[] = {"slack", NULL};

static const struct field config_fields[] = {
    CHANNEL_WEBHOOK_URL_ROW("The incoming webhook of a channel; a user's own "
                            "slack address wins over it."),
    {.name = "bot_token",
     .type = FIELD_STRING,
     .flags = FIELD_SECRET,
     .min = 1,
     .max = 512,
     .doc = "A bot's token (xoxb-...) with chat:write, for users whose slack "
            "address is the id of a channel or person."},
    {.name = "channel",
     .type = FIELD_STRING,
     .min = 1,
     .max = 80,
     .doc = "The channel that the bot writes to for users without an "
            "address."},
    {.name = "signing_secret",
     .type = FIELD_STRING,
     .flags = FIELD_SECRET,
     .min = 1,
     .max = 256,
     .doc = "Of the app: checks what Slack sends when a button is pressed. "
            "Without it there are no buttons but links."},
    CHANNEL_BASE_URL_ROW,
    {.type = FIELD_END},
};

/* ---- configuration ---- */

static bool
has(struct json config, const char *name)
{
    return !json_is(json_get(config, name), JSON_ABSENT);
}

static bool
has_target(struct json config)
{
    return has(config, "webhook_url") || has(config, "channel");
}

static void
check(struct json config, struct problem *p)
{
    if (!has(config, "webhook_url") && !has(config, "bot_token"))
        problem_add(p, ERR_INVALID, STR("/webhook_url"),
                    "is required, or a bot_token in its place");
    if (has(config, "channel") && !has(config, "bot_token"))
        problem_add(p, ERR_INVALID, STR("/channel"), "needs a bot_token");
    channel_check_webhook_url(config, p);
    channel_check_base_url(config, p);
}

static struct str
host(struct arena *a, struct json config)
{
    return has(config, "webhook_url") ? channel_webhook_host(a, config)
                                      : channel_url_host(a, config, HOME);
}

/* ---- the call ---- */

static bool
is_webhook(const struct channel_call *c)
{
    struct str own = c->messages[0].address;

    return own.n > 0 ? str_find(own, ':') >= 0 : has(c->config, "webhook_url");
}

static struct str
entity_of(char c)
{
    switch (c) {
    case '&':
        return STR("&amp;");
    case '<':
        return STR("&lt;");
    case '>':
        return STR("&gt;");
    default:
        return STR_NONE;
    }
}

/* What of *text fits into `max` UTF-16 units once it is escaped, and takes it
 * off. */
static struct str
take_escaped(struct arena *a, struct str *text, size_t max)
{
    size_t at = 0, units = 0;
    struct buf b;

    buf_init(&b, a);
    while (at < text->n) {
        size_t n = str_utf8_char(str_sub(*text, at, 4));
        struct str entity = entity_of(text->p[at]);

        n = n > 0 ? n : 1;
        units += entity.n > 0 ? entity.n : n == 4 ? 2 : 1;
        if (units > max)
            break;
        buf_put_str(&b, entity.n > 0 ? entity : str_sub(*text, at, n));
        at += n;
    }
    *text = str_sub(*text, at, text->n);
    return buf_str(&b);
}

static void
put_sections(struct json_writer *w, struct arena *a, struct str text)
{
    while (text.n > 0) {
        json_begin_object(w);
        json_str_field(w, "type", STR("section"));
        json_put_key(w, "text");
        json_begin_object(w);
        json_str_field(w, "type", STR("mrkdwn"));
        json_str_field(w, "text", take_escaped(a, &text, SECTION_MAX));
        json_end_object(w);
        json_end_object(w);
    }
}

static void
put_button(struct json_writer *w, struct arena *a,
           const struct channel_action *row, struct str delivery_id)
{
    json_begin_object(w);
    json_str_field(w, "type", STR("button"));
    json_put_key(w, "text");
    json_begin_object(w);
    json_str_field(w, "type", STR("plain_text"));
    json_str_field(w, "text", channel_clip(a, row->label, LABEL_MAX));
    json_end_object(w);
    json_str_field(w, "action_id", row->id);
    json_str_field(w, "value", delivery_id);
    if (row->url.n > 0)
        json_str_field(w, "url", row->url);
    json_end_object(w);
}

/* Those that work: links, and with a secret to check the answer those to
 * press. Slack takes an id once. */
static size_t
buttons(const struct channel_call *c,
        struct channel_action row[static CHANNEL_ACTIONS_MAX])
{
    size_t n = channel_actions(c->arena, &c->messages[0], row), n_kept = 0;
    bool is_pressed = has(c->config, "signing_secret");

    for (size_t i = 0; i < n; i++) {
        bool is_link = channel_is_link(row[i].url);
        bool is_new = row[i].id.n > 0 && row[i].label.n > 0;

        for (size_t k = 0; k < n_kept; k++)
            is_new &= !str_eq(row[k].id, row[i].id);
        if (is_new && (is_link || (is_pressed && row[i].url.n == 0)))
            row[n_kept++] = row[i];
    }
    return n_kept;
}

static void
put_blocks(struct json_writer *w, const struct channel_call *c, struct str text)
{
    struct channel_action row[CHANNEL_ACTIONS_MAX];
    size_t n = buttons(c, row);

    if (n == 0)
        return;
    json_put_key(w, "blocks");
    json_begin_array(w);
    put_sections(w, c->arena, text);
    json_begin_object(w);
    json_str_field(w, "type", STR("actions"));
    json_put_key(w, "elements");
    json_begin_array(w);
    for (size_t i = 0; i < n; i++)
        put_button(w, c->arena, &row[i], c->messages[0].delivery_id);
    json_end_array(w);
    json_end_object(w);
    json_end_array(w);
}

static struct str
body_of(const struct channel_call *c, struct str channel)
{
    const struct channel_message *m = &c->messages[0];
    struct str text =
        channel_clip(c->arena, channel_text(c->arena, m), TEXT_MAX);
    struct str rest = text;
    struct json_writer w;
    struct buf body;

    buf_init(&body, c->arena);
    w = json_writer(&body);
    json_begin_object(&w);
    if (channel.n > 0)
        json_str_field(&w, "channel", channel);
    json_str_field(&w, "text", take_escaped(c->arena, &rest, 5 * TEXT_MAX));
    put_blocks(&w, c, text);
    json_end_object(&w);
    return buf_str(&body);
}

static void
ask_webhook(struct channel_call *c)
{
    struct str url = channel_webhook_url(c);

    if (url.n > 0)
        channel_post(c, url, CHANNEL_JSON, body_of(c, STR_NONE));
}

static void
ask_bot(struct channel_call *c)
{
    struct str own = c->messages[0].address;
    struct str token = json_str_of(c->arena, c->config, "bot_token");
    struct str channel =
        own.n > 0 ? own : json_str_of(c->arena, c->config, "channel");

    if (token.n == 0) {
        channel_refuse(c, "the address is no webhook, and there is no "
                          "bot_token");
        return;
    }
    channel_post(c, channel_url(c->arena, c->config, HOME, STR(PATH)),
                 CHANNEL_JSON "; charset=utf-8", body_of(c, channel));
    channel_add_bearer(c, token);
}

static void
ask(struct channel_call *c)
{
    const struct channel_message *m = &c->messages[0];

    if (m->title.n == 0 && m->body.n == 0)
        channel_refuse(c, "there is no text");
    else if (is_webhook(c))
        ask_webhook(c);
    else
        ask_bot(c);
}

/* ---- the answer ---- */

static const struct {
    const char *code;
    enum verdict verdict;
} codes[] = {
    {"rollup_error", VERDICT_RETRY},
    {"internal_error", VERDICT_RETRY},
    {"fatal_error", VERDICT_RETRY},
    {"service_unavailable", VERDICT_RETRY},
    {"request_timeout", VERDICT_RETRY},
    {"ratelimited", VERDICT_RATE},
    {"rate_limited", VERDICT_RATE},
    {"invalid_auth", VERDICT_CREDENTIALS},
    {"not_authed", VERDICT_CREDENTIALS},
    {"account_inactive", VERDICT_CREDENTIALS},
    {"token_revoked", VERDICT_CREDENTIALS},
    {"token_expired", VERDICT_CREDENTIALS},
    {"missing_scope", VERDICT_CREDENTIALS},
    {"action_prohibited", VERDICT_CREDENTIALS},
    {"no_service", VERDICT_GONE}, /* the webhook was revoked */
    {"no_team", VERDICT_GONE},
    {"channel_not_found", VERDICT_GONE},
    {"is_archived", VERDICT_GONE},
    {"channel_is_archived", VERDICT_GONE},
    {"user_not_found", VERDICT_GONE},
    {"not_in_channel", VERDICT_GONE},
};

static enum verdict
verdict_of(struct str code, enum verdict otherwise)
{
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (str_is(code, codes[i].code))
            return codes[i].verdict;
    return otherwise;
}

/* Its errors are words of plain text. */
static struct channel_verdict
judge_webhook(struct channel_call *c)
{
    struct channel_verdict v = channel_judge_webhook(c, config_fields);
    enum verdict said = verdict_of(str_trim(c->answer->body), v.verdict);

    if (v.verdict == VERDICT_SENT)
        return v;
    if (said == VERDICT_RATE)
        v.retry_after_ms = channel_retry_after_ms(c);
    else if (said == VERDICT_GONE)
        said = channel_gone(c);
    else if (said == VERDICT_CREDENTIALS && c->messages[0].address.n > 0)
        said = VERDICT_REJECTED; /* of a user's own, not of the provider's */
    v.verdict = said;
    return v;
}

/* The body alone says whether it worked. */
static struct channel_verdict
judge_bot(struct channel_call *c)
{
    struct channel_verdict v = channel_judge_http(c, config_fields);
    struct json answer = channel_answer_json(c);
    struct json ok = json_get(answer, "ok");

    if (v.verdict == VERDICT_GONE) /* the API, not an address */
        v.verdict = VERDICT_REJECTED;
    if (v.verdict != VERDICT_SENT)
        return v;
    if (json_is(ok, JSON_TRUE)) {
        v.provider_message_id = json_str_of(c->arena, answer, "ts");
        return v;
    }
    v.detail = channel_detail(c, config_fields, c->answer->body);
    if (!json_is(ok, JSON_FALSE)) {
        v.verdict = VERDICT_UNKNOWN;
        return v;
    }
    v.verdict =
        verdict_of(json_str_of(c->arena, answer, "error"), VERDICT_REJECTED);
    if (v.verdict == VERDICT_RATE)
        v.retry_after_ms = channel_retry_after_ms(c);
    else if (v.verdict == VERDICT_GONE)
        v.verdict = channel_gone(c);
    return v;
}

static struct channel_verdict
judge(struct channel_call *c)
{
    return is_webhook(c) ? judge_webhook(c) : judge_bot(c);
}

static void
step(struct channel_call *c)
{
    static const char *const homes[] = {"slack.com", "slack-gov.com", NULL};

    channel_step(c, config_fields, ask, judge);
    channel_judge_others(c, c->messages[0].address, homes);
}

/* ---- pressed buttons ---- */

static bool
is_signed(const struct channel_receipt *r)
{
    struct str secret = json_str_of(r->arena, r->config, "signing_secret");
    struct str at = hook_header(r, "X-Slack-Request-Timestamp");
    struct str given = hook_header(r, "X-Slack-Signature");
    struct buf text;

    if (secret.n == 0 || !str_starts(given, STR("v0=")) ||
        !hook_is_recent(r, at))
        return false;
    buf_init(&text, r->arena);
    buf_printf(&text, "v0:%.*s:", STR_ARG(at));
    buf_put_str(&text, r->body);
    return hook_is_hex_of(r->arena, str_sub(given, 3, given.n),
                          hmac_sha256(r->arena, secret, buf_str(&text)));
}

/* "1548426417.840180" */
static int64_t
time_of(struct str action_ts)
{
    struct str seconds;
    uint64_t s;

    return str_split(&action_ts, '.', &seconds) && str_to_u64(seconds, &s) &&
                   s < INT64_MAX / 1000
               ? (int64_t)s * 1000
               : 0;
}

static void
add_presses(struct channel_receipt *r, struct json payload)
{
    struct json actions = json_get(payload, "actions");
    struct arena *a = r->arena;

    if (!str_is(json_str_of(a, payload, "type"), "block_actions"))
        return;
    for (struct json e = json_first(actions); !json_is(e, JSON_ABSENT);
         e = json_next(actions, e)) {
        struct channel_event event = {
            .kind = CHANNEL_EVENT_ACTION,
            .id = json_str_of(a, payload, "trigger_id"),
            .delivery_id = json_str_of(a, e, "value"),
            .address = json_str_of(a, json_get(payload, "user"), "id"),
            .action = json_str_of(a, e, "action_id"),
            .at_ms = time_of(json_str_of(a, e, "action_ts")),
        };

        /* The app may have buttons of its own. */
        if (str_starts(event.delivery_id, STR("dlv_")) && event.action.n > 0)
            hook_add(r, &event);
    }
}

static void
receipt(struct channel_receipt *r)
{
    struct channel_receipt inner = *r;
    struct hook_form form;
    struct json payload;

    if (!is_signed(r)) {
        r->outcome = CHANNEL_RECEIPT_UNSIGNED;
        return;
    }
    r->outcome = CHANNEL_RECEIPT_MALFORMED;
    if (!hook_form(r->arena, r->body, &form))
        return;
    inner.body = hook_form_get(&form, "payload");
    payload = hook_json(&inner);
    if (!json_is(payload, JSON_OBJECT))
        return;
    r->outcome = CHANNEL_RECEIPT_TAKEN;
    add_presses(r, payload);
}

/* A webhook has nothing to ask it. */
static void
probe(struct channel_call *c)
{
    struct str token = json_str_of(c->arena, c->config, "bot_token");

    if (token.n == 0) {
        channel_connect(c, channel_moved_url(c->arena, c->config,
                                             json_str_of(c->arena, c->config,
                                                         "webhook_url")));
        return;
    }
    channel_post(c,
                 channel_url(c->arena, c->config, HOME, STR("/api/auth.test")),
                 CHANNEL_FORM, STR_NONE);
    channel_add_bearer(c, token);
}

const struct channel_driver channel_slack = {
    .name = "slack",
    .channels = channels_served,
    .config = config_fields,
    .batch_max = 1,
    .calls_world = true,
    .has_target = has_target,
    .check = check,
    .host = host,
    .step = step,
    .probe = probe,
    .probe_doc = "with `bot_token` `auth.test`; else a connection to "
                 "the webhook's host.",
    .receipt = receipt,
};
