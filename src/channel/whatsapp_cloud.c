/* whatsapp_cloud.c - WhatsApp by Meta's Cloud API, as free text or as a
 * template that Meta has approved, and its webhooks. */
#include "base/arena.h"
#include "base/hmac.h"
#include "channel/hook.h"
#include "channel/http.h"
#include "channel/phone.h"

#define HOME "https://graph.facebook.com"
#define USUAL_VERSION "v23.0"
#define TEXT_MAX 4096
#define PARAMETERS_MAX 32
#define DAY_S (24 * 3600)
#define PAIR_S 6 /* between two messages to one number, at least */

static const char *const channels_served[] = {"whatsapp", NULL};

static const struct field parameter_row[] = {
    {.type = FIELD_STRING, .min = 1, .max = 128}, {.type = FIELD_END}};

static const struct field template_fields[] = {
    {.name = "name",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .min = 1,
     .max = 512,
     .doc = "The approved template's name."},
    {.name = "language",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .min = 2,
     .max = 16,
     .doc = "The language that it is approved in, as en_US."},
    {.name = "parameters",
     .type = FIELD_ARRAY,
     .of = parameter_row,
     .max = PARAMETERS_MAX,
     .doc = "What {{1}}, {{2}}, ... of its body are: title, body, text (the "
            "two together), or data.NAME of the sender's data."},
    {.type = FIELD_END},
};

static const struct field config_fields[] = {
    {.name = "phone_number_id",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .min = 1,
     .max = 32,
     .doc = "The id of the number that sends, which is not the number."},
    {.name = "access_token",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_SECRET,
     .min = 1,
     .max = 1024,
     .doc = "A system user's token with whatsapp_business_messaging."},
    {.name = "version",
     .type = FIELD_STRING,
     .min = 2,
     .max = 8,
     .doc = "Of the Graph API; " USUAL_VERSION " where none is named."},
    {.name = "template",
     .type = FIELD_OBJECT,
     .of = template_fields,
     .doc = "Sends each message as this template. Without it messages are "
            "free text, which WhatsApp takes within 24 hours of the user's "
            "last word only."},
    {.name = "app_secret",
     .type = FIELD_STRING,
     .flags = FIELD_SECRET,
     .min = 1,
     .max = 256,
     .doc = "The app's secret, which signs its webhooks; without it none is "
            "taken."},
    {.name = "verify_token",
     .type = FIELD_STRING,
     .flags = FIELD_SECRET,
     .min = 1,
     .max = 256,
     .doc = "The verify token that is given with the webhook's URL."},
    CHANNEL_BASE_URL_ROW,
    {.type = FIELD_END},
};

/* As Meta's documents have it: it goes out as it came. */
static const struct field component_row[] = {{.type = FIELD_OBJECT},
                                             {.type = FIELD_END}};
static const struct field language_fields[] = {
    {.name = "code",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .min = 2,
     .max = 16},
    {.name = "policy", .type = FIELD_STRING, .max = 32},
    {.type = FIELD_END},
};
static const struct field given_template_fields[] = {
    {.name = "name",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .min = 1,
     .max = 512},
    {.name = "language",
     .type = FIELD_OBJECT,
     .flags = FIELD_REQUIRED,
     .of = language_fields},
    {.name = "components", .type = FIELD_ARRAY, .of = component_row, .max = 20},
    {.type = FIELD_END},
};
static const struct field override_fields[] = {
    {.name = "template",
     .type = FIELD_OBJECT,
     .of = given_template_fields,
     .doc = "The template that this message goes out as."},
    {.type = FIELD_END},
};

/* ---- configuration ---- */

/* "v23.0" */
static bool
is_version(struct str s)
{
    struct str major, minor = s;

    return str_starts(s, STR("v")) && str_split(&minor, '.', &major) &&
           channel_is_digits(str_sub(major, 1, major.n)) &&
           channel_is_digits(minor);
}

static bool
is_parameter(struct str s)
{
    return str_is(s, "title") || str_is(s, "body") || str_is(s, "text") ||
           (str_starts(s, STR("data.")) && s.n > strlen("data."));
}

