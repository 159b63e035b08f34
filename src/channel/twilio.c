/* twilio.c - SMS and WhatsApp by Twilio's Messages API, and the callbacks that
 * tell what became of them. */
#include "base/arena.h"
#include "base/hmac.h"
#include "channel/hook.h"
#include "channel/http.h"
#include "channel/phone.h"

#define HOME "https://api.twilio.com"
#define TEXT_MAX 1600
#define SENDER_MAX 11 /* of letters in place of a number */
#define WHATSAPP "whatsapp:"

static const char *const channels_served[] = {"sms", "whatsapp", NULL};

static const struct field config_fields[] = {
    {.name = "account_sid",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .min = 1,
     .max = 64,
     .doc = "The account, AC and 32 digits."},
    {.name = "auth_token",
     .type = FIELD_STRING,
     .flags = FIELD_SECRET,
     .min = 1,
     .max = 256,
     .doc = "The account's token, which also signs callbacks: without it none "
            "is taken. Needed, unless there is an API key."},
    {.name = "api_key_sid",
     .type = FIELD_STRING,
     .min = 1,
     .max = 64,
     .doc = "An API key, SK and 32 digits, to log in with in place of the "
            "token."},
    {.name = "api_key_secret",
     .type = FIELD_STRING,
     .flags = FIELD_SECRET,
     .min = 1,
     .max = 256,
     .doc = "The key's secret."},
    {.name = "from",
     .type = FIELD_STRING,
     .min = 1,
     .max = 64,
     .doc = "Who sends: a number of the account (+15550006789), a short code, "
            "or up to 11 letters and digits."},
    {.name = "messaging_service_sid",
     .type = FIELD_STRING,
     .min = 1,
     .max = 64,
     .doc = "A messaging service, MG and 32 digits, in place of from."},
    {.name = "status_callback",
     .type = FIELD_URL,
     .max = 2048,
     .doc = "Where Twilio tells what became of a message: this server's "
            "public URL and /v1/receipts/ with the provider's name. Without "
            "it Twilio uses what the messaging service says."},
    CHANNEL_BASE_URL_ROW,
    {.type = FIELD_END},
};

static const struct field override_fields[] = {
    {.name = "content_sid",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .min = 1,
     .max = 64,
     .doc = "A content template, HX and 32 digits, in place of the text."},
    {.name = "content_variables",
     .type = FIELD_OBJECT,
     .doc = "What its variables are: {\"1\": \"Ada\"}."},
    {.type = FIELD_END},
};

/* ---- configuration ---- */

static bool
is_alphanumeric(struct str s, bool takes_blanks)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
            !(c >= 'A' && c <= 'Z') && !(takes_blanks && c == ' '))
            return false;
    }
    return s.n > 0;
}

/* As Twilio takes it, without the channel's prefix; STR_NONE: it is none. */
static struct str
sender(struct arena *a, struct str from)
{
    if (str_starts(from, STR(WHATSAPP)))
        from = str_sub(from, sizeof(WHATSAPP) - 1, from.n);
    if (from.n > 0 && from.p[0] == '+')
        return phone_e164(a, from);
    return from.n <= SENDER_MAX && is_alphanumeric(from, true) ? from
                                                               : STR_NONE;
}

static void
check_sid(struct json config, const char *name, const char *prefix,
          struct problem *p)
{
    struct str sid = json_str_of(p->arena, config, name);

    if (sid.n > 0 &&
        (!str_starts(sid, str_from(prefix)) || !is_alphanumeric(sid, false)))
        problem_add(p, ERR_INVALID,
                    field_pointer(p->arena, STR(""), str_from(name)),
                    "must be %s and 32 digits", prefix);
}

static bool
has(struct json config, const char *name)
{
    return json_is(json_get(config, name), JSON_STRING);
}

static void
check_login(struct json config, struct problem *p)
{
    bool has_key = has(config, "api_key_sid");

    check_sid(config, "account_sid", "AC", p);
    check_sid(config, "api_key_sid", "SK", p);
    if (has_key != has(config, "api_key_secret"))
        problem_add(p, ERR_INVALID,
                    has_key ? STR("/api_key_secret") : STR("/api_key_sid"),
                    "an API key has an sid and a secret");
    else if (!has_key && !has(config, "auth_token"))
        problem_add(p, ERR_INVALID, STR("/auth_token"),
                    "is missing; or name an api_key_sid with its secret");
}

