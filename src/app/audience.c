#include "app/audience.h"

#include "app/app.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "store/store.h"

/* ---- which sets ---- */

struct sets {
    struct arena *arena;
    struct map *seen;
    struct buf found;
};

static void
add(struct sets *s, enum member_kind kind, struct str key)
{
    const struct member_set set = {.kind = kind, .key = key};
    static char taken;

    if (map_put(s->seen, str_fmt(s->arena, "%d%.*s", kind, STR_ARG(key)),
                &taken) == NULL)
        buf_put(&s->found, &set, sizeof(set));
}

/* The topic, and all above it: what is before each of its dots. */
static void
add_topic(struct sets *s, struct str key)
{
    add(s, MEMBER_TOPIC, key);
    for (size_t i = 1; i < key.n; i++)
        if (key.p[i] == '.')
            add(s, MEMBER_TOPIC, str_sub(key, 0, i));
}

struct member_set *
audience_sets(struct arena *a, struct json to, size_t *ret_n)
{
    struct json roles = json_get(to, "roles"), topics = json_get(to, "topics");
    struct sets s = {.arena = a, .seen = map_new()};

    buf_init(&s.found, a);
    for (struct json x = json_first(roles); !json_is(x, JSON_ABSENT);
         x = json_next(roles, x))
        add(&s, MEMBER_ROLE, json_str(a, x));
    for (struct json x = json_first(topics); !json_is(x, JSON_ABSENT);
         x = json_next(topics, x))
        add_topic(&s, json_str(a, x));
    map_free(s.seen);
    *ret_n = s.found.n / sizeof(struct member_set);
    return (struct member_set *)(void *)s.found.p;
}

/* ---- who is in them ---- */

bool
audience_is_open(const struct send_request *q)
{
    return q->is_all || q->n_sets > 0;
}

static void
on_users(struct store_req *req, enum err e)
{
    struct store_object_list *l =
        CONTAINER_OF(req, struct store_object_list, req);
    struct audience_page *p = CONTAINER_OF(l, struct audience_page, list);

    if (e == ERR_OK) {
        p->users = ARENA_ARRAY(p->arena, struct str, l->n_objects);
        for (size_t i = 0; i < l->n_objects; i++)
            p->users[i] = l->objects[i].key;
        p->n_users = l->n_objects;
        p->objects = l->objects;
        p->has_more = l->has_more;
    }
    p->on_done(p, e);
}

static void
on_members(struct store_req *req, enum err e)
{
    struct store_members *m = CONTAINER_OF(req, struct store_members, req);
    struct audience_page *p = CONTAINER_OF(m, struct audience_page, members);

    if (e == ERR_OK) {
        p->users = m->users;
        p->n_users = m->n_users;
        p->has_more = m->has_more;
    }
    p->on_done(p, e);
}

static struct store_req
request(const struct audience_page *p,
        void (*on_done)(struct store_req *req, enum err e))
{
    return (struct store_req){
        .arena = p->arena, .loop = p->app->env->loop, .on_done = on_done};
}

void
audience_read(struct audience_page *p)
{
    const struct send_request *q = p->request;

    if (q->is_all) {
        p->list = (struct store_object_list){.req = request(p, on_users),
                                             .tenant = p->tenant,
                                             .kind = OBJECT_USER,
                                             .after = p->after,
                                             .limit = p->limit};
        store_object_list(p->app->env->store, &p->list);
        return;
    }
    p->members = (struct store_members){
        .req = request(p, on_members),
        .tenant = p->tenant,
        .sets = arena_copy(p->arena, q->sets, q->n_sets * sizeof(*q->sets)),
        .n_sets = q->n_sets,
        .after = p->after,
        .limit = p->limit};
    store_members(p->app->env->store, &p->members);
}
