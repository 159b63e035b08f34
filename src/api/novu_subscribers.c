#include "api/novu_subscribers.h"

#include "api/novu_change.h"
#include "api/route.h"
#include "api/users.h"
#include "app/send_request.h"
#include "base/list.h"
#include "base/map.h"

#define BULK_MAX 500
/* ---- what is given, merged into a user ---- */

/* The same name on both sides. */
static const struct member {
    const char *name;
    bool is_attribute;
} members[] = {
    {"email", false},    {"phone", false},    {"locale", false},
    {"timezone", false}, {"firstName", true}, {"lastName", true},
    {"avatar", true},    {"data", true},
};
#define N_MEMBERS (sizeof(members) / sizeof(members[0]))

static bool
is_member(struct str name, bool is_attribute)
{
    for (size_t i = 0; i < N_MEMBERS; i++)
        if (members[i].is_attribute == is_attribute &&
            str_is(name, members[i].name))
            return true;
    return false;
}

static bool
gives_attributes(struct json given)
{
    for (size_t i = 0; i < N_MEMBERS; i++)
        if (members[i].is_attribute &&
            !json_is(json_get(given, members[i].name), JSON_ABSENT))
            return true;
    return false;
}

static void
put_given(struct json_writer *w, struct str name, struct json v)
{
    if (json_is(v, JSON_NULL) || json_is(v, JSON_ABSENT))
        return;
    json_put_key_str(w, name);
    json_put_raw(w, json_raw(v));
}

static void put_user(struct arena *a, struct json_writer *w, struct json before,
                     struct json given, bool is_attribute);

static void
put_attributes(struct arena *a, struct json_writer *w, struct json before,
               struct json given)
{
    json_put_key(w, "attributes");
    json_begin_object(w);
    put_user(a, w, before, given, true);
    json_end_object(w);
}

/* Members keep their places, so that the same again is the same text; null
 * takes one out. */
static void
put_user(struct arena *a, struct json_writer *w, struct json before,
         struct json given, bool is_attribute)
{
    for (struct json v = json_first(before); !json_is(v, JSON_ABSENT);
         v = json_next(before, v)) {
        struct str name = json_key(a, v);
        struct json g = is_member(name, is_attribute)
                            ? json_get_str(given, name)
                            : (struct json){0};

        if (!is_attribute && str_is(name, "attributes")) {
            put_attributes(a, w, v, given);
        } else if (json_is(g, JSON_ABSENT)) {
            json_put_key_str(w, name);
            json_put_raw(w, json_raw(v));
        } else {
            put_given(w, name, g);
        }
    }
    for (size_t i = 0; i < N_MEMBERS; i++)
        if (members[i].is_attribute == is_attribute &&
            json_is(json_get(before, members[i].name), JSON_ABSENT))
            put_given(w, str_from(members[i].name),
                      json_get(given, members[i].name));
    if (!is_attribute && gives_attributes(given) &&
        json_is(json_get(before, "attributes"), JSON_ABSENT))
        put_attributes(a, w, (struct json){0}, given);
}

static struct str
merge(struct arena *a, struct json before, struct json given)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, a);
    w = json_writer(&out);
    json_begin_object(&w);
    put_user(a, &w, before, given, false);
    json_end_object(&w);
    return buf_str(&out);
}

void
novu_check_subscriber(struct arena *a, struct json given, struct str at,
                      struct problem *p)
{
    struct str attributes = str_fmt(a, "%.*s/attributes", STR_ARG(at));
    const struct novu_name names[] = {
        {str_cstr(a, attributes), str_cstr(a, at)}};
    struct json_doc doc;
    struct json_error why;

    /* What is written here is well formed. */
    if (json_parse(a, merge(a, (struct json){0}, given), &doc, &why) != ERR_OK)
        return;
    field_check(user_fields, json_root(&doc), at, p);
    user_check_size(json_root(&doc), at, p);
    novu_rename(p, names, 1);
}

bool
novu_says_more(struct arena *a, struct json given)
{
    for (struct json v = json_first(given); !json_is(v, JSON_ABSENT);
         v = json_next(given, v))
        if (is_member(json_key(a, v), false) || is_member(json_key(a, v), true))
            return true;
    return false;
}