static void
check(struct json config, struct problem *p)
{
    struct str from = json_str_of(p->arena, config, "from");
    bool has_service = has(config, "messaging_service_sid");

    check_login(config, p);
    check_sid(config, "messaging_service_sid", "MG", p);
    if (from.n > 0 && has_service)
        problem_add(p, ERR_INVALID, STR("/messaging_service_sid"),
                    "takes the place of from, so there is only one of them");
    else if (from.n == 0 && !has_service)
        problem_add(p, ERR_INVALID, STR("/from"),
                    "is missing; or name a messaging_service_sid");
    else if (from.n > 0 && sender(p->arena, from).n == 0)
        problem_add(p, ERR_INVALID, STR("/from"),
                    "must be a number with a plus, a short code, or up to %d "
                    "letters and digits",
                    SENDER_MAX);
    channel_check_base_url(config, p);
}

static struct str
host(struct arena *a, struct json config)
{
    return channel_url_host(a, config, HOME);
}

/* ---- the call ---- */

/* An address on the channel of the message. */
static struct str
on_channel(struct channel_call *c, struct str address)
{
    if (!str_is(c->messages[0].channel, "whatsapp"))
        return address;
    return str_fmt(c->arena, WHATSAPP "%.*s", STR_ARG(address));
}

static void
put_sender(struct channel_call *c, struct buf *form)
{
    struct str from = json_str_of(c->arena, c->config, "from");

    if (from.n > 0)
        channel_put_form(form, "From", on_channel(c, sender(c->arena, from)));
    else
        channel_put_form(
            form, "MessagingServiceSid",
            json_str_of(c->arena, c->config, "messaging_service_sid"));
}

/* False: the message was refused. */
static bool
put_content(struct channel_call *c, struct buf *form)
{
    struct json override = channel_override(c);
    struct str sid = json_str_of(c->arena, override, "content_sid");
    struct str variables = json_raw(json_get(override, "content_variables"));
    struct str text;

    if (sid.n > 0) {
        channel_put_form(form, "ContentSid", sid);
        if (variables.n > 0)
            channel_put_form(form, "ContentVariables", variables);
        return true;
    }
    if (!phone_text(c, "Twilio", TEXT_MAX, &text))
        return false;
    channel_put_form(form, "Body", text);
    return true;
}

static void
add_login(struct channel_call *c, struct str account)
{
    bool has_key = has(c->config, "api_key_sid");

    channel_add_basic(
        c, has_key ? json_str_of(c->arena, c->config, "api_key_sid") : account,
        json_str_of(c->arena, c->config,
                    has_key ? "api_key_secret" : "auth_token"));
}

static void
ask(struct channel_call *c)
{
    struct str sid = json_str_of(c->arena, c->config, "account_sid");
    struct str callback = json_str_of(c->arena, c->config, "status_callback");
    struct str path = str_fmt(
        c->arena, "/2010-04-01/Accounts/%.*s/Messages.json", STR_ARG(sid));
    struct str number;
    struct buf form;

    if (!phone_address(c, &number))
        return;
    buf_init(&form, c->arena);
    channel_put_form(&form, "To", on_channel(c, number));
    put_sender(c, &form);
    if (!put_content(c, &form))
        return;
    if (callback.n > 0)
        channel_put_form(&form, "StatusCallback", callback);
    channel_post(c, channel_url(c->arena, c->config, HOME, path), CHANNEL_FORM,
                 buf_str(&form));
    add_login(c, sid);
}

/* ---- the answer ---- */

#define OPTED_OUT 21610

/* What its numbers mean, at once or in a callback. */
static const struct code {
    int64_t code;
    enum verdict verdict;
} codes[] = {
    {20003, VERDICT_CREDENTIALS}, /* wrong token */
    {20404, VERDICT_CREDENTIALS}, /* no such account */
    {20429, VERDICT_RATE},        /* too many at once */
    {21211, VERDICT_GONE},        /* no number */
    {21212, VERDICT_CREDENTIALS}, /* from is no number */
    {21408, VERDICT_REJECTED},    /* not to that region */
    {OPTED_OUT, VERDICT_GONE},    /* answered STOP */
    {21606, VERDICT_CREDENTIALS}, /* from is not the account's */
    {21608, VERDICT_CREDENTIALS}, /* a trial account */
    {21612, VERDICT_REJECTED},    /* from cannot reach to */
    {21614, VERDICT_GONE},        /* not a mobile */
    {21617, VERDICT_REJECTED},    /* too long */
    {30001, VERDICT_RETRY},       /* queue overflow */
    {30002, VERDICT_CREDENTIALS}, /* account suspended */
    {30003, VERDICT_RETRY},       /* out of reach for now */
    {30004, VERDICT_REJECTED},    /* blocked */
    {30005, VERDICT_GONE},        /* unknown handset */
    {30006, VERDICT_GONE},        /* a landline */
    {30007, VERDICT_REJECTED},    /* filtered */
    {30008, VERDICT_RETRY},       /* unknown */
    {30034, VERDICT_CREDENTIALS}, /* a sender that is not registered */
    {63016, VERDICT_REJECTED},    /* outside WhatsApp's 24 hours */
    {63017, VERDICT_RATE},        /* WhatsApp's own limits */
    {63018, VERDICT_RATE},        {63024, VERDICT_GONE}, /* no WhatsApp user */
};

