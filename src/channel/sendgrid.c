/* sendgrid.c - mail through SendGrid's v3 API. */
#include <assert.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/sign.h"
#include "channel/hook.h"
#include "channel/mail_batch.h"

#define HOME "https://api.sendgrid.com"

static const struct field config_fields[] = {
    {.name = "api_key",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_SECRET,
     .min = 1,
     .max = 256,
     .doc = "An API key (SG....) that may send mail."},
    MAIL_FROM_ROW,
    MAIL_BATCH_ROW("How many mails with the same words that wait go in one "
                   "request at most; 1 when it is left out. When the answer to "
                   "one does not come, that is unknown of all that were in "
                   "it."),
    {.name = "webhook_verification_key",
     .type = FIELD_STRING,
     .min = 1,
     .max = 2048,
     .doc = "The public key of the event webhook, as SendGrid shows it: its "
            "signed events are taken as receipts."},
    CHANNEL_BASE_URL_ROW,
    {.type = FIELD_END},
};

/* ---- configuration ---- */

static void
check(struct json config, struct problem *p)
{
    struct str key = json_str_of(p->arena, config, "webhook_verification_key");
    const char *fault =
        key.n > 0 ? sign_public_key_fault(key, SIGN_ES256) : NULL;

    if (fault)
        problem_add(p, ERR_INVALID, STR("/webhook_verification_key"), "%s",
                    fault);
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
put_address(struct json_writer *w, const struct mime_address *address)
{
    json_begin_object(w);
    json_str_field(w, "email", address->spec);
    if (address->name.n > 0)
        json_str_field(w, "name", address->name);
    json_end_object(w);
}

static void
put_addresses(struct json_writer *w, const char *key,
              const struct mime_address *row, size_t n)
{
    if (n == 0)
        return;
    json_put_key(w, key);
    json_begin_array(w);
    for (size_t i = 0; i < n; i++)
        put_address(w, &row[i]);
    json_end_array(w);
}

static void
put_content(struct json_writer *w, const char *type, struct str value)
{
    if (value.n == 0)
        return;
    json_begin_object(w);
    json_str_field(w, "type", str_from(type));
    json_str_field(w, "value", value);
    json_end_object(w);
}

static void
put_headers(struct json_writer *w, struct arena *a,
            const struct mime_message *m)
{
    struct mime_header row[MIME_EXTRA_MAX];
    size_t n = mime_extra_headers(a, m, row);

    json_put_key(w, "headers");
    json_begin_object(w);
    json_str_field(w, "Message-ID", mime_message_id(a, m));
    for (size_t i = 0; i < n; i++) {
        json_put_key_str(w, row[i].name);
        json_put_str(w, row[i].value);
    }
    json_end_object(w);
}

/* Its events bring custom_args back. Of several mails each has what is its own
 * here. */
static void
put_personalization(struct json_writer *w, struct arena *a,
                    const struct mime_message *m, bool is_alone)
{
    json_begin_object(w);
    put_addresses(w, "to", &m->to, 1);
    put_addresses(w, "cc", m->cc, m->n_cc);
    if (!is_alone) {
        json_str_field(w, "subject", m->subject);
        put_headers(w, a, m);
    }
    json_put_key(w, "custom_args");
    json_begin_object(w);
    json_str_field(w, "delivery_id", m->id);
    if (mail_addressee(m).n > 0)
        json_str_field(w, "addressee", mail_addressee(m));
    json_end_object(w);
    json_end_object(w);
}

/* It takes no parameters. */
static struct str
essence_of(struct str type)
{
    struct str essence;

    str_split(&type, ';', &essence);
    return str_trim(essence);
}

static void
put_attachments(struct json_writer *w, const struct mime_message *m)
{
    if (m->n_attachments == 0)
        return;
    json_put_key(w, "attachments");
    json_begin_array(w);
    for (size_t i = 0; i < m->n_attachments; i++) {
        json_begin_object(w);
        json_str_field(w, "content", m->attachments[i].content);
        json_str_field(w, "filename", m->attachments[i].filename);
        json_str_field(w, "type", essence_of(m->attachments[i].content_type));
        json_str_field(w, "disposition", STR("attachment"));
        json_end_object(w);
    }
    json_end_array(w);
}

/* The words stand there once, so they are those of each. */
static bool
joins(const struct channel_message *first, const struct channel_message *m)
{
    bool has_words = first->body.n + first->html.n > 0;

    return str_eq(first->body, m->body) && str_eq(first->html, m->html) &&
           str_eq(first->overrides, m->overrides) &&
           (has_words || str_eq(first->title, m->title));
}

static void
put_mails(struct json_writer *w, struct channel_call *c,
          const struct mime_message *all, size_t n)
{
    const struct mime_message *m = &all[0];

    json_begin_object(w);
    json_put_key(w, "personalizations");
    json_begin_array(w);
    for (size_t i = 0; i < n; i++)
        put_personalization(w, c->arena, &all[i], n == 1);
    json_end_array(w);
    json_put_key(w, "from");
    put_address(w, &m->from);
    if (m->reply_to.spec.n > 0) {
        json_put_key(w, "reply_to");
        put_address(w, &m->reply_to);
    }
    if (n == 1)
        json_str_field(w, "subject", m->subject);
    json_put_key(w, "content");
    json_begin_array(w);
    put_content(w, "text/plain", m->text); /* which has to be the first */
    put_content(w, "text/html", m->html);
    json_end_array(w);
    if (n == 1)
        put_headers(w, c->arena, m);
    put_attachments(w, m);
    json_end_object(w);
}

static void
put_all(struct json_writer *w, struct channel_call *c,
        const struct mime_message *all, size_t n)
{
    for (size_t i = 1; i < c->n_messages; i++)
        assert(joins(&c->messages[0], &c->messages[i]));
    put_mails(w, c, all, n);
}

static void
put_mail(struct json_writer *w, struct channel_call *c,
         const struct mime_message *m)
{
    put_mails(w, c, m, 1);
}

static void
add_headers(struct channel_call *c, struct str ids)
{
    (void)ids; /* it knows no key by which a request is the same again */
    channel_add_bearer(c, json_str_of(c->arena, c->config, "api_key"));
}

/* ---- the answer ---- */

/* X-RateLimit-Reset is in seconds of their clock, so their own time counts. */
static int64_t
until_reset_ms(const struct channel_call *c)
{
    struct str text = channel_answer_header(c->answer, "X-RateLimit-Reset");
    int64_t now_ms = c->now_ms;
    uint64_t reset;

    if (!str_to_u64(text, &reset))
        return 0;
    time_parse_http(channel_answer_header(c->answer, "Date"), &now_ms);
    return channel_wait_ms((double)reset - (double)now_ms / 1000);
}

static struct channel_verdict
judge(struct channel_call *c)
{
    struct channel_verdict v = mail_judge(c, config_fields);

    if (v.verdict == VERDICT_SENT)
        v.provider_message_id =
            channel_answer_header(c->answer, "X-Message-Id");
    else if (v.verdict == VERDICT_RATE && v.retry_after_ms == 0)
        v.retry_after_ms = until_reset_ms(c);
    return v;
}

/* ---- receipts ---- */

static bool
is_signed(const struct channel_receipt *r)
{
    struct str key =
        json_str_of(r->arena, r->config, "webhook_verification_key");
    struct str time = hook_header(r, "X-Twilio-Email-Event-Webhook-Timestamp");
    struct str signature =
        hook_header(r, "X-Twilio-Email-Event-Webhook-Signature");
    struct buf text, der;

    buf_init(&text, r->arena);
    buf_put_str(&text, time);
    buf_put_str(&text, r->body);
    buf_init(&der, r->arena);
    return key.n > 0 && hook_is_recent(r, time) &&
           buf_get_base64(&der, signature) && der.n > 0 &&
           sign_is_by_der(key, buf_str(&text), buf_str(&der));
}

/* False: it tells nothing that matters here. */
static bool
kind_of(struct arena *a, struct json e, enum channel_event_kind *ret)
{
    static const struct hook_kind kinds[] = {
        {"delivered", CHANNEL_EVENT_DELIVERED},
        {"deferred", CHANNEL_EVENT_DEFERRED},
        {"bounce", CHANNEL_EVENT_BOUNCED},
        {"dropped", CHANNEL_EVENT_FAILED},
        {"open", CHANNEL_EVENT_OPENED},
        {"click", CHANNEL_EVENT_CLICKED},
        {"spamreport", CHANNEL_EVENT_COMPLAINED},
        {"unsubscribe", CHANNEL_EVENT_UNSUBSCRIBED},
        {"group_unsubscribe", CHANNEL_EVENT_UNSUBSCRIBED},
        {NULL},
    };
    struct str reason = json_str_of(a, e, "reason");

    if (!hook_find_kind(kinds, json_str_of(a, e, "event"), ret))
        return false;
    if (*ret == CHANNEL_EVENT_BOUNCED &&
        str_is(json_str_of(a, e, "type"), "blocked"))
        *ret = CHANNEL_EVENT_FAILED; /* by policy; the address may be right */
    else if (*ret == CHANNEL_EVENT_FAILED &&
             (str_is(reason, "Invalid") || str_is(reason, "Bounced Address")))
        *ret = CHANNEL_EVENT_BOUNCED;
    return true;
}

static void
add_event(struct channel_receipt *r, struct json e)
{
    struct arena *a = r->arena;
    struct str message = json_str_of(a, e, "sg_message_id"), id = STR_NONE;
    struct str reason = json_str_of(a, e, "reason");
    enum channel_event_kind kind;

    if (!kind_of(a, e, &kind) || !mail_is_about(json_str_of(a, e, "addressee"),
                                                json_str_of(a, e, "email")))
        return;
    str_split(&message, '.', &id); /* then ".filter..." */
    hook_add(
        r, &(struct channel_event){
               .kind = kind,
               .id = json_str_of(a, e, "sg_event_id"),
               .delivery_id = json_str_of(a, e, "delivery_id"),
               .provider_message_id = id,
               .address = json_str_of(a, e, "email"),
               .detail = reason.n > 0 ? reason : json_str_of(a, e, "response"),
               .url = json_str_of(a, e, "url"),
               .at_ms = hook_seconds_ms(json_get(e, "timestamp")),
           });
}

static void
receipt(struct channel_receipt *r)
{
    struct json all = hook_json(r);

    r->outcome = CHANNEL_RECEIPT_UNSIGNED;
    if (!is_signed(r))
        return;
    r->outcome = json_is(all, JSON_ARRAY) ? CHANNEL_RECEIPT_TAKEN
                                          : CHANNEL_RECEIPT_MALFORMED;
    for (struct json e = json_first(all);
         r->outcome == CHANNEL_RECEIPT_TAKEN && !json_is(e, JSON_ABSENT);
         e = json_next(all, e))
        add_event(r, e);
}

#define PATH "/v3/mail/send"

static const struct mail_api api = {
    .config = config_fields,
    .home = HOME,
    .path = PATH,
    .batch_path = PATH,
    .put = put_mail,
    .put_all = put_all,
    .add_headers = add_headers,
    .judge = judge,
};

static void
step(struct channel_call *c)
{
    mail_api_step(c, &api);
}

static size_t
batch(struct json config)
{
    return mail_batch(config);
}

static void
probe(struct channel_call *c)
{
    channel_get(c, channel_url(c->arena, c->config, HOME, STR("/v3/scopes")));
    channel_add_bearer(c, json_str_of(c->arena, c->config, "api_key"));
}

const struct channel_driver channel_sendgrid = {
    .name = "sendgrid",
    .channels = mail_channels,
    .config = config_fields,
    .batch_max = MAIL_BATCH_MAX,
    .batch = batch,
    .joins = joins,
    .calls_world = true,
    .takes_attachments = true,
    .has_target = channel_has_no_target,
    .check = check,
    .host = host,
    .step = step,
    .probe = probe,
    .probe_doc = "`/v3/scopes`, with the key.",
    .receipt = receipt,
};
