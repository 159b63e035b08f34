#include "app/preference_doc.h"

#include "channel/channel.h"
#include "domain/digest.h"
#include "domain/quiet.h"

#define CATEGORIES_MAX 200
#define CHANNELS_MAX 32

static const struct field on_row[] = {{.type = FIELD_BOOL}};
static const struct field window_row[] = {{.type = FIELD_DURATION,
                                           .min = DIGEST_WINDOW_MIN_MS,
                                           .max = DIGEST_WINDOW_MAX_MS}};

static const struct field category_fields[] = {
    {.name = "enabled",
     .type = FIELD_BOOL,
     .doc = "false: nothing of this category, but on channels set to true."},
    {.name = "channels",
     .type = FIELD_MAP,
     .of = on_row,
     .max = CHANNELS_MAX,
     .doc = "By channel; goes before all else that is set."},
    {.type = FIELD_END},
};
static const struct field category_row[] = {
    {.type = FIELD_OBJECT, .of = category_fields}};

#define CHOICES                                                                \
    {.name = "channels",                                                       \
     .type = FIELD_MAP,                                                        \
     .of = on_row,                                                             \
     .max = CHANNELS_MAX,                                                      \
     .doc = "false: nothing on this channel."},                                \
    {                                                                          \
        .name = "categories", .type = FIELD_MAP, .of = category_row,           \
        .max = CATEGORIES_MAX, .doc = "By category."                           \
    }

const struct field preference_fields[] = {
    {.name = "user", .type = FIELD_KEY, .flags = FIELD_READ_ONLY},
    {.name = "muted_until",
     .type = FIELD_TIME,
     .flags = FIELD_NULLABLE,
     .doc = "Nothing before this time, but of critical categories."},
    CHOICES,
    {.name = "quiet_hours",
     .type = FIELD_OBJECT,
     .of = quiet_fields,
     .flags = FIELD_NULLABLE,
     .doc = "When nothing is to disturb; in_app does not."},
    {.name = "digest",
     .type = FIELD_MAP,
     .of = window_row,
     .max = CATEGORIES_MAX,
     .doc = "By category: what comes of it goes out as one, so long after the "
            "first; 1s to 31d. Goes before a send's own digest."},
    {.name = "version", .type = FIELD_INT, .flags = FIELD_READ_ONLY},
    {.name = "created_at",
     .type = FIELD_TIME,
     .flags = FIELD_READ_ONLY | FIELD_NULLABLE},
    {.name = "updated_at",
     .type = FIELD_TIME,
     .flags = FIELD_READ_ONLY | FIELD_NULLABLE},
    {.type = FIELD_END},
};

const struct field default_fields[] = {
    CHOICES,
    {.type = FIELD_END},
};

static void
check_channels(struct json of, struct str at, struct problem *p)
{
    struct json channels = json_get(of, "channels");

    if (!json_is(channels, JSON_OBJECT))
        return;
    at = field_pointer(p->arena, at, STR("channels"));
    for (struct json v = json_first(channels); !json_is(v, JSON_ABSENT);
         v = json_next(channels, v)) {
        struct str name = json_key(p->arena, v);

        if (!channel_find(name))
            channel_refuse_name(name, field_pointer(p->arena, at, name), p);
    }
}

/* The table has said it. */
static bool
is_faulty(const struct problem *p, struct str at)
{
    for (size_t i = 0; i < p->n_errors; i++)
        if (str_starts(p->errors[i].pointer, at))
            return true;
    return p->n_more > 0;
}

static void
check_quiet(struct json quiet, struct str at, struct problem *p)
{
    struct quiet_hours hours;

    if (json_is(quiet, JSON_OBJECT) && !is_faulty(p, at))
        (void)quiet_read(quiet, at, zone_utc(), p, &hours);
}

void
preference_doc_check(struct json doc, struct str at, struct problem *p)
{
    struct json categories = json_get(doc, "categories");
    struct str below = field_pointer(p->arena, at, STR("categories"));

    if (json_raw(doc).n > PREFERENCES_MAX)
        problem_add(p, ERR_INVALID, at, "must be at most %d bytes of JSON",
                    PREFERENCES_MAX);
    check_quiet(json_get(doc, "quiet_hours"),
                field_pointer(p->arena, at, STR("quiet_hours")), p);
    check_channels(doc, at, p);
    if (!json_is(categories, JSON_OBJECT))
        return;
    for (struct json v = json_first(categories); !json_is(v, JSON_ABSENT);
         v = json_next(categories, v))
        check_channels(v, field_pointer(p->arena, below, json_key(p->arena, v)),
                       p);
}