static void
check_parameters(struct json row, struct problem *p)
{
    size_t i = 0;

    for (struct json e = json_first(row); !json_is(e, JSON_ABSENT);
         e = json_next(row, e), i++)
        if (!is_parameter(json_str(p->arena, e)))
            problem_add(p, ERR_INVALID,
                        str_fmt(p->arena, "/template/parameters/%zu", i),
                        "must be title, body, text or data.NAME");
}

static void
check(struct json config, struct problem *p)
{
    struct str version = json_str_of(p->arena, config, "version");

    if (!channel_is_digits(json_str_of(p->arena, config, "phone_number_id")))
        problem_add(p, ERR_INVALID, STR("/phone_number_id"),
                    "must be of digits: the id, not the number");
    if (version.n > 0 && !is_version(version))
        problem_add(p, ERR_INVALID, STR("/version"),
                    "must be like " USUAL_VERSION);
    check_parameters(json_get(json_get(config, "template"), "parameters"), p);
    channel_check_base_url(config, p);
}

static struct str
host(struct arena *a, struct json config)
{
    return channel_url_host(a, config, HOME);
}

/* ---- the call ---- */

static struct str
text_of_data(struct arena *a, struct str data, struct str name)
{
    struct json_doc doc;
    struct json_error error;
    struct json v;

    if (data.n == 0 || json_parse(a, data, &doc, &error) != ERR_OK)
        return STR_NONE;
    v = json_get_str(json_root(&doc), name);
    if (json_is(v, JSON_STRING))
        return json_str(a, v);
    return json_is(v, JSON_NUMBER) ? json_raw(v) : STR_NONE;
}

static struct str
value_of(struct arena *a, const struct channel_message *m, struct str parameter)
{
    if (str_is(parameter, "title"))
        return m->title;
    if (str_is(parameter, "body"))
        return m->body;
    if (str_is(parameter, "text"))
        return channel_text(a, m);
    return text_of_data(a, m->data,
                        str_sub(parameter, strlen("data."), parameter.n));
}

/* A parameter may have no line ends, no tabs and no row of blanks. */
static struct str
flatten(struct arena *a, struct str s)
{
    struct buf b;

    buf_init(&b, a);
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (c == '\n' || c == '\r' || c == '\t')
            c = ' ';
        if (c != ' ' || (b.n > 0 && b.p[b.n - 1] != ' '))
            buf_put_char(&b, c);
    }
    return str_trim(buf_str(&b));
}

static void
refuse_parameter(struct channel_call *c, struct str parameter)
{
    struct channel_verdict v = {
        .verdict = VERDICT_REJECTED,
        .reason = reason_code(REASON_RENDER_MISSING_VAR),
        .detail = str_fmt(c->arena,
                          "there is nothing for the template's parameter "
                          "%.*s",
                          STR_ARG(parameter)),
    };

    channel_conclude(c, &v);
}

/* False: the message was refused. */
static bool
put_parameters(struct channel_call *c, struct json_writer *w, struct json row)
{
    json_put_key(w, "components");
    json_begin_array(w);
    json_begin_object(w);
    json_str_field(w, "type", STR("body"));
    json_put_key(w, "parameters");
    json_begin_array(w);
    for (struct json e = json_first(row); !json_is(e, JSON_ABSENT);
         e = json_next(row, e)) {
        struct str parameter = json_str(c->arena, e);
        struct str value =
            flatten(c->arena, value_of(c->arena, &c->messages[0], parameter));

        if (value.n == 0) {
            refuse_parameter(c, parameter);
            return false;
        }
        json_begin_object(w);
        json_str_field(w, "type", STR("text"));
        json_str_field(w, "text", value);
        json_end_object(w);
    }
    json_end_array(w);
    json_end_object(w);
    json_end_array(w);
    return true;
}

static bool
put_template(struct channel_call *c, struct json_writer *w,
             struct json template)
{
    struct json row = json_get(template, "parameters");

