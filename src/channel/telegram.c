/* telegram.c - a message to a chat by a bot (Bot API, sendMessage). A group
 * that became a supergroup has another id: the message goes there in a second
 * step of the same call. Buttons without a link carry the delivery's id and
 * the action's, signed, which receipt() reads back: a client may tell Telegram
 * of a button that nobody sent it. */
#include "base/arena.h"
#include "base/hmac.h"
#include "channel/hook.h"
#include "channel/http.h"

#define HOME "https://api.telegram.org"
#define TEXT_MAX 4096 /* after entities are parsed */
#define DATA_MAX 64   /* bytes of a button's callback_data */
#define MARK_BYTES 6  /* of its signature: nobody can try many */

static const char *const channels_served[] = {"telegram", NULL};
static const char *const parse_modes[] = {"MarkdownV2", "HTML", NULL};

static const struct field config_fields[] = {
    {.name = "bot_token",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_SECRET,
     .min = 1,
     .max = 256,
     .doc = "The token that @BotFather gave."},
    {.name = "parse_mode",
     .type = FIELD_ENUM,
     .values = parse_modes,
     .doc = "Shows the title in bold, marked up so; all words are escaped. "
            "Without it the message is plain text."},
    {.name = "secret_token",
     .type = FIELD_STRING,
     .flags = FIELD_SECRET,
     .min = 1,
     .max = 256,
     .doc = "As given to setWebhook: checks what Telegram sends when a button "
            "is pressed or the bot is blocked. Without it there are no buttons "
            "but links."},
    CHANNEL_BASE_URL_ROW,
    {.type = FIELD_END},
};

/* ---- configuration ---- */

static bool
is_token(struct str s, const char *more)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
            !(c >= 'A' && c <= 'Z') && (c == '\0' || !strchr(more, c)))
            return false;
    }
    return true;
}

static void
check(struct json config, struct problem *p)
{
    struct str token = json_str_of(p->arena, config, "bot_token");
    struct str secret = json_str_of(p->arena, config, "secret_token");

    if (!str_is(token, "***") && !is_token(token, ":_-"))
        problem_add(p, ERR_INVALID, STR("/bot_token"),
                    "must be of letters, digits, :, _ and -");
    if (!str_is(secret, "***") && !is_token(secret, "_-"))
        problem_add(p, ERR_INVALID, STR("/secret_token"),
                    "must be of letters, digits, _ and -");
    channel_check_base_url(config, p);
}

static struct str
host(struct arena *a, struct json config)
{
    return channel_url_host(a, config, HOME);
}

static struct str
method_url(struct arena *a, struct json config, const char *method)
{
    struct str token = json_str_of(a, config, "bot_token");

    return channel_url(a, config, HOME,
                       str_fmt(a, "/bot%.*s/%s", STR_ARG(token), method));
}

/* ---- words ---- */

/* MarkdownV2: these mean something outside of entities. */
static void
put_markdown(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '\0' && strchr("_*[]()~`>#+-=|{}.!\\", s.p[i]))
            buf_put_char(b, '\\');
        buf_put_char(b, s.p[i]);
    }
}

static void
put_words(struct buf *b, struct str mode, struct str s)
{
    if (str_is(mode, "MarkdownV2"))
        put_markdown(b, s);
    else
        buf_put_html(b, s);
}

/* Cut as plain text, for its length is counted without the marks. */
static struct str
text_of(const struct channel_call *c, struct str mode)
{
    const struct channel_message *m = &c->messages[0];
    struct str plain =
        channel_clip(c->arena, channel_text(c->arena, m), TEXT_MAX);
    /* The ellipsis may stand where the title ends. */
    size_t n_title = str_utf8_clip(plain, m->title.n).n;
    bool is_markdown = str_is(mode, "MarkdownV2");
    struct buf b;

    if (mode.n == 0)
        return plain;
    buf_init(&b, c->arena);
    if (n_title > 0) {
        buf_put_cstr(&b, is_markdown ? "*" : "<b>");
        put_words(&b, mode, str_sub(plain, 0, n_title));
        buf_put_cstr(&b, is_markdown ? "*" : "</b>");
    }
    put_words(&b, mode, str_sub(plain, n_title, plain.n));
    return buf_str(&b);
}