/* ---- what a user is told as ---- */

static void
put_as(struct json_writer *w, const char *name, struct json v,
       enum json_type type)
{
    json_put_key(w, name);
    if (json_is(v, type))
        json_put_raw(w, json_raw(v));
    else
        json_put_null(w);
}

/* Attributes are anything that our own routes took: what is of another type
 * than theirs is told as null. */
static void
put_member(struct json_writer *w, const struct member *m, struct json doc)
{
    struct json of = m->is_attribute ? json_get(doc, "attributes") : doc;

    put_as(w, m->name, json_get(of, m->name),
           strcmp(m->name, "data") == 0 ? JSON_OBJECT : JSON_STRING);
}

void
novu_put_person(struct json_writer *w, struct str user, struct json doc)
{
    json_str_field(w, "_id", user);
    json_str_field(w, "subscriberId", user);
    for (size_t i = 0; i < N_MEMBERS; i++)
        if (field_find(novu_person_fields, str_from(members[i].name)))
            put_member(w, &members[i], doc);
}

static void
put_subscriber(struct call *c, struct json_writer *w, const struct object *o)
{
    struct json doc = call_parse(c, o->body);

    json_str_field(w, "_id", o->key);
    json_str_field(w, "subscriberId", o->key);
    for (size_t i = 0; i < N_MEMBERS; i++)
        put_member(w, &members[i], doc);
    json_raw_field(w, "channels", STR("[]"));
    json_str_field(w, "_organizationId", c->workspace->key);
    json_str_field(w, "_environmentId", c->workspace->key);
    json_bool_field(w, "deleted", false);
    json_time_field(w, "createdAt", o->created_ms);
    json_time_field(w, "updatedAt", o->updated_ms);
    json_int_field(w, "__v", o->version);
}

const struct novu_merge_kind novu_subscribers = {
    .kind = OBJECT_USER,
    .noun = "subscriber",
    .changed_status = 201,
    .merge = merge,
    .check = user_check_size,
    .fill = user_fill_roles,
    .put = put_subscriber,
};

/* ---- create, change ---- */

/* Whether what it gives could be stored; false: refused already. */
static bool
is_good(struct call *c)
{
    novu_check_subscriber(c->arena, c->body, STR(""), &c->problem);
    if (!problem_is_set(&c->problem))
        return true;
    call_refuse(c);
    return false;
}

static void
handle_create(struct call *c)
{
    if (is_good(c))
        novu_create(c, &novu_subscribers,
                    json_str_of(c->arena, c->body, "subscriberId"));
}

static void
handle_patch(struct call *c)
{
    if (is_good(c))
        novu_patch(c, &novu_subscribers);
}

/* ---- many at once ---- */

struct bulk {
    struct call *call;
    struct novu_merge merge;
    struct map *rows; /* key -> row */
    struct failed {
        struct str key; /* empty: it has none that is one */
        struct str why;
    } * failed;
    size_t n_failed;
};

static void
add_failed(struct bulk *b, struct str key, struct str why)
{
    b->failed[b->n_failed++] = (struct failed){key, why};
}

static void
put_keys(struct json_writer *w, const char *name, const struct novu_merge *m,
         bool is_created)
{
    json_put_key(w, name);
    json_begin_array(w);
    for (size_t i = 0; i < m->n_rows; i++) {
        const struct novu_merge_row *row = &m->rows[i];

        if (row->err != ERR_OK || row->is_created != is_created)
            continue;
        json_begin_object(w);
        json_str_field(w, "subscriberId", row->key);
        json_end_object(w);
    }
    json_end_array(w);
}

static void
put_failed(struct json_writer *w, const struct bulk *b)
{
    json_put_key(w, "failed");
    json_begin_array(w);
    for (size_t i = 0; i < b->n_failed; i++) {
        json_begin_object(w);
        if (b->failed[i].key.n > 0)
            json_str_field(w, "subscriberId", b->failed[i].key);
        json_str_field(w, "message", b->failed[i].why);
        json_end_object(w);
    }
    json_end_array(w);
}

