/* novu_subscribed.c - who subscribes to what, told as subscriptions. */
#include "api/novu.h"
#include "api/novu_subscribers.h"
#include "api/novu_subscriptions.h"
#include "api/route.h"
#include "base/list.h"

/* ---- one subscription ---- */

struct looking {
    struct call *call;
    struct str keys[2]; /* of the topic, of the user */
    bool is_there;
    void (*reply)(struct looking *l);
    struct store_object_get get;
    struct store_memberships memberships;
};

static void read_memberships(struct looking *l, struct str after);

static void
on_memberships(struct store_req *req, enum err e)
{
    struct store_memberships *m =
        CONTAINER_OF(req, struct store_memberships, req);
    struct looking *l = CONTAINER_OF(m, struct looking, memberships);

    if (e != ERR_OK) {
        call_fail(l->call, e);
        return;
    }
    for (size_t i = 0; i < m->n_keys; i++)
        if (str_eq(m->keys[i], l->keys[0]))
            l->is_there = l->get.objects[0].version > 0;
    if (!l->is_there && m->has_more)
        read_memberships(l, m->keys[m->n_keys - 1]);
    else
        l->reply(l);
}

static void
read_memberships(struct looking *l, struct str after)
{
    struct call *c = l->call;

    l->memberships = (struct store_memberships){
        .req = call_req(c, on_memberships),
        .tenant = c->workspace->tenant,
        .kind = MEMBER_TOPIC,
        .user = l->keys[1],
        .after = after,
        .limit = 1000,
    };
    objects_memberships(c->app, &l->memberships);
}

static void
on_pair(struct store_req *req, enum err e)
{
    struct store_object_get *g =
        CONTAINER_OF(req, struct store_object_get, req);
    struct looking *l = CONTAINER_OF(g, struct looking, get);

    if (e != ERR_OK)
        call_fail(l->call, e);
    else
        read_memberships(l, STR_NONE);
}

/* Whether that user subscribes to that topic. */
static void
look(struct call *c, struct str topic, struct str user,
     void (*reply)(struct looking *l))
{
    static const enum object_kind kinds[] = {OBJECT_TOPIC, OBJECT_USER};
    struct looking *l = ARENA_NEW(c->arena, struct looking);

    *l = (struct looking){
        .call = c,
        .keys = {topic, user},
        .reply = reply,
        .get = {.req = call_req(c, on_pair),
                .tenant = c->workspace->tenant,
                .kinds = kinds,
                .keys = l->keys,
                .n_keys = 2},
    };
    objects_get(c->app, &l->get);
}

static void
reply_page_of_one(struct looking *l)
{
    struct call *c = l->call;
    struct buf out;
    struct json_writer w = novu_begin_page(c, &out);

    if (l->is_there)
        novu_put_subscription(c, &w, &l->get.objects[0], l->keys[1],
                              &l->get.objects[1]);
    novu_end_page(c, &w, l->is_there, STR_NONE);
}

static bool
is_found(struct looking *l)
{
    if (l->is_there)
        return true;
    call_fail_with(l->call, ERR_NOT_FOUND, "there is no such subscription");
    return false;
}

static void
reply_details(struct looking *l)
{
    struct call *c = l->call;
    struct str name = novu_subscription_id(c->arena, l->keys[0], l->keys[1]);
    struct json_writer w;
    struct buf out;

    if (!is_found(l))
        return;
    w = novu_begin(c, &out);
    json_begin_object(&w);
    json_str_field(&w, "id", name);
    json_str_field(&w, "identifier", name);
    json_end_object(&w);
    novu_end(c, 200, &w);
}

static void
reply_subscriber_v1(struct looking *l)
{
    struct call *c = l->call;
    struct str user = l->keys[1];
    struct json_writer w;
    struct buf out;

    if (!is_found(l))
        return;
    w = novu_begin(c, &out);
    json_begin_object(&w);
    json_str_field(&w, "_organizationId", c->workspace->key);
    json_str_field(&w, "_environmentId", c->workspace->key);
    json_str_field(&w, "_subscriberId", user);
    json_str_field(&w, "_topicId", l->keys[0]);
    json_str_field(&w, "topicKey", l->keys[0]);
    json_str_field(&w, "externalSubscriberId", user);
    json_end_object(&w);
    novu_end(c, 200, &w);
}

