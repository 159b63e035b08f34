/* resend.c - mail through Resend's API. */
#include "base/arena.h"
#include "channel/hook.h"
#include "channel/mail_batch.h"
#include "channel/standard.h"

#define HOME "https://api.resend.com"

static const struct field config_fields[] = {
    {.name = "api_key",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_SECRET,
     .min = 1,
     .max = 256,
     .doc = "An API key (re_...) that may send."},
    MAIL_FROM_ROW,
    MAIL_BATCH_ROW("How many mails that wait go in one request at most; 1 "
                   "when it is left out. Only a mail that goes by itself is "
                   "known again by Resend, should it have to be sent twice."),
    {.name = "webhook_secret",
     .type = FIELD_ONE_OF,
     .flags = FIELD_SECRET,
     .of = standard_secret_forms,
     .doc = "The signing secret of the webhook (whsec_...), or several while "
            "one takes another's place: what they sign is taken as receipts."},
    CHANNEL_BASE_URL_ROW,
    {.type = FIELD_END},
};

/* ---- configuration ---- */

static void
check(struct json config, struct problem *p)
{
    standard_check(config, "webhook_secret", p);
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
put_copies(struct json_writer *w, struct arena *a, const struct mime_message *m)
{
    if (m->n_cc == 0)
        return;
    json_put_key(w, "cc");
    json_begin_array(w);
    for (size_t i = 0; i < m->n_cc; i++)
        json_put_str(w, mail_address(a, &m->cc[i]));
    json_end_array(w);
}

static void
put_headers(struct json_writer *w, struct arena *a,
            const struct mime_message *m)
{
    struct mime_header row[MIME_EXTRA_MAX];
    size_t n = mime_extra_headers(a, m, row);

    json_put_key(w, "headers");
    json_begin_object(w);
    for (size_t i = 0; i < n; i++) {
        json_put_key_str(w, row[i].name);
        json_put_str(w, row[i].value);
    }
    json_end_object(w);
}

/* Its webhooks bring it back. */
static void
put_tags(struct json_writer *w, const struct mime_message *m)
{
    json_put_key(w, "tags");
    json_begin_array(w);
    json_begin_object(w);
    json_str_field(w, "name", STR("delivery_id"));
    json_str_field(w, "value", m->id);
    json_end_object(w);
    json_end_array(w);
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
        json_str_field(w, "filename", m->attachments[i].filename);
        json_str_field(w, "content", m->attachments[i].content);
        json_str_field(w, "content_type", m->attachments[i].content_type);
        json_end_object(w);
    }
    json_end_array(w);
}

static void
put_mail(struct json_writer *w, struct channel_call *c,
         const struct mime_message *m)
{
    struct arena *a = c->arena;

    json_begin_object(w);
    json_str_field(w, "from", mail_address(a, &m->from));
    json_put_key(w, "to");
    json_begin_array(w);
    json_put_str(w, mail_address(a, &m->to));
    json_end_array(w);
    put_copies(w, a, m);
    if (m->reply_to.spec.n > 0)
        json_str_field(w, "reply_to", mail_address(a, &m->reply_to));
    json_str_field(w, "subject", m->subject);
    if (m->text.n > 0)
        json_str_field(w, "text", m->text);
    if (m->html.n > 0)
        json_str_field(w, "html", m->html);
    put_headers(w, a, m);
    put_tags(w, m);
    put_attachments(w, m);
    json_end_object(w);
}

static void
add_headers(struct channel_call *c, struct str ids)
{
    channel_add_bearer(c, json_str_of(c->arena, c->config, "api_key"));
    channel_add_header(c, "Idempotency-Key", ids);
}

/* ---- the answer ---- */

static int64_t
wait_of(const struct channel_call *c, struct str name)
{
    struct str reset = channel_answer_header(c->answer, "ratelimit-reset");
    uint64_t seconds;

    if (str_is(name, "daily_quota_exceeded"))
        return channel_until_midnight_ms(c->now_ms);
    if (str_is(name, "monthly_quota_exceeded"))
        return RETRY_AFTER_MAX_MS;
    return str_to_u64(reset, &seconds) ? channel_wait_ms((double)seconds) : 0;
}