static void
on_bulk(struct novu_merge *m, enum err e)
{
    struct bulk *b = CONTAINER_OF(m, struct bulk, merge);
    struct call *c = b->call;
    struct json_writer w;
    struct buf out;

    if (e != ERR_OK) {
        call_fail(c, e);
        return;
    }
    for (size_t i = 0; i < m->n_rows; i++)
        if (m->rows[i].err != ERR_OK)
            add_failed(b, m->rows[i].key,
                       m->rows[i].problem ? problem_summary(m->rows[i].problem)
                                          : str_from(err_help(m->rows[i].err)));
    w = novu_begin(c, &out);
    json_begin_object(&w);
    put_keys(&w, "created", m, true);
    put_keys(&w, "updated", m, false);
    put_failed(&w, b);
    json_end_object(&w);
    novu_end(c, 201, &w);
}

static const struct field create_fields[] = {
    {.name = "subscriberId",
     .type = FIELD_KEY,
     .flags = FIELD_REQUIRED,
     .doc = "The user's id."},
    NOVU_SUBSCRIBER_FIELDS,
    {.type = FIELD_END},
};

static void
add_subscriber(struct bulk *b, struct json given)
{
    struct arena *a = b->call->arena;
    struct str key = json_str_of(a, given, "subscriberId");
    struct novu_merge *m = &b->merge;
    struct novu_merge_row *row;
    struct problem p;

    problem_init(&p, a);
    field_check(create_fields, given, STR(""), &p);
    if (!problem_is_set(&p))
        novu_check_subscriber(a, given, STR(""), &p);
    if (problem_is_set(&p)) {
        add_failed(b, key, problem_summary(&p));
        return;
    }
    row = map_get(b->rows, key);
    if (!row) {
        row = &m->rows[m->n_rows++];
        row->key = key;
        map_put(b->rows, key, row);
    }
    novu_give(a, row, given);
}

static void
handle_bulk(struct call *c)
{
    struct bulk *b = ARENA_NEW(c->arena, struct bulk);
    struct json list = json_get(c->body, "subscribers");
    size_t n = json_count(list);

    b->call = c;
    b->merge = (struct novu_merge){
        .call = c,
        .kind = &novu_subscribers,
        .then = on_bulk,
        .rows = ARENA_ARRAY(c->arena, struct novu_merge_row, n),
    };
    b->failed = ARENA_ARRAY(c->arena, struct failed, 2 * n);
    b->rows = map_new();
    for (struct json v = json_first(list); !json_is(v, JSON_ABSENT);
         v = json_next(list, v))
        add_subscriber(b, v);
    map_free(b->rows);
    if (b->merge.n_rows > 0)
        novu_merge(&b->merge);
    else
        on_bulk(&b->merge, ERR_OK);
}

/* ---- look, delete ---- */

static void
reply_object(struct call *c, const struct object *o)
{
    struct json_writer w;
    struct buf out;

    if (o) {
        novu_reply(c, &novu_subscribers, 200, o);
        return;
    }
    w = novu_begin(c, &out);
    json_begin_object(&w);
    json_bool_field(&w, "acknowledged", true);
    json_str_field(&w, "status", STR("deleted"));
    json_end_object(&w);
    novu_end(c, 200, &w);
}

static const struct collection users = {
    .kind = OBJECT_USER,
    .noun = "subscriber",
    .key_name = "subscriberId",
    .reply = reply_object,
};

static void
handle_get(struct call *c)
{
    collection_get(c, &users);
}

static void
handle_delete(struct call *c)
{
    collection_delete(c, &users);
}

/* ---- search ---- */

struct search {
    struct novu_search search;
    struct str email, phone, name; /* empty: any */
    struct str key;
    struct store_object_get get;
};

static bool
is_wanted(const struct novu_search *search, const struct object *o)
{
    const struct search *s = search->arg;
    struct arena *a = search->call->arena;
    struct json doc = call_parse(search->call, o->body);
    struct json attributes = json_get(doc, "attributes");
    struct str first = json_str_of(a, attributes, "firstName");
    struct str last = json_str_of(a, attributes, "lastName");
    struct str name = str_fmt(a, "%.*s %.*s", STR_ARG(first), STR_ARG(last));

    if (s->email.n > 0 && !str_ieq(json_str_of(a, doc, "email"), s->email))
        return false;
    if (s->phone.n > 0 && !str_eq(json_str_of(a, doc, "phone"), s->phone))
        return false;
    return novu_holds(name, s->name);
}