static void
handle_get(struct call *c)
{
    struct str topic, prefix, user;

    if (!call_path_key(c, 0, &topic))
        return;
    prefix = novu_subscription_id(c->arena, topic, STR_NONE);
    user = str_sub(c->params[1], prefix.n, c->params[1].n);
    if (str_starts(c->params[1], prefix) && id_is_key(user))
        look(c, topic, user, reply_details);
    else
        call_fail_with(c, ERR_NOT_FOUND, "there is no such subscription");
}

static void
handle_get_v1(struct call *c)
{
    struct str topic, user;

    if (call_path_key(c, 0, &topic) && call_path_key(c, 1, &user))
        look(c, topic, user, reply_subscriber_v1);
}

/* ---- lists ---- */

struct listing {
    struct call *call;
    bool is_of_topic; /* else of a user */
    struct str key;   /* of that */
    size_t limit;
    struct str *others; /* users, or topics */
    size_t n_others;
    struct str next;
    struct member_set set;
    struct store_members members;
    struct store_memberships memberships;
    struct store_object_get get;
};

static void
reply_list(struct listing *x)
{
    struct call *c = x->call;
    const struct object *own = &x->get.objects[0];
    struct buf out;
    struct json_writer w = novu_begin_page(c, &out);

    for (size_t i = 0; i < x->n_others; i++) {
        const struct object *other = &x->get.objects[i + 1];

        if (x->is_of_topic)
            novu_put_subscription(c, &w, own, x->others[i], other);
        else if (other->version > 0)
            novu_put_subscription(c, &w, other, x->key, own);
    }
    novu_end_page(c, &w, x->n_others, x->next);
}

static void
on_documents(struct store_req *req, enum err e)
{
    struct store_object_get *g =
        CONTAINER_OF(req, struct store_object_get, req);
    struct listing *x = CONTAINER_OF(g, struct listing, get);

    if (e != ERR_OK)
        call_fail(x->call, e);
    else if (g->objects[0].version == 0 && x->is_of_topic)
        call_fail_with(x->call, ERR_NOT_FOUND, "there is no such topic");
    else
        reply_list(x);
}

/* Of the one whose list it is, then of the others. */
static void
read_documents(struct listing *x)
{
    struct call *c = x->call;
    size_t n = x->n_others + 1;
    struct str *keys = ARENA_ARRAY(c->arena, struct str, n);
    enum object_kind *kinds = ARENA_ARRAY(c->arena, enum object_kind, n);

    for (size_t i = 0; i < n; i++) {
        keys[i] = i == 0 ? x->key : x->others[i - 1];
        kinds[i] = (i == 0) == x->is_of_topic ? OBJECT_TOPIC : OBJECT_USER;
    }
    x->get = (struct store_object_get){.req = call_req(c, on_documents),
                                       .tenant = c->workspace->tenant,
                                       .kinds = kinds,
                                       .keys = keys,
                                       .n_keys = n};
    objects_get(c->app, &x->get);
}

static void
note_others(struct listing *x, struct str *others, size_t n, bool has_more)
{
    x->others = others;
    x->n_others = n;
    if (has_more && n > 0)
        x->next = call_cursor(x->call, others[n - 1]);
    read_documents(x);
}

static void
on_members(struct store_req *req, enum err e)
{
    struct store_members *m = CONTAINER_OF(req, struct store_members, req);
    struct listing *x = CONTAINER_OF(m, struct listing, members);

    if (e != ERR_OK)
        call_fail(x->call, e);
    else
        note_others(x, m->users, m->n_users, m->has_more);
}

static void
on_topics(struct store_req *req, enum err e)
{
    struct store_memberships *m =
        CONTAINER_OF(req, struct store_memberships, req);
    struct listing *x = CONTAINER_OF(m, struct listing, memberships);

    if (e != ERR_OK)
        call_fail(x->call, e);
    else
        note_others(x, m->keys, m->n_keys, m->has_more);
}

static void
list_members(struct listing *x, struct str after)
{
    struct call *c = x->call;

    x->set = (struct member_set){.kind = MEMBER_TOPIC, .key = x->key};
    x->members = (struct store_members){.req = call_req(c, on_members),
                                        .tenant = c->workspace->tenant,
                                        .sets = &x->set,
                                        .n_sets = 1,
                                        .after = after,
                                        .limit = x->limit};
    objects_members(c->app, &x->members);
}

