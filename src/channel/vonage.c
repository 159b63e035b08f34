/* vonage.c - SMS by Vonage's SMS API, whose answer is 200 whatever comes of
 * it, and its delivery receipts; the rest is vonage_messages.c. */
#include "base/arena.h"
#include "base/hmac.h"
#include "channel/hook.h"
#include "channel/http.h"
#include "channel/phone.h"
#include "channel/vonage_messages.h"
#include "domain/sms_length.h"

#define HOME "https://rest.nexmo.com"
#define SENDER_MAX 11     /* of letters in place of a number */
#define THROTTLED_MS 1000 /* a sender's number sends one a second */

static const char *const channels_served[] = {"sms", "whatsapp", NULL};

static const struct field config_fields[] = {
    {.name = "api_key",
     .type = FIELD_STRING,
     .min = 1,
     .max = 64,
     .doc = "The account's key. Needed, unless there is an application."},
    {.name = "api_secret",
     .type = FIELD_STRING,
     .flags = FIELD_SECRET,
     .min = 1,
     .max = 256,
     .doc = "The account's secret."},
    {.name = "from",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .min = 1,
     .max = 64,
     .doc = "Who sends: a number of the account, or up to 11 letters and "
            "digits."},
    {.name = "application_id",
     .type = FIELD_STRING,
     .min = 1,
     .max = 64,
     .doc = "An application, whose messages go by the Messages API, SMS as "
            "well. WhatsApp always does."},
    {.name = "private_key",
     .type = FIELD_STRING,
     .flags = FIELD_SECRET,
     .min = 1,
     .max = 8192,
     .doc = "The application's private key, in PEM."},
    {.name = "callback",
     .type = FIELD_URL,
     .max = 2048,
     .doc = "Where Vonage sends delivery receipts: this server's public URL "
            "and /v1/receipts/ with the provider's name. Without it, where "
            "the account says."},
    {.name = "signature_secret",
     .type = FIELD_STRING,
     .flags = FIELD_SECRET,
     .min = 1,
     .max = 256,
     .doc = "The account's signature secret, which signs delivery receipts "
            "(SHA-256 HMAC or SHA-512 HMAC); without it none is taken."},
    CHANNEL_BASE_URL_ROW,
    {.type = FIELD_END},
};

/* ---- configuration ---- */

/* As Vonage takes it: a number without its plus; STR_NONE: it is none. */
static struct str
sender(struct arena *a, struct str from)
{
    if (from.n > 0 && from.p[0] == '+')
        return str_sub(phone_e164(a, from), 1, from.n);
    for (size_t i = 0; i < from.n; i++) {
        char c = from.p[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
            !(c >= 'A' && c <= 'Z') && c != ' ')
            return STR_NONE;
    }
    return from.n <= SENDER_MAX ? from : STR_NONE;
}

static void
check_login(struct json config, struct problem *p)
{
    bool has_application =
        !json_is(json_get(config, "application_id"), JSON_ABSENT);

    if (!has_application && json_is(json_get(config, "api_key"), JSON_ABSENT))
        problem_add(p, ERR_INVALID, STR("/api_key"),
                    "is missing; or name an application_id");
    if (!has_application &&
        json_is(json_get(config, "api_secret"), JSON_ABSENT))
        problem_add(p, ERR_INVALID, STR("/api_secret"), "is missing");
    vonage_messages_check(config, p);
}

static void
check(struct json config, struct problem *p)
{
    check_login(config, p);
    if (sender(p->arena, json_str_of(p->arena, config, "from")).n == 0)
        problem_add(p, ERR_INVALID, STR("/from"),
                    "must be a number with a plus, or up to %d letters and "
                    "digits",
                    SENDER_MAX);
    channel_check_base_url(config, p);
}

static struct str
host(struct arena *a, struct json config)
{
    if (vonage_messages_serves(config, STR("sms")))
        return vonage_messages_host(a, config);
    return channel_url_host(a, config, HOME);
}

/* ---- the call ---- */

static void
put_config(struct channel_call *c, struct buf *form, const char *name)
{
    channel_put_form(form, name, json_str_of(c->arena, c->config, name));
}

static void
ask(struct channel_call *c)
{
    struct str from = json_str_of(c->arena, c->config, "from");
    struct str number, text;
    struct buf form;

    if (vonage_messages_serves(c->config, c->messages[0].channel)) {
        vonage_messages_ask(c, sender(c->arena, from));
        return;
    }
    if (!phone_address(c, &number) || !phone_text(c, "Vonage", SIZE_MAX, &text))
        return;
    buf_init(&form, c->arena);
    put_config(c, &form, "api_key");
    put_config(c, &form, "api_secret");
    channel_put_form(&form, "from", sender(c->arena, from));
    channel_put_form(&form, "to", str_sub(number, 1, number.n));
    channel_put_form(&form, "text", text);
    channel_put_form(&form, "type",
                     sms_length_of(text).is_gsm7 ? STR("text")
                                                 : STR("unicode"));
    channel_put_form(&form, "client-ref", c->messages[0].delivery_id);
    if (!json_is(json_get(c->config, "callback"), JSON_ABSENT))
        put_config(c, &form, "callback");
    channel_post(c, channel_url(c->arena, c->config, HOME, STR("/sms/json")),
                 CHANNEL_FORM, buf_str(&form));
}