static void
on_got(struct store_req *req, enum err e)
{
    struct store_object_get *g =
        CONTAINER_OF(req, struct store_object_get, req);
    struct search *s = CONTAINER_OF(g, struct search, get);
    struct call *c = s->search.call;
    const struct object *o = &g->objects[0];
    struct json_writer w;
    struct buf out;
    bool is_found;

    if (e != ERR_OK) {
        call_fail(c, e);
        return;
    }
    is_found = o->version > 0 && is_wanted(&s->search, o);
    w = novu_begin_page(c, &out);
    if (is_found) {
        json_begin_object(&w);
        put_subscriber(c, &w, o);
        json_end_object(&w);
    }
    novu_end_page(c, &w, is_found, STR_NONE);
}

/* Users are found by their ids at once, by all else by looking at them. */
static void
handle_search(struct call *c)
{
    struct search *s = ARENA_NEW(c->arena, struct search);
    bool has_filter;

    has_filter = call_param(c, "email", &s->email);
    has_filter |= call_param(c, "phone", &s->phone);
    has_filter |= call_param(c, "name", &s->name);
    s->search =
        (struct novu_search){.call = c,
                             .kind = &novu_subscribers,
                             .arg = s,
                             .is_wanted = has_filter ? is_wanted : NULL};
    if (!novu_key_param(c, "subscriberId", &s->key))
        return;
    if (s->key.n == 0) {
        novu_search(&s->search);
        return;
    }
    s->get = (struct store_object_get){.req = call_req(c, on_got),
                                       .tenant = c->workspace->tenant,
                                       .kind = OBJECT_USER,
                                       .keys = &s->key,
                                       .n_keys = 1};
    objects_get(c->app, &s->get);
}

/* ---- the table ---- */

#define TEXT(n)                                                                \
    {                                                                          \
        .name = n, .type = FIELD_STRING, .flags = FIELD_NULLABLE               \
    }
const struct field novu_person_fields[] = {
    {.name = "_id", .type = FIELD_KEY, .flags = FIELD_REQUIRED},
    {.name = "subscriberId", .type = FIELD_KEY, .flags = FIELD_REQUIRED},
    TEXT("firstName"),
    TEXT("lastName"),
    TEXT("avatar"),
    TEXT("email"),
    {.type = FIELD_END},
};
static const struct field any_row[] = {{.type = FIELD_ANY}};
static const struct field subscriber_fields[] = {
    {.name = "_id",
     .type = FIELD_KEY,
     .flags = FIELD_REQUIRED,
     .doc = "The same as subscriberId."},
    {.name = "subscriberId", .type = FIELD_KEY, .flags = FIELD_REQUIRED},
    TEXT("firstName"),
    TEXT("lastName"),
    TEXT("email"),
    TEXT("phone"),
    TEXT("avatar"),
    TEXT("locale"),
    TEXT("timezone"),
    {.name = "data", .type = FIELD_OBJECT, .flags = FIELD_NULLABLE},
    {.name = "channels", .type = FIELD_ARRAY, .of = any_row},
    {.name = "_organizationId",
     .type = FIELD_KEY,
     .flags = FIELD_REQUIRED,
     .doc = "The workspace."},
    {.name = "_environmentId",
     .type = FIELD_KEY,
     .flags = FIELD_REQUIRED,
     .doc = "The workspace."},
    {.name = "deleted", .type = FIELD_BOOL, .flags = FIELD_REQUIRED},
    {.name = "createdAt", .type = FIELD_TIME, .flags = FIELD_REQUIRED},
    {.name = "updatedAt", .type = FIELD_TIME, .flags = FIELD_REQUIRED},
    {.name = "__v", .type = FIELD_INT},
    {.type = FIELD_END},
};
#undef TEXT
static const struct field subscriber_row[] = {
    {.type = FIELD_OBJECT, .of = subscriber_fields}};
