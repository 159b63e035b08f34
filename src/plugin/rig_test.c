/* rig_test.c - see rig_test.h. */
#include "plugin/rig_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/guest.h"

#define TEXT(literal) ((struct belfry_str)BELFRY_STR(literal))

static int
is(struct belfry_str s, const char *text)
{
    return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

#define SETTING(row, ...)                                                      \
    static const struct belfry_setting row = {                                 \
        .size = sizeof(struct belfry_setting),                                 \
        .name = BELFRY_STR(#row),                                              \
        .doc = BELFRY_STR("A setting."),                                       \
        __VA_ARGS__}

SETTING(base_url, .type = BELFRY_TYPE_URL, .flags = BELFRY_SETTING_REQUIRED);
SETTING(token, .type = BELFRY_TYPE_STRING, .flags = BELFRY_SETTING_SECRET,
        .min = 4, .max = 99);
SETTING(port, .type = BELFRY_TYPE_INTEGER, .min = -10, .max = 10,
        .otherwise = BELFRY_STR("3"));
SETTING(loud, .type = BELFRY_TYPE_BOOLEAN);
SETTING(pause, .type = BELFRY_TYPE_DURATION, .otherwise = BELFRY_STR("2m"));
SETTING(form, .type = BELFRY_TYPE_CHOICE, .choices = BELFRY_STR("html text"),
        .otherwise = BELFRY_STR("text"));

static const struct belfry_setting *const settings[RIG_N] = {
    [RIG_BASE_URL] = &base_url, [RIG_TOKEN] = &token, [RIG_PORT] = &port,
    [RIG_LOUD] = &loud,         [RIG_PAUSE] = &pause, [RIG_FORM] = &form,
};
static const struct belfry_channel rig = {
    .size = sizeof(struct belfry_channel),
    .name = BELFRY_STR("rig"),
    .flags = BELFRY_CHANNEL_NEEDS_ADDRESS,
    .address = BELFRY_STR("phone"),
};
static const struct belfry_channel email = {
    .size = sizeof(struct belfry_channel), .name = BELFRY_STR("email")};
static const struct belfry_channel *const channels[] = {&rig, &email};

/* All that it was told, so that a test sees what arrived. */
static struct belfry_str
told(const struct belfry_step *s)
{
    const struct belfry_message *m = s->message;
    const struct belfry_value *v = s->config;
    char *p = s->host->alloc(s->host, 1000);
    int n = snprintf(
        p, 1000,
        "%.*s|%.*s|%u:%.*s|%u:%lld|%u:%lld|%u:%lld|%u:%.*s|%.*s|%.*s|%u|%u",
        (int)s->provider.n, s->provider.p, (int)v[RIG_BASE_URL].text.n,
        v[RIG_BASE_URL].text.p, v[RIG_TOKEN].is_set, (int)v[RIG_TOKEN].text.n,
        v[RIG_TOKEN].text.p, v[RIG_PORT].is_set, (long long)v[RIG_PORT].number,
        v[RIG_LOUD].is_set, (long long)v[RIG_LOUD].number, v[RIG_PAUSE].is_set,
        (long long)v[RIG_PAUSE].number, v[RIG_FORM].is_set,
        (int)v[RIG_FORM].text.n, v[RIG_FORM].text.p, (int)m->delivery_id.n,
        m->delivery_id.p, (int)m->body.n, m->body.p, m->attempt, s->stage);

    return (struct belfry_str){p, (size_t)n};
}

/* ---- a message ---- */

static uint32_t
ask(struct belfry_step *s)
{
    static const struct belfry_header headers[] = {
        {BELFRY_STR("X-One"), BELFRY_STR("1")},
    };

    s->request->method = TEXT("POST");
    s->request->url = s->config[RIG_BASE_URL].text;
    s->request->headers = headers;
    s->request->n_headers = 1;
    s->request->body = told(s);
    if (is(s->message->title, "prepare"))
        s->request->flags = BELFRY_REQUEST_PREPARES;
    s->stage = 5;
    s->memo = TEXT("kept");
    s->memo_expires_ms = 99;
    return BELFRY_ASK;
}

static uint32_t
step(struct belfry_step *s)
{
    struct belfry_str title = s->message->title;

    if (is(title, "crash") || (is(title, "judge") && s->answer) ||
        (is(title, "prepare") && s->answer))
        abort();
    while (is(title, "hang"))
        continue;
    if (is(title, "much"))
        s->host->alloc(s->host, (size_t)65 * 1024 * 1024);
    if (is(title, "nonsense"))
        return 77;
    if (is(title, "look"))
        return rig_look_around(s);
    if (is(title, "talk")) /* and one more by the rules */
        rig_log_by_itself(GUEST_LOG_LINES - 1);
    if (is(title, "babble"))
        rig_log_by_itself(GUEST_LOG_LINES);
    s->host->log(s->host, TEXT("it works"));
    if (!s->answer)
        return ask(s);
    s->verdict->verdict = BELFRY_VERDICT_RATE;
    s->verdict->status = s->answer->status;
    s->verdict->retry_after_ms = 2000;
    s->verdict->detail = s->answer->body;
    s->host->json_get(s->host, s->answer->body, TEXT("/a~1b/1/id"),
                      &s->verdict->provider_message_id);
    return BELFRY_DONE;
}

static uint32_t
receipt(struct belfry_receipt *r)
{
    struct belfry_event *e = r->host->alloc(r->host, 2 * sizeof(*e));
    const struct belfry_event **row = r->host->alloc(r->host, 2 * sizeof(*row));

    if (is(r->body, "crash"))
        abort();
    if (is(r->body, "unsigned"))
        return BELFRY_RECEIPT_UNSIGNED;
    e[0] = (struct belfry_event){.size = sizeof(*e),
                                 .kind = BELFRY_EVENT_DELIVERED,
                                 .id = r->headers[0].value,
                                 .provider_message_id = r->query,
                                 .at_ms = r->now_ms};
    e[1] = (struct belfry_event){.size = sizeof(*e),
                                 .kind = BELFRY_EVENT_CLICKED,
                                 .delivery_id = TEXT("dlv_1"),
                                 .url = r->url};
    row[0] = &e[0];
    row[1] = &e[1];
    r->events = row;
    r->n_events = 2;
    r->reply = r->provider;
    r->reply_type = TEXT("text/plain");
    return BELFRY_RECEIPT_TAKEN;
}

const struct belfry_plugin rig_plugin = {
    .size = sizeof(rig_plugin),
    .abi = BELFRY_ABI_VERSION,
    .name = BELFRY_STR("rig"),
    .version = BELFRY_STR("0.1"),
    .channels = channels,
    .n_channels = 2,
    .settings = settings,
    .n_settings = RIG_N,
    .title_max = 20,
    .body_max = 5,
    .step = step,
    .receipt = receipt,
};
