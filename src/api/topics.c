/* topics.c - what users subscribe to, and who does. */
#include "api/collection.h"
#include "api/route.h"
#include "base/list.h"
#include "base/map.h"

#define CHANGES_MAX 1000

static const struct collection topics = {
    .kind = OBJECT_TOPIC,
    .noun = "topic",
    .key_name = "key",
};

static void
handle_put(struct call *c)
{
    collection_put(c, &topics);
}

static void
handle_get(struct call *c)
{
    collection_get(c, &topics);
}

static void
handle_list(struct call *c)
{
    collection_list(c, &topics);
}

static void
handle_delete(struct call *c)
{
    collection_delete(c, &topics);
}

/* ---- who comes and who goes ---- */

struct changing {
    struct call *call;
    struct store_subscribe subscribe;
    struct map *seen; /* id -> a mark of the list that it is in */
};
static char in_add, in_remove;

/* Also runs inside the commit, for a repeated request. */
static void
answer_change(struct store_req *req, struct buf *body, int *status)
{
    const struct store_subscribe *s =
        CONTAINER_OF(req, struct store_subscribe, req);
    struct json_writer w = json_writer(body);

    json_begin_object(&w);
    json_int_field(&w, "added", (int64_t)s->n_added);
    json_int_field(&w, "removed", (int64_t)s->n_removed);
    json_end_object(&w);
    *status = 200;
}

static void
on_changed(struct store_req *req, enum err e)
{
    struct store_subscribe *s = CONTAINER_OF(req, struct store_subscribe, req);
    struct call *c = CONTAINER_OF(s, struct changing, subscribe)->call;
    struct buf out;
    int status;

    if (e != ERR_OK) {
        call_fail(c, e);
    } else if (s->idem.is_replay) {
        call_reply_replay(c, &s->idem);
    } else {
        buf_init(&out, c->arena);
        answer_change(req, &out, &status);
        call_reply(c, status, &out);
    }
}

/* Each id once; in both lists is a fault. */
static const struct str *
read_ids(struct changing *x, const char *name, char *mark, size_t *ret_n)
{
    struct call *c = x->call;
    struct json list = json_get(c->body, name);
    struct str *ids = ARENA_ARRAY(c->arena, struct str, json_count(list));
    size_t i = 0;

    *ret_n = 0;
    for (struct json u = json_first(list); !json_is(u, JSON_ABSENT);
         u = json_next(list, u), i++) {
        struct str id = json_str(c->arena, u);
        const char *in = map_put(x->seen, id, mark);

        if (!in)
            ids[(*ret_n)++] = id;
        else if (in != mark)
            problem_add(&c->problem, ERR_INVALID,
                        str_fmt(c->arena, "/%s/%zu", name, i),
                        "is in the other list, too");
    }
    return ids;
}

static void
read_change(struct changing *x)
{
    struct store_subscribe *s = &x->subscribe;
    struct call *c = x->call;
    struct json add = json_get(c->body, "add");
    struct json remove = json_get(c->body, "remove");

    if (json_is(add, JSON_ABSENT) && json_is(remove, JSON_ABSENT))
        problem_add(&c->problem, ERR_INVALID, STR(""),
                    "must have at least one of add, remove");
    if (json_count(add) + json_count(remove) > CHANGES_MAX)
        problem_add(&c->problem, ERR_INVALID, STR("/remove"),
                    "must be at most %d users, with those of add", CHANGES_MAX);
    x->seen = map_new();
    s->add = read_ids(x, "add", &in_add, &s->n_add);
    s->remove = read_ids(x, "remove", &in_remove, &s->n_remove);
    map_free(x->seen);
}

