/* postmark.c - mail through Postmark's API. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/hmac.h"
#include "channel/hook.h"
#include "channel/mail_batch.h"

#define HOME "https://api.postmarkapp.com"

static const struct field config_fields[] = {
    {.name = "server_token",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_SECRET,
     .min = 1,
     .max = 256,
     .doc = "The server's API token."},
    MAIL_FROM_ROW,
    MAIL_BATCH_ROW("How many mails that wait go in one request at most; 1 "
                   "when it is left out. When the answer to one does not "
                   "come, that is unknown of all that were in it."),
    {.name = "message_stream",
     .type = FIELD_KEY,
     .doc = "The stream to send through; outbound when it is left out."},
    {.name = "webhook_username",
     .type = FIELD_STRING,
     .min = 1,
     .max = 128,
     .doc = "The name that Postmark's webhooks log in with (Basic)."},
    {.name = "webhook_password",
     .type = FIELD_STRING,
     .flags = FIELD_SECRET,
     .min = 8,
     .max = 256,
     .doc = "The password of that login, 8 characters or more: webhooks that "
            "have it are taken as receipts."},
    CHANNEL_BASE_URL_ROW,
    {.type = FIELD_END},
};

/* ---- configuration ---- */

static void
check(struct json config, struct problem *p)
{
    bool has_name = !json_is(json_get(config, "webhook_username"), JSON_ABSENT);
    bool has_password =
        !json_is(json_get(config, "webhook_password"), JSON_ABSENT);

    if (has_name != has_password)
        problem_add(p, ERR_INVALID,
                    has_name ? STR("/webhook_password")
                             : STR("/webhook_username"),
                    "the login of webhooks has a name and a password");
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
put_header(struct json_writer *w, struct str name, struct str value)
{
    json_begin_object(w);
    json_str_field(w, "Name", name);
    json_str_field(w, "Value", value);
    json_end_object(w);
}

static void
put_headers(struct json_writer *w, struct arena *a,
            const struct mime_message *m)
{
    struct mime_header row[MIME_EXTRA_MAX];
    size_t n = mime_extra_headers(a, m, row);

    json_put_key(w, "Headers");
    json_begin_array(w);
    put_header(w, STR("Message-ID"), mime_message_id(a, m));
    put_header(w, STR("X-PM-KeepID"), STR("true"));
    for (size_t i = 0; i < n; i++)
        put_header(w, row[i].name, row[i].value);
    json_end_array(w);
}

static void
put_attachments(struct json_writer *w, const struct mime_message *m)
{
    if (m->n_attachments == 0)
        return;
    json_put_key(w, "Attachments");
    json_begin_array(w);
    for (size_t i = 0; i < m->n_attachments; i++) {
        json_begin_object(w);
        json_str_field(w, "Name", m->attachments[i].filename);
        json_str_field(w, "Content", m->attachments[i].content);
        json_str_field(w, "ContentType", m->attachments[i].content_type);
        json_end_object(w);
    }
    json_end_array(w);
}

static void
put_mail(struct json_writer *w, struct channel_call *c,
         const struct mime_message *m)
{
    struct arena *a = c->arena;
    struct str stream = json_str_of(a, c->config, "message_stream");

    json_begin_object(w);
    json_str_field(w, "From", mail_address(a, &m->from));
    json_str_field(w, "To", mail_address(a, &m->to));
    if (m->n_cc > 0)
        json_str_field(w, "Cc", mail_addresses(a, m->cc, m->n_cc));
    if (m->reply_to.spec.n > 0)
        json_str_field(w, "ReplyTo", mail_address(a, &m->reply_to));
    json_str_field(w, "Subject", m->subject);
    if (m->text.n > 0)
        json_str_field(w, "TextBody", m->text);
    if (m->html.n > 0)
        json_str_field(w, "HtmlBody", m->html);
    put_headers(w, a, m);
    json_put_key(w, "Metadata");
    json_begin_object(w);
    json_str_field(w, "delivery_id", m->id);
    if (mail_addressee(m).n > 0)
        json_str_field(w, "addressee", mail_addressee(m));
    json_end_object(w);
    json_str_field(w, "MessageStream", stream.n > 0 ? stream : STR("outbound"));
    put_attachments(w, m);
    json_end_object(w);
}

static void
add_headers(struct channel_call *c, struct str ids)
{
    (void)ids; /* it knows no key by which a request is the same again */
    channel_add_header(c, "Accept", STR(CHANNEL_JSON));
    channel_add_header(c, "X-Postmark-Server-Token",
                       json_str_of(c->arena, c->config, "server_token"));
}

/* ---- the answer ---- */

/* Whether its sentence on inactive addresses names the user's: "Found inactive
 * addresses: a@example.com, b@example.com. Inactive recipients are ..." */
static bool
is_inactive(const struct channel_call *c, struct str message)
{
    static const char mark[] = "inactive addresses:";
    const char *at = message.n > 0
                         ? memmem(message.p, message.n, mark, sizeof(mark) - 1)
                         : NULL;
    struct str rest, word;

    if (!at)
        return false;
    rest = str_sub(message, (size_t)(at - message.p), message.n);
    while (str_split(&rest, ' ', &word)) {
        while (word.n > 0 &&
               (word.p[word.n - 1] == ',' || word.p[word.n - 1] == '.'))
            word.n--;
        if (str_ieq(word, c->messages[0].address))
            return true;
    }
    return false;
}

static enum verdict
verdict_of_code(const struct channel_call *c, int64_t code, struct str message)
{
    switch (code) {
    case 10:  /* no such token */
    case 400: /* no signature for the sender */
    case 401: /* not confirmed yet */
    case 405: /* no credit left */
    case 412: /* the account is under review */
        return VERDICT_CREDENTIALS;
    case 406:
        return !mail_has_copies(c) || is_inactive(c, message)
                   ? VERDICT_GONE
                   : VERDICT_REJECTED;
    default:
        return VERDICT_REJECTED;
    }
}

static struct channel_verdict
judge(struct channel_call *c)
{
    struct channel_verdict v = mail_judge(c, config_fields);
    struct json answer = channel_answer_json(c);
    struct str message = json_str_of(c->arena, answer, "Message");
    int64_t code = 0;
    bool has_code = json_int(json_get(answer, "ErrorCode"), &code);

    if (v.status == 422 && has_code)
        v.verdict = verdict_of_code(c, code, message);
    if (v.verdict != VERDICT_SENT)
        return v;
    v.provider_message_id = json_str_of(c->arena, answer, "MessageID");
    if (is_inactive(c, message)) { /* only the copies went out */
        v.verdict = VERDICT_GONE;
        v.detail = channel_detail(c, config_fields, message);
    }
    return v;
}

/* A list, where it was asked for several. */
static struct json
parts(struct json answer)
{
    return answer;
}

static int
status_of_part(struct json part)
{
    int64_t code;

    if (!json_int(json_get(part, "ErrorCode"), &code))
        return 0;
    return code == 0 ? 200 : 422;
}

/* ---- receipts ---- */

/* They are not signed: a login over TLS is all there is. */
static bool
is_known(const struct channel_receipt *r)
{
    struct arena *a = r->arena;
    struct str name = json_str_of(a, r->config, "webhook_username");
    struct str password = json_str_of(a, r->config, "webhook_password");
    struct buf want;

    buf_init(&want, a);
    buf_put_cstr(&want, "Basic ");
    buf_put_base64(&want,
                   str_fmt(a, "%.*s:%.*s", STR_ARG(name), STR_ARG(password)));
    return password.n > 0 &&
           hmac_is_same(hook_header(r, "Authorization"), buf_str(&want));
}

static enum channel_event_kind
kind_of_bounce(struct arena *a, struct json e)
{
    if (json_bool(json_get(e, "Inactive"), false))
        return CHANNEL_EVENT_BOUNCED;
    return str_is(json_str_of(a, e, "Type"), "Transient")
               ? CHANNEL_EVENT_DEFERRED
               : CHANNEL_EVENT_FAILED;
}

/* Somebody is on the list of those who get nothing, or off it again. */
static bool
kind_of_change(struct arena *a, struct json e, enum channel_event_kind *ret)
{
    static const struct hook_kind kinds[] = {
        {"HardBounce", CHANNEL_EVENT_BOUNCED},
        {"SpamComplaint", CHANNEL_EVENT_COMPLAINED},
        {"ManualSuppression", CHANNEL_EVENT_UNSUBSCRIBED},
        {NULL},
    };

    return json_bool(json_get(e, "SuppressSending"), false) &&
           hook_find_kind(kinds, json_str_of(a, e, "SuppressionReason"), ret);
}

static bool
kind_of(struct arena *a, struct json e, enum channel_event_kind *ret)
{
    static const struct hook_kind kinds[] = {
        {"Delivery", CHANNEL_EVENT_DELIVERED},
        {"Bounce", CHANNEL_EVENT_BOUNCED},
        {"SpamComplaint", CHANNEL_EVENT_COMPLAINED},
        {"Open", CHANNEL_EVENT_OPENED},
        {"Click", CHANNEL_EVENT_CLICKED},
        {NULL},
    };
    struct str record = json_str_of(a, e, "RecordType");

    if (str_is(record, "SubscriptionChange"))
        return kind_of_change(a, e, ret);
    if (!hook_find_kind(kinds, record, ret))
        return false;
    if (*ret == CHANNEL_EVENT_BOUNCED)
        *ret = kind_of_bounce(a, e);
    return true;
}

/* The first of them that is there. */
static struct str
first_of(struct arena *a, struct json e, const char *const *names)
{
    struct str s = STR_NONE;

    for (; *names && s.n == 0; names++)
        s = json_str_of(a, e, *names);
    return s;
}

static void
add_event(struct channel_receipt *r, struct json e,
          enum channel_event_kind kind)
{
    static const char *const times[] = {"DeliveredAt", "BouncedAt",
                                        "ReceivedAt", "ChangedAt", NULL};
    static const char *const addresses[] = {"Recipient", "Email", NULL};
    static const char *const details[] = {"Description", "Details",
                                          "SuppressionReason", NULL};
    struct arena *a = r->arena;
    struct json metadata = json_get(e, "Metadata");
    struct str at = first_of(a, e, times);
    struct str message = json_str_of(a, e, "MessageID");
    struct channel_event event = {
        .kind = kind,
        /* It gives most of them none. */
        .id = str_fmt(a, "%.*s/%.*s/%.*s",
                      STR_ARG(json_str_of(a, e, "RecordType")),
                      STR_ARG(message), STR_ARG(at)),
        .delivery_id = json_str_of(a, metadata, "delivery_id"),
        .provider_message_id = message,
        .address = first_of(a, e, addresses),
        .url = json_str_of(a, e, "OriginalLink"),
    };

    if (kind != CHANNEL_EVENT_DELIVERED)
        event.detail = first_of(a, e, details);
    time_parse(at, &event.at_ms);
    if (mail_is_about(json_str_of(a, metadata, "addressee"), event.address))
        hook_add(r, &event);
}

static void
receipt(struct channel_receipt *r)
{
    struct json e = hook_json(r);
    enum channel_event_kind kind;

    r->outcome = CHANNEL_RECEIPT_UNSIGNED;
    if (!is_known(r))
        return;
    r->outcome = json_is(e, JSON_OBJECT) ? CHANNEL_RECEIPT_TAKEN
                                         : CHANNEL_RECEIPT_MALFORMED;
    if (kind_of(r->arena, e, &kind))
        add_event(r, e, kind);
}

static const struct mail_api api = {
    .config = config_fields,
    .home = HOME,
    .path = "/email",
    .batch_path = "/email/batch",
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

static void
probe(struct channel_call *c)
{
    channel_get(c, channel_url(c->arena, c->config, HOME, STR("/server")));
    channel_add_header(c, "Accept", STR(CHANNEL_JSON));
    channel_add_header(c, "X-Postmark-Server-Token",
                       json_str_of(c->arena, c->config, "server_token"));
}

const struct channel_driver channel_postmark = {
    .name = "postmark",
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
    .probe = probe,
    .probe_doc = "`/server`, with the token.",
    .receipt = receipt,
};