/* ---- buttons ---- */

#define ID_PREFIX "dlv_"

/* By the secret that Telegram has of us, and no client of it. */
static struct str
mark_of(struct arena *a, struct json config, struct str id, struct str action)
{
    struct str mac =
        hmac_sha256(a, json_str_of(a, config, "secret_token"),
                    str_fmt(a, "%.*s:%.*s", STR_ARG(id), STR_ARG(action)));
    struct buf out;

    buf_init(&out, a);
    buf_put_base64url(&out, str_sub(mac, 0, MARK_BYTES));
    return buf_str(&out);
}

/* "01jd7w9q2me0rbn8t5k3xvhz4c:jyL0YIGj:ack"; STR_NONE: it does not fit. */
static struct str
callback_data(const struct channel_call *c, struct str action)
{
    struct arena *a = c->arena;
    struct str id = c->messages[0].delivery_id, mark, data;

    if (str_starts(id, STR(ID_PREFIX)))
        id = str_sub(id, sizeof(ID_PREFIX) - 1, SIZE_MAX);
    mark = mark_of(a, c->config, id, action);
    data = str_fmt(a, "%.*s:%.*s:%.*s", STR_ARG(id), STR_ARG(mark),
                   STR_ARG(action));
    return data.n <= DATA_MAX && action.n > 0 ? data : STR_NONE;
}

/* False: it is of no button of ours. */
static bool
read_callback(const struct channel_receipt *r, struct str data,
              struct str *ret_id, struct str *ret_action)
{
    struct str mark;

    if (!str_split(&data, ':', ret_id) || !str_split(&data, ':', &mark) ||
        ret_id->n == 0 || data.n == 0)
        return false;
    *ret_action = data;
    return hmac_is_same(mark, mark_of(r->arena, r->config, *ret_id, data));
}

static void
put_button(struct json_writer *w, struct str label, const char *name,
           struct str value)
{
    json_begin_array(w); /* a row each */
    json_begin_object(w);
    json_str_field(w, "text", label);
    json_str_field(w, name, value);
    json_end_object(w);
    json_end_array(w);
}

/* Those that work: links, and with a secret to check the answer those to
 * press. */
static size_t
buttons(const struct channel_call *c,
        struct channel_action row[static CHANNEL_ACTIONS_MAX])
{
    size_t n = channel_actions(c->arena, &c->messages[0], row), n_kept = 0;
    bool is_pressed = json_is(json_get(c->config, "secret_token"), JSON_STRING);

    for (size_t i = 0; i < n; i++) {
        bool is_ours = is_pressed && row[i].url.n == 0 &&
                       callback_data(c, row[i].id).n > 0;

        if (row[i].label.n > 0 && (is_ours || channel_is_link(row[i].url)))
            row[n_kept++] = row[i];
    }
    return n_kept;
}

static void
put_keyboard(struct json_writer *w, const struct channel_call *c)
{
    struct channel_action row[CHANNEL_ACTIONS_MAX];
    size_t n = buttons(c, row);

    if (n == 0)
        return;
    json_put_key(w, "reply_markup");
    json_begin_object(w);
    json_put_key(w, "inline_keyboard");
    json_begin_array(w);
    for (size_t i = 0; i < n; i++)
        if (row[i].url.n > 0)
            put_button(w, row[i].label, "url", row[i].url);
        else
            put_button(w, row[i].label, "callback_data",
                       callback_data(c, row[i].id));
    json_end_array(w);
    json_end_object(w);
}

/* ---- the call ---- */

/* A number, or the name of a channel or group. */
static bool
is_chat(struct str s)
{
    int64_t id;

    if (s.n > 1 && s.p[0] == '@')
        return is_token(str_sub(s, 1, s.n), "_");
    return str_to_i64(s, &id);
}

static void
send_to(struct channel_call *c, struct str chat)
{
    const struct channel_message *m = &c->messages[0];
    struct str mode = json_str_of(c->arena, c->config, "parse_mode");
    struct json_writer w;
    struct buf body;

    buf_init(&body, c->arena);
    w = json_writer(&body);
    json_begin_object(&w);
    json_put_key(&w, "chat_id");
    if (chat.p[0] == '@')
        json_put_str(&w, chat);
    else
        json_put_raw(&w, chat);
    json_str_field(&w, "text", text_of(c, mode));
    if (mode.n > 0)
        json_str_field(&w, "parse_mode", mode);
    if (str_is(m->priority, "low"))
        json_bool_field(&w, "disable_notification", true);
    put_keyboard(&w, c);
    json_end_object(&w);
    channel_post(c, method_url(c->arena, c->config, "sendMessage"),
                 CHANNEL_JSON, buf_str(&body));
}