/* ---- the answer ---- */

static enum verdict
verdict_of(uint64_t status)
{
    switch (status) {
    case 0:
        return VERDICT_SENT;
    case 1: /* throttled */
        return VERDICT_RATE;
    case 4:  /* key or secret */
    case 8:  /* account barred */
    case 9:  /* no credit */
    case 11: /* no SMS over HTTP for this account */
    case 14: /* signature */
    case 29: /* a trial account */
        return VERDICT_CREDENTIALS;
    case 5: /* internal */
        return VERDICT_RETRY;
    case 7:  /* number barred */
    case 33: /* number deactivated */
        return VERDICT_GONE;
    default:
        return VERDICT_REJECTED;
    }
}

struct parts {
    size_t n, n_taken;
    struct json first, fault; /* absent: none */
    uint64_t fault_status;
};

/* False: that is not what Vonage says. */
static bool
read_parts(struct channel_call *c, struct parts *ret)
{
    struct json row = json_get(channel_answer_json(c), "messages");

    *ret = (struct parts){.first = json_at(row, 0)};
    if (!json_is(row, JSON_ARRAY))
        return false;
    for (struct json e = json_first(row); !json_is(e, JSON_ABSENT);
         e = json_next(row, e)) {
        uint64_t status;

        if (!str_to_u64(json_str_of(c->arena, e, "status"), &status))
            return false;
        ret->n++;
        if (status == 0) {
            ret->n_taken++;
        } else if (json_is(ret->fault, JSON_ABSENT)) {
            ret->fault = e;
            ret->fault_status = status;
        }
    }
    return ret->n > 0;
}

/* A part that is on its way cannot be called back: no part goes out twice. */
static struct channel_verdict
judge_parts(struct channel_call *c, const struct parts *parts)
{
    struct str why = json_str_of(c->arena, parts->fault, "error-text");
    struct channel_verdict v = {
        .verdict = verdict_of(parts->fault_status),
        .status = c->answer->status,
        .provider_message_id =
            json_str_of(c->arena, parts->first, "message-id"),
    };

    if (parts->n_taken == parts->n)
        return v;
    if (parts->n_taken > 0)
        v.verdict = VERDICT_REJECTED;
    if (v.verdict == VERDICT_RATE)
        v.retry_after_ms = THROTTLED_MS;
    why = str_fmt(c->arena, "%zu of %zu parts taken; status %llu %.*s",
                  parts->n_taken, parts->n,
                  (unsigned long long)parts->fault_status, STR_ARG(why));
    v.detail = channel_detail(c, config_fields, why);
    return v;
}

static struct channel_verdict
judge(struct channel_call *c)
{
    struct channel_verdict v = channel_judge_http(c, config_fields);
    struct parts parts;

    if (vonage_messages_serves(c->config, c->messages[0].channel))
        return vonage_messages_judge(c, config_fields);
    if (v.verdict != VERDICT_SENT)
        return v;
    if (read_parts(c, &parts))
        return judge_parts(c, &parts);
    v.verdict = VERDICT_UNKNOWN;
    v.detail = STR("the answer does not say whether it was taken");
    return v;
}

static void
step(struct channel_call *c)
{
    channel_step(c, config_fields, ask, judge);
}

/* ---- delivery receipts ---- */

/* By GET, as a form or as JSON, by the account's settings. */
static bool
read_params(const struct channel_receipt *r, struct hook_form *ret)
{
    struct json root = hook_json(r);
    bool is_get = str_is(r->method, "GET");

    if (is_get || !json_is(root, JSON_OBJECT))
        return hook_form(r->arena, is_get ? r->query : r->body, ret);
    if (json_count(root) > HOOK_PAIRS_MAX)
        return false;
    *ret = (struct hook_form){
        .pairs = ARENA_ARRAY(r->arena, struct hook_pair, json_count(root))};
    for (struct json e = json_first(root); !json_is(e, JSON_ABSENT);
         e = json_next(root, e))
        ret->pairs[ret->n++] = (struct hook_pair){
            json_key(r->arena, e),
            json_is(e, JSON_STRING) ? json_str(r->arena, e) : json_raw(e)};
    return true;
}

