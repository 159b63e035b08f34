/* told.c - an event as those who are told of it see it. */
#include "app/teller.h"
#include "base/json.h"

/* The time, as everywhere, and below it the end of its number: of two in one
 * millisecond it would take four millions to be taken for each other. */
struct str
told_id(struct arena *a, const struct app *app, int shard,
        const struct store_told *t)
{
    char *text = arena_alloc(a, ID_TEXT_MAX);
    int64_t ms = t->at_ms > ID_EPOCH_MS ? t->at_ms - ID_EPOCH_MS : 0;
    int64_t low = t->id & ((INT64_C(1) << ID_TIME_SHIFT) - 1);

    return id_format(text, vault_id_key(app->vault), "evt", shard,
                     ms << ID_TIME_SHIFT | low);
}

static void
put_id(struct json_writer *w, const struct app *app, int shard, const char *key,
       const char *prefix, int64_t id)
{
    char text[ID_TEXT_MAX];

    if (id != 0)
        json_str_field(
            w, key,
            id_format(text, vault_id_key(app->vault), prefix, shard, id));
}

static void
put_text(struct json_writer *w, const char *key, struct str text)
{
    if (text.n > 0)
        json_str_field(w, key, text);
}

static void
put_member(struct json_writer *w, const char *key, struct json v)
{
    if (!json_is(v, JSON_ABSENT) && !json_is(v, JSON_NULL))
        json_raw_field(w, key, json_raw(v));
}

/* What `about` is, of those that have one. */
static const char *
about_key(enum event_kind k)
{
    if (k == EVENT_INBOX_ACTION)
        return "action";
    if (k == EVENT_SUPPRESSION_ADDED || k == EVENT_SUPPRESSION_REMOVED)
        return "address";
    return k == EVENT_ENDPOINT_DISABLED ? "endpoint" : "url";
}

static bool
is_of_delivery(enum event_kind k)
{
    return str_starts(str_from(event_name(k)), STR("delivery."));
}

static void
put_data(struct json_writer *w, const struct app *app, int shard,
         const struct store_told *t, struct json doc)
{
    put_id(w, app, shard, "delivery_id", "dlv", t->delivery);
    put_id(w, app, shard, "notification_id", "ntf", t->notification);
    put_id(w, app, shard, "item_id", "itm", t->item);
    put_text(w, "user", t->user);
    put_text(w, "channel", t->channel);
    put_text(w, "provider", t->provider);
    put_text(w, "reason", t->reason);
    put_text(w, about_key(t->kind), t->about);
    if (is_of_delivery(t->kind))
        json_int_field(w, "attempts", t->attempts);
    put_member(w, "category", json_get(doc, "category"));
    put_member(w, "metadata", json_get(doc, "metadata"));
}

struct str
told_body(struct arena *a, const struct app *app, int shard,
          const struct store_told *t, struct json doc)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, a);
    w = json_writer(&out);
    json_begin_object(&w);
    json_str_field(&w, "type", str_from(event_name(t->kind)));
    json_time_field(&w, "timestamp", t->at_ms);
    json_put_key(&w, "data");
    json_begin_object(&w);
    put_data(&w, app, shard, t, doc);
    json_end_object(&w);
    json_end_object(&w);
    return buf_str(&out);
}

struct str
told_doc(struct arena *a, struct str id, struct str body)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, a);
    w = json_writer(&out);
    json_begin_object(&w);
    json_str_field(&w, "event_id", id);
    json_raw_field(&w, "event", body);
    json_end_object(&w);
    return buf_str(&out);
}
