/* waha.c - WhatsApp by a WAHA server of one's own, and what its webhooks tell.
 * A number is looked up first: a message to one that WhatsApp does not know
 * may cost the account, and some countries' numbers have another chat. */
#include "base/arena.h"
#include "base/hmac.h"
#include "channel/hook.h"
#include "channel/http.h"
#include "channel/phone.h"

#define USUAL_SESSION "default"

enum stage { STAGE_BEGIN, STAGE_LOOKED_UP, STAGE_SENT };

static const char *const channels_served[] = {"whatsapp", NULL};

static const struct field config_fields[] = {
    {.name = "base_url",
     .type = FIELD_URL,
     .flags = FIELD_REQUIRED,
     .max = 2048,
     .doc = "The server's address, as http://waha.internal:3000."},
    {.name = "api_key",
     .type = FIELD_STRING,
     .flags = FIELD_SECRET,
     .min = 1,
     .max = 256,
     .doc = "WAHA_API_KEY in plain, where the server has one."},
    {.name = "session",
     .type = FIELD_STRING,
     .min = 1,
     .max = 64,
     .doc = "The session that sends; default where none is named."},
    {.name = "check_number",
     .type = FIELD_BOOL,
     .doc = "Whether each number is looked up before it is written to; true "
            "where nothing is said."},
    {.name = "hmac_key",
     .type = FIELD_STRING,
     .flags = FIELD_SECRET,
     .min = 1,
     .max = 256,
     .doc = "The key that signs the session's webhooks; without it none is "
            "taken."},
    {.type = FIELD_END},
};

/* ---- configuration ---- */

static void
check(struct json config, struct problem *p)
{
    channel_check_base_url(config, p);
}

static struct str
host(struct arena *a, struct json config)
{
    return channel_url_host(a, config, "");
}

static struct str
session_of(struct arena *a, struct json config)
{
    struct str session = json_str_of(a, config, "session");

    return session.n > 0 ? session : STR(USUAL_SESSION);
}

/* ---- the calls ---- */

/* A chat that WAHA names itself: a group, a channel, a hidden number. */
static bool
is_chat(struct str address)
{
    static const char *const ends[] = {"@c.us", "@g.us", "@lid", "@newsletter"};

    for (size_t i = 0; i < address.n && address.p[i] != '@'; i++)
        if (!(address.p[i] >= '0' && address.p[i] <= '9') &&
            address.p[i] != '-')
            return false;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (str_ends(address, str_from(ends[i])) &&
            str_find(address, '@') == (ptrdiff_t)(address.n - strlen(ends[i])))
            return str_find(address, '@') > 0;
    return false;
}

static void
add_key(struct channel_call *c)
{
    struct str key = json_str_of(c->arena, c->config, "api_key");

    if (key.n > 0)
        channel_add_header(c, "X-Api-Key", key);
}

static void
ask_to_look_up(struct channel_call *c, struct str number)
{
    struct buf path;

    buf_init(&path, c->arena);
    buf_put_cstr(&path, "/api/contacts/check-exists?phone=");
    buf_put_str(&path, str_sub(number, 1, number.n));
    buf_put_cstr(&path, "&session=");
    buf_put_url(&path, session_of(c->arena, c->config));
    c->request = (struct channel_request){
        .kind = CHANNEL_REQUEST_HTTP,
        .method = STR("GET"),
        .url = channel_url(c->arena, c->config, "", buf_str(&path)),
    };
    add_key(c);
    c->stage = STAGE_LOOKED_UP;
}

static void
ask_to_send(struct channel_call *c, struct str chat)
{
    struct str text = channel_text(c->arena, &c->messages[0]);
    struct json_writer w;
    struct buf body;

    buf_init(&body, c->arena);
    w = json_writer(&body);
    json_begin_object(&w);
    json_str_field(&w, "session", session_of(c->arena, c->config));
    json_str_field(&w, "chatId", chat);
    json_str_field(&w, "text", text);
    json_end_object(&w);
    channel_post(c, channel_url(c->arena, c->config, "", STR("/api/sendText")),
                 CHANNEL_JSON, buf_str(&body));
    add_key(c);
    c->stage = STAGE_SENT;
}

static struct str
chat_of(struct arena *a, struct str number)
{
    return str_fmt(a, "%.*s@c.us", (int)number.n - 1, number.p + 1);
}

static void
begin(struct channel_call *c)
{
    struct str address = str_trim(c->messages[0].address), number, text;

    if (!phone_text(c, "WhatsApp", SIZE_MAX, &text))
        return;
    if (is_chat(address)) {
        ask_to_send(c, address);
        return;
    }
    if (!phone_address(c, &number))
        return;
    if (json_bool(json_get(c->config, "check_number"), true))
        ask_to_look_up(c, number);
    else
        ask_to_send(c, chat_of(c->arena, number));
}

/* ---- the answers ---- */

/* 422 is for a session that cannot send now, and for what the engine cannot
 * do at all. */
static enum verdict
verdict_of_session(struct str status)
{
    if (str_is(status, "STARTING"))
        return VERDICT_RETRY;
    if (str_is(status, "SCAN_QR_CODE") || str_is(status, "FAILED") ||
        str_is(status, "STOPPED"))
        return VERDICT_CREDENTIALS;
    return VERDICT_REJECTED;
}

static bool
tells_of_session(struct channel_call *c, struct json answer)
{
    struct str message =
        str_lower(c->arena, json_str_of(c->arena, answer, "message"));

    return message.n > 0 &&
           memmem(message.p, message.n, "session", strlen("session"));
}

