#include "api/novu_topics.h"

#include "api/novu_change.h"
#include "api/route.h"
#include "base/list.h"

/* ---- told ---- */

static void
put(struct call *c, struct json_writer *w, const struct object *o)
{
    struct json name = json_get(call_parse(c, o->body), "name");

    json_str_field(w, "_id", o->key);
    json_str_field(w, "key", o->key);
    if (json_is(name, JSON_STRING))
        json_raw_field(w, "name", json_raw(name));
    json_time_field(w, "createdAt", o->created_ms);
    json_time_field(w, "updatedAt", o->updated_ms);
}

void
novu_put_topic(struct call *c, struct json_writer *w, const struct object *o)
{
    json_begin_object(w);
    put(c, w, o);
    json_end_object(w);
}

/* ---- create, change ---- */

/* The name is given or stays. */
static struct str
merge(struct arena *a, struct json before, struct json given)
{
    struct json name = json_get(given, "name");
    struct json_writer w;
    struct buf out;

    buf_init(&out, a);
    w = json_writer(&out);
    json_begin_object(&w);
    for (struct json v = json_first(before); !json_is(v, JSON_ABSENT);
         v = json_next(before, v)) {
        struct str key = json_key(a, v);

        if (str_is(key, "name") && !json_is(name, JSON_ABSENT))
            continue;
        json_put_key_str(&w, key);
        json_put_raw(&w, json_raw(v));
    }
    if (!json_is(name, JSON_ABSENT))
        json_raw_field(&w, "name", json_raw(name));
    json_end_object(&w);
    return buf_str(&out);
}

static const struct novu_merge_kind merging = {
    .kind = OBJECT_TOPIC,
    .noun = "topic",
    .changed_status = 200,
    .merge = merge,
    .put = put,
};

static void
handle_create(struct call *c)
{
    novu_create(c, &merging, json_str_of(c->arena, c->body, "key"));
}

static void
handle_patch(struct call *c)
{
    novu_patch(c, &merging);
}

/* ---- look, delete ---- */

static void
reply_object(struct call *c, const struct object *o)
{
    struct json_writer w;
    struct buf out;

    if (o) {
        novu_reply(c, &merging, 200, o);
        return;
    }
    w = novu_begin(c, &out);
    json_begin_object(&w);
    json_bool_field(&w, "acknowledged", true);
    json_end_object(&w);
    novu_end(c, 200, &w);
}

static const struct collection topics = {
    .kind = OBJECT_TOPIC,
    .noun = "topic",
    .key_name = "key",
    .reply = reply_object,
};
static const struct collection topics_v1 = {
    .kind = OBJECT_TOPIC,
    .noun = "topic",
    .key_name = "key",
};

static void
handle_get(struct call *c)
{
    collection_get(c, &topics);
}

static void
handle_delete(struct call *c)
{
    collection_delete(c, &topics);
}

static void
handle_delete_v1(struct call *c)
{
    collection_delete(c, &topics_v1);
}

/* ---- list ---- */

struct search {
    struct novu_search search;
    struct str key, name; /* a part of it; empty: any */
};

static bool
is_wanted(const struct novu_search *search, const struct object *o)
{
    const struct search *s = search->arg;
    struct call *c = search->call;
    struct str name = json_str_of(c->arena, call_parse(c, o->body), "name");

    return novu_holds(o->key, s->key) && novu_holds(name, s->name);
}

static void
handle_list(struct call *c)
{
    struct search *s = ARENA_NEW(c->arena, struct search);
    bool has_filter;

    s->search = (struct novu_search){.call = c, .kind = &merging, .arg = s};
    has_filter = call_param(c, "key", &s->key);
    has_filter |= call_param(c, "name", &s->name);
    if (has_filter)
        s->search.is_wanted = is_wanted;
    novu_search(&s->search);
}

/* ---- the table ---- */

#define NAME_FIELD                                                             \
    {                                                                          \
        .name = "name", .type = FIELD_STRING, .max = 200,                      \
        .doc = "Display name."                                                 \
    }
#define DATA_FIELD                                                             \
    {                                                                          \
        .name = "data", .type = FIELD_ANY, .flags = FIELD_UNSUPPORTED          \
    }

