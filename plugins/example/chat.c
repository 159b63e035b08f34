/* chat.c - a whole plugin: messages to the rooms of a chat server that speaks
 * plain HTTP and JSON, and its webhooks.
 *
 *   POST {base_url}/rooms/{room}/messages     Authorization: Bearer TOKEN
 *   {"key": "dlv_...", "title": "...", "text": "..."}
 *   -> 201 {"id": "m1"}
 *
 *   POST receipt_url                          X-Chat-Signature: HEX
 *   {"id": "e1", "event": "read", "message": "m1"}
 *
 * The signature is HMAC-SHA256 of the body with webhook_secret. */
#include <belfry/channel.h>

#include <string.h>

#define TEXT(literal) ((struct belfry_str)BELFRY_STR(literal))

/* ---- the table of settings; config[] of a call is in its order ---- */

enum { BASE_URL, TOKEN, ROOM, NOTIFY, WEBHOOK_SECRET, N_SETTINGS };

static const struct belfry_setting base_url = {
    .size = sizeof(struct belfry_setting),
    .name = BELFRY_STR("base_url"),
    .type = BELFRY_TYPE_URL,
    .flags = BELFRY_SETTING_REQUIRED,
    .doc = BELFRY_STR("The chat server, such as https://chat.example.com."),
};
static const struct belfry_setting token = {
    .size = sizeof(struct belfry_setting),
    .name = BELFRY_STR("token"),
    .type = BELFRY_TYPE_STRING,
    .flags = BELFRY_SETTING_REQUIRED | BELFRY_SETTING_SECRET,
    .min = 8,
    .max = 256,
    .doc = BELFRY_STR("The token of the bot that writes."),
};
static const struct belfry_setting room = {
    .size = sizeof(struct belfry_setting),
    .name = BELFRY_STR("room"),
    .type = BELFRY_TYPE_STRING,
    .flags = BELFRY_SETTING_REQUIRED,
    .min = 1,
    .max = 64,
    .doc = BELFRY_STR("The room that it writes to, of letters, digits and -."),
};
static const struct belfry_setting notify = {
    .size = sizeof(struct belfry_setting),
    .name = BELFRY_STR("notify"),
    .type = BELFRY_TYPE_CHOICE,
    .choices = BELFRY_STR("all here nobody"),
    .otherwise = BELFRY_STR("here"),
    .doc = BELFRY_STR("Whom the server rings for."),
};
static const struct belfry_setting webhook_secret = {
    .size = sizeof(struct belfry_setting),
    .name = BELFRY_STR("webhook_secret"),
    .type = BELFRY_TYPE_STRING,
    .flags = BELFRY_SETTING_SECRET,
    .min = 16,
    .max = 256,
    .doc = BELFRY_STR("What the server signs its webhooks with."),
};
static const struct belfry_setting *const settings[N_SETTINGS] = {
    [BASE_URL] = &base_url,
    [TOKEN] = &token,
    [ROOM] = &room,
    [NOTIFY] = &notify,
    [WEBHOOK_SECRET] = &webhook_secret,
};

static const struct belfry_channel chat = {
    .size = sizeof(struct belfry_channel),
    .name = BELFRY_STR("chat"),
    .flags = BELFRY_CHANNEL_HAS_TITLE,
};
static const struct belfry_channel *const channels[] = {&chat};

/* ---- words ---- */

static struct belfry_str
join(const struct belfry_host *h, const struct belfry_str *parts, size_t n)
{
    struct belfry_str all = {NULL, 0};
    char *p;

    for (size_t i = 0; i < n; i++)
        all.n += parts[i].n;
    all.p = p = h->alloc(h, all.n + 1);
    for (size_t i = 0; i < n; i++) {
        if (parts[i].n > 0)
            memcpy(p, parts[i].p, parts[i].n);
        p += parts[i].n;
    }
    return all;
}
#define JOIN(h, ...)                                                           \
    join((h), (const struct belfry_str[]){__VA_ARGS__},                        \
         sizeof((const struct belfry_str[]){__VA_ARGS__}) /                    \
             sizeof(struct belfry_str))

static int
is(struct belfry_str s, const char *text)
{
    return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

static struct belfry_str
without_slash(struct belfry_str url)
{
    while (url.n > 0 && url.p[url.n - 1] == '/')
        url.n--;
    return url;
}

static int
is_room(struct belfry_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
            !(c >= '0' && c <= '9') && c != '-')
            return 0;
    }
    return s.n > 0;
}

/* Whole seconds as milliseconds; 0: it is none, but a date, say. */
static int64_t
seconds_ms(struct belfry_str s)
{
    int64_t seconds = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (i == 6 || s.p[i] < '0' || s.p[i] > '9')
            return 0;
        seconds = seconds * 10 + (s.p[i] - '0');
    }
    return seconds * 1000;
}

/* Of a Retry-After; 0: it has none. */
static int64_t
retry_after_ms(const struct belfry_answer *a)
{
    for (size_t i = 0; i < a->n_headers; i++)
        if (is(a->headers[i].name, "Retry-After") ||
            is(a->headers[i].name, "retry-after"))
            return seconds_ms(a->headers[i].value);
    return 0;
}

/* ---- a message ---- */

