/* endpoint.c - see endpoint.h. */
#include "channel/endpoint.h"

#include "base/arena.h"
#include "channel/standard.h"
#include "channel/webhook.h"

static const struct field texts[] = {{.type = FIELD_STRING}};
static const struct field numbers[] = {{.type = FIELD_INT}};

static const struct field config_fields[] = {
    {.name = "url", .type = FIELD_URL},
    {.name = "secret", .type = FIELD_STRING, .flags = FIELD_SECRET},
    /* Each signs, too, until then. */
    {.name = "old_secrets",
     .type = FIELD_ARRAY,
     .flags = FIELD_SECRET,
     .of = texts},
    {.name = "old_secrets_until", .type = FIELD_ARRAY, .of = numbers},
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

static void
sign(struct channel_call *c, struct str timestamp, struct json secret,
     struct buf *out)
{
    const struct channel_message *m = &c->messages[0];
    struct standard_secrets s;

    if (standard_read(c->arena, secret, &s))
        standard_put_signatures(c->arena, &s, m->delivery_id, timestamp,
                                m->body, out);
}

static struct str
signatures(struct channel_call *c, struct str timestamp)
{
    struct json old = json_get(c->config, "old_secrets");
    struct json until = json_get(c->config, "old_secrets_until");
    struct json o = json_first(old), u = json_first(until);
    struct buf out;
    int64_t ms;

    buf_init(&out, c->arena);
    sign(c, timestamp, json_get(c->config, "secret"), &out);
    for (; !json_is(o, JSON_ABSENT);
         o = json_next(old, o), u = json_next(until, u))
        if (json_int(u, &ms) && ms > c->now_ms)
            sign(c, timestamp, o, &out);
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
