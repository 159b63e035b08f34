/* ses.c - mail through Amazon SES v2: the bytes of a mail, in JSON, signed with
 * Signature Version 4. */
#include "base/arena.h"
#include "base/sigv4.h"
#include "channel/hook.h"
#include "channel/mail.h"
#include "channel/sns.h"

#define PATH "/v2/email/outbound-emails"
#define QUOTA_MS (10 * 60 * INT64_C(1000)) /* what their guide says to wait */

static const struct field config_fields[] = {
    {.name = "region",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .min = 1,
     .max = 64,
     .doc = "The region, such as eu-central-1."},
    {.name = "access_key_id",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_SECRET,
     .min = 1,
     .max = 128,
     .doc = "The access key of a user or role that may call ses:SendEmail and "
            "ses:SendRawEmail."},
    {.name = "secret_access_key",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_SECRET,
     .min = 1,
     .max = 256,
     .doc = "The secret of that key."},
    {.name = "session_token",
     .type = FIELD_STRING,
     .flags = FIELD_SECRET,
     .min = 1,
     .max = 4096,
     .doc = "With temporary credentials: the token that belongs to them."},
    MAIL_FROM_ROW,
    {.name = "configuration_set",
     .type = FIELD_STRING,
     .min = 1,
     .max = 64,
     .doc = "The configuration set, which says where events go."},
    SNS_ROWS,
    CHANNEL_BASE_URL_ROW,
    {.type = FIELD_END},
};

/* ---- configuration ---- */

static void
check(struct json config, struct problem *p)
{
    struct str set = json_str_of(p->arena, config, "configuration_set");

    if (!channel_is_word(json_str_of(p->arena, config, "region")))
        problem_add(p, ERR_INVALID, STR("/region"),
                    "must be the name of a region");
    if (set.n > 0 && !channel_is_word(set))
        problem_add(p, ERR_INVALID, STR("/configuration_set"),
                    "must be of letters, digits, - and _");
    mail_check_from(config, p);
    sns_check(config, p);
    channel_check_base_url(config, p);
}

static struct str
home(struct arena *a, struct json config)
{
    return str_fmt(a, "https://email.%.*s.amazonaws.com",
                   STR_ARG(json_str_of(a, config, "region")));
}

static struct str
url_of(struct arena *a, struct json config)
{
    return channel_url(a, config, home(a, config).p, STR(PATH));
}

static struct str
host(struct arena *a, struct json config)
{
    return channel_url_host(a, config, home(a, config).p);
}

/* ---- the call ---- */

static void
put_destination(struct json_writer *w, const struct mime_message *m)
{
    json_put_key(w, "Destination");
    json_begin_object(w);
    json_put_key(w, "ToAddresses");
    json_begin_array(w);
    json_put_str(w, m->to.spec);
    json_end_array(w);
    if (m->n_cc > 0) {
        json_put_key(w, "CcAddresses");
        json_begin_array(w);
        for (size_t i = 0; i < m->n_cc; i++)
            json_put_str(w, m->cc[i].spec);
        json_end_array(w);
    }
    json_end_object(w);
}

static void
put_content(struct json_writer *w, struct arena *a, struct str mime)
{
    struct buf data;

    buf_init(&data, a);
    buf_put_base64(&data, mime);
    json_put_key(w, "Content");
    json_begin_object(w);
    json_put_key(w, "Raw");
    json_begin_object(w);
    json_str_field(w, "Data", buf_str(&data));
    json_end_object(w);
    json_end_object(w);
}

/* Its events bring the tag back. */
static void
put_tags(struct json_writer *w, const struct mime_message *m)
{
    json_put_key(w, "EmailTags");
    json_begin_array(w);
    json_begin_object(w);
    json_str_field(w, "Name", STR("delivery_id"));
    json_str_field(w, "Value", m->id);
    json_end_object(w);
    json_end_array(w);
}

static struct str
body_of(struct channel_call *c, const struct mime_message *m, struct str mime)
{
    struct str set = json_str_of(c->arena, c->config, "configuration_set");
    struct json_writer w;
    struct buf body;

    buf_init(&body, c->arena);
    w = json_writer(&body);
    json_begin_object(&w);
    json_str_field(&w, "FromEmailAddress", m->from.spec);
    put_destination(&w, m);
    put_content(&w, c->arena, mime);
    put_tags(&w, m);
    if (set.n > 0)
        json_str_field(&w, "ConfigurationSetName", set);
    json_end_object(&w);
    return buf_str(&body);
}

/* What the Host header will be: without the port that the scheme has. */
static struct str
authority(struct str url)
{
    bool is_secure = str_starts(url, STR("https:"));
    ptrdiff_t colon = str_find(url, ':');
    struct str rest = str_sub(url, (size_t)colon + 3, url.n), part;

    str_split(&rest, '/', &part);
    if (is_secure && str_ends(part, STR(":443")))
        part.n -= 4;
    else if (!is_secure && str_ends(part, STR(":80")))
        part.n -= 3;
    return part;
}