    json_str_field(w, "type", STR("template"));
    json_put_key(w, "template");
    json_begin_object(w);
    json_str_field(w, "name", json_str_of(c->arena, template, "name"));
    json_put_key(w, "language");
    json_begin_object(w);
    json_str_field(w, "code", json_str_of(c->arena, template, "language"));
    json_end_object(w);
    if (json_count(row) > 0 && !put_parameters(c, w, row))
        return false;
    json_end_object(w);
    return true;
}

static bool
put_text(struct channel_call *c, struct json_writer *w)
{
    struct str text;

    if (!phone_text(c, "WhatsApp", TEXT_MAX, &text))
        return false;
    json_str_field(w, "type", STR("text"));
    json_put_key(w, "text");
    json_begin_object(w);
    json_bool_field(w, "preview_url", false);
    json_str_field(w, "body", text);
    json_end_object(w);
    return true;
}

/* The sender's template, the provider's, or none. */
static bool
put_content(struct channel_call *c, struct json_writer *w)
{
    struct json given = json_get(channel_override(c), "template");
    struct json template = json_get(c->config, "template");

    if (json_is(given, JSON_OBJECT)) {
        json_str_field(w, "type", STR("template"));
        json_raw_field(w, "template", json_raw(given));
        return true;
    }
    if (json_is(template, JSON_OBJECT))
        return put_template(c, w, template);
    return put_text(c, w);
}

static struct str
path_of(struct channel_call *c)
{
    struct str version = json_str_of(c->arena, c->config, "version");
    struct str id = json_str_of(c->arena, c->config, "phone_number_id");

    if (version.n == 0)
        version = STR(USUAL_VERSION);
    return str_fmt(c->arena, "/%.*s/%.*s/messages", STR_ARG(version),
                   STR_ARG(id));
}

static void
ask(struct channel_call *c)
{
    struct json_writer w;
    struct buf body;
    struct str number;

    if (!phone_address(c, &number))
        return;
    buf_init(&body, c->arena);
    w = json_writer(&body);
    json_begin_object(&w);
    json_str_field(&w, "messaging_product", STR("whatsapp"));
    json_str_field(&w, "recipient_type", STR("individual"));
    json_str_field(&w, "to", str_sub(number, 1, number.n));
    if (!put_content(c, &w))
        return;
    json_str_field(&w, "biz_opaque_callback_data", c->messages[0].delivery_id);
    json_end_object(&w);
    channel_post(c, channel_url(c->arena, c->config, HOME, path_of(c)),
                 CHANNEL_JSON, buf_str(&body));
    channel_add_bearer(c, json_str_of(c->arena, c->config, "access_token"));
}

/* ---- the answer ---- */

#define UNDELIVERABLE 131026
#define STOPPED_MARKETING 131050

/* What its numbers mean, at once or in a webhook. */
static const struct code {
    int64_t from, to;
    enum verdict verdict;
    int wait_s;
} codes[] = {
    {0, 0, VERDICT_CREDENTIALS, 0},
    {1, 2, VERDICT_RETRY, 0},
    {3, 3, VERDICT_CREDENTIALS, 0},
    {4, 4, VERDICT_RATE, 0},
    {10, 10, VERDICT_CREDENTIALS, 0},
    {100, 100, VERDICT_REJECTED, 0},
    {190, 190, VERDICT_CREDENTIALS, 0}, /* the token has expired */
    {200, 299, VERDICT_CREDENTIALS, 0}, /* a permission is missing */
    {368, 368, VERDICT_CREDENTIALS, 0}, /* blocked for a while */
    {80007, 80007, VERDICT_RATE, 0},
    {130429, 130429, VERDICT_RATE, 0},
    {130472, 130472, VERDICT_REJECTED, 0}, /* a user in an experiment */
    {130497, 130497, VERDICT_CREDENTIALS, 0},
    {131000, 131000, VERDICT_RETRY, 0},
    {131005, 131005, VERDICT_CREDENTIALS, 0},
    {131008, 131009, VERDICT_REJECTED, 0},
    {131016, 131016, VERDICT_RETRY, 0},
    {131021, 131021, VERDICT_GONE, 0}, /* the sender's own number */
    {UNDELIVERABLE, UNDELIVERABLE, VERDICT_GONE, 0},
    {131030, 131030, VERDICT_GONE, 0}, /* not on a test number's list */
    {131031, 131031, VERDICT_CREDENTIALS, 0},
    {131037, 131037, VERDICT_REJECTED, 0},
    {131042, 131042, VERDICT_CREDENTIALS, 0}, /* payment */
    {131045, 131045, VERDICT_CREDENTIALS, 0},
    {131047, 131047, VERDICT_REJECTED, 0}, /* 24 hours: needs a template */
    {131048, 131048, VERDICT_RATE, 0},     /* reported as spam too often */
    {131049, 131049, VERDICT_RATE, DAY_S}, /* enough marketing for today */
    {STOPPED_MARKETING, STOPPED_MARKETING, VERDICT_GONE, 0},
    {131051, 131053, VERDICT_REJECTED, 0},
    {131056, 131056, VERDICT_RATE, PAIR_S}, /* to this number */
    {131057, 131057, VERDICT_RETRY, 0},     /* maintenance */
    {131064, 131064, VERDICT_RATE, 0},
    {132000, 132001, VERDICT_REJECTED, 0}, /* templates */
    {132005, 132005, VERDICT_REJECTED, 0},
    {132007, 132008, VERDICT_REJECTED, 0},
    {132012, 132012, VERDICT_REJECTED, 0},
    {132015, 132016, VERDICT_REJECTED, 0},
};

