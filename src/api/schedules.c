/* schedules.c - what is sent again and again. */
#include "app/schedule_doc.h"

#include "api/collection.h"
#include "api/route.h"

static void
check(struct call *c, struct str key, struct json doc)
{
    const struct schedule_doc *before = workspace_schedule(c->workspace, key);

    /* As it will be read: a rule counts from when the schedule was made. */
    schedule_doc_check(c->workspace, doc,
                       before ? before->created_ms : call_now_ms(c),
                       &c->problem);
    if (!before && c->workspace->n_schedules >= SCHEDULES_MAX)
        problem_set(&c->problem, ERR_CONFLICT,
                    "a workspace has at most %d schedules", SCHEDULES_MAX);
}

/* What an answer showed may be sent back, and is not kept. */
static struct str
to_store(struct call *c, struct str key, struct json doc, struct json before)
{
    struct json_writer w;
    struct buf out;

    (void)key;
    (void)before;
    buf_init(&out, c->arena);
    w = json_writer(&out);
    json_begin_object(&w);
    for (struct json m = json_first(doc); !json_is(m, JSON_ABSENT);
         m = json_next(doc, m)) {
        struct str name = json_key(c->arena, m);
        const struct field *f = field_find(schedule_doc_fields, name);

        if (!f || (f->flags & FIELD_READ_ONLY) || str_is(name, "key"))
            continue;
        json_put_key_str(&w, name);
        json_put_raw(&w, json_raw(m));
    }
    json_end_object(&w);
    return buf_str(&out);
}

static void
write_next(struct call *c, struct json_writer *w, const struct schedule_doc *s)
{
    int64_t due_ms[SCHEDULE_UPCOMING];
    size_t n = s->is_enabled ? schedule_upcoming(&s->when, call_now_ms(c),
                                                 SCHEDULE_UPCOMING, due_ms)
                             : 0;

    json_put_key(w, "next");
    json_begin_array(w);
    for (size_t i = 0; i < n; i++)
        json_put_time(w, due_ms[i]);
    json_end_array(w);
}

static void
write_warnings(struct call *c, struct json_writer *w, bool is_readable,
               struct json stored)
{
    struct problem p;

    problem_init(&p, c->arena);
    schedule_doc_check_notification(c->workspace, stored, &p);
    json_put_key(w, "warnings");
    json_begin_array(w);
    if (!is_readable)
        json_put_cstr(w, "its time zone or its rule is not known here: it is "
                         "not run");
    for (size_t i = 0; i < p.n_errors; i++)
        json_put_str(w, str_fmt(c->arena, "%.*s: %.*s",
                                STR_ARG(p.errors[i].pointer),
                                STR_ARG(p.errors[i].detail)));
    json_end_array(w);
}

static const struct collection schedules;

static void
show(struct call *c, struct json_writer *w, const struct object *o,
     struct json stored)
{
    struct schedule_doc s = {0};
    enum err e = schedule_doc_read(c->arena, o, stored, &s);

    collection_write_members(c, &schedules, w, stored);
    if (json_is(json_get(stored, "enabled"), JSON_ABSENT))
        json_bool_field(w, "enabled", true);
    write_next(c, w, &s);
    write_warnings(c, w, e == ERR_OK, stored);
}

static const struct collection schedules = {
    .kind = OBJECT_SCHEDULE,
    .noun = "schedule",
    .key_name = "key",
    .is_configuration = true,
    .check = check,
    .to_store = to_store,
    .show = show,
};

static void
handle_put(struct call *c)
{
    collection_put(c, &schedules);
}

static void
handle_get(struct call *c)
{
    collection_get(c, &schedules);
}

static void
handle_list(struct call *c)
{
    collection_list(c, &schedules);
}

static void
handle_delete(struct call *c)
{
    collection_delete(c, &schedules);
}

const struct route schedule_routes[] = {
    {.method = "GET",
     .path = "/v1/schedules",
     .scope = AUTH_READ,
     .handle = handle_list,
     .answer = schedule_doc_fields,
     .is_list = true,
     .statuses = {200},
     .id = "listSchedules",
     .summary = "List schedules by key.",
     .query = route_page_params},
    {.method = "PUT",
     .path = "/v1/schedules/{key}",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_JSON,
     .handle = handle_put,
     .request = schedule_doc_fields,
     .answer = schedule_doc_fields,
     .statuses = {200, 201},
     .id = "putSchedule",
     .summary = "Create or replace a schedule."},
    {.method = "GET",
     .path = "/v1/schedules/{key}",
     .scope = AUTH_READ,
     .handle = handle_get,
     .answer = schedule_doc_fields,
     .statuses = {200},
     .id = "getSchedule",
     .summary = "Look at a schedule, and when it is due next."},
    {.method = "DELETE",
     .path = "/v1/schedules/{key}",
     .scope = AUTH_WRITE,
     .handle = handle_delete,
     .statuses = {204},
     .id = "deleteSchedule",
     .summary = "End a schedule; what is accepted of it stays."},
    {0},
};
