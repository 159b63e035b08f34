/* null_driver.c - delivers to nobody, for trials and measurements. It may be
 * slow and may fail; who fails is drawn from the delivery and its attempt, so
 * the same run comes out the same way. */
#include "base/arena.h"
#include "base/decimal.h"
#include "channel/driver.h"

#define WHOLE UINT64_C(1000000000) /* 1.0 in billionths */

static const struct field config_fields[] = {
    {.name = "latency",
     .type = FIELD_DURATION,
     .max = 600000,
     .doc = "How long each call takes; 0s when it is left out."},
    {.name = "fail",
     .type = FIELD_DECIMAL,
     .doc = "The share of calls that fail and are tried again, 0.0 to 1.0."},
    {.type = FIELD_END},
};

static struct str
decimal_text(struct arena *a, struct json v)
{
    return json_is(v, JSON_STRING) ? json_str(a, v) : json_raw(v);
}

static bool
has_target(struct json config)
{
    (void)config;
    return true;
}

static void
check(struct json config, struct problem *p)
{
    struct json fail = json_get(config, "fail");
    int64_t share;

    if (!json_is(fail, JSON_ABSENT) &&
        !decimal_share(decimal_text(p->arena, fail), &share))
        problem_add(p, ERR_INVALID, STR("/fail"), "must be from 0.0 to 1.0");
}

/* FNV-1a, then a finalizer that spreads it over all bits. */
static uint64_t
draw(struct str id, int attempt)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < id.n; i++)
        h = (h ^ (unsigned char)id.p[i]) * UINT64_C(0x100000001b3);
    h += (uint64_t)attempt * UINT64_C(0x9e3779b97f4a7c15);
    h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ (h >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (h ^ (h >> 31)) % WHOLE;
}

static void
step(struct channel_call *c)
{
    struct json fail = json_get(c->config, "fail");
    int64_t latency_ms = 0;
    int64_t share = 0;

    str_to_duration_ms(json_str_of(c->arena, c->config, "latency"),
                       &latency_ms);
    if (!c->answer && latency_ms > 0) {
        c->request = (struct channel_request){.kind = CHANNEL_REQUEST_WAIT,
                                              .wait_ms = latency_ms};
        return;
    }
    if (!json_is(fail, JSON_ABSENT))
        decimal_share(decimal_text(c->arena, fail), &share);
    c->is_done = true;
    for (size_t i = 0; i < c->n_messages; i++) {
        const struct channel_message *m = &c->messages[i];
        bool fails = (int64_t)draw(m->delivery_id, m->attempt) < share;

        c->verdicts[i] = (struct channel_verdict){
            .verdict = fails ? VERDICT_RETRY : VERDICT_DELIVERED,
            .detail =
                fails ? STR("made to fail by its configuration") : STR_NONE,
        };
    }
}

const struct channel_driver channel_null = {
    .name = "null",
    .config = config_fields,
    .batch_max = 1,
    .calls_world = false,
    .has_target = has_target,
    .check = check,
    .step = step,
};
