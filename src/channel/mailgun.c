/* mailgun.c - mail through Mailgun's API, as a form. */
#include "base/arena.h"
#include "base/hmac.h"
#include "channel/hook.h"
#include "channel/mail.h"

#define HOME "https://api.mailgun.net"

static const struct field config_fields[] = {
    {.name = "api_key",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_SECRET,
     .min = 1,
     .max = 256,
     .doc = "The account's API key, or a sending key of the domain."},
    {.name = "domain",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .min = 1,
     .max = 253,
     .doc = "The sending domain, as it is named at Mailgun."},
    MAIL_FROM_ROW,
    {.name = "webhook_signing_key",
     .type = FIELD_STRING,
     .flags = FIELD_SECRET,
     .min = 1,
     .max = 256,
     .doc = "The HTTP webhook signing key, which is not the API key: webhooks "
            "that it signs are taken as receipts."},
    CHANNEL_BASE_URL_ROW,
    {.type = FIELD_END},
};

/* ---- configuration ---- */

static void
check(struct json config, struct problem *p)
{
    if (!mime_is_domain(json_str_of(p->arena, config, "domain")))
        problem_add(p, ERR_INVALID, STR("/domain"), "must be a domain name");
    mail_check_from(config, p);
    channel_check_base_url(config, p);
}

static struct str
host(struct arena *a, struct json config)
{
    return channel_url_host(a, config, HOME);
}

/* ---- the call ---- */

static void
put_headers(struct buf *form, struct arena *a, const struct mime_message *m)
{
    struct mime_header row[MIME_EXTRA_MAX];
    size_t n = mime_extra_headers(a, m, row);

    channel_put_form(form, "h:Message-Id", mime_message_id(a, m));
    if (m->reply_to.spec.n > 0)
        channel_put_form(form, "h:Reply-To", mail_address(a, &m->reply_to));
    for (size_t i = 0; i < n; i++)
        channel_put_form(
            form, str_cstr(a, str_fmt(a, "h:%.*s", STR_ARG(row[i].name))),
            row[i].value);
}

static void
put_mail(struct buf *form, struct arena *a, const struct mime_message *m)
{
    channel_put_form(form, "from", mail_address(a, &m->from));
    channel_put_form(form, "to", mail_address(a, &m->to));
    for (size_t i = 0; i < m->n_cc; i++)
        channel_put_form(form, "cc", mail_address(a, &m->cc[i]));
    channel_put_form(form, "subject", m->subject);
    if (m->text.n > 0)
        channel_put_form(form, "text", m->text);
    if (m->html.n > 0)
        channel_put_form(form, "html", m->html);
    put_headers(form, a, m);
    channel_put_form(form, "v:delivery_id", m->id); /* its events have it */
    if (mail_addressee(m).n > 0)
        channel_put_form(form, "v:addressee", mail_addressee(m));
}

static void
ask(struct channel_call *c)
{
    struct str domain = json_str_of(c->arena, c->config, "domain");
    struct mime_message mail;
    struct buf form;

    if (!mail_take(c, &mail))
        return;
    buf_init(&form, c->arena);
    put_mail(&form, c->arena, &mail);
    channel_post(
        c,
        channel_url(c->arena, c->config, HOME,
                    str_fmt(c->arena, "/v3/%.*s/messages", STR_ARG(domain))),
        CHANNEL_FORM, buf_str(&form));
    channel_add_basic(c, STR("api"),
                      json_str_of(c->arena, c->config, "api_key"));
}

/* ---- the answer ---- */

/* Its events name a message without the angle brackets of its answer. */
static struct str
without_brackets(struct str id)
{
    if (id.n >= 2 && id.p[0] == '<' && id.p[id.n - 1] == '>')
        return str_sub(id, 1, id.n - 2);
    return id;
}

static struct channel_verdict
judge(struct channel_call *c)
{
    struct channel_verdict v = mail_judge(c, config_fields);

    if (v.verdict == VERDICT_SENT)
        v.provider_message_id = without_brackets(
            json_str_of(c->arena, channel_answer_json(c), "id"));
    return v;
}

/* ---- receipts ---- */

