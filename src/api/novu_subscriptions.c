#include "api/novu_subscriptions.h"

#include "api/novu.h"
#include "api/novu_subscribers.h"
#include "api/novu_topics.h"
#include "api/route.h"
#include "base/list.h"
#include "base/map.h"

#define CHANGES_MAX 100

struct str
novu_subscription_id(struct arena *a, struct str topic, struct str user)
{
    return str_fmt(a, "tk_%.*s:si_%.*s", STR_ARG(topic), STR_ARG(user));
}

void
novu_put_subscription(struct call *c, struct json_writer *w,
                      const struct object *topic, struct str user,
                      const struct object *person)
{
    struct str name = novu_subscription_id(c->arena, topic->key, user);

    json_begin_object(w);
    json_str_field(w, "_id", name);
    json_str_field(w, "identifier", name);
    json_put_key(w, "topic");
    novu_put_topic(c, w, topic);
    json_put_key(w, "subscriber");
    json_begin_object(w);
    novu_put_person(w, user, call_parse(c, person->body));
    json_end_object(w);
    json_time_field(w, "createdAt", topic->created_ms);
    json_time_field(w, "updatedAt", topic->created_ms);
    json_end_object(w);
}

/* ---- a topic, and some who may subscribe to it ---- */

struct pair {
    struct str user;
    const struct object *person; /* version 0: is not stored */
    bool is_done;                /* subscribed or unsubscribed now */
};

struct changing {
    struct call *call;
    struct str key; /* of the topic */
    struct object topic;
    struct pair *pairs;
    size_t n_pairs, at;
    bool is_v1; /* answers as their first version */
    void (*then)(struct changing *x);
    struct store_object_get get;
    struct store_subscribe subscribe;
};

static void
on_read(struct store_req *req, enum err e)
{
    struct store_object_get *g =
        CONTAINER_OF(req, struct store_object_get, req);
    struct changing *x = CONTAINER_OF(g, struct changing, get);

    if (e != ERR_OK) {
        call_fail(x->call, e);
        return;
    }
    x->topic = g->objects[0];
    for (size_t i = 0; i < x->n_pairs; i++)
        x->pairs[i].person = &g->objects[i + 1];
    x->then(x);
}

static void
read_all(struct changing *x)
{
    struct call *c = x->call;
    size_t n = x->n_pairs + 1;
    struct str *keys = ARENA_ARRAY(c->arena, struct str, n);
    enum object_kind *kinds = ARENA_ARRAY(c->arena, enum object_kind, n);

    keys[0] = x->key;
    kinds[0] = OBJECT_TOPIC;
    for (size_t i = 1; i < n; i++) {
        keys[i] = x->pairs[i - 1].user;
        kinds[i] = OBJECT_USER;
    }
    x->get = (struct store_object_get){
        .req = call_req(c, on_read),
        .tenant = c->workspace->tenant,
        .kinds = kinds,
        .keys = keys,
        .n_keys = n,
    };
    objects_get(c->app, &x->get);
}

/* ---- what a request names ---- */

/* Another identifier would be another subscription of the same subscriber,
 * which there is none of. */
static bool
is_own_identifier(struct changing *x, struct json given, struct str *user,
                  struct str at)
{
    struct call *c = x->call;
    struct json name = json_get(given, "identifier");
    struct str text = json_str(c->arena, name);
    struct str prefix = novu_subscription_id(c->arena, x->key, STR_NONE);

    if (json_is(name, JSON_ABSENT))
        return true;
    if (user->n == 0 && str_starts(text, prefix))
        *user = str_sub(text, prefix.n, text.n - prefix.n);
    if (user->n > 0 &&
        str_eq(text, novu_subscription_id(c->arena, x->key, *user)))
        return true;
    problem_add(&c->problem, ERR_NOT_SUPPORTED,
                field_pointer(c->arena, at, STR("identifier")),
                "must be the subscription's own, tk_TOPIC:si_SUBSCRIBER");
    return false;
}

