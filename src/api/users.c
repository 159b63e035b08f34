/* users.c - the people that are notified: the caller's ids, their addresses. */
#include "api/users.h"

#include "api/api_private.h"
#include "api/collection.h"
#include "api/route.h"
#include "app/send_request.h"
#include "base/icu.h"
#include "base/list.h"
#include "base/map.h"
#include "domain/zone.h"

#define BULK_MAX 1000

void
user_check_size(struct json user, struct str at, struct problem *p)
{
    if (json_raw(user).n > USER_MAX)
        problem_add(p, ERR_INVALID, at, "must be at most %d bytes of JSON",
                    USER_MAX);
}

/* What is wrong beyond the table of fields. */
static void
check_user(struct arena *a, struct json user, struct str at, struct problem *p)
{
    struct str zone = json_str_of(a, user, "timezone");
    struct str pointer = str_fmt(a, "%.*s/timezone", STR_ARG(at));

    user_check_size(user, at, p);
    if (zone.n == 0 || zone.n > ICU_ZONE_NAME_MAX || zone_find(zone) ||
        icu_fault()) /* without rules nobody can tell */
        return;
    if (at.n == 0)
        zone_refuse(zone, pointer, p);
    else /* to look for what was meant takes long, for a thousand of them */
        problem_add(p, ERR_INVALID, pointer, "there is no such time zone");
}

static void
check(struct call *c, struct str key, struct json doc)
{
    (void)key;
    check_user(c->arena, doc, STR(""), &c->problem);
}

void
user_fill_roles(struct call *c, struct json user, struct store_object_write *w)
{
    struct json roles = json_get(user, "roles");
    struct str *keys = ARENA_ARRAY(c->arena, struct str, json_count(roles));

    for (struct json r = json_first(roles); !json_is(r, JSON_ABSENT);
         r = json_next(roles, r))
        keys[w->n_roles++] = json_str(c->arena, r);
    w->roles = keys;
}

static const struct collection users = {
    .kind = OBJECT_USER,
    .noun = "user",
    .key_name = "id",
    .check = check,
    .fill = user_fill_roles,
};

static void
handle_put(struct call *c)
{
    collection_put(c, &users);
}

static void
handle_patch(struct call *c)
{
    collection_patch(c, &users, user_fields);
}

static void
handle_get(struct call *c)
{
    collection_get(c, &users);
}

static void
handle_list(struct call *c)
{
    collection_list(c, &users);
}

static void
handle_delete(struct call *c)
{
    collection_delete(c, &users);
}

/* ---- bulk ---- */

struct bulk {
    struct call *call;
    struct store_object_put put;
    struct store_object_get get; /* of a dry run */
    struct problem *problems;    /* one a user, in order */
    size_t *writes;              /* index in put.writes; of the good ones */
    size_t n;
};

static void
write_result(struct call *c, struct json_writer *w, const struct bulk *b,
             size_t i)
{
    const struct store_object_write *write = &b->put.writes[b->writes[i]];
    struct buf problem;

    json_begin_object(w);
    if (problem_is_set(&b->problems[i])) {
        json_int_field(w, "status", err_http_status(b->problems[i].err));
        buf_init(&problem, c->arena);
        problem_write(&b->problems[i], api_problem_base(c->api, c->arena),
                      c->request_id, &problem);
        json_raw_field(w, "problem", buf_str(&problem));
    } else {
        json_str_field(w, "id", write->key);
        json_int_field(w, "status", write->is_created ? 201 : 200);
    }
    json_end_object(w);
}

/* Also runs inside the commit, for a repeated request. */
static void
answer_bulk(struct store_req *req, struct buf *body, int *status)
{
    const struct bulk *b = CONTAINER_OF(
        CONTAINER_OF(req, struct store_object_put, req), struct bulk, put);
    struct json_writer w = json_writer(body);

    json_begin_object(&w);
    json_put_key(&w, "results");
    json_begin_array(&w);
    for (size_t i = 0; i < b->n; i++)
        write_result(b->call, &w, b, i);
    json_end_array(&w);
    json_end_object(&w);
    *status = 200;
}

static void
reply_bulk(struct bulk *b)
{
    struct buf out;
    int status;

    buf_init(&out, b->call->arena);
    answer_bulk(&b->put.req, &out, &status);
    call_reply(b->call, status, &out);
}

static void
on_bulk(struct store_req *req, enum err e)
{
    struct store_object_put *p =
        CONTAINER_OF(req, struct store_object_put, req);
    struct bulk *b = CONTAINER_OF(p, struct bulk, put);

    if (e != ERR_OK)
        call_fail(b->call, e);
    else if (p->idem.is_replay)
        call_reply_replay(b->call, &p->idem);
    else
        reply_bulk(b);
}

/* A dry run says what would be: who is there, or comes twice, is replaced. */
static void
on_looked(struct store_req *req, enum err e)
{
    struct store_object_get *g =
        CONTAINER_OF(req, struct store_object_get, req);
    struct bulk *b = CONTAINER_OF(g, struct bulk, get);
    struct map *seen;

    if (e != ERR_OK) {
        call_fail(b->call, e);
        return;
    }
    seen = map_new();
    for (size_t i = 0; i < g->n_keys; i++)
        b->put.writes[i].is_created =
            !map_put(seen, g->keys[i], b) && g->objects[i].version == 0;
    map_free(seen);
    reply_bulk(b);
}

