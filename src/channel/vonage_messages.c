/* vonage_messages.c - see vonage_messages.h. It logs in with a token that the
 * application's key signs, or with the account's key and secret; its webhooks
 * bring a token that the signature secret signs, with the hash of the body. */
#include "channel/vonage_messages.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/hmac.h"
#include "base/sign.h"
#include "channel/hook.h"
#include "channel/phone.h"

#define HOME "https://api.nexmo.com"
#define PATH "/v1/messages"
#define TOKEN_S 300
#define TEXT_MAX 4096 /* of WhatsApp; SMS are cut into parts */
#define BEARER "Bearer "

static bool
has(struct json config, const char *name)
{
    return json_is(json_get(config, name), JSON_STRING);
}

bool
vonage_messages_serves(struct json config, struct str channel)
{
    return str_is(channel, "whatsapp") || has(config, "application_id");
}

struct str
vonage_messages_host(struct arena *a, struct json config)
{
    return channel_url_host(a, config, HOME);
}

void
vonage_messages_check(struct json config, struct problem *p)
{
    struct str pem = json_str_of(p->arena, config, "private_key");
    bool has_application = has(config, "application_id");
    const char *fault = NULL;

    if (has_application != (pem.n > 0))
        problem_add(p, ERR_INVALID,
                    has_application ? STR("/private_key")
                                    : STR("/application_id"),
                    "an application has an id and a private key");
    /* As it is shown, it stands for the one that is stored. */
    if (pem.n > 0 && !str_is(pem, "***"))
        fault = sign_key_fault(pem, SIGN_RS256);
    if (fault)
        problem_add(p, ERR_INVALID, STR("/private_key"), "%s", fault);
}

/* ---- the call ---- */

static struct str
token(struct channel_call *c)
{
    const struct channel_message *m = &c->messages[0];
    int64_t now_s = c->now_ms / 1000;
    struct json_writer w;
    struct buf claims;

    buf_init(&claims, c->arena);
    w = json_writer(&claims);
    json_begin_object(&w);
    json_str_field(&w, "application_id",
                   json_str_of(c->arena, c->config, "application_id"));
    json_int_field(&w, "iat", now_s);
    json_int_field(&w, "exp", now_s + TOKEN_S);
    json_str_field(
        &w, "jti",
        str_fmt(c->arena, "%.*s.%d", STR_ARG(m->delivery_id), m->attempt));
    json_end_object(&w);
    return sign_jwt(
        c->arena, SIGN_RS256, json_str_of(c->arena, c->config, "private_key"),
        STR("{\"alg\":\"RS256\",\"typ\":\"JWT\"}"), buf_str(&claims));
}

static void
add_login(struct channel_call *c)
{
    if (has(c->config, "application_id"))
        channel_add_bearer(c, token(c));
    else
        channel_add_basic(c, json_str_of(c->arena, c->config, "api_key"),
                          json_str_of(c->arena, c->config, "api_secret"));
}

void
vonage_messages_ask(struct channel_call *c, struct str from)
{
    const struct channel_message *m = &c->messages[0];
    bool is_whatsapp = str_is(m->channel, "whatsapp");
    struct str number, text;
    struct json_writer w;
    struct buf body;

    if (!phone_address(c, &number) ||
        !phone_text(c, "Vonage", is_whatsapp ? TEXT_MAX : SIZE_MAX, &text))
        return;
    buf_init(&body, c->arena);
    w = json_writer(&body);
    json_begin_object(&w);
    json_str_field(&w, "channel", is_whatsapp ? STR("whatsapp") : STR("sms"));
    json_str_field(&w, "message_type", STR("text"));
    json_str_field(&w, "to", str_sub(number, 1, number.n));
    json_str_field(&w, "from", from);
    json_str_field(&w, "text", text);
    json_str_field(&w, "client_ref", m->delivery_id);
    json_end_object(&w);
    channel_post(c, channel_url(c->arena, c->config, HOME, STR(PATH)),
                 CHANNEL_JSON, buf_str(&body));
    channel_add_header(c, "Accept", STR(CHANNEL_JSON));
    add_login(c);
}

struct channel_verdict
vonage_messages_judge(struct channel_call *c, const struct field *config)
{
    struct channel_verdict v = channel_judge_http(c, config);

    if (v.verdict == VERDICT_SENT)
        v.provider_message_id =
            json_str_of(c->arena, channel_answer_json(c), "message_uuid");
    return v;
}

/* ---- webhooks ---- */

bool
vonage_messages_is_hook(const struct channel_receipt *r)
{
    return str_starts(hook_header(r, "Authorization"), STR(BEARER));
}