static void
handle_change(struct call *c)
{
    struct changing *x = ARENA_NEW(c->arena, struct changing);
    struct store_subscribe *s = &x->subscribe;

    *x = (struct changing){
        .call = c,
        .subscribe = {.req = call_req(c, on_changed),
                      .tenant = c->workspace->tenant,
                      .now_ms = call_now_ms(c),
                      .num = call_new_num(c),
                      .idem = {.answer = answer_change}},
    };
    if (!call_path_key(c, 0, &s->topic) || !call_idem(c, &s->idem))
        return;
    read_change(x);
    if (problem_is_set(&c->problem))
        call_refuse(c);
    else
        objects_subscribe(c->app, s);
}

/* ---- lists of who is in what ---- */

static void
reply_keys(struct call *c, const char *name, const struct str *keys, size_t n,
           bool has_more)
{
    struct buf out;
    struct json_writer w = call_begin_page(c, &out);

    for (size_t i = 0; i < n; i++) {
        json_begin_object(&w);
        json_str_field(&w, name, keys[i]);
        json_end_object(&w);
    }
    call_end_page(c, &w,
                  has_more && n > 0 ? call_cursor(c, keys[n - 1]) : STR_NONE);
}

struct listing {
    struct call *call;
    struct store_object_get topic;
    struct member_set set;
    struct store_members members;
    struct store_memberships memberships;
};

static void
on_members(struct store_req *req, enum err e)
{
    struct store_members *m = CONTAINER_OF(req, struct store_members, req);
    struct call *c = CONTAINER_OF(m, struct listing, members)->call;

    if (e != ERR_OK)
        call_fail(c, e);
    else
        reply_keys(c, "user", m->users, m->n_users, m->has_more);
}

static void
on_topic(struct store_req *req, enum err e)
{
    struct store_object_get *g =
        CONTAINER_OF(req, struct store_object_get, req);
    struct listing *x = CONTAINER_OF(g, struct listing, topic);

    if (e != ERR_OK)
        call_fail(x->call, e);
    else if (g->objects[0].version == 0)
        call_fail_with(x->call, ERR_NOT_FOUND, "there is no such topic");
    else
        objects_members(x->call->app, &x->members);
}

static void
handle_subscribers(struct call *c)
{
    struct listing *x = ARENA_NEW(c->arena, struct listing);

    x->call = c;
    x->set.kind = MEMBER_TOPIC;
    x->members = (struct store_members){.req = call_req(c, on_members),
                                        .tenant = c->workspace->tenant,
                                        .sets = &x->set,
                                        .n_sets = 1};
    x->topic = (struct store_object_get){.req = call_req(c, on_topic),
                                         .tenant = c->workspace->tenant,
                                         .kind = OBJECT_TOPIC,
                                         .keys = &x->set.key,
                                         .n_keys = 1};
    if (call_path_key(c, 0, &x->set.key) && call_limit(c, &x->members.limit) &&
        call_after_key(c, &x->members.after))
        objects_get(c->app, &x->topic);
}

static void
on_memberships(struct store_req *req, enum err e)
{
    struct store_memberships *m =
        CONTAINER_OF(req, struct store_memberships, req);
    struct call *c = CONTAINER_OF(m, struct listing, memberships)->call;

    if (e != ERR_OK)
        call_fail(c, e);
    else
        reply_keys(c, "key", m->keys, m->n_keys, m->has_more);
}

/* Who subscribes need not be stored: nobody is not found. */
static void
handle_topics_of_user(struct call *c)
{
    struct listing *x = ARENA_NEW(c->arena, struct listing);
    struct store_memberships *m = &x->memberships;

    x->call = c;
    *m = (struct store_memberships){.req = call_req(c, on_memberships),
                                    .tenant = c->workspace->tenant,
                                    .kind = MEMBER_TOPIC};
    if (call_path_key(c, 0, &m->user) && call_limit(c, &m->limit) &&
        call_after_key(c, &m->after))
        objects_memberships(c->app, m);
}

/* ---- routes ---- */