static void
ask(struct channel_call *c)
{
    const struct channel_message *m = &c->messages[0];
    int64_t id;

    if (m->title.n == 0 && m->body.n == 0)
        channel_refuse(c, "there is no text");
    else if (!is_chat(m->address))
        channel_refuse(c, "the address is neither the id of a chat nor the "
                          "@name of a channel");
    else if (str_to_i64(m->address, &id)) /* "-007" is no JSON */
        send_to(c, str_fmt(c->arena, "%lld", (long long)id));
    else
        send_to(c, m->address);
}

/* ---- the answer ---- */

static int64_t
pause_ms(const struct channel_call *c, struct json parameters)
{
    int64_t ms =
        channel_json_wait_ms(c->arena, json_get(parameters, "retry_after"));

    return ms > 0 ? ms : channel_retry_after_ms(c);
}

/* It told what was wrong. */
static void
judge_error(struct channel_call *c, struct json answer,
            struct channel_verdict *v)
{
    struct str words = json_str_of(c->arena, answer, "description");
    int64_t code = v->status;

    json_int(json_get(answer, "error_code"), &code);
    if (code == 429) {
        v->verdict = VERDICT_RATE;
        v->retry_after_ms = pause_ms(c, json_get(answer, "parameters"));
    } else if (code == 401 || code == 404) {
        v->verdict = VERDICT_CREDENTIALS;
    } else if (code == 403 || str_ends(words, STR("chat not found"))) {
        v->verdict = VERDICT_GONE;
    } else {
        v->verdict = code >= 500 ? VERDICT_RETRY : VERDICT_REJECTED;
    }
}

static void
take_result(struct channel_call *c, struct json result,
            struct channel_verdict *v)
{
    struct json id = json_get(result, "message_id");
    struct json chat = json_get(json_get(result, "chat"), "id");

    if (json_is(id, JSON_NUMBER))
        v->provider_message_id = json_raw(id);
    if (c->stage > 0 && json_is(chat, JSON_NUMBER))
        v->detail = str_fmt(c->arena, "the chat has become %.*s",
                            STR_ARG(json_raw(chat)));
}

/* The body alone says whether it worked. */
static struct channel_verdict
judge(struct channel_call *c)
{
    struct channel_verdict v = channel_judge_http(c, config_fields);
    struct json answer = channel_answer_json(c);
    struct json ok = json_get(answer, "ok");

    v.detail = channel_detail(
        c, config_fields,
        str_fmt(c->arena, "HTTP %d %.*s", v.status, STR_ARG(c->answer->body)));
    if (json_is(ok, JSON_FALSE)) {
        judge_error(c, answer, &v);
    } else if (v.status == 404) { /* of a token that cannot be one */
        v.verdict = VERDICT_CREDENTIALS;
    } else if (v.verdict == VERDICT_GONE) { /* the API, not the chat */
        v.verdict = VERDICT_REJECTED;
    } else if (v.verdict == VERDICT_SENT && json_is(ok, JSON_TRUE)) {
        v.detail = STR_NONE;
        take_result(c, json_get(answer, "result"), &v);
    } else if (v.verdict == VERDICT_SENT) {
        v.verdict = VERDICT_UNKNOWN;
    }
    return v;
}

/* Where the chat has gone, at the first answer. */
static bool
is_moved(struct channel_call *c, struct str *ret_chat)
{
    struct json to;
    int64_t id;

    if (!c->answer || c->answer->outcome != CHANNEL_ANSWERED || c->stage > 0)
        return false;
    to = json_get(json_get(channel_answer_json(c), "parameters"),
                  "migrate_to_chat_id");
    if (!json_int(to, &id))
        return false;
    *ret_chat = str_fmt(c->arena, "%lld", (long long)id);
    return true;
}

