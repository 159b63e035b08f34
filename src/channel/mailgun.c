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

/* A form with files is multipart/form-data (RFC 7578), one without is not. */
struct form {
    struct buf *out;
    struct str boundary; /* empty: without */
};

static void
put_field(const struct form *f, const char *name, struct str value)
{
    if (f->boundary.n == 0) {
        channel_put_form(f->out, name, value);
        return;
    }
    buf_printf(f->out,
               "--%.*s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n",
               STR_ARG(f->boundary), name);
    buf_put_str(f->out, value);
    buf_put_cstr(f->out, "\r\n");
}

/* As browsers write it: the quote escaped, all else as it is. */
static void
put_filename(struct buf *out, struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '"')
            buf_put_cstr(out, "%22");
        else
            buf_put_char(out, name.p[i]);
    }
}

/* False: one of them is no base64. */
static bool
put_files(const struct form *f, const struct mime_message *m)
{
    struct buf *out = f->out;

    for (size_t i = 0; i < m->n_attachments; i++) {
        const struct attachment *t = &m->attachments[i];

        buf_reserve(out, t->content.n + 1024);
        buf_printf(out,
                   "--%.*s\r\nContent-Disposition: form-data; "
                   "name=\"attachment\"; filename=\"",
                   STR_ARG(f->boundary));
        put_filename(out, t->filename);
        buf_printf(out, "\"\r\nContent-Type: %.*s\r\n\r\n",
                   STR_ARG(t->content_type));
        if (!buf_get_base64(out, t->content))
            return false;
        buf_put_cstr(out, "\r\n");
    }
    if (m->n_attachments > 0)
        buf_printf(out, "--%.*s--\r\n", STR_ARG(f->boundary));
    return true;
}

static void
put_headers(const struct form *f, struct arena *a, const struct mime_message *m)
{
    struct mime_header row[MIME_EXTRA_MAX];
    size_t n = mime_extra_headers(a, m, row);

    put_field(f, "h:Message-Id", mime_message_id(a, m));
    if (m->reply_to.spec.n > 0)
        put_field(f, "h:Reply-To", mail_address(a, &m->reply_to));
    for (size_t i = 0; i < n; i++)
        put_field(f, str_cstr(a, str_fmt(a, "h:%.*s", STR_ARG(row[i].name))),
                  row[i].value);
}

static void
put_mail(const struct form *f, struct arena *a, const struct mime_message *m)
{
    put_field(f, "from", mail_address(a, &m->from));
    put_field(f, "to", mail_address(a, &m->to));
    for (size_t i = 0; i < m->n_cc; i++)
        put_field(f, "cc", mail_address(a, &m->cc[i]));
    put_field(f, "subject", m->subject);
    if (m->text.n > 0)
        put_field(f, "text", m->text);
    if (m->html.n > 0)
        put_field(f, "html", m->html);
    put_headers(f, a, m);
    put_field(f, "v:delivery_id", m->id); /* its events have it */
    if (mail_addressee(m).n > 0)
        put_field(f, "v:addressee", mail_addressee(m));
}

/* That nobody can guess, so that no value has it. */
static struct str
boundary(struct channel_call *c)
{
    unsigned char secret[16];
    struct buf b;

    c->secret(secret, sizeof(secret));
    buf_init(&b, c->arena);
    buf_put_cstr(&b, "belfry");
    buf_put_hex(&b, (struct str){(const char *)secret, sizeof(secret)});
    return buf_str(&b);
}

static struct str
type_of(struct channel_call *c, const struct form *f)
{
    if (f->boundary.n == 0)
        return STR(CHANNEL_FORM);
    return str_fmt(c->arena, "multipart/form-data; boundary=%.*s",
                   STR_ARG(f->boundary));
}

static void
ask(struct channel_call *c)
{
    struct str domain = json_str_of(c->arena, c->config, "domain");
    struct mime_message mail;
    struct buf body;
    struct form f = {.out = &body};

    if (!mail_take(c, &mail))
        return;
    buf_init(&body, c->arena);
    if (mail.n_attachments > 0)
        f.boundary = boundary(c);
    put_mail(&f, c->arena, &mail);
    if (!put_files(&f, &mail)) {
        channel_refuse(c, "an attachment is no base64");
        return;
    }
    channel_post(
        c,
        channel_url(c->arena, c->config, HOME,
                    str_fmt(c->arena, "/v3/%.*s/messages", STR_ARG(domain))),
        str_cstr(c->arena, type_of(c, &f)), buf_str(&body));
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
    .takes_attachments = true,
    .has_target = channel_has_no_target,
    .check = check,
    .host = host,
    .step = step,
    .receipt = receipt,
};