static const struct field create_fields[] = {
    {.name = "key", .type = FIELD_KEY, .flags = FIELD_REQUIRED},
    NAME_FIELD,
    DATA_FIELD,
    {.type = FIELD_END},
};
static const struct field patch_fields[] = {
    NAME_FIELD,
    DATA_FIELD,
    {.type = FIELD_END},
};
const struct field novu_topic_fields[] = {
    {.name = "_id",
     .type = FIELD_KEY,
     .flags = FIELD_REQUIRED,
     .doc = "The same as key."},
    {.name = "key", .type = FIELD_KEY, .flags = FIELD_REQUIRED},
    {.name = "name", .type = FIELD_STRING},
    {.name = "createdAt", .type = FIELD_TIME, .flags = FIELD_REQUIRED},
    {.name = "updatedAt", .type = FIELD_TIME, .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const struct field topic_row[] = {
    {.type = FIELD_OBJECT, .of = novu_topic_fields}};
static const struct field answer_fields[] = {
    {.name = "data",
     .type = FIELD_OBJECT,
     .of = novu_topic_fields,
     .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const struct field page_fields[] = {
    {.name = "data",
     .type = FIELD_ARRAY,
     .of = topic_row,
     .flags = FIELD_REQUIRED},
    NOVU_PAGE_FIELDS,
    {.type = FIELD_END},
};
static const struct field deleted_parts[] = {
    {.name = "acknowledged", .type = FIELD_BOOL, .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const struct field deleted_answer[] = {
    {.name = "data",
     .type = FIELD_OBJECT,
     .of = deleted_parts,
     .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const char *const create_params[] = {"failIfExists", NULL};
static const char *const list_params[] = {NOVU_PAGE_PARAMS, "key", "name",
                                          NULL};

#define ON_TOPICS(verb, version, handler, of_request, name)                    \
    .method = verb, .path = "/novu/" version "/topics", .handle = handler,     \
    .request = of_request, .id = name
#define ON_TOPIC(verb, version, handler, name)                                 \
    .method = verb, .path = "/novu/" version "/topics/{topicKey}",             \
    .handle = handler, .id = name

const struct route novu_topic_routes[] = {
    {ON_TOPICS("POST", "v2", handle_create, create_fields, "novuCreateTopic"),
     .scope = AUTH_WRITE, .body = ROUTE_BODY_JSON, .answer = answer_fields,
     .statuses = {200, 201},
     .summary = "Novu: make a topic, or change its name.",
     .query = create_params},
    {ON_TOPICS("GET", "v2", handle_list, NULL, "novuListTopics"),
     .scope = AUTH_READ, .answer = page_fields, .statuses = {200},
     .summary = "Novu: list topics by key, all or those that match.",
     .query = list_params},
    {ON_TOPIC("GET", "v2", handle_get, "novuGetTopic"), .scope = AUTH_READ,
     .answer = answer_fields, .statuses = {200},
     .summary = "Novu: look at a topic."},
    {ON_TOPIC("PATCH", "v2", handle_patch, "novuPatchTopic"),
     .scope = AUTH_WRITE, .body = ROUTE_BODY_JSON, .request = patch_fields,
     .answer = answer_fields, .statuses = {200},
     .summary = "Novu: change the name of a topic."},
    {ON_TOPIC("DELETE", "v2", handle_delete, "novuDeleteTopic"),
     .scope = AUTH_WRITE, .answer = deleted_answer, .statuses = {200},
     .summary = "Novu: forget a topic and who subscribes to it."},
    {ON_TOPICS("POST", "v1", handle_create, create_fields, "novuCreateTopicV1"),
     .scope = AUTH_WRITE, .body = ROUTE_BODY_JSON, .answer = answer_fields,
     .statuses = {200, 201},
     .summary = "Novu before v2: make a topic, or change its name.",
     .query = create_params},
    {ON_TOPIC("GET", "v1", handle_get, "novuGetTopicV1"), .scope = AUTH_READ,
     .answer = answer_fields, .statuses = {200},
     .summary = "Novu before v2: look at a topic."},
    {ON_TOPIC("PATCH", "v1", handle_patch, "novuPatchTopicV1"),
     .scope = AUTH_WRITE, .body = ROUTE_BODY_JSON, .request = patch_fields,
     .answer = answer_fields, .statuses = {200},
     .summary = "Novu before v2: change the name of a topic."},
    {ON_TOPIC("DELETE", "v1", handle_delete_v1, "novuDeleteTopicV1"),
     .scope = AUTH_WRITE, .statuses = {204},
     .summary = "Novu before v2: forget a topic and who subscribes to it."},
    {0},
};