static void
add_pair(struct changing *x, struct map *seen, struct json given, struct str at)
{
    struct call *c = x->call;
    struct str user = json_is(given, JSON_STRING)
                          ? json_str(c->arena, given)
                          : json_str_of(c->arena, given, "subscriberId");

    if (!is_own_identifier(x, given, &user, at))
        return;
    if (!id_is_key(user))
        problem_add(&c->problem, ERR_INVALID, at, "must name a subscriber");
    else if (!map_put(seen, user, x))
        x->pairs[x->n_pairs++] = (struct pair){.user = user};
}

static void
add_pairs(struct changing *x, struct map *seen, const char *name)
{
    struct call *c = x->call;
    struct json list = json_get(c->body, name);
    size_t i = 0;

    for (struct json v = json_first(list); !json_is(v, JSON_ABSENT);
         v = json_next(list, v), i++)
        add_pair(x, seen, v, str_fmt(c->arena, "/%s/%zu", name, i));
}

static const char *const lists[] = {"subscriberIds", "subscriptions",
                                    "subscribers"};
#define N_LISTS (sizeof(lists) / sizeof(lists[0]))

/* NULL: refused already. */
static struct changing *
changing_new(struct call *c)
{
    struct changing *x = ARENA_NEW(c->arena, struct changing);
    struct map *seen;
    size_t n = 0;

    x->call = c;
    if (!call_path_key(c, 0, &x->key))
        return NULL;
    for (size_t i = 0; i < N_LISTS; i++)
        n += json_count(json_get(c->body, lists[i]));
    x->pairs = ARENA_ARRAY(c->arena, struct pair, n);
    seen = map_new();
    for (size_t i = 0; i < N_LISTS; i++)
        add_pairs(x, seen, lists[i]);
    map_free(seen);
    if (n < 1 || n > CHANGES_MAX)
        problem_add(&c->problem, ERR_INVALID, STR("/subscriptions"),
                    "must be 1 to %d subscribers", CHANGES_MAX);
    if (!problem_is_set(&c->problem))
        return x;
    call_refuse(c);
    return NULL;
}

/* ---- what came of it ---- */

static void
put_errors(struct changing *x, struct json_writer *w)
{
    json_put_key(w, "errors");
    json_begin_array(w);
    for (size_t i = 0; i < x->n_pairs; i++) {
        const struct pair *p = &x->pairs[i];
        bool is_stored = p->person->version > 0;

        if (p->is_done)
            continue;
        json_begin_object(w);
        json_str_field(w, "subscriberId", p->user);
        json_str_field(w, "code",
                       is_stored ? STR("SUBSCRIPTION_NOT_FOUND")
                                 : STR("SUBSCRIBER_NOT_FOUND"));
        json_str_field(w, "message",
                       is_stored ? STR("does not subscribe to this topic")
                                 : STR("there is no such subscriber"));
        json_end_object(w);
    }
    json_end_array(w);
}

static void
put_meta(struct changing *x, struct json_writer *w, size_t n_done)
{
    json_put_key(w, "meta");
    json_begin_object(w);
    json_int_field(w, "totalCount", (int64_t)x->n_pairs);
    json_int_field(w, "successful", (int64_t)n_done);
    json_int_field(w, "failed", (int64_t)(x->n_pairs - n_done));
    json_end_object(w);
}

static size_t
count_done(const struct changing *x)
{
    size_t n = 0;

    for (size_t i = 0; i < x->n_pairs; i++)
        n += x->pairs[i].is_done;
    return n;
}