static void
step(struct channel_call *c)
{
    struct str chat;

    if (is_moved(c, &chat)) {
        c->stage = 1;
        send_to(c, chat);
    } else {
        channel_step(c, config_fields, ask, judge);
    }
}

/* ---- what Telegram tells ---- */

static struct str
number_text(struct json v)
{
    return json_is(v, JSON_NUMBER) ? json_raw(v) : STR_NONE;
}

/* The button waits for a word, whatever it means here. */
static void
answer_button(struct channel_receipt *r, struct str query_id)
{
    struct channel_call c = {.arena = r->arena, .config = r->config};
    struct json_writer w;
    struct buf body;

    buf_init(&body, r->arena);
    w = json_writer(&body);
    json_begin_object(&w);
    json_str_field(&w, "callback_query_id", query_id);
    json_end_object(&w);
    channel_post(&c, method_url(r->arena, r->config, "answerCallbackQuery"),
                 CHANNEL_JSON, buf_str(&body));
    r->request = c.request;
}

static void
take_press(struct channel_receipt *r, struct json update, struct json query)
{
    struct str data = json_str_of(r->arena, query, "data"), id, action;
    struct str query_id = json_str_of(r->arena, query, "id");
    struct json chat =
        json_get(json_get(json_get(query, "message"), "chat"), "id");

    if (query_id.n > 0)
        answer_button(r, query_id);
    if (!read_callback(r, data, &id, &action))
        return;
    hook_add(
        r, &(struct channel_event){
               .kind = CHANNEL_EVENT_ACTION,
               .id = number_text(json_get(update, "update_id")),
               .delivery_id = str_fmt(r->arena, ID_PREFIX "%.*s", STR_ARG(id)),
               .address = number_text(chat),
               .action = action,
           });
}

/* A person blocks the bot, a group puts it out. */
static void
take_membership(struct channel_receipt *r, struct json update,
                struct json member)
{
    struct json chat = json_get(member, "chat");
    struct str status =
        json_str_of(r->arena, json_get(member, "new_chat_member"), "status");
    bool is_private = str_is(json_str_of(r->arena, chat, "type"), "private");
    struct str address = number_text(json_get(chat, "id"));
    int64_t at_s = 0;

    if (address.n == 0 ||
        (!str_is(status, "kicked") && !str_is(status, "left")))
        return;
    if (!json_int(json_get(member, "date"), &at_s) || at_s < 0 ||
        at_s > INT64_MAX / 1000)
        at_s = 0;
    hook_add(
        r, &(struct channel_event){
               .kind = is_private ? CHANNEL_EVENT_UNSUBSCRIBED
                                  : CHANNEL_EVENT_BOUNCED,
               .id = number_text(json_get(update, "update_id")),
               .address = number_text(json_get(chat, "id")),
               .detail = str_fmt(r->arena, "the bot was %.*s", STR_ARG(status)),
               .at_ms = at_s * 1000,
           });
}

static void
receipt(struct channel_receipt *r)
{
    struct str secret = json_str_of(r->arena, r->config, "secret_token");
    struct str given = hook_header(r, "X-Telegram-Bot-Api-Secret-Token");
    struct json update, query, member;

    if (secret.n == 0 || !hmac_is_same(given, secret)) {
        r->outcome = CHANNEL_RECEIPT_UNSIGNED;
        return;
    }
    update = hook_json(r);
    query = json_get(update, "callback_query");
    member = json_get(update, "my_chat_member");
    r->outcome = json_is(update, JSON_OBJECT) ? CHANNEL_RECEIPT_TAKEN
                                              : CHANNEL_RECEIPT_MALFORMED;
    if (json_is(query, JSON_OBJECT))
        take_press(r, update, query);
    else if (json_is(member, JSON_OBJECT))
        take_membership(r, update, member);
}

static void
probe(struct channel_call *c)
{
    channel_get(c, method_url(c->arena, c->config, "getMe"));
}

const struct channel_driver channel_telegram = {
    .name = "telegram",
    .channels = channels_served,
    .config = config_fields,
    .batch_max = 1,
    .calls_world = true,
    .has_target = channel_has_no_target,
    .check = check,
    .host = host,
    .step = step,
    .probe = probe,
    .probe_judge = channel_probe_account,
    .probe_doc = "`getMe`, with the token.",
    .receipt = receipt,
};