static const struct code *
code_find(int64_t code)
{
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (codes[i].code == code)
            return &codes[i];
    return NULL;
}

/* A refusal in its own words says more than the status does. */
static void
judge_code(int64_t number, struct channel_verdict *v)
{
    const struct code *code = code_find(number);

    if (code)
        v->verdict = code->verdict;
    else if (v->status != 401 && v->verdict != VERDICT_RETRY &&
             v->verdict != VERDICT_RATE)
        v->verdict = VERDICT_REJECTED;
    if (v->verdict != VERDICT_RATE)
        v->retry_after_ms = 0;
    if (number == OPTED_OUT)
        v->reason = reason_code(REASON_SUPPRESS_UNSUBSCRIBE);
}

static struct channel_verdict
judge(struct channel_call *c)
{
    struct channel_verdict v = channel_judge_http(c, config_fields);
    struct json answer = channel_answer_json(c);
    int64_t code;

    if (v.verdict == VERDICT_SENT)
        v.provider_message_id = json_str_of(c->arena, answer, "sid");
    else if (json_int(json_get(answer, "code"), &code))
        judge_code(code, &v);
    return v;
}

static void
step(struct channel_call *c)
{
    channel_step(c, config_fields, ask, judge);
}

/* ---- callbacks ---- */

/* The same with the port of its scheme where it names none, without one where
 * it does: nobody knows how Twilio wrote the URL that it signed. */
static struct str
other_port(struct arena *a, struct str url)
{
    bool is_tls = str_starts(url, STR("https://"));
    size_t from = is_tls ? 8 : 7, end = from, colon = 0;

    if (!is_tls && !str_starts(url, STR("http://")))
        return url;
    while (end < url.n && !strchr("/?#", url.p[end])) {
        if (url.p[end] == ':')
            colon = end;
        else if (url.p[end] == ']')
            colon = 0;
        end++;
    }
    if (colon > 0)
        return str_fmt(a, "%.*s%.*s", (int)colon, url.p, (int)(url.n - end),
                       url.p + end);
    return str_fmt(a, "%.*s:%d%.*s", (int)end, url.p, is_tls ? 443 : 80,
                   (int)(url.n - end), url.p + end);
}

static bool
is_signed(const struct channel_receipt *r, struct str url, struct str params)
{
    struct str token = json_str_of(r->arena, r->config, "auth_token");
    struct str text =
        str_fmt(r->arena, "%.*s%.*s", STR_ARG(url), STR_ARG(params));
    struct buf want;

    buf_init(&want, r->arena);
    buf_put_base64(&want, hmac_sha1(r->arena, token, text));
    return token.n > 0 &&
           hmac_is_same(hook_header(r, "X-Twilio-Signature"), buf_str(&want));
}

/* Each name and value behind one another, sorted; what is there twice once. */
static struct str
signed_params(struct arena *a, const struct hook_form *form)
{
    struct buf b;

    buf_init(&b, a);
    for (size_t i = 0; i < form->n; i++) {
        const struct hook_pair *p = &form->pairs[i];

        if (i > 0 && str_eq(p[0].name, p[-1].name) &&
            str_eq(p[0].value, p[-1].value))
            continue;
        buf_put_str(&b, p->name);
        buf_put_str(&b, p->value);
    }
    return buf_str(&b);
}

static struct str
called_url(const struct channel_receipt *r)
{
    if (r->query.n == 0 || str_find(r->url, '?') >= 0)
        return r->url;
    return str_fmt(r->arena, "%.*s?%.*s", STR_ARG(r->url), STR_ARG(r->query));
}

/* Of JSON only the hash in the URL is signed. *ret: the parameters. */
static bool
check_signature(const struct channel_receipt *r, struct hook_form *ret)
{
    struct str url = called_url(r), hash, params = STR_NONE;
    struct hook_form query;

    if (!hook_form(r->arena, r->query, &query))
        return false;
    hash = hook_form_get(&query, "bodySHA256");
    *ret = query;
    if (hash.n > 0) {
        if (!hook_is_hex_of(r->arena, hash, hash_sha256(r->arena, r->body)))
            return false;
    } else if (!str_is(r->method, "GET")) {
        if (!hook_form(r->arena, r->body, ret))
            return false;
        hook_form_sort(ret);
        params = signed_params(r->arena, ret);
    }
    return is_signed(r, url, params) ||
           is_signed(r, other_port(r->arena, url), params);
}