static void
look_only(struct bulk *b)
{
    struct call *c = b->call;
    size_t n = b->put.n_writes;
    struct str *keys = ARENA_ARRAY(c->arena, struct str, n);

    for (size_t i = 0; i < n; i++)
        keys[i] = b->put.writes[i].key;
    b->get = (struct store_object_get){
        .req = call_req(c, on_looked),
        .tenant = c->workspace->tenant,
        .kind = OBJECT_USER,
        .keys = keys,
        .n_keys = n,
    };
    objects_get(c->app, &b->get);
}

static void
add_user(struct bulk *b, struct json user, size_t i)
{
    struct call *c = b->call;
    struct problem *p = &b->problems[i];
    struct store_object_put *put = &b->put;

    problem_init(p, c->arena);
    field_check(user_fields, user, str_fmt(c->arena, "/users/%zu", i), p);
    check_user(c->arena, user, str_fmt(c->arena, "/users/%zu", i), p);
    if (json_is(json_get(user, "id"), JSON_ABSENT))
        problem_add(p, ERR_INVALID, str_fmt(c->arena, "/users/%zu/id", i),
                    "is required");
    if (problem_is_set(p))
        return;
    b->writes[i] = put->n_writes;
    put->writes[put->n_writes] = (struct store_object_write){
        .kind = OBJECT_USER,
        .key = json_str_of(c->arena, user, "id"),
        .body = json_raw(user),
        .if_version = OBJECT_ANY_VERSION,
        .num = call_new_num(c),
    };
    user_fill_roles(c, user, &put->writes[put->n_writes++]);
}

static void
handle_bulk(struct call *c)
{
    struct json list = json_get(c->body, "users");
    bool is_dry = json_bool(json_get(c->body, "dry_run"), false);
    size_t n = json_count(list), i = 0;
    struct bulk *b = ARENA_NEW(c->arena, struct bulk);

    *b = (struct bulk){
        .call = c,
        .problems = ARENA_ARRAY(c->arena, struct problem, n),
        .writes = ARENA_ARRAY(c->arena, size_t, n),
        .n = n,
        .put = {.req = call_req(c, on_bulk),
                .tenant = c->workspace->tenant,
                .now_ms = call_now_ms(c),
                .idem = {.answer = answer_bulk},
                .writes =
                    ARENA_ARRAY(c->arena, struct store_object_write, n + 1)},
    };
    if (!is_dry && !call_idem(c, &b->put.idem))
        return;
    for (struct json u = json_first(list); !json_is(u, JSON_ABSENT);
         u = json_next(list, u))
        add_user(b, u, i++);
    if (b->put.n_writes == 0)
        reply_bulk(b);
    else if (is_dry)
        look_only(b);
    else
        objects_put(c->app, &b->put);
}

static const struct field user_any[] = {{.type = FIELD_ANY}};
static const struct field bulk_fields[] = {
    {.name = "users",
     .type = FIELD_ARRAY,
     .of = user_any,
     .min = 1,
     .max = BULK_MAX,
     .flags = FIELD_REQUIRED,
     .doc = "Users with their ids; each created or replaced by itself."},
    {.name = "dry_run",
     .type = FIELD_BOOL,
     .doc = "Check them and answer what would be done; nothing is stored."},
    {.type = FIELD_END},
};
static const struct field bulk_answer[] = {
    {.name = "results", .type = FIELD_ARRAY, .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};

const struct route user_routes[] = {
    {.method = "GET",
     .path = "/v1/users",
     .scope = AUTH_READ,
     .handle = handle_list,
     .answer = user_fields,
     .is_list = true,
     .statuses = {200},
     .id = "listUsers",
     .summary = "List users by id.",
     .query = route_page_params},
    {.method = "POST",
     .path = "/v1/users/bulk",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_JSON,
     .is_batch = true,
     .handle = handle_bulk,
     .request = bulk_fields,
     .answer = bulk_answer,
     .statuses = {200},
     .id = "putUsers",
     .summary = "Create or replace up to 1,000 users."},
    {.method = "PUT",
     .path = "/v1/users/{id}",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_JSON,
     .handle = handle_put,
     .request = user_fields,
     .answer = user_fields,
     .statuses = {200, 201},
     .id = "putUser",
     .summary = "Create or replace a user."},
    {.method = "PATCH",
     .path = "/v1/users/{id}",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_PATCH,
     .handle = handle_patch,
     .request = user_fields,
     .answer = user_fields,
     .statuses = {200},
     .id = "patchUser",
     .summary = "Change some fields of a user (RFC 7396)."},
    {.method = "GET",
     .path = "/v1/users/{id}",
     .scope = AUTH_READ,
     .handle = handle_get,
     .answer = user_fields,
     .statuses = {200},
     .id = "getUser",
     .summary = "Look at a user."},
    {.method = "DELETE",
     .path = "/v1/users/{id}",
     .scope = AUTH_WRITE,
     .handle = handle_delete,
     .statuses = {204},
     .id = "deleteUser",
     .summary = "Forget a user, what it is a member of and prefers, and "
                "when it reads."},
    {0},
};