static const struct code *
code_find(int64_t code)
{
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (codes[i].from <= code && code <= codes[i].to)
            return &codes[i];
    return NULL;
}

static void
judge_code(struct channel_call *c, int64_t number, struct channel_verdict *v)
{
    const struct code *code = code_find(number);
    int attempt = c->messages[0].attempt;

    if (!code)
        return;
    v->verdict = code->verdict;
    if (v->verdict != VERDICT_RATE)
        v->retry_after_ms = 0;
    else if (code->wait_s > 0)
        v->retry_after_ms =
            channel_wait_ms((double)code->wait_s * (attempt > 1 ? attempt : 1));
    if (number == STOPPED_MARKETING)
        v->reason = reason_code(REASON_SUPPRESS_UNSUBSCRIBE);
    /* It may be a phone that is out of date: once more before it is gone. */
    if (number == UNDELIVERABLE && attempt <= 1)
        v->verdict = VERDICT_RETRY;
}

static struct channel_verdict
judge(struct channel_call *c)
{
    struct channel_verdict v = channel_judge_http(c, config_fields);
    struct json answer = channel_answer_json(c);
    int64_t code;

    if (v.verdict == VERDICT_SENT)
        v.provider_message_id = json_str_of(
            c->arena, json_at(json_get(answer, "messages"), 0), "id");
    else if (json_int(json_get(json_get(answer, "error"), "code"), &code))
        judge_code(c, code, &v);
    return v;
}

static void
step(struct channel_call *c)
{
    channel_step(c, config_fields, ask, judge);
}

/* ---- webhooks ---- */

static bool
is_signed(const struct channel_receipt *r)
{
    struct str secret = json_str_of(r->arena, r->config, "app_secret");
    struct str signature = hook_header(r, "X-Hub-Signature-256");

    return secret.n > 0 && str_starts(signature, STR("sha256=")) &&
           hook_is_hex_of(r->arena, str_sub(signature, 7, signature.n),
                          hmac_sha256(r->arena, secret, r->body));
}

/* False: it is on its way, and no news. */
static bool
event_of(struct str status, int64_t number, enum channel_event_kind *ret)
{
    const struct code *code = code_find(number);

    if (str_is(status, "delivered"))
        *ret = CHANNEL_EVENT_DELIVERED;
    else if (str_is(status, "read"))
        *ret = CHANNEL_EVENT_OPENED;
    else if (!str_is(status, "failed"))
        return false;
    else if (number == STOPPED_MARKETING)
        *ret = CHANNEL_EVENT_UNSUBSCRIBED;
    else if (code && code->verdict == VERDICT_GONE)
        *ret = CHANNEL_EVENT_BOUNCED;
    else
        *ret = CHANNEL_EVENT_FAILED;
    return true;
}