static void
sign_request(struct channel_call *c)
{
    struct arena *a = c->arena;
    struct channel_request *r = &c->request;
    struct sigv4_key key = {
        .id = json_str_of(a, c->config, "access_key_id"),
        .secret = json_str_of(a, c->config, "secret_access_key"),
        .region = json_str_of(a, c->config, "region"),
        .service = STR("ses"),
    };
    struct str token = json_str_of(a, c->config, "session_token");
    struct str time = sigv4_time(a, c->now_ms);
    struct str host_name = authority(r->url);
    size_t path = (size_t)(host_name.p - r->url.p);
    struct sigv4_header signed_headers[4] = {
        {STR("content-type"), STR(CHANNEL_JSON)},
        {STR("host"), host_name},
        {STR("x-amz-date"), time},
        {STR("x-amz-security-token"), token},
    };
    struct sigv4_request request = {
        .method = r->method,
        .headers = signed_headers,
        .n_headers = token.n > 0 ? 4 : 3,
        .body = r->body,
    };

    while (r->url.p[path] != '/')
        path++;
    request.path = str_sub(r->url, path, r->url.n);
    channel_add_header(c, "X-Amz-Date", time);
    if (token.n > 0)
        channel_add_header(c, "X-Amz-Security-Token", token);
    channel_add_header(c, "Authorization",
                       sigv4_authorization(a, &key, &request, c->now_ms));
}

static void
ask(struct channel_call *c)
{
    struct mime_message mail;
    struct buf mime;
    const char *fault;

    buf_init(&mime, c->arena);
    fault = mail_compose(c, &mail);
    if (!fault)
        fault = mime_build(c->arena, &mail, &mime);
    if (fault) {
        channel_refuse(c, fault);
        return;
    }
    if (mail_refuse_wide(c, &mail))
        return;
    channel_post(c, url_of(c->arena, c->config), CHANNEL_JSON,
                 body_of(c, &mail, buf_str(&mime)));
    sign_request(c);
}

/* ---- the answer ---- */

/* "Name" of "Name:http://..." in a header, or of "prefix#Name" in the body. */
static struct str
error_name(struct channel_call *c, struct json answer)
{
    struct str name = channel_answer_header(c->answer, "x-amzn-ErrorType");
    struct str part;
    ptrdiff_t mark;

    if (name.n == 0)
        name = json_str_of(c->arena, answer, "__type");
    mark = str_find(name, '#');
    if (mark >= 0)
        name = str_sub(name, (size_t)mark + 1, name.n);
    return str_split(&name, ':', &part) ? part : STR_NONE;
}

static bool
is_one_of(struct str name, const char *const *row)
{
    for (; *row; row++)
        if (str_is(name, *row))
            return true;
    return false;
}

static bool
has_words(struct str text, const char *words)
{
    return text.p && memmem(text.p, text.n, words, strlen(words)) != NULL;
}

static enum verdict
verdict_of_name(struct str name, struct str message, enum verdict otherwise)
{
    static const char *const rate[] = {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottledException",
        "RequestThrottled",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "SlowDown",
        "PriorRequestNotComplete",
        "LimitExceededException",
        NULL,
    };
    static const char *const account[] = {
        "AccountSuspendedException",
        "SendingPausedException",
        "MailFromDomainNotVerifiedException",
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "ExpiredToken",
        "ExpiredTokenException",
        "AccessDenied",
        "AccessDeniedException",
        "InvalidClientTokenId",
        "RequestExpired",
        NULL,
    };

    if (is_one_of(name, rate) ||
        has_words(message, "Maximum sending rate exceeded") ||
        has_words(message, "Daily message quota exceeded"))
        return VERDICT_RATE;
    if (is_one_of(name, account) ||
        has_words(message, "Email address is not verified"))
        return VERDICT_CREDENTIALS;
    if (str_starts(name, STR("RequestTimeout")))
        return VERDICT_RETRY;
    return otherwise;
}

static int64_t
wait_of(struct str name, struct str message)
{
    if (str_is(name, "LimitExceededException") ||
        has_words(message, "Daily message quota exceeded"))
        return QUOTA_MS;
    return RETRY_AFTER_MIN_MS;
}

static struct channel_verdict
judge(struct channel_call *c)
{
    struct channel_verdict v = mail_judge(c, config_fields);
    struct json answer = channel_answer_json(c);
    struct str message = json_str_of(c->arena, answer, "message"), name;

    if (v.verdict == VERDICT_SENT) {
        v.provider_message_id = json_str_of(c->arena, answer, "MessageId");
        return v;
    }
    name = error_name(c, answer);
    v.verdict = verdict_of_name(name, message, v.verdict);
    if (v.verdict == VERDICT_RATE && v.retry_after_ms == 0)
        v.retry_after_ms = wait_of(name, message);
    return v;
}

/* ---- receipts ---- */