static uint32_t
conclude(struct belfry_step *s, uint32_t verdict, struct belfry_str detail)
{
    s->verdict->verdict = verdict;
    s->verdict->detail = detail;
    return BELFRY_DONE;
}

static uint32_t
ask(struct belfry_step *s)
{
    const struct belfry_host *h = s->host;
    const struct belfry_message *m = s->message;
    struct belfry_header *headers = h->alloc(h, 2 * sizeof(*headers));

    if (!is_room(s->config[ROOM].text))
        return conclude(s, BELFRY_VERDICT_CREDENTIALS,
                        TEXT("config.room is of letters, digits and -"));
    headers[0].name = TEXT("Content-Type");
    headers[0].value = TEXT("application/json");
    headers[1].name = TEXT("Authorization");
    headers[1].value = JOIN(h, TEXT("Bearer "), s->config[TOKEN].text);
    s->request->method = TEXT("POST");
    s->request->url =
        JOIN(h, without_slash(s->config[BASE_URL].text), TEXT("/rooms/"),
             s->config[ROOM].text, TEXT("/messages"));
    s->request->headers = headers;
    s->request->n_headers = 2;
    s->request->body =
        JOIN(h, TEXT("{\"key\":"), h->json_quote(h, m->delivery_id),
             TEXT(",\"notify\":"), h->json_quote(h, s->config[NOTIFY].text),
             TEXT(",\"title\":"), h->json_quote(h, m->title),
             TEXT(",\"text\":"), h->json_quote(h, m->body), TEXT("}"));
    return BELFRY_ASK;
}

static uint32_t
judge(struct belfry_step *s)
{
    const struct belfry_answer *a = s->answer;

    s->verdict->status = a->status;
    if (a->status / 100 == 2) {
        s->host->json_get(s->host, a->body, TEXT("/id"),
                          &s->verdict->provider_message_id);
        return conclude(s, BELFRY_VERDICT_SENT, TEXT(""));
    }
    if (a->status == 429) {
        s->verdict->retry_after_ms = retry_after_ms(a);
        return conclude(s, BELFRY_VERDICT_RATE, a->body);
    }
    if (a->status >= 500)
        return conclude(s, BELFRY_VERDICT_RETRY, a->body);
    if (a->status == 401 || a->status == 403)
        return conclude(s, BELFRY_VERDICT_CREDENTIALS, a->body);
    return conclude(s, BELFRY_VERDICT_REJECTED, a->body);
}

static uint32_t
step(struct belfry_step *s)
{
    return s->answer ? judge(s) : ask(s);
}

/* ---- a webhook ---- */

static int
is_signed(struct belfry_receipt *r)
{
    const struct belfry_host *h = r->host;
    unsigned char mac[32];
    struct belfry_str raw = {(const char *)mac, sizeof(mac)};
    int n = 0, is_good = 0;

    if (!r->config[WEBHOOK_SECRET].is_set)
        return 0;
    h->hmac_sha256(h, r->config[WEBHOOK_SECRET].text, r->body, mac);
    for (size_t i = 0; i < r->n_headers; i++) {
        if (!is(r->headers[i].name, "X-Chat-Signature") &&
            !is(r->headers[i].name, "x-chat-signature"))
            continue;
        n++;
        is_good = h->is_same(h, r->headers[i].value, h->hex(h, raw)) != 0;
    }
    return n == 1 && is_good;
}

static uint32_t
receipt(struct belfry_receipt *r)
{
    const struct belfry_host *h = r->host;
    struct belfry_event *e = h->alloc(h, sizeof(*e));
    const struct belfry_event **events = h->alloc(h, sizeof(*events));
    struct belfry_str name;

    if (!is_signed(r))
        return BELFRY_RECEIPT_UNSIGNED;
    e->size = sizeof(*e);
    if (!h->json_get(h, r->body, TEXT("/event"), &name) ||
        !h->json_get(h, r->body, TEXT("/id"), &e->id) ||
        !h->json_get(h, r->body, TEXT("/message"), &e->provider_message_id))
        return BELFRY_RECEIPT_MALFORMED;
    e->kind = is(name, "delivered") ? BELFRY_EVENT_DELIVERED
              : is(name, "read")    ? BELFRY_EVENT_OPENED
              : is(name, "failed")  ? BELFRY_EVENT_FAILED
                                    : 0;
    h->json_get(h, r->body, TEXT("/why"), &e->detail);
    events[0] = e;
    r->events = events;
    r->n_events = e->kind != 0; /* others are none of ours */
    return BELFRY_RECEIPT_TAKEN;
}

/* ---- what it says of itself ---- */

static const struct belfry_plugin plugin = {
    .size = sizeof(plugin),
    .abi = BELFRY_ABI_VERSION,
    .flags = BELFRY_PLUGIN_HAS_TARGET,
    .name = BELFRY_STR("chat"),
    .version = BELFRY_STR("1.0"),
    .channels = channels,
    .n_channels = sizeof(channels) / sizeof(channels[0]),
    .settings = settings,
    .n_settings = N_SETTINGS,
    .title_max = 200,
    .body_max = 4000,
    .step = step,
    .receipt = receipt,
};

const struct belfry_plugin *
belfry_plugin_v1(void)
{
    return &plugin;
}
