/* webhook.c - a POST to an URL, signed after Standard Webhooks. A receiver
 * tells repetitions by webhook-id, the delivery's id on every attempt. */
#include "base/arena.h"
#include "base/hmac.h"
#include "base/url.h"
#include "channel/driver.h"

#define SECRETS_MAX 8
#define SECRET_BYTES_MAX 128

static const char *const channels_served[] = {"webhook", NULL};

static const struct field secret_row[] = {
    {.type = FIELD_STRING, .min = 1, .max = 256}, {.type = FIELD_END}};

static const struct field secret_forms[] = {
    {.type = FIELD_STRING, .min = 1, .max = 2048},
    {.type = FIELD_ARRAY, .min = 1, .max = SECRETS_MAX, .of = secret_row},
    {.type = FIELD_END}};

static const struct field config_fields[] = {
    {.name = "url",
     .type = FIELD_URL,
     .max = 2048,
     .doc = "Where to post; a user's own webhook address wins over it."},
    {.name = "secret",
     .type = FIELD_ONE_OF,
     .flags = FIELD_SECRET,
     .of = secret_forms,
     .doc = "Signs each call: whsec_ and base64. Several, in an array or "
            "with blanks between them, all sign, so that receivers can move "
            "from one to the next. Calls are not signed without it."},
    {.type = FIELD_END},
};

/* ---- secrets ---- */

static bool
decode_secret(struct arena *a, struct str s, struct str *ret)
{
    struct buf text, b;
    size_t n_added = 0;

    if (str_starts(s, STR("whsk_")) || str_starts(s, STR("whpk_")))
        return false; /* of another kind of signature */
    if (str_starts(s, STR("whsec_")))
        s = str_sub(s, 6, s.n);
    while (s.n > 0 && s.p[s.n - 1] == '=')
        s.n--;
    if (s.n % 4 == 1)
        return false;
    /* Other libraries take a cut secret and drop its odd bits, so those are
     * given a place to go. */
    buf_init(&text, a);
    buf_put_str(&text, s);
    for (; text.n % 4 != 0; n_added++)
        buf_put_char(&text, 'A');
    buf_init(&b, a);
    if (!buf_get_base64(&b, buf_str(&text)) || b.n <= n_added ||
        b.n - n_added > SECRET_BYTES_MAX)
        return false;
    *ret = str_sub(buf_str(&b), 0, b.n - n_added);
    return true;
}

static bool
add_secrets(struct arena *a, struct str words, struct str *row, size_t *n)
{
    struct str word;

    while (str_split(&words, ' ', &word)) {
        if (word.n == 0)
            continue;
        if (*n == SECRETS_MAX || !decode_secret(a, word, &row[(*n)++]))
            return false;
    }
    return true;
}

/* The keys to sign with; false when one is none. */
static bool
read_secrets(struct arena *a, struct json config, struct str *row, size_t *n)
{
    struct json v = json_get(config, "secret");

    *n = 0;
    if (json_is(v, JSON_STRING))
        return add_secrets(a, json_str(a, v), row, n);
    if (!json_is(v, JSON_ARRAY))
        return true;
    for (struct json e = json_first(v); !json_is(e, JSON_ABSENT);
         e = json_next(v, e))
        if (!add_secrets(a, json_str(a, e), row, n))
            return false;
    return true;
}

static bool
has_target(struct json config)
{
    return json_is(json_get(config, "url"), JSON_STRING);
}

static void
check(struct json config, struct problem *p)
{
    struct str url = json_str_of(p->arena, config, "url");
    const char *fault = url.n > 0 ? url_fault(url) : NULL;
    struct str secrets[SECRETS_MAX];
    size_t n;

    if (fault)
        problem_add(p, ERR_INVALID, STR("/url"), "%s", fault);
    /* As it is shown, it stands for the one that is stored. */
    if (str_is(json_str_of(p->arena, config, "secret"), "***"))
        return;
    if (!read_secrets(p->arena, config, secrets, &n) ||
        (n == 0 && !json_is(json_get(config, "secret"), JSON_ABSENT)))
        problem_add(p, ERR_INVALID, STR("/secret"),
                    "must be whsec_ and base64 of 1 to %d bytes, at most %d "
                    "of them",
                    SECRET_BYTES_MAX, SECRETS_MAX);
}

static struct str
host(struct arena *a, struct json config)
{
    return url_host(json_str_of(a, config, "url"));
}

/* ---- the call ---- */

void
webhook_put_signatures(const struct channel_call *c, struct str timestamp,
                       struct str body, struct buf *out)
{
    struct str secrets[SECRETS_MAX];
    struct buf text;
    size_t n;

    if (!read_secrets(c->arena, c->config, secrets, &n))
        n = 0; /* check() lets none of these in */
    buf_init(&text, c->arena);
    buf_put_str(&text, c->messages[0].delivery_id);
    buf_put_char(&text, '.');
    buf_put_str(&text, timestamp);
    buf_put_char(&text, '.');
    buf_put_str(&text, body);
    for (size_t i = 0; i < n; i++) {
        buf_put_cstr(out, out->n > 0 ? " v1," : "v1,");
        buf_put_base64(out, hmac_sha256(c->arena, secrets[i], buf_str(&text)));
    }
}

static void
ask(struct channel_call *c)
{
    const struct channel_message *m = &c->messages[0];
    struct str url =
        m->address.n > 0 ? m->address : json_str_of(c->arena, c->config, "url");
    const char *fault = url_fault(url);
    struct buf body, signature;
    struct str timestamp;

    if (fault) {
        channel_refuse(
            c, str_cstr(c->arena, str_fmt(c->arena, "the address %s", fault)));
        return;
    }
    buf_init(&body, c->arena);
    channel_put_json(&body, m, 0);
    timestamp = str_fmt(c->arena, "%lld", (long long)(c->now_ms / 1000));
    buf_init(&signature, c->arena);
    webhook_put_signatures(c, timestamp, buf_str(&body), &signature);
    c->request = (struct channel_request){
        .kind = CHANNEL_REQUEST_HTTP,
        .method = STR("POST"),
        .url = url,
        .headers = {{STR("Content-Type"), STR("application/json")},
                    {STR("webhook-id"), m->delivery_id},
                    {STR("webhook-timestamp"), timestamp},
                    {STR("webhook-signature"), buf_str(&signature)}},
        .n_headers = signature.n > 0 ? 4 : 3,
        .body = buf_str(&body),
    };
}

/* The contract's "Webhook answers". */
static struct channel_verdict
judge(struct channel_call *c)
{
    const struct channel_answer *a = c->answer;
    struct channel_verdict v = {.verdict = VERDICT_RETRY, .status = a->status};

    if (a->status >= 200 && a->status < 300) {
        v.verdict = VERDICT_DELIVERED;
        return v;
    }
    if (a->status == 410)
        v.verdict = VERDICT_GONE;
    else if (a->status == 429 || a->status == 502 || a->status == 504)
        v.verdict = VERDICT_RATE;
    if (v.verdict == VERDICT_RATE || a->status == 503)
        v.retry_after_ms = channel_retry_after_ms(c);
    v.detail = channel_detail(
        c, config_fields,
        str_fmt(c->arena, "HTTP %d %.*s", a->status, STR_ARG(a->body)));
    return v;
}

static void
step(struct channel_call *c)
{
    channel_step(c, config_fields, ask, judge);
}

const struct channel_driver channel_webhook = {
    .name = "webhook",
    .channels = channels_served,
    .config = config_fields,
    .batch_max = 1,
    .calls_world = true,
    .has_target = has_target,
    .check = check,
    .host = host,
    .step = step,
};