static void
write_changed(struct changing *x, struct buf *out)
{
    struct json_writer w = novu_open(out);
    size_t n_done = count_done(x);

    json_begin_array(&w);
    for (size_t i = 0; i < x->n_pairs; i++)
        if (x->pairs[i].is_done)
            novu_put_subscription(x->call, &w, &x->topic, x->pairs[i].user,
                                  x->pairs[i].person);
    json_end_array(&w);
    put_meta(x, &w, n_done);
    if (n_done < x->n_pairs)
        put_errors(x, &w);
    novu_close(&w);
}

static void
put_users(struct changing *x, struct json_writer *w, const char *name,
          bool is_done)
{
    json_put_key(w, name);
    json_begin_array(w);
    for (size_t i = 0; i < x->n_pairs; i++)
        if (x->pairs[i].is_done == is_done)
            json_put_str(w, x->pairs[i].user);
    json_end_array(w);
}

static void
write_changed_v1(struct changing *x, struct buf *out)
{
    struct json_writer w = novu_open(out);

    json_begin_object(&w);
    put_users(x, &w, "succeeded", true);
    json_put_key(&w, "failed");
    json_begin_object(&w);
    put_users(x, &w, "notFound", false);
    json_end_object(&w);
    json_end_object(&w);
    novu_close(&w);
}

/* ---- subscribe ---- */

static void
write_subscribed(struct changing *x, struct buf *out, int *status)
{
    if (x->is_v1)
        write_changed_v1(x, out);
    else
        write_changed(x, out);
    *status = x->is_v1 ? 200 : 201;
}

/* Also runs inside the commit, for a repeated request. */
static void
answer_subscribed(struct store_req *req, struct buf *body, int *status)
{
    write_subscribed(
        CONTAINER_OF(CONTAINER_OF(req, struct store_subscribe, req),
                     struct changing, subscribe),
        body, status);
}

static void
reply_subscribed(struct changing *x)
{
    struct buf out;
    int status;

    buf_init(&out, x->call->arena);
    write_subscribed(x, &out, &status);
    call_reply(x->call, status, &out);
}

static void
on_subscribed(struct store_req *req, enum err e)
{
    struct store_subscribe *s = CONTAINER_OF(req, struct store_subscribe, req);
    struct changing *x = CONTAINER_OF(s, struct changing, subscribe);

    if (e != ERR_OK)
        call_fail(x->call, e);
    else if (s->idem.is_replay)
        call_reply_replay(x->call, &s->idem);
    else
        reply_subscribed(x);
}

static struct store_subscribe
subscribe_req(struct changing *x, void (*on_done)(struct store_req *, enum err))
{
    struct call *c = x->call;

    return (struct store_subscribe){.req = call_req(c, on_done),
                                    .tenant = c->workspace->tenant,
                                    .now_ms = call_now_ms(c),
                                    .num = call_new_num(c),
                                    .topic = x->key};
}

/* As in Novu, who is not stored cannot subscribe, and a topic that is not there
 * is made. */
static void
subscribe(struct changing *x)
{
    struct call *c = x->call;
    struct str *ids = ARENA_ARRAY(c->arena, struct str, x->n_pairs);
    struct store_subscribe *s = &x->subscribe;

    *s = subscribe_req(x, on_subscribed);
    s->idem.answer = answer_subscribed;
    if (!call_idem(c, &s->idem))
        return;
    for (size_t i = 0; i < x->n_pairs; i++) {
        x->pairs[i].is_done = x->pairs[i].person->version > 0;
        if (x->pairs[i].is_done)
            ids[s->n_add++] = x->pairs[i].user;
    }
    s->add = ids;
    if (x->topic.version == 0)
        x->topic = (struct object){.key = x->key,
                                   .body = STR("{}"),
                                   .created_ms = s->now_ms,
                                   .updated_ms = s->now_ms};
    if (s->n_add > 0)
        objects_subscribe(c->app, s);
    else
        reply_subscribed(x);
}

static void
start_subscribing(struct call *c, bool is_v1)
{
    struct changing *x = changing_new(c);

    if (!x)
        return;
    x->is_v1 = is_v1;
    x->then = subscribe;
    read_all(x);
}

