/* best_time.c - what was learned of when a user reads. */
#include "api/api_private.h"
#include "api/route.h"
#include "api/shapes.h"
#include "app/objects.h"
#include "base/list.h"

struct looking {
    struct call *call;
    struct str user;
    struct str zone; /* empty: none is known */
    struct store_object_get get;
    struct store_habits habits;
};

/* An hour of reading is 1.00. */
static void
put_weight(struct call *c, struct json_writer *w, uint64_t weight)
{
    uint64_t n = (weight * 100 + HABIT_ONE / 2) / HABIT_ONE;

    json_put_raw(w,
                 str_fmt(c->arena, "%llu.%02llu", (unsigned long long)(n / 100),
                         (unsigned long long)(n % 100)));
}

static void
write_days(struct call *c, struct json_writer *w, const struct habit *h,
           enum habit_days days)
{
    int best = habit_best_hour(h, days);

    json_put_key(w, "hours");
    json_begin_array(w);
    for (int i = 0; i < 24; i++)
        put_weight(c, w, habit_count(h, days, i));
    json_end_array(w);
    json_str_or_null_field(
        w, "best", best < 0 ? STR_NONE : str_fmt(c->arena, "%02d:00", best));
}

static void
write_part(struct call *c, struct json_writer *w, const char *name,
           const struct habit *h, enum habit_days days)
{
    json_put_key(w, name);
    json_begin_object(w);
    write_days(c, w, h, days);
    json_end_object(w);
}

void
best_time_write(struct call *c, struct json_writer *w, const struct habit *kept,
                struct str zone)
{
    struct habit h = habit_at(kept, zone_find(zone), call_now_ms(c));

    json_str_or_null_field(w, "timezone", zone);
    json_put_key(w, "reads");
    put_weight(c, w, habit_reads(&h));
    write_days(c, w, &h, HABIT_DAYS);
    write_part(c, w, "workdays", &h, HABIT_WORKDAYS);
    write_part(c, w, "weekends", &h, HABIT_WEEKEND);
}

static void
on_habits(struct store_req *req, enum err e)
{
    struct store_habits *g = CONTAINER_OF(req, struct store_habits, req);
    struct looking *l = CONTAINER_OF(g, struct looking, habits);
    struct call *c = l->call;
    struct json_writer w;
    struct buf out;

    if (e != ERR_OK) {
        call_fail(c, e);
        return;
    }
    w = call_writer(c, &out);
    json_begin_object(&w);
    json_str_field(&w, "user", l->user);
    best_time_write(c, &w, &g->habits[0], l->zone);
    json_end_object(&w);
    call_reply(c, 200, &out);
}

static void
on_user(struct store_req *req, enum err e)
{
    struct store_object_get *g =
        CONTAINER_OF(req, struct store_object_get, req);
    struct looking *l = CONTAINER_OF(g, struct looking, get);
    struct call *c = l->call;
    struct json_doc doc;
    struct json_error why;

    if (e == ERR_OK && g->objects[0].version == 0)
        e = ERR_NOT_FOUND;
    if (e != ERR_OK) {
        call_fail(c, e);
        return;
    }
    if (json_parse(c->arena, g->objects[0].body, &doc, &why) == ERR_OK)
        l->zone = json_str_of(c->arena, json_root(&doc), "timezone");
    l->habits = (struct store_habits){.req = call_req(c, on_habits),
                                      .tenant = c->workspace->tenant,
                                      .users = &l->user,
                                      .n_users = 1};
    objects_habits(c->app, &l->habits);
}

static void
handle_get(struct call *c)
{
    struct looking *l = ARENA_NEW(c->arena, struct looking);

    l->call = c;
    if (!call_path_key(c, 0, &l->user))
        return;
    l->get = (struct store_object_get){.req = call_req(c, on_user),
                                       .tenant = c->workspace->tenant,
                                       .kind = OBJECT_USER,
                                       .keys = &l->user,
                                       .n_keys = 1};
    objects_get(c->app, &l->get);
}

static const struct field weight_row[] = {{.type = FIELD_DECIMAL}};
#define DAYS_FIELDS                                                            \
    {.name = "hours",                                                          \
     .type = FIELD_ARRAY,                                                      \
     .of = weight_row,                                                         \
     .min = 24,                                                                \
     .max = 24,                                                                \
     .flags = FIELD_REQUIRED,                                                  \
     .doc = "In how many the user read something, by the hour of the day; "    \
            "what is a month old counts half."},                               \
    {                                                                          \
        .name = "best", .type = FIELD_STRING, .flags = FIELD_NULLABLE,         \
        .doc = "The hour that stands out; null: too little is known, or none " \
               "does."                                                         \
    }

static const struct field days_fields[] = {
    DAYS_FIELDS,
    {.type = FIELD_END},
};
static const struct field best_time_fields[] = {
    {.name = "user", .type = FIELD_KEY, .flags = FIELD_REQUIRED},
    {.name = "timezone",
     .type = FIELD_STRING,
     .flags = FIELD_NULLABLE,
     .doc = "By whose clock; null: by that of UTC."},
    {.name = "reads",
     .type = FIELD_DECIMAL,
     .flags = FIELD_REQUIRED,
     .doc = "All of them; from 5 on they say something."},
    DAYS_FIELDS,
    {.name = "workdays", .type = FIELD_OBJECT, .of = days_fields},
    {.name = "weekends", .type = FIELD_OBJECT, .of = days_fields},
    {.type = FIELD_END},
};

const struct route best_time_routes[] = {
    {.method = "GET",
     .path = "/v1/users/{id}/best_time",
     .scope = AUTH_READ,
     .handle = handle_get,
     .answer = best_time_fields,
     .statuses = {200},
     .id = "getBestTime",
     .summary = "When a user reads, as far as it was learned."},
    {0},
};
