/* mailgun.c - mail through Mailgun's API, as a form. */
#include "base/arena.h"
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
};