/* It covers no more than the time and the token, so each token counts once. */
static bool
is_signed(const struct channel_receipt *r, struct json signature)
{
    struct arena *a = r->arena;
    struct str key = json_str_of(a, r->config, "webhook_signing_key");
    struct str time = json_str_of(a, signature, "timestamp");
    struct str token = json_str_of(a, signature, "token");
    struct str text = str_fmt(a, "%.*s%.*s", STR_ARG(time), STR_ARG(token));

    return key.n > 0 && token.n > 0 && hook_is_recent(r, time) &&
           hook_is_hex_of(a, json_str_of(a, signature, "signature"),
                          hmac_sha256(a, key, text));
}

static enum channel_event_kind
kind_of_failure(struct arena *a, struct json e)
{
    struct json status = json_get(e, "delivery-status");
    struct str reason = json_str_of(a, e, "reason");
    int64_t code = 0;

    if (str_is(json_str_of(a, e, "severity"), "temporary"))
        return CHANNEL_EVENT_DEFERRED;
    json_int(json_get(status, "code"), &code);
    if (str_is(reason, "suppress-bounce") ||
        (str_is(reason, "bounce") &&
         (code == 550 ||
          str_is(json_str_of(a, status, "enhanced-code"), "5.1.1"))))
        return CHANNEL_EVENT_BOUNCED;
    return CHANNEL_EVENT_FAILED;
}

static bool
kind_of(struct arena *a, struct json e, enum channel_event_kind *ret)
{
    static const struct hook_kind kinds[] = {
        {"delivered", CHANNEL_EVENT_DELIVERED},
        {"failed", CHANNEL_EVENT_FAILED},
        {"rejected", CHANNEL_EVENT_FAILED},
        {"opened", CHANNEL_EVENT_OPENED},
        {"clicked", CHANNEL_EVENT_CLICKED},
        {"unsubscribed", CHANNEL_EVENT_UNSUBSCRIBED},
        {"complained", CHANNEL_EVENT_COMPLAINED},
        {NULL},
    };
    struct str name = json_str_of(a, e, "event");

    if (!hook_find_kind(kinds, name, ret))
        return false;
    if (str_is(name, "failed"))
        *ret = kind_of_failure(a, e);
    return true;
}

static struct str
detail_of(struct arena *a, struct json e)
{
    struct json status = json_get(e, "delivery-status");
    struct str detail = json_str_of(a, status, "message");

    if (detail.n == 0)
        detail = json_str_of(a, status, "description");
    return detail.n > 0 ? detail : json_str_of(a, e, "reason");
}

static void
receipt(struct channel_receipt *r)
{
    struct arena *a = r->arena;
    struct json all = hook_json(r), signature = json_get(all, "signature");
    struct json e = json_get(all, "event-data");
    struct json headers = json_get(json_get(e, "message"), "headers");
    struct json variables = json_get(e, "user-variables");
    enum channel_event_kind kind;

    r->outcome = CHANNEL_RECEIPT_UNSIGNED;
    if (!is_signed(r, signature))
        return;
    r->outcome = json_is(e, JSON_OBJECT) ? CHANNEL_RECEIPT_TAKEN
                                         : CHANNEL_RECEIPT_MALFORMED;
    if (!kind_of(a, e, &kind) ||
        !mail_is_about(json_str_of(a, variables, "addressee"),
                       json_str_of(a, e, "recipient")))
        return;
    hook_add(r,
             &(struct channel_event){
                 .kind = kind,
                 .id = json_str_of(a, signature, "token"),
                 .delivery_id = json_str_of(a, variables, "delivery_id"),
                 .provider_message_id = json_str_of(a, headers, "message-id"),
                 .address = json_str_of(a, e, "recipient"),
                 .detail = detail_of(a, e),
                 .url = json_str_of(a, e, "url"),
                 .at_ms = hook_seconds_ms(json_get(e, "timestamp")),
             });
}

static void
step(struct channel_call *c)
{
    channel_step(c, config_fields, ask, judge);
}

const struct channel_driver channel_mailgun = {
    .name = "mailgun",
    .channels = mail_channels,
    .config = config_fields,
    .batch_max = 1,
    .calls_world = true,
    .has_target = channel_has_no_target,
    .check = check,
    .host = host,
    .step = step,
    .receipt = receipt,
};