static struct channel_verdict
judge(struct channel_call *c)
{
    struct channel_verdict v = mail_judge(c, config_fields);
    struct json answer = channel_answer_json(c);
    struct str name = json_str_of(c->arena, answer, "name");

    if (v.verdict == VERDICT_SENT)
        v.provider_message_id = json_str_of(c->arena, answer, "id");
    else if (v.verdict == VERDICT_RATE && v.retry_after_ms == 0)
        v.retry_after_ms = wait_of(c, name);
    else if (v.status == 409 && (str_is(name, "resource_locked") ||
                                 str_is(name, "concurrent_idempotent_"
                                              "requests")))
        v.verdict = VERDICT_RETRY; /* another call with the key is under way */
    return v;
}

static struct json
parts(struct json answer)
{
    return json_get(answer, "data");
}

/* It takes all of them or none. */
static int
status_of_part(struct json part)
{
    (void)part;
    return 200;
}

/* ---- receipts ---- */

static bool
kind_of(struct arena *a, struct json event, enum channel_event_kind *ret)
{
    static const struct hook_kind kinds[] = {
        {"email.delivered", CHANNEL_EVENT_DELIVERED},
        {"email.delivery_delayed", CHANNEL_EVENT_DEFERRED},
        {"email.bounced", CHANNEL_EVENT_BOUNCED},
        {"email.complained", CHANNEL_EVENT_COMPLAINED},
        {"email.opened", CHANNEL_EVENT_OPENED},
        {"email.clicked", CHANNEL_EVENT_CLICKED},
        {"email.failed", CHANNEL_EVENT_FAILED},
        {"email.suppressed", CHANNEL_EVENT_BOUNCED},
        {NULL},
    };
    struct json bounce = json_get(json_get(event, "data"), "bounce");

    if (!hook_find_kind(kinds, json_str_of(a, event, "type"), ret))
        return false;
    if (json_is(bounce, JSON_OBJECT) &&
        !str_is(json_str_of(a, bounce, "type"), "Permanent"))
        *ret = CHANNEL_EVENT_FAILED;
    return true;
}

static struct str
detail_of(struct arena *a, struct json data)
{
    struct str detail = json_str_of(a, json_get(data, "bounce"), "message");

    if (detail.n == 0)
        detail = json_str_of(a, json_get(data, "failed"), "reason");
    return detail.n > 0
               ? detail
               : json_str_of(a, json_get(data, "suppressed"), "message");
}

static void
receipt(struct channel_receipt *r)
{
    struct arena *a = r->arena;
    struct json event = hook_json(r), data = json_get(event, "data");
    enum channel_event_kind kind;

    r->outcome = CHANNEL_RECEIPT_UNSIGNED;
    if (!standard_is_signed(r, "svix", json_get(r->config, "webhook_secret")))
        return;
    r->outcome = json_is(data, JSON_OBJECT) ? CHANNEL_RECEIPT_TAKEN
                                            : CHANNEL_RECEIPT_MALFORMED;
    if (!kind_of(a, event, &kind))
        return;
    hook_add(r, &(struct channel_event){
                    .kind = kind,
                    .id = hook_header(r, "svix-id"),
                    .delivery_id =
                        json_str_of(a, json_get(data, "tags"), "delivery_id"),
                    .provider_message_id = json_str_of(a, data, "email_id"),
                    .address = json_str(a, json_first(json_get(data, "to"))),
                    .detail = detail_of(a, data),
                    .url = json_str_of(a, json_get(data, "click"), "link"),
                    .at_ms = hook_time_ms(a, event, "created_at"),
                });
}

static const struct mail_api api = {
    .config = config_fields,
    .home = HOME,
    .path = "/emails",
    .batch_path = "/emails/batch",
    .put = put_mail,
    .add_headers = add_headers,
    .judge = judge,
    .parts = parts,
    .status = status_of_part,
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

const struct channel_driver channel_resend = {
    .name = "resend",
    .channels = mail_channels,
    .config = config_fields,
    .batch_max = MAIL_BATCH_MAX,
    .batch = batch,
    .calls_world = true,
    .takes_attachments = true,
    .has_target = channel_has_no_target,
    .check = check,
    .host = host,
    .step = step,
    .receipt = receipt,
};