static struct str
detail_of(struct arena *a, struct json error)
{
    struct str title = json_str_of(a, error, "title");
    struct str details =
        json_str_of(a, json_get(error, "error_data"), "details");

    return str_utf8_clip(
        str_trim(str_fmt(a, "%.*s %.*s %.*s",
                         STR_ARG(json_raw(json_get(error, "code"))),
                         STR_ARG(title), STR_ARG(details))),
        CHANNEL_DETAIL_MAX);
}

static void
read_status(struct channel_receipt *r, struct json v)
{
    struct json error = json_at(json_get(v, "errors"), 0);
    struct str id = json_str_of(r->arena, v, "id");
    struct str status = json_str_of(r->arena, v, "status");
    struct str time = json_str_of(r->arena, v, "timestamp");
    struct str number = json_str_of(r->arena, v, "recipient_id");
    struct str ref = json_str_of(r->arena, v, "biz_opaque_callback_data");
    struct channel_event e = {.provider_message_id = id};
    int64_t code = -1, at_s;

    json_int(json_get(error, "code"), &code);
    if (id.n == 0 || !event_of(status, code, &e.kind))
        return;
    e.id = str_fmt(r->arena, "%.*s:%.*s:%.*s", STR_ARG(id), STR_ARG(status),
                   STR_ARG(time));
    if (str_starts(ref, STR("dlv_")))
        e.delivery_id = ref;
    if (channel_is_digits(number))
        e.address = str_fmt(r->arena, "+%.*s", STR_ARG(number));
    if (channel_is_digits(time) && time.n <= 12 && str_to_i64(time, &at_s))
        e.at_ms = at_s * 1000;
    e.detail = detail_of(r->arena, error);
    hook_add(r, &e);
}

/* One app may have several numbers; the others are not this provider's. */
static void
read_change(struct channel_receipt *r, struct json change)
{
    struct json value = json_get(change, "value");
    struct json row = json_get(value, "statuses");

    if (!str_is(json_str_of(r->arena, change, "field"), "messages") ||
        !str_eq(json_str_of(r->arena, json_get(value, "metadata"),
                            "phone_number_id"),
                json_str_of(r->arena, r->config, "phone_number_id")))
        return;
    for (struct json e = json_first(row); !json_is(e, JSON_ABSENT);
         e = json_next(row, e))
        read_status(r, e);
}

static void
read_events(struct channel_receipt *r)
{
    struct json root = hook_json(r), entries = json_get(root, "entry");

    r->outcome = json_is(root, JSON_OBJECT) ? CHANNEL_RECEIPT_TAKEN
                                            : CHANNEL_RECEIPT_MALFORMED;
    for (struct json e = json_first(entries); !json_is(e, JSON_ABSENT);
         e = json_next(entries, e)) {
        struct json changes = json_get(e, "changes");

        for (struct json k = json_first(changes); !json_is(k, JSON_ABSENT);
             k = json_next(changes, k))
            read_change(r, k);
    }
}

/* Meta asks once whether the URL is the app's. */
static void
answer_handshake(struct channel_receipt *r)
{
    struct str token = json_str_of(r->arena, r->config, "verify_token");
    struct hook_form form;

    if (token.n == 0 || !hook_form(r->arena, r->query, &form) ||
        !str_is(hook_form_get(&form, "hub.mode"), "subscribe") ||
        !hmac_is_same(hook_form_get(&form, "hub.verify_token"), token))
        return;
    r->outcome = CHANNEL_RECEIPT_TAKEN;
    r->reply = hook_form_get(&form, "hub.challenge");
    r->reply_type = STR("text/plain");
}

static void
receipt(struct channel_receipt *r)
{
    r->outcome = CHANNEL_RECEIPT_UNSIGNED;
    if (str_is(r->method, "GET"))
        answer_handshake(r);
    else if (is_signed(r))
        read_events(r);
}

const struct channel_driver channel_whatsapp_cloud = {
    .name = "whatsapp_cloud",
    .channels = channels_served,
    .config = config_fields,
    .overrides = override_fields,
    .batch_max = 1,
    .calls_world = true,
    .has_target = channel_has_no_target,
    .check = check,
    .host = host,
    .step = step,
    .receipt = receipt,
};