static const struct field answer_fields[] = {
    {.name = "data",
     .type = FIELD_OBJECT,
     .of = subscriber_fields,
     .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const struct field page_fields[] = {
    {.name = "data",
     .type = FIELD_ARRAY,
     .of = subscriber_row,
     .flags = FIELD_REQUIRED},
    NOVU_PAGE_FIELDS,
    {.type = FIELD_END},
};
static const struct field patch_fields[] = {
    NOVU_SUBSCRIBER_FIELDS,
    {.type = FIELD_END},
};
static const struct field bulk_fields[] = {
    {.name = "subscribers",
     .type = FIELD_ARRAY,
     .of = any_row,
     .min = 1,
     .max = BULK_MAX,
     .flags = FIELD_REQUIRED,
     .doc = "Each is made or changed by itself, as by POST "
            "/novu/v2/subscribers."},
    {.type = FIELD_END},
};
static const struct field done_fields[] = {
    {.name = "subscriberId", .type = FIELD_KEY, .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const struct field done_row[] = {
    {.type = FIELD_OBJECT, .of = done_fields}};
static const struct field failed_fields[] = {
    {.name = "subscriberId", .type = FIELD_STRING},
    {.name = "message", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const struct field failed_row[] = {
    {.type = FIELD_OBJECT, .of = failed_fields}};
static const struct field bulk_parts[] = {
    {.name = "created",
     .type = FIELD_ARRAY,
     .of = done_row,
     .flags = FIELD_REQUIRED},
    {.name = "updated",
     .type = FIELD_ARRAY,
     .of = done_row,
     .flags = FIELD_REQUIRED},
    {.name = "failed",
     .type = FIELD_ARRAY,
     .of = failed_row,
     .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const struct field bulk_answer[] = {
    {.name = "data",
     .type = FIELD_OBJECT,
     .of = bulk_parts,
     .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const struct field deleted_parts[] = {
    {.name = "acknowledged", .type = FIELD_BOOL, .flags = FIELD_REQUIRED},
    {.name = "status", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
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
static const char *const search_params[] = {
    NOVU_PAGE_PARAMS, "email", "name", "phone", "subscriberId", NULL};

const struct route novu_subscriber_routes[] = {
    {.method = "POST",
     .path = "/novu/v2/subscribers",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_JSON,
     .handle = handle_create,
     .request = create_fields,
     .answer = answer_fields,
     .statuses = {201},
     .id = "novuCreateSubscriber",
     .summary = "Novu: make a user, or change what is given of one.",
     .query = create_params},
    {.method = "GET",
     .path = "/novu/v2/subscribers",
     .scope = AUTH_READ,
     .handle = handle_search,
     .answer = page_fields,
     .statuses = {200},
     .id = "novuSearchSubscribers",
     .summary = "Novu: list users by id, all or those that match.",
     .query = search_params},
    {.method = "POST",
     .path = "/novu/v1/subscribers/bulk",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_JSON,
     .is_batch = true,
     .handle = handle_bulk,
     .request = bulk_fields,
     .answer = bulk_answer,
     .statuses = {201},
     .id = "novuCreateSubscribers",
     .summary = "Novu: make or change up to 500 users."},
    {.method = "GET",
     .path = "/novu/v2/subscribers/{subscriberId}",
     .scope = AUTH_READ,
     .handle = handle_get,
     .answer = answer_fields,
     .statuses = {200},
     .id = "novuGetSubscriber",
     .summary = "Novu: look at a user."},
    {.method = "PATCH",
     .path = "/novu/v2/subscribers/{subscriberId}",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_JSON,
     .handle = handle_patch,
     .request = patch_fields,
     .answer = answer_fields,
     .statuses = {200},
     .id = "novuPatchSubscriber",
     .summary = "Novu: change what is given of a user."},
    {.method = "DELETE",
     .path = "/novu/v2/subscribers/{subscriberId}",
     .scope = AUTH_WRITE,
     .handle = handle_delete,
     .answer = deleted_answer,
     .statuses = {200},
     .id = "novuDeleteSubscriber",
     .summary = "Novu: forget a user."},
    {0},
};