static void
handle_subscribe(struct call *c)
{
    start_subscribing(c, false);
}

static void
handle_subscribe_v1(struct call *c)
{
    start_subscribing(c, true);
}

/* ---- unsubscribe ---- */

static void next_removal(struct changing *x);

static void
on_removed(struct store_req *req, enum err e)
{
    struct store_subscribe *s = CONTAINER_OF(req, struct store_subscribe, req);
    struct changing *x = CONTAINER_OF(s, struct changing, subscribe);

    if (e != ERR_OK) {
        call_fail(x->call, e);
        return;
    }
    x->pairs[x->at++].is_done = s->n_removed > 0;
    next_removal(x);
}

/* One after the other, as the store counts and does not tell who was there. */
static void
next_removal(struct changing *x)
{
    struct store_subscribe *s = &x->subscribe;
    struct buf out;

    if (x->at < x->n_pairs) {
        *s = subscribe_req(x, on_removed);
        s->remove = &x->pairs[x->at].user;
        s->n_remove = 1;
        objects_subscribe(x->call->app, s);
    } else if (x->is_v1) {
        call_reply_empty(x->call, 204);
    } else {
        buf_init(&out, x->call->arena);
        write_changed(x, &out);
        call_reply(x->call, 200, &out);
    }
}

static void
unsubscribe(struct changing *x)
{
    if (x->topic.version > 0)
        next_removal(x);
    else
        call_fail_with(x->call, ERR_NOT_FOUND, "there is no such topic");
}

static void
start_unsubscribing(struct call *c, bool is_v1)
{
    struct changing *x = changing_new(c);

    if (!x)
        return;
    x->is_v1 = is_v1;
    x->then = unsubscribe;
    read_all(x);
}

static void
handle_unsubscribe(struct call *c)
{
    start_unsubscribing(c, false);
}

static void
handle_unsubscribe_v1(struct call *c)
{
    start_unsubscribing(c, true);
}

/* ---- the table ---- */

static const struct field key_row[] = {{.type = FIELD_KEY}};
static const struct field named_fields[] = {
    {.name = "identifier",
     .type = FIELD_STRING,
     .max = 300,
     .doc = "tk_TOPIC:si_SUBSCRIBER, and no other."},
    {.name = "subscriberId", .type = FIELD_KEY},
    {.name = "name", .type = FIELD_ANY, .flags = FIELD_UNSUPPORTED},
    {.type = FIELD_END},
};
static const struct field named_rows[] = {
    {.type = FIELD_KEY, .doc = "A subscriber's id."},
    {.type = FIELD_OBJECT, .of = named_fields},
    {.type = FIELD_END},
};
static const struct field named_row[] = {
    {.type = FIELD_ONE_OF, .of = named_rows}};
#define WHO                                                                    \
    {.name = "subscriptions",                                                  \
     .type = FIELD_ARRAY,                                                      \
     .of = named_row,                                                          \
     .max = CHANGES_MAX,                                                       \
     .doc = "Who; as ids or with the identifier."},                            \
    {                                                                          \
        .name = "subscriberIds", .type = FIELD_ARRAY, .of = key_row,           \
        .max = CHANGES_MAX, .doc = "The same, in the older form."              \
    }