static struct json
part_of_token(struct arena *a, struct str part)
{
    struct json_doc *doc = ARENA_NEW(a, struct json_doc);
    struct json_error why;
    struct buf raw;

    buf_init(&raw, a);
    if (!buf_get_base64(&raw, part) ||
        json_parse(a, buf_str(&raw), doc, &why) != ERR_OK)
        return (struct json){0};
    return json_root(doc);
}

/* header.claims.signature, by HMAC-SHA256 and nothing else. */
static bool
read_token(const struct channel_receipt *r, struct str text,
           struct json *ret_claims)
{
    struct arena *a = r->arena;
    struct str secret = json_str_of(a, r->config, "signature_secret");
    struct str rest = text, header, claims;
    struct buf want;

    if (secret.n == 0 || !str_split(&rest, '.', &header) ||
        !str_split(&rest, '.', &claims))
        return false;
    buf_init(&want, a);
    buf_put_base64url(
        &want,
        hmac_sha256(a, secret, str_sub(text, 0, header.n + 1 + claims.n)));
    if (!hmac_is_same(rest, buf_str(&want)) ||
        !str_is(json_str_of(a, part_of_token(a, header), "alg"), "HS256"))
        return false;
    *ret_claims = part_of_token(a, claims);
    return json_is(*ret_claims, JSON_OBJECT);
}

static bool
is_signed(const struct channel_receipt *r)
{
    struct str bearer = hook_header(r, "Authorization");
    struct json claims, iat;

    if (!read_token(r, str_sub(bearer, sizeof(BEARER) - 1, bearer.n), &claims))
        return false;
    iat = json_get(claims, "iat");
    return json_is(iat, JSON_NUMBER) && hook_is_recent(r, json_raw(iat)) &&
           hook_is_hex_of(r->arena,
                          json_str_of(r->arena, claims, "payload_hash"),
                          hash_sha256(r->arena, r->body));
}

static const struct hook_kind kinds[] = {
    {"delivered", CHANNEL_EVENT_DELIVERED},
    {"read", CHANNEL_EVENT_OPENED},
    {"rejected", CHANNEL_EVENT_FAILED},
    {"undeliverable", CHANNEL_EVENT_FAILED},
    {NULL},
};

static struct str
number_of(struct arena *a, struct json body, const char *name)
{
    struct str number = json_str_of(a, body, name);

    return number.n > 0 && number.p[0] != '+'
               ? str_fmt(a, "+%.*s", STR_ARG(number))
               : number;
}

static void
read_status(struct channel_receipt *r, struct json body)
{
    struct arena *a = r->arena;
    struct str status = json_str_of(a, body, "status");
    struct str id = json_str_of(a, body, "message_uuid");
    struct str ref = json_str_of(a, body, "client_ref");
    struct json error = json_get(body, "error");
    struct channel_event e = {
        .id = str_fmt(a, "%.*s:%.*s", STR_ARG(id), STR_ARG(status)),
        .provider_message_id = id,
        .address = number_of(a, body, "to"),
        .at_ms = hook_time_ms(a, body, "timestamp"),
    };

    if (id.n == 0 || !hook_find_kind(kinds, status, &e.kind))
        return;
    if (str_starts(ref, STR("dlv_")))
        e.delivery_id = ref;
    e.detail = json_is(error, JSON_OBJECT)
                   ? str_fmt(a, "%.*s: %.*s", STR_ARG(status),
                             STR_ARG(json_str_of(a, error, "title")))
                   : status;
    hook_add(r, &e);
}

/* A message that somebody sent. */
static void
read_message(struct channel_receipt *r, struct json body)
{
    struct arena *a = r->arena;
    struct channel_event e = {.id = json_str_of(a, body, "message_uuid"),
                              .address = number_of(a, body, "from")};

    if (e.address.n > 0 && phone_keyword(json_str_of(a, body, "text"), &e.kind))
        hook_add(r, &e);
}

void
vonage_messages_receipt(struct channel_receipt *r)
{
    struct json body;

    r->outcome = CHANNEL_RECEIPT_UNSIGNED;
    if (!is_signed(r))
        return;
    body = hook_json(r);
    r->outcome = json_is(body, JSON_OBJECT) ? CHANNEL_RECEIPT_TAKEN
                                            : CHANNEL_RECEIPT_MALFORMED;
    if (json_is(json_get(body, "status"), JSON_STRING))
        read_status(r, body);
    else if (json_is(body, JSON_OBJECT))
        read_message(r, body);
}