static const struct field topic_fields[] = {
    {.name = "key",
     .type = FIELD_KEY,
     .doc = "A path with dots: who subscribes to news gets what is sent to "
            "news.sport, too."},
    {.name = "name",
     .type = FIELD_STRING,
     .flags = FIELD_NULLABLE,
     .max = 200,
     .doc = "Display name."},
    {.name = "description",
     .type = FIELD_STRING,
     .flags = FIELD_NULLABLE,
     .max = 2000,
     .doc = "What it is about, for people."},
    {.name = "created_at", .type = FIELD_TIME, .flags = FIELD_READ_ONLY},
    {.name = "updated_at", .type = FIELD_TIME, .flags = FIELD_READ_ONLY},
    {.name = "version", .type = FIELD_INT, .flags = FIELD_READ_ONLY},
    {.type = FIELD_END},
};
static const struct field user_row[] = {{.type = FIELD_KEY}};
static const struct field change_fields[] = {
    {.name = "add",
     .type = FIELD_ARRAY,
     .of = user_row,
     .max = CHANGES_MAX,
     .doc = "Ids of users who subscribe; they need not be stored."},
    {.name = "remove",
     .type = FIELD_ARRAY,
     .of = user_row,
     .max = CHANGES_MAX,
     .doc = "Ids of users who do not any more."},
    {.type = FIELD_END},
};
static const struct field changed_fields[] = {
    {.name = "added",
     .type = FIELD_INT,
     .flags = FIELD_REQUIRED,
     .doc = "How many of add were not there."},
    {.name = "removed",
     .type = FIELD_INT,
     .flags = FIELD_REQUIRED,
     .doc = "How many of remove were there."},
    {.type = FIELD_END},
};
static const struct field subscriber_fields[] = {
    {.name = "user", .type = FIELD_KEY, .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const struct field subscription_fields[] = {
    {.name = "key",
     .type = FIELD_KEY,
     .flags = FIELD_REQUIRED,
     .doc = "The topic's key."},
    {.type = FIELD_END},
};

const struct route topic_routes[] = {
    {.method = "GET",
     .path = "/v1/topics",
     .scope = AUTH_READ,
     .handle = handle_list,
     .answer = topic_fields,
     .is_list = true,
     .statuses = {200},
     .id = "listTopics",
     .summary = "List topics by key.",
     .query = route_page_params},
    {.method = "PUT",
     .path = "/v1/topics/{key}",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_JSON,
     .handle = handle_put,
     .request = topic_fields,
     .answer = topic_fields,
     .statuses = {200, 201},
     .id = "putTopic",
     .summary = "Create or replace a topic; its subscribers stay."},
    {.method = "GET",
     .path = "/v1/topics/{key}",
     .scope = AUTH_READ,
     .handle = handle_get,
     .answer = topic_fields,
     .statuses = {200},
     .id = "getTopic",
     .summary = "Look at a topic."},
    {.method = "DELETE",
     .path = "/v1/topics/{key}",
     .scope = AUTH_WRITE,
     .handle = handle_delete,
     .statuses = {204},
     .id = "deleteTopic",
     .summary = "Forget a topic and who subscribes to it; topics below it "
                "stay."},
    {.method = "POST",
     .path = "/v1/topics/{key}/subscribers",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_JSON,
     .handle = handle_change,
     .request = change_fields,
     .answer = changed_fields,
     .statuses = {200},
     .id = "changeSubscribers",
     .summary = "Subscribe users and unsubscribe others, up to 1,000; makes "
                "the topic if it is not there."},
    {.method = "GET",
     .path = "/v1/topics/{key}/subscribers",
     .scope = AUTH_READ,
     .handle = handle_subscribers,
     .answer = subscriber_fields,
     .is_list = true,
     .statuses = {200},
     .id = "listSubscribers",
     .summary = "List who subscribes to a topic itself, by user id.",
     .query = route_page_params},
    {.method = "GET",
     .path = "/v1/users/{id}/topics",
     .scope = AUTH_READ,
     .handle = handle_topics_of_user,
     .answer = subscription_fields,
     .is_list = true,
     .statuses = {200},
     .id = "listUserTopics",
     .summary = "List the topics that a user subscribes to, by key.",
     .query = route_page_params},
    {0},
};
