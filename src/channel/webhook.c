/* webhook.c - a POST to an URL, signed after Standard Webhooks. A receiver
 * tells repetitions by webhook-id, the delivery's id on every attempt. */
#include "base/arena.h"
#include "base/url.h"
#include "channel/driver.h"
#include "channel/http.h"
#include "channel/standard.h"
#include "channel/webhook.h"

static const char *const channels_served[] = {"webhook", NULL};

static const struct field config_fields[] = {
    {.name = "url",
     .type = FIELD_URL,
     .max = 2048,
     .doc = "Where to post; a user's own webhook address wins over it."},
    {.name = "secret",
     .type = FIELD_ONE_OF,
     .flags = FIELD_SECRET,
     .of = standard_secret_forms,
     .doc = "Signs each call: whsec_ and base64 (v1), or an Ed25519 key, "
            "whsk_ and base64 (v1a). Several, in an array or with blanks "
            "between them, all sign, so that receivers can move from one to "
            "the next. Calls are not signed without it."},
    {.type = FIELD_END},
};

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

    if (fault)
        problem_add(p, ERR_INVALID, STR("/url"), "%s", fault);
    standard_check_signer(config, "secret", p);
}

static struct str
host(struct arena *a, struct json config)
{
    return url_host(json_str_of(a, config, "url"));
}

/* ---- the call ---- */

void
webhook_request(struct channel_call *c, struct str url,
                const struct webhook_call *w)
{
    c->request = (struct channel_request){
        .kind = CHANNEL_REQUEST_HTTP,
        .method = STR("POST"),
        .url = url,
        .headers = {{STR("Content-Type"), STR("application/json")},
                    {STR("webhook-id"), w->id},
                    {STR("webhook-timestamp"), w->timestamp},
                    {STR("webhook-signature"), w->signatures}},
        .n_headers = w->signatures.n > 0 ? 4 : 3,
        .body = w->body,
    };
}

static void
ask(struct channel_call *c)
{
    const struct channel_message *m = &c->messages[0];
    struct str url =
        m->address.n > 0 ? m->address : json_str_of(c->arena, c->config, "url");
    const char *fault = url_fault(url);
    struct buf body, signature;
    struct standard_secrets secrets;
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
    if (standard_read(c->arena, json_get(c->config, "secret"), &secrets))
        standard_put_signatures(c->arena, &secrets, m->delivery_id, timestamp,
                                buf_str(&body), &signature);
    webhook_request(c, url,
                    &(struct webhook_call){
                        .id = m->delivery_id,
                        .timestamp = timestamp,
                        .signatures = buf_str(&signature),
                        .body = buf_str(&body),
                    });
}

/* The contract's "Webhook answers". */
struct channel_verdict
webhook_judge(struct channel_call *c, const struct field *config)
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
    v.retry_after_ms = channel_retry_after_ms(c);
    v.detail = channel_detail(
        c, config,
        str_fmt(c->arena, "HTTP %d %.*s", a->status, STR_ARG(a->body)));
    return v;
}

static struct channel_verdict
judge(struct channel_call *c)
{
    return webhook_judge(c, config_fields);
}

static void
step(struct channel_call *c)
{
    const char *const homes[] = {str_cstr(c->arena, host(c->arena, c->config)),
                                 NULL};

    channel_step(c, config_fields, ask, judge);
    channel_judge_others(c, c->messages[0].address, homes);
}

/* The receiver is anybody's: what it would do with a call is not known. */
static void
probe(struct channel_call *c)
{
    struct str url = json_str_of(c->arena, c->config, "url");

    if (url.n > 0)
        channel_connect(c, url);
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
    .probe = probe,
    .probe_doc = "a connection to the host of `url`, no request; "
                 "nobody where there is none.",
};
