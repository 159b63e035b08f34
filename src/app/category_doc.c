#include "app/category_doc.h"

#include "channel/channel.h"
#include "domain/throttle.h"

#define CHANNELS_MAX 32
#define SLA_MIN_MS 100
#define SLA_MAX_MS (INT64_C(31) * 24 * 3600 * 1000)

/* By enum quiet_policy. */
static const char *const quiet_policies[] = {
    "defer", "drop", "break_through", "digest", "reroute", NULL};
/* By enum unknown_policy, which has one before these: not set. */
static const char *const unknown_policies[] = {"hold", "resend", NULL};
static const struct field channel_row[] = {{.type = FIELD_KEY}};

static const struct field throttle_fields[] = {
    THROTTLE_FIELDS("A user gets at most so many..."),
    {.type = FIELD_END},
};

static const struct field tracking_fields[] = {
    {.name = "opens",
     .type = FIELD_BOOL,
     .doc = "A picture at the end of the HTML tells that it was opened."},
    {.name = "clicks",
     .type = FIELD_BOOL,
     .doc = "Links in the HTML lead over this server."},
    {.type = FIELD_END},
};

const struct field category_fields[] = {
    {.name = "key", .type = FIELD_KEY},
    {.name = "name",
     .type = FIELD_STRING,
     .max = 200,
     .doc = "What people call it."},
    {.name = "channels",
     .type = FIELD_ARRAY,
     .of = channel_row,
     .min = 1,
     .max = CHANNELS_MAX,
     .doc = "Of sends that name none, and whose template names none."},
    {.name = "critical",
     .type = FIELD_BOOL,
     .doc = "Goes out whatever preferences and quiet hours say."},
    {.name = "quiet_hours",
     .type = FIELD_ENUM,
     .values = quiet_policies,
     .doc = "What happens to it in a user's quiet hours; default defer. "
            "reroute: to the inbox instead."},
    {.name = "throttle",
     .type = FIELD_OBJECT,
     .of = throttle_fields,
     .flags = FIELD_NULLABLE,
     .doc = "How many a user gets; critical ones are not counted."},
    {.name = "sla",
     .type = FIELD_DURATION,
     .min = SLA_MIN_MS,
     .max = SLA_MAX_MS,
     .doc = "How long it may take to the first call; later ones are counted."},
    {.name = "tracking",
     .type = FIELD_OBJECT,
     .of = tracking_fields,
     .doc = "What its mails tell of their readers; default nothing."},
    {.name = "unknown",
     .type = FIELD_ENUM,
     .values = unknown_policies,
     .doc = "What may have been sent: held until a person decides, or open to "
            "other providers; else tried again with the same."},
    {.name = "version", .type = FIELD_INT, .flags = FIELD_READ_ONLY},
    {.name = "created_at", .type = FIELD_TIME, .flags = FIELD_READ_ONLY},
    {.name = "updated_at", .type = FIELD_TIME, .flags = FIELD_READ_ONLY},
    {.type = FIELD_END},
};

void
category_doc_check(struct json doc, struct problem *p)
{
    struct json channels = json_get(doc, "channels");
    size_t i = 0;

    for (struct json v = json_first(channels); !json_is(v, JSON_ABSENT);
         v = json_next(channels, v), i++)
        if (!channel_find(json_str(p->arena, v)))
            channel_refuse_name(json_str(p->arena, v),
                                str_fmt(p->arena, "/channels/%zu", i), p);
}

static enum quiet_policy
quiet_policy_of(struct arena *a, struct json doc)
{
    struct str name = json_str_of(a, doc, "quiet_hours");

    for (size_t i = 0; quiet_policies[i]; i++)
        if (str_is(name, quiet_policies[i]))
            return (enum quiet_policy)i;
    return QUIET_DEFER;
}

static enum unknown_policy
unknown_policy_of(struct arena *a, struct json doc)
{
    struct str name = json_str_of(a, doc, "unknown");

    for (size_t i = 0; unknown_policies[i]; i++)
        if (str_is(name, unknown_policies[i]))
            return (enum unknown_policy)(i + 1);
    return UNKNOWN_STAYS;
}

static int64_t
sla_of(struct arena *a, struct json doc)
{
    int64_t ms;

    return str_to_duration_ms(json_str_of(a, doc, "sla"), &ms) ? ms : 0;
}

struct throttle
throttle_doc_read(struct arena *a, struct json given)
{
    struct throttle t = {0};
    int64_t limit;

    if (json_int(json_get(given, "limit"), &limit) &&
        str_to_duration_ms(json_str_of(a, given, "per"), &t.per_ms))
        t.limit = (int)limit;
    return t;
}

struct category *
category_doc_read(struct arena *a, struct str key, struct json doc)
{
    struct category *c = ARENA_NEW(a, struct category);
    struct json list = json_get(doc, "channels");
    struct json tracking = json_get(doc, "tracking");
    struct str *channels = ARENA_ARRAY(a, struct str, json_count(list) + 1);

    *c = (struct category){
        .key = key,
        .channels = channels,
        .is_critical = json_bool(json_get(doc, "critical"), false),
        .quiet = quiet_policy_of(a, doc),
        .unknown = unknown_policy_of(a, doc),
        .throttle = throttle_doc_read(a, json_get(doc, "throttle")),
        .sla_ms = sla_of(a, doc),
        .tracks_opens = json_bool(json_get(tracking, "opens"), false),
        .tracks_clicks = json_bool(json_get(tracking, "clicks"), false),
    };
    for (struct json v = json_first(list); !json_is(v, JSON_ABSENT);
         v = json_next(list, v))
        channels[c->n_channels++] = json_str(a, v);
    return c;
}