/* What each event calls itself, the object that tells more of it, the list in
 * that of whom it is about, and what it says of why. */
static const struct event_form {
    const char *name;
    enum channel_event_kind kind;
    const char *object, *recipients, *detail;
} event_forms[] = {
    {"Delivery", CHANNEL_EVENT_DELIVERED, "delivery", NULL, "smtpResponse"},
    {"Bounce", CHANNEL_EVENT_FAILED, "bounce", "bouncedRecipients",
     "bounceSubType"},
    {"Complaint", CHANNEL_EVENT_COMPLAINED, "complaint", "complainedRecipients",
     "complaintFeedbackType"},
    {"Reject", CHANNEL_EVENT_FAILED, "reject", NULL, "reason"},
    {"Rendering Failure", CHANNEL_EVENT_FAILED, "failure", NULL,
     "errorMessage"},
    {"DeliveryDelay", CHANNEL_EVENT_DEFERRED, "deliveryDelay",
     "delayedRecipients", "delayType"},
    {"Open", CHANNEL_EVENT_OPENED, "open", NULL, NULL},
    {"Click", CHANNEL_EVENT_CLICKED, "click", NULL, NULL},
    {"Subscription", CHANNEL_EVENT_UNSUBSCRIBED, "subscription", NULL, NULL},
};

static const struct event_form *
form_of(struct str name)
{
    for (size_t i = 0; i < sizeof(event_forms) / sizeof(event_forms[0]); i++)
        if (str_is(name, event_forms[i].name))
            return &event_forms[i];
    return NULL;
}

static struct channel_event
event_of(struct arena *a, struct json told, const struct event_form *form)
{
    struct json mail = json_get(told, "mail");
    struct json more = json_get(told, form->object);
    struct json tag = json_get(json_get(mail, "tags"), "delivery_id");
    struct channel_event e = {
        .kind = form->kind,
        .delivery_id = json_str(a, json_first(tag)),
        .provider_message_id = json_str_of(a, mail, "messageId"),
        .url = json_str_of(a, more, "link"),
        .at_ms = hook_time_ms(a, more, "timestamp"),
    };

    if (form->detail && form->kind != CHANNEL_EVENT_DELIVERED)
        e.detail = json_str_of(a, more, form->detail);
    if (str_is(json_str_of(a, more, "bounceType"), "Permanent"))
        e.kind = CHANNEL_EVENT_BOUNCED;
    return e;
}

/* Whom the mail says to be for, where the event repeats its headers. */
static struct str
addressee_of(struct arena *a, struct json mail)
{
    struct json to = json_get(json_get(mail, "commonHeaders"), "to");
    struct mime_address address;

    return mime_parse_address(a, json_str(a, json_first(to)), &address)
               ? address.spec
               : STR_NONE;
}

/* It tells of each change of what somebody wants, also of one for the better,
 * and of single topics, which are not ours. */
static bool
is_change_for_nothing(struct json told)
{
    struct json now =
        json_get(json_get(told, "subscription"), "newTopicPreferences");

    return !json_bool(json_get(now, "unsubscribeAll"), false);
}

/* One event for each of whom it is about, but for the copies. */
static void
add_events(struct channel_receipt *r, struct json told, struct str id)
{
    struct arena *a = r->arena;
    struct str name = json_str_of(a, told, "eventType");
    struct str addressee = addressee_of(a, json_get(told, "mail"));
    const struct event_form *form;
    struct channel_event e;
    struct json list;

    if (name.n == 0)
        name = json_str_of(a, told, "notificationType");
    form = form_of(name);
    if (!form || (form->kind == CHANNEL_EVENT_UNSUBSCRIBED &&
                  is_change_for_nothing(told)))
        return;
    e = event_of(a, told, form);
    e.id = id;
    list = form->recipients
               ? json_get(json_get(told, form->object), form->recipients)
               : json_get(json_get(told, "mail"), "destination");
    if (!form->recipients || json_count(list) == 0) {
        e.address = json_str(a, json_first(list));
        hook_add(r, &e);
        return;
    }
    for (struct json who = json_first(list); !json_is(who, JSON_ABSENT);
         who = json_next(list, who)) {
        e.address = json_str_of(a, who, "emailAddress");
        e.id = str_fmt(a, "%.*s/%.*s", STR_ARG(id), STR_ARG(e.address));
        if (mail_is_about(addressee, e.address))
            hook_add(r, &e);
    }
}

static void
receipt(struct channel_receipt *r)
{
    struct json_doc *doc = ARENA_NEW(r->arena, struct json_doc);
    struct json_error error;
    struct str id, message = sns_open(r, &id);

    if (message.n == 0)
        return;
    if (json_parse(r->arena, message, doc, &error) == ERR_OK)
        add_events(r, json_root(doc), id);
    /* else a text: "Successfully validated SNS topic for ..." */
}

static void
step(struct channel_call *c)
{
    channel_step(c, config_fields, ask, judge);
}

const struct channel_driver channel_ses = {
    .name = "ses",
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
