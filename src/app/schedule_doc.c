#include "app/schedule_doc.h"

#include "app/send_request.h"
#include "base/clock.h"
#include "store/object.h"

static const struct field time_row[] = {{.type = FIELD_TIME}};
static const struct field text_row[] = {{.type = FIELD_STRING}};

const struct field schedule_doc_fields[] = {
    {.name = "key", .type = FIELD_KEY},
    {.name = "name",
     .type = FIELD_STRING,
     .max = 200,
     .doc = "What people call it."},
    {.name = "enabled", .type = FIELD_BOOL, .doc = "Default true."},
    SCHEDULE_FIELDS,
    {.name = "notification",
     .type = FIELD_OBJECT,
     .of = send_request_fields,
     .flags = FIELD_REQUIRED,
     .doc = "What is sent each time: the body of a send, without send_at, "
            "dedup_key, dedup_window and dry_run."},
    {.name = "next",
     .type = FIELD_ARRAY,
     .of = time_row,
     .flags = FIELD_READ_ONLY,
     .doc = "When it is due, the next five times."},
    {.name = "warnings",
     .type = FIELD_ARRAY,
     .of = text_row,
     .flags = FIELD_READ_ONLY,
     .doc = "Why its notification would be refused now."},
    {.name = "version", .type = FIELD_INT, .flags = FIELD_READ_ONLY},
    {.name = "created_at", .type = FIELD_TIME, .flags = FIELD_READ_ONLY},
    {.name = "updated_at", .type = FIELD_TIME, .flags = FIELD_READ_ONLY},
    {.type = FIELD_END},
};

/* ---- checking ---- */

static void
refuse_members(struct json notification, struct problem *p)
{
    static const struct {
        const char *name, *why;
    } refused[] = {
        {"send_at", "is the schedule's to say"},
        {"dedup_key", "is the schedule's own: each time is one notification"},
        {"dedup_window", "is the schedule's own"},
        {"dry_run", "has nobody to tell the plan to"},
    };

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        if (!json_is(json_get(notification, refused[i].name), JSON_ABSENT))
            problem_add(p, ERR_INVALID,
                        str_fmt(p->arena, "/notification/%s", refused[i].name),
                        "%s", refused[i].why);
}

void
schedule_doc_check_notification(const struct workspace *w, struct json doc,
                                struct problem *p)
{
    struct json notification = json_get(doc, "notification");
    struct send_request ignored;
    struct problem inner;

    problem_init(&inner, p->arena);
    if (send_request_read(p->arena, w, notification, &inner, &ignored) ==
        ERR_OK)
        return;
    for (size_t i = 0; i < inner.n_errors; i++)
        problem_add(p, inner.err,
                    str_fmt(p->arena, "/notification%.*s",
                            STR_ARG(inner.errors[i].pointer)),
                    "%.*s", STR_ARG(inner.errors[i].detail));
    p->n_more += inner.n_more;
}

void
schedule_doc_check(const struct workspace *w, struct json doc, int64_t start_ms,
                   struct problem *p)
{
    struct json notification = json_get(doc, "notification");
    struct schedule ignored;
    enum err e;

    if (json_raw(notification).n > SCHEDULE_NOTIFICATION_MAX) {
        problem_add(p, ERR_INVALID, STR("/notification"),
                    "must be at most %d bytes", SCHEDULE_NOTIFICATION_MAX);
        return;
    }
    e = schedule_read(doc, STR(""), start_ms, p, &ignored);
    (void)e; /* *p has its faults */
    refuse_members(notification, p);
    schedule_doc_check_notification(w, doc, p);
}

/* ---- reading ---- */

enum err
schedule_doc_read(struct arena *a, const struct object *o, struct json doc,
                  struct schedule_doc *ret)
{
    struct schedule_doc s = {
        .key = str_dup(a, o->key),
        .version = o->version,
        .created_ms = o->created_ms,
        .updated_ms = o->updated_ms,
        .is_enabled = json_bool(json_get(doc, "enabled"), true),
        .notification = json_get(doc, "notification"),
    };
    struct problem p;
    enum err e;

    problem_init(&p, a);
    e = schedule_read(doc, STR(""), o->created_ms, &p, &s.when);
    if (e == ERR_OK)
        *ret = s;
    return e;
}

/* ---- sending ---- */

/* The sender's, with ours beside it. */
static void
write_metadata(struct arena *a, const struct schedule_doc *s, int64_t due_ms,
               struct json_writer *w)
{
    struct json given = json_get(s->notification, "metadata");

    json_put_key(w, "metadata");
    json_begin_object(w);
    for (struct json m = json_first(given); !json_is(m, JSON_ABSENT);
         m = json_next(given, m)) {
        json_put_key_str(w, json_key(a, m));
        json_put_raw(w, json_raw(m));
    }
    if (json_is(json_get(given, "schedule"), JSON_ABSENT)) {
        json_put_key(w, "schedule");
        json_begin_object(w);
        json_str_field(w, "key", s->key);
        json_time_field(w, "due_at", due_ms);
        json_end_object(w);
    }
    json_end_object(w);
}

struct str
schedule_doc_body(struct arena *a, const struct schedule_doc *s, int64_t due_ms)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, a);
    w = json_writer(&out);
    json_begin_object(&w);
    for (struct json m = json_first(s->notification); !json_is(m, JSON_ABSENT);
         m = json_next(s->notification, m)) {
        struct str name = json_key(a, m);

        if (str_is(name, "metadata"))
            continue;
        json_put_key_str(&w, name);
        json_put_raw(&w, json_raw(m));
    }
    write_metadata(a, s, due_ms, &w);
    json_time_field(&w, "send_at", due_ms);
    json_end_object(&w);
    return buf_str(&out);
}

struct str
schedule_doc_dedup_key(struct arena *a, struct str key, int64_t due_ms)
{
    return str_fmt(a, SEND_DEDUP_RESERVED "schedule:%.*s@%lld", STR_ARG(key),
                   (long long)due_ms);
}