/* False: it is no end, and no news. */
static bool
event_of(struct str status, int64_t code, enum channel_event_kind *ret)
{
    const struct code *known = code_find(code);

    if (str_is(status, "delivered"))
        *ret = CHANNEL_EVENT_DELIVERED;
    else if (str_is(status, "read"))
        *ret = CHANNEL_EVENT_OPENED;
    else if (str_is(status, "canceled"))
        *ret = CHANNEL_EVENT_FAILED;
    else if (!str_is(status, "undelivered") && !str_is(status, "failed"))
        return false;
    else if (code == OPTED_OUT)
        *ret = CHANNEL_EVENT_UNSUBSCRIBED;
    else if (known && known->verdict == VERDICT_GONE)
        *ret = CHANNEL_EVENT_BOUNCED;
    else
        *ret = CHANNEL_EVENT_FAILED;
    return true;
}

static struct str
detail_of(struct arena *a, struct str status, struct str code,
          struct str message)
{
    if (code.n == 0)
        return status;
    return str_utf8_clip(str_fmt(a, "%.*s %.*s %.*s", STR_ARG(status),
                                 STR_ARG(code), STR_ARG(message)),
                         CHANNEL_DETAIL_MAX);
}

static struct str
number_of(struct str address)
{
    return str_starts(address, STR(WHATSAPP))
               ? str_sub(address, sizeof(WHATSAPP) - 1, address.n)
               : address;
}

static void
read_event(struct channel_receipt *r, const struct hook_form *form)
{
    struct str status = hook_form_get(form, "MessageStatus");
    struct str sid = hook_form_get(form, "MessageSid");
    struct str code = hook_form_get(form, "ErrorCode");
    struct str to = hook_form_get(form, "To");
    struct channel_event e = {.provider_message_id = sid};
    int64_t number = 0;

    str_to_i64(code, &number);
    if (sid.n == 0 || !event_of(status, number, &e.kind))
        return;
    e.id = str_fmt(r->arena, "%.*s:%.*s", STR_ARG(sid), STR_ARG(status));
    e.address = number_of(to);
    e.detail =
        detail_of(r->arena, status, code, hook_form_get(form, "ErrorMessage"));
    hook_add(r, &e);
}

/* A message that somebody sent: with advanced opt-out Twilio says what it made
 * of its words, which are the account's own then. */
static void
read_message(struct channel_receipt *r, const struct hook_form *form)
{
    struct str type = hook_form_get(form, "OptOutType");
    struct str words = type.n > 0 ? type : hook_form_get(form, "Body");
    struct channel_event e = {.id = hook_form_get(form, "MessageSid"),
                              .address =
                                  number_of(hook_form_get(form, "From"))};

    if (e.address.n > 0 && phone_keyword(words, &e.kind))
        hook_add(r, &e);
}

static void
receipt(struct channel_receipt *r)
{
    struct hook_form form;

    if (!check_signature(r, &form)) {
        r->outcome = CHANNEL_RECEIPT_UNSIGNED;
        return;
    }
    r->outcome = CHANNEL_RECEIPT_TAKEN;
    if (hook_form_get(&form, "MessageStatus").n > 0)
        read_event(r, &form);
    else
        read_message(r, &form);
}

/* Of API keys only a main one may read the account, and what another would be
 * told looks like a wrong key. */
static void
probe(struct channel_call *c)
{
    struct str sid = json_str_of(c->arena, c->config, "account_sid");
    struct str path =
        str_fmt(c->arena, "/2010-04-01/Accounts/%.*s.json", STR_ARG(sid));

    if (has(c->config, "api_key_sid")) {
        channel_connect(c, channel_url(c->arena, c->config, HOME, STR("/")));
        return;
    }
    channel_get(c, channel_url(c->arena, c->config, HOME, path));
    add_login(c, sid);
}

const struct channel_driver channel_twilio = {
    .name = "twilio",
    .channels = channels_served,
    .config = config_fields,
    .overrides = override_fields,
    .batch_max = 1,
    .calls_world = true,
    .has_target = channel_has_no_target,
    .check = check,
    .host = host,
    .step = step,
    .probe = probe,
    .probe_judge = channel_probe_account,
    .probe_doc = "the account, with its token; where there is an API "
                 "key, which may not read that, only a connection.",
    .receipt = receipt,
};
