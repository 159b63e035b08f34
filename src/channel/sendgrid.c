/* sendgrid.c - mail through SendGrid's v3 API. */
#include "base/arena.h"
#include "base/clock.h"
#include "channel/mail.h"

#define HOME "https://api.sendgrid.com"

static const struct field config_fields[] = {
    {.name = "api_key",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_SECRET,
     .min = 1,
     .max = 256,
     .doc = "An API key (SG....) that may send mail."},
    MAIL_FROM_ROW,
    CHANNEL_BASE_URL_ROW,
    {.type = FIELD_END},
};

/* ---- configuration ---- */

static void
check(struct json config, struct problem *p)
{
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

/* Its events bring custom_args back. */
static void
put_personalization(struct json_writer *w, const struct mime_message *m)
{
    json_put_key(w, "personalizations");
    json_begin_array(w);
    json_begin_object(w);
    put_addresses(w, "to", &m->to, 1);
    put_addresses(w, "cc", m->cc, m->n_cc);
    json_put_key(w, "custom_args");
    json_begin_object(w);
    json_str_field(w, "delivery_id", m->id);
    json_end_object(w);
    json_end_object(w);
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

static void
put_mail(struct json_writer *w, struct arena *a, const struct mime_message *m)
{
    json_begin_object(w);
    put_personalization(w, m);
    json_put_key(w, "from");
    put_address(w, &m->from);
    if (m->reply_to.spec.n > 0) {
        json_put_key(w, "reply_to");
        put_address(w, &m->reply_to);
    }
    json_str_field(w, "subject", m->subject);
    json_put_key(w, "content");
    json_begin_array(w);
    put_content(w, "text/plain", m->text); /* which has to be the first */
    put_content(w, "text/html", m->html);
    json_end_array(w);
    put_headers(w, a, m);
    json_end_object(w);
}

static void
ask(struct channel_call *c)
{
    struct mime_message mail;
    struct json_writer w;
    struct buf body;

    if (!mail_take(c, &mail))
        return;
    buf_init(&body, c->arena);
    w = json_writer(&body);
    put_mail(&w, c->arena, &mail);
    channel_post(c,
                 channel_url(c->arena, c->config, HOME, STR("/v3/mail/send")),
                 CHANNEL_JSON, buf_str(&body));
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

static void
step(struct channel_call *c)
{
    channel_step(c, config_fields, ask, judge);
}

const struct channel_driver channel_sendgrid = {
    .name = "sendgrid",
    .channels = mail_channels,
    .config = config_fields,
    .batch_max = 1,
    .calls_world = true,
    .has_target = channel_has_no_target,
    .check = check,
    .host = host,
    .step = step,
};