static void
list_topics(struct listing *x, struct str after)
{
    struct call *c = x->call;

    x->memberships = (struct store_memberships){.req = call_req(c, on_topics),
                                                .tenant = c->workspace->tenant,
                                                .kind = MEMBER_TOPIC,
                                                .user = x->key,
                                                .after = after,
                                                .limit = x->limit};
    objects_memberships(c->app, &x->memberships);
}

static void
handle_list(struct call *c)
{
    struct listing *x = ARENA_NEW(c->arena, struct listing);
    struct str after, user;

    x->call = c;
    x->is_of_topic = true;
    if (!call_path_key(c, 0, &x->key) || !novu_page(c, &x->limit, &after))
        return;
    if (!novu_key_param(c, "subscriberId", &user))
        return;
    if (user.n > 0)
        look(c, x->key, user, reply_page_of_one);
    else
        list_members(x, after);
}

static void
handle_list_of_user(struct call *c)
{
    struct listing *x = ARENA_NEW(c->arena, struct listing);
    struct str after, topic;

    x->call = c;
    if (!call_path_key(c, 0, &x->key) || !novu_page(c, &x->limit, &after))
        return;
    if (!novu_key_param(c, "key", &topic))
        return;
    if (topic.n > 0)
        look(c, topic, x->key, reply_page_of_one);
    else
        list_topics(x, after);
}

/* ---- the table ---- */

static const struct field subscription_row[] = {
    {.type = FIELD_OBJECT, .of = novu_subscription_fields}};
static const struct field page_fields[] = {
    {.name = "data",
     .type = FIELD_ARRAY,
     .of = subscription_row,
     .flags = FIELD_REQUIRED},
    NOVU_PAGE_FIELDS,
    {.type = FIELD_END},
};
static const struct field details_fields[] = {
    {.name = "id", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "identifier", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const struct field details_answer[] = {
    {.name = "data",
     .type = FIELD_OBJECT,
     .of = details_fields,
     .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const struct field v1_subscriber_fields[] = {
    {.name = "_organizationId", .type = FIELD_KEY, .flags = FIELD_REQUIRED},
    {.name = "_environmentId", .type = FIELD_KEY, .flags = FIELD_REQUIRED},
    {.name = "_subscriberId", .type = FIELD_KEY, .flags = FIELD_REQUIRED},
    {.name = "_topicId", .type = FIELD_KEY, .flags = FIELD_REQUIRED},
    {.name = "topicKey", .type = FIELD_KEY, .flags = FIELD_REQUIRED},
    {.name = "externalSubscriberId",
     .type = FIELD_KEY,
     .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const struct field v1_subscriber_answer[] = {
    {.name = "data",
     .type = FIELD_OBJECT,
     .of = v1_subscriber_fields,
     .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const char *const list_params[] = {NOVU_PAGE_PARAMS, "subscriberId",
                                          NULL};
static const char *const of_user_params[] = {NOVU_PAGE_PARAMS, "key", NULL};

const struct route novu_subscribed_routes[] = {
    {.method = "GET",
     .path = "/novu/v2/topics/{topicKey}/subscriptions",
     .scope = AUTH_READ,
     .handle = handle_list,
     .answer = page_fields,
     .statuses = {200},
     .id = "novuListSubscriptions",
     .summary = "Novu: list who subscribes to a topic, by user id.",
     .query = list_params},
    {.method = "GET",
     .path = "/novu/v2/topics/{topicKey}/subscriptions/{identifier}",
     .scope = AUTH_READ,
     .handle = handle_get,
     .answer = details_answer,
     .statuses = {200},
     .id = "novuGetSubscription",
     .summary = "Novu: whether there is that subscription."},
    {.method = "GET",
     .path = "/novu/v2/subscribers/{subscriberId}/subscriptions",
     .scope = AUTH_READ,
     .handle = handle_list_of_user,
     .answer = page_fields,
     .statuses = {200},
     .id = "novuListSubscriptionsOfSubscriber",
     .summary = "Novu: list what a user subscribes to, by the topics' keys.",
     .query = of_user_params},
    {.method = "GET",
     .path = "/novu/v1/topics/{topicKey}/subscribers/{externalSubscriberId}",
     .scope = AUTH_READ,
     .handle = handle_get_v1,
     .answer = v1_subscriber_answer,
     .statuses = {200},
     .id = "novuGetTopicSubscriber",
     .summary = "Novu: whether a user subscribes to a topic."},
    {0},
};
