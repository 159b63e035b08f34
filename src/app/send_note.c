#include "app/send_note.h"

#define EMPTY_NOTED_MAX 20

static int64_t
count_unknown(const struct send_item *item)
{
    int64_t n = 0;

    for (size_t i = 0; i < item->request.n_recipients; i++)
        if (item->recipients[i].user.n > 0 &&
            json_is(item->recipients[i].stored, JSON_ABSENT) &&
            json_is(item->recipients[i].given, JSON_ABSENT))
            n++;
    return n;
}

/* The first sets that nobody is in: a name may be wrong. */
static void
write_empty(struct json_writer *w, const struct send_item *item)
{
    size_t n = 0;

    for (size_t i = 0; i < item->request.n_sets && n < EMPTY_NOTED_MAX; i++) {
        const struct member_set *set = &item->sets[i];

        if (!set->is_empty)
            continue;
        if (n++ == 0) {
            json_put_key(w, "empty");
            json_begin_array(w);
        }
        json_begin_object(w);
        json_str_field(w, set->kind == MEMBER_ROLE ? "role" : "topic",
                       set->key);
        json_end_object(w);
    }
    if (n > 0)
        json_end_array(w);
}

/* An instance keeps to the workflow as it was when it began. */
static void
write_workflow(struct json_writer *w, const struct workflow_doc *workflow)
{
    json_put_key(w, "workflow");
    json_begin_object(w);
    json_str_field(w, "key", workflow->key);
    json_int_field(w, "version", workflow->version);
    json_raw_field(w, "steps", json_raw(json_get(workflow->doc, "steps")));
    json_end_object(w);
}

static void
write_approval(struct json_writer *w, const struct send_item *item)
{
    struct json approval = json_get(item->doc, "approval");
    struct json roles = json_get(approval, "roles");
    struct json note = json_get(approval, "note");

    json_put_key(w, "approval");
    json_begin_object(w);
    json_time_field(w, "until", item->held_until_ms);
    if (!json_is(roles, JSON_ABSENT))
        json_raw_field(w, "roles", json_raw(roles));
    if (!json_is(note, JSON_ABSENT))
        json_raw_field(w, "note", json_raw(note));
    json_end_object(w);
}

struct str
send_note(struct arena *a, const struct send_item *item)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, a);
    w = json_writer(&out);
    json_begin_object(&w);
    if (item->is_later)
        json_time_field(&w, "send_at", item->request.send_ms);
    if (item->is_held)
        write_approval(&w, item);
    if (item->request.is_all)
        json_bool_field(&w, "all", true);
    if (item->has_more)
        json_bool_field(&w, "wide", true);
    if (!item->request.is_all && !item->is_later && !item->is_held &&
        !item->has_more) {
        json_int_field(&w, "recipients", (int64_t)item->n_audience);
        json_int_field(&w, "never_stored", count_unknown(item));
    }
    if (item->sets)
        write_empty(&w, item);
    if (item->request.workflow)
        write_workflow(&w, item->request.workflow);
    json_end_object(&w);
    return buf_str(&out);
}
