/* endpoint.c - see endpoint.h. */
#include "channel/endpoint.h"

#include "base/arena.h"
#include "channel/standard.h"
#include "channel/webhook.h"

static const struct field config_fields[] = {
    {.name = "url", .type = FIELD_URL},
    {.name = "secret", .type = FIELD_STRING, .flags = FIELD_SECRET},
    /* It signs, too, until then. */
    {.name = "old_secret", .type = FIELD_STRING, .flags = FIELD_SECRET},
    {.name = "old_secret_until", .type = FIELD_INT},
    {.type = FIELD_END},
};

static void
check(struct json config, struct problem *p)
{
    standard_check(config, "secret", p);
}

static bool
has_target(struct json config)
{
    (void)config;
    return true;
}

static struct str
signatures(struct channel_call *c, struct str timestamp)
{
    const struct channel_message *m = &c->messages[0];
    struct json secrets[] = {json_get(c->config, "secret"),
                             json_get(c->config, "old_secret")};
    struct standard_secrets s;
    struct buf out;
    int64_t until_ms;

    if (json_int(json_get(c->config, "old_secret_until"), &until_ms) &&
        until_ms <= c->now_ms)
        secrets[1] = (struct json){0};
    buf_init(&out, c->arena);
    for (size_t i = 0; i < 2; i++)
        if (standard_read(c->arena, secrets[i], &s))
            standard_put_signatures(c->arena, &s, m->delivery_id, timestamp,
                                    m->body, &out);
    return buf_str(&out);
}

static void
ask(struct channel_call *c)
{
    struct str timestamp =
        str_fmt(c->arena, "%lld", (long long)(c->now_ms / 1000));

    webhook_request(c, json_str_of(c->arena, c->config, "url"),
                    &(struct webhook_call){
                        .id = c->messages[0].delivery_id,
                        .timestamp = timestamp,
                        .signatures = signatures(c, timestamp),
                        .body = c->messages[0].body,
                    });
}

static struct channel_verdict
judge(struct channel_call *c)
{
    return webhook_judge(c, config_fields);
}

static void
step(struct channel_call *c)
{
    channel_step(c, config_fields, ask, judge);
}

const struct channel_driver channel_endpoint = {
    .name = "endpoint",
    .config = config_fields,
    .batch_max = 1,
    .calls_world = true,
    .has_target = has_target,
    .check = check,
    .step = step,
};