/* A message id is a text or an object, by the server's engine. */
static struct str
message_id(struct channel_call *c, struct json answer)
{
    struct json id = json_get(answer, "id");

    return json_is(id, JSON_STRING) ? json_str(c->arena, id)
                                    : json_str_of(c->arena, id, "_serialized");
}

static struct channel_verdict
judge(struct channel_call *c)
{
    struct channel_verdict v;
    struct json answer;

    if (c->answer->outcome != CHANNEL_ANSWERED)
        return channel_unanswered(c, config_fields);
    v = channel_judge_http(c, config_fields);
    answer = channel_answer_json(c);
    if (v.verdict == VERDICT_SENT)
        v.provider_message_id = message_id(c, answer);
    else if (v.status == 422)
        v.verdict = verdict_of_session(json_str_of(c->arena, answer, "status"));
    else if (v.status == 404 && tells_of_session(c, answer))
        v.verdict = VERDICT_CREDENTIALS;
    return v;
}

/* What is no answer to the question leaves it to the message's own. */
static void
go_on(struct channel_call *c)
{
    struct str number = phone_e164(c->arena, c->messages[0].address);
    struct channel_verdict v = judge(c);
    struct json answer;
    struct str chat;

    if (v.verdict == VERDICT_UNKNOWN)
        v.verdict = VERDICT_RETRY; /* nothing was sent so far */
    if (c->answer->outcome != CHANNEL_ANSWERED ||
        (v.verdict != VERDICT_SENT && v.verdict != VERDICT_REJECTED)) {
        channel_conclude(c, &v);
        return;
    }
    answer = channel_answer_json(c);
    if (v.verdict == VERDICT_SENT &&
        json_is(json_get(answer, "numberExists"), JSON_FALSE)) {
        v.verdict = VERDICT_GONE;
        v.detail = STR("WhatsApp does not know this number");
        channel_conclude(c, &v);
        return;
    }
    chat = json_str_of(c->arena, answer, "chatId");
    ask_to_send(c, is_chat(chat) ? chat : chat_of(c->arena, number));
}

static void
step(struct channel_call *c)
{
    if (!c->answer) {
        begin(c);
    } else if (c->stage == STAGE_LOOKED_UP) {
        go_on(c);
    } else {
        struct channel_verdict v = judge(c);

        channel_conclude(c, &v);
    }
}

/* ---- webhooks ---- */

static bool
is_signed(const struct channel_receipt *r)
{
    struct str key = json_str_of(r->arena, r->config, "hmac_key");

    return key.n > 0 &&
           str_is(hook_header(r, "X-Webhook-Hmac-Algorithm"), "sha512") &&
           hook_is_hex_of(r->arena, hook_header(r, "X-Webhook-Hmac"),
                          hmac_sha512(r->arena, key, r->body));
}

/* False: it is on its way, and no news. */
static bool
event_of(int64_t ack, enum channel_event_kind *ret)
{
    switch (ack) {
    case -1:
        *ret = CHANNEL_EVENT_FAILED;
        return true;
    case 2: /* on the device */
        *ret = CHANNEL_EVENT_DELIVERED;
        return true;
    case 3: /* read; played */
    case 4:
        *ret = CHANNEL_EVENT_OPENED;
        return true;
    default:
        return false;
    }
}

static void
read_event(struct channel_receipt *r, struct json root)
{
    struct json payload = json_get(root, "payload");
    struct str id = json_str_of(r->arena, payload, "id");
    struct channel_event e = {
        .provider_message_id = id,
        .detail = json_str_of(r->arena, payload, "ackName"),
    };
    int64_t ack;

    if (str_eq(json_str_of(r->arena, root, "session"),
               session_of(r->arena, r->config)) &&
        str_is(json_str_of(r->arena, root, "event"), "message.ack") &&
        e.provider_message_id.n > 0 &&
        json_int(json_get(payload, "ack"), &ack) && event_of(ack, &e.kind)) {
        /* What is signed, unlike X-Webhook-Request-Id. */
        e.id = str_fmt(r->arena, "%.*s:%lld", STR_ARG(id), (long long)ack);
        hook_add(r, &e);
    }
}

static void
receipt(struct channel_receipt *r)
{
    struct json root;

    r->outcome = CHANNEL_RECEIPT_UNSIGNED;
    if (!is_signed(r))
        return;
    root = hook_json(r);
    r->outcome = json_is(root, JSON_OBJECT) ? CHANNEL_RECEIPT_TAKEN
                                            : CHANNEL_RECEIPT_MALFORMED;
    read_event(r, root);
}

static void
probe(struct channel_call *c)
{
    struct buf path;

    buf_init(&path, c->arena);
    buf_put_cstr(&path, "/api/sessions/");
    buf_put_url(&path, session_of(c->arena, c->config));
    channel_get(c, channel_url(c->arena, c->config, "", buf_str(&path)));
    add_key(c);
}

/* A session may be there and nobody logged in. */
static void
probe_judge(struct channel_call *c, struct channel_verdict *v)
{
    struct str status = json_str_of(c->arena, channel_answer_json(c), "status");

    channel_probe_account(c, v);
    if (v->verdict == VERDICT_SENT && !str_is(status, "WORKING"))
        v->verdict = verdict_of_session(status);
}

const struct channel_driver channel_waha = {
    .name = "waha",
    .channels = channels_served,
    .config = config_fields,
    .batch_max = 1,
    .calls_world = true,
    .has_target = channel_has_no_target,
    .check = check,
    .host = host,
    .step = step,
    .probe = probe,
    .probe_judge = probe_judge,
    .probe_doc = "the session, with the key; it is well if that works.",
    .receipt = receipt,
};