static const struct field subscribe_fields[] = {
    WHO,
    {.name = "name", .type = FIELD_ANY, .flags = FIELD_UNSUPPORTED},
    {.name = "context", .type = FIELD_ANY, .flags = FIELD_UNSUPPORTED},
    {.name = "preferences", .type = FIELD_ANY, .flags = FIELD_UNSUPPORTED},
    {.type = FIELD_END},
};
static const struct field unsubscribe_fields[] = {
    WHO,
    {.type = FIELD_END},
};
static const struct field v1_fields[] = {
    {.name = "subscribers",
     .type = FIELD_ARRAY,
     .of = key_row,
     .min = 1,
     .max = CHANGES_MAX,
     .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};

const struct field novu_subscription_fields[] = {
    {.name = "_id", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "identifier", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "topic",
     .type = FIELD_OBJECT,
     .of = novu_topic_fields,
     .flags = FIELD_REQUIRED},
    {.name = "subscriber",
     .type = FIELD_OBJECT,
     .of = novu_person_fields,
     .flags = FIELD_REQUIRED},
    {.name = "createdAt",
     .type = FIELD_TIME,
     .flags = FIELD_REQUIRED,
     .doc = "The topic's."},
    {.name = "updatedAt", .type = FIELD_TIME, .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const struct field subscription_row[] = {
    {.type = FIELD_OBJECT, .of = novu_subscription_fields}};
static const struct field meta_fields[] = {
    {.name = "totalCount", .type = FIELD_INT, .flags = FIELD_REQUIRED},
    {.name = "successful", .type = FIELD_INT, .flags = FIELD_REQUIRED},
    {.name = "failed", .type = FIELD_INT, .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const struct field error_fields[] = {
    {.name = "subscriberId", .type = FIELD_KEY, .flags = FIELD_REQUIRED},
    {.name = "code", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "message", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const struct field error_row[] = {
    {.type = FIELD_OBJECT, .of = error_fields}};
static const struct field changed_answer[] = {
    {.name = "data",
     .type = FIELD_ARRAY,
     .of = subscription_row,
     .flags = FIELD_REQUIRED},
    {.name = "meta",
     .type = FIELD_OBJECT,
     .of = meta_fields,
     .flags = FIELD_REQUIRED},
    {.name = "errors", .type = FIELD_ARRAY, .of = error_row},
    {.type = FIELD_END},
};
static const struct field v1_failed_fields[] = {
    {.name = "notFound",
     .type = FIELD_ARRAY,
     .of = key_row,
     .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const struct field v1_changed_fields[] = {
    {.name = "succeeded",
     .type = FIELD_ARRAY,
     .of = key_row,
     .flags = FIELD_REQUIRED},
    {.name = "failed",
     .type = FIELD_OBJECT,
     .of = v1_failed_fields,
     .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const struct field v1_changed_answer[] = {
    {.name = "data",
     .type = FIELD_OBJECT,
     .of = v1_changed_fields,
     .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
const struct route novu_subscription_routes[] = {
    {.method = "POST",
     .path = "/novu/v2/topics/{topicKey}/subscriptions",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_JSON,
     .handle = handle_subscribe,
     .request = subscribe_fields,
     .answer = changed_answer,
     .statuses = {201},
     .id = "novuCreateSubscriptions",
     .summary = "Novu: subscribe up to 100 stored users to a topic, which is "
                "made if it is not there."},
    {.method = "DELETE",
     .path = "/novu/v2/topics/{topicKey}/subscriptions",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_JSON,
     .handle = handle_unsubscribe,
     .request = unsubscribe_fields,
     .answer = changed_answer,
     .statuses = {200},
     .id = "novuDeleteSubscriptions",
     .summary = "Novu: unsubscribe up to 100 users from a topic."},
    {.method = "POST",
     .path = "/novu/v1/topics/{topicKey}/subscribers",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_JSON,
     .handle = handle_subscribe_v1,
     .request = v1_fields,
     .answer = v1_changed_answer,
     .statuses = {200},
     .id = "novuAddSubscribersV1",
     .summary = "Novu before v2: subscribe up to 100 stored users."},
    {.method = "POST",
     .path = "/novu/v1/topics/{topicKey}/subscribers/removal",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_JSON,
     .handle = handle_unsubscribe_v1,
     .request = v1_fields,
     .statuses = {204},
     .id = "novuRemoveSubscribersV1",
     .summary = "Novu before v2: unsubscribe up to 100 users."},
    {0},
};