static struct str
signed_text(struct arena *a, const struct hook_form *form)
{
    struct buf b;

    buf_init(&b, a);
    for (size_t i = 0; i < form->n; i++) {
        const struct hook_pair *p = &form->pairs[i];

        if (str_is(p->name, "sig"))
            continue;
        buf_put_char(&b, '&');
        buf_put_str(&b, p->name);
        buf_put_char(&b, '=');
        for (size_t k = 0; k < p->value.n; k++) {
            char c = p->value.p[k];

            buf_put_char(&b, c == '&' || c == '=' ? '_' : c);
        }
    }
    return buf_str(&b);
}

/* The signature's length tells the hash that the account has chosen. */
static bool
is_signed(const struct channel_receipt *r, const struct hook_form *form)
{
    struct str secret = json_str_of(r->arena, r->config, "signature_secret");
    struct str sig = hook_form_get(form, "sig");
    struct str text = signed_text(r->arena, form);

    if (secret.n == 0)
        return false;
    return hook_is_hex_of(r->arena, sig, hmac_sha256(r->arena, secret, text)) ||
           hook_is_hex_of(r->arena, sig, hmac_sha512(r->arena, secret, text));
}

static bool
is_of_now(const struct channel_receipt *r, const struct hook_form *form,
          int64_t *ret_s)
{
    struct str time = hook_form_get(form, "timestamp");

    return hook_is_recent(r, time) && str_to_i64(time, ret_s);
}

/* False: it is no end, and no news. */
static bool
event_of(struct str status, struct str code, enum channel_event_kind *ret)
{
    if (str_is(status, "delivered"))
        *ret = CHANNEL_EVENT_DELIVERED;
    else if (str_is(status, "buffered"))
        *ret = CHANNEL_EVENT_DEFERRED;
    else if (!str_is(status, "failed") && !str_is(status, "rejected") &&
             !str_is(status, "expired"))
        return false;
    else if (str_is(code, "3") || str_is(code, "9"))
        *ret = CHANNEL_EVENT_BOUNCED; /* not active any more; no number */
    else
        *ret = CHANNEL_EVENT_FAILED;
    return true;
}

static void
read_event(struct channel_receipt *r, const struct hook_form *form,
           int64_t at_s)
{
    struct str id = hook_form_get(form, "messageId");
    struct str status = hook_form_get(form, "status");
    struct str code = hook_form_get(form, "err-code");
    struct str ref = hook_form_get(form, "client-ref");
    struct str number = hook_form_get(form, "msisdn");
    struct channel_event e = {.provider_message_id = id, .at_ms = at_s * 1000};

    if (id.n == 0 || !event_of(status, code, &e.kind))
        return;
    e.id = str_fmt(r->arena, "%.*s:%.*s", STR_ARG(id), STR_ARG(status));
    if (str_starts(ref, STR("dlv_")))
        e.delivery_id = ref;
    if (number.n > 0)
        e.address = str_fmt(r->arena, "+%.*s", STR_ARG(number));
    e.detail = code.n == 0 ? status
                           : str_fmt(r->arena, "%.*s, err-code %.*s",
                                     STR_ARG(status), STR_ARG(code));
    hook_add(r, &e);
}

/* A message that somebody sent. */
static void
read_message(struct channel_receipt *r, const struct hook_form *form)
{
    struct str number = hook_form_get(form, "msisdn");
    struct channel_event e = {.id = hook_form_get(form, "messageId"),
                              .address =
                                  str_fmt(r->arena, "+%.*s", STR_ARG(number))};

    if (number.n > 0 && phone_keyword(hook_form_get(form, "text"), &e.kind))
        hook_add(r, &e);
}

static void
receipt(struct channel_receipt *r)
{
    struct hook_form form;
    int64_t at_s;

    if (vonage_messages_is_hook(r)) {
        vonage_messages_receipt(r);
        return;
    }
    r->outcome = CHANNEL_RECEIPT_UNSIGNED;
    if (!read_params(r, &form))
        return;
    hook_form_sort(&form);
    if (!is_signed(r, &form) || !is_of_now(r, &form, &at_s))
        return;
    r->outcome = CHANNEL_RECEIPT_TAKEN;
    if (hook_form_get(&form, "status").n > 0)
        read_event(r, &form, at_s);
    else
        read_message(r, &form);
}

const struct channel_driver channel_vonage = {
    .name = "vonage",
    .channels = channels_served,
    .config = config_fields,
    .batch_max = 1,
    .calls_world = true,
    .has_target = channel_has_no_target,
    .check = check,
    .host = host,
    .step = step,
    .probe_doc = "a connection to the host of the SMS API, or with an "
                 "application to that of the Messages API, no "
                 "request.",
    .receipt = receipt,
};
